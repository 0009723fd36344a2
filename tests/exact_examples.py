"""Examples that are compared with exact arithmetic: how many a run draws, and how many it has compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from hypothesis import settings

P = ParamSpec("P")

#: How many examples have been compared in this process; the summary of a run shows it.
compared = [0]


def examples(few: int, share: float = 1.0) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Set how many examples a test has, and count those that pass.

    Args:
        few: Number in an ordinary run.
        share: In a long run (``--hypothesis-profile=long``), the part of the profile's number; less than 1 for tests
            whose examples are slow.

    Returns:
        A decorator, below ``given``.
    """
    profile = settings.default.max_examples if settings.default else 0
    number = int(profile * share) if profile > 100 else few

    def decorate(test: Callable[P, None]) -> Callable[P, None]:
        @settings(max_examples=number)
        @wraps(test)
        def counted(*args: P.args, **kwargs: P.kwargs) -> None:
            test(*args, **kwargs)
            compared[0] += 1

        return counted

    return decorate
