"""``qae-sim site``: write lessons, claims, findings, estimators, guides and reference as a static site."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qae_sim.cli.lessons import find_lessons
from qae_sim.cli.stops import resumable
from qae_sim.cli.text import printable

#: Libraries that the lessons need, and those that the other pages need.
NEEDED = (
    *("anywidget", "flint", "latex2mathml", "matplotlib", "mistune", "nbclient", "nbformat", "scipy"),
    *("furo", "myst_parser", "sphinx"),
)


@click.command(short_help="Write lessons and reference as pages.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--pyodide",
    metavar="FOLDER|URL",
    help="Python for the browser: an unpacked release, which is copied, or an address; by default its makers'.",
)
def site(folder: Path, pyodide: str | None) -> None:
    """Run all lessons and write them to FOLDER as pages, with claims, estimators, guides and the API reference.

    The pages need neither Python nor network: they open from a disk or from any web server. Figures have text
    alternatives, and sliders that need no Python still move.

    From a web server they run Python in the browser: all other sliders move, exercises are checked, log.html reads a
    log that does not leave the machine, and lite/lab/index.html is a JupyterLab with all lessons. Python comes from the
    address of its makers; with --pyodide FOLDER everything comes from your server.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"this needs {', '.join(missing)}, which this Python does not have: pip install 'qae_sim[lab,docs]'"
        )
    from qae_sim.site import installed_address, write_docs, write_explorers, write_lessons
    from qae_sim.site.docs import STEPS, checked
    from qae_sim.site.lite import INSTALL, lite_missing, write_lite
    from qae_sim.site.live import write_live
    from qae_sim.site.pyodide import ADDRESS, place

    notebooks = sorted(find_lessons().glob("*.ipynb"))
    address = installed_address()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    without = lite_missing()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("site", total=len(notebooks) + 1 + len(STEPS) + (not without), completed=-1)

        def advance(what: str) -> None:
            bar.update(task, description=what, advance=1)

        with resumable(folder):
            try:
                lessons = write_lessons(notebooks, folder / "lessons", address, on_lesson=advance)
                advance("explorers")
                write_explorers(folder, [link for lesson in lessons for link in lesson.addresses])
                pages = write_docs(folder, lessons, address, on_step=advance)
                found = place(pyodide or ADDRESS, folder)
                write_live(folder, found)
                if not without:
                    advance("JupyterLite")
                    write_lite(notebooks, folder, found, checked())
            except (RuntimeError, ValueError) as error:
                raise click.ClickException(str(error)) from error
    where, first = printable(folder), printable(folder / "index.html")
    if without:
        click.echo(f"Without JupyterLite, which needs {', '.join(without)}. To get it: {INSTALL}")
    click.echo(f"{len(lessons)} lessons and {len(pages)} other pages in {where}; open {first}")
