"""What all group estimators promise alike: shape, library, type, device, exact zeros, extreme rewards, named errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import references as exact
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libraries import LIBRARIES, NUMPY, STRICT, TORCH, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

Estimator = Callable[..., Any]


def places(rewards: Any) -> np.ndarray:
    """The numbers 1, 2, 3, ... in each group; of what is no batch of groups one number."""
    try:
        shape = tuple(rewards.shape) if hasattr(rewards, "shape") else np.shape(rewards)
    except ValueError:  # ragged
        shape = ()
    return np.broadcast_to(np.arange(1.0, shape[-1] + 1), shape) if shape else np.ones((1,))


#: What the contract gives an estimator that needs more than rewards, by input: nothing that tells equal rewards apart.
NEUTRAL: dict[str, Callable[[Any], Any]] = {
    "anchor": lambda rewards: 0.4,
    "lengths": places,
    "metric": lambda rewards: -places(rewards),
    "reference": lambda rewards: rewards,
    "prompt_values": lambda rewards: 0.1 * places(rewards)[..., 0],
    "further": lambda rewards: None,
}
#: Parameters that make the contract a stricter one, or whose answers fit half precision.
CHOSEN = {
    "canon": {"mu": 0.7},
    "mc_grpo": {"scale": "none", "count": "differing"},
    "rloo_std": {"equal_others": "keep"},
}


def called(row: adv.Estimator) -> Estimator:
    """An estimator as a function of rewards alone."""

    def function(rewards: Any, **keywords: Any) -> Any:
        given = {name: NEUTRAL[name](rewards) for name in row.inputs}
        return row.advantages(rewards, **given, **(CHOSEN.get(row.name, {}) | keywords))

    return function


def rows() -> dict[str, adv.Estimator]:
    """The registry's estimators that give each response one advantage."""
    return {name: row for name, row in adv.ESTIMATORS.items() if row.of_responses and set(row.inputs) <= set(NEUTRAL)}


ROWS = rows()
ALL = {name: called(row) for name, row in ROWS.items()}
#: Those for rewards 0 and 1 (or, for HA-DW, between them; for MaxRL from 0), and those for any finite rewards.
BINARY = {name: ALL[name] for name, row in ROWS.items() if row.binary or row.weights or name == "maxrl"}
GENERAL = {name: function for name, function in ALL.items() if name not in BINARY}
#: Those that divide by a standard deviation and ε.
WITH_EPS = [name for name, row in ROWS.items() if {"eps", "ddof"} <= {*row.settings}]
#: Those of which a group of equal rewards hears something.
NEVER_SILENT = ("sign_advantage", "krpo")
#: Those that look at one group at a time.
BY_GROUP = [name for name, row in ROWS.items() if not row.of_batches]

batches = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=2, max_side=6), elements=st.integers(0, 1)
)


def dtypes(lib: Library) -> list[str]:
    half = {"torch": ["float16", "bfloat16"], "numpy": ["float16"]}
    return ["float32", "float64", *half.get(lib.module, [])]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("lib", LIBRARIES)
class TestEveryLibrary:
    @given(rewards=batches)
    def test_shape_library_type_device_and_values(self, lib: Library, name: str, rewards: np.ndarray) -> None:
        expected = ALL[name](rewards.astype(float))
        for dtype in dtypes(lib):
            given_rewards = lib.array(rewards, dtype)
            result = ALL[name](given_rewards)
            assert lib.owns(result)
            assert tuple(result.shape) == rewards.shape
            assert result.dtype == given_rewards.dtype
            tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
            assert_allclose(lib.numpy(result).astype(float), expected, rtol=tolerance, atol=tolerance)
            assert_array_equal(lib.numpy(given_rewards), rewards)  # the input stays as it was

    @pytest.mark.parametrize("dtype", ["bool", "int32", "int64"])
    def test_integers_and_booleans_become_the_default_float(self, lib: Library, name: str, dtype: str) -> None:
        if lib.module == "cupy" or lib.module == "numpy":
            dtype = {"bool": "bool_"}.get(dtype, dtype)
        result = ALL[name](lib.array([[1, 0, 0, 1], [0, 0, 1, 0]], dtype))
        assert result.dtype == lib.array([0.5], "float32" if lib.module == "torch" else "float64").dtype
        assert_allclose(lib.numpy(result), ALL[name]([[1.0, 0, 0, 1], [0, 0, 1, 0]]), rtol=1e-5, atol=1e-6)

    def test_empty_batch(self, lib: Library, name: str) -> None:
        if name in BY_GROUP:
            assert tuple(ALL[name](lib.array(np.zeros((0, 4)))).shape) == (0, 4)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1 / 3, 7.3, -2.5, 1e300, -1e300, 5e-324, 1e-310])
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("lib", [NUMPY, STRICT, TORCH], ids=["numpy", "strict", "torch"])
def test_equal_rewards_give_exact_zeros(lib: Library, name: str, value: float) -> None:
    if name in NEVER_SILENT or (name in BINARY and value not in (0, 1)):
        return
    keywords: list[dict[str, Any]] = [{"eps": 0}, {"eps": 0, "ddof": 1}, {}] if name in WITH_EPS else [{}]
    for size in (2, 3, 7, 16, 100):
        for keyword in keywords:
            result = lib.numpy(ALL[name](lib.array(np.full((3, size), value)), **keyword))
            assert_array_equal(result, np.zeros((3, size)))


