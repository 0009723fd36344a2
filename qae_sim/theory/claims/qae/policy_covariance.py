"""The covariance C = Cov(log π, π) behind Proposition 4.2: its sign, and its largest value."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from qae_sim.softmax import covariance
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, largest, near, number, x_log_x
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import floats
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, pair_sum, simplex
from qae_sim.theory.truth import Truth, every, for_all


def pairs_are_positive(*policies: tuple[Fraction, Fraction]) -> tuple[Evidence, Evidence]:
    """Every pair of arms adds π_a π_c (log π_a - log π_c)(π_a - π_c) >= π_a π_c (π_a - π_c)²/max(π_a, π_c).

    Because log u >= 1 - 1/u for u >= 1: both sides are 0 at u = 1, and the derivative of their difference is
    1/u - 1/u² = (u - 1)/u².

    Args:
        *policies: Policies of two arms at which the bound is evaluated, beside a grid of some.
    """
    x, y, log, inverse = ring("x", "y", "L", "1/u")
    derivative = inverse - inverse**2 == inverse * (1 - inverse)  # (u - 1)/u² with u = 1/inverse
    pair = log * (x - y) * x - (x - y) ** 2 == (x - y) * (x * (log - 1) + y)  # log u - 1 + 1/u at u = x/y
    grid = [(Fraction(i, 20), Fraction(20 - i, 20)) for i in range(1, 20) if i != 10]
    found = for_all((*grid, *policies), lambda pi: pi[0] * pi[1] * (pi[0] - pi[1]) ** 2 / max(pi) > 0)
    return (
        Evidence(
            "log u - 1 + 1/u is 0 at u = 1 and has the derivative (u - 1)/u², so that a pair with π_a > π_c adds at "
            "least π_c (π_a - π_c)²",
            "every pair of arms",
            Method.SYMBOLIC,
            bool(derivative and pair),
        ),
        Evidence(
            "this is above 0",
            f"{found.cases} policies of two arms",
            Method.CASES,
            found.holds,
            counterexample={"pi": floats(list(found.case)), "slope": 0.0} if found.case else {},
            confirms=True,
        ),
    )


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
    for arms in (2, 3, 4):
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
        ),
        *pairs_are_positive(),
        *([] if rewards else [machine_checked("qae.covariance-positive")]),
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
    statement="Over the policies of A arms Cov(log π, π) is largest where one arm is likely and all others are equal, "
    "and this largest value grows with A: the two-sided bound of Proposition 4.2 is at most η times that wide.",
    latex=r"\max_{\pi\in\Delta_A}\operatorname{Cov}_\pi(\log\pi,\pi) = \max_x f_{1,A}(x)",
    assumptions=("A >= 2 arms",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("two likely arms instead of one", {"likely": 2}, Verdict.REFUTED),
        Break("the second variation without the policy's own entropy", {"entropy_term": 0}, Verdict.REFUTED),
    ),
)
def covariance_largest(quick: bool, *, likely: int = 1, entropy_term: int = 1) -> CheckOutcome:
    """What the proof rests on as identities, and the largest values for small numbers of arms."""
    top = 5 if quick else 8
    holds, found, best, at = Truth.YES, None, {}, {}
    with ctx.workprec(64):
        for arms in range(2 * likely, top + 1):
            maxima = {
                k: largest(partial(two_levels, k, arms), 0, Fraction(1, k), tolerance=1e-4)
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
    slope_turns = _variations(entropy_term)
    return conclude(
        Evidence(
            "the derivative φ by one probability is a convex function of it, and moving ε between two arms of the same "
            "probability t changes the covariance by ε²·φ'(t)",
            "every policy and every number of arms",
            Method.SYMBOLIC,
            slope_turns,
            counterexample={} if slope_turns else {"H": 0},
        ),
        Evidence(
            f"the maximum over all policies has {likely} likely arm{'s' if likely > 1 else ''} and grows with A",
            f"A = {2 * likely}..{top}, all policies",
            Method.INTERVALS,
            holds,
            counterexample=found or {},
            figures={"by number of arms": at},
            confirms=True,
        ),
        Evidence("softmax.covariance gives the same", "A = 2, 10, 100", Method.FLOATS, agrees, gap),
    )


def _variations(entropy_term: int) -> bool:
    """Derivatives of Σ π² log π - B·S, with B = Σ π log π = -H and S = Σ π², by one probability t = exp L.

    By L, t' = t and L' = 1: derivatives by t times powers of t are polynomials in t and L.
    """
    t, log, h, s = ring("t", "L", "H", "S")

    def by_log(f: Any) -> Any:
        return f.derivative("t") * t + f.derivative("L")

    cube, product, square = t**2 * log, t * log, t**2
    slope = by_log(cube) - s * by_log(product) + h * by_log(square)  # t·φ(t)
    stated = slope == 2 * t**2 * log + t**2 + 2 * h * t**2 - s * (t * log + t)
    slope_by_t = by_log(slope) - slope  # t²·φ'(t)
    convex = by_log(slope_by_t) - 2 * slope_by_t == 2 * t**2 + s * t  # t³·φ''(t) > 0
    # B and S of the policy do not change to first order; each of the two arms adds ε²/2 times its second derivative.
    second = [by_log(by_log(f)) - by_log(f) for f in (cube, product, square)]  # times t²
    moved = second[0] - s * second[1] + entropy_term * h * second[2]
    return bool(stated and convex and moved == slope_by_t)


def _argmax(arms: int) -> Fraction:
    """Probability of the likely arm at which the covariance is largest, to 1e-5."""
    x = np.linspace(1 / arms, 1, 100_001)[:-1]
    y = (1 - x) / (arms - 1)
    h = -x * np.log(x) - (1 - x) * np.log(y)
    value = x**2 * (np.log(x) + h) + (1 - x) * y * (np.log(y) + h)
    return Fraction(float(x[value.argmax()]))
