"""The lessons as static pages: run once, then readable from any disk or web server without Python or network."""

from __future__ import annotations

import ast
import asyncio
import atexit
import base64
import html
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from qae_sim.explorers.assets import script, style
from qae_sim.explorers.derive import DERIVE_MIME, derivation_html
from qae_sim.explorers.explorer import MIME, SITE
from qae_sim.explorers.glossary import GLOSSARY, PAGE, GlossaryTerm
from qae_sim.explorers.lesson import QUIZ_MIME
from qae_sim.explorers.story import STORY_MIME
from qae_sim.site.address import Address
from qae_sim.site.embedded import TOO_OLD, embedded_explorer, script_data
from qae_sim.storage import write_atomically
from qae_sim.theory import Claim, all_claims

if TYPE_CHECKING:
    from nbclient import NotebookClient

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Lesson:
    """A lesson that has been written as a page.

    Attributes:
        name: Name of its file, without the ending.
        title: Its first heading.
        claims: Identifiers of the claims that it names, each with its place on the page: the first explorer that shows
            it, ``explorer-...``, or else the first cell that names it, ``cell-...``.
        addresses: Addresses of the explorers' states that it opens, from the top of the site.
    """

    name: str
    title: str
    claims: Mapping[str, str]
    addresses: tuple[str, ...]


def write_lessons(
    notebooks: Sequence[Path],
    folder: Path,
    address: Address,
    *,
    on_lesson: Callable[[str], None] = lambda name: None,
    timeout: int = 120,
) -> list[Lesson]:
    """Run lessons and write them as pages.

    Args:
        notebooks: The lessons.
        folder: Folder for the pages; created if missing. Pages of the same names are replaced.
        address: The repository's public address; pages link to it if it is not empty.
        on_lesson: Called with the name of each lesson before it runs.
        timeout: Greatest time that a cell may take, in seconds.

    Returns:
        The lessons, in order.

    Raises:
        OSError: The folder cannot be written.
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    import nbformat
    from nbclient import NotebookClient

    titles = {path.stem: _title(path) for path in notebooks}
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    styles = (_HERE / "lesson.css").read_text(encoding="utf-8") + style("view", "quiz", "derive")
    write_atomically(folder / "assets" / "qae.css", styles.encode())
    # Not a module: browsers load none from a disk.
    write_atomically(folder / "assets" / "qae.js", script("lesson").read_bytes())
    lessons = []
    for path in notebooks:
        on_lesson(path.stem)
        notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        client = NotebookClient(
            notebook,
            timeout=timeout,
            resources={"metadata": {"path": str(path.parent)}},
            extra_arguments=["--log-level=ERROR"],  # kernels warn of connections inside this machine
        )
        _run(client)
        opened = dict.fromkeys(content["address"] for cell in notebook.cells for content in _explorers(cell))
        claims, addresses = _claims_of(notebook.cells), tuple(filter(None, opened))
        lesson = Lesson(path.stem, titles[path.stem], claims, addresses)
        page = _page(lesson, notebook.cells, titles, address)
        write_atomically(folder / f"{path.stem}.html", page.encode())
        lessons.append(lesson)
    return lessons


def _places(cells: Sequence[Any]) -> list[str]:
    """Name the places of cells on their page, explorers by their classes, so that links outlive changes of the text."""
    places: list[str] = []
    for number, cell in enumerate(cells):
        explorers = [content["spec"]["name"] for content in _explorers(cell)]
        name = f"explorer-{explorers[0]}" if explorers else f"cell-{number}"
        again = sum(place.split(".")[0] == name for place in places)
        places.append(f"{name}.{again + 1}" if again else name)
    return places


def _explorers(cell: Any) -> list[Any]:
    """What the explorers show that a cell has opened."""
    return [output["data"][MIME] for output in cell.get("outputs", ()) if MIME in output.get("data", {})]


def _claims_of(cells: Sequence[Any]) -> dict[str, str]:
    """Find the claims of a lesson that has run, with their places."""
    shown = [[id for content in _explorers(cell) for id, *_ in content["spec"]["claims"]] for cell in cells]
    named = [claims_in(json.dumps(cell)) for cell in cells]
    found: dict[str, str] = {}
    for ids, place in zip([*shown, *named], _places(cells) * 2, strict=True):
        for id in ids:
            found.setdefault(id, place)
    return {id: found[id] for id in all_claims() if id in found}


def _run(client: NotebookClient) -> None:
    """Run a lesson in a thread: in the main one nbclient takes Ctrl-C for itself, and ends with a traceback."""
    done: Future[None] = Future()

    def execute() -> None:
        try:
            asyncio.run(client.async_execute(env=os.environ | {SITE: "1"}))
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=execute, daemon=True).start()
    try:
        done.result()
    except KeyboardInterrupt:
        # The kernel, which would complain, ends at once; and nbclient is not to look for it when this process ends.
        atexit.unregister(client._cleanup_kernel)
        kernel = getattr(getattr(client.km, "provisioner", None), "process", None)
        if kernel is not None:
            kernel.kill()
        raise


def claims_in(text: str) -> tuple[str, ...]:
    """Find the claims that a text names.

    Args:
        text: Any text.

    Returns:
        Their identifiers, in the order of the registry.

    Example:
        >>> claims_in("See qae.eq4-linear and entropy.identity.")
        ('qae.eq4-linear', 'entropy.identity')
    """
    named = {word.rstrip(".") for word in re.findall(r"[\w.-]+", text)}
    return tuple(id for id in all_claims() if id in named)


def claim_link(claim: Claim) -> str:
    """Make the link to a claim, relative to the top of the site.

    Args:
        claim: The claim.

    Returns:
        Its own page.

    Example:
        >>> claim_link(all_claims()["qae.eq4"])
        'claims/qae.eq4.html'
    """
    return f"claims/{claim.id}.html"


def _title(path: Path) -> str:
    """Read the first heading of a lesson."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).partition("\n")[0].lstrip("# ").strip()


