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
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "fspo.facts-decide",
    paper=PAPER,
    equation="adjusted advantage",
    statement="A true sentence is never punished, and a false one never rewarded, whatever the answer.",
    latex=r"m_{i,t} \ne 0 \Rightarrow m_{i,t} A_{i,t} \ge 0,\quad |A_{i,t}| = |A_i|",
    assumptions=("every sentence has been checked",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("a checker that is wrong about one sentence", {"errs": True}, Verdict.REFUTED),),
)
def facts_decide(quick: bool, *, errs: bool = False) -> CheckOutcome:
    """M times |z| for a mark m of 1 or -1: m·(m·|z|) = m²·|z| = |z|, which is the size and not negative."""
    size, mark = ring("z", "m")
    checked = -mark if errs else mark  # what the checker says
    signed = mark * (checked * size)
    over = (mark**2 - 1) * size  # 0 where the mark is 1 or -1
    largest, wrong = (4 if quick else 6), None
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            truth = np.tile([1, -1], (g, 1))
            seen = truth.copy()
            if errs:
                seen[0, 0] = -1
            a = fspo(list(rewards), seen)
            sizes = np.abs(a) == np.abs(grpo(list(rewards)))[:, None]
            if wrong is None and not ((truth * a >= 0).all() and sizes.all()):
                wrong = {"rewards": list(rewards), "a true sentence's advantage": float(a[0, 0])}
    return conclude(
        Evidence(
            "m·A = |z| >= 0 for m = 1 and m = -1",
            "every group and every G",
            Method.SYMBOLIC,
            signed - size == over,
            counterexample=wrong or {},
        ),
        Evidence(
            f"fspo's signs {'do not always ' if errs else ''}follow the facts, and sizes stay",
            f"G = 2..{largest}, all binary rewards",
            Method.FLOATS,
            (wrong is None) is not errs,
        ),
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
