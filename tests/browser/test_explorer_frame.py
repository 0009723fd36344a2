"""Every explorer in a browser: what fits where, what can be read, and what dragging and clicking do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

from chromium import ARGUMENTS, CHROMIUM, leaves
from explorer_page import open_explorer
from layout import NOTED, faults

import qae_sim.explorers as explorers_module
from qae_sim.engines.demo.trl_runs import recorded_log
from qae_sim.explorers import EntropyCovariance, EstimatorTable, Explorer, KalmanAnchorExplorer, KeyTokens, QuantileGate

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
]

EXPLORERS: list[type[Explorer[Any]]] = [
    kind
    for kind in (getattr(explorers_module, name) for name in explorers_module.__all__)
    if isinstance(kind, type) and issubclass(kind, Explorer) and kind is not Explorer
]
of_all = pytest.mark.parametrize("kind", EXPLORERS, ids=[kind.__name__ for kind in EXPLORERS])
on_both = pytest.mark.parametrize("theme", ["light", "dark"])

#: What is left for an explorer in a window of 1280x720 and of 1920x1080 beside JupyterLab's chrome, and a phone.
LAB, LARGE, PHONE = {"width": 920, "height": 590}, {"width": 1560, "height": 1080}, {"width": 390, "height": 844}

#: The size of the smallest text of an explorer outside its canvas.
_SMALLEST = """() => {
  const written = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const shown = [...document.querySelectorAll(".qae :not(option)")].filter((e) => e.offsetParent && written(e));
  return Math.min(...shown.map((e) => parseFloat(getComputedStyle(e).fontSize)));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A context in which no page may raise an error or leave the machine."""
    problems: list[str] = []
    options: dict[str, Any] = getattr(request, "param", {"viewport": LAB})
    opened = browser.new_context(**options)
    opened.add_init_script(NOTED)

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)

    opened.on("page", watch)
    yield opened
    opened.close()
    assert problems == []


def in_window(size: dict[str, int]) -> Any:
    """Give a test a window of a size."""
    return pytest.mark.parametrize("context", [{"viewport": size}], indirect=True, ids=["window"])


def explorer_of(kind: type[Explorer[Any]], style: str = "laptop") -> Explorer[Any]:
    return kind(recorded_log()) if kind is explorers_module.TrainingLog else kind(style=style)  # type: ignore[arg-type]


def box(locator: Any) -> dict[str, float]:
    found: dict[str, float] = locator.bounding_box()
    return found


def inside(locator: Any, size: dict[str, int]) -> bool:
    found = box(locator)
    right, bottom = found["x"] + found["width"], found["y"] + found["height"]
    return found["x"] >= -0.5 and found["y"] >= -0.5 and right <= size["width"] + 0.5 and bottom <= size["height"] + 0.5


def texts_of(page: Any) -> list[dict[str, Any]]:
    """Texts of the last drawing."""
    page.wait_for_timeout(80)
    found: list[dict[str, Any]] = page.evaluate("window.texts")
    return found


def check_texts(page: Any) -> None:
    """Nothing cut off, squeezed, too faint or drawn over something else."""
    page.wait_for_timeout(80)
    assert faults(page, ".qae") == []


@of_all
@on_both
@in_window(LAB)
def test_picture_and_controls_are_seen_together(
    context: Any, kind: type[Explorer[Any]], theme: str, tmp_path: Path
) -> None:
    page, _ = open_explorer(context, tmp_path, explorer_of(kind), theme=theme)
    assert box(page.locator(".qae-frame"))["height"] <= 560
    for part in (page.locator(".qae canvas"), page.locator(".qae-words"), page.locator(".qae-side")):
        assert inside(part, LAB)
    controls = page.locator(".qae-side > :is(.qae-control:not(.qae-presets), .qae-series, .qae-flips)")
    assert controls.count() <= 3
    side, canvas = box(page.locator(".qae-side")), box(page.locator(".qae canvas"))
    assert side["width"] == 260
    assert side["x"] + side["width"] <= canvas["x"]
    assert canvas["height"] >= 330
    dark = page.evaluate("getComputedStyle(document.querySelector('.qae')).backgroundColor.match(/\\d+/g)[0] < 128")
    assert dark == (theme == "dark")
    check_texts(page)


def test_what_is_wrong_on_a_canvas_is_found(context: Any, tmp_path: Path) -> None:
    """The measure itself: each text that is drawn here is at fault."""
    page, _ = open_explorer(context, tmp_path, QuantileGate(), theme="light")
    page.wait_for_timeout(80)
    for drawing, what in {
        "pen.fillText('a label', -20, 200)": "outside its picture",
        "pen.fillText('first', 100, 200); pen.fillText('second', 100, 200)": "overlap",
        "pen.fillText('a label much too long for its place', 100, 200, 30)": "squeezed",
        "pen.fillStyle = '#aaa'; pen.fillText('pale', 100, 200)": "contrast",
    }.items():
        page.evaluate(
            "drawing => { const canvas = document.querySelector('.qae canvas'); canvas.texts = [];"
            " const pen = canvas.getContext('2d'); pen.fillStyle = '#000'; new Function('pen', drawing)(pen); }",
            drawing,
        )
        found = faults(page, ".qae")
        assert len(found) == 1
        assert found[0].startswith(what)
    page.evaluate("document.querySelector('.qae canvas').texts = []")
    assert faults(page, ".qae") == []
    page.add_style_tag(content=".qae-words { margin-top: 400px !important }")
    assert any("not seen together" in fault for fault in faults(page, ".qae"))


@of_all
@in_window(LAB)
def test_every_preset_fits(context: Any, kind: type[Explorer[Any]], tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, explorer_of(kind), theme="light")
    for name in kernel.explorer.PRESETS:
        page.get_by_role("combobox", name="Start from").select_option(name)
        wanted = kernel.explorer.PRESETS[name].to_text()
        page.wait_for_function("state => document.querySelector('.qae').dataset.state === state", arg=wanted)
        assert box(page.locator(".qae-frame"))["height"] <= 575, name
        check_texts(page)


@of_all
@on_both
@in_window(PHONE)
def test_on_a_phone_the_picture_stays(context: Any, kind: type[Explorer[Any]], theme: str, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, explorer_of(kind), theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas, side = page.locator(".qae canvas"), page.locator(".qae-side")
    assert box(canvas)["y"] + box(canvas)["height"] <= box(side)["y"]
    for slider in page.locator(".qae-side > .qae-control input").all():
        assert box(slider)["width"] >= 300
    check_texts(page)
    if page.locator(".qae-more summary").count():
        page.locator(".qae-more summary").click()
        page.locator(".qae-side").evaluate("side => side.lastElementChild.scrollIntoView(false)")
        assert inside(canvas, PHONE)  # while the last control is seen


@of_all
@in_window(LARGE)
def test_the_last_row_can_read_it(context: Any, kind: type[Explorer[Any]], tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, explorer_of(kind), theme="light")
    page.get_by_role("button", name="Larger").click()
    page.wait_for_timeout(60)
    canvas = box(page.locator(".qae canvas"))
    assert canvas["width"] >= 1200
    assert canvas["height"] >= 700
    assert box(page.locator(".qae-main"))["x"] + box(page.locator(".qae-main"))["width"] >= LARGE["width"] - 2
    assert page.evaluate(_SMALLEST) >= 24
    texts = texts_of(page)
    assert min(text["size"] for text in texts) >= 24
    check_texts(page)


@pytest.mark.share(0.25)
@of_all
@in_window(LARGE)
def test_the_last_row_can_read_every_preset(context: Any, kind: type[Explorer[Any]], tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, explorer_of(kind, "projector"), theme="dark")
    if kind is explorers_module.TrainingLog:
        page.get_by_role("button", name="Larger").click()
    for name in kernel.explorer.PRESETS:
        page.get_by_role("combobox", name="Start from").select_option(name)
        wanted = kernel.explorer.PRESETS[name].to_text()
        page.wait_for_function("state => document.querySelector('.qae').dataset.state === state", arg=wanted)
        page.wait_for_timeout(80)
        canvas = box(page.locator(".qae canvas"))
        assert canvas["width"] >= 1200, name
        assert canvas["height"] >= 700, name
        assert min(text["size"] for text in texts_of(page)) >= 24, name
        check_texts(page)


@pytest.mark.parametrize("context", [{"viewport": LAB, "color_scheme": "dark"}], indirect=True)
def test_without_a_lab_the_systems_colours_count(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, QuantileGate())
    assert page.evaluate("getComputedStyle(document.querySelector('.qae')).backgroundColor") == "rgb(22, 24, 26)"
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(80)
    assert page.evaluate("getComputedStyle(document.querySelector('.qae')).backgroundColor") == "rgb(255, 255, 255)"
    assert {text["ink"] for text in texts_of(page)} == {"#1a1a1a"}


# --- messages ---------------------------------------------------------------------------------------------------------


def drag(page: Any, label: str, values: list[int]) -> None:
    """Send the input events of a fast drag, all before an answer can come."""
    page.get_by_label(label, exact=True).evaluate(
        """(slider, values) => values.forEach((value) => {
          slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); })""",
        values,
    )


def state_of(page: Any) -> str:
    return str(page.locator(".qae").get_attribute("data-state"))


def test_of_a_drag_the_first_and_the_last_value_are_sent(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, explorers_module.GroupBias(), seconds=0.15)
    page.evaluate(
        """() => {
          const [root, canvas] = [document.querySelector(".qae"), document.querySelector(".qae canvas")];
          window.seen = [];
          const note = () => window.seen.push(root.dataset.state);
          new MutationObserver(note).observe(canvas, { attributes: true, attributeFilter: ["data-drawn"] });
        }"""
    )
    drag(page, "Group size G", [2 + i % 60 for i in range(99)] + [33])
    page.wait_for_function("document.querySelector('.qae canvas').getAttribute('aria-label').includes('groups of 33')")
    assert [state["g"] for state in kernel.sent] == [2, 33]
    page.wait_for_timeout(500)
    assert [state["g"] for state in kernel.sent] == [2, 33]
    assert page.get_by_label("Group size G").input_value() == "33"
    seen = page.evaluate("window.seen")
    # Of the values on the way none but that of the picture which is there already, 8, is drawn.
    assert all("&g=33&" in state or "&g=8&" in state for state in seen), seen
    assert "&g=33&" in seen[-1]


@pytest.mark.parametrize(
    ("kind", "label", "name"),
    [(explorers_module.GroupBias, "Group size G", "g"), (EstimatorTable, "Quantile K", "k")],
    ids=["GroupBias", "EstimatorTable"],
)
def test_the_end_of_a_drag_is_seen_after_two_answers(
    context: Any, kind: type[Explorer[Any]], label: str, name: str, tmp_path: Path
) -> None:
    """After a hundred events: that of the state on its way, and one more.

    So the last value is seen within 2.5 times the median of what an answer takes. Counted in answers, this holds on
    any machine.
    """
    last = kind()
    last.set(**{name: type(getattr(last.state, name))(last.state.end_of(name))})
    page, _ = open_explorer(context, tmp_path, kind(), seconds=0.2)
    slider = page.get_by_label(label, exact=True)
    answers = slider.evaluate(
        """async (slider, words) => {
          const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
          const canvas = document.querySelector(".qae canvas"), take = window.take;
          let answers = 0;
          window.take = (message) => { answers += 1; take(message); };
          const [low, high, step] = [slider.min, slider.max, slider.step].map(Number);
          const places = Math.round((high - low) / step);
          for (let i = 1; i <= 100; i += 1) {
            slider.value = i === 100 ? high : low + step * (i % places);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await later(8);
          }
          const during = answers;
          for (let i = 0; i < 600 && canvas.getAttribute("aria-label") !== words; i += 1) await later(5);
          return { during, after: answers - during, said: canvas.getAttribute("aria-label") };
        }""",
        last.words(),
    )
    assert answers["said"] == last.words()
    assert answers["during"] >= 2  # else nothing stale had to be dropped
    assert answers["after"] <= 2


def test_what_the_browser_draws_is_told_once(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, QuantileGate())
    drag(page, "Quantile K", [k / 100 for k in range(10, 90)])  # type: ignore[misc]
    assert "k=0.89" in state_of(page)
    page.wait_for_timeout(500)
    assert [state["k"] for state in kernel.sent] == [0.89]
    assert kernel.explorer.state.k == 0.89


def test_what_the_notebook_changes_is_shown(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, QuantileGate())
    kernel.explorer.set(g=8, c=2)
    page.evaluate("message => window.take(message)", kernel.message())
    assert "g=8&c=2" in state_of(page)
    assert page.get_by_label("Correct responses", exact=True).input_value() == "2"


def test_a_problem_is_shown_and_the_controls_go_back(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, EstimatorTable.from_state("r=0.5,0,0,0,0,0,0,1"))
    page.get_by_label("Second estimator").select_option("pos_mask")
    page.get_by_role("alert").wait_for()
    assert "pos_mask is defined for rewards of 0 and 1 only" in page.get_by_role("alert").text_content()
    assert page.get_by_label("Second estimator").input_value() == "qae"


# --- time, presets, links ---------------------------------------------------------------------------------------------


def test_play_starts_at_the_start(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, KalmanAnchorExplorer())
    clock = page.get_by_label("Batches seen")
    assert clock.input_value() == "120"
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Pause").click()
    assert 2 <= int(clock.input_value()) <= 10
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Step").click()
    assert clock.input_value() == "1"


def test_presets_that_lead_into_what_is_hidden_are_hidden(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, QuantileGate(hide=["view"]))
    options = page.get_by_role("combobox", name="Start from").locator("option").all_text_contents()
    assert options == ["…", "Hard prompt", "Easy prompt", "On the threshold"]


def test_the_link_is_copied_with_what_is_hidden(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, QuantileGate(hide=["view"]))
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    again = eval(page.evaluate("window.copied"), {"QuantileGate": QuantileGate})
    assert again.state == kernel.explorer.state
    assert again.spec["hidden"] == kernel.explorer.spec["hidden"]


# --- touching the picture ---------------------------------------------------------------------------------------------


def at(page: Any, share_x: float, share_y: float) -> tuple[float, float]:
    """A place on the canvas, by shares of its size."""
    found = box(page.locator(".qae canvas"))
    return found["x"] + share_x * found["width"], found["y"] + share_y * found["height"]


def drag_from(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*((a + b) / 2 for a, b in zip(start, end, strict=True)))
    page.mouse.move(*end)
    page.mouse.up()


def test_k_is_dragged_along_the_row_and_the_border_moves_by_a_click(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, QuantileGate())
    drag_from(page, at(page, 0.4, 0.2), at(page, 0.75, 0.2))
    moved = float(page.get_by_label("Quantile K").input_value())
    assert 0.6 < moved < 0.8
    page.mouse.click(*at(page, 0.6, 0.7))
    assert 5 <= int(page.get_by_label("Correct responses", exact=True).input_value()) <= 8


def test_b_and_the_step_are_dragged(context: Any, tmp_path: Path) -> None:
    page, _ = open_explorer(context, tmp_path, EntropyCovariance())
    drag_from(page, at(page, 0.9, 0.6), at(page, 0.97, 0.6))
    assert float(page.get_by_label("Baseline b").input_value()) > 0.8
    drag_from(page, at(page, 0.5, 0.6), at(page, 0.6, 0.6))
    assert float(page.get_by_label("Step size η").input_value()) > 3


def test_a_reward_is_flipped_by_a_click(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, EstimatorTable())
    page.mouse.click(*at(page, 0.52, 0.2))
    page.wait_for_function("!document.querySelector('.qae').dataset.state.includes('r=1,0,0,0,0,0,0,1')")
    flipped = [
        i for i, (a, b) in enumerate(zip(kernel.explorer.state.r, EstimatorTable().state.r, strict=True)) if a != b
    ]
    assert len(flipped) == 1
    page.mouse.click(*at(page, 0.52, 0.2))
    page.wait_for_function("document.querySelector('.qae').dataset.state.includes('r=1,0,0,0,0,0,0,1')")


def test_buttons_flip_rewards_too(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, EntropyCovariance())
    first = page.get_by_role("button", name="Reward of arm 1", exact=True)
    first.focus()
    first.press("Enter")
    page.wait_for_function("document.querySelector('.qae').dataset.state.includes('r=1,1,0,0,1,0')")
    assert first.get_attribute("aria-pressed") == "true"
    assert kernel.explorer.state.r[0] == 1


def test_a_word_is_chosen_by_a_click(context: Any, tmp_path: Path) -> None:
    page, kernel = open_explorer(context, tmp_path, KeyTokens())
    word = next(text for text in texts_of(page) if text["text"].startswith("wait"))
    canvas = box(page.locator(".qae canvas"))
    page.mouse.click(canvas["x"] + (word["left"] + word["right"]) / 2, canvas["y"] + (word["top"] + word["bottom"]) / 2)
    page.wait_for_function("document.querySelector('.qae canvas').getAttribute('aria-label').startsWith(\"'wait'\")")
    assert kernel.explorer.words().startswith("'wait'")
