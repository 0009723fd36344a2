"""What the caller has told NumPy and PyTorch about arithmetic changes no number of the rooms that compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from public_calls import ADVANTAGES, CALLS, SOFTMAX, WITHOUT_NUMBERS, numbers_of, public_functions

from qae_sim import advantages, softmax
from qae_sim.arrays import self_contained

#: Rewards whose squares half precision does not hold, or that are too small for it.
HARD: dict[str, dict[str, Any]] = {
    "grpo": {"rewards": [300.0, 0.0, 0.0, 0.0]},
    "dynamic_sampling_mask": {"rewards": [3e-5, 0.0, 0.0, 0.0]},
    "qae": {"rewards": [1000.0, 0.0, 0.0, 1.0]},
    "reinforce_plus_plus": {"rewards": [1000.0, 0.0, 0.0, 1.0], "lengths": [1.0, 2.0, 3.0, 4.0]},
}


def same(one: Any, other: Any) -> None:
    left, right = numbers_of(one), numbers_of(other)
    assert len(left) == len(right) > 0
    for x, y in zip(left, right, strict=True):
        assert x.dtype == y.dtype
        assert_array_equal(x, y)


def test_every_public_function_is_called() -> None:
    assert set(ADVANTAGES) == public_functions(advantages) - WITHOUT_NUMBERS
    assert set(SOFTMAX) == public_functions(softmax)


@pytest.mark.parametrize("name", CALLS)
class TestAutocast:
    """Values and types inside ``torch.autocast`` are those outside, to the last bit."""

    @pytest.mark.parametrize("rounded", ["float16", "bfloat16"])
    @pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
    @pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
    def test_changes_nothing(self, name: str, dtype: str, rounded: str, device: str) -> None:
        torch = pytest.importorskip("torch")
        call = CALLS[name]

        def make(values: Any) -> Any:
            return torch.tensor(values, dtype=getattr(torch, dtype), device=device)

        keys = {key: torch.tensor(call.arrays[key], device=device) for key in call.integers}
        for changes in [{}, HARD.get(name, {})]:
            given = keys | {key: make(values) for key, values in changes.items()}
            outside = call(make, **given)
            with torch.autocast(device, dtype=getattr(torch, rounded)):
                inside = call(make, **given)
                assert torch.is_autocast_enabled(device)
            same(inside, outside)


@pytest.mark.parametrize("name", CALLS)
def test_numpy_that_raises_changes_nothing(name: str) -> None:
    """Rewards, logits and the like that are tiny, where squares and exponentials underflow."""
    call = CALLS[name]

    def tiny(values: Any) -> np.ndarray:
        return np.asarray(values) * 2.0**-1000 if name not in ("group_moments", "binomial") else np.asarray(values)

    makes: list[Callable[[Any], Any]] = [np.asarray]
    if "rewards" in call.arrays or name in SOFTMAX:
        makes.append(tiny)
    for make in makes:
        try:
            expected = call(make)
        except ValueError:
            continue
        with np.errstate(all="raise"):
            found = call(make)
        same(found, expected)


def test_numpy_that_raises_lets_anchors_move() -> None:
    batch = np.array([[1e-300, 1.0, 0.0, 0.0]])
    for anchor in (advantages.SoftAnchor(), advantages.HardAnchor(), advantages.KalmanAnchor()):
        expected = anchor.update(batch).update(batch)
        with np.errstate(all="raise"):
            assert anchor.update(batch).update(batch) == expected


def test_settings_come_back() -> None:
    torch = pytest.importorskip("torch")
    with np.errstate(all="raise"), torch.autocast("cpu", dtype=torch.bfloat16):
        with pytest.raises(ValueError, match="eps must be"):
            advantages.grpo(torch.eye(3), eps=-1)
        assert set(np.geterr().values()) == {"raise"}
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("rounded", ["float16", "bfloat16"])
def test_matrix_products_stay_whole_inside(rounded: str) -> None:
    """What autocast rounds most is a matrix product."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([[300.0, 1.0], [1.0, 3e-5]])
    with torch.autocast("cpu", dtype=getattr(torch, rounded)):
        assert (x @ x).dtype != torch.float32
        assert torch.equal(self_contained(torch.matmul)(x, x), torch.tensor(x.numpy() @ x.numpy()))
