"""Lessons in a real JupyterLab in a real browser: they run, sliders answer the keyboard, nothing leaves the machine."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import ARGUMENTS, CHROMIUM, leaves
from lessons import NOTEBOOKS, Lessons

sync_api = pytest.importorskip("playwright.sync_api")

LESSONS = [path.stem for path in NOTEBOOKS]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab that shows the lessons."""
    folder = tmp_path_factory.mktemp("lab")
    log = folder / "log"
    command = [sys.executable, "-c", "from qae_sim.cli import main; main()", "lab", "--no-browser"]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that may neither raise errors nor leave the machine."""
    problems: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    yield opened
    opened.close()
    assert problems == []


def open_lesson(page: Any, lab: str, name: str) -> None:
    """Open a lesson and run all of it."""
    # A fresh workspace: tabs of other lessons would be there, hidden.
    page.goto(re.sub(r"/lab/tree/\w+\.ipynb", f"/lab/tree/{name}.ipynb", lab) + "&reset")
    page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)
    first = page.locator(".qae canvas, .qae-quiz fieldset, .jp-OutputArea-output").first
    # JupyterLab sometimes ignores the first command after the kernel says that it is idle.
    for _ in range(6):
        page.locator("li.lm-MenuBar-item", has_text="Run").click()
        page.locator("[data-command='runmenu:run-all']").click()
        try:
            first.wait_for(timeout=8_000)
            break
        except sync_api.TimeoutError:
            continue
    page.get_by_role("button", name="| Idle").wait_for(timeout=60_000)


def pixels(explorer: Any) -> str:
    """What an explorer's canvas shows."""
    return str(explorer.locator("canvas").evaluate("canvas => canvas.toDataURL()"))


@pytest.mark.share(0.4)  # all of them run for the site below, and their explorers are moved there
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson(page: Any, lab: str, name: str) -> None:
    open_lesson(page, lab, name)
    assert page.get_by_text("Would you like to get notified").count() == 0
    for explorer in page.locator(".qae:has(canvas)").all():
        explorer.scroll_into_view_if_needed()
        assert len(explorer.locator("canvas").get_attribute("aria-label")) > 40
        assert explorer.locator(".qae-words").get_attribute("role") == "status"
        more = explorer.locator(".qae-more summary")
        if more.count():
            more.click()
        sliders = explorer.locator("input[type=range]").all()
        # Live training has none: its curves move by themselves.
        moved = [answers(explorer, slider) for slider in sliders]
        assert any(moved) or not moved  # pixels changed


def answers(explorer: Any, slider: Any) -> bool:
    """Move a slider by the keyboard: the permalink must follow. Whether pixels changed, too."""
    before, said = pixels(explorer), explorer.get_attribute("data-state")
    slider.focus()
    slider.press("End" if slider.evaluate("s => s.value !== s.max") else "Home")
    deadline = time.monotonic() + 10
    while explorer.get_attribute("data-state") == said and time.monotonic() < deadline:
        explorer.page.wait_for_timeout(20)
    assert explorer.get_attribute("data-state") != said
    explorer.page.wait_for_timeout(60)
    return pixels(explorer) != before


def choose_theme(page: Any, name: str) -> None:
    """Choose one of JupyterLab's themes, which it remembers."""
    page.locator("li.lm-MenuBar-item", has_text="Settings").click()
    page.locator(".lm-Menu-item", has_text="Theme").first.click()
    page.locator(".lm-Menu-item", has_text=f"JupyterLab {name}").last.click()
    light = "true" if name == "Light" else "false"
    page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)


