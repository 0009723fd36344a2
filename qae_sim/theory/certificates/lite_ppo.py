"""Certificates of the claims about Lite PPO."""

from __future__ import annotations

from qae_sim.advantages import lite_ppo
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "lite-ppo.one-scale": (
        Identity(
            "with one scale s for all the ratio of two advantages is that of their deviations d and e",
            "(d/s)/(e/s) == d/e",
            variables=("d", "e", "s"),
            ties=(
                Tie(
                    # A success of a group with n of 4, over one of a group with 2 of 4, in one batch.
                    "(1 - n/4)/(1 - 1/2)",
                    lambda n: _ratio(n),
                    {"n": (1, 3)},
                ),
            ),
        ),
    ),
}


def _ratio(n: int) -> float:
    """The advantages of the first success in a group with n of 4 and in a group with 2 of 4, one over the other."""
    a = lite_ppo([[1.0] * n + [0.0] * (4 - n), [1.0, 1.0, 0.0, 0.0]], eps=0)
    return float(a[0, 0] / a[1, 0])
