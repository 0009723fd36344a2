"""Group estimators: values worked by hand, exact references, properties."""

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
    st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(-1e6, 1e6, allow_subnormal=False),
        st.floats(-1.0, 1.0),
    ),
    min_size=2,
    max_size=24,
)
levels = st.one_of(st.sampled_from([0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9]), st.floats(0.001, 0.999))
ddofs = st.sampled_from([0, 1])


def fractions(r: list[float]) -> list[Fraction]:
    return [Fraction(x) for x in r]


def meant(k: float, size: int) -> Fraction:
    """The rational that K means: K·size within 1e-9 of an integer is that integer."""
    product = Fraction(k) * size
    nearest = round(product)
    return Fraction(nearest, size) if abs(product - nearest) <= Fraction(1, 10**9) else Fraction(k)


class TestByHand:
    """One success in five: mean 1/5, variance 4/25, std 2/5. Four in five: the mirror image."""

    one = np.array([1.0, 0, 0, 0, 0])
    four = np.array([1.0, 1, 1, 1, 0])

    def test_grpo(self) -> None:
        assert_allclose(adv.grpo(self.one, eps=0), [2, -0.5, -0.5, -0.5, -0.5], rtol=1e-15)
        # ε is added to the deviation, not under the root: (4/5) / (2/5 + 2/5).
        assert_allclose(adv.grpo(self.one, eps=0.4), [1, -0.25, -0.25, -0.25, -0.25], rtol=1e-15)
        # Sample variance 4/25 · 5/4 = 1/5.
        assert_allclose(adv.grpo(self.one, eps=0, ddof=1)[0], 0.8 / math.sqrt(0.2), rtol=1e-15)

    def test_dr_grpo(self) -> None:
        assert_allclose(adv.dr_grpo(self.one), [0.8, -0.2, -0.2, -0.2, -0.2], rtol=1e-15)
        assert_array_equal(adv.dr_grpo([7.0]), [0.0])

    def test_rloo(self) -> None:
        assert_allclose(adv.rloo(self.one), [1, -0.25, -0.25, -0.25, -0.25], rtol=1e-15)

    def test_qae(self) -> None:
        assert_allclose(adv.qae(self.one, 0.4, eps=0), [2.5, 0, 0, 0, 0], rtol=1e-15)
        assert_allclose(adv.qae(self.four, 0.4, eps=0), [0, 0, 0, 0, -2.5], rtol=1e-15)
        # Three in five is p = 1 - K: still hard. Variance 6/25.
        assert_allclose(adv.qae([1, 1, 1, 0, 0], 0.4, eps=0), np.array([1, 1, 1, 0, 0]) * 5 / math.sqrt(6), rtol=1e-15)

    def test_qae_of_rewards_that_are_not_binary(self) -> None:
        # Sorted 0 1 2 3 4; rank ⌈.4·5⌉ = 2 is the value 1; population std √2.
        assert_allclose(adv.qae([4, 0, 3, 1, 2], 0.4, eps=0), np.array([3, -1, 2, 0, 1]) / math.sqrt(2), rtol=1e-15)

    def test_paper_and_code_differ_at_five_of_eight(self) -> None:
        five = [1, 1, 1, 1, 1, 0, 0, 0]
        assert adv.quantile_baseline(five, 0.4) == 1
        # Linear: h = .4·7 = 2.8 lies between the third 0 and the first 1.
        assert_allclose(adv.quantile_baseline(five, 0.4, quantile="linear"), 0.8, rtol=1e-14)
        std = math.sqrt(15) / 8
        linear = adv.qae(five, 0.4, quantile="linear", eps=0)
        assert_allclose(linear, np.where(np.array(five) == 1, 0.2, -0.8) / std, rtol=1e-14)

    @pytest.mark.parametrize(
        ("size", "k", "successes", "paper", "code"),
        [(8, 0.4, 5, 1.0, 0.8), (32, 0.4, 19, 0.0, 0.4), (8, 0.5, 4, 0.0, 0.5), (16, 0.5, 8, 0.0, 0.5)],
    )
    def test_where_paper_and_code_differ(self, size: int, k: float, successes: int, paper: float, code: float) -> None:
        differing = {}
        for n in range(size + 1):
            group = np.arange(size) < n
            pair = tuple(float(adv.quantile_baseline(group, k, quantile=q)) for q in ("inverted_cdf", "linear"))
            if not math.isclose(*pair):
                differing[n] = pair
        assert set(differing) == {successes}
        assert differing[successes] == pytest.approx((paper, code), rel=1e-12)

    def test_paper_and_code_agree_at_sixteen(self) -> None:
        for n in range(17):
            group = np.arange(16) < n
            assert adv.quantile_baseline(group, 0.4) == adv.quantile_baseline(group, 0.4, quantile="linear")

    def test_masks(self) -> None:
        # The unmasked side is ±1/std = ±2.5, where GRPO would give +2 and -1/2.
        assert_allclose(adv.pos_mask(self.one, 0.4, eps=0), [2.5, -2.5, -2.5, -2.5, -2.5], rtol=1e-15)
        assert_allclose(adv.pos_mask(self.four, 0.4, eps=0), [0, 0, 0, 0, -2.5], rtol=1e-15)
        assert_allclose(adv.neg_mask(self.one, 0.4, eps=0), [2.5, 0, 0, 0, 0], rtol=1e-15)
        assert_allclose(adv.neg_mask(self.four, 0.4, eps=0), [2.5, 2.5, 2.5, 2.5, -2.5], rtol=1e-15)
        assert_array_equal(adv.neg_mask([[0, 0], [1, 1]], eps=0), np.zeros((2, 2)))

    def test_reinforce_plus_plus(self) -> None:
        batch = [[1, 1, 1, 0], [0, 0, 1, 0]]  # half of all: mean 1/2, std 1/2
        assert_allclose(adv.reinforce_plus_plus(batch, eps=0), [[1, 1, 1, -1], [-1, -1, 1, -1]], rtol=1e-15)
        # The right response has three tokens of four: mean 3/4, std √3/4.
        weighted = adv.reinforce_plus_plus([1, 0], lengths=[3, 1], eps=0)
        assert_allclose(weighted, [1 / math.sqrt(3), -math.sqrt(3)], rtol=1e-15)

    def test_reinforce_plus_plus_baseline(self) -> None:
        # Centred: ±1/2, ±1/2, 0, 0, 0, 0; variance of all eight 1/8.
        batch = [[1, 0], [1, 0], [0, 0], [1, 1]]
        expected = np.array([[1, -1], [1, -1], [0, 0], [0, 0]]) * 0.5 / math.sqrt(1 / 8)
        result = adv.reinforce_plus_plus_baseline(batch, eps=0)
        assert_allclose(result, expected, rtol=1e-15)
        assert_array_equal(result[2:], 0)
        # Token weights move the batch mean off 0, and equal groups with it: that is what trainers do.
        assert adv.reinforce_plus_plus_baseline(batch, lengths=[[3, 1], [1, 1], [1, 1], [1, 1]], eps=0)[2, 0] != 0

    def test_dynamic_sampling_keeps_mixed_groups(self) -> None:
        kept = adv.dynamic_sampling_mask([[0, 0, 0], [1, 0, 0], [1, 1, 1], [0.5, 0.5, 0.4]])
        assert kept.tolist() == [False, True, False, True]

    def test_overlong_punishment(self) -> None:
        lengths = [0, 16384, 17408, 20480, 20481]
        assert_array_equal(adv.overlong_punishment(lengths), [0, 0, -0.25, -1, -1])
        assert_array_equal(adv.overlong_punishment([6, 8, 10, 11], max_length=10, cache=4), [0, -0.5, -1, -1])


