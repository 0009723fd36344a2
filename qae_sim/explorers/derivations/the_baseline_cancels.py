"""Lesson 3: a constant baseline cancels, and every baseline leaves one direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, qae, rloo
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol

_TINY = 1e-30  # a complex step: derivatives without rounding


def _softmax(z: NDArray[Any]) -> NDArray[Any]:
    """π."""
    return np.asarray(np.exp(z) / np.exp(z).sum())


def _gradient(function: Callable[[NDArray[Any]], Any], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives by each logit, in the last axis."""
    steps = np.eye(z.size) * _TINY * 1j
    return np.stack([np.imag(function(z + step)) / _TINY for step in steps], axis=-1)


def _policy(rng: np.random.Generator) -> Mapping[str, Any]:
    """A policy over some arms, a reward for each, and a constant."""
    z = rng.normal(size=int(rng.integers(2, 7)))
    pi = _softmax(z)[:, None]
    return {
        "pi": pi,
        "score": _gradient(lambda at: np.log(_softmax(at)), z),
        "grad_pi": _gradient(_softmax, z),
        "grad_sum": _gradient(lambda at: _softmax(at).sum(), z),
        "total": lambda x: x.sum(axis=0),
        "E": lambda x: (pi * x).sum(axis=0),
        "b": float(rng.normal()),
        "r": rng.normal(size=(z.size, 1)),
    }


_RULES: tuple[tuple[Callable[..., Any], dict[str, float]], ...] = (
    (grpo, {"eps": 0.0}),
    (qae, {"eps": 0.0, "k": 0.4}),
    (qae, {"eps": 0.0, "k": 0.8}),
    (rloo, {}),
    (dr_grpo, {}),
)


def _group(rng: np.random.Generator) -> Mapping[str, Any]:
    """Every group that a policy over three arms can draw, with its chance, under one of the estimators."""
    pi = _softmax(rng.normal(size=3))
    correct = np.array([1.0, 0.0, float(rng.integers(0, 2))])
    size = int(rng.integers(2, 5))
    rule, parameters = _RULES[int(rng.integers(len(_RULES)))]
    arms = np.array(list(product(range(3), repeat=size)))
    chance = pi[arms].prod(axis=1)
    advantage = np.asarray(rule(correct[arms], **parameters))
    score = np.eye(3)[arms] - pi
    p = float(pi @ correct)
    plus, minus = pi * correct / p, pi * (1 - correct) / (1 - p)
    known = expected_advantages(rule, p, size, **parameters)
    first = correct[arms[:, 0]] == 1
    given = [np.tensordot(chance[at], score[at, 0], 1) / chance[at].sum() for at in (first, ~first)]
    return {
        "U": float(known.c) * (plus - minus),
        "E": lambda x: np.tensordot(chance, x, 1),
        "total": lambda x: x.sum(axis=1),
        "G": size,
        "A": advantage[:, :, None],
        "s": score,
        "A_one": advantage[:, 0, None],
        "s_one": score[:, 0],
        "p": p,
        "alpha": float(known.alpha),
        "beta": float(known.beta),
        "s_plus": given[0],
        "s_minus": given[1],
        "pi": pi,
        "pi_plus": plus,
        "pi_minus": minus,
        "c": float(known.c),
    }


_MEAN = "the average over all groups that can be drawn"

