"""What Binder takes of time and memory: its image, the first picture that moves, and all lessons.

Run: python tests/benchmarks/bench_binder.py. The image is made as repo2docker does it (tests/binder_image.py) in a new
folder, and started --rounds times. Memory is what the server and all it started have for themselves (PSS), at its
highest. "One after another" closes a lesson after a quarter of a minute and opens the next; "all open" leaves
every one open, of which those used last have a kernel (binder/jupyter).
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from binder_image import Image, Server, build, start
from chromium import ARGUMENTS, CHROMIUM
from memory import Memory
from report import finish, parser

LESSONS = sorted(path.stem for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def run_lesson(page: Any, server: Server, name: str) -> None:
    """Open a lesson and run all of it."""
    page.goto(server.lesson(name))
    page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)
    begun = page.locator(".jp-InputPrompt:has-text('[*]'), .jp-OutputArea-output").first
    while True:  # JupyterLab sometimes ignores the first command after the kernel says that it is idle
        page.locator("li.lm-MenuBar-item", has_text="Run").click()
        page.locator("[data-command='runmenu:run-all']").click()
        try:
            begun.wait_for(timeout=5_000)
            break
        except Exception:
            continue


def move(page: Any) -> None:
    """Move the first slider there is, and wait until its picture has changed."""
    explorer = page.locator(".qae:has(canvas):has(input[type=range])").first
    explorer.wait_for(timeout=60_000)
    before = explorer.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    for key in ("End", "Home"):
        explorer.locator("input[type=range]").first.press(key)
    for _ in range(600):
        explorer.locator("input[type=range]").first.press("ArrowRight")
        if explorer.locator("canvas").evaluate("canvas => canvas.toDataURL()") != before:
            return
        page.wait_for_timeout(25)
    raise RuntimeError("no picture moves")


def all_lessons(browser: Any, image: Image, keep: bool) -> int:
    """Run every lesson in one session; its highest memory in bytes."""
    server = start(image)
    try:
        with Memory(server.process.pid) as memory:
            for name in LESSONS:
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                run_lesson(page, server, name)
                page.wait_for_timeout(1000)
                page.get_by_role("button", name="| Idle").wait_for(timeout=300_000)
                if not keep:
                    page.wait_for_timeout(15_000)  # a fast reader
                    page.close()
                print(f"{name}: {memory.highest / 1e6:.0f} MB", file=sys.stderr)
    finally:
        server.process.terminate()
        server.process.wait(30)
    return memory.highest


def main() -> None:
    """Build, start, measure, print the tables, and write them if asked."""
    options = parser(__doc__, rounds=3).parse_args()
    waits: list[float] = []
    folder = Path(tempfile.mkdtemp())
    image = build(folder)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for _ in range(options.rounds):
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                began = time.monotonic()
                server = start(image)
                run_lesson(page, server, LESSONS[0])
                move(page)
                waits.append(time.monotonic() - began)
                page.close()
                server.process.terminate()
                server.process.wait(30)
                print(f"first picture that moves: {waits[-1]:.1f} s", file=sys.stderr)
            rows = {
                "first start": {"s": waits[0]},
                "later starts": {"s": statistics.median(waits[1:] or waits)},
            }
            memory = {
                "one after another": {"MB": all_lessons(browser, image, keep=False) / 1e6},
                "all open": {"MB": all_lessons(browser, image, keep=True) / 1e6},
            }
            browser.close()
        steps = {name: {"s": seconds} for name, seconds in image.seconds.items()}
        size = {"image": {"MB": image.size() / 1e6}}
    finally:
        shutil.rmtree(folder)
    tables = {
        "The image, made": steps,
        "The image, without its operating system": size,
        "From a start to the first picture that moves": rows,
        "Memory of a session that has run all lessons": memory,
    }
    finish("binder", tables, options)


if __name__ == "__main__":
    main()
