"""Grids, executors, and what is left when a sweep is stopped."""

from __future__ import annotations

import importlib
import multiprocessing
import re
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qae_sim.advantages import LinearK
from qae_sim.bandits import Adam, Bandit, Clip, Result, Study, Sweep, grid, sweep
from qae_sim.bandits.sweep import identifier

BASE = Study(Bandit.uniform(8, 3), steps=30, runs=4, every=5)
AXES = {"estimator": ["grpo", "qae"], "k": [0.2, 0.6], "eta": [0.1, 1.0]}


def assert_same(one: Sweep, other: Sweep) -> None:
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.study == theirs.study
        assert mine.parameters.tobytes() == theirs.parameters.tobytes()
        for name in mine.records:
            assert mine[name].tobytes() == theirs[name].tobytes()


class TestGrid:
    def test_spans_all_combinations(self) -> None:
        cells = grid(BASE, {"group_size": [4, 8], "seed": [0, 1, 2]})
        assert [(cell.group_size, cell.seed) for cell in cells] == [(g, s) for g in (4, 8) for s in (0, 1, 2)]

    def test_estimators_without_a_parameter_go_without_it(self) -> None:
        cells = grid(BASE, AXES)
        assert [(c.rule.name, c.rule.parameters.get("k"), c.eta) for c in cells] == [
            ("grpo", None, 0.1),
            ("grpo", None, 1.0),
            ("qae", 0.2, 0.1),
            ("qae", 0.2, 1.0),
            ("qae", 0.6, 0.1),
            ("qae", 0.6, 1.0),
        ]

    def test_axes_of_objects(self) -> None:
        cells = grid(
            BASE.with_(estimator="qae", parameters={"eps": 0}),
            {"k": [0.4, LinearK(0.2, 0.4, 9)], "clip": [None, Clip()], "optimizer": [Adam()]},
        )
        assert len(cells) == 4
        assert all(cell.rule.parameters["eps"] == 0 for cell in cells)

    @pytest.mark.parametrize(
        ("axes", "message"),
        [
            ({"etaa": [1]}, r"axes must be fields of Study or parameters of the estimators .did you mean 'eta'"),
            ({"k": [0.4]}, "axes must be fields of Study or parameters of the estimators; got 'k'"),
            ({"eta": []}, "axis 'eta' must be one value at least"),
            ({"eta": 0.5}, "axis 'eta' must be a sequence of values; got 0.5"),
            ({"estimator": "grpo"}, "axis 'estimator' must be a sequence of values; got 'grpo'"),
            ({"eta": [0.5, -1]}, "eta must be a finite number"),
            ({"estimator": ["grp"]}, "did you mean"),
        ],
    )
    def test_refuses(self, axes: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            grid(BASE, axes)


class TestFolder:
    def test_each_cell_has_a_file(self, tmp_path: Path) -> None:
        done = sweep(BASE, AXES, tmp_path / "new" / "folder")
        assert len(done) == 6
        assert {path.name for path in done.folder.iterdir()} == {f"{identifier(study)}.npz" for study in done.studies}
        assert done[3].study == done.studies[3]
        assert done.missing() == ()

    def test_what_is_there_is_not_done_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = sweep(BASE, AXES, tmp_path)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        first.path(first.studies[1]).unlink()
        first.path(first.studies[2]).write_bytes(b"half a fi")
        again = sweep(BASE, AXES | {"eta": [0.1, 1.0, 2.0]}, tmp_path)
        assert len(again) == 9
        kept = [path for path, time in before.items() if path.stat().st_mtime_ns == time]
        assert len(kept) == 4
        assert_same(sweep(BASE, AXES, tmp_path), first)

    def test_the_result_of_another_study_is_refused(self, tmp_path: Path) -> None:
        done = sweep(BASE, {"seed": [1, 2]}, tmp_path)
        one, other = map(done.path, done.studies)
        other.write_bytes(one.read_bytes())
        message = rf"^{re.escape(str(other))} holds the result of another study, which belongs into {one.name}:"
        assert done[0].study == done.studies[0]
        for refused in (lambda: done[1], done.missing, lambda: sweep(BASE, {"seed": [1, 2]}, tmp_path)):
            with pytest.raises(ValueError, match=message):
                refused()
        assert other.read_bytes() == one.read_bytes()

    def test_the_bar_counts_what_was_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        first = sweep(BASE, AXES, tmp_path)
        first.path(first.studies[0]).unlink()
        sweep(BASE, AXES, tmp_path, progress=True)
        assert f"{len(first)}/{len(first)}" in capsys.readouterr().err

    @pytest.mark.parametrize("threads", [0, 1])
    def test_an_error_leaves_the_other_cells(
        self, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = importlib.import_module("qae_sim.bandits.sweep")
        original = module.simulate

        def sometimes(study: Study, **arguments: Any) -> Result:
            if study.seed == 1:
                raise RuntimeError("out of luck")
            return original(study, **arguments)  # type: ignore[no-any-return]

        monkeypatch.setattr(module, "simulate", sometimes)
        axes = {"seed": [0, 1, 2]}
        with pytest.raises(ExceptionGroup, match="1 of 3 cells") as caught:
            sweep(BASE, axes, tmp_path, executor=ThreadPoolExecutor(1) if threads else None)
        (error,) = caught.value.exceptions
        assert str(error) == "out of luck"
        assert error.__notes__ == ["in the cell {'seed': 1}"]
        assert [study.seed for study in Sweep(tmp_path, grid(BASE, axes), ("seed",)).missing()] == [1]

    def test_an_interrupt_keeps_what_is_finished(self, tmp_path: Path) -> None:
        """Cells that finish on the executor while the interrupt arrives are kept; the rest is cancelled."""

        class Interrupting(Executor):
            """Finishes two cells, then Ctrl-C is pressed while the others wait."""

            def __init__(self) -> None:
                self.futures: list[Future[Any]] = []

            def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
                future: Future[Any] = Future()
                self.futures.append(future)
                if len(self.futures) <= 2:
                    future.set_running_or_notify_cancel()
                    future.set_result(function(*args, **kwargs))
                elif len(self.futures) == 4:
                    raise KeyboardInterrupt
                return future

        executor = Interrupting()
        with pytest.raises(KeyboardInterrupt):
            sweep(BASE, AXES, tmp_path, executor=executor)
        assert len(list(tmp_path.iterdir())) == 2
        assert executor.futures[2].cancelled()

    def test_tables(self, tmp_path: Path) -> None:
        done = sweep(BASE, {"estimator": ["grpo", "qae"], "k": [0.2], "clip": [None, Clip()]}, tmp_path)
        table = done.to_pandas()
        assert list(table.columns) == ["estimator", "k", "clip", "step", "run", "entropy", "success"]
        assert len(table) == 4 * 6 * 4
        cell = table[(table["estimator"] == "qae") & (table["clip"] == "Clip(low=0.2, high=0.2)")]
        assert cell["entropy"].to_numpy().tolist() == done[3]["entropy"].reshape(-1).tolist()


class TestExecutors:
    @pytest.fixture
    def here(self, tmp_path: Path) -> Sweep:
        return sweep(BASE, AXES, tmp_path / "here")

    def test_threads(self, here: Sweep, tmp_path: Path) -> None:
        with ThreadPoolExecutor(2) as executor:
            assert_same(sweep(BASE, AXES, tmp_path / "there", executor=executor, progress=True), here)

    @pytest.mark.slow
    def test_processes(self, here: Sweep, tmp_path: Path) -> None:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            assert_same(sweep(BASE, AXES, tmp_path / "there", executor=executor), here)

    @pytest.mark.slow
    # Dask's own workers warn of ports and of slow starts; nothing of that is ours.
    @pytest.mark.filterwarnings("default")
    def test_a_dask_cluster(self, here: Sweep, tmp_path: Path) -> None:
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            there = sweep(BASE, AXES, tmp_path / "there", executor=client.get_executor())
            assert len({worker for workers in client.who_has().values() for worker in workers}) <= 2
        assert_same(there, here)
