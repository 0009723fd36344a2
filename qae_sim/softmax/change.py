"""How the entropy of a softmax policy changes when its logits do."""

from __future__ import annotations

from qae_sim.arrays import Array, Namespace, require_finite, require_number, self_contained
from qae_sim.frozen import dataclass
from qae_sim.softmax._policy import (
    Policy,
    at_top,
    centred,
    checked_logits,
    checked_per_arm,
    exp_remainder,
    fitted,
    lifted,
    mean,
    mean_product,
    policy,
    rounding,
    working_logits,
)


@self_contained
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
        ValueError: Shapes do not fit, an entry is NaN or infinite, or the change exceeds the floating range.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), Lemma 1.

    Example:
        >>> float(first_order_entropy_change([1.0, 0.0], [0.1, 0.0])).__round__(6)
        -0.019661
    """
    z, xp = checked_logits(logits)
    w = working_logits(xp, z)
    (now,), scale = lifted(xp, policy(xp, w))
    d = checked_per_arm("delta", z, delta)
    change = -scale * mean_product(xp, now, centred(xp, now, w), centred(xp, now, d))[..., 0]
    return fitted("delta", change, z)


@self_contained
def entropy_change(logits: Array, delta: Array) -> Array:
    """Exact change of the entropy under a change of the logits of any size, tiny or huge.

    ΔH = H(z + Δz) - H(z) = -KL(π'‖π) - Σ (π' - π)(log π + H)

    The right-hand side is what is computed: with vₐ = log(π'ₐ/πₐ) it is a sum of terms that shrink with the change,
    so a change of 1e-20 keeps its digits next to an entropy of 10. Where both entropies together are smaller than
    those terms (a policy that jumps from one arm to another), H(z + Δz) - H(z) is more accurate and is computed
    instead.

    Args:
        logits: z, ``(..., A)``, finite.
        delta: Δz, ``(..., A)`` or broadcasting to it.

    Returns:
        The change in nats, ``(...)``.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or an entry of z, Δz or z + Δz is NaN or infinite.

    Source:
        H = log Z - Σ πz for both policies; derived here.

    Example:
        >>> float(entropy_change([1.0, 0.0], [-1.0, 0.0])).__round__(6)
        0.110944
        >>> f"{float(entropy_change([1.0, 0.0], [1e-20, 0.0])):.12e}"
        '-1.966119332415e-21'
    """
    z, xp = checked_logits(logits)
    w = working_logits(xp, z)
    d = checked_per_arm("delta", z, delta)
    before = policy(xp, w)
    total = w + d
    require_finite("logits + delta", total)
    after = policy(xp, total, rounding(w, d, total))
    (old, new), scale = lifted(xp, before, after)

    v = _log_ratio(xp, old, new, d)
    near = xp.abs(v) < 1
    small = xp.where(near, v, 0.0)
    moved = xp.where(near, old.pi * xp.expm1(small), new.pi - old.pi)
    divergence = xp.where(
        near,
        old.pi * (small * xp.expm1(small) - exp_remainder(xp, small)),
        xp.where(new.pi > 0, v, 0.0) * new.pi - moved,
    )
    tilt = moved * centred(xp, old, w)
    direct = -scale * xp.sum(divergence + tilt, axis=-1)
    size = scale * xp.sum(xp.abs(divergence) + xp.abs(tilt), axis=-1)
    h, h_after = before.entropy[..., 0], after.entropy[..., 0]
    # The direct sum of a huge change may be NaN, with which nothing can be compared.
    return fitted("delta", xp.where((h + h_after < size) | ~xp.isfinite(size), h_after - h, direct), z)


def _log_ratio(xp: Namespace, old: Policy, new: Policy, d: Array) -> Array:
    """Log ratio v = log(π'/π) after the change d, ``(..., A)``; an error common to all arms hardly affects ΔH."""
    # Measure from an arm that is likely under both policies: large gaps would round.
    distance = old.gap + new.gap
    arms = xp.arange(d.shape[-1], device=d.device)
    anchor = arms == xp.argmin(distance, axis=-1, keepdims=True)
    # For a change so large that some arm outgrows the whole old policy, v is measured from that anchor.
    d_anchor, gap_anchor, new_gap_anchor = (at_top(xp, anchor, x) for x in (d, old.gap, new.gap))
    steep = (d - d_anchor) + ((gap_anchor - new_gap_anchor) + (old.log_z - new.log_z))

    # Otherwise v = Δz - log E_π[exp Δz], with Δz centred so that the logarithm is of second order:
    # E_π[exp s] - 1 = E_π[exp s - 1 - s], all terms positive. Arms that rise by more than a factor e, possibly from
    # π = 0, are computed in one exponential.
    shift = centred(xp, old, d)
    grown = shift - old.gap - old.log_z
    is_steep = xp.max(grown, axis=-1, keepdims=True) > 1
    rise = shift > 1
    inside = xp.where(rise | is_steep, 0.0, shift)
    risen = xp.exp(xp.where(rise & ~is_steep, grown, -xp.inf)) - old.pi * (1 + shift)
    terms = xp.where(rise, risen, old.pi * exp_remainder(xp, inside))
    gentle = xp.log1p(xp.sum(xp.where(is_steep, 0.0, terms), axis=-1, keepdims=True))
    return xp.where(is_steep, steep, shift - gentle)


@dataclass(frozen=True, eq=False)
class EntropyBounds:
    """Bounds of the first-order entropy change over all baselines in [0, 1].

    Attributes:
        lower: ΔH at b = 0, ``(...)``, in nats.
        upper: ΔH at b = 1, ``(...)``, in nats.
        width: upper - lower = η·Cov_π(log π, π) >= 0, ``(...)``; 0 exactly for a uniform policy.
    """

    lower: Array
    upper: Array
    width: Array


@self_contained
def entropy_bounds(logits: Array, rewards: Array, *, eta: float) -> EntropyBounds:
    """Two-sided bound of Proposition 4.2: under the paper's update ΔH rises linearly with the baseline.

    ΔH(b) = -η [F(0) - b·C],  F(0) = Cov_π(log π, πr),  C = Cov_π(log π, π) >= 0;  bounds at b = 0 and b = 1

    The bound belongs to the papers' update (:func:`~qae_sim.softmax.paper_update`) and to first order in η. Under the
    exact gradient the baseline cancels and the two bounds coincide.

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
    w = working_logits(xp, z)
    r = checked_per_arm("rewards", z, rewards)
    (now,), scale = lifted(xp, policy(xp, w))
    surprise = centred(xp, now, w)  # log π + H
    # Of arms near the typical probability exp(-H), π = exp(-H)·(1 + expm1(log π + H)): close to the uniform policy the
    # 1 then cancels exactly instead of rounding the rest away. For other arms π itself is used.
    near = xp.abs(surprise) < 1
    typical = xp.exp(-now.entropy)
    excess = xp.expm1(xp.where(near, surprise, 0.0))

    def covariance_with_pi_times(x: Array) -> Array:
        level = centred(xp, now, xp.where(near, x, 0.0))
        rest = centred(xp, now, x * xp.where(near, typical * excess, now.pi))
        return scale * mean(xp, now.pi, surprise * (typical * level + rest))[..., 0]

    return EntropyBounds(
        lower=fitted("rewards, eta", -step * covariance_with_pi_times(r), z),
        upper=fitted("rewards, eta", step * covariance_with_pi_times(1 - r), z),
        width=fitted("eta", step * covariance_with_pi_times(xp.ones_like(r)), z),
    )
