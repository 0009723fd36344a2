"""Key tokens: a group of token sequences coloured by KTAE's value, and where one token's value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import TokenTable, ktae, token_table
from qae_sim.advantages.tokens import TF_FLOOR, term_frequency
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import error_among, judged, verifier
from qae_sim.pictures.scene import Bars, Cells, GuideLine, Panel, Picture, Points, Touch, Words, room_of, written
from qae_sim.pictures.style import CORRECT, MUTED, OTHER, WRONG, tint

#: Groups of responses, each with its reward. Words are tokens.
GROUPS: dict[str, tuple[tuple[str, int], ...]] = {
    "wait": (
        ("first 7 times 8 is 54 wait 56 so 56", 1),
        ("first 7 times 8 is 56 so 56", 1),
        ("first 7 times 8 is 54 so 54", 0),
        ("first 7 times 8 is 54 and 54", 0),
    ),
    "carry": (
        ("add 8 and 5 write 3 carry 1 then 2", 1),
        ("add 8 and 5 carry 1 then 2", 1),
        ("add 8 and 5 write 3 then 1", 0),
        ("add 8 and 5 write 3 then 1", 0),
        ("add 8 and 5 carry 1 then 1", 0),
    ),
    "repeated": (
        ("so four four four four four", 1),
        ("so check check check check check", 1),
        ("so so so so so so", 0),
        ("maybe five", 0),
    ),
}


VARIANTS = {"paper": "Paper", "code": "Released code"}


@dataclass(frozen=True)
class TokenState(State):
    """A group, the token that is looked at, and KTAE's parameters."""

    group: str = choice(
        "wait",
        "Responses",
        {"wait": "Corrected by 'wait'", "carry": "Carry or not", "repeated": "A word said too often"},
    )
    variant: str = choice("paper", "Formula", VARIANTS)
    token: int = whole(0, "Token, in order of appearance", 0, 15)
    h3: float = number(1.0, "Weight h₃ of term frequencies", 0.0, 2.0, 0.1)
    verifier: str = verifier()


class KeyTokens(Explorer[TokenState]):
    """Which tokens speak for a correct response, according to KTAE.

    Example:
        >>> explorer = KeyTokens.from_state("group=wait&token=6")
        >>> explorer.words()[:41]
        "'wait' is in 1 of 2 correct and in 0 of 2"
    """

    STATE = TokenState
    PRESETS: ClassVar = {
        "wait": TokenState(token=6),
        "Everywhere: no value": TokenState(token=0),
        "Carry": TokenState(group="carry", token=6),
        "Said too often": TokenState(group="repeated", token=0),
        "Released code": TokenState(variant="code", token=6),
        "A false negative": TokenState(token=6, verifier="false_negative"),
    }
    LEADING: ClassVar = ("group", "variant", "token")
    CLAIMS: ClassVar = (
        "ktae.fisher-printed",
        "ktae.everywhere-token",
        "ktae.sign",
        "ktae.bounds",
        "ktae.paper-and-code",
    )

    def show(self, state: TokenState) -> Picture:
        """The coloured group, and the values of its distinct tokens under both formulas."""
        found = model(state)
        return Picture((text_panel(found), values_panel(found, state.variant)), words(found, state.variant), row=False)


@dataclass(frozen=True)
class KeyedGroup:
    """A group of responses with KTAE's values of its tokens, and where the chosen token's value comes from.

    Attributes:
        responses: Words and reward of each response.
        error: Place of the response that the verifier judges wrongly; None where it does not err.
        ids: Token numbers, ``(G, T)``, 0 behind the ends.
        words: The distinct words, by token number.
        chosen: Number of the chosen one.
        values: Value of each token under the chosen formula, ``(G, T)``.
        by_word: Value of each distinct word under either formula, ``(W,)``.
        counts: Responses with the chosen word and without it among the correct, and the same among the wrong.
        said: How often it is said on the correct and on the wrong side.
        angle: Its angle term, arcsin √(share of the correct) - arcsin √(share of the wrong).
        frequencies: Its saturated term frequencies on the correct and on the wrong side.
        alone: Its value without the term frequencies.
    """

    responses: tuple[tuple[tuple[str, ...], int], ...]
    error: int | None
    ids: NDArray[np.int64]
    words: tuple[str, ...]
    chosen: int
    values: NDArray[np.float64]
    by_word: dict[str, NDArray[np.float64]]
    counts: tuple[int, int, int, int]
    said: tuple[int, int]
    angle: float
    frequencies: tuple[float, float]
    alone: float


