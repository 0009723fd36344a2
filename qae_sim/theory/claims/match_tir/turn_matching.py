"""MatchTIR's matching of predicted tool calls to true ones."""

from __future__ import annotations

from fractions import Fraction
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
    worse,
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
    condition="(of two calls and two truths) the best pair and the one that it leaves have no less than the other two",
    breaks=(Break("the optimal assignment", {"matching": "optimal"}, Verdict.CERTIFIED),),
)
def greedy_matching(quick: bool, *, matching: str = "greedy") -> CheckOutcome:
    """Matrices of 2 times 2 with entries in fifths and random ones of 3 times 3 in tenths, all permutations."""
    fifths = [Fraction(k, 5) for k in range(6)]
    cases: list[tuple[tuple[Fraction, ...], ...]]
    cases = [(entries[:2], entries[2:]) for entries in product(fifths, repeat=4)]
    draws = np.random.default_rng(0).integers(0, 11, (20 if quick else 100, 3, 3)).tolist()
    cases += [tuple(tuple(Fraction(x, 10) for x in row) for row in rows) for rows in draws]
    found, half, gap = None, True, 0.0
    for s in cases:
        orders = permutations(range(len(s)))
        best = max(sum((row[j] for row, j in zip(s, order, strict=True)), Fraction(0)) for order in orders)
        total = best if matching == "optimal" else _greedy(s)
        half = half and 2 * total >= best
        if found is None and total < best:
            found = {"similarity": [[float(x) for x in row] for row in s], "total": float(total), "best": float(best)}
    for s in cases[:: 64 if quick else 8]:
        table = np.array([[float(x) for x in row] for row in s])
        gap = worse(gap, abs(float(matched_rewards(table, matching="greedy").sum()) - float(_greedy(s))))
    by_hand = ((Fraction(9, 10), Fraction(8, 10)), (Fraction(8, 10), Fraction(1, 10)))
    return conclude(
        Evidence(
            "its total is the greatest",
            f"{len(cases)} matrices, all permutations",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("matched_rewards takes the same pairs", "a share of them", Method.FLOATS, gap < 1e-12, f"{gap:.1e}"),
        controls=[
            Evidence("its total is at least half of the greatest", "the same matrices", Method.CASES, half),
            Evidence(
                "it has .9 + .1 where .8 + .8 could be had",
                "rows .9, .8 and .8, .1",
                Method.CASES,
                _greedy(by_hand) == 1,
            ),
        ],
    )


def _greedy(s: tuple[tuple[Fraction, ...], ...]) -> Fraction:
    """Total similarity where the best pair that is left is matched first."""
    rows, columns, total = set(range(len(s))), set(range(len(s))), Fraction(0)
    while rows:
        i, j = max(product(sorted(rows), sorted(columns)), key=lambda pair: s[pair[0]][pair[1]])
        total += s[i][j]
        rows, columns = rows - {i}, columns - {j}
    return total


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
