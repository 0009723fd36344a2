"""How well an anchor knows a capability that is seen through batches of right and wrong responses.

The noise of a batch is neither normal nor of one variance: given the capability c its variance is c(1-c)/B. Where the
gains do not depend on the accuracies, the mean squared error needs the mean of that variance alone; where they do, as
the soft anchor's, it takes an enumeration of all batches.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction
from itertools import product
from typing import TypeVar

from qae_sim.advantages import HardAnchor, SoftAnchor
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.binomial import binomial_probabilities
from qae_sim.theory.certified import number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.anchor import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all

State = TypeVar("State", bound=Hashable)
HALF = Fraction(1, 2)


def walks(steps: int, width: Fraction) -> list[list[Fraction]]:
    """All walks of a capability from 1/2 by equally likely steps up and down."""
    found = []
    for signs in product((-1, 1), repeat=steps):
        walk = [HALF]
        for sign in signs:
            walk.append(walk[-1] + sign * width)
        found.append(walk)
    return found


def walked_error(gains: list[Fraction], responses: int, width: Fraction) -> Fraction:
    """E(C - c)² before the batch that follows, over all walks and batches; a batch's capability moves after it."""
    error = Fraction(0)
    paths = walks(len(gains), width)
    for walk in paths:
        beliefs = {HALF: Fraction(1)}
        for c, gain in zip(walk, gains, strict=False):
            chances: list[Fraction] = binomial_probabilities(c, responses)
            after: dict[Fraction, Fraction] = {}
            for belief, weight in beliefs.items():
                for k, chance in enumerate(chances):
                    moved = belief + gain * (Fraction(k, responses) - belief)
                    after[moved] = after.get(moved, Fraction(0)) + weight * chance
            beliefs = after
        error += sum((weight * (belief - walk[-1]) ** 2 for belief, weight in beliefs.items()), Fraction(0))
    return error / len(paths)


def noise(t: int, responses: int, q: Fraction, averaged: bool = True) -> Fraction:
    """Mean variance of batch t's accuracy, E[c(1-c)]/B with E c = 1/2 and E c² = 1/4 + t·q; or at the mean of c."""
    return (Fraction(1, 4) - (t * q if averaged else 0)) / responses


