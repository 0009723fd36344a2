"""What a lesson has for a teacher: its parts by heading, and its predictions, derivations and exercises by name."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qae_sim.arrays import invalid

#: Numbers of the lessons that tell the story; the others are electives.
CORE = range(1, 9)


@dataclass(frozen=True)
class LessonPart:
    """What stands below a heading of a lesson, up to the next one.

    Attributes:
        title: The heading.
        cells: Kind, ``"markdown"`` or ``"code"``, and source of each cell; the heading itself is left out.
    """

    title: str
    cells: tuple[tuple[str, str], ...]

    @property
    def prose(self) -> str:
        """The text, without code."""
        return "\n\n".join(source for kind, source in self.cells if kind == "markdown" and source)

    @property
    def code(self) -> tuple[str, ...]:
        """The cells of code."""
        return tuple(source for kind, source in self.cells if kind == "code")


@dataclass(frozen=True)
class Material:
    """A lesson.

    Attributes:
        name: Name of its file, without the ending.
        parts: Its parts; the first is what stands above the first heading of level 2.
    """

    name: str
    parts: tuple[LessonPart, ...]

    @property
    def title(self) -> str:
        """Its title."""
        return self.parts[0].title

    @property
    def predictions(self) -> tuple[str, ...]:
        """Names of the predictions that it asks."""
        return self._named("Predict")

    @property
    def derivations(self) -> tuple[str, ...]:
        """Names of the derivations that it reveals."""
        return self._named("Derive")

    @property
    def exercises(self) -> tuple[str, ...]:
        """Names of the exercises that it checks."""
        return self._named("check")

    def part(self, title: str) -> LessonPart | None:
        """Find a part.

        Args:
            title: How its heading begins.

        Returns:
            The first such part; None if there is none.
        """
        return next((part for part in self.parts[1:] if part.title.startswith(title)), None)

    def _named(self, function: str) -> tuple[str, ...]:
        names = [name for part in self.parts for code in part.code for name in named_in(code, function)]
        return tuple(dict.fromkeys(names))


def named_in(code: str, function: str) -> Iterator[str]:
    """Find what a function is called with.

    Args:
        code: Python, in which lines with ``%``, ``!`` or ``?`` of a notebook are left out.
        function: Name of the function.

    Yields:
        First arguments that are written as text, in order.

    Example:
        >>> list(named_in('check("qae", advantages)', "check"))
        ['qae']
    """
    calls = [node for node in ast.walk(ast.parse(plain_python(code))) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(call.func, ast.Name) and call.func.id == function and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def plain_python(code: str) -> str:
    """Leave out lines that only a notebook understands.

    Args:
        code: A cell.

    Returns:
        Its Python.

    Example:
        >>> plain_python("%pip install x")
        ''
    """
    ours = (line for line in code.splitlines() if not line.lstrip().startswith(("%", "!", "?")))
    return "\n".join(line for line in ours if not line.rstrip().endswith("?") or "#" in line)


def read_lesson(path: Path) -> Material:
    """Read a lesson.

    Args:
        path: Its notebook.

    Returns:
        Its parts.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [(str(cell["cell_type"]), "".join(cell["source"])) for cell in cells]
    except (KeyError, TypeError, ValueError) as error:
        raise invalid("path", str(path), "a notebook") from error
    parts: list[tuple[str, list[tuple[str, str]]]] = [(path.stem, [])]
    for kind, source in sources:
        if kind != "markdown":
            parts[-1][1].append((kind, source))
            continue
        for piece in re.split(r"(?m)^(?=##? )", source):
            heading, _, rest = piece.partition("\n")
            if heading.startswith("## "):
                parts.append((heading[3:].strip(), []))
            elif heading.startswith("# "):
                parts[-1] = (heading[2:].strip(), parts[-1][1])
            else:
                rest = piece
            if rest.strip():
                parts[-1][1].append((kind, rest.strip()))
    return Material(path.stem, tuple(LessonPart(title, tuple(cells)) for title, cells in parts))


def core_lessons(folder: Path) -> list[Material]:
    """Read the lessons that tell the story.

    Args:
        folder: The lessons.

    Returns:
        Those that are there, in order.
    """
    return [read_lesson(path) for number in CORE for path in sorted(folder.glob(f"{number:02d}_*.ipynb"))]
