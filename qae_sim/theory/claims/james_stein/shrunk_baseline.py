"""The shrinkage baseline: no bias, whatever the shrinkage is made of other prompts."""

from __future__ import annotations

from itertools import product

import numpy as np

from qae_sim.advantages import james_stein
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.james_stein import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "james-stein.unbiased",
    paper=PAPER,
    equation="two-level leave-one-out baseline",
    statement="With the shrinkage baseline the expected group gradient is the gradient of the success rate.",
    latex=r"\alpha - \beta = \mathbb E[A_i \mid r_i = 1] - \mathbb E[A_i \mid r_i = 0] = 1",
    assumptions=("binary rewards", "independent responses", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the group's own mean instead of the others'", {"others": False}, Verdict.REFUTED),),
)
def unbiased(quick: bool, *, others: bool = True) -> CheckOutcome:
    """The baseline is a function of the other rewards: its mean is the same under r_i = 1 and r_i = 0."""
    mean, shrinkage, inverse = ring("B", "l", "1/G")
    own = (1 - shrinkage) * inverse if not others else 0 * inverse  # what the own reward adds to the baseline
    slope = (1 - mean - own) - (0 - mean)
    worst, size = 0.0, 2 if quick else 3
    for rewards in product((0.0, 1.0), repeat=2 * size):
        r = np.reshape(rewards, (2, size))
        lifted, lowered = r.copy(), r.copy()
        lifted[0, 0], lowered[0, 0] = 1.0, 0.0
        batch = [np.concatenate([x, [[1.0] + [0.0] * (size - 1)]]) for x in (lifted, lowered)]
        worst = worse(worst, abs(float(james_stein(batch[0])[0, 0] - james_stein(batch[1])[0, 0]) - 1))
    return conclude(
        Evidence(
            "α - β = (1 - E b) - (0 - E b) = 1, as the law of b does not depend on r_i",
            "every G, every number of prompts, every shrinkage made of other prompts",
            Method.SYMBOLIC,
            slope == 1,
            counterexample={} if others else {"G": 2, "shrinkage": 0.0, "α - β": 0.5},
        ),
        Evidence(
            "james_stein gives a success 1 more than a failure beside the same others, to 1e-14",
            f"three prompts of {size}, all 0/1 rewards of two of them",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )
