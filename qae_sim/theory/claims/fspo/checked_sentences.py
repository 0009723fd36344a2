"""FSPO's advantages of sentences that have been checked against the facts."""

from __future__ import annotations

from itertools import product

import numpy as np

from qae_sim.advantages import fspo, grpo
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
from qae_sim.theory.claims.fspo import PAPER
from qae_sim.theory.registry import claim


@claim(
    "fspo.facts-decide",
    paper=PAPER,
    equation="adjusted advantage",
    statement="A true sentence is never punished, and a false one never rewarded, whatever the answer.",
    latex=r"m_{i,t} \ne 0 \Rightarrow m_{i,t} A_{i,t} \ge 0,\quad |A_{i,t}| = |A_i|",
    assumptions=("every sentence has been checked",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("a checker that is wrong about one sentence", {"errs": True}, Verdict.REFUTED),),
)
def facts_decide(quick: bool, *, errs: bool = False) -> CheckOutcome:
    """All groups of binary rewards, every sentence once true and once false."""
    largest, found = (5 if quick else 8), None
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            truth = np.tile([1, -1], (g, 1))
            seen = truth.copy()
            if errs:
                seen[0, 0] = -1
            a = fspo(list(rewards), seen)
            sizes = np.abs(a) == np.abs(grpo(list(rewards)))[:, None]
            if found is None and not ((truth * a >= 0).all() and sizes.all()):
                found = {"rewards": list(rewards)}
    return conclude(
        Evidence(
            "signs follow the facts, and sizes stay",
            f"G = 2..{largest}, all binary rewards",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "fspo.training",
    paper=PAPER,
    equation="main results",
    statement="FSPO makes fewer things up and reasons better.",
    latex=r"\text{FSPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
