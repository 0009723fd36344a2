"""Expected gradients of group estimators in a softmax bandit: direction, bias, and arms that were not sampled."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from qae_sim.advantages import expected_advantages
from qae_sim.theory.arithmetic import ctx, fmpz_poly
from qae_sim.theory.ball import total
from qae_sim.theory.binomial import binomial_probabilities, binomial_term
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.claims.estimators.invariances import DEVIATIONS
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import advantages, binary_variance, mixed_groups, root_of
from qae_sim.theory.polynomials import X, Y, rational, ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all


@claim(
    "estimators.speed-nonnegative",
    paper=PAPER,
    equation="-",
    statement="In expectation every group estimator of the table (GRPO, QAE and its masks) moves probability from "
    "wrong to correct responses, whatever p.",
    latex=r"c(p, G) \ge 0 \text{ because } a(n, 1) \ge 0 \ge a(n, 0) \text{ for every } n",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the baseline lies between the lowest and the highest reward",
    breaks=(Break("a baseline of 1.5 that no reward reaches", {"baseline": Fraction(3, 2)}, Verdict.REFUTED),),
)
def speed_nonnegative(quick: bool, *, baseline: Fraction | None = None) -> CheckOutcome:
    """Signs of all advantages: correct ones never negative, wrong ones never positive.

    With n successes and m failures, G = n + m, a sign is that of a polynomial without negative coefficients.
    """
    n, m = ring("n", "m")
    signs = {  # G times reward minus baseline, of a correct and of a wrong response; the masks drop one of the two
        "the group's mean": ((n + m) - n, -n),
        "a quantile that is 0": (n + m, 0 * n),
        "a quantile that is 1": (0 * n, -(n + m)),
    }
    if baseline is not None:
        signs = {"a fixed baseline": ((n + m) * rational(1 - baseline), (n + m) * rational(-baseline))}
    wrong = next((name for name, (plus, minus) in signs.items() if not (_positive(plus) and _positive(-minus))), None)
    largest, found = (12 if quick else 32), None
    for name in ("grpo", "qae", "pos_mask", "neg_mask"):
        for g, count in mixed_groups(largest):
            for k in (Fraction(1, 5), Fraction(2, 5), Fraction(4, 5)):
                plus, minus = advantages(name, count, g, k)
                if found is None and (plus[0] < 0 or minus[0] > 0):
                    found = {"estimator": name, "g": g, "successes": count, "k": float(k)}
    return conclude(
        Evidence(
            "r - b is at least 0 for correct responses, at most 0 for wrong ones, and so c = p(1-p)(α - β) >= 0",
            "every G, every number of successes and every K",
            Method.SYMBOLIC,
            wrong is None,
            counterexample={} if wrong is None else {"baseline": float(baseline or 0), "g": 2, "successes": 1},
        ),
        Evidence(
            "the advantages of the table have these signs",
            f"G = 2..{largest}, all mixed groups, K = .2, .4, .8",
            Method.CASES,
            found is None,
            confirms=True,
        ),
    )


def _positive(polynomial: Any) -> bool:
    """Whether no coefficient is negative: then the polynomial is not, wherever its variables are not."""
    return all(coefficient >= 0 for coefficient in polynomial.coeffs())


@claim(
    "estimators.unsampled-arms",
    paper=PAPER,
    equation="-",
    statement="A sampled group leaves the logits of arms that it did not sample as they are.",
    latex=r"\Delta z_a = -\tfrac{\eta}{G}\,\pi_a \sum_i A_i = 0 \text{ for } a \notin \{a_1, \dots, a_G\}",
    assumptions=("softmax policy gradient", "mean or leave-one-out baseline"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the advantages of the group add up to zero, and only then",
    breaks=(
        Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),
        Break("NEG-MASK", {"names": ("neg_mask",)}, Verdict.REFUTED),
    ),
)
def unsampled_arms(quick: bool, *, names: tuple[str, ...] = ("grpo",)) -> CheckOutcome:
    """Sums of the advantages: n·A⁺ + (G-n)·A⁻ = 0 means that the squares of both parts are equal.

    What is not zero here is what Adam blows up: it divides the small push on every unsampled arm by its own size.
    """
    largest, k, found = (24 if quick else 64), Fraction(2, 5), None
    for name in names:
        for g, n in mixed_groups(largest):
            plus, minus = advantages(name, n, g, k)
            if found is None and n**2 * plus[1] != (g - n) ** 2 * minus[1]:
                rest_of = n * root_of(plus) + (g - n) * root_of(minus)
                found = {"estimator": name, "g": g, "successes": n, "sum of advantages": digits(rest_of, 8)}
    pi, a, rest, whole, g = ring("pi", "a", "rest", "sum", "G")
    # The arm's own responses have advantages of sum a, all others of sum rest; Δz of the arm is Σ A_i (1[a_i] - π).
    change = a * (1 - pi) + rest * (0 - pi)
    return conclude(
        Evidence(
            "an arm moves by its own advantages less π times the sum of all, so by -π Σ A if it was not sampled",
            "every policy, every group and every G",
            Method.SYMBOLIC,
            change == a - pi * (a + rest),
        ),
        Evidence(
            "the advantages of a group add up to 0 with the mean of all and of the others",
            "every group and every G",
            Method.SYMBOLIC,
            all(DEVIATIONS[name](whole, g * whole, g * whole, g) == 0 for name in ("grpo", "rloo")),
        ),
        Evidence(
            "the advantages of a group add up to 0",
            f"G = 2..{largest}, all mixed groups, K = .4",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
    )


@claim(
    "estimators.negatives-share",
    paper=PAPER,
    equation="QAE, Observation 3, in a softmax bandit",
    statement="Under the mean baseline the negative advantages make exactly the share p of a group's expected "
    "first-order entropy change, and the positive ones the rest, with the same sign.",
    latex=r"\Delta H^- : \Delta H^+ = p : (1-p)",
    assumptions=("softmax bandit", "advantages that add up to zero"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("advantages that do not add up to zero", {"sum_zero": False}, Verdict.REFUTED),),
)
def negatives_share(quick: bool, *, sum_zero: bool = True) -> CheckOutcome:
    """Correct responses push along s₁(π₊ - π) = s₁(1-p)(π₊ - π₋), wrong ones along s₀(π₋ - π) = -s₀·p(π₊ - π₋)."""
    p, x, y, s, rest = ring("p", "x", "y", "s", "rest")
    pi = p * x + (1 - p) * y  # one arm's share of π₊ is x, of π₋ is y
    s0 = -s + (0 if sum_zero else rest)
    positive, negative = s * (x - pi), s0 * (y - pi)
    return conclude(
        Evidence(
            "p times the positives' push is 1-p times the negatives'",
            "every p, every policy and every G",
            Method.SYMBOLIC,
            p * positive == (1 - p) * negative,
            counterexample={} if sum_zero else _share(Fraction(1, 5), Fraction(1), Fraction(-1, 2)),
        )
    )


def _share(p: Fraction, s1: Fraction, s0: Fraction) -> dict[str, float]:
    """The negatives' share of the push, s₁(1-p) - s₀·p in all, where advantages of sums s₁ and s₀ meet."""
    share = -s0 * p / (s1 * (1 - p) - s0 * p)
    return {"p": float(p), "sum of the positives": float(s1), "of the negatives": float(s0), "share": float(share)}


