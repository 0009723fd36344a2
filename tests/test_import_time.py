"""``import qae_sim`` loads nothing heavy, and needs nothing heavy. How long it takes: benchmarks/bench_import.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

HEAVY = ["torch", "safetensors", "pyarrow", "cupy", "scipy", "matplotlib", "ipywidgets", "pandas", "dask", "flint"]
IMPORTS = [
    "import qae_sim",
    "import qae_sim.advantages, qae_sim.bandits, qae_sim.lm, qae_sim.softmax, qae_sim.theory, qae_sim.cli",
]

BLOCK = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked)", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("statement", IMPORTS)
def test_import_loads_no_heavy_library(statement: str) -> None:
    loaded = json.loads(run(f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"))
    assert "qae_sim" in loaded
    assert not {name.split(".")[0] for name in loaded} & set(HEAVY)


def test_estimators_load_without_the_modules_that_one_of_them_needs() -> None:
    """They would be a good part of the time; NumPy loads none of them."""
    loaded = json.loads(
        run("import qae_sim.advantages, qae_sim.softmax, json, sys\nprint(json.dumps(sorted(sys.modules)))")
    )
    assert not {"statistics", "decimal", "fractions"} & set(loaded)


@pytest.mark.parametrize("statement", IMPORTS)
def test_import_works_without_the_heavy_libraries(statement: str) -> None:
    run(f"{BLOCK}\n{statement}")


#: What no explorer needs: processes, threads that compute, sockets, widgets before it is displayed, and packages that
#: take long to load, in a browser above all. Pictures for viewers without widgets need Matplotlib when they are drawn.
HEAVY_FOR_EXPLORERS = (
    *("asyncio", "concurrent.futures.process", "concurrent.futures.thread", "http", "multiprocessing", "socket"),
    *("socketserver", "ssl", "subprocess", "urllib.request"),
    *("IPython", "anywidget", "ipywidgets", "traitlets"),
    *("cupy", "datasets", "distributed", "matplotlib", "pandas", "pyarrow", "safetensors", "torch", "transformers"),
    *("scipy.integrate", "scipy.interpolate", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.stats"),
)
OPENED = """
import json, sys
import array_api_compat.numpy
sys.modules["numba"] = None  # not there in a browser; where it is, the simulator asks it for machine code
before = set(sys.modules)
import qae_sim.explorers as explorers
explorer = getattr(explorers, sys.argv[1])()
opened = set(sys.modules) - before
for name in explorer.PRESETS:
    explorer.preset(name)
    explorer.words()
assert not explorer.problem
print(json.dumps([sorted(opened), sorted(set(sys.modules) - before - opened)]))
"""


def explorers() -> list[str]:
    """Names of the explorers that open without a log of somebody's; found without importing any."""
    folder = Path(__file__).parents[1] / "qae_sim" / "explorers"
    named = re.findall(r'^    "(\w+)",$', (folder / "__init__.pyi").read_text(), re.MULTILINE)
    classes = [re.findall(r"^class (\w+)\(Explorer\[", path.read_text(), re.MULTILINE) for path in folder.glob("*.py")]
    return sorted(set(named) & set(chain(*classes)) - {"TrainingLog"})


@pytest.mark.share(0.3)
@pytest.mark.parametrize("name", explorers())
def test_an_explorer_loads_nothing_heavy(name: str) -> None:
    """With all its presets, beside what array-api-compat loads."""
    done = subprocess.run(
        [sys.executable, "-c", OPENED, name], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    opened, later = map(set, json.loads(done.stdout))
    assert "qae_sim.explorers" in opened
    assert opened & set(HEAVY_FOR_EXPLORERS) == set()
    # Tree-OPO with a margin above 1 is a quadratic problem.
    optimiser = {"scipy.linalg", "scipy.optimize", "scipy.sparse"} if name == "PartAdvantages" else set()
    assert later & set(HEAVY_FOR_EXPLORERS) == optimiser


def test_recorded_runs_open_without_torch() -> None:
    pytest.importorskip("anywidget")
    pytest.importorskip("scipy")
    block = BLOCK.replace(repr(HEAVY), '["torch", "safetensors"]')
    assert block != BLOCK
    run(
        f"{block}\nfrom qae_sim.explorers import Findings, RecordedRuns, Solutions\n"
        "assert RecordedRuns().png() and Solutions().png() and Findings('k').findings"
    )


def test_lessons_on_real_trainers_run_without_them() -> None:
    """What a stranger sees who has installed the lab alone."""
    pytest.importorskip("anywidget")
    pytest.importorskip("pyarrow")
    block = BLOCK.replace(repr(HEAVY), '["torch", "safetensors", "trl", "transformers", "tokenizers", "datasets"]')
    cells = []
    for name in ("13_real_trainer", "14_training_logs"):
        content = json.loads((Path(__file__).parents[1] / "notebooks" / f"{name}.ipynb").read_text())
        cells += ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    said = run("\n".join([block, *cells, "print(log.words())"]))
    assert "30 steps, 7680 responses" in said


@pytest.mark.parametrize("name", HEAVY)
def test_the_blocker_blocks(name: str) -> None:
    attempt = (
        f"try:\n    import {name}\nexcept ModuleNotFoundError:\n    pass\nelse:\n    raise SystemExit('not blocked')"
    )
    run(f"{BLOCK}\n{attempt}")
