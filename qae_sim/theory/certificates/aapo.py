"""Certificates of the claims about AAPO."""

from __future__ import annotations

from qae_sim.advantages import aapo
from qae_sim.theory.certificates import Counterexample, Enumeration, Part, Tie

_CLIP = {"clip(x)": "max(-1/5, min(7/25, x))"}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "aapo.equal-rewards": (
        Counterexample(
            "two failures beside two failures of the reference model: some margin, the advantage's only part, is not 0",
            "any(clip(reward - other) != 0 for other in references)",
            where=_CLIP,
            at={"reward": "0", "references": "[0, 0]"},
        ),
        Enumeration(
            "of binary rewards a clipped margin is 0 only where the margin is",
            "(clip(reward - other) == 0) == (reward == other)",
            where=_CLIP,
            cases={"reward": "[0, 1]", "other": "[0, 1]"},
            count=4,
            ties=(
                Tie("clip(0 - r)", lambda r: float(aapo([0.0, 0.0], [float(r), 0.0])[0]), {"r": ("0", "1")}),
                Tie("clip(1 - r)", lambda r: float(aapo([1.0, 1.0], [float(r), 0.0])[0]), {"r": ("0", "1")}),
            ),
        ),
    ),
}
