"""The API reference in reStructuredText: a page for each room, made from the docstrings of its public names.

If a package lists its public names in ``__all__``, they are documented under the package's name, sorted by the modules
that define them. A module without such a list is documented whole; it may need libraries that are not installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

from sphinx.pycode import ModuleAnalyzer


def _modules(package: str, *, private: bool = False) -> tuple[str, ...]:
    """List the public modules of a package, or all, without importing any."""
    (folder,) = find_spec(package).submodule_search_locations  # type: ignore[union-attr,misc]
    return tuple(f"{package}.{found.name}" for found in iter_modules([folder]) if private or found.name[0] != "_")


#: The rooms in the order of the reference: their packages, and modules that need heavy libraries.
ROOMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "advantages": ("qae_sim.advantages",),
        "softmax": ("qae_sim.softmax",),
        "bandits": ("qae_sim.bandits",),
        "lm": ("qae_sim.lm", "qae_sim.lm.train", "qae_sim.lm.reproduce"),
        "theory": ("qae_sim.theory",),
        "explorers": ("qae_sim.explorers",),
        "engines": (*_modules("qae_sim.engines"), "qae_sim.engines.demo.trl_runs"),
        "logs": _modules("qae_sim.logs"),
        "papers": ("qae_sim.papers",),
    }
)


def reference_pages() -> dict[str, str]:
    """Write the pages of the reference.

    Returns:
        reStructuredText by page.
    """
    index = [*_title("Reference"), "All public names, room by room.", ""]
    index += [f"- :doc:`qae_sim.{room} <{room}>`: {_first_line(f'qae_sim.{room}')}" for room in ROOMS]
    index += ["", ".. toctree::", "   :hidden:", "", *(f"   {room}" for room in ROOMS)]
    pages = {"reference/index": "\n".join(index) + "\n"}
    for room, modules in ROOMS.items():
        lines = [*_title(f"qae_sim.{room}")]
        for name in modules:
            lines += _room(name) if name == f"qae_sim.{room}" else [*_title(name, "-"), *_whole(name)]
        pages[f"reference/{room}"] = "\n".join(lines) + "\n"
    return pages


def _first_line(module: str) -> str:
    """Read the first line of a module's docstring."""
    return (inspect.getdoc(import_module(module)) or "").partition("\n")[0].replace("|", r"\|")


def _title(text: str, line: str = "=") -> list[str]:
    """Write a heading."""
    return [text, line * len(text), ""]


def _whole(name: str) -> list[str]:
    """Write an entry for a module with all its public names."""
    return [f".. automodule:: {name}", "   :members:", "   :show-inheritance:", ""]


def _room(name: str) -> list[str]:
    """Write a room: the names that its package lists, by the modules that define them."""
    package = import_module(name)
    if not hasattr(package, "__all__"):
        return _whole(name)
    lines = [f".. automodule:: {name}", ""]
    by_module: dict[str, list[str]] = {}
    for public in package.__all__:
        by_module.setdefault(_home(package, public), []).append(public)
    for module, names in by_module.items():
        lines += _title(module.rpartition(".")[2].strip("_").replace("_", " ").capitalize(), "-")
        lines += [_first_line(module), ""]
        for public in names:
            lines += _entry(package, module, public)
    return lines


def _home(package: ModuleType, public: str) -> str:
    """Find the module that defines a name."""
    thing = getattr(package, public)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        return str(thing.__module__)
    for module in _modules(package.__name__, private=True):
        if ("", public) in ModuleAnalyzer.for_module(module).find_attr_docs():
            return module
    raise RuntimeError(f"{package.__name__}.{public} has no comment that begins with #: and says what it is")


def _entry(package: ModuleType, module: str, public: str) -> list[str]:
    """Write the entry of one name."""
    thing, full = getattr(package, public), f"{package.__name__}.{public}"
    if inspect.isclass(thing):
        return [f".. autoclass:: {full}", "   :members:", "   :show-inheritance:", ""]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {full}", ""]
    documented = ModuleAnalyzer.for_module(module).find_attr_docs()[("", public)]
    return [f".. py:data:: {public}", f"   :module: {package.__name__}", "", *(f"   {line}" for line in documented), ""]
