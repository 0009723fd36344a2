"""The sign advantage: its expected gradient, and how often a group's mean leaves nothing."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.advantages import expected_advantages
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.sign import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "sign.gradient",
    paper=PAPER,
    equation="A = 2r - 1",
    statement="The sign advantage's expected group gradient is twice the gradient of the success rate, for every G.",
    latex=r"c = p(1-p)\,(\alpha - \beta) = 2p(1-p)",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the group's mean is subtracted", {"centred": True}, Verdict.REFUTED),),
)
def gradient(quick: bool, *, centred: bool = False) -> CheckOutcome:
    """α = 1 and β = -1 whatever the others are; a mean of G advantages of which one is its own takes 1/G of both."""
    p, inverse = ring("p", "1/G")
    own = 1 - (inverse if centred else 0 * inverse)
    worst = worst_of(
        abs(float(expected_advantages("sign_advantage", x, 8).c) - 2 * x * (1 - x)) for x in (0.1, 0.5, 0.8)
    )
    return conclude(
        Evidence(
            "p(1-p)(α - β) = 2p(1-p)",
            "every p and G",
            Method.SYMBOLIC,
            p * (1 - p) * (2 * own) == 2 * p * (1 - p),
            counterexample={"G": 2, "p": 0.5, "c": 0.25} if centred else {},
        ),
        Evidence(
            "expected_advantages('sign_advantage') agrees to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )


def _share(rates: tuple[Fraction, ...], g: int) -> Fraction:
    """The expected share of groups of equal rewards, over prompts of these success rates."""
    return sum((p**g + (1 - p) ** g for p in rates), Fraction(0)) / len(rates)


@claim(
    "sign.degeneracy",
    paper=PAPER,
    equation="abstract, by Jensen's inequality",
    statement="The share of groups of equal rewards always exceeds what their mean success rate predicts.",
    latex=r"\mathbb E[p^G + (1-p)^G] > \bar p^G + (1-\bar p)^G",
    assumptions=("binary rewards", "G >= 2", "success rates differ from prompt to prompt in any way, or not at all"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="not all prompts have one success rate",
    breaks=(Break("rates differ", {"differ": True}, Verdict.CERTIFIED),),
)
def degeneracy(quick: bool, *, differ: bool = False) -> CheckOutcome:
    """What p^G is above its tangent at μ is R_G = (p-μ)² S_G, and R_{G+1} = p·R_G + G·μ^(G-1)(p-μ)²."""
    p, mu, power, below, g = ring("p", "mu", "p^G", "mu^(G-1)", "G")
    above = power - below * mu - g * below * (p - mu)
    grows = power * p - below * mu**2 - (g + 1) * below * mu * (p - mu) == p * above + g * below * (p - mu) ** 2
    starts = p**2 - mu**2 - 2 * mu * (p - mu) == (p - mu) ** 2
    increasing = Evidence(
        "p^G exceeds its tangent at μ by a multiple of (p-μ)² that is positive: at least (p-μ)² p^(G-2) for p > 0",
        "every p, μ and G, by induction from G = 2",
        Method.SYMBOLIC,
        grows and starts,
    )
    half = Fraction(1, 2)
    strict = Evidence(
        "the share is larger also where all rates are one",
        "p = 1/2 at every prompt, G = 2",
        Method.CASES,
        _share((half, half), 2) > _share((half,), 2),
        counterexample={"p": 0.5, "G": 2, "both shares": 0.5},
    )
    by_hand = Evidence(
        "rates 0 and 1: all groups are equal, and the mean rate predicts 1/2",
        "G = 2, by hand",
        Method.CASES,
        (_share((Fraction(0), Fraction(1)), 2), _share((half,), 2)) == (Fraction(1), half),
    )
    if differ:
        return conclude(increasing, controls=[by_hand])
    return conclude(strict, under=[increasing], condition="not all prompts have one success rate", controls=[by_hand])
