"""What group estimators leave as it is: sums of zero, shifts and scales of the rewards, groups of equal rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from qae_sim.advantages import dr_grpo, grpo, qae, rloo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import LEVELS, baseline, centred, floats, groups, variance
from qae_sim.theory.polynomials import rational, ring
from qae_sim.theory.registry import claim

#: Reward minus baseline, times something positive, as a polynomial in the response's own reward, the sum of the group's
#: rewards, one of its order statistics, and G. For every group and every G; "half" is a fixed baseline of 1/2.
DEVIATIONS: Mapping[str, Callable[..., Any]] = {
    "grpo": lambda own, total, order, g: g * own - total,
    "rloo": lambda own, total, order, g: (g - 1) * own - (total - own),
    "qae": lambda own, total, order, g: own - order,
    "half": lambda own, total, order, g: 2 * own - 1,
}


@claim(
    "estimators.sum-zero",
    paper=PAPER,
    equation="GRPO, Dr. GRPO, RLOO",
    statement="The advantages of a group add up to zero.",
    latex=r"\sum_i \hat A_i = 0",
    assumptions=("mean or leave-one-out baseline", "any rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),),
)
def sum_zero(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo")) -> CheckOutcome:
    """The sum over a group puts the total in the place of the own reward, and G times what all have in common."""
    largest = 4 if quick else 6
    found = next(
        (
            {"estimator": name, "rewards": floats(r)}
            for name in names
            for r in groups(largest)
            if sum(centred(name, r), Fraction(0)) != 0
        ),
        None,
    )
    total, order, g = ring("sum", "order", "G")
    sums = [DEVIATIONS[name](total, g * total, g * order, g) for name in names]
    rewards = np.random.default_rng(0).normal(size=(50, 7))
    worst = worst_of(float(np.abs(f(rewards).sum(axis=-1)).max()) for f in (grpo, dr_grpo, rloo))
    return conclude(
        Evidence(
            "Σ (r - b) = 0",
            "every group and every G",
            Method.SYMBOLIC,
            all(x == 0 for x in sums),
            counterexample=found or {},
        ),
        machine_checked("estimators.sum-zero"),
        Evidence(
            "the same, by adding up",
            f"G = 2..{largest}, all groups of three reward levels",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        Evidence(
            "grpo, dr_grpo and rloo do so to 1e-13", "50 groups of 7", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"
        ),
    )


@claim(
    "estimators.shift",
    paper=PAPER,
    equation="GRPO, RLOO, QAE",
    statement="Adding a constant to all rewards of a group changes no advantage.",
    latex=r"\hat A(r + c) = \hat A(r)",
    assumptions=("mean, leave-one-out or quantile baseline",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("a fixed baseline of 1/2", {"names": ("half",)}, Verdict.REFUTED),),
)
def shift(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo", "qae")) -> CheckOutcome:
    """The constant c is a variable of the ring; some values of it confirm in whole groups."""
    largest, constants = (4 if quick else 5), (Fraction(17, 5), Fraction(-5, 7), Fraction(10**6))
    found = next(
        (
            {"estimator": name, "rewards": floats(r), "constant": float(c)}
            for name, c in product(names, constants)
            for r in groups(largest)
            if centred(name, r) != centred(name, [x + c for x in r])
        ),
        None,
    )
    own, total, order, squares, g, c = ring("r", "sum", "order", "squares", "G", "c")
    # The sum of squares becomes Σ r² + 2c Σ r + G c², so that G²σ² = G Σ r² - (Σ r)² stays.
    spread = g * (squares + 2 * c * total + g * c**2) - (total + g * c) ** 2 == g * squares - total**2
    same = [
        DEVIATIONS[name](own + c, total + g * c, order + c, g) == DEVIATIONS[name](own, total, order, g)
        for name in names
    ]
    return conclude(
        Evidence(
            "r - b is the same: rewards and order statistics move by c, and the sum of all by G·c",
            "every group, G and c",
            Method.SYMBOLIC,
            all(same),
            counterexample=found or {},
        ),
        machine_checked("estimators.shift"),
        Evidence("so is σ²", "every group, G and c", Method.SYMBOLIC, spread),
        Evidence(
            "r - b is the same",
            f"G = 2..{largest}, all groups of three levels, c = 3.4, -5/7, 10⁶",
            Method.CASES,
            found is None,
            confirms=True,
        ),
    )


@claim(
    "estimators.scale",
    paper=PAPER,
    equation="GRPO, QAE",
    statement="Multiplying all rewards of a group by a positive number changes no advantage.",
    latex=r"\hat A(s\,r) = \hat A(r),\ s > 0",
    assumptions=("divided by the standard deviation", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the standard deviation divides and ε = 0; otherwise advantages change unless s = 1 or they are 0",
    breaks=(
        Break("no standard deviation: Dr. GRPO, RLOO", {"std": False}, Verdict.REFUTED),
        Break("ε = 1/10", {"eps": Fraction(1, 10)}, Verdict.REFUTED),
    ),
)
def scale(quick: bool, *, std: bool = True, eps: Fraction = Fraction(0)) -> CheckOutcome:
    """Deviations and standard deviation become s times as large; s is a variable of the ring."""
    largest, factors, names = (4 if quick else 5), (Fraction(4), Fraction(1, 3)), ("grpo", "qae")
    found = None
    for name, by in product(names, factors):
        for r in groups(largest):
            if variance(r) == 0:
                continue
            before, after = centred(name, r), centred(name, [by * x for x in r])
            # d/(σ + ε) = s·d/(s·σ + ε) means d·ε·(s - 1) = 0; without the division it means d = s·d.
            rest = [x * eps * (by - 1) if std else y - x for x, y in zip(before, after, strict=True)]
            same = after == [by * x for x in before] and not any(rest)
            if found is None and not same:
                found = {"estimator": name, "rewards": floats(r), "factor": float(by)}
    own, total, order, squares, g, s, d, sigma = ring("r", "sum", "order", "squares", "G", "s", "d", "sigma")
    # G²σ² = G Σ r² - (Σ r)² becomes s² times as large, and deviations s times.
    spread = g * (s**2 * squares) - (s * total) ** 2 == s**2 * (g * squares - total**2)
    deviations = all(
        DEVIATIONS[name](s * own, s * total, s * order, g) == s * DEVIATIONS[name](own, total, order, g)
        for name in names
    )
    quotients = s * d * (sigma + rational(eps)) == d * (s * sigma + rational(eps)) if std else s * d == d
    return conclude(
        machine_checked("estimators.scale"),
        Evidence("σ² becomes s² times as large", "every group, G and s > 0", Method.SYMBOLIC, spread),
        Evidence("r - b becomes s times as large", "every group, G and s > 0", Method.SYMBOLIC, deviations),
        Evidence(
            "s·d/(s·σ + ε) = d/(σ + ε)",
            "every deviation d, σ and s > 0",
            Method.SYMBOLIC,
            quotients,
            counterexample=found or {},
        ),
        Evidence(
            "advantages of r and of s·r are equal",
            f"G = 2..{largest}, all groups of three levels, s = 4, 1/3",
            Method.CASES,
            found is None,
            confirms=True,
        ),
    )


@claim(
    "estimators.equal-rewards",
    paper=PAPER,
    equation="GRPO, RLOO, QAE",
    statement="A group of equal rewards gets zero advantages.",
    latex=r"r_1 = \dots = r_G \Rightarrow \hat A_i = 0",
    assumptions=("the baseline is the group's own",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the whole batch's mean (REINFORCE++)", {"batch": True}, Verdict.REFUTED),),
)
def equal_rewards(quick: bool, *, batch: bool = False) -> CheckOutcome:
    """Every baseline of equal rewards is that reward."""
    found = None
    for g, level in product(range(2, 33), LEVELS):
        for name in ("grpo", "rloo", "qae"):
            rewards = [level] * g
            other = [Fraction(0)] * g  # another group of the batch
            b = sum(rewards + other, Fraction(0)) / (2 * g) if batch else baseline(name, rewards)[0]
            if found is None and level != b:
                found = {"g": g, "reward": float(level), "baseline": float(b)}
    level, others, g = ring("r", "others", "G")
    deviations = [DEVIATIONS[name](level, g * level, level, g) for name in ("grpo", "rloo", "qae")]
    if batch:
        deviations = [2 * g * level - (g * level + others)]
    zeros = all(not f(np.full((3, 8), x)).any() for f in (grpo, dr_grpo, rloo, qae) for x in (0.0, 0.1, 1.0))
    return conclude(
        Evidence(
            "the baseline is the reward: the sum is G·r, and every order statistic is r",
            "every reward r and every G",
            Method.SYMBOLIC,
            all(x == 0 for x in deviations),
            counterexample=found or {},
        ),
        machine_checked("estimators.equal-rewards"),
        Evidence("the same", "G = 2..32, three levels", Method.CASES, found is None, confirms=True),
        Evidence("grpo, dr_grpo, rloo and qae give exact zeros", "groups of 8", Method.FLOATS, zeros),
    )
