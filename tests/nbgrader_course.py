"""A course in nbgrader itself: solutions stay with the teacher, right answers get their points, wrong ones none.

It needs ``nbgrader``, which no other test does: ``python tests/nbgrader_course.py`` in an environment that has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: Lessons whose exercises a student sends in; each mark takes a kernel.
SENT = ("01_one_in_ten", "02_the_gate", "05_entropy_and_covariance")


def nbgrader(course: Path, *arguments: str) -> None:
    """Run a command of nbgrader."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def leaked(text: str, solution: str) -> list[str]:
    """Find lines of a solution in a text, however they are spaced: what is computed, returned, looped over or asked.

    Args:
        text: What students get.
        solution: The solution.

    Returns:
        The lines. What says nothing of it is left out: imports, and the first line of a function, which is given.
    """
    plain = "".join(text.split())
    lines = [line.partition("#")[0].strip() for line in solution.splitlines()]
    said = [line for line in lines if line and not line.startswith(("import ", "from ", "def ", "class ", ")", "]"))]
    return [line for line in said if len("".join(line.split())) > 5 and "".join(line.split()) in plain]


def main() -> None:
    """Hand out, send in, mark."""
    from nbgrader.api import Gradebook

    from qae_sim.explorers.exercises import EXERCISES

    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        kit = [sys.executable, "-m", "qae_sim", "kit", str(course)]
        subprocess.run(kit, check=True, capture_output=True)
        nbgrader(course, "generate_assignment", "qae", "--create")
        released = sorted((course / "release" / "qae").glob("*.ipynb"))
        assert len(released) == 8, released
        for path in released:
            text = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
            found = {name: leaked(text, exercise.solution) for name, exercise in EXERCISES.items()}
            assert not any(found.values()), (path, found)
        for student, sent in (("right", "source"), ("wrong", "release")):
            (course / "submitted" / student / "qae").mkdir(parents=True)
            for name in SENT:
                shutil.copy(course / sent / "qae" / f"{name}.ipynb", course / "submitted" / student / "qae")
        nbgrader(course, "autograde", "qae")
        with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
            scores = {one.student.id: one.score for one in book.assignment_submissions("qae")}
    assert scores == {"right": len(SENT), "wrong": 0}, scores
    print(f"nbgrader: {len(released)} notebooks without solutions; points {scores} of {len(SENT)}")


if __name__ == "__main__":
    main()
