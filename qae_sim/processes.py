"""Worker processes that ignore Ctrl-C and never outlive their parent, and commands that Ctrl-C always ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError, ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Self

from qae_sim.arrays import require_integer


class Workers(ProcessPoolExecutor):
    """An executor whose worker processes end with their parent, however the parent ends.

    Each worker reads from a pipe into which nothing is ever written. The pipe breaks when the parent is gone (even by
    ``kill -9``), or when an error or Ctrl-C leaves the ``with`` block. The worker then ends at once, in the middle of
    its work, so the files that workers write must be complete at any moment. A block that ends without an error waits
    for all work to finish.

    Ctrl-C reaches all processes of a terminal; workers ignore it and leave it to the parent.

    Example:
        >>> with Workers(1) as workers:
        ...     workers.submit(pow, 2, 10).result()
        1024
    """

    def __init__(self, count: int, prepare: Callable[..., object] | None = None, *arguments: object) -> None:
        """Make an executor; its processes start when there is work.

        Args:
            count: Number of processes, at least 1.
            prepare: Called in each process before its first work.
            *arguments: The arguments of ``prepare``.

        Raises:
            TypeError: The number is not an integer.
            ValueError: The number is below 1.
        """
        require_integer("count", count, low=1)
        context = multiprocessing.get_context("spawn")
        watched, self._lifeline = context.Pipe(duplex=False)
        # Workers get only the reading end: with the other end in a worker, the pipe would never break.
        super().__init__(count, mp_context=context, initializer=_begin, initargs=(watched, prepare, arguments))

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit work; a process that starts for it ignores Ctrl-C from the beginning."""
        with _interrupts_blocked():
            future = super().submit(function, *args, **kwargs)
        # When workers are ended, the executor's own thread gives every waiting future an error, also those that have
        # been cancelled, which refuse it; the thread would end with a traceback on the terminal.
        future.set_exception = partial(_fail_unless_cancelled, future)  # type: ignore[method-assign]
        return future

    def stop(self) -> None:
        """End all processes at once; unfinished work fails."""
        self._lifeline.close()
        # A worker may end in the middle of writing a result. The executor's thread would wait for the rest for ever,
        # and the interpreter for the thread at its end, as long as somebody could still write: this process itself.
        self._result_queue._writer.close()  # type: ignore[attr-defined]
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


def _fail_unless_cancelled(future: Future[Any], error: BaseException | None) -> None:
    """Give a future an error, unless it has been cancelled."""
    with contextlib.suppress(InvalidStateError):
        Future.set_exception(future, error)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Delay Ctrl-C, also for processes that start meanwhile; do nothing where signals cannot be blocked.

    A worker needs a second for its imports; without this, Ctrl-C would reach it there and print a traceback.
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
    """Set up a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with(watched: Connection) -> None:
    """Wait until a pipe breaks, then end this process, whatever it is doing."""
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)


class Interruption:
    """Makes Ctrl-C end a command within seconds, whatever the command is doing.

    The first Ctrl-C raises KeyboardInterrupt, so that the command can keep its results and say so. A second one, or
    ``seconds`` after the first, ends the process at once with exit code 130 and the last words.

    Args:
        last_words: Written to standard error if the command has not said anything itself.
        seconds: Time that the command has to end, >= 0.
    """

    def __init__(self, last_words: str, seconds: float = 5.0) -> None:
        self._last_words, self._seconds = last_words, seconds
        self._asked = threading.Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # signal handlers can be set only there
            threading.Thread(target=self._watch, daemon=True).start()
            self._before = signal.signal(signal.SIGINT, self._first)
        return self

    def __exit__(self, *error: object) -> None:
        # After Ctrl-C the handler stays: the rest of the command must not hang either.
        if self._before is not None and not self._asked.is_set():
            signal.signal(signal.SIGINT, self._before)

    def said(self) -> None:
        """Note that the command has printed its own message; the rest of it ignores Ctrl-C, within the time limit."""
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
        """End the process at once, without waiting for locks, buffers or other threads."""
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""  # a progress bar hides it
        with contextlib.suppress(OSError):
            os.write(2, (show_cursor + self._last_words).encode())
        os._exit(130)
