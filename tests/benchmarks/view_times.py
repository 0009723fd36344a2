"""How long views take to compute: the picture of a state, and what the browser is told of it, without the browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State

#: Values of a control that are tried, at most.
MOST = 9


def states_of(kind: type[Explorer[Any]]) -> Iterator[State]:
    """The presets, and from the first state and each preset every control of Python's moved over its range."""
    starts = dict.fromkeys([kind.STATE(), *kind.PRESETS.values()])
    yield from starts
    for start in starts:
        for name, control in start.controls().items():
            if control.local:
                continue
            for value in values_of(start, name, control):
                try:
                    yield start.with_(**{name: value})
                except ValueError:  # another control forbids it
                    continue


def values_of(start: State, name: str, control: Any) -> list[Any]:
    """Some values of a control, its ends among them."""
    if control.kind == "choice":
        return [option for option, _ in control.options]
    if control.kind == "numbers":
        values = getattr(start, name)
        return [(control.high, *values[1:]), (control.low, *values[1:])]
    steps = round((start.end_of(name) - control.low) / control.step)
    places = sorted({round(i * steps / (MOST - 1)) for i in range(MOST)})
    kind = int if control.kind == "whole" else float
    return [kind(round(control.low + place * control.step, 10)) for place in places]


def time_of(explorer: Explorer[Any], state: State) -> float:
    """Milliseconds for a state, the lowest of three."""
    best = float("inf")
    for _ in range(3):
        explorer._pictures.clear()
        began = time.perf_counter()
        explorer.go(state)
        json.dumps(explorer.spec)  # as a kernel writes it
        best = min(best, 1000 * (time.perf_counter() - began))
    return best


def times_of(kind: type[Explorer[Any]]) -> list[tuple[float, State]]:
    """Milliseconds for each state that can be drawn, longest first."""
    explorer = kind()
    found = []
    for state in dict.fromkeys(states_of(kind)):
        taken = time_of(explorer, state)
        if not explorer.problem:
            found.append((taken, state))
    return sorted(found, key=lambda pair: -pair[0])
