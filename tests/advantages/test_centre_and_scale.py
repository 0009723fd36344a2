"""Other centres and scales: values worked by hand, and what each method's paper or code promises."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import references_rules as rules
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

binary_groups = st.lists(st.sampled_from([0, 1]), min_size=2, max_size=40)
mixed_groups = binary_groups.filter(lambda group: 0 < sum(group) < len(group))
odd_groups = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2 * n + 1, max_size=2 * n + 1)
)


class TestByHand:
    def test_sign(self) -> None:
        assert_array_equal(adv.sign_advantage([[1, 0], [0, 0], [1, 1]]), [[1, -1], [-1, -1], [1, 1]])

    def test_dgpo(self) -> None:
        # One of five: deviations 4/5 and -1/5, their mean size (4/5 + 4/5)/5 = 8/25.
        assert_allclose(adv.dgpo([1, 0, 0, 0, 0], eps=0), [2.5, *[-0.625] * 4], rtol=1e-15)
        assert_allclose(adv.dgpo([1, 0, 0, 0, 0], eps=0.08), [2, *[-0.5] * 4], rtol=1e-15)
        # 0, 1, 5: mean 2, deviations -2, -1, 3, mean size 2.
        assert_allclose(adv.dgpo([0, 1, 5], eps=0), [-1, -0.5, 1.5], rtol=1e-15)

    def test_mc_grpo(self) -> None:
        # 0, 1, 5: median 1, away from it 1, 0, 4, whose median is 1; two of three differ; deviation √(14/3).
        assert_allclose(adv.mc_grpo([0, 1, 5], eps=0), [-1, 0, 4], rtol=1e-15)
        assert_allclose(adv.mc_grpo([0, 1, 5], eps=1), [-0.5, 0, 2], rtol=1e-15)
        assert_allclose(adv.mc_grpo([0, 1, 5], eps=0, count="differing"), [-1.5, 0, 6], rtol=1e-15)
        assert_allclose(adv.mc_grpo([0, 1, 5], scale="none"), [-1, 0, 4], rtol=1e-15)
        away = np.array([-1, 0, 4]) / math.sqrt(14 / 3)
        assert_allclose(adv.mc_grpo([0, 1, 5], scale="std", eps=0), away, rtol=1e-15)
        # A lone success among 0/1 rewards: the median deviation is 0 and ε = .001 divides.
        assert_allclose(adv.mc_grpo([1, 0, 0]), [1000, 0, 0], rtol=1e-15)
        assert_array_equal(adv.mc_grpo_kept([[0, 1, 5], [1, 0, 0], [0, 0, 1]]), [[1, 0, 1], [1, 0, 1], [0, 1, 1]])

    def test_leave_one_out(self) -> None:
        # 0, 1, 5 against (1, 5), (0, 5), (0, 1): means 3, 2.5, .5 and deviations 2, 2.5, .5.
        assert_allclose(adv.rloo_std([0, 1, 5], eps=0, ddof=0), [-1.5, -0.6, 9], rtol=1e-15)
        half = math.sqrt(2)
        assert_allclose(adv.rloo_std([0, 1, 5], eps=0), [-1.5 / half, -0.6 / half, 9 / half], rtol=1e-15)
        assert_allclose(adv.rloo_std([1, 0, 0, 0])[0], 1e6, rtol=1e-15)
        # Two of the three others of a failure are failures: mean 1/3, deviation √(1/3).
        assert_allclose(
            adv.rloo_std([1, 0, 0, 0], eps=0, equal_others="keep"), [1, *[-1 / math.sqrt(3)] * 3], rtol=1e-15
        )

    def test_krpo(self) -> None:
        # P₀ = 1, R = 1, Q = 0: gains 1/2, 1/3; means 1/2, 1/3; variances 1/2, 1/3.
        keywords = {"process_variance": 0, "observation_variance": 1, "eps": 0}
        assert_allclose(adv.krpo([1, 0], **keywords), [0.5 * math.sqrt(2), -math.sqrt(3) / 3], rtol=1e-15)
        assert_allclose(adv.krpo([0, 1], **keywords), [0, 2 / 3 * math.sqrt(3)], rtol=1e-15)


@given(mixed_groups)
def test_dgpo_gives_every_mixed_group_the_same_weight(group: list[int]) -> None:
    assert_allclose(np.abs(adv.dgpo(group, eps=0)).sum(), len(group), rtol=1e-12)
    assert_allclose(adv.dgpo(group, eps=0).sum(), 0, atol=1e-12)


@given(st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=12), st.permutations(range(12)))
def test_krpo_alone_depends_on_the_order(group: list[float], order: list[int]) -> None:
    chosen = [i for i in order if i < len(group)]
    for function in (adv.dgpo, adv.mc_grpo, adv.rloo_std):
        assert_allclose(function(np.array(group)[chosen]), function(group)[chosen], rtol=1e-9)
    # What comes later is not seen.
    assert_array_equal(adv.krpo(group)[:1], adv.krpo(group[:1]))


@given(odd_groups)
def test_the_pivot_of_mc_grpo(group: list[float]) -> None:
    a, kept = adv.mc_grpo(group, scale="none"), adv.mc_grpo_kept(group)
    assert kept.sum() == len(group) - 1
    assert a[~kept] == 0
    assert_array_equal(a, np.array(group) - np.median(group))
    assert_array_equal(a, np.array(group) - adv.quantile_baseline(group, 0.5))  # QAE's baseline


@given(st.integers(1, 20).flatmap(lambda n: st.lists(st.sampled_from([0, 1]), min_size=2 * n + 1, max_size=2 * n + 1)))
def test_epsilon_alone_divides_mc_grpo(group: list[int]) -> None:
    assert set(np.abs(adv.mc_grpo(group, eps=2.0**-9)).tolist()) <= {0.0, 512.0}
    if len(set(group)) > 1:
        with pytest.raises(ValueError, match=r"^eps must be positive where a group's median absolute deviation is 0"):
            adv.mc_grpo(group, eps=0)


@given(mixed_groups.filter(lambda group: len(group) > 3))
def test_only_a_lone_response_explodes(group: list[int]) -> None:
    lone = np.array([group.count(x) == 1 for x in group])
    a = np.abs(adv.rloo_std(group))
    assert (a[lone] > 9e5).all()
    assert (a[~lone] < 10).all()
    assert (np.abs(adv.rloo_std(group, equal_others="keep")) < 10).all()
    assert (np.abs(adv.grpo(group, eps=0)) <= math.sqrt(len(group) - 1) * (1 + 1e-12)).all()
    if lone.any():
        with pytest.raises(ValueError, match=r"^eps must be positive where the standard deviation of a response's"):
            adv.rloo_std(group, eps=0)


@given(st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=2, max_size=12), st.sampled_from([1.0, 1e-200, 1e200]))
def test_maxrl_of_shares(group: list[float], unit: float) -> None:
    r = [Fraction(x) for x in group]
    wanted = [float(x) for x in rules.maxrl(r)]
    assert_allclose(adv.maxrl(np.array(group) * unit), wanted, rtol=1e-12, atol=1e-14)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^rewards must be at least 0 everywhere.*; got -0.5"):
        adv.maxrl([1.0, -0.5])
    with pytest.raises(ValueError, match=r"^scale must be one of"):
        adv.mc_grpo([1, 0], scale="median")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^observation_variance must be positive; got 0"):
        adv.krpo([1, 0], observation_variance=0)
    with pytest.raises(ValueError, match=r"^start_variance must be positive where process_variance is 0"):
        adv.krpo([1, 0], process_variance=0, start_variance=0)
    for function in (adv.dgpo, adv.mc_grpo, adv.rloo_std, adv.krpo):
        with pytest.raises(ValueError, match=r"^eps must be a finite number in \[0.0, inf\); got -1"):
            function([1, 0], eps=-1)
    with pytest.raises(ValueError, match="equal rewards of a group equal advantages"):
        adv.advantage_table(adv.krpo, 3)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_expected_advantages(size: int) -> None:
    p = np.linspace(0.05, 0.95, 7)
    assert_allclose(adv.expected_advantages("sign_advantage", p, size).c, 2 * p * (1 - p), rtol=1e-12)
    # DGPO: a mixed group moves by (1/2)(1 + ...): its positive advantages add up to G/2.
    mixed = 1 - p**size - (1 - p) ** size
    assert_allclose(adv.expected_advantages("dgpo", p, size, eps=0).c, mixed / 2, rtol=1e-12)
