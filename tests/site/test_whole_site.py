"""The whole site as `qae-sim site` writes it: links, what pages load, public names, and how a browser shows it."""

from __future__ import annotations

import ast
import html
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("furo")

from chromium import ARGUMENTS, CHROMIUM, leaves
from layout import NOTED, faults
from lessons import NOTEBOOKS, REPOSITORY, Lessons
from site_pages import Page, dead, loaded_from_outside, pages_of

from qae_sim.advantages import ESTIMATORS
from qae_sim.explorers.explorer import MIME, address_of, page_of
from qae_sim.explorers.worksheet import Entry, read_worksheet
from qae_sim.lm.studies import STUDIES
from qae_sim.site import Address, write_docs, write_explorers
from qae_sim.site.explorers import explorers_with_pages
from qae_sim.site.live import write_live
from qae_sim.site.pyodide import ADDRESS
from qae_sim.site.reference import ROOMS
from qae_sim.theory import all_claims

pytestmark = pytest.mark.slow

PACKAGES = [name for names in ROOMS.values() for name in names if "__all__" in Path(find_spec(name).origin).read_text()]  # type: ignore[union-attr,arg-type]


@pytest.fixture(scope="module")
def site(lessons: Lessons) -> Path:
    """A site with an address; Sphinx warns of nothing, else this raises."""
    folder = lessons.folder.parent.resolve()
    write_explorers(folder, [link for lesson in lessons.written for link in lesson.addresses])
    write_docs(folder, lessons.written, Address(REPOSITORY))
    write_live(folder, ADDRESS)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return pages_of(site)


def test_no_link_is_dead(pages: dict[Path, Page]) -> None:
    assert sum(len(page.links) for page in pages.values()) > 5000
    assert list(dead(pages)) == []


def test_nothing_is_loaded_from_outside(site: Path, pages: dict[Path, Page]) -> None:
    assert list(loaded_from_outside(site, pages)) == []


def test_every_claim_estimator_and_study_has_its_place(site: Path, pages: dict[Path, Page]) -> None:
    ids = {path.relative_to(site).as_posix(): page.ids for path, page in pages.items()}
    for claim in all_claims().values():
        anchor = f"claim-{claim.id.replace('.', '-')}"
        assert anchor in ids[f"claims/{claim.id}.html"]
        assert anchor in ids[f"claims/{claim.paper.key}.html"]  # where links led when a paper's claims were one page
    assert {f"estimator-{name.replace('_', '-')}" for name in ESTIMATORS} <= ids["estimators.html"]
    assert {f"study-{name.replace('_', '-')}" for name in STUDIES} <= ids["findings.html"]


def test_claims_and_lessons_link_to_each_other(site: Path) -> None:
    lesson = (site / "lessons" / "06_proposition_4_2.html").read_text(encoding="utf-8")
    assert 'href="../claims/qae.prop4.2-low.html"' in lesson
    claim = (site / "claims" / "qae.prop4.2-low.html").read_text(encoding="utf-8")
    assert 'href="../lessons/06_proposition_4_2.html#explorer-Proposition42"' in claim


def test_what_an_explorer_shows_links_to_it(site: Path, pages: dict[Path, Page], lessons: Lessons) -> None:
    """From the page of each claim that stands behind an explorer of the lessons, to that explorer."""
    shown = 0
    for name, notebook in lessons.notebooks.items():
        lesson = site / "lessons" / f"{name}.html"
        for cell in notebook.cells:
            for content in (o["data"][MIME] for o in cell.get("outputs", ()) if MIME in o.get("data", {})):
                place = f"explorer-{content['spec']['name']}"
                assert place in pages[lesson].ids
                for id, *_ in content["spec"]["claims"]:
                    there = [
                        link
                        for link in pages[site / "claims" / f"{id}.html"].links
                        if link.startswith(f"../lessons/{name}.html#explorer-")
                    ]
                    assert len(there) == 1
                    shown += 1
    assert shown > 100


