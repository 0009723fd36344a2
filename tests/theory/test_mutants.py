"""The list of mutants: each still applies, and the claims recorded as killers notice a seeded share of them."""

from __future__ import annotations

import random

import pytest

from qae_sim.dev.mutate import Mutant, mutants, notice
from qae_sim.theory import all_claims

ALL = mutants()
#: Those that are run: an eighth, another one when the list changes.
SHARE = random.Random(len(ALL)).sample([mutant for mutant in ALL if mutant.killer], len(ALL) // 8)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: f"{mutant.module}: {mutant.new[:40]}")
def test_a_mutant_applies_and_is_explained(mutant: Mutant) -> None:
    mutant.source()
    assert mutant.old != mutant.new
    assert bool(mutant.killer) != bool(mutant.why)
    assert not mutant.killer or mutant.killer in all_claims()


def test_there_are_enough_of_all_rooms() -> None:
    assert len(ALL) >= 60
    assert {mutant.module.split(".")[1] for mutant in ALL} == {"advantages", "softmax", "theory"}
    assert len({(mutant.module, mutant.old, mutant.new) for mutant in ALL}) == len(ALL)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", SHARE, ids=lambda mutant: f"{mutant.module}: {mutant.new[:40]}")
def test_the_killer_notices(mutant: Mutant) -> None:
    assert notice(mutant, quick=True, only=True) == mutant.killer


def test_a_mutant_that_changes_nothing_survives() -> None:
    same = Mutant(
        "qae_sim.theory.binomial", "return 1 - failures(g) - X**g", "return 1 - X**g - failures(g)", "qae.eq5"
    )
    assert notice(same, quick=True, only=True) == "survived"


def test_a_line_that_is_gone_is_named() -> None:
    with pytest.raises(ValueError, match="has the line 'nothing' 0 times, not once"):
        Mutant("qae_sim.theory.binomial", "nothing", "something").source()
