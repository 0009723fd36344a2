"""Predictions of a lesson: Same path, another clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.explorers.predictions.kinds import AnyPrediction, CurvePrediction, Slip


def _entropy() -> CurvePrediction:
    """The entropy of the 0.4-quantile's trainings, in the state that the lesson's explorer opens with."""
    from qae_sim.explorers.collapse_explosion import CollapseExplosion, run

    state = CollapseExplosion.PRESETS["Same path, different clock"].with_(clock="step")
    mean, found = (run(state, name, ("entropy", "success")) for name in ("mean", "QAE"))
    told, height = mean["entropy"].mean(axis=1), found["entropy"].mean(axis=1)
    steps = tuple(float(step) for step in found.steps)
    return CurvePrediction(
        question=f"Policies over 64 arms, 4 of them correct, are trained. Under the mean their entropy begins at "
        f"{told[0]:.2f}, rises to {told.max():.2f} around step {mean.steps[told.argmax()]}, and ends near "
        f"{told[-1]:.2f}. Draw it for the 0.4-quantile.",
        x="step",
        y="entropy in nats",
        places=tuple(steps[i] for i in (0, 5, 10, 15, 20, 30, 40, -1)),
        low=0.0,
        high=4.2,
        step=0.1,
        curve=tuple((step, float(value)) for step, value in zip(steps, height, strict=True)),
        near=0.3,
        why="Nearly the same curve, a little earlier here and a little later there.",
        slips=(
            Slip(
                (2.1, 2.9, 3.2, 3.2, 3.2, 3.2, 3.2, 3.2),
                "It does not keep the entropy up: once the policy knows the correct arms, they crowd out the others.",
            ),
            Slip(
                (2.1, 1.8, 1.4, 1.0, 0.7, 0.4, 0.2, 0.1),
                "It does not avoid the rise: the correct arms are rare at first, and what is rare spreads the policy.",
            ),
        ),
        digits=1,
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"clock-1": _entropy})
