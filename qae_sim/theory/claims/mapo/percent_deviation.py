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
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("λ and 1 - λ exchanged", {"exchanged": True}, Verdict.REFUTED),),
)
def mapo_hard_prompts(quick: bool, *, exchanged: bool = False) -> CheckOutcome:
    """A⁺ = (1-λ)·√((1-p)/p) + λ·(1-p)/p: more than the root if λ > 0 and p < 1/2, as x > √x for x > 1."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        for n in range(1, g):
            p = Fraction(n, g)
            mixture = 4 * p * (1 - p) if exchanged else 1 - 4 * p * (1 - p)
            ratio = (1 - p) / p
            # The sign of A⁺ - √x = λ(x - √x) is that of λ times that of x - 1.
            sign = 0 if mixture == 0 else (ratio > 1) - (ratio < 1)
            same_at_half = mixture == 0 if 2 * n == g else True
            if found is None and (sign != (2 * n < g) - (2 * n > g) or not same_at_half):
                found = {"g": g, "successes": n}
    rewards = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]])
    ours, theirs = mapo(rewards, eps=0)[:, 0], grpo(rewards, eps=0)[:, 0]
    return conclude(
        Evidence(
            "λ = 0 at one half, and A⁺ differs from GRPO's as stated",
            f"G = 2..{top}, every number of successes",
            Method.CASES,
            found is None,
            counterexample=found or {},
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
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("λ = 0, which is GRPO", {"mixed": False}, Verdict.REFUTED),),
)
def mapo_mirror(quick: bool, *, mixed: bool = True) -> CheckOutcome:
    """Both are (1-λ) times GRPO's plus λ times the deviation over the mean, which is (1-p)/p here and -1 there."""
    top, mirrored, turned = (32 if quick else 128), None, None
    for g in range(2, top + 1):
        for n in range(1, g):
            p, other = Fraction(n, g), Fraction(g - n, g)  # success rates of the group and of its mirror image
            squares = [(1 - p) ** 2 / (p * (1 - p)), other**2 / (other * (1 - other))]  # of (r - p)/σ
            if mirrored is None and squares[0] != squares[1]:
                mirrored = {"g": g, "successes": n}
            weight, image = (1 - 4 * q * (1 - q) if mixed else Fraction(0) for q in (p, other))
            percents = [weight * (1 - p) / p, image * other / other]
            if turned is None and 2 * n != g and percents[0] == percents[1]:
                turned = {"g": g, "successes": n}
    one, four = np.array([1.0, 0, 0, 0, 0]), np.array([1.0, 1, 1, 1, 0])
    return conclude(
        Evidence(
            "GRPO's are mirrored",
            f"G = 2..{top}, every number of successes",
            Method.CASES,
            mirrored is None,
            counterexample=mirrored or {},
        ),
        Evidence(
            "MAPO's are not", "the same, half right left out", Method.CASES, turned is None, counterexample=turned or {}
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
