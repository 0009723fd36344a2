"""Exploitation and then exploration: the flow of the expected gradient, and sampled groups that can lose an answer."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from qae_sim.advantages import grpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.two_stage import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "two-stage.training",
    paper=PAPER,
    equation="two-stage dynamics, its toy of three answers",
    statement="A stage of exploitation raises the answer that is likely and good; then comes one of exploration, in "
    "which the best answer wins, however rare it was.",
    latex=r"\dot v = \textstyle\sum_a \pi_a^2 (r_a - v)^2,\quad \dot z_{\mathrm{known}} = "
    r"\pi_{\mathrm{known}}(r - v),\quad v \to 1",
    assumptions=(
        "softmax bandit of a rare answer of reward 1, a likely one of reward r < 1, and a failure of reward 0",
        "the flow of the expected policy gradient, ż = π(r - v)",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the rare answer is worth half of the likely one", {"best": Fraction(2, 5)}, Verdict.REFUTED),),
)
def stages(quick: bool, *, best: Fraction = Fraction(1)) -> CheckOutcome:
    """Identities in the two free probabilities and r; that they prove the stages is argued in the proof text."""
    b, k, r = ring("best", "known", "r")
    f = 1 - b - k
    v = b + r * k
    pi, rewards = (b, k, f), (1, r, 0)
    z = [p * (x - v) for p, x in zip(pi, rewards, strict=True)]
    mean = sum((p * slope for p, slope in zip(pi, z, strict=True)), 0 * b)
    value = sum((x * p * (slope - mean) for x, p, slope in zip(rewards, pi, z, strict=True)), 0 * b)
    squares = sum((p**2 * (x - v) ** 2 for p, x in zip(pi, rewards, strict=True)), 0 * b)
    slack = f * (1 - v * (1 - f)) + b * (1 - b * (1 - v)) + f * (1 - r * k**2) + k**2 * (1 - r) * b
    late = _slopes(Fraction(9, 10), Fraction(1, 20), best)
    early = _slopes(Fraction(1, 100), Fraction(3, 5), best)
    return conclude(
        Evidence("the value rises: v' = Σ π²(r - v)²", "every policy and r", Method.SYMBOLIC, value == squares),
        Evidence(
            "the known answer's logit rises while v < r, that is while the rare one is below r·π_fail/(1-r)",
            "every policy and r",
            Method.SYMBOLIC,
            r - v == r * f - (1 - r) * b and z[1] == k * (r - v),
        ),
        Evidence(
            "the rare answer gains on the failure, (log π_best - log π_fail)' = π_best(1-v) + π_fail·v",
            "every policy and r",
            Method.SYMBOLIC,
            z[0] - z[2] == b * (1 - v) + f * v,
        ),
        Evidence(
            "failures die no faster than (log π_fail)' >= -(2π_fail + π_best): the rest has no negative part",
            "every policy and r",
            Method.SYMBOLIC,
            (z[2] - mean) + (2 * f + b) == slack,
        ),
        Evidence(
            "at first the known answer's logit rises and the rare one's probability falls; late the known one's falls",
            "π = (.01, .6, .39) and (.9, .05, .05), r = .8, which are examples",
            Method.SYMBOLIC,
            early[1] > 0 and early[0] < 0 and late[1] < 0,
            counterexample={}
            if late[1] < 0
            else {"rewards": [float(best), 0.8, 0.0], "pi": [0.9, 0.05, 0.05], "slope of the known": float(late[1])},
        ),
    )


def _slopes(best: Fraction, known: Fraction, worth: Fraction) -> tuple[Fraction, Fraction]:
    """Slopes of the rare answer's log-probability and of the known one's logit, at r = 4/5."""
    r, failed = Fraction(4, 5), 1 - best - known
    v = worth * best + r * known
    z = (best * (worth - v), known * (r - v), -failed * v)
    return z[0] - (best * z[0] + known * z[1] + failed * z[2]), z[1]


@claim(
    "two-stage.never-lost",
    paper=PAPER,
    equation="exploration stage, with sampled groups",
    statement="The best answer wins in the end, also where answers whose probability falls below 1/20 are no longer "
    "sampled.",
    latex=r"P(\text{all probability ends at the best answer}) = 1",
    assumptions=(
        "softmax bandit of three answers of rewards 1, 4/5 and 0, at first of probabilities .1, .6 and .3",
        "GRPO in groups of 2, of a step that doubles the better answer's weight and halves the other's",
    ),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="there are a right answer and a wrong one alone, of which the right one never loses",
    breaks=(Break("a right answer and a wrong one alone", {"known": False}, Verdict.CERTIFIED),),
)
def never_lost(quick: bool, *, known: bool = True) -> CheckOutcome:
    """A finite Markov chain of the weights: every group of two different answers moves them on, never back."""
    weights = tuple(Fraction(weight) for weight in ((1, 6, 3) if known else (1, 0, 9)))
    ends = _ends(weights)
    won = ends.get(0, Fraction(0))
    pair = _ends((Fraction(1), Fraction(2), Fraction(0)))
    step = grpo([1.0, 0.8], eps=0)
    return conclude(
        Evidence(
            "the chance that all probability ends at the best answer is 1",
            "all ways in which groups can fall out, added up exactly",
            Method.CASES,
            won == 1,
            f"{float(won):.15g}",
            counterexample={}
            if won == 1
            else {"chance of the best answer": str(won), "of the likely one": str(ends.get(1, Fraction(0)))},
        ),
        Evidence(
            "grpo gives a pair of different rewards 1 and -1",
            "1 and .8",
            Method.FLOATS,
            abs(step - [1, -1]).max() < 1e-12,
        ),
        controls=[
            Evidence("the chances of all ends add up to 1", "the same", Method.CASES, sum(ends.values()) == 1),
            Evidence(
                "the chances are 13/21 and 8/21, as the recursion of the certificate has them",
                "probabilities .1, .6 and .3",
                Method.CASES,
                [_ends((Fraction(1), Fraction(6), Fraction(3)))[a] for a in (0, 1)]
                == [Fraction(13, 21), Fraction(8, 21)],
            ),
            Evidence("of two answers the better one wins for sure", "weights 1 and 2", Method.CASES, pair[0] == 1),
            Evidence(
                "one group of .1, .6, .3 settles nothing, two can: the known answer then has 24 of 25.75",
                "by hand",
                Method.CASES,
                not _lost((Fraction(1), Fraction(12), Fraction(3, 2)))
                and _lost((Fraction(1), Fraction(24), Fraction(3, 4))) == {0, 2},
            ),
        ],
    )


def _lost(weights: tuple[Fraction, ...]) -> set[int]:
    """Answers that are no longer sampled: of a probability below 1/20, but above 0."""
    return {a for a, weight in enumerate(weights) if 0 < weight < Fraction(1, 20) * sum(weights, Fraction(0))}


@cache
def _ends(weights: tuple[Fraction, ...]) -> dict[int, Fraction]:
    """The chance of each answer to be the last one; answers are in the order of their rewards."""
    lost = _lost(weights)
    left = tuple(Fraction(0) if a in lost else weight for a, weight in enumerate(weights))
    arms = [a for a, weight in enumerate(left) if weight]
    if len(arms) == 1:
        return {arms[0]: Fraction(1)}
    # Groups of two like answers change nothing, so that only the pairs of different ones count.
    pairs = [(a, b, left[a] * left[b]) for i, a in enumerate(arms) for b in arms[i + 1 :]]
    whole, chances = sum((chance for _, _, chance in pairs), Fraction(0)), dict.fromkeys(arms, Fraction(0))
    for better, other, chance in pairs:
        moved = list(left)
        moved[better], moved[other] = 2 * moved[better], moved[other] / 2
        for end, share in _ends(tuple(moved)).items():
            chances[end] += chance / whole * share
    return chances
