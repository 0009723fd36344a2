"""``qae-sim inspect``: the advantages that estimators would have given in a finished run, from its logs."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qae_sim.arrays import invalid
from qae_sim.cli.stops import cannot_use
from qae_sim.cli.text import printable, shown
from qae_sim.logs.comparison import compare
from qae_sim.logs.data_sources import by_data_source
from qae_sim.logs.diagnosis import SCHEMA, Diagnosis, diagnose, plain, report_values
from qae_sim.logs.digest import KS, Digest, digest, training_parts
from qae_sim.logs.formats import FORMATS
from qae_sim.logs.resampling import Estimated
from qae_sim.logs.shares import advantage_shares_by_quarter, compared
from qae_sim.storage import write_atomically

_PARTS = 5  # rows of tables over training
#: Key words shown at either end.
_ENDS = 6
_BLOCKS = " ▁▂▃▄▅▆▇█"


@click.command("inspect", short_help="Analyse the logs of a training run.")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, metavar="RUN [OTHER]")
@click.option("--formats", is_flag=True, help="List the formats that can be read, and stop.")
@click.option("--reward", default=None, help='Column of the reward, or a sum: "accuracy + 0.5*format".')
@click.option("--success", type=float, default=None, help="A response succeeds if its reward is at least this.")
@click.option("--group", default=None, help="Column of groups, or: prompt, place.  [default: what the log tells]")
@click.option("--group-size", type=click.IntRange(2), default=None, help="G, where the log does not tell it.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Groups in a step, without steps.")
@click.option("--split", default=None, help="Column of data sources.  [default: data_source and the like]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON instead; the guide has its schema.")
@click.option("--force", is_flag=True, help="Go on though most rows cannot be used, or groups are not certain.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Also write a report with pictures, as one file.",
)
def inspect_command(runs: tuple[Path, ...], formats: bool, as_json: bool, page: Path | None, **options: Any) -> None:
    """Analyse the logs of your own training run: RUN is a folder or a file. With OTHER, compare both over their steps.

    Says first what to change in the run, and why, then what that rests on. Reads the logs of many trainers (--formats
    lists them), and plain CSV, TSV, Parquet, JSON Lines or JSON with columns prompt and reward. Shows success rates
    over training, the share of responses without advantage under QAE at each K, how each estimator would have divided
    all advantage between hard and easy prompts, and HA-DW's anchor.
    """
    console = Console()
    if formats:
        console.print(_formats())
        return
    if not runs:
        raise click.UsageError("Missing argument 'RUN'.")
    if len(runs) > 2:
        raise click.UsageError("At most two runs can be compared.")
    if len(runs) == 2:
        if page is not None:
            raise click.UsageError("--html writes the report of one run.")
        _print_comparison(console, _digest(runs[0], None, options), _digest(runs[1], None, options), as_json)
        return
    found = _digest(runs[0], page, options)
    diagnosis = diagnose(found)
    if as_json:
        _print_json(report_values(found, diagnosis))
    else:
        _print_all(console, found, diagnosis)
    if page is not None:
        _write_report(found, diagnosis, page)
        if not as_json:
            console.print(Text.assemble("Report: ", shown(page)))


def _digest(run: Path, page: Path | None, options: dict[str, Any]) -> Digest:
    """Read a run; what is wrong with it ends the command."""
    try:
        if page is not None:
            _require_place_for(page, run)
        return digest(run, **options)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        raise click.ClickException(printable(error)) from error
    except OSError as error:
        raise cannot_use(run, error) from error


def _print_json(values: dict[str, Any]) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(values, allow_nan=False, indent=1))


def _print_comparison(console: Console, a: Digest, b: Digest, as_json: bool) -> None:
    """Print two runs side by side."""
    try:
        rows = compare(a, b)
    except ValueError as error:
        raise click.ClickException(printable(error)) from error
    if as_json:
        names = [Path(one.source).name for one in (a, b)]
        _print_json({"schema": SCHEMA, "runs": names, "rows": plain([asdict(row) for row in rows])})
        return
    console.print(Text.assemble("A: ", shown(a.source, "bold"), "; B: ", shown(b.source, "bold")))
    table = Table(title="The same steps of both runs", title_justify="left")
    for name in ("", "Steps", "A", "B", "B less A (95 %)"):
        table.add_column(name, justify="left" if name in ("", "Steps") else "right")
    for row in rows:
        form = ".1f" if row.a.unit == "tokens" else ".3f"
        values = (_or_dash(one.value, form) for one in (row.a, row.b))
        table.add_row(row.a.name, f"{row.first}-{row.last}", *values, _with_interval(row.difference, "+" + form))
    console.print(table)


def _with_interval(number: Estimated, form: str) -> str:
    """Write a number and its interval, if it has one."""
    if np.isnan(number.low):
        return _or_dash(number.value, form)
    return f"{number.value:{form}} ({number.low:{form}} to {number.high:{form}})"


def _print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """Say first what to change, and why; then what was found."""
    console.print(shown(diagnosis.verdict, "bold"))
    for place, one in enumerate(diagnosis.advice):
        if place:
            console.print(shown(f"Then: {one.advice} {one.reason}"))
        console.print(shown(f"  The log cannot tell {one.cannot_tell}."))
    for finding in diagnosis.findings:
        mark = "yellow" if finding.alarm else ""
        console.print(Text.assemble(shown(finding.title, mark), " ", shown(finding.verdict)))
        for text in finding.prompts:
            console.print(Text.assemble("  ", shown(text)))


def _print_all(console: Console, found: Digest, diagnosis: Diagnosis) -> None:
    """Print the diagnosis, how the log was read, and tables."""
    _print_diagnosis(console, diagnosis)
    _print_reading(console, found)
    console.print(_over_training(found))
    if len(found.data_source_names) > 1:
        console.print(_by_data_source(found))
    console.print(_by_k(found))
    console.print(
        f"The paper's 80 % without advantage is nearest at K = {found.k_of_the_paper:g} "
        f"({found.silenced_by_k[KS.index(found.k_of_the_paper)]:.1%})."
    )
    console.print(_weights(found))
    if found.prompts:
        console.print(_prompts(found))
    console.print(_words(found) if found.words else "No key words: the log has no column of completions or tokens.")


def _require_place_for(page: Path, run: Path) -> None:
    """Refuse a report that cannot be written, or would take the place of the log, before the log is read."""
    if not page.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {page.absolute().parent} for the report")
    if page.exists() and (page.samefile(run) or run.resolve() in page.resolve().parents):
        raise invalid("html", str(page), "a new file, or one outside the run's folder: this one is there already")


def _write_report(found: Digest, diagnosis: Diagnosis, page: Path) -> None:
    """Write the report; the tables have been printed by now."""
    try:
        from qae_sim.pictures.log_report import report

        content = report(found, diagnosis).encode(errors="backslashreplace")  # for lone surrogates
    except Exception as error:
        raise click.ClickException(f"the report could not be made: {printable(error)}") from error
    try:
        write_atomically(page, content)
    except OSError as error:
        raise cannot_use(page, error) from error


def _formats() -> Table:
    """List the formats that can be read."""
    table = Table(title="Logs that inspect reads", title_justify="left")
    table.add_column("Format", no_wrap=True)
    table.add_column("Written by")
    for one in FORMATS:
        table.add_row(one.name, one.title)
    return table


def _print_reading(console: Console, found: Digest) -> None:
    """Say first how the log was read, and what was left out."""
    size = f"{len(found.steps)} steps, {int(found.responses.sum()):,} responses in groups of {found.group_size}"
    console.print(Text.assemble(shown(found.source, "bold"), f": {size}"))
    for name, said in found.reading.lines if found.reading is not None else ():
        console.print(Text.assemble(f"{name}: ", shown(said)))
    for kind, count in found.trouble.counts.items():
        first = shown(found.trouble.first[kind])
        console.print(Text.assemble(shown(f"{count:,} {kind}", "yellow"), ", first: ", first))


def _prompts(found: Digest) -> Table:
    """Lay out prompts below HA-DW's anchor, whose rare correct responses it would have given more weight."""
    table = Table(title="Prompts that HA-DW would have lifted most often", title_justify="left")
    for name in ("Prompt", "Times", "Success then"):
        table.add_column(name, justify="left" if name == "Prompt" else "right", no_wrap=name != "Prompt")
    for prompt in found.prompts[:_ENDS]:
        table.add_row(shown(prompt.text), f"{prompt.times}", f"{prompt.success:.1%}")
    return table


