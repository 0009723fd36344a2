"""Predictions of a lesson: Proposition 4.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from qae_sim.explorers.predictions.kinds import AnyPrediction, CurvePrediction, Slip
from qae_sim.explorers.proposition_4_2 import BS, ETAS, Proposition42, order


def _proposition() -> CurvePrediction:
    """The entropy change of the exact gradient, measured from b = 0, beside the paper's."""
    state = Proposition42.PRESETS["Hard prompt"]
    at = int(np.argmin(np.abs(ETAS - state.eta)))
    paper, exact = (order(state.with_(update=name)).first_order[at] for name in ("paper", "policy_gradient"))
    rise = float(paper[-1] - paper[0])
    places = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    unit = 0.01 * round(100 * 1.25 * rise)
    return CurvePrediction(
        question="A step of the paper's update changes the entropy to first order by an amount that rises in a "
        f"straight line with the baseline: at b = 1 it is {rise:.3f} nats more than at b = 0. Now take a step of the "
        "exact gradient of the expected reward. How much more than at b = 0 is its change?",
        x="baseline b",
        y="more than at b = 0",
        places=places,
        low=-unit,
        high=round(1.5 * unit, 4),  # its middle, where points wait to be set, is not the truth
        step=round(unit / 40, 4),
        digits=3,
        near=rise / 8,
        curve=tuple((float(b), round(float(value - exact[0]), 12)) for b, value in zip(BS, exact, strict=True)),
        why="The baseline cancels in the exact gradient, so the line is flat: no baseline changes the entropy more "
        "than another.",
        slips=(
            Slip(
                tuple(rise * b for b in places),
                "That is the paper's line. The exact gradient has one more term, from the sum that turns logits into "
                "probabilities.",
            ),
            Slip(
                tuple(rise * b / 2 for b in places),
                "The term that the paper's update leaves out takes away all of the slope, not a part of it.",
            ),
            Slip(
                (round(unit / 4, 4),) * len(places),
                "Flat is right. But at b = 0 nothing is more than at b = 0, so the line lies on zero.",
            ),
            Slip(tuple(-rise * b for b in places), "The missing term takes the slope away; it does not turn it round."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"proposition-1": _proposition})
