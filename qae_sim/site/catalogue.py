"""Pages in Markdown, made from the package: claims, findings, estimators, speed, and the list of lessons."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qae_sim import speed
from qae_sim.advantages import ESTIMATORS, INPUTS, LEFT_OUT, PLACES, Estimator, why_not
from qae_sim.lm.studies import SEEDS, STUDIES, Finding
from qae_sim.papers import Paper
from qae_sim.site.address import Address
from qae_sim.site.doors import doors, table
from qae_sim.site.lessons import Lesson
from qae_sim.site.pyodide import VERSION
from qae_sim.theory import Claim, Evidence, Verdict, VerifiedClaim, all_claims
from qae_sim.theory.certificate_coverage import NARROWER
from qae_sim.theory.coq import CoqTheorem, theorems

_VERDICTS = {
    Verdict.CERTIFIED: "it holds as stated",
    Verdict.CONDITIONAL: "it fails as stated, and holds under one more condition, which is named",
    Verdict.REFUTED: "there is a counterexample",
    Verdict.STATISTICAL: "samples agree with it; nothing stronger is known",
    Verdict.UNDECIDED: "the arithmetic was not sharp enough",
    Verdict.OPEN: "it is not checked, for a reason that is given",
}

_HEAD = ("claim", "says", "verdict; origin; reach; checked by others")

#: A finding's verdict begins with one of these; the rest says where.
_KINDS = re.compile(r"(replicated|not replicated|depends)(.*)")


def plain(text: str) -> str:
    r"""Escape text for Markdown.

    Args:
        text: Plain text; spaces and line breaks become single spaces.

    Returns:
        Markdown that shows this text.

    Example:
        >>> plain("1*2 < |A|")
        '1\\*2 \\< \\|A\\|'
    """
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Escape Markdown's signs."""
    return re.sub(r"([\\`*_{}\[\]<>|$#~&])", r"\\\1", text)


def claims_pages(results: Sequence[VerifiedClaim], lessons: Sequence[Lesson]) -> dict[str, str]:
    """Write the pages of claims: a table of all, a list for each paper, and a page for each claim.

    Args:
        results: The results of the checks.
        lessons: The lessons, which name some of the claims.

    Returns:
        Markdown by page.
    """
    pages: dict[str, list[VerifiedClaim]] = {}
    for result in results:
        pages.setdefault(f"claims/{result.claim.paper.key}", []).append(result)
    numbers = {verdict: sum(r.outcome.verdict is verdict for r in results) for verdict in Verdict}
    index = [
        "# Claims of the papers",
        f"{len(results)} claims: {', '.join(f'{n} {verdict}' for verdict, n in numbers.items() if n)}. "
        "Certified means by exact or rigorous arithmetic, not by a plot that looks right; a refuted claim comes with "
        "numbers at which it fails. A refuted sentence does not refute a paper: many go one step beyond what was "
        "proved.",
        "The evidence on these pages is that of `qae-sim verify --quick`; `qae-sim verify` checks larger ranges, with "
        "the same verdicts, and `qae-sim verify --claim qae.prop4.2-low --breaks` drops the assumptions of one claim "
        "one by one.",
        "\n".join(f"- {_verdict(verdict)}: {what}" for verdict, what in _VERDICTS.items() if numbers[verdict]),
        f"{sum(bool(r.claim.certificate) for r in results)} have a certificate: statements that "
        '<a href="../certificates/check.py">a program of 250 lines</a> confirms with Python\'s standard library alone, '
        "without this package (`qae-sim verify --certificates DIR`). Some confirm "
        f"[less than the claim says](certificates.md). {len(theorems())} rest on a theorem that the "
        "proof assistant Coq has checked.",
        "The origin is who says the sentence: the paper (quoted or paraphrased), nobody in so many words (implied by "
        "the paper), or this project (ours). The reach is how far the verdict goes: proved for all values or on a "
        "stated box, enumerated over finitely many cases, numerical without a bound of the error, or statistical.",
    ]
    written = {}
    for page, members in pages.items():
        paper = members[0].claim.paper
        index += [f"## {plain(paper.name)}", _table(_HEAD, map(_row, members))]
        # Links to claims led here once: each still finds its line.
        rows = [
            (f'<span id="claim-{r.claim.id.replace(".", "-")}"></span>{first}', *rest)
            for r in members
            for first, *rest in [_row(r)]
        ]
        written[page] = _text([f"# Claims of {plain(paper.name)}", f"Source: {_to_paper(paper)}.", _table(_HEAD, rows)])
    index.append(_toctree([*(page.removeprefix("claims/") for page in pages), "certificates"]))
    written["claims/index"] = _text(index)
    written["claims/certificates"] = _certificates([result.claim for result in results])
    for result in results:
        written[f"claims/{result.claim.id}"] = _text(
            _claim(result, [x for x in lessons if result.claim.id in x.claims])
        )
    return written


