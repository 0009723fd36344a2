"""How many terms of the expansion of log p MaxRL's group gradient contains."""

from __future__ import annotations

from flint import fmpz_poly

from qae_sim.advantages import expected_advantages
from qae_sim.theory.binomial import binomial_term
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
from qae_sim.theory.claims.maxrl import PAPER
from qae_sim.theory.polynomials import X, Y
from qae_sim.theory.registry import claim


@claim(
    "maxrl.terms",
    paper=PAPER,
    equation="number of terms of log p",
    statement="With G responses MaxRL's expected group gradient is that of the first G terms of log p.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) = \nabla_z \Big(-\sum_{k=1}^{G}\tfrac{(1-p)^k}{k}\Big)",
    assumptions=(
        "binary rewards",
        "softmax bandit",
        "rewards minus the group's mean, over that mean",
        "0 in a group without success",
    ),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(
        Break("G - 1 terms", {"fewer": 1}, Verdict.CERTIFIED),
        Break("no mean subtracted: the scores of successes, averaged", {"centred": False}, Verdict.CERTIFIED),
        Break("advantages of -1 also in a group without success", {"silent": False}, Verdict.CERTIFIED),
    ),
)
def maxrl_terms(quick: bool, *, fewer: int = 0, centred: bool = True, silent: bool = True) -> CheckOutcome:
    """C as a polynomial: a group with n > 0 successes adds (G-n)/G, or 1-p if nothing is subtracted."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        if centred:  # G·c = Σ C(G,n) pⁿ(1-p)^(G-n) (G-n)
            total = sum((binomial_term(g, n) * (g - n) for n in range(1, g)), fmpz_poly())
            total += 0 if silent else binomial_term(g, 0) * g * X
        else:
            total = sum((binomial_term(g, n) * g * Y for n in range(1, g + 1)), fmpz_poly())
        terms = sum((Y**k for k in range(g - fewer)), fmpz_poly())
        if found is None and total != g * X * Y * terms:
            found = {"g": g, "terms": g - 1}
    worst = max(
        abs(float(expected_advantages("maxrl", p, 8).c) - p * (1 - p) * sum((1 - p) ** k for k in range(7)))
        for p in (0.1, 0.5, 0.8)
    )
    return conclude(
        Evidence(
            f"c = p(1-p) Σ (1-p)^k over {'G' if not fewer else 'G - 1'} terms",
            f"every p, G = 2..{top}",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "expected_advantages('maxrl') has G - 1 terms, to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )


@claim(
    "maxrl.training",
    paper=PAPER,
    equation="main results",
    statement="MaxRL trains better than plain RL, pass@k included.",
    latex=r"\text{MaxRL} > \text{RL}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
