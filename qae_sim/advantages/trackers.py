"""Baselines that remember: a success rate tracked for each prompt (SPO), a mean reward for each agent (RAE).

The estimators subtract what is expected; the trackers, frozen and with a pure ``update``, say what that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType

from qae_sim.advantages._statistics import checked_companion, checked_rewards, deviations, restored
from qae_sim.arrays import Array, invalid, require_finite, require_number, self_contained, working_precision
from qae_sim.frozen import dataclass


@self_contained
def spo(rewards: Array, expected: Array, *, eps: float = 1e-8, ddof: int = 1) -> Array:
    """Single-stream policy optimisation: the reward minus the prompt's tracked success rate, whitened over the batch.

    dᵢ = rᵢ - p̂(prompt),  Aᵢ = (dᵢ - mean(d)) / (std(d) + ε) over the batch

    One response to each prompt is enough (G = 1): the baseline comes from earlier batches, :class:`BetaTracker`.

    Args:
        rewards: Rewards of the whole batch, ``(..., G)``, any finite numbers.
        expected: p̂ of each prompt from before the batch, ``(...)``.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one (the authors' code).

    Returns:
        Advantages, ``(..., G)``; all 0 where all differences are equal.

    Raises:
        TypeError: ``rewards`` or ``expected`` hold no real numbers.
        ValueError: No responses, a number is NaN or infinite, shapes that do not fit, ``eps`` is negative, ``ddof`` is
            neither 0 nor 1.

    Source:
        Xu and Ding, Single-stream policy optimization (arXiv:2509.13232); equation not seen, formula from the authors'
        code.

    Example:
        >>> spo([[1.0], [0.0]], [0.75, 0.25], ddof=0)  # both a quarter from what was expected
        array([[ 0.99999996],
               [-0.99999996]])
    """
    eps = require_number("eps", eps, low=0.0)
    r, xp = checked_rewards(rewards, smallest_group=1)
    require_finite("rewards", r)
    x = working_precision(r)
    # Halves: the difference of two numbers of the type's own size would not fit it.
    half = x / 2 - checked_companion("expected", expected, x, groups=True) / 2
    batch = deviations(xp.reshape(half, (1, -1)), ddof=ddof)
    return restored("spo", xp.reshape(batch.standardised(eps / 2), r.shape), r)


@dataclass(frozen=True)
class BetaTracker:
    """The success rate of one prompt as SPO tracks it: counts that fade as the policy moves away.

    p̂ = a/(a + b);  a⁺ = ρa + r,  b⁺ = ρb + 1 - r,  ρ = 2^(-D/D½) within [ρ_min, ρ_max]

    D is how far the policy has moved since the prompt was last seen. ρ bounds the memory: a + b tends to 1/(1 - ρ).

    Attributes:
        successes: a >= 0.
        failures: b >= 0, a + b > 0.
        half_life: D½ > 0.
        least: ρ_min in [0, 1].
        most: ρ_max in [ρ_min, 1].

    Raises:
        TypeError: A value is no real number.
        ValueError: A value is out of range.

    Source:
        Xu and Ding, SPO (arXiv:2509.13232); constants of the authors' code.

    Example:
        >>> round(BetaTracker().update(1.0, 0.0).rate, 4)
        0.7551
    """

    successes: float = 0.5
    failures: float = 0.5
    half_life: float = 0.06
    least: float = 0.875
    most: float = 0.96

    def __post_init__(self) -> None:
        for name in ("successes", "failures"):
            require_number(name, getattr(self, name), low=0.0)
        if self.successes + self.failures == 0:
            raise invalid("failures", self.failures, "positive where successes is 0")
        if require_number("half_life", self.half_life, low=0.0) == 0:
            raise invalid("half_life", self.half_life, "positive")
        require_number("least", self.least, low=0.0, high=1.0)
        require_number("most", self.most, low=self.least, high=1.0)

    @property
    def rate(self) -> float:
        """p̂, in [0, 1]."""
        return self.successes / (self.successes + self.failures)

    def update(self, reward: float, moved: float) -> BetaTracker:
        """Return the tracker after a response.

        Args:
            reward: r in [0, 1].
            moved: D >= 0.

        Returns:
            The next tracker.

        Raises:
            TypeError: An argument is no real number.
            ValueError: An argument is out of range.
        """
        r = require_number("reward", reward, low=0.0, high=1.0)
        fading = 2.0 ** (-require_number("moved", moved, low=0.0) / self.half_life)
        kept = min(max(fading, self.least), self.most)
        return replace(self, successes=kept * self.successes + r, failures=kept * self.failures + 1 - r)


@self_contained
def rae(rewards: Array, usual: Array) -> Array:
    """Role-conditioned advantage estimation: the reward minus what the response's agent usually gets.

    Aᵢ = rᵢ - b_{agent(i)}

    In a zero-sum game the mean over both sides is 0 whatever they do; a moving mean for each role (:class:`AgentMeans`)
    is not. With one agent it is REINFORCE with a moving mean as baseline.

    Args:
        rewards: Rewards, ``(..., G)``, any finite numbers.
        usual: b of each response's agent from before its reward, same shape.

    Returns:
        Advantages, ``(..., G)``, in units of the rewards.

    Raises:
        TypeError: ``rewards`` or ``usual`` hold no real numbers.
        ValueError: No responses, a number is NaN or infinite, shapes differ, or an advantage exceeds the floating
            range.

    Source:
        SPIRAL (arXiv:2506.24119); equation not seen, formula as prime-rl has it.

    Example:
        >>> rae([[1.0, -1.0]], [[0.25, -0.25]])
        array([[ 0.75, -0.75]])
    """
    r, _ = checked_rewards(rewards, smallest_group=1)
    require_finite("rewards", r)
    x = working_precision(r)
    return restored("rae", x - checked_companion("usual", usual, x), r)


@dataclass(frozen=True)
class AgentMeans:
    """A moving mean of the rewards of each agent.

    b⁺ = decay·b + (1 - decay)·r, from 0

    Attributes:
        decay: In [0, 1).
        means: b by agent.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: ``decay`` is out of range, or a mean is not finite.

    Source:
        SPIRAL (arXiv:2506.24119), as prime-rl has it: each reward is compared before it is added.

    Example:
        >>> AgentMeans().update("first player", 1.0).mean("first player").__round__(2)
        0.05
    """

    decay: float = 0.95
    means: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if require_number("decay", self.decay, low=0.0, high=1.0) == 1:
            raise invalid("decay", self.decay, "below 1")
        if not isinstance(self.means, Mapping):
            raise invalid("means", self.means, "numbers by the names of agents", TypeError)
        object.__setattr__(
            self, "means", MappingProxyType({k: require_number("means", b) for k, b in self.means.items()})
        )

    def mean(self, agent: str) -> float:
        """What an agent usually gets; 0 for one that has not been seen.

        Args:
            agent: Its name.

        Returns:
            b.
        """
        return self.means.get(agent, 0.0)

    def update(self, agent: str, reward: float) -> AgentMeans:
        """Return the means after a reward.

        Args:
            agent: Whose reward it is.
            reward: Any finite number.

        Returns:
            The next means.

        Raises:
            TypeError: ``reward`` is no real number.
            ValueError: It is not finite.
        """
        r = require_number("reward", reward)
        return replace(self, means={**self.means, agent: self.decay * self.mean(agent) + (1 - self.decay) * r})
