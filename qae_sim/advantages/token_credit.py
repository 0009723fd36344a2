"""Credit for single tokens from what the policy's distributions say: entropies, probabilities of what was sampled.

Rewards ``(..., G)`` are those of whole responses; what belongs to tokens is ``(..., G, T)``, and so are the advantages,
which are 0 where the mask is.
"""

from __future__ import annotations

from qae_sim.advantages._statistics import checked_binary, checked_rewards, restored
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    checked_mask,
    invalid,
    like,
    number_of,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    working_precision,
)

#: What is added to an entropy before its reciprocal is taken.
ENTROPY_FLOOR = 1e-8
#: Rounding errors that a share of entropy may have, in units of the type's own.
_ROUNDING = 16


def of_tokens(name: str, value: Array, x: Array) -> Array:
    """Take numbers of tokens, one for each token of each response.

    Args:
        name: The argument's name, for errors.
        value: ``(..., G, T)``.
        x: Rewards in working precision, ``(..., G)``.

    Returns:
        The numbers in the type and library of ``x``.

    Raises:
        TypeError: ``value`` holds no real numbers.
        ValueError: It has another shape, or some entry is NaN or infinite.
    """
    found, _ = as_floating(name, value)
    width = found.shape[-1] if found.ndim else 0
    require_shape(name, found, (*x.shape, width), "a number for each token of each response")
    require_finite(name, found)
    return like(name, x, found)


def _entropies_of(entropies: Array, x: Array, xp: Namespace) -> Array:
    """Entropies of tokens: numbers of tokens that are not negative."""
    h = of_tokens("entropies", entropies, x)
    if bool(xp.any(h < 0)):
        raise invalid("entropies", number_of(xp.min(h)), "at least 0 everywhere, in nats")
    return h


@self_contained
def rl_zvp(
    rewards: Array, entropies: Array, mask: Array, *, alpha: float = 0.1, eps: float = 1e-6, ddof: int = 0
) -> Array:
    """RL-ZVP: GRPO in mixed groups; in groups of equal rewards the sign is that of the reward, the size an entropy.

    mixed: A_{i,t} = zᵢ;  all correct: A_{i,t} = α H_{i,t};  all wrong: A_{i,t} = -α (max_s H_{i,s} - H_{i,t})

    H is the entropy of the distribution that the token was sampled from. Where all is correct uncertain tokens are
    raised most; where all is wrong certain ones are lowered most, and the most uncertain token of a response not at
    all (claim ``rl-zvp.one-token-spared``).

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 2.
        entropies: H >= 0 in nats, ``(..., G, T)``.
        mask: True (1) at a response's own tokens, same shape.
        alpha: α >= 0.
        eps: ε >= 0, of mixed groups.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G, T)``; 0 outside the mask.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: G < 2, a reward other than 0 and 1, an entropy negative, NaN or infinite, shapes that do not fit,
            ``alpha`` or ``eps`` negative, ``ddof`` neither 0 nor 1.

    Source:
        Le et al., No prompt left behind (arXiv:2509.21880); equation not seen, formula as two public implementations
        of others have it.

    Example:
        >>> rl_zvp([1, 1], [[0.5, 2.0], [1.0, 0.0]], [[1, 1], [1, 1]])
        array([[0.05, 0.2 ],
               [0.1 , 0.  ]])
        >>> rl_zvp([0, 0], [[0.5, 2.0], [1.0, 0.0]], [[1, 1], [1, 1]])
        array([[-0.15,  0.  ],
               [ 0.  , -0.1 ]])
    """
    alpha = require_number("alpha", alpha, low=0.0)
    r, xp = checked_binary(rewards)
    x = working_precision(r)
    h = _entropies_of(entropies, x, xp)
    own = checked_mask(mask, h, "entropies")
    plain = grpo(x, eps=eps, ddof=ddof)[..., None]
    total = xp.sum(x, axis=-1, keepdims=True)[..., None]
    if h.shape[-1] == 0:
        return restored("rl_zvp", h, r)
    most = xp.max(xp.where(own, h, 0.0), axis=-1, keepdims=True)
    wrong = xp.where(h < most, alpha * (h - most), xp.zeros_like(h))
    equal = xp.where(total == 0, wrong, alpha * h)
    advantages = xp.where((total == 0) | (total == x.shape[-1]), equal, plain)
    return restored("rl_zvp", xp.where(own, advantages, 0.0), r)


