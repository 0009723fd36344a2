"""Is the diagnosis right? Toy runs broken on purpose, and healthy ones: ``python -m qae_sim.dev.broken_runs``.

A toy run is a softmax bandit with 48 prompts of 12 arms. An arm is a response: it has a text, a length and a reward.
Each step draws G = 8 responses to 24 prompts, computes advantages within groups, and takes four clipped steps of
gradient ascent on the logits of these prompts. The run is written as a trainer writes it (responses as JSON Lines,
entropy, KL and the share of clipped responses as ``metrics.jsonl``), read again by :func:`~qae_sim.logs.digest.digest`
and diagnosed. ``--json FILE`` writes precision and recall of every rule of advice, and of the counterfactual: what a
run at K = .4 predicts for K = .2, and what a run at K = .2 then does.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.logs.advice import RULES
from qae_sim.logs.diagnosis import diagnose
from qae_sim.logs.digest import KS, digest
from qae_sim.storage import write_atomically
from qae_sim.streams import uniform

#: Sizes of a toy run: prompts, arms, prompts a step, responses to each, optimiser steps on a batch.
PROMPTS, ARMS, BATCH, GROUP, UPDATES = 48, 12, 24, 8, 4


@dataclass(frozen=True)
class ToyRun:
    """The settings of a toy run; the defaults are a healthy one.

    Attributes:
        seed: Seed of all its random streams.
        steps: Number of steps.
        rate: Step size of gradient ascent on logits.
        dead: Share of the prompts that have no correct arm.
        shuffled: Whether rewards are grouped with those of other prompts before advantages are computed.
        noise: Chance that the verifier gives the other reward.
        variance: Whether advantages are divided by the group's variance instead of its standard deviation.
        clip: Half width of the clip of probability ratios.
        by_length: Whether each response's loss is divided by its length.
        k: K of QAE; None: GRPO.
    """

    seed: int = 0
    steps: int = 60
    rate: float = 0.25
    dead: float = 0.0
    shuffled: bool = False
    noise: float = 0.0
    variance: bool = False
    clip: float = 0.2
    by_length: bool = False
    k: float | None = None


#: A way to break a run, and the rule of advice that should speak; ``"healthy"`` has none.
BROKEN: Mapping[str, tuple[dict[str, Any], str]] = {
    "healthy": ({}, ""),
    "step size too large": ({"rate": 12.0, "clip": math.inf}, "step size"),
    "dead prompts": ({"dead": 0.4}, "dead prompts"),
    "shuffled groups": ({"shuffled": True}, "grouping"),
    "noisy verifier": ({"noise": 0.1}, "verifier errs"),
    "wrong divisor": ({"variance": True}, "divisor"),
    "clip too tight": ({"clip": 0.002}, "clip"),
    "length bias": ({"by_length": True}, "length"),
}


def _draws(run: ToyRun, size: int, *keys: int) -> np.ndarray:
    """Uniform numbers of a run's streams."""
    return np.asarray(uniform(np.zeros(1), size, run.seed, *keys))


def write_run(run: ToyRun, folder: Path) -> None:
    """Make a toy run and write its log.

    Args:
        run: The settings.
        folder: Where ``responses.jsonl`` and ``metrics.jsonl`` are written.
    """
    # Prompts differ in how much their correct arms start with; a third of the arms is correct.
    correct = _draws(run, PROMPTS * ARMS, 1).reshape(PROMPTS, ARMS).argsort(axis=1) < ARMS // 3
    correct[: round(run.dead * PROMPTS)] = False
    length = 10 + np.floor(40 * _draws(run, PROMPTS * ARMS, 2).reshape(PROMPTS, ARMS))
    difficulty = 3 * _draws(run, PROMPTS, 3)[:, None] - 2
    logits = np.where(correct, difficulty, 0.0)
    rows: list[dict[str, Any]] = []
    metrics = []
    for step in range(run.steps):
        chosen = _draws(run, PROMPTS, 4, step).argsort()[:BATCH]
        before = _policy(logits[chosen])
        u = _draws(run, BATCH * GROUP, 5, step).reshape(BATCH, GROUP, 1)
        arm = np.minimum((u > before.cumsum(axis=1)[:, None, :]).sum(axis=2), ARMS - 1)
        flips = _draws(run, BATCH * GROUP, 6, step).reshape(BATCH, GROUP) < run.noise
        reward = (np.take_along_axis(correct[chosen], arm, axis=1) ^ flips).astype(float)
        advantage = _advantages(run, reward)
        tokens = np.take_along_axis(length[chosen], arm, axis=1)
        weight = tokens.mean() / tokens if run.by_length else np.ones_like(tokens)
        clipped = []
        for _ in range(UPDATES):
            now = _policy(logits[chosen])
            ratio = np.take_along_axis(now, arm, axis=1) / np.take_along_axis(before, arm, axis=1)
            out = ((advantage > 0) & (ratio > 1 + run.clip)) | ((advantage < 0) & (ratio < 1 - run.clip))
            clipped.append(out.mean())
            pull = np.where(out, 0.0, weight * advantage * ratio) / GROUP
            one_hot = np.zeros_like(now)
            np.add.at(one_hot, (np.arange(BATCH)[:, None], arm), pull)
            logits[chosen] += run.rate * (one_hot - now * pull.sum(axis=1, keepdims=True))
        after = _policy(logits[chosen])
        metrics.append(
            {
                "step": step,
                "entropy": float(-(before * np.log(before + 1e-300)).sum(axis=1).mean()),
                "kl": float((before * np.log((before + 1e-300) / (after + 1e-300))).sum(axis=1).mean()),
                "clip_ratio": float(np.mean(clipped)),
            }
        )
        rows += [
            {
                "step": step,
                "prompt": f"prompt {chosen[b]}",
                "completion": f"arm {arm[b, i]}",
                "length": float(tokens[b, i]),
                "reward": float(reward[b, i]),
                "advantage": float(advantage[b, i]),
            }
            for b, i in np.ndindex(arm.shape)
        ]
    for name, lines in (("responses.jsonl", rows), ("metrics.jsonl", metrics)):
        write_atomically(folder / name, "".join(json.dumps(line) + "\n" for line in lines).encode())


