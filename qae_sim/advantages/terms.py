"""The terms of a rule: an estimator with its parameters and weight; and what in a rule moves on from batch to batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any, TypeAlias

import numpy as np

from qae_sim.advantages.anchors import FixedAnchor, HardAnchor, SoftAnchor
from qae_sim.advantages.automatic import EntropyTargetK, SuccessRateK
from qae_sim.advantages.availability import example_inputs
from qae_sim.advantages.hidden_state_rank import RankBaselines
from qae_sim.advantages.kalman_anchor import KalmanAnchor
from qae_sim.advantages.registry import Estimator, get
from qae_sim.advantages.schedules import ConstantK, CosineK, LinearK, PhaseSwitch, TwoPhaseK
from qae_sim.arrays import invalid, require_choice, require_integer, require_number
from qae_sim.frozen import dataclass

#: Difficulty anchors.
ANCHORS: tuple[type[Any], ...] = (FixedAnchor, SoftAnchor, HardAnchor, KalmanAnchor)
#: Functions of the step that may stand where a number is expected.
SCHEDULES: tuple[type[Any], ...] = (ConstantK, LinearK, CosineK, TwoPhaseK, PhaseSwitch)
#: Values of K that follow the course of a run.
AUTOMATIC: tuple[type[Any], ...] = (SuccessRateK, EntropyTargetK)
#: What CANON can sort responses by: their mean token entropy, or their number of tokens.
METRICS = ("entropy", "length")

#: A name from ``qae-sim estimators``, or a function of rewards ``(..., G)``.
Estimating: TypeAlias = str | Callable[..., Any]


@dataclass(frozen=True)
class NamedFunction:
    """The name of an estimator function that was read from a file. Calling it is an error.

    Attributes:
        name: ``"module:function"``.
    """

    name: str

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Raise: a file holds the name, not the function."""
        raise TypeError(
            f"estimator {self.name} was stored by name; to use it again, give the function: with_(estimator=...)"
        )


@dataclass(frozen=True)
class Term:
    """One estimator of a weighted sum: w·A.

    Attributes:
        estimator: A name from ``qae-sim estimators``, or a function of rewards ``(..., G)``.
        parameters: Its parameters by name: numbers, schedules, an automatic K.
        weight: w, any finite number.
        reward: Which of several rewards it looks at: 0 the first, n the n-th of the input ``further``.

    Raises:
        TypeError: ``weight`` is no number, ``reward`` no integer, or ``parameters`` no mapping.
        ValueError: ``weight`` is not finite, or ``reward`` is negative.

    Example:
        >>> Term("qae", {"k": 0.4}, weight=0.5).title
        'qae(k=0.4)'
        >>> Term("grpo", reward=1).title
        'grpo of reward 1'
    """

    estimator: Estimating
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    reward: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "reward", require_integer("reward", self.reward))
        if not isinstance(self.parameters, Mapping):
            raise invalid("parameters", self.parameters, "names and values", TypeError)
        object.__setattr__(self, "parameters", dict(self.parameters))
        object.__setattr__(self, "weight", require_number("weight", self.weight))

    @property
    def row(self) -> Estimator:
        """Its row of the registry; for HA-DW that of the estimator it weights, for a function a row made for it."""
        if isinstance(self.estimator, str):
            row = get(self.estimator)
            return get(row.weights) if row.weights else row
        name = getattr(self.estimator, "__qualname__", str(self.estimator))
        return Estimator(name, self.estimator, name, "", "yours", "response", "a function of yours", self.parameters)

    @property
    def name(self) -> str:
        """The estimator's name."""
        return self.estimator if isinstance(self.estimator, str) else self.row.name

    @property
    def title(self) -> str:
        """Name and parameters, for messages."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        named = f"{self.name}({given})" if given else self.name
        return f"{named} of reward {self.reward}" if self.reward else named

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it needs besides the first reward, names of inputs."""
        return self.row.inputs if not self.reward else (*self.row.inputs, "further")

    @property
    def key(self) -> tuple[Any, ...]:
        """What a table of the term depends on, as one value; hashable once its parameters are numbers."""
        return self.estimator, tuple(sorted(self.parameters.items())), self.weight

    def at(self, step: int, moved: Mapping[str, Any]) -> Term:
        """The term at a step: schedules are called, and automatic parameters give where they stand."""
        values = {}
        for name, value in self.parameters.items():
            if isinstance(value, SCHEDULES):
                value = value(step)
            elif isinstance(value, AUTOMATIC):
                current = moved.get(name)
                value = (value if current is None else current).k
            values[name] = value
        return replace(self, parameters=values)

    def check(self) -> None:
        """Check that the estimator has the parameters it is called with, that only what may move does, and values."""
        if self.reward and "further" in self.row.inputs:
            raise invalid("reward", self.reward, f"0 for {self.name}, which looks at all rewards")
        known = self.row.settings | ({"metric": None} if "metric" in self.row.inputs else {})
        for name, value in self.parameters.items():
            if isinstance(self.estimator, str) and name not in known:
                raise invalid("parameters", name, f"named as those of {self.name}: {', '.join(known) or 'none'}")
            if name == "metric":
                require_choice("parameters: metric", value, METRICS)
            may_move = "negatives" if isinstance(value, PhaseSwitch) else "k"
            if isinstance(value, SCHEDULES + AUTOMATIC) and name != may_move:
                allowed = f"a schedule for k alone (PhaseSwitch for negatives), not for {name}"
                raise invalid("parameters", value, allowed)
        self._try()

    def _try(self) -> None:
        """Call the estimator once, so that a wrong parameter is named now and not after the first batch."""
        rewards = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        if isinstance(self.estimator, NamedFunction):
            return
        given = {} if callable(self.estimator) else example_inputs(self.row.name, rewards)
        if set(given) < set(self.row.inputs) or not (self.row.of_responses or self.row.of_tokens):
            return  # turns, trees and losses take inputs that no batch of rewards has
        values = dict(self.at(0, {}).parameters)
        values.pop("metric", None)
        if "further" in given and values.get("weights") is not None:
            given["further"] = given["further"].repeat(max(len(values["weights"]) - 1, 0), axis=0)
        try:
            self.row.advantages(rewards, **given, **values)
        except (TypeError, ValueError) as error:
            if callable(self.estimator):
                raise
            raise type(error)(f"estimator {self.name}: {error}") from error


@dataclass(frozen=True)
class AdvantageState:
    """The moving parts of a rule, which change after each batch.

    Attributes:
        parts: Moving parts by their place in the rule. Each has ``observes``, the name of what it needs to know of a
            batch, and a pure ``update`` that returns the next part.

    Example:
        >>> AdvantageState({"anchor": FixedAnchor(0.3)}).anchor
        FixedAnchor(belief=0.3)
    """

    parts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def anchor(self) -> Any:
        """The current difficulty anchor; None without one."""
        return self.parts.get("anchor")

    @property
    def belief(self) -> Any:
        """C⁻ before the next batch; NaN without an anchor."""
        return math.nan if self.anchor is None else self.anchor.belief


#: What may stand in a stored rule or state besides numbers and words.
KINDS: tuple[type, ...] = (*ANCHORS, *SCHEDULES, *AUTOMATIC, RankBaselines, Term, NamedFunction)


def storable(estimator: Any) -> Any:
    """An estimator as a file can hold it."""
    if isinstance(estimator, tuple):
        return [replace(term, estimator=storable(term.estimator)) for term in estimator]
    if isinstance(estimator, str | NamedFunction):
        return estimator
    return NamedFunction(f"{getattr(estimator, '__module__', '?')}:{getattr(estimator, '__qualname__', estimator)}")
