"""The command line: ``qae-sim COMMAND``, one module per command."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

import qae_sim
from qae_sim.cli.estimators import estimators
from qae_sim.cli.inspect import inspect_command
from qae_sim.cli.lab import lab
from qae_sim.cli.site import site
from qae_sim.cli.sweep import sweep
from qae_sim.cli.teach import grade, kit, slides
from qae_sim.cli.text import printable
from qae_sim.cli.train import reproduce, train
from qae_sim.cli.verify import verify_command


class _Commands(click.Group):
    """A group of commands whose error messages show control characters as visible escapes."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _printable_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _printable_errors(), _plain_warnings(), _one_line_after_ctrl_c():
            return super().invoke(ctx)


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Show control characters in messages as visible escapes, but keep line breaks."""
    try:
        yield
    except click.ClickException as error:
        message = error.format_message()
        harmless = "\n".join(map(printable, message.split("\n")))
        if harmless == message:
            raise
        if isinstance(error, click.UsageError):
            raise click.UsageError(harmless, error.ctx) from error
        raise click.ClickException(harmless) from error


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning as one line, without the place in the code that it came from."""

    def show(message: Warning | str, *place: object) -> None:
        click.echo(f"Warning: {printable(message)}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _one_line_after_ctrl_c() -> Iterator[None]:
    """End with exit code 130 where a command does not handle Ctrl-C itself."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nInterrupted.", err=True)
        raise SystemExit(130) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(qae_sim.__version__, "-V", "--version", prog_name="qae-sim")
def main() -> None:
    """Understand and check advantage estimation in reinforcement learning with verifiable rewards.

    New here? Start with "qae-sim lab": it opens the lessons in your browser.
    """


main.add_command(lab)
main.add_command(site)
main.add_command(estimators)
main.add_command(sweep)
main.add_command(train)
main.add_command(reproduce)
main.add_command(inspect_command)
main.add_command(verify_command)
main.add_command(slides)
main.add_command(kit)
main.add_command(grade)
