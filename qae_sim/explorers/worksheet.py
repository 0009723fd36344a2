"""What a student has predicted and answered in this session, and a file of it to hand in."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.storage import from_json, to_json, write_atomically

#: What the file says that it is.
FORMAT = "qae_sim worksheet 1"


@dataclass(frozen=True)
class Entry:
    """An answer.

    Attributes:
        kind: ``"prediction"`` or ``"exercise"``.
        name: Its name in the lessons.
        answer: A prediction in words; the code of an exercise, empty where it is not known.
        right: Whether it is right.
        said: What was said to it; empty for a prediction.
    """

    kind: str
    name: str
    answer: str
    right: bool
    said: str = ""


_ENTRIES: dict[tuple[str, str], Entry] = {}


def remember(entry: Entry) -> None:
    """Keep an answer until it is handed in; of several to one question the last counts.

    Args:
        entry: The answer.
    """
    _ENTRIES[entry.kind, entry.name] = entry


def answered() -> tuple[Entry, ...]:
    """Give the answers of this session.

    Returns:
        The answers, in the order in which they were first given.
    """
    return tuple(_ENTRIES.values())


def source_of(answer: Any) -> str:
    """Find the code of an answer: the cell that is running, with the function if another cell defines it.

    Args:
        answer: A learner's function, or another value.

    Returns:
        The code; for a value outside a notebook, how Python writes it.

    Example:
        >>> source_of((0.1, 2.0))
        '(0.1, 2.0)'
    """
    # Where a notebook runs, IPython has been imported.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    cell = "" if shell is None else str(shell.history_manager.input_hist_raw[-1])
    if not callable(answer):
        return cell or repr(answer)
    if f"def {getattr(answer, '__name__', '')}(" in cell:
        return cell
    try:
        written = textwrap.dedent(inspect.getsource(answer))
    except (OSError, TypeError):
        return cell
    return f"{written}\n{cell}" if cell else written


def read_worksheet(path: Path) -> tuple[str, tuple[Entry, ...]]:
    """Read what :func:`hand_in` wrote.

    Args:
        path: The file.

    Returns:
        The student's name, and the answers.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no worksheet, or was damaged.
    """
    try:
        found: Mapping[str, Any] = from_json(path.read_bytes())
        if found["format"] != FORMAT:
            raise KeyError(FORMAT)
        return str(found["student"]), tuple(Entry(**entry) for entry in found["entries"])
    except (KeyError, TypeError, ValueError) as error:
        raise invalid("path", str(path), f"a whole worksheet ({FORMAT})") from error


def hand_in(student: str, path: str | Path) -> Worksheet:
    """Write the predictions and answers of this session to a file; those of earlier sessions in it are kept.

    Args:
        student: The student's name.
        path: The file, which ends in ``.json``: this student's own, or a new one.

    Returns:
        What is in the file.

    Raises:
        OSError: It cannot be written.
        ValueError: There is no name, or the file has another ending, is another student's, or is no worksheet.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hand_in("Ada", Path(folder, "ada.json")).student
        'Ada'
    """
    if not student.strip():
        raise invalid("student", student, "a name")
    file = Path(path)
    if file.suffix != ".json":
        raise invalid("path", str(path), "a file that ends in .json")
    entries: dict[tuple[str, str], Entry] = {}
    if file.exists():
        owner, before = read_worksheet(file)
        if owner != student:
            raise invalid("student", student, f"the one whose worksheet {file.name} is, {owner!r}")
        entries = {(entry.kind, entry.name): entry for entry in before}
    whole = Worksheet(student, MappingProxyType({**entries, **_ENTRIES}))
    content = {"format": FORMAT, "student": student, "entries": [asdict(entry) for entry in whole.entries.values()]}
    write_atomically(file, to_json(content, indent=1))
    return whole


@dataclass(frozen=True)
class Worksheet:
    """What a student has handed in.

    Attributes:
        student: The student's name.
        entries: The answers by kind and name.
    """

    student: str
    entries: Mapping[tuple[str, str], Entry]

    def __repr__(self) -> str:
        lines = [f"Worksheet of {self.student}"]
        for entry in self.entries.values():
            verdict = "right" if entry.right else "not yet" if entry.kind == "exercise" else "not what happened"
            given = entry.answer if entry.kind == "prediction" else entry.said
            lines.append(f"- {entry.kind} {entry.name}: {verdict}. {given}")
        return "\n".join(lines if self.entries else [*lines, "Nothing is answered yet."])
