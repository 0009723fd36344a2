"""Anchors of many runs at once against the anchors themselves, one object a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qae_sim.advantages import FixedAnchor, HardAnchor, KalmanAnchor, SoftAnchor

ANCHORS = [
    FixedAnchor(0.3),
    SoftAnchor(),
    SoftAnchor(window=4),
    SoftAnchor(window=4, eta=2.0, warm_start=False, recent=(0.1, 0.9)),
    SoftAnchor(window=3, warm_start=False),  # absorbed from the start
    SoftAnchor(0.2, window=5, recent=(0.2, 0.2, 0.2, 0.2)),  # no spread, started anew
    HardAnchor(),
    HardAnchor(window=3, start=0.9),
    HardAnchor(window=3, recent=(0.5, 1.0, 0.25)),
    KalmanAnchor(),
    KalmanAnchor(0.1, variance=0.01, process_variance=1e-3, rho=0.4),
]


@pytest.mark.parametrize("anchor", ANCHORS, ids=repr)
def test_each_run_has_its_own(anchor: Any) -> None:
    runs, steps, prompts, size = 5, 90, 3, 8
    rng = np.random.default_rng(0)
    correct = rng.random((steps, runs, prompts, size)) < rng.random((1, runs, 1, 1))
    correct[30:50, 0] = correct[30, 0]  # one run sees equal accuracies for a while
    together, alone = anchor, [anchor] * runs
    for batch in correct:
        beliefs = np.broadcast_to(together.belief, runs)
        assert beliefs == pytest.approx([one.belief for one in alone], abs=1e-12)
        if any(0 < getattr(one, "sigma", 1.0) < 1e-9 for one in alone):
            return  # soft beliefs about to be equal: the last bit decides when, and so when the gain starts anew
        alone = [one.update(rewards.astype(float)) for one, rewards in zip(alone, batch, strict=True)]
        together = together.after(batch.mean(axis=(1, 2)), prompts * size, size)
    assert np.broadcast_to(together.belief, runs) == pytest.approx([one.belief for one in alone], abs=1e-12)


def test_the_absorbing_state_is_exact() -> None:
    """Equal beliefs have a spread of exactly 0, also where their mean is rounded."""
    anchor = SoftAnchor(0.1, window=3, warm_start=False, recent=(0.1, 0.1))
    for _ in range(5):
        anchor = anchor.after(np.array([0.9, 0.4]), 16, 8)
        assert anchor.absorbed is True or anchor.absorbed.all()
    assert anchor.belief.tolist() == [0.1, 0.1]
