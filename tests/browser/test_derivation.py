"""A derivation in a browser: lines come by clicks and keys, symbols say what they are, and nothing sticks out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")
pytest.importorskip("latex2mathml")

from chromium import ARGUMENTS, CHROMIUM, leaves

from qae_sim.explorers.assets import script, style
from qae_sim.explorers.derivations import derivation, derivations
from qae_sim.explorers.derive import derivation_spec

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


def opened(browser: Any, folder: Path, name: str, width: int, scheme: str = "light") -> Any:
    """A page with one derivation, as a written lesson has it."""
    data = json.dumps(derivation_spec(derivation(name))).replace("</", "<\\/")
    (folder / "page.html").write_text(
        f'<!doctype html><meta charset="utf-8"><style>{style("quiz", "derive")}</style><body><div></div>'
        f'<script type="application/json" data-qae="derivation">{data}</script>'
        f"<script>{script('lesson').read_text(encoding='utf-8')}</script></body>",
        encoding="utf-8",
    )
    page = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.errors.append(request.url) if leaves(request.url) else None)
    page.goto((folder / "page.html").as_uri())
    return page


@pytest.mark.parametrize("width", [390, 920])
@pytest.mark.parametrize("name", derivations())
def test_each_line_comes_and_fits(browser: Any, tmp_path: Path, name: str, width: int) -> None:
    page = opened(browser, tmp_path, name, width, "dark" if width == 390 else "light")
    lines = page.locator("ol > li")
    assert [lines.nth(i).is_visible() for i in range(lines.count())] == [True] + [False] * (lines.count() - 1)
    for _ in range(lines.count() - 1):
        page.get_by_role("button", name="Next line").click()
    assert all(lines.nth(i).is_visible() for i in range(lines.count()))
    assert page.get_by_role("button", name="Next line").is_disabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = "[...document.querySelectorAll('.qae-formula')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(wider) == 0
    page.get_by_role("button", name="Fold to one line").click()
    assert not page.locator("ol").is_visible()
    assert page.locator(".qae-formula:visible").count() == 1
    assert page.errors == []
    page.close()


def test_keys_and_symbols(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, "winner", 920)
    said = page.get_by_role("status")
    assert "Point at a symbol" in said.inner_text()
    page.locator("[data-symbol]").first.focus()
    assert "is the baseline" in said.inner_text()
    page.keyboard.press("ArrowRight")
    assert "is the success rate" in said.inner_text()
    assert page.locator(".qae-here").evaluate_all("all => all.every((e) => e.dataset.symbol === 'p')")
    page.keyboard.press("ArrowDown")
    assert page.locator("ol > li:visible").count() == 2
    page.keyboard.press("ArrowUp")
    assert page.locator("ol > li:visible").count() == 1
    page.keyboard.press("ArrowDown")
    page.locator("ol > li:nth-child(2) [data-symbol=sigma]").first.hover()
    assert "is the standard deviation" in said.inner_text()
    page.close()
