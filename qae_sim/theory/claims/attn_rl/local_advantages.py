"""AttnRL's advantages of the steps in a tree of responses."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import Tree, attn_rl
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
from qae_sim.theory.claims.attn_rl import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _trees(size: int) -> list[Tree]:
    """All trees of a size, nodes in an order in which parents come first."""
    return [Tree((-1, *parents)) for parents in product(*(range(i) for i in range(1, size)))]


@claim(
    "attn-rl.siblings",
    paper=PAPER,
    equation="local advantage",
    statement="What steps gain over their parent adds up to zero over siblings, weighted by their leaves.",
    latex=r"\sum_{n:\,\mathrm{parent}(n)=m} L(n)\,(V(n)-V(m)) = 0",
    assumptions=("V is the mean over all leaves below",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("weighted alike", {"weighted": False}, Verdict.REFUTED),),
)
def siblings(quick: bool, *, weighted: bool = True) -> CheckOutcome:
    """All trees of some size, all binary rewards of their leaves."""
    size, found, worst = (5 if quick else 6), None, 0.0
    for tree in _trees(size):
        for rewards in product((0, 1), repeat=len(tree.leaves)):
            reward = dict(zip(tree.leaves, rewards, strict=True))
            below = [[reward[leaf] for leaf in tree.leaves if node in tree.path(leaf)] for node in range(size)]
            value = [Fraction(sum(of), len(of)) for of in below]
            for parent in set(tree.parents) - {-1}:
                children = [node for node in range(size) if tree.parents[node] == parent]
                total = sum(
                    ((len(below[n]) if weighted else 1) * (value[n] - value[parent]) for n in children), Fraction(0)
                )
                if found is None and total != 0:
                    found = {"parents": list(tree.parents), "rewards": list(rewards), "parent": parent}
            ours = attn_rl(rewards, tree)
            exact = [
                float(2 * value[n] - value[0] - value[max(tree.parents[n], 0)]) / len(below[n]) ** 0.5
                for n in range(size)
            ]
            worst = worse(worst, float(np.abs(ours - exact).max()))
    # Of two children, the second standing for any number of further ones: rewards' sums s, t, leaves l, m.
    s, t, one, more = ring("s", "t", "l", "m")
    # Times l·m·(l+m): weights l and m, or 1 and 1, of what s/l and t/m gain over (s+t)/(l+m).
    gains = (s * more * (one + more) - (s + t) * one * more, t * one * (one + more) - (s + t) * one * more)
    weights = (one, more) if weighted else (1, 1)
    sums = sum((weight * gain for weight, gain in zip(weights, gains, strict=True)), 0 * s)
    return conclude(
        Evidence(
            "the sum is 0 for every parent, V(parent) being the rewards' sum below over the number of leaves",
            "every tree, any rewards",
            Method.SYMBOLIC,
            sums == 0,
            counterexample=found or {},
        ),
        Evidence(
            "the sum is 0 for every parent",
            f"all trees of {size} nodes, all binary rewards",
            Method.CASES,
            found is None,
            confirms=True,
        ),
        Evidence("attn_rl is made of these values, to 1e-12", "the same", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
    )


@claim(
    "attn-rl.training",
    paper=PAPER,
    equation="main results",
    statement="AttnRL trains better and with fewer samples.",
    latex=r"\text{AttnRL} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
