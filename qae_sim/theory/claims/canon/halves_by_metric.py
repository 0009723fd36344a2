"""CANON's comparison of two halves of a group, sorted by a metric."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import canon, dr_grpo
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
from qae_sim.theory.claims.canon import PAPER
from qae_sim.theory.registry import claim


def _mean(values: list[Fraction]) -> Fraction:
    """Mean of exact numbers."""
    return sum(values, Fraction(0)) / len(values)


@claim(
    "canon.dr-grpo",
    paper=PAPER,
    equation="μ = 1/2",
    statement="With μ = 1/2 and halves of equal size CANON is Dr. GRPO, whatever the metric.",
    latex=r"\mu=\tfrac12,\ |G_+|=|G_-| \Rightarrow A_i = r_i - \bar r",
    assumptions=("α = 1", "an even G"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break("an odd G", {"odd": True}, Verdict.REFUTED),
        Break("μ = 1", {"mu": Fraction(1)}, Verdict.REFUTED),
        Break("α = 9/10", {"alpha": Fraction(9, 10)}, Verdict.REFUTED),
    ),
)
def canon_dr_grpo(
    quick: bool, *, odd: bool = False, mu: Fraction = Fraction(1, 2), alpha: Fraction = Fraction(1)
) -> CheckOutcome:
    """All groups of three levels; the first ⌊G/2⌋ are the low half."""
    sizes = (3, 5) if odd else ((2, 4) if quick else (2, 4, 6))
    found, worst = None, 0.0
    for g in sizes:
        for rewards in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=g):
            low, high = _mean(list(rewards[: g // 2])), _mean(list(rewards[g // 2 :]))
            exact = [
                mu * (r - alpha * high if i < g // 2 else alpha * r - low)
                + (1 - mu) * (r - (low if i < g // 2 else high))
                for i, r in enumerate(rewards)
            ]
            if found is None and exact != [r - _mean(list(rewards)) for r in rewards]:
                found = {"rewards": [float(r) for r in rewards], "advantages": [float(a) for a in exact]}
            r = np.array([float(x) for x in rewards])
            ours = canon(r, np.arange(g), mu=float(mu), alpha=float(alpha))
            worst = worse(worst, float(np.abs(ours - np.array([float(a) for a in exact])).max()))
    return conclude(
        Evidence(
            "the advantages are rewards minus the group's mean",
            f"G = {', '.join(map(str, sizes))}, all groups of three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("canon gives these advantages, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
        Evidence(
            "and dr_grpo those, whatever the metric",
            "100 groups of 8",
            Method.FLOATS,
            _like_dr_grpo(),
        ),
    )


def _like_dr_grpo() -> bool:
    """Whether canon with its defaults is dr_grpo on random groups and metrics."""
    rng = np.random.default_rng(0)
    rewards, metric = rng.normal(size=(100, 8)), rng.normal(size=(100, 8))
    return bool(np.abs(canon(rewards, metric) - dr_grpo(rewards)).max() < 1e-13)


@claim(
    "canon.training",
    paper=PAPER,
    equation="main results",
    statement="CANON on entropy trains better than shaped advantages; on length it saves tokens.",
    latex=r"\text{CANON} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
