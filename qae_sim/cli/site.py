"""``qae-sim site``: write the lessons as a static site."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qae_sim.cli.lessons import find_lessons

NEEDED = ("anywidget", "latex2mathml", "matplotlib", "mistune", "nbclient", "nbformat")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def site(folder: Path) -> None:
    """Run all lessons and write them to FOLDER as pages that need neither Python nor network.

    The pages open from a disk or from any web server. Figures have text alternatives, and the sliders of the views that
    the browser draws by itself still move.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"this needs {', '.join(missing)}, which this Python does not have: pip install 'qae_sim[lab]'"
        )
    from qae_sim.site import write_lessons

    lessons = sorted(find_lessons().glob("*.ipynb"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("lessons", total=len(lessons))

        def advance(name: str) -> None:
            bar.update(task, description=name, advance=0 if name == lessons[0].stem else 1)

        try:
            pages = write_lessons(lessons, folder, on_lesson=advance)
        except OSError as error:
            raise click.ClickException(f"cannot write to {folder}: {error.strerror or error}") from error
    click.echo(f"{len(pages)} lessons in {folder}; open {folder / 'index.html'}")
