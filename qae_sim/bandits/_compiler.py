"""Whether machine code for the fast simulator has been made; Numba is imported only if it has to be asked."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import warnings
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

_SOURCE = Path(__file__).with_name("_machine_code.py")
#: Settings of Numba that machine code depends on.
_SETTINGS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_CACHE_DIR", "NUMBA_OPT")


@lru_cache(maxsize=1)
def is_ready() -> bool:
    """Whether Numba is there and machine code for this processor is in its cache; one answer for each process.

    Example:
        >>> is_ready() in (True, False)
        True
    """
    if importlib.util.find_spec("numba") is None or importlib.util.find_spec("llvmlite") is None:
        return False
    try:
        return mark().exists()
    except Exception as error:  # whatever a broken installation may raise
        reason = str(error).partition("\n")[0]
        warnings.warn(f"Numba cannot be used ({reason}), so NumPy simulates alone", RuntimeWarning, stacklevel=2)
        return False


def mark() -> Path:
    """The file that says that machine code of these sources is in Numba's cache, for this processor and Numba.

    Returns:
        Its path, in the folder of the cache.
    """
    from llvmlite import binding

    from qae_sim.bandits._machine_code import simulate_runs

    folder = simulate_runs.stats.cache_path
    if folder is None:
        return Path(os.devnull) / "no cache"
    parts = [
        *(os.environ.get(name, "") for name in _SETTINGS),
        platform.python_version(),
        version("numba"),
        version("llvmlite"),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        str(_SOURCE.stat().st_mtime_ns),
    ]
    digest = hashlib.sha256("\n".join(parts).encode() + _SOURCE.read_bytes()).hexdigest()[:16]
    return Path(folder) / f"qae_sim-{digest}.made"
