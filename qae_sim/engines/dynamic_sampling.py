"""DAPO's dynamic sampling on batches of TRL: which groups have a signal, and how one batch takes rows of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from accelerate.utils import gather
from torch import Tensor

from qae_sim.advantages import dynamic_sampling_mask
from qae_sim.streams import uniform

#: Our own entry of a batch on its way: how long responses are, also those whose mask TRL has emptied.
LENGTHS = "response_lengths"

#: What a batch of TRL holds, by the side on which it is padded; rows are responses.
_PADDED = {
    "prompt_ids": "left",
    "prompt_mask": "left",
    "completion_ids": "right",
    "completion_mask": "right",
    "advantages": "right",
    "old_per_token_logps": "right",
    "ref_per_token_logps": "right",
    "sampling_per_token_logps": "right",
    "importance_sampling_ratio": "right",
    "tool_mask": "right",
}

#: Number of the stream of random numbers that draws prompts.
_STREAM = 61


def mixed(rewards: np.ndarray) -> np.ndarray:
    """Tell which groups have a signal.

    Args:
        rewards: ``(B, G)``; NaN does not count.

    Returns:
        Whether two rewards of the group differ, ``(B,)``.

    Example:
        >>> mixed(np.array([[1, 0, 1], [1, np.nan, 1], [np.nan, 0, 1]]))
        array([ True, False,  True])
    """
    unknown = np.isnan(rewards)
    lowest = np.where(unknown, np.inf, rewards).min(axis=1, keepdims=True)
    filled = np.where(unknown, lowest, rewards)
    return np.asarray(dynamic_sampling_mask(np.where(np.isfinite(filled), filled, 0.0)))


def drawn_prompts(groups: int, size: int, seed: int, step: int, call: int, attempt: int) -> np.ndarray:
    """Draw a prompt for each group, the same on every process, because groups may straddle them.

    Args:
        groups: How many.
        size: Prompts of the dataset.
        seed: The run's seed.
        step: Optimiser steps taken so far.
        call: What else tells two generations apart.
        attempt: Number of the attempt.

    Returns:
        Rows of the dataset, ``(groups,)``.

    Example:
        >>> drawn_prompts(3, 100, seed=7, step=0, call=0, attempt=1)
        array([88, 96, 67])
    """
    draws = uniform(np.zeros(1), groups, seed, _STREAM, step, call, attempt)
    return np.asarray((draws * size).astype(int))


def merged(output: dict[str, Any], new: dict[str, Any], taken: np.ndarray, padding: int) -> dict[str, Any]:
    """Take some rows of one batch into another; to be called by all processes at once.

    Args:
        output: A batch as TRL makes it.
        new: Another one, with as many rows.
        taken: Which rows come from the new one.
        padding: Number of the token that ids are padded with.

    Returns:
        The batch, as wide as the wider one.

    Raises:
        ValueError: A batch holds something of which it is not known how it is merged, such as images.
    """
    unknown = {*output, *new} - {*_PADDED, "num_items_in_batch", LENGTHS}
    if unknown:
        raise ValueError(f"attempts > 1 is for text alone; this batch also holds {', '.join(sorted(unknown))}")
    rows = torch.as_tensor(taken, device=output["completion_ids"].device)
    result: dict[str, Any] = {}
    for name in output:
        if name == "num_items_in_batch":
            continue
        a, b = output[name], new[name]
        if a.dim() == 1:
            result[name] = torch.where(rows, b, a)
            continue
        width = max(a.shape[1], b.shape[1])
        filling = padding if name.endswith("_ids") else 0
        a, b = (widened(x, width, filling, _PADDED[name]) for x in (a, b))
        result[name] = torch.where(rows[:, None], b, a)
    mask = result["completion_mask"] * result.get("tool_mask", 1)
    result["num_items_in_batch"] = gather(mask.sum()).sum()
    return result


def widened(x: Tensor, width: int, filling: int, side: str) -> Tensor:
    """Fill rows up to a width.

    Args:
        x: ``(N, T)``.
        width: At least T.
        filling: With what.
        side: ``"left"`` or ``"right"``.

    Returns:
        ``(N, width)``.

    Example:
        >>> widened(torch.ones(1, 2), 4, 0, "left").tolist()
        [[0.0, 0.0, 1.0, 1.0]]
    """
    if x.shape[1] == width:
        return x
    extra = x.new_full((x.shape[0], width - x.shape[1]), filling)
    return torch.cat([extra, x] if side == "left" else [x, extra], dim=1)
