"""CANON's comparison of two halves of a group, sorted by a metric."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

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
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import rational, ring
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
    tier=Tier.PROVED,
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
    r, low_, high_, half = ring("r", "low", "high", "half")  # a reward, the means of both halves, the low one's size
    m, a = rational(mu), rational(alpha)
    other = half + 1 if odd else half  # an odd group's high half has one more
    whole = (half * low_ + other * high_, half + other)  # the sum of all rewards, and G
    advantage = {
        "low": m * (r - a * high_) + (1 - m) * (r - low_),
        "high": m * (a * r - low_) + (1 - m) * (r - high_),
    }
    return conclude(
        Evidence(
            "both halves' advantages are rewards minus the group's mean",
            "every G of this parity, any rewards",
            Method.SYMBOLIC,
            all(whole[1] * x == whole[1] * r - whole[0] for x in advantage.values()),
            counterexample=found or {},
        ),
        Evidence(
            "the advantages are rewards minus the group's mean",
            f"G = {', '.join(map(str, sizes))}, all groups of three levels",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        machine_checked("canon.dr-grpo"),
        Evidence("canon gives these advantages, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
        Evidence(
            "and dr_grpo those, whatever the metric",
            "100 groups of 8",
            Method.FLOATS,
            _like_dr_grpo(),
        ),
    )


@claim(
    "canon.no-direction",
    paper=PAPER,
    equation="no presumed direction",
    statement="CANON presumes no direction of its metric: with the metric turned round, all advantages are the same.",
    latex=r"A(r, m) = A(r, -m)",
    assumptions=("α = 1", "an even G", "no two equal metrics", "any μ"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="G is even, so that both halves have one size, and α = 1, so that both have one formula",
    breaks=(
        Break("an odd G", {"odd": True}, Verdict.REFUTED),
        Break("α = 9/10", {"alpha": Fraction(9, 10)}, Verdict.REFUTED),
    ),
)
def no_direction(quick: bool, *, odd: bool = False, alpha: Fraction = Fraction(1)) -> CheckOutcome:
    """Turning the metric exchanges the halves; each response keeps its own half's mean and that of the other."""
    r, own, other, m, size = ring("r", "own", "other", "mu", "size")
    a = rational(alpha)
    low = m * (r - a * other) + (1 - m) * (r - own)
    high = m * (a * r - other) + (1 - m) * (r - own)
    group, metric = np.array([1.0, 0, 0, 1, 1, 0][: 5 if odd else 6]), np.arange(5 if odd else 6)
    gap = float(np.abs(canon(group, metric, mu=0.3, alpha=float(alpha)) - _turned(group, metric, float(alpha))).max())
    same = gap < 1e-14
    return conclude(
        Evidence(
            "a response's advantage is the same in the low half and in the high one",
            "any rewards, means of the halves and μ",
            Method.SYMBOLIC,
            low == high,
            counterexample={} if low == high else {"alpha": float(alpha), "largest difference": gap},
        ),
        Evidence(
            "turning exchanges the halves: the upper one is as large as the ⌊G/2⌋ of the lower one",
            "every G of this parity",
            Method.SYMBOLIC,
            size + int(odd) == size,
            counterexample={"G": 5, "largest difference": gap} if odd else {},
        ),
        Evidence(
            f"canon gives {'the same' if not odd and alpha == 1 else 'others'}",
            f"one group of {len(group)}, μ = .3",
            Method.FLOATS,
            same if not odd and alpha == 1 else not same,
            f"{gap:.1e}",
        ),
    )


def _turned(rewards: np.ndarray, metric: np.ndarray, alpha: float) -> Any:
    """CANON's advantages by the metric turned round."""
    return canon(rewards, -metric, mu=0.3, alpha=alpha)


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
