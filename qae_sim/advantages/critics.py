"""Advantages of tokens with a critic: generalised advantage estimation, and what long responses made of it.

A critic's value V of each token stands for the reward that is expected before the token is sampled. The response's
reward comes with its last token; nothing is left to expect after it.
"""

from __future__ import annotations

from typing import Any

from qae_sim.advantages._statistics import checked_rewards, restored
from qae_sim.advantages.token_credit import of_tokens
from qae_sim.arrays import (
    Array,
    Namespace,
    checked_mask,
    invalid,
    require_finite,
    require_number,
    self_contained,
    working_precision,
)
from qae_sim.frozen import dataclass


@dataclass(frozen=True, eq=False)
class CriticAdvantages:
    """Advantages of tokens, and what the critic is trained towards.

    Attributes:
        advantages: ``(..., G, T)``; 0 outside the mask.
        returns: Targets of the critic, ``(..., G, T)``; 0 outside the mask.
    """

    advantages: Array
    returns: Array


@self_contained
def gae(rewards: Array, values: Array, mask: Array, *, gamma: float = 1.0, lam: float = 0.95) -> CriticAdvantages:
    """Generalised advantage estimation: discounted sums of the critic's surprises.

    A_t = Σ_{s>=t} (γλ)^{s-t} δ_s,  δ_s = r_s + γ V_{s+1} - V_s,  returns = A + V

    The reward r_s is that of the response at its last token and 0 elsewhere. λ = 1 gives γ^{T-t} r - V_t, whatever the
    critic says of later tokens; λ = 0 gives δ_t. PPO whitens the advantages over the batch's tokens; QAE's future work
    puts a quantile in the place of that mean: ``quantile_whitening(gae(...).advantages, k, mask=mask)``.

    Args:
        rewards: Rewards of responses, ``(..., G)``, G >= 1, any finite numbers.
        values: V, ``(..., G, T)``.
        mask: True (1) at a response's own tokens, same shape; other tokens are skipped.
        gamma: γ in [0, 1].
        lam: λ in [0, 1].

    Returns:
        Advantages and returns.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: No responses, a number NaN or infinite, shapes that do not fit, ``gamma`` or ``lam`` outside [0, 1],
            or an advantage exceeds the floating range.

    Source:
        High-dimensional continuous control using GAE (arXiv:1506.02438); equation not seen, formula as verl has it.

    Example:
        >>> gae([1.0], [[0.5, 0.25]], [[1, 1]], lam=0.5).advantages
        array([[0.125, 0.75 ]])
        >>> gae([1.0], [[0.5, 0.25]], [[1, 1]], lam=1).returns
        array([[1., 1.]])
    """
    lam = require_number("lam", lam, low=0.0, high=1.0)
    return _estimated("gae", rewards, values, mask, gamma, lambda x, lengths: (lam, lam))


@self_contained
def decoupled_gae(
    rewards: Array, values: Array, mask: Array, *, gamma: float = 1.0, lam: float = 0.95, critic_lam: float = 1.0
) -> CriticAdvantages:
    """Decoupled GAE: one λ for the policy's advantages, another for the critic's targets.

    A_t = Σ_{s>=t} (γλ)^{s-t} δ_s,  returns_t = V_t + Σ_{s>=t} (γλ_critic)^{s-t} δ_s,  δ the surprises of GAE

    With λ < 1 the reward reaches the t-th of T tokens with the factor λ^{T-t}, and a critic trained on such returns
    learns little of it at the beginning of a long response (claim ``vc-ppo.reward-decays``); λ_critic = 1
    gives every token the whole reward as target.

    Args:
        rewards: Rewards of responses, ``(..., G)``, G >= 1, any finite numbers.
        values: V, ``(..., G, T)``.
        mask: True (1) at a response's own tokens, same shape; other tokens are skipped.
        gamma: γ in [0, 1].
        lam: λ in [0, 1].
        critic_lam: λ_critic in [0, 1].

    Returns:
        Advantages and returns.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: No responses, a number NaN or infinite, shapes that do not fit, ``gamma``, ``lam`` or ``critic_lam``
            outside [0, 1], or an advantage exceeds the floating range.

    Source:
        What's behind PPO's collapse in long-CoT, VC-PPO (arXiv:2503.01491); equation not seen, formula as NeMo-RL has
        it.

    Example:
        >>> found = decoupled_gae([1.0], [[0.5, 0.25]], [[1, 1]], lam=0.5)
        >>> found.advantages, found.returns
        (array([[0.125, 0.75 ]]), array([[1., 1.]]))
    """
    lam = require_number("lam", lam, low=0.0, high=1.0)
    critic = require_number("critic_lam", critic_lam, low=0.0, high=1.0)
    return _estimated("decoupled_gae", rewards, values, mask, gamma, lambda x, lengths: (lam, critic))


