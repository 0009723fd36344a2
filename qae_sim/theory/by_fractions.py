"""The part of python-flint that exact fractions can stand in for, where python-flint is not: in a browser.

Polynomials in one variable are exact; a real number is an interval with rational ends, rounded outwards as Arb's are.
Whatever else is asked for, above all exponentials and logarithms, says that it needs python-flint.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal
from fractions import Fraction
from functools import reduce
from itertools import zip_longest
from operator import add, mul, sub
from typing import Any, NoReturn

fmpz, fmpq = int, Fraction


def without_flint() -> ModuleNotFoundError:
    """Make the error of a Python that lacks python-flint, which says how to get it, or where else to go."""
    where, instead = "this Python", "pip install 'qae_sim[lab]'"
    if sys.platform == "emscripten":
        where, instead = "Python in a browser", "open this lesson with `qae-sim lab`"
    return ModuleNotFoundError(f"this check needs python-flint, which {where} does not have: {instead}", name="flint")


def _waits(*about: Any, **options: Any) -> NoReturn:
    raise without_flint()


class acb:  # noqa: N801  # python-flint's name
    """Complex intervals are not given."""

    __init__ = integral = _waits


class arb_poly:  # noqa: N801  # python-flint's name
    """Nor are polynomials whose coefficients are intervals."""

    __init__ = _waits


class Ordering:
    """Orders of monomials."""

    lex = "lex"


class _Precision:
    """Bits to work with."""

    prec = 53

    @contextmanager
    def workprec(self, bits: int) -> Iterator[None]:
        """Work with so many bits inside a block."""
        before, self.prec = self.prec, bits
        try:
            yield
        finally:
            self.prec = before


ctx = _Precision()

#: Numbers that are known exactly.
_EXACT = (int, Fraction)


def _simple(value: int | Fraction) -> int | Fraction:
    """A whole number as an integer."""
    return value.numerator if value.denominator == 1 else value


class fmpq_poly:  # noqa: N801  # python-flint's name
    """A polynomial in one variable with rational coefficients, from the constant one up."""

    __slots__ = ("_coefficients",)

    def __init__(self, coefficients: Any = ()) -> None:
        if isinstance(coefficients, fmpq_poly):
            coefficients = coefficients.coeffs()
        found = [_simple(Fraction(c)) for c in (coefficients if isinstance(coefficients, list) else list(coefficients))]
        while found and found[-1] == 0:
            found.pop()
        self._coefficients = found

    def coeffs(self) -> list[int | Fraction]:
        """Its coefficients."""
        return list(self._coefficients)

    def degree(self) -> int:
        """Its degree, -1 of zero."""
        return len(self._coefficients) - 1

    def is_zero(self) -> bool:
        """Whether it is zero."""
        return not self._coefficients

    def numer(self) -> fmpq_poly:
        """The polynomial times the least common denominator of its coefficients."""
        return self * math.lcm(*(c.denominator for c in self._coefficients))

    def derivative(self) -> fmpq_poly:
        """Its derivative."""
        return fmpq_poly([place * c for place, c in enumerate(self._coefficients)][1:])

    def integral(self) -> fmpq_poly:
        """The primitive that is 0 at 0."""
        return fmpq_poly([0, *(Fraction(c) / place for place, c in enumerate(self._coefficients, 1))])

    def gcd(self, other: fmpq_poly) -> fmpq_poly:
        """The monic common divisor of highest degree."""
        one, two = self, other
        while two._coefficients:
            one, two = two, one._divided(two)[1]
        return one * (1 / Fraction(one._coefficients[-1])) if one._coefficients else one

    def _divided(self, other: fmpq_poly) -> tuple[fmpq_poly, fmpq_poly]:
        """Quotient and remainder."""
        rest, by = self.coeffs(), other._coefficients
        quotient: list[int | Fraction] = [0] * max(len(rest) - len(by) + 1, 0)
        for place in reversed(range(len(quotient))):
            factor = quotient[place] = Fraction(rest[place + len(by) - 1]) / by[-1]
            for other_place, c in enumerate(by):
                rest[place + other_place] -= factor * c
        return fmpq_poly(quotient), fmpq_poly(rest)

    def __call__(self, at: Any) -> Any:
        """Its value at a number, an interval or a polynomial."""
        value: Any = at * 0
        for c in reversed(self._coefficients):
            value = value * at + c
        return value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, fmpq_poly | int | Fraction):
            return self._coefficients == _polynomial(other)._coefficients
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as in python-flint

    def __getitem__(self, place: int) -> int | Fraction:
        return self._coefficients[place] if place < len(self._coefficients) else 0

    def __neg__(self) -> fmpq_poly:
        return self * -1

    def __add__(self, other: Any) -> fmpq_poly:
        if not isinstance(other, fmpq_poly | int | Fraction):
            return NotImplemented
        pairs = zip_longest(self._coefficients, _polynomial(other)._coefficients, fillvalue=0)
        return fmpq_poly([one + two for one, two in pairs])

    __radd__ = __add__

    def __sub__(self, other: Any) -> fmpq_poly:
        return self + -_polynomial(other)

    def __rsub__(self, other: Any) -> fmpq_poly:
        return _polynomial(other) + -self

    def __mul__(self, other: Any) -> fmpq_poly:
        if not isinstance(other, fmpq_poly | int | Fraction):
            return NotImplemented
        by = _polynomial(other)._coefficients
        product: list[int | Fraction] = [0] * max(len(self._coefficients) + len(by) - 1, 0)
        for place, c in enumerate(self._coefficients):
            if c:
                for other_place, d in enumerate(by):
                    product[place + other_place] += c * d
        return fmpq_poly(product)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> fmpq_poly:
        power: fmpq_poly = reduce(mul, [self] * exponent, fmpq_poly([1]))
        return power

    def __divmod__(self, other: Any) -> tuple[fmpq_poly, fmpq_poly]:
        return self._divided(_polynomial(other))

    def __truediv__(self, other: Any) -> fmpq_poly:
        quotient, rest = self._divided(_polynomial(other))
        if not rest.is_zero():
            raise ArithmeticError("division of polynomials is not exact")
        return quotient


fmpz_poly = fmpq_poly


def _polynomial(value: fmpq_poly | int | Fraction) -> fmpq_poly:
    """A number as a constant polynomial."""
    return value if isinstance(value, fmpq_poly) else fmpq_poly([value])


#: A monomial: the exponent of each variable.
_Monomial = tuple[int, ...]


class fmpq_mpoly:  # noqa: N801  # python-flint's name
    """A polynomial in several variables with rational coefficients."""

    __slots__ = ("_names", "_terms")

    def __init__(self, names: tuple[str, ...], terms: dict[_Monomial, int | Fraction]) -> None:
        self._names, self._terms = names, {powers: _simple(c) for powers, c in terms.items() if c}

    def to_dict(self) -> dict[_Monomial, int | Fraction]:
        """Its coefficients by monomial."""
        return dict(self._terms)

    def coeffs(self) -> list[int | Fraction]:
        """Its coefficients."""
        return list(self._terms.values())

    def is_zero(self) -> bool:
        """Whether it is zero."""
        return not self._terms

    def degrees(self) -> _Monomial:
        """Its degree in each variable."""
        return tuple(max(powers) for powers in zip(*self._terms, strict=True))

    def derivative(self, variable: str | int) -> fmpq_mpoly:
        """Its derivative by a variable, given by name or by place."""
        at = self._names.index(variable) if isinstance(variable, str) else variable
        return fmpq_mpoly(
            self._names,
            {(*of[:at], of[at] - 1, *of[at + 1 :]): c * of[at] for of, c in self._terms.items() if of[at]},
        )

    def subs(self, values: dict[str, Any]) -> fmpq_mpoly:
        """Put numbers or polynomials in the place of variables."""
        variables = fmpq_mpoly_ctx(self._names).gens()
        at = [values.get(name, variable) for name, variable in zip(self._names, variables, strict=True)]
        total = self * 0
        for powers, c in self._terms.items():
            term = self._constant(c)
            for value, power in zip(at, powers, strict=True):
                term = term * value**power
            total = total + term
        return total

    def _constant(self, value: Any) -> fmpq_mpoly:
        """A number as a constant polynomial."""
        return value if isinstance(value, fmpq_mpoly) else fmpq_mpoly_ctx(self._names).constant(value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, fmpq_mpoly | int | Fraction):
            return self._terms == self._constant(other)._terms
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as in python-flint

    def __neg__(self) -> fmpq_mpoly:
        return self * -1

    def __add__(self, other: Any) -> fmpq_mpoly:
        total = self.to_dict()
        for powers, c in self._constant(other)._terms.items():
            total[powers] = total.get(powers, 0) + c
        return fmpq_mpoly(self._names, total)

    __radd__ = __add__

    def __sub__(self, other: Any) -> fmpq_mpoly:
        return self + -self._constant(other)

    def __rsub__(self, other: Any) -> fmpq_mpoly:
        return self._constant(other) + -self

    def __mul__(self, other: Any) -> fmpq_mpoly:
        product: dict[_Monomial, int | Fraction] = {}
        by = self._constant(other)._terms.items()
        for one, c in self._terms.items():
            for two, d in by:
                powers = tuple(map(add, one, two))
                product[powers] = product.get(powers, 0) + c * d
        return fmpq_mpoly(self._names, product)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> fmpq_mpoly:
        terms = self._constant(other)._terms
        if len(terms) != 1:
            raise without_flint()
        ((by, d),) = terms.items()
        quotient: dict[_Monomial, int | Fraction] = {
            tuple(map(sub, of, by)): Fraction(c) / d for of, c in self._terms.items()
        }
        if any(min(powers) < 0 for powers in quotient):
            raise ArithmeticError("division of polynomials is not exact")
        return fmpq_mpoly(self._names, quotient)

    def __pow__(self, exponent: int) -> fmpq_mpoly:
        return reduce(mul, [self] * exponent, self._constant(1))


class fmpq_mpoly_ctx:  # noqa: N801  # python-flint's name
    """The ring of polynomials in some variables."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    @classmethod
    def get(cls, names: Iterable[str], order: str) -> fmpq_mpoly_ctx:
        """The ring; nothing that it gives depends on the order of monomials."""
        return cls(names)

    def gens(self) -> tuple[fmpq_mpoly, ...]:
        """Its variables."""
        places = range(len(self._names))
        return tuple(fmpq_mpoly(self._names, {tuple(int(i == place) for i in places): 1}) for place in places)

    def constant(self, value: int | Fraction) -> fmpq_mpoly:
        """A number as one of its members."""
        return fmpq_mpoly(self._names, {(0,) * len(self._names): value})


