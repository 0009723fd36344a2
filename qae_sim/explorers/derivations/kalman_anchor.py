"""Lesson 7: the own reward sits in its own mean, which shortens the expected step and does not turn it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol
from qae_sim.softmax import probabilities


def _group(rng: np.random.Generator) -> Mapping[str, Any]:
    """All groups of a small policy, enumerated: own reward r, the others' mean, and the slope of log π."""
    arms, g = int(rng.integers(2, 4)), int(rng.integers(2, 6))
    z, direction = rng.normal(0, 1, arms), rng.normal(0, 1, arms)
    pi = probabilities(z)
    rewards = (np.arange(arms) < rng.integers(1, arms)).astype(float)
    score = direction - pi @ direction  # slope of log π along the direction
    groups = np.array(list(product(range(arms), repeat=g)))  # (N, G), the own response first
    others = pi[groups[:, 1:]].prod(axis=1)
    own = pi[groups[:, 0]]
    first = groups[:, 0]

    def given_own(x: Any) -> Any:
        """The mean over the others, for each group's own response."""
        sums = np.bincount(first, others * np.broadcast_to(x, first.shape), minlength=arms)
        return sums[first]

    return {
        "G": g,
        "p": float(pi @ rewards),
        "r": rewards[first],
        "m": rewards[groups[:, 1:]].mean(axis=1),
        "b": rewards[groups].mean(axis=1),
        "s": score[first],
        "dp": float((pi * score) @ rewards),
        "E_others": given_own,
        "E": lambda x: float((own * others * x).sum()),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "own reward": Derivation(
        title="The own reward sits in its own mean",
        symbols={
            "b": Symbol("b", "the baseline: the mean reward of the group"),
            "r": Symbol("r", "the reward of one response, its own reward"),
            "G": Symbol("G", "the group size"),
            "m": Symbol("m", "the mean reward of the other responses"),
            "E_others": Symbol(
                r"\mathbb{E}_{\mathrm{others}}", "the mean over everything that the others can be", brackets="[]"
            ),
            "p": Symbol("p", "the success rate of the policy on this prompt"),
            "E": Symbol(r"\mathbb{E}", "the mean over everything that the whole group can be", brackets="[]"),
            "s": Symbol(
                r"s", "the score of the response: the slope of its log-probability along a parameter of the model"
            ),
            "dp": Symbol(r"\nabla p", "the slope of the success rate along the same parameter"),
        },
        steps=(
            DerivedLine("b == r / G + (1 - 1 / G) * m", "One of the G rewards in the mean is the response's own."),
            DerivedLine(
                "E_others(b) == r / G + (1 - 1 / G) * p", "The others know nothing of it: their mean is p on average."
            ),
            DerivedLine(
                "r - E_others(b) == (1 - 1 / G) * (r - p)",
                "So the advantage is biased: too small for a correct response and too large for a wrong one, both by "
                "the same factor.",
            ),
            DerivedLine("E(r * s) == dp", "The mean of reward times score is the gradient of the success rate."),
            DerivedLine("E(s) == 0", "Scores cancel on average, since probabilities add up to one (lesson 3)."),
            DerivedLine(
                "E((r - b) * s) == (1 - 1 / G) * E((r - p) * s) == (1 - 1 / G) * dp",
                "A factor, not a direction: the biased advantage gives the right gradient, a little shorter.",
            ),
        ),
        result=DerivedLine("E((r - b) * s) == (1 - 1 / G) * dp", "The bias is a factor and turns nothing."),
        point=_group,
    )
}
