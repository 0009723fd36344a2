"""What a page that runs Python itself asks of the package, and what it is told: JSON, with bytes beside it."""

from __future__ import annotations

import ast
import contextlib
import html
import io
import json
import linecache
import shutil
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import qae_sim.explorers as explorers_module
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.worksheet import answered

#: The name under which a learner's code is run.
_CODE = "<your code>"


class NeedsPackageError(BaseException):
    """A package is imported that has not been loaded yet.

    No Exception: code that goes on without a package is not to go on without one that can be had.

    Attributes:
        package: Its name.
    """

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


class _Finder:
    """Is asked for modules that nobody else has found."""

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Say that a package is needed."""
        if name in self._packages:
            raise NeedsPackageError(name)


def load_when_imported(packages: Collection[str]) -> None:
    """Let :func:`answer` say which package it needs, instead of that it is missing.

    Args:
        packages: Packages that the page can load.
    """
    sys.meta_path.append(_Finder(packages))


def answer(message: str) -> tuple[str, bytes]:
    """Do what a page asks for.

    Args:
        message: JSON with ``do``: ``"move"`` (an explorer to a state), ``"run"`` (a learner's code) or ``"log"`` (read
            a training log); and what each takes.

    Returns:
        JSON, and the numbers of a picture. If the JSON is ``{"needs": NAME}``, nothing has been done: load that
        package, and ask again.

    Raises:
        KeyError: The message asks for nothing that there is.

    Example:
        >>> told, data = answer('{"do": "move", "key": "1", "name": "QuantileGate", "first": {}, "asked": [], '
        ...                     '"style": "laptop", "state": {"g": 8}}')
        >>> json.loads(told)["spec"]["state"]["g"]
        8
    """
    asked = json.loads(message)
    try:
        told, data = _DOES[asked["do"]](asked)
    except NeedsPackageError as needs:
        return json.dumps({"needs": needs.package}), b""
    return json.dumps(told, allow_nan=False), data


# --- explorers --------------------------------------------------------------------------------------------------------

_OPENED: dict[str, Explorer[Any]] = {}


def _move(asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Take an explorer of the page to a state, and open it if it is not open yet."""
    if asked["key"] not in _OPENED:
        kind: type[Explorer[Any]] = getattr(explorers_module, asked["name"])
        first = kind.STATE().with_(**_values(asked["first"]))
        # The page has the claims, and importing all of them would take as long as all else.
        without: Any = type(kind.__name__, (kind,), {"CLAIMS": ()})
        _OPENED[asked["key"]] = without(first, hide=asked["asked"], style=asked["style"])
    explorer = _OPENED[asked["key"]]
    explorer.take({"state": asked["state"]})
    return {"spec": explorer.spec}, explorer.data


def _values(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state's fields: JSON has no tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in state.items()}


# --- exercises --------------------------------------------------------------------------------------------------------


def _run(asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Run a learner's code as a cell of a notebook is run."""
    code = asked["code"]
    linecache.cache[_CODE] = (len(code), None, code.splitlines(keepends=True), _CODE)  # for tracebacks
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed, shown = io.StringIO(), ""
    before = answered()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec("\n".join(asked["imports"]), namespace)
            shown = _shown(_value_of(code, namespace))
        except (Exception, SystemExit) as error:
            shown = f"<pre>{html.escape(_traceback(error))}</pre>"
    entries = [
        {"name": entry.name, "answer": code, "right": entry.right, "said": entry.said}
        for entry in answered()
        if entry.kind == "exercise" and not any(entry is one for one in before)  # an equal one may be new
    ]
    return {"printed": printed.getvalue(), "shown": shown, "entries": entries}, b""


def _value_of(code: str, namespace: dict[str, Any]) -> Any:
    """Run code; the value of its last line, if that is an expression."""
    tree = ast.parse(code, _CODE)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, _CODE, "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), _CODE, "eval"), namespace)


def _shown(value: Any) -> str:
    """What a notebook shows of a value, as HTML."""
    if value is None:
        return ""
    if hasattr(value, "_repr_html_"):
        return str(value._repr_html_())
    return f"<pre>{html.escape(repr(value))}</pre>"


def _traceback(error: BaseException) -> str:
    """A traceback that begins in the learner's code."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != _CODE:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).strip()


# --- logs -------------------------------------------------------------------------------------------------------------


def _log(asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Read a training log that the page has laid into a folder; what cannot be read is refused in words."""
    from qae_sim.logs.diagnosis import diagnose
    from qae_sim.logs.digest import digest

    folder = Path(asked["folder"])
    files = sorted(folder.iterdir())
    try:
        found = digest(files[0] if len(files) == 1 else folder)
        diagnosis = diagnose(found)
    except MemoryError:
        told: dict[str, Any] = {"error": "it does not fit into the memory of a page: use qae-sim inspect"}
    except (OSError, ValueError) as error:
        told = {"error": str(error).replace(f"{folder}/", "").replace(str(folder), "the log")}
    else:
        trouble = [
            ("Trouble", f"{count:,} {kind}, first: {found.trouble.first[kind]}")
            for kind, count in found.trouble.counts.items()
        ]
        told = {
            "verdict": diagnosis.verdict,
            "findings": [(one.title, one.verdict) for one in diagnosis.findings],
            "said": [*(found.reading.lines if found.reading is not None else ()), *trouble],
            "content": explorers_module.TrainingLog(found).content(),
        }
    shutil.rmtree(folder)  # it lies in the page's memory
    return told, b""


_DOES: Mapping[str, Callable[[Mapping[str, Any]], tuple[dict[str, Any], bytes]]] = {
    "move": _move,
    "run": _run,
    "log": _log,
}
