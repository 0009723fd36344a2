"""HA-DW's correction of the group mean by a factor c: Lemma 1, and Lemmas 3 to 5 that it rests on."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.theory.arithmetic import ctx, fmpz_poly
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.binomial import binomial_probabilities, mixed
from qae_sim.theory.certified import digits, largest, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.claims.ha_dw.group_mean_bias import bias_numerator, for_every_g
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import X, ring, value_at
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, for_all


@claim(
    "ha-dw.lemma3",
    paper=PAPER,
    equation="Lemma 3",
    statement="A factor c between (p-ε)A/(p(1-p^(G-1))) and (p+ε)A/(p(1-p^(G-1))) brings the expected baseline "
    "within ε of p.",
    latex=r"c \in \Big(\tfrac{(p-\varepsilon)A(p)}{p(1-p^{G-1})}, \tfrac{(p+\varepsilon)A(p)}{p(1-p^{G-1})}\Big)"
    r" \Rightarrow \mathbb E[c\,\hat p \mid S] \in (p-\varepsilon, p+\varepsilon)",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("A(p) left out of the bounds", {"with_a": False}, Verdict.REFUTED),),
)
def lemma3(quick: bool, *, with_a: bool = True) -> CheckOutcome:
    """E[c·p̂|S] rises linearly with c, and is p - ε and p + ε at the two ends."""
    sizes, found = range(2, 33 if quick else 65), None
    for g in sizes:
        mean = bias_numerator(g) + X * mixed(g)  # E[p̂·1{S}]
        a = mixed(g) if with_a else fmpz_poly([1])
        # c = (p ± ε)·a / (p(1 - p^{G-1})): c·mean/A = p ± ε means a·mean = A·p(1 - p^{G-1})
        if found is None and a * mean != mixed(g) * X * (1 - X ** (g - 1)):
            found = {"g": g}
    return conclude(
        *([machine_checked("ha-dw.lemma3")] if with_a else []),
        for_every_g(),
        Evidence(
            "the ends of the interval map to p - ε and p + ε",
            f"every p and ε, G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            confirms=with_a,
        ),
    )


def coverage(g: int, p: Fraction, z: Ball | Fraction) -> Fraction:
    """P(|p̂ - p| < z | S)."""
    gaps = {k: abs(Fraction(k, g) - p) for k in range(1, g)}
    inside = [k for k, gap in gaps.items() if (gap < z if isinstance(z, Fraction) else number(gap) < z)]
    chances: list[Fraction] = binomial_probabilities(p, g)
    return sum((chances[k] for k in inside), Fraction(0)) / sum(chances[1:-1])


def hoeffding() -> Evidence:
    """Hoeffding's inequality for binary rewards, P(|p̂ - p| >= z) <= 2·exp(-2Gz²), by identities.

    L(s) = log(1 - p + p·e^s) has L(0) = 0, L'(0) = p and L'' = v(1-v) <= 1/4 with v = p·e^s/(1 - p + p·e^s), so that
    L(s) <= ps + s²/8; Markov's inequality at s = 4z makes the exponent G(s²/8 - sz) = -2Gz², and so on the other side.
    """
    p, e, z, v = ring("p", "E", "z", "v")
    n = 1 - p + p * e  # E is e^s, its own derivative
    curvature = p * e * n - (p * e) ** 2 == p * e * (1 - p)  # N²·L'', and N²·v(1-v)
    quarter = 1 - 4 * v * (1 - v) == (1 - 2 * v) ** 2
    s = 4 * z
    exponent = s**2 - 8 * s * z == -16 * z**2
    return Evidence(
        "Hoeffding's inequality: N²·L'' = p·E(1-p), 1 - 4v(1-v) = (1-2v)², and s²/8 - sz = -2z² at s = 4z",
        "every p, s and z",
        Method.SYMBOLIC,
        bool(curvature and quarter and exponent),
    )


def mixed_rises() -> Evidence:
    """A'(p) = G((1-p)^(G-1) - p^(G-1)), which is positive below 1/2, with A by sums of powers."""
    p, big_p, big_q, g = ring("p", "P", "Q", "G")  # P = p^(G-1), whose derivative times p is (G-1)·P
    rate = -(-big_q - (g - 1) * big_q) - (big_p + (g - 1) * big_p)  # of 1 - q·Q - p·P
    return Evidence(
        "A'(p) = G((1-p)^(G-1) - p^(G-1)) > 0 for p < 1/2, and A(1-p) = A(p), so that P(S|p) >= A(Δ)",
        "every p in [Δ, 1-Δ] and every G",
        Method.SYMBOLIC,
        bool(rate == g * (big_q - big_p) + 0 * p),
    )


