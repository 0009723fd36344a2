"""``qae-sim estimators``: the table of estimators, for people and for programs."""

from __future__ import annotations

import inspect
import json

import click
from rich.console import Console
from rich.table import Table

from qae_sim.advantages import ESTIMATORS, Estimator


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def estimators(as_json: bool) -> None:
    """List the advantage estimators: name, level, source and what each does.

    The level says what an estimator looks at and gives: "response" turns the rewards of each group into one advantage
    per response, "batch" needs all groups of a batch at once, and "token" gives each token an advantage of its own.
    """
    if as_json:
        click.echo(json.dumps([_as_dict(estimator) for estimator in ESTIMATORS.values()], indent=2))
    else:
        Console().print(_table())


def _as_dict(estimator: Estimator) -> dict[str, object]:
    """Describe an estimator in values that JSON has."""
    return {
        "name": estimator.name,
        "level": estimator.level,
        "summary": estimator.summary,
        "parameters": {
            name: {"required": True} if default is inspect.Parameter.empty else {"default": default}
            for name, default in estimator.parameters.items()
        },
        "paper": estimator.paper,
        "arxiv": estimator.arxiv,
        "equation": estimator.equation,
    }


def _table() -> Table:
    """Lay the estimators out; a narrow terminal wraps the prose and leaves the names whole."""
    table = Table(title="Advantage estimators", title_justify="left", show_lines=True)
    table.add_column("Name", no_wrap=True)
    table.add_column("Level", no_wrap=True)
    table.add_column("What it does", overflow="fold", ratio=3)
    table.add_column("Source", overflow="fold", ratio=2)
    for estimator in ESTIMATORS.values():
        source = f"{estimator.paper}, {estimator.equation} (arXiv:{estimator.arxiv})"
        table.add_row(estimator.name, estimator.level, estimator.summary, source)
    return table
