"""One's own training logs: what trainers write already, read as a stream, and what estimators would have made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.advantages import SoftAnchor, quantile_baseline
from qae_sim.arrays import invalid, require_integer

#: K at which it is asked what share of the responses QAE would have silenced.
KS = tuple(round(0.05 * i, 2) for i in range(1, 20))

#: The share of responses without advantage that the QAE paper reports.
PAPER_SHARE = 0.8

#: Columns that mean the same in different logs, the first one found counts.
_NAMES = {
    "step": ("step", "global_step"),
    "prompt": ("prompt", "input", "question"),
    "reward": ("reward", "score"),
    "completion": ("completion", "output", "response"),
    "length": ("length", "response_length", "completion_length"),
}
#: Columns of TRL's logs that are no rewards.
_TRL = {"step", "prompt", "completion", "advantage"}


@dataclass
class Trouble:
    """What was wrong with a log: how often, and where first.

    Attributes:
        counts: Number by kind.
        first: First place by kind.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, place: str, count: int = 1) -> None:
        """Count something that was wrong."""
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.first.setdefault(kind, place)


@dataclass(frozen=True)
class Rows:
    """Some responses of a log.

    Attributes:
        step: ``(N,)``; -1 where the log has no steps.
        prompt: A number for each prompt's text, ``(N,)``.
        reward: ``(N,)``, NaN where it could not be scored.
        length: ``(N,)``, NaN where it is not known.
        place: Where they stand, in words.
    """

    step: np.ndarray
    prompt: np.ndarray
    reward: np.ndarray
    length: np.ndarray
    place: str


@dataclass(frozen=True)
class Digest:
    """What a log says, step by step; S steps, groups of G.

    Attributes:
        source: What was read.
        group_size: G, the size of nearly all groups.
        steps: Numbers of the steps, ``(S,)``.
        responses: Responses in complete groups, ``(S,)``.
        reward: Mean reward, ``(S,)``.
        length: Mean length, ``(S,)``; NaN where it is not known.
        histogram: Groups by their number of successes, ``(S, G + 1)``.
        degenerate: Share of groups whose rewards are all equal, ``(S,)``.
        silenced: Share of responses without advantage under QAE, ``(S, K)`` for the Ks of :data:`KS`.
        anchor: HA-DW's anchor before each step, ``(S,)``; NaN where rewards leave [0, 1].
        lifted: Share of mixed groups below the anchor, whose successes HA-DW would have raised, ``(S,)``.
        binary: Whether all rewards are 0 or 1; otherwise a success is a positive reward.
        trouble: What was wrong.
    """

    source: str
    group_size: int
    steps: np.ndarray
    responses: np.ndarray
    reward: np.ndarray
    length: np.ndarray
    histogram: np.ndarray
    degenerate: np.ndarray
    silenced: np.ndarray
    anchor: np.ndarray
    lifted: np.ndarray
    binary: bool
    trouble: Trouble

    @property
    def silenced_by_k(self) -> np.ndarray:
        """Share of all responses without advantage, for each K of :data:`KS`."""
        return np.asarray((self.silenced * self.responses[:, None]).sum(axis=0) / self.responses.sum())

    @property
    def k_of_the_paper(self) -> float:
        """The K whose share comes nearest to the paper's 80 %; of equal ones that nearest to .4."""
        distance = np.abs(self.silenced_by_k - PAPER_SHARE)
        nearest = np.flatnonzero(distance <= distance.min() + 1e-12)
        return KS[int(min(nearest, key=lambda i: abs(KS[i] - 0.4)))]


