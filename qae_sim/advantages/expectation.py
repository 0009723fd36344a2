"""The exact expectation of an estimator's advantages over groups, for binary rewards.

An advantage that depends only on a response's own reward and on the number of successes in its group is known
completely once its table a(n, r) is known: the advantage of a response with reward r in a group with n successes.
With that, expectations over groups are finite sums over n, and no sampling is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qae_sim.advantages.registry import get
from qae_sim.arrays import (
    Array,
    as_floating,
    as_numpy,
    invalid,
    like,
    number_of,
    require_integer,
    require_shape,
    self_contained,
    working_precision,
)
from qae_sim.frozen import dataclass
from qae_sim.softmax import binomial
from qae_sim.softmax.binomial_law import LARGEST_GROUP


@self_contained
def advantage_table(estimator: str | Callable[..., Array], group_size: int, **parameters: Any) -> np.ndarray:
    """Tabulate an estimator over all binary groups of a size.

    a(n, r), the advantage of a response of reward r in a group with n successes

    The entries a(0, 1) and a(G, 0), which belong to no response, are 0.

    Args:
        estimator: A name from :data:`~qae_sim.advantages.ESTIMATORS`, or a function of rewards ``(..., G)``.
        group_size: G, 1..1000.
        **parameters: Passed on to the estimator, for example ``k=0.4``.

    Returns:
        float64 array ``(G + 1, 2)``, indexed by n and r.

    Raises:
        TypeError: ``group_size`` is no integer.
        ValueError: An unknown name, an estimator that is not of response level, a G out of range, or an estimator
            that gives different advantages to equal rewards of one group.

    Example:
        >>> advantage_table("qae", 5, k=0.4, eps=0).round(2)
        array([[ 0.  ,  0.  ],
               [ 0.  ,  2.5 ],
               [ 0.  ,  2.04],
               [ 0.  ,  2.04],
               [-2.5 ,  0.  ],
               [ 0.  ,  0.  ]])
    """
    size = require_integer("group_size", group_size, low=1, high=LARGEST_GROUP)
    function = _response_level(estimator)
    successes = np.arange(size + 1)
    groups = (np.arange(size)[None, :] < successes[:, None]).astype(np.float64)
    advantages = as_numpy("estimator", function(groups, **parameters))
    require_shape("estimator", advantages, groups.shape, "an advantage for each reward")
    if not np.isfinite(advantages).all():
        raise invalid("estimator", estimator, "one that gives finite advantages")
    table = np.zeros((size + 1, 2))
    table[1:, 1] = advantages[1:, 0]
    table[:-1, 0] = advantages[:-1, -1]
    if not np.array_equal(np.where(groups == 1, table[:, 1:], table[:, :1]), advantages):
        raise invalid("estimator", estimator, "one that gives equal rewards of a group equal advantages")
    return table


def _response_level(estimator: str | Callable[..., Array]) -> Callable[..., Array]:
    """Find the function behind a name; functions are taken as they are."""
    if callable(estimator):
        return estimator
    if not isinstance(estimator, str):
        raise invalid("estimator", estimator, "the name of an estimator, or a function of rewards", TypeError)
    entry = get(estimator, "estimator")
    if not entry.of_responses or entry.of_batches:
        raise invalid("estimator", estimator, f"of level 'response' here, not {entry.level!r}")
    if set(entry.inputs) - {"anchor"}:
        raise invalid("estimator", estimator, "one that looks at rewards alone: the expectation is over them")
    return entry.function


@dataclass(frozen=True, eq=False)
class GroupExpectation:
    """Expected advantages of an estimator for a prompt of success rate p; arrays have the shape of p.

    Attributes:
        p: Success rate of a single response.
        alpha: E[Aᵢ | rᵢ = 1], the expected advantage of a correct response.
        beta: E[Aᵢ | rᵢ = 0], the expected advantage of a wrong response.
        c: p(1-p)(α - β): E[(1/G) Σ Aᵢ (e_{aᵢ} - π)] = c·(π₊ - π₋) in a softmax bandit, the speed of learning.
        second_moment: E[(1/G) Σ Aᵢ²].
        zero_share: Expected share of responses whose advantage is exactly 0.
    """

    p: Array
    alpha: Array
    beta: Array
    c: Array
    second_moment: Array
    zero_share: Array


@self_contained
def expected_advantages(
    estimator: str | Callable[..., Array], p: Array, group_size: int, **parameters: Any
) -> GroupExpectation:
    """Expected coefficients of an estimator over groups of G independent responses of success rate p.

    α = Σ_{m=0}^{G-1} C(G-1, m) p^m (1-p)^{G-1-m} a(m+1, 1),  β = Σ_{m=0}^{G-1} C(G-1, m) p^m (1-p)^{G-1-m} a(m, 0)

    Given the reward of one response, the other G-1 are independent of it, and m of them succeed with binomial
    probability. Nothing is divided by p or 1-p, so p = 0 and p = 1 need no special case.

    Args:
        estimator: A name from :data:`~qae_sim.advantages.ESTIMATORS`, or a function of rewards ``(..., G)``.
        p: Success rates in [0, 1], any shape, array of any library (or a number).
        group_size: G, 1..1000.
        **parameters: Passed on to the estimator, for example ``k=0.4``.

    Returns:
        The expectations, in the library of ``p``.

    Raises:
        TypeError: ``p`` holds no real numbers, ``group_size`` is no integer.
        ValueError: Some p outside [0, 1] or NaN, and as for :func:`advantage_table`.

    Source:
        Derived here; for GRPO and large G this is the weighting of Wu et al., QAE (arXiv:2509.22611), Eqs. 5-6.

    Example:
        >>> rloo = expected_advantages("rloo", [0.0, 0.1, 0.5, 1.0], 8)
        >>> rloo.c.round(12)
        array([0.  , 0.09, 0.25, 0.  ])
    """
    x, xp = as_floating("p", p)
    x = working_precision(x)
    if not bool(xp.all((x >= 0) & (x <= 1))):
        raise invalid("p", number_of(x[~((x >= 0) & (x <= 1))][0]), "in [0, 1] everywhere")
    table = advantage_table(estimator, group_size, **parameters)
    others = binomial(x, group_size - 1)

    def mean(values: np.ndarray) -> Array:
        return xp.sum(others * like("estimator", x, values), axis=-1)

    of_correct, of_wrong = table[1:, 1], table[:-1, 0]
    alpha, beta = mean(of_correct), mean(of_wrong)
    q = 1 - x
    found = {
        "alpha": alpha,
        "beta": beta,
        "c": x * q * mean(of_correct - of_wrong),
        "second_moment": x * mean(of_correct**2) + q * mean(of_wrong**2),
        "zero_share": x * mean((of_correct == 0) * 1.0) + q * mean((of_wrong == 0) * 1.0),
    }
    if not all(bool(xp.all(xp.isfinite(value))) for value in found.values()):
        raise invalid("estimator", estimator, f"one whose squared advantages fit {x.dtype}")
    return GroupExpectation(p=x, **found)
