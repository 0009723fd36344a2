"""Speed of the simulator as ratios in one run: ``python tests/benchmarks/bench_bandits.py``.

1024 runs of a bandit with 100 arms (30 right, normal logits), groups of 16, 1000 steps, exact entropy recorded at
every step, float64, one thread: ours, on NumPy and in machine code, beside Python loops over runs and a batched, jitted
scan in JAX. Rounds are interleaved, and medians compared; compilation does not count. All contenders must agree on the
mean entropy, or the benchmark stops. The process is tied to one core; let the machine do nothing else.
"""

from __future__ import annotations

import os

# Before NumPy and JAX read them.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import importlib.util
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from report import finish, parser

from qae_sim.advantages import AdvantageRule
from qae_sim.bandits import Adam, Bandit, Study, simulate

RUNS, ARMS, RIGHT, GROUP, STEPS = 1024, 100, 30, 16, 1000
K = 0.4
#: The libraries that ours runs on, and how tables name it.
OURS = {"numpy": "ours", "numba": "ours, compiled"}
LIBRARIES = [library for library in OURS if importlib.util.find_spec(library) is not None]
#: Steps at which mean entropies are compared.
COMPARED = (25, 50, 100, 200)


def study(estimator: str, eta: float, **fields: Any) -> Study:
    """The workload."""
    parameters = {"k": K} if estimator == "qae" else {}
    base = {"group_size": GROUP, "steps": STEPS, "runs": RUNS, "eta": eta, "records": ("entropy",)}
    return Study(Bandit.uniform(ARMS, RIGHT), AdvantageRule(estimator, parameters), **(base | fields))


# --- the contenders ---------------------------------------------------------------------------------------------------


def loop(estimator: str, eta: float, runs: int, steps: int, *, tuned: bool) -> np.ndarray:
    """A loop over runs, vectorised over the group: as one would write it in a notebook, or tuned by hand."""
    rng = np.random.default_rng(0)
    correct = np.arange(ARMS) < RIGHT
    entropy = np.empty((steps, runs))
    for run in range(runs):
        logits = rng.normal(size=ARMS)
        for step in range(steps):
            weights = np.exp(logits - logits.max())
            pi = weights / weights.sum()
            entropy[step, run] = -(pi * np.log(pi)).sum()
            if tuned:
                arms = np.minimum(np.searchsorted(np.cumsum(pi), rng.random(GROUP)), ARMS - 1)
            else:
                arms = rng.choice(ARMS, size=GROUP, p=pi)
            rewards = correct[arms].astype(float)
            if estimator == "grpo":
                baseline = rewards.mean()
            elif tuned:
                baseline = float(rewards.mean() > 1 - K)  # the K-quantile of binary rewards
            else:
                baseline = np.quantile(rewards, K, method="inverted_cdf")
            advantages = (rewards - baseline) / (rewards.std() + 1e-6)
            gradient = -advantages.sum() * pi
            np.add.at(gradient, arms, advantages)
            logits += eta / GROUP * gradient
    return entropy


