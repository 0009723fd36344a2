"""Predictions of a lesson: The gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction


def _gate() -> Prediction:
    return Prediction(
        "Three of sixteen responses are correct, and K = 0.4. How many of the sixteen get exactly zero under QAE?",
        ("none", "three", "six", "thirteen"),
        3,
        (
            "That is GRPO: it moves every response.",
            "It is the other way round: the three correct ones count.",
            "The quantile sits at the seventh response, but what counts is its reward.",
            "The baseline is 0, so all wrong responses get exactly nothing.",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "gate-1": _gate,
    }
)
