"""Rigorous numbers: every value is an interval that is known to contain the true one (Arb, by python-flint)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any

from flint import acb, arb, arb_poly, ctx

from qae_sim.arrays import invalid
from qae_sim.theory.polynomials import rational

#: Numbers that are known exactly; text such as "0.4" is taken at its word, a float at its binary value.
Exact = Fraction | int | str | float


def number(value: Exact) -> arb:
    """An exact number, enclosed to the working precision."""
    return arb(rational(Fraction(value)))


def interval(low: Exact, high: Exact) -> arb:
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
        >>> bool(box.contains(number("0.1"))), bool(box > 0)
        (True, True)
    """
    if Fraction(low) > Fraction(high):
        raise invalid("low", str(low), f"at most high, which is {high}")
    return number(low).union(number(high))


def fraction_of(x: arb) -> Fraction:
    """The exact rational value of an interval's midpoint."""
    mantissa, exponent = x.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def digits(x: arb, count: int = 15) -> str:
    """Decimal text with as many digits as are certain, ``count`` at most."""
    return x.str(count, radius=False)


#: Pieces of an interval that :func:`largest` keeps at most.
_MOST_PIECES = 20_000


@dataclass(frozen=True)
class Proof:
    """What became of an attempt to prove an inequality over a box.

    Attributes:
        holds: True where every sub-box proves it, False where a point contradicts it, None where neither came about.
        margin: The smallest lower bound over the sub-boxes, as a number; negative at a counterexample.
        point: The counterexample, or a point of the sub-box that stayed undecided; empty if it holds.
        boxes: How many sub-boxes were looked at.
    """

    holds: bool | None
    margin: float
    point: tuple[Fraction, ...]
    boxes: int


