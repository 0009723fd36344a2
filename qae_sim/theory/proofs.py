"""Proof texts: for each claim, why its verdict is what it is, in a few lines that a student can follow.

They stand in ``proofs.md`` beside the claims of each paper: a heading ``## paper.topic``, and three to fifteen lines of
plain text with formulas in Unicode, so that a terminal and a page show the same.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def proof_text(id: str) -> str:
    """The proof text of a claim; empty where it has none.

    Args:
        id: Identifier of the claim.

    Returns:
        Its lines, without a newline at the end.

    Example:
        >>> proof_text("qae.no-such-claim")
        ''
    """
    return _texts(id.partition(".")[0].replace("-", "_")).get(id, "")


@cache
def _texts(package: str) -> dict[str, str]:
    """All proof texts of the claims of one paper."""
    file = files("qae_sim.theory.claims").joinpath(package, "proofs.md")
    if not file.is_file():
        return {}
    _, *parts = f"\n{file.read_text(encoding='utf-8')}".split("\n## ")
    return {id.strip(): text.strip() for id, _, text in (part.partition("\n") for part in parts)}
