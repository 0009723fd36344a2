"""Handouts, answers, assignment and marks."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from chromium import ARGUMENTS, CHROMIUM, leaves
from click.testing import CliRunner
from layout import NOTED
from nbgrader_course import leaked

pytest.importorskip("anywidget")
pytest.importorskip("matplotlib")
pytest.importorskip("pypdf")

import pypdf

from qae_sim import explorers
from qae_sim.cli import main
from qae_sim.explorers import Predict, check, hand_in
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.predictions import AnyPrediction, Prediction, prediction
from qae_sim.explorers.worksheet import FORMAT, Entry, read_worksheet
from qae_sim.site.explorers import explorers_with_pages
from qae_sim.storage import to_json
from qae_sim.teaching import handout
from qae_sim.teaching.assignment import write_assignment
from qae_sim.teaching.grading import grade
from qae_sim.teaching.handout import write_handouts
from qae_sim.teaching.key import answer_key, expected
from qae_sim.teaching.links import links
from qae_sim.teaching.material import Material, core_lessons, read_lesson
from qae_sim.teaching.plans import NEEDS, PLANS, Plan, Session, Stop
from qae_sim.teaching.slides import parts_of, slides

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = core_lessons(NOTEBOOKS)
names = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


@names
def test_a_lesson_has_what_the_kit_takes_from_it(lesson) -> None:
    assert lesson.predictions
    assert lesson.exercises
    assert lesson.part("Exercise").prose


@names
def test_a_handout_is_one_page_with_its_fonts_and_without_answers(lesson, tmp_path: Path) -> None:
    (path,) = write_handouts([lesson], tmp_path)
    text = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(path).pages))
    assert all(squeezed(prediction(name).question)[:60] in text for name in lesson.predictions)
    assert squeezed(lesson.title) in text
    for name in lesson.predictions:
        assert [said for said in answers_of(prediction(name)) if squeezed(said) in text] == []
    for name in lesson.exercises:
        given = squeezed("\n".join(lesson.part("Exercise").code))
        assert [line for line in leaked(text, EXERCISES[name].solution) if squeezed(line) not in given] == []
        assert [hint for hint in hints_of(EXERCISES[name]) if squeezed(hint) in text] == []
    page = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", page)) == 1
    assert page.count(b"/FontFile2") == page.count(b"/FontDescriptor /") - page.count(b"/Type3") > 0 or (
        b"/FontFile2" in page and b"/Type3" not in page
    )


def squeezed(text: str) -> str:
    """A text without marks, spaces and what a PDF writes otherwise."""
    return "".join(re.sub(r"[*`$□]", "", text).split())


def answers_of(asked: AnyPrediction) -> list[str]:
    """All that a prediction says once it is locked, and the numbers that are right."""
    if isinstance(asked, Prediction):
        return list(asked.why)
    return [expected(asked), expected(asked).partition(". ")[0], asked.why, *(slip.hint for slip in asked.slips)]


def hints_of(exercise: object) -> list[str]:
    return [misconception.hint for misconception in getattr(exercise, "misconceptions", ())]


def test_an_answer_on_a_handout_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself: what is added to a page is read from the PDF again, and lines of a solution are known."""
    lesson = LESSONS[1]
    asked, solution = prediction(lesson.predictions[0]), EXERCISES[lesson.exercises[0]].solution
    fill = handout._Page.fill

    def with_answers(page: handout._Page, shown: Material) -> None:
        fill(page, shown)
        page.text(answers_of(asked)[-1])
        page.text(solution, family=handout._MONO, scale=0.9)

    monkeypatch.setattr(handout._Page, "fill", with_answers)
    (path,) = write_handouts([lesson], tmp_path)
    text = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(path).pages))
    assert squeezed(answers_of(asked)[-1]) in text
    assert leaked(text, solution) != []


@names
def test_what_students_get_of_an_assignment_holds_no_line_of_a_solution(lesson, tmp_path: Path) -> None:
    """Without what nbgrader takes away; nbgrader itself is asked in tests/nbgrader_course.py."""
    (path,) = write_assignment([lesson], tmp_path)
    source = "\n".join("".join(cell["source"]) for cell in _cells(path))
    released = re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "raise NotImplementedError", source, flags=re.DOTALL)
    for name in lesson.exercises:
        solution = EXERCISES[name].solution
        assert leaked(released, solution) == []
        assert leaked(source, solution) != []
        assert "assert feedback.fine" in released


def test_answers_are_those_of_the_package() -> None:
    key = answer_key(LESSONS)
    for lesson in LESSONS:
        assert all(expected(prediction(name)) in key for name in lesson.predictions)
        assert all(EXERCISES[name].solution in key for name in lesson.exercises)


