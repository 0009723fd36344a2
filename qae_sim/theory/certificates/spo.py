"""Certificates of the claims about SPO."""

from __future__ import annotations

from qae_sim.advantages import BetaTracker
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "spo.memory": (
        Identity(
            "at a + b = 1/(1-c) the new rate is c p + (1-c) r",
            "(c*p/(1 - c) + r)/(c/(1 - c) + 1) == c*p + (1 - c)*r",
            variables=("c", "p", "r"),
            ties=(
                Tie(
                    "7/8*p + 1/8",
                    lambda p: BetaTracker(8 * p, 8 - 8 * p).update(1.0, 100.0).rate,
                    {"p": ("0", "1")},
                ),
            ),
        ),
        Identity(
            "and a + b stays",
            "c/(1 - c) + 1 == 1/(1 - c)",
            variables=("c",),
        ),
    ),
}
