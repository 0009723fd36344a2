"""Certificates of the claims about VC-PPO."""

from __future__ import annotations

from qae_sim.advantages import gae
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "vc-ppo.reward-decays": (
        Identity(
            "the advantage of the first of d + 1 tokens is Σ λ^s δ_s; with values v and reward r only the last δ has "
            "r, and r + 1 gives λ^d more",
            "(sum(l**s*(v - v) for s in range(d)) + l**d*(r + 1 - v)) - (sum(l**s*(v - v) for s in range(d)) "
            "+ l**d*(r - v)) == l**d",
            cases={"d": "range(12)"},
            count=12,
            variables=("l", "r", "v"),
            ties=(
                Tie(
                    "l**d",
                    lambda l, d: float(gae([1.0], [[0.0] * (d + 1)], [[1] * (d + 1)], lam=l).advantages[0, 0]),  # noqa: E741
                    {"l": ("1/10", "1"), "d": (0, 9)},
                ),
            ),
        ),
    ),
}
