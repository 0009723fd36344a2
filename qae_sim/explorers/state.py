"""The text form of an explorer's state: ``k=0.4&g=16&c=3``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar, get_type_hints
from urllib.parse import parse_qsl, urlencode

from qae_sim.arrays import invalid

State = TypeVar("State")


def to_text(state: Any) -> str:
    """Write a state as text.

    Args:
        state: A dataclass of numbers.

    Returns:
        Its fields as ``name=value``, joined by ``&``.
    """
    return urlencode({field.name: f"{getattr(state, field.name):.10g}" for field in fields(state)})


def from_text(kind: type[State], text: str) -> State:
    """Read a state from text; a field that is not named keeps its default.

    Args:
        kind: The dataclass of the state; its fields are of type int or float.
        text: What :func:`to_text` writes, for example ``"k=.4&g=16"``.

    Returns:
        The state, which has checked itself.

    Raises:
        ValueError: The text is not of this form, names a field twice or one that does not exist, or a value is not
            allowed.
    """
    types = {name: of for name, of in get_type_hints(kind).items() if name in {field.name for field in fields(kind)}}  # type: ignore[arg-type]
    values: dict[str, int | float] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        if name not in types or name in values:
            raise invalid("state", text, f"name=value pairs joined by &, each of {', '.join(types)} at most once")
        try:
            values[name] = types[name](value)
        except ValueError as error:
            raise invalid(name, value, f"written as {types[name].__name__}") from error
    return kind(**values)
