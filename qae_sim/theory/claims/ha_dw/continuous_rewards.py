"""HA-DW beyond binary rewards: Theorem 4 and its corollaries, for Beta and truncated normal rewards.

A group counts when its largest reward is more than σ above its smallest. Given the smallest one, u, the others are
independent draws between u and u⁺ = min(1, u + σ) whenever the group does not count; the formulas follow. For Beta
rewards with whole parameters all integrands are polynomials, and the integrals are rational numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from qae_sim.theory.arithmetic import acb, arb, ctx, fmpq_poly
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, integral, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.polynomials import rational, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, for_all

U = fmpq_poly([0, 1])


def area(polynomial: fmpq_poly, low: Fraction, high: Fraction) -> Fraction:
    """Exact integral."""
    primitive = polynomial.integral()
    difference = primitive(rational(high)) - primitive(rational(low))
    return Fraction(int(difference.numerator), int(difference.denominator))


def beta_density(a: int, b: int) -> fmpq_poly:
    """Density of Beta(a, b) with whole parameters."""
    shape = U ** (a - 1) * (1 - U) ** (b - 1)
    return shape / rational(area(shape, Fraction(0), Fraction(1)))


def tight_groups(a: int, b: int, g: int, sigma: Fraction, others: str = "u + (G-1)m") -> tuple[Fraction, Fraction]:
    """P(S^c) and E[p̂·1{S^c}] by Theorem 4's formulas: the groups that do not count."""
    f = beta_density(a, b)
    cdf, first = f.integral(), (U * f).integral()
    chance, mean = Fraction(0), Fraction(0)
    for low, high, end in (
        (Fraction(0), 1 - sigma, U + rational(sigma)),
        (1 - sigma, Fraction(1), fmpq_poly([1])),
    ):
        q = cdf(end) - cdf
        m_times_q = first(end) - first
        chance += g * area(f * q ** (g - 1), low, high)
        if others == "u + (G-1)m":
            mean += area(f * (U * q ** (g - 1) + (g - 1) * m_times_q * q ** (g - 2)), low, high)
        else:
            mean += area(f * g * m_times_q * q ** (g - 2), low, high)
    return chance, mean


def bias(a: int, b: int, g: int, sigma: Fraction) -> Fraction:
    """E[A - Â | S] = E[p̂ | S] - p."""
    p = Fraction(a, a + b)
    chance, mean = tight_groups(a, b, g, sigma)
    return (p - mean) / (1 - chance) - p


def pairs_directly(a: int, b: int, sigma: Fraction) -> tuple[Fraction, Fraction]:
    """P(|r₁ - r₂| <= σ) and E[r₁·1{...}] of pairs, by the distribution of the second reward given the first."""
    f = beta_density(a, b)
    cdf = f.integral()
    chance, mean = Fraction(0), Fraction(0)
    cuts = sorted({Fraction(0), sigma, 1 - sigma, Fraction(1)})
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        upper = cdf(U + rational(sigma)) if middle < 1 - sigma else fmpq_poly([1])
        lower = cdf(U - rational(sigma)) if middle > sigma else fmpq_poly([0])
        chance += area(f * (upper - lower), low, high)
        mean += area(U * f * (upper - lower), low, high)
    return chance, mean


