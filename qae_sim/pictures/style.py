"""Colours that keep one meaning everywhere, and sizes that can be read from the last row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

# Okabe and Ito's colours, told apart by readers with any colour vision. Only those with a contrast of 3:1 on white.
CORRECT = "#0072B2"
"""Correct responses and positive advantages (blue)."""
WRONG = "#D55E00"
"""Wrong responses and negative advantages (vermillion)."""
BASELINE = "#000000"
"""The baseline of the estimator in question."""
OTHER = "#00735C"
"""Another estimator, for comparison: Okabe and Ito's green, darkened so that thin lines stand out."""
MEAN = OTHER
"""The mean baseline: GRPO and its kin."""
QUANTILE = "#6A3D9A"
"""The quantile baseline: QAE (violet)."""
THIRD = "#8C5A00"
"""A third thing to compare (ochre)."""
FOURTH = "#B0006D"
"""A fourth one (magenta)."""
MUTED = "#595959"
"""What gets no signal: advantages of exactly zero."""

Dash: TypeAlias = Literal["solid", "dashed", "dotted"]
Marker: TypeAlias = Literal["circle", "square", "diamond", "cross", "dash"]


@dataclass(frozen=True)
class Look:
    """How something is drawn everywhere: by Matplotlib, on a canvas and in a page.

    Attributes:
        light: Its colour on white, as ``#rrggbb``, with a contrast of at least 4.5:1.
        dark: Its colour on a dark page.
        dash: Its line.
        marker: Its points, so that no colour stands alone.
    """

    light: str
    dark: str
    dash: Dash = "solid"
    marker: Marker = "circle"


#: The looks of estimators that are compared with each other, by their names in the registry.
ESTIMATOR_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "grpo": Look(MEAN, "#3CC3A5"),
        "qae": Look(QUANTILE, "#BE9BEB", "dashed", "square"),
        "ha_dw": Look(THIRD, "#E0AA46", "dotted", "dash"),
        "rloo": Look(FOURTH, "#FF78BE", "dashed", "cross"),
        "dr_grpo": Look("#0A5F87", "#64BEE6", "dotted", "diamond"),
    }
)

#: Looks of what is no estimator.
MEANING_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "correct": Look(CORRECT, "#6CB8EE"),
        "wrong": Look("#B34700", "#FF9A57"),
        "baseline": Look(BASELINE, "#FFFFFF"),
        "muted": Look(MUTED, "#B4B4B4"),
    }
)

#: Matplotlib settings for a projector, for pictures about 1200 pixels wide.
LECTURE: dict[str, Any] = {
    "figure.dpi": 100,
    "font.size": 14,
    "axes.labelsize": 16,
    "axes.titlesize": 18,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 1.5,
    "lines.linewidth": 2.5,
    "lines.markersize": 8,
}


def tint(colour: str, share: float) -> str:
    """Mix a colour with white.

    Args:
        colour: As ``#rrggbb``.
        share: Share of the colour, in [0, 1].

    Returns:
        The mixture, as ``#RRGGBB``.

    Example:
        >>> tint("#0072B2", 0.5)
        '#80B8D8'
    """
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (channel - 255) * share):02X}" for channel in channels)
