"""``qae-sim verify``: run the checks of the papers' claims."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from qae_sim.theory import Claim, Report, Verdict, VerifiedClaim, all_claims, broken, verify
from qae_sim.theory.certificate_files import write_certificates
from qae_sim.theory.coq import CoqNotCompiledError, theorems
from qae_sim.theory.verify import chosen

_COLOURS = {
    Verdict.CERTIFIED: "green",
    Verdict.CONDITIONAL: "cyan",
    Verdict.REFUTED: "magenta",
    Verdict.STATISTICAL: "blue",
    Verdict.DIFFERS: "red",
    Verdict.UNDECIDED: "yellow",
    Verdict.OPEN: "dim",
}


@click.command("verify", short_help="Check the claims of the papers.")
@click.option("--claim", "ids", multiple=True, help="Check this claim only, and show everything; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all digits instead of a table.")
@click.option("--quick", is_flag=True, help="Check smaller ranges: the same verdicts, sooner.")
@click.option("--list", "as_list", is_flag=True, help="Print all claims without checking them.")
@click.option(
    "--certificates",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write what is needed to check the claims without this package into DIR, with the program that does so.",
)
@click.option("--breaks", is_flag=True, help="With --claim: drop assumptions one by one, and show new verdicts.")
def verify_command(
    ids: tuple[str, ...], as_json: bool, quick: bool, as_list: bool, certificates: Path | None, breaks: bool
) -> None:
    """Check the claims of the papers: certified, conditional, refuted by a counterexample, or open.

    Every verdict is computed, by exact or rigorous arithmetic wherever that is possible, and compared with the expected
    one. The exit status is 1 if any differs.
    """
    if breaks and not ids:
        raise click.UsageError("--breaks needs --claim")
    try:
        claims = chosen(ids or None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except ModuleNotFoundError as error:
        raise click.ClickException(str(error)) from error
    if as_list:
        Console().print(_list(claims))
        return
    if certificates is not None:
        _write(claims, certificates)
        return
    finished: list[VerifiedClaim] = []
    try:
        report = _run(claims, quick, finished)
    except KeyboardInterrupt:
        if not as_json:
            Console().print(_table(finished))
        click.echo(f"Interrupted after {len(finished)} of {len(claims)} claims.", err=True)
        raise SystemExit(130) from None
    except CoqNotCompiledError as error:
        raise click.ClickException("; ".join([str(error), *getattr(error, "__notes__", ())])) from error
    if as_json:
        click.echo(report.to_json())
    elif ids:
        for result in report.results:
            _show(result, breaks, quick)
    else:
        Console().print(_table(report.results))
    if not as_json:
        click.echo(_summary(report))
    raise SystemExit(1 if report.differences else 0)


def _write(claims: list[Claim], folder: Path) -> None:
    """Write certificates, and say which claims have none."""
    try:
        written = write_certificates(claims, folder)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot write certificates: {error}") from error
    click.echo(
        f"Certificates of {len(written)} of {len(claims)} claims; to check them: python {folder}/check.py {folder}"
    )
    without = [claim for claim in claims if not claim.certificate and claim.tier.exact]
    if without:
        click.echo(f"Claims in exact tiers without one ({len(without)}):")
    for claim in without:
        click.echo(f"  {claim.id}: {claim.uncertified or 'none has been written'}")


def _run(claims: list[Claim], quick: bool, finished: list[VerifiedClaim]) -> Report:
    """Check claims with a progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("claims", total=len(claims))

        def advance(result: VerifiedClaim) -> None:
            finished.append(result)
            bar.update(task, advance=1, description=result.claim.id)

        # Starting a second process takes longer than checking a few claims, or all on smaller ranges.
        processes = 1 if quick or len(claims) < 20 else 2
        return verify([claim.id for claim in claims], quick=quick, on_result=advance, processes=processes)


def _verdict(verdict: Verdict) -> str:
    """A verdict in its colour."""
    return f"[{_COLOURS[verdict]}]{verdict}[/]"


