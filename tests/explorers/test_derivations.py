"""Every line of every derivation holds wherever it claims to, and a wrong one would be noticed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")
pytest.importorskip("latex2mathml")

from qae_sim.explorers import Derive
from qae_sim.explorers.derivations import derivation, derivations
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, Symbol, holds, names, set_formula, truths
from qae_sim.explorers.derive import DERIVE_MIME, derivation_html

POINTS = 200
LINES = [
    pytest.param(name, step, id=f"{name}-{i}")
    for name, found in derivations().items()
    for i, step in enumerate((*found.steps, found.result))
]


@cache
def points(name: str) -> list[Mapping[str, Any]]:
    rng = np.random.default_rng(0)
    return [derivation(name).point(rng) for _ in range(POINTS)]


def moved(formula: str) -> list[str]:
    """The formula with one side of one equation moved a little, for each side."""
    made = []
    for part in formula.split(" iff "):
        tree = ast.parse(part.strip(), mode="eval").body
        assert isinstance(tree, ast.Compare)
        sides = [ast.unparse(side) for side in (tree.left, *tree.comparators)]
        for i, side in enumerate(sides):
            if all(isinstance(op, ast.Eq) for op in tree.ops):
                other = [*sides[:i], f"({side}) * 1.001 + 1e-5", *sides[i + 1 :]]
                made.append(formula.replace(part.strip(), " == ".join(other)))
    return made


@pytest.mark.parametrize(("name", "step"), LINES)
def test_a_line_holds_everywhere(name: str, step: DerivedLine) -> None:
    assert [point for point in points(name) if not holds(step.formula, point)] == []


@pytest.mark.parametrize(("name", "step"), LINES)
def test_a_wrong_line_would_be_noticed(name: str, step: DerivedLine) -> None:
    drawn = points(name)
    if " iff " in step.formula:
        assert {answer for point in drawn for answer in truths(step.formula, point)} == {True, False}
        return
    wrong = moved(step.formula)
    if not wrong:  # an inequality: it is one only if it is not always an equality
        turned = step.formula.translate(str.maketrans("<>", "><"))
        assert any(not holds(turned, point) for point in drawn)
    for formula in wrong:
        assert not all(holds(formula, point) for point in drawn), formula


@pytest.mark.parametrize("name", derivations())
def test_it_is_shown_whole(name: str) -> None:
    spec = Derive(name).spec
    page = derivation_html(spec)
    assert page.count("<li>") == len(spec["steps"])
    assert sorted(n for step in spec["steps"] for n in step["symbols"]) == sorted(spec["symbols"])
    for symbol in spec["symbols"].values():
        assert symbol["says"] in page.replace("&#x27;", "'")
        assert not symbol["says"].endswith(".")
    for step in (*spec["steps"], spec["result"]):
        assert set(re.findall(r'data-symbol="(\w+)"', step["formula"])) <= set(spec["symbols"])
        assert step["why"].endswith(".")
        assert len(step["why"].split()) <= 40


def test_other_viewers_get_text() -> None:
    bundle, _ = Derive("winner")._repr_mimebundle_()
    assert bundle["text/plain"].splitlines()[5] == "5. p * A_winner + (1 - p) * A_loser = 0"
    assert bundle[DERIVE_MIME]["title"] == derivation("winner").title


A, B, TOTAL = Symbol("a", "a number"), Symbol("b", "another"), Symbol(r"\sum", "the sum", brackets="")


@pytest.mark.parametrize(
    ("formula", "seen"),
    [
        ("a - (b - a) == 0", "a−(b−a)=0"),
        ("a * (a + b) ** 2 == -b", "a\u2062(a+b)2=−b"),
        ("(a / b) ** 2 * 3 == abs(a)", "(ab)2·3=|a|"),
        ("total(a * b) * a == a * total(a + b)", "(∑a\u2062b)\u2062a=a\u2062∑(a+b)"),
        ("log(a) <= exp(-b)", "log(a)≤exp(−b)"),
        ("a == 0 iff b != 1", "a=0⟺b≠1"),
    ],
)
def test_how_formulas_are_set(formula: str, seen: str) -> None:
    import html

    made = set_formula(formula, {"a": A, "b": B, "total": TOTAL})
    assert html.unescape(re.sub(r"<[^>]*>| ", "", made)) == seen


@pytest.mark.parametrize(
    ("formula", "message"),
    [("a +", "Python's words"), ("a + b", "relations such as"), ("a == 'b'", "numbers, symbols")],
)
def test_what_is_no_formula(formula: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        set_formula(formula, {"a": A, "b": B})


def test_every_symbol_is_used_and_said() -> None:
    line = DerivedLine("a == a", "It is.")
    for letters in ({"a": A, "b": B}, {}):
        with pytest.raises(ValueError, match="those of the formulas: a"):
            Derivation("Nothing", letters, (line,), line, lambda rng: {"a": rng.random()})
    assert names("a == log(a)") == ("a",)
    with pytest.raises(ValueError, match="name must be one of winner"):
        Derive("?")
