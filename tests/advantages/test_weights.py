"""HA-DW's weights: the four cases by hand, their definitions and bounds, other estimators' advantages, libraries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import FixedAnchor, HardAnchor, SoftAnchor, grpo, ha_dw, ha_dw_weights, qae

HARD = np.array([1.0, 0, 0, 0])
EASY = np.array([1.0, 1, 1, 0])
batches = hnp.arrays(np.float64, (3, 5), elements=st.integers(0, 1).map(float))
beliefs = st.one_of(st.floats(0, 1), st.integers(0, 5).map(lambda n: n / 5))


class TestByHand:
    """p̂ = 1/4 below C = 3/4, and p̂ = 3/4 above C = 1/4: M = 1/2 both times. λ = 1.3."""

    @pytest.mark.parametrize(
        ("rewards", "c", "correct", "wrong"),
        [(HARD, 0.75, 1, -1), (EASY, 0.25, -1, 1), (HARD, 0.25, 0, 0), (EASY, 0.75, 0, 0)],
        ids=["hard", "easy", "at the anchor below", "at the anchor above"],
    )
    def test_weights(self, rewards: np.ndarray, c: float, correct: int, wrong: int) -> None:
        weights = ha_dw_weights(rewards, grpo(rewards), c)
        d = np.where(rewards == 1, correct, wrong)
        m = 0.5 if correct else 0.0
        assert_array_equal(weights.D, d)
        assert_array_equal(weights.M, [m])
        assert_allclose(weights.Phi, 1.3 * np.exp(d * m), rtol=1e-14)

    def test_advantages(self) -> None:
        # Â = √3 and -1/√3; times λe^(1/2) and λe^(-1/2).
        expected = [math.sqrt(3) * 1.3 * math.exp(0.5), *[-1.3 * math.exp(-0.5) / math.sqrt(3)] * 3]
        assert_allclose(ha_dw(HARD, 0.75, eps=0), expected, rtol=1e-14)
        assert_allclose(ha_dw(EASY, 0.25, eps=0), -np.array(expected)[::-1], rtol=1e-14)
        assert_allclose(ha_dw(HARD, 0.75, eps=0, lambda_scale=2.6), 2 * np.array(expected), rtol=1e-14)
        assert_allclose(ha_dw(HARD, 0.75, eps=0.3, ddof=1)[0], grpo(HARD, eps=0.3, ddof=1)[0] * 1.3 * math.exp(0.5))

    def test_on_qae(self) -> None:
        """QAE's gate leaves the one success; its weight is that of a hard prompt, and the zeros stay zeros."""
        result = ha_dw(HARD, 0.75, advantages=qae(HARD, 0.4, eps=0))
        assert_allclose(result[0], 4 / math.sqrt(3) * 1.3 * math.exp(0.5), rtol=1e-14)
        assert_array_equal(result[1:], 0)

    def test_p_hat_between_beliefs(self) -> None:
        """Partial rewards: p̂ = .6, C = .1, M = .5."""
        weights = ha_dw_weights([0.7, 0.5], [1.0, -2.0], 0.1, lambda_scale=1.0)
        assert_allclose(weights.Phi, np.exp([-0.5, 0.5]), rtol=1e-14)


@settings(max_examples=80, deadline=None)
@given(batches, beliefs, st.floats(1e-3, 1e3))
def test_definitions_and_bounds(rewards: np.ndarray, c: float, scale: float) -> None:
    advantages = grpo(rewards)
    weights = ha_dw_weights(rewards, advantages, c, lambda_scale=scale)
    for i, row in enumerate(rewards):
        diff = row.sum() / 5 - c
        assert_allclose(weights.M[i, 0], abs(diff), atol=1e-15)
        for j in range(5):
            d = -math.copysign(1, advantages[i, j]) * math.copysign(1, diff) if advantages[i, j] * diff else 0
            assert weights.D[i, j] == d
            assert_allclose(weights.Phi[i, j], scale * math.exp(d * abs(diff)), rtol=1e-13)
    assert np.all((weights.Phi >= scale / math.e * (1 - 1e-15)) & (weights.Phi <= scale * math.e * (1 + 1e-15)))
    result = ha_dw(rewards, c, lambda_scale=scale)
    assert_allclose(result, weights.Phi * advantages, rtol=1e-14)
    assert_array_equal(result == 0, advantages == 0)
    assert_array_equal(np.sign(result), np.sign(advantages))


