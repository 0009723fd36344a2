"""The law of the entropy mechanism that links performance to entropy."""

from __future__ import annotations

from qae_sim.theory.claim import CheckOutcome, Origin, Verdict, unchecked
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.registry import claim


@claim(
    "entropy.law",
    paper=PAPER,
    equation="R = -a exp(H) + b",
    statement="Performance is an exponential function of the policy's entropy, with coefficients that do not "
    "depend on the algorithm.",
    latex=r"R = -a\,e^{H} + b",
    expected=Verdict.OPEN,
    origin=Origin.QUOTED,
)
def law(quick: bool) -> CheckOutcome:
    """Not checked."""
    return unchecked("an empirical fit over training runs of large models")
