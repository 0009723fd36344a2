"""Measurements of runs, read from run folders or from archives of many runs; this needs NumPy alone."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import invalid
from qae_sim.lm.config import Config
from qae_sim.storage import Layout, about_tensors, from_json, from_lines, read_archive, verify, write_archive

#: The header of configurations, checkpoints and archives of runs.
RUN = Layout("qae_sim language model run", 1, "a run of qae_sim")

#: All metrics, measured at every batch or at evaluations. Entropies are in nats per token.
METRICS: Mapping[str, str] = {
    "reward": "share of correct responses",
    "entropy": "policy entropy at the tokens it has just sampled, before any filter",
    "length": "tokens of a response",
    "correction_share": "share of tokens that hesitate or take something back",
    "success_histogram": "groups with 0, 1, ..., G correct responses",
    "success_counts": "correct responses to each prompt of the batch, before any filter",
    "top_words": "words of highest mean entropy: word, entropy, number of occurrences",
    "mixed_share": "share of the batch's groups that are neither all correct nor all wrong",
    "zero_share": "share of responses all of whose advantages are exactly 0",
    "positive_share": "share of responses with positive advantage",
    "net_advantage": "mean advantage over tokens",
    "entropy_positive": "entropy at tokens of responses with positive advantage",
    "entropy_negative": "entropy at tokens of responses with negative advantage",
    "entropy_zero": "entropy at tokens of responses without advantage",
    "entropy_mass_negative": "share of the summed entropy that lies in responses with negative advantage",
    "anchor": "belief of the difficulty anchor",
    "k": "K of the estimator",
    "gradient_norm": "norm of the gradient before it is clipped, mean over steps",
    "clip_low": "share of tokens that were clipped below 1",
    "clip_high": "share of tokens that were clipped above 1",
    "clip_dual": "share of tokens that dual clip stopped",
    "backward_share": "share of responses that took part in the backward passes",
    "pass_1": "pass@1 on held-out prompts",
    "pass_k": "pass@k on held-out prompts, k as configured",
    "pass_curve": "pass@1, pass@2, pass@4, ... on held-out prompts",
    "pass_by_level": "pass@1 on held-out prompts by level of difficulty",
    "pass_1_by_temperature": "pass@1 on held-out prompts at each temperature of evaluations",
    "held_out_counts": "correct responses to each held-out prompt",
    "fixed_entropy": "policy entropy at the tokens of the base model's responses to held-out prompts",
}

#: Files of a run folder: the configuration, the metrics, and the state of training.
CONFIG, LINES, CHECKPOINT = "config.json", "metrics.jsonl", "checkpoint.safetensors"

#: Metrics that are not numbers.
_WORDS = ("top_words",)


@dataclass(frozen=True)
class Record:
    """The measurements of some runs.

    Row t of a metric describes the policy after t batches, and the batch that it then sampled; the last row holds only
    an evaluation. What was not measured is NaN.

    Attributes:
        configs: The configurations of the R runs.
        metrics: Arrays ``(R, rows)``, some with a further axis, by name (see :data:`METRICS`).
        words: ``top_words``: for each run, a mapping from rows to lists of word, entropy, count.
        about: For each run the version of qae_sim, the device and the like.

    Example:
        >>> reward = np.array([[0.1, 0.2], [0.3, 0.4]])
        >>> record = Record((Config(), Config(seed=1)), {"reward": reward}, ({}, {}), ({}, {}))
        >>> record.where(seed=1)["reward"]
        array([[0.3, 0.4]])
    """

    configs: tuple[Config, ...]
    metrics: Mapping[str, np.ndarray]
    words: tuple[Mapping[int, Any], ...]
    about: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.configs)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a metric of all runs."""
        if name not in self.metrics:
            raise invalid("name", name, "one of " + ", ".join(self.metrics))
        return self.metrics[name]

    def take(self, runs: Sequence[int]) -> Record:
        """Select runs by their places, in the order given."""
        chosen = list(runs)
        return Record(
            tuple(self.configs[i] for i in chosen),
            {name: values[chosen] for name, values in self.metrics.items()},
            tuple(self.words[i] for i in chosen),
            tuple(self.about[i] for i in chosen),
        )

    def where(self, choose: Callable[[Config], bool] | None = None, **fields: Any) -> Record:
        """Select runs by their configurations.

        Args:
            choose: Tells for a configuration whether to select it; None selects all.
            **fields: Fields of the configuration and the values they must have.

        Returns:
            These runs, in their order.
        """
        return self.take(
            [
                i
                for i, config in enumerate(self.configs)
                if (choose is None or choose(config)) and all(getattr(config, k) == v for k, v in fields.items())
            ]
        )

    def last(self, name: str) -> np.ndarray:
        """Find the last measured value of each run.

        Args:
            name: Name of the metric.

        Returns:
            Its last values, ``(R,)`` or with a further axis.
        """
        values = self[name]
        rows = ~np.isnan(values.reshape(*values.shape[:2], -1)).all(axis=2)
        return np.stack([v[np.flatnonzero(seen)[-1]] for v, seen in zip(values, rows, strict=True)])

    # --- archives ---

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all runs into one compressed archive, completely or not at all, in single precision.

        Args:
            path: The file.
        """
        about = {
            "configs": [config.to_dict() for config in self.configs],
            "words": [{str(row): top for row, top in words.items()} for words in self.words],
            "about": list(self.about),
        }
        arrays = {name: _short(values) for name, values in self.metrics.items()}
        write_archive(Path(path), RUN, about, arrays, entry="head", compressed=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Read what :meth:`save` wrote.

        Args:
            path: The file.

        Returns:
            The runs.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no such archive, damaged, or from a later version.
        """
        try:
            head, arrays = read_archive(Path(path), RUN, entry="head")
            metrics = {name: values.astype(np.float64) for name, values in arrays.items()}
            words = tuple({int(row): top for row, top in one.items()} for one in head["words"])
            return cls(tuple(Config.from_dict(c) for c in head["configs"]), metrics, words, tuple(head["about"]))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)} is no record that qae_sim can read: {error}") from error

    @classmethod
    def join(cls, parts: Sequence[Record]) -> Record:
        """Join several records; shorter runs are filled up with NaN.

        Args:
            parts: The records.

        Returns:
            All their runs.
        """
        names = sorted({name for part in parts for name in part.metrics})
        metrics = {}
        for name in names:
            arrays = [part.metrics.get(name, np.full((len(part), 1), math.nan)) for part in parts]
            dimensions = max(array.ndim for array in arrays)
            arrays = [array.reshape(*array.shape, *[1] * (dimensions - array.ndim)) for array in arrays]
            shape = [max(array.shape[axis] for array in arrays) for axis in range(1, dimensions)]
            metrics[name] = np.concatenate(
                [
                    np.pad(
                        array,
                        [(0, 0), *((0, wanted - n) for wanted, n in zip(shape, array.shape[1:], strict=True))],
                        constant_values=math.nan,
                    )
                    for array in arrays
                ]
            )
        return cls(
            tuple(config for part in parts for config in part.configs),
            metrics,
            tuple(words for part in parts for words in part.words),
            tuple(about for part in parts for about in part.about),
        )


def _short(values: np.ndarray) -> np.ndarray:
    """Take single precision, and half where that is the same: counts take half the room."""
    single = values.astype(np.float32)
    with np.errstate(over="ignore"):
        half = single.astype(np.float16)
    return half if np.array_equal(half, single, equal_nan=True) else single


def read_run(folder: str | os.PathLike[str]) -> Record:
    """Read a run folder: its configurations, and what has been measured so far.

    Args:
        folder: The folder.

    Returns:
        The runs that are trained together in it.

    Raises:
        FileNotFoundError: There is no run in it.
        ValueError: A file is damaged, or not one of a run.
    """
    place = Path(folder)
    configs, about = read_head(place)
    rows = _whole_rows(place, configs)
    words: list[dict[int, Any]] = [{} for _ in configs]
    parts: dict[str, list[Any]] = {}
    for t, row in enumerate(rows):
        for name, values in row.items():
            if name in _WORDS:
                for run, top in enumerate(values):
                    words[run][t] = top
            else:
                parts.setdefault(name, [None] * len(rows))[t] = np.asarray(values, dtype=np.float64)
    metrics = {}
    for name, column in parts.items():
        shape = next(values.shape for values in column if values is not None)
        full = [np.full(shape, math.nan) if values is None else values for values in column]
        metrics[name] = np.stack(full, axis=1)
    return Record(configs, metrics, tuple(words), tuple(about for _ in configs))


def _whole_rows(folder: Path, configs: Sequence[Config]) -> list[dict[str, list[Any]]]:
    """Read the rows of a folder, and check that none is missing: of an unfinished run, those before its checkpoint."""
    checkpoint, lines = folder / CHECKPOINT, folder / LINES
    run = identity(folder)
    rows = list(read_rows(lines, len(configs), run=run))
    if len(rows) == configs[0].batches + 1 or not checkpoint.exists():
        return rows
    try:
        about = about_tensors(checkpoint.read_bytes())
    except ValueError as error:
        raise ValueError(f"{checkpoint} is no checkpoint of qae_sim, or damaged: {error}") from error
    require_own(checkpoint, about, run)
    # Read the rows again: another process may have written both files in the meantime.
    rows = list(read_rows(lines, len(configs), run=run))
    require_rows(folder, len(rows), about, configs[0].batches)
    return rows


def require_rows(folder: Path, rows: int, about: Mapping[str, Any], batches: int) -> None:
    """Check that no line of metrics is missing.

    Args:
        folder: The run's folder, for the error.
        rows: Number of lines that were read.
        about: The description in the checkpoint.
        batches: Number of batches of the run.

    Raises:
        ValueError: There are fewer lines than were written before the checkpoint.
    """
    needed = batches + 1 if about.get("finished") else int(about.get("step", 0))
    if rows < needed:
        raise ValueError(f"{folder / LINES} has {rows} of the {needed} lines that {CHECKPOINT} requires")


def read_head(folder: Path) -> tuple[tuple[Config, ...], dict[str, Any]]:
    """Read the configurations of a run folder.

    Args:
        folder: The folder.

    Returns:
        The configurations, and the versions and the device that the runs are trained with.

    Raises:
        FileNotFoundError: There is no run in it.
        ValueError: The file is damaged, or not that of a run.
    """
    path = folder / CONFIG
    try:
        head = from_json(path.read_bytes())
        RUN.require(head)
        return tuple(Config.from_dict(values) for values in head["runs"]), dict(head["about"])
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{folder} holds no run: there is no {path.name} in it") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no configuration of a run, or damaged: {error}") from error


def identity(folder: Path) -> str:
    """Tell a run folder from others: the checksum of its configuration, to which rows and checkpoints are bound.

    Args:
        folder: The folder of a run.

    Returns:
        The checksum; empty for older folders, which have none.

    Raises:
        FileNotFoundError: There is no configuration.
        ValueError: It is damaged.
    """
    path = folder / CONFIG
    try:
        return verify(path.read_bytes()) or ""
    except ValueError as error:
        raise ValueError(f"{path} is no configuration of a run, or damaged: {error}") from error


def require_own(checkpoint: Path, about: Mapping[str, Any], run: str) -> None:
    """Check that a checkpoint is one of the run in its folder.

    Args:
        checkpoint: The file, for the error.
        about: The description in it.
        run: The folder's :func:`identity`.

    Raises:
        ValueError: It is another run's. Older checkpoints do not say whose they are, and pass.
    """
    if about.get("run", run) != run:
        raise ValueError(f"{checkpoint} is a checkpoint of another run than {checkpoint.with_name(CONFIG)} describes")


def read_rows(path: Path, runs: int, *, run: str = "", most: int | None = None) -> Iterator[dict[str, list[Any]]]:
    """Read the lines of a file of metrics.

    Args:
        path: The file.
        runs: Number of runs.
        run: The folder's :func:`identity`, which the first line's checksum covers.
        most: Greatest number of lines to read; None: all. If a crash has cut the last line short, it is left out.

    Yields:
        Metrics of each row, by name.

    Raises:
        ValueError: A line is damaged or not one of these runs; the message names it.
    """
    if not path.exists():
        return
    rows = from_lines(path.read_bytes(), run)
    for number in itertools.count():
        if number == most:
            return
        try:
            row = next(rows, None)
            if row is None:
                return
            if not all(len(values) == runs for values in row.values()) or row.pop("row", [number])[0] != number:
                raise ValueError(f"line {number + 1}: its values are not those of this run")
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        yield row
