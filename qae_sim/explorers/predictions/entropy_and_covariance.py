"""Predictions of a lesson: Entropy and covariance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction


def _entropy() -> Prediction:
    return Prediction(
        "A rare arm is correct, and its logit is raised. What happens to the entropy?",
        ("It falls", "It rises", "It stays"),
        1,
        (
            "Only if the arm is already likelier than exp(-H).",
            "What is rare becomes less rare: the policy spreads.",
            "It would for an arm of probability exp(-H).",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "entropy-1": _entropy,
    }
)
