"""Questions people ask: each is answered with a claim, and with a picture that shows what is said of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from lessons import NOTEBOOKS

from qae_sim.explorers import EstimatorTable, Explorer
from qae_sim.explorers.estimator_table import advantages
from qae_sim.explorers.explorer import address_of
from qae_sim.site.explorers import explorers_with_pages
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


def opened(text: str) -> list[Explorer[Any]]:
    """The explorers that the code of an answer opens."""
    named = {kind.__name__: kind for kind in explorers_with_pages()}
    lines = [line for line in text.splitlines() if line.partition("(")[0].partition(".")[0] in named]
    return [eval(line, dict(named)) for line in lines]


def test_every_answer_opens_a_state_that_has_an_address() -> None:
    """Its page on the site says so below the picture."""
    links = []
    for question, answer in answers().items():
        if question != "And all the others?":
            found = opened(answer)
            assert found, question
            links += [address_of(type(explorer), explorer.state) for explorer in found]
    assert len(set(links)) == len(links)


def test_what_the_pictures_are_said_to_show() -> None:
    said = {question: [explorer.words() for explorer in opened(answer)] for question, answer in answers().items()}
    assert (
        "qae: from 0.00 to +2.31, 6 exactly zero, sum +4.62"
        in said["Why is the loss zero, though the model learns?"][0]
    )
    clip = said["Why does Clip-Higher do nothing?"][0]
    assert re.findall(r"(\d+) steps?: .*?clipped above (0\.\d+) ", clip) == [
        ("1", "0.000"),
        ("1", "0.000"),
        ("16", "0.016"),
        ("16", "0.005"),
    ]
    (nearly,) = opened(answers()["What does the standard deviation do to a nearly equal group?"])
    apart = EstimatorTable.from_state("second=dr_grpo&r=0,0,0,0,0,0,0,1").words()
    assert re.findall("grpo: from .*?;", nearly.words())[0] == re.findall("grpo: from .*?;", apart)[0]
    (low,) = opened(answers()["I subtract .3 from the rewards of a group, and nothing changes"])
    high = EstimatorTable(replace(low.state, r=tuple(r + 0.3 for r in low.state.r)))
    moved = {
        name: advantages(low.state, name) != pytest.approx(advantages(high.state, name), abs=1e-9)
        for name in (low.state.first, low.state.second, low.state.third)
    }
    assert moved == {"grpo": False, "qae": False, "ha_dw": True}
    assert (
        "rloo_std: from −0.38 to +1000000.00"
        in said["Leave-one-out with a standard deviation of the others: a million"][0]
    )
    assert "gdpo: from 0.00 to 0.00" in said["One reward has a large spread, the total has none"][0]
