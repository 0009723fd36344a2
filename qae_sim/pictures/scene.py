"""A picture as data: panels of lines, points, bars and words, drawn by Matplotlib here or by the browser there.

Numbers that depend on a slider which the browser moves by itself are tables over that slider's values. Nothing is
computed where pictures are drawn: it is looked up.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qae_sim.arrays import invalid


@dataclass(frozen=True)
class LookupTable:
    """Numbers for every position of some sliders.

    Attributes:
        values: One axis for each slider in ``over``, then the axes of what is looked up.
        over: Names of the sliders.
    """

    values: NDArray[np.float64]
    over: tuple[str, ...]

    def at(self, places: Mapping[str, int]) -> NDArray[np.float64]:
        """Look up, by the sliders' positions."""
        return np.asarray(self.values[tuple(places[name] for name in self.over)])


#: Numbers that are fixed, or looked up.
Data: TypeAlias = Any


@dataclass(frozen=True)
class Number:
    """A number within words.

    Attributes:
        value: The number, fixed or looked up; NaN reads "undefined".
        digits: Decimals.
        sign: Whether positive numbers get a plus.
    """

    value: Data
    digits: int = 2
    sign: bool = False


@dataclass(frozen=True)
class Pick:
    """One of several texts, by a number.

    Attributes:
        which: Its place in ``texts``, fixed or looked up.
        texts: The texts.
    """

    which: Data
    texts: tuple[str, ...]


#: Text with numbers in it.
Words: TypeAlias = tuple["str | Number | Pick", ...]


@dataclass(frozen=True)
class Line:
    """A curve; NaN leaves gaps.

    Attributes:
        x: Positions.
        y: Values.
        colour: Its colour, as ``#rrggbb``.
        label: Its name in the legend; empty for none.
        dash: ``"solid"``, ``"dashed"`` or ``"dotted"``.
        width: In points.
        until: How many points are drawn; None: all.
    """

    x: Data
    y: Data
    colour: str
    label: str = ""
    dash: str = "solid"
    width: float = 2.5
    until: Data = None


@dataclass(frozen=True)
class Points:
    """Markers; NaN leaves out.

    Attributes:
        x: Positions.
        y: Values.
        colour: Their colour.
        label: Their name in the legend.
        marker: ``"circle"``, ``"square"``, ``"cross"``, ``"diamond"`` or ``"dash"``.
        size: Diameter in points, one for all or one for each.
        filled: Whether they are filled, or rings.
        until: How many points are drawn; None: all.
    """

    x: Data
    y: Data
    colour: str
    label: str = ""
    marker: str = "circle"
    size: Data = 11.0
    filled: bool = True
    until: Data = None


@dataclass(frozen=True)
class Bars:
    """Bars from 0; NaN leaves out.

    Attributes:
        x: Centres.
        height: Heights.
        colour: Their colour.
        label: Their name in the legend.
        width: In units of x.
        hatched: Whether they are hatched, so that colour does not stand alone.
    """

    x: Data
    height: Data
    colour: str
    label: str = ""
    width: float = 0.8
    hatched: bool = False


@dataclass(frozen=True)
class Band:
    """The area between two curves.

    Attributes:
        x: Positions.
        low: Lower ends.
        high: Upper ends.
        colour: Its colour, drawn lightly.
        label: Its name in the legend.
    """

    x: Data
    low: Data
    high: Data
    colour: str
    label: str = ""


@dataclass(frozen=True)
class GuideLine:
    """A straight line across the panel.

    Attributes:
        at: Where, fixed or looked up; NaN draws nothing.
        along: ``"x"`` for a vertical line at an x, ``"y"`` for a horizontal one at a y.
        colour: Its colour.
        label: Its name in the legend.
        dash: As of :class:`Line`.
        width: In points.
    """

    at: Data
    along: str
    colour: str
    label: str = ""
    dash: str = "solid"
    width: float = 2.0


@dataclass(frozen=True)
class Note:
    """Words at a place.

    Attributes:
        x: Where.
        y: Where.
        words: What it says.
        colour: The words' colour.
        anchor: Which end of the words is at x: ``"left"``, ``"center"`` or ``"right"``.
    """

    x: Data
    y: Data
    words: Words
    colour: str = "#000000"
    anchor: str = "left"