def prove_positive(
    f: Callable[..., arb],
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
        True
        >>> proof = prove_positive(lambda x: x * x - x + number("0.24"), (0, 1))
        >>> proof.holds, proof.point
        (False, (Fraction(1, 2),))
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
            value = f(*(interval(low, high) for low, high in box))
            # A comparison of intervals is true if it is true of all their members: this proves f > 0 on the whole box.
            # Rounding only widens intervals, so that too few bits leave a box undecided and never prove it wrongly.
            if value > 0:
                margin = min(margin, float(value.lower()))
                continue
            middle = tuple((low + high) / 2 for low, high in box)
            at_middle = f(*(number(x) for x in middle))
            # That f(box) reaches below 0 refutes nothing, because the enclosure is too wide; a single point can.
            if at_middle <= 0:
                return Proof(False, float(at_middle.upper()), middle, boxes)
            # Cut the side that has been cut least, in units of its whole length.
            shares = [(end - start) / (whole or 1) for (start, end), whole in zip(box, lengths, strict=True)]
            widest = shares.index(max(shares))
            if boxes >= max_boxes or shares[widest] == 0:
                return Proof(None, float("nan"), middle, boxes)
            start, end = box[widest]
            halves = ((start, middle[widest]), (middle[widest], end))
            todo += [(*box[:widest], half, *box[widest + 1 :]) for half in halves]
    return Proof(True, margin, (), boxes)


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
        True
        >>> prove_polynomial_positive(arb_poly([1, -2, 0.5]), 0, 1).holds
        False
    """
    interval(low, high)
    degree = max(polynomial.degree(), 0)
    todo, margin, boxes = [(Fraction(low), Fraction(high))], float("inf"), 0
    while todo:
        one, other = todo.pop()
        boxes += 1
        moved = polynomial(arb_poly([number(one), number(other - one)]))  # the interval becomes [0, 1]
        # (1 + t)^n p(1/(1 + t)) has the coefficients C(n, i)·β_{n-i}.
        shifted = arb_poly(list(reversed([moved[i] for i in range(degree + 1)])))(arb_poly([1, 1]))
        smallest = min((shifted[i] / comb(degree, i) for i in range(degree + 1)), key=lambda x: float(x.lower()))
        if smallest > 0:
            margin = min(margin, float(smallest.lower()))
            continue
        for point in (one, (one + other) / 2, other):
            value = polynomial(number(point))
            if value <= 0:
                return Proof(False, float(value.upper()), (point,), boxes)
        if boxes >= max_boxes or one == other:
            return Proof(None, float("nan"), ((one + other) / 2,), boxes)
        todo += [(one, (one + other) / 2), ((one + other) / 2, other)]
    return Proof(True, margin, (), boxes)


def largest(f: Callable[[arb], arb], low: Exact, high: Exact, *, tolerance: float, precision: int = 64) -> arb:
    """Enclose the largest value of a function of one variable on a closed interval.

    Args:
        f: Takes an interval and gives an interval that contains all of f's values there.
        low: Lower end.
        high: Upper end.
        tolerance: Width of the enclosure at which to stop; where it cannot be reached, the enclosure is wider.
        precision: Bits to work with.

    Returns:
        An interval that contains the maximum.

    Raises:
        ValueError: The ends are swapped.

    Example:
        >>> bool(largest(lambda x: x * (1 - x), 0, 1, tolerance=1e-9).contains(number("0.25")))
        True
    """
    with ctx.workprec(precision):
        interval(low, high)
        todo = [(Fraction(low), Fraction(high))]
        # Branch and bound: values at points are lower bounds of the maximum, enclosures over pieces are upper ones.
        best = upper = f(number(low)).lower()
        for _ in range(precision):  # narrower pieces than this cannot be told apart
            halves = []
            for one, other in todo:
                middle = (one + other) / 2
                at = f(number(middle)).lower()
                best = at if at > best else best
                halves += [(one, middle), (middle, other)]
            uppers = [(half, f(interval(*half)).upper()) for half in halves]
            # The maximum is in a piece that may reach as high as the best point.
            kept = [(half, top) for half, top in uppers if not top < best]
            todo = [half for half, _ in kept]
            upper = max((top for _, top in kept), key=float)
            if float(upper) - float(best) <= tolerance or len(todo) > _MOST_PIECES:
                break
        return best.union(upper)


def integral(f: Callable[[acb], acb], low: Exact | arb, high: Exact | arb) -> arb:
    """Enclose the integral of an analytic function of one variable over an interval.

    Args:
        f: Takes a complex interval and gives a complex interval, analytic around the interval of integration.
        low: Lower end.
        high: Upper end.

    Returns:
        An interval that contains the integral.

    Example:
        >>> bool(integral(lambda x: x * x, 0, 1).contains(arb(1) / 3))
        True
    """
    one, other = (end if isinstance(end, arb) else number(end) for end in (low, high))
    return acb.integral(lambda x, analytic: f(x), one, other).real


def x_log_x(x: arb) -> arb:
    """The function x·log x for x >= 0, with 0·log 0 = 0; sharp on wide intervals, where the product of two is not.

    The function falls to -1/e at 1/e and rises from there.

    Args:
        x: An interval within [0, ∞) up to rounding.

    Returns:
        An interval that contains all values.
    """
    # Multiplying the two intervals would pair the smallest x with the largest logarithm.
    low, high = x.lower(), x.upper()
    ends = [end * end.log() if end > 0 else arb(0) for end in (low, high)]
    value = ends[0].union(ends[1])
    turn = arb(-1).exp()
    return value.union(-turn) if not (low > turn or high < turn) else value


def entropy(pi: Sequence[arb]) -> arb:
    """Entropy of a distribution, -Σ π log π."""
    return -sum((x_log_x(x) for x in pi), arb(0))


def softmax(logits: Sequence[Any]) -> list[arb]:
    """Probabilities of a softmax policy, by the differences of its logits: 1 / Σ_b exp(z_b - z_a)."""
    return [1 / sum(((arb(other) - arb(one)).exp() for other in logits), arb(0)) for one in logits]


def covariance(pi: Sequence[arb], x: Sequence[arb], y: Sequence[arb]) -> arb:
    """Covariance of two quantities of the arms, Σ π x y - (Σ π x)(Σ π y), by deviations from the mean of x."""
    mean = sum((p * a for p, a in zip(pi, x, strict=True)), arb(0))
    return sum((p * (a - mean) * b for p, a, b in zip(pi, x, y, strict=True)), arb(0))
