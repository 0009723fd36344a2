"""The Kalman anchor: rationals, the Riccati equation, simulated capabilities, the intraclass correlation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose

from qae_sim.advantages import KalmanAnchor, SoftAnchor, design_effect, intraclass_correlation, steady_state_gain

positive = st.floats(1e-12, 1e6)


class TestByHand:
    def test_design_effect(self) -> None:
        assert design_effect(16, 0.2) == 4
        assert design_effect(1, 0.7) == 1
        assert design_effect(5, 1.0) == 5

    def test_update(self) -> None:
        """C⁻ = 1/2, P = .04, q = .01, four responses in one group, ρ = 1/3: R = 1/16·2 = 1/8, gain .05/.175 = 2/7."""
        anchor = KalmanAnchor(0.5, variance=0.04, process_variance=0.01, rho=1 / 3)
        assert_allclose(anchor.observation_variance(4, 4), 1 / 8, rtol=1e-14)
        assert_allclose(anchor.gain(4, 4), 2 / 7, rtol=1e-14)
        after = anchor.update([[1, 1, 1, 1]])
        assert_allclose([after.belief, after.variance], [5 / 7 * 0.5 + 2 / 7, 5 / 7 * 0.05], rtol=1e-14)

    def test_certain_beliefs_do_not_claim_noise_free_batches(self) -> None:
        # C̃ = (8·1 + 1)/10 = .9.
        assert_allclose(KalmanAnchor(1.0).observation_variance(8, 4), 0.9 * 0.1 / 8, rtol=1e-14)
        assert KalmanAnchor(1.0).observation_variance(10**18, 1) > 0
        assert KalmanAnchor(1.0).update([[0, 0, 0, 0]]).belief < 1

    def test_steady_state(self) -> None:
        # q = 1, R = 2: P² = P + 2, P = 2, gain = 2/4.
        assert_allclose(steady_state_gain(1, 2), 0.5, rtol=1e-15)

    def test_intraclass_correlation(self) -> None:
        # Means 3/4 and 1/4: B = 4·(1/16 + 1/16)/1 = 1/2; W = 2·(3/4)/(2·3) = 1/4; (1/2 - 1/4)/(1/2 + 3/4) = 1/5.
        assert_allclose(intraclass_correlation([[1, 1, 1, 0], [1, 0, 0, 0]]), 0.2, rtol=1e-14)
        # Equal means: B = 0, the least value -1/(G - 1).
        assert_allclose(intraclass_correlation([[1, 0, 0], [1, 0, 0]]), -0.5, rtol=1e-14)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(1e-9, 1),
    st.floats(0, 1),
)
def test_against_rationals(successes: list[int], belief: float, variance: float, q: float, rho: float) -> None:
    anchor = KalmanAnchor(belief, variance, q, rho)
    c, p = Fraction(belief), Fraction(variance)
    for n in successes:
        anchor = anchor.update((np.arange(12) < n).reshape(3, 4))
        pulled = (12 * c + 1) / 14
        r = pulled * (1 - pulled) / 12 * (1 + 3 * Fraction(rho))
        prior = p + Fraction(q)
        c = c + prior / (prior + r) * (Fraction(n, 12) - c)
        p = prior * r / (prior + r)
        c, p = c.limit_denominator(10**30), p.limit_denominator(10**30)  # or the integers grow without end
        assert_allclose([anchor.belief, anchor.variance], [float(c), float(p)], rtol=1e-9, atol=1e-13)


class TestSteadyState:
    @settings(max_examples=60, deadline=None)
    @given(positive, st.one_of(st.just(0.0), positive))
    def test_riccati(self, q: float, r: float) -> None:
        """P = (1 - gain)(P) + q, that is gain·P = q, with P = (q + √(q² + 4qR))/2 in 50 digits."""
        with mpmath.workdps(50):
            prior = (mpmath.mpf(q) + mpmath.sqrt(mpmath.mpf(q) ** 2 + 4 * mpmath.mpf(q) * r)) / 2
            assert mpmath.almosteq(prior**2, mpmath.mpf(q) * (prior + r), rel_eps=1e-40)
            assert_allclose(steady_state_gain(q, r), float(prior / (prior + r)), rtol=1e-14)

    def test_limits(self) -> None:
        assert steady_state_gain(1e-4, 0.0) == 1
        assert_allclose(steady_state_gain(1, 1e12), 1e-6, rtol=1e-5)  # √(q/R)
        assert_allclose(steady_state_gain(1e-300, 1e300), 1e-300, rtol=1e-12)
        assert_allclose(steady_state_gain(1e300, 1e-300), 1, rtol=1e-12)

    @pytest.mark.parametrize("q", [1e-5, 1e-3, 0.1])
    @pytest.mark.parametrize("rho", [0.0, 0.4])
    def test_the_gain_settles_there(self, q: float, rho: float) -> None:
        """Batches that always agree with a belief of 1/2 keep R constant."""
        anchor = KalmanAnchor(0.5, process_variance=q, rho=rho)
        noise = anchor.observation_variance(32, 8)
        assert_allclose(noise, 0.25 / 32 * (1 + 7 * rho), rtol=1e-14)
        gains = []
        for _ in range(2000):
            gains.append(anchor.gain(32, 8))
            anchor = anchor.update(np.tile([1, 0], (4, 4)))
            assert anchor.belief == 0.5
        assert np.all(np.diff(gains) <= 1e-15)
        assert_allclose(gains[-1], steady_state_gain(q, noise), rtol=1e-9)


PROMPTS, SIZE, STEP, RHO = 4, 32, 1e-4, 0.5


@cache
def worlds() -> tuple[np.ndarray, np.ndarray]:
    """Capabilities that walk at random, and batches whose prompts differ in difficulty: Beta-binomial, correlation ρ.

    Returns:
        Capabilities ``(runs, steps)`` and rewards ``(runs, steps, PROMPTS, SIZE)``.
    """
    rng = np.random.default_rng(7)
    walk = 0.5 + np.cumsum(rng.normal(0, STEP**0.5, (30, 200)), axis=1)
    capability = np.clip(walk, 0.05, 0.95)
    # Beta(a, b) with mean C and a + b = 1/ρ - 1 has intraclass correlation ρ.
    total = 1 / RHO - 1
    p = rng.beta(total * capability[..., None], total * (1 - capability[..., None]), (30, 200, PROMPTS))
    return capability, rng.random((30, 200, PROMPTS, SIZE)) < p[..., None]


def follow(make: Callable[[], Any]) -> tuple[float, float]:
    """Mean squared error of the belief before each batch, and of a Kalman anchor's standardised innovations."""
    capability, rewards = worlds()
    errors, innovations = [], []
    for truth, batches in zip(capability, rewards, strict=True):
        anchor = make()
        for c, batch in zip(truth, batches, strict=True):
            errors.append((anchor.belief - c) ** 2)
            if isinstance(anchor, KalmanAnchor):
                spread = anchor.variance + anchor.process_variance + anchor.observation_variance(batch.size, SIZE)
                innovations.append((batch.mean() - anchor.belief) ** 2 / spread)
            anchor = anchor.update(batch)
    return float(np.mean(errors)), float(np.mean(innovations)) if innovations else 0.0


