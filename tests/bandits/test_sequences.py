"""The sequence bandit against brute force: every sequence, and every group of a tiny case, written out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from scipy import stats

from qae_sim.advantages import ESTIMATORS
from qae_sim.bandits import SequenceBandit, Study, simulate
from qae_sim.bandits._models import model_of
from qae_sim.bandits._sampled import Sampler


def ends_in_two(tokens: tuple[int, ...]) -> bool:
    return tokens[-1] == 2 and len(tokens) != 1


def has_one(tokens: tuple[int, ...]) -> bool:
    return 1 in tokens


START_3 = np.round(np.random.default_rng(5).normal(size=(3, 3)), 2)
START_2 = np.round(np.random.default_rng(6).normal(size=(2, 4)), 2)
PROBLEMS = {
    "ending": (SequenceBandit.where(3, 3, ends_in_two, end=2, start=START_3), ends_in_two),
    "fixed length": (SequenceBandit.where(3, 3, has_one, start=START_3), has_one),
    "two of four": (SequenceBandit.where(2, 4, has_one, end=0, start=START_2), has_one),
}


def responses(problem: SequenceBandit, z: np.ndarray) -> dict[tuple[int, ...], float]:
    """Probability of every response, as the tokens that are said."""
    pi = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    chance: dict[tuple[int, ...], float] = defaultdict(float)
    for tokens in itertools.product(range(problem.vocabulary), repeat=problem.length):
        stop = tokens.index(problem.end) + 1 if problem.end in tokens else problem.length
        # What would have come after the end sums to 1.
        chance[tokens[:stop]] += math.prod(pi[t, token] for t, token in enumerate(tokens))
    return dict(chance)


@pytest.mark.parametrize("name", PROBLEMS)
class TestByEnumeration:
    def test_records(self, name: str) -> None:
        problem, rule = PROBLEMS[name]
        records = ("entropy", "correct_entropy", "success", "pass_at_k", "length")
        result = simulate(Study(problem, steps=1, runs=1, records=records, pass_at=3))
        chance = responses(problem, np.array(problem.start))
        right = [c for tokens, c in chance.items() if rule(tokens)]
        p = math.fsum(right)
        expected = {
            "entropy": -math.fsum(c * math.log(c) for c in chance.values()),
            "correct_entropy": -math.fsum(c / p * math.log(c / p) for c in right),
            "success": p,
            "pass_at_k": 1 - (1 - p) ** 3,
            "length": math.fsum(c * len(tokens) for tokens, c in chance.items()),
        }
        assert sum(chance.values()) == pytest.approx(1)
        for record, value in expected.items():
            assert result[record][0, 0] == pytest.approx(value, rel=1e-12), record

    def test_samples_have_the_law(self, name: str) -> None:
        problem, rule = PROBLEMS[name]
        study = Study(problem, group_size=50, steps=1, runs=400)
        model = model_of(np, study, range(400))
        batch = Sampler(np, study, model, range(400)).batch(model.policy(model.start()), 0)
        counts: dict[tuple[int, ...], int] = defaultdict(int)
        for g, r in itertools.product(range(50), range(400)):
            tokens = tuple(batch.tokens[g, : int(batch.said[g, :, 0, r].sum()), 0, r].tolist())
            assert bool(batch.correct[g, 0, r]) == rule(tokens)
            counts[tokens] += 1
        chance = responses(problem, np.array(problem.start))
        assert set(counts) <= set(chance)
        observed, expected = zip(*((counts[tokens], 20_000 * c) for tokens, c in chance.items()), strict=True)
        assert stats.chisquare(observed, expected).pvalue > 1e-4

    @pytest.mark.parametrize("estimator", ["grpo", "qae", "rloo"])
    def test_expected_step_over_all_groups(self, name: str, estimator: str) -> None:
        problem, rule = PROBLEMS[name]
        size = 2
        study = Study(
            problem, estimator, group_size=size, steps=1, runs=1, eta=1.0, dynamics="expected", loss="constant"
        )
        z = np.array(problem.start)
        pi = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        chance = responses(problem, z)
        step = np.zeros_like(z)
        for group in itertools.product(chance, repeat=size):
            rewards = np.array([float(rule(tokens)) for tokens in group])
            weight = math.prod(chance[tokens] for tokens in group)
            for tokens, advantage in zip(group, ESTIMATORS[estimator].function(rewards), strict=True):
                for t, token in enumerate(tokens):
                    score = -pi[t].copy()
                    score[token] += 1
                    step[t] += weight * advantage * score / (size * problem.length)
        after = simulate(study).parameters[..., 0]
        moved = z + step
        assert after == pytest.approx(moved - moved.max(axis=1, keepdims=True), abs=1e-12)
        assert np.abs(step).max() > 1e-3


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"correct": []}, "correct must be one sequence at least"),
            ({"correct": [(0,)]}, "correct must be 2 tokens"),
            ({"correct": [(0, 3)]}, "correct must be an integer from 0 to 2; got 3"),
            ({"correct": [(2, 0)], "end": 2}, "only end tokens after the first end token; got"),
            ({"correct": [(0, 1)], "end": 3}, "end must be an integer from 0 to 2; got 3"),
            ({"correct": [(0, 1)], "start": [[0.0] * 3]}, r"start must be of shape \(2, 3\); got \(1, 3\)"),
            ({"correct": [(0, 1)], "length": 0}, "length must be an integer of at least 1"),
            ({"correct": [(0, 1)], "vocabulary": 1}, "vocabulary must be an integer of at least 2"),
            ({"correct": [(0, 1)], "length": 13}, "so short that there are at most 1,000,000 sequences"),
        ],
    )
    def test_name_the_field(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            SequenceBandit(**({"length": 2, "vocabulary": 3} | fields))

    def test_a_rule_that_nothing_follows(self) -> None:
        with pytest.raises(ValueError, match="correct must be one sequence at least"):
            SequenceBandit.where(2, 2, lambda tokens: False)

    def test_a_million_sequences_are_allowed(self) -> None:
        assert SequenceBandit(6, 10, [(1, 2, 3, 4, 5, 6)]).length == 6
