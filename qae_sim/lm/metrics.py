"""Metrics of a batch: of the policy, and of the advantages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from qae_sim.advantages import RankDynamics
from qae_sim.lm.config import Config
from qae_sim.lm.tasks import PAD, Task
from qae_sim.softmax import pass_at_k_estimate

#: Metrics by name, each with a value for each run.
Metrics: TypeAlias = dict[str, list[Any]]

#: Number of tokens of highest mean entropy to record, among those that occur at least so often in the batch.
_TOP_WORDS, _SAID_AT_LEAST = 8, 10


@dataclass(frozen=True)
class Batch:
    """The responses that S runs sampled for one update.

    Attributes:
        prompts: ``(S, B, P)``.
        tokens: ``(S, B, G, T)``; PAD after the end of a response, where the next two are 0.
        log_probs: log π of the tokens when they were sampled, same shape.
        entropies: Entropies in nats of the distributions that they were sampled from, same shape.
        correct: 1.0 where a response is correct, otherwise 0.0, ``(S, B, G)``.
        reference: The same for the base model's responses to these prompts, if an estimator needs it.
        dynamics: For each run, how the effective rank of hidden states grows along responses, if an estimator needs it.
    """

    prompts: Tensor
    tokens: Tensor
    log_probs: Tensor
    entropies: Tensor
    correct: np.ndarray
    reference: np.ndarray | None = None
    dynamics: tuple[RankDynamics, ...] = ()

    @cached_property
    def mask(self) -> np.ndarray:
        """True at the responses' own tokens, ``(S, B, G, T)``, on the CPU."""
        return (self.tokens != PAD).cpu().numpy()


def describe_policy(configs: Sequence[Config], draw: Batch) -> Metrics:
    """Measure the policies on prompts that have not been filtered.

    Args:
        configs: The S runs.
        draw: The responses that they sampled.

    Returns:
        Reward, entropy, length, share of hesitations, correct responses to each prompt and their histogram, tokens of
        highest entropy.
    """
    mask = draw.tokens != PAD
    metrics: Metrics = {
        "reward": draw.correct.mean(axis=(1, 2)).tolist(),
        "entropy": (draw.entropies.sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3))).tolist(),
        "length": mask.sum(dim=-1).double().mean(dim=(1, 2)).tolist(),
        "correction_share": [],
        "success_histogram": [],
        "success_counts": [],
        "top_words": [],
    }
    all_said, all_entropies = draw.tokens.cpu().numpy(), draw.entropies.cpu().numpy()
    for m, config in enumerate(configs):
        task = config.problem
        said, entropies = all_said[m][draw.mask[m]], all_entropies[m][draw.mask[m]]
        metrics["correction_share"].append(float(np.isin(said, task.corrections).mean()))
        successes = draw.correct[m].sum(axis=-1).astype(int)
        metrics["success_counts"].append(successes.tolist())
        metrics["success_histogram"].append(np.bincount(successes, minlength=config.group_size + 1).tolist())
        often = np.bincount(said, minlength=len(task.words))
        mean = np.bincount(said, weights=entropies, minlength=len(task.words)) / np.maximum(often, 1)
        top = [int(w) for w in np.argsort(-mean, kind="stable") if often[w] >= _SAID_AT_LEAST][:_TOP_WORDS]
        metrics["top_words"].append([[task.words[w], round(float(mean[w]), 4), int(often[w])] for w in top])
    return metrics


def describe_advantages(batch: Batch, advantages: Sequence[np.ndarray]) -> Metrics:
    """Measure the advantages on the batch that is trained on.

    Args:
        batch: The sampled responses.
        advantages: ``(B, G, T)`` for each run.

    Returns:
        Shares of zero and positive advantages, the mean advantage, entropies by the sign of the advantage.
    """
    entropies, mask = batch.entropies.cpu().numpy(), batch.mask
    names = ("zero_share", "positive_share", "net_advantage", "entropy_positive", "entropy_negative", "entropy_zero")
    metrics: Metrics = {name: [] for name in (*names, "entropy_mass_negative")}
    for m, adv in enumerate(advantages):
        total = adv.sum(axis=-1)  # with an advantage per token, a response has the sign of their sum
        metrics["zero_share"].append(float((adv == 0).all(axis=-1).mean()))
        metrics["positive_share"].append(float((total > 0).mean()))
        metrics["net_advantage"].append(float(adv[mask[m]].mean()))
        for name, side in (("positive", total > 0), ("negative", total < 0), ("zero", total == 0)):
            own = entropies[m][mask[m] & side[..., None]]
            metrics[f"entropy_{name}"].append(float(own.mean()) if own.size else math.nan)
        metrics["entropy_mass_negative"].append(float(entropies[m][total < 0].sum() / entropies[m].sum()))
    return metrics


def by_level(task: Task, prompts: np.ndarray, correct: np.ndarray) -> list[float]:
    """Compute the share of correct responses by the prompts' level of difficulty.

    Args:
        task: The task.
        prompts: ``(N, P)``.
        correct: 1 where correct, ``(N, n)``.

    Returns:
        A share for each level, NaN where no prompt has this level.
    """
    levels = np.array([task.level(prompt.tolist()) for prompt in prompts])
    return [
        float(correct[levels == level].mean()) if (levels == level).any() else math.nan for level in range(task.levels)
    ]


def pass_at(correct: np.ndarray) -> list[float]:
    """Estimate pass@1, pass@2, pass@4, ... from n responses to each prompt, without bias.

    pass@k = mean over prompts of 1 - C(n-c, k) / C(n, k), where c of n responses are correct

    Args:
        correct: 1 where correct, ``(prompts, n)``.

    Returns:
        pass@k for k = 1, 2, 4, ... below n, and for k = n.

    Source:
        Chen et al. (arXiv:2107.03374), Eq. 1.

    Example:
        >>> pass_at(np.array([[1, 0, 0, 0], [0, 0, 0, 0]]))
        [0.125, 0.25, 0.5]
    """
    n = correct.shape[1]
    sizes = [2**i for i in range(n.bit_length()) if 2**i < n] + [n]
    counts = correct.sum(axis=1).astype(int)
    return [float(pass_at_k_estimate(counts, n, k).mean()) for k in sizes]
