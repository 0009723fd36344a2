"""The losses: clipped surrogates of tokens or whole responses, with and without a selection of tokens.

Each function takes tensors of N responses of T tokens. Responses that no term depends on can be left out, as long as
the weights are those of the whole batch. Several runs are computed at once as ``(S, N, T)``: each has its own loss, and
the function returns their sum, since no run's loss affects the gradients of another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from qae_sim.advantages import reg_grpo
from qae_sim.arrays import require_choice
from qae_sim.lm.config import LOSSES, Config, Loss


@dataclass(frozen=True)
class Surrogate:
    """The loss of a batch, and which of its tokens were clipped.

    Attributes:
        loss: To be minimised, a scalar.
        clipped_low: True at tokens whose gradient is 0 because their ratio is below 1 - low, ``(..., N, T)``.
        clipped_high: The same for ratios above 1 + high.
        clipped_dual: The same for ratios above dual clip's c.
    """

    loss: Tensor
    clipped_low: Tensor
    clipped_high: Tensor
    clipped_dual: Tensor


def token_weights(mask: Tensor, loss: Loss, *, longest: int) -> Tensor:
    """Compute the weight of each token in the loss.

    token: 1 / Σⱼ|oⱼ|;  sequence: 1 / (N·|oᵢ|);  constant: 1 / (N·L)

    Args:
        mask: True at the responses' own tokens, for all responses of the batch, ``(..., N, T)``.
        loss: ``"token"`` (DAPO), ``"sequence"`` (GRPO), ``"constant"`` (Dr. GRPO).
        longest: L, the greatest number of tokens of a response, >= 1.

    Returns:
        Weights, ``(..., N, T)``, float32, 0 where masked.

    Raises:
        ValueError: ``loss`` is none of these, or no token is unmasked.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 2 (GRPO and DAPO); Liu et al. (arXiv:2503.20783), equation not seen.

    Example:
        >>> token_weights(torch.tensor([[True, True], [True, False]]), "sequence", longest=2)
        tensor([[0.2500, 0.2500],
                [0.5000, 0.0000]])
    """
    require_choice("loss", loss, LOSSES)
    own = mask.float()
    lengths = own.sum(dim=-1, keepdim=True)
    if not bool(mask.flatten(-2).any(dim=-1).all()):
        raise ValueError("mask must be set for one token at least; got none")
    if loss == "token":
        return own / lengths.sum(dim=-2, keepdim=True)
    responses = mask.shape[-2]
    if loss == "sequence":
        return own / (responses * lengths.clamp(min=1))
    return own / (responses * longest)


def ppo_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    weights: Tensor,
    *,
    low: float,
    high: float,
    dual: float = math.inf,
) -> Surrogate:
    """Compute PPO's clipped surrogate, token by token; with ``high`` > ``low`` this is Clip-Higher.

    L = -Σᵢₜ wᵢₜ·min(ρᵢₜAᵢₜ, clip(ρᵢₜ, 1 - low, 1 + high)·Aᵢₜ),  ρ = π / π_old

    With dual clip, a term whose advantage is negative is at least dual·Aᵢₜ.

    Args:
        log_probs: log π, ``(..., N, T)``.
        old_log_probs: log π_old, of the policy that sampled the responses, ``(..., N, T)``.
        advantages: ``(..., N, T)``.
        weights: From :func:`token_weights`, ``(..., N, T)``.
        low: ε_low >= 0; 1 or more never clips.
        high: ε_high >= 0; infinity never clips.
        dual: c > 1; infinity is no dual clip.

    Returns:
        The loss, and which tokens were clipped.

    Source:
        Schulman et al., PPO (arXiv:1707.06347), Eq. 7; Yu et al., DAPO (arXiv:2503.14476), Clip-Higher; Ye et al.
        (arXiv:1912.09729), dual clip; equation not seen.

    Example:
        >>> half = torch.tensor([[0.5]]).log()
        >>> ppo_loss(half + 0.3, half, torch.ones(1, 1), torch.ones(1, 1), low=0.2, high=0.28).loss
        tensor(-1.2800)
    """
    ratio = torch.exp(log_probs - old_log_probs)
    return _clipped(ratio, advantages, weights, low, high, dual)


def gspo_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    responses: int,
    low: float,
    high: float,
) -> Surrogate:
    """Compute GSPO's surrogate: one ratio for each response, the geometric mean over its tokens.

    sᵢ = exp((1/|oᵢ|) Σₜ log ρᵢₜ);  L = -(1/N) Σᵢ min(sᵢAᵢ, clip(sᵢ, 1 - low, 1 + high)·Aᵢ)

    If tokens have advantages of their own (GSPO-token), sᵢₜ = sg(sᵢ)·πᵢₜ / sg(πᵢₜ) and Aᵢₜ take the places of sᵢ and
    Aᵢ, and each token has weight 1/(N·|oᵢ|): its gradient is that of its own advantage. Where all tokens of a response
    have the same advantage, value and gradient are those above.

    Args:
        log_probs: log π, ``(..., N', T)``.
        old_log_probs: log π_old, ``(..., N', T)``.
        advantages: ``(..., N', T)``.
        mask: True at the responses' own tokens, ``(..., N', T)``.
        responses: N, number of responses of the whole batch, of which these N' are some.
        low: ε_low; 3e-4 in the paper.
        high: ε_high; 4e-4 in the paper.

    Returns:
        The loss, and which tokens were clipped (all tokens of a response or none).

    Source:
        Zheng et al., GSPO (arXiv:2507.18071); equation not seen.

    Example:
        >>> old = torch.tensor([[-1.0, -2.0]])
        >>> moved = old + torch.tensor([[0.1, -0.1]])
        >>> yes = torch.ones(1, 2, dtype=torch.bool)
        >>> gspo_loss(moved, old, torch.ones(1, 2), yes, responses=1, low=3e-4, high=4e-4).loss
        tensor(-1.)
    """
    lengths = mask.sum(dim=-1, keepdim=True).clamp(min=1)
    change = torch.where(mask, log_probs - old_log_probs, 0.0).sum(dim=-1, keepdim=True) / lengths
    own = torch.where(mask, log_probs - log_probs.detach(), 0.0)  # 0, with the gradient of the token alone
    ratio = torch.exp(change.detach() + own)
    return _clipped(ratio, advantages, mask / (responses * lengths), low, high, math.inf)


def reg_grpo_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, *, group: int) -> Tensor:
    """Compute Reg-GRPO's loss: standardised log-ratios of responses are fitted to their advantages, without a clip.

    L = mean over groups of mean_i (Aᵢ - z(ρ)ᵢ)²,  ρᵢ = Σₜ log πᵢₜ / π_oldᵢₜ

    Args:
        log_probs: log π, ``(..., N, T)``, groups one after the other.
        old_log_probs: log π_old, ``(..., N, T)``.
        advantages: GRPO's, ``(..., N, T)``, the same for all tokens of a response.
        mask: True at the responses' own tokens, ``(..., N, T)``.
        group: G, responses to a prompt, a divisor of N.

    Returns:
        The loss, a scalar.

    Source:
        DeepVideo-R1 (arXiv:2506.07464), see :func:`~qae_sim.advantages.reg_grpo`.

    Example:
        >>> old = torch.zeros(2, 1)
        >>> moved = torch.tensor([[0.2], [0.1]])
        >>> reg_grpo_loss(moved, old, torch.tensor([[1.0], [-1.0]]), old == 0, group=2).round(decimals=3)
        tensor(0.)
    """
    ratios = torch.where(mask, log_probs - old_log_probs, 0.0).sum(dim=-1)
    targets = advantages[..., 0]
    loss: Tensor = reg_grpo(*(x.reshape(*x.shape[:-1], -1, group) for x in (targets, ratios))).mean(dim=-1).sum()
    return loss


def _clipped(ratio: Tensor, advantages: Tensor, weights: Tensor, low: float, high: float, dual: float) -> Surrogate:
    """Compute the clipped surrogate of given ratios."""
    kept, cut = ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages
    term = torch.minimum(kept, cut)
    if dual < math.inf:
        term = torch.where(advantages < 0, torch.maximum(term, dual * advantages), term)
    counted = weights > 0
    return Surrogate(
        -(weights * term).sum(),
        (ratio < 1 - low) & (advantages < 0) & counted,
        (ratio > 1 + high) & (advantages > 0) & counted,
        (ratio > dual) & (advantages < 0) & counted,
    )


def kl_penalty(log_probs: Tensor, reference: Tensor, weights: Tensor) -> Tensor:
    """Estimate the KL divergence to a reference from the sampled tokens.

    Σᵢₜ wᵢₜ·(e^δ - δ - 1),  δ = log π_ref - log π

    It is never negative; its expectation over π is KL(π‖π_ref).

    Args:
        log_probs: log π, ``(..., N, T)``.
        reference: log π_ref, ``(..., N, T)``.
        weights: From :func:`token_weights`, ``(..., N, T)``.

    Returns:
        The penalty, a scalar.

    Source:
        Shao et al., DeepSeekMath (arXiv:2402.03300); equation not seen.

    Example:
        >>> kl_penalty(torch.zeros(1, 1), torch.full((1, 1), 0.5), torch.ones(1, 1))
        tensor(0.1487)
    """
    delta = reference - log_probs
    return (weights * (torch.exp(delta) - delta - 1)).sum()


def kl_cov_loss(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, weights: Tensor, selected: Tensor, *, beta: float
) -> Tensor:
    """Compute KL-Cov's loss: no clip, and a penalty on the selected tokens.

    L = -Σᵢₜ wᵢₜ·(ρᵢₜAᵢₜ - β·1{selected}·|log ρᵢₜ|)

    The paper writes a KL divergence; its code, followed here, takes the absolute log-ratio of the sampled token.

    Args:
        log_probs: log π, ``(..., N, T)``.
        old_log_probs: log π_old, ``(..., N, T)``.
        advantages: ``(..., N, T)``.
        weights: From :func:`token_weights`, ``(..., N, T)``.
        selected: From :func:`~qae_sim.advantages.kl_cov_mask`, ``(..., N, T)``.
        beta: β >= 0.

    Returns:
        The loss, a scalar.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617), KL-Cov; equation not seen.

    Example:
        >>> old = torch.tensor([[-1.0]])
        >>> kl_cov_loss(old + 0.1, old, torch.ones(1, 1), torch.ones(1, 1), old < 0, beta=1.0)
        tensor(-1.0052)
    """
    change = log_probs - old_log_probs
    return -(weights * (torch.exp(change) * advantages - beta * selected * change.abs())).sum()


def surrogate(
    config: Config,
    log_probs: Tensor,
    old: Tensor,
    adv: Tensor,
    weights: Tensor,
    mask: Tensor,
    selected: Tensor,
    *,
    responses: int,
) -> Surrogate:
    """Compute the loss of a run, or of several runs with the same objective.

    Args:
        config: The run, or one of several; its ``objective`` chooses the loss.
        log_probs: log π, ``(..., N', T)``.
        old: log π_old, ``(..., N', T)``.
        adv: Advantages, ``(..., N', T)``.
        weights: From :func:`token_weights`, ``(..., N', T)``.
        mask: True at tokens that take part, ``(..., N', T)``.
        selected: True at tokens that Clip-Cov or KL-Cov has selected, ``(..., N', T)``.
        responses: N, number of responses of the whole batch, of which these N' are some.

    Returns:
        The loss, and which tokens were clipped.
    """
    clip = {"low": config.clip_low, "high": config.clip_high}
    if config.objective == "gspo":
        return gspo_loss(log_probs, old, adv, mask, responses=responses, **clip)
    if config.objective == "reg_grpo":
        none = torch.zeros_like(mask)
        loss = reg_grpo_loss(*(x[..., :responses, :] for x in (log_probs, old, adv, mask)), group=config.group_size)
        return Surrogate(loss, none, none, none)
    if config.objective == "kl_cov":
        none = torch.zeros_like(mask)
        loss = kl_cov_loss(log_probs, old, adv, weights, selected, beta=config.kl_cov_beta)
        return Surrogate(loss, none, none, none)
    # Clip-Cov cuts the gradient of the tokens that it has selected.
    return ppo_loss(log_probs, old, adv, weights * ~selected, **clip, dual=config.dual_clip)
