"""Steps of finite size: where the exact entropy after one step of the paper's update keeps the order of its limit.

Two arms, the correct one with probability q. With L = log((1-q)/q) the step leads to the logit difference

    x(b) = -L + η(q + b(1-2q)),

and the entropy is a falling function of |x|. So everything about the order is about a straight line.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from qae_sim.softmax import entropy, paper_update
from qae_sim.theory import certified
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import Moments, cov, simplex
from qae_sim.theory.truth import Answer, Search, Truth, every, for_all

#: The baselines whose entropies are compared.
BASELINES = [Fraction(i, 20) for i in range(21)]


def order(kind: str, q: Fraction, eta: Fraction) -> Search[tuple[Fraction, Fraction]]:
    """Whether of two baselines the second always leads to the larger entropy.

    Args:
        kind: "monotone": any two; "low": b = 0 against the others; "high": the others against b = 1.
        q: Probability of the correct arm.
        eta: Step size.
    """
    level = 2 * (number(q).log() - number(1 - q).log())
    count = len(BASELINES)
    pairs = {
        "monotone": [(i, i + 1) for i in range(count - 1)],
        "low": [(0, i) for i in range(1, count)],
        "high": [(i, count - 1) for i in range(count - 1)],
    }[kind]

    def kept(pair: tuple[Fraction, Fraction]) -> Answer:
        # A larger |x| is a smaller entropy; x(b)² - x(c)² is the product of the difference, which is rational, and
        # the sum of the two.
        one, other = (eta * (q + b * (1 - 2 * q)) for b in pair)
        return other == one or (level + number(one + other)) * number(other - one) <= 0

    return for_all([(BASELINES[i], BASELINES[j]) for i, j in pairs], kept)


#: The step size up to which the order holds for q < 1/2, as a multiple of L = log((1-q)/q).
LIMIT: dict[str, Callable[[Fraction], Fraction]] = {
    "monotone": lambda q: 1 / (1 - q),
    "low": lambda q: Fraction(2),
    "high": lambda q: 1 / (1 - q),
}


def _identities(kind: str) -> bool:
    """The identities that turn the order into a bound on η, as polynomials in L, q, η and b."""
    log, q, eta, b, one = *ring("L", "q", "eta", "b"), 1
    x = -log + eta * (q + b * (one - 2 * q))
    x0, x1 = -log + eta * q, -log + eta * (one - q)
    if kind == "monotone":  # x(b) = x(1) - η(1-b)(1-2q), so that x(1) <= 0 settles all b when q < 1/2
        return bool(x == x1 - eta * (one - b) * (one - 2 * q))
    if kind == "low":  # |x(0)|² - |x(b)|²
        return bool(x0**2 - x**2 == eta * b * (one - 2 * q) * (2 * log - eta + eta * (one - b) * (one - 2 * q)))
    return bool(
        x**2 - x1**2
        == eta * (one - b) * (one - 2 * q) * (2 * (log - eta * (one - q)) + eta * (one - b) * (one - 2 * q))
    )


def _two_arms(kind: str, quick: bool, example: tuple[str, str], scale: Fraction) -> CheckOutcome:
    """One kind of order for two arms: it fails somewhere, and holds in exactly the stated region."""
    q, eta = (Fraction(x) for x in example)
    with ctx.workprec(64):
        example_order = order(kind, q, eta)
        fails = example_order.case
        literal = Evidence(
            "the exact entropy after the step keeps the order",
            f"q = {q}, η = {eta}",
            Method.INTERVALS,
            example_order.holds,
            counterexample={
                "pi": [float(q), float(1 - q)],
                "r": [1, 0],
                "eta": float(eta),
                "b": [float(b) for b in fails],
            }
            if fails
            else {},
        )
        inside, outside = [], []
        for i in range(1, 20 if quick else 50):
            rate = Fraction(i, 20 if quick else 50)
            likely = rate >= Fraction(1, 2)
            ratio = number((1 - rate) / rate).log()
            for j in (1, 3, 9, 11, 15, 40):  # tenths of the limit
                edge = ratio.exact_middle() * LIMIT[kind](rate) if not likely else Fraction(1)
                step = edge * Fraction(j, 10)
                if likely or j < 10:
                    inside.append((rate, step * scale))
                else:
                    outside.append((rate, step))
        kept = for_all(inside, lambda case: order(kind, *case).holds)
        broken = for_all(outside, lambda case: ~order(kind, *case).holds)
    condition = {
        "monotone": "q >= 1/2, or η(1-q) <= log((1-q)/q)",
        "low": "q >= 1/2, or η <= 2 log((1-q)/q)",
        "high": "q >= 1/2, or η(1-q) <= log((1-q)/q)",
    }[kind]
    under = [
        Evidence("the order is equivalent to the bound on η", "every q, η, b", Method.SYMBOLIC, _identities(kind)),
        Evidence(
            "no violation inside the region" + ("" if scale == 1 else f" stretched by {scale}"),
            f"{len(inside)} pairs (q, η), 21 baselines each",
            Method.INTERVALS,
            kept.holds,
            counterexample={"q": float(kept.case[0]), "eta": float(kept.case[1])} if kept.case else {},
            confirms=scale == 1,
        ),
        Evidence(
            "a violation at every point outside it",
            "step sizes 1.1, 1.5 and 4 times the limit",
            Method.INTERVALS,
            broken.holds,
            counterexample={"q": float(broken.case[0]), "eta": float(broken.case[1])} if broken.case else {},
            confirms=True,
        ),
    ]
    return conclude(literal, _order_in_floats(kind, q, eta, fails), under=under, condition=condition)


def _order_in_floats(kind: str, q: Fraction, eta: Fraction, fails: tuple[Fraction, Fraction] | None) -> Evidence:
    """The counterexample by the project's own update and entropy."""
    z, r = np.log([float(q), float(1 - q)]), np.array([1.0, 0.0])
    if fails is None:
        return Evidence("no counterexample to compare", "-", Method.FLOATS, True)
    low, high = (float(entropy(z + paper_update(z, r, float(b), eta=float(eta)))) for b in fails)
    with ctx.workprec(64):
        # The logits differ by log(q/(1-q)) + η(q(1-b) + (1-q)b).
        gaps = [number(q / (1 - q)).log() + number(eta * (q * (1 - b) + (1 - q) * b)) for b in fails]
        exact = [certified.entropy(certified.softmax([gap, Ball(0)])) for gap in gaps]
        agrees, gap = near(zip((low, high), exact, strict=True), "1e-15")
    return Evidence(
        f"softmax.entropy sees the same violation ({kind}), with the entropies of the exact logits",
        "that policy",
        Method.FLOATS,
        agrees & (high < low),
        gap,
    )


