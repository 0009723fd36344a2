"""Key tokens: a group of token sequences coloured by KTAE's value, and where one token's value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import TokenTable, ktae, token_table
from qae_sim.advantages.tokens import TF_FLOOR, term_frequency
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.pictures.scene import Bars, Cells, GuideLine, Panel, Picture, Points, Words
from qae_sim.pictures.style import CORRECT, MUTED, OTHER, WRONG

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


@dataclass(frozen=True)
class TokenState(State):
    """A group, the token that is looked at, and KTAE's parameters."""

    group: str = choice(
        "wait",
        "Responses",
        {"wait": "Corrected by 'wait'", "carry": "Carry or not", "repeated": "A word said too often"},
    )
    variant: str = choice("paper", "Formula", {"paper": "Paper", "code": "Released code"})
    token: int = whole(0, "Token, in order of appearance", 0, 15)
    h3: float = number(1.0, "Weight h₃ of term frequencies", 0.0, 2.0, 0.1)


class KeyTokens(Explorer[TokenState]):
    """Which tokens speak for a correct answer, according to KTAE.

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
    }
    CLAIMS: ClassVar = (
        "ktae.fisher-printed",
        "ktae.everywhere-token",
        "ktae.sign",
        "ktae.bounds",
        "ktae.paper-and-code",
    )

    def show(self, state: TokenState) -> Picture:
        """The coloured group, and the values of its distinct tokens under both formulas."""
        group = GROUPS[state.group]
        ids, mask, words = numbered(group)
        rewards = np.array([float(reward) for _, reward in group])
        chosen = min(round(state.token), len(words) - 1)
        keys = key_values(state, ids, mask, rewards, state.variant)  # type: ignore[arg-type]
        text = _text_panel(group, ids, keys, chosen)
        by_token = {
            name: _by_token(key_values(state, ids, mask, rewards, name), ids, mask, len(words))
            for name in ("paper", "code")
        }
        x = np.arange(len(words)).astype(float)
        shown = by_token[state.variant]
        values = Panel(
            "Key-token value of each word",
            "",
            "value",
            (-0.6, len(words) - 0.4),
            (-1.2, 1.2),
            (
                GuideLine(float(chosen), "x", MUTED, "chosen", "dotted"),
                Bars(x, np.where(shown > 0, shown, np.nan), CORRECT, "speaks for a correct answer"),
                Bars(x, np.where(shown < 0, shown, np.nan), WRONG, "speaks against it", hatched=True),
                Points(
                    x,
                    by_token["code" if state.variant == "paper" else "paper"],
                    OTHER,
                    "released code" if state.variant == "paper" else "paper",
                    "diamond",
                    10,
                    False,
                ),
            ),
            tuple((float(i), word) for i, word in enumerate(words)),
            weight=0.9,
        )
        return Picture((text, values), _told(state, ids, mask, rewards, words, chosen, float(shown[chosen])), row=False)


def numbered(group: tuple[tuple[str, int], ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Token ids and mask of a group, ``(G, T)``, and the distinct words in order of appearance."""
    rows = [text.split() for text, _ in group]
    words = list(dict.fromkeys(word for row in rows for word in row))
    width = max(map(len, rows))
    ids = np.array([[words.index(word) for word in row] + [0] * (width - len(row)) for row in rows])
    mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask, words


def key_values(
    state: TokenState, ids: Any, mask: Any, rewards: Any, variant: Literal["paper", "code"]
) -> NDArray[np.float64]:
    """Key values of all tokens."""
    return np.asarray(ktae(rewards, ids, mask, variant=variant, h3=state.h3).key_values)


def _by_token(keys: Any, ids: Any, mask: Any, count: int) -> NDArray[np.float64]:
    """Value of each distinct token; the same wherever it stands."""
    values = np.zeros(count)
    for token, key in zip(ids[mask == 1], keys[mask == 1], strict=True):
        values[token] = key
    return values


def _shade(value: float) -> str:
    """A light colour between white and that of the sign."""
    base = CORRECT if value > 0 else WRONG
    share = min(abs(value) * 1.1, 0.55)
    mixed = [round(255 + (int(base[i : i + 2], 16) - 255) * share) for i in (1, 3, 5)]
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _text_panel(group: Any, ids: Any, keys: Any, chosen: int) -> Panel:
    """The responses, word by word."""
    x, y, width, texts, colours, frames = [], [], [], [], [], []
    for i, (text, _) in enumerate(group):
        start = 0.0
        for t, word in enumerate(text.split()):
            size = 0.55 + 0.16 * len(word)
            x.append(start)
            y.append(float(len(group) - 1 - i))
            width.append(size)
            texts.append(word + (" +" if keys[i, t] > 0.05 else " −" if keys[i, t] < -0.05 else ""))
            colours.append(_shade(float(keys[i, t])))
            frames.append(bool(ids[i, t] == chosen))
            start += size + 0.08
    end = max(a + b for a, b in zip(x, width, strict=True))
    names = tuple((float(len(group) - 1 - i), "correct" if reward else "wrong") for i, (_, reward) in enumerate(group))
    cells = Cells(np.array(x), np.array(y), np.array(width), 0.72, tuple(texts), tuple(colours), tuple(frames))
    return Panel(
        "The group: + speaks for a correct answer, − against it",
        "",
        "",
        (-0.1, end + 0.1),
        (-0.6, len(group) - 0.4),
        (cells,),
        ((-0.1, ""),),
        names,
    )


def _told(state: TokenState, ids: Any, mask: Any, rewards: Any, words: list[str], chosen: int, value: float) -> Words:
    """The chosen token's table and where its value comes from."""
    table = token_table(rewards, ids, mask)
    i, t = np.argwhere((ids == chosen) & (mask == 1))[0]
    a, b, c, d = (int(getattr(table, name)[i, t]) for name in "abcd")
    said = int(table.count_correct[i, t]), int(table.count_wrong[i, t])
    angle = np.arcsin(np.sqrt(a / (a + c))) - np.arcsin(np.sqrt(b / (b + d)))
    alone = np.asarray(ktae(rewards, ids, mask, variant=state.variant, h3=0.0).key_values)[i, t]  # type: ignore[arg-type]
    right, wrong = term_frequencies(state, table, i, t)
    return (
        f"'{words[chosen]}' is in {a} of {a + c} correct and in {b} of {b + d} wrong responses; said "
        f"{_times(said[0])} on the correct and {_times(said[1])} on the wrong side. Angle term {_signed(angle)}; "
        f"saturated term frequencies (BM25) {right:.3f} and {wrong:.3f}, their ratios {_ratios(right, wrong)}; value "
        f"{_signed(value)}, and {_signed(float(alone))} without the term frequencies (h₃ = 0).",
    )


def term_frequencies(state: TokenState, table: TokenTable, i: int, t: int) -> tuple[float, float]:
    """BM25's saturated term frequencies of the token at a place, on the correct and on the wrong side."""
    lengths = float(table.length_correct[i, t]), float(table.length_wrong[i, t])
    counts = float(table.count_correct[i, t]), float(table.count_wrong[i, t])
    found = []
    for count, length in zip(counts, lengths, strict=True):
        said = count / length if state.variant == "code" else count
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


def _signed(value: float) -> str:
    """A number with its sign."""
    text = f"{abs(value):.2f}"
    return text if float(text) == 0 else ("−" if value < 0 else "+") + text
