"""The exact expectation over groups, against rational enumeration and against known closed forms."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import ESTIMATORS, advantage_table, expected_advantages, ha_dw, qae

PARAMETERS = {"ha_dw": {"anchor": 0.4}}
RESPONSE_LEVEL = [
    name
    for name, entry in ESTIMATORS.items()
    if entry.level == "response" and set(entry.inputs) <= {"anchor"} and not entry.ordered
]
rates = st.one_of(st.sampled_from([0.0, 1.0, 1e-12, 0.5, 1 - 2**-53]), st.floats(0.0, 1.0, allow_subnormal=False))


@pytest.mark.parametrize("name", RESPONSE_LEVEL)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_against_all_groups(name: str, size: int) -> None:
    """Sum over all 2^G groups in rational arithmetic, with the estimator called on each."""
    parameters = PARAMETERS.get(name, {})
    for p in (Fraction(1, 7), Fraction(1, 2), Fraction(9, 10)):
        mean = {1: Fraction(0), 0: Fraction(0)}
        second = zero = Fraction(0)
        for group in itertools.product((0, 1), repeat=size):
            n = sum(group)
            weight = p**n * (1 - p) ** (size - n)
            a = [Fraction(float(x)) for x in ESTIMATORS[name].function(np.array(group, dtype=float), **parameters)]
            for r, x in zip(group, a, strict=True):
                mean[r] += weight * x / size
            second += weight * sum(x * x for x in a) / size
            zero += weight * Fraction(sum(x == 0 for x in a), size)
        result = expected_advantages(name, float(p), size, **parameters)
        assert_allclose(result.alpha, float(mean[1] / p), rtol=1e-13)
        assert_allclose(result.beta, float(mean[0] / (1 - p)), rtol=1e-13)
        assert_allclose(result.c, float(mean[1] * (1 - p) - mean[0] * p), rtol=1e-12)
        assert_allclose(result.second_moment, float(second), rtol=1e-12)
        assert_allclose(result.zero_share, float(zero), rtol=1e-12)


class TestClosedForms:
    p = np.linspace(0, 1, 41)

    @pytest.mark.parametrize("size", [2, 8, 16, 64, 1000])
    def test_rloo_is_unbiased(self, size: int) -> None:
        result = expected_advantages("rloo", self.p, size)
        assert_allclose(result.alpha, 1 - self.p, atol=1e-12)
        assert_allclose(result.beta, -self.p, atol=1e-12)
        assert_allclose(result.c, self.p * (1 - self.p), rtol=1e-12)

    @pytest.mark.parametrize("size", [2, 8, 16, 64])
    def test_mean_baseline_shrinks_by_its_own_share(self, size: int) -> None:
        result = expected_advantages("dr_grpo", self.p, size)
        assert_allclose(result.c, (size - 1) / size * self.p * (1 - self.p), rtol=1e-12)

    def test_weights_of_regimes_at_eight(self) -> None:
        """c/(p(1-p)) at G = 8: 1 is the weighting of the true gradient, up to a constant."""
        p = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
        for name, parameters, expected in (
            ("grpo", {}, [2.47, 2.33, 2.11, 1.96, 1.86, 1.96, 2.11, 2.33, 2.47]),
            ("qae", {}, [2.80, 2.61, 2.29, 1.99, 1.52, 1.73, 2.12, 2.57, 2.79]),
            ("ha_dw", {"anchor": 0.5}, [4.43, 3.96, 3.24, 2.78, 2.44, 2.78, 3.24, 3.96, 4.43]),
        ):
            result = expected_advantages(name, p, 8, **parameters)
            assert_allclose(result.c / (p * (1 - p)), expected, atol=0.0051)

    def test_grpo_and_qae_have_the_same_speed_in_large_groups(self) -> None:
        p = np.linspace(0.02, 0.98, 97)
        ratio = {
            size: expected_advantages("qae", p, size, k=0.4).c / expected_advantages("grpo", p, size).c
            for size in (16, 256)
        }
        assert 0.83 < ratio[16].min() < ratio[16].max() < 1.07
        assert 0.94 < ratio[256].min() < ratio[256].max() < 1.005

    def test_ends_are_ordinary_points(self) -> None:
        """At p = 0 the responses are all wrong; a correct one, were there any, would be alone."""
        result = expected_advantages("qae", [0.0, 1.0], 5, k=0.4, eps=0)
        assert_allclose(result.alpha, [2.5, 0.0])
        assert_allclose(result.beta, [0.0, -2.5])
        assert_array_equal(result.c, 0)
        assert_array_equal(result.zero_share, 1)

    def test_zero_share_by_hand(self) -> None:
        # G = 2, K = .4: rank 1, so one right and one wrong give +A and 0; p = 1/2 mixes half of all groups.
        assert_allclose(expected_advantages("qae", 0.5, 2).zero_share, 0.75)


@given(rates, st.integers(2, 40), st.sampled_from(["grpo", "qae", "rloo", "pos_mask", "neg_mask"]))
def test_signs_and_bounds(p: float, size: int, name: str) -> None:
    result = expected_advantages(name, p, size)
    assert result.alpha >= 0 >= result.beta
    assert result.c >= 0
    assert 0 <= result.zero_share <= 1 + 1e-12
    assert result.second_moment >= (p * result.alpha**2 + (1 - p) * result.beta**2) * (1 - 1e-12)


def test_monte_carlo_agrees() -> None:
    rng = np.random.default_rng(0)
    p, size, groups = 0.3, 16, 200_000
    rewards = (rng.random((groups, size)) < p).astype(float)
    a = qae(rewards, 0.4)
    exact = expected_advantages("qae", p, size, k=0.4)
    # Standard errors: groups of 16 dependent responses; 5 of them bound chance to one in a million.
    for values, expected in ((a * rewards / p, exact.alpha), (a**2, exact.second_moment), (a == 0, exact.zero_share)):
        means = values.mean(axis=1)
        assert abs(means.mean() - expected) < 5 * means.std() / math.sqrt(groups)


def test_functions_are_estimators_too() -> None:
    by_name = expected_advantages("ha_dw", [0.2, 0.7], 8, anchor=0.4)
    by_function = expected_advantages(lambda r: ha_dw(r, 0.4), [0.2, 0.7], 8)
    assert_array_equal(by_name.c, by_function.c)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_libraries(lib: Library) -> None:
    reference = expected_advantages("qae", [[0.1, 0.5], [0.9, 1.0]], 8)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-13)):
        result = expected_advantages("qae", lib.array([[0.1, 0.5], [0.9, 1.0]], dtype), 8)
        for name, value in vars(result).items():
            assert lib.owns(value)
            assert value.dtype == lib.array([0.0], dtype).dtype
            assert_allclose(lib.numpy(value), getattr(reference, name), rtol=tolerance, atol=tolerance)


def test_table_by_hand() -> None:
    # RLOO, G = 2: alone right +1, alone wrong -1.
    assert_array_equal(advantage_table("rloo", 2), [[0, 0], [-1, 1], [0, 0]])
    assert_array_equal(advantage_table("dr_grpo", 1), [[0, 0], [0, 0]])


class TestBadInput:
    def test_rates(self) -> None:
        for p in (-0.1, 1.1, np.nan):
            with pytest.raises(ValueError, match=r"^p must be in \[0, 1\] everywhere; got"):
                expected_advantages("grpo", [0.5, p], 8)

    def test_size(self) -> None:
        for size in (0, 1001):
            with pytest.raises(ValueError, match=r"^group_size must be an integer from 1 to 1000; got"):
                expected_advantages("dr_grpo", 0.5, size)
        with pytest.raises(TypeError, match=r"^group_size must be an integer"):
            expected_advantages("grpo", 0.5, 8.0)  # type: ignore[arg-type]

    def test_estimator(self) -> None:
        with pytest.raises(ValueError, match=r"^estimator must be one of .* \(did you mean 'qae'\?\); got 'qea'"):
            expected_advantages("qea", 0.5, 8)
        with pytest.raises(ValueError, match="estimator must be one that looks at rewards alone: .*; got 'opo'"):
            expected_advantages("opo", 0.5, 4)
        with pytest.raises(ValueError, match=r"^estimator must be of level 'response' here, not 'batch'; got 'reinf"):
            expected_advantages("reinforce_plus_plus", 0.5, 8)
        with pytest.raises(ValueError, match=r"^estimator must be one that gives equal rewards of a group equal"):
            advantage_table(lambda r: np.arange(r.size, dtype=float).reshape(r.shape), 3)
