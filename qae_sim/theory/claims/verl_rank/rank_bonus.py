"""VERL's bonus from the effective rank of hidden states."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import RankBaselines, RankDynamics, effective_rank, grpo, verl_rank
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, entropy, near, number
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
from qae_sim.theory.polynomials import rational, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all


@claim(
    "verl-rank.sign",
    paper=PAPER,
    equation="shaped advantage",
    statement="The bonus never turns an advantage's sign.",
    latex=r"\min(\max(0,\Phi), |A|/\kappa) < |A|,\ \kappa > 1",
    assumptions=("κ > 1, as in κ = 2",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="κ > 1: with κ = 1 a negative advantage can become 0, with κ < 1 positive",
    breaks=(Break("κ = 1/2", {"kappa": Fraction(1, 2)}, Verdict.REFUTED),),
)
def verl_sign(quick: bool, *, kappa: Fraction = Fraction(2)) -> CheckOutcome:
    """A positive advantage gains; a negative one gains |A|/κ at most, which leaves -|A|(κ-1)/κ."""
    size, above = ring("size", "above")  # |A|, and κ - 1 > 0
    left = (1 + above) * size - size if kappa > 1 else rational(kappa - 1) * size  # κ(|A| - |A|/κ)
    largest, found, usual = (4 if quick else 6), None, RankBaselines(1.0, 1.0, 1.0)
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            base = grpo(list(rewards))
            for much in (0.0, 1.2, 5.0):
                dynamics = RankDynamics(*(np.full(g, much) for _ in range(3)))
                shaped = verl_rank(list(rewards), dynamics, usual, kappa=float(kappa))
                if found is None and (np.sign(shaped) != np.sign(base)).any():
                    found = {"rewards": list(rewards), "rank": much}
    return conclude(
        Evidence(
            "κ(|A| - |A|/κ) = (κ-1)|A| has no negative term: a bonus of at most |A|/κ leaves a negative A negative",
            "every A and κ > 1",
            Method.SYMBOLIC,
            all(coefficient > 0 for coefficient in left.coeffs()),
            counterexample=found or {},
        ),
        Evidence(
            f"verl_rank's signs {'all stay' if kappa > 1 else 'do not all stay'}",
            f"G = 2..{largest}, all binary rewards, three dynamics",
            Method.FLOATS,
            (found is None) is (kappa > 1),
        ),
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
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("states that are not centred", {"centred": False}, Verdict.REFUTED),),
)
def directions(quick: bool, *, centred: bool = True) -> CheckOutcome:
    """Gibbs' inequality; and crosses of k axes, whose singular values are known exactly.

    log k - H(q) = Σ q log(kq) >= Σ q(1 - 1/(kq)) = Σ q - 1 = 0, because log x >= 1 - 1/x with equality at 1 alone.
    """
    q, k_, x = ring("q", "k", "x")  # q: the sum of all shares
    gibbs = (k_ * q - k_ * 1).subs({"q": 1}) == 0  # k times Σ_i (q_i - 1/k), over k directions
    slope = x**2 / x - x**2 / x**2  # x² times 1/x - 1/x², the slope of log x - (1 - 1/x)
    sizes = range(1, 6 if quick else 11)
    ranks = {k: [_rank(squares, centred) for squares in ([1] * k, [9] + [1] * (k - 1))] for k in sizes}
    right = for_all(sizes, lambda k: (abs(ranks[k][0] - k) < number("1e-12")) & ((ranks[k][1] < k) if k > 1 else True))
    wrong = right.case
    axes = [np.eye(10)[:k] for k in sizes]
    ours = [
        effective_rank(np.concatenate([a, -a]) * np.where(np.arange(10) == 0, much, 1.0) + np.full(10, 2.0))
        for a in axes
        for much in (1.0, 3.0)
    ]
    exact = [_rank(squares, True) for k in sizes for squares in ([1] * k, [9] + [1] * (k - 1))]
    tie, gap = near(zip(ours, exact, strict=True), "1e-9")
    return conclude(
        Evidence("Σ (q - 1/k) = 0 over k shares q of sum 1", "every q and k", Method.SYMBOLIC, gibbs),
        Evidence(
            "the slope of log x - (1 - 1/x) has the sign of x - 1, so log x > 1 - 1/x but at 1",
            "every x > 0",
            Method.SYMBOLIC,
            slope == x - 1,
        ),
        Evidence(
            "k for crosses of k equal axes, and less with one axis three times as long",
            f"k = 1..{sizes[-1]}",
            Method.INTERVALS,
            right.holds,
            counterexample={} if wrong is None else {"k": wrong, "ranks": [digits(rank, 8) for rank in ranks[wrong]]},
            confirms=centred,
        ),
        Evidence("effective_rank gives these", "away from the origin", Method.FLOATS, tie, gap),
    )


def _rank(squares: list[int], centred: bool) -> Ball:
    """Effective rank of the ends of k axes of these squared lengths, on both sides of a point.

    The Gram matrix is diagonal, twice the squares. Around a point at a distance of 1/√k from the origin, in a direction
    of its own, states that are not centred have one more entry, 2k·(1/k) = 2.
    """
    values = [number(2 * square).sqrt() for square in squares] + ([] if centred else [number(2).sqrt()])
    whole = total(values)
    return entropy([value / whole for value in values]).exp()


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
