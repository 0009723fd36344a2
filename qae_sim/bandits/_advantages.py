"""From successes in a group to advantages: a table for binary rewards, and what does not fit into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qae_sim.advantages import advantage_table, get
from qae_sim.arrays import Array, Namespace, invalid
from qae_sim.bandits._kernels import to_numpy
from qae_sim.bandits.study import Study


@dataclass(frozen=True)
class Table:
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


def table_at(study: Study, step: int) -> Table:
    """Table of a response-level estimator at a step."""
    parameters = tuple(sorted(study.parameters_at(step).items()))
    name = "grpo" if study.estimator == "ha_dw" else study.estimator
    return _table(name, study.group_size, parameters)


@lru_cache(maxsize=4096)
def _table(estimator: str | Callable[..., Any], size: int, parameters: tuple[tuple[str, Any], ...]) -> Table:
    """Build a table; few different ones are ever needed."""
    wrong, correct = advantage_table(estimator, size, **dict(parameters)).T
    return _of_advantages(correct, wrong)


def _of_advantages(correct: np.ndarray, wrong: np.ndarray) -> Table:
    """Complete a table."""
    size = len(correct) - 1
    n = np.arange(size + 1)
    zero_share = (n * (correct == 0) + (size - n) * (wrong == 0)) / size
    slope = correct - wrong
    baseline = np.where(slope == 0, np.nan, -wrong / np.where(slope == 0, 1, slope))
    for end, advantage in ((0, wrong[0]), (size, correct[-1])):
        baseline[end] = float(end > 0) if advantage == 0 else np.nan
    return Table(correct, wrong, zero_share, baseline)


def check(study: Study) -> None:
    """Raise what the estimator raises about its parameters, at both ends of their schedules."""
    for step in {0, study.steps - 1}:
        parameters = study.parameters_at(step)
        if study.level == "response":
            if not table_at(study, step).quiet and study.algorithm == "events":
                raise invalid(
                    "algorithm", "events", "'dense' or 'auto' for an estimator that moves groups of equal rewards"
                )
        elif study.level == "batch":
            get(str(study.estimator)).function(np.array([[1.0, 0.0], [0.0, 0.0]]), **parameters)
        elif study.level == "length":
            length_advantages(study, np, np.ones((2, 1, 1, 1), dtype=bool), np.ones((2, 1, 1)), step)
        else:
            ids = np.array([[0, 1], [1, 1]])
            get(str(study.estimator)).function(ids, np.ones((2, 2), dtype=bool), np.array([1.0, 0.0]), **parameters)


def batch_advantages(study: Study, xp: Namespace, successes: Array, step: int) -> tuple[Array, Array]:
    """Advantages of correct and of wrong responses for an estimator that looks at the whole batch.

    Args:
        study: Its estimator is of level "batch".
        xp: NumPy or CuPy.
        successes: n of each group, ``(B, R)``; the groups of a column are one batch.
        step: The step.

    Returns:
        Advantages of the correct and of the wrong responses of each group, each ``(B, R)``; 0 where a group has none.
    """
    # The batch is known by its successes, and few batches differ: the estimator sees each kind once.
    counts, which = np.unique(to_numpy(successes), axis=1, return_inverse=True)
    function, parameters = get(str(study.estimator)).function, study.parameters_at(step)
    size = study.group_size
    correct, wrong = np.zeros(counts.shape), np.zeros(counts.shape)
    for column in range(counts.shape[1]):
        n = counts[:, column]
        rewards = (np.arange(size) < n[:, None]).astype(np.float64)
        advantages = function(rewards, **parameters)
        correct[:, column] = np.where(n > 0, advantages[:, 0], 0)
        wrong[:, column] = np.where(n < size, advantages[:, -1], 0)
    which = which.reshape(-1)
    return xp.asarray(correct[:, which]), xp.asarray(wrong[:, which])


def length_advantages(study: Study, xp: Namespace, said: Array, rewards: Array, step: int) -> Array:
    """Advantages of responses for an estimator that looks at their lengths, as such or as CANON's metric.

    Args:
        study: Its estimator is of level "length".
        xp: NumPy or CuPy.
        said: Whether the response has said the token, ``(G, L, B, R)``.
        rewards: ``(G, B, R)``.
        step: The step.

    Returns:
        Advantages, ``(G, 1, B, R)``.
    """
    estimator, parameters = get(str(study.estimator)), study.parameters_at(step)
    parameters.pop("metric", None)
    lengths, r = (xp.ascontiguousarray(x.transpose(1, 2, 0)) for x in (said.sum(axis=1), rewards))
    result = estimator.function(r, lengths.astype(r.dtype), **parameters)
    return xp.ascontiguousarray(result.transpose(2, 0, 1))[:, None]


def token_advantages(study: Study, xp: Namespace, tokens: Array, alive: Array, rewards: Array, step: int) -> Array:
    """Advantages of single tokens.

    Args:
        study: Its estimator is of level "token".
        xp: NumPy or CuPy.
        tokens: Tokens, ``(G, L, B, R)``.
        alive: Whether the response has said the token, same shape.
        rewards: ``(G, B, R)``.
        step: The step.

    Returns:
        Advantages, ``(G, L, B, R)``.
    """
    function = get(str(study.estimator)).function
    order = (2, 3, 0, 1)
    # Groups first, as estimators want it, and in this order in memory: sums depend on how their terms lie.
    ids, mask, r = (
        xp.ascontiguousarray(x) for x in (tokens.transpose(order), alive.transpose(order), rewards.transpose(1, 2, 0))
    )
    result = function(ids, mask, r, **study.parameters_at(step))
    return xp.ascontiguousarray(result.advantages.transpose(2, 3, 0, 1))