@dataclass(frozen=True)
class Cells:
    """Words in boxes.

    Attributes:
        x: Left ends of the boxes.
        y: Their middles.
        width: Their widths.
        height: Their height.
        texts: What stands in them.
        colours: Their colours.
        chosen: Which of them have a thick frame.
    """

    x: Data
    y: Data
    width: Data
    height: float
    texts: tuple[str, ...]
    colours: tuple[str, ...]
    chosen: tuple[bool, ...]


#: Letters that are much narrower than most, and much wider, in em of the fonts that are used.
_NARROW, _WIDE = frozenset("fijlrt '.,?"), frozenset("mw+−=")


def room_of(word: str) -> float:
    """Width that a word takes, in em: boxes of words are made as wide as what is written in them.

    Args:
        word: The word.

    Returns:
        About its width, in a font without serifs.

    Example:
        >>> round(room_of("wait"), 2), round(room_of("mmm"), 2)
        (2.19, 2.7)
    """
    return sum(0.34 if letter in _NARROW else 0.9 if letter in _WIDE else 0.61 for letter in word)


#: Positions and names of ticks.
Ticks: TypeAlias = tuple[tuple[float, str], ...]

Layer: TypeAlias = Line | Points | Bars | Band | GuideLine | Note | Cells


@dataclass(frozen=True)
class Touch:
    """What touching a panel does; the control can be set beside the picture, too.

    Attributes:
        control: The control that is set.
        does: ``"drag"`` sets it to offset + factor · the place on the axis; ``"flip"`` turns one of a row of numbers,
            that at offset + factor · x, from its lower end to its upper one or back; ``"pick"`` sets it to the value of
            the box that is touched.
        along: The axis, ``"x"`` or ``"y"``.
        offset: See above.
        factor: See above.
        values: For ``"pick"`` the value of each box.
    """

    control: str
    does: str = "drag"
    along: str = "x"
    offset: float = 0.0
    factor: float = 1.0
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: What it shows.
        x: Name (and unit) of the horizontal axis.
        y: Name (and unit) of the vertical axis.
        xlim: Its ends.
        ylim: Its ends, fixed or looked up.
        layers: What is drawn, from back to front.
        xticks: Positions and names of the ticks, where numbers will not do.
        yticks: The same for the vertical axis.
        weight: Its share of the height, or of the width in a row.
        touches: What touching it does.
    """

    title: str
    x: str
    y: str
    xlim: tuple[float, float]
    ylim: Any
    layers: tuple[Layer, ...]
    xticks: Ticks = ()
    yticks: Ticks = ()
    weight: float = 1.0
    touches: tuple[Touch, ...] = ()

    def __post_init__(self) -> None:
        for name in ("xlim", "ylim"):
            ends = getattr(self, name)
            rows = (ends.values if isinstance(ends, LookupTable) else np.asarray(ends)).reshape(-1, 2)
            if not (rows[:, 0] < rows[:, 1]).all():
                raise invalid(name, rows.tolist(), "a lower and a higher end")


@dataclass(frozen=True)
class Picture:
    """Panels side by side or above each other, and what they show in words.

    Attributes:
        panels: One to three of them.
        words: What there is to see; also the text alternative.
        row: Whether the panels stand side by side.
    """

    panels: tuple[Panel, ...]
    words: Words
    row: bool = True

    def at(self, places: Mapping[str, int]) -> Picture:
        """The picture with everything looked up.

        Args:
            places: Position of each slider, by name.

        Returns:
            A picture without tables.
        """
        resolved: Picture = _resolved(self, places)
        return resolved

    def sentence(self, places: Mapping[str, int]) -> str:
        """What the picture shows, in words."""
        return spoken(self.words, places)


def _resolved(part: Any, places: Mapping[str, int]) -> Any:
    """Look up all tables within a picture."""
    if isinstance(part, LookupTable):
        return part.at(places)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{f.name: _resolved(getattr(part, f.name), places) for f in fields(part)})
    if isinstance(part, tuple):
        return tuple(_resolved(item, places) for item in part)
    return part


def spoken(words: Words, places: Mapping[str, int]) -> str:
    """Words with their numbers written out.

    Args:
        words: The words.
        places: Position of each slider, by name.

    Returns:
        The text.

    Example:
        >>> spoken(("p = ", Number(0.25, 2), ": ", Pick(1, ("easy", "hard"))), {})
        'p = 0.25: hard'
    """
    return "".join(_said(part, places) for part in words)


def _said(part: str | Number | Pick, places: Mapping[str, int]) -> str:
    """One part of some words."""
    if isinstance(part, str):
        return part
    found = part.value if isinstance(part, Number) else part.which
    # What is looked up is a float32 in the browser: near a half its text would be another one here.
    value = float(found.at(places).astype(np.float32) if isinstance(found, LookupTable) else found)
    if isinstance(part, Pick):
        return part.texts[round(value)]
    if np.isnan(value):
        return "undefined"
    return written(value, part.digits, plus=part.sign)


def written(value: float, digits: int = 2, *, plus: bool = True) -> str:
    """A number as words have it: a minus is a minus, not a hyphen, and what rounds to 0 has no sign.

    Args:
        value: The number, finite.
        digits: Decimals.
        plus: Whether positive numbers get a plus.

    Returns:
        The text.

    Example:
        >>> written(-0.5), written(0.25), written(-0.001)
        ('−0.50', '+0.25', '0.00')
        >>> written(13 / 16, 3)
        '+0.813'
    """
    # Halves go up, as in browsers: Python's own formats take the even digit.
    with localcontext(rounding=ROUND_HALF_UP):
        text = f"{Decimal(abs(float(value))):.{digits}f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+" if plus else "") + text


@dataclass(frozen=True)
class Packed:
    """A picture for the browser: a description, and all its numbers in one block of float32.

    Attributes:
        spec: Plain values; arrays are ``{"$": offset, "n": shape, "over": sliders}``.
        data: The numbers.
    """

    spec: dict[str, Any]
    data: bytes

    @property
    def text(self) -> str:
        """The numbers as text, for files."""
        return base64.b64encode(self.data).decode()


def pack(picture: Picture) -> Packed:
    """Bring a picture into the form that the browser draws.

    Args:
        picture: The picture, with its tables.

    Returns:
        Description and numbers.
    """
    # Numbers travel as bytes, outside the description: as JSON, tables over two sliders would be several times as large
    # and slow to read. float32 is finer than a pixel and than the decimals that words show.
    blocks: list[NDArray[np.float32]] = []
    filled = 0

    def plain(part: Any) -> Any:
        nonlocal filled
        if isinstance(part, LookupTable | np.ndarray):
            values = np.asarray(part.values if isinstance(part, LookupTable) else part, dtype=np.float32)
            over = part.over if isinstance(part, LookupTable) else ()
            # Sliders are the slow axes: what one position of all of them looks up is one contiguous piece.
            blocks.append(values.ravel())
            filled += values.size
            return {"$": filled - values.size, "n": list(values.shape), "over": list(over)}
        if is_dataclass(part) and not isinstance(part, type):
            # The view draws a layer with its method of this name, in lower case.
            return {"kind": type(part).__name__} | {f.name: plain(getattr(part, f.name)) for f in fields(part)}
        if isinstance(part, tuple | list):
            return [plain(item) for item in part]
        if isinstance(part, np.generic):
            return plain(part.item())
        if isinstance(part, float) and not np.isfinite(part):
            return None  # JSON has no NaN; the view reads it as NaN
        return part

    spec = plain(picture)
    return Packed(spec, np.concatenate(blocks).tobytes() if blocks else b"")


def sliders_of(picture: Picture) -> set[str]:
    """Names of the sliders that some table of a picture depends on."""
    return {name for table in _tables(picture) for name in table.over}


def _tables(part: Any) -> Iterator[LookupTable]:
    """All tables within a picture."""
    if isinstance(part, LookupTable):
        yield part
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from _tables(getattr(part, field.name))
    elif isinstance(part, tuple):
        for item in part:
            yield from _tables(item)


def axis_limits(
    low: float, high: float, values: Sequence[float] | NDArray[np.float64], room: float = 0.05
) -> tuple[float, float]:
    """Ends of an axis that holds some values with a little room.

    Args:
        low: What the axis reaches down to at least.
        high: What it reaches up to at least.
        values: Values to hold; NaN and infinities do not count.
        room: Share of the width to add where values go beyond.

    Returns:
        Both ends.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    least, most = (min(low, float(finite.min())), max(high, float(finite.max()))) if finite.size else (low, high)
    width = most - least
    return (least - room * width if least < low else low, most + room * width if most > high else high)
