"""Certificates of the claims about DGPO."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import dgpo
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "dgpo.equal-weight": (
        Identity(
            "the sizes of n deviations m/G and m deviations n/G, over their mean, add up to G = n + m",
            "total/(total/(n + m)) == n + m",
            where={"total": "n*m/(n + m) + m*n/(n + m)"},
            variables=("n", "m"),
            ties=(
                Tie(
                    "n + m",
                    lambda n, m: float(np.abs(dgpo([1.0] * n + [0.0] * m, eps=0)).sum()),
                    {"n": (1, 9), "m": (1, 9)},
                ),
            ),
        ),
    ),
}