def _policy(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def _advantages(run: ToyRun, reward: np.ndarray) -> np.ndarray:
    """Advantages of a batch, right or wrong."""
    rule = AdvantageRule("grpo") if run.k is None else AdvantageRule("qae", {"k": run.k})
    if run.shuffled:  # neighbours in a batch, instead of responses to one prompt
        return np.asarray(rule.advantages(reward.T.reshape(BATCH, GROUP))).reshape(GROUP, BATCH).T
    if run.variance:
        variance = reward.var(axis=1, keepdims=True)
        return np.asarray((reward - reward.mean(axis=1, keepdims=True)) / np.where(variance > 0, variance, 1.0))
    return np.asarray(rule.advantages(reward))


def rules_of(run: ToyRun) -> list[str]:
    """The rules of advice that speak about a toy run, in their order.

    Args:
        run: The settings.

    Returns:
        Names of rules.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_run(run, Path(folder))
        # Shuffled groups are refused unless forced, which is a diagnosis of its own.
        found = digest(Path(folder) / "responses.jsonl", force=run.shuffled)
        return [one.rule for one in diagnose(found, seed=run.seed).advice]


def scores(seeds: range, kinds: Mapping[str, tuple[dict[str, Any], str]] = BROKEN) -> dict[str, Any]:
    """Diagnose toy runs of every kind, and count what each rule said.

    Precision of a rule: the share of the runs about which it speaks that are broken in its way. Recall: the share of
    the runs broken in its way about which it speaks. Both also for the rule that speaks first.

    Args:
        seeds: Seeds of the runs.
        kinds: Kinds of runs, as in :data:`BROKEN`.

    Returns:
        ``spoke``: by kind and rule, in how many runs it spoke; ``rules``: ``precision``, ``recall``,
        ``precision_first`` and ``recall_first`` of each rule that a kind has (None where it never spoke); ``silent``:
        in how many healthy runs no rule spoke.
    """
    said = {kind: [rules_of(ToyRun(seed=seed, **changes)) for seed in seeds] for kind, (changes, _) in kinds.items()}
    spoke = {kind: {rule.name: sum(rule.name in one for one in runs) for rule in RULES} for kind, runs in said.items()}
    rules = {}
    for kind, (_, rule) in kinds.items():
        if rule:
            total = sum(counts[rule] for counts in spoke.values())
            first = {name: sum(one[:1] == [rule] for one in runs) for name, runs in said.items()}
            rules[rule] = {
                "precision": spoke[kind][rule] / total if total else None,
                "recall": spoke[kind][rule] / len(seeds),
                "precision_first": first[kind] / sum(first.values()) if any(first.values()) else None,
                "recall_first": first[kind] / len(seeds),
            }
    silent = sum(not one for one in said.get("healthy", ()))
    return {"runs_of_a_kind": len(seeds), "silent": silent, "spoke": spoke, "rules": rules}


def counterfactual(seeds: range, *, predicted_k: float = 0.2, run_k: float = 0.4) -> list[dict[str, float]]:
    """Predict from runs at one K what share of the responses another K silences, and run that.

    Args:
        seeds: Seeds of pairs of runs; both of a pair start alike and draw the same numbers.
        predicted_k: The K that is predicted, one of :data:`~qae_sim.logs.digest.KS`.
        run_k: The K of the log.

    Returns:
        For the first step, the first quarter and the whole of the run: ``predicted``, ``true`` and ``error``, the mean
        over seeds of |predicted - true|.
    """
    place = KS.index(predicted_k)
    pairs = []
    for seed in seeds:
        shares = []
        for k in (run_k, predicted_k):
            with tempfile.TemporaryDirectory() as folder:
                write_run(replace(ToyRun(), seed=seed, k=k), Path(folder))
                shares.append(digest(Path(folder) / "responses.jsonl").silenced[:, place])
        pairs.append(shares)
    found = np.array(pairs)  # (seeds, 2, steps)
    rows = []
    for steps in (1, found.shape[2] // 4, found.shape[2]):
        mean = found[:, :, :steps].mean(axis=2)
        error = float(np.abs(mean[:, 0] - mean[:, 1]).mean())
        rows.append(
            {"steps": steps, "predicted": float(mean[:, 0].mean()), "true": float(mean[:, 1].mean()), "error": error}
        )
    return rows


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Runs of each kind.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the result.")
def main(seeds: int, file: Path | None) -> None:
    """Diagnose toy runs that are broken on purpose, and healthy ones; show precision and recall."""
    chosen = range(101, 101 + seeds)  # smaller seeds were looked at when rules were written
    found = {**scores(chosen), "counterfactual": counterfactual(chosen)}
    content = json.dumps(found, indent=1) + "\n"
    click.echo(content, nl=False)
    if file is not None:
        write_atomically(file, content.encode())


if __name__ == "__main__":
    main()
