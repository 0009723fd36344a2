"""The array libraries that the same tests run on.

``array-api-strict`` accepts only what the array API standard promises, and so stands in for CuPy where there is no
GPU. CuPy and CUDA tensors carry the ``gpu`` marker.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Library:
    """One array library on one device."""

    module: str
    device: str | None = None

    def array(self, values: Any, dtype: str | None = None) -> Any:
        """Make an array of this library; ``dtype`` by name, such as ``"float32"``."""
        xp = importlib.import_module(self.module)
        values = np.array(values)
        keywords: dict[str, Any] = {} if dtype is None else {"dtype": getattr(xp, dtype)}
        if self.device is not None:
            keywords["device"] = self.device
        return xp.asarray(values, **keywords)

    @property
    def installed(self) -> bool:
        """Whether it can be imported here."""
        return importlib.util.find_spec(self.module) is not None

    def owns(self, x: Any) -> bool:
        """Whether an array is of this library and on its device."""
        right_device = self.device is None or str(x.device).startswith(self.device)
        return type(x) is type(self.array([0.0])) and right_device

    @staticmethod
    def numpy(x: Any) -> np.ndarray:
        """Copy an array to NumPy."""
        if hasattr(x, "get"):
            x = x.get()
        if hasattr(x, "cpu"):
            x = x.cpu()
            if str(x.dtype) == "torch.bfloat16":
                x = x.float()
        return np.asarray(x)


NUMPY = Library("numpy")
STRICT = Library("array_api_strict")
TORCH = Library("torch")

#: For ``@pytest.mark.parametrize("lib", LIBRARIES)``.
LIBRARIES = [
    pytest.param(NUMPY, id="numpy"),
    pytest.param(STRICT, id="strict"),
    pytest.param(TORCH, id="torch"),
    pytest.param(Library("cupy"), id="cupy", marks=pytest.mark.gpu),
    pytest.param(Library("torch", "cuda"), id="cuda", marks=pytest.mark.gpu),
]
