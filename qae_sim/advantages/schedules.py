"""Schedules of K: functions of the step.

The QAE paper names them as future work and gives no formulas; the forms are our own. A schedule is a frozen dataclass
that is called with the step and returns K.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from qae_sim.advantages.anchors import towards
from qae_sim.arrays import require_integer, require_number
from qae_sim.frozen import dataclass

#: A function that returns K for a step counted from 0.
KSchedule: TypeAlias = Callable[[int], float]


def _require_k(name: str, value: float) -> float:
    """Check that K lies in (0, 1)."""
    return require_number(name, value, low=0.0, high=1.0, open_interval=True)


@dataclass(frozen=True)
class ConstantK:
    """The same K at every step.

    Attributes:
        k: K in (0, 1).

    Raises:
        TypeError: ``k`` is no number.
        ValueError: ``k`` is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), whose experiments use K = .4 throughout.

    Example:
        >>> ConstantK(0.4)(1000)
        0.4
    """

    k: float = 0.4

    def __post_init__(self) -> None:
        _require_k("k", self.k)

    def __call__(self, step: int) -> float:
        """K at a step >= 0."""
        require_integer("step", step)
        return self.k


@dataclass(frozen=True)
class _Ramp:
    """What ramps share: two values of K and the steps between them."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _require_k("start", self.start)
        _require_k("end", self.end)
        require_integer("steps", self.steps, low=1)

    def _done(self, step: int) -> float:
        """Share of the ramp that is done, in [0, 1]."""
        return min(require_integer("step", step), self.steps) / self.steps


@dataclass(frozen=True, init=False, repr=False, eq=False)  # as those of a ramp
class LinearK(_Ramp):
    """K moves in a straight line from one value to another, then stays.

    K(t) = start + (end - start)·min(t / steps, 1)

    Attributes:
        start: K at step 0, in (0, 1).
        end: K from step ``steps`` on, in (0, 1).
        steps: Length of the ramp, >= 1.

    Raises:
        TypeError: A value is no number, or ``steps`` is no integer.
        ValueError: A value is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "simple schedules"; the form is ours.

    Example:
        >>> LinearK(0.6, 0.4, steps=100)(50)
        0.5
    """

    def __call__(self, step: int) -> float:
        """K at a step >= 0."""
        return float(towards(self.start, self.end, self._done(step)))


@dataclass(frozen=True, init=False, repr=False, eq=False)  # as those of a ramp
class CosineK(_Ramp):
    """K moves from one value to another along half a cosine: slowly, fast, slowly; then stays.

    K(t) = end + (start - end)·(1 + cos(π·min(t / steps, 1))) / 2

    Attributes:
        start: K at step 0, in (0, 1).
        end: K from step ``steps`` on, in (0, 1).
        steps: Length of the ramp, >= 1.

    Raises:
        TypeError: A value is no number, or ``steps`` is no integer.
        ValueError: A value is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "simple schedules"; the form is ours.

    Example:
        >>> CosineK(0.6, 0.4, steps=100)(50)
        0.5
    """

    def __call__(self, step: int) -> float:
        """K at a step >= 0."""
        return float(towards(self.start, self.end, (1 - math.cos(math.pi * self._done(step))) / 2))


@dataclass(frozen=True)
class TwoPhaseK:
    """A curriculum of two phases, each with its own schedule; the second counts its steps from 0.

    K(t) = first(t) for t < switch, second(t - switch) from there on

    Attributes:
        first: Schedule of the first phase, or a number.
        second: Schedule of the second phase, or a number.
        switch: First step of the second phase, >= 1.

    Raises:
        TypeError: ``switch`` is no integer, or a phase is neither a schedule nor a number.
        ValueError: A value is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "two-phase curricula"; the form is ours.

    Example:
        >>> curriculum = TwoPhaseK(0.6, LinearK(0.6, 0.4, steps=10), switch=20)
        >>> curriculum(19), curriculum(25), curriculum(99)
        (0.6, 0.5, 0.4)
    """

    first: KSchedule | float
    second: KSchedule | float
    switch: int

    def __post_init__(self) -> None:
        require_integer("switch", self.switch, low=1)
        for name, phase in (("first", self.first), ("second", self.second)):
            if not callable(phase):
                _require_k(name, phase)

    def __call__(self, step: int) -> float:
        """K at a step >= 0."""
        step = require_integer("step", step)
        first = step < self.switch
        name, phase, local = ("first", self.first, step) if first else ("second", self.second, step - self.switch)
        return _require_k(name, phase(local) if callable(phase) else phase)


@dataclass(frozen=True)
class PhaseSwitch:
    """CAPO's hard switch between its two phases, for the weight ν of negative advantages.

    ν(t) = 0 for t < switch, 1 from there on

    Attributes:
        switch: First step of the second phase, >= 1; the paper's is at 10 to 30 % of the steps.

    Raises:
        TypeError: ``switch`` is no integer.
        ValueError: ``switch`` < 1.

    Source:
        Yang et al., From imitation to discrimination (arXiv:2512.02580); equation not seen.

    Example:
        >>> phases = PhaseSwitch(20)
        >>> phases(19), phases(20)
        (0.0, 1.0)
    """

    switch: int

    def __post_init__(self) -> None:
        require_integer("switch", self.switch, low=1)

    def __call__(self, step: int) -> float:
        """ν at a step >= 0."""
        return float(require_integer("step", step) >= self.switch)
