"""Proposition 4.1 and Eqs. 5 to 8: the query weights of the objective that a group's advantages add up to.

With n successes among G responses write p = n/G. A group's gradient is (1/G) Σ Aᵢ sᵢ, sᵢ the score of response i. The
objectives of the paper are sums of a weight times the mean score of the correct (s₊) or of the wrong (s₋) responses,
so a claim about them is a claim about two coefficients. Both contain one square root and a known sign; their squares
are rational, and are compared exactly.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from flint import ctx

from qae_sim.advantages import advantage_table, grpo
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.exact_advantages import KS, Root, advantages, binary_variance, mixed_groups, root
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
    largest = 40 if quick else 128
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
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(
        Break("sample standard deviation", {"ddof": 1}, Verdict.REFUTED),
        Break("the objective of Eq. 6 instead", {"target": "qae"}, Verdict.REFUTED),
    ),
)
def eq5(quick: bool, *, ddof: int = 0, target: str = "grpo") -> CheckOutcome:
    """Compare both coefficients in every group."""
    return conclude(same_objective("grpo", target, quick, ddof), float_table_agrees("grpo", quick))


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
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(
        Break("sample standard deviation", {"ddof": 1}, Verdict.REFUTED),
        Break("the symmetric weight of Eq. 5 instead", {"target": "grpo"}, Verdict.REFUTED),
    ),
)
def prop41(quick: bool, *, ddof: int = 0, target: str = "qae") -> CheckOutcome:
    """Compare both coefficients in every group."""
    return conclude(same_objective("qae", target, quick, ddof), float_table_agrees("qae", quick))


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
    tier=Tier.ENUMERATED,
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
    exact = [same_objective(name, target, quick) for name, target in zip(names, targets, strict=True)]
    return conclude(*exact, *(float_table_agrees(name, quick) for name in names))


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
    tier=Tier.ENUMERATED,
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
    return conclude(
        Evidence("grpo(ddof=1) divides by G - 1", "one success in four", Method.FLOATS, abs(sample - 1.5) < 1e-14),
        Evidence(
            "the ratio of the variances is (G-1)/G",
            f"G = 2..{largest}, all mixed groups",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
    )


def _weights_by_loss(lengths: tuple[int, ...], loss: str) -> list[Fraction]:
    """Weights of the responses' mean token scores, for advantages of one."""
    if loss == "response":
        return [Fraction(1, len(lengths))] * len(lengths)
    total = sum(lengths)
    return [Fraction(length, total) for length in lengths]


@claim(
    "qae.token-level-loss",
    paper=PAPER,
    equation="Proposition 4.1 and DAPO's loss (Sec. 2)",
    statement="Proposition 4.1, proved for the mean over responses (Eq. 9), describes the token-level loss that is "
    "trained.",
    latex=r"\tfrac1G\sum_i \tfrac{1}{|o_i|}\sum_t f_{i,t} = \tfrac{1}{\sum_i |o_i|}\sum_i\sum_t f_{i,t}",
    assumptions=("binary rewards",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="all responses of a group have the same length",
    breaks=(
        Break("the loss is the mean over responses", {"loss": "response"}, Verdict.CERTIFIED),
        Break("lengths may differ between correct and wrong responses", {"equal": "within a side"}, Verdict.REFUTED),
    ),
)
def token_level_loss(quick: bool, *, loss: str = "token", equal: str = "all") -> CheckOutcome:
    """Weights |o_i|/Σ|o| of the mean scores are 1/G in all groups of equal lengths, and in no other one."""
    largest, longest = (3, 3) if quick else (5, 4)
    literal_fails, condition_fails, cases = None, None, 0
    for g, n in mixed_groups(largest):
        for lengths in product(range(1, longest + 1), repeat=g):
            cases += 1
            same = set(_weights_by_loss(lengths, loss)) == {Fraction(1, g)}
            groups = [set(lengths)] if equal == "all" else [set(lengths[:n]), set(lengths[n:])]
            if not same and literal_fails is None:
                literal_fails = {"g": g, "successes": n, "lengths": list(lengths)}
            if not same and all(len(group) == 1 for group in groups):
                condition_fails = {"g": g, "successes": n, "lengths": list(lengths)}
    over = f"G = 2..{largest}, lengths 1..{longest}, all mixed groups"
    literal = Evidence(
        "every response's mean score has the weight 1/G",
        over,
        Method.CASES,
        literal_fails is None,
        counterexample=literal_fails or {},
        figures={"cases": cases},
    )
    under = Evidence(
        "the same under the condition",
        over,
        Method.CASES,
        condition_fails is None,
        counterexample=condition_fails or {},
    )
    return conclude(literal, under=[under], condition="all responses of a group have the same length")
