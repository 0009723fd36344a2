r"""Derivations of the lessons by name: shown line by line, and every line is tested at random points.

One module for each lesson, with a mapping ``DERIVATIONS``; :data:`~qae_sim.explorers.derivations.LESSONS` names the
modules. A formula has one source, from which both its picture and its test are made, so that a wrong line goes red::

    DERIVATIONS = {
        "winner": Derivation(
            title="What a winner gets under the mean",
            symbols={
                "p": Symbol("p", "the success rate: the share of correct responses"),
                "sigma": Symbol(r"\sigma", "the standard deviation of the group's rewards"),
            },
            steps=(DerivedLine("sigma == sqrt(p * (1 - p))", "A share p lies 1 − p above the mean, the rest below."),),
            result=DerivedLine("sigma == sqrt(p * (1 - p))", "for rewards of 0 and 1."),
            point=lambda rng: {"p": ..., "sigma": rewards.std()},  # by the definition, not by the line
        )
    }

- ``formula`` is Python: relations ``==  !=  <=  >=  <  >``, also in chains; ``iff`` between statements that hold at the
  same time; ``+ - * / **``; ``sqrt log exp abs``; and the names of the symbols.
- A symbol is a number, an array, or, for operators, a function of arrays: ``Symbol(r"\sum_a", "the sum over the arms",
  brackets="")`` with ``lambda x: x.sum(axis=0)`` at the point, used as ``total(pi * score)``; ``brackets="[]"`` for an
  expectation. Every symbol says what it is when a line first uses it.
- ``point`` draws the values; they come from the package or from definitions. Each line must hold at each of 200 points,
  to nine digits, and must fail there once one of its sides is moved a little; of statements joined by ``iff``, points
  must make both true and both false.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache

from qae_sim.arrays import invalid
from qae_sim.explorers.derivations.form import Derivation

#: Modules with derivations, in the order of the lessons.
LESSONS = (
    "one_in_ten",
    "the_gate",
    "the_baseline_cancels",
    "another_clock",
    "entropy_and_covariance",
    "proposition_4_2",
    "kalman_anchor",
    "what_is_left",
)


@cache
def derivations() -> Mapping[str, Derivation]:
    """Collect the derivations of all lessons.

    Returns:
        Derivations by name.

    Raises:
        ValueError: Two lessons give the same name to one.

    Example:
        >>> derivations()["winner"].title
        'What a winner and a loser get under the mean'
    """
    found: dict[str, Derivation] = {}
    for lesson in LESSONS:
        own = importlib.import_module(f"{__name__}.{lesson}").DERIVATIONS
        if both := found.keys() & own.keys():
            raise invalid("name", ", ".join(both), f"new in {lesson}")
        found.update(own)
    return found


def derivation(name: str) -> Derivation:
    """Find a derivation.

    Args:
        name: Its name, see :func:`derivations`.

    Returns:
        The derivation.

    Raises:
        ValueError: There is no such derivation.

    Example:
        >>> len(derivation("winner").steps)
        5
    """
    if name not in derivations():
        raise invalid("name", name, f"one of {', '.join(derivations())}")
    return derivations()[name]
