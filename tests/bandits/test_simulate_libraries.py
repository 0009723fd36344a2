"""One code for NumPy and CuPy: the same random draws, and float64 results within 1e-9.

Without a GPU, CuPy's branches run on a stand-in: NumPy under another name. It sums in CuPy's order.
"""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from bandit_studies import BERNOULLI, GENERAL, STATE, STEP, general

from qae_sim.bandits import Bandit, Result, Study, simulate


@pytest.fixture(params=["stand-in", pytest.param("cupy", marks=pytest.mark.gpu)])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "stand-in":
        module = types.ModuleType("cupy")
        vars(module).update({name: getattr(np, name) for name in np.__all__ if name != "take"})
        # CuPy's take knows no mode.
        module.take = lambda a, indices, axis=None, out=None: np.take(a, indices, axis=axis, out=out)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cupy", module)
    return "cupy"


def assert_close(one: Result, other: Result) -> None:
    for name, record in one.records.items():
        assert np.allclose(record, other[name], rtol=0, atol=1e-9, equal_nan=True), name
    assert np.allclose(one.parameters, other.parameters, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", GENERAL)
def test_everything(name: str, library: str) -> None:
    study = general(name)
    assert_close(simulate(study, library=library), simulate(study))


@pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
@pytest.mark.parametrize("estimator", ["grpo", "qae"])
def test_one_query(algorithm: str, estimator: str, library: str) -> None:
    study = Study(
        Bandit.uniform(37, 9), estimator, steps=80, runs=20, algorithm=algorithm, records=(*STATE, *STEP), every=3
    )
    assert_close(simulate(study, library=library), simulate(study))
    bernoulli = study.with_(problem=BERNOULLI)
    assert_close(simulate(bernoulli, library=library), simulate(bernoulli))


@pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
def test_same_bits_on_one_library(algorithm: str, library: str) -> None:
    study = Study(Bandit.uniform(37, 9), "qae", steps=80, runs=20, algorithm=algorithm, records=(*STATE, *STEP))
    whole = simulate(study, library=library)
    for chunk in (1, 7):
        parts = simulate(study, library=library, chunk=chunk)
        assert np.array_equal(whole.parameters, parts.parameters)
        for name in study.records:
            assert np.array_equal(whole[name], parts[name], equal_nan=True)


def test_cupy_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ModuleNotFoundError, match="cupy"):
        simulate(Study(BERNOULLI, steps=2, runs=2), library="cupy")
