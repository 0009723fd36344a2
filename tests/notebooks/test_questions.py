"""Questions people ask: each is answered with a claim, and the numbers of the answers are right."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from lessons import NOTEBOOKS

from qae_sim.advantages import grpo, qae, rloo_std
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


def silent_groups(p: float, g: int) -> float:
    return p**g + (1 - p) ** g


def test_numbers_of_the_answers() -> None:
    text = " ".join(" ".join(text for _, text in CELLS).split())
    sizes = [f"{100 * silent_groups(0.18, g):.0f} %" for g in (2, 8, 16)]
    assert f"it is {sizes[0]} with $G = 2$, {sizes[1]} with $G = 8$ and {sizes[2]} with $G = 16$" in text
    nearly, clear = (np.asarray(grpo(r, eps=0)) for r in ([1, 1, 1, 1.00001], [0, 0, 0, 1]))
    np.testing.assert_allclose(nearly, clear, rtol=1e-5)
    assert f"{clear[0]:.2f} three times, and +{clear[3]:.2f}" in text
    # Six of ten, K = .4: the linear quantile is the mean, and nobody is silent.
    rewards = [1.0] * 6 + [0.0] * 4
    assert np.quantile(rewards, 0.4) == pytest.approx(np.mean(rewards))
    linear = np.asarray(qae(rewards, k=0.4, quantile="linear"))
    assert (linear != 0).all()
    assert "a million" in text
    assert np.asarray(rloo_std([1, 0, 0, 0]))[0] >= 1e5
