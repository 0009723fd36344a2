"""The law of the entropy mechanism that links performance to entropy."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, entropy, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, unchecked
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth


@claim(
    "entropy.law",
    paper=PAPER,
    equation="R = -a exp(H) + b",
    statement="Performance is an exponential function of the policy's entropy, with coefficients that do not "
    "depend on the algorithm.",
    latex=r"R = -a\,e^{H} + b",
    expected=Verdict.OPEN,
    origin=Origin.QUOTED,
)
def law(quick: bool) -> CheckOutcome:
    """Not checked."""
    return unchecked(
        "an empirical fit over training runs of large models; that it is no identity of softmax policies shows "
        "entropy.law-two-arms"
    )


@claim(
    "entropy.law-two-arms",
    paper=PAPER,
    equation="R = -a exp(H) + b, in a two-armed bandit",
    statement="In a two-armed bandit, where reward and entropy are both functions of the success rate, the law is "
    "exact for some a and b.",
    latex=r"\exists a, b\ \forall p \ge \tfrac12:\ p = -a\,e^{H(p)} + b",
    assumptions=("two arms of rewards 1 and 0", "R = p >= 1/2"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="only two success rates are looked at, through which some a and b always go",
    breaks=(Break("the third point is one of the other two", {"third": Fraction(1)}, Verdict.CERTIFIED),),
)
def law_two_arms(quick: bool, *, third: Fraction = Fraction(3, 4)) -> CheckOutcome:
    """The points p = 1/2 (exp H = 2) and p = 1 (exp H = 1) give a = 1/2 and b = 3/2; at p = 3/4 this says .62."""
    with ctx.workprec(64):
        level = entropy([number(third), number(1 - third)]).exp() if third < 1 else Ball(1)
        said = number("1.5") - level / 2
        fits = Truth.YES if third == 1 else said == number(third)
        half = entropy([number("0.5"), number("0.5")]).exp()
        by_hand = abs(half - 2) < number("1e-15")
        # exp(H) = 4/3^(3/4) at p = 3/4.
        quarter = abs(entropy([number("0.75"), number("0.25")]).exp() - 4 / (number("0.75") * Ball(3).log()).exp())
    return conclude(
        Evidence(
            "R = 3/2 - exp(H)/2, the only law through p = 1/2 and p = 1, gives p",
            f"p = {third}",
            Method.INTERVALS,
            fits,
            counterexample={"p": float(third), "the law says": digits(said, 6)} if fits is Truth.NO else {},
        ),
        controls=[
            Evidence("exp(H) is 2 at p = 1/2", "p = 1/2", Method.INTERVALS, by_hand),
            Evidence("exp(H) is 4/3^(3/4) at p = 3/4", "p = 3/4", Method.INTERVALS, quarter < number("1e-15")),
        ],
    )
