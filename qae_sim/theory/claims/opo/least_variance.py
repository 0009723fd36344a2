"""OPO's baseline, the mean of the rewards weighted by length, and the variance of the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations, product

import numpy as np

from qae_sim.advantages import opo
from qae_sim.theory.claim import (
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    worse,
)
from qae_sim.theory.claims.opo import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _mean(values: list[Fraction]) -> Fraction:
    """Mean of exact numbers."""
    return sum(values, Fraction(0)) / len(values)


def _pairs(largest: int) -> Iterator[tuple[list[Fraction], list[int]]]:
    """All groups of rewards 0, 1/2 and 1 with lengths from 1 to 3."""
    for g in range(2, largest + 1):
        for rewards in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=g):
            for lengths in product((1, 2, 3), repeat=g):
                yield list(rewards), list(lengths)


@claim(
    "opo.least-variance",
    paper=PAPER,
    equation="optimal reward baseline",
    statement="Of all constant baselines, the mean reward weighted by length gives the gradient the least variance; "
    "in a sampled group, its own weighted mean gives the least second moment.",
    latex=r"\mathbb E\,\|s\|^2 (r-b)^2 \ \text{is least at}\ b^* = \frac{\mathbb E\,l\,r}{\mathbb E\,l},\quad "
    r"\sum_i \|s_i\|^2 (r_i-b)^2 \ \text{at}\ \frac{\sum_i l_i r_i}{\sum_i l_i}",
    assumptions=("squares of scores grow with the length, ‖s‖² = l", "on-policy, so that E s = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="‖s‖² grows with the length; otherwise the weights are E[‖s‖² | response] instead of lengths",
    breaks=(Break("squares of scores do not depend on the length", {"grows": False}, Verdict.REFUTED),),
)
def opo_variance(quick: bool, *, grows: bool = True) -> CheckOutcome:
    """The second moment is a parabola in b, and the square of the mean does not depend on b."""
    largest, found, worst = (2 if quick else 3), None, 0.0
    for rewards, lengths in _pairs(largest):
        squares = lengths if grows else [1] * len(lengths)
        best = sum((n * r for n, r in zip(lengths, rewards, strict=True)), Fraction(0)) / sum(lengths)
        moments = [
            sum((s * (r - b) ** 2 for s, r in zip(squares, rewards, strict=True)), Fraction(0))
            for b in (best, _mean(rewards), best + Fraction(1, 7), best - Fraction(1, 7))
        ]
        if found is None and moments[0] > min(moments):
            found = {"rewards": [float(r) for r in rewards], "lengths": lengths, "better": float(_mean(rewards))}
        r = np.array([float(x) for x in rewards])
        worst = worse(worst, float(np.abs(opo(r, lengths) - (r - float(best))).max()))
    # Sums over a group, or expectations: of l, l·r and l·r², and of s and r·s along any direction.
    length, first, second, b, score, rewarded, w, v = ring("L", "A", "S", "b", "score", "rewarded", "w", "v")
    moment = second - 2 * b * first + b**2 * length
    mean = rewarded - b * score  # Σ (r - b) s
    if grows:  # w = Σ ‖s‖² and v = Σ ‖s‖² r
        w, v = length, first
    return conclude(
        Evidence(
            "Σ l (r-b)² exceeds its value at b* by (bL - Σ l·r)²/L, L = Σ l",
            "every group, lengths and b; sums or expectations",
            Method.SYMBOLIC,
            moment * length - (second * length - first**2) == (b * length - first) ** 2,
        ),
        Evidence(
            "E (r-b) s = E r s for every b, as E s = 0: variance and second moment differ by the same",
            "every constant baseline",
            Method.SYMBOLIC,
            mean.subs({"score": 0}) == rewarded,
        ),
        Evidence(
            "the slope of Σ ‖s‖² (r-b)² vanishes at b*: Σ ‖s‖² r · L = Σ ‖s‖² · Σ l·r",
            "every group",
            Method.SYMBOLIC,
            v * length == w * first,
            counterexample=found or {},
        ),
        Evidence(
            "neither the unweighted mean nor b* ± 1/7 has less",
            f"G = 2..{largest}, three levels of reward, lengths 1 to 3",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        machine_checked("opo.least-variance"),
        Evidence("opo subtracts b*, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
    )


@claim(
    "opo.training",
    paper=PAPER,
    equation="policy shifts and entropy",
    statement="OPO's steps shift the policy less than those with the group's mean, and keep more entropy.",
    latex=r"|\Delta z_{\mathrm{OPO}}| < |\Delta z_{\bar r}|,\quad \Delta H_{\mathrm{OPO}} > \Delta H_{\bar r}",
    assumptions=(
        "a right answer of probability p and a wrong one, in a softmax bandit; lengths count in the baseline alone",
        "groups of 2, expected first-order step; p is not 1/2 and the lengths differ",
    ),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="the right answer is the shorter and the likelier one",
    breaks=(
        Break("the right answer is shorter and likelier", {"shorter": True, "likelier": True}, Verdict.CERTIFIED),
        Break("a condition without the lengths", {"under_likelier": True}, Verdict.REFUTED),
    ),
)
def opo_shift(
    quick: bool, *, shorter: bool = False, likelier: bool = False, under_likelier: bool = False
) -> CheckOutcome:
    """A mixed pair moves z_right - z_wrong by 2((1-p)(1-b) + pb): by 1 at b = 1/2, by more if (1-2p)(1-2b) > 0.

    OPO's b is l/(l + m) for lengths l of the right answer and m of the wrong one.
    """
    p, right, wrong = ring("p", "l", "m")
    # Times l + m: of the step at OPO's baseline, less that at 1/2.
    more = 2 * ((1 - p) * wrong + p * right) - (right + wrong)
    sides = [(Fraction(x, 10), m, n) for x in range(1, 10) for m, n in permutations((1, 2, 5), 2) if x != 5]
    kept = {
        "all": [x for x in sides if (not shorter or x[1] < x[2]) and (not likelier or 2 * x[0] > 1)],
        "under": [x for x in sides if (under_likelier or x[1] < x[2]) and 2 * x[0] > 1],
    }
    literal, under = (next((x for x in kept[name] if not _less(*x)), None) for name in ("all", "under"))
    shown = [{} if x is None else {"p": float(x[0]), "length right": x[1], "wrong": x[2]} for x in (literal, under)]
    conditioned = Evidence(
        "a shorter step and more entropy",
        "p = .6 to .9, lengths 1, 2 and 5, the right answer shorter",
        Method.CASES,
        under is None,
        counterexample=shown[1],
        confirms=not under_likelier,
    )
    return conclude(
        Evidence(
            "(l + m)·(OPO's step - the mean's) = (1-2p)(m - l), below 0 if l < m and p > 1/2",
            "every p and all lengths",
            Method.SYMBOLIC,
            more == (1 - 2 * p) * (wrong - right),
        ),
        Evidence(
            "a shorter step and more entropy",
            "p = .1 to .9 but .5, lengths 1, 2 and 5, not the same",
            Method.CASES,
            literal is None,
            counterexample=shown[0],
            confirms=shorter and likelier,
        ),
        _opo_in_floats(),
        under=[
            Evidence(
                "with p = (1+d)/2 and m = l + e the step is shorter by d·e/(l + m)",
                "every p > 1/2 and l < m",
                Method.SYMBOLIC,
                _shorter_step(),
            ),
            conditioned,
        ],
        condition="the right answer is the shorter and the likelier one",
    )


def _less(p: Fraction, right: int, wrong: int) -> bool:
    """Whether OPO's step is the shorter one and leaves more entropy: steps towards the likelier answer cost entropy."""
    b = Fraction(right, right + wrong)
    step = 2 * ((1 - p) * (1 - b) + p * b)
    # dH has the sign of -(log p/(1-p))·step, so more entropy is left by the shorter step exactly if p > 1/2.
    return step < 1 and 2 * p > 1


def _shorter_step() -> bool:
    """Twice (1-p)m + pl, less l + m, is -d·e at p = (1+d)/2 and m = l + e."""
    d, e, right = ring("d", "e", "l")
    wrong = right + e
    return bool(((1 - d) * wrong + (1 + d) * right) - (right + wrong) == -d * e)


def _opo_in_floats() -> Evidence:
    """A mixed pair's step with the project's advantages, p = .7 and lengths 1 and 3."""
    a = opo([1.0, 0.0], [1, 3])
    scores = np.array([2 * 0.3, -2 * 0.7])  # z_right - z_wrong of e - π, for a right and for a wrong answer
    gap = abs(float((a * scores).sum()) - 2 * (0.3 * 0.75 + 0.7 * 0.25))
    return Evidence("opo's mixed pair moves by 2((1-p)(1-b) + pb)", "p = .7", Method.FLOATS, gap < 1e-12, f"{gap:.1e}")
