"""Certificates of the claims about KTAE."""

from __future__ import annotations

from typing import Literal

from qae_sim.advantages import ktae
from qae_sim.advantages.tokens import association
from qae_sim.theory.certificates import Box, Counterexample, Enumeration, Identity, Part, Tie

#: Probability of k correct responses with the token, of R correct and W wrong ones, n with it; and Fisher's p-value.
_FISHER = {
    "single(k, R, W, n)": "binomial(R, k)*binomial(W, n - k)/binomial(R + W, n)",
    "least": "max(0, n - W)",
    "most": "min(R, n)",
    "fisher(a, R, W, n)": "sum(single(k, R, W, n) for k in range(least, most + 1) "
    "if single(k, R, W, n) <= single(a, R, W, n))",
}
_TABLES = {"R": "range(1, 6)", "W": "range(1, 6)", "n": "range(R + W + 1)", "a": "range(least, most + 1)"}
#: A share's angle is compared by its square root's arcsine; term frequencies by BM25 with k₁ = 2, b = 1/2.
_PLUS = {"plus(x)": "0 if x == 0 else x*log(x)"}
_GAIN = _PLUS | {
    "h(x, y)": "-plus(x/(x + y)) - plus(y/(x + y))",
    "joint": "-sum(plus(x/(a + b + c + d)) for x in [a, b, c, d])",
}

#: The key-token value of the table a, b, c, d: k₁ = 2, b = 1/2, a floor of 1e-5 below both ratios. Shares are 0, 1/2
#: or 1 here, whose roots have the arcsines 0, π/4 and π/2.
_KEY = _PLUS | {
    "single(a, b, c, d)": "binomial(a + c, a)*binomial(b + d, b)/binomial(a + b + c + d, a + b)",
    "chance(k, a, b, c, d)": "single(k, a + b - k, a + c - k, b + d - (a + b - k))",
    "fisher(a, b, c, d)": "sum(chance(k, a, b, c, d) for k in range(max(0, a - d), min(a + c, a + b) + 1) "
    "if chance(k, a, b, c, d) <= single(a, b, c, d))",
    "h(counts)": "-sum(plus(x/sum(counts)) for x in counts)",
    "gain(a, b, c, d)": "(h([a + c, b + d]) + h([a + b, c + d]) - h([a, b, c, d]))/log(2)",
    "strength(p)": "0 if p == 1 else exp(-2*p)",
    "angle(share)": "2*share*quarter",
    "often(count, own, all)": "3*count/(2*(1/2 + own/all) + count)",
    "ratio(x, y)": "x/(y + 1/10**5) - y/(x + 1/10**5)",
}
#: π/4 between Archimedes' bounds of π, 223/71 and 22/7.
_QUARTER = {"quarter": ("223/284", "22/28")}

_PI_QUARTER = "785398163397448309615660845819/10**30"


