"""Everything that needs a GPU, in one command: ``python tests/benchmarks/gpu.py --report FILE --seconds 540``.

Stages: environment (names and versions), tests (``pytest -m gpu``), lm (speed of the toy language models' trainer),
bandits (CuPy beside one core), study (the trial of :mod:`qae_sim.lm.protocols`, ``--record FILE``). The report is
one JSON file, written anew after each stage. The same command goes on where it was: a stage that is done is not done
again, arms of the study that are in the record neither.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from qae_sim.storage import write_atomically

HERE = Path(__file__).parent
STAGES = ("environment", "tests", "lm", "bandits", "study")

#: Where tests marked gpu are; other folders need packages that a machine with a GPU may not have.
TESTED = (
    "tests/advantages",
    "tests/softmax",
    "tests/bandits",
    "tests/lm",
    "tests/test_arrays.py",
    "tests/test_streams.py",
    "tests/test_settings_of_the_caller.py",
)

#: Words of highest entropy would be most of a record; it keeps those of every 50th batch.
_WORDS_EVERY = 50
#: Kept of what a failed stage has printed.
_LAST_LINES = 25


def write_report(path: Path, stages: Mapping[str, Any]) -> None:
    """Write the report, whole or not at all."""
    write_atomically(path, (json.dumps({"stages": dict(stages)}, indent=1) + "\n").encode())


def run_stages(path: Path, stages: Mapping[str, Callable[[], dict[str, Any]]], deadline: float) -> dict[str, Any]:
    """Do the stages that are not done; a stage that fails is in the report with its last lines.

    Args:
        path: The report; one that is there is carried on.
        stages: Functions that give figures, by name.
        deadline: Time (``time.monotonic``) from which no stage is begun.

    Returns:
        The report's stages.
    """
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["stages"] if path.exists() else {}
    for name, stage in stages.items():
        if report.get(name, {}).get("state") == "done" or time.monotonic() > deadline:
            continue
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        try:
            figures = stage()
            report[name] = {"state": "done" if figures.pop("complete", True) else "begun", "figures": figures}
        except Exception as error:
            output = error.output if isinstance(error, subprocess.CalledProcessError) else traceback.format_exc()
            report[name] = {"state": "failed", "last_lines": (output or "").splitlines()[-_LAST_LINES:]}
            print("\n".join(report[name]["last_lines"]), flush=True)
        report[name]["seconds"] = round(time.monotonic() - start, 1)
        write_report(path, report)
    return report


def called(*arguments: str) -> str:
    """What a Python process prints; its errors are raised with it."""
    done = subprocess.run([sys.executable, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, output=done.stdout)
    print(done.stdout[-1500:], flush=True)
    return done.stdout


def environment() -> dict[str, Any]:
    """Names of the devices, and versions."""
    import torch

    packages = ("torch", "numpy", "cupy-cuda12x", "cupy-cuda13x", "trl")
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    figures: dict[str, Any] = {"python": platform.python_version(), "packages": found, "cores": os.cpu_count()}
    if torch.cuda.is_available():
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(query, text=True, capture_output=True).stdout.strip()
        figures |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "driver": driver}
    return figures


def tests(workers: int) -> dict[str, Any]:
    """Counts of ``pytest -m gpu``."""
    marked = ("-m", "pytest", "-q", "-m", "gpu", "--cases=all", "-W", "default", "-p", "no:cacheprovider", "--tb=short")
    output = called(*marked, "-n", str(workers), *TESTED)
    return counts(output)


def counts(output: str) -> dict[str, Any]:
    """Read the numbers in the last line that pytest prints.

    Example:
        >>> counts("...\\n2 passed, 1 skipped in 0.1s\\n")
        {'passed': 2, 'skipped': 1}
    """
    last = output.strip().splitlines()[-1]
    return {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)}


def lm(device: str) -> dict[str, Any]:
    """Figures of ``bench_lm.py``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        called(str(HERE / "bench_lm.py"), "--device", device, "--json", str(path))
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def bandits() -> dict[str, Any]:
    """How many cores a GPU replaces."""
    sys.path.insert(0, str(HERE))
    from bench_bandits import gpu

    _, figures = gpu()
    if not figures:
        raise ValueError("there is no GPU with CuPy here")
    return dict(figures)


def study(record_path: Path, device: str, deadline: float, name: str = "medium_gpu", look: int = 0) -> dict[str, Any]:
    """Train the arms of a protocol one after the other, as ensembles, as long as there is time for another one."""
    from qae_sim.lm import protocols
    from qae_sim.lm.runs import Record
    from qae_sim.lm.train import train

    protocol = protocols.read(name)
    record = Record.load(record_path) if record_path.exists() else None
    if record is not None:
        protocols.require_protocol(protocol, record)
    seconds: dict[str, float] = {}
    longest, complete = 0.0, True
    shared = Path("/dev/shm")  # checkpoints of many models are large, and die with the machine anyway
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        for setting, arm in protocol.arms():
            runs = protocol.runs(setting, arm, look)
            if record is not None and runs[0] in record.configs:
                continue
            if time.monotonic() + longest > deadline:
                complete = False
                break
            start = last = time.monotonic()

            def tell(what: str, share: float, start: float = start) -> None:
                nonlocal last
                if time.monotonic() - last > 5:
                    last = time.monotonic()
                    print(f"  {what} {share:.0%}, {last - start:.0f} s", flush=True)
                if time.monotonic() > deadline:
                    raise TimeoutError

            place = Path(folder) / re.sub(r"\W+", "-", f"{setting} {arm}")
            try:
                part = train(runs, place, device=device, bases=Path(folder) / "bases", progress=tell)
            except TimeoutError:
                complete = False
                break
            part = replace(
                part,
                about=tuple(dict(about) | {"protocol": protocol.digest} for about in part.about),
                words=tuple({row: top for row, top in of.items() if row % _WORDS_EVERY == 0} for of in part.words),
            )
            record = part if record is None else Record.join([record, part])
            record.save(record_path)
            longest = time.monotonic() - start
            seconds[f"{setting}, {arm}"] = round(longest, 1)
            print(f"{setting}, {arm}: {longest:.0f} s, pass@1 {part.last('pass_1').mean():.3f}", flush=True)
    if record is None:
        raise TimeoutError("no arm was finished in the time there was")
    found = [vars(comparison) for comparison in protocols.judge(protocol, record)]
    return {"complete": complete, "protocol": protocol.digest, "seconds": seconds, "comparisons": found}


def main() -> None:
    """Do the stages asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=HERE / "gpu.json")
    parser.add_argument("--protocol", default="medium_gpu", help="the protocol of the study")
    parser.add_argument("--look", type=int, default=0, help="the look whose runs are trained, from 0")
    parser.add_argument("--record", type=Path, default=None, help="default: qae_sim/lm/recorded/PROTOCOL.npz")
    parser.add_argument("--stage", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--seconds", type=float, default=540.0, help="stop by then")
    parser.add_argument("--workers", type=int, default=min(16, os.cpu_count() or 1), help="processes of the tests")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    stages: dict[str, Callable[[], dict[str, Any]]] = {
        "environment": environment,
        "tests": lambda: tests(options.workers),
        "lm": lambda: lm("cuda"),
        "bandits": bandits,
        "study": lambda: study(
            options.record or HERE.parents[1] / f"qae_sim/lm/recorded/{options.protocol}.npz",
            *("cuda", deadline, options.protocol, options.look),
        ),
    }
    run_stages(options.report, {name: stages[name] for name in STAGES if name in options.stage}, deadline)


if __name__ == "__main__":
    main()
