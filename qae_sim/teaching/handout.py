"""Handouts: one page of paper for each lesson."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qae_sim.explorers.derivations import derivation
from qae_sim.explorers.derivations.form import latex_formula
from qae_sim.explorers.predictions import (
    AnyPrediction,
    CurvePrediction,
    Prediction,
    SliderPrediction,
    prediction,
)
from qae_sim.storage import write_atomically
from qae_sim.teaching.material import Material

_WIDTH, _HEIGHT = 8.27, 11.69  # A4, in inches
_MARGIN = 0.7
_TEXT = "DejaVu Sans"
_MONO = ["DejaVu Sans Mono", "DejaVu Sans"]  # the second has signs that the first has not


def write_handouts(lessons: Sequence[Material], folder: Path) -> list[Path]:
    """Write a page for each lesson, as PDF: its predictions with room to draw, derivation, and exercise; no answer.

    Args:
        lessons: The lessons.
        folder: Folder for the pages; created if missing.

    Returns:
        The files.

    Raises:
        OSError: The folder cannot be written.
        ValueError: A lesson has more than fits on a page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        written.append(folder / f"{lesson.name}.pdf")
        write_atomically(written[-1], handout(lesson))
    return written


def handout(lesson: Material) -> bytes:
    """Set the page of a lesson.

    Args:
        lesson: The lesson.

    Returns:
        PDF, with its fonts inside.

    Raises:
        ValueError: It has more than fits on a page.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for size in (11.0, 10.0, 9.0, 8.5, 8.0, 7.5, 7.0):
        with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans", "mathtext.fontset": "dejavusans"}):
            figure = Figure(figsize=(_WIDTH, _HEIGHT))
            page = _Page(figure, FigureCanvasAgg(figure), size)
            page.fill(lesson)
            if page.y >= _MARGIN:
                file = io.BytesIO()
                figure.savefig(file, format="pdf", metadata={"Title": lesson.title, "CreationDate": None})
                return file.getvalue()
    raise ValueError(f"lesson {lesson.name!r} has more than fits on a page")


class _Page:
    """A page that is filled from above; ``y`` is where the next line goes, in inches from below."""

    def __init__(self, figure: Any, canvas: Any, size: float) -> None:
        self.figure, self.canvas, self.size = figure, canvas, size
        self.y = _HEIGHT - _MARGIN

    def fill(self, lesson: Material) -> None:
        """Set all of a lesson."""
        self.text(lesson.title, scale=1.8, bold=True)
        self.text("Name: ______________________________", after=0.12)
        for name in lesson.predictions:
            asked = prediction(name)
            self.text("Predict, before you look", bold=True, scale=1.15)
            self.text(asked.question)
            self.blank(asked)
        for name in lesson.derivations:
            shown = derivation(name)
            self.text(f"Derive: {shown.title}", bold=True, scale=1.15)
            for number, step in enumerate(shown.steps, 1):
                sides = " ".join(
                    f"${side}$".replace(r"\frac", r"\dfrac") for side in latex_formula(step.formula, shown.symbols)
                )
                self.text(f"{number}.  {sides}")
                self.text(step.why, indent=0.3, scale=0.9)
            self.space(0.1)
        exercise = lesson.part("Exercise")
        if exercise is not None:
            self.text(exercise.title, bold=True, scale=1.15)
            self.text(exercise.prose)
            for code in exercise.code[:1]:
                lines = [line for line in code.splitlines() if not line.startswith(("from ", "import ")) and line]
                for line in lines:
                    self.text(line, family=_MONO, scale=0.9)

    def blank(self, asked: AnyPrediction) -> None:
        """Leave a place for a prediction: boxes to tick, or axes to draw in."""
        if isinstance(asked, Prediction):
            for option in asked.options:
                self.text(f"□  {option}", indent=0.3)
            self.space(0.08)
            return
        flat = isinstance(asked, SliderPrediction)
        height = 0.15 if flat else 1.5
        self.y -= height + 0.08
        place = ((_MARGIN + 0.8) / _WIDTH, self.y / _HEIGHT, (_WIDTH - 2 * _MARGIN - 1.6) / _WIDTH, height / _HEIGHT)
        axes = self.figure.add_axes(place)
        axes.tick_params(labelsize=0.85 * self.size)
        words = {"fontsize": 0.9 * self.size}
        if isinstance(asked, SliderPrediction):
            axes.set(xlim=(asked.low, asked.high), yticks=[])
            axes.set_xlabel(asked.label, **words)
        else:
            axes.set_ylim(asked.low, asked.high)
            axes.grid(alpha=0.4)
            if isinstance(asked, CurvePrediction):
                axes.set_xlim(asked.places[0], asked.places[-1])
                axes.set_xlabel(asked.x, **words)
                axes.set_ylabel(asked.y, **words)
            else:
                axes.set_xlim(-0.5, len(asked.bars) - 0.5)
                axes.set_xticks(range(len(asked.bars)), asked.bars)
                axes.axhline(0, color="black", linewidth=0.8)
        self.y -= 0.5

    def space(self, inches: float) -> None:
        """Leave room."""
        self.y -= inches

    def text(
        self,
        words: str,
        *,
        scale: float = 1.0,
        bold: bool = False,
        indent: float = 0.0,
        after: float = 0.03,
        family: str | list[str] = _TEXT,
    ) -> None:
        """Set a text, broken into lines as wide as the page."""
        style = {"fontsize": self.size * scale, "weight": "bold" if bold else "normal", "family": family}
        for line in self._lines(_plain(words) if family == _TEXT else words.replace("$", r"\$"), style, indent):
            written = self.figure.text((_MARGIN + indent) / _WIDTH, self.y / _HEIGHT, line, va="top", **style)
            # Fractions are taller than letters.
            tall = written.get_window_extent(self.canvas.get_renderer()).height / self.figure.dpi
            self.y -= max(self.size * scale * 1.4 / 72, tall + 0.05)
        self.y -= after

    def _lines(self, words: str, style: dict[str, Any], indent: float) -> list[str]:
        """Break a text; a formula is one word."""
        room = (_WIDTH - 2 * _MARGIN - indent) * self.figure.dpi
        lines = [""]
        for word in re.findall(r"(?:\$[^$]*\$|\\\$|[^\s$])+|\n\n", words):
            if word == "\n\n":
                lines.append("")
                continue
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self._width(longer, style) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def _width(self, line: str, style: dict[str, Any]) -> float:
        label = self.figure.text(0, 0, line, **style)
        width = float(label.get_window_extent(self.canvas.get_renderer()).width)
        label.remove()
        return width


def _plain(source: str) -> str:
    """Take Markdown's marks away; formulas stay, in what Matplotlib can set."""
    pieces = re.split(r"(\$[^$]+\$)", source.replace("$$", "$"))
    for i in range(0, len(pieces), 2):
        piece = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", pieces[i])
        pieces[i] = re.sub(r"\*\*|`|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)", "", piece)
    for i in range(1, len(pieces), 2):
        pieces[i] = " ".join(pieces[i].split()).replace(r"\tfrac", r"\frac").replace(r"\le ", r"\leq ")
    return "".join(pieces)
