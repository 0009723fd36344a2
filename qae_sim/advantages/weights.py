"""HA-DW: weights that compare a prompt's success rate with an anchor, the model's capability."""

from __future__ import annotations

from typing import TypeAlias

from qae_sim.advantages._statistics import checked_rewards
from qae_sim.advantages.anchors import DifficultyAnchor, Rate, require_rate, require_unit_interval
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    invalid,
    like,
    number_of,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    working_precision,
)
from qae_sim.frozen import dataclass

Anchor: TypeAlias = float | DifficultyAnchor


def belief_of(anchor: Anchor) -> Rate:
    """Read C⁻ off an anchor, or take it as a number.

    Args:
        anchor: An anchor, or a number in [0, 1]; for several runs one number each, ``(R,)``.

    Returns:
        C⁻.

    Raises:
        TypeError: ``anchor`` is neither.
        ValueError: It lies outside [0, 1].

    Example:
        >>> from qae_sim.advantages import FixedAnchor
        >>> belief_of(FixedAnchor(0.5)), belief_of(0.3)
        (0.5, 0.3)
    """
    return require_rate("anchor", getattr(anchor, "belief", anchor))


@dataclass(frozen=True, eq=False)
class HistoryWeights:
    """HA-DW's direction, magnitude and weight of each response.

    Attributes:
        D: -sgn(Â)·sgn(p̂ - C⁻), ``(..., G)``: +1 where the response counts more, -1 where less, 0 where p̂ = C⁻ or Â = 0.
        M: |p̂ - C⁻|, ``(..., 1)``.
        Phi: λ·exp(D·M), ``(..., G)``, in [λ/e, λ·e].
    """

    D: Array
    M: Array
    Phi: Array


def difficulty_weights(
    xp: Namespace, difference: Array, advantages: Array, lambda_scale: float
) -> tuple[Array, Array, Array]:
    """HA-DW's direction, magnitude and weight, from how far the success rate is above the anchor.

    D = -sgn(Â)·sgn(d),  M = |d|,  Φ = λ·exp(D·M)

    Args:
        xp: Array library of both arrays.
        difference: d = p̂ - C⁻, of a shape that broadcasts against the advantages: axes of runs may stand anywhere.
        advantages: Â, any shape.
        lambda_scale: λ, > 0.

    Returns:
        D, M and Φ.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eqs. 13-16.

    Example:
        >>> import numpy as np
        >>> difficulty_weights(np, np.array([-0.5]), np.array([2.0, 0.0, -2.0]), 1.0)[2].round(3)
        array([1.649, 1.   , 0.607])
    """
    direction, magnitude = -xp.sign(advantages) * xp.sign(difference), xp.abs(difference)
    return direction, magnitude, lambda_scale * xp.exp(direction * magnitude)


@self_contained
def ha_dw_weights(rewards: Array, advantages: Array, anchor: Anchor, *, lambda_scale: float = 1.3) -> HistoryWeights:
    """HA-DW's weights: larger for rare successes on hard prompts and for remaining failures on easy ones.

    diff = p̂ - C⁻;  D = -sgn(Â)·sgn(diff);  M = |diff|;  Φ = λ·exp(D·M)

    Hard here means harder than the anchor, p̂ < C⁻: correct responses get λe^M, wrong ones λe^(-M); above it the
    reverse. The anchor is the one from before the batch.

    Args:
        rewards: ``(..., G)``, in [0, 1].
        advantages: Â of the same responses, ``(..., G)``.
        anchor: An anchor, or C⁻ itself, in [0, 1].
        lambda_scale: λ, > 0 (1.3 was best in the paper's ablation; its theory does not single out a value).

    Returns:
        D, M and Φ.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes differ, a reward lies outside [0, 1], an advantage is NaN or infinite, ``anchor`` or
            ``lambda_scale`` is out of range.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eqs. 13-16.

    Example:
        >>> ha_dw_weights([1, 0, 0, 0], [1.7, -0.6, -0.6, -0.6], 0.75, lambda_scale=1.0).Phi.round(3)
        array([1.649, 0.607, 0.607, 0.607])
    """
    r, xp = checked_rewards(rewards, smallest_group=1)
    require_unit_interval(r)
    scale = require_number("lambda_scale", lambda_scale, low=0.0)
    if scale == 0:
        raise invalid("lambda_scale", lambda_scale, "positive")
    x = working_precision(r)
    a = like("advantages", x, as_floating("advantages", advantages)[0])
    require_shape("advantages", a, tuple(r.shape), "the shape of rewards")
    require_finite("advantages", a)
    belief = belief_of(anchor)
    if getattr(belief, "ndim", 0):
        belief = like("anchor", x, belief)
        if any(n not in (1, m) for n, m in zip(belief.shape[::-1], x.shape[::-1], strict=False)):
            raise invalid("anchor", tuple(belief.shape), f"of a shape that broadcasts with rewards {tuple(x.shape)}")
    parts = difficulty_weights(xp, xp.mean(x, axis=-1, keepdims=True) - belief, a, scale)
    found = HistoryWeights(*(xp.astype(part, r.dtype, copy=False) for part in parts))
    if not bool(xp.all(xp.isfinite(found.Phi))):
        raise invalid("lambda_scale", lambda_scale, f"small enough for the weights to fit {r.dtype}")
    return found


@self_contained
def ha_dw(
    rewards: Array,
    anchor: Anchor,
    *,
    advantages: Array | None = None,
    lambda_scale: float = 1.3,
    eps: float = 1e-6,
    ddof: int = 0,
) -> Array:
    """History-aware adaptive difficulty weighting: GRPO's advantages times Φ.

    A = Φ·Â

    Args:
        rewards: ``(..., G)``, in [0, 1], G >= 2.
        anchor: An anchor from before this batch, or C⁻ itself, in [0, 1].
        advantages: Â to weight instead of GRPO's, for example those of :func:`~qae_sim.advantages.qae`, ``(..., G)``.
        lambda_scale: λ, > 0.
        eps: ε of the GRPO advantage (without ``advantages``).
        ddof: Of the GRPO advantage (without ``advantages``).

    Returns:
        Advantages, ``(..., G)``; exactly 0 where Â is.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: As for :func:`ha_dw_weights` and :func:`~qae_sim.advantages.grpo`.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eqs. 13-17 and App. B.

    Example:
        >>> ha_dw([1, 0, 0, 0], 0.25, lambda_scale=1.0, eps=0).round(3)
        array([ 1.732, -0.577, -0.577, -0.577])
        >>> ha_dw([1, 0, 0, 0], 0.75, lambda_scale=1.0, eps=0).round(3)
        array([ 2.856, -0.35 , -0.35 , -0.35 ])
    """
    r, xp = checked_rewards(rewards)
    given = advantages is not None
    x = working_precision(r)
    if advantages is None:
        advantages = grpo(x, eps=eps, ddof=ddof)
    weights = ha_dw_weights(x, advantages, anchor, lambda_scale=lambda_scale)
    weighted = weights.Phi * like("advantages", x, advantages)
    result = xp.astype(weighted, r.dtype, copy=False)
    if not bool(xp.all(xp.isfinite(result))):
        largest = number_of(xp.max(xp.abs(weighted)))
        if not given:
            raise invalid("lambda_scale", lambda_scale, f"small enough for the advantages to fit {r.dtype}")
        raise invalid("advantages", f"up to {largest:.6g} after weighting", f"small enough in magnitude for {r.dtype}")
    return result
