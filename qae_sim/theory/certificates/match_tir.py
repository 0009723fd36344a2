"""Certificates of the claims about MatchTIR."""

from __future__ import annotations

from qae_sim.advantages import matched_rewards
from qae_sim.theory.certificates import Counterexample, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "match-tir.greedy": (
        Counterexample(
            "rows a, b and c, d, a the greatest: best-first takes a and is left with d, which is as much as can be had",
            "a + d == max(a + d, b + c)",
            at={"a": "9/10", "b": "8/10", "c": "8/10", "d": "1/10"},
            ties=(
                Tie(
                    "a + d",
                    lambda a, b, c, d: float(matched_rewards([[a, b], [c, d]], matching="greedy").sum()),
                    {"a": ("9/10", "1"), "b": ("0", "8/10"), "c": ("0", "8/10"), "d": ("0", "8/10")},
                ),
                Tie(
                    "max(a + d, b + c)",
                    lambda a, b, c, d: float(matched_rewards([[a, b], [c, d]], matching="optimal").sum()),
                    {"a": ("0", "1"), "b": ("0", "1"), "c": ("0", "1"), "d": ("0", "1")},
                ),
            ),
        ),
    ),
}