def kalman(rho: float) -> Callable[[], KalmanAnchor]:
    return lambda: KalmanAnchor(0.5, variance=0.0, process_variance=STEP, rho=rho)


class TestSimulation:
    def test_the_right_correlation_beats_none_and_the_soft_anchor(self) -> None:
        right, _ = follow(kalman(RHO))
        assert right < 0.75 * follow(kalman(0.0))[0]
        for eta in (0.5, 1.0, 2.0):
            assert right < 0.75 * follow(lambda eta=eta: SoftAnchor(0.5, eta=eta))[0]

    def test_innovations_are_as_large_as_claimed(self) -> None:
        """The mean of 6000 squares of about unit variance is within .1 of 1; without ρ the filter is overconfident."""
        assert 0.9 < follow(kalman(RHO))[1] < 1.1
        assert follow(kalman(0.0))[1] > 3

    def test_the_correlation_can_be_estimated(self) -> None:
        _, rewards = worlds()
        pooled = [intraclass_correlation(batch) for run in rewards for batch in run[:10]]
        assert abs(np.mean(pooled) - RHO) < 0.1  # small batches, and so a bias of some hundredths


def anova(rewards: list[list[Fraction]]) -> Fraction:
    """ρ̂ from sums of squares, one response at a time."""
    n, g = len(rewards), len(rewards[0])
    grand = sum((x for row in rewards for x in row), Fraction(0)) / (n * g)
    between = within = Fraction(0)
    for row in rewards:
        mean = sum(row, Fraction(0)) / g
        between += g * (mean - grand) ** 2 / (n - 1)
        within += sum(((x - mean) ** 2 for x in row), Fraction(0)) / (n * (g - 1))
    return (between - within) / (between + (g - 1) * within)


