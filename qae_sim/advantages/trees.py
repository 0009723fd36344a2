"""Advantages of responses that share beginnings: trees of rollouts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qae_sim.advantages._statistics import restored
from qae_sim.arrays import (
    as_numpy,
    as_sequence,
    invalid,
    require_choice,
    require_finite,
    require_integer,
    require_number,
    require_shape,
    self_contained,
)
from qae_sim.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Tree:
    """A tree of text: each node continues its parent; the root is the prompt.

    Attributes:
        parents: Parent of each node, which must come before the node; -1 for node 0, the root.

    Raises:
        TypeError: A parent is no integer.
        ValueError: The first node is no root, or a parent does not come before its child.

    Example:
        >>> tree = Tree((-1, 0, 0, 1, 1))
        >>> tree.leaves, tree.path(3)
        ((2, 3, 4), (0, 1, 3))
    """

    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        parents = as_sequence("parents", self.parents, "integers")
        if not parents:
            raise invalid("parents", parents, "-1 first, for the root")
        require_integer("parents", parents[0], low=-1, high=-1)
        checked = (require_integer("parents", parent, high=node) for node, parent in enumerate(parents[1:]))
        object.__setattr__(self, "parents", (-1, *checked))

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Nodes without children, in order."""
        inner = set(self.parents)
        return tuple(node for node in range(len(self.parents)) if node not in inner)

    def path(self, node: int) -> tuple[int, ...]:
        """Nodes from the root to a node, itself included."""
        nodes = [require_integer("node", node, high=len(self.parents) - 1)]
        while nodes[-1] != 0:
            nodes.append(self.parents[nodes[-1]])
        return tuple(reversed(nodes))

    def below(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum values over each node and all its descendants.

        Args:
            values: One value for each node.

        Returns:
            Sums, one for each node.
        """
        sums = values.copy()
        for node in range(len(self.parents) - 1, 0, -1):
            sums[self.parents[node]] += sums[node]
        return sums


@self_contained
def attn_rl(rewards: Any, tree: Tree) -> NDArray[np.float64]:
    """AttnRL: how much better the leaves below a step do than those of the prompt and of the step before.

    A(n) = ((V(n) - V(root)) + (V(n) - V(parent(n)))) / √L(n),  V = mean reward of the leaves below, L their number

    All tokens of a step get its advantage. The method also chooses where to branch (at steps of high attention), which
    is part of sampling and not done here.

    Args:
        rewards: Rewards of the leaves, in the order of ``tree.leaves``.
        tree: The tree.

    Returns:
        Advantages of the nodes; 0 for the root.

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``tree`` is no :class:`Tree`.
        ValueError: There are not as many rewards as leaves, or one is not finite.

    Source:
        AttnRL (arXiv:2509.26628); equation not seen, formula from the authors' code.

    Example:
        >>> attn_rl([0, 1, 1], Tree((-1, 0, 0, 1, 1))).round(3)  # leaves 2, 3 and 4; 3 and 4 begin with 1
        array([ 0.   ,  0.471, -1.333,  0.333,  0.333])
    """
    r = _rewards_of(rewards, tree, len(_require_tree(tree).leaves), "one for each leaf")
    on_leaves, one = np.zeros(len(tree.parents)), np.zeros(len(tree.parents))
    # Only differences of values count: subtracting one of the rewards keeps what all have in common out of the
    # rounding, and in units of a power of two their sums do not overflow.
    unit = 2.0**60 if np.abs(r).max() > 2.0**900 else 1.0
    on_leaves[list(tree.leaves)], one[list(tree.leaves)] = r / unit - r[0] / unit, 1.0
    count = tree.below(one)
    value = tree.below(on_leaves) / count
    parents = np.maximum(np.array(tree.parents), 0)  # the root's is itself, and its advantage 0
    advantages = ((value - value[0]) + (value - value[parents])) / np.sqrt(count) * unit
    return np.asarray(restored("attn_rl", advantages, r))


@self_contained
def tree_opo(
    rewards: Any, tree: Tree, *, margin: float = 0.1, norm: Literal["soft", "hard"] = "soft"
) -> NDArray[np.float64]:
    """Tree-OPO's staged advantages: the centred rewards, moved as little as the order of the tree asks for.

    min ½‖a - (r - mean(r))‖²  subject to  Σ aᵢ = 0,  ‖a‖² <= N (soft) or = N (hard),  aᵢ + δ <= aⱼ

    for each pair of a failure i and a success j where j is below i, or both have the same parent. With binary rewards
    and δ <= 1 the centred rewards obey the order already: the soft problem returns them, and the tree plays no part
    (claim ``tree-opo.order``).

    Args:
        rewards: Reward of the completion from each node, 0 or 1, ``(N,)``.
        tree: The prefixes.
        margin: δ >= 0. The paper's value was not found; .1 is our choice.
        norm: ``"soft"`` or ``"hard"``.

    Returns:
        Advantages, ``(N,)``; all 0 if all rewards are equal.

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``tree`` is none.
        ValueError: There are not as many rewards as nodes, one is neither 0 nor 1, ``margin`` is negative, ``norm`` is
            unknown, or no advantages meet all constraints.

    Source:
        Huang et al., Tree-OPO (arXiv:2509.09284), staged advantage estimation; equation not seen. Sibling triplets are
        taken as pairs of siblings.

    Example:
        >>> tree_opo([0, 1, 0, 1], Tree((-1, 0, 0, 1)), norm="hard").round(3)
        array([-1.,  1., -1.,  1.])
    """
    require_choice("norm", norm, ("soft", "hard"))
    margin = require_number("margin", margin, low=0.0)
    r = _binary(rewards, tree)
    size = len(r)
    centred = r - r.mean()
    if not centred.any():
        return np.zeros(size)
    pairs = ordered_pairs(r, tree)
    order = np.zeros((len(pairs), size))
    for row, (failure, success) in enumerate(pairs):
        order[row, failure], order[row, success] = -1.0, 1.0
    if norm == "soft" and (order @ centred >= margin).all():
        return np.asarray(centred)  # nor can its norm be too large: all are between -1 and 1
    from scipy.optimize import minimize

    limits: list[dict[str, Any]] = [
        {"type": "eq", "fun": lambda a: a.sum(), "jac": lambda a: np.ones(size)},
        {"type": "eq" if norm == "hard" else "ineq", "fun": lambda a: size - a @ a, "jac": lambda a: -2 * a},
    ]
    if pairs:
        limits.append({"type": "ineq", "fun": lambda a: order @ a - margin, "jac": lambda a: order})
    start = centred * np.sqrt(size / (centred @ centred)) if norm == "hard" else centred
    found = minimize(
        lambda a: 0.5 * (a - centred) @ (a - centred),
        start,
        jac=lambda a: a - centred,
        method="SLSQP",
        constraints=limits,
        options={"ftol": 1e-14, "maxiter": 200},
    )
    a = np.asarray(found.x)
    # Status 8 is a line search that finds nothing better: the optimum up to rounding, if the constraints hold.
    broken = [abs(a.sum()), abs(size - a @ a) if norm == "hard" else a @ a - size, *(margin - order @ a)]
    if found.status not in (0, 8) or max(broken) > 1e-6:
        raise invalid("margin", margin, "small enough for advantages that obey the order and the norm")
    return a


@self_contained
def tree_opo_heuristic(
    rewards: Any,
    tree: Tree,
    *,
    alpha: float = 0.5,
    value: Literal["expectation", "optimistic", "pessimistic"] = "expectation",
) -> NDArray[np.float64]:
    """Tree-OPO without a solver: the reward minus a share of the value expected below its prefix, centred.

    aᵢ' = rᵢ - α V(i),  aᵢ = aᵢ' - mean(a')

    V(i) is the success rate below i (i included), or 1 if there is any success there, or 1 if there is no failure.

    Args:
        rewards: Reward of the completion from each node, 0 or 1, ``(N,)``.
        tree: The prefixes.
        alpha: α in [0, 1].
        value: ``"expectation"``, ``"optimistic"`` (any success) or ``"pessimistic"`` (no failure).

    Returns:
        Advantages, ``(N,)``.

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``tree`` is none.
        ValueError: There are not as many rewards as nodes, one is neither 0 nor 1, ``alpha`` outside [0, 1], or
            ``value`` is unknown.

    Source:
        Huang et al., Tree-OPO (arXiv:2509.09284), heuristic baselines; equation not seen.

    Example:
        >>> tree_opo_heuristic([0, 1, 0, 1], Tree((-1, 0, 0, 1)))
        array([-0.4375,  0.3125, -0.1875,  0.3125])
    """
    alpha = require_number("alpha", alpha, low=0.0, high=1.0)
    require_choice("value", value, ("expectation", "optimistic", "pessimistic"))
    r = _binary(rewards, tree)
    successes, count = tree.below(r), tree.below(np.ones(len(r)))
    values = {"expectation": successes / count, "optimistic": successes > 0, "pessimistic": successes == count}
    raw = r - alpha * values[value]
    return np.asarray(raw - raw.mean())


def ordered_pairs(rewards: Any, tree: Tree) -> tuple[tuple[int, int], ...]:
    """Pairs of a failure and a success that Tree-OPO orders: along a path, or children of one parent.

    Args:
        rewards: Reward of the completion from each node, 0 or 1, ``(N,)``.
        tree: The prefixes.

    Returns:
        Pairs (failure, success).

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``tree`` is none.
        ValueError: There are not as many rewards as nodes, or one is neither 0 nor 1.

    Source:
        Huang et al., Tree-OPO (arXiv:2509.09284); equation not seen.

    Example:
        >>> ordered_pairs([0, 1, 0, 1], Tree((-1, 0, 0, 1)))
        ((0, 1), (0, 3), (2, 1))
    """
    r = _binary(rewards, tree)
    above = [set(tree.path(node)) for node in range(len(r))]
    return tuple(
        (int(failure), int(success))
        for failure in np.flatnonzero(r == 0)
        for success in np.flatnonzero(r == 1)
        if failure in above[success] or (success and failure and tree.parents[failure] == tree.parents[success])
    )


def _require_tree(tree: Tree) -> Tree:
    """Check that a tree is one."""
    if not isinstance(tree, Tree):
        raise invalid("tree", tree, "a Tree", TypeError)
    return tree


def _rewards_of(rewards: Any, tree: Tree, count: int, meaning: str) -> NDArray[np.float64]:
    """Take rewards as numbers, as many as there are places for."""
    r = as_numpy("rewards", rewards)
    require_shape("rewards", r, (count,), meaning)
    require_finite("rewards", r)
    return r


def _binary(rewards: Any, tree: Tree) -> NDArray[np.float64]:
    """Take a reward of 0 or 1 for each node."""
    r = _rewards_of(rewards, tree, len(_require_tree(tree).parents), "one for each node")
    if ((r != 0) & (r != 1)).any():
        raise invalid("rewards", float(r[(r != 0) & (r != 1)][0]), "0 or 1 everywhere")
    return r
