"""What JupyterLite takes in a browser: until a first picture, and what is transferred, from a server on this machine.

Run: QAE_PYODIDE=FOLDER python tests/benchmarks/bench_lite.py (tests/pyodide_folder.py fills the folder). Each round
(--rounds) visits a lesson with an empty cache, and again with a full one; the time ends when the lesson's first
explorer is drawn. Bytes are those that the server sent, uncompressed. Memory is what all processes of the browser have
for themselves (PSS), at its highest until all cells have run.
"""

from __future__ import annotations

import functools
import http.server
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from chromium import ARGUMENTS, CHROMIUM
from memory import Memory
from pyodide_folder import PYODIDE
from report import finish, parser

from qae_sim.site.docs import checked
from qae_sim.site.lite import write_lite
from qae_sim.site.pyodide import place

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


class Counting(http.server.SimpleHTTPRequestHandler):
    """A server of files that counts the bytes that it sends."""

    sent = 0

    def log_message(self, *about: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file."""
        content = source.read()
        Counting.sent += len(content)
        outputfile.write(content)


def visit(context: Any, address: str) -> dict[str, float]:
    """Open a lesson, run all of it, and wait for its first picture."""
    page, began, before = context.new_page(), time.monotonic(), Counting.sent
    with Memory(os.getpid(), name="chrom") as memory:
        page.goto(address)
        page.get_by_role("button", name="| Idle").wait_for(timeout=300_000)
        python = time.monotonic() - began
        page.locator("li.lm-MenuBar-item", has_text="Run").click()
        page.locator("[data-command='runmenu:run-all']").click()
        page.locator(".qae canvas").first.wait_for(timeout=300_000)
        picture = time.monotonic() - began
        page.get_by_role("button", name="| Idle").wait_for(timeout=300_000)
        page.wait_for_timeout(2000)
    page.close()
    return {
        "Python, s": python,
        "first picture, s": picture,
        "transferred, MB": (Counting.sent - before) / 1e6,
        "memory of the browser, MB": memory.highest / 1e6,
    }


def main() -> None:
    """Write a site, visit it, print the table, and write it if asked."""
    options = parser(__doc__, rounds=3).parse_args()
    if PYODIDE is None:
        sys.exit("QAE_PYODIDE must name a folder with Pyodide: python tests/pyodide_folder.py FOLDER")
    rounds: dict[str, list[dict[str, float]]] = {"first visit": [], "second visit": []}
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        write_lite(NOTEBOOKS, Path(made), place(str(PYODIDE), Path(made)), checked())
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=made))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lesson = "02_the_gate.ipynb"  # the first with an explorer
        address = f"http://127.0.0.1:{server.server_port}/lite/lab/index.html?path={lesson}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(options.rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 1000})
            for rows in rounds.values():
                rows.append(visit(context, address))
                print(rows[-1], file=sys.stderr)
            context.close()
        browser.close()
        server.shutdown()
        size = sum(path.stat().st_size for path in (Path(made) / "lite").rglob("*") if path.is_file()) / 1e6
    visits = {
        name: {column: statistics.median(row[column] for row in rows) for column in rows[0]}
        for name, rows in rounds.items()
    }
    tables = {"A lesson in JupyterLite": visits, "JupyterLite on the server": {"all files": {"MB": size}}}
    finish("lite", tables, options)


if __name__ == "__main__":
    main()
