"""Advantages of parts of a response: sentences that were checked for facts, and turns that called tools."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from qae_sim.advantages._statistics import checked_rewards, restored
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    as_floating,
    as_numpy,
    as_sequence,
    invalid,
    like,
    number_of,
    require_choice,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    working_precision,
)
from qae_sim.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

Matching: TypeAlias = Literal["optimal", "greedy", "transport"]

#: Entropy's weight in the transport, the released code's.
_SINKHORN = 0.1


@self_contained
def fspo(rewards: Array, marks: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """FSPO: in sentences that were checked for facts, the result of the check decides the advantage's sign.

    A_{i,t} = |zᵢ| where m = +1,  -|zᵢ| where m = -1,  zᵢ where m = 0,  zᵢ = (rᵢ - mean(r)) / (std(r) + ε)

    A true sentence in a wrong response is then rewarded, and a false one in a correct response punished.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        marks: m of the token's sentence, ``(..., G, T)``: 1 for true, -1 for false, 0 for unchecked.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages of tokens, ``(..., G, T)``, in the type of the rewards.

    Raises:
        TypeError: ``rewards`` or ``marks`` hold no real numbers.
        ValueError: G < 2, a reward is NaN or infinite, a mark other than -1, 0 and 1, shapes that do not fit, ``eps``
            is negative, ``ddof`` is neither 0 nor 1.

    Source:
        FSPO (arXiv:2505.24630); equation not seen, formula from the authors' code, where a sentence is true if a
        checker of evidence gives it more than .5, and items without evidence have m = 0.

    Example:
        >>> fspo([1, 0], [[1, -1, 0], [1, -1, 0]], eps=0)
        array([[ 1., -1.,  1.],
               [ 1., -1., -1.]])
    """
    r, xp = checked_rewards(rewards)
    m, mp = as_floating("marks", marks)
    require_shape("marks", m, (*r.shape, m.shape[-1] if m.ndim else 0), "a mark for each token of each response")
    other = (m != 0) & (m != 1) & (m != -1)
    if bool(mp.any(other)):
        raise invalid("marks", number_of(m[other][0]), "-1, 0 or 1 everywhere")
    advantages = grpo(working_precision(r), eps=eps, ddof=ddof)[..., None]
    m = like("marks", advantages, m)
    return restored("fspo", xp.where(m == 0, advantages, m * xp.abs(advantages) + 0.0), r)


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool.

    Attributes:
        name: The tool.
        parameters: Names and values that it is called with.

    Example:
        >>> ToolCall("search", {"query": "Euler"}).name
        'search'
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise invalid("name", self.name, "a string", TypeError)
        if not isinstance(self.parameters, Mapping):
            raise invalid("parameters", self.parameters, "a mapping of names to values", TypeError)


def tool_similarity(call: ToolCall, truth: ToolCall) -> float:
    """MatchTIR's similarity of a call with one that should have been made.

    S = (1 + |P ∩ Q| / |P ∪ Q| + #equal values) / (2 + |Q|), P and Q the names of their parameters; 0 for another tool

    Two calls without parameters have the Jaccard index 1.

    Args:
        call: The call that was made.
        truth: The call that should have been.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: One of them is no :class:`ToolCall`.

    Source:
        MatchTIR (arXiv:2601.10712); equation not seen, formula from the authors' code.

    Example:
        >>> tool_similarity(ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 1, "b": 3}))
        0.75
    """
    for name, value in (("call", call), ("truth", truth)):
        if not isinstance(value, ToolCall):
            raise invalid(name, value, "a ToolCall", TypeError)
    if call.name != truth.name:
        return 0.0
    mine, wanted = set(call.parameters), set(truth.parameters)
    jaccard = len(mine & wanted) / len(mine | wanted) if mine | wanted else 1.0
    equal = sum(_equal(key, call.parameters[key], truth.parameters[key]) for key in mine & wanted)
    return (1 + jaccard + equal) / (2 + len(wanted))


def _equal(key: str, value: Any, wanted: Any) -> bool:
    """Whether two values of a parameter are equal."""
    try:
        return bool(value == wanted)
    except (TypeError, ValueError, RuntimeError) as error:  # arrays, which are compared entry by entry
        raise invalid(f"parameters[{key!r}]", value, "a value whose comparison by == gives True or False") from error


@self_contained
def matched_rewards(similarity: Any, *, matching: Matching = "optimal") -> NDArray[np.float64]:
    """MatchTIR's reward of each call: its similarity with the call that it is matched with.

    rᵢ = Σⱼ T_ij S_ij; T_ij = 1 for matched pairs, or a transport plan with equal marginals and entropy weight .1

    ``"optimal"`` is the one-to-one matching of greatest total similarity (Kuhn and Munkres). ``"greedy"`` is what the
    authors' code does under that name: best pair first, which can end with less (claim ``match-tir.greedy``). Calls
    without a match get 0.

    Args:
        similarity: S, ``(calls, truths)``, in [0, 1].
        matching: ``"optimal"``, ``"greedy"`` or ``"transport"``. Rows and columns of the transport plan sum up to
            1/calls and 1/truths.

    Returns:
        Rewards of the calls, ``(calls,)``.

    Raises:
        TypeError: ``similarity`` holds no real numbers.
        ValueError: It is no matrix, an entry is outside [0, 1], or an unknown ``matching``.

    Source:
        MatchTIR (arXiv:2601.10712); equations not seen, formulas from the authors' code.

    Example:
        >>> matrix = [[0.9, 0.8], [0.8, 0.1]]
        >>> matched_rewards(matrix), matched_rewards(matrix, matching="greedy")
        (array([0.8, 0.8]), array([0.9, 0.1]))
    """
    require_choice("matching", matching, ("optimal", "greedy", "transport"))
    s = as_numpy("similarity", similarity)
    if s.ndim != 2:
        raise invalid("similarity", s.shape, "a matrix, calls times truths")
    require_finite("similarity", s)
    if s.size and not (s.min() >= 0 and s.max() <= 1):
        raise invalid("similarity", float(s.min() if s.min() < 0 else s.max()), "in [0, 1] everywhere")
    rewards = np.zeros(s.shape[0])
    if not s.size:
        return rewards
    if matching == "transport":
        return np.asarray((_transport(s) * s).sum(axis=1))
    if matching == "optimal":
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(s, maximize=True)
        rewards[rows] = s[rows, columns]
        return rewards
    left = s.copy()
    for _ in range(min(s.shape)):
        row, column = np.unravel_index(int(left.argmax()), s.shape)
        rewards[row] = s[row, column]
        left[row, :] = left[:, column] = -1.0
    return rewards


def _transport(s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transport of least cost -S with entropy, by Sinkhorn's iteration on logarithms."""
    from scipy.special import logsumexp

    calls, truths = s.shape
    kernel, u, v = s / _SINKHORN, np.zeros((calls, 1)), np.zeros((1, truths))
    for _ in range(10_000):
        u = -np.log(calls) - logsumexp(kernel + v, axis=1, keepdims=True)
        v = -np.log(truths) - logsumexp(kernel + u, axis=0, keepdims=True)
        plan: NDArray[np.float64] = np.exp(kernel + u + v)
        if np.abs(plan.sum(axis=1) - 1 / calls).max() < 1e-12:
            break
    return plan


