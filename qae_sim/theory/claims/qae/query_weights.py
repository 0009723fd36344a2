"""Proposition 4.1 and Eqs. 5 to 8: the query weights of the objective that a group's advantages add up to.

With n successes among G responses write p = n/G. A group's gradient is (1/G) Σ Aᵢ sᵢ, sᵢ the score of response i. The
objectives of the paper are sums of a weight times the mean score of the correct (s₊) or of the wrong (s₋) responses,
so a claim about them is a claim about two coefficients. Both contain one square root and a known sign; their squares
are rational functions of p, and are compared as such: for all groups at once in the ring of polynomials in p, and
group by group with the advantages that the rest of the package computes.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

from qae_sim.advantages import advantage_table, grpo, qae
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.controls import advantages_by_hand
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS, Root, advantages, binary_variance, mixed_groups, root
from qae_sim.theory.polynomials import X, Y, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all


def objective(name: str, n: int, g: int, k: Fraction) -> tuple[Root, Root]:
    """Coefficients of the mean scores s₊ and s₋ in Eqs. 5 to 8."""
    p = Fraction(n, g)
    hard = p <= 1 - k
    rare, left = p / (1 - p), (1 - p) / p
    plus, minus = {
        "grpo": (p * (1 - p), p * (1 - p)),
        "qae": (rare if hard else Fraction(0), Fraction(0) if hard else left),
        "pos_mask": (rare if hard else Fraction(0), left),
        "neg_mask": (rare, Fraction(0) if hard else left),
    }[name]
    return root(1, plus), root(-1, minus)


def same_objective(name: str, target: str, quick: bool, ddof: int = 0) -> Evidence:
    """Whether an estimator's group gradient is the stated objective, coefficient by coefficient."""
    largest = 24 if quick else 48
    found, cases = None, 0
    for g, n in mixed_groups(largest):
        for k in KS:
            plus, minus = advantages(name, n, g, k, ddof)
            # (1/G) times n (G - n) responses, each with the mean score of its side
            ours = (root(plus[0], plus[1] * Fraction(n, g) ** 2), root(minus[0], minus[1] * Fraction(g - n, g) ** 2))
            cases += 1
            if ours != objective(target, n, g, k) and found is None:
                found = {"g": g, "successes": n, "k": float(k)}
    return Evidence(
        f"(1/G) Σ Aᵢ sᵢ of {name} is the stated sum of weights times mean scores",
        f"G = 2..{largest}, all mixed groups, K = .1...9, ε = 0",
        Method.CASES,
        found is None,
        counterexample=found or {},
        figures={"cases": cases},
        confirms=True,
    )


def _sides(name: str, p: Any, hard: bool) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Squares of the two coefficients of mean scores, as numerators and denominators in p.

    A response of a side weighs 1/G, and there are pG or (1-p)G of them: the coefficient is p or 1-p times the
    advantage, and the advantage is the reward less the baseline over √(p(1-p)).
    """
    plus, minus = {
        "grpo": (1 - p, p),
        "qae": (1, 0) if hard else (0, 1),
        "pos_mask": (1 if hard else 0, 1),
        "neg_mask": (1, 0 if hard else 1),
    }[name]
    variance = p * (1 - p)
    return ((p * plus) ** 2, variance), (((1 - p) * minus) ** 2, variance)


def _stated(name: str, p: Any, hard: bool) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Squares of the weights in Eqs. 5 to 8 in the same form."""
    rare, left, none = (p, 1 - p), (1 - p, p), (0 * p, 1 + 0 * p)
    return {
        "grpo": ((p * (1 - p), 1 + 0 * p), (p * (1 - p), 1 + 0 * p)),
        "qae": (rare if hard else none, none if hard else left),
        "pos_mask": (rare if hard else none, left),
        "neg_mask": (rare, none if hard else left),
    }[name]


def same_for_every_group(name: str, target: str, ddof: int = 0) -> Evidence:
    """Whether the coefficients are the stated ones as rational functions of p, on both sides of the gate."""
    p, g = ring("p", "G")
    # The sample variance is G/(G-1) times the population's.
    factor, over = (g - 1, g) if ddof else (1 + 0 * p, 1 + 0 * p)
    equal = all(
        one * factor * below == two * under * over
        for hard in (True, False)
        for (one, under), (two, below) in zip(_sides(name, p, hard), _stated(target, p, hard), strict=True)
    )
    return Evidence(
        f"the squared coefficients of {name} are the stated squared weights; the signs are those of the rewards",
        "every G, every mixed group (all p in (0, 1)), hard and easy, ε = 0",
        Method.SYMBOLIC,
        equal,
    )


