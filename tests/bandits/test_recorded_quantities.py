"""Every recorded quantity on a case worked by hand.

Three arms of probability .2, .3, .5, the first two right; with seed 2 the first group of four samples the arms
0, 1, 2, 2. With η = 1 GRPO's advantages ±1 add .25 to the first two logits and take .5 from the third. The entropy
changes of the two signs alone, and on top of each other, follow from Δz⁺ = (.15, .10, -.25) and
Δz⁻ = (.10, .15, -.25), in which the term -π·Σ of the gradient is included.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bandit_studies import STATE, STEP, study_of

from qae_sim.advantages import AdvantageRule, FixedAnchor, HardAnchor
from qae_sim.bandits import Bandit, Clip, Study, simulate
from qae_sim.bandits._sampled import simulate_general

BANDIT = Bandit(success=[1, 1, 0], start=[math.log(0.2), math.log(0.3), math.log(0.5)])
ENTROPY = 1.0296530140645737  # -.2 log .2 - .3 log .3 - .5 log .5
AMONG_RIGHT = 0.6730116670092565  # -.4 log .4 - .6 log .6


def run(**fields: Any) -> dict[str, list[float]]:
    study = study_of(**({"problem": BANDIT, "group_size": 4, "steps": 2, "runs": 1, "eta": 1.0, "seed": 2} | fields))
    return {name: record[:, 0].tolist() for name, record in simulate(study).records.items()}


GRPO = {
    "entropy": [ENTROPY, 1.0845821702625646],
    "correct_entropy": [AMONG_RIGHT, AMONG_RIGHT],  # both right arms rise by .25
    "success": [0.5, 0.679178699175393],
    "pass_at_k": [0.75, 0.897073692937207],
    "accuracy": [0.5],
    "zero_share": [0.0],
    "baseline": [0.5],
    "attempts": [1.0],
    "entropy_change_positive": [0.02998794769733515],
    "entropy_change_negative": [0.024941208500655843],
}
# K = .4: with half of the group right the baseline is 0, wrong answers get 0 and right ones 1/std = 2. Both right
# logits rise by .5, and all fall by 1·π.
QAE = {
    "entropy": [ENTROPY, 1.090550322893816],
    "correct_entropy": [AMONG_RIGHT, 0.6816182074091248],
    "success": [0.5, 0.677259858313875],
    "pass_at_k": [0.75, 0.89583880094442],
    "accuracy": [0.5],
    "zero_share": [0.5],
    "baseline": [0.0],
    "attempts": [1.0],
    "entropy_change_positive": [0.06089730882924238],
    "entropy_change_negative": [0.0],
}
# The same logits move as with GRPO, but the two signs share the change otherwise: no -π·Σ.
PAPER = GRPO | {
    "entropy_change_positive": [0.01845304207658016],
    "entropy_change_negative": [0.03647611412141083],
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"parameters": {"eps": 0}}, GRPO),
        ({"estimator": "qae", "parameters": {"k": 0.4, "eps": 0}}, QAE),
        ({"parameters": {"eps": 0}, "update": "paper"}, PAPER),
    ],
    ids=["grpo", "qae", "paper"],
)
class TestOneGroup:
    def test_in_the_fast_simulator(self, fields: dict[str, Any], expected: dict[str, list[float]]) -> None:
        self.check(run(records=(*STATE, *STEP), pass_at=2, algorithm="dense", **fields), expected)

    def test_in_the_other(self, fields: dict[str, Any], expected: dict[str, list[float]]) -> None:
        chosen = {"records": (*STATE, *STEP), "pass_at": 2} | fields
        study = study_of(problem=BANDIT, group_size=4, steps=2, runs=1, eta=1.0, seed=2, **chosen)
        records, _ = simulate_general(np, study, range(1))
        self.check({name: record[:, 0].tolist() for name, record in records.items()}, expected)

    def check(self, records: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
        for name, values in expected.items():
            assert records[name][: len(values)] == pytest.approx(values, rel=1e-12, abs=1e-15), name


def test_the_next_group() -> None:
    """The second row of step records speaks of the second group alone."""
    first, both = run(records=("accuracy",), steps=1), run(records=("accuracy",))
    assert both["accuracy"][0] == first["accuracy"][0] == 0.5
    assert both["accuracy"][1] in {0.0, 0.25, 0.5, 0.75, 1.0}


def test_dynamic_sampling_counts_groups() -> None:
    """With seed 6 the first group is 2, 2, 2, 2, all wrong, and the second attempt gives 2, 2, 2, 0."""
    records = run(seed=6, attempts=2, steps=1, records=("attempts", "accuracy", "zero_share", "baseline"))
    assert records == {"attempts": [2.0], "accuracy": [0.25], "zero_share": [0.0], "baseline": [0.25]}
    records = run(seed=6, steps=1, records=("attempts", "accuracy", "zero_share", "baseline"))
    assert records == {"attempts": [1.0], "accuracy": [0.0], "zero_share": [1.0], "baseline": [0.0]}


def test_the_anchor_is_the_belief_before_the_step() -> None:
    records = run(anchor=HardAnchor(window=1, start=0.9), records=("anchor", "accuracy"))
    assert records["anchor"] == [0.9, 0.5]


def test_ha_dw_weights() -> None:
    """C = .2 lies .3 below the group's .5: Φ = λe^(-.3) for right and λe^(.3) for wrong answers."""
    study = Study(
        BANDIT, AdvantageRule("grpo", {"eps": 0}, FixedAnchor(0.2), 2.0), group_size=4, steps=1, runs=1, eta=1.0,
        seed=2, records=("success",),
    )  # fmt: skip
    z = simulate(study).parameters[0, :, 0]
    up, down = 0.25 * 2 * math.exp(-0.3), 0.25 * 2 * math.exp(0.3)
    net = 2 * up - 2 * down
    expected = np.log([0.2, 0.3, 0.5]) + np.array([up - 0.2 * net, up - 0.3 * net, -2 * down - 0.5 * net])
    assert z - z[0] == pytest.approx(expected - expected[0], rel=1e-12)


