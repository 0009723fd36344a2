"""Predictions of a lesson: Proposition 4.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction


def _proposition() -> Prediction:
    return Prediction(
        "Replace the paper's update by the exact gradient of the expected reward. "
        "What becomes of the two inequalities?",
        ("They get stricter", "They become equalities", "They turn round"),
        1,
        (
            "The baseline cancels in the gradient, so nothing can get stricter.",
            "The score pushes every logit by -π times the mean advantage, and the baseline cancels.",
            "There is nothing left to turn round: the baseline cancels.",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "proposition-1": _proposition,
    }
)
