"""What the anchor does in HA-DW's weights: two factors, one for correct and one for wrong responses."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from qae_sim.advantages import ha_dw_weights
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.claims.ha_dw.reweighting import reweighted_speed
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every, for_all


@claim(
    "ha-dw.two-factors",
    paper=PAPER,
    equation="Eqs. 13-16",
    statement="The anchor enters HA-DW's weights only as a factor e^C on all correct and e^-C on all wrong responses, "
    "the same for prompts of every difficulty.",
    latex=r"\Phi = \lambda e^{C} e^{-\hat p}\ (r = 1),\quad \Phi = \lambda e^{-C} e^{\hat p}\ (r = 0)",
    assumptions=("binary rewards", "mixed groups"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("D = 1 for all responses", {"directed": False}, Verdict.REFUTED),),
)
def two_factors(quick: bool, *, directed: bool = True) -> CheckOutcome:
    """D·M = -sgn(Â)·sgn(x)·|x| with x = p̂ - C, by the signs of Â and x; and the project's weights at two anchors."""
    size, p_hat = ring("M", "p")  # M = |x| > 0
    found = None
    for side in (1, -1):
        c = p_hat - side * size  # x = side·M
        for of_advantage in (1, -1):  # correct, wrong
            exponent = (-of_advantage * side if directed else 1) * size
            if found is None and exponent != of_advantage * (c - p_hat):
                found = {"p_hat": "above C" if side == 1 else "below C", "own reward": (1 + of_advantage) // 2}
    pairs = []
    for g in range(2, 6 if quick else 10):
        rewards = np.array([[1.0] * n + [0.0] * (g - n) for n in range(1, g)])
        advantages = rewards - rewards.mean(axis=1, keepdims=True)
        low, high = (ha_dw_weights(rewards, advantages, c, lambda_scale=1.0).Phi for c in (0.25, 0.75))
        ratios = (high / low)[:, [0, -1]]
        pairs += [
            (float(x), number(s * Fraction(1, 2)).exp()) for row in ratios for x, s in zip(row, (1, -1), strict=True)
        ]
    agrees, error = near(pairs, "1e-12")
    return conclude(
        Evidence(
            "D·M is C - p̂ for correct and p̂ - C for wrong responses",
            "every mixed group and every C; at C = p̂ both are 0",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "from C = .25 to .75 all correct weights of ha_dw_weights rise by e^.5, all wrong ones fall by it",
            f"all mixed groups of 2..{5 if quick else 9}",
            Method.FLOATS,
            agrees,
            error,
        ),
    )


def speed_at(g: int, p: Fraction, anchor: Fraction) -> Ball:
    """HA-DW's speed of a prompt over p(1-p), λ = 1."""
    lifts = [anchor - Fraction(n, g) for n in range(1, g)]
    speed: Ball = reweighted_speed(g, p, [(number(x).exp(), number(-x).exp()) for x in lifts])
    return speed


@claim(
    "ha-dw.anchor-shifts",
    paper=PAPER,
    equation="Sec. 3.2, in words",
    statement="As the anchor rises, the speed of a hard prompt rises relative to that of the easy prompt 1 - p.",
    latex=r"\frac{\mathrm d}{\mathrm dC}\,\frac{s_C(p)}{s_C(1-p)} > 0,\quad p < \tfrac12",
    assumptions=("binary rewards", "expected step over all groups", "no standard deviation", "C in [0, 1]"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("relative to a prompt of half its success rate", {"against": "harder"}, Verdict.REFUTED),),
)
def anchor_shifts(quick: bool, *, against: str = "mirror") -> CheckOutcome:
    """With a = (1-p)E[w·e^-p̂] and b = pE[w·e^p̂], w = p̂(1-p̂), the speed is e^C·a + e^-C·b, and s_C(1-p) = s_{1-C}(p).

    With x = e^(2C)·a/b and y = e^(2(1-C))·a/b the ratio's logarithm has the slope (x-1)/(x+1) + (y-1)/(y+1), with
    the sign of xy - 1 = (e·a/b)² - 1; and e·a > b for p < 1/2, by pairs of k and G - k successes.
    """
    x, y = ring("x", "y")
    slope = (x - 1) * (y + 1) + (y - 1) * (x + 1) == 2 * (x * y - 1)
    p, c, d, e, f = ring("p", "c", "d", "E", "F")  # chances c > d of k < G/2 and of G - k; e^(k/G) = E < F = e^(1-k/G)
    more = (1 - p) * (c * f + d * e) - p * (c * e + d * f)
    more -= (1 - 2 * p) * (c * e + d * f) + (1 - p) * (c - d) * (f - e)
    cases = [(g, Fraction(i, 20)) for g in ((2, 8) if quick else (2, 3, 8, 16)) for i in (1, 4, 7, 9)]
    anchors = [Fraction(i, 4) for i in range(5)]

    def other(rate: Fraction) -> Fraction:
        return 1 - rate if against == "mirror" else rate / 2

    def rises(g: int, rate: Fraction) -> Truth:
        ratios = [speed_at(g, rate, anchor) / speed_at(g, other(rate), anchor) for anchor in anchors]
        return every(one < two for one, two in pairwise(ratios))

    with ctx.workprec(64):
        search = for_all(cases, lambda case: rises(*case))
        mirrored = for_all(
            cases,
            lambda case: (
                abs(speed_at(*case, Fraction(1, 4)) - speed_at(case[0], 1 - case[1], Fraction(3, 4))) < number("1e-12")
            ),
        )
        shown = {
            str(float(c)): digits(speed_at(8, Fraction(1, 5), c) / speed_at(8, Fraction(4, 5), c), 6) for c in anchors
        }
    return conclude(
        Evidence(
            "the slope's sign is that of xy - 1; (1-p)(cF + dE) - p(cE + dF) is (1-2p)(cE + dF) + (1-p)(c-d)(F-E)",
            "every G, C and p",
            Method.SYMBOLIC,
            bool(slope and more == 0),
        ),
        Evidence(
            "the ratio rises from each anchor to the next",
            f"C = 0, 1/4, ..., 1, {len(cases)} pairs of G and p",
            Method.INTERVALS,
            search.holds,
            counterexample={} if search.case is None else {"g": search.case[0], "p": float(search.case[1])},
            confirms=against == "mirror",
            figures={"speed at p = .2 over that at .8, G = 8, by C": shown},
        ),
        Evidence(
            "the speed at p and C is that at 1-p and 1-C",
            "C = 1/4, the same pairs",
            Method.INTERVALS,
            mirrored.holds,
            confirms=True,
        ),
    )
