"""What a sampled group does to the entropy on average: drift of the mean step, and noise around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qae_sim.arrays import (
    Array,
    as_floating,
    invalid,
    like,
    require_choice,
    require_number,
    working_precision,
)
from qae_sim.softmax._policy import centred, checked_logits, checked_per_arm, mean, policy

SampledRule: TypeAlias = Literal["policy_gradient", "paper"]


def binomial(p: Array, trials: int, complement: Array | None = None) -> Array:
    """Probabilities of 0..n successes in n independent trials.

    C(n, m) p^m (1-p)^(n-m)

    Args:
        p: Success probabilities in [0, 1], floating, any shape.
        trials: n, 0..1000.
        complement: 1 - p, where it is known better than that.

    Returns:
        Probabilities, ``(..., n + 1)``.

    Raises:
        ValueError: n is so large that C(n, m) leaves the range of float64.

    Source:
        Definition.

    Example:
        >>> binomial(np.asarray(0.5), 2)
        array([0.25, 0.5 , 0.25])
    """
    if trials > 1000:
        raise invalid("trials", trials, "at most 1000, beyond which binomial coefficients leave the floating range")
    p = p[..., None]
    q = 1 - p if complement is None else complement[..., None]
    m = like("trials", p, np.arange(trials + 1))
    choose = like("trials", p, np.array([float(math.comb(trials, k)) for k in range(trials + 1)]))
    return choose * p**m * q ** (trials - m)


@dataclass(frozen=True)
class GroupMoments:
    """Moments over groups of what the correct and the wrong responses add up to; arrays of the shape of p.

    With n successes the advantages of the correct responses add up to s₁ = n·a(n, 1), those of the wrong ones to
    s₀ = (G-n)·a(n, 0).

    Attributes:
        mean_1: E[s₁].
        mean_0: E[s₀].
        var_1: Var[s₁].
        var_0: Var[s₀].
        cov: Cov[s₁, s₀].
        squares_1: E[n·a(n, 1)²].
        squares_0: E[(G-n)·a(n, 0)²].
    """

    mean_1: Array
    mean_0: Array
    var_1: Array
    var_0: Array
    cov: Array
    squares_1: Array
    squares_0: Array


def group_moments(table: Array, p: Array, complement: Array | None = None) -> GroupMoments:
    """Moments of an estimator's summed advantages over groups of independent responses.

    E[f(n)] = Σ_n C(G, n) pⁿ (1-p)^{G-n} f(n)

    Args:
        table: a(n, r), the advantage of a response of reward r among n successes, ``(G + 1, 2)``.
        p: Success rates in [0, 1], any shape.
        complement: 1 - p, where it is known better than that.

    Returns:
        The moments.

    Raises:
        TypeError: ``p`` holds no real numbers.
        ValueError: ``table`` has another shape.

    Source:
        Definition.

    Example:
        >>> table = np.array([[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])  # RLOO with G = 2
        >>> moments = group_moments(table, 0.5)
        >>> float(moments.mean_1), float(moments.cov)
        (0.5, -0.25)
    """
    x, xp = as_floating("p", p)
    a = np.asarray(table, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape[0] < 2:
        raise invalid("table", a.shape, "of shape (G + 1, 2)")
    size = a.shape[0] - 1
    n = np.arange(size + 1)
    weight = binomial(x, size, complement)
    s1, s0 = like("table", x, n * a[:, 1]), like("table", x, (size - n) * a[:, 0])

    def expect(values: Array) -> Array:
        return xp.sum(weight * values, axis=-1)

    mean_1, mean_0 = expect(s1), expect(s0)
    d1, d0 = s1 - mean_1[..., None], s0 - mean_0[..., None]
    return GroupMoments(
        mean_1=mean_1,
        mean_0=mean_0,
        var_1=expect(d1 * d1),
        var_0=expect(d0 * d0),
        cov=expect(d1 * d0),
        squares_1=expect(like("table", x, n * a[:, 1] ** 2)),
        squares_0=expect(like("table", x, (size - n) * a[:, 0] ** 2)),
    )


@dataclass(frozen=True)
class ExpectedEntropyChange:
    """Expected entropy change of one sampled group, to second order in the step; arrays ``(...)``, in nats.

    Attributes:
        first_order: -Cov_π(log π, E[Δz]).
        drift: Change that the mean step E[Δz] makes, to second order; ``first_order`` included.
        noise: ½ tr(∇²H · Cov[Δz]), what the scatter of the step around its mean adds.
    """

    first_order: Array
    drift: Array
    noise: Array

    @property
    def total(self) -> Array:
        """E[ΔH] to second order: drift + noise."""
        return self.drift + self.noise


def expected_entropy_change(
    logits: Array, success: Array, table: Array, *, eta: float, rule: SampledRule = "policy_gradient"
) -> ExpectedEntropyChange:
    """Expected entropy change when one group of G responses is sampled and its update is made.

    Δz = (η/G) Σᵢ Aᵢ (e_{aᵢ} - π)  (``"policy_gradient"``), or without π (``"paper"``);
    E[ΔH] ≈ ∇H·E[Δz] + ½ E[Δz]ᵀ∇²H E[Δz] + ½ tr(∇²H Cov[Δz]),  dᵀ∇²H d = -Σ π (1 + log π + H)(d - Σ πd)²

    The expectations over groups are exact: given n successes, the responses are independent draws from the policy
    conditioned on right (π₊) and on wrong (π₋), and n is binomial.

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
    right = checked_per_arm("success", z, success)
    if not bool(xp.all((right >= 0) & (right <= 1))):
        raise invalid("success", float(right[(right < 0) | (right > 1)][0]), "in [0, 1] everywhere")
    size = np.shape(table)[0] - 1
    step = require_number("eta", eta) / size
    w = working_precision(z)
    pi = policy(xp, w).pi
    p, q = mean(xp, pi, right), mean(xp, pi, 1 - right)
    moments = group_moments(table, p[..., 0], q[..., 0])

    def side(chance: Array, total: Array) -> Array:
        # A side that never occurs has no distribution; all its moments are 0.
        return pi * chance / xp.where(total > 0, total, 1.0)

    plus, minus = side(right, p), side(1 - right, q)
    if rule == "policy_gradient":
        # π₊ - π = q(π₊ - π₋) and π₋ - π = -p(π₊ - π₋), free of cancellation.
        u1, u0 = q * (plus - minus), -p * (plus - minus)
    else:
        u1, u0 = plus, minus
    u1, u0 = centred(xp, pi, u1), centred(xp, pi, u0)

    def spread(conditional: Array) -> Array:
        """Variance over b ~ conditional of (1{b = a} - π_b), for every arm a."""
        level = xp.sum(conditional * pi, axis=-1, keepdims=True)
        scatter = xp.sum(conditional * (pi - level) ** 2, axis=-1, keepdims=True)
        return conditional * (1 - conditional) - 2 * conditional * (pi - level) + scatter

    m = {name: value[..., None] for name, value in vars(moments).items()}
    expected = step * (m["mean_1"] * u1 + m["mean_0"] * u0)
    between = m["var_1"] * u1 * u1 + 2 * m["cov"] * u1 * u0 + m["var_0"] * u0 * u0
    within = m["squares_1"] * spread(plus) + m["squares_0"] * spread(minus)
    surprise = centred(xp, pi, w)
    curvature = -0.5 * pi * (1 + surprise)
    first_order = -xp.sum(pi * surprise * expected, axis=-1)
    bend = xp.sum(curvature * expected * expected, axis=-1)
    noise = step * step * xp.sum(curvature * (between + within), axis=-1)
    return ExpectedEntropyChange(
        *(xp.astype(part, z.dtype, copy=False) for part in (first_order, first_order + bend, noise))
    )
