"""The page "One group, one number" as a reader meets it: at three sizes, light and dark, by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import ARGUMENTS, CHROMIUM, leaves
from layout import faults

from qae_sim.advantages import ESTIMATORS, qae
from qae_sim.page import document
from qae_sim.page.tables import responses
from qae_sim.pictures.style import ESTIMATOR_LOOKS, MEANING_LOOKS

SIZES = {"laptop": (1280, 720), "projector": (1920, 1080), "phone": (390, 844)}
SCENES = ("0", "1", "2", "3", "4", "5", "6", "7", "map", "8", "9")
#: States in which something is as long, as large, or as empty as it can be.
STATES = (
    "",
    "r=1111111111&b=1&k=0.95&rule=constant&groups=1000&half=1&chips=31&anchor=3&batch=79&turn=3&after=0.95&step=59&dot=canon&blind=1&errs=1",
    "r=0000000000&b=0&k=0.05&near=6&rule=qae&groups=1&chips=4&anchor=2&batch=0&turn=0&after=0.05&step=0&dot=verl_rank&verifier=3&blind=2&errs=2",
    "r=1111111110&b=0.95&near=1&k=0.9&rule=rloo&groups=10&chips=1&anchor=1&batch=60&prompt=23&dot=match_tir&verifier=1",
)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two colours ``#rrggbb``."""

    def light(colour: str) -> float:
        shares = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_are_seen_on_both_pages() -> None:
    for name, look in {**ESTIMATOR_LOOKS, **MEANING_LOOKS}.items():
        assert contrast(look.light, "#FFFFFF") >= 4.5, name
        assert contrast(look.dark, "#16181A") >= 4.5, name


def test_no_two_estimators_look_alike() -> None:
    looks = list(ESTIMATOR_LOOKS.values())
    assert len({look.light for look in looks}) == len({look.dark for look in looks}) == len(looks)
    assert len({look.marker for look in looks}) == len(looks)


def test_it_is_one_small_file_that_loads_nothing() -> None:
    for site in (False, True):
        text = document(site=site)
        assert len(text.encode()) < 1_000_000
        assert not re.findall(r"""(?:src|href)=["'](?!#|data:|[\w/]+\.html)[^"']*""", text.partition("<script>")[0])
        assert "default-src 'none'" in text


def test_scenes_are_short() -> None:
    for name, body in re.findall(r'id="scene-(\w+)".*?<div class="words">(.*?)</div>', document(), re.DOTALL):
        prose = re.sub(r"<[^>]+>", " ", re.sub(r"<h\d.*?</h\d>", "", body))
        assert len(prose.split()) <= 60 or name == "map", (name, len(prose.split()))


def test_the_ten_responses_are_what_the_verifier_says() -> None:
    found = responses()
    assert [response["correct"] for response in found] == [response["answer"] == "82" for response in found]
    assert sum(response["correct"] for response in found) == 1


