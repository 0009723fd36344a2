"""``qae-sim train`` and ``qae-sim reproduce``: toy language models that learn by RLVR."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from qae_sim.cli.stops import resumable
from qae_sim.cli.text import printable
from qae_sim.lm.config import LOSSES, OBJECTIVES, SIZES, Config
from qae_sim.lm.runs import METRICS, Record
from qae_sim.lm.studies import SEEDS, STUDIES, Finding, judge, recorded
from qae_sim.lm.tasks import TASKS

_DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device of the computation; auto takes CUDA if available.",
)
_FLAGS: dict[str, tuple[Any, str]] = {
    "task": (click.Choice(tuple(TASKS)), "Task to learn."),
    "size": (click.Choice(SIZES), "Size of the model."),
    "estimator": (str, "A name from 'qae-sim estimators'."),
    "objective": (click.Choice(OBJECTIVES), "Objective to optimise."),
    "clip_low": (float, "Lower clip range; inf never clips."),
    "clip_high": (float, "Upper clip range; inf never clips."),
    "loss": (click.Choice(LOSSES), "How tokens are weighted."),
    "attempts": (int, "Dynamic sampling: most draws of prompts until enough groups are mixed."),
    "prompts": (int, "Prompts in a batch, each with a group."),
    "group_size": (int, "G, responses to a prompt."),
    "minibatches": (int, "Steps per pass over a batch."),
    "batches": (int, "Batches in the run."),
    "learning_rate": (float, "Learning rate of AdamW."),
}


def _with_flags(command: Any) -> Any:
    """Give a command a flag for each field of :data:`_FLAGS`."""
    defaults = Config().to_dict()
    for name, (kind, text) in reversed(_FLAGS.items()):
        flag, shown = f"--{name.replace('_', '-')}", f"{text}  [default: {defaults[name]}]"
        command = click.option(flag, name, type=kind, default=None, help=shown)(command)
    return command


@click.command(short_help="Train a toy language model.")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Start from a configuration file, TOML or JSON; flags change it.",
)
@_with_flags
@click.option("--k", type=float, help="K of QAE and its masks.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Any field of a configuration file, with its value as in TOML: kl=0.1, parameters.k=0.2. Repeatable.",
)
@click.option("--seeds", default="0", show_default=True, help="Seeds, such as 0,1,2; each has its own base model.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("qae-sim-run"),
    show_default=True,
    help="Folder for configuration, metrics and checkpoints.",
)
@_DEVICE
def train(
    file: Path | None,
    k: float | None,
    assignments: tuple[str, ...],
    seeds: str,
    folder: Path,
    device: str,
    **flags: Any,
) -> None:
    """Train a toy language model by RLVR, starting from a supervised base model.

        qae-sim train --task style --estimator qae --k 0.4 --batches 30

    Several seeds are trained at once, as one ensemble. After Ctrl-C, a crash or a power cut the same command continues
    where it was, and on the CPU ends with the same bits.
    """
    try:
        runs = _configs(
            file, {name: value for name, value in flags.items() if value is not None}, k, assignments, seeds
        )
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    bars = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with _explained(folder):
        from qae_sim.lm.train import train as train_runs

        with Progress(*bars, console=Console(stderr=True)) as bar:
            tasks: dict[str, Any] = {}

            def tell(what: str, share: float) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=1.0)
                bar.update(tasks[what], completed=share)

            record = train_runs(runs, folder, device=device, progress=tell)
    Console().print(_summary(record))
    click.echo(f"{len(record)} runs in {printable(folder)}")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say what happened, and what to do, when training stops."""
    with resumable(folder):
        try:
            yield
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"training needs {error.name}, which this Python lacks: pip install 'qae_sim[lm]'"
            ) from error
        except ValueError as error:
            raise click.ClickException(str(error)) from error


def _configs(
    file: Path | None, flags: dict[str, Any], k: float | None, assignments: tuple[str, ...], seeds: str
) -> list[Config]:
    """Make the runs' configurations: defaults, then the file, then flags."""
    values = Config.read(file).to_dict() if file is not None else Config().to_dict()
    values |= flags
    if "estimator" in flags or k is not None:
        values["parameters"] = {} if "estimator" in flags else dict(values["parameters"])
        values["parameters"] |= {} if k is None else {"k": k}
    for text in assignments:
        name, _, given = text.partition("=")
        try:
            value = tomllib.loads(f"value = {given}")["value"]
        except tomllib.TOMLDecodeError:
            value = given  # text without quotation marks
        field, _, key = name.strip().partition(".")
        if key:
            values[field] = dict(values.get(field) or {}) | {key: value}
        else:
            values[field] = value
    return [Config.from_dict(values | {"seed": seed, "base_seed": seed}) for seed in _seeds(seeds)]


