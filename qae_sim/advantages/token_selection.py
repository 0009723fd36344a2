"""Clip-Cov and KL-Cov: which tokens carry the covariance that drives the entropy."""

from __future__ import annotations

import math
from typing import Any

from qae_sim.advantages.tokens import Variant
from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    checked_mask,
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
from qae_sim.streams import uniform


@self_contained
def token_covariances(log_probs: Array, advantages: Array, mask: Array) -> Array:
    """Each token's share in the covariance between log-probability and advantage.

    Covᵢ = (log πᵢ - mean log π) · (Aᵢ - mean A), means over all unmasked tokens of the batch

    Their mean is the batch's covariance, the first-order driver of the entropy.

    Args:
        log_probs: log π of the sampled tokens under the current policy, any shape.
        advantages: Advantages of the tokens, same shape.
        mask: True (1) at the response's own tokens, same shape.

    Returns:
        Covariances, same shape; exactly 0 where masked.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes differ, nothing is unmasked, an unmasked entry is NaN or infinite, or a covariance exceeds
            the floating range.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), token-wise covariance; equation not seen.

    Example:
        >>> token_covariances([-1.0, -3.0, -9.0], [1.0, -1.0, 5.0], [1, 1, 0])
        array([1., 1., 0.])
    """
    given, xp = as_floating("log_probs", log_probs)
    logp = working_precision(given)
    adv = like("advantages", logp, as_floating("advantages", advantages)[0])
    kept = _some(mask, logp, "log_probs")
    require_shape("advantages", adv, tuple(logp.shape), "the shape of log_probs")
    logp, adv = xp.where(kept, logp, 0.0), xp.where(kept, adv, 0.0)
    require_finite("log_probs", logp)
    require_finite("advantages", adv)
    (x, x_unit), (y, y_unit) = (_centred(xp, values, kept) for values in (logp, adv))
    covariances = xp.astype(x * y * (x_unit * y_unit), given.dtype, copy=False)
    if not bool(xp.all(xp.isfinite(covariances))):
        largest = number_of(xp.max(xp.abs(adv)))
        raise invalid("advantages", largest, f"small enough in magnitude for the covariances to fit {given.dtype}")
    return covariances


def _centred(xp: Namespace, values: Array, kept: Array) -> tuple[Array, float]:
    """Subtract the mean of the unmasked tokens (0 elsewhere); the result is in units of the number returned with it."""
    unit = 4.0 if number_of(xp.max(xp.abs(values))) > float(xp.finfo(values.dtype).max) / 4 else 1.0
    # Subtracting one of the values first keeps what all have in common out of the rounding.
    first = int(xp.argmax(xp.astype(xp.reshape(kept, (-1,)), xp.int8)))
    shifted = xp.where(kept, values / unit - xp.reshape(values, (-1,))[first] / unit, 0.0)
    count = int(xp.sum(xp.astype(kept, xp.int64)))
    return xp.where(kept, shifted - xp.sum(shifted / count), 0.0), unit


def _some(mask: Any, x: Array, owner: str) -> Array:
    """Check a mask in which at least one entry must be set."""
    kept = checked_mask(mask, x, owner)
    if not bool(namespace(kept).any(kept)):
        raise ValueError("mask must be set for one token at least; got none")
    return kept


