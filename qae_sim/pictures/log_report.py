"""Pictures of a training log, and a report of one file that opens without anything installed."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np

from qae_sim.advantages import ESTIMATORS
from qae_sim.logs.data_sources import by_data_source
from qae_sim.logs.diagnosis import Diagnosis, diagnose
from qae_sim.logs.digest import KS, PAPER_SHARE, Digest, first_and_last_part
from qae_sim.logs.findings import RunFinding
from qae_sim.logs.shares import advantage_shares, advantage_shares_by_quarter, compared
from qae_sim.pictures.scene import Bars, GuideLine, Line, Panel, Picture, Points, axis_limits
from qae_sim.pictures.style import BASELINE, CORRECT, MEAN, MUTED, QUANTILE, THIRD, WRONG

#: Key words at either end that a picture shows.
_SHOWN = 9

#: Estimators whose shares of |A| are drawn: name, label, colour, dash. A table in the report has all of them.
_LISTENING = (
    ("grpo", "grpo", MEAN, "solid"),
    ("qae", "qae (K = .4)", QUANTILE, "dashed"),
    ("neg_mask", "neg_mask (K = .4)", WRONG, "dotted"),
)


def over_training(digest: Digest) -> Picture:
    """Reward, anchor and groups without a signal over training.

    Args:
        digest: What a log says.

    Returns:
        The picture.

    Example:
        >>> from qae_sim.logs.digest import digest
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> over_training(digest(recorded_log())).sentence({})[:38]
        '30 steps, 7680 responses in groups of '
    """
    x = digest.steps.astype(float)
    left: list[Line] = [Line(x, digest.reward, CORRECT, "mean reward")]
    if not np.isnan(digest.anchor).all():
        left.append(Line(x, digest.anchor, BASELINE, "HA-DW's anchor", "dashed"))
    right = [Line(x, digest.degenerate, MUTED, "groups of equal rewards")]
    if not np.isnan(digest.lifted).all():
        right.append(Line(x, digest.lifted, THIRD, "mixed groups below the anchor", "dashed"))
    span = (float(x[0]), float(x[-1]) if len(x) > 1 else float(x[0]) + 1)
    values = np.concatenate([digest.reward, digest.anchor])
    panels = (
        Panel("Reward over training", "step", "reward", span, axis_limits(0.0, 1.0, values), tuple(left)),
        Panel("Groups over training", "step", "share of groups", span, (0.0, 1.0), tuple(right)),
    )
    words = (
        f"{len(x)} steps, {int(digest.responses.sum())} responses in groups of {digest.group_size}: mean reward from "
        f"{digest.reward[0]:.2f} to {digest.reward[-1]:.2f}; groups of equal rewards from "
        f"{digest.degenerate[0]:.0%} to {digest.degenerate[-1]:.0%}."
    )
    if digest.prompts:
        first = digest.prompts[0]
        words += f" HA-DW would have lifted {first.text!r} most often: {first.times} times, at {first.success:.0%}."
    return Picture(panels, (words,))


def success_rates(digest: Digest) -> Picture:
    """Success rates of prompts in the first and in the last fifth of training.

    Args:
        digest: What a log says.

    Returns:
        The picture.

    Example:
        >>> from qae_sim.logs.digest import digest
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> success_rates(digest(recorded_log())).sentence({})[:62]
        'first fifth: 8% of the prompts never correct, 0% always; last '
    """
    rates = np.arange(digest.group_size + 1) / digest.group_size
    panels, said = [], []
    for name, part in zip(("first", "last"), first_and_last_part(digest, 5), strict=True):
        share = part.success_shares
        bars = Bars(rates, share, CORRECT, width=0.8 / digest.group_size)
        limits = axis_limits(0.0, 0.1, share)
        panels.append(
            Panel(f"In the {name} fifth", "success rate of a group", "share of prompts", (-0.06, 1.06), limits, (bars,))
        )
        said.append(f"{name} fifth: {share[0]:.0%} of the prompts never correct, {share[-1]:.0%} always")
    return Picture(tuple(panels), ("; ".join(said) + ".",))


def silenced(digest: Digest) -> Picture:
    """What share of the responses QAE would have silenced, by K and over training; whom estimators listen to.

    Args:
        digest: What a log says.

    Returns:
        The picture.

    Example:
        >>> from qae_sim.logs.digest import digest
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> silenced(digest(recorded_log())).sentence({})
        "The paper's 80 % without advantage is nearest at K = 0.4: 70.7%; at K = .4 it is 70.7%."
    """
    k = digest.k_of_the_paper
    shares = digest.silenced_by_k
    here = shares[KS.index(k)]
    words = f"The paper's 80 % without advantage is nearest at K = {k:g}: {here:.1%}; at K = .4 it is "
    return Picture((_silenced_by_k(shares, k, here), _listened_to(digest)), (f"{words}{shares[KS.index(0.4)]:.1%}.",))


def _silenced_by_k(shares: np.ndarray, k: float, here: float) -> Panel:
    """Share of responses without advantage at each K, and the K whose share comes nearest to the paper's."""
    return Panel(
        "Responses without advantage under QAE",
        "K",
        "share of responses",
        (0.0, 1.0),
        (0.0, 1.0),
        (
            GuideLine(PAPER_SHARE, "y", MUTED, "the paper's 80 %", "dotted"),
            Line(np.array(KS), shares, QUANTILE, "this run"),
            Points(np.array([k]), np.array([here]), QUANTILE),
        ),
    )


