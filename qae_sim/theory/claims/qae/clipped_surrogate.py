"""The clipped surrogate of one token, Eqs. 10, 16 and 17: how it depends on the advantage, and which bound is active.

f(x, c) = min(x·c, clip(x, low, high)·c) is made of minima and maxima, which keep their places when all numbers are
multiplied by one positive number, and swap them for a negative one. So the order of x, low and high settles everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.orders import order_types
from qae_sim.theory.registry import claim


def surrogate(x: int, c: int, low: int, high: int) -> int:
    """min(x·c, clip(x, low, high)·c)."""
    return min(x * c, clip(x, low, high) * c)


def clip(x: int, low: int, high: int) -> int:
    """The nearest number to x from low to high."""
    return min(max(x, low), high)


def _orders(swapped: bool = False) -> Iterator[tuple[int, int, int]]:
    """All orders of a ratio and the two bounds."""
    return ((x, low, high) for x, low, high in order_types(3) if low <= high or swapped)


def _everywhere(what: str, holds: Callable[[int, int, int], bool], swapped: bool = False) -> Evidence:
    """Whether something holds for every order of a ratio and the two bounds."""
    wrong = next((ranks for ranks in _orders(swapped) if not holds(*ranks)), None)
    return Evidence(
        what,
        "every order of x, 1-ε and 1+ε" + (", swapped bounds too" if swapped else ""),
        Method.SYMBOLIC,
        wrong is None,
        counterexample=dict(zip(("rank of x", "of the lower bound", "of the upper bound"), wrong, strict=True))
        if wrong
        else {},
    )


@claim(
    "qae.eq10",
    paper=PAPER,
    equation="Eq. 10",
    statement="The clipped surrogate of an advantage c is c·f⁺ for c > 0 and -|c|·f⁻ for c < 0, which is the same as "
    "f(x, -c) = -c·f⁻ for c > 0: the size of the advantage is a factor, its sign chooses the side.",
    latex=r"f(x,c) = \begin{cases} c\,f^+(x,1) & c > 0\\ |c|\,(-f^-(x,1)) & c < 0 \end{cases} \iff "
    r"f(x,-c) = -c\,f^-(x,1)\ (c > 0)",
    assumptions=("f(x, c) = min(x·c, clip(x)·c)", "1-ε <= 1+ε"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("f⁺ for negative advantages, too", {"one_side": True}, Verdict.REFUTED),
        Break("f⁻ without its minus sign", {"sign": -1}, Verdict.REFUTED),
    ),
)
def eq10(quick: bool, *, one_side: bool = False, sign: int = 1) -> CheckOutcome:
    """Both halves for c = 2 and -2: another size multiplies both sides."""

    def plus(x: int, low: int, high: int) -> int:
        return min(x, clip(x, low, high))

    def minus(x: int, low: int, high: int) -> int:
        return (plus if one_side else lambda *ranks: sign * max(ranks[0], clip(*ranks)))(x, low, high)

    return conclude(
        _everywhere(
            "f(x, c) = c·f⁺(x, 1) for c > 0", lambda *ranks: surrogate(ranks[0], 2, *ranks[1:]) == 2 * plus(*ranks)
        ),
        _everywhere(
            "f(x, c) = -|c|·f⁻(x, 1) for c < 0, or f(x, -c) = -c·f⁻(x, 1) for c > 0",
            lambda *ranks: surrogate(ranks[0], -2, *ranks[1:]) == -2 * minus(*ranks),
        ),
    )


@claim(
    "qae.eqs16-17",
    paper=PAPER,
    equation="Eqs. 16 and 17",
    statement="Of the two bounds only one is ever active: f⁺ = min(x, 1+ε) for positive and f⁻ = max(x, 1-ε) for "
    "negative advantages; with Clip-Higher, too.",
    latex=r"\min(x, \operatorname{clip}(x, 1-\epsilon, 1+\epsilon)) = \min(x, 1+\epsilon),\quad "
    r"\max(x, \operatorname{clip}(x, 1-\epsilon, 1+\epsilon)) = \max(x, 1-\epsilon)",
    assumptions=("1-ε <= 1+ε, or 1-ε_low <= 1+ε_high",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the bounds may be swapped, ε < 0", {"swapped": True}, Verdict.REFUTED),
        Break("the other bound in both", {"other": True}, Verdict.REFUTED),
    ),
)
def eqs16_17(quick: bool, *, swapped: bool = False, other: bool = False) -> CheckOutcome:
    """Both identities for every order of the ratio and the bounds."""
    return conclude(
        _everywhere(
            "min(x, clip(x)) = min(x, 1+ε)",
            lambda x, low, high: min(x, clip(x, low, high)) == min(x, low if other else high),
            swapped,
        ),
        _everywhere(
            "max(x, clip(x)) = max(x, 1-ε)",
            lambda x, low, high: max(x, clip(x, low, high)) == max(x, high if other else low),
            swapped,
        ),
    )