def _certificates(claims: Sequence[Claim]) -> str:
    """Write the page of the certificates, with a table of those that confirm less than their claim."""
    rows = [
        (f"[`{claim.id}`](#claim-{claim.id})", plain(NARROWER[claim.id])) for claim in claims if claim.id in NARROWER
    ]
    return _text(
        [
            "# Certificates",
            f"{sum(bool(claim.certificate) for claim in claims)} claims have a certificate, and "
            '<a href="../certificates/check.py">check.py</a> confirms its parts. They are the claim itself, a '
            "counterexample to it, or steps of its proof for all values that the claim speaks of; the proof text says "
            f"how they make up the claim. For {len(rows)} claims they are less: the table says what is confirmed. The "
            "rest is in the proof text, and in many cases in Coq.",
            _table(("claim", "confirmed"), rows),
        ]
    )


def _row(result: VerifiedClaim) -> tuple[str, str, str]:
    """Write a claim's row of a table."""
    claim, outcome = result.claim, result.outcome
    origin = "; ".join((claim.origin, outcome.tier, *_by(claim)))
    return (
        f"[`{claim.id}`](#claim-{claim.id})",
        plain(claim.statement),
        f"{_verdict(outcome.verdict)}<br><small>{origin}</small>",
    )


def _claim(result: VerifiedClaim, lessons: Sequence[Lesson]) -> list[str]:
    """Write one claim in full."""
    claim, outcome = result.claim, result.outcome
    where = "" if claim.equation == "-" else f" ({plain(claim.equation)})"
    parts = [
        # Not in the table of contents: each page would list all claims.
        "---\norphan: true\n---",
        f"(claim-{claim.id})=",
        f"# `{claim.id}`",
        f"[All claims](index.md) · [Claims of {plain(claim.paper.name)}]({claim.paper.key}.md)",
        f"{_verdict(outcome.verdict)}: {plain(claim.statement)}{where}",
        f"```{{math}}\n{claim.latex}\n```",
    ]
    if claim.assumptions:
        parts.append(f"Assumes: {'; '.join(map(plain, claim.assumptions))}.")
    if condition := outcome.condition or claim.condition:
        word = "Why it is open" if outcome.verdict is Verdict.OPEN else "Holds if"
        parts.append(f"{word}: {plain(condition)}.")
    parts.append(f"Origin: {claim.origin}. Reach: {outcome.tier}.")
    if claim.proof:
        # Lines of a terminal; here a line ends where a sentence or a formula does.
        lines = re.sub(r"(?<![.:;])\n", " ", claim.proof).splitlines()
        parts += ["**Why**", "\\\n".join(map(_linked, lines))]
    if outcome.evidence:
        parts += ["**Evidence**", "\n".join(map(_evidence, outcome.evidence))]
    if claim.breaks:
        turns = (f"- {plain(turn.name)}: {_verdict(turn.verdict)}" for turn in claim.breaks)
        parts += ["**What turns the verdict**", "\n".join(turns)]
    parts += _certificate(claim)
    if theorem := theorems().get(claim.id):
        parts += _theorem(theorem)
    for what, kind in (("Explorers that show it", "explorer"), ("Lessons that name it", "cell")):
        links = [_to_lesson(x, "../", x.claims[claim.id]) for x in lessons if x.claims[claim.id].startswith(kind)]
        if links:
            parts.append(f"{what}: {', '.join(links)}.")
    return parts


