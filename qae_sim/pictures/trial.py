"""Pictures of the trial: an answer's curves, and the map of the search for a regime."""

from __future__ import annotations

import numpy as np

from qae_sim.lm.protocols import Protocol, measured
from qae_sim.lm.protocols.curves import curve
from qae_sim.lm.protocols.findings import Question
from qae_sim.lm.runs import METRICS, Record
from qae_sim.pictures.scene import Band, GuideLine, Line, Panel, Picture
from qae_sim.pictures.style import MUTED, Dash, looks_of

#: Names of metrics, where they are shorter than the metric's description.
METRIC_NAMES = {"pass_1": "pass@1 on held-out prompts", "entropy": "entropy of the policy, nats", "length": "tokens"}


def answer(protocol: Protocol, record: Record, question: Question) -> Picture:
    """Draw the curves that answer a question: of all its arms, and their gaps to the mean baseline.

    Args:
        protocol: The protocol.
        record: Its runs.
        question: The question.

    Returns:
        Two panels. The bands of the gaps hold whole curves; the dotted lines are the margin of equivalence.

    Example:
        >>> from qae_sim.lm.protocols import read, recorded
        >>> from qae_sim.lm.protocols.findings import QUESTIONS
        >>> answer(read("main"), recorded("main"), QUESTIONS[0]).panels[1].title
        'Gap to the mean baseline'
    """
    metric, setting = question.metric, question.setting
    margin = protocol.rules["margins"][metric]
    arms = [protocol.rules["baseline"], *question.arms]
    looks = looks_of(arms)
    curves: list[Line] = []
    gaps: list[Line | Band] = []
    values, differences = [], [np.array([-margin, margin])]
    for arm, look in looks.items():
        of_arm = curve(protocol, record, setting, arm, metric)
        curves.append(Line(of_arm.batch, of_arm.mean, look.light, arm, look.dash))
        values.append(of_arm.mean)
        if arm != protocol.rules["baseline"]:
            gap = curve(protocol, record, setting, arm, metric, gap=True)
            gaps += [
                Band(gap.batch, gap.low, gap.high, look.light),
                Line(gap.batch, gap.mean, look.light, arm, look.dash),
            ]
            differences += [gap.low, gap.high]
    limits = [GuideLine(at, "y", MUTED, "", "dotted", 1.5) for at in (-margin, margin)]
    batches = (0.0, float(protocol.rules["common"]["batches"]))
    name = METRIC_NAMES.get(metric, METRICS[metric.partition(".")[0]])
    panels = (
        Panel("Mean over seeds", "batches", name, batches, _limits(values), tuple(curves)),
        Panel("Gap to the mean baseline", "batches", name, batches, _limits(differences), (*gaps, *limits)),
    )
    compared = " and ".join(question.arms)
    seeds = len(protocol.runs(setting, question.arms[0]))
    words = (
        f"{name[0].upper()}{name[1:]} against batches, {seeds} seeds: the mean baseline and {compared}, and the gap "
        "between them with a band that holds the whole curve."
    )
    return Picture(panels, (words,), row=True)


def regime(record: Record) -> Picture:
    """Draw the search for a regime: pass@1 and entropy under GRPO, by task and learning rate.

    Args:
        record: The runs of the search, all with the same shape of batch.

    Returns:
        Two panels, with a line for each task and rate.

    Example:
        >>> from qae_sim.lm.protocols import search
        >>> len(regime(search()).panels[0].layers)
        4
    """
    rates = list(dict.fromkeys((config.task, config.learning_rate) for config in record.configs))
    labels = [f"{'learned' if task == 'style' else task}, {rate:g}" for task, rate in rates]
    colours = dict(zip(dict.fromkeys(task for task, _ in rates), _COLOURS, strict=False))
    panels = []
    for metric, title in (("pass_1", "Where GRPO learns"), ("entropy", "What the entropy does")):
        lines, values = [], []
        for (task, rate), label in zip(rates, labels, strict=True):
            of_rate = measured(record.where(task=task, learning_rate=rate), metric)
            known = ~np.isnan(of_rate).any(axis=0)
            mean = of_rate[:, known].mean(axis=0)
            lines.append(Line(np.flatnonzero(known).astype(float), mean, colours[task], label, _DASHES[rate]))
            values.append(mean)
        batches = (0.0, float(record.configs[0].batches))
        panels.append(Panel(title, "batches", METRIC_NAMES[metric], batches, _limits(values), tuple(lines)))
    words = (
        f"pass@1 and entropy under GRPO against batches, means of {len(record) // len(rates)} seeds, for "
        f"{', '.join(labels)}."
    )
    return Picture(tuple(panels), (words,), row=True)


#: Lines of a search's map stand for tasks, by colour, and for learning rates, by dash; not for estimators.
_COLOURS = ("#1F4E79", "#9A6B00")
_DASHES: dict[float, Dash] = {1.5e-4: "dotted", 3e-4: "dashed", 5e-4: "solid"}


def _limits(values: list[np.ndarray]) -> tuple[float, float]:
    """Choose an axis for curves."""
    together = np.concatenate(values)
    room = 0.05 * float(np.ptp(together))
    return float(together.min()) - room, float(together.max()) + room
