"""What the baseline changes on average: never the direction of a group's gradient, hardly its speed, but its noise.

Given n successes, the expected gradient of a softmax bandit is (s₁(1-p) - s₀p)/G times π₊ - π₋, where s₁ and s₀ are
the summed advantages of the correct and of the wrong responses. The gradients of the paper's objectives (Eqs. 5 to 8)
are multiples of one and the same vector, too, because the expected score is zero: with t = √(p/(1-p)) everything is a
polynomial in t.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np

from qae_sim.advantages import advantage_table, expected_advantages
from qae_sim.softmax import binomial
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_probabilities
from qae_sim.theory.certified import digits, near, number, prove_polynomial_positive, prove_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.exact_advantages import advantages, root_of, speed_polynomial, speeds
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every


@claim(
    "qae.group-direction",
    paper=PAPER,
    equation="Sec. 4.2 at finite G",
    statement="The expected gradient of a sampled group points along π₊ - π₋ under every baseline: the baseline sets "
    "the speed of a query, not its direction.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i (e_{a_i} - \pi) = c\,(\pi_+ - \pi_-),\quad "
    r"c = \tfrac1G\,\mathbb E[(1-p)\,s_1 - p\,s_0]",
    assumptions=("softmax bandit", "advantages depend on the own reward and the number of successes only"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("one of two correct arms has a larger advantage", {"by_arm": True}, Verdict.REFUTED),
        Break("the normaliser of the softmax is left out", {"normaliser": False}, Verdict.REFUTED),
    ),
)
def group_direction(quick: bool, *, by_arm: bool = False, normaliser: bool = True) -> CheckOutcome:
    """Given n, each arm's expected change is linear in s₁ and s₀; compare the two sides as polynomials.

    Every arm has a share of π₊ or of π₋, so one arm of each kind settles all; with advantages by arm, two correct ones.
    """
    p, s1, s0, x, y, extra = ring("p", "s1", "s0", "x", "y", "extra")
    shift = extra if by_arm else 0  # more advantage for the share x of the correct responses
    total = (s1 + s0 + shift * x) if normaliser else 0 * p
    sides = {
        "a correct arm of share x": (
            s1 * x + shift * x - total * p * x,
            ((1 - p) * (s1 + shift * x) - p * s0) * x,
        ),
        "a wrong arm of share y": (s0 * y - total * (1 - p) * y, -((1 - p) * (s1 + shift * x) - p * s0) * y),
    }
    wrong = [name for name, (one, other) in sides.items() if one != other]
    return conclude(
        Evidence(
            "E[Δz | n] = ((1-p)s₁ - p·s₀)(π₊ - π₋)",
            "all p, s₁, s₀, every policy and every G",
            Method.SYMBOLIC,
            not wrong,
            counterexample={"arm": wrong[0]} if wrong else {},
        )
    )


@claim(
    "qae.speed-ratio",
    paper=PAPER,
    equation="Eq. 5 against Eq. 6 at finite G",
    statement="In groups of 16 with K = .4, QAE learns between .83 and 1.07 times as fast as GRPO in expectation, for "
    "every success rate in [.02, .98].",
    latex=r"0.83 < \frac{c_{\mathrm{QAE}}(p)}{c_{\mathrm{GRPO}}(p)} < 1.07,\quad p \in [0.02, 0.98]",
    assumptions=("softmax bandit", "population standard deviation, ε = 0", "G = 16, K = .4"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.OURS,
    breaks=(
        Break("POS-MASK instead of QAE", {"name": "pos_mask"}, Verdict.REFUTED),
        Break("groups of 4", {"g": 4}, Verdict.REFUTED),
    ),
)
def speed_ratio(quick: bool, *, name: str = "qae", g: int = 16) -> CheckOutcome:
    """Signs of c_QAE - .83·c_GRPO and of 1.07·c_GRPO - c_QAE, polynomials in p; the project's floats tied to them."""
    k = Fraction(2, 5)
    options: dict[str, dict[str, float]] = {"grpo": {}, name: {"k": 0.4}}
    agrees, gap = near(
        (
            (
                float(expected_advantages(estimator, float(x), g, eps=0.0, **options[estimator]).c),
                speeds(estimator, g, number(x), k) * number(x) * (1 - number(x)),
            )
            for estimator in options
            for x in ("0.02", "0.5", "0.8")
        ),
        "1e-12",
    )
    return conclude(
        *_ratio_between(name, g, ("0.83", "1.07"), ("0.02", "0.98"), ("0.02", "0.2", "0.5", "0.6", "0.8", "0.98")),
        Evidence("expected_advantages agrees to 1e-12", "p = .02, .5, .8", Method.FLOATS, agrees, gap),
    )


