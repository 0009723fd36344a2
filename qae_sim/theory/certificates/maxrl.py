"""Certificates of the claims about MaxRL."""

from __future__ import annotations

from qae_sim.advantages import expected_advantages
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

#: A group with n > 0 successes moves the policy along π₊ - π₋ by (n/G)·(G-n)/n.
_SPEED = {
    "chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)",
    "speed": "sum(chance(n) * (G - n)/G for n in range(1, G + 1))",
    "terms(k)": "p*(1 - p) * sum((1 - p)**j for j in range(k))",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "maxrl.terms": (
        Counterexample(
            "the expected speed is p(1-p) times the first G terms of Σ (1-p)^k",
            "speed == terms(G)",
            where=_SPEED,
            at={"G": "2", "p": "1/2"},
        ),
        Identity(
            "it is p(1-p) times the first G - 1 terms, as a polynomial in p",
            "speed == terms(G - 1)",
            where=_SPEED,
            cases={"G": "range(2, 17)"},
            count=15,
            variables=("p",),
            ties=(
                Tie(
                    "sum(binomial(G, n) * p**n * (1 - p)**(G - n) * (G - n)/G for n in range(1, G + 1))",
                    lambda p, G: float(expected_advantages("maxrl", p, G).c),  # noqa: N803
                    {"p": ("1/20", "19/20"), "G": (2, 12)},
                ),
            ),
        ),
        Identity(
            "for every G, Q = (1-p)^(G-1): E[G-n]/G less its part at n = 0 is (1-p) - (1-p)Q, and a sum of G - 1 terms "
            "is (1 - Q)/p",
            "(1 - p) - (1 - p)*Q == p*(1 - p) * (1 - Q)/p",
            variables=("p", "Q"),
        ),
    ),
}
