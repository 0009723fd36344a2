"""What all tests share: the GPU marker, and no silent skips in CI."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Generator
from functools import cache

import pytest
from hypothesis import settings

IN_CI = bool(os.environ.get("CI"))

# No test asserts a time, so none may fail for being slow; and in CI the same examples are drawn each time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "default")


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
    """In CI, turn each skip into a failure, except those for want of a GPU."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("gpu"):
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI, turn the skip of a whole file into a failure."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow: {report.longrepr}"
    return report
