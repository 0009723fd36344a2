"""What all tests share: parts of many like cases, the GPU marker, and no silent skips in CI."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import warnings
from collections import defaultdict
from collections.abc import Generator
from functools import cache
from typing import Any

# Tests run on as many processes as there are cores: threads of one would only wait for those of another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import pytest
from exact_examples import compared
from hypothesis import Phase, settings
from lessons import Lessons, run_lessons
from libraries import NUMPY, Library

IN_CI = bool(os.environ.get("CI"))

# No test asserts a time, so none may fail for being slow; and in CI the same examples are drawn each time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
# A long run stores no examples and does not look for explanations: both take time.
settings.register_profile(
    "long", deadline=None, max_examples=3000, database=None, phases=(Phase.explicit, Phase.generate, Phase.shrink)
)
settings.load_profile("ci" if IN_CI else "default")

#: Of the cases that a test has on each array library but NumPy, the part that an ordinary run keeps.
OF_A_LIBRARY = 0.25
#: Where a run keeps how many of the cases that are drawn it ran, and how many there are.
CASES = pytest.StashKey[tuple[int, int]]()
#: Where a run keeps how many examples xdist's processes have compared with exact arithmetic.
COMPARED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cases")
    group.addoption(
        "--cases",
        choices=("share", "all", "numpy"),
        default="share",
        help=f"which cases of tests on array libraries, and of those marked share: a part of them (the default; "
        f"{OF_A_LIBRARY:.0%} on each library, and NumPy always), all, or those on NumPy alone",
    )
    group.addoption(
        "--cases-seed",
        default=os.environ.get("QAE_CASES_SEED", "0"),
        help="what draws that part: any text (default: $QAE_CASES_SEED or 0)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let xdist's processes take whole stretches of files, so that what a file sets up is set up once."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def library_of(item: pytest.Item) -> Library | None:
    """The array library other than NumPy that a test runs on, where it runs on several."""
    values: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    return next((value for value in values.values() if isinstance(value, Library) and value != NUMPY), None)


def part_of(item: pytest.Item) -> float | None:
    """The part of a test's cases that an ordinary run keeps; None where it keeps all.

    Those for a GPU are all kept: few machines can run them, and these are not in a hurry.
    """
    if item.get_closest_marker("gpu"):
        return None
    mark = item.get_closest_marker("share")
    return mark.args[0] if mark else OF_A_LIBRARY if library_of(item) else None


def drawn(items: list[pytest.Item], seed: str) -> set[pytest.Item]:
    """Of each test, on each library, that part of the cases and at least one, by a hash of seed and name."""
    cases: dict[tuple[str, Library | None], list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0], library_of(item)].append(item)
    found: set[pytest.Item] = set()
    for same in cases.values():
        same.sort(key=lambda item: hashlib.sha256(f"{seed} {item.nodeid}".encode()).digest())
        found.update(same[: math.ceil((part_of(same[0]) or 1) * len(same))])
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the cases that this run does without, and in CI what a stage of its own does."""
    if IN_CI:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("stage")])
        items[:] = [item for item in items if not item.get_closest_marker("stage")]
    shared = [item for item in items if part_of(item)]
    choice = config.getoption("cases")
    dropped = set(shared) - drawn(shared, config.getoption("cases_seed")) if choice == "share" else set()
    if choice == "numpy":
        dropped = {item for item in items if library_of(item)}
    if dropped:
        config.hook.pytest_deselected(items=[item for item in items if item in dropped])
        items[:] = [item for item in items if item not in dropped]
    items.sort(key=lambda item: "lessons" not in item.fixturenames)  # so that one process runs the lessons for all
    config.stash[CASES] = sum(item not in dropped for item in shared), len(shared)
    if hasattr(config, "workeroutput"):
        config.workeroutput["cases"] = config.stash[CASES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from xdist's processes, which all collect the same, what the summary says."""
    told = getattr(node, "workeroutput", {})
    if "cases" in told:
        node.config.stash[CASES] = tuple(told["cases"])
    node.config.stash[COMPARED] = node.config.stash.get(COMPARED, 0) + told.get("compared", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["compared"] = compared[0]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many examples were compared; how many cases this run did without, and how to run them."""
    if number := config.stash.get(COMPARED, 0) + compared[0]:
        terminalreporter.write_line(f"{number} examples compared with exact arithmetic")
    kept, cases = config.stash.get(CASES, (0, 0))
    if kept < cases:
        seed = config.getoption("cases_seed")
        terminalreporter.write_line(
            f"{kept} of {cases} cases on other array libraries or marked share, drawn by seed {seed}; all: --cases=all"
        )


@pytest.fixture(scope="session")
def cases_seed(pytestconfig: pytest.Config) -> str:
    """What draws the part of very many cases that this run tries."""
    return str(pytestconfig.getoption("cases_seed"))


@pytest.fixture(scope="session")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    return run_lessons(tmp_path_factory.mktemp("lessons"))


@cache
def gpu_found() -> bool:
    """Whether CuPy or PyTorch sees a CUDA device; what they warn of an old driver or two CuPys is no failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _cuda_device_found()


def _cuda_device_found() -> bool:
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return True
    if importlib.util.find_spec("cupy") is not None:
        import cupy

        try:
            return cupy.cuda.runtime.getDeviceCount() > 0
        except cupy.cuda.runtime.CUDARuntimeError:
            return False
    return False


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not gpu_found():
        pytest.skip("needs a CUDA device that CuPy or PyTorch can use")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, turn each skip into a failure, except for want of a GPU, of rights, or of Coq, which is a stage."""
    report = yield
    excused = any(item.get_closest_marker(name) for name in ("gpu", "mount", "coq"))
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and not excused:
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI, turn the skip of a whole file into a failure."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow: {report.longrepr}"
    return report
