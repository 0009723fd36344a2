"""Predictions of a lesson: The Kalman anchor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction


def _anchor() -> Prediction:
    return Prediction(
        "The soft anchor's gain is η times the spread of its own last beliefs. What does it do after a long calm?",
        ("It jumps to the new level at once", "It hardly moves any more", "It oscillates"),
        1,
        (
            "For that its gain would have to be large, and the calm has made it small.",
            "A small gain makes for a small spread, and that for a smaller gain.",
            "Nothing pushes it: a weighted mean does not overshoot.",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "anchor-1": _anchor,
    }
)
