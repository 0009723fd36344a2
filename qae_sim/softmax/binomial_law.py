"""The binomial distribution, and pass@k: for a known success rate, and estimated from samples."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import array_api_compat as compat
import numpy as np

from qae_sim.arrays import (
    Array,
    Namespace,
    as_array,
    as_floating,
    invalid,
    like,
    namespace,
    number_of,
    require_count,
    require_integer,
    require_shape,
    self_contained,
    take,
)

#: The largest number of trials whose binomial coefficients float64 holds.
LARGEST_GROUP = 1000

#: The largest number of samples that pass@k is estimated from; a table of so many entries takes a second or two.
LARGEST_SAMPLE = 10**6

#: Below this success rate, chances are computed from logarithms.
SMALL_RATE = 2.0**-7


@self_contained
def binomial(p: Array, trials: int, complement: Array | None = None) -> Array:
    """Probabilities of 0..n successes in n independent trials.

    C(n, m) p^m (1-p)^(n-m)

    Args:
        p: Success probabilities in [0, 1], any shape.
        trials: n, 0..1000.
        complement: 1 - p, same shape, if it is known more accurately than by subtraction.

    Returns:
        Probabilities, ``(..., n + 1)``.

    Raises:
        TypeError: ``p`` holds no real numbers, ``trials`` is no integer.
        ValueError: A probability outside [0, 1], or n so large that C(n, m) leaves the range of float64.

    Source:
        Definition.

    Example:
        >>> binomial(np.asarray(0.5), 2)
        array([0.25, 0.5 , 0.25])
    """
    x, xp = as_floating("p", p)
    n = require_integer("trials", trials, low=0, high=LARGEST_GROUP)
    high = _chances("p", x)  # shorter types cannot hold C(n, m)
    q = 1 - high if complement is None else _checked_complement(complement, high, float(xp.finfo(x.dtype).eps))
    return xp.astype(xp.moveaxis(binomial_rows(high, q, n), 0, -1), x.dtype, copy=False)


def _chances(name: str, x: Array) -> Array:
    """Take probabilities in float64 and check them."""
    xp = namespace(x)
    high = xp.astype(x, xp.float64)
    outside = ~((high >= 0) & (high <= 1))
    if bool(xp.any(outside)):
        first = xp.reshape(high, (-1,))[xp.reshape(outside, (-1,))][0]
        raise invalid(name, number_of(first), "in [0, 1] everywhere")
    return high


def _checked_complement(complement: Any, p: Array, eps: float) -> Array:
    """Take a complement in float64 and check that it is 1 - p, up to rounding."""
    given, gp = as_floating("complement", complement)
    require_shape("complement", given, tuple(p.shape), "the shape of p")
    q = like("complement", p, _chances("complement", given))
    xp = namespace(p)
    # Half of the digits of the shorter type: sums of a million probabilities have lost a few.
    off = xp.abs((p + q) - 1) > math.sqrt(max(eps, float(gp.finfo(given.dtype).eps)))
    if bool(xp.any(off)):
        first = xp.reshape(q, (-1,))[xp.reshape(off, (-1,))][0]
        raise invalid("complement", number_of(first), "1 - p everywhere")
    return q


def binomial_rows(p: Array, complement: Array, trials: int) -> Array:
    """The probabilities of :func:`binomial` with the number of successes first, and without checks, for simulators.

    Args:
        p: Success probabilities in float64, any shape.
        complement: 1 - p of the same shape.
        trials: n, 0..1000.

    Returns:
        Probabilities, ``(n + 1, ...)``.

    Source:
        Definition.

    Example:
        >>> p = np.array([0.0, 0.5])
        >>> binomial_rows(p, 1 - p, 2)
        array([[1.  , 0.25],
               [0.  , 0.5 ],
               [0.  , 0.25]])
    """
    xp = namespace(p)
    choose = xp.asarray(_coefficients(trials), device=compat.device(p))
    choose = xp.reshape(choose, (-1,) + (1,) * p.ndim)
    successes, failures = _powers(xp, p, trials), xp.flip(_powers(xp, complement, trials), axis=0)
    plain = choose * successes * failures
    tiny = float(xp.finfo(xp.float64).smallest_normal)
    small = ((p > 0) & (p**trials < tiny)) | ((complement > 0) & (complement**trials < tiny))
    if not bool(xp.any(small)):
        return plain
    # Powers may underflow where their product with C(n, m) does not. So multiply their two halves in turn: each is an
    # ordinary number, or the product is too small anyway.
    half, other = _half_powers(xp, p, trials), _half_powers(xp, complement, trials)
    other = tuple(xp.flip(part, axis=0) for part in other)
    return xp.where(small, choose * half[0] * other[0] * half[1] * other[1], plain)


@cache
def _coefficients(trials: int) -> np.ndarray:
    """C(n, m) for m = 0..n."""
    return np.array([float(math.comb(trials, m)) for m in range(trials + 1)])


def _half_powers(xp: Namespace, x: Array, highest: int) -> tuple[Array, Array]:
    """Two factors of the powers x⁰, x¹, ...: x^⌊m/2⌋ and x^⌈m/2⌉."""
    powers = _powers(xp, x, (highest + 1) // 2)
    m = xp.arange(highest + 1, device=compat.device(x))
    return take(powers, m // 2, axis=0), take(powers, (m + 1) // 2, axis=0)


def _powers(xp: Namespace, x: Array, highest: int) -> Array:
    """The powers x⁰, x¹, ... as rows, by doubling: the next rows are the known ones times a power of x."""
    rows = xp.ones_like(x)[None, ...]
    while rows.shape[0] <= highest:
        known = rows.shape[0]
        more = min(known, highest + 1 - known)
        # x**known is computed anew: squaring the last factor would double its relative rounding error.
        rows = xp.concat([rows, rows[:more, ...] * x**known])
    return rows


@self_contained
def pass_at_k_probability(p: Array, k: int) -> Array:
    """Chance that at least one of k independent responses is correct, for a known success rate.

    pass@k = 1 - (1-p)^k

    Args:
        p: Success rates in [0, 1], any shape.
        k: Number of responses, 1..2⁶³ - 1.

    Returns:
        Chances, the shape of ``p``.

    Raises:
        TypeError: ``p`` holds no real numbers, ``k`` is no integer.
        ValueError: A success rate outside [0, 1], or ``k`` out of range.

    Source:
        Definition.

    Example:
        >>> pass_at_k_probability([0.0, 0.5, 1.0], 2)
        array([0.  , 0.75, 1.  ])
    """
    x, xp = as_floating("p", p)
    number = require_count("k", k)
    return xp.astype(chance_of_any(_chances("p", x), number), x.dtype, copy=False)


def chance_of_any(p: Array, k: int) -> Array:
    """The chances of :func:`pass_at_k_probability` without checks, for simulators, which call it at each step.

    Args:
        p: Success rates in [0, 1], floating, any shape.
        k: Number of responses, >= 1.

    Returns:
        Chances, the shape of ``p``.

    Source:
        Definition.

    Example:
        >>> chance_of_any(np.array([0.0, 0.5, 1e-20]), 2)
        array([0.0e+00, 7.5e-01, 2.0e-20])
    """
    xp = namespace(p)
    # 1 - p rounds away the digits of a small p.
    small = p < SMALL_RATE
    if not bool(xp.any(small)):
        return 1 - (1 - p) ** k
    return xp.where(small, -xp.expm1(k * xp.log1p(-xp.where(small, p, 0.0))), 1 - (1 - p) ** k)


@self_contained
def pass_at_k_estimate(successes: Array, samples: int, k: int) -> Array:
    """Unbiased estimate from samples of the chance that at least one of k responses is correct.

    pass@k = 1 - C(n-c, k) / C(n, k), from c successes among n samples

    Args:
        successes: c, integers in 0..n, any shape.
        samples: n, 1..10⁶.
        k: Number of responses drawn without replacement, 1..n.

    Returns:
        Estimates in [0, 1], the shape of ``successes``, each correctly rounded.

    Raises:
        TypeError: ``successes`` are no integers, ``samples`` or ``k`` is no integer.
        ValueError: A number is out of range.

    Source:
        Chen et al., Evaluating large language models trained on code (arXiv:2107.03374), Eq. 1.

    Example:
        >>> pass_at_k_estimate([0, 1, 4], 4, 2)
        array([0. , 0.5, 1. ])
    """
    c, xp = as_array("successes", successes)
    if not xp.isdtype(c.dtype, "integral"):
        raise invalid("successes", str(c.dtype), "an array of integers", TypeError)
    c = xp.astype(c, xp.int64, copy=False)  # short types cannot be compared with a large n
    n = require_count("samples", samples)
    if n > LARGEST_SAMPLE:
        raise invalid("samples", n, f"at most {LARGEST_SAMPLE}")
    k = require_integer("k", k, low=1, high=n)
    outside = (c < 0) | (c > n)
    if bool(xp.any(outside)):
        raise invalid("successes", int(xp.reshape(c, (-1,))[xp.reshape(outside, (-1,))][0]), f"from 0 to samples = {n}")
    floating = xp.__array_namespace_info__().default_dtypes()["real floating"]
    values = take(like("successes", c, _estimates(n, k), floating), xp.reshape(c, (-1,)))
    return xp.reshape(values, c.shape)


@lru_cache(maxsize=16)
def _estimates(n: int, k: int) -> np.ndarray:
    """1 - C(n-c, k) / C(n, k) for c = 0..n."""
    # C(n-c-1, k) / C(n-c, k) = (n-c-k) / (n-c). The products are kept in integers that stand for multiples of 2⁻²⁵⁶,
    # so that n roundings of them do not reach the digits of float64, and none is lost when they are taken from 1.
    one = left = 1 << 256
    table = np.ones(n + 1)
    for c in range(n - k + 1):
        table[c] = (one - left) / one
        left = left * (n - c - k) // (n - c)
    table.flags.writeable = False
    return table
