"""The site without a browser: pages, formulas, data that cannot end their element."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")
pytest.importorskip("nbformat")

import nbformat
from chromium import ARGUMENTS, CHROMIUM
from click.testing import CliRunner
from layout import faults
from lessons import NOTEBOOKS

from qae_sim.cli import main
from qae_sim.explorers import QuantileGate
from qae_sim.explorers.glossary import PAGE
from qae_sim.site import Address, Lesson, write_lessons
from qae_sim.site.lessons import markdown
from qae_sim.site.pyodide import ADDRESS


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A lesson\n\nWith $x^2$ (entropy.identity) and `$y$` and [another](other.ipynb)."
        ),
        nbformat.v4.new_code_cell(
            'from qae_sim.explorers import Predict, Prediction, QuantileGate\nQuantileGate(hide=["claims", "presets"])'
        ),
        nbformat.v4.new_code_cell('Predict(Prediction("Is </script> a word?", ("no", "yes"), 0, ("Right.", "No.")))'),
        nbformat.v4.new_code_cell('print("<b>said</b>")\n1 + 1'),
    ]
    path = tmp_path / "00_lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_page(lesson: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    lessons = write_lessons([lesson], tmp_path / "site", Address(""), on_lesson=seen.append)
    assert seen == ["00_lesson"]
    assert lessons == [Lesson("00_lesson", "A lesson", lessons[0].claims, ("explorers/QuantileGate.html",))]
    assert set(lessons[0].claims) == {"entropy.identity", *QuantileGate.CLAIMS}  # named in words, and behind the view
    page = (tmp_path / "site" / "00_lesson.html").read_text(encoding="utf-8")
    assert lessons[0].claims["entropy.identity"] == "cell-0"  # named there in words
    assert all(lessons[0].claims[id] == "explorer-QuantileGate" for id in QuantileGate.CLAIMS)
    assert page.index('id="explorer-QuantileGate"') < page.index('<img alt="Hard prompt') < page.index('id="cell-2"')
    assert 'href="../claims/qae.eq4.html"' in page
    assert "https://" not in page.replace("https://github.com/", "")
    assert "<title>A lesson</title>" in page
    assert "<math" in page
    assert "<code>$y$</code>" in page
    assert 'href="other.html"' in page
    assert '<img alt="Hard prompt' in page
    assert "&lt;b&gt;said&lt;/b&gt;" in page
    assert "<pre>2</pre>" in page
    assert '<a href="../explorers/QuantileGate.html">This state on a page of its own</a>' in page
    assert (
        page.count("</script>") == 4
    )  # the gate's data, the question's, the script, and what speaks where it cannot be read
    assert not list((tmp_path / "site").glob(".*part"))


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("$$a = b$$", 'display="block"'),
        ("cost $5", "cost $5"),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", "<td>2</td>"),
        ("<details><summary>A</summary>\n\ntext\n\n</details>", "<details>"),
    ],
)
def test_markdown(source: str, part: str) -> None:
    assert part in markdown(source)


def test_the_command(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["qae_sim.cli.site"], "find_lessons", lambda: lesson.parent)
    monkeypatch.setattr("qae_sim.site.write_explorers", lambda folder, links: opened.extend(links))
    monkeypatch.setattr("qae_sim.site.write_docs", lambda folder, lessons, address, on_step: [folder / "index.html"])
    opened: list[str] = []
    written: list[Any] = []
    monkeypatch.setattr("qae_sim.site.docs.checked", tuple)
    monkeypatch.setattr("qae_sim.site.lite.write_lite", lambda *about: written.append(about))
    result = CliRunner().invoke(main, ["site", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "1 lessons and 1 other pages in" in result.output
    assert written == [([lesson], tmp_path / "out", ADDRESS, ())]
    assert opened == ["explorers/QuantileGate.html"]
    wrong = CliRunner().invoke(main, ["site", str(tmp_path / "out"), "--pyodide", str(tmp_path)])
    assert "it has no pyodide.asm.js" in wrong.output
    monkeypatch.setattr("qae_sim.site.lite.lite_missing", lambda: ["jupyterlite-core"])
    without = CliRunner().invoke(main, ["site", str(tmp_path / "out")])
    assert "Without JupyterLite, which needs jupyterlite-core. To get it: pip install 'qae_sim[docs]'" in without.output
    assert len(written) == 1
    (tmp_path / "file").write_text("")
    failed = CliRunner().invoke(main, ["site", str(tmp_path / "file" / "out")])
    assert failed.exit_code != 0
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    bare = CliRunner().invoke(main, ["site", str(tmp_path / "out")])
    assert "pip install 'qae_sim[lab,docs]'" in bare.output


def test_presets_travel_with_sites_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.explorers import GroupBias
    from qae_sim.explorers.explorer import MIME, SITE

    def stored() -> Any:
        bundle, _ = GroupBias()._repr_mimebundle_()  # type: ignore[misc]
        return bundle[MIME]["others"]

    assert stored() == []
    monkeypatch.setenv(SITE, "1")
    others = stored()
    json.dumps(others, allow_nan=False)
    # Two presets differ from what is opened only in p, which the browser moves: they have one picture.
    assert [shown["spec"]["state"]["view"] for shown in others] == ["probability", "continuous", "bias"]


def test_a_word_that_is_looked_up_has_its_formulas_drawn(tmp_path: Path) -> None:
    (path,) = [path for path in NOTEBOOKS if path.name == PAGE]
    write_lessons([path], tmp_path, Address(""))
    page = (tmp_path / f"{path.stem}.html").read_text(encoding="utf-8")
    shown = page[page.index("look_up(") : page.index('id="Lesson-1"')]
    assert "<strong>success rate</strong> (<math" in shown
    assert "$" not in shown


# --- what words mean --------------------------------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A page with two words of the glossary, one of them at the right edge, and a glossary to go to."""
    text = (
        "# Words\n\nIt falls [**silent**](glossary.ipynb#silent).\n\n"
        '<p style="text-align: right">Its [success rate](glossary.ipynb#success-rate)</p>\n\n' + "More.\n\n" * 80
    )
    text = text.replace(
        "[success rate](glossary.ipynb#success-rate)", '<a href="glossary.ipynb#success-rate">success rate</a>'
    )
    paths = [tmp_path / "01_words.ipynb", tmp_path / PAGE]
    for path, source in zip(paths, (text, "# Glossary\n\n## silent\n\n[silent](glossary.ipynb#silent)"), strict=True):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)]), path)
    write_lessons(paths, tmp_path / "site", Address(""))
    return tmp_path / "site" / "01_words.html"


