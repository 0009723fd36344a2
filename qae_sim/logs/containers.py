"""From files to pieces of columns: Parquet, JSON Lines, JSON and CSV, packed or not, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

#: Bytes of a block of lines, of the longest line, and of a JSON file that must be read as a whole.
BLOCK, LONGEST, WHOLE = 1 << 22, 1 << 26, 1 << 26
#: Bytes that a piece of a table should have at most, and rows.
_PIECE, _ROWS = 1 << 24, 50_000
#: A column chunk of this size that is so much smaller in the file is taken for a bomb.
_BOMB, _RATIO = 1 << 28, 300

#: Reports a problem: its kind, and the number of the row or line.
Report = Callable[[str, int], None]


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Attributes:
        columns: By name, lists of Python values or arrays of PyArrow.
        places: Number of the row or line, from 1, ``(N,)``.
    """

    columns: dict[str, Any]
    places: np.ndarray


def arrow() -> Any:
    """Import PyArrow, or say how to install it."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.json
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading Parquet and .zst needs PyArrow, which this Python does not have: pip install 'qae_sim[logs]'",
            name="pyarrow",
        ) from error
    return pyarrow


def give_back_memory() -> None:
    """Let PyArrow return what it keeps for the next piece, once there is none."""
    if (library := sys.modules.get("pyarrow")) is not None:
        library.default_memory_pool().release_unused()


def kind_of(file: Path) -> str:
    """Find what a file holds from its name: ``"parquet"``, ``"lines"``, ``"json"``, ``"csv"``, or ``""``."""
    ending = Path(file.name.lower().removesuffix(".gz").removesuffix(".zst")).suffix
    return {
        ".parquet": "parquet",
        ".jsonl": "lines",
        ".ndjson": "lines",
        ".json": "json",
        ".csv": "csv",
        ".tsv": "csv",
        ".txt": "text",
        ".log": "text",
    }.get(ending, "")


def columns_of(file: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Look at the beginning of a file.

    Args:
        file: The file.

    Returns:
        Names of its columns, twice if they occur twice, and its first rows.

    Raises:
        ValueError: It cannot be read.
    """
    if kind_of(file) == "parquet":
        with _damage(file), arrow().parquet.ParquetFile(file) as table:
            names = list(table.schema_arrow.names)
            if len(set(names)) < len(names) or not table.metadata.num_rows:
                return names, []
            _require_no_bomb(table, names)
            first = next(table.iter_batches(batch_size=20, use_threads=False)).to_pylist()
        return names, [dict(row) for row in first]
    if kind_of(file) == "csv":
        with _text(file) as lines, _long_fields():
            rows = _rows(lines)
            head = next(rows, [])
            return head, [dict(zip(head, row, strict=False)) for _, row in zip(range(20), rows, strict=False)]
    rows_seen: list[dict[str, Any]] = []
    # Of many files with a step each, parsing whole blocks here would parse nearly everything twice.
    beginning = _first_lines(file) if kind_of(file) == "lines" else _records(file, lambda kind, place: None)
    for _, parsed in beginning:
        rows_seen += parsed
        if len(rows_seen) >= 20:
            break
    names = list(dict.fromkeys(name for row in rows_seen[:20] for name in row))
    return names, rows_seen[:20]


def pieces_of(
    file: Path, names: Collection[str], layout: str, first: Sequence[dict[str, Any]], report: Report
) -> Iterator[Piece]:
    """Read columns of a file in pieces.

    Args:
        file: The file.
        names: The columns to read; those that are not there are left out.
        layout: As in :class:`~qae_sim.logs.formats.Format`.
        first: Its first rows.
        report: Told of what cannot be read.

    Yields:
        Pieces.

    Raises:
        ValueError: The file is damaged.
    """
    kind = kind_of(file)
    if kind == "parquet":
        pieces = _of_parquet(file, names)
    elif kind == "csv":
        pieces = _of_csv(file, names, report)
    else:
        types = _types(first, names) if kind == "lines" and layout == "rows" else None
        pieces = _of_records(file, names, types, report)
    for piece in pieces:
        if not len(piece.places):
            continue
        if layout == "columns" and kind != "parquet" and kind != "csv":
            piece = _unfolded(piece, report)
        if len(piece.places):
            yield piece


