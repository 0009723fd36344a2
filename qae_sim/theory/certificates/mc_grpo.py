"""Certificates of the claims about MC-GRPO."""

from __future__ import annotations

from qae_sim.advantages import mc_grpo
from qae_sim.theory.certificates import Counterexample, Enumeration, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "mc-grpo.vanishing-scale": (
        Counterexample(
            "n successes and G - n failures: fewer than (G+1)/2 responses have the more frequent reward, so that the "
            "median of the deviations is positive",
            "(n if 2*n > G else G - n) < (G + 1)/2",
            at={"G": "3", "n": "1"},
        ),
        Enumeration(
            "the more frequent reward is the median, and has at least (G+1)/2 of all deviations, which are 0",
            "(n if 2*n > G else G - n) >= (G + 1)/2",
            cases={"h": "range(1, 20)", "n": "range(2*h + 2)"},
            where={"G": "2*h + 1"},
            count=418,
            ties=(
                Tie(
                    "512",
                    lambda n, m: max(
                        abs(x) for x in mc_grpo([1.0] * n + [0.0] * (n + 2 * m - 1), eps=2.0**-9).tolist()
                    ),
                    {"n": (1, 5), "m": (1, 4)},
                ),
            ),
        ),
    ),
}