@self_contained
def gtpo(rewards: Array, entropies: Array, mask: Array, *, bonus: float = 0.1, eps: float = 1e-8) -> Array:
    """GTPO: entropies decide how a group's credit is shared among its tokens, z-scored on each side for itself.

    correct: x_{i,t} = α H_{i,t} / Σ_k H_{k,t} · d_t;  wrong: x_{i,t} = -α H_{i,t}⁻¹ / Σ_k H_{k,t}⁻¹ · h_t
    A_{i,t} = (x_{i,t} - mean(x)) / (std(x) + ε), over the tokens of the correct, and of the wrong responses

    Sums run over the d_t correct (h_t wrong) responses that have a t-th token. The paper adds to x a constant for each
    side, the reward itself; the z-scores within a side cancel it, so that the tokens of correct responses have
    advantages of mean 0, and half of the credit is blame (claim ``gtpo.correctness-cancels``). α matters against ε
    alone. 10⁻⁸ is added to entropies in reciprocals; where entropies add up to 0 all shares are 0.

    Args:
        rewards: Binary rewards, ``(..., G)``, G >= 2.
        entropies: H >= 0 in nats, ``(..., G, T)``.
        mask: True (1) at a response's own tokens, same shape.
        bonus: α >= 0, the paper's α₂.
        eps: ε > 0.

    Returns:
        Advantages, ``(..., G, T)``; 0 outside the mask.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: G < 2, a reward other than 0 and 1, an entropy negative, NaN or infinite, shapes that do not fit,
            ``bonus`` negative, ``eps`` not positive.

    Source:
        Tan et al., GTPO and GRPO-S (arXiv:2508.04349), Eqs. 3, 5 and 6, as public implementations quote them; the
        paper itself not seen.

    Example:
        >>> gtpo([1, 1, 0], [[3.0, 1.0], [1.0, 3.0], [2.0, 2.0]], [[1, 1], [1, 1], [1, 1]]).round(3)
        array([[ 1., -1.],
               [-1.,  1.],
               [ 0.,  0.]])
    """
    bonus, eps = require_number("bonus", bonus, low=0.0), require_number("eps", eps, low=0.0)
    if eps == 0:
        raise invalid("eps", eps, "positive")
    r, xp = checked_binary(rewards)
    x = working_precision(r)
    h = _entropies_of(entropies, x, xp)
    own = checked_mask(mask, h, "entropies")
    found = xp.zeros_like(h)
    for correct in (True, False):
        side = own & (x == (1.0 if correct else 0.0))[..., None]
        weight = xp.astype(side, h.dtype)
        size = h if correct else 1 / (h + ENTROPY_FLOOR)
        each, share = (xp.sum(part, axis=-2, keepdims=True) for part in (weight, weight * size))
        shaped = (bonus if correct else -bonus) * size * each / xp.where(share == 0, 1.0, share)
        count = xp.sum(weight, axis=(-2, -1), keepdims=True)
        count = xp.where(count == 0, 1.0, count)
        mean = xp.sum(weight * shaped, axis=(-2, -1), keepdims=True) / count
        # Shares that are all equal differ by their rounding, which the division below would make large.
        rounding = _ROUNDING * xp.finfo(h.dtype).eps * xp.abs(mean)
        away = xp.where(side & (xp.abs(shaped - mean) > rounding), shaped - mean, xp.zeros_like(h))
        spread = xp.sqrt(xp.sum(away**2, axis=(-2, -1), keepdims=True) / count)
        found = found + away / (spread + eps)
    return restored("gtpo", found, r)


@self_contained
def optimal_token_baseline(rewards: Array, log_probs: Array, sum_squares: Array, mask: Array) -> Array:
    """Optimal token baseline: at each place a mean of the rewards, weighted by the energy that responses have spent.

    A_{i,t} = rᵢ - Σ_k W_{k,t} r_k / Σ_k W_{k,t},  W_{i,t} = Σ_{s<=t} (1 - 2π_{i,s} + Σ_v π_{i,s}(v)²)

    Sums run over the responses that have a t-th token. 1 - 2π + Σπ² is the squared length of the gradient of log π by
    the logits, so that W stands for ‖score‖² of the response so far and the baseline has least variance (claim
    ``opo.least-variance``, with W in place of the length). Where the longest response is alone its baseline is 0.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        log_probs: log π <= 0 of the sampled tokens, ``(..., G, T)``.
        sum_squares: Σ_v π(v)² in [0, 1] of the distributions that they were sampled from, same shape.
        mask: True (1) at a response's own tokens, same shape.

    Returns:
        Advantages, ``(..., G, T)``, in units of the rewards; 0 outside the mask.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: G < 2, a number NaN or infinite, a log-probability above 0, a sum of squares outside [0, 1], shapes
            that do not fit, or an advantage exceeds the floating range.

    Source:
        The optimal token baseline (arXiv:2602.07078); equation as verl's documentation and code have it, the paper not
        seen. verl adds 1e-8 to the denominator; here a place without energy (W = 0 for all) has the plain mean.

    Example:
        >>> import numpy as np
        >>> log_probs = np.log([[0.5, 0.5], [1.0, 1.0]])
        >>> optimal_token_baseline([1, 0], log_probs, [[0.5, 0.5], [1.0, 1.0]], [[1, 1], [1, 1]])
        array([[ 0.,  0.],
               [-1., -1.]])
    """
    r, xp = checked_rewards(rewards)
    require_finite("rewards", r)
    x = working_precision(r)
    logs, squares = of_tokens("log_probs", log_probs, x), of_tokens("sum_squares", sum_squares, x)
    require_shape("sum_squares", squares, tuple(logs.shape), "the shape of log_probs")
    if bool(xp.any(logs > 0)):
        raise invalid("log_probs", number_of(xp.max(logs)), "at most 0 everywhere")
    if bool(xp.any((squares < 0) | (squares > 1))):
        raise invalid("sum_squares", number_of(xp.max(xp.abs(squares))), "in [0, 1] everywhere")
    own = checked_mask(mask, logs, "log_probs")
    weight = xp.astype(own, x.dtype)
    energy = xp.cumulative_sum(weight * xp.clip(1 - 2 * xp.exp(logs) + squares, 0.0, None), axis=-1) * weight
    total = xp.sum(energy, axis=-2, keepdims=True)
    energy = xp.where(total == 0, weight, energy)
    total = xp.sum(energy, axis=-2, keepdims=True)
    # Halves of differences from the first reward: a mean of equal rewards is then exactly that reward.
    half = (x / 2 - x[..., :1] / 2)[..., None]
    mean = xp.sum(energy * half, axis=-2, keepdims=True) / xp.where(total == 0, 1.0, total)
    alone = xp.sum(weight, axis=-2, keepdims=True) == 1
    difference = xp.where(alone, (x / 2)[..., None], half - mean)
    return restored("optimal_token_baseline", 2 * xp.where(own, difference, 0.0), r)
