"""KTAE's contingency tables: Fisher's test, the association strength and the information gain.

A token is in a correct and b wrong responses of a group, and missing from c correct and d wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from math import comb

from qae_sim.advantages.tokens import association
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, near, number, x_log_x
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.ktae import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
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


def by_counting(a: int, b: int, c: int, d: int) -> Fraction:
    """Fisher's test from its definition: every choice of the responses that contain the token is as likely.

    Of all choices of a + b among a + c correct and b + d wrong responses, the share of those whose number of correct
    ones is no likelier than a.
    """
    n = a + b + c + d
    counts = [0] * (n + 1)
    for chosen in combinations(range(n), a + b):
        counts[sum(response < a + c for response in chosen)] += 1  # the first a + c are correct
    return Fraction(sum(count for count in counts if count <= counts[a]), sum(counts))


@claim(
    "ktae.fisher-code",
    paper=PAPER,
    equation="Released code",
    statement="In groups of up to 8 the p-value of the released code, all tables no more probable than the observed "
    "one, is Fisher's exact test.",
    latex=r"p = \sum_{k:\,P(k)\le P(a)} P(k)",
    assumptions=("exact comparison of probabilities (the code's float32 can break ties)",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the probability of the one table", {"variant": "single"}, Verdict.REFUTED),),
)
def fisher_code(quick: bool, *, variant: str = "two-sided") -> CheckOutcome:
    """Rational p-values against a count of all choices, and against the project's floats."""
    largest = 6 if quick else 8
    formula = two_sided if variant == "two-sided" else single
    search = for_all(tables(largest), lambda table: formula(*table) == by_counting(*table))
    found = dict(zip("abcd", search.case, strict=True)) if search.case else {}
    ours = 0.0
    for a, b, c, d in tables(largest):
        exact = float(two_sided(a, b, c, d))
        fisher, _, _ = association(a + b + c + d, a + c, "code")
        ours = worse(ours, abs(fisher[a, b] - exact))
    return conclude(
        Evidence(
            "the sum is the share of choices that are no likelier, counted one by one",
            f"all {search.cases} tables of groups of 2..{largest}",
            Method.CASES,
            search.holds,
            counterexample=found,
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
    condition="no other table with the same margins is as improbable as the observed one",
    breaks=(Break("the printed value is claimed to be a lower bound", {"relation": "<="}, Verdict.CERTIFIED),),
)
def fisher_printed(quick: bool, *, relation: str = "=") -> CheckOutcome:
    """It is the probability of one table; the p-value adds the others that are no more probable."""
    largest, found = (8 if quick else 14), None
    for a, b, c, d in tables(largest):
        one, all_ = single(a, b, c, d), two_sided(a, b, c, d)
        if found is None and not (one == all_ if relation == "=" else one <= all_):
            found = {"a": a, "b": b, "c": c, "d": d, "printed": str(one), "p-value": str(all_)}
    hand = (
        (single(2, 0, 0, 2), Fraction(1, 6)),
        (two_sided(2, 0, 0, 2), Fraction(1, 3)),
        (single(1, 1, 1, 1), Fraction(2, 3)),
        (two_sided(1, 1, 1, 1), Fraction(1)),
        (single(3, 0, 0, 1), Fraction(1, 4)),
        (two_sided(3, 0, 0, 1), Fraction(1, 4)),
    )
    return conclude(
        Evidence(
            f"printed {relation} p-value",
            f"all tables of groups of 2..{largest}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        controls=[
            Evidence(
                "two of two correct and no wrong response: 1/C(4,2) = 1/6, with its mirror image 1/3; one of each two: "
                "4/6, and all tables 1; three of three correct, of one wrong: 1/4, which is the p-value",
                "by hand",
                Method.CASES,
                all(value == stated for value, stated in hand),
            )
        ],
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
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("zero where a = b", {"zero": "a=b"}, Verdict.REFUTED),),
)
def gain(quick: bool, *, zero: str = "ad=bc") -> CheckOutcome:
    """Gibbs' inequality and its equality; and intervals for every table.

    IG = Σ p log(p/q) with p the joint shares and q the products of the margins' shares, and log(q/p) <= q/p - 1 with
    equality only at q = p: IG >= Σp - Σq over the shares that are not 0. H(Y) - IG = H(Y|X) >= 0 likewise.
    """
    largest = 8 if quick else 10
    w, x, y, z = ring("a", "b", "c", "d")
    n = w + x + y + z
    products = [(w + x) * (w + y), (w + x) * (x + z), (y + z) * (w + y), (y + z) * (x + z)]  # times N²
    whole = sum(products, 0 * n) == n**2
    gaps = [n * share - product for share, product in zip((w, x, y, z), products, strict=True)]
    independent_iff = all(gap in (w * z - x * y, x * y - w * z) for gap in gaps)

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
            "the products of the margins add up to 1, and each differs from its joint share by (ad - bc)/N² or its "
            "opposite: all are equal exactly if ad = bc",
            "every table, with log t <= t - 1",
            Method.SYMBOLIC,
            bool(whole and independent_iff),
        ),
        Evidence(
            f"positive unless {zero}, then 0; at most H(Y)",
            f"all tables of groups of 2..{largest}",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=zero == "ad=bc",
        ),
        machine_checked("ktae.information-gain"),
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
    condition="without the rule that sets F to 0 at p = 1",
    breaks=(Break("without the rule for p = 1", {"rule": False}, Verdict.CERTIFIED),),
)
def jump(quick: bool, *, rule: bool = True) -> CheckOutcome:
    """The largest p-value below 1 over all tables, and F there."""
    largest = 10 if quick else 14
    p, (a, b, c, d) = max((value, t) for t in tables(largest) if (value := two_sided(*t)) < 1)
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
            ),
            controls=[
                Evidence(
                    "in all of three correct and not in the one wrong response: p = 1/4; in one of two correct "
                    "and one of two wrong ones: p = 1",
                    "by hand",
                    Method.CASES,
                    two_sided(3, 0, 0, 1) == Fraction(1, 4) and two_sided(1, 1, 1, 1) == 1,
                )
            ],
        )
