"""Rigorous real numbers whose comparisons can be undecided.

A :class:`Ball` encloses a real number (Arb, by python-flint). Arb's own comparisons are Python booleans that are False
for "no" and for "cannot tell"; those of a ball are of :class:`~qae_sim.theory.truth.Truth`, so that no check can mix
the two up. There is no ``float`` of a ball either: :attr:`Ball.middle` is for showing numbers, never for deciding.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NoReturn

from qae_sim.theory.arithmetic import arb, fmpq
from qae_sim.theory.truth import Truth, Undecided

#: What arithmetic takes beside balls.
Exact = int | Fraction


def raw(x: Any) -> Any:
    """A number as Arb knows it."""
    if isinstance(x, Ball):
        return x.arb
    return arb(fmpq(x.numerator, x.denominator)) if isinstance(x, Fraction) else x


class Ball:
    """A real number that is known to lie in an interval.

    Args:
        x: The interval, or an exact whole number.

    Example:
        >>> third = Ball(1) / 3
        >>> third * 3 == 1, third < 1, third > 1
        (<Truth.UNDECIDED: None>, <Truth.YES: True>, <Truth.NO: False>)
    """

    __slots__ = ("arb",)
    __hash__ = None  # type: ignore[assignment]  # whether two balls are one key cannot be known

    def __init__(self, x: arb | int = 0) -> None:
        self.arb = x if isinstance(x, arb) else arb(x)

    def __repr__(self) -> str:
        return f"Ball({self.arb})"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a number is no answer: {self!r} has to be compared with another one")

    def __add__(self, other: Any) -> Ball:
        return Ball(self.arb + raw(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        return Ball(self.arb - raw(other))

    def __rsub__(self, other: Any) -> Ball:
        return Ball(raw(other) - self.arb)

    def __mul__(self, other: Any) -> Ball:
        return Ball(self.arb * raw(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        return Ball(self.arb / raw(other))

    def __rtruediv__(self, other: Any) -> Ball:
        return Ball(raw(other) / self.arb)

    def __pow__(self, other: Any) -> Ball:
        return Ball(self.arb ** raw(other))

    def __neg__(self) -> Ball:
        return Ball(-self.arb)

    def __abs__(self) -> Ball:
        return Ball(abs(self.arb))

    def __lt__(self, other: Any) -> Truth:
        return compared(self.arb, raw(other))

    def __gt__(self, other: Any) -> Truth:
        return compared(raw(other), self.arb)

    def __le__(self, other: Any) -> Truth:
        return ~compared(raw(other), self.arb)

    def __ge__(self, other: Any) -> Truth:
        return ~compared(self.arb, raw(other))

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        one, two = self.arb, raw(other)
        if bool(one == two):
            return Truth.YES
        return Truth.NO if bool(one < two) or bool(one > two) else Truth.UNDECIDED

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        return ~(self == other)

    @property
    def middle(self) -> float:
        """The middle of the interval as a float, to be shown."""
        return float(self.arb.mid())

    @property
    def radius(self) -> float:
        """Half the width of the interval, to be shown."""
        return float(self.arb.rad())

    def exact_middle(self) -> Fraction:
        """The exact rational value of the middle.

        Raises:
            Undecided: Nothing is known about the number.
        """
        if not self.arb.is_finite():
            raise Undecided("an interval without bounds has no middle")
        mantissa, exponent = self.arb.mid().man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

    def lower(self) -> Ball:
        """The lower end."""
        return Ball(self.arb.lower())

    def upper(self) -> Ball:
        """The upper end."""
        return Ball(self.arb.upper())

    def contains(self, x: Any) -> bool:
        """Whether the interval contains another number's."""
        return bool(self.arb.contains(raw(x)))

    def union(self, other: Ball) -> Ball:
        """The smallest ball with both."""
        return Ball(self.arb.union(other.arb))

    def nonnegative_part(self) -> Ball:
        """What of the interval is not below 0, for numbers that are known not to be."""
        return Ball(self.arb.nonnegative_part())

    def exp(self) -> Ball:
        """Exponential."""
        return Ball(self.arb.exp())

    def log(self) -> Ball:
        """Natural logarithm."""
        return Ball(self.arb.log())

    def sqrt(self) -> Ball:
        """Square root."""
        return Ball(self.arb.sqrt())

    def sinh(self) -> Ball:
        """Hyperbolic sine."""
        return Ball(self.arb.sinh())

    def tanh(self) -> Ball:
        """Hyperbolic tangent."""
        return Ball(self.arb.tanh())

    def asin(self) -> Ball:
        """Arcus sine."""
        return Ball(self.arb.asin())

    def erfc(self) -> Ball:
        """Complementary error function."""
        return Ball(self.arb.erfc())

    def digamma(self) -> Ball:
        """Derivative of the logarithm of the gamma function."""
        return Ball(self.arb.digamma())

    def lgamma(self) -> Ball:
        """Logarithm of the gamma function."""
        return Ball(self.arb.lgamma())


def compared(one: Any, two: Any) -> Truth:
    """Whether one is below two. Arb says True only if that is so of all members; NaN is below nothing."""
    if bool(one < two):
        return Truth.YES
    return Truth.NO if bool(one >= two) else Truth.UNDECIDED


def total(balls: Iterable[Any]) -> Ball:
    """Sum of balls, 0 if there are none."""
    return sum(balls, Ball(0))


def smallest(balls: Iterable[Ball]) -> Ball:
    """A ball that contains the least of some numbers, which need not be comparable."""
    found: arb | None = None
    for ball in balls:
        found = ball.arb if found is None else found.min(ball.arb)
    if found is None:
        raise ValueError("balls must be at least one; got none")
    return Ball(found)


def greatest(balls: Iterable[Ball]) -> Ball:
    """A ball that contains the greatest of some numbers, which need not be comparable."""
    return -smallest(-ball for ball in balls)
