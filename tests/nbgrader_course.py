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
        lines = {
            line.strip() for exercise in EXERCISES.values() for line in exercise.solution.splitlines() if "=" in line
        }
        for path in released:
            code = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
            assert not [line for line in lines if len(line) > 12 and line in code], path
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
