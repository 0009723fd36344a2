"""Lesson 4: the curve of entropy against success rate does not know the speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, expected_advantages
from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol

_RULES: tuple[tuple[str, dict[str, float]], ...] = (
    ("grpo", {}),
    ("qae", {"k": 0.4}),
    ("qae", {"k": 0.8}),
    ("rloo", {}),
)


def _step(rng: np.random.Generator) -> Mapping[str, Any]:
    """One expected step of a bandit under some estimator, as the simulator takes it."""
    arms, size, eta = int(rng.integers(3, 7)), int(rng.integers(2, 17)), float(rng.uniform(0.05, 1.0))
    correct = np.array([1.0, 0.0, *rng.integers(0, 2, arms - 2)])
    start = rng.normal(size=arms)
    name, parameters = _RULES[int(rng.integers(len(_RULES)))]
    rule = AdvantageRule(name, {**parameters, **({} if name == "rloo" else {"eps": 0.0})})
    study = Study(Bandit(list(correct), start=list(start)), rule, group_size=size, eta=eta, steps=1, runs=1)
    moved = simulate(study.with_(dynamics="expected")).parameters[0][:, 0]
    pi = np.exp(start) / np.exp(start).sum()
    dz = moved - moved.mean() - (start - start.mean())  # a number common to all logits changes no policy
    p = float(pi @ correct)
    slope_p = pi * (correct - p)
    slope_h = -pi * (np.log(pi) - pi @ np.log(pi))
    known = expected_advantages(name, p, size, **rule.parameters)
    d = pi * correct / p - pi * (1 - correct) / (1 - p)
    return {
        "dz": dz,
        "eta": eta,
        "c": float(known.c),
        "d": d - d.mean(),
        "dp": float(slope_p @ dz),
        "dH": float(slope_h @ dz),
        "along_p": lambda x: float(slope_p @ x),
        "along_H": lambda x: float(slope_h @ x),
    }


#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "clock": Derivation(
        title="Why all baselines draw one curve",
        symbols={
            "dz": Symbol(r"\Delta z", "the expected step of the logits, the numbers from which the policy is made"),
            "eta": Symbol(r"\eta", "the step size"),
            "c": Symbol("c", "the speed, which the baseline decides"),
            "d": Symbol("d", "the direction π₊ − π₋ of lesson 3, which it does not decide"),
            "dp": Symbol(r"\Delta p", "the change of the success rate, to first order in the step"),
            "along_p": Symbol(r"\nabla p\cdot", "how fast the success rate changes along what follows", brackets=""),
            "dH": Symbol(r"\Delta H", "the change of the entropy, to first order in the step"),
            "along_H": Symbol(r"\nabla H\cdot", "how fast the entropy changes along what follows", brackets=""),
        },
        steps=(
            DerivedLine("dz == eta * c * d", "What lesson 3 has shown: any baseline, one direction."),
            DerivedLine("dp == along_p(dz) == eta * c * along_p(d)", "A slope times a small step; numbers come out."),
            DerivedLine("dH == along_H(dz) == eta * c * along_H(d)", "The same for the entropy."),
            DerivedLine(
                "dH / dp == along_H(d) / along_p(d)",
                "Both changes hold the same η and c: how far the entropy goes for a gain in success knows neither.",
            ),
        ),
        result=DerivedLine("dH / dp == along_H(d) / along_p(d)", "neither the step size nor the baseline is in it."),
        point=_step,
    )
}
