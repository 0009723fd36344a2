"""KTAE: values worked by hand, a slow exact reference on every library, properties, named errors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import references_tokens as exact
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import fisher_exact

from qae_sim.advantages import grpo, ktae, token_table
from qae_sim.advantages.tokens import association

VARIANTS = ["paper", "code"]


class Batch(NamedTuple):
    """Groups of token sequences; rubbish under the mask."""

    rewards: np.ndarray
    ids: np.ndarray
    mask: np.ndarray

    def groups(self) -> list[Batch]:
        size, width = self.ids.shape[-2:]
        flat = (self.rewards.reshape(-1, size), self.ids.reshape(-1, size, width), self.mask.reshape(-1, size, width))
        return [Batch(*parts) for parts in zip(*flat, strict=True)]


@st.composite
def batches(draw: st.DrawFn, lead: st.SearchStrategy[tuple[int, ...]], largest: int = 8) -> Batch:
    """Ragged responses with few different tokens, so that they repeat; sometimes all right, all wrong or empty."""
    shape = (*draw(lead), draw(st.integers(2, largest)), draw(st.integers(1, 7)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vocabulary = np.append(rng.integers(0, 2**31, draw(st.integers(0, 6))), [0, 2**31 - 1])
    ids = rng.choice(vocabulary, shape)
    lengths = rng.integers(0, shape[-1] + 1, shape[:-1])
    mask = np.arange(shape[-1]) < lengths[..., None]
    if draw(st.booleans()):
        mask &= rng.random(shape) < 0.7  # holes, as tool outputs leave them
    values = draw(st.sampled_from([[0, 1], [0, 0, 0, 1], [0, 1, 1, 1], [-1, 0, 0.5, 2], [-1, 1], [0], [1]]))
    return Batch(rng.choice(np.array(values, dtype=float), shape[:-1]), np.where(mask, ids, -100), mask)


leads = st.sampled_from([(), (1,), (3,), (2, 2)])
GROUP = Batch(
    np.array([1.0, 1.0, 0.0, 0.0]),
    np.array([[5, 6, 5], [5, 7, -100], [5, 8, 8], [6, 8, -100]]),
    np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 0]], dtype=bool),
)


class TestByHand:
    """Right: 9 9, 9 4. Wrong: 9 4, 4 4. Token 9: a = 2, b = 1, c = 0, d = 1, three times right, once wrong."""

    ids = np.array([[9, 9], [9, 4], [9, 4], [4, 4]])
    mask = np.ones((4, 2))
    rewards = np.array([1, 1, 0, 0])
    # H(Y) = 1; with the token 2 of 3 are right, H = log₂3 - 2/3; without it 0 of 1, H = 0.
    gain = 1 - 3 / 4 * (math.log2(3) - 2 / 3)
    # asin √1 - asin √(1/2)
    cohen = math.pi / 2 - math.pi / 4

    def test_table(self) -> None:
        table = token_table(self.rewards, self.ids, self.mask)
        first = [int(getattr(table, name)[0, 0]) for name in ("a", "b", "c", "d")]
        assert first == [2, 1, 0, 1]
        assert (table.count_correct[0, 0], table.count_wrong[0, 0]) == (3, 1)
        assert (table.length_correct[0, 0], table.length_wrong[0, 0]) == (4, 4)
        assert [int(getattr(table, name)[3, 0]) for name in ("a", "b", "c", "d")] == [1, 2, 1, 0]

    def test_paper(self) -> None:
        f = math.exp(-2 * 0.5)  # C(2,2)·C(2,1)/C(4,3) = 1/2
        # Both sides of average length: TF = 3·tf/(2 + tf) with tf = 3 and 1, so 9/5 and 1.
        d = self.cohen + 1.8 / 1.00001 - 1 / 1.80001
        key = 1 / (1 + math.exp(-(f + self.gain) * d)) - 0.5
        result = ktae(self.rewards, self.ids, self.mask, eps=0)
        assert_allclose(result.key_values[0, 0], key, rtol=1e-14)
        # Rewards 1 1 0 0: mean 1/2, std 1/2.
        assert_allclose(result.advantages[[0, 2], 0], [1 + key, -1 + key], rtol=1e-14)

    def test_code(self) -> None:
        # Both tables with these margins, a = 2 and a = 1, have probability 1/2: p = 1, F = 0. The strength is IG.
        # tf = 3/4 and 1/4: TF = 9/11 and 1/3.
        d = self.cohen + 9 / 11 / (1 / 3 + 1e-5) - 1 / 3 / (9 / 11 + 1e-5)
        key = math.tanh(self.gain * d / (2 * 2))
        result = ktae(self.rewards, self.ids, self.mask, variant="code", eps=0)
        assert_allclose(result.key_values[0, 0], key, rtol=1e-14)
        assert_allclose(result.advantages[0, 0], 0.5 / math.sqrt(1 / 3) + key, rtol=1e-14)  # std over G - 1

    def test_without_term_frequencies(self) -> None:
        key = ktae(self.rewards, self.ids, self.mask, h3=0).key_values[0, 0]
        assert_allclose(key, 1 / (1 + math.exp(-(math.exp(-1) + self.gain) * self.cohen)) - 0.5, rtol=1e-14)

    def test_weights(self) -> None:
        key = ktae(self.rewards, self.ids, self.mask, h1=0, h2=3, h3=0).key_values[0, 0]
        assert_allclose(key, 1 / (1 + math.exp(-3 * self.gain * self.cohen)) - 0.5, rtol=1e-14)
        key = ktae(self.rewards, self.ids, self.mask, variant="code", h1=0, h2=3, h3=0).key_values[0, 0]
        assert_allclose(key, math.tanh(self.gain * self.cohen / 2), rtol=1e-14)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("lib", LIBRARIES)
@settings(max_examples=40, deadline=None)
@given(batches(leads, 20), st.integers(0, 2), st.sampled_from([0, 1, None]))
def test_reference(lib: Library, variant: Any, batch: Batch, pad: int, ddof: int | None) -> None:
    rewards, ids, mask = batch
    pad_token_id = [None, 2**31 - 1, 0][pad]
    result = ktae(
        lib.array(rewards), lib.array(ids), lib.array(mask), variant=variant, pad_token_id=pad_token_id, ddof=ddof
    )
    assert lib.owns(result.advantages)
    assert lib.owns(result.key_values)
    expected = [
        exact.ktae(*(part.tolist() for part in group), variant=variant, pad_token_id=pad_token_id, ddof=ddof)
        for group in batch.groups()
    ]
    for array, which in ((result.advantages, 0), (result.key_values, 1)):
        assert array.dtype == lib.array(rewards).dtype
        wanted = np.array([pair[which] for pair in expected]).reshape(ids.shape)
        assert_allclose(lib.numpy(array), wanted, rtol=1e-11, atol=1e-12)
        assert_array_equal(lib.numpy(array)[~mask], 0)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60, deadline=None)
@given(
    batches(st.just((2,)), 6),
    st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, 7.0])] * 3).filter(lambda h: h[0] + h[1] > 0),
    st.sampled_from([0.0, 0.3, 2.0, 50.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 1e-6, 0.3]),
)
def test_reference_with_other_parameters(
    variant: Any, batch: Batch, h: tuple[float, ...], k1: float, b: float, eps: float
) -> None:
    result = ktae(*batch, variant=variant, h1=h[0], h2=h[1], h3=h[2], k1=k1, b=b, eps=eps)
    for i, group in enumerate(batch.groups()):
        parts = [part.tolist() for part in group]
        advantages, keys = exact.ktae(*parts, variant=variant, h=h, k1=k1, b=b, eps=eps)
        assert_allclose(result.key_values[i], keys, rtol=1e-11, atol=1e-12)
        assert_allclose(result.advantages[i], advantages, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("lib", LIBRARIES)
def test_other_types(lib: Library, variant: Any) -> None:
    expected = ktae(*GROUP, variant=variant).advantages
    tolerances = {"float32": 1e-5} | ({"float16": 2e-3} if lib.module in ("numpy", "torch") else {})
    tolerances |= {"bfloat16": 2e-2} if lib.module == "torch" else {}
    for dtype, tolerance in tolerances.items():
        for id_dtype in ("int32", "int64"):
            rewards = lib.array(GROUP.rewards, dtype)
            result = ktae(rewards, lib.array(GROUP.ids, id_dtype), lib.array(GROUP.mask), variant=variant)
            assert result.advantages.dtype == result.key_values.dtype == rewards.dtype
            assert_allclose(lib.numpy(result.advantages).astype(float), expected, rtol=tolerance, atol=tolerance)
    # Booleans and integers become the library's default floating type; masks may be numbers; ids may be NumPy's.
    default = lib.array([0.5], "float32" if lib.module == "torch" else "float64").dtype
    for values in (GROUP.rewards > 0, GROUP.rewards.astype(int)):
        result = ktae(lib.array(values), GROUP.ids, GROUP.mask.astype(int), variant=variant)
        assert lib.owns(result.advantages)
        assert result.advantages.dtype == result.key_values.dtype == default
        assert_allclose(lib.numpy(result.advantages), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 8, 15, 24])
def test_fisher_against_scipy(size: int) -> None:
    for correct in range(1, size):
        p, _, _ = association(size, correct, "code")
        single, _, _ = association(size, correct, "paper")
        for a in range(correct + 1):
            for b in range(size - correct + 1):
                table = (a, b, correct - a, size - correct - b)
                assert_allclose(p[a, b], fisher_exact(np.reshape(table, (2, 2))).pvalue, rtol=1e-9)
                assert_allclose(p[a, b], float(exact.two_sided(*table)), rtol=1e-12)
                assert (p[a, b] == 1) == (exact.two_sided(*table) == 1)
                assert (single[a, b] == 1) == (exact.single_table(*table) == 1)


class TestProperties:
    @pytest.mark.parametrize("variant", VARIANTS)
    @settings(max_examples=60, deadline=None)
    @given(batches(leads), st.integers(0, 2**32 - 1))
    def test_order_and_names_do_not_matter(self, variant: Any, batch: Batch, seed: int) -> None:
        """Permute responses and positions, rename tokens, put other rubbish under the mask."""
        rewards, ids, mask = batch
        rng = np.random.default_rng(seed)
        result = ktae(*batch, variant=variant)
        rows = rng.permuted(np.broadcast_to(np.arange(rewards.shape[-1]), rewards.shape), axis=-1)
        columns = rng.permuted(np.broadcast_to(np.arange(ids.shape[-1]), ids.shape), axis=-1)

        def moved(x: np.ndarray) -> np.ndarray:
            return np.take_along_axis(np.take_along_axis(x, rows[..., None], -2), columns, -1)

        old = np.unique(ids)
        names = rng.choice(10**6, len(old), replace=False)
        renamed = names[np.searchsorted(old, moved(ids))]
        rubbish = rng.choice([-(2**63), -100, 0, 5, 2**40, 2**63 - 1], ids.shape)
        other = ktae(
            np.take_along_axis(rewards, rows, -1),
            np.where(moved(mask), renamed, rubbish),
            moved(mask),
            variant=variant,
        )
        assert_array_equal(other.key_values, moved(result.key_values))
        assert_allclose(other.advantages, moved(result.advantages), rtol=1e-12, atol=1e-14)

    @pytest.mark.parametrize("variant", VARIANTS)
    @settings(max_examples=60, deadline=None)
    @given(batches(leads))
    def test_bounds_zeros_and_sum(self, variant: Any, batch: Batch) -> None:
        rewards, ids, mask = batch
        result = ktae(*batch, variant=variant)
        assert np.all(np.abs(result.key_values) <= (0.5 if variant == "paper" else 1))
        assert_array_equal(result.key_values[~mask], 0)
        one_sided = np.all(rewards > 0, axis=-1) | np.all(rewards <= 0, axis=-1)
        assert_array_equal(result.key_values[one_sided], 0)
        response = grpo(rewards, ddof=int(variant == "code"))[..., None]
        assert_array_equal(result.advantages, np.where(mask, response + result.key_values, 0))
        assert ids.shape == result.advantages.shape == result.key_values.shape

    @pytest.mark.parametrize("variant", VARIANTS)
    @settings(max_examples=60, deadline=None)
    @given(batches(leads))
    def test_swapping_right_and_wrong_changes_the_sign(self, variant: Any, batch: Batch) -> None:
        right = (batch.rewards > 0) * 1.0
        for h3 in (0.0, 1.0):
            keys, swapped = (
                ktae(r, batch.ids, batch.mask, variant=variant, h3=h3).key_values for r in (right, 1 - right)
            )
            assert_allclose(swapped, -keys, rtol=1e-9, atol=1e-13)

    @pytest.mark.parametrize("variant", VARIANTS)
    @settings(max_examples=40, deadline=None)
    @given(batches(st.sampled_from([(3,), (2, 2)])))
    def test_a_batch_is_its_groups(self, variant: Any, batch: Batch) -> None:
        whole = ktae(*batch, variant=variant)
        for name in ("advantages", "key_values"):
            alone = [getattr(ktae(*group, variant=variant), name) for group in batch.groups()]
            assert_array_equal(getattr(whole, name), np.reshape(alone, batch.ids.shape))

    @settings(max_examples=60, deadline=None)
    @given(batches(leads))
    def test_tables_add_up(self, batch: Batch) -> None:
        table = token_table(*batch)
        right = batch.rewards > 0
        kept = batch.mask
        for left, total in ((table.a + table.c, right.sum(-1)), (table.b + table.d, (~right).sum(-1))):
            assert_array_equal(left[kept], np.broadcast_to(total[..., None, None], kept.shape)[kept])
        assert_array_equal((table.count_correct + table.count_wrong)[kept] >= (table.a + table.b)[kept], True)
        for count, length in (("count_correct", "length_correct"), ("count_wrong", "length_wrong")):
            assert np.all(getattr(table, count)[kept] <= getattr(table, length)[kept])

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_a_token_that_says_nothing_has_no_key(self, variant: Any) -> None:
        """In every response, once each: F = 0 as p = 1, IG = 0; rounding must leave no trace, whatever h₃."""
        for size in range(2, 40):
            for correct in range(1, size):
                rewards = np.arange(size) < correct
                ids = np.stack([np.full(size, 3), np.arange(size) % 3], axis=-1)
                keys = ktae(rewards, ids, np.ones((size, 2)), variant=variant, h3=1.0).key_values
                token_3 = keys[:, 0]
                assert_array_equal(token_3, 0)

    def test_p_of_one_is_no_evidence(self) -> None:
        """The code's jump: p = 1 gives F = 0, not exp(-2)."""
        keys = ktae(TestByHand.rewards, TestByHand.ids, TestByHand.mask, variant="code", h1=1, h2=0).key_values
        assert_array_equal(keys[:, 0], 0)