def model(state: TokenState) -> KeyedGroup:
    """Value all tokens of a group.

    Args:
        state: The group, the chosen token and KTAE's parameters.

    Returns:
        Values, and what the chosen token's is made of.
    """
    group = GROUPS[state.group]
    ids, mask, words = numbered(group)
    truth = np.array([float(reward) for _, reward in group])
    rewards = judged(truth, state.verifier)
    chosen = min(state.token, len(words) - 1)
    by_variant = {name: key_values(ids, mask, rewards, name, state.h3) for name in VARIANTS}
    table = token_table(rewards, ids, mask)
    place = tuple(np.argwhere((ids == chosen) & (mask == 1))[0])
    a, b, c, d = (int(getattr(table, name)[place]) for name in "abcd")
    return KeyedGroup(
        responses=tuple((tuple(text.split()), int(r)) for (text, _), r in zip(group, rewards, strict=True)),
        error=error_among(truth, state.verifier),
        ids=ids,
        words=tuple(words),
        chosen=chosen,
        values=by_variant[state.variant],
        by_word={name: _by_word(values, ids, mask, len(words)) for name, values in by_variant.items()},
        counts=(a, c, b, d),
        said=(int(table.count_correct[place]), int(table.count_wrong[place])),
        angle=float(np.arcsin(np.sqrt(a / (a + c))) - np.arcsin(np.sqrt(b / (b + d)))),
        frequencies=term_frequencies(state.variant, table, *place),
        alone=float(key_values(ids, mask, rewards, state.variant, 0.0)[place]),
    )


