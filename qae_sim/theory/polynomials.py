"""Exact polynomials: signs and roots on an interval, proved by counting sign changes of integer coefficients.

By Descartes' rule of signs a polynomial p of degree n has no root in an open interval (a, b) if the coefficients of
(1 + t)ⁿ p((a + bt)/(1 + t)) do not change their sign, and exactly one if they change it once. Cutting the interval in
halves settles everything else (Vincent, Collins and Akritas). All arithmetic is in integers: nothing is rounded.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.theory.arithmetic import Ordering, fmpq, fmpq_mpoly_ctx, fmpq_poly, fmpz, fmpz_poly

#: x itself, and 1 - x.
X, Y = fmpz_poly([0, 1]), fmpz_poly([1, -1])


def rational(value: Fraction | int | str) -> fmpq:
    """A rational number for python-flint; text such as ``"0.4"`` or ``"2/5"`` is taken at its word."""
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def real_roots(
    polynomial: fmpz_poly, low: Fraction | int | str, high: Fraction | int | str, *, width: Fraction | None = None
) -> list[tuple[Fraction, Fraction]]:
    """Isolate all real roots in an open interval.

    Args:
        polynomial: With integer coefficients, not zero.
        low: Lower end, exact.
        high: Upper end, exact.
        width: Largest width of an isolating interval; None: as wide as it comes out.

    Returns:
        Intervals in ascending order, each with one root inside; equal ends where the root itself is rational and was
        met. A root of any multiplicity counts once.

    Raises:
        ValueError: The polynomial is zero, or the ends are swapped.

    Example:
        >>> real_roots(X**2 - 2, 0, 2, width=Fraction(1, 100))[0]
        (Fraction(181, 128), Fraction(91, 64))
    """
    if polynomial.is_zero():
        raise invalid("polynomial", 0, "not zero: every number is a root of zero")
    a, b = Fraction(low), Fraction(high)
    if a >= b:
        raise invalid("low", str(a), f"below high, which is {b}")
    # Around a root of multiplicity m there are m sign changes however short the interval is: it would be cut for ever.
    # The polynomial over its common divisor with its derivative has the same roots, each of them once.
    squarefree = _primitive(fmpq_poly(polynomial) / fmpq_poly(polynomial).gcd(fmpq_poly(polynomial.derivative())))
    found, todo = [], [(a, b)]
    while todo:
        one, other = todo.pop()
        changes = _sign_changes(squarefree, one, other)
        if changes == 0:
            continue
        if changes == 1 and (width is None or other - one <= width):
            found.append((one, other))
            continue
        middle = (one + other) / 2
        # The halves are open, so that a root in the middle belongs to neither.
        if squarefree(rational(middle)) == 0:
            found.append((middle, middle))
        todo += [(one, middle), (middle, other)]
    return sorted(found)


def sign_between(polynomial: fmpz_poly, low: Fraction | int | str, high: Fraction | int | str) -> int | None:
    """The sign that a polynomial has everywhere inside an open interval.

    Args:
        polynomial: With integer coefficients.
        low: Lower end, exact.
        high: Upper end, exact.

    Returns:
        1 or -1; 0 if the polynomial is zero; None if it has a root inside.

    Raises:
        ValueError: The ends are swapped.

    Example:
        >>> sign_between(X * Y, 0, 1), sign_between(1 - 2 * X, 0, 1)
        (1, None)
    """
    if polynomial.is_zero():
        return 0
    if real_roots(polynomial, low, high):
        return None
    # Without a root the sign cannot change (intermediate values), so that one point tells it.
    middle = polynomial(rational((Fraction(low) + Fraction(high)) / 2))
    return 1 if middle > 0 else -1


def _primitive(polynomial: fmpq_poly) -> fmpz_poly:
    """The integer polynomial with the same roots."""
    return polynomial.numer()


def _sign_changes(polynomial: fmpz_poly, low: Fraction, high: Fraction) -> int:
    """Sign changes of the coefficients of (1 + t)ⁿ p((low + high·t)/(1 + t))."""
    moved = fmpq_poly(polynomial)(fmpq_poly([rational(low), rational(high - low)]))  # roots of interest in (0, 1)
    reversed_ = fmpz_poly(list(reversed(_padded(moved, polynomial.degree()))))  # ... in (1, ∞)
    shifted = reversed_(fmpz_poly([1, 1]))  # ... in (0, ∞)
    # Zeros do not count as changes in Descartes' rule.
    signs = [coefficient > 0 for coefficient in shifted.coeffs() if coefficient != 0]
    return sum(one != other for one, other in pairwise(signs))


def _padded(polynomial: fmpq_poly, degree: int) -> list[fmpz | int]:
    """Integer coefficients up to a degree, of a multiple of the polynomial."""
    coefficients = polynomial.numer().coeffs()
    return [*coefficients, *[0] * (degree + 1 - len(coefficients))]


def ring(*names: str) -> tuple[Any, ...]:
    """Generators of the polynomials with rational coefficients in these variables."""
    return fmpq_mpoly_ctx.get(names, Ordering.lex).gens()


def value_at(polynomial: fmpz_poly, p: Fraction) -> Fraction:
    """Exact value of a polynomial."""
    value = polynomial(rational(p))
    return Fraction(int(value.numerator), int(value.denominator))
