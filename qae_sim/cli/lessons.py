"""Copy the lessons to a learner's folder, and never overwrite what the learner has written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import qae_sim
from qae_sim.storage import write_atomically

#: Name of the file in the learner's folder that records which version of each lesson was copied.
RECORD = ".qae-sim.json"


@dataclass(frozen=True)
class HandedOut:
    """What happened to each lesson, by file name.

    Attributes:
        new: Lessons that were not in the folder.
        updated: Lessons that the learner had not edited, replaced by the package's version.
        kept: Lessons that the learner had edited, left as they are.
        unchanged: Lessons with the same cells as the package's.
    """

    new: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every lesson of the package, in order."""
        return tuple(sorted(self.new + self.updated + self.kept + self.unchanged))


def find_lessons() -> Path:
    """Find the folder of lessons: inside an installed package, or next to the package in a clone.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: There are no lessons in either place.
    """
    package = Path(qae_sim.__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise FileNotFoundError(f"no lessons found next to {package}; reinstall qae_sim")


def fingerprint(lesson: bytes) -> str:
    """Hash the content of a lesson: kind and source of its cells, or every byte if it is not a notebook.

    Outputs, counters and metadata, which running a notebook changes, do not count.

    Args:
        lesson: The content of the file.

    Returns:
        SHA-256, in hexadecimal.

    Example:
        >>> ran = b'{"cells": [{"cell_type": "code", "source": ["1 + ", "1"], "outputs": ["2"]}]}'
        >>> fingerprint(ran) == fingerprint(b'{"cells": [{"cell_type": "code", "source": "1 + 1"}]}')
        True
    """
    try:
        said = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(lesson)["cells"]]
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(lesson).hexdigest()
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def hand_out(source: Path, folder: Path) -> HandedOut:
    """Copy the lessons of ``source`` into ``folder``, which is created if missing.

    A lesson that the learner has edited stays as it is. One that has not been edited is replaced if the package has
    another version. One that is missing is copied (again). Each file is replaced in one step, so that a crash leaves
    the old version or the new one.

    Args:
        source: The package's lessons.
        folder: The learner's folder.

    Returns:
        What happened to each lesson.

    Raises:
        OSError: The folder cannot be created, read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read_record(folder / RECORD)
    fate: dict[str, list[str]] = {"new": [], "updated": [], "kept": [], "unchanged": []}
    for lesson in sorted(source.glob("*.ipynb")):
        ours, target = lesson.read_bytes(), folder / lesson.name
        theirs = fingerprint(target.read_bytes()) if target.exists() else None
        if theirs == fingerprint(ours):
            what = "unchanged"
        elif theirs is None or theirs == record.get(lesson.name):
            what = "new" if theirs is None else "updated"
            write_atomically(target, ours)
        else:
            what = "kept"
        fate[what].append(lesson.name)
        if what != "kept":
            record[lesson.name] = fingerprint(ours)
    write_atomically(folder / RECORD, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")
    return HandedOut(**{what: tuple(names) for what, names in fate.items()})


def _read_record(path: Path) -> dict[str, str]:
    """Read which versions were copied; without a readable record there are none, so all differing lessons are kept."""
    try:
        record = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(hashed) for name, hashed in record.items()} if isinstance(record, dict) else {}
