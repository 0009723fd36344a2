"""Messages of commands that are stopped: by Ctrl-C, by a full disk, by a folder without write permission."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path

import click

from qae_sim.cli.text import printable
from qae_sim.processes import Interruption

_ADVICE = {
    errno.ENOSPC: "Finished work is kept: make room, then the same command continues.",
    errno.EDQUOT: "Finished work is kept: make room, then the same command continues.",
    errno.EROFS: "Name a folder that you may write to.",
    errno.EACCES: "Name a folder that you may write to.",
    errno.EPERM: "Name a folder that you may write to.",
}


def cannot_use(place: Path, error: OSError) -> click.ClickException:
    """Make a message of an error of the operating system, with the place and advice.

    Args:
        place: The folder or file that the command was given.
        error: The error.

    Returns:
        An exception to raise.

    Example:
        >>> cannot_use(Path("runs"), OSError(errno.ENOSPC, "No space left on device")).message
        'cannot use runs: No space left on device. Finished work is kept: make room, then the same command continues.'
    """
    where = "" if error.filename in (None, str(place)) else f" ({printable(error.filename)})"
    advice = _ADVICE.get(error.errno or 0, "")
    text = f"cannot use {printable(place)}: {printable(error.strerror or error)}{where}"
    return click.ClickException(f"{text}. {advice}" if advice else text)


@contextmanager
def resumable(folder: Path, kept: Callable[[], str] | None = None) -> Iterator[None]:
    """Handle the interruption of a command that can continue later, and say how.

    Ctrl-C, any number of times and at any moment, ends the command within seconds with exit code 130.

    Args:
        folder: Folder in which the command stores its results.
        kept: Says after Ctrl-C what is kept; it must be quick.

    Yields:
        Nothing.

    Raises:
        click.ClickException: The operating system refused something, or a worker was killed.
        SystemExit: The command was interrupted.
    """
    words = f"{printable(folder)} holds what is done; the same command continues."
    with Interruption(f"\nInterrupted: {words}\n") as interruption:
        try:
            yield
        except KeyboardInterrupt:
            click.echo(f"\nInterrupted: {kept() if kept else words}", err=True)
            interruption.said()
            raise SystemExit(130) from None
        except BrokenExecutor as error:
            raise click.ClickException(
                "a worker was ended from outside, perhaps because memory ran out; what is finished is kept in "
                f"{printable(folder)}, and the same command continues (--workers 1 needs least memory)"
            ) from error
        except OSError as error:
            raise cannot_use(folder, error) from error
