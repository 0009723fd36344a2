"""Predictions of a lesson: The Kalman anchor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from qae_sim.explorers.anchor_tracking import BATCHES, KalmanAnchorExplorer, model
from qae_sim.explorers.predictions.kinds import AnyPrediction, CurvePrediction, Slip


def _anchor() -> CurvePrediction:
    """What the soft anchor believes after a jump, in the explorer's own preset."""
    found = model(KalmanAnchorExplorer.PRESETS["A jump"])
    before, after = float(found.capability[0]), float(found.capability[-1])
    belief = found.soft[0]
    start = 1 + int(np.argmax(found.capability > before))  # the first batch after the jump
    since = (*range(0, BATCHES - start, 10), BATCHES - start)
    places = tuple(float(start + s) for s in since)
    return CurvePrediction(
        question=f"For {start - 1} batches a model's success rate has been {before:.2f}, then it jumps to {after:.2f}. "
        "The soft anchor gives the newest batch a weight η times the spread of its own last beliefs. What does it "
        "believe from then on?",
        x="batch",
        y="belief",
        places=places,
        low=0.0,
        high=1.0,
        step=0.02,
        near=0.05,
        curve=tuple((float(t), float(belief[t - 1])) for t in range(start, BATCHES + 1)),
        why="In the calm its beliefs have hardly spread, so the newest batch has next to no weight, so they spread "
        "even less: the gain starves, and the jump comes too late for it.",
        slips=(
            Slip(
                (before, *[after] * (len(places) - 1)),
                "That is a gain of one: it would follow the noise of each batch, too.",
            ),
            Slip(
                tuple(after + (before - after) * 0.8**s for s in since),
                "That is a fixed gain of .2. Here the gain is made of the anchor's own spread, and the calm has made "
                "that small.",
            ),
            Slip(
                tuple(before + (after - before) * s / since[-1] for s in since),
                "It would need a steady gain to get there by the end; this one has starved in the calm.",
            ),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"anchor-1": _anchor})
