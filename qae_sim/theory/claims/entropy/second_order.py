"""The second order of the entropy change: the curvature along a step, what is left out, and what noise does."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from qae_sim.softmax import entropy_change, first_order_entropy_change
from qae_sim.theory.arithmetic import ctx, fmpq
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, entropy, number, prove_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import Moments
from qae_sim.theory.truth import Truth


@claim(
    "entropy.second-order",
    paper=PAPER,
    equation="Lemma 1 to second order",
    statement="The first-order identity with -½E[(1 + log π + H)(δ - E δ)²] added leaves out at most ⅜ρ³ log A, ρ the "
    "spread of the logits' change; for a sampled step E[ΔH] is drift, bend and noise up to ⅜E[ρ³] log A.",
    latex=r"\Big|\Delta H + \operatorname{Cov}_\pi(\log\pi,\delta) + \tfrac12\mathbb E_\pi\big[(1 + \log\pi + H)"
    r"(\delta - \mathbb E_\pi\delta)^2\big]\Big| \le \tfrac38\,\rho^3\log A,\quad \rho = \max\delta - \min\delta",
    assumptions=("softmax policy with one logit per arm", "A >= 2 arms"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("a twentieth of the bound", {"factor": Fraction(1, 20)}, Verdict.REFUTED),
        Break("the third derivative of a policy that does not tilt", {"tilt": 0}, Verdict.REFUTED),
    ),
)
def second_order(quick: bool, *, factor: Fraction = Fraction(1), tilt: int = 1) -> CheckOutcome:
    """Taylor with H''' = -E[(2 + ℓ)D³] + 3 E[ℓD] E[D²], where ℓ = log π + H and D = δ - E δ.

    |E[D³]| <= 4ρ³/27, |E[ℓD³]| <= ρ³H, |E[ℓD]| <= ρH and E[D²] <= ρ²/4 give |H'''| <= ρ³(8/27 + 7/4 log A), and that is
    at most 9/4 ρ³ log A for A >= 2.
    """
    m = Moments()
    third = m.along(m.along(m.along(m.log_partition - m(1, 0), tilt), tilt), tilt)
    mean, second = m(0, 1), m(0, 2) - m(0, 1) ** 2
    cube = m(0, 3) - 3 * mean * m(0, 2) + 2 * mean**3
    # E[z D³] and E[z D], multiplied out; ℓ = z - E z.
    z_cube = m(1, 3) - 3 * mean * m(1, 2) + 3 * mean**2 * m(1, 1) - mean**3 * m(1, 0)
    z_first = m(1, 1) - mean * m(1, 0)
    symbolic = Evidence(
        "H''' = -E[(2 + ℓ)D³] + 3 E[ℓD] E[D²]",
        "every number of arms, every policy and direction",
        Method.SYMBOLIC,
        bool(third == -(2 * cube + z_cube - m(1, 0) * cube) + 3 * z_first * second),
        counterexample={} if tilt else {"tilt": 0},
    )
    x, rho, mu, log = ring("x", "rho", "m", "log A")
    steps = (
        fmpq(4, 27) - x**2 * (1 - x) == (x - fmpq(2, 3)) ** 2 * (x + fmpq(1, 3)),
        rho**3 - (rho - mu) ** 3 - mu**3 == 3 * rho * mu * (rho - mu),
        fmpq(9, 4) * log - (fmpq(8, 27) + fmpq(7, 4) * log) == (log - fmpq(16, 27)) / 2,
    )
    bound = Evidence(
        "4/27 - x²(1-x) = (x-2/3)²(x+1/3); ρ³ - (ρ-m)³ - m³ = 3ρm(ρ-m); log 2 > 1/2 + 1/8 > 16/27",
        "every x in [0, 1], spread ρ, mean m in [0, ρ] and number of arms",
        Method.SYMBOLIC,
        all(map(bool, steps)) and Fraction(1, 2) + Fraction(1, 8) > Fraction(16, 27),
    )
    proofs = []
    for sign in (1, -1):
        proof = prove_positive(
            lambda p, sign=sign: number(factor * Fraction(9, 4)) * Ball(2).log() - sign * _third(p),
            (Fraction(1, 100), Fraction(1, 2)),
        )
        proofs.append(
            Evidence(
                f"{'' if sign > 0 else '-'}H''' < {'' if factor == 1 else f'{factor}·'}9/4 ρ³ log 2",
                "two arms, .01 <= p <= .5",
                Method.INTERVALS,
                proof.holds,
                margin=repr(proof.margin),
                counterexample={"pi": [float(proof.point[0]), float(1 - proof.point[0])], "delta": [1, 0]}
                if proof.holds is Truth.NO
                else {},
                confirms=True,
            )
        )
    return conclude(symbolic, bound, *proofs, _second_order_floats())


def _third(p: Ball) -> Ball:
    """H''' of two arms along δ = (1, 0): -p(1-p)(2(1-2p) + L(1 - 6p(1-p))), L = log(p/(1-p))."""
    return -p * (1 - p) * (2 * (1 - 2 * p) + (p / (1 - p)).log() * (1 - 6 * p * (1 - p)))


def _second_order_floats() -> Evidence:
    """The bound in floats, with the project's exact entropy change."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for arms in (2, 3, 10, 100):
        z = rng.normal(size=(200, arms)) * rng.choice([0.1, 1, 5], size=(200, 1))
        d = rng.normal(size=(200, arms)) * rng.choice([0.1, 1], size=(200, 1))
        pi = np.exp(z - z.max(axis=-1, keepdims=True))
        pi /= pi.sum(axis=-1, keepdims=True)
        log_pi = np.log(pi)
        surprise = log_pi - (pi * log_pi).sum(axis=-1, keepdims=True)
        centred = d - (pi * d).sum(axis=-1, keepdims=True)
        bend = -0.5 * (pi * (1 + surprise) * centred**2).sum(axis=-1)
        left = np.abs(entropy_change(z, d) - first_order_entropy_change(z, d) - bend)
        worst = worse(worst, float((left / (0.375 * np.ptp(d, axis=-1) ** 3 * math.log(arms))).max()))
    return Evidence(
        "entropy_change differs from the second order by less",
        "800 policies of 2 to 100 arms",
        Method.FLOATS,
        worst <= 1,
        margin=f"{worst:.3f} of the bound",
    )


@claim(
    "entropy.noise-lowers",
    paper=PAPER,
    equation="Lemma 1 to second order, for a sampled step",
    statement="The scatter of a sampled step around its mean lowers the entropy, to second order.",
    latex=r"\tfrac12\operatorname{tr}\big(\nabla^2 H\,\operatorname{Cov}[\Delta z]\big) = -\tfrac12\sum_a \pi_a"
    r"(1 + \log\pi_a + H)\operatorname{Var}\big[\Delta z_a - \textstyle\sum_b\pi_b\Delta z_b\big] \le 0",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="it is enough that no arm is rarer than exp(-1-H); with two arms exactly if "
    "(1-2p) log((1-p)/p) <= 1, .1761 <= p <= .8239",
    breaks=(
        Break("the rarer arm has p = .2", {"rate": Fraction(1, 5)}, Verdict.CERTIFIED),
        Break("the curvature without the 1", {"one": 0}, Verdict.REFUTED),
    ),
)
def noise_lowers(quick: bool, *, rate: Fraction = Fraction(1, 20), one: int = 1) -> CheckOutcome:
    """Every arm adds -½ π (1 + log π + H) times a variance: not above 0 where 1 + log π + H is not below 0."""
    m = Moments()
    second = m.along(m.along(m.log_partition - m(1, 0)))
    square = m(0, 2) - m(0, 1) ** 2
    weighted = m(1, 2) - 2 * m(0, 1) * m(1, 1) + m(0, 1) ** 2 * m(1, 0)
    identity = second == -(one * square + weighted - m(1, 0) * square)
    with ctx.workprec(64):
        curvature = _curvature(rate)
        lowers = curvature <= 0
        # By hand: p(1-p)((1-2p) log((1-p)/p) - 1).
        odds = number((1 - rate) / rate).log()
        tied = abs(curvature - number(rate * (1 - rate)) * (number(1 - 2 * rate) * odds - 1)) < number("1e-15")
        inside = prove_positive(_margin, ("0.1761", Fraction(1, 2)))
        outside = prove_positive(lambda p: -_margin(p), (Fraction(1, 1000), "0.176"))
    return conclude(
        Evidence(
            "noise in one logit does not raise the entropy",
            f"two arms, π = ({rate}, {1 - rate})",
            Method.INTERVALS,
            lowers,
            counterexample={"pi": [float(rate), float(1 - rate)], "d²H/dz²": digits(curvature, 8)}
            if lowers is Truth.NO
            else {},
        ),
        under=[
            Evidence(
                "dᵀ∇²H d = -E[(1 + log π + H)(d - E d)²]: of noise d, its expectation is minus a sum over the arms of "
                "π (1 + log π + H) times a variance",
                "every number of arms, every policy and noise",
                Method.SYMBOLIC,
                bool(identity),
            ),
            Evidence(
                "with two arms 1 - (1-2p) log((1-p)/p) is above 0 from .1761 to 1/2 and below 0 from .001 to .176",
                "both intervals",
                Method.INTERVALS,
                inside.holds & outside.holds,
                confirms=True,
            ),
        ],
        condition="it is enough that no arm is rarer than exp(-1-H); with two arms exactly if "
        "(1-2p) log((1-p)/p) <= 1, .1761 <= p <= .8239",
        controls=[Evidence("it is p(1-p)((1-2p) log((1-p)/p) - 1)", "this policy", Method.INTERVALS, tied)],
    )


def _margin(p: Ball) -> Ball:
    """1 - (1-2p) log((1-p)/p)."""
    return 1 - (1 - 2 * p) * ((1 - p) / p).log()


def _curvature(p: Fraction) -> Ball:
    """-E[(1 + log π + H)(d - E d)²] of two arms along d = (1, 0)."""
    pi = [number(p), number(1 - p)]
    h = entropy(pi)
    return -total(x * (1 + x.log() + h) * (d - pi[0]) ** 2 for x, d in zip(pi, (1, 0), strict=True))
