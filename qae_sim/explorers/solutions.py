"""Sampled responses, word by word: coloured by what they say about success, or by how uncertain the model was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import qae_sim.lm
from qae_sim.advantages import AdvantageRule
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import VERIFIER, error_among, judged, verifier
from qae_sim.lm.tasks import PAD, TASKS
from qae_sim.pictures.scene import Bars, Cells, Panel, Picture, Words, axis_limits, room_of, written
from qae_sim.pictures.style import CORRECT, FOURTH, WRONG, tint
from qae_sim.storage import from_json

_STAGES = {"base": "Base model", "mean": "Trained with the mean", "qae": "Trained with QAE, K = .4"}
_COLOURING = {
    "entropy": "Entropy of each word",
    "grpo": "Advantage, mean baseline",
    "qae": "Advantage, QAE",
    "ktae": "Advantage, KTAE",
}


@dataclass(frozen=True)
class Group:
    """A prompt and some solutions.

    Attributes:
        prompt: In words.
        words: The solutions, word by word.
        ids: Their word numbers, ``(G, T)``, 0 behind the ends.
        entropies: In nats, ``(G, T)``.
        rewards: 1 where correct, ``(G,)``.
    """

    prompt: str
    words: tuple[tuple[str, ...], ...]
    ids: NDArray[np.int64]
    entropies: NDArray[np.float64]
    rewards: NDArray[np.float64]


def group_of(task: Any, prompt: Sequence[int], tokens: Any, entropies: Any) -> Group:
    """Put a group together from what a model has sampled.

    Args:
        task: The task.
        prompt: Word numbers of the prompt.
        tokens: Word numbers of the solutions, ``(G, T)``.
        entropies: Entropies, same shape.

    Returns:
        The group.
    """
    ids = np.asarray(tokens, dtype=np.int64)
    words = tuple(tuple(task.words[n] for n in row if n != PAD) for row in ids.tolist())
    rewards = task.rewards(np.asarray(prompt, dtype=np.int64), ids)
    return Group(task.text(prompt), words, ids, np.asarray(entropies, dtype=float), rewards)


@lru_cache(maxsize=1)
def recorded_groups() -> Mapping[tuple[str, str], tuple[Group, ...]]:
    """Solutions that come with the package, by task and stage."""
    path = Path(qae_sim.lm.__file__).parent / "recorded" / "solutions.json"
    stored = from_json(path.read_bytes())
    found: dict[tuple[str, str], tuple[Group, ...]] = {}
    for entry in stored["models"]:
        task = TASKS[entry["task"]](**entry["options"])
        groups = (group_of(task, g["prompt"], g["tokens"], np.array(g["entropies"]) / 1000) for g in entry["groups"])
        found[entry["setting"], entry["stage"]] = tuple(groups)
    return found


@dataclass(frozen=True)
class SolutionsState(State):
    """Whose solutions to what, and what colours them."""

    task: str = choice("addition", "Task", {"addition": "Addition", "learned": "Style and answer"})
    stage: str = choice("base", "Model", _STAGES)
    prompt: int = whole(1, "Prompt", 1, 6)
    colour: str = choice("entropy", "Colour", _COLOURING)
    k: float = number(0.4, "K of QAE", 0.05, 0.95, 0.05)
    verifier: str = verifier()


class Solutions(Explorer[SolutionsState]):
    """A browser of sampled solutions: every word in a box, coloured by its entropy or by its advantage.

    Example:
        >>> Solutions.from_state("task=addition&prompt=2").words()[:7]
        'Prompt '
    """

    STATE = SolutionsState
    PRESETS: ClassVar = {
        "Where it is uncertain": SolutionsState(),
        "Who is rewarded": SolutionsState(colour="grpo"),
        "Who is left (QAE)": SolutionsState(colour="qae"),
        "Which word mattered (KTAE)": SolutionsState(colour="ktae"),
        "After training": SolutionsState(stage="mean"),
        "Style words": SolutionsState(task="learned"),
    }

    LEADING: ClassVar = ("stage", "prompt", "colour")
    CLAIMS: ClassVar = ("estimators.sum-zero", "qae.least-sparsity", "ktae.sign", "ktae.zero-sum")

    def show(self, state: SolutionsState) -> Picture:
        """The group in boxes, and the mean entropy or the sum of advantages of each solution."""
        groups = recorded_groups()[state.task, state.stage]
        return picture_of(groups[min(state.prompt, len(groups)) - 1], state.colour, state.k, state.verifier)


def values_of(group: Group, colour: str, k: float) -> NDArray[np.float64]:
    """What colours the words.

    Args:
        group: Prompt and solutions.
        colour: ``"entropy"``, ``"grpo"``, ``"qae"`` or ``"ktae"``.
        k: K of QAE.

    Returns:
        Entropies or advantages, ``(G, T)``; 0 behind the ends.
    """
    mask = group.ids != PAD
    if colour == "entropy":
        return np.where(mask, group.entropies, 0.0)
    rule = AdvantageRule(colour, {"k": k} if colour == "qae" else {})
    advantages = rule.advantages(group.rewards, {"token_ids": group.ids, "mask": mask})
    return np.asarray(advantages if rule.of_tokens else advantages[:, None] * mask)


def picture_of(group: Group, colour: str, k: float, verifier: str = "right") -> Picture:
    """Draw a group of solutions.

    Args:
        group: Prompt and solutions.
        colour: What colours the words, see :func:`values_of`.
        k: K of QAE.
        verifier: Which error the verifier makes, see :data:`~qae_sim.explorers.verifier.VERIFIER`.

    Returns:
        The picture.
    """
    error = error_among(group.rewards, verifier)
    every = {name: replace(group, rewards=judged(group.rewards, name)) for name in VERIFIER}
    found = {name: values_of(one, colour, k) for name, one in every.items()}
    group, values = every[verifier], found[verifier]
    # One axis however the verifier errs: what errors do is to be seen.
    ends = axis_limits(0.0, 0.1, np.concatenate([_means(group, one) for one in found.values()]))
    panels = (_boxes(group, colour, values, error), _each_solution(group, colour, values, ends))
    told = _told(group, colour, values, "are correct" if error is None else "have reward 1")
    return Picture(panels, (*told, _error(group, colour, values, error)), row=False)


def _means(group: Group, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean value of the words of each response."""
    return np.asarray(values.sum(axis=1) / np.array([len(words) for words in group.words]))


