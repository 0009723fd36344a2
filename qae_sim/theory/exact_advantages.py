"""Advantages of one group in exact arithmetic, and the speed at which they move a softmax bandit.

With binary rewards, n of G of them 1, an advantage at ε = 0 is a rational number over the square root of another one.
It is kept as its sign and its square, which are rational: equal advantages then compare as equal, without rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import product

from qae_sim.theory.arithmetic import arb_poly, ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.binomial import binomial_probabilities, binomial_term
from qae_sim.theory.certified import number

#: A coefficient: its sign, and its square.
Root = tuple[int, Fraction]
ZERO: Root = (0, Fraction(0))


def root(sign: int, square: Fraction) -> Root:
    """The coefficient sign·√square."""
    return (sign if square else 0, square)


def binary_variance(n: int, g: int, ddof: int = 0) -> Fraction:
    """Variance of a group's binary rewards, divided by G - ddof."""
    return Fraction(n * (g - n), g * (g - ddof))


def advantages(name: str, n: int, g: int, k: Fraction, ddof: int = 0) -> tuple[Root, Root]:
    """Advantages of a correct and of a wrong response at ε = 0: GRPO, QAE and its masks, as signs and squares."""
    p, square = Fraction(n, g), binary_variance(n, g, ddof)
    hard = p <= 1 - k
    plus, minus = {
        "grpo": (1 - p, p),
        "qae": (Fraction(hard), Fraction(not hard)),
        "pos_mask": (Fraction(hard), Fraction(1)),
        "neg_mask": (Fraction(1), Fraction(not hard)),
    }[name]
    return root(1, plus**2 / square), root(-1, minus**2 / square)


def mixed_groups(largest: int) -> Iterator[tuple[int, int]]:
    """Group sizes from 2 with numbers of successes of mixed groups."""
    return ((g, n) for g in range(2, largest + 1) for n in range(1, g))


#: The K that the claims are checked for.
KS = tuple(Fraction(tenths, 10) for tenths in range(1, 10))


def speeds(name: str, g: int, p: Ball, k: Fraction) -> Ball:
    """The speed c / (p(1-p)) = α - β at finite G: Σ_m C(G-1, m) p^m (1-p)^{G-1-m} (a(m+1, 1) - a(m, 0))."""
    terms = zip(binomial_probabilities(p, g - 1), _differences(name, g, k, ctx.prec), strict=True)
    return total(weight * d for weight, d in terms)


def speed_polynomial(name: str, g: int, k: Fraction) -> arb_poly:
    """The speed of :func:`speeds` as a polynomial in p."""
    parts = zip(range(g), _differences(name, g, k, ctx.prec), strict=True)
    return sum((arb_poly(binomial_term(g - 1, m)) * d.arb for m, d in parts), arb_poly())


def root_of(coefficient: tuple[int, Fraction]) -> Ball:
    """A coefficient sign·√square as an interval."""
    return coefficient[0] * number(coefficient[1]).sqrt()


@cache
def _differences(name: str, g: int, k: Fraction, precision: int) -> list[Ball]:
    """a(m+1, 1) - a(m, 0) for m = 0..G-1, at the working precision."""
    # The precision is an argument for the cache alone: intervals of fewer bits must not come back at more.
    none = (0, Fraction(0))
    table = [(none, none), *(advantages(name, n, g, k) for n in range(1, g)), (none, none)]
    return [root_of(table[m + 1][0]) - root_of(table[m][1]) for m in range(g)]


#: Rewards of the groups that are enumerated.
LEVELS = (Fraction(0), Fraction(1, 2), Fraction(1))


def groups(largest: int) -> Iterator[list[Fraction]]:
    """All groups of three reward levels, in any order."""
    return (list(group) for g in range(2, largest + 1) for group in product(LEVELS, repeat=g))


def baseline(name: str, rewards: list[Fraction], k: Fraction = Fraction(2, 5)) -> list[Fraction]:
    """Baseline of each response."""
    g, total = len(rewards), sum(rewards, Fraction(0))
    if name == "rloo":
        return [(total - r) / (g - 1) for r in rewards]
    if name == "qae":
        return [sorted(rewards)[-(-k.numerator * g // k.denominator) - 1]] * g
    if name == "half":
        return [Fraction(1, 2)] * g
    return [total / g] * g


def variance(rewards: list[Fraction]) -> Fraction:
    """Population variance."""
    mean = sum(rewards, Fraction(0)) / len(rewards)
    return sum(((r - mean) ** 2 for r in rewards), Fraction(0)) / len(rewards)


def centred(name: str, rewards: list[Fraction]) -> list[Fraction]:
    """Rewards minus their baselines."""
    return [r - b for r, b in zip(rewards, baseline(name, rewards), strict=True)]


def floats(rewards: list[Fraction]) -> list[float]:
    """Rewards as floats, for a reader."""
    return [float(r) for r in rewards]
