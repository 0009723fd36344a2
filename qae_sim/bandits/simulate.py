"""Run a study."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import qae_sim
from qae_sim.advantages.terms import NamedFunction
from qae_sim.arrays import Array, Namespace, invalid, require_choice, require_integer
from qae_sim.bandits._compiler import is_ready
from qae_sim.bandits._expected import simulate_expected
from qae_sim.bandits._kernels import to_numpy
from qae_sim.bandits._one_prompt import simulate_single
from qae_sim.bandits._sampled import simulate_general
from qae_sim.bandits.problems import Bandit
from qae_sim.bandits.results import Result
from qae_sim.bandits.study import Study

#: Numbers in an array of one chunk: so many that it fits into a processor's cache, or keeps a GPU busy.
_CHUNK = {"numpy": 102_400, "numba": 12_800, "cupy": 50_000_000}


def simulate(
    study: Study, runs: range | None = None, *, library: str = "auto", chunk: int | None = None, threads: int = 1
) -> Result:
    """Run a study, or some runs of it.

    Every run has random streams of its own, and its course depends on the study, the seed and its number alone: on one
    library and device it gives the same bits, whatever the chunks and threads and whichever other runs are simulated.
    NumPy and Numba take the same random numbers and differ by rounding. Memory grows with the number of records.

    Args:
        study: What to simulate.
        runs: Numbers of the runs, a range of step 1; ``range(study.runs)`` by default.
        library: ``"numpy"``; ``"numba"`` for machine code, if ``study.dense_only`` is None; ``"cupy"`` for a GPU; or
            ``"auto"``: see :func:`library_of`.
        chunk: Number of runs to simulate at a time; chosen for speed by default.
        threads: Number of chunks to simulate at once; 1 on a GPU.

    Returns:
        Records and parameters of the runs.

    Raises:
        TypeError: ``study`` is no Study, ``runs`` no range, or the estimator is known by name only.
        ValueError: ``runs`` is empty, negative or has another step than 1, ``library`` is unknown or cannot run the
            study, ``chunk`` < 1, ``threads`` < 1 or > 1 on a GPU.
        ModuleNotFoundError: CuPy or Numba is not installed.

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
    library = library_of(study, library)
    threads = require_integer("threads", threads, low=1)
    if library == "cupy" and threads > 1:
        raise invalid("threads", threads, "1 on a GPU")
    xp = importlib.import_module("cupy") if library == "cupy" else np
    simulator = _simulator(study, library)
    at_once = _chunk(study, library) if chunk is None else require_integer("chunk", chunk, low=1)
    if chunk is None and threads > 1:
        at_once = min(at_once, -(-len(runs) // threads))

    rows = -(-study.steps // study.every)
    records = {name: np.empty((rows, len(runs))) for name in study.records}
    start = np.shape(study.problem.start)
    parameters = np.empty((*start, len(runs)))

    def take(first: int) -> None:
        here = slice(first, min(first + at_once, len(runs)))
        values, final = simulator(xp, study, runs[here])
        for name, record in records.items():
            record[:, here] = values[name]
        final = to_numpy(final)
        if getattr(study.problem, "features", None) is None:
            final = final - final.max(axis=1, keepdims=True)
        parameters[..., here] = final

    firsts = range(0, len(runs), at_once)
    if threads == 1:
        for first in firsts:
            take(first)
    else:
        from concurrent.futures import ThreadPoolExecutor  # not to be had in every browser, and used by few

        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(take, firsts):
                pass
    return Result(
        study=study,
        runs=runs,
        steps=np.arange(0, study.steps, study.every),
        records=records,
        parameters=parameters,
        version=qae_sim.__version__,
        library=library,
    )


def library_of(study: Study, library: str = "auto") -> str:
    """The library that a study is simulated with.

    Args:
        study: The study.
        library: What was asked for. ``"auto"`` is Numba where it runs the study and its machine code has been made
            (``python -m qae_sim.bandits.compile``), so that nobody waits for the compiler, and NumPy elsewhere.

    Returns:
        ``"numpy"``, ``"numba"`` or ``"cupy"``.

    Raises:
        ValueError: ``library`` is unknown, or Numba does not run the study.

    Example:
        >>> from qae_sim.bandits import Bandit, Momentum
        >>> library_of(Study(Bandit.uniform(10, 3), optimizer=Momentum()))
        'numpy'
    """
    require_choice("library", library, ("auto", "numpy", "numba", "cupy"))
    reason = study.dense_only
    if library == "numba" and reason is not None:
        raise invalid("library", library, f"'numpy' or 'cupy' here: there is no machine code for {reason}")
    if library == "auto":
        return "numba" if reason is None and is_ready() else "numpy"
    return library


def _simulator(study: Study, library: str) -> Callable[[Namespace, Study, range], tuple[dict[str, np.ndarray], Array]]:
    """The function that simulates a chunk."""
    if library == "numba":
        from qae_sim.bandits._compiled import simulate_compiled

        return simulate_compiled
    if study.dynamics == "expected":
        return simulate_expected
    return simulate_single if study.dense_only is None else simulate_general


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
