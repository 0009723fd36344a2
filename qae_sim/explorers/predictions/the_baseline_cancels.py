"""Predictions of a lesson: The baseline cancels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.advantages import expected_advantages
from qae_sim.explorers.predictions.kinds import AnyPrediction, CurvePrediction, Slip

_PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)


def _constant() -> CurvePrediction:
    speeds = [float(expected_advantages(lambda r, b=b: r - b, 0.3, 10).c) for b in _PLACES]
    return CurvePrediction(
        question="Each group gives an arrow. With b = 0, the average of all arrows has some length; call it 1. Draw "
        "the length of the average for a constant baseline b from 0 to 1, without division by σ.",
        x="b",
        y="length of the average",
        places=_PLACES,
        low=0.0,
        high=1.5,
        step=0.05,
        curve=tuple((b, speed / speeds[0]) for b, speed in zip(_PLACES, speeds, strict=True)),
        near=0.08,
        why="It stays 1, and the direction stays too. Single arrows change with b; what changes adds up to nothing.",
        slips=(
            Slip((1.0, 0.75, 0.5, 0.25, 0.0), "A larger b lowers every advantage, but it also pushes wrong arms down."),
            Slip((1.0, 1.1, 1.25, 1.4, 1.5), "Losers are pushed down harder, but winners are pushed up less."),
            Slip((1.0, 0.7, 0.5, 0.7, 1.0), "That is how the cloud's width might go. The question is its mean."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"cancel-1": _constant})