def _cells(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def test_an_assignment_gives_full_marks_to_its_solutions_only(tmp_path: Path) -> None:
    """As nbgrader does it: what is between the marks goes away, and the tests judge what stands there then."""
    paths = write_assignment(LESSONS, tmp_path)
    assert len(paths) == len(LESSONS)
    for path in paths:
        scope: dict = {}
        codes = [cell for cell in _cells(path) if cell["cell_type"] == "code"]
        solutions = [cell["source"] for cell in codes if cell["metadata"]["nbgrader"]["solution"]]
        tests = [cell["source"] for cell in codes if cell["metadata"]["nbgrader"]["grade"]]
        assert len(solutions) == len(tests) > 0
        for solution, test in zip(solutions, tests, strict=True):
            assert solution.startswith("### BEGIN SOLUTION\n")
            assert solution.endswith("### END SOLUTION")
            exec(solution + "\n" + test, scope)
            with pytest.raises(NameError):
                exec(test, {})


RIGHT = (
    "import qae_sim\nfrom qae_sim.explorers import check\n\ndef f(r):\n    return [x - sum(r) / len(r) for x in r]\n\n"
)


def test_marks_of_a_file_that_is_right_wrong_broken_or_endless(tmp_path: Path) -> None:
    file = tmp_path / "a.py"

    def points(code: str, **more) -> tuple[int, str]:
        file.write_text(code)
        (mark,) = grade(file, ["mean baseline"], **more)
        return mark.points, mark.said

    ask = 'check("mean baseline", f)\n'
    assert points(RIGHT + ask) == (1, "Right in all 5 cases.")
    assert points(RIGHT.replace("x -", "1 -") + ask)[0] == 0
    assert points(RIGHT) == (0, "It does not check this exercise.")
    assert points("import os\nos._exit(0)\n" + ask) == (0, "It ended before its checks.")
    assert points("while True: pass\n" + ask, seconds=3) == (0, "It took longer than 3 seconds.")
    assert points(ask) == (0, "NameError: name 'f' is not defined")


def test_marks_of_a_notebook_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "a.ipynb"
    code = RIGHT + 'check("mean baseline", f)'
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "%pip list\n" + code}]}))
    done = CliRunner().invoke(main, ["grade", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("1 of 1 points\n")
    wrong = CliRunner().invoke(main, ["grade", str(file), "--exercise", "nothing"])
    assert wrong.exit_code == 1
    assert "nothing" in wrong.output
    (tmp_path / "b.ipynb").write_text("[]")
    assert "a notebook" in CliRunner().invoke(main, ["grade", str(tmp_path / "b.ipynb")]).output


def test_no_lesson_is_read_from_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(ValueError, match="a notebook"):
        read_lesson(tmp_path / "a.ipynb")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["kit", str(tmp_path / "file" / "kit")])
    assert done.exit_code == 1
    assert "cannot use" in done.output


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_can_be_taught_in_order(plan) -> None:
    minutes = [session.minutes for session in plan.sessions]
    assert minutes == ([45] * 5 if plan.name == "week" else [int(plan.name)])
    taught: list[str] = []
    for stop in (stop for session in plan.sessions for stop in session.stops):
        lesson = read_lesson(NOTEBOOKS / f"{stop.lesson}.ipynb")
        assert list(parts_of(stop, lesson))
        assert set(NEEDS[stop.lesson]) <= set(taught), stop.lesson
        taught.append(stop.lesson)


def test_a_lesson_without_such_a_part_is_named() -> None:
    stop = Stop(5, "02_the_gate", ("Coda",), "")
    with pytest.raises(ValueError, match=r"02_the_gate must be headings of that lesson; got 'Coda'"):
        list(parts_of(stop, read_lesson(NOTEBOOKS / "02_the_gate.ipynb")))


def test_slides_show_what_the_plan_says_and_keep_answers_in_the_notes() -> None:
    session = Session("A quarter", (Stop(15, "02_the_gate", ("Predict", "Exercise"), "Let them think."),), "And now?")
    page = slides(Plan("test", "Test & more", "nothing", (session,)), NOTEBOOKS)
    shown = re.sub(r"<aside.*?</aside>", "", page, flags=re.DOTALL)
    assert page.count("<section>") == 3 + 1 + 1 + 1  # titles of plan, session and lesson; prediction; exercise; the end
    assert "Test &amp; more" in shown
    assert 'data-qae="quiz"' in shown
    solution = html.escape("sorted(rewards)[rank - 1]")
    assert solution in page
    assert solution not in shown
    assert "Be done at minute 15." in page
    assert html.escape(expected(prediction("gate-2"))) in page
    assert not re.search(r"(src|href)=\"http", page)


#: How far a slide reaches beyond the window; and the size of every text on it, canvases included, on the screen.
SIZES_OF_TEXTS = """() => {
  const slide = document.querySelector("section.present");
  const outside = Math.max(slide.scrollHeight - slide.clientHeight, slide.scrollWidth - slide.clientWidth);
  const found = [];
  const look = (root) => {
    const nodes = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      const node = nodes.currentNode;
      if (node.shadowRoot) look(node.shadowRoot);
      if (node.localName === "canvas" && node.checkVisibility())
        found.push(...(node.texts ?? []).map(({ size, text }) => [size * node.currentCSSZoom, text]));
      const e = node.parentElement;
      if (node.nodeType !== 3 || !node.data.trim() || !e || !e.checkVisibility({ visibilityProperty: true })) continue;
      if (e.closest("aside, script, style, title, option, math, sup, sub, .far")) continue;
      const drawn = e instanceof SVGElement;
      const scale = drawn ? Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b) : e.currentCSSZoom;
      found.push([parseFloat(getComputedStyle(e).fontSize) * scale, node.data.trim().slice(0, 40)]);
    }
  };
  look(slide);
  return [outside, found];
}"""


@pytest.mark.browser
@pytest.mark.share(0.25)
@names
def test_slides_in_a_browser(lesson, tmp_path: Path) -> None:
    """Every part of a lesson: nothing beyond the window, and every text as large as the last row needs it."""
    pytest.importorskip("playwright.sync_api")
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    stop = Stop(15, lesson.name, ("", *(part.title for part in lesson.parts[1:])), "Say.")
    made = slides(Plan("test", "Test", "nothing", (Session("A quarter", (stop,), "And now?"),)), NOTEBOOKS)
    (tmp_path / "slides.html").write_text(made, encoding="utf-8")
    problems: list[str] = []
    measured = 0
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width, height in ((1280, 720), (1920, 1080)):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.add_init_script(NOTED)
            page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto((tmp_path / "slides.html").as_uri())
            page.wait_for_function("document.querySelector('.reveal.ready')")
            for number in range(page.locator(".slides > section").count()):
                page.evaluate(f"location.hash = '#/{number}'")
                page.wait_for_function(f"document.querySelectorAll('.slides > section')[{number}].matches('.present')")
                page.wait_for_timeout(150)
                outside, texts = page.evaluate(SIZES_OF_TEXTS)
                assert outside <= 0, (width, number, page.locator("section.present").inner_text())
                # 24 pixels on a projector of 1920, and the same share of a smaller window.
                assert [text for text in texts if text[0] < 24 * width / 1920 - 0.01] == [], (width, number)
                measured += len(texts)
        browser.close()
    assert problems == []
    assert measured > 100


@pytest.mark.browser
def test_a_derivation_on_a_slide_is_shown_line_by_line(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    stop = Stop(15, "03_the_baseline_cancels", ("Derive",), "Say.")
    made = slides(Plan("test", "Test", "nothing", (Session("A quarter", (stop,), "And now?"),)), NOTEBOOKS)
    (tmp_path / "slides.html").write_text(made, encoding="utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto((tmp_path / "slides.html").as_uri())
        page.wait_for_function("document.querySelector('.reveal.ready')")
        for _ in range(9):
            if "Next line" in page.locator("section.present").inner_text():
                break
            page.keyboard.press("ArrowRight")
        line = page.locator("section.present .qae-derive")
        before = line.inner_text()
        line.get_by_role("button", name="Next line").click()
        assert line.inner_text() != before
        browser.close()


@pytest.mark.browser
def test_the_speakers_window_holds_minutes_answers_and_where_to_stop(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    stop = Stop(15, "02_the_gate", ("Predict", "Exercise"), "Let them think.")
    session = Session("A quarter", (stop,), "And now? If time is left, go on.")
    made = slides(Plan("test", "Test", "nothing", (session,)), NOTEBOOKS)
    (tmp_path / "slides.html").write_text(made, encoding="utf-8")
    wanted = [
        "15 minutes",
        "Be done at minute 15.",
        "Let them think.",
        expected(prediction("gate-2")),
        "A solution:",
        EXERCISES["quantile baseline"].solution.splitlines()[-1].strip(),
        "And now?",
    ]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto((tmp_path / "slides.html").as_uri())
        page.wait_for_function("document.querySelector('.reveal.ready')")
        with page.expect_popup() as opened:
            page.keyboard.press("s")
        speaker = opened.value
        speaker.wait_for_function("document.querySelector('#connection-status')?.style.display === 'none'")
        said = ""
        for number in range(page.locator(".slides > section").count()):
            page.evaluate(f"location.hash = '#/{number}'")
            notes = page.locator(".slides > section").nth(number).locator("aside.notes")
            if notes.count():
                told = "document.querySelector('.speaker-controls-notes .value').innerText"
                speaker.wait_for_function(
                    f"text => {told}.replace(/\\s/g, '') === text", arg="".join(str(notes.first.text_content()).split())
                )
            said += " ".join(speaker.locator(".speaker-controls-notes .value").inner_text().split()) + "\n"
        browser.close()
    assert [what for what in wanted if " ".join(what.split()) not in said] == [], said


def test_a_worksheet_holds_what_was_predicted_and_answered(tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    asked = Predict("gate-1")
    asked.lock({"words": "six", "right": False})

    def mean(rewards):
        return [reward - sum(rewards) / len(rewards) for reward in rewards]

    check("mean baseline", mean)
    check("mean baseline", ...)  # nothing was answered, so the answer before stays
    assert hand_in("Ada", file).entries["prediction", "gate-1"].answer == "six"
    student, entries = read_worksheet(file)
    found = {(entry.kind, entry.name): entry for entry in entries}
    assert student == "Ada"
    assert not found["prediction", "gate-1"].right
    assert found["exercise", "mean baseline"].right
    assert found["exercise", "mean baseline"].answer.startswith("def mean(rewards):")
    done = CliRunner().invoke(main, ["grade", str(file), "--exercise", "mean baseline"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "worksheet of Ada"
    assert "-  prediction gate-1: six" in done.output
    assert done.output.endswith("1 of 1 points\n")
    # What a file says of itself earns no points.
    entry = replace(found["exercise", "mean baseline"], answer="def mean(rewards):\n    return rewards\n")
    file.write_bytes(to_json({"format": FORMAT, "student": "Ada", "entries": [asdict(entry)]}))
    assert grade(file)[0].points == 0
    file.write_bytes(file.read_bytes().replace(b"Ada", b"Eve"))
    with pytest.raises(ValueError, match="a whole worksheet"):
        hand_in("Eve", file)


def test_a_worksheet_is_one_students(tmp_path: Path) -> None:
    hand_in("Ada", tmp_path / "a.json")
    with pytest.raises(ValueError, match="student must be the one whose worksheet"):
        hand_in("Bob", tmp_path / "a.json")
    with pytest.raises(ValueError, match="student must be a name"):
        hand_in(" ", tmp_path / "b.json")
    with pytest.raises(ValueError, match=r"path must be a file that ends in \.json"):
        hand_in("Ada", tmp_path / "b.txt")


def test_every_start_has_a_link_and_a_code() -> None:
    page = links("https://class.example/qae/")
    found = re.findall(r'<a href="([^"]*)">', page)
    assert len(found) == page.count("<svg") == sum(len(kind.PRESETS) for kind in explorers_with_pages())
    for link in map(html.unescape, found):
        name, _, state = link.removeprefix("https://class.example/qae/explorers/").partition(".html")
        kind = getattr(explorers, name)
        assert kind.STATE.from_text(state.removeprefix("#")) in kind.PRESETS.values()


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ("def f(r):\n    return [x - sum(r) / len(r) for x in r]\n\ncheck('mean baseline', f)", 1),
        ("f?\n" + RIGHT + "check('mean baseline', f)", 1),
        (RIGHT, 1),
        ("lambda r: [x - sum(r) / len(r) for x in r]", 1),
        ("# nothing yet", 0),
        ("", 0),
        ("def f(r:", 0),
    ],
)
def test_any_answer_of_a_worksheet_is_marked(tmp_path: Path, answer: str, points: int) -> None:
    answer = answer if not answer.startswith("def f(r):") else "from qae_sim.explorers import check\n" + answer
    entry = Entry("exercise", "mean baseline", answer, True)
    (tmp_path / "a.json").write_bytes(to_json({"format": FORMAT, "student": "Ada", "entries": [asdict(entry)]}))
    (mark,) = grade(tmp_path / "a.json")
    assert mark.points == points, mark.said


def test_a_function_of_another_cell_is_handed_in_with_its_check(tmp_path: Path) -> None:
    cells = [
        "from qae_sim.explorers import check, hand_in",
        "def f(r):\n    return [x - sum(r) / len(r) for x in r]",
        "check('mean baseline', f)",
        f"hand_in('Ada', {str(tmp_path / 'a.json')!r})",
    ]
    run = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}:\n    shell.run_cell(cell, store_history=True).raise_error()"
    )
    subprocess.run([sys.executable, "-c", run], check=True, capture_output=True, cwd=tmp_path)
    assert [mark.points for mark in grade(tmp_path / "a.json", ["mean baseline"])] == [1]
