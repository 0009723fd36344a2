"""The noise of CAPO's first phase, which keeps positive advantages alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

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
from qae_sim.theory.polynomials import ring
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
    origin=Origin.IMPLIED,
    breaks=(Break("the variance as such, not for the step's size", {"relative": False}, Verdict.CERTIFIED),),
)
def capo_signal(quick: bool, *, relative: bool = True) -> CheckOutcome:
    """With advantages that add up to 0, the positive ones alone make 1-p of each group's step, whatever the group.

    A factor that all groups share goes through mean and standard deviation alike.
    """
    top, found = (12 if quick else 32), None
    for g, q in product(range(2, top + 1), (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))):
        chance = binomial_probabilities(1 - q, g)
        # Without 1/σ, which is the same in all mixed groups of 2 and 3; in larger ones these are Dr. GRPO's steps.
        steps = [Fraction(n * (g - n), g) for n in range(g + 1)]
        noise = [_noise(chance, of, relative) for of in ([q * step for step in steps], steps)]
        if found is None and not noise[0] < noise[1]:
            found = {"g": g, "p": float(1 - q), "noise": [float(x) for x in noise]}
    p, up, mean, square = ring("p", "up", "mean", "square")
    down = -up  # the sum of the negatives, as all add up to 0; both push the right arm's log-odds
    positives, everything = up * (1 - p), up * (1 - p) - down * p
    if relative:  # Var/mean² of q·step against that of step, times both squares of means
        same = ((1 - p) ** 2 * square) * mean**2 == square * ((1 - p) * mean) ** 2
        less = Evidence(
            "Var/mean² of (1-p)·step is that of step, so not less", "every step and p", Method.SYMBOLIC, not same
        )
    else:  # (1 - q²)·Var with q = 1-p is p·(2-p)·Var
        less = Evidence(
            "Var of (1-p)·step is less than that of step by p(2-p) times it",
            "every step and p",
            Method.SYMBOLIC,
            square - (1 - p) ** 2 * square == p * (2 - p) * square,
        )
    table = capo(np.array([[1.0, 0, 0, 0]]), eps=0)
    whole = grpo(np.array([[1.0, 0, 0, 0]]), eps=0)
    scores = np.array([0.7, -0.3, -0.3, -0.3])
    ratio = float((table * scores).sum() / (whole * scores).sum())
    half = binomial_probabilities(Fraction(1, 2), 2)
    return conclude(
        replace(less, counterexample=found or {}),
        Evidence(
            "there is less noise", f"G = 2..{top}, p = .1, .5, .9", Method.CASES, found is None, confirms=not relative
        ),
        Evidence("capo's step is (1-p) times grpo's", "p = .3", Method.FLOATS, abs(ratio - 0.7) < 1e-12),
        controls=[
            Evidence(
                "the positives push (1-p) times what all do",
                "every group",
                Method.SYMBOLIC,
                positives == (1 - p) * everything,
            ),
            Evidence(
                "Var/mean² = 1/(2p(1-p)) - 1 = 1, as half of the groups are mixed and move by 1/2",
                "G = 2, p = 1/2, by hand",
                Method.CASES,
                _noise(half, [Fraction(0), Fraction(1, 2), Fraction(0)], True) == 1,
            ),
        ],
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
