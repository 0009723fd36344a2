"""Means over seeds with confidence intervals, and the verdicts that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """A quantity over seeds, positive where the claim is right.

    Attributes:
        setting: The setting in which it was measured.
        mean: Mean over seeds.
        low: Lower end of its 95 % confidence interval (Student's t).
        high: Its upper end.
        seeds: Number of seeds.
    """

    setting: str
    mean: float
    low: float
    high: float
    seeds: int

    @property
    def speaks(self) -> int:
        """+1 if the interval supports the claim, -1 if it contradicts it, 0 if it contains 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Finding:
    """A claim, and the evidence of the runs.

    Attributes:
        study: Name of the study.
        claim: The claim, in words.
        source: Figure, table or section, and paper.
        quantity: The measured quantity, positive where the claim is right.
        evidence: A comparison for each setting.
    """

    study: str
    claim: str
    source: str
    quantity: str
    evidence: tuple[Comparison, ...]

    @property
    def verdict(self) -> str:
        """Say "replicated" (in all settings), "not replicated" (in none), or "depends" and on which settings."""
        places = {sign: [e.setting for e in self.evidence if e.speaks == sign] for sign in (1, 0, -1)}
        if len(places[1]) == len(self.evidence):
            return "replicated"
        if not places[1]:
            against = ", ".join(places[-1])
            return "not replicated" + (f" (the opposite: {against})" if against else " (the runs leave it open)")
        words = {1: "yes", 0: "open", -1: "the opposite"}
        return "depends: " + "; ".join(f"{words[sign]}: {', '.join(of)}" for sign, of in places.items() if of)


def mean_known(values: np.ndarray) -> np.ndarray:
    """Average over the last axis without NaN; NaN where there is nothing else.

    Example:
        >>> mean_known(np.array([[1.0, np.nan, 3.0]]))
        array([2.])
    """
    known = ~np.isnan(values)
    counts = np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)
    return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / counts)


def interval(setting: str, values: np.ndarray) -> Comparison:
    """Compute mean and 95 % confidence interval over seeds.

    Args:
        setting: The setting in which the values were measured.
        values: A value for each seed, ``(seeds,)``; NaN where a seed has none.

    Returns:
        Mean and interval; with fewer than two values the interval is infinite.

    Example:
        >>> e = interval("here", np.array([1.0, 2.0, 3.0]))
        >>> round(e.low, 3), round(e.high, 3)
        (-0.484, 4.484)
    """
    from scipy.special import stdtrit  # scipy.stats would load half of SciPy

    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    if len(kept) < 2:
        return Comparison(setting, float(kept.mean()) if len(kept) else math.nan, -math.inf, math.inf, len(kept))
    half = float(stdtrit(len(kept) - 1, 0.975) * kept.std(ddof=1)) / math.sqrt(len(kept))
    mean = float(kept.mean())
    return Comparison(setting, mean, mean - half, mean + half, len(kept))


def within(setting: str, differences: np.ndarray, margin: float) -> Comparison:
    """Compute how far inside a margin a mean difference lies, with its interval; all positive means equivalent.

    Args:
        setting: The setting in which the differences were measured.
        differences: A difference for each seed, ``(seeds,)``.
        margin: The largest difference that counts as none, > 0.

    Returns:
        The margin minus the size of the difference.

    Example:
        >>> within("here", np.array([0.01, -0.01, 0.0]), 0.05).speaks
        1
    """
    found = interval(setting, differences)
    least = 0.0 if found.low <= 0 <= found.high else min(abs(found.low), abs(found.high))
    most = max(abs(found.low), abs(found.high))
    return Comparison(setting, margin - abs(found.mean), margin - most, margin - least, found.seeds)
