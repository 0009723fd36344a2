"""The quantile gate: a sorted group of rewards, the baseline that K picks from it, and the advantages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qae_sim.plots.live import LiveFigure
from qae_sim.plots.style import BASELINE, CORRECT, LECTURE, MUTED, OTHER, WRONG

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class GateResult:
    """What the picture shows; arrays have one entry per response, sorted from wrong to correct.

    Attributes:
        k: The quantile K.
        rewards: Rewards, 0 or 1.
        rank: Which of the sorted responses sets the baseline, counted from 1.
        baseline: Its reward, b_K.
        qae: Quantile advantages.
        grpo: Advantages of GRPO, for comparison.
    """

    k: float
    rewards: Floats
    rank: int
    baseline: float
    qae: Floats
    grpo: Floats


class GatePicture:
    """Draws the gate; one object serves all states of an explorer."""

    def __init__(self) -> None:
        self._live = LiveFigure(12, 6.4, LECTURE)
        self.size = self._live.size

    def png(self, result: GateResult) -> bytes:
        """Draw one state.

        Args:
            result: What to draw.

        Returns:
            The picture as PNG.
        """
        group = len(result.rewards)
        return self._live.png(group, lambda figure: _scenery(figure, group), lambda figure: _actors(figure, result))


def _scenery(figure: Figure, group: int) -> None:
    """Draw what depends on the size of the group alone."""
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 1.5]})
    figure.subplots_adjust(left=0.09, right=0.82, top=0.93, bottom=0.11, hspace=0.42)
    above.set_title("Rewards r of the group, sorted")
    above.set_ylim(-0.45, 1.45)
    above.set_yticks([0, 1], ["wrong 0", "correct 1"])
    above.set_xlim(0.5, group + 0.5)
    below.set_title("Advantages A: what each response teaches")
    # The largest advantage that a group of this size can have, in QAE or GRPO, is that of one response alone.
    reach = 1.15 * group / np.sqrt(group - 1)
    below.set_ylim(-reach, reach)
    below.axhline(0, color="black", linewidth=1)
    below.set_xlabel(f"response, 1 to {group}")
    below.set_xticks(range(1, group + 1) if group <= 20 else range(2, group + 1, 2))
    below.grid(axis="y", color="#DDDDDD", linewidth=1)
    below.set_axisbelow(True)
    above.tick_params(axis="x", length=0)
    _legend(below)


def _legend(axes: Axes) -> None:
    """Name the marks beside the axes, where nothing moves."""
    bar: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False, "edgecolor": "black", "linewidth": 1}
    entries = [("QAE, positive", CORRECT, ""), ("QAE, negative", WRONG, "///")]
    for row, (name, colour, hatch) in enumerate(entries):
        y = 0.9 - 0.15 * row
        axes.bar([1.035], [0.09], width=0.03, bottom=y - 0.045, color=colour, hatch=hatch, **bar)
        axes.text(1.065, y, name, transform=axes.transAxes, va="center")
    marks = [("QAE, exactly 0", "o", MUTED), ("GRPO", "_", OTHER)]
    for row, (name, marker, colour) in enumerate(marks, start=len(entries)):
        y = 0.9 - 0.15 * row
        axes.plot(
            [1.035], [y], marker, color=colour, markerfacecolor="white", markersize=11, markeredgewidth=2.5,
            transform=axes.transAxes, clip_on=False,
        )  # fmt: skip
        axes.text(1.065, y, name, transform=axes.transAxes, va="center")


def _actors(figure: Figure, result: GateResult) -> Iterator[Artist]:
    """Draw what moves, from back to front."""
    above, below = figure.axes
    yield from _gate(above, result)
    yield from _bars(below, result)


def _gate(axes: Axes, result: GateResult) -> Iterator[Artist]:
    """Draw the rewards, the line at K and the baseline that it picks."""
    group = len(result.rewards)
    x = np.arange(1, group + 1)
    cut = 0.5 + result.k * group
    yield axes.axvspan(0.5, cut, color="#EEEEEE", linewidth=0)
    yield axes.axhline(result.baseline, color=BASELINE, linestyle="--", linewidth=2)
    yield axes.axvline(cut, color=BASELINE, linewidth=2)
    # On the side of the line with more room.
    side, towards = (0.15, "left") if result.k < 0.5 else (-0.15, "right")
    yield axes.text(cut + side, 0.5, f"K·G = {result.k * group:.4g}", ha=towards, va="center")
    right = result.rewards == 1
    yield from axes.plot(x[~right], result.rewards[~right], "X", color=WRONG, markersize=13, markeredgecolor="white")
    yield from axes.plot(x[right], result.rewards[right], "o", color=CORRECT, markersize=13, markeredgecolor="white")
    yield from axes.plot(
        [result.rank], [result.baseline], "s", markerfacecolor="none", markeredgecolor=BASELINE, markersize=22,
        markeredgewidth=2.5, clip_on=False,
    )  # fmt: skip
    yield axes.text(
        1.015, result.baseline, f"baseline b = {result.baseline:.0f}", transform=axes.get_yaxis_transform(), va="center"
    )


def _bars(axes: Axes, result: GateResult) -> Iterator[Artist]:
    """Draw the advantages: bars, a ring where there is no bar, and GRPO's as lines across."""
    x = np.arange(1, len(result.qae) + 1)
    for chosen, colour, hatch in ((result.qae > 0, CORRECT, ""), (result.qae < 0, WRONG, "///")):
        yield from axes.bar(
            x[chosen], result.qae[chosen], 0.8, color=colour, hatch=hatch, edgecolor="black", linewidth=1
        )
    silent = result.qae == 0
    yield from axes.plot(
        x[silent], result.qae[silent], "o", color=MUTED, markerfacecolor="white", markersize=10, markeredgewidth=2.5
    )
    # White keeps GRPO's line apart from the bar it may lie on; the outline on top still shows where the bar ends.
    loud = ~silent
    yield axes.hlines(result.grpo[loud], x[loud] - 0.4, x[loud] + 0.4, color="white", linewidth=7)
    yield axes.hlines(result.grpo, x - 0.4, x + 0.4, color=OTHER, linewidth=3)
    yield from axes.bar(x[loud], result.qae[loud], 0.8, fill=False, edgecolor="black", linewidth=1)
