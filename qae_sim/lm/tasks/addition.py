"""Addition, column by column: the steps are written down, but the verifier checks only the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qae_sim.arrays import require_integer
from qae_sim.lm.tasks.base import Draws, Task, require_share, without_withdrawn


@dataclass(frozen=True)
class Addition(Task):
    """Add two numbers of up to D digits: for each column from the right, its digit and the carry.

    A correct response to "0 4 7 + 0 2 5 =" is "2 c1 7 c0 0 c0"; "2 c0 wait 2 c1 ..." takes back a column. The sum must
    be correct: its digits and the last carry. A wrong carry before that does no harm if the digits are correct.

    Attributes:
        digits: D, 1 to 6. Problems have 1 to D digits, which gives their level.
        slip: Probability that a column of a demonstration is wrong, in [0, 1].
        notice: Probability that such an error is noticed and taken back, in [0, 1].

    Example:
        >>> task = Addition(digits=2)
        >>> prompt = [task.number(word) for word in "4 7 + 2 5 =".split()]
        >>> [task.verify(prompt, [task.number(word) for word in text.split()])
        ...  for text in ("2 c1 7 c0", "2 c0 wait 2 c1 7 c0", "2 c0 6 c0")]
        [True, True, False]
    """

    name: ClassVar[str] = "addition"
    checks_steps: ClassVar[bool] = True
    digits: int = 3
    slip: float = 0.15
    notice: float = 0.5

    def __post_init__(self) -> None:
        require_integer("digits", self.digits, low=1, high=6)
        require_share("slip", self.slip)
        require_share("notice", self.notice)

    @property
    def words(self) -> tuple[str, ...]:
        """Padding, end, ten digits, two carries, "+", "=", "wait"."""
        return ("·", "end", *"0123456789", "c0", "c1", "+", "=", "wait")

    @property
    def corrections(self) -> tuple[int, ...]:
        """The word "wait", which takes back a column."""
        return (16,)

    @property
    def prompt_length(self) -> int:
        """Two numbers and two signs."""
        return 2 * self.digits + 2

    @property
    def response_length(self) -> int:
        """Enough for all columns, two corrections, and the end."""
        return 2 * self.digits + 2 * 3 + 1

    @property
    def levels(self) -> int:
        """As many as ``digits``."""
        return self.digits

    def level(self, prompt: Sequence[int]) -> int:
        """The number of digits of the longer number, minus one."""
        a, b = self._numbers(prompt)
        return len(str(max(a, b))) - 1

    def _numbers(self, prompt: Sequence[int]) -> tuple[int, int]:
        """Read the two numbers of a prompt."""
        a, b = prompt[: self.digits], prompt[self.digits + 1 : 2 * self.digits + 1]
        return tuple(int("".join(str(word - 2) for word in number)) for number in (a, b))  # type: ignore[return-value]

    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """Draw a number of digits, then two numbers of at most so many."""
        size = 10 ** (1 + draws.below(self.digits))
        a, b = (f"{draws.below(size):0{self.digits}d}" for _ in range(2))
        return (*(2 + int(x) for x in a), 14, *(2 + int(x) for x in b), 15)

    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """Add column by column; the carry of an unnoticed error is used in the next column."""
        a, b = self._numbers(prompt)
        said: list[int] = []
        carry = 0
        for column in range(self.digits):
            total = a // 10**column % 10 + b // 10**column % 10 + carry
            digit, carry = total % 10, total // 10
            if draws.chance(self.slip):
                # Half of the errors are in the carry.
                wrong = (digit, 1 - carry) if draws.chance(0.5) else (draws.other(10, digit), carry)
                said += [2 + wrong[0], 12 + wrong[1]]
                if not draws.chance(self.notice):
                    carry = wrong[1]
                    continue
                said.append(16)
            said += [2 + digit, 12 + carry]
        return said

    def verify(self, prompt: Sequence[int], response: Sequence[int]) -> bool:
        """Check that the remaining columns are the sum."""
        steps = without_withdrawn(response, wait=16, size=2)
        if steps is None or len(steps) != self.digits:
            return False
        if not all(2 <= digit <= 11 and carry in (12, 13) for digit, carry in steps):
            return False
        said = "".join(str(digit - 2) for digit, _ in steps[::-1])
        return int(f"{steps[-1][1] - 12}{said}") == sum(self._numbers(prompt))

    def marks(self, prompt: Sequence[int], response: Sequence[int]) -> list[int]:
        """Mark columns: a digit and its carry are true if both are those of their column in the correct sum.

        "wait" goes back one column and is not marked itself, nor is anything after a misplaced word.
        """
        a, b = self._numbers(prompt)
        marks, place, column = [0] * len(response), 0, 0
        while place + 1 < len(response):
            digit, carry = response[place : place + 2]
            if digit == 16 and column:
                place, column = place + 1, column - 1
                continue
            if not (2 <= digit <= 11 and carry in (12, 13) and column < self.digits):
                break
            total = a % 10 ** (column + 1) + b % 10 ** (column + 1)
            true = (digit - 2, carry - 12) == (total // 10**column % 10, total // 10 ** (column + 1))
            marks[place] = marks[place + 1] = 1 if true else -1
            place, column = place + 2, column + 1
        return marks
