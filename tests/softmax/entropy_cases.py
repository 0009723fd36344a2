"""Policies and logit changes on which formulas that are right on paper go wrong in floating point."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

#: Logits by name: peaked, tied, uniform, nearly so, far from 0.
POLICIES: dict[str, list[float]] = {
    "plain": [0.3, -1.2, 0.9],
    "uniform": [0.0, 0.0],
    "uniform 17": [2.5] * 17,
    "nearly uniform": [1e-9, 0.0, -2e-9],
    "nearly uniform, far from 0": [1e6 + 1e-9, 1e6, 1e6],
    "gap 1": [0.0, -1.0],
    "gap 30": [-30.0, 0.0],
    "gap 59, 60, 61": [0.0, -59.0, -60.0, -61.0],
    "gap 600": [0.0, -600.0],
    "gap 700": [5.0, -695.0, -696.5],
    "gap 708": [0.0, -708.0],
    "gap 714": [0.0, -714.0],
    "gap 745": [0.0, -745.0],
    "gap 1e4": [0.0, 1e4],
    "mixture": [0.0, -1.0, -30.0, -600.0, -720.0, -1e4],
    "ties at the top": [3.0, 3.0, 3.0, -40.0, -700.0],
    "ties below": [0.0, -650.0, -650.0, -650.0],
    "offset": [1e9, 1e9 - 1.0, 1e9 - 30.0],
    "rarest arm": [0.0, -500.0, -722.0],
    "single arm": [-7.0],
}

#: The same for many arms: distinct logits, their counts, a logit change. The counts add up to 1000 or to a million.
CROWDS: dict[str, tuple[list[float], list[int], list[float]]] = {
    "uniform": ([0.0], [10**6], [1.0]),
    "uniform, half dropped": ([0.0, 0.0], [500_000, 500_000], [0.0, -1e4]),
    "one leads a million by 715": ([0.0, -715.0], [1, 999_999], [0.1, -0.3]),
    "one leads a million by 725": ([0.0, -725.3, -726.1], [1, 500_000, 499_999], [0.1, -0.3, 0.2]),
    "one leads a million by 30": ([0.0, -30.2, -1e4], [1, 1000, 998_999], [1e-20, 2e-20, 1.0]),
    "nearly uniform": ([1e-9, 0.0, 3e-9], [3, 999_990, 7], [1e-9, 0.0, 1e-3]),
    "one slightly ahead": ([1.0, 0.0], [1, 999_999], [0.0, 1e-9]),
    "variations below the rounding of the lead": ([1.0, 6e-17, -6e-17], [1, 500_000, 499_999], [0.0, 1.0, -1.0]),
    "a million rise from nowhere": ([0.0, -720.0, -10.0], [1, 999_998, 1], [0.0, 720.0, 1.0]),
    "thousand: plain": ([0.7, -0.2, 0.1, -3.0], [1, 499, 300, 200], [1e-6, -2e-6, 0.0, 5e-6]),
    "thousand: peaked": ([0.0, -710.0, -733.0], [1, 9, 990], [0.0, 1.0, -1e-9]),
    "thousand: uniform, one drops": ([0.0, 0.0], [999, 1], [0.0, -1e4]),
}

CHANGES: dict[str, float] = {f"{size:g}": size for size in (1e-300, 1e-100, 1e-20, 1e-9, 1e-3, 1.0, 30.0, 700.0, 1e4)}


def spread(counts: Sequence[int], *columns: Sequence[float], seed: int = 5) -> list[np.ndarray]:
    """Write out every arm of a crowd, shuffled."""
    kind = np.repeat(np.arange(len(counts)), counts)
    np.random.default_rng(seed).shuffle(kind)
    return [np.asarray(column, dtype=np.float64)[kind] for column in columns]


def random_logits(rng: random.Random, arms: int) -> list[float]:
    """Draw logits of one of the kinds above."""
    kind = rng.choice(["plain", "wide", "peaked", "nearly uniform", "ties", "mixture", "deep", "one rare"])
    if kind == "plain":
        z = [rng.gauss(0, rng.choice([0.1, 1, 3])) for _ in range(arms)]
    elif kind == "wide":
        z = [rng.uniform(-1e4, 1e4) for _ in range(arms)]
    elif kind == "peaked":
        gap = rng.choice([1, 30, 58, 60, 62, 100, 600, 700, 715, 730, 745, 1e4])
        z = [-gap - rng.random() * rng.choice([0, 1e-9, 1, 30]) for _ in range(arms)]
        z[rng.randrange(arms)] = 0.0
    elif kind == "nearly uniform":
        z = [rng.gauss(0, 10 ** rng.uniform(-14, -3)) for _ in range(arms)]
    elif kind == "ties":
        z = [rng.choice([0.0, 0.0, -1.0, -40.0, -700.0, -1e4]) for _ in range(arms)]
    elif kind == "mixture":
        z = [rng.choice([0.0, 0.0, -30.0, -600.0, -720.0, -1e4]) + rng.gauss(0, 1) for _ in range(arms)]
    elif kind == "deep":
        z = [-rng.uniform(550, 760) for _ in range(arms)]
        z[rng.randrange(arms)] = 0.0
    else:
        z = [rng.gauss(0, 1) for _ in range(arms)]
        z[0] -= rng.choice([30, 790, 1e4])
    offset = rng.choice([0, 0, 0, 1, 1e3, -1e6, 1e9])
    return [x + offset for x in z]


def random_change(rng: random.Random, z: Sequence[float]) -> list[float]:
    """Draw a logit change: tiny, huge, common to all arms but for a trifle, or one that turns the policy over."""
    kind = rng.choice(["all", "rare", "one", "take over", "common", "level", "drop", "steps"])
    d = [0.0] * len(z)
    if kind == "all":
        size = 10.0 ** rng.choice([-300, -100, -20, -9, -3, -1, 0, 1, 2, 3, 4])
        d = [rng.gauss(0, 1) * size for _ in z]
    elif kind == "rare":
        d[min(range(len(z)), key=lambda a: z[a])] = rng.uniform(0, 1.3) * (max(z) - min(z))
    elif kind == "one":
        d[rng.randrange(len(z))] = rng.choice([-1, 1]) * 10 ** rng.uniform(-25, 4)
    elif kind == "take over":
        a = rng.randrange(len(z))
        d[a] = max(z) - z[a] + rng.choice([-20, -1, 0, 1, 20, 100, 1e3])
    elif kind == "common":
        common, size = rng.choice([1.0, 1e4, -333.3]), 10 ** rng.uniform(-8, 0)
        d = [common + rng.gauss(0, 1) * size for _ in z]
    elif kind == "level":
        d = [-x * rng.choice([1, 0.5, 1.5]) for x in z]
    elif kind == "drop":
        d[max(range(len(z)), key=lambda a: z[a])] = -(10 ** rng.uniform(-2, 4.5))
    else:
        d = [rng.choice([0, 0, -1e4, 1e4, 1, -1e-5]) for _ in z]
    return d
