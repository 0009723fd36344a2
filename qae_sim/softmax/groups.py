"""Expected entropy change when a sampled group is learned: drift of the mean step, and noise around it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    as_numpy,
    invalid,
    like,
    number_of,
    require_choice,
    require_finite,
    require_number,
    self_contained,
)
from qae_sim.frozen import dataclass
from qae_sim.softmax._policy import (
    at_top,
    centred,
    checked_logits,
    checked_per_arm,
    fitted,
    lifted,
    mean,
    policy,
    working_logits,
)
from qae_sim.softmax.binomial_law import binomial

SampledRule: TypeAlias = Literal["policy_gradient", "paper"]


@dataclass(frozen=True, eq=False)
class GroupMoments:
    """Moments over groups of the summed advantages of correct and of wrong responses; arrays of the shape of p.

    With n successes the advantages of the correct responses add up to s₁ = n·a(n, 1), those of the wrong ones to
    s₀ = (G-n)·a(n, 0).

    Attributes:
        mean_1: E[s₁].
        mean_0: E[s₀].
        var_1: Var[s₁].
        var_0: Var[s₀].
        cov: Cov[s₁, s₀].
        mean_sum: E[s₁ + s₀], 0 for an advantage that sums to 0 within each group.
        var_sum: Var[s₁ + s₀].
        cov_sum_1: Cov[s₁ + s₀, s₁].
        cov_sum_0: Cov[s₁ + s₀, s₀].
        squares_1: E[n·a(n, 1)²].
        squares_0: E[(G-n)·a(n, 0)²].
    """

    mean_1: Array
    mean_0: Array
    var_1: Array
    var_0: Array
    cov: Array
    mean_sum: Array
    var_sum: Array
    cov_sum_1: Array
    cov_sum_0: Array
    squares_1: Array
    squares_0: Array


@self_contained
def group_moments(table: Array, p: Array, complement: Array | None = None) -> GroupMoments:
    """Moments of an estimator's summed advantages over groups of independent responses.

    E[f(n)] = Σ_n C(G, n) pⁿ (1-p)^{G-n} f(n)

    Args:
        table: a(n, r), the advantage of a response of reward r among n successes, ``(G + 1, 2)``.
        p: Success rates in [0, 1], any shape.
        complement: 1 - p, same shape, if it is known more accurately than by subtraction.

    Returns:
        The moments.

    Raises:
        TypeError: ``p`` or ``table`` holds no real numbers.
        ValueError: A probability outside [0, 1]; ``table`` has another shape, or an entry NaN or infinite.

    Source:
        Definition.

    Example:
        >>> table = np.array([[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])  # RLOO with G = 2
        >>> moments = group_moments(table, 0.5)
        >>> float(moments.mean_1), float(moments.cov)
        (0.5, -0.25)
    """
    x, xp = as_floating("p", p)
    a = _checked_table(table)
    size = a.shape[0] - 1
    n = np.arange(size + 1)
    weight = binomial(xp.astype(x, xp.float64), size, complement)
    s1, s0 = like("table", weight, n * a[:, 1]), like("table", weight, (size - n) * a[:, 0])

    def expect(values: Array) -> Array:
        return xp.sum(weight * values, axis=-1)

    mean_1, mean_0 = expect(s1), expect(s0)
    d1, d0 = s1 - mean_1[..., None], s0 - mean_0[..., None]
    # The sum is computed by itself: where it is 0, its moments must be exactly 0, not a difference of rounded ones.
    d = (s1 + s0) - expect(s1 + s0)[..., None]
    moments = {
        "mean_1": mean_1,
        "mean_0": mean_0,
        "var_1": expect(d1 * d1),
        "var_0": expect(d0 * d0),
        "cov": expect(d1 * d0),
        "mean_sum": expect(s1 + s0),
        "var_sum": expect(d * d),
        "cov_sum_1": expect(d * d1),
        "cov_sum_0": expect(d * d0),
        "squares_1": expect(like("table", weight, n * a[:, 1] ** 2)),
        "squares_0": expect(like("table", weight, (size - n) * a[:, 0] ** 2)),
    }
    found = {name: xp.astype(value, x.dtype, copy=False) for name, value in moments.items()}
    if not all(bool(xp.all(xp.isfinite(value))) for value in found.values()):
        raise invalid("table", float(np.abs(a).max()), f"small enough in magnitude for the moments to fit {x.dtype}")
    return GroupMoments(**found)


def _checked_table(table: Any) -> np.ndarray:
    """Take a table a(n, r) as a NumPy array and check it."""
    x, _ = as_floating("table", table)
    if x.ndim != 2 or x.shape[1] != 2 or x.shape[0] < 2:
        raise invalid("table", tuple(x.shape), "of shape (G + 1, 2) with G >= 1")
    require_finite("table", x)
    return as_numpy("table", x)


@dataclass(frozen=True, eq=False)
class ExpectedEntropyChange:
    """Expected entropy change of one sampled group, to second order in the step; arrays ``(...)``, in nats.

    Attributes:
        first_order: -Cov_π(log π, E[Δz]).
        drift: Change by the mean step E[Δz] to second order, ``first_order`` included.
        noise: ½ tr(∇²H · Cov[Δz]), the change by the scatter of the step around its mean.
    """

    first_order: Array
    drift: Array
    noise: Array

    @property
    def total(self) -> Array:
        """E[ΔH] to second order: drift + noise."""
        return self.drift + self.noise


@self_contained
def expected_entropy_change(
    logits: Array, success: Array, table: Array, *, eta: float, rule: SampledRule = "policy_gradient"
) -> ExpectedEntropyChange:
    """Expected entropy change when one group of G responses is sampled and its update is made.

    Δz = (η/G) Σᵢ Aᵢ (e_{aᵢ} - π)  (``"policy_gradient"``), or without π (``"paper"``);
    E[ΔH] ≈ ∇H·E[Δz] + ½ E[Δz]ᵀ∇²H E[Δz] + ½ tr(∇²H Cov[Δz]),  dᵀ∇²H d = -Σ π (1 + log π + H)(d - Σ πd)²

    The expectations over groups are exact: given n successes, the responses are independent draws from the policy
    conditioned on correct (π₊) and on wrong (π₋), and n is binomial.

    Args:
        logits: z, ``(..., A)``, finite.
        success: Chance of each arm to be correct, in [0, 1] (0 or 1 for a deterministic verifier), ``(..., A)`` or
            broadcasting to it.
        table: a(n, r) from :func:`~qae_sim.advantages.advantage_table`, ``(G + 1, 2)``.
        eta: Step size η.
        rule: ``"policy_gradient"`` or ``"paper"``.

    Returns:
        First-order term, drift and noise.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, an entry is NaN, infinite or out of range, an unknown ``rule``.

    Source:
        Derived here; its first-order term under ``"paper"`` is Wu et al., QAE (arXiv:2509.22611), Eq. 18.

    Example:
        >>> rloo = np.array([[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])
        >>> change = expected_entropy_change([1.0, 0.0], [1, 0], rloo, eta=0.1)
        >>> [round(float(part), 6) for part in (change.first_order, change.drift, change.noise)]
        [-0.007731, -0.007813, -0.000126]
    """
    require_choice("rule", rule, ("policy_gradient", "paper"))
    z, xp = checked_logits(logits)
    correct = checked_per_arm("success", z, success)
    if not bool(xp.all((correct >= 0) & (correct <= 1))):
        raise invalid("success", number_of(correct[(correct < 0) | (correct > 1)][0]), "in [0, 1] everywhere")
    a = _checked_table(table)
    step = require_number("eta", eta) / (a.shape[0] - 1)
    w = working_logits(xp, z)
    (now,), scale = lifted(xp, policy(xp, w))
    pi = now.pi
    p, q = (xp.minimum(mean(xp, pi, chance), xp.ones_like(now.log_z)) for chance in (correct, 1 - correct))
    moments = group_moments(a, p[..., 0], q[..., 0])

    def per(total: Array, x: Array) -> Array:
        # A side that never occurs has no distribution; all its moments are 0.
        return xp.where(total > 0, x / xp.where(total > 0, total, 1.0), 0.0)

    plus, minus = per(p, pi * correct), per(q, pi * (1 - correct))  # π₊ and π₋
    # π₊ = π + u₁ and π₋ = π + u₀; the gradient leaves u₁ and u₀ alone, the paper's update adds (s₁ + s₀) π.
    lead = pi * centred(xp, now, correct)
    u1, u0 = (centred(xp, now, u) for u in (per(p, lead), -per(q, lead)))
    shared = centred(xp, now, pi) if rule == "paper" else xp.zeros_like(pi)

    m = {name: value[..., None] for name, value in vars(moments).items()}
    expected = step * (m["mean_sum"] * shared + m["mean_1"] * u1 + m["mean_0"] * u0)
    between = m["var_1"] * u1 * u1 + 2 * m["cov"] * u1 * u0 + m["var_0"] * u0 * u0
    between = between + shared * (m["var_sum"] * shared + 2 * (m["cov_sum_1"] * u1 + m["cov_sum_0"] * u0))
    within = m["squares_1"] * _spread(xp, plus, pi) + m["squares_0"] * _spread(xp, minus, pi)
    surprise = centred(xp, now, w)
    curvature = -0.5 * pi * (1 + surprise)
    first_order = -scale * xp.sum(pi * surprise * expected, axis=-1)
    bend = scale * xp.sum(curvature * expected * expected, axis=-1)
    noise = scale * step * step * xp.sum(curvature * (between + within), axis=-1)
    return ExpectedEntropyChange(*(fitted("table, eta", part, z) for part in (first_order, first_order + bend, noise)))


def _spread(xp: Namespace, chance: Array, pi: Array) -> Array:
    """Variance over b ~ chance of 1{b = a} - π_b, for every arm a, in which 1 - π never rounds to 0.

    By the law of total variance: c (1-c) (1 - π_a + μ)² between b = a and b ≠ a, and the variance of π_b among b ≠ a,
    where μ is its mean.
    """
    mass = _others(xp, chance)
    mu = _others(xp, chance * pi) / xp.where(mass > 0, mass, 1.0)
    between = chance * mass * (_others(xp, pi) + mu) ** 2
    overall = xp.sum(chance * (pi - xp.sum(chance * pi, axis=-1, keepdims=True)) ** 2, axis=-1, keepdims=True)
    among = overall - chance * mass * (pi - mu) ** 2
    # At most two arms can dominate the overall variance; without them the others are summed directly.
    for large in (_largest(xp, chance), _largest(xp, pi)):
        direct = xp.sum(xp.where(large, 0.0, chance * (pi - at_top(xp, large, mu)) ** 2), axis=-1, keepdims=True)
        among = xp.where(large, direct, among)
    return between + among


def _largest(xp: Namespace, x: Array) -> Array:
    """True at the (first) largest entry."""
    return xp.arange(x.shape[-1], device=x.device) == xp.argmax(x, axis=-1, keepdims=True)


def _others(xp: Namespace, x: Array) -> Array:
    """For each entry the sum of all others, of entries that are not negative; ``(..., A)``."""
    largest = _largest(xp, x)
    # At most the largest entry is more than half of the total; without it nothing cancels.
    of_largest = xp.sum(xp.where(largest, 0.0, x), axis=-1, keepdims=True)
    return xp.where(largest, of_largest, xp.sum(x, axis=-1, keepdims=True) - x)
