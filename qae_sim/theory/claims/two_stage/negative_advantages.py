"""What negative advantages alone do to answers that nobody has sampled."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import grpo_n
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.two_stage import PAPER
from qae_sim.theory.polynomials import ring
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


_CONDITION = "the failures' probability and its own together exceed Σ π²: not in a policy that is nearly sure"


@claim(
    "two-stage.unsampled",
    paper=PAPER,
    equation="negative-only objective",
    statement="Negative advantages alone raise the probability of answers that nobody has sampled.",
    latex=r"A_i \le 0 \Rightarrow \Delta\log\pi_{\mathrm{unsampled}} > 0",
    assumptions=("softmax bandit: a known right answer, an unsampled one, a failure, and any others", "first order"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=_CONDITION,
    breaks=(Break("failures hold more than half of the probability", {"failures": True}, Verdict.CERTIFIED),),
)
def unsampled(quick: bool, *, failures: bool = False) -> CheckOutcome:
    """What failures lose goes mostly to what is likely: Δ log π ∝ π_unsampled + π_failure - Σ π²."""
    literal = None
    for pi in _three_arms(quick):
        if failures and pi[2] <= Fraction(1, 2):
            continue
        if literal is None and not _first_order(pi, negatives_alone=True) > 0:
            literal = {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
    known, new, failed, others = ring("known", "unsampled", "failure", "others")  # others: the sum of further squares
    pushes = [known, new, failed - 1]  # Δz = -(e_failure - π)
    average = sum((p * z for p, z in zip((known, new, failed), pushes, strict=True)), others)
    change = pushes[1] - average
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
                "Δ log π of the unsampled answer is its own and the failures' probability less Σ π², so above 0 "
                "exactly under the condition",
                "every policy, with any number of answers",
                Method.SYMBOLIC,
                change == new + failed - (known**2 + new**2 + failed**2 + others),
            )
        ],
        condition=_CONDITION,
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
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the probability of the failure and Σ π² together are at most 1, and only then",
    breaks=(Break("a failure is the likeliest", {"failure": True}, Verdict.REFUTED),),
)
def spared(quick: bool, *, failure: bool = False) -> CheckOutcome:
    """The difference is 1 - π_failure - Σ π², a polynomial without negative terms in what the known one is ahead."""
    found = None
    for pi in _three_arms(quick):
        if max(pi) != pi[2 if failure else 0]:
            continue
        if _first_order(pi, negatives_alone=True) < _first_order(pi, negatives_alone=False):
            found = found or {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
    new, less, ahead = ring("unsampled", "less", "ahead")
    known, failed = (less, less + ahead) if failure else (less + ahead, less)
    one = known + new + failed  # the probabilities' sum, which makes the difference homogeneous
    squares = known**2 + new**2 + failed**2
    difference = (new + failed) * one - squares - (failed - known) * one
    return conclude(
        Evidence(
            "what is left to the unsampled answer, less what GRPO leaves, has no negative term in the smaller "
            "probabilities and the known answer's lead over the failure",
            "every policy of three arms",
            Method.SYMBOLIC,
            all(coefficient >= 0 for coefficient in difference.coeffs()),
            counterexample=found or {},
        ),
        Evidence(
            "log π of the unsampled answer ends no lower",
            "probabilities that are multiples of 1/20 (1/60 in full)",
            Method.CASES,
            found is None,
            confirms=True,
        ),
    )
