"""Other centres and scales of one group: the median, the mean absolute deviation, the others' spread, a filter, none.

They keep the contract of :mod:`qae_sim.advantages.group`: rewards ``(..., G)`` in, advantages of the same shape, array
library, floating type and device out. Two of them speak of groups of equal rewards, too: the sign advantage, whose
centre is fixed, and KRPO, whose filter starts at 0.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from qae_sim.advantages._statistics import (
    checked_binary,
    checked_rewards,
    deviations,
    group_quantile,
    narrowed,
    restored,
)
from qae_sim.arrays import (
    Array,
    Namespace,
    invalid,
    like,
    require_choice,
    require_finite,
    require_number,
    self_contained,
    take,
    working_precision,
)


@self_contained
def sign_advantage(rewards: Array) -> Array:
    """Sign advantage: +1 for a correct response, -1 for a wrong one, whatever the others are.

    Aᵢ = 2rᵢ - 1

    Nothing of the group enters, so a group of equal rewards is not silent: all its responses are pushed up, or all
    down. The expected group gradient is 2∇p for every G, twice that of RLOO (claim ``sign.gradient``).

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 1.

    Returns:
        Advantages, ``(..., G)``, each 1 or -1.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: No responses, a reward other than 0 and 1.

    Source:
        Nie et al., Gradient starvation in binary-reward GRPO (arXiv:2605.07689); the formula in its abstract.

    Example:
        >>> sign_advantage([[1, 0, 0], [0, 0, 0]])
        array([[ 1., -1., -1.],
               [-1., -1., -1.]])
    """
    r, _ = checked_binary(rewards, smallest_group=1)
    return 2 * r - 1


@self_contained
def dgpo(rewards: Array, *, eps: float = 1e-6) -> Array:
    """DGPO's group advantage: the deviation from the mean over the mean absolute deviation.

    Aᵢ = (rᵢ - mean(r)) / (mean|r - mean(r)| + ε)

    Up to ε the absolute advantages of a group add up to G for every success rate, where GRPO's add up to 2G√(p(1-p)):
    prompts of middling difficulty no longer weigh most (claim ``dgpo.equal-weight``). The paper's weights of prompts,
    B·softmax(-mean/T) over the B mixed groups of the batch (T = 2), are a factor for each group and not here.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        eps: ε >= 0, in units of the rewards; the authors' code takes 1e-4/G.

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` is negative.

    Source:
        Dai et al., Harder is better (arXiv:2601.20614); equation not seen, formula from the authors' code.

    Example:
        >>> dgpo([[1, 0, 0, 0], [1, 1, 0, 0]], eps=0).round(3)
        array([[ 2.   , -0.667, -0.667, -0.667],
               [ 1.   ,  1.   , -1.   , -1.   ]])
    """
    r, xp = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    group = deviations(working_precision(r))
    spread = xp.mean(xp.abs(group.deviation), axis=-1, keepdims=True) + eps / group.scale
    return narrowed("dgpo", group.deviation / xp.where(spread == 0, 1.0, spread), r)


@self_contained
def mc_grpo(
    rewards: Array,
    *,
    scale: Literal["mad", "std", "none"] = "mad",
    count: Literal["all", "differing"] = "all",
    eps: float = 1e-3,
) -> Array:
    """MC-GRPO: the reward minus the group's median, over the median absolute deviation.

    Aᵢ = (rᵢ - med(r)) / (med|r - med(r)| + ε)

    The method samples an odd number of responses, so that one of them is the median; that one, the pivot, has
    advantage 0 and is dropped from the loss (:func:`mc_grpo_kept`). Without scale this is QAE at K = 1/2 without its
    standard deviation. In a group of 0/1 rewards at least half of the deviations are 0,
    and so is their median: ε alone divides (claim ``mc-grpo.vanishing-scale``).

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers. For an even G the lower of the two middle numbers is
            the median.
        scale: ``"mad"``, the median absolute deviation; ``"std"``, the population standard deviation; or ``"none"``.
        count: ``"differing"`` divides by the share of responses that differ from the median (the authors' code).
        eps: ε >= 0, in units of the rewards.

    Returns:
        Advantages, ``(..., G)``; exactly 0 where a reward is the median.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, an unknown ``scale`` or ``count``, ``eps`` negative, or 0 where
            a median absolute deviation is 0, or an advantage exceeds the floating range.

    Source:
        Kim, MC-GRPO (arXiv:2601.22582); equation not seen, formula from the authors' code and its README.

    Example:
        >>> mc_grpo([1.0, 0.5, 0.25], eps=0)
        array([ 2.,  0., -1.])
        >>> mc_grpo([1, 0, 0])
        array([1000.,    0.,    0.])
    """
    require_choice("scale", scale, ("mad", "std", "none"))
    require_choice("count", count, ("all", "differing"))
    eps = require_number("eps", eps, low=0.0)
    r, xp = checked_rewards(rewards)
    x = working_precision(r)
    group = deviations(x, baseline=group_quantile(x, 0.5, "inverted_cdf"))
    away = group.deviation
    spread = group.std if scale == "std" else group_quantile(xp.abs(away), 0.5, "inverted_cdf")
    if scale == "none":
        advantages = group.in_reward_units()
    else:
        advantages = away / _divisor(xp, spread, eps / group.scale, away != 0, "a group's median absolute deviation")
    if count == "differing":
        differ = xp.sum(xp.astype(away != 0, x.dtype), axis=-1, keepdims=True)
        advantages = advantages * (x.shape[-1] / xp.where(differ == 0, 1.0, differ))
    return restored("mc_grpo", advantages, r)


def _divisor(xp: Namespace, spread: Array, eps: Array | float, counts: Array, what: str) -> Array:
    """A spread plus ε; where both are 0 it is 1 if nothing is divided by it, and otherwise an error."""
    divisor = spread + eps
    if bool(xp.any((divisor == 0) & counts)):
        raise invalid("eps", 0.0, f"positive where {what} is 0")
    return xp.where(divisor == 0, 1.0, divisor)


@self_contained
def mc_grpo_kept(rewards: Array) -> Array:
    """Which responses MC-GRPO keeps in the loss: all but one, the pivot, whose reward is the median.

    kept = all but the first i with rᵢ = med(r)

    Its advantage is 0 anyway. What dropping it changes is the number of responses and tokens that a mean divides by.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.

    Returns:
        Booleans, ``(..., G)``, G - 1 of each group True.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite.

    Source:
        Kim, MC-GRPO (arXiv:2601.22582), from the authors' code; which of several medians it drops is their library's
        choice, and here it is the first.

    Example:
        >>> mc_grpo_kept([1.0, 0.0, 0.0])
        array([ True, False,  True])
    """
    r, xp = checked_rewards(rewards)
    require_finite("rewards", r)
    x = working_precision(r)
    is_median = xp.astype(x == group_quantile(x, 0.5, "inverted_cdf"), xp.int64)
    first = (xp.cumulative_sum(is_median, axis=-1) == 1) & (is_median == 1)
    return ~first


@self_contained
def rloo_std(
    rewards: Array, *, equal_others: Literal["divide", "keep"] = "divide", eps: float = 1e-6, ddof: int = 1
) -> Array:
    """Leave-one-out mean and leave-one-out standard deviation: each response against the others' mean and spread.

    Aᵢ = (rᵢ - mean(r₋ᵢ)) / (std(r₋ᵢ) + ε)

    A lone success looks at others that are all equal: their spread is 0 and ε alone divides, so that [1, 0, 0, 0] gives
    1/ε = 10⁶ (claim ``estimators.leave-one-out-std``). GRPO's own reward is part of its spread, and no z-score exceeds
    √(G-1). With ``equal_others="keep"`` the difference stays undivided where the others are equal, as in NeMo-RL since.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        equal_others: What others that are all equal do: ``"divide"`` by ε, or ``"keep"`` the difference as it is.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 divides the others' sum of squares by G - 1, 1 by G - 2.

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` negative, or 0 where all others of a response are equal
            and it differs, an unknown ``equal_others``, ``ddof`` neither 0 nor 1, or an advantage exceeds the floating
            range.

    Source:
        NeMo-RL's settings for GRPO, and its issue 1518 for the explosion; the mean is RLOO's, Ahmadian et al., Back to
        basics (arXiv:2402.14740).

    Example:
        >>> rloo_std([1, 1, 0, 0], eps=0).round(3)
        array([ 1.155,  1.155, -1.155, -1.155])
        >>> rloo_std([1, 0, 0, 0]).round(3)
        array([ 1.00e+06, -5.77e-01, -5.77e-01, -5.77e-01])
    """
    require_choice("equal_others", equal_others, ("divide", "keep"))
    r, xp = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    x = working_precision(r)
    size = x.shape[-1]
    group = deviations(x)
    places = np.asarray([[j for j in range(size) if j != i] for i in range(size)])
    index = like("places", x, places.reshape(-1), xp.int64)
    others = deviations(xp.reshape(take(x, index, axis=-1), (*x.shape, size - 1)), ddof=ddof)
    # The others' deviation in the group's unit, in which the numerator is.
    ratio = others.scale / (group.scale if isinstance(group.scale, float) else group.scale[..., None])
    spread = (others.std * ratio)[..., 0]
    numerator = group.deviation * (size / (size - 1))
    if equal_others == "keep":
        divisor = xp.where(spread == 0, 1.0 / group.scale, spread + eps / group.scale)
    else:
        divisor = _divisor(
            xp, spread, eps / group.scale, numerator != 0, "the standard deviation of a response's others"
        )
    return restored("rloo_std", numerator / divisor, r)


@self_contained
def krpo(
    rewards: Array,
    *,
    process_variance: float = 1e-5,
    observation_variance: float = 1e-2,
    start_mean: float = 0.0,
    start_variance: float = 1.0,
    eps: float = 1e-8,
) -> Array:
    """KRPO: each reward against a Kalman filter that has read the group up to it, one response after the other.

    Pᵢ⁻ = Pᵢ₋₁ + Q,  kᵢ = Pᵢ⁻/(Pᵢ⁻ + R),  xᵢ = xᵢ₋₁ + kᵢ(rᵢ - xᵢ₋₁),  Pᵢ = (1 - kᵢ)Pᵢ⁻
    Aᵢ = (rᵢ - xᵢ) / (√Pᵢ + ε)

    The filter starts afresh in every group, so that an advantage depends on where in its group a response stands
    (claim ``krpo.order``), a response sees none of those after it, and equal rewards have advantages other than 0.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 1, any finite numbers, in the order in which the filter reads them.
        process_variance: Q >= 0.
        observation_variance: R > 0.
        start_mean: x₀.
        start_variance: P₀ >= 0, with P₀ + Q > 0.
        eps: ε >= 0, in units of the rewards.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: No responses, a reward is NaN or infinite, a variance out of range, ``eps`` negative, or an
            advantage exceeds the floating range.

    Source:
        Wang et al., Kalman filter enhanced GRPO (arXiv:2505.07527); equation not seen, formula and constants from the
        authors' code.

    Example:
        >>> krpo([[1, 0], [0, 1]]).round(2)
        array([[ 0.1 , -7.05],
               [ 0.  ,  7.12]])
    """
    q = require_number("process_variance", process_variance, low=0.0)
    noise = require_number("observation_variance", observation_variance, low=0.0)
    if noise == 0:
        raise invalid("observation_variance", observation_variance, "positive")
    variance = require_number("start_variance", start_variance, low=0.0)
    if variance + q == 0:
        raise invalid("start_variance", start_variance, "positive where process_variance is 0")
    start, eps = require_number("start_mean", start_mean), require_number("eps", eps, low=0.0)
    r, xp = checked_rewards(rewards, smallest_group=1)
    require_finite("rewards", r)
    x = working_precision(r)
    # Half of each difference: that of two numbers of the type's own size would not fit it.
    gap = x[..., 0] / 2 - start / 2
    found = []
    for i in range(x.shape[-1]):
        if i:
            gap = gap + (x[..., i] / 2 - x[..., i - 1] / 2)
        before = variance + q
        kept = noise / (before + noise)  # 1 - k
        variance = kept * before
        gap = kept * gap
        found.append(gap * (2 / (math.sqrt(variance) + eps)))
    return restored("krpo", xp.stack(found, axis=-1), r)