class TestEdges:
    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_empty_responses_and_sides(self, lib: Library, variant: Any) -> None:
        for emptied in ([0], [0, 1], [2, 3], [0, 1, 2, 3]):
            mask = GROUP.mask.copy()
            mask[emptied] = False
            for b in (0.5, 1.0):
                result = ktae(lib.array(GROUP.rewards), lib.array(GROUP.ids), lib.array(mask), variant=variant, b=b)
                advantages, keys = exact.ktae(
                    GROUP.rewards.tolist(), GROUP.ids.tolist(), mask.tolist(), variant=variant, b=b
                )
                assert_allclose(lib.numpy(result.key_values), keys, rtol=1e-12)
                assert_allclose(lib.numpy(result.advantages), advantages, rtol=1e-12)

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_no_groups(self, lib: Library) -> None:
        result = ktae(lib.array(np.zeros((0, 4))), lib.array(np.zeros((0, 4, 3), int)), lib.array(np.ones((0, 4, 3))))
        assert tuple(result.advantages.shape) == tuple(result.key_values.shape) == (0, 4, 3)

    def test_extreme_rewards_and_weights(self) -> None:
        for variant in VARIANTS:
            plain = ktae(*GROUP, variant=variant)  # type: ignore[arg-type]
            huge = ktae(np.where(GROUP.rewards > 0, 1e300, -1e300), GROUP.ids, GROUP.mask, variant=variant)  # type: ignore[arg-type]
            assert_array_equal(huge.key_values, plain.key_values)
            assert_allclose(huge.advantages, plain.advantages, rtol=1e-5)
            for dtype in ("float32", "float64"):
                rewards = GROUP.rewards.astype(dtype)
                keys = ktae(rewards, GROUP.ids, GROUP.mask, variant=variant, h1=1e6, h2=1e6, h3=1e6, k1=1e6).key_values  # type: ignore[arg-type]
                assert np.all(np.isfinite(keys))
                assert np.any(keys != 0)

    def test_inputs_stay_as_they_were(self) -> None:
        before = [part.copy() for part in GROUP]
        ktae(*GROUP, pad_token_id=5)
        for part, copy in zip(GROUP, before, strict=True):
            assert_array_equal(part, copy)


