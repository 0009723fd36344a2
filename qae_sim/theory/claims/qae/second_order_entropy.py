"""E[ΔH] of a sampled group to second order: first order, bend and noise by moments over groups, also with clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from qae_sim.softmax import expected_entropy_change
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.binomial import binomial_probability
from qae_sim.theory.certified import digits, entropy, near, number, softmax
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all

#: An advantage of a response of reward r in a group with n successes of G: a(n, G, r).
Table = Callable[[int, int, int], Fraction]
Vector = list[Fraction]
Matrix = list[Vector]

TABLES: dict[str, Table] = {
    "mean": lambda n, g, r: r - Fraction(n, g),
    "quantile": lambda n, g, r: Fraction(r - (n > Fraction(3, 5) * g)),
    "no sum of zero": lambda n, g, r: Fraction(3 * r - 1 - n, 2 + n),
}
#: A policy of three arms, and the chance of each to be correct.
PI = (Fraction(1, 2), Fraction(3, 10), Fraction(1, 5))
CORRECT = (Fraction(1, 4), Fraction(1), Fraction(1, 2))
#: The policy that had sampled, of which PI is 1.25, 1.2 and 5/9 times as likely on its arms.
OLD = (Fraction(2, 5), Fraction(1, 4), Fraction(7, 20))
#: Ends of Clip-Higher's range: arms above it are clipped if their advantage is positive, arms below if it is negative.
CLIP = (Fraction(4, 5), Fraction(6, 5))


@dataclass(frozen=True)
class Step:
    """How a response becomes a change of the logits.

    Attributes:
        old: The policy that samples.
        normaliser: 1 for the policy gradient, A·w·(e_a - π); 0 for the paper's update, without π.
        clip: Ends of the range of ratios; None: nothing is clipped.
    """

    old: tuple[Fraction, ...] = PI
    normaliser: int = 1
    clip: tuple[Fraction, Fraction] | None = None

    def change(self, arm: int, advantage: Fraction) -> Vector:
        """The gradient of min(ratio·A, clip(ratio)·A) by the logits at PI, for one response."""
        ratio = PI[arm] / self.old[arm]
        if self.clip is not None and (ratio > self.clip[1] if advantage > 0 else ratio < self.clip[0]):
            return [Fraction(0)] * len(PI)
        return [advantage * ratio * ((a == arm) - self.normaliser * p) for a, p in enumerate(PI)]


def sampled(g: int, table: Table, step: Step) -> Iterator[tuple[Fraction, Vector]]:
    """Chance and summed change of the logits of every group of G responses."""
    outcomes = [(arm, r) for arm in range(len(PI)) for r in (0, 1)]
    chances = {(arm, r): step.old[arm] * (CORRECT[arm] if r else 1 - CORRECT[arm]) for arm, r in outcomes}
    for group in product([outcome for outcome in outcomes if chances[outcome]], repeat=g):
        n = sum(r for _, r in group)
        changes = [step.change(arm, table(n, g, r)) for arm, r in group]
        yield (
            prod((chances[outcome] for outcome in group), start=Fraction(1)),
            [sum(column, Fraction(0)) for column in zip(*changes, strict=True)],
        )


def enumerated(g: int, table: Table, step: Step) -> tuple[Vector, Matrix]:
    """E[X] and E[X Xᵀ] of the summed change X, over all groups."""
    arms = range(len(PI))
    groups = list(sampled(g, table, step))
    mean = [sum((chance * x[a] for chance, x in groups), Fraction(0)) for a in arms]
    return mean, [[sum((chance * x[a] * x[c] for chance, x in groups), Fraction(0)) for c in arms] for a in arms]


def closed_form(g: int, table: Table, step: Step, within: int = 1) -> tuple[Vector, Matrix]:
    """The same by moments: given n successes, the responses are independent draws from π₊ and π₋."""
    arms = range(len(PI))
    p = sum(x * s for x, s in zip(step.old, CORRECT, strict=True))
    mean, square = [Fraction(0)] * len(PI), [[Fraction(0)] * len(PI) for _ in arms]
    for n in range(g + 1):
        chance = binomial_probability(n, g, p)
        given, spread = [Fraction(0)] * len(PI), [[Fraction(0)] * len(PI) for _ in arms]
        for r, count, rate in ((1, n, p), (0, g - n, 1 - p)):
            draws = [x * (s if r else 1 - s) / rate for x, s in zip(step.old, CORRECT, strict=True)]
            changes = [step.change(arm, table(n, g, r)) for arm in arms]
            one = [sum(draw * x[a] for draw, x in zip(draws, changes, strict=True)) for a in arms]
            for a in arms:
                given[a] += count * one[a]
                for c in arms:
                    both = sum(draw * x[a] * x[c] for draw, x in zip(draws, changes, strict=True))
                    spread[a][c] += within * count * (both - one[a] * one[c])
        for a in arms:
            mean[a] += chance * given[a]
            for c in arms:
                square[a][c] += chance * (given[a] * given[c] + spread[a][c])
    return mean, square


def terms(mean: Vector, square: Matrix, scale: Fraction) -> tuple[Ball, Ball, Ball]:
    """First order, bend and noise of E[ΔH] for logits that change by scale·X."""
    pi = [number(x) for x in PI]
    h = entropy(pi)
    arms = range(len(PI))

    def bent(matrix: Matrix) -> Ball:
        # The diagonal of P M Pᵀ with P = 1 - (1,...,1)πᵀ: the mean square of the change less its policy mean.
        rows = [sum(p * x for p, x in zip(PI, row, strict=True)) for row in matrix]
        whole = sum(p * x for p, x in zip(PI, rows, strict=True))
        return total(
            -(p * (1 + p.log() + h)) * number(matrix[a][a] - 2 * rows[a] + whole) / 2
            for a, p in zip(arms, pi, strict=True)
        ) * number(scale**2)

    first = -total(p * (p.log() + h) * number(scale * x) for p, x in zip(pi, mean, strict=True))
    bend = bent([[x * y for y in mean] for x in mean])
    return first, bend, bent(square) - bend


def _same(cases: list[tuple[int, str, Step]], within: int, forgets: bool = False) -> Evidence:
    """Whether closed form and enumeration agree, as rational numbers."""

    def agree(case: tuple[int, str, Step]) -> bool:
        g, name, step = case
        other = Step(step.old, step.normaliser) if forgets else step
        return enumerated(g, TABLES[name], step) == closed_form(g, TABLES[name], other, within)

    found = for_all(cases, agree)
    sizes = sorted({g for g, _, _ in cases})
    return Evidence(
        "mean and mean square of the logits' change by moments are those over all groups",
        f"G = {', '.join(map(str, sizes))}, three arms, baselines: mean, quantile, and advantages without zero sum",
        Method.CASES,
        found.holds,
        counterexample={"G": found.case[0], "advantages": found.case[1]} if found.case else {},
        confirms=within == 1 and not forgets,
    )


def _given_successes() -> Evidence:
    """E[X²] of n independent changes of mean x and mean square S₁, and m of mean y and mean square S₀.

    The square of the sum has n and m squares, n(n-1) and m(m-1) products of two on one side, and 2nm of two on both.
    Along any direction this is one number, so that it is the identity of the matrices.
    """
    n, m, x, y, s1, s0 = ring("n", "m", "x", "y", "S1", "S0")
    square = n * s1 + m * s0 + n * (n - 1) * x**2 + m * (m - 1) * y**2 + 2 * n * m * x * y
    return Evidence(
        "E[X²] = n (S₁ - x²) + m (S₀ - y²) + (n x + m y)² along any direction, given n successes and m failures",
        "every n and m, every distribution on both sides",
        Method.SYMBOLIC,
        bool(square == n * (s1 - x**2) + m * (s0 - y**2) + (n * x + m * y) ** 2),
    )


def _remainder(g: int, name: str, step: Step) -> Evidence:
    """Whether the exact E[ΔH] is within ⅜ E[ρ³] log A of the three terms; η = 1/2."""
    scale = Fraction(1, 2 * g)
    with ctx.workprec(80):
        pi = [number(x) for x in PI]
        before = entropy(pi)
        exact, cubes = Ball(0), Fraction(0)
        for chance, x in sampled(g, TABLES[name], step):
            after = softmax([p.log() + number(scale * d) for p, d in zip(pi, x, strict=True)])
            exact += number(chance) * (entropy(after) - before)
            cubes += chance * (scale * (max(x) - min(x))) ** 3
        left = abs(exact - total(terms(*enumerated(g, TABLES[name], step), scale)))
        bound = number(cubes * Fraction(3, 8)) * Ball(len(PI)).log()
        return Evidence(
            "E[ΔH] is within ⅜ E[ρ³] log 3 of first order, bend and noise",
            f"G = {g}, advantages: {name}, η = 1/2",
            Method.INTERVALS,
            left <= bound,
            margin=f"{digits(left, 3)} <= {digits(bound, 3)}",
            confirms=True,
        )


@claim(
    "qae.second-order-entropy",
    paper=PAPER,
    equation="Eq. 18 to second order, for sampled groups",
    statement="For a sampled group E[ΔH] is, to second order, the first order of the mean step, its bend and the noise "
    "½ tr(∇²H Cov Δz), and all three follow from means and spreads of π₊ and π₋ and from binomial moments.",
    latex=r"\operatorname{Cov}[X \mid n] = n\,a_{n,1}^2\operatorname{Cov}_{\pi_+}[e_a] + "
    r"(G-n)\,a_{n,0}^2\operatorname{Cov}_{\pi_-}[e_a],\quad "
    r"\mathbb E[X \mid n] = n\,a_{n,1}(\pi_+ - \pi) + (G-n)\,a_{n,0}(\pi_- - \pi)",
    assumptions=("softmax bandit", "advantages depend on the own reward and the number of successes"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the spread within each side is left out", {"within": 0}, Verdict.REFUTED),),
)
def second_order_entropy(quick: bool, *, within: int = 1) -> CheckOutcome:
    """Compare with all groups, and with the project's floats."""
    sizes = (2,) if quick else (2, 3)
    cases = [(g, name, Step(normaliser=normaliser)) for g in sizes for name in TABLES for normaliser in (1, 0)]
    return conclude(
        _given_successes(),
        _same(cases, within),
        *(_remainder(2, name, Step()) for name in TABLES),
        _expected_in_floats(cases),
    )


