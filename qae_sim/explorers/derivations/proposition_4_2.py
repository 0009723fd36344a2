"""Lesson 6: the entropy change as a line in the baseline, and why the exact gradient makes it flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol
from qae_sim.softmax import UPDATE_RULES, covariance, first_order_entropy_change, probabilities


def _updates(rng: np.random.Generator) -> Mapping[str, Any]:
    """A policy, rewards and a baseline; both updates and their entropy changes as the package has them."""
    arms = int(rng.integers(2, 9))
    z = rng.normal(0, 1.5, arms)
    r = (np.arange(arms) < rng.integers(1, arms)).astype(float)
    b, eta = float(rng.random()), float(rng.uniform(0.05, 2))
    pi = probabilities(z)
    paper, exact = (UPDATE_RULES[name](z, r, b, eta=eta) for name in ("paper", "policy_gradient"))
    return {
        "pi": pi,
        "r": r,
        "b": b,
        "eta": eta,
        "p": float(pi @ r),
        "dz": paper,
        "dz_exact": exact,
        "dH": float(first_order_entropy_change(z, paper)),
        "dH_exact": float(first_order_entropy_change(z, exact)),
        "total": np.sum,
        "Cov": lambda x, y: float(covariance(z, x, y)),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "line": Derivation(
        title="A line in the baseline, and how it becomes flat",
        symbols={
            "dz": Symbol(r"\mathrm{d}z", "what the paper's update gives the logit of an arm"),
            "eta": Symbol(r"\eta", "the step size"),
            "pi": Symbol(r"\pi", "the policy: the probability of each arm"),
            "r": Symbol("r", "the reward of an arm, 1 or 0"),
            "b": Symbol("b", "the baseline"),
            "dH": Symbol(r"\mathrm{d}H", "the change of the entropy under the paper's update, to first order"),
            "Cov": Symbol(r"\operatorname{Cov}_\pi", "the covariance under the policy"),
            "dz_exact": Symbol(r"\mathrm{d}z'", "what the exact gradient of the expected reward gives"),
            "total": Symbol(r"\sum_a", "the sum over the arms", brackets=""),
            "p": Symbol("p", "the success rate: the probability of a correct arm"),
            "dH_exact": Symbol(r"\mathrm{d}H'", "the change of the entropy under the exact gradient, to first order"),
        },
        steps=(
            DerivedLine("dz == eta * pi * (r - b)", "The paper's update: an arm moves by its own advantage alone."),
            DerivedLine(
                "dH == -Cov(log(pi), dz) == b * eta * Cov(log(pi), pi) - eta * Cov(log(pi), pi * r)",
                "Lesson 5, with the update put in: b stands in one place only, so this is a line in b.",
            ),
            DerivedLine(
                "Cov(log(pi), pi) >= 0",
                "The likelier an arm, the larger its logarithm: the line cannot fall, so b = 0 gives the smallest "
                "change and b = 1 the largest. That is Proposition 4.2.",
            ),
            DerivedLine(
                "dz_exact == eta * pi * (r - b - total(pi * (r - b))) == eta * pi * (r - p)",
                "The exact gradient has one more term, from the sum that turns logits into probabilities: in it b "
                "stands a second time, and cancels.",
            ),
            DerivedLine(
                "dH_exact == -(eta * Cov(log(pi), pi * (r - p)))",
                "No b is left: under the exact gradient every baseline gives the same change, and the line is flat.",
            ),
        ),
        result=DerivedLine(
            "dH == b * eta * Cov(log(pi), pi) - eta * Cov(log(pi), pi * r)",
            "A line in b under the paper's update; under the exact gradient b drops out.",
        ),
        point=_updates,
    )
}
