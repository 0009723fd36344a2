"""The files from which the page is built, as the package makes them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qae_sim.page.tables import ground, looks, tables

_FOLDER = "qae_sim/page/web/src/generated"


@dataclass(frozen=True)
class PageFile:
    """A JSON file that the page's script contains.

    Attributes:
        path: The file, from the root of the checkout.
        make: Makes its content.
    """

    path: str
    make: Callable[[], Mapping[str, Any]]

    def content(self) -> bytes:
        """Write the file: numbers to ten digits, on which processors agree."""
        return (json.dumps(_rounded(self.make()), indent=1, ensure_ascii=False) + "\n").encode()

    def problem(self, stored: bytes | None) -> str:
        """Say what is wrong with the stored file; empty if nothing is."""
        if stored is None:
            return "the file is missing"
        try:
            before = json.loads(stored)
        except ValueError:
            return "the file is no JSON"
        return "" if _same(before, _rounded(self.make())) else "out of date; build the page again, too"


PAGE_FILES = tuple(
    PageFile(f"{_FOLDER}/{name}.json", make)
    for name, make in (("looks", looks), ("ground", ground), ("tables", tables))
)


def _rounded(value: Any) -> Any:
    """Round all floats to ten significant digits."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def _same(one: Any, other: Any) -> bool:
    """Compare values; floats may differ by rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-8)
    return bool(one == other)
