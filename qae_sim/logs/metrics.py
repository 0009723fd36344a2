"""Numbers that trainers log once a step, beside the responses: entropy, KL and the share of clipped tokens."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from qae_sim.logs.events import rows_of_events
from qae_sim.logs.sources import Trouble

#: Names that trainers give to a metric, in the order in which they are looked for.
NAMES: Mapping[str, tuple[str, ...]] = {
    "entropy": (
        "entropy",
        "actor/entropy",
        "actor/entropy_loss",
        "policy/entropy",
        "loss/entropy_avg",
        "policy_entropy",
    ),
    "kl": ("kl", "actor/kl_loss", "actor/ppo_kl", "actor/reward_kl_penalty", "objective/kl", "policy/kl", "approx_kl"),
    "clip": (
        *("clip_ratio/region_mean", "clip_ratio", "actor/pg_clipfrac", "policy/clipfrac_avg", "clip_fraction"),
        *("clipfrac", "policy/clip_ratio"),
    ),
}
#: Files that hold metrics, one JSON object a line.
_LINES = ("metrics.jsonl", "metrics.ndjson", "training_log.jsonl", "logging.jsonl")
#: Tables of metrics: as Weights & Biases exports a chart, and as its API gives a run's history.
_TABLES = ("wandb_export*.csv", "history.csv", "metrics.csv")
#: Where Weights & Biases parts the name of a run from that of a metric, and what it adds for several runs in one line.
_OF_RUN, _RANGES = " - ", ("__MIN", "__MAX")
#: Events of TensorBoard beside a log: in its folder, or where TRL puts them, a folder for each start of a run.
_EVENTS = ("events.out.tfevents.*", "runs/*/events.out.tfevents.*")
#: Names of metrics as they are written: some trainers put "train/" before.
_WRITTEN = frozenset(form for names in NAMES.values() for name in names for form in (name, f"train/{name}"))
#: Larger files are left alone.
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Metric:
    """A metric over training.

    Attributes:
        column: The name that the trainer gave it.
        file: The file in which it stands, without its folder.
        steps: Numbers of the steps, in order, ``(S,)``.
        values: Its values, ``(S,)``, all finite.
    """

    column: str
    file: str
    steps: np.ndarray
    values: np.ndarray


def metrics_of(source: Path, trouble: Trouble | None = None) -> dict[str, Metric]:
    """Find the metrics of a run beside its log.

    They are looked for in ``trainer_state.json`` (of TRL; the latest checkpoint's), in ``metrics.jsonl`` and its like
    in CSV tables (a chart that Weights & Biases has exported, ``history.csv``, ``metrics.csv``) and in TensorBoard's
    events (``events.out.tfevents.*``, also in ``runs``), in the run's folder; for a folder of responses alone, such as
    ``completions``, also in the one above. The first of these that has a metric gives it. Of a step that was done twice
    the later value counts.

    Args:
        source: The log: a file or a folder.
        trouble: Where lines, values, records and files that cannot be read are counted, and tables and events of
            several runs, of which all or the earlier ones are left out.

    Returns:
        Metrics by meaning: ``"entropy"``, ``"kl"``, ``"clip"``, as far as they were found.

    Example:
        >>> metrics_of(Path("no such folder"))
        {}
    """
    trouble = Trouble() if trouble is None else trouble
    folder = source if source.is_dir() else source.parent
    found: dict[str, Metric] = {}
    for place in (folder, folder.parent) if folder.name in ("completions", "rollouts", "rollout") else (folder,):
        for file in _files(place, trouble):
            found = metrics_in(list(_rows(file, trouble)), file.name, trouble) | found
        rows, last = _of_events(place, trouble)
        found = metrics_in(rows, last, trouble) | found
    return found


def metrics_in(rows: Sequence[Mapping[str, Any]], file: str = "", trouble: Trouble | None = None) -> dict[str, Metric]:
    """Find metrics in what a trainer logs at each step, such as ``state.log_history`` of TRL.

    Args:
        rows: Objects with the names of metrics, and ``step`` (else their place counts).
        file: The name of their file.
        trouble: Where values that are no finite numbers are counted.

    Returns:
        As :func:`metrics_of`.

    Example:
        >>> metrics_in([{"step": 1, "entropy": 2.0}, {"step": 2, "entropy": 1.5}])["entropy"].values
        array([2. , 1.5])
    """
    trouble = Trouble() if trouble is None else trouble
    found = {meaning: _metric(names, rows, file, trouble) for meaning, names in NAMES.items()}
    return {meaning: metric for meaning, metric in found.items() if metric is not None}


def _files(folder: Path, trouble: Trouble) -> list[Path]:
    """List files that may hold metrics; of checkpoints the latest."""
    checkpoints = [path for path in folder.glob("checkpoint-*/trainer_state.json") if path.parent.name[11:].isdecimal()]
    latest = sorted(checkpoints, key=lambda path: int(path.parent.name[11:]))[-1:]
    tables = [path for name in _TABLES for path in sorted(folder.glob(name))]
    files = [folder / "trainer_state.json", *latest, *(folder / name for name in _LINES), *tables]
    return _small(files, trouble)


def _small(files: Iterable[Path], trouble: Trouble) -> list[Path]:
    """Leave out what is no file, and name what is too large."""
    files = [file for file in files if file.is_file()]
    for file in files:
        if file.stat().st_size > _LARGEST:
            trouble.note(f"files of metrics above {_LARGEST >> 20} MiB, which are not read", file.name)
    return [file for file in files if file.stat().st_size <= _LARGEST]


def _of_events(folder: Path, trouble: Trouble) -> tuple[list[dict[str, float]], str]:
    """Read TensorBoard's events beside a log, in the order in which their files were begun; and the last file's name.

    A run that goes on writes a new file, whose steps count where both have them. One that starts again, at the first
    step of what was there or before, is another run.
    """
    files = _small((path for pattern in _EVENTS for path in folder.glob(pattern)), trouble)
    rows: list[dict[str, float]] = []
    last = ""
    for file in sorted(files, key=lambda path: (_begun(path), str(path))):
        try:
            content = file.read_bytes()
        except OSError:
            trouble.note("files of metrics that cannot be read", file.name)
            continue
        new = rows_of_events(content, file.name, _WRITTEN, trouble)
        if new and rows and min(row["step"] for row in new) <= min(row["step"] for row in rows):
            trouble.note("events of an earlier run in the same folder, which are left out", last)
            rows = []
        if new:
            rows, last = rows + new, file.name
    return rows, last


def _begun(events: Path) -> int:
    """The second at which a file of events was begun, from its name."""
    second = events.name.split(".")[3]
    return int(second) if second.isdecimal() else 0


def _rows(file: Path, trouble: Trouble) -> Iterator[Mapping[str, Any]]:
    """Read what was logged at each step."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
        if file.suffix == ".csv":
            yield from _of_table(text, file.name, trouble)
            return
        if file.name == "trainer_state.json":
            history = json.loads(text)["log_history"]
            yield from (row for row in history if isinstance(row, dict))
            return
    except (OSError, ValueError, KeyError, TypeError, RecursionError, csv.Error):
        trouble.note("files of metrics that cannot be read", file.name)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            inner = row.get("data")  # verl writes {"step": ..., "data": {...}}
            yield {**row, **inner} if isinstance(inner, dict) else row
        else:
            trouble.note("lines of metrics that are no JSON objects", f"{file.name}:{number}")


def _of_table(text: str, file: str, trouble: Trouble) -> list[dict[str, float | str]]:
    """Read a table; a chart of Weights & Biases names its columns "run - metric" and counts steps in "Step"."""
    table = csv.reader(io.StringIO(text, newline=""))  # a cell may hold line breaks
    columns = next(table, [])
    names = [
        "" if column.endswith(_RANGES) else "step" if column == "Step" else column.rpartition(_OF_RUN)[2]
        for column in columns
    ]
    several = {name for name in names if name and names.count(name) > 1}
    if several & _WRITTEN:
        trouble.note("tables with a metric of several runs, which is left out", file)
    rows = []
    for cells in table:
        row: dict[str, float | str] = {}
        for name, cell in zip(names, cells, strict=False):
            if name and name not in several and cell.strip():  # an empty cell: nothing was logged at this step
                try:
                    row[name] = float(cell)
                except ValueError:
                    row[name] = cell
        rows.append(row)
    return rows


def _metric(names: Sequence[str], rows: Sequence[Mapping[str, Any]], file: str, trouble: Trouble) -> Metric | None:
    """Take the first of these names that has numbers."""
    for name in names:
        found: dict[int, float] = {}
        for number, row in enumerate(rows):
            value = row.get(name, row.get("train/" + name))
            step = row.get("step", row.get("global_step", row.get("_step", number)))
            if _is_number(value) and _is_number(step):
                found[int(step)] = float(value)
            elif value is not None:
                trouble.note(
                    "values of metrics that are no finite numbers, or whose step is none", _place(file, number)
                )
        if found:
            steps = sorted(found)
            return Metric(name, file, np.array(steps), np.array([found[step] for step in steps]))
    return None


def _place(file: str, number: int) -> str:
    """Say where a row is."""
    return f"{file}, row {number + 1}" if file else f"row {number + 1}"


def _is_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether a value is a finite number that an array can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**53 and math.isfinite(value)
