"""The length pressure between QAE and GRPO: its sign, its size at the trainers' normalisers, and where it comes from.

A correct response that is ℓ tokens long has in expectation the credit α/ℓ under weights 1/|o|, a wrong one β/ℓ, where
α and β are the expected advantages given the own reward. With p and σ of the population they are (1-b)/σ and -b/σ.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np

from qae_sim.advantages import expected_advantages
from qae_sim.papers import PAPERS
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.binomial import binomial_probabilities
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.claims.estimators.baseline_difference import (
    EXAMPLE,
    LENGTHS,
    RATE_SLOPE,
    SCORES,
    all_groups,
)
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS, advantages, mixed_groups, root_of
from qae_sim.theory.implicit_length import expected_credit, length_pressure
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim

TRAINERS = "TRL's dapo with 16 and 512 responses: Q = 1 and 32; DAPO's and QAE's mini-batch in verl: Q = 32; batch: 512"
TWO_VALUES = "rewards have two values, or baseline and scale are the population's, as in the limit of large groups"


@claim(
    "estimators.length-pressure-sign",
    paper=PAPER,
    equation="QAE against GRPO",
    statement="If QAE presses for shorter responses than GRPO at some success rate, it does so at every lower one: "
    "one threshold at most for correct responses and one for wrong ones, whatever the lengths and whichever tokens "
    "the loss divides by. At G = 16, K = .4 and weights 1/|o| they are .5999 and .6630.",
    latex=r"\operatorname{sign}\sum_m \tbinom{G-1}m p^m(1-p)^{G-1-m}\,\omega_m\,\Delta_{m+r} = "
    r"\operatorname{sign}(p^\ast_r - p)\quad\forall\,\omega_m > 0",
    assumptions=("on-policy", "binary rewards", "the law of the lengths given correctness does not change with p"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the gate the other way round", {"gate": -1}, Verdict.REFUTED),),
)
def sign(quick: bool, *, gate: int = 1) -> CheckOutcome:
    """Signs of (p̂ - b_K)/σ: a polynomial in p/(1-p) whose coefficients change sign once has one positive root."""
    top, found = (24 if quick else 64), None
    for g, k in ((g, k) for g in range(2, top + 1) for k in KS):
        signs = [gate * (1 if Fraction(n, g) <= 1 - k else -1) for n in range(1, g)]
        if found is None and signs != sorted(signs, reverse=True):
            found = {"G": g, "K": float(k), "signs of (b' - b)/σ by successes": signs}
    brackets = {1: ("0.5998", "0.5999"), 0: ("0.6630", "0.6631")}
    holds = [
        sign * _expected_difference(16, number(x), r) > 0
        for r, ends in brackets.items()
        for sign, x in zip((1, -1), ends, strict=True)
    ]
    return conclude(
        Evidence(
            "(p̂ - b_K)/σ is above 0 up to some number of successes and below 0 beyond it",
            f"all mixed groups, G = 2..{top}, K = .1, ..., .9",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=gate == 1,
        ),
        machine_checked("estimators.length-pressure-sign"),
        *(
            Evidence(
                f"its mean over groups with {'a correct' if r else 'a wrong'} response changes sign between",
                f"p = {ends[0]} and {ends[1]}, G = 16, K = .4",
                Method.INTERVALS,
                holds[2 * place] & holds[2 * place + 1],
                figures={"rate": " to ".join(ends)},
                confirms=True,
            )
            for place, (r, ends) in enumerate(brackets.items())
        ),
    )


def _differences(g: int, k: Fraction = Fraction(2, 5)) -> list[Ball]:
    """(p̂ - b_K)/σ for n = 0..G; 0 for groups that are not mixed."""
    inner = [root_of(advantages("qae", n, g, k)[0]) - root_of(advantages("grpo", n, g, k)[0]) for n in range(1, g)]
    return [Ball(0), *inner, Ball(0)]


def _expected_difference(g: int, p: Ball, r: int) -> Ball:
    """The mean of (p̂ - b_K)/σ over groups in which one response has reward r."""
    values = _differences(g)[r : g + r]
    return total(w * d for w, d in zip(binomial_probabilities(p, g - 1), values, strict=True))


@claim(
    "estimators.length-pressure-size",
    paper=PAPER,
    equation="QAE against GRPO, 1/|o| against tokens of a batch",
    statement="Where all other responses have one length, a response of twice that length loses on a hard prompt "
    "p/(QG+1) of the gap between correct and wrong responses, and gains (1-p)/(QG+1) on an easy one, if the loss "
    "counts the tokens of Q prompts; p/2 and (1-p)/2 with weights 1/|o|. At G = 16 and Q = 32 that is 1/513 against "
    "1/2.",
    latex=r"\frac{c(\ell) - c(2\ell)}{(\alpha-\beta)/\ell} = \frac{p - b_K}{QG+1}\quad\text{against}\quad "
    r"\frac{p - b_K}{2}",
    assumptions=("on-policy", "mean and standard deviation of the population", "tokens: all others have length ℓ"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("a batch of Q prompts presses as one prompt does", {"whole_batch": False}, Verdict.REFUTED),),
)
def size(quick: bool, *, whole_batch: bool = True) -> CheckOutcome:
    """Credits QG·Δ/(ℓ' + (QG-1)ℓ) of a response of ℓ' tokens; Δ = (p-b)/σ, and the gap (1/σ)/ℓ."""
    p, b, q, g, one = ring("p", "b", "Q", "G", "1/sigma")
    n = q * g
    counted = n if whole_batch else g
    # c(ℓ) - c(2ℓ) = Δ/ℓ - nΔ/((n+1)ℓ) = Δ/((n+1)ℓ): times (n+1)ℓ, and the gap's 1/σ
    shared = (p - b) * one * (counted + 1) - counted * (p - b) * one == (p - b) * one * (counted - n + 1)
    own = 2 * (p - b) * one - (p - b) * one == (p - b) * one
    quarter = [
        1 / Fraction(1 + 16 * prompts if whole_batch else 17) / 2 for prompts in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    ]
    worst = 0.0
    for prompts in (1, 4):
        c = expected_credit(
            _population(0.25), [0.25, 0.75, 0.0], [1, 0, 1], [4, 4, 8], 8, loss="token", prompts=prompts
        )
        base = expected_credit(
            _population(0.25, 0.25), [0.25, 0.75, 0.0], [1, 0, 1], [4, 4, 8], 8, loss="token", prompts=prompts
        )
        extra = c - base
        worst = worse(worst, abs((extra[0] - extra[2]) / (base[0] - base[1]) - 0.25 / (8 * prompts + 1)))
    finite = {
        f"G = 16, p = {x}, finite groups: Δ over the gap": digits(
            _expected_difference(16, number(x), 1) / _gap(16, number(x)), 6
        )
        for x in ("0.1", "0.3", "0.5", "0.7", "0.9")
    }
    return conclude(
        Evidence(
            "(c(ℓ) - c(2ℓ)) over (α-β)/ℓ is (p-b)/(QG+1)",
            "every p, G, Q and length",
            Method.SYMBOLIC,
            shared,
            counterexample={} if shared else {"Q": 2, "G": 16, "p": 0.5, "of one prompt": 1 / 34, "of two": 1 / 66},
            figures={
                f"p = .5, G = 16, Q = {prompts}": f"{float(x):.3%}"
                for prompts, x in zip((1, 2, 4, 8, 16, 32, 64, 128, 256, 512), quarter, strict=True)
            }
            | {"trainers": TRAINERS},
        ),
        Evidence(
            "with weights 1/|o| it is (p-b)/2",
            "every p and length",
            Method.SYMBOLIC,
            own,
            figures=finite,
        ),
        Evidence(
            "expected_credit agrees to 1e-12",
            "p = .25, G = 8, Q = 1 and 4",
            Method.FLOATS,
            worst < 1e-12,
            f"{worst:.1e}",
        ),
    )


def _population(p: float, baseline: float = 0.0) -> Any:
    """An estimator with a baseline that no group moves and the population's standard deviation."""
    return lambda rewards: (np.asarray(rewards) - baseline) / (p * (1 - p)) ** 0.5


def _gap(g: int, p: Ball) -> Ball:
    """α - β of GRPO at finite G."""
    none = Ball(0)
    table = [(none, none), *((root_of(a), root_of(b)) for a, b in _grpo(g)), (none, none)]
    return total(w * (table[m + 1][0] - table[m][1]) for m, w in enumerate(binomial_probabilities(p, g - 1)))


def _grpo(g: int) -> list[tuple[tuple[int, Fraction], tuple[int, Fraction]]]:
    """GRPO's advantages of mixed groups."""
    return [advantages("grpo", n, g, Fraction(2, 5)) for n in range(1, g)]


@claim(
    "estimators.length-pressure-constant",
    paper=PAPERS["dr_grpo"],
    equation="token sums divided by a constant",
    statement="Divided by a constant instead of numbers of tokens, the expected gradient of every estimator of binary "
    "rewards is a multiple of the success rate's gradient, whatever the lengths: no baseline presses on them.",
    latex=r"\mathbb E\Big[\tfrac1{GL}\sum_i A_i\,\nabla\log\pi(o_i)\Big] = \tfrac{\alpha-\beta}{L}\,\nabla p",
    assumptions=("on-policy", "binary rewards", "advantages of the own reward and the number of successes"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("divided by the response's own length", {"by_length": True}, Verdict.REFUTED),),
)
def constant(quick: bool, *, by_length: bool = False) -> CheckOutcome:
    """E[r s] = ∇p and E[(1-r) s] = -∇p; the advantage given the own reward is α or β."""
    alpha, beta, slope_ = ring("alpha", "beta", "dp")
    top, found = (3 if quick else 5), None
    for g in range(2, top + 1):
        totals: dict[tuple[int, int], Fraction] = {}
        for group, n, chance in all_groups(g):
            for o in group:
                correct = int(o in (1, 2))
                share = chance * SCORES[o] / (LENGTHS[o] if by_length else 1)
                totals[n, correct] = totals.get((n, correct), Fraction(0)) + share
        p = Fraction(2, 5)
        for n in range(1, g):
            with_one = g * comb(g - 1, n - 1) * p ** (n - 1) * (1 - p) ** (g - n)
            with_none = g * comb(g - 1, n) * p**n * (1 - p) ** (g - 1 - n)
            same = totals[n, 1] == with_one * RATE_SLOPE and totals[n, 0] == -with_none * RATE_SLOPE
            if found is None and not same:
                found = {"G": g, "successes": n, "of the correct ones": float(totals[n, 1] / with_one)}
    return conclude(
        Evidence(
            "α∇p + β∇(1-p) = (α-β)∇p",
            "all α and β",
            Method.SYMBOLIC,
            alpha * slope_ + beta * -slope_ == (alpha - beta) * slope_,
        ),
        Evidence(
            "given n successes, the scores of the correct responses add up to a multiple of ∇p, those of the wrong too",
            f"G = 2..{top}, {EXAMPLE.partition(';')[0]}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=not by_length,
        ),
        machine_checked("estimators.length-pressure-constant"),
        Evidence(
            "expected_credit is α/L or β/L, to 1e-14",
            "QAE, G = 8, p = .3, lengths 1, 2, 3 and 5",
            Method.FLOATS,
            _constant_gap() < 1e-14,
            f"{_constant_gap():.1e}",
        ),
    )


def _constant_gap() -> float:
    """How far the project's credits under a constant divisor are from α/5 and β/5."""
    expected = expected_advantages("qae", 0.3, 8)
    credit = expected_credit("qae", [0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], [1, 3, 2, 5], 8, loss="constant")
    return float(np.abs(credit * 5 - np.repeat([float(expected.alpha), float(expected.beta)], 2)).max())


@claim(
    "estimators.length-bias",
    paper=PAPERS["dr_grpo"],
    equation="1/|o| in GRPO's loss",
    statement="Dividing each response by its own length, GRPO teaches shorter correct responses and longer wrong ones, "
    "at every success rate and for every G >= 2.",
    latex=r"\mathbb E[g] = (\alpha m_1 - \beta m_0)\nabla p + \alpha p\,\nabla m_1 + \beta(1-p)\nabla m_0,\quad "
    r"m_r = \mathbb E[1/|o| \mid r],\ \alpha > 0 > \beta",
    assumptions=("on-policy", "binary rewards", "0 < p < 1"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("QAE on hard prompts", {"name": "qae"}, Verdict.REFUTED),),
)
def length_bias(quick: bool, *, name: str = "grpo") -> CheckOutcome:
    """The product rule for E[r/|o|] = p·m₁ and E[(1-r)/|o|] = (1-p)·m₀, and signs of advantages."""
    a, b, p, dp, m1, d1, m0, d0 = ring("alpha", "beta", "p", "dp", "m1", "dm1", "m0", "dm0")
    rule = (
        a * (dp * m1 + p * d1) + b * (-dp * m0 + (1 - p) * d0) == (a * m1 - b * m0) * dp + a * p * d1 + b * (1 - p) * d0
    )
    found = None
    for g, n in mixed_groups(24 if quick else 64):
        plus, minus = advantages(name, n, g, Fraction(2, 5))
        if found is None and not plus[0] > 0 > minus[0]:
            found = {"G": g, "successes": n, "signs of the advantages": [plus[0], minus[0]]}
    return conclude(
        Evidence(
            "E[A s/|o|] is α∇E[r/|o|] + β∇E[(1-r)/|o|], at a fixed success rate α p∇m₁ + β(1-p)∇m₀",
            "every policy and G",
            Method.SYMBOLIC,
            rule,
        ),
        Evidence(
            "correct responses have positive and wrong ones negative advantages, and so α > 0 > β",
            f"all mixed groups, G = 2..{24 if quick else 64}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=name == "grpo",
        ),
        machine_checked("estimators.length-bias"),
    )


@claim(
    "estimators.length-bias-of-qae",
    paper=PAPER,
    equation="1/|o| with QAE's advantages",
    statement="QAE takes one half of this length bias away and enlarges the other: in a hard group nothing for wrong "
    "responses and 1/(1-p̂) times GRPO's pressure on correct ones, in an easy group nothing for correct responses and "
    "1/p̂ times GRPO's on wrong ones.",
    latex=r"p \le 1-K:\ \alpha_{\mathrm{QAE}} = \tfrac{\alpha_{\mathrm{GRPO}}}{1-p},\ \beta_{\mathrm{QAE}} = 0;\quad "
    r"p > 1-K:\ \alpha_{\mathrm{QAE}} = 0,\ \beta_{\mathrm{QAE}} = \tfrac{\beta_{\mathrm{GRPO}}}{p}",
    assumptions=("binary rewards", "mixed groups", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("POS-MASK", {"wrong_in_hard": -1}, Verdict.REFUTED),),
)
def length_bias_of_qae(quick: bool, *, wrong_in_hard: int = 0) -> CheckOutcome:
    """Advantages times σ: GRPO's are 1-p and -p, QAE's 1 and 0 in hard groups, 0 and -1 in easy ones."""
    (p,) = ring("p")
    grpo = {"correct": 1 - p, "wrong": -p}
    hard, easy = {"correct": 1, "wrong": wrong_in_hard}, {"correct": 0, "wrong": -1}
    holds = (
        hard["correct"] * (1 - p) == grpo["correct"]
        and hard["wrong"] == 0
        and easy["correct"] == 0
        and easy["wrong"] * p == grpo["wrong"]
    )
    worst = None
    for g, n in mixed_groups(8 if quick else 32):
        for k in KS:
            (plus, minus), (own, other) = (advantages(name, n, g, k) for name in ("qae", "grpo"))
            rate = Fraction(n, g)
            right = (
                (plus[1] * (1 - rate) ** 2 == own[1] and minus[0] == wrong_in_hard)
                if rate <= 1 - k
                else (plus[0] == 0 and minus[1] * rate**2 == other[1])
            )
            if worst is None and not right:
                worst = {"G": g, "successes": n, "K": float(k)}
    return conclude(
        Evidence(
            "the advantages' ratios are 1/(1-p) and 0, or 0 and 1/p",
            "every p̂ in (0, 1) and K",
            Method.SYMBOLIC,
            holds,
            counterexample={} if holds else {"p": 0.2, "advantage of a wrong response times σ": wrong_in_hard},
        ),
        Evidence(
            "the same of exact advantages",
            f"all mixed groups of up to {8 if quick else 32}, K = .1, ..., .9",
            Method.CASES,
            worst is None,
            counterexample=worst or {},
            confirms=wrong_in_hard == 0,
        ),
    )


@claim(
    "estimators.net-push",
    paper=PAPER,
    equation="Σ A and the weights 1/|o|",
    statement="Where length and correctness are independent, weights 1/|o| add to the gradient of the success rate "
    "nothing but the mean advantage times ∇E[1/|o|]: nothing for GRPO, whose advantages add up to 0, and "
    "√(p/(1-p)) or -√((1-p)/p) for QAE in large groups. Net push and pressure on the length are one.",
    latex=r"\mathbb E[g] = (\alpha-\beta)\,\mathbb E\big[\tfrac1{|o|}\big]\nabla p + "
    r"\mathbb E\big[\tfrac1G\textstyle\sum_i A_i\big]\,\nabla\mathbb E\big[\tfrac1{|o|}\big]",
    assumptions=("on-policy", "binary rewards", "the lengths of correct and of wrong responses have one law"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("wrong responses have another law of lengths", {"independent": False}, Verdict.REFUTED),),
)
def net_push(quick: bool, *, independent: bool = True) -> CheckOutcome:
    """With m₁ = m₀ = m the product rule leaves ∇m the factor αp + β(1-p), which is the mean advantage."""
    a, b, p, dp, m, dm, other, d_other = ring("alpha", "beta", "p", "dp", "m", "dm", "m0", "dm0")
    m0, d0 = (m, dm) if independent else (other, d_other)
    gradient = a * (dp * m + p * dm) + b * (-dp * m0 + (1 - p) * d0)
    average = p * m + (1 - p) * m0
    d_average = dp * (m - m0) + p * dm + (1 - p) * d0
    holds = gradient == (a - b) * average * dp + (a * p + b * (1 - p)) * d_average
    # of n successes: n·a(n, 1) + (G-n)·a(n, 0) = 0 for GRPO; C(G, n)·n = G·C(G-1, n-1) turns means given r into that
    g, n, sigma = ring("G", "n", "sigma")
    zero = n * (g - n) * sigma + (g - n) * -n * sigma == 0
    return conclude(
        Evidence(
            "E[A s/|o|] = (α-β)m∇p + (αp + β(1-p))∇m",
            "every policy whose lengths are independent of correctness, every G",
            Method.SYMBOLIC,
            holds,
            counterexample={}
            if holds
            else {"α": 1, "β": -1, "p": 0.5, "∇p": 0, "∇m₁": 1, "∇m₀": -1, "gradient": 1, "formula": 0},
        ),
        Evidence("n(1-p̂) - (G-n)p̂ = 0: GRPO's mean advantage", "every n and G", Method.SYMBOLIC, zero),
        machine_checked("estimators.net-push"),
        Evidence(
            "length_pressure of expected_credit is the mean advantage times Cov(|o|, 1/|o|) = -1/3, to 1e-13",
            "QAE and GRPO, G = 8, p = .3 and .8, lengths 1 and 3 with a chance of 1/2",
            Method.FLOATS,
            _push_gap() < 1e-13,
            f"{_push_gap():.1e}",
        ),
        Evidence(
            "C(G, n)·n = G·C(G-1, n-1) and C(G, n)·(G-n) = G·C(G-1, n): αp + β(1-p) is the mean of ΣA/G",
            f"G = 1..{16 if quick else 64}",
            Method.CASES,
            all(
                comb(size, k) * k == size * comb(size - 1, k - 1)
                and comb(size, k) * (size - k) == size * comb(size - 1, k)
                for size in range(1, 17 if quick else 65)
                for k in range(1, size + 1)
            ),
            confirms=True,
        ),
    )


def _push_gap() -> float:
    """How far the project's pressures are from the mean advantages times -1/3."""
    worst = 0.0
    for name in ("qae", "grpo"):
        for p in (0.3, 0.8):
            expected = expected_advantages(name, p, 8)
            example = ([p / 2, p / 2, (1 - p) / 2, (1 - p) / 2], [1, 1, 0, 0], [1, 3, 1, 3])
            found = length_pressure(expected_credit(name, *example, 8, loss="sequence"), *example)
            push = p * float(expected.alpha) + (1 - p) * float(expected.beta)
            worst = worse(worst, abs(found + push / 3))
    return worst


@claim(
    "estimators.directions",
    paper=PAPER,
    equation="QAE against GRPO, whole responses",
    statement="Without any division by lengths QAE's expected gradient has the direction of GRPO's.",
    latex=r"\mathbb E[g_{\mathrm{QAE}}] \parallel \mathbb E[g_{\mathrm{GRPO}}]",
    assumptions=("on-policy", "independent responses"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition=TWO_VALUES,
    breaks=(Break("three values under the condition", {"values": 3}, Verdict.REFUTED),),
)
def directions(quick: bool, *, values: int = 2) -> CheckOutcome:
    """Pairs of three arms with rewards 0, 1/2, 1: GRPO adds 1 and -1, QAE 2 and 0, of which both are exact."""
    pi = (Fraction(1, 5), Fraction(3, 5), Fraction(1, 5))
    grpo, qae = ([Fraction(0)] * 3 for _ in range(2))
    for low, high in ((0, 1), (0, 2), (1, 2)):
        chance = 2 * pi[low] * pi[high]
        for gradient, up, down in ((grpo, 1, -1), (qae, 2, 0)):
            for o, x in enumerate(pi):
                score_up, score_down = (o == high) - x, (o == low) - x
                gradient[o] += chance * (up * score_up + down * score_down) / 2
    dot, squares = (sum(x * y for x, y in zip(grpo, qae, strict=True)), [sum(x * x for x in g) for g in (grpo, qae)])
    cosine = dot * dot / (squares[0] * squares[1])
    alpha, beta, slope_, r, b, s = ring("alpha", "beta", "dp", "r", "b", "1/sigma")
    two = Evidence(
        "α∇p + β∇(1-p) = (α-β)∇p for every estimator",
        "two values of rewards, every policy and G",
        Method.SYMBOLIC,
        alpha * slope_ + beta * -slope_ == (alpha - beta) * slope_,
    )
    population = Evidence(
        "E[(r - b)s/σ] = ∇E[r]/σ because E[s] = 0: (r-b)/σ = r/σ - b/σ",
        "any rewards, b and σ of the population",
        Method.SYMBOLIC,
        (r - b) * s == r * s - b * s,
    )
    literal = Evidence(
        "cos² of the angle is 1",
        "rewards 0, 1/2 and 1 of probabilities .2, .6 and .2, G = 2, K = .4",
        Method.CASES,
        cosine == 1,
        counterexample={
            "cos²": str(cosine),
            "degrees": float(np.degrees(np.arccos(float(cosine) ** 0.5))),
            "GRPO": [str(x) for x in grpo],
            "QAE": [str(x) for x in qae],
        },
    )
    return conclude(
        literal,
        under=[two, population] if values == 2 else [literal],
        condition=TWO_VALUES,
        controls=[
            Evidence(
                "cos² is 100/127, worked out by hand: GRPO (-.16, 0, .16), QAE (-.112, -.096, .208)",
                "the same pairs",
                Method.CASES,
                cosine == Fraction(100, 127) and grpo[2] == Fraction(4, 25) and qae[2] == Fraction(26, 125),
            )
        ],
    )
