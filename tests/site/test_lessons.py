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
from click.testing import CliRunner
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
    assert [shown["spec"]["state"]["view"] for shown in others] == ["probability", "continuous"]


def test_a_word_that_is_looked_up_has_its_formulas_drawn(tmp_path: Path) -> None:
    (path,) = [path for path in NOTEBOOKS if path.name == PAGE]
    write_lessons([path], tmp_path, Address(""))
    page = (tmp_path / f"{path.stem}.html").read_text(encoding="utf-8")
    shown = page[page.index("look_up(") : page.index('id="Lesson-1"')]
    assert "<strong>success rate</strong> (<math" in shown
    assert "$" not in shown
