"""How long learning takes: the flow of the expected gradient, sampled groups, and steps back."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import expected_advantages, grpo, maxrl
from qae_sim.theory.binomial import mixed
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.claims.estimators.invariances import DEVIATIONS
from qae_sim.theory.exact_advantages import advantages, baseline
from qae_sim.theory.polynomials import X, Y, rational, ring, sign_between
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all

#: Times of the flow as sums of powers of u, the square root of the odds p/(1-p), and a multiple of log u.
TIMES: Mapping[str, tuple[dict[int, Fraction], int]] = {
    "rloo": ({2: Fraction(1, 2), -2: Fraction(-1, 2)}, 2),
    "grpo": ({1: Fraction(1), -1: Fraction(-1)}, 0),
    "maxrl": ({2: Fraction(1, 2)}, 1),
}


@claim(
    "estimators.learning-time",
    paper=PAPER,
    equation="flow of the expected gradient",
    statement="Following the expected gradient from one success rate to another takes T(o') - T(o) in the odds "
    "o = p/(1-p), with T = (o - 1/o)/2 + log o for RLOO, √o - 1/√o for GRPO and QAE in large groups, and (o + log o)/2 "
    "for MaxRL: from a small p about 1/(2p), 1/√p and log(1/p)/2.",
    latex=r"T_{\mathrm{RLOO}} = \tfrac12(o-\tfrac1o)+\log o,\quad T_{\mathrm{GRPO}} = \sqrt o-\tfrac1{\sqrt o},\quad "
    r"T_{\mathrm{MaxRL}} = \tfrac12(o+\log o)",
    assumptions=(
        "softmax bandit of a right and a wrong answer, binary rewards",
        "ż = c(π₊ - π₋), with c = p(1-p) for RLOO, √(p(1-p)) for GRPO and QAE, 1-p for MaxRL: G → ∞",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="p stays well above 1/G (for GRPO, QAE and MaxRL; RLOO's time holds at every G)",
    breaks=(Break("RLOO's speed for all", {"same": True}, Verdict.REFUTED),),
)
def learning_time(quick: bool, *, same: bool = False) -> CheckOutcome:
    """The log-odds change by 2c, so that dT/do = 1/(2·c·o); in u = √o everything is rational: dT/du = 1/(c·u)."""
    (u,) = ring("u")
    speeds = {  # numerator and denominator of c
        "rloo": (u**2, (1 + u**2) ** 2),
        "grpo": (u, 1 + u**2),
        "maxrl": (0 * u + 1, 1 + u**2),
    }
    slopes = {}
    for name, (powers, logs) in TIMES.items():  # u³ times dT/du
        slopes[name] = sum((rational(a * n) * u ** (n + 2) for n, a in powers.items()), logs * u**2)
    wrong = None
    for name, slope in slopes.items():
        top, bottom = speeds["rloo" if same else name]
        if wrong is None and slope * top * u != bottom * u**3:
            wrong = name
    leading = {name: min(powers.items()) for name, (powers, _) in TIMES.items() if min(powers) < 0}
    worst = 0.0
    for name, g in (("rloo", 8), ("maxrl", 1000)):
        worst = worse(worst, abs(_integrated(name, g, 0.1, 0.5) - (_time(name, 0.5) - _time(name, 0.1))))
    figures = {f"{name} from .01 to .5": round(_time(name, 0.5) - _time(name, 0.01), 6) for name in TIMES}
    shown = {}
    if wrong is not None:
        taken, stated = (_time(name, 0.5) - _time(name, 0.01) for name in ("rloo", wrong))
        shown = {"estimator": wrong, "p": [0.01, 0.5], "time": taken, "stated": stated}
    return conclude(
        Evidence(
            "dT/du = 1/(c·u) in u = √o for all three",
            "every p in (0, 1)",
            Method.SYMBOLIC,
            wrong is None,
            counterexample=shown,
            figures=figures,
        ),
        Evidence(
            "as p → 0, -1/(2o) leads for RLOO, -1/√o for GRPO, and (log o)/2 for MaxRL, which has no negative power",
            "T as a sum of powers",
            Method.SYMBOLIC,
            leading == {"rloo": (-2, Fraction(-1, 2)), "grpo": (-1, Fraction(-1))} and TIMES["maxrl"][1] == 1,
        ),
        Evidence(
            "the integral of 1/(2c) over the log-odds, with expected_advantages, is T's difference to 1e-9",
            "RLOO at G = 8, MaxRL at G = 1000, from p = .1 to .5",
            Method.FLOATS,
            worst < 1e-9,
            f"{worst:.1e}",
        ),
    )


def _time(name: str, p: float) -> float:
    """T at a success rate."""
    u, (powers, logs) = (p / (1 - p)) ** 0.5, TIMES[name]
    return float(sum(float(a) * u**n for n, a in powers.items()) + logs * np.log(u))


def _integrated(name: str, g: int, low: float, high: float) -> float:
    """The integral of 1/(2c) over the log-odds, by Gauss and Legendre."""
    ends = [np.log(p / (1 - p)) for p in (low, high)]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = ends[0] + (nodes + 1) / 2 * (ends[1] - ends[0])
    c = expected_advantages(name, 1 / (1 + np.exp(-x)), g).c
    return float((weights / (2 * c)).sum() * (ends[1] - ends[0]) / 2)


@claim(
    "estimators.speed-at-the-ends",
    paper=PAPER,
    equation="fixed G",
    statement="At fixed G an estimator's speed near p = 0 is p times the advantage of a lone success, and near p = 1 "
    "1-p times what a lone failure loses: √(G-1) for GRPO, G/√(G-1) for QAE and 1 for RLOO at both ends, G-1 and 1 "
    "for MaxRL. So for p far below 1/G the time to learn is of order 1/p whatever the estimator.",
    latex=r"\lim_{p\to0} \frac{c(p)}{p} = a(1,1),\qquad \lim_{p\to1} \frac{c(p)}{1-p} = -a(G-1,0)",
    assumptions=("binary rewards", "softmax bandit", "0 in groups of equal rewards", "QAE: 1/G < K <= 1 - 1/G"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the speed of large groups, √(p(1-p))", {"large": True}, Verdict.REFUTED),),
)
def speed_at_the_ends(quick: bool, *, large: bool = False) -> CheckOutcome:
    """C = p(1-p) Σ_m C(G-1, m) p^m (1-p)^{G-1-m} (a(m+1, 1) - a(m, 0)): at an end one term of the sum is left."""
    p, first, last, more, g_ = ring("p", "first", "last", "more", "G")
    # (1-p)^(G-1) is 1 - p·(...), and so is every other factor that has no p, whatever G is.
    at_zero = ((1 - p) * ((1 - p * more) * first + p * more)).subs({"p": 0}) == first
    at_one = (p * ((1 - (1 - p) * more) * last + (1 - p) * more)).subs({"p": 1}) == last
    # Squares times G²σ² = G-1, by the deviations (1 - 1/G)·G and 1·G.
    squares = {"grpo": (g_ - 1) ** 2, "qae": g_**2}
    stated = {"grpo": (g_ - 1) * (g_ - 1), "qae": g_ * g_}
    others = DEVIATIONS["rloo"](g_, g_, 0 * g_, g_) == g_ * (g_ - 1)  # (G-1)·(1 - 0), in units of 1/G
    top, half = 12 if quick else 40, Fraction(1, 2)
    ends = for_all(
        range(2, top + 1),
        lambda g: (
            advantages("grpo", 1, g, half)[0] == (1, Fraction(g - 1))
            and advantages("grpo", g - 1, g, half)[1] == (-1, Fraction(g - 1))
            and advantages("qae", 1, g, half)[0] == (1, Fraction(g * g, g - 1))
            and (g == 2 or advantages("qae", g - 1, g, half)[1] == (-1, Fraction(g * g, g - 1)))
        ),
    )
    highest = {"grpo": (7**0.5,) * 2, "qae": (8 / 7**0.5,) * 2, "rloo": (1.0, 1.0), "maxrl": (7.0, 1.0)}
    options: Mapping[str, dict[str, float]] = {"grpo": {"eps": 0}, "qae": {"k": 0.4, "eps": 0}}
    worst = 0.0
    for name, (low, high) in highest.items():
        for rate, limit in ((1e-9, low), (1 - 1e-9, high)):
            c = float(expected_advantages(name, rate, 8, **options.get(name, {})).c)
            worst = worse(worst, abs(c / min(rate, 1 - rate) / limit - 1))
    square = (1 - Fraction(1, 10**6)) * 10**6  # of √(p(1-p))/p at p = 1e-6, against G - 1 = 7
    return conclude(
        Evidence(
            "c/p at p = 0 is the sum's first difference, c/(1-p) at p = 1 its last one"
            if not large
            else "c/p stays below the advantage of a lone success",
            "every G" if not large else "p = 1e-6",
            Method.SYMBOLIC,
            at_zero and at_one and not (large and square > 7),
            counterexample={"G": 8, "p": 1e-6, "c/p": float(square) ** 0.5, "a(1, 1)": 7**0.5} if large else {},
        ),
        Evidence(
            "these are √(G-1) for GRPO, G/√(G-1) for QAE and 1 for RLOO",
            "every G",
            Method.SYMBOLIC,
            squares == stated and others,
        ),
        Evidence(
            "lone successes and lone failures have these advantages",
            f"G = 2..{top}, K = .5",
            Method.CASES,
            ends.holds,
            confirms=True,
        ),
        Evidence(
            "expected_advantages over p or 1-p comes this close",
            "G = 8, p = 1e-9 and 1 - 1e-9",
            Method.FLOATS,
            worst < 1e-6,
            f"{worst:.1e}",
        ),
        Evidence(
            "maxrl gives a lone success of 8 the advantage 7, a lone failure -1",
            "G = 8",
            Method.FLOATS,
            maxrl(np.r_[1.0, np.zeros(7)])[0] == 7 and maxrl(np.r_[0.0, np.ones(7)])[0] == -1,
        ),
    )


@claim(
    "estimators.groups-until-mixed",
    paper=PAPER,
    equation="groups without a signal",
    statement="The first group with both successes and failures is on average the 1/A(p)-th, A = 1 - p^G - (1-p)^G; "
    "this lies between 1/(G·p(1-p)) and G/(4(G-1)·p(1-p)).",
    latex=r"\frac1{G\,p(1-p)} \le \frac1{A(p)} \le \frac{G}{4(G-1)\,p(1-p)}",
    assumptions=("independent responses of one success rate p in (0, 1)", "binary rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("a lower bound of 1/((G-1)·p(1-p))", {"fewer": True}, Verdict.REFUTED),),
)
def groups_until_mixed(quick: bool, *, fewer: bool = False) -> CheckOutcome:
    """E[n(G-n)] = G(G-1)p(1-p) lies between (G-1)·A and (G²/4)·A, as n(G-n) does so in every mixed group."""
    n, m, waiting, chance = ring("n", "m", "waiting", "A")
    # One group is drawn for sure, and with chance 1 - A it was of no use: E = 1 + (1-A)·E.
    geometric = 1 + (1 - chance) * waiting - waiting == 1 - chance * waiting
    # With n = 1 + i successes and m = 1 + j failures n·m - (G-1) is i·j.
    low = (1 + n) * (1 + m) - (1 + n + m) == n * m
    high = (n + m) ** 2 - 4 * n * m == (n - m) ** 2
    lower = [(g, (g - int(fewer)) * X * Y - mixed(g)) for g in range(4, 9 if quick else 17)]
    below = next((g for g, polynomial in lower if sign_between(polynomial, 0, 1) != 1), None)
    upper = all(sign_between(g**2 * mixed(g) - 4 * g * (g - 1) * X * Y, 0, 1) == 1 for g in range(3, 9))
    return conclude(
        Evidence("E = 1 + (1-A)·E means A·E = 1", "every A", Method.SYMBOLIC, geometric),
        Evidence(
            f"n(G-n) is at least {'G' if fewer else 'G-1'} in a mixed group"
            + ("" if fewer else ", by (n-1)(G-n-1) more"),
            "every G and n",
            Method.SYMBOLIC,
            low and not fewer,
            counterexample={} if below is None else {"g": below, "p": 0.01, "A/(p(1-p))": _mixed_ratio(below, 0.01)},
        ),
        Evidence("and at most G²/4, by (G-2n)²/4 less", "every G and n", Method.SYMBOLIC, high),
        Evidence(
            f"A(p) < {'(G-1)' if fewer else 'G'}·p(1-p)",
            f"every p in (0, 1), G = 4..{lower[-1][0]}",
            Method.ROOTS,
            below is None,
            confirms=True,
        ),
        Evidence(
            "A(p) > 4(G-1)/G·p(1-p)",
            "G = 3..8",
            Method.ROOTS,
            upper,
            confirms=True,
        ),
    )


def _mixed_ratio(g: int, p: float) -> float:
    """A(p)/(p(1-p))."""
    return float((1 - p**g - (1 - p) ** g) / (p * (1 - p)))


@claim(
    "estimators.sampled-time",
    paper=PAPER,
    equation="groups of two",
    statement="Of a right and a wrong answer GRPO and RLOO raise the log-odds by η in each mixed group of two; "
    "the expected number of groups from log-odds x to x + Nη is exactly Σ_{k<N} (1 + cosh(x + kη)).",
    latex=r"\mathbb E\,T = \sum_{k=0}^{N-1} \frac1{2p_k(1-p_k)} = \sum_{k=0}^{N-1} \big(1+\cosh(x+k\eta)\big)",
    assumptions=("softmax bandit of a right and a wrong answer", "step η over a group's mean", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("a pair is mixed with chance p(1-p)", {"orders": 1}, Verdict.REFUTED),),
)
def sampled_time(quick: bool, *, orders: int = 2) -> CheckOutcome:
    """A chain that only rises: the wait in each state is geometric, and 1/(2p(1-p)) = 1 + (o + 1/o)/2 in the odds o."""
    o, rho, power = ring("o", "rho", "power")  # power is ρ^N, ρ = exp(η)
    # p(1-p) = o/(1+o)²: 1/(orders·p(1-p)) against (2 + o + 1/o)/2, times 2·o·orders.
    wait = 2 * (1 + o) ** 2 == orders * (2 * o + o**2 + 1)
    # Closed forms of Σ_{k<N} o·ρ^k = o(ρ^N - 1)/(ρ - 1) and of Σ ρ^-k/o grow by the next term.
    up = (power * rho - 1) - (power - 1) == power * (rho - 1)
    steps, start, ratio = 6 if quick else 20, Fraction(1, 32), Fraction(2)
    waited, odds = Fraction(0), start
    for _ in range(steps):
        p = odds / (1 + odds)
        waited, odds = waited + 1 / (orders * p * (1 - p)), odds * ratio
    risen = start * (ratio**steps - 1) / (ratio - 1)
    fallen = (1 - ratio**-steps) / (1 - 1 / ratio) / start
    closed = steps + (risen + fallen) / 2
    pair = grpo([1.0, 0.0], eps=0)
    return conclude(
        Evidence(
            "the wait for a mixed pair is 1 + (o + 1/o)/2 groups",
            "every p in (0, 1)",
            Method.SYMBOLIC,
            wait,
            counterexample={} if wait else {"p": 0.5, "wait": 1 / (orders * 0.25), "stated": 2.0},
        ),
        Evidence("the geometric sums have their closed form, by induction", "every N, o and η", Method.SYMBOLIC, up),
        Evidence(
            "waits add up to N + (o(ρ^N - 1)/(ρ - 1) + (1 - ρ^-N)/(1 - 1/ρ)/o)/2",
            f"o = 1/32, η = log 2, N = {steps}",
            Method.CASES,
            waited == closed,
            figures={"groups": str(closed)},
            confirms=True,
        ),
        Evidence(
            "grpo gives a mixed pair 1 and -1, which moves the log-odds by (η/2)·2",
            "1 and 0",
            Method.FLOATS,
            np.abs(pair - [1, -1]).max() < 1e-12,
        ),
    )


#: Probabilities of two right answers and three wrong ones.
_POLICY = (Fraction(2, 5), Fraction(1, 20), Fraction(1, 5), Fraction(1, 5), Fraction(3, 20))
_RIGHT = (1, 1, 0, 0, 0)


@claim(
    "estimators.no-step-back",
    paper=PAPER,
    equation="sampled groups",
    statement="With the mean of all or of the others as baseline no group lowers the success rate, whatever it drew "
    "and however long the step.",
    latex=r"\sum_i A_i = 0 \Rightarrow p^+ \ge p",
    assumptions=(
        "binary rewards",
        "softmax bandit, one step of the group's policy gradient",
        "any scale such as 1/(σ + ε)",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the advantages of the group add up to zero",
    breaks=(Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),),
)
def no_step_back(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo")) -> CheckOutcome:
    """Sampled right answers gain in logit, sampled wrong ones lose, and no other moves: the odds cannot fall."""
    total, n, m = ring("sum", "n", "m")
    g = n + m
    idle = all(DEVIATIONS[name](total, g * total, 0 * g, g) == 0 for name in names)
    # Deviations of right and wrong answers with n successes and m failures, times G and G-1.
    gains = [DEVIATIONS[name](1 + 0 * g, n, 0 * g, g) for name in names]
    losses = [-DEVIATIONS[name](0 * g, n, 0 * g, g) for name in names]
    size, found = 2 if quick else 3, None
    for name, drawn in product(names, product(range(len(_POLICY)), repeat=3)):
        rewards = [Fraction(_RIGHT[a]) for a in drawn[: 3 if "qae" in names else size]]
        slope = _slope(drawn[: len(rewards)], [r - b for r, b in zip(rewards, baseline(name, rewards), strict=True)])
        if found is None and slope < 0:
            found = {
                "estimator": name,
                "pi": [float(x) for x in _POLICY],
                "right": list(_RIGHT),
                "group": list(drawn),
                "change of p": float(slope),
            }
    return conclude(
        Evidence(
            "advantages add up to 0, so that no logit moves but those of the answers drawn",
            "every group and every G",
            Method.SYMBOLIC,
            idle,
            counterexample=found or {},
        ),
        Evidence(
            "right answers have advantages of at least 0 (m failures times something), wrong ones of at most 0",
            "every group and every G",
            Method.SYMBOLIC,
            all(coefficient >= 0 for x in (*gains, *losses) for coefficient in x.coeffs()),
        ),
        Evidence(
            "p does not fall, to first order",
            f"all groups of {size} from two right and three wrong answers",
            Method.CASES,
            found is None,
            confirms=True,
        ),
    )


def _slope(drawn: tuple[int, ...], advantages_: list[Fraction]) -> Fraction:
    """First-order change of p, Σ_a π_a (r_a - p) Δz_a with Δz = Σ_i A_i (e_{a_i} - π)."""
    p = sum((pi * r for pi, r in zip(_POLICY, _RIGHT, strict=True)), Fraction(0))
    whole = sum(advantages_, Fraction(0))
    moved = [-pi * whole for pi in _POLICY]
    for a, advantage in zip(drawn, advantages_, strict=True):
        moved[a] += advantage
    return sum((pi * (r - p) * z for pi, r, z in zip(_POLICY, _RIGHT, moved, strict=True)), Fraction(0))
