"""Make machine code for the fast simulator, once for each processor: ``python -m qae_sim.bandits.compile``.

It takes some seconds and stays in Numba's cache, in the folder of the package or, where that cannot be written, in the
user's cache. Until it has been made, NumPy simulates.
"""

from __future__ import annotations

import os
import sys

from qae_sim.bandits._compiler import is_ready, mark
from qae_sim.bandits.problems import Bandit
from qae_sim.bandits.simulate import simulate
from qae_sim.bandits.study import Study


def main() -> None:
    """Compile, if it has not been done."""
    try:
        made = mark()
    except ImportError as error:
        sys.exit(f"machine code needs Numba, which cannot be imported ({error}): pip install 'qae_sim[compiled]'")
    if os.fspath(made).startswith(os.devnull):
        sys.exit("no folder of a cache can be written, so machine code cannot be kept: set NUMBA_CACHE_DIR")
    if not made.exists():
        simulate(Study(Bandit.uniform(4, 2), steps=2, runs=1), library="numba")
        made.touch()
        is_ready.cache_clear()
    print(f"machine code is in {made.parent}")


if __name__ == "__main__":
    main()
