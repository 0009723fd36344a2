"""Kill commands at random moments, run them again until they finish, and compare with undisturbed runs.

    python -m qae_sim.dev.kill

The commands are a sweep with workers, a training run, a small reproduction with workers, a site, and the copying of
lessons. A seed fixes how, when and which processes are killed; what they are doing then depends on the machine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from qae_sim.arrays import require_choice

#: Seconds within which a command must end after a signal; it promises five, but the machine may be busy.
PATIENCE = 30.0
#: Greatest number of kills of one run before it may finish.
_IN_A_ROW = 3
# Small models are fastest on one thread, above all while other processes are working.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1"}
_COMMAND = ["-m", "qae_sim"]
#: Ways to kill, by name: the signals to send, one after the other.
WAYS: dict[str, tuple[signal.Signals, ...]] = {
    "kill -9": (signal.SIGKILL,),
    "SIGTERM": (signal.SIGTERM,),
    "Ctrl-C": (signal.SIGINT,),
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
}
_WIDTHS = (10, 10, 10, 15)
_EDITED = "003.ipynb"


@dataclass(frozen=True)
class Victim:
    """A command that is killed.

    Attributes:
        command: Takes its folder and returns the arguments of Python that run it.
        prepare: Creates a new folder with everything that it needs.
        half: Takes its folder and that of an undisturbed run, and lists files that are neither old nor finished.
    """

    command: Callable[[Path], list[str]]
    prepare: Callable[[Path], object] = Path.mkdir
    half: Callable[[Path, Path], list[str]] = lambda folder, whole: []


@dataclass
class KillReport:
    """The results of killing one command.

    Attributes:
        kind: Name of the command.
        kills: Number of kills by way.
        rounds: Number of runs, each killed up to three times and then finished.
        failures: What went wrong, in words.
    """

    kind: str
    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    failures: list[str] = field(default_factory=list)


def _sweep(folder: Path) -> list[str]:
    sizes = ("--arms=50", "--runs=64", "--steps=400", "--eta=0.02", "--seed=0,1,2,3,4,5,6,7,8,9,10,11", "--workers=2")
    return [*_COMMAND, "sweep", *sizes, f"--folder={folder}"]


def _train(folder: Path) -> list[str]:
    sizes = {"task_options.digits": 1, "base_demonstrations": 512, "base_passes": 2, "held_out": 4, "pass_at": 4}
    settings = [f"--set={name}={value}" for name, value in (sizes | {"evaluate_every": 2}).items()]
    shape = (
        "--task=addition",
        "--prompts=4",
        "--group-size=4",
        "--minibatches=2",
        "--batches=12",
        "--seeds=0,1",
        "--device=cpu",
    )
    return [*_COMMAND, "train", *shape, *settings, f"--folder={folder}"]


def _reproduce(folder: Path) -> list[str]:
    return ["-c", f"from qae_sim.dev.kill import small_reproduction; small_reproduction({str(folder)!r})"]


def small_reproduction(folder: str) -> None:
    """Run ``qae-sim reproduce ktae`` with runs of a few seconds.

    Args:
        folder: Folder for the results.
    """
    from qae_sim.cli import main
    from qae_sim.lm import reproduce
    from qae_sim.lm.studies import arms

    tiny = {"prompts": 16, "batches": 4, "held_out": 4, "pass_at": 2, "group_size": 4, "evaluate_every": 1}
    tiny |= {"base_demonstrations": 256, "base_passes": 1}
    with patch.object(arms, "SIZES", {"small": tiny}), patch.object(reproduce, "SEEDS", {"small": 2}):
        main(["reproduce", "ktae", "--workers=2", "--device=cpu", f"--folder={folder}"])


def _site(folder: Path) -> list[str]:
    return ["-c", f"from qae_sim.dev.kill import small_site; small_site({str(folder)!r})"]


def small_site(folder: str) -> None:
    """Write three lessons of one line as pages.

    Args:
        folder: Folder for the pages; the lessons are in its sibling ``source``.
    """
    from qae_sim.cli.stops import resumable
    from qae_sim.site import write_lessons
    from qae_sim.site.address import Address

    source = Path(folder).parent / "source"
    with resumable(Path(folder)):
        write_lessons(sorted(source.glob("*.ipynb")), Path(folder), Address(""))


def _half_site(folder: Path, whole: Path) -> list[str]:
    return [name for name, content in _contents(folder).items() if content != _contents(whole).get(name)]


def _lessons(folder: Path) -> list[str]:
    code = "from qae_sim.cli.lessons import hand_out; hand_out(Path({0!r}).parent / 'many', Path({0!r}))"
    return ["-c", "from pathlib import Path; " + code.format(str(folder))]


def _prepare_lessons(folder: Path) -> None:
    """Make a learner's folder: an earlier version of some lessons, one of them edited."""
    from qae_sim.cli.lessons import hand_out

    old = folder.parent / "old"
    if not old.exists():
        _write_lessons(old, 8, "print('old')")
    hand_out(old, folder)
    (folder / _EDITED).write_bytes(_lesson("print('mine')"))


