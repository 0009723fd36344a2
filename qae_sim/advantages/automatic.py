"""K that follows the success rate, the entropy or the gradient variance of a run; and the batch-wise quantile.

The QAE paper names these as future work and gives no formulas; what follows are our own designs, each derived in its
docstring. An automatic K is a frozen dataclass: ``k`` is K for the current batch, ``update`` returns the next state.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

from qae_sim.advantages._statistics import (
    Quantile,
    checked_binary,
    checked_k,
    deviations,
    group_quantile,
    rank,
    restored,
)
from qae_sim.arrays import (
    Array,
    as_floating,
    checked_mask,
    invalid,
    like,
    number_of,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    take,
    working_precision,
)
from qae_sim.frozen import dataclass


@self_contained
def k_from_success_rate(p_hat: Array, *, hard_share: float = 0.5) -> float:
    """K for which a given share of the batch's prompts counts as hard.

    1 - K = the ``hard_share``-quantile of p̂, taken half-way to the next larger value, so that exactly the prompts up
    to it satisfy p̂ <= 1 - K

    Prompts with p̂ of 0 or 1 give no advantage under any K. They count here, unless they are left out by
    :func:`~qae_sim.advantages.dynamic_sampling_mask`.

    Args:
        p_hat: Success rates of the prompts, in [0, 1], any shape.
        hard_share: Share of the prompts to treat as hard, in (0, 1).

    Returns:
        K in (0, 1).

    Raises:
        TypeError: ``p_hat`` holds no real numbers.
        ValueError: No prompt, a success rate outside [0, 1] or NaN, ``hard_share`` outside (0, 1), or rates so
            extreme that only K = 0 or K = 1 would do (as when all prompts have p̂ = 1).

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "automatic K ... success rate"; the rule is ours.

    Example:
        >>> k_from_success_rate([0.1, 0.2, 0.3, 0.8], hard_share=0.75).__round__(3)
        0.45
    """
    p, xp = as_floating("p_hat", p_hat)
    share = require_number("hard_share", hard_share, low=0.0, high=1.0, open_interval=True)
    if math.prod(p.shape) == 0:
        raise invalid("p_hat", tuple(p.shape), "the success rates of one prompt at least")
    if not bool(xp.all((p >= 0) & (p <= 1))):
        raise invalid("p_hat", number_of(p[~((p >= 0) & (p <= 1))][0]), "in [0, 1] everywhere")
    rates = xp.sort(xp.reshape(xp.astype(p, xp.float64), (-1,)))
    threshold = number_of(rates[rank(share, rates.shape[0]) - 1])
    above = rates[rates > threshold]
    upper = number_of(above[0]) if above.shape[0] else 1.0
    k = 1 - (threshold + upper) / 2
    if not 0 < k < 1:
        raise invalid("p_hat", threshold, "below 1 for the prompts that are to count as hard: no K in (0, 1) does it")
    return k


@dataclass(frozen=True)
class SuccessRateK:
    """Automatic K that keeps a given share of the prompts in the hard regime, smoothed over batches.

    K⁺ = (1 - rate)·K + rate·K_batch, K_batch from :func:`k_from_success_rate`

    Attributes:
        k: K for the current batch, in (0, 1).
        hard_share: Share of the prompts to treat as hard, in (0, 1).
        rate: Weight of the newest batch, in (0, 1].

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "automatic K ... success rate"; the rule is ours.

    Example:
        >>> SuccessRateK(rate=1.0).update([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]).k
        0.375
    """

    observes: ClassVar[str] = "rewards"

    k: float = 0.4
    hard_share: float = 0.5
    rate: float = 0.1

    def __post_init__(self) -> None:
        require_number("k", self.k, low=0.0, high=1.0, open_interval=True)
        require_number("hard_share", self.hard_share, low=0.0, high=1.0, open_interval=True)
        _require_rate(self.rate)

    @self_contained
    def update(self, rewards: Array) -> SuccessRateK:
        """Return the state for the next batch.

        Prompts whose responses are all correct or all wrong are left out; a batch of such prompts changes nothing.

        Args:
            rewards: Binary rewards, ``(..., G)``.

        Returns:
            The next state.

        Raises:
            TypeError: ``rewards`` holds no real numbers.
            ValueError: G < 2, or a reward is neither 0 nor 1.
        """
        r, xp = checked_binary(rewards)
        p_hat = xp.mean(working_precision(r), axis=-1)
        mixed = p_hat[(p_hat > 0) & (p_hat < 1)]
        if mixed.shape[0] == 0:
            return self
        target = k_from_success_rate(mixed, hard_share=self.hard_share)
        return replace(self, k=(1 - self.rate) * self.k + self.rate * target)


def _require_rate(rate: float) -> None:
    """Check a smoothing rate."""
    if require_number("rate", rate, low=0.0, high=1.0) == 0:
        raise invalid("rate", rate, "positive")


@dataclass(frozen=True)
class EntropyTargetK:
    """Automatic K that steers the policy's entropy towards a target: an integral controller.

    logit K⁺ = logit K + gain·(target - H), kept within [logit low, logit high]

    According to the paper, and in toy models, a larger K means more entropy; so K rises while the entropy is below its
    target. The limits are for a target out of reach: without them the summed errors would carry K so close to 0 or 1
    that it could not return, or only after many batches. In groups of G all K below 1/G act alike, and so do all K
    above 1 - 1/G.

    Attributes:
        target: Entropy to hold, in nats, >= 0.
        k: K for the current batch, in [low, high].
        gain: Step on the logit scale per nat of error, > 0.
        low: Smallest K, in (0, 1).
        high: Largest K, in [low, 1).

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "automatic K ... entropy"; the rule is ours.

    Example:
        >>> EntropyTargetK(target=1.0, k=0.5, gain=1.0).update(0.5).k.__round__(4)
        0.6225
    """

    observes: ClassVar[str] = "entropy"

    target: float
    k: float = 0.4
    gain: float = 0.1
    low: float = 0.01
    high: float = 0.99

    def __post_init__(self) -> None:
        require_number("target", self.target, low=0.0)
        low = require_number("low", self.low, low=0.0, high=1.0, open_interval=True)
        high = require_number("high", self.high, low=0.0, high=1.0, open_interval=True)
        if high < low:
            raise invalid("high", self.high, f"at least low = {low}")
        require_number("k", self.k, low=low, high=high)
        if require_number("gain", self.gain, low=0.0) == 0:
            raise invalid("gain", self.gain, "positive")

    @self_contained
    def update(self, entropy: float) -> EntropyTargetK:
        """Return the state for the next batch.

        Args:
            entropy: The policy's entropy on the current batch, in nats, >= 0.

        Returns:
            The next state.

        Raises:
            TypeError: ``entropy`` is no number.
            ValueError: It is negative or not finite.
        """
        error = self.target - require_number("entropy", entropy, low=0.0)
        logit = math.log(self.k) - math.log1p(-self.k) + self.gain * error
        # The logistic function, written so that exp never overflows.
        k = 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
        return replace(self, k=min(max(k, self.low), self.high))


@self_contained
def k_from_gradient_variance(rewards: Array, squared_norms: Array) -> float:
    """K that gives QAE's policy gradient the least variance.

    K* = v₊ / (v₊ + v₋), v± the variance of the score s = ∇ log π among correct (wrong) responses to a prompt:
    v₊ = E₊‖s - E₊[s]‖², v₋ = E₋‖s - E₋[s]‖²

    Derivation. Given that a share p̂ of the group is correct, QAE's gradient (1/G) Σ Aᵢsᵢ is √(p̂/(1-p̂)) times the mean
    score of the p̂·G correct responses on the hard side, with variance v₊/((1-p̂)G); on the easy side it is
    -√((1-p̂)/p̂) times the mean score of the wrong ones, with variance v₋/(p̂·G). On-policy p·E₊[s] + (1-p)·E₋[s] = 0,
    so both sides have the same mean in a large group, and chance in p̂ moves both alike, by E₊[s] - E₋[s] times
    (p̂ - p)/(2√(p(1-p))). The hard side therefore has the smaller variance exactly when v₊/(1-p) <= v₋/p, that is,
    when p <= v₋/(v₊ + v₋) = 1 - K*. With equal variances K* = 1/2.

    The mean of its side is subtracted from each score because the group's own std divides: with plain ‖s‖² the formula
    holds only where E±[s] is small compared with s, as it is for long responses of a large model.

    The assumptions: binary rewards, on-policy, whole-response log-probabilities, large groups, v± the same
    for all prompts.

    Args:
        rewards: Binary rewards, ``(..., G)``, both values present.
        squared_norms: ‖sᵢ - E±[s]‖² of the same responses (or of any fixed projection of it), >= 0.

    Returns:
        K* in (0, 1).

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes differ, rewards not binary or all equal, norms negative, NaN or infinite, all zero on one
            side, or so unlike on the two sides that K* rounds to 0 or 1.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "automatic K ... gradient variance"; the rule is ours.

    Example:
        >>> k_from_gradient_variance([1, 0, 0, 0], [3.0, 1.0, 1.0, 1.0])
        0.75
    """
    correct, wrong = _squared_norms_by_side(rewards, squared_norms)
    if correct is None or wrong is None:
        raise invalid("rewards", "rewards of one value", "of both values, 0 and 1")
    if correct == 0 or wrong == 0:
        raise invalid("squared_norms", 0.0, "positive for some correct and some wrong response")
    return _least_variance("squared_norms", correct, wrong)


def _least_variance(name: str, correct: float, wrong: float) -> float:
    """Compute correct / (correct + wrong) of two positive variances whose sum may overflow."""
    k = 1 / (1 + wrong / correct) if wrong < correct else (correct / wrong) / (1 + correct / wrong)
    if not 0 < k < 1:
        raise invalid(name, (correct, wrong), "of comparable size for correct and wrong responses")
    return k


def _squared_norms_by_side(rewards: Any, squared_norms: Any) -> tuple[float | None, float | None]:
    """Mean squared score norm over the correct and over the wrong responses; None for a side without any."""
    r, xp = checked_binary(rewards)
    norms = like("squared_norms", r, as_floating("squared_norms", squared_norms)[0], xp.float64)
    require_shape("squared_norms", norms, tuple(r.shape), "the shape of rewards")
    require_finite("squared_norms", norms)
    if bool(xp.any(norms < 0)):
        raise invalid("squared_norms", number_of(xp.min(norms)), "at least 0 everywhere")
    # Dividing before adding: a mean fits where a sum may not.
    sides = (norms[r == 1], norms[r == 0])
    correct, wrong = (number_of(xp.sum(side / side.shape[0])) if side.shape[0] else None for side in sides)
    return correct, wrong


@dataclass(frozen=True)
class GradientVarianceK:
    """Automatic K of least gradient variance, from smoothed variances of the score.

    v±⁺ = (1 - rate)·v± + rate·v±(batch),  K = v₊ / (v₊ + v₋)

    Attributes:
        correct: v₊, smoothed variance of the score among correct responses, > 0.
        wrong: v₋, the same among wrong responses, > 0.
        rate: Weight of the newest batch, in (0, 1].

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        As :func:`k_from_gradient_variance`.

    Example:
        >>> GradientVarianceK(rate=0.5).update([1, 0, 0, 0], [3.0, 1.0, 1.0, 1.0]).k.__round__(4)
        0.6667
    """

    correct: float = 1.0
    wrong: float = 1.0
    rate: float = 0.1

    def __post_init__(self) -> None:
        for name, value in (("correct", self.correct), ("wrong", self.wrong)):
            if require_number(name, value, low=0.0) == 0:
                raise invalid(name, value, "positive")
        _require_rate(self.rate)
        _least_variance("correct, wrong", self.correct, self.wrong)

    @property
    def k(self) -> float:
        """K for the current batch, in (0, 1)."""
        return _least_variance("correct, wrong", self.correct, self.wrong)

    @self_contained
    def update(self, rewards: Array, squared_norms: Array) -> GradientVarianceK:
        """Return the state for the next batch; a side without responses keeps its value.

        Args:
            rewards: Binary rewards, ``(..., G)``.
            squared_norms: ‖sᵢ - E±[s]‖² of the same responses.

        Returns:
            The next state.

        Raises:
            TypeError: An argument holds no real numbers.
            ValueError: As for :func:`k_from_gradient_variance`; all rewards may be equal here.
        """
        correct, wrong = _squared_norms_by_side(rewards, squared_norms)
        return replace(
            self,
            correct=self.correct if correct is None else (1 - self.rate) * self.correct + self.rate * correct,
            wrong=self.wrong if wrong is None else (1 - self.rate) * self.wrong + self.rate * wrong,
        )


@self_contained
def quantile_whitening(
    rewards: Array,
    k: float = 0.4,
    *,
    mask: Array | None = None,
    quantile: Quantile = "inverted_cdf",
    eps: float = 1e-6,
    ddof: int = 0,
) -> Array:
    """PPO's whitening with the K-quantile of the whole batch in place of its mean.

    A = (x - Q_K(x)) / (std(x) + ε), quantile and deviation over all unmasked entries of the batch

    Args:
        rewards: Advantages or returns of any level (tokens, responses), any shape, two unmasked entries at least.
        k: K in (0, 1).
        mask: True (1) at the entries that count, the shape of ``rewards``; all by default.
        quantile: ``"inverted_cdf"`` or ``"linear"``, see :func:`~qae_sim.advantages.quantile_baseline`.
        eps: ε >= 0, in units of the rewards.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Whitened rewards, same shape; exactly 0 where masked, and everywhere if all unmasked rewards are equal.

    Raises:
        TypeError: ``rewards`` holds no real numbers, or ``k`` is no number.
        ValueError: Fewer than two unmasked entries, an unmasked entry NaN or infinite, a mask of another shape, a
            parameter out of range.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6, "batch-wise quantile baselines"; the formula is the direct reading.

    Example:
        >>> quantile_whitening([[1.0, 0.0], [0.0, 0.0]], k=0.4, eps=0).round(3)
        array([[2.309, 0.   ],
               [0.   , 0.   ]])
    """
    x, xp = as_floating("rewards", rewards)
    k = checked_k(k, ())
    eps = require_number("eps", eps, low=0.0)
    kept = xp.ones_like(x, dtype=xp.bool) if mask is None else checked_mask(mask, x, "rewards")
    chosen = working_precision(x[kept])
    if chosen.shape[0] < 2:
        raise invalid("rewards", chosen.shape[0], "an array with two unmasked entries at least")
    require_finite("rewards", chosen)
    batch = deviations(chosen[None, :], ddof=ddof, baseline=group_quantile(chosen[None, :], k, quantile))
    whitened = restored("quantile_whitening", batch.standardised(eps)[0, :], x)
    # Position of each unmasked entry among them; masked positions point anywhere and are then set to 0.
    flat = xp.reshape(kept, (-1,))
    place = xp.clip(xp.cumulative_sum(xp.astype(flat, xp.int64)) - 1, 0)
    return xp.where(kept, xp.reshape(take(whitened, place), x.shape), xp.zeros_like(x))
