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
from matplotlib.lines import Line2D
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
        file = io.BytesIO()
        drawn(picture, width, height).savefig(file, format="png")
    return file.getvalue()


def drawn(picture: Picture, width: float, height: float) -> Figure:
    """Draw a picture under Matplotlib's present settings, every text where it has room.

    Args:
        picture: Without tables.
        width: In inches.
        height: In inches.

    Returns:
        The figure.
    """
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
    # Only a layout tells how wide axes are; titles of several lines then ask for another one. Layouts take most time.
    engine: Any = figure.get_layout_engine()
    engine.execute(figure)
    fitted = [_fit(axes, panel) for axes, panel in zip(grid.ravel(), picture.panels, strict=True)]
    if any(fitted):
        engine.execute(figure)
    figure.set_layout_engine("none")
    return figure


def _fit(axes: Axes, panel: Panel) -> bool:
    """Break titles and names of axes into lines that fit, and leave out ticks whose texts would run into each other.

    Returns:
        Whether anything has changed.
    """
    room = axes.get_window_extent()
    title = axes.set_title(panel.title)  # Matplotlib has three, by where they stand
    for label, text, along in (
        (title, panel.title, room.width),
        (axes.xaxis.label, panel.x, room.width),
        (axes.yaxis.label, panel.y, room.height),
    ):
        label.set_text(_in_lines(label, text, along))
    every = 1
    if panel.xticks:
        widest = max(label.get_window_extent().width for label in axes.get_xticklabels())
        every = max(
            1, int(np.ceil((widest + 0.6 * float(axes.xaxis.label.get_fontsize())) * len(panel.xticks) / room.width))
        )
        axes.set_xticks(*zip(*panel.xticks[::every], strict=True))
    return every > 1 or any("\n" in label.get_text() for label in (title, axes.xaxis.label, axes.yaxis.label))


def _in_lines(label: Any, text: str, room: float) -> str:
    """Break a text at spaces so that each line fits; a word that is wider stays whole."""
    label.set_text(text)
    extent = label.get_window_extent()
    if max(extent.width, extent.height) <= room:
        return text
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        label.set_text(longer)
        extent = label.get_window_extent()
        if lines and max(extent.width, extent.height) > room:
            lines.append(word)
        else:
            lines = [*lines[:-1], longer]
    return "\n".join(lines)


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
        legend = axes.legend(loc="best", framealpha=0.9, fontsize="small")
        for handle in legend.legend_handles:
            if isinstance(handle, Line2D):
                handle.set_markersize(min(handle.get_markersize(), 12.0))


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
