"""Reg-GRPO: advantages as the target of a regression instead of weights of a policy gradient."""

from __future__ import annotations

from qae_sim.advantages._statistics import checked_rewards, deviations
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    as_floating,
    like,
    require_finite,
    require_number,
    require_shape,
    self_contained,
    working_precision,
)


@self_contained
def reg_grpo(rewards: Array, log_ratios: Array, *, eps: float = 1e-6, ddof: int = 0) -> Array:
    """Reg-GRPO's loss: how far standardised log-ratios of the policy are from standardised rewards.

    L = mean_i (z(r)ᵢ - z(ρ)ᵢ)²,  z(x)ᵢ = (xᵢ - mean(x)) / (std(x) + ε),  ρᵢ = log π(yᵢ) / π_old(yᵢ)

    It is 0 wherever ρ = c + s·r with any s > 0, so it does not determine how far the policy moves (claim
    ``reg-grpo.scale``). Where the policy is the old one, ρ is 0 and z(ρ) = 0/ε, so ε decides the size of the first
    step: the gradient is -2 z(r)/(G·ε) (claim ``reg-grpo.first-step``). The regulariser (a KL term) is the caller's.

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.
        log_ratios: ρ of whole responses, same shape; gradients flow through it.
        eps: ε > 0, in units of the rewards and of ρ.
        ddof: 0 for the population standard deviation, 1 for the sample one.

    Returns:
        Loss of each group, ``(...)``.

    Raises:
        TypeError: ``rewards`` or ``log_ratios`` hold no real numbers.
        ValueError: G < 2, a number is NaN or infinite, shapes differ, ``eps`` is not positive, ``ddof`` is neither 0
            nor 1.

    Source:
        DeepVideo-R1 (arXiv:2506.07464), Reg-GRPO; the printed loss was not seen, its squared error is our assumption.

    Example:
        >>> float(reg_grpo([1.0, 0.0], [0.0, 0.0]).round(3)), float(reg_grpo([1.0, 0.0], [0.3, 0.1]).round(3))
        (1.0, 0.0)
    """
    require_number("eps", eps, low=0.0, open_interval=True)
    r, _ = checked_rewards(rewards)
    rho, xp = as_floating("log_ratios", log_ratios)
    require_shape("log_ratios", rho, tuple(r.shape), "the shape of rewards")
    require_finite("log_ratios", rho)
    rho = working_precision(rho)
    target = like("rewards", rho, grpo(working_precision(r), eps=eps, ddof=ddof))
    gap = target - deviations(rho, ddof=ddof, name="log_ratios").standardised(eps)
    return xp.mean(gap * gap, axis=-1)
