"""Values by hand that a check of a refuted claim must reproduce: a wrong formula refutes as well as a right one."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.theory.claim import Evidence, Method
from qae_sim.theory.exact_advantages import ZERO, Root, advantages


def advantages_by_hand(name: str = "qae") -> Evidence:
    """Advantages of groups of ten at K = .4, as the definitions give them.

    Args:
        name: The estimator: ``"grpo"`` or ``"qae"``.

    Returns:
        Whether :func:`~qae_sim.theory.exact_advantages.advantages` gives the same.

    Example:
        >>> str(advantages_by_hand("grpo").holds)
        'yes'
    """
    third, nine = Fraction(1, 9), Fraction(9)
    values: dict[str, dict[int, tuple[Root, Root]]] = {
        # ±√((1-p)/p) and ∓√(p/(1-p)): 3 and -1/3, 1 and -1, 1/3 and -3
        "grpo": {1: ((1, nine), (-1, third)), 5: ((1, Fraction(1)), (-1, Fraction(1))), 9: ((1, third), (-1, nine))},
        # 1/√(p(1-p)) and 0 up to p = .6, 0 and its negative from there
        "qae": {
            1: ((1, Fraction(100, 9)), ZERO),
            6: ((1, Fraction(25, 6)), ZERO),
            7: (ZERO, (-1, Fraction(100, 21))),
            9: (ZERO, (-1, Fraction(100, 9))),
        },
    }
    stated = values[name]
    return Evidence(
        f"the signs and squares of {name}'s advantages are those of the definition",
        f"by hand: {', '.join(map(str, stated))} of ten correct, K = .4",
        Method.CASES,
        all(advantages(name, n, 10, Fraction(2, 5)) == pair for n, pair in stated.items()),
    )
