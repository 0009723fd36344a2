"""The factors of Eq. 6 as functions of the success rate, groups whose rewards are all equal, and the length with K."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from math import prod

import numpy as np

from qae_sim.advantages import advantage_table
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.claims.qae.first_order_entropy import quantile
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all


@claim(
    "qae.monotonic-factors",
    paper=PAPER,
    equation="Sec. 4.2, Remark (ii)",
    statement="QAE's query weight is monotonic: √(p/(1-p)) rises on hard queries and √((1-p)/p) falls on easy ones.",
    latex=r"p < q \le 1-K \Rightarrow \tfrac{p}{1-p} < \tfrac{q}{1-q},\quad "
    r"1-K < p < q \Rightarrow \tfrac{1-p}{p} > \tfrac{1-q}{q}",
    assumptions=("binary rewards", "each side by itself"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="each side is taken by itself: at 1-K the weight jumps from √((1-K)/K) to √(K/(1-K))",
    breaks=(
        Break("GRPO's weight √(p(1-p))", {"weight": "grpo"}, Verdict.REFUTED),
        Break("both sides together", {"together": True}, Verdict.REFUTED),
    ),
)
def monotonic_factors(quick: bool, *, weight: str = "qae", together: bool = False) -> CheckOutcome:
    """The difference of the squares has the sign of q - p: q(1-p) - p(1-q) = q - p."""
    p, q = ring("p", "q")
    rising = q * (1 - p) - p * (1 - q)  # q/(1-q) - p/(1-p), times (1-p)(1-q)
    falling = (1 - p) * q - (1 - q) * p  # (1-p)/p - (1-q)/q, times pq
    if weight == "grpo":
        rising = falling = q * (1 - q) - p * (1 - p)
    k = Fraction(2, 5)
    rates = [Fraction(i, 40) for i in range(1, 40)]

    def square(rate: Fraction) -> Fraction:
        return rate / (1 - rate) if rate <= 1 - k else (1 - rate) / rate

    sides = [rates] if together else [[x for x in rates if x <= 1 - k], [x for x in rates if x > 1 - k]]
    signs = [{square(b) > square(a) for a, b in pairwise(side)} for side in sides]
    turning = [side for side, found in zip(sides, signs, strict=True) if len(found) > 1]
    equal = rising == q - p and falling == q - p
    return conclude(
        Evidence(
            "both differences are q - p times a positive number",
            "every p < q in (0, 1)",
            Method.SYMBOLIC,
            bool(equal),
            counterexample={} if equal else {"p": 0.5, "q": 0.75, "weights": [0.5, 0.433013]},
        ),
        Evidence(
            "the weight rises or falls throughout",
            "p = 1/40..39/40, K = .4, " + ("both sides together" if together else "each side"),
            Method.CASES,
            not turning,
            counterexample={"rises to": "√1.5 at p = .6", "falls from": "√(15/25) at p = .625"} if turning else {},
            confirms=not together,
        ),
    )


@claim(
    "qae.equal-groups",
    paper=PAPER,
    equation="Eq. 3, 'ε prevents division by zero when p ∈ {0, 1}'",
    statement="In a group whose rewards are all equal every advantage of QAE is exactly 0, whatever ε > 0: ε only has "
    "to exist.",
    latex=r"p \in \{0, 1\} \Rightarrow R_i - b_K = 0 \Rightarrow \hat A_i = \frac{0}{0 + \varepsilon} = 0",
    assumptions=("ε > 0", "K in (0, 1)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="Eq. 3 is meant: the 1/√(p(1-p)) of Eqs. 12 and 13 does not exist at p = 0 and p = 1",
    breaks=(
        Break("the baseline of hard queries for every group, b = 0", {"baseline": 0}, Verdict.REFUTED),
        Break("ε = 0", {"eps": Fraction(0)}, Verdict.REFUTED),
    ),
)
def equal_groups(quick: bool, *, baseline: int | None = None, eps: Fraction = Fraction(1, 10**6)) -> CheckOutcome:
    """Every order statistic of equal rewards is that reward: the numerator is 0, the denominator ε."""
    cases = [(g, r, k) for g in range(2, 17) for r in (0, 1) for k in KS]

    def zero(case: tuple[int, int, Fraction]) -> bool:
        g, r, k = case
        b = quantile(g * r, g, k) if baseline is None else baseline
        return r == b and eps > 0  # (r - b)/(0 + ε)

    found = for_all(cases, zero)
    # For any G the share of zeros is 1 or 0, and then at least K or not, for every K in (0, 1).
    baselines = {r: (0 if share > 0 else 1) for r, share in ((0, 1), (1, 0))}
    tables = [advantage_table("qae", g, k=float(k), eps=1e-6) for g in (2, 8) for k in KS]
    ours = all(not np.any(table[[0, -1], [0, 1]]) for table in tables)
    return conclude(
        Evidence(
            "the share of zeros is 1 or 0, so at least K or below it for every K in (0, 1): b_K is the common reward",
            "every G, K and both rewards",
            Method.SYMBOLIC,
            all(r == b for r, b in baselines.items()),
        ),
        Evidence(
            "(r - b_K)/(0 + ε) is 0",
            "G = 2..16, all rewards 0 or all 1, K = .1...9",
            Method.CASES,
            found.holds,
            counterexample={"G": found.case[0], "reward": found.case[1], "K": float(found.case[2]), "eps": float(eps)}
            if found.case
            else {},
            confirms=baseline is None and eps > 0,
        ),
        Evidence("advantage_table is exactly 0 there", "G = 2 and 8", Method.FLOATS, ours),
    )


#: Three responses: probability, its derivative along some direction, reward, length.
PROBABILITIES = (Fraction(1, 2), Fraction(3, 10), Fraction(1, 5))
DERIVATIVES = (Fraction(1, 3), Fraction(-1, 2), Fraction(1, 6))
REWARDS = (0, 1, 1)
LENGTHS = (1, 3, 5)


@claim(
    "qae.length-pressure-by-k",
    paper=PAPER,
    equation="App. D.3: lengths at K = .2 and K = .8, on-policy under the token-level loss",
    statement="A higher K adds the gradient of minus the expected 1/(σZ) over the groups that it turns easy, Z their "
    "tokens: at a given success rate it only ever adds pressure towards longer groups.",
    latex=r"\mathbb E[g_{K'}] - \mathbb E[g_K] = -\nabla\,\mathbb E\Big[\frac{\mathbf 1\{1-K' < \hat p \le 1-K\}}"
    r"{\sigma Z}\Big],\quad K < K'",
    assumptions=(
        "on-policy",
        "token-level loss of one group, Z its tokens",
        "binary rewards",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("each response weighs 1/|o| of its own", {"common": False}, Verdict.REFUTED),),
)
def length_pressure_by_k(quick: bool, *, common: bool = True) -> CheckOutcome:
    """The baseline-difference theorem with b_K and b_K': they differ by 1 in the groups that turn easy, else by 0."""
    low, high = Fraction(2, 5), Fraction(4, 5)
    top, found = (3 if quick else 4), None
    for g in range(2, top + 1):
        gaps = dict.fromkeys(range(1, g), Fraction(0))  # groups with n successes share one σ
        for group in product(range(3), repeat=g):
            n = sum(REWARDS[a] for a in group)
            if not 0 < n < g:
                continue
            chance = prod(PROBABILITIES[a] for a in group)
            scores = [DERIVATIVES[a] / PROBABILITIES[a] for a in group]
            weights = [Fraction(1, sum(LENGTHS[a] for a in group) if common else LENGTHS[a]) for a in group]
            jump = quantile(n, g, high) - quantile(n, g, low)
            gradient = -jump * sum((w * s for w, s in zip(weights, scores, strict=True)), Fraction(0))
            turns = int(1 - high < Fraction(n, g) <= 1 - low)
            pressure = -turns * Fraction(1, sum(LENGTHS[a] for a in group)) * sum(scores, Fraction(0))
            gaps[n] += chance * (gradient - pressure)
        if found is None and any(gaps.values()):
            found = {"G": g, "successes": next(n for n, gap in gaps.items() if gap)}
    theorem = [machine_checked("estimators.baseline-difference")] if common else []
    return conclude(
        *theorem,
        Evidence(
            "the two gradients differ by the gradient of -E[1/(σZ)] over the groups that turn easy",
            f"G = 2..{top}, all mixed groups of three responses of lengths 1, 3 and 5; K = .4 and .8",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=common,
        ),
    )
