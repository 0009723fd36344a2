"""What is learned: bandits with arms that are correct or wrong, and sequences of a few tokens.

A problem is a small frozen dataclass of plain numbers and tuples, so that it can be compared, hashed and written into
a file. How it is learned is the matter of a :class:`~qae_sim.bandits.Study`. Names such as ``queries`` count prompts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qae_sim.arrays import as_floating, invalid, require_finite, require_integer, require_number

#: Beyond this many sequences a reward on whole sequences can no longer be enumerated.
LARGEST_SPACE = 1_000_000


def _table(name: str, value: Any, dimensions: int) -> np.ndarray:
    """Take a nested sequence of finite numbers as a NumPy array of the given number of axes, none of them empty."""
    x, _ = as_floating(name, value)
    if x.ndim != dimensions or 0 in x.shape:
        raise invalid(name, tuple(x.shape), f"of {dimensions} axes, none of them empty")
    x = np.asarray(x.tolist(), dtype=np.float64)  # from whatever library, also from a device
    require_finite(name, x)
    return x


def _nested(x: np.ndarray) -> Any:
    """Nested tuples of Python floats, which can be compared, hashed and stored."""
    return tuple(map(_nested, x)) if x.ndim else float(x)


def _weights(value: Any, count: int) -> tuple[float, ...]:
    """Check weights of prompts and scale them to the sum 1."""
    w = _table("weights", value, 1)
    if len(w) != count or bool((w < 0).any()) or w.sum() == 0:
        raise invalid("weights", tuple(w.tolist()), f"{count} numbers, none negative and not all 0, one per prompt")
    return tuple((w / math.fsum(w)).tolist())


@dataclass(frozen=True)
class Bandit:
    """Softmax bandit: one prompt, or a mixture of prompts of varying difficulty.

    πₐ(q) = exp(z_{qa}) / Σ exp(z_q),  P(r = 1 | q, a) = success[q][a];  z_{qa} = φ(q, a)·θ with shared features

    Attributes:
        success: Chance of each arm to be correct, ``(Q, A)`` or ``(A,)`` for one prompt, in [0, 1]: 0 and 1 are a
            deterministic verifier, anything between a Bernoulli arm.
        start: Parameters at the start, the same for all runs: logits ``(Q, A)`` (``(A,)`` for one prompt), or θ of
            length D with features. Zeros by default.
        spread: Standard deviation of a normal number that each run adds to each parameter at its start, >= 0.
        weights: How much each prompt counts (it is drawn in proportion, and records average in proportion), ``(Q,)``;
            equal by default, scaled to the sum 1.
        features: φ, ``(Q, A, D)`` (``(A, D)`` for one prompt): the prompts then share the parameters θ. None: each
            prompt has logits of its own.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes do not fit, or a number is out of range.

    Example:
        >>> bandit = Bandit(success=[1, 0, 0], spread=1.0)
        >>> bandit.queries, bandit.arms, bandit.deterministic
        (1, 3, True)
    """

    success: Any
    start: Any = None
    spread: float = 0.0
    weights: Any = None
    features: Any = None

    def __post_init__(self) -> None:
        ndim = as_floating("success", self.success)[0].ndim
        success = _table("success", self.success, 2 if ndim != 1 else 1).reshape((-1, _last_axis(self.success)))
        if bool(((success < 0) | (success > 1)).any()):
            raise invalid("success", float(success[(success < 0) | (success > 1)][0]), "in [0, 1] everywhere")
        features = None
        if self.features is not None:
            features = _table("features", self.features, 3 if ndim != 1 else 2)
            features = features.reshape((*success.shape, -1)) if features.size % success.size == 0 else features
            if features.shape[:2] != success.shape:
                raise invalid(
                    "features", features.shape, f"of shape {success.shape} (that of success) and a third axis"
                )
        shape = success.shape if features is None else features.shape[2:]
        start = np.zeros(shape) if self.start is None else _start(self.start, shape)
        values = {
            "success": _nested(success),
            "start": _nested(start),
            "spread": require_number("spread", self.spread, low=0.0),
            "weights": _weights(np.ones(len(success)) if self.weights is None else self.weights, len(success)),
            "features": None if features is None else _nested(features),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def queries(self) -> int:
        """Q, the number of prompts."""
        return len(self.success)

    @property
    def arms(self) -> int:
        """A, the number of arms of each prompt."""
        return len(self.success[0])

    @property
    def deterministic(self) -> bool:
        """Whether every arm is always correct or always wrong."""
        return all(x in (0, 1) for row in self.success for x in row)

    @classmethod
    def uniform(cls, arms: int = 100, correct: int = 30, *, spread: float = 1.0) -> Bandit:
        """One prompt with equally good arms and random logits: the standard workload of the benchmarks.

        Args:
            arms: A, >= 1.
            correct: How many arms are correct, 0..A.
            spread: Standard deviation of the logits over runs and arms.

        Returns:
            The bandit.

        Example:
            >>> sum(Bandit.uniform(10, 3).success[0])
            3.0
        """
        arms = require_integer("arms", arms, low=1)
        correct = require_integer("correct", correct, low=0, high=arms)
        return cls(success=[1.0] * correct + [0.0] * (arms - correct), spread=spread)

    @classmethod
    def peaked(cls, arms: int = 64, correct: int = 4, *, wrong: float = 0.6, right: float = 0.05) -> Bandit:
        """One prompt whose policy starts peaked at a wrong arm, while few correct arms share a small probability.

        The first arm is wrong and has probability ``wrong``; the next ones are correct and share ``right`` equally;
        the rest is wrong and shares what is left in proportion to 1/rank (Zipf's law).

        Args:
            arms: A, at least ``correct + 2``.
            correct: Number of correct arms, >= 1.
            wrong: Probability of the peak, in (0, 1).
            right: Probability of all correct arms together, in (0, 1), less than 1 with ``wrong``.

        Returns:
            The bandit.

        Example:
            >>> import numpy as np
            >>> z = np.array(Bandit.peaked().start[0])
            >>> pi = np.exp(z) / np.exp(z).sum()
            >>> pi[0].round(6), pi[1:5].sum().round(6)
            (np.float64(0.6), np.float64(0.05))
        """
        correct = require_integer("correct", correct, low=1)
        arms = require_integer("arms", arms, low=correct + 2)
        wrong = require_number("wrong", wrong, low=0.0, high=1.0, open_interval=True)
        right = require_number("right", right, low=0.0, high=1.0 - wrong, open_interval=True)
        tail = 1 / np.arange(1, arms - correct)
        pi = np.concatenate([[wrong], np.full(correct, right / correct), (1 - wrong - right) * tail / tail.sum()])
        return cls(success=[0.0] + [1.0] * correct + [0.0] * (arms - correct - 1), start=np.log(pi))

    @classmethod
    def mixture(cls, rates: Iterable[float], arms: int = 16, correct: int = 4) -> Bandit:
        """Prompts of given success rates, each with the same numbers of correct and wrong arms.

        Args:
            rates: Success rate of each prompt at the start, each in (0, 1).
            arms: A, > ``correct``.
            correct: Number of correct arms of each prompt, >= 1.

        Returns:
            The bandit; at the start all correct arms are equally likely, and so are all wrong ones.

        Example:
            >>> Bandit.mixture([0.1, 0.5, 0.9]).queries
            3
        """
        correct = require_integer("correct", correct, low=1)
        arms = require_integer("arms", arms, low=correct + 1)
        p = np.array([require_number("rates", rate, low=0.0, high=1.0, open_interval=True) for rate in rates])
        if not len(p):
            raise invalid("rates", (), "one success rate at least")
        of_correct = (np.log(p) - math.log(correct))[:, None].repeat(correct, 1)
        of_wrong = (np.log1p(-p) - math.log(arms - correct))[:, None].repeat(arms - correct, 1)
        success = [[1.0] * correct + [0.0] * (arms - correct)] * len(p)
        return cls(success=success, start=np.concatenate([of_correct, of_wrong], axis=1))


def _last_axis(value: Any) -> int:
    """Length of the last axis."""
    return int(as_floating("success", value)[0].shape[-1])


def _start(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Check start parameters; those of a single prompt may leave its axis out."""
    start, _ = as_floating("start", value)
    if tuple(start.shape) == shape[1:] and shape[0] == 1 and len(shape) > 1:
        start = start[None]
    if tuple(start.shape) != shape:
        raise invalid("start", tuple(start.shape), f"of shape {shape}")
    return _table("start", start, len(shape))


@dataclass(frozen=True)
class SequenceBandit:
    """Sequences of a few categorical tokens with one reward for the whole sequence.

    π(y) = Π_t π_t(y_t), a softmax over V tokens at each of L positions; t ends with the end token

    Attributes:
        length: L, the longest sequence, >= 1.
        vocabulary: V, number of tokens, >= 2; V^L at most a million.
        correct: The sequences that are correct, each of length L; after its end token a sequence is filled up with end
            tokens. At least one, and not all.
        end: The token that ends a sequence and is part of it, or None: all sequences then have length L.
        start: Logits at the start, the same for all runs, ``(L, V)``; zeros by default.
        spread: Standard deviation of a normal number that each run adds to each logit at its start, >= 0.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A sequence or number is out of range.

    Example:
        >>> bandit = SequenceBandit.where(2, 3, lambda tokens: tokens[-1] == 2)
        >>> bandit.correct
        ((0, 2), (1, 2), (2, 2))
    """

    length: int
    vocabulary: int
    correct: Any
    end: int | None = None
    start: Any = None
    spread: float = 0.0

    def __post_init__(self) -> None:
        length = require_integer("length", self.length, low=1)
        vocabulary = require_integer("vocabulary", self.vocabulary, low=2)
        if length * math.log(vocabulary) > math.log(LARGEST_SPACE) + 1e-9:
            raise invalid("length", length, f"so short that there are at most {LARGEST_SPACE:,} sequences")
        end = None if self.end is None else require_integer("end", self.end, low=0, high=vocabulary - 1)
        correct = tuple(sorted({self._checked(tokens, length, vocabulary, end) for tokens in self.correct}))
        if not correct:
            raise invalid("correct", correct, "one sequence at least")
        start = np.zeros((length, vocabulary)) if self.start is None else _start(self.start, (length, vocabulary))
        values = {
            "length": length,
            "vocabulary": vocabulary,
            "correct": correct,
            "end": end,
            "start": _nested(start),
            "spread": require_number("spread", self.spread, low=0.0),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def _checked(tokens: Sequence[int], length: int, vocabulary: int, end: int | None) -> tuple[int, ...]:
        """Check one correct sequence."""
        sequence = tuple(require_integer("correct", token, low=0, high=vocabulary - 1) for token in tokens)
        stop = sequence.index(end) if end in sequence else length
        if len(sequence) != length or any(token != end for token in sequence[stop:]):
            raise invalid("correct", sequence, f"{length} tokens, only end tokens after the first end token")
        return sequence

    @classmethod
    def where(
        cls,
        length: int,
        vocabulary: int,
        is_correct: Callable[[tuple[int, ...]], bool],
        *,
        end: int | None = None,
        start: Any = None,
        spread: float = 0.0,
    ) -> SequenceBandit:
        """Make the problem whose correct sequences a function picks out.

        Args:
            length: L.
            vocabulary: V.
            is_correct: Says whether a sequence is correct. It gets the tokens up to the end token, which is
                included.
            end: The token that ends a sequence.
            start: Logits at the start.
            spread: Standard deviation of the start.

        Returns:
            The problem.

        Raises:
            ValueError: A number is out of range, or no sequence is correct.

        Example:
            >>> SequenceBandit.where(2, 2, lambda tokens: len(tokens) == 1, end=0).correct
            ((0, 0),)
        """
        length = require_integer("length", length, low=1)
        vocabulary = require_integer("vocabulary", vocabulary, low=2)
        if length * math.log(vocabulary) > math.log(LARGEST_SPACE) + 1e-9:
            raise invalid("length", length, f"so short that there are at most {LARGEST_SPACE:,} sequences")
        correct = []
        for tokens in itertools.product(range(vocabulary), repeat=length):
            stop = tokens.index(end) + 1 if end in tokens else length
            if all(token == end for token in tokens[stop:]) and is_correct(tokens[:stop]):
                correct.append(tokens)
        return cls(length, vocabulary, correct, end=end, start=start, spread=spread)
