"""Small studies, which together have every feature of the simulator; a Python in a browser runs them, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, FixedAnchor, HardAnchor, KalmanAnchor, LinearK, SoftAnchor
from qae_sim.advantages.rule import changed
from qae_sim.bandits import Adam, Bandit, Clip, Momentum, SequenceBandit, Study

STATE = ("entropy", "correct_entropy", "success", "pass_at_k")
STEP = ("accuracy", "zero_share", "baseline", "attempts", "entropy_change_positive", "entropy_change_negative")

ONE_QUERY = Bandit(success=[1, 0, 1, 0, 0, 0], start=[0.0, 1.0, -1.0, 0.5, 0.0, 0.0], spread=0.7)
BERNOULLI = Bandit(success=[0.9, 0.2, 1.0, 0.0, 0.5], spread=0.7)
MIXTURE = Bandit.mixture([0.1, 0.4, 0.8], arms=5, correct=2)
WEIGHTED = Bandit(success=[[1, 0, 0], [0, 1, 1]], weights=[3, 1], spread=1.0)
FEATURES = Bandit(
    success=[[1, 0, 0], [0, 1, 0.5]],
    start=[0.3, -0.2, 0.1, 0.0],
    features=np.round(np.random.default_rng(0).normal(size=(2, 3, 4)), 3),
    spread=0.3,
)
SEQUENCES = SequenceBandit.where(3, 3, lambda tokens: 1 in tokens[1:], spread=0.5)
ENDING = SequenceBandit.where(3, 3, lambda tokens: tokens[-1] == 2 and len(tokens) > 1, end=2, spread=0.5)

#: Studies by the name of what is special about them.
GENERAL: dict[str, dict[str, Any]] = {
    "mixture": {"problem": MIXTURE, "estimator": "qae", "parameters": {"k": 0.4}},
    "drawn queries": {"problem": WEIGHTED, "queries": 5},
    "features": {"problem": FEATURES, "optimizer": Momentum(0.8), "records": (*STATE, *STEP)},
    "bernoulli mixture": {"problem": Bandit(success=[[0.5, 1, 0], [0.1, 0, 0.7]], spread=1.0)},
    "sequences": {"problem": SEQUENCES, "estimator": "ktae", "records": (*STATE, "zero_share", "length")},
    "ending sequences": {
        "problem": ENDING,
        "clip": Clip(0.1, 0.3),
        "epochs": 2,
        "minibatches": 2,
        "loss": "token",
        "eta": 2.0,
        "records": ("entropy", "clip_low", "clip_high", "length"),
    },
    "dynamic sampling": {"problem": MIXTURE, "attempts": 4, "records": ("entropy", "attempts", "accuracy")},
    "soft anchor": {"problem": MIXTURE, "anchor": SoftAnchor(), "records": ("entropy", "anchor")},
    "hard anchor": {"problem": MIXTURE, "estimator": "ha_dw", "anchor": HardAnchor(3), "records": ("anchor",)},
    "kalman anchor": {"problem": ONE_QUERY, "anchor": KalmanAnchor(), "records": ("success", "anchor")},
    "fixed anchor": {"problem": ONE_QUERY, "estimator": "ktae", "anchor": FixedAnchor(0.3)},
    "schedule": {"problem": ONE_QUERY, "estimator": "qae", "parameters": {"k": LinearK(0.2, 0.7, 10)}},
    "whole batch": {"problem": MIXTURE, "estimator": "reinforce_plus_plus_baseline"},
    "adam": {"problem": ONE_QUERY, "estimator": "qae", "optimizer": Adam(), "eta": 0.05, "records": (*STATE, *STEP)},
    "expected": {"problem": WEIGHTED, "dynamics": "expected", "attempts": 3, "records": (*STATE, *STEP)},
    "expected sequences": {"problem": ENDING, "dynamics": "expected", "loss": "constant"},
}


def study_of(**fields: Any) -> Study:
    """A study whose rule is given by its fields, among those of the study."""
    rule = changed(AdvantageRule(), fields)
    return Study(rule=rule, **fields)


def general(name: str, **changes: Any) -> Study:
    """A small study of :data:`GENERAL`."""
    return study_of(**({"group_size": 6, "steps": 12, "runs": 5} | GENERAL[name] | changes))
