"""Training logs as a stream of rows: TRL's Parquet, verl's JSON Lines, plain tables; broken lines are counted.

There is a reader for each kind of file. All give :class:`Rows`, so that the rest does not depend on the format.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import invalid

#: Names of the same column in different logs; the first one found is used.
_COLUMNS = {
    "step": ("step", "global_step"),
    "prompt": ("prompt", "input", "question"),
    "reward": ("reward", "score"),
    "completion": ("completion", "output", "response"),
    "length": ("length", "response_length", "completion_length"),
    "tokens": ("tokens", "token_ids", "completion_ids"),
}
#: Number of prompts whose beginnings are kept, and characters of each.
_REMEMBERED, _CHARACTERS = 100_000, 200
#: Columns of TRL's logs that are not rewards.
_NO_REWARDS = {"step", "prompt", "completion", "advantage"}


@dataclass
class Trouble:
    """The problems of a log: how often each kind occurred, and where first.

    Attributes:
        counts: Number of occurrences by kind.
        first: First place by kind.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, place: str, count: int = 1) -> None:
        """Count a problem."""
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.first.setdefault(kind, place)


@dataclass(frozen=True)
class Rows:
    """Some responses of a log.

    Attributes:
        step: ``(N,)``; -1 if the log has no steps.
        prompt: A number that identifies the prompt's text, ``(N,)``.
        reward: ``(N,)``; NaN if missing.
        length: ``(N,)``; NaN if unknown.
        place: File and first row or line, in words.
        said: The responses, as text or as lists of tokens, ``(N,)`` objects; None if not read or not in the log.
    """

    step: np.ndarray
    prompt: np.ndarray
    reward: np.ndarray
    length: np.ndarray
    place: str
    said: np.ndarray | None = None


def files_of(source: Path) -> list[Path]:
    """Find the files of a log, in the order of its steps.

    Args:
        source: File or folder.

    Returns:
        The files.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> files_of(recorded_log())[0].name
        'completions_00004.parquet'
    """
    if source.is_file():
        return [source]
    if not source.exists():
        raise FileNotFoundError(f"there is no {source}")
    for folder in (source / "completions", source):
        for ending in (".parquet", ".jsonl"):
            found = sorted(folder.glob(f"*{ending}"), key=lambda file: (_number(file.stem), file.name))
            if found:
                return found
    raise FileNotFoundError(
        f"{source} holds no completion logs: neither *.parquet nor *.jsonl, nor a folder completions"
    )


def _number(name: str) -> int:
    """Find the last number in a file's name; -1 if there is none."""
    digits = "".join(character if character.isdigit() else " " for character in name).split()
    return int(digits[-1]) if digits else -1


def _read(
    file: Path, reward: str | None, trouble: Trouble, said: bool, beginnings: dict[int, str] | None
) -> Iterator[Rows]:
    """Read a file in pieces."""
    if file.suffix == ".jsonl":
        yield from _read_lines(file, reward, trouble, said, beginnings)
        return
    try:
        import pyarrow as arrow
        import pyarrow.csv
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading tables needs PyArrow, which this Python does not have: pip install 'qae_sim[logs]'", name="pyarrow"
        ) from error
    try:
        if file.suffix == ".parquet":
            table = pyarrow.parquet.ParquetFile(file)
            columns = _columns(table.schema_arrow.names, _numeric(table.schema_arrow), reward, file, said)
            size = 10_000 if said else 100_000
            pieces: Iterator[Any] = table.iter_batches(batch_size=size, columns=sorted(set(columns.values())))
            yield from _rows_of_table(pieces, columns, file, trouble, beginnings)
        elif file.suffix == ".csv":
            wrong: list[int] = []

            def skip(row: Any) -> str:
                wrong.append(row.number if row.number is not None else -1)
                return "skip"

            options = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
            with pyarrow.csv.open_csv(file, parse_options=options) as stream:
                columns = _columns(stream.schema.names, _numeric(stream.schema), reward, file, said)
                yield from _rows_of_table(iter(stream), columns, file, trouble, beginnings)
            trouble.note("broken lines", f"{file}", len(wrong))
        else:
            raise invalid("source", str(file), "a .parquet, .csv or .jsonl file, or a folder of them")
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


def _numeric(schema: Any) -> set[str]:
    """List the columns that hold numbers."""
    import pyarrow.types as types

    return {
        column.name
        for column in schema
        if types.is_floating(column.type) or types.is_integer(column.type) or types.is_boolean(column.type)
    }


def _columns(names: Sequence[str], numeric: set[str], reward: str | None, file: Path, said: bool) -> dict[str, str]:
    """Find the columns by their meaning; those of responses only if they are to be read."""
    found = {what: next((name for name in known if name in names), None) for what, known in _COLUMNS.items()}
    if reward is not None:
        if reward not in names:
            raise invalid("reward", reward, f"a column of {file}: {', '.join(names)}")
        found["reward"] = reward
    elif found["reward"] is None:
        others = [name for name in names if name in numeric - _NO_REWARDS]
        if len(others) != 1:
            reason = f"several could be it: {', '.join(others)}" if others else f"there are {', '.join(names)}"
            raise ValueError(f"{file} has no column reward or score; {reason}. Name it (reward=..., --reward NAME)")
        found["reward"] = others[0]
    if found["prompt"] is None:
        raise ValueError(f"{file} has no column {' or '.join(_COLUMNS['prompt'])}; there are {', '.join(names)}")
    unread = () if said else ("completion", "tokens")
    return {what: name for what, name in found.items() if name is not None and what not in unread}


def _rows_of_table(
    pieces: Iterator[Any], columns: dict[str, str], file: Path, trouble: Trouble, beginnings: dict[int, str] | None
) -> Iterator[Rows]:
    """Turn pieces of a table into rows."""
    import pyarrow.compute as compute

    start = 1
    for piece in pieces:
        count = piece.num_rows
        if not count:
            continue
        prompts = piece.column(columns["prompt"])
        if prompts.type not in _strings():  # conversations are lists of messages
            asked = [json.dumps(value, sort_keys=True) for value in prompts.to_pylist()]
            numbers = np.array([_number_of(text, beginnings) for text in asked])
        else:
            coded = compute.dictionary_encode(compute.fill_null(prompts, ""))
            asked = coded.dictionary.to_pylist()
            numbers = np.array([_number_of(text, beginnings) for text in asked])[coded.indices.to_numpy()]
        rewards = _floats(piece.column(columns["reward"]), count)
        step = _floats(piece.column(columns["step"]), count) if "step" in columns else np.full(count, -1.0)
        length = np.full(count, math.nan)
        if "length" in columns:
            length = _floats(piece.column(columns["length"]), count)
        place = f"{file}, row {start}"
        _note_missing(rewards, range(start, start + count), f"{file}, row", trouble)
        words = columns.get("tokens", columns.get("completion"))
        texts = None if words is None else _objects(piece.column(words).to_pylist())
        yield Rows(np.nan_to_num(step, nan=-1).astype(np.int64), numbers, rewards, length, place, texts)
        start += count


def _objects(values: Sequence[Any]) -> np.ndarray:
    """Put any values into an array of objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _strings() -> tuple[Any, ...]:
    """Types of text columns."""
    import pyarrow as arrow

    return (arrow.string(), arrow.large_string())


def _floats(column: Any, count: int) -> np.ndarray:
    """Read a column as numbers, NaN where there is none."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    try:
        numbers = compute.cast(column, arrow.float64())
    except arrow.ArrowInvalid:  # some values are text
        values = [_as_float(value) for value in column.to_pylist()]
        return np.array(values).reshape(count)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _as_float(value: Any) -> float:
    """Convert to a number, or NaN."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _number_of(text: str, beginnings: dict[int, str] | None) -> int:
    """Number a prompt, in the same way throughout a process; keep the beginning of its text if asked to."""
    number = hash(text)
    if beginnings is not None and len(beginnings) < _REMEMBERED:
        beginnings.setdefault(number, text[:_CHARACTERS])
    return number


def _note_missing(rewards: np.ndarray, places: Sequence[int], where: str, trouble: Trouble) -> None:
    """Count missing rewards and make them NaN; ``places`` are the numbers of rows or lines."""
    missing = np.flatnonzero(~np.isfinite(rewards))
    if len(missing):
        rewards[missing] = math.nan
        trouble.note("responses without a reward", f"{where} {places[int(missing[0])]}", len(missing))


def _read_lines(
    file: Path, reward: str | None, trouble: Trouble, said: bool, beginnings: dict[int, str] | None
) -> Iterator[Rows]:
    """Read JSON Lines in pieces."""
    columns: dict[str, str] | None = None
    held: list[tuple[float, int, float, float, int, Any]] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise ValueError("no object")
            except ValueError:
                trouble.note("broken lines", f"{file}, line {number}")
                continue
            if columns is None:
                plain = {name for name, value in entry.items() if isinstance(value, int | float)}
                columns = _columns(list(entry), plain, reward, file, said)
                text_column = columns.get("tokens", columns.get("completion", ""))
            prompt = entry.get(columns["prompt"])
            text = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True)
            step = _as_float(entry.get(columns.get("step", ""), -1))
            length = _as_float(entry.get(columns.get("length", "")))
            reward_of = _as_float(entry.get(columns["reward"]))
            held.append((step, _number_of(text, beginnings), reward_of, length, number, entry.get(text_column)))
            if len(held) == (10_000 if said else 100_000):
                yield _rows_of_lines(held, file, trouble)
                held = []
    if held:
        yield _rows_of_lines(held, file, trouble)


def _rows_of_lines(held: list[tuple[float, int, float, float, int, Any]], file: Path, trouble: Trouble) -> Rows:
    """Turn lines into rows."""
    step, prompt, reward, length, lines, said = zip(*held, strict=True)
    rewards = np.array(reward, dtype=np.float64)
    _note_missing(rewards, lines, f"{file}, line", trouble)
    steps = np.nan_to_num(np.array(step), nan=-1).astype(np.int64)
    place = f"{file}, line {lines[0]}"
    texts = None if all(text is None for text in said) else _objects(said)
    return Rows(steps, np.array(prompt), rewards, np.array(length, dtype=np.float64), place, texts)


def rows_of(
    source: Path, reward: str | None, trouble: Trouble, *, said: bool = False, beginnings: dict[int, str] | None = None
) -> Iterator[Rows]:
    """Read a log in pieces.

    Args:
        source: File or folder.
        reward: Column of the reward, if there are several.
        trouble: Counts the problems.
        said: Whether to read the responses, too.
        beginnings: Filled with the beginnings of the first 100,000 different prompts, by their numbers.

    Yields:
        Rows, in the order of the log.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, or a file is damaged.
        ModuleNotFoundError: PyArrow is not installed.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> first = next(rows_of(recorded_log(), None, Trouble(), said=True))
        >>> len(first.reward), first.said[0]
        (256, '3+8=11 4+9+1=14 a 141')
    """
    files = files_of(source)
    before: bytes | None = None
    for file in files:
        for rows in _read(file, reward, trouble, said, beginnings):
            if len(files) > 1 and file.suffix == ".parquet":
                # TRL writes the same generation at every logging step until the next one.
                key = rows.prompt.tobytes() + rows.reward.tobytes()
                if key == before:
                    trouble.note("batches that repeat the one before", rows.place, 1)
                    continue
                before = key
            yield rows
