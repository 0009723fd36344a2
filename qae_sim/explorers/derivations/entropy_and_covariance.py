"""Lesson 5: how a step changes the entropy, to first order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol


def _step(rng: np.random.Generator) -> Mapping[str, Any]:
    """A policy and a step; slopes by a complex step, which loses no digits and uses no rule of differentiation."""
    arms = int(rng.integers(2, 9))
    z, dz = rng.normal(0, 1.5, arms), rng.normal(0, 1, arms)
    tiny = 1e-40
    moved = np.exp(z + 1j * tiny * dz)
    moved = moved / moved.sum()
    pi = moved.real
    return {
        "pi": pi,
        "dpi": moved.imag / tiny,
        "dz": dz,
        "H": -(pi * np.log(pi)).sum(),
        "dH": -(moved * np.log(moved)).sum().imag / tiny,
        "total": np.sum,
        "mean": lambda x: (pi * x).sum(),
        "Cov": lambda x, y: (pi * (x - (pi * x).sum()) * (y - (pi * y).sum())).sum(),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "entropy": Derivation(
        title="What a small step does to the entropy",
        symbols={
            "H": Symbol("H", "the entropy of the policy, in nats"),
            "total": Symbol(r"\sum_a", "the sum over the arms", brackets=""),
            "pi": Symbol(r"\pi", "the policy: the probability of each arm a"),
            "dpi": Symbol(r"\mathrm{d}\pi", "the change of an arm's probability in a small step"),
            "dH": Symbol(r"\mathrm{d}H", "the change of the entropy in that step"),
            "dz": Symbol(r"\mathrm{d}z", "what the step gives the logit of an arm"),
            "mean": Symbol(
                r"\mathbb{E}_\pi", "the mean over arms, each as often as the policy takes it", brackets="[]"
            ),
            "Cov": Symbol(
                r"\operatorname{Cov}_\pi",
                "the covariance under the policy: positive if what is large goes with what is large",
            ),
        },
        steps=(
            DerivedLine("H == -total(pi * log(pi))", "This is what entropy means."),
            DerivedLine("total(dpi) == 0", "Probabilities add up to one before the step and after it."),
            DerivedLine(
                "dH == -total(dpi * (log(pi) + 1)) == -total(dpi * log(pi))",
                "The slope of x log x is log x + 1; the ones drop out by the line above.",
            ),
            DerivedLine(
                "dpi == pi * (dz - mean(dz))",
                "An arm gains probability if its logit rises by more than the average one does.",
            ),
            DerivedLine(
                "dH == -(mean(log(pi) * dz) - mean(log(pi)) * mean(dz)) == -Cov(log(pi), dz)",
                "Put in, the sums are means under the policy, and a mean of a product less the product of the means is "
                "a covariance.",
            ),
        ),
        result=DerivedLine("dH == -Cov(log(pi), dz)", "Lifting what is likely already makes the entropy fall."),
        point=_step,
    )
}
