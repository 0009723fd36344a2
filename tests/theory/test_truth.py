"""Three-valued logic, and comparisons that know when they do not know."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.theory import Truth
from qae_sim.theory.ball import Ball, greatest, smallest
from qae_sim.theory.claim import Evidence, Method, worse
from qae_sim.theory.truth import Undecided, every, for_all, some

ALL = (Truth.YES, Truth.NO, Truth.UNDECIDED)
NAN = Ball(arb.nan())


def possible(truth: Truth) -> set[bool]:
    """What an answer can turn out to be."""
    return {True, False} if truth is Truth.UNDECIDED else {bool(truth)}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(ALL, repeat=2)))
def test_combinations_are_right_whatever_the_undecided_turn_out_to_be(one: Truth, other: Truth) -> None:
    """Kleene's rules: a combination is certain exactly if all ways to decide its parts agree."""
    ways = list(itertools.product(possible(one), possible(other)))
    assert possible(one & other) == {a and b for a, b in ways}
    assert possible(one | other) == {a or b for a, b in ways}
    assert possible(~one) == {not a for a in possible(one)}
    assert every([one, other]) is one & other
    assert some([one, other]) is one | other


def test_undecided_is_no_bool() -> None:
    for use in (bool, lambda x: 1 if x else 2, lambda x: not x, lambda x: x and 1):
        with pytest.raises(Undecided):
            use(Truth.UNDECIDED)
    assert Truth.of(np.True_) is Truth.YES


def test_a_search_that_cannot_tell_goes_on() -> None:
    answers: list[bool | Truth] = [True, Truth.UNDECIDED, True, False]
    assert for_all(range(4), lambda i: answers[i]).case == 3
    assert for_all(range(3), lambda i: answers[i]).holds is Truth.UNDECIDED


COMPARISONS: list[Any] = [
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
]


@given(*[st.fractions(-2, 2, max_denominator=8)] * 2, *[st.fractions(0, 1, max_denominator=8)] * 2)
def test_comparisons_are_certain_only_if_all_members_agree(
    one: Fraction, other: Fraction, width: Fraction, depth: Fraction
) -> None:
    balls = [Ball(arb(0, 1)) * float(radius) + middle for middle, radius in ((one, width), (other, depth))]
    ends = [(one + x * width, other + y * depth) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    for compare in COMPARISONS:
        truth = compare(*balls)
        assert possible(truth) >= {compare(*pair) for pair in ends}
        assert compare(NAN, balls[0]) is compare(balls[0], NAN) is compare(NAN, NAN) is Truth.UNDECIDED


def test_exact_numbers_are_compared_exactly() -> None:
    half = Ball(1) / 2
    assert (half <= Fraction(1, 2)) is (half == Fraction(1, 2)) is (half >= half) is Truth.YES
    assert (half < half) is (half != half) is Truth.NO


def test_a_ball_has_no_float_and_no_hash() -> None:
    with pytest.raises(TypeError):
        float(Ball(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        hash(Ball(1))


def test_a_number_is_no_answer() -> None:
    """Python takes every object for true: a ball in the place of a comparison would be a yes."""
    with pytest.raises(TypeError, match="a number is no answer"):
        bool(Ball(0))
    for answer in (Ball(0), Ball(1), 1, 0.0, "yes"):
        with pytest.raises(TypeError):
            every([answer])  # type: ignore[list-item]
        with pytest.raises(TypeError):
            Evidence("", "", Method.CASES, answer)  # type: ignore[arg-type]


def test_extremes_enclose() -> None:
    blunt = [Ball(arb(1, 0.5)), Ball(arb(1.25, 0.5)), Ball(arb(3, 0.1))]
    assert smallest(blunt).contains(Fraction(1, 2))
    assert greatest(blunt).contains(3)
    assert (smallest([*blunt, NAN]) < 9) is Truth.UNDECIDED
    with pytest.raises(ValueError, match="at least one"):
        smallest([])


def test_a_nan_is_the_worst_error() -> None:
    for errors in itertools.permutations([0.0, float("nan"), 1.0]):
        worst = 0.0
        for error in errors:
            worst = worse(worst, error)
        assert worst != worst
