"""The exercises of lessons as an assignment for nbgrader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qae_sim.explorers.exercises import EXERCISES
from qae_sim.storage import write_atomically
from qae_sim.teaching.material import Material, named_in


def write_assignment(lessons: Sequence[Material], folder: Path) -> list[Path]:
    """Write a notebook for each lesson that has an exercise, as nbgrader's source version.

    ``nbgrader generate_assignment`` makes the release version: it takes out what stands between the solution marks and
    the hidden tests.

    Args:
        lessons: The lessons.
        folder: Folder for the notebooks, ``source/NAME`` in a course of nbgrader; created if missing.

    Returns:
        The notebooks.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        if lesson.exercises:
            written.append(folder / f"{lesson.name}.ipynb")
            write_atomically(written[-1], json.dumps(_notebook(lesson), indent=1, ensure_ascii=False).encode())
    return written


def _notebook(lesson: Material) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [_cell("markdown", f"# {lesson.title}", f"{lesson.name}-title")]
    for part in lesson.parts:
        for name in (name for code in part.code for name in named_in(code, "check")):
            place = f"{lesson.name}-{name}".replace(" ", "-")
            (code,) = [code for code in part.code if name in named_in(code, "check")][:1]
            variable = code.rsplit("check(", 1)[1].rsplit(",", 1)[1].strip(" )\n")
            defines = "answer" if "answer =" in EXERCISES[name].solution else _defined(EXERCISES[name].solution)
            cells.append(_cell("markdown", f"## {part.title}\n\n{part.prose}", f"{place}-text"))
            cells.append(
                _cell(
                    "code",
                    f"### BEGIN SOLUTION\n{EXERCISES[name].solution}\n{_alias(variable, defines)}### END SOLUTION",
                    place,
                    grade=False,
                    solution=True,
                )
            )
            test = (
                "from qae_sim.explorers import check\n\n"
                f"feedback = check({name!r}, {variable})\n"
                "assert feedback.fine, feedback.text"
            )
            cells.append(_cell("code", test, f"{place}-test", grade=True, solution=False, points=1))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _defined(solution: str) -> str:
    """Name of the function that a solution defines."""
    return solution.split("def ", 1)[1].partition("(")[0]


def _alias(variable: str, defined: str) -> str:
    return "" if variable == defined else f"{variable} = {defined}\n"


def _cell(kind: str, source: str, id: str, **graded: Any) -> dict[str, Any]:
    """Write a cell, with what nbgrader reads."""
    # Identifiers of nbformat 4.5 have at most 64 characters.
    cell: dict[str, Any] = {"cell_type": kind, "id": id[:64], "metadata": {}, "source": source}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    if graded:
        cell["metadata"]["nbgrader"] = {
            "grade_id": id,
            "schema_version": 3,
            "locked": not graded["solution"],
            "task": False,
            **graded,
        }
    return cell
