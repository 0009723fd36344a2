"""Certificates of the claims about GTPO."""

from __future__ import annotations

from qae_sim.advantages import gtpo
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "gtpo.correctness-cancels": (
        Counterexample(
            "two tokens of correct responses with entropies h and k: what Eq. 6 leaves of a + b h/(h + k) 2 and a + b "
            "k/(h + k) 2 has a positive sum",
            "(first - mean) + (second - mean) > 0",
            where={
                "first": "a + 2*b*h/(h + k)",
                "second": "a + 2*b*k/(h + k)",
                "mean": "(first + second)/2",
            },
            at={"a": "1", "b": "1/10", "h": "3", "k": "1"},
        ),
        Identity(
            "a is gone from what is left, and the sum is 0",
            "(a + 2*b*h/(h + k) - (a + b)) + (a + 2*b*k/(h + k) - (a + b)) == 0",
            variables=("a", "b", "h", "k"),
            ties=(
                Tie(
                    "1",
                    lambda h: float(gtpo([1.0, 1.0, 0.0], [[h + 2.0], [1.0], [1.0]], [[1], [1], [1]])[0, 0]),
                    {"h": (1, 9)},
                    within=1e-5,
                ),
            ),
        ),
    ),
}
