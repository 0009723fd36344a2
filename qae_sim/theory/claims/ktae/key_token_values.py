"""KTAE's key-token value: bounds, signs, sums, and what changes between paper and code."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from qae_sim.advantages import ktae
from qae_sim.theory.arithmetic import arb, ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ktae import PAPER
from qae_sim.theory.claims.ktae.contingency_tables import information_gain, single, tables, two_sided
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every, for_all

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
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("a token that all but one contain", {"missing": 1}, Verdict.REFUTED),),
)
def everywhere(quick: bool, *, missing: int = 0) -> CheckOutcome:
    """Its table is the only one with its margins, C(R, R)·C(W, W)/C(G, G) = 1; and ad - bc = 0, so that IG = 0."""
    a, b, c = ring("a", "b", "c")
    silent = a * (0 * a) - b * (missing * c) == 0  # ad - bc with d = 0, and c = 0 unless one is missing
    largest, found = (6 if quick else 12), None
    for g in range(3, largest + 1):
        for correct in range(1, g):
            p = single(correct - missing, g - correct, missing, 0)
            if found is None and p != 1:
                found = {"g": g, "correct": correct, "without it": missing, "Fisher": str(p)}
    often = float(np.abs(keys(([[1, 1, 1, 2], [1, 3], [1, 2], [1, 1]], [1, 1, 0, 0]))[:, 0]).max())
    return conclude(
        Evidence(
            "ad - bc is 0 where c = d = 0, and a single table has the margins (R, W, 0, 0)",
            "every group",
            Method.SYMBOLIC,
            bool(silent),
            counterexample={} if silent else {"a": 1, "b": 1, "c": 1, "d": 0, "ad - bc": -1},
        ),
        Evidence(
            "Fisher = 1",
            f"G = 3..{largest}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=not missing,
        ),
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
    assumptions=("the paper's formula, h₃ = 1", "h₁ >= 0, h₂ > 0"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="it is enough that h₃ = 0: the term frequencies are left out",
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
    # Of the strength h₁F + h₂IG the gain is positive unless ad = bc (ktae.information-gain); of the direction the angle
    # is, because arcsin and the root rise. Both by the sign of ad - bc:
    a, b, c, d = ring("a", "b", "c", "d")
    lead = a * (b + d) - b * (a + c) == a * d - b * c
    leading = (t for t in tables(6 if quick else 10) if t[0] * (t[1] + t[3]) > t[1] * (t[0] + t[2]))
    with ctx.workprec(64):
        search = for_all(leading, lambda t: information_gain(*t) > 0)
    found = dict(zip("abcd", search.case or (), strict=False))
    under = [
        Evidence(
            "a/(a+c) > b/(b+d) is ad > bc, where angle and information gain are positive",
            "every group with correct and wrong responses",
            Method.SYMBOLIC,
            bool(lead),
        ),
        Evidence(
            "the information gain is positive",
            "all tables of small groups with a/(a+c) > b/(b+d)",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=True,
        ),
    ]
    return conclude(
        literal,
        _ties(group),
        under=under,
        condition="it is enough that h₃ = 0: the term frequencies are left out",
        controls=[_key_by_hand()],
    )


def _key_by_hand() -> Evidence:
    """A token in the one correct and not in the one wrong response, h₃ = 0: p = 1/2, IG = 1 bit, angle π/2."""
    value = key_value(([[1], [2]], [1, 0]), 1, h3=0)
    with ctx.workprec(64):
        x = ((-Ball(1)).exp() + 1) * Ball(arb.pi()) / 2
        stated = 1 / (1 + (-x).exp()) - number("1/2")
        right = abs(value - stated) < number("1e-12")
    return Evidence(
        "in the one correct and not in the one wrong response: F = e^-1, IG = 1, angle π/2, and σ((e^-1 + 1)π/2) - 1/2",
        "by hand, h₃ = 0",
        Method.INTERVALS,
        right,
    )


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
    condition="only the signs are compared, and h₃ = 0: both have that of a/(a+c) - b/(b+d), or are 0",
    breaks=(Break("paper against paper", {"other": "paper"}, Verdict.CERTIFIED),),
)
def paper_and_code(quick: bool, *, other: str = "code") -> CheckOutcome:
    """A group of four in which two tokens swap: the code divides counts by lengths, and its p-value is another one."""
    group: Group = ([[2], [1], [3, 1], [1, 2, 2]], [1, 1, 0, 0])
    with ctx.workprec(64):
        first, second = ([key_value(group, token, variant=variant) for token in (1, 2)] for variant in ("paper", other))
        below = first[0] < first[1]
        kept = ~below | (second[0] <= second[1])
        swaps = kept is Truth.NO
        silent = abs(key_value(group, 2, variant="code")) < number("1e-12")
    return conclude(
        Evidence(
            "token 1, which the paper's values put below token 2, is not above it in the code's",
            "a group of four responses",
            Method.INTERVALS,
            kept,
            counterexample={
                "tokens": group[0],
                "rewards": group[1],
                "pair": [1, 2],
                "paper": [digits(x, 6) for x in first],
                "code": [digits(x, 6) for x in second],
            }
            if swaps
            else {},
        ),
        _ties(group),
        _ties(group, "code"),
        controls=[
            Evidence(
                "in one correct of two and one wrong of two p = 1 and IG = 0: token 2 has the value 0 in the code",
                "by hand",
                Method.INTERVALS,
                silent,
            ),
            _key_by_hand(),
        ],
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
    condition="it is enough that h₁ = h₂ = 0, or that every token has a mirror image, correct for wrong",
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
        controls=[_mirrored_sum(), _key_by_hand()],
    )


def _mirrored_sum() -> Evidence:
    """A group that is its own mirror image, correct for wrong: the values cancel."""
    group: Group = ([[1, 3], [2, 3]], [1, 0])
    with ctx.workprec(64):
        cancels = abs(total(key_value(group, token) for row in group[0] for token in row)) < number("1e-12")
    return Evidence(
        "where correct and wrong responses are mirror images the values cancel",
        "tokens 1, 3 correct and 2, 3 wrong, by hand",
        Method.INTERVALS,
        cancels,
    )


@claim(
    "ktae.weights",
    paper=PAPER,
    equation="h₁ and h₂",
    statement="One factor on both h₁ and h₂ keeps the order of a group's key-token values and their signs; the values "
    "of the code, which divides by h₁ + h₂, it does not change.",
    latex=r"(h_1, h_2) \to s\,(h_1, h_2):\quad \sigma(s x) - \tfrac12 \text{ rises in } x,\quad "
    r"\frac{s h_1 F + s h_2\,\mathrm{IG}}{s h_1 + s h_2} = \frac{h_1 F + h_2\,\mathrm{IG}}{h_1 + h_2}",
    assumptions=("a factor s > 0",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the factor on h₁ alone", {"both": False}, Verdict.REFUTED),),
)
def weights(quick: bool, *, both: bool = True) -> CheckOutcome:
    """The strength is linear in h₁ and h₂, and the logistic function rises; and values of one group."""
    s, h, k, f, gain, y, z = ring("s", "h", "k", "F", "I", "y", "z")
    other = s * k if both else k
    linear = (s * h * f + other * gain) - s * (h * f + k * gain)
    quotient = (s * h * f + other * gain) * (h + k) - (h * f + k * gain) * (s * h + other)
    # With y = e^(-x): 1/(1+y) - 1/(1+z) times both denominators is z - y, so that a larger x, a smaller y, is above.
    rises = (1 + z) - (1 + y) == z - y
    group: Group = ([[1, 1], [1, 2], [2, 2], [3, 1]], [1, 1, 0, 0])
    with ctx.workprec(64):
        one, three = ([key_value(group, token, strength=factor) for token in (1, 2, 3)] for factor in (1, 3))
        pairs = [(i, j) for i in range(3) for j in range(i)]
        ordered = every(
            (one[i] < one[j]) & (three[i] < three[j]) | (one[i] > one[j]) & (three[i] > three[j]) for i, j in pairs
        )
        codes = [[key_value(group, token, variant="code", strength=x) for token in (1, 2, 3)] for x in (1, 3)]
        same = every(abs(x - y) < number("1e-12") for x, y in zip(*codes, strict=True))
    proved = linear == 0 and quotient == 0 and rises
    return conclude(
        Evidence(
            "h₁F + h₂IG takes the factor, its quotient by h₁ + h₂ does not, and the logistic function rises",
            "every s, h₁, h₂, F and IG",
            Method.SYMBOLIC,
            bool(proved),
            counterexample={} if proved else {"s": 2, "h1": 1, "h2": 1, "F": 1, "IG": 0, "strength": [0.5, 2 / 3]},
        ),
        Evidence(
            "three tokens keep their order, and the code's values stay",
            "a group of four, s = 3",
            Method.INTERVALS,
            ordered & same,
            confirms=True,
        ),
        _ties(group),
        _ties(group, "code"),
    )
