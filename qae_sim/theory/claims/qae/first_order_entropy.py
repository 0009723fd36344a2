"""Proposition 4.2: how the first-order entropy change depends on the baseline, and what that takes.

The slope of ΔH in b is a polynomial in π, log π and r. Under the paper's update it is η·Cov(log π, π), positive by
the identity of pairs; under the gradient itself it is 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from flint import ctx

from qae_sim.softmax import (
    entropy_bounds,
    first_order_entropy_change,
    natural_gradient_update,
    paper_update,
    policy_gradient_update,
)
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import covariance, digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.exact_advantages import speeds
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, pair_sum, simplex
from qae_sim.theory.truth import Answer, for_all

UPDATES = {
    "paper": paper_update,
    "policy gradient": policy_gradient_update,
    "natural gradient": natural_gradient_update,
}


def logit_change(rule: str, pi: list[Any], r: list[Any], b: Any) -> list[Any]:
    """Δz of the expected update at η = 1."""
    if rule == "paper":
        return [p * (x - b) for p, x in zip(pi, r, strict=True)]
    if rule == "natural gradient":
        return [x - b for x in r]
    mean = sum((p * (x - b) for p, x in zip(pi, r, strict=True)), 0 * pi[0])  # the score's share of all arms
    return [p * ((x - b) - mean) for p, x in zip(pi, r, strict=True)]


def slope(rule: str, arms: int) -> tuple[Any, Any]:
    """Derivative by b of the first-order entropy change, and the sum over pairs that Cov(log π, π) is."""
    pi, logs, rest = simplex(arms, *(f"r{a}" for a in range(arms)), "b")
    r, b = rest[:-1], rest[-1]
    change = -cov(pi, logs, logit_change(rule, pi, r, b))
    return change.derivative("b"), pair_sum(pi, logs)


def linear_in_b(rule: str, expected: str, quick: bool) -> Evidence:
    """Whether the slope is the covariance ("C"), or zero ("0"), for every policy and reward."""
    equal = True
    for arms in (2, 3) if quick else (2, 3, 4):
        by_b, pairs = slope(rule, arms)
        equal &= by_b == (pairs if expected == "C" else 0 * pairs)
    says = "η·Cov(log π, π)" if expected == "C" else "0"
    return Evidence(
        f"under the update of the {rule} the slope of ΔH in b is {says}",
        "every policy, every reward of the arms (two to four arms settle all: no monomial has more)",
        Method.SYMBOLIC,
        bool(equal),
        counterexample={} if equal else {"pi": [0.9, 0.1], "r": [1, 0], "slope per eta": _example_slope(rule)},
    )


def _example_slope(rule: str) -> float:
    """ΔH(1) - ΔH(0) at π = (.9, .1), by the project's functions."""
    z, r = np.log([0.9, 0.1]), np.array([1.0, 0.0])
    low, high = (float(first_order_entropy_change(z, UPDATES[rule](z, r, b, eta=1.0))) for b in (0.0, 1.0))
    return round(high - low, 12)


def _slope_in_floats(rule: str, expected: str) -> Evidence:
    """The slope by the project's functions, on random policies."""
    rng = np.random.default_rng(1)
    z, r = rng.normal(size=(50, 6)), rng.integers(0, 2, size=(50, 6)).astype(float)
    low, high = (first_order_entropy_change(z, UPDATES[rule](z, r, b, eta=1.0)) for b in (0.0, 1.0))
    bounds = entropy_bounds(z, r, eta=1.0)
    exact = bounds.width if expected == "C" else 0.0
    worst = float(np.abs(high - low - exact).max())
    return Evidence(
        "qae_sim.softmax gives the same slope", "50 policies of 6 arms", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"
    )


@claim(
    "qae.linear-knob",
    paper=PAPER,
    equation="Sec. 4.3, Eq. 19",
    statement="The first-order entropy change is linear in the baseline, with slope η·Cov(log π, π).",
    latex=r"\Delta H(b) = -\eta\,[F(0) - b\,\operatorname{Cov}_\pi(\log\pi,\pi)]",
    assumptions=("the paper's update Δz = η π (r - b)", "first order in η"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the exact policy gradient", {"rule": "policy gradient"}, Verdict.REFUTED),
        Break("the natural gradient", {"rule": "natural gradient"}, Verdict.REFUTED),
    ),
)
def linear_knob(quick: bool, *, rule: str = "paper") -> CheckOutcome:
    """Differentiate by b; what is left does not contain b, so the change is linear."""
    return conclude(linear_in_b(rule, "C", quick), _slope_in_floats(rule, "C" if rule == "paper" else "0"))


