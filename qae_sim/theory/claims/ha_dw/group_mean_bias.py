"""HA-DW's Theorem 1 and Lemma 2: the bias of the group mean on mixed groups, marginally and given one's own reward.

Everything is a polynomial in p. With A(p) = 1 - (1-p)^G - p^G, the chance of a mixed group,

    E[p̂|S] - p = p(1-p)((1-p)^{G-1} - p^{G-1}) / A(p),

and given that the own response is correct the numerator is (1-p)(1 - G·p^{G-1}) over G(1 - p^{G-1}).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import dr_grpo
from qae_sim.theory.arithmetic import fmpz_poly
from qae_sim.theory.binomial import binomial_probability, binomial_term, failures, mixed
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import X, Y, ring, sign_between, value_at
from qae_sim.theory.registry import claim


def bias_numerator(g: int) -> fmpz_poly:
    """(E[p̂|S] - p)·A(p), summed over all mixed groups."""
    successes = sum((k * binomial_term(g, k) for k in range(1, g)), fmpz_poly())
    return _divided(successes, g) - X * mixed(g)


def _divided(polynomial: fmpz_poly, divisor: int) -> fmpz_poly:
    """Divide all coefficients, exactly."""
    quotient = fmpz_poly([coefficient // divisor for coefficient in polynomial.coeffs()])
    assert quotient * divisor == polynomial
    return quotient


def bias_by_theorem(g: int) -> fmpz_poly:
    """The same numerator as the theorem's mechanism has it."""
    return X * Y * (failures(g - 1) - X ** (g - 1))


def expected_bias(g: int, p: Fraction, reward: int | None = None) -> Fraction:
    """E[A - Â | S], or the same given the own reward, by enumeration."""
    total, weight = Fraction(0), Fraction(0)
    for k in range(1, g):
        chance = binomial_probability(k, g, p)
        if reward is not None:
            chance *= Fraction(k if reward else g - k, g)
        total += chance * (Fraction(k, g) - p)
        weight += chance
    return total / weight


def for_every_g() -> Evidence:
    """The identities of this module with P = p^(G-1) and Q = (1-p)^(G-1) as variables, and with them every G.

    E[p̂·1{S}] = p - p·P, because p̂ has the mean p and a group without failures, p̂ = 1, has the chance p·P; given a
    correct response the others have (G-1)p successes on average, and are all correct with the chance P.
    """
    p, big_p, q, g = ring("p", "P", "Q", "G")
    a = 1 - (1 - p) * q - p * big_p
    bias = p * (1 - big_p) - p * a
    own = (g - 1) * p + 1 - g * big_p - g * p * (1 - big_p)
    identities = (
        bias == p * (1 - p) * (q - big_p),  # positive exactly for p < 1/2
        bias == p * (1 - p) * q + p**2 * big_p - p * big_p,
        a - (1 - big_p) == (1 - p) * (big_p - q),
        own == (1 - p) * (1 - g * big_p),
    )
    return Evidence(
        "the bias over A is p(1-p)(Q - P), given a correct response (1-p)(1 - G·P), and A - (1-P) is (1-p)(P - Q), "
        "with P = p^(G-1), Q = (1-p)^(G-1)",
        "every p and every G",
        Method.SYMBOLIC,
        all(identities),
    )


def _sizes(quick: bool) -> range:
    """Group sizes to check."""
    return range(2, 25 if quick else 65)


