"""GPG's factor for groups of equal rewards, which give no gradient."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import gpg
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
from qae_sim.theory.claims.gpg import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "gpg.signal",
    paper=PAPER,
    equation="accurate gradient estimation",
    statement="GPG's batch mean is the mean over the responses that have a signal.",
    latex=r"\tfrac1B\sum_i A_i s_i = \tfrac{1}{B-M}\sum_{i \text{ in mixed groups}} (r_i-\bar r)\,s_i",
    assumptions=("groups of one size", "M counts responses in groups of equal rewards"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("M counts rewards of zero, as in verl", {"count": "nonzero"}, Verdict.REFUTED),),
)
def gpg_signal(quick: bool, *, count: str = "mixed") -> CheckOutcome:
    """Coefficients of each score, in all batches of three groups."""
    found, worst = None, 0.0
    for g in (2,) if quick else (2, 3):
        for batch in product(product((0, 1), repeat=g), repeat=3):
            mixed = [group for group in batch if 0 < sum(group) < g]
            if not mixed:
                continue
            rewards = [r for group in batch for r in group]
            silent = sum(r == 0 for r in rewards) if count == "nonzero" else g * (3 - len(mixed))
            alpha = Fraction(3 * g, 3 * g - silent)
            if found is None and alpha / (3 * g) != Fraction(1, g * len(mixed)):
                found = {"rewards": [list(group) for group in batch], "alpha": float(alpha)}
            mean = np.mean(batch, axis=1, keepdims=True)
            exact = float(alpha) * (np.array(batch) - mean)
            ours = gpg(np.array(batch, dtype=float), count=count)  # type: ignore[arg-type]
            worst = worse(worst, float(np.abs(ours - exact).max()))
    b, m, zeros = ring("B", "M", "zeros")
    silent_ = m if count == "mixed" else zeros
    # α/B = 1/(B - M) with α = B/(B - silent): times B·(B - silent)·(B - M).
    return conclude(
        Evidence(
            "α/B = 1/(B - M)",
            "every batch",
            Method.SYMBOLIC,
            b * (b - m) == b * (b - silent_),
            counterexample=found or {},
        ),
        Evidence(
            "both sums have the same coefficients",
            "all batches of three groups of 2 (and 3)",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        Evidence("gpg gives them to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
    )


@claim(
    "gpg.training",
    paper=PAPER,
    equation="main results",
    statement="GPG trains better than GRPO.",
    latex=r"\text{GPG} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
