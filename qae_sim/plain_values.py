"""Settings as plain values, which JSON and TOML hold, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from qae_sim.arrays import invalid, require_choice


def to_plain(value: Any, name: str, kinds: Sequence[type]) -> Any:
    """Describe a value in values that JSON has; of a dataclass the class name is stored as its ``kind``.

    Args:
        value: A number, a string, None, a dataclass of one of the kinds, or mappings and sequences of these.
        name: What the value is called, for the error.
        kinds: Dataclasses that may occur.

    Returns:
        The description.

    Raises:
        TypeError: It contains anything else.

    Example:
        >>> from qae_sim.advantages import LinearK
        >>> to_plain({"k": LinearK(0.6, 0.4, steps=10)}, "parameters", [LinearK])
        {'k': {'kind': 'LinearK', 'start': 0.6, 'end': 0.4, 'steps': 10}}
    """
    if is_dataclass(value) and isinstance(value, tuple(kinds)) and not isinstance(value, type):
        parts = {item.name: to_plain(getattr(value, item.name), name, kinds) for item in fields(value)}
        return {"kind": type(value).__name__} | parts
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, str(key), kinds) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item, name, kinds) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    known = ", ".join(kind.__name__ for kind in kinds)
    raise invalid(name, value, f"a number, a string, or one of {known}" if known else "a number or a string", TypeError)


def from_plain(value: Any, name: str, kinds: Sequence[type]) -> Any:
    """Build the value that :func:`to_plain` described.

    Args:
        value: The description.
        name: What the value is called, for the error.
        kinds: Dataclasses that may occur.

    Returns:
        The value; lists come back as tuples.

    Raises:
        ValueError: It names a kind that may not occur here, or one whose fields are wrong.

    Example:
        >>> from qae_sim.advantages import ConstantK
        >>> from_plain({"kind": "ConstantK", "k": 0.6}, "k", [ConstantK])
        ConstantK(k=0.6)
    """
    if isinstance(value, Mapping) and "kind" in value:
        known = {kind.__name__: kind for kind in kinds}
        require_choice(f"kind of {name}", value["kind"], tuple(known))
        arguments = {key: from_plain(item, name, kinds) for key, item in value.items() if key != "kind"}
        return known[value["kind"]](**arguments)
    if isinstance(value, Mapping):
        return {key: from_plain(item, key, kinds) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(from_plain(item, name, kinds) for item in value)
    return value