def numbered(group: tuple[tuple[str, int], ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Token ids and mask of a group, ``(G, T)``, and the distinct words in order of appearance."""
    rows = [text.split() for text, _ in group]
    words = list(dict.fromkeys(word for row in rows for word in row))
    width = max(map(len, rows))
    ids = np.array([[words.index(word) for word in row] + [0] * (width - len(row)) for row in rows])
    mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask, words


def key_values(ids: Any, mask: Any, rewards: Any, variant: str, h3: float) -> NDArray[np.float64]:
    """Key values of all tokens, ``(G, T)``."""
    formula: Any = variant
    return np.asarray(ktae(rewards, ids, mask, variant=formula, h3=h3).key_values)


def _by_word(keys: Any, ids: Any, mask: Any, count: int) -> NDArray[np.float64]:
    """Value of each distinct word; the same wherever it stands."""
    values = np.zeros(count)
    for token, key in zip(ids[mask == 1], keys[mask == 1], strict=True):
        values[token] = key
    return values


def _shade(value: float) -> str:
    """A light colour between white and that of the sign."""
    return tint(CORRECT if value > 0 else WRONG, min(abs(value) * 1.1, 0.55))


def text_panel(found: KeyedGroup) -> Panel:
    """Draw the responses, word by word."""
    count = len(found.responses)
    x, y, width, texts, colours, frames, tokens = [], [], [], [], [], [], []
    for i, (response, _) in enumerate(found.responses):
        start = 0.0
        for t, word in enumerate(response):
            value = float(found.values[i, t])
            text = word + (" +" if value > 0.05 else " −" if value < -0.05 else "")
            size = 0.3 + 0.27 * room_of(text)
            x.append(start)
            y.append(float(count - 1 - i))
            width.append(size)
            texts.append(text)
            colours.append(_shade(value))
            frames.append(bool(found.ids[i, t] == found.chosen))
            tokens.append(int(found.ids[i, t]))
            start += size + 0.08
    end = max(a + b for a, b in zip(x, width, strict=True))
    names = tuple(
        (float(count - 1 - i), ("correct" if reward else "wrong") + ("?" if i == found.error else ""))
        for i, (_, reward) in enumerate(found.responses)
    )
    cells = Cells(np.array(x), np.array(y), np.array(width), 0.72, tuple(texts), tuple(colours), tuple(frames))
    return Panel(
        "The group: + speaks for a correct response, − against it",
        "",
        "",
        (-0.1, end + 0.1),
        (-0.6, count - 0.4),
        (cells,),
        ((-0.1, ""),),
        names,
        touches=(Touch("token", "pick", values=tuple(tokens)),),
    )


def values_panel(found: KeyedGroup, variant: str) -> Panel:
    """Draw the value of each distinct word, and what the other formula says."""
    x = np.arange(len(found.words)).astype(float)
    shown = found.by_word[variant]
    other, name = ("code", "released code") if variant == "paper" else ("paper", "paper")
    return Panel(
        "Key-token value of each word",
        "",
        "value",
        (-0.6, len(x) - 0.4),
        (-1.2, 1.2),
        (
            GuideLine(float(found.chosen), "x", MUTED, "chosen", "dotted"),
            Bars(x, np.where(shown > 0, shown, np.nan), CORRECT, "speaks for a correct response"),
            Bars(x, np.where(shown < 0, shown, np.nan), WRONG, "speaks against it", hatched=True),
            Points(x, found.by_word[other], OTHER, name, "diamond", 10, False),
        ),
        tuple((float(i), word) for i, word in enumerate(found.words)),
        weight=0.9,
    )


def words(found: KeyedGroup, variant: str) -> Words:
    """Say where the chosen token's value comes from."""
    a, c, b, d = found.counts
    # Where a verdict is an error, sides are told by rewards.
    sides = ("correct", "wrong responses", "correct", "wrong")
    if found.error is not None:
        sides = ("winners", "losers", "winners'", "losers'")
    right, wrong = found.frequencies
    value = float(found.by_word[variant][found.chosen])
    return (
        f"'{found.words[found.chosen]}' is in {a} of {a + c} {sides[0]} and in {b} of {b + d} {sides[1]}; said "
        f"{_times(found.said[0])} on the {sides[2]} and {_times(found.said[1])} on the {sides[3]} side. Angle term "
        f"{written(found.angle)}; saturated term frequencies (BM25) {right:.3f} and {wrong:.3f}, their ratios "
        f"{_ratios(right, wrong)}; value {written(value)}, and {written(found.alone)} without the term frequencies "
        "(h₃ = 0).",
        "" if found.error is None else _error_words(found),
    )


def _error_words(found: KeyedGroup) -> str:
    """Say which response is judged wrongly."""
    assert found.error is not None
    taken = "wrong and taken for correct" if found.responses[found.error][1] else "correct and taken for wrong"
    return f" Response {found.error + 1} is {taken}: its words are counted on the side where the verifier has put it."


def term_frequencies(variant: str, table: TokenTable, i: int, t: int) -> tuple[float, float]:
    """BM25's saturated term frequencies of the token at a place, on the correct and on the wrong side."""
    lengths = float(table.length_correct[i, t]), float(table.length_wrong[i, t])
    counts = float(table.count_correct[i, t]), float(table.count_wrong[i, t])
    found = []
    for count, length in zip(counts, lengths, strict=True):
        said = count / length if variant == "code" else count
        mean = sum(lengths) / 2
        tf, size, middle = (np.asarray(value) for value in (said, length, mean))
        found.append(float(term_frequency(np, tf, size, middle, 2.0, 0.5)))
    return found[0], found[1]


def _ratios(right: float, wrong: float) -> str:
    """Both ratios, with KTAE's floor under the denominators."""
    return f"{right / (wrong + TF_FLOOR):.4g} and {wrong / (right + TF_FLOOR):.4g}"


def _times(count: int) -> str:
    """How often."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
