"""How much of the reward GAE with λ < 1 leaves at the beginning of a long response."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.advantages import gae
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.vc_ppo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _share(lam: Any, distance: int) -> Any:
    """The reward's coefficient in the advantage of a token that many tokens before the last."""
    total = 0 * lam + 1
    for _ in range(distance):
        total = lam * total
    return total


@claim(
    "vc-ppo.reward-decays",
    paper=PAPER,
    equation="reward signal decay",
    statement="With γ = 1 the reward enters the advantage, and the critic's target, of a token d tokens before the "
    "last with the factor λ^d.",
    latex=r"\frac{\partial A_{T-d}}{\partial r} = \lambda^{d}",
    assumptions=("the reward comes with the last token", "γ = 1", "the critic's values do not depend on the reward"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("λ = 1 for the critic, as in decoupled GAE", {"critic": True}, Verdict.REFUTED),),
)
def reward_decays(quick: bool, *, critic: bool = False) -> CheckOutcome:
    """A_t = δ_t + λ A_{t+1}, and the reward is in the last surprise alone: one more token, one more factor."""
    lam, share = ring("lam", "share")
    used = 1 + 0 * lam if critic else lam
    grows = used * share == lam * share
    length = 8 if quick else 32
    found = gae(np.ones((1,)), np.zeros((1, length)), np.ones((1, length)), lam=0.9).advantages[0]
    worst = float(np.abs(found - 0.9 ** np.arange(length)[::-1]).max())
    shown = float(0.95**1000)
    return conclude(
        Evidence(
            "from a token to the one before it the share is multiplied by λ, and at the last token it is 1",
            "every λ and every length, by induction",
            Method.SYMBOLIC,
            grows and _share(lam, 3) == lam**3,
            counterexample={"λ": 0.95, "d": 1000, "λ^d": shown, "share at λ_critic = 1": 1.0} if critic else {},
            figures={"λ = .95, d = 1000": f"{shown:.1e}"},
        ),
        Evidence(
            "gae does, to 1e-14: a critic that says 0, reward 1",
            f"λ = .9, {length} tokens",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )
