"""What a study accepts, what it refuses and with which words, and its way through plain values."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from bandit_studies import ENDING, GENERAL, MIXTURE, ONE_QUERY, general, study_of

from qae_sim.advantages import AdvantageRule, FixedAnchor, LinearK, SoftAnchor, TwoPhaseK
from qae_sim.bandits import RECORDS, SGD, Adam, Bandit, Clip, Momentum, SequenceBandit, Study, simulate


def double_grpo(rewards: np.ndarray) -> np.ndarray:
    return 2 * (rewards - rewards.mean(axis=-1, keepdims=True))


class TestBandit:
    def test_one_query_may_leave_its_axis_out(self) -> None:
        flat = Bandit(success=[1, 0], start=[0.5, -0.5], features=[[1.0, 2.0], [0.0, 1.0]])
        assert flat == Bandit(success=[[1, 0]], start=[0.5, -0.5], features=[[[1.0, 2.0], [0.0, 1.0]]])
        assert Bandit(success=[1, 0], start=[0.5, -0.5]) == Bandit(success=[[1, 0]], start=[[0.5, -0.5]])

    def test_weights_are_scaled(self) -> None:
        assert Bandit(success=[[1, 0], [0, 1]], weights=[3, 1]).weights == (0.75, 0.25)
        assert Bandit(success=[[1, 0], [0, 1]]).weights == (0.5, 0.5)

    def test_peaked_start(self) -> None:
        bandit = Bandit.peaked(arms=10, correct=2, wrong=0.5, right=0.1)
        pi = np.exp(bandit.start[0])
        assert pi.sum() == pytest.approx(1)
        assert pi[:3] == pytest.approx([0.5, 0.05, 0.05])
        assert pi[3] / pi[4] == pytest.approx(2)  # Zipf
        assert bandit.success[0] == (0, 1, 1, *[0] * 7)

    def test_mixture_starts_at_its_rates(self) -> None:
        bandit = Bandit.mixture([0.01, 0.5, 0.99], arms=6, correct=2)
        pi = np.exp(bandit.start)
        assert (pi * bandit.success).sum(axis=1) == pytest.approx([0.01, 0.5, 0.99])
        assert pi.sum(axis=1) == pytest.approx(1)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"success": [1.5, 0]}, r"success must be in \[0, 1\] everywhere; got 1.5"),
            ({"success": []}, r"success must be of 1 axes, none of them empty; got \(0,\)"),
            ({"success": [[[1]]]}, "success must be of 2 axes"),
            ({"success": [1, float("nan")]}, "success must be finite everywhere; got nan at index"),
            ({"success": [1, 0], "start": [0, 0, 0]}, r"start must be of shape \(1, 2\); got \(3,\)"),
            ({"success": [1, 0], "start": [0, np.inf]}, "start must be finite everywhere"),
            ({"success": [1, 0], "spread": -1}, "spread must be a finite number in"),
            ({"success": [[1, 0], [0, 1]], "weights": [1]}, "weights must be 2 numbers"),
            ({"success": [[1, 0], [0, 1]], "weights": [1, -1]}, "weights must be 2 numbers, none negative"),
            ({"success": [[1, 0], [0, 1]], "weights": [0, 0]}, "weights must be 2 numbers, none negative and not all"),
            ({"success": [1, 0], "features": [[1.0]]}, r"features must be of shape \(1, 2\)"),
            ({"success": [1, 0], "features": [[1.0, 2.0], [0.0, 1.0]], "start": [1.0]}, r"start must be of shape \(2,"),
        ],
    )
    def test_refuses(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Bandit(**fields)

    def test_constructors_refuse(self) -> None:
        with pytest.raises(ValueError, match="correct must be an integer from 0 to 3; got 4"):
            Bandit.uniform(3, 4)
        with pytest.raises(ValueError, match="arms must be an integer of at least 6; got 5"):
            Bandit.peaked(5, 4)
        with pytest.raises(ValueError, match="right must be a finite number in"):
            Bandit.peaked(wrong=0.6, right=0.5)
        with pytest.raises(ValueError, match="rates must be a finite number in"):
            Bandit.mixture([0.0])
        with pytest.raises(ValueError, match="rates must be one success rate at least"):
            Bandit.mixture([])


class TestStudyRefuses:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"problem": "bandit"}, "problem must be a Bandit or a SequenceBandit"),
            ({"estimator": "grppo"}, "did you mean 'grpo'"),
            ({"estimator": 3}, "estimator must be a function"),
            ({"estimator": "grpo", "parameters": {"k": 0.4}}, "parameters must be named as those of grpo: eps, ddof"),
            ({"estimator": "qae", "parameters": {"k": 1.4}}, "k must be"),
            ({"estimator": "qae", "parameters": {"k": "high"}}, "k"),
            ({"estimator": "ha_dw"}, "anchor must be a difficulty anchor for estimator 'ha_dw'"),
            ({"anchor": 0.5}, "anchor must be one of FixedAnchor, SoftAnchor, HardAnchor, KalmanAnchor; got 0.5"),
            ({"group_size": 1}, "group_size must be an integer from 2 to 1000; got 1"),
            ({"steps": 0}, "steps must be an integer of at least 1"),
            ({"runs": 2.5}, "runs must be an integer"),
            ({"eta": 0}, "eta must be positive; got 0"),
            ({"eta": float("nan")}, "eta must be a finite number"),
            ({"lambda_scale": 0}, "lambda_scale must be positive"),
            ({"update": "natural"}, "update must be one of 'policy_gradient', 'paper'"),
            ({"optimizer": "adam"}, "optimizer must be one of SGD, Momentum, Adam; got 'adam'"),
            ({"clip": 0.2}, "clip must be one of Clip"),
            ({"records": ("entropi",)}, "records must be one of"),
            ({"records": ("entropy", "entropy")}, "'entropy' is there twice"),
            ({"records": ("anchor",)}, "'anchor' needs an anchor"),
            ({"records": ("length",)}, "'length' needs a SequenceBandit"),
            ({"records": ("clip_low",)}, "'clip_low' needs a clip"),
            (
                {"records": ("baseline",), "estimator": "ktae"},
                "'baseline' needs an estimator that looks at",
            ),
            ({"every": 301}, "every must be at most steps = 300; got 301"),
            ({"minibatches": 3}, "minibatches must be a divisor of the batch's 16 responses; got 3"),
            ({"seed": -1}, "seed must be an integer of at least 0"),
            ({"problem": ENDING, "queries": 2}, "queries must be None for a SequenceBandit"),
            ({"dynamics": "expected", "epochs": 2}, "epochs must be 1 .* with dynamics='expected'"),
            ({"dynamics": "expected", "clip": Clip()}, "clip must be None"),
            (
                {"dynamics": "expected", "estimator": "ktae"},
                "estimator must be one that looks at the rewards of a group",
            ),
            ({"dynamics": "expected", "anchor": SoftAnchor()}, "anchor must be None"),
            ({"dynamics": "expected", "problem": ENDING}, "loss must be 'constant'"),
            ({"dynamics": "expected", "problem": ENDING, "update": "paper"}, "update must be 'policy_gradient'"),
        ],
    )
    def test_with_a_clear_message(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            study_of(**({"problem": ONE_QUERY} | fields))

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"problem": MIXTURE}, "one prompt with its own logits"),
            ({"problem": ENDING}, "one prompt with its own logits"),
            ({"optimizer": Adam()}, "an optimiser that moves without a gradient"),
            ({"optimizer": Momentum()}, "an optimiser that moves without a gradient"),
            ({"estimator": "ktae"}, "an estimator that looks at more than the rewards of a group"),
            ({"anchor": FixedAnchor(0.5)}, "an anchor"),
            ({"estimator": "qae", "parameters": {"k": LinearK(0.2, 0.4, 5)}}, "a scheduled parameter"),
            ({"attempts": 2}, "dynamic sampling"),
            ({"queries": 1}, "drawn prompts"),
            ({"epochs": 2}, "several steps per batch"),
            ({"dynamics": "expected"}, "expected dynamics"),
        ],
    )
    def test_to_skip_events_that_it_must_not_skip(self, fields: dict[str, Any], reason: str) -> None:
        study = study_of(**({"problem": ONE_QUERY} | fields))
        assert reason in str(study.dense_only)
        with pytest.raises(ValueError, match="events cannot be skipped with"):
            study.with_(algorithm="events")

    def test_bad_optimisers_and_clips(self) -> None:
        for wrong in (lambda: Momentum(1.0), lambda: Adam(beta2=-0.1), lambda: Adam(eps=0), lambda: Clip(low=1.5)):
            with pytest.raises(ValueError, match=r"must be"):
                wrong()


class TestPlainValues:
    @pytest.mark.parametrize("name", GENERAL)
    def test_round_trip(self, name: str) -> None:
        study = general(name)
        text = json.dumps(study.to_dict(), allow_nan=False)
        assert Study.from_dict(json.loads(text)) == study
        assert json.dumps(Study.from_dict(json.loads(text)).to_dict()) == text
        assert pickle.loads(pickle.dumps(study)) == study  # executors send studies to other processes

    def test_nested_schedules(self) -> None:
        k = TwoPhaseK(0.6, LinearK(0.6, 0.4, steps=10), switch=20)
        study = Study(ONE_QUERY, AdvantageRule("qae", {"k": k}))
        assert Study.from_dict(json.loads(json.dumps(study.to_dict()))).rule.parameters == {"k": k}
        assert study.rule.parameters_at(25) == {"k": 0.5}

    def test_numpy_numbers_are_numbers(self) -> None:
        study = Study(ONE_QUERY, AdvantageRule("qae", {"k": np.float64(0.4)}), eta=np.float64(0.5), seed=np.int64(3))
        assert study == Study(ONE_QUERY, AdvantageRule("qae", {"k": 0.4}), eta=0.5, seed=3)
        json.dumps(study.to_dict())

    def test_functions_are_stored_by_name(self) -> None:
        study = Study(ONE_QUERY, double_grpo, steps=3, runs=2)
        again = Study.from_dict(json.loads(json.dumps(study.to_dict())))
        assert again.rule.estimator.name == "test_study:double_grpo"  # type: ignore[union-attr]
        with pytest.raises(TypeError, match="estimator test_study:double_grpo was stored by name"):
            simulate(again)
        assert np.array_equal(simulate(again.with_(estimator=double_grpo)).parameters, simulate(study).parameters)

    def test_what_no_file_can_hold_is_refused(self) -> None:
        with pytest.raises(TypeError, match="k must be a number, a string, or one of"):
            Study(ONE_QUERY, AdvantageRule("qae", {"k": lambda step: 0.4}))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"problem": {"kind": "Quiz"}}, "kind of problem must be one of"),
            ({"horizon": 3}, "study must be a description by Study.to_dict"),
            ([1, 2], "study must be a description by Study.to_dict"),
        ],
    )
    def test_other_descriptions_are_refused(self, values: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Study.from_dict(values)

    def test_defaults_are_documented_records(self) -> None:
        study = Study(ONE_QUERY)
        assert set(study.records) <= set(RECORDS)
        assert isinstance(study.optimizer, SGD)
        assert isinstance(ENDING, SequenceBandit)


def test_lengths_are_the_only_metric() -> None:
    with pytest.raises(ValueError, match="parameters must be 'length', the only metric of responses here"):
        Study(Bandit.uniform(4, 2), AdvantageRule("canon", {"metric": "entropy"}))
    study = Study(Bandit.uniform(4, 2), "opo")
    assert not study.rule.tabulated
    assert study.dense_only == "an estimator that looks at more than the rewards of a group"
