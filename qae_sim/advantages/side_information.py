"""Estimators that use more than rewards: lengths, entropies, a reference model, values of prompts.

They keep the contract of :mod:`qae_sim.advantages.group` (rewards ``(..., G)`` in, advantages of the same shape, array
library, floating type and device out) and take what else they need as a second array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qae_sim.advantages._statistics import (
    GroupStatistics,
    checked_companion,
    checked_lengths,
    checked_rewards,
    deviations,
    narrowed,
    restored,
)
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    as_floating,
    as_sequence,
    invalid,
    like,
    namespace,
    number_of,
    require_choice,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    working_precision,
)

#: ε of the GRPO that RLEV scales: its default.
GRPO_EPS = 1e-6
#: Rounding errors that a sum of z-scores may have, in units of its terms' own; each has some of its own already.
_ROUNDING_OF_SUMS = 16


@self_contained
def opo(rewards: Array, lengths: Array) -> Array:
    """OPO: the reward minus the group's mean, weighted by length.

    Aᵢ = rᵢ - Σⱼ lⱼ rⱼ / Σⱼ lⱼ

    The baseline of least variance is E[‖s‖² r] / E[‖s‖²], s the score ∇ log π(y). OPO takes ‖s‖² to grow with the
    length of the response. With equal lengths it is Dr. GRPO.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        lengths: Response lengths in tokens, >= 1, same shape.

    Returns:
        Advantages, ``(..., G)``, in units of the rewards; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` or ``lengths`` hold no real numbers.
        ValueError: G < 2, a reward or a length is NaN or infinite, a length is below 1, shapes differ, or an advantage
            exceeds the floating range.

    Source:
        Hao et al., On-policy RL with optimal reward baseline (arXiv:2505.23585); equation not seen, formula from verl.

    Example:
        >>> opo([1, 0, 0, 1], [1, 1, 1, 5])
        array([ 0.25, -0.75, -0.75,  0.25])
    """
    r, _ = checked_rewards(rewards)
    values = working_precision(r)
    group = deviations(values, weights=checked_lengths(lengths, values))
    return restored("opo", group.in_reward_units(), r)


@self_contained
def canon(rewards: Array, metric: Array, *, mu: float = 0.5, alpha: float = 1.0) -> Array:
    """CANON: compare each response with the half of its group that is higher in some metric, and with the lower half.

    G₋ the ⌊G/2⌋ responses of lowest metric, G₊ the others:
    inter:  rᵢ - α·mean(G₊) in G₋,  α·rᵢ - mean(G₋) in G₊
    intra:  rᵢ - mean(own half)
    Aᵢ = μ·inter + (1 - μ)·intra

    Inter compares the two halves, intra the responses within a half. With μ = 1/2, α = 1 and an even G this is
    Dr. GRPO. With α < 1 the rewards of the higher half count less: with lengths as metric, .9 makes responses shorter.
    The authors' code for entropy puts α on the lower half: give ``-metric`` for that.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        metric: What to sort by, such as a response's mean token entropy or its length; same shape. Equal ones are
            sorted by their place in the group.
        mu: μ in [0, 1]; the code's default is 1.
        alpha: α in [0, 1].

    Returns:
        Advantages, ``(..., G)``, in units of the rewards; 0 in a group of equal rewards if α = 1.

    Raises:
        TypeError: ``rewards`` or ``metric`` hold no real numbers.
        ValueError: G < 2, a reward or a metric is NaN or infinite, shapes differ, ``mu`` or ``alpha`` outside [0, 1],
            or an advantage exceeds the floating range.

    Source:
        CANON (arXiv:2509.23962); equation not seen, formula from the authors' code, which also divides by a constant
        (the maximal length). Sorting within a group and ⌊G/2⌋ are the code's.

    Example:
        >>> canon([1, 0, 0, 1], [0.2, 0.1, 0.9, 0.8], mu=1)
        array([ 0.5, -0.5, -0.5,  0.5])
        >>> canon([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], mu=0)
        array([0., 0., 0., 0.])
    """
    mu, alpha = require_number("mu", mu, low=0.0, high=1.0), require_number("alpha", alpha, low=0.0, high=1.0)
    r, xp = checked_rewards(rewards)
    require_finite("rewards", r)
    values = working_precision(r)
    # The metric is sorted as it comes: in the type of the rewards some of its numbers might be equal.
    by, mp = as_floating("metric", metric)
    require_shape("metric", by, tuple(r.shape), "one number for each reward")
    require_finite("metric", by)
    place = like("metric", values, mp.argsort(mp.argsort(by, axis=-1, stable=True), axis=-1), xp.int64)
    count = values.shape[-1] // 2
    high = place >= count
    # A unit for groups whose sums would leave the floating range.
    big = xp.max(xp.abs(values), axis=-1, keepdims=True) > float(xp.finfo(values.dtype).max) / 2**20
    unit = xp.where(big, 2.0**40, xp.ones_like(values[..., :1]))
    x = values / unit
    # Each half is measured from its first response; what both halves have in common is gone before it can round.
    low_origin, high_origin = (xp.sum(xp.where(place == n, x, 0.0), axis=-1, keepdims=True) for n in (0, count))
    x = x - xp.where(high, high_origin, low_origin)
    low_mean = xp.sum(xp.where(high, 0.0, x), axis=-1, keepdims=True) / count
    high_mean = xp.sum(xp.where(high, x, 0.0), axis=-1, keepdims=True) / (values.shape[-1] - count)
    between = low_origin - high_origin if alpha == 1 else low_origin - alpha * high_origin
    inter = xp.where(high, (alpha * x - low_mean) - between, (x - alpha * high_mean) + between)
    intra = x - xp.where(high, high_mean, low_mean)
    return restored("canon", (mu * inter + (1 - mu) * intra) * unit, r)


@self_contained
def aapo(
    rewards: Array,
    reference: Array,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.28,
    eps: float = 1e-6,
    ddof: int = 0,
) -> Array:
    """AAPO: GRPO's advantage plus the margin over a response of the reference model.

    Aᵢ = (rᵢ - mean(r)) / (std(r) + ε) + clip(rᵢ - r_ref,ᵢ, -c_low, c_high)

    The paper calls the margin advantage momentum. A group of equal rewards still has it, and learns where the reference
    model's rewards differ: all failures are pushed down, all successes up.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        reference: Rewards of responses that the frozen reference model gave to the same prompts, one for each; same
            shape.
        clip_low: c_low >= 0, in units of the rewards.
        clip_high: c_high >= 0, in units of the rewards.
        eps: ε >= 0, in units of the rewards; the authors' code takes 1e-4.
        ddof: 0 for the population standard deviation, 1 for the sample one (the authors' code).

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``reference`` hold no real numbers.
        ValueError: G < 2, a number is NaN or infinite, shapes differ, ``eps`` or a clip is negative, ``ddof`` is
            neither 0 nor 1.

    Source:
        Xiong et al., AAPO (arXiv:2505.14264); equation not seen, formula from the authors' code. Their loss is
        -A log π without a ratio; here the loss is the caller's.

    Example:
        >>> aapo([1, 0, 0, 1], [0, 0, 1, 1], eps=0)
        array([ 1.28, -1.  , -1.2 ,  1.  ])
    """
    clip_low, clip_high = require_number("clip_low", clip_low, low=0.0), require_number("clip_high", clip_high, low=0.0)
    r, xp = checked_rewards(rewards)
    values = working_precision(r)
    advantages = grpo(values, eps=eps, ddof=ddof)
    margin = xp.clip(values - checked_companion("reference", reference, values), -clip_low, clip_high)
    return restored("aapo", advantages + margin, r)


@self_contained
def rlev(
    rewards: Array,
    prompt_values: Array,
    *,
    alpha: float = 1.0,
    base: Literal["rloo", "grpo"] = "rloo",
) -> Array:
    """RLEV: rewards are scaled by the value that people give to the prompt.

    Aᵢ = base(s·r)ᵢ,  s = 1 + min(α·v, 1)

    With RLOO a prompt's advantages are multiplied by s, which is in [1, 2]. With GRPO the standard deviation is
    multiplied by s, too, which cancels up to ε (claim ``rlev.values-count``).

    Args:
        rewards: Rewards of correctness, ``(..., G)``, G >= 2, any finite numbers.
        prompt_values: v >= 0 of each prompt, ``(...)``; in the paper the share of an exam's points.
        alpha: α >= 0. The paper's value was not found; 1 is our choice.
        base: The estimator that sees the scaled rewards. The paper also takes REINFORCE++, which is
            ``reinforce_plus_plus(s * rewards)``.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: G < 2, a number is NaN or infinite, a value or ``alpha`` is negative, an unknown ``base``, shapes
            that do not fit, or an advantage exceeds the floating range.

    Source:
        Yu et al., RLEV (arXiv:2510.20187); the formula of s in the text, equation number not seen.

    Example:
        >>> rlev([[1, 0], [1, 0]], [0.0, 0.5])
        array([[ 1. , -1. ],
               [ 1.5, -1.5]])
    """
    alpha = require_number("alpha", alpha, low=0.0)
    require_choice("base", base, ("rloo", "grpo"))
    r, xp = checked_rewards(rewards)
    require_finite("rewards", r)
    values = working_precision(r)
    worth = checked_companion("prompt_values", prompt_values, values, groups=True)
    if bool(xp.any(worth < 0)):
        raise invalid("prompt_values", number_of(xp.min(worth)), "at least 0 everywhere")
    scale = 1 + xp.minimum(alpha * worth, xp.ones_like(worth))
    # The base estimators' differences, scaled after they are taken.
    group = deviations(values)
    if base == "rloo":
        size = r.shape[-1]
        return restored("rlev", group.in_reward_units(size / (size - 1)) * scale, r)
    scaled = GroupStatistics(scale * group.deviation, scale * group.std, group.scale)
    return restored("rlev", scaled.standardised(GRPO_EPS), r)


@self_contained
def gdpo(
    rewards: Array,
    further: Array | None = None,
    *,
    weights: Sequence[float] | None = None,
    eps: float = 1e-6,
    ddof: int = 0,
) -> Array:
    """GDPO: each of several rewards gets its own z-score within the group before they are added.

    aᵢ = Σₙ wₙ (rₙᵢ - mean(rₙ)) / (std(rₙ) + ε),  Aᵢ = aᵢ / (std(a over the batch) + ε)

    GRPO adds the rewards first, so groups with different combinations of rewards may get equal advantages. The mean of
    a over the batch, which the method subtracts, is 0 already. With one reward this is GRPO over the batch's spread.

    Args:
        rewards: First reward of each response in the batch, ``(..., G)``, G >= 2, any finite numbers.
        further: The other rewards, ``(N - 1, ..., G)``.
        weights: w, a number for each of the N rewards; all 1 by default.
        eps: ε >= 0, for groups in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one (TRL and verl).

    Returns:
        Advantages, ``(..., G)``; exactly 0 where all rewards of a group are equal, and where weighted z-scores cancel
        up to their rounding.

    Raises:
        TypeError: ``rewards``, ``further`` or ``weights`` hold no real numbers.
        ValueError: G < 2, a number is NaN or infinite, shapes do not fit, ``eps`` is negative, ``ddof`` is neither 0
            nor 1.

    Source:
        GDPO (arXiv:2601.05242); equation not seen, formula from the authors' code and TRL's documentation. verl takes
        mean and spread over tokens.

    Example:
        >>> gdpo([[0, 1], [0, 1]], [[[0, 0], [0, 1]]], eps=0).round(3)  # sums 0, 1 and 0, 2: GRPO's are equal
        array([[-0.632,  0.632],
               [-1.265,  1.265]])
    """
    eps = require_number("eps", eps, low=0.0)
    r, _ = checked_rewards(rewards)
    first = working_precision(r)
    xp = namespace(first)
    each = [first]
    if further is not None:
        others, _ = as_floating("further", further)
        if others.ndim == 0 or tuple(others.shape[1:]) != tuple(r.shape):
            allowed = ", ".join(["N - 1", *map(str, r.shape)])
            raise invalid("further", tuple(others.shape), f"of shape ({allowed}), each further reward like rewards")
        require_finite("further", others)
        each += [working_precision(others[n, ...]) for n in range(others.shape[0])]
    w = [1.0] * len(each) if weights is None else as_sequence("weights", weights, "numbers, one for each reward")
    if len(w) != len(each):
        raise invalid("weights", weights, f"{len(each)} numbers, one for each reward")
    w = [require_number("weights", x) for x in w]
    total = size = xp.zeros_like(first)
    for weight, values in zip(w, each, strict=True):
        # Each reward in its own type until its differences are taken.
        term = weight * like("further", first, grpo(values, eps=eps, ddof=ddof))
        total, size = total + term, size + xp.abs(term)
    require_finite("rewards", r)
    if not bool(xp.all(xp.isfinite(total))):
        raise invalid("weights", w, f"small enough in magnitude for their sum to fit {total.dtype}")
    # Terms that cancel leave their rounding errors, which the division below would make large where all cancel.
    rounding = _ROUNDING_OF_SUMS * max(xp.finfo(values.dtype).eps for values in each)
    total = xp.where(xp.abs(total) <= rounding * size, xp.zeros_like(total), total)
    # Around 0, the mean of what has been centred group by group, so that zeros stay exact.
    flat = xp.reshape(total, (1, -1))
    batch = deviations(flat, ddof=ddof, baseline=xp.zeros_like(flat[:, :1]))
    return narrowed("gdpo", xp.reshape(batch.standardised(eps), r.shape), r)