class arb:  # noqa: N801  # python-flint's name
    """A real number between two fractions; without bounds, where nothing is known."""

    __slots__ = ("_ends",)

    def __init__(self, value: Any = 0) -> None:
        self._ends: tuple[Fraction, Fraction] | None
        if isinstance(value, arb):
            self._ends = value._ends
        elif isinstance(value, float) and not math.isfinite(value):
            self._ends = None
        else:
            self._ends = _rounded(Fraction(value), Fraction(value))

    def __add__(self, other: Any) -> arb:
        return _of(self, other, lambda a, b, c, d: (a + c, b + d))

    __radd__ = __add__

    def __neg__(self) -> arb:
        return _between(*((-end for end in reversed(self._ends)) if self._ends else (None, None)))

    def __sub__(self, other: Any) -> arb:
        return self + -_interval(other)

    def __rsub__(self, other: Any) -> arb:
        return _interval(other) + -self

    def __mul__(self, other: Any) -> arb:
        return _of(self, other, lambda a, b, c, d: _hull(a * c, a * d, b * c, b * d))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> arb:
        return _of(self, other, lambda a, b, c, d: None if c <= 0 <= d else _hull(a / c, a / d, b / c, b / d))

    def __rtruediv__(self, other: Any) -> arb:
        return _interval(other) / self

    def __pow__(self, exponent: Any) -> arb:
        if not isinstance(exponent, int):
            raise without_flint()
        if exponent < 0:
            return 1 / self**-exponent
        if self._ends is None:
            return self
        low, high = (end**exponent for end in self._ends)
        if exponent % 2 == 0 and exponent:
            least = Fraction(0) if self._ends[0] <= 0 <= self._ends[1] else min(low, high)
            return _between(least, max(low, high))
        return _between(low, high)

    def __abs__(self) -> arb:
        if self._ends is None:
            return self
        low, high = self._ends
        return _between(
            Fraction(0) if low <= 0 <= high else min(-high if high < 0 else low, max(-low, high)), max(-low, high)
        )

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, lambda one, two: one[1] < two[0])

    def __le__(self, other: Any) -> bool:
        return self._compare(other, lambda one, two: one[1] <= two[0])

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, lambda one, two: one[0] > two[1])

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, lambda one, two: one[0] >= two[1])

    def __eq__(self, other: object) -> bool:
        return self._compare(other, lambda one, two: one[0] == one[1] == two[0] == two[1])

    __hash__ = None  # type: ignore[assignment]  # as in python-flint

    def _compare(self, other: Any, test: Any) -> bool:
        """Whether something is true of all members of both; of nothing known, nothing is."""
        two = _interval(other)
        return self._ends is not None and two._ends is not None and test(self._ends, two._ends)

    def __repr__(self) -> str:
        return f"[{self._ends[0]}, {self._ends[1]}]" if self._ends else "nan"

    def __float__(self) -> float:
        return float(sum(self._ends) / 2) if self._ends else math.nan

    def mid(self) -> arb:
        """The middle."""
        return _exactly((self._ends[0] + self._ends[1]) / 2) if self._ends else self

    def rad(self) -> arb:
        """Half the width."""
        return _exactly((self._ends[1] - self._ends[0]) / 2) if self._ends else self

    def lower(self) -> arb:
        """The lower end."""
        return _exactly(self._ends[0]) if self._ends else self

    def upper(self) -> arb:
        """The upper end."""
        return _exactly(self._ends[1]) if self._ends else self

    def is_finite(self) -> bool:
        """Whether it has bounds."""
        return self._ends is not None

    def is_nan(self) -> bool:
        """Whether nothing is known."""
        return self._ends is None

    def man_exp(self) -> tuple[int, int]:
        """The middle as a whole number times a power of two: all ends are such numbers."""
        middle = Fraction(sum(self._ends) / 2) if self._ends else Fraction(0)
        return middle.numerator, -(middle.denominator.bit_length() - 1)

    def contains(self, other: Any) -> bool:
        """Whether all members of another are members of this one."""
        if self._ends is None:
            return True
        # An exact number is taken as it is: rounded, it could stick out.
        ends = (other, other) if isinstance(other, _EXACT) else _interval(other)._ends
        return ends is not None and self._ends[0] <= ends[0] and ends[1] <= self._ends[1]

    def union(self, other: Any) -> arb:
        """The smallest interval with both."""
        return _of(self, other, lambda a, b, c, d: (min(a, c), max(b, d)))

    def min(self, other: Any) -> arb:
        """The lesser."""
        return _of(self, other, lambda a, b, c, d: (min(a, c), min(b, d)))

    def max(self, other: Any) -> arb:
        """The greater."""
        return _of(self, other, lambda a, b, c, d: (max(a, c), max(b, d)))

    def nonnegative_part(self) -> arb:
        """What of it is not below 0."""
        return self.max(0)

    def sqrt(self) -> arb:
        """Square root."""
        if self._ends is None or self._ends[0] < 0:
            return arb(math.nan)
        low, high = self._ends
        return _between(_root(low), _root(high, up=True))

    exp = log = sinh = tanh = asin = erfc = digamma = lgamma = _waits

    def str(self, digits: int, *, radius: bool) -> str:
        """Decimal text with as many digits as are certain."""
        if self._ends is None:
            return "nan"
        for count in range(digits, 0, -1):
            shown = {f"{_decimal(end, count)}" for end in self._ends}
            if len(shown) == 1:
                return shown.pop()
        return "0"


