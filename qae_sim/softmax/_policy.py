"""Building blocks for the quantities of a softmax policy, all computed without cancellation.

The accuracy rests on three observations:

* With gaps gₐ = max z - zₐ >= 0 the entropy is log Z + Σ πg, where Z - 1 is a sum of positive numbers: nothing
  cancels, however peaked the policy is.
* log πₐ + H = zₐ - Σ πz: the logits centred under the policy. Centring twice (subtract the mean, then the mean of what
  is left) is exact to rounding of the centred values themselves, because a common shift changes nothing.
* Where all arms but one have weights near the smallest number of the floating type, every quantity here is
  proportional to these weights. They can be lifted by a common factor and the result be lowered by it.
"""

from __future__ import annotations

import math
from typing import Any

from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    invalid,
    like,
    require_finite,
    require_shape,
    working_precision,
)
from qae_sim.frozen import dataclass

#: Beyond this gap the runner-up's weight is so small that 1 + weight = 1, also for a million arms.
_NEGLIGIBLE = 60.0


@dataclass(frozen=True, eq=False, repr=False)
class Policy:
    """A softmax policy, in quantities that lose no digits.

    Attributes:
        top: True at the arm of the largest logit (the first, if there are several), ``(..., A)``.
        gap: Distance of each logit below the largest, ``(..., A)``.
        runner_up: Smallest gap of the other arms, ``(..., 1)``; 0 for a single arm.
        pi: Probabilities, ``(..., A)``.
        log_z: log Σ exp(-gap), ``(..., 1)``.
        entropy: H in nats, ``(..., 1)``.
    """

    top: Array
    gap: Array
    runner_up: Array
    pi: Array
    log_z: Array
    entropy: Array


def checked_logits(logits: Any) -> tuple[Array, Namespace]:
    """Take logits as floating numbers and check them.

    Args:
        logits: ``(..., A)``.

    Returns:
        The floating logits and their namespace.

    Raises:
        TypeError: The logits are no real numbers.
        ValueError: There is no arm, or a logit is NaN or infinite.
    """
    z, xp = as_floating("logits", logits)
    if z.ndim == 0 or z.shape[-1] < 1:
        raise invalid("logits", tuple(z.shape), "of shape (..., A) with A >= 1 arms")
    require_finite("logits", z)
    return z, xp


def checked_per_arm(name: str, logits: Array, value: Any) -> Array:
    """Take a quantity that has one value per arm, in the working precision of the logits.

    Args:
        name: The argument's name, for the error.
        logits: Checked logits, ``(..., A)``.
        value: ``(..., A)``, or a shape that broadcasts to it, such as ``(A,)``.

    Returns:
        The values, ``(..., A)``.

    Raises:
        TypeError: ``value`` holds no real numbers.
        ValueError: The shapes do not fit, or an entry is NaN or infinite.
    """
    x, _ = as_floating(name, value)
    z = working_precision(logits)
    x = like(name, z, x)
    xp = as_floating(name, z)[1]
    require_finite(name, x)
    try:
        x = xp.broadcast_to(x, z.shape)
    except (ValueError, RuntimeError):
        require_shape(name, x, tuple(z.shape), "the shape of logits, or one that broadcasts to it")
    return x


def fitted(name: str, result: Array, z: Array) -> Array:
    """Give a result the type of the logits, and name the argument that is too large if it does not fit.

    Args:
        name: The argument that is too large if the result does not fit.
        result: A result in working precision; infinite or NaN where it has overflowed.
        z: The logits, whose type the result gets.

    Returns:
        The result.

    Raises:
        ValueError: Some entry does not fit.
    """
    xp = as_floating(name, z)[1]
    result = xp.astype(result, z.dtype, copy=False)
    if not bool(xp.all(xp.isfinite(result))):
        largest = "magnitudes whose differences and products do not"
        raise ValueError(f"{name} must be small enough for the computation to stay within {z.dtype}; got {largest}")
    return result


def working_logits(xp: Namespace, z: Array) -> Array:
    """Bring checked logits into working precision, with gaps that the floating type can hold.

    Args:
        xp: The namespace.
        z: Checked logits, ``(..., A)``.

    Returns:
        The logits; those of arms further below the largest than a quarter of the largest float are raised to there,
        where their probability is still exactly 0.
    """
    w = working_precision(z)
    limit = float(xp.finfo(w.dtype).max) / 4
    highest = xp.max(w, axis=-1, keepdims=True)
    lowest = xp.where(highest > -3 * limit, highest, 0.0) - limit
    return xp.where(highest / 4 - w / 4 > limit / 4, lowest, w)


def policy(xp: Namespace, z: Array, correction: Array | None = None) -> Policy:
    """Build the policy of logits ``z``, or of ``z + correction`` with a correction below the rounding of ``z``.

    Args:
        xp: The namespace.
        z: Logits from :func:`working_logits`, ``(..., A)``.
        correction: What ``z`` lost to rounding, ``(..., A)``.

    Returns:
        The policy.
    """
    arms = xp.arange(z.shape[-1], device=z.device)
    top = arms == xp.argmax(z, axis=-1, keepdims=True)
    gap = at_top(xp, top, z) - z
    if correction is not None:
        # Logits that rounding has made equal may be far apart: find the largest once more.
        top = arms == xp.argmin(gap + (at_top(xp, top, correction) - correction), axis=-1, keepdims=True)
        gap = (at_top(xp, top, z) - z) + (at_top(xp, top, correction) - correction)
    return _of_gaps(xp, top, gap)


