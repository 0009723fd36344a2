"""Every lesson runs, and is stored the way lessons are stored."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from lessons import NOTEBOOKS, Lessons

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def widget_errors(notebook: Any) -> list[str]:
    """Errors that widgets caught and show in an output of their own, where running the notebook does not see them."""
    models = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    outputs = [output for model in models.values() for output in model.get("state", {}).get("outputs", [])]
    return [output.get("evalue", "") for output in outputs if output.get("output_type") == "error"]


def run(notebook: Any, folder: Path) -> Any:
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def test_there_are_lessons() -> None:
    assert NOTEBOOKS


@pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning")
@by_name
def test_it_runs(path: Path, lessons: Lessons) -> None:
    notebook = lessons.notebooks[path.stem]
    assert widget_errors(notebook) == []
    assert any(cell.get("outputs") for cell in notebook.cells)
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "do not agree" not in said  # theory beside samples
    assert "could not be drawn" not in said


def test_errors_inside_widgets_are_seen(tmp_path: Path) -> None:
    source = "import ipywidgets as w\nw.interact(lambda k: 1 / 0, k=(0, 1))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert widget_errors(run(notebook, tmp_path)) == ["division by zero"]


@by_name
def test_it_is_stored_clean(path: Path) -> None:
    content = json.loads(path.read_text())
    nbformat.validate(content)
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in content["metadata"]
    cells = content["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert cells[0]["source"][0].startswith("# ")
    assert len({cell["id"] for cell in cells}) == len(cells)
    levels = [len(line) - len(line.lstrip("#")) for cell in cells if cell["cell_type"] == "markdown"
              for line in cell["source"] if line.startswith("#")]  # fmt: skip
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for cell in cells:
        assert "![](" not in "".join(cell["source"])  # no image without a text alternative
        assert len(cell["source"]) <= 15
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
