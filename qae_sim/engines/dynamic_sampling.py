"""DAPO's dynamic sampling on batches of TRL: which groups are mixed, and how rows of two batches are merged."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from accelerate.utils import gather
from torch import Tensor

from qae_sim.advantages import dynamic_sampling_mask
from qae_sim.streams import uniform

#: An entry added to batches: the lengths of responses, including those whose mask TRL has emptied.
LENGTHS = "response_lengths"

#: Entries of a TRL batch, with the side on which each is padded; rows are responses.
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

#: Number of the random stream that draws prompts.
_STREAM = 61


def mixed(rewards: np.ndarray) -> np.ndarray:
    """Tell which groups are mixed, that is, have different rewards.

    Args:
        rewards: ``(B, G)``; NaN is ignored.

    Returns:
        True where two rewards of the group differ, ``(B,)``.

    Example:
        >>> mixed(np.array([[1, 0, 1], [1, np.nan, 1], [np.nan, 0, 1]]))
        array([ True, False,  True])
    """
    unknown = np.isnan(rewards)
    lowest = np.where(unknown, np.inf, rewards).min(axis=1, keepdims=True)
    filled = np.where(unknown, lowest, rewards)
    return np.asarray(dynamic_sampling_mask(np.where(np.isfinite(filled), filled, 0.0)))


def drawn_prompts(groups: int, size: int, seed: int, step: int, call: int, attempt: int) -> np.ndarray:
    """Draw a prompt for each group, the same on every process, because a group may be spread over several.

    Args:
        groups: Number of groups.
        size: Number of prompts in the dataset, >= 1.
        seed: The run's seed, >= 0.
        step: Optimiser steps taken so far, >= 0.
        call: A number, >= 0, that distinguishes generations of the same step.
        attempt: Number of the attempt, >= 0.

    Returns:
        Rows of the dataset, 0 to size - 1, ``(groups,)``.

    Example:
        >>> drawn_prompts(3, 100, seed=7, step=0, call=0, attempt=1)
        array([88, 96, 67])
    """
    draws = uniform(np.zeros(1), groups, seed, _STREAM, step, call, attempt)
    return np.asarray((draws * size).astype(int))


def merged(output: dict[str, Any], new: dict[str, Any], taken: np.ndarray, padding: int) -> dict[str, Any]:
    """Replace some rows of a batch by those of another; all processes must call this at once.

    Args:
        output: A batch as TRL makes it, N rows.
        new: Another one with N rows.
        taken: True for rows to take from ``new``, ``(N,)``.
        padding: Id of the padding token.

    Returns:
        The batch, as wide as the wider of the two.

    Raises:
        ValueError: A batch holds an entry that cannot be merged, such as images.
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
    """Pad rows to a width.

    Args:
        x: ``(N, T)``.
        width: The new width, >= T.
        filling: The value to pad with.
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
