"""Marks for a student's file: one file in, points out."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.worksheet import Entry, read_worksheet
from qae_sim.teaching.material import named_in, plain_python


@dataclass(frozen=True)
class Mark:
    """What an exercise has earned.

    Attributes:
        exercise: Its name.
        points: 1 if the answer is right, else 0.
        said: What the check says to the answer.
    """

    exercise: str
    points: int
    said: str


def grade(path: Path, exercises: Sequence[str] = (), *, seconds: float = 120.0) -> list[Mark]:
    """Run a student's file and mark its exercises.

    The file runs in a process of its own, in an empty folder, and that process is ended after a time. It is not locked
    in: it may do whatever you may do. Mark files of strangers in a container.

    Args:
        path: A notebook, a file of Python, or a worksheet that :func:`~qae_sim.explorers.hand_in` wrote.
        exercises: Names of the exercises to mark; none: those that the file checks.
        seconds: Time that the file may take, greater than 0.

    Returns:
        A mark for each exercise. Where a file checks one several times, the last check counts.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is none of these, names no exercise, or there is no such exercise.
    """
    cells = _cells(path)
    wanted = list(exercises) or list(dict.fromkeys(_asked(path, cells)))
    if not wanted:
        raise invalid("path", str(path), "a file that checks an exercise, such as check('qae', advantages)")
    for name in wanted:
        if name not in EXERCISES:
            raise invalid("exercises", name, f"among {', '.join(EXERCISES)}")
    with tempfile.TemporaryDirectory() as folder:
        task, out = Path(folder, "task.json"), Path(folder, "marks.json")
        task.write_text(json.dumps(cells), encoding="utf-8")
        run = f"from qae_sim.teaching.grading import mark; mark({str(task)!r}, {str(out)!r})"
        why = "It ended before its checks."
        try:
            subprocess.run(
                [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {run}"],
                cwd=folder,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = f"It took longer than {seconds:g} seconds."
        try:
            found = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
    missing = [0, why if not found.get("") else "It does not check this exercise."]
    return [Mark(name, *found.get(name, missing)) for name in wanted]


def _asked(path: Path, cells: Sequence[str]) -> Iterator[str]:
    """Names of the exercises that a file answers."""
    if path.suffix == ".json":
        yield from (entry.name for entry in read_worksheet(path)[1] if entry.kind == "exercise")
    else:
        yield from (name for cell in cells for name in _checked(cell))


def _checked(cell: str) -> list[str]:
    """Names of the exercises that a cell checks; none where it is not Python."""
    try:
        return list(named_in(cell, "check"))
    except SyntaxError:
        return []


def _cells(path: Path) -> list[str]:
    """Read the code of a file."""
    if path.suffix == ".json":
        return [_with_check(entry) for entry in read_worksheet(path)[1] if entry.kind == "exercise"]
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [text]
    try:
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    except (KeyError, TypeError, ValueError) as error:
        raise invalid("path", str(path), "a notebook, or a file of Python") from error


def _with_check(entry: Entry) -> str:
    """Write the code of an answer so that it ends with its check, as it does in a notebook."""
    if entry.name in _checked(entry.answer):
        return entry.answer
    code, asked = entry.answer, "..."
    try:
        body = ast.parse(plain_python(code)).body
    except SyntaxError:
        body = []  # what is wrong with it is said when it runs
    if body and isinstance(body[-1], ast.FunctionDef):
        asked = body[-1].name
    elif body:
        code, asked = "", entry.answer
    return f"{code}\nfrom qae_sim.explorers import check\ncheck({entry.name!r}, {asked})"


def mark(task: str, out: str) -> None:
    """Run a student's code and write what its checks say.

    Args:
        task: A file with the cells, as JSON.
        out: File for points and words of each exercise, as JSON; the empty name is there once all has run.
    """
    from qae_sim.explorers.lesson import check

    found: dict[str, Any] = {}
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(Path(task).read_text(encoding="utf-8")):
        try:
            statements = ast.parse(plain_python(cell)).body
        except SyntaxError as error:
            for name in EXERCISES:
                if f'"{name}"' in cell or f"'{name}'" in cell:
                    found[name] = [0, f"Line {error.lineno} is not Python: {error.msg}."]
            continue
        for statement in statements:
            names = list(named_in(ast.unparse(statement), "check"))
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    if names and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                        answer = eval(ast.unparse(statement.value.args[1]), space)
                        said = check(names[0], answer)
                        found[names[0]] = [int(said.fine is True), said.text]
                    else:
                        exec(compile(ast.Module([statement], []), "answer", "exec"), space)
                except Exception as error:
                    if names:
                        found[names[0]] = [0, f"{type(error).__name__}: {error}"]
        Path(out).write_text(json.dumps(found), encoding="utf-8")
    Path(out).write_text(json.dumps(found | {"": True}), encoding="utf-8")
