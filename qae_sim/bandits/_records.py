"""Collect records while a simulation runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._kernels import to_numpy
from qae_sim.bandits.study import STATE_RECORDS, Study

#: Records of steps that add up over the steps of a row instead of being averaged.
SUMMED = ("entropy_change_positive", "entropy_change_negative")


class Recorder:
    """Rows of records for some runs, ``(S, C)`` each.

    Attributes:
        wanted: Names of the records.
        count: C, the number of runs.
        rows: S, the number of rows.
    """

    def __init__(self, xp: Namespace, study: Study, count: int) -> None:
        self.wanted = frozenset(study.records)
        self.count = count
        self._study = study
        self.rows = -(-study.steps // study.every)
        self._values = {name: xp.zeros((self.rows, count)) for name in study.records}

    def due(self, step: int) -> bool:
        """Whether records of the policy are taken before this step."""
        return step % self._study.every == 0

    def state(self, name: str, step: int, values: Array, columns: Any = slice(None)) -> None:
        """Record the policy before a step that is due."""
        if name in self.wanted:
            self._values[name][step // self._study.every, columns] = values

    def add(self, name: str, step: int, values: Any, columns: Any = slice(None)) -> None:
        """Add what one step did to its row."""
        if name in self.wanted:
            self._values[name][step // self._study.every, columns] += values

    def table(self, name: str) -> Array:
        """A record, ``(S, C)``."""
        return self._values[name]

    def finish(self) -> dict[str, np.ndarray]:
        """Turn sums over the steps of each row into means, and bring everything to the host."""
        every, steps = self._study.every, self._study.steps
        length = np.full((self.rows, 1), float(every))
        length[-1] = steps - (self.rows - 1) * every
        result = {name: to_numpy(values) for name, values in self._values.items()}
        for name in result:
            if name not in STATE_RECORDS and name not in SUMMED:
                result[name] = result[name] / length
        return result
