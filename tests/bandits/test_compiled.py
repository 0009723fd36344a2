"""The compiled path: the random numbers of NumPy's, the same steps within rounding, the same bits however it is cut."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bandit_studies import BERNOULLI, GENERAL, MIXTURE, ONE_QUERY, STATE, STEP, general
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import single_studies

from qae_sim.bandits import Bandit, Momentum, Result, Study, _compiler, simulate
from qae_sim.bandits.simulate import library_of

pytest.importorskip("numba")
mpmath = pytest.importorskip("mpmath")

from qae_sim.bandits import _machine_code as machine_code  # noqa: E402
from qae_sim.streams import streams, uniform_at  # noqa: E402


@pytest.fixture
def unasked() -> Iterator[None]:
    """Whether machine code is there is asked anew, before and after."""
    _compiler.is_ready.cache_clear()
    yield
    _compiler.is_ready.cache_clear()


def same_bits(one: Result, other: Result, runs: slice = slice(None)) -> None:
    for name, record in one.records.items():
        assert np.array_equal(record[:, runs], other.records[name], equal_nan=True), name
    assert np.array_equal(one.parameters[..., runs], other.parameters)


def close(one: Result, other: Result) -> None:
    for name, record in one.records.items():
        assert np.allclose(record, other.records[name], atol=1e-9, rtol=0, equal_nan=True), name
    logits, others = (result.parameters - result.parameters.mean(axis=1) for result in (one, other))
    assert np.allclose(logits, others, atol=1e-9, rtol=1e-12)


class TestPieces:
    def test_exponentials_to_one_unit_in_the_last_place(self) -> None:
        rng = np.random.default_rng(0)
        edges = np.array([0.0, -0.0, 5e-324, -1e-300, 1e-17, -693.2, -708.4, -745.1, 700.0])
        x = np.concatenate([edges, rng.uniform(-740, 700, 1500), rng.uniform(-1, 1, 1500), rng.uniform(-40, 33, 1500)])
        out = np.empty_like(x)
        machine_code.exponentials(x, out)
        with mpmath.workdps(40):
            errors = [float(abs(mpmath.mpf(y) - mpmath.exp(mpmath.mpf(a))) / np.spacing(y)) for a, y in zip(x, out)]  # noqa: B905
        assert max(errors) <= 1.01
        assert out[:4].tolist() == [1, 1, 1, 1]

    def test_exponentials_that_are_0(self) -> None:
        out = np.empty(3)
        machine_code.exponentials(np.array([-746.5, -1e300, -np.inf]), out)
        assert out.tolist() == [0, 0, 0]

    def test_exponentials_are_near_numpys(self) -> None:
        x = np.random.default_rng(1).uniform(-745, 700, 100_003)
        out = np.empty_like(x)
        machine_code.exponentials(x, out)
        assert (np.abs(out - np.exp(x)) <= 2 * np.spacing(out)).all()

    def test_uniform_numbers_are_those_of_streams(self) -> None:
        states = streams(np, range(4), 3, 1)
        expected = uniform_at(states, np.arange(50)[:, None])
        for run, state in enumerate(states):
            numbers = [machine_code._uniform(state, position) for position in range(50)]
            assert numbers == expected[:, run].tolist()


class TestPaths:
    @given(single_studies(), st.integers(1, 7), st.integers(1, 3))
    @settings(max_examples=80)
    def test_agree(self, study: Study, chunk: int, threads: int) -> None:
        compiled = simulate(study, library="numba")
        assert compiled.library == "numba"
        close(compiled, simulate(study, library="numpy"))
        same_bits(compiled, simulate(study, library="numba", chunk=chunk, threads=threads))
        last = study.runs - 1
        same_bits(compiled, simulate(study, range(last, last + 1), library="numba"), slice(last, None))

    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    @pytest.mark.parametrize("eta", [0.05, 0.5])
    @pytest.mark.parametrize("estimator", ["grpo", "qae"])
    def test_agree_over_many_steps(self, estimator: str, eta: float, algorithm: str) -> None:
        study = Study(Bandit.uniform(100, 30), estimator, eta=eta, steps=400, runs=24, algorithm=algorithm)
        study = study.with_(records=("entropy", "success", "accuracy", "zero_share"))
        close(simulate(study, library="numba"), simulate(study, library="numpy"))

    @pytest.mark.parametrize("problem", [Bandit([0.5, 0.5, 0.4]), Bandit([1.0, 0.0], start=[-1e300, 0.0])])
    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    def test_agree_where_logits_are_extreme(self, algorithm: str, problem: Bandit) -> None:
        study = Study(problem, "pos_mask", update="paper", eta=40.0, steps=100, runs=8, algorithm=algorithm)
        close(simulate(study, library="numba"), simulate(study, library="numpy"))

    def test_an_estimator_that_moves_equal_rewards(self) -> None:
        def raw(rewards: np.ndarray) -> np.ndarray:
            return np.asarray(rewards, dtype=float)

        study = Study(ONE_QUERY, raw, steps=60, runs=4, records=(*STATE, *STEP))
        close(simulate(study, library="numba"), simulate(study, library="numpy"))

    @pytest.mark.parametrize("every", [1, 7, 60])
    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    def test_records_do_not_interfere(self, algorithm: str, every: int) -> None:
        study = Study(BERNOULLI, "qae", steps=60, runs=5, algorithm=algorithm, records=(*STATE, *STEP), every=every)
        full = simulate(study, library="numba")
        bare = simulate(study.with_(records=("success",)), library="numba")
        assert np.array_equal(bare.parameters, full.parameters)
        assert np.array_equal(bare["success"], full["success"])

    def test_executors_do_not_matter(self) -> None:
        study = Study(Bandit.uniform(37, 9), "qae", steps=120, runs=9)
        here = simulate(study, library="numba")
        for executor in (ThreadPoolExecutor(2), ProcessPoolExecutor(1, get_context("spawn"))):
            with executor:
                same_bits(here, executor.submit(simulate, study, library="numba").result())

    def test_one_piece_of_machine_code_serves_all_studies(self) -> None:
        """A study for which another one were compiled would wait for it."""
        for problem in (ONE_QUERY, BERNOULLI, Bandit.uniform(7, 0), Bandit.uniform(3, 3)):
            for records in ((), ("entropy",), ("accuracy",), (*STATE, *STEP)):
                simulate(Study(problem, steps=2, runs=2, records=records), library="numba")
        assert len(machine_code.simulate_runs.signatures) == 1


class TestChoice:
    def test_errors(self) -> None:
        study = Study(ONE_QUERY, steps=2, runs=2)
        with pytest.raises(ValueError, match="threads must be an integer of at least 1; got 0"):
            simulate(study, threads=0)
        with pytest.raises(ValueError, match="threads must be 1 on a GPU"):
            simulate(study, library="cupy", threads=2)
        with pytest.raises(ValueError, match="there is no machine code for an optimiser"):
            simulate(study.with_(optimizer=Momentum()), library="numba")
        with pytest.raises(ValueError, match="there is no machine code for anything but one prompt"):
            simulate(study.with_(problem=MIXTURE), library="numba")

    @pytest.mark.parametrize("name", GENERAL)
    def test_auto_is_numpy_where_there_is_no_machine_code(self, name: str) -> None:
        assert library_of(general(name)) == "numpy"

    def test_auto_is_numba_once_machine_code_has_been_made(
        self, unasked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = tmp_path / "made"
        monkeypatch.setattr(_compiler, "mark", lambda: made)
        study = Study(ONE_QUERY, steps=2, runs=2)
        assert simulate(study).library == "numpy"
        made.touch()
        assert simulate(study).library == "numpy"  # one answer for each process
        _compiler.is_ready.cache_clear()
        assert simulate(study).library == "numba"

    def test_a_numba_that_cannot_be_imported_is_told_once(self, unasked: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> Path:
            raise ImportError("Numba needs NumPy 2.2 or less\nand more lines")

        monkeypatch.setattr(_compiler, "mark", broken)
        study = Study(ONE_QUERY, steps=2, runs=2)
        told = r"^Numba cannot be used \(Numba needs NumPy 2.2 or less\), so NumPy simulates alone$"
        with pytest.warns(RuntimeWarning, match=told):
            assert simulate(study).library == "numpy"
        assert simulate(study).library == "numpy"

    def test_the_path_is_stored(self, tmp_path: Path) -> None:
        study = Study(ONE_QUERY, steps=2, runs=2)
        for library in ("numpy", "numba"):
            simulate(study, library=library).save(tmp_path / library)
            assert Result.load(tmp_path / library).library == library


def run(code: str, **environment: Any) -> str:
    """Run Python with these variables of the environment besides the usual ones."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class TestCompiler:
    @pytest.mark.slow
    def test_machine_code_is_made_once(self, tmp_path: Path) -> None:
        """A process that finds it compiles nothing."""
        ask = (
            "from qae_sim.bandits import *; r = simulate(Study(Bandit.uniform(4, 2), steps=3, runs=2));"
            "from qae_sim.bandits._machine_code import simulate_runs as s;"
            "print(r.library, sum(s.stats.cache_misses.values()))"
        )
        assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)) == "numpy 0"
        made = run("from qae_sim.bandits.compile import main; main()", NUMBA_CACHE_DIR=str(tmp_path))
        assert str(tmp_path) in made
        assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)) == "numba 0"
