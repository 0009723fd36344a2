"""Leave-one-out mean over leave-one-out standard deviation: what a lone success gets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from qae_sim.advantages import rloo_std
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _within(n: Any, m: Any, own: bool) -> Any:
    """(G-1)·(denominator of A²) minus its numerator: not negative if |A| <= √(G-1). A² is m/n, or m/(n-1)."""
    return (n + m - 1) * (n if own else n - 1) - m


@claim(
    "estimators.leave-one-out-std",
    paper=PAPER,
    equation="RLOO's mean, normalised as in GRPO",
    statement="Divided by the standard deviation of the others, leave-one-out advantages are at most √(G-1), "
    "like those of GRPO.",
    latex=r"\Big|\frac{r_i - \operatorname{mean}(r_{-i})}{\operatorname{std}(r_{-i})}\Big| \le \sqrt{G-1}",
    assumptions=("binary rewards", "mixed groups of at least three", "population standard deviation", "ε = 0"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="no response is the only one of its reward",
    breaks=(Break("the response's own reward is part of mean and spread: GRPO", {"own": True}, Verdict.CERTIFIED),),
)
def leave_one_out_std(quick: bool, *, own: bool = False) -> CheckOutcome:
    """With n successes and m failures a success has A² = m/(n-1), infinite for n = 1; GRPO's is m/n."""
    j, m = ring("j", "m")
    general = _within(j + (1 if own else 2), m + 1, own)
    bounded = all(coefficient >= 0 for coefficient in general.coeffs())
    proved = Evidence(
        "(G-1)·n - m >= 0: a polynomial in n - 1 and m - 1 without negative coefficients"
        if own
        else "(G-1)(n-1) - m >= 0: a polynomial in n - 2 and m - 1 without negative coefficients",
        "every n > 0 and m > 0" if own else "every n > 1 and m > 0",
        Method.SYMBOLIC,
        bounded,
    )
    lone = _within(Fraction(1), Fraction(3), own) >= 0
    worst = worst_of(
        abs(float(rloo_std([1.0] * a + [0.0] * b, eps=0, ddof=0)[0]) - (b / (a - 1)) ** 0.5)
        for a in range(2, 5)
        for b in range(2, 5)
    )
    tie = Evidence("rloo_std gives √(m/(n-1)), to 1e-13", "n, m = 2..4", Method.FLOATS, worst < 1e-13, f"{worst:.1e}")
    by_hand = Evidence(
        "two of four: others (1, 0, 0), mean 1/3 and variance 2/9, A² = (4/9)/(2/9) = 2 = m/(n-1)",
        "by hand",
        Method.CASES,
        Fraction(2, 3) ** 2 / Fraction(2, 9) == Fraction(2, 2 - 1),
    )
    if own:
        return conclude(proved, controls=[by_hand])
    return conclude(
        Evidence(
            "the bound holds for a lone success",
            "(1, 0, 0, 0), whose others have no spread",
            Method.CASES,
            lone,
            counterexample={"rewards": [1, 0, 0, 0], "std of the others": 0, "advantage at ε = 1e-6": 1e6},
        ),
        under=[proved, tie],
        condition="no response is the only one of its reward",
        controls=[by_hand],
    )
