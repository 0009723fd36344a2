"""Processes that work for another one: Ctrl-C does not reach them, and they never outlive the one they work for."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Self

from qae_sim.arrays import require_integer


class Workers(ProcessPoolExecutor):
    """An executor whose processes end with the one that made it, however that one ends.

    Each worker reads from a pipe into which nothing is ever written. The pipe breaks when this process is gone (even by
    ``kill -9``) or when an error or Ctrl-C leaves the ``with`` block, and the worker ends at once, in the middle of
    what it does: what workers write must be whole at any moment. A block that ends without an error waits for its work.

    Ctrl-C reaches all processes of a terminal; workers leave it to the process that hands out the work.

    Example:
        >>> with Workers(1) as workers:
        ...     workers.submit(pow, 2, 10).result()
        1024
    """

    def __init__(self, count: int, prepare: Callable[..., object] | None = None, *arguments: object) -> None:
        """Make an executor; processes start when there is work.

        Args:
            count: Number of processes, at least 1.
            prepare: Called in each process before it works.
            *arguments: What it is called with.

        Raises:
            ValueError: The number is below 1.
        """
        require_integer("count", count, low=1)
        context = multiprocessing.get_context("spawn")
        watched, self._lifeline = context.Pipe(duplex=False)
        # Workers inherit the reading end alone, or the pipe would never break.
        super().__init__(count, mp_context=context, initializer=_begin, initargs=(watched, prepare, arguments))

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand out work; a process that starts for it is born deaf to Ctrl-C."""
        with _interrupts_blocked():
            return super().submit(function, *args, **kwargs)

    def stop(self) -> None:
        """End all processes at once; work that is not finished fails."""
        self._lifeline.close()
        self.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is None:
            try:
                self.shutdown()
            finally:
                self._lifeline.close()
        else:
            self.stop()


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let Ctrl-C wait, and let processes that start meanwhile inherit that; where signals cannot be blocked, nothing.

    A worker takes a second to import what it needs; without this, Ctrl-C would reach it there, with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(watched: Connection, prepare: Callable[..., object] | None, arguments: tuple[object, ...]) -> None:
    """Begin life as a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with(watched: Connection) -> None:
    """Wait until a pipe breaks, then end this process; nothing that it waits for can hold it back."""
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)


class Interruption:
    """Makes Ctrl-C end a command within seconds, whatever the command is in the middle of.

    The first Ctrl-C raises KeyboardInterrupt, so that the command can keep what it has and say so. The next one, or
    ``seconds`` without an end, ends the process at once: the exit code is 130, and the last words are said.

    Args:
        last_words: Written to standard error when the command could not speak for itself.
        seconds: How long the command may take to end.
    """

    def __init__(self, last_words: str, seconds: float = 5.0) -> None:
        self._last_words, self._seconds = last_words, seconds
        self._asked = threading.Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others can neither get nor set signals
            threading.Thread(target=self._watch, daemon=True).start()
            self._before = signal.signal(signal.SIGINT, self._first)
        return self

    def __exit__(self, *error: object) -> None:
        # After Ctrl-C the handler stays: what remains to be done on the way out must not hang either.
        if self._before is not None and not self._asked.is_set():
            signal.signal(signal.SIGINT, self._before)

    def said(self) -> None:
        """Note that the command has spoken for itself: what is left of it cannot be interrupted, but has its time."""
        self._last_words = ""
        if self._asked.is_set():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _first(self, number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, self._next)
        self._asked.set()
        raise KeyboardInterrupt

    def _next(self, number: int, frame: object) -> None:
        self._leave()

    def _watch(self) -> None:
        self._asked.wait()
        threading.Event().wait(self._seconds)
        self._leave()

    def _leave(self) -> None:
        """End here and now: no lock, no buffer and no other thread is asked."""
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""  # a progress bar hides it
        with contextlib.suppress(OSError):
            os.write(2, (show_cursor + self._last_words).encode())
        os._exit(130)
