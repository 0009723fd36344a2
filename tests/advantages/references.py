"""The same estimators once more, slowly and exactly: rationals for sums, 50 digits for the square root."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import mpmath

mpmath.mp.dps = 50


def mean(r: Sequence[Fraction]) -> Fraction:
    return sum(r, Fraction(0)) / len(r)


def std(r: Sequence[Fraction], ddof: int = 0) -> mpmath.mpf:
    m = mean(r)
    variance = sum(((x - m) ** 2 for x in r), Fraction(0)) / (len(r) - ddof)
    return mpmath.sqrt(mpmath.mpf(variance.numerator) / variance.denominator)


def over(numerators: Sequence[Fraction], denominator: mpmath.mpf) -> list[float]:
    """Divide, and give 0 for 0/0."""
    return [0.0 if x == 0 else float(mpmath.mpf(x.numerator) / x.denominator / denominator) for x in numerators]


def inverse_cdf(r: Sequence[Fraction], k: Fraction) -> Fraction:
    """inf{x : F(x) >= K}, by looking at every x."""
    return min(x for x in r if Fraction(sum(y <= x for y in r), len(r)) >= k)


def linear(r: Sequence[Fraction], k: Fraction) -> Fraction:
    ordered = sorted(r)
    h = k * (len(r) - 1)
    low = math.floor(h)
    high = math.ceil(h)
    return ordered[low] + (h - low) * (ordered[high] - ordered[low])


def grpo(r: Sequence[Fraction], eps: float = 1e-6, ddof: int = 0) -> list[float]:
    return over([x - mean(r) for x in r], std(r, ddof) + eps)


def dr_grpo(r: Sequence[Fraction]) -> list[float]:
    return [float(x - mean(r)) for x in r]


def rloo(r: Sequence[Fraction]) -> list[float]:
    total = sum(r, Fraction(0))
    return [float(x - (total - x) / (len(r) - 1)) for x in r]


def qae(
    r: Sequence[Fraction], k: Fraction, eps: float = 1e-6, ddof: int = 0, quantile: str = "inverted_cdf"
) -> list[float]:
    b = inverse_cdf(r, k) if quantile == "inverted_cdf" else linear(r, k)
    return over([x - b for x in r], std(r, ddof) + eps)


def masked(r: Sequence[Fraction], k: Fraction, side: str, eps: float = 1e-6, ddof: int = 0) -> list[float]:
    """POS-MASK and NEG-MASK as Eqs. 7-8 state them."""
    p = mean(r)
    if p in (0, 1):
        return [0.0] * len(r)
    weight = std(r, ddof) + eps
    correct = Fraction(1) if side == "neg" or p <= 1 - k else Fraction(0)
    wrong = Fraction(-1) if side == "pos" or p > 1 - k else Fraction(0)
    return over([correct if x == 1 else wrong for x in r], weight)


def whitened(
    batch: Sequence[Sequence[Fraction]], lengths: Sequence[Sequence[int]], *, baseline: bool, ddof: int
) -> list[float]:
    """REINFORCE++ over tokens, each response repeated as often as it has tokens."""
    values = [x - mean(group) if baseline else x for group in batch for x in group]
    tokens = [x for x, n in zip(values, (n for row in lengths for n in row), strict=True) for _ in range(n)]
    return over([x - mean(tokens) for x in values], std(tokens, ddof))
