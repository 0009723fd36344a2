"""Difficulty anchors: hand-worked sequences, the equations once more, warm start and absorption, pure states."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose

from qae_sim.advantages import FixedAnchor, HardAnchor, KalmanAnchor, SoftAnchor, batch_accuracy

STATES = [
    FixedAnchor(0.3),
    SoftAnchor(0.3, eta=0.7, window=3, recent=(0.1, 0.2)),
    SoftAnchor(warm_start=False),
    HardAnchor(window=3, recent=(0.25, 1.0)),
    KalmanAnchor(0.3, rho=0.2),
]

accuracies = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1e-300, 1 - 2**-53]), st.floats(0, 1))
thousandths = st.integers(0, 1000).map(lambda n: n / 1000)


def batch(y: float) -> np.ndarray:
    """A batch of accuracy exactly y."""
    return np.array([[y]])


class TestByHand:
    def test_batch_accuracy(self) -> None:
        # 3 + 1 + 0 of 12 responses.
        assert batch_accuracy([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]) == (1 / 3, 12, 4)
        assert batch_accuracy([[[0.5, 1.0]]]) == (0.75, 2, 2)

    def test_fixed(self) -> None:
        anchor = FixedAnchor(0.3)
        assert anchor.update([[1, 1]]) == anchor
        assert anchor.belief == 0.3

    def test_soft(self) -> None:
        """Beliefs .2 and .6: mean .4, σ = .2, η = 1.5, gain .3; batch of 1: .7·.6 + .3·1 = .72; then from .6, .72."""
        anchor = SoftAnchor(0.6, eta=1.5, window=2, recent=(0.2,))
        assert_allclose([anchor.sigma, anchor.gain], [0.2, 0.3], rtol=1e-14)
        after = anchor.update([[1, 1]])
        assert_allclose(after.belief, 0.72, rtol=1e-14)
        assert after.recent == (0.6,)
        assert_allclose(after.gain, 1.5 * 0.06, rtol=1e-14)

    def test_warm_start_is_the_running_mean(self) -> None:
        """The first batch sets C, the second averages two, up to the window of beliefs."""
        anchor, seen = SoftAnchor(0.9, window=5), []
        for y in (0.5, 0.25, 0.75, 0.0):
            anchor = anchor.update(batch(y))
            seen.append(y)
            assert_allclose(anchor.belief, np.mean(seen), rtol=1e-15)
        # Five beliefs .9 .5 .375 .5 .375 are known now; the equation takes over.
        assert_allclose(anchor.gain, statistics.pstdev([0.9, 0.5, 0.375, 0.5, 0.375]), rtol=1e-14)

    def test_first_batch_is_taken_exactly(self) -> None:
        for y in (0.1, 1 / 3, 1e-20, 5e-324):
            assert SoftAnchor(0.5).update(batch(y)).belief == y

    def test_hard(self) -> None:
        """Window 3: start, then means of 1, 2, 3 and the last 3."""
        anchor, beliefs = HardAnchor(window=3, start=0.4), [0.4]
        for y in (1.0, 0.5, 0.0, 0.25):
            anchor = anchor.update(batch(y))
            beliefs.append(anchor.belief)
        assert beliefs == [0.4, 1.0, 0.75, 0.5, 0.25]


def paper_gain(beliefs: list[float], eta: float, window: int) -> float:
    """Eqs. 9-11."""
    last = beliefs[-window:]
    mean = sum(last) / len(last)
    return eta * (sum((c - mean) ** 2 for c in last) / len(last)) ** 0.5


@settings(max_examples=60, deadline=None)
@given(st.lists(thousandths, min_size=1, max_size=30), st.integers(2, 6), st.floats(0.1, 2), thousandths)
def test_soft_against_the_equations(ys: list[float], window: int, eta: float, start: float) -> None:
    anchor, beliefs = SoftAnchor(start, eta=eta, window=window), [start]
    for y in ys:
        gain = paper_gain(beliefs, eta, window)
        if len(beliefs) < window or all(abs(c - beliefs[-window]) <= 1e-12 for c in beliefs[-window:]):
            gain = 1 / min(len(beliefs), window)
        assert_allclose(anchor.gain, gain, rtol=1e-9, atol=1e-12)
        anchor = anchor.update(batch(y))
        beliefs.append((1 - gain) * beliefs[-1] + gain * y)
        assert_allclose(anchor.belief, beliefs[-1], rtol=1e-9, atol=1e-12)
        beliefs[-1] = anchor.belief  # so that rounding does not decide whether beliefs are equal


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=30), st.integers(1, 6), st.floats(0, 1))
def test_hard_is_the_mean_of_the_last_h(eighths: list[int], window: int, start: float) -> None:
    anchor = HardAnchor(window, start)
    for t, n in enumerate(eighths):
        before = anchor
        anchor = anchor.update(np.arange(8)[None, :] < n)
        assert_allclose(anchor.belief, np.mean(eighths[max(0, t + 1 - window) : t + 1]) / 8, rtol=1e-14)
        if len(before.recent) == window - 1 and window > 1:  # Eq. 134's recursive form, where it holds
            recursive = (window - 1) / window * before.belief + n / 8 / window
            assert_allclose(anchor.belief, recursive, rtol=1e-14)


class TestAbsorption:
    def test_the_equation_alone_never_starts(self) -> None:
        anchor = SoftAnchor(0.5, warm_start=False)
        assert anchor.absorbed
        for y in (0.0, 1.0, 0.9):
            anchor = anchor.update(batch(y))
            assert anchor.absorbed
            assert anchor.belief == 0.5

    def test_equal_beliefs_absorb(self) -> None:
        stuck = SoftAnchor(0.4, window=3, recent=(0.4, 0.4), warm_start=False)
        assert stuck.absorbed
        assert stuck.update(batch(1.0)).belief == 0.4
        saved = dataclasses.replace(stuck, warm_start=True)
        assert not saved.absorbed
        assert_allclose(saved.update(batch(1.0)).belief, 0.6, rtol=1e-14)  # a third of the way

    @settings(max_examples=60, deadline=None)
    @given(st.integers(2, 60), st.integers(0, 100), st.integers(0, 100), st.integers(0, 80))
    def test_warm_start_is_never_stuck(self, window: int, first: int, then: int, steps: int) -> None:
        """However long the accuracies were the same, another one moves the belief."""
        anchor = SoftAnchor(window=window)
        for _ in range(window + steps):
            anchor = anchor.update(batch(first / 100))
        if then != first:
            gap = abs(anchor.belief - then / 100)
            for _ in range(2 * window):
                anchor = anchor.update(batch(then / 100))
            assert abs(anchor.belief - then / 100) < gap

    @pytest.mark.parametrize("seed", range(10))
    def test_rounding_does_not_decide_when_a_starved_gain_starts_anew(self, seed: int) -> None:
        """A belief that is off by rounding once leads to the same beliefs; 32 and 64 bits differ by as much."""
        rates = np.random.default_rng(seed).binomial(128, 0.5, 150) / 128
        one = other = SoftAnchor(window=10)
        gains = []
        for step, y in enumerate(rates):
            if step == 20:
                other = dataclasses.replace(other, belief=np.nextafter(other.belief, 1.0))
            gains.append(one.gain)
            one, other = one.update(batch(y)), other.update(batch(y))
            assert_allclose(one.belief, other.belief, rtol=0, atol=1e-9)
        assert gains[-1] != gains[20]
        assert max(gains[60:]) == 1 / 10  # it has starved, and has been started anew

    def test_the_equation_starves_itself(self) -> None:
        """σ feeds the gain and the gain feeds σ: with accuracies that vary by .1 the belief all but stops."""
        rng = np.random.default_rng(0)
        anchor = SoftAnchor(0.5, window=10, recent=tuple(rng.uniform(0.3, 0.7, 9)), warm_start=False)
        gains = []
        for y in rng.uniform(0.4, 0.6, 600):
            gains.append(anchor.gain)
            anchor = anchor.update(batch(y))
        assert gains[0] > 0.05
        assert gains[200] < 1e-3 * gains[0]
        # From then on the model may become perfect, and the anchor hardly follows; a gain of 1/10 would have arrived.
        before = anchor.belief
        for _ in range(50):
            anchor = anchor.update(batch(1.0))
        assert abs(anchor.belief - before) < 1e-3


@pytest.mark.parametrize(
    "start",
    [
        SoftAnchor(1.0, eta=2.0, window=2),
        SoftAnchor(0.0, eta=2.0, window=4, warm_start=False, recent=(1.0, 0.0, 1.0)),
        HardAnchor(window=3),
        KalmanAnchor(process_variance=1.0, rho=1.0),
        KalmanAnchor(1.0, variance=0.0, process_variance=1e-300),
    ],
)
@settings(max_examples=60, deadline=None)
@given(st.lists(accuracies, min_size=1, max_size=20))
def test_belief_and_gain_stay_in_the_unit_interval(start: Any, ys: list[float]) -> None:
    anchor = start
    for y in ys:
        low, high = min(anchor.belief, y), max(anchor.belief, y)
        updated = anchor.update(batch(y))
        assert 0 <= updated.belief <= 1
        if isinstance(anchor, SoftAnchor):
            assert 0 <= anchor.gain <= 1
        if not isinstance(anchor, HardAnchor):
            assert low <= updated.belief <= high
        anchor = updated


@pytest.mark.parametrize("anchor", STATES)
class TestStates:
    def test_update_is_pure(self, anchor: Any) -> None:
        before = dataclasses.asdict(anchor)
        first, second = anchor.update([[1, 0, 0]]), anchor.update([[1, 0, 0]])
        assert first == second
        assert dataclasses.asdict(anchor) == before
        with pytest.raises(dataclasses.FrozenInstanceError):
            anchor.belief = 0.1

    def test_checkpoint(self, anchor: Any) -> None:
        for state in (anchor, anchor.update([[1, 0, 1]])):
            restored = type(state)(**json.loads(json.dumps(dataclasses.asdict(state))))
            assert restored == state
            assert hash(restored) == hash(state)
            assert restored.update([[1, 1, 0]]) == state.update([[1, 1, 0]])

    def test_rewards_outside(self, anchor: Any) -> None:
        for bad in (-0.1, 1.1, np.nan, np.inf, 1e300):
            with pytest.raises(ValueError, match=r"^rewards must be in \[0, 1\] everywhere.*; got"):
                anchor.update([[1, bad]])
        with pytest.raises(ValueError, match=r"^rewards must be .*; got \(0, 4\)"):
            anchor.update(np.zeros((0, 4)))
        with pytest.raises(ValueError, match=r"^rewards must be of shape .*G >= 1.*; got \(\)"):
            anchor.update(1.0)
        with pytest.raises(TypeError, match="^rewards must be an array of real numbers"):
            anchor.update("right")


@pytest.mark.parametrize("lib", LIBRARIES)
@pytest.mark.parametrize("anchor", STATES)
def test_every_library(anchor: Any, lib: Library) -> None:
    expected = anchor.update([[1.0, 0, 0], [1, 1, 0]]).belief
    for dtype in ("float32", "float64", "int64"):
        result = anchor.update(lib.array([[1, 0, 0], [1, 1, 0]], dtype))
        assert type(result.belief) is float
        assert_allclose(result.belief, expected, rtol=1e-6)


def test_fields_become_plain_numbers() -> None:
    torch = pytest.importorskip("torch")
    for number in (np.float32(0.5), np.array([0.5]).reshape(()), torch.tensor(0.5)):
        assert type(FixedAnchor(number).belief) is float
        assert type(SoftAnchor(number, recent=[number]).recent[0]) is float
        assert type(KalmanAnchor(number).belief) is float


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: FixedAnchor(1.5), ValueError, r"^belief must be a finite number in \[0.0, 1.0\]; got 1.5"),
        (lambda: FixedAnchor("x"), TypeError, "^belief must be one real number; got 'x'"),  # type: ignore[arg-type]
        (lambda: SoftAnchor(np.nan), ValueError, "^belief must be a finite number"),
        (lambda: SoftAnchor(eta=0), ValueError, "^eta must be positive; got 0"),
        (lambda: SoftAnchor(eta=2.1), ValueError, r"^eta must be a finite number in \[0.0, 2.0\]; got 2.1"),
        (lambda: SoftAnchor(window=1), ValueError, "^window must be an integer of at least 2; got 1"),
        (lambda: SoftAnchor(window=2.0), TypeError, "^window must be an integer"),  # type: ignore[arg-type]
        (lambda: SoftAnchor(warm_start=1), TypeError, "^warm_start must be True or False; got 1"),  # type: ignore[arg-type]
        (lambda: SoftAnchor(window=2, recent=(0.1, 0.2)), ValueError, "^recent must be at most window - 1 = 1 bel"),
        (lambda: SoftAnchor(recent=(5.0,)), ValueError, "^recent must be a finite number in .*; got 5.0"),
        (lambda: SoftAnchor(recent=None), TypeError, "^recent must be a tuple of numbers; got None"),  # type: ignore[arg-type]
        (lambda: HardAnchor(window=0), ValueError, "^window must be an integer of at least 1; got 0"),
        (lambda: HardAnchor(start=-1), ValueError, "^start must be a finite number"),
        (lambda: HardAnchor(window=1, recent=(0.1, 0.2)), ValueError, "^recent must be at most window = 1 accuracies"),
        (lambda: HardAnchor(recent=(np.nan,)), ValueError, "^recent must be a finite number"),
    ],
)
def test_bad_fields(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
