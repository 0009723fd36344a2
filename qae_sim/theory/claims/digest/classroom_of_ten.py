"""Sentences of a popular digest of the QAE paper, taken at their word: a classroom of ten, one or nine successes."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from qae_sim.advantages import dynamic_sampling_mask, grpo, qae
from qae_sim.theory.binomial import mixed
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.digest import PAPER
from qae_sim.theory.controls import advantages_by_hand
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS, LEVELS, Root, advantages, centred, mixed_groups
from qae_sim.theory.polynomials import X, Y, value_at
from qae_sim.theory.registry import claim

K = Fraction(2, 5)


def signed(coefficient: Root) -> float:
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
    condition="exactly if more than half of the group are correct",
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
        controls=[
            advantages_by_hand("grpo"),
            Evidence(
                "the winners' advantage is the smaller one exactly if more than half are correct",
                "every number of winners among ten",
                Method.CASES,
                all(
                    (winner[1] < loser[1]) == (n > 5)
                    for n in range(1, 10)
                    for winner, loser in (advantages("grpo", n, 10, K),)
                ),
            ),
        ],
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
    origin=Origin.OURS,
    condition="exactly if five or six of ten are correct: the ratio is 1/(1-p) up to p = 1-K, and 0 above",
    breaks=(Break("six winners", {"successes": 6}, Verdict.CERTIFIED),),
)
def huge_thumbs_up(quick: bool, *, successes: int = 1) -> CheckOutcome:
    """The ratio is 1/(1-p): 10/9 for one winner."""
    ratios = {n: advantages("qae", n, 10, K)[0][1] / advantages("grpo", n, 10, K)[0][1] for n in range(1, 10)}
    one, other = advantages("qae", successes, 10, K)[0], advantages("grpo", successes, 10, K)[0]
    holds = ratios[successes] >= 4
    return conclude(
        Evidence(
            "the ratio is at least 2",
            f"{successes} of 10 correct",
            Method.CASES,
            holds,
            counterexample={}
            if holds
            else {"rewards": classroom(successes), "QAE": signed(one), "GRPO": signed(other)},
        ),
        controls=[
            advantages_by_hand("grpo"),
            advantages_by_hand(),
            Evidence(
                "the ratio is 10/9 for one winner, 2 for five, 5/2 for six and 0 for seven",
                "by hand",
                Method.CASES,
                [ratios[n] for n in (1, 5, 6, 7)] == [Fraction(100, 81), 4, Fraction(25, 4), 0],
            ),
        ],
    )


@claim(
    "digest.losers-ignored",
    paper=PAPER,
    equation="'On hard questions', QAE way",
    statement="With one success among ten QAE gives the nine losers exactly zero.",
    latex=r"\hat A_{\text{loser}} = 0",
    assumptions=("K = .4, G = 10",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
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
            confirms=k == K,
        ),
        machine_checked("digest.losers-ignored"),
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
    tier=Tier.PROVED,
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
            confirms=k == K,
        ),
        machine_checked("digest.winners-ignored"),
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
    condition="exactly if four of ten are correct",
    breaks=(Break("ten different rewards and K = .6", {"graded": True}, Verdict.CERTIFIED),),
)
def top_40(quick: bool, *, graded: bool = False) -> CheckOutcome:
    """K = .4 is a quantile from below, and with binary rewards the number of positive advantages is p·G or 0."""
    if graded:
        ordered = [Fraction(i, 10) for i in range(10)]
        b = ordered[5]  # rank ⌈.6·10⌉
        counts = {10: sum(r > b for r in ordered)}
    else:
        counts = {n: n * (advantages("qae", n, 10, K)[0][0] > 0) for n in range(1, 10)}
    wrong = [n for n, count in counts.items() if count != 4]
    return conclude(
        Evidence(
            "four of ten advantages are positive",
            "every mixed group of ten",
            Method.CASES,
            not wrong,
            counterexample={"rewards": classroom(wrong[0]), "k": 0.4, "positive": counts[wrong[0]]} if wrong else {},
            figures={"positive by successes": counts},
        ),
        controls=[
            advantages_by_hand(),
            Evidence(
                "four are positive where four are correct, six at most, and none from seven on",
                "by hand",
                Method.CASES,
                graded or ([n for n, count in counts.items() if count == 4] == [4] and counts[6] == 6 > counts[7] == 0),
            ),
        ],
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
    condition="for no two averages: the penalty √(p/(1-p)) rises with p",
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
        ),
        controls=[advantages_by_hand("grpo")],
    )


@claim(
    "digest.everyone-poorly",
    paper=PAPER,
    equation="'The Classroom of 10 Students', the flaw",
    statement="With one success among ten the average is so low that everyone has done poorly compared with it: nobody "
    "has a positive advantage.",
    latex=r"\hat A_i \le 0 \text{ for all } i",
    assumptions=("GRPO, population standard deviation", "G = 10"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="in no mixed group: advantages around the mean add up to 0",
    breaks=(
        Break("a quantile baseline of 1, QAE with K = .95", {"name": "qae", "k": Fraction(19, 20)}, Verdict.CERTIFIED),
    ),
)
def everyone_poorly(quick: bool, *, name: str = "grpo", k: Fraction = K) -> CheckOutcome:
    """A low average is easily beaten: the winner is at +3, and the sum of all ten is 3 - 9/3 = 0."""
    plus, minus = advantages(name, 1, 10, k)
    nobody = plus[0] <= 0
    ours = grpo(classroom(1), eps=0.0)
    n, m = X, Y  # shares of the winners and of the losers
    return conclude(
        Evidence(
            "nobody has a positive advantage",
            "1 of 10 correct",
            Method.CASES,
            nobody,
            counterexample={}
            if nobody
            else {"rewards": classroom(1), "winner": signed(plus), "loser": signed(minus), "sum": 0.0},
        ),
        Evidence("grpo's advantages are +3 and -1/3", "the same", Method.FLOATS, np.allclose(ours, [3] + [-1 / 3] * 9)),
        controls=[
            advantages_by_hand("grpo"),
            Evidence(
                "shares p of winners with 1-p and 1-p of losers with -p add up to 0, before the scale",
                "every mixed group",
                Method.SYMBOLIC,
                n * (1 - n) == m * n,
            ),
            Evidence(
                "with K = .95 the bar is 1 and the winner gets 0",
                "1 of 10 correct",
                Method.CASES,
                advantages("qae", 1, 10, Fraction(19, 20))[0][0] == 0,
            ),
        ],
    )


@claim(
    "digest.middle-attempts",
    paper=PAPER,
    equation="'Preventing the Panic and the Wild Party'",
    statement="QAE ignores the middle attempts, the ones that are just okay: the responses that get zero are neither "
    "the best nor the worst of their group.",
    latex=r"\hat A_i = 0 \Rightarrow \min_j R_j < R_i < \max_j R_j",
    assumptions=("binary rewards", "mixed groups"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="exactly if the K-quantile is neither the least nor the greatest reward, which takes three levels",
    breaks=(Break("rewards 0, 1/2 and 1, all different, K = .4", {"graded": True}, Verdict.CERTIFIED),),
)
def middle_attempts(quick: bool, *, graded: bool = False) -> CheckOutcome:
    """Zero is what has the reward of the quantile; of two rewards, that is all of the worst or all of the best."""
    largest = 12 if quick else 40
    if graded:
        rewards = list(LEVELS)
        ignored = [r for r, a in zip(rewards, centred("qae", rewards), strict=True) if a == 0]
        inside = all(min(rewards) < r < max(rewards) for r in ignored)
        return conclude(Evidence("what gets zero lies between the others", "rewards 0, 1/2, 1", Method.CASES, inside))
    silent = {
        (g, n, k): [sign == 0 for sign, _ in advantages("qae", n, g, k)] for g, n in mixed_groups(largest) for k in KS
    }
    one_kind = all(best != worst for best, worst in silent.values())
    return conclude(
        Evidence(
            "the responses that get zero lie between others",
            f"G = 2..{largest}, all mixed groups, K = .1...9",
            Method.CASES,
            not any(best or worst for best, worst in silent.values()),
            counterexample={"rewards": classroom(1), "k": 0.4, "ignored": "the nine worst"},
        ),
        controls=[
            Evidence("all of the best or all of the worst get zero, never both", "the same", Method.CASES, one_kind),
            advantages_by_hand(),
        ],
    )


@claim(
    "digest.saves-energy",
    paper=PAPER,
    equation="'The 80/20 Rule of Learning'",
    statement="Giving 80 % of the attempts a zero saves energy: QAE needs fewer responses than GRPO for a group that "
    "teaches something.",
    latex=r"\mathbb E[\text{responses until } \hat A \ne 0]_{\mathrm{QAE}} < "
    r"\mathbb E[\text{responses until } \hat A \ne 0]_{\mathrm{GRPO}}",
    assumptions=("binary rewards", "groups of G independent responses"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="not in sampling nor in scoring; a trainer whose backward pass leaves zero advantages out saves their "
    "share of that pass",
    breaks=(Break("groups of eight instead of four for GRPO", {"other": 8}, Verdict.CERTIFIED),),
)
def saves_energy(quick: bool, *, other: int = 4) -> CheckOutcome:
    """The same groups are mixed; one is after 1/A(p) groups on average, A(p) = 1 - pᴳ - (1-p)ᴳ, so G/A(p) responses."""
    g, p = 4, Fraction(1, 2)
    teaches = {
        name: [n for n in range(g + 1) if 0 < n < g and any(sign for sign, _ in advantages(name, n, g, K))]
        for name in ("grpo", "qae")
    }
    chance = {size: value_at(mixed(size), p) for size in (g, other)}
    ours, theirs = g / chance[g], other / chance[other]
    rewards = np.array([[float(i < n) for i in range(g)] for n in range(g + 1)])
    kept = [n for n, mask in enumerate(dynamic_sampling_mask(rewards)) if mask]
    return conclude(
        Evidence(
            "the expected number of responses is smaller under QAE",
            f"G = 4 against {other}, p = 1/2",
            Method.CASES,
            ours < theirs,
            counterexample={} if ours < theirs else {"g": g, "p": 0.5, "responses": [float(ours), float(theirs)]},
        ),
        Evidence("dynamic sampling keeps these groups", "G = 4", Method.FLOATS, kept == teaches["qae"]),
        controls=[
            advantages_by_hand("grpo"),
            advantages_by_hand(),
            Evidence(
                "the same groups give a non-zero advantage under both: the mixed ones",
                "G = 4, by hand: one to three successes",
                Method.CASES,
                teaches["grpo"] == teaches["qae"] == [1, 2, 3],
            ),
            Evidence("4 / (1 - 2/16) = 32/7 responses", "by hand", Method.CASES, ours == Fraction(32, 7)),
        ],
    )
