"""The glossary's notebook, made from the package's terms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qae_sim.explorers.glossary import GLOSSARY, PAGE, GlossaryTerm


@dataclass(frozen=True)
class GlossaryFile:
    """The notebook with all terms, lesson by lesson, each under a heading that links lead to.

    Attributes:
        path: The file, from the root of the checkout.
    """

    path: str = f"notebooks/{PAGE}"

    def content(self) -> bytes:
        """Write the notebook."""
        metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        notebook = {"cells": list(_cells()), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()

    def problem(self, stored: bytes | None) -> str:
        """Say what is wrong with the stored file; empty if nothing is."""
        if stored is None:
            return "the file is missing"
        return "" if stored == self.content() else "out of date"


def _cells() -> Iterator[dict[str, Any]]:
    """Write all cells."""
    everything = sorted(GLOSSARY.values(), key=lambda term: term.name.casefold())
    listed = " · ".join(f"[{term.name}](#{term.anchor})" for term in everything)
    yield _text(
        "title",
        "# Glossary\n\nThe words of the lessons. Each has one meaning, and is linked to this page where a lesson "
        f"introduces it.\n\n{listed}\n\nIn any lesson a cell can look a word up:",
    )
    code = 'from qae_sim.explorers import look_up\n\nlook_up("success rate")'
    yield {"cell_type": "code", "execution_count": None, "id": "look-up", "metadata": {}, "outputs": [],
           "source": code.splitlines(keepends=True)}  # fmt: skip
    for lesson in dict.fromkeys(term.lesson for term in GLOSSARY.values()):
        number = int(lesson[:2])
        yield _text(lesson, f"## Lesson {number}\n\nThese words come from [lesson {number}]({lesson}.ipynb).")
        for term in GLOSSARY.values():
            if term.lesson == lesson:
                yield _text("term-" + re.sub(r"[^\w-]", "", term.anchor), _definition(term))


def _definition(term: GlossaryTerm) -> str:
    """Write a term with its symbol and its meaning."""
    symbol = f"${term.symbol}$: " if term.symbol else ""
    return f"### {term.name}\n\n{symbol}{term.says}"


def _text(id: str, source: str) -> dict[str, Any]:
    """Write a cell of text."""
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source.splitlines(keepends=True)}


GLOSSARY_FILE = GlossaryFile()