@claim(
    "qae.strictly-increasing",
    paper=PAPER,
    equation="Sec. 4.3",
    statement="The first-order entropy change rises strictly with the baseline.",
    latex=r"b < b' \Rightarrow \Delta H(b) < \Delta H(b')",
    assumptions=("the paper's update", "first order in η", "π is not uniform"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break("the exact policy gradient", {"rule": "policy gradient"}, Verdict.REFUTED),
        Break("the natural gradient", {"rule": "natural gradient"}, Verdict.REFUTED),
        Break("a uniform policy", {"uniform": True}, Verdict.REFUTED),
    ),
)
def strictly_increasing(quick: bool, *, rule: str = "paper", uniform: bool = False) -> CheckOutcome:
    """The slope is a sum over pairs; a pair of different probabilities contributes more than 0."""
    evidence = linear_in_b(rule, "C", quick)
    pair = Evidence(
        "some pair of arms has π_a ≠ π_c, and π_a π_c (log π_a - log π_c)(π_a - π_c) > 0 because log rises",
        "every policy that is not uniform",
        Method.SYMBOLIC,
        not uniform,
        counterexample={"pi": [0.5, 0.5], "slope": 0.0} if uniform else {},
    )
    return conclude(evidence, pair)


def _item(extreme: int, end: int, baselines: tuple[int, int], quick: bool) -> CheckOutcome:
    """One item of Proposition 4.2: with slope C >= 0, ΔH(b) - ΔH(end) has the sign of b - end.

    Args:
        extreme: -1 if ΔH(end) is to be the smallest, 1 the largest.
        end: The baseline that is to be extremal.
        baselines: The range that the others come from.
        quick: Fewer arms.
    """
    wrong = [b for b in baselines if (b - end) * extreme > 0]
    with ctx.workprec(64):
        pi = [number("0.9"), number("0.1")]
        c = covariance(pi, [x.log() for x in pi], pi)
    order = Evidence(
        f"no b in {list(baselines)} lies {'below' if extreme < 0 else 'above'} {end}",
        f"b in {list(baselines)}",
        Method.SYMBOLIC,
        not wrong,
        counterexample={
            "pi": [0.9, 0.1],
            "r": [1, 0],
            "b": wrong[0],
            "dH(b) - dH(b_K) per eta": digits((wrong[0] - end) * c, 10),
        }
        if wrong
        else {},
    )
    return conclude(linear_in_b("paper", "C", quick), order, _slope_in_floats("paper", "C"))


@claim(
    "qae.prop4.2-low",
    paper=PAPER,
    equation="Proposition 4.2 (1)",
    statement="On hard queries the quantile baseline, b = 0, makes the first-order entropy change the smallest of all "
    "baselines in [0, 1].",
    latex=r"p \le 1-K \Rightarrow \Delta H(b_K) \le \Delta H(b),\ b \in [0,1]",
    assumptions=("the paper's update Δz = η π (r - b)", "first order in η"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the upper end, b = 1, on hard queries", {"end": 1}, Verdict.REFUTED),
        Break("baselines down to -1", {"baselines": (-1, 1)}, Verdict.REFUTED),
    ),
)
def prop42_low(quick: bool, *, end: int = 0, baselines: tuple[int, int] = (0, 1)) -> CheckOutcome:
    """The slope is never negative, and 0 is the lower end."""
    return _item(-1, end, baselines, quick)


@claim(
    "qae.prop4.2-high",
    paper=PAPER,
    equation="Proposition 4.2 (2)",
    statement="On easy queries the quantile baseline, b = 1, makes the first-order entropy change the largest of all "
    "baselines in [0, 1].",
    latex=r"p > 1-K \Rightarrow \Delta H(b_K) \ge \Delta H(b),\ b \in [0,1]",
    assumptions=("the paper's update Δz = η π (r - b)", "first order in η"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the lower end, b = 0, on easy queries", {"end": 0}, Verdict.REFUTED),
        Break("baselines up to 2", {"baselines": (0, 2)}, Verdict.REFUTED),
    ),
)
def prop42_high(quick: bool, *, end: int = 1, baselines: tuple[int, int] = (0, 1)) -> CheckOutcome:
    """The slope is never negative, and 1 is the upper end."""
    return _item(1, end, baselines, quick)


@claim(
    "qae.prop4.2-policy-gradient",
    paper=PAPER,
    equation="Proposition 4.2 beyond its update",
    statement="Under the exact gradient of the expected reward, too, the choice of baseline changes the first-order "
    "entropy change.",
    latex=r"\Delta z = \eta\,\nabla_z \mathbb E_\pi[r - b]:\quad \tfrac{\partial}{\partial b}\Delta H(b) \ne 0",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the paper's update", {"rule": "paper"}, Verdict.CERTIFIED),),
)
def prop42_policy_gradient(quick: bool, *, rule: str = "policy gradient") -> CheckOutcome:
    """The score pushes all arms by -π E[r - b], which cancels b: both items become equalities."""
    return _baseline_matters(rule, quick)


