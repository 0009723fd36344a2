"""Run the studies: train each arm once, and write one table of claims and verdicts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import Any

import torch

from qae_sim.arrays import require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.files import load_tensors
from qae_sim.lm.runs import Record
from qae_sim.lm.studies import SEEDS, STUDIES, Finding, Make, judge
from qae_sim.lm.train import choose_device, train
from qae_sim.lm.trainer import Trainer
from qae_sim.lm.warmstart import base_key, warm_start
from qae_sim.storage import to_json, write_atomically


def needed(names: Sequence[str], size: str) -> list[Config]:
    """List the arms that some studies need, each once.

    Args:
        names: Names of studies.
        size: ``"small"`` or ``"full"``.

    Returns:
        Configurations, for seed 0.

    Example:
        >>> len(needed(["ktae"], "small"))
        4
    """
    make = Make(size)
    arms: dict[str, Config] = {}
    for name in names:
        for config in STUDIES[require_choice("study", name, tuple(STUDIES))].arms(make).values():
            arms.setdefault(repr(config), config)
    return list(arms.values())


def reproduce(
    names: Sequence[str],
    folder: str | Path,
    *,
    size: str = "small",
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Train all arms of some studies and judge their claims; an interrupted call continues where it stopped.

    Args:
        names: Names of :data:`~qae_sim.lm.studies.STUDIES`.
        folder: Folder for runs, base models, ``table.md``, ``record.npz`` and ``solutions.json``; created if missing.
        size: ``"small"`` or ``"full"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        workers: Number of processes, >= 1; by default one for each core on the CPU, and one on CUDA.
        progress: Called with the number of finished jobs and of all jobs.

    Returns:
        The findings, in the studies' order.

    Raises:
        ValueError: A study or a size is unknown, or a file in the folder is damaged.
        KeyboardInterrupt: It was interrupted; the same call continues.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    arms = needed(names, size)
    seeds = range(SEEDS[size])
    ensembles = {_folder(arm): [arm.with_(seed=s, base_seed=s) for s in seeds] for arm in arms}
    bases = {json.dumps(base_key(run), sort_keys=True): run for runs in ensembles.values() for run in runs}
    count = workers or (1 if device != "cpu" and torch.cuda.is_available() else os.cpu_count() or 1)
    total, done = len(bases) + len(ensembles), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    threads = max(1, (os.cpu_count() or 1) // count)
    from qae_sim.processes import Workers  # not at the top: a browser's Python has no processes

    with Workers(count, torch.set_num_threads, threads) as pool:
        _all(pool, [(_base, run, place / "bases", device) for run in bases.values()], advance)
        _all(pool, [(_arm, runs, place / name, place / "bases", device) for name, runs in ensembles.items()], advance)
    record = Record.join([_arm(runs, place / name, place / "bases", device) for name, runs in ensembles.items()])
    record.save(place / "record.npz")
    write_atomically(place / "solutions.json", to_json(solutions(names, place, size, device)))
    findings = judge(names, size, record)
    write_atomically(place / "table.md", table(findings, size, record).encode())
    return findings


def solutions(names: Sequence[str], folder: Path, size: str, device: str = "cpu") -> dict[str, Any]:
    """Sample responses to some held-out prompts, for people to read: of base models, mean baseline and QAE.

    Args:
        names: Names of studies that have been run; without "pass" there are no responses.
        folder: Folder of their runs.
        size: ``"small"`` or ``"full"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns:
        Plain values: for each task and model the prompts, tokens and entropies (in thousandths of a nat).
    """
    models: list[dict[str, Any]] = []
    arms = STUDIES["pass"].arms(Make(size)) if "pass" in names else {}
    for setting in ("addition", "learned") if arms else ():
        for stage, arm in (("base", "mean"), ("mean", "mean"), ("qae", "QAE")):
            config = arms[f"{setting}, {arm}, 0.28"]
            runs = [config.with_(seed=seed, base_seed=seed) for seed in range(SEEDS[size])]
            trainer = Trainer(runs, warm_start(runs, choose_device(device), folder / "bases"))
            if stage != "base":
                trainer.load_state(*load_tensors(folder / _folder(config) / "checkpoint.safetensors"))
            prompts, sampled = trainer.answer(6, 8)
            groups = [
                {"prompt": prompt, "tokens": tokens, "entropies": entropies}
                for prompt, tokens, entropies in zip(
                    prompts[0].tolist(),
                    sampled.tokens[0].tolist(),
                    (sampled.entropies[0] * 1000).round().int().tolist(),
                    strict=True,
                )
            ]
            head = {"setting": setting, "stage": stage, "task": config.task, "options": dict(config.task_options)}
            models.append(head | {"seed": 0, "groups": groups})
    return {"size": size, "models": models}


def _folder(arm: Config) -> str:
    """Name an arm's folder: task, rule and objective, and a digest of the whole configuration."""
    digest = hashlib.sha256(json.dumps(arm.to_dict(), sort_keys=True).encode()).hexdigest()[:10]
    return f"{arm.task}-{arm.rule.name}-{arm.objective}-{digest}"


def _base(config: Config, folder: Path, device: str) -> None:
    """Make a base model."""
    warm_start([config], choose_device(device), folder)


def _arm(runs: Sequence[Config], folder: Path, bases: Path, device: str) -> Record:
    """Train the seeds of an arm."""
    return train(runs, folder, device=device, bases=bases)


def _all(pool: Executor, jobs: Sequence[tuple[object, ...]], advance: Callable[[], None]) -> None:
    """Run jobs in any order; the first error stops the rest."""
    left: set[Future[object]] = {pool.submit(*job) for job in jobs}  # type: ignore[arg-type]
    while left:
        finished, left = wait(left, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
            advance()


def table(findings: Sequence[Finding], size: str, record: Record) -> str:
    """Write findings as one table in Markdown.

    Args:
        findings: The findings.
        size: ``"small"`` or ``"full"``, that of the runs.
        record: The runs.

    Returns:
        The text, in Markdown.
    """
    drawn = [i for i, config in enumerate(record.configs) if config.attempts > 1] or range(len(record))
    mixed = record.take(list(drawn))["mixed_share"][:, :-1]
    lines = [
        f"Size {size}, {SEEDS[size]} seeds, each with a base model of its own. Numbers are means over seeds with 95 %",
        "confidence intervals (Student's t, not adjusted for the number of claims), positive where the claim is right.",
        f"With dynamic sampling {mixed.mean():.1%} of a batch's groups were mixed, in the run with fewest",
        f"{mixed.mean(axis=1).min():.1%}, in the batch with fewest {mixed.min():.1%}.",
        "",
        "| study | claim | source | quantity | result | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for f in findings:
        numbers = "<br>".join(f"{e.setting}: {e.mean:+.3f} [{e.low:+.3f}, {e.high:+.3f}]" for e in f.evidence)
        lines.append(f"| {f.study} | {f.claim} | {f.source} | {f.quantity} | {numbers} | {f.verdict} |")
    return "\n".join(lines) + "\n"
