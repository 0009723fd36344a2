"""Proposition 4.2: how the first-order entropy change depends on the baseline.

The slope of ΔH in b is a polynomial in π, log π and r. Under the paper's update it is η·Cov(log π, π), positive by
the identity of pairs; under the gradient itself it is 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from qae_sim.softmax import (
    entropy_bounds,
    first_order_entropy_change,
    natural_gradient_update,
    paper_update,
    policy_gradient_update,
)
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import covariance, digits, entropy, number, prove_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.claims.qae.policy_covariance import pairs_are_positive
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, pair_sum, simplex
from qae_sim.theory.truth import Truth, for_all

#: Updates by name.
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


def quantile(n: int, g: int, k: Fraction) -> int:
    """inf{x : F̂(x) >= K} of n ones among G binary rewards: 0 if the share of zeros is K at least, else 1."""
    return 0 if Fraction(g - n, g) >= k else 1


def slope(rule: str, arms: int) -> tuple[Any, Any]:
    """Derivative by b of the first-order entropy change, and the sum over pairs that Cov(log π, π) is."""
    pi, logs, rest = simplex(arms, *(f"r{a}" for a in range(arms)), "b")
    r, b = rest[:-1], rest[-1]
    change = -cov(pi, logs, logit_change(rule, pi, r, b))
    return change.derivative("b"), pair_sum(pi, logs)


def linear_in_b(rule: str, expected: str) -> Evidence:
    """Whether the slope is the covariance ("C"), or zero ("0"), for every policy and reward."""
    equal = True
    for arms in (2, 3, 4):
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


def slope_in_floats(rule: str, expected: str) -> Evidence:
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
    return conclude(
        linear_in_b(rule, "C"),
        *([machine_checked("qae.linear-knob")] if rule == "paper" else []),
        slope_in_floats(rule, "C" if rule == "paper" else "0"),
    )


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
    proved = rule == "paper" and not uniform
    return conclude(
        linear_in_b(rule, "C"),
        *pairs_are_positive(*[(Fraction(1, 2), Fraction(1, 2))] * uniform),
        *([machine_checked("qae.strictly-increasing")] if proved else []),
    )


def _item(claimed: str, extreme: int, end: int, baselines: tuple[int, int]) -> CheckOutcome:
    """One item of Proposition 4.2: with slope C >= 0, ΔH(b) - ΔH(end) has the sign of b - end.

    Args:
        claimed: The claim's identifier.
        extreme: -1 if ΔH(end) is to be the smallest, 1 the largest.
        end: The baseline that is to be extremal.
        baselines: The range that the others come from.
    """
    # b - end is linear in b: its signs at both ends of the range are those of all b between them.
    wrong = [b for b in baselines if (b - end) * extreme > 0]
    with ctx.workprec(64):
        pi = [number("0.9"), number("0.1")]
        c = covariance(pi, [x.log() for x in pi], pi)
    order = Evidence(
        f"ΔH(b) - ΔH({end}) = η(b - {end})·C is not {'below' if extreme < 0 else 'above'} 0 at both ends of the range, "
        "and linear between them",
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
    return conclude(
        linear_in_b("paper", "C"),
        order,
        *pairs_are_positive(),
        *([] if wrong else [machine_checked(claimed)]),
        slope_in_floats("paper", "C"),
    )


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
    return _item("qae.prop4.2-low", -1, end, baselines)


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
    return _item("qae.prop4.2-high", 1, end, baselines)


@claim(
    "qae.higher-k",
    paper=PAPER,
    equation="Sec. 1, 'a higher K [...] thereby increasing entropy'",
    statement="To first order a higher K never lowers the entropy change of a group, and raises it exactly where the "
    "higher K makes a hard group an easy one.",
    latex=r"K < K' \Rightarrow \Delta H(b_K) \le \Delta H(b_{K'}),\quad "
    r"\Delta H(b_K) < \Delta H(b_{K'}) \iff 1-K' < p \le 1-K",
    assumptions=("the paper's update Δz = η π (r - b)", "first order in η", "π is not uniform", "binary rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break("the exact policy gradient", {"rule": "policy gradient"}, Verdict.REFUTED),
        Break("the quantile from above, b = 1 on hard groups", {"upside_down": True}, Verdict.REFUTED),
    ),
)
def higher_k(quick: bool, *, rule: str = "paper", upside_down: bool = False) -> CheckOutcome:
    """The change is η·C·(b_K' - b_K) with C > 0, and b_K = 1{p > 1-K} cannot fall when K rises."""

    def jump(case: tuple[int, int, int]) -> bool:
        g, n, percent = case
        low, high = (Fraction(quantile(n, g, Fraction(k, 100))) for k in (percent, percent + 1))
        crossed = 1 - Fraction(percent + 1, 100) < Fraction(n, g) <= 1 - Fraction(percent, 100)
        return (low - high if upside_down else high - low) == int(crossed)

    top = 8 if quick else 16
    cases = [(g, n, percent) for g in range(2, top + 1) for n in range(g + 1) for percent in range(1, 99)]
    found = for_all(cases, jump)
    return conclude(
        linear_in_b(rule, "C"),
        *pairs_are_positive(),
        Evidence(
            "from K to K + .01 the quantile rises by 1 where 1 - K - .01 < p <= 1 - K, and not at all elsewhere",
            f"groups of 2 to {top} binary rewards, K = .01 to .98",
            Method.CASES,
            found.holds,
            counterexample=dict(zip(("G", "n", "K in percent"), found.case, strict=True)) if found.case else {},
            confirms=not upside_down,
        ),
    )


@claim(
    "qae.eq18",
    paper=PAPER,
    equation="Eq. 18",
    statement="For every baseline Eq. 18, ΔH = -η Cov(log π, π A_b), is the first-order entropy change of the expected "
    "policy-gradient step.",
    latex=r"\Delta z = \eta\,\nabla_z \mathbb E_\pi[A_b] \Rightarrow "
    r"\Delta H \approx -\eta\,\operatorname{Cov}_\pi(\log\pi, \pi A_b),\quad A_b = r - b",
    assumptions=("softmax policy with one logit per arm", "first order in η"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="b is the success rate E_π[r], or π is uniform",
    breaks=(
        Break("the score without its normaliser", {"rule": "paper"}, Verdict.CERTIFIED),
        Break("the natural gradient", {"rule": "natural gradient"}, Verdict.REFUTED),
    ),
)
def eq18(quick: bool, *, rule: str = "policy gradient") -> CheckOutcome:
    """The two sides differ by η (E_π[r] - b)·Cov(log π, π), as polynomials."""
    literal, differs = True, True
    for arms in (2, 3, 4):
        pi, logs, rest = simplex(arms, *(f"r{a}" for a in range(arms)), "b")
        r, b = rest[:-1], rest[-1]
        mean = sum((p * x for p, x in zip(pi, r, strict=True)), 0 * b)
        exact, stated = (-cov(pi, logs, logit_change(name, pi, r, b)) for name in (rule, "paper"))
        literal &= exact == stated
        differs &= exact - stated == (mean - b) * cov(pi, logs, pi)
    with ctx.workprec(64):
        c = covariance([number("0.9"), number("0.1")], [number("0.9").log(), number("0.1").log()], [Ball(1), Ball(0)])
    return conclude(
        Evidence(
            "-Cov(log π, ∇E_π[A_b]) = -Cov(log π, π A_b)",
            "every policy, rewards and baseline",
            Method.SYMBOLIC,
            bool(literal),
            counterexample={}
            if literal
            else {
                "pi": [0.9, 0.1],
                "r": [1, 0],
                "b": 0,
                "dH per eta of the gradient step": digits(-number("0.18") * c, 8),
                "Eq. 18": digits(-number("0.9") * c, 8),
            },
        ),
        under=[
            Evidence(
                "the step's change less Eq. 18's is η (E_π[r] - b)·Cov(log π, π)",
                "every policy, rewards and baseline",
                Method.SYMBOLIC,
                bool(differs),
            )
        ],
        condition="b is the success rate E_π[r], or π is uniform",
        controls=[
            slope_in_floats("paper", "C"),
            Evidence(
                "Cov(log π, 1{a}) of the likely arm is .09 log 9",
                "π = (.9, .1)",
                Method.INTERVALS,
                abs(c - number("0.09") * number(9).log()) < number("1e-15"),
            ),
        ],
    )


@claim(
    "qae.bounded-change",
    paper=PAPER,
    equation="Sec. 6, 'bounded one-step entropy change'",
    statement="To first order every baseline in [0, 1], QAE's or another, changes the entropy by at most η H(π) times "
    "the largest probability in one step.",
    latex=r"|\Delta H(b)| \le \eta\,H(\pi)\max_a\pi_a,\quad b \in [0,1]",
    assumptions=("the paper's update Δz = η π (r - b)", "first order in η", "rewards in [0, 1]"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break("baselines up to 3", {"largest": 3}, Verdict.REFUTED),
        Break("a fifth of the bound", {"factor": Fraction(1, 5)}, Verdict.REFUTED),
    ),
)
def bounded_change(quick: bool, *, largest: int = 1, factor: Fraction = Fraction(1)) -> CheckOutcome:
    """|E[ℓ(x - c)]| <= max|x - c|·E|ℓ| with ℓ = log π + H and x = π(r - b), whose values are at most max π apart."""
    pi, logs, rest = simplex(3, "x0", "x1", "x2", "c")
    values, centre = rest[:-1], rest[-1]
    mean = sum((p * log for p, log in zip(pi, logs, strict=True)), 0 * centre)
    centred = sum((p * (log - mean) * (x - centre) for p, log, x in zip(pi, logs, values, strict=True)), 0 * centre)
    proofs = []
    for sign in (1, -1):
        proof = prove_positive(
            lambda p, b, sign=sign: _slack(p, b, sign, number(factor)), ("0.05", "0.95"), (0, largest), max_boxes=5000
        )
        proofs.append(
            Evidence(
                f"{'' if sign > 0 else '-'}ΔH < η H max π" + ("" if factor == 1 else f" times {factor}"),
                f"two arms, .05 <= p <= .95, 0 <= b <= {largest}",
                Method.INTERVALS,
                proof.holds,
                margin=repr(proof.margin),
                counterexample={"p": float(proof.point[0]), "r": [1, 0], "b": float(proof.point[1])}
                if proof.holds is Truth.NO
                else {},
                confirms=largest == 1 and factor == 1,
            )
        )
    return conclude(
        Evidence(
            "Cov(log π, x) = E[(log π + H)(x - c)] for every number c",
            "every policy and x (three arms: no monomial has more)",
            Method.SYMBOLIC,
            bool(cov(pi, logs, values) == centred),
        ),
        *proofs,
    )


def _slack(p: Ball, b: Ball, sign: int, factor: Ball) -> Ball:
    """H·max π less ΔH per η of either sign, two arms of which the first is correct."""
    q = 1 - p
    odds = (p / q).log()
    change = -p * q * odds * (p * (1 - b) + q * b)
    likeliest = Ball(p.arb.max(q.arb))
    return factor * entropy([p, q]) * likeliest - sign * change