@claim(
    "ha-dw.theorem1",
    paper=PAPER,
    equation="Theorem 1",
    statement="Averaged over the own reward, the group mean underestimates the advantage on hard prompts (p < .5) and "
    "overestimates it on easy ones.",
    latex=r"\mathbb E[\hat A_i - A_i \mid S] < 0 \iff p < \tfrac12,\quad = 0 \iff p = \tfrac12",
    assumptions=("binary rewards", "mixed groups (event S)", "no standard deviation", "averaged over the own reward"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the own reward is held fixed at 1", {"reward": 1}, Verdict.REFUTED),
        Break("hard means p < .6", {"middle": Fraction(3, 5)}, Verdict.REFUTED),
    ),
)
def theorem1(quick: bool, *, middle: Fraction = Fraction(1, 2), reward: int | None = None) -> CheckOutcome:
    """Enumerate the groups as polynomials, factor, and prove the signs on both sides of 1/2 for each G."""
    found, factored = None, True
    for g in _sizes(quick):
        numerator = bias_numerator(g) if reward is None else own_reward_numerator(g)
        factored &= reward is not None or numerator == bias_by_theorem(g)
        hard, easy = sign_between(numerator, 0, middle), sign_between(numerator, middle, 1)
        if found is None and (hard, easy, sign_between(mixed(g), 0, 1)) != (1, -1, 1):
            rates = (Fraction(i, 100) for i in range(1, 100))
            p = next(x for x in rates if x != middle and (value_at(numerator, x) > 0) != (x < middle))
            found = {"g": g, "p": float(p), "E[A - A_hat | S]": float(expected_bias(g, p, reward))}
    sizes = _sizes(quick)
    as_stated = middle == Fraction(1, 2) and reward is None
    return conclude(
        *([machine_checked("ha-dw.theorem1")] if as_stated else []),
        for_every_g(),
        Evidence(
            "the sum over all mixed groups is p(1-p)((1-p)^{G-1} - p^{G-1})",
            f"every p, G = {sizes[0]}..{sizes[-1]}",
            Method.SYMBOLIC,
            bool(factored),
            confirms=as_stated,
        ),
        Evidence(
            f"it is positive on (0, {middle}) and negative on ({middle}, 1)",
            f"every p in (0, 1), G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            found is None,
            confirms=as_stated,
            counterexample=found or {},
            figures={"bias at G = 8": {x: float(expected_bias(8, Fraction(x))) for x in ("0.1", "0.3", "0.5", "0.9")}},
        ),
        _bias_in_floats(),
    )


def _bias_in_floats() -> Evidence:
    """The bias of ``dr_grpo``, which subtracts the mean alone, over all mixed groups of 8 whose first reward is 1."""
    g, p, mean, weight = 8, 0.2, 0.0, 0.0
    for bits in range(1, 2**g - 1, 2):
        r = np.array([(bits >> i) & 1 for i in range(g)], dtype=float)
        chance = p ** r.sum() * (1 - p) ** (g - r.sum())
        mean, weight = mean + chance * float((r - p - dr_grpo(r))[0]), weight + chance
    gap = abs(mean / weight - float(expected_bias(g, Fraction(1, 5), 1)))
    return Evidence(
        "dr_grpo has the enumerated bias given a correct response",
        "G = 8, p = .2, 127 groups",
        Method.FLOATS,
        gap < 1e-12,
        margin=f"{gap:.1e}",
    )


def own_reward_numerator(g: int) -> fmpz_poly:
    """G(1 - p^{G-1})·(E[p̂ | S, r_i = 1] - p), summed over the other responses: m successes among G - 1, m <= G - 2."""
    others = sum(((m + 1) * binomial_term(g - 1, m) for m in range(g - 1)), fmpz_poly())
    return others - g * X * (1 - X ** (g - 1))


@claim(
    "ha-dw.theorem1-own-reward",
    paper=PAPER,
    equation="Theorem 1, read literally: A_i is a number",
    statement="Given its own reward, every response's advantage is underestimated on hard prompts (p < .5) and "
    "overestimated on easy ones.",
    latex=r"\mathbb E[\hat A_i \mid S, r_i] < A_i \iff p < \tfrac12",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="groups of two; in larger ones the sign turns at G^(-1/(G-1)) > 1/2 for correct responses",
    breaks=(Break("groups of two", {"largest": 2}, Verdict.CERTIFIED),),
)
def theorem1_own_reward(quick: bool, *, largest: int = 8) -> CheckOutcome:
    """Signs of the bias given a correct (and by symmetry a wrong) response, group size by group size."""
    found = None
    for g in range(2, largest + 1):
        numerator = own_reward_numerator(g)
        if found is None and (sign_between(numerator, 0, "1/2"), sign_between(numerator, "1/2", 1)) != (1, -1):
            p = Fraction(11, 20)
            found = {
                "g": g,
                "p": 0.55,
                "own reward": 1,
                "A": 0.45,
                "E[A_hat | S, own reward]": float(1 - p - expected_bias(g, p, 1)),
            }
    return conclude(
        Evidence(
            "the bias given a correct response changes its sign at p = 1/2",
            f"every p in (0, 1), G = 2..{largest}",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            figures={
                "E[A - A_hat | S, own reward 1], G = 8": {
                    x: float(expected_bias(8, Fraction(x), 1)) for x in ("0.1", "0.5", "0.7", "0.8", "0.9")
                },
                "E[A - A_hat | S, own reward 0], G = 8": {
                    x: float(expected_bias(8, Fraction(x), 0)) for x in ("0.1", "0.2", "0.3", "0.5", "0.9")
                },
            },
        ),
        controls=[
            Evidence(
                "three responses, the own one correct, p = 1/2: p̂ is 1/3 or 2/3 with odds 1 : 2, so that the bias is "
                "5/9 - 1/2 = 1/18",
                "by hand",
                Method.CASES,
                expected_bias(3, Fraction(1, 2), 1) == Fraction(1, 18)
                and value_at(own_reward_numerator(3), Fraction(1, 2)) == Fraction(1, 18) * 3 * Fraction(3, 4),
            )
        ],
    )


