"""The pages around the lessons: claims, findings, estimators, guides and reference, built by Sphinx."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from string import Template

from qae_sim import page
from qae_sim.lm.studies import STUDIES, Finding, judge, recorded
from qae_sim.site.address import Address
from qae_sim.site.catalogue import (
    claims_pages,
    doors_page,
    estimators_page,
    findings_page,
    lessons_page,
    speed_page,
)
from qae_sim.site.explorers import explorers_page
from qae_sim.site.lessons import Lesson
from qae_sim.theory import VerifiedClaim, verify
from qae_sim.theory.certificate_files import write_certificates

_PAGES = Path(__file__).parent / "pages"

#: The steps of :func:`write_docs`, in order.
STEPS = ("claims", "findings", "pages")


@cache
def checked() -> tuple[VerifiedClaim, ...]:
    """Check all claims over the smaller ranges, once for all that the site says of them.

    Returns:
        What the checks found.
    """
    return verify(quick=True).results


def write_docs(
    folder: Path, lessons: Sequence[Lesson], address: Address, *, on_step: Callable[[str], None] = lambda name: None
) -> list[Path]:
    """Write "One group, one number", claims, findings, estimators, guides and the API reference: no page needs network.

    Args:
        folder: Folder for the pages; created if missing. Pages of the same names are replaced.
        lessons: The lessons, to which pages link as ``lessons/NAME.html``.
        address: The repository's public address; pages link to it if it is not empty.
        on_step: Called with the name of each of :data:`STEPS` before it begins.

    Returns:
        The files of the pages.

    Raises:
        OSError: The folder cannot be written.
        RuntimeError: Sphinx gave a warning, or a public name is not documented; the message has the details.
    """
    on_step("claims")
    results = checked()
    on_step("findings")
    findings = judge(list(STUDIES), "small", recorded("small"))
    on_step("pages")
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "source"
        _write_sources(source, results, findings, lessons, address)
        folder.mkdir(parents=True, exist_ok=True)
        _build(source, folder, Path(made) / "doctrees", address)
    (folder / page.FILE_NAME).write_text(page.document(site=True), encoding="utf-8")
    write_certificates([result.claim for result in results], folder / "certificates")
    return sorted(path for path in folder.rglob("*.html") if path.parent != folder / "lessons")


def _write_sources(
    source: Path,
    results: Sequence[VerifiedClaim],
    findings: Sequence[Finding],
    lessons: Sequence[Lesson],
    address: Address,
) -> None:
    """Write the files that Sphinx reads."""
    from qae_sim.site.reference import reference_pages

    shutil.copytree(_PAGES, source)
    index = source / "index.md"
    index.write_text(Template(index.read_text(encoding="utf-8")).substitute(links=_links(address)), encoding="utf-8")
    markdown = claims_pages(results, lessons) | {
        "findings": findings_page(findings),
        "trial": _trial(),
        "doors": doors_page(address, f"notebooks/{lessons[0].name}.ipynb"),
        "speed": speed_page(),
        "estimators": estimators_page(),
        "lessons": lessons_page(lessons),
        "explorers": explorers_page(lessons),
    }
    pages = {f"{name}.md": text for name, text in markdown.items()}
    pages |= {f"{name}.rst": text for name, text in reference_pages().items()}
    for name, text in pages.items():
        path = source / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _trial() -> str:
    """Write the page of the trial, from the runs that come with the package."""
    from qae_sim.lm import protocols
    from qae_sim.site.trial import tasks_part, trial_page

    protocol, record = protocols.read("main"), protocols.recorded("main")
    medium = protocols.judge(protocols.read("medium_gpu"), protocols.recorded("medium_gpu"))
    page = trial_page(protocol, record, protocols.judge(protocol, record), protocols.search(), medium)
    protocol, record = protocols.read("tasks"), protocols.recorded("tasks")
    return page + "\n" + tasks_part(protocol, record, protocols.judge(protocol, record), protocols.search("tasks"))


def _links(address: Address) -> str:
    """Write the project's links for the first page."""
    links = {"Repository": address.repository, "Lessons on Binder, without installing": address.binder()}
    return " · ".join(f"[{text}]({url})" for text, url in links.items() if url)


def _build(source: Path, folder: Path, doctrees: Path, address: Address) -> None:
    """Run Sphinx in a separate process, because it puts mocks in the place of optional libraries."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-j", "2", "-d", str(doctrees)]
    if address:
        edit = {"repository": address.repository, "branch": "main", "directory": "qae_sim/site/pages/"}
        command += [f"-Dhtml_theme_options.source_{name}={value}" for name, value in edit.items()]
    done = subprocess.run(
        [*command, str(source), str(folder)], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise RuntimeError(f"Sphinx says: {done.stderr.replace(str(source), 'pages').strip()}")