@pytest.mark.parametrize("size", [3, 5, 7, 10, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_the_anchor_the_weight_is_lambda(size: int, dtype: Any) -> None:
    """p̂ = C exactly for every m/G: no direction comes of rounding."""
    for m in range(size + 1):
        rewards = (np.arange(size) < m).astype(dtype)
        weights = ha_dw_weights(rewards, np.where(rewards > 0, 1, -1), m / size, lambda_scale=1.25)
        assert_array_equal(weights.D, 0)
        assert_array_equal(weights.Phi, 1.25)


@pytest.mark.parametrize("lib", LIBRARIES)
@settings(max_examples=30, deadline=None)
@given(rewards=batches, c=st.sampled_from([0.0, 0.35, 0.5, 1.0]))
def test_every_library(lib: Library, rewards: np.ndarray, c: float) -> None:
    expected = ha_dw_weights(rewards, qae(rewards), c)
    tolerances = {"float64": 1e-12, "float32": 1e-5}
    tolerances |= {"float16": 3e-3, "bfloat16": 3e-2} if lib.module == "torch" else {}
    for dtype, tolerance in tolerances.items():
        r = lib.array(rewards, dtype)
        for advantages in (qae(r), qae(rewards)):  # its own library's, or NumPy's
            weights = ha_dw_weights(r, advantages, c)
            for part, wanted in ((weights.D, expected.D), (weights.M, expected.M), (weights.Phi, expected.Phi)):
                assert lib.owns(part)
                assert part.dtype == r.dtype
                assert_allclose(lib.numpy(part).astype(float), wanted, rtol=tolerance, atol=tolerance)
            product = ha_dw(r, c, advantages=advantages)
            assert product.dtype == r.dtype
            assert_allclose(lib.numpy(product).astype(float), expected.Phi * qae(rewards), rtol=tolerance)


def test_every_kind_of_anchor() -> None:
    for anchor in (FixedAnchor(0.75), SoftAnchor(0.75), HardAnchor(start=0.75), np.float32(0.75), np.array(0.75)):
        assert_array_equal(ha_dw(HARD, anchor), ha_dw(HARD, 0.75))


class TestBadInput:
    @pytest.mark.parametrize("anchor", [-0.1, 1.1, np.nan, np.inf])
    def test_anchor_outside(self, anchor: float) -> None:
        with pytest.raises(ValueError, match=r"^anchor must be a finite number in \[0.0, 1.0\]; got"):
            ha_dw(HARD, anchor)

    @pytest.mark.parametrize("anchor", [None, "anchor", [0.1, 0.2], object()])
    def test_no_anchor(self, anchor: Any) -> None:
        with pytest.raises(TypeError, match="^anchor must be one real number; got"):
            ha_dw(HARD, anchor)

    def test_lambda(self) -> None:
        with pytest.raises(ValueError, match="^lambda_scale must be positive; got 0"):
            ha_dw(HARD, 0.5, lambda_scale=0)
        for bad in (-1.0, np.nan, np.inf):
            with pytest.raises(ValueError, match="^lambda_scale must be a finite number"):
                ha_dw(HARD, 0.5, lambda_scale=bad)

    def test_advantages(self) -> None:
        with pytest.raises(
            ValueError, match=r"^advantages must be of shape \(4,\) \(the shape of rewards\); got \(3,\)"
        ):
            ha_dw(HARD, 0.5, advantages=[1.0, 2, 3])
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match="^advantages must be finite everywhere; got"):
                ha_dw_weights(HARD, [1.0, 0, 0, bad], 0.5)
        with pytest.raises(TypeError, match="^advantages must be an array of real numbers"):
            ha_dw_weights(HARD, "a", 0.5)

    def test_overflow_is_named(self) -> None:
        assert_allclose(ha_dw([1, 0], 0.2, advantages=[1e307, -1e307])[0], 1.3 * math.exp(-0.3) * 1e307)
        with pytest.raises(ValueError, match="^advantages must be small enough in magnitude for float64"):
            ha_dw([1, 0], 0.9, advantages=[1.7e308, -1])
        with pytest.raises(ValueError, match="^advantages must be small enough in magnitude for float16"):
            ha_dw(np.float16([1, 0]), 0.2, advantages=np.array([1e6, -1]))
        with pytest.raises(ValueError, match="^advantages must be finite everywhere; got inf"):
            ha_dw(np.float32([1, 0]), 0.2, advantages=np.array([1e300, -1]))

    def test_rewards(self) -> None:
        for bad in (-0.5, 1.5, 1e300, np.nan):
            with pytest.raises(ValueError, match=r"^rewards must be .*; got"):
                ha_dw_weights([1, bad], [1, -1], 0.5)
        with pytest.raises(ValueError, match=r"^rewards must be of shape .* G >= 2"):
            ha_dw([1.0], 0.5)
        # A weight alone needs no group.
        assert_array_equal(ha_dw_weights([1.0], [1.0], 1.0, lambda_scale=1).Phi, [1.0])