def _linked(text: str) -> str:
    """Escape text, and link the claims that it names."""
    known = all_claims()
    words = re.split(r"([a-z-]+\.[a-z0-9][a-z0-9.-]*[a-z0-9])", text)
    return "".join(f"[`{word}`](#claim-{word})" if word in known else _escaped(word) for word in words)


def _by(claim: Claim) -> list[str]:
    """What else checks a claim."""
    return ["certificate"] * bool(claim.certificate) + ["Coq"] * (claim.id in theorems())


def _certificate(claim: Claim) -> list[str]:
    """Write what of a claim can be checked without this package."""
    if claim.uncertified:
        return [f"No certificate: {plain(claim.uncertified)}."]
    if not claim.certificate:
        return []
    links = (f'<a href="../certificates/{file}">{file}</a>' for file in (f"{claim.id}.json", "check.py"))
    parts = [f"**Certificate** ({', checked by '.join(links)})"]
    if claim.id in NARROWER:
        parts.append(f"It confirms less than the claim: {plain(NARROWER[claim.id])}.")
    for part in claim.certificate:
        said = part.says[:1].upper() + part.says[1:]
        parts += [f"{plain(said)}:", "\n".join(["```text", *part.lines(), "```"])]
    return parts


def _theorem(theorem: CoqTheorem) -> list[str]:
    """Write what Coq has checked: the theorem, and its proof for who asks."""
    stated = f"{theorem.context}\n\n{theorem.statement}".strip()
    return [
        f"**{'Refuted' if theorem.refutes else 'Proved'} in Coq** ({plain(theorem.path.name)}): {plain(theorem.words)}",
        f"```coq\n{stated}\n```",
        "<details><summary>Proof in Coq</summary>",
        f"```coq\n{theorem.proof}\n```",
        "</details>",
    ]


def _evidence(item: Evidence) -> str:
    """Write one piece of evidence."""
    lines = [f"- {plain(item.what)}: **{item.holds}**", f"  ({plain(item.over)}; {item.method})"]
    if item.margin:
        lines.append(f"  - margin: {plain(item.margin)}")
    if item.counterexample:
        lines.append(f"  - counterexample: {_values(item.counterexample)}")
    lines += [f"  - {plain(name)}: {plain(str(value))}" for name, value in item.figures.items()]
    return "\n".join(lines)


def speed_page() -> str:
    """Write the page of measured speed.

    Returns:
        Markdown.
    """
    return _text(
        [
            "# Speed",
            "Ratios within one run: they depend on processor, vector units and versions, which are given with every "
            "table. `python tests/benchmarks/bench_NAME.py` measures your machine; `--write` stores the result for "
            "this page.",
            speed.page(),
        ]
    )


