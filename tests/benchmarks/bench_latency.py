"""From key press to new pixels, in JupyterLab: median and 95th percentile.

Run: python tests/benchmarks/bench_latency.py. The time is from the key event to the first task after the frame that
follows the drawing of the canvas, forty presses (--rounds) for each slider that is named. "Own" is what the view
computes for these moves in this process, the median; "allowed" is twice that and 25 ms. The last table has what each
view computes over its presets and every move that Python answers (view_times.py).
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from report import finish, parser
from view_times import time_of, times_of, values_of

from qae_sim.explorers import (
    CollapseExplosion,
    EntropyCovariance,
    EstimatorTable,
    Explorer,
    GroupBias,
    KalmanAnchorExplorer,
    KeyTokens,
    Proposition42,
    QuantileGate,
)
from qae_sim.site.explorers import explorers_with_pages

#: Explorers that the lessons below open first.
FIRST = {
    "02_the_gate": QuantileGate,
    "04_another_clock": CollapseExplosion,
    "05_entropy_and_covariance": EntropyCovariance,
    "06_proposition_4_2": Proposition42,
    "07_kalman_anchor": KalmanAnchorExplorer,
    "09_key_tokens": KeyTokens,
    "10_all_estimators": EstimatorTable,
    "16_group_bias": GroupBias,
}
#: Lesson, slider, and whether the browser draws by itself.
SLIDERS = (
    ("02_the_gate", "Quantile K", True),
    ("02_the_gate", "Group size G", False),
    ("05_entropy_and_covariance", "Step size η", True),
    ("05_entropy_and_covariance", "Logit of arm 1", False),
    ("06_proposition_4_2", "Baseline b", True),
    ("06_proposition_4_2", "Probability of the correct arm", False),
    ("04_another_clock", "Step size η", False),
    ("16_group_bias", "Success rate p", True),
    ("16_group_bias", "Group size G", False),
    ("07_kalman_anchor", "Fixed gain", True),
    ("07_kalman_anchor", "Windows m and h", False),
    ("09_key_tokens", "Token, in order of appearance", False),
    ("10_all_estimators", "Reward 1", False),
)

_LISTEN = """(canvas) => {
  window.times = [];
  let pressed = 0;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (!pressed) return;
    const from = pressed;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - from)));
  }).observe(canvas, { attributes: true, attributeFilter: ["aria-label", "data-drawn"] });
}"""


def measure(page: Any, explorer: Any, label: str, presses: int) -> list[float]:
    """Times of key presses, in milliseconds."""
    explorer.locator("canvas").evaluate(_LISTEN)
    for more in explorer.locator(".qae-more:not([open]) summary").all():
        more.click()
    slider = explorer.get_by_role("slider", name=label, exact=True)
    slider.focus()
    slider.press("Home")
    page.wait_for_timeout(500)
    page.evaluate("window.times.length = 0")
    for i in range(presses):
        before = page.evaluate("window.times.length")
        slider.press("ArrowRight" if i % 20 < 10 else "ArrowLeft")
        deadline = time.monotonic() + 3
        while page.evaluate("window.times.length") == before and time.monotonic() < deadline:
            page.wait_for_timeout(5)
        page.wait_for_timeout(30)
    return list(page.evaluate("window.times"))


def own_time(kind: type[Explorer[Any]], label: str) -> float:
    """Milliseconds that a view computes when a slider moves, the median over its range."""
    controls = kind.STATE.controls()
    names = {control.label: name for name, control in controls.items()}
    name = names.get(label) or next(name for said, name in names.items() if label.startswith(said))  # one of a row
    values = values_of(kind.STATE(), name, controls[name])
    return statistics.median(time_of(kind(), kind.STATE().with_(**{name: value})) for value in values)


def computing_times() -> dict[str, dict[str, float]]:
    """What each view computes by itself."""
    rows = {}
    for kind in explorers_with_pages():
        times = [found for found, _ in times_of(kind)]
        rows[kind.__name__] = {"median, ms": statistics.median(times), "worst, ms": times[0], "states": len(times)}
        print(kind.__name__, rows[kind.__name__], file=sys.stderr)
    return rows


def main() -> None:
    """Open JupyterLab, measure, print the tables, and write them if asked."""
    options = parser(__doc__, rounds=40).parse_args()
    tables: dict[str, dict[str, dict[str, float]]] = {"What the browser draws": {}, "What the kernel answers": {}}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    folder = Path(tempfile.mkdtemp())
    log = folder / "log"
    command = [sys.executable, "-c", "from qae_sim.cli import main; main()", "lab", "--no-browser"]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*", log.read_text())):
            time.sleep(0.25)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, label, local in SLIDERS:
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                page.goto(re.sub(r"/lab/tree/\w+\.ipynb", f"/lab/tree/{name}.ipynb", found.group()) + "&reset")
                page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)
                explorer = page.locator(".qae:has(canvas)").first
                for _ in range(6):
                    page.locator("li.lm-MenuBar-item", has_text="Run").click()
                    page.locator("[data-command='runmenu:run-all']").click()
                    try:
                        explorer.wait_for(timeout=10_000)
                        break
                    except Exception:
                        continue
                page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)
                page.wait_for_timeout(3000)
                times = sorted(measure(page, explorer, label, options.rounds))
                median, high = statistics.median(times), times[int(0.95 * len(times))]
                rows = tables["What the browser draws" if local else "What the kernel answers"]
                row = rows[f"{name}, {label}"] = {"median, ms": median, "95th percentile, ms": high}
                if not local:
                    own = own_time(FIRST[name], label)
                    row |= {"own, ms": own, "allowed, ms": 2 * own + 25}
                print(f"{name}, {label}: {median:.0f} ms", file=sys.stderr)
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(30)
    finish("latency", {**tables, "What a view computes": computing_times()}, options)


if __name__ == "__main__":
    main()
