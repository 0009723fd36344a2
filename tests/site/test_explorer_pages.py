"""Pages of single explorers: what their address opens, what it says of itself, and what a click copies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

from chromium import ARGUMENTS, CHROMIUM, leaves
from site_pages import holds, pages_of

from qae_sim.explorers import EstimatorTable, KalmanAnchorExplorer, QuantileGate, address
from qae_sim.explorers.assets import script, style
from qae_sim.explorers.explorer import address_of
from qae_sim.site import write_explorers
from qae_sim.site.explorers import explorers_page, linked_states

in_a_browser = pytest.mark.browser
KINDS = (EstimatorTable, KalmanAnchorExplorer, QuantileGate)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a few explorers; one of them is led to by a lesson."""
    folder = tmp_path_factory.mktemp("site")
    assets = folder / "lessons" / "assets"
    assets.mkdir(parents=True)
    (assets / "qae.css").write_text(style("view"), encoding="utf-8")
    (assets / "qae.js").write_bytes(script("lesson").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qae_sim.site.explorers.explorers_with_pages", lambda: KINDS)
        pages = write_explorers(folder, [f'<a href="../{address(QuantileGate, g=8, c=2)}">', address(QuantileGate)])
    assert pages == [folder / "explorers" / f"{kind.__name__}.html" for kind in KINDS]
    return folder


def test_a_page_holds_its_presets_and_what_is_linked_to(site: Path) -> None:
    for kind in KINDS:
        for state in kind.PRESETS.values():
            assert holds(site / "explorers" / f"{kind.__name__}.html", kind, state)
    page = site / "explorers" / "QuantileGate.html"
    assert holds(page, QuantileGate, QuantileGate.STATE(g=8, c=7, k=0.9))
    assert not holds(page, QuantileGate, QuantileGate.STATE(g=9))


def test_without_a_script_there_is_a_picture_with_words(site: Path) -> None:
    text = (site / "explorers" / "QuantileGate.html").read_text(encoding="utf-8")
    assert f'<img alt="{QuantileGate().words()}" src="data:image/png;base64,' in text
    assert "Without JavaScript this picture stays as it is" in text
    (page,) = {page for path, page in pages_of(site).items() if path.name == "QuantileGate.html"}
    assert {load for load in page.loads if not load.startswith("data:")} == {
        "../lessons/assets/qae.css",
        "../lessons/assets/qae.js",
    }


def test_addresses_that_lead_nowhere_are_refused() -> None:
    assert linked_states(["nothing"]) == {}
    with pytest.raises(ValueError, match="address must name one of CollapseExplosion, .*; got 'TrainingLog'"):
        linked_states(["explorers/TrainingLog.html"])
    with pytest.raises(ValueError, match="g must be an integer from 2 to 32"):
        linked_states(["explorers/QuantileGate.html#g=99"])


def test_the_list_names_every_preset() -> None:
    listed = explorers_page([])
    for kind in KINDS:
        assert f'## <a href="{address(kind)}">{kind.__name__}</a>' in listed
        for preset, state in kind.PRESETS.items():
            link = address_of(kind, state).replace("&", "&amp;")
            assert f'<a href="{link}">{preset.replace("&", "&amp;")}</a>' in listed


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page on which no error may be raised and nothing may be asked for from outside."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 720})
    problems: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    yield opened
    context.close()
    assert problems == []


def go(page: Any, site: Path, link: str) -> None:
    page.goto(f"{site.as_uri()}/{link}")
    page.wait_for_function("document.querySelector('.qae canvas')?.dataset.drawn > 0")


def state_of(page: Any) -> str:
    return str(page.locator(".qae").get_attribute("data-state"))


def settled_address(page: Any, wanted: str) -> bool:
    page.wait_for_function("wanted => location.href.endsWith(wanted)", arg=wanted)
    return True


@in_a_browser
@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_every_preset_opens_by_its_address(page: Any, site: Path, kind: Any) -> None:
    for state in kind.PRESETS.values():
        page.goto("about:blank")  # else only the hash would change, which a test of its own tries
        go(page, site, address_of(kind, state))
        assert state_of(page) == state.to_text()
        assert page.get_by_role("alert").is_hidden()
        assert page.locator(".qae canvas").get_attribute("aria-label") == kind(state).words()


@in_a_browser
def test_moving_a_control_writes_the_address(page: Any, site: Path) -> None:
    go(page, site, address(QuantileGate, g=8, c=2))
    page.evaluate("window.before = history.length")
    page.get_by_label("Quantile K").press("ArrowRight")
    page.get_by_label("Correct responses", exact=True).press("ArrowRight")
    assert settled_address(page, "/explorers/QuantileGate.html#k=0.41&g=8")  # three correct ones are the default
    page.get_by_role("combobox", name="Start from").select_option("80 % zeros")
    assert settled_address(page, "/" + address_of(QuantileGate, QuantileGate.PRESETS["80 % zeros"]))
    page.get_by_role("button", name="Reset").click()
    assert settled_address(page, "/explorers/QuantileGate.html")
    assert page.evaluate("history.length === window.before")  # "Back" leaves the page
    page.evaluate("location.hash = 'g=8&k=.5'")
    page.wait_for_function("document.querySelector('.qae').dataset.state.includes('k=0.5&g=8&c=3')")
    assert settled_address(page, "#k=0.5&g=8")


@in_a_browser
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("k=2", "k must be a number from 0.01 to 0.99; got 2"),
        ("g=8&k=NaN", 'k must be written as a number; got "NaN"'),
        ("nonsense=1", 'each of view, k, g, c, verifier, spread at most once; got "nonsense=1"'),
        ("g=9", 'from qae_sim.explorers import QuantileGate; QuantileGate.from_state("view=group&k=0.4&g=9'),
    ],
)
def test_what_an_address_does_not_open_is_said(page: Any, site: Path, text: str, says: str) -> None:
    go(page, site, f"explorers/QuantileGate.html#{text}")
    assert says in page.get_by_role("alert").text_content()
    page.set_viewport_size({"width": 1000, "height": 700})
    page.wait_for_timeout(300)
    assert says in page.get_by_role("alert").text_content()  # still, and the address is as it was typed
    assert page.url.endswith(f"#{text}")
    page.get_by_label("Quantile K").press("ArrowRight")
    assert page.get_by_role("alert").is_hidden()
    assert settled_address(page, "#k=0.41")


@in_a_browser
def test_the_link_button_copies_the_address(page: Any, site: Path) -> None:
    go(page, site, address(KalmanAnchorExplorer))
    page.get_by_role("slider", name="Fixed gain").press("ArrowRight")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("window.copied") == f"{site.as_uri()}/{address(KalmanAnchorExplorer, gain=0.22)}"
