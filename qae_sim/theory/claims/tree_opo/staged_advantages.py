"""Tree-OPO's advantages under the constraints of a tree of prefixes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import Tree, ordered_pairs, tree_opo
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
from qae_sim.theory.claims.tree_opo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def _trees(size: int) -> list[Tree]:
    """All trees of a size, nodes in an order in which parents come first."""
    return [Tree((-1, *parents)) for parents in product(*(range(i) for i in range(1, size)))]


@claim(
    "tree-opo.order",
    paper=PAPER,
    equation="staged advantage estimation",
    statement="The order of the tree shapes the advantages: for some tree and rewards they differ from the centred "
    "rewards.",
    latex=r"\exists\,\text{tree}, r:\ a \ne r - \bar r",
    assumptions=("binary rewards", "soft norm", "margin δ <= 1", "pairs of a failure above (or beside) a success"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the margin δ is above 1, or the norm is the hard one, ‖a‖² = N",
    breaks=(Break("a margin δ = 3/2, more than rewards differ", {"margin": Fraction(3, 2)}, Verdict.CERTIFIED),),
)
def tree_order(quick: bool, *, margin: Fraction = Fraction(1, 2)) -> CheckOutcome:
    """Centred rewards obey every constraint already, in every tree, so that they are their own projection."""
    n, m = ring("n", "m")  # successes and failures, N = n + m
    # N times Σ (r - n/N)², which is n(N-n), against N times the bound N.
    room = (n + m) ** 2 - n * m
    short = all(coefficient >= 0 for coefficient in room.coeffs())
    lead = ((n + m) - n) - (0 - n) == n + m  # N times what a success is ahead of a failure is N
    size, differ, cases, worst = (4 if quick else 5), 0, 0, 0.0
    for tree in _trees(size):
        for rewards in product((0, 1), repeat=size):
            pairs = ordered_pairs(rewards, tree)
            if not pairs:
                continue
            centred = [r - Fraction(sum(rewards), size) for r in rewards]
            inside = all(centred[i] + margin <= centred[j] for i, j in pairs)
            inside = inside and sum(a * a for a in centred) <= size
            cases, differ = cases + 1, differ + (not inside)
            if tree.parents == tuple(range(-1, size - 1)):  # one tree of each kind is enough for the solver: the chain
                gap = np.abs(tree_opo(rewards, tree, margin=float(margin)) - np.array(centred, dtype=float)).max()
                worst = worse(worst, float(gap))
    agrees = worst < 1e-6 if margin <= 1 else worst > 0.1
    obeyed = short and lead and margin <= 1
    hard = tree_opo([0, 1], Tree((-1, 0)), norm="hard")
    return conclude(
        Evidence(
            "the centred rewards break a constraint of some tree: the order needs δ <= 1, the norm n(N-n)/N <= N",
            "every tree, all binary rewards",
            Method.SYMBOLIC,
            not obeyed,
            counterexample={"trees with rewards": cases, "that differ": differ} if obeyed else {},
        ),
        Evidence(
            "tree_opo agrees",
            "chains: its distance from the centred rewards",
            Method.FLOATS,
            agrees,
            f"{worst:.1e}",
        ),
        controls=[
            Evidence(
                f"the centred rewards {'break a constraint of some' if margin > 1 else 'obey those of all'} of them",
                f"all {cases} trees of {size} nodes with some pair, all binary rewards",
                Method.CASES,
                (differ > 0) is (margin > 1),
            ),
            Evidence(
                "with the hard norm a failure above a success has -1 and 1, not -1/2 and 1/2",
                "two nodes, by hand",
                Method.FLOATS,
                bool(np.abs(hard - [-1, 1]).max() < 1e-6),
            ),
        ],
    )


@claim(
    "tree-opo.training",
    paper=PAPER,
    equation="main results",
    statement="Staged advantages train better than GRPO.",
    latex=r"\text{Tree-OPO} > \text{GRPO}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