def test_a_link_to_the_glossary_is_described_by_what_the_word_means(words: Path) -> None:
    page = words.read_text(encoding="utf-8")
    assert '<a href="glossary.html#silent" class="term" aria-describedby="silent-means"' in page
    assert 'id="silent-means" class="meaning" role="tooltip" popover="manual"' in page
    assert "whose advantage is exactly 0" in page
    assert page.count("<math") == 2  # p and p̂ of the success rate
    assert "tooltip" not in words.with_name("glossary.html").read_text(encoding="utf-8")


def without_overlaps(page: Any) -> list[str]:
    """What is wrong with a page on which a box lies over what is written there."""
    return [fault for fault in faults(page) if not fault.startswith("overlap")]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_meaning_is_shown_to_pointers_keys_and_fingers(words: Path, scheme: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
        page.goto(words.as_uri())
        link, box = page.locator("a.term").first, page.locator("#silent-means")
        assert not box.is_visible()
        # A pointer, which may go on to the box and rest there.
        link.hover()
        assert box.is_visible()
        box.hover()
        page.wait_for_timeout(400)
        assert box.is_visible()
        assert without_overlaps(page) == []
        page.mouse.move(5, 700)
        page.wait_for_timeout(400)
        assert not box.is_visible()
        # Keys: the word is reached, its meaning told, Escape closes it, Enter goes to the glossary.
        while page.evaluate("document.activeElement.textContent") != "silent":
            page.keyboard.press("Tab")
        assert box.is_visible()
        assert link.get_attribute("aria-describedby") == box.get_attribute("id")
        page.keyboard.press("Escape")
        assert not box.is_visible()
        page.keyboard.press("Tab")
        assert page.locator("#success-rate-means").is_visible()
        page.mouse.wheel(0, 30)  # it goes with its word
        page.wait_for_timeout(200)
        word, means = (page.locator(place).bounding_box() for place in ("a.term >> nth=1", "#success-rate-means"))
        assert 0 <= means["y"] - word["y"] - word["height"] < 12
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/glossary.html#silent")
        # A finger on a phone: one tap shows, a tap elsewhere closes, a second tap on the word goes there.
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme
        )
        phone = context.new_page()
        phone.goto(words.as_uri())
        for word, means in (("silent", "#silent-means"), ("success rate", "#success-rate-means")):
            phone.get_by_role("link", name=word, exact=True).tap()
            found = phone.locator(means).bounding_box()
            assert found["x"] >= 0
            assert found["x"] + found["width"] <= 390
            assert found["y"] >= 0
            assert found["y"] + found["height"] <= 844
            assert phone.locator(".meaning:popover-open").count() == 1
            assert without_overlaps(phone) == []
            phone.touchscreen.tap(20, 800)
            assert phone.locator(".meaning:popover-open").count() == 0
        phone.get_by_role("link", name="silent", exact=True).tap()
        phone.get_by_role("link", name="silent", exact=True).tap()
        phone.wait_for_url("**/glossary.html#silent")
        browser.close()
