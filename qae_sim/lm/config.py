"""One training run in numbers and words: the task, the base model, the recipe, the batch, the evaluation."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from qae_sim.advantages import DifficultyAnchor, RankBaselines, get
from qae_sim.advantages.availability import require_place, stand_in
from qae_sim.advantages.parameters import (
    ANCHORS,
    AUTOMATIC,
    SCHEDULES,
    parameters_at,
    require_anchor,
    require_parameters,
)
from qae_sim.arrays import invalid, require_choice, require_integer, require_number
from qae_sim.lm.tasks import TASKS, Task
from qae_sim.storage import from_plain, to_plain

Objective: TypeAlias = Literal["ppo", "gspo", "clip_cov", "kl_cov", "reg_grpo"]
OBJECTIVES = ("ppo", "gspo", "clip_cov", "kl_cov", "reg_grpo")
Loss: TypeAlias = Literal["token", "sequence", "constant"]
LOSSES = ("token", "sequence", "constant")
SIZES = ("small", "medium")

#: What may stand in a configuration beside numbers and words.
KINDS: tuple[type, ...] = (*ANCHORS, *SCHEDULES, *AUTOMATIC, RankBaselines)

#: Fields that models trained together, as one ensemble, have in common: shapes, and the optimiser's step.
SHARED = (
    *("size", "base_demonstrations", "base_passes", "prompts", "group_size", "minibatches", "epochs", "batches"),
    *("learning_rate", "evaluate_every", "held_out", "pass_at"),
)


@dataclass(frozen=True)
class Config:
    """A run of RLVR on a toy language model.

    A supervised base model learns from partly corrupted demonstrations; then each batch draws prompts, samples a
    group of responses to each, verifies them, turns rewards into advantages, and takes ``epochs * minibatches`` steps
    of AdamW on a clipped surrogate.

    Attributes:
        task: ``"style"``, ``"addition"``, ``"countdown"`` or ``"paths"``.
        task_options: Dials of the task, such as ``{"truth": "memorised"}``.
        size: ``"small"`` (2 layers, width 64) or ``"medium"`` (4 layers, width 128).
        base_seed: Seed of the base model: its start, its demonstrations and their order.
        base_demonstrations: Demonstrations that the base model learns from, >= 1.
        base_passes: Times that it sees each of them, >= 1.
        estimator: A name from ``qae-sim estimators``.
        parameters: What the estimator is called with, such as ``{"k": 0.4}``; K may be a schedule (``LinearK(...)``)
            or automatic (``SuccessRateK()``, ``EntropyTargetK(...)``), CAPO's ``negatives`` a ``PhaseSwitch(...)``.
            CANON's ``metric`` is ``"entropy"`` (of the tokens, on average; the default) or ``"length"``.
        anchor: A difficulty anchor such as ``SoftAnchor()``: advantages are multiplied by HA-DW's Φ.
        lambda_scale: λ of Φ, > 0.
        mass_of: A control: all advantages of a batch are shifted by one number, so that their mean is that of this
            estimator, as in ``{"estimator": "qae", "k": 0.4}``.
        objective: ``"ppo"``, ``"gspo"`` (a ratio per response), ``"clip_cov"``, ``"kl_cov"``, or ``"reg_grpo"``, which
            regresses the policy on GRPO's advantages.
        clip_low: ε_low >= 0; ``inf`` never clips.
        clip_high: ε_high >= 0; ``inf`` never clips.
        loss: ``"token"`` (DAPO), ``"sequence"`` (GRPO) or ``"constant"`` (Dr. GRPO): how tokens share the weight.
        selected: Share of tokens that Clip-Cov or KL-Cov picks, in [0, 1].
        kl_cov_beta: β, weight of KL-Cov's penalty, >= 0.
        kl: Weight of the KL penalty to the base model, >= 0.
        overlong: Tokens before the greatest length over which DAPO's punishment grows to -1; 0 is no punishment.
        attempts: Dynamic sampling: batches of prompts to draw, at most, until enough groups are mixed (neither all
            right nor all wrong). What is then missing is filled with groups that are not. 1 is no dynamic sampling.
        prompts: B, groups of a batch.
        group_size: G, responses to a prompt, >= 2.
        minibatches: Steps per pass over a batch, a divisor of ``prompts``.
        epochs: Passes over a batch.
        batches: Batches of the run.
        learning_rate: AdamW's step, > 0; its weight decay is 0.
        grad_clip: Greatest norm of a gradient; ``inf`` never clips.
        evaluate_every: Batches between evaluations.
        held_out: Prompts that evaluations use, none of which is trained on.
        pass_at: Responses to each of them; k of pass@k.
        seed: Seed of everything after the base model.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range, or two contradict each other.

    Example:
        >>> config = Config("style", estimator="qae", parameters={"k": 0.4})
        >>> config.with_(seed=1).seed, Config.from_dict(config.to_dict()) == config
        (1, True)
    """

    task: str = "style"
    task_options: Mapping[str, Any] = field(default_factory=dict)
    size: Literal["small", "medium"] = "small"
    base_seed: int = 0
    base_demonstrations: int = 20_000
    base_passes: int = 4
    estimator: str = "grpo"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    anchor: DifficultyAnchor | None = None
    lambda_scale: float = 1.3
    mass_of: Mapping[str, Any] = field(default_factory=dict)
    objective: Objective = "ppo"
    clip_low: float = 0.2
    clip_high: float = 0.28
    loss: Loss = "token"
    selected: float = 0.002
    kl_cov_beta: float = 1.0
    kl: float = 0.0
    overlong: int = 0
    attempts: int = 1
    prompts: int = 48
    group_size: int = 16
    minibatches: int = 16
    epochs: int = 1
    batches: int = 45
    learning_rate: float = 5e-4
    grad_clip: float = 1.0
    evaluate_every: int = 5
    held_out: int = 96
    pass_at: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("task", self.task, tuple(TASKS))
        require_choice("size", self.size, SIZES)
        require_choice("objective", self.objective, OBJECTIVES)
        require_choice("loss", self.loss, LOSSES)
        for name in ("base_seed", "seed", "overlong"):
            require_integer(name, getattr(self, name))
        for name in (
            *("base_demonstrations", "base_passes", "attempts", "prompts", "minibatches", "epochs", "batches"),
            *("evaluate_every", "held_out", "pass_at"),
        ):
            require_integer(name, getattr(self, name), low=1)
        require_integer("group_size", self.group_size, low=2)
        for name in ("lambda_scale", "learning_rate"):
            if require_number(name, getattr(self, name), low=0.0) == 0:
                raise invalid(name, 0, "positive")
        for name in ("kl", "kl_cov_beta"):
            require_number(name, getattr(self, name), low=0.0)
        require_number("selected", self.selected, low=0.0, high=1.0)
        for name in ("clip_low", "clip_high", "grad_clip"):
            object.__setattr__(self, name, _require_limit(name, getattr(self, name)))
        for name in ("task_options", "parameters", "mass_of"):
            object.__setattr__(self, name, _require_mapping(name, getattr(self, name)))
        if self.prompts % self.minibatches:
            raise invalid("minibatches", self.minibatches, f"a divisor of prompts = {self.prompts}")
        _check_task(self)
        _check_estimator("estimator", self.estimator, "parameters", self.parameters, several=self.overlong > 0)
        _check_mass(self)
        require_anchor(self.anchor, self.estimator, get(self.estimator).level)
        if self.objective == "reg_grpo" and (self.estimator != "grpo" or self.mass_of or self.anchor is not None):
            raise invalid(
                "objective", "reg_grpo", "another, or with estimator 'grpo' alone, whose advantages are its target"
            )
        if "marks" in get(self.estimator).needs and not self.problem.checks_steps:
            having = ", ".join(repr(name) for name, task in TASKS.items() if task.checks_steps)
            raise invalid("task", self.task, f"one whose steps can be checked with {self.estimator!r}: {having}")
        if get(self.estimator).binary and self.overlong:
            raise invalid("overlong", self.overlong, f"0 with {self.estimator!r}, which is for rewards of 0 and 1")
        json.dumps(self.to_dict())  # whatever is trained can be stored

    # --- what follows from the fields ---

    @cached_property
    def problem(self) -> Task:
        """The task itself."""
        return TASKS[self.task](**self.task_options)

    def parameters_at(self, step: int) -> dict[str, Any]:
        """The estimator's parameters at a step, schedules resolved; an automatic K gives where it starts.

        Args:
            step: Batch, from 0.

        Returns:
            Names and values.

        Example:
            >>> from qae_sim.advantages import LinearK
            >>> Config("style", estimator="qae", parameters={"k": LinearK(0.6, 0.4, steps=10)}).parameters_at(5)
            {'k': 0.5}
        """
        return parameters_at(self.parameters, step)

    def with_(self, **changes: Any) -> Config:
        """Copy the configuration with some fields changed.

        Args:
            **changes: Fields and their new values.

        Returns:
            The new configuration, which has checked itself.
        """
        return replace(self, **changes)

    # --- to and from files ---

    def to_dict(self) -> dict[str, Any]:
        """Describe the configuration in values that JSON and TOML have; infinite limits are written "inf".

        Returns:
            A dictionary that :meth:`from_dict` reads.
        """
        plain = {item.name: to_plain(getattr(self, item.name), item.name, KINDS) for item in fields(self)}
        return {name: "inf" if value == math.inf else value for name, value in plain.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Build a configuration from plain values.

        Args:
            values: Fields by name; those left out have their defaults.

        Returns:
            The configuration.

        Raises:
            TypeError: A value is of the wrong type.
            ValueError: A field is unknown or out of range.
        """
        names = [item.name for item in fields(cls)]
        unknown = sorted(set(values) - set(names)) if isinstance(values, Mapping) else values
        if unknown or not isinstance(values, Mapping):
            raise invalid("configuration", unknown, "fields among " + ", ".join(names))
        return cls(**{name: from_plain(value, name, KINDS) for name, value in values.items()})

    @classmethod
    def read(cls, path: str | Path) -> Config:
        """Read a configuration from a file, TOML or JSON by its ending.

        Args:
            path: The file.

        Returns:
            The configuration.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no TOML (or JSON), or its values are wrong.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            values = json.loads(text) if str(path).endswith(".json") else tomllib.loads(text)
            return cls.from_dict(values)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no configuration of a run: {error}") from error


def _require_limit(name: str, value: Any) -> float:
    """Check a limit that may be infinite; files write "inf"."""
    if value == "inf" or (isinstance(value, float) and value == math.inf):
        return math.inf
    return require_number(name, value, low=0.0)


def _require_mapping(name: str, value: Any) -> dict[str, Any]:
    """Check that a field holds names and values."""
    if not isinstance(value, Mapping):
        raise invalid(name, value, "names and values", TypeError)
    return dict(value)


def _check_task(config: Config) -> None:
    """Check the task's dials, and what must fit its lengths."""
    try:
        longest = config.problem.response_length
    except TypeError as error:
        dials = ", ".join(item.name for item in fields(TASKS[config.task])) or "none"  # type: ignore[arg-type]
        raise invalid("task_options", dict(config.task_options), f"dials of {config.task}: {dials}") from error
    if config.overlong > longest:
        raise invalid("overlong", config.overlong, f"at most the {longest} tokens of a response")


def _check_estimator(
    field_name: str, name: str, parameters_name: str, parameters: Mapping[str, Any], *, several: bool = False
) -> None:
    """Check an estimator's name and the names and values of its parameters, by calling it once."""
    require_place(field_name, name, "lm")
    require_parameters(parameters_name, name, parameters)
    values = parameters_at(parameters, 0)
    values.pop("metric", None)
    rewards = np.array([[1.0, 0.0], [0.0, 0.0]])
    given = stand_in(name, rewards)
    if "further" in given and not several:  # the punishment of long responses is the only other reward
        given["further"] = None
    try:
        get(name).advantages(rewards, **given, **values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{field_name} {name}: {error}") from error


def _check_mass(config: Config) -> None:
    """Check the control of equal net advantage mass."""
    if not config.mass_of:
        return
    others = dict(config.mass_of)
    name = others.pop("estimator", None)
    if name is None:
        raise invalid(
            "mass_of", dict(config.mass_of), "an estimator and its parameters: {'estimator': 'qae', 'k': 0.4}"
        )
    _check_estimator("mass_of", name, "mass_of", others)
    for used in (name, config.estimator):
        if get(used).needs:
            raise invalid("mass_of", used, "about estimators with one advantage per response, of rewards alone")
