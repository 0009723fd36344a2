"""The trial's runs under two losses: whether small language models get longer where the theorem says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, whole
from qae_sim.lm.protocols import ArmComparison, judge, read, recorded
from qae_sim.lm.runs import Record
from qae_sim.pictures.scene import (
    Band,
    GuideLine,
    Layer,
    Line,
    LookupTable,
    Number,
    Panel,
    Picture,
    Points,
    Touch,
    Words,
    axis_limits,
)
from qae_sim.pictures.style import MUTED, looks_of

#: Settings of the trial: the same task under two losses.
LOSSES = {"lengths": "GRPO's 1/|o|", "learned": "Mean over the batch's tokens"}
#: The arms that were trained under both.
ARMS = ("mean", "QAE, K = .8", "QAE, K = .2")
#: QAE's arms, in a few words.
_SHORT = {"QAE, K = .8": "K = .8", "QAE, K = .2": "K = .2"}
#: What is drawn: its name, its unit, and how many digits it is written with.
MEASURES = {
    "length": ("tokens of a response", "tokens", 1),
    "pass_1": ("pass@1 on held-out prompts", "", 2),
    "fixed_entropy": ("entropy on fixed states", "nats", 2),
}
#: Batches of a run.
BATCHES = 100
_TIME = np.arange(BATCHES + 1.0)


@dataclass(frozen=True)
class LengthRunsState(State):
    """What is drawn, and up to which batch."""

    measure: str = choice("length", "What is drawn", {name: text for name, (text, *_) in MEASURES.items()})
    batch: int = whole(BATCHES, "Batch", 0, BATCHES, local=True)


class LengthRuns(Explorer[LengthRunsState]):
    """Trainings of small language models, with the mean and with QAE at K = .8 and .2, under two losses.

    Example:
        >>> LengthRuns.from_state("batch=0").words()[:32]
        'At batch 0, tokens of a response'
    """

    STATE = LengthRunsState
    TIME = "batch"
    PRESETS: ClassVar = {
        "Length": LengthRunsState(),
        "Success": LengthRunsState("pass_1"),
        "Entropy": LengthRunsState("fixed_entropy"),
    }
    LEADING: ClassVar = ("measure", "batch")
    CLAIMS: ClassVar = ("qae.length-pressure-by-k", "estimators.length-pressure-size")

    def show(self, state: LengthRunsState) -> Picture:
        """One measure under both losses."""
        drawn = {loss: {arm: curve(loss, arm, state.measure) for arm in ARMS} for loss in LOSSES}
        return Picture(tuple(panel(loss, state, drawn) for loss in LOSSES), words(state, drawn))


@dataclass(frozen=True)
class MeasuredCurve:
    """A measure over the batches at which it was taken.

    Attributes:
        batches: Those batches, ``(N,)``.
        values: By seed, ``(seeds, N)``.
    """

    batches: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over seeds, ``(N,)``."""
        return np.asarray(np.nanmean(self.values, axis=0))

    @property
    def last(self) -> NDArray[np.int64]:
        """For each batch the place of the last measurement up to it; of the first one where there is none yet."""
        return np.maximum(np.searchsorted(self.batches, _TIME, side="right") - 1, 0)


@lru_cache(maxsize=1)
def _trial() -> Record:
    """The runs of all arms under both losses."""
    protocol, record = read("main"), recorded("main")
    wanted = {repr(run) for loss in LOSSES for arm in ARMS for run in protocol.runs(loss, arm)}
    return record.take([place for place, config in enumerate(record.configs) if repr(config) in wanted])


@lru_cache(maxsize=32)
def curve(loss: str, arm: str, measure: str) -> MeasuredCurve:
    """Find a measure of an arm.

    Args:
        loss: A setting of the trial, see :data:`LOSSES`.
        arm: See :data:`ARMS`.
        measure: See :data:`MEASURES`.

    Returns:
        Its curve.
    """
    record, wanted = _trial(), {repr(run) for run in read("main").runs(loss, arm)}
    values = record[measure][[place for place, config in enumerate(record.configs) if repr(config) in wanted]]
    known = np.flatnonzero(~np.isnan(values).all(axis=0))
    return MeasuredCurve(known.astype(float), values[:, known])


@lru_cache(maxsize=1)
def differences() -> dict[tuple[str, str, str], ArmComparison]:
    """Differences from the mean over a run, paired by seed, by loss, arm and measure.

    Intervals are the protocol's. Its verdicts and p-values are not for use: they hang on all arms of a setting.
    """
    found = judge(read("main"), _trial())
    return {(f.setting, f.arm, f.quantity[:-5]): f for f in found if f.quantity.endswith(", run")}


def panel(loss: str, state: LengthRunsState, drawn: dict[str, dict[str, MeasuredCurve]]) -> Panel:
    """Draw all arms under one loss: mean over seeds, and the range of all of them."""
    layers: list[Layer] = [GuideLine(LookupTable(_TIME, ("batch",)), "x", MUTED, dash="dotted")]
    for arm, found in drawn[loss].items():
        look = looks_of(ARMS)[arm]
        here = (found.batches[found.last], found.mean[found.last])
        x, y = (LookupTable(values[:, None], ("batch",)) for values in here)
        low, high = np.nanmin(found.values, axis=0), np.nanmax(found.values, axis=0)
        layers += [
            Band(found.batches, low, high, look.light),
            Line(found.batches, found.mean, look.light, arm, look.dash),
            Points(x, y, look.light, marker=look.marker, size=9.0),
        ]
    # One axis for both losses: they are to be compared.
    every = np.concatenate([found.values.ravel() for arms in drawn.values() for found in arms.values()])
    limits = axis_limits(0.0, 0.1, every[~np.isnan(every)])
    text, unit, _ = MEASURES[state.measure]
    name = f"{text}, {unit}" if unit and unit not in text else text
    return Panel(LOSSES[loss], "batch", name, (0.0, 1.02 * BATCHES), limits, tuple(layers), touches=(Touch("batch"),))


def words(state: LengthRunsState, drawn: dict[str, dict[str, MeasuredCurve]]) -> Words:
    """Say where the arms are, and by how much they differ over the run."""
    text, unit, digits = MEASURES[state.measure]
    said: list[str | Number] = ["At batch ", Number(LookupTable(_TIME, ("batch",)), 0), f", {text}: "]
    names = ("the mean ", *(f", {name}: " for name in _SHORT.values()))
    for loss, arms in drawn.items():
        said.append("with 1/|o| " if loss == "lengths" else "; with the token mean: ")
        for i, found in enumerate(arms.values()):
            here = Number(LookupTable(found.mean[found.last], ("batch",)), digits)
            said += [names[i] if loss == "lengths" else ", " * (i > 0), here]
    seeds, parts = len(next(iter(drawn["lengths"].values())).values), []
    for arm, name in _SHORT.items():
        gaps = (differences()[loss, arm, state.measure] for loss in LOSSES)
        own, shared = (f"{gap.mean:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]".replace("-", "−") for gap in gaps)
        parts.append(f"{name}: {own} and {shared}")
    said.append(
        f". Over the run QAE less the mean{', ' + unit if unit else ''}, with 1/|o| and with the token mean: "
        f"{'; '.join(parts)}. Bands hold all {seeds} seeds."
    )
    return tuple(said)
