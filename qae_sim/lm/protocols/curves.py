"""Curves of a trial against batches: of an arm, and of its gap to the baseline with a band for the whole curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qae_sim.arrays import invalid
from qae_sim.lm.protocols import Protocol, measured
from qae_sim.lm.runs import Record

#: Draws of the greatest deviation, and their seed.
_DRAWS, _SEED = 20_000, 0


@dataclass(frozen=True)
class Curve:
    """A mean over seeds against batches, with a band.

    Attributes:
        batch: Batches done, ``(n,)``.
        mean: ``(n,)``.
        low: Lower end of the band, ``(n,)``.
        high: Its upper end, ``(n,)``.
    """

    batch: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute a band that holds a whole mean curve at once, not each of its points for itself.

    mean ± c·s/√R,  P(maxₜ |Tₜ| <= c) = 1 - level,  T a multivariate t with R - 1 degrees and the curves' correlation

    Where all runs agree (s = 0), the band has no width.

    Args:
        values: Curves of R runs, ``(R, n)``, R >= 3.
        level: Share of trials in which the true mean may leave the band somewhere, in (0, 1).

    Returns:
        Its lower and upper ends, ``(n,)`` each.

    Raises:
        ValueError: There are fewer than three runs.

    Source:
        Hothorn, Bretz and Westfall (2008): Simultaneous inference in general parametric models, Sec. 3.

    Example:
        >>> low, high = band(np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]]), 0.05)
        >>> (low + high) / 2, float((high - low)[1])
        (array([1., 1.]), 0.0)
    """
    runs = len(values)
    if runs < 3:
        raise invalid("values", runs, "curves of at least three runs")
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    vary = spread > 0
    half = np.zeros(len(mean))
    if vary.any():
        # Sums of the standardised curves with normal weights have the curves' own correlation.
        standard = ((values - mean) / np.where(vary, spread, 1.0))[:, vary] / math.sqrt(runs - 1)
        rng = np.random.default_rng(_SEED)
        normal = rng.standard_normal((_DRAWS, runs)) @ standard
        scale = np.sqrt(rng.chisquare(runs - 1, _DRAWS) / (runs - 1))
        critical = np.quantile(np.abs(normal).max(axis=1) / scale, 1 - level)
        half = critical * spread / math.sqrt(runs)
    return mean - half, mean + half


def curve(protocol: Protocol, record: Record, setting: str, arm: str, metric: str, *, gap: bool = False) -> Curve:
    """Average a metric of an arm over seeds, at each batch where it was measured.

    Args:
        protocol: The protocol.
        record: Its runs.
        setting: A setting.
        arm: An arm of it.
        metric: A metric, as in the protocol's margins.
        gap: Whether to subtract the baseline's run of the same seed.

    Returns:
        The curve; its band is that of the whole curve, at the protocol's level.

    Raises:
        ValueError: The runs are not in the record.
    """
    values = _values(protocol, record, setting, arm, metric)
    if gap:
        values = values - _values(protocol, record, setting, protocol.rules["baseline"], metric)
    known = ~np.isnan(values).any(axis=0)
    low, high = band(values[:, known], protocol.level)
    return Curve(np.flatnonzero(known).astype(float), values[:, known].mean(axis=0), low, high)


def _values(protocol: Protocol, record: Record, setting: str, arm: str, metric: str) -> np.ndarray:
    """Take a metric of the runs of the first look, ``(seeds, rows)``."""
    places = {repr(config): place for place, config in enumerate(record.configs)}
    wanted = [repr(config) for config in protocol.runs(setting, arm)]
    if not all(run in places for run in wanted):
        raise invalid("record", f"no runs of {setting}, {arm}", f"one that holds all arms of protocol {protocol.name}")
    return measured(record.take([places[run] for run in wanted]), metric)
