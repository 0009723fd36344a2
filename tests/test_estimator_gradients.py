"""Gradients through what can be differentiated: finite where the value is, and right against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from public_calls import ADVANTAGES, CALLS, Call

torch = pytest.importorskip("torch")

DIFFERENTIABLE = {name: call for name, call in CALLS.items() if call.differentiable}


def tensors(call: Call) -> dict[str, Any]:
    return {
        key: torch.tensor(values, dtype=None if key in call.integers else torch.float64)
        for key, values in call.arrays.items()
    }


def total(result: Any) -> Any:
    """All floating numbers of an answer, each with a weight of its own."""
    if hasattr(result, "__dataclass_fields__"):
        parts = [getattr(result, name) for name in result.__dataclass_fields__]
    else:
        parts = [result]
    flat = torch.cat([part.reshape(-1) for part in parts if getattr(part, "requires_grad", False)])
    return (flat * torch.arange(1.0, len(flat) + 1, dtype=flat.dtype)).sum()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
class TestGradients:
    def test_central_differences(self, name: str) -> None:
        """Away from ties, where functions of sorted numbers have no derivative."""
        call = DIFFERENTIABLE[name]
        arrays = tensors(call)
        x = arrays[call.differentiable]
        if call.differentiable == "rewards":
            x = x * 0.5 + torch.linspace(0.0, 0.3, x.numel(), dtype=x.dtype).reshape(x.shape)
        others: dict[str, Any] = {}
        if "complement" in arrays:  # goes with p
            others["complement"] = None

        def function(x: Any) -> Any:
            return total(call.function(**(arrays | dict(call.others) | others | {call.differentiable: x})))

        assert torch.autograd.gradcheck(function, (x.clone().requires_grad_(),), atol=1e-6)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_finite(self, name: str, dtype: str) -> None:
        """For groups of equal numbers, and groups with some."""
        call = DIFFERENTIABLE[name]
        shape = np.shape(call.arrays[call.differentiable])
        for values in (np.zeros(shape), np.ones(shape) * 0.5, np.arange(int(np.prod(shape))).reshape(shape) % 2 * 1.0):
            for eps in (0.0, 1e-6) if "eps" in call.others and name != "reg_grpo" else (None,):
                x = torch.tensor(values, dtype=getattr(torch, dtype)).requires_grad_()
                arrays = {key: torch.tensor(value) for key, value in call.arrays.items()}
                if "complement" in arrays:
                    arrays["complement"] = None
                changes = {} if eps is None else {"eps": eps}
                total(call.function(**(arrays | dict(call.others) | changes | {call.differentiable: x}))).backward()
                assert torch.isfinite(x.grad).all(), (values, eps)


def test_every_estimator_of_any_rewards_is_differentiated() -> None:
    with_rewards = {name for name, call in ADVANTAGES.items() if call.differentiable}
    assert with_rewards >= {"grpo", "qae", "canon", "gdpo", "reg_grpo", "fspo", "expected_advantages"}
