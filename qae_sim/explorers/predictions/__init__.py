"""Predictions of the lessons by name, so that no notebook shows an answer above its question.

``Predict("gate-1")`` asks one. Each lesson has a module here, called like its notebook without the number, with a
``PREDICTIONS`` of its own: names to functions that make the prediction, so that the package computes the truth when it
is asked for. A new module is added to ``_LESSONS`` below. There are four kinds:

- :class:`Prediction`: choose one of several answers. Each answer has its own explanation.
- :class:`SliderPrediction`: set a number.
- :class:`BarsPrediction`: drag two or more bars.
- :class:`CurvePrediction`: draw a curve.

The last three lay the truth over the answer once it is locked, and each takes ``slips``: what a misconception would
answer, with the hint that names it. All of them work without a kernel, from what ``spec()`` writes::

    {"kind": "choice", "question": text, "options": [text, ...], "answer": place, "why": [text, ...]}

    {"kind": "slider" | "bars" | "curve", "question": text, "labels": [text, ...],  # a label for each number
     "low": number, "high": number, "step": number, "digits": count,               # of the axis
     "truth": [number, ...], "near": number, "why": text,
     "slips": [{"answer": [number, ...], "hint": text}, ...],
     "x": text, "y": text, "places": [number, ...], "curve": [[x, y], ...]}         # of a curve only
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.explorers.predictions import (
    another_clock,
    electives,
    entropy_and_covariance,
    kalman_anchor,
    one_in_ten,
    proposition_4_2,
    the_baseline_cancels,
    the_gate,
    what_is_left,
)
from qae_sim.explorers.predictions.kinds import (
    AnyPrediction,
    BarsPrediction,
    CurvePrediction,
    Prediction,
    SliderPrediction,
    Slip,
)

__all__ = [
    "PREDICTIONS",
    "AnyPrediction",
    "BarsPrediction",
    "CurvePrediction",
    "Prediction",
    "SliderPrediction",
    "Slip",
    "prediction",
]

_LESSONS = (
    one_in_ten,
    the_gate,
    the_baseline_cancels,
    another_clock,
    entropy_and_covariance,
    proposition_4_2,
    kalman_anchor,
    what_is_left,
    electives,
)

#: Predictions by name; some are made from recorded runs, or from a log that is given.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {name: make for lesson in _LESSONS for name, make in lesson.PREDICTIONS.items()}
)


def prediction(name: str, *about: Any) -> AnyPrediction:
    """Find a prediction.

    Args:
        name: Its name, see :data:`PREDICTIONS`.
        *about: What it is about, where it is about something: the digest of a log for ``"silenced-1"``.

    Returns:
        The prediction.

    Raises:
        ValueError: There is no such prediction.

    Example:
        >>> prediction("gate-1").options
        ('none', 'three', 'six', 'thirteen')
    """
    if name not in PREDICTIONS:
        raise invalid("name", name, f"one of {', '.join(PREDICTIONS)}")
    return PREDICTIONS[name](*about)
