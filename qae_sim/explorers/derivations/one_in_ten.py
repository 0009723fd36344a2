"""Lesson 1: what the winner and the losers get under the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import grpo
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol


def _group(rng: np.random.Generator) -> Mapping[str, Any]:
    """A group with both rewards, and what the package makes of it."""
    g = int(rng.integers(2, 65))
    c = int(rng.integers(1, g))
    rewards = np.array([1.0] * c + [0.0] * (g - c))
    advantages = grpo(rewards, eps=0.0)
    return {
        "p": c / g,
        "b": float(rewards.mean()),
        "sigma": float(rewards.std()),
        "A_winner": float(advantages[0]),
        "A_loser": float(advantages[-1]),
    }


_P = Symbol("p", "the success rate: the share of correct responses, one in ten here")
_SIGMA = Symbol(r"\sigma", "the standard deviation of the group's rewards: how far they typically lie from their mean")
_WINNER = Symbol("A_{+}", "the advantage of a correct response, whose reward is 1")
_LOSER = Symbol("A_{-}", "the advantage of a wrong response, whose reward is 0")

#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "winner": Derivation(
        title="What a winner and a loser get under the mean",
        symbols={
            "p": _P,
            "b": Symbol("b", "the baseline: what is subtracted from every reward, here the group's mean"),
            "sigma": _SIGMA,
            "A_winner": _WINNER,
            "A_loser": _LOSER,
        },
        steps=(
            DerivedLine(
                "b == p * 1 + (1 - p) * 0 == p", "A share p of the rewards is 1 and the rest is 0, so their mean is p."
            ),
            DerivedLine(
                "sigma == sqrt(p * (1 - p)**2 + (1 - p) * (0 - p)**2) == sqrt(p * (1 - p))",
                "The mean square distance from p: a share p lies 1 − p above it, the rest p below it.",
            ),
            DerivedLine(
                "A_winner == (1 - b) / sigma == sqrt((1 - p) / p)",
                "Reward minus baseline, over sigma; then 1 − p under the root loses one of its two factors.",
            ),
            DerivedLine(
                "A_loser == (0 - b) / sigma == -sqrt(p / (1 - p))",
                "The same for a reward of 0: with one in ten it is a ninth of the winner's, and negative.",
            ),
            DerivedLine(
                "p * A_winner + (1 - p) * A_loser == 0",
                "What a share p gains, the others lose: the advantages of a group add up to zero.",
            ),
        ),
        result=DerivedLine("A_winner == sqrt((1 - p) / p)", "and a loser gets minus one over that."),
        point=_group,
    )
}
