"""AAPO's margin over a reference model, in groups whose rewards are all equal."""

from __future__ import annotations

from itertools import product

from qae_sim.advantages import aapo
from qae_sim.theory.claim import (
    NEEDS_TRAINING,
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    unchecked,
)
from qae_sim.theory.claims.aapo import PAPER
from qae_sim.theory.registry import claim


@claim(
    "aapo.equal-rewards",
    paper=PAPER,
    equation="advantage momentum",
    statement="A group whose rewards are all equal keeps a signal.",
    latex=r"r_1=\dots=r_G \Rightarrow \exists i:\ A_i \ne 0",
    assumptions=("binary rewards, also of the reference model",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="some response of the reference model fared otherwise",
    breaks=(Break("a margin that is clipped to nothing", {"clip": 0.0}, Verdict.REFUTED),),
)
def aapo_equal(quick: bool, *, clip: float = 0.28) -> CheckOutcome:
    """All groups of equal rewards against all rewards of the reference model."""
    largest, found, under = (4 if quick else 8), None, None
    for g in range(2, largest + 1):
        for level, reference in product((0.0, 1.0), product((0.0, 1.0), repeat=g)):
            speaks = bool(aapo([level] * g, reference, clip_low=min(clip, 0.2), clip_high=clip).any())
            example = {"rewards": level, "g": g, "reference": list(reference)}
            if not speaks:
                found = found or example
                if any(x != level for x in reference):
                    under = under or example
    return conclude(
        Evidence(
            "some advantage is not 0",
            f"G = 2..{largest}, all rewards of the reference model",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        under=[
            Evidence("it is under the condition", "the same", Method.CASES, under is None, counterexample=under or {})
        ],
        condition="some response of the reference model fared otherwise",
    )


@claim(
    "aapo.training",
    paper=PAPER,
    equation="main results",
    statement="AAPO trains better than GRPO.",
    latex=r"\text{AAPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