def test_every_estimator_is_a_dot() -> None:
    dots = re.findall(r'<span class="dot"[^>]*></span>(.*?)</button>', document())
    assert sorted(dots) == sorted(row.title for row in ESTIMATORS.values())


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(document(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


def opened(browser: Any, problems: list[str], size: str = "laptop", **options: Any) -> Any:
    width, height = SIZES[size]
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": height}, reduced_motion="reduce", **options
    )
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    return page


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page on a laptop; it may neither raise errors nor leave the machine."""
    problems: list[str] = []
    page = opened(browser, problems)
    page.goto(address)
    yield page
    page.context.close()
    assert problems == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_layout_and_colours(browser: Any, address: str, size: str, scheme: str) -> None:
    problems: list[str] = []
    page = opened(browser, problems, size, color_scheme=scheme)
    page.goto(address)
    width, height = SIZES[size]
    for state in STATES:
        page.evaluate(f"location.hash = '{state}'")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in SCENES:
            scene = page.locator(f"#scene-{name}")
            problems += [f"{size} {scheme} [{state}] scene {name}: {what}" for what in faults(page, f"#scene-{name}")]
            if size != "phone":  # picture, controls and words are seen together
                assert scene.bounding_box()["height"] <= height + 1, (size, name, scene.bounding_box())
    page.context.close()
    assert not problems, "\n".join(problems)


@pytest.mark.browser
def test_the_checks_see_what_is_wrong(page: Any) -> None:
    """The audit itself: pale, small, cut-off and overlapping text."""
    for style, what in {
        "color: #aaa": "contrast",
        "font-size: 8px": "small",
        "white-space: nowrap; overflow: hidden; width: 40px; display: block": "cut off",
        "margin-bottom: -90px": "overlap",
        "position: relative; left: -400px": "beyond",
    }.items():
        page.evaluate("style => document.querySelector('#scene-1 .words p').setAttribute('style', style)", style)
        found = faults(page, "#scene-1")
        assert any(what in problem for problem in found), (style, found)


def bars(page: Any, scene: int) -> list[float]:
    """The signed numbers at the bars of a scene."""
    texts = page.locator(f"#scene-{scene} svg text").all_text_contents()
    return [float(text.replace("−", "-")) for text in texts if re.fullmatch(r"[+−]\d*\.\d+|0\.00?", text)]


@pytest.mark.browser
def test_the_baseline_is_dragged_and_moved_by_keys(page: Any) -> None:
    handle = page.locator("#scene-1 .handle")
    handle.scroll_into_view_if_needed()
    knob = page.locator("#scene-1 .knob").bounding_box()
    x, y = knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2
    one = page.locator("#scene-1 svg > line, #scene-1 svg .grid").nth(1).bounding_box()["y"]  # the line of reward 1
    zero = page.locator("#scene-1 svg .grid").nth(0).bounding_box()["y"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, zero + 0.5 * (one - zero), steps=8)
    page.mouse.up()
    assert float(handle.get_attribute("aria-valuenow")) == 0.5
    rewards = np.array([0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert bars(page, 1) == (rewards - 0.5).tolist()
    assert "sum to −4.00" in page.locator("#scene-1 .said").inner_text()
    handle.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    np.testing.assert_allclose(bars(page, 1), rewards - 0.35)
    page.keyboard.press("Home")
    assert bars(page, 1) == rewards.tolist()


@pytest.mark.browser
def test_k_is_dragged_and_moved_by_keys(page: Any) -> None:
    page.evaluate("location.hash = 'r=1111110000'")
    handle = page.locator("#scene-3 .handle")
    handle.scroll_into_view_if_needed()
    row = np.sort([1.0] * 6 + [0.0] * 4)
    place = page.locator("#scene-3 .knob").bounding_box()
    y = place["y"] + place["height"] / 2
    cells = [box.bounding_box() for box in page.locator("#scene-3 svg rect[rx='4']").all()]
    left, right = cells[0]["x"], cells[-1]["x"] + cells[-1]["width"]
    for k in (0.2, 0.65, 0.95):
        now = page.locator("#scene-3 .knob").bounding_box()
        page.mouse.move(now["x"] + now["width"] / 2, y)
        page.mouse.down()
        page.mouse.move(left + k * (right - left), y, steps=6)
        page.mouse.up()
        assert float(handle.get_attribute("aria-valuenow")) == k
        np.testing.assert_allclose(bars(page, 3), np.asarray(qae(row, k=k, eps=0)).round(2))
    handle.focus()
    page.keyboard.press("Home")
    for step in range(8):
        k = 0.05 + 0.05 * step
        np.testing.assert_allclose(bars(page, 3), np.asarray(qae(row, k=k, eps=0)).round(2))
        page.keyboard.press("ArrowRight")


@pytest.mark.browser
def test_k_is_dragged_by_a_finger(browser: Any, address: str) -> None:
    problems: list[str] = []
    page = opened(browser, problems, "phone", has_touch=True, is_mobile=True)
    page.goto(address)
    handle = page.locator("#scene-3 .handle")
    handle.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    knob = page.locator("#scene-3 .knob").bounding_box()
    x, y = knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, at in [("touchStart", x), *(("touchMove", x + 10 * i) for i in range(1, 10)), ("touchEnd", None)]:
        points = [] if at is None else [{"x": at, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    k = float(handle.get_attribute("aria-valuenow"))
    assert 0.6 <= k <= 0.75
    assert page.evaluate("scrollX") == 0
    assert f"K = {k:.2f}" in handle.text_content()
    page.context.close()
    assert problems == []


@pytest.mark.browser
def test_the_address_holds_the_state(page: Any, address: str) -> None:
    page.locator("#scene-4 input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("radio", name="RLOO").check(force=True)
    page.get_by_role("button", name="length", exact=True).click()
    page.get_by_role("button", name="KTAE").click()
    page.get_by_role("button", name="Change K at this step").click()
    page.wait_for_timeout(400)
    state = page.evaluate("location.hash")
    assert state == "#k=0.45&rule=rloo&chips=1&dot=ktae&turn=20&at=8"
    page.goto("about:blank")
    page.goto(address + state)
    assert float(page.locator("#scene-3 .handle").get_attribute("aria-valuenow")) == 0.45
    assert page.get_by_role("radio", name="RLOO").is_checked()
    assert page.get_by_role("button", name="length", exact=True).get_attribute("aria-pressed") == "true"
    assert page.locator("#scene-map .opened h3").inner_text() == "KTAE"
    assert page.locator("#scene-8 .run").count() == 4
    assert abs(page.locator("#scene-8").bounding_box()["y"]) < 10  # the scene that was read is read again
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == state


@pytest.mark.browser
def test_everything_is_reached_by_keys_and_named(page: Any) -> None:
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "(() => { const e = document.activeElement; return [e.closest('.scene')?.id ?? '',"
            " e.getAttribute('aria-label') ?? e.closest('label')?.textContent ?? e.textContent] })()"
        )
        if not here[0] and reached:
            break
        assert here[1].strip(), here
        reached.add(tuple(here))
    scenes = {scene for scene, _ in reached}
    assert scenes >= {f"scene-{name}" for name in ("1", "2", "3", "4", "5", "6", "7", "map", "8")}
    assert {("scene-1", "Baseline b"), ("scene-3", "K, a place in the sorted row"), ("scene-8", "Play")} <= reached


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_a_step_opens_down_to_the_policy(browser: Any, address: str, size: str) -> None:
    problems: list[str] = []
    page = opened(browser, problems, size)
    page.goto(address + "#turn=10")
    page.locator("#scene-8 summary").click()
    cells = page.locator("#scene-8 details td").all_inner_texts()
    assert len(cells) == 4 * 6
    before = np.array([float(cell.split()[0]) for cell in cells]).reshape(4, 6)
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=0.003)
    problems += faults(page, "#scene-8")
    page.context.close()
    assert problems == []


@pytest.mark.browser
def test_play_plays_and_stops(page: Any) -> None:
    page.evaluate("location.hash = 'step=57'")
    page.get_by_role("button", name="Play").click()
    page.locator("#scene-8 caption", has_text="Step 59,").wait_for()
    page.get_by_role("button", name="Play").wait_for(timeout=5000)


@pytest.mark.browser
def test_without_javascript_there_are_pictures_and_text(browser: Any, address: str) -> None:
    problems: list[str] = []
    page = opened(browser, problems, java_script_enabled=False)
    page.goto(address)
    for name in SCENES:
        assert page.locator(f"#scene-{name} :is(h1, h2)").is_visible()
    assert page.locator(".picture svg").count() == 8
    assert page.locator(".picture svg").first.bounding_box()["height"] > 200
    assert not page.locator(".slider").first.is_visible()
    page.context.close()
    assert problems == []


@pytest.mark.browser
def test_in_the_site_it_links_to_pages(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(document(site=True), encoding="utf-8")
    problems: list[str] = []
    page = opened(browser, problems)
    page.goto((tmp_path / "page.html").as_uri() + "#dot=qae")
    page.wait_for_timeout(300)
    assert page.locator("#scene-map .opened a").get_attribute("href") == "claims/qae.html#claim-qae-group-direction"
    links = [link.get_attribute("href") for link in page.locator("#scene-9 a").all()]
    assert links == ["lessons.html", "guides/logs.html", "guides/trl.html", "guides/verl.html", "claims/index.html"]
    page.context.close()
    assert problems == []
