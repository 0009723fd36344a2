"""Predictions of a lesson: Entropy and covariance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp
from types import MappingProxyType

import numpy as np

from qae_sim.explorers.entropy_covariance import CovarianceState
from qae_sim.explorers.predictions.kinds import AnyPrediction, SliderPrediction, Slip
from qae_sim.softmax import entropy


def _entropy() -> SliderPrediction:
    """Up to where lifting one arm raises the entropy: the step e of one arm has Cov(log π, e) = π (log π + H)."""
    logits = CovarianceState().z
    h = float(entropy(np.array(logits)))
    return SliderPrediction(
        question=f"A policy over {len(logits)} arms has an entropy of {h:.2f} nats. One arm turns out to be correct, "
        "and its logit is lifted a little. Up to which probability of that arm does the entropy rise?",
        label="probability of the arm",
        low=0.0,
        high=1.0,
        step=0.01,
        truth=exp(-h),
        near=0.04,
        why=f"The line is exp(−H) = {exp(-h):.2f}, since one arm's covariance is π (log π + H). Lifting what is rarer "
        "than that spreads the policy; lifting what is likelier sharpens it.",
        slips=(
            Slip((0.0,), "That says success always sharpens. Lifting a rare arm takes probability from likely ones."),
            Slip(
                (1 / len(logits),), f"That is an arm's share of a uniform policy, 1/{len(logits)}. This one is uneven."
            ),
            Slip(
                (0.5,), "Half is where one arm outweighs all others. An arm that is well below it can be the likeliest."
            ),
            Slip((1.0,), "That says success always spreads. Lifting the likeliest arm sharpens the policy."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"entropy-1": _entropy})
