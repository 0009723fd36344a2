"""Stills of explorers, as handouts and viewers without JavaScript show them: texts neither overlap nor are cut off."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")
pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

from qae_sim.explorers import Explorer
from qae_sim.pictures.render import drawn
from qae_sim.pictures.scene import Line, Panel, Picture
from qae_sim.pictures.style import LECTURE
from qae_sim.site.explorers import explorers_with_pages

CASES = [(kind, name) for kind in explorers_with_pages() for name in kind.PRESETS]


def texts_of(figure: Figure) -> Iterator[Text]:
    """What can be read: titles, names of axes, ticks within the axes, words in the picture, and legends."""
    for axes in figure.axes:
        # Titles, of which Matplotlib has three, and words in the picture are children of the axes.
        yield from (child for child in axes.get_children() if isinstance(child, Text))
        yield from (axes.xaxis.label, axes.yaxis.label)
        for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            slack = 1e-9 * (ends[1] - ends[0])
            yield from (t.label1 for t in axis.get_major_ticks() if ends[0] - slack <= t.get_loc() <= ends[1] + slack)
        legend = axes.get_legend()
        yield from legend.get_texts() if legend else ()


def faults_of(picture: Picture) -> list[tuple[str, ...]]:
    """Texts that reach out of the picture, and pairs that lie over each other by more than their margins."""
    with mpl.rc_context(LECTURE):
        figure = drawn(picture, 12.0, 6.4)
        figure.draw_without_rendering()
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(figure) if text.get_text().strip()]
    wide, high = figure.bbox.width, figure.bbox.height
    found: list[tuple[str, ...]] = [
        ("outside", text) for text, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > wide + 1 or b.y1 > high + 1
    ]
    for (one, b), (other, c) in itertools.combinations(boxes, 2):
        if min(b.x1, c.x1) - max(b.x0, c.x0) > 3 and min(b.y1, c.y1) - max(b.y0, c.y0) > 3:
            found.append(("overlap", one, other))
    return found


@pytest.mark.share(0.2)
@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}-{name}" for kind, name in CASES])
def test_texts_of_a_still_have_room(kind: type[Explorer[Any]], name: str) -> None:
    assert faults_of(kind(kind.PRESETS[name]).picture()) == []


def three(title: str, ticks: tuple[tuple[float, str], ...] = ()) -> Picture:
    line = Line(np.arange(2.0), np.arange(2.0), "#000000")
    return Picture((Panel(title, "x", "y", (0, 1), (0, 1), (line,), ticks),) * 3, ())


def test_long_titles_of_three_panels_are_broken_and_crowded_ticks_left_out() -> None:
    title = "A title that is much longer than a third of the picture is wide"
    ticks = tuple((i / 20, f"a word {i}") for i in range(21))
    with mpl.rc_context(LECTURE):
        figure = drawn(three(title, ticks), 12.0, 6.4)
    for axes in figure.axes:
        assert "\n" in axes.get_title(loc="left")
        assert axes.get_title(loc="left").split() == title.split()
        assert 2 <= len(axes.get_xticklabels()) < 21
    assert faults_of(three(title, ticks)) == []


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself, where nothing is fitted."""
    monkeypatch.setattr("qae_sim.pictures.render._fit", lambda axes, panel: False)
    found = faults_of(three("A title that is much longer than a third of the picture is wide"))
    assert {fault[0] for fault in found} == {"outside", "overlap"}
