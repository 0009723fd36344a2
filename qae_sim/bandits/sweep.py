"""Grids of studies, simulated here or by an executor; finished results are kept, and the rest can be done later."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import inspect
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from qae_sim.advantages import get
from qae_sim.advantages.rule import FIELDS
from qae_sim.arrays import invalid
from qae_sim.bandits.results import Result, import_pandas
from qae_sim.bandits.simulate import library_of, simulate
from qae_sim.bandits.study import Study


def grid(study: Study, axes: Mapping[str, Sequence[Any]]) -> tuple[Study, ...]:
    """All combinations of values, as studies.

    An axis is a field of the study or of its rule, or a parameter of its estimator (such as ``k``). An estimator that
    does not know a parameter goes without it, and studies that are then equal are kept once.

    Args:
        study: The study that the combinations start from.
        axes: Values by name of the axis, for example ``{"estimator": ["grpo", "qae"], "k": [0.2, 0.4]}``.

    Returns:
        The studies, the last axis varying fastest.

    Raises:
        TypeError: An axis holds one value instead of a sequence of values, or a value is of the wrong type.
        ValueError: No estimator of the grid knows an axis, an axis is empty, or a value is not allowed.

    Example:
        >>> from qae_sim.bandits import Bandit
        >>> cells = grid(Study(Bandit.uniform(4, 2)), {"estimator": ["grpo", "qae"], "k": [0.2, 0.4]})
        >>> [(cell.rule.name, cell.rule.parameters) for cell in cells]
        [('grpo', {}), ('qae', {'k': 0.2}), ('qae', {'k': 0.4})]
    """
    for name, values in axes.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise invalid(f"axis {name!r}", values, "a sequence of values", TypeError)
        if not values:
            raise invalid(f"axis {name!r}", values, "one value at least")
    of_study = {field.name for field in fields(Study)} | set(FIELDS)
    known = set().union(*(_parameters(estimator) for estimator in axes.get("estimator", [study.rule.estimator])))
    for name in axes:
        if name not in of_study | known:
            close = difflib.get_close_matches(name, of_study | known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise invalid("axes", name, f"fields of Study or parameters of the estimators{hint}")
    cells: dict[str, Study] = {}
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        changes = {name: value for name, value in chosen.items() if name in of_study}
        accepted = _parameters(changes.get("estimator", study.rule.estimator))
        parameters = dict(changes.get("parameters", study.rule.parameters))
        parameters |= {name: value for name, value in chosen.items() if name not in of_study and name in accepted}
        cell = study.with_(**(changes | {"parameters": parameters}))
        cells.setdefault(identifier(cell), cell)
    return tuple(cells.values())


def _parameters(estimator: Any) -> frozenset[str]:
    """Names of an estimator's parameters; a function, which is in no registry, is asked for its signature."""
    if isinstance(estimator, str):
        return frozenset(get(estimator).parameters)
    return frozenset(list(inspect.signature(estimator).parameters)[1:])


def identifier(study: Study) -> str:
    """Name a study by its settings: a hash of them.

    Args:
        study: The study. Functions count by their name only.

    Returns:
        32 hexadecimal digits.

    Example:
        >>> from qae_sim.bandits import Bandit
        >>> identifier(Study(Bandit.uniform(4, 2))) == identifier(Study(Bandit.uniform(4, 2), seed=1))
        False
    """
    text = json.dumps(study.to_dict(), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Sweep:
    """Studies whose results are in a folder, one file each; a result is read when it is accessed.

    Attributes:
        folder: The folder.
        studies: The studies, in the order of the grid.
        axes: Names of the axes along which they differ.
    """

    folder: Path
    studies: tuple[Study, ...]
    axes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, index: int) -> Result:
        """Result of a study by its place in the grid.

        Raises:
            FileNotFoundError: The study has not been simulated.
            ValueError: Its file is damaged, or holds another study's result.
        """
        study = self.studies[index]
        return _own(self.path(study), Result.load(self.path(study)), study)

    def __iter__(self) -> Iterator[Result]:
        return (self[index] for index in range(len(self)))

    def path(self, study: Study) -> Path:
        """File of a study's result."""
        return self.folder / f"{identifier(study)}.npz"

    def coordinates(self, study: Study) -> dict[str, Any]:
        """Values of the axes of a study; None for a parameter that its estimator does not have."""
        return {axis: _value(study, axis) for axis in self.axes}

    def missing(self) -> tuple[Study, ...]:
        """Studies without a readable result.

        Raises:
            ValueError: A study's file holds another study's result, which is not to be replaced.
        """
        return tuple(study for study in self.studies if not _finished(self.path(study), study))

    def to_pandas(self) -> Any:
        """Arrange the records of all studies in one table.

        Returns:
            A ``pandas.DataFrame`` with one row for each study, step and run, and columns for the axes, the step, the
            run and the records.

        Raises:
            ModuleNotFoundError: pandas is not installed.
            FileNotFoundError: A study has not been simulated.
        """
        pandas = import_pandas()
        parts = []
        for study, result in zip(self.studies, self, strict=True):
            part = result.to_pandas().reset_index()
            for position, (axis, value) in enumerate(self.coordinates(study).items()):
                part.insert(position, axis, [_label(value)] * len(part))
            parts.append(part)
        return pandas.concat(parts, ignore_index=True)