def float_table_agrees(name: str, quick: bool) -> Evidence:
    """Whether the project's estimator, in floats, is the exact one of this module."""
    sizes = (2, 3, 8, 16) if quick else (2, 3, 4, 5, 8, 16, 25, 64, 128)
    worst = 0.0
    for g, k in product(sizes, KS):
        parameters = {} if name == "grpo" else {"k": float(k)}
        table = advantage_table(name, g, eps=0.0, **parameters)
        for n in range(1, g):
            for column, (sign, square) in zip((1, 0), advantages(name, n, g, k), strict=True):
                exact = sign * float(square) ** 0.5
                worst = worse(worst, abs(float(table[n, column]) - exact) / max(abs(exact), 1.0))
    return Evidence(
        f"qae_sim.advantages.{name} agrees in floating point to 1e-13",
        f"G in {sizes}, all mixed groups, K = .1...9",
        Method.FLOATS,
        worst < 1e-13,
        margin=f"{worst:.1e}",
    )


@claim(
    "qae.eq5",
    paper=PAPER,
    equation="Eq. 5",
    statement="GRPO's group gradient is √(p(1-p)) times the difference of the mean scores of correct and wrong "
    "responses.",
    latex=r"\tfrac1G\sum_i \hat A_i s_i = \sqrt{p(1-p)}\,(\bar s^+ - \bar s^-)",
    assumptions=("binary rewards", "population standard deviation", "ε = 0", "every response weighs the same"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("sample standard deviation", {"ddof": 1}, Verdict.REFUTED),
        Break("the objective of Eq. 6 instead", {"target": "qae"}, Verdict.REFUTED),
    ),
)
def eq5(quick: bool, *, ddof: int = 0, target: str = "grpo") -> CheckOutcome:
    """Compare both coefficients in every group."""
    return conclude(
        same_for_every_group("grpo", target, ddof),
        machine_checked("qae.eq5"),
        same_objective("grpo", target, quick, ddof),
        float_table_agrees("grpo", quick),
    )


@claim(
    "qae.prop4.1",
    paper=PAPER,
    equation="Proposition 4.1, Eq. 6",
    statement="QAE's group gradient is √(p/(1-p)) times the mean score of the successes on hard queries and "
    "-√((1-p)/p) times that of the failures on easy ones: the query weights of Fig. 4.",
    latex=r"\tfrac1G\sum_i \hat A_i s_i = \mathbf 1\{p\le 1-K\}\sqrt{\tfrac p{1-p}}\,\bar s^+"
    r" - \mathbf 1\{p>1-K\}\sqrt{\tfrac{1-p}p}\,\bar s^-",
    assumptions=("binary rewards", "population standard deviation", "ε = 0", "every response weighs the same"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("sample standard deviation", {"ddof": 1}, Verdict.REFUTED),
        Break("the symmetric weight of Eq. 5 instead", {"target": "grpo"}, Verdict.REFUTED),
    ),
)
def prop41(quick: bool, *, ddof: int = 0, target: str = "qae") -> CheckOutcome:
    """Compare both coefficients in every group."""
    return conclude(
        same_for_every_group("qae", target, ddof),
        machine_checked("qae.prop4.1"),
        same_objective("qae", target, quick, ddof),
        float_table_agrees("qae", quick),
    )


@claim(
    "qae.masks",
    paper=PAPER,
    equation="Eqs. 7 and 8",
    statement="POS-MASK and NEG-MASK are the objectives of advantages 1/std and -1/std with one side gated, the other "
    "not.",
    latex=r"A^+ = \tfrac{1}{\mathrm{std}},\ A^- = -\tfrac{1}{\mathrm{std}},\ "
    r"\text{one of them times } \mathbf 1\{p\le 1-K\} \text{ or } \mathbf 1\{p>1-K\}",
    assumptions=("binary rewards", "population standard deviation", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("the unmasked side keeps GRPO's advantage", {"unmasked": "grpo"}, Verdict.REFUTED),
        Break("the two masks swapped", {"swapped": True}, Verdict.REFUTED),
    ),
)
def masks(quick: bool, *, unmasked: str = "one", swapped: bool = False) -> CheckOutcome:
    """Compare both coefficients in every group, for both masks."""
    if unmasked == "grpo":
        return conclude(same_objective("grpo", "pos_mask", quick))
    names = ("pos_mask", "neg_mask")
    targets = names[::-1] if swapped else names
    exact = [
        evidence
        for name, target in zip(names, targets, strict=True)
        for evidence in (same_for_every_group(name, target), same_objective(name, target, quick))
    ]
    return conclude(*exact, machine_checked("qae.masks"), *(float_table_agrees(name, quick) for name in names))


