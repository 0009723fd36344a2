"""Lesson 2: when the quantile is 0, Eq. 4 of the paper on Quantile Advantage Estimation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import quantile_baseline
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol


def _row(rng: np.random.Generator) -> Mapping[str, Any]:
    """A sorted row of rewards, and the K-quantile as the package finds it."""
    g = int(rng.integers(2, 65))
    c = int(rng.integers(0, g + 1))
    k = int(rng.integers(1, 100)) / 100
    row = np.array([0.0] * (g - c) + [1.0] * c)
    return {
        "G": g,
        "c": c,
        "p": c / g,
        "K": k,
        # The K-quantile of the places 1, 2, ... is the place itself.
        "m": float(quantile_baseline(np.arange(1.0, g + 1), k)),
        "b": float(quantile_baseline(row, k)),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "gate": Derivation(
        title="When the K-quantile is 0",
        symbols={
            "m": Symbol("m", "the place at which the K-quantile stands in the sorted row, counted from 1"),
            "K": Symbol("K", "the share of the row that one walks, between 0 and 1"),
            "G": Symbol("G", "the group size: how many responses stand in the row"),
            "b": Symbol("b", "the baseline: the reward at place m"),
            "c": Symbol("c", "the number of correct responses"),
            "p": Symbol("p", "the success rate c / G of this group"),
        },
        steps=(
            DerivedLine(
                "m - 1 < K * G <= m", "Place m is the first at which at least a share K of the row lies behind."
            ),
            DerivedLine("b == 0 iff m <= G - c", "The wrong responses stand first: the places 1 to G − c hold a 0."),
            DerivedLine(
                "m <= G - c iff K * G <= G - c",
                "By the first line: a whole number that is at least K G is at least m, and the other way round.",
            ),
            DerivedLine("K * G <= G - c iff p <= 1 - K", "Both sides over G, and the two terms change sides."),
        ),
        result=DerivedLine("b == 0 iff p <= 1 - K", "Otherwise b is 1."),
        point=_row,
    )
}