class TestAgainstExactReferences:
    @given(real_groups, ddofs, st.sampled_from([0.0, 1e-6, 1e-4, 1.0]))
    def test_grpo(self, r: list[float], ddof: int, eps: float) -> None:
        assert_allclose(adv.grpo(r, eps=eps, ddof=ddof), exact.grpo(fractions(r), eps, ddof), rtol=1e-9, atol=1e-12)

    @given(real_groups)
    def test_dr_grpo_and_rloo(self, r: list[float]) -> None:
        tolerance = {"rtol": 1e-12, "atol": 1e-14 * max(map(abs, r))}
        assert_allclose(adv.dr_grpo(r), exact.dr_grpo(fractions(r)), **tolerance)
        assert_allclose(adv.rloo(r), exact.rloo(fractions(r)), **tolerance)

    @given(real_groups, levels, ddofs)
    def test_qae(self, r: list[float], k: float, ddof: int) -> None:
        expected = exact.qae(fractions(r), meant(k, len(r)), ddof=ddof)
        result = adv.qae(r, k, ddof=ddof)
        assert_allclose(result, expected, rtol=1e-9)
        # Zeros are exact: the same entries, not merely small ones.
        assert_array_equal(result == 0, np.array(expected) == 0)

    @given(real_groups, levels)
    def test_linear_quantile(self, r: list[float], k: float) -> None:
        b = exact.linear(fractions(r), meant(k, len(r) - 1) if len(r) > 2 else Fraction(k))
        size = max(map(abs, r))
        assert_allclose(adv.quantile_baseline(r, k, quantile="linear"), float(b), rtol=1e-12, atol=1e-12 * size)

    @given(binary_groups, levels, ddofs)
    def test_masks(self, r: list[int], k: float, ddof: int) -> None:
        for side, function in (("pos", adv.pos_mask), ("neg", adv.neg_mask)):
            expected = exact.masked(fractions(r), meant(k, len(r)), side, ddof=ddof)
            assert_allclose(function(r, k, ddof=ddof), expected, rtol=1e-12)

    @given(st.data(), st.integers(1, 4), st.integers(2, 6), ddofs)
    def test_reinforce_plus_plus(self, data: st.DataObject, n: int, size: int, ddof: int) -> None:
        rows = st.lists(st.lists(st.integers(-3, 3), min_size=size, max_size=size), min_size=n, max_size=n)
        batch = data.draw(rows)
        lengths = data.draw(st.lists(st.lists(st.integers(1, 5), min_size=size, max_size=size), min_size=n, max_size=n))
        ones = [[1] * size] * n
        rational = [fractions(row) for row in batch]
        if len({x for row in batch for x in row}) > 1:
            for weights in (None, lengths):
                expected = exact.whitened(rational, weights or ones, baseline=False, ddof=ddof)
                result = adv.reinforce_plus_plus(batch, lengths=weights, eps=0, ddof=ddof)
                assert_allclose(result.ravel(), expected, rtol=1e-9, atol=1e-12)
        if any(len(set(row)) > 1 for row in batch):
            for weights in (None, lengths):
                expected = exact.whitened(rational, weights or ones, baseline=True, ddof=ddof)
                result = adv.reinforce_plus_plus_baseline(batch, lengths=weights, eps=0, ddof=ddof)
                assert_allclose(result.ravel(), expected, rtol=1e-9, atol=1e-12)

    @given(real_groups, levels)
    def test_quantile_is_numpys_inverted_cdf_away_from_the_ranks(self, r: list[float], k: float) -> None:
        product = k * len(r)
        if abs(product - round(product)) > 1e-9:
            assert adv.quantile_baseline(r, k) == np.quantile(r, k, method="inverted_cdf")


class TestProperties:
    @given(real_groups, levels, st.randoms(use_true_random=False))
    def test_order_of_responses_does_not_matter(self, r: list[float], k: float, random: object) -> None:
        order = list(range(len(r)))
        random.shuffle(order)  # type: ignore[attr-defined]
        shuffled = [r[i] for i in order]
        for function in (adv.grpo, adv.dr_grpo, adv.rloo, lambda x: adv.qae(x, k)):
            assert_allclose(function(shuffled), function(r)[order], rtol=1e-7, atol=1e-9 * (1 + max(map(abs, r))))

    @given(binary_groups, levels)
    def test_gate(self, r: list[int], k: float) -> None:
        """Eq. 4: hard prompts train on successes alone, easy ones on failures alone."""
        a = adv.qae(r, k)
        correct = np.array(r) == 1
        hard = Fraction(sum(r), len(r)) <= 1 - meant(k, len(r))
        assert_array_equal(a[~correct if hard else correct], 0)
        if 0 < sum(r) < len(r):
            assert np.all(a[correct] > 0) if hard else np.all(a[~correct] < 0)

    @given(binary_groups, levels)
    def test_masks_are_qae_on_the_masked_side(self, r: list[int], k: float) -> None:
        correct = np.array(r) == 1
        gate = adv.qae(r, k)
        assert_allclose(adv.pos_mask(r, k)[correct], gate[correct], rtol=1e-14)
        assert_allclose(adv.neg_mask(r, k)[~correct], gate[~correct], rtol=1e-14)

    @given(real_groups)
    def test_means_vanish(self, r: list[float]) -> None:
        for a in (adv.grpo(r), adv.dr_grpo(r), adv.rloo(r)):
            assert abs(a.sum()) <= 1e-9 * (1 + np.abs(a).sum())

    @given(st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=24), levels, st.integers(-1000, 1000))
    def test_shift_by_a_constant_changes_nothing(self, r: list[float], k: float, shift: int) -> None:
        moved = [x + shift for x in r]
        assert_array_equal(adv.grpo(moved), adv.grpo(r))
        assert_array_equal(adv.qae(moved, k), adv.qae(r, k))

    @given(real_groups, levels)
    def test_quantile_advantage_is_grpo_minus_its_own_quantile(self, r: list[float], k: float) -> None:
        """Quantiles commute with shift and positive scale; this is what lets QAE hook into a trainer after GRPO."""
        a = adv.grpo(r)
        assert_allclose(adv.qae(r, k), a - adv.quantile_baseline(a, k), rtol=1e-6, atol=1e-6)

    @given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=5), st.floats(-1, 1))
    def test_an_equal_group_in_a_batch_stays_exactly_zero(self, batch: list[list[float]], value: float) -> None:
        """The batch mean of centred rewards is 0 up to rounding, and rounding must not leak into an equal group."""
        assert_array_equal(adv.reinforce_plus_plus_baseline([*batch, [value] * 3])[-1], 0)

    def test_a_baseline_far_from_the_mean_costs_no_digits(self) -> None:
        """The one outlier of 4000 rewards is the baseline; single precision has none to spare."""
        r = np.random.default_rng(0).normal(size=4000).astype(np.float32)
        r[0] = 3000
        for shift in (0, 100):
            moved = r + np.float32(shift)
            expected = (moved.astype(float) - moved.max()) / moved.astype(float).std()
            assert_allclose(adv.qae(moved, 0.9999, eps=0), expected, rtol=1e-5)

    @given(real_groups, levels)
    def test_k_of_the_ranks(self, r: list[float], k: float) -> None:
        b = adv.quantile_baseline(r, k)
        at_most = sum(x <= b for x in r)
        below = sum(x < b for x in r)
        assert at_most >= k * len(r) - 1e-9
        assert below < k * len(r) or below == 0