def _value(study: Study, axis: str) -> Any:
    """Value of a study on an axis."""
    if axis in FIELDS:
        return getattr(study.rule, axis)
    return getattr(study, axis) if hasattr(study, axis) else study.rule.parameters.get(axis)


def _label(value: Any) -> Any:
    """A value as a table shows it: numbers and strings as they are, everything else as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _finished(path: Path, study: Study) -> bool:
    """Whether a file holds a complete result."""
    try:
        result = Result.load(path)
    except (FileNotFoundError, ValueError):
        return False
    _own(path, result, study)
    return True


def _own(path: Path, result: Result, study: Study) -> Result:
    """Check that a file holds the result of the study that it is named after."""
    if identifier(result.study) != identifier(study):
        raise ValueError(
            f"{path} holds the result of another study, which belongs into {identifier(result.study)}.npz: rename it"
        )
    return result


def sweep(
    study: Study,
    axes: Mapping[str, Sequence[Any]],
    folder: str | Path,
    *,
    executor: Executor | None = None,
    progress: bool = False,
    library: str = "auto",
) -> Sweep:
    """Simulate all combinations of a grid and keep each result in a file of its own.

    A result is written as soon as its cell is done. If the sweep stops (Ctrl-C, a kill, an error in one cell), finished
    results are kept, and the same call does the rest. File names are hashes of the studies, so sweeps may share a
    folder; estimators that are functions count by their name, so give a changed function a new name.

    Args:
        study: The study that the cells start from.
        axes: Values by axis, see :func:`grid`.
        folder: Where the results go; made if missing.
        executor: Where the cells are simulated: threads, processes, or the executor of a Dask client for a cluster.
            None: here, one after the other. The numbers are the same bits on machines of one kind.
        progress: Whether to show a progress bar.
        library: As for :func:`~qae_sim.bandits.simulate`; ``"auto"`` is decided here, once for all workers.

    Returns:
        The studies and where their results are.

    Raises:
        ValueError: The grid is wrong, see :func:`grid`, or a file in the folder holds another study's result.
        ExceptionGroup: Cells have failed; the others are done.
        BrokenExecutor: A worker was killed; what had been finished is kept.
        KeyboardInterrupt: The sweep was interrupted; what had been finished is kept.

    Example:
        >>> import tempfile
        >>> from qae_sim.bandits import Bandit
        >>> base = Study(Bandit.uniform(4, 2), steps=5, runs=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cells = sweep(base, {"eta": [0.1, 0.5]}, folder)
        ...     [result["entropy"].shape for result in cells]
        [(5, 2), (5, 2)]
    """
    cells = Sweep(Path(folder), grid(study, axes), tuple(axes))
    cells.folder.mkdir(parents=True, exist_ok=True)
    todo = cells.missing()
    failures: list[Exception] = []

    def keep(cell: Study, outcome: Result | Exception) -> None:
        if isinstance(outcome, Result):
            outcome.save(cells.path(cell))
        else:
            outcome.add_note(f"in the cell {cells.coordinates(cell)}")
            failures.append(outcome)

    with _progress_bar(len(cells), progress) as advance:
        advance(len(cells) - len(todo))
        for cell, outcome in _here(todo, library) if executor is None else _elsewhere(todo, library, executor, keep):
            keep(cell, outcome)
            advance(1)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(cells)} cells have failed; the others are done", failures)
    return cells


def _here(studies: Sequence[Study], library: str) -> Iterator[tuple[Study, Result | Exception]]:
    """Simulate one study after the other."""
    for study in studies:
        try:
            yield study, simulate(study, library=library)
        except Exception as error:
            yield study, error


def _elsewhere(
    studies: Sequence[Study], library: str, executor: Executor, keep: Callable[[Study, Result | Exception], None]
) -> Iterator[tuple[Study, Result | Exception]]:
    """Simulate studies on an executor and give them back as they finish.

    When this is interrupted, what has not begun is cancelled, and what has finished meanwhile is kept.
    """
    running: dict[Future[Result], Study] = {}
    try:
        for study in studies:
            running[executor.submit(simulate, study, library=library_of(study, library))] = study
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = _outcome(future)
                yield running[future], outcome
                del running[future]
    finally:
        for future, study in running.items():
            if not future.cancel() and future.done() and not isinstance(future.exception(), BrokenExecutor):
                with contextlib.suppress(OSError):  # a full disk has been told of already, or is not why this ends
                    keep(study, _outcome(future))


def _outcome(future: Future[Result]) -> Result | Exception:
    """Outcome of a finished future; interrupts and killed workers, which are no outcome of a cell, are raised."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Exception) and not isinstance(error, BrokenExecutor):
        return error
    raise error


@contextlib.contextmanager
def _progress_bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar of finished cells on standard error; yields the function that advances it."""
    if not shown:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("cells", total=total)
        yield lambda count: bar.update(task, advance=count)
