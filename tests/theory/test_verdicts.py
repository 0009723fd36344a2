"""How a verdict is made of evidence, and what the registry refuses."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from qae_sim.theory import Break, CheckOutcome, Evidence, Method, Origin, Tier, Truth, Verdict, conclude
from qae_sim.theory.claim import Registry, unchecked


def looked_at(holds: Any, method: Method = Method.CASES, **more: Any) -> Evidence:
    return Evidence("it holds", "everywhere", method, holds, **more)


YES, NO, UNSURE = looked_at(True), looked_at(False), looked_at(None)


@pytest.mark.parametrize(
    ("literal", "under", "verdict"),
    [
        ([YES, YES], [], Verdict.CERTIFIED),
        ([YES, looked_at(True, Method.SAMPLES)], [], Verdict.STATISTICAL),
        ([YES, NO], [], Verdict.REFUTED),
        ([NO, UNSURE], [], Verdict.REFUTED),
        ([YES, UNSURE], [], Verdict.UNDECIDED),
        ([UNSURE], [YES], Verdict.UNDECIDED),
        ([NO], [YES], Verdict.CONDITIONAL),
        ([NO], [YES, NO], Verdict.REFUTED),
        ([NO], [UNSURE], Verdict.UNDECIDED),
        ([NO], [UNSURE, NO], Verdict.REFUTED),
        ([YES], [NO], Verdict.CERTIFIED),
    ],
)
def test_conclude(literal: list[Evidence], under: list[Evidence], verdict: Verdict) -> None:
    assert conclude(*literal, under=under, condition="if" if under else "").verdict is verdict


def test_nothing_but_yes_is_certified() -> None:
    for literal in itertools.product([YES, NO, UNSURE], repeat=3):
        certified = conclude(*literal).verdict is Verdict.CERTIFIED
        assert certified == (literal == (YES, YES, YES))


def test_no_evidence_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="literal must be at least one piece of evidence"):
        conclude()


@pytest.mark.parametrize(("under", "condition"), [([YES], ""), ([], "if")])
def test_a_condition_comes_with_evidence(under: list[Evidence], condition: str) -> None:
    with pytest.raises(ValueError, match="condition must be given together with the evidence"):
        conclude(NO, under=under, condition=condition)


def test_method_is_the_weakest_that_counts() -> None:
    floats = looked_at(True, Method.FLOATS)
    found = conclude(YES, looked_at(True, Method.INTERVALS), looked_at(True, Method.ROOTS), floats)
    assert found.method == "exact arithmetic over the listed cases"
    refuted = conclude(looked_at(True, Method.SAMPLES), NO)
    assert refuted.method == "exact arithmetic over the listed cases"  # the counterexample is what it rests on
    assert unchecked("no data").method == ""


def test_a_float_that_disagrees_says_nothing_of_the_paper() -> None:
    for literal in (YES, NO):
        assert conclude(literal, looked_at(False, Method.FLOATS)).verdict is Verdict.DIFFERS
    assert conclude(NO, under=[YES, looked_at(False, Method.FLOATS)], condition="if").verdict is Verdict.DIFFERS
    assert conclude(NO, looked_at(None, Method.FLOATS)).verdict is Verdict.UNDECIDED


def test_reach() -> None:
    assert conclude(YES).tier is Tier.ENUMERATED
    assert conclude(NO).tier is Tier.PROVED  # a counterexample is one for good
    symbolic = looked_at(True, Method.SYMBOLIC)
    assert conclude(symbolic, looked_at(True, confirms=True)).tier is Tier.PROVED
    assert conclude(symbolic, looked_at(False, confirms=True)).verdict is Verdict.REFUTED
    assert conclude(symbolic, looked_at(True, Method.SAMPLES)).tier is Tier.STATISTICAL
    assert conclude(looked_at(False, Method.PRECISION)).tier is Tier.NUMERICAL
    assert unchecked("no data").tier is Tier.NONE


def test_what_is_undecided_in_the_middle_of_a_check_is_undecided() -> None:
    registry = Registry()

    @registry.add("a", **FIELDS, breaks=BREAKS)
    def check(quick: bool) -> CheckOutcome:
        return conclude(YES if Truth.UNDECIDED else NO)

    assert check(True).verdict is Verdict.UNDECIDED


def test_counterexample_is_the_first() -> None:
    found = conclude(YES, looked_at(False, counterexample={"p": 0.5}), looked_at(False, counterexample={"p": 1}))
    assert found.counterexample == {"p": 0.5}
    assert CheckOutcome(Verdict.OPEN).counterexample == {}


def test_booleans_of_numpy_are_booleans() -> None:
    assert looked_at(np.True_).holds is Truth.YES
    assert conclude(looked_at(np.False_)).verdict is Verdict.REFUTED


FIELDS: dict[str, Any] = {
    "paper": "p",
    "equation": "e",
    "statement": "s",
    "latex": "l",
    "expected": Verdict.CERTIFIED,
    "tier": Tier.ENUMERATED,
    "origin": Origin.OURS,
}
BREAKS = (Break("b", {}, Verdict.REFUTED),)


class TestRegistry:
    def test_keeps_the_order(self) -> None:
        registry = Registry()
        for id in ("b", "a"):
            registry.add(id, **FIELDS, breaks=BREAKS)(lambda quick: conclude(YES))
        assert list(registry.claims) == ["b", "a"]

    def test_refuses_a_second_claim_of_one_name(self) -> None:
        registry = Registry()
        registry.add("a", **FIELDS, breaks=BREAKS)(lambda quick: conclude(YES))
        with pytest.raises(ValueError, match="id must be the identifier of one claim only"):
            registry.add("a", **FIELDS, breaks=BREAKS)

    def test_refuses_a_check_that_nothing_turns(self) -> None:
        with pytest.raises(ValueError, match="breaks must be at least one change"):
            Registry().add("a", **FIELDS)
        with pytest.raises(ValueError, match="tier must be how far"):
            Registry().add("a", **(FIELDS | {"tier": Tier.NONE}), breaks=BREAKS)
