"""HA-DW's weights and Theorem 3: their directions, and which scale λ helps whom."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
from flint import ctx

from qae_sim.advantages import ha_dw_weights
from qae_sim.theory.ball import Ball, greatest, smallest
from qae_sim.theory.binomial import binomial_probability, binomial_term
from qae_sim.theory.certified import digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.polynomials import ring, sign_between
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
        Evidence(
            "Φ·(r - p̂) = r - c·p̂",
            "every c and p̂",
            Method.SYMBOLIC,
            bool(correct and wrong),
            counterexample={} if correct and wrong else {"c": 0.8, "p_hat": 0.25, "r": 0},
        )
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
    tier=Tier.BOX,
    origin=Origin.IMPLIED,
    condition="the anchor is C = 1/2",
    breaks=(Break("the condition allows C = .7", {"anchor": Fraction(7, 10)}, Verdict.REFUTED),),
)
def theorem3_marginal(quick: bool, *, anchor: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """E[e^{DM}Â|S] sums p̂(1-p̂)·2sinh(C - p̂). For C = 1/2 the terms of k and G-k pair up, each of the right sign."""
    off, p = Fraction(7, 10), Fraction(3, 5)
    with ctx.workprec(64):
        pull, lean = _marginal(8, p, off)
        agree = pull > 0 if lean > 0 else pull < 0
        literal = Evidence(
            "E[e^{DM}Â|S] and the bias have the same sign",
            "G = 8, C = .7, p = .6",
            Method.INTERVALS,
            agree,
            counterexample={"g": 8, "C": 0.7, "p": 0.6, "E[exp(DM) A_hat | S]": digits(pull, 6), "bias": float(lean)},
        )
        sizes = range(2, 33 if quick else 65)
        # sinh is odd and rises, so that sinh x + sinh y = 0 exactly where x + y = 0.
        signs = all(
            sign_between(binomial_term(g, k) - binomial_term(g, g - k), 0, "1/2") == 1
            and (anchor - Fraction(k, g)) + (anchor - Fraction(g - k, g)) == 0
            for g in sizes
            for k in range(1, (g + 1) // 2)
        )
        under = Evidence(
            "terms of k and G-k are opposite, and k < G/2 is the likelier one for p < 1/2",
            f"C = {anchor}, every p, G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            signs,
        )
    return conclude(literal, under=[under], condition="the anchor is C = 1/2")


def _marginal(g: int, p: Fraction, anchor: Fraction) -> tuple[Ball, Fraction]:
    """E[e^{DM}Â·1{S}] and E[(p̂ - p)·1{S}]."""
    pull, lean = Ball(0), Fraction(0)
    for k in range(1, g):
        p_hat, chance = Fraction(k, g), binomial_probability(k, g, p)
        pull += number(chance * p_hat * (1 - p_hat)) * 2 * number(anchor - p_hat).sinh()
        lean += chance * (p_hat - p)
    return pull, lean


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
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("D without the minus sign", {"sign": 1}, Verdict.REFUTED),),
)
def directions(quick: bool, *, sign: int = -1) -> CheckOutcome:
    """All groups and anchors in hundredths, and the project's floats on the same."""
    top, found, pairs, extremes = (8 if quick else 16), None, [], [Fraction(0), Fraction(0)]
    anchors = [Fraction(i, 20) for i in range(21)]
    for g in range(2, top + 1):
        rewards = np.array([[1.0] * n + [0.0] * (g - n) for n in range(1, g)])
        advantages = rewards - rewards.mean(axis=1, keepdims=True)
        for c in anchors:
            weights = ha_dw_weights(rewards, advantages, float(c), lambda_scale=1.0)
            for n in range(1, g):
                p_hat = Fraction(n, g)
                for reward in (1, 0):
                    above = (p_hat > c) - (p_hat < c)
                    d = sign * (1 if reward else -1) * above
                    wanted = (1 if reward else -1) * -above
                    exponent = d * abs(p_hat - c)
                    pairs.append((float(weights.Phi[n - 1, 0 if reward else n]), number(wanted * abs(p_hat - c)).exp()))
                    extremes = [min(extremes[0], exponent), max(extremes[1], exponent)]
                    if found is None and (d != wanted or abs(exponent) > 1):
                        found = {"g": g, "successes": n, "C": float(c), "reward": reward}
    agrees, gap = near(pairs, "1e-12")
    over = f"G = 2..{top}, all mixed groups, C in steps of .05"
    return conclude(
        Evidence(
            "D has the stated sign and Φ/λ lies in [1/e, e]",
            over,
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"log(Φ/λ) from": str(extremes[0]), "to": str(extremes[1])},
        ),
        Evidence("ha_dw_weights gives the same Φ", over, Method.FLOATS, agrees, gap),
    )


def reweighted_speed(g: int, p: Fraction, anchor: Fraction | None, scale: Fraction) -> Ball:
    """c/(p(1-p)) of r - p̂, times Φ = λe^(DM) unless the anchor is None, over all groups, mixed or not."""
    speed = Ball(0)
    for n in range(1, g):
        p_hat = Fraction(n, g)
        lift = number(0 if anchor is None else anchor - p_hat)  # what the exponent is for correct responses
        factor = number(1 if anchor is None else scale)
        plus, minus = n * number(1 - p_hat) * lift.exp(), -(g - n) * number(p_hat) * (-lift).exp()
        chance = binomial_probability(n, g, p)
        speed += factor * number(chance) * (plus * number(1 - p) - minus * number(p)) / g
    return speed / number(p * (1 - p))


def _plain_speed(g: int, p: Fraction) -> Fraction:
    """c/(p(1-p)) of r - p̂ as it is."""
    return sum((binomial_probability(n, g, p) * n * (1 - Fraction(n, g)) / g for n in range(1, g)), Fraction(0)) / (
        p * (1 - p)
    )


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
    origin=Origin.IMPLIED,
    breaks=(Break("no reweighting: r minus the group's mean", {"anchor": None}, Verdict.CERTIFIED),),
)
def keeps_queries(quick: bool, *, anchor: Fraction | None = Fraction(1, 2)) -> CheckOutcome:
    """Over all groups r - p̂ has no bias across queries, only the factor (G-1)/G; the weights bring one in."""
    rates = ("0.5", "0.7", "0.9", "0.95", "0.1")
    with ctx.workprec(64):
        speeds = {rate: reweighted_speed(8, Fraction(rate), anchor, Fraction(13, 10)) for rate in rates}
        reference = speeds["0.5"]
        if anchor is None:  # equal, exactly: no exponential is left, and the sums are rational
            same = for_all(rates, lambda rate: _plain_speed(8, Fraction(rate)) == Fraction(7, 8))
        else:
            same = for_all(rates[1:], lambda rate: speeds[rate] == reference)
        differing = same.case
    return conclude(
        Evidence(
            "c/(p(1-p)) is the same for all p",
            f"p = {', '.join(rates)}",
            Method.INTERVALS,
            same.holds,
            counterexample={}
            if differing is None
            else {
                "g": 8,
                "C": 0.5,
                "lambda": 1.3,
                "p": [0.5, float(differing)],
                "c/(p(1-p))": [digits(reference, 6), digits(speeds[differing], 6)],
            },
            figures={rate: digits(speed, 6) for rate, speed in speeds.items()},
        )
    )
