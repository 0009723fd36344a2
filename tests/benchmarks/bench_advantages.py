"""Cost of the estimators as ratios in one run: ``python tests/benchmarks/bench_advantages.py``.

GRPO and QAE on 62,500 groups of 16 in float64, each beside the plain NumPy expression of GRPO on the same array,
rounds interleaved so that a drifting machine hits all alike; KTAE on 64 groups of 16 x 1024 tokens with a vocabulary
of 150,000. One thread.
"""

from __future__ import annotations

import os

# Before NumPy reads them.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from report import finish, parser

from qae_sim.advantages import grpo, ktae, qae


def medians(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each function over interleaved rounds, the first round not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def plain(r: np.ndarray) -> np.ndarray:
    """Write GRPO as one would in a notebook."""
    return (r - r.mean(-1, keepdims=True)) / (r.std(-1, keepdims=True) + 1e-6)


def peak_gigabytes() -> float:
    """Most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    """Measure, print the tables, and write them if asked."""
    options = parser(__doc__, rounds=41).parse_args()
    rng = np.random.default_rng(0)
    # KTAE first: the peak of memory is the process's, and must be its own.
    before = peak_gigabytes()
    tokens: dict[str, dict[str, float]] = {}
    for law, ids in (
        ("uniform tokens", rng.integers(0, 150_000, (64, 16, 1024))),
        ("tokens by Zipf's law", np.minimum(rng.zipf(1.2, (64, 16, 1024)), 149_999)),
    ):
        mask = np.arange(1024) < rng.integers(200, 1025, (64, 16, 1))
        rewards = (rng.random((64, 16)) < 0.4).astype(float)
        for variant in ("paper", "code"):
            start = time.perf_counter()
            ktae(rewards, ids, mask, variant=variant)  # type: ignore[arg-type]
            tokens[f"{law}, variant {variant}"] = {"seconds": time.perf_counter() - start}
    tokens["memory of the process"] = {"GB": peak_gigabytes(), "GB before": before}

    rows: dict[str, dict[str, float]] = {}
    for kind, r in (
        ("binary rewards", (rng.random((62_500, 16)) < rng.random((62_500, 1))).astype(np.float64)),
        ("continuous rewards", rng.random((62_500, 16))),
    ):
        k = np.full(62_500, 0.4)
        cost = medians(
            {
                "plain expression": lambda r=r: plain(r),
                "grpo": lambda r=r: grpo(r),
                "qae": lambda r=r: qae(r),
                "qae, K per group": lambda r=r, k=k: qae(r, k),
                "np.quantile alone": lambda r=r: np.quantile(r, 0.4, axis=-1, method="inverted_cdf"),
            },
            options.rounds,
        )
        rows[kind] = {name: seconds / cost["plain expression"] for name, seconds in cost.items()}
        rows[kind]["plain expression, ms"] = 1e3 * cost["plain expression"]
    tables = {"Time beside the plain expression (r - mean) / (std + eps)": rows, "KTAE, 64 groups of 16": tokens}
    finish("advantages", tables, options)


if __name__ == "__main__":
    main()