@self_contained
def match_tir(
    rewards: Sequence[Sequence[float]], *, gamma: float = 0.9, eps: float = 1e-6, ddof: int = 0
) -> tuple[NDArray[np.float64], ...]:
    """MatchTIR: each turn is compared with the same turn of the others, each trajectory with the others.

    A_{i,j} = (Z_i(Σⱼ r_{i,j}) + Z_i(R_{i,j})) / 2,  R_{i,j} = Σ_{k>=j} γ^{k-j} r_{i,k}

    Z is the z-score within the group: over trajectories, and for each j over those that have a turn j. A turn that only
    one trajectory has cannot be compared, and its second term is 0 (our assumption).

    Args:
        rewards: Rewards of the turns of G >= 2 trajectories, each with one turn or more; a turn's reward is the mean of
            :func:`matched_rewards` over its calls, the last turn's is that of the final response.
        gamma: γ in [0, 1].
        eps: ε >= 0 in the z-scores.
        ddof: 0 for the population standard deviation, 1 for the sample one (the authors' code).

    Returns:
        Advantages of the turns, an array for each trajectory.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, a trajectory without turns, a reward that is not finite, ``gamma`` outside [0, 1], ``eps``
            negative, ``ddof`` neither 0 nor 1.

    Source:
        MatchTIR (arXiv:2601.10712); equations not seen, formulas from the authors' code.

    Example:
        >>> [turns.round(2).tolist() for turns in match_tir([[1.0, 1.0], [0.0, 1.0]], eps=0)]
        [[1.0, 0.5], [-1.0, -0.5]]
    """
    gamma = require_number("gamma", gamma, low=0.0, high=1.0)
    eps = require_number("eps", eps, low=0.0)
    turns = [as_numpy("rewards", each) for each in as_sequence("rewards", rewards, "trajectories")]
    if len(turns) < 2:
        raise invalid("rewards", len(turns), "at least 2 trajectories")
    for each in turns:
        if each.ndim != 1 or not each.size:
            raise invalid("rewards", each.shape, "sequences of at least one turn")
        require_finite("rewards", each)
    whole = _compared(turns, eps, ddof)
    local = [np.zeros(len(each)) for each in turns]
    for j in range(max(map(len, turns))):
        having = [i for i, each in enumerate(turns) if len(each) > j]
        if len(having) >= 2:
            returns = [turns[i][j:] * gamma ** np.arange(len(turns[i]) - j) for i in having]
            for i, score in zip(having, _compared(returns, eps, ddof), strict=True):
                local[i][j] = score
    return tuple((score + each) / 2 for score, each in zip(whole, local, strict=True))


def _compared(terms: list[NDArray[np.float64]], eps: float, ddof: int) -> NDArray[np.float64]:
    """z-scores of the sums of several sequences of terms, which depend neither on their origin nor on their unit."""
    unit = 1.0
    try:
        values = _from_median(terms)
    except OverflowError:
        unit = 2.0**100
        values = _from_median([each / unit for each in terms])
    return np.asarray(grpo(values, eps=eps / unit, ddof=ddof))


def _from_median(terms: list[NDArray[np.float64]]) -> list[float]:
    """Differences of sums from their median.

    Only the differences are rounded, so that what is large and cancels, in a sum or between two, leaves no error.
    """
    median = sorted(terms, key=math.fsum)[(len(terms) - 1) // 2]
    return [math.fsum([*each, *-median]) for each in terms]
