"""Predictions in a browser: set by pointer, by keys and on a phone, and nothing is said before they are locked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

from chromium import ARGUMENTS, CHROMIUM, leaves

from qae_sim.explorers import BarsPrediction, CurvePrediction, SliderPrediction, Slip
from qae_sim.explorers.assets import script, style
from qae_sim.explorers.predictions import PREDICTIONS, AnyPrediction, Prediction, prediction

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
]

LAB, PHONE = {"width": 920, "height": 590}, {"width": 390, "height": 844}
SLIDER = SliderPrediction(
    question="One of ten is correct. What is the mean reward?", label="mean reward", low=0, high=1, step=0.05,
    truth=0.1, near=0.025, why="One divided by ten.", slips=(Slip((1.0,), "That is the sum."),),
)  # fmt: skip
BARS = BarsPrediction(
    question="Which advantages?", bars=("the winner", "each loser"), low=-4, high=4, step=0.1, truth=(3.0, -1 / 3),
    near=0.3, why="They add up to zero.", slips=(Slip((3.0, 0.0), "The losers are pushed down, too."),),
)  # fmt: skip
CURVE = CurvePrediction(
    question="How does p (1 - p) depend on p?", x="p", y="p (1 - p)", places=(0.0, 0.25, 0.5, 0.75, 1.0), low=0,
    high=0.5, step=0.01, near=0.05, why="It is largest in the middle.",
    curve=tuple((i / 20, i / 20 * (1 - i / 20)) for i in range(21)),
    slips=(Slip((0.0, 0.06, 0.12, 0.18, 0.25), "It does not rise to the end."),),
)  # fmt: skip
ALL: dict[str, AnyPrediction] = {"slider": SLIDER, "bars": BARS, "curve": CURVE}
#: Those of the lessons; one is about a log, and is chosen.
LESSONS = [name for name in PREDICTIONS if name != "silenced-1" and not isinstance(prediction(name), Prediction)]
of_all = pytest.mark.parametrize("kind", ALL)
on_both = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens a prediction in a page of its own, in which no error may happen and which may not leave the machine."""
    problems: list[str] = []
    contexts = []

    def opened(kind: str, size: dict[str, int] = LAB, theme: str = "light", **options: Any) -> Any:
        module = "data:text/javascript;base64," + base64.b64encode(script("quiz").read_bytes()).decode()
        spec = json.dumps((ALL[kind] if kind in ALL else prediction(kind)).spec())
        heard = "set: (name, value) => { window.heard = [name, value]; }, save_changes: () => {}"
        model = f"{{ get: () => ({spec}), {heard} }}"
        path = tmp_path / f"{kind}.html"
        path.write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{kind}</title><style>:root {{ color-scheme: light dark }} {style('quiz') + style('view')}</style>"
            f'<body data-jp-theme-light="{"true" if theme == "light" else "false"}"><div id="here"></div>'
            f'<script type="module">import quiz from "{module}";'
            f'quiz.render({{ model: {model}, el: document.querySelector("#here") }});</script></body>',
            encoding="utf-8",
        )
        contexts.append(browser.new_context(viewport=size, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
        page.goto(path.as_uri())
        page.locator(".qae-quiz svg").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def lock_of(page: Any) -> Any:
    return page.get_by_role("button", name="Lock my answer")


def said(page: Any) -> list[str]:
    found: list[str] = page.locator(".qae-quiz p").all_text_contents()
    return found


def grips(page: Any) -> list[tuple[float, float]]:
    """Where the handles are on the page."""
    boxes = [grip.bounding_box() for grip in page.locator(".qae-grip").all()]
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]


def drag(page: Any, *way: tuple[float, float]) -> None:
    page.mouse.move(*way[0])
    page.mouse.down()
    for place in way[1:]:
        page.mouse.move(*place)
    page.mouse.up()


@of_all
def test_by_keys_alone(show: Any, kind: str) -> None:
    page = show(kind)
    for slider in page.get_by_role("slider").all():
        assert lock_of(page).is_disabled()
        assert slider.get_attribute("aria-valuetext") == "not set"
        page.keyboard.press("Tab")
        assert slider.evaluate("slider => slider === document.activeElement")
        assert page.locator(".qae-ring").count() == 1
        page.keyboard.press("Enter")  # as it stands
        before = slider.get_attribute("aria-valuetext")
        assert before != "not set"
        page.keyboard.press("ArrowUp")
        assert slider.get_attribute("aria-valuetext") != before
    assert said(page) == []
    assert page.locator(".qae-true, .qae-true-bar, .qae-true-text").count() == 0
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert said(page)[0].startswith("Not quite.")
    assert ALL[kind].why in said(page)[1]
    assert page.locator(".qae-true").count() >= 1
    assert all(slider.is_disabled() for slider in page.locator("input[type=range]").all())


def test_a_slider_is_dragged_and_keeps_what_was_set(show: Any) -> None:
    page = show("slider")
    ((x, y),) = grips(page)
    drag(page, (x, y), (x + 900, y))
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "1.00"
    lock_of(page).click()
    assert said(page) == ["Not quite. That is the sum.", "It is 0.10. One divided by ten."]
    drag(page, (x, y), (x - 100, y))
    assert page.locator("text.qae-mine").text_content() == "you: 1.00"
    assert page.locator("text.qae-true-text").text_content() == "truth: 0.10"


def test_bars_are_dragged_each_by_itself(show: Any) -> None:
    page = show("bars")
    (x, y), (other, _) = grips(page)
    unit = page.evaluate("""() => {
      const [up, down] = ["4", "−4"].map((name) => [...document.querySelectorAll("svg text")]
        .find((text) => text.textContent === name).getBoundingClientRect().y);
      return (down - up) / 8;
    }""")
    drag(page, (x, y), (other, y - 3 * unit))
    assert lock_of(page).is_disabled()  # the other bar has not been set
    assert page.locator(".qae-how span").text_content() == "1 of 2 set."
    drag(page, (other, y), (other, y + 0.3 * unit))
    values = [slider.get_attribute("aria-valuetext") for slider in page.get_by_role("slider").all()]
    assert values == ["+3.00", "−0.30"]
    lock_of(page).click()
    assert said(page) == ["Yes. They add up to zero."]
    page.get_by_text("Both as numbers").click()
    assert page.locator("table tr").last.text_content() == "each loser−0.30−0.33"


def test_a_curve_is_drawn_in_one_stroke(show: Any) -> None:
    page = show("curve")
    places = grips(page)
    (left, y), (right, _) = places[0], places[-1]
    drag(page, (left, y + 100), (right, y))  # two events: what lies between is filled in
    assert page.locator(".qae-how span").text_content() == "5 of 5 set."
    heights = [b for _, b in grips(page)]
    assert heights == sorted(heights, reverse=True)
    lock_of(page).click()
    assert said(page)[0] == "Not quite. It does not rise to the end."


@of_all
def test_by_finger_on_a_phone(show: Any, kind: str) -> None:
    page = show(kind, PHONE, has_touch=True, is_mobile=True)
    for x, y in grips(page):
        page.touchscreen.tap(x + 1, y - 20 if kind != "slider" else y)
    assert lock_of(page).is_enabled()
    lock_of(page).tap()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len(said(page)) >= 1


_LAID_OUT = """() => {
  const svg = document.querySelector(".qae-quiz svg").getBoundingClientRect();
  const texts = [...document.querySelectorAll(".qae-quiz svg text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const problems = [];
  texts.forEach(([name, box], i) => {
    if (box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1) problems.push(`${name} is cut off`);
    texts.slice(i + 1).forEach(([other, at]) => {
      if (Math.min(box.right, at.right) - Math.max(box.left, at.left) > 1 && Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top) > 3)
        problems.push(`${name} lies over ${other}`);
    });
  });
  return problems;
}"""  # noqa: E501

_FAINT = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  const light = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = light(getComputedStyle(document.querySelector(".qae-quiz")).backgroundColor);
  const contrast = (colour) => (Math.max(back, light(colour)) + 0.05) / (Math.min(back, light(colour)) + 0.05);
  const found = [...document.querySelectorAll(".qae-quiz svg text")].map((text) => getComputedStyle(text).fill);
  const words = [...document.querySelectorAll(".qae-quiz :is(legend, .qae-how, p)")]
    .map((e) => getComputedStyle(e).color);
  return Math.min(...[...found, ...words].map(contrast));
}"""


@of_all
@on_both
@pytest.mark.parametrize("size", [LAB, PHONE], ids=["lab", "phone"])
def test_it_can_be_read(show: Any, kind: str, theme: str, size: dict[str, int]) -> None:
    page = show(kind, size, theme)
    assert page.evaluate(_LAID_OUT) == []
    for slider in page.get_by_role("slider").all():
        slider.focus()
        page.keyboard.press("ArrowUp")
    assert page.evaluate(_LAID_OUT) == []
    lock_of(page).click()
    assert page.evaluate(_LAID_OUT) == []
    assert page.evaluate(_FAINT) >= 4.5
    # Whatever explorer of the page brings the shared style once more after it.
    assert page.evaluate("getComputedStyle(document.querySelector('.qae-quiz')).fontSize") == "16px"
    dark = page.evaluate(
        "getComputedStyle(document.querySelector('.qae-quiz')).backgroundColor.match(/\\d+/g)[0] < 128"
    )
    assert dark == (theme == "dark")


@pytest.mark.parametrize("name", LESSONS)
def test_the_lessons_questions_fit_on_a_phone(show: Any, name: str) -> None:
    page = show(name, PHONE)
    for slider in page.get_by_role("slider").all():
        slider.focus()
        page.keyboard.press("ArrowUp")
    assert page.evaluate(_LAID_OUT) == []
    lock_of(page).click()
    assert page.evaluate(_LAID_OUT) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert prediction(name).spec()["why"] in said(page)[-1]
