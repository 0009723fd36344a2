"""The binomial law, exactly: probabilities as rational numbers, intervals or polynomials in p."""

from __future__ import annotations

from functools import cache
from math import comb

from flint import fmpz_poly

from qae_sim.theory.polynomials import X, Y


@cache
def failures(power: int) -> fmpz_poly:
    """(1-p)^power."""
    return Y**power


def binomial_term(g: int, k: int) -> fmpz_poly:
    """C(G, k) p^k (1-p)^{G-k}."""
    return comb(g, k) * failures(g - k).left_shift(k)


def mixed(g: int) -> fmpz_poly:
    """A(p), the chance that a group is mixed."""
    return 1 - failures(g) - X**g
