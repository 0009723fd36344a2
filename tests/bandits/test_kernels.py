"""The array operations, and that a column does not notice the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qae_sim.bandits import _kernels as kernels
from qae_sim.bandits._random import normal


@given(st.integers(1, 70), st.integers(1, 9), st.integers(0, 2**32))
def test_sums(rows: int, columns: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, columns))
    assert kernels.column_sum(np, x.copy()) == pytest.approx(x.sum(axis=0), abs=1e-12)
    assert kernels.column_dot(np, x, x) == pytest.approx((x * x).sum(axis=0), rel=1e-12)
    running = np.empty_like(x)
    kernels.cumulate(np, x, running)
    assert running == pytest.approx(np.cumsum(x, axis=0), abs=1e-12)
    alone = [kernels.column_dot(np, x[:, [c]], x[:, [c]])[0] for c in range(columns)]
    assert kernels.column_dot(np, x, x).tolist() == alone


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32))
def test_search_is_searchsorted(rows: int, columns: int, samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.7)
    weight[rng.integers(rows)] += 0.1  # some weight in every column
    running = np.full((kernels.padded_rows(rows), columns), np.inf)
    kernels.cumulate(np, weight, running[:rows])
    total = running[rows - 1]
    u = rng.random((samples, columns))
    u[0] = 0.0
    u[-1] = 1 - 2.0**-53
    place = kernels.search(np, running, u * total, np.arange(columns), kernels.Workspace.of(np, samples, columns))
    row, column = place // columns, place % columns
    assert (column == np.arange(columns)).all()
    assert (weight[row, column] > 0).all()
    for c in range(columns):
        assert row[:, c].tolist() == np.searchsorted(running[:rows, c], u[:, c] * total[c], side="right").tolist()


def test_the_largest_uniform_number_stays_below_the_total() -> None:
    """(1 - 2⁻⁵³)·x rounds to less than x, for every positive x."""
    x = np.concatenate([np.random.default_rng(0).random(10_000) * 10.0 ** np.arange(-5, 5).repeat(1000), [1.0, 2.0]])
    assert ((1 - 2.0**-53) * x < x).all()


def test_entropy_of_extreme_logits() -> None:
    logits = np.array([[0.0, 0.0, 800.0, -1e300], [0.0, -1000.0, 800.0, 0.0]])
    assert kernels.entropy(np, logits) == pytest.approx([np.log(2), 0, np.log(2), 0], abs=1e-300)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), max_size=8))
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in pairs], dtype=np.int64)
    counts = np.array([count for _, count in pairs], dtype=np.int64)
    numbers, owner = kernels.ranges(np, starts, counts)
    assert numbers.tolist() == [start + i for start, count in pairs for i in range(count)]
    assert owner.tolist() == [index for index, (_, count) in enumerate(pairs) for _ in range(count)]


def test_scatter_adds_repeated_places() -> None:
    target = np.zeros(4)
    kernels.scatter_add(np, target, np.array([[1, 1], [3, 1]]), np.array([[1.0, 2.0], [4.0, 8.0]]))
    assert target.tolist() == [0, 11, 0, 4]


def test_normal_numbers() -> None:
    x = normal(np, range(500), 100, 3, 0)
    assert x.shape == (100, 500)
    assert stats.kstest(x.reshape(-1), "norm").pvalue > 1e-4
    assert abs(np.corrcoef(x[::2].reshape(-1), x[1::2].reshape(-1))[0, 1]) < 5 / len(x[::2].reshape(-1)) ** 0.5
    assert np.array_equal(normal(np, range(7, 9), 100, 3, 0), x[:, 7:9])
    assert not np.array_equal(normal(np, range(7, 9), 100, 3, 1), x[:, 7:9])