class TestIntraclassCorrelation:
    @pytest.mark.parametrize("lib", LIBRARIES)
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 6), st.sampled_from([1.0, 1e300, 1e-300, -3.0]))
    def test_against_rationals(self, lib: Library, seed: int, n: int, g: int, unit: float) -> None:
        rng = np.random.default_rng(seed)
        for rewards in (rng.integers(0, 2, (n, g)) * unit, rng.normal(size=(n, g)) * unit):
            if np.all(rewards == rewards[0, 0]):
                continue
            expected = float(anova([[Fraction(float(x)) for x in row] for row in rewards]))
            assert_allclose(intraclass_correlation(lib.array(rewards)), expected, rtol=1e-9, atol=1e-12)
            assert -1 / (g - 1) - 1e-12 <= expected <= 1

    def test_small_spread_on_a_large_offset(self) -> None:
        rewards = np.array([[1.0, 1 + 2**-50], [1 + 2**-49, 1.0], [1.0, 1.0]])
        expected = anova([[Fraction(x) for x in row] for row in rewards.tolist()])
        assert_allclose(intraclass_correlation(rewards), float(expected), rtol=1e-12)

    @pytest.mark.parametrize("rho", [0.1, 0.3, 0.7])
    def test_consistent(self, rho: float) -> None:
        rng = np.random.default_rng(1)
        total = 1 / rho - 1
        p = rng.beta(0.3 * total, 0.7 * total, (20_000, 1))
        assert abs(intraclass_correlation(rng.random((20_000, 8)) < p) - rho) < 0.02

    @pytest.mark.parametrize("value", [0.0, 0.1, 1e300, 5e-324])
    def test_equal_rewards(self, value: float) -> None:
        with pytest.raises(ValueError, match="^rewards must be of more than one value"):
            intraclass_correlation(np.full((3, 7), value))

    def test_bad_rewards(self) -> None:
        for bad in ([1.0, 0.0], [[1.0, 0.0]], np.zeros((2, 2, 2))):
            with pytest.raises(ValueError, match=r"^rewards must be of shape \(N, G\) with N >= 2 prompts; got"):
                intraclass_correlation(bad)
        with pytest.raises(ValueError, match=r"^rewards must be of shape \(\.\.\., G\) with G >= 2 .*; got \(2, 1\)"):
            intraclass_correlation([[1.0], [0.0]])
        with pytest.raises(ValueError, match="^rewards must be finite everywhere; got nan"):
            intraclass_correlation([[1.0, np.nan], [0.0, 0.0]])
        with pytest.raises(TypeError, match="^rewards must be an array of real numbers"):
            intraclass_correlation("right")


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: KalmanAnchor(belief=-0.1), ValueError, r"^belief must be a finite number in \[0.0, 1.0\]; got -0.1"),
        (lambda: KalmanAnchor(variance=-1), ValueError, "^variance must be a finite number"),
        (lambda: KalmanAnchor(variance=1e300), ValueError, "^variance must be a finite number"),
        (lambda: KalmanAnchor(process_variance=0), ValueError, "^process_variance must be positive"),
        (lambda: KalmanAnchor(process_variance=np.nan), ValueError, "^process_variance must be a finite number"),
        (lambda: KalmanAnchor(rho=1.1), ValueError, r"^rho must be a finite number in \[0.0, 1.0\]; got 1.1"),
        (lambda: KalmanAnchor(rho="a"), TypeError, "^rho must be one real number"),  # type: ignore[arg-type]
        (lambda: KalmanAnchor().gain(0, 1), ValueError, "^responses must be an integer of at least 1; got 0"),
        (lambda: KalmanAnchor().gain(1, 0), ValueError, "^group_size must be an integer of at least 1; got 0"),
        (lambda: design_effect(0, 0.1), ValueError, "^group_size must be an integer of at least 1; got 0"),
        (lambda: design_effect(2.0, 0.1), TypeError, "^group_size must be an integer"),  # type: ignore[arg-type]
        (lambda: design_effect(2, -0.1), ValueError, "^rho must be a finite number"),
        (lambda: steady_state_gain(0, 1), ValueError, "^process_variance must be positive"),
        (lambda: steady_state_gain(-1, 1), ValueError, "^process_variance must be a finite number"),
        (lambda: steady_state_gain(1, -1), ValueError, "^observation_variance must be a finite number"),
        (lambda: steady_state_gain(1, np.inf), ValueError, "^observation_variance must be a finite number"),
        (lambda: steady_state_gain(1, "a"), TypeError, "^observation_variance must be one real number"),  # type: ignore[arg-type]
    ],
)
def test_bad_parameters(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_independent_prompts_need_no_inflation() -> None:
    assert KalmanAnchor(rho=0.0).gain(64, 8) == KalmanAnchor(rho=0.9).gain(64, 1)
    wide = dataclasses.replace(KalmanAnchor(), rho=0.5)
    assert wide.gain(64, 8) < KalmanAnchor().gain(64, 8)
