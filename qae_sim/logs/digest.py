"""Summaries of training logs, with what QAE and HA-DW would have done in each step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, SoftAnchor
from qae_sim.arrays import require_integer, require_number, tally
from qae_sim.logs.formats import VERDICTS
from qae_sim.logs.grouping import Groups, groups_of
from qae_sim.logs.key_words import KeyWord, key_words_of
from qae_sim.logs.metrics import Metric, metrics_of
from qae_sim.logs.sources import NOTHING, Log, Trouble, read

#: The values of K for which the share of responses without advantage under QAE is computed.
KS = tuple(round(0.05 * i, 2) for i in range(1, 20))

#: The largest reward is a success if at least this share of the responses has it.
_OFTEN = 0.05

#: Groups whose advantages are computed at once.
_AT_ONCE = 10_000

#: Number of prompts that a digest lists.
_LISTED = 20

#: The share of responses without advantage that the QAE paper reports.
PAPER_SHARE = 0.8


@dataclass(frozen=True)
class LiftedPrompt:
    """A prompt whose rare correct responses HA-DW would have given more weight.

    Attributes:
        text: The beginning of the prompt.
        times: Number of its mixed groups below the anchor.
        success: Their mean reward.
    """

    text: str
    times: int
    success: float


@dataclass(frozen=True)
class Reading:
    """How a log was read.

    Attributes:
        format: The format, in words.
        rows: Number of rows read.
        used: Number of rows in the groups of the digest.
        reward: Columns of the reward, and their weights.
        success: What a success is, in words.
        steps: How steps were found, in words.
        groups: How groups were found, in words.
        trainer: What the logged advantages say about the trainer; empty if nothing was logged.
    """

    format: str
    rows: int
    used: int
    reward: str
    success: str
    steps: str
    groups: str
    trainer: str = ""

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The same for a reader: pairs of a title and a text, without what is not known."""
        share = "" if self.rows == self.used else f" ({self.used / self.rows:.1%})"
        said = (
            ("Format", self.format),
            ("Rows used", f"{self.used:,} of {self.rows:,}{share}"),
            ("Reward", self.reward),
            ("Success", self.success),
            ("Steps", self.steps),
            ("Groups", self.groups),
            ("Logged advantages", self.trainer),
        )
        return tuple((title, text) for title, text in said if text)


@dataclass(frozen=True)
class Digest:
    """The summary of a log, step by step; S steps, groups of G responses.

    Attributes:
        source: The file or folder.
        group_size: G.
        steps: Numbers of the steps, ``(S,)``.
        responses: Responses in complete groups, ``(S,)``.
        reward: Mean reward, ``(S,)``.
        length: Mean length of responses, ``(S,)``; NaN if unknown.
        histogram: Groups by their number of successful responses, ``(S, G + 1)``.
        degenerate: Share of groups whose rewards are all equal, ``(S,)``.
        silenced: Share of responses without advantage under QAE, for each K of :data:`KS`, ``(S, len(KS))``.
        anchor: HA-DW's anchor before each step, ``(S,)``; NaN if a reward lies outside [0, 1].
        lifted: Share of mixed groups below the anchor, whose correct responses HA-DW would have given more weight,
            ``(S,)``; NaN in steps without mixed groups, and wherever the anchor is NaN.
        binary: Whether all rewards are 0 or 1.
        trouble: Problems of the log.
        prompts: The twenty prompts that HA-DW would have lifted most often; of equally frequent ones the hardest.
        words: Key words in falling order of z; none if the log has no texts or tokens of responses.
        words_from: Number of responses from which they were found.
        reading: How the log was read; None for a digest that was made otherwise.
        rewards: The rewards of all B groups, in the order of the steps, ``(B, G)``; None if they are not known.
        success: A response succeeds if its reward is at least this.
        group_steps: The step of each group, ``(B,)``.
        group_prompts: The prompt of each group, numbered from 0 as they first occur, ``(B,)``; where the log has no
            prompts, every group has a number of its own.
        prompts_known: Whether the log has prompts, so that groups of one prompt at several steps are known.
        prompt_texts: The beginning of each prompt, by its number; empty where it was not kept.
        lengths: Lengths of responses, ``(B, G)``; NaN if unknown.
        advantages: Advantages that the trainer logged, ``(B, G)``; NaN if unknown.
        answers: A number for the text of each response, ``(B, G)``: two are equal if their texts are; None if
            the log has no texts.
        checks: Other columns that say whether a response is right, or how good it is, ``(B, G)`` each.
        metrics: What stands beside the log: entropy, KL, the share of clipped tokens.
        data_source: Where the prompt of each group comes from, a place in ``data_source_names``, ``(B,)``.
        data_source_names: Names of data sources; empty if the log does not tell them.
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
    prompts: tuple[LiftedPrompt, ...] = ()
    words: tuple[KeyWord, ...] = ()
    words_from: int = 0
    reading: Reading | None = None
    rewards: np.ndarray | None = None
    success: float = 1.0
    group_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    group_prompts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    prompts_known: bool = False
    prompt_texts: tuple[str, ...] = ()
    lengths: np.ndarray | None = None
    advantages: np.ndarray | None = None
    answers: np.ndarray | None = None
    checks: Mapping[str, np.ndarray] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    data_source: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    data_source_names: tuple[str, ...] = ()

    @property
    def silenced_by_k(self) -> np.ndarray:
        """Share of all responses without advantage, for each K of :data:`KS`, ``(len(KS),)``."""
        return np.asarray((self.silenced * self.responses[:, None]).sum(axis=0) / self.responses.sum())

    @property
    def k_of_the_paper(self) -> float:
        """The K whose share is nearest to the paper's 80 %; among ties the one nearest to .4."""
        distance = np.abs(self.silenced_by_k - PAPER_SHARE)
        nearest = np.flatnonzero(distance <= distance.min() + 1e-12)
        return KS[int(min(nearest, key=lambda i: abs(KS[i] - 0.4)))]


