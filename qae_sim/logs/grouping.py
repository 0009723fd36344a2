"""From rows to steps, and from steps to groups of responses to one prompt: known from the log, or refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qae_sim.arrays import tally
from qae_sim.logs.formats import GROUP_NUMBERS
from qae_sim.logs.sources import NOTHING, Log, Trouble

#: The largest share of rows in groups of twice (three times, ...) G responses that is left out without being asked.
_UNCLEAR = 0.05
#: The share of groups that must agree with the logged advantages.
_AGREE = 0.99
#: By how much a logged advantage may differ, relative to the largest in its group.
_CLOSE = 2e-3


@dataclass(frozen=True)
class Groups:
    """Complete groups of a log; B groups of G responses.

    Attributes:
        size: G.
        rows: Places of their rows in the log, ``(B, G)``, in the order of the steps.
        step: The step of each group, ``(B,)``.
        by: How groups were found, in words.
        steps_by: How steps were found, in words.
        trainer: What the logged advantages say about the trainer, in words; empty if nothing was logged.
    """

    size: int
    rows: np.ndarray
    step: np.ndarray
    by: str
    steps_by: str
    trainer: str


@dataclass(frozen=True)
class _Way:
    """One way to divide rows into groups: a label for each row, -1 for those that belong to none."""

    name: str
    option: str
    label: np.ndarray
    counts: np.ndarray
    size: int
    declared: bool = False

    @property
    def whole(self) -> float:
        """Share of the rows that stand in groups of the usual size."""
        return float((self.counts == self.size).sum() * self.size / max(len(self.label), 1))

    @property
    def unclear(self) -> float:
        """Share of the rows that stand in groups of several times that size."""
        several = (self.counts > self.size) & (self.counts % self.size == 0)
        return float(self.counts[several].sum() / max(len(self.label), 1))

    @property
    def consistent(self) -> bool:
        """Whether nearly all groups have one size."""
        return self.whole >= 0.5 and self.unclear <= _UNCLEAR

    def words(self) -> str:
        """Say what it gives."""
        sizes, times = np.unique(self.counts, return_counts=True)
        most = np.argsort(-sizes * times, kind="stable")[:3]
        listed = ", ".join(f"{times[i]:,} of {sizes[i]}" for i in most)
        return f"by {self.name}: groups {listed}{', ...' if len(sizes) > 3 else ''}"


def groups_of(
    log: Log,
    trouble: Trouble,
    *,
    source: Path,
    group: str | None = None,
    group_size: int | None = None,
    batch: int = 64,
    force: bool = False,
) -> Groups:
    """Find the groups of a log.

    Sources are columns of groups, the prompt's text within a step, and the place of a row. The first that gives groups
    of one size is taken, if the others agree, or if the logged advantages are an affine function of the rewards
    within its groups.

    Args:
        log: The log.
        trouble: Counts what is left out.
        source: Where it was read.
        group: A column, ``"prompt"`` or ``"place"``: how to group; None: find out.
        group_size: G, if it cannot be told otherwise.
        batch: Number of groups in a step, for logs without steps.
        force: Whether to go on where more than half of the rows are left out, or sources disagree.

    Returns:
        The groups.

    Raises:
        ValueError: Nothing tells the groups, or sources give different ones, or less than half of the rows are used.
    """
    kept = _kept_rows(log, trouble, source)
    step, steps_by, kept = _steps(log, kept, trouble)
    if log.format.name == "trl" and len(step) and _evaluations(source)[1] < step.max():
        steps_by += (
            " (an evaluation takes the file of its step, and no trainer_state.json says whether there was one up to "
            f"step {int(step.max())})"
        )
    kept, step = _without_repeats(log, kept, step, trouble)
    kept, step = _last_of_each_response(log, kept, step, trouble)
    if not len(kept):
        raise ValueError(f"{source} has no complete group of responses to one prompt; {_seen(trouble)}")
    label, size, by, trainer = _decided(log, kept, step, trouble, source, group, group_size, force)
    rows, others = _whole_groups(label, size)
    if len(others):
        trouble.note(f"groups of another size than {size}", log.place(int(kept[others[0]])), len(others))
    alone = int((label < 0).sum())
    if alone:
        first = int(kept[int(np.flatnonzero(label < 0)[0])])
        trouble.note("responses without a prompt or group", log.place(first), alone)
    scored = ~np.isnan(log.reward[kept[rows]]).any(axis=1) if len(rows) else np.zeros(0, dtype=bool)
    if len(rows) and not scored.all():
        first = int(kept[rows[~scored][0, 0]])
        trouble.note("groups with a response without a reward", log.place(first), int((~scored).sum()))
    rows = rows[scored]
    if not len(rows):
        raise ValueError(f"{source} has no complete group of responses to one prompt; {_seen(trouble)}")
    of_group = step[rows[:, 0]]
    order = np.lexsort((rows[:, 0], of_group))
    rows, of_group = rows[order], of_group[order]
    if of_group[0] < 0:
        of_group = np.arange(len(rows)) // batch
        steps_by = f"none in the log; {batch} neighbouring groups are called a step (--batch)"
    read = len(log.reward)
    if rows.size * 2 < read and not force:
        raise ValueError(
            f"only {rows.size:,} of {read:,} rows of {source} can be used: {_seen(trouble)}. "
            f"Groups were found {by}. Check --group, --group-size and --reward, or go on with --force"
        )
    return Groups(size, kept[rows], of_group, by, steps_by, trainer)


def _seen(trouble: Trouble) -> str:
    """List the problems."""
    listed = ", ".join(f"{count:,} {kind} (first: {trouble.first[kind]})" for kind, count in trouble.counts.items())
    return listed or "it is empty"


# --- which rows count ---


def _kept_rows(log: Log, trouble: Trouble, source: Path) -> np.ndarray:
    """Leave out evaluations and padding."""
    kept = ~log.left_out
    if "prompt" in log.columns and "completion" in log.columns:
        padding = kept & (log.prompt == NOTHING) & (log.completion == NOTHING)
        if padding.any():
            trouble.note("padding rows", log.place(int(np.flatnonzero(padding)[0])), int(padding.sum()))
            kept &= ~padding
    if log.format.name == "trl":
        evaluated = kept & np.isin(log.step, _evaluations(source)[0])
        if evaluated.any():
            first = log.place(int(np.flatnonzero(evaluated)[0]))
            trouble.note("rows of steps whose file an evaluation has overwritten", first, int(evaluated.sum()))
            kept &= ~evaluated
    return np.flatnonzero(kept)


def _evaluations(source: Path) -> tuple[list[int], int]:
    """Find the steps at which TRL evaluated, and the last step it has recorded, from trainer_state.json."""
    run = source if source.is_dir() else source.parent
    run = run.parent if run.name == "completions" else run
    steps: set[int] = set()
    last = -1
    for state in (run / "trainer_state.json", *sorted(run.glob("checkpoint-*/trainer_state.json"))):
        try:
            history = json.loads(state.read_text(encoding="utf-8"))["log_history"]
            steps |= {int(row["step"]) for row in history if any(name.startswith("eval_") for name in row)}
            last = max([last, *(int(row["step"]) for row in history)])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return sorted(steps), last


def _steps(log: Log, kept: np.ndarray, trouble: Trouble) -> tuple[np.ndarray, str, np.ndarray]:
    """Find each row's step; of steps that were done again after a restart, keep the later rows."""
    step = log.step[kept]
    if not len(step) or (step < 0).all():
        return step, "none", kept
    if (step < 0).any():
        without = kept[step < 0]
        trouble.note("rows without a step", log.place(int(without[0])), len(without))
        kept, step = kept[step >= 0], step[step >= 0]
    words = f"column {log.columns['step']}" if "step" in log.columns else "names of files"
    together = log.format.layout == "files"
    of_file = ["" if together else _stream(file.name, file.rank) for file in log.files]
    names = list(dict.fromkeys(of_file))
    number_of = {name: number for number, name in enumerate(names)}
    streams = np.array([number_of[name] for name in of_file], dtype=np.int32)[log.file[kept]]
    _require_one_run(log, kept, step, streams, names)
    keep = np.ones(len(kept), dtype=bool)
    for number in range(len(names)):
        rows = np.flatnonzero(streams == number)
        keep[rows[_given_up(log, step[rows], kept[rows])]] = False
    if not keep.all():
        gone = kept[~keep]
        trouble.note("rows of steps that were done again after a restart", log.place(int(gone[0])), len(gone))
    return step[keep], words, kept[keep]


