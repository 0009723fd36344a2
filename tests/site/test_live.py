"""Pages that run Python themselves, in a real browser, with Pyodide from a folder and no network but this machine.

What a page shows is compared with what the package shows outside of it. Times: benchmarks/bench_live.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, Quiet, leaves, served, without_network
from layout import NOTED, faults
from lessons import NOTEBOOKS
from pyodide_folder import PYODIDE

pytest.importorskip("anywidget")

from qae_sim.engines.demo.trl_runs import recorded_log
from qae_sim.explorers import TrainingLog
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.explorer import page_of
from qae_sim.logs.diagnosis import diagnose
from qae_sim.site import Address, write_explorers, write_lessons
from qae_sim.site.explorers import explorers_with_pages
from qae_sim.site.live import write_live
from qae_sim.site.pyodide import STARTS, hashes, place
from qae_sim.teaching.material import named_in

sync_api = pytest.importorskip("playwright.sync_api")

KINDS = {kind.__name__: kind for kind in explorers_with_pages()}
#: Lesson 4's exercise needs what cells before it import.
WITH_EXERCISES = [path for path in NOTEBOOKS if "check(" in path.read_text(encoding="utf-8")]
#: Starting Python takes a while on a busy machine.
PATIENCE = 120_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
    pytest.mark.skipif(PYODIDE is None, reason="no Pyodide found: python tests/pyodide_folder.py FOLDER"),
]


class Server(Quiet):
    """It can be out of reach."""

    reachable = True

    def send_head(self) -> Any:
        """Answer nothing while it is out of reach."""
        return super().send_head() if Server.reachable else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site: all explorers, lesson 4, the page for logs."""
    site = tmp_path_factory.mktemp("site")
    write_lessons([path for path in NOTEBOOKS if path.stem.startswith("04")], site / "lessons", Address(""))
    write_explorers(site, [])
    write_live(site, place(str(PYODIDE), site))
    return site


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """The site's address."""
    with served(folder, Server) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that knows no host but this machine."""
    with without_network() as opened:
        yield opened


@pytest.fixture(scope="module")
def visited(browser: Any) -> Iterator[Any]:
    """A visitor who comes again: what was loaded once is kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    yield context
    context.close()


@pytest.fixture
def page(visited: Any) -> Iterator[Any]:
    """A page on which no error may be raised and nothing may be asked for from outside."""
    opened, problems = visited.new_page(), []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    opened.add_init_script(NOTED)
    yield opened
    opened.close()
    assert problems == []


def go(page: Any, address: str) -> Any:
    """Open an explorer's page; the explorer."""
    page.goto(address)
    page.wait_for_function("document.querySelector('.qae canvas')?.dataset.drawn > 0")
    for more in page.locator(".qae-more:not([open]) summary").all():
        more.click()
    return page.locator(".qae:has(canvas)").first


def settled(explorer: Any) -> str:
    """The state, once the picture is that of the state; the controls show it before."""
    explorer.page.wait_for_function(
        """() => {
          const root = document.querySelector(".qae:has(canvas)");
          return root.querySelector(".qae-loading").hidden && root.getAttribute("aria-busy") !== "true";
        }""",
        timeout=PATIENCE,
    )
    problem = explorer.locator(".qae-problem")
    assert problem.is_hidden(), problem.inner_text()
    return str(explorer.get_attribute("data-state"))


def move(explorer: Any, control: Any) -> bool:
    """Move a control by the keyboard, or choose another entry of a menu; False if it has none."""
    tag = control.evaluate("control => control.tagName")
    if tag == "SELECT":
        others = control.evaluate("s => [...s.options].filter((o) => o.value && !o.selected).map((o) => o.value)")
        if not others:
            return False
        control.select_option(others[-1])
    elif tag == "BUTTON":
        control.click()
    else:
        control.focus()
        control.press("ArrowLeft" if control.evaluate("s => s.value === s.max") else "ArrowRight")
    return True