@claim(
    "qae.prop4.2-natural-gradient",
    paper=PAPER,
    equation="Proposition 4.2 beyond its update; Cui et al., Theorem 2",
    statement="Under the natural gradient, too, the choice of baseline changes the first-order entropy change.",
    latex=r"\Delta z = \eta\,(r - b):\quad \tfrac{\partial}{\partial b}\Delta H(b) \ne 0",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the paper's update", {"rule": "paper"}, Verdict.CERTIFIED),),
)
def prop42_natural_gradient(quick: bool, *, rule: str = "natural gradient") -> CheckOutcome:
    """A baseline shifts all logits alike, which changes no probability."""
    return _baseline_matters(rule, quick)


def _baseline_matters(rule: str, quick: bool) -> CheckOutcome:
    """Whether the slope of ΔH in b differs from 0."""
    zero = linear_in_b(rule, "0", quick)
    return conclude(
        Evidence(
            f"under the {rule} the slope of ΔH in b is not 0",
            zero.over,
            Method.SYMBOLIC,
            ~zero.holds,
            counterexample={"pi": [0.9, 0.1], "r": [1, 0], "change at b = 0 and at b = 1": "equal"}
            if zero.holds
            else {},
        ),
        _slope_in_floats(rule, "0" if rule != "paper" else "C"),
        _update_in_floats(),
    )


def _update_in_floats() -> Evidence:
    """The three updates at one policy, whose values are plain."""
    wanted = {"paper": [0.45, -0.05], "policy gradient": [0.09, -0.09], "natural gradient": [0.5, -0.5]}
    z, r = np.log([0.9, 0.1]), np.array([1.0, 0.0])
    worst = 0.0
    for rule, exact in wanted.items():
        worst += float(np.abs(UPDATES[rule](z, r, 0.5, eta=1.0) - exact).max())
    return Evidence("the three updates are π(r-b), π(r-E r), r-b", "π = (.9, .1)", Method.FLOATS, worst < 1e-15)


def _two_arms(p: Fraction) -> tuple[list[Ball], list[Ball]]:
    """Probabilities and their logarithms of a correct arm of probability p and a wrong one."""
    pi = [number(p), number(1 - p)]
    return pi, [x.log() for x in pi]


@claim(
    "qae.prop4.2-finite-groups",
    paper=PAPER,
    equation="Proposition 4.2 for sampled groups",
    statement="For sampled groups, too, the expected first-order entropy change of QAE is at most that of GRPO on hard "
    "queries and at least that on easy ones.",
    latex=r"p \le 1-K \Rightarrow \mathbb E\,\Delta H_{\mathrm{QAE}} \le \mathbb E\,\Delta H_{\mathrm{GRPO}}",
    assumptions=("two-armed softmax bandit", "policy gradient of a group of G", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("compared with itself", {"other": "qae"}, Verdict.CERTIFIED),),
)
def prop42_finite_groups(quick: bool, *, other: str = "grpo") -> CheckOutcome:
    """E ΔH = -c·Cov(log π, π₊ - π₋): the order is that of the speeds c, and which way round depends on the policy."""
    k = Fraction(2, 5)

    def excess(g: int, p: Fraction) -> Ball:
        pi, logs = _two_arms(p)
        direction = covariance(pi, logs, [Ball(1), Ball(0)])  # Δz ∝ (1, 0), up to a shift of both logits
        return -(speeds("qae", g, pi[0], k) - speeds(other, g, pi[0], k)) * direction * pi[0] * pi[1]

    def ordered(case: tuple[int, Fraction]) -> Answer:
        g, p = case
        if p == Fraction(1, 2) or other == "qae":
            return True  # Cov(log π, π₊) of two equal arms is 0, and so is a difference of one estimator from itself
        return excess(g, p) <= 0 if p <= 1 - k else excess(g, p) >= 0

    with ctx.workprec(64):
        search = for_all(((g, Fraction(i, 10)) for g in (2, 3, 4, 8, 16) for i in range(1, 10)), ordered)
        found = {}
        if search.case:
            g, p = search.case
            found = {"g": g, "k": 0.4, "p": float(p), "E dH of QAE minus GRPO, per eta": digits(excess(g, p), 10)}
    return conclude(
        Evidence(
            "the expected entropy changes keep the order of Proposition 4.2",
            "G = 2, 3, 4, 8, 16, p = .1...9, the correct arm against one wrong arm",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        )
    )


