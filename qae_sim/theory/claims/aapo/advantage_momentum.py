"""AAPO's margin over a reference model, in groups whose rewards are all equal."""

from __future__ import annotations

from fractions import Fraction
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
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="some response of the reference model fared otherwise",
    breaks=(Break("a margin that is clipped to nothing", {"clip": 0.0}, Verdict.REFUTED),),
)
def aapo_equal(quick: bool, *, clip: float = 0.28) -> CheckOutcome:
    """The rewards say nothing, and the margin r - r_ref is clipped: to 0 only where it is 0, or a bound is."""
    largest, found, under = (4 if quick else 8), None, None
    low, high = Fraction(str(min(clip, 0.2))), Fraction(str(clip))
    margins = {x: max(-low, min(high, Fraction(x))) for x in (-1, 0, 1)}
    for g in range(2, largest + 1):
        for level, reference in product((0.0, 1.0), product((0.0, 1.0), repeat=g)):
            speaks = any(margins[int(level - x)] for x in reference)
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
        _in_floats(clip),
        under=[
            Evidence(
                "a margin of 1 or -1 stays above or below 0: neither bound is 0",
                "every G, as no response's margin depends on another",
                Method.SYMBOLIC,
                margins[1] > 0 > margins[-1],
                counterexample=under or {},
            ),
            Evidence(
                "some advantage is not 0 under the condition", "G as above", Method.CASES, under is None, confirms=True
            ),
        ],
        condition="some response of the reference model fared otherwise",
    )


def _in_floats(clip: float) -> Evidence:
    """The project's function in groups of equal rewards is the clipped margin."""
    ours = aapo([[1.0, 1.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]], clip_low=min(clip, 0.2), clip_high=clip)
    same = ours.tolist() == [[clip, 0.0], [0.0, -min(clip, 0.2)]]
    return Evidence("aapo gives the clipped margins", "two groups of two", Method.FLOATS, same)


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
