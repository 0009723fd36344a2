"""Workers: they work, they end with whoever made them, and Ctrl-C ends a command at any moment, any number of times."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner

from qae_sim.cli import main
from qae_sim.processes import Workers

#: Two workers that say who they are and then sleep for a minute; the main process waits for them.
SLEEPERS = """
import os, sys, time
from qae_sim.processes import Interruption, Workers
def job(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(60)
if __name__ == "__main__":
    with Interruption("last words"), Workers(2) as workers:
        for future in [workers.submit(job, sys.argv[1]) for _ in range(4)]:
            future.result()
"""

#: A worker that stops for a minute after it has written half of its result; the main process then fails.
HALF_A_RESULT = """
import os, sys, time
from multiprocessing.connection import Connection
from pathlib import Path
from qae_sim.processes import Workers
def job(path):
    def write_half(self, content, write=os.write):
        write(self.fileno(), content[: len(content) // 2])
        Path(path).touch()
        time.sleep(60)
    Connection._send = write_half
    return bytes(100)
if __name__ == "__main__":
    with Workers(1) as workers:
        workers.submit(job, sys.argv[1])
        while not Path(sys.argv[1]).exists():
            time.sleep(0.02)
        raise ZeroDivisionError
"""


def alive(session: int) -> list[psutil.Process]:
    """Processes of a session that still run."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == session and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        except ProcessLookupError:
            continue
    return found


def all_gone(session: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive(session):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    script, folder = tmp_path / "sleepers.py", tmp_path / "names"
    folder.mkdir()
    script.write_text(SLEEPERS)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(list(folder.iterdir())) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    yield process
    process.communicate()


class TestWorkers:
    def test_they_work_and_are_prepared(self) -> None:
        with Workers(1, os.putenv, "QAE_SIM_TEST", "prepared") as workers:
            assert workers.submit(pow, 2, exp=10).result() == 1024
            assert workers.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN

    def test_the_number_is_checked(self) -> None:
        with pytest.raises(ValueError, match="count must be an integer of at least 1; got 0"):
            Workers(0)

    def test_an_error_ends_them_at_once(self) -> None:
        begun = time.monotonic()
        futures: list[Future[None]] = []

        def fail() -> None:
            with Workers(1) as workers:
                workers.submit(time.sleep, 0).result()
                futures.append(workers.submit(time.sleep, 60))
                while not futures[0].running():
                    time.sleep(0.01)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert isinstance(futures[0].exception(timeout=20), BrokenExecutor)
        assert time.monotonic() - begun < 50

    @pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
    def test_they_end_with_their_parent(self, sleepers: subprocess.Popen[str], stop: signal.Signals) -> None:
        assert len(alive(sleepers.pid)) >= 3
        sleepers.send_signal(stop)  # to the parent alone
        assert sleepers.wait(20) == -stop
        assert all_gone(sleepers.pid)

    @pytest.mark.parametrize("pause", [0.0, 0.05, 0.2])
    def test_ctrl_c_twice_leaves_nobody(self, sleepers: subprocess.Popen[str], pause: float) -> None:
        os.killpg(sleepers.pid, signal.SIGINT)  # to all, as a terminal does
        time.sleep(pause)
        if sleepers.poll() is None:
            os.killpg(sleepers.pid, signal.SIGINT)
        _, errors = sleepers.communicate(timeout=20)
        assert sleepers.returncode != 0
        assert errors.count("Traceback") <= 1  # the script's own; workers say nothing
        assert all_gone(sleepers.pid)

    def test_an_error_while_a_result_is_being_written_ends_the_process(self, tmp_path: Path) -> None:
        script = tmp_path / "halves.py"
        script.write_text(HALF_A_RESULT)
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / "half")], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert done.stderr.count("Traceback") == 1
        assert done.stderr.endswith("ZeroDivisionError\n")

    def test_a_command_that_ignores_ctrl_c_is_ended(self) -> None:
        """KeyboardInterrupt can be lost, in a callback for example."""
        code = (
            "import time\nfrom qae_sim.processes import Interruption\n"
            "with Interruption('last words', seconds=0.2):\n"
            "  try:\n    print('ready', flush=True)\n    time.sleep(60)\n"
            "  except KeyboardInterrupt:\n    time.sleep(60)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (130, "last words")


#: Runs the command, whose imports come upon one that takes a minute.
SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("ready", flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Slow())
from qae_sim.__main__ import main
main()
"""


#: Who starts the tests in the background has them ignore Ctrl-C, and so do their children.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


def start_slowly(before: str = LISTEN) -> subprocess.Popen[str]:
    """Start the command and wait until it imports NumPy."""
    command = [sys.executable, "-c", before + SLOW_IMPORT, "estimators"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_ctrl_c_during_imports_is_one_line() -> None:
    process = start_slowly()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "\nInterrupted.\n")
    assert process.returncode == 130


def test_where_ctrl_c_is_ignored_imports_ignore_it_too() -> None:
    process = start_slowly("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_ctrl_c_in_a_command_that_does_not_handle_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(main.commands, "wait", click.command(wait))
    done = CliRunner().invoke(main, ["wait"])
    assert (done.exit_code, done.output) == (130, "\nInterrupted.\n")


#: A site of one lesson, which says that it runs and then sleeps for a minute.
SITE = """
import sys
from pathlib import Path
from qae_sim.cli.stops import resumable
from qae_sim.site import write_lessons
from qae_sim.site.address import Address
lesson = Path(sys.argv[1])
with resumable(lesson.parent / "site"):
    write_lessons([lesson], lesson.parent / "site", Address(""))
"""


@pytest.mark.slow
@pytest.mark.parametrize("whole_terminal", [True, False])
def test_ctrl_c_while_a_lesson_runs_is_one_line(tmp_path: Path, whole_terminal: bool) -> None:
    """nbclient has a handler of its own, and the lesson's kernel much to say."""
    nbformat = pytest.importorskip("nbformat")
    cells = [
        nbformat.v4.new_markdown_cell("# A lesson"),
        nbformat.v4.new_code_cell("import os, time\nopen('running', 'w').write(str(os.getpid()))\ntime.sleep(60)"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    process = subprocess.Popen(
        [sys.executable, "-c", SITE, str(tmp_path / "lesson.ipynb")],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running = tmp_path / "running"
    while not (running.exists() and running.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    (os.killpg if whole_terminal else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == f"\nInterrupted: {tmp_path / 'site'} holds what is done; the same command continues.\n"
    kernel = int(running.read_text())
    assert not psutil.pid_exists(kernel) or psutil.Process(kernel).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_ends_at_any_ctrl_c(tmp_path: Path, seed: int) -> None:
    """During start, work and shutdown; one to three times; to the whole terminal or to the main process."""
    draw = random.Random(seed)
    command = [
        *(sys.executable, "-c", "import time; from qae_sim.cli import main; print('ready', flush=True); main()"),
        *("sweep", "--arms=100", "--runs=512", "--steps=4000", "--eta=0.01", "--seed=1,2,3,4,5,6", "--workers=2"),
        f"--folder={tmp_path}",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2 + draw.random() * 3)
    for _ in range(draw.randint(1, 3)):
        if process.poll() is None:
            (os.killpg if draw.random() < 0.7 else os.kill)(process.pid, signal.SIGINT)
            time.sleep(draw.random() * 0.3)
    begun = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert process.returncode == 130
    assert "Interrupted: " in errors
    assert "the same command" in errors
    assert "Traceback" not in errors
    assert all_gone(process.pid)
