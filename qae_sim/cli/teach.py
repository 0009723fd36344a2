"""``qae-sim slides``, ``kit`` and ``grade``: what a teacher shows and hands out, and what comes back."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from qae_sim.cli.lessons import find_lessons
from qae_sim.cli.stops import cannot_use
from qae_sim.cli.text import printable
from qae_sim.teaching.plans import PLANS


@click.command(short_help="Write handouts, answers and an assignment.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--site", metavar="URL", help="Where your class finds what qae-sim site wrote; for links and QR codes.")
def kit(folder: Path, site: str | None) -> None:
    """Write the teacher's kit of the core lessons to FOLDER.

    handouts/ has one page for each lesson, without answers; answers.md has the answers, for you alone; source/qae/ is
    an assignment for nbgrader, whose generate_assignment makes the students' version. With --site, links.html has a
    link and a QR code for every state from which an explorer can start.
    """
    _need("anywidget", "matplotlib")
    from qae_sim.storage import write_atomically
    from qae_sim.teaching.assignment import write_assignment
    from qae_sim.teaching.handout import write_handouts
    from qae_sim.teaching.key import answer_key
    from qae_sim.teaching.material import core_lessons

    lessons = core_lessons(find_lessons())
    try:
        pages = write_handouts(lessons, folder / "handouts")
        notebooks = write_assignment(lessons, folder / "source" / "qae")
        write_atomically(folder / "answers.md", answer_key(lessons).encode())
        if site:
            _need("segno")
            from qae_sim.teaching.links import links

            write_atomically(folder / "links.html", links(site).encode())
    except OSError as error:
        raise cannot_use(folder, error) from error
    click.echo(
        f"{len(pages)} handouts, {len(notebooks)} notebooks for nbgrader and answers.md, for you alone, in "
        f"{printable(folder)}"
    )


@click.command(short_help="Make slides for a class.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--plan", "name", type=click.Choice(list(PLANS)), default="45", show_default=True, help="Minutes, or five days."
)
def slides(file: Path, name: str) -> None:
    """Write slides for 45 or 90 minutes or a week to FILE, made from the lessons.

    They are one file, which any browser opens without Python or network; pictures and questions are alive. Key S opens
    the speaker's notes: what to say, minutes, expected answers, solutions, and where to stop.
    """
    _need("anywidget", "latex2mathml", "matplotlib", "mistune")
    from qae_sim.storage import write_atomically
    from qae_sim.teaching.slides import slides as made

    try:
        write_atomically(file, made(PLANS[name], find_lessons()).encode())
    except OSError as error:
        raise cannot_use(file, error) from error
    click.echo(f"slides for {PLANS[name].title!r} in {printable(file)}; key S opens the speaker's notes")


def _need(*modules: str) -> None:
    """Stop with one line if a library is not installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"this needs {', '.join(missing)}, which this Python does not have: pip install 'qae_sim[lab,docs]'"
        )


@click.command(short_help="Mark the exercises of a student's file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--exercise", "exercises", multiple=True, help="Mark this one; default: those that the file checks.")
def grade(file: Path, exercises: tuple[str, ...]) -> None:
    """Run a student's notebook, Python or worksheet FILE and say its points, one for each exercise.

    Predictions in a worksheet are shown and have no points: they are made before one looks.

    The file may do whatever you may do: mark files of strangers in a container.
    """
    _need("anywidget")
    from qae_sim.explorers.worksheet import read_worksheet
    from qae_sim.teaching.grading import grade as marks_of

    try:
        marks = marks_of(file, exercises)
        student, entries = read_worksheet(file) if file.suffix == ".json" else ("", ())
    except OSError as error:
        raise cannot_use(file, error) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if student:
        click.echo(f"worksheet of {printable(student)}")
    for entry in entries:
        if entry.kind == "prediction":
            click.echo(f"-  prediction {printable(entry.name)}: {printable(entry.answer)}")
    for mark in marks:
        click.echo(f"{mark.points}  {printable(mark.exercise)}: {printable(mark.said)}")
    click.echo(f"{sum(mark.points for mark in marks)} of {len(marks)} points")
