"""Answers that need not be known: true, false, or undecided, combined by Kleene's rules.

A comparison of rigorous intervals is true if it is true of all their members, false if it is false of all, and
undecided otherwise. An undecided answer has no ``bool``: what asks it for one ends with :class:`Undecided`, which the
registry turns into the verdict of the same name. So no branch of a check can take "not known" for yes or for no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import numpy as np

Case = TypeVar("Case")


class Undecided(ArithmeticError):  # noqa: N818  # the name of the answer, and of the verdict
    """The arithmetic was not sharp enough for an answer that was needed."""


class Truth(Enum):
    """Yes, no, or not known.

    Example:
        >>> Truth.YES & Truth.UNDECIDED, Truth.NO & Truth.UNDECIDED, ~Truth.UNDECIDED
        (<Truth.UNDECIDED: None>, <Truth.NO: False>, <Truth.UNDECIDED: None>)
        >>> bool(Truth.UNDECIDED)
        Traceback (most recent call last):
        ...
        qae_sim.theory.truth.Undecided: the arithmetic was not sharp enough to decide
    """

    YES = True
    NO = False
    UNDECIDED = None

    @classmethod
    def of(cls, answer: Answer | None) -> Truth:
        """An answer as a truth: booleans (NumPy's, too) are certain, None is undecided; a number is no answer."""
        if isinstance(answer, Truth):
            return answer
        if not isinstance(answer, bool | np.bool_ | None):
            raise TypeError(f"an answer is a bool, a Truth or None; got {answer!r}")
        return cls.UNDECIDED if answer is None else cls(bool(answer))

    def __str__(self) -> str:
        return {Truth.YES: "yes", Truth.NO: "no", Truth.UNDECIDED: "undecided"}[self]

    def __bool__(self) -> bool:
        if self is Truth.UNDECIDED:
            raise Undecided("the arithmetic was not sharp enough to decide")
        return self is Truth.YES

    def __and__(self, other: Answer) -> Truth:
        return every((self, other))

    __rand__ = __and__

    def __or__(self, other: Answer) -> Truth:
        return some((self, other))

    __ror__ = __or__

    def __invert__(self) -> Truth:
        return self if self is Truth.UNDECIDED else Truth(not self.value)


#: What a comparison gives: of exact numbers a bool, of intervals a truth.
Answer = bool | np.bool_ | Truth


def every(answers: Iterable[Answer]) -> Truth:
    """No if one is no, else undecided if one is, else yes.

    Example:
        >>> every([True, Truth.UNDECIDED]), every([]), every([Truth.UNDECIDED, False])
        (<Truth.UNDECIDED: None>, <Truth.YES: True>, <Truth.NO: False>)
    """
    found = Truth.YES
    for answer in answers:
        truth = Truth.of(answer)
        if truth is Truth.NO:
            return truth
        found = truth if truth is Truth.UNDECIDED else found
    return found


def some(answers: Iterable[Answer]) -> Truth:
    """Yes if one is yes, else undecided if one is, else no.

    Example:
        >>> some([False, Truth.UNDECIDED]), some([]), some([Truth.UNDECIDED, True])
        (<Truth.UNDECIDED: None>, <Truth.NO: False>, <Truth.YES: True>)
    """
    return ~every(~Truth.of(answer) for answer in answers)


@dataclass(frozen=True)
class Search(Generic[Case]):
    """What became of a search for a case in which something fails.

    Attributes:
        holds: No if a case certainly fails, yes if all certainly hold.
        case: The first case that certainly fails.
        cases: How many were looked at.
    """

    holds: Truth
    case: Case | None
    cases: int


def for_all(cases: Iterable[Case], test: Callable[[Case], Answer]) -> Search[Case]:
    """Whether something holds in all cases.

    Args:
        cases: What to look at, in order.
        test: Whether it holds in one case.

    Returns:
        The answer, with the first case that certainly fails, at which the search ends.

    Example:
        >>> for_all([1, 4, 9, 16], lambda n: n < 9)
        Search(holds=<Truth.NO: False>, case=9, cases=3)
    """
    count, holds = 0, Truth.YES
    for case in cases:
        count += 1
        answer = Truth.of(test(case))
        if answer is Truth.NO:
            return Search(answer, case, count)
        holds = holds & answer
    return Search(holds, None, count)
