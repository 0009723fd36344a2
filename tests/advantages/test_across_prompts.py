"""Estimators that compare prompts: values worked by hand, and what their papers promise."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

batches = hnp.arrays(np.float64, st.tuples(st.integers(3, 6), st.integers(2, 8)), elements=st.sampled_from([0.0, 1.0]))


class TestByHand:
    def test_lite_ppo(self) -> None:
        # One success in four rewards: deviation √3/4; in its own group it is 1/2 above the mean.
        assert_allclose(adv.lite_ppo([[1, 0], [0, 0]], eps=0), [[2 / 3**0.5, -2 / 3**0.5], [0, 0]], rtol=1e-15)
        assert_allclose(adv.lite_ppo([[3, 1], [2, 2]], eps=0), [[2**0.5, -(2**0.5)], [0, 0]], rtol=1e-15)
        assert_allclose(adv.lite_ppo([[1, 0], [0, 0]], eps=0, ddof=1), [[1, -1], [0, 0]], rtol=1e-15)

    def test_james_stein(self) -> None:
        # For the first prompt the others are (1, 0, 0, 0) and (1, 1, 1, 0): sample variances 1/4 each, v = 1/16; means
        # 1/4 and 3/4, s = 1/16; λ = 1/2, m = 1/2. The others of its success have mean 0: baseline 1/4; of a failure
        # 1/3: baseline 5/12.
        rewards = [[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]]
        assert_allclose(adv.james_stein(rewards)[0], [3 / 4, *[-5 / 12] * 3], rtol=1e-15)
        # For the third the others have one mean: s = 0, λ = 1, m = 1/4.
        assert_allclose(adv.james_stein(rewards)[2], [3 / 4, 3 / 4, 3 / 4, -1 / 4], rtol=1e-15)
        # With one prompt there is nothing to shrink towards.
        assert_allclose(adv.james_stein([1, 0, 0]), adv.rloo([1, 0, 0]), rtol=1e-15)

    def test_bnpo(self) -> None:
        # Rates 0, 1/2, 1/2, 1: m = 1/2, v = 1/6, m(1-m)/v - 1 = 1/2, a = b = 1/4: Beta(13/12, 13/12).
        rewards = [[0, 0], [1, 0], [1, 0], [1, 1]]
        from scipy.stats import beta

        weight = 1 / beta(13 / 12, 13 / 12).pdf(0.5)
        assert_allclose(adv.bnpo(rewards), [[0, 0], *[[weight / 2, -weight / 2]] * 2, [0, 0]], rtol=1e-12)
        # One prompt, or one rate: plain deviations.
        assert_allclose(adv.bnpo([[1, 0, 0], [0, 0, 1]]), adv.dr_grpo([[1, 0, 0], [0, 0, 1]]), rtol=1e-15)
        assert_allclose(adv.bnpo([1, 0, 0]), adv.dr_grpo([1, 0, 0]), rtol=1e-15)

    def test_a_grae(self) -> None:
        # Rates 1/4 and 1, q = 5/8: z = √3 and -1/√3; focus 5/8·2 + 3/8·2 = 2, halved 1; successes count 5/8.
        got = adv.a_grae([[1, 0, 0, 0], [1, 1, 1, 1]], eps=0)
        assert_allclose(got, [[5 / 8 * 3**0.5, *[-1 / 3**0.5] * 3], [0] * 4], rtol=1e-15)


@given(batches)
def test_a_grae_weighs_successes_by_the_batch(rewards: np.ndarray) -> None:
    a, q = adv.a_grae(rewards, eps=0), rewards.mean()
    assert_allclose(np.maximum(a, 0).sum(axis=-1), q * np.maximum(-a, 0).sum(axis=-1), rtol=1e-12, atol=1e-12)


@given(batches)
def test_lite_ppo_is_dr_grpo_over_one_number(rewards: np.ndarray) -> None:
    a, plain = adv.lite_ppo(rewards, eps=0), adv.dr_grpo(rewards)
    assert_allclose(a * (rewards.std() or 1), plain, atol=1e-12)
    assert_allclose(adv.bnpo(rewards) * plain >= 0, True)


@given(batches, st.integers(0, 5), st.integers(0, 7))
def test_no_reward_enters_its_own_baseline(rewards: np.ndarray, prompt: int, response: int) -> None:
    """James-Stein: the baseline, reward minus advantage, is the same whatever the response's own reward is."""
    place = (prompt % rewards.shape[0], response % rewards.shape[1])
    changed = rewards.copy()
    changed[place] = 1 - changed[place]
    baselines = [(r - adv.james_stein(r))[place] for r in (rewards, changed)]
    assert_allclose(*baselines, atol=1e-12)
    assert_allclose(rewards - adv.james_stein(rewards) >= -1e-12, True)


@given(batches)
def test_prompts_may_come_in_any_order(rewards: np.ndarray) -> None:
    for function in (adv.lite_ppo, adv.james_stein, adv.bnpo, adv.a_grae):
        assert_allclose(function(rewards[::-1])[::-1], function(rewards), rtol=1e-9, atol=1e-12)
        assert_array_equal(function(np.zeros((2, 3))), 0)
