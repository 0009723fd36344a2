"""Kinds of predictions: what is asked, how it is answered, and what is said to an answer once it is locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np

from qae_sim.arrays import invalid


@dataclass(frozen=True)
class Prediction:
    """A question that is answered before one looks, by choosing one of several answers.

    Attributes:
        question: The question.
        options: What can be answered.
        answer: Place of the right one, from 0.
        why: What is said to each answer once it is locked.

    Raises:
        ValueError: There are fewer than two options, not one explanation for each, or no such answer.

    Example:
        >>> Prediction("How many?", ("one", "two"), 1, ("There are more.", "One and one.")).answer
        1
    """

    question: str
    options: tuple[str, ...]
    answer: int
    why: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise invalid("options", self.options, "at least two")
        if len(self.why) != len(self.options):
            raise invalid("why", self.why, f"one explanation for each of {len(self.options)} options")
        if not 0 <= self.answer < len(self.options):
            raise invalid("answer", self.answer, f"from 0 to {len(self.options) - 1}")

    def spec(self) -> dict[str, Any]:
        """Write it for the browser.

        Returns:
            Plain values.
        """
        return {
            "kind": "choice",
            "question": self.question,
            "options": list(self.options),
            "answer": self.answer,
            "why": list(self.why),
        }

    def __str__(self) -> str:
        return f"{self.question} ({'; '.join(self.options)})"


@dataclass(frozen=True)
class Slip:
    """What someone predicts who is wrong in one particular way, and what is said to it.

    Attributes:
        answer: The prediction: as many numbers as the truth has.
        hint: What is said to it. It names the misconception.

    Example:
        >>> Slip((0.0,), "Each loser is pushed down by the mean.").answer
        (0.0,)
    """

    answer: tuple[float, ...]
    hint: str


@dataclass(frozen=True, kw_only=True)
class _Set:
    """Numbers that are set by hand, over which the truth is laid.

    An answer is right if it is at most ``near`` away from the truth and no slip is nearer. Otherwise the nearest slip
    speaks, if it is at most ``near`` away. How far two answers are from each other says each kind.
    """

    kind: ClassVar[str]

    question: str
    low: float
    high: float
    step: float
    near: float
    why: str
    slips: tuple[Slip, ...] = ()
    digits: int = 2

    def _targets(self) -> tuple[float, ...]:
        """The true numbers, one for each that is set."""
        raise NotImplementedError

    def _check(self) -> None:
        if not self.low < self.high:
            raise invalid("high", self.high, f"greater than low, which is {self.low}")
        if not 0 < self.step <= self.high - self.low:
            raise invalid("step", self.step, f"greater than 0 and at most {self.high - self.low}")
        if self.near < self.step / 2:
            raise invalid(
                "near", self.near, f"at least half a step, {self.step / 2}, or no answer could be near enough"
            )
        true = self._targets()
        for name, values in (("truth", true), *(("slips", slip.answer) for slip in self.slips)):
            if len(values) != len(true):
                raise invalid(name, values, f"{len(true)} numbers")
            if not all(self.low <= value <= self.high for value in values):
                raise invalid(name, values, f"from {self.low} to {self.high}")
        answers = [true, *(slip.answer for slip in self.slips)]
        if len(set(answers)) != len(answers):
            raise invalid("slips", self.slips, "different from each other and from the truth")

    def _spec(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "question": self.question,
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "digits": self.digits,
            "near": self.near,
            "why": self.why,
            "truth": list(self._targets()),
            "slips": [{"answer": list(slip.answer), "hint": slip.hint} for slip in self.slips],
            **more,
        }


@dataclass(frozen=True, kw_only=True)
class SliderPrediction(_Set):
    """A number that is set before one looks; then the true one is laid over it.

    Attributes:
        question: The question.
        label: What is set.
        low: Left end.
        high: Right end.
        step: Distance of two settings.
        truth: The true number.
        near: How far off an answer may be: the difference counts.
        why: What is said to every locked answer: why it is so.
        slips: Misconceptions with their answers. The nearest one speaks if it is at most ``near`` away and nearer than
            the truth.
        digits: Decimals that are written.

    Raises:
        ValueError: The truth or a slip is outside of the range, or two of them are equal.

    Example:
        >>> asked = SliderPrediction(question="One of ten is correct. What is the mean reward?", label="mean reward",
        ...     low=0, high=1, step=0.05, truth=0.1, near=0.025, why="One divided by ten.")
        >>> asked.spec()["truth"]
        [0.1]
    """

    kind: ClassVar[str] = "slider"

    label: str
    truth: float

    def __post_init__(self) -> None:
        self._check()

    def _targets(self) -> tuple[float, ...]:
        return (self.truth,)

    def spec(self) -> dict[str, Any]:
        """Write it for the browser.

        Returns:
            Plain values.
        """
        return self._spec(labels=[self.label])

    def __str__(self) -> str:
        return f"{self.question} (Set {self.label} between {self.low:g} and {self.high:g}.)"


@dataclass(frozen=True, kw_only=True)
class BarsPrediction(_Set):
    """Bars that are dragged before one looks; then the true ones are laid over them.

    Attributes:
        question: The question.
        bars: Names of the bars, at least two.
        low: Lower end of the axis.
        high: Its upper end.
        step: Distance of two settings.
        truth: The true value of each bar.
        near: How far off an answer may be: the largest difference counts.
        why: What is said to every locked answer: why it is so.
        slips: Misconceptions with their answers. The nearest one speaks if it is at most ``near`` away and nearer than
            the truth.
        digits: Decimals that are written.

    Raises:
        ValueError: There are fewer than two bars, the truth or a slip does not fit them or is outside of the range, or
            two of them are equal.

    Example:
        >>> asked = BarsPrediction(question="Two of four are correct. What are their advantages, without sigma?",
        ...     bars=("correct", "wrong"), low=-1, high=1, step=0.1, truth=(0.5, -0.5), near=0.05,
        ...     why="The mean is 0.5.", slips=(Slip((1.0, 0.0), "That is the reward itself: subtract the mean."),))
        >>> asked.spec()["labels"]
        ['correct', 'wrong']
    """

    kind: ClassVar[str] = "bars"

    bars: tuple[str, ...]
    truth: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.bars) < 2:
            raise invalid("bars", self.bars, "at least two")
        if len(self.truth) != len(self.bars):
            raise invalid("truth", self.truth, f"{len(self.bars)} numbers")
        self._check()

    def _targets(self) -> tuple[float, ...]:
        return self.truth

    def spec(self) -> dict[str, Any]:
        """Write it for the browser.

        Returns:
            Plain values.
        """
        return self._spec(labels=list(self.bars))

    def __str__(self) -> str:
        return f"{self.question} (Set {', '.join(self.bars)} between {self.low:g} and {self.high:g}.)"


@dataclass(frozen=True, kw_only=True)
class CurvePrediction(_Set):
    """A curve that is drawn before one looks, by points at fixed places; then the true one is laid over it.

    Attributes:
        question: The question.
        x: What is written at the horizontal axis.
        y: What is written at the vertical one.
        places: Where points are set, at least three, from left to right.
        low: Lower end of the vertical axis.
        high: Its upper end.
        step: Distance of two settings.
        curve: Points of the true curve, from left to right; they begin and end where ``places`` do. Between two of
            them it is straight.
        near: How far off an answer may be: the mean distance over the places counts, since nobody draws exactly.
        why: What is said to every locked answer: why it is so.
        slips: Misconceptions with their curves at ``places``. The nearest one speaks if it is at most ``near`` away and
            nearer than the truth.
        digits: Decimals that are written.

    Raises:
        ValueError: There are fewer than three places, they or the curve do not go from left to right over the same
            range, the truth or a slip is outside of the range, or two of them are equal.

    Example:
        >>> asked = CurvePrediction(question="How does p (1 - p) depend on p?", x="p", y="p (1 - p)",
        ...     places=(0.0, 0.5, 1.0), low=0, high=0.5, step=0.05, near=0.05, why="It is largest in the middle.",
        ...     curve=tuple((i / 20, i / 20 * (1 - i / 20)) for i in range(21)))
        >>> asked.spec()["truth"]
        [0.0, 0.25, 0.0]
    """

    kind: ClassVar[str] = "curve"

    x: str
    y: str
    places: tuple[float, ...]
    curve: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.places) < 3:
            raise invalid("places", self.places, "at least three")
        _rising("places", self.places)
        _rising("curve", [x for x, _ in self.curve])
        if (self.curve[0][0], self.curve[-1][0]) != (self.places[0], self.places[-1]):
            raise invalid("curve", self.curve, f"from {self.places[0]} to {self.places[-1]} like places")
        self._check()
        if not all(self.low <= y <= self.high for _, y in self.curve):
            raise invalid("curve", self.curve, f"from {self.low} to {self.high}")

    def _targets(self) -> tuple[float, ...]:
        x, y = zip(*self.curve, strict=True)
        return tuple(float(value) for value in np.interp(self.places, x, y))

    def spec(self) -> dict[str, Any]:
        """Write it for the browser.

        Returns:
            Plain values.
        """
        return self._spec(
            labels=[f"{self.y} at {self.x} = {place:g}" for place in self.places],
            x=self.x,
            y=self.y,
            places=list(self.places),
            curve=[list(point) for point in self.curve],
        )

    def __str__(self) -> str:
        return f"{self.question} (Draw {self.y} against {self.x} from {self.places[0]:g} to {self.places[-1]:g}.)"


def _rising(name: str, values: Sequence[float]) -> None:
    if not all(a < b for a, b in pairwise(values)):
        raise invalid(name, tuple(values), "from left to right")


#: A prediction of any kind.
AnyPrediction: TypeAlias = Prediction | SliderPrediction | BarsPrediction | CurvePrediction
