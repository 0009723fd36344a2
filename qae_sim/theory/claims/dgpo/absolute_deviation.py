"""DGPO's scale, the mean absolute deviation, and what a prompt weighs."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qae_sim.advantages import dgpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.dgpo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "dgpo.equal-weight",
    paper=PAPER,
    equation="difficulty-balanced group advantages",
    statement="With the mean absolute deviation as the scale the absolute advantages of every mixed group add up to G.",
    latex=r"\sum_i |A_i| = G",
    assumptions=("binary rewards", "a mixed group", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the standard deviation as the scale, as in GRPO", {"scale": "std"}, Verdict.REFUTED),),
)
def equal_weight(quick: bool, *, scale: Literal["mad", "std"] = "mad") -> CheckOutcome:
    """Successes (n) deviate by m/G, failures (m) by n/G: the sizes add up to 2nm/G, and their mean is 2nm/G²."""
    n, m = ring("n", "m")
    size = n + m
    total = 2 * n * m  # times 1/G
    squared_scale = total**2 if scale == "mad" else n * m * size**2  # times 1/G⁴
    worst = worst_of(
        abs(float(np.abs(dgpo([1.0] * i + [0.0] * (g - i), eps=0)).sum()) - g)
        for g in range(2, 5 if quick else 9)
        for i in range(1, g)
    )
    return conclude(
        Evidence(
            "Σ|r - mean| is G times the scale: as squares, times G⁴",
            "every n > 0 successes and m > 0 failures, G = n + m",
            Method.SYMBOLIC,
            (total * size) ** 2 == size**2 * squared_scale,
            counterexample={} if scale == "mad" else {"n": 1, "m": 3, "sum": 2 * 3**0.5, "G": 4},
        ),
        Evidence("dgpo's add up to G, to 1e-13", "all mixed groups", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"),
    )