def jax_scan(estimator: str) -> Callable[[float, int], np.ndarray]:
    """A batched scan, compiled: the fastest of fourteen variants tried.

    Arms first and runs last, running sums by an inner scan over arms (three times as fast as ``jnp.cumsum``),
    ``searchsorted`` by binary search, advantages from a table.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = np.arange(GROUP + 1) / GROUP
    baseline = (n > 1 - K) * 1.0 if estimator == "qae" else n
    std = np.sqrt(n * (1 - n)) + 1e-6
    table = np.where((n == 0) | (n == 1), 0.0, np.stack([-baseline / std, (1 - baseline) / std]))
    advantages = jnp.asarray(table.reshape(-1))
    correct = jnp.asarray(np.arange(ARMS) < RIGHT).astype(jnp.int32)
    centred = estimator == "qae"  # GRPO's advantages sum to 0

    def step(carry: Any, _: Any, eta: Any) -> Any:
        z, key = carry
        key, used = jax.random.split(key)
        z = z - z.max(0)
        weight = jnp.exp(z)
        total, running = jax.lax.scan(lambda s, row: (s + row, s + row), jnp.zeros(z.shape[1]), weight)
        targets = jax.random.uniform(used, (GROUP, z.shape[1]), dtype=z.dtype) * total
        find = jax.vmap(lambda c, u: jnp.searchsorted(c, u, side="right"), in_axes=1, out_axes=1)
        arms = find(running, targets)
        rewards = correct[arms]
        moves = advantages[rewards * (GROUP + 1) + rewards.sum(0)] * (eta / GROUP)
        entropy = jnp.log(total) - (weight * z).sum(0) / total
        z = z.at[arms, jnp.arange(z.shape[1])].add(moves)
        if centred:
            z = z - weight / total * moves.sum(0)
        return (z, key), entropy

    @jax.jit
    def run(z: Any, key: Any, eta: Any) -> Any:
        return jax.lax.scan(lambda carry, x: step(carry, x, eta), (z, key), None, length=STEPS)[1]

    def simulate_with_jax(eta: float, seed: int) -> np.ndarray:
        z = jnp.asarray(np.random.default_rng(seed).normal(size=(ARMS, RUNS)))
        return np.asarray(jax.block_until_ready(run(z, jax.random.key(seed), eta)))

    return simulate_with_jax


# --- measuring --------------------------------------------------------------------------------------------------------


def agree(one: np.ndarray, other: np.ndarray, names: str) -> None:
    """Stop if mean entropies differ by more than five standard errors."""
    for step in COMPARED:
        if step < min(len(one), len(other)):
            a, b = one[step], other[step]
            error = (a.var() / len(a) + b.var() / len(b)) ** 0.5
            if abs(a.mean() - b.mean()) > 5 * error:
                sys.exit(f"{names} disagree at step {step}: {a.mean():.4f} and {b.mean():.4f} ± {error:.4f}")


def speeds(contenders: dict[str, tuple[Callable[[], np.ndarray], int]], rounds: int) -> dict[str, float]:
    """Median run-steps per second of each contender over interleaved rounds, the first round not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    entropy: dict[str, np.ndarray] = {}
    for _ in range(rounds + 1):
        for name, (function, _) in contenders.items():
            start = time.perf_counter()
            entropy[name] = function()
            seconds[name].append(time.perf_counter() - start)
    ours = entropy["ours, dense"]
    for name, values in entropy.items():
        agree(values, ours, f"{name} and ours, dense")
    return {name: size / statistics.median(seconds[name][1:]) for name, (_, size) in contenders.items()}


def milliseconds(function: Callable[[], object], rounds: int) -> float:
    """Median time of a function, the first call not counted."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds[1:])


def compare(
    estimator: str, eta: float, scan: Callable[[float, int], np.ndarray] | None, rounds: int
) -> dict[str, float]:
    """Speeds of all contenders on one workload."""
    whole = RUNS * STEPS
    few, short = 24, 201
    contenders: dict[str, tuple[Callable[[], np.ndarray], int]] = {
        "loop": (lambda: loop(estimator, eta, few, short, tuned=False), few * short),
        "loop, tuned": (lambda: loop(estimator, eta, few, short, tuned=True), few * short),
    }
    if scan is not None:
        contenders["JAX scan"] = (lambda: scan(eta, 1), whole)
    for library in LIBRARIES:
        for algorithm in ("dense", "events", "auto"):
            cell = study(estimator, eta, algorithm=algorithm)
            contenders[f"{OURS[library]}, {algorithm}"] = (
                lambda cell=cell, library=library: simulate(cell, library=library)["entropy"],
                whole,
            )
    return speeds(contenders, rounds)


def ratios(options: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """The speed of each contender, and ours as multiples of the others'."""
    found = importlib.util.find_spec("jax") is not None
    if not found:
        print("JAX is not installed, so its rows are missing: pip install 'qae_sim[bench]'\n", file=sys.stderr)
    scans = {estimator: jax_scan(estimator) if found else None for estimator in ("grpo", "qae")}
    columns = {
        f"{'GRPO' if estimator == 'grpo' else 'QAE'}, η = {eta}": compare(
            estimator, eta, scans[estimator], options.rounds
        )
        for eta in (0.5, 0.05)
        for estimator in ("grpo", "qae")
    }
    names = list(next(iter(columns.values())))
    others = [name for name in names if not name.startswith("ours")]
    return {
        "Speed of ours, as a multiple": {
            f"{ours} : {other}": {cell: speed[ours] / speed[other] for cell, speed in columns.items()}
            for library in LIBRARIES
            for ours in (f"{OURS[library]}, dense", f"{OURS[library]}, auto")
            for other in others
        },
        "Million run-steps per second": {
            name: {cell: speed[name] / 1e6 for cell, speed in columns.items()} for name in names
        },
    }


