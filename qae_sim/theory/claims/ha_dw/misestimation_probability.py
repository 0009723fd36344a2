"""HA-DW's Theorem 2 and its corollaries: how likely the group mean is to under- or overestimate.

The advantage is underestimated exactly when p̂ > p. On p in (j/G, (j+1)/G) that is the event of more than j successes,
so the probability given a mixed group is a polynomial over A(p); averages over uniform p are sums of integrals over
those pieces, enclosed rigorously. Averages that weigh p by A(p), as the conditional probability reads, need no
division and are rational numbers.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from qae_sim.theory.arithmetic import acb, ctx, fmpq_poly, fmpz_poly
from qae_sim.theory.ball import Ball, greatest
from qae_sim.theory.ball import smallest as smallest_ball
from qae_sim.theory.binomial import binomial_probabilities, binomial_term, mixed
from qae_sim.theory.certified import digits, integral, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import Y, rational, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, for_all


def above(g: int, j: int) -> fmpz_poly:
    """Chance of more than j successes, not all: Σ_{k>j}^{G-1} C(G, k) p^k (1-p)^{G-k}."""
    return sum((binomial_term(g, k) for k in range(j + 1, g)), fmpz_poly())


def pieces(g: int, low: Fraction, high: Fraction) -> list[tuple[int, Fraction, Fraction]]:
    """The pieces (j/G, (j+1)/G) of an interval of success rates."""
    found = []
    for j in range(g):
        one, other = max(low, Fraction(j, g)), min(high, Fraction(j + 1, g))
        if one < other:
            found.append((j, one, other))
    return found


def uniform_average(g: int, low: Fraction, high: Fraction) -> Ball:
    """Mean over p uniform on (low, high) of P(p̂ > p | S)."""
    total = Ball(0)
    for j, one, other in pieces(g, low, high):
        if j == 0:
            total += number(other - one)  # any success at all is above p
        else:
            numerator, denominator = above(g, j), mixed(g)
            total += integral(lambda x, n=numerator, d=denominator: _value(n, x) / _value(d, x), one, other)  # type: ignore[misc]
    return total / number(high - low)


def _value(polynomial: fmpz_poly, x: acb) -> acb:
    """A polynomial at a complex interval, by Horner's rule."""
    total = acb(0)
    for coefficient in reversed(polynomial.coeffs()):
        total = total * x + coefficient
    return total


def weighted_average(g: int, low: Fraction, high: Fraction) -> Fraction:
    """P(p̂ > p | S, p in (low, high)) for p uniform before a mixed group was seen: ∫ P(p̂ > p, S) / ∫ P(S)."""
    total = sum((_area(above(g, j), one, other) for j, one, other in pieces(g, low, high)), Fraction(0))
    return total / _area(mixed(g), low, high)


def _area(polynomial: fmpz_poly, low: Fraction, high: Fraction) -> Fraction:
    """Exact integral of a polynomial."""
    primitive = fmpq_poly(polynomial).integral()
    difference = primitive(rational(high)) - primitive(rational(low))
    return Fraction(int(difference.numerator), int(difference.denominator))


@claim(
    "ha-dw.theorem2",
    paper=PAPER,
    equation="Theorem 2",
    statement="The probability that a hard prompt's advantage is underestimated by more than ε is the stated binomial "
    "sum, exactly; likewise for easy prompts.",
    latex=r"P(A_i - \hat A_i > \varepsilon \mid S) = \frac{\sum_{k=\lfloor G(p+\varepsilon)\rfloor+1}^{G-1}"
    r"\binom Gk p^k(1-p)^{G-k}}{1-(1-p)^G-p^G}",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the sum begins at the floor itself", {"begin": 0}, Verdict.REFUTED),
        Break("at least ε instead of more than ε", {"strict": False}, Verdict.REFUTED),
    ),
)
def theorem2(quick: bool, *, begin: int = 1, strict: bool = True) -> CheckOutcome:
    """Where the event begins, for every G, p and ε; and both sides in exact arithmetic."""
    top, steps = (8, 10) if quick else (10, 12)
    found, cases = None, 0
    for g in range(2, top + 1):
        for i in range(1, steps):
            p = Fraction(i, steps)
            chances = binomial_probabilities(p, g)
            for j in range(2 * steps):
                eps = Fraction(j, 4 * steps)
                for hard in (True, False):
                    gaps = [(Fraction(k, g) - p if hard else p - Fraction(k, g)) for k in range(g + 1)]
                    event = [k for k in range(1, g) if (gaps[k] > eps if strict else gaps[k] >= eps)]
                    first, last = (floor(g * (p + eps)) + begin, g - 1) if hard else (1, ceil(g * (p - eps)) - begin)
                    stated = range(max(first, 1), min(last, g - 1) + 1)
                    cases += 1
                    if found is None and sum(chances[k] for k in event) != sum(chances[k] for k in stated):
                        found = {"g": g, "p": float(p), "eps": float(eps), "side": "hard" if hard else "easy"}
    return conclude(
        first_above(begin, strict),
        Evidence(
            "both sides of both equations are equal",
            f"G = 2..{top}, p in steps of 1/{steps}, ε in steps of 1/{4 * steps}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"cases": cases},
            confirms=begin == 1 and strict,
        ),
    )


