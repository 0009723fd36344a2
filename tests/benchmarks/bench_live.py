"""What Python in the site's own pages takes: until it answers, for a state, for a study; bytes and memory.

Run: QAE_PYODIDE=FOLDER python tests/benchmarks/bench_live.py (tests/pyodide_folder.py fills the folder). The server is
on this machine. Each round (--rounds) visits an explorer's page with an empty cache, and again with a full one. "First
picture" is drawn from what the page holds; "Python" is from the press of a key that only Python can answer to the
picture that answers it, loading included. Bytes are those that the server sent, uncompressed; Pyodide's own are counted
apart. Memory is what all processes of the browser have for themselves (PSS), at its highest. "By Python" compares the
time of a picture in the page with that of the same picture outside, in this process, both from the state to all that is
drawn, both the median of moves over one control; by NumPy on both sides, since a page has no machine code.
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

from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.explorers.assets import script, style
from qae_sim.explorers.explorer import Explorer, page_of
from qae_sim.site import write_explorers
from qae_sim.site.explorers import explorers_with_pages
from qae_sim.site.live import write_live
from qae_sim.site.pyodide import place

#: Notes when an explorer begins and ends to wait for Python, without the test's own polling.
_WATCH = """() => {
  window.waits = [];
  const root = document.querySelector(".qae:has(canvas)");
  let began = 0;
  new MutationObserver(() => {
    if (root.getAttribute("aria-busy") === "true") began ||= performance.now();
    else if (began) { window.waits.push(performance.now() - began); began = 0; }
  }).observe(root, { attributes: true, attributeFilter: ["aria-busy"] });
}"""
#: Whether Python has been asked since there were so many waits.
_ASKED = """before => window.waits.length > before
  || document.querySelector(".qae:has(canvas)").getAttribute("aria-busy") === "true" """
STUDY = 'Study(Bandit.uniform(100, 30), "{name}", eta=0.5, steps=300, runs=256)'


class Counting(http.server.SimpleHTTPRequestHandler):
    """A server of files that counts the bytes that it sends."""

    sent = 0
    of_pyodide = 0

    def log_message(self, *about: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file."""
        content = source.read()
        Counting.sent += len(content)
        Counting.of_pyodide += len(content) if "/pyodide/" in self.path else 0
        outputfile.write(content)


def visit(context: Any, address: str) -> dict[str, float]:
    """Open the page of an explorer, and press a key that Python has to answer."""
    page, sent, of_pyodide = context.new_page(), Counting.sent, Counting.of_pyodide
    with Memory(os.getpid(), name="chrom") as memory:
        began = time.monotonic()
        page.goto(address)
        page.wait_for_function("document.querySelector('.qae canvas')?.dataset.drawn > 0")
        picture = time.monotonic() - began
        page.locator(".qae-more summary").click()
        page.evaluate(_WATCH)
        page.get_by_role("slider", name="Group size G", exact=True).press("ArrowLeft")
        page.wait_for_function("window.waits.length > 0", timeout=300_000)
        (python,) = page.evaluate("window.waits")
        page.wait_for_timeout(500)
    page.close()
    return {
        "first picture, s": picture,
        "Python, s": python / 1000,
        "transferred, MB": (Counting.sent - sent) / 1e6,
        "of these Pyodide's own, MB": (Counting.of_pyodide - of_pyodide) / 1e6,
        "memory of the browser, MB": memory.highest / 1e6,
    }


def one_control(kind: type[Explorer[Any]]) -> str:
    """A slider of an explorer that Python has to answer; empty if it has none."""
    controls = kind.STATE.controls()
    shown = [name for name in controls if name not in kind()._idle(kind.STATE())]
    return next((name for name in shown if controls[name].kind in ("number", "whole") and not controls[name].local), "")