@pytest.mark.parametrize("name", [name for name in BY_GROUP if name not in NEVER_SILENT])
def test_one_equal_group_among_others(name: str) -> None:
    result = ALL[name]([[1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert_array_equal(result[1:], 0)
    assert np.any(result[0] != 0)


@given(batches)
def test_a_batch_is_its_groups(rewards: np.ndarray) -> None:
    flat = rewards.reshape(-1, rewards.shape[-1]).astype(float)
    for name in BY_GROUP:
        batch = ALL[name](rewards.astype(float)).reshape(flat.shape)
        assert_array_equal(batch, np.stack([ALL[name](group) for group in flat]))


extremes = st.lists(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([0.0, 1.0, 1e300, -1e300, 1.7e308, 5e-324, 1e-200, 1e200, 2.0**400, 2.0**-400]),
    ),
    min_size=2,
    max_size=12,
)


class TestExtremeRewards:
    @given(extremes, st.sampled_from([0.0, 1e-6]), st.sampled_from([0, 1]))
    @example([0.0, 5e120, 4e-121], 0.0, 0)  # zeros that only underflow would make
    @example([1e300, 1.0000000000000002e300, 1e300], 0.0, 1)
    @example([1.7e308, -1.7e308, 1.6e308], 1e-6, 0)
    def test_standardised_advantages_are_right_at_every_magnitude(self, r: list[float], eps: float, ddof: int) -> None:
        rational = [Fraction(x) for x in r]
        assert_allclose(adv.grpo(r, eps=eps, ddof=ddof), exact.grpo(rational, eps, ddof), rtol=1e-9, atol=1e-13)
        assert_allclose(adv.qae(r, 0.4, eps=eps, ddof=ddof), exact.qae(rational, Fraction("0.4"), eps, ddof), rtol=1e-9)

    @given(extremes)
    @example([0.0, 1.0, 1.7e308])  # beside others that hardly differ
    def test_finite_or_a_named_error(self, r: list[float]) -> None:
        for name, function in GENERAL.items():
            try:
                result = function(np.array(r))
            except ValueError as error:
                message = str(error)
            else:
                assert np.all(np.isfinite(result))
                assert len(set(r)) == 1 or name not in ("grpo", "reinforce_plus_plus") or np.any(result != 0)
                continue
            assert message.startswith("rewards must be small enough in magnitude")
            assert name in ("reinforce_plus_plus_baseline", "aapo", "rloo_std", *set(ALL) - set(WITH_EPS))

    def test_overflow_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"^rewards must be small enough .* for the advantages of dr_grpo to fit"):
            adv.dr_grpo([1.7e308, -1.7e308, -1.7e308])
        assert_allclose(adv.dr_grpo([1.7e308, -1.7e308]), [1.7e308, -1.7e308], rtol=1e-12)

    def test_tiny_spread_on_a_large_offset(self) -> None:
        r = [1.0, np.nextafter(1.0, 2), 1.0, 1.0]
        assert_allclose(adv.grpo(r, eps=0), exact.grpo([Fraction(float(x)) for x in r], 0), rtol=1e-12)

    @pytest.mark.parametrize("magnitude", [1e-40, 1e-30, 1e30, 1e38])
    def test_float32(self, magnitude: float) -> None:
        r = np.array([1, 0, 0, 0], dtype=np.float32) * np.float32(magnitude)
        assert_allclose(adv.grpo(r, eps=0), np.array([3, -1, -1, -1]) / 3**0.5, rtol=1e-5)
        assert_allclose(adv.qae(r, eps=0), np.array([4, 0, 0, 0]) / 3**0.5, rtol=1e-5)

    def test_half_precision_overflow_is_named(self) -> None:
        with pytest.raises(ValueError, match="fit float16"):
            adv.dr_grpo(np.array([60000, -60000, -60000], dtype=np.float16))


@pytest.mark.parametrize("name", ALL)
class TestBadInput:
    def test_one_response(self, name: str) -> None:
        if name == "dr_grpo":
            assert_array_equal(adv.dr_grpo([[1.0], [0.0]]), [[0.0], [0.0]])
        elif name in NEVER_SILENT:
            assert ALL[name]([[1.0], [0.0]]).shape == (2, 1)
        elif name != "quantile_whitening":  # which looks at the whole batch
            with pytest.raises(ValueError, match=r"^rewards must be of shape \(\.\.\., G\) with G >= 2 .*got \(2, 1\)"):
                ALL[name]([[1.0], [0.0]])

    def test_a_number_alone(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"^rewards must be .*; got"):
            ALL[name](1.0)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("lib", [NUMPY, STRICT, TORCH], ids=["numpy", "strict", "torch"])
    def test_not_finite(self, name: str, bad: float, lib: Library) -> None:
        for place in ((0, 0), (1, 2)):
            rewards = np.eye(3)
            rewards[place] = bad
            with pytest.raises(ValueError, match=r"^rewards must be .*; got " + str(bad)):
                ALL[name](lib.array(rewards))

    @pytest.mark.parametrize("bad", ["right", ["1", "0"], [1j, 0], [None, 1.0], {"r": 1}])
    def test_no_numbers(self, name: str, bad: Any) -> None:
        with pytest.raises(TypeError, match=r"^rewards must be an array of real numbers or booleans; got"):
            ALL[name](bad)

    def test_ragged(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"^rewards must be an array, or nested sequences of equal"):
            ALL[name]([[1, 0], [1]])

    def test_eps_and_ddof(self, name: str) -> None:
        if name not in WITH_EPS:
            return
        for eps in (-1e-9, np.nan, np.inf):
            with pytest.raises(ValueError, match=r"^eps must be a finite number in \[0.0, inf\); got"):
                ALL[name]([1, 0, 0], eps=eps)
        with pytest.raises(TypeError, match=r"^eps must be one real number; got 'small'"):
            ALL[name]([1, 0, 0], eps="small")
        with pytest.raises(ValueError, match=r"^ddof must be an integer from 0 to 1; got 2"):
            ALL[name]([1, 0, 0], ddof=2)
        with pytest.raises(TypeError, match=r"^ddof must be an integer from 0 to 1; got 0.5"):
            ALL[name]([1, 0, 0], ddof=0.5)


def test_rewards_that_are_not_binary() -> None:
    for name, row in ROWS.items():
        if row.binary:
            with pytest.raises(ValueError, match=r"^rewards must be 0 or 1 everywhere.*; got 0.5"):
                ALL[name]([1, 0.5, 0])
    with pytest.raises(ValueError, match=r"^rewards must be in \[0, 1\] everywhere.*; got 2.0"):
        ALL["ha_dw"]([2, 0, 0])


def test_lengths() -> None:
    for function in (adv.reinforce_plus_plus, adv.reinforce_plus_plus_baseline):
        with pytest.raises(
            ValueError, match=r"^lengths must be of shape \(3,\) \(one number for each reward\); got \(2,\)"
        ):
            function([1, 0, 0], lengths=[1, 2])
        with pytest.raises(ValueError, match=r"^lengths must be at least 1 everywhere, in tokens; got 0.0"):
            function([1, 0, 0], lengths=[1, 2, 0])
    with pytest.raises(ValueError, match=r"^lengths must be finite and at least 0, in tokens; got -1.0"):
        adv.overlong_punishment([1, -1])
    with pytest.raises(ValueError, match=r"^cache must be an integer from 1 to 10; got 11"):
        adv.overlong_punishment([1], max_length=10, cache=11)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_masks_and_punishments_on_every_library(lib: Library) -> None:
    kept = adv.dynamic_sampling_mask(lib.array([[1, 0], [1, 1]]))
    assert lib.owns(kept)
    assert lib.numpy(kept).tolist() == [True, False]
    punished = adv.overlong_punishment(lib.array([1, 9, 11]), max_length=10, cache=4)
    assert lib.owns(punished)
    assert_allclose(lib.numpy(punished), [0, -0.75, -1])


def test_exact_references_need_their_digits() -> None:
    """The references lean on 50 digits; another test that lowered them would weaken all comparisons."""
    assert mpmath.mp.dps >= 50


@pytest.mark.parametrize("name", GENERAL)
def test_gradients_flow_through_torch(name: str) -> None:
    """Advantages are data to a trainer, but a reader may differentiate them: against central differences."""
    torch = pytest.importorskip("torch")
    rewards = torch.tensor([[0.9, 0.1, 0.4, 0.3], [0.2, 0.8, 0.5, 0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: GENERAL[name](r), (rewards,))


def test_no_warning_leaks() -> None:
    rewards = np.array([[0.0, 0.0], [1e-320, 0.0], [1e300, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, function in GENERAL.items():
            function(rewards, **({"eps": 0} if name in WITH_EPS else {}))
