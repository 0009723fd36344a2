"""Key words of a log: words that are more, or less, frequent in correct responses than chance explains."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import require_integer, require_number
from qae_sim.logs.grouping import groups_of
from qae_sim.logs.sources import Log, Trouble, read, texts_of

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class KeyWord:
    """A word, and how often responses with it are correct.

    Attributes:
        word: The word, or the id of a token.
        z: By how many standard deviations the correct responses with it exceed what chance gives within groups.
        responses: Number of responses with it, in mixed groups where some but not all responses have it.
        success: Share of these that are correct.
        expected: Share of these that would be correct by chance, given their groups.
    """

    word: str
    z: float
    responses: int
    success: float
    expected: float


def key_words(
    source: str | Path, *, reward: str | None = None, success: float | None = None, most: int = 20_000, least: int = 20
) -> tuple[tuple[KeyWord, ...], int]:
    """Test each word by Cochran, Mantel and Haenszel; groups are the strata, so that easy prompts add no evidence.

    In a group of G responses, c of them correct, let n have the word, and a of these be correct. Then
    z = Σ(a - nc/G) / √Σ v over all mixed groups, v = nc(G-n)(G-c) / (G²(G-1)). A key word need not be a cause.

    Args:
        source: File or folder, as for :func:`~qae_sim.logs.digest.digest`; the responses stand in a column
            completion, output or response, or tokens, token_ids or completion_ids.
        reward: Column of the reward, or a sum of columns, if there are several.
        success: A response is correct if its reward is at least this; None: the largest reward.
        most: Approximate number of responses to use, >= 1: whole groups, taken evenly from the log.
        least: Least number of responses with a word, >= 1; rarer words are left out.

    Returns:
        Words in falling order of z; the number of responses used. If the log has no responses' texts or tokens, no
        words and 0.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, or groups cannot be told.
        ModuleNotFoundError: PyArrow is not installed, and the log needs it.

    Source:
        Mantel and Haenszel (1959). KTAE (arXiv:2505.16826) asks the same within one group, by Fisher's exact test.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> words, responses = key_words(recorded_log())
        >>> words[0].word, words[-1].word, responses
        ('a', '?', 7680)
    """
    require_integer("most", most, low=1)
    require_integer("least", least, low=1)
    trouble = Trouble()
    log = read(Path(source), reward, None, trouble)
    rows = groups_of(log, trouble, source=Path(source)).rows
    rewards = log.reward[rows]
    right = rewards >= (rewards.max() if success is None else require_number("success", success))
    return key_words_of(log, rows, right, most=most, least=least)


def key_words_of(
    log: Log, rows: np.ndarray, right: np.ndarray, *, most: int = 20_000, least: int = 20
) -> tuple[tuple[KeyWord, ...], int]:
    """Test each word, as :func:`key_words` does, in a log that has been read.

    Args:
        log: The log.
        rows: Places of the rows of each group, ``(B, G)``.
        right: Whether each response is correct, ``(B, G)``.
        most: Approximate number of responses to use, >= 1.
        least: Least number of responses with a word, >= 1.

    Returns:
        Words in falling order of z; the number of responses used.
    """
    # Take every n-th group in the order of the log, so that the choice is the same each time.
    stride = max(1, math.ceil(rows.size / most))
    chosen, correct = rows[stride - 1 :: stride], right[stride - 1 :: stride]
    size, counts = rows.shape[1], _Counts()
    place_of = {row: place for place, row in enumerate(chosen.ravel().tolist())}
    # Only groups of which some but not all responses have been read are held.
    held: defaultdict[int, dict[int, set[Hashable]]] = defaultdict(dict)
    for row, text in texts_of(log, np.sort(chosen, axis=None)):
        number, place = divmod(place_of[row], size)
        held[number][place] = _words(text)
        if len(held[number]) == size:
            words = held.pop(number)
            counts.add([words[i] for i in range(size)], correct[number])
    return tuple(counts.judged(least)), counts.responses


class _Counts:
    """Sums over groups, by word."""

    def __init__(self) -> None:
        self.responses = 0
        #: Responses with the word, correct ones among them, how many would be by chance, and the variance of that.
        self.sums: dict[Hashable, list[float]] = {}

    def add(self, words: list[set[Hashable]], correct: np.ndarray) -> None:
        """Add one group."""
        size, successes = len(words), int(correct.sum())
        self.responses += size
        if not 0 < successes < size:
            return
        having: Counter[Hashable] = Counter()
        right: Counter[Hashable] = Counter()
        for said, success in zip(words, correct, strict=True):
            having.update(said)
            if success:
                right.update(said)
        # Mean and variance of a hypergeometric number, by how many responses have the word.
        expected = [n * successes / size for n in range(size)]
        variance = [e * (size - n) * (size - successes) / (size * (size - 1)) for n, e in enumerate(expected)]
        for word, n in having.items():
            if n < size:
                sums = self.sums.get(word)
                if sums is None:
                    sums = self.sums[word] = [0, 0, 0.0, 0.0]
                sums[0] += n
                sums[1] += right[word]
                sums[2] += expected[n]
                sums[3] += variance[n]

    def judged(self, least: int) -> list[KeyWord]:
        """Return all words that are frequent enough, in falling order of z."""
        found = [
            KeyWord(str(word), (right - expected) / math.sqrt(variance), int(n), right / n, expected / n)
            for word, (n, right, expected, variance) in self.sums.items()
            if n >= least
        ]
        return sorted(found, key=lambda key: (-key.z, key.word))


def _words(said: Any) -> set[Hashable]:
    """Find the words of a response: of a text, of the messages of a conversation, or its tokens."""
    if isinstance(said, str):
        return set(_WORD.findall(said))
    if isinstance(said, Iterable):
        return {
            token
            for item in said
            for token in (
                _words(item.get("content"))
                if isinstance(item, dict)
                else _words(item)
                if isinstance(item, list)
                else (item,)
            )
        }
    return set()
