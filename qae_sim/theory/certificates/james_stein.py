"""Certificates of the claims about shrinkage baselines."""

from __future__ import annotations

from qae_sim.advantages import james_stein
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "james-stein.unbiased": (
        Identity(
            "a baseline whose mean B is the same for a success and for a failure leaves a difference of 1",
            "(1 - B) - (0 - B) == 1",
            variables=("B",),
            ties=(
                Tie(
                    "1",
                    lambda n: _difference(n),
                    {"n": (0, 3)},
                ),
            ),
        ),
    ),
}


def _difference(n: int) -> float:
    """What a success has more than a failure beside the same n successes of three others."""
    others = [1.0] * n + [0.0] * (3 - n)
    batches = ([[own, *others], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]] for own in (1.0, 0.0))
    success, failure = (float(james_stein(batch)[0, 0]) for batch in batches)
    return success - failure
