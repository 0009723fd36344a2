"""``qae-sim sweep``: what it makes, what it says, and what survives Ctrl-C and kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from qae_sim.advantages import AdvantageRule
from qae_sim.bandits import Bandit, Clip, Result, Study, Sweep, grid
from qae_sim.cli import main


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["sweep", *arguments])
    return result.exit_code, result.output


class TestGrid:
    def test_of_settings(self, tmp_path: Path) -> None:
        code, output = run(
            "--arms=8", "--correct=3", "--estimator=grpo,qae", "--k=0.2,0.6", "--clip=none,0.2:0.28", "--epochs=2",
            "--steps=10", "--runs=3", "--every=5", "--record=entropy", "--record=success", f"--folder={tmp_path}",
        )  # fmt: skip
        assert code == 0, output
        results = [Result.load(path) for path in tmp_path.iterdir()]
        assert len(results) == 6
        assert {result.study.clip for result in results} == {None, Clip(0.2, 0.28)}
        assert {result.study.rule.parameters.get("k") for result in results} == {None, 0.2, 0.6}
        assert {result.study.epochs for result in results} == {2}
        assert f"6 results in {tmp_path}" in output

    def test_from_a_study(self, tmp_path: Path) -> None:
        study = Study(Bandit.mixture([0.2, 0.8]), AdvantageRule("qae", {"k": 0.3}), steps=4, runs=2)
        (tmp_path / "study.json").write_text(json.dumps(study.to_dict()))
        code, output = run(f"--study={tmp_path / 'study.json'}", "--seed=3,4", f"--folder={tmp_path / 'out'}")
        assert code == 0, output
        results = [Result.load(path) for path in (tmp_path / "out").iterdir()]
        assert sorted(result.study.seed for result in results) == [3, 4]
        assert all(result.study.with_(seed=0) == study for result in results)

    def test_table_shows_means_and_errors(self, tmp_path: Path) -> None:
        code, output = run("--problem=peaked", "--steps=3", "--runs=5", "--eta=0.1", f"--folder={tmp_path}")
        assert code == 0
        (path,) = tmp_path.iterdir()
        entropy = Result.load(path)["entropy"][-1]
        assert f"{entropy.mean():.4g} ± {entropy.std(ddof=1) / 5**0.5:.2g}" in output

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--eta=fast"], "could not convert string to float"),
            (["--eta=-1"], "eta must be a finite number"),
            (["--clip=2:1"], "low must be a finite number"),
            (["--estimator=gpro"], "did you mean 'grpo'"),
            (["--k=0.4"], "fields of Study or parameters of the estimators"),
            (["--record=entropi"], "records must be one of"),
            (["--correct=200"], "correct must be an integer from 0 to 100"),
            (["--workers=0"], "0 is not in the range"),
        ],
    )
    def test_errors_are_one_message(self, arguments: list[str], message: str, tmp_path: Path) -> None:
        code, output = run(*arguments, f"--folder={tmp_path / 'none'}")
        assert code == 2
        assert message in output.replace("\n", " ")
        assert "Traceback" not in output
        assert not (tmp_path / "none").exists()

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        code, output = run("--steps=2", "--runs=2", f"--folder={tmp_path / 'file' / 'folder'}")
        assert code == 1
        assert f"cannot use {tmp_path / 'file' / 'folder'}: Not a directory" in output

    def test_a_file_of_another_study_is_one_message(self, tmp_path: Path) -> None:
        arguments = ("--steps=2", "--runs=2", "--seed=1,2", f"--folder={tmp_path}")
        assert run(*arguments)[0] == 0
        one, other = sorted(tmp_path.iterdir())
        other.write_bytes(one.read_bytes())
        code, output = run(*arguments)
        assert code == 1
        told = output.replace("\n", " ")
        assert f"Error: {other} holds the result of another study, which belongs into {one.name}: rename it" in told

    def test_a_file_that_is_no_study(self, tmp_path: Path) -> None:
        (tmp_path / "s.json").write_text("{}")
        code, output = run(f"--study={tmp_path / 's.json'}")
        assert code == 2, output
        (tmp_path / "s.json").write_text("not JSON")
        assert run(f"--study={tmp_path / 's.json'}")[0] == 2


COMMAND = "from qae_sim.cli import main; main()"
SEEDS = list(range(24))
#: Cells of some 100 ms each.
ARGUMENTS = ["--arms=100", "--runs=256", "--steps=1000", "--eta=0.01", f"--seed={','.join(map(str, SEEDS))}"]


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from qae_sim.cli import main; main()",
            "sweep",
            *ARGUMENTS,
            f"--folder={folder}",
            *more,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_files(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    while len(list(folder.glob("*.npz"))) < count:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--workers=2"]], ids=["one process", "workers"])
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_stopped_sweep_goes_on(tmp_path: Path, stop: signal.Signals, more: list[str]) -> None:
    process = start(tmp_path, *more)
    wait_for_files(tmp_path, 3, process)
    os.killpg(process.pid, stop)  # as a terminal does: to all processes at once
    _, errors = process.communicate(timeout=120)
    kept = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.glob("*.npz")}
    assert 3 <= len(kept) < len(SEEDS)
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert f"Interrupted: {len(kept)} of {len(SEEDS)} cells are kept" in errors
        assert "Traceback" not in errors
    for path in kept:
        Result.load(path)

    process = start(tmp_path, *more)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert f"{len(SEEDS)} results" in output
    for path, before in kept.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    studies = grid(Study(Bandit.uniform(), runs=256, steps=1000, eta=0.01), {"seed": SEEDS})
    done = Sweep(tmp_path, studies, ("seed",))
    assert done.missing() == ()
    assert [result.study.seed for result in done] == SEEDS
