"""Run the studies: train each arm once, and write one table of claims and verdicts."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import Any

import torch

from qae_sim.arrays import invalid, require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.files import load_tensors
from qae_sim.lm.runs import Record
from qae_sim.lm.studies import SEEDS, STUDIES, Finding, Make, judge
from qae_sim.lm.tasks import PAD
from qae_sim.lm.train import choose_device, train
from qae_sim.lm.trainer import Trainer
from qae_sim.lm.warmstart import base_key, new_model, warm_start
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
    seeds: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Train all arms of some studies and judge their claims; an interrupted call continues where it stopped.

    Args:
        names: Names of :data:`~qae_sim.lm.studies.STUDIES`.
        folder: Folder for runs, base models, ``table.md``, ``record.npz`` and ``solutions.json``; created if missing.
        size: ``"small"`` or ``"full"``.
        seeds: Seeds of the runs, each with a base model of its own; None: from 0 on, as many as the recorded runs.
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
    seeds = tuple(range(SEEDS[size]) if seeds is None else seeds)
    if len(set(seeds)) < max(len(seeds), 2):
        raise invalid("seeds", list(seeds), "at least two, each once: verdicts need a spread")
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
    write_atomically(place / "solutions.json", to_json(solutions(names, place, size, device, seeds)))
    findings = judge(names, size, record)
    write_atomically(place / "table.md", table(findings, size, record, len(seeds)).encode())
    return findings


def cost_per_seed(names: Sequence[str], size: str = "small", device: str = "auto") -> float:
    """Estimate what a seed costs on this machine, from a few steps of every kind of run.

    Args:
        names: Names of studies.
        size: ``"small"`` or ``"full"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns:
        Seconds of one process for the seed's base models and arms; rather too much, because responses of a model that
        has not learned yet are long, and all of them take part in the steps.
    """
    arms = needed(names, size)
    bases = {json.dumps(base_key(arm), sort_keys=True): arm for arm in arms}
    total = sum(_seconds_of_base(arm, device) for arm in bases.values())
    shapes = ("task", "size", "prompts", "group_size", "minibatches", "epochs", "attempts")
    known: dict[tuple[Any, ...], float] = {}
    for arm in arms:
        shape = tuple(getattr(arm, name) for name in shapes)
        if shape not in known:
            known[shape] = _seconds_of_batch(arm, device)
        total += arm.batches * known[shape]
    return total


def _seconds_of_base(config: Config, device: str) -> float:
    """Time two steps of a base model, and count how many it needs."""
    few = config.with_(base_demonstrations=min(512, config.base_demonstrations), base_passes=1, base_target=0.0)
    start = time.perf_counter()
    warm_start([few], choose_device(device))
    share = few.base_demonstrations / (config.base_demonstrations * config.base_passes)
    return (time.perf_counter() - start) / share


def _seconds_of_batch(config: Config, device: str) -> float:
    """Time a batch in which every response has an advantage."""
    trainer = Trainer([config], new_model([config]).to(choose_device(device)))
    start = time.perf_counter()
    batch, _, _ = trainer.sample()
    trainer.learner.update(batch, torch.ones_like(batch.log_probs) * (batch.tokens != PAD), 0)
    return time.perf_counter() - start


def solutions(
    names: Sequence[str], folder: Path, size: str, device: str = "cpu", seeds: Sequence[int] | None = None
) -> dict[str, Any]:
    """Sample responses to some held-out prompts, for people to read: of base models, mean baseline and QAE.

    Args:
        names: Names of studies that have been run; without "pass" there are no responses.
        folder: Folder of their runs.
        size: ``"small"`` or ``"full"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        seeds: Seeds of the runs; None: those of the recorded ones.

    Returns:
        Plain values: for each task and model the prompts, tokens and entropies (in thousandths of a nat).
    """
    models: list[dict[str, Any]] = []
    arms = STUDIES["pass"].arms(Make(size)) if "pass" in names else {}
    for setting in ("addition", "learned") if arms else ():
        for stage, arm in (("base", "mean"), ("mean", "mean"), ("qae", "QAE")):
            config = arms[f"{setting}, {arm}, 0.28"]
            chosen = range(SEEDS[size]) if seeds is None else seeds
            runs = [config.with_(seed=seed, base_seed=seed) for seed in chosen]
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
            models.append(head | {"seed": runs[0].seed, "groups": groups})
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


def table(findings: Sequence[Finding], size: str, record: Record, seeds: int) -> str:
    """Write findings as one table in Markdown.

    Args:
        findings: The findings.
        size: ``"small"`` or ``"full"``, that of the runs.
        record: The runs.
        seeds: Number of seeds of each arm.

    Returns:
        The text, in Markdown.
    """
    drawn = [i for i, config in enumerate(record.configs) if config.attempts > 1] or range(len(record))
    mixed = record.take(list(drawn))["mixed_share"][:, :-1]
    lines = [
        f"Size {size}, {seeds} seeds, each with a base model of its own. Numbers are means over seeds with 95 %",
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
