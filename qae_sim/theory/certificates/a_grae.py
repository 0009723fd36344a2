"""Certificates of the claims about A-GRAE."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import a_grae
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "a-grae.asymmetry": (
        Identity(
            "n successes of q·f·m·u and m failures of f·n·u: the first add up to q times the others",
            "n*(q*f*m*u) == q*(m*(f*n*u))",
            variables=("n", "m", "u", "f", "q"),
            ties=(
                Tie(
                    "(n/4 + 1/2)/2",  # q of a batch with rates n/4 and 1/2
                    lambda n: _ratio(n),
                    {"n": (1, 3)},
                ),
            ),
        ),
    ),
}


def _ratio(n: int) -> float:
    """The positive over the negative sum of a group with n of 4 correct, beside one with 2 of 4."""
    a = a_grae([[1.0] * n + [0.0] * (4 - n), [1.0, 1.0, 0.0, 0.0]], eps=0)[0]
    return float(np.maximum(a, 0).sum() / np.maximum(-a, 0).sum())
