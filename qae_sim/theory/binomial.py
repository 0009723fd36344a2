"""The binomial law, exactly: probabilities as rational numbers, intervals, or polynomials in the success rate."""

from __future__ import annotations

from functools import cache
from math import comb
from typing import Any

from qae_sim.theory.arithmetic import fmpz_poly
from qae_sim.theory.polynomials import X, Y


def binomial_probability(successes: int, trials: int, p: Any) -> Any:
    """C(n, m) p^m (1-p)^{n-m}, the probability of m successes in n independent trials.

    Args:
        successes: m, 0..n.
        trials: n.
        p: Success rate: a fraction, an interval, or a polynomial.

    Returns:
        The probability, of the type of ``p``.

    Example:
        >>> from fractions import Fraction
        >>> binomial_probability(1, 3, Fraction(1, 2))
        Fraction(3, 8)
    """
    return comb(trials, successes) * p**successes * (1 - p) ** (trials - successes)


def binomial_probabilities(p: Any, trials: int) -> list[Any]:
    """The probabilities of 0..n successes, see :func:`binomial_probability`."""
    return [binomial_probability(successes, trials, p) for successes in range(trials + 1)]


@cache
def failures(trials: int) -> fmpz_poly:
    """(1-p)^n, the probability of n failures, as a polynomial in p."""
    return Y**trials


def binomial_term(trials: int, successes: int) -> fmpz_poly:
    """The probability of m successes in n trials as a polynomial in p."""
    term: fmpz_poly = binomial_probability(successes, trials, X)
    return term


def mixed(g: int) -> fmpz_poly:
    """A(p) = 1 - (1-p)^G - p^G, the chance that a group has successes and failures, as a polynomial in p."""
    return 1 - failures(g) - X**g