def _ratio_between(
    name: str, g: int, bounds: tuple[str, str], ends: tuple[str, str], shown: tuple[str, ...]
) -> list[Evidence]:
    """Whether an estimator's speed over GRPO's lies between two bounds at K = .4."""
    k = Fraction(2, 5)
    with ctx.workprec(64 + 4 * g):  # the coefficients are as large as C(G, G/2)
        ours, other = speed_polynomial(name, g, k), speed_polynomial("grpo", g, k)
        ratios = {x: digits(Ball(ours(number(x).arb) / other(number(x).arb)), 10) for x in shown}
        sides = {
            f"above {bounds[0]}": ours - other * number(bounds[0]).arb,
            f"below {bounds[1]}": other * number(bounds[1]).arb - ours,
        }
        proofs = {side: prove_polynomial_positive(difference, *ends) for side, difference in sides.items()}
    return [
        Evidence(
            f"the ratio is {side}",
            f"G = {g}, K = .4, p in [{ends[0]}, {ends[1]}]",
            Method.INTERVALS,
            proof.holds,
            margin=repr(proof.margin),
            counterexample={"g": g, "k": 0.4, "p": float(proof.point[0])} if proof.holds is Truth.NO else {},
            figures={"pieces": proof.boxes, "ratio at p": ratios},
        )
        for side, proof in proofs.items()
    ]