def digest(source: str | Path, *, reward: str | None = None, group_size: int | None = None, batch: int = 64) -> Digest:
    """Read a log as a stream and digest it step by step; only one step is ever held.

    Known are TRL's completion logs (the run's folder, or its ``completions`` folder, of Parquet files), verl's rollout
    dumps (a folder of JSON Lines files, or one of them), and plain tables (CSV, Parquet or JSON Lines) with columns
    prompt and reward, and optionally step, length and completion.

    Within a step, responses to the same prompt are a group, wherever they stand. A table without steps has groups of
    neighbouring rows with the same prompt, ``batch`` groups to a step. Broken lines, rewards that are missing and
    groups of another size than most are counted, with the first place of each, and left out.

    Args:
        source: File or folder.
        reward: Column of the reward, where there are several.
        group_size: G; None takes the size that most groups of the first step have.
        batch: Groups of a step, for tables without steps, >= 1.

    Returns:
        The digest.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, or no group is complete.
        ModuleNotFoundError: PyArrow is not installed.
    """
    require_integer("batch", batch, low=1)
    files = _files(Path(source))
    trouble = Trouble()
    collected = _Collector(None if group_size is None else require_integer("group_size", group_size, low=2), trouble)
    pending: list[Rows] = []
    before: bytes | None = None
    for file in files:
        for rows in _read(file, reward, trouble):
            if len(files) > 1 and file.suffix == ".parquet":
                # TRL writes a generation again at each logging step until the next one.
                key = rows.prompt.tobytes() + rows.reward.tobytes()
                if key == before:
                    trouble.note("batches that repeat the one before", rows.place, 1)
                    continue
                before = key
            for part in _by_step(rows):
                if pending and part.step[0] != pending[-1].step[0]:
                    collected.add(pending)
                    pending = []
                pending.append(part)
                if part.step[0] < 0:  # no steps: whole batches of groups as they come
                    pending = collected.add_batches(pending, batch)
    if pending:
        collected.add(pending)
    return collected.digest(str(source))


# --- finding and reading files ---


def _files(source: Path) -> list[Path]:
    """Files of a log, in the order of its steps."""
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
    """The number in a file's name."""
    digits = "".join(character if character.isdigit() else " " for character in name).split()
    return int(digits[-1]) if digits else -1


def _read(file: Path, reward: str | None, trouble: Trouble) -> Iterator[Rows]:
    """Read a file in pieces."""
    if file.suffix == ".jsonl":
        yield from _read_lines(file, reward, trouble)
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
            columns = _columns(table.schema_arrow.names, _numeric(table.schema_arrow), reward, file)
            pieces: Iterator[Any] = table.iter_batches(batch_size=100_000, columns=sorted(set(columns.values())))
            yield from _pieces(pieces, columns, file, trouble)
        elif file.suffix == ".csv":
            wrong: list[int] = []

            def skip(row: Any) -> str:
                wrong.append(row.number if row.number is not None else -1)
                return "skip"

            options = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
            with pyarrow.csv.open_csv(file, parse_options=options) as stream:
                columns = _columns(stream.schema.names, _numeric(stream.schema), reward, file)
                yield from _pieces(iter(stream), columns, file, trouble)
            trouble.note("broken lines", f"{file}", len(wrong))
        else:
            raise invalid("source", str(file), "a .parquet, .csv or .jsonl file, or a folder of them")
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


def _numeric(schema: Any) -> set[str]:
    """Names of the columns that hold numbers."""
    import pyarrow.types as types

    return {
        column.name
        for column in schema
        if types.is_floating(column.type) or types.is_integer(column.type) or types.is_boolean(column.type)
    }


def _columns(names: Sequence[str], numeric: set[str], reward: str | None, file: Path) -> dict[str, str]:
    """Which column is what."""
    found = {what: next((name for name in known if name in names), None) for what, known in _NAMES.items()}
    if reward is not None:
        if reward not in names:
            raise invalid("reward", reward, f"a column of {file}: {', '.join(names)}")
        found["reward"] = reward
    elif found["reward"] is None:
        others = [name for name in names if name in numeric - _TRL]
        if len(others) != 1:
            said = f"several could be it: {', '.join(others)}" if others else f"there are {', '.join(names)}"
            raise ValueError(f"{file} has no column reward or score; {said}. Name it (reward=..., --reward NAME)")
        found["reward"] = others[0]
    if found["prompt"] is None:
        raise ValueError(f"{file} has no column {' or '.join(_NAMES['prompt'])}; there are {', '.join(names)}")
    return {what: name for what, name in found.items() if name is not None}


def _pieces(pieces: Iterator[Any], columns: dict[str, str], file: Path, trouble: Trouble) -> Iterator[Rows]:
    """Turn pieces of a table into rows."""
    import pyarrow.compute as compute

    start = 1
    for piece in pieces:
        count = piece.num_rows
        if not count:
            continue
        prompts = piece.column(columns["prompt"])
        if prompts.type not in _strings():  # conversations: lists of messages
            numbers = np.array([_number_of(json.dumps(value, sort_keys=True)) for value in prompts.to_pylist()])
        else:
            coded = compute.dictionary_encode(compute.fill_null(prompts, ""))
            numbers = np.array([_number_of(text) for text in coded.dictionary.to_pylist()])[coded.indices.to_numpy()]
        rewards = _floats(piece.column(columns["reward"]), count)
        step = _floats(piece.column(columns["step"]), count) if "step" in columns else np.full(count, -1.0)
        length = np.full(count, math.nan)
        if "length" in columns:
            length = _floats(piece.column(columns["length"]), count)
        place = f"{file}, row {start}"
        _note_missing(rewards, range(start, start + count), f"{file}, row", trouble)
        yield Rows(np.nan_to_num(step, nan=-1).astype(np.int64), numbers, rewards, length, place)
        start += count


def _strings() -> tuple[Any, ...]:
    """Types of columns of text."""
    import pyarrow as arrow

    return (arrow.string(), arrow.large_string())


def _floats(column: Any, count: int) -> np.ndarray:
    """A column as numbers, NaN where there is none."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    try:
        numbers = compute.cast(column, arrow.float64())
    except arrow.ArrowInvalid:  # text in between
        values = [_as_float(value) for value in column.to_pylist()]
        return np.array(values).reshape(count)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _as_float(value: Any) -> float:
    """A number, or NaN."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _number_of(text: str) -> int:
    """A number for a text, the same throughout a process."""
    return hash(text)


def _note_missing(rewards: np.ndarray, places: Sequence[int], where: str, trouble: Trouble) -> None:
    """Count rewards that are not there; ``places`` are the numbers of the rows or lines."""
    missing = np.flatnonzero(~np.isfinite(rewards))
    if len(missing):
        rewards[missing] = math.nan
        trouble.note("responses without a reward", f"{where} {places[int(missing[0])]}", len(missing))


def _read_lines(file: Path, reward: str | None, trouble: Trouble) -> Iterator[Rows]:
    """Read JSON Lines in pieces."""
    columns: dict[str, str] | None = None
    held: list[tuple[float, int, float, float, int]] = []
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
                columns = _columns(list(entry), plain, reward, file)
            prompt = entry.get(columns["prompt"])
            text = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True)
            step = _as_float(entry.get(columns.get("step", ""), -1))
            length = _as_float(entry.get(columns.get("length", "")))
            held.append((step, _number_of(text), _as_float(entry.get(columns["reward"])), length, number))
            if len(held) == 100_000:
                yield _held(held, file, trouble)
                held = []
    if held:
        yield _held(held, file, trouble)


def _held(held: list[tuple[float, int, float, float, int]], file: Path, trouble: Trouble) -> Rows:
    """Lines as rows."""
    step, prompt, reward, length, lines = zip(*held, strict=True)
    rewards = np.array(reward, dtype=np.float64)
    _note_missing(rewards, lines, f"{file}, line", trouble)
    steps = np.nan_to_num(np.array(step), nan=-1).astype(np.int64)
    return Rows(steps, np.array(prompt), rewards, np.array(length, dtype=np.float64), f"{file}, line {lines[0]}")


def _by_step(rows: Rows) -> Iterator[Rows]:
    """Parts of rows with one step each."""
    cuts = np.flatnonzero(np.diff(rows.step)) + 1
    for a, b in zip([0, *cuts], [*cuts, len(rows.step)], strict=True):
        yield _part(rows, slice(int(a), int(b)))


def _part(rows: Rows, part: slice) -> Rows:
    """Some of the rows."""
    return Rows(rows.step[part], rows.prompt[part], rows.reward[part], rows.length[part], rows.place)


# --- from rows to a digest ---


