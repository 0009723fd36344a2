"""The index lists every lesson in order, and each lesson leads to the one after it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lessons import NOTEBOOKS

CORE = 8
INDEX = "00_index.ipynb"
LESSONS = [path for path in NOTEBOOKS if re.match(r"(?!00)\d\d_", path.name)]


def prose(path: Path) -> str:
    """All markdown cells of a lesson."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_the_index_lists_every_lesson_in_order() -> None:
    index = prose(NOTEBOOKS[0].with_name(INDEX))
    titles = [prose(path).splitlines()[0].removeprefix("# ") for path in LESSONS]
    expected = [(f"{int(path.name[:2])} {title}", path.name) for path, title in zip(LESSONS, titles, strict=True)]
    core, electives = index.split("## Electives")
    rows = [re.findall(r"(?m)^\| \[(.+?)\]\((\S+?)\) \| [^|]+\? \| \d+ \|$", part) for part in (core, electives)]
    assert rows == [expected[:CORE], expected[CORE:]]
    assert "(for_teachers.ipynb)" in electives


@pytest.mark.parametrize("place", range(len(LESSONS)), ids=[path.stem for path in LESSONS])
def test_it_leads_to_the_next(place: int) -> None:
    after = [path.name for path in LESSONS[place + 1 :]] + [INDEX]
    assert re.findall(r"(?:Next:|Back to)\s+\[[^\]]+\]\((\S+?)\)", prose(LESSONS[place])) == after[:1]
