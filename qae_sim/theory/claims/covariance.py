"""The entropy-covariance identity with its remainder, and the covariance C = Cov(log π, π) behind Proposition 4.2.

Moments of a policy with logits z, changed along d, form a ring of their own: with M_ij = E_π[z^i d^j] the derivative
along d is D M_ij = i·M_{i-1,j+1} + M_{i,j+1} - M_ij·M_01, and that of the log-partition function is M_01. Identities
in this ring hold for every number of arms.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from flint import Ordering, arb, ctx, fmpq_mpoly_ctx

from qae_sim.papers import ENTROPY, QAE
from qae_sim.softmax import covariance, entropy_change, first_order_entropy_change
from qae_sim.theory.certified import digits, largest, number, prove_positive, x_log_x
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.registry import claim


class Moments:
    """The ring of moments M_ij = E[z^i d^j], i <= 2 and j <= 3, with the log-partition function l."""

    def __init__(self) -> None:
        names = ["l", *(f"m{i}{j}" for i in range(3) for j in range(4) if (i, j) != (0, 0))]
        self.context = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.generators = dict(zip(names, self.context.gens(), strict=True))

    def __call__(self, i: int, j: int) -> Any:
        """M_ij."""
        return self.generators[f"m{i}{j}"] if (i, j) != (0, 0) else self.context.constant(1)

    @property
    def log_partition(self) -> Any:
        """The log-partition function."""
        return self.generators["l"]

    def along(self, polynomial: Any, tilt: int = 1) -> Any:
        """Derivative along d; ``tilt`` 0 leaves out that the policy itself changes."""
        total = polynomial.derivative("l") * self(0, 1)
        for i in range(3):
            for j in range(4):
                if (i, j) == (0, 0) or polynomial.derivative(f"m{i}{j}").is_zero():
                    continue
                change = i * self(i - 1, j + 1) if i else self.context.constant(0)
                change += tilt * (self(i, j + 1) - self(i, j) * self(0, 1))
                total += polynomial.derivative(f"m{i}{j}") * change
        return total


@claim(
    "entropy.identity",
    paper=ENTROPY,
    equation="Lemma 1; QAE Eq. 18",
    statement="To first order the entropy of a softmax policy changes by minus the covariance of log π and the logits' "
    "change.",
    latex=r"\frac{\mathrm d}{\mathrm dt} H(z + t\,\delta)\Big|_{t=0} = -\operatorname{Cov}_\pi(\log\pi, \delta)",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("E[log π·δ] instead of the covariance", {"centred": False}, Verdict.REFUTED),),
)
def identity(quick: bool, *, centred: bool = True) -> Finding:
    """H = l - M_10, log π = z - l: differentiate and compare."""
    m = Moments()
    change = m.along(m.log_partition - m(1, 0))
    moment = m(1, 1) - m.log_partition * m(0, 1)
    mean = (m(1, 0) - m.log_partition) * m(0, 1)
    equal = change == -(moment - mean if centred else moment)
    return conclude(
        Evidence(
            "the derivative of the entropy is the stated moment",
            "every number of arms, every policy and direction",
            Method.SYMBOLIC,
            equal,
            counterexample={}
            if equal
            else {"pi": [0.5, 0.5], "delta": [1, 0], "derivative": 0, "-E[log pi * delta]": math.log(2) / 2},
        )
    )


def _curvature(q: arb, second: arb, u: arb) -> arb:
    """E[(1 + log π + H)(d - E d)²] for three arms of probabilities q, second, 1-q-second and d = (0, u, 1)."""
    third = (1 - q - second).nonnegative_part()
    pi, d = (q, second, third), (arb(0), u, arb(1))
    mean = sum((p * x for p, x in zip(pi, d, strict=True)), arb(0))
    logs = [x_log_x(p) for p in pi]
    h = -sum(logs, arb(0))
    return sum(((p * (1 + h) + log) * (x - mean) ** 2 for p, log, x in zip(pi, logs, d, strict=True)), arb(0))


@claim(
    "entropy.remainder",
    paper=ENTROPY,
    equation="Lemma 1 ('≈')",
    statement="What the first-order identity leaves out is at most half the squared spread of the logits' change times "
    "log A.",
    latex=r"\big|\Delta H + \operatorname{Cov}_\pi(\log\pi,\delta)\big| \le \tfrac12 \rho^2 \log A,\quad "
    r"\rho = \max\delta - \min\delta",
    assumptions=("softmax policy with one logit per arm", "A >= 2 arms"),
    expected=Verdict.CERTIFIED,
    breaks=(
        Break("a quarter of the bound", {"factor": Fraction(1, 4)}, Verdict.REFUTED),
        Break("the second derivative of a policy that does not tilt", {"tilt": 0}, Verdict.REFUTED),
    ),
)
def remainder(quick: bool, *, factor: Fraction = Fraction(1), tilt: int = 1) -> Finding:
    """Taylor with H'' = -E[(1 + log π + H)(d - E d)²], a symbolic identity, and |H''| <= ρ² log A.

    The bound: log π <= 0 and H <= log A give -H'' <= (1 + log A)·Var(d) <= (1 + log A)·ρ²/4; and from below
    E[(-log π - H - 1)⁺] <= E[(log π + H)⁻] = E[(log π + H)⁺] <= H, since log π + H has mean 0 and is at most H. Both
    are at most ρ² log A for A >= 2. Interval arithmetic proves the bound again for all policies and directions of two
    and three arms.
    """
    m = Moments()
    entropy = m.log_partition - m(1, 0)
    second = m.along(m.along(entropy, tilt), tilt)
    # E[(1 + z - M_10)(d - M_01)²]
    square = m(0, 2) - m(0, 1) ** 2
    weighted = m(1, 2) - 2 * m(0, 1) * m(1, 1) + m(0, 1) ** 2 * m(1, 0)
    symbolic = Evidence(
        "H'' = -E[(1 + log π + H)(d - E d)²]",
        "every number of arms, every policy and direction",
        Method.SYMBOLIC,
        second == -(square + weighted - m(1, 0) * square),
        counterexample={} if tilt else {"tilt": 0},
    )
    proofs = []
    for arms in (2,) if quick else (2, 3):
        bound = number(factor) * arb(arms).log()

        def slack(q: arb, second: arb, u: arb, sign: int, bound: arb = bound) -> arb:
            if q + second > 1:
                return arb(1)  # outside the simplex
            return bound + sign * _curvature(q, second, u)

        for sign in (1, -1):
            sides = [(0, 1), (0, 0), (0, 0)] if arms == 2 else [(0, 1)] * 3
            proof = prove_positive(lambda q, s, u, sign=sign, f=slack: f(q, s, u, sign), *sides, max_boxes=200_000)
            proofs.append(
                Evidence(
                    f"{'-' if sign > 0 else ''}H'' < {'' if factor == 1 else f'{factor}·'}ρ² log A",
                    f"A = {arms}, all policies and all directions",
                    Method.INTERVALS,
                    proof.holds,
                    margin=repr(proof.margin),
                    counterexample={"pi": [float(proof.point[0]), float(1 - proof.point[0] - proof.point[1])]}
                    if proof.holds is False
                    else {},
                    figures={"boxes": proof.boxes},
                )
            )
    return conclude(symbolic, *proofs, _remainder_floats())


def _remainder_floats() -> Evidence:
    """The bound in floats, with the project's exact entropy change, on policies from flat to nearly deterministic."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for arms in (2, 3, 10, 100, 1000):
        z = rng.normal(size=(200, arms)) * rng.choice([0.1, 1, 10], size=(200, 1))
        d = rng.normal(size=(200, arms)) * rng.choice([0.01, 1, 5], size=(200, 1))
        left = np.abs(entropy_change(z, d) - first_order_entropy_change(z, d))
        worst = max(worst, float((left / (0.5 * np.ptp(d, axis=-1) ** 2 * math.log(arms))).max()))
    return Evidence(
        "entropy_change and first_order_entropy_change differ by less",
        "1000 policies of 2 to 1000 arms",
        Method.FLOATS,
        worst <= 1,
        margin=f"{worst:.3f} of the bound",
    )


def pair_sum(pi: list[Any], logs: list[Any]) -> Any:
    """Σ over pairs of π_a π_c (log π_a - log π_c)(π_a - π_c)."""
    total = 0 * pi[0]
    for a in range(len(pi)):
        for c in range(a):
            total += pi[a] * pi[c] * (logs[a] - logs[c]) * (pi[a] - pi[c])
    return total


def simplex(arms: int, *more: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Probabilities that add up to 1, their logarithms as free variables, and further variables."""
    names = [f"p{a}" for a in range(1, arms)] + [f"l{a}" for a in range(arms)] + list(more)
    generators = list(fmpq_mpoly_ctx.get(names, Ordering.lex).gens())
    free, logs, rest = generators[: arms - 1], generators[arms - 1 : 2 * arms - 1], generators[2 * arms - 1 :]
    return [*free, 1 - sum(free, 0 * generators[0])], logs, rest


def cov(pi: list[Any], x: list[Any], y: list[Any]) -> Any:
    """Covariance under the policy, as a polynomial."""
    mean = sum((p * a for p, a in zip(pi, x, strict=True)), 0 * pi[0])
    other = sum((p * a for p, a in zip(pi, y, strict=True)), 0 * pi[0])
    return sum((p * a * b for p, a, b in zip(pi, x, y, strict=True)), 0 * pi[0]) - mean * other


@claim(
    "qae.covariance-positive",
    paper=QAE,
    equation="Sec. 4.3, proof of Proposition 4.2",
    statement="Cov(log π, π) is positive for every policy that is not uniform, and 0 for the uniform one.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, \pi) = \sum_{a<c} \pi_a\pi_c(\log\pi_a - \log\pi_c)(\pi_a - \pi_c) \ge 0",
    assumptions=("π_a > 0",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("Cov(log π, πr) instead", {"rewards": True}, Verdict.REFUTED),),
)
def covariance_positive(quick: bool, *, rewards: bool = False) -> Finding:
    """The identity of pairs: no monomial has more than two arms, so that few arms settle all; every pair is >= 0."""
    equal = True
    for arms in range(2, 4 if quick else 6):
        pi, logs, r = simplex(arms, *(f"r{a}" for a in range(arms)))
        y = [p * x for p, x in zip(pi, r, strict=True)] if rewards else pi
        equal &= cov(pi, logs, y) == pair_sum(pi, logs)
    example = {"pi": [0.9, 0.1], "r": [0, 1], "Cov(log pi, pi r)": 0.9 * 0.1 * 0.1 * math.log(1 / 9)}
    return conclude(
        Evidence(
            "the covariance is a sum over pairs of products of differences with the same sign",
            "every policy and every number of arms",
            Method.SYMBOLIC,
            bool(equal),
            counterexample={} if equal else example,
        )
    )


def two_levels(k: int, arms: int, x: arb) -> arb:
    """Cov(log π, π) of k arms of probability x and arms - k of (1 - kx)/(arms - k)."""
    m = arms - k
    y = ((1 - k * x) / m).nonnegative_part()
    x_log, y_log = x_log_x(x), x_log_x(y)
    h = -k * x_log - m * y_log
    return k * x * (x_log + h * x) + m * y * (y_log + h * y)


@claim(
    "qae.covariance-largest",
    paper=QAE,
    equation="Sec. 4.3, 'bounded one-step entropy change'",
    statement="Over the simplex Cov(log π, π) is largest where one arm is likely and all others are equal, and it "
    "grows with the number of arms: the two-sided bound of Proposition 4.2 is at most η times that wide.",
    latex=r"\max_{\pi\in\Delta_A}\operatorname{Cov}_\pi(\log\pi,\pi) = \max_x f_{1,A}(x)",
    assumptions=("A arms",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("two likely arms instead of one", {"likely": 2}, Verdict.REFUTED),),
)
def covariance_largest(quick: bool, *, likely: int = 1) -> Finding:
    """Largest values over all policies with two levels; no other policy can be a maximum.

    With S = Σπ² the derivative by π_a is 2π log π + π + 2Hπ - S(log π + 1), which is convex in π_a: it takes one value
    at two levels of π at most. Where some π are 0, the covariance is that of fewer arms.
    """
    top = 8 if quick else 16
    found, best, at = None, {}, {}
    with ctx.workprec(64):
        for arms in range(likely + 1, top + 1):
            maxima = {
                k: largest(partial(two_levels, k, arms), 0, Fraction(1, k), tolerance=1e-5) for k in range(1, arms)
            }
            best[arms] = maxima[likely]
            others = [value for k, value in maxima.items() if k not in (likely, arms - likely)]
            shrinks = arms - 1 in best and not best[arms] > best[arms - 1]
            if found is None and (any(not other < best[arms] for other in others) or shrinks):
                found = {"arms": arms}
        for arms in (2, 4, 10, 100, 10_000):
            x = _argmax(arms)
            at[arms] = {"largest": digits(two_levels(1, arms, number(x)), 8), "likely arm": round(float(x), 4)}
        worst = max(
            abs(float(covariance(z, np.log(p), p)) - float(two_levels(1, arms, number(Fraction(float(p[0]))))))
            for arms in (2, 10, 100)
            for p in [np.array([0.7, *[0.3 / (arms - 1)] * (arms - 1)])]
            for z in [np.log(p)]
        )
    return conclude(
        Evidence(
            f"the maximum over all policies has {likely} likely arm{'s' if likely > 1 else ''} and grows with A",
            f"A = 2..{top}, all policies",
            Method.INTERVALS,
            found is None,
            counterexample=found or {},
            figures={"by number of arms": at},
        ),
        Evidence("softmax.covariance gives the same", "A = 2, 10, 100", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
    )


def _argmax(arms: int) -> Fraction:
    """Probability of the likely arm at which the covariance is largest, to 1e-6."""
    x = np.linspace(1 / arms, 1, 1_000_001)[:-1]
    y = (1 - x) / (arms - 1)
    h = -x * np.log(x) - (1 - x) * np.log(y)
    value = x**2 * (np.log(x) + h) + (1 - x) * y * (np.log(y) + h)
    return Fraction(float(x[value.argmax()]))
