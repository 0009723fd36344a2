"""A-GRAE: positive against negative advantages of a group."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import a_grae
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.a_grae import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "a-grae.asymmetry",
    paper=PAPER,
    equation="implicit advantage symmetry",
    statement="A group's positive advantages add up to the batch's success rate times the sum of the negative ones.",
    latex=r"\sum_{A_i>0} A_i = q \sum_{A_i<0} |A_i|",
    assumptions=("binary rewards", "a mixed group", "q is the mean success rate of the batch"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("successes are not weighted, as in GRPO", {"weighted": False}, Verdict.REFUTED),),
)
def asymmetry(quick: bool, *, weighted: bool = True) -> CheckOutcome:
    """With u = 1/√(nm), n successes have m·u and m failures -n·u; the focus multiplies both, and q the successes."""
    n, m, u, focus, q = ring("n", "m", "u", "focus", "q")
    positive = n * (m * u * focus) * (q if weighted else 1)
    negative = m * (n * u * focus)
    worst = 0.0
    for rewards in np.random.default_rng(0).integers(0, 2, (4 if quick else 16, 5, 4)).astype(float):
        a = a_grae(rewards, eps=0)
        gap = np.maximum(a, 0).sum(axis=-1) - rewards.mean() * np.maximum(-a, 0).sum(axis=-1)
        worst = worse(worst, float(np.abs(gap).max()))
    return conclude(
        Evidence(
            "n·q·(m·u·focus) = q·m·(n·u·focus)",
            "every group, whatever its focus",
            Method.SYMBOLIC,
            positive == q * negative,
            counterexample={} if weighted else {"q": 0.5, "positive sum over negative sum": 1.0},
        ),
        Evidence("a_grae's do, to 1e-13", "random batches of 5 prompts", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"),
    )
