"""The pieces that every quantity of a softmax policy is made of, each without cancellation.

Two observations carry all of the accuracy:

* With gaps gₐ = max z - zₐ >= 0 the entropy is log Z + Σ πg, where Z - 1 is a sum of positive numbers: nothing
  cancels, however peaked the policy is.
* log πₐ + H = zₐ - Σ πz: the logits centred under the policy. Centring twice (subtract the mean, then the mean of what
  is left) is exact to rounding of the centred values themselves, because a shift by any number loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
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

#: Beyond this gap the runner-up's weight is so small that 1 + weight = 1, also for a million arms.
_NEGLIGIBLE = 60.0


@dataclass(frozen=True)
class Policy:
    """A softmax policy and what can be said of it without loss.

    Attributes:
        top: True at the arm of the largest logit (the first, if there are several), ``(..., A)``.
        gap: Distance of each logit below the largest, ``(..., A)``.
        pi: Probabilities, ``(..., A)``.
        log_z: log Σ exp(-gap), ``(..., 1)``.
        entropy: H in nats, ``(..., 1)``.
    """

    top: Array
    gap: Array
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
    try:
        x = xp.broadcast_to(x, z.shape)
    except (ValueError, RuntimeError):
        require_shape(name, x, tuple(z.shape), "the shape of logits, or one that broadcasts to it")
    require_finite(name, x)
    return x


def policy(xp: Namespace, z: Array, correction: Array | None = None) -> Policy:
    """Make the policy of logits ``z``, or of ``z + correction`` with a correction below the rounding of ``z``.

    Args:
        xp: The namespace.
        z: Logits in working precision, ``(..., A)``.
        correction: What ``z`` lost to rounding, ``(..., A)``.

    Returns:
        The policy.
    """
    arms = xp.arange(z.shape[-1], device=z.device)
    top = arms == xp.argmax(z, axis=-1, keepdims=True)
    gap = at_top(xp, top, z) - z
    if correction is not None:
        gap = gap + (at_top(xp, top, correction) - correction)
    # Everything but the top arm is measured against the runner-up, so that tiny weights do not underflow.
    runner_up = xp.min(xp.where(top, xp.inf, gap), axis=-1, keepdims=True)
    runner_up = xp.where(xp.isfinite(runner_up), runner_up, xp.zeros_like(runner_up))  # a single arm has none
    relative = xp.where(top, 0.0, xp.exp(runner_up - gap))
    others = xp.sum(relative, axis=-1, keepdims=True)
    weighted_gap = xp.sum(relative * gap, axis=-1, keepdims=True)
    unit = xp.exp(-runner_up)
    log_z = xp.log1p(unit * others)
    z_total = 1 + unit * others
    entropy = log_z + unit * weighted_gap / z_total
    # log1p(x) = x there, and exp(log(...)) reaches below the smallest weight.
    far = xp.exp(xp.log(xp.where(others + weighted_gap > 0, others + weighted_gap, 1.0)) - runner_up)
    entropy = xp.where((runner_up > _NEGLIGIBLE), far, entropy)
    return Policy(top, gap, xp.where(top, 1.0, xp.exp(-gap)) / z_total, log_z, entropy)


def at_top(xp: Namespace, top: Array, x: Array) -> Array:
    """Value at the top arm; ``(..., 1)``."""
    return xp.sum(xp.where(top, x, 0.0), axis=-1, keepdims=True)


def mean(xp: Namespace, pi: Array, x: Array) -> Array:
    """Mean under the policy, Σ πx; ``(..., 1)``."""
    return xp.sum(pi * x, axis=-1, keepdims=True)


def centred(xp: Namespace, pi: Array, x: Array) -> Array:
    """Subtract the mean under the policy, x - Σ πx, and then what rounding left of it; ``(..., A)``."""
    once = x - mean(xp, pi, x)
    return once - mean(xp, pi, once)


def exp_remainder(xp: Namespace, x: Array) -> Array:
    """Compute eˣ - 1 - x, also where x is so small that the three cancel."""
    series = xp.zeros_like(x)
    for n in range(11, 1, -1):  # x²/2 · (1 + x/3 · (1 + x/4 · (...))), enough terms for |x| < .1
        series = x / n * (1 + series)
    small = xp.abs(x) < 0.1
    return xp.where(small, x * series, xp.expm1(xp.where(small, 0.0, x)) - x)