@claim(
    "qae.speed-ratio-large-groups",
    paper=PAPER,
    equation="Eq. 5 against Eq. 6 as G grows",
    statement="In groups of 128 with K = .4, QAE learns between .93 and 1.01 times as fast as GRPO in expectation, for "
    "every success rate in [.02, .98].",
    latex=r"0.93 < \frac{c_{\mathrm{QAE}}(p)}{c_{\mathrm{GRPO}}(p)} < 1.01,\quad p \in [0.02, 0.98]",
    assumptions=("softmax bandit", "population standard deviation, ε = 0", "G = 128, K = .4"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.OURS,
    breaks=(Break("groups of 16", {"g": 16}, Verdict.REFUTED),),
)
def speed_ratio_large(quick: bool, *, g: int = 128) -> CheckOutcome:
    """As for groups of 16: what is left of the difference shrinks with the group's sampling noise."""
    return conclude(
        *_ratio_between("qae", g, ("0.93", "1.01"), ("0.02", "0.98"), ("0.02", "0.3", "0.6", "0.61", "0.98"))
    )


def moments(name: str, g: int, p: Ball, k: Fraction) -> tuple[Ball, Ball]:
    """Mean and mean square of the gradient of one group of a two-armed bandit, by the correct arm's logit."""
    first, second = Ball(0), Ball(0)
    for weight, (correct, wrong) in zip(binomial_probabilities(p, g), _sums(name, g, k, ctx.prec), strict=True):
        x = correct * (1 - p) - wrong * p  # the scores of the correct arm's logit are 1 - p and -p
        first, second = first + weight * x, second + weight * x * x
    return first, second


@cache
def _sums(name: str, g: int, k: Fraction, precision: int) -> list[tuple[Ball, Ball]]:
    """Summed advantages of the correct and of the wrong responses over G, for n = 0..G, at the working precision."""
    mixed = [advantages(name, n, g, k) for n in range(1, g)]
    inside = [(n * root_of(plus) / g, (g - n) * root_of(minus) / g) for n, (plus, minus) in enumerate(mixed, 1)]
    return [(Ball(0), Ball(0)), *inside, (Ball(0), Ball(0))]


def relative_variance(name: str, g: int, p: Ball, k: Fraction) -> Ball:
    """Variance of the gradient over its squared mean."""
    first, second = moments(name, g, p, k)
    return second / first**2 - 1


@claim(
    "qae.gradient-variance",
    paper=PAPER,
    equation="Sec. 4: 'statistically robust'",
    statement="The quantile baseline makes the gradient less noisy than the mean baseline, relative to its size.",
    latex=r"\frac{\operatorname{Var} g_{\mathrm{QAE}}}{(\mathbb E g_{\mathrm{QAE}})^2} \le "
    r"\frac{\operatorname{Var} g_{\mathrm{GRPO}}}{(\mathbb E g_{\mathrm{GRPO}})^2}",
    assumptions=("two-armed softmax bandit", "binary rewards", "K = .4, p in [.02, .98]"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="at no success rate of the range, for G = 8 and G = 16: the reverse is proved there",
    breaks=(Break("the reverse: GRPO's is the less noisy one", {"reverse": True}, Verdict.CERTIFIED),),
)
def gradient_variance(quick: bool, *, reverse: bool = False) -> CheckOutcome:
    """E[x²]/E[x]² of both estimators compared on all of [.02, .98]; exact values at some rates for all of the table."""
    k, g = Fraction(2, 5), 8 if quick else 16

    def excess(p: Ball) -> Ball:
        (mean, square), (other_mean, other_square) = (moments(name, g, p, k) for name in ("qae", "grpo"))
        difference = square * other_mean**2 - other_square * mean**2
        return difference if reverse else -difference

    proof = prove_positive(excess, ("0.02", "0.98"))
    with ctx.workprec(64):
        table = {
            name: {x: digits(relative_variance(name, g, number(x), k), 8) for x in ("0.1", "0.3", "0.5", "0.7", "0.9")}
            for name in ("grpo", "qae", "pos_mask", "neg_mask")
        }
    return conclude(
        Evidence(
            f"QAE's relative variance is {'above' if reverse else 'below'} GRPO's",
            f"two arms, G = {g}, K = .4, p in [.02, .98]",
            Method.INTERVALS,
            proof.holds,
            margin=repr(proof.margin),
            counterexample={"g": g, "k": 0.4, "p": float(proof.point[0])} if proof.holds is Truth.NO else {},
            figures={"relative variance": table, "boxes": proof.boxes},
        ),
        _variance_floats(g, k),
        controls=_pair_moments(),
    )


def _pair_moments() -> list[Evidence]:
    """Two responses at p = 1/2: half of the groups are mixed, with the gradient 1/2 under both estimators."""
    with ctx.workprec(64):
        first, second = zip(*(moments(name, 2, number("1/2"), Fraction(2, 5)) for name in ("grpo", "qae")), strict=True)
        close = every(
            abs(found - number(exact)) < number("1e-12")
            for values, exact in ((first, "1/4"), (second, "1/8"))
            for found in values
        )
    return [Evidence("mean 1/4 and mean square 1/8, by hand", "G = 2, p = 1/2, both", Method.INTERVALS, close)]


def _variance_floats(g: int, k: Fraction) -> Evidence:
    """The same moments by the project's advantage table in floats."""
    rates: Sequence[float] = (0.1, 0.5, 0.9)
    table = advantage_table("qae", g, k=float(k), eps=0.0)
    n = np.arange(g + 1)
    pairs = []
    for p in rates:
        weight = binomial(p, g)
        x = (n * table[:, 1] * (1 - p) - (g - n) * table[:, 0] * p) / g
        first, second = moments("qae", g, number(p), k)
        pairs += [(float(weight @ x), first), (float(weight @ x**2), second)]
    agrees, gap = near(pairs, "1e-13")
    return Evidence("advantage_table gives the same moments to 1e-13", f"p in {rates}", Method.FLOATS, agrees, gap)
