"""Certificates of the claims about GPG."""

from __future__ import annotations

from qae_sim.advantages import gpg
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "gpg.signal": (
        Identity(
            "α/B with α = B/(B - M) is 1/(B - M), the weight of a mean over the B - M responses of mixed groups",
            "(B/(B - M))/B == 1/(B - M)",
            variables=("B", "M"),
            ties=(
                Tie(
                    "(2*(1 + e)/2)*(1 - 1/2)",
                    lambda e: float(gpg([[1.0, 0.0]] + [[0.0, 0.0]] * e)[0, 0]),
                    {"e": (0, 6)},
                ),
            ),
        ),
    ),
}
