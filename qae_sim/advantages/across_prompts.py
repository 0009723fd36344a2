"""Estimators in which the prompts of a batch lend each other what their rewards say: a mean, a spread, a distribution.

They keep the contract of :mod:`qae_sim.advantages.group`: rewards ``(..., G)`` in, advantages of the same shape, array
library, floating type and device out. The groups are the prompts of one batch; all of them are compared.
"""

from __future__ import annotations

import math

import numpy as np

from qae_sim.advantages._statistics import checked_binary, checked_rewards, deviations, narrowed, restored
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    Namespace,
    like,
    namespace,
    number_of,
    require_finite,
    require_number,
    self_contained,
    take,
    working_precision,
)

#: The largest weight that BNPO gives a prompt, as in the authors' code.
LARGEST_WEIGHT = 1e6


@self_contained
def lite_ppo(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """Lite PPO: the reward minus its group's mean, over the standard deviation of all rewards of the batch.

    Aᵢ = (rᵢ - mean(group)) / (std(batch) + ε)

    One number divides the whole batch, so that prompts weigh as they do in Dr. GRPO (claim ``lite-ppo.one-scale``).
    REINFORCE++ with group baseline divides by the spread of the differences instead, which leaves out how much the
    prompts' means differ.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, G >= 2, any finite numbers.
        eps: ε >= 0, in units of the rewards; TRL takes 1e-4.
        ddof: 0 for the population standard deviation, 1 for the sample one (TRL).

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` is negative, ``ddof`` is neither 0 nor 1.

    Source:
        Tricks or traps, Lite PPO (arXiv:2508.08221); equation not seen, formula as TRL has it
        (``scale_rewards="batch"``). The method's loss is averaged over tokens.

    Example:
        >>> lite_ppo([[1, 0], [0, 0]], eps=0).round(3)
        array([[ 1.155, -1.155],
               [ 0.   ,  0.   ]])
    """
    r, xp = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    x = working_precision(r)
    group = deviations(x, ddof=ddof)
    batch = deviations(xp.reshape(x, (1, -1)), ddof=ddof)
    # Numerators in the batch's unit, in which its deviation is.
    unit = batch.scale if isinstance(batch.scale, float) else number_of(batch.scale[0, 0])
    divisor = batch.std[0, 0] + eps / unit
    scaled = group.deviation * (group.scale / unit) / xp.where(divisor == 0, 1.0, divisor)
    return narrowed("lite_ppo", scaled, r)


@self_contained
def james_stein(rewards: Array) -> Array:
    """Shrinkage baseline: the mean of the others, moved towards the mean of the other prompts.

    Aᵢ = rᵢ - (1 - λ)·mean(r₋ᵢ) - λ·m,  m = mean of the other prompts,  λ = v/(v + s)
    v = mean of var(r)/G, s = variance of mean(r), both over the other prompts

    Where rewards within a prompt scatter and prompts differ little, λ is near 1 and all prompts share one baseline;
    where prompts differ, λ is near 0, and it is RLOO. No reward of the prompt itself enters λ and m, and none of the
    response itself the rest: the expected gradient is that of the mean reward (claim ``james-stein.unbiased``). A
    group of equal rewards is not silent unless the others have its mean. With one prompt λ = 0, also where v + s = 0;
    with two s is that of a single mean, 0, and λ = 1.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, G >= 2, any finite numbers.

    Returns:
        Advantages, ``(..., G)``, in units of the rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, or an advantage exceeds the floating range.

    Source:
        Zeng et al., Shrinking the variance (arXiv:2511.03710); equation not seen, formula from the authors' code, which
        takes the unbiased variance within prompts and the plain one between them.

    Example:
        >>> james_stein([[1, 0], [1, 0], [1, 1]]).round(3)
        array([[ 0.5  , -0.833],
               [ 0.5  , -0.833],
               [ 0.5  ,  0.5  ]])
    """
    r, xp = checked_rewards(rewards)
    require_finite("rewards", r)
    x = working_precision(r)
    groups, size = math.prod(x.shape[:-1]), x.shape[-1]
    flat = xp.reshape(x, (groups, size))
    # Halves, because differences of two numbers of the type's own size would not fit it.
    others_of_group = deviations(flat).in_reward_units(0.5 * size / (size - 1))
    if groups < 2:
        return restored("james_stein", xp.reshape(2 * others_of_group, x.shape), r)
    half = flat / 2 - flat[:1, :1] / 2
    places = np.asarray([[q for q in range(groups) if q != p] for p in range(groups)])
    index = like("places", x, places.reshape(-1), xp.int64)
    shape = (groups, (groups - 1) * size)
    shrinkage = _shrinkage(xp, xp.reshape(take(flat, index, axis=0), shape), groups - 1, size)
    others = xp.reshape(take(half, index, axis=0), shape)
    from_mean = half - xp.sum(others / shape[1], axis=-1, keepdims=True)
    advantages = 2 * ((1 - shrinkage) * others_of_group + shrinkage * from_mean)
    return restored("james_stein", xp.reshape(advantages, x.shape), r)


def _shrinkage(xp: Namespace, others: Array, groups: int, size: int) -> Array:
    """v/(v + s) of each row ``(B, groups·size)`` of rewards of other prompts, ``(B, 1)``; 0 where both are 0."""
    away = deviations(others).deviation
    largest = xp.max(xp.abs(away), axis=-1, keepdims=True)
    y = xp.reshape(away / xp.where(largest == 0, 1.0, largest), (others.shape[0], groups, size))
    means = xp.mean(y, axis=-1, keepdims=True)
    v = xp.mean(xp.sum((y - means) ** 2, axis=-1), axis=-1, keepdims=True) / (size * (size - 1))
    s = xp.mean((means[..., 0] - xp.mean(means[..., 0], axis=-1, keepdims=True)) ** 2, axis=-1, keepdims=True)
    return v / xp.where(v + s == 0, 1.0, v + s)


@self_contained
def bnpo(rewards: Array) -> Array:
    """BNPO: the deviation from the group's mean, over a Beta density that is fitted to the success rates of the batch.

    Aᵢ = (rᵢ - p̂) / f(p̂),  f the density of Beta(1 + a/3, 1 + b/3)
    a = (m(1 - m)/v - 1)·m,  b = (m(1 - m)/v - 1)·(1 - m),  m and v the mean and the sample variance of p̂ over prompts

    Prompts of a rate that is common in the batch weigh less, those of a rare one more. a and b are the parameters of
    the Beta distribution with mean m and variance v; where they are negative, and with one prompt, 0 takes their place.
    Where all prompts of the batch have one rate there is no such distribution, and the density is taken as 1. The
    weight 1/f is at most 10⁶.

    Args:
        rewards: Binary rewards of the whole batch, ``(..., G)``, G >= 2.

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward other than 0 and 1.

    Source:
        Xiao et al., BNPO (arXiv:2506.02864); equation not seen, formula from the authors' code, which is undefined
        where all rates are equal.

    Example:
        >>> bnpo([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]).round(3)
        array([[ 0.68 , -0.227, -0.227, -0.227],
               [ 0.393,  0.393, -0.393, -0.393],
               [ 0.227,  0.227,  0.227, -0.68 ]])
    """
    r, xp = checked_binary(rewards)
    x = working_precision(r)
    p = xp.mean(x, axis=-1, keepdims=True)
    alpha, beta = _beta_parameters(p)
    inside = (p > 0) & (p < 1)
    rate = xp.where(inside, p, 0.5)
    normaliser = math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
    log_weight = normaliser - (alpha - 1) * xp.log(rate) - (beta - 1) * xp.log(1 - rate)
    weight = xp.exp(xp.clip(log_weight, None, math.log(LARGEST_WEIGHT)))
    return restored("bnpo", xp.where(inside, weight, 0.0) * (x - p), r)


def _beta_parameters(p: Array) -> tuple[float, float]:
    """Both parameters of BNPO's Beta distribution, from the success rates of the batch."""
    import statistics  # brings decimal, random and more, which take a sixth of the time of all estimators' import

    rates = [number_of(rate) for rate in namespace(p).reshape(p, (-1,))]
    if len(rates) < 2:
        return 1.0, 1.0
    mean = statistics.fmean(rates)
    variance = statistics.variance(rates)
    if variance == 0:
        return 1.0, 1.0
    size = mean * (1 - mean) / variance - 1
    return max(1 + size * mean / 3, 1.0), max(1 + size * (1 - mean) / 3, 1.0)


@self_contained
def a_grae(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """A-GRAE: GRPO's advantages, on hard or on easy prompts as the batch goes, successes weighted by its success rate.

    Bᵢ = zᵢ/2 · (q/√p̂ + (1 - q)/(1 - √p̂)),  q = mean of p̂ over the batch,  zᵢ GRPO's
    Aᵢ = q·Bᵢ where Bᵢ > 0, else Bᵢ

    GRPO's positive and negative advantages of a group have equal sums; here the positive ones have q times the sum of
    the others (claim ``a-grae.asymmetry``). While the batch mostly fails, easy prompts weigh most, and successes hardly
    count; once it mostly succeeds, hard ones weigh most.

    Args:
        rewards: Binary rewards of the whole batch, ``(..., G)``, G >= 2.
        eps: ε >= 0, of the standard deviation and of both other denominators.
        ddof: 0 for the population standard deviation, 1 for the sample one (the authors' code).

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward other than 0 and 1, ``eps`` negative, ``ddof`` neither 0 nor 1.

    Source:
        Yu et al., Unveiling implicit advantage symmetry (arXiv:2602.05548); equation not seen, formula from the
        authors' code.

    Example:
        >>> a_grae([[1, 0, 0, 0]], eps=0).round(3)
        array([[ 0.433, -0.577, -0.577, -0.577]])
    """
    r, xp = checked_binary(rewards)
    x = working_precision(r)
    z = grpo(x, eps=eps, ddof=ddof)
    p = xp.mean(x, axis=-1, keepdims=True)
    q, root = xp.sum(p) / max(math.prod(p.shape), 1), xp.sqrt(p)
    hard, easy = root + eps, (1 - p) / (1 + root) + eps
    focus = q / xp.where(hard == 0, 1.0, hard) + (1 - q) / xp.where(easy == 0, 1.0, easy)
    focused = z * focus / 2
    return restored("a_grae", xp.where(focused > 0, q * focused, focused), r)
