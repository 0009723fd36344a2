"""A puzzle like Countdown: reach the target from all given numbers, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qae_sim.arrays import require_integer
from qae_sim.lm.tasks.base import Draws, Task, require_share, without_withdrawn

#: The largest number that a step may reach.
LARGEST = 30
_ZERO = 2  # number of the word "0"
_OPERATIONS = ("+", "-", "×")


@dataclass(frozen=True)
class Countdown(Task):
    """Combine all given numbers, each once, to reach the target; a step is "a × b = c".

    A correct response to "3 5 4 to 17" is "3 × 4 = 12 12 + 5 = 17"; there may be several. "wait" takes back the step
    before it. Each step must be true, use two numbers that are still there, and stay within 0 to 30.

    Attributes:
        numbers: Greatest count of given numbers, 2 to 4. A problem has 2 to this many (0 stands for none), which gives
            its level.
        slip: Probability that a step of a demonstration states a wrong result, in [0, 1].
        notice: Probability that such an error is noticed and taken back, in [0, 1].

    Example:
        >>> task = Countdown()
        >>> prompt = [task.number(word) for word in "3 5 4 to 17".split()]
        >>> [task.verify(prompt, [task.number(word) for word in text.split()])
        ...  for text in ("3 × 4 = 12 12 + 5 = 17", "5 × 4 = 20 20 - 3 = 17", "3 × 4 = 12 5 + 4 = 9")]
        [True, True, False]
    """

    name: ClassVar[str] = "countdown"
    numbers: int = 3
    slip: float = 0.15
    notice: float = 0.5

    def __post_init__(self) -> None:
        require_integer("numbers", self.numbers, low=2, high=4)
        require_share("slip", self.slip)
        require_share("notice", self.notice)

    @property
    def words(self) -> tuple[str, ...]:
        """Padding, end, numbers, operations, "=", "to", "wait"."""
        return ("·", "end", *(str(n) for n in range(LARGEST + 1)), *_OPERATIONS, "=", "to", "wait")

    @property
    def corrections(self) -> tuple[int, ...]:
        """The word "wait", which takes back a step."""
        return (self.number("wait"),)

    @property
    def prompt_length(self) -> int:
        """Given numbers, "to" and the target."""
        return self.numbers + 2

    @property
    def response_length(self) -> int:
        """Enough for all steps, one correction, and the end."""
        return 5 * (self.numbers - 1) + 6 + 1

    @property
    def levels(self) -> int:
        """One for each count of given numbers."""
        return self.numbers - 1

    def level(self, prompt: Sequence[int]) -> int:
        """The count of given numbers, minus two."""
        return sum(word != _ZERO for word in prompt[: self.numbers]) - 2

    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """Draw numbers from 1 to 9, and a target that random steps reach."""
        count = 2 + draws.below(self.numbers - 1)
        given = [1 + draws.below(9) for _ in range(count)]
        left = list(given)
        while len(left) > 1:
            left = [*left[2:], _random_step(left, draws)[-1]]
        given += [0] * (self.numbers - count)
        return (*(_ZERO + n for n in given), self.number("to"), _ZERO + left[0])

    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """Take the first of a few random attempts that reaches the target, or else the last one."""
        given = [word - _ZERO for word in prompt[: self.numbers] if word != _ZERO]
        target = prompt[-1] - _ZERO
        steps: list[tuple[int, str, int, int]] = []
        for _ in range(8 if len(given) < 4 else 4):
            left, steps = list(given), []
            while len(left) > 1:
                _shuffle_two(left, draws)
                steps.append(_random_step(left, draws))
                left = [*left[2:], steps[-1][-1]]
            if left[0] == target:
                break
        said: list[int] = []
        wait, equals = self.number("wait"), self.number("=")
        for a, operation, b, c in steps:
            start = [_ZERO + a, self.number(operation), _ZERO + b, equals]
            if draws.chance(self.slip):
                said += [*start, _ZERO + draws.other(LARGEST + 1, c)]
                if not draws.chance(self.notice):
                    continue
                said.append(wait)
            said += [*start, _ZERO + c]
        return said

    def verify(self, prompt: Sequence[int], response: Sequence[int]) -> bool:
        """Check that every remaining step is true and uses numbers still there, and that the target alone is left."""
        steps = without_withdrawn(response, wait=self.number("wait"), size=5)
        left = [word - _ZERO for word in prompt[: self.numbers] if word != _ZERO]
        if steps is None or len(steps) != len(left) - 1:
            return False
        for a, operation, b, equals, c in steps:
            x, y, z = a - _ZERO, b - _ZERO, c - _ZERO
            if self.words[operation] not in _OPERATIONS or self.words[equals] != "=":
                return False
            for used in (x, y):
                if used not in left:
                    return False
                left.remove(used)
            if _result(x, self.words[operation], y) != z:
                return False
            left.append(z)
        return left == [prompt[-1] - _ZERO]


def _result(x: int, operation: str, y: int) -> int | None:
    """Compute the result of a step; None outside 0 to LARGEST."""
    result = {"+": x + y, "-": x - y, "×": x * y}[operation]
    return result if 0 <= result <= LARGEST else None


def _random_step(left: Sequence[int], draws: Draws) -> tuple[int, str, int, int]:
    """Draw an operation on the first two numbers that stays within the range (the difference always does)."""
    a, b = max(left[:2]), min(left[:2])
    allowed = [operation for operation in _OPERATIONS if _result(a, operation, b) is not None]
    operation = allowed[draws.below(len(allowed))]
    return a, operation, b, _result(a, operation, b)  # type: ignore[return-value]


def _shuffle_two(left: list[int], draws: Draws) -> None:
    """Move two random numbers to the front."""
    for place in range(2):
        other = place + draws.below(len(left) - place)
        left[place], left[other] = left[other], left[place]