@pytest.mark.share(0.2)
@pytest.mark.parametrize("name", KINDS)
def test_every_control_of_an_explorer_answers_as_the_package_does(page: Any, site: str, name: str) -> None:
    """The state in the page's address, opened outside, says the same sentence and has the same numbers."""
    kind = KINDS[name]
    explorer = go(page, f"{site}/{page_of(kind)}")
    labels = explorer.locator(
        ".qae-control :is(input, select):visible, .qae-flips button:visible, .qae-side select:visible"
    ).evaluate_all("all => all.map((control) => control.getAttribute('aria-label'))")
    assert len(labels) >= len([control for control in kind.STATE.controls().values() if control.kind != "numbers"]) / 3
    for label in dict.fromkeys(labels):
        control = explorer.locator(f'[aria-label="{label}"]')
        if not control.is_visible() or not move(explorer, control):
            continue  # it does not matter in the view that another one has chosen
        outside = kind.from_state(settled(explorer))
        assert explorer.locator(".qae-words").inner_text() == outside.words(), label
        assert explorer.locator("canvas").get_attribute("aria-label") == outside.words()
    explorer.get_by_role("button", name="Numbers", exact=True).click()
    shown = explorer.locator(".qae-table td").all_inner_texts()
    assert shown


def test_an_address_opens_what_is_not_stored(page: Any, site: str) -> None:
    explorer = go(page, f"{site}/explorers/QuantileGate.html#k=0.35&g=9&c=4")
    assert settled(explorer) == "view=group&k=0.35&g=9&c=4&verifier=right&spread=1"
    outside = KINDS["QuantileGate"].from_state("k=0.35&g=9&c=4")
    assert explorer.locator(".qae-words").inner_text() == outside.words()
    assert page.url.endswith("#k=0.35&g=9&c=4")
    page.wait_for_function("navigator.serviceWorker.controller !== null")  # for visits without a network
    assert "6 claims checked" in explorer.inner_text()


