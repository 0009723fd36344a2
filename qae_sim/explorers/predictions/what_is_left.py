"""Predictions of a lesson: What is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from qae_sim.explorers.length_pressure import KS, PS, LengthPressure, model
from qae_sim.explorers.predictions.kinds import AnyPrediction, BarsPrediction, Slip


def _length() -> BarsPrediction:
    """What K = .8 does to the mean length under three losses, in the explorer's own preset."""
    state = LengthPressure.PRESETS["K = .8"]
    at = int(np.argmin(np.abs(KS - state.k))), int(np.argmin(np.abs(PS - state.p)))
    found = model(state)
    share = float(found.shared[at] / found.own[at])
    sign = float(np.sign(found.own[at]))
    return BarsPrediction(
        question=f"QAE with K = {state.k:g} on prompts with p = {state.p:g}, {state.prompts} prompts of {state.g} "
        "responses in a batch. Half of the responses are long, correct or not. What happens to their mean length under "
        "each loss? Above 0 it grows, below 0 it shrinks; 1 is as much as with GRPO's weights 1/|o|.",
        bars=("GRPO's 1/|o|", "mean over tokens", "a constant"),
        low=-1.2,
        high=1.2,
        step=0.1,
        truth=(sign, share * sign, 0.0),
        near=0.25,
        digits=3,
        why=f"K = {state.k:g} mostly punishes: its advantages add up to less than zero. Divided by its own length, a "
        "long response is punished less for each token, and so length grows. Over all tokens of the batch one response "
        f"hardly counts, {share:.3f} of that, and a constant knows no length.",
        slips=(
            Slip((-sign, 0.0, 0.0), "That is the sign of a small K, which praises: here most of the push is downward."),
            Slip(
                (sign, sign, sign),
                "The push is the same under all three, but only a weight that depends on the length makes it one.",
            ),
            Slip((sign, sign, 0.0), "The batch's tokens are a common divisor: one response hardly changes it."),
            Slip((sign, 0.5 * sign, 0.0), "Even less: one response is one of hundreds in the batch's tokens."),
            Slip((0.0, 0.0, 0.0), "That is what the mean baseline does: its advantages add up to zero."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"length-1": _length})
