"""How much more QAE makes of a rare success than GRPO does: per response, and per query."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.claims.qae.query_weights import objective
from qae_sim.theory.controls import advantages_by_hand
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS, advantages, mixed_groups
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "qae.amplification",
    paper=PAPER,
    equation="Sec. 4.2, Remark",
    statement="On hard queries QAE's advantage of a success is 1/(1-p) times GRPO's: at least 1 and at most 1/K times.",
    latex=r"1 \le \frac{\hat A^{\mathrm{QAE}}_+}{\hat A^{\mathrm{GRPO}}_+} = \frac1{1-p} \le \frac1K",
    assumptions=("binary rewards", "p <= 1-K", "the same std and ε"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the factor is 1/p", {"factor": "1/p"}, Verdict.REFUTED),),
)
def amplification(quick: bool, *, factor: str = "1/(1-p)") -> CheckOutcome:
    """1/σ over (1-p)/σ; the bound is the gate's condition. Ratios of the advantages, squared, in every hard group."""
    largest = 24 if quick else 64
    found, low, high = None, Fraction(10**9), Fraction(0)
    for g, n in mixed_groups(largest):
        for k in KS:
            p = Fraction(n, g)
            if p > 1 - k:
                continue
            square = advantages("qae", n, g, k)[0][1] / advantages("grpo", n, g, k)[0][1]
            stated = 1 / (1 - p) if factor == "1/(1-p)" else 1 / p
            low, high = min(low, stated), max(high, stated * k)
            if found is None and (square != stated**2 or not 1 <= stated <= 1 / k):
                found = {"g": g, "successes": n, "k": float(k)}
    p, level = ring("p", "K")
    return conclude(
        Evidence(
            "1 - (1-p) = p >= 0 and (1-p) - K = (1-K) - p >= 0: 1-p lies between K and 1",
            "every hard group, every K",
            Method.SYMBOLIC,
            1 - (1 - p) == p and (1 - p) - level == (1 - level) - p,
        ),
        Evidence(
            "the ratio is 1/(1-p), between 1 and 1/K",
            f"G = 2..{largest}, all hard mixed groups, K = .1...9",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"smallest ratio": str(low), "largest ratio times K": str(high)},
            confirms=factor == "1/(1-p)",
        ),
        machine_checked("qae.amplification"),
    )


def _falls(value: Callable[[int, int], Fraction], quick: bool, k: Fraction) -> tuple[int, list[int] | None]:
    """A group size, and the first two numbers of successes on its hard side between which a quantity rises."""
    g = 100 if quick else 1000
    hard = [n for n in range(1, g) if Fraction(n, g) <= 1 - k]
    values = [value(n, g) for n in hard]
    return g, next(([n, n + 1] for n, (one, two) in zip(hard, pairwise(values), strict=False) if two > one), None)


def _squared_ratio(n: int, g: int) -> Fraction:
    """Squared advantage of a success under QAE over that under GRPO, K = .4."""
    k = Fraction(2, 5)
    return advantages("qae", n, g, k)[0][1] / advantages("grpo", n, g, k)[0][1]


def _squared_advantage(n: int, g: int) -> Fraction:
    """Squared advantage of a success under QAE, K = .4."""
    return advantages("qae", n, g, Fraction(2, 5))[0][1]


@claim(
    "qae.rarest-most-amplified",
    paper=PAPER,
    equation="Sec. 4.2, Remark",
    statement="Compared with GRPO, QAE amplifies a success the more the rarer it is.",
    latex=r"p < q \le 1-K \Rightarrow \frac{1}{1-p} \ge \frac{1}{1-q}",
    assumptions=("binary rewards", "hard queries", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="for no two success rates; the advantage itself, not its ratio to GRPO's, falls as far as p = 1/2",
    breaks=(
        Break("the advantage itself, not its ratio to GRPO's, below p = 1/2", {"what": "advantage"}, Verdict.CERTIFIED),
    ),
)
def rarest_most_amplified(quick: bool, *, what: str = "ratio") -> CheckOutcome:
    """The ratio 1/(1-p) rises with p: the rarest success gains least. The advantage 1/σ itself falls until p = 1/2."""
    k = Fraction(2, 5) if what == "ratio" else Fraction(1, 2)
    g, found = _falls({"ratio": _squared_ratio, "advantage": _squared_advantage}[what], quick, k)
    return conclude(
        Evidence(
            f"the {what} falls with p on the hard side",
            f"p in steps of 1/{g} up to {1 - k}",
            Method.CASES,
            found is None,
            counterexample={"p": [n / g for n in found], "ratios": [g / (g - n) for n in found]} if found else {},
            figures={"ratio at one success among 8": str(Fraction(8, 7)), "at p = 1 - K = .6": "5/2"},
        ),
        controls=[
            advantages_by_hand("grpo"),
            advantages_by_hand(),
            Evidence(
                "the ratio is 8/7 for one success among 8, and 5/2 for six among ten",
                "by hand: 1/(1-p)",
                Method.CASES,
                (_squared_ratio(1, 8), _squared_ratio(6, 10)) == (Fraction(64, 49), Fraction(25, 4)),
            ),
            Evidence(
                "the advantage is 2 for one success in two, and 10/3 for one in ten",
                "by hand: 1/√(p(1-p))",
                Method.CASES,
                (_squared_advantage(1, 2), _squared_advantage(1, 10)) == (Fraction(4), Fraction(100, 9)),
            ),
        ],
    )


def _squared_weight(n: int, g: int) -> Fraction:
    """Squared query weight of the successes under QAE, K = .4."""
    return objective("qae", n, g, Fraction(2, 5))[0][1]


@claim(
    "qae.fig4-rare-weigh-more",
    paper=PAPER,
    equation="Sec. 4.2, Remark, and Fig. 4",
    statement="QAE's query weight moves the focus from moderately difficult queries to rare successes: on the hard "
    "side rarer successes weigh more.",
    latex=r"p < q \le 1-K \Rightarrow \sqrt{\tfrac{p}{1-p}} \ge \sqrt{\tfrac{q}{1-q}}",
    assumptions=("binary rewards", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="for no two success rates on the hard side: the query weight is largest at the switch p = 1-K",
    breaks=(Break("weight of a single success, 1/(G·std), below p = 1/2", {"what": "response"}, Verdict.CERTIFIED),),
)
def fig4_rare(quick: bool, *, what: str = "query") -> CheckOutcome:
    """√(p/(1-p)) rises with p: the query weight is largest at the switch p = 1-K, and 0 for the rarest successes."""
    k = Fraction(2, 5) if what == "query" else Fraction(1, 2)
    g, found = _falls({"query": _squared_weight, "response": _squared_advantage}[what], quick, k)
    return conclude(
        Evidence(
            f"the {what}'s weight falls with p on the hard side",
            f"p in steps of 1/{g} up to {1 - k}",
            Method.CASES,
            found is None,
            counterexample={"p": [n / g for n in found], "weights": [(n / (g - n)) ** 0.5 for n in found]}
            if found
            else {},
            figures={
                "weight at p = .01": float(np.sqrt(0.01 / 0.99)),
                "at p = .6": float(np.sqrt(1.5)),
                "GRPO's at p = .5, its largest": 0.5,
            },
        ),
        controls=[
            Evidence(
                "the weight is positive, and its square 1/99 at p = .01 and 3/2 at p = .6",
                "by hand: p/(1-p)",
                Method.CASES,
                [objective("qae", *group, Fraction(2, 5))[0] for group in ((1, 100), (6, 10))]
                == [(1, Fraction(1, 99)), (1, Fraction(3, 2))],
            )
        ],
    )
