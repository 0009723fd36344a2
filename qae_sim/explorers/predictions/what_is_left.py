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
    own, shared = float(found.own[at]), float(found.shared[at])
    return BarsPrediction(
        question=f"QAE with K = {state.k:g} on prompts with p = {state.p:g}, {state.prompts} prompts of {state.g} "
        f"responses in a batch. Half of the responses have {state.longer} times the tokens of the others, correct or "
        "not. While training makes the odds of a correct response grow by 10 %, by how many percent does the mean "
        "length change under each loss? Above 0 is longer.",
        bars=("GRPO's 1/|o|", "mean over tokens", "a constant"),
        low=-3.0,
        high=3.0,
        step=0.1,
        truth=(own, shared, 0.0),
        near=0.8,
        why=f"K = {state.k:g} mostly punishes: its advantages add up to less than zero. Divided by its own length, a "
        "long response is punished less for each token, and so length grows. Over all tokens of a batch one response "
        f"hardly counts, {shared:+.3f} %, and a constant knows no length.",
        slips=(
            Slip(
                (-own, shared, 0.0), "That is the sign of a small K, which praises: here most of the push is downward."
            ),
            Slip(
                (own, own, own),
                "The push is the same under all three, but only a weight that hangs on the length makes it one.",
            ),
            Slip((own, own, 0.0), "The batch's tokens are a common divisor: one response hardly changes it."),
            Slip((0.0, 0.0, 0.0), "That is what the mean baseline does: its advantages add up to zero."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"length-1": _length})
