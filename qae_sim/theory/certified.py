"""Rigorous numbers: every value is an interval that is known to contain the true one (Arb, by python-flint)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.theory.arithmetic import acb, arb, arb_poly, ctx
from qae_sim.theory.ball import Ball, raw, total
from qae_sim.theory.claim import worse
from qae_sim.theory.polynomials import rational
from qae_sim.theory.truth import Truth, every

#: Numbers that are known exactly; text such as "0.4" is taken at its word, a float at its binary value.
Exact = Fraction | int | str | float


def number(value: Exact) -> Ball:
    """An exact number, enclosed to the working precision."""
    return Ball(arb(rational(Fraction(value))))


def interval(low: Exact, high: Exact) -> Ball:
    """All numbers from low to high.

    Args:
        low: Lower end.
        high: Upper end.

    Returns:
        A ball that contains both ends and all between them.

    Raises:
        ValueError: The ends are swapped.

    Example:
        >>> box = interval("0.1", "0.3")
        >>> box.contains(number("0.1")), box > 0, box > number("0.2")
        (True, <Truth.YES: True>, <Truth.UNDECIDED: None>)
    """
    if Fraction(low) > Fraction(high):
        raise invalid("low", str(low), f"at most high, which is {high}")
    return number(low).union(number(high))


def digits(x: Ball, count: int = 15) -> str:
    """Decimal text with as many digits as are certain, ``count`` at most."""
    return x.arb.str(count, radius=False)


def near(pairs: Iterable[tuple[float, Ball]], tolerance: str) -> tuple[Truth, str]:
    """Whether floats are within a tolerance of the numbers that they stand for.

    Args:
        pairs: Floats, each with the rigorous number.
        tolerance: The largest error that is allowed, as text.

    Returns:
        The answer, no for a float that is not finite; and the largest error, to be shown.
    """
    answers, worst = [], 0.0
    for ours, exact in pairs:
        if not math.isfinite(ours):
            return Truth.NO, "nan"
        gap = abs(number(ours) - exact)
        answers.append(gap < number(tolerance))
        worst = worse(worst, gap.middle)
    return every(answers), f"{worst:.1e}"


@dataclass(frozen=True)
class Proof:
    """What became of an attempt to prove an inequality over a box.

    Attributes:
        holds: Yes where every sub-box proves it, no where a point contradicts it, undecided where neither came about.
        margin: The smallest lower bound over the sub-boxes, as a number; negative at a counterexample.
        point: The counterexample, or a point of the sub-box that stayed undecided; empty if it holds.
        boxes: How many sub-boxes were looked at.
    """

    holds: Truth
    margin: float
    point: tuple[Fraction, ...]
    boxes: int


def prove_positive(
    f: Callable[..., Ball],
    *sides: tuple[Exact, Exact],
    precision: int = 64,
    max_boxes: int = 20_000,
) -> Proof:
    """Prove f > 0 on a closed box by interval arithmetic, cutting where that is not sharp enough.

    f(box) ∌ x <= 0 on every sub-box of a partition

    Args:
        f: Takes one interval for each side and gives an interval that contains all of f's values there.
        *sides: Ends of the box along each variable.
        precision: Bits to work with.
        max_boxes: Sub-boxes to look at before giving up.

    Returns:
        The proof, the counterexample, or neither: what cannot be decided is never called proved.

    Raises:
        ValueError: There is no side, or its ends are swapped, or precision or max_boxes is not positive.

    Example:
        >>> prove_positive(lambda x: x * x - x + 1, (0, 1)).holds
        <Truth.YES: True>
        >>> proof = prove_positive(lambda x: x * x - x + number("0.24"), (0, 1))
        >>> proof.holds, proof.point
        (<Truth.NO: False>, (Fraction(1, 2),))
    """
    if not sides:
        raise invalid("sides", sides, "at least one pair of ends")
    for name, count in (("precision", precision), ("max_boxes", max_boxes)):
        if count < 1:
            raise invalid(name, count, "at least 1")
    with ctx.workprec(precision):
        for one, other in sides:
            interval(one, other)
        todo = [tuple((Fraction(low), Fraction(high)) for low, high in sides)]
        lengths = [high - low for low, high in todo[0]]
        margin, boxes = float("inf"), 0
        while todo:
            box = todo.pop()
            boxes += 1
            value = raw(f(*(interval(low, high) for low, high in box)))
            # A comparison of intervals is true if it is true of all their members: this proves f > 0 on the whole box.
            # Rounding only widens intervals, so that too few bits leave a box undecided and never prove it wrongly.
            if value > 0:
                margin = min(margin, float(value.lower()))
                continue
            middle = tuple((low + high) / 2 for low, high in box)
            at_middle = raw(f(*(number(x) for x in middle)))
            # That f(box) reaches below 0 refutes nothing, because the enclosure is too wide; a single point can.
            if at_middle <= 0:
                return Proof(Truth.NO, float(at_middle.upper()), middle, boxes)
            # Cut the side that has been cut least, in units of its whole length.
            shares = [(end - start) / (whole or 1) for (start, end), whole in zip(box, lengths, strict=True)]
            widest = shares.index(max(shares))
            if boxes >= max_boxes or shares[widest] == 0:
                return Proof(Truth.UNDECIDED, float("nan"), middle, boxes)
            start, end = box[widest]
            halves = ((start, middle[widest]), (middle[widest], end))
            todo += [(*box[:widest], half, *box[widest + 1 :]) for half in halves]
    return Proof(Truth.YES, margin, (), boxes)


def prove_polynomial_positive(polynomial: arb_poly, low: Exact, high: Exact, *, max_boxes: int = 2000) -> Proof:
    """Prove that a polynomial is positive on a closed interval, by the signs of its Bernstein coefficients.

    A polynomial of degree n with Bernstein coefficients above 0 on an interval is positive there; halving the interval
    makes the coefficients close in on the values quadratically, where evaluation on an interval does so linearly.

    Args:
        polynomial: Its coefficients may be intervals; it is taken at the working precision in force.
        low: Lower end.
        high: Upper end.
        max_boxes: Sub-intervals to look at before giving up.

    Returns:
        As :func:`prove_positive`; the margin is the smallest Bernstein coefficient.

    Raises:
        ValueError: The ends are swapped.

    Example:
        >>> prove_polynomial_positive(arb_poly([1, -2, 1.01]), 0, 1).holds
        <Truth.YES: True>
        >>> prove_polynomial_positive(arb_poly([1, -2, 0.5]), 0, 1).holds
        <Truth.NO: False>
    """
    interval(low, high)
    degree = max(polynomial.degree(), 0)
    todo, margin, boxes = [(Fraction(low), Fraction(high))], float("inf"), 0
    while todo:
        one, other = todo.pop()
        boxes += 1
        moved = polynomial(arb_poly([number(one).arb, number(other - one).arb]))  # the interval becomes [0, 1]
        # (1 + t)^n p(1/(1 + t)) has the coefficients C(n, i)·β_{n-i}.
        shifted = arb_poly(list(reversed([moved[i] for i in range(degree + 1)])))(arb_poly([1, 1]))
        coefficients = [shifted[i] / comb(degree, i) for i in range(degree + 1)]
        if all(coefficient > 0 for coefficient in coefficients):
            margin = min(margin, *(float(coefficient.lower()) for coefficient in coefficients))
            continue
        for point in (one, (one + other) / 2, other):
            value = polynomial(number(point).arb)
            if value <= 0:
                return Proof(Truth.NO, float(value.upper()), (point,), boxes)
        if boxes >= max_boxes or one == other:
            return Proof(Truth.UNDECIDED, float("nan"), ((one + other) / 2,), boxes)
        todo += [(one, (one + other) / 2), ((one + other) / 2, other)]
    return Proof(Truth.YES, margin, (), boxes)


def largest(
    f: Callable[[Ball], Ball], low: Exact, high: Exact, *, tolerance: float, precision: int = 64, pieces: int = 20_000
) -> Ball:
    """Enclose the largest value of a function of one variable on a closed interval.

    Args:
        f: Takes an interval and gives an interval that contains all of f's values there.
        low: Lower end.
        high: Upper end.
        tolerance: Width of the enclosure at which to stop; where it cannot be reached, the enclosure is wider.
        precision: Bits to work with.
        pieces: Pieces of the interval to keep at most.

    Returns:
        An interval that contains the maximum.

    Raises:
        ValueError: The ends are swapped.

    Example:
        >>> largest(lambda x: x * (1 - x), 0, 1, tolerance=1e-9).contains(number("0.25"))
        True
    """
    with ctx.workprec(precision):
        interval(low, high)
        todo = [(Fraction(low), Fraction(high))]
        # Branch and bound: values at points are lower bounds of the maximum, enclosures over pieces are upper ones.
        best = upper = raw(f(number(low))).lower()
        for _ in range(precision):  # narrower pieces than this cannot be told apart
            halves = []
            for one, other in todo:
                middle = (one + other) / 2
                at = raw(f(number(middle))).lower()
                best = at if at > best or best.is_nan() else best
                halves += [(one, middle), (middle, other)]
            uppers = [(half, raw(f(interval(*half))).upper()) for half in halves]
            # The maximum is in a piece that may reach as high as the best point.
            kept = [(half, top) for half, top in uppers if not top < best]
            todo = [half for half, _ in kept]
            upper = kept[0][1]
            for _, top in kept:
                upper = upper.max(top)  # NaN if one is: then nothing is known
            if float(upper) - float(best) <= tolerance or len(todo) > pieces:
                break
        return Ball(best.union(upper))


def integral(f: Callable[[acb], acb], low: Exact | Ball, high: Exact | Ball) -> Ball:
    """Enclose the integral of a meromorphic function of one variable over an interval.

    Args:
        f: Takes a complex interval and gives a complex interval. It must have no branch cut, such as that of a root or
            a logarithm, near the interval of integration; at a pole of its own the enclosure is without bounds.
        low: Lower end.
        high: Upper end.

    Returns:
        An interval that contains the integral.

    Example:
        >>> integral(lambda x: x * x, 0, 1).contains(number("1/3"))
        True
    """
    one, other = (raw(end) if isinstance(end, Ball) else raw(number(end)) for end in (low, high))
    return Ball(acb.integral(lambda x, analytic: f(x), one, other).real)


def x_log_x(x: Ball) -> Ball:
    """The function x·log x for x >= 0, with 0·log 0 = 0; sharp on wide intervals, where the product of two is not.

    The function falls to -1/e at 1/e and rises from there.

    Args:
        x: An interval within [0, ∞) up to rounding.

    Returns:
        An interval that contains all values.
    """
    if not x.arb.is_finite():
        return Ball(arb.nan())
    # Multiplying the two intervals would pair the smallest x with the largest logarithm.
    low, high = x.arb.lower(), x.arb.upper()
    ends = [end * end.log() if end > 0 else arb(0) for end in (low, high)]
    value = ends[0].union(ends[1])
    turn = arb(-1).exp()
    return Ball(value.union(-turn) if not (low > turn or high < turn) else value)


def entropy(pi: Sequence[Ball]) -> Ball:
    """Entropy of a distribution, -Σ π log π."""
    return -total(x_log_x(x) for x in pi)


def softmax(logits: Sequence[Any]) -> list[Ball]:
    """Probabilities of a softmax policy, by the differences of its logits: 1 / Σ_b exp(z_b - z_a)."""
    balls = [raw(logit) for logit in logits]
    return [Ball(1 / sum(((arb(other) - arb(one)).exp() for other in balls), arb(0))) for one in balls]


def covariance(pi: Sequence[Ball], x: Sequence[Ball], y: Sequence[Ball]) -> Ball:
    """Covariance of two quantities of the arms, Σ π x y - (Σ π x)(Σ π y), by deviations from the mean of x."""
    mean = total(p * a for p, a in zip(pi, x, strict=True))
    return total(p * (a - mean) * b for p, a, b in zip(pi, x, y, strict=True))
