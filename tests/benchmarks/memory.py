"""The memory that processes have for themselves, watched while a block runs."""

from __future__ import annotations

import threading

import psutil


def family(number: int, name: str = "") -> list[psutil.Process]:
    """A process and all that it started; of these, those with a text in their name."""
    process = psutil.Process(number)
    return [each for each in [process, *process.children(recursive=True)] if name in each.name()]


class Memory:
    """The highest sum of what the processes of a family have for themselves (PSS), in bytes."""

    def __init__(self, process: int, name: str = "") -> None:
        self.process, self.name = process, name
        self.highest = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.ended.wait(0.5):
            total = 0
            try:
                processes = family(self.process, self.name)
            except psutil.Error:
                continue
            for process in processes:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.highest = max(self.highest, total)

    def __enter__(self) -> Memory:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()
