"""Named random numbers: the same on every library, device and chunk, and as random as they should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_array_equal
from scipy import stats

from qae_sim.streams import streams, uniform, uniform_at


class TestUniform:
    def test_known_numbers(self) -> None:
        """SplitMix64 seeded with 1234567 begins with these published outputs; the state is then one step behind."""
        mask = (1 << 64) - 1
        state, outputs = 1234567, []
        for _ in range(3):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            outputs.append(z ^ (z >> 31))
        assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]
        # The stream of seed s starts from the state mix((s + 1)·γ): follow it by hand for seed 7.
        state = (8 * 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        state = z ^ (z >> 31)
        expected = []
        for _ in range(4):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            expected.append(((z ^ (z >> 31)) >> 11) * 2.0**-53)
        assert_array_equal(uniform(np.zeros(1), 4, 7), expected)

    @pytest.mark.parametrize("lib", LIBRARIES)
    @given(seed=st.integers(0, 2**70), keys=st.lists(st.integers(0, 2**40), max_size=3))
    def test_the_same_on_every_library(self, lib: Library, seed: int, keys: list[int]) -> None:
        drawn = uniform(lib.array([0.0]), 50, seed, *keys)
        assert lib.owns(drawn)
        assert_array_equal(lib.numpy(drawn), uniform(np.zeros(1), 50, seed, *keys))

    def test_a_longer_stream_begins_with_the_shorter_one(self) -> None:
        assert_array_equal(uniform(np.zeros(1), 1000, 3, 1)[:10], uniform(np.zeros(1), 10, 3, 1))

    def test_streams_are_uniform_and_independent(self) -> None:
        """Kolmogorov-Smirnov on values, neighbours and neighbouring streams; seeds fixed, so it cannot flicker."""
        x, y = uniform(np.zeros(1), 100_000, 5, 0), uniform(np.zeros(1), 100_000, 5, 1)
        for sample in (x, (x[1:] + x[:-1]) % 1, (x + y) % 1):
            assert stats.kstest(sample, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.02
        assert 0 <= x.min() < x.max() < 1

    def test_bad_seeds(self) -> None:
        with pytest.raises(ValueError, match=r"^seed must be an integer of at least 0; got -1"):
            uniform(np.zeros(1), 3, -1)
        with pytest.raises(TypeError, match=r"^key must be an integer of at least 0; got 0.5"):
            uniform(np.zeros(1), 3, 0, 0.5)  # type: ignore[arg-type]


class TestStreams:
    """Many streams at once give the numbers that `uniform` gives one after the other."""

    @given(st.integers(0, 2**70), st.lists(st.integers(0, 2**40), max_size=3), st.integers(0, 2**40))
    def test_are_those_of_uniform(self, seed: int, keys: list[int], first: int) -> None:
        runs = range(first, first + 4)
        numbers = uniform_at(streams(np, runs, seed, *keys), np.arange(5)[:, None])
        one_by_one = [uniform(np.zeros(1), 5, seed, *keys, run) for run in runs]
        assert_array_equal(numbers, np.stack(one_by_one, axis=1))

    def test_positions_may_be_far_apart(self) -> None:
        states = streams(np, range(3), 1)
        far = uniform_at(states, np.array([[2**50], [0]]))
        assert_array_equal(far[1], uniform_at(states, np.array([[0]]))[0])
        assert len(np.unique(far)) == 6

    def test_given_memory_is_used(self) -> None:
        states, positions = streams(np, range(3), 1), np.arange(4)[:, None]
        buffers = np.empty((4, 3)), np.empty((4, 3))
        result = uniform_at(states, positions, buffers)
        assert result is buffers[0]
        assert_array_equal(result, uniform_at(states, positions))

    def test_no_runs(self) -> None:
        assert streams(np, range(0), 1).shape == (0,)

    @pytest.mark.parametrize("runs", [range(-1, 2), range(3, -3, -2)])
    def test_negative_runs(self, runs: range) -> None:
        with pytest.raises(ValueError, match="runs must be an integer of at least 0"):
            streams(np, runs, 1)

    def test_runs_and_positions_are_uniform_and_independent(self) -> None:
        """Neighbouring runs and positions: uniform, and without correlation within 5 standard errors."""
        u = uniform_at(streams(np, range(400), 5, 2), np.arange(400)[:, None])
        assert stats.kstest(u.reshape(-1), "uniform").pvalue > 1e-4
        for one, other in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1]), (u[1:, 1:], u[:-1, :-1])):
            assert abs(np.corrcoef(one.reshape(-1), other.reshape(-1))[0, 1]) < 5 / 400
