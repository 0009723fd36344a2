"""The state of an explorer: a frozen dataclass whose fields say how they are set, checked and written as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from qae_sim.arrays import invalid, require_integer, require_number

# How numbers are written in a state's text. The page reads the same (page/web/src/explorer/state.ts); Python alone
# would also take "1_0" or " nan", and a browser "0x10" or nothing for zero.
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]-?[0-9]+)?")
#: What is beyond so many decimals is rounded away.
_DECIMALS = 10


@dataclass(frozen=True)
class Control:
    """How a field of a state is set.

    Attributes:
        label: Its name for a reader.
        kind: ``"number"``, ``"whole"``, ``"choice"`` or ``"numbers"``.
        low: Smallest value.
        high: Largest value, or the name of the field that holds it.
        step: Distance of two values.
        unit: Its unit.
        help: One sentence about it.
        choices: What can be chosen, with names for a reader; looked at anew each time, so that it may grow.
        local: Whether the browser moves it by itself, looking up what changes.
    """

    label: str
    kind: str
    low: float = 0.0
    high: float | str = 1.0
    step: float = 1.0
    unit: str = ""
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    local: bool = False

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """What can be chosen now, with names for a reader."""
        return tuple(self.choices.items())


def number(
    default: float,
    label: str,
    low: float,
    high: float,
    step: float,
    *,
    unit: str = "",
    help: str = "",
    local: bool = False,
) -> Any:
    """A field that holds a number."""
    control = Control(label, "number", low, high, step, unit, help, local=local)
    return field(default=default, metadata={"control": control})


def whole(
    default: int,
    label: str,
    low: int,
    high: int | str,
    *,
    step: int = 1,
    unit: str = "",
    help: str = "",
    local: bool = False,
) -> Any:
    """A field that holds an integer; its upper end may be another field."""
    control = Control(label, "whole", low, high, step, unit, help, local=local)
    return field(default=default, metadata={"control": control})


def choice(default: str, label: str, options: Mapping[str, str], *, help: str = "") -> Any:
    """A field that holds one of several names."""
    control = Control(label, "choice", choices=options, help=help)
    return field(default=default, metadata={"control": control})


def numbers(
    default: tuple[float, ...], label: str, low: float, high: float, step: float, *, unit: str = "", help: str = ""
) -> Any:
    """A field that holds a fixed count of numbers."""
    control = Control(label, "numbers", low, high, step, unit, help)
    return field(default=default, metadata={"control": control})


def seed() -> Any:
    """A field that holds the seed of what is sampled."""
    return whole(0, "Seed", 0, 9999, help="The same seed gives the same samples.")


@dataclass(frozen=True)
class State:
    """A state that checks itself; subclasses declare fields with :func:`number`, :func:`whole` and so on.

    Example:
        >>> @dataclass(frozen=True)
        ... class Coin(State):
        ...     p: float = number(0.5, "Chance of heads", 0, 1, 0.01)
        >>> Coin.from_text("p=.25"), Coin(0.75).to_text()
        (Coin(p=0.25), 'p=0.75')
    """

    def __post_init__(self) -> None:
        for name, control in self.controls().items():
            object.__setattr__(self, name, _checked(self, name, control, getattr(self, name)))

    @classmethod
    def controls(cls) -> dict[str, Control]:
        """How each field is set."""
        return {f.name: f.metadata["control"] for f in fields(cls)}

    def to_text(self) -> str:
        """Write the state as text, ``name=value`` joined by ``&``."""
        return "&".join(f"{name}={_written(getattr(self, name))}" for name in self.controls())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a state from text; a field that is not named keeps its default.

        Args:
            text: For example ``"k=.4&g=16"``.

        Returns:
            The state.

        Raises:
            ValueError: The text is not of this form, names a field twice or one that does not exist, or a value is not
                allowed.
        """
        controls, values = cls.controls(), {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
        except ValueError as error:
            raise invalid("state", text, f"name=value pairs joined by &, each of {', '.join(controls)}") from error
        for name, value in pairs:
            if name not in controls or name in values:
                raise invalid(
                    "state", text, f"name=value pairs joined by &, each of {', '.join(controls)} at most once"
                )
            values[name] = _read(name, controls[name], value)
        return cls(**values)

    def with_(self, **changes: Any) -> Self:
        """The state with some fields changed; fields that a change leaves beyond their ends follow it.

        Raises:
            ValueError: There is no such field, or a value that was given is not allowed.
        """
        values = {name: getattr(self, name) for name in self.controls()}
        for name in changes:
            if name not in values:
                raise invalid("state", name, f"one of {', '.join(values)}")
        values |= changes
        for name, control in self.controls().items():
            if isinstance(control.high, str) and name not in changes:
                values[name] = min(values[name], values[control.high])
        return type(self)(**values)

    def positions(self, name: str) -> NDArray[np.float64]:
        """All values that a slider can take in this state."""
        control = self.controls()[name]
        count = round((self.end_of(name) - control.low) / control.step)
        return np.round(control.low + control.step * np.arange(count + 1), 10)

    def place(self, name: str) -> int:
        """Position of a slider, counted from its lower end."""
        control = self.controls()[name]
        return round((float(getattr(self, name)) - control.low) / control.step)

    def end_of(self, name: str) -> float:
        """Largest value that a field may have in this state."""
        high = self.controls()[name].high
        return float(getattr(self, high)) if isinstance(high, str) else float(high)


def _checked(state: State, name: str, control: Control, value: Any) -> Any:
    """Check one field."""
    if control.kind == "choice":
        names = [option for option, _ in control.options]
        if value not in names:
            raise invalid(name, value, f"one of {', '.join(names)}")
        return value
    if control.kind == "numbers":
        default: Any = next(f.default for f in fields(state) if f.name == name)
        count = len(default)
        values = tuple(value)
        if len(values) != count:
            raise invalid(name, value, f"{count} numbers")
        return tuple(_rounded(require_number(name, x, low=control.low, high=float(control.high))) for x in values)
    high = state.end_of(name)
    if control.kind == "whole":
        return require_integer(name, value, low=int(control.low), high=int(high))
    x = _rounded(require_number(name, value, low=control.low, high=high))
    steps = (x - control.low) / control.step
    if control.local and abs(steps - round(steps)) > 1e-6:  # the browser looks up what belongs to a position
        raise invalid(name, value, f"{control.low:g} plus a multiple of {control.step:g}")
    return x


def _rounded(x: float) -> float:
    """A number as a state holds it; zero has no sign."""
    return round(x, _DECIMALS) + 0.0


def _written(value: Any) -> str:
    """A value as text: the fewest digits that lead back to it."""
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _read(name: str, control: Control, text: str) -> Any:
    """A value from text."""
    if control.kind == "choice":
        return text
    parts = text.split(",") if control.kind == "numbers" else [text]
    form, kind = (_INTEGER, int) if control.kind == "whole" else (_NUMBER, float)
    if not all(form.fullmatch(part) for part in parts):
        kinds = {"whole": "an integer", "number": "a number", "numbers": "numbers joined by commas"}
        raise invalid(name, text, f"written as {kinds[control.kind]}")
    values = tuple(kind(part) for part in parts)
    return values if control.kind == "numbers" else values[0]
