"""The random streams of a simulation: one for each run and purpose, keyed by the seed."""

from __future__ import annotations

import math

from qae_sim.arrays import Array, Namespace
from qae_sim.streams import streams, uniform_at

#: Purposes of streams.
START, QUERIES, RESPONSES, REWARDS, WAITING, SUCCESSES, EQUAL = range(7)


def normal(xp: Namespace, runs: range, count: int, seed: int, purpose: int) -> Array:
    """Standard normal numbers, ``(count, R)``, by the method of Box and Muller."""
    u = uniform_at(streams(xp, runs, seed, purpose), xp.arange(2 * count)[:, None])
    radius = xp.sqrt(-2 * xp.log(1 - u[:count]))  # 1 - u is in (0, 1]
    return radius * xp.cos((2 * math.pi) * u[count:])