def test_every_explorer_of_a_lesson_opens_alone(site: Path, pages: dict[Path, Page], lessons: Lessons) -> None:
    """Beside each explorer stands the address of its state; test_no_link_is_dead knows whether a page holds it."""
    listed = pages[site / "explorers.html"].links
    for kind in explorers_with_pages():
        assert page_of(kind) in listed
        assert {address_of(kind, state) for state in kind.PRESETS.values()} <= set(listed)
    assert sum(len(lesson.addresses) for lesson in lessons.written) > 30
    for lesson in lessons.written:
        for link in lesson.addresses:
            assert f"../{link}" in pages[site / "lessons" / f"{lesson.name}.html"].links


def test_a_claim_shows_its_proof_its_certificate_and_its_theorem(site: Path) -> None:
    section = (site / "claims" / "qae.linear-knob.html").read_text(encoding="utf-8")
    assert 'href="../certificates/qae.linear-knob.json"' in section
    assert 'href="entropy.identity.html#claim-entropy-identity"' in section  # a claim that the proof names
    text = html.unescape(re.sub(r"<[^>]+>", "", section))
    assert "The first part does not contain b, the second is b times a number" in text
    assert "Theorem qae_linear_knob" in text
    assert "Qed." in text
    assert {f"{id}.json" for id, claim in all_claims().items() if claim.certificate} <= {
        path.name for path in (site / "certificates").iterdir()
    }


def test_pages_link_to_the_address(site: Path) -> None:
    lesson = (site / "lessons" / "00_index.html").read_text(encoding="utf-8")
    for link in (Address(REPOSITORY).binder, Address(REPOSITORY).colab, Address(REPOSITORY).edit):
        assert f'href="{link("notebooks/00_index.ipynb")}"' in lesson
    assert f'href="{REPOSITORY}"' in (site / "index.html").read_text(encoding="utf-8")
    guide = (site / "guides" / "trl.html").read_text(encoding="utf-8")
    assert f'href="{REPOSITORY}/edit/main/qae_sim/site/pages/guides/trl.md"' in guide
    assert REPOSITORY not in (site / "estimators.html").read_text(encoding="utf-8")


