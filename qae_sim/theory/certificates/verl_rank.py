"""Certificates of the claims about VERL."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import effective_rank
from qae_sim.theory.certificates import Enumeration, Identity, Part, Tie


def _cross(k: int, much: int) -> float:
    """The effective rank of the ends of k axes, the first of them longer."""
    axes = np.eye(k)
    axes[0, 0] = much
    return effective_rank(np.concatenate([axes, -axes]))


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "verl-rank.sign": (
        Identity(
            "|A| less the largest bonus |A|/κ is |A|(κ-1)/κ",
            "A - A/kappa == A*(kappa - 1)/kappa",
            variables=("A", "kappa"),
        ),
    ),
    "verl-rank.directions": (
        Identity(
            "the slope of log x - (1 - 1/x) is (x-1)/x², so log x >= 1 - 1/x; and q(1 - 1/(kq)) is q - 1/k",
            "1/x - 1/x**2 == (x - 1)/x**2 and q*(1 - 1/(k*q)) == q - 1/k",
            variables=("x", "q", "k"),
        ),
        Enumeration(
            "with one of k directions used three times as much exp of the entropy is less than k",
            "exp(0 - 3/(k + 2)*log(3/(k + 2)) - (k - 1)/(k + 2)*log(1/(k + 2))) < k",
            cases={"k": "range(2, 11)"},
            count=9,
            ties=(
                Tie(
                    "exp(0 - s/(k - 1 + s)*log(s/(k - 1 + s)) - (k - 1)/(k - 1 + s)*log(1/(k - 1 + s)))",
                    lambda k, s: _cross(k, s),
                    {"k": (2, 9), "s": (1, 5)},
                ),
            ),
        ),
    ),
}
