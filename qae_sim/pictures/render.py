"""Pictures by Matplotlib: what stands in where no browser draws, and what goes into files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from qae_sim.pictures.scene import Band, Bars, Cells, GuideLine, Line, Note, Panel, Picture, Points, spoken
from qae_sim.pictures.style import LECTURE

_MARKERS = {"circle": "o", "square": "s", "cross": "X", "diamond": "D", "dash": "_"}


def png(picture: Picture, *, width: float = 12.0, height: float = 6.4, style: dict[str, Any] | None = None) -> bytes:
    """Draw a picture.

    Args:
        picture: Without tables, see :meth:`~qae_sim.pictures.scene.Picture.at`.
        width: In inches.
        height: In inches.
        style: Matplotlib settings; None: those for a projector.

    Returns:
        The picture as PNG.
    """
    settings: Any = style or LECTURE
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        weights = [panel.weight for panel in picture.panels]
        count = len(weights)
        if picture.row:
            grid = figure.subplots(1, count, squeeze=False, gridspec_kw={"width_ratios": weights})
        else:
            grid = figure.subplots(count, 1, squeeze=False, gridspec_kw={"height_ratios": weights})
        for axes, panel in zip(grid.ravel(), picture.panels, strict=True):
            _draw(axes, panel)
        file = io.BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


def _draw(axes: Axes, panel: Panel) -> None:
    """Draw one panel."""
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_xlim(*panel.xlim)
    axes.set_ylim(*panel.ylim)
    for ticks, put in ((panel.xticks, axes.set_xticks), (panel.yticks, axes.set_yticks)):
        if ticks:
            put([place for place, _ in ticks], [name for _, name in ticks])
    axes.grid(color="#E5E5E5", linewidth=1)
    axes.set_axisbelow(True)
    for layer in panel.layers:
        _LAYERS[type(layer)](axes, layer)
    if any(getattr(layer, "label", "") for layer in panel.layers):
        axes.legend(loc="best", framealpha=0.9, fontsize="small")


def _line(axes: Axes, layer: Line) -> None:
    x, y = _both(layer.x, layer.y, layer.until)
    axes.plot(x, y, color=layer.colour, label=layer.label or None, linestyle=layer.dash,
              linewidth=layer.width)  # fmt: skip


def _points(axes: Axes, layer: Points) -> None:
    x, y = _both(layer.x, layer.y, layer.until)
    one_each = np.broadcast(np.atleast_1d(layer.x), np.atleast_1d(layer.y)).shape
    sizes = np.broadcast_to(np.asarray(layer.size, dtype=float), one_each)[: len(x)]
    together = [slice(None)] if len(set(sizes.tolist())) <= 1 else [slice(i, i + 1) for i in range(len(x))]
    for place, part in enumerate(together):
        axes.plot(
            x[part], y[part], _MARKERS[layer.marker], color=layer.colour,
            label=(layer.label or None) if place == 0 else None, markersize=sizes[part][0] if len(x) else 11.0,
            markerfacecolor=layer.colour if layer.filled else "none", markeredgewidth=2,
        )  # fmt: skip


def _bars(axes: Axes, layer: Bars) -> None:
    x, height = _both(layer.x, layer.height)
    axes.bar(
        x, height, layer.width, color=layer.colour, label=layer.label or None, hatch="///" if layer.hatched else "",
        edgecolor="black", linewidth=1,
    )  # fmt: skip


def _band(axes: Axes, layer: Band) -> None:
    axes.fill_between(
        np.asarray(layer.x), np.asarray(layer.low), np.asarray(layer.high), color=layer.colour, alpha=0.2,
        label=layer.label or None, linewidth=0,
    )  # fmt: skip


def _guide_line(axes: Axes, layer: GuideLine) -> None:
    at = float(layer.at)
    if np.isfinite(at):
        put = axes.axvline if layer.along == "x" else axes.axhline
        put(at, color=layer.colour, label=layer.label or None, linestyle=layer.dash, linewidth=layer.width)


def _note(axes: Axes, layer: Note) -> None:
    axes.text(float(layer.x), float(layer.y), spoken(layer.words, {}), color=layer.colour, ha=layer.anchor, va="center")


def _cells(axes: Axes, layer: Cells) -> None:
    for x, y, width, text, colour, chosen in zip(
        layer.x, layer.y, layer.width, layer.texts, layer.colours, layer.chosen, strict=True
    ):
        box = Rectangle((x, y - layer.height / 2), width, layer.height, facecolor=colour, edgecolor="black",
                        linewidth=3 if chosen else 0.5)  # fmt: skip
        axes.add_patch(box)
        axes.text(x + width / 2, y, text, ha="center", va="center", fontsize="small")


def _both(x: Any, y: Any, until: Any = None) -> tuple[Any, Any]:
    """Positions and values of equal length, as many as are drawn."""
    count = None if until is None else int(until)
    one, other = np.broadcast_arrays(np.atleast_1d(x), np.atleast_1d(y))
    return one[:count], other[:count]


_LAYERS: dict[type, Callable[[Axes, Any], None]] = {
    Line: _line,
    Points: _points,
    Bars: _bars,
    Band: _band,
    GuideLine: _guide_line,
    Note: _note,
    Cells: _cells,
}
