"""The covariance C = Cov(log π, π) behind Proposition 4.2: its sign, and its largest value."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

import numpy as np
from flint import ctx

from qae_sim.softmax import covariance
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, largest, near, number, x_log_x
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, pair_sum, simplex
from qae_sim.theory.truth import Truth, every


@claim(
    "qae.covariance-positive",
    paper=PAPER,
    equation="Sec. 4.3, proof of Proposition 4.2",
    statement="Cov(log π, π) is positive for every policy that is not uniform, and 0 for the uniform one.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, \pi) = \sum_{a<c} \pi_a\pi_c(\log\pi_a - \log\pi_c)(\pi_a - \pi_c) \ge 0",
    assumptions=("π_a > 0",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("Cov(log π, πr) instead", {"rewards": True}, Verdict.REFUTED),),
)
def covariance_positive(quick: bool, *, rewards: bool = False) -> CheckOutcome:
    """The identity of pairs: no monomial has more than two arms, so that few arms settle all; every pair is >= 0."""
    equal = True
    for arms in range(2, 4 if quick else 6):
        pi, logs, r = simplex(arms, *(f"r{a}" for a in range(arms)))
        y = [p * x for p, x in zip(pi, r, strict=True)] if rewards else pi
        equal &= cov(pi, logs, y) == pair_sum(pi, logs)
    example = {"pi": [0.9, 0.1], "r": [0, 1], "Cov(log pi, pi r)": 0.9 * 0.1 * 0.1 * math.log(1 / 9)}
    return conclude(
        Evidence(
            "the covariance is a sum over pairs of products of differences with the same sign",
            "every policy and every number of arms",
            Method.SYMBOLIC,
            bool(equal),
            counterexample={} if equal else example,
        )
    )


def two_levels(k: int, arms: int, x: Ball) -> Ball:
    """Cov(log π, π) of k arms of probability x and arms - k of (1 - kx)/(arms - k)."""
    m = arms - k
    y = ((1 - k * x) / m).nonnegative_part()
    x_log, y_log = x_log_x(x), x_log_x(y)
    h = -k * x_log - m * y_log
    return k * x * (x_log + h * x) + m * y * (y_log + h * y)


@claim(
    "qae.covariance-largest",
    paper=PAPER,
    equation="Sec. 4.3, 'bounded one-step entropy change'",
    statement="Over the simplex Cov(log π, π) is largest where one arm is likely and all others are equal, and it "
    "grows with the number of arms: the two-sided bound of Proposition 4.2 is at most η times that wide.",
    latex=r"\max_{\pi\in\Delta_A}\operatorname{Cov}_\pi(\log\pi,\pi) = \max_x f_{1,A}(x)",
    assumptions=("A arms, A = 2 to 16",),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.OURS,
    breaks=(Break("two likely arms instead of one", {"likely": 2}, Verdict.REFUTED),),
)
def covariance_largest(quick: bool, *, likely: int = 1) -> CheckOutcome:
    """Largest values over all policies with two levels; no other policy can be a maximum.

    With S = Σπ² the derivative by π_a is 2π log π + π + 2Hπ - S(log π + 1), which is convex in π_a: it takes one value
    at two levels of π at most. Where some π are 0, the covariance is that of fewer arms.
    """
    top = 8 if quick else 16
    holds, found, best, at = Truth.YES, None, {}, {}
    with ctx.workprec(64):
        for arms in range(2 * likely, top + 1):
            maxima = {
                k: largest(partial(two_levels, k, arms), 0, Fraction(1, k), tolerance=1e-5)
                for k in range(1, arms // 2 + 1)  # k arms of x and arms - k of y, or the reverse
            }
            best[arms] = maxima[likely]
            others = [value for k, value in maxima.items() if k not in (likely, arms - likely)]
            right = every(other < best[arms] for other in others)
            if arms - 1 in best:
                right = right & (best[arms] > best[arms - 1])
            if right is Truth.NO and found is None:
                found = {"arms": arms}
            holds = holds & right
        for arms in (2, 4, 10, 100, 10_000):
            x = _argmax(arms)
            at[arms] = {"largest": digits(two_levels(1, arms, number(x)), 8), "likely arm": round(float(x), 4)}
        policies = [(arms, np.array([0.7, *[0.3 / (arms - 1)] * (arms - 1)])) for arms in (2, 10, 100)]
        agrees, gap = near(
            ((float(covariance(np.log(p), np.log(p), p)), two_levels(1, arms, number(p[0]))) for arms, p in policies),
            "1e-12",
        )
    return conclude(
        Evidence(
            f"the maximum over all policies has {likely} likely arm{'s' if likely > 1 else ''} and grows with A",
            f"A = 2..{top}, all policies",
            Method.INTERVALS,
            holds,
            counterexample=found or {},
            figures={"by number of arms": at},
        ),
        Evidence("softmax.covariance gives the same", "A = 2, 10, 100", Method.FLOATS, agrees, gap),
    )


def _argmax(arms: int) -> Fraction:
    """Probability of the likely arm at which the covariance is largest, to 1e-6."""
    x = np.linspace(1 / arms, 1, 1_000_001)[:-1]
    y = (1 - x) / (arms - 1)
    h = -x * np.log(x) - (1 - x) * np.log(y)
    value = x**2 * (np.log(x) + h) + (1 - x) * y * (np.log(y) + h)
    return Fraction(float(x[value.argmax()]))