def _of_gaps(xp: Namespace, top: Array, gap: Array) -> Policy:
    """Build the policy from the gaps below the top arm."""
    # Everything but the top arm is measured against the runner-up, so that tiny weights do not underflow.
    runner_up = xp.min(xp.where(top, xp.inf, gap), axis=-1, keepdims=True)
    runner_up = xp.where(xp.isfinite(runner_up), runner_up, xp.zeros_like(runner_up))  # a single arm has none
    relative = xp.where(top, 0.0, xp.exp(runner_up - xp.where(top, runner_up, gap)))
    others = xp.sum(relative, axis=-1, keepdims=True)
    weighted_gap = xp.sum(relative * gap, axis=-1, keepdims=True)
    unit = xp.exp(-runner_up)
    log_z = xp.log1p(unit * others)
    z_total = 1 + unit * others
    entropy = log_z + unit * weighted_gap / z_total
    # log1p(x) = x there, and exp(log(...)) reaches below the smallest weight.
    far = xp.exp(xp.log(xp.where(others + weighted_gap > 0, others + weighted_gap, 1.0)) - runner_up)
    entropy = xp.where((runner_up > _NEGLIGIBLE), far, entropy)
    return Policy(top, gap, runner_up, xp.where(top, 1.0, xp.exp(-gap)) / z_total, log_z, entropy)


def lifted(xp: Namespace, *policies: Policy) -> tuple[tuple[Policy, ...], Array]:
    """Lift weights that are too small for the floating type to hold all their digits.

    With one arm so far ahead that the squares of the other weights are 0, whatever is computed from the policy is 0
    or proportional to those weights. Policies before and after a change are lifted together or not at all.

    Args:
        xp: The namespace.
        *policies: One policy, or several that are compared with each other.

    Returns:
        The policies with lifted weights (with smaller gaps, and entropies that are no longer true), and the factor to
        multiply results with, ``(...)``.
    """
    first = policies[0]
    by = -0.5 * math.log(float(xp.finfo(first.gap.dtype).smallest_normal))
    small = xp.ones_like(first.runner_up, dtype=xp.bool)
    for each in policies:
        small = small & (each.runner_up > 1.6 * by) & xp.all(each.top == first.top, axis=-1, keepdims=True)
    factor = xp.where(small[..., 0], math.exp(-by), xp.ones_like(first.runner_up[..., 0]))
    if not bool(xp.any(small)):
        return policies, factor
    shorter = (xp.where(small & ~each.top, each.gap - by, each.gap) for each in policies)
    return tuple(_of_gaps(xp, each.top, gap) for each, gap in zip(policies, shorter, strict=True)), factor


def at_top(xp: Namespace, top: Array, x: Array) -> Array:
    """Value at the top arm; ``(..., 1)``."""
    return xp.sum(xp.where(top, x, 0.0), axis=-1, keepdims=True)


def mean(xp: Namespace, pi: Array, x: Array) -> Array:
    """Mean under the policy, Σ πx; ``(..., 1)``."""
    return xp.sum(pi * x, axis=-1, keepdims=True)


def mean_product(xp: Namespace, now: Policy, x: Array, y: Array) -> Array:
    """Mean of a product under the policy, Σ πxy, ``(..., 1)``; π may be too small to be held where xy is large."""
    half = xp.where(now.top, 1.0, xp.exp(-now.gap / 2))
    return xp.sum((half * x) * (half * y), axis=-1, keepdims=True) / xp.exp(now.log_z)


def centred(xp: Namespace, now: Policy, x: Array) -> Array:
    """Subtract the mean under the policy, x - Σ πx, and then what rounding left of it; ``(..., A)``."""
    # Measured from the top arm first, so that what all arms share is gone exactly; `lost` is what that rounds away.
    base = at_top(xp, now.top, x)
    offset = x - base
    lost = rounding(x, -base, offset)
    once = (offset - mean(xp, now.pi, offset)) + lost
    return once - mean(xp, now.pi, once)


def rounding(a: Array, b: Array, total: Array) -> Array:
    """The exact a + b minus its rounded value ``total`` (Knuth's two-sum)."""
    added = total - a
    return (a - (total - added)) + (b - added)


def exp_remainder(xp: Namespace, x: Array) -> Array:
    """Compute eˣ - 1 - x, also where x is so small that the three cancel."""
    small = xp.abs(x) < 0.1
    near = xp.where(small, x, 0.0)
    series = xp.zeros_like(x)
    for n in range(11, 1, -1):  # x²/2 · (1 + x/3 · (1 + x/4 · (...))), enough terms for |x| < .1
        series = near / n * (1 + series)
    return xp.where(small, near * series, xp.expm1(xp.where(small, 0.0, x)) - x)
