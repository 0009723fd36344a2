"""How long all claims take to check: ``python tests/benchmarks/bench_verify.py``. One thread."""

from __future__ import annotations

import os

# Before NumPy reads them.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import statistics
import time

from report import finish, parser

from qae_sim.theory import verify


def main() -> None:
    options = parser(__doc__, rounds=1).parse_args()
    rows: dict[str, dict[str, float]] = {}
    for name, quick in (("qae-sim verify --quick", True), ("qae-sim verify", False)):
        times = []
        for _ in range(options.rounds):
            start = time.perf_counter()
            report = verify(quick=quick)
            times.append(time.perf_counter() - start)
        rows[name] = {"seconds": statistics.median(times), "claims": len(report.results)}
    finish("verify", {"All claims": rows}, options)


if __name__ == "__main__":
    main()
