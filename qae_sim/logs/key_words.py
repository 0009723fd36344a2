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

from qae_sim.arrays import require_integer
from qae_sim.logs.grouping import group_numbers, part_of, step_by_step
from qae_sim.logs.sources import Rows, Trouble, rows_of

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
    source: str | Path, *, reward: str | None = None, most: int = 20_000, least: int = 20, total: int | None = None
) -> tuple[tuple[KeyWord, ...], int]:
    """Test each word by Cochran, Mantel and Haenszel; groups are the strata, so that easy prompts add no evidence.

    In a group of G responses, c of them correct, let n have the word, and a of these be correct. Then
    z = Σ(a - nc/G) / √Σ v over all mixed groups, v = nc(G-n)(G-c) / (G²(G-1)). A key word need not be a cause.

    Args:
        source: File or folder, as for :func:`~qae_sim.logs.digest.digest`; the responses stand in a column
            completion, output or response, or tokens, token_ids or completion_ids.
        reward: Column of the reward, if there are several; a response with a positive reward is correct.
        most: Approximate number of responses to use, >= 1: whole groups, taken evenly from the log.
        least: Least number of responses with a word, >= 1; rarer words are left out.
        total: Number of responses in the log; None: count them.

    Returns:
        Words in falling order of z; the number of responses used. If the log has no responses' texts or tokens, no
        words and 0.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous.
        ModuleNotFoundError: PyArrow is not installed.

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
    if total is None:
        total = sum(len(rows.reward) for rows in rows_of(Path(source), reward, Trouble()))
    # Take every n-th group in the order of the log, so that the choice is the same each time.
    stride, counts = max(1, math.ceil(total / most)), _Counts()
    for rows in step_by_step(rows_of(Path(source), reward, Trouble(), said=True)):
        counts.add(rows, stride)
    return tuple(counts.judged(least)), counts.responses


class _Counts:
    """Sums over groups, by word."""

    def __init__(self) -> None:
        self.seen = self.responses = 0
        self.having: Counter[Hashable] = Counter()
        self.right: Counter[Hashable] = Counter()
        self.expected: defaultdict[Hashable, float] = defaultdict(float)
        self.variance: defaultdict[Hashable, float] = defaultdict(float)

    def add(self, rows: Rows, stride: int) -> None:
        """Add every ``stride``-th group of a step."""
        if rows.said is None:
            return
        group = group_numbers(rows)
        order = np.argsort(group, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            self.seen += 1
            if self.seen % stride == 0:
                kept = part_of(rows, members)
                scored = ~np.isnan(kept.reward)
                said = rows.said[members][scored]
                self._of_group([_words(one) for one in said], kept.reward[scored] > 0)

    def _of_group(self, words: list[set[Hashable]], correct: np.ndarray) -> None:
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
        for word, n in having.items():
            if n < size:
                self.having[word] += n
                self.right[word] += right[word]
                self.expected[word] += n * successes / size
                self.variance[word] += n * successes * (size - n) * (size - successes) / (size**2 * (size - 1))

    def judged(self, least: int) -> list[KeyWord]:
        """Return all words that are frequent enough, in falling order of z."""
        found = [
            KeyWord(
                str(word),
                (self.right[word] - self.expected[word]) / math.sqrt(self.variance[word]),
                n,
                self.right[word] / n,
                self.expected[word] / n,
            )
            for word, n in self.having.items()
            if n >= least
        ]
        return sorted(found, key=lambda key: (-key.z, key.word))


def _words(said: Any) -> set[Hashable]:
    """Find the words of a response: of a text, of the messages of a conversation, or its tokens."""
    if isinstance(said, str):
        return set(_WORD.findall(said))
    if isinstance(said, Iterable):
        return {
            token for item in said for token in (_words(item.get("content")) if isinstance(item, dict) else (item,))
        }
    return set()
