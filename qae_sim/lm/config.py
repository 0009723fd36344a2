"""The configuration of a training run: task, base model, rule for advantages, objective, batch, evaluation."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from qae_sim.advantages.rule import FIELDS, AdvantageRule, as_rule, changed
from qae_sim.arrays import invalid, require_choice, require_integer, require_number
from qae_sim.lm.tasks import TASKS, Task
from qae_sim.plain_values import from_plain, to_plain

Objective: TypeAlias = Literal["ppo", "gspo", "clip_cov", "kl_cov", "reg_grpo"]
OBJECTIVES = ("ppo", "gspo", "clip_cov", "kl_cov", "reg_grpo")
Loss: TypeAlias = Literal["token", "sequence", "constant"]
LOSSES = ("token", "sequence", "constant")
SIZES = ("small", "medium")

#: Fields of the rule, which files hold among those of the run. Rewards here are 0 and 1, so no threshold is needed.
RULE_FIELDS = tuple(name for name in FIELDS if name != "correct_above")

#: Fields in which runs that train together, as one ensemble, must agree: shapes, and the learning rate.
SHARED = (
    *("size", "base_demonstrations", "base_passes", "prompts", "group_size", "minibatches", "epochs", "batches"),
    *("learning_rate", "warmup", "evaluate_every", "held_out", "pass_at", "evaluation_temperatures", "base_target"),
)


@dataclass(frozen=True)
class Config:
    """A run of RLVR on a toy language model.

    First a base model learns from demonstrations, some of them wrong. Then each batch draws prompts, samples a group
    of responses to each, verifies them, turns rewards into advantages, and takes ``epochs * minibatches`` steps of
    AdamW on a clipped surrogate.

    Attributes:
        task: ``"style"``, ``"addition"``, ``"countdown"`` or ``"paths"``.
        task_options: Options of the task, such as ``{"truth": "memorised"}``.
        size: ``"small"`` (2 layers, width 64) or ``"medium"`` (4 layers, width 128).
        base_seed: Seed of the base model: its first weights, its demonstrations and their order.
        base_demonstrations: Demonstrations that the base model learns from, >= 1.
        base_passes: Passes over these demonstrations, >= 1.
        base_target: The base model stops learning as soon as its pass@1 on held-out prompts is at least this, in
            [0, 1), so that base models of all seeds start alike; 0: after all passes.
        rule: How rewards become advantages: an :class:`~qae_sim.advantages.AdvantageRule`, or an estimator's name.
            CANON's ``metric`` is ``"entropy"`` (mean over a response's tokens; the default) or ``"length"``.
        mass_of: A control experiment: all advantages of a batch are shifted by a number, so that their mean is that of
            this rule, a single estimator. In files: ``{"estimator": "qae", "k": 0.4}``.
        objective: ``"ppo"``, ``"gspo"`` (one ratio per response), ``"clip_cov"``, ``"kl_cov"``, or ``"reg_grpo"`` (a
            regression on GRPO's advantages).
        clip_low: ε_low >= 0; ``inf`` never clips.
        clip_high: ε_high >= 0; ``inf`` never clips.
        dual_clip: Dual clip's c > 1: where an advantage is negative, a token's term of the loss is at most c·|A|;
            ``inf`` is none. With ``"ppo"`` and ``"clip_cov"`` only.
        loss: ``"token"`` (DAPO), ``"sequence"`` (GRPO) or ``"constant"`` (Dr. GRPO): how tokens are weighted.
        selected: Share of tokens that Clip-Cov or KL-Cov selects, in [0, 1].
        kl_cov_beta: β, weight of KL-Cov's penalty, >= 0.
        kl: Weight of the KL penalty to the base model, >= 0.
        overlong: DAPO's punishment falls from 0 to -1 over this many tokens before the greatest length; 0 is none.
        attempts: Dynamic sampling: prompts are drawn at most this many times, until enough groups are mixed (neither
            all correct nor all wrong). Other groups take the place of those still missing. 1: no dynamic sampling.
        prompts: B, groups in a batch, >= 1.
        group_size: G, responses to a prompt, >= 2.
        minibatches: Steps per pass over a batch, a divisor of ``prompts``.
        epochs: Passes over a batch, >= 1.
        batches: Batches in the run, >= 1.
        learning_rate: AdamW's learning rate, > 0; its weight decay is 0.
        warmup: Over this many batches the learning rate rises linearly to its value, >= 0.
        grad_clip: Greatest norm of a gradient, >= 0; ``inf`` never clips.
        evaluate_every: Batches between evaluations, >= 1.
        held_out: Prompts in an evaluation, >= 1; none of them is trained on.
        pass_at: Responses to each of these, >= 1; the k of pass@k.
        evaluation_temperatures: Temperatures at which responses are sampled for evaluations, each > 0. All measures
            of an evaluation are those at the first one; pass@1 is measured at each.
        seed: Seed of everything after the base model, >= 0.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range, or two contradict each other.

    Example:
        >>> config = Config("style", rule=AdvantageRule("qae", {"k": 0.4}))
        >>> config.with_(seed=1, parameters={"k": 0.6}).rule.title, Config.from_dict(config.to_dict()) == config
        ('qae(k=0.6)', True)
    """

    task: str = "style"
    task_options: Mapping[str, Any] = field(default_factory=dict)
    size: Literal["small", "medium"] = "small"
    base_seed: int = 0
    base_demonstrations: int = 20_000
    base_passes: int = 4
    base_target: float = 0.0
    rule: AdvantageRule = field(default_factory=AdvantageRule)
    mass_of: AdvantageRule | None = None
    objective: Objective = "ppo"
    clip_low: float = 0.2
    clip_high: float = 0.28
    dual_clip: float = math.inf
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
    warmup: int = 0
    grad_clip: float = 1.0
    evaluate_every: int = 5
    held_out: int = 96
    pass_at: int = 16
    evaluation_temperatures: tuple[float, ...] = (1.0,)
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("task", self.task, tuple(TASKS))
        require_choice("size", self.size, SIZES)
        require_choice("objective", self.objective, OBJECTIVES)
        require_choice("loss", self.loss, LOSSES)
        for name in ("base_seed", "seed", "overlong", "warmup"):
            require_integer(name, getattr(self, name))
        for name in (
            *("base_demonstrations", "base_passes", "attempts", "prompts", "minibatches", "epochs", "batches"),
            *("evaluate_every", "held_out", "pass_at"),
        ):
            require_integer(name, getattr(self, name), low=1)
        require_integer("group_size", self.group_size, low=2)
        if require_number("learning_rate", self.learning_rate, low=0.0) == 0:
            raise invalid("learning_rate", 0, "positive")
        for name in ("kl", "kl_cov_beta"):
            require_number(name, getattr(self, name), low=0.0)
        require_number("selected", self.selected, low=0.0, high=1.0)
        if require_number("base_target", self.base_target, low=0.0) >= 1:
            raise invalid("base_target", self.base_target, "below 1")
        for name in ("clip_low", "clip_high", "dual_clip", "grad_clip"):
            object.__setattr__(self, name, _require_limit(name, getattr(self, name)))
        if self.dual_clip <= 1:
            raise invalid("dual_clip", self.dual_clip, "above 1")
        if self.dual_clip < math.inf and self.objective not in ("ppo", "clip_cov"):
            raise invalid("dual_clip", self.dual_clip, f"inf with objective {self.objective!r}")
        object.__setattr__(self, "evaluation_temperatures", _require_temperatures(self.evaluation_temperatures))
        if not isinstance(self.task_options, Mapping):
            raise invalid("task_options", self.task_options, "names and values", TypeError)
        object.__setattr__(self, "task_options", dict(self.task_options))
        object.__setattr__(self, "rule", as_rule(self.rule))
        object.__setattr__(self, "mass_of", _as_mass(self.mass_of))
        if self.prompts % self.minibatches:
            raise invalid("minibatches", self.minibatches, f"a divisor of prompts = {self.prompts}")
        _check_task(self)
        _check_rule(self)
        _check_mass(self)
        json.dumps(self.to_dict())  # whatever can be trained can also be stored

    # --- what follows from the fields ---

    @cached_property
    def problem(self) -> Task:
        """The task itself."""
        return TASKS[self.task](**self.task_options)

    def with_(self, **changes: Any) -> Config:
        """Copy the configuration with some fields changed.

        Args:
            **changes: Fields of the run or of its rule, and their new values.

        Returns:
            The new configuration, checked as every one is.
        """
        rule = changed(self.rule, changes)
        return replace(self, rule=rule, **changes)

    # --- to and from files ---

    def to_dict(self) -> dict[str, Any]:
        """Describe the configuration in values that JSON and TOML can hold; infinite limits are written "inf".

        Returns:
            A dictionary that :meth:`from_dict` reads; the rule's fields are listed among the run's.
        """
        plain: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "rule":
                plain |= self.rule.to_dict()
            elif item.name == "mass_of":
                plain["mass_of"] = _plain_mass(value)
            else:
                plain[item.name] = "inf" if value == math.inf else to_plain(value, item.name, ())
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Build a configuration from plain values.

        Args:
            values: Fields of the run and of its rule by name; those left out keep their defaults.

        Returns:
            The configuration.

        Raises:
            TypeError: A value is of the wrong type.
            ValueError: A field is unknown or out of range.
        """
        names = [name for item in fields(cls) for name in (RULE_FIELDS if item.name == "rule" else (item.name,))]
        unknown = sorted(set(values) - set(names)) if isinstance(values, Mapping) else values
        if unknown or not isinstance(values, Mapping):
            raise invalid("configuration", unknown, "fields among " + ", ".join(names))
        rule = AdvantageRule.from_dict({name: values[name] for name in RULE_FIELDS if name in values})
        others = {name: value for name, value in values.items() if name not in RULE_FIELDS}
        mass = _as_mass(others.pop("mass_of", None))
        return cls(rule=rule, mass_of=mass, **{name: from_plain(value, name, ()) for name, value in others.items()})

    @classmethod
    def read(cls, path: str | Path) -> Config:
        """Read a configuration from a file.

        Args:
            path: The file: JSON if its name ends in ``.json``, TOML otherwise.

        Returns:
            The configuration.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is not valid TOML (or JSON), or a value is wrong.
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


def _require_temperatures(values: Any) -> tuple[float, ...]:
    """Check the temperatures of evaluations."""
    if not isinstance(values, tuple | list) or not values:
        raise invalid("evaluation_temperatures", values, "one or more numbers", TypeError)
    found = tuple(require_number("evaluation_temperatures", value, low=0.0) for value in values)
    if 0.0 in found or len(set(found)) < len(found):
        raise invalid("evaluation_temperatures", list(values), "positive numbers, each once")
    return found


def _check_task(config: Config) -> None:
    """Check the task's options, and what depends on its lengths."""
    try:
        longest = config.problem.response_length
    except TypeError as error:
        options = ", ".join(item.name for item in fields(TASKS[config.task])) or "none"  # type: ignore[arg-type]
        raise invalid("task_options", dict(config.task_options), f"options of {config.task}: {options}") from error
    if config.overlong > longest:
        raise invalid("overlong", config.overlong, f"at most the {longest} tokens of a response")


def _check_rule(config: Config) -> None:
    """Check that the toy model can supply what the rule needs, and that the rule fits task and objective."""
    rule = config.rule
    _require_names("estimator", rule)
    rule.require_place("estimator", "lm")
    if rule.correct_above is not None:
        raise invalid("correct_above", rule.correct_above, "None here, where rewards are 0 and 1")
    if "marks" in rule.inputs and not config.problem.checks_steps:
        having = ", ".join(repr(name) for name, task in TASKS.items() if task.checks_steps)
        raise invalid("task", config.task, f"one whose steps can be checked with {rule.name!r}: {having}")
    if rule.binary and config.overlong:
        raise invalid("overlong", config.overlong, f"0 with {rule.binary!r}, which is for rewards of 0 and 1")
    most = int(config.overlong > 0)
    if any(term.reward > most for term in rule.terms):
        allowed = (
            "0 or 1, the verdict and the punishment" if most else "0: overlong is 0, and the verdict the only reward"
        )
        raise invalid("reward", max(term.reward for term in rule.terms), allowed)
    weights = rule.setting("weights") if "further" in rule.inputs else None
    if weights is not None and len(weights) != 1 + (config.overlong > 0):
        allowed = (
            "two numbers, of the verdict and of the punishment" if config.overlong else "one number: overlong is 0"
        )
        raise invalid("parameters: weights", weights, allowed)
    if config.objective == "reg_grpo" and (rule.estimator != "grpo" or config.mass_of or rule.anchor is not None):
        raise invalid(
            "objective", "reg_grpo", "another, or with estimator 'grpo' alone, whose advantages are its target"
        )


def _require_names(argument: str, rule: AdvantageRule) -> None:
    """Check that a rule's estimators have names, so that its files are enough to train it again."""
    for term in rule.terms:
        if not isinstance(term.estimator, str):
            raise invalid(argument, term.estimator, "a name from 'qae-sim estimators' here", TypeError)


# --- the control of equal net advantage mass ---


def _as_mass(value: Any) -> AdvantageRule | None:
    """Read the control's rule: a rule, or as files have it, an estimator's name among its parameters (empty: none)."""
    if value is None or isinstance(value, AdvantageRule):
        return value
    if not isinstance(value, Mapping):
        raise invalid("mass_of", value, "a rule, or names and values", TypeError)
    if not value:
        return None
    if "estimator" not in value:
        raise invalid("mass_of", dict(value), "an estimator and its parameters: {'estimator': 'qae', 'k': 0.4}")
    parameters = {name: item for name, item in value.items() if name != "estimator"}
    try:
        return AdvantageRule.from_dict({"estimator": value["estimator"], "parameters": parameters})
    except (TypeError, ValueError) as error:
        raise type(error)(f"mass_of: {error}") from error


def _plain_mass(rule: AdvantageRule | None) -> dict[str, Any]:
    """Describe the control's rule as :func:`_as_mass` reads it."""
    if rule is None:
        return {}
    plain = rule.to_dict()
    return {"estimator": plain["estimator"], **plain["parameters"]}


def _check_mass(config: Config) -> None:
    """Check that the control has one advantage per response and no state."""
    rule = config.mass_of
    if rule is None:
        return
    _require_names("mass_of", rule)
    rule.require_place("mass_of", "lm")
    if isinstance(rule.estimator, tuple) or rule.start().parts:
        raise invalid("mass_of", rule.title, "a single estimator, without an anchor or an automatic parameter")
    for used in (rule, config.rule):
        if used.inputs:
            raise invalid("mass_of", used.name, "about estimators with one advantage per response, of rewards alone")
