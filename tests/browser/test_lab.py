"""A lesson in a real JupyterLab in a real browser: it runs, a slider moves the picture, nothing leaves the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """Address of a JupyterLab that shows the lessons."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", "from qae_sim.cli import main; main()", "lab", "--no-browser"]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT)
    try:
        for _ in range(240):
            found = re.search(r"http://127\.0\.0\.1:\d+/lab\S*", log.read_text())
            if found:
                break
            assert server.poll() is None, log.read_text()
            time.sleep(0.25)
        else:
            pytest.fail(log.read_text())
        yield found.group()
    finally:
        server.terminate()
        server.wait(30)


def test_the_first_lesson(lab: str) -> None:
    problems: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
        page.goto(lab)
        page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)
        picture = page.locator("img[alt*='query']")
        # JupyterLab sometimes ignores the first command after the kernel says that it is idle.
        for _ in range(5):
            page.locator("li.lm-MenuBar-item", has_text="Run").click()
            page.locator("[data-command='runmenu:run-all']").click()
            try:
                picture.wait_for(timeout=10_000)
                break
            except sync_api.TimeoutError:
                continue
        before, says = picture.get_attribute("src"), picture.get_attribute("alt")
        assert "13 of 16 advantages are zero" in says
        assert page.get_by_role("status").count() >= 1
        slider = page.locator(".widget-slider", has_text="Quantile K").locator(".noUi-handle")
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("before => document.querySelector(\"img[alt*='query']\").src !== before", arg=before)
        assert "0.59" in picture.get_attribute("alt")
        assert page.get_by_text("Would you like to get notified").count() == 0
        browser.close()
    assert problems == []


def leaves(url: str) -> bool:
    """Whether a request goes anywhere but to this machine."""
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))
