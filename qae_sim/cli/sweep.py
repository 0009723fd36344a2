"""``qae-sim sweep``: simulate a grid of bandits."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from qae_sim.bandits import RECORDS, Bandit, Clip, Study, Sweep, grid
from qae_sim.bandits import sweep as run_sweep
from qae_sim.cli.stops import resumable
from qae_sim.cli.text import printable, shown
from qae_sim.processes import Workers


def _list_of(convert: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], list[Any] | None]:
    """Make a callback that reads values separated by commas."""

    def read(context: click.Context, parameter: click.Parameter, text: str | None) -> list[Any] | None:
        if text is None:
            return None
        try:
            return [convert(part.strip()) for part in text.split(",")]
        except ValueError as error:
            raise click.BadParameter(f"{text!r}: {error}") from error

    return read


def _clip(text: str) -> Clip | None:
    """Read a clip range: "none", "0.2" for both sides, or "0.2:0.28" for low and high."""
    if text == "none":
        return None
    low, _, high = text.partition(":")
    return Clip(float(low), float(high or low))


#: Success of each arm in the two problems that --problem names, at their default sizes.
_UNIFORM, _PEAKED = Bandit.uniform().success[0], Bandit.peaked().success[0]


@click.command(short_help="Simulate a grid of bandits.")
@click.option(
    "--problem",
    type=click.Choice(["uniform", "peaked"]),
    default="uniform",
    show_default=True,
    help="Random logits, or a policy that starts peaked at a wrong arm.",
)
@click.option(
    "--arms", type=int, default=None, help=f"Number of arms.  [default: {len(_UNIFORM)}; peaked: {len(_PEAKED)}]"
)
@click.option(
    "--correct",
    type=int,
    default=None,
    help=f"Number of correct arms.  [default: {sum(_UNIFORM):.0f}; peaked: {sum(_PEAKED):.0f}]",
)
@click.option(
    "--study",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="A study in JSON (Study.to_dict) to start from, instead of --problem.",
)
@click.option("--estimator", callback=_list_of(str), help="Names from 'qae-sim estimators', such as grpo,qae.")
@click.option("--k", callback=_list_of(float), help="K of QAE, such as 0.2,0.4.")
@click.option("--group-size", callback=_list_of(int), help="G, responses per group.")
@click.option("--eta", callback=_list_of(float), help="Step sizes.")
@click.option("--clip", callback=_list_of(_clip), help="Clip ranges: none, 0.2, or 0.2:0.28 for low and high.")
@click.option("--epochs", callback=_list_of(int), help="Passes over each batch.")
@click.option("--seed", callback=_list_of(int), help="Seeds.")
@click.option("--steps", type=int, default=None, help="Steps of each run.")
@click.option("--runs", type=int, default=None, help="Independent runs of each cell.")
@click.option("--every", type=int, default=None, help="Steps between recorded rows.")
@click.option("--record", "records", multiple=True, help=f"A quantity to record; repeatable: {', '.join(RECORDS)}.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("qae-sim-sweep"),
    show_default=True,
    help="Folder for the results, one file for each cell.",
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Number of processes.")
def sweep(
    problem: str,
    arms: int | None,
    correct: int | None,
    file: Path | None,
    folder: Path,
    workers: int,
    records: tuple[str, ...],
    **options: Any,
) -> None:
    """Simulate a bandit for all combinations of some settings, and store every result.

    Settings that take several values, separated by commas, span the grid:

        qae-sim sweep --estimator grpo,qae --k 0.2,0.4,0.6 --eta 0.05,0.5

    Each result is written as soon as it is finished. After Ctrl-C, a crash or a power cut, the same command computes
    the missing ones. To work with results: qae_sim.bandits.Result.load(FILE), and .to_pandas().
    """
    given = {name: value for name, value in options.items() if value is not None}
    single: dict[str, Any] = {name: given.pop(name) for name in ("steps", "runs", "every") if name in given}
    if records:
        single["records"] = records
    try:
        study = _base(problem, arms, correct, file).with_(**single)
        cells = grid(study, given)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error

    def kept() -> str:
        results = Sweep(folder, cells, tuple(given))
        count = sum(results.path(cell).exists() for cell in cells)
        return f"{count} of {len(cells)} cells are kept in {printable(folder)}; the same command computes the others."

    with resumable(folder, kept):
        try:
            with Workers(workers) if workers > 1 else nullcontext() as executor:
                done = run_sweep(study, given, folder, executor=executor, progress=True)
        except ExceptionGroup as error:
            lines = [f"{problem}: {'; '.join(getattr(problem, '__notes__', []))}" for problem in error.exceptions]
            raise click.ClickException("\n  ".join([error.message, *map(printable, lines)])) from error
        except ValueError as error:  # a file of another study
            raise click.ClickException(str(error)) from error
        Console().print(_table(done))
    click.echo(f"{len(done)} results in {printable(folder)}")


def _base(problem: str, arms: int | None, correct: int | None, file: Path | None) -> Study:
    """Make the study that all cells start from."""
    if file is not None:
        if arms is not None or correct is not None:
            raise ValueError("--arms and --correct belong to --problem, not to --study")
        return Study.from_dict(json.loads(file.read_text()))
    sizes = {name: value for name, value in (("arms", arms), ("correct", correct)) if value is not None}
    return Study(Bandit.peaked(**sizes) if problem == "peaked" else Bandit.uniform(**sizes))


def _table(done: Sweep) -> Table:
    """Lay out the last row of every record: mean over runs and its standard error."""
    names = list(done.studies[0].records)
    table = Table(title="Last recorded row: mean over runs ± standard error", title_justify="left")
    for name in itertools.chain(done.axes, names):
        table.add_column(name, justify="right")
    for study, result in zip(done.studies, done, strict=True):
        axes = [shown("" if value is None else value) for value in done.coordinates(study).values()]
        table.add_row(*axes, *(_summary(result[name][-1]) for name in names))
    return table


def _summary(values: np.ndarray) -> str:
    """Mean and standard error of values over runs."""
    if len(values) < 2:
        return f"{values.mean():.4g}"
    return f"{values.mean():.4g} ± {values.std(ddof=1) / math.sqrt(len(values)):.2g}"
