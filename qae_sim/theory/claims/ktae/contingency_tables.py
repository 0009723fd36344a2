"""KTAE's contingency tables: Fisher's test, the association strength and the information gain.

A token is in a correct and b wrong responses of a group, and missing from c correct and d wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import comb

from flint import ctx

from qae_sim.advantages.tokens import association
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, near, number, x_log_x
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.ktae import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Answer, Truth, for_all


def tables(largest: int) -> Iterator[tuple[int, int, int, int]]:
    """All tables a, b, c, d of groups with correct and wrong responses."""
    for g in range(2, largest + 1):
        for correct in range(1, g):
            for a in range(correct + 1):
                for b in range(g - correct + 1):
                    yield a, b, correct - a, g - correct - b


def single(a: int, b: int, c: int, d: int) -> Fraction:
    """Probability of the table given its margins: (a+b)!(c+d)!(a+c)!(b+d)! / (a!b!c!d!N!)."""
    return Fraction(comb(a + c, a) * comb(b + d, b), comb(a + b + c + d, a + b))


def two_sided(a: int, b: int, c: int, d: int) -> Fraction:
    """Fisher's two-sided p-value: all tables with the same margins that are no more probable."""
    observed, containing = single(a, b, c, d), a + b
    total = Fraction(0)
    for k in range(max(0, containing - (b + d)), min(a + c, containing) + 1):
        other = single(k, containing - k, a + c - k, b + d - containing + k)
        if other <= observed:
            total += other
    return total