def test_clip_shares() -> None:
    """Two passes over one group: the first moves all ratios, the second meets the clip on both sides.

    After the first step π = (.2e^.25, .3e^.25, .5e^-.5)/Z, and the ratios are 1.36 for the right and .64 for the
    wrong responses, half of the group each; in two passes that is a quarter of all ratios.
    """
    z = np.exp([0.25, 0.25, -0.5]) @ [0.2, 0.3, 0.5]
    assert math.exp(0.25) / z == pytest.approx(1.358, abs=1e-3)
    assert math.exp(-0.5) / z == pytest.approx(0.642, abs=1e-3)
    fields = {"steps": 1, "epochs": 2, "records": ("clip_low", "clip_high"), "parameters": {"eps": 0}}
    assert run(clip=Clip(0.2, 0.2), **fields) == {"clip_low": [0.25], "clip_high": [0.25]}
    assert run(clip=Clip(0.2, 0.36), **fields) == {"clip_low": [0.25], "clip_high": [0.0]}
    assert run(clip=Clip(0.36, 0.2), **fields) == {"clip_low": [0.0], "clip_high": [0.25]}


def test_mixtures_average_by_weight() -> None:
    mixture = Bandit(success=[[1, 0], [1, 0]], start=[[0.0, 0.0], [math.log(3), 0.0]], weights=[1, 3])
    records = run(problem=mixture, records=STATE, pass_at=2, steps=1)
    assert records["success"] == [pytest.approx(0.25 * 0.5 + 0.75 * 0.75)]
    assert records["pass_at_k"] == [pytest.approx(0.25 * 0.75 + 0.75 * 0.9375)]
    h = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert records["entropy"] == [pytest.approx(0.25 * math.log(2) + 0.75 * h)]
    assert records["correct_entropy"] == [pytest.approx(0.0, abs=1e-15)]


def test_no_correct_arm_has_no_correct_entropy() -> None:
    assert math.isnan(run(problem=Bandit([0, 0]), records=("correct_entropy",))["correct_entropy"][0])
    assert math.isnan(run(problem=Bandit([[1, 0], [0, 0]]), records=("correct_entropy",))["correct_entropy"][0])
