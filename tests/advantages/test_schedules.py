"""Schedules of K: ends, shape, two phases, named errors."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from qae_sim.advantages import ConstantK, CosineK, LinearK, TwoPhaseK, qae

RAMPS = [LinearK, CosineK]
levels = st.one_of(
    st.floats(0, 1, exclude_min=True, exclude_max=True), st.sampled_from([5e-324, 1e-300, 0.5, 1 - 2**-53])
)


class TestByHand:
    def test_constant(self) -> None:
        assert ConstantK()(0) == 0.4
        assert ConstantK(0.25)(10**9) == 0.25

    def test_linear(self) -> None:
        # A quarter of the way from .6 to .2.
        assert_allclose([LinearK(0.6, 0.2, 8)(t) for t in (0, 2, 4, 8, 9)], [0.6, 0.5, 0.4, 0.2, 0.2], rtol=1e-15)

    def test_cosine(self) -> None:
        # cos(π/3) = 1/2: a quarter of the way after a third of the time, three quarters after two.
        assert_allclose(
            [CosineK(0.6, 0.2, 6)(t) for t in (0, 2, 3, 4, 6, 7)], [0.6, 0.5, 0.4, 0.3, 0.2, 0.2], rtol=1e-14
        )

    def test_two_phases(self) -> None:
        """The second phase counts its own steps; its first step is the switch."""
        schedule = TwoPhaseK(LinearK(0.8, 0.6, 2), CosineK(0.5, 0.3, 2), switch=5)
        assert_allclose([schedule(t) for t in range(9)], [0.8, 0.7, 0.6, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3], rtol=1e-14)
        assert [TwoPhaseK(0.6, 0.4, 3)(t) for t in range(5)] == [0.6, 0.6, 0.6, 0.4, 0.4]

    def test_three_phases(self) -> None:
        schedule = TwoPhaseK(0.6, TwoPhaseK(0.5, 0.4, switch=2), switch=3)
        assert [schedule(t) for t in range(6)] == [0.6, 0.6, 0.6, 0.5, 0.5, 0.4]


@pytest.mark.parametrize("ramp", RAMPS)
@settings(max_examples=80, deadline=None)
@given(levels, levels, st.integers(1, 50))
def test_ends_and_monotone(ramp: Any, start: float, end: float, steps: int) -> None:
    schedule = ramp(start, end, steps)
    values = np.array([schedule(t) for t in range(steps + 2)])
    assert values[0] == start
    assert values[-1] == values[-2] == end == schedule(10**400)
    assert np.all((values > 0) & (values < 1))
    falls = (np.diff(values) * np.sign(start - end)).max()
    assert falls <= 1e-15  # but for rounding


@pytest.mark.parametrize(
    "schedule", [ConstantK(0.5), LinearK(0.6, 0.4, 5), CosineK(0.6, 0.4, 5), TwoPhaseK(0.6, 0.4, 5)]
)
def test_frozen_and_usable(schedule: Any) -> None:
    assert schedule == type(schedule)(**dataclasses.asdict(schedule))
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.k = 0.1
    assert qae([1.0, 0, 0, 0], schedule(np.int64(3)))[0] > 0


@pytest.mark.parametrize(
    "schedule", [ConstantK(0.5), LinearK(0.6, 0.4, 5), CosineK(0.6, 0.4, 5), TwoPhaseK(0.6, 0.4, 5)]
)
def test_bad_steps(schedule: Any) -> None:
    with pytest.raises(ValueError, match="^step must be an integer of at least 0; got -1"):
        schedule(-1)
    for bad in (0.5, "1", None, True):
        with pytest.raises(TypeError, match="^step must be an integer of at least 0; got"):
            schedule(bad)


@pytest.mark.parametrize("k", [0, 1, 0.0, 1.0, -0.1, 1.1, np.nan, np.inf])
def test_k_outside(k: float) -> None:
    def allowed(name: str) -> str:
        return rf"^{name} must be a finite number in \(0.0, 1.0\); got"

    with pytest.raises(ValueError, match=allowed("k")):
        ConstantK(k)
    for ramp in RAMPS:
        with pytest.raises(ValueError, match=allowed("start")):
            ramp(k, 0.5, 1)
        with pytest.raises(ValueError, match=allowed("end")):
            ramp(0.5, k, 1)
    with pytest.raises(ValueError, match=allowed("first")):
        TwoPhaseK(k, 0.5, 1)
    with pytest.raises(ValueError, match=allowed("second")):
        TwoPhaseK(0.5, k, 1)
    with pytest.raises(ValueError, match=allowed("first")):
        TwoPhaseK(lambda _: k, 0.5, 1)(0)
    with pytest.raises(ValueError, match=allowed("second")):
        TwoPhaseK(0.5, lambda _: k, 1)(1)


def test_other_bad_fields() -> None:
    for ramp in RAMPS:
        with pytest.raises(ValueError, match="^steps must be an integer of at least 1; got 0"):
            ramp(0.5, 0.4, 0)
        with pytest.raises(TypeError, match="^steps must be an integer of at least 1; got 2.0"):
            ramp(0.5, 0.4, 2.0)
        with pytest.raises(TypeError, match="^start must be one real number; got 'a'"):
            ramp("a", 0.4, 2)
    with pytest.raises(ValueError, match="^switch must be an integer of at least 1; got 0"):
        TwoPhaseK(0.5, 0.4, 0)
    with pytest.raises(TypeError, match="^switch must be an integer"):
        TwoPhaseK(0.5, 0.4, 1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^second must be one real number; got None"):
        TwoPhaseK(0.5, None, 1)  # type: ignore[arg-type]
