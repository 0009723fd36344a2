"""A small Qwen3 trained by TRL: the recorded runs side by side, without PyTorch or TRL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.engines.demo.trl_runs import EVERY, STEPS, curve, recorded
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, whole
from qae_sim.pictures.scene import (
    Band,
    GuideLine,
    Layer,
    Line,
    LookupTable,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    Touch,
    Words,
    axis_limits,
)
from qae_sim.pictures.style import MUTED, looks_of

MEASURES = {
    "pass_1": "pass@1 on held-out prompts",
    "pass_8": "pass@8 on held-out prompts",
    "reward": "reward on training prompts",
    "entropy": "entropy of a token, nats",
    "zero_share": "share of zero advantages",
    "clip_high": "share clipped above",
    "length": "tokens of a response",
    "gradient_norm": "gradient norm",
}
_COMPARED = {
    "warm": {"mean": "mean", "QAE": "QAE", "HA-DW": "HA-DW"},
    "cold": {
        "mean, no warm-up": "mean, 3e-4 at once",
        "QAE, no warm-up": "QAE, 3e-4 at once",
        "mean": "mean, 1e-4 warmed up",
    },
}


@dataclass(frozen=True)
class TRLRunsState(State):
    """What is compared, and what is drawn."""

    what: str = choice("warm", "Compare", {"warm": "Mean, QAE, HA-DW", "cold": "Without warm-up"})
    left: str = choice("pass_1", "Left picture", MEASURES)
    right: str = choice("entropy", "Right picture", MEASURES)
    step: int = whole(STEPS, "Step", 0, STEPS, local=True)


class TRLRuns(Explorer[TRLRunsState]):
    """Training curves of the recorded runs: mean over seeds, each with a base model of its own, and their range.

    Example:
        >>> TRLRuns.from_state("what=warm&left=zero_share").words()[:43]
        'At step 120: mean: share of zero advantages'
    """

    STATE = TRLRunsState
    PRESETS: ClassVar = {
        "pass@1 and entropy": TRLRunsState(),
        "80 % silent": TRLRunsState("warm", "zero_share", "reward"),
        "Nothing is clipped": TRLRunsState("warm", "clip_high", "gradient_norm"),
        "No warm-up": TRLRunsState("cold", "pass_1", "entropy"),
    }
    TIME = "step"
    LEADING: ClassVar = ("what", "step")
    CLAIMS: ClassVar = ("qae.accuracy", "ha-dw.accuracy")

    def show(self, state: TRLRunsState) -> Picture:
        """Two measures of the same runs."""
        return Picture((_panel(state.left, state.what), _panel(state.right, state.what)), _told(state))


def _at(recipe: str, measure: str) -> NDArray[np.float64]:
    """Mean over seeds at each step, or at the last one before it that was measured; NaN before the first."""
    steps, values = curve(recipe, measure)
    place = np.searchsorted(steps, np.arange(STEPS + 1), side="right") - 1
    return np.where(place < 0, np.nan, values.mean(axis=0)[np.maximum(place, 0)])


def _panel(measure: str, what: str) -> Panel:
    """Mean over seeds and their range, for each recipe, and where the slider is."""
    layers: list[Layer] = [GuideLine(LookupTable(np.arange(STEPS + 1.0), ("step",)), "x", MUTED, dash="dotted")]
    looks = looks_of(list(_COMPARED[what].values()))
    for recipe, name in _COMPARED[what].items():
        steps, values = curve(recipe, measure)
        colour, x = looks[name].light, steps.astype(float)
        layers.append(Band(x, values.min(axis=0), values.max(axis=0), colour))
        layers.append(Line(x, values.mean(axis=0), colour, name, looks[name].dash))
        at = _at(recipe, measure)
        here = np.where(np.isnan(at), np.nan, np.arange(STEPS + 1.0))
        layers.append(Points(LookupTable(here[:, None], ("step",)), LookupTable(at[:, None], ("step",)), colour))
    title = MEASURES[measure][0].upper() + MEASURES[measure][1:]
    # One axis for both comparisons: they are to be compared.
    every = [curve(recipe, measure)[1].ravel() for recipes in _COMPARED.values() for recipe in recipes]
    limits = axis_limits(0.0, 0.1, np.concatenate(every))
    # The last points are drawn whole.
    return Panel(title, "optimiser step", "", (0.0, 1.02 * STEPS), limits, tuple(layers), touches=(Touch("step"),))


def _told(state: TRLRunsState) -> Words:
    """Where each recipe is at the step of the slider, and where it started."""
    said: list[str | Number | Pick] = ["At step ", Number(LookupTable(np.arange(STEPS + 1.0), ("step",)), 0), ": "]
    for i, (recipe, name) in enumerate(_COMPARED[state.what].items()):
        said.append(("; " if i else "") + f"{name}: ")
        for j, measure in enumerate(dict.fromkeys((state.left, state.right))):
            values = _at(recipe, measure)
            digits = 3 if measure.startswith("clip") else 2
            first = values[~np.isnan(values)][0]
            said += [", " if j else "", f"{MEASURES[measure]} ", Number(LookupTable(values, ("step",)), digits)]
            said.append(f" (at first {first:.{digits}f})")
    seeds = len(curve(next(iter(_COMPARED[state.what])), state.left)[1])
    said.append(
        f". Means over {seeds} seeds, each with a base model of its own; bands hold all of them. Every {EVERY} steps "
        f"the model is tested on held-out prompts ({recorded()['about']['held_out']})."
    )
    return tuple(said)
