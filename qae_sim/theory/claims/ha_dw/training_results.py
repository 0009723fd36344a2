"""What only the training of large models can show: listed, so that nobody takes silence for agreement."""

from __future__ import annotations

from qae_sim.theory.claim import NEEDS_TRAINING, CheckOutcome, Origin, Verdict, unchecked
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.registry import claim


@claim(
    "ha-dw.accuracy",
    paper=PAPER,
    equation="Main results",
    statement="HA-DW improves GRPO, GSPO and DAPO on five benchmarks and three models.",
    latex=r"\text{acc}_{\mathrm{HA\text{-}DW}} > \text{acc}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def accuracy(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
