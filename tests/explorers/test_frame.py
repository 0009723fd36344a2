"""The frame of all explorers, over all presets: axes, colours, numbers, what is hidden, and where time starts."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")

from qae_sim.explorers import EntropyCovariance, Explorer
from qae_sim.explorers.state import State
from qae_sim.pictures.scene import Line, Picture
from qae_sim.site.explorers import explorers_with_pages

EXPLORERS: tuple[type[Explorer[Any]], ...] = explorers_with_pages()


@cache
def picture(kind: type[Explorer[Any]], state: State) -> Picture:
    return kind(state).picture()


#: What sets the axis of an explorer, where presets are not to be compared.
AXES = {
    "EntropyCovariance": "the arms' panel by the policy, the others by whether changes are small",
    "EstimatorTable": "lengths as a second signal go far beyond what other estimators give",
    "Proposition42": "the inequalities: one scale for all updates, whatever it is",
    "KeyTokens": "boxes of words",
    "Solutions": "boxes of words, and what colours them",
    "Trial": "questions of their own, each in its setting and with its margin",
}


def test_axes_stay_from_preset_to_preset() -> None:
    for kind in EXPLORERS:
        seen: dict[tuple[str, ...], set[tuple[float, ...]]] = {}
        for state in kind.PRESETS.values():
            for panel in picture(kind, state).panels:
                ends = tuple(np.round(np.ravel(panel.ylim), 3).tolist())
                seen.setdefault((getattr(state, "view", ""), panel.title, panel.x, panel.y), set()).add(ends)
        changing = {key for key, ends in seen.items() if len(ends) > 1}
        assert bool(changing) == (kind.__name__ in AXES), (kind.__name__, changing)


def test_successes_rare_and_likely_are_on_one_axis() -> None:
    """Lesson 17 opens one after the other."""
    rare, likely = (EntropyCovariance(EntropyCovariance.PRESETS[name]) for name in ("Rare success", "Likely success"))
    assert [panel.ylim for panel in rare.picture().panels[1:]] == [panel.ylim for panel in likely.picture().panels[1:]]


def test_an_estimator_has_one_colour_and_one_line_everywhere() -> None:
    looks: dict[str, set[tuple[str, str]]] = {}
    for kind in EXPLORERS:
        for state in kind.PRESETS.values():
            for panel in picture(kind, state).panels:
                for layer in panel.layers:
                    if isinstance(layer, Line) and layer.label:
                        looks.setdefault(layer.label.replace("= 0.", "= ."), set()).add((layer.colour, layer.dash))
    assert {"GRPO", "HA-DW", "QAE", "QAE, K = .8", "mean"} <= set(looks)
    assert [label for label, found in looks.items() if len(found) > 1] == []


def test_no_raw_floats() -> None:
    for kind in EXPLORERS:
        for name, state in kind.PRESETS.items():
            explorer = kind(state)
            assert not re.search(r"\d\.\d{5}|\d{7}", explorer.words()), (kind.__name__, name)
            assert not re.search(r"\d\.\d{5}|\de-", explorer.permalink()), (kind.__name__, name)


def test_presets_that_lead_into_what_is_hidden_are_hidden() -> None:
    """Of every explorer, for every control that may be hidden."""
    hidden = 0
    for kind in EXPLORERS:
        first = kind.STATE()
        for control in first.controls():
            shown = kind(hide=[control]).spec["presets"]
            led = [name for name, state in kind.PRESETS.items() if getattr(state, control) == getattr(first, control)]
            assert list(shown) == led
            hidden += len(kind.PRESETS) - len(led)
    assert hidden > 50


def test_time_starts_at_the_end_so_that_play_goes_to_the_start() -> None:
    timed = [kind for kind in EXPLORERS if kind.TIME]
    assert {"KalmanAnchorExplorer", "LengthRuns", "RecordedRuns", "TRLRuns"} <= {kind.__name__ for kind in timed}
    for kind in timed:
        for state in (kind.STATE(), *kind.PRESETS.values()):
            assert getattr(state, kind.TIME) == state.end_of(kind.TIME)
