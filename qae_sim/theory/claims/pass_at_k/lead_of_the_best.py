"""The best response's lead over the second best, as a gradient of pass@G."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import expected_advantages
from qae_sim.theory.arithmetic import fmpz_poly
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.pass_at_k import PAPER
from qae_sim.theory.polynomials import X, Y, ring
from qae_sim.theory.registry import claim


@claim(
    "pass-at-k.gradient",
    paper=PAPER,
    equation="verl's grpo_passk",
    statement="The best response's lead over the second best gives the gradient of pass@G, up to a factor that "
    "depends on G alone.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) \propto \nabla_z\big(1-(1-p)^G\big)",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the lead over the group's mean", {"second": False}, Verdict.REFUTED),),
)
def passk_gradient(quick: bool, *, second: bool = True) -> CheckOutcome:
    """Only groups with one success count: G·c = G p(1-p)^(G-1)·(1-p), and ∇ pass@G = G(1-p)^(G-1) ∇p."""
    top, found = (32 if quick else 128), None
    p, failed, g_ = ring("p", "failed", "G")  # failed is (1-p)^(G-1), for every G
    alone = g_ * p * failed * (1 - p)  # the chance of one success, times its score's part (1-p)
    slope = g_ * failed * (p * (1 - p))  # d/dp (1 - (1-p)^G), times the speed of p
    for g in range(2, top + 1):
        wanted = g * X * Y * Y ** (g - 1)
        if second:
            total, scale = binomial_term(g, 1) * Y, 1
        else:  # each of n successes leads by (G-n)/G, and nobody else counts
            total, scale = sum((binomial_term(g, n) * n * (g - n) * Y for n in range(1, g)), fmpz_poly()), g
        if found is None and total != scale * wanted:
            found = {"g": g}
    worst = 0.0
    for p in (0.1, 0.5, 0.8):
        c = float(expected_advantages("grpo_passk", p, 8, eps=0).c) * np.sqrt(7) / 8  # std of one success in 8
        worst = worse(worst, abs(c - p * (1 - p) ** 8))
    return conclude(
        Evidence(
            "G·(chance of one success in G)·(1-p) = G(1-p)^(G-1)·p(1-p)",
            "every p and G",
            Method.SYMBOLIC,
            alone == slope,
        ),
        Evidence(
            "G·c = ∇ pass@G",
            f"every p, G = 2..{top}",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            confirms=second,
        ),
        Evidence(
            "so is expected_advantages('grpo_passk') times the standard deviation, to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )
