"""Frozen dataclasses that cost little to import.

``dataclasses`` compiles ``__repr__``, ``__eq__`` and ``__hash__`` anew for every class: for the classes of
:mod:`qae_sim.advantages` and :mod:`qae_sim.softmax` that was a third of the time of importing them. Here the three are
written once and read a class's fields; in all else they are what ``dataclasses`` makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # what type checkers know
else:
    import dataclasses

    def dataclass(*, frozen: bool, eq: bool = True, repr: bool = True, init: bool = True) -> Any:
        """Make a frozen dataclass, with the arguments that ``dataclasses.dataclass`` has.

        Args:
            frozen: True; written out because type checkers and readers look for it.
            eq: Whether two objects of one class are equal where their fields are, and are hashed by them.
            repr: Whether it prints as ``Name(field=value, ...)``.
            init: Whether fields are arguments of the class.

        Returns:
            The decorator.

        Raises:
            TypeError: ``frozen`` is not True.

        Example:
            >>> @dataclass(frozen=True)
            ... class Point:
            ...     x: int
            ...     y: int = 0
            >>> Point(1), Point(1) == Point(1, 0), len({Point(1), Point(1)})
            (Point(x=1, y=0), True, 1)
        """
        if frozen is not True:
            raise TypeError(f"frozen is {frozen!r}, but this decorator makes frozen classes")

        def make(cls: type) -> type:
            if repr and "__repr__" not in vars(cls):
                cls.__repr__ = _repr
            if eq and "__eq__" not in vars(cls):
                cls.__eq__ = _eq
            if eq and vars(cls).get("__hash__") is None:  # Python puts None there where a class has an __eq__ alone
                cls.__hash__ = _hash
            return dataclasses.dataclass(frozen=True, eq=False, repr=False, init=init)(cls)

        return make

    def _compared(record: Any) -> tuple[Any, ...]:
        return tuple(getattr(record, field.name) for field in dataclasses.fields(record) if field.compare)

    def _repr(self: Any) -> str:
        shown = (field.name for field in dataclasses.fields(self) if field.repr)
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def _eq(self: Any, other: Any) -> Any:
        return _compared(self) == _compared(other) if other.__class__ is self.__class__ else NotImplemented

    def _hash(self: Any) -> int:
        return hash(_compared(self))
