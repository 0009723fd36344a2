"""Recorded runs of the toy language models side by side: several seeds of each recipe, without training anything."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, whole
from qae_sim.lm import STUDIES, Record, judge, recorded
from qae_sim.lm.studies import SETTINGS, SIZES, Comparison, Finding, Make, Runs
from qae_sim.pictures.scene import (
    Band,
    GuideLine,
    Layer,
    Line,
    LookupTable,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    Touch,
    Words,
    axis_limits,
)
from qae_sim.pictures.style import CORRECT, MUTED, QUANTILE, WRONG, looks_of

#: What can be compared: the study that has trained it, the arms to draw (``{s}`` is the task), tasks it was run on.
COMPARISONS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "baselines": ("regime", {"mean": "{s}, mean, 0.28", "QAE": "{s}, QAE, 0.28"}, tuple(SETTINGS)),
    "clip": (
        "regime",
        {"mean, clip 0.20": "{s}, mean, 0.20", "mean, 0.28": "{s}, mean, 0.28", "mean, no clip": "{s}, mean, no clip"},
        tuple(SETTINGS),
    ),
    "clip_qae": (
        "regime",
        {"QAE, clip 0.20": "{s}, QAE, 0.20", "QAE, 0.28": "{s}, QAE, 0.28", "QAE, no clip": "{s}, QAE, no clip"},
        tuple(SETTINGS),
    ),
    "rates": (
        "regime",
        {
            "mean, rate 1.5e-4": "rate 0.00015, 16 steps, mean, 0.28",
            "mean, rate 5e-4": "rate 0.0005, 16 steps, mean, 0.28",
            "mean, rate 1.5e-3": "rate 0.0015, 16 steps, mean, 0.28",
        },
        ("memorised",),
    ),
    "steps": (
        "regime",
        {
            "mean, 1 step": "rate 0.0015, 1 step, mean, no clip",
            "QAE, 1 step": "rate 0.0015, 1 step, QAE, no clip",
            "mean, 16 steps": "rate 0.0005, 16 steps, mean, 0.28",
            "QAE, 16 steps": "rate 0.0005, 16 steps, QAE, 0.28",
        },
        ("memorised",),
    ),
    "K": ("k", {f"K = {k}": f"{{s}}, K={k}" for k in (0.2, 0.4, 0.6, 0.8)}, tuple(SETTINGS)),
    "masks": (
        "masks",
        {"QAE": "{s}, QAE, 0.28", "POS-MASK": "{s}, pos_mask, 0.28", "NEG-MASK": "{s}, neg_mask, 0.28"},
        ("memorised", "learned"),
    ),
    "mass": (
        "mass",
        {
            "mean": "{s}, mean",
            "QAE": "{s}, QAE",
            "mean with QAE's mass": "{s}, mean with QAE's mass",
            "QAE with the mean's mass": "{s}, QAE with the mean's mass",
        },
        ("memorised", "learned"),
    ),
    "sizes": (
        "sizes",
        {"small, mean": "small, mean", "small, QAE": "small, QAE", "medium, mean": "medium, mean"}
        | {"medium, QAE": "medium, QAE"},
        ("learned",),
    ),
    "combined": (
        "combined",
        {
            "Clip-Cov": "Clip-Cov, mean",
            "Clip-Cov + QAE": "Clip-Cov, QAE",
            "GSPO": "GSPO, mean",
            "GSPO + QAE": "GSPO, QAE",
        },
        ("learned",),
    ),
    "ha_dw": (
        "ha_dw",
        {"GRPO": "GRPO", "GRPO + HA-DW": "GRPO + HA-DW", "DAPO": "DAPO", "DAPO + HA-DW": "DAPO + HA-DW"},
        ("learned",),
    ),
    "neighbours": (
        "neighbours",
        {"GRPO": "{s}, grpo", "MaxRL": "{s}, maxrl", "MAPO": "{s}, mapo", "AAPO": "{s}, aapo"},
        ("learned", "addition"),
    ),
    "one_sided": (
        "neighbours",
        {"GRPO": "{s}, grpo", "CAPO": "{s}, capo", "GRPO-N": "{s}, grpo_n", "grpo_passk": "{s}, grpo_passk"},
        ("learned", "addition"),
    ),
    "informed": (
        "neighbours",
        {"GRPO": "{s}, grpo", "OPO": "{s}, opo", "CANON": "{s}, canon", "VERL": "{s}, verl_rank"},
        ("learned", "addition"),
    ),
    "ktae": ("ktae", {"GRPO": "{s}, grpo", "KTAE": "{s}, ktae"}, ("learned", "addition")),
    "automatic": (
        "automatic",
        {
            "K = 0.4": "K=0.4",
            "by success rate": "success rate",
            "by entropy": "entropy target",
            "0.6 to 0.4": "0.6 to 0.4",
        },
        ("learned",),
    ),
}
_NAMES = {
    "baselines": "Mean and QAE, Clip-Higher",
    "clip": "Mean baseline under three clips",
    "clip_qae": "QAE under three clips",
    "rates": "Learning rates",
    "steps": "One step or sixteen",
    "K": "K from .2 to .8",
    "masks": "QAE, POS-MASK, NEG-MASK",
    "mass": "Control: equal net advantage",
    "sizes": "Two sizes of the model",
    "combined": "QAE on Clip-Cov and GSPO",
    "ha_dw": "HA-DW on GRPO and DAPO",
    "neighbours": "Neighbours: MaxRL, MAPO, AAPO",
    "one_sided": "Neighbours: one-sided",
    "informed": "Neighbours: OPO, CANON, VERL",
    "ktae": "KTAE",
    "automatic": "Automatic K",
}
_TASKS = {
    "learned": "Style and answer: a rule",
    "memorised": "Style and answer: memory",
    "addition": "Addition by columns",
}
MEASURES = {
    "fixed_entropy": "entropy on fixed states, nats",
    "entropy": "entropy on-policy, nats",
    "pass_1": "pass@1 on held-out prompts",
    "pass_k": "pass@16 on held-out prompts",
    "reward": "reward on training prompts",
    "zero_share": "share of zero advantages",
    "length": "tokens of a response",
    "entropy_positive": "entropy where A > 0, nats",
    "entropy_negative": "entropy where A < 0, nats",
    "clip_high": "share clipped above",
    "clip_low": "share clipped below",
    "correction_share": "share of hesitations",
    "gradient_norm": "gradient norm",
}


#: Batches of the recorded runs.
BATCHES = int(SIZES["small"]["batches"])


@dataclass(frozen=True)
class RecordedRunsState(State):
    """What is compared, on which task, and what is drawn."""

    what: str = choice("baselines", "Compare", _NAMES)
    task: str = choice("learned", "Task", _TASKS)
    left: str = choice("fixed_entropy", "Left picture", MEASURES)
    right: str = choice("pass_1", "Right picture", MEASURES)
    batch: int = whole(BATCHES, "Batch", 0, BATCHES, local=True)


class RecordedRuns(Explorer[RecordedRunsState]):
    """Training curves of recorded runs: mean over seeds, each with a base model of its own, and their range.

    Example:
        >>> explorer = RecordedRuns.from_state("what=K&task=learned")
        >>> explorer.words()[:28]
        'At batch 30: K = 0.2: entrop'
    """

    STATE = RecordedRunsState
    PRESETS: ClassVar = {
        "K is an entropy knob": RecordedRunsState("K"),
        "Clip-Higher": RecordedRunsState("clip", "memorised", "fixed_entropy", "clip_high"),
        "Negative advantages": RecordedRunsState("baselines", "memorised", "entropy_positive", "entropy_negative"),
        "Masks": RecordedRunsState("masks", "memorised", "fixed_entropy", "reward"),
        "80 % silent": RecordedRunsState("baselines", "learned", "zero_share", "pass_1"),
        "On-policy: no difference?": RecordedRunsState("steps", "memorised", "fixed_entropy", "clip_high"),
        "HA-DW": RecordedRunsState("ha_dw"),
        "Only the wrong, only the best": RecordedRunsState("one_sided", "learned", "pass_1", "pass_k"),
        "Rank grows with length": RecordedRunsState("informed", "learned", "length", "pass_1"),
    }

    TIME = "batch"
    LEADING: ClassVar = ("what", "task", "batch")
    CLAIMS: ClassVar = (
        "qae.accuracy",
        "qae.best-k",
        "qae.negatives-drive-entropy",
        "qae.mask-order",
        "ha-dw.accuracy",
        "entropy.law",
    )

    def show(self, state: RecordedRunsState) -> Picture:
        """Two measures of the same runs."""
        arms = records(state.what, state.task)
        panels = tuple(_panel(measure, arms) for measure in (state.left, state.right))
        return Picture(panels, _told(state, arms))


@lru_cache(maxsize=1)
def _all_runs() -> Record:
    """The runs that come with the package."""
    return recorded("small")


@lru_cache(maxsize=32)
def records(what: str, task: str) -> dict[str, Record]:
    """The arms of a comparison.

    Args:
        what: Name of the comparison.
        task: The task; where the comparison was not run on it, the one that it was run on first stands in.

    Returns:
        Records by name.
    """
    study, arms, _ = COMPARISONS[what]
    task = run_on(what, task)
    names = {name: arm.format(s=task) for name, arm in arms.items()}
    made = STUDIES[study].arms(Make("small"))
    runs = Runs(study, {arm: made[arm] for arm in names.values()}, _all_runs())
    return {name: runs[arm] for name, arm in names.items()}


def run_on(what: str, task: str) -> str:
    """The task that stands in for one on which a comparison was not run."""
    tasks = COMPARISONS[what][2]
    return task if task in tasks else tasks[0]


def _panel(measure: str, arms: dict[str, Record]) -> Panel:
    """Mean over seeds and their range, for each arm, and where the slider is."""
    layers: list[Layer] = [GuideLine(LookupTable(np.arange(BATCHES + 1.0), ("batch",)), "x", MUTED, dash="dotted")]
    looks = looks_of(list(arms))
    for name, record in arms.items():
        rows, kept = _known(record, measure)
        low, high = np.nanmin(kept, axis=0), np.nanmax(kept, axis=0)
        colour = looks[name].light
        layers.append(Band(rows, low, high, colour))
        layers.append(Line(rows, np.nanmean(kept, axis=0), colour, name, looks[name].dash))
        here = LookupTable(np.stack([_nearest(rows), _at(record, measure)], axis=1)[:, :, None], ("batch",))
        rows_at, mean_at = (LookupTable(here.values[:, i], here.over) for i in (0, 1))
        layers.append(Points(rows_at, mean_at, colour, marker=looks[name].marker, size=9.0))
    title = MEASURES[measure][0].upper() + MEASURES[measure][1:]
    # The last points are drawn whole.
    return Panel(title, "batch", "", (0.0, 1.02 * BATCHES), _limits(measure), tuple(layers), touches=(Touch("batch"),))


@lru_cache(maxsize=32)
def _limits(measure: str) -> tuple[float, float]:
    """One axis for all runs: they are to be compared."""
    return axis_limits(0.0, 0.1, _all_runs()[measure].ravel())


def _known(record: Record, measure: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Batches at which something was measured, and the values of all seeds there."""
    numbers = record[measure]
    rows = np.flatnonzero(~np.isnan(numbers).all(axis=0))
    if not rows.size:
        raise ValueError(f"{MEASURES[measure]} was not recorded in all of these runs; choose another measure")
    return rows.astype(float), numbers[:, rows]


