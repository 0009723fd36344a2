"""Every explorer in a browser: what fits where, what can be read, and what dragging and clicking do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

from chromium import ARGUMENTS, CHROMIUM, leaves
from explorer_page import open_explorer

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

#: Notes each text on a canvas: its box in the page's pixels, its ink, and whether a white stroke keeps it apart.
_NOTED = """
window.texts = [];
const plain = CanvasRenderingContext2D.prototype.fillText;
const cleared = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, "width");
Object.defineProperty(HTMLCanvasElement.prototype, "width", {
  ...cleared, set(value) { window.texts = []; cleared.set.call(this, value); },
});
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most) {
  const measured = this.measureText(text);
  const width = most === undefined ? measured.width : Math.min(measured.width, most);
  const left = { left: 0, start: 0, center: width / 2, right: width }[this.textAlign];
  const [up, down] = [measured.actualBoundingBoxAscent, measured.actualBoundingBoxDescent];
  const matrix = this.getTransform();
  const ends = [[x - left, y - up], [x - left + width, y - up], [x - left, y + down], [x - left + width, y + down]];
  const corners = ends.map(([a, b]) => matrix.transformPoint(new DOMPoint(a, b)))
    .map((p) => [p.x / devicePixelRatio, p.y / devicePixelRatio]);
  const xs = corners.map(([a]) => a), ys = corners.map(([, b]) => b);
  window.texts.push({
    text, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys),
    ink: this.fillStyle, size: parseFloat(this.font.match(/([\\d.]+)px/)[1]),
    squeezed: most !== undefined && measured.width > most + 0.5,
  });
  return most === undefined ? plain.call(this, text, x, y) : plain.call(this, text, x, y, most);
};
"""

#: Elements with text of their own whose text is wider or higher than they are, and too faint ones.
_IN_PAGE = """() => {
  const written = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const shown = [...document.querySelectorAll(".qae :not(option)")].filter((e) => e.offsetParent && written(e));
  const pen = document.createElement("canvas").getContext("2d");
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const contrast = (a, b) => {
    const [x, y] = [light(rgb(a)), light(rgb(b))].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (e) => {
    const back = getComputedStyle(e).backgroundColor;
    return rgb(back)[3] === 255 || !e.parentElement ? back : ground(e.parentElement);
  };
  const back = getComputedStyle(document.querySelector(".qae")).backgroundColor;
  const cut = [], faint = [], small = [];
  for (const e of shown) {
    const style = getComputedStyle(e);
    if (e.scrollWidth > e.clientWidth + 1 && style.display !== "inline") cut.push(e.textContent);
    if (contrast(style.color, ground(e)) < 4.5) faint.push([e.textContent, style.color, ground(e)]);
    small.push(parseFloat(style.fontSize));
  }
  for (const text of window.texts) if (contrast(text.ink, back) < 4.5) faint.push([text.text, text.ink, back]);
  return { cut, faint, smallest: Math.min(...small) };
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
    opened.add_init_script(_NOTED)

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
    texts = texts_of(page)
    canvas = box(page.locator(".qae canvas"))
    for text in texts:
        assert text["left"] >= -1, text
        assert text["top"] >= -1, text
        assert text["right"] <= canvas["width"] + 1, text
        assert text["bottom"] <= canvas["height"] + 1, text
    for i, one in enumerate(texts):
        for other in texts[i + 1 :]:
            beside = one["right"] <= other["left"] + 1 or other["right"] <= one["left"] + 1
            above = one["bottom"] <= other["top"] + 1 or other["bottom"] <= one["top"] + 1
            assert beside or above, (one["text"], other["text"])
    found = page.evaluate(_IN_PAGE)
    assert found["cut"] == []
    assert found["faint"] == []


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
    assert canvas["height"] >= 560
    assert box(page.locator(".qae-main"))["x"] + box(page.locator(".qae-main"))["width"] >= LARGE["width"] - 2
    assert page.evaluate(_IN_PAGE)["smallest"] >= 24
    texts = texts_of(page)
    assert min(text["size"] for text in texts) >= 21  # ticks; the rest is 24 and more
    assert max(text["size"] for text in texts) >= 24
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
    assert all("g=33" in state for state in seen), seen


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