def _words(found: Digest) -> Table:
    """Lay out words of correct and of wrong responses to the same prompts."""
    table = Table(title=f"Key words, from {found.words_from:,} responses", title_justify="left")
    for name in ("Word", "z", "Responses", "Success", "By chance"):
        table.add_column(name, justify="left" if name == "Word" else "right")
    ends = found.words if len(found.words) <= 2 * _ENDS else (*found.words[:_ENDS], *found.words[-_ENDS:])
    for key in ends:
        shares = (f"{key.success:.1%}", f"{key.expected:.1%}")
        table.add_row(shown(key.word), f"{key.z:+.1f}", f"{key.responses:,}", *shares)
    return table


def _over_training(found: Digest) -> Table:
    """Lay out success rates, groups with equal rewards and the anchor, over five parts of training."""
    table = Table(title="Over training", title_justify="left")
    for name in ("Steps", "Reward", "Success rates 0 to 1", "All equal", "Anchor", "Lifted", "Length"):
        table.add_column(name, justify="left" if name.startswith(("Steps", "Success")) else "right")
    for part in training_parts(found, _PARTS):
        table.add_row(
            f"{part.first}-{part.last}",
            f"{part.reward:.3f}",
            _bars(part.histogram),
            f"{part.degenerate:.1%}",
            _or_dash(part.anchor, ".3f"),
            _or_dash(part.lifted, ".1%"),
            _or_dash(part.length, ".0f"),
        )
    return table


