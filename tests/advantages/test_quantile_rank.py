"""K·G that ought to be an integer is one, in float32 and float64; K per group; K outside (0, 1)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import neg_mask, pos_mask, qae, quantile_baseline

#: K as written, G, and the rank ⌈K·G⌉ in decimal arithmetic.
DECIMALS = [
    ("0.28", 25, 7),
    ("0.55", 100, 55),
    ("0.9", 10, 9),
    ("0.6", 25, 15),
    ("0.3", 10, 3),
    ("0.4", 16, 7),
    ("0.4", 5, 2),
    ("0.07", 100, 7),
    ("0.29", 100, 29),
    ("0.57", 100, 57),
    ("0.1", 10, 1),
    ("0.7", 1000, 700),
    ("0.333", 1000, 333),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lib", LIBRARIES)
@pytest.mark.parametrize(("k", "size", "rank"), DECIMALS)
def test_products_that_mean_an_integer(lib: Library, dtype: str, k: str, size: int, rank: int) -> None:
    rewards = lib.array(np.arange(size), dtype)  # the value at rank m is m - 1
    for level in (
        float(k),
        np.float64(k),
        np.float32(k),
        lib.array(float(k), "float32"),
        lib.array(float(k), "float64"),
    ):
        assert float(quantile_baseline(rewards, level)) == rank - 1
        assert int((lib.numpy(qae(rewards, level)) == 0).argmax()) == rank - 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_just_above_does_not_jump_a_rank(dtype: str) -> None:
    k = 0.1 + 0.2
    assert k * 10 > 3
    assert quantile_baseline(np.arange(10, dtype=dtype), k) == 2


def test_linear_quantile_at_an_order_statistic_is_that_order_statistic() -> None:
    """K(G-1) = .28·25 is a little more than 7 in binary, and the advantage of rank 8 must be 0, not nearly 0."""
    assert 0.28 * 25 > 7
    rewards = np.where(np.arange(26) < 8, np.arange(26) / 10, 1e6)
    for k in (0.28, np.full(1, 0.28), np.full(1, 0.28, dtype=np.float32)):
        assert (qae(rewards[None], k, quantile="linear")[0] == 0).nonzero()[0].tolist() == [7]


@given(st.integers(2, 200), st.integers(1, 10**6 - 1))
def test_rank_of_every_decimal_of_six_digits(size: int, millionths: int) -> None:
    """⌈K·G⌉ by integer arithmetic, for K as it is read from text, in both precisions that a K can have."""
    rank = -(-millionths * size // 10**6)
    rewards = np.arange(size, dtype=np.float64)
    assert quantile_baseline(rewards, millionths / 10**6) == rank - 1
    distance = abs(Fraction(millionths * size, 10**6) - round(Fraction(millionths * size, 10**6)))
    if distance == 0 or distance > Fraction(size, 2**22):  # float32 cannot tell other cases apart
        assert quantile_baseline(rewards, np.float32(millionths / 10**6)) == rank - 1


def test_inside_and_outside_the_tolerance() -> None:
    rewards = np.arange(10.0)
    assert quantile_baseline(rewards, (3 + 0.9e-9) / 10) == 2
    assert quantile_baseline(rewards, (3 + 1.1e-9) / 10) == 3
    assert quantile_baseline(rewards, (3 - 1e-6) / 10) == 2
    assert quantile_baseline(rewards, 1e-300) == 0
    assert quantile_baseline(rewards, 1 - 1e-16) == 9


@pytest.mark.parametrize("quantile", ["inverted_cdf", "linear"])
@pytest.mark.parametrize("lib", LIBRARIES)
def test_k_per_group(lib: Library, quantile: Any) -> None:
    rng = np.random.default_rng(0)
    rewards = rng.integers(0, 3, (4, 3, 10)).astype(float)
    k = rng.choice([0.1, 0.25, 0.3, 0.5, 0.9], (4, 3))
    for shaped in (k, k[:, :1], k[0], k[0, 0].reshape(1)):
        full = np.broadcast_to(shaped, (4, 3))
        expected = np.array(
            [[qae(rewards[i, j], float(full[i, j]), quantile=quantile) for j in range(3)] for i in range(4)]
        )
        for level in (lib.array(shaped), shaped):
            result = qae(lib.array(rewards), level, quantile=quantile)
            assert lib.owns(result)
            assert_same(lib.numpy(result), expected)
    right = (rewards > 0).astype(float)
    for mask in (pos_mask, neg_mask):
        expected = np.array([[mask(right[i, j], float(k[i, j])) for j in range(3)] for i in range(4)])
        assert_same(lib.numpy(mask(lib.array(right), lib.array(k))), expected)


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal to rounding, and zero in the same places."""
    assert_allclose(actual, expected, rtol=1e-14)
    assert_array_equal(actual == 0, expected == 0)


@pytest.mark.parametrize("k", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf"), 0, 1])
def test_k_outside(k: float) -> None:
    for function in (quantile_baseline, qae, pos_mask, neg_mask):
        with pytest.raises(ValueError, match=r"^k must be a finite number in \(0.0, 1.0\); got"):
            function([1, 0, 0], k)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_one_k_of_many_outside(lib: Library) -> None:
    with pytest.raises(ValueError, match=r"^k must be strictly between 0 and 1; got 1.5"):
        qae(lib.array(np.eye(3)), lib.array([0.4, 1.5, 0.2]))


def test_other_wrong_k() -> None:
    with pytest.raises(ValueError, match=r"^k must be a number, or of a shape that broadcasts to the groups' \(3,\)"):
        qae(np.eye(3), [0.4, 0.5])
    with pytest.raises(ValueError, match=r"^k must be a number"):
        qae(np.eye(3), np.full((2, 3), 0.4))  # would add an axis
    with pytest.raises(TypeError, match=r"^k must be .*float32 or float64; got 'float16'"):
        qae(np.eye(3), np.full(3, 0.4, dtype=np.float16))
    with pytest.raises(TypeError, match=r"^k must be an array of real numbers"):
        qae(np.eye(3), "0.4")
    with pytest.raises(ValueError, match=r"^quantile must be one of 'inverted_cdf', 'linear'; got 'median'"):
        qae(np.eye(3), 0.4, quantile="median")  # type: ignore[arg-type]


def test_k_from_another_library_is_named() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"^k must be an array of numpy; got"):
        qae(np.eye(3), torch.tensor([0.4, 0.4, 0.4]))
