"""HA-DW's weights and Theorem 3: their directions, and which scale λ helps whom."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from qae_sim.advantages import ha_dw_weights
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, greatest, smallest
from qae_sim.theory.binomial import binomial_probability
from qae_sim.theory.certified import digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every, for_all


@claim(
    "ha-dw.theorem3-weights",
    paper=PAPER,
    equation="Theorem 3, proof",
    statement="The weight that turns r - p̂ into r - c·p̂ is 1 + (1-c)p̂/(1-p̂) for correct responses and c for wrong "
    "ones.",
    latex=r"\Phi = \frac{1-c\hat p}{1-\hat p} = 1 + \frac{(1-c)\hat p}{1-\hat p}\ (r=1),\quad \Phi = c\ (r=0)",
    assumptions=("binary rewards", "no standard deviation"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("the same weight for both", {"same": True}, Verdict.REFUTED),),
)
def theorem3_weights(quick: bool, *, same: bool = False) -> CheckOutcome:
    """Multiply out."""
    c, p = ring("c", "p")
    correct = (1 - p) + (1 - c) * p == 1 - c * p  # Φ(1 - p̂) = 1 - c·p̂
    wrong = (c * p if not same else (1 - p + (1 - c) * p) * p) == c * p
    return conclude(
        *([machine_checked("ha-dw.theorem3-weights")] if not same else []),
        Evidence(
            "Φ·(r - p̂) = r - c·p̂",
            "every c and p̂",
            Method.SYMBOLIC,
            bool(correct and wrong),
            counterexample={} if correct and wrong else {"c": 0.8, "p_hat": 0.25, "r": 0},
        ),
    )


def helpful(g: int, p: Fraction, anchor: Fraction, reward: int) -> tuple[Ball, Ball]:
    """The λ for which E[Φ·Â | S, own reward] is closer to A than E[Â | S, own reward] is.

    It is linear in λ: |λ·e - A| < |m - A| between (A ± |m - A|)/e.
    """
    e, m, weight = Ball(0), Fraction(0), Fraction(0)
    for k in range(1, g):
        p_hat = Fraction(k, g)
        chance = binomial_probability(k, g, p) * (p_hat if reward else 1 - p_hat)
        advantage = reward - p_hat
        direction = (-1 if advantage > 0 else 1) * ((p_hat > anchor) - (p_hat < anchor))
        e += number(chance * advantage) * number(direction * abs(p_hat - anchor)).exp()
        m, weight = m + chance * advantage, weight + chance
    truth = reward - p
    gap = abs(m / weight - truth)
    ends = [number(truth - gap) * number(weight) / e, number(truth + gap) * number(weight) / e]
    return smallest(ends), greatest(ends)


def _helpful_in_floats(rate: str) -> Evidence:
    """The helpful λ by all groups of eight responses, one by one, with the project's weights."""
    g, p, pairs = 8, float(Fraction(rate)), []
    rewards = np.array(list(product((0.0, 1.0), repeat=g)))[1:-1]
    chance = p ** rewards.sum(axis=1) * (1 - p) ** (g - rewards.sum(axis=1))
    advantages = rewards - rewards.mean(axis=1, keepdims=True)
    weighted = ha_dw_weights(rewards, advantages, 0.5, lambda_scale=2.0).Phi * advantages / 2
    for reward in (1, 0):
        own = rewards[:, 0] == reward
        plain, moved = (np.average(a[own, 0], weights=chance[own]) for a in (advantages, weighted))
        gap, truth = abs(plain - (reward - p)), reward - p
        ends = sorted(((truth - gap) / moved, (truth + gap) / moved))
        pairs += list(zip(map(float, ends), helpful(g, Fraction(rate), Fraction(1, 2), reward), strict=True))
    agrees, gap_text = near(pairs, "1e-12")
    return Evidence("the same λ by all 254 groups with ha_dw_weights", f"p = {rate}", Method.FLOATS, agrees, gap_text)