@claim(
    "qae.eps-factor",
    paper=PAPER,
    equation="Proposition 4.1, 'up to a constant factor depending on ε'",
    statement="What ε changes in Proposition 4.1 is a constant factor.",
    latex=r"\frac{\sigma}{\sigma+\varepsilon} = c(\varepsilon) \text{ for every } p,\ \sigma = \sqrt{p(1-p)}",
    assumptions=("binary rewards", "ε > 0"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="exactly among queries with one and the same p(1-p), or at ε = 0",
    breaks=(Break("ε = 0", {"eps": 0}, Verdict.CERTIFIED),),
)
def eps_factor(quick: bool, *, eps: Fraction | int = Fraction(1, 10**4)) -> CheckOutcome:
    """The factor is σ/(σ + ε): one number only for groups with the same p(1-p)."""
    largest = 16 if quick else 64
    with ctx.workprec(128):
        factors: dict[tuple[int, int], Ball] = {}
        for g, n in mixed_groups(largest):
            sigma = number(binary_variance(n, g)).sqrt()
            factors[g, n] = sigma / (sigma + number(eps))
        reference = factors[2, 1]
        # Groups with half successes have one and the same σ; without ε the factor is σ/σ.
        search = for_all(factors, lambda key: key[0] == 2 * key[1] or eps == 0 or factors[key] == reference)
        g, n = search.case or (2, 1)
        lowest = min(factors, key=lambda key: binary_variance(key[1], key[0]))
        figures = {
            "factor at p = 1/2": digits(reference),
            f"factor at G = {lowest[0]}, n = {lowest[1]}": digits(factors[lowest]),
        }
        ours = grpo([1.0, 0.0], eps=0.5)[0]  # (1/2) over (1/2 + 1/2)
        return conclude(
            Evidence("grpo divides by σ + ε", "one success in two, ε = 1/2", Method.FLOATS, abs(ours - 0.5) < 1e-15),
            Evidence(
                "σ/(σ + ε) is one and the same number",
                f"G = 2..{largest}, all mixed groups, ε = {eps}",
                Method.INTERVALS,
                search.holds,
                margin=digits(reference - factors[g, n], 5),
                counterexample={
                    "eps": float(eps),
                    "p": [0.5, n / g],
                    "factors": [digits(reference), digits(factors[g, n])],
                }
                if search.case
                else {},
                figures=figures,
            ),
            controls=[
                Evidence(
                    "σ is 1/2 for one success in two and 3/10 for one in ten: factors 1/(1 + 2ε) and 3/(3 + 10ε)",
                    "by hand",
                    Method.CASES,
                    (binary_variance(1, 2), binary_variance(1, 10)) == (Fraction(1, 4), Fraction(9, 100)),
                )
            ],
        )


@claim(
    "qae.ddof-factor",
    paper=PAPER,
    equation="Proposition 4.1",
    statement="The sample standard deviation (G-1) multiplies Eqs. 5 and 6 by √((G-1)/G): a constant for groups of "
    "one size.",
    latex=r"\frac{\sigma_G}{\sigma_{G-1}} = \sqrt{\tfrac{G-1}{G}}",
    assumptions=("binary rewards", "ε = 0", "all groups have the same size"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("groups of different sizes", {"one_size": False}, Verdict.REFUTED),),
)
def ddof_factor(quick: bool, *, one_size: bool = True) -> CheckOutcome:
    """Ratios of the two variances, exactly."""
    largest = 40 if quick else 128
    found = None
    for g, n in mixed_groups(largest):
        reference = Fraction(g - 1, g) if one_size else Fraction(1, 2)
        if binary_variance(n, g) / binary_variance(n, g, 1) != reference:
            found = {"g": g, "successes": n, "compared with": {"g": 2, "successes": 1}}
            break
    sample = grpo([1.0, 0.0, 0.0, 0.0], eps=0.0, ddof=1)[0]  # (1 - 1/4) over √(3/16 · 4/3) = 1/2
    squares, g = ring("squares", "G")  # the sum of the squared deviations
    return conclude(
        Evidence("grpo(ddof=1) divides by G - 1", "one success in four", Method.FLOATS, abs(sample - 1.5) < 1e-14),
        Evidence(
            "the ratio of the variances is (G-1)/G",
            f"G = 2..{largest}, all mixed groups",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
        Evidence(
            "(squares/G) · G = (squares/(G-1)) · (G-1): the variances are as G-1 to G",
            "every group of G >= 2 rewards",
            Method.SYMBOLIC,
            (squares * (g - 1)) * g == (squares * g) * (g - 1),
        ),
        machine_checked("qae.ddof-factor"),
    )


def _weights_by_loss(lengths: tuple[int, ...], loss: str) -> list[Fraction]:
    """Weights of the responses' mean token scores, for advantages of one."""
    if loss == "response":
        return [Fraction(1, len(lengths))] * len(lengths)
    total = sum(lengths)
    return [Fraction(length, total) for length in lengths]


#: Exactly when the token-level loss has the weights of Proposition 4.1.
MEAN_LENGTH = "exactly if every response with a non-zero advantage has the mean length of its group"


@claim(
    "qae.token-level-loss",
    paper=PAPER,
    equation="Proposition 4.1 and DAPO's loss (Sec. 2)",
    statement="Proposition 4.1, proved for the mean over responses (Eq. 9), describes the token-level loss that is "
    "trained.",
    latex=r"\tfrac1G\sum_i \tfrac{\hat A_i}{|o_i|}\sum_t s_{i,t} = "
    r"\tfrac{1}{\sum_i |o_i|}\sum_i \hat A_i \sum_t s_{i,t}",
    assumptions=("binary rewards", "the mean over tokens is taken within the group, as in Sec. 2"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=MEAN_LENGTH,
    breaks=(
        Break("the loss is the mean over responses", {"loss": "response"}, Verdict.CERTIFIED),
        Break("only the wrong responses need the mean length", {"needed": "wrong"}, Verdict.REFUTED),
        Break("all responses need the mean length", {"needed": "all"}, Verdict.REFUTED),
    ),
)
def token_level_loss(quick: bool, *, loss: str = "token", needed: str = "trained") -> CheckOutcome:
    """A response's mean token score has the weight |o|/Σ|o| instead of 1/G, which matters where its advantage does."""
    largest, longest = (3, 3) if quick else (5, 4)
    literal_fails, condition_fails, cases = None, None, 0
    for g, n in mixed_groups(largest):
        plus, _ = advantages("qae", n, g, Fraction(2, 5))
        hard = plus[0] != 0
        trained = {"trained": range(n) if hard else range(n, g), "wrong": range(n, g), "all": range(g)}
        for lengths in product(range(1, longest + 1), repeat=g):
            cases += 1
            weights = _weights_by_loss(lengths, loss)
            same = all(weights[i] == Fraction(1, g) for i in trained["trained"])
            if not same and literal_fails is None:
                literal_fails = {"g": g, "successes": n, "lengths": list(lengths)}
            if same != all(g * lengths[i] == sum(lengths) for i in trained[needed]):
                condition_fails = {"g": g, "successes": n, "lengths": list(lengths)}
    over = f"K = .4, G = 2..{largest}, lengths 1..{longest}, all mixed groups"
    length, total, g = ring("length", "total", "G")
    return conclude(
        Evidence(
            "every response with an advantage has the weight 1/G",
            over,
            Method.CASES,
            literal_fails is None,
            counterexample=literal_fails or {},
            figures={"cases": cases},
        ),
        under=[
            Evidence(
                "G times Σ|o| times the difference of the weights |o|/Σ|o| and 1/G is G|o| - Σ|o|",
                "every group",
                Method.SYMBOLIC,
                g * total * length - total * total == total * (g * length - total),
            ),
            Evidence(
                "the weights are 1/G exactly under the condition",
                over,
                Method.CASES,
                condition_fails is None,
                counterexample=condition_fails or {},
                confirms=True,
            ),
        ],
        condition=MEAN_LENGTH,
        controls=[
            advantages_by_hand(),
            Evidence(
                "lengths 1 and 2 weigh 1/3 and 2/3; of lengths 2, 1, 3 the first weighs 1/3",
                "by hand",
                Method.CASES,
                _weights_by_loss((1, 2), "token") == [Fraction(1, 3), Fraction(2, 3)]
                and _weights_by_loss((2, 1, 3), "token")[0] == Fraction(1, 3),
            ),
        ],
    )


@claim(
    "qae.concentrates-effort",
    paper=PAPER,
    equation="Sec. 1: 'concentrates computational effort'",
    statement="Responses with zero advantage take no part in an update: without them the token-level loss has the same "
    "gradient.",
    latex=r"\tfrac{1}{Z}\sum_i \hat A_i\sum_t s_{i,t} = \tfrac{1}{Z_{\ne 0}}\sum_{\hat A_i \ne 0}"
    r"\hat A_i\sum_t s_{i,t}",
    assumptions=("binary rewards, mixed groups", "Z counts the tokens of the group, as in Sec. 2"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="in no mixed group: each has zero advantages, whose tokens are in Z and whose rewards are in the std",
    breaks=(Break("GRPO, which has no zero advantages in a mixed group", {"name": "grpo"}, Verdict.CERTIFIED),),
)
def concentrates_effort(quick: bool, *, name: str = "qae") -> CheckOutcome:
    """With equal lengths what is left is G over the number of non-zero advantages larger: 1/p hard, 1/(1-p) easy."""
    largest = 16 if quick else 64
    factors = {}
    for g, n in mixed_groups(largest):
        plus, minus = advantages(name, n, g, Fraction(2, 5))
        factors[g, n] = Fraction(g, n * (plus[0] != 0) + (g - n) * (minus[0] != 0))
    search = for_all(factors, lambda key: factors[key] == 1)
    ours = qae([1.0, 0.0, 0.0, 0.0], k=0.4)
    return conclude(
        Evidence(
            "the tokens of responses without an advantage are 0",
            f"equal lengths, K = .4, G = 2..{largest}, all mixed groups",
            Method.CASES,
            search.holds,
            counterexample={
                "g": search.case[0],
                "successes": search.case[1],
                "larger by": float(factors[search.case]),
            }
            if search.case
            else {},
            figures={"smallest factor": str(min(factors.values())), "largest": str(max(factors.values()))},
        ),
        Evidence("qae gives three zeros", "one success in four", Method.FLOATS, int((ours == 0).sum()) == 3),
        controls=[
            advantages_by_hand(),
            Evidence(
                "the factor is 1/p in hard groups and 1/(1-p) in easy ones under QAE, and 1 under GRPO",
                "the same groups",
                Method.CASES,
                all(
                    factor == (1 if name == "grpo" else Fraction(g, n if 5 * n <= 3 * g else g - n))
                    for (g, n), factor in factors.items()
                ),
            ),
        ],
    )


@claim(
    "qae.empirical-rate",
    paper=PAPER,
    equation="Sec. 4.1 against Eqs. 5, 6 and 11",
    statement="The success rate p(q) of the weights can be the group's, as in Sec. 4.1, or the policy's, as in Eq. 11: "
    "on average over groups the weight of Eq. 5 is the same.",
    latex=r"\mathbb E\sqrt{\hat p(1-\hat p)} = \sqrt{p(1-p)}",
    assumptions=("binary rewards", "G >= 2 independent responses"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="only for p = 0 or 1, and in the limit of large groups: the average is below √((G-1)/G · p(1-p))",
    breaks=(Break("the squares of the weights, but for the factor (G-1)/G", {"power": 2}, Verdict.CERTIFIED),),
)
def empirical_rate(quick: bool, *, power: int = 1) -> CheckOutcome:
    """E[p̂(1-p̂)] = (G-1)/G·p(1-p), and by Jensen's inequality the mean of a root is less than the root of the mean."""
    largest = 16 if quick else 64
    mean_square = {
        g: sum((n * (g - n) * binomial_term(g, n) for n in range(g + 1)), 0 * X) for g in range(2, largest + 1)
    }
    exact = all(value == g * (g - 1) * X * Y for g, value in mean_square.items())
    two = 2 * X * Y  # chance of a mixed group of two, of weight 1/2
    squares = Evidence(
        "E[p̂(1-p̂)] = (G-1)/G·p(1-p)", f"all p, G = 2..{largest}", Method.SYMBOLIC, exact, confirms=power == 1
    )
    if power == 2:
        return conclude(squares)
    return conclude(
        Evidence(
            "E√(p̂(1-p̂)), which is p(1-p), is √(p(1-p)), squared",
            "G = 2, all p",
            Method.SYMBOLIC,
            two**2 == 4 * X * Y,
            counterexample={"g": 2, "p": 0.5, "mean weight": 0.25, "weight of the policy's rate": 0.5},
        ),
        controls=[
            squares,
            advantages_by_hand("grpo"),
            Evidence(
                "three groups of three: E√(p̂(1-p̂)) = √2/3·3p(1-p), so that its square is 2p²(1-p)²",
                "G = 3, by hand: both mixed groups have the weight √2/3",
                Method.CASES,
                {advantages_product(n, 3) for n in (1, 2)} == {Fraction(2, 9)},
            ),
        ],
    )


def advantages_product(n: int, g: int) -> Fraction:
    """p̂(1-p̂) as the square of the weight that GRPO's advantages give."""
    plus, _ = advantages("grpo", n, g, Fraction(2, 5))
    return plus[1] * Fraction(n, g) ** 2
