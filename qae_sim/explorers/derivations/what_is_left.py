"""Lesson 8: by what the expected updates of two baselines differ."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from qae_sim.advantages import grpo, qae, quantile_baseline
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol


def _groups(rng: np.random.Generator) -> Mapping[str, Any]:
    """All mixed groups of a small policy, enumerated; slopes of their probabilities by a complex step."""
    arms, g = int(rng.integers(2, 4)), int(rng.integers(2, 5))
    z, direction = rng.normal(0, 1, arms), rng.normal(0, 1, arms)
    tiny = 1e-40
    moved = np.exp(z + 1j * tiny * direction)
    moved = moved / moved.sum()
    rewards = (np.arange(arms) < rng.integers(1, arms)).astype(float)
    lengths = rng.integers(1, 9, arms)
    groups = np.array(list(product(range(arms), repeat=g)))
    r = rewards[groups]
    groups, r = groups[r.std(axis=1) > 0], r[r.std(axis=1) > 0]
    chance = moved[groups].prod(axis=1)
    score = (np.log(moved).imag / tiny)[groups]
    return {
        "P": chance.real,
        "dP": chance.imag / tiny,
        "s": score.T,  # responses first, so that a sum over them leaves a number for each group
        "b": np.asarray(quantile_baseline(r, k=0.4)).reshape(-1),
        "b2": r.mean(axis=1),
        "sigma": r.std(axis=1),
        "A": qae(r, k=0.4, eps=0.0).T,
        "A2": grpo(r, eps=0.0).T,
        "w": 1 / lengths[groups].sum(axis=1),
        "over_responses": lambda x: x.sum(axis=0),
        "over_groups": lambda x: x.sum(),
        "E": lambda x: float((chance.real * x).sum()),
        "D": lambda x: float((chance * x).sum().imag / tiny),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "difference": Derivation(
        title="By what two baselines differ on average",
        symbols={
            "dP": Symbol(r"\nabla P", "the slope of a group's probability along a parameter of the model"),
            "P": Symbol("P", "the probability of a group: of all its responses together"),
            "over_responses": Symbol(r"\sum_i", "the sum over the responses of a group", brackets=""),
            "s": Symbol("s_i", "the score of a response: the slope of its log-probability along the same parameter"),
            "E": Symbol(r"\mathbb{E}", "the mean over groups", brackets="[]"),
            "over_groups": Symbol(
                r"\sum_{\mathrm{groups}}",
                "the sum over all groups with both rewards; the others get no advantage",
                brackets="",
            ),
            "D": Symbol(
                r"\nabla\mathbb{E}",
                "the gradient of a mean: how it moves if the policy moves, by P alone",
                brackets="[]",
            ),
            "A": Symbol("A_i", "the advantage of a response under one baseline"),
            "A2": Symbol("A'_i", "its advantage under another one"),
            "b2": Symbol("b'", "the other baseline, made of the group's rewards"),
            "b": Symbol("b", "the one baseline, made of the group's rewards"),
            "sigma": Symbol(r"\sigma", "the standard deviation of the group's rewards"),
            "w": Symbol("w", "the weight of the group in the loss, such as one over its tokens"),
        },
        steps=(
            DerivedLine(
                "dP == P * over_responses(s)",
                "A group's probability is a product, and the slope of a product is the product times the sum of the "
                "slopes of the logarithms.",
            ),
            DerivedLine(
                "A - A2 == (b2 - b) / sigma",
                "The reward drops out: the advantages of two baselines differ by one number for the whole group.",
            ),
            DerivedLine(
                "E(w * over_responses((A - A2) * s)) == E(w * (b2 - b) / sigma * over_responses(s))",
                "So in the difference of the two updates this number, and the weight, stand before the sum.",
            ),
            DerivedLine(
                "E(w * (b2 - b) / sigma * over_responses(s)) == over_groups(dP * (w * (b2 - b) / sigma)) "
                "== D(w * (b2 - b) / sigma)",
                "The first line turns probability times scores into the slope of the probability: that is a gradient.",
            ),
        ),
        result=DerivedLine(
            "E(w * over_responses((A - A2) * s)) == D(w * (b2 - b) / sigma)",
            "One baseline differs from another as if a reward had been added to each group.",
        ),
        point=_groups,
    )
}
