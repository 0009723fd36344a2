"""How many responses get nothing: the share of zero advantages depends on how the success rates are distributed."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.advantages import qae
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, number, prove_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.controls import advantages_by_hand
from qae_sim.theory.exact_advantages import advantages, mixed_groups
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim

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


#: Exactly which symmetric Beta distributions of success rates have about 80 % zeros.
PILED_UP = (
    "success rates pile up near 0 and 1: of Beta(a, a) exactly those with a from 0.33966... to 0.90746... "
    "(uniform, a = 1: 74 %)"
)


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
    condition=PILED_UP,
    breaks=(
        Break("the condition lets in flatter distributions, a up to 1", {"a": ("0.33967", "1")}, Verdict.REFUTED),
        Break("the condition ends too soon", {"a": ("0.33967", "0.9")}, Verdict.REFUTED),
        Break("no condition on the distribution", {"a": None}, Verdict.REFUTED),
    ),
)
def eighty_percent(quick: bool, *, a: tuple[str, str] | None = ("0.33967", "0.90746")) -> CheckOutcome:
    """Refuted by queries of success rate 1/2 alone; for Beta(a, a) the share falls with a, from 1 to 1/2.

    With D = ψ(a + 1/2) - ψ(a + 1) < 0 the logarithm of what is over 1/2 has the derivative log(4s(1-s)) + D, s = 1-K.
    """
    g = 16
    half = zero_share(g // 2, g, K)
    floats = [float((qae([1.0] * n + [0.0] * (g - n), k=0.4) == 0).mean()) for n in range(1, g)]
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
    tie = Evidence(
        "qae gives the same share", "all mixed groups of 16", Method.FLOATS, floats == [float(u) for u in uniform[1:-1]]
    )
    if a is None:
        return conclude(literal, tie)
    low, high = (Fraction(end) for end in a)
    step = Fraction(1, 10**5)
    with ctx.workprec(64):
        ends = {x: beta_share(number(x)) for x in (low - step, low, high, high + step)}
        under = [
            Evidence(
                "the share is above 85 % just below the range and at most that from its lower end",
                f"a = {float(low - step)} and {float(low)}",
                Method.INTERVALS,
                (ends[low - step] > number("0.85")) & (ends[low] <= number("0.85")),
                margin=digits(number("0.85") - ends[low], 5),
            ),
            Evidence(
                "it is at least 75 % up to the upper end and below that just above it",
                f"a = {float(high)} and {float(high + step)}",
                Method.INTERVALS,
                (ends[high] >= number("0.75")) & (ends[high + step] < number("0.75")),
                margin=digits(ends[high] - number("0.75"), 5),
            ),
        ]
    fall = prove_positive(lambda x: -slope(x), ("0.3", "1.1"))
    return conclude(
        literal,
        tie,
        under=[
            *under,
            Evidence(
                "the share falls with a",
                "Beta(a, a), every a in [.3, 1.1] (and everywhere, since ψ rises and 4s(1-s) <= 1)",
                Method.INTERVALS,
                fall.holds,
                margin=repr(fall.margin),
            ),
        ],
        condition=PILED_UP,
    )


def slope(a: Ball, k: Fraction = K) -> Ball:
    """Derivative of log(share - 1/2) by a: log(s(1-s)) - 1/a - 2ψ(a) + 2ψ(2a)."""
    s = number(1 - k)
    return (s * (1 - s)).log() - 1 / a - 2 * a.digamma() + 2 * (2 * a).digamma()


def sign_share(n: int, g: int, k: Fraction, sign: int) -> Fraction:
    """Share of positive (1) or negative (-1) advantages in a group with n successes."""
    p = Fraction(n, g)
    hard = p <= 1 - k
    if n in (0, g):
        return Fraction(0)
    return (p if hard else Fraction(0)) if sign > 0 else (Fraction(0) if hard else 1 - p)


def _most(quick: bool, k: Fraction, sign: int, low: Fraction, high: Fraction, condition: str) -> CheckOutcome:
    """Whether more than half of the responses get advantages of one sign."""
    largest = 24 if quick else 64
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
    counted = all(
        sign_share(n, g, k, sign) == (Fraction(n, g) if sign > 0 else 1 - Fraction(n, g)) * (side[0] != 0)
        for g, n in mixed_groups(largest)
        for side in (advantages("qae", n, g, k)[0 if sign > 0 else 1],)
    )
    (p,) = ring("p")
    share, room = (p, 4 - 5 * p) if sign > 0 else (1 - p, 5 * p - 1)  # room: five times the distance from the gate
    under = [
        Evidence(
            f"groups on that side have a share of {kind} advantages above 1/2 by the distance of p from 1/2, and below "
            "4/5 by the distance from the gate",
            "every group on that side of the gate and of 1/2",
            Method.SYMBOLIC,
            2 * share - 1 == (2 * p - 1 if sign > 0 else 1 - 2 * p) and 4 - 5 * share == room,
        ),
        Evidence(
            f"more than half of the advantages are {kind} in groups with p between {low} and {high}",
            f"all such groups, G = 2..{largest}",
            Method.CASES,
            not failed,
            counterexample={"g": failed[0][0], "successes": failed[0][1]} if failed else {},
            confirms=True,
        ),
    ]
    tenth = (Fraction(4, 5), Fraction(14, 55)) if sign < 0 else (Fraction(1, 5), Fraction(18, 55))
    return conclude(
        literal,
        under=under,
        condition=condition,
        controls=[
            advantages_by_hand(),
            Evidence(
                f"as many advantages as the share says are {kind}",
                f"all mixed groups, G = 2..{largest}",
                Method.CASES,
                counted,
            ),
            Evidence(
                f"{tenth[1]} of all advantages are {kind} for uniform success rates, G = 10, K = {float(tenth[0])}",
                "by hand: 7 + 6 + ... + 1 or 1 + 2 + ... + 8 of 110",
                Method.CASES,
                sum(sign_share(n, 10, tenth[0], sign) for n in range(11)) / 11 == tenth[1],
            ),
        ],
    )


#: Exactly when most advantages have one sign, by the success rates of the groups.
MOSTLY_NEGATIVE = (
    "exactly if E[(1-p)·1{p > 0.2}] > 1/2, p the success rate of a group: if all lie between 0.2 and 0.5, and only if "
    "more than 5/8 of them are above 0.2"
)
MOSTLY_POSITIVE = (
    "exactly if E[p·1{p <= 0.8}] > 1/2, p the success rate of a group: if all lie between 0.5 and 0.8, and only if "
    "more than 5/8 of them are at most 0.8"
)


@claim(
    "qae.large-k-mostly-negative",
    paper=PAPER,
    equation="App. D.3",
    statement="With a large K such as .8 most samples are treated as negative-advantage ones.",
    latex=r"K = 0.8:\ \Pr(\hat A_i < 0) > \tfrac12",
    assumptions=("binary rewards",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition=MOSTLY_NEGATIVE,
    breaks=(
        Break("success rates up to .6 are let in", {"high": Fraction(3, 5)}, Verdict.REFUTED),
        Break("K = .4", {"k": Fraction(2, 5)}, Verdict.REFUTED),
    ),
)
def large_k(quick: bool, *, k: Fraction = Fraction(4, 5), high: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Only failures on queries above 1-K are negative: 1-p of them, most of them only where p is below 1/2."""
    return _most(quick, k, -1, Fraction(1, 5), high, MOSTLY_NEGATIVE)


@claim(
    "qae.small-k-mostly-positive",
    paper=PAPER,
    equation="App. D.3",
    statement="With a small K such as .2 the majority of samples are deemed positive-advantage.",
    latex=r"K = 0.2:\ \Pr(\hat A_i > 0) > \tfrac12",
    assumptions=("binary rewards",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition=MOSTLY_POSITIVE,
    breaks=(
        Break("success rates down to .4 are let in", {"low": Fraction(2, 5)}, Verdict.REFUTED),
        Break("K = .6", {"k": Fraction(3, 5)}, Verdict.REFUTED),
    ),
)
def small_k(quick: bool, *, k: Fraction = Fraction(1, 5), low: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Only successes on queries up to 1-K are positive: a share p of them."""
    return _most(quick, k, 1, low, Fraction(4, 5), MOSTLY_POSITIVE)
