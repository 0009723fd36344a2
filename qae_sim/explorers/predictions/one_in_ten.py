"""Predictions of a lesson: One in ten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qae_sim.advantages import grpo
from qae_sim.explorers.predictions.kinds import AnyPrediction, BarsPrediction, Slip


def _winner_and_loser() -> BarsPrediction:
    winner, loser = (float(advantage) for advantage in grpo([1.0] + [0.0] * 9, eps=0.0)[:2])
    return BarsPrediction(
        question="One of ten is correct. The mean of the ten rewards is subtracted from each, and the difference "
        "divided by σ = 0.3. What do the winner and each of the nine losers get?",
        bars=("the winner", "each loser"),
        low=-4.0,
        high=4.0,
        step=0.1,
        truth=(winner, loser),
        near=0.25,
        why=f"The winner is 0.9 above the mean, over 0.3 that is {winner:+.0f}. A loser is 0.1 below it: −1/3. Nine "
        "times −1/3 is −3, so the ten add up to zero.",
        slips=(
            Slip((0.9, -0.1), "That is the difference from the mean. Now divide it by σ = 0.3, which makes it larger."),
            Slip((3.0, -3.0), "The ten have to add up to zero, and there are nine losers to one winner."),
            Slip((1.0, 0.0), "Those are the rewards: subtract their mean, 0.1, and divide by σ."),
            Slip(
                (1.0, -1.0), "A winner is not as far above the mean as a loser is below it: the mean is 0.1, not 0.5."
            ),
            Slip((0.3, -3.0), "It is the other way round: what is rare lies far from the mean."),
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType({"ten-1": _winner_and_loser})
