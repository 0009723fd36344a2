"""What all benchmarks share: their options, the machine they run on, and the file that README and the site quote."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qae_sim.speed import FOLDER, Measurement, Rows, markdown
from qae_sim.storage import write_atomically

#: Flags of Linux that tell vector units, by the name people know.
VECTOR_UNITS = {"AVX2": {"avx2"}, "AVX-512": {"avx512f"}, "NEON": {"asimd", "neon"}, "SVE": {"sve"}}
PACKAGES = {"numpy": "NumPy", "numba": "Numba", "torch": "PyTorch", "jax": "JAX", "trl": "TRL"}


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Options of every benchmark; ``rounds`` is how often it measures unless told otherwise."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help="how often each time is taken (default: %(default)s)")
    made.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=FOLDER,
        metavar="FOLDER",
        help="store the figures, by default where README and the site read them; let the machine do nothing else",
    )
    return made


def vector_units(flags: set[str]) -> str:
    """Vector units that the flags of a processor tell."""
    found = [name for name, needed in VECTOR_UNITS.items() if needed & flags]
    return ", ".join(found) or "vector units unknown"


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Processor, vector units and system; without Linux's file, what Python knows of them."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.exists() else ""
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    processor = fields.get("model name") or platform.processor() or platform.machine()
    family = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    # Virtual machines often hide the name; family and model tell the processor nevertheless.
    name = re.sub(r"\((?:R|TM)\)", "", processor) + (f" ({', '.join(family)})" if family else "")
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    return {
        "processor": name,
        "vector units": vector_units(flags),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    found = {"Python": platform.python_version()}
    for package in packages:
        try:
            found[PACKAGES[package]] = version(package)
        except PackageNotFoundError:
            continue
    return found


def finish(
    benchmark: str,
    tables: Mapping[str, Rows],
    options: argparse.Namespace,
    *,
    packages: Sequence[str] = ("numpy",),
    threads: int = 1,
    gpu: str = "",
) -> None:
    """Print tables, and store them where the options ask for it."""
    on = machine() | ({"GPU": gpu} if gpu else {})
    measured = Measurement(benchmark, on, versions(packages), threads, tables)
    print(f"{measured.place}\n")
    for title, rows in tables.items():
        print(f"{title}\n\n{markdown(rows)}\n")
    if options.write:
        path = options.write / f"{benchmark}.json"
        text = json.dumps(measured.to_plain(), indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
        print(f"written to {path}", file=sys.stderr)
