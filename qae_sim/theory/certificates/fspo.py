"""Certificates of the claims about FSPO."""

from __future__ import annotations

from qae_sim.advantages import fspo
from qae_sim.theory.certificates import Enumeration, Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "fspo.facts-decide": (
        Identity(
            "m·(m·|z|) is |z| and (m²-1)·|z| more, |z| = s",
            "m*(m*s) == s + (m**2 - 1)*s",
            variables=("m", "s"),
        ),
        Enumeration(
            "m² = 1 for the marks of a true and of a false sentence",
            "m**2 == 1",
            cases={"m": "[1, -1]"},
            count=2,
            ties=(
                Tie(
                    "0 - sqrt(n)",
                    lambda n: float(fspo([0.0] + [1.0] * n, [[-1]] * (n + 1), eps=0)[0, 0]),
                    {"n": (1, 9)},
                ),
            ),
        ),
    ),
}
