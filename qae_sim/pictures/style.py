"""Colours that keep one meaning everywhere, and sizes that can be read from the last row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

# Okabe and Ito's colours, told apart by readers with any colour vision. Only those with a contrast of 3:1 on white.
CORRECT = "#0072B2"
"""Correct responses and positive advantages (blue)."""
WRONG = "#B34700"
"""Wrong responses and negative advantages: Okabe and Ito's vermillion, darkened so that it can be read as text."""
BASELINE = "#000000"
"""The baseline of the estimator that is drawn."""
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

#: Looks of recipes that lessons compare with those, by their names in legends. What never stands beside each other may
#: share a colour; nothing shares that of an estimator above.
RECIPE_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "K = .2": Look("#8E4EC6", "#D2A8F5", "dotted", "cross"),
        "K = .4": ESTIMATOR_LOOKS["qae"],
        "K = .6": Look("#54308C", "#A98BE8", "solid", "diamond"),
        "K = .8": Look("#34185E", "#9474DC", "solid", "circle"),
        "POS-MASK": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "NEG-MASK": Look("#4F6B1F", "#A9CC66", "solid", "diamond"),
        "b = 0": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "b = 1": Look("#4F6B1F", "#A9CC66", "dashed", "diamond"),
        "K from .2 to .8": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "K from .8 to .2": Look("#4F6B1F", "#A9CC66", "solid", "diamond"),
        "K .2, then .6": Look("#3D5A80", "#8FB5E6", "dotted", "circle"),
        "by success rate": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "by entropy": Look("#4F6B1F", "#A9CC66", "solid", "diamond"),
        "0.6 to 0.4": Look("#3D5A80", "#8FB5E6", "dotted", "circle"),
        "MaxRL": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "MAPO": Look("#4F6B1F", "#A9CC66", "dashed", "diamond"),
        "AAPO": Look("#3D5A80", "#8FB5E6", "dotted", "circle"),
        "CAPO": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "GRPO-N": Look("#4F6B1F", "#A9CC66", "dashed", "diamond"),
        "grpo_passk": Look("#3D5A80", "#8FB5E6", "dotted", "circle"),
        "OPO": Look("#A3402B", "#F0907B", "dotted", "cross"),
        "CANON": Look("#4F6B1F", "#A9CC66", "dashed", "diamond"),
        "VERL": Look("#3D5A80", "#8FB5E6", "dotted", "circle"),
        "KTAE": Look("#A3402B", "#F0907B", "dashed", "cross"),
    }
)

#: What else names one of the estimators in a legend, such as "mean, Clip-Higher" or "GSPO + QAE"; the first that fits.
_WORDS = (
    *(("HA-DW", "ha_dw"), ("QAE", "qae"), ("RLOO", "rloo"), ("Dr. GRPO", "dr_grpo"), ("GRPO", "grpo")),
    *(("mean", "grpo"), ("b = p", "grpo")),
)

_PLAIN = Look(BASELINE, "#FFFFFF")
#: For what has no look of its own, in this order.
_SPARE = (RECIPE_LOOKS["MaxRL"], RECIPE_LOOKS["MAPO"], RECIPE_LOOKS["AAPO"])

#: Looks of what is no estimator.
MEANING_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "correct": Look(CORRECT, "#6CB8EE"),
        "wrong": Look(WRONG, "#FF9A57"),
        "baseline": Look(BASELINE, "#FFFFFF"),
        "muted": Look(MUTED, "#B4B4B4"),
    }
)


def look_of(name: str) -> Look:
    """Find how a recipe is drawn, wherever it is drawn.

    Args:
        name: An estimator's name, or a recipe's as legends have it; numbers may begin with a 0.

    Returns:
        Its look; that of the baseline for what has none.

    Example:
        >>> look_of("QAE, Clip-Higher") == look_of("qae") == look_of("K = 0.4")
        True
        >>> look_of("QAE, K = .8") == look_of("K = 0.8")
        True
    """
    plain = name.replace("= 0.", "= .").removeprefix("QAE, ")
    for table in (ESTIMATOR_LOOKS, RECIPE_LOOKS):
        if plain in table:
            return table[plain]
    return next((ESTIMATOR_LOOKS[key] for word, key in _WORDS if word in name), _PLAIN)


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """Find how recipes are drawn beside each other: each in its own colour, those of one colour by different lines.

    Args:
        names: Their names, as for :func:`look_of`.

    Returns:
        Looks by name.

    Example:
        >>> [(look.light, look.dash) for look in looks_of(["mean", "mean, Clip-Higher"]).values()]
        [('#00735C', 'solid'), ('#00735C', 'dashed')]
    """
    found: dict[str, Look] = {}
    for name in names:
        look = look_of(name)
        if look == _PLAIN:
            look = next((other for other in _SPARE if other not in found.values()), _PLAIN)
        used = {other.dash for other in found.values() if other.light == look.light}
        lines: tuple[Dash, ...] = (look.dash, "solid", "dashed", "dotted")
        found[name] = replace(look, dash=next((dash for dash in lines if dash not in used), look.dash))
    return found


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