# --- bytes and text ---


@contextmanager
def _damage(file: Path) -> Iterator[None]:
    """Name the file that a library could not read."""
    try:
        yield
    except (OSError, EOFError, UnicodeError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, ValueError) and str(file) in str(error):
            raise
        raise ValueError(f"{file} cannot be read: {error}") from error


@contextmanager
def _unpacked(file: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked, without its byte order mark, as UTF-8."""
    if file.name.lower().endswith(".gz"):
        raw: Any = gzip.open(file, "rb")  # noqa: SIM115
    elif file.name.lower().endswith(".zst"):
        raw = io.BufferedReader(_Stream(arrow().input_stream(str(file), compression="zstd")))
    else:
        raw = file.open("rb")
    with raw:
        start = raw.peek(4)[:4]
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            yield io.BufferedReader(_Recoded(io.TextIOWrapper(raw, "utf-16", errors="replace", newline="")))
        else:
            if start.startswith(codecs.BOM_UTF8):
                raw.read(3)
            yield raw


class _Stream(io.RawIOBase):
    """A stream of PyArrow as one of Python's."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self.source.read(len(buffer))
        buffer[: len(got)] = got
        return len(got)


class _Recoded(io.RawIOBase):
    """Text as a stream of UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.held = text, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.held:
            self.held = self.text.read(1 << 16).encode("utf-8", "replace")
        count = min(len(buffer), len(self.held))
        buffer[:count], self.held = self.held[:count], self.held[count:]
        return count


@contextmanager
def _text(file: Path) -> Iterator[io.TextIOWrapper]:
    """Open a file as text."""
    with _damage(file), _unpacked(file) as raw:
        yield io.TextIOWrapper(raw, "utf-8", errors="replace", newline="")


def _blocks(file: Path, report: Report) -> Iterator[tuple[int, int, bytes]]:
    """Cut a file into blocks of whole lines, with the number of the first line and of lines; skip endless lines."""
    line = 1
    with _damage(file), _unpacked(file) as raw:
        while block := raw.read(BLOCK):
            if not block.endswith(b"\n"):
                rest = raw.readline(LONGEST)
                if len(rest) == LONGEST and not rest.endswith(b"\n"):
                    end = block.rfind(b"\n") + 1
                    count = block.count(b"\n")
                    if end:
                        yield line, count, block[:end]
                    report(f"lines longer than {LONGEST >> 20} MiB", line + count)
                    while rest and not rest.endswith(b"\n"):
                        rest = raw.readline(BLOCK)
                    line += count + 1
                    continue
                block += rest
            count = int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == 10)) + (not block.endswith(b"\n"))
            yield line, count, block
            line += count


# --- JSON ---


def _parsed(text: bytes) -> Any:
    """Parse JSON; anything that cannot be parsed is a ValueError."""
    try:
        return json.loads(text.decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def lines_of(file: Path, wanted: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read single lines of a JSON Lines file, without parsing the others.

    Args:
        file: The file.
        wanted: Their numbers, ascending.

    Yields:
        Number and object of each; lines that cannot be parsed are left out.
    """
    for start, count, block in _blocks(file, lambda kind, place: None):
        first, end = np.searchsorted(wanted, (start, start + count))
        if first < end:
            lines = block.split(b"\n")
            for number in wanted[first:end].tolist():
                _, rows = _lines(number, lines[number - start], lambda kind, place: None)
                if rows:
                    yield number, rows[0]


def _lines(start: int, block: bytes, report: Report) -> tuple[list[int], list[dict[str, Any]]]:
    """Parse a block of lines one by one."""
    places, rows = [], []
    for number, line in enumerate(block.split(b"\n"), start=start):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
            if not isinstance(row, dict):
                raise ValueError("no object")
        except ValueError:
            report("broken lines", number)
            continue
        places.append(number)
        rows.append(row)
    return places, rows


def _first_lines(file: Path) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Parse lines one at a time, from the first."""
    with _damage(file), _unpacked(file) as raw:
        while line := raw.readline(LONGEST):
            yield _lines(1, line, lambda kind, place: None)


def _records(file: Path, report: Report) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Read the objects of JSON Lines, of a JSON array, of a table of Weights & Biases, or a single object."""
    kind = kind_of(file)
    if kind == "text":
        yield from _blocks_of_text(file)
        return
    if kind == "lines":
        for start, _, block in _blocks(file, report):
            yield _lines(start, block, report)
        return
    with _damage(file), _unpacked(file) as raw:
        content = raw.read(WHOLE + 1)
    if len(content) > WHOLE:
        raise ValueError(
            f"{file} is larger than {WHOLE >> 20} MiB: a JSON file must be read as a whole. Write it as JSON Lines "
            "(jq -c '.[]' FILE.json > FILE.jsonl)"
        )
    try:
        found = _parsed(content)
    except ValueError:
        yield _lines(1, content, report)  # JSON Lines under another name
        return
    if isinstance(found, dict) and isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        names = [str(name) for name in found["columns"]]
        found = [dict(zip(names, row, strict=False)) for row in found["data"] if isinstance(row, list)]
    rows = found if isinstance(found, list) else [found]
    places = [number for number, row in enumerate(rows, start=1) if isinstance(row, dict)]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            report("broken lines", number)
    yield places, [row for row in rows if isinstance(row, dict)]


def _blocks_of_text(file: Path) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Read plain text in which every response is a block of ``[prompt]``, ``[output]``, ``[score]`` and the like."""
    label = re.compile(r"^\[(\w+)\][ \t]?(.*)$")
    row: dict[str, Any] = {}
    place, current = 1, ""
    held: list[dict[str, Any]] = []
    places: list[int] = []

    def finished() -> None:
        if "score" in row and "prompt" in row:
            places.append(place)
            held.append({name: value.strip("\n") for name, value in row.items()})

    with _text(file) as lines:
        for number, line in enumerate(lines, start=1):
            found = label.match(line.rstrip("\r\n"))
            if found:
                if found[1] == "prompt":
                    finished()
                    row, place = {}, number
                current = found[1]
                row[current] = found[2]
            elif current:
                row[current] += "\n" + line.rstrip("\r\n")
            if len(held) >= 10_000:
                yield places, held
                places, held = [], []
    finished()
    yield places, held


def _types(first: Sequence[dict[str, Any]], names: Collection[str]) -> dict[str, str] | None:
    """Find the types of columns that PyArrow can read as they are; None if one needs Python."""
    found: dict[str, str] = {}
    for name in names:
        values = [row[name] for row in first if row.get(name) is not None]
        if not values:
            if any(name in row for row in first):
                return None
            continue
        if all(isinstance(value, str) for value in values):
            found[name] = "text"
        elif all(isinstance(value, bool) for value in values):
            found[name] = "truth"
        elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            found[name] = "number"
        else:
            return None
    return found


def _of_records(file: Path, names: Collection[str], types: dict[str, str] | None, report: Report) -> Iterator[Piece]:
    """Read columns of objects, by PyArrow where it reads exactly what Python would."""
    if types is None or kind_of(file) != "lines":
        for places, rows in _records(file, report):
            yield _piece(places, rows, names)
        return
    try:
        library = arrow()
    except ModuleNotFoundError:
        library = None
    for start, count, block in _blocks(file, report):
        quick = None if library is None else _quick(library, start, count, block, types)
        yield _piece(*_lines(start, block, report), names) if quick is None else quick


def _piece(places: list[int], rows: list[dict[str, Any]], names: Collection[str]) -> Piece:
    """Turn objects into columns."""
    return Piece({name: [row.get(name) for row in rows] for name in names}, np.array(places, dtype=np.int64))


def _quick(library: Any, start: int, count: int, block: bytes, types: dict[str, str]) -> Piece | None:
    """Parse a block by PyArrow; None if it does not hold exactly an object in each line, with these types."""
    arrow_types = {"text": library.string(), "number": library.float64(), "truth": library.bool_()}
    schema = library.schema([(name, arrow_types[what]) for name, what in types.items()])
    options = library.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    reading = library.json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = library.json.read_json(library.BufferReader(block), reading, options)
        table.validate(full=True)  # UTF-8
    except library.ArrowException:
        return None
    if table.num_rows != count:
        return None
    columns = {name: table.column(name).combine_chunks() for name in types}
    return Piece(columns, np.arange(start, start + count))


def _unfolded(piece: Piece, report: Report) -> Piece:
    """Turn rows that hold lists into a row for each of their entries."""
    columns: dict[str, list[Any]] = {name: [] for name in piece.columns}
    places = []
    for i, place in enumerate(piece.places.tolist()):
        lists = {len(column[i]) for column in piece.columns.values() if isinstance(column[i], list)}
        if len(lists) != 1:
            report("lines whose lists differ in length", place)
            continue
        count = lists.pop()
        places += [place] * count
        for name, column in piece.columns.items():
            value = column[i]
            columns[name] += value if isinstance(value, list) else [value] * count
    return Piece(columns, np.array(places, dtype=np.int64))


# --- CSV ---


@contextmanager
def _long_fields() -> Iterator[None]:
    """Allow long prompts in CSV; the limit belongs to the whole process, and is put back."""
    before = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _rows(lines: io.TextIOWrapper) -> Iterator[list[str]]:
    """Read a CSV, whose fields may be divided by commas, semicolons or tabs."""
    head = lines.readline(LONGEST)
    divider = max(",;\t", key=head.count)

    def all_lines() -> Iterator[str]:
        yield head
        while line := lines.readline(LONGEST):
            yield line

    return csv.reader(all_lines(), delimiter=divider)


def _of_csv(file: Path, names: Collection[str], report: Report) -> Iterator[Piece]:
    """Read columns of a CSV as text."""
    with _text(file) as lines, _long_fields():
        rows: Any = _rows(lines)
        head: list[str] = next(rows, [])
        chosen = [(name, head.index(name)) for name in names if name in head]
        places: list[int] = []
        columns: dict[str, list[Any]] = {name: [] for name, _ in chosen}
        size = 0
        while True:
            place = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error:
                report("broken lines", place)
                continue
            if row is None:
                break
            if len(row) != len(head):
                if row:
                    report("broken lines", place)
                continue
            places.append(place)
            for name, i in chosen:
                value = row[i]
                columns[name].append(value if value else None)
                size += len(value)
            if size > _PIECE or len(places) == _ROWS:
                yield Piece(columns, np.array(places, dtype=np.int64))
                places, columns, size = [], {name: [] for name, _ in chosen}, 0
        yield Piece(columns, np.array(places, dtype=np.int64))


# --- Parquet ---


def _require_no_bomb(table: Any, names: Collection[str]) -> None:
    """Refuse columns that unpack to hundreds of times their size."""
    for i in range(table.metadata.num_row_groups):
        group = table.metadata.row_group(i)
        for j in range(group.num_columns):
            column = group.column(j)
            packed, unpacked = column.total_compressed_size, column.total_uncompressed_size
            if column.path_in_schema.split(".")[0] in names and unpacked > max(_BOMB, _RATIO * packed):
                raise ValueError(
                    f"column {column.path_in_schema} unpacks from {packed:,} to {unpacked:,} bytes: this is no log"
                )


def _of_parquet(file: Path, names: Collection[str]) -> Iterator[Piece]:
    """Read columns of a Parquet file, as many rows at a time as their size allows."""
    with _damage(file), arrow().parquet.ParquetFile(file) as table:
        chosen = [name for name in table.schema_arrow.names if name in names]
        _require_no_bomb(table, chosen)
        start = 1
        for group in range(table.metadata.num_row_groups):
            # What a few rows need in memory tells more than the file, in which texts that repeat stand once.
            few = next(table.iter_batches(64, row_groups=[group], columns=chosen, use_threads=False), None)
            if few is None or not few.num_rows:
                continue
            about = table.metadata.row_group(group)
            stored = sum(
                column.total_uncompressed_size
                for column in map(about.column, range(about.num_columns))
                if column.path_in_schema.split(".")[0] in chosen
            )
            size = int(np.clip(_PIECE / max(few.nbytes / few.num_rows, stored / about.num_rows, 1), 16, _ROWS))
            for batch in table.iter_batches(size, row_groups=[group], columns=chosen, use_threads=False):
                yield Piece({name: batch.column(name) for name in chosen}, np.arange(start, start + batch.num_rows))
                start += batch.num_rows
