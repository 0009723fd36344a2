"""Certificates of the claims about RL-ZVP."""

from __future__ import annotations

from qae_sim.advantages import rl_zvp
from qae_sim.theory.certificates import Counterexample, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "rl-zvp.one-token-spared": (
        Counterexample(
            "two tokens of entropies h and k: both have a negative advantage",
            "-a*(largest - h) < 0 and -a*(largest - k) < 0",
            where={"largest": "h if h > k else k"},
            at={"a": "1/10", "h": "2", "k": "1/2"},
            ties=(
                Tie(
                    "-(2 - k)/10",
                    lambda k: float(rl_zvp([0.0, 0.0], [[2.0, k]] * 2, [[1, 1]] * 2)[0, 1]),
                    {"k": ("0", "19/10")},
                ),
            ),
        ),
    ),
}
