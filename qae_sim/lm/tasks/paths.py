"""Many right ways: walk from one number to another on a circle, by moves of one's choice."""

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

    "3 to 14" is answered by "+1 4 ×2 8 -3 5 ..." or in any other way: each step says the move and where it leads.
    "wait" takes a step back. Every step must be true and the last one lead to the goal.

    Attributes:
        moves: The most moves, 1..5 (no problem needs more). Problems need 1 to as many, which is their level.
        slip: Probability that a step of a demonstration states a wrong number.
        notice: Probability that a slip is noticed and taken back.

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
        """Filling, end, numbers, moves, "to", "wait"."""
        return ("·", "end", *(str(n) for n in range(CIRCLE)), *(name for name, _ in _MOVES), "to", "wait")

    @property
    def corrections(self) -> tuple[int, ...]:
        """The word that takes a step back."""
        return (_WAIT,)

    @property
    def prompt_length(self) -> int:
        """Start, "to", goal."""
        return 3

    @property
    def response_length(self) -> int:
        """The most moves and one more, two of them again, and the end."""
        return 2 * (self.moves + 1) + 2 * 3 + 1

    @property
    def levels(self) -> int:
        """One for each least number of moves."""
        return self.moves

    def level(self, prompt: Sequence[int]) -> int:
        """Least number of moves, less one."""
        return _distances(prompt[2] - _ZERO)[prompt[0] - _ZERO] - 1

    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """A start and a goal that are as many moves apart as drawn."""
        pairs = _pairs(1 + draws.below(self.moves))
        start, goal = pairs[draws.below(len(pairs))]
        return (_ZERO + start, _TO, _ZERO + goal)

    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """A random way that is at most one move longer than needed; after a slip it goes on from the wrong number."""
        here, goal = prompt[0] - _ZERO, prompt[2] - _ZERO
        distances = _distances(goal)
        left = distances[here] + draws.below(2)
        said: list[int] = []
        while here != goal and left > 0:
            ways = [i for i, (_, move) in enumerate(_MOVES) if distances[move(here)] < left]
            # Out of reach after a slip: any move will do.
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
        """Every step that stands is true, and the last one leads to the goal."""
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
    """Least number of moves to the goal from each number; all can reach it, since +1 goes round the circle."""
    distances = [-1] * CIRCLE
    distances[goal] = 0
    for distance in range(CIRCLE):
        for x in range(CIRCLE):
            if distances[x] < 0 and any(distances[move(x)] == distance for _, move in _MOVES):
                distances[x] = distance + 1
    return tuple(distances)


@lru_cache
def _pairs(moves: int) -> tuple[tuple[int, int], ...]:
    """All starts and goals that are so many moves apart."""
    return tuple((x, goal) for goal in range(CIRCLE) for x in range(CIRCLE) if _distances(goal)[x] == moves)
