"""``qae-sim lab``: copy the lessons and open JupyterLab on them."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from qae_sim.cli.lessons import HandedOut, find_lessons, hand_out
from qae_sim.cli.stops import cannot_use
from qae_sim.cli.text import printable
from qae_sim.page import FILE_NAME, document
from qae_sim.storage import write_atomically

NEEDED = ("anywidget", "jupyterlab", "matplotlib")


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("qae-sim-lessons"),
    show_default=True,
    help="Folder for your copies of the lessons; created if missing.",
)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening a browser window.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A further name under which the server may be reached, such as that of a proxy. Repeatable.",
)
def lab(folder: Path, no_browser: bool, hosts: tuple[str, ...]) -> None:
    """Open the lessons in JupyterLab, in your browser, and name the page to begin with, which needs no kernel.

    The lessons are copied to a folder of yours, where you can edit them: a lesson that you have edited is never
    overwritten. To get the original of a lesson back, delete your copy and run this command again.

    The server listens only on this machine, answers only to names of this machine, and requires a token, which is part
    of the address that it prints. To choose the token yourself, set JUPYTER_TOKEN.

    To stop JupyterLab, press Ctrl-C in this terminal.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"the lessons need {', '.join(missing)}, which this Python does not have. Install what they need with\n\n"
            f"    {sys.executable} -m pip install 'qae_sim[lab]'\n"
        )
    try:
        lessons = hand_out(find_lessons(), folder)
        page = folder.absolute() / FILE_NAME
        write_atomically(page, document().encode())  # no lesson to be edited: always this version's
    except OSError as error:
        problem = cannot_use(folder.absolute(), error)
        raise click.ClickException(f"{problem.message}\nTo name another folder: qae-sim lab --folder DIR") from error
    _tell(folder, lessons, page)
    command = jupyterlab_command(folder, lessons.all[0], no_browser, hosts=hosts)
    # The server replaces this process, so that Ctrl-C and signals reach it directly.
    sys.stdout.flush()
    os.execve(command[0], command, os.environ | {"JUPYTER_CONFIG_PATH": config_path()})


def jupyterlab_command(folder: Path, lesson: str, no_browser: bool, *, hosts: Sequence[str] = ()) -> list[str]:
    """Compose the command that starts JupyterLab.

    Args:
        folder: The folder that it shows.
        lesson: The lesson that it opens.
        no_browser: If True, open no browser.
        hosts: Names that requests may ask for, besides those of this machine.

    Returns:
        Program and arguments.
    """
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder.absolute()}",
        f"--LabApp.default_url=/lab/tree/{lesson}",
        "--ServerApp.allow_remote_access=False",
        *(f"--ServerApp.local_hostnames={name}" for name in (("localhost", *hosts) if hosts else ())),
    ]
    if no_browser:
        command.append("--no-browser")
    if os.geteuid() == 0:
        # In a container root is often the only user; JupyterLab then requires this flag.
        command.append("--allow-root")
    return command


def config_path() -> str:
    """List the folders in which JupyterLab looks for settings: the package's first, then the user's.

    The package's settings switch off the popup about news, which would cover the plots, and the search for updates.

    Returns:
        A value for ``JUPYTER_CONFIG_PATH``.
    """
    ours = str(Path(__file__).parent / "jupyter")
    return os.pathsep.join(filter(None, (ours, os.environ.get("JUPYTER_CONFIG_PATH"))))


def _tell(folder: Path, lessons: HandedOut, page: Path) -> None:
    """Say where to begin, and what happened to the lessons."""
    click.echo(f"Begin here, in any browser: {printable(page)}")
    click.echo(f"Your lessons are in {printable(folder.absolute())}")
    for name in lessons.new:
        click.echo(f"  new: {printable(name)}")
    for name in lessons.updated:
        click.echo(f"  updated to this version of qae_sim: {printable(name)}")
    for name in lessons.kept:
        click.echo(f"  kept as you edited it: {printable(name)}")
