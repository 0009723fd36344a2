"""Measured speed: results that ``tests/benchmarks`` has written into this folder, with the machine of each run.

Times depend on processor, vector units and versions, so texts quote ratios within one run, and name the machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The folder into which benchmarks write, one file each.
FOLDER = Path(__file__).parent

#: Numbers by row and column.
Rows = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Measurement:
    """One run of one benchmark.

    Attributes:
        benchmark: Its name, as in ``tests/benchmarks/bench_NAME.py``; with ``_cuda`` added if it ran on a GPU.
        machine: ``processor``, ``vector units`` and ``system``, in words; ``GPU`` if one was used.
        versions: Versions of Python and of the libraries used.
        threads: Number of threads of the process.
        tables: Tables by title; their numbers are ratios unless row, column or title names a unit.
    """

    benchmark: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    threads: int
    tables: Mapping[str, Rows]

    @property
    def place(self) -> str:
        """Machine, versions and threads in one line."""
        parts = [self.machine["processor"], self.machine["vector units"], self.machine.get("GPU", "")]
        parts += [f"{name} {version}" for name, version in self.versions.items()]
        return ", ".join([*filter(None, parts), f"{self.threads} thread{'s' if self.threads != 1 else ''}"])

    def to_plain(self) -> dict[str, Any]:
        """Describe the measurement in values that JSON can hold; :func:`measurements` reads them."""
        return {
            "benchmark": self.benchmark,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "threads": self.threads,
            "tables": {title: {name: dict(row) for name, row in rows.items()} for title, rows in self.tables.items()},
        }


def measurements(folder: Path = FOLDER) -> dict[str, Measurement]:
    """Read all measurements.

    Args:
        folder: Their folder.

    Returns:
        The measurements by benchmark, for benchmarks that have been run with ``--write``.
    """
    files = sorted(folder.glob("*.json"))
    return {path.stem: Measurement(**json.loads(path.read_text(encoding="utf-8"))) for path in files}


def number(value: float) -> str:
    """Write a measured number with a sensible number of digits.

    Args:
        value: The number, >= 0.

    Returns:
        The number with 3 decimal places below 0.1, 2 below 1, 1 below 10, and none above.

    Example:
        >>> [number(x) for x in (0.00214, 0.7512, 5.43, 56.2, 1859.3)]
        ['0.002', '0.75', '5.4', '56', '1859']
    """
    digits = 3 if value < 0.1 else 2 if value < 1 else 1 if value < 10 else 0
    return f"{value:.{digits}f}"


def markdown(rows: Rows, head: str = "") -> str:
    """Write a table in Markdown.

    Args:
        rows: Numbers by row and column; a column that a row lacks stays empty.
        head: The heading above the names of the rows.

    Returns:
        The table.

    Example:
        >>> print(markdown({"ours": {"step, ms": 721.4}}, "trainer"))
        | trainer | step, ms |
        | --- | --- |
        | ours | 721 |
    """
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| {' | '.join([head, *columns])} |", f"| {' | '.join(['---'] * (len(columns) + 1))} |"]
    for name, row in rows.items():
        cells = [number(row[column]) if column in row else "" for column in columns]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def page() -> str:
    """Write all measurements in Markdown: for each benchmark heading, command, machine and tables."""
    parts = []
    for name, measured in measurements().items():
        parts += [
            f"## {name}",
            f"`python tests/benchmarks/bench_{name.removesuffix('_cuda')}.py`, on {measured.place}.",
        ]
        for title, rows in measured.tables.items():
            parts += [f"### {title}", markdown(rows)]
    return "\n\n".join(parts)