def _expected_in_floats(cases: list[tuple[int, str, Step]]) -> Evidence:
    """The three terms by ``softmax.expected_entropy_change``, η = 1/2."""
    pairs = []
    z, chances = np.log([float(x) for x in PI]), [float(x) for x in CORRECT]
    for g, name, step in cases:
        table = np.array([[float(TABLES[name](n, g, r)) for r in (0, 1)] for n in range(g + 1)])
        ours = expected_entropy_change(
            z, chances, table, eta=0.5, rule="policy_gradient" if step.normaliser else "paper"
        )
        with ctx.workprec(64):
            first, bend, noise = terms(*enumerated(g, TABLES[name], step), Fraction(1, 2 * g))
        pairs += [(float(ours.first_order), first), (float(ours.drift), first + bend), (float(ours.noise), noise)]
        pairs += [(float(ours.total), first + bend + noise)]
    agrees, gap = near(pairs, "1e-14")
    return Evidence(
        "softmax.expected_entropy_change gives these terms", "the same groups, both updates", Method.FLOATS, agrees, gap
    )


@claim(
    "qae.second-order-clipping",
    paper=PAPER,
    equation="Eq. 18 to second order, with DAPO's clipping",
    statement="With clipped importance ratios E[ΔH] has the same three terms: clipped arms add nothing to the means "
    "and spreads of their side, the others are weighted by their ratio.",
    latex=r"\Delta z = \tfrac\eta G\sum_i A_i\,\rho_i\,m_i\,(e_{a_i} - \pi),\quad "
    r"\rho_i = \tfrac{\pi(a_i)}{\pi_{\mathrm{old}}(a_i)},\quad "
    r"m_i = \mathbf 1\{\rho_i \le 1 + \epsilon_{\mathrm{high}}\}\ (A_i > 0),\ "
    r"\mathbf 1\{\rho_i \ge 1 - \epsilon_{\mathrm{low}}\}\ (A_i < 0)",
    assumptions=(
        "softmax bandit",
        "gradient of the clipped objective at π, groups sampled by π_old",
        "advantages depend on the own reward and the number of successes",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the moments do not know of the clipping", {"forgets": True}, Verdict.REFUTED),),
)
def second_order_clipping(quick: bool, *, forgets: bool = False) -> CheckOutcome:
    """One arm is above the range, one at its end, one below; compare with all groups of the old policy."""
    clipped = Step(old=OLD, clip=CLIP)
    names = ("mean", "quantile")
    cases = [(g, name, clipped) for g in ((2,) if quick else (2, 3)) for name in names]
    figures = {}
    with ctx.workprec(64):
        for label, step in (
            ("clipped at 1.2", clipped),
            ("clipped at 1.28", Step(old=OLD, clip=(CLIP[0], Fraction(32, 25)))),
        ):
            parts = terms(*enumerated(2, TABLES["quantile"], step), Fraction(1, 4))
            figures[label] = dict(zip(("first order", "bend", "noise"), (digits(x, 4) for x in parts), strict=True))
    freed = Evidence(
        "of QAE, Clip-Higher's 1.28 frees the likely arm (ratio 1.25), whose gradient lowers the first order",
        "G = 2, η = 1/2",
        Method.INTERVALS,
        _first_order(Step(old=OLD, clip=(CLIP[0], Fraction(32, 25)))) < _first_order(clipped),
        figures=figures,
        confirms=True,
    )
    return conclude(
        _given_successes(), _same(cases, 1, forgets), *(_remainder(2, name, clipped) for name in names), freed
    )


def _first_order(step: Step) -> Ball:
    """First order of E[ΔH] of QAE, G = 2, η = 1/2."""
    with ctx.workprec(64):
        return terms(*enumerated(2, TABLES["quantile"], step), Fraction(1, 4))[0]