@claim(
    "ha-dw.lemma4",
    paper=PAPER,
    equation="Lemma 4",
    statement="On mixed groups p̂ is within z of p with at least the stated probability.",
    latex=r"P(|\hat p-p|<z\mid S) \ge \frac{1-2e^{-2Gz^2}-(1-\Delta)^G-\Delta^G}{1-(1-\Delta)^G-\Delta^G}",
    assumptions=("p in [Δ, 1-Δ], 0 < Δ <= 1/2", "binary rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("e^(-2Gz²) once, not twice, and -8Gz² for -2Gz²", {"rate": 8}, Verdict.REFUTED),),
)
def lemma4(quick: bool, *, rate: int = 2) -> CheckOutcome:
    """Hoeffding's inequality and P(S|p) >= A(Δ); also compared with exact probabilities."""
    cases = [
        (g, delta + (1 - 2 * delta) * Fraction(i, 4), z, delta)
        for g in ((2, 3, 5, 8, 16) if quick else (2, 3, 4, 5, 8, 12, 16, 24, 32))
        for delta in (Fraction(1, 20), Fraction(1, 5), Fraction(2, 5))
        for i in range(5)
        for z in (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
    ]

    def slack(g: int, p: Fraction, z: Fraction, delta: Fraction) -> Ball:
        decay = number(-rate * g * z * z).exp() * (2 if rate == 2 else 1)
        chance = number(value_at(mixed(g), delta))
        return number(coverage(g, p, z)) - (chance - decay) / chance

    with ctx.workprec(64):
        search = for_all(cases, lambda case: slack(*case) >= 0)
        found = dict(zip(("g", "p", "z", "Delta"), [float(x) for x in search.case or ()], strict=False))
    return conclude(
        hoeffding(),
        mixed_rises(),
        Evidence(
            "the exact probability is above the bound",
            f"{len(cases)} cases of G, p, z, Δ",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=rate == 2,
        ),
    )


@claim(
    "ha-dw.lemma5",
    paper=PAPER,
    equation="Lemma 5",
    statement="On mixed groups p̂ is within ε_δ of p with probability at least 1-δ.",
    latex=r"\varepsilon_\delta = \sqrt{\tfrac{1}{2G}\log\tfrac{2}{\delta(1-(1-\Delta)^G-\Delta^G)}}",
    assumptions=("p in [Δ, 1-Δ], 0 < Δ <= 1/2", "binary rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("half of ε_δ", {"scale": Fraction(1, 2)}, Verdict.REFUTED),),
)
def lemma5(quick: bool, *, scale: Fraction = Fraction(1)) -> CheckOutcome:
    """What Lemma 4's bound is at the half-width; also compared with exact probabilities.

    With w = (δA/2)^(1/4), exp(-2Gz²) is w⁴ at z = ε_δ, and w at half of it.
    """
    a, w = ring("A", "w")
    decay = w ** int(4 * scale**2)
    bound, risk_times_a = a - 2 * decay, 2 * w**4  # Lemma 4's bound times A, and δ·A
    settings = [
        (g, delta, risk)
        for g in (2, 4, 8, 16, 64)
        for delta in (Fraction(1, 20), Fraction(1, 5))
        for risk in (Fraction(1, 100), Fraction(1, 10), Fraction(1, 2))
    ]
    with ctx.workprec(64):
        width = {setting: half_width(*setting, scale) for setting in settings}
        widths = {f"G = {g}, Δ = {d}, δ = {r}": digits(width[g, d, r], 6) for g, d, r in settings}
        cases = [
            (g, delta + (1 - 2 * delta) * Fraction(i, 8), risk, delta) for g, delta, risk in settings for i in range(9)
        ]
        search = for_all(
            cases, lambda case: coverage(case[0], case[1], width[case[0], case[3], case[2]]) >= 1 - case[2]
        )
        found = dict(zip(("g", "p", "delta", "Delta"), [float(x) for x in search.case or ()], strict=False))
    return conclude(
        hoeffding(),
        mixed_rises(),
        Evidence(
            "at this half-width Lemma 4's bound times A is A - δA",
            "every G, δ, Δ",
            Method.SYMBOLIC,
            bool(bound == a - risk_times_a),
            counterexample={} if scale == 1 else {"exp(-2Gz²)": "(δA/2)^(1/4)"},
        ),
        Evidence(
            "the exact probability is at least 1 - δ",
            f"{len(cases)} cases of G, p, δ, Δ",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=scale == 1,
            figures={"half-width": widths},
        ),
    )


def half_width(g: int, delta: Fraction, risk: Fraction, scale: Fraction = Fraction(1)) -> Ball:
    """ε_δ, times a scale."""
    return ((2 / number(risk * value_at(mixed(g), delta))).log() / (2 * g)).sqrt() * number(scale)


def believed(g: int, k: int, delta: Fraction, width: Ball) -> tuple[Fraction, Fraction]:
    """Ends of I_t for k successes; rounded outwards where they are not those of [Δ, 1-Δ]."""
    reach = width.upper().exact_middle()
    return max(delta, Fraction(k, g) - reach), min(1 - delta, Fraction(k, g) + reach)


def factors(g: int, eps: Fraction, low: Fraction, high: Fraction, tolerance: float = 1e-4) -> tuple[Ball, Ball]:
    """Lemma 1's c_low and c_high on an interval: the sup of (p-ε)/m and the inf of (p+ε)/m, m = p(1-p^(G-1))/A.

    By geometric sums s = 1 + ... + p^(G-2) and t = 1 + ... + (1-p)^(G-2) the factor p/m is p(s + t)/s.
    """

    def factor(p: Ball, sign: int) -> Ball:
        s, t = (total(x**i for i in range(g - 1)) for x in (p, 1 - p))
        return (p + sign * number(eps)) * (1 + t / s)

    c_low = largest(lambda p: factor(p, -1), low, high, tolerance=tolerance)
    return c_low, -largest(lambda p: -factor(p, 1), low, high, tolerance=tolerance)


def bias_at(g: int, p: Fraction) -> Fraction:
    """E[p̂|S] - p."""
    return value_at(bias_numerator(g), p) / value_at(mixed(g), p)


def group_mean(g: int, p: Fraction) -> Fraction:
    """m(p) = E[p̂|S]."""
    return p + bias_at(g, p)


@claim(
    "ha-dw.lemma1",
    paper=PAPER,
    equation="Lemma 1",
    statement="With probability at least 1-δ every factor between the observed c_low and c_high brings the expected "
    "baseline within ε of p.",
    latex=r"P\big(\forall c \in (c_{\mathrm{low}}, c_{\mathrm{high}}):\ \mathbb E[c\,\hat p\mid S] \in "
    r"(p-\varepsilon, p+\varepsilon) \,\big|\, S\big) \ge 1-\delta",
    assumptions=("p in [Δ, 1-Δ], 0 < Δ <= 1/2", "binary rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("an interval I_t an eighth as wide", {"scale": Fraction(1, 8)}, Verdict.REFUTED),),
)
def lemma1(quick: bool, *, scale: Fraction = Fraction(1)) -> CheckOutcome:
    """Lemma 5 says how often p is in I_t; there Lemma 3 holds, because a sup is no less, an inf no more than a value.

    Confirmed with c_low and c_high of every observed group: how probable those are whose interval is right.
    """
    delta, risk = Fraction(1, 10), Fraction(1, 2)
    rates = [delta + (1 - 2 * delta) * Fraction(i, 8) for i in range(1, 8)]
    holds, usable = Truth.YES, 0
    found: dict[str, float] = {}
    shown: dict[str, list[str]] = {}
    with ctx.workprec(64):
        for g, eps in ((4, Fraction(1, 5)), *(() if quick else ((8, Fraction(1, 5)),))):
            width = half_width(g, delta, risk, scale)
            ends = {k: factors(g, eps, *believed(g, k, delta, width), tolerance=1e-3) for k in range(1, g)}
            shown |= {f"G = {g}, ε = {eps}, {k} right": [digits(c, 6) for c in ends[k]] for k in (1, g // 2)}
            usable += sum((low < high) is Truth.YES for low, high in ends.values())
            for p in rates:
                answers = {k: _right(*pair, p, group_mean(g, p), eps) for k, pair in ends.items()}
                sure, possible = (chance_of(g, p, answers, yes) for yes in ((True,), (True, None)))
                holds = holds & Truth.of(True if sure >= 1 - risk else False if possible < 1 - risk else None)
                if not found and possible < 1 - risk:
                    found = {"g": g, "p": float(p), "eps": float(eps), "Delta": 0.1, "probability": float(possible)}
    parts = [*lemma3(quick).evidence, *lemma5(quick).evidence]
    return conclude(
        *(item for item in parts if not item.confirms),
        Evidence(
            "the chance of an observed (c_low, c_high) that is right throughout is at least 1 - δ",
            f"G = 4{'' if quick else ', 8'}, δ = 1/2, Δ = 1/10, seven p",
            Method.INTERVALS,
            holds,
            counterexample=found,
            confirms=scale == 1,
            figures={"c_low, c_high": shown, "observed groups with c_low < c_high": usable},
        ),
    )


def _right(low: Ball, high: Ball, p: Fraction, mean: Fraction, eps: Fraction) -> Truth:
    """Whether all c between low and high, if there are any, bring c·mean within eps of p."""
    inside = (low * mean >= number(p - eps)) & (high * mean <= number(p + eps))
    return (low >= high) | inside


def chance_of(g: int, p: Fraction, answers: dict[int, Truth], which: tuple[bool | None, ...]) -> Fraction:
    """P(k is among those of these answers | S)."""
    chances: list[Fraction] = binomial_probabilities(p, g)
    return sum((chances[k] for k, answer in answers.items() if answer.value in which), Fraction(0)) / sum(chances[1:-1])