@claim(
    "qae.finite-step-monotone",
    paper=PAPER,
    equation="Sec. 4.3 beyond first order",
    statement="For two arms the exact entropy after one step of the paper's update rises with the baseline, whatever "
    "the step size.",
    latex=r"b < b' \Rightarrow H(z + \eta\,\pi(r-b)) \le H(z + \eta\,\pi(r-b'))",
    assumptions=("two arms, the correct one of probability q", "the paper's update"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="q >= 1/2, or η(1-q) <= log((1-q)/q)",
    breaks=(
        Break("a region 1.2 times as large", {"scale": Fraction(6, 5)}, Verdict.REFUTED),
        Break("the example has q = .51", {"example": ("0.51", "0.1")}, Verdict.CERTIFIED),
    ),
)
def finite_step_monotone(
    quick: bool, *, example: tuple[str, str] = ("0.49", "0.1"), scale: Fraction = Fraction(1)
) -> CheckOutcome:
    """Monotone exactly while x(b) does not cross 0."""
    return _two_arms("monotone", quick, example, scale)


@claim(
    "qae.finite-step-low",
    paper=PAPER,
    equation="Proposition 4.2 (1) beyond first order",
    statement="For two arms the exact entropy after one step is smallest at b = 0, whatever the step size.",
    latex=r"H(z + \eta\,\pi r) \le H(z + \eta\,\pi(r-b)),\ b \in [0,1]",
    assumptions=("two arms, the correct one of probability q", "the paper's update"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="q >= 1/2, or η <= 2 log((1-q)/q)",
    breaks=(
        Break("a region 1.2 times as large", {"scale": Fraction(6, 5)}, Verdict.REFUTED),
        Break("the example has η = .05", {"example": ("0.49", "0.05")}, Verdict.CERTIFIED),
    ),
)
def finite_step_low(
    quick: bool, *, example: tuple[str, str] = ("0.49", "0.1"), scale: Fraction = Fraction(1)
) -> CheckOutcome:
    """Compare |x(0)| with |x(b)|."""
    return _two_arms("low", quick, example, scale)


@claim(
    "qae.finite-step-high",
    paper=PAPER,
    equation="Proposition 4.2 (2) beyond first order",
    statement="For two arms the exact entropy after one step is largest at b = 1, whatever the step size.",
    latex=r"H(z + \eta\,\pi(r-1)) \ge H(z + \eta\,\pi(r-b)),\ b \in [0,1]",
    assumptions=("two arms, the correct one of probability q", "the paper's update", "q > 1-K for some K"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="q >= 1/2, or η(1-q) <= log((1-q)/q)",
    breaks=(
        Break("a region 1.2 times as large", {"scale": Fraction(6, 5)}, Verdict.REFUTED),
        Break("the example has q = .61, easy for K = .4", {"example": ("0.61", "0.1")}, Verdict.CERTIFIED),
    ),
)
def finite_step_high(
    quick: bool, *, example: tuple[str, str] = ("0.49", "0.1"), scale: Fraction = Fraction(1)
) -> CheckOutcome:
    """Compare |x(b)| with |x(1)|; for K <= 1/2 easy queries have q > 1/2 and the order always holds."""
    return _two_arms("high", quick, example, scale)


def slope_sign(pi: list[Fraction], r: list[int], eta: Fraction, b: Fraction) -> Ball:
    """Cov_π'(log π', π), the exact entropy's slope in b over η, at the policy π' after the step."""
    logs = [number(p).log() + number(eta * p * (x - b)) for p, x in zip(pi, r, strict=True)]
    weights = [log.exp() for log in logs]
    normaliser = total(weights)
    after = [w / normaliser for w in weights]
    mean = total(w * log for w, log in zip(after, logs, strict=True))
    return total(w * (log - mean) * number(p) for w, log, p in zip(after, logs, pi, strict=True))


def satisfies(pi: list[Fraction], r: list[int], eta: Fraction, scale: Fraction) -> Truth:
    """Whether η <= 1 and log(π_a/π_c) >= η π_a for every wrong a that is likelier than a correct c."""
    return every(
        eta <= 1 and (number(pi[a]) / number(pi[c])).log() * number(scale) > number(eta * pi[a])
        for a in range(len(pi))
        for c in range(len(pi))
        if r[a] == 0 and r[c] == 1 and pi[a] >= pi[c]
    )


@claim(
    "qae.finite-step-arms",
    paper=PAPER,
    equation="Sec. 4.3 beyond first order",
    statement="For any number of arms the exact entropy after one step of the paper's update rises with the baseline.",
    latex=r"\frac{\partial}{\partial b} H(z + \eta\,\pi(r-b)) = \eta\,\operatorname{Cov}_{\pi'}(\log\pi', \pi) \ge 0",
    assumptions=("the paper's update",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="it is enough that η <= 1 and log(π_a/π_c) >= η π_a for wrong arms a likelier than correct arms c",
    breaks=(
        Break("gaps ten times smaller", {"scale": Fraction(10)}, Verdict.REFUTED),
        Break("the condition is dropped", {"condition": False}, Verdict.REFUTED),
    ),
)
def finite_step_arms(quick: bool, *, scale: Fraction = Fraction(1), condition: bool = True) -> CheckOutcome:
    """The slope is a sum over pairs of π'_a π'_c (log π'_a - log π'_c)(π_a - π_c): no pair may change its order.

    For π_a > π_c with rewards (1, 1), (1, 0), (0, 0), (0, 1) the difference log π'_a - log π'_c is log(π_a/π_c) plus
    η(1-b)(π_a-π_c), η((1-b)π_a + bπ_c), -ηb(π_a-π_c), -η(bπ_a + (1-b)π_c). The first two never turn it; the third
    does not for η <= 1, because log(x/y) >= x - y for y <= x <= 1; the last does not if log(π_a/π_c) >= ηπ_a.
    """
    with ctx.workprec(64):
        example, eta = [Fraction("0.34"), Fraction("0.33"), Fraction("0.33")], Fraction(1, 10)
        rewards = [0, 1, 1]
        rises = for_all(BASELINES, lambda b: slope_sign(example, rewards, eta, b) >= 0)
        negative = rises.case
        literal = Evidence(
            "the slope of the exact entropy is not negative",
            "π = (.34, .33, .33), r = (0, 1, 1), η = .1",
            Method.INTERVALS,
            rises.holds,
            counterexample={"pi": [0.34, 0.33, 0.33], "r": rewards, "eta": 0.1, "b": float(negative)}
            if negative is not None
            else {},
        )
        if not condition:
            return conclude(literal)
        search = _search(quick, scale)
    m = Moments()
    # dz/db = -ηπ at the new policy; with d = π the entropy moves by -η·(-Cov(log π', d)).
    slope = m.along(m.log_partition - m(1, 0)) == -(m(1, 1) - m(1, 0) * m(0, 1))
    pi, logs, rest = simplex(3, "q0", "q1", "q2")
    pairs = cov(pi, logs, rest)
    by_pairs = 0 * pi[0]
    for a in range(3):
        for c in range(a):
            by_pairs += pi[a] * pi[c] * (logs[a] - logs[c]) * (rest[a] - rest[c])
    x, y, e, b, log = ring("x", "y", "e", "b", "L")
    kept = log - e * (b * x + (1 - b) * y) - (log - e * x) == e * (1 - b) * (x - y) and log - e * b * (x - y) == (
        log - (x - y)
    ) + (1 - e * b) * (x - y)
    under = [
        Evidence(
            "the slope is η·Cov_π'(log π', π), a sum over pairs that keep their order",
            "every policy, b in [0, 1]",
            Method.SYMBOLIC,
            bool(slope and pairs == by_pairs and kept),
        ),
        Evidence(
            "no negative slope under the condition",
            f"{search.cases} policies of 3 to 5 arms with baselines",
            Method.INTERVALS,
            search.holds,
            counterexample=_shown(search.case) if search.case else {},
            confirms=scale == 1,
        ),
    ]
    return conclude(
        literal,
        under=under,
        condition="it is enough that η <= 1 and log(π_a/π_c) >= η π_a for wrong arms a likelier than correct arms c",
    )


#: A policy, rewards, a step size and a baseline.
Step = tuple[list[Fraction], list[int], Fraction, Fraction]


def _search(quick: bool, scale: Fraction) -> Search[Step]:
    """Look for a negative slope among random near-uniform policies that satisfy the condition."""
    rng = np.random.default_rng(0)
    steps: list[Step] = []
    for _ in range(400 if quick else 1500):
        arms = int(rng.integers(3, 6))
        spread = int(rng.choice([3, 30]))
        whole = rng.integers(100 - spread, 101 + spread, size=arms)
        pi = [Fraction(int(w), int(whole.sum())) for w in whole]
        r = [int(x) for x in rng.integers(0, 2, size=arms)]
        eta = Fraction(int(rng.integers(1, 101)), 100)
        if satisfies(pi, r, eta, scale):
            steps += [(pi, r, eta, b) for b in BASELINES[::5]]
    # Where all π are equal the slope is 0, which no enclosure can tell from below 0.
    steps = [step for step in steps if len(set(step[0])) > 1]
    return for_all(steps, lambda step: slope_sign(*step) >= 0)


def _shown(step: Step) -> dict[str, object]:
    """A step for a reader."""
    pi, r, eta, b = step
    return {"pi": [str(p) for p in pi], "r": r, "eta": float(eta), "b": float(b)}
