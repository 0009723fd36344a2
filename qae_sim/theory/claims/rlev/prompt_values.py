"""RLEV's rewards scaled by what a prompt is worth: which estimators notice, and when a response ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import grpo, rlev, rloo
from qae_sim.theory.claim import (
    NEEDS_TRAINING,
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    unchecked,
)
from qae_sim.theory.claims.rlev import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "rlev.values-count",
    paper=PAPER,
    equation="scaled rewards in GRPO",
    statement="What a prompt is worth changes its advantages, whichever group estimator is used.",
    latex=r"A(s\,r) \ne A(r),\ s > 1",
    assumptions=("binary rewards", "mixed groups", "GRPO, ε = 0"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("RLOO, which does not divide by the standard deviation", {"base": "rloo"}, Verdict.CERTIFIED),),
)
def rlev_values(quick: bool, *, base: str = "grpo") -> CheckOutcome:
    """Squares of GRPO's advantages are rational: d²/σ² is the same for r and for s·r."""
    top, found = (16 if quick else 64), None
    for g in range(2, top + 1):
        for n, s in product(range(1, g), (Fraction(3, 2), Fraction(2))):
            advantage = []
            for scale in (Fraction(1), s):
                deviation = scale * (1 - Fraction(n, g))
                variance = scale**2 * Fraction(n, g) * (1 - Fraction(n, g))
                advantage.append(deviation**2 / variance if base == "grpo" else deviation * g / (g - 1))
            if found is None and advantage[0] == advantage[1]:
                found = {"g": g, "successes": n, "s": float(s)}
    r = np.array([[1.0, 0, 0, 0]])
    ours = rlev(r, [1.0], base=base) / (grpo(r) if base == "grpo" else rloo(r))  # type: ignore[arg-type]
    wanted = 1.0 if base == "grpo" else 2.0
    most = float(rlev(r, [1000.0], base="rloo")[0, 0])  # the scale is capped at 2
    return conclude(
        Evidence(
            "the success's advantage is another",
            f"G = 2..{top}, every number of successes, s = 3/2 and 2",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("rlev does so", "one success in four", Method.FLOATS, bool(np.abs(ours - wanted).max() < 1e-5)),
        Evidence("and scales by 2 at most", "a prompt worth 1000", Method.FLOATS, abs(most - 2) < 1e-12),
    )


@claim(
    "rlev.ending",
    paper=PAPER,
    equation="gradient of the end's logit",
    statement="The gradient of the expected scaled reward with respect to the logit of the end is "
    "s·π(1-π)(p_end - p_go).",
    latex=r"\frac{\partial J}{\partial z_{\mathrm{end}}} = s\,\pi(1-\pi)\,(p_{\mathrm{end}}-p_{\mathrm{go}})",
    assumptions=("one decision, to end or to go on", "p the success rate after either"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("a penalty for going on that does not scale", {"penalty": Fraction(1, 10)}, Verdict.REFUTED),),
)
def rlev_ending(quick: bool, *, penalty: Fraction = Fraction(0)) -> CheckOutcome:
    """J is linear in π, so its slope in π times dπ/dz = π(1-π) is the gradient: exact on a grid of all quantities."""
    tenths, found = [Fraction(k, 10) for k in range(11)], None
    for s, end, go, pi in product((Fraction(1), Fraction(3, 2)), tenths, tenths, tenths[1:-1]):
        slope = (s * end) - (s * go - penalty)  # J(π = 1) - J(π = 0)
        if found is None and slope * pi * (1 - pi) != s * pi * (1 - pi) * (end - go):
            found = {"s": float(s), "p_end": float(end), "p_go": float(go)}
    worth, finish, proceed, chance = ring("s", "end", "go", "pi")
    spared = (worth * finish - worth * proceed) * chance * (1 - chance)
    z, eta = 0.3, 1e-6

    def value(logit: float) -> float:
        pi = 1 / (1 + np.exp(-logit))
        return float(1.5 * (pi * 0.8 + (1 - pi) * 0.3))

    pi = 1 / (1 + np.exp(-z))
    gap = abs((value(z + eta) - value(z - eta)) / (2 * eta) - 1.5 * pi * (1 - pi) * 0.5)
    return conclude(
        Evidence(
            "J(1) - J(0) times π(1-π) is the stated slope",
            "every s, p_end, p_go and π",
            Method.SYMBOLIC,
            spared == worth * chance * (1 - chance) * (finish - proceed),
        ),
        Evidence(
            "the slope is the stated one",
            "s = 1, 3/2; p, π multiples of 1/10",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=penalty == 0,
        ),
        Evidence("so is a difference quotient, to 1e-8", "one point", Method.FLOATS, gap < 1e-8, f"{gap:.1e}"),
    )


@claim(
    "rlev.training",
    paper=PAPER,
    equation="main results",
    statement="RLEV's policies are short on prompts of low value and thorough on others.",
    latex=r"|o| \uparrow v",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
