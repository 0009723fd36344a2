"""KTAE's key-token value: bounds, signs, sums, and what changes between paper and code."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from flint import ctx

from qae_sim.advantages import ktae
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, unchecked
from qae_sim.theory.claims.ktae import PAPER
from qae_sim.theory.claims.ktae.contingency_tables import information_gain, single, tables, two_sided
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, for_all

#: A group of token sequences: tokens by response, and rewards.
Group = tuple[list[list[int]], list[int]]


def keys(group: Group, **options: Any) -> np.ndarray:
    """The project's key values of a group's tokens, padded with 0."""
    tokens, rewards = group
    width = max(map(len, tokens))
    ids = [row + [0] * (width - len(row)) for row in tokens]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in tokens]
    return np.asarray(ktae(rewards, ids, mask, **options).key_values)


def key_value(group: Group, token: int, *, variant: str = "paper", strength: int = 1, h3: int = 1) -> Ball:
    """The same of one token, rigorously: h₁ = h₂ = strength, k₁ = 2, b = 1/2, floor 1e-5 under both ratios."""
    tokens, rewards = group
    sides = [[row for row, r in zip(tokens, rewards, strict=True) if (r > 0) == right] for right in (True, False)]
    a, b = (sum(token in row for row in side) for side in sides)
    c, d = len(sides[0]) - a, len(sides[1]) - b
    fisher = single(a, b, c, d) if variant == "paper" else two_sided(a, b, c, d)
    weight = (Ball(0) if fisher == 1 else (-2 * number(fisher)).exp()) + information_gain(a, b, c, d)
    length = [sum(map(len, side)) for side in sides]
    mean = Fraction(sum(length), 2)
    frequency = []
    for side, tokens_of_side in zip(sides, length, strict=True):
        count = Fraction(sum(row.count(token) for row in side), 1 if variant == "paper" else tokens_of_side)
        frequency.append(3 * count / (2 * (Fraction(1, 2) + Fraction(tokens_of_side) / (2 * mean)) + count))
    floor = Fraction(1, 10**5)
    angle = number(Fraction(a, a + c)).sqrt().asin() - number(Fraction(b, b + d)).sqrt().asin()
    ratio = frequency[0] / (frequency[1] + floor) - frequency[1] / (frequency[0] + floor)
    x = strength * weight * (angle + h3 * number(ratio))
    return (x / 2).tanh() / 2 if variant == "paper" else (x / (4 * strength)).tanh()


def _ties(group: Group, variant: str = "paper") -> Evidence:
    """Whether the project's floats are the rigorous values."""
    ours = keys(group, variant=variant)
    agrees, gap = near(
        (
            (float(ours[i, t]), key_value(group, token, variant=variant))
            for i, row in enumerate(group[0])
            for t, token in enumerate(row)
        ),
        "1e-12",
    )
    return Evidence(f"ktae(variant={variant!r}) gives the same", "that group", Method.FLOATS, agrees, gap)