def _listened_to(digest: Digest) -> Panel:
    """Share of all |A| by the success rate of the prompt, for three estimators."""
    rates = np.arange(1, digest.group_size) / digest.group_size  # equal rewards give no advantage
    lines = tuple(
        Line(rates, advantage_shares(digest, name)[1:-1], colour, label, dash)
        for name, label, colour, dash in _LISTENING
        if digest.binary or not ESTIMATORS[name].binary
    )
    highest = np.concatenate([line.y for line in lines])
    limits = axis_limits(0.0, 0.1, highest)
    title = "Whom each estimator listens to"
    return Panel(title, "success rate of the prompt", "share of all |A|", (0.0, 1.0), limits, lines)


def key_words(digest: Digest) -> Picture:
    """Words that come with success more, or less, often than chance among responses to one prompt.

    Args:
        digest: What a log says.

    Returns:
        The picture; one that says so where the log has no words.

    Example:
        >>> from qae_sim.logs.digest import digest
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> key_words(digest(recorded_log())).sentence({})[:70]
        '7680 responses, those to one prompt compared with each other. Most for'
    """
    words = digest.words
    shown = words if len(words) <= 2 * _SHOWN else (*words[:_SHOWN], *words[-_SHOWN:])
    x = np.arange(len(shown), dtype=float)
    success = np.array([word.success for word in shown])
    expected = np.array([word.expected for word in shown])
    panel = Panel(
        "Success of responses with a word, and what chance would give",
        "word, strongest for success at the left, against it at the right",
        "share that succeeds",
        (-0.6, max(len(shown), 1) - 0.4),
        (0.0, 1.0),
        (
            Bars(x, success, CORRECT, "with the word", hatched=True),
            Points(x, expected, WRONG, "by chance, in the same groups"),
        ),
        xticks=tuple((float(place), word.word) for place, word in zip(x, shown, strict=True)),
    )
    if not shown:
        return Picture((panel,), ("This log does not hold what was said, or no word in it is frequent enough.",))
    best, worst = shown[0], shown[-1]
    return Picture(
        (panel,),
        (
            f"{digest.words_from} responses, those to one prompt compared with each other. Most for success: "
            f"{best.word!r} (z = {best.z:+.1f}, {best.success:.0%} instead of {best.expected:.0%}); most against it: "
            f"{worst.word!r} (z = {worst.z:+.1f}, {worst.success:.0%} instead of {worst.expected:.0%}). With many "
            "words a few beyond 2 are chance, and what goes with success need not cause it.",
        ),
    )


