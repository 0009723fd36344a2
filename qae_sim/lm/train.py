"""Train runs into a folder: configuration, metrics, checkpoints; whatever stops it, the same call goes on."""

from __future__ import annotations

import json
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
from qae_sim.lm.runs import RUN, Record, read_head, read_rows, read_run
from qae_sim.lm.trainer import Trainer
from qae_sim.lm.warmstart import warm_start
from qae_sim.storage import write_atomically

DEVICES = ("auto", "cpu", "cuda")

#: Told what is done and how far: "warm start" or "training", and a share in [0, 1].
Progress = Callable[[str, float], None]


def choose_device(name: str) -> torch.device:
    """Choose where to compute.

    Args:
        name: ``"auto"`` (CUDA where there is any), ``"cpu"`` or ``"cuda"``.

    Returns:
        The device.

    Raises:
        ValueError: The name is another, or there is no CUDA device.

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
    """Train runs as one ensemble and keep everything in a folder; a run that was stopped goes on where it was.

    The folder holds ``config.json``, ``metrics.jsonl`` (a line per batch) and ``checkpoint.safetensors`` (weights,
    moments of the optimiser, states of the rules). A run that was stopped at any moment ends with the same bits as one
    that was not; on CUDA that rests on PyTorch's deterministic algorithms, which are used throughout.

    Args:
        configs: One run, or several with the same shapes.
        folder: Where to; made when missing.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        bases: Folder for base models, which several runs may share; the run's own by default.
        progress: Told how far it is.

    Returns:
        What was measured.

    Raises:
        ValueError: The folder holds other runs, or damaged files; or the configurations do not go together.
        KeyboardInterrupt: Training was interrupted; the same call goes on.
    """
    runs = (configs,) if isinstance(configs, Config) else tuple(configs)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    where = choose_device(device)
    _claim(place, runs, where)
    with deterministic(where):
        return _train(runs, place, where, Path(bases) if bases else place, progress or (lambda what, share: None))


def _train(runs: tuple[Config, ...], place: Path, device: torch.device, bases: Path, tell: Progress) -> Record:
    """Train what is not trained yet."""
    checkpoint, lines = place / "checkpoint.safetensors", place / "metrics.jsonl"
    if checkpoint.exists() and load_tensors(checkpoint)[1].get("finished"):
        tell("training", 1.0)
        return read_run(place)
    model = warm_start(runs, device, bases, lambda share: tell("warm start", share))
    trainer = Trainer(runs, model)
    if checkpoint.exists():
        _resume(trainer, checkpoint)
    kept = list(read_rows(lines, len(runs), most=trainer.step)) if trainer.step else []
    if len(kept) < trainer.step:
        raise ValueError(f"{lines} has {len(kept)} of the {trainer.step} lines that {checkpoint.name} stands behind")
    # What was measured after the checkpoint is measured again.
    write_atomically(lines, "".join(_line(row, metrics) for row, metrics in enumerate(kept)).encode())
    with lines.open("a", encoding="utf-8") as file:
        for _ in range(trainer.step, runs[0].batches):
            metrics: Metrics = trainer.evaluate() if trainer.step % runs[0].evaluate_every == 0 else {}
            step = trainer.step
            metrics |= trainer.train_batch()
            file.write(_line(step, metrics))
            file.flush()
            if trainer.step % runs[0].evaluate_every == 0:
                os.fsync(file.fileno())  # a checkpoint must not outlive the lines before it
                _save(trainer, checkpoint, finished=False)
            tell("training", trainer.step / runs[0].batches)
        file.write(_line(trainer.step, trainer.evaluate()))
    _save(trainer, checkpoint, finished=True)
    return read_run(place)


def _claim(folder: Path, runs: tuple[Config, ...], device: torch.device) -> None:
    """Write the configuration of a new folder, or check that an old one is of these runs."""
    path = folder / "config.json"
    if path.exists():
        there = read_head(folder)[0]
        if there != runs:
            raise ValueError(f"{folder} holds other runs; give them another folder{_difference(there, runs)}")
        return
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    about = {"qae_sim": qae_sim.__version__, "torch": torch.__version__, "device": name}
    head = RUN.head | {"about": about, "runs": [run.to_dict() for run in runs]}
    write_atomically(path, (json.dumps(head, indent=1) + "\n").encode())


def _difference(there: Sequence[Config], runs: Sequence[Config]) -> str:
    """Where two lists of runs first differ: rules by name, else fields and both values."""
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


def _line(row: int, metrics: Metrics) -> str:
    """One row of metrics as a line; NaN is written as JSON's extension that Python reads."""
    return json.dumps({"row": [row] * len(next(iter(metrics.values())))} | metrics) + "\n"


def _save(trainer: Trainer, path: Path, *, finished: bool) -> None:
    """Write a checkpoint."""
    tensors, about = trainer.state()
    save_tensors(path, tensors, about | RUN.head | {"finished": finished})


def _resume(trainer: Trainer, path: Path) -> None:
    """Take over a checkpoint."""
    tensors, about = load_tensors(path)
    expected: dict[str, Any] = trainer.state()[0]
    require_shapes(path, tensors, expected)
    try:
        RUN.require(about)
        trainer.load_state(tensors, about)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not fit its run: {error}") from error