def first_above(begin: int, strict: bool) -> Evidence:
    """Whether the whole numbers above x are those from ⌊x⌋ + begin on, x = n + f with 0 <= f < 1.

    n + begin has the distance begin - f from x, the number before it begin - 1 - f: over all f the first lies in
    (begin - 1, begin], the second in (begin - 2, begin - 1].
    """
    n, f = ring("n", "f")
    distances = (n + begin) - (n + f) == begin - f and (n + begin - 1) - (n + f) == begin - 1 - f
    counted = begin >= 1  # above 0 for all f, and with f -> 1 for none less
    left_out = begin - 1 <= 0 if strict else begin - 1 < 0
    return Evidence(
        f"k {'>' if strict else '>='} G(p+ε) exactly if k >= ⌊G(p+ε)⌋ + {begin}; mirrored for easy prompts",
        "every G, p and ε",
        Method.SYMBOLIC,
        bool(distances and counted and left_out),
        counterexample={} if counted and left_out else {"G(p + eps)": 1, "successes": 1},
    )


#: Corollary 1: upper ends of the hard prompts, with the constants that are claimed.
COROLLARY_1 = ((Fraction(1, 2), "0.63"), (Fraction(1, 4), "0.78"))


@claim(
    "ha-dw.corollary1",
    paper=PAPER,
    equation="Corollary 1",
    statement="For groups of 2 to 8 and p uniform, hard prompts (p < .5, .25, .125) are underestimated with a "
    "probability above .63, above .78, and of 1.",
    latex=r"\tfrac{1}{p_2}\int_0^{p_2} P(\hat p > p \mid S, p)\,\mathrm dp > 0.63,\ 0.78,\ = 1",
    assumptions=("p uniform, every p with the same weight", "mixed groups", "2 <= G <= 8"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.QUOTED,
    breaks=(
        Break("every p weighs by its chance of a mixed group", {"weighted": True}, Verdict.REFUTED),
        Break("groups up to 10", {"largest": 10}, Verdict.REFUTED),
    ),
)
def corollary1(quick: bool, *, weighted: bool = False, largest: int = 8) -> CheckOutcome:
    """Both averages with rigorous integrals; easy prompts are the mirror image, k -> G-k and p -> 1-p."""
    evidence = []
    with ctx.workprec(64):
        for end, constant in COROLLARY_1:
            values = {
                g: number(weighted_average(g, Fraction(0), end)) if weighted else uniform_average(g, Fraction(0), end)
                for g in range(2, largest + 1)
            }
            search = for_all(values, lambda g, v=values, c=constant: v[g] > number(c))  # type: ignore[misc]
            low = min(values, key=lambda g: values[g].middle)
            evidence.append(
                Evidence(
                    f"the average over p < {end} is above {constant}",
                    f"G = 2..{largest}",
                    Method.INTERVALS,
                    search.holds,
                    margin=digits(values[low] - number(constant), 6),
                    counterexample={"g": low, "p below": float(end), "average": digits(values[low], 8)}
                    if search.case
                    else {},
                    figures={"average by G": {g: digits(value, 10) for g, value in values.items()}},
                )
            )
    groups = ((g, k) for g in range(2, largest + 1) for k in range(g + 1))
    mirrored = all(binomial_term(g, k)(Y) == binomial_term(g, g - k) for g, k in groups)
    certain = all(Fraction(1, 8) <= Fraction(1, g) for g in range(2, min(largest, 8) + 1))
    return conclude(
        *evidence,
        Evidence("p < 1/8 <= 1/G: one success is above p", "every p < 1/8, G = 2..8", Method.SYMBOLIC, certain),
        Evidence("easy prompts are the mirror image", f"G = 2..{largest}", Method.SYMBOLIC, mirrored),
    )


@claim(
    "ha-dw.corollary1-weighted",
    paper=PAPER,
    equation="Corollary 1 as the conditional statement reads",
    statement="The constants of Corollary 1 hold when p is uniform and a mixed group has been seen, which makes "
    "middling p more likely.",
    latex=r"P(\hat p > p \mid S, p < p_2) = \frac{\int_0^{p_2} P(\hat p > p, S \mid p)\,\mathrm dp}"
    r"{\int_0^{p_2} P(S \mid p)\,\mathrm dp} > 0.63,\ 0.78",
    assumptions=("p uniform before the group is seen", "2 <= G <= 8"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="of groups of 2 to 8, those of 2 to 4 for p < 1/2 and those of 2 to 5 for p < 1/4",
    breaks=(Break("every p with the same weight", {"weighted": False}, Verdict.CERTIFIED),),
)
def corollary1_weighted(quick: bool, *, weighted: bool = True) -> CheckOutcome:
    """The weighted averages are rational numbers."""
    found = corollary1(quick, weighted=weighted)
    return conclude(*found.evidence, controls=[_weighted_by_hand()])


def _weighted_by_hand() -> Evidence:
    """Groups of three: ∫ 3p(1-p) over (0, 1/3) and ∫ 3p²(1-p) over (1/3, 1/2), over ∫ 3p(1-p) over (0, 1/2)."""
    return Evidence(
        "groups of three, p < 1/2: (7/54 + 29/576)/(1/4) = 311/432; groups of two: every mixed one is above p, 1",
        "by hand",
        Method.CASES,
        weighted_average(3, Fraction(0), Fraction(1, 2)) == Fraction(311, 432)
        and weighted_average(2, Fraction(0), Fraction(1, 2)) == 1,
    )


#: Tables 4 and 5 of the paper as printed.
TABLES = {
    (2, Fraction(1, 4)): "0.9999975",
    (4, Fraction(1, 4)): "0.9999959",
    (6, Fraction(1, 4)): "0.827762",
    (8, Fraction(1, 4)): "0.781130",
    (2, Fraction(1, 2)): "0.999995",
    (4, Fraction(1, 2)): "0.776966",
    (6, Fraction(1, 2)): "0.689722",
    (8, Fraction(1, 2)): "0.640945",
}


@claim(
    "ha-dw.tables",
    paper=PAPER,
    equation="Tables 4 and 5",
    statement="The printed averages are right to 1e-5; where they print .999995 and the like the exact value is 1.",
    latex=r"\tfrac{1}{p_2}\int_0^{p_2} P(\hat p > p \mid S, p)\,\mathrm dp",
    assumptions=("p uniform, every p with the same weight",),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.QUOTED,
    breaks=(Break("right to 1e-6", {"tolerance": "0.000001"}, Verdict.REFUTED),),
)
def tables(quick: bool, *, tolerance: str = "0.00001") -> CheckOutcome:
    """Enclose every entry."""
    with ctx.workprec(64):
        exact = {key: uniform_average(key[0], Fraction(0), key[1]) for key in TABLES}
        off = {key: abs(exact[key] - number(text)) for key, text in TABLES.items()}
        search = for_all(off, lambda key: off[key] < number(tolerance))
        return conclude(
            Evidence(
                f"every entry is within {tolerance}",
                "8 entries",
                Method.INTERVALS,
                search.holds,
                margin=digits(greatest(off.values()), 4),
                counterexample={
                    "g": search.case[0],
                    "p below": float(search.case[1]),
                    "printed": TABLES[search.case],
                    "exact": digits(exact[search.case], 10),
                }
                if search.case
                else {},
                figures={f"G = {g}, p < {end}": digits(value, 12) for (g, end), value in exact.items()},
            )
        )


def two_over_g(g: int) -> Ball:
    """(G/2)∫_0^{2/G} P(p̂ > p | S, p) dp: half of it is certain, and on (1/G, 2/G) two successes are needed."""
    if g == 2:  # (1/2, 1) asks for two successes of two, which is no mixed group
        return number("1/2")

    def one_only(x: acb) -> acb:
        p = x / g
        q = 1 - p
        return x * q ** (g - 1) / (1 - q**g - p**g)

    return number("1/2") + (1 - integral(one_only, 1, 2)) / 2


def tail_bound(g: int) -> Ball:
    """A number below the value of Corollary 2 for every group of g or more.

    (1-x/G)^{G-1} <= e^{-x}/(1-x/G) and A >= 1 - e^{-x} - (2/G)^G give an integrand of at most
    x·e^{-x} / ((1-2/g)(1 - e^{-x} - (2/g)^g)).
    """
    edge = number(Fraction(2, g)).arb

    def bound(x: acb) -> acb:
        decay = (-x).exp()
        return x * decay / ((1 - acb(edge)) * (1 - decay - acb(edge**g)))

    return number("1/2") + (1 - integral(bound, 1, 2)) / 2


@claim(
    "ha-dw.corollary2",
    paper=PAPER,
    equation="Corollary 2",
    statement="For all groups of 6 or more and p uniform below 2/G the advantage is underestimated with a probability "
    "above .78.",
    latex=r"\tfrac G2\int_0^{2/G} P(\hat p > p \mid S, p)\,\mathrm dp > 0.78,\quad G \ge 6",
    assumptions=("p uniform, every p with the same weight", "mixed groups"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.QUOTED,
    breaks=(
        Break("groups of 4 or more", {"smallest": 4}, Verdict.REFUTED),
        Break("above .782", {"constant": "0.782"}, Verdict.REFUTED),
    ),
)
def corollary2(quick: bool, *, smallest: int = 6, constant: str = "0.78") -> CheckOutcome:
    """Rigorous integrals up to G = 300, a bound for all larger ones, and the limit by 1/2 + ∫_1^2 (1 - x/(e^x-1))/2."""
    last = 300
    sizes = [*range(smallest, 33), *range(33, last, 16 if quick else 1)]
    with ctx.workprec(64):
        values = {g: two_over_g(g) for g in sizes}
        search = for_all(values, lambda g: values[g] > number(constant))
        tail = tail_bound(last)
        limit = number("1/2") + (1 - integral(lambda x: x / (x.exp() - 1), 1, 2)) / 2
        every = "" if not quick else ", above 32 every 16th"
        return conclude(
            Evidence(
                f"the average is above {constant}",
                f"G = {smallest}..{last - 1}{every}",
                Method.INTERVALS,
                search.holds,
                margin=digits(smallest_ball(values.values()) - number(constant), 6),
                counterexample={"g": search.case, "average": digits(values[search.case], 8)} if search.case else {},
                figures={
                    "average by G": {g: digits(two_over_g(g), 10) for g in (2, 3, 4, 6, 8, 16, 32)},
                    "limit": digits(limit, 12),
                },
            ),
            Evidence(
                f"a lower bound for all larger groups is above {constant}",
                f"every G >= {last}",
                Method.INTERVALS,
                # A bound below the constant refutes nothing.
                Truth.YES if (tail > number(constant)) is Truth.YES else Truth.UNDECIDED,
                margin=digits(tail - number(constant), 6),
            ),
        )


@claim(
    "ha-dw.corollary2-weighted",
    paper=PAPER,
    equation="Corollary 2 as the conditional statement reads",
    statement="The constant .78 of Corollary 2 holds when p is uniform below 2/G and a mixed group has been seen.",
    latex=r"P(\hat p > p \mid S, p < \tfrac2G) > 0.78,\quad G \ge 6",
    assumptions=("p uniform before the group is seen",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("above .7", {"constant": Fraction(7, 10)}, Verdict.CERTIFIED),),
)
def corollary2_weighted(quick: bool, *, constant: Fraction = Fraction(78, 100)) -> CheckOutcome:
    """Rational numbers for G = 6..64."""
    values = {g: weighted_average(g, Fraction(0), Fraction(2, g)) for g in range(6, 33 if quick else 65)}
    low = [g for g, value in values.items() if value <= constant]
    return conclude(
        Evidence(
            f"the weighted average is above {float(constant)}",
            f"G = 6..{max(values)}",
            Method.CASES,
            not low,
            margin=str(float(min(values.values()) - constant)),
            counterexample={"g": low[0], "average": float(values[low[0]])} if low else {},
            figures={"average by G": {g: float(values[g]) for g in (6, 8, 16, 32)}},
        ),
        controls=[_weighted_by_hand()],
    )


@claim(
    "ha-dw.corollary3",
    paper=PAPER,
    equation="Corollary 3",
    statement="For p < 1/G every mixed group underestimates the advantage, for p > (G-1)/G every one overestimates it.",
    latex=r"p < \tfrac1G \Rightarrow \hat A_i < A_i \text{ surely on } S",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("p < 2/G", {"numerator": 2}, Verdict.REFUTED),),
)
def corollary3(quick: bool, *, numerator: int = 1) -> CheckOutcome:
    """A mixed group has k = 1 + j successes, 0 <= j <= G - 2; p = x/G with x below the numerator, or 1 - x/G."""
    g, j, x = ring("G", "j", "x")
    gaps = (1 + j) - x == (1 - x) + j and (g - x) - (1 + j) == (1 - x) + (g - 2 - j)
    return conclude(
        *([machine_checked("ha-dw.corollary3")] if numerator == 1 else []),
        Evidence(
            f"G(p̂ - p) = (1 - x) + j is positive for every x < {numerator}, and so is G(p - p̂) at p = 1 - x/G",
            "every mixed group, p and G",
            Method.SYMBOLIC,
            bool(gaps) and numerator <= 1,
            counterexample={} if numerator <= 1 else {"g": 4, "p": 0.3, "successes": 1},
        ),
    )
