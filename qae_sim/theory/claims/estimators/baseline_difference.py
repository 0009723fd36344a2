"""Two baselines of one group: on-policy, the difference of their gradients is the gradient of an expectation."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import ceil, prod

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.registry import claim

# Four responses: probability, its derivative along some direction, reward, length.
PROBABILITIES = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 5), Fraction(1, 10))
DERIVATIVES = (Fraction(1, 3), Fraction(-1, 2), Fraction(2, 7), Fraction(-5, 42))
REWARDS = (0, 1, 1, 0)
LENGTHS = (1, 3, 5, 2)
K = Fraction(2, 5)


@claim(
    "estimators.baseline-difference",
    paper=PAPER,
    equation="QAE against GRPO under a token-level loss",
    statement="On-policy, with a scale and a weight common to the group, the expected gradients of two group baselines "
    "b and b' differ by the gradient of E[w (b' - b)/σ]: with w = 1/Z, Z the group's tokens, QAE is GRPO plus a "
    "pressure on the length.",
    latex=r"\mathbb E[g_b] - \mathbb E[g_{b'}] = \nabla\,\mathbb E\Big[w\,\frac{b'-b}{\sigma}\Big],\quad "
    r"g_b = w\sum_i \frac{r_i - b}{\sigma}\,\nabla\log\pi(o_i)",
    assumptions=("on-policy", "independent responses", "w and σ are functions of the group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.OURS,
    breaks=(Break("each response weighs 1/|o| of its own", {"common": False}, Verdict.REFUTED),),
)
def baseline_difference(quick: bool, *, common: bool = True) -> CheckOutcome:
    """Sum over all groups with n successes, which share one σ: the identity is one of rational numbers for each n."""
    top, found, groups = (4 if quick else 6), None, 0
    for g in range(2, top + 1):
        gaps = dict.fromkeys(range(1, g), Fraction(0))
        for group in product(range(4), repeat=g):
            n = sum(REWARDS[a] for a in group)
            if 0 < n < g:
                groups += 1
                gaps[n] += _gap(group, n, common)
        if found is None and any(gaps.values()):
            n = next(n for n, gap in gaps.items() if gap)
            found = {"G": g, "successes": n, "sigma times the difference": float(gaps[n])}
    return conclude(
        Evidence(
            "QAE's gradient less GRPO's is the gradient of E[(p̂ - b_K)/(σ Z)], for each number of successes",
            f"G = 2..{top}, {groups} mixed groups of four responses of lengths 1, 3, 5 and 2; K = .4",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


def _gap(group: tuple[int, ...], n: int, common: bool) -> Fraction:
    """One group's part in both sides' difference, times σ: QAE's gradient less GRPO's, less the other side's."""
    g = len(group)
    mean, quantile = Fraction(n, g), sorted(REWARDS[a] for a in group)[ceil(K * g) - 1]
    chance = prod((PROBABILITIES[a] for a in group), start=Fraction(1))
    derivative = sum(  # of the product, factor by factor
        (
            DERIVATIVES[a] * prod((PROBABILITIES[c] for j, c in enumerate(group) if j != i), start=Fraction(1))
            for i, a in enumerate(group)
        ),
        Fraction(0),
    )
    shared = Fraction(1, sum(LENGTHS[a] for a in group))
    weights = [shared if common else Fraction(1, g * LENGTHS[a]) for a in group]
    gradients = sum(
        (
            w * ((REWARDS[a] - quantile) - (REWARDS[a] - mean)) * DERIVATIVES[a] / PROBABILITIES[a]
            for w, a in zip(weights, group, strict=True)
        ),
        Fraction(0),
    )
    return chance * gradients - derivative * (sum(weights, Fraction(0)) / g) * (mean - quantile)
