"""The base class of tasks: words, prompts for training and held-out prompts, demonstrations, a verifier.

Each word is one token; prompts and responses are arrays of the words' numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from qae_sim.arrays import invalid, require_integer, require_number
from qae_sim.streams import streams, uniform, uniform_at

#: The first two words of every task: padding after the end of a response, and the end itself.
PAD, END = 0, 1

#: One prompt in this many is held out.
HELD_OUT = 4

#: Number of problems whose random numbers are drawn together: so many fit into the processor's cache.
_AT_ONCE = 256

#: Purposes of random streams.
_PROBLEMS, _DEMONSTRATIONS = 0, 1


class Draws:
    """Random choices for one problem, from its own stream.

    Args:
        numbers: Uniform numbers in [0, 1), one for each choice.

    Example:
        >>> draws = Draws([0.5, 0.99, 0.1])
        >>> draws.below(10), draws.chance(0.3), draws.chance(0.3)
        (5, False, True)
    """

    def __init__(self, numbers: Sequence[float]) -> None:
        self._numbers = iter(numbers)

    def number(self) -> float:
        """Draw a number in [0, 1)."""
        return next(self._numbers)

    def below(self, count: int) -> int:
        """Draw one of 0, ..., count - 1, all equally likely."""
        return int(self.number() * count)

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.number() < probability

    def other(self, count: int, than: int) -> int:
        """Draw one of 0, ..., count - 1 that is not ``than``."""
        return (than + 1 + self.below(count - 1)) % count


class Task(ABC):
    """Problems with a verifier: a prompt of fixed length, and a response that is correct or wrong.

    Subclasses are frozen dataclasses whose fields are the task's options; they define the abstract properties and
    methods. Prompts and responses are arrays of word numbers; a response ends with :data:`END`, and :data:`PAD` fills
    the rest.

    Attributes:
        name: Name of the task in configurations.
        words: The words by their numbers; 0 is the padding, 1 the end.
        corrections: Numbers of the words that hesitate or take something back.
        prompt_length: P, words in a prompt.
        response_length: T, greatest number of words in a response, including the end.
        levels: Number of levels of difficulty.
        verifier_options: Options that only the verifier uses: problems and demonstrations do not depend on them.
        checks_steps: Whether the steps of a response can be checked, too.
        draws_each: Random numbers that one problem or one demonstration may use.
    """

    name: ClassVar[str]
    verifier_options: ClassVar[tuple[str, ...]] = ()
    checks_steps: ClassVar[bool] = False
    draws_each: ClassVar[int] = 96

    @property
    @abstractmethod
    def words(self) -> tuple[str, ...]:
        """The words by their numbers."""

    @property
    @abstractmethod
    def corrections(self) -> tuple[int, ...]:
        """Numbers of the words that hesitate or take something back."""

    @property
    @abstractmethod
    def prompt_length(self) -> int:
        """P, words in a prompt."""

    @property
    @abstractmethod
    def response_length(self) -> int:
        """T, greatest number of words in a response, including the end."""

    @property
    @abstractmethod
    def levels(self) -> int:
        """Number of levels of difficulty."""

    @abstractmethod
    def _problem(self, draws: Draws) -> tuple[int, ...]:
        """Draw a prompt."""

    @abstractmethod
    def _demonstration(self, prompt: tuple[int, ...], draws: Draws) -> list[int]:
        """Draw a worked solution, perhaps with errors, without its end."""

    @abstractmethod
    def level(self, prompt: Sequence[int]) -> int:
        """Tell how difficult a prompt is, from 0 (easiest) to levels - 1."""

    @abstractmethod
    def verify(self, prompt: Sequence[int], response: Sequence[int]) -> bool:
        """Tell whether a response, given without its end and padding, is correct."""

    def marks(self, prompt: Sequence[int], response: Sequence[int]) -> list[int]:
        """Say for each word of a response whether its step is true (1), false (-1) or not checked (0)."""
        return [0] * len(response)

    # --- what follows from the abstract methods ---

    def number(self, word: str) -> int:
        """Find the number of a word."""
        return self.words.index(word)

    def text(self, numbers: Sequence[int]) -> str:
        """Write numbers as words, without the padding."""
        return " ".join(self.words[int(n)] for n in numbers if n != PAD)

    def problems(self, count: int, seed: int, *keys: int, held_out: bool = False) -> np.ndarray:
        """Draw prompts for training, or held-out prompts; no prompt is both.

        Args:
            count: Number of prompts, >= 0; the same prompt may be drawn more than once.
            seed: Seed, >= 0.
            *keys: Further integers that name the draw, such as a step, >= 0.
            held_out: Whether to draw held-out prompts.

        Returns:
            Prompts, ``(count, P)``. The i-th depends only on the seed, the keys and i.

        Raises:
            ValueError: Count, seed or a key is negative.
        """
        prompts = np.empty((require_integer("count", count), self.prompt_length), dtype=np.int64)
        attempt, missing = 0, np.arange(count)
        while len(missing):
            # Problems on the wrong side of the split are drawn again, from streams named by the attempt.
            streams = self._streams(count, seed, _PROBLEMS, attempt, *keys, of=missing)
            drawn = [self._problem(draws) for draws in streams]
            prompts[missing] = drawn
            missing = missing[[self.is_held_out(prompt) != held_out for prompt in drawn]]
            attempt += 1
        return prompts

    def demonstrations(self, prompts: np.ndarray, seed: int, *keys: int) -> np.ndarray:
        """Draw demonstrations for the base model: solutions with errors, some of them noticed and taken back.

        Args:
            prompts: ``(N, P)``.
            seed: Seed, >= 0.
            *keys: Further integers that name the draw, >= 0.

        Returns:
            Responses, ``(N, T)``.
        """
        responses = np.full((len(prompts), self.response_length), PAD, dtype=np.int64)
        streams = self._streams(len(prompts), seed, _DEMONSTRATIONS, *keys)
        for row, prompt, draws in zip(responses, prompts, streams, strict=True):
            words = self._demonstration(tuple(int(n) for n in prompt), draws)[: self.response_length - 1]
            row[: len(words)] = words
            row[len(words)] = END
        return responses

    def rewards(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Verify responses: 1 for a correct one, 0 for a wrong one; a response without an end is wrong.

        Args:
            prompts: ``(..., P)``, whose leading axes broadcast to those of the responses.
            responses: ``(..., T)``.

        Returns:
            Rewards, ``(...)``, 0.0 or 1.0.

        Raises:
            ValueError: The prompts' last axis is not P long.
        """
        if prompts.shape[-1] != self.prompt_length:
            raise invalid("prompts", prompts.shape, f"of shape (..., {self.prompt_length})")
        shape = responses.shape[:-1]
        given = np.broadcast_to(prompts, (*shape, self.prompt_length)).reshape(-1, self.prompt_length)
        return self._verdicts(given, responses.reshape(len(given), -1)).astype(float).reshape(shape)

    def _verdicts(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Apply :meth:`verify` to responses ``(N, T)`` to prompts ``(N, P)``; tasks may override this to be faster."""
        right = np.zeros(len(prompts), dtype=bool)
        known: dict[tuple[bytes, bytes], bool] = {}  # responses of a group are often the same
        for i, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
            key = prompt.tobytes(), response.tobytes()
            if key not in known:
                said = response.tolist()
                known[key] = END in said and self.verify(prompt.tolist(), said[: said.index(END)])
            right[i] = known[key]
        return right

    def all_marks(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Mark the words of responses by whether their steps are true.

        Args:
            prompts: ``(B, P)``.
            responses: ``(B, G, T)``.

        Returns:
            Marks 1, -1 and 0 as those of :meth:`marks`, ``(B, G, T)``.
        """
        marks = np.zeros(responses.shape, dtype=np.int64)
        for prompt, group, of_group in zip(prompts.tolist(), responses.tolist(), marks, strict=True):
            for response, row in zip(group, of_group, strict=True):
                row[:] = self.marks(prompt, response)
        return marks

    def is_held_out(self, prompt: Sequence[int]) -> bool:
        """Tell whether a prompt is held out, by a fixed function of its words."""
        return _is_held_out(tuple(int(word) for word in prompt))

    def _streams(self, count: int, seed: int, *keys: int, of: np.ndarray | None = None) -> Iterator[Draws]:
        """Yield a stream of choices for each of ``count`` problems, or for those numbered by ``of``."""
        first = (np.arange(count) if of is None else of) * self.draws_each
        *name, last = seed, *keys
        stream = streams(np, range(last, last + 1), *name)
        for start in range(0, len(first), _AT_ONCE):
            positions = first[start : start + _AT_ONCE, None] + np.arange(self.draws_each)
            for row in uniform_at(stream, positions).tolist():
                yield Draws(row)


@lru_cache(maxsize=2**16)  # most tasks have few prompts, each of which is drawn many times
def _is_held_out(prompt: tuple[int, ...]) -> bool:
    """Tell whether a prompt is held out."""
    mixed = 0
    for word in prompt:
        mixed = (mixed * 1_000_003 + word + 1) % (2**61 - 1)
    return float(uniform(np.zeros(1), 1, mixed)[0]) * HELD_OUT < 1


def require_share(name: str, value: float) -> None:
    """Check an option of a task that is a probability.

    Args:
        name: Name of the option.
        value: Its value, in [0, 1].

    Raises:
        TypeError: It is not a number.
        ValueError: It lies outside [0, 1].
    """
    require_number(name, value, low=0.0, high=1.0)


def without_withdrawn(response: Sequence[int], wait: int, size: int) -> list[tuple[int, ...]] | None:
    """Read a response as steps of ``size`` words; the word "wait" takes back the step before it.

    Args:
        response: Word numbers, without the end.
        wait: Number of the word "wait".
        size: Words in a step, >= 1.

    Returns:
        The steps that were not taken back; None if the response is not of this form.

    Example:
        >>> without_withdrawn([5, 6, 9, 5, 7, 4, 4], wait=9, size=2)
        [(5, 7), (4, 4)]
        >>> without_withdrawn([9, 5, 7], wait=9, size=2) is None
        True
    """
    steps: list[tuple[int, ...]] = []
    place = 0
    while place < len(response):
        if response[place] == wait:
            if not steps:
                return None
            steps.pop()
            place += 1
            continue
        step = tuple(response[place : place + size])
        if len(step) < size or wait in step:
            return None
        steps.append(step)
        place += size
    return steps