def test_what_is_stored_needs_no_python(page: Any, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    explorer = go(page, f"{site}/explorers/QuantileGate.html")
    for preset in KINDS["QuantileGate"].PRESETS:
        explorer.get_by_label("Start from").select_option(preset)
        settled(explorer)
    assert not [url for url in asked if "/live/" in url or "/pyodide/" in url]


def test_of_a_stored_and_a_late_picture_the_stored_one_stays(page: Any, site: str) -> None:
    """Python is asked, and before it answers a preset is chosen, which is at hand."""
    explorer = go(page, f"{site}/explorers/QuantileGate.html")
    slider = explorer.get_by_role("slider", name="Group size G", exact=True)
    slider.focus()
    slider.press("ArrowLeft")
    explorer.get_by_label("Start from").select_option("80 % zeros")
    wanted = KINDS["QuantileGate"].PRESETS["80 % zeros"]
    page.wait_for_function("document.querySelector('.qae-loading').hidden", timeout=PATIENCE)
    page.wait_for_timeout(3000)
    assert settled(explorer) == wanted.to_text()
    assert explorer.locator(".qae-words").inner_text() == KINDS["QuantileGate"](wanted).words()


def check(page: Any, code: str) -> str:
    """Write code into an exercise and have it checked; what is said."""
    exercise = page.locator(".qae-exercise")
    exercise.locator("textarea").fill(code)
    exercise.locator("textarea").press("Control+Enter")
    stop = exercise.get_by_role("button", name="Stop")
    sync_api.expect(stop).to_be_hidden(timeout=PATIENCE)
    return str(exercise.locator(".qae-said").inner_text())


def test_an_exercise(page: Any, site: str) -> None:
    """Untouched, right, wrong with a hint, with an error, never ending; and the answer is on the worksheet."""
    page.goto(f"{site}/lessons/04_another_clock.html")
    written = page.locator(".qae-exercise textarea").input_value()
    assert "put your answer in the place of the three dots" in check(page, written)
    right = written.replace("answer = ...", "answer = study.with_(eta=0.1)")
    assert "Right, the entropy ends above 1." in check(page, right)
    assert "In which direction does eta have to go?" in check(page, right.replace("eta=0.1", "eta=0.9"))
    said = check(page, "def f():\n    return 1 / 0\n\n\nprint('before')\nf()")
    assert said.startswith("before\n")
    assert re.search(r'File "<your code>", line 2, in f\n\s+return 1 / 0', said)
    assert "ZeroDivisionError: division by zero" in said
    assert "pyodide" not in said
    assert "SystemExit: 3" in check(page, "raise SystemExit(3)")
    exercise = page.locator(".qae-exercise")
    exercise.locator("textarea").fill("while True: pass")
    exercise.get_by_role("button", name="Check").click()
    exercise.get_by_role("button", name="Stop").click()
    sync_api.expect(exercise.locator(".qae-said")).to_have_text("This was not checked: Stopped.")
    assert "Right, the entropy ends above 1." in check(page, right)  # Python starts anew
    page.get_by_text("My answers: 1").click()
    assert "Exercise high entropy: right." in page.locator(".qae-worksheet").inner_text()


@pytest.mark.share(0.1)
@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_the_exercise_of_a_lesson(page: Any, site: str, folder: Path, path: Path) -> None:
    """With the published solution it is right; with a wrong answer it is not."""
    write_lessons([path], folder / "lessons", Address(""))
    page.goto(f"{site}/lessons/{path.stem}.html")
    written = page.locator(".qae-exercise textarea").input_value()
    (name,) = named_in(written, "check")
    answer = re.search(r"check\([^,]+, (\w+)\)", written)
    assert answer
    solution = EXERCISES[name].solution
    imports = re.findall(r"^from qae_sim\.explorers import .+$", written, re.MULTILINE)
    assert re.search("Right", check(page, "\n".join([*imports, solution, answer.group()])))
    wrong = "lambda *given: -1000.0" if callable(getattr(EXERCISES[name], "reference", None)) else "1000"
    assert "Right" not in check(page, "\n".join([*imports, f"{answer.group(1)} = {wrong}", answer.group()]))


def test_a_log_is_read_without_leaving_the_machine(page: Any, site: str) -> None:
    """The same lines and pictures as outside; meanwhile the page asks for files of the site, and for nothing else."""
    files = sorted(recorded_log().rglob("*.parquet"))
    outside = TrainingLog(recorded_log())
    page.goto(f"{site}/log.html")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url} {request.post_data or ''}"))
    page.get_by_label("Files of a log").set_input_files(files)
    page.locator(".qae canvas").wait_for(timeout=PATIENCE)
    diagnosis = diagnose(outside.digest)
    assert page.locator(".qae-drop b").first.inner_text() == diagnosis.verdict
    lines = page.locator(".qae-drop > div > ul > li").all_inner_texts()
    assert outside.digest.reading is not None
    assert lines == [f"{title}: {text}" for title, text in outside.digest.reading.lines]
    page.get_by_text("All that was looked for").click()
    lines = page.locator(".qae-drop details li").all_inner_texts()
    assert lines == [f"{one.title} {one.verdict}" for one in diagnosis.findings]  # titles are questions
    for view in ("training", "rates", "silenced", "words"):
        page.get_by_label("View").select_option(view)
        outside.set(view=view)
        assert page.locator(".qae-words").inner_text() == outside.words()
    known = {f"{site}/{path}" for path in ("live/setup.json", "live/python.js", "service.js", "log.html")}
    for request in sent:
        method, url, body = request.split(" ", 2)
        assert method == "GET"
        assert not body
        assert url.startswith(("blob:", f"{site}/pyodide/", f"{site}/live/", f"{site}/lessons/assets/")) or url in known
        assert "?" not in url
    # And the page could not, if it wanted to.
    refused = page.evaluate("fetch('http://127.0.0.1:9/', {method: 'POST', body: 'x'}).catch((error) => String(error))")
    assert "Failed to fetch" in refused


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", '{"prompt": "1+1"}\n' * 8), ("a.csv", "x,y\n1,2\n"), ("a.pkl", "\x80\x04")]
)
def test_a_log_that_cannot_be_read_is_refused_in_words(page: Any, site: str, name: str, text: str) -> None:
    page.goto(f"{site}/log.html")
    file = {"name": name, "mimeType": "text/plain", "buffer": text.encode("latin-1")}
    page.get_by_label("Files of a log").set_input_files(files=[file])
    page.wait_for_function("document.querySelector('.qae-drop').innerText.includes('was not read')", timeout=PATIENCE)
    said = page.locator(".qae-drop").inner_text()
    assert "/logs/" not in said
    assert "Traceback" not in said