def _helpful_by_hand() -> Evidence:
    """Two responses, p = .3, C = .7, a correct one: Â = 1/2, Φ = λe^.2, A = .7, so that λ is in (1, 1.8)·e^(-.2)."""
    with ctx.workprec(64):
        ends = helpful(2, Fraction(3, 10), Fraction(7, 10), 1)
        stated = [number(x) * (-number("0.2")).exp() for x in ("1", "1.8")]
        right = every(abs(end - value) < number("1e-12") for end, value in zip(ends, stated, strict=True))
    return Evidence(
        "two responses, C = .7, a correct one at p = .3: λ·e^.2/2 is closer to .7 than 1/2 is for λ·e^.2 in (1, 1.8)",
        "by hand",
        Method.INTERVALS,
        right,
    )


def four_cases(g: int, p: Fraction, anchor: Fraction) -> dict[str, tuple[Ball, Ball]]:
    """Helpful λ for a hard prompt of success rate p and an easy one of 1-p, correct and wrong responses."""
    return {
        f"{'hard' if rate == p else 'easy'}, {'correct' if reward else 'wrong'}": helpful(g, rate, anchor, reward)
        for rate in (p, 1 - p)
        for reward in (1, 0)
    }


def _text(interval: tuple[Ball, Ball]) -> list[str]:
    """Ends of an interval of λ as text."""
    return [digits(end, 6) for end in interval]


@claim(
    "ha-dw.theorem3-one-scale",
    paper=PAPER,
    equation="Theorem 3",
    statement="For every difficulty some one λ brings the expected advantages closer to the truth in all four cases at "
    "once: hard and easy prompts, correct and wrong responses.",
    latex=r"\exists\lambda\ \forall\,(p, 1-p) \times (r=1, r=0):\ "
    r"|\mathbb E[\lambda e^{DM}\hat A\mid S,r]-A| < |\mathbb E[\hat A\mid S,r]-A|",
    assumptions=("G = 8", "anchor C = .5", "own reward given"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="of the success rates looked at, all but .25 and .3 (and .7 and .75)",
    breaks=(Break("p = .4 and .45 only", {"rates": ("0.4", "0.45")}, Verdict.CERTIFIED),),
)
def theorem3_one_scale(
    quick: bool, *, rates: tuple[str, ...] = ("0.05", "0.1", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45")
) -> CheckOutcome:
    """Intersect the four intervals of λ, success rate by success rate."""
    common, found, holds = {}, None, Truth.YES
    with ctx.workprec(64):
        for rate in rates:
            cases = four_cases(8, Fraction(rate), Fraction(1, 2))
            low, high = greatest(c[0] for c in cases.values()), smallest(c[1] for c in cases.values())
            meet = low < high
            holds = holds & meet
            common[rate] = "none" if meet is Truth.NO else _text((low, high))
            if found is None and meet is Truth.NO:
                found = {"g": 8, "p": float(rate), "C": 0.5} | {name: _text(case) for name, case in cases.items()}
    return conclude(
        _helpful_in_floats("0.2"),
        Evidence(
            "the four intervals of λ have a number in common",
            f"G = 8, C = .5, p (and 1-p) = {', '.join(rates)}",
            Method.INTERVALS,
            holds,
            counterexample=found or {},
            figures={"common λ by p": common},
        ),
        controls=[_helpful_by_hand()],
    )


@claim(
    "ha-dw.theorem3-union",
    paper=PAPER,
    equation="Theorem 3, the condition as a union of intervals",
    statement="A λ from either of the two intervals, one for correct and one for wrong responses, helps both.",
    latex=r"\lambda \in I_{r=1} \cup I_{r=0} \Rightarrow |\mathbb E[\Phi\hat A\mid S]-A| < |\mathbb E[\hat A\mid S]-A|",
    assumptions=("G = 8, p = .3, anchor C = .5",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="λ is in both intervals, which may have nothing in common",
    breaks=(Break("at p = .4, λ from both intervals", {"rate": "0.4", "scale": "1.1"}, Verdict.CERTIFIED),),
)
def theorem3_union(quick: bool, *, rate: str = "0.3", scale: str = "1.2") -> CheckOutcome:
    """A λ that helps the wrong responses and harms the correct ones."""
    with ctx.workprec(64):
        right, wrong = (helpful(8, Fraction(rate), Fraction(1, 2), reward) for reward in (1, 0))
        x = number(scale)
        inside = every((case[0] < x) & (x < case[1]) for case in (right, wrong))
        return conclude(
            _helpful_in_floats(rate),
            Evidence(
                f"λ = {scale}, which is in the union, helps correct and wrong responses",
                f"G = 8, p = {rate}, C = .5",
                Method.INTERVALS,
                inside,
                counterexample={}
                if inside is not Truth.NO
                else {
                    "g": 8,
                    "p": float(rate),
                    "C": 0.5,
                    "lambda": float(scale),
                    "helps correct": _text(right),
                    "helps wrong": _text(wrong),
                },
            ),
            controls=[_helpful_by_hand()],
        )


@claim(
    "ha-dw.scale-1.3",
    paper=PAPER,
    equation="Table of λ_scale (best 1.3) and Theorem 3",
    statement="The scale that trained best, λ = 1.3, brings a correct response's expected advantage on hard prompts "
    "closer to the truth.",
    latex=r"\lambda = 1.3:\ |\mathbb E[\Phi\hat A\mid S,r=1]-A| < |\mathbb E[\hat A\mid S,r=1]-A|,\ p < \tfrac12",
    assumptions=("G = 8", "anchor C = .5"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="λ is between (A ± |m - A|)/e, with A = 1 - p, m the mean of Â and e that of Â·e^(DM), given r = 1",
    breaks=(Break("λ = .9, p up to .3", {"scale": "0.9", "rates": ("0.1", "0.2", "0.3")}, Verdict.CERTIFIED),),
)
def scale_13(
    quick: bool, *, scale: str = "1.3", rates: tuple[str, ...] = ("0.1", "0.2", "0.3", "0.4", "0.45")
) -> CheckOutcome:
    """λ = 1.3 overshoots: e^M > 1 raises the correct responses already."""
    with ctx.workprec(64):
        ends = {rate: helpful(8, Fraction(rate), Fraction(1, 2), 1) for rate in rates}
        table = {rate: _text(case) for rate, case in ends.items()}
        x = number(scale)
        search = for_all(rates, lambda rate: (ends[rate][0] < x) & (x < ends[rate][1]))
    found: dict[str, object] = {}
    if search.case:
        found = {"g": 8, "p": float(search.case), "C": 0.5, "lambda": float(scale), "helpful": table[search.case]}
    return conclude(
        _helpful_in_floats("0.2"),
        Evidence(
            f"λ = {scale} is a helpful scale",
            f"p = {', '.join(rates)}",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            figures={"helpful λ by p": table},
        ),
        controls=[_helpful_by_hand()],
    )


#: When small scales help on average.
ANCHOR_CONDITION = (
    "C is above ½·log(E[w·e^p̂]/E[w·e^-p̂]), w = p̂(1-p̂), on hard prompts and below it on easy ones; "
    "for all p at once C = 1/2 alone"
)


@claim(
    "ha-dw.theorem3-marginal",
    paper=PAPER,
    equation="Theorem 3, averaged over the own reward",
    statement="Averaged over the own reward, small enough λ reduce the bias on hard and on easy prompts alike, "
    "whatever the anchor.",
    latex=r"\operatorname{sgn}\,\mathbb E[e^{DM}\hat A\mid S] = \operatorname{sgn}\,\mathbb E[\hat p - p\mid S]",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=ANCHOR_CONDITION,
    breaks=(
        Break("the condition allows C = .7 for all p", {"anchor": Fraction(7, 10)}, Verdict.REFUTED),
        Break("the sign turns at half of that C", {"share": Fraction(1, 2)}, Verdict.REFUTED),
    ),
)
def theorem3_marginal(quick: bool, *, anchor: Fraction = Fraction(1, 2), share: Fraction = Fraction(1)) -> CheckOutcome:
    """E[e^{DM}Â|S] sums w·2sinh(C - p̂), w = p̂(1-p̂). For C = 1/2 the terms of k and G-k pair up, each of the right sign.

    With E = e^C, a = E[w·e^-p̂] and b = E[w·e^p̂] the sum is E·a - b/E: it rises with C, and is 0 at E² = b/a.
    """
    off, p = Fraction(7, 10), Fraction(3, 5)
    e, a, b = ring("E", "a", "b")
    turn = e * (e * a) - b == a * e**2 - b  # times E
    big_p, big_q, x, y = ring("P", "Q", "x", "y")  # p^k, (1-p)^k, and the powers G - 2k > 0 of 1-p and of p
    paired = big_p * (big_q * x) - (big_p * y) * big_q == big_p * big_q * (x - y)
    grid = [(g, Fraction(i, 10)) for g in ((2, 3, 8) if quick else (2, 3, 5, 8, 12, 16)) for i in range(1, 10)]
    with ctx.workprec(64):
        pull, lean = _marginal(8, p, number(off))
        agree = pull > 0 if lean > 0 else pull < 0
        literal = Evidence(
            "E[e^{DM}Â|S] and the bias have the same sign",
            "G = 8, C = .7, p = .6",
            Method.INTERVALS,
            agree,
            counterexample={"g": 8, "C": 0.7, "p": 0.6, "E[exp(DM) A_hat | S]": digits(pull, 6), "bias": float(lean)},
        )
        turning = for_all(grid, lambda case: _turns_at(*case, share))
        thresholds = {f"G = 8, p = {float(rate)}": digits(_threshold(8, rate), 6) for _, rate in grid[:9]}
        two = _threshold(2, Fraction(1, 10))
        hand = Evidence(
            "in groups of two p̂ is 1/2, and the sign turns at C = 1/2 whatever p is",
            "by hand",
            Method.INTERVALS,
            abs(two - number("1/2")) < number("1e-12"),
        )
    pairs = (anchor - Fraction(1, 3)) + (anchor - Fraction(2, 3)) == 0
    under = [
        Evidence(
            "E·a - b/E is positive exactly if e^(2C) > b/a",
            "every G and p",
            Method.SYMBOLIC,
            bool(turn),
        ),
        Evidence(
            "C - p̂ of k and of G-k successes are opposite, so that their sinh cancel up to their chances, and "
            "C(G,k)((1-p)p)^k·((1-p)^(G-2k) - p^(G-2k)) > 0 for k < G/2 and p < 1/2",
            f"C = {anchor}, every p and G",
            Method.SYMBOLIC,
            bool(paired and pairs),
            counterexample={} if pairs else {"C": float(anchor), "p_hat": [1 / 3, 2 / 3]},
        ),
        Evidence(
            "the sign is that of C - threshold, 1/100 to either side",
            f"{len(grid)} cases of G and p",
            Method.INTERVALS,
            turning.holds,
            confirms=share == 1,
            figures={"threshold": thresholds},
        ),
    ]
    return conclude(literal, under=under, condition=ANCHOR_CONDITION, controls=[hand])


def _marginal(g: int, p: Fraction, anchor: Ball) -> tuple[Ball, Fraction]:
    """E[e^{DM}Â·1{S}] and E[(p̂ - p)·1{S}]."""
    pull, lean = Ball(0), Fraction(0)
    for k in range(1, g):
        p_hat, chance = Fraction(k, g), binomial_probability(k, g, p)
        pull += number(chance * p_hat * (1 - p_hat)) * 2 * (anchor - number(p_hat)).sinh()
        lean += chance * (p_hat - p)
    return pull, lean


def _threshold(g: int, p: Fraction) -> Ball:
    """The anchor at which E[e^{DM}Â|S] is 0, ½·log(E[w·e^p̂]/E[w·e^-p̂])."""
    up, down = Ball(0), Ball(0)
    for k in range(1, g):
        p_hat, chance = Fraction(k, g), binomial_probability(k, g, p)
        weight = number(chance * p_hat * (1 - p_hat))
        up, down = up + weight * number(p_hat).exp(), down + weight * (-number(p_hat)).exp()
    return (up / down).log() / 2


def _turns_at(g: int, p: Fraction, share: Fraction) -> Truth:
    """Whether E[e^{DM}Â|S] is positive a little above the threshold, times a share, and negative a little below."""
    at, step = _threshold(g, p) * number(share), number("0.01")
    return (_marginal(g, p, at + step)[0] > 0) & (_marginal(g, p, at - step)[0] < 0)


#: Who counts more (1) and who less (-1), as it is stated.
STATED = {("below", "correct"): 1, ("below", "wrong"): -1, ("above", "correct"): -1, ("above", "wrong"): 1}


@claim(
    "ha-dw.directions",
    paper=PAPER,
    equation="Eqs. 13-16",
    statement="Below the anchor correct responses count more and wrong ones less, above it the reverse, by factors "
    "between λ/e and λe.",
    latex=r"\Phi = \lambda e^{DM},\ D = -\operatorname{sgn}(\hat A)\operatorname{sgn}(\hat p - C),\ "
    r"\Phi\in[\lambda/e, \lambda e]",
    assumptions=("binary rewards", "mixed groups", "C in [0, 1]"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("D without the minus sign", {"sign": 1}, Verdict.REFUTED),),
)
def directions(quick: bool, *, sign: int = -1) -> CheckOutcome:
    """The exponent D·M by the signs of Â and of p̂ - C, and the project's floats on groups and anchors."""
    gap, least = ring("M", "x")  # M = |p̂ - C| > 0, and x = 1/G <= p̂ <= 1 - 1/G
    found = None
    for (side, who), stated in STATED.items():
        of_advantage, of_difference = (1 if who == "correct" else -1), (1 if side == "above" else -1)
        exponent = sign * of_advantage * of_difference * gap
        if found is None and exponent != stated * gap:
            found = {"p_hat": f"{side} C", "response": who, "exponent": f"{sign * of_advantage * of_difference}·M"}
    # |p̂ - C| is convex, so that it is largest at a corner of 1/G <= p̂ <= 1 - 1/G, 0 <= C <= 1.
    corners = [p_hat - c for p_hat in (least, 1 - least) for c in (0, 1)]
    bounded = all(corner in (least, -least, 1 - least, least - 1) for corner in corners)
    top, pairs = (6 if quick else 12), []
    for g in range(2, top + 1):
        rewards = np.array([[1.0] * n + [0.0] * (g - n) for n in range(1, g)])
        advantages = rewards - rewards.mean(axis=1, keepdims=True)
        for c in [Fraction(i, 20) for i in range(0, 21, 2)]:
            weights = ha_dw_weights(rewards, advantages, float(c), lambda_scale=1.0)
            for n in range(1, g):
                lift = c - Fraction(n, g)  # the exponent of correct responses: M below the anchor, -M above it
                pairs.append((float(weights.Phi[n - 1, 0]), number(lift).exp()))
                pairs.append((float(weights.Phi[n - 1, n]), number(-lift).exp()))
    agrees, error = near(pairs, "1e-12")
    return conclude(
        *([machine_checked("ha-dw.directions")] if sign == -1 else []),
        Evidence(
            "D·M is M or -M as stated, by the four pairs of signs",
            "every mixed group and every C ≠ p̂; at C = p̂ all exponents are 0",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "M is 1/G or 1 - 1/G at the corners of (p̂, C), and no larger between",
            "every mixed group and every C in [0, 1]",
            Method.SYMBOLIC,
            bounded,
        ),
        Evidence(
            "ha_dw_weights gives Φ = e^(C - p̂) and e^(p̂ - C)",
            f"G = 2..{top}, all mixed groups, C in steps of .1",
            Method.FLOATS,
            agrees,
            error,
        ),
    )


def reweighted_speed(g: int, p: Fraction, factors: Sequence[tuple[Any, Any]]) -> Any:
    """c/(p(1-p)) of r - p̂ over all groups, mixed or not.

    Args:
        g: G.
        p: Success rate.
        factors: For 1..G-1 successes what multiplies correct and wrong responses; fractions give an exact answer.

    Returns:
        The speed, of the type of the factors.
    """
    speed: Any = Fraction(0)
    for n, (correct, wrong) in enumerate(factors, 1):
        share = binomial_probability(n, g, p) * Fraction(n * (g - n), g * g) / (p * (1 - p))
        speed = correct * (share * (1 - p)) + wrong * (share * p) + speed
    return speed


@claim(
    "ha-dw.keeps-queries",
    paper=PAPER,
    equation="Sec. 3.2, for the gradient over all groups",
    statement="Reweighting by HA-DW's anchor weighs queries of all success rates alike, as the gradient of the mean "
    "success rate does.",
    latex=r"\frac{c_{\mathrm{HA\text{-}DW}}(p)}{p(1-p)} = \text{const}",
    assumptions=("softmax bandit", "no standard deviation", "G = 8, C = .5, λ = 1.3"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="groups of two, where p̂ is always 1/2; or weights that do not depend on p̂",
    breaks=(
        Break("no reweighting: r minus the group's mean", {"anchor": None}, Verdict.CERTIFIED),
        Break("groups of two", {"g": 2}, Verdict.CERTIFIED),
    ),
)
def keeps_queries(quick: bool, *, anchor: Fraction | None = Fraction(1, 2), g: int = 8) -> CheckOutcome:
    """Over all groups r - p̂ has no bias across queries, only the factor (G-1)/G; the weights bring one in."""
    rates = tuple(map(Fraction, ("1/2", "7/10", "9/10", "19/20", "1/10")))
    lifts = [Fraction(0) if anchor is None else anchor - Fraction(n, g) for n in range(1, g)]
    with ctx.workprec(64):
        exact = not any(lifts)  # then no exponential is left, and all is rational
        factors = [(Fraction(1), Fraction(1)) if exact else (number(x).exp(), number(-x).exp()) for x in lifts]
        speeds = {p: reweighted_speed(g, p, factors) for p in rates}
        same = for_all(rates[1:], lambda p: speeds[p] == speeds[rates[0]])
        shown = {p: str(speeds[p]) if exact else digits(speeds[p], 6) for p in rates}
    differing = same.case
    # E[k(G-k)]/G² = (G-1)/G·p(1-p); in groups of 2 by hand: one success of two has the chance 2p(1-p), and 2p(1-p)/4.
    plain = [reweighted_speed(size, p, [(Fraction(1), Fraction(1))] * (size - 1)) for size in (2, 3) for p in rates[:3]]
    return conclude(
        Evidence(
            "c/(p(1-p)) is the same for all p",
            f"p = {', '.join(str(float(p)) for p in rates)}",
            Method.CASES if exact else Method.INTERVALS,
            same.holds,
            counterexample={}
            if differing is None
            else {
                "g": g,
                "C": 0.5,
                "p": [0.5, float(differing)],
                "c/(p(1-p)) over λ": [shown[rates[0]], shown[differing]],
            },
            figures={str(float(p)): speed for p, speed in shown.items()},
        ),
        controls=[
            Evidence(
                "without weights it is 1/2 in groups of two and 2/3 in groups of three",
                "by hand",
                Method.CASES,
                plain == [Fraction(1, 2)] * 3 + [Fraction(2, 3)] * 3,
            )
        ],
    )


@claim(
    "ha-dw.interference",
    paper=PAPER,
    equation="Sec. 3.2, with parameters that queries share",
    statement="If every query's gradient has a squared norm above e² times the sum of its absolute inner products with "
    "the other queries' gradients, then with HA-DW's weights every query's success rate rises to first order.",
    latex=r"K_{ii} > e^2 \sum_{j\ne i} |K_{ij}|\ \forall i \Rightarrow \Delta p_i = \eta\sum_j w_j K_{ij} > 0,\quad "
    r"K_{ij} = \langle\nabla p_i, \nabla p_j\rangle",
    assumptions=("expected step, on-policy", "no standard deviation", "one λ and one anchor for all queries"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("e instead of e²", {"power": 1}, Verdict.REFUTED),),
)
def interference(quick: bool, *, power: int = 2) -> CheckOutcome:
    """The step is η·Σ_j w_j ∇p_j with w_j between λ/e and λe times (G-1)/G, so that the worst case is linear.

    w_i = low + x and w_j = high - y_j, K_ij = k_j - a_j with a_j = |K_ij|: all that is added to the bound is >= 0.
    """
    low, high, own, x, y, z, a, b, k, m = ring("l", "h", "K", "x", "y", "z", "a", "b", "k", "m")
    change = (low + x) * own + (high - y) * (k - a) + (high - z) * (m - b)
    bound = low * own - high * (a + b)
    added = x * own + y * a + z * b + (high - y) * k + (high - z) * m
    with ctx.workprec(64):
        # Two queries with K = [[1, -.3], [-.3, 1]] and the weights 1/e and e.
        pull = number("0.3")
        assumed = Ball(1) > Ball(power).exp() * pull
        rises = Ball(-1).exp() - Ball(1).exp() * pull > 0
        sharp = rises | ~assumed
        least, most = _extreme_speeds(8)
    return conclude(
        Evidence(
            "Σ_j w_j K_ij is (λ/e)K_ii - λe·Σ|K_ij| plus products of numbers that are not negative",
            "every Gram matrix; two other queries, more add terms of the same kind",
            Method.SYMBOLIC,
            bool(change == bound + added),
        ),
        Evidence(
            f"where K_ii > e^{power}·Σ|K_ij|, the weights 1/e and e raise the first query",
            "two queries with K = [[1, -.3], [-.3, 1]]",
            Method.INTERVALS,
            sharp,
            counterexample={"K": [[1, -0.3], [-0.3, 1]], "weights": ["1/e", "e"]} if sharp is Truth.NO else {},
            confirms=power == 2,
        ),
        Evidence(
            "speeds over (G-1)/G lie between 1/e and e",
            "G = 8, C = 0, 1/2, 1, p = .01, .1, ..., .9, .99",
            Method.INTERVALS,
            (least > Ball(-1).exp()) & (most < Ball(1).exp()),
            confirms=True,
            figures={"least": digits(least, 6), "most": digits(most, 6)},
        ),
    )


def _extreme_speeds(g: int) -> tuple[Ball, Ball]:
    """The least and the greatest of HA-DW's speeds over (G-1)/G at λ = 1, over some anchors and success rates."""
    rates = (Fraction(1, 100), *(Fraction(i, 10) for i in range(1, 10)), Fraction(99, 100))
    speeds = []
    for anchor in (Fraction(0), Fraction(1, 2), Fraction(1)):
        lifts = [anchor - Fraction(n, g) for n in range(1, g)]
        factors = [(number(x).exp(), number(-x).exp()) for x in lifts]
        speeds += [reweighted_speed(g, p, factors) * Fraction(g, g - 1) for p in rates]
    return smallest(speeds), greatest(speeds)