def digest(
    source: str | Path,
    *,
    reward: str | None = None,
    success: float | None = None,
    group: str | None = None,
    group_size: int | None = None,
    batch: int = 64,
    force: bool = False,
    split: str | None = None,
) -> Digest:
    """Read a log and summarise it step by step; of each response only numbers are kept in memory.

    It reads what :data:`~qae_sim.logs.formats.FORMATS` lists: the logs of many trainers, and plain tables (CSV, TSV,
    Parquet, JSON Lines or JSON) with columns prompt and reward.

    Groups are known, not guessed: from a column of groups, the prompt within a step, or the place of a row, checked
    against the logged advantages. Whatever is left out (broken lines, missing rewards, groups of another size) is
    counted, with the first place of each.

    Args:
        source: File or folder.
        reward: Column of the reward, or a sum such as ``"accuracy + 0.5*format"``; None: the usual names.
        success: A response succeeds if its reward is at least this; None: 1 for rewards of 0 and 1, else as
            :attr:`Digest.success` says.
        group: Column of groups, ``"prompt"`` or ``"place"``; None: find out.
        group_size: G, >= 2, where the log does not tell it; it may not contradict the log.
        batch: Number of groups in a step, for tables without steps, >= 1.
        force: Whether to go on where less than half of the rows can be used, or groups are not certain.
        split: Column of data sources; None: ``data_source`` and the like, if it has at most 50 values.

    Returns:
        The digest.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, groups cannot be told, or no group is complete.
        ModuleNotFoundError: PyArrow is not installed, and the log needs it.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> found = digest(recorded_log())
        >>> found.group_size, len(found.steps), found.k_of_the_paper
        (8, 30, 0.4)
    """
    require_integer("batch", batch, low=1)
    if group_size is not None:
        require_integer("group_size", group_size, low=2)
    if success is not None:
        success = require_number("success", success)
    trouble = Trouble()
    log = read(Path(source), reward, group, trouble, split)
    _require_one_verdict(log, trouble)
    groups = groups_of(log, trouble, source=Path(source), group=group, group_size=group_size, batch=batch, force=force)
    rewards = log.reward[groups.rows]
    threshold, said = _success(rewards, success)
    reading = Reading(
        format=log.format.title,
        rows=len(log.reward),
        used=int(rewards.size),
        reward=str(log.reward_is),
        success=said,
        steps=groups.steps_by,
        groups=groups.by,
        trainer=groups.trainer,
    )
    words, words_from = key_words_of(log, groups.rows, rewards >= threshold)
    arrays = _step_by_step(log, groups, rewards, rewards >= threshold)
    prompts, texts = _numbered_prompts(log, groups.rows)
    data_source, names = _data_sources(log, groups.rows, trouble)
    return Digest(
        source=str(source),
        group_size=groups.size,
        trouble=trouble,
        words=words,
        words_from=words_from,
        reading=reading,
        rewards=rewards,
        success=threshold,
        group_steps=groups.step,
        group_prompts=prompts,
        prompts_known=bool((log.prompt[groups.rows[:, 0]] != NOTHING).all()),
        prompt_texts=texts,
        lengths=log.length[groups.rows],
        advantages=log.advantage[groups.rows],
        answers=log.completion[groups.rows] if "completion" in log.columns else None,
        checks={name: values[groups.rows] for name, values in (log.verdict | log.scores).items()},
        metrics=metrics_of(Path(source), trouble),
        data_source=data_source,
        data_source_names=names,
        **arrays,
    )


def _data_sources(log: Log, rows: np.ndarray, trouble: Trouble) -> tuple[np.ndarray, tuple[str, ...]]:
    """Find the data source of each group, and their names as they first occur."""
    if not log.data_sources:
        return np.zeros(len(rows), dtype=np.int64), ()
    of_rows = log.data_source[rows]
    differ = (of_rows != of_rows[:, :1]).any(axis=1)
    if differ.any():
        place = log.place(int(rows[np.flatnonzero(differ)[0], 0]))
        trouble.note("groups of several data sources, counted as the first response's", place, int(differ.sum()))
    found, first, places = np.unique(of_rows[:, 0], return_index=True, return_inverse=True)
    order = np.argsort(first)
    names = tuple(log.data_sources.get(int(found[i]), "(not said)") for i in order)
    return np.argsort(order)[places.reshape(-1)], names


# --- summaries of a digest ---


@dataclass(frozen=True)
class TrainingPart:
    """A summary of neighbouring steps of a run.

    Attributes:
        first: Number of the first step.
        last: Number of the last one.
        reward: Mean over the steps of their mean rewards.
        histogram: Groups by their number of correct responses, ``(G + 1,)``.
        degenerate: Mean share of groups whose rewards are all equal.
        anchor: HA-DW's anchor before the last step; NaN if unknown.
        lifted: Mean share of mixed groups below the anchor, over the steps where it is known; NaN if in none.
        length: Mean length of responses, over the steps where it is known; NaN if in none.
    """

    first: int
    last: int
    reward: float
    histogram: np.ndarray
    degenerate: float
    anchor: float
    lifted: float
    length: float

    @property
    def success_shares(self) -> np.ndarray:
        """Share of the groups with 0, 1, ..., G correct responses, ``(G + 1,)``."""
        return np.asarray(self.histogram / self.histogram.sum())


def training_parts(found: Digest, count: int) -> list[TrainingPart]:
    """Cut a run into parts of about equal length.

    Args:
        found: The digest of a log.
        count: Number of parts, >= 1; a run of fewer steps has one part for each step.

    Returns:
        The parts, in order; earlier ones may have one step more than later ones.
    """
    require_integer("count", count, low=1)
    steps = np.arange(len(found.steps))
    return [_summed_up(found, part) for part in np.array_split(steps, min(count, len(steps)))]


def first_and_last_part(found: Digest, count: int) -> tuple[TrainingPart, TrainingPart]:
    """Summarise the beginning and the end of a run.

    Args:
        found: The digest of a log.
        count: Each has the run's number of steps divided by this, >= 1, rounded down, but at least one.

    Returns:
        Both parts.
    """
    steps = np.arange(len(found.steps))
    size = max(1, len(steps) // require_integer("count", count, low=1))
    return _summed_up(found, steps[:size]), _summed_up(found, steps[-size:])


def _summed_up(found: Digest, rows: np.ndarray) -> TrainingPart:
    """Summarise the steps in these rows of a digest."""
    return TrainingPart(
        first=int(found.steps[rows[0]]),
        last=int(found.steps[rows[-1]]),
        reward=float(found.reward[rows].mean()),
        histogram=found.histogram[rows].sum(axis=0),
        degenerate=float(found.degenerate[rows].mean()),
        anchor=float(found.anchor[rows[-1]]),
        lifted=_mean_of_known(found.lifted[rows]),
        length=_mean_of_known(found.length[rows]),
    )


def _mean_of_known(values: np.ndarray) -> float:
    """Average without NaN; NaN if there is nothing else."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


# --- from groups to a digest ---


def _success(rewards: np.ndarray, asked: float | None) -> tuple[float, str]:
    """Decide which rewards are a success: the least of them, and the rule in words."""
    if asked is not None:
        return asked, f"reward >= {asked:g}"
    values = np.unique(rewards)
    if set(values.tolist()) <= {0.0, 1.0}:
        return 1.0, "reward = 1"
    if len(values) == 1:
        return math.inf, f"none, because every reward is {values[0]:g} (--success THRESHOLD)"
    high = float(values[-1])
    if (rewards == high).mean() >= _OFTEN:
        return high, f"reward = {high:g}, the largest (--success THRESHOLD)"
    middle = (float(values[0]) + high) / 2
    return middle, f"reward >= {middle:.3g}, the middle of their range, for want of better (--success THRESHOLD)"


def _require_one_verdict(log: Log, trouble: Trouble) -> None:
    """Compare columns that say whether answers are right, step by step: they may stand beside the wrong rows."""
    if not _zero_or_one(log.reward):
        return
    steps = np.unique(log.step, return_inverse=True)[1].reshape(-1)
    chosen = str(log.reward_is)
    for name, values in (log.verdict | log.scores).items():
        differ = np.flatnonzero(log.reward != values)
        if not len(differ) or not _zero_or_one(values):
            continue
        moved = np.array_equal(tally(steps, log.reward), tally(steps, values))
        first = log.place(int(differ[0]))
        if moved and name in log.scores and chosen in VERDICTS:
            raise ValueError(
                f"{chosen} and {name} have the same sums in each step, but differ in {len(differ):,} rows (first: "
                f"{first}): {chosen} stands beside the wrong rows, as some versions of verl write it. "
                f"Use --reward {name}"
            )
        more = ", though their sums in each step are the same" if moved else ""
        trouble.note(f"rows in which {name} and {chosen} differ{more}", first, len(differ))


def _zero_or_one(values: np.ndarray) -> bool:
    """Tell whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _silenced(rewards: np.ndarray) -> np.ndarray:
    """Compute the share of responses without advantage in each group and for each K, ``(B, len(KS))``."""
    # Groups with the same rewards in any order are the same to QAE.
    kinds, which = np.unique(np.sort(rewards, axis=1), axis=0, return_inverse=True)
    shares = [
        np.concatenate(
            [
                (np.asarray(AdvantageRule("qae", {"k": k}).advantages(kinds[i : i + _AT_ONCE])) == 0).mean(axis=1)
                for i in range(0, len(kinds), _AT_ONCE)
            ]
        )
        for k in KS
    ]
    return np.asarray(np.stack(shares, axis=1)[which.reshape(-1)])


def _numbered_prompts(log: Log, rows: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number the prompts of groups as they first occur: their numbers, and the beginnings of their texts.

    Problems of the same text are told apart by what the log has beside it (answers, images), if all responses of
    every group share that.
    """
    text, apart = log.prompt[rows[:, 0]], log.apart[rows]
    if (text == NOTHING).any():
        return np.arange(len(rows)), ()
    key = np.stack([text, apart[:, 0] if (apart == apart[:, :1]).all() else np.zeros_like(text)])
    _, first, inverse = np.unique(key, axis=1, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    texts = tuple(log.beginnings.get(int(text[place]), "") for place in np.sort(first))
    return number[inverse.reshape(-1)], texts


def _step_by_step(log: Log, groups: Groups, rewards: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Summarise the groups of each step."""
    unit = bool(((rewards >= 0) & (rewards <= 1)).all())
    ha_dw = AdvantageRule("ha_dw", anchor=SoftAnchor())
    silenced = _silenced(rewards)
    state = ha_dw.start()
    lifted: dict[int, tuple[int, float]] = {}
    rows: list[dict[str, Any]] = []
    for part in np.split(np.arange(len(groups.step)), np.flatnonzero(np.diff(groups.step)) + 1):
        of_step = rewards[part]
        mixed = np.ptp(of_step, axis=1) > 0
        belief, share = math.nan, math.nan
        if unit:
            belief = state.anchor.belief
            lifts = (of_step.mean(axis=1) < belief) & mixed
            share = float(lifts.sum() / mixed.sum()) if mixed.any() else math.nan
            prompts = log.prompt[groups.rows[part][lifts, 0]].tolist()
            for prompt, mean in zip(prompts, of_step[lifts].mean(axis=1).tolist(), strict=True):
                if prompt in log.beginnings:
                    times, total = lifted.get(prompt, (0, 0.0))
                    lifted[prompt] = (times + 1, total + mean)
            state = ha_dw.after(state, {"correct": of_step})
        rows.append(
            {
                "steps": int(groups.step[part[0]]),
                "responses": of_step.size,
                "reward": float(of_step.mean()),
                "length": float(log.length[groups.rows[part]].mean()),
                "histogram": tally(right[part].sum(axis=1), minlength=groups.size + 1),
                "degenerate": float((~mixed).mean()),
                "silenced": silenced[part].mean(axis=0),
                "anchor": belief,
                "lifted": share,
            }
        )
    arrays: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    prompts = [LiftedPrompt(log.beginnings[p], times, total / times) for p, (times, total) in lifted.items()]
    prompts.sort(key=lambda prompt: (-prompt.times, prompt.success, prompt.text))
    return arrays | {"binary": _zero_or_one(rewards), "prompts": tuple(prompts[:_LISTED])}
