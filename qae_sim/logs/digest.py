"""Summaries of training logs: read as a stream, with what QAE and HA-DW would have done in each step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, SoftAnchor
from qae_sim.arrays import require_integer
from qae_sim.logs.grouping import common_size, first_groups, group_numbers, joined, step_by_step, whole_groups
from qae_sim.logs.key_words import KeyWord, key_words
from qae_sim.logs.sources import Rows, Trouble, rows_of

#: The values of K for which the share of responses without advantage under QAE is computed.
KS = tuple(round(0.05 * i, 2) for i in range(1, 20))

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
class Digest:
    """The summary of a log, step by step; S steps, groups of G responses.

    Attributes:
        source: The file or folder.
        group_size: G.
        steps: Numbers of the steps, ``(S,)``.
        responses: Responses in complete groups, ``(S,)``.
        reward: Mean reward, ``(S,)``.
        length: Mean length of responses, ``(S,)``; NaN if unknown.
        histogram: Groups by their number of correct responses, ``(S, G + 1)``.
        degenerate: Share of groups whose rewards are all equal, ``(S,)``.
        silenced: Share of responses without advantage under QAE, for each K of :data:`KS`, ``(S, len(KS))``.
        anchor: HA-DW's anchor before each step, ``(S,)``; NaN if a reward lies outside [0, 1].
        lifted: Share of mixed groups below the anchor, whose correct responses HA-DW would have given more weight,
            ``(S,)``; NaN in steps without mixed groups, and wherever the anchor is NaN.
        binary: Whether all rewards are 0 or 1; otherwise a response with a positive reward counts as correct.
        trouble: Problems of the log.
        prompts: The twenty prompts that HA-DW would have lifted most often; of equally frequent ones the hardest.
        words: Key words in falling order of z; none if the log has no texts or tokens of responses.
        words_from: Number of responses from which they were found.
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


def digest(source: str | Path, *, reward: str | None = None, group_size: int | None = None, batch: int = 64) -> Digest:
    """Read a log as a stream and summarise it step by step; only one step is held in memory.

    It reads TRL's completion logs (the run's folder, or its ``completions`` folder, of Parquet files), verl's rollout
    dumps (a folder of JSON Lines files, or one of them), and plain tables (CSV, Parquet or JSON Lines) with columns
    prompt and reward, and optionally step, length and completion or tokens.

    Within a step, responses to the same prompt are a group, wherever they stand. In a table without steps, neighbouring
    rows with the same prompt are a group, and ``batch`` groups are a step. Broken lines, missing rewards and groups of
    another size are left out and counted, with the first place of each.

    Args:
        source: File or folder.
        reward: Column of the reward, if there are several.
        group_size: G, >= 2; None: the most frequent size in the first step.
        batch: Number of groups in a step, for tables without steps, >= 1.

    Returns:
        The digest.

    Raises:
        FileNotFoundError: There is no such file, or no log in the folder.
        ValueError: A column is missing or ambiguous, or no group is complete.
        ModuleNotFoundError: PyArrow is not installed.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> found = digest(recorded_log())
        >>> found.group_size, len(found.steps), found.k_of_the_paper
        (8, 30, 0.4)
    """
    require_integer("batch", batch, low=1)
    trouble = Trouble()
    collected = _Collector(None if group_size is None else require_integer("group_size", group_size, low=2), trouble)
    rest: Rows | None = None  # rows of a table without steps that do not fill a batch yet
    for rows in step_by_step(rows_of(Path(source), reward, trouble, beginnings=collected.beginnings)):
        if rows.step[0] < 0:
            rest = collected.add_batches(rows if rest is None else joined([rest, rows]), batch)
            continue
        if rest is not None:
            collected.add(rest)
            rest = None
        collected.add(rows)
    if rest is not None:
        collected.add(rest)
    found = collected.digest(str(source))
    words, words_from = key_words(source, reward=reward, total=int(found.responses.sum()))
    return replace(found, words=words, words_from=words_from)


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


