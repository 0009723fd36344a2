"""Certificates of the claims about BNPO."""

from __future__ import annotations

from qae_sim.advantages import bnpo, grpo
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "bnpo.contains-grpo": (
        Identity(
            "rates 1/4, 1/2 and 3/4: m = 1/2 and v = 1/16 give a = b = 3/2, and twice the exponent a/3 is 1",
            "(p*(1 - p))**(2*(m*(1 - m)/v - 1)*m/3) == p*(1 - p)",
            where={"m": "1/2", "v": "1/16"},
            variables=("p",),
            ties=(
                Tie(
                    "355/904",  # π/8, to 1e-7
                    lambda n: _ratio(n),
                    {"n": (0, 2)},
                    within=1e-6,
                ),
            ),
        ),
    ),
}


def _ratio(n: int) -> float:
    """BNPO over GRPO, of the first response of one of three groups with 1, 2 and 3 of 4 correct."""
    rewards = [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]]
    return float(bnpo(rewards)[n, 0] / grpo(rewards, eps=0)[n, 0])
