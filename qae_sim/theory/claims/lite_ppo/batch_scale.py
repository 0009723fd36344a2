"""Lite PPO: one scale for the batch, and what prompts weigh beside each other."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qae_sim.advantages import dr_grpo, lite_ppo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.lite_ppo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "lite-ppo.one-scale",
    paper=PAPER,
    equation="group mean, batch standard deviation",
    statement="Lite PPO's advantages of a batch are Dr. GRPO's, all divided by one number.",
    latex=r"\frac{A_i}{A_j} = \frac{r_i - \bar r_{g(i)}}{r_j - \bar r_{g(j)}}",
    assumptions=("responses i and j of any two prompts of a batch", "not all rewards of the batch are equal"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("each group's own standard deviation, as in GRPO", {"scale": "group"}, Verdict.REFUTED),),
)
def one_scale(quick: bool, *, scale: Literal["batch", "group"] = "batch") -> CheckOutcome:
    """A_i = d_i/s_i: cross products of A and d, times both scales."""
    d, e, s, t = ring("d", "e", "s", "t")
    other = s if scale == "batch" else t
    generator = np.random.default_rng(0)
    batches = generator.integers(0, 2, (4 if quick else 16, 5, 4)).astype(float)
    worst = worst_of(float(np.abs(lite_ppo(x, eps=0) * x.std() - dr_grpo(x)).max()) for x in batches)
    return conclude(
        Evidence(
            "(d/s)·e = (e/t)·d, times s·t, for deviations d, e and scales s, t of two responses",
            "every batch",
            Method.SYMBOLIC,
            d * other * e == e * s * d,
            counterexample={} if scale == "batch" else {"rates": [0.5, 0.25], "A over d": [2.0, 4 / 3**0.5]},
        ),
        Evidence(
            "lite_ppo times the batch's deviation is dr_grpo, to 1e-14",
            f"{len(batches)} batches of 5 prompts",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )
