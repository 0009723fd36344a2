"""Rewrite everything that a command can make: ``python -m qae_sim.dev.regenerate``.

Generated texts stand between ``<!-- generated: NAME -->`` and ``<!-- end -->`` (in TOML and YAML ``# generated: NAME``
and ``# end``). Pictures contain a description of their scene. ``--check`` writes nothing, names what is out of date,
and then exits with 1.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from qae_sim.dev.glossary import GLOSSARY_FILE, GlossaryFile
from qae_sim.dev.page import PAGE_FILES, PageFile
from qae_sim.dev.pictures import PICTURES, TrackedPicture
from qae_sim.dev.project import HERE, Project
from qae_sim.dev.texts import TEXTS, Text
from qae_sim.storage import write_atomically

_PROSE = re.compile(r"(?P<start><!-- generated: (?P<name>[^>]+?) -->)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL)
_SETTINGS = re.compile(r"(?ms)(?P<start>^# generated: (?P<name>.+?)$)(?P<body>.*?)(?P<end>^# end$)")

#: Files that are generated as a whole.
FILES: tuple[PageFile | GlossaryFile, ...] = (*PAGE_FILES, GLOSSARY_FILE)


@dataclass(frozen=True)
class Stale:
    """Something that is out of date.

    Attributes:
        path: The file, from the root of the checkout.
        what: The part that is out of date, and what is wrong with it.
        content: The corrected content of the file; None if this command cannot make it.
    """

    path: str
    what: str
    content: bytes | None


def filled(text: str, pattern: re.Pattern[str], made: dict[str, str]) -> tuple[str, list[str], set[str]]:
    """Put generated texts between their markers.

    Args:
        text: Text with markers. A generated text on separate lines gets blank lines around it.
        pattern: Matches the markers and what is between them.
        made: Generated texts by name.

    Returns:
        The new text; names of the generated texts that have changed; names of all that have markers.
    """
    changed: list[str] = []
    seen: set[str] = set()

    def put(found: re.Match[str]) -> str:
        name, body = found["name"], found["body"]
        seen.add(name)
        if name not in made:
            return found.group()
        new = made[name]
        if body.startswith("\n"):
            space = "\n" if pattern is _SETTINGS else "\n\n"
            new = f"{space}{new}{space}" if new else "\n"
        if new != body:
            changed.append(name)
        return found["start"] + new + found["end"]

    return pattern.sub(put, text), changed, seen


def _file(path: Path, made: dict[str, str]) -> tuple[bytes, list[str], set[str]]:
    """Fill the generated texts into a file, as :func:`filled` does."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        new, changed, seen = filled(text, _PROSE if path.suffix == ".md" else _SETTINGS, made)
        return new.encode(), changed, seen
    notebook = json.loads(text)
    everything: tuple[list[str], set[str]] = ([], set())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            new, changed, seen = filled("".join(cell["source"]), _PROSE, made)
            cell["source"] = new.splitlines(keepends=True)
            everything[0].extend(changed)
            everything[1].update(seen)
    if not everything[0]:
        return text.encode(), *everything
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode(), *everything


def stale_texts(project: Project, texts: Sequence[Text] = TEXTS) -> list[Stale]:
    """Find generated texts that are out of date, or that have no markers.

    Args:
        project: The checkout.
        texts: The texts to check.

    Returns:
        What is out of date, file by file.
    """
    found: list[Stale] = []
    made = {text.name: text.make(project) for text in texts}
    known = {text.name for text in TEXTS}
    for path in dict.fromkeys(file for text in texts for file in text.files):
        here = {text.name: made[text.name] for text in texts if path in text.files}
        if not (project.root / path).exists():
            found.append(Stale(path, f"the file is missing; {', '.join(here)} belong there", None))
            continue
        content, changed, seen = _file(project.root / path, here)
        if changed:
            found.append(Stale(path, f"out of date: {', '.join(changed)}", content))
        lost = [name for name in here if name not in seen]
        found += [Stale(path, f"no place for {name}: its markers are missing", None) for name in lost]
        found += [Stale(path, f"nothing is known by the name of {name}", None) for name in sorted(seen - known)]
    return found


def stale_pictures(project: Project, pictures: Iterable[TrackedPicture] = PICTURES) -> list[Stale]:
    """Find pictures that are out of date.

    Args:
        project: The checkout.
        pictures: The pictures to check.

    Returns:
        What is out of date, picture by picture.
    """
    found = []
    for picture in pictures:
        path = project.root / picture.path
        problem = picture.problem(path.read_bytes() if path.exists() else None)
        if problem:
            found.append(Stale(picture.path, problem, None))
    return found


def stale_files(project: Project, files: Iterable[PageFile | GlossaryFile] = FILES) -> list[Stale]:
    """Find files that are generated as a whole and are out of date.

    Args:
        project: The checkout.
        files: The files to check.

    Returns:
        What is out of date, file by file.
    """
    found = []
    for file in files:
        path = project.root / file.path
        problem = file.problem(path.read_bytes() if path.exists() else None)
        if problem:
            found.append(Stale(file.path, problem, file.content()))
    return found


def _repaired(project: Project, stale: Stale, draw: Mapping[str, Callable[[], bytes]]) -> bool:
    """Write a corrected file; False if this command cannot make it."""
    content = draw[stale.path]() if stale.path in draw else stale.content
    if content is None:
        return False
    path = project.root / stale.path
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return True


@click.command()
@click.option("--check", is_flag=True, help="Write nothing, name what is out of date, and exit with 1.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=HERE, help="Another checkout.")
def main(check: bool, root: Path) -> None:
    """Rewrite all generated tables, numbers, links and pictures of a checkout."""
    try:
        project = Project.of(root)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    draw = {picture.path: picture.draw for picture in PICTURES}
    left = 0
    stale = stale_texts(project) + stale_pictures(project) + stale_files(project)
    for item in stale:
        repaired = not check and _repaired(project, item, draw)
        left += not repaired
        click.echo(f"{'written' if repaired else 'STALE'}: {item.path}: {item.what}")
    if left and check:
        click.echo("python -m qae_sim.dev.regenerate writes what can be written", err=True)
    if not stale:
        click.echo("everything is up to date")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
