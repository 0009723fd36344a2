"""Neighbouring estimators: values worked by hand, exact references, what their papers claim of them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import references as exact
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

binary_groups = st.lists(st.sampled_from([0, 1]), min_size=2, max_size=40)
real_groups = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, allow_subnormal=False)), min_size=2, max_size=24
)
epsilons, ddofs = st.sampled_from([0.0, 1e-6, 0.1]), st.sampled_from([0, 1])


class TestByHand:
    """One success in five: mean 1/5, std 2/5; four in five: the mirror image."""

    one = np.array([1.0, 0, 0, 0, 0])
    four = np.array([1.0, 1, 1, 1, 0])

    def test_mapo(self) -> None:
        # λ = 1 - 4·(1/5)(4/5) = 9/25; GRPO gives 2 and -1/2, the deviation over the mean 4 and -1.
        assert_allclose(adv.mapo(self.one, eps=0), [16 / 25 * 2 + 9 / 25 * 4] + [-16 / 25 / 2 - 9 / 25] * 4, rtol=1e-15)
        # GRPO gives 1/2 and -2, the deviation over the mean 1/4 and -1.
        assert_allclose(adv.mapo(self.four, eps=0), [16 / 50 + 9 / 100] * 4 + [-32 / 25 - 9 / 25], rtol=1e-15)
        # ε is added to both denominators: (4/5)/(2/5 + 2/5) and (4/5)/(1/5 + 2/5).
        assert_allclose(adv.mapo(self.one, eps=0.4)[0], 16 / 25 * 1 + 9 / 25 * 4 / 3, rtol=1e-15)

    def test_maxrl(self) -> None:
        assert_allclose(adv.maxrl(self.one), [4, -1, -1, -1, -1], rtol=1e-15)
        assert_allclose(adv.maxrl(self.four), [0.25, 0.25, 0.25, 0.25, -1], rtol=1e-15)
        assert_array_equal(adv.maxrl([[0, 0, 0], [1, 1, 1]]), np.zeros((2, 3)))

    def test_grpo_n(self) -> None:
        assert_allclose(adv.grpo_n(self.one, eps=0), [0, -0.5, -0.5, -0.5, -0.5], rtol=1e-15)
        assert_allclose(adv.grpo_n(self.four, eps=0), [0, 0, 0, 0, -2], rtol=1e-15)

    def test_grpo_passk(self) -> None:
        assert_allclose(adv.grpo_passk(self.one, eps=0), [2.5, 0, 0, 0, 0], rtol=1e-15)
        assert_array_equal(adv.grpo_passk(self.four, eps=0), np.zeros(5))
        # std of 1, 2, 6 is √(14/3): the best is 4 ahead of the second.
        assert_allclose(adv.grpo_passk([1.0, 6, 2], eps=0), [0, 4 / math.sqrt(14 / 3), 0], rtol=1e-15)
        assert_allclose(adv.grpo_passk([1.0, 6, 2], eps=0, ddof=1), [0, 4 / math.sqrt(7), 0], rtol=1e-15)


@given(binary_groups, epsilons, ddofs)
def test_binary_ones_against_rational_arithmetic(group: list[int], eps: float, ddof: int) -> None:
    r = [Fraction(x) for x in group]
    p = exact.mean(r)
    equal = p in (0, 1)
    mixture = 1 - 4 * p * (1 - p)
    z = exact.grpo(r, eps, ddof)
    percent = [0 if equal else (x - p) / (p + Fraction(eps)) for x in r]
    wanted = [float(1 - mixture) * a + float(mixture * b) for a, b in zip(z, percent, strict=True)]
    assert_allclose(adv.mapo(group, eps=eps, ddof=ddof), wanted, rtol=1e-12, atol=1e-14)
    assert_allclose(adv.maxrl(group), [0.0 if equal else float((x - p) / p) for x in r], rtol=1e-14)


@given(real_groups, epsilons, ddofs)
def test_the_others_against_rational_arithmetic(group: list[float], eps: float, ddof: int) -> None:
    r = [Fraction(x) for x in group]
    assert_allclose(
        adv.grpo_n(group, eps=eps, ddof=ddof), np.minimum(exact.grpo(r, eps, ddof), 0), rtol=1e-9, atol=1e-13
    )
    second = sorted(r)[-2]
    ahead = exact.over([max(x - second, Fraction(0)) for x in r], exact.std(r, ddof) + eps)
    assert_allclose(adv.grpo_passk(group, eps=eps, ddof=ddof), ahead, rtol=1e-9)


@given(binary_groups)
def test_mapo_lies_between_its_parts(group: list[int]) -> None:
    a, z, percent = adv.mapo(group, eps=0), adv.grpo(group, eps=0), adv.maxrl(group)
    assert (a >= np.minimum(z, percent) - 1e-12).all()
    assert (a <= np.maximum(z, percent) + 1e-12).all()
    balanced = group + [1 - x for x in group]  # p = 1/2: nothing but GRPO
    assert_allclose(adv.mapo(balanced, eps=0), adv.grpo(balanced, eps=0), rtol=1e-12)


@given(real_groups)
def test_grpo_is_its_negative_part_and_its_positive_part(group: list[float]) -> None:
    negative, positive = adv.grpo_n(group), -adv.grpo_n([-x for x in group])
    assert_allclose(negative + positive, adv.grpo(group), rtol=1e-12, atol=1e-15)
    assert ((negative == 0) | (positive == 0)).all()


@pytest.mark.parametrize("size", [2, 3, 8, 16, 100])
def test_maxrl_climbs_the_first_terms_of_log_p(size: int) -> None:
    """Over ∇p the centred estimator has Σ (1-p)ᵏ up to k = G - 2; without centring it would be up to G - 1."""
    p = np.linspace(0.01, 0.99, 50)
    weight = adv.expected_advantages("maxrl", p, size).c / (p * (1 - p))
    terms = (1 - p)[:, None] ** np.arange(size - 1)
    assert_allclose(weight, terms.sum(axis=1), rtol=1e-10)
    if size == 100:
        assert_allclose(weight[p > 0.2], 1 / p[p > 0.2], rtol=1e-6)  # maximum likelihood itself


@pytest.mark.parametrize("size", [2, 5, 16])
def test_passk_speaks_of_lone_successes_alone(size: int) -> None:
    table = adv.advantage_table("grpo_passk", size, eps=0)
    assert (table[:, 0] == 0).all()
    assert np.flatnonzero(table[:, 1]).tolist() == [1]
    assert table[1, 1] == pytest.approx(size / math.sqrt(size - 1))


@pytest.mark.parametrize("function", [adv.mapo, adv.sign_advantage, adv.bnpo, adv.a_grae])
def test_binary_rewards_alone(function: object) -> None:
    with pytest.raises(ValueError, match="rewards must be 0 or 1 everywhere"):
        function([0.5, 1.0])  # type: ignore[operator]


@pytest.mark.parametrize("function", [adv.mapo, adv.grpo_n, adv.grpo_passk])
def test_parameters_are_checked(function: object) -> None:
    with pytest.raises(ValueError, match="eps must be"):
        function([0.0, 1.0], eps=-1.0)  # type: ignore[operator]
    with pytest.raises(ValueError, match="ddof must be"):
        function([0.0, 1.0], ddof=2)  # type: ignore[operator]