@self_contained
def length_adaptive_gae(
    rewards: Array, values: Array, mask: Array, *, gamma: float = 1.0, alpha: float = 0.05, critic_lam: float = 1.0
) -> CriticAdvantages:
    """Length-adaptive GAE: the longer a response, the nearer its λ is to 1.

    A_t = Σ_{s>=t} (γλᵢ)^{s-t} δ_s,  λᵢ = max(0, 1 - 1/(α lᵢ)), lᵢ the response's length,  δ the surprises of GAE

    The critic's targets have a λ of their own, as in :func:`decoupled_gae`.
    1/(1 - λ) is the number of tokens that a sum with weights λ^s reaches over; here it is αl, a fixed share of the
    response. Responses of 1/α tokens or fewer have λ = 0.

    Args:
        rewards: Rewards of responses, ``(..., G)``, G >= 1, any finite numbers.
        values: V, ``(..., G, T)``.
        mask: True (1) at a response's own tokens, same shape; other tokens are skipped.
        gamma: γ in [0, 1].
        alpha: α > 0.
        critic_lam: λ of the critic's targets, in [0, 1].

    Returns:
        Advantages and returns.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: No responses, a number NaN or infinite, shapes that do not fit, ``gamma`` or ``critic_lam`` outside
            [0, 1], ``alpha`` not positive, or an advantage exceeds the floating range.

    Source:
        Yue et al., VAPO (arXiv:2504.05118); equation not seen, formula as NeMo-RL and AReaL have it.

    Example:
        >>> length_adaptive_gae([1.0], [[0.5, 0.25]], [[1, 1]], alpha=1).advantages  # λ = 1/2
        array([[0.125, 0.75 ]])
    """
    share = require_number("alpha", alpha, low=0.0)
    if share == 0:
        raise invalid("alpha", alpha, "positive")
    critic = require_number("critic_lam", critic_lam, low=0.0, high=1.0)

    def lams(xp: Namespace, lengths: Array) -> tuple[Array, float]:
        reach = xp.where(share * lengths < 1, 1.0, share * lengths)
        return 1 - 1 / reach, critic

    return _estimated("length_adaptive_gae", rewards, values, mask, gamma, lams)


def _estimated(name: str, rewards: Array, values: Array, mask: Array, gamma: float, lams: Any) -> CriticAdvantages:
    """Both sums, each with its λ: numbers, or one for each response; ``lams`` makes them from the lengths."""
    gamma = require_number("gamma", gamma, low=0.0, high=1.0)
    r, xp = checked_rewards(rewards, smallest_group=1)
    require_finite("rewards", r)
    x = working_precision(r)
    v = of_tokens("values", values, x)
    own = checked_mask(mask, v, "values")
    policy, critic = lams(xp, xp.sum(xp.astype(own, x.dtype), axis=-1))
    advantages = _sums(xp, x, v, own, gamma, policy)
    returns = xp.where(own, _sums(xp, x, v, own, gamma, critic) + v, 0.0)
    return CriticAdvantages(restored(name, advantages, r), restored(name, returns, r))


def _sums(xp: Namespace, x: Array, v: Array, own: Array, gamma: float, lam: Any) -> Array:
    """Σ (γλ)^s δ, token by token from the end; what is not masked is skipped."""
    total = later = xp.zeros_like(x)
    ended = xp.zeros_like(x, dtype=xp.bool)
    found = []
    for t in range(v.shape[-1] - 1, -1, -1):
        here, value = own[..., t], v[..., t]
        surprise = xp.where(ended, xp.zeros_like(x), x) + gamma * later - value
        total = xp.where(here, surprise + gamma * lam * total, total)
        later = xp.where(here, value, later)
        ended = ended | here
        found.append(xp.where(here, total, xp.zeros_like(total)))
    return xp.stack(found[::-1], axis=-1) if found else xp.zeros_like(v)
