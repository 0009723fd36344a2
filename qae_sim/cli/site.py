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
def site(folder: Path) -> None:
    """Run all lessons and write them to FOLDER as pages, with claims, estimators, guides and the API reference.

    The pages need neither Python nor network: they open from a disk or from any web server. Figures have text
    alternatives, and sliders that need no Python still move.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"this needs {', '.join(missing)}, which this Python does not have: pip install 'qae_sim[lab,docs]'"
        )
    from qae_sim.site import installed_address, write_docs, write_lessons
    from qae_sim.site.docs import STEPS

    notebooks = sorted(find_lessons().glob("*.ipynb"))
    address = installed_address()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("site", total=len(notebooks) + len(STEPS), completed=-1)

        def advance(what: str) -> None:
            bar.update(task, description=what, advance=1)

        with resumable(folder):
            try:
                lessons = write_lessons(notebooks, folder / "lessons", address, on_lesson=advance)
                pages = write_docs(folder, lessons, address, on_step=advance)
            except RuntimeError as error:
                raise click.ClickException(str(error)) from error
    place, first = printable(folder), printable(folder / "index.html")
    click.echo(f"{len(lessons)} lessons and {len(pages)} other pages in {place}; open {first}")