def memory() -> dict[str, dict[str, float]]:
    """The peak memory for more steps and for more arms with the same number of recorded rows."""
    rows: dict[str, dict[str, float]] = {}
    for steps, arms in ((1000, 100), (10_000, 100), (1000, 400)):
        bandit = Bandit.uniform(arms, RIGHT)
        for algorithm in ("dense", "auto"):
            cell = Study(bandit, "qae", steps=steps, runs=RUNS, every=steps // 100, algorithm=algorithm)
            tracemalloc.start()
            simulate(cell)
            rows[f"{algorithm}, {steps} steps, {arms} arms"] = {"MB": tracemalloc.get_traced_memory()[1] / 1e6}
            tracemalloc.stop()
    return rows


def interactive(rounds: int) -> dict[str, dict[str, float]]:
    """What a slider waits for."""
    small = Study(Bandit.uniform(ARMS, RIGHT), AdvantageRule("qae", {"k": K}), steps=300, runs=256)
    peaked = Study(Bandit.peaked(), small.rule, steps=300, runs=128, optimizer=Adam(), eta=0.03, records=("entropy",))
    cells = {
        "256 runs, 300 steps, QAE": small,
        "the same, GRPO, η = .05": small.with_(estimator="grpo", parameters={}, eta=0.05),
        "the same, exact expectation": small.with_(dynamics="expected"),
        "128 runs, 300 steps, QAE, Adam, 64 arms": peaked,
    }
    return {
        name: {
            f"{OURS[library]}, ms": milliseconds(
                lambda cell=cell, library=library: simulate(cell, library=library), rounds
            )
            for library in LIBRARIES
            if library == "numpy" or cell.dense_only is None
        }
        for name, cell in cells.items()
    }


def gpu() -> tuple[str, dict[str, dict[str, float]]]:
    """How many CPU cores a GPU replaces, and its name; nothing where there is none."""
    if importlib.util.find_spec("cupy") is None:
        return "", {}
    import cupy

    if cupy.cuda.runtime.getDeviceCount() == 0:
        return "", {}
    many = study("grpo", 0.5, runs=65_536, steps=100, algorithm="dense", every=10)
    there, here = (milliseconds(lambda x=x: simulate(many, library=x), 3) for x in ("cupy", "numpy"))
    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    return name, {"65,536 runs": {"time on one core : time on the GPU": here / there}}


def main() -> None:
    """Measure, print the tables, and write them if asked."""
    options = parser(__doc__, rounds=5).parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tables = ratios(options)
    tables["One study"] = interactive(3 * options.rounds)
    tables["Peak memory, 100 recorded rows of 1024 runs (1.6 MB)"] = memory()
    name, rows = gpu()
    if rows:
        tables["GPU"] = rows
    finish("bandits", tables, options, packages=("numpy", "numba", "jax"), gpu=name)


if __name__ == "__main__":
    main()
