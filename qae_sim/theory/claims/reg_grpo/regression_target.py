"""Reg-GRPO's regression of standardised log-ratios on advantages."""

from __future__ import annotations

from itertools import product

import numpy as np

from qae_sim.advantages import grpo, reg_grpo
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
    worse,
)
from qae_sim.theory.claims.reg_grpo import PAPER
from qae_sim.theory.registry import claim


@claim(
    "reg-grpo.scale",
    paper=PAPER,
    equation="regression target",
    statement="The loss is zero at the policies π ∝ π_old·exp(A/β) that a KL penalty of any strength β asks for.",
    latex=r"\log\frac{\pi(y_i)}{\pi_{\mathrm{old}}(y_i)} = \frac{A_i}{\beta} - \log Z \Rightarrow L = 0",
    assumptions=("log-ratios standardised within the group", "ε small compared with their spread"),
    expected=Verdict.CERTIFIED,
    tier=Tier.NUMERICAL,
    origin=Origin.IMPLIED,
    breaks=(Break("log-ratios as they are", {"standardised": False}, Verdict.REFUTED),),
)
def reg_scale(quick: bool, *, standardised: bool = True) -> CheckOutcome:
    """z-scores do not see a factor and a shift: the loss at such policies for several β and groups."""
    worst, found = 0.0, None
    for g, beta in product((2, 4, 8) if quick else (2, 3, 4, 8, 16, 32), (0.01, 0.1, 1.0, 10.0)):
        for n in range(1, g):
            rewards = np.r_[np.ones(n), np.zeros(g - n)]
            target = grpo(rewards, eps=1e-12)
            ratios = target / beta - 0.7
            loss = float(reg_grpo(rewards, ratios, eps=1e-12))
            if not standardised:
                loss = float(((target - ratios) ** 2).mean())
            worst = worse(worst, loss)
            if found is None and loss > 1e-12:
                found = {"g": g, "successes": n, "beta": beta, "loss": loss}
    return conclude(
        Evidence(
            "the loss is below 1e-12",
            "β = .01 to 10, G up to 32, every number of successes",
            Method.PRECISION,
            found is None,
            f"{worst:.1e}",
            counterexample=found or {},
        )
    )


@claim(
    "reg-grpo.training",
    paper=PAPER,
    equation="main results",
    statement="Reg-GRPO trains better than GRPO on video.",
    latex=r"\text{Reg-GRPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
