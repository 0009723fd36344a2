"""VERL's bonus from the effective rank of hidden states."""

from __future__ import annotations

from itertools import product

import numpy as np

from qae_sim.advantages import RankBaselines, RankDynamics, effective_rank, grpo, verl_rank
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
from qae_sim.theory.claims.verl_rank import PAPER
from qae_sim.theory.registry import claim


@claim(
    "verl-rank.sign",
    paper=PAPER,
    equation="shaped advantage",
    statement="The bonus never turns an advantage's sign.",
    latex=r"\min(\max(0,\Phi), |A|/\kappa) < |A|,\ \kappa > 1",
    assumptions=("κ = 2",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("κ = 1/2", {"kappa": 0.5}, Verdict.REFUTED),),
)
def verl_sign(quick: bool, *, kappa: float = 2.0) -> CheckOutcome:
    """Dynamics far above what is usual, all groups of binary rewards."""
    largest, found, usual = (5 if quick else 8), None, RankBaselines(1.0, 1.0, 1.0)
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            base = grpo(list(rewards))
            for much in (0.0, 1.2, 5.0):
                dynamics = RankDynamics(*(np.full(g, much) for _ in range(3)))
                shaped = verl_rank(list(rewards), dynamics, usual, kappa=kappa)
                if found is None and (np.sign(shaped) != np.sign(base)).any():
                    found = {"rewards": list(rewards), "rank": much}
    return conclude(
        Evidence(
            "all signs stay",
            f"G = 2..{largest}, all binary rewards, three dynamics",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "verl-rank.directions",
    paper=PAPER,
    equation="effective rank",
    statement="The effective rank of hidden states that use k directions equally is k, and less if one of them is used "
    "more.",
    latex=r"\mathrm{ER} = e^{H(q)} \le k,\quad = k \iff q_1=\dots=q_k",
    assumptions=("centred states",),
    expected=Verdict.CERTIFIED,
    tier=Tier.NUMERICAL,
    origin=Origin.IMPLIED,
    breaks=(Break("states that are not centred", {"centred": False}, Verdict.REFUTED),),
)
def directions(quick: bool, *, centred: bool = True) -> CheckOutcome:
    """Crosses of k axes in ten dimensions, evenly and unevenly long, around a point that is not the origin."""
    found = None
    for k in range(1, 6 if quick else 11):
        axes = np.eye(10)[:k]
        even = np.concatenate([axes, -axes])
        uneven = even * np.where(np.arange(10) == 0, 3.0, 1.0)
        away = np.full(10, 2.0)
        ranks = []
        for states in (even + away, uneven + away):
            if centred:
                ranks.append(effective_rank(states))
            else:  # singular values of the states as they are
                q = np.linalg.svd(states, compute_uv=False)
                q = q[q > 1e-9] / q.sum()
                ranks.append(float(np.exp(-(q * np.log(q)).sum())))
        right = abs(ranks[0] - k) < 1e-9 and (ranks[1] < k - 1e-9 or k == 1)
        if found is None and not right:
            found = {"k": k, "ranks": ranks}
    return conclude(
        Evidence(
            "k, and less than k",
            "k = 1..5 (10 in full), one axis three times as long",
            Method.PRECISION,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "verl-rank.training",
    paper=PAPER,
    equation="main results",
    statement="VERL trains better than what it shapes.",
    latex=r"\text{VERL} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