def _seeds(text: str) -> list[int]:
    """Read seeds: integers and ranges, such as ``0,1,100-115``."""
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if not first <= last < first + 10_000:
            raise ValueError(f"--seeds must be integers or ranges such as 100-115, separated by commas; got {text!r}")
        found += range(first, last + 1)
    return found


def _summary(record: Record) -> Table:
    """Lay out first and last values of the most important metrics, mean over the runs."""
    table = Table(title="Mean over runs", title_justify="left")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("pass_1", "pass_k", "fixed_entropy", "entropy", "length", "zero_share"):
        first = float(np.mean(record[name][:, 0]))
        table.add_row(escape(METRICS[name]), f"{first:.3f}", f"{float(np.mean(record.last(name))):.3f}")
    return table


@click.command(short_help="Test the claims about training.")
@click.argument("studies", nargs=-1, type=click.Choice(tuple(STUDIES)), metavar="[STUDY]...")
@click.option(
    "--size",
    type=click.Choice(tuple(SEEDS)),
    default="small",
    show_default=True,
    help="small: for a CPU; full: a larger model, for a GPU.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("qae-sim-reproduction"),
    show_default=True,
    help="Folder for runs, table.md and record.npz.",
)
@click.option(
    "--seeds",
    default=None,
    help="Seeds such as 100-115, each with a base model.  [default: those of the recorded runs]",
)
@click.option(
    "--workers", type=click.IntRange(1), default=None, help="Processes.  [default: one for each core; CUDA: 1]"
)
@click.option(
    "--recorded", "from_record", is_flag=True, help="Judge the runs that come with the package; train nothing."
)
@click.option("--list", "as_list", is_flag=True, help="Print the studies.")
@_DEVICE
def reproduce(
    studies: tuple[str, ...],
    size: str,
    folder: Path,
    seeds: str | None,
    workers: int | None,
    from_record: bool,
    as_list: bool,
    device: str,
) -> None:
    """Train the runs that test the papers' claims, and print a table of claims, numbers and verdicts.

    Without STUDY: all studies. An interrupted reproduction continues where it was.
    """
    if as_list:
        table = Table("Study", "Subject", title="Studies", title_justify="left")
        for study in STUDIES.values():
            table.add_row(study.name, escape(study.title))
        Console().print(table)
        return
    names = [name for name in STUDIES if name in studies] if studies else list(STUDIES)
    try:
        numbers = None if seeds is None else _seeds(seeds)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if from_record and numbers is not None:
        raise click.UsageError("--seeds cannot be chosen with --recorded: those runs are done.")
    with _explained(folder):
        findings = (
            judge(names, size, recorded(size))
            if from_record
            else _train_all(names, folder, size, numbers, device, workers)
        )
    Console().print(_findings(findings))


def _train_all(
    names: list[str], folder: Path, size: str, seeds: list[int] | None, device: str, workers: int | None
) -> list[Finding]:
    """Reproduce with a progress bar; off a terminal a line tells of every job that is done."""
    from qae_sim.lm.reproduce import cost_per_seed, needed
    from qae_sim.lm.reproduce import reproduce as run

    count = SEEDS[size] if seeds is None else len(seeds)
    minutes = cost_per_seed(names, size, device) / 60
    click.echo(
        f"{count} seeds of {len(needed(names, size))} arms: at most about {minutes:.0f} minutes of one process a seed, "
        f"{count * minutes:.0f} in all, as a few steps here tell.",
        err=True,
    )
    if not sys.stderr.isatty():
        return run(
            *(names, folder),
            size=size,
            seeds=seeds,
            device=device,
            workers=workers,
            progress=lambda done, total: click.echo(f"{done} of {total} base models and arms are done", err=True),
        )
    columns = (TextColumn("base models and arms"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("jobs", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return run(names, folder, size=size, seeds=seeds, device=device, workers=workers, progress=tell)


_COLOURS = {"replicated": "green", "not replicated": "magenta", "depends": "cyan"}


def _findings(findings: list[Finding]) -> Table:
    """Lay out one row per claim."""
    table = Table(title="Claims about training, on toy language models", title_justify="left", show_lines=True)
    for column in ("Study", "Claim", "Mean over seeds and 95 % interval, positive where the claim is right", "Verdict"):
        table.add_column(column)
    for f in findings:
        numbers = "\n".join(f"{e.setting}: {e.mean:+.3f} [{e.low:+.3f}, {e.high:+.3f}]" for e in f.evidence)
        colour = next((c for start, c in _COLOURS.items() if f.verdict.startswith(start)), "white")
        claim = f"{escape(f.claim)}\n[dim]{escape(f.source)}[/]"
        table.add_row(f.study, claim, f"{escape(f.quantity)}\n{escape(numbers)}", f"[{colour}]{escape(f.verdict)}[/]")
    return table
