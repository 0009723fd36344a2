"""The command ``qae-sim``, also as ``python -m qae_sim``."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line. While it is being imported, too, Ctrl-C ends it with one line and exit code 130."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # in the background it may be ignored
    if usual:
        signal.signal(signal.SIGINT, _leave)
    from qae_sim.cli import main as command

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


def _leave(number: int, frame: object) -> None:
    """End the process at once: an exception inside an import may be lost, or become another one."""
    os.write(2, b"\nInterrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
