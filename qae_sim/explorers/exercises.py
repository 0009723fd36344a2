"""Exercises of the lessons: our answer, and the cases on which a learner's is compared, easiest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qae_sim.advantages import grpo, ha_dw_weights, qae, quantile_baseline
from qae_sim.softmax import binomial, covariance, entropy, paper_update

_GROUPS: list[list[int]] = [[1, 0, 0, 0], [1, 1, 1, 0], [1, 0], [1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0]]


def _biased(g: int, p: float) -> float:
    """E[p̂ | mixed] - p, by enumeration."""
    chance = binomial(np.asarray(p), g)[1:-1]
    return float((chance * np.arange(1, g) / g).sum() / chance.sum() - p)


#: Reference and cases by name.
EXERCISES: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "mean baseline": (lambda rewards: np.array(rewards) - np.mean(rewards), [(group,) for group in _GROUPS]),
    "quantile baseline": (
        lambda rewards, k: quantile_baseline(rewards, k),
        [(group, k) for group in _GROUPS for k in (0.4, 0.2, 0.8, 0.5)],
    ),
    "qae": (
        lambda rewards, k: qae(rewards, k, eps=1e-6),
        [(group, k) for group in _GROUPS for k in (0.4, 0.8)],
    ),
    "grpo": (lambda rewards: grpo(rewards, eps=1e-6), [(group,) for group in _GROUPS]),
    "entropy change": (
        lambda z, r, b: -covariance(np.array(z), _log_pi(z), paper_update(z, r, b, eta=1.0)),
        [([0.0, 0.0], [1, 0], 0.5), ([2.0, 0.0], [1, 0], 0.0), ([2.0, 0.0, -1.0], [0, 1, 0], 1.0)],
    ),
    "bias": (_biased, [(2, 0.5), (8, 0.2), (8, 0.8), (4, 0.1)]),
    "weights": (
        lambda rewards, c, scale: (
            ha_dw_weights(rewards, np.array(rewards) - np.mean(rewards), c, lambda_scale=scale).Phi
        ),
        [([1, 0, 0, 0], 0.5, 1.0), ([1, 1, 1, 0], 0.5, 1.3), ([1, 1, 0, 0], 0.5, 1.3)],
    ),
    "entropy": (lambda z: entropy(z), [([0.0, 0.0],), ([1.0, 0.0, -1.0],), ([30.0, 0.0],)]),
}


def _log_pi(z: Any) -> np.ndarray:
    """Log-probabilities."""
    z = np.asarray(z, dtype=float)
    return np.asarray(z - z.max() - np.log(np.exp(z - z.max()).sum()))
