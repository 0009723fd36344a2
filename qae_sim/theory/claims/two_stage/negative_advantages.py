"""What negative advantages alone do to answers that nobody has sampled."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import grpo_n
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
from qae_sim.theory.claims.two_stage import PAPER
from qae_sim.theory.registry import claim


def _three_arms(quick: bool) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Probabilities of an answer that is known to be right, of one that nobody has sampled, and of a failure."""
    steps = 20 if quick else 60
    for known, rare in product(range(1, steps - 1), repeat=2):
        if known + rare < steps:
            yield Fraction(known, steps), Fraction(rare, steps), Fraction(steps - known - rare, steps)


def _first_order(pi: tuple[Fraction, Fraction, Fraction], *, negatives_alone: bool) -> Fraction:
    """D log π of the middle arm, per unit of advantage that failures lose (and successes, if they count, win)."""
    squares = sum((p * p for p in pi), Fraction(0))
    pushed = pi[1] + pi[2] - squares  # from Σ Aᵢ (e_{aᵢ} - π) with failures alone
    return pushed if negatives_alone else pi[2] - pi[0]


@claim(
    "two-stage.unsampled",
    paper=PAPER,
    equation="negative-only objective",
    statement="Negative advantages alone raise the probability of answers that nobody has sampled.",
    latex=r"A_i \le 0 \Rightarrow \Delta\log\pi_{\mathrm{unsampled}} > 0",
    assumptions=("softmax bandit of three arms: known right answer, unsampled one, failure", "first order"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="the failures' probability and its own together exceed Σ π²: not in a policy that is nearly sure",
    breaks=(Break("failures hold more than half of the probability", {"failures": True}, Verdict.CERTIFIED),),
)
def unsampled(quick: bool, *, failures: bool = False) -> CheckOutcome:
    """What failures lose goes mostly to what is likely: Δ log π ∝ π_unsampled + π_failure - Σ π²."""
    literal = under = None
    for pi in _three_arms(quick):
        if failures and pi[2] <= Fraction(1, 2):
            continue
        rises = _first_order(pi, negatives_alone=True) > 0
        shares = {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
        if not rises:
            literal = literal or shares
            if pi[1] + pi[2] > sum(p * p for p in pi):
                under = under or shares
    return conclude(
        Evidence(
            "log π of the unsampled answer rises",
            "probabilities that are multiples of 1/20 (1/60 in full)",
            Method.CASES,
            literal is None,
            counterexample=literal or {},
        ),
        _step_in_floats(),
        under=[
            Evidence(
                "it does under the condition",
                "the same",
                Method.CASES,
                under is None,
                counterexample=under or {},
            )
        ],
        condition="the failures' probability and its own together exceed Σ π²: not in a policy that is nearly sure",
    )


def _step_in_floats() -> Evidence:
    """The first order against a small step of the project's softmax, with grpo_n's advantages."""
    worst, eta = 0.0, 1e-6
    for p in ([0.9, 0.02, 0.08], [0.2, 0.1, 0.7]):
        pi, arms = np.array(p), np.array([0, 0, 2, 2])
        a = grpo_n([1.0, 1, 0, 0], eps=0)
        step = (a[:, None] * (np.eye(3)[arms] - pi)).sum(axis=0)
        moved = pi * np.exp(eta * step)
        change = np.log(moved[1] / moved.sum() / pi[1]) / eta
        exact = _first_order((Fraction(p[0]), Fraction(p[1]), Fraction(p[2])), negatives_alone=True)
        worst = worse(worst, abs(change - 2 * float(exact)))
    return Evidence(
        "grpo_n's step changes log π by so much, to 1e-5", "two policies", Method.FLOATS, worst < 1e-5, f"{worst:.1e}"
    )


@claim(
    "two-stage.spared",
    paper=PAPER,
    equation="negative-only objective",
    statement="While the known right answer is the likeliest, negative advantages alone take less from an unsampled "
    "answer than GRPO does.",
    latex=r"\Delta\log\pi_{\mathrm{unsampled}}\big|_{A^-} \ge \Delta\log\pi_{\mathrm{unsampled}}\big|_{A}",
    assumptions=("softmax bandit of three arms", "first order", "the known right answer is the likeliest"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    breaks=(Break("a failure is the likeliest", {"failure": True}, Verdict.REFUTED),),
)
def spared(quick: bool, *, failure: bool = False) -> CheckOutcome:
    """The difference is 1 - π_failure - Σ π², and Σ π² is at most the greatest π."""
    found = None
    for pi in _three_arms(quick):
        if max(pi) != pi[2 if failure else 0]:
            continue
        if _first_order(pi, negatives_alone=True) < _first_order(pi, negatives_alone=False):
            found = found or {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
    return conclude(
        Evidence(
            "log π of the unsampled answer ends no lower",
            "probabilities that are multiples of 1/20 (1/60 in full)",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "two-stage.training",
    paper=PAPER,
    equation="main results",
    statement="After a stage of exploitation comes one of exploration, in which answers win that were never likely.",
    latex=r"\pi(\text{best}) \uparrow \text{ late}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
