"""Corners of sentences: where a smallest group or a bare condition would make one false, it says so."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from qae_sim.advantages import expected_advantages
from qae_sim.theory import all_claims
from qae_sim.theory.claim import Tier, Verdict

CLAIMS = all_claims()
ENOUGH = "it is enough that"


def test_groups_of_one_are_excluded_where_they_make_a_sentence_false() -> None:
    """A group of one has r - mean = 0: no bias of its length, and 0 is not below √(0·p(1-p)) = 0."""
    with pytest.raises(ValueError, match="G >= 2"):
        expected_advantages("grpo", 0.3, 1)
    assert "G >= 2" in CLAIMS["estimators.length-bias"].statement
    assert any("G >= 2" in text for text in CLAIMS["qae.empirical-rate"].assumptions)


def entropy(pi: np.ndarray) -> float:
    return float(-pi @ np.log(pi))


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum()


def finite_step() -> tuple[bool, bool]:
    """A step of more than 1 from a policy that is far from uniform: of two arms the exact condition is the second."""
    pi, r, eta = np.array([0.9, 0.1]), np.array([0.0, 1.0]), 1.5
    after = [entropy(softmax(np.log(pi) + eta * pi * (r - b))) for b in np.linspace(0, 1, 101)]
    return eta <= 1 and math.log(9) >= eta * 0.9, bool((np.diff(after) >= 0).all())


def by_length() -> tuple[bool, bool]:
    """Of three responses two are out of order, and the third carries the slope."""
    pi, length = np.array([0.8, 0.11, 0.09]), np.array([1.0, 1.0, 9.0])
    x = (np.log(pi) + 1) / length
    slope = float(pi @ (x * pi) - (pi @ x) * (pi @ pi))
    return bool((np.diff(x) <= 0).all()), slope >= 0


def scatter() -> tuple[bool, bool]:
    """An arm is rarer than exp(-1-H), and noise in the logit of another one lowers the entropy all the same."""
    pi = np.array([0.48, 0.48, 0.04])
    surprise = np.log(pi) + entropy(pi)
    direction = np.array([1.0, 0.0, 0.0]) - pi[0]
    return bool((1 + surprise >= 0).all()), float(-0.5 * pi @ ((1 + surprise) * direction**2)) <= 0


def equal_leads() -> tuple[bool, bool]:
    """ε above the bias, and a factor that helps: c·m is nearer to p than m."""
    g, p, eps, c = 8, 0.2, 0.1, 0.9
    mixed = 1 - (1 - p) ** g - p**g
    mean = p * (1 - p ** (g - 1)) / mixed
    return eps <= abs(mean - p), abs(c * mean - p) < abs(mean - p)


#: A case outside the condition in which the sentence is true: the condition is enough, and not needed.
OUTSIDE: dict[str, Callable[[], tuple[bool, bool]]] = {
    "qae.finite-step-arms": finite_step,
    "qae.prop4.2-length-normalised": by_length,
    "entropy.noise-lowers": scatter,
    "ha-dw.theorem3": equal_leads,
}


@pytest.mark.parametrize("id", OUTSIDE)
def test_a_condition_that_is_enough_but_not_needed_says_so(id: str) -> None:
    inside, holds = OUTSIDE[id]()
    assert (inside, holds) == (False, True)
    assert CLAIMS[id].condition.startswith(ENOUGH)


def test_no_other_conditional_claim_hides_that_its_condition_is_only_enough() -> None:
    others = {id for id, claim in CLAIMS.items() if claim.condition.startswith(ENOUGH)} - set(OUTSIDE)
    assert others == {"qae.prop4.2-tokens", "ktae.sign", "ktae.zero-sum"}
    assert all(CLAIMS[id].expected in (Verdict.CONDITIONAL, Verdict.REFUTED) for id in others)


def test_the_window_of_the_anchor_that_keeps_its_error_begins_with_a_half() -> None:
    """From y₁ beside a belief of 1 the first step can be as long as |y₂ - y₁|/2, and the bound is lost."""
    first, second, belief = 0.0, 1.0, 1.0
    step = abs(first - belief) / 2 * abs(second - first)
    assert step > abs(second - first) / 4
    assert any("1/2" in text for text in CLAIMS["anchor.soft-keeps-its-error"].assumptions)
    assert CLAIMS["anchor.soft-keeps-its-error"].tier is Tier.PROVED
