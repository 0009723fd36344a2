"""How far HA-DW's corrections reach.

When Lemma 1 finds a factor, when Theorem 3 promises anything, and what no correction can do that does not know p.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from qae_sim.theory.arithmetic import ctx, fmpq_poly, fmpz_poly
from qae_sim.theory.binomial import binomial_term, mixed
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.claims.ha_dw.bias_correction import believed, bias_at, factors, group_mean, half_width
from qae_sim.theory.claims.ha_dw.group_mean_bias import slope_for_every_g
from qae_sim.theory.claims.ha_dw.reweighting import helpful
from qae_sim.theory.polynomials import X, Y, rational, ring, value_at
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every, for_all, some


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
    condition="where I_t is all of [Δ, 1-Δ], as here: exactly if ε is above the bias at Δ, .0756 (ha-dw.lemma1-exact)",
    breaks=(
        Break("within .1 of p", {"eps": Fraction(1, 10)}, Verdict.CERTIFIED),
        Break("groups of 1024", {"g": 1024}, Verdict.CERTIFIED),
    ),
)
def lemma1_usable(quick: bool, *, eps: Fraction = Fraction(1, 20), g: int = 8) -> CheckOutcome:
    """The confidence interval I_t is so wide that no c serves all of it: the lemma holds, and says nothing there."""
    delta, risk, half = Fraction(1, 10), Fraction(1, 20), Fraction(1, 2)
    with ctx.workprec(64):
        width = half_width(g, delta, risk)
        low, high = believed(g, g // 2, delta, width)
        c_low, c_high = factors(g, eps, low, high)
        point = factors(g, eps, half, half)
        at_half = every(
            abs(c - number(1 + sign * 2 * eps)) < number("1e-12") for c, sign in zip(point, (-1, 1), strict=True)
        )
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
            ),
            controls=[
                Evidence(
                    "if I_t is p = 1/2 alone, where p̂ has no bias, c_low and c_high are 1 - 2ε and 1 + 2ε",
                    "by hand",
                    Method.INTERVALS,
                    at_half,
                )
            ],
        )


@claim(
    "ha-dw.lemma1-exact",
    paper=PAPER,
    equation="Lemma 1, when it says anything",
    statement="Where the group says no more than that p is in [Δ, 1-Δ], Lemma 1 finds a factor (c_low < c_high) "
    "exactly if ε is above the largest bias there, |bias(Δ)|.",
    latex=r"I = [\Delta, 1-\Delta]:\quad c_{\mathrm{low}} < c_{\mathrm{high}} \iff "
    r"\varepsilon > \max_{p\in I} |\mathrm{bias}(p)| = |\mathrm{bias}(\Delta)|",
    assumptions=("binary rewards", "mixed groups (event S)", "0 < Δ < 1/2"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("above half of the largest bias", {"share": Fraction(1, 2)}, Verdict.REFUTED),),
)
def lemma1_exact(quick: bool, *, share: Fraction = Fraction(1)) -> CheckOutcome:
    """Both directions as identities; and c_low, c_high computed a little above and below the threshold."""
    p, eps, bias, d = ring("p", "e", "b", "D")
    # c = 1 is inside: 1 - (p-ε)/m and (p+ε)/m - 1, times m = p + b, are ε + b and ε - b.
    inside = (p + bias) - (p - eps) == eps + bias and (p + eps) - (p + bias) == eps - bias
    # Where ε <= b = bias(Δ), c_low >= (1-Δ-ε)/(1-Δ-b) >= 1 >= (Δ+ε)/(Δ+b) >= c_high.
    outside = (1 - d - eps) - (1 - d - bias) == bias - eps and (d + bias) - (d + eps) == bias - eps
    cases = [
        (g, delta, side)
        for g in ((3, 8) if quick else (2, 3, 4, 8))
        for delta in (Fraction(1, 10), Fraction(1, 4))
        for side in (Fraction(9, 10), Fraction(11, 10))
    ]

    def agrees(g: int, delta: Fraction, side: Fraction) -> Truth:
        low, high = factors(g, side * share * bias_at(g, delta), delta, 1 - delta)
        return low < high if side > 1 else low >= high

    with ctx.workprec(64):
        search = for_all(cases, lambda case: agrees(*case))
    found = dict(zip(("g", "Delta", "eps over the threshold"), [float(x) for x in search.case or ()], strict=False))
    largest_bias = {f"G = {g}": float(bias_at(g, Fraction(1, 10))) for g in (2, 4, 6, 8, 16)}
    return conclude(
        Evidence(
            "with m = p + b: m - (p-ε) = ε + b and (p+ε) - m = ε - b, so that c = 1 is inside if ε > |b| everywhere; "
            "and at Δ and 1-Δ, where the biases are b and -b, c_low >= 1 >= c_high if ε <= b",
            "every G, Δ and ε",
            Method.SYMBOLIC,
            bool(inside and outside),
        ),
        slope_for_every_g(),
        Evidence(
            "c_low < c_high 10 % above the threshold, and not 10 % below",
            f"{len(cases)} cases of G, Δ, ε",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
            confirms=share == 1,
            figures={"bias at Δ = .1": largest_bias},
        ),
    )


@claim(
    "ha-dw.theorem3",
    paper=PAPER,
    equation="Theorem 3 with Lemma 1's factors",
    statement="A scale that turns r - p̂ into r - c·p̂ with c between Lemma 1's c_low and c_high brings the expected "
    "advantage closer to the truth than r - p̂ is.",
    latex=r"\Phi\hat A = r - c\,\hat p,\ c \in (c_{\mathrm{low}}, c_{\mathrm{high}}) \Rightarrow "
    r"|\mathbb E[\Phi\hat A - A\mid S]| < |\mathbb E[\hat A - A\mid S]|",
    assumptions=("binary rewards", "mixed groups (event S)", "p in I_t", "averaged over the own reward"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="it is enough that ε is at most the bias |E[p̂|S] - p| of that prompt",
    breaks=(
        Break("ε is twice the bias", {"share": Fraction(2)}, Verdict.REFUTED),
        Break("the condition is dropped", {"condition": False}, Verdict.REFUTED),
    ),
)
def theorem3(quick: bool, *, share: Fraction = Fraction(1), condition: bool = True) -> CheckOutcome:
    """A factor inside the interval that makes a small bias larger; and E[c·p̂|S] - p under the condition."""
    g, p, delta, eps = 8, Fraction(2, 5), Fraction(1, 10), Fraction(1, 10)
    c = Fraction(21, 20)
    before, after = bias_at(g, p), c * group_mean(g, p) - p
    with ctx.workprec(64):
        low, high = factors(g, eps, delta, 1 - delta)
        worse = Evidence(
            f"c = {c}, which is between c_low and c_high, reduces the bias",
            "G = 8, p = .4, I_t = [.1, .9], ε = .1",
            Method.INTERVALS,
            (abs(after) < abs(before)) | ~((low < c) & (number(c) < high)),
            counterexample={
                "g": g,
                "p": 0.4,
                "eps": 0.1,
                "c_low, c_high": [digits(low, 6), digits(high, 6)],
                "c": float(c),
                "bias of p_hat": float(before),
                "bias of c p_hat": float(after),
            },
        )
    hand = Evidence(
        "three responses at p = 1/2: p̂ is 1/3 or 2/3, each with probability 1/2, and E[p̂|S] = 1/2; at p = 1/4 it is "
        "1/3·3/4 + 2/3·1/4 = 5/12",
        "by hand",
        Method.CASES,
        group_mean(3, Fraction(1, 2)) == Fraction(1, 2) and group_mean(3, Fraction(1, 4)) == Fraction(5, 12),
    )
    if not condition:
        return conclude(worse, controls=[hand])
    x, b, t = ring("p", "b", "t")
    eps_ = b * int(share)
    c_mean = (x - eps_) + 2 * eps_ * t  # c·m for the c that lies at t between Lemma 3's ends, (p ± ε)/m
    within = c_mean - x == b * (2 * t - 1)
    under = Evidence(
        f"E[c·p̂|S] - p = b(2t - 1), 0 < t < 1, where ε = {share}·b: smaller than the bias b",
        "every G, p and c in the interval",
        Method.SYMBOLIC,
        bool(within),
    )
    return conclude(
        worse,
        under=[under],
        condition="it is enough that ε is at most the bias |E[p̂|S] - p| of that prompt",
        controls=[hand],
    )


@claim(
    "ha-dw.theorem3-vacuous",
    paper=PAPER,
    equation="Theorem 3 at the paper's group size",
    statement="With 95 % confidence some mixed group of up to 8 responses determines a factor c ≠ 1 that reduces the "
    "bias for every p that the group leaves possible.",
    latex=r"\exists k\ \exists c \ne 1\ \forall p \in I_t:\ "
    r"|c\,\mathbb E[\hat p\mid S] - p| < |\mathbb E[\hat p\mid S] - p|",
    assumptions=("binary rewards", "δ = .05, Δ = .1", "I_t of Lemma 1"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="exactly where I_t lies on one side of 1/2, |p̂ - 1/2| > ε_δ: from groups of 12 on",
    breaks=(Break("groups of up to 12", {"largest": 12}, Verdict.CERTIFIED),),
)
def theorem3_vacuous(quick: bool, *, largest: int = 8) -> CheckOutcome:
    """I_t contains 1/2, where p̂ has no bias to reduce; and beyond, c just below 1 helps where I_t is below 1/2."""
    delta, risk = Fraction(1, 10), Fraction(1, 20)
    with ctx.workprec(64):
        widths = {g: half_width(g, delta, risk) for g in range(2, largest + 1)}
        sides = {(g, k): abs(number(Fraction(k, g) - Fraction(1, 2))) > widths[g] for g in widths for k in range(1, g)}
        one_sided = some(sides.values())
        wide = half_width(8, delta, risk)
        hand = Evidence(
            "the half-width of groups of 8 is √(log(40/.5695...)/16), between .515 and .516",
            "by hand",
            Method.INTERVALS,
            (wide > number("0.515"))
            & (wide < number("0.516"))
            & (value_at(mixed(8), delta) == Fraction(56953278, 10**8)),
        )
    m, p, t = ring("m", "p", "t")
    # For p < m: c = 1 - t(1 - p/m)·2 with 0 < t < 1 gives c·m - p = (m - p)(1 - 2t), smaller than m - p.
    helps = m - 2 * t * (m - p) - p == (m - p) * (1 - 2 * t)
    return conclude(
        Evidence(
            "some I_t lies on one side of 1/2",
            f"all mixed groups of 2..{largest}",
            Method.INTERVALS,
            one_sided,
            counterexample={
                "g": largest,
                "widest gap |p_hat - 1/2|": float(Fraction(1, 2) - Fraction(1, largest)),
                "half-width": digits(widths[largest], 6),
                "p without bias in all I_t": 0.5,
            }
            if one_sided is Truth.NO
            else {},
            figures={f"half-width, G = {g}": digits(width, 6) for g, width in widths.items()},
        ),
        Evidence(
            "where p < m on all of I_t, c·m - p = (m - p)(1 - 2t) with 0 < t < 1 for c = 1 - 2t(1 - p/m): every c < 1 "
            "close enough to 1 reduces the bias",
            "every p, m",
            Method.SYMBOLIC,
            bool(helps),
        ),
        controls=[hand],
    )


@claim(
    "ha-dw.unbiased-from-groups",
    paper=PAPER,
    equation="Lemma 1 without its ε, for unknown p",
    statement="From the number of successes of a mixed group p can be estimated without bias, whatever p is, exactly "
    "if G is odd; given the own reward it cannot for any G.",
    latex=r"\exists f\ \forall p:\ \mathbb E[f(R)\mid S] = p \iff G \text{ odd}",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("exactly if G is even", {"parity": 0}, Verdict.REFUTED),
        Break("all groups count, mixed or not", {"given_mixed": False}, Verdict.REFUTED),
    ),
)
def unbiased_from_groups(quick: bool, *, parity: int = 1, given_mixed: bool = True) -> CheckOutcome:
    """p·A(p) is a combination of the terms of 1..G-1 successes exactly if its degree is at most G.

    E[f(R)1{S}] is any polynomial of degree at most G that vanishes at 0 and at 1; p·A(p) vanishes there, and its
    coefficient of p^(G+1) is -(-1)^G - 1. Given a correct own response the target p(1 - p^(G-1)) has degree G, and the
    terms have degree G - 1.
    """
    sizes = range(2, 13 if quick else 33)
    found, tables = None, {}
    for g in sizes:
        target = X * (mixed(g) if given_mixed else fmpz_poly([1]))
        possible = target.degree() <= g
        if found is None and (target[g + 1] != -((-1) ** g) - 1 or possible != (g % 2 == parity)):
            found = {"g": g, "degree of p A(p)": int(target.degree())}
        if possible and g <= 9:
            tables[f"G = {g}"] = [str(value) for value in bernstein(target, g)]
    values = bernstein(X * mixed(5), 5)
    mean = sum((rational(value) * fmpq_poly(binomial_term(5, k)) for k, value in enumerate(values)), fmpq_poly())
    own = all(fmpz_poly(X * (1 - X ** (g - 1))).degree() == g for g in sizes)
    p, power, leading, rest = ring("p", "P", "l", "r")  # (1-p)^n = l·P + r, P = p^n and r of a lower degree
    turns = (1 - p) * (leading * power + rest) == -leading * p * power + (leading * power + rest - p * rest)
    return conclude(
        Evidence(
            "one more factor 1-p turns the sign of the leading coefficient, so that (1-p)^G has (-1)^G, by induction; "
            "p·A(p) = p - p(1-p)^G - p^(G+1) then has -(-1)^G - 1 at p^(G+1), which is 0 exactly if G is odd",
            "every G",
            Method.SYMBOLIC,
            bool(turns),
        ),
        Evidence(
            "p(1 - p^(G-1)), the target given a correct own response, is p - p·p^(G-1), of degree G, above that of the "
            "terms; exchanging successes and failures does the same for a wrong one",
            "every G",
            Method.SYMBOLIC,
            bool(p * (1 - power) == p - p * power),
        ),
        Evidence(
            "the coefficient of p^(G+1) in p·A(p), the degrees, and that an estimate exists exactly for odd G",
            f"G = {sizes[0]}..{sizes[-1]}",
            Method.CASES,
            found is None and own,
            counterexample=found or {},
            figures={"f(0..G)": tables},
            confirms=parity == 1 and given_mixed,
        ),
        Evidence(
            "the estimate of G = 5 has the mean p on mixed groups",
            f"f = {', '.join(map(str, values[1:5]))}",
            Method.SYMBOLIC,
            mean == fmpq_poly(X * mixed(5)),
            confirms=True,
        ),
    )


def bernstein(polynomial: fmpz_poly, degree: int) -> list[Fraction]:
    """Coefficients b_k with Σ b_k C(n, k) p^k (1-p)^(n-k) = polynomial: b_k = Σ_{i<=k} a_i C(k, i)/C(n, i)."""
    a = [Fraction(int(polynomial[i])) for i in range(degree + 1)]
    return [
        sum((a[i] * Fraction(comb(k, i), comb(degree, i)) for i in range(k + 1)), Fraction(0))
        for k in range(degree + 1)
    ]


@claim(
    "ha-dw.eliminates-bias",
    paper=PAPER,
    equation="Theorem 3, as it is summed up",
    statement="With a suitable scale and anchor HA-DW's weights eliminate the bias of the advantages given the own "
    "reward, without knowing p.",
    latex=r"\exists \lambda, C\ \forall p:\ \mathbb E[\lambda e^{DM}\hat A\mid S, r] = A",
    assumptions=("binary rewards", "mixed groups (event S)", "λ > 0, C in [0, 1]"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="only for a known p, with a λ of its own for each reward",
    breaks=(Break("at p = 1/4 and for correct responses alone", {"known": True}, Verdict.CERTIFIED),),
)
def eliminates_bias(quick: bool, *, known: bool = False) -> CheckOutcome:
    """As p tends to 1 a correct response's group has one failure: the estimate tends to (λ/G)e^(DM) > 0, A to 0.

    E[λe^(DM)Â·1{S}|r = 1] is Σ_m C(G-1, m)p^m(1-p)^(G-1-m)·λe^(C-p̂)(1 - p̂) with p̂ = (m+1)/G < 1; over 1 - p both it
    and the chance 1 - p^(G-1) of S are polynomials, whose values at p = 1 are those of m = G - 2.
    """
    found, alone = None, True
    for g in range(2, 9 if quick else 33):
        shares = [exactly(binomial_term(g - 1, m), Y) for m in range(g - 1)]  # each has the factor 1 - p
        chance = value_at(exactly(1 - X ** (g - 1), Y), Fraction(1))
        parts = [value_at(share, Fraction(1)) / chance * (1 - Fraction(m + 1, g)) for m, share in enumerate(shares)]
        alone &= not any(parts[:-1]) and parts[-1] == Fraction(1, g)  # the others' weights e^(C-p̂) do not matter
        if not found and parts[-1] != 0:
            found = {"g": g, "p": "near 1", "own reward": 1, "A tends to": 0, "estimate over λe^(DM)": str(parts[-1])}
    if known:
        return conclude(_one_scale_at_a_known_rate())
    return conclude(
        Evidence(
            "the estimate given a correct response tends to A = 0 as p tends to 1",
            "every λ > 0 and every C, G by G",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        controls=[
            Evidence(
                "only the groups with one failure count in the limit, where Â is 1/G", "G by G", Method.SYMBOLIC, alone
            ),
            _one_scale_at_a_known_rate(),
        ],
    )


def exactly(polynomial: fmpz_poly, divisor: fmpz_poly) -> fmpz_poly:
    """Divide without a remainder."""
    quotient, remainder = divmod(polynomial, divisor)
    assert remainder.is_zero()
    return quotient


def _one_scale_at_a_known_rate() -> Evidence:
    """At a known p one scale removes the bias for one reward: of two responses and C = 1/2, λ = 2(1-p)."""
    p, half = Fraction(1, 4), Fraction(1, 2)
    with ctx.workprec(64):
        low, high = helpful(2, p, half, 1)  # |λ/2 - A| < |1/2 - A| between λ = 1 and 2
        middle = (low + high) / 2
        right = abs(middle - 2 * (1 - p)) < number("1e-12")
    return Evidence(
        "two responses, C = 1/2: the weight is λ, the estimate λ/2, and the middle of the helpful λ is 2(1-p)",
        "p = 1/4, by hand",
        Method.INTERVALS,
        right,
    )
