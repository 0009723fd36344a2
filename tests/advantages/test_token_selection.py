"""Clip-Cov and KL-Cov: which tokens, how many, the same everywhere; and the covariances behind them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import references_tokens as exact
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import clip_cov_mask, kl_cov_mask, token_covariances

VARIANTS = ["paper", "code"]
SHAPE = (4, 5)


@st.composite
def covariances(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Covariances with many ties, rubbish under the mask."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(7,), (3, 8), (2, 3, 5)]))
    mask = rng.random(shape) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    mask.flat[draw(st.integers(0, mask.size - 1))] = True
    values = rng.choice([-1.0, 0.0, 1.0, 1.5, 5.0, 9.0], shape)
    return np.where(mask, values, rng.choice([np.nan, np.inf, 3.0, 99.0], shape)), mask


class TestCovariances:
    def test_by_hand(self) -> None:
        # Means over the three unmasked tokens: -2 and 1. Products: 1·1, 0·(-2), (-1)·1.
        result = token_covariances([-1.0, -2.0, -3.0, 50.0], [2.0, -1.0, 2.0, 7.0], [1, 1, 1, 0])
        assert_array_equal(result, [1, 0, -1, 0])

    @pytest.mark.parametrize("lib", LIBRARIES)
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_against_rationals(self, lib: Library, seed: int) -> None:
        rng = np.random.default_rng(seed)
        mask = rng.random(SHAPE) < 0.7
        mask[0, 0] = True
        log_probs, advantages = -rng.exponential(size=SHAPE), rng.normal(size=SHAPE)
        log_probs[~mask], advantages[~mask] = np.nan, np.inf
        expected = exact.covariances(
            [Fraction(x) if keep else Fraction(0) for x, keep in zip(log_probs.flat, mask.flat, strict=True)],
            [Fraction(x) if keep else Fraction(0) for x, keep in zip(advantages.flat, mask.flat, strict=True)],
            mask.ravel().tolist(),
        )
        tolerances = {"float64": 1e-13, "float32": 1e-5}
        tolerances |= {"float16": 1e-2, "bfloat16": 1e-1} if lib.module == "torch" else {}
        for dtype, tolerance in tolerances.items():
            given_log_probs = lib.array(log_probs, dtype)
            result = token_covariances(given_log_probs, lib.array(advantages, dtype), lib.array(mask))
            assert lib.owns(result)
            assert result.dtype == given_log_probs.dtype
            values = lib.numpy(result).astype(float)
            assert_allclose(values.ravel(), [float(x) for x in expected], rtol=tolerance, atol=tolerance)
            assert_array_equal(values[~mask], 0)
        # Their mean is the covariance.
        kept = token_covariances(log_probs, advantages, mask)[mask]
        assert_allclose(kept.mean(), np.cov(log_probs[mask], advantages[mask], ddof=0)[0, 1] if mask.sum() > 1 else 0,
                        rtol=1e-12, atol=1e-14)  # fmt: skip

    def test_half_precision_holds_many_tokens(self) -> None:
        """70000 tokens cannot even be counted in float16."""
        x = np.linspace(-4, -2, 70_000).astype(np.float16)
        result = token_covariances(x, x, np.ones(70_000))
        assert result.dtype == np.float16
        assert_allclose(result, (x.astype(float) - x.mean(dtype=float)) ** 2, rtol=1e-3, atol=1e-4)

    def test_large_advantages(self) -> None:
        result = token_covariances([-1.0, -2.0, -3.0], [1.5e308, 1.5e308, 0.0], [1, 1, 1])
        assert_allclose(result, [5e307, 0, 1e308], rtol=1e-12)
        with pytest.raises(ValueError, match=r"^advantages must be small enough .* to fit float64; got 1.5e\+308"):
            token_covariances([-10.0, -20.0, -30.0], [1.5e308, 1.5e308, -1.5e308], [1, 1, 1])
        with pytest.raises(ValueError, match="^advantages must be finite everywhere; got inf"):
            token_covariances(np.float32([-1, -2]), [1e300, 0.0], [1, 1])


class TestClipCov:
    def test_by_hand(self) -> None:
        # Only the second and third are in [1, 5]; ⌊.5·4⌋ = 2.
        assert_array_equal(clip_cov_mask([0.1, 2.0, 3.0, 9.0], [1, 1, 1, 1], ratio=0.5), [0, 1, 1, 0])
        # The ends belong to the paper's interval, not to the code's.
        assert_array_equal(clip_cov_mask([1.0, 5.0, 0.9, 5.1], [1, 1, 1, 1], ratio=1), [1, 1, 0, 0])
        assert_array_equal(clip_cov_mask([1.0, 5.0, 2.0, 5.1], [1] * 4, ratio=1, variant="code"), [0, 0, 1, 0])
        # ⌊.4·2⌋ = 0; the code takes one.
        assert clip_cov_mask([2.0, 2.0], [1, 1], ratio=0.4).sum() == 0
        assert clip_cov_mask([2.0, 2.0], [1, 1], ratio=0.4, variant="code").sum() == 1
        # .29·100 is 28.999999999999996 and means 29.
        assert clip_cov_mask(np.full(100, 2.0), np.ones(100), ratio=0.29).sum() == 29

    @pytest.mark.parametrize("variant", VARIANTS)
    @settings(max_examples=60, deadline=None)
    @given(covariances(), st.integers(0, 100), st.integers(0, 20))
    def test_counts_and_candidates(
        self, variant: Any, case: tuple[np.ndarray, np.ndarray], percent: int, seed: int
    ) -> None:
        cov, mask = case
        low, high = 0.0, 5.0
        inside = mask & ((cov > low) & (cov < high) if variant == "code" else (cov >= low) & (cov <= high))
        picked = clip_cov_mask(cov, mask, ratio=percent / 100, low=low, high=high, seed=seed, variant=variant)
        assert picked.dtype == np.bool_
        assert picked.shape == cov.shape
        assert not np.any(picked & ~inside)
        wanted = max(percent * int(mask.sum()) // 100, 1 if variant == "code" else 0)
        assert picked.sum() == min(wanted, inside.sum())

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_the_same_everywhere(self, lib: Library) -> None:
        rng = np.random.default_rng(3)
        cov, mask = rng.uniform(0, 6, SHAPE), rng.random(SHAPE) < 0.8
        selections = set()
        for seed in range(20):
            expected = clip_cov_mask(cov, mask, ratio=0.3, seed=seed)
            for dtype in ("float32", "float64"):
                picked = clip_cov_mask(lib.array(cov, dtype), lib.array(mask), ratio=0.3, seed=seed)
                assert lib.owns(picked)
                assert_array_equal(lib.numpy(picked), expected)
            selections.add(expected.tobytes())
        assert len(selections) > 10

    def test_uniform_choice(self) -> None:
        """3 of 10 candidates, 4000 seeds: each single one and each pair equally often."""
        cov = np.array([0.0, *[2.0] * 10, 0.0])
        seeds = 4000
        picks = np.stack([clip_cov_mask(cov, np.ones(12), ratio=0.25, seed=seed) for seed in range(seeds)])[:, 1:-1]
        assert_array_equal(picks.sum(axis=1), 3)
        counts = picks.sum(axis=0)
        # Without replacement: variance n·(3/10)(7/10) per token, covariances such that the scaled sum is χ²(9).
        chi2 = ((counts - seeds * 0.3) ** 2).sum() / (seeds * 0.3 * 0.7) * 9 / 10
        assert chi2 < 40  # exceeded with probability 1e-5
        together = picks.T.astype(int) @ picks.astype(int)
        pairs = together[np.triu_indices(10, 1)]
        p = 3 / 10 * 2 / 9
        # 45 pairs, each within five standard deviations.
        assert np.all(np.abs(pairs - seeds * p) < 5 * np.sqrt(seeds * p * (1 - p)))


class TestKlCov:
    def test_by_hand(self) -> None:
        cov = [3.0, 1.0, 9.0, 3.0, 3.0]
        # ⌊.4·5⌋ = 2: the 9, and of the threes the first.
        assert_array_equal(kl_cov_mask(cov, [1] * 5, ratio=0.4), [1, 0, 1, 0, 0])
        assert_array_equal(kl_cov_mask(cov, [0, 1, 1, 1, 1], ratio=0.5), [0, 0, 1, 1, 0])
        assert kl_cov_mask(cov, [1] * 5, ratio=0.1).sum() == 0
        assert_array_equal(kl_cov_mask(cov, [1] * 5, ratio=0.1, variant="code"), [0, 0, 1, 0, 0])
        assert_array_equal(kl_cov_mask([-3.0, -1.0], [1, 1], ratio=0.5), [0, 1])

    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize("lib", LIBRARIES)
    @settings(max_examples=40, deadline=None)
    @given(covariances(), st.integers(0, 100))
    def test_ranks(self, lib: Library, variant: Any, case: tuple[np.ndarray, np.ndarray], percent: int) -> None:
        cov, mask = case
        wanted = max(percent * int(mask.sum()) // 100, 1 if variant == "code" else 0)
        order = sorted((-cov.flat[i], i) for i in range(cov.size) if mask.flat[i])
        expected = np.zeros(cov.size, dtype=bool)
        expected[[i for _, i in order[:wanted]]] = True
        picked = kl_cov_mask(lib.array(cov), lib.array(mask), ratio=percent / 100, variant=variant)
        assert lib.owns(picked)
        assert_array_equal(lib.numpy(picked), expected.reshape(cov.shape))


class TestBadInput:
    @pytest.mark.parametrize("function", [clip_cov_mask, kl_cov_mask])
    def test_both_rules(self, function: Any) -> None:
        with pytest.raises(ValueError, match=r"^mask must be of shape \(2,\) \(the shape of covariances\); got \(3,\)"):
            function([1.0, 2.0], [1, 1, 1])
        with pytest.raises(ValueError, match="^mask must be set for one token at least; got none"):
            function([1.0, 2.0], [0, 0])
        with pytest.raises(ValueError, match="^mask must be boolean, or 0 and 1; got 2.0"):
            function([1.0, 2.0], [0, 2])
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(ValueError, match="^covariances must be finite everywhere; got"):
                function([1.0, bad], [1, 1])
        with pytest.raises(TypeError, match="^covariances must be an array of real numbers"):
            function(["a"], [1])
        with pytest.raises(ValueError, match=r"^ratio must be a finite number in \[0.0, 1.0\]; got 1.1"):
            function([1.0], [1], ratio=1.1)
        with pytest.raises(ValueError, match="^ratio must be a finite number"):
            function([1.0], [1], ratio=np.nan)
        with pytest.raises(ValueError, match="^variant must be one of 'paper', 'code'; got 'verl'"):
            function([1.0], [1], variant="verl")

    def test_clip_cov(self) -> None:
        with pytest.raises(ValueError, match=r"^high must be a finite number in \[2.0, inf\); got 1"):
            clip_cov_mask([1.0], [1], low=2, high=1)
        with pytest.raises(ValueError, match="^low must be a finite number"):
            clip_cov_mask([1.0], [1], low=np.nan)
        with pytest.raises(TypeError, match="^seed must be an integer of at least 0; got 0.5"):
            clip_cov_mask([1.0], [1], seed=0.5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="^seed must be an integer of at least 0; got -1"):
            clip_cov_mask([1.0], [1], seed=-1)
        assert_array_equal(clip_cov_mask([1.0, 2.0], [1, 1], ratio=1, low=1, high=1), [1, 0])

    def test_covariances(self) -> None:
        with pytest.raises(ValueError, match=r"^advantages must be of shape \(2,\) \(the shape of log_probs\); got"):
            token_covariances([1.0, 2.0], [1.0], [1, 1])
        with pytest.raises(ValueError, match=r"^mask must be of shape \(2,\)"):
            token_covariances([1.0, 2.0], [1.0, 1.0], [1])
        with pytest.raises(ValueError, match="^mask must be set for one token at least"):
            token_covariances([1.0], [1.0], [0])
        with pytest.raises(ValueError, match="^log_probs must be finite everywhere; got -inf"):
            token_covariances([-np.inf, 0.0], [1.0, 1.0], [1, 1])
        with pytest.raises(ValueError, match="^advantages must be finite everywhere; got nan"):
            token_covariances([0.0, 0.0], [1.0, np.nan], [1, 1])
        with pytest.raises(TypeError, match="^log_probs must be an array of real numbers"):
            token_covariances(["a"], [1.0], [1])
