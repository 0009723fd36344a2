"""Rules of the house that a reader of one file cannot see broken."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "qae_sim"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def room(module: str) -> str:
    """The room of a module: the part of its name after ``qae_sim``."""
    return module.split(".")[1] if "." in module else ""


def name_of(path: Path) -> str:
    return ".".join(["qae_sim", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def imports() -> Iterator[tuple[Path, str, str]]:
    """Every name that a module takes from another of ours: file, module, name."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "qae_sim":
                for alias in node.names:
                    yield path, str(node.module), alias.name


def test_no_room_takes_private_names_of_another() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: from {module} import {name}"
        for path, module, name in imports()
        if room(module) != room(name_of(path)) and any(part.startswith("_") for part in [*module.split("."), name])
    ]
    assert not found


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name_of(path))
    assert not {name: where for name, where in places.items() if len(where) > 1}


def test_levels_are_compared_in_the_registry_alone() -> None:
    levels = {"response", "batch", "token", "turn", "tree", "loss"}
    found = []
    for path, tree in TREES.items():
        if path.name == "registry.py" and path.parent.name == "advantages":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and "level" in {
                part.attr for part in ast.walk(node.left) if isinstance(part, ast.Attribute)
            }:
                words = {c.value for side in node.comparators for c in ast.walk(side) if isinstance(c, ast.Constant)}
                if words & levels:
                    found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not found


def test_what_an_estimator_takes_is_never_found_by_inspection() -> None:
    """The one signature that is looked at is that of a function of the user's own, which no registry knows."""
    found = [path.relative_to(PACKAGE).as_posix() for path in FILES if "inspect.signature" in path.read_text()]
    assert found == ["bandits/sweep.py"]


def test_a_paper_has_its_number_in_one_place() -> None:
    """Docstrings cite their source, too; everything that is computed or shown takes it from ``papers.py``."""
    found = []
    for path, tree in TREES.items():
        if path.name == "papers.py":
            continue
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                found += [
                    f"{path.relative_to(PACKAGE)}:{node.lineno} {number}"
                    for number in re.findall(r"\b\d{4}\.\d{5}\b", node.value)
                ]
    assert not found


def test_no_module_needs_itself() -> None:
    """No circle of imports, those inside functions included; a package counts as what its ``__init__`` imports."""
    modules = {name_of(path) for path in FILES}
    arrows: dict[str, set[str]] = {name: set() for name in modules}
    for path, module, name in imports():
        target = f"{module}.{name}" if f"{module}.{name}" in modules else module
        if target in modules and target != name_of(path) and not name_of(path).startswith(f"{target}."):
            arrows[name_of(path)].add(target)
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for other in sorted(arrows[module]):
                visit(other, (*way, module))
            done.add(module)

    for module in sorted(modules):
        visit(module, ())


def test_no_two_test_files_have_one_name() -> None:
    """Pytest imports test files by their bare names and cannot collect two of one name."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
