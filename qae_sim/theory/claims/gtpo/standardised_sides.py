"""GTPO standardises the tokens of correct and of wrong responses apart from each other."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.advantages import gtpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.gtpo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "gtpo.correctness-cancels",
    paper=PAPER,
    equation="Eqs. 3, 5 and 6",
    statement="Tokens of correct responses have positive advantages on average, and those of wrong ones negative ones.",
    latex=r"\operatorname{mean}_{(i,t) \in O^+} A_{i,t} > 0 > \operatorname{mean}_{(i,t) \in O^-} A_{i,t}",
    assumptions=("binary rewards", "each side is standardised by its own mean and deviation (Eq. 6)"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the mean is not subtracted, or it is that of both sides together",
    breaks=(Break("the mean is not subtracted", {"centred": False}, Verdict.CERTIFIED),),
)
def correctness_cancels(quick: bool, *, centred: bool = True) -> CheckOutcome:
    """Any constant c that a side's tokens share goes with their mean, and what is left adds up to 0."""
    first, second, constant = ring("x", "y", "c")
    mean = (first + second + 2 * constant) / 2 if centred else 0 * constant
    left = [first + constant - mean, second + constant - mean]
    # Two correct tokens with shares 3/4 and 1/4 of two: α₁ = 1 and α₂ = 1/10 give 1.15 and 1.05.
    shaped = [1 + Fraction(1, 10) * Fraction(3, 2), 1 + Fraction(1, 10) * Fraction(1, 2)]
    average = sum(shaped, Fraction(0)) / 2
    total = sum((x - (average if centred else 0) for x in shaped), Fraction(0))
    ours = gtpo([1.0, 1.0, 0.0], [[3.0], [1.0], [1.0]], [[1], [1], [1]]).ravel().tolist()
    gap = worst_of(abs(a - b) for a, b in zip(ours, (1.0, -1.0, 0.0), strict=True))
    return conclude(
        Evidence(
            "the two tokens of correct responses have a positive sum",
            "entropies 3 and 1, α₁ = 1, α₂ = .1",
            Method.CASES,
            total > 0,
            counterexample={"advantages of correct tokens": [1.0, -1.0]} if centred else {},
        ),
        Evidence(
            "a constant for the side, such as the reward itself, does not change what is left"
            if centred
            else "a constant for the side stays: x + c and y + c",
            "all shares and constants",
            Method.SYMBOLIC,
            (left[0].derivative("c") == 0) is centred and (left[0] + left[1] == 0) is centred,
        ),
        controls=[
            Evidence("the shaped rewards are 1.15 and 1.05", "by hand", Method.CASES, average == Fraction(11, 10)),
            Evidence("gtpo gives 1, -1 and 0, to 1e-6", "the same", Method.FLOATS, gap < 1e-6, f"{gap:.1e}"),
        ],
    )
