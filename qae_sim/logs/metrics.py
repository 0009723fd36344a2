"""Numbers that trainers log once a step, beside the responses: entropy, KL and the share of clipped tokens."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

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
#: Events of TensorBoard, a binary format.
_EVENTS = "events.out.tfevents.*"
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
    and in CSV tables (a chart that Weights & Biases has exported, ``history.csv``, ``metrics.csv``), in the run's
    folder; for a folder of responses alone, such as ``completions``, also in the one above. Of a step that was done
    twice the later value counts.

    Args:
        source: The log: a file or a folder.
        trouble: Where lines and files that cannot be read are counted, tables with a metric of several runs, which are
            left out, and events of TensorBoard, which are not read.

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
            found = metrics_in(list(_rows(file, trouble)), file.name) | found
        for events in sorted(place.glob(_EVENTS)):
            trouble.note(
                "events of TensorBoard that are not read: save the charts of entropy, KL and clipping as CSV, all in "
                "one metrics.csv with a column step",
                events.name,
            )
    return found


def metrics_in(rows: Sequence[Mapping[str, Any]], file: str = "") -> dict[str, Metric]:
    """Find metrics in what a trainer logs at each step, such as ``state.log_history`` of TRL.

    Args:
        rows: Objects with the names of metrics, and ``step`` (else their place counts).
        file: The name of their file.

    Returns:
        As :func:`metrics_of`.

    Example:
        >>> metrics_in([{"step": 1, "entropy": 2.0}, {"step": 2, "entropy": 1.5}])["entropy"].values
        array([2. , 1.5])
    """
    found = {meaning: _metric(names, rows, file) for meaning, names in NAMES.items()}
    return {meaning: metric for meaning, metric in found.items() if metric is not None}


def _files(folder: Path, trouble: Trouble) -> list[Path]:
    """List files that may hold metrics; of checkpoints the latest."""
    checkpoints = [path for path in folder.glob("checkpoint-*/trainer_state.json") if path.parent.name[11:].isdecimal()]
    latest = sorted(checkpoints, key=lambda path: int(path.parent.name[11:]))[-1:]
    tables = [path for name in _TABLES for path in sorted(folder.glob(name))]
    files = [folder / "trainer_state.json", *latest, *(folder / name for name in _LINES), *tables]
    files = [file for file in files if file.is_file()]
    for file in files:
        if file.stat().st_size > _LARGEST:
            trouble.note(f"files of metrics above {_LARGEST >> 20} MiB, which are not read", file.name)
    return [file for file in files if file.stat().st_size <= _LARGEST]


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


def _of_table(text: str, file: str, trouble: Trouble) -> list[dict[str, float]]:
    """Read a table; a chart of Weights & Biases names its columns "run - metric" and counts steps in "Step"."""
    table = csv.reader(text.splitlines())
    columns = next(table, [])
    names = [
        "" if column.endswith(_RANGES) else "step" if column == "Step" else column.rpartition(_OF_RUN)[2]
        for column in columns
    ]
    several = {name for name in names if name and names.count(name) > 1}
    if several & {form for known in NAMES.values() for name in known for form in (name, f"train/{name}")}:
        trouble.note("tables with a metric of several runs, which is left out", file)
    rows = []
    for cells in table:
        row = {}
        for name, cell in zip(names, cells, strict=False):
            if name and name not in several:
                try:
                    row[name] = float(cell)
                except ValueError:
                    continue  # an empty cell: nothing was logged at this step
        rows.append(row)
    return rows


def _metric(names: Sequence[str], rows: Sequence[Mapping[str, Any]], file: str) -> Metric | None:
    """Take the first of these names that has numbers."""
    for name in names:
        found: dict[int, float] = {}
        for number, row in enumerate(rows):
            value = row.get(name, row.get("train/" + name))
            step = row.get("step", row.get("global_step", row.get("_step", number)))
            if _is_number(value) and _is_number(step):
                found[int(step)] = float(value)
        if found:
            steps = sorted(found)
            return Metric(name, file, np.array(steps), np.array([found[step] for step in steps]))
    return None


def _is_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether a value is a finite number that an array can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**53 and math.isfinite(value)
