"""A run of the toy language model that is over in a moment."""

from __future__ import annotations

from typing import Any

from qae_sim.lm.config import Config


def small(**changes: Any) -> Config:
    """Few numbers of everything."""
    values: dict[str, Any] = {
        "task": "addition",
        "task_options": {"digits": 1},
        "prompts": 4,
        "group_size": 4,
        "minibatches": 2,
        "held_out": 4,
        "pass_at": 4,
        "batches": 6,
        "evaluate_every": 2,
        "base_demonstrations": 512,
        "base_passes": 2,
    }
    return Config(**values).with_(**changes)
