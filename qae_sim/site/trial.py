"""The page of the trial: questions whose rules were written before the runs, each with its curves and its answer."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from qae_sim.lm.protocols import ArmComparison, Protocol, untrained
from qae_sim.lm.protocols.findings import PARTS, QUESTIONS, TASK_QUESTIONS, Question, answers, said, signed
from qae_sim.lm.runs import METRICS, Record
from qae_sim.pictures.scene import Picture
from qae_sim.pictures.trial import answer, regime
from qae_sim.site.catalogue import plain


def trial_page(
    protocol: Protocol,
    record: Record,
    comparisons: Sequence[ArmComparison],
    search: Record,
    medium: Sequence[ArmComparison],
) -> str:
    """Write the page of the trial.

    Args:
        protocol: The protocol.
        record: Its runs.
        comparisons: What they say.
        search: The runs from which the regime was chosen.
        medium: What the trial at medium size says.

    Returns:
        Markdown.
    """
    rules = protocol.rules
    seeds = len(protocol.runs(*protocol.arms()[0]))
    parts = [
        "# The trial",
        "Papers report one run of a large model. Here the question is put to a small one, with enough runs to answer "
        "it, and the rules were written first: tasks, arms, endpoints, seeds, margins and the number of looks stand in "
        f"the protocol `{protocol.name}`, which was committed before its runs were made and whose SHA-256 "
        f"(`{protocol.digest[:12]}`…) they hold.",
        f"{seeds} seeds, each with a base model of its own, all of which start alike. Differences to the mean baseline "
        "are paired by seed. A difference is *equivalent* if its interval lies within the margin, *higher* or *lower* "
        f"if it has that sign at the level {rules['level']:g}, by Holm over the arms of a setting, else *undecided*, "
        "with the difference that would have been seen in four trials of five. What is undecided may go on to "
        f'{protocol.looks[-1]} seeds once. "Over the run" is the mean of all evaluations (of all batches for entropy '
        'and length), "at its end" that of the last '
        f"{rules['last_evaluations']} ({rules['last_batches']}).",
    ]
    parts.append(
        "Of the questions below only that of the lengths, with its prediction, stands in the protocol; the others were "
        "put into words when the runs were there. Arms, endpoints and margins of all of them were fixed before. Holm's "
        "correction is over the arms of a setting, for each quantity by itself: among this many quantities a few will "
        "be found to differ by chance."
    )
    parts += _missing(protocol, record)
    parts.append(
        "These are small transformers. What they do not show may appear in larger ones, and the other way round."
    )
    for question in QUESTIONS:
        parts += _answered(protocol, record, comparisons, question)
    parts += [
        "(trial-regime)=",
        "## Where the regime comes from",
        "GRPO alone with the recipe of DAPO, on seeds that the trial does not use. The learned rule is solved after 60 "
        "batches; addition learns at all three rates, and the middle one is the trial's.",
        _image(regime(search)),
    ]
    parts += [
        "## All comparisons",
        _all(comparisons),
        "## At medium size",
        f"Protocol `medium_gpu`: {medium[0].seeds} seeds of a model five times as large; base models there were not "
        "brought to equal pass@1. Addition was not trained.",
        _all(medium),
    ]
    return "\n\n".join(parts) + "\n"


def tasks_part(protocol: Protocol, record: Record, comparisons: Sequence[ArmComparison], search: Record) -> str:
    """Write the part of the page that is about other tasks and about few prompts a step.

    Args:
        protocol: The protocol ``tasks``.
        record: Its runs.
        comparisons: What they say.
        search: The runs from which the regime was chosen.

    Returns:
        Markdown.
    """
    seeds = len(protocol.runs(*protocol.arms()[0]))
    parts = [
        "(trial-tasks)=",
        "# Other tasks, and few prompts a step",
        f"A second protocol, `{protocol.name}` (SHA-256 `{protocol.digest[:12]}`…), was committed before its runs were "
        f"made, too: {seeds} other seeds, the same endpoints, margins and looks. Countdown and paths are in the gentle "
        "regime; the setting `stress` is the learned rule with two prompts a gradient step. It predicts nothing, and "
        "its questions were put into words when the runs were there.",
        *_missing(protocol, record),
    ]
    for question in TASK_QUESTIONS:
        parts += _answered(protocol, record, comparisons, question)
    parts += [
        "(trial-tasks-regime)=",
        "## Where this regime comes from",
        f"GRPO alone with the recipe of DAPO, {len(search) // 4} seeds that no trial uses, at two learning rates. The "
        "lower one is the trial's: both tasks are learned by all seeds, and neither is solved at the end.",
        _image(regime(search)),
        "## All comparisons of this protocol",
        _all(comparisons),
    ]
    return "\n\n".join(parts) + "\n"


def _missing(protocol: Protocol, record: Record) -> list[str]:
    """Name the arms that were not trained, if there are any."""
    missing = "; ".join(plain(f"{setting}, {arm}") for setting, arm in untrained(protocol, record))
    return [f"Not trained in the device time there was, and so undecided: {missing}."] if missing else []


def _answered(
    protocol: Protocol, record: Record, comparisons: Sequence[ArmComparison], question: Question
) -> list[str]:
    """Write a question with its prediction, its curves and its answer."""
    lines = [
        f"- {plain(arm)}: {'; '.join(f'{PARTS[part]} {said(c)}{_seen(c)}' for part, c in of_arm.items())}."
        for arm, of_arm in answers(question, comparisons).items()
    ]
    claims = ", ".join(f"[`{name}`](claims/{name}.md)" for name in question.claims)
    regime = {**protocol.rules["common"], **protocol.rules["settings"][question.setting]}
    return [
        f"(trial-{question.name})=",
        f"## {question.title}",
        f"**Predicted.** {plain(question.predicted)}",
        f"**Measured** ({plain(METRICS[question.metric])}; task `{regime['task']}`, learning rate "
        f"{regime['learning_rate']:g}, loss `{regime.get('loss', 'token')}`, {regime['prompts']} prompts and "
        f"{regime['minibatches']} steps a batch):",
        "\n".join(lines),
        _image(answer(protocol, record, question)),
        f"**In the paper.** {plain(question.paper)}",
        *([f"Claims: {claims}"] if claims else []),
    ]


def _seen(c: ArmComparison) -> str:
    """Say which difference would have been seen where nothing is decided."""
    return f" (a difference of {c.visible:.2g} would have been seen)" if c.verdict == "undecided" else ""


def _image(picture: Picture) -> str:
    """Draw a picture into the page."""
    from qae_sim.pictures.render import png

    words = html.escape(picture.sentence({}))
    data = base64.b64encode(png(picture, width=12.0, height=5.0)).decode()
    return f'<img alt="{words}" src="data:image/png;base64,{data}" width="1000">'


def _all(comparisons: Sequence[ArmComparison]) -> str:
    """Write all comparisons as a table."""
    lines = ["| setting | arm | quantity | difference | p | verdict | would have been seen |", "|" + " --- |" * 7]
    lines += [
        f"| {c.setting} | {plain(c.arm)} | `{c.quantity}` | {signed(c.mean)} [{signed(c.low)}, {signed(c.high)}] | "
        f"{c.p:.3f} | {c.verdict} | {c.visible:.3f} |"
        for c in comparisons
    ]
    return "\n".join(lines)