def test_a_strangers_text_is_only_text(page: Any, site: str) -> None:
    evil = "<img src=x onerror=document.title='run'>"
    rows = [
        {"prompt": f"{evil} {i // 4}", "completion": f"{evil} {i}", "reward": i % 2, "step": i // 8} for i in range(32)
    ]
    page.goto(f"{site}/log.html")
    content = "\n".join(json.dumps(row) for row in rows).encode()
    page.get_by_label("Files of a log").set_input_files(
        files=[{"name": f"{evil.replace('/', '')}.jsonl", "mimeType": "text/plain", "buffer": content}]
    )
    page.locator(".qae canvas").wait_for(timeout=PATIENCE)
    page.get_by_label("View").select_option("words")
    page.wait_for_timeout(300)
    assert page.title() == "Your log"


def test_a_visit_without_a_network(browser: Any, site: str) -> None:
    """After one visit, the page, its Python and what it computes are there."""
    context = browser.new_context()
    first = context.new_page()
    explorer = go(first, f"{site}/explorers/QuantileGate.html#g=9")
    settled(explorer)
    first.close()
    Server.reachable = False
    try:
        again = context.new_page()
        explorer = go(again, f"{site}/explorers/QuantileGate.html#g=11&c=2")
        assert settled(explorer).startswith("view=group&k=0.4&g=11&c=2")
        assert explorer.locator(".qae-words").inner_text() == KINDS["QuantileGate"].from_state("g=11&c=2").words()
    finally:
        Server.reachable = True
        context.close()


def test_a_file_with_other_bytes_is_refused(browser: Any, site: str) -> None:
    """The package's wheel and Pyodide's own; the picture before stays, and it can be tried again."""
    for file in ("qae_sim-*.whl", "pyodide.asm.wasm"):
        context = browser.new_context(service_workers="block")
        page = context.new_page()
        context.route(f"**/{file}", lambda route: route.fulfill(body=route.fetch().body() + b"x"))
        explorer = go(page, f"{site}/explorers/QuantileGate.html")
        before = explorer.locator(".qae-words").inner_text()
        slider = explorer.get_by_role("slider", name="Group size G", exact=True)
        slider.press("ArrowLeft")
        sync_api.expect(explorer.locator(".qae-problem")).to_contain_text("Python cannot show this", timeout=PATIENCE)
        assert explorer.locator(".qae-words").inner_text() == before
        assert slider.input_value() == "16"
        context.unroute(f"**/{file}")
        slider.press("ArrowLeft")
        assert "g=15" in settled(explorer)
        context.close()


def test_on_a_phone(browser: Any, site: str) -> None:
    for path in ("explorers/QuantileGate.html#g=9", "log.html", "lessons/04_another_clock.html"):
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.add_init_script(NOTED)
        page.goto(f"{site}/{path}")
        page.wait_for_load_state()
        if path.startswith("explorers"):
            page.wait_for_function(
                "document.querySelector('.qae-words')?.textContent.includes('of 9')", timeout=PATIENCE
            )
        assert faults(page) == []
        context.close()


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("delete globalThis.WebAssembly", "too old to run Python (it lacks WebAssembly)"),
        ("delete globalThis.Worker", "too old to run Python (it lacks workers)"),
    ],
)
def test_an_old_browser_says_so_and_shows_what_is_stored(browser: Any, site: str, lacks: str, says: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(lacks)
    explorer = go(page, f"{site}/explorers/QuantileGate.html")
    assert says in page.locator("main").inner_text()
    assert explorer.get_by_role("slider", name="Group size G", exact=True).count() == 0
    slider = explorer.get_by_role("slider", name="Quantile K", exact=True)
    slider.press("ArrowRight")
    assert "k=0.41" in str(explorer.get_attribute("data-state"))
    page.goto(f"{site}/log.html")
    assert says in page.locator("main").inner_text()
    assert "qae-sim inspect FOLDER" in page.locator("main").inner_text()
    context.close()


def test_a_browser_that_cannot_read_the_script_shows_the_pictures_and_says_why(browser: Any, site: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/qae.js", lambda route: route.fulfill(body="this is ??= a future language"))
    page.goto(f"{site}/explorers/QuantileGate.html")
    assert "This browser is too old to move the pictures" in page.locator("main").inner_text()
    assert page.locator("main img").evaluate("img => img.naturalWidth") > 300
    context.close()


def test_from_a_disk_it_says_what_it_needs(browser: Any, folder: Path) -> None:
    page = browser.new_page()
    go(page, f"{folder.as_uri()}/explorers/QuantileGate.html")
    assert "Browsers run Python only in pages from a web server" in page.locator("main").inner_text()
    page.close()


def test_sizes_of_what_is_loaded_first(folder: Path) -> None:
    """The progress bar ends where the files end."""
    assert set(STARTS) <= set(hashes())
    for name, size in STARTS.items():
        assert (folder / "pyodide" / name).stat().st_size == size
    setup = json.loads((folder / "live" / "setup.json").read_text())
    for wheel in setup["wheels"]:
        assert (folder / "live" / wheel["name"]).stat().st_size == wheel["bytes"]
    own = sum(wheel["bytes"] for wheel in setup["wheels"])
    assert own < 25e6  # what a visitor loads besides Pyodide's own
