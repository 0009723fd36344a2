"""Mean and variance of the gradient coefficient of one group, and the K at which it is least noisy.

In a two-armed softmax bandit the gradient of one group by the correct arm's logit is a coefficient that depends on the
number n of successes alone. With the scores 1-p and -p of the two arms, p̂ = n/G and m = G-n it is p̂(1-p̂) under
Dr. GRPO, √(p̂(1-p̂)) under GRPO, and under QAE (1-p)·√(n/m) in hard and p·√(m/n) in easy groups; a mask has the sum
of both on its ungated side. With more arms it multiplies π₊ - π₋ (claim qae.group-direction). There are G gates (claim
qae.finitely-many-gates): N is the largest number of successes of a hard group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor, prod
from typing import Any

from qae_sim.advantages import expected_advantages, k_from_gradient_variance
from qae_sim.theory.arithmetic import arb_poly, ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.certified import near, number, prove_polynomial_positive
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.exact_advantages import advantages, root_of
from qae_sim.theory.polynomials import X, Y, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every


def falling(x: Any, count: int) -> Any:
    """x(x-1)(x-2)..., so many factors."""
    product = x**0
    for i in range(count):
        product = product * (x - i)
    return product


@claim(
    "qae.coefficient-moments",
    paper=PAPER,
    equation="Eq. 5 at finite G",
    statement="The gradient coefficient of a group has the mean (G-1)/G·p(1-p) and the variance "
    "(G-1)/G³·p(1-p)·(G-1 - (4G-6)p(1-p)) without the standard deviation (Dr. GRPO), and the mean square "
    "(G-1)/G·p(1-p) with it (GRPO).",
    latex=r"\mathbb E\,\hat p(1-\hat p) = \tfrac{G-1}{G}pq,\quad "
    r"\operatorname{Var}\hat p(1-\hat p) = \tfrac{G-1}{G^3}\,pq\,\big(G-1-(4G-6)pq\big)",
    assumptions=("two-armed softmax bandit", "binary rewards", "population standard deviation, ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("one response may count twice: Gᵃ for G(G-1)...", {"power": True}, Verdict.REFUTED),),
)
def coefficient_moments(quick: bool, *, power: bool = False) -> CheckOutcome:
    """Factorial moments: E[n(n-1)...·m(m-1)...] of a and b factors is G(G-1)...·pᵃqᵇ of a + b factors."""
    n, m, p, g = ring("n", "m", "p", "G")
    q = 1 - p

    def expected(a: int, b: int) -> Any:
        return (g ** (a + b) if power else falling(g, a + b)) * p**a * q**b

    expanded = (n * m) ** 2 == sum(falling(n, a) * falling(m, b) for a in (1, 2) for b in (1, 2))
    fourth = sum(expected(a, b) for a in (1, 2) for b in (1, 2))
    mean = expected(1, 1) == g * (g - 1) * p * q
    variance = g * (fourth - expected(1, 1) ** 2) == g**2 * (g - 1) * p * q * (g - 1 - (4 * g - 6) * p * q)
    largest = 16 if quick else 48
    wrong = [
        size
        for size in range(2, largest + 1)
        if _moment(size, 1) != size * (size - 1) * X * Y
        or size * (_moment(size, 2) - _moment(size, 1) ** 2)
        != size**2 * (size - 1) * X * Y * (size - 1 - (4 * size - 6) * X * Y)
    ]
    ours = [
        (float(expected_advantages("dr_grpo", float(x), 8).c), number("7/8") * number(x) * (1 - number(x)))
        for x in ("0.1", "0.5", "0.8")
    ]
    agrees, gap = near(ours, "1e-14")
    return conclude(
        Evidence(
            "(nm)² is a sum of products of falling factors, whose means add up to the stated variance",
            "every G and p",
            Method.SYMBOLIC,
            expanded and mean and variance,
        ),
        Evidence(
            "the sums over n = 0..G of the mean and of the variance of nm are these polynomials",
            f"all p, G = 2..{largest}",
            Method.SYMBOLIC,
            not wrong,
            confirms=True,
        ),
        Evidence("expected_advantages gives the mean to 1e-14", "G = 8, three p", Method.FLOATS, agrees, gap),
    )


def _moment(g: int, power: int) -> Any:
    """E[(n(G-n))^power] as a polynomial in p."""
    return sum(((n * (g - n)) ** power * binomial_term(g, n) for n in range(g + 1)), 0 * X)


def _squares(g: int, hard: int, p: Fraction) -> list[Fraction]:
    """Squared coefficients of QAE for n = 1..G-1 successes, hard up to ``hard``."""
    k = Fraction(g - hard, g)
    found = []
    for n in range(1, g):
        plus, minus = advantages("qae", n, g, k)  # one of them is 0
        found.append(plus[1] * (Fraction(n, g) * (1 - p)) ** 2 + minus[1] * (Fraction(g - n, g) * p) ** 2)
    return found


@claim(
    "qae.least-second-moment",
    paper=PAPER,
    equation="Eqs. 3 and 4 at finite G",
    statement="Of all K the one whose threshold 1-K is the success rate itself has the smallest gradient coefficient "
    "in every group, and so the smallest mean and mean square: hard up to N = ⌊Gp⌋ successes.",
    latex=r"\lceil KG\rceil = G - \lfloor Gp\rfloor \Rightarrow c_K(n) = \min_{K'} c_{K'}(n) \text{ for every } n",
    assumptions=("two-armed softmax bandit", "binary rewards", "population standard deviation, ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("the gate of K = .4 for every success rate", {"k": Fraction(2, 5)}, Verdict.REFUTED),
        Break("⌈Gp⌉ + 1 instead of ⌊Gp⌋", {"more": 2}, Verdict.REFUTED),
    ),
)
def least_second_moment(quick: bool, *, k: Fraction | None = None, more: int = 0) -> CheckOutcome:
    """Hard coefficients (1-p)√(n/m) are the smaller ones up to n = Gp, easy ones p√(m/n) from there."""
    largest, steps = (8, 20) if quick else (12, 30)
    found = None
    for g in range(2, largest + 1):
        for p in (Fraction(step, steps) for step in range(1, steps)):
            every_gate = [_squares(g, hard, p) for hard in range(g)]
            least = [min(values) for values in zip(*every_gate, strict=True)]
            chosen = floor(g * p) + more if k is None else floor(g * (1 - k))
            if found is None and every_gate[min(chosen, g - 1)] != least:
                found = {"g": g, "p": float(p), "hard up to": chosen}
    p_, n, g_ = ring("p", "n", "G")
    m, q = g_ - n, 1 - p_
    return conclude(
        Evidence(
            "nm times the squared easy less the squared hard coefficient is (Gp - n)(pm + qn), of the sign of Gp - n",
            "every G, n and p",
            Method.SYMBOLIC,
            (p_ * m) ** 2 - (q * n) ** 2 == (g_ * p_ - n) * (p_ * m + q * n),
        ),
        Evidence(
            "the gate up to ⌊Gp⌋ has the smallest coefficient of all gates in every group",
            f"G = 2..{largest}, p in steps of 1/{steps}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
    )


def _mean_squares(chances: Sequence[tuple[Fraction, bool]], g: int, n: int) -> tuple[Fraction, Fraction]:
    """Mean squared norm of QAE's gradient given n successes, in a hard and in an easy group, by listing all groups.

    The policy is a softmax with a logit for each arm, which has a chance and is correct or not.
    """
    totals, weights = [Fraction(0), Fraction(0)], Fraction(0)
    for group in product(range(len(chances)), repeat=g):
        if sum(chances[arm][1] for arm in group) != n:
            continue
        weight = prod((chances[arm][0] for arm in group), start=Fraction(1))
        weights += weight
        for side in (0, 1):  # hard: the successes with 1/σ, easy: the failures with -1/σ
            trained = [arm for arm in group if chances[arm][1] != bool(side)]
            gradient = [trained.count(a) - len(trained) * chance for a, (chance, _) in enumerate(chances)]
            totals[side] += weight * sum(x * x for x in gradient) / (n * (g - n))  # G²σ² = nm
    return totals[0] / weights, totals[1] / weights


def _sides(chances: Sequence[tuple[Fraction, bool]]) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """p, D = ‖E₊[s] - E₋[s]‖², and the variances v₊ and v₋ of the score within the sides."""
    rate = sum((chance for chance, correct in chances if correct), Fraction(0))
    within = {
        side: [chance / (rate if side else 1 - rate) * (correct is side) for chance, correct in chances]
        for side in (True, False)
    }
    distance = sum(((x - y) ** 2 for x, y in zip(within[True], within[False], strict=True)), Fraction(0))
    variances = [1 - sum((x * x for x in within[side]), Fraction(0)) for side in (True, False)]
    return rate, distance, variances[0], variances[1]


@claim(
    "qae.least-mean-square",
    paper=PAPER,
    equation="Sec. 6: K by gradient variance, at finite G",
    statement="For every policy the groups in which the hard side has the smaller mean square are those with few "
    "successes: one K is best for all of them. Its threshold 1-K lies between the success rate p and v₋/(v₊+v₋), where "
    "v₊ and v₋ are the variances of the score among correct and among wrong responses; if both are 0, it is p.",
    latex=r"\mathbb E\|g_{\text{hard}}\|^2 \le \mathbb E\|g_{\text{easy}}\|^2 \iff "
    r"n\,\big(n(1-p)^2D + v_+\big) \le m\,\big(mp^2D + v_-\big),\quad m = G-n",
    assumptions=("on-policy, whole-response log-probabilities", "binary rewards", "population σ, ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("no variance among the correct responses", {"within": 0}, Verdict.REFUTED),
        Break("the mean scores of the two sides have the same size", {"lever": False}, Verdict.REFUTED),
    ),
)
def least_mean_square(quick: bool, *, within: int = 1, lever: bool = True) -> CheckOutcome:
    """A hard group adds up n scores of mean E₊[s] = (1-p)d and variance v₊, an easy one m of -p·d and v₋."""
    n, m, p, big, plus, minus = ring("n", "m", "p", "D", "v_plus", "v_minus")
    q = 1 - p

    def gap(n: Any, m: Any, p: Any, big: Any, plus: Any, minus: Any) -> Any:
        """Nm times the mean square of the hard less that of the easy side."""
        share, other = ((1 - p), p) if lever else (p**0, p**0)
        return n * (n * share**2 * big + within * plus) - m * (m * other**2 * big + minus)

    rise = gap(n + 1, m - 1, p, big, plus, minus) - gap(n, m, p, big, plus, minus)
    rising = rise == plus + minus + big * (q**2 * (2 * n + 1) + p**2 * (2 * m - 1))
    size = ring("G", "p", "D", "v_plus", "v_minus")
    at_p = gap(size[0] * size[1], size[0] * (1 - size[1]), *size[1:]) == size[0] * (
        size[1] * size[3] - (1 - size[1]) * size[4]
    )
    # At n : m = v₋ : v₊ the variances cancel, and n(1-p) - mp is (v₋(1-p) - v₊p) times a positive number.
    at_k = gap(minus, plus, p, big, plus, minus) == big * (minus * q - plus * p) * (minus * q + plus * p)
    policy = [(Fraction(1, 2), True), (Fraction(1, 10), True), (Fraction(3, 10), False), (Fraction(1, 10), False)]
    rate, distance, correct, wrong = _sides(policy)
    found = None
    for g in (2, 3) if quick else (2, 3, 4):
        for successes in range(1, g):
            hard, easy = _mean_squares(policy, g, successes)
            exact = successes * (g - successes) * (hard - easy)
            if exact != gap(successes, g - successes, rate, distance, correct, wrong):
                found = {"g": g, "successes": successes, "hard": str(hard), "easy": str(easy)}
    ours = k_from_gradient_variance([1.0, 0.0, 0.0, 0.0], [3.0, 1.0, 1.0, 1.0])
    return conclude(
        Evidence(
            "nm times the difference of the mean squares rises with n: it changes its sign once",
            "every G and n, every policy by its p, D, v₊ and v₋",
            Method.SYMBOLIC,
            rising,
        ),
        Evidence(
            "it is G(p·v₊ - (1-p)·v₋) at n = Gp, and of the opposite sign at n/G = v₋/(v₊+v₋)",
            "the same",
            Method.SYMBOLIC,
            at_p and at_k,
        ),
        Evidence(
            "the difference, by listing all groups of a policy with four arms, is the stated one",
            f"G = 2..{3 if quick else 4}, all n, chances .5 and .1 correct, .3 and .1 wrong",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
        Evidence(
            "k_from_gradient_variance gives v₊/(v₊+v₋)", "v₊ = 3, v₋ = 1", Method.FLOATS, abs(ours - 0.75) < 1e-15
        ),
    )


@dataclass(frozen=True)
class _Moments:
    """Mean and mean square of a coefficient as polynomials in p."""

    mean: arb_poly
    square: arb_poly


def _moments(name: str, g: int, hard: int = 0) -> _Moments:
    """Moments of an estimator's coefficient; QAE's with groups hard up to ``hard`` successes."""
    mean = square = arb_poly()
    for n in range(1, g):
        plus, minus = advantages(name, n, g, Fraction(g - hard, g))
        coefficient = (root_of(plus) * n / g).arb * arb_poly([1, -1]) - (root_of(minus) * (g - n) / g).arb * arb_poly(
            [0, 1]
        )
        weight = arb_poly(binomial_term(g, n))
        mean, square = mean + weight * coefficient, square + weight * coefficient * coefficient
    return _Moments(mean, square)


def _noisier(one: _Moments, other: _Moments) -> arb_poly:
    """What has the sign of the relative variance of one less that of the other, square/mean² each."""
    return one.square * other.mean * other.mean - other.square * one.mean * one.mean


def _without_zeros(polynomial: arb_poly, order: int) -> tuple[arb_poly, bool]:
    """The polynomial over p^order, which divides it; and whether the coefficients that are left out can be 0."""
    coefficients = polynomial.coeffs()
    possible = all(coefficient.contains(0) for coefficient in coefficients[:order])
    return arb_poly(coefficients[order:]), possible


@dataclass(frozen=True)
class _Comparison:
    """Two gates, or a gate and GRPO, on an interval of success rates."""

    g: int
    p: tuple[Fraction, Fraction]
    gates: tuple[int, int | str]
    holds: Truth
    point: tuple[Fraction, ...]
    zeros: bool


def _compared(g: int, gates: tuple[int, int | str], polynomial: arb_poly, order: int, *ends: Fraction) -> _Comparison:
    """Whether a polynomial over p^order is positive between two success rates."""
    reduced, zeros = _without_zeros(polynomial, order)
    proof = prove_polynomial_positive(reduced, *ends)
    return _Comparison(g, (ends[0], ends[1]), gates, proof.holds, proof.point, zeros)


def _least_noise(g: int, shift: int) -> Iterator[_Comparison]:
    """Compare the gate N = ⌊Gp⌋ (moved by ``shift``) with all others on the intervals of p up to 1/2.

    Swapping the two arms maps p to 1-p and N to G-1-N, which settles the other half.
    """
    moments = [_moments("qae", g, hard) for hard in range(g)]
    for j in range((g + 1) // 2):
        ends = (Fraction(j, g), Fraction(j + 1, g))
        best = min(j + shift, g - 1)
        for other in range(g):
            if other == best:
                continue
            # In sums over three groups a, b, c the terms of one group thrice cancel: at least p⁴ is left, and p² more
            # from the easy coefficients if no group is hard.
            order = 0 if j else 4 if min(best, other) else 6
            if shift == 0 and abs(other - best) == 1:
                yield _compared(g, (best, other), _beside(g, moments, best, other), order and 5, *ends)
            else:
                yield _compared(g, (best, other), _noisier(moments[other], moments[best]), order, *ends)


def _beside(g: int, moments: list[_Moments], best: int, other: int) -> arb_poly:
    """The comparison of neighbours without the factor that is 0 where they swap.

    Only groups of n = max(N, N') successes differ. With the hard and easy coefficients h and e of those, weight w, the
    comparison is w(e - h)·((h + e)·mean² - square·(mean + mean')), or minus that, and e - h = (Gp - n)/√(nm).
    """
    n = max(best, other)
    both = (n * arb_poly([1, -1]) + (g - n) * arb_poly([0, 1])) * (1 / number(n * (g - n)).sqrt()).arb
    one, two = moments[best], moments[other]
    return both * one.mean * one.mean - one.square * (one.mean + two.mean)


@claim(
    "qae.least-noise-k",
    paper=PAPER,
    equation="Sec. 4: 'statistically robust', at finite G",
    statement="In groups of 3 to 16, and of 32, the K at which QAE's gradient is least noisy, relative to its size "
    "and absolutely, is that whose threshold 1-K is the query's own success rate: hard up to ⌊Gp⌋ successes.",
    latex=r"\frac{\operatorname{Var} c_K}{(\mathbb E c_K)^2} \text{ is least at } \lceil KG\rceil = "
    r"G - \lfloor Gp\rfloor,\ G \in \{3, \dots, 16, 32\}",
    assumptions=("two-armed softmax bandit", "binary rewards", "population standard deviation, ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.OURS,
    breaks=(Break("one more number of successes is hard", {"shift": 1}, Verdict.REFUTED),),
)
def least_noise_k(quick: bool, *, shift: int = 0) -> CheckOutcome:
    """Signs of polynomials in p by Bernstein coefficients: all pairs of gates on each interval [j/G, (j+1)/G]."""
    sizes = range(3, 9) if quick else (*range(3, 17), 32)
    found: list[_Comparison] = []
    for g in sizes:
        with ctx.workprec(64 + 8 * g):
            found += _least_noise(g, shift)
    failed = next((one for one in found if one.holds is Truth.NO), None)
    return conclude(
        Evidence(
            "the relative variance of the gate up to ⌊Gp⌋ is below that of every other one (equal at p = j/G for the "
            "neighbour)",
            f"two arms, G = {'3..8' if quick else '3..16 and 32'}, every p in (0, 1)",
            Method.INTERVALS,
            every(one.holds for one in found),
            counterexample={"g": failed.g, "p": float(failed.point[0]), "hard up to": list(failed.gates)}
            if failed
            else {},
            figures={"pairs of gates compared": len(found)},
        ),
        controls=[_zeros(found)],
    )


def _zeros(found: list[_Comparison]) -> Evidence:
    """Whether the polynomials can have the zeros at p = 0 that they are divided by."""
    return Evidence(
        "the powers of p that divide the polynomials have no coefficients below them",
        "all comparisons",
        Method.FLOATS,
        all(one.zeros for one in found),
    )


@claim(
    "qae.small-groups-grpo-less-noisy",
    paper=PAPER,
    equation="Sec. 4: 'statistically robust', at finite G",
    statement="In groups of 4 to 6 GRPO's gradient is less noisy than QAE's, relative to its size, at every K and "
    "every success rate; in groups of 7 no longer.",
    latex=r"\frac{\operatorname{Var} c_{\mathrm{GRPO}}}{(\mathbb E c_{\mathrm{GRPO}})^2} < "
    r"\min_K \frac{\operatorname{Var} c_K}{(\mathbb E c_K)^2},\quad 4 \le G \le 6",
    assumptions=("two-armed softmax bandit", "binary rewards", "population standard deviation, ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.OURS,
    breaks=(Break("groups of 7, too", {"largest": 7}, Verdict.REFUTED),),
)
def small_groups(quick: bool, *, largest: int = 6) -> CheckOutcome:
    """All gates against GRPO on (0, 1/2]; the other half by swapping the arms. At G = 7, p = .208 the gate 1 wins."""
    found: list[_Comparison] = []
    with ctx.workprec(128):
        for g in range(4, largest + 1):
            grpo = _moments("grpo", g)
            for hard in range(g):
                polynomial = _noisier(_moments("qae", g, hard), grpo)
                found.append(_compared(g, (hard, "GRPO"), polynomial, 4 if hard else 6, Fraction(0), Fraction(1, 2)))
        seven = Ball(_noisier(_moments("grpo", 7), _moments("qae", 7, 1))(number("0.208").arb))
    failed = next((one for one in found if one.holds is Truth.NO), None)
    return conclude(
        Evidence(
            "GRPO's relative variance is below that of every gate",
            f"two arms, G = 4..{largest}, every p in (0, 1)",
            Method.INTERVALS,
            every(one.holds for one in found),
            counterexample={"g": failed.g, "p": float(failed.point[0]), "hard up to": failed.gates[0]}
            if failed
            else {},
            figures={"gates compared": len(found)},
        ),
        Evidence(
            "GRPO's is above that of the gate up to one success",
            "G = 7, p = .208",
            Method.INTERVALS,
            seven > 0,
        ),
        controls=[_zeros(found)],
    )
