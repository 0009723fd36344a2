"""How far numbers of one run can be trusted: bootstrap intervals over its prompts, over its steps, and exact ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qae_sim.arrays import tally
from qae_sim.streams import uniform

#: Samples that a bootstrap draws, and the most units that it draws from: more prompts are put into so many blocks.
_SAMPLES, _UNITS = 1000, 1000
#: Fewer prompts than this give no interval: of so few, percentiles of a bootstrap are far too narrow.
FEWEST = 8
#: Names of the random streams.
_PROMPTS, _STEPS = 1, 2


@dataclass(frozen=True)
class Estimated:
    """A number of a log with an interval of 95 %.

    Attributes:
        name: What it is, in words.
        value: The number.
        unit: Its unit: ``"share"``, ``"tokens"``, ``"prompts"``, ``"reward"`` and so on.
        low: Lower end of the interval; NaN if there is none.
        high: Upper end.
        how: How the interval was found; empty if there is none.
    """

    name: str
    value: float
    unit: str
    low: float = math.nan
    high: float = math.nan
    how: str = ""


def shares_of_sums(
    above: np.ndarray, below: np.ndarray, prompt: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate ratios of sums over groups, with intervals from a bootstrap over prompts.

    θ = Σ aᵢ / Σ bᵢ over all groups i. Groups of one prompt depend on each other, so prompts are what is drawn, with
    replacement: each of 1,000 samples counts prompt c mᶜ times and gives θ* = Σ mᶜ Aᶜ / Σ mᶜ Bᶜ, where Aᶜ and Bᶜ are
    the sums over the groups of prompt c. The interval runs from the 2.5th to the 97.5th percentile of θ*. More than
    1,000 prompts are first put into 1,000 blocks, which leaves the variance as it is. A bootstrap speaks of other
    prompts of the same kind in this run; it does not know how another run would have gone.

    Args:
        above: aᵢ, ``(B,)``, or ``(B, M)`` for M ratios.
        below: bᵢ, of the same shape.
        prompt: A number of the prompt of each group, ``(B,)``.
        seed: Seed of the stream.

    Returns:
        θ, lower and upper ends, each ``(M,)``; NaN where Σ bᵢ is 0, and ends are NaN with less than 8 prompts.

    Example:
        >>> value, low, high = shares_of_sums(np.arange(40.0) % 2, np.ones(40), np.arange(40))
        >>> value.item(), 0.3 < low.item() < 0.4, 0.6 < high.item() < 0.7
        (0.5, True, True)
    """
    a, b = (np.asarray(x, dtype=np.float64).reshape(len(prompt), -1) for x in (above, below))
    which = np.unique(prompt, return_inverse=True)[1].reshape(-1)
    prompts = int(which.max(initial=-1)) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        value = a.sum(axis=0) / b.sum(axis=0)
        if prompts < FEWEST:
            nothing = np.full(a.shape[1], math.nan)
            return value, nothing, nothing.copy()
        unit = which % _UNITS
        units = min(prompts, _UNITS)
        sums = [np.stack([tally(unit, column, minlength=units) for column in x.T], axis=1) for x in (a, b)]
        times = _times_drawn(units, seed, _PROMPTS)
        drawn = (times @ sums[0]) / (times @ sums[1])
    low, high = _percentiles(drawn)
    return value, low, high


@lru_cache(maxsize=4)  # a diagnosis asks some sixty times for the same draws
def _times_drawn(units: int, seed: int, purpose: int) -> np.ndarray:
    """Draw units with replacement, as many as there are: how often each was drawn, ``(samples, units)``."""
    draws = (uniform(np.zeros(1), _SAMPLES * units, seed, purpose, units) * units).astype(np.int64)
    sample = np.repeat(np.arange(_SAMPLES), units)
    return np.asarray(tally(sample * units + draws, minlength=_SAMPLES * units), dtype=np.float64).reshape(-1, units)