def _products() -> bool:
    """E[n(G-n)] = G(G-1)p(1-p) from the binomial law's E[n] = Gp and E[n²] = Gp(1-p) + G²p²."""
    p, g = ring("p", "G")
    return bool(g * (g * p) - (g * p * (1 - p) + g**2 * p**2) == g * (g - 1) * p * (1 - p))


@claim(
    "estimators.rloo-unbiased",
    paper=PAPER,
    equation="RLOO",
    statement="RLOO's expected group gradient is the gradient of the success rate, for every G and p.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) = p(1-p)(\pi_+-\pi_-) = \nabla_z p",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the group's own mean instead of the others'", {"others": False}, Verdict.REFUTED),),
)
def rloo_unbiased(quick: bool, *, others: bool = True) -> CheckOutcome:
    """The speed c as a polynomial: (G-1)·G·c = Σ C(G,n) pⁿ(1-p)^(G-n) n(G-n)."""
    top, found = (24 if quick else 64), None
    for g in range(2, top + 1):
        expected = sum((n * (g - n) * binomial_term(g, n) for n in range(1, g)), fmpz_poly())
        divisor = g * (g - 1) if others else g * g
        if found is None and expected != divisor * X * Y:
            found = {"g": g, "ratio to the gradient": float(Fraction(g - 1, g))}
    return conclude(
        machine_checked("estimators.rloo-unbiased"),
        Evidence("E[n(G-n)] = G(G-1)p(1-p)", "every p and G", Method.SYMBOLIC, _products()),
        Evidence(
            "c = p(1-p)",
            f"every p, G = 2..{top}",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            confirms=others,
        ),
        _speed_in_floats("rloo", Fraction(1)),
    )


