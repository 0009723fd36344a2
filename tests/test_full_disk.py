"""A full disk, a folder that may only be read, a clock that jumps: one clear message, and nothing is lost."""

from __future__ import annotations

import errno
import itertools
import math
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from qae_sim.cli import main
from qae_sim.dev.kill import small_reproduction
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


# --- file systems that are really full, or can only be read ---


@dataclass(frozen=True)
class Disk:
    """A file system of its own in memory."""

    folder: Path

    def mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"needs the right to mount a file system: {done.stderr.strip()}")

    def resize(self, kilobytes: int) -> None:
        self.mount(f"remount,size={kilobytes}k")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if sys.platform != "linux":
        pytest.skip("needs Linux to mount a file system in memory")
    disk = Disk(tmp_path / "disk")
    disk.folder.mkdir()
    disk.mount("size=1m")
    yield disk
    subprocess.run(["umount", str(disk.folder)], check=True)


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run_small_reproduction(folder: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Reproduce with two workers; what they write to the terminal counts, too."""
    with pytest.raises(SystemExit) as ended:
        small_reproduction(str(folder))
    return int(ended.value.code or 0), "".join(capfd.readouterr())


@pytest.mark.mount
@pytest.mark.slow
@pytest.mark.parametrize("command", ["sweep", "train", "reproduce"])
def test_a_disk_that_is_full_also_for_workers(
    command: str, tmp_path: Path, disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    if command != "sweep":
        pytest.importorskip("torch")

    def call(folder: Path) -> tuple[int, str]:
        if command == "reproduce":
            return run_small_reproduction(folder, capfd)
        return run(*COMMANDS[command][:-1], *(["--workers=2"] if command == "sweep" else []), "--folder", folder)

    whole, folder = tmp_path / "whole", disk.folder / "filling"
    assert call(whole)[0] == 0
    needed = sum(math.ceil(len(content) / 4096) * 4 for content in tree(whole).values())
    before: dict[str, bytes] = {}
    for share in (0.5,) if command == "reproduce" else (0.2, 0.6):
        disk.resize(max(int(share * needed), 8))
        code, output = call(folder)
        told = output.replace("\n", " ")
        assert code == 1, told
        assert "Traceback" not in told
        assert f"cannot use {folder}: No space left on device" in told
        assert "Finished work is kept: make room, then the same command continues." in told
        kept = tree(folder)
        assert not [name for name in kept if name.endswith(".part")]
        finished = {name: content for name, content in before.items() if whole_at_once(name)}
        assert finished.items() <= kept.items()
        before = kept
    assert before
    disk.resize(4 * needed)
    assert call(folder)[0] == 0
    assert tree(folder) == tree(whole)


def whole_at_once(name: str) -> bool:
    """Whether a file, once it is there, stays as it is: results and base models."""
    return name.endswith(".npz") or Path(name).name.startswith("base-")


@pytest.mark.mount
@pytest.mark.parametrize("command", [*COMMANDS, "reproduce"])
def test_a_disk_that_can_only_be_read(
    command: str, disk: Disk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if command in ("train", "reproduce"):
        pytest.importorskip("torch")
    folder = disk.folder / "folder"
    folder.mkdir()
    disk.mount("remount,ro")
    code, told = run_small_reproduction(folder, capfd) if command == "reproduce" else run(*COMMANDS[command], folder)
    told = told.replace("\n", " ")
    assert code == 1, told
    assert "Traceback" not in told
    assert f"cannot use {folder}: Read-only file system" in told
    assert "Name a folder that you may write to." in told


def test_a_folder_that_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    fcntl = pytest.importorskip("fcntl")

    def flock(file: object, flags: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as for users
        code, output = run(*TRAIN, tmp_path / "run")
    assert code == 0
    (told,) = (line for line in output.splitlines() if "cannot be locked" in line)
    assert told == (
        f"Warning: '{tmp_path / 'run'}' cannot be locked (No locks available): "
        "let no other process write it at the same time"
    )


@pytest.mark.mount
@pytest.mark.parametrize("command", ["sweep", "train"])
def test_what_is_finished_can_be_read_where_nothing_can_be_written(command: str, disk: Disk) -> None:
    if command == "train":
        pytest.importorskip("torch")
    folder = disk.folder / "folder"
    disk.resize(20_000)
    assert run(*COMMANDS[command], folder)[0] == 0
    before = tree(folder)
    disk.mount("remount,ro")
    assert run(*COMMANDS[command], folder)[0] == 0
    assert tree(folder) == before


@pytest.mark.mount
def test_a_report_on_a_disk_that_can_only_be_read(disk: Disk) -> None:
    disk.mount("remount,ro")
    page = disk.folder / "report.html"
    code, output = run("inspect", recorded_log(), "--html", page)
    assert code == 1
    assert f"cannot use {page}: Read-only file system" in output.replace("\n", " ")


@pytest.mark.mount
def test_a_site_on_a_disk_that_can_only_be_read(disk: Disk) -> None:
    disk.mount("remount,ro")
    folder = disk.folder / "site"
    code, output = run("site", folder)
    assert code == 1
    assert f"cannot use {folder}: Read-only file system" in output.replace("\n", " ")


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


@pytest.mark.usefixtures("_jumping_clock")
def test_a_clock_that_jumps_changes_no_report(tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("one.html", "other.html")]
    assert [run("inspect", recorded_log(), "--html", page)[0] for page in pages] == [0, 0]
    assert pages[0].read_text() == pages[1].read_text()


def test_no_command_asks_for_the_time_of_day() -> None:
    """Workers and the kernels of a site have clocks that a test cannot set; none of their files depends on one."""
    asks = re.compile(r"\b(time\.time\(|time_ns\(|datetime|localtime|gmtime|strftime|st_mtime|getmtime|utcnow)")
    package = HERE / "qae_sim"
    modules = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "dev"]
    # Numba's cache goes by when a source was written, and so does whoever asks whether machine code is there.
    modules.remove(package / "bandits" / "_compiler.py")
    assert len(modules) > 100
    assert not [path for path in modules if asks.search(path.read_text())]
