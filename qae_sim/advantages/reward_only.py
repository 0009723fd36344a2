"""Estimators from other papers on RLVR that need rewards alone.

They keep the contract of :mod:`qae_sim.advantages.group`: rewards ``(..., G)`` in, advantages of the same shape, array
library, floating type and device out; exactly 0 in a group whose rewards are all equal.
"""

from __future__ import annotations

import math
from typing import Literal

from qae_sim.advantages._statistics import checked_binary, checked_rewards, deviations, narrowed, restored
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    invalid,
    namespace,
    number_of,
    require_choice,
    require_finite,
    require_number,
    self_contained,
    working_precision,
)


@self_contained
def mapo(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """MAPO's mixed advantage: GRPO's at p̂ = 1/2, the deviation relative to the mean at p̂ = 0 and 1, mixed between.

    Aᵢ = (1 - λ) (rᵢ - p̂) / (std(r) + ε) + λ (rᵢ - p̂) / (p̂ + ε),  λ = 1 - 4p̂(1 - p̂),  p̂ = mean(r)

    On hard prompts a rare success counts more than under GRPO, (1 - p̂)/p̂ instead of √((1 - p̂)/p̂); on easy ones both
    signs count less. The authors' code divides by the sample's standard deviation, ``ddof=1``.

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 2.
        eps: ε >= 0.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward other than 0 and 1, ``eps`` negative, ``ddof`` neither 0 nor 1.

    Source:
        MAPO (arXiv:2509.18849); equation not seen, formula from the authors' code. For binary rewards p̂ is both
        their mean and the share of rewards equal to 1; other rewards are refused, because the two would differ.

    Example:
        >>> mapo([[1, 0], [1, 0]], eps=0)
        array([[ 1., -1.],
               [ 1., -1.]])
    """
    r, xp = checked_binary(rewards)
    eps = require_number("eps", eps, low=0.0)
    values = working_precision(r)
    group = deviations(values, ddof=ddof)
    p = xp.mean(values, axis=-1, keepdims=True)
    mixture = 1 - 4 * p * (1 - p)
    percent = group.deviation / xp.where(p + eps == 0, 1.0, p + eps)
    return narrowed("mapo", (1 - mixture) * group.standardised(eps) + mixture * percent, r)


@self_contained
def maxrl(rewards: Array) -> Array:
    """Maximum-likelihood RL: the centred reward over the group's mean, so that a prompt counts as in ∇ log p.

    Aᵢ = (rᵢ - m) / m,  m = mean(r);  0 in a group whose rewards are all 0

    log p = -Σ_{k>=1} (1 - p)ᵏ/k is what maximum likelihood climbs; plain RL climbs its first term. On average over
    groups of 0/1 rewards this estimator climbs the first G - 1 terms: ∇p is multiplied by Σ_{k=0}^{G-2} (1 - p)ᵏ.
    (Averaging the score over successes alone, without centring, gives G terms.) Other rewards that are not negative are
    shares of a success; multiplying all of them by a number changes nothing.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, finite and not negative.

    Returns:
        Advantages, ``(..., G)``, at most G - 1 and at least -1.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is negative, NaN or infinite.

    Source:
        Tajwar et al., Maximum likelihood reinforcement learning (arXiv:2602.02710), Eq. 10 as a public implementation
        quotes it, the paper itself not seen. Rewards that are not binary are prime-rl's, which gives zeros where the
        mean is negative; here negative rewards are refused, because their mean is no rate. The number of terms is our
        derivation.

    Example:
        >>> maxrl([[1, 0, 0, 0], [0.5, 0.5, 0, 0]])
        array([[ 3., -1., -1., -1.],
               [ 1.,  1., -1., -1.]])
    """
    r, xp = checked_rewards(rewards)
    values = working_precision(r)
    group = deviations(values)
    require_finite("rewards", r)
    if bool(xp.any(values < 0)):
        raise invalid("rewards", number_of(xp.min(values)), "at least 0 everywhere: the group's mean divides")
    mean = xp.mean(values / group.scale, axis=-1, keepdims=True)
    return narrowed("maxrl", group.deviation / xp.where(mean == 0, 1.0, mean), r)


@self_contained
def grpo_n(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """GRPO-N: GRPO's negative advantages alone.

    Aᵢ = min(0, (rᵢ - mean(r)) / (std(r) + ε))

    The probability that failures lose goes to all other responses, in a softmax mostly to those that are likely
    already. So a response that was not sampled gains only while failures hold most of the probability (claim
    ``two-stage.unsampled``).
    Where the ratio is a whole response's (GSPO), this is GSPO-N.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``, none positive.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` is negative, ``ddof`` is neither 0 nor 1.

    Source:
        The debate on RLVR reasoning capability boundary (arXiv:2510.04028); equation not seen.

    Example:
        >>> grpo_n([1, 0, 0, 1], eps=0)
        array([ 0., -1., -1.,  0.])
    """
    advantages = grpo(rewards, eps=eps, ddof=ddof)
    xp = namespace(advantages)
    return xp.where(advantages < 0, advantages, xp.zeros_like(advantages))


@self_contained
def grpo_passk(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """Pass@k advantage: only the best response counts, by its lead over the second best.

    A_best = (r_best - r_second) / (std(r) + ε), all others 0

    Where two responses are equally good and best, all advantages are 0: one of them would have been enough.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one (verl).

    Returns:
        Advantages, ``(..., G)``, at most one of a group positive, none negative.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` is negative, ``ddof`` is neither 0 nor 1.

    Source:
        verl's grpo_passk, which names arXiv:2503.19595; equation not seen.

    Example:
        >>> grpo_passk([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], eps=0)
        array([[2.5, 0. , 0. , 0. , 0. ],
               [0. , 0. , 0. , 0. , 0. ]])
    """
    r, xp = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    values = working_precision(r)
    second = xp.sort(values, axis=-1)[..., -2:-1]
    group = deviations(values, ddof=ddof, baseline=second)
    ahead = xp.where(group.deviation > 0, group.deviation, xp.zeros_like(group.deviation))
    return narrowed("grpo_passk", ahead / group.denominator(eps), r)


@self_contained
def capo(rewards: Array, *, negatives: float = 0.0, eps: float = 1e-6, ddof: int = 0) -> Array:
    """CAPO's curriculum: GRPO's positive advantages alone at first, all of them later.

    Aᵢ = zᵢ if zᵢ >= 0, else ν zᵢ,  zᵢ = (rᵢ - mean(r)) / (std(r) + ε)

    ν is 0 in the first phase (imitation) and 1 in the second (discrimination), where this is GRPO. Give a run
    ``negatives=PhaseSwitch(step)``; the paper switches hard after 10 to 30 % of the steps.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        negatives: ν in [0, 1].
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``negatives`` outside [0, 1], ``eps`` negative, ``ddof``
            neither 0 nor 1.

    Source:
        Yang et al., From imitation to discrimination (arXiv:2512.02580); equation not seen. The paper puts the
        indicator of A >= 0 on the whole term of the objective, KL penalty included; here it is on the advantage.

    Example:
        >>> capo([1, 0, 0, 0], eps=0).round(3)
        array([1.732, 0.   , 0.   , 0.   ])
        >>> capo([1, 0, 0, 0], negatives=1, eps=0).round(3)
        array([ 1.732, -0.577, -0.577, -0.577])
    """
    nu = require_number("negatives", negatives, low=0.0, high=1.0)
    advantages = grpo(rewards, eps=eps, ddof=ddof)
    xp = namespace(advantages)
    return xp.where(advantages < 0, nu * advantages + 0.0, advantages)  # + 0.0 turns -0.0 into 0.0


@self_contained
def gpg(rewards: Array, *, count: Literal["mixed", "nonzero"] = "mixed") -> Array:
    """GPG: the reward minus its group's mean, divided by the share of responses in groups of unequal rewards.

    Aᵢ = α (rᵢ - mean(r)),  α = B / (B - M)

    B responses in the batch, M of them in groups of equal rewards. Averaging over the batch then is averaging over the
    B - M other responses. verl counts something else, ``count="nonzero"``: B over the number of rewards that
    are not 0, so that a batch with fewer successes takes larger steps.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, G >= 2, any finite numbers.
        count: ``"mixed"`` (the paper) or ``"nonzero"`` (verl).

    Returns:
        Advantages, ``(..., G)``, in units of the rewards; all 0 if no group is mixed.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, an unknown ``count``, or an advantage exceeds the floating
            range.

    Source:
        Chu et al., GPG (arXiv:2504.02546); equation not seen. α and F_norm = 1 from the table in the authors' README;
        their threshold β_th, which draws more prompts where few groups are mixed, is dynamic sampling and not here.

    Example:
        >>> gpg([[1, 0], [0, 0]])
        array([[ 1., -1.],
               [ 0.,  0.]])
    """
    require_choice("count", count, ("mixed", "nonzero"))
    r, xp = checked_rewards(rewards)
    values = working_precision(r)
    group = deviations(values)
    if count == "mixed":
        signal, total = int(xp.sum(xp.astype(group.std != 0, xp.int64))), math.prod(values.shape[:-1])
    else:
        signal, total = int(xp.sum(xp.astype(values != 0, xp.int64))), math.prod(values.shape)
    return restored("gpg", group.in_reward_units(total / max(signal, 1)), r)
