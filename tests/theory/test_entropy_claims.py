"""Formulas that the claims about entropy work out by hand, against other ways to compute them."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.theory.certified import number
from qae_sim.theory.claims.entropy.second_order import _curvature, _third
from qae_sim.theory.claims.qae.reported_results import Row, noise
from qae_sim.theory.claims.qae.token_averaged_entropy import LEAVES, ROOT, _slope


def two_arm_entropy(p: float) -> mpmath.mpf:
    """Entropy along the logit of the first arm, as a function of what is added to it."""
    start = mpmath.log(p) - mpmath.log(1 - p)

    def at(t: mpmath.mpf) -> mpmath.mpf:
        x = 1 / (1 + mpmath.exp(-start - t))
        return -x * mpmath.log(x) - (1 - x) * mpmath.log(1 - x)

    return at


@pytest.mark.parametrize("p", ["0.02", "0.2", "0.5", "0.7", "0.97"])
def test_derivatives_of_two_arms(p: str) -> None:
    with mpmath.workdps(40):
        entropy = two_arm_entropy(mpmath.mpf(p))
        assert _curvature(Fraction(p)).middle == pytest.approx(float(mpmath.diff(entropy, 0, 2)), rel=1e-12, abs=1e-15)
        assert _third(number(p)).middle == pytest.approx(float(mpmath.diff(entropy, 0, 3)), rel=1e-12, abs=1e-15)


def joint(b: float, eta: float, leaves: tuple[tuple[Fraction, ...], ...]) -> float:
    """Entropy of the pair of tokens, by its four probabilities, after Δz = -η b π at every prefix."""

    def policy(row: tuple[Fraction, ...]) -> np.ndarray:
        pi = np.array([float(x) for x in row])
        weights = pi * np.exp(-eta * b * pi)
        return np.asarray(weights / weights.sum())

    pairs = (policy(ROOT)[:, None] * np.array([policy(leaf) for leaf in leaves])).ravel()
    return float(-(pairs * np.log(pairs)).sum())


@pytest.mark.parametrize("leaves", [LEAVES, LEAVES[::-1], ((Fraction(1, 5), Fraction(4, 5)),) * 2])
def test_slope_of_the_entropy_of_two_tokens(leaves: tuple[tuple[Fraction, ...], ...]) -> None:
    """By the chain rule the expected sum of the token entropies is the entropy of the pair."""
    eta = 1e-5
    difference = (joint(1.0, eta, leaves) - joint(-1.0, eta, leaves)) / (2 * eta)
    assert difference == pytest.approx(_slope(leaves).middle, rel=1e-6)


@given(st.lists(st.fractions(0, 1, max_denominator=50), min_size=1, max_size=6))
def test_bounds_of_the_evaluation_noise(chances: list[Fraction]) -> None:
    """Of problems with these chances, the mean of p(1-p) lies between the bounds, which have both columns' sum."""
    mean = sum(chances, Fraction(0)) / len(chances)
    sixteen = 1 - sum(((1 - p) ** 16 for p in chances), Fraction(0)) / len(chances)
    exact = sum((p * (1 - p) for p in chances), Fraction(0)) / len(chances)
    scores = (100 * mean, 100 * sixteen)
    low, high = noise(Row("any", "AIME24", scores, scores, (Fraction(0), Fraction(0))))
    assert low <= 2 * exact / 960 <= high
