"""The noise of CAPO's first phase, which keeps positive advantages alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import capo, grpo
from qae_sim.theory.binomial import binomial_probabilities
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
from qae_sim.theory.claims.capo import PAPER
from qae_sim.theory.registry import claim


@claim(
    "capo.signal-to-noise",
    paper=PAPER,
    equation="theory of phase 1",
    statement="Positive advantages alone give a step with less noise for its size than all of them do.",
    latex=r"\frac{\mathrm{Var}\,g^+}{(\mathbb E g^+)^2} < \frac{\mathrm{Var}\,g}{(\mathbb E g)^2}",
    assumptions=("one right and one wrong arm", "GRPO's advantages, G responses"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the variance as such, not for the step's size", {"relative": False}, Verdict.CERTIFIED),),
)
def capo_signal(quick: bool, *, relative: bool = True) -> CheckOutcome:
    """Given n successes the steps are n(G-n)/G and (1-p) times as much: a smaller step, and nothing else."""
    top, found = (16 if quick else 64), None
    for g in range(2, top + 1):
        for q in (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)):
            chance = binomial_probabilities(1 - q, g)
            steps = [Fraction(n * (g - n), g) for n in range(g + 1)]  # times 1/σ, which both share group by group
            alone = [Fraction(n * (g - n), g) * q for n in range(g + 1)]
            noise = [_noise(chance, of, relative) for of in (alone, steps)]
            if found is None and not noise[0] < noise[1]:
                found = {"g": g, "p": float(1 - q), "noise": [float(x) for x in noise]}
    table = capo(np.array([[1.0, 0, 0, 0]]), eps=0)
    whole = grpo(np.array([[1.0, 0, 0, 0]]), eps=0)
    scores = np.array([0.7, -0.3, -0.3, -0.3])
    ratio = float((table * scores).sum() / (whole * scores).sum())
    return conclude(
        Evidence(
            "there is less noise",
            f"G = 2..{top}, p = .1, .5, .9",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("capo's step is (1-p) times grpo's", "p = .3", Method.FLOATS, abs(ratio - 0.7) < 1e-12),
    )


def _noise(chance: list[Fraction], steps: list[Fraction], relative: bool) -> Fraction:
    """Variance of a step, over the square of its mean if ``relative``."""
    mean = sum((p * x for p, x in zip(chance, steps, strict=True)), Fraction(0))
    variance = sum((p * x * x for p, x in zip(chance, steps, strict=True)), Fraction(0)) - mean**2
    return variance / mean**2 if relative else variance


@claim(
    "capo.training",
    paper=PAPER,
    equation="main results",
    statement="Positive advantages first and all of them later trains better than GRPO.",
    latex=r"\text{CAPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