def _boxes(group: Group, colour: str, values: NDArray[np.float64], error: int | None) -> Panel:
    """Every word in a box, coloured by its value."""
    count = len(group.words)
    x, y, width, texts, colours = [], [], [], [], []
    largest = max(float(np.abs(values).max()), 1e-9)
    for i, words in enumerate(group.words):
        start = 0.0
        for t, word in enumerate(words):
            value = float(values[i, t])
            x.append(start)
            y.append(float(count - 1 - i))
            # A sign, so that colour does not stand alone.
            texts.append(word + ("" if colour == "entropy" or value == 0 else " +" if value > 0 else " −"))
            size = 0.2 + 0.27 * room_of(texts[-1])
            width.append(size)
            colours.append(_shade(value / largest, colour == "entropy"))
            start += size + 0.04
    end = max(a + b for a, b in zip(x, width, strict=True))
    ticks = tuple(
        (float(count - 1 - i), ("correct" if r else "wrong") + ("?" if i == error else ""))
        for i, r in enumerate(group.rewards)
    )
    cells = Cells(np.array(x), np.array(y), np.array(width), 0.74, tuple(texts), tuple(colours), (False,) * len(x))
    what = "darker: less certain" if colour == "entropy" else "blue +: more of it, red −: less of it, white: nothing"
    title = f"Responses to {group.prompt} ({what})"
    return Panel(title, "", "", (-0.1, end + 0.1), (-0.6, count - 0.4), (cells,), ((-0.1, ""),), ticks, 1.5)


def _each_solution(group: Group, colour: str, values: NDArray[np.float64], ends: tuple[float, float]) -> Panel:
    """Mean value of the words of each response."""
    count = len(group.words)
    mean = _means(group, values)
    place = np.arange(count, dtype=float)
    bars = tuple(
        Bars(place, np.where(keep, mean, np.nan), shade, label, hatched=hatched)
        for keep, shade, label, hatched in (
            (group.rewards == 1, CORRECT, "correct", False),
            (group.rewards == 0, WRONG, "wrong", True),
        )
    )
    name = "mean entropy" if colour == "entropy" else "mean advantage"
    return Panel("Each response, in the order above", "", name, (-0.6, count - 0.4), ends, bars, _numbers(count))


def _numbers(count: int) -> tuple[tuple[float, str], ...]:
    """Responses are counted from 1."""
    return tuple((float(i), str(i + 1)) for i in range(count))


def _shade(share: float, entropy: bool) -> str:
    """A light colour: white for nothing."""
    colour = FOURTH if entropy else CORRECT if share > 0 else WRONG
    return tint(colour, 0.55 * min(abs(share), 1.0))


def _told(group: Group, colour: str, values: NDArray[np.float64], rewarded: str) -> Words:
    """What there is to see."""
    correct = int(group.rewards.sum())
    start = f"Prompt {group.prompt!r}: {correct} of {len(group.rewards)} responses {rewarded}. "
    if colour == "entropy":
        i, t = np.unravel_index(int(values.argmax()), values.shape)
        word = group.words[int(i)][int(t)]
        return (f"{start}The model was least certain ({values.max():.2f} nats) at '{word}' in response {int(i) + 1}.",)
    silent = int((values == 0).all(axis=1).sum())
    return (f"{start}{silent} responses have no advantage at all; the largest is {np.abs(values).max():.2f} in size.",)


def _error(group: Group, colour: str, values: NDArray[np.float64], error: int | None) -> str:
    """What the response that is judged wrongly gets."""
    if error is None:
        return ""
    kind = "wrong and taken for correct" if group.rewards[error] else "correct and taken for wrong"
    if colour == "entropy":
        return f" Response {error + 1} is {kind}."
    mean = float(_means(group, values)[error])
    return f" Response {error + 1} is {kind}: its mean advantage is {written(mean)}."
