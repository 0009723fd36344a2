"""How the entropy of a softmax policy changes when its logits do."""

from __future__ import annotations

from dataclasses import dataclass

from qae_sim.arrays import Array, require_number, working_precision
from qae_sim.softmax._policy import at_top, centred, checked_logits, checked_per_arm, exp_remainder, mean, policy


def first_order_entropy_change(logits: Array, delta: Array) -> Array:
    """Change of the entropy to first order in a change of the logits.

    ΔH ≈ -Σ π (log π + H) Δz = -Cov_π(log π, Δz)

    Args:
        logits: z, ``(..., A)``, finite.
        delta: Δz, ``(..., A)`` or broadcasting to it.

    Returns:
        The change in nats, ``(...)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry is NaN or infinite.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), Lemma 1.

    Example:
        >>> float(first_order_entropy_change([1.0, 0.0], [0.1, 0.0])).__round__(6)
        -0.019661
    """
    z, xp = checked_logits(logits)
    w = working_precision(z)
    pi = policy(xp, w).pi
    change = -xp.sum(pi * centred(xp, pi, w) * centred(xp, pi, checked_per_arm("delta", z, delta)), axis=-1)
    return xp.astype(change, z.dtype, copy=False)


def entropy_change(logits: Array, delta: Array) -> Array:
    """Exact change of the entropy under a change of the logits of any size, tiny or huge.

    ΔH = H(z + Δz) - H(z) = -KL(π'‖π) - Σ (π' - π)(log π + H)

    The right-hand side is what is computed: with vₐ = log(π'ₐ/πₐ) it is a sum of terms that shrink with the change,
    so a change of 1e-20 keeps its digits beside an entropy of 10. Where both entropies together are smaller than
    those terms (a policy that jumps from one arm to another), their difference is the more accurate form, and is
    taken.

    Args:
        logits: z, ``(..., A)``, finite.
        delta: Δz, ``(..., A)`` or broadcasting to it.

    Returns:
        The change in nats, ``(...)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry is NaN or infinite.

    Source:
        H = log Z - Σ πz for both policies; derived here.

    Example:
        >>> float(entropy_change([1.0, 0.0], [-1.0, 0.0])).__round__(6)
        0.110944
        >>> f"{float(entropy_change([1.0, 0.0], [1e-20, 0.0])):.12e}"
        '-1.966119332415e-21'
    """
    z, xp = checked_logits(logits)
    w = working_precision(z)
    d = checked_per_arm("delta", z, delta)
    old = policy(xp, w)
    # z + Δz as a rounded sum and what the rounding took away (Knuth's two-sum).
    total = w + d
    added = total - w
    new = policy(xp, total, (w - (total - added)) + (d - added))

    # v = log(π'/π) = Δz - log E_π[exp Δz], with Δz centred so that the logarithm is of second order.
    shift = centred(xp, old.pi, d)
    log_pi = -old.gap - old.log_z
    largest = xp.max(log_pi + shift, axis=-1, keepdims=True)
    # E_π[exp s] - 1 = E_π[exp s - 1 - s], all terms positive; for arms that rise by more than e, in one exponential.
    rise = shift > 1
    inside = xp.where(rise | (largest > 1), 0.0, shift)
    grown = xp.where(rise & (largest <= 1), log_pi + shift, -xp.inf)
    terms = xp.where(rise, xp.exp(grown) - old.pi * (1 + shift), old.pi * exp_remainder(xp, inside))
    gentle = xp.log1p(xp.sum(xp.where(largest > 1, 0.0, terms), axis=-1, keepdims=True))
    # A change so large that one arm takes over: read the logarithm off the new top arm.
    steep = at_top(xp, new.top, shift + log_pi) + new.log_z
    v = shift - xp.where(largest > 1, steep, gentle)

    near = xp.abs(v) < 1
    small = xp.where(near, v, 0.0)
    moved = xp.where(near, old.pi * xp.expm1(small), new.pi - old.pi)
    divergence = xp.where(
        near,
        old.pi * (small * xp.expm1(small) - exp_remainder(xp, small)),
        xp.where(new.pi > 0, v, 0.0) * new.pi - moved,
    )
    tilt = moved * centred(xp, old.pi, w)
    direct = -xp.sum(divergence + tilt, axis=-1)
    size = xp.sum(xp.abs(divergence) + xp.abs(tilt), axis=-1)
    before, after = old.entropy[..., 0], new.entropy[..., 0]
    return xp.astype(xp.where(before + after < size, after - before, direct), z.dtype, copy=False)


@dataclass(frozen=True)
class EntropyBounds:
    """The two sides between which the first-order entropy change lies for every baseline in [0, 1].

    Attributes:
        lower: ΔH at b = 0, ``(...)``, in nats.
        upper: ΔH at b = 1, ``(...)``, in nats.
        width: upper - lower = η·Cov_π(log π, π) >= 0, ``(...)``; 0 exactly for a uniform policy.
    """

    lower: Array
    upper: Array
    width: Array


def entropy_bounds(logits: Array, rewards: Array, *, eta: float) -> EntropyBounds:
    """Two-sided bound of Proposition 4.2: under the paper's update ΔH rises linearly with the baseline.

    ΔH(b) = -η [F(0) - b·C],  F(0) = Cov_π(log π, πr),  C = Cov_π(log π, π) >= 0;  bounds at b = 0 and b = 1

    The bound belongs to the papers' update (:func:`~qae_sim.softmax.paper_update`) and to first order in η. Under the
    exact gradient the baseline cancels and the two sides coincide.

    Args:
        logits: z, ``(..., A)``, finite.
        rewards: r of each arm, in [0, 1] for the proposition, ``(..., A)`` or broadcasting to it.
        eta: Step size η, >= 0.

    Returns:
        Both bounds and their distance.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, an entry is NaN or infinite, ``eta`` is negative.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Prop. 4.2 and Eqs. 18-19.

    Example:
        >>> bounds = entropy_bounds([1.0, 0.0], [1, 0], eta=1.0)
        >>> [round(float(side), 6) for side in (bounds.lower, bounds.upper, bounds.width)]
        [-0.143735, -0.052877, 0.090858]
    """
    z, xp = checked_logits(logits)
    step = require_number("eta", eta, low=0.0)
    w = working_precision(z)
    r = checked_per_arm("rewards", z, rewards)
    now = policy(xp, w)
    surprise = centred(xp, now.pi, w)  # log π + H
    # π = exp(-H)·(1 + expm1(log π + H)): near the uniform policy the 1 drops out of the covariance before it can drown
    # the rest.
    typical = xp.exp(-now.entropy)
    excess = xp.expm1(surprise)

    def covariance_with_pi_times(x: Array) -> Array:
        parts = centred(xp, now.pi, x) + centred(xp, now.pi, x * excess)
        return (typical * mean(xp, now.pi, surprise * parts))[..., 0]

    return EntropyBounds(
        lower=xp.astype(-step * covariance_with_pi_times(r), z.dtype, copy=False),
        upper=xp.astype(step * covariance_with_pi_times(1 - r), z.dtype, copy=False),
        width=xp.astype(step * covariance_with_pi_times(xp.ones_like(r)), z.dtype, copy=False),
    )
