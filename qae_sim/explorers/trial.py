"""The trial of small language models, question by question: its curves, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, whole
from qae_sim.lm.protocols import ArmComparison, Protocol, judge, read, recorded
from qae_sim.lm.protocols.curves import curve
from qae_sim.lm.protocols.findings import PARTS, QUESTIONS, Question, answers, said
from qae_sim.lm.runs import Record
from qae_sim.pictures.scene import GuideLine, LookupTable, Number, Picture, Touch, Words
from qae_sim.pictures.style import MUTED
from qae_sim.pictures.trial import METRIC_NAMES, answer

_QUESTIONS = {question.name: question for question in QUESTIONS}
#: Batches of a run.
BATCHES = 100
_TIME = np.arange(BATCHES + 1.0)


@dataclass(frozen=True)
class TrialState(State):
    """Which question is answered, and at which batch numbers are read."""

    question: str = choice("lengths", "Question", {name: question.title for name, question in _QUESTIONS.items()})
    batch: int = whole(BATCHES, "Batch", 0, BATCHES, local=True)


class Trial(Explorer[TrialState]):
    """The questions of the trial, each with the curves of its arms and what the protocol's rules make of them.

    Example:
        >>> Trial.from_state("question=lengths&batch=0").words()[:27]
        'At batch 0, tokens: mean 9.'
    """

    STATE = TrialState
    TIME = "batch"
    PRESETS: ClassVar = {
        "Length, GRPO's own loss": TrialState("lengths"),
        "Length, token mean": TrialState("lengths-token-mean"),
        "QAE and pass@1, addition": TrialState("qae-addition"),
        "QAE and pass@1, learned rule": TrialState("qae-learned"),
        "HA-DW and pass@1, addition": TrialState("ha-dw-addition"),
        "HA-DW and pass@1, learned rule": TrialState("ha-dw-learned"),
        "QAE and entropy, addition": TrialState("entropy-addition"),
        "QAE and entropy, learned rule": TrialState("entropy-learned"),
    }
    LEADING: ClassVar = ("question", "batch")
    CLAIMS: ClassVar = ("qae.accuracy", "ha-dw.accuracy", "estimators.length-pressure-size")

    def show(self, state: TrialState) -> Picture:
        """Draw the curves of the question's arms, and their gaps to the mean baseline."""
        return _picture(_QUESTIONS[state.question])


@lru_cache(maxsize=1)
def _trial() -> tuple[Protocol, Record]:
    """The protocol and its runs, which take long to read."""
    return read("main"), recorded("main")


@lru_cache(maxsize=len(QUESTIONS))
def _picture(question: Question) -> Picture:
    """Draw an answer, with the batch at which numbers are read."""
    here = GuideLine(LookupTable(_TIME, ("batch",)), "x", MUTED, dash="dotted")
    panels = answer(*_trial(), question).panels
    read_at = (replace(panel, layers=(here, *panel.layers), touches=(Touch("batch"),)) for panel in panels)
    return Picture(tuple(read_at), _told(question))


@lru_cache(maxsize=3)
def decided(setting: str) -> Sequence[ArmComparison]:
    """Judge the arms of a setting by the protocol's rules.

    Args:
        setting: The setting.

    Returns:
        What its runs say.
    """
    protocol, record = _trial()
    of_setting = {repr(run) for of, arm in protocol.arms() if of == setting for run in protocol.runs(of, arm)}
    return judge(protocol, record.take([i for i, run in enumerate(record.configs) if repr(run) in of_setting]))


def _told(question: Question) -> Words:
    """Say where the arms are at the batch of the slider, and what was decided."""
    protocol, record = _trial()
    told: list[str | Number] = [
        "At batch ",
        Number(LookupTable(_TIME, ("batch",)), 0),
        f", {METRIC_NAMES[question.metric]}: ",
    ]
    for place, arm in enumerate((protocol.rules["baseline"], *question.arms)):
        found = curve(protocol, record, question.setting, arm, question.metric)
        last = np.maximum(np.searchsorted(found.batch, _TIME, side="right") - 1, 0)
        told += [f"{'; ' if place else ''}{arm} ", Number(LookupTable(found.mean[last], ("batch",)), 2)]
    parts = (
        f"{arm} {', '.join(f'{PARTS[part]} {said(c)}' for part, c in of_arm.items())}"
        for arm, of_arm in answers(question, decided(question.setting)).items()
    )
    told.append(f". Beside the mean: {'; '.join(parts)}.")
    return tuple(told)
