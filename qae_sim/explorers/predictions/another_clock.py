"""Predictions of a lesson: Same path, another clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction


def _clock() -> Prediction:
    return Prediction(
        "Plain gradient steps, one per batch. How much does the entropy's path differ between mean and quantile?",
        ("A lot: QAE avoids a spike", "Hardly: the same path at another pace", "QAE explodes"),
        1,
        (
            "That takes another optimiser: try the preset 'The optimiser decides'.",
            "The expected update has the same direction for every baseline; only its speed differs, and little.",
            "K = .8 keeps more entropy, but through noise, and it does not explode.",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "clock-1": _clock,
    }
)
