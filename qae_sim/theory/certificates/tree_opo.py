"""Certificates of the claims about Tree-OPO."""

from __future__ import annotations

from qae_sim.theory.certificates import Identity, Part

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "tree-opo.order": (
        Identity(
            "centred rewards of n successes and m failures: their squares add up to nm/N, which leaves room below N; "
            "a success is ahead of a failure by 1",
            "n*(1 - mean)**2 + m*(0 - mean)**2 == n*m/N and N - n*m/N == (n**2 + n*m + m**2)/N and "
            "(1 - mean) - (0 - mean) == 1",
            where={"N": "n + m", "mean": "n/N"},
            variables=("n", "m"),
        ),
    ),
}
