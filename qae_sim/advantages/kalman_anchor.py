"""A true Kalman filter for the model's capability, for comparison with HA-DW's Kalman-style updates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from qae_sim.advantages._statistics import checked_rewards
from qae_sim.advantages.anchors import Rate, batch_accuracy, make_plain, require_rate, towards
from qae_sim.arrays import (
    Array,
    Namespace,
    invalid,
    number_of,
    require_count,
    require_finite,
    require_number,
    self_contained,
)
from qae_sim.frozen import dataclass


def design_effect(group_size: int, rho: float) -> float:
    """Factor by which dependence within prompts inflates the variance of a batch's accuracy.

    1 + (G - 1)·ρ

    Args:
        group_size: G, 1..2⁶³ - 1.
        rho: Correlation of two responses to the same prompt, in [0, 1].

    Returns:
        The factor, 1 for independent responses, G when a prompt's responses all agree.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of range.

    Source:
        Kish, Survey Sampling (1965).

    Example:
        >>> design_effect(16, 0.2)
        4.0
    """
    return 1 + (require_count("group_size", group_size) - 1) * require_number("rho", rho, low=0.0, high=1.0)


@self_contained
def intraclass_correlation(rewards: Array) -> float:
    """Intraclass correlation ρ: how much responses to one prompt agree beyond chance, by analysis of variance.

    ρ̂ = (B - W) / (B + (G - 1) W), B and W the mean squares between and within prompts

    :class:`KalmanAnchor` needs ρ; the estimate can be negative by chance.

    Args:
        rewards: ``(N, G)``, N >= 2 prompts, G >= 2 responses.

    Returns:
        ρ̂, in [-1/(G-1), 1].

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: Another shape, NaN or infinite rewards, or rewards that are all equal (ρ is then undefined).

    Source:
        Donner, A review of inference procedures for the intraclass correlation coefficient (1986).

    Example:
        >>> intraclass_correlation([[1, 1], [0, 0], [1, 1]])
        1.0
    """
    r, xp = checked_rewards(rewards)
    if r.ndim != 2 or r.shape[0] < 2:
        raise invalid("rewards", tuple(r.shape), "of shape (N, G) with N >= 2 prompts")
    require_finite("rewards", r)
    r = xp.astype(r, xp.float64)
    # ρ̂ depends neither on unit nor on origin: powers of two bring the rewards, then their spread, to a size whose
    # squares neither overflow nor underflow.
    r = r * _power_of_two_below(xp, r)
    r = r - r[0, 0]
    if not bool(xp.any(r != 0)):
        raise invalid("rewards", "rewards of one value", "of more than one value")
    r = r * _power_of_two_below(xp, r)
    prompts, size = r.shape
    means = xp.mean(r, axis=-1)
    between = size * number_of(xp.sum((means - xp.mean(means)) ** 2)) / (prompts - 1)
    within = number_of(xp.sum((r - means[:, None]) ** 2)) / (prompts * (size - 1))
    return float((between - within) / (between + (size - 1) * within))


def _power_of_two_below(xp: Namespace, r: Array) -> float:
    """Scale that brings the largest magnitude near 1 without changing a digit; 1 for zeros."""
    exponent = math.frexp(number_of(xp.max(xp.abs(r))))[1]
    # The cap is for subnormal numbers, whose scale would overflow.
    return math.ldexp(1.0, min(-exponent, 1000))


def steady_state_gain(process_variance: float, observation_variance: float) -> float:
    """Gain at which a Kalman filter for a random walk settles.

    P = (q + √(q² + 4qR)) / 2,  gain = P / (P + R) = 2√q / (√q + √(q + 4R))

    Args:
        process_variance: q, variance of one step of the capability, > 0.
        observation_variance: R, variance of one batch's accuracy around the capability, >= 0.

    Returns:
        The gain, in (0, 1]; 1 for R = 0.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of range.

    Source:
        The scalar algebraic Riccati equation P² = q(P + R); Kalman (1960).

    Example:
        >>> steady_state_gain(2.0, 1.0).__round__(6)
        0.732051
    """
    q = require_number("process_variance", process_variance, low=0.0)
    noise = require_number("observation_variance", observation_variance, low=0.0)
    if q == 0:
        raise invalid("process_variance", process_variance, "positive: without steps the gain falls to 0")
    # P² = q(P + R) makes the gain q/P; in square roots nothing leaves the floating range.
    root = math.sqrt(q)
    return 2 * root / (root + math.hypot(root, 2 * math.sqrt(noise)))


@dataclass(frozen=True)
class KalmanAnchor:
    """A Kalman filter for a capability that does a random walk and is observed through batches of responses.

    predict: P⁻ = P + q;  gain = P⁻ / (P⁻ + R);  update: C⁺ = C⁻ + gain·(y - C⁻), P = (1 - gain)·P⁻

    R = C̃(1 - C̃)/B · (1 + (G - 1)ρ): binomial noise of B responses, inflated because responses to one prompt share
    its difficulty (ρ = 0 is plain binomial noise). The capability inside R is not known, so its belief is used, moved
    to C̃ = (B·C⁻ + 1)/(B + 2) so that R > 0 also for a belief of exactly 0 or 1. The belief stays in [0, 1], being a
    weighted mean of C⁻ and y.

    Attributes:
        belief: C⁻ before the current batch, in [0, 1].
        variance: P, variance of the belief after the last batch, in [0, 1]; 1/12 is that of a uniform guess.
        process_variance: q, variance of one step of the capability, in (0, 1].
        rho: Correlation of two responses to one prompt, in [0, 1]; see :func:`intraclass_correlation`.

    Raises:
        TypeError: A value is no number.
        ValueError: A value is out of range.

    Source:
        Kalman (1960); the optimal counterpart of HA-DW's Eq. 8, which calls itself Kalman-style.

    Example:
        >>> round(KalmanAnchor().update([[1, 0, 0, 0]] * 64).belief, 3)
        0.253
    """

    observes: ClassVar[str] = "correct"

    belief: float = 0.5
    variance: float = 1 / 12
    process_variance: float = 1e-4
    rho: float = 0.0

    def __post_init__(self) -> None:
        belief, variance = require_rate("belief", self.belief), require_rate("variance", self.variance)
        step = require_number("process_variance", self.process_variance, low=0.0, high=1.0)
        if step == 0:
            raise invalid("process_variance", self.process_variance, "positive: without steps the gain falls to 0")
        rho = require_number("rho", self.rho, low=0.0, high=1.0)
        make_plain(self, belief=belief, variance=variance, process_variance=step, rho=rho)

    @self_contained
    def observation_variance(self, responses: int, group_size: int) -> Rate:
        """Variance of a batch's accuracy around the believed capability.

        Args:
            responses: B, number of responses in the batch, >= 1.
            group_size: G, responses per prompt, >= 1.

        Returns:
            R, > 0.
        """
        count = require_count("responses", responses)
        c = (count * self.belief + 1) / (count + 2)
        wrong = (count * (1 - self.belief) + 1) / (count + 2)  # 1 - c, which rounding cannot bring to 0
        return c * wrong / count * design_effect(group_size, self.rho)

    @self_contained
    def gain(self, responses: int, group_size: int) -> Rate:
        """Weight of a batch of the given size, in (0, 1).

        Args:
            responses: B, number of responses in the batch, >= 1.
            group_size: G, responses per prompt, >= 1.

        Returns:
            P⁻ / (P⁻ + R).
        """
        prior = self.variance + self.process_variance
        return prior / (prior + self.observation_variance(responses, group_size))

    def update(self, rewards: Array) -> KalmanAnchor:
        """Move the belief towards the batch's accuracy by the gain.

        Args:
            rewards: ``(..., G)``, in [0, 1].

        Returns:
            The anchor for the next batch.
        """
        return self.after(*batch_accuracy(rewards))

    @self_contained
    def after(self, accuracy: Rate, responses: int, group_size: int) -> KalmanAnchor:
        """Move the belief towards an accuracy, or the beliefs of several runs towards theirs.

        Args:
            accuracy: y, in [0, 1]: a number, or ``(R,)``.
            responses: B, number of responses in the batch, >= 1.
            group_size: G, responses per prompt, >= 1.

        Returns:
            The anchor for the next batch.
        """
        gain = self.gain(responses, group_size)
        prior = self.variance + self.process_variance
        return replace(self, belief=towards(self.belief, accuracy, gain), variance=(1 - gain) * prior)