class TestBadInput:
    rewards, ids, mask = GROUP

    @pytest.mark.parametrize(
        ("ids", "mask", "rewards", "error", "match"),
        [
            (
                ids[:3],
                mask,
                rewards,
                ValueError,
                r"^token_ids must be of shape \(\.\.\., G, T\) .*\(4,\); got \(3, 3\)",
            ),
            (ids[None], mask, rewards, ValueError, r"^token_ids must be of shape"),
            (ids[:, :0], mask[:, :0], rewards, ValueError, r"^token_ids must be of shape .*T >= 1"),
            (ids, mask[:, :2], rewards, ValueError, r"^mask must be of shape \(4, 3\).*; got \(4, 2\)"),
            (ids, mask * 0.5, rewards, ValueError, r"^mask must be boolean, or 0 and 1; got 0.5"),
            (ids * 1.0, mask, rewards, TypeError, r"^token_ids must be an array of integers; got 'float64'"),
            (mask, mask, rewards, TypeError, r"^token_ids must be an array of integers; got 'bool'"),
            ("abc", mask, rewards, TypeError, r"^token_ids must be an array of real numbers"),
            (ids, mask | True, rewards, ValueError, r"^token_ids must be from 0 to 2\*\*31 - 1 .*; got -100"),
            (np.where(mask, 2**31, 0), mask, rewards, ValueError, r"^token_ids must be from 0 .*; got 2147483648"),
            (ids[:1], mask[:1], rewards[:1], ValueError, r"^rewards must be of shape .* G >= 2 .*; got \(1,\)"),
            (ids, mask, [1, np.nan, 0, 0], ValueError, r"^rewards must be finite everywhere; got nan"),
            (ids, mask, [1, np.inf, 0, 0], ValueError, r"^rewards must be finite everywhere; got inf"),
        ],
    )
    def test_arrays(self, ids: Any, mask: Any, rewards: Any, error: type[Exception], match: str) -> None:
        for function in (ktae, token_table):
            with pytest.raises(error, match=match):
                function(rewards, ids, mask)

    @pytest.mark.parametrize(
        ("keywords", "error", "match"),
        [
            ({"variant": "Paper"}, ValueError, "^variant must be one of 'paper', 'code'; got 'Paper'"),
            ({"h1": -1}, ValueError, r"^h1 must be a finite number in \[0.0, 1000000.0\]; got -1"),
            ({"h2": math.nan}, ValueError, "^h2 must be a finite number"),
            ({"h3": 1e7}, ValueError, "^h3 must be a finite number"),
            ({"k1": math.inf}, ValueError, "^k1 must be a finite number"),
            ({"b": 1.1}, ValueError, r"^b must be a finite number in \[0.0, 1.0\]; got 1.1"),
            ({"h1": "1"}, ValueError, "^h1 must be"),
            ({"h1": None}, TypeError, "^h1 must be one real number; got None"),
            ({"h1": 0, "h2": 0, "variant": "code"}, ValueError, "^h1 must be positive when h2 is 0"),
            ({"eps": -1}, ValueError, "^eps must be"),
            ({"ddof": 2}, ValueError, "^ddof must be an integer from 0 to 1; got 2"),
            ({"pad_token_id": -1}, ValueError, "^pad_token_id must be an integer of at least 0; got -1"),
            ({"pad_token_id": 1.5}, TypeError, "^pad_token_id must be an integer"),
        ],
    )
    def test_parameters(self, keywords: dict[str, Any], error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            ktae(*GROUP, **keywords)

    def test_libraries_do_not_mix_silently(self) -> None:
        torch = pytest.importorskip("torch")
        with pytest.raises(TypeError, match="^token_ids must be an array of "):
            ktae(self.rewards, torch.tensor(self.ids), self.mask)
