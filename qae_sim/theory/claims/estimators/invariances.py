"""What group estimators leave as it is: sums of zero, shifts and scales of the rewards, groups of equal rewards."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import dr_grpo, grpo, qae, rloo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.exact_advantages import LEVELS, baseline, centred, floats, groups, variance
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "estimators.sum-zero",
    paper=PAPER,
    equation="GRPO, Dr. GRPO, RLOO",
    statement="The advantages of a group add up to zero.",
    latex=r"\sum_i \hat A_i = 0",
    assumptions=("mean or leave-one-out baseline", "any rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    breaks=(Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),),
)
def sum_zero(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo")) -> CheckOutcome:
    """Sums over all groups of three levels; the standard deviation divides all alike."""
    largest = 4 if quick else 7
    found = next(
        (
            {"estimator": name, "rewards": floats(r)}
            for name in names
            for r in groups(largest)
            if sum(centred(name, r), Fraction(0)) != 0
        ),
        None,
    )
    rewards = np.random.default_rng(0).normal(size=(50, 7))
    worst = max(float(np.abs(f(rewards).sum(axis=-1)).max()) for f in (grpo, dr_grpo, rloo))
    return conclude(
        Evidence(
            "Σ (r - b) = 0",
            f"G = 2..{largest}, all groups of three reward levels (linear in r)",
            Method.CASES,
            found is None,
            counterexample=found or {},
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
    """Differences before and after, in all groups of three levels."""
    largest, by = (4 if quick else 6), Fraction(17, 5)
    found = next(
        (
            {"estimator": name, "rewards": floats(r), "constant": float(by)}
            for name in names
            for r in groups(largest)
            if centred(name, r) != centred(name, [x + by for x in r])
        ),
        None,
    )
    total, g, own, c = ring("sum", "G", "r", "c")
    means = (total + g * c) - (total + 0 * c) == g * c and (total + g * c) - (own + c) == (total - own) + (g - 1) * c
    return conclude(
        Evidence(
            "all rewards' sum moves by G·c, that of the others by (G-1)·c, and order statistics by c, as rewards do",
            "every group, G and c",
            Method.SYMBOLIC,
            means,
        ),
        Evidence(
            "r - b is the same",
            f"G = 2..{largest}, all groups of three levels, c = 3.4",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms="half" not in names,
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
    breaks=(
        Break("no standard deviation: Dr. GRPO, RLOO", {"std": False}, Verdict.REFUTED),
        Break("ε = 1/10", {"eps": Fraction(1, 10)}, Verdict.REFUTED),
    ),
)
def scale(quick: bool, *, std: bool = True, eps: Fraction = Fraction(0)) -> CheckOutcome:
    """Rewards and standard deviation become s times as large, exactly; compare the quotients with s = 4."""
    largest, by = (4 if quick else 6), Fraction(4)
    found = None
    for name in ("grpo", "qae"):
        for r in groups(largest):
            if variance(r) == 0:
                continue
            before, after = centred(name, r), centred(name, [by * x for x in r])
            # d/(σ + ε) = s·d/(s·σ + ε) means d·ε·(s - 1) = 0; without the division it means d = s·d.
            rest = [x * eps * (by - 1) if std else y - x for x, y in zip(before, after, strict=True)]
            same = after == [by * x for x in before] and not any(rest)
            if found is None and not same:
                found = {"estimator": name, "rewards": floats(r), "factor": 4}
    square, total, g, s = ring("squares", "sum", "G", "s")
    # G²σ² = G Σ r² - (Σ r)² becomes s² times as large, and deviations s times.
    spread = g * (s**2 * square) - (s * total) ** 2 == s**2 * (g * square - total**2)
    return conclude(
        Evidence(
            "σ² becomes s² times as large, and mean and order statistics s times",
            "every group, G and s > 0",
            Method.SYMBOLIC,
            spread,
        ),
        Evidence(
            "advantages of r and of 4r are equal",
            f"G = 2..{largest}, all groups of three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=std and not eps,
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
    tier=Tier.ENUMERATED,
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
    zeros = all(not f(np.full((3, 8), x)).any() for f in (grpo, dr_grpo, rloo, qae) for x in (0.0, 0.1, 1.0))
    return conclude(
        Evidence(
            "the baseline is the reward",
            "G = 2..32, three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("grpo, dr_grpo, rloo and qae give exact zeros", "groups of 8", Method.FLOATS, zeros),
    )
