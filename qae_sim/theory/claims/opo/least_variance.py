"""OPO's baseline, the mean of the rewards weighted by length, and the variance of the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import opo
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
    worse,
)
from qae_sim.theory.claims.opo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _mean(values: list[Fraction]) -> Fraction:
    """Mean of exact numbers."""
    return sum(values, Fraction(0)) / len(values)


def _pairs(largest: int) -> Iterator[tuple[list[Fraction], list[int]]]:
    """All groups of rewards 0, 1/2 and 1 with lengths from 1 to 3."""
    for g in range(2, largest + 1):
        for rewards in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=g):
            for lengths in product((1, 2, 3), repeat=g):
                yield list(rewards), list(lengths)


@claim(
    "opo.least-variance",
    paper=PAPER,
    equation="optimal reward baseline",
    statement="No baseline gives a group's gradient a smaller second moment than the mean weighted by length.",
    latex=r"\sum_i \|s_i\|^2 (r_i-b)^2 \ \text{is least at}\ b^* = \frac{\sum_i l_i r_i}{\sum_i l_i}",
    assumptions=("squares of scores grow with the length, ‖s‖² = l", "scores of different responses are orthogonal"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("squares of scores do not depend on the length", {"grows": False}, Verdict.REFUTED),),
)
def opo_variance(quick: bool, *, grows: bool = True) -> CheckOutcome:
    """The second moment is a parabola in b; compared with that of the unweighted mean, exactly."""
    largest, found, worst = (3 if quick else 4), None, 0.0
    for rewards, lengths in _pairs(largest):
        squares = lengths if grows else [1] * len(lengths)
        best = sum((n * r for n, r in zip(lengths, rewards, strict=True)), Fraction(0)) / sum(lengths)
        moments = [
            sum((s * (r - b) ** 2 for s, r in zip(squares, rewards, strict=True)), Fraction(0))
            for b in (best, _mean(rewards), best + Fraction(1, 7), best - Fraction(1, 7))
        ]
        if found is None and moments[0] > min(moments):
            found = {"rewards": [float(r) for r in rewards], "lengths": lengths, "better": float(_mean(rewards))}
        r = np.array([float(x) for x in rewards])
        worst = worse(worst, float(np.abs(opo(r, lengths) - (r - float(best))).max()))
    length, first, second, b = ring("L", "A", "S", "b")  # Σ l, Σ l·r and Σ l·r²
    moment = second - 2 * b * first + b**2 * length  # Σ l (r - b)²; at b* = A/L it is S - A²/L
    parabola = moment * length - (second * length - first**2) == (b * length - first) ** 2
    return conclude(
        Evidence(
            "Σ l (r-b)² exceeds its value at b* by (bL - Σ l·r)²/L, L = Σ l",
            "every group, lengths and b",
            Method.SYMBOLIC,
            parabola,
        ),
        Evidence(
            "neither the unweighted mean nor b* ± 1/7 has less",
            f"G = 2..{largest}, three levels of reward, lengths 1 to 3",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=grows,
        ),
        Evidence("opo subtracts b*, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
    )


@claim(
    "opo.training",
    paper=PAPER,
    equation="main results",
    statement="OPO shifts the policy less and keeps more entropy.",
    latex=r"H_{\mathrm{OPO}} > H_{\mathrm{GRPO}}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