def _values(values: Mapping[str, Any]) -> str:
    """Write numbers so that a reader can type them in."""
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _table(results: list[VerifiedClaim] | tuple[VerifiedClaim, ...]) -> Table:
    """Lay out one row per claim: verdict, and its grounds."""
    table = Table(show_lines=False, title="Claims of the papers", title_justify="left")
    table.add_column("Claim", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Origin, reach, and condition or counterexample")
    for result in results:
        outcome = result.outcome
        if outcome.verdict is Verdict.REFUTED:
            note = f"{outcome.tier}; counterexample: {_values(outcome.counterexample)}"
        elif outcome.verdict is Verdict.CONDITIONAL:
            note = f"{outcome.tier}, if {outcome.condition}"
        else:
            note = outcome.condition or f"{outcome.tier}; {outcome.method}"
        verdict = _verdict(outcome.verdict)
        if not result.as_expected:
            verdict += f"\n[bold red]expected {result.claim.expected}[/]"
            note = f"expected: {result.claim.tier}; {note}"
        table.add_row(result.claim.id, verdict, escape(f"{result.claim.origin}; {note}"))
    return table


def _list(claims: list[Claim]) -> Table:
    """Lay out all claims with their statements."""
    table = Table(title="Claims of the papers", title_justify="left", show_lines=True)
    table.add_column("Claim and known verdict", no_wrap=True)
    table.add_column("What it says")
    for claim in claims:
        text = f"{escape(claim.statement)}\n[dim]{escape(claim.paper.cite)}, {escape(claim.equation)}[/]"
        table.add_row(f"[bold]{claim.id}[/bold]\n{_verdict(claim.expected)}", text)
    return table


def _show(result: VerifiedClaim, breaks: bool, quick: bool) -> None:
    """Print everything about one claim."""
    console = Console(highlight=False)
    claim, outcome = result.claim, result.outcome
    console.print(f"[bold]{claim.id}[/bold]  {_verdict(outcome.verdict)}  ({result.seconds:.2f} s)")
    console.print(f"  {escape(claim.statement)}")
    console.print(f"  {escape(claim.latex)}", style="dim")
    console.print(f"  Source: {escape(claim.paper.cite)}, {escape(claim.equation)} ({claim.origin})")
    console.print(f"  Reach: {outcome.tier}")
    for assumption in claim.assumptions:
        console.print(f"  Assumes: {escape(assumption)}")
    if outcome.verdict is Verdict.OPEN or outcome.verdict is Verdict.UNDECIDED:
        console.print(f"  Why: {escape(outcome.condition)}")
    elif claim.condition:
        console.print(f"  Holds if: {escape(claim.condition)}")
    if claim.proof:
        console.print("  Proof:")
        for line in claim.proof.splitlines():
            console.print(f"    {escape(line)}")
    for item in outcome.evidence:
        console.print(f"  - {escape(item.what)}: [bold]{item.holds}[/bold]")
        console.print(f"    {escape(item.over)}; {item.method}" + (f"; margin {item.margin}" if item.margin else ""))
        if item.counterexample:
            console.print(f"    counterexample: {escape(_values(item.counterexample))}")
        for name, value in item.figures.items():
            console.print(f"    {escape(name)}: {escape(str(value))}")
    if theorem := theorems().get(claim.id):
        word = "Refuted" if theorem.refutes else "Proved"
        console.print(f"  {word} in Coq: theorem {theorem.name} of qae_sim/theory/coq/{theorem.path.name}")
        console.print(f"    {escape(theorem.words)}")
        for line in [*theorem.context.splitlines(), *theorem.statement.splitlines()]:
            console.print(f"    {escape(line)}", style="dim")
    if claim.certificate:
        console.print("  Certificate (--certificates DIR writes it for check.py):")
    for part in claim.certificate:
        console.print(f"  - {escape(part.says)}")
        for line in part.lines():
            console.print(f"    {escape(line)}", style="dim")
    if claim.uncertified:
        console.print(f"  No certificate: {escape(claim.uncertified)}")
    if breaks:
        for change, turned in broken(claim.id, quick=quick):
            console.print(f"  Changed: {escape(change.name)} -> {_verdict(turned.verdict)}")
            if turned.counterexample:
                console.print(f"    {escape(_values(turned.counterexample))}")


def _summary(report: Report) -> str:
    """Count the verdicts, and say whether all are as expected."""
    counts = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in Verdict if report.count(verdict))
    seconds = sum(result.seconds for result in report.results)
    wrong = [
        f"{r.claim.id} is {r.outcome.verdict} ({r.outcome.tier}), expected {r.claim.expected} ({r.claim.tier})"
        for r in report.differences
    ]
    verdicts = "all as expected" if not wrong else "DIFFERENT: " + "; ".join(wrong)
    return f"{len(report.results)} of {len(all_claims())} claims in {seconds:.1f} s: {counts}; {verdicts}"
