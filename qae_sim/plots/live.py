"""A figure that is redrawn at the pace of a slider."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


class LiveFigure:
    """A figure of which most stays: the scenery is drawn once, the actors on top of it each time.

    Drawing ticks and labels takes most of the time of a picture, so the scenery is kept as pixels until its key
    changes.

    Attributes:
        size: Width and height of the picture in pixels.
    """

    def __init__(self, width: float, height: float, style: Any) -> None:
        """Make an empty figure.

        Args:
            width: Width in inches.
            height: Height in inches.
            style: Matplotlib settings, in force only while this figure draws.
        """
        self._style = style
        with mpl.rc_context(style):
            self._figure = Figure(figsize=(width, height))
            self._canvas = FigureCanvasAgg(self._figure)
        self.size: tuple[int, int] = self._canvas.get_width_height()
        self._key: Hashable = None
        self._scenery: Any = None

    def png(
        self, key: Hashable, scenery: Callable[[Figure], None], actors: Callable[[Figure], Iterable[Artist]]
    ) -> bytes:
        """Draw the figure.

        Args:
            key: Names the scenery (anything but None); equal keys mean equal sceneries.
            scenery: Fills the empty figure with axes, ticks, labels and what else stays.
            actors: Adds what moves to the axes and returns it, from back to front. It is removed after the drawing.

        Returns:
            The picture as PNG.
        """
        with mpl.rc_context(self._style):
            if key != self._key:
                self._figure.clear()
                scenery(self._figure)
                self._canvas.draw()
                self._scenery, self._key = self._canvas.copy_from_bbox(self._figure.bbox), key
            self._canvas.restore_region(self._scenery)
            for actor in actors(self._figure):
                actor.draw(self._canvas.get_renderer())
                actor.remove()
        picture = Image.fromarray(np.asarray(self._canvas.buffer_rgba())).convert("RGB")
        file = io.BytesIO()
        picture.save(file, "png", compress_level=1)
        return file.getvalue()