@claim(
    "ha-dw.own-reward-threshold",
    paper=PAPER,
    equation="Theorem 1, made exact for a fixed own reward",
    statement="Given a correct response the advantage is underestimated exactly for p < G^(-1/(G-1)); given a wrong "
    "one it is overestimated exactly for p > 1 - G^(-1/(G-1)).",
    latex=r"\mathbb E[\hat p - p \mid S, r_i = 1] = \frac{(1-p)(1 - G p^{G-1})}{G(1-p^{G-1})},\quad "
    r"p^* = G^{-1/(G-1)}",
    assumptions=("binary rewards", "mixed groups (event S)"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the exponent -1/G", {"exponent": 0}, Verdict.REFUTED),),
)
def own_reward_threshold(quick: bool, *, exponent: int = -1) -> CheckOutcome:
    """Compare the enumerated numerator with (1-p)(1 - G·p^{G-1}); the wrong response's case is p -> 1-p, negated."""
    sizes, found, mirrored = _sizes(quick), None, True
    for g in sizes:
        if found is None and own_reward_numerator(g) != Y * (1 - g * X ** (g + exponent)):
            found = {"g": g}
        # Given a wrong response, all others' successes m = 1..G-1 count.
        wrong = sum((m * binomial_term(g - 1, m) for m in range(1, g)), fmpz_poly()) - g * X * (1 - failures(g - 1))
        mirrored &= wrong == -own_reward_numerator(g)(Y)
    thresholds = {g: digits(number(g) ** (number(-1) / (g - 1)), 12) for g in (2, 4, 8, 16, 32)}
    return conclude(
        *([machine_checked("ha-dw.own-reward-threshold")] if exponent == -1 else []),
        for_every_g(),
        Evidence(
            f"the bias given a correct response is (1-p)(1 - G p^(G{exponent:+d})) over G(1 - p^(G-1))",
            f"every p, G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            found is None,
            confirms=exponent == -1,
            counterexample=found or {},
            figures={"threshold for correct responses by G": thresholds},
        ),
        Evidence(
            "that given a wrong one is its mirror image", "the same", Method.SYMBOLIC, bool(mirrored), confirms=True
        ),
    )


@claim(
    "ha-dw.lemma2",
    paper=PAPER,
    equation="Lemma 2, Eq. 34",
    statement="The bias is (p(1-p)^G + p^(G+1) - p^G) / (1 - (1-p)^G - p^G), and antisymmetric about p = 1/2.",
    latex=r"A_i - \mathbb E[\hat A_i\mid S] = \frac{p(1-p)^G + p^{G+1} - p^G}{1-(1-p)^G-p^G},\quad "
    r"\mathrm{bias}(1-p) = -\mathrm{bias}(p)",
    assumptions=("binary rewards", "mixed groups (event S)", "averaged over the own reward"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("without the term p^(G+1)", {"last": 0}, Verdict.REFUTED),),
)
def lemma2(quick: bool, *, last: int = 1) -> CheckOutcome:
    """Polynomial identities."""
    sizes, found = _sizes(quick), None
    for g in sizes:
        stated = X * failures(g) + last * X ** (g + 1) - X**g
        numerator = bias_numerator(g)
        if found is None and (numerator != stated or numerator(Y) != -numerator or mixed(g)(Y) != mixed(g)):
            found = {
                "g": g,
                "p": 0.5,
                "bias": float(expected_bias(g, Fraction(1, 2))),
                "formula": float(value_at(stated, Fraction(1, 2)) / value_at(mixed(g), Fraction(1, 2))),
            }
    return conclude(
        *([machine_checked("ha-dw.lemma2")] if last == 1 else []),
        for_every_g(),
        Evidence(
            "numerator and symmetry as stated",
            f"every p, G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            found is None,
            confirms=last == 1,
            counterexample=found or {},
        ),
    )


def slope_for_every_g() -> Evidence:
    """1 - d/dp E[p̂|S] over A(p)², with P = p^n and Q = q^n as variables, n = G - 1, and the same by geometric sums.

    The derivatives of P and Q are nP/p and -nQ/q; those of p·P and q·Q need no division.
    """
    p, big_p, big_q, n = ring("p", "P", "Q", "n")
    q = 1 - p
    a = 1 - q * big_q - p * big_p
    slope = (1 - big_p - n * big_p) * a - p * (1 - big_p) * (n + 1) * (big_q - big_p)  # (E[p̂|S])'·A²
    excess = n * (q * (1 - big_q) * big_p + p * (1 - big_p) * big_q)
    lost = (big_q - big_p) * (q**2 * (1 - big_q) - p**2 * (1 - big_p))
    x, sum_p, sum_q, k = ring("p", "s", "t", "n")  # sums 1 + ... + p^(n-1) and 1 + ... + q^(n-1)
    y = 1 - x
    powers = 1 - y * sum_p, 1 - x * sum_q
    by_sums = x * y * (k * (sum_q * powers[0] + sum_p * powers[1]) - (powers[1] - powers[0]) * (y * sum_q - x * sum_p))
    terms = k * (y * (1 - powers[1]) * powers[0] + x * (1 - powers[0]) * powers[1])
    terms -= (powers[1] - powers[0]) * (y**2 * (1 - powers[1]) - x**2 * (1 - powers[0]))
    mean = x * (1 - powers[0]) * (sum_p + sum_q) == sum_p * (1 - y * powers[1] - x * powers[0])
    return Evidence(
        "(1 - (E[p̂|S])')·A² is p·q·(n(t·P + s·Q) - (Q - P)(q·t - p·s)), and E[p̂|S] is s/(s + t), with n = G - 1, "
        "P = p^n, Q = q^n, s = 1 + ... + p^(n-1), t = 1 + ... + q^(n-1)",
        "every p and every G",
        Method.SYMBOLIC,
        bool(a**2 - slope == excess - lost and by_sums == terms and mean),
    )


@claim(
    "ha-dw.bias-grows",
    paper=PAPER,
    equation="Lemma 2 and Fig. 2",
    statement="The bias grows with the distance of p from 1/2, and as the group shrinks.",
    latex=r"\tfrac{\mathrm d}{\mathrm dp}\,\mathrm{bias}_G(p) < 0,\quad \mathrm{bias}_G(p) > \mathrm{bias}_{G+1}(p)"
    r"\ \text{for } p < \tfrac12",
    assumptions=("binary rewards", "mixed groups (event S)", "averaged over the own reward"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the bias given a correct response", {"reward": 1}, Verdict.REFUTED),),
)
def bias_grows(quick: bool, *, reward: int | None = None) -> CheckOutcome:
    """The identities of the proof for every G; and the signs of both differences on whole intervals, G by G."""
    top = 12 if quick else 32
    by_p, by_g = None, None
    for g in range(2, top + 1):
        n, a = (bias_numerator(g), mixed(g)) if reward is None else (own_reward_numerator(g), g * (1 - X ** (g - 1)))
        more, wider = (
            (bias_numerator(g + 1), mixed(g + 1))
            if reward is None
            else (own_reward_numerator(g + 1), (g + 1) * (1 - X**g))
        )
        if by_p is None and sign_between(n.derivative() * a - n * a.derivative(), 0, 1) != -1:
            by_p = {"g": g}
        if by_g is None and sign_between(n * wider - more * a, 0, "1/2") != 1:
            by_g = {"g": g, "compared with": g + 1}
    return conclude(
        slope_for_every_g(),
        Evidence(
            "the bias falls with p, through 0 at p = 1/2",
            f"every p in (0, 1), G = 2..{top}",
            Method.ROOTS,
            by_p is None,
            counterexample=by_p or {},
            confirms=reward is None,
        ),
        Evidence(
            "the bias is larger in smaller groups",
            f"every p in (0, 1/2), G = 2..{top} against G + 1",
            Method.ROOTS,
            by_g is None,
            counterexample=by_g or {},
            confirms=reward is None,
        ),
        machine_checked("ha-dw.bias-grows"),
    )


@claim(
    "ha-dw.debiasing-factor",
    paper=PAPER,
    equation="Lemma 1, exact factor",
    statement="Multiplying the group mean by c* = A(p)/(1 - p^(G-1)) removes the bias; c* < 1 on hard prompts and > 1 "
    "on easy ones.",
    latex=r"c^* = \frac{1-(1-p)^G-p^G}{1-p^{G-1}},\ \mathbb E[c^*\hat p\mid S] = p,\ c^* < 1 \iff p < \tfrac12",
    assumptions=("binary rewards", "mixed groups (event S)", "p is known"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("c* = A(p)", {"denominator": "1"}, Verdict.REFUTED),),
)
def debiasing_factor(quick: bool, *, denominator: str = "1-p^(G-1)") -> CheckOutcome:
    """E[p̂·1{S}] = p(1 - p^{G-1}), and the sign of A - (1 - p^{G-1})."""
    sizes, found = _sizes(quick), None
    for g in sizes:
        below = 1 - X ** (g - 1) if denominator != "1" else fmpz_poly([1])
        mean = bias_numerator(g) + X * mixed(g)
        difference = mixed(g) - below
        right = mean == X * below
        if found is None and not (
            right and sign_between(difference, 0, "1/2") == -1 and sign_between(difference, "1/2", 1) == 1
        ):
            found = {"g": g}
    return conclude(
        *([machine_checked("ha-dw.debiasing-factor")] if denominator != "1" else []),
        for_every_g(),
        Evidence(
            "E[p̂·1{S}] = p(1 - p^(G-1)), and c* - 1 has the sign of p - 1/2",
            f"every p in (0, 1), G = {sizes[0]}..{sizes[-1]}",
            Method.ROOTS,
            found is None,
            confirms=denominator != "1",
            counterexample=found or {},
        ),
    )


@claim(
    "ha-dw.too-little-effort",
    paper=PAPER,
    equation="Introduction and Theorem 1, as a consequence",
    statement="Because of the bias, r minus the group's mean raises the success rate of hard prompts too slowly and "
    "that of easy ones too fast, against the gradient of the success rate.",
    latex=r"\frac{1}{p(1-p)}\,\mathbb E\Big[\tfrac1G\sum_i \hat A_i (r_i - p)\Big] < "
    r"\text{the same at } 1-p,\quad p < \tfrac12",
    assumptions=("binary rewards", "softmax bandit", "no standard deviation", "all groups are drawn and counted"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="never: the speed is (G-1)/G of the gradient's at every p; it can hold where weights depend on p̂",
    breaks=(Break("correct responses weigh by p̂", {"power": 1}, Verdict.CERTIFIED),),
)
def too_little_effort(quick: bool, *, power: int = 0) -> CheckOutcome:
    """Speeds over all groups as polynomials in p, compared with those at 1 - p.

    A prompt's success rate moves by E[(1/G)Σ A_i(r_i - p)] per unit of step: responses push the correct arms by their
    advantage times (r_i - p). The biased mean of mixed groups is made up for by the groups that are not mixed.
    """
    found, right = None, True
    for g in range(2, 13 if quick else 33):
        speed = effort(g, power)
        right &= power != 0 or speed == g * (g - 1) * X * Y
        difference = speed(Y) - speed  # easy minus hard
        if found is None and sign_between(difference, 0, "1/2") != 1:
            p = Fraction(1, 10)
            scale = g ** (2 + power) * p * (1 - p)
            found = {"g": g, "p": [0.1, 0.9]}
            found["speed over p(1-p)"] = [float(value_at(speed, x) / scale) for x in (p, 1 - p)]
    p, g_ = ring("p", "G")
    moments = g_ * (g_ * p) - (g_ * (g_ - 1) * p**2 + g_ * p) == g_ * (g_ - 1) * p * (1 - p)
    return conclude(
        Evidence(
            "on hard prompts the speed over p(1-p) is below that of the easy prompt 1 - p",
            "every p in (0, 1/2), G = 2.." + ("12" if quick else "32"),
            Method.ROOTS,
            found is None,
            counterexample=found or {},
        ),
        controls=[
            Evidence(
                "E[k(G-k)] = G·E[k] - E[k(k-1)] - E[k] = G(G-1)p(1-p): the speed is (G-1)/G of p(1-p)",
                "every p and every G",
                Method.SYMBOLIC,
                bool(moments),
            ),
            Evidence("the sums over all groups are G(G-1)p(1-p)", "G by G", Method.SYMBOLIC, bool(right)),
        ],
    )


def effort(g: int, power: int = 0) -> fmpz_poly:
    """G^(2+power)·E[(1/G)Σ A_i(r_i - p)] with A_i = r_i - p̂, which a correct response weighs by p̂^power."""
    total = fmpz_poly()
    for k in range(1, g):
        correct, wrong = k * (g - k) * k**power * Y, (g - k) * k * g**power * X  # k responses of (G-k)/G, ...
        total += binomial_term(g, k) * (correct + wrong)
    return total
