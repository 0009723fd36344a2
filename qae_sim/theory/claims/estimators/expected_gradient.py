"""Expected gradients of group estimators in a softmax bandit: direction, bias, and arms that were not sampled."""

from __future__ import annotations

from fractions import Fraction

from flint import ctx, fmpz_poly

from qae_sim.advantages import expected_advantages
from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.exact_advantages import advantages, root_of, speeds
from qae_sim.theory.polynomials import X, Y, ring
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
    tier=Tier.ENUMERATED,
    origin=Origin.OURS,
    breaks=(Break("a baseline of 1.5 that no reward reaches", {"baseline": Fraction(3, 2)}, Verdict.REFUTED),),
)
def speed_nonnegative(quick: bool, *, baseline: Fraction | None = None) -> CheckOutcome:
    """Signs of all advantages: correct ones never negative, wrong ones never positive."""
    largest = 24 if quick else 64
    found = None
    for name in ("grpo", "qae", "pos_mask", "neg_mask"):
        for g in range(2, largest + 1):
            for n in range(1, g):
                for k in (Fraction(1, 5), Fraction(2, 5), Fraction(4, 5)):
                    plus, minus = advantages(name, n, g, k)
                    if baseline is not None:
                        plus, minus = (1 if baseline < 1 else -1, Fraction(1)), (-1, Fraction(1))
                    if found is None and (plus[0] < 0 or minus[0] > 0):
                        found = {"estimator": name, "g": g, "successes": n, "k": float(k)}
    return conclude(
        Evidence(
            "advantages of correct responses are at least 0, of wrong ones at most 0",
            f"G = 2..{largest}, all mixed groups, K = .2, .4, .8",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "estimators.unsampled-arms",
    paper=PAPER,
    equation="-",
    statement="A sampled group leaves the logits of arms that it did not sample as they are.",
    latex=r"\Delta z_a = -\tfrac{\eta}{G}\,\pi_a \sum_i A_i = 0 \text{ for } a \notin \{a_1, \dots, a_G\}",
    assumptions=("softmax policy gradient", "mean or leave-one-out baseline"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.OURS,
    breaks=(
        Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),
        Break("NEG-MASK", {"names": ("neg_mask",)}, Verdict.REFUTED),
    ),
)
def unsampled_arms(quick: bool, *, names: tuple[str, ...] = ("grpo",)) -> CheckOutcome:
    """Sums of the advantages: n·A⁺ + (G-n)·A⁻ = 0 means that the squares of both parts are equal.

    What is not zero here is what Adam blows up: it divides the small push on every unsampled arm by its own size.
    """
    largest, k, found = (24 if quick else 128), Fraction(2, 5), None
    for name in names:
        for g in range(2, largest + 1):
            for n in range(1, g):
                plus, minus = advantages(name, n, g, k)
                if found is None and n**2 * plus[1] != (g - n) ** 2 * minus[1]:
                    total = n * root_of(plus) + (g - n) * root_of(minus)
                    found = {"estimator": name, "g": g, "successes": n, "sum of advantages": digits(total, 8)}
    return conclude(
        Evidence(
            "the advantages of a group add up to 0",
            f"G = 2..{largest}, all mixed groups, K = .4",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
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
            counterexample={} if sum_zero else {"p": 0.2, "s1": 1, "s0": 0, "share of the negatives": 0},
        )
    )


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
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        total = sum((n * (g - n) * binomial_term(g, n) for n in range(1, g)), fmpz_poly())
        divisor = g * (g - 1) if others else g * g
        if found is None and total != divisor * X * Y:
            found = {"g": g, "ratio to the gradient": float(Fraction(g - 1, g))}
    return conclude(
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
    worst = max(abs(float(expected_advantages(name, p, 8).c) - float(factor) * p * (1 - p)) for p in (0.1, 0.5, 0.8))
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
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        total = sum((n * (g - n) * binomial_term(g, n) for n in range(1, g)), fmpz_poly())
        if found is None and total != (g * (g - 1) if constant else g * g) * X * Y:
            found = {"g": g, "c over p(1-p)": float(Fraction(g - 1, g))}
    return conclude(
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
    origin=Origin.PARAPHRASED,
    breaks=(Break("without the standard deviation", {"std": False}, Verdict.CERTIFIED),),
)
def std_biases(quick: bool, *, std: bool = True) -> CheckOutcome:
    """The ratio at several success rates: dividing by the standard deviation favours hard and easy queries."""
    with ctx.workprec(64):
        ratios = {
            x: speeds("grpo", 8, number(x), Fraction(2, 5)) if std else Ball(7) / 8
            for x in ("0.5", "0.3", "0.1", "0.01")
        }
        reference = ratios["0.5"]
        same = for_all(ratios, lambda x: x == "0.5" or ratios[x] == reference)
        differing = same.case
        return conclude(
            Evidence(
                "c/(p(1-p)) is the same at all p",
                "p = .5, .3, .1, .01",
                Method.INTERVALS,
                same.holds,
                counterexample={}
                if differing is None
                else {
                    "g": 8,
                    "p": [0.5, float(differing)],
                    "ratios": [digits(reference, 8), digits(ratios[differing], 8)],
                },
                figures={x: digits(ratio, 8) for x, ratio in ratios.items()},
            )
        )
