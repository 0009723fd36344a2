"""Slides for a plan, made from the lessons: one file, which needs neither Python nor network."""

from __future__ import annotations

import ast
import base64
import contextlib
import html
import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from qae_sim.explorers.assets import script, style
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.explorer import MIME, SITE
from qae_sim.explorers.predictions import prediction
from qae_sim.site.lessons import markdown, shown
from qae_sim.teaching.key import expected
from qae_sim.teaching.material import LessonPart, Material, named_in, read_lesson
from qae_sim.teaching.plans import NEEDS, Plan, Session, Stop

_HERE = Path(__file__).parent

#: Letters that a column beside a picture holds; a longer text is a slide of its own.
_COLUMN = 700


def slides(plan: Plan, lessons: Path) -> str:
    """Make the slides of a plan.

    Each cell of the lessons that the plan shows is a slide, with the text in front of it. Code is run, pictures and
    questions are alive, and exercises are shown without their solutions. Speaker's notes (key S) hold what to say, the
    minutes, expected answers, solutions, and where to stop.

    Args:
        plan: The plan.
        lessons: Folder with the lessons.

    Returns:
        HTML.

    Raises:
        OSError: A lesson cannot be read.
        ValueError: A lesson has no such part.
    """
    sections = [_title(plan.title, "", f"You need: {plan.knows}.")]
    for session in plan.sessions:
        sections.extend(_session(session, lessons))
    page = Template((_HERE / "slides.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=html.escape(plan.title),
        style=style("view", "quiz", "derive") + (_HERE / "slides.css").read_text(encoding="utf-8"),
        slides="\n".join(sections),
        lesson=_inside(script("lesson").read_text(encoding="utf-8")),
        reveal=_inside((_HERE / "built" / "slides.js").read_text(encoding="utf-8")),
    )


def _inside(code: str) -> str:
    """Write a script so that nothing in it ends its element."""
    return code.replace("</script", "<\\/script")


def _session(session: Session, folder: Path) -> Iterator[str]:
    """Make the slides of a session."""
    yield _title(session.title, f"{session.minutes} minutes.")
    begun = 0
    for stop in session.stops:
        lesson = read_lesson(folder / f"{stop.lesson}.ipynb")
        begun += stop.minutes
        yield _title(lesson.title, f"{_notes(stop)} Be done at minute {begun}.")
        space: dict[str, Any] = {}
        for part in parts_of(stop, lesson):
            yield from _part(part, space)
    yield _title("To end", session.end, session.end.partition(" If time")[0])


def _notes(stop: Stop) -> str:
    """Write what a teacher says, and what must have come before."""
    needs = ", ".join(NEEDS[stop.lesson])
    return f"{stop.minutes} minutes. {stop.say}" + (f" Builds on {needs}." if needs else "")


def parts_of(stop: Stop, lesson: Material) -> Iterator[LessonPart]:
    """Find the parts of a lesson that a plan shows.

    Args:
        stop: Where the plan shows them.
        lesson: The lesson.

    Yields:
        The parts.

    Raises:
        ValueError: It has no such part.
    """
    for name in stop.parts:
        part = lesson.part(name) if name else lesson.parts[0]
        if part is None:
            raise ValueError(f"parts of {lesson.name} must be headings of that lesson; got {name!r}")
        yield part


def _part(part: LessonPart, space: dict[str, Any]) -> Iterator[str]:
    """Make the slides of a part: one for each cell of code, with the text in front of it."""
    heading = f"<h2>{html.escape(part.title)}</h2>"
    text = ""
    for kind, source in part.cells:
        if kind == "markdown":
            if text:
                yield _slide(heading + text, "")
            text = markdown(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", source))
        elif not list(named_in(source, "Solution")):
            seen = f'<div class="seen">{_cell(source, space)}</div>'
            if len(re.sub(r"<[^>]+>", "", text)) > _COLUMN:
                yield _slide(heading + text, "")
                text = ""
            yield _slide(
                heading + (f'<div class="both"><div>{text}</div>{seen}</div>' if text else seen), _answers(source)
            )
            text = ""
    if text:
        yield _slide(heading + text, "")


#: Predictions about the reader's own log: what is right is not known before the log is read.
_OF_A_LOG = ("silenced-1",)


def _answers(code: str) -> str:
    """Write what a cell asks, with what is right."""
    asked = [
        "Expected: what the log says, see the next cell."
        if name in _OF_A_LOG
        else f"Expected: {expected(prediction(name))}"
        for name in named_in(code, "Predict")
    ]
    solutions = [f"A solution:\n{EXERCISES[name].solution}" for name in named_in(code, "check")]
    return "\n".join(asked + solutions)


def _cell(code: str, space: dict[str, Any]) -> str:
    """Run a cell and write what it shows; an exercise is shown as it stands."""
    if list(named_in(code, "check")):
        return f"<pre>{html.escape(code)}</pre>"
    printed = io.StringIO()
    tree = ast.parse(code)
    last = tree.body[-1]
    with contextlib.redirect_stdout(printed), _for_a_site():
        value = None
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(tree.body[:-1], []), "lesson", "exec"), space)
            value = eval(compile(ast.Expression(last.value), "lesson", "eval"), space)
        else:
            exec(compile(tree, "lesson", "exec"), space)
        data = _contents(value)
    said = f"<pre>{html.escape(printed.getvalue())}</pre>" if printed.getvalue() else ""
    return said + (shown(data) if data else "")


def _contents(value: Any) -> Mapping[str, Any]:
    """What a value shows in a notebook, by MIME type; pictures in a type that the last row can read."""
    if value is None:
        return {}
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_()
        data: dict[str, Any] = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
        if MIME in data:
            for shown_at in (data[MIME], *data[MIME]["others"]):
                shown_at["spec"]["style"] = "projector"
        return data
    if hasattr(value, "_repr_html_"):
        return {"text/html": value._repr_html_()}
    if hasattr(value, "_repr_png_"):
        picture = base64.b64encode(value._repr_png_()).decode()
        return {"text/html": f'<img alt="" src="data:image/png;base64,{picture}">'}
    return {"text/plain": repr(value)}


@contextlib.contextmanager
def _for_a_site() -> Iterator[None]:
    """Let explorers give all that a page without Python needs."""
    before = os.environ.get(SITE)
    os.environ[SITE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SITE]
        else:
            os.environ[SITE] = before


def _title(title: str, notes: str, below: str = "") -> str:
    """Write a slide that says what comes."""
    return _slide(f'<div class="title"><h1>{html.escape(title)}</h1><p>{html.escape(below)}</p></div>', notes)


def _slide(content: str, notes: str) -> str:
    """Write a slide with its notes."""
    lines = "<br>".join(html.escape(line) for line in notes.splitlines())
    return f'<section>{content}<aside class="notes">{lines}</aside></section>'
