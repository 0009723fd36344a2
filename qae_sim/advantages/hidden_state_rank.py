"""VERL: a bonus for responses whose hidden states have a high or growing effective rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    as_numpy,
    as_sequence,
    invalid,
    require_finite,
    require_integer,
    require_number,
    require_shape,
    self_contained,
)
from qae_sim.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray


@self_contained
def effective_rank(states: Any) -> float:
    """Effective rank of hidden states: the number of directions they use, weighted by how evenly they use them.

    ER = exp(-Σ qⱼ log qⱼ),  qⱼ = σⱼ / Σ σ,  σ the singular values of the centred states

    If all states are equal, the rank is 0.

    Args:
        states: Hidden states of tokens, ``(T, d)``, T >= 1.

    Returns:
        0, or a number from 1 to min(T - 1, d).

    Raises:
        TypeError: ``states`` holds no real numbers.
        ValueError: It is no matrix, is empty, or holds NaN or infinities.

    Source:
        Roy and Vetterli's effective rank as VERL (arXiv:2509.23808) uses it; equation not seen. Centring is the
        authors' code.

    Example:
        >>> round(effective_rank([[1, 0], [-1, 0], [0, 1], [0, -1]]), 9)
        2.0
    """
    return _rank_of("states", as_numpy("states", states))


def _rank_of(name: str, z: NDArray[np.float64]) -> float:
    """Effective rank of states that are called ``name`` in errors."""
    if z.ndim != 2 or not z.size:
        raise invalid(name, z.shape, "a matrix, tokens times dimensions")
    require_finite(name, z)
    # The rank depends neither on origin nor on unit: subtracting the first state keeps a common offset out of the
    # rounding, and scaling by a power of two changes no digit. In halves, because a difference may overflow.
    z = z / 2 - z[0] / 2
    largest = float(np.abs(z).max())
    if largest == 0:
        return 0.0
    z = np.ldexp(z, -math.frexp(largest)[1])
    sigma = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)
    # Smaller singular values are rounding.
    sigma = sigma[sigma > max(z.shape) * np.finfo(float).eps]
    q = sigma / sigma.sum()
    return float(np.exp(-(q * np.log(q)).sum()))


@dataclass(frozen=True, eq=False)
class RankDynamics:
    """How the effective rank of responses grows; arrays ``(..., G)``, one entry for each response.

    Attributes:
        rank: ER of the whole response.
        velocity: ERV, how much it rises along the response, see :func:`rank_dynamics`.
        acceleration: ERA, how much this rise itself grows.
    """

    rank: NDArray[np.float64]
    velocity: NDArray[np.float64]
    acceleration: NDArray[np.float64]


@self_contained
def rank_dynamics(responses: Sequence[Any], *, stride: int = 40) -> RankDynamics:
    """Measure effective rank, its velocity and its acceleration for the responses of a group.

    m_k = ER of the first k·s states;  d_k = m_k - mean(m_1 … m_{k-1});  ERV = mean d_k;  ERA = mean (d_k - d_{k-1})

    A response too short for a difference has ERV or ERA 0 (our assumption).

    Args:
        responses: Hidden states of each response, ``(Tᵢ, d)``.
        stride: s >= 1, tokens between two measurements.

    Returns:
        The dynamics, ``(G,)``.

    Raises:
        TypeError: ``responses`` hold no real numbers.
        ValueError: One of them is no matrix or holds NaN or infinities, or ``stride`` < 1.

    Source:
        VERL (arXiv:2509.23808); equations not seen, formulas from the authors' code.

    Example:
        >>> states = [[1, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 3], [0, 0, -3]]
        >>> found = rank_dynamics([states], stride=2)
        >>> found.velocity.round(3), found.acceleration.round(3)
        (array([1.097]), array([0.415]))
    """
    require_integer("stride", stride, low=1)
    each = [as_numpy("responses", states) for states in as_sequence("responses", responses, "matrices")]
    found = np.zeros((3, len(each)))
    for i, z in enumerate(each):
        whole = _rank_of("responses", z)
        m = [_rank_of("responses", z[:end]) for end in range(stride, len(z) + 1, stride)]
        d = [m[k] - np.mean(m[:k]) for k in range(1, len(m))]
        found[:, i] = whole, np.mean(d) if d else 0.0, np.mean(np.diff(d)) if len(d) > 1 else 0.0
    return RankDynamics(*found)


@dataclass(frozen=True)
class RankBaselines:
    """Moving averages of rank, velocity and acceleration over batches.

    Attributes:
        rank: Moving average of ER; None before the first batch.
        velocity: Moving average of ERV; None before the first batch.
        acceleration: Moving average of ERA; None before the first batch.
        share: α, weight of the new batch, in (0, 1].

    Raises:
        ValueError: ``share`` is out of range.

    Example:
        >>> one = np.ones(4)
        >>> RankBaselines().update(RankDynamics(4 * one, one, one)).update(RankDynamics(5 * one, one, one)).rank
        4.3
    """

    observes: ClassVar[str] = "dynamics"

    rank: float | None = None
    velocity: float | None = None
    acceleration: float | None = None
    share: float = 0.3

    def __post_init__(self) -> None:
        if require_number("share", self.share, low=0.0, high=1.0) == 0:
            raise invalid("share", 0, "positive")
        for name in ("rank", "velocity", "acceleration"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name))

    @self_contained
    def update(self, dynamics: RankDynamics) -> RankBaselines:
        """Take a batch into the averages: x̄⁺ = (1 - α)·x̄ + α·mean(x), or mean(x) for the first batch.

        Args:
            dynamics: Dynamics of the batch's responses.

        Returns:
            The next averages.

        Raises:
            TypeError: ``dynamics`` is no :class:`RankDynamics`.
            ValueError: There is no response, or a number is NaN or infinite.
        """

        def moved(name: str) -> float:
            values, old = as_numpy(f"dynamics.{name}", getattr(dynamics, name)), getattr(self, name)
            if not values.size:
                raise invalid(f"dynamics.{name}", values.shape, "of one response at least")
            require_finite(f"dynamics.{name}", values)
            new = float(np.mean(values))
            return new if old is None else (1 - self.share) * old + self.share * new

        if not isinstance(dynamics, RankDynamics):
            raise invalid("dynamics", dynamics, "RankDynamics", TypeError)
        return RankBaselines(moved("rank"), moved("velocity"), moved("acceleration"), self.share)


@self_contained
def verl_rank(
    rewards: Any,
    dynamics: RankDynamics,
    baselines: RankBaselines,
    *,
    gain: float = 2.0,
    kappa: float = 2.0,
    eps: float = 1e-6,
    ddof: int = 0,
) -> NDArray[np.float64]:
    """VERL (the method, not the trainer of that name): a bonus for a high or growing effective rank.

    Aᵢ = zᵢ + min(max(0, Φᵢ), |zᵢ|/κ),  Φ = β tanh ρ(ER) + (1 - β) tanh ρ(ERV),  β = σ(g·ρ(ERA))
    ρ(x) = clamp((x - x̄) / (|x̄| + 1e-8), -5, 5), x̄ the moving average;  z GRPO's advantage

    The bonus is never negative, and for κ > 1 never changes the sign of an advantage. The authors' code gives it to
    the last token alone.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        dynamics: Rank dynamics of the same responses.
        baselines: Moving averages x̄ over at least one batch.
        gain: g >= 0.
        kappa: κ > 0.
        eps: ε >= 0 of GRPO, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Advantages, ``(..., G)``.

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``dynamics`` or ``baselines`` is of another type.
        ValueError: G < 2, a number is NaN or infinite, shapes differ, the baselines are empty, a parameter is out of
            range.

    Source:
        VERL (arXiv:2509.23808); equations not seen, formulas from the authors' code. That the paper gives the bonus to
        the whole response is our assumption.

    Example:
        >>> usual = RankBaselines(10.0, 1.0, 0.1)
        >>> dynamics = RankDynamics(np.array([20.0, 10, 10, 5]), np.array([1.0, 1, 1, 1]), np.array([0.1] * 4))
        >>> verl_rank([1, 1, 0, 0], dynamics, usual, eps=0).round(3)
        array([ 1.381,  1.   , -1.   , -1.   ])
    """
    gain, kappa = require_number("gain", gain, low=0.0), require_number("kappa", kappa, low=0.0)
    if kappa == 0:
        raise invalid("kappa", 0, "positive")
    for name, value, kind in (("dynamics", dynamics, RankDynamics), ("baselines", baselines, RankBaselines)):
        if not isinstance(value, kind):
            raise invalid(name, value, f"{kind.__name__}", TypeError)
    base = grpo(as_numpy("rewards", rewards), eps=eps, ddof=ddof)
    relative = {}
    for name in ("rank", "velocity", "acceleration"):
        values, usual = as_numpy(f"dynamics.{name}", getattr(dynamics, name)), getattr(baselines, name)
        require_shape(f"dynamics.{name}", values, base.shape, "one for each reward")
        require_finite(f"dynamics.{name}", values)
        if usual is None:
            raise invalid("baselines", baselines, "updated with one batch at least")
        relative[name] = np.clip((values - usual) / (abs(usual) + 1e-8), -5.0, 5.0)
    beta = 1 / (1 + np.exp(-gain * relative["acceleration"]))
    phi = beta * np.tanh(relative["rank"]) + (1 - beta) * np.tanh(relative["velocity"])
    return np.asarray(base + np.minimum(np.maximum(0.0, phi), np.abs(base) / kappa))