def _nearest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each batch the last one up to it at which something was measured."""
    return rows[np.searchsorted(rows, np.arange(BATCHES + 1.0), side="right") - 1]


def _at(record: Record, measure: str) -> NDArray[np.float64]:
    """Mean over seeds at each batch, or at the last one before it that was measured."""
    rows, kept = _known(record, measure)
    return np.asarray(np.nanmean(kept, axis=0)[np.searchsorted(rows, np.arange(BATCHES + 1.0), side="right") - 1])


def _told(state: RecordedRunsState, arms: dict[str, Record]) -> Words:
    """Where each arm is at the batch of the slider, and where it started."""
    task = run_on(state.what, state.task)
    said: list[str | Number | Pick] = [] if task == state.task else [f"This was run on '{_TASKS[task]}'. "]
    said += ["At batch ", Number(LookupTable(np.arange(BATCHES + 1.0), ("batch",)), 0), ": "]
    for i, (name, record) in enumerate(arms.items()):
        said.append(("; " if i else "") + f"{name}: ")
        for j, measure in enumerate(dict.fromkeys((state.left, state.right))):
            values = _at(record, measure)
            digits = 3 if measure.startswith("clip") else 2
            said += [", " if j else "", f"{MEASURES[measure]} ", Number(LookupTable(values, ("batch",)), digits)]
            said.append(f" (at first {values[0]:.{digits}f})")
    seeds = len(next(iter(arms.values())))
    said.append(f". Means over {seeds} seeds, each with a base model of its own; bands hold all of them.")
    return tuple(said)


@dataclass(frozen=True, repr=False)
class Findings:
    """What the recorded runs say about the papers' claims, as text and as HTML.

    Example:
        >>> Findings("sparsity").findings[0].source
        'Fig. 5c, arXiv:2509.22611'
    """

    findings: tuple[Finding, ...]

    def __init__(self, *studies: str) -> None:
        """Judge studies on the runs that come with the package.

        Args:
            *studies: Names of :data:`~qae_sim.lm.STUDIES`; none: all.

        Raises:
            ValueError: There is no such study.
        """
        object.__setattr__(self, "findings", tuple(judge(studies or list(STUDIES), "small", _all_runs())))

    def __repr__(self) -> str:
        return "\n".join(f"{f.claim} ({f.source}): {f.verdict}" for f in self.findings)

    def _repr_html_(self) -> str:
        rows = []
        for f in self.findings:
            # Where it holds is what the drawings show.
            verdict, colour = next((v, c) for v, c in _VERDICTS.items() if f.verdict.startswith(v))
            verdict = f'<b style="border-bottom: 3px solid {colour}">{verdict}</b>'  # its ink is read on every ground
            said = f"{html.escape(f.claim)}<br><small>{html.escape(f.source)}</small><br>{verdict}"
            ends = [abs(x) for e in f.evidence for x in (e.low, e.high, e.mean) if math.isfinite(x)]
            lines = "".join(
                f"<div>{_interval(e, max(ends))} {html.escape(e.setting)}: <b>{e.mean:+.3f}</b> "
                f"[{e.low:+.3f}, {e.high:+.3f}]</div>"
                for e in f.evidence
            )
            measured = f"<small>{html.escape(f.quantity)}</small>{lines}"
            rows.append(
                f'<tr><td style="text-align: left; width: 38%">{said}</td>'
                f'<td style="text-align: left; white-space: nowrap">{measured}</td></tr>'
            )
        names = ("claim and verdict", "mean over seeds and 95 % interval; right of 0 where the claim is right")
        head = "".join(f'<th style="text-align: left">{name}</th>' for name in names)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


_VERDICTS = {"replicated": CORRECT, "not replicated": WRONG, "depends": QUANTILE}


def _interval(evidence: Comparison, most: float) -> str:
    """An interval as a drawing: a bar with its mean, and where 0 is."""

    def place(value: float) -> float:
        return 65 + 60 * max(-1.0, min(1.0, value / most))

    low, mean, high = place(evidence.low), place(evidence.mean), place(evidence.high)
    colour = {1: CORRECT, 0: MUTED, -1: WRONG}[evidence.speaks]
    return (
        '<svg width="130" height="14" style="vertical-align: middle" role="img" aria-label="interval">'
        '<line x1="65" x2="65" y1="0" y2="14" stroke="currentColor" stroke-dasharray="2 2"/>'
        f'<line x1="{low:.0f}" x2="{high:.0f}" y1="7" y2="7" stroke="{colour}" stroke-width="4"/>'
        f'<circle cx="{mean:.0f}" cy="7" r="5" fill="{colour}"/></svg>'
    )
