"""What is kept: settings as plain values, files that say what they are, and files written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.arrays import invalid, require_choice


def to_plain(value: Any, name: str, kinds: Sequence[type]) -> Any:
    """Describe a value in values that JSON has; dataclasses carry their kind.

    Args:
        value: A number, a string, None, a dataclass of one of the kinds, or mappings and sequences of these.
        name: What the value is called, for the error.
        kinds: Dataclasses that may occur.

    Returns:
        The description.

    Raises:
        TypeError: There is something else in it.

    Example:
        >>> from qae_sim.advantages import LinearK
        >>> to_plain({"k": LinearK(0.6, 0.4, steps=10)}, "parameters", [LinearK])
        {'k': {'kind': 'LinearK', 'start': 0.6, 'end': 0.4, 'steps': 10}}
    """
    if is_dataclass(value) and isinstance(value, tuple(kinds)) and not isinstance(value, type):
        parts = {item.name: to_plain(getattr(value, item.name), name, kinds) for item in fields(value)}
        return {"kind": type(value).__name__} | parts
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, str(key), kinds) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item, name, kinds) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    known = ", ".join(kind.__name__ for kind in kinds)
    raise invalid(name, value, f"a number, a string, or one of {known}" if known else "a number or a string", TypeError)


def from_plain(value: Any, name: str, kinds: Sequence[type]) -> Any:
    """Build the value that :func:`to_plain` described.

    Args:
        value: The description.
        name: What the value is called, for the error.
        kinds: Dataclasses that may occur.

    Returns:
        The value; lists come back as tuples.

    Raises:
        ValueError: It names a kind that may not occur here, or one whose fields are wrong.

    Example:
        >>> from qae_sim.advantages import ConstantK
        >>> from_plain({"kind": "ConstantK", "k": 0.6}, "k", [ConstantK])
        ConstantK(k=0.6)
    """
    if isinstance(value, Mapping) and "kind" in value:
        known = {kind.__name__: kind for kind in kinds}
        require_choice(f"kind of {name}", value["kind"], tuple(known))
        arguments = {key: from_plain(item, name, kinds) for key, item in value.items() if key != "kind"}
        return known[value["kind"]](**arguments)
    if isinstance(value, Mapping):
        return {key: from_plain(item, key, kinds) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(from_plain(item, name, kinds) for item in value)
    return value


# --- files that say what they are ---


@dataclass(frozen=True)
class Layout:
    """What a file of one kind says about itself.

    Attributes:
        format: Name of the kind, the same for ever.
        version: Number of the layout; it counts up when an older reader would misread a newer file.
        title: What people call such a file, with its article.

    Example:
        >>> Layout("qae_sim example", 1, "an example").head
        {'format': 'qae_sim example', 'format_version': 1}
    """

    format: str
    version: int
    title: str

    @property
    def head(self) -> dict[str, Any]:
        """What to write into the file, among other things or alone."""
        return {"format": self.format, "format_version": self.version}

    def require(self, head: Any) -> None:
        """Check what a file says about itself.

        Args:
            head: What was read; other entries are left aside.

        Raises:
            ValueError: It is of another kind, or of another version.

        Example:
            >>> Layout("qae_sim example", 1, "an example").require({"format": "letter"})
            Traceback (most recent call last):
            ValueError: it does not say that it is an example: it holds 'letter'
        """
        found = head.get("format") if isinstance(head, Mapping) else None
        if found != self.format:
            says = "it does not say what it holds" if found is None else f"it holds {found!r}"
            raise ValueError(f"it does not say that it is {self.title}: {says}")
        if head.get("format_version") != self.version:
            raise ValueError(
                f"its layout is number {head.get('format_version')}, this version of qae_sim reads {self.version}; "
                "update qae_sim"
            )


#: What NumPy, zipfile and zlib raise on archives that are cut short or damaged.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, OverflowError, OSError),
    *(MemoryError, RuntimeError),
)


def write_archive(
    path: Path,
    layout: Layout,
    about: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    *,
    entry: str = "about",
    compressed: bool = False,
) -> None:
    """Write arrays and a description into one NumPy archive (npz), whole or not at all.

    Args:
        path: The file; its folder exists.
        layout: What the file says it is.
        about: The description, values that JSON has.
        arrays: Arrays by name.
        entry: Name of the archive's entry that holds the description.
        compressed: Whether to compress the arrays.

    Example:
        >>> import tempfile
        >>> path, layout = Path(tempfile.mkdtemp()) / "a.npz", Layout("qae_sim example", 1, "an example")
        >>> write_archive(path, layout, {"seed": 3}, {"x": np.arange(2)})
        >>> read_archive(path, layout)
        ({'format': 'qae_sim example', 'format_version': 1, 'seed': 3}, {'x': array([0, 1])})
    """
    content = io.BytesIO()
    everything: dict[str, Any] = {entry: np.array(json.dumps(layout.head | dict(about))), **arrays}
    (np.savez_compressed if compressed else np.savez)(content, **everything)
    write_atomically(path, content.getvalue())


def read_archive(path: Path, layout: Layout, *, entry: str = "about") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_archive` wrote.

    Args:
        path: The file.
        layout: What it must say it is.
        entry: Name of the entry that holds the description.

    Returns:
        The description; arrays by name.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It may not be read, or is a folder.
        ValueError: It is no archive, cut short, damaged, or not of this layout; the message says which.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise ValueError("it is no archive of arrays")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except _DAMAGE as error:
            raise ValueError(f"it is cut short or damaged ({error})") from error
    try:
        about = json.loads(str(arrays.pop(entry)[()]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it does not say what it holds") from error
    layout.require(about)
    return about, arrays


# --- whole or not at all ---


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment the old or the new one is there, whole, even if the power fails.

    What processes that were killed have left of earlier tries is removed.

    Args:
        path: The file; its folder exists.
        content: All that it is to hold.

    Raises:
        OSError: It cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "file"
        >>> write_atomically(path, b"whole")
        >>> path.read_bytes()
        b'whole'
    """
    _remove_leftovers(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _remove_leftovers(path: Path) -> None:
    """Remove unfinished copies of a file whose processes are gone."""
    start, end = f".{path.name}.", ".part"
    for left in path.parent.iterdir():
        number = left.name.removeprefix(start).removesuffix(end)
        if left.name == f"{start}{number}{end}" and number.isdecimal() and not _is_running(int(number)):
            with contextlib.suppress(OSError):
                left.unlink()


def _is_running(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked safely, there is."""
    if os.name != "posix":  # elsewhere signal 0 may end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
