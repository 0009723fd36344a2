"""One's own training logs: what trainers write already, read as a stream, and what estimators would have made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.advantages import SoftAnchor, advantage_table, quantile_baseline
from qae_sim.arrays import require_integer
from qae_sim.logs.key_words import KeyWord, key_words
from qae_sim.logs.sources import Rows, Trouble, by_step, joined, neighbours, part_of, rows_of

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
    pending: list[Rows] = []
    for rows in rows_of(Path(source), reward, trouble, names=collected.names):
        for part in by_step(rows):
            if pending and part.step[0] != pending[-1].step[0]:
                collected.add(pending)
                pending = []
            pending.append(part)
            if part.step[0] < 0:  # no steps: whole batches of groups as they come
                pending = collected.add_batches(pending, batch)
    if pending:
        collected.add(pending)
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


def advantage_shares(found: Digest, estimator: str, **parameters: float) -> np.ndarray:
    """Whom an estimator would have listened to: the share of all |A| that goes to groups with n successes.

    Share of n = N(n)·[n·|A(correct, n)| + (G - n)·|A(wrong, n)|] / Σ over n, with N(n) groups of n successes. All
    shares are 0 where no response has an advantage.

    Args:
        found: What a log says.
        estimator: Name of an estimator of binary rewards.
        **parameters: Its parameters.

    Returns:
        Shares for n = 0 to G, ``(G + 1,)``.

    Raises:
        ValueError: There is no such estimator, it needs more than rewards, or a parameter is out of its range.

    Example:
        >>> from qae_sim.engines.demo.real_runs import recorded_log
        >>> shares = advantage_shares(digest(recorded_log()), "grpo")
        >>> len(shares), round(float(shares.sum()), 6), float(shares[0])
        (9, 1.0, 0.0)
    """
    n = np.arange(found.group_size + 1)
    wrong, correct = np.abs(advantage_table(estimator, found.group_size, **parameters)).T
    mass = found.histogram.sum(axis=0) * (n * correct + (found.group_size - n) * wrong)
    return np.asarray(mass / max(float(mass.sum()), 1e-300))


def advantage_shares_by_quarter(found: Digest, estimator: str, **parameters: float) -> np.ndarray:
    """The same for success rates in [0, .25], (.25, .5], (.5, .75] and (.75, 1].

    Args:
        found: What a log says.
        estimator: As in :func:`advantage_shares`.
        **parameters: As in :func:`advantage_shares`.

    Returns:
        Four shares.
    """
    n = np.arange(found.group_size + 1)
    quarter = np.maximum(np.ceil(4 * n / found.group_size).astype(int) - 1, 0)
    return np.bincount(quarter, advantage_shares(found, estimator, **parameters), minlength=4)


# --- from rows to a digest ---


class _Collector:
    """Digests steps one after the other."""

    def __init__(self, size: int | None, trouble: Trouble) -> None:
        self.size, self.trouble = size, trouble
        self.rows: list[dict[str, Any]] = []
        self.anchor = SoftAnchor()
        self.binary = self.unit = True
        self.names: dict[int, str] = {}
        self.lifted: dict[int, tuple[int, float]] = {}

    def add_batches(self, parts: list[Rows], batch: int) -> list[Rows]:
        """Digest whole batches of a table without steps; gives back what is left."""
        rows = joined(parts)
        starts = np.flatnonzero(np.diff(rows.prompt, prepend=rows.prompt[0] - 1))
        while len(starts) > batch:  # the last group may go on in the next piece
            end = int(starts[batch])
            head = part_of(rows, slice(None, end))
            self._digest(head, np.repeat(np.arange(batch), np.diff([*starts[:batch], end])), len(self.rows))
            rows = part_of(rows, slice(end, None))
            starts = starts[batch:] - end
        return [rows] if len(rows.prompt) else []

    def add(self, parts: list[Rows]) -> None:
        """Digest a step."""
        rows = joined(parts)
        if rows.step[0] < 0:
            self._digest(rows, neighbours(rows.prompt), len(self.rows))
        else:
            self._digest(rows, np.unique(rows.prompt, return_inverse=True)[1].reshape(-1), int(rows.step[0]))

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
            prompts = rows.prompt[kept].reshape(-1, self.size)[:, 0]
            self._of_groups(rewards[scored], lengths[scored], prompts[scored], step)

    def _of_groups(self, rewards: np.ndarray, lengths: np.ndarray, prompts: np.ndarray, step: int) -> None:
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
            lifts = (rewards.mean(axis=1) < belief) & mixed
            lifted = float(lifts.sum() / mixed.sum()) if mixed.any() else math.nan
            for prompt, success in zip(prompts[lifts].tolist(), rewards[lifts].mean(axis=1).tolist(), strict=True):
                if prompt in self.names:
                    times, total = self.lifted.get(prompt, (0, 0.0))
                    self.lifted[prompt] = (times + 1, total + success)
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
        arrays: dict[str, Any] = {name: np.array([row[name] for row in self.rows]) for name in self.rows[0]}
        if not self.unit:
            arrays["anchor"][:] = arrays["lifted"][:] = math.nan
        lifted = self.lifted if self.unit else {}
        prompts = [LiftedPrompt(self.names[p], times, total / times) for p, (times, total) in lifted.items()]
        prompts.sort(key=lambda prompt: (-prompt.times, prompt.success, prompt.text))
        arrays |= {"binary": self.binary, "trouble": self.trouble, "prompts": tuple(prompts[:_LISTED])}
        return Digest(source=source, group_size=self.size, **arrays)