def _stream(name: str, rank: int) -> str:
    """Name the sequence of rows to which a file belongs: files that differ in step or part continue each other."""
    *folders, file = name.split("/")
    numbered = re.compile(r"(?:global_step|step|iteration|iter|epoch|part|rank|worker|version)?[-_=.]?\d+$", re.I)
    place = "/".join("#" if numbered.fullmatch(folder) else folder for folder in folders)
    stem = re.sub(r"^run\d+|\d+", lambda found: found[0] if found[0].startswith("run") else "#", file)
    return f"{place}/{stem}" if rank < 0 else f"{place}/{stem} rank {rank}"


def _require_one_run(log: Log, kept: np.ndarray, step: np.ndarray, streams: np.ndarray, names: list[str]) -> None:
    """Refuse a folder in which the same steps stand in files that are not ranks of one run."""
    ranked = {_stream(file.name, file.rank) for file in log.files if file.rank >= 0}
    seen: dict[int, int] = {}
    for stream, name in enumerate(names):
        if name in ranked:
            continue
        for number in np.unique(step[streams == stream]).tolist():
            if number in seen:
                files = [
                    log.files[int(log.file[kept[np.flatnonzero((streams == one) & (step == number))[0]]])].name
                    for one in (seen[number], stream)
                ]
                raise ValueError(
                    f"step {number} stands in {files[0]} and in {files[1]}: two runs in one folder? Inspect one of "
                    "them alone; if they are parts of one run, name them rank_0, rank_1 and so on"
                )
            seen[number] = stream