def _by_data_source(found: Digest) -> Table:
    """Lay out the same numbers for each data source."""
    table = Table(title="By data source (95 %)", title_justify="left")
    parts = by_data_source(found)
    names = [number.name for number in parts[0].numbers]
    for name in (
        "Data source",
        "Groups",
        *(name[0].upper() + name[1:] for name in names),
        "Reward, last less first fifth",
    ):
        table.add_column(name, justify="left" if name == "Data source" else "right")
    for part in parts:
        numbers = (_with_interval(one, ".0f" if one.unit == "tokens" else ".3f") for one in part.numbers)
        table.add_row(shown(part.name), f"{part.groups:,}", *numbers, _with_interval(part.change, "+.3f"))
    return table


def _or_dash(value: float, form: str) -> str:
    """Write a number, or a dash for NaN."""
    return "-" if np.isnan(value) else format(value, form)


def _bars(histogram: np.ndarray) -> str:
    """Draw a histogram as a line of blocks."""
    most = max(int(histogram.max()), 1)
    return "".join(_BLOCKS[int(np.ceil(8 * count / most))] for count in histogram)


def _by_k(found: Digest) -> Table:
    """Lay out the share of responses without advantage under QAE."""
    table = Table(title="Responses without advantage under QAE", title_justify="left")
    chosen = [i for i, k in enumerate(KS) if round(k * 100) % 10 == 0]
    for i in chosen:
        table.add_column(f"K = {KS[i]:g}", justify="right")
    table.add_row(*(f"{found.silenced_by_k[i]:.1%}" for i in chosen))
    return table


def _weights(found: Digest) -> Table:
    """Lay out each estimator's shares of all |A| by the success rate of the prompt."""
    table = Table(title="Share of all advantage, by success rate of the prompt", title_justify="left")
    table.add_column("Estimator")
    for low, high in pairwise((0.0, 0.25, 0.5, 0.75, 1.0)):
        table.add_column(f"{low:g}-{high:g}", justify="right")
    for rule in compared(found.binary):
        table.add_row(shown(rule.name), *(f"{share:.1%}" for share in advantage_shares_by_quarter(found, rule)))
    return table
