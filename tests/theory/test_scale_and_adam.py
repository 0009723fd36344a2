"""HA-DW's scale in the project's simulations: Adam does not see it, plain steps do."""

from __future__ import annotations

import numpy as np
import pytest

from qae_sim.advantages import AdvantageRule, FixedAnchor
from qae_sim.bandits import SGD, Adam, Bandit, Clip, Study, simulate
from qae_sim.bandits.study import Optimizer


def last_policies(scale: float, optimizer: Optimizer) -> np.ndarray:
    """Success rates of sampled runs with clipped steps."""
    rule = AdvantageRule("ha_dw", anchor=FixedAnchor(0.5), lambda_scale=scale)
    study = Study(
        Bandit(success=[[1, 0, 0], [0, 1, 1]], spread=1.0), rule, group_size=8, steps=60, runs=8, eta=0.05,
        optimizer=optimizer, clip=Clip(0.2, 0.28), epochs=2, records=("success",), seed=3,
    )  # fmt: skip
    return simulate(study)["success"]


@pytest.mark.parametrize("scale", [0.5, 1.3, 2.0])
def test_a_scale_under_adam_is_an_eps_over_the_scale(scale: float) -> None:
    scaled = last_policies(scale, Adam(eps=1e-3))
    plain = last_policies(1.0, Adam(eps=1e-3 / scale))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)
    assert np.abs(scaled - last_policies(1.0, Adam(eps=1e-3))).max() > 1e-4


def test_plain_steps_see_the_scale() -> None:
    assert np.abs(last_policies(1.3, SGD()) - last_policies(1.0, SGD())).max() > 1e-2
