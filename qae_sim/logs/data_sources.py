"""A run split by where its prompts come from: the same numbers for each data source."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qae_sim.logs.comparison import by_group
from qae_sim.logs.digest import Digest
from qae_sim.logs.findings import RunEvidence
from qae_sim.logs.resampling import Estimated, difference, shares_of_sums


@dataclass(frozen=True)
class DataSource:
    """The part of a run whose prompts come from one data source.

    Attributes:
        name: Its name, as the log has it.
        groups: Number of groups.
        share: Their share of all groups.
        numbers: The mean reward, the share of groups of equal rewards, the share of responses without advantage under
            QAE at K = .4, and the mean length where the log has it.
        change: The mean reward in the last fifth of the steps less that in the first; NaN if a fifth has no group of
            this source, or the run less than five steps.
    """

    name: str
    groups: int
    share: float
    numbers: tuple[Estimated, ...]
    change: Estimated


def by_data_source(found: Digest, *, seed: int = 0) -> tuple[DataSource, ...]:
    """Compute the same numbers for each data source of a run.

    Args:
        found: The digest of a log.
        seed: Seed of the bootstraps, >= 0.

    Returns:
        Data sources, the largest first; none if the log does not tell them, or has only one.

    Raises:
        ValueError: The digest has no rewards of its groups.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> by_data_source(digest(recorded_log()))
        ()
    """
    if len(found.data_source_names) < 2:
        return ()
    values = by_group(found)
    nothing = np.zeros(len(found.group_steps), dtype=bool)
    early, late = RunEvidence(found).ends or (nothing, nothing)
    parts = []
    for number, name in enumerate(found.data_source_names):
        of = found.data_source == number
        prompts = found.group_prompts[of]
        numbers = []
        for what, all_values in values.items():
            value, low, high = shares_of_sums(all_values[of], np.ones(int(of.sum())), prompts, seed=seed)
            unit = "reward" if what == "mean reward" else "tokens" if what == "mean length" else "share"
            numbers.append(_estimated(what, unit, float(value[0]), float(low[0]), float(high[0])))
        change = math.nan, math.nan, math.nan
        if early[of].any() and late[of].any():
            reward = values["mean reward"][of]
            first, last = early[of].astype(float), late[of].astype(float)
            change = difference((reward * first, first), (reward * last, last), prompts, seed=seed)
        changed = _estimated("reward, last fifth less first", "reward", *change)
        parts.append(DataSource(name, int(of.sum()), float(of.mean()), tuple(numbers), changed))
    return tuple(sorted(parts, key=lambda part: -part.groups))


def _estimated(name: str, unit: str, value: float, low: float, high: float) -> Estimated:
    """A number whose interval may be unknown."""
    return Estimated(name, value, unit, low, high, "bootstrap over prompts" if math.isfinite(low) else "")
