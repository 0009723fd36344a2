"""The package as a whole: its rooms load on demand, its version is that of the metadata."""

from __future__ import annotations

from importlib.metadata import version

import pytest

import qae_sim


def test_rooms_load_on_demand() -> None:
    assert qae_sim.advantages.qae([1, 0, 0, 0, 0], eps=0).tolist() == [2.5, 0, 0, 0, 0]
    assert {"advantages", "arrays", "bandits", "lm", "softmax"} <= set(dir(qae_sim))
    with pytest.raises(AttributeError, match=r"no attribute .advantage.; it has advantages, arrays, bandits, engines"):
        _ = qae_sim.advantage


def test_version() -> None:
    assert qae_sim.__version__ == version("qae_sim")