def doors_page(address: Address, lesson: str) -> str:
    """Write the page of doors: which way to the lessons is for whom.

    Args:
        address: The project's public address.
        lesson: The notebook that links open, from the root of the repository.

    Returns:
        Markdown.
    """
    return _text(
        [
            "# Doors",
            "Which way to the lessons is for whom, what it needs, and what it took when it was measured ({doc}`speed` "
            "names the machines).",
            table(doors(address, lesson, speed.measurements())),
            "Pages of the site hold pictures of every starting point. What they do not hold, Python computes in the "
            'page: states between them, exercises, and <a href="log.html">a log of your own</a>, which does not leave '
            "your machine. It is loaded when it is first needed, and kept for later visits, which then need no "
            "network.",
            "JupyterLite is `lite/lab/index.html` in a site that was written with the extra `docs`. It opens from a "
            "web server, not from a disk: any server of files will do, without special "
            f"headers. Its Python is Pyodide {VERSION}; browsers refuse packages with other hashes than those recorded "
            "when the site was written. `qae-sim site DIR --pyodide FOLDER` takes it from an unpacked release and "
            "checks all its files, so that a school without internet can serve everything itself. It has neither "
            "PyTorch nor python-flint: live training waits for another door, recorded runs are there; claims are "
            "checked on exact fractions, and what only python-flint can decide is quoted. What you write stays in your "
            "browser.",
            "On your machine: `qae-sim lab` opens the lessons in JupyterLab, and keeps what you write.",
        ]
    )


def findings_page(findings: Sequence[Finding]) -> str:
    """Write the page of findings: the papers' claims about training, tested on toy language models.

    Args:
        findings: The findings.

    Returns:
        Markdown.
    """
    parts = [
        "# Findings on the toy model",
        "`qae-sim reproduce` trains small transformers on tasks with exact verifiers and tests the papers' claims "
        "about training. These are the findings of the runs that come with the package, as "
        "`qae-sim reproduce --recorded` prints them. Numbers are means over seeds with 95 % confidence intervals "
        "(Student's t, not adjusted for the number of claims), positive where the claim is right. A claim is "
        '"replicated" if the intervals support it in every setting, and "depends" if they do so only in some.',
        "Nothing was tuned towards a verdict: learning rate, steps per batch and number of batches were fixed "
        "beforehand, and the study `regime` varies them. Groups whose rewards are all equal are replaced by others, so "
        "that nearly every batch has the same number of mixed groups; the study `neighbours`, which compares "
        "estimators at equal compute, replaces none. "
        f"The seeds are few ({SEEDS['small']}, each with its own base model): an earlier recording, in which fewer "
        'groups were replaced, gave other verdicts on many claims, mostly "open" instead of "yes" or the reverse.',
        "These models are small: what they do not show may appear in larger ones, and the other way round. A setting "
        'such as "16 steps at 0.0005" means 16 steps on each batch at a learning rate of 0.0005.',
    ]  # fmt: skip
    for study in STUDIES.values():
        of_study = [finding for finding in findings if finding.study == study.name]
        rows = []
        for finding in of_study:
            verdict, where = _KINDS.match(finding.verdict).groups()  # type: ignore[union-attr]
            said = (
                f"{plain(finding.claim)}<br><small>{plain(finding.source)}</small><br>{_verdict(verdict)}{plain(where)}"
            )
            numbers = "<br>".join(
                f'{plain(e.setting)}: <span class="number">{e.mean:+.3f} {_interval(e.low, e.high)}</span>'
                for e in finding.evidence
            )
            rows.append((said, f"<small>{plain(finding.quantity)}</small><br>{numbers}"))
        if rows:
            parts += [f"(study-{study.name})=", f"## {plain(study.title)}", f"Study `{study.name}`."]
            parts.append(_table(("claim, source, verdict", "quantity, mean and interval"), rows))
    return _text(parts)


def estimators_page() -> str:
    """Write the page of all estimators: a table, and each one in full.

    Returns:
        Markdown.
    """
    rows = [(f"[`{e.name}`](#estimator-{e.name})", e.level, plain(e.summary)) for e in ESTIMATORS.values()]
    parts = [
        "# Estimators",
        "The level says what an estimator needs and returns: `response` turns the rewards of each group into one "
        "advantage per response, `batch` needs all groups of a batch at once, `token` gives each token its own "
        "advantage, `turn` each turn of a conversation, `tree` each step that responses share; a `loss` is used "
        "instead of advantages.",
        _table(("estimator", "level", "what it does"), rows),
        "## Where each can be used",
        _table(
            ("estimator", *(f"`{place}`" for place in PLACES)),
            [(f"[`{name}`](#estimator-{name})", *("no" if why_not(name, place) else "yes" for place in PLACES))
             for name in ESTIMATORS],
        ),
        "\n".join(f"- `{name}`: {plain(place.title)}" for name, place in PLACES.items()),
        "Which ones verl can use is in {doc}`its guide <guides/verl>`.",
        "## Not in the table",
        "\n".join(f"- {plain(what)}: {plain(reason)}" for what, reason in LEFT_OUT.items()),
        "## One by one",
    ]  # fmt: skip
    for estimator in ESTIMATORS.values():
        parts += _estimator(estimator)
    return _text(parts)