def _first_key(variant: Literal["paper", "code"]) -> float:
    """The value of token 1 in the group of ktae.paper-and-code, by this package."""
    ids = [[2, 0, 0], [1, 0, 0], [3, 1, 0], [1, 2, 2]]
    mask = [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    return float(ktae([1, 1, 0, 0], ids, mask, variant=variant).key_values[1, 0])


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "ktae.fisher-code": (
        Enumeration(
            "the p-value counts choices: a choice of n of R + W responses is a list of bits, all as likely",
            "fisher(a, R, W, n)*binomial(R + W, n) == sum(1 for s in tuples([0, 1], R + W) if sum(s) == n "
            "and single(sum(s[i] for i in range(R)), R, W, n) <= single(a, R, W, n))",
            where=_FISHER,
            cases={"R": "range(1, 4)", "W": "range(1, 4)", "n": "range(R + W + 1)", "a": "range(least, most + 1)"},
            count=81,
            ties=(
                Tie(
                    "sum(single(k, 3, 4, 3) for k in range(4) if single(k, 3, 4, 3) <= single(a, 3, 4, 3))",
                    lambda a: float(association(7, 3, "code")[0][a, 3 - a]),
                    {"a": (0, 3)},
                ),
            ),
        ),
    ),
    "ktae.fisher-printed": (
        Counterexample(
            "the probability of the table is the p-value",
            "single(a, R, W, n) == fisher(a, R, W, n)",
            where=_FISHER,
            at={"a": "2", "R": "2", "W": "2", "n": "2"},
        ),
        Enumeration(
            "it is a lower bound",
            "single(a, R, W, n) <= fisher(a, R, W, n)",
            where=_FISHER,
            cases=_TABLES,
            count=400,
        ),
    ),
    "ktae.information-gain": (
        Identity(
            "products of margins add up to N²; the first cell's differs from its share by ad - bc",
            "(a + b)*(a + c) + (a + b)*(b + d) + (c + d)*(a + c) + (c + d)*(b + d) == (a + b + c + d)**2 "
            "and a*(a + b + c + d) - (a + b)*(a + c) == a*d - b*c",
            variables=("a", "b", "c", "d"),
        ),
        Enumeration(
            "where ad is not bc the gain is positive",
            "h(a + c, b + d) + h(a + b, c + d) - joint > 0",
            where=_GAIN,
            cases={"a": "[1, 2, 3]", "b": "[1, 2, 3]", "c": "[1, 2]", "d": "[1, 2]"},
            only="a*d < b*c or a*d > b*c",
            count=28,
        ),
    ),
    "ktae.jump": (
        Counterexample(
            "F at the p-value of the table (3, 3, 3, 1) is within 1/5 of F = 0 at p = 1",
            "exp(-2*fisher(3, R, W, n)) < 1/5",
            where=_FISHER,
            at={"R": "6", "W": "4", "n": "6"},
        ),
    ),
    "ktae.bounds": (
        Identity(
            "1/2 less and plus σ - 1/2, with y = exp(-x)",
            "1/2 - (1/(1 + y) - 1/2) == y/(1 + y) and 1/2 + (1/(1 + y) - 1/2) == 1/(1 + y)",
            variables=("y",),
        ),
    ),
    "ktae.everywhere-token": (
        Identity("ad - bc with c = d = 0", "a*0 - b*0 == 0", variables=("a", "b")),
        Enumeration(
            "the only table of its margins",
            "single(R, R, W, R + W) == 1",
            where=_FISHER,
            cases={"R": "range(1, 9)", "W": "range(1, 9)"},
            count=64,
        ),
    ),
    "ktae.sign": (
        Identity("which share is larger", "a*(b + d) - b*(a + c) == a*d - b*c", variables=("a", "b", "c", "d")),
    ),
    "ktae.weights": (
        Identity(
            "the strength takes the factor, its quotient does not; and 1/(1+y) falls",
            "(s*h*F + s*k*I)/(s*h + s*k) == (h*F + k*I)/(h + k) and s*h*F + s*k*I == s*(h*F + k*I) "
            "and 1/(1 + y) - 1/(1 + z) == (z - y)/((1 + y)*(1 + z))",
            variables=("s", "h", "k", "F", "I", "y", "z"),
        ),
    ),
    "ktae.paper-and-code": (
        Box(
            "tokens 1 and 2 of 2 | 1 (correct), 3 1 | 1 2 2 (wrong) swap: the paper puts 1 below 2, the code above. "
            "The value rises with x, which is compared; the code divides counts by lengths, its p-value is two-sided",
            "paper(1, 2, 1, 0, 1, 2) < paper(1, 1, 1, 1, 1, 2) and code(1, 2, 1, 0, 1, 2) > code(1, 1, 1, 1, 1, 2)",
            where=_KEY
            | {
                "turn(a, b, c, d)": "angle(a/(a + c)) - angle(b/(b + d))",
                "paper(a, b, c, d, m, n)": "(strength(single(a, b, c, d)) + gain(a, b, c, d))*(turn(a, b, c, d) "
                "+ ratio(often(m, 2, 7), often(n, 5, 7)))",
                "code(a, b, c, d, m, n)": "(strength(fisher(a, b, c, d)) + equal(a, b, c, d))*(turn(a, b, c, d) "
                "+ ratio(often(m/2, 2, 7), often(n/5, 5, 7)))",
                "equal(a, b, c, d)": "0 if a*d == b*c else gain(a, b, c, d)",
            },
            over=_QUARTER,
            ties=(
                Tie(
                    "1/(1 + exp(-paper(1, 2, 1, 0, 1, 2))) - 1/2",
                    lambda quarter: _first_key("paper"),
                    {"quarter": (_PI_QUARTER, _PI_QUARTER)},
                ),
                Tie(
                    "2/(1 + exp(-code(1, 2, 1, 0, 1, 2)/2)) - 1",
                    lambda quarter: _first_key("code"),
                    {"quarter": (_PI_QUARTER, _PI_QUARTER)},
                ),
            ),
        ),
    ),
    "ktae.zero-sum": (
        Box(
            "the values of 1 2 | 1 3 (correct), 3 2 | 2 3 (wrong) add up to less than 0: 2·v(1) + 3·v(2) + 3·v(3)",
            "2*v(2, 0, 0, 2, 2, 0) + 3*v(1, 2, 1, 0, 1, 2) + 3*v(1, 2, 1, 0, 1, 2) < 0",
            where=_KEY
            | {
                "v(a, b, c, d, m, n)": "1/(1 + exp(-x(a, b, c, d, m, n))) - 1/2",
                "x(a, b, c, d, m, n)": "(strength(single(a, b, c, d)) + gain(a, b, c, d))*(angle(a/(a + c)) "
                "- angle(b/(b + d)) + ratio(often(m, 4, 8), often(n, 4, 8)))",
            },
            over=_QUARTER,
        ),
    ),
}
