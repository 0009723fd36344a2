"""How many responses get nothing: the share of zero advantages depends on how the success rates are distributed."""

from __future__ import annotations

from fractions import Fraction

from flint import ctx

from qae_sim.advantages import qae
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, number, prove_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth

K = Fraction(2, 5)


def zero_share(n: int, g: int, k: Fraction) -> Fraction:
    """Share of zero advantages in a group with n successes: everything if all are equal, else what the gate drops."""
    if n in (0, g):
        return Fraction(1)
    p = Fraction(n, g)
    return 1 - p if p <= 1 - k else p


def beta_share(a: Ball, k: Fraction = K) -> Ball:
    """Share of zero advantages of large groups when success rates are Beta(a, a).

    E[(1-p)·1{p <= s}] + E[p·1{p > s}] = 1/2 + I_s(a, a) - I_s(a+1, a),  s = 1-K;  I_s(a, a) - I_s(a+1, a) is
    s^a (1-s)^a / (a B(a, a)), which needs no difference of two close numbers.
    """
    s = number(1 - k)
    log_beta = 2 * a.lgamma() - (2 * a).lgamma()
    return number("1/2") + (a * (s * (1 - s)).log() - a.log() - log_beta).exp()


@claim(
    "qae.eighty-percent",
    paper=PAPER,
    equation="Sec. 5.2, 'response-level 80/20 rule'",
    statement="With K = .4 about 80 % of all responses (75 to 85) have zero advantage.",
    latex=r"0.75 \le \mathbb E_p\big[\mathbf 1\{p \le 1-K\}(1-p) + \mathbf 1\{p > 1-K\}\,p\big] \le 0.85",
    assumptions=("binary rewards", "large groups"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.BOX,
    origin=Origin.PARAPHRASED,
    condition="success rates pile up near 0 and 1: Beta(a, a) with 0.35 <= a <= 0.9 (uniform, a = 1: 74 %)",
    breaks=(
        Break("the condition lets in flatter distributions, a up to 1", {"a": ("0.35", 1)}, Verdict.REFUTED),
        Break("no condition on the distribution", {"a": None}, Verdict.REFUTED),
    ),
)
def eighty_percent(quick: bool, *, a: tuple[str | int, str | int] | None = ("0.35", "0.9")) -> CheckOutcome:
    """Refuted by queries of success rate 1/2 alone; holds for Beta(a, a) on an interval of a, proved on all of it."""
    g = 16
    half = zero_share(g // 2, g, K)
    floats = float((qae([1.0] * 8 + [0.0] * 8, k=0.4) == 0).mean())
    with ctx.workprec(64):
        levels = {str(x): digits(beta_share(number(x)), 10) for x in ("0.25", "0.5", "0.56", "1", "2", "5")}
    uniform = [zero_share(n, g, K) for n in range(g + 1)]  # a uniform p makes n uniform on 0..G
    literal = Evidence(
        "queries of any success rates have 75 to 85 % zeros",
        "queries of success rate 1/2, in a group with 8 successes among 16",
        Method.CASES,
        Fraction(3, 4) <= half <= Fraction(17, 20),
        counterexample={"p": 0.5, "k": 0.4, "zero share": float(half)},
        figures={
            "share for Beta(a, a), large groups, by a": levels,
            "uniform p, G = 16": str(sum(uniform) / (g + 1)),
            "uniform p, G = 16, mixed groups only (dynamic sampling)": str(sum(uniform[1:-1]) / (g - 1)),
        },
    )
    tie = Evidence("qae gives the same share", "that group", Method.FLOATS, floats == float(half))
    if a is None:
        return conclude(literal, tie)
    below = prove_positive(lambda x: number("0.85") - beta_share(x), a)
    above = prove_positive(lambda x: beta_share(x) - number("0.75"), a)
    under = [
        Evidence(
            f"the share is {side}",
            f"Beta(a, a), every a in [{a[0]}, {a[1]}]",
            Method.INTERVALS,
            proof.holds,
            margin=repr(proof.margin),
            counterexample={"a": float(proof.point[0])} if proof.holds is Truth.NO else {},
        )
        for side, proof in (("at most 85 %", below), ("at least 75 %", above))
    ]
    even = f"uniform, a = 1: {100 * float(levels['1']):.0f} %"
    condition = f"success rates pile up near 0 and 1: Beta(a, a) with {a[0]} <= a <= {a[1]} ({even})"
    return conclude(literal, tie, under=under, condition=condition)


def sign_share(n: int, g: int, k: Fraction, sign: int) -> Fraction:
    """Share of positive (1) or negative (-1) advantages in a group with n successes."""
    p = Fraction(n, g)
    hard = p <= 1 - k
    if n in (0, g):
        return Fraction(0)
    return (p if hard else Fraction(0)) if sign > 0 else (Fraction(0) if hard else 1 - p)


def _most(quick: bool, k: Fraction, sign: int, low: Fraction, high: Fraction) -> CheckOutcome:
    """Whether more than half of the responses get advantages of one sign."""
    largest = 40 if quick else 128
    kind = "positive" if sign > 0 else "negative"
    shares = {g: sum(sign_share(n, g, k, sign) for n in range(g + 1)) / (g + 1) for g in range(2, largest + 1)}
    best = max(shares, key=lambda g: shares[g])
    literal = Evidence(
        f"more than half of the advantages are {kind} for every distribution of success rates",
        f"success rates uniform on (0, 1), G = 2..{largest}",
        Method.CASES,
        all(share > Fraction(1, 2) for share in shares.values()),
        counterexample={"k": float(k), "success rates": "uniform", "g": best, f"share {kind}": float(shares[best])},
        figures={"largest share over G": str(shares[best]), "share as G grows": "8/25"},
    )
    inside = [(g, n) for g in range(2, largest + 1) for n in range(1, g) if low < Fraction(n, g) < high]
    failed = [(g, n) for g, n in inside if sign_share(n, g, k, sign) <= Fraction(1, 2)]
    under = Evidence(
        f"more than half of the advantages are {kind} in groups with p between {low} and {high}",
        f"all such groups, G = 2..{largest}",
        Method.CASES,
        not failed,
        counterexample={"g": failed[0][0], "successes": failed[0][1]} if failed else {},
    )
    return conclude(literal, under=[under], condition=f"success rates lie between {float(low)} and {float(high)}")


@claim(
    "qae.large-k-mostly-negative",
    paper=PAPER,
    equation="App. D.3",
    statement="With a large K such as .8 most samples are treated as negative-advantage ones.",
    latex=r"K = 0.8:\ \Pr(\hat A_i < 0) > \tfrac12",
    assumptions=("binary rewards",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="success rates lie between 0.2 and 0.5",
    breaks=(
        Break("success rates up to .6 are let in", {"high": Fraction(3, 5)}, Verdict.REFUTED),
        Break("K = .4", {"k": Fraction(2, 5)}, Verdict.REFUTED),
    ),
)
def large_k(quick: bool, *, k: Fraction = Fraction(4, 5), high: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Only failures on queries above 1-K are negative: 1-p of them, most of them only where p is below 1/2."""
    return _most(quick, k, -1, Fraction(1, 5), high)


@claim(
    "qae.small-k-mostly-positive",
    paper=PAPER,
    equation="App. D.3",
    statement="With a small K such as .2 the majority of samples are deemed positive-advantage.",
    latex=r"K = 0.2:\ \Pr(\hat A_i > 0) > \tfrac12",
    assumptions=("binary rewards",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="success rates lie between 0.5 and 0.8",
    breaks=(
        Break("success rates down to .4 are let in", {"low": Fraction(2, 5)}, Verdict.REFUTED),
        Break("K = .6", {"k": Fraction(3, 5)}, Verdict.REFUTED),
    ),
)
def small_k(quick: bool, *, k: Fraction = Fraction(1, 5), low: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Only successes on queries up to 1-K are positive: a share p of them."""
    return _most(quick, k, 1, low, Fraction(4, 5))
