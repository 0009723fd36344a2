"""Estimators that turn the rewards of one group into its advantages.

All of them take ``rewards`` of shape ``(..., G)``, G responses to one prompt on the last axis, and return advantages
of the same shape, array library, floating type and device. Integer and boolean rewards become the library's default
floating type; nested lists become NumPy arrays; half precision is computed in float32. In a group whose rewards are
all equal every advantage is exactly 0, also with ``eps=0``.
"""

from __future__ import annotations

from typing import Any

from qae_sim.advantages._statistics import (
    Between,
    Quantile,
    checked_binary,
    checked_k,
    checked_lengths,
    checked_rewards,
    deviations,
    group_quantile,
    narrowed,
    rank,
    restored,
)
from qae_sim.arrays import (
    Array,
    like,
    namespace,
    require_finite,
    require_number,
    self_contained,
    working_precision,
)


@self_contained
def grpo(rewards: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """Group-relative advantage: the reward's z-score within its group.

    Aᵢ = (rᵢ - mean(r)) / (std(r) + ε)

    Papers and trainers differ: the papers do not fix std and ε (Prop. 4.1 of the QAE paper uses the population value,
    ``ddof=0``); verl divides by G - 1 with ε = 1e-6, TRL by G - 1 with ε = 1e-4. DAPO uses the same advantages.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``; exactly 0 in a group of equal rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``eps`` is negative, ``ddof`` is neither 0 nor 1.

    Source:
        Shao et al., DeepSeekMath (arXiv:2402.03300), as restated in Wu et al., QAE (arXiv:2509.22611), Eq. 2.

    Example:
        >>> grpo([1, 0, 0, 1], eps=0)
        array([ 1., -1., -1.,  1.])
    """
    r, _ = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    group = deviations(working_precision(r), ddof=ddof)
    return narrowed("grpo", group.standardised(eps), r)


@self_contained
def dr_grpo(rewards: Array) -> Array:
    """Advantage without the standard deviation: the reward minus its group's mean.

    Aᵢ = rᵢ - mean(r)

    A group of one response has the advantage 0.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 1, any finite numbers.

    Returns:
        Advantages, ``(..., G)``, in units of the rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: A reward is NaN or infinite, or an advantage exceeds the floating range.

    Source:
        Liu et al., Understanding R1-Zero-like training (arXiv:2503.20783); equation not seen.

    Example:
        >>> dr_grpo([1, 0, 0, 1])
        array([ 0.5, -0.5, -0.5,  0.5])
    """
    r, _ = checked_rewards(rewards, smallest_group=1)
    group = deviations(working_precision(r), ddof=0)
    return restored("dr_grpo", group.in_reward_units(), r)


@self_contained
def rloo(rewards: Array) -> Array:
    """REINFORCE leave-one-out: the reward minus the mean of the others.

    Aᵢ = rᵢ - (1/(G-1)) Σ_{j≠i} rⱼ = G/(G-1) · (rᵢ - mean(r))

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.

    Returns:
        Advantages, ``(..., G)``, in units of the rewards.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, or an advantage exceeds the floating range.

    Source:
        Ahmadian et al., Back to basics (arXiv:2402.14740); equation not seen.

    Example:
        >>> rloo([1, 0, 0])
        array([ 1. , -0.5, -0.5])
    """
    r, _ = checked_rewards(rewards)
    group = deviations(working_precision(r), ddof=0)
    size = r.shape[-1]
    return restored("rloo", group.in_reward_units(size / (size - 1)), r)


def _whitened(name: str, values: Array, lengths: Array | None, eps: float, ddof: int, centre: bool) -> Array:
    """Divide by the standard deviation of the whole batch, after subtracting its mean if ``centre``."""
    x = working_precision(values)
    weights = None
    if lengths is not None:
        counts = checked_lengths(lengths, x)
        weights = namespace(counts).reshape(counts, (1, -1))
    xp = namespace(x)
    flat = xp.reshape(x, (1, -1))
    # Values that are centred already, group by group, keep their exact zeros.
    batch = deviations(flat, ddof=ddof, weights=weights, baseline=None if centre else xp.zeros_like(flat[:, :1]))
    return restored(name, xp.reshape(batch.standardised(eps), values.shape), values)


@self_contained
def reinforce_plus_plus(rewards: Array, *, lengths: Array | None = None, eps: float = 1e-6, ddof: int = 0) -> Array:
    """REINFORCE++: the reward's z-score within the whole batch of groups.

    Aᵢ = (rᵢ - mean(batch)) / (std(batch) + ε)

    This is the return of a response whose one reward comes at its end (no discount, no KL term), the same for each of
    its tokens. Trainers whiten over tokens, so long responses weigh more: give their ``lengths`` for that. The batch
    takes the group's place: a group of equal rewards gets zeros only when the whole batch is equal.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, G >= 2, any finite numbers.
        lengths: Response lengths in tokens, >= 1, same shape; all equal by default.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one (over tokens, where lengths are given).

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``lengths`` hold no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``lengths`` has another shape or an entry below 1, ``eps`` is
            negative, ``ddof`` is neither 0 nor 1.

    Source:
        Hu et al., REINFORCE++ (arXiv:2501.03262), global advantage normalisation; equation not seen.

    Example:
        >>> reinforce_plus_plus([[1, 1, 1, 0], [0, 0, 1, 0]], eps=0)
        array([[ 1.,  1.,  1., -1.],
               [-1., -1.,  1., -1.]])
    """
    r, _ = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    return _whitened("reinforce_plus_plus", r, lengths, eps, ddof, centre=True)


@self_contained
def reinforce_plus_plus_baseline(
    rewards: Array, *, lengths: Array | None = None, eps: float = 1e-6, ddof: int = 0
) -> Array:
    """REINFORCE++ with group baseline: the group's mean is subtracted, the whole batch's spread divides.

    dᵢ = rᵢ - mean(group),  Aᵢ = (dᵢ - mean(d)) / (std(d) + ε) over the batch

    Without lengths mean(d) is 0, and a group of equal rewards gets exact zeros. With lengths the batch mean weighs
    tokens and is not 0 in general: such a group then gets a small common advantage, as it does in trainers.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, G >= 2, any finite numbers.
        lengths: Response lengths in tokens, >= 1, same shape; all equal by default.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one (over tokens, where lengths are given).

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``lengths`` hold no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, ``lengths`` has another shape or an entry below 1, ``eps`` is
            negative, ``ddof`` is neither 0 nor 1.

    Source:
        Hu et al., REINFORCE++ (arXiv:2501.03262), variant with baseline; equation not seen.

    Example:
        >>> reinforce_plus_plus_baseline([[1, 0], [1, 0], [0, 0], [1, 1]], eps=0).round(3)
        array([[ 1.414, -1.414],
               [ 1.414, -1.414],
               [ 0.   ,  0.   ],
               [ 0.   ,  0.   ]])
    """
    r, _ = checked_rewards(rewards)
    eps = require_number("eps", eps, low=0.0)
    group = deviations(working_precision(r), ddof=0)
    # In a common unit, very small or large rewards keep their digits until the standard deviation divides them.
    unit = group.unit()
    centred = group.deviation * (group.scale / unit)
    whitened = _whitened("reinforce_plus_plus_baseline", centred, lengths, eps / unit, ddof, centre=lengths is not None)
    return restored("reinforce_plus_plus_baseline", whitened, r)


@self_contained
def quantile_baseline(rewards: Array, k: Any = 0.4, *, quantile: Quantile = "inverted_cdf") -> Array:
    """K-quantile of each group's rewards, QAE's baseline.

    b_K = inf{x : F̂(x) >= K}, the ⌈K·G⌉-th smallest reward; for binary rewards 0 if p <= 1-K, else 1.

    K·G within 1e-9 of an integer counts as that integer (K=.28 with G=25 is rank 7). ``"linear"`` interpolates
    between order statistics at K(G-1), as the authors' released code does; the two differ for some groups, for
    example at G=8, K=.4 with 5 correct: the paper's baseline is 1, the code's .8.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        k: K in (0, 1); a number, or an array (float32 or float64) that broadcasts over the groups ``(...)``.
        quantile: ``"inverted_cdf"`` (the paper) or ``"linear"`` (the released code).

    Returns:
        Baselines, ``(...)``, in units of the rewards.

    Raises:
        TypeError: ``rewards`` or ``k`` hold no real numbers, or ``k`` is of half precision.
        ValueError: G < 2, a reward is NaN or infinite, some K outside (0, 1), shapes that do not broadcast, an
            unknown ``quantile``.

    Source:
        Wu et al., Quantile Advantage Estimation (arXiv:2509.22611), Sec. 4.1 and Eq. 4.

    Example:
        >>> quantile_baseline([[1, 0, 0, 0, 0], [1, 1, 1, 1, 0]], 0.4)
        array([0., 1.])
        >>> five_of_eight = [1, 1, 1, 1, 1, 0, 0, 0]
        >>> [round(float(quantile_baseline(five_of_eight, quantile=q)), 9) for q in ("inverted_cdf", "linear")]
        [1.0, 0.8]
    """
    r, _ = checked_rewards(rewards)
    k = checked_k(k, tuple(r.shape[:-1]))
    x = working_precision(r)
    found = group_quantile(x, k, quantile)
    require_finite("rewards", r)
    b = found.value() if isinstance(found, Between) else found
    return restored("quantile_baseline", b[..., 0], r)


@self_contained
def qae(
    rewards: Array, k: Any = 0.4, *, quantile: Quantile = "inverted_cdf", eps: float = 1e-6, ddof: int = 0
) -> Array:
    """Quantile advantage: the reward minus its group's K-quantile, over the group's standard deviation.

    Aᵢ = (rᵢ - b_K) / (std(r) + ε),  b_K = inf{x : F̂(x) >= K}

    For binary rewards this is a gate: on hard prompts (p <= 1-K) wrong responses get exactly 0 and the rare correct
    ones +1/(std+ε); on easy prompts (p > 1-K) correct responses get exactly 0 and the remaining wrong ones
    -1/(std+ε). With p in {0, 1} all are 0. ``quantile="linear"`` is the authors' released code, see
    :func:`quantile_baseline`; that code also uses ``ddof=1``.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        k: K in (0, 1); a number, or an array (float32 or float64) that broadcasts over the groups ``(...)``.
        quantile: ``"inverted_cdf"`` (the paper) or ``"linear"`` (the released code).
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``k`` hold no real numbers, or ``k`` is of half precision.
        ValueError: G < 2, a reward is NaN or infinite, some K outside (0, 1), shapes that do not broadcast, an
            unknown ``quantile``, ``eps`` negative, ``ddof`` neither 0 nor 1.

    Source:
        Wu et al., Quantile Advantage Estimation (arXiv:2509.22611), Eqs. 3-4.

    Example:
        >>> qae([1, 0, 0, 0, 0], k=0.4, eps=0)
        array([2.5, 0. , 0. , 0. , 0. ])
        >>> qae([1, 1, 1, 1, 0], k=0.4, eps=0)
        array([ 0. ,  0. ,  0. ,  0. , -2.5])
    """
    r, _ = checked_rewards(rewards)
    k = checked_k(k, tuple(r.shape[:-1]))
    eps = require_number("eps", eps, low=0.0)
    x = working_precision(r)
    group = deviations(x, ddof=ddof, baseline=group_quantile(x, k, quantile))
    return narrowed("qae", group.standardised(eps), r)


def _masked(name: str, rewards: Array, k: Any, eps: float, ddof: int, hides: float) -> Array:
    """Give ±1/(std+ε), and 0 to the responses of reward ``hides`` in the regime where QAE's gate hides them."""
    r, xp = checked_binary(rewards)
    k = checked_k(k, tuple(r.shape[:-1]))
    eps = require_number("eps", eps, low=0.0)
    group = deviations(working_precision(r), ddof=ddof)
    # p <= 1-K, the hard regime, is the same as: at least ⌈K·G⌉ responses are wrong.
    wrong = xp.sum(xp.astype(r == 0, xp.int64), axis=-1)
    least = rank(k, r.shape[-1])
    hard = wrong >= (least if isinstance(least, int) else like("k", wrong, least))
    hidden = (r == hides) & (hard if hides == 0 else ~hard)[..., None]
    numerator = xp.where(hidden | (group.std == 0), 0.0, 2 * working_precision(r) - 1)
    return restored(name, numerator / group.denominator(eps), r)


@self_contained
def pos_mask(rewards: Array, k: Any = 0.4, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """POS-MASK: QAE's gate on the correct responses alone; wrong ones always count.

    r = 1: A = 1{p <= 1-K} / (std + ε);  r = 0: A = -1 / (std + ε)

    The unmasked side is -1/(std+ε), not GRPO's -p/(std+ε). Groups with p in {0, 1} get zeros.

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 2.
        k: K in (0, 1); a number, or an array (float32 or float64) that broadcasts over the groups ``(...)``.
        eps: ε >= 0.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``k`` hold no real numbers, or ``k`` is of half precision.
        ValueError: G < 2, a reward other than 0 and 1, some K outside (0, 1), shapes that do not broadcast, ``eps``
            negative, ``ddof`` neither 0 nor 1.

    Source:
        Wu et al., Quantile Advantage Estimation (arXiv:2509.22611), Eq. 7.

    Example:
        >>> pos_mask([[1, 0, 0, 0, 0], [1, 1, 1, 1, 0]], k=0.4, eps=0)
        array([[ 2.5, -2.5, -2.5, -2.5, -2.5],
               [ 0. ,  0. ,  0. ,  0. , -2.5]])
    """
    return _masked("pos_mask", rewards, k, eps, ddof, hides=1.0)


@self_contained
def neg_mask(rewards: Array, k: Any = 0.4, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """NEG-MASK: QAE's gate on the wrong responses alone; correct ones always count.

    r = 1: A = 1 / (std + ε);  r = 0: A = -1{p > 1-K} / (std + ε)

    The unmasked side is 1/(std+ε), not GRPO's (1-p)/(std+ε). Groups with p in {0, 1} get zeros.

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 2.
        k: K in (0, 1); a number, or an array (float32 or float64) that broadcasts over the groups ``(...)``.
        eps: ε >= 0.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` or ``k`` hold no real numbers, or ``k`` is of half precision.
        ValueError: G < 2, a reward other than 0 and 1, some K outside (0, 1), shapes that do not broadcast, ``eps``
            negative, ``ddof`` neither 0 nor 1.

    Source:
        Wu et al., Quantile Advantage Estimation (arXiv:2509.22611), Eq. 8.

    Example:
        >>> neg_mask([[1, 0, 0, 0, 0], [1, 1, 1, 1, 0]], k=0.4, eps=0)
        array([[ 2.5,  0. ,  0. ,  0. ,  0. ],
               [ 2.5,  2.5,  2.5,  2.5, -2.5]])
    """
    return _masked("neg_mask", rewards, k, eps, ddof, hides=0.0)
