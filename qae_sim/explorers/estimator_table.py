"""The estimator table: any estimators side by side on the same group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import ESTIMATORS, INPUTS
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, numbers
from qae_sim.explorers.verifier import VERIFIER, error_among, judged, verifier
from qae_sim.pictures.scene import Bars, GuideLine, Panel, Picture, Points, Touch, written
from qae_sim.pictures.style import BASELINE, MUTED, WRONG, looks_of


class _OfResponses(Mapping[str, str]):
    """Names of the estimators that give each response one advantage, those that are registered later included."""

    def __getitem__(self, name: str) -> str:
        if not ESTIMATORS[name].of_responses:
            raise KeyError(name)
        return name

    def __iter__(self) -> Iterator[str]:
        return (name for name, row in ESTIMATORS.items() if row.of_responses)

    def __len__(self) -> int:
        return sum(1 for _ in self)


NAMES = _OfResponses()


@dataclass(frozen=True)
class TableState(State):
    """A group of eight rewards, what else is known of them, another group of the same batch, and three estimators."""

    first: str = choice("grpo", "First estimator", NAMES)
    second: str = choice("qae", "Second estimator", NAMES)
    third: str = choice("rloo", "Third estimator", NAMES)
    k: float = number(0.4, "Quantile K", 0.05, 0.95, 0.05)
    anchor: float = number(0.5, "Anchor C (HA-DW)", 0.0, 1.0, 0.05)
    mu: float = number(1.0, "CANON's μ", 0.0, 1.0, 0.1, help="1 compares halves of the group, 0 within halves.")
    r: tuple[float, ...] = numbers((1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0), "Reward", 0.0, 1.0, 0.1)
    x: tuple[float, ...] = numbers(
        (0.5,) * 8,
        "Also x",
        0.0,
        1.0,
        0.1,
        help="Matters to estimators that need more than rewards: lengths, entropies, another model's rewards, ...",
    )
    verifier: str = verifier()
    other: float = number(
        0.75,
        "Mean of the batch's other group",
        0.0,
        1.0,
        0.125,
        help="Matters to estimators that look at the whole batch.",
    )


class EstimatorTable(Explorer[TableState]):
    """Put estimators side by side; what one leaves at zero another may punish.

    Example:
        >>> table = EstimatorTable.from_state("first=grpo&second=qae&third=rloo")
        >>> table.words()[:58]
        'Rewards 1, 0, 0, 0, 0, 0, 0, 1. grpo: from −0.58 to +1.73,'
    """

    STATE = TableState
    PRESETS: ClassVar = {
        "One winner": TableState(r=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        "One loser": TableState(r=(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)),
        "HA-DW": TableState(first="dr_grpo", second="grpo", third="ha_dw"),
        "Graded rewards": TableState(r=(0.6, 0.6, 0.6, 0.9, 0.5, 0.6, 0.1, 0.6)),
        "Neighbours": TableState("mapo", "maxrl", "grpo_n", r=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        "Long responses": TableState(
            "dr_grpo", "opo", "canon", r=(1.0, 0, 0, 1.0, 0, 0, 0, 1.0), x=(0.1, 0.0, 0.1, 0.2, 0.9, 1.0, 0.8, 0.9)
        ),
        "A reference": TableState("grpo", "aapo", "gdpo", r=(1.0,) * 8, x=(1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0)),
        "All alike": TableState(r=(1.0,) * 8, third="reinforce_plus_plus"),
    }
    LEADING: ClassVar = ("first", "second", "third")
    CLAIMS: ClassVar = (
        "estimators.sum-zero",
        "estimators.equal-rewards",
        "qae.after-the-fact",
        "qae.outliers",
        "digest.lone-winner",
    )

    def show(self, state: TableState) -> Picture:
        """Bars for each estimator, response by response."""
        names = (state.first, state.second, state.third)
        error = error_among(state.r, state.verifier)
        rows = {name: advantages(state, name) for name in names}
        x = np.arange(1.0, 9.0)
        looks = looks_of(list(rows))
        # Most estimators keep to one axis: they are to be compared.
        every = [advantages(state.with_(verifier=kind), name) for kind in VERIFIER for name in names]
        reach = max(3.5, 1.15 * float(np.abs(every).max()))
        rewards = Panel(
            "Rewards",
            "",
            "",
            (0.4, 8.6),
            (-0.12, 1.3),
            (Bars(x, judged(state.r, state.verifier), MUTED, "reward", 0.5),),
            tuple((i, str(int(i))) for i in x),
            weight=0.5,
            touches=(Touch("r", "flip", offset=-1.0),),
        )
        if error is not None:
            mark = Points(
                x[[error]],
                judged(state.r, state.verifier)[[error]],
                WRONG,
                "the verifier's error",
                "diamond",
                16,
                False,
            )
            rewards = replace(rewards, layers=(*rewards.layers, mark))
        shown = tuple(
            Points(x + 0.2 * (place - 1), row, looks[name].light, name, looks[name].marker, 14)
            for place, (name, row) in enumerate(rows.items())
        )
        advantage = Panel(
            "Advantages",
            "response",
            "advantage",
            (0.4, 8.6),
            (-reach, reach),
            (GuideLine(0.0, "y", BASELINE), *shown),
            tuple((i, str(int(i))) for i in x),
        )
        said = [
            f"{name}: from {written(row.min())} to {written(row.max())}, {int((row == 0).sum())} exactly zero, "
            f"sum {written(row.sum())}"
            for name, row in rows.items()
        ]
        rewards_said = ", ".join(f"{r:g}" for r in judged(state.r, state.verifier))
        if error is not None:
            gets = ", ".join(f"{written(float(row[error]))} under {name}" for name, row in rows.items())
            said.append(f"response {error + 1} is a {state.verifier.replace('_', ' ')}: it gets {gets}")
        also = [
            f"{name}: {INPUTS[need].drawn}" for name in rows for need in ESTIMATORS[name].inputs if INPUTS[need].drawn
        ]
        if also:
            drawn = Points(x + 0.36, np.array(state.x), BASELINE, "x", "cross", 10)
            rewards = replace(rewards, layers=(*rewards.layers, drawn))
            said.append("x is " + ", ".join(also))
        return Picture((rewards, advantage), (f"Rewards {rewards_said}. {'; '.join(said)}.",), row=False)


def advantages(state: TableState, name: str) -> NDArray[np.float64]:
    """Advantages of the group under an estimator, in a batch with one other group."""
    seen = judged(state.r, state.verifier)
    rewards = np.array([seen, np.repeat([1.0, 0.0], [round(8 * state.other), 8 - round(8 * state.other)])])
    estimator = ESTIMATORS[name]
    options: dict[str, Any] = {key: getattr(state, key) for key in ("k", "mu") if key in estimator.parameters}
    also = np.array([state.x, (0.5,) * 8])
    made = {need: INPUTS[need].example for need in estimator.inputs}
    options |= {need: example(also) for need, example in made.items() if example is not None}
    if "anchor" in estimator.inputs:
        options["anchor"] = state.anchor
    if estimator.binary and set(seen.tolist()) - {0.0, 1.0}:
        raise ValueError(f"{name} is defined for rewards of 0 and 1 only")
    return np.asarray(estimator.advantages(rewards, **options)[0])
