"""Automatic K: regimes, the entropy controller, least gradient variance; the batch-wise quantile."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import (
    EntropyTargetK,
    GradientVarianceK,
    SuccessRateK,
    advantage_table,
    k_from_gradient_variance,
    k_from_success_rate,
    qae,
    quantile_baseline,
    quantile_whitening,
)


class TestSuccessRate:
    def test_by_hand(self) -> None:
        # Half of five is the third smallest, .3; half-way to .6 is .45.
        assert_allclose(k_from_success_rate([0.9, 0.1, 0.6, 0.2, 0.3]), 0.55, rtol=1e-14)
        # All up to the largest: half-way from .5 to 1.
        assert_allclose(k_from_success_rate([0.5, 0.5], hard_share=0.9), 0.25, rtol=1e-14)

    @settings(max_examples=80, deadline=None)
    @given(st.integers(2, 16), st.lists(st.integers(0, 15), min_size=1, max_size=30), st.integers(1, 99))
    def test_the_share_of_hard_prompts(self, size: int, successes: list[int], percent: int) -> None:
        """As many prompts as wanted are hard, up to ties; one less would be too few. And the gate sees it so."""
        n = np.array(successes) % size  # below G, so that some K does it
        p_hat, share = n / size, percent / 100
        k = k_from_success_rate(p_hat, hard_share=share)
        assert 0 < k < 1
        hard = p_hat <= 1 - k
        assert hard.sum() * 100 >= percent * len(n)
        assert (p_hat < p_hat[hard].max()).sum() * 100 < percent * len(n)
        rewards = (np.arange(size) < n[:, None]).astype(float)
        assert_array_equal(quantile_baseline(rewards, k) == 0, hard)

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_every_library(self, lib: Library) -> None:
        for dtype in ("float32", "float64"):
            k = k_from_success_rate(lib.array([[0.25, 0.5], [0.75, 0.75]], dtype), hard_share=0.5)
            assert type(k) is float
            assert k == 0.375
            rewards = lib.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]], dtype)
            assert SuccessRateK(rate=1.0).update(rewards).k == 0.375

    def test_state(self) -> None:
        # Groups all right or wrong do not count; 1/4 and 3/4 remain, K of the batch 1/2; .9·.4 + .1·.5.
        state = SuccessRateK()
        after = state.update([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
        assert_allclose(after.k, 0.41, rtol=1e-14)
        assert state == SuccessRateK()
        assert state.update([[1, 1], [0, 0]]) == state
        for _ in range(200):
            after = after.update([[1, 0, 0, 0], [1, 1, 1, 0]])
        assert_allclose(after.k, 0.5, rtol=1e-8)

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match=r"^p_hat must be in \[0, 1\] everywhere; got 1.5"):
            k_from_success_rate([0.5, 1.5])
        with pytest.raises(ValueError, match=r"^p_hat must be in \[0, 1\] everywhere; got nan"):
            k_from_success_rate([0.5, np.nan])
        with pytest.raises(ValueError, match=r"^p_hat must be the success rates of one prompt at least; got \(0,\)"):
            k_from_success_rate(np.zeros(0))
        with pytest.raises(ValueError, match="^p_hat must be below 1 for the prompts that are to count as hard"):
            k_from_success_rate([0.5, 1.0], hard_share=0.9)
        with pytest.raises(TypeError, match="^p_hat must be an array of real numbers"):
            k_from_success_rate("a")
        for bad in (0.0, 1.0, np.nan):
            with pytest.raises(ValueError, match=r"^hard_share must be a finite number in \(0.0, 1.0\)"):
                k_from_success_rate([0.5], hard_share=bad)
            with pytest.raises(ValueError, match="^hard_share must be a finite number"):
                SuccessRateK(hard_share=bad)
            with pytest.raises(ValueError, match="^k must be a finite number"):
                SuccessRateK(k=bad)
        with pytest.raises(ValueError, match="^rate must be positive; got 0"):
            SuccessRateK(rate=0)
        with pytest.raises(ValueError, match="^rate must be a finite number"):
            SuccessRateK(rate=1.1)
        with pytest.raises(ValueError, match="^rewards must be 0 or 1 everywhere.*; got 0.5"):
            SuccessRateK().update([[0.5, 1]])


class TestEntropyTarget:
    def test_by_hand(self) -> None:
        # logit 1/2 = 0; .5·(2 - 1) = 1/2.
        assert_allclose(EntropyTargetK(2.0, k=0.5, gain=0.5).update(1.0).k, 1 / (1 + math.exp(-0.5)), rtol=1e-15)
        assert EntropyTargetK(1.0, k=0.3).update(1.0).k == pytest.approx(0.3, rel=1e-15)

    @pytest.mark.parametrize("target", [0.5, 1.0, 1.7])
    @pytest.mark.parametrize("start", [0.01, 0.4, 0.99])
    def test_converges(self, target: float, start: float) -> None:
        """A plant whose entropy moves towards 2K, a tenth of the way per step."""
        state, entropy = EntropyTargetK(target, k=start), 1.0
        for _ in range(2000):
            entropy += 0.1 * (2 * state.k - entropy)
            state = state.update(entropy)
        assert_allclose([entropy, 2 * state.k], target, rtol=1e-6)

    @settings(max_examples=80, deadline=None)
    @given(
        st.floats(0, 1e300), st.floats(0, 1, exclude_min=True), st.floats(1e-3, 1e300), st.lists(st.floats(0, 1e300))
    )
    def test_stays_within_its_limits(self, target: float, low: float, gain: float, entropies: list[float]) -> None:
        low = min(low, 0.5)
        state = EntropyTargetK(target, k=0.5, gain=gain, low=low, high=0.9)
        for entropy in entropies:
            after = state.update(entropy)
            assert low <= after.k <= 0.9
            assert (after.k - state.k) * (target - entropy) >= -1e-15
            state = after

    def test_comes_back_from_a_target_out_of_reach(self) -> None:
        state = EntropyTargetK(2.0)
        for _ in range(10_000):
            state = state.update(0.0)
        assert state.k == 0.99
        for _ in range(40):
            state = state.update(3.0)
        assert state.k < 0.7

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match="^target must be a finite number"):
            EntropyTargetK(-1.0)
        with pytest.raises(ValueError, match=r"^k must be a finite number in \[0.01, 0.99\]; got 1.0"):
            EntropyTargetK(1.0, k=1.0)
        with pytest.raises(ValueError, match="^gain must be positive; got 0"):
            EntropyTargetK(1.0, gain=0)
        with pytest.raises(ValueError, match=r"^low must be a finite number in \(0.0, 1.0\); got 0"):
            EntropyTargetK(1.0, low=0)
        with pytest.raises(ValueError, match=r"^high must be a finite number in \(0.0, 1.0\); got 1"):
            EntropyTargetK(1.0, high=1)
        with pytest.raises(ValueError, match="^high must be at least low = 0.3; got 0.2"):
            EntropyTargetK(1.0, low=0.3, high=0.2)
        for bad in (-0.1, np.nan, np.inf):
            with pytest.raises(ValueError, match=r"^entropy must be a finite number in \[0.0, inf\); got"):
                EntropyTargetK(1.0).update(bad)
        with pytest.raises(TypeError, match="^entropy must be one real number"):
            EntropyTargetK(1.0).update("a")  # type: ignore[arg-type]


@cache
def qae_table(size: int, k: float) -> np.ndarray:
    return advantage_table("qae", size, k=k, eps=0)


class Bandit:
    """A softmax bandit with the conditional policies π± fixed, so that v± is the same at every success rate p."""

    correct = np.array([0.85, 0.1, 0.05])
    wrong = np.array([0.3, 0.3, 0.2, 0.2])
    # s = e_a - π, and within a side E‖s - E[s]‖² = 1 - Σ π±².
    variances = (1 - (correct**2).sum(), 1 - (wrong**2).sum())
    least = variances[0] / (variances[0] + variances[1])

    def __init__(self, p: float) -> None:
        pi = np.concatenate([p * self.correct, (1 - p) * self.wrong])
        self.p, self.pi = p, pi
        self.scores = np.eye(7) - pi
        self.means = (self.correct @ self.scores[:3], self.wrong @ self.scores[3:])

    def variance(self, size: int, k: float) -> float:
        """Exact variance (trace) of (1/G) Σ Aᵢsᵢ, as a sum over the number n of correct responses."""
        a = qae_table(size, k)
        n = np.arange(size + 1)
        log_choose = np.array([math.lgamma(size + 1) - math.lgamma(m + 1) - math.lgamma(size - m + 1) for m in n])
        weight = np.exp(log_choose + n * math.log(self.p) + (size - n) * math.log1p(-self.p))
        mean = (a[:, 1] * n)[:, None] * self.means[0] + (a[:, 0] * (size - n))[:, None] * self.means[1]
        within = a[:, 1] ** 2 * n * self.variances[0] + a[:, 0] ** 2 * (size - n) * self.variances[1]
        first = weight @ mean
        return float(weight @ (within + (mean**2).sum(axis=1)) - first @ first) / size**2

    def sampled(self, size: int, k: float, groups: int, seed: int) -> float:
        """The same from drawn groups."""
        arms = np.random.default_rng(seed).choice(7, (groups, size), p=self.pi)
        gradients = (qae((arms < 3) * 1.0, k, eps=0)[..., None] * self.scores[arms]).mean(axis=1)
        return float(gradients.var(axis=0).sum())


class TestGradientVariance:
    def test_by_hand(self) -> None:
        # v₊ = 3, v₋ = (0 + 1 + 2)/3 = 1.
        assert k_from_gradient_variance([1, 0, 0, 0], [3, 0, 1, 2]) == 0.75
        assert k_from_gradient_variance([[1, 0], [0, 1]], [[2, 6], [6, 2]]) == 0.25

    @pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
    def test_the_exact_variance_is_that_of_drawn_groups(self, p: float) -> None:
        for k in (0.2, 0.7):
            drawn = Bandit(p).sampled(16, k, 20_000, seed=5)
            assert_allclose(drawn, Bandit(p).variance(16, k), rtol=0.05)

    def test_least_variance(self) -> None:
        """Over prompts of all success rates the sum of variances is least at K*, to a step of the grid, for G = 800."""
        rates = np.arange(0.03, 0.98, 0.02)
        grid = np.arange(0.0613, 0.95, 0.04)
        total = [sum(Bandit(p).variance(800, k) for p in rates) for k in grid]
        drawn = np.random.default_rng(0)
        arms = drawn.choice(7, 4000, p=Bandit(0.5).pi)
        correct = arms < 3
        scores = Bandit(0.5).scores[arms]
        centred = scores - np.where(correct[:, None], *Bandit(0.5).means)
        k = k_from_gradient_variance(correct * 1.0, (centred**2).sum(axis=1))
        assert abs(k - Bandit.least) < 0.03
        assert abs(grid[int(np.argmin(total))] - Bandit.least) <= 0.04
        # Norms that are not centred lead elsewhere, to a larger variance.
        plain = k_from_gradient_variance(correct * 1.0, (scores**2).sum(axis=1))
        assert plain > Bandit.least + 0.04
        assert sum(Bandit(p).variance(800, plain) for p in rates) > min(total)

    @pytest.mark.parametrize("p", [0.2, 0.6, 0.9])
    def test_each_prompt_prefers_its_side(self, p: float) -> None:
        """Always hard against always easy: G times the difference is v₊/(1-p) - v₋/p, up to O(1/G)."""
        hard, easy = (Bandit(p).variance(1000, k) * 1000 for k in (1e-4, 1 - 1e-4))
        assert_allclose(hard - easy, Bandit.variances[0] / (1 - p) - Bandit.variances[1] / p, rtol=0.03)
        assert (hard < easy) == (p <= 1 - Bandit.least)

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_every_library(self, lib: Library) -> None:
        for dtype in ("float32", "float64", "int64"):
            assert k_from_gradient_variance(lib.array([1, 0, 0, 0], dtype), lib.array([3, 0, 1, 2], dtype)) == 0.75
        assert k_from_gradient_variance(lib.array([1.0, 0.0], "float32"), lib.array([1e300, 1e300], "float64")) == 0.5

    def test_state(self) -> None:
        # v₊ = (1 + 3)/2 = 2, v₋ = (1 + 2)/2 = 3/2.
        state = GradientVarianceK(rate=0.5)
        after = state.update([1, 0, 0, 0], [3.0, 0.0, 1.0, 5.0])
        assert (after.correct, after.wrong) == (2, 1.5)
        assert_allclose(after.k, 4 / 7, rtol=1e-15)
        assert state == GradientVarianceK(rate=0.5)
        assert state.k == 0.5
        # A side without responses keeps its value.
        assert (after.update([1, 1], [4.0, 8.0]).correct, after.update([1, 1], [4.0, 8.0]).wrong) == (4, 1.5)
        for _ in range(60):
            state = state.update([1, 0], [0.3, 0.7])
        assert_allclose(state.k, 0.3, rtol=1e-12)

    def test_large_norms(self) -> None:
        assert_allclose(k_from_gradient_variance([1, 1, 0], [1.7e308, 1.7e308, 1.7e308 / 3]), 0.75, rtol=1e-14)
        assert GradientVarianceK(1.7e308, 1.7e308).k == 0.5

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match=r"^squared_norms must be of shape \(2,\) \(the shape of rewards\); got"):
            k_from_gradient_variance([1, 0], [1.0])
        with pytest.raises(ValueError, match="^squared_norms must be at least 0 everywhere; got -1.0"):
            k_from_gradient_variance([1, 0], [1.0, -1.0])
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match="^squared_norms must be finite everywhere; got"):
                k_from_gradient_variance([1, 0], [1.0, bad])
        with pytest.raises(ValueError, match="^squared_norms must be positive for some correct and some wrong"):
            k_from_gradient_variance([1, 0, 0], [1.0, 0.0, 0.0])
        with pytest.raises(ValueError, match="^squared_norms must be of comparable size"):
            k_from_gradient_variance([1, 0], [1.0, 1e-20])
        with pytest.raises(ValueError, match="^squared_norms must be of comparable size"):
            k_from_gradient_variance([1, 0], [1e-300, 1e300])
        with pytest.raises(ValueError, match="^rewards must be of both values, 0 and 1"):
            k_from_gradient_variance([1, 1], [1.0, 1.0])
        with pytest.raises(ValueError, match="^rewards must be 0 or 1 everywhere"):
            k_from_gradient_variance([1, 2], [1.0, 1.0])
        with pytest.raises(TypeError, match="^squared_norms must be an array of real numbers"):
            k_from_gradient_variance([1, 0], "a")
        with pytest.raises(ValueError, match="^correct must be positive; got 0"):
            GradientVarianceK(correct=0)
        with pytest.raises(ValueError, match="^wrong must be a finite number"):
            GradientVarianceK(wrong=np.inf)
        with pytest.raises(ValueError, match="^correct, wrong must be of comparable size"):
            GradientVarianceK(correct=1.0, wrong=1e-20)
        with pytest.raises(ValueError, match="^rate must be positive"):
            GradientVarianceK(rate=0)


class TestQuantileWhitening:
    def test_by_hand(self) -> None:
        # 0 1 2 3 4 and a masked 9: rank ⌈.4·5⌉ = 2, the value 1; std √2, or √2.5 over n - 1.
        x, mask = [[4.0, 0.0, 9.0], [3.0, 1.0, 2.0]], [[1, 1, 0], [1, 1, 1]]
        expected = np.array([[3.0, -1.0, 0.0], [2.0, 0.0, 1.0]])
        assert_allclose(quantile_whitening(x, 0.4, mask=mask, eps=0), expected / math.sqrt(2), rtol=1e-14)
        assert_allclose(quantile_whitening(x, 0.4, mask=mask, eps=0, ddof=1), expected / math.sqrt(2.5), rtol=1e-14)
        # Linear: h = .4·4 = 1.6, the value 1.6. With ε = .5: (4 - 1.6)/(√2 + .5).
        linear = quantile_whitening(x, 0.4, mask=mask, quantile="linear", eps=0.5)
        assert_allclose(linear[0, 0], 2.4 / (math.sqrt(2) + 0.5), rtol=1e-14)

    @pytest.mark.parametrize("quantile", ["inverted_cdf", "linear"])
    @pytest.mark.parametrize("lib", LIBRARIES)
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 31), st.sampled_from([0, 1]), st.booleans())
    def test_against_numpy(self, lib: Library, quantile: Any, seed: int, k32: int, ddof: int, masked: bool) -> None:
        rng, k = np.random.default_rng(seed), k32 / 32
        shape = rng.integers(1, 6, rng.integers(1, 4))
        x = rng.choice([rng.normal(size=shape), rng.integers(0, 3, shape) * 1.0])
        mask = rng.random(x.shape) < 0.7 if masked else np.ones(x.shape, dtype=bool)
        kept = x[mask]
        if kept.size < 2:
            return
        x = np.where(mask, x, rng.choice([np.nan, np.inf, 0.0, 1e300], x.shape))
        expected = np.zeros(x.shape)
        if np.ptp(kept) > 0:
            expected[mask] = (kept - np.quantile(kept, k, method=quantile)) / (kept.std(ddof=ddof) + 1e-6)
        values = lib.array(x)
        mask_given = lib.array(mask) if masked else None
        result = quantile_whitening(values, k, mask=mask_given, quantile=quantile, ddof=ddof)
        assert lib.owns(result)
        assert result.dtype == values.dtype
        assert_allclose(lib.numpy(result), expected, rtol=1e-11, atol=1e-11)
        assert_array_equal(lib.numpy(result)[~mask], 0)

    @pytest.mark.parametrize("lib", LIBRARIES)
    @pytest.mark.parametrize("value", [0.1, -1e300, 5e-324])
    def test_constant_batches_are_exactly_zero(self, lib: Library, value: float) -> None:
        x = np.full((3, 7), value)
        x[1, 2] = 7.0
        mask = x == value
        for quantile in ("inverted_cdf", "linear"):
            result = quantile_whitening(lib.array(x), 0.3, mask=lib.array(mask), quantile=quantile, eps=0)  # type: ignore[arg-type]
            assert_array_equal(lib.numpy(result), 0)

    def test_half_precision_and_extremes(self) -> None:
        torch = pytest.importorskip("torch")
        for x in (np.float16([1, 2, 3, 60000]), torch.tensor([1, 2, 3, 60000], dtype=torch.bfloat16)):
            result = quantile_whitening(x, 0.5)
            assert result.dtype == x.dtype
            assert_allclose(
                np.asarray(result.tolist()), quantile_whitening([1.0, 2, 3, 60000], 0.5), rtol=2e-2, atol=1e-4
            )
        assert_allclose(quantile_whitening([1e300, -1e300, 0.0], 0.5, eps=0), np.array([1, -1, 0]) * math.sqrt(1.5))

    def test_bad_input(self) -> None:
        for few in ([1.0], np.zeros(0), 1.0):
            with pytest.raises(ValueError, match="^rewards must be an array with two unmasked entries at least; got"):
                quantile_whitening(few)
        with pytest.raises(ValueError, match="^rewards must be an array with two unmasked entries at least; got 1"):
            quantile_whitening([1.0, 2.0], mask=[1, 0])
        with pytest.raises(ValueError, match=r"^mask must be of shape \(2,\) \(the shape of rewards\); got \(3,\)"):
            quantile_whitening([1.0, 2.0], mask=[1, 0, 1])
        with pytest.raises(ValueError, match="^mask must be boolean, or 0 and 1; got 2.0"):
            quantile_whitening([1.0, 2.0], mask=[1, 2])
        with pytest.raises(ValueError, match="^rewards must be finite everywhere; got nan"):
            quantile_whitening([1.0, np.nan])
        with pytest.raises(ValueError, match="^quantile must be one of 'inverted_cdf', 'linear'; got 'median'"):
            quantile_whitening([1.0, 2.0], quantile="median")  # type: ignore[arg-type]
        for bad in (0.0, 1.0, np.nan):
            with pytest.raises(ValueError, match=r"^k must be a finite number in \(0.0, 1.0\); got"):
                quantile_whitening([1.0, 2.0], bad)
        with pytest.raises(ValueError, match="^k must be a number, or of a shape"):
            quantile_whitening([1.0, 2.0], [0.4, 0.5])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="^eps must be a finite number"):
            quantile_whitening([1.0, 2.0], eps=-1)
        with pytest.raises(ValueError, match="^ddof must be an integer from 0 to 1; got 2"):
            quantile_whitening([1.0, 2.0], ddof=2)
