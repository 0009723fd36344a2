"""A task whose responses are words of style, which do not matter, and then an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from qae_sim.arrays import invalid, require_choice, require_number
from qae_sim.lm.tasks.base import END, Draws, Task, require_share
from qae_sim.streams import uniform

#: Words that say nothing about the answer; the first five hesitate.
STYLE: tuple[str, ...] = (
    *("wait", "hmm", "actually", "maybe", "again", "let", "us", "see", "now", "first", "then", "next", "so", "thus"),
    *("hence", "clearly", "indeed", "note", "recall", "consider", "check", "look", "take", "given", "since", "because"),
    *("also", "and", "but", "well", "okay", "right", "good", "here", "there", "this", "that", "which", "what", "fine"),
)
_HESITATIONS = 5
_DIGIT = 2  # number of the word "0"
_ANSWER = _DIGIT + 10
_STYLE = _ANSWER + 1  # number of the first style word
_LONGEST = 15  # greatest number of style words
_WEIGHTS = 77  # seed of the demonstrations' guesses, and of memorised answers


@dataclass(frozen=True)
class StyleAnswer(Task):
    """A prompt of three different digits; the answer is one of them, after some words of style.

    A correct response to "4 9 1" is "let us see answer 4". Style words follow each other along a peaked chain and carry
    most of the entropy. Demonstrations guess among the three digits with weights that depend on the prompt, so that the
    base model's success rates spread over (0, 1).

    Attributes:
        truth: ``"learned"``: the correct digit is the middle one in size, a rule that holds for new prompts, too;
            ``"memorised"``: it is any of the three, at random, so that it can only be memorised.
        follow: Probability that a style word is followed by its successor, in [0, 1].
        spread: How unequal the weights of guesses are, finite, >= 0: their logarithms are uniform over ± this.

    Example:
        >>> task = StyleAnswer()
        >>> prompt = [task.number(word) for word in "4 9 1".split()]
        >>> [task.verify(prompt, [task.number(word) for word in text.split()])
        ...  for text in ("let us see answer 4", "answer 9", "hmm 4")]
        [True, False, False]
    """

    name: ClassVar[str] = "style"
    verifier_options: ClassVar[tuple[str, ...]] = ("truth",)
    truth: Literal["learned", "memorised"] = "learned"
    follow: float = 0.93
    spread: float = 2.0

    def __post_init__(self) -> None:
        require_choice("truth", self.truth, ("learned", "memorised"))
        require_share("follow", self.follow)
        if math.isinf(require_number("spread", self.spread, low=0.0)):
            raise invalid("spread", self.spread, "finite")

    @property
    def words(self) -> tuple[str, ...]:
        """Padding, end, digits, "answer", style words."""
        return ("·", "end", *"0123456789", "answer", *STYLE)

    @property
    def corrections(self) -> tuple[int, ...]:
        """Style words that hesitate."""
        return tuple(range(_STYLE, _STYLE + _HESITATIONS))

    @property
    def prompt_length(self) -> int:
        """Three digits."""
        return 3

    @property
    def response_length(self) -> int:
        """Style words, "answer", a digit, the end."""
        return _LONGEST + 3

    @property
    def levels(self) -> int:
        """Three: by the probability that a demonstration guesses the correct digit."""
        return 3

    def level(self, prompt: Sequence[int]) -> int:
        """0 if demonstrations guess the correct digit with probability 2/3 or more, 1 if 1/3 or more, 2 if less."""
        chance = dict(zip(prompt, self.guesses(prompt), strict=True))[_DIGIT + self.answer(prompt)]
        return 0 if chance >= 2 / 3 else 1 if chance >= 1 / 3 else 2

    def guesses(self, prompt: Sequence[int]) -> tuple[float, ...]:
        """Compute the probabilities with which demonstrations guess each of the three digits."""
        return _guesses(self.spread, tuple(int(n) for n in prompt))

    def answer(self, prompt: Sequence[int]) -> int:
        """Find the correct digit."""
        if self.truth == "learned":
            return sorted(int(n) for n in prompt)[1] - _DIGIT
        return int(prompt[_memorised_place(tuple(int(n) for n in prompt))]) - _DIGIT

    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """Draw three different digits in any order."""
        left = list(range(10))
        return tuple(_DIGIT + left.pop(draws.below(len(left))) for _ in range(3))

    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """Draw a chain of style words, then a guess."""
        word = draws.below(len(STYLE))
        said = [_STYLE + word]
        while len(said) < _LONGEST and not draws.chance(1 / 7):
            after = (word + 1) % len(STYLE)
            word = after if draws.chance(self.follow) else draws.other(len(STYLE), after)
            said.append(_STYLE + word)
        number, chances = draws.number(), self.guesses(prompt)
        guess = prompt[(number >= chances[0]) + (number >= chances[0] + chances[1])]
        return [*said, _ANSWER, guess]

    def verify(self, prompt: Sequence[int], response: Sequence[int]) -> bool:
        """Check for style words, "answer", and the correct digit."""
        if len(response) < 2:
            return False
        *style, marker, digit = response
        said_style = all(_STYLE <= word < _STYLE + len(STYLE) for word in style)
        return said_style and marker == _ANSWER and digit == _DIGIT + self.answer(prompt)

    def _verdicts(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Apply the rule of :meth:`verify` to all responses at once."""
        ended = responses == END
        end = ended.argmax(axis=1)  # 0 where there is no end, or nothing before it
        rows, marker = np.arange(len(responses)), np.maximum(end - 2, 0)
        is_style = (responses >= _STYLE) & (responses < _STYLE + len(STYLE))
        said_style = (is_style | (np.arange(responses.shape[1]) >= marker[:, None])).all(axis=1)
        asked, place = np.unique(prompts, axis=0, return_inverse=True)
        truth = np.array([_DIGIT + self.answer(prompt) for prompt in asked.tolist()], dtype=int)[place.reshape(-1)]
        right: np.ndarray = said_style & (responses[rows, marker] == _ANSWER) & (responses[rows, end - 1] == truth)
        return np.asarray(right & (end >= 2))


# Both are computed many times for each of only 720 prompts, so their results are cached.


@lru_cache(maxsize=2**12)
def _guesses(spread: float, prompt: tuple[int, ...]) -> tuple[float, ...]:
    """Compute the probabilities with which demonstrations guess each of the three digits."""
    numbers = uniform(np.zeros(1), 3, _WEIGHTS, 0, *prompt)
    weights = np.exp(spread * (2 * numbers - 1))
    return tuple(float(w) for w in weights / weights.sum())


@lru_cache(maxsize=2**12)
def _memorised_place(prompt: tuple[int, ...]) -> int:
    """Find which of the three digits is correct if the answers are to be memorised."""
    return int(3 * uniform(np.zeros(1), 1, _WEIGHTS, 1, *prompt)[0])
