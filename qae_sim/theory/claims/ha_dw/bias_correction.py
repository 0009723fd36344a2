"""HA-DW's correction of the group mean by a factor c: Lemma 1, and Lemmas 3 to 5 that it rests on."""

from __future__ import annotations

from fractions import Fraction

from flint import ctx, fmpz_poly

from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_probabilities, mixed
from qae_sim.theory.certified import digits, largest, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.claims.ha_dw.group_mean_bias import bias_numerator, for_every_g
from qae_sim.theory.polynomials import X, ring, sign_between, value_at
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
    sizes, found = range(2, 65 if quick else 257), None
    for g in sizes:
        mean = bias_numerator(g) + X * mixed(g)  # E[p̂·1{S}]
        a = mixed(g) if with_a else fmpz_poly([1])
        # c = (p ± ε)·a / (p(1 - p^{G-1})): c·mean/A = p ± ε means a·mean = A·p(1 - p^{G-1})
        if found is None and a * mean != mixed(g) * X * (1 - X ** (g - 1)):
            found = {"g": g}
    return conclude(
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


@claim(
    "ha-dw.lemma4",
    paper=PAPER,
    equation="Lemma 4",
    statement="On mixed groups p̂ is within z of p with at least the stated probability.",
    latex=r"P(|\hat p-p|<z\mid S) \ge \frac{1-2e^{-2Gz^2}-(1-\Delta)^G-\Delta^G}{1-(1-\Delta)^G-\Delta^G}",
    assumptions=("p in [Δ, 1-Δ]", "Hoeffding's inequality"),
    expected=Verdict.CERTIFIED,
    tier=Tier.BOX,
    origin=Origin.QUOTED,
    breaks=(Break("e^(-2Gz²) once, not twice, and -8Gz² for -2Gz²", {"rate": 8}, Verdict.REFUTED),),
)
def lemma4(quick: bool, *, rate: int = 2) -> CheckOutcome:
    """Hoeffding and P(S|p) >= A(Δ), which follows from A' > 0 below 1/2; also compared with exact probabilities."""
    sizes = range(2, 33 if quick else 129)
    rising = all(sign_between(mixed(g).derivative(), 0, "1/2") == 1 for g in sizes)
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
        Evidence("A(p) rises on (0, 1/2), so that P(S|p) >= A(Δ)", f"G = 2..{sizes[-1]}", Method.ROOTS, rising),
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
    assumptions=("p in [Δ, 1-Δ]", "Hoeffding's inequality"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("half of ε_δ", {"scale": Fraction(1, 2)}, Verdict.REFUTED),),
)
def lemma5(quick: bool, *, scale: Fraction = Fraction(1)) -> CheckOutcome:
    """At z = ε_δ Lemma 4's bound is (A - δA)/A = 1 - δ; also compared with exact probabilities."""
    a, d = ring("A", "d")
    identity = a - d * a == (1 - d) * a
    settings = [
        (g, delta, risk)
        for g in (2, 4, 8, 16, 64)
        for delta in (Fraction(1, 20), Fraction(1, 5))
        for risk in (Fraction(1, 100), Fraction(1, 10), Fraction(1, 2))
    ]
    with ctx.workprec(64):
        width = {
            (g, delta, risk): ((2 / number(risk * value_at(mixed(g), delta))).log() / (2 * g)).sqrt() * number(scale)
            for g, delta, risk in settings
        }
        widths = {f"G = {g}, Δ = {d}, δ = {r}": digits(width[g, d, r], 6) for g, d, r in settings}
        cases = [
            (g, delta + (1 - 2 * delta) * Fraction(i, 8), risk, delta) for g, delta, risk in settings for i in range(9)
        ]
        search = for_all(
            cases, lambda case: coverage(case[0], case[1], width[case[0], case[3], case[2]]) >= 1 - case[2]
        )
        found = dict(zip(("g", "p", "delta", "Delta"), [float(x) for x in search.case or ()], strict=False))
    return conclude(
        Evidence("Lemma 4 at ε_δ gives 1 - δ", "every G, δ, Δ", Method.SYMBOLIC, bool(identity)),
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


@claim(
    "ha-dw.lemma1",
    paper=PAPER,
    equation="Lemma 1",
    statement="With probability at least 1-δ every factor between the observed c_low and c_high brings the expected "
    "baseline within ε of p.",
    latex=r"P\big(\forall c \in (c_{\mathrm{low}}, c_{\mathrm{high}}):\ \mathbb E[c\,\hat p\mid S] \in "
    r"(p-\varepsilon, p+\varepsilon) \,\big|\, S\big) \ge 1-\delta",
    assumptions=("p in [Δ, 1-Δ]", "Hoeffding's inequality"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("an interval I_t half as wide", {"scale": Fraction(1, 2)}, Verdict.REFUTED),),
)
def lemma1(quick: bool, *, scale: Fraction = Fraction(1)) -> CheckOutcome:
    """Whenever p is in I_t, the interval (c_low, c_high) lies within Lemma 3's; and Lemma 5 says how often it is."""
    return conclude(*lemma3(quick).evidence, *lemma5(quick, scale=scale).evidence)


@claim(
    "ha-dw.lemma1-usable",
    paper=PAPER,
    equation="Lemma 1 at the paper's group size",
    statement="In groups of 8 the observed p̂ determines, with 95 % confidence, a factor c that brings the expected "
    "baseline within .05 of p.",
    latex=r"c_{\mathrm{low}} = \sup_{p\in I_t}\tfrac{(p-\varepsilon)A}{p(1-p^{G-1})} < "
    r"c_{\mathrm{high}} = \inf_{p\in I_t}\tfrac{(p+\varepsilon)A}{p(1-p^{G-1})}",
    assumptions=("G = 8, δ = .05, Δ = .1, p̂ = 1/2",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(
        Break("within .1 of p", {"eps": Fraction(1, 10)}, Verdict.CERTIFIED),
        Break("groups of 1024", {"g": 1024}, Verdict.CERTIFIED),
    ),
)
def lemma1_usable(quick: bool, *, eps: Fraction = Fraction(1, 20), g: int = 8) -> CheckOutcome:
    """The confidence interval I_t is so wide that no c serves all of it: the lemma holds, and says nothing there."""
    delta, risk, p_hat = Fraction(1, 10), Fraction(1, 20), Fraction(1, 2)
    with ctx.workprec(64):
        width = ((2 / number(risk * value_at(mixed(g), delta))).log() / (2 * g)).sqrt()
        reach = width.upper().exact_middle()
        low, high = max(delta, p_hat - reach), min(1 - delta, p_hat + reach)

        def factor(p: Ball, sign: int) -> Ball:
            return (1 + sign * number(eps) / p) * (1 - (1 - p) ** g - p**g) / (1 - p ** (g - 1))

        c_low = largest(lambda p: factor(p, -1), low, high, tolerance=1e-4)
        c_high = -largest(lambda p: -factor(p, 1), low, high, tolerance=1e-4)
        holds = c_low < c_high
        return conclude(
            Evidence(
                "c_low < c_high",
                f"G = {g}, ε = {float(eps)}, I_t = ({float(low):.3f}, {float(high):.3f})",
                Method.INTERVALS,
                holds,
                margin=digits(c_high - c_low, 4),
                counterexample={"g": g, "p_hat": 0.5, "c_low": digits(c_low, 5), "c_high": digits(c_high, 5)}
                if holds is Truth.NO
                else {},
                figures={"half-width of the confidence interval": digits(width, 6)},
            )
        )