def _decimal(value: Fraction, digits: int) -> Decimal:
    """A fraction, rounded to so many digits."""
    context = Context(digits)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def _interval(value: Any) -> arb:
    """A number as an interval."""
    return value if isinstance(value, arb) else arb(value)


def _hull(*values: Fraction) -> tuple[Fraction, Fraction]:
    """The ends of some numbers."""
    return min(values), max(values)


def _of(one: arb, other: Any, ends: Any) -> arb:
    """An interval from the ends of two; without bounds where one has none, or where there are none."""
    two = _interval(other)
    if one._ends is None or two._ends is None:
        return arb(math.nan)
    found = ends(*one._ends, *two._ends)
    return _between(*found) if found else arb(math.nan)


def _between(low: Fraction | None, high: Fraction | None) -> arb:
    """The interval between two ends, rounded outwards."""
    made = arb()
    made._ends = None if low is None or high is None else _rounded(low, high)
    return made


def _exactly(value: Fraction) -> arb:
    """A dyadic number, without rounding."""
    made = arb()
    made._ends = (Fraction(value), Fraction(value))
    return made


def _rounded(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """Ends with as many bits as are worked with, not above the lower and not below the higher one."""
    return _dyadic(low), -_dyadic(-high)


def _dyadic(value: Fraction) -> Fraction:
    """The greatest number of so many bits that is not above this one."""
    shift = ctx.prec - value.numerator.bit_length() + value.denominator.bit_length()
    scaled = value * Fraction(2) ** shift
    return Fraction(math.floor(scaled)) / Fraction(2) ** shift


def _root(value: Fraction, *, up: bool = False) -> Fraction:
    """A number next to a square root: not above it, or not below it."""
    shift = ctx.prec + max(value.denominator.bit_length() - value.numerator.bit_length(), 0)
    whole = value.numerator * 4**shift
    found = math.isqrt(whole // value.denominator)
    exact = found * found * value.denominator == whole
    return Fraction(found + (up and not exact), 2**shift)
