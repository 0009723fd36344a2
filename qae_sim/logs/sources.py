"""Training logs as numbers: which files belong to a run, which format they have, and what each response says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import invalid
from qae_sim.logs.containers import Piece, columns_of, give_back_memory, kind_of, lines_of, pieces_of
from qae_sim.logs.formats import COMMON, FORMATS, UNREADABLE, VERDICTS, Format

#: Number of prompts whose beginnings are kept, and characters of each.
_REMEMBERED, _CHARACTERS = 100_000, 200
#: Number of values up to which a column is taken for one of data sources, if nobody has named it.
_DATA_SOURCES = 50
#: The number of a value that is missing, or an empty text.
NOTHING = 0
#: Columns that a log may have beside its rewards.
_NO_REWARDS = {name for names in COMMON.values() for name in names} - set(COMMON["reward"])
#: Columns whose values repeat.
_FEW = {*COMMON["apart"], *COMMON["group"]}
#: Words before the number of a process in a file's name.
_RANK = re.compile(r"(?:rank|worker|process|proc|shard|gpu|node|host|dp)[-_=.]?(\d+)", re.IGNORECASE)
_STEP = re.compile(r"(?:global_step|step|iteration|iter)[-_=.]?(\d+)", re.IGNORECASE)


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


# --- the reward ---


@dataclass(frozen=True)
class Reward:
    """A weighted sum of columns.

    Attributes:
        terms: Columns and their weights.
    """

    terms: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        """Write it as ``--reward`` takes it."""
        parts = [name if weight == 1 else f"{weight:g}*{name}" for name, weight in self.terms]
        return " + ".join(parts).replace("+ -", "- ")


_TERM = re.compile(
    r"\s*(?P<sign>[+-])?\s*(?:(?P<before>\d+\.?\d*|\.\d+)\s*\*\s*)?"
    r"(?:`(?P<quoted>[^`]+)`|(?P<name>[^\s+*`\d.-][^\s+*`]*))(?:\s*\*\s*(?P<after>\d+\.?\d*|\.\d+))?\s*"
)


def reward_of(text: str, names: Sequence[str]) -> Reward:
    """Read a column, or a weighted sum of columns.

    Args:
        text: Such as ``"accuracy + 0.5*format"``; a name with signs or spaces stands in backticks.
        names: Columns of the log; a dot goes into a nested value.

    Returns:
        The sum.

    Raises:
        ValueError: It is no sum, or has a column that the log does not have.

    Example:
        >>> reward_of("accuracy + 0.5*format", ["accuracy", "format"]).terms
        (('accuracy', 1.0), ('format', 0.5))
    """
    if text in names:
        return Reward(((text, 1.0),))
    terms: list[tuple[str, float]] = []
    place = 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None or (terms and not found["sign"]):
            raise invalid("reward", text, "a column, or a sum such as accuracy + 0.5*format")
        name = found["quoted"] or found["name"]
        if name not in names and name.split(".")[0] not in names:
            raise invalid("reward", text, f"made of columns of the log: {', '.join(names)}")
        weight = float(found["before"] or 1) * float(found["after"] or 1) * (-1 if found["sign"] == "-" else 1)
        terms.append((name, weight))
        place = found.end()
    if not terms:
        raise invalid("reward", text, "a column, or a sum such as accuracy + 0.5*format")
    return Reward(tuple(terms))


# --- a log as numbers ---


@dataclass(frozen=True)
class LogFile:
    """A file of a run.

    Attributes:
        path: Where it is.
        name: Its path inside the run's folder.
        step: The step that its path tells; -1 if none.
        rank: The process that its path tells; -1 if none.
        columns: Its columns.
        first: Its first rows.
    """

    path: Path
    name: str
    step: int
    rank: int
    columns: tuple[str, ...]
    first: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Log:
    """What a run's rows say, as numbers; N rows.

    Attributes:
        format: The format.
        files: Its files.
        columns: The column of each meaning that was found.
        reward_is: Columns of the reward.
        step: ``(N,)``; -1 if unknown.
        prompt: A number that identifies the prompt's text, ``(N,)``; 0 if there is none.
        apart: A number for what tells problems of the same text apart, ``(N,)``; 0 if there is nothing.
        completion: A number for the response, ``(N,)``; 0 if there is none.
        reward: ``(N,)``; NaN if missing.
        length: ``(N,)``; NaN if unknown.
        advantage: As the trainer logged it, ``(N,)``; NaN if unknown.
        groups: For each column of groups a number for its value, ``(N,)``; 0 if missing.
        response: With a format's ``group_of``, a number for the response, ``(N,)``; 0 if unknown.
        verdict: For each column that holds whether the answer is right, ``(N,)``.
        scores: The column score or reward, where another one was asked for, ``(N,)``.
        file: Place in ``files``, ``(N,)``.
        row: Number of the row or line in its file, ``(N,)``.
        left_out: Rows that are not of training, ``(N,)``.
        data_source: A number for where the prompt comes from, ``(N,)``; 0 if there is nothing.
        data_sources: Names of data sources, by these numbers.
        beginnings: Beginnings of prompts, by their numbers.
        read_columns: The columns that were read.
    """

    format: Format
    files: tuple[LogFile, ...]
    columns: dict[str, str]
    reward_is: Reward
    step: np.ndarray
    prompt: np.ndarray
    apart: np.ndarray
    completion: np.ndarray
    reward: np.ndarray
    length: np.ndarray
    advantage: np.ndarray
    groups: dict[str, np.ndarray]
    response: np.ndarray
    verdict: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    file: np.ndarray
    row: np.ndarray
    left_out: np.ndarray
    data_source: np.ndarray
    data_sources: dict[int, str]
    beginnings: dict[int, str]
    read_columns: set[str]

    def place(self, i: int) -> str:
        """Say where a row stands."""
        file = self.files[int(self.file[i])]
        word = "line" if kind_of(file.path) in ("lines", "csv", "text") else "row"
        return f"{file.name}, {word} {int(self.row[i])}"


def files_of(source: Path, trouble: Trouble) -> tuple[Format, list[LogFile]]:
    """Find the files of a log and their format.

    Args:
        source: File or folder; folders of any depth are searched.
        trouble: Told of files that are not of the log.

    Returns:
        The format; its files, in the order of their steps.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: The file is not a log.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> format, files = files_of(recorded_log(), Trouble())
        >>> format.name, files[0].name
        ('trl', 'completions/completions_00004.parquet')
    """
    if source.is_file():
        if not kind_of(source):
            raise invalid("source", str(source), _why(source))
        names, first = columns_of(source)
        if not names:
            raise ValueError(f"{source} has no complete group of responses: it is empty, or no line of it can be read")
        near = "/".join(source.parts[-4:])
        format = next(one for one in FORMATS if one.name == "table" or one.fits(near, _all_names(names, first)))
        return format, [_file(source, near, source.name, format, names, first)]
    if not source.exists():
        raise FileNotFoundError(f"there is no {source}")
    found: dict[str, list[LogFile]] = {}
    why: list[str] = []
    for path in sorted(source.rglob("*"), key=lambda path: _natural(str(path))):
        name = path.relative_to(source).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(source).parts):
            continue
        if path.suffix.lower() in UNREADABLE:
            why.append(f"{name} is {UNREADABLE[path.suffix.lower()]}")
            trouble.note("files that cannot be read", name)
            continue
        near = "/".join((*source.absolute().parts[-3:], name))
        if any(re.search(one.evaluation, near) for one in FORMATS):
            trouble.note("files of evaluations", name)
            continue
        try:
            names, first = columns_of(path) if kind_of(path) else ([], [])
        except ValueError:
            names, first = [], []
        known = _all_names(names, first)
        format = next((one for one in FORMATS if one.fits(near, known)), FORMATS[-1])
        if format.name == "table" and not (kind_of(path) and _may_be_a_log(known)):
            trouble.note("files that are no logs of responses", name)
            continue
        found.setdefault(format.name, []).append(_file(path, near, name, format, names, first))
    if not found:
        raise FileNotFoundError(
            f"{source} holds no logs of responses that can be read (qae-sim inspect --formats lists them)"
            + ("; " + why[0] if why else "")
        )
    chosen = next(one for one in FORMATS if one.name in found)
    for other, files in found.items():
        if other != chosen.name:
            trouble.note(f"files of another log (format {other})", files[0].name, len(files))
    return chosen, sorted(found[chosen.name], key=lambda file: (file.step, file.rank, _natural(file.name)))


def _why(source: Path) -> str:
    """Say what a file should be."""
    reason = UNREADABLE.get(source.suffix.lower())
    return "a .parquet, .csv, .tsv, .jsonl or .json file, packed or not, or a folder of them" + (
        f"; this is {reason}" if reason else ""
    )


def _all_names(names: Sequence[str], first: Sequence[dict[str, Any]]) -> set[str]:
    """List the columns, and nested ones as formats name them."""
    nested = {name for one in FORMATS for what in one.columns.values() for name in what if "." in name}
    nested |= {name for one in FORMATS for need in one.needs for name in need.split("|") if "." in name}
    return set(names) | {name for name in nested if first and _inside(first[0], name) is not None}


def _may_be_a_log(names: set[str]) -> bool:
    """Tell whether a table without a known format may be a log: it says what was asked, and more than that."""
    asked = any(name in names for what in ("prompt", "group") for name in COMMON[what])
    return asked and any(name in names for what in ("reward", "completion", "advantage") for name in COMMON[what])


def _file(
    path: Path, near: str, name: str, format: Format, names: Sequence[str], first: Sequence[dict[str, Any]]
) -> LogFile:
    """Describe a file."""
    found = re.search(rf"(^|/){format.files}$", near)
    known = found.groupdict() if found else {}
    step, rank = known.get("step"), known.get("rank")
    if step is None:
        worded = _STEP.findall(name)
        alone = re.fullmatch(r"(\d+)\.\w+(\.gz|\.zst)?", Path(name).name)
        step = worded[-1] if worded else alone[1] if alone else None
    if rank is None:
        ranks = _RANK.findall(name)
        rank = ranks[-1] if ranks else None
    return LogFile(path, name, _whole(step), _whole(rank), tuple(names), tuple(first))


def _whole(digits: str | None) -> int:
    """Read digits; -1 if there are none, or too many."""
    return int(digits) if digits and len(digits) < 19 else -1


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order names by the numbers in them."""
    parts = re.findall(r"\d{1,18}|\D+|\d", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


# --- from rows to numbers ---


def read(source: Path, reward: str | None, group: str | None, trouble: Trouble, split: str | None = None) -> Log:
    """Read a log.

    Args:
        source: File or folder.
        reward: Column of the reward, or a sum of columns; None: the usual names.
        group: Column of groups; None: the usual names.
        trouble: Counts the problems.
        split: Column of data sources; None: the usual names, if they have at most 50 values.

    Returns:
        Its rows, as numbers.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, or a file is damaged.
        ModuleNotFoundError: PyArrow is not installed, and the log needs it.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> log = read(recorded_log(), None, None, Trouble())
        >>> len(log.reward), log.columns["prompt"], str(log.reward_is)
        (7680, 'prompt', 'reward')
    """
    format, files = files_of(source, trouble)
    columns, apart, groups, rewards = _columns(format, files, reward, group)
    asked = {name for name, _ in rewards.terms}
    others = (*VERDICTS, "score", "reward")
    verdicts = [name for name in others if name not in asked and any(name in file.columns for file in files)]
    if split is not None:
        names = list(dict.fromkeys(name for file in files for name in file.columns))
        if split not in names and split.split(".")[0] not in names:
            raise invalid("split", split, f"a column of {files[0].path}: {', '.join(names)}")
        columns["data_source"] = split
    collected = _Collected(format, columns, apart, groups, rewards, verdicts)
    for number, file in enumerate(files):
        collected.add_file(file, number, trouble)
    give_back_memory()
    if split is None and len(collected.data_sources) > _DATA_SOURCES:
        collected.data_sources.clear()
    return collected.log(files)


def texts_of(log: Log, rows: np.ndarray) -> Iterator[tuple[int, Any]]:
    """Read responses of a log again.

    Args:
        log: The log.
        rows: Places of rows in the log, ascending.

    Yields:
        Places, and texts or lists of tokens; nothing at all if the log has neither.
    """
    name = log.columns.get("tokens", log.columns.get("completion"))
    if name is None:
        return
    starts = np.searchsorted(log.file, np.arange(len(log.files) + 1)).tolist()  # rows stand in the order of files
    cuts = np.searchsorted(rows, starts)
    for number, file in enumerate(log.files):
        start = starts[number]
        wanted = rows[cuts[number] : cuts[number + 1]]
        if len(wanted) and kind_of(file.path) == "lines" and log.format.layout == "rows":
            place_of = dict(zip(log.row[wanted].tolist(), wanted.tolist(), strict=True))
            for line, entry in lines_of(file.path, log.row[wanted]):
                yield place_of[line], _inside(entry, name)
        elif len(wanted):
            # The same columns as at first, so that the same rows are left out.
            place, top = start, {name.split(".")[0]} | log.read_columns
            for piece in pieces_of(file.path, top, log.format.layout, file.first, lambda kind, place: None):
                inside = wanted[(wanted >= place) & (wanted < place + len(piece.places))]
                if len(inside):
                    values = _values(piece, name)
                    yield from ((row, values[row - place]) for row in inside.tolist())
                place += len(piece.places)


def _columns(
    format: Format, files: Sequence[LogFile], reward: str | None, group: str | None
) -> tuple[dict[str, str], list[str], list[str], Reward]:
    """Find the columns by their meaning; those that tell problems apart, those of groups, and the reward."""
    names = list(dict.fromkeys(name for file in files for name in file.columns))
    first = [row for file in files[:3] for row in file.first]
    for file in files:
        twice = sorted({name for name in file.columns if file.columns.count(name) > 1})
        if twice:
            raise ValueError(f"{file.path} has several columns {', '.join(twice)}: which one is meant cannot be told")

    def there(what: str) -> list[str]:
        return [
            name
            for name in format.names(what)
            if name in names or ("." in name and any(_inside(row, name) is not None for row in first))
        ]

    meanings = ("step", "prompt", "completion", "length", "tokens", "advantage", "data_source")
    columns = {what: found[0] for what in meanings if (found := there(what))}
    where = str(files[0].path)
    if reward is not None:
        rewards = reward_of(reward, names)
    elif known := there("reward"):
        rewards = Reward(((known[0], 1.0),))
    else:
        others = [name for name in names if name not in _NO_REWARDS and _is_number(name, first)]
        if len(others) > 1 and len(varying := _varying(format, files, others)) == 1:
            others = varying
        if len(others) != 1:
            reason = f"several could be it: {', '.join(others)}" if others else f"there are {', '.join(names)}"
            summed = f', or a sum: --reward "{" + ".join(others)}"' if others else ""
            raise ValueError(f"{where} has no column reward or score; {reason}. Name it (--reward NAME{summed})")
        rewards = Reward(((others[0], 1.0),))
    for name, _ in rewards.terms:
        values = [value for row in first if (value := _inside(row, name)) is not None]
        if format.layout == "columns":
            values = [entry for value in values if isinstance(value, list) for entry in value]
        if values and all(isinstance(value, list | dict) for value in values):
            inside = values[0]
            parts = [f"{name}.{part}" for part in (inside if isinstance(inside, dict) else range(len(inside)))]
            raise ValueError(
                f"{where}: {name} holds {'lists' if isinstance(inside, list) else 'structures'}, not numbers; "
                f"name a part (--reward {parts[0] if parts else name}"
                + (f', or a sum: --reward "{" + ".join(parts[:4])}")' if len(parts) > 1 else ")")
            )
    groups = there("group")
    if group is not None and group not in ("prompt", "place"):
        if group not in names and group.split(".")[0] not in names:
            raise invalid("group", group, f"a column of {where}: {', '.join(names)}")
        groups = [group]
    if "prompt" not in columns and not groups and "advantage" not in columns and format.name == "table":
        raise ValueError(
            f"{where} has no column {' or '.join(COMMON['prompt'])}, nor one of groups; there are {', '.join(names)}"
        )
    return columns, there("apart"), groups, rewards


def _varying(format: Format, files: Sequence[LogFile], names: Sequence[str]) -> list[str]:
    """Find the columns that are not the same in every row: only they can be what the trainer learnt from."""
    lowest, highest = np.full(len(names), math.inf), np.full(len(names), -math.inf)
    for file in files:
        for piece in pieces_of(file.path, names, format.layout, file.first, lambda kind, place: None):
            for i, name in enumerate(names):
                values = _floats(piece, name)
                lowest[i] = np.fmin.reduce(values, initial=lowest[i])
                highest[i] = np.fmax.reduce(values, initial=highest[i])
    return [name for name, low, high in zip(names, lowest, highest, strict=True) if low < high]


def _is_number(name: str, first: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a column holds numbers, by the first rows."""
    values = [row[name] for row in first if row.get(name) is not None]
    entries = [part for value in values for part in (value if isinstance(value, list) else [value])]
    return bool(entries) and not any(math.isnan(_as_float(value)) for value in entries)


def _inside(row: Any, name: str) -> Any:
    """Take a nested value by a name with dots; None if it is not there."""
    if isinstance(row, dict) and name in row:
        return row[name]
    for part in name.split("."):
        if isinstance(row, dict):
            row = row.get(part)
        elif isinstance(row, list) and part.isdecimal() and int(part) < len(row):
            row = row[int(part)]
        else:
            return None
    return row


def _values(piece: Piece, name: str) -> list[Any]:
    """Take a column as Python values."""
    if name in piece.columns:
        column = piece.columns[name]
        return column if isinstance(column, list) else list(column.to_pylist())
    top = name.split(".")[0]
    if top not in piece.columns:
        return [None] * len(piece.places)
    column = piece.columns[top]
    inner = name.split(".", 1)[1] if "." in name else ""
    return [_inside(value, inner) for value in (column if isinstance(column, list) else column.to_pylist())]


class _Collected:
    """Gathers the numbers of all rows."""

    def __init__(
        self,
        format: Format,
        columns: dict[str, str],
        apart: list[str],
        groups: list[str],
        rewards: Reward,
        verdicts: list[str],
    ) -> None:
        self.format, self.columns, self.apart, self.groups = format, columns, apart, groups
        self.rewards, self.verdicts = rewards, verdicts
        self.beginnings: dict[int, str] = {}
        self.data_sources: dict[int, str] = {}
        self.parts: list[dict[str, np.ndarray]] = []
        wanted = [*columns.values(), *apart, *groups, *verdicts, *(name for name, _ in rewards.terms)]
        self.training = format.training
        if self.training:
            wanted.append(self.training[0])
        self.top = {name.split(".")[0] for name in wanted}
        if "completion" in columns and "tokens" in columns and columns["tokens"] not in (*apart, *groups):
            self.top.discard(columns["tokens"])

    def add_file(self, file: LogFile, number: int, trouble: Trouble) -> None:
        """Add the rows of a file."""
        word = "line" if kind_of(file.path) in ("lines", "csv", "text") else "row"

        def report(kind: str, place: int) -> None:
            trouble.note(kind, f"{file.name}, {word} {place}")

        for piece in pieces_of(file.path, self.top, self.format.layout, file.first, report):
            self.add(piece, file, number, trouble, word)

    def add(self, piece: Piece, file: LogFile, number: int, trouble: Trouble, word: str) -> None:
        """Add the rows of a piece."""
        count = len(piece.places)

        def where(rows: np.ndarray) -> str:
            return f"{file.name}, {word} {int(piece.places[int(np.flatnonzero(rows)[0])])}"

        part: dict[str, np.ndarray] = {"row": piece.places.astype(np.int64)}
        part["file"] = np.broadcast_to(np.int32(number), count)
        part["step"] = np.full(count, file.step, dtype=np.int64)
        if "step" in self.columns:
            found = _steps(piece, self.columns["step"])
            if found is not None:
                part["step"] = np.where(found < 0, part["step"], found)
        prompts = _numbers(piece, self.columns.get("prompt"), self.beginnings)
        part["prompt"] = prompts
        part["completion"] = _numbers(piece, self.columns.get("completion"), None)
        part["data_source"] = _numbers(piece, self.columns.get("data_source"), self.data_sources)
        part["apart"] = np.broadcast_to(np.int64(NOTHING), count)
        for name in self.apart:
            part["apart"] = part["apart"] * 1_000_003 + _numbers(piece, name, None)
        reward = sum((weight * _floats(piece, name) for name, weight in self.rewards.terms), np.zeros(count))
        missing = ~np.isfinite(reward)
        if missing.any():
            trouble.note("responses without a reward", where(missing), int(missing.sum()))
            reward[missing] = math.nan
        part["reward"] = reward
        nothing = np.broadcast_to(math.nan, count)
        for what in ("length", "advantage"):
            part[what] = _floats(piece, self.columns[what], first=True) if what in self.columns else nothing
        part["response"] = np.broadcast_to(np.int64(NOTHING), count)
        for name in self.groups:
            if self.format.group_of and name == self.groups[0]:
                part["group " + name], part["response"] = _named_groups(piece, name, self.format.group_of)
            else:
                part["group " + name] = _numbers(piece, name, None)
        for name in self.verdicts:
            part["verdict " + name] = _floats(piece, name)
        part["left_out"] = np.broadcast_to(np.False_, count)
        if self.training:
            column, value = self.training
            part["left_out"] = np.array([said != value for said in _values(piece, column)], dtype=bool)
            if part["left_out"].any():
                trouble.note("rows of evaluations", where(part["left_out"]), int(part["left_out"].sum()))
        self.parts.append(part)

    def log(self, files: Sequence[LogFile]) -> Log:
        """Join the parts."""
        if not self.parts:
            raise ValueError(f"{files[0].path} holds no rows")
        joined: dict[str, np.ndarray] = {}
        for name in list(self.parts[0]):
            joined[name] = _joined([part.pop(name) for part in self.parts])
        groups = {name: joined.pop("group " + name) for name in self.groups}
        verdict = {name: joined.pop("verdict " + name) for name in self.verdicts}
        scores = {name: verdict.pop(name) for name in [*verdict] if name in ("score", "reward")}
        return Log(
            format=self.format,
            files=tuple(files),
            columns=self.columns,
            reward_is=self.rewards,
            groups=groups,
            verdict=verdict,
            scores=scores,
            data_sources=self.data_sources,
            beginnings=self.beginnings,
            read_columns=self.top,
            **joined,
        )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Join arrays; one value that is repeated everywhere stays one value in memory."""
    if all(part.strides == (0,) for part in parts) and len({str(part[0]) for part in parts}) == 1:
        return np.broadcast_to(parts[0][0], sum(map(len, parts)))
    return np.concatenate(parts)


def _is_arrow(column: Any) -> bool:
    """Tell arrays of PyArrow from lists."""
    return not isinstance(column, list)


def _numbers(piece: Piece, name: str | None, beginnings: dict[int, str] | None) -> np.ndarray:
    """Number the values of a column, in the same way throughout a process; 0 for nothing and for empty texts."""
    count = len(piece.places)
    if name is None:
        return np.broadcast_to(np.int64(NOTHING), count)
    column = piece.columns.get(name)
    if column is not None and _is_arrow(column):
        import pyarrow as arrow

        kinds = arrow.types
        texts = kinds.is_string(column.type) or kinds.is_large_string(column.type)
        if texts and beginnings is None and name not in _FEW:
            return np.fromiter(map(_number_of_text, column.to_pylist()), np.int64, count)
        if texts:
            column = column.dictionary_encode()
        if kinds.is_dictionary(column.type):
            values, places = _used(column)
            known = np.array([_number_of(value, beginnings) for value in values] + [NOTHING], dtype=np.int64)
            return np.asarray(known[places])
        return np.array([_number_of(value, beginnings) for value in column.to_pylist()], dtype=np.int64)
    return np.array([_number_of(value, beginnings) for value in _values(piece, name)], dtype=np.int64)


def _used(column: Any) -> tuple[list[Any], np.ndarray]:
    """Take a numbered column apart: the values that occur in it, and the place of each row's value; -1 for none."""
    import pyarrow as arrow

    indices = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    used, places = np.unique(indices, return_inverse=True)
    nothing = int((used < 0).sum())
    return column.dictionary.take(arrow.array(used[nothing:])).to_pylist(), places.reshape(-1) - nothing


def _number_of_text(text: str | None) -> int:
    """Number a text as :func:`_number_of` does, fast: the hash of an empty text is 0."""
    return hash(text) if text else NOTHING


def _number_of(value: Any, beginnings: dict[int, str] | None) -> int:
    """Number a value; keep the beginning of its text if asked to."""
    if value is None or value == "" or value == []:
        return NOTHING
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    elif isinstance(value, float) and value.is_integer():
        value = str(int(value))
    elif not isinstance(value, str):
        try:
            value = json.dumps(value, sort_keys=True, default=repr)
        except (RecursionError, ValueError):
            value = "nested too deeply"
    number = hash(value)
    if beginnings is not None and len(beginnings) < _REMEMBERED:
        beginnings.setdefault(number, value[:_CHARACTERS])
    return number


def _named_groups(piece: Piece, name: str, pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Number groups and responses by the parts of a name."""
    rule = re.compile(pattern)
    group, response = [], []
    for value in _values(piece, name):
        found = rule.match(value) if isinstance(value, str) else None
        parts = found.groupdict() if found else {}
        group.append(_number_of(parts.get("group") or value, None))
        response.append(_number_of(parts.get("response"), None))
    return np.array(group, dtype=np.int64), np.array(response, dtype=np.int64)


def _floats(piece: Piece, name: str, *, first: bool = False) -> np.ndarray:
    """Read a column as numbers, NaN where there is none; of lists the first entry, if asked to."""
    column = piece.columns.get(name)
    if column is not None and _is_arrow(column):
        import pyarrow as arrow

        if arrow.types.is_dictionary(column.type):
            values, places = _used(column)
            return np.asarray(np.array([_as_float(value) for value in values] + [math.nan])[places])
        kinds = arrow.types
        if kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_boolean(column.type):
            return np.array(column.cast(arrow.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.array([_as_float(_first(value) if first else value) for value in _values(piece, name)], dtype=np.float64)


def _first(value: Any) -> Any:
    """Take the last entry of a list that is not 0: padding and prompts have none."""
    while isinstance(value, list):
        value = next((entry for entry in reversed(value) if entry), 0.0) if value else None
    return value


def _as_float(value: Any) -> float:
    """Convert to a number, or NaN."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _steps(piece: Piece, name: str) -> np.ndarray | None:
    """Read steps: numbers, or texts that end in one, such as ``step_10``; -1 where there is none."""
    found = _floats(piece, name)
    known = np.isfinite(found) & (found >= 0) & (found < 2**53)
    if not known.all():
        values = _values(piece, name)
        for i in np.flatnonzero(~known):
            digits = re.search(r"(\d{1,15})\D*$", values[i]) if isinstance(values[i], str) else None
            found[i] = float(digits[1]) if digits else -1
    return found.astype(np.int64)
