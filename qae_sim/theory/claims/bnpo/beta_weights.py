"""BNPO's Beta density, and the methods that it contains."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from qae_sim.advantages import bnpo, grpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.bnpo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "bnpo.contains-grpo",
    paper=PAPER,
    equation="normalisation by a Beta density",
    statement="Where the batch's success rates have the moments of Beta(3/2, 3/2), BNPO is GRPO times a constant.",
    latex=r"f(p) \propto p^{a/3}(1-p)^{b/3} = \sqrt{p(1-p)} \text{ at } a = b = \tfrac32",
    assumptions=("binary rewards", "mixed groups"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the moments of Beta(3, 3)", {"a": Fraction(3)}, Verdict.REFUTED),),
)
def contains_grpo(quick: bool, *, a: Fraction = Fraction(3, 2)) -> CheckOutcome:
    """Both divide by a power of p(1-p); GRPO's is 1/2."""
    (p,) = ring("p")
    twice = int(2 * a / 3)  # the square of the density is (p(1-p)) to this power, times a constant
    rates = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]])  # with exactly these moments
    worst = float(np.abs(bnpo(rates) - math.pi / 8 * grpo(rates, eps=0)).max())
    return conclude(
        Evidence(
            "the square of the density is p(1-p) times a constant, as GRPO's variance is",
            "every p",
            Method.SYMBOLIC,
            (p * (1 - p)) ** twice == p * (1 - p),
            counterexample={} if twice == 1 else {"p": [0.5, 0.1], "density over √(p(1-p))": [0.5, 0.3]},
        ),
        Evidence(
            "bnpo is grpo times π/8, to 1e-14",
            "rates 1/4, 1/2 and 3/4, whose moments give a = b = 3/2",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )
