"""Train runs into a folder with configuration, metrics and checkpoints; a stopped run continues by the same call."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

import qae_sim
from qae_sim.arrays import invalid, require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.cuda import deterministic
from qae_sim.lm.files import load_tensors, require_shapes, save_tensors
from qae_sim.lm.metrics import Metrics
from qae_sim.lm.runs import (
    CHECKPOINT,
    CONFIG,
    LINES,
    RUN,
    Record,
    identity,
    read_head,
    read_rows,
    read_run,
    require_own,
    require_rows,
)
from qae_sim.lm.trainer import Trainer
from qae_sim.lm.warmstart import warm_start
from qae_sim.storage import one_writer, to_json, to_lines, write_atomically

DEVICES = ("auto", "cpu", "cuda")

#: Called with the stage, "warm start" or "training", and the share of it that is done, in [0, 1].
Progress = Callable[[str, float], None]


def choose_device(name: str) -> torch.device:
    """Choose the device of the computation.

    Args:
        name: ``"auto"`` (CUDA if available), ``"cpu"`` or ``"cuda"``.

    Returns:
        The device.

    Raises:
        ValueError: The name is none of these, or there is no CUDA device.

    Example:
        >>> choose_device("cpu").type
        'cpu'
    """
    require_choice("device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise invalid("device", name, "'auto' or 'cpu' here: PyTorch finds no CUDA device")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def train(
    configs: Config | Sequence[Config],
    folder: str | Path,
    *,
    device: str = "auto",
    bases: str | Path | None = None,
    progress: Progress | None = None,
) -> Record:
    """Train runs as one ensemble and store everything in a folder; a stopped run continues where it was.

    The folder holds ``config.json``, ``metrics.jsonl`` (a line per batch) and ``checkpoint.safetensors`` (weights,
    moments of the optimiser, states of the rules). A run that is stopped at any moment and continued ends with the same
    bits as an undisturbed one; on CUDA this relies on PyTorch's deterministic algorithms, which are used throughout.
    Only one process at a time may write to a folder; files carry checksums, and damaged ones are refused.

    Args:
        configs: One run, or several of the same shapes.
        folder: The folder; created if missing.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        bases: Folder for base models, which several runs may share; the run's own by default.
        progress: Called with stage and share done.

    Returns:
        All measurements.

    Raises:
        ValueError: The folder holds other runs or files of theirs, or damaged files, another process is writing to it,
            or the configurations cannot be trained together.
        KeyboardInterrupt: Training was interrupted; the same call continues.
    """
    runs = (configs,) if isinstance(configs, Config) else tuple(configs)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    where = choose_device(device)
    tell = progress or (lambda what, share: None)
    record = _finished(place, runs)
    if record is None:
        with one_writer(place), deterministic(where):
            record = _finished(place, runs) or _train(runs, place, where, Path(bases) if bases else place, tell)
    tell("training", 1.0)
    return record


def _finished(place: Path, runs: tuple[Config, ...]) -> Record | None:
    """Read the record if the runs are finished; the folder must hold these runs, or none."""
    if not (place / CONFIG).exists():
        return None
    there = read_head(place)[0]
    if there != runs:
        raise ValueError(f"{place} holds other runs; give them another folder{_difference(there, runs)}")
    checkpoint = place / CHECKPOINT
    if not checkpoint.exists():
        return None
    about = load_tensors(checkpoint)[1]
    if not about.get("finished"):
        return None
    require_own(checkpoint, about, identity(place))
    return read_run(place)


def _train(runs: tuple[Config, ...], place: Path, device: torch.device, bases: Path, tell: Progress) -> Record:
    """Train the batches that are missing."""
    checkpoint, lines = place / CHECKPOINT, place / LINES
    if not (place / CONFIG).exists():
        _claim(place, runs, device)
    run = identity(place)
    model = warm_start(runs, device, bases, lambda share: tell("warm start", share))
    trainer = Trainer(runs, model)
    if checkpoint.exists():
        _resume(trainer, checkpoint, run)
    kept = list(read_rows(lines, len(runs), run=run, most=trainer.step)) if trainer.step else []
    require_rows(place, len(kept), {"step": trainer.step}, runs[0].batches)
    # Batches after the checkpoint are repeated, so their lines are dropped.
    content, last = to_lines([_row(row, metrics) for row, metrics in enumerate(kept)], run)
    write_atomically(lines, content)
    with lines.open("ab") as file:

        def write(row: int, metrics: Metrics) -> None:
            nonlocal last
            line, last = to_lines([_row(row, metrics)], last)
            file.write(line)
            file.flush()

        def save(*, finished: bool) -> None:
            os.fsync(file.fileno())  # lines must be on disk before the checkpoint that follows them
            tensors, about = trainer.state()
            save_tensors(checkpoint, tensors, about | RUN.head | {"run": run, "finished": finished})

        for step in range(trainer.step, runs[0].batches):
            metrics: Metrics = trainer.evaluate() if step % runs[0].evaluate_every == 0 else {}
            write(step, metrics | trainer.train_batch())
            if trainer.step % runs[0].evaluate_every == 0:
                save(finished=False)
            tell("training", trainer.step / runs[0].batches)
        write(trainer.step, trainer.evaluate())
        save(finished=True)
    return read_run(place)


def _claim(folder: Path, runs: tuple[Config, ...], device: torch.device) -> None:
    """Write the configuration of a new folder."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    about = {"qae_sim": qae_sim.__version__, "torch": torch.__version__, "device": name}
    head = RUN.head | {"about": about, "runs": [run.to_dict() for run in runs]}
    write_atomically(folder / CONFIG, to_json(head, indent=1))


def _difference(there: Sequence[Config], runs: Sequence[Config]) -> str:
    """Say where two lists of runs first differ: the two rules, or fields with both values."""
    if len(there) != len(runs):
        return f" ({len(there)} runs there, {len(runs)} now)"
    number, old, new = next((i, a, b) for i, (a, b) in enumerate(zip(there, runs, strict=True)) if a != b)
    if old.rule != new.rule:
        return f" (run {number} there turns rewards into advantages by {old.rule.title}; now it is {new.rule.title})"
    now = new.to_dict()
    changes = [
        f"{name} is {value!r} there, now {now[name]!r}" for name, value in old.to_dict().items() if value != now[name]
    ]
    return f" (run {number}: {'; '.join(changes)})"


def _row(row: int, metrics: Metrics) -> Metrics:
    """Add to a row of metrics its number, for each run."""
    return {"row": [row] * len(next(iter(metrics.values())))} | metrics


def _resume(trainer: Trainer, path: Path, run: str) -> None:
    """Restore a checkpoint of the run of this identity."""
    tensors, about = load_tensors(path)
    expected: dict[str, Any] = trainer.state()[0]
    require_shapes(path, tensors, expected)
    try:
        RUN.require(about)
        trainer.load_state(tensors, about)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not fit its run: {error}") from error
    require_own(path, about, run)  # after what does not fit, which says more