@claim(
    "qae.prop4.2-clipping",
    paper=PAPER,
    equation="Proposition 4.2 (1), '(including ... token-level clipping/KL that keep b unchanged)'",
    statement="On hard queries the quantile baseline's entropy change is also below that of any baseline combined with "
    "clipping.",
    latex=r"\Delta H(b_K) \le \Delta H_{\mathrm{clip}}(b)",
    assumptions=("the paper's update", "first order in η"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("nothing is clipped", {"clipped": False}, Verdict.CERTIFIED),),
)
def prop42_clipping(quick: bool, *, clipped: bool = True) -> CheckOutcome:
    """A rare correct arm at the upper clip gets no update: ΔH is then 0, below the entropy that b = 0 adds."""

    def change(p: Fraction) -> Ball:
        pi, logs = _two_arms(p)
        return -covariance(pi, logs, [pi[0], Ball(0)])  # b = 0: only the correct arm moves; clipped, none does

    with ctx.workprec(64):
        rates = [Fraction(percent, 100) for percent in (40, 30, 20, 10, 1)]
        search = for_all(rates, lambda p: change(p) <= 0 if clipped else True)
        found = {}
        if search.case:
            found = {
                "pi": [float(search.case), float(1 - search.case)],
                "r": [1, 0],
                "b": 0,
                "clipped": "the correct arm",
                "dH of QAE per eta": digits(change(search.case), 10),
                "dH clipped per eta": 0,
            }
    return conclude(
        Evidence(
            "ΔH of the unclipped b = 0 is at most that of b = 0 with the correct arm clipped",
            "two arms, p = .4, .3, .2, .1, .01",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        )
    )


def _sign_claim(hard: bool, rates: list[Fraction], correct_arms: int) -> CheckOutcome:
    """Whether QAE's own entropy change has the sign that its names promise.

    Args:
        hard: Hard queries (b = 0, the entropy must not rise), or easy ones (b = 1, it must not fall).
        rates: Success rates, on that side of 1-K = .6.
        correct_arms: Arms that share p; one wrong arm has the rest.
    """

    def change(p: Fraction) -> Ball:
        pi = [number(p / correct_arms)] * correct_arms + [number(1 - p)]
        step = [*pi[:-1], Ball(0)] if hard else [Ball(0)] * correct_arms + [-pi[-1]]
        return -covariance(pi, [x.log() for x in pi], step)

    def fine(p: Fraction) -> Answer:
        if p / correct_arms == 1 - p:
            return True  # a uniform policy: the covariance is 0
        return change(p) <= 0 if hard else change(p) >= 0

    with ctx.workprec(64):
        search = for_all(rates, fine)
        found = {}
        if search.case:
            found = {
                "pi": [float(search.case / correct_arms)] * correct_arms + [float(1 - search.case)],
                "r": [1] * correct_arms + [0],
                "b": 0 if hard else 1,
                "dH per eta": digits(change(search.case), 10),
            }
    return conclude(
        Evidence(
            "the entropy does not rise" if hard else "the entropy does not fall",
            f"{correct_arms} correct arm(s) of equal probability and a wrong one, p = {', '.join(map(str, rates))}",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        )
    )


#: Success rates on both sides of 1-K = .6.
HARD = [Fraction(i, 20) for i in range(1, 13)]
EASY = [Fraction(i, 20) for i in range(13, 20)]


@claim(
    "qae.explosion-proof",
    paper=PAPER,
    equation="Proposition 4.2 (1), 'explosion-proof'",
    statement="On hard queries QAE's update does not raise the entropy.",
    latex=r"p \le 1-K \Rightarrow \Delta H(b_K) \le 0",
    assumptions=("the paper's update", "first order in η", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break(
            "only where the correct arm is the likelier one",
            {"rates": [Fraction(11, 20), Fraction(12, 20)]},
            Verdict.CERTIFIED,
        ),
    ),
)
def explosion_proof(quick: bool, *, rates: list[Fraction] = HARD) -> CheckOutcome:
    """Smallest of all baselines does not mean not positive: reinforcing a rare success spreads the policy."""
    return _sign_claim(True, rates, 1)


@claim(
    "qae.collapse-proof",
    paper=PAPER,
    equation="Proposition 4.2 (2), 'collapse-proof'",
    statement="On easy queries QAE's update does not lower the entropy.",
    latex=r"p > 1-K \Rightarrow \Delta H(b_K) \ge 0",
    assumptions=("the paper's update", "first order in η", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break(
            "two correct arms, each less likely than the wrong one",
            {"rates": [Fraction(i, 100) for i in range(61, 67)], "correct_arms": 2},
            Verdict.CERTIFIED,
        ),
    ),
)
def collapse_proof(quick: bool, *, rates: list[Fraction] = EASY, correct_arms: int = 1) -> CheckOutcome:
    """Pushing down a rare failure makes the policy more certain."""
    return _sign_claim(False, rates, correct_arms)
