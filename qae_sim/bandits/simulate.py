"""Run a study."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

import qae_sim
from qae_sim.advantages.terms import NamedFunction
from qae_sim.arrays import Namespace, invalid, require_choice, require_integer
from qae_sim.bandits._expected import simulate_expected
from qae_sim.bandits._kernels import to_numpy
from qae_sim.bandits._one_prompt import simulate_single
from qae_sim.bandits._sampled import simulate_general
from qae_sim.bandits.problems import Bandit
from qae_sim.bandits.results import Result
from qae_sim.bandits.study import Study

#: Numbers in an array of one chunk: so many that it fits into a processor's cache, or keeps a GPU busy.
_CHUNK = {"numpy": 102_400, "cupy": 50_000_000}


def simulate(study: Study, runs: range | None = None, *, library: str = "numpy", chunk: int | None = None) -> Result:
    """Run a study, or some runs of it.

    Every run has random streams of its own, and its course depends on the study, the seed and its number alone: on one
    library and device it gives the same bits, whatever the chunks and whichever other runs are simulated. Memory grows
    with the number of records.

    Args:
        study: What to simulate.
        runs: Numbers of the runs, a range of step 1; ``range(study.runs)`` by default.
        library: ``"numpy"``, or ``"cupy"`` for a GPU.
        chunk: Number of runs to simulate at a time; chosen for speed by default.

    Returns:
        Records and parameters of the runs.

    Raises:
        TypeError: ``study`` is no Study, ``runs`` no range, or the estimator is known by name only.
        ValueError: ``runs`` is empty, negative or has another step than 1, ``library`` is unknown, ``chunk`` < 1.
        ModuleNotFoundError: CuPy is not installed.

    Example:
        >>> from qae_sim.bandits import Bandit, Study
        >>> result = simulate(Study(Bandit.uniform(10, 3), "qae", steps=50, runs=4))
        >>> result["entropy"].shape
        (50, 4)
    """
    if not isinstance(study, Study):
        raise invalid("study", study, "a Study", TypeError)
    for term in study.rule.terms:
        if isinstance(term.estimator, NamedFunction):
            term.estimator()
    runs = range(study.runs) if runs is None else runs
    if not isinstance(runs, range):
        raise invalid("runs", runs, "a range", TypeError)
    if len(runs) == 0 or runs.step != 1 or runs.start < 0:
        raise invalid("runs", runs, "a range of step 1 that is not empty and starts at 0 or later")
    require_choice("library", library, ("numpy", "cupy"))
    xp = _load(library)
    at_once = _chunk(study, library) if chunk is None else require_integer("chunk", chunk, low=1)
    if study.dynamics == "expected":
        simulator = simulate_expected
    else:
        simulator = simulate_single if study.dense_only is None else simulate_general

    rows = -(-study.steps // study.every)
    records = {name: np.empty((rows, len(runs))) for name in study.records}
    start = np.shape(study.problem.start)
    parameters = np.empty((*start, len(runs)))
    for first in range(0, len(runs), at_once):
        here = slice(first, min(first + at_once, len(runs)))
        values, final = simulator(xp, study, runs[here])
        for name, record in records.items():
            record[:, here] = values[name]
        final = to_numpy(final)
        if getattr(study.problem, "features", None) is None:
            final = final - final.max(axis=1, keepdims=True)
        parameters[..., here] = final
    return Result(
        study=study,
        runs=runs,
        steps=np.arange(0, study.steps, study.every),
        records=records,
        parameters=parameters,
        version=qae_sim.__version__,
    )


def _load(library: str) -> Namespace:
    """Import the array library."""
    if library == "numpy":
        return np
    return importlib.import_module("cupy")


def _chunk(study: Study, library: str) -> int:
    """Number of runs to simulate at a time, for speed."""
    problem: Any = study.problem
    if isinstance(problem, Bandit):
        numbers = max(problem.arms * problem.queries, problem.arms * study.batch_queries)
        samples = study.group_size * study.batch_queries
    else:
        numbers = max(problem.vocabulary * problem.length, len(problem.correct))
        samples = study.group_size * problem.length
    return max(1, _CHUNK[library] // max(numbers, 2 * samples))
