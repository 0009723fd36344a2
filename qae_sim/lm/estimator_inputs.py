"""What estimators need beside rewards, from a batch of the toy language model."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.advantages import RankBaselines, overlong_punishment
from qae_sim.lm.config import Config
from qae_sim.lm.metrics import Batch


def punishment(config: Config, lengths: np.ndarray) -> np.ndarray | None:
    """DAPO's punishment of long responses.

    Args:
        config: The run.
        lengths: Tokens of responses, ``(B, G)``.

    Returns:
        Numbers from -1 to 0, ``(B, G)``; None where there is none.

    Source:
        Yu et al., DAPO (arXiv:2503.14476), see :func:`~qae_sim.advantages.overlong_punishment`.

    Example:
        >>> punishment(Config("addition", overlong=4), np.array([[9, 11, 13]]))
        array([[ 0. , -0.5, -1. ]])
    """
    if not config.overlong:
        return None
    longest = config.problem.response_length
    return np.asarray(overlong_punishment(lengths, max_length=longest, cache=config.overlong))


def beside(
    need: str, config: Config, batch: Batch, member: int, mask: np.ndarray, metric: str, usual: RankBaselines
) -> Any:
    """Find what an estimator needs beside rewards.

    Args:
        need: A name of :data:`~qae_sim.advantages.registry.DATA`.
        config: The run.
        batch: What was sampled.
        member: Place of the run in the batch.
        mask: True at the responses' own tokens, ``(B, G, T)``.
        metric: CANON's, ``"entropy"`` or ``"length"``.
        usual: VERL's moving averages before this batch.

    Returns:
        The argument of that name.
    """
    lengths = mask.sum(axis=-1)
    if need == "token_ids":
        return batch.tokens[member].cpu().numpy()
    if need == "mask":
        return mask
    if need == "lengths":
        return lengths
    if need == "metric":
        return lengths if metric == "length" else batch.entropies[member].cpu().numpy().sum(axis=-1) / lengths
    if need == "reference":
        assert batch.reference is not None
        return batch.reference[member]
    if need == "marks":
        return config.problem.all_marks(batch.prompts[member].cpu().numpy(), batch.tokens[member].cpu().numpy())
    if need == "dynamics":
        return batch.dynamics[member]
    if need == "baselines":  # of the first batch there is nothing earlier
        return usual.update(batch.dynamics[member]) if usual.rank is None else usual
    if need == "prompt_values":  # harder prompts are worth more, up to 1
        prompts = batch.prompts[member].cpu().numpy()
        return np.array([config.problem.level(prompt) + 1 for prompt in prompts]) / config.problem.levels
    assert need == "further"
    second = punishment(config, lengths)
    return None if second is None else second[None]