def test_formulas_are_drawn_by_the_browser(site: Path) -> None:
    for id in all_claims():
        assert "<math" in (site / "claims" / f"{id}.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        # Neither Markdown nor reStructuredText that was not understood.
        shown = re.sub(r"<(code|pre|script|style).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r":(func|class|data|mod|meth):`|\{py:|\\[|*_<\[]", re.sub(r"<[^>]+>", "", shown)), page


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package: str, pages: dict[Path, Page]) -> None:
    ids = {id for page in pages.values() for id in page.ids}
    module = import_module(package)
    for name in module.__all__:
        assert f"{package}.{name}" in ids
        assert undocumented(getattr(module, name)) == "", f"{package}.{name}"


def undocumented(thing: Any) -> str:
    """What is missing from a docstring; empty if nothing is."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return ""
    text = inspect.getdoc(thing) or ""
    if not text:
        return "docstring"
    if inspect.isclass(thing):
        return ""
    signature = inspect.signature(thing)
    if signature.parameters and "Args:" not in text:
        return "Args"
    gives = signature.return_annotation not in ("None", None)
    return "Returns" if gives and "Returns:" not in text and "Yields:" not in text else ""


@pytest.mark.parametrize("module", sorted({name for names in ROOMS.values() for name in names} - set(PACKAGES)))
def test_every_name_of_a_module_is_documented(module: str, pages: dict[Path, Page]) -> None:
    ids = {id for page in pages.values() for id in page.ids}
    tree = ast.parse(Path(str(find_spec(module).origin)).read_text(encoding="utf-8"))  # type: ignore[union-attr]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert f"{module}.{node.name}" in ids
            assert ast.get_docstring(node), f"{module}.{node.name}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_and_stay_on_the_disk(site: Path, browser: Any, width: int, scheme: str) -> None:
    context = browser.new_context(offline=True, viewport={"width": width, "height": 800}, color_scheme=scheme)
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
    # Pages of claims are alike: in each colour half of them, and on a wide screen a few.
    claims = [site / "claims" / f"{id}.html" for id in all_claims()]
    left_out = set(claims) - set(claims[scheme == "dark" :: 2 if width < 1000 else 16])
    for path in sorted(set(site.rglob("*.html")) - left_out):
        page.goto(path.as_uri(), wait_until="load")
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{path.name} is {beyond} pixels too wide"
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 128")
        assert dark == (scheme == "dark"), path.name
    context.close()
    assert problems == []


#: Pages that are looked at line by line: all lessons, and one of each other kind.
LOOKED_AT = [
    *(f"lessons/{path.stem}.html" for path in NOTEBOOKS),
    *("index.html", "one_group_one_number.html", "lessons.html", "doors.html", "explorers.html", "trial.html"),
    *("estimators.html", "findings.html", "speed.html", "guides/trl.html", "claims/qae.html", "reference/index.html"),
    *(page_of(kind) for kind in explorers_with_pages()),
]
SIZES = {"laptop": (1280, 720), "projector": (1920, 1080), "phone": (390, 844)}


@pytest.mark.browser
@pytest.mark.share(0.06)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_is_seen_whole(site: Path, browser: Any, name: str, size: str, scheme: str) -> None:
    """As it opens, and with everything open that can be."""
    context = browser.new_context(
        offline=True,
        viewport=dict(zip(("width", "height"), SIZES[size], strict=True)),
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    context.add_init_script(NOTED)
    page = context.new_page()
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", lambda request: found.append(request.url) if leaves(request.url) else None)
    page.goto((site / name).as_uri(), wait_until="load")
    page.wait_for_timeout(150)
    found += faults(page)
    page.evaluate("document.querySelectorAll('details').forEach((more) => { more.open = true; })")
    page.wait_for_timeout(150)
    found += [f"opened: {fault}" for fault in faults(page) if fault not in found]
    context.close()
    assert found == []


@pytest.mark.browser
@pytest.mark.share(0.1)
@pytest.mark.parametrize("kind", explorers_with_pages(), ids=lambda kind: kind.__name__)
def test_for_the_last_row_an_explorer_has_the_whole_window(site: Path, browser: Any, kind: Any) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto((site / page_of(kind)).as_uri())
    page.get_by_role("button", name="Larger").click()
    page.wait_for_timeout(150)
    canvas = page.locator(".qae canvas").bounding_box()
    page.close()
    assert canvas["width"] >= 1200
    assert canvas["height"] >= 700
    assert 1920 - 60 <= canvas["x"] + canvas["width"] <= 1920


@pytest.mark.browser
def test_predictions_are_kept_in_the_browser_and_saved_as_a_worksheet(site: Path, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(offline=True, accept_downloads=True)
    page = context.new_page()
    page.goto((site / "lessons" / "02_the_gate.html").as_uri())
    page.get_by_label("none", exact=True).check()
    page.locator(".qae-quiz", has_text="thirteen").get_by_role("button", name="Lock my answer").click()
    page.reload()
    page.get_by_text("My answers: 1").click()
    assert page.get_by_role("button", name="Save as a file").is_disabled()
    page.get_by_label("Your name").fill("Ada")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    download.value.save_as(tmp_path / "worksheet.json")
    context.close()
    assert read_worksheet(tmp_path / "worksheet.json") == ("Ada", (Entry("prediction", "gate-1", "none", False),))


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The checks themselves."""
    (tmp_path / "style.css").write_text('p { background: url("https://127.0.0.1/picture.png"); }')
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">fine</a><a href="b.html#there">fine</a><a href="https://127.0.0.1/">fine</a>'
        '<a href="#nowhere">dead</a><a href="b.html#here">dead</a><a href="c.html">dead</a>'
        '<img src="missing.png"><script src="https://127.0.0.1/script.js"></script>'
    )
    (tmp_path / "b.html").write_text('<link rel="stylesheet" href="style.css"><a name="there"></a>')
    pages = pages_of(tmp_path)
    assert list(dead(pages)) == [
        "a.html: #nowhere",
        "a.html: b.html#here",
        "a.html: c.html",
        "a.html: missing.png",
    ]
    outside = ["a.html: https://127.0.0.1/script.js", "style.css: https://127.0.0.1/picture.png"]
    assert list(loaded_from_outside(tmp_path, pages)) == outside
