"""GDPO's separate standardisation of several rewards: which groups it tells apart."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np

from qae_sim.advantages import gdpo
from qae_sim.theory.claim import (
    NEEDS_TRAINING,
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    unchecked,
)
from qae_sim.theory.claims.gdpo import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all

#: A sum of rational multiples of roots of squarefree numbers, as pairs of the number under the root and the factor.
#: Such sums are equal only where all pairs are: roots of different squarefree numbers are independent.
Surd = tuple[tuple[int, Fraction], ...]

#: Pairs of binary rewards that a response can have.
PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


@cache
def _root(n: int) -> tuple[int, int]:
    """√n = k·√d with the largest k."""
    k, d = 1, n
    for i in range(2, n):
        while d % (i * i) == 0:
            k, d = k * i, d // (i * i)
        if i * i > d:
            break
    return k, d


def _standardised(values: tuple[int, ...], counts: tuple[int, ...]) -> list[tuple[int, Fraction]]:
    """(v - mean)/std of each value in a group in which it occurs so often; zeros where all are equal."""
    g = sum(counts)
    total = sum(v * n for v, n in zip(values, counts, strict=True))
    square = g * sum(v * v * n for v, n in zip(values, counts, strict=True)) - total**2  # G² times the variance
    if not square:
        return [(1, Fraction(0))] * len(values)
    k, d = _root(square)
    return [(d, Fraction(g * v - total, k * d)) for v in values]


def _surd(*terms: tuple[int, Fraction]) -> Surd:
    """The sum of some terms."""
    factors: dict[int, Fraction] = {}
    for d, factor in terms:
        factors[d] = factors.get(d, Fraction(0)) + factor
    return tuple(sorted((d, factor) for d, factor in factors.items() if factor))


def _classes(counts: tuple[int, ...], same: bool) -> tuple[frozenset[tuple[Surd, int]], frozenset[tuple[Surd, Surd]]]:
    """GDPO's advantages of a group with how often each occurs, and GRPO's advantage of each."""
    first = tuple(x for x, _ in PAIRS)
    second = first if same else tuple(y for _, y in PAIRS)
    one, two = _standardised(first, counts), _standardised(second, counts)
    both = _standardised(tuple(x + y for x, y in zip(first, second, strict=True)), counts)
    often: dict[Surd, int] = {}
    grouped = set()
    for a, b, c, n in zip(one, two, both, counts, strict=True):
        if n:
            key = _surd(a, b)
            often[key] = often.get(key, 0) + n
            grouped.add((key, _surd(c)))
    return frozenset(often.items()), frozenset(grouped)


def _merged(g: int, same: bool) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Numbers of responses with each pair of rewards, in two groups that GDPO does not tell apart and GRPO does."""
    seen: dict[frozenset[tuple[Surd, int]], tuple[frozenset[tuple[Surd, Surd]], tuple[int, ...]]] = {}
    for a, b, c in product(range(g + 1), repeat=3):
        if a + b + c > g:
            continue
        counts = (a, b, c, g - a - b - c)
        apart, together = _classes(counts, same)
        known = seen.setdefault(apart, (together, counts))
        if known[0] != together:
            return known[1], counts
    return None


@claim(
    "gdpo.resolution",
    paper=PAPER,
    equation="motivation",
    statement="GDPO tells apart every two groups that GRPO tells apart.",
    latex=r"A_{\mathrm{GDPO}}(r)=A_{\mathrm{GDPO}}(r') \Rightarrow A_{\mathrm{GRPO}}(r)=A_{\mathrm{GRPO}}(r')",
    assumptions=("two binary rewards of equal weight", "before the division by the batch's spread", "ε = 0"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="groups have less than 16 responses",
    breaks=(
        Break("both rewards are the same one", {"same": True}, Verdict.CERTIFIED),
        Break("groups of 16 are let in", {"below": 17}, Verdict.REFUTED),
    ),
)
def gdpo_resolution(quick: bool, *, same: bool = False, below: int = 16) -> CheckOutcome:
    """Exact advantages by the numbers of responses with each pair of rewards: the order of responses is free.

    At G = 16 the standard deviations √15/16 and √60/16 are 1 to 2: ten responses (1, 0) and one (0, 1) get advantages
    at the same distances as ten of a pair and one (0, 0) where both rewards have the same standard deviation.
    """
    found = _merged(16, same)
    literal = Evidence(
        "what GDPO makes equal GRPO makes equal",
        "G = 16, all pairs of binary rewards",
        Method.CASES,
        found is None,
        counterexample={}
        if found is None
        else {"g": 16, "responses with (0,0), (0,1), (1,0), (1,1)": list(map(list, found))},
    )
    r, other = np.array([[0.0, 1], [0, 1]]), np.array([[[0.0, 0], [0, 1]]])
    ours = gdpo(r, other, eps=0)
    tie = Evidence(
        "gdpo gives sums 0, 1 and 0, 2 different advantages",
        "one batch",
        Method.FLOATS,
        bool(abs(ours[1, 1] / ours[0, 1] - 2) < 1e-12 and ours[1, 1] > 0),
    )
    sizes = range(2, below)
    search = for_all(sizes if not quick else (2, 3, 4, 5, *range(16, below)), lambda g: _merged(g, same) is None)
    under = Evidence(
        "the same in smaller groups",
        f"G = 2..{below - 1}{' (2 to 5 if quick)' if quick else ''}, all pairs of binary rewards",
        Method.CASES,
        search.holds,
        counterexample={} if search.case is None else {"g": search.case},
    )
    return conclude(literal, tie, under=[under], condition="groups have less than 16 responses")


@claim(
    "gdpo.finer",
    paper=PAPER,
    equation="motivation",
    statement="GDPO tells apart some groups that GRPO does not: 01 and 10 of two rewards of different spread.",
    latex=r"\exists r, r':\ A_{\mathrm{GRPO}}(r)=A_{\mathrm{GRPO}}(r'),\ A_{\mathrm{GDPO}}(r)\ne A_{\mathrm{GDPO}}(r')",
    assumptions=("two binary rewards of equal weight", "before the division by the batch's spread", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("both rewards are the same one", {"same": True}, Verdict.REFUTED),),
)
def gdpo_finer(quick: bool, *, same: bool = False) -> CheckOutcome:
    """In a group with counts (1, 1, 2, 0) the pairs (0, 1) and (1, 0) have one sum and two of GDPO's advantages."""
    apart, together = _classes((1, 1, 2, 0), same)
    finer = len({advantage for advantage, _ in apart}) > len({advantage for _, advantage in together})
    return conclude(
        Evidence(
            "GDPO has more different advantages than GRPO",
            "one group of (0, 0), (0, 1) and two of (1, 0), which is an example",
            Method.SYMBOLIC,
            finer,
            counterexample={} if finer else {"responses with (0,0), (0,1), (1,0), (1,1)": [1, 1, 2, 0]},
        )
    )


@claim(
    "gdpo.training",
    paper=PAPER,
    equation="main results",
    statement="GDPO trains better than GRPO on several rewards.",
    latex=r"\text{GDPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