@claim(
    "ha-dw.theorem4",
    paper=PAPER,
    equation="Theorem 4",
    statement="For pairs of Beta rewards, and for uniform ones in groups of up to 16, the chance of a group without "
    "spread and its mean are the stated integrals over the smallest reward.",
    latex=r"P(S_\sigma^c) = G\int f(u)\,q(u)^{G-1}\mathrm du,\quad "
    r"\mathbb E[\hat p\,\mathbf 1_{S_\sigma^c}] = \int (u + (G-1)m(u))\,f(u)\,q(u)^{G-1}\mathrm du",
    assumptions=("independent rewards", "whole α and β up to 5", "σ = 1/10, 1/4, 2/3"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(Break("G·m(u) instead of u + (G-1)m(u)", {"others": "Gm"}, Verdict.REFUTED),),
)
def theorem4(quick: bool, *, others: str = "u + (G-1)m") -> CheckOutcome:
    """Pairs of Beta rewards by a direct double integral, uniform rewards by the known law of the range."""
    sigmas = [Fraction(1, 10), Fraction(1, 4), Fraction(2, 3)]
    pairs, uniform = None, None
    top = 3 if quick else 5
    for a in range(1, top + 1):
        for b in range(1, top + 1):
            for sigma in sigmas:
                if pairs is None and tight_groups(a, b, 2, sigma, others) != pairs_directly(a, b, sigma):
                    pairs = {"alpha": a, "beta": b, "g": 2, "sigma": float(sigma)}
    largest = 8 if quick else 16
    for g in range(2, largest + 1):
        for sigma in sigmas:
            range_law = g * sigma ** (g - 1) - (g - 1) * sigma**g
            if uniform is None and tight_groups(1, 1, g, sigma, others) != (range_law, range_law / 2):
                uniform = {"alpha": 1, "beta": 1, "g": g, "sigma": float(sigma)}
    return conclude(
        Evidence(
            "both integrals for pairs of Beta rewards",
            f"α, β = 1..{top}, σ = 1/10, 1/4, 2/3",
            Method.CASES,
            pairs is None,
            counterexample=pairs or {},
        ),
        Evidence(
            "both integrals for uniform rewards: P = Gσ^(G-1) - (G-1)σ^G, mean 1/2",
            f"G = 2..{largest}",
            Method.CASES,
            uniform is None,
            counterexample=uniform or {},
        ),
    )


@claim(
    "ha-dw.continuous-sign",
    paper=PAPER,
    equation="Appendix D.5, Remark and Fig. 5",
    statement="Beta rewards of whole parameters up to 7 show the same bias as binary ones: underestimated below "
    "p = 1/2, overestimated above.",
    latex=r"\operatorname{sgn}\,\mathbb E[A_i - \hat A_i \mid S_\sigma] = \operatorname{sgn}(\tfrac12 - p)",
    assumptions=("Beta(α, β) rewards", "σ = 1/10, G = 4 and 8"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("threshold p = 2/5", {"middle": Fraction(2, 5)}, Verdict.REFUTED),),
)
def continuous_sign(quick: bool, *, middle: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Exact biases."""
    top, found, values = (4 if quick else 7), None, {}
    for g in (4, 8):
        for a in range(1, top + 1):
            for b in range(1, top + 1):
                p, value = Fraction(a, a + b), bias(a, b, g, Fraction(1, 10))
                if a + b == 5:
                    values[f"G = {g}, Beta({a}, {b})"] = float(value)
                wanted = (p < middle) - (p > middle)
                if found is None and (value > 0) - (value < 0) != wanted:
                    found = {"g": g, "alpha": a, "beta": b, "p": float(p), "bias": float(value)}
    return conclude(
        Evidence(
            "the bias has the sign of 1/2 - p",
            f"G = 4, 8, α, β = 1..{top}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"bias": values},
        )
    )


@claim(
    "ha-dw.continuous-grows",
    paper=PAPER,
    equation="Appendix D.5, Remark and Fig. 5",
    statement="For Beta rewards the bias grows with the distance of p from 1/2.",
    latex=r"|p - \tfrac12| \mapsto |\mathbb E[A_i - \hat A_i \mid S_\sigma]| \text{ is increasing}",
    assumptions=("Beta(α, β) with whole α and β", "σ = 1/10, G = 4 and 8"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="only distributions of one α + β, 6, 8 or 12, are compared",
    breaks=(Break("the condition does not fix α + β", {"fixed": "nothing"}, Verdict.REFUTED),),
)
def continuous_grows(quick: bool, *, fixed: str = "sum") -> CheckOutcome:
    """Biases along p from 1/2 down: among all shapes the order fails, among those of one α + β it holds."""
    found, under = (_out_of_order(quick, kind) for kind in ("nothing", fixed))
    return conclude(
        Evidence(
            "the bias rises as p falls from 1/2",
            "G = 4, 8, Beta(α, β), α < β < 10, σ = 1/10",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        under=[
            Evidence(
                "the same where α + β is the same",
                "G = 4, 8, α + β = 6, 8 and 12 (8 if quick), σ = 1/10",
                Method.CASES,
                under is None,
                counterexample=under or {},
            )
        ],
        condition="only distributions of one α + β, 6, 8 or 12, are compared",
        controls=[
            Evidence(
                "uniform pairs are within .1 with probability 2·.1 - .1² = .19, their mean is 1/2 by symmetry, and no "
                "uniform group is biased",
                "by hand",
                Method.CASES,
                tight_groups(1, 1, 2, Fraction(1, 10)) == (Fraction(19, 100), Fraction(19, 200))
                and bias(1, 1, 4, Fraction(1, 10)) == 0,
            )
        ],
    )


def _out_of_order(quick: bool, fixed: str) -> dict[str, float] | None:
    """A Beta distribution whose bias is not above that of the one before it, on the way from p = 1/2 down."""
    for g in (4, 8):
        for total in (8,) if quick else (6, 8, 12):
            shapes = (
                [(a, total - a) for a in range(total // 2, 0, -1)]
                if fixed == "sum"
                else sorted(((a, b) for b in range(1, 10) for a in range(1, b)), key=lambda s: -Fraction(s[0], sum(s)))
            )
            values = [bias(a, b, g, Fraction(1, 10)) for a, b in shapes]
            for one, other, shape in zip(values, values[1:], shapes[1:], strict=False):
                if other <= one:
                    return {"g": g, "alpha": shape[0], "beta": shape[1], "bias": float(other)}
    return None


def normal_bias(mu: str, xi: str, g: int, sigma: Fraction) -> Ball:
    """E[p̂ | S] - p for normal rewards truncated to [0, 1], by Theorem 4."""
    center, width = number(mu), number(xi)
    mass = _cdf((1 - center) / width) - _cdf(-center / width)
    mean = center + width * (_phi(-center / width) - _phi((1 - center) / width)) / mass

    def density(x: acb) -> acb:
        return (-((x - acb(center.arb)) ** 2) / acb((2 * width**2).arb)).exp() / acb(
            (width * (2 * Ball(arb.pi())).sqrt() * mass).arb
        )

    def below(x: acb) -> acb:
        return (-(x - acb(center.arb)) / acb((width * Ball(2).sqrt()).arb)).erfc() / acb((2 * mass).arb)

    def first(x: acb) -> acb:  # a primitive of x·f(x)
        return acb(center.arb) * below(x) - acb((width**2).arb) * density(x)

    chance, tight = Ball(0), Ball(0)
    for low, high in ((Fraction(0), 1 - sigma), (1 - sigma, Fraction(1))):

        def end(u: acb, wide: bool = high < 1) -> acb:
            return u + acb(number(sigma).arb) if wide else acb(1)

        def q(u: acb, end: Callable[[acb], acb] = end) -> acb:
            return below(end(u)) - below(u)

        def mq(u: acb, end: Callable[[acb], acb] = end) -> acb:
            return first(end(u)) - first(u)

        chance += g * integral(lambda u, q=q: density(u) * q(u) ** (g - 1), low, high)  # type: ignore[misc]
        tight += integral(
            lambda u, q=q, mq=mq: density(u) * (u * q(u) + (g - 1) * mq(u)) * q(u) ** (g - 2),  # type: ignore[misc]
            low,
            high,
        )
    return (mean - tight) / (1 - chance) - mean


@claim(
    "ha-dw.normal-sign",
    paper=PAPER,
    equation="Corollary 5 and Appendix D.5, Remark",
    statement="Truncated normal rewards show the same bias as binary ones, underestimated below p = 1/2 and "
    "overestimated above, for six means and three scales.",
    latex=r"\operatorname{sgn}\,\mathbb E[A_i - \hat A_i \mid S_\sigma] = \operatorname{sgn}(\tfrac12 - p)",
    assumptions=(
        "rewards normal with mean μ and scale ξ, truncated to [0, 1]",
        "μ = .1, .3, .4, .45, .55, .7; ξ = .1, .2, .5",
        "σ = 1/10, G = 4 and 8",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the reverse sign", {"sign": -1}, Verdict.REFUTED),),
)
def normal_sign(quick: bool, *, sign: int = 1) -> CheckOutcome:
    """Enclosed integrals at points of μ and ξ, which say nothing of those between."""
    found, holds, values = None, Truth.YES, {}
    with ctx.workprec(64):
        for g in (4,) if quick else (4, 8):
            for mu in ("0.1", "0.3", "0.4", "0.45", "0.55", "0.7"):
                for xi in ("0.2",) if quick else ("0.1", "0.2", "0.5"):
                    value = normal_bias(mu, xi, g, Fraction(1, 10))
                    wanted = sign * (1 if Fraction(mu) < Fraction(1, 2) else -1)
                    values[f"G = {g}, μ = {mu}, ξ = {xi}"] = digits(value, 8)
                    right = wanted * value > 0
                    holds = holds & right
                    if found is None and right is Truth.NO:
                        found = {"g": g, "mu": float(mu), "xi": float(xi), "bias": digits(value, 8)}
    return conclude(
        Evidence(
            "the bias has the sign of 1/2 - p",
            f"{len(values)} cases of G, μ, ξ, by enclosed integrals",
            Method.CASES,
            holds,
            counterexample=found or {},
            figures={"bias": values},
        )
    )


@claim(
    "ha-dw.corollary4",
    paper=PAPER,
    equation="Corollary 4",
    statement="For Beta rewards of any parameters, whole or not, the mean m(u) between u and u⁺ is the stated ratio of "
    "incomplete beta functions.",
    latex=r"m(u) = \frac{B_{u^+}(\alpha+1, \beta) - B_u(\alpha+1, \beta)}{B_{u^+}(\alpha, \beta) - B_u(\alpha, \beta)}",
    assumptions=("Beta(α, β) rewards, α, β > 0", "0 <= u < u⁺ <= 1"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("β + 1 instead of α + 1", {"raised": "beta"}, Verdict.REFUTED),),
)
def corollary4(quick: bool, *, raised: str = "alpha") -> CheckOutcome:
    """A factor r raises α by 1; and the integrals for half-integers, in the angle whose sine squared is r.

    With r = sin²θ the density times dr is 2·sin^(2α-1)θ·cos^(2β-1)θ dθ, which has no branch cut for half-integers.
    """
    alpha, beta, r = ring("a", "b", "r")
    # The derivative of r^α(1-r)^β over r^(α-1)(1-r)^(β-1); so (α+β)∫r f = α∫f - [r^α(1-r)^β].
    slope = alpha * (1 - r) - beta * r
    factor = r if raised == "alpha" else 1 - r
    shapes = ((1, 1), (3, 1), (1, 5), (5, 3))  # twice α and β
    cases = [(shape, u) for shape in shapes for u in ("0", "0.25", "0.6", "0.85", "0.95")]

    def same(shape: tuple[int, int], u: str) -> Truth:
        low, high = Fraction(u), min(Fraction(1), Fraction(u) + Fraction(1, 10))
        angles = [number(end).sqrt().asin() for end in (low, high)]

        def moment(power: int) -> Ball:
            sine, cosine = shape[0] - 1 + 2 * power, shape[1] - 1
            return integral(lambda x: x.sin() ** sine * x.cos() ** cosine, *angles)

        up = (2, 0) if raised == "alpha" else (0, 2)
        stated = _between(shape[0] + up[0], shape[1] + up[1], low, high) / _between(*shape, low, high)
        return _agree(moment(1) / moment(0), stated)

    with ctx.workprec(128):
        search = for_all(cases, lambda case: same(*case))
    found = {}
    if search.case:
        (a, b), u = search.case
        found = {"alpha": a / 2, "beta": b / 2, "sigma": 0.1, "u": float(u)}
    return conclude(
        Evidence(
            "(α+β)·r is α less the derivative of r^α(1-r)^β over r^(α-1)(1-r)^(β-1): the factor r raises α by 1",
            "every α, β and r",
            Method.SYMBOLIC,
            bool((alpha + beta) * factor == alpha - slope),
            counterexample={} if raised == "alpha" else {"alpha": 1, "beta": 2, "r": 0.25},
        ),
        Evidence(
            "the ratio is the enclosed integral to 18 digits",
            f"{len(cases)} cases of α, β = 1/2, 3/2, 5/2 and u, with σ = .1",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=raised == "alpha",
        ),
    )


def _between(twice_a: int, twice_b: int, low: Fraction, high: Fraction) -> Ball:
    """B_high(α, β) - B_low(α, β), incomplete beta functions."""
    a, b = number(Fraction(twice_a, 2)).arb, number(Fraction(twice_b, 2)).arb
    upper, lower = (number(end).arb.beta_lower(a, b) for end in (high, low))
    return Ball(upper - lower)


def _agree(exact: Ball, stated: Ball) -> Truth:
    """Whether two enclosures are of one number: no if they are apart, yes if they agree to 18 digits."""
    if (exact == stated) is Truth.NO:
        return Truth.NO
    return Truth.of(True if (abs(exact - stated) < number("1e-18")) is Truth.YES else None)


@claim(
    "ha-dw.corollary5",
    paper=PAPER,
    equation="Corollary 5",
    statement="For truncated normal rewards the mean m(u) between u and u⁺ is the stated expression in the normal's "
    "scale ξ.",
    latex=r"m(u) = \mu + \xi\,\frac{\varphi(\frac{u-\mu}{\xi}) - \varphi(\frac{u^+-\mu}{\xi})}"
    r"{\Phi(\frac{u^+-\mu}{\xi}) - \Phi(\frac{u-\mu}{\xi})}",
    assumptions=("rewards normal with mean μ and scale ξ, truncated to [0, 1]",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the threshold σ in the place of ξ", {"scale": "sigma"}, Verdict.REFUTED),),
)
def corollary5(quick: bool, *, scale: str = "xi") -> CheckOutcome:
    """The primitive of (r - μ) times the density; and enclosed integrals of r·φ and φ over (u, u⁺)."""
    r, mu, square, inverse = ring("r", "m", "x", "i")  # ξ² and 1/ξ², whose product is 1
    # exp(-(r-μ)²/2ξ²) has the logarithmic derivative -(r-μ)/ξ².
    primitive = -square * (-(r - mu) * inverse) - (r - mu) == (r - mu) * (square * inverse - 1)
    cases = [(*pair, u) for pair in (("0.3", "0.2"), ("0.6", "0.5"), ("0.9", "0.1")) for u in ("0", "0.25", "0.85")]

    def means(mean: str, xi: str, u: str) -> tuple[Ball, Ball]:
        low, high = number(u), number(Fraction(u) + Fraction(1, 10))
        center, width = number(mean), number(xi)

        def density(x: acb) -> acb:
            return (-((x - acb(center.arb)) ** 2) / acb((2 * width**2).arb)).exp()

        s = width if scale == "xi" else number("0.1")
        one, other = (low - center) / s, (high - center) / s
        stated = center + s * (_phi(one) - _phi(other)) / (_cdf(other) - _cdf(one))
        return integral(lambda x: x * density(x), low, high) / integral(density, low, high), stated

    with ctx.workprec(128):
        search = for_all(cases, lambda case: _agree(*means(*case)))
        found: dict[str, object] = {}
        if search.case:
            mean, xi, u = search.case
            exact, stated = (digits(x, 8) for x in means(*search.case))
            found = {"mu": float(mean), "xi": float(xi), "sigma": 0.1, "u": float(u), "m(u)": exact, "stated": stated}
    return conclude(
        Evidence(
            "-ξ²·exp(-(r-μ)²/2ξ²) has the derivative (r-μ)·exp(-(r-μ)²/2ξ²)",
            "every μ, ξ and r",
            Method.SYMBOLIC,
            bool(primitive),
        ),
        Evidence(
            "the expression is the enclosed conditional mean to 18 digits",
            f"{len(cases)} cases of μ, ξ, u, with σ = .1",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=scale == "xi",
        ),
    )


def _phi(x: Ball) -> Ball:
    """Density of the standard normal."""
    return (-x * x / 2).exp() / (2 * Ball(arb.pi())).sqrt()


def _cdf(x: Ball) -> Ball:
    """Distribution function of the standard normal."""
    return (-x / Ball(2).sqrt()).erfc() / 2
