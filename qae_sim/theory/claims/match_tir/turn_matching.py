"""MatchTIR's matching of predicted tool calls to true ones."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from qae_sim.advantages import matched_rewards
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
from qae_sim.theory.claims.match_tir import PAPER
from qae_sim.theory.registry import claim


@claim(
    "match-tir.greedy",
    paper=PAPER,
    equation="Kuhn-Munkres matching",
    statement="The released code's matching, best pair first, is one of greatest total similarity.",
    latex=r"\sum_i S_{i,\sigma(i)} = \max_{\sigma'} \sum_i S_{i,\sigma'(i)}",
    assumptions=("similarities in [0, 1]",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the optimal assignment", {"matching": "optimal"}, Verdict.CERTIFIED),),
)
def greedy_matching(quick: bool, *, matching: str = "greedy") -> CheckOutcome:
    """All matrices of 2 times 2 with entries in tenths, and random ones of 3 times 3, against all permutations."""
    tenths = np.arange(0, 11, 2 if quick else 1) / 10
    cases = [np.array(x).reshape(2, 2) for x in product(tenths, repeat=4)]
    cases += list(np.random.default_rng(0).integers(0, 11, (100, 3, 3)) / 10)
    found = None
    for s in cases:
        best = max(float(s[range(len(s)), order].sum()) for order in permutations(range(len(s))))
        total = float(matched_rewards(s, matching=matching).sum())  # type: ignore[arg-type]
        if found is None and total < best - 1e-9:
            found = {"similarity": s.tolist(), "total": total, "best": best}
    return conclude(
        Evidence(
            "its total is the greatest",
            f"{len(cases)} matrices, all permutations",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "match-tir.training",
    paper=PAPER,
    equation="main results",
    statement="MatchTIR's small models surpass larger ones with tools.",
    latex=r"4\text{B} > 8\text{B}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
