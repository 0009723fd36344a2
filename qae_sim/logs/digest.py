"""One's own training logs: what trainers write already, read as a stream, and what estimators would have made of it."""

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

#: K at which it is asked what share of the responses QAE would have silenced.
KS = tuple(round(0.05 * i, 2) for i in range(1, 20))

#: Lifted prompts that a digest lists.
_LISTED = 20

#: The share of responses without advantage that the QAE paper reports.
PAPER_SHARE = 0.8


@dataclass(frozen=True)
class LiftedPrompt:
    """A prompt whose rare successes HA-DW would have raised.

    Attributes:
        text: Its beginning.
        times: Steps at which its group was mixed and below the anchor.
        success: Its mean reward at these steps.
    """

    text: str
    times: int
    success: float


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
        prompts: The twenty prompts that HA-DW would have lifted most often; of equally frequent ones the hardest.
        words: Key words, the strongest for success first; none where the log does not hold what was said.
        words_from: Responses that they were looked for in.
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
    prompt and reward, and optionally step, length and completion or tokens.

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

    Example:
        >>> from qae_sim.engines.demo.real_runs import recorded_log
        >>> found = digest(recorded_log())
        >>> found.group_size, len(found.steps), found.k_of_the_paper
        (8, 30, 0.4)
    """
    require_integer("batch", batch, low=1)
    trouble = Trouble()
    collected = _Collector(None if group_size is None else require_integer("group_size", group_size, low=2), trouble)
    rest: Rows | None = None  # of a table without steps
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


# --- what a digest says further ---


@dataclass(frozen=True)
class TrainingPart:
    """Some neighbouring steps of a run, summed up.

    Attributes:
        first: Number of the first step.
        last: Number of the last one.
        reward: Mean over the steps of their mean rewards.
        histogram: Groups by their number of successes, ``(G + 1,)``.
        degenerate: Mean share of groups whose rewards are all equal.
        anchor: HA-DW's anchor before the last step; NaN where it is not known.
        lifted: Mean share of mixed groups below the anchor, over the steps where it is known; NaN if nowhere.
        length: Mean length, over the steps where it is known; NaN if nowhere.
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
        """Share of the groups with 0, 1, ..., G successes, ``(G + 1,)``."""
        return np.asarray(self.histogram / self.histogram.sum())


def training_parts(found: Digest, count: int) -> list[TrainingPart]:
    """Cut a run into parts of about equal length.

    Args:
        found: What a log says.
        count: How many parts, >= 1; a run of fewer steps has one for each step.

    Returns:
        The parts, in order; the longer ones come first.
    """
    require_integer("count", count, low=1)
    steps = np.arange(len(found.steps))
    return [_summed_up(found, part) for part in np.array_split(steps, min(count, len(steps)))]


def first_and_last_part(found: Digest, count: int) -> tuple[TrainingPart, TrainingPart]:
    """The beginning and the end of a run.

    Args:
        found: What a log says.
        count: Each is one of this many parts, >= 1, rounded down to whole steps; one step at least.

    Returns:
        Both parts.
    """
    steps = np.arange(len(found.steps))
    size = max(1, len(steps) // require_integer("count", count, low=1))
    return _summed_up(found, steps[:size]), _summed_up(found, steps[-size:])


def _summed_up(found: Digest, rows: np.ndarray) -> TrainingPart:
    """Sum up the steps at these rows of a digest."""
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
    """Mean without NaN; NaN if there is nothing else."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


# --- from rows to a digest ---


class _Collector:
    """Digests steps one after the other."""

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
        """Digest whole batches of groups of a table without steps; gives back what is left, one group at least."""
        while (cut := first_groups(rows, batch)) is not None:
            head, rows = cut
            self.add(head)
        return rows

    def add(self, rows: Rows) -> None:
        """Digest a step."""
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
            # Tables without steps are numbered as they come.
            step = len(self.rows) if rows.step[0] < 0 else int(rows.step[0])
            self._of_groups(rewards[scored], lengths[scored], rows.prompt[kept[scored, 0]], step)

    def _of_groups(self, rewards: np.ndarray, lengths: np.ndarray, prompts: np.ndarray, step: int) -> None:
        """What a step's complete groups say."""
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
        """Put the steps together."""
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
