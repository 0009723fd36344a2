"""Which estimator goes where: the matrix is tried out, cell by cell (TRL's column in tests/engines/test_trl.py)."""

from __future__ import annotations

import re

import numpy as np
import pytest

from qae_sim.advantages import ESTIMATORS, LEFT_OUT, PLACES, AdvantageRule, SoftAnchor, why_not
from qae_sim.bandits import Bandit, SequenceBandit, Study, simulate
from qae_sim.engines.batches import rule_for_trainers

#: The matrix, written down once more: what goes nowhere but into the explorers, and what the simulator lacks.
CRITICS = {"gae", "decoupled_gae", "length_adaptive_gae"}
ONLY_SEEN = {"match_tir", "attn_rl", "tree_opo", "optimal_token_baseline", "spo", "rae"} | CRITICS
WITH_ENTROPIES = {"rl_zvp", "gtpo"}
NOT_IN_BANDITS = ONLY_SEEN | WITH_ENTROPIES | {"aapo", "rlev", "gdpo", "fspo", "verl_rank", "reg_grpo"}
NOT_IN_TRL = ONLY_SEEN | WITH_ENTROPIES | {"fspo", "verl_rank", "reg_grpo"}


def test_the_matrix() -> None:
    for name in ESTIMATORS:
        assert not why_not(name, "explorer")
        assert bool(why_not(name, "bandits")) == (name in NOT_IN_BANDITS), name
        assert bool(why_not(name, "trl")) == (name in NOT_IN_TRL), name
    with pytest.raises(ValueError, match="^place must be"):
        why_not("qae", "moon")
    with pytest.raises(ValueError, match="^name must be"):
        why_not("qea", "lm")
    assert set(PLACES) == {"explorer", "bandits", "lm", "trl"}
    assert all(reason for reason in LEFT_OUT.values())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_bandits(name: str) -> None:
    reason = why_not(name, "bandits")
    entry = ESTIMATORS[name]
    problem = SequenceBandit.where(3, 2, lambda tokens: 1 in tokens) if entry.of_tokens else Bandit.uniform(4, 1)
    if reason:
        with pytest.raises(ValueError, match=re.escape(reason)):
            Study(problem, name, steps=2)
        return
    rule = AdvantageRule(name, anchor=SoftAnchor() if entry.weights else None)
    success = simulate(Study(problem, rule, steps=20, group_size=4, runs=8))["success"]
    assert np.isfinite(success).all()
    assert (success[-1] > success[0]).any()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_rules_of_trainers(name: str) -> None:
    reason, weights = why_not(name, "trl"), ESTIMATORS[name].weights
    rule = AdvantageRule(name, anchor=SoftAnchor() if weights else None)
    if reason:
        with pytest.raises(ValueError, match=re.escape(reason)):
            rule_for_trainers(rule, {})
    else:
        assert rule_for_trainers(rule, {}).inputs == ESTIMATORS[weights or name].inputs
