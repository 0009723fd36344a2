"""The parts of studies: clip ranges and rules, sizes, tasks, and the runs of an arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.arrays import require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record
from qae_sim.lm.studies.evidence import Finding, interval, mean_known, within
from qae_sim.papers import PAPERS

PAPER = PAPERS["qae"].number
ACCURACY = "pass@1 (memorised: reward on training prompts)"
QAE: dict[str, Any] = {"rule": AdvantageRule("qae", {"k": 0.4})}
NO_CLIP = {"clip_low": math.inf, "clip_high": math.inf}
SYMMETRIC = {"clip_high": 0.2}
# The paper's clip range of a response's ratio, 3e-4 and 4e-4, is for long responses and small steps.
GSPO = {"objective": "gspo", "clip_low": 0.03, "clip_high": 0.04}

#: Sizes of runs. Small: for a CPU. Full: for a GPU.
SIZES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "small": {"prompts": 32, "batches": 30, "attempts": 32, "held_out": 96},
        "full": {"prompts": 64, "batches": 100, "attempts": 32, "held_out": 180, "size": "medium", "base_passes": 8},
    }
)
SEEDS: Mapping[str, int] = MappingProxyType({"small": 5, "full": 8})

#: The tasks of the studies, by name. Each seed has its own base model.
SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "memorised": {"task": "style", "task_options": {"truth": "memorised"}},
        "learned": {"task": "style", "task_options": {"truth": "learned"}},
        "addition": {"task": "addition"},
    }
)
#: Tasks of the masks and of the control of equal net advantage.
MASKED = ("memorised", "learned")
#: Learning rates that the study "regime" searches, at 1, 4 and 16 steps per batch.
LEARNING_RATES = (1.5e-4, 5e-4, 1.5e-3)


@dataclass(frozen=True)
class TrainingStudy:
    """A study: runs to train, and the claims that they decide.

    Attributes:
        name: Name of the study.
        title: Its subject.
        arms: Takes a :class:`Make` and returns the configurations of the arms, by name.
        judge: Takes the :class:`Runs` and returns the findings.
    """

    name: str
    title: str
    arms: Callable[[Make], dict[str, Config]]
    judge: Callable[[Runs], list[Finding]]


class Make:
    """Makes the configurations of one size.

    Args:
        size: ``"small"`` or ``"full"``.

    Example:
        >>> Make("small")("learned", rule="rloo").rule.name
        'rloo'
    """

    def __init__(self, size: str) -> None:
        self._common = SIZES[require_choice("size", size, tuple(SIZES))]

    def __call__(self, setting: str, **changes: Any) -> Config:
        """Make the configuration of a setting, with some fields changed."""
        return Config(**{**self._common, **SETTINGS[setting], **changes})


class Runs:
    """The runs of a study's arms.

    Args:
        name: The study.
        arms: Its arms.
        record: A record with the runs of these arms, perhaps among others.

    Raises:
        ValueError: The record has no run of an arm.
    """

    def __init__(self, name: str, arms: Mapping[str, Config], record: Record) -> None:
        self.name, self._arms = name, arms
        places: dict[str, list[int]] = {}
        for i, config in enumerate(record.configs):
            places.setdefault(repr(seedless(config)), []).append(i)
        missing = [arm for arm, config in arms.items() if repr(config) not in places]
        if missing:
            raise ValueError(f"study {name} needs runs that are not there: {', '.join(missing)}")
        self._records = {
            arm: record.take(sorted(places[repr(config)], key=lambda i: record.configs[i].seed))
            for arm, config in arms.items()
        }

    def __getitem__(self, arm: str) -> Record:
        """Return the record of an arm, seeds in order."""
        return self._records[arm]

    def __iter__(self) -> Any:
        return iter(self._arms)

    def last(self, arm: str, metric: str) -> np.ndarray:
        """Return a metric at the end, by seed: its last evaluation, or its mean over the last fifth of batches."""
        values = self[arm][metric]
        if np.isnan(values[:, -1]).all():
            tail = max(1, (values.shape[1] - 1) // 5)
            return mean_known(values[:, -1 - tail : -1])
        return self[arm].last(metric)

    def first(self, arm: str, metric: str) -> np.ndarray:
        """Return a metric before training, by seed."""
        return np.asarray(self[arm][metric][:, 0])

    def accuracy(self, setting: str, arm: str) -> np.ndarray:
        """Return the accuracy at the end of training, by seed: pass@1 on held-out prompts if there is a rule to learn.

        If the answers can only be memorised, no recipe helps on held-out prompts; then it is the reward on training
        prompts.
        """
        return self.last(arm, "reward" if setting.startswith("memorised") else "pass_1")

    def finding(
        self, claim: str, source: str, quantity: str, values: Mapping[str, np.ndarray], margin: float | None = None
    ) -> Finding:
        """Make a finding from values by setting, one for each seed; a margin asks whether they lie within it."""
        evidence = tuple(
            interval(setting, numbers) if margin is None else within(setting, numbers, margin)
            for setting, numbers in values.items()
        )
        return Finding(self.name, claim, source, quantity, evidence)


def seedless(config: Config) -> Config:
    """Find the arm that a run belongs to: its configuration with seed 0.

    Example:
        >>> seedless(Config(seed=3, base_seed=3)) == Config()
        True
    """
    return config.with_(seed=0, base_seed=0)


def core(make: Make) -> dict[str, Config]:
    """Make the arms of most studies: mean and quantile baseline, three clip ranges, three tasks.

    Args:
        make: Makes the configurations.

    Returns:
        Configurations by names such as "learned, QAE, 0.28".

    Example:
        >>> list(core(Make("small")))[:2]
        ['memorised, mean, 0.28', 'memorised, mean, 0.20']
    """
    arms = {}
    for setting in SETTINGS:
        for baseline, recipe in (("mean", {}), ("QAE", QAE)):
            for clip, limits in (("0.28", {}), ("0.20", SYMMETRIC), ("no clip", NO_CLIP)):
                arms[f"{setting}, {baseline}, {clip}"] = make(setting, **recipe, **limits)
    return arms