def _speed_in_floats(name: str, factor: Fraction) -> Evidence:
    """The project's expectation at some rates."""
    worst = worst_of(
        abs(float(expected_advantages(name, p, 8).c) - float(factor) * p * (1 - p)) for p in (0.1, 0.5, 0.8)
    )
    return Evidence(
        f"expected_advantages({name!r}) agrees to 1e-14",
        "G = 8, p = .1, .5, .8",
        Method.FLOATS,
        worst < 1e-14,
        f"{worst:.1e}",
    )


@claim(
    "estimators.self-inclusion",
    paper=PAPER,
    equation="Dr. GRPO",
    statement="Because each reward is part of its own mean, Dr. GRPO's expected group gradient is (G-1)/G times the "
    "gradient: unbiased up to a constant.",
    latex=r"c_{\mathrm{Dr.GRPO}} = \tfrac{G-1}{G}\,p(1-p)",
    assumptions=("binary rewards", "softmax bandit", "groups of one size"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the factor 1", {"constant": False}, Verdict.REFUTED),),
)
def self_inclusion(quick: bool, *, constant: bool = True) -> CheckOutcome:
    """G²·c = Σ C(G,n) pⁿ(1-p)^(G-n) n(G-n)."""
    top, found = (24 if quick else 64), None
    for g in range(2, top + 1):
        expected = sum((n * (g - n) * binomial_term(g, n) for n in range(1, g)), fmpz_poly())
        if found is None and expected != (g * (g - 1) if constant else g * g) * X * Y:
            found = {"g": g, "c over p(1-p)": float(Fraction(g - 1, g))}
    return conclude(
        machine_checked("estimators.self-inclusion"),
        Evidence("E[n(G-n)] = G(G-1)p(1-p)", "every p and G", Method.SYMBOLIC, _products()),
        Evidence(
            "c is the stated multiple of p(1-p)",
            f"every p, G = 2..{top}",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            confirms=constant,
        ),
        _speed_in_floats("dr_grpo", Fraction(7, 8)),
    )


@claim(
    "estimators.std-biases",
    paper=PAPER,
    equation="GRPO",
    statement="GRPO's expected group gradient is a constant times the gradient of the success rate.",
    latex=r"\frac{c_{\mathrm{GRPO}}(p)}{p(1-p)} = \text{const}",
    assumptions=("binary rewards", "softmax bandit", "G = 8"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="groups have 2 or 3 responses: then all mixed groups have one standard deviation",
    breaks=(Break("without the standard deviation", {"std": False}, Verdict.CERTIFIED),),
)
def std_biases(quick: bool, *, std: bool = True) -> CheckOutcome:
    """The ratio at several success rates: dividing by the standard deviation favours hard and easy queries."""
    with ctx.workprec(64):
        rates = ("1/2", "3/10", "1/10", "1/100")
        ratios = {x: _ratio(8, Fraction(x), std) for x in rates}
        same = for_all(rates[1:], lambda x: ratios[x] == ratios["1/2"])
        shown = {x: digits(number(0) + ratio, 8) for x, ratio in ratios.items()}
        small = all(binary_variance(1, g) == binary_variance(n, g) for g, n in mixed_groups(3))
        by_hand = abs(_ratio(4, Fraction(1, 2), True) - (number(3).sqrt() + number(3) / 2) / 2) < number("1e-15")
        return conclude(
            Evidence(
                "c/(p(1-p)) is the same at all p",
                "p = .5, .3, .1, .01",
                Method.INTERVALS,
                same.holds,
                counterexample={}
                if same.case is None
                else {
                    "g": 8,
                    "p": [0.5, float(Fraction(same.case))],
                    "ratios": [shown["1/2"], shown[same.case]],
                },
                figures=shown,
            ),
            controls=[
                Evidence("all mixed groups have one σ", "G = 2, 3", Method.CASES, small),
                Evidence("the ratio is √3/2 + 3/4", "G = 4, p = 1/2", Method.INTERVALS, by_hand),
            ],
        )


def _ratio(g: int, p: Fraction, std: bool) -> Any:
    """c/(p(1-p)) = Σ_m C(G-1, m) p^m (1-p)^{G-1-m} (a(m+1, 1) - a(m, 0)), exact without the standard deviation."""
    chances, none = binomial_probabilities(p, g - 1), (0, Fraction(0))
    if not std:  # the deviations are 1 - (m+1)/G and -m/G; groups of equal rewards have none anyway
        return sum(
            (chance * (1 - Fraction(m + 1, g) + Fraction(m, g)) for m, chance in enumerate(chances)), Fraction(0)
        )
    table = [(none, none), *(advantages("grpo", n, g, Fraction(2, 5)) for n in range(1, g)), (none, none)]
    gaps = [root_of(table[m + 1][0]) - root_of(table[m][1]) for m in range(g)]
    return total(number(chance) * gap for chance, gap in zip(chances, gaps, strict=True))
