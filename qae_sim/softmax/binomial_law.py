"""The binomial law, and pass@k: of a known success rate, and estimated from samples."""

from __future__ import annotations

import math
from functools import cache

import array_api_compat as compat
import numpy as np

from qae_sim.arrays import Array, Namespace, as_array, as_floating, invalid, like, namespace, require_integer

#: The largest number of trials whose binomial coefficients float64 holds.
LARGEST_GROUP = 1000


def binomial(p: Array, trials: int, complement: Array | None = None) -> Array:
    """Probabilities of 0..n successes in n independent trials.

    C(n, m) p^m (1-p)^(n-m)

    Args:
        p: Success probabilities in [0, 1], any shape.
        trials: n, 0..1000.
        complement: 1 - p of the same shape, where it is known better than that.

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
    high = xp.astype(x, xp.float64)  # shorter types do not hold C(n, m)
    outside = ~((high >= 0) & (high <= 1))
    if bool(xp.any(outside)):
        raise invalid("p", float(xp.reshape(high, (-1,))[xp.reshape(outside, (-1,))][0]), "in [0, 1] everywhere")
    q = 1 - high if complement is None else like("complement", high, complement)
    return xp.astype(xp.moveaxis(binomial_rows(high, q, n), 0, -1), x.dtype, copy=False)


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
    successes, failures = _powers(xp, p, trials), _powers(xp, complement, trials)
    return xp.reshape(choose, (-1,) + (1,) * p.ndim) * successes * xp.flip(failures, axis=0)


@cache
def _coefficients(trials: int) -> np.ndarray:
    """C(n, m) for m = 0..n."""
    return np.array([float(math.comb(trials, m)) for m in range(trials + 1)])


def _powers(xp: Namespace, x: Array, highest: int) -> Array:
    """The powers x⁰, x¹, ... as rows: each half of them is the other one times a power of 2."""
    rows = xp.empty((highest + 1, *x.shape), dtype=x.dtype, device=compat.device(x))
    rows[0, ...] = 1.0
    known = 1
    while known <= highest:
        more = min(known, highest + 1 - known)
        # x**known anew each time: squaring the last factor would double its rounding error, too.
        rows[known : known + more, ...] = rows[:more, ...] * x**known
        known += more
    return rows


def pass_at_k_probability(p: Array, k: int) -> Array:
    """Chance that at least one of k independent responses is correct, for a known success rate.

    pass@k = 1 - (1-p)^k

    Args:
        p: Success rates in [0, 1], any shape; not checked, because simulators ask at each step.
        k: Number of responses, >= 1.

    Returns:
        Chances, the shape of ``p``.

    Raises:
        TypeError: ``p`` holds no real numbers, ``k`` is no integer.
        ValueError: ``k`` is below 1.

    Source:
        Definition.

    Example:
        >>> pass_at_k_probability([0.0, 0.5, 1.0], 2)
        array([0.  , 0.75, 1.  ])
    """
    x, _ = as_floating("p", p)
    return 1 - (1 - x) ** require_integer("k", k, low=1)


def pass_at_k_estimate(successes: Array, samples: int, k: int) -> Array:
    """Unbiased estimate from samples of the chance that at least one of k responses is correct.

    pass@k = 1 - C(n-c, k) / C(n, k), from c successes among n samples

    Args:
        successes: c, integers in 0..n, any shape.
        samples: n, >= 1.
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
    n = require_integer("samples", samples, low=1)
    k = require_integer("k", k, low=1, high=n)
    outside = (c < 0) | (c > n)
    if bool(xp.any(outside)):
        raise invalid("successes", int(xp.reshape(c, (-1,))[xp.reshape(outside, (-1,))][0]), f"from 0 to samples = {n}")
    total = math.comb(n, k)
    # One correctly rounded division of exact integers for each possible number of successes.
    table = np.array([(total - math.comb(n - m, k)) / total for m in range(n + 1)])
    floating = xp.__array_namespace_info__().default_dtypes()["real floating"]
    values = xp.take(like("successes", c, table, floating), xp.reshape(c, (-1,)))
    return xp.reshape(values, c.shape)
