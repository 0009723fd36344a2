"""What leaves the floating range is a named error, and no warning leaks."""

from __future__ import annotations

import numpy as np
import pytest
from libraries import LIBRARIES, Library

from qae_sim.softmax import covariance, entropy_change, first_order_entropy_change


@pytest.mark.parametrize("lib", LIBRARIES)
def test_named(lib: Library) -> None:
    z = lib.array([1.0, 0.0], "float64")
    huge = lib.array([1.7e308, -1.7e308], "float64")
    with pytest.raises(ValueError, match=r"^x, y must be small enough for the computation to stay within"):
        covariance(z, huge, huge)
    with pytest.raises(ValueError, match=r"^delta must be small enough for the computation to stay within"):
        first_order_entropy_change(z, huge)
    with pytest.raises(ValueError, match=r"^logits \+ delta must be finite everywhere; got inf at index \(0,\)"):
        entropy_change(huge, huge)


def test_half_precision_that_cannot_hold_the_result() -> None:
    z = np.array([0.0, 0.0], dtype=np.float16)
    with pytest.raises(ValueError, match="to stay within float16"):
        covariance(z, np.array([1e4, -1e4]), np.array([1e4, -1e4]))