#: Derivations of this lesson by name.
DERIVATIONS: Mapping[str, Derivation] = {
    "cancel": Derivation(
        title="A constant baseline cancels",
        symbols={
            "score": Symbol(
                r"\nabla\!\log\pi_a", "the score of arm a: how the policy's numbers must move to make a likelier"
            ),
            "grad_pi": Symbol(r"\nabla\pi_a", "how the probability of arm a changes with the policy's numbers"),
            "pi": Symbol(r"\pi_a", "the policy: the probability of arm a"),
            "E": Symbol("E", "the average over arms that the policy draws", brackets="[]"),
            "total": Symbol(r"\sum_a", "the sum over all arms", brackets=""),
            "grad_sum": Symbol(r"\nabla\!\sum_a\pi_a", "how the sum of all probabilities changes"),
            "b": Symbol("b", "the baseline: a constant, which does not depend on what was drawn"),
            "r": Symbol("r_a", "the reward of arm a"),
        },
        steps=(
            DerivedLine("score == grad_pi / pi", "The derivative of a logarithm: 1 over it, times its own derivative."),
            DerivedLine("E(score) == total(pi * score)", "An average weighs each arm by its probability."),
            DerivedLine("total(pi * score) == total(grad_pi)", "By the first line, π and 1/π cancel."),
            DerivedLine(
                "total(grad_pi) == grad_sum == 0",
                "The sum of the changes is the change of the sum, and probabilities always add up to 1.",
            ),
            DerivedLine("E(b * score) == b * E(score) == 0", "A constant comes out of an average."),
            DerivedLine("E((r - b) * score) == E(r * score)", "So a constant baseline changes no average update."),
        ),
        result=DerivedLine("E(b * score) == 0", "because probabilities always add up to 1."),
        point=_policy,
    ),
    "direction": Derivation(
        title="Rewards 0 and 1: any baseline, one direction",
        symbols={
            "U": Symbol("U", "the expected update: the average change of the logits by one group, over the step size"),
            "E": Symbol("E", _MEAN, brackets="[]"),
            "total": Symbol(r"\sum_i", "the sum over the responses of a group", brackets=""),
            "A": Symbol("A_i", "the advantage of response i, by any estimator that looks at the group's rewards alone"),
            "s": Symbol("s_i", "the score of response i: 1 at its own arm, 0 elsewhere, minus π"),
            "G": Symbol("G", "the group size"),
            "A_one": Symbol("A_1", "the advantage of the first response"),
            "s_one": Symbol("s_1", "its score"),
            "p": Symbol("p", "the success rate: the chance that a response is correct"),
            "alpha": Symbol(r"\alpha", "the average advantage of a correct response"),
            "s_plus": Symbol("s_{+}", "the average score of a correct response"),
            "beta": Symbol(r"\beta", "the average advantage of a wrong response"),
            "s_minus": Symbol("s_{-}", "the average score of a wrong response"),
            "pi_plus": Symbol(r"\pi_{+}", "the policy among correct arms, 0 on all others"),
            "pi_minus": Symbol(r"\pi_{-}", "the policy among wrong arms, 0 on all others"),
            "pi": Symbol(r"\pi", "the policy: a probability for each arm"),
            "c": Symbol("c", "the speed, p (1 − p) (α − β): a single number, all that the estimator decides"),
        },
        steps=(
            DerivedLine(
                "U == E(total(A * s) / G) == E(A_one * s_one)",
                "The responses are drawn alike and treated alike, so on average each adds what the first one adds.",
            ),
            DerivedLine(
                "E(A_one * s_one) == p * alpha * s_plus + (1 - p) * beta * s_minus",
                "It is correct or wrong; given that, its advantage depends on the other rewards, its score on its arm.",
            ),
            DerivedLine("s_plus == pi_plus - pi", "The average of 1 at the own arm, over correct ones, is π₊."),
            DerivedLine("s_minus == pi_minus - pi", "The same over wrong ones."),
            DerivedLine("pi == p * pi_plus + (1 - p) * pi_minus", "A share p of the draws is correct, the rest wrong."),
            DerivedLine(
                "U == p * (1 - p) * (alpha - beta) * (pi_plus - pi_minus)",
                "With π from the line before, π₊ − π is 1 − p times π₊ − π₋, and π₋ − π is −p times it.",
            ),
            DerivedLine("U == c * (pi_plus - pi_minus)", "The direction has no estimator in it; the speed c has."),
        ),
        result=DerivedLine(
            "U == c * (pi_plus - pi_minus)", "with a speed c for each estimator, and one direction for all."
        ),
        point=_group,
    ),
}
