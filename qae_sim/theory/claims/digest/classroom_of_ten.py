"""Sentences of a popular digest of the QAE paper, taken at their word: a classroom of ten, one or nine successes."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from qae_sim.advantages import grpo, qae
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.digest import PAPER
from qae_sim.theory.exact_advantages import advantages
from qae_sim.theory.registry import claim

K = Fraction(2, 5)


def signed(coefficient: tuple[int, Fraction]) -> float:
    """A coefficient sign·√square as a float, for a reader."""
    return round(coefficient[0] * math.sqrt(coefficient[1]), 6)


def classroom(successes: int) -> list[float]:
    """Ten rewards."""
    return [1.0] * successes + [0.0] * (10 - successes)


@claim(
    "digest.lone-winner",
    paper=PAPER,
    equation="'On hard questions', old way",
    statement="With one success among ten the mean baseline gives the winner a tiny reward and the nine losers huge "
    "penalties.",
    latex=r"|\hat A_{\text{winner}}| < |\hat A_{\text{loser}}|",
    assumptions=("GRPO, population standard deviation", "G = 10"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("nine successes, one loser", {"successes": 9}, Verdict.CERTIFIED),),
)
def lone_winner(quick: bool, *, successes: int = 1) -> CheckOutcome:
    """Squares of the two advantages: +3 for the winner, -1/3 for each loser."""
    plus, minus = advantages("grpo", successes, 10, K)
    ours = grpo(classroom(successes), eps=0.0)
    return conclude(
        Evidence(
            "the winners' advantage is smaller than the losers'",
            f"G = 10, {successes} correct",
            Method.CASES,
            plus[1] < minus[1],
            counterexample={}
            if plus[1] < minus[1]
            else {"rewards": classroom(successes), "winner": signed(plus), "loser": signed(minus)},
        ),
        Evidence(
            "grpo gives both",
            "the same",
            Method.FLOATS,
            bool(np.allclose([ours[0], ours[-1]], [signed(plus), signed(minus)], atol=1e-6)),
        ),
    )


@claim(
    "digest.huge-thumbs-up",
    paper=PAPER,
    equation="'On hard questions', QAE way",
    statement="QAE gives the lone winner a huge reward, at least twice that of the mean baseline.",
    latex=r"\hat A^{\mathrm{QAE}}_{\text{winner}} \ge 2\,\hat A^{\mathrm{GRPO}}_{\text{winner}}",
    assumptions=("K = .4, G = 10",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("six winners", {"successes": 6}, Verdict.CERTIFIED),),
)
def huge_thumbs_up(quick: bool, *, successes: int = 1) -> CheckOutcome:
    """The ratio is 1/(1-p): 10/9 for one winner."""
    one, other = advantages("qae", successes, 10, K)[0], advantages("grpo", successes, 10, K)[0]
    holds = one[1] >= 4 * other[1]
    return conclude(
        Evidence(
            "the ratio is at least 2",
            f"{successes} of 10 correct",
            Method.CASES,
            holds,
            counterexample={}
            if holds
            else {"rewards": classroom(successes), "QAE": signed(one), "GRPO": signed(other)},
        )
    )


@claim(
    "digest.losers-ignored",
    paper=PAPER,
    equation="'On hard questions', QAE way",
    statement="With one success among ten QAE gives the nine losers exactly zero.",
    latex=r"\hat A_{\text{loser}} = 0",
    assumptions=("K = .4, G = 10",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("K = .95", {"k": Fraction(95, 100)}, Verdict.REFUTED),),
)
def losers_ignored(quick: bool, *, k: Fraction = K) -> CheckOutcome:
    """The baseline is 0."""
    minus = advantages("qae", 1, 10, k)[1]
    zero = bool((qae(classroom(1), k=float(k))[1:] == 0).all())
    return conclude(
        Evidence(
            "a loser's advantage is 0",
            "1 of 10 correct",
            Method.CASES,
            minus[0] == 0,
            counterexample={} if minus[0] == 0 else {"k": float(k), "loser": signed(minus)},
        ),
        Evidence("qae gives exact zeros", "the same", Method.FLOATS, zero == (minus[0] == 0)),
    )


@claim(
    "digest.winners-ignored",
    paper=PAPER,
    equation="'On easy questions', QAE way",
    statement="With nine successes among ten QAE gives the winners exactly zero and the one loser a penalty.",
    latex=r"\hat A_{\text{winner}} = 0,\ \hat A_{\text{loser}} = -\tfrac{1}{0.3}",
    assumptions=("K = .4, G = 10",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("K = .05", {"k": Fraction(1, 20)}, Verdict.REFUTED),),
)
def winners_ignored(quick: bool, *, k: Fraction = K) -> CheckOutcome:
    """The baseline is 1."""
    plus, minus = advantages("qae", 9, 10, k)
    holds = plus[0] == 0 and minus == (-1, Fraction(100, 9))
    ours = qae(classroom(9), k=float(k), eps=0.0)
    return conclude(
        Evidence(
            "winners 0, loser -1/.3",
            "9 of 10 correct",
            Method.CASES,
            holds,
            counterexample={} if holds else {"k": float(k), "winner": signed(plus), "loser": signed(minus)},
        ),
        Evidence(
            "qae gives both",
            "the same",
            Method.FLOATS,
            bool(np.allclose([ours[0], ours[-1]], [signed(plus), signed(minus)], atol=1e-6)),
        ),
    )


@claim(
    "digest.top-40-percent",
    paper=PAPER,
    equation="'The top 40 % rule'",
    statement="Under QAE the top 40 % of a group get a reward and the bottom 60 % do not.",
    latex=r"|\{\hat A_i > 0\}| = 0.4\,G",
    assumptions=("K = .4", "binary rewards", "mixed groups of ten"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("ten different rewards and K = .6", {"graded": True}, Verdict.CERTIFIED),),
)
def top_40(quick: bool, *, graded: bool = False) -> CheckOutcome:
    """K = .4 is a quantile from below, and with binary rewards the number of positive advantages is p·G or 0."""
    if graded:
        ordered = [Fraction(i, 10) for i in range(10)]
        b = ordered[5]  # rank ⌈.6·10⌉
        counts = {10: sum(r > b for r in ordered)}
    else:
        counts = {n: (n if Fraction(n, 10) <= 1 - K else 0) for n in range(1, 10)}
    wrong = [n for n, count in counts.items() if count != 4]
    return conclude(
        Evidence(
            "four of ten advantages are positive",
            "every mixed group of ten",
            Method.CASES,
            not wrong,
            counterexample={"rewards": classroom(wrong[0]), "k": 0.4, "positive": counts[wrong[0]]} if wrong else {},
            figures={"positive by successes": counts},
        )
    )


@claim(
    "digest.stops-punishing",
    paper=PAPER,
    equation="'The wild party'",
    statement="When a few more answers are correct and the average rises, the mean baseline stops punishing the "
    "failures.",
    latex=r"p < q \Rightarrow |\hat A^-(q)| \le |\hat A^-(p)|",
    assumptions=("GRPO, population standard deviation",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the successes' reward, not the failures' penalty", {"side": 0}, Verdict.CERTIFIED),),
)
def stops_punishing(quick: bool, *, side: int = 1) -> CheckOutcome:
    """A failure's penalty is √(p/(1-p)), which grows with the average; a success's reward √((1-p)/p) shrinks."""
    top, found = (16 if quick else 64), None
    for g in range(3, top + 1):
        values = [advantages("grpo", n, g, K)[side] for n in range(1, g)]
        for n, (one, other) in enumerate(itertools.pairwise(values), 1):
            if found is None and other[1] > one[1]:
                found = {"g": g, "successes": [n, n + 1], "advantages": [signed(one), signed(other)]}
    return conclude(
        Evidence(
            "the size of the advantage falls as successes are added",
            f"G = 3..{top}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )
