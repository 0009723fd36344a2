"""Entropy, covariance and gradient of a softmax policy, and the update rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    require_number,
    require_shape,
    self_contained,
)
from qae_sim.softmax._policy import (
    centred,
    checked_logits,
    checked_per_arm,
    fitted,
    lifted,
    mean_product,
    policy,
    working_logits,
)


@self_contained
def probabilities(logits: Array) -> Array:
    """Probabilities of a softmax policy.

    πₐ = exp(zₐ) / Σ_b exp(z_b)

    Args:
        logits: z, ``(..., A)``, A >= 1, finite.

    Returns:
        π, ``(..., A)``; exactly 0 where the gap to the largest logit exceeds what the floating type can hold.

    Raises:
        TypeError: ``logits`` holds no real numbers.
        ValueError: No arm, or a logit NaN or infinite.

    Source:
        Definition.

    Example:
        >>> probabilities([0.0, 0.0])
        array([0.5, 0.5])
    """
    z, xp = checked_logits(logits)
    return xp.astype(policy(xp, working_logits(xp, z)).pi, z.dtype, copy=False)


@self_contained
def entropy(logits: Array) -> Array:
    """Entropy of a softmax policy, accurate also where it is tiny.

    H = -Σ π log π = log Σ exp(-g) + Σ πg,  gₐ = max z - zₐ

    Args:
        logits: z, ``(..., A)``, A >= 1, finite.

    Returns:
        H in nats, ``(...)``, in [0, log A].

    Raises:
        TypeError: ``logits`` holds no real numbers.
        ValueError: No arm, or a logit NaN or infinite.

    Source:
        Definition.

    Example:
        >>> import numpy as np
        >>> bool(np.isclose(entropy([0.0, -600.0]), 601 * np.exp(-600), rtol=1e-12, atol=0))
        True
    """
    z, xp = checked_logits(logits)
    return xp.astype(policy(xp, working_logits(xp, z)).entropy[..., 0], z.dtype, copy=False)


@self_contained
def covariance(logits: Array, x: Array, y: Array) -> Array:
    """Covariance of two quantities of the arms under the policy.

    Cov_π(x, y) = Σ π (x - Σ πx)(y - Σ πy)

    Args:
        logits: z, ``(..., A)``, finite.
        x: One value per arm, ``(..., A)`` or broadcasting to it.
        y: One value per arm, ``(..., A)`` or broadcasting to it.

    Returns:
        The covariance, ``(...)``, in the units of x times those of y.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, an entry is NaN or infinite, or the covariance exceeds the floating range.

    Source:
        Definition; used as in Cui et al., The entropy mechanism (arXiv:2505.22617), Lemma 1.

    Example:
        >>> float(covariance([0.0, 0.0], [1.0, -1.0], [2.0, 0.0]))
        1.0
    """
    z, xp = checked_logits(logits)
    (now,), scale = lifted(xp, policy(xp, working_logits(xp, z)))
    left, right = checked_per_arm("x", z, x), checked_per_arm("y", z, y)
    product = scale * mean_product(xp, now, centred(xp, now, left), centred(xp, now, right))[..., 0]
    return fitted("x, y", product, z)


@self_contained
def entropy_gradient(logits: Array) -> Array:
    """Exact gradient of the entropy with respect to the logits.

    ∂H/∂zₐ = -πₐ (log πₐ + H)

    Args:
        logits: z, ``(..., A)``, finite.

    Returns:
        The gradient, ``(..., A)``; it sums to 0.

    Raises:
        TypeError: ``logits`` holds no real numbers.
        ValueError: No arm, or a logit NaN or infinite.

    Source:
        Derivative of the definition.

    Example:
        >>> entropy_gradient([1.0, 0.0]).round(6)
        array([-0.196612,  0.196612])
    """
    z, xp = checked_logits(logits)
    w = working_logits(xp, z)
    (now,), scale = lifted(xp, policy(xp, w))
    return xp.astype(-scale[..., None] * (now.pi * centred(xp, now, w)), z.dtype, copy=False)


def _baseline(logits: Array, b: Any) -> Array:
    """Take a baseline, a number or one per policy, so that it broadcasts over the arms."""
    x, _ = as_floating("b", b)
    if x.ndim == 0:
        return checked_per_arm("b", logits, x)
    batch = tuple(logits.shape[:-1])
    if x.ndim > len(batch) or any(n not in (1, m) for n, m in zip(x.shape[::-1], batch[::-1], strict=False)):
        require_shape("b", x, batch, "one baseline per policy, or a number")
    return checked_per_arm("b", logits, x[..., None])


def _difference(xp: Namespace, x: Array, y: Array) -> tuple[Array, float]:
    """Compute x - y in units of the power of two returned with it: 1.0 unless the difference might overflow."""
    unit = max(_unit(xp, x), _unit(xp, y))
    return (x - y, 1.0) if unit == 1.0 else (x / unit - y / unit, unit)


def _in_units(xp: Namespace, x: Array) -> tuple[Array, float]:
    """Compute x in units of the power of two returned with it: 1.0 unless differences might overflow."""
    unit = _unit(xp, x)
    return (x, 1.0) if unit == 1.0 else (x / unit, unit)


def _unit(xp: Namespace, x: Array) -> float:
    """A power of two that keeps differences of values in range."""
    huge = float(xp.finfo(x.dtype).max) / 8
    return 8.0 if bool(xp.any(xp.abs(x) > huge)) else 1.0


@self_contained
def paper_update(logits: Array, rewards: Array, b: Array = 0.0, *, eta: float) -> Array:
    """Logit change of the papers' theorems, which leave out the softmax normaliser.

    Δzₐ = η πₐ (rₐ - b)

    It is neither the gradient nor the natural gradient of the expected reward, and the baseline does not cancel.

    Args:
        logits: z, ``(..., A)``, finite.
        rewards: r of each arm, ``(..., A)`` or broadcasting to it.
        b: Baseline, a number or one per policy ``(...)``.
        eta: Step size η.

    Returns:
        Δz, ``(..., A)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry is NaN or infinite.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), Prop. 1; Wu et al., QAE (arXiv:2509.22611), Sec. 4.3.

    Example:
        >>> paper_update([0.0, 0.0], [1, 0], 0.5, eta=1.0)
        array([ 0.25, -0.25])
    """
    z, xp = checked_logits(logits)
    pi = policy(xp, working_logits(xp, z)).pi
    difference, unit = _difference(xp, checked_per_arm("rewards", z, rewards), _baseline(z, b))
    return fitted("eta, rewards, b", require_number("eta", eta) * pi * difference * unit, z)


@self_contained
def policy_gradient_update(logits: Array, rewards: Array, b: Array = 0.0, *, eta: float) -> Array:
    """Logit change along the exact gradient of the expected reward.

    Δzₐ = η πₐ (rₐ - Σ πr),  the same for every baseline b, which cancels

    Args:
        logits: z, ``(..., A)``, finite.
        rewards: r of each arm, ``(..., A)`` or broadcasting to it.
        b: Baseline, a number or one per policy ``(...)``; checked, and without effect.
        eta: Step size η.

    Returns:
        Δz, ``(..., A)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry is NaN or infinite.

    Source:
        Derivative of Σ πr; the baseline's score has expectation 0.

    Example:
        >>> policy_gradient_update([0.0, 0.0], [1, 0], 0.9, eta=1.0)
        array([ 0.25, -0.25])
    """
    z, xp = checked_logits(logits)
    now = policy(xp, working_logits(xp, z))
    _baseline(z, b)
    r, unit = _in_units(xp, checked_per_arm("rewards", z, rewards))
    return fitted("eta, rewards", require_number("eta", eta) * now.pi * centred(xp, now, r) * unit, z)


@self_contained
def natural_gradient_update(logits: Array, rewards: Array, b: Array = 0.0, *, eta: float) -> Array:
    """Logit change along the natural gradient of the expected reward.

    Δzₐ = η (rₐ - b),  where b shifts all logits alike and so changes no probability

    Args:
        logits: z, ``(..., A)``, finite.
        rewards: r of each arm, ``(..., A)`` or broadcasting to it.
        b: Baseline, a number or one per policy ``(...)``.
        eta: Step size η.

    Returns:
        Δz, ``(..., A)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry is NaN or infinite.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), Theorem 2; Kakade (2001).

    Example:
        >>> natural_gradient_update([0.0, 0.0], [1, 0], 0.5, eta=1.0)
        array([ 0.5, -0.5])
    """
    z, xp = checked_logits(logits)
    difference, unit = _difference(xp, checked_per_arm("rewards", z, rewards), _baseline(z, b))
    return fitted("eta, rewards, b", require_number("eta", eta) * difference * unit, z)


#: The update rules by name; all have the signature ``(logits, rewards, b, *, eta)``.
UPDATE_RULES: Mapping[str, Callable[..., Array]] = MappingProxyType(
    {
        "paper": paper_update,
        "policy_gradient": policy_gradient_update,
        "natural_gradient": natural_gradient_update,
    }
)