@self_contained
def clip_cov_mask(
    covariances: Array,
    mask: Array,
    *,
    ratio: float = 2e-4,
    low: float = 1.0,
    high: float = 5.0,
    seed: int = 0,
    variant: Variant = "paper",
) -> Array:
    """Clip-Cov: pick at random a few tokens of high covariance, whose gradient is then cut off.

    I_clip ~ Uniform({i : Covᵢ in [low, high]}, ⌊ratio·N⌋), N unmasked tokens

    Fewer are picked when fewer tokens lie in the interval. ``variant="code"``: the interval is open, and at least
    one token is picked (if there is one). The code also leaves out tokens that PPO clips anyway, though N counts
    them: give them a covariance below ``low``.

    Args:
        covariances: From :func:`token_covariances`, any shape.
        mask: True (1) at the tokens that count and may be picked, same shape.
        ratio: Share of the unmasked tokens to pick, in [0, 1].
        low: Lower end ω_low of the interval.
        high: Upper end ω_high, >= ``low``.
        seed: Of the random choice; the same on every library and device.
        variant: ``"paper"`` or ``"code"``.

    Returns:
        Boolean array of the same shape, true at the tokens whose loss is to be detached.

    Raises:
        TypeError: An argument holds no real numbers, ``seed`` is no integer.
        ValueError: Shapes differ, nothing is unmasked, an unmasked covariance is NaN or infinite, a parameter is out
            of range.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), Clip-Cov; equation not seen.

    Example:
        >>> covariances = [0.1, 2.0, 3.0, 9.0]
        >>> int(clip_cov_mask(covariances, [1, 1, 1, 1], ratio=0.5).sum())
        2
    """
    cov, kept, xp = _checked_covariances(covariances, mask, variant)
    share = require_number("ratio", ratio, low=0.0, high=1.0)
    low = require_number("low", low)
    high = require_number("high", high, low=low)
    inside = (cov > low) & (cov < high) if variant == "code" else (cov >= low) & (cov <= high)
    candidates = kept & inside
    wanted = min(_share_of(share, kept, xp, variant), int(xp.sum(xp.astype(candidates, xp.int64))))
    # The candidates with the smallest random numbers; a token's number depends on its position alone.
    draw = xp.where(candidates, xp.reshape(uniform(cov, math.prod(cov.shape), seed), cov.shape), 2.0)
    return _smallest(xp, draw, wanted)


@self_contained
def kl_cov_mask(covariances: Array, mask: Array, *, ratio: float = 2e-3, variant: Variant = "paper") -> Array:
    """KL-Cov: the tokens of highest covariance, which then get a KL penalty.

    I_KL = {i : Rank(Covᵢ) <= ratio·N}, N unmasked tokens, rank 1 the highest

    Ties go to the earlier token. ``variant="code"`` picks one token at least.

    Args:
        covariances: From :func:`token_covariances`, any shape.
        mask: True (1) at the tokens that count and may be picked, same shape.
        ratio: Share k of the unmasked tokens to pick, in [0, 1].
        variant: ``"paper"`` or ``"code"``.

    Returns:
        Boolean array of the same shape, true at the tokens to be penalised.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes differ, nothing is unmasked, an unmasked covariance is NaN or infinite, a parameter is out
            of range.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), KL-Cov; equation not seen.

    Example:
        >>> kl_cov_mask([0.1, 2.0, 3.0, 9.0], [1, 1, 1, 0], ratio=0.4)
        array([False, False,  True, False])
    """
    cov, kept, xp = _checked_covariances(covariances, mask, variant)
    share = require_number("ratio", ratio, low=0.0, high=1.0)
    return _smallest(xp, xp.where(kept, -cov, math.inf), _share_of(share, kept, xp, variant))


def _checked_covariances(covariances: Any, mask: Any, variant: str) -> tuple[Array, Array, Namespace]:
    """Check what the two selection rules share; masked covariances become 0."""
    require_choice("variant", variant, ("paper", "code"))
    cov, xp = as_floating("covariances", covariances)
    kept = _some(mask, cov, "covariances")
    cov = xp.where(kept, cov, 0.0)
    require_finite("covariances", cov)
    return cov, kept, xp


def _share_of(ratio: float, kept: Array, xp: Namespace, variant: str) -> int:
    """⌊ratio·N⌋, where products within 1e-9 of an integer count as that integer."""
    return max(math.floor(ratio * int(xp.sum(xp.astype(kept, xp.int64))) + 1e-9), int(variant == "code"))


def _smallest(xp: Namespace, values: Array, count: int) -> Array:
    """Mark the positions of the ``count`` smallest values, earlier positions first among equals."""
    flat = xp.reshape(values, (-1,))
    place = xp.argsort(xp.argsort(flat, stable=True), stable=True)
    return xp.reshape(place < count, values.shape)
