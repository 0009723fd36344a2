"""Cost of the estimators as ratios in one run: ``python tests/benchmarks/bench_advantages.py``.

GRPO and QAE on 62,500 groups of 16 in float64, each beside the plain NumPy expression of GRPO on the same array,
rounds interleaved so that a drifting machine hits all alike; KTAE on 64 groups of 16 x 1024 tokens. Run it with one
thread (OMP_NUM_THREADS=1) on a machine that does nothing else.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from qae_sim.advantages import grpo, ktae, qae

ROUNDS = 41


def medians(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each function over interleaved rounds, the first round not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS + 1):
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
    """Print the tables."""
    rng = np.random.default_rng(0)
    # KTAE first: the peak of memory is the process's, and must be its own.
    before = peak_gigabytes()
    for law, ids in (
        ("uniform", rng.integers(0, 150_000, (64, 16, 1024))),
        ("Zipf", np.minimum(rng.zipf(1.2, (64, 16, 1024)), 149_999)),
    ):
        mask = np.arange(1024) < rng.integers(200, 1025, (64, 16, 1))
        rewards = (rng.random((64, 16)) < 0.4).astype(float)
        for variant in ("paper", "code"):
            start = time.perf_counter()
            ktae(rewards, ids, mask, variant=variant)  # type: ignore[arg-type]
            print(f"ktae, {law:7} tokens, {variant:5}: {time.perf_counter() - start:.2f} s")
    print(f"ktae, peak memory of the process: {peak_gigabytes():.2f} GB ({before:.2f} GB before)\n")

    print(f"{'rewards':12} {'plain':>9} {'grpo':>6} {'qae':>6} {'qae, K per group':>17} {'np.quantile alone':>18}")
    for kind, r in (
        ("binary", (rng.random((62_500, 16)) < rng.random((62_500, 1))).astype(np.float64)),
        ("continuous", rng.random((62_500, 16))),
    ):
        k = np.full(62_500, 0.4)
        cost = medians(
            {
                "plain": lambda r=r: plain(r),
                "grpo": lambda r=r: grpo(r),
                "qae": lambda r=r: qae(r),
                "qae_k": lambda r=r, k=k: qae(r, k),
                "quantile": lambda r=r: np.quantile(r, 0.4, axis=-1, method="inverted_cdf"),
            }
        )
        ratios = [cost[name] / cost["plain"] for name in ("grpo", "qae", "qae_k", "quantile")]
        columns = [f"{ratio:{width}.2f}" for ratio, width in zip(ratios, (6, 6, 17, 18), strict=True)]
        print(f"{kind:12} {1e3 * cost['plain']:6.2f} ms", *columns)


if __name__ == "__main__":
    main()
