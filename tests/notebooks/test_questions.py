"""Questions people ask: each is answered with a claim."""

from __future__ import annotations

import json
import re

from lessons import NOTEBOOKS

from qae_sim.theory import all_claims

(PATH,) = [path for path in NOTEBOOKS if path.stem == "17_questions"]
CELLS = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(PATH.read_text(encoding="utf-8"))["cells"]]


def answers() -> dict[str, str]:
    """Text and code of each answer, by its question."""
    found: dict[str, str] = {}
    question = ""
    for kind, text in CELLS:
        if kind == "markdown" and text.startswith("## "):
            question, _, text = text.removeprefix("## ").partition("\n")
            found[question] = ""
        if question:
            found[question] += text + "\n"
    return found


def test_every_question_has_an_answer_and_a_claim() -> None:
    asked = [question for question in answers() if question != "And all the others?"]
    assert len(asked) >= 10
    for question in asked:
        named = re.findall(r'"([a-z0-9-]+\.[a-z0-9.-]+)"', answers()[question])
        assert named, question
        assert set(named) <= set(all_claims()), question
