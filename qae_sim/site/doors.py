"""The doors to the lessons: for whom each is, its link, and what it was measured to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qae_sim.site.address import Address
from qae_sim.speed import Measurement, number

#: A hub's own address, which only its users know.
HUB = "https://YOUR.HUB"


@dataclass(frozen=True)
class Door:
    """A way to the lessons.

    Attributes:
        name: Its name.
        link: Where it is; empty if the project has no public address, or it has no link.
        who: For whom it is.
        needs: What it needs.
        takes: What it was measured to take; empty if it was not.
    """

    name: str
    link: str
    who: str
    needs: str
    takes: str


def doors(address: Address, lesson: str, measured: Mapping[str, Measurement]) -> tuple[Door, ...]:
    """List the doors, from the one that needs least.

    Args:
        address: The project's public address.
        lesson: The notebook that links open, from the root of the repository.
        measured: Measurements by benchmark.

    Returns:
        The doors.

    Example:
        >>> [door.name for door in doors(Address(""), "notebooks/a.ipynb", {})][:2]
        ['the site', 'JupyterLite']
    """
    lite = f"{address.site}lite/lab/index.html" if address.site else ""
    reading, shared = "readers, students, teachers at a screen", "the same with all of Python, and checks of claims"
    needs = "a browser; after one visit no network; from a disk without what Python computes"
    live = _visits(measured, "live", "Python, s", "until Python answers")
    notebooks = _visits(measured, "lite", "first picture, s", "to the first picture")
    return (
        Door("the site", address.site, reading, needs, live),
        Door(
            "JupyterLite",
            lite,
            "those who want cells, without an account",
            "a browser",
            notebooks,
        ),
        Door("Binder", address.binder(lesson), shared, "patience; not for a class at once", _binder(measured)),
        Door("Colab", address.colab(lesson), "those who have a Google account", _first_cell(address), ""),
        Door("a JupyterHub", address.hub(lesson, HUB), "a school with a hub of its own", _hub(address), ""),
        Door("your machine", "", "all else: training, long logs, tests", "Python, and the first of two lines", ""),
    )


def _first_cell(address: Address) -> str:
    """Write what Colab needs."""
    line = f": `{address.install_line}`" if address else ""
    return f"a first cell that installs what lessons import{line}"


def _hub(address: Address) -> str:
    """Write what a hub needs."""
    text = "nbgitpuller on the hub, and the first cell that Colab needs"
    return f"{text}; put the hub's address in place of `{HUB}`" if address else text


def _visits(measured: Mapping[str, Measurement], benchmark: str, column: str, until: str) -> str:
    """Write what a first and a second visit took until something, ``column`` of the benchmark; empty without it."""
    if benchmark not in measured:
        return ""
    rows = next(iter(measured[benchmark].tables.values()))
    first, again = rows["first visit"], rows["second visit"]
    return (
        f"{number(first[column])} s {until} from a server nearby, {number(first['transferred, MB'])} MB; "
        f"{number(again[column])} s at the next visit"
    )


def _binder(measured: Mapping[str, Measurement]) -> str:
    """Write what Binder took."""
    if "binder" not in measured:
        return ""
    tables = measured["binder"].tables
    start = tables["From a start to the first picture that moves"]["later starts"]["s"]
    memory = tables["Memory of a session that has run all lessons"]["one after another"]["MB"]
    return (
        f"{number(start)} s from a start to the first picture that moves, once there is an image; "
        f"{number(memory)} MB for all lessons, one after another"
    )


def table(found: tuple[Door, ...]) -> str:
    """Write doors as a table in Markdown.

    Args:
        found: The doors.

    Returns:
        The table.
    """
    lines = ["| door | for | needs | took |", "| --- | --- | --- | --- |"]
    for door in found:
        name = f"[{door.name}]({door.link})" if door.link else door.name
        lines.append(f"| {name} | {door.who} | {door.needs} | {door.takes} |")
    return "\n".join(lines)