def _page(lesson: Lesson, cells: Sequence[Any], titles: Mapping[str, str], address: Address) -> str:
    """Write the page of a lesson."""
    links = []
    for other, title in titles.items():
        here = ' aria-current="page"' if other == lesson.name else ""
        links.append(f'<a href="{other}.html"{here}>{html.escape(title)}</a>')
    after = "".join(links[list(titles).index(lesson.name) + 1 :][:1])
    notebook = f"notebooks/{lesson.name}.ipynb"
    outside = {"Live on Binder": address.binder(notebook), "On Colab": address.colab(notebook)}
    outside["Edit"] = address.edit(notebook)
    template = Template((_HERE / "lesson.html").read_text(encoding="utf-8"))
    body = "\n".join(
        f'<span id="{place}"></span>\n{_cell(cell, cells[:number])}'
        for number, (place, cell) in enumerate(zip(_places(cells), cells, strict=True))
    )
    return template.substitute(
        title=html.escape(lesson.title),
        nav="".join(links),
        outside="".join(f'<a href="{html.escape(url)}">{name}</a>' for name, url in outside.items() if url),
        body=body if f"{lesson.name}.ipynb" == PAGE else with_meanings(body),
        old=TOO_OLD,
        next=f"<p>Next: {after}</p>" if after else "",
        claims=_claims(lesson.claims),
    )


def with_meanings(body: str) -> str:
    """Let links to the glossary say what their words mean, to those who point at them, too.

    Args:
        body: HTML.

    Returns:
        The same, with a box for each word behind it, which the script shows; without the script the links remain.

    Example:
        >>> with_meanings('<a href="glossary.html#silent">silent</a>').count("silent-means")
        2
    """
    terms = {term.anchor: term for term in GLOSSARY.values()}
    used: dict[str, GlossaryTerm] = {}

    def linked(found: re.Match[str]) -> str:
        used.setdefault(found.group(1), terms[found.group(1)])
        return f'{found.group()} class="term" aria-describedby="{found.group(1)}-means"'

    body = re.sub(r'<a href="glossary\.html#([^"]+)"', linked, body)
    box = '<div id="{}-means" class="meaning" role="tooltip" popover="manual">{}</div>'
    boxes = [box.format(anchor, markdown(term._repr_markdown_())) for anchor, term in used.items()]
    return "\n".join([body, *boxes])