def _percentiles(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the ends of 95 % of the samples; samples without the thing that is measured (NaN) do not count."""
    ends = np.full((2, drawn.shape[1]), math.nan)
    for column in range(drawn.shape[1]):
        known = drawn[np.isfinite(drawn[:, column]), column]
        if len(known) >= _SAMPLES // 2:
            ends[:, column] = np.quantile(known, (0.025, 0.975))
    return ends[0], ends[1]


def difference(
    first: tuple[np.ndarray, np.ndarray], last: tuple[np.ndarray, np.ndarray], prompt: np.ndarray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Estimate the difference of two ratios of sums, such as a mean at the end less the one at the beginning.

    θ = Σ a'ᵢ / Σ b'ᵢ - Σ aᵢ / Σ bᵢ, with an interval from the bootstrap of :func:`shares_of_sums`, in which both parts
    come from the same drawn prompts.

    Args:
        first: a and b of each group, ``(B,)`` each; 0 for groups of the other part.
        last: a' and b'.
        prompt: A number of the prompt of each group, ``(B,)``.
        seed: Seed of the stream.

    Returns:
        θ and the ends of its interval; NaN as in :func:`shares_of_sums`.

    Example:
        >>> one, none = np.ones(20), np.zeros(20)
        >>> difference((one, one), (3 * one, one), np.arange(20))
        (2.0, 2.0, 2.0)
    """
    which = np.unique(prompt, return_inverse=True)[1].reshape(-1)
    prompts = int(which.max(initial=-1)) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(last[0].sum() / last[1].sum() - first[0].sum() / first[1].sum())
        if prompts < FEWEST:
            return value, math.nan, math.nan
        unit, units = which % _UNITS, min(prompts, _UNITS)
        times = _times_drawn(units, seed, _PROMPTS)
        sums = [times @ tally(unit, np.asarray(x, dtype=float), minlength=units) for x in (*last, *first)]
        low, high = _percentiles((sums[0] / sums[1] - sums[2] / sums[3])[:, None])
    return value, float(low[0]), float(high[0])


def change_over_steps(values: Sequence[float] | np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Estimate by what factor a positive series has changed: the mean of its last tenth over that of its first.

    Neighbouring steps resemble each other, so blocks of ⌈n^⅓⌉ neighbouring steps of each tenth, of n >= 3 steps, are
    drawn with replacement (a circular block bootstrap). A trend inside a tenth widens the interval.

    Args:
        values: A value a step, ``(S,)``, >= 0; NaN if unknown.
        seed: Seed of the stream.

    Returns:
        The factor and its interval; NaN with less than 15 known values, or if the first tenth's mean is 0.

    Source:
        Politis, Romano: A circular block-resampling procedure for stationary data (1992).

    Example:
        >>> change_over_steps([4.0] * 10 + [2.0] * 10)
        (0.5, 0.5, 0.5)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    size = max(3, len(known) // 10)
    if len(known) < 15 or known[:size].mean() <= 0:
        return math.nan, math.nan, math.nan
    block = math.ceil(size ** (1 / 3))
    blocks = -(-size // block)
    means = []
    for number, part in enumerate((known[:size], known[-size:])):
        starts = (uniform(known, _SAMPLES * blocks, seed, _STEPS, number) * size).astype(np.int64)
        places = (starts.reshape(_SAMPLES, blocks, 1) + np.arange(block)) % size
        means.append(part[places.reshape(_SAMPLES, -1)[:, :size]].mean(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = _percentiles((means[1] / means[0])[:, None])
    return float(known[-size:].mean() / known[:size].mean()), float(low[0]), float(high[0])


def highest_rate(trials: np.ndarray | int) -> np.ndarray:
    """Bound the success rate of a prompt that never succeeded: with a higher one, so many failures have < 5 %.

    p = 1 - .05^(1/n), the exact one-sided bound of Clopper and Pearson for 0 of n. Trials must be independent and have
    one rate, so for a prompt over a run it bounds an average of its rates (by 1 - geometric mean of 1 - p).

    Args:
        trials: n, >= 1.

    Returns:
        p, of the shape of n.

    Example:
        >>> highest_rate(np.array([1, 8, 29])).round(3)
        array([0.95 , 0.312, 0.098])
    """
    return np.asarray(1 - 0.05 ** (1 / np.asarray(trials, dtype=np.float64)))
