"""A task with many correct responses: walk from one number to another on a circle, by moves of your choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from qae_sim.arrays import require_integer
from qae_sim.lm.tasks.base import Draws, Task, require_share, without_withdrawn

#: Numbers on the circle.
CIRCLE = 23
_MOVES: tuple[tuple[str, Callable[[int], int]], ...] = (
    ("+1", lambda x: (x + 1) % CIRCLE),
    ("-3", lambda x: (x - 3) % CIRCLE),
    ("×2", lambda x: 2 * x % CIRCLE),
)
_ZERO = 2  # number of the word "0"
_MOVE = _ZERO + CIRCLE  # number of the first move
_TO, _WAIT = _MOVE + len(_MOVES), _MOVE + len(_MOVES) + 1


@dataclass(frozen=True)
class Paths(Task):
    """Reach a number modulo 23 from another by the moves +1, -3 and ×2; most problems have several solutions.

    A response to "3 to 14" is "+1 4 ×2 8 -3 5 ...", or any other way: each step names a move and the number it leads
    to. "wait" takes back the step before it. Every step must be true, and the last one must lead to the goal.

    Attributes:
        moves: Greatest number of moves that a problem needs, 1 to 5; the least number of moves gives its level.
        slip: Probability that a step of a demonstration states a wrong number, in [0, 1].
        notice: Probability that such an error is noticed and taken back, in [0, 1].

    Example:
        >>> task = Paths()
        >>> prompt = [task.number(word) for word in "3 to 8".split()]
        >>> [task.verify(prompt, [task.number(word) for word in text.split()])
        ...  for text in ("+1 4 ×2 8", "×2 6 +1 7 +1 8", "+1 5 +1 6")]
        [True, True, False]
    """

    name: ClassVar[str] = "paths"
    moves: int = 4
    slip: float = 0.12
    notice: float = 0.5

    def __post_init__(self) -> None:
        require_integer("moves", self.moves, low=1, high=5)
        require_share("slip", self.slip)
        require_share("notice", self.notice)

    @property
    def words(self) -> tuple[str, ...]:
        """Padding, end, numbers, moves, "to", "wait"."""
        return ("·", "end", *(str(n) for n in range(CIRCLE)), *(name for name, _ in _MOVES), "to", "wait")

    @property
    def corrections(self) -> tuple[int, ...]:
        """The word "wait", which takes back a step."""
        return (_WAIT,)

    @property
    def prompt_length(self) -> int:
        """Start, "to", goal."""
        return 3

    @property
    def response_length(self) -> int:
        """Enough for one move more than the greatest number, two corrections, and the end."""
        return 2 * (self.moves + 1) + 2 * 3 + 1

    @property
    def levels(self) -> int:
        """As many as ``moves``."""
        return self.moves

    def level(self, prompt: Sequence[int]) -> int:
        """The least number of moves, minus one."""
        return _distances(prompt[2] - _ZERO)[prompt[0] - _ZERO] - 1

    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """Draw a number of moves, then a start and a goal that are so far apart."""
        pairs = _pairs(1 + draws.below(self.moves))
        start, goal = pairs[draws.below(len(pairs))]
        return (_ZERO + start, _TO, _ZERO + goal)

    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """Draw a way at most one move longer than needed; after an unnoticed error, continue from the wrong number."""
        here, goal = prompt[0] - _ZERO, prompt[2] - _ZERO
        distances = _distances(goal)
        left = distances[here] + draws.below(2)
        said: list[int] = []
        while here != goal and left > 0:
            ways = [i for i, (_, move) in enumerate(_MOVES) if distances[move(here)] < left]
            # After an error the goal may be out of reach; then any move is taken.
            chosen = ways[draws.below(len(ways))] if ways else draws.below(len(_MOVES))
            there = _MOVES[chosen][1](here)
            if draws.chance(self.slip):
                wrong = draws.other(CIRCLE, there)
                said += [_MOVE + chosen, _ZERO + wrong]
                if not draws.chance(self.notice):
                    here, left = wrong, left - 1
                    continue
                said.append(_WAIT)
            said += [_MOVE + chosen, _ZERO + there]
            here, left = there, left - 1
        return said

    def verify(self, prompt: Sequence[int], response: Sequence[int]) -> bool:
        """Check that every remaining step is true, and that the last one leads to the goal."""
        steps = without_withdrawn(response, wait=_WAIT, size=2)
        if not steps:
            return False
        here = prompt[0] - _ZERO
        for move, number in steps:
            if not _MOVE <= move < _MOVE + len(_MOVES) or _MOVES[move - _MOVE][1](here) != number - _ZERO:
                return False
            here = number - _ZERO
        return here == prompt[2] - _ZERO


@lru_cache(maxsize=CIRCLE)
def _distances(goal: int) -> tuple[int, ...]:
    """Compute the least number of moves to the goal from each number; all reach it, since +1 goes round the circle."""
    distances = [-1] * CIRCLE
    distances[goal] = 0
    for distance in range(CIRCLE):
        for x in range(CIRCLE):
            if distances[x] < 0 and any(distances[move(x)] == distance for _, move in _MOVES):
                distances[x] = distance + 1
    return tuple(distances)


@lru_cache
def _pairs(moves: int) -> tuple[tuple[int, int], ...]:
    """List all starts and goals that are this many moves apart."""
    return tuple((x, goal) for goal in range(CIRCLE) for x in range(CIRCLE) if _distances(goal)[x] == moves)