def test_beside_the_labs_chrome_picture_and_controls_are_seen_together(browser: Any, lab: str) -> None:
    """At 1280x720, in JupyterLab's themes."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    open_lesson(page, lab, "02_the_gate")
    explorer = page.locator(".qae:has(canvas)").first
    explorer.evaluate("explorer => explorer.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(200)
    for part in ("canvas", ".qae-words", ".qae-side", ".qae-foot"):
        box = explorer.locator(part).bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= 720, part
        assert box["x"] + box["width"] <= 1280, part
    assert explorer.evaluate("explorer => explorer.scrollWidth <= explorer.clientWidth")
    for name, dark in (("Dark", True), ("Light", False)):
        choose_theme(page, name)
        ground = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g)[0] < 128"
        assert explorer.evaluate(ground) == dark
        assert page.locator(".qae-quiz").first.evaluate(ground) == dark
    page.close()


def test_live_training_answers_its_buttons(page: Any, lab: str) -> None:
    pytest.importorskip("torch")
    open_lesson(page, lab, "12_language_model")
    buttons = {name: page.get_by_role("button", name=name, exact=True) for name in ("Start", "Pause", "Stop")}
    buttons["Start"].scroll_into_view_if_needed()
    assert buttons["Pause"].is_disabled()
    buttons["Start"].click()
    page.get_by_text("base model learns from demonstrations").wait_for(timeout=30_000)
    buttons["Pause"].click()
    page.get_by_text("paused", exact=True).wait_for(timeout=30_000)
    buttons["Start"].click()
    page.get_by_text("base model learns from demonstrations").wait_for(timeout=30_000)
    buttons["Stop"].click()
    page.get_by_text("stopped after 0 batches").wait_for(timeout=30_000)
    assert buttons["Start"].is_disabled()


def test_a_prediction_is_locked_before_it_is_explained(page: Any, lab: str) -> None:
    open_lesson(page, lab, "02_the_gate")
    quiz = page.locator(".qae-quiz").filter(has=page.get_by_label("thirteen"))
    lock = quiz.get_by_role("button", name="Lock my answer")
    assert lock.is_disabled()
    quiz.get_by_label("three").check()
    assert quiz.locator("p").count() == 0
    lock.press("Enter")
    assert "Not quite" in quiz.locator("p").first.text_content()
    assert quiz.locator("p").last.text_content().startswith('It is "thirteen"')
    assert quiz.get_by_label("thirteen").is_disabled()


def test_the_keyboard_keeps_its_place(page: Any, lab: str) -> None:
    """Views that change the controls, and groups that change a slider's end, leave the focus where it was."""
    open_lesson(page, lab, "02_the_gate")
    explorer = page.locator(".qae:has(canvas)").first
    view = explorer.get_by_role("combobox", name="View")
    view.focus()
    view.select_option("group")
    explorer.get_by_role("slider", name="Correct responses").wait_for()
    assert view.evaluate("select => select === document.activeElement")
    explorer.get_by_text("More", exact=True).click()
    group = explorer.get_by_role("slider", name="Group size G")
    group.focus()
    for size in ("15", "14"):
        group.press("ArrowLeft")
        explorer.and_(page.locator(f"[data-state*='g={size}']")).wait_for()
        assert group.evaluate("slider => slider === document.activeElement")
    assert explorer.get_by_role("slider", name="Correct responses").get_attribute("max") == "14"


def test_presets_play_and_table(page: Any, lab: str) -> None:
    open_lesson(page, lab, "07_kalman_anchor")
    explorer = page.locator(".qae:has(canvas)").first
    explorer.get_by_role("combobox", name="Start from").select_option("Absorbed")
    explorer.page.wait_for_function("() => document.querySelector('.qae').dataset.state.includes('warm=equation')")
    slider = explorer.get_by_role("slider", name="Batches seen")
    slider.focus()
    slider.press("Home")
    explorer.get_by_role("button", name="Step").press("Enter")
    assert slider.input_value() == "2"
    explorer.get_by_role("button", name="Play").press("Enter")
    page.wait_for_timeout(1200)
    explorer.get_by_role("button", name="Pause").press("Enter")
    assert int(slider.input_value()) > 3
    explorer.get_by_role("button", name="Numbers").press("Enter")
    assert explorer.locator(".qae-table td").count() > 10


def test_the_site_works_from_a_disk_without_network(browser: Any, lessons: Lessons) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 1000})
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    page.goto((lessons.folder / "00_index.html").as_uri())
    page.get_by_role("heading", name="Electives").wait_for()
    for name in LESSONS:
        page.goto((lessons.folder / f"{name}.html").as_uri())
        assert page.locator("img:not([alt])").count() == 0
        assert "$" not in re.sub(r"<(code|pre|script).*?</\1>", "", page.content(), flags=re.DOTALL)
        for explorer in page.locator(".qae:has(canvas)").all():
            if explorer.locator(".qae-more summary").count():
                explorer.locator(".qae-more summary").click()
            moved = [answers(explorer, slider) for slider in explorer.locator("input[type=range]").all()]
            assert any(moved) or not moved
            menu = explorer.get_by_role("combobox", name="Start from")
            for preset in menu.locator("option").all_text_contents()[1:4] if menu.count() else []:
                menu.select_option(preset)
                assert len(explorer.locator("canvas").get_attribute("aria-label")) > 40
    context.close()
    assert problems == []


def test_a_word_leads_to_its_meaning(page: Any, lab: str) -> None:
    """JupyterLab opens the glossary at its list of words; once it is open, links lead to their word."""
    page.goto(re.sub(r"/lab/tree/\w+\.ipynb", "/lab/tree/01_one_in_ten.ipynb", lab) + "&reset")
    shown = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def follow(word: str) -> None:
        shown.locator("a", has_text=re.compile(f"^{word}$")).first.click()
        meaning = shown.locator("h3", has_text=re.compile(f"^{word}"))
        meaning.wait_for(timeout=30_000)
        page.wait_for_function(
            "top => { const { y } = top.getBoundingClientRect(); return y > 0 && y < window.innerHeight / 2; }",
            arg=meaning.element_handle(),
        )

    shown.locator("a", has_text=re.compile("^group$")).first.click()
    shown.locator("h1", has_text="Glossary").wait_for(timeout=30_000)
    follow("success rate")
    page.locator(".lm-TabBar-tab", has_text="01_one_in_ten").first.click()
    follow("winner")