# --- from rows to a digest ---


class _Collector:
    """Summarises steps one after the other."""

    def __init__(self, size: int | None, trouble: Trouble) -> None:
        self.size, self.trouble = size, trouble
        self.rows: list[dict[str, Any]] = []
        self.ha_dw = AdvantageRule("ha_dw", anchor=SoftAnchor())
        self.state = self.ha_dw.start()
        self.qae = [AdvantageRule("qae", {"k": k}) for k in KS]
        self.binary = self.unit = True
        self.beginnings: dict[int, str] = {}
        self.lifted: dict[int, tuple[int, float]] = {}

    def add_batches(self, rows: Rows, batch: int) -> Rows:
        """Add whole batches of groups of a table without steps; return the rest, at least one group."""
        while (cut := first_groups(rows, batch)) is not None:
            head, rows = cut
            self.add(head)
        return rows

    def add(self, rows: Rows) -> None:
        """Add a step."""
        group = group_numbers(rows)
        if self.size is None:
            self.size = common_size(group)
            if self.size is None:
                self.trouble.note("responses that are alone", rows.place, len(group))
                return
        kept, others = whole_groups(group, self.size)
        self.trouble.note(f"groups of another size than {self.size}", rows.place, others)
        rewards, lengths = rows.reward[kept], rows.length[kept]
        scored = ~np.isnan(rewards).any(axis=1)
        self.trouble.note("groups with a response without a reward", rows.place, int((~scored).sum()))
        if scored.any():
            # Steps of tables without steps are numbered in order.
            step = len(self.rows) if rows.step[0] < 0 else int(rows.step[0])
            self._of_groups(rewards[scored], lengths[scored], rows.prompt[kept[scored, 0]], step)

    def _of_groups(self, rewards: np.ndarray, lengths: np.ndarray, prompts: np.ndarray, step: int) -> None:
        """Add a step's complete groups."""
        self.binary &= bool(np.isin(rewards, (0.0, 1.0)).all())
        self.unit &= bool(((rewards >= 0) & (rewards <= 1)).all())
        successes = (rewards > 0).sum(axis=1)
        mixed = np.ptp(rewards, axis=1) > 0
        silenced = [float((np.asarray(rule.advantages(rewards)) == 0).mean()) for rule in self.qae]
        belief, lifted = math.nan, math.nan
        if self.unit:
            belief = self.state.anchor.belief
            lifts = (rewards.mean(axis=1) < belief) & mixed
            lifted = float(lifts.sum() / mixed.sum()) if mixed.any() else math.nan
            for prompt, success in zip(prompts[lifts].tolist(), rewards[lifts].mean(axis=1).tolist(), strict=True):
                if prompt in self.beginnings:
                    times, total = self.lifted.get(prompt, (0, 0.0))
                    self.lifted[prompt] = (times + 1, total + success)
            self.state = self.ha_dw.after(self.state, {"correct": rewards})
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
        """Join the steps."""
        if not self.rows or self.size is None:
            seen = ", ".join(
                f"{count} {kind} (first: {self.trouble.first[kind]})" for kind, count in self.trouble.counts.items()
            )
            raise ValueError(f"{source} has no complete group of responses to one prompt; {seen or 'it is empty'}")
        arrays: dict[str, Any] = {name: np.array([row[name] for row in self.rows]) for name in self.rows[0]}
        if not self.unit:
            arrays["anchor"][:] = arrays["lifted"][:] = math.nan
        lifted = self.lifted if self.unit else {}
        prompts = [LiftedPrompt(self.beginnings[p], times, total / times) for p, (times, total) in lifted.items()]
        prompts.sort(key=lambda prompt: (-prompt.times, prompt.success, prompt.text))
        arrays |= {"binary": self.binary, "trouble": self.trouble, "prompts": tuple(prompts[:_LISTED])}
        return Digest(source=source, group_size=self.size, **arrays)
