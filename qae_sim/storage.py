"""Storage: files that state their format and carry a checksum, and safe writing.

A file of a run or a result holds ``checksum sha256:DIGITS`` once: the SHA-256 of the file with zeros in place of the
digits. In JSON it is an entry, in an archive (npz) the comment of the zip file, in safetensors a part of the
description. In a file of rows each line has its own, which covers the line before it, too. Older files, which have no
checksum, can still be read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import platform
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.arrays import invalid, shown
from qae_sim.frozen import dataclass

# --- files that state their format ---


@dataclass(frozen=True)
class Layout:
    """What files of one kind state about themselves.

    Attributes:
        format: Name of the kind of file, which never changes.
        version: Number of the layout; it grows when an older reader would misread a newer file.
        title: What messages call such a file, with its article.

    Example:
        >>> Layout("qae_sim example", 1, "an example").head
        {'format': 'qae_sim example', 'format_version': 1}
    """

    format: str
    version: int
    title: str

    @property
    def head(self) -> dict[str, Any]:
        """Entries that every file of this kind holds."""
        return {"format": self.format, "format_version": self.version}

    def require(self, head: Any) -> None:
        """Check what a file states about itself.

        Args:
            head: Entries read from the file; others are ignored.

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


# --- checksums ---

#: Name and value of a checksum that is still to be computed.
UNSEALED = ("checksum", "sha256:" + "0" * 64)
#: A checksum in a file: JSON puts quotes in between, and backslashes as well inside a string.
_CHECKSUM = re.compile(rb'checksum[\\": ]+sha256:([0-9a-f]{64})')
#: Name of the short checksums of single tensors, which tell where the damage is.
_PARTS = "crc32"
#: A damaged file still holds at least one of these, unless so much is damaged that it cannot be read.
_TRACES = (b"checksum", b"sha256:")


def seal(content: bytes, after: str = "") -> bytes:
    """Fill in a checksum.

    Args:
        content: What a file, or a line of one, is to hold, with :data:`UNSEALED` in it.
        after: Checksum of the line before, if it is a line.

    Returns:
        The content with its checksum.

    Raises:
        ValueError: There is no place for it, or more than one.

    Example:
        >>> seal(b"x = 3, checksum sha256:" + b"0" * 64)[:40]
        b'x = 3, checksum sha256:36930937f11bed0f9'
    """
    places = _CHECKSUM.findall(content)
    if places != [b"0" * 64]:
        raise invalid("content", [place.decode() for place in places], "content with one checksum, of zeros")
    start = next(_CHECKSUM.finditer(content)).start(1)
    return content[:start] + _digest(content, after).encode() + content[start + 64 :]


def verify(content: bytes, after: str = "") -> str | None:
    """Check a checksum.

    Args:
        content: A file, or a line of one.
        after: Checksum of the line before, if it is a line.

    Returns:
        The checksum; None where there is none, as in older files.

    Raises:
        ValueError: It does not fit.

    Example:
        >>> verify(seal(b"x = 3, checksum sha256:" + b"0" * 64).replace(b"3", b"4"))
        Traceback (most recent call last):
        ValueError: its checksum does not fit: something in it has changed since it was written
    """
    places = list(_CHECKSUM.finditer(content))
    if not places and not any(trace in content for trace in _TRACES):
        return None
    if len(places) == 1:
        (place,) = places
        found = place[1].decode()
        if found == _digest(content[: place.start(1)] + b"0" * 64 + content[place.end(1) :], after):
            return found
    raise ValueError("its checksum does not fit: something in it has changed since it was written")


def _digest(content: bytes, after: str) -> str:
    """SHA-256 of the checksum of the line before, followed by the content."""
    return hashlib.sha256(after.encode() + content).hexdigest()


