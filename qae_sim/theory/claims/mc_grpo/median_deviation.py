"""MC-GRPO's scale, the median absolute deviation, in groups of 0/1 rewards."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from qae_sim.advantages import mc_grpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.mc_grpo import PAPER
from qae_sim.theory.registry import claim


def _median(values: Sequence[int]) -> int:
    """The middle one of an odd number of values."""
    return sorted(values)[len(values) // 2]


def _scale(rewards: Sequence[int]) -> int:
    """The median absolute deviation."""
    middle = _median(rewards)
    return _median([abs(r - middle) for r in rewards])


@claim(
    "mc-grpo.vanishing-scale",
    paper=PAPER,
    equation="MAD in place of the standard deviation",
    statement="The median absolute deviation of a group of unequal rewards is positive, so that it can be a scale.",
    latex=r"\operatorname{med}_i |r_i - \operatorname{med}(r)| > 0",
    assumptions=("an odd number of responses", "binary rewards that are not all equal"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="more than half of the rewards differ from the median, which binary rewards cannot",
    breaks=(Break("rewards that all differ", {"different": True}, Verdict.CERTIFIED),),
)
def vanishing_scale(quick: bool, *, different: bool = False) -> CheckOutcome:
    """At least half of an odd number of 0/1 rewards are equal to their median, and deviate by 0."""
    sizes = range(3, 16 if quick else 40, 2)
    groups = [(g, group) for g in sizes for group in ([list(range(g))] if different else _mixed(g))]
    positive = all(_scale(group) > 0 for _, group in groups)
    always_zero = all(_scale(group) == 0 for g in sizes for group in _mixed(g))
    gaps = (worst_of(map(abs, mc_grpo(group, eps=2.0**-9).tolist())) - 512 for g in sizes for group in _mixed(g))
    worst = worst_of(map(abs, gaps))
    return conclude(
        Evidence(
            "the median absolute deviation is positive",
            f"G = {sizes[0]}..{sizes[-1]}, " + ("rewards 0, 1, ..., G - 1" if different else "all mixed 0/1 groups"),
            Method.CASES,
            positive,
            counterexample={} if positive else {"rewards": [1, 0, 0], "median absolute deviation": 0},
        ),
        controls=[
            Evidence(
                "the rewards 0, 1, 5 have median 1 and deviations 1, 0, 4, whose median is 1",
                "by hand",
                Method.CASES,
                Fraction(_scale([0, 1, 5])) == 1,
            ),
            Evidence("it is 0 in every mixed 0/1 group", f"G = 3..{sizes[-1]}", Method.CASES, always_zero),
            Evidence(
                "mc_grpo's largest advantage is 1/ε",
                "the same, ε = 1/512",
                Method.FLOATS,
                worst == 0,
                f"{worst:.1e}",
            ),
        ],
    )


def _mixed(g: int) -> list[list[int]]:
    """All mixed groups of 0/1 rewards."""
    return [[1] * n + [0] * (g - n) for n in range(1, g)]
