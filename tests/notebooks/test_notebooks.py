"""Every lesson runs, and is stored the way lessons are stored."""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from lessons import NOTEBOOKS, Lessons

pytest.importorskip("anywidget")

from qae_sim.engines.demo.trl_runs import recorded_log
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.predictions import PREDICTIONS

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


def code_of(path: Path) -> str:
    """All code cells of a lesson."""
    cells = json.loads(path.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_no_cell_contains_an_answer() -> None:
    """Predictions, hints and solutions are named in notebooks and live in the package."""
    asked, solved, checked = set(), set(), set()
    for path in NOTEBOOKS:
        content = path.read_text()
        assert "A solution" not in content, path.stem
        code = code_of(path)
        for node in ast.walk(ast.parse(code)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("Predict", "Solution", "check"):
                name = ast.literal_eval(node.args[0])
                {"Predict": asked, "Solution": solved, "check": checked}[node.func.id].add(name)
                # Of what a question is about there are names alone, such as log.digest.
                assert all(isinstance(other, ast.Name | ast.Attribute) for other in node.args[1:]), path.stem
                assert not node.keywords
        cells = [" ".join("".join(cell["source"]).split()) for cell in json.loads(content)["cells"]]
        for name, made in PREDICTIONS.items():
            if name not in ("trainer-1", "silenced-1"):
                spec = made().spec()
                told = (
                    [*spec["why"]] if spec["kind"] == "choice" else [spec["why"], *(x["hint"] for x in spec["slips"])]
                )
                assert not [cell for cell in cells if any(why in cell for why in told)], (path.stem, name)
        for name, exercise in EXERCISES.items():
            assert " ".join(exercise.solution.split()) not in " ".join(code.split()), (path.stem, name)
    assert asked == set(PREDICTIONS)
    assert solved == checked <= set(EXERCISES)


@by_name
def test_nothing_that_a_student_has_not_typed_is_judged(path: Path, lessons: Lessons) -> None:
    for cell in lessons.notebooks[path.stem].cells:
        if cell.cell_type == "code" and "check(" in cell.source:
            said = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
            assert "Nothing is written yet" in said


@by_name
def test_numbers_are_written_for_a_reader(path: Path, lessons: Lessons) -> None:
    """No representation of NumPy's and no float in full, in what a cell shows as text."""
    for cell in lessons.notebooks[path.stem].cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            own = any(kind.startswith("application/") or kind == "text/html" for kind in data)
            shown = output.get("text", "") + ("" if own else data.get("text/plain", ""))
            assert not re.search(r"np\.|array\(|Fraction\(|\d\.\d{5}", shown), shown


COMPARED = [
    (path.stem, "".join(cell["source"]))
    for path in NOTEBOOKS
    for cell in json.loads(path.read_text())["cells"]
    if "compare(" in "".join(cell["source"])
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), COMPARED, ids=[name for name, _ in COMPARED])
def test_theory_agrees_with_a_hundred_times_the_samples(name: str, code: str) -> None:
    more, count = re.subn(r"\b(\d0_000|4000)\b", lambda found: str(100 * int(found.group())), code)
    assert count
    names: dict[str, Any] = {}
    tree = ast.parse(more)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, name, "exec"), names)
    outcome = eval(compile(ast.Expression(last.value), name, "eval"), names)
    assert outcome.fine, outcome


@by_name
def test_code_in_prose_runs(path: Path) -> None:
    """Indented code in Markdown runs after the imports of the lesson's cells; a log of somebody's is a recorded one."""
    names: dict[str, Any] = {}
    cells = json.loads(path.read_text())["cells"]
    texts = ["".join(line[4:] for line in cell["source"] if line.startswith("    "))
             for cell in cells if cell["cell_type"] == "markdown"]  # fmt: skip
    if any(texts):
        imports = [node for node in ast.parse(code_of(path)).body if isinstance(node, ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), path.stem, "exec"), names)
    for text in texts:
        exec(text.replace("path/to/your/run", recorded_log().as_posix()), names)