def _claims(ids: Iterable[str]) -> str:
    """Write links to the claims of a lesson."""
    if not ids:
        return ""
    known = all_claims()
    links = ", ".join(f'<a href="../{claim_link(known[id])}"><code>{id}</code></a>' for id in ids)
    return f'<p class="note">Claims in this lesson, with their evidence: {links}.</p>'


def _cell(cell: Any, before: Sequence[Any]) -> str:
    """Write a cell that comes after others."""
    if cell.cell_type == "markdown":
        return markdown(cell.source)
    if "check(" in cell.source:
        exercise = {"code": cell.source, "imports": _imports(before)}
        return f"<div><pre><code>{html.escape(cell.source)}</code></pre></div>{script_data('exercise', exercise)}"
    code = f"<details><summary>Code</summary><pre><code>{html.escape(cell.source)}</code></pre></details>"
    return code + "\n".join(_output(output) for output in cell.outputs)


def _imports(cells: Sequence[Any]) -> list[str]:
    """What cells import: a page runs an exercise without the cells before it."""
    trees = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code"]
    return [ast.unparse(node) for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def _output(output: Any) -> str:
    """Write an output of a cell."""
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>"
    return shown(output.get("data", {}))


def shown(data: Mapping[str, Any]) -> str:
    """Write what a cell shows, for the script that brings it to life.

    Args:
        data: Its contents by MIME type.

    Returns:
        HTML; explorers, questions, derivations and scenes with their data behind them.

    Example:
        >>> shown({"text/plain": "1 < 2"})
        '<pre>1 &lt; 2</pre>'
    """
    if MIME in data:
        return embedded_explorer(data[MIME], base64.b64decode(data["image/png"]), data["text/plain"])
    if QUIZ_MIME in data:
        return f"<div>{html.escape(data['text/plain'])}</div>{script_data('quiz', data[QUIZ_MIME])}"
    if DERIVE_MIME in data:
        return f"<div>{derivation_html(data[DERIVE_MIME])}</div>{script_data('derivation', data[DERIVE_MIME])}"
    if STORY_MIME in data:
        return f"<div>{html.escape(data['text/plain'])}</div>{script_data('story', data[STORY_MIME])}"
    if "text/html" in data:
        return str(data["text/html"])
    if "text/markdown" in data:
        return markdown(data["text/markdown"])
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def markdown(source: str) -> str:
    """Convert Markdown with formulas to HTML with MathML, which browsers can draw.

    Args:
        source: Markdown; formulas stand between dollar signs.

    Returns:
        HTML, in which links to lessons point to their pages.

    Example:
        >>> markdown("A *word*.").strip()
        '<p>A <em>word</em>.</p>'
    """
    import mistune
    from latex2mathml.converter import convert

    formulas: list[str] = []

    def keep(found: re.Match[str]) -> str:
        block = found.group(1) is not None
        formulas.append(convert(found.group(1) or found.group(2), display="block" if block else "inline"))
        return f"qaeformula{len(formulas) - 1}qae"

    # Dollar signs in code are no formulas.
    pieces = re.split(r"(```.*?```|`[^`]*`)", source, flags=re.DOTALL)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"\$\$(.+?)\$\$|\$(.+?)\$", keep, pieces[i], flags=re.DOTALL)
    text = str(mistune.create_markdown(escape=False, plugins=["table"])("".join(pieces)))
    text = re.sub(r"qaeformula(\d+)qae", lambda found: formulas[int(found.group(1))], text)
    text = re.sub(r"<h([2-6])>(.*?)</h\1>", _with_place, text)
    return re.sub(r'href="([^":]+)\.ipynb(#[^"]*)?"', r'href="\1.html\2"', text)


def _with_place(found: re.Match[str]) -> str:
    """Give a heading the place that JupyterLab gives it, so that links lead there on both."""
    level, words = found.groups()
    place = html.escape(html.unescape(re.sub(r"<[^>]+>", "", words)).replace(" ", "-"))
    return f'<h{level} id="{place}">{words}</h{level}>'
