"""A page for each explorer, whose states have addresses, and a list of them: no page needs Python or network."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

import qae_sim.explorers as explorers_module
from qae_sim.explorers import Explorer
from qae_sim.explorers.explorer import address_of, page_of
from qae_sim.explorers.state import State
from qae_sim.site.embedded import TOO_OLD, embedded_explorer
from qae_sim.site.lessons import Lesson
from qae_sim.storage import write_atomically

_PAGE = Path(__file__).parent / "explorer.html"
_LINK = re.compile(r"explorers/(\w+)\.html(?:#([^\s\"'<>)]*))?")


def explorers_with_pages() -> tuple[type[Explorer[Any]], ...]:
    """List the explorers that have a page: those whose state is all that it takes to open them.

    Returns:
        Their classes, by name.

    Example:
        >>> [kind.__name__ for kind in explorers_with_pages()][:2]
        ['CollapseExplosion', 'EntropyCovariance']
    """
    named = (getattr(explorers_module, name) for name in sorted(explorers_module.__all__))
    return tuple(
        kind
        for kind in named
        if isinstance(kind, type) and issubclass(kind, Explorer) and kind is not Explorer and kind.FREE
    )


def linked_states(texts: Iterable[str]) -> dict[str, list[State]]:
    """Find the states of explorers to which texts link by their addresses.

    Args:
        texts: Any texts, with addresses as :func:`qae_sim.explorers.address` writes them.

    Returns:
        States by the name of the explorer, each once.

    Raises:
        ValueError: An address names no explorer that has a page, or no state of it.

    Example:
        >>> linked_states(["See [this](../explorers/QuantileGate.html#k=0.8)."])["QuantileGate"][0].k
        0.8
    """
    kinds = {kind.__name__: kind for kind in explorers_with_pages()}
    found: dict[str, dict[State, None]] = {}
    for name, said in (pair for text in texts for pair in _LINK.findall(text)):
        if name not in kinds:
            raise ValueError(f"address must name one of {', '.join(kinds)}; got {name!r}")
        found.setdefault(name, {})[kinds[name].STATE.from_text(said)] = None
    return {name: list(states) for name, states in found.items()}


def write_explorers(folder: Path, links: Iterable[str]) -> list[Path]:
    """Write a page for each explorer, with its presets and with the states to which addresses lead.

    Args:
        folder: Folder of the site, in which the lessons have been written.
        links: Texts with addresses, as :func:`qae_sim.explorers.address` writes them: what they lead to is stored.

    Returns:
        The pages, in the order of :func:`explorers_with_pages`.

    Raises:
        OSError: The folder cannot be written.
        ValueError: An address leads nowhere.
    """
    states = linked_states(links)
    template = Template(_PAGE.read_text(encoding="utf-8"))
    pages = []
    for kind in explorers_with_pages():
        explorer = kind()
        content = explorer.content(states.get(kind.__name__, ()))
        text = template.substitute(
            name=kind.__name__,
            says=html.escape(_says(kind)),
            picture=embedded_explorer(content, explorer.png(), explorer.words(), own=True),
            old=TOO_OLD,
        )
        path = folder / page_of(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
        pages.append(path)
    return pages


def explorers_page(lessons: Sequence[Lesson]) -> str:
    """Write the list of explorers, each with its presets and the lessons that open it.

    Args:
        lessons: The lessons.

    Returns:
        Markdown.
    """
    parts = [
        "# Explorers",
        "Each has a page of its own, and each of its states an address: move something, and send the address in your "
        "browser to others. Pages hold the starting points below, the states that lessons open, and of each every "
        "value of the sliders that move at once; anything else Python computes in the page.",
    ]
    for kind in explorers_with_pages():
        name = kind.__name__
        starts = ", ".join(
            f'<a href="{html.escape(address_of(kind, state))}">{html.escape(preset)}</a>'
            for preset, state in kind.PRESETS.items()
        )
        opened = ", ".join(
            f'<a href="lessons/{lesson.name}.html#explorer-{name}">{html.escape(lesson.title)}</a>'
            for lesson in lessons
            if any(link.startswith(page_of(kind)) for link in lesson.addresses)
        )
        parts += [f'## <a href="{page_of(kind)}">{name}</a>', _says(kind), f"Start from: {starts}."]
        parts += [f"In {opened}."] if opened else []
    return "\n\n".join(parts) + "\n"


def _says(kind: type[Explorer[Any]]) -> str:
    """What an explorer is for, in a sentence."""
    return str(kind.__doc__).partition("\n")[0]
