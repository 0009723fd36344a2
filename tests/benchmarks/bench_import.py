"""Measure what ``import qae_sim`` costs beside ``import numpy``: ``python tests/benchmarks/bench_import.py``.

Each sample is a fresh interpreter that times its own import statement. The two take turns, so that whatever else the
machine does meets both alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from report import finish, parser

STATEMENTS = ("import numpy", "import qae_sim", "import qae_sim.advantages, qae_sim.softmax")


def seconds(statement: str) -> float:
    # Byte code must be kept, as it is on any user's machine.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = f"import time\nstart = time.perf_counter()\n{statement}\nprint(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def main() -> None:
    options = parser(__doc__, rounds=25).parse_args()
    samples: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for statement in STATEMENTS:
        seconds(statement)  # fills the disk cache and writes the byte code
    for _ in range(options.rounds):
        for statement in STATEMENTS:
            samples[statement].append(seconds(statement))
    median = {statement: statistics.median(times) for statement, times in samples.items()}
    rows = {
        statement: {"times import numpy": median[statement] / median[STATEMENTS[0]], "ms": 1000 * median[statement]}
        for statement in STATEMENTS
    }
    finish("import", {"Import beside NumPy's": rows}, options)


if __name__ == "__main__":
    main()
