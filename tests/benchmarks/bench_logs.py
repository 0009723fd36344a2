"""Time and memory of reading logs: ``python tests/benchmarks/bench_logs.py``. One thread, a process for each log.

A run of verl of about 1 GB of JSON Lines, and a million rows of Parquet as TRL writes them. They are written into a
folder for temporary files first, and removed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from report import finish, parser

ROWS, G, GROUPS = 870_400, 16, 64

READ = """
import resource, sys, time
from qae_sim.logs.digest import digest
start = time.process_time()
found = digest(sys.argv[1])
seconds = time.process_time() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, int(found.responses.sum()))
"""


def texts(rng: random.Random) -> list[str]:
    """Made-up responses, from which each row draws."""
    words = [f"word{i}" for i in range(2000)]
    return [" ".join(rng.choices(words, k=90)) for _ in range(5000)]


def json_lines(folder: Path, rows: int) -> Path:
    """As verl writes it, a file a step."""
    rng = random.Random(0)
    said = texts(rng)
    for step in range(rows // (G * GROUPS)):
        lines = []
        for group in range(GROUPS):
            prompt = f"{step} {group} {rng.choice(said)[:300]}"
            for i in range(G):
                right = rng.random() < group / GROUPS
                entry = {"input": prompt, "output": f"{rng.choice(said)} {i}", "gts": str(group), "score": float(right)}
                lines.append(json.dumps(entry | {"step": step, "acc": right}))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{step}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def parquet(folder: Path, rows: int) -> Path:
    """As TRL writes it, a file a step."""
    import pyarrow as arrow
    import pyarrow.parquet

    rng = random.Random(0)
    said = texts(rng)
    size = G * GROUPS
    (folder / "completions").mkdir(parents=True, exist_ok=True)
    for step in range(rows // size):
        rewards = [float(rng.random() < (i // G) / GROUPS) for i in range(size)]
        means = [statistics.fmean(rewards[i - i % G : i - i % G + G]) for i in range(size)]
        columns = {
            "step": [step] * size,
            "prompt": [f"{step} {i // G}: what is it?" for i in range(size)],
            "completion": [f"{rng.choice(said)[:60]} {i}" for i in range(size)],
            "reward": rewards,
            "advantage": [reward - mean for reward, mean in zip(rewards, means, strict=True)],
        }
        pyarrow.parquet.write_table(arrow.table(columns), folder / "completions" / f"completions_{step:05d}.parquet")
    return folder


def read(path: Path, rounds: int) -> dict[str, float]:
    """Seconds and memory of some readings, each in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True, env=environment
        )
        found.append([float(part) for part in done.stdout.split()])
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    seconds, memory, rows = (statistics.median(column) for column in zip(*found, strict=True))
    return {"seconds of CPU": seconds, "MiB": memory, "rows": rows, "MB on disk": size / 1e6}


def main() -> None:
    options: argparse.Namespace = parser(__doc__, rounds=1).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = {"verl, JSON Lines": read(json_lines(Path(folder) / "verl", ROWS), options.rounds)}
        rows["TRL, Parquet"] = read(parquet(Path(folder) / "trl", 1_000_448), options.rounds)
    finish("logs", {"Reading a log": rows}, options)


if __name__ == "__main__":
    main()