def report(digest: Digest, diagnosis: Diagnosis | None = None) -> str:
    """Write a page with the diagnosis, all pictures, their words and what was wrong with the log.

    Args:
        digest: What a log says.
        diagnosis: Its diagnosis; None: it is made here.

    Returns:
        HTML that holds its pictures.

    Raises:
        ModuleNotFoundError: Matplotlib is not installed.
    """
    from qae_sim.pictures.render import png

    parts = [_diagnosed(diagnose(digest) if diagnosis is None else diagnosis), _how_it_was_read(digest)]
    for title, picture in (
        ("Over training", over_training(digest)),
        ("Success rates", success_rates(digest)),
        ("What QAE would have silenced", silenced(digest)),
        ("Key words", key_words(digest)),
    ):
        words = html.escape(picture.sentence({}))
        image = base64.b64encode(png(picture)).decode()
        parts.append(
            f'<h2>{title}</h2><p>{words}</p><img alt="{words}" src="data:image/png;base64,{image}" width="1000">'
        )
    parts += [_shares_table(digest), _data_sources_table(digest)]
    rows = "".join(
        f"<tr><td>{html.escape(prompt.text)}</td><td>{prompt.times}</td><td>{prompt.success:.0%}</td></tr>"
        for prompt in digest.prompts
    )
    if rows:
        head = "<tr><th>prompt</th><th>times</th><th>success then</th></tr>"
        parts.append(f"<h2>Prompts that HA-DW would have lifted most often</h2><table>{head}{rows}</table>")
    wrong = "".join(
        f"<li>{count} {html.escape(kind)}, first: {html.escape(digest.trouble.first[kind])}</li>"
        for kind, count in digest.trouble.counts.items()
    )
    parts.append(f"<h2>What was wrong with the log</h2><ul>{wrong or '<li>nothing</li>'}</ul>")
    title = html.escape(f"Training log {Path(digest.source).name}")
    style = (
        "body { font: 17px sans-serif; max-width: 1040px; margin: 2em auto; padding: 0 1em } img { max-width: 100% } "
        "table { display: block; overflow-x: auto }"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{style}</style>'
        f"</head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def _diagnosed(diagnosis: Diagnosis) -> str:
    """The verdict, what to change, and each finding with its numbers, as HTML."""
    parts = [f"<p><strong>{html.escape(diagnosis.verdict)}</strong></p>"]
    if diagnosis.advice:
        rows = "".join(
            f"<li>{html.escape(one.advice)} {html.escape(one.reason)} "
            f"The log cannot tell {html.escape(one.cannot_tell)}.</li>"
            for one in diagnosis.advice
        )
        parts.append(f"<h2>What to change, and why</h2><ol>{rows}</ol>")
    parts.append("<h2>What was found</h2>")
    for finding in diagnosis.findings:
        said = html.escape(finding.verdict)
        parts.append(
            f"<h3>{html.escape(finding.title)}</h3><p>{f'<strong>{said}</strong>' if finding.alarm else said}</p>"
        )
        if finding.prompts:
            parts.append("<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in finding.prompts) + "</ul>")
        if finding.numbers:
            head = "<tr><th>number</th><th>value</th><th>95 %</th><th>unit</th></tr>"
            parts.append(f"<details><summary>Evidence</summary><table>{head}{_numbers(finding)}</table></details>")
    return "".join(parts)


def _numbers(finding: RunFinding) -> str:
    """The numbers of a finding, as rows of HTML."""
    return "".join(
        f"<tr><td>{html.escape(one.name)}</td><td>{one.value:.4g}</td>"
        f"<td>{f'{one.low:.4g} to {one.high:.4g}, {one.how}' if one.how else '-'}</td><td>{one.unit}</td></tr>"
        for one in finding.numbers
    )


def _how_it_was_read(digest: Digest) -> str:
    """Format, rows, reward, success, steps and groups, as HTML."""
    lines = digest.reading.lines if digest.reading is not None else ()
    return "<ul>" + "".join(f"<li>{name}: {html.escape(said)}</li>" for name, said in lines) + "</ul>" if lines else ""


def _data_sources_table(digest: Digest) -> str:
    """The same numbers for each data source, as HTML; nothing for a run of one."""
    parts = by_data_source(digest)
    if not parts:
        return ""
    names = ("data source", "groups", *(one.name for one in (*parts[0].numbers, parts[0].change)))
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{html.escape(part.name)}</td><td>{part.groups}</td>"
        + "".join(
            f"<td>{one.value:.3f}{f' ({one.low:.3f} to {one.high:.3f})' if one.how else ''}</td>"
            for one in (*part.numbers, part.change)
        )
        + "</tr>"
        for part in parts
    )
    return f"<h2>By data source (95 %)</h2><table><tr>{head}</tr>{rows}</table>"


def _shares_table(digest: Digest) -> str:
    """Whom each estimator would have listened to, as HTML."""
    head = "".join(f"<th>{name}</th>" for name in ("estimator", "0-0.25", "0.25-0.5", "0.5-0.75", "0.75-1"))
    rows = "".join(
        f"<tr><td>{html.escape(rule.name)}</td>"
        + "".join(f"<td>{share:.1%}</td>" for share in advantage_shares_by_quarter(digest, rule))
        + "</tr>"
        for rule in compared(digest.binary)
    )
    return f"<h2>Share of all advantage, by success rate of the prompt</h2><table><tr>{head}</tr>{rows}</table>"
