"""A full disk, a folder that may only be read, a clock that jumps: one clear message, and nothing is lost."""

from __future__ import annotations

import errno
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from qae_sim.cli import main
from qae_sim.dev.project import HERE
from qae_sim.engines.demo.trl_runs import recorded_log

SWEEP = ("sweep", "--arms=6", "--correct=2", "--steps=3", "--runs=2", "--eta=0.1", "--seed=1,2,3", "--folder")
TRAIN = (
    *("train", "--task=addition", "--set=task_options.digits=1", "--prompts=4", "--group-size=4", "--minibatches=2"),
    *("--set=base_demonstrations=256", "--set=base_passes=1", "--set=held_out=4", "--set=pass_at=4", "--device=cpu"),
    *("--batches=4", "--set=evaluate_every=2", "--folder"),
)
COMMANDS = {"sweep": SWEEP, "train": TRAIN, "lab": ("lab", "--no-browser", "--folder")}


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done.exit_code, done.output


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.execve", lambda *call: None)


def fail_at(number: int, monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOSPC) -> Callable[[], int]:
    """Let the number-th write to the disk and all later ones fail; gives the number of writes so far."""
    writes, real = itertools.count(), os.fsync
    seen = [0]

    def fsync(file: int) -> None:
        seen[0] = next(writes) + 1
        if seen[0] >= number:
            raise OSError(code, os.strerror(code))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    return lambda: seen[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_fills_at_any_write(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command == "train":
        pytest.importorskip("torch")
    whole = tmp_path / "whole"
    with monkeypatch.context() as patched:
        count = fail_at(10**9, patched)
        assert run(*COMMANDS[command], whole)[0] == 0
        writes = count()
    assert writes >= 3
    folder = tmp_path / "filling"
    for number in range(
        1, min(writes, 9) + 1
    ):  # each try gets at least one write further, or starts the one before again
        with monkeypatch.context() as patched:
            fail_at(number, patched)
            before = contents(folder) if folder.exists() else {}
            code, output = run(*COMMANDS[command], folder)
        if code == 0:
            break
        assert code == 1
        told = output.replace("\n", " ")
        assert f"cannot use {folder}: No space left on device" in told
        assert "Finished work is kept: make room, then the same command continues." in told
        assert not list(folder.glob(".*.part"))
        kept = contents(folder)
        assert {name: kept.get(name) for name in before if name.endswith((".npz", ".ipynb"))} == {
            name: content for name, content in before.items() if name.endswith((".npz", ".ipynb"))
        }
    assert run(*COMMANDS[command], folder)[0] == 0
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_folders_that_may_only_be_read(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def mkdir(path: Path, *arguments: object, **named: object) -> None:
        if path.is_relative_to(tmp_path):
            raise OSError(code, os.strerror(code), str(path))
        real(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", mkdir)
    folder = tmp_path / "out"
    commands = [(*command, folder) for command in COMMANDS.values()]
    commands += [("site", folder), ("reproduce", "ktae", "--device=cpu", "--folder", folder)]
    for command in commands:
        status, output = run(*command)
        told = output.replace("\n", " ")
        assert status == 1, told
        assert f"cannot use {folder}: {os.strerror(code)}" in told
        assert "Name a folder that you may write to." in told


def test_a_report_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "report.html"
    page.write_text("the one before")
    fail_at(1, monkeypatch)
    code, output = run("inspect", recorded_log(), "--html", page)
    assert code == 1
    assert f"cannot use {page}: No space left on device" in output.replace("\n", " ")
    assert page.read_text() == "the one before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
def test_a_site_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    lesson = sorted((HERE / "notebooks").glob("*.ipynb"))[0]
    (source / lesson.name).write_bytes(lesson.read_bytes())
    monkeypatch.setattr(sys.modules["qae_sim.cli.site"], "find_lessons", lambda: source)
    fail_at(2, monkeypatch)
    code, output = run("site", tmp_path / "site")
    assert code == 1
    assert f"cannot use {tmp_path / 'site'}: No space left on device" in output.replace("\n", " ")


@pytest.fixture
def _jumping_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that is set a year ahead and a year back, again and again."""
    real, year = time.time, itertools.cycle([365 * 86400.0, -365 * 86400.0, 0.0])
    monkeypatch.setattr(time, "time", lambda: real() + next(year))
    yield
    monkeypatch.undo()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_clock_that_jumps_changes_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if command == "train":
        pytest.importorskip("torch")
    assert run(*COMMANDS[command], tmp_path / "before")[0] == 0
    request.getfixturevalue("_jumping_clock")
    for _ in range(2):  # the second time finds files from the future and the past
        assert run(*COMMANDS[command], tmp_path / "now")[0] == 0
        for number, path in enumerate(sorted((tmp_path / "now").iterdir())):
            stamp = time.time() + (-1) ** number * 3e7
            os.utime(path, (stamp, stamp))
    assert contents(tmp_path / "now") == contents(tmp_path / "before")
