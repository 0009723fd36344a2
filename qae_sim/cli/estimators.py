"""``qae-sim estimators``: the table of estimators, for people and for programs."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qae_sim.advantages import ESTIMATORS, LEFT_OUT, PLACES, Estimator, why_not


@click.command(short_help="List the estimators.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def estimators(as_json: bool) -> None:
    """List the advantage estimators: name, level, source, what each does, where it can be used.

    The level says what an estimator needs and returns: "response" turns the rewards of each group into one advantage
    per response, "batch" needs all groups of a batch at once, "token" gives each token its own advantage, "turn" each
    turn of a conversation, "tree" each step that responses share; a "loss" is used instead of advantages.
    """
    if as_json:
        click.echo(json.dumps([_as_dict(estimator) for estimator in ESTIMATORS.values()], indent=2))
    else:
        console = Console()
        console.print(_table())
        console.print("Not in the table:")
        for what, reason in LEFT_OUT.items():
            console.print(f"- {escape(what)}: {escape(reason)}")


def _as_dict(estimator: Estimator) -> dict[str, object]:
    """Describe an estimator in values that JSON can hold."""
    return {
        "name": estimator.name,
        "level": estimator.level,
        "summary": estimator.summary,
        "binary": estimator.binary,
        "needs": list(estimator.inputs),
        "places": {place: why_not(estimator.name, place) or "yes" for place in PLACES},
        "parameters": {name: {"required": True} for name in estimator.inputs}
        | {name: {"default": default} for name, default in estimator.parameters.items()},
        "paper": estimator.source.reference if estimator.source else "",
        "arxiv": estimator.source.arxiv if estimator.source else "",
        "equation": estimator.equation,
    }


def _table() -> Table:
    """Lay the estimators out in two columns, which leave names and identifiers whole on a narrow terminal."""
    table = Table(title="Advantage estimators", title_justify="left", show_lines=True)
    table.add_column("Name and level", no_wrap=True)
    table.add_column("What it does, parameters, source")
    for estimator in ESTIMATORS.values():
        takes = [*estimator.inputs, *(f"{name}={default!r}" for name, default in estimator.parameters.items())]
        parameters = ", ".join(takes)
        paper = f"{estimator.source.reference}, {estimator.source.number}, " if estimator.source else ""
        source = f"{paper}{estimator.equation}"
        reasons = {place: why_not(estimator.name, place) for place in PLACES}
        where = ", ".join(place for place, reason in reasons.items() if not reason)
        lines = [estimator.summary, parameters or "no parameters", source, f"goes into: {where}"]
        for reason in dict.fromkeys(filter(None, reasons.values())):
            kept_out = ", ".join(place for place in PLACES if reasons[place] == reason)
            lines.append(f"not into {kept_out}: {reason}")
        table.add_row(f"[bold]{estimator.name}[/bold]\n{estimator.level}", "\n".join(map(escape, lines)))
    return table
