"""The advantages of a rule for 0/1 rewards, as a table over the number of successes in a group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, Term, advantage_table


@dataclass(frozen=True)
class AdvantageTable:
    """An estimator's advantages for binary rewards, by the number n of successes among G; arrays ``(G + 1,)``.

    Attributes:
        correct: Advantage of a correct response.
        wrong: Advantage of a wrong one.
        zero_share: Share of the group's advantages that are exactly 0.
        baseline: Reward at which the advantage would be 0, on the line through the two; the common reward in a group
            of equal rewards without advantages, nan where there is no such line.
    """

    correct: np.ndarray
    wrong: np.ndarray
    zero_share: np.ndarray
    baseline: np.ndarray

    @property
    def quiet(self) -> bool:
        """Whether groups of equal rewards have no advantages, so that they change nothing."""
        return bool(self.correct[-1] == 0 and self.wrong[0] == 0)


def table_of(rule: AdvantageRule, group_size: int, step: int) -> AdvantageTable:
    """Table of a rule that is tabulated, at a step: the weighted sum of its terms' tables."""
    return _table(tuple(term.key for term in rule.at(step)), group_size)


@lru_cache(maxsize=4096)
def _table(keys: tuple[tuple[Any, ...], ...], size: int) -> AdvantageTable:
    """Build a table; cached, because a study needs few different ones."""
    total = np.zeros((size + 1, 2))
    for estimator, parameters, weight in keys:
        row = Term(estimator).row
        asked = row.name if isinstance(estimator, str) else estimator
        total = total + weight * advantage_table(asked, size, **dict(parameters))
    wrong, correct = total.T
    return _of_advantages(correct, wrong)


def _of_advantages(correct: np.ndarray, wrong: np.ndarray) -> AdvantageTable:
    """Build a table from its two columns of advantages."""
    size = len(correct) - 1
    n = np.arange(size + 1)
    zero_share = (n * (correct == 0) + (size - n) * (wrong == 0)) / size
    slope = correct - wrong
    baseline = np.where(slope == 0, np.nan, -wrong / np.where(slope == 0, 1, slope))
    for end, advantage in ((0, wrong[0]), (size, correct[-1])):
        baseline[end] = float(end > 0) if advantage == 0 else np.nan
    return AdvantageTable(correct, wrong, zero_share, baseline)