def _half_lessons(folder: Path, whole: Path) -> list[str]:
    old, new = _contents(folder.parent / "old"), _contents(whole)
    allowed = {name: {content, old.get(name)} for name, content in new.items() if name.endswith(".ipynb")}
    return [name for name, content in _contents(folder).items() if name in allowed and content not in allowed[name]]


def _lesson(line: str) -> bytes:
    """Make a notebook of a heading and a line of code."""
    heading = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A lesson"}
    code: dict[str, object] = {
        "cell_type": "code",
        "id": "b",
        "metadata": {},
        "source": line,
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = {"cells": [heading, code], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book).encode()


def _write_lessons(folder: Path, count: int, line: str) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.ipynb").write_bytes(_lesson(f"{line}  # {number}"))


VICTIMS = {
    "sweep": Victim(_sweep),
    "train": Victim(_train),
    "reproduce": Victim(_reproduce),
    "site": Victim(_site, half=_half_site),
    "lessons": Victim(_lessons, _prepare_lessons, _half_lessons),
}


def kill(kind: str, count: int, seed: str, place: Path, on_kill: Callable[[], object] = lambda: None) -> KillReport:
    """Kill a command a number of times, and compare its results with those of an undisturbed run.

    Args:
        kind: Name of the command, a key of :data:`VICTIMS`.
        count: Number of kills, >= 1.
        seed: Any text; fixes way, moment, and receivers of the signal (the main process, or all of them, as from a
            terminal).
        place: An empty folder to work in.
        on_kill: Called after each kill.

    Returns:
        The results.
    """
    require_choice("kind", kind, tuple(VICTIMS))
    victim, draw, found = VICTIMS[kind], random.Random(f"{seed} {kind}"), KillReport(kind)
    _write_lessons(place / "source", 3, "print(1)")
    _write_lessons(place / "many", 120, "print('new')")
    whole = place / "whole"
    victim.prepare(whole)
    begun = time.monotonic()
    if failures := _finish(victim, whole):
        found.failures += failures
        return found
    seconds = time.monotonic() - begun
    while found.kills.total() < count:
        folder = place / f"{kind}-{found.rounds}"
        victim.prepare(folder)
        for _ in range(min(draw.randint(1, _IN_A_ROW), count - found.kills.total())):
            way, group, moment = draw.choice(list(WAYS)), draw.random() < 0.5, seconds * draw.uniform(0.1, 1.0)
            process = _start(victim, folder)
            try:
                process.wait(moment)
                break  # done before the kill
            except subprocess.TimeoutExpired:
                found.kills[way] += 1
                found.failures += _kill(process, way, group, f"{way} after {moment:.2f} s")
                found.failures += [f"half a file: {name}" for name in victim.half(folder, whole)]
                on_kill()
        found.rounds += 1
        found.failures += _finish(victim, folder)
        found.failures += _differences(folder, whole)
    return found


def _start(victim: Victim, folder: Path) -> subprocess.Popen[bytes]:
    """Start a command as a terminal does: its processes form a group."""
    command = [sys.executable, *victim.command(folder)]
    silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return subprocess.Popen(command, env=os.environ | _ENVIRONMENT, start_new_session=True, **silent)


def _finish(victim: Victim, folder: Path) -> list[str]:
    """Run a command to its end; return its error message if it fails."""
    command = [sys.executable, *victim.command(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | _ENVIRONMENT)
    return [f"it does not go on: {done.stderr[-500:]}"] if done.returncode else []


def _kill(process: subprocess.Popen[bytes], way: str, group: bool, what: str) -> list[str]:
    """Send the signals, and check that all processes of the session end."""
    for number, one in enumerate(WAYS[way]):
        if number:
            time.sleep(0.1)
        if process.poll() is None:
            (os.killpg if group else os.kill)(process.pid, one)
    failures = []
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        failures.append(f"{what}: it still runs after {PATIENCE:g} s")
        process.kill()
        process.wait()
    end = time.monotonic() + PATIENCE
    while (left := _session(process.pid)) and time.monotonic() < end:
        time.sleep(0.05)
    for one_left in left:
        one_left.kill()
    return failures + ([f"{what}: {len(left)} processes are left behind"] if left else [])


def _session(leader: int) -> list[psutil.Process]:
    """List the processes of a session that still run."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, PermissionError):
            continue
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder by name, except unfinished ones of killed processes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".part", ".lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _differences(folder: Path, whole: Path) -> list[str]:
    """List files that differ from those of an undisturbed run, and unfinished ones that were not removed."""
    here, there = _contents(folder), _contents(whole)
    names = [name for name in sorted(here.keys() | there.keys()) if here.get(name) != there.get(name)]
    stay = [path.name for path in folder.rglob("*.part")]
    return [f"{folder.name}: {name} differs" for name in names] + [f"{folder.name}: {name} has stayed" for name in stay]


def heading() -> str:
    """Write the heading above :func:`row`.

    Example:
        >>> print(heading())
        command       kills   kill -9   SIGTERM    Ctrl-C   Ctrl-C twice   runs finished   failures
    """
    ways = "".join(f"{way:>{width}}" for way, width in zip(WAYS, _WIDTHS, strict=True))
    return f"{'command':10}{'kills':>9}{ways}{'runs finished':>16}{'failures':>11}"


def row(found: KillReport) -> str:
    """Write a report as a line of a table.

    Args:
        found: The report.

    Returns:
        The line, without its end.

    Example:
        >>> print(row(KillReport("sweep", Counter({"kill -9": 2, "Ctrl-C": 1}), 2)))
        sweep             3         2         0         1              0               2          0
    """
    kills = "".join(f"{found.kills[way]:{width}}" for way, width in zip(WAYS, _WIDTHS, strict=True))
    return f"{found.kind:10}{found.kills.total():9}{kills}{found.rounds:16}{len(found.failures):11}"


@click.command()
@click.option("--count", type=click.IntRange(1), default=60, show_default=True, help="Kills over all commands.")
@click.option("--seed", default="0", show_default=True, help="Seed of all random choices.")
@click.option(
    "--kind", "chosen", multiple=True, type=click.Choice(tuple(VICTIMS)), help="Only this command; repeatable."
)
def main(count: int, seed: str, chosen: tuple[str, ...]) -> None:
    """Kill commands at random moments; exits with 1 if one then ends differently, hangs, or leaves processes behind."""
    kinds = chosen or tuple(VICTIMS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    failed = False
    click.echo(heading())
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(kinds):
            share = count * (number + 1) // len(kinds) - count * number // len(kinds)
            place = Path(folder) / kind
            place.mkdir()
            with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task(kind, total=share)
                found = kill(kind, share, seed, place, partial(bar.advance, task))
            click.echo(row(found))
            for failure in found.failures[:10]:
                click.echo(f"{kind}: {failure}", err=True)
            failed |= bool(found.failures)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
