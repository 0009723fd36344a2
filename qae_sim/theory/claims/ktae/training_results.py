"""What only the training of large models can show: listed, so that nobody takes silence for agreement."""

from __future__ import annotations

from qae_sim.theory.claim import NEEDS_TRAINING, CheckOutcome, Origin, Verdict, unchecked
from qae_sim.theory.claims.ktae import PAPER
from qae_sim.theory.registry import claim


@claim(
    "ktae.accuracy",
    paper=PAPER,
    equation="Main results",
    statement="KTAE raises accuracy and shortens responses.",
    latex=r"\text{acc}_{\mathrm{KTAE}} > \text{acc},\ |o|_{\mathrm{KTAE}} < |o|",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def accuracy(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