@claim(
    "anchor.bernoulli-noise",
    paper=PAPER,
    equation="Eqs. 7 and 8 with gains that do not depend on the accuracies",
    statement="Under batches of B right or wrong responses a fixed gain, a window and the Kalman filter have exactly "
    "the mean squared errors of white noise of the variance R = E[c(1-c)]/B.",
    latex=r"V^+ = (1-g_t)^2 V + g_t^2\,\frac{\mathbb E[c_t(1-c_t)]}{B} + q",
    assumptions=("independent responses given c", "steps of c of mean 0 and variance q, given its past"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the noise at the mean capability, E[c](1 - E[c])/B", {"averaged": False}, Verdict.REFUTED),),
)
def bernoulli_noise(quick: bool, *, averaged: bool = True) -> CheckOutcome:
    """One step by second moments; and all walks of three steps with all batches of two responses, exactly."""
    e, g, r, q, c = ring("e", "g", "R", "q", "c")
    # (1-g)e + gε - w: the products of e, ε and w have the mean 0; and c(1-c) is the variance of one response.
    v = (1 - g) ** 2 * e**2 + g**2 * r + q
    best = (e**2 + r) * (v - q) == e**2 * r + (g * (e**2 + r) - e**2) ** 2  # so that g = P/(P + R) is the best gain
    one = c * (1 - c) ** 2 + (1 - c) * c**2 == c * (1 - c)
    responses, width = 2, Fraction(1, 8)
    step = width**2
    kalman, p = [], Fraction(0)  # the start, c = 1/2, is known
    for t in range(3):
        kalman.append(p / (p + noise(t, responses, step, averaged)))
        p = (1 - kalman[-1]) * p + step
    plans = {"fixed gain 1/3": [Fraction(1, 3)] * 3, "window 3": [Fraction(1), HALF, Fraction(1, 3)], "Kalman": kalman}
    shown, found = {}, None
    for name, gains in plans.items():
        expected = Fraction(0)
        for t, gain in enumerate(gains):
            expected = (1 - gain) ** 2 * expected + gain**2 * noise(t, responses, step, averaged) + step
        exact = walked_error(gains, responses, width)
        shown[name] = str(exact)
        if found is None and exact != expected:
            found = {"rule": name, "exact": str(exact), "by the formula": str(expected)}
    window = HardAnchor(window=3).after(1.0, 2, 2).after(0.5, 2, 2).after(0.0, 2, 2)
    return conclude(
        Evidence(
            "a response has the variance c(1-c); and with P for e² the error after the batch, times P + R, is "
            "PR + (g(P + R) - P)²",
            "every gain, c, R and q",
            Method.SYMBOLIC,
            bool(best and one),
        ),
        Evidence(
            "the mean squared error over all walks and batches is that of the recursion",
            "B = 2, c = 1/2 ± 1/8 ± 1/8 ± 1/8, three batches: fixed gain, window, Kalman",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=averaged,
            figures={"mean squared error": shown},
        ),
        Evidence("HardAnchor's belief is the mean of its window", "h = 3", Method.FLOATS, window.belief == 0.5),
    )


def constant_error(
    first: State,
    step: Callable[[State, Fraction], State],
    belief: Callable[[State], Fraction],
    p: Fraction,
    b: int,
    t: int,
) -> Fraction:
    """E(C - p)² after t batches of b responses at a constant capability, over all batches."""
    chances: list[Fraction] = binomial_probabilities(p, b)
    states = {first: Fraction(1)}
    for _ in range(t):
        after: dict[State, Fraction] = {}
        for state, weight in states.items():
            for k, chance in enumerate(chances):
                moved = step(state, Fraction(k, b))
                after[moved] = after.get(moved, Fraction(0)) + weight * chance
        states = after
    return sum((weight * (belief(state) - p) ** 2 for state, weight in states.items()), Fraction(0))


def soft_step(state: tuple[Fraction, Fraction, int], y: Fraction) -> tuple[Fraction, Fraction, int]:
    """The soft anchor of window 2 at η = 1: the belief before, the belief, batches so far; the first one sets it."""
    before, belief, count = state
    gain = Fraction(1) if count == 0 else abs(belief - before) / 2
    return belief, belief + gain * (y - belief), 1


def mean_step(state: tuple[Fraction, Fraction, int], y: Fraction) -> tuple[Fraction, Fraction, int]:
    """The mean of all batches."""
    _, belief, count = state
    return belief, (count * belief + y) / (count + 1), count + 1


@claim(
    "anchor.constant-capability",
    paper=PAPER,
    equation="Eqs. 8 and 134 at a constant capability",
    statement="At a constant capability p a window of h batches has the mean squared error p(1-p)/(hB), and after t "
    "batches a fixed gain g has (1-g)^(2t)(C₀-p)² + g(1-(1-g)^(2t))/(2-g)·p(1-p)/B.",
    latex=r"\mathbb E(C_t - p)^2 = (1-g)^{2t}(C_0-p)^2 + \frac{g\,(1-(1-g)^{2t})}{2-g}\cdot\frac{p(1-p)}{B}",
    assumptions=("independent responses of success rate p",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("(1-g)^t in the place of (1-g)^(2t)", {"power": 1}, Verdict.REFUTED),),
)
def constant_capability(quick: bool, *, power: int = 2) -> CheckOutcome:
    """The formulas satisfy the recursion; and all batches enumerated."""
    a, g, d, r, h = ring("a", "g", "d", "R", "h")  # a = (1-g)^(2t), d = (C₀ - p)²
    now, then = a, (1 - g) ** power * a
    # V_t times 2 - g, and V⁺ = (1-g)²V + g²R
    fixed = [(2 - g) * x * d + g * (1 - x) * r for x in (now, then)]
    recursion = fixed[1] == (1 - g) ** 2 * fixed[0] + (2 - g) * g**2 * r
    window = h * r == h**2 * r - h * (h - 1) * r  # h noises over h², times h²
    found = None
    for b, t, gain, p in product((1, 3), (1, 2, 3), (Fraction(1, 3), HALF), (Fraction(1, 5), HALF)):
        start = Fraction(3, 4)

        def moved(state: Fraction, y: Fraction, gain: Fraction = gain) -> Fraction:
            return state + gain * (y - state)

        exact = constant_error(start, moved, lambda state: state, p, b, t)
        share = (1 - gain) ** (power * t)
        stated = share * (start - p) ** 2 + gain * (1 - share) / (2 - gain) * p * (1 - p) / b
        if found is None and exact != stated:
            found = {"g": float(gain), "B": b, "t": t, "p": float(p), "exact": str(exact), "stated": str(stated)}
    means = [
        constant_error((HALF, HALF, 0), mean_step, lambda state: state[1], p, 2, 3) == p * (1 - p) / 6
        for p in (Fraction(1, 5), HALF)
    ]
    return conclude(
        Evidence(
            "the formula is the solution of V⁺ = (1-g)²V + g²R, and h equal noises over h² are R/h",
            "every g, t, h, C₀ and p",
            Method.SYMBOLIC,
            bool(recursion and window),
            counterexample={} if recursion else {"g": 0.5, "t": 1},
        ),
        Evidence(
            "the mean squared error over all batches is that of the formula",
            "B = 1, 3; t = 1, 2, 3; g = 1/3, 1/2; p = 1/5, 1/2; C₀ = 3/4; windows of 3 batches of 2",
            Method.CASES,
            found is None and all(means),
            counterexample=found or {},
            confirms=power == 2,
        ),
    )


@claim(
    "anchor.soft-keeps-its-error",
    paper=PAPER,
    equation="Eqs. 8-12 with m = 2 at a constant capability",
    statement="At a constant capability the soft anchor of window 2, set by its first batch, keeps at least 3/2 - √2 = "
    ".0858 of the error variance of one batch for ever, where the mean of t batches has 1/t of it.",
    latex=r"\mathbb E(C_t - p)^2 \ge \big(\tfrac32 - \sqrt2\big)\frac{p(1-p)}{B}\quad\forall t",
    assumptions=(
        "independent responses of success rate p",
        "m = 2, η = 1",
        "the belief before the first batch is 1/2, and the window holds it",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the mean of twelve batches", {"rule": "mean"}, Verdict.REFUTED),),
)
def soft_keeps_its_error(quick: bool, *, rule: str = "soft") -> CheckOutcome:
    """Steps after the first batch at least halve, so that C stays within |y₂ - y₁|/2 of y₁; and exact errors.

    In the mean square |C - y₁| is at most √(2R)/2 = √R/√2, and the error at least √R - √R/√2.
    """
    d, w, x = ring("d", "w", "x")
    halves = 2 * d * (1 - w) + d * w == 2 * d - d * w  # n steps that halve add up to 2d(1 - w), w = 2^-n: one more
    square = 2 * (1 - x) ** 2 == 3 - 4 * x + (2 * x**2 - 1)  # at x = 1/√2 it is 3 - 2√2
    step, largest = (soft_step, 3) if rule == "soft" else (mean_step, 12)
    rates = [Fraction(i, 10) for i in ((1, 5) if quick else range(1, 10))]
    sizes = (1, 2, 4) if rule == "soft" else (1,)
    ratios = {
        (b, p): constant_error((HALF, HALF, 0), step, lambda state: state[1], p, b, largest) * b / (p * (1 - p))
        for b in sizes
        for p in rates
    }
    with ctx.workprec(64):
        bound = number("1.5") - number(2).sqrt()
        search = for_all(ratios, lambda case: number(ratios[case]) >= bound)
    anchor = SoftAnchor(window=2).after(0.25, 4, 4).after(0.75, 4, 4).after(1.0, 4, 4)
    state: tuple[Fraction, Fraction, int] = (HALF, HALF, 0)
    for y in (Fraction(1, 4), Fraction(3, 4), Fraction(1)):
        state = soft_step(state, y)
    return conclude(
        Evidence(
            "steps that halve add up to less than twice the first, by induction; the square of 1 - 1/√2 is 3/2 - √2",
            "every first batch, B, p and number of batches",
            Method.SYMBOLIC,
            bool(halves and square),
        ),
        Evidence(
            f"the exact mean squared error after {largest} batches is at least that",
            f"B = {', '.join(map(str, sizes))}, p = {', '.join(str(float(p)) for p in rates)}",
            Method.CASES,
            search.holds,
            counterexample={}
            if search.case is None
            else {"B": search.case[0], "p": float(search.case[1]), "error over R": float(ratios[search.case])},
            confirms=rule == "soft",
            figures={f"error over R, B = {b}, p = {float(p)}": float(ratio) for (b, p), ratio in ratios.items()},
        ),
        Evidence(
            "SoftAnchor(window=2) takes the same steps",
            "accuracies 1/4, 3/4, 1",
            Method.FLOATS,
            abs(float(anchor.belief) - float(state[1])) < 1e-15,
        ),
    )
