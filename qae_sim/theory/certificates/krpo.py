"""Certificates of the claims about KRPO."""

from __future__ import annotations

from qae_sim.advantages import krpo
from qae_sim.theory.certificates import Counterexample, Part, Tie

_FILTER = {
    "before": "1 + q",
    "kept": "r/(before + r)",
    "variance": "kept*before",
    "next": "r/(variance + q + r)",
    "first": "kept**2/variance",
    "second": "(next*kept)**2/(next*(variance + q))",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "krpo.order": (
        Counterexample(
            "squares of the advantages of two successes, from x = 0 and P = 1, with process variance q and observation "
            "variance r",
            "first == second",
            where=_FILTER,
            at={"q": "1/100000", "r": "1/100"},
            ties=(
                Tie(
                    "(r/(1 + q + r))**2/((r/(1 + q + r))*(1 + q))",
                    lambda q, r: float(krpo([1.0, 1.0], process_variance=q, observation_variance=r, eps=0)[0]) ** 2,
                    {"q": ("1/100", "1"), "r": ("1/100", "2")},
                ),
            ),
        ),
    ),
}
