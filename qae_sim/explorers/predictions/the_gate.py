"""Predictions of a lesson: The gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.advantages import quantile_baseline
from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction, SliderPrediction, Slip


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


def _flip() -> SliderPrediction:
    last = max(c for c in range(11) if quantile_baseline([0.0] * (10 - c) + [1.0] * c, 0.4) == 0)
    return SliderPrediction(
        question="Ten responses, and K = 0.4. With one correct response the baseline is 0, with nine it is 1. Up to "
        "how many correct responses does it stay 0?",
        label="correct responses",
        low=1,
        high=9,
        step=1,
        truth=float(last),
        near=0.5,
        digits=0,
        why="The fourth place of the sorted row decides. It holds a 0 as long as there are four wrong responses: up to "
        "six correct ones.",
        slips=(
            Slip((4.0,), "Four is the place in the row. The wrong ones stand first: how many have to be wrong?"),
            Slip((5.0,), "That would be the middle of the row, the median, K = 0.5."),
            Slip((3.0,), "The row begins with the wrong responses, and the walk of 0.4 begins there, too."),
            Slip((7.0,), "With seven correct, only three are wrong, and the fourth place holds a 1."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "gate-1": _gate,
        "gate-2": _flip,
    }
)
