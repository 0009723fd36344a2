"""Values that were wrong once, each for a kind."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from qae_sim import advantages as adv


def test_canon_takes_differences_first() -> None:
    x = 1e8 + 2e-8
    step = x - 1e8
    assert_allclose(adv.canon([x, 1e8, 1e8], [3, 1, 2]), [0.75 * step, -0.25 * step, -0.25 * step], rtol=1e-12)
    assert_allclose(adv.canon([-1.7e308, 0, 1.7e308], [2, 1, 3]), [-1.7e308, 0, 1.7e308], rtol=1e-12)


def test_linear_quantile_takes_differences_first() -> None:
    r = [1e-5, np.nextafter(np.nextafter(1e-5, 1), 1)]
    assert_allclose(adv.qae(r, 0.5, quantile="linear", eps=0), [-1, 1], rtol=1e-12)


def test_rlev_takes_differences_first() -> None:
    r = [1e8 + 2e-8, 1e8]
    exact = float(Fraction(r[0]) - Fraction(r[1])) * 1.3
    assert_allclose(adv.rlev(r, 0.3), [exact, -exact], rtol=1e-12)


def test_z_scores_that_cancel_leave_nothing() -> None:
    """(0, 0, 1), (1, 0, 0) and (0, 1, 0) have z-scores whose sum is 0 for each response."""
    assert adv.gdpo([[0, 0, 1]], [[[1, 0, 0]], [[0, 1, 0]]], eps=0).tolist() == [[0, 0, 0]]
    torch = pytest.importorskip("torch")
    rewards = torch.eye(3)
    assert adv.gdpo(rewards[:1], rewards[1:, None], eps=0).tolist() == [[0, 0, 0]]
    # What is small but no rounding stays: weights 1 and -(1 - 1e-9).
    left = adv.gdpo([[0, 1]], [[[0, 1]]], weights=[1, -(1 - 1e-9)], eps=0)
    assert_allclose(left, [[-1, 1]], rtol=1e-6)


def test_turns_that_cancel_leave_no_rounding() -> None:
    """-1e8 + 1e8 is 0, beside .1: z-scores of 0 and .1 with ε = 1, and of -1e8 and .1 for the first turn."""
    first, second = adv.match_tir([[-1e8, 1e8], [0.1]], gamma=0, eps=1)
    assert_allclose(first, [(-0.05 / 1.05 - 1) / 2, -0.05 / 1.05 / 2], rtol=1e-7)
    assert_allclose(second, [(0.05 / 1.05 + 1) / 2], rtol=1e-7)
    first, second = adv.match_tir([[-1e8, 1e8], [0.1]], gamma=1, eps=1)
    assert_allclose([*first, *second], [-0.05 / 1.05, -0.05 / 1.05 / 2, 0.05 / 1.05], rtol=1e-14)


def test_turns_of_very_different_sizes() -> None:
    """The first turns, 0, 0 and 1e-300, are compared on their own, whatever the second turn is."""
    found = adv.match_tir([[0], [0, 1e300], [1e-300]], gamma=0, eps=0)
    assert_allclose([turns[0] for turns in found], [-1 / 2**0.5, 1 / 2**1.5, 1 / 2**1.5], rtol=1e-12)
    found = adv.match_tir([[1.7e308, 1.7e308], [-1.7e308, -1.7e308]], gamma=1, eps=0)
    assert_allclose(np.concatenate(found), [1, 1, -1, -1], rtol=1e-12)


def test_reg_grpo_of_huge_log_ratios() -> None:
    assert float(adv.reg_grpo([1, 0], [1e300, -1e300])) < 1e-10


@pytest.mark.parametrize("dtype", ["int64", "uint64", "longdouble", "list"])
def test_numbers_that_do_not_fit_are_refused(dtype: str) -> None:
    values: Any = [2**53 + 1, 2**53]
    rewards = values if dtype == "list" else np.array(values, dtype)
    with pytest.raises(ValueError, match=r"^rewards must be of .* holds exactly; got .*9007199254740993"):
        adv.grpo(rewards)


def test_integers_that_float32_does_not_hold_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="^rewards must be of numbers that float32 holds exactly; got 16777217"):
        adv.grpo(torch.tensor([16777217, 16777216]))
    assert_allclose(adv.grpo(torch.tensor([2**24 + 2, 2**24]), eps=0).numpy(), [1, -1])


def test_long_doubles_beyond_float64_are_refused() -> None:
    with pytest.raises(ValueError, match="^rewards must be of numbers that float64 holds exactly; got"):
        adv.grpo(np.array(["1e4000", "0"], np.longdouble))