@claim(
    "ktae.fisher-code",
    paper=PAPER,
    equation="Released code",
    statement="The p-value of the released code, all tables no more probable than the observed one, is Fisher's exact "
    "test.",
    latex=r"p = \sum_{k:\,P(k)\le P(a)} P(k)",
    assumptions=("exact comparison of probabilities (the code's float32 can break ties)",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the probability of the one table", {"variant": "single"}, Verdict.REFUTED),),
)
def fisher_code(quick: bool, *, variant: str = "two-sided") -> CheckOutcome:
    """Rational p-values against SciPy's test, and against the project's floats."""
    from scipy.stats import fisher_exact

    largest = 8 if quick else 14
    found, worst, cases, ours = None, 0.0, 0, 0.0
    for a, b, c, d in tables(largest):
        exact = two_sided(a, b, c, d) if variant == "two-sided" else single(a, b, c, d)
        scipy = float(fisher_exact([[a, b], [c, d]]).pvalue)
        gap = abs(float(exact) - scipy)
        cases += 1
        worst = worse(worst, gap)
        if found is None and gap > 1e-9:
            found = {"a": a, "b": b, "c": c, "d": d, "value": float(exact), "scipy": scipy}
        fisher, _, _ = association(a + b + c + d, a + c, "code")
        ours = worse(ours, abs(fisher[a, b] - float(two_sided(a, b, c, d))))
    return conclude(
        Evidence(
            "the sum is SciPy's p-value to 1e-9",
            f"all {cases} tables of groups of 2..{largest}",
            Method.CASES,
            found is None,
            f"{worst:.1e}",
            counterexample=found or {},
        ),
        Evidence("ktae's table holds the same", "the same tables", Method.FLOATS, ours < 1e-12, f"{ours:.1e}"),
    )


@claim(
    "ktae.fisher-printed",
    paper=PAPER,
    equation="Fisher(o) as printed",
    statement="The printed expression, (a+b)!(c+d)!(a+c)!(b+d)! / (a!b!c!d!N!), is the p-value of Fisher's exact test.",
    latex=r"\frac{(a+b)!\,(c+d)!\,(a+c)!\,(b+d)!}{a!\,b!\,c!\,d!\,N!} = p_{\text{two-sided}}",
    assumptions=("both correct and wrong responses",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("the printed value is claimed to be a lower bound", {"relation": "<="}, Verdict.CERTIFIED),),
)
def fisher_printed(quick: bool, *, relation: str = "=") -> CheckOutcome:
    """It is the probability of one table; the p-value adds the others that are no more probable."""
    largest, found = (8 if quick else 14), None
    for a, b, c, d in tables(largest):
        one, all_ = single(a, b, c, d), two_sided(a, b, c, d)
        if found is None and not (one == all_ if relation == "=" else one <= all_):
            found = {"a": a, "b": b, "c": c, "d": d, "printed": str(one), "p-value": str(all_)}
    return conclude(
        Evidence(
            f"printed {relation} p-value",
            f"all tables of groups of 2..{largest}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


def information_gain(a: int, b: int, c: int, d: int) -> Ball:
    """Mutual information of correctness and presence in bits, by joint and marginal entropies."""
    n = a + b + c + d

    def h(*counts: int) -> Ball:
        return -total(x_log_x(number(Fraction(count, n))) for count in counts)

    return (h(a + c, b + d) + h(a + b, c + d) - h(a, b, c, d)) / Ball(2).log()


@claim(
    "ktae.information-gain",
    paper=PAPER,
    equation="IG(o)",
    statement="The information gain is 0 exactly where the token is as frequent among correct as among wrong "
    "responses, and otherwise between 0 and the entropy of the rewards.",
    latex=r"0 \le \mathrm{IG}(o) \le H(Y) \le 1,\quad \mathrm{IG}(o) = 0 \iff ad = bc",
    assumptions=("in bits",),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.IMPLIED,
    breaks=(Break("zero where a = b", {"zero": "a=b"}, Verdict.REFUTED),),
)
def gain(quick: bool, *, zero: str = "ad=bc") -> CheckOutcome:
    """Intervals for every table; where ad = bc the interval contains 0 and the joint law is a product, exactly."""
    largest = 8 if quick else 14

    def fine(table: tuple[int, int, int, int]) -> Answer:
        a, b, c, d = table
        # Where ad = bc the joint law is the product of the margins, and the gain is 0 exactly; it is H(Y) exactly where
        # presence is the reward or its opposite. Elsewhere intervals tell it from either.
        independent, determined = a * d == b * c, (b == 0 and c == 0) or (a == 0 and d == 0)
        claimed_zero = independent if zero == "ad=bc" else a == b
        if independent or claimed_zero:
            return independent and claimed_zero
        value = information_gain(a, b, c, d)
        return (value > 0) & (determined or value < information_gain(a + c, 0, 0, b + d))

    with ctx.workprec(96):
        search = for_all(tables(largest), fine)
        found = dict(zip("abcd", search.case, strict=True)) if search.case else {}
        agrees, gap = near(
            (
                (float(association(a + b + c + d, a + c, "paper")[1][a, b]), information_gain(a, b, c, d))
                for a, b, c, d in tables(largest)
            ),
            "1e-14",
        )
    return conclude(
        Evidence(
            f"positive unless {zero}, then 0; at most H(Y)",
            f"all tables of groups of 2..{largest}",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        ),
        Evidence("ktae's table holds the same", "the same tables", Method.FLOATS, agrees, gap),
    )


@claim(
    "ktae.jump",
    paper=PAPER,
    equation="F(o) = exp(-2 Fisher(o)), 0 if p = 1",
    statement="The association strength F at p = 1 continues its values below: it is within .2 of F at the largest "
    "p-value below 1.",
    latex=r"F = e^{-2p}\,\mathbf 1\{p < 1\},\quad |F(1) - F(p)| < 0.2",
    assumptions=("released code's p-value",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("without the rule for p = 1", {"rule": False}, Verdict.CERTIFIED),),
)
def jump(quick: bool, *, rule: bool = True) -> CheckOutcome:
    """The largest p-value below 1 over all tables, and F there."""
    largest = 10 if quick else 16
    below = max((two_sided(*t), t) for t in tables(largest) if two_sided(*t) < 1)
    p, (a, b, c, d) = below
    with ctx.workprec(64):
        f = (-2 * number(p)).exp()
        at_one = Ball(0) if rule else Ball(-2).exp()
        gap = f - at_one
        smooth = gap < number("0.2")
        return conclude(
            Evidence(
                "F next to p = 1 is within .2 of F at p = 1",
                f"all tables of groups of 2..{largest}",
                Method.INTERVALS,
                smooth,
                counterexample={}
                if smooth is not Truth.NO
                else {"a": a, "b": b, "c": c, "d": d, "p": float(p), "F": digits(f, 8), "F at p = 1": 0},
            )
        )