@claim(
    "ktae.bounds",
    paper=PAPER,
    equation="Advantage",
    statement="A key-token value lies between -1/2 and 1/2 in the paper, and between -1 and 1 in the code.",
    latex=r"\big|\sigma(x) - \tfrac12\big| < \tfrac12,\quad \big|2(\sigma(x)-\tfrac12)\big| < 1",
    assumptions=("real x",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the code's value in the paper's bounds", {"variant": "code"}, Verdict.REFUTED),),
)
def bounds(quick: bool, *, variant: str = "paper") -> CheckOutcome:
    """σ is between 0 and 1; floats reach the bounds, because a token on one side only has a ratio of thousands."""
    # With y = e^(-x) > 0 the value is (1 - y)/(2(1 + y)); 1/2 minus and plus it are y/(1 + y) and 1/(1 + y), over 1.
    (y,) = ring("y")
    sides = (1 + y) - (1 - y) == 2 * y and (1 + y) + (1 - y) == 2
    with ctx.workprec(128):

        def value(x: int) -> Ball:
            key = 1 / (1 + (-number(x)).exp()) - number("1/2")
            return key * 2 if variant == "code" else key

        search = for_all((-30, -3, 0, 3, 30), lambda x: abs(value(x)) < number("1/2"))
        found = {} if search.case is None else {"exponent": search.case, "value": digits(value(search.case), 12)}
    largest = float(np.abs(keys(([[1], [1], [2], [2]], [1, 1, 0, 0]))).max())
    code = float(np.abs(keys(([[1], [1], [2], [2]], [1, 1, 0, 0]), variant="code")).max())
    return conclude(
        Evidence(
            "1/2 ∓ (σ(x) - 1/2) are y/(1+y) and 1/(1+y) with y = e^(-x) > 0: both positive",
            "every x",
            Method.SYMBOLIC,
            sides,
        ),
        Evidence(
            "the value is inside the bounds",
            "x = -30, -3, 0, 3, 30",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=True,
        ),
        Evidence(
            "ktae stays within them, ends included",
            "a token on one side only",
            Method.FLOATS,
            largest <= 0.5 and code <= 1,
            f"{largest}, {code}",
        ),
    )


@claim(
    "ktae.everywhere-token",
    paper=PAPER,
    equation="Key-token value",
    statement="A token that all responses of a group contain has the value 0, however often it occurs.",
    latex=r"c = d = 0 \Rightarrow F = \mathrm{IG} = 0 \Rightarrow \mathrm{key} = 0",
    assumptions=("both correct and wrong responses",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    breaks=(Break("a token that all but one contain", {"missing": 1}, Verdict.REFUTED),),
)
def everywhere(quick: bool, *, missing: int = 0) -> CheckOutcome:
    """Its table is the only one with its margins: p = 1, and presence says nothing."""
    largest, found = (8 if quick else 32), None
    for g in range(2, largest + 1):
        for correct in range(1, g):
            a, b = correct - missing, g - correct
            p = single(a, b, correct - a, 0)
            if found is None and (p != 1 or a * 0 != b * (correct - a)):
                found = {"g": g, "correct": correct, "without it": missing, "Fisher": str(p)}
    often = float(np.abs(keys(([[1, 1, 1, 2], [1, 3], [1, 2], [1, 1]], [1, 1, 0, 0]))[:, 0]).max())
    return conclude(
        Evidence("Fisher = 1 and IG = 0", f"G = 2..{largest}", Method.CASES, found is None, counterexample=found or {}),
        Evidence("ktae gives 0", "a token in all of four responses", Method.FLOATS, often == 0, f"{often}"),
        _response_alone(),
    )


def _response_alone() -> Evidence:
    """Where the value is 0 the response's part is left: 1/2 over σ, which the released code divides by G - 1."""
    group = ([1, 1, 0, 0], [[1]] * 4, [[1]] * 4)
    paper = float(ktae(*group, variant="paper", eps=0).advantages[0, 0])
    code = float(ktae(*group, variant="code", eps=0).advantages[0, 0])
    gap = abs(paper - 1) + abs(code - 0.75**0.5)
    what = "its advantage is that of the response, 1 in the paper and √3/2 in the code, to 1e-12"
    return Evidence(what, "two successes in four", Method.FLOATS, gap < 1e-12, f"{gap:.1e}")


@claim(
    "ktae.sign",
    paper=PAPER,
    equation="D(o)",
    statement="The key-token value is positive for tokens that a larger share of the correct than of the wrong "
    "responses contains.",
    latex=r"\frac{a}{a+c} > \frac{b}{b+d} \Rightarrow \mathrm{key}(o) > 0",
    assumptions=("the paper's formula, h₃ = 1",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="h₃ = 0: the term frequencies are left out",
    breaks=(
        Break("the condition is dropped", {"condition": False}, Verdict.REFUTED),
        Break("term frequencies left out (h₃ = 0)", {"h3": 0}, Verdict.CERTIFIED),
    ),
)
def sign(quick: bool, *, h3: int = 1, condition: bool = True) -> CheckOutcome:
    """The BM25 terms count occurrences: a token that one wrong response repeats counts as a sign of failure."""
    group: Group = ([[1, 2, 2, 2, 2, 2], [1, 3, 3, 3, 3, 3], [1, 1, 1, 1, 1, 1], [4, 5]], [1, 1, 0, 0])
    value = key_value(group, 1, h3=h3)
    literal = Evidence(
        "a token in both correct and in one of two wrong responses, which repeats it, has a positive value",
        "a group of four",
        Method.INTERVALS,
        value > 0,
        margin=digits(value, 8),
        counterexample={}
        if value > 0
        else {"tokens": group[0], "rewards": group[1], "token": 1, "key": digits(value, 8)},
    )
    if not condition:
        return conclude(literal)
    # The angle is positive because arcsin and the root rise; the strength is exp(-2p) unless p = 1.
    leading = (t for t in tables(8 if quick else 14) if t[0] * (t[1] + t[3]) > t[1] * (t[0] + t[2]))
    search = for_all(leading, lambda t: single(*t) < 1)
    found = dict(zip("abcd", search.case or (), strict=False))
    under = Evidence(
        "strength and angle are positive",
        "all tables of small groups",
        Method.CASES,
        search.holds,
        counterexample=found,
    )
    return conclude(literal, _ties(group), under=[under], condition="h₃ = 0: the term frequencies are left out")


@claim(
    "ktae.paper-and-code",
    paper=PAPER,
    equation="Paper against released code",
    statement="Paper and code order the tokens of a group in the same way.",
    latex=r"\mathrm{key}_{\mathrm{paper}}(o) < \mathrm{key}_{\mathrm{paper}}(o') \Rightarrow "
    r"\mathrm{key}_{\mathrm{code}}(o) \le \mathrm{key}_{\mathrm{code}}(o')",
    assumptions=("default parameters",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("paper against paper", {"other": "paper"}, Verdict.STATISTICAL),),
)
def paper_and_code(quick: bool, *, other: str = "code") -> CheckOutcome:
    """Small groups, searched in a fixed order, for two tokens that the two formulas put in opposite order."""
    found = None
    rng = np.random.default_rng(0)
    for _ in range(400):
        tokens = [rng.integers(1, 6, size=rng.integers(1, 7)).tolist() for _ in range(5)]
        group: Group = (tokens, [1, 1, 0, 0, 0])
        of_token = [
            {
                token: float(value)
                for row, values in zip(tokens, keys(group, variant=variant), strict=True)
                for token, value in zip(row, values, strict=False)
            }
            for variant in ("paper", other)
        ]
        swapped = [
            (u, v)
            for u in of_token[0]
            for v in of_token[0]
            if of_token[0][u] < of_token[0][v] - 1e-9 and of_token[1][u] > of_token[1][v] + 1e-9
        ]
        if not swapped:
            continue
        one, two = swapped[0]
        rigorous = [[key_value(group, token, variant=variant) for token in (one, two)] for variant in ("paper", other)]
        if rigorous[0][0] < rigorous[0][1] and rigorous[1][0] > rigorous[1][1]:
            found = {
                "tokens": tokens,
                "rewards": group[1],
                "pair": [one, two],
                "paper": [digits(x, 6) for x in rigorous[0]],
                "code": [digits(x, 6) for x in rigorous[1]],
            }
            break
    return conclude(
        Evidence(
            "no two tokens swap",
            "up to 400 random groups of five responses of up to six tokens",
            Method.INTERVALS if found else Method.SAMPLES,
            found is None,
            counterexample=found or {},
        ),
        _ties(group),
        _ties(group, "code"),
    )


@claim(
    "ktae.zero-sum",
    paper=PAPER,
    equation="Advantage",
    statement="KTAE's token advantages of a group add up to zero over all tokens, as GRPO's do when lengths are equal.",
    latex=r"\sum_{i,t} \hat A^{\mathrm{KTAE}}_{i,t} = 0",
    assumptions=("responses of equal lengths",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("GRPO's part alone (h₁ = h₂ = 0)", {"strength": 0}, Verdict.CERTIFIED),),
)
def zero_sum(quick: bool, *, strength: int = 1) -> CheckOutcome:
    """One group in which a token is on the correct side only, and its counterpart on both."""
    group: Group = ([[1, 2], [1, 3], [3, 2], [2, 3]], [1, 1, 0, 0])
    # GRPO's part is 0: two tokens of each of +1, +1, -1, -1.
    key_sum = total(key_value(group, token, strength=strength) for row in group[0] for token in row)
    zero = key_sum == 0
    return conclude(
        Evidence(
            "the sum over all tokens is 0",
            "a group of four responses of two tokens",
            Method.INTERVALS,
            zero,
            digits(key_sum, 8),
            counterexample={"tokens": group[0], "rewards": group[1], "sum": digits(key_sum, 8)}
            if zero is Truth.NO
            else {},
        ),
        _ties(group),
    )


@claim(
    "ktae.weights",
    paper=PAPER,
    equation="h₁, h₂, h₃",
    statement="The weights of association, information gain and term frequency.",
    latex=r"h_1, h_2, h_3",
    expected=Verdict.OPEN,
    origin=Origin.IMPLIED,
)
def weights(quick: bool) -> CheckOutcome:
    """Not checked."""
    return unchecked(
        "the paper's values were not found; the released code uses 1, 1 and a switch, and its scripts set one that "
        "the code does not read"
    )
