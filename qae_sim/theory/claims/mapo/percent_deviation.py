"""MAPO's mixture of standardised rewards and deviations in per cent of the mean."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import grpo, mapo
from qae_sim.theory.claim import (
    NEEDS_TRAINING,
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    unchecked,
)
from qae_sim.theory.claims.mapo import PAPER
from qae_sim.theory.exact_advantages import mixed_groups
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "mapo.hard-prompts",
    paper=PAPER,
    equation="advantage percent deviation",
    statement="At a success rate of one half MAPO is GRPO; on harder prompts it gives a success more than GRPO does, "
    "on easier ones less.",
    latex=r"\hat p = \tfrac12 \Rightarrow A = A_{\mathrm{GRPO}},\quad "
    r"\hat p \lessgtr \tfrac12 \Rightarrow A^+ \gtrless A^+_{\mathrm{GRPO}}",
    assumptions=("binary rewards", "mixed groups", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(
        Break("λ = 0, which is GRPO", {"mixed": False}, Verdict.REFUTED),
        Break("deviations in per cent of the failures' share", {"of_failures": True}, Verdict.REFUTED),
    ),
)
def mapo_hard_prompts(quick: bool, *, mixed: bool = True, of_failures: bool = False) -> CheckOutcome:
    """With u = √((1-p)/p) all is rational in u: A⁺ - A⁺_GRPO = λ(u² - u), and λ = ((u²-1)/(u²+1))²."""
    top, found = (32 if quick else 64), None
    for g, n in mixed_groups(top):
        p = Fraction(n, g)
        mixture = 1 - 4 * p * (1 - p) if mixed else Fraction(0)
        percent, square = (1 - p) / (1 - p if of_failures else p), (1 - p) / p  # the deviation, and GRPO's A⁺ squared
        # The sign of A⁺ - A⁺_GRPO = λ(x - √y) is that of λ times that of x² - y, as both are positive.
        sign = 0 if mixture == 0 else (percent**2 > square) - (percent**2 < square)
        if found is None and sign != (2 * n < g) - (2 * n > g):
            found = {"g": g, "successes": n}
    (u,) = ring("u")
    weight = (u**2 - 1) ** 2 if mixed else 0 * u  # (u²+1)²·λ
    gap = weight * ((1 if of_failures else u**2) - u)  # (u²+1)²·(A⁺ - A⁺_GRPO)
    rewards = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]])
    ours, theirs = mapo(rewards, eps=0)[:, 0], grpo(rewards, eps=0)[:, 0]
    return conclude(
        Evidence(
            "(u²+1)²·(A⁺ - A⁺_GRPO) = u(u+1)²(u-1)³, u = √((1-p)/p), which has the sign of u - 1",
            "every success rate p in (0, 1)",
            Method.SYMBOLIC,
            gap == u * (u + 1) ** 2 * (u - 1) ** 3,
            counterexample=found or {},
        ),
        Evidence(
            "A⁺ differs from GRPO's as stated",
            f"G = 2..{top}, every number of successes",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        Evidence(
            "mapo does so",
            "G = 4",
            Method.FLOATS,
            bool(
                abs(ours[0] - 0.75 * (3**0.5 + 1)) < 1e-12 and abs(ours[1] - theirs[1]) < 1e-15 and ours[2] < theirs[2]
            ),
        ),
    )


@claim(
    "mapo.mirror",
    paper=PAPER,
    equation="advantage mirror problem",
    statement="GRPO mirrors advantages: a lone success gets what a lone failure loses; MAPO does not.",
    latex=r"A^+_{\mathrm{GRPO}}(n) = -A^-_{\mathrm{GRPO}}(G-n),\quad A^+(n) \ne -A^-(G-n)",
    assumptions=("binary rewards", "mixed groups, not half right", "ε = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("λ = 0, which is GRPO", {"mixed": False}, Verdict.REFUTED),),
)
def mapo_mirror(quick: bool, *, mixed: bool = True) -> CheckOutcome:
    """Both are (1-λ) times GRPO's plus λ times the deviation over the mean, which is (1-p)/p here and -1 there."""
    top, turned = (32 if quick else 64), None
    for g, n in mixed_groups(top):
        p, other = Fraction(n, g), Fraction(g - n, g)  # success rates of the group and of its mirror image
        weight, image = (1 - 4 * q * (1 - q) if mixed else Fraction(0) for q in (p, other))
        percents = [weight * (1 - p) / p, image * other / other]
        if turned is None and 2 * n != g and percents[0] == percents[1]:
            turned = {"g": g, "successes": n}
    p_, u = ring("p", "u")
    image_ = 1 - p_
    # Squares of (r - p)/σ: (1-p)²/(p(1-p)) here, and p'²/(p'(1-p')) there with p' = 1-p.
    mirrored = (1 - p_) ** 2 * (image_ * (1 - image_)) == image_**2 * (p_ * (1 - p_))
    weight_ = (u**2 - 1) ** 2 if mixed else 0 * u  # (u²+1)²·λ, the same on both sides
    one, four = np.array([1.0, 0, 0, 0, 0]), np.array([1.0, 1, 1, 1, 0])
    return conclude(
        Evidence("GRPO's are mirrored", "every success rate p in (0, 1)", Method.SYMBOLIC, mirrored),
        Evidence(
            "(u²+1)²·(A⁺(p) + A⁻(1-p)) = (u²-1)³, u = √((1-p)/p), which is 0 at p = 1/2 alone",
            "every success rate p in (0, 1)",
            Method.SYMBOLIC,
            weight_ * (u**2 - 1) == (u**2 - 1) ** 3,
            counterexample=turned or {},
        ),
        Evidence(
            "MAPO's are not mirrored",
            f"G = 2..{top}, every number of successes but half of G",
            Method.CASES,
            turned is None,
            confirms=True,
        ),
        Evidence(
            "grpo does the one and mapo the other",
            "one success, and four, of five",
            Method.FLOATS,
            bool(abs(grpo(one)[0] + grpo(four)[4]) < 1e-12 and mapo(one)[0] + mapo(four)[4] > 0.5),
        ),
    )


@claim(
    "mapo.training",
    paper=PAPER,
    equation="main results",
    statement="MAPO trains better than GRPO and than other advantages of its kind.",
    latex=r"\text{MAPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