def to_json(values: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    """Write values as a file of JSON with a checksum.

    Args:
        values: Values that JSON has.
        indent: Spaces by which JSON is indented; None for a single line.

    Returns:
        The file.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps({**values, UNSEALED[0]: UNSEALED[1]}, indent=indent, separators=separators)
    return seal((text + "\n").encode())


def from_json(content: bytes) -> Any:
    """Read what :func:`to_json` wrote, or JSON without a checksum.

    Args:
        content: The file.

    Returns:
        The values, without the checksum.

    Raises:
        ValueError: It is no JSON, or its checksum does not fit.

    Example:
        >>> from_json(to_json({"k": 0.4}))
        {'k': 0.4}
        >>> from_json(to_json({"k": 0.4}).replace(b"4", b"5", 1))
        Traceback (most recent call last):
        ValueError: its checksum does not fit: something in it has changed since it was written
    """
    checksum = verify(content)
    values = json.loads(content.decode())
    if checksum is not None:
        del values[UNSEALED[0]]
    return values


def to_lines(rows: Sequence[Mapping[str, Any]], after: str = "") -> tuple[bytes, str]:
    """Write rows as lines of JSON; the checksum of each covers all lines before it, so that a missing line is noticed.

    Args:
        rows: Values that JSON has; NaN is written as JSON's extension that Python reads.
        after: Checksum of the line that they follow; for the first lines of a file, any text that it belongs to.

    Returns:
        The lines; the last one's checksum.

    Example:
        >>> first, checksum = to_lines([{"row": 0}])
        >>> second, _ = to_lines([{"row": 1}], checksum)
        >>> list(from_lines(first + second))
        [{'row': 0}, {'row': 1}]
        >>> list(from_lines(second))
        Traceback (most recent call last):
        ValueError: line 1: its checksum does not fit: it has changed, or lines before it are missing
    """
    lines = []
    for row in rows:
        line = seal(json.dumps({**row, UNSEALED[0]: UNSEALED[1]}).encode(), after)
        after = verify(line, after) or ""
        lines.append(line + b"\n")
    return b"".join(lines), after


def from_lines(content: bytes, after: str = "") -> Iterator[dict[str, Any]]:
    """Read lines that :func:`to_lines` wrote, or, if they belong to no text, lines of JSON without checksums.

    Args:
        content: The file. What follows the last newline is a line that a crash cut short, and is left out.
        after: What the first line was written after.

    Yields:
        Rows, without checksums.

    Raises:
        ValueError: A line is no JSON, or its checksum does not fit; the message names it.
    """
    sealed: bool | None = True if after else None  # not yet known for a file that may be older
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            checksum = verify(line, after)
            row = json.loads(line.decode())
            if not isinstance(row, dict):
                raise ValueError("it is no JSON object")
            if sealed is not None and (checksum is not None) != sealed:
                raise ValueError("lines with and without checksums are mixed" if number > 1 else "it has no checksum")
        except ValueError as error:
            if "checksum does not fit" in str(error):
                other = ", or it belongs elsewhere" if after and number == 1 else ""
                error = ValueError(f"its checksum does not fit: it has changed, or lines before it are missing{other}")
            raise ValueError(f"line {number}: {error}") from error
        row.pop(UNSEALED[0], None)
        sealed, after = checksum is not None, checksum or ""
        yield row


def describe_tensors(about: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """Describe tensors for a file of safetensors, whose checksum :func:`seal` then fills in.

    Args:
        about: A description of them, in values that JSON has.
        tensors: Tensors by name.

    Returns:
        The description, with the place of the file's checksum and a short checksum (CRC-32) for each tensor.
    """
    parts = {name: zlib.crc32(np.ascontiguousarray(values).tobytes()) for name, values in tensors.items()}
    return json.dumps({**about, _PARTS: parts, UNSEALED[0]: UNSEALED[1]}, sort_keys=True)


def about_tensors(content: bytes) -> dict[str, Any]:
    """Read the description in a file of safetensors, without PyTorch.

    Args:
        content: The file.

    Returns:
        The description, without checksums.

    Raises:
        ValueError: It holds none, is damaged, or its checksum does not fit; the message names the tensor if it is
            known.
    """
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        head = json.loads(content[8:start].decode())
        about = dict(json.loads(head["__metadata__"]["about"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it does not say what it holds") from error
    try:
        verify(content)
    except ValueError as error:
        name = _damaged_tensor(content[start:], head, about)
        raise ValueError(f"its checksum does not fit, first in {name}" if name else str(error)) from error
    return {name: value for name, value in about.items() if name not in (_PARTS, UNSEALED[0])}


def _damaged_tensor(content: bytes, head: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """Name the first tensor that is damaged, if that can still be seen.

    Args:
        content: What follows the head of a file of safetensors.
        head: The head, which may itself be damaged.
        about: The description in it.

    Returns:
        Its name, or an empty string.
    """
    try:
        for name, crc in about[_PARTS].items():
            start, end = head[name]["data_offsets"]
            if zlib.crc32(content[start:end]) != crc:
                return str(name)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return ""


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
    """Write arrays and a description into one NumPy archive (npz), in one step.

    Args:
        path: The file; its folder exists.
        layout: The format that the file states.
        about: The description, values that JSON has.
        arrays: Arrays by name.
        entry: Name of the archive's entry that holds the description.
        compressed: Whether to compress the arrays; the description is then stored as bytes.

    Example:
        >>> import tempfile
        >>> path, layout = Path(tempfile.mkdtemp()) / "a.npz", Layout("qae_sim example", 1, "an example")
        >>> write_archive(path, layout, {"seed": 3}, {"x": np.arange(2)})
        >>> read_archive(path, layout)
        ({'format': 'qae_sim example', 'format_version': 1, 'seed': 3}, {'x': array([0, 1])})
    """
    content = io.BytesIO()
    text = json.dumps(layout.head | dict(about))
    # An array of text takes four bytes for each character, which compression does not wholly undo.
    everything: dict[str, Any] = {entry: np.array(text.encode() if compressed else text), **arrays}
    (np.savez_compressed if compressed else np.savez)(content, **everything)
    write_atomically(path, seal_archive(content.getvalue()))


def seal_archive(content: bytes) -> bytes:
    """Put a checksum into the comment of a zip file.

    Args:
        content: The file; an existing comment is replaced.

    Returns:
        The file with its checksum, still a valid zip file.
    """
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = " ".join(UNSEALED).encode()
    return seal(file.getvalue())


def read_archive(path: Path, layout: Layout, *, entry: str = "about") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_archive` wrote.

    Args:
        path: The file.
        layout: The format that it must state.
        entry: Name of the entry that holds the description.

    Returns:
        The description; arrays by name.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It may not be read, or is a folder.
        ValueError: It is no archive, cut short, damaged, or not of this layout; the message says which.
    """
    content = path.read_bytes()
    if not content.startswith(b"PK\x03\x04"):
        raise ValueError("it is no archive of arrays")
    try:
        verify(content)
    except ValueError as error:
        raise ValueError(f"it is cut short or damaged ({_damaged_entry(content) or error})") from error
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise ValueError(f"it is cut short or damaged ({error})") from error
    try:
        about = json.loads(arrays.pop(entry)[()])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it does not say what it holds") from error
    layout.require(about)
    return about, arrays


def _damaged_entry(content: bytes) -> str:
    """Say which entry of an archive is damaged, if that can still be seen."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = archive.testzip()
            return f"its checksum does not fit, first in {name}" if name else ""
    except _DAMAGE:
        return ""


# --- writing in one step ---


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step: at any moment the old or the new file is there, complete, even if the power fails.

    Unfinished files left behind by processes that were killed are removed.

    Args:
        path: The file; its folder exists.
        content: Its whole content.

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
    part = path.with_name(f".{path.name}.{_host()}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where the system supports it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _host() -> str:
    """This machine's name, as a part of file names."""
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:64] or "-"