def _estimator(estimator: Estimator) -> list[str]:
    """Write one estimator in full."""
    reasons = {place: why_not(estimator.name, place) for place in PLACES}
    parameters = ", ".join(f"`{name}={default!r}`" for name, default in estimator.parameters.items())
    paper = estimator.source
    source = [_to_paper(paper)] if paper else []
    lines = [
        f"- Level: `{estimator.level}`",
        f"- Paper: {', '.join([*source, plain(estimator.equation)])}",
        f"- Parameters: {parameters or 'none'}",
        f"- Goes into: {', '.join(f'`{place}`' for place in PLACES if not reasons[place])}",
    ]
    if estimator.inputs:
        needs = ", ".join(f"{plain(INPUTS[name].words)} (`{name}`)" for name in estimator.inputs)
        lines.insert(2, f"- Needs besides rewards: {needs}")
    for reason in dict.fromkeys(filter(None, reasons.values())):
        kept_out = ", ".join(f"`{place}`" for place in PLACES if reasons[place] == reason)
        lines.append(f"- Not into {kept_out}: {plain(reason)}")
    lines.append(f"- Function: {{py:func}}`qae_sim.advantages.{estimator.name}`")
    says = f"**{plain(estimator.title)}**: {plain(estimator.summary)}."
    return [f"(estimator-{estimator.name})=", f"### `{estimator.name}`", says, "\n".join(lines)]


def lessons_page(lessons: Sequence[Lesson]) -> str:
    """Write the page that lists the lessons.

    Args:
        lessons: The lessons, in order.

    Returns:
        Markdown.
    """
    listed = "\n".join(f"{number}. {_to_lesson(lesson, '')}" for number, lesson in enumerate(lessons))
    return _text(
        [
            "# Lessons",
            "Each lesson is a page; `qae-sim lab` opens them live, in JupyterLab. Lesson 0 says which question each "
            "answers, and how long it takes.",
            listed,
        ]
    )


def _to_paper(paper: Paper) -> str:
    """Write a paper, with a link if it has one."""
    text = plain(f"{paper.reference}, {paper.number}" if paper.arxiv else paper.reference)
    return f"[{text}]({paper.url})" if paper.url else text


def _to_lesson(lesson: Lesson, up: str, place: str = "") -> str:
    """Write a link to a lesson, or to a place in it."""
    there = f"#{place}" if place else ""
    return f'<a href="{up}lessons/{lesson.name}.html{there}">{plain(lesson.title)}</a>'


def _verdict(verdict: str) -> str:
    """Write a verdict in its colour."""
    return f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{verdict}</span>'


def _interval(low: float, high: float) -> str:
    """Write an interval; nothing if there were too few seeds for one."""
    return plain(f"[{low:+.3f}, {high:+.3f}]") if math.isfinite(low) and math.isfinite(high) else ""


def _values(values: Mapping[str, Any]) -> str:
    """Write numbers so that a reader can type them in."""
    return ", ".join(f"{plain(name)} = {plain(str(value))}" for name, value in values.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def _toctree(pages: Iterable[str]) -> str:
    """Write a hidden table of contents of the pages below a page."""
    return "```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```"


def _text(parts: Iterable[str]) -> str:
    """Join paragraphs."""
    return "\n\n".join(parts) + "\n"