class _Collector:
    """Digests steps one after the other."""

    def __init__(self, size: int | None, trouble: Trouble) -> None:
        self.size, self.trouble = size, trouble
        self.rows: list[dict[str, Any]] = []
        self.anchor = SoftAnchor()
        self.binary = self.unit = True

    def add_batches(self, parts: list[Rows], batch: int) -> list[Rows]:
        """Digest whole batches of a table without steps; gives back what is left."""
        joined = _joined(parts)
        starts = np.flatnonzero(np.diff(joined.prompt, prepend=joined.prompt[0] - 1))
        while len(starts) > batch:  # the last group may go on in the next piece
            end = int(starts[batch])
            head = _part(joined, slice(None, end))
            self._digest(head, np.repeat(np.arange(batch), np.diff([*starts[:batch], end])), len(self.rows))
            joined = _part(joined, slice(end, None))
            starts = starts[batch:] - end
        return [joined] if len(joined.prompt) else []

    def add(self, parts: list[Rows]) -> None:
        """Digest a step."""
        joined = _joined(parts)
        if joined.step[0] < 0:
            groups = np.cumsum(np.diff(joined.prompt, prepend=joined.prompt[0]) != 0)
            self._digest(joined, groups, len(self.rows))
        else:
            self._digest(joined, np.unique(joined.prompt, return_inverse=True)[1].reshape(-1), int(joined.step[0]))

    def _digest(self, rows: Rows, group: np.ndarray, step: int) -> None:
        """Digest rows whose groups are known."""
        counts = np.bincount(group)
        if self.size is None:
            sizes = counts[counts > 1]
            if not len(sizes):
                self.trouble.note("responses that are alone", rows.place, len(group))
                return
            self.size = int(np.bincount(sizes).argmax())
        # A prompt that was drawn twice in a step has a multiple of G responses: groups of neighbours.
        order = np.argsort(group, kind="stable")
        whole = (counts % self.size == 0) & (counts > 0)
        self.trouble.note(f"groups of another size than {self.size}", rows.place, int((~whole & (counts > 0)).sum()))
        kept = order[whole[group[order]]]
        rewards, lengths = (values[kept].reshape(-1, self.size) for values in (rows.reward, rows.length))
        scored = ~np.isnan(rewards).any(axis=1)
        self.trouble.note("groups with a response without a reward", rows.place, int((~scored).sum()))
        if scored.any():
            self._of_groups(rewards[scored], lengths[scored], step)

    def _of_groups(self, rewards: np.ndarray, lengths: np.ndarray, step: int) -> None:
        """What a step's complete groups say."""
        self.binary &= bool(np.isin(rewards, (0.0, 1.0)).all())
        self.unit &= bool(((rewards >= 0) & (rewards <= 1)).all())
        successes = (rewards > 0).sum(axis=1)
        mixed = np.ptp(rewards, axis=1) > 0
        silenced = []
        for k in KS:
            baseline = np.asarray(quantile_baseline(rewards, k))[:, None]
            silenced.append(float(((rewards == baseline) | ~mixed[:, None]).mean()))
        belief, lifted = math.nan, math.nan
        if self.unit:
            belief = self.anchor.belief
            below = rewards.mean(axis=1) < belief
            lifted = float((below & mixed).sum() / mixed.sum()) if mixed.any() else math.nan
            self.anchor = self.anchor.update(rewards)
        self.rows.append(
            {
                "steps": step,
                "responses": rewards.size,
                "reward": float(rewards.mean()),
                "length": float(lengths.mean()),
                "histogram": np.bincount(successes, minlength=rewards.shape[1] + 1),
                "degenerate": float((~mixed).mean()),
                "silenced": silenced,
                "anchor": belief,
                "lifted": lifted,
            }
        )

    def digest(self, source: str) -> Digest:
        """Put the steps together."""
        if not self.rows or self.size is None:
            seen = ", ".join(
                f"{count} {kind} (first: {self.trouble.first[kind]})" for kind, count in self.trouble.counts.items()
            )
            raise ValueError(f"{source} has no complete group of responses to one prompt; {seen or 'it is empty'}")
        arrays = {name: np.array([row[name] for row in self.rows]) for name in self.rows[0]}
        if not self.unit:
            arrays["anchor"][:] = arrays["lifted"][:] = math.nan
        return Digest(source=source, group_size=self.size, binary=self.binary, trouble=self.trouble, **arrays)


def _joined(parts: list[Rows]) -> Rows:
    """Parts as one."""
    step, prompt, reward, length = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("step", "prompt", "reward", "length")
    )
    return Rows(step, prompt, reward, length, parts[0].place)