def _remove_leftovers(path: Path) -> None:
    """Remove unfinished files whose processes are gone: those of this machine, and earlier versions' of this file."""
    named = re.compile(rf"\..+\.{re.escape(_host())}\.(\d+)\.part|\.{re.escape(path.name)}\.(\d+)\.part")
    for left in path.parent.iterdir():
        found = named.fullmatch(left.name)
        if found and not _is_running(int(found[1] or found[2])):
            with contextlib.suppress(OSError):
                left.unlink()


def _is_running(process: int) -> bool:
    """Whether a process of this number is running; True where it cannot be asked safely."""
    if os.name != "posix":  # elsewhere signal 0 may end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


# --- locks ---

#: Locked by the process that writes a folder; afterwards the file stays, unlocked.
_LOCK = ".writer.lock"
#: Errors of systems that have no such locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Lock a folder so that no other process writes it; the lock ends with its process, however that ends.

    Where there are no locks (some network folders, Windows), a warning says so and the work goes on without: two
    processes must then be given two folders.

    Args:
        folder: The folder. Reading it needs no lock.

    Yields:
        Nothing.

    Raises:
        OSError: The folder cannot be written.
        ValueError: Another process writes it; the message names the folder and the process.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        _warn_of_no_lock(folder, "this system has none")
        yield
        return
    with (folder / _LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            writer = file.read().strip() or "unknown"
            raise ValueError(
                f"{folder} is being written by another process, {writer}: wait for it, or give another folder"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _warn_of_no_lock(folder, str(error.strerror))
        file.truncate(0)
        file.write(f"{os.getpid()} on {_host()}\n")
        file.flush()
        yield


def _warn_of_no_lock(folder: Path, reason: str) -> None:
    """Warn that a second process could write the folder at the same time."""
    told = f"{shown(str(folder))} cannot be locked ({reason}): let no other process write it at the same time"
    warnings.warn(told, stacklevel=4)
