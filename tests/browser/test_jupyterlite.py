"""JupyterLite of the site in a real browser, with Pyodide from a folder: every lesson runs, and nothing is fetched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import CHROMIUM, leaves, served, without_network
from lessons import NOTEBOOKS
from pyodide_folder import PYODIDE

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("jupyterlite_core")

WIDGET = "application/vnd.jupyter.widget-view+json"
LESSONS = [path.stem for path in NOTEBOOKS]
#: Starting Python takes a while on a busy machine.
PATIENCE = 240_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found"),
    pytest.mark.skipif(PYODIDE is None, reason="no Pyodide found: python tests/pyodide_folder.py FOLDER"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a site that has JupyterLite and Pyodide in it, from a server that knows nothing of either."""
    from qae_sim.site.docs import checked
    from qae_sim.site.lite import write_lite
    from qae_sim.site.pyodide import place

    folder = tmp_path_factory.mktemp("site")
    write_lite(NOTEBOOKS, folder, place(str(PYODIDE), folder), checked())
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that knows no host but this machine."""
    with without_network() as opened:
        yield opened


def expose(route: Any) -> None:
    """Let tests reach JupyterLab from the page's script, which the site itself does not."""
    answer = route.fetch()
    settings = answer.json()
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True
    route.fulfill(response=answer, json=settings)


def open_lesson(page: Any, site: str, name: str) -> None:
    """Open a lesson and wait for Python."""
    page.route("**/lite/jupyter-lite.json", expose)
    page.goto(f"{site}/lite/lab/index.html?path={name}.ipynb")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=PATIENCE,
    )


def run_cell(page: Any, number: int) -> list[dict[str, Any]]:
    """Run a cell; its outputs."""
    page.evaluate(
        """async (number) => {
          jupyterapp.shell.currentWidget.content.activeCellIndex = number;
          await jupyterapp.commands.execute("notebook:run-cell");
        }""",
        number,
    )
    return list(
        page.evaluate(
            "number => jupyterapp.shell.currentWidget.content.model.cells.get(number).outputs?.toJSON() ?? []", number
        )
    )


def pixels(explorer: Any) -> str:
    """What an explorer's canvas shows."""
    return str(explorer.locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def answers(explorer: Any, slider: Any) -> bool:
    """Move a slider by the keyboard: Python answers, and then the state has changed. Whether pixels changed, too."""
    before, said = pixels(explorer), explorer.get_attribute("data-state")
    slider.focus()
    slider.press("End" if slider.evaluate("s => s.value !== s.max") else "Home")
    sync_api.expect(explorer).not_to_have_attribute("data-state", said, timeout=60_000)
    deadline = time.monotonic() + 5
    while pixels(explorer) == before and time.monotonic() < deadline:
        explorer.page.wait_for_timeout(100)
    return pixels(explorer) != before


@pytest.mark.share(0.01)  # one: each starts Python and loads its packages anew
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson(browser: Any, site: str, name: str) -> None:
    """All cells run, and their widgets are drawn; sliders of explorers move pictures; no request leaves the machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    context.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    open_lesson(page, site, name)
    count = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length")
    shown = 0
    for number in range(count):
        for output in run_cell(page, number):
            assert output["output_type"] != "error", output
            shown += WIDGET in output.get("data", {})
    widgets = page.locator(".jp-OutputArea-output > :is(.qae, .qae-quiz)")
    sync_api.expect(widgets).to_have_count(shown)
    for widget in widgets.all():  # scenes draw in a shadow of their own
        assert widget.evaluate("widget => (widget.shadowRoot ?? widget).querySelector('canvas, svg, input, button')")
    moving = page.locator(".qae:has(canvas):has(input[type=range])").all()
    for explorer in moving:
        explorer.scroll_into_view_if_needed()
        for more in explorer.locator(".qae-more:not([open]) summary").all():
            more.click()
        assert any(answers(explorer, slider) for slider in explorer.locator("input[type=range]:visible").all())
    context.close()
    assert problems == []


@pytest.mark.share(0.01)
@pytest.mark.parametrize("file", ["qae_sim-*.whl", "scipy-*.whl"])
def test_a_package_with_other_bytes_is_refused(browser: Any, site: str, file: str) -> None:
    """One of the site's own, and one of Pyodide's."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()

    def other(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body() + b"\0")

    context.route(f"**/{file}*", other)
    open_lesson(page, site, LESSONS[0])
    sources = page.evaluate(
        "() => [...jupyterapp.shell.currentWidget.content.model.cells].map(c => [c.type, c.sharedModel.source])"
    )
    (install,) = (number for number, (_, source) in enumerate(sources) if "%pip install" in source)
    # Pyodide fetches its own packages when they are first imported.
    use = next(number for number, (kind, _) in enumerate(sources) if kind == "code" and number > install)
    source = "import qae_sim, scipy.special"
    page.evaluate(
        f'() => jupyterapp.shell.currentWidget.content.model.cells.get({use}).sharedModel.setSource("{source}")'
    )
    outputs = json.dumps([run_cell(page, install), run_cell(page, use)])
    plain = re.sub(r"\\u001b\[[\d;]*m", "", outputs)
    assert f"ModuleNotFoundError: No module named '{file.partition('-')[0]}'" in plain, plain
    context.close()
