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


@pytest.mark.parametrize("path", LESSONS[:CORE], ids=lambda path: path.stem)
def test_a_core_lesson_predicts_looks_derives_breaks_practises_and_says_what_is_left(path: Path) -> None:
    """In this order, and none of it empty: a question before the look, a derivation, an exercise with its check."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts: dict[str, str] = {"": ""}
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and (found := re.search(r"(?m)^## (.+?)(?::.*)?$", text)):
            parts[found.group(1)] = text[found.end() :]
        else:
            parts[list(parts)[-1]] += text
    assert list(parts) == ["", "Predict", "Look", "Derive", "Break it", "Exercise", "What is left"]
    assert "Predict(" in parts["Predict"]
    assert re.search(r"\b[A-Z]\w+(?:\.from_state)?\(", parts["Look"])
    assert "Derive(" in parts["Derive"]
    assert re.search(r"\bcheck\(", parts["Exercise"])
    assert "Solution(" in parts["Exercise"]
    assert "Next:" in parts["What is left"]