def _given_up(log: Log, step: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Find the rows of one sequence that a restart has replaced; steps that merely alternate are kept."""
    nothing = np.zeros(len(step), dtype=bool)
    again = np.diff(step, prepend=step[0]) < 0
    if not again.any():
        return nothing
    run = np.cumsum(again)
    pairs, inverse, counts = np.unique(np.stack([step, run]), axis=1, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    steps, places = np.unique(pairs[0], return_inverse=True)
    passes = tally(places)
    totals = tally(places, counts)
    several = passes > 1
    if not several.any():
        return nothing
    if (~several).any():
        usual = float(np.median(totals[~several]))
        replaced = float(np.median(totals[several])) >= 1.5 * usual
    elif run[-1] >= len(steps):  # steps alternate all the time
        replaced = False
    else:
        begin = log.place(int(rows[np.flatnonzero(again)[0]]))
        raise ValueError(
            f"every step comes several times, and begins anew at {begin}: are these two runs, a run that was started "
            "again, or parts of one? Inspect one of them alone; parts of one run belong into files rank_0, rank_1, ..."
        )
    if not replaced:
        return nothing
    starts = np.flatnonzero(again)
    for start in starts.tolist():
        across = int(log.file[rows[start]]) != int(log.file[rows[start - 1]])
        if across and step[start] <= steps[0]:
            first, second = (log.files[int(log.file[rows[i]])].name for i in (start - 1, start))
            raise ValueError(
                f"the steps begin anew between {first} and {second}: two runs in one folder? Inspect one of them alone"
            )
    last = np.full(len(steps), -1)
    np.maximum.at(last, places, pairs[1])
    return np.asarray(pairs[1][inverse] < last[places][inverse])


def _without_repeats(log: Log, kept: np.ndarray, step: np.ndarray, trouble: Trouble) -> tuple[np.ndarray, np.ndarray]:
    """Leave out a batch that TRL logs again at every logging step until the next generation."""
    if log.format.name not in ("trl", "wandb") or not len(step) or (step < 0).any():
        return kept, step
    order = np.argsort(step, kind="stable")
    kept, step = kept[order], step[order]
    keep = np.ones(len(kept), dtype=bool)
    before: bytes | None = None
    for part in np.split(np.arange(len(kept)), np.flatnonzero(np.diff(step)) + 1):
        rows = kept[part]
        key = b"".join(np.ascontiguousarray(a[rows]).tobytes() for a in (log.prompt, log.completion, log.reward))
        if key == before:
            trouble.note("batches that repeat the one before", log.place(int(rows[0])))
            keep[part] = False
        before = key
    return kept[keep], step[keep]


def _last_of_each_response(
    log: Log, kept: np.ndarray, step: np.ndarray, trouble: Trouble
) -> tuple[np.ndarray, np.ndarray]:
    """Of several rows of one response (turns of a session) keep the last."""
    if not (log.response[kept] != NOTHING).any():
        return kept, step
    group = next(iter(log.groups.values()))[kept]
    key = _mixed(_mixed(step, group), log.response[kept])
    _, last = np.unique(key[::-1], return_index=True)
    chosen = np.sort(len(key) - 1 - last)
    if len(chosen) < len(kept):
        extra = np.setdiff1d(np.arange(len(kept)), chosen)
        trouble.note("earlier outputs of a session, whose last one counts", log.place(int(kept[extra[0]])), len(extra))
    return kept[chosen], step[chosen]


# --- which rows are a group ---


def _mixed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mix two numbers into one, so that different pairs stay different (but for a chance of 2⁻⁶⁴)."""
    with np.errstate(over="ignore"):
        mixed = a.astype(np.uint64)  # a copy, on which all goes on in place: logs have a million rows
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(0x7F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed += b.astype(np.int64, copy=False).view(np.uint64)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
        return mixed


def _labels(key: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Label rows: the same key in a step; without steps, neighbours with the same key."""
    known = key != NOTHING
    if step[0] >= 0:
        label = np.unique(_mixed(step, key), return_inverse=True)[1].reshape(-1).astype(np.int64, copy=False)
    else:
        changes = np.cumsum(np.diff(key, prepend=key[0]) != 0)
        if changes[-1] > 0.7 * (len(key) - 1):  # hardly any neighbours: rows are mixed
            changes = np.unique(key, return_inverse=True)[1].reshape(-1)
        label = changes.astype(np.int64)
    label[~known] = -1
    return label


def _way(name: str, option: str, label: np.ndarray, declared: bool = False) -> _Way | None:
    """Describe a way to group; None if it gives no groups."""
    counts = tally(label[label >= 0]) if (label >= 0).any() else np.zeros(0, dtype=int)
    counts = counts[counts > 0]
    sizes, times = np.unique(counts[counts > 1], return_counts=True)
    if not len(sizes):
        return None
    return _Way(name, option, label, counts, int(sizes[np.argmax(sizes * times)]), declared)


def _decided(
    log: Log,
    kept: np.ndarray,
    step: np.ndarray,
    trouble: Trouble,
    source: Path,
    group: str | None,
    group_size: int | None,
    force: bool,
) -> tuple[np.ndarray, int, str, str]:
    """Decide how rows are grouped: labels, G, and how in words; what the trainer did, in words."""
    reward, advantage = log.reward[kept], log.advantage[kept]
    ways = _ways(log, kept, step, group)
    known = advantage[np.isfinite(advantage)]
    logged = len(known) > 0.9 * len(advantage) and bool(np.ptp(known) > 0)
    if logged and (chosen := _by_advantages(ways, step, reward, advantage, group)) is not None:
        label, size, name = chosen
        if group_size is not None and size != group_size:
            raise ValueError(
                f"group_size is {group_size}, but the logged advantages fit groups of {size} (by {name}); leave it out"
            )
        return label, size, f"by {name}; the logged advantages agree", _trainer(label, size, reward, advantage)
    unlike = "; the logged advantages are no affine function of this reward in them" if logged else ""
    if logged and ways and group is None and not force and np.isin(reward, (0.0, 1.0)).all():
        # Whatever the estimator, equal rewards of a group get equal advantages.
        raise ValueError(
            f"the logged advantages fit none of the ways to group {source}: {'; '.join(way.words() for way in ways)}. "
            "Either this reward is not the one that was trained on (--reward), or groups are others (--group prompt, "
            "--group COLUMN), or the trainer itself took the mean over rows of several prompts, as after a shuffle "
            "between rewards and advantages. --force goes on"
        )
    if not ways:
        return _by_place(log, step, source, group_size, unlike)
    if group_size is not None:
        return *_of_size(ways, step, source, group_size, unlike), ""
    good = [way for way in ways if way.consistent]
    if not good and not force and not (group is not None and group not in ("prompt", "place")):
        way = ways[0]
        if way.unclear > _UNCLEAR:
            raise ValueError(
                f"{source}, {way.words()}: some prompts were drawn several times in a step, or different problems "
                f"share their text, and nothing in the log tells them apart. Name a column of groups (--group COLUMN); "
                f"if groups stand in order, give --group-size {way.size}; or leave the larger groups out (--force)"
            )
    first = good[0] if good else ways[0]
    for other in good[1:]:
        if not force and not _same(first, other) and not (first.declared and _finer(first.label, other.label)):
            raise ValueError(
                f"{source} can be grouped in two ways: {first.words()}; {other.words()}. Nothing that was logged "
                f"decides. Choose: --group {first.option}, or --group {other.option}"
            )
    agree = [other.name for other in good[1:] if _same(first, other)]
    by = f"by {first.name}" + (f", and {' and '.join(agree)} agree{'s' if len(agree) == 1 else ''}" if agree else "")
    return first.label, first.size, by + unlike, ""


def _of_size(ways: list[_Way], step: np.ndarray, source: Path, size: int, unlike: str) -> tuple[np.ndarray, int, str]:
    """Group by the first way that can give groups of a size."""
    for way in ways:
        if (way.counts == size).all():
            return way.label, size, f"by {way.name}{unlike}"
        cut = _cut(way.label, step, size)
        if cut is not None:
            return cut, size, f"by {way.name} and place, as --group-size {size} says{unlike}"
    for way in ways:
        if (way.counts == size).any():
            return way.label, size, f"by {way.name}, as --group-size {size} says{unlike}"
    raise ValueError(f"group_size is {size}, but {source} gives {'; '.join(way.words() for way in ways)}")


def _ways(log: Log, kept: np.ndarray, step: np.ndarray, group: str | None) -> list[_Way]:
    """List the ways to group: by columns of groups, then by prompts."""
    found = []
    if group not in ("prompt", "place"):
        declared = bool(log.format.columns.get("group") or log.format.group_of)
        for name, values in log.groups.items():
            way = _way(f"column {name}", name, _labels(values[kept], step), declared or name in GROUP_NUMBERS)
            if way is not None and way.whole > 0.05:
                found.append(way)
    if group in (None, "prompt") and "prompt" in log.columns:
        prompt = log.prompt[kept]
        way = _way("prompt", "prompt", _labels(prompt, step))
        if way is not None and (log.apart[kept] != NOTHING).any():
            key = np.where(prompt == NOTHING, NOTHING, _mixed(prompt, log.apart[kept]).view(np.int64))
            finer = _way("prompt and answer", "prompt", _labels(key, step))
            if finer is not None and finer.consistent and not _same(way, finer):
                way = finer
        if way is not None:
            found.append(way)
    return found


def _same(a: _Way, b: _Way) -> bool:
    """Tell whether two ways give the same groups."""
    return _finer(a.label, b.label) and _finer(b.label, a.label)


def _finer(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether each group of the first lies in one group of the second."""
    both = (a >= 0) & (b >= 0)
    if not both.any():
        return False
    order = np.argsort(a[both], kind="stable")
    x, y = a[both][order], b[both][order]
    return not bool(((np.diff(x) == 0) & (np.diff(y) != 0)).any())


def _cut(label: np.ndarray, step: np.ndarray, size: int) -> np.ndarray | None:
    """Cut groups of several times a size by place; None unless every step stands in blocks of that size."""
    order = np.argsort(step, kind="stable")
    blocks = np.zeros(len(label), dtype=np.int64)
    start = 0
    for part in np.split(order, np.flatnonzero(np.diff(step[order])) + 1):
        if len(part) % size:
            return None
        of_block = label[part].reshape(-1, size)
        if (of_block != of_block[:, :1]).any() or (of_block < 0).any():
            return None
        blocks[part] = start + np.arange(len(part)) // size
        start += len(part) // size
    return blocks


def _by_place(
    log: Log, step: np.ndarray, source: Path, size: int | None, unlike: str
) -> tuple[np.ndarray, int, str, str]:
    """Cut steps into groups of G neighbours, where nothing but G is known."""
    if size is None:
        raise ValueError(
            f"{source} ({log.format.title}) does not say which responses belong to one prompt: name a column of groups "
            "(--group COLUMN), or, if groups stand in order, their size (--group-size G)"
        )
    label = _cut(np.zeros(len(step), dtype=np.int64), step, size)
    if label is None:
        raise ValueError(
            f"{source} has steps whose rows are no multiple of group_size {size}, so places tell no groups"
        )
    return label, size, f"by place, as --group-size {size} says{unlike}", ""


def _whole_groups(label: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows of groups of a given size, ``(B, G)``, and the first row of each other group.

    Example:
        >>> _whole_groups(np.array([0, 1, 0, 2, 1, -1]), 2)
        (array([[0, 2],
               [1, 4]]), array([3]))
    """
    rows = np.flatnonzero(label >= 0)
    order = rows[np.argsort(label[rows], kind="stable")]
    if not len(order):
        return np.zeros((0, size), dtype=np.int64), np.zeros(0, dtype=np.int64)
    counts = tally(label[rows])
    whole = counts == size
    other = order[~whole[label[order]]]
    firsts = other[np.flatnonzero(np.diff(label[other], prepend=-1))] if len(other) else other
    return order[whole[label[order]]].reshape(-1, size), np.sort(firsts)


# --- what the logged advantages say ---


def _by_advantages(
    ways: list[_Way], step: np.ndarray, reward: np.ndarray, advantage: np.ndarray, group: str | None
) -> tuple[np.ndarray, int, str] | None:
    """Find the coarsest groups in which the logged advantages are an affine function of the rewards."""
    fitting = [
        (_centred(way.label, way.size, reward, advantage), way.size, way.label, way.name)
        for way in ways
        if way.whole >= 0.5 and way.unclear <= _UNCLEAR and _fits(way.label, way.size, reward, advantage)
    ]
    if fitting:
        _, size, label, name = max(fitting, key=lambda found: found[:2])
        return label, size, name
    if group not in (None, "prompt", "place"):
        return None
    # Parts of a group fit, too; but only in whole groups do advantages add up to 0.
    everything = _Way("place", "place", np.zeros(len(step), dtype=np.int64), np.zeros(0, dtype=int), 0)
    for way in ways or [everything]:
        for size in range(int(tally(_labels_of(way.label, step)).max()), 1, -1):
            cut = _in_order(way.label, step, size)
            if cut is not None and _fits(cut, size, reward, advantage) and _centred(cut, size, reward, advantage):
                return cut, size, f"{way.name} and place" if way is not everything else "place"
    return None


def _centred(label: np.ndarray, size: int, reward: np.ndarray, advantage: np.ndarray) -> bool:
    """Tell whether the advantages of nearly all groups add up to 0."""
    _, a, _, _ = _lines(label, size, reward, advantage)
    return bool((np.abs(a.mean(axis=1)) <= _CLOSE * np.abs(a).max(axis=1) + 1e-5).mean() >= _AGREE)


def _labels_of(label: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Number the pairs of step and label."""
    return np.unique(_mixed(step, label), return_inverse=True)[1].reshape(-1)


def _in_order(label: np.ndarray, step: np.ndarray, size: int) -> np.ndarray | None:
    """Cut every group into groups of a size, in the order of its rows; None if that does not come out even."""
    if (label < 0).any():
        return None
    pairs = _labels_of(label, step)
    counts = tally(pairs)
    if (counts % size).any():
        return None
    order = np.argsort(pairs, kind="stable")
    cut = np.empty(len(label), dtype=np.int64)
    cut[order] = np.arange(len(label)) // size
    return cut


def _lines(label: np.ndarray, size: int, reward: np.ndarray, advantage: np.ndarray) -> tuple[np.ndarray, ...]:
    """Fit a line to each group's advantages: rewards, advantages, slope (NaN for equal rewards), largest residual."""
    rows, _ = _whole_groups(label, size)
    r, a = reward[rows], advantage[rows]
    keep = np.isfinite(r).all(axis=1) & np.isfinite(a).all(axis=1)
    r, a = r[keep], a[keep]
    away, lift = r - r.mean(axis=1, keepdims=True), a - a.mean(axis=1, keepdims=True)
    spread = (away**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(np.ptp(r, axis=1) > 0, (away * lift).sum(axis=1) / spread, np.nan)
    residual = np.abs(lift - np.nan_to_num(slope)[:, None] * away).max(axis=1, initial=0.0)
    return r, a, slope, residual


def _fits(label: np.ndarray, size: int, reward: np.ndarray, advantage: np.ndarray) -> bool:
    """Tell whether advantages are an affine, growing function of the rewards in nearly all groups."""
    _, a, slope, residual = _lines(label, size, reward, advantage)
    if not len(a) or not (np.nan_to_num(slope) > 0).any():
        return False
    scale = np.abs(a).max(axis=1)
    fine = (residual <= _CLOSE * scale + 1e-5) & ~(slope < 0)
    return bool(fine.mean() >= _AGREE)


def _trainer(label: np.ndarray, size: int, reward: np.ndarray, advantage: np.ndarray) -> str:
    """Say what the trainer subtracted from the rewards and by what it divided."""
    r, a, slope, _ = _lines(label, size, reward, advantage)
    mixed = np.nan_to_num(slope) > 0
    r, a, slope = r[mixed], a[mixed], slope[mixed]
    baseline = r.mean(axis=1) - a.mean(axis=1) / slope

    def mostly(close: np.ndarray) -> bool:
        return bool(close.mean() >= 0.95)

    if mostly(np.abs(baseline - r.mean(axis=1)) <= 0.01 * np.ptp(r, axis=1)):
        subtracted = "the mean of its group"
    elif mostly(np.abs(baseline) <= 0.01 * np.ptp(r, axis=1)):
        subtracted = "nothing"
    else:
        subtracted = "something else than the mean of its group"
    units = {
        "the standard deviation of its group (over G - 1)": r.std(axis=1, ddof=1),
        "the standard deviation of its group (over G)": r.std(axis=1),
        "nothing": np.ones(len(r)),
        "one number": 1 / np.median(slope),
    }
    scales = (name for name, unit in units.items() if mostly(np.abs(slope * unit - 1) <= 0.01))
    divided = next(scales, "something else")
    return f"from each reward, the trainer subtracted {subtracted} and divided by {divided}"
