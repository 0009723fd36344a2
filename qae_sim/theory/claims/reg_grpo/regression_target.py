"""Reg-GRPO's regression of standardised log-ratios on advantages."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import grpo, reg_grpo
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
    worse,
)
from qae_sim.theory.claims.reg_grpo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "reg-grpo.scale",
    paper=PAPER,
    equation="regression target",
    statement="The loss is zero at the policies π ∝ π_old·exp(A/β) that a KL penalty of any strength β asks for.",
    latex=r"\log\frac{\pi(y_i)}{\pi_{\mathrm{old}}(y_i)} = \frac{A_i}{\beta} - \log Z \Rightarrow L = 0",
    assumptions=("log-ratios standardised within the group", "ε = 0", "mixed groups"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="ρ = c + s·r with s > 0, and only then",
    breaks=(Break("log-ratios as they are", {"standardised": False}, Verdict.REFUTED),),
)
def reg_scale(quick: bool, *, standardised: bool = True) -> CheckOutcome:
    """Log-ratios ρ = A/β - log Z are s·r + c with s = 1/(βσ) > 0: their z-scores are those of r."""
    own, total, squares, g, s, c, d, sigma = ring("r", "sum", "squares", "G", "s", "c", "d", "sigma")
    # Of ρ = s·r + c: the deviation G·ρ - Σ ρ, and G² times the variance, G Σ ρ² - (Σ ρ)².
    deviation = g * (s * own + c) - (s * total + g * c)
    spread = g * (s**2 * squares + 2 * s * c * total + g * c**2) - (s * total + g * c) ** 2
    score = s * d * sigma == d * (s * sigma) if standardised else s * d * sigma == d
    worst, found = 0.0, None
    for g_, beta in product((2, 4, 8) if quick else (2, 3, 4, 8, 16), (0.01, 0.1, 1.0, 10.0)):
        for n in range(1, g_):
            rewards = np.r_[np.ones(n), np.zeros(g_ - n)]
            target = grpo(rewards, eps=1e-12)
            ratios = target / beta - 0.7
            loss = float(reg_grpo(rewards, ratios, eps=1e-12))
            if not standardised:
                loss = float(((target - ratios) ** 2).mean())
            worst = worse(worst, loss)
            if found is None and loss > 1e-12:
                found = {"g": g_, "successes": n, "beta": beta, "loss": loss}
    return conclude(
        Evidence(
            "deviations of s·r + c are s times those of r",
            "every group",
            Method.SYMBOLIC,
            deviation == s * (g * own - total),
        ),
        Evidence(
            "and σ² is s² times as large", "every group", Method.SYMBOLIC, spread == s**2 * (g * squares - total**2)
        ),
        Evidence(
            "so what the loss compares is the same: s·d/(s·σ) = d/σ",
            "every deviation d, σ and s > 0",
            Method.SYMBOLIC,
            score,
            counterexample=found or {},
        ),
        Evidence(
            f"reg_grpo's loss is {'below' if standardised else 'not always below'} 1e-12",
            "β = .01 to 10, G up to 16, every number of successes",
            Method.FLOATS,
            (found is None) is standardised,
            f"{worst:.1e}",
        ),
    )


@claim(
    "reg-grpo.first-step",
    paper=PAPER,
    equation="regression instead of safeguards",
    statement="The regression needs no safeguard such as clipping: at the old policy its gradient is of the size of "
    "the advantages, however small ε is.",
    latex=r"\nabla_\rho L\big|_{\rho=0} = O(A)",
    assumptions=("rewards 1 and 0 in a group of two", "log-ratios t and -t, standardised with ε"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="ε is of order 1: the gradient at the old policy is -2A/(G·ε)",
    breaks=(Break("log-ratios as they are", {"standardised": False}, Verdict.CERTIFIED),),
)
def first_step(quick: bool, *, standardised: bool = True) -> CheckOutcome:
    """L = (A - t/(t + ε))² for t > 0 (σ of t and -t is t): its slope at 0 is -2A/ε. Without standardising, (A - t)²."""
    t, eps = ring("t", "eps")
    above, below = (t, t + eps) if standardised else (t, 0 * t + 1)
    # The slope of (A - u/v)² is -2(A - u/v)(u'v - uv')/v²; at t = 0 with u = 0: -2A·u'/v.
    slopes = [(x.derivative("t").subs({"t": 0}), x.subs({"t": 0})) for x in (above, below)]
    (rise, start), (_, size) = slopes  # the slope at t = 0 is -2A·rise/size, as start is 0
    small = [Fraction(1, 10**k) for k in (1, 3, 6)]
    sizes = [Fraction(2) / (x if standardised else 1) for x in small]  # |slope| over A
    step = 1e-7
    one, other = (float(reg_grpo([1.0, 0.0], [x, -x], eps=0.01)) for x in (step, 0.0))
    target = 0.5 / 0.51
    gap = abs((one - other) / step / (-2 * target / 0.01) - 1)
    return conclude(
        Evidence(
            "the slope at the old policy is at most 10 times the advantage",
            "ε = .1, .001, 1e-6",
            Method.CASES,
            max(sizes) <= 10,
            counterexample={}
            if max(sizes) <= 10
            else {"eps": [float(x) for x in small], "slope over A": [float(-x) for x in sizes]},
        ),
        Evidence("reg_grpo's first difference is -2A/ε, to 1e-4", "ε = .01", Method.FLOATS, gap < 1e-4, f"{gap:.1e}"),
        controls=[
            Evidence(
                f"the slope at t = 0 is -2A/{'ε' if standardised else '1'}",
                "every A and ε > 0",
                Method.SYMBOLIC,
                start == 0 and rise == 1 and size == (eps if standardised else 1),
            )
        ],
    )


@claim(
    "reg-grpo.training",
    paper=PAPER,
    equation="main results",
    statement="Reg-GRPO trains better than GRPO on video.",
    latex=r"\text{Reg-GRPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