def moves(context: Any, site: str, kind: type[Explorer[Any]], rounds: int) -> dict[str, float] | None:
    """Times of moves of a control, in the page and outside; None where an explorer has none."""
    name = one_control(kind)
    if not name:
        return None
    page = context.new_page()
    page.goto(f"{site}/{page_of(kind)}")
    page.wait_for_function("document.querySelector('.qae canvas')?.dataset.drawn > 0")
    for more in page.locator(".qae-more:not([open]) summary").all():
        more.click()
    page.evaluate(_WATCH)
    slider = page.get_by_role("slider", name=kind.STATE.controls()[name].label, exact=True)
    slider.focus()
    states = []
    for _ in range(rounds + 1):
        before = page.evaluate("window.waits.length")
        slider.press("ArrowLeft" if slider.evaluate("s => s.value === s.max") else "ArrowRight")
        page.wait_for_timeout(300)
        if not page.evaluate(_ASKED, before):
            continue  # a state that the page holds
        page.wait_for_function("before => window.waits.length > before", arg=before, timeout=300_000)
        states.append(kind.STATE.from_text(page.locator(".qae").first.get_attribute("data-state")))
        page.wait_for_timeout(20)
    inside = page.evaluate("window.waits")[1:]  # the first one waits for Python itself
    page.close()
    if len(states) < 2:
        return None
    outside = []
    explorer = kind()
    for state in states:
        began = time.perf_counter()
        explorer.go(state)
        outside.append(1000 * (time.perf_counter() - began))
    here, there = statistics.median(inside), statistics.median(outside[1:])
    return {"in the page, ms": here, "outside, ms": there, "times": here / there}


def study(context: Any, site: str, name: str, rounds: int) -> dict[str, float]:
    """The time of a study of 256 runs and 300 steps, in the page and outside."""
    code = (
        f"import time\nfrom qae_sim.bandits import Bandit, Study, simulate\nstudy = {STUDY.format(name=name)}\n"
        f"simulate(study)\ntimes = []\nfor _ in range({rounds}):\n"
        "    began = time.perf_counter()\n    simulate(study)\n"
        "    times.append(1000 * (time.perf_counter() - began))\nsorted(times)[len(times) // 2]"
    )
    page = context.new_page()
    page.goto(f"{site}/study.html")
    page.locator(".qae-exercise textarea").fill(code)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Stop").wait_for(state="visible")
    page.get_by_role("button", name="Stop").wait_for(state="hidden", timeout=300_000)
    inside = float(page.locator(".qae-said").inner_text())
    page.close()
    made = Study(Bandit.uniform(100, 30), name, eta=0.5, steps=300, runs=256)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        simulate(made, library="numpy")
        times.append(1000 * (time.perf_counter() - began))
    outside = statistics.median(times)
    return {"in the page, ms": inside, "outside, ms": outside, "times": inside / outside}


def write_site(folder: Path) -> None:
    """The pages of all explorers, and one with a place for code."""
    write_explorers(folder, [])
    assets = folder / "lessons" / "assets"
    assets.mkdir(parents=True)
    (assets / "qae.js").write_bytes(script("lesson").read_bytes())
    (assets / "qae.css").write_text(style("view", "quiz", "derive"), encoding="utf-8")
    (folder / "study.html").write_text(
        '<!doctype html><html lang="en" data-live="live/"><body><div></div><script type="application/json" '
        'data-qae="exercise">{"code": "", "imports": []}</script><script src="lessons/assets/qae.js"></script>',
        encoding="utf-8",
    )
    write_live(folder, place(str(PYODIDE), folder))


def main() -> None:
    """Write a site, visit it, print the tables, and write them if asked."""
    options = parser(__doc__, rounds=5).parse_args()
    sys.modules["numba"] = None  # type: ignore[assignment]
    if PYODIDE is None:
        sys.exit("QAE_PYODIDE must name a folder with Pyodide: python tests/pyodide_folder.py FOLDER")
    rounds: dict[str, list[dict[str, float]]] = {"first visit": [], "second visit": []}
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        write_site(Path(made))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=made))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(options.rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            for rows in rounds.values():
                rows.append(visit(context, f"{site}/explorers/QuantileGate.html"))
                print(rows[-1], file=sys.stderr)
            context.close()
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        pictures = {}
        for kind in explorers_with_pages():
            if row := moves(context, site, kind, 4 * options.rounds):
                pictures[kind.__name__] = row
                print(kind.__name__, row, file=sys.stderr)
        studies = {name: study(context, site, name, options.rounds) for name in ("grpo", "qae")}
        browser.close()
        server.shutdown()
    visits = {
        name: {column: statistics.median(row[column] for row in rows) for column in rows[0]}
        for name, rows in rounds.items()
    }
    tables = {"A page that runs Python": visits, "A state, by Python": pictures, "256 runs of 300 steps": studies}
    finish("live", tables, options)


if __name__ == "__main__":
    main()
