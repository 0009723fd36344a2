"""How much more QAE makes of a rare success than GRPO does: per response, and per query."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.exact_advantages import KS, advantages, mixed_groups
from qae_sim.theory.registry import claim


@claim(
    "qae.amplification",
    paper=PAPER,
    equation="Sec. 4.2, Remark",
    statement="On hard queries QAE's advantage of a success is 1/(1-p) times GRPO's: at least 1 and at most 1/K times.",
    latex=r"1 \le \frac{\hat A^{\mathrm{QAE}}_+}{\hat A^{\mathrm{GRPO}}_+} = \frac1{1-p} \le \frac1K",
    assumptions=("binary rewards", "p <= 1-K", "the same std and ε"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(Break("the factor is 1/p", {"factor": "1/p"}, Verdict.REFUTED),),
)
def amplification(quick: bool, *, factor: str = "1/(1-p)") -> CheckOutcome:
    """Ratios of the advantages, squared, in every hard group."""
    largest = 40 if quick else 128
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
    return conclude(
        Evidence(
            "the ratio is 1/(1-p), between 1 and 1/K",
            f"G = 2..{largest}, all hard mixed groups, K = .1...9",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"smallest ratio": str(low), "largest ratio times K": str(high)},
        )
    )


def _monotone(values: Callable[[Fraction], Fraction], quick: bool, k: Fraction) -> tuple[Fraction, Fraction] | None:
    """The first two adjacent success rates on the hard side between which a quantity rises with p."""
    rates = [Fraction(i, 100 if quick else 1000) for i in range(1, 100 if quick else 1000)]
    hard = [p for p in rates if p <= 1 - k]
    return next(((p, q) for p, q in pairwise(hard) if values(q) > values(p)), None)


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
    breaks=(
        Break("the advantage itself, not its ratio to GRPO's, below p = 1/2", {"what": "advantage"}, Verdict.CERTIFIED),
    ),
)
def rarest_most_amplified(quick: bool, *, what: str = "ratio") -> CheckOutcome:
    """The ratio 1/(1-p) rises with p: the rarest success gains least. The advantage 1/σ itself falls until p = 1/2."""
    k = Fraction(2, 5) if what == "ratio" else Fraction(1, 2)
    # Squares, so that they are rational.
    values = {"ratio": lambda p: 1 / (1 - p) ** 2, "advantage": lambda p: 1 / (p * (1 - p))}[what]
    found = _monotone(values, quick, k)
    return conclude(
        Evidence(
            f"the {what} falls with p on the hard side",
            f"p in steps of {'.01' if quick else '.001'} up to {1 - k}",
            Method.CASES,
            found is None,
            counterexample={"p": [float(x) for x in found], "ratios": [float(1 / (1 - x)) for x in found]}
            if found
            else {},
            figures={"ratio at one success among 8": str(Fraction(8, 7)), "at p = 1 - K = .6": "5/2"},
        )
    )


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
    breaks=(Break("weight of a single success, 1/(G·std), below p = 1/2", {"what": "response"}, Verdict.CERTIFIED),),
)
def fig4_rare(quick: bool, *, what: str = "query") -> CheckOutcome:
    """√(p/(1-p)) rises with p: the query weight is largest at the switch p = 1-K, and 0 for the rarest successes."""
    k = Fraction(2, 5) if what == "query" else Fraction(1, 2)
    values = {"query": lambda p: p / (1 - p), "response": lambda p: 1 / (p * (1 - p))}[what]
    found = _monotone(values, quick, k)
    return conclude(
        Evidence(
            f"the {what}'s weight falls with p on the hard side",
            f"p in steps of {'.01' if quick else '.001'} up to {1 - k}",
            Method.CASES,
            found is None,
            counterexample={"p": [float(x) for x in found], "weights": [float(x / (1 - x)) ** 0.5 for x in found]}
            if found
            else {},
            figures={
                "weight at p = .01": float(np.sqrt(0.01 / 0.99)),
                "at p = .6": float(np.sqrt(1.5)),
                "GRPO's at p = .5, its largest": 0.5,
            },
        )
    )
