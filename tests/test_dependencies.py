"""Everything that is imported is declared in pyproject.toml, and everything that is declared is needed."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def packages_of(extra: str) -> set[str]:
    """What an extra declares, and what the extras of this package declare that it contains."""
    found: set[str] = set()
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        if requirement.name == PROJECT["name"]:
            found.update(*map(packages_of, requirement.extras))
        else:
            found.add(canonicalize_name(requirement.name))
    return found


EXTRAS = {extra: packages_of(extra) for extra in PROJECT["optional-dependencies"]}
CORE = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}

#: Extras that a room may import from, besides what is always there; a room that is not named imports nothing else.
ROOM_EXTRAS = {
    "advantages": {"lab"},  # SciPy, for two estimators
    "bandits": {"lab", "compiled", "cuda12"},  # pandas for tables, CuPy to wait for a device
    "theory": {"lab"},
    "lm": {"lm"},
    "logs": {"logs"},
    "engines": {"lm", "trl", "verl"},
    "pictures": {"lab"},
    "explorers": {"lab", "lm"},
    "site": {"lab", "docs"},
    "teaching": {"lab"},
    "cli": {"lab", "lm"},
    "dev": {"lab", "lm", "dev"},
}

#: Distributions whose modules have another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cupy": "cupy-cuda12x",
    "flint": "python-flint",
    "hydra": "hydra-core",
    "repo2docker": "jupyter-repo2docker",
    "transfer_queue": "TransferQueue",
    "yaml": "pyyaml",
}

#: Imported, and not declared.
UNDECLARED = dict.fromkeys(
    ("hydra-core", "omegaconf", "ray", "tensordict"), "verl holds it to a version of its own, and we hold verl"
) | {"nbgrader": "installed by a stage of .ci/run, in an environment of its own"}

#: Declared, and not imported under this name.
NOT_IMPORTED = {
    "array-api-strict": "imported by its name in tests/libraries.py",
    "build": "run by .ci/run",
    "cupy-cuda13x": "CuPy for another CUDA",
    "hatchling": "build backend: .ci/run builds without isolation",
    "import-linter": "run as a command",
    "mypy": "run as a command",
    "myst-parser": "named in the configuration of Sphinx",
    "pytest-xdist": "plug-in of pytest",
    "ruff": "run as a command",
    "types-docutils": "read by mypy",
    **dict.fromkeys(
        ("cachetools", "fastapi", "msgspec", "pyzmq", "uvicorn"), "verl imports it and does not declare it"
    ),
}


def modules_of(tree: ast.AST) -> Iterator[str]:
    """Modules that a file imports, those that are asked for by name in a call included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("importorskip", "import_module")):
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def imported(folder: Path) -> dict[str, set[Path]]:
    """Distributions that the files of a folder import, each with these files."""
    tests = list((ROOT / "tests").rglob("*.py"))
    ours = {"qae_sim", *(path.stem for path in tests), *(path.parent.stem for path in tests)}
    found: dict[str, set[Path]] = {}
    for path in folder.rglob("*.py") if folder.is_dir() else [folder]:
        for module in modules_of(ast.parse(path.read_text(encoding="utf-8"))):
            name = module.partition(".")[0]
            if name not in sys.stdlib_module_names and name not in ours:
                distribution = canonicalize_name(DISTRIBUTIONS.get(name, name))
                found.setdefault(distribution, set()).add(path.relative_to(ROOT))
    return found


ROOMS = sorted(path for path in (ROOT / "qae_sim").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())


@pytest.mark.parametrize("room", ROOMS, ids=[path.stem for path in ROOMS])
def test_a_room_imports_what_its_extras_declare(room: Path) -> None:
    declared = CORE.union(*(EXTRAS[extra] for extra in ROOM_EXTRAS.get(room.stem, ())))
    missing = {name: files for name, files in imported(room).items() if name not in declared}
    assert missing.keys() <= (UNDECLARED if room.stem == "engines" else {}).keys(), missing


def test_tests_import_what_is_declared() -> None:
    declared = CORE.union(*EXTRAS.values())
    missing = {name: files for name, files in imported(ROOT / "tests").items() if name not in declared}
    assert missing.keys() <= UNDECLARED.keys(), missing


def test_what_is_declared_is_imported_or_has_a_reason() -> None:
    used = imported(ROOT / "qae_sim").keys() | imported(ROOT / "tests").keys()
    declared = CORE.union(*EXTRAS.values())
    assert declared - used == NOT_IMPORTED.keys()
    assert used - declared == UNDECLARED.keys()


@pytest.mark.parametrize("trainer", ["trl", "verl"])
def test_trainers_whose_inside_is_used_have_an_upper_bound(trainer: str) -> None:
    (line,) = (line for line in PROJECT["optional-dependencies"][trainer] if Requirement(line).name == trainer)
    assert any(bound.operator == "<" for bound in Requirement(line).specifier)


def test_the_command_is_the_one_that_handles_ctrl_c_from_the_beginning() -> None:
    assert PROJECT["scripts"] == {"qae-sim": "qae_sim.__main__:main"}


def test_rooms_and_extras_exist() -> None:
    assert set().union(*ROOM_EXTRAS.values()) <= EXTRAS.keys()
    assert {path.stem for path in ROOMS} >= ROOM_EXTRAS.keys()
