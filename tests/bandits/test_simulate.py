"""The same numbers whatever the chunks, the batch and the algorithm's bookkeeping; expectation against samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bandit_studies import (
    BERNOULLI,
    ENDING,
    FEATURES,
    GENERAL,
    MIXTURE,
    ONE_QUERY,
    SEQUENCES,
    STATE,
    STEP,
    WEIGHTED,
    general,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from studies import single_studies

from qae_sim.advantages import AdvantageRule
from qae_sim.bandits import SGD, Bandit, Momentum, Study, simulate
from qae_sim.bandits._one_prompt import simulate_single
from qae_sim.bandits._sampled import simulate_general


def assert_same_bits(one: Any, other: Any, runs: slice = slice(None)) -> None:
    for name, record in one.records.items():
        assert np.array_equal(record[:, runs], other.records[name], equal_nan=True), name
    assert np.array_equal(one.parameters[..., runs], other.parameters)


class TestChunks:
    @given(single_studies(), st.integers(1, 7))
    @settings(max_examples=60)
    def test_of_one_query(self, study: Study, chunk: int) -> None:
        whole = simulate(study)
        assert_same_bits(whole, simulate(study, chunk=chunk))
        last = study.runs - 1
        assert_same_bits(whole, simulate(study, range(last, last + 1)), slice(last, None))

    @pytest.mark.parametrize("name", GENERAL)
    def test_of_everything_else(self, name: str) -> None:
        study = general(name)
        whole = simulate(study)
        for chunk in (1, 2, 3):
            assert_same_bits(whole, simulate(study, chunk=chunk))
        assert_same_bits(whole, simulate(study, range(2, 4)), slice(2, 4))

    @pytest.mark.parametrize("count", [8, 17, 33, 64, 100, 257])
    def test_of_many_runs(self, count: int) -> None:
        """Vectorised loops have bodies and tails; a run must not notice in which it is."""
        study = Study(Bandit.uniform(37, 9), "qae", steps=40, runs=count, algorithm="auto")
        whole = simulate(study)
        assert_same_bits(whole, simulate(study, chunk=7))

    def test_more_runs_leave_the_first_ones_alone(self) -> None:
        study = Study(ONE_QUERY, steps=30, runs=3)
        assert_same_bits(simulate(study.with_(runs=10)), simulate(study), slice(3))

    def test_seeds_and_runs_differ(self) -> None:
        study = Study(ONE_QUERY, steps=30, runs=3)
        entropy = simulate(study)["entropy"]
        assert len(np.unique(entropy[-1])) == 3
        assert not np.array_equal(entropy, simulate(study.with_(seed=1))["entropy"])


class TestRecordsDoNotInterfere:
    @pytest.mark.parametrize("name", ["adam", "mixture", "drawn queries", "features", "ending sequences"])
    def test_in_general(self, name: str) -> None:
        study = general(name)
        bare = simulate(study.with_(records=("entropy",)))
        splitting = simulate(study.with_(records=(*STEP[4:], "entropy", "zero_share")))
        assert np.array_equal(bare.parameters, splitting.parameters)
        assert np.array_equal(bare["entropy"], splitting["entropy"])

    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    @pytest.mark.parametrize("estimator", ["grpo", "qae"])
    def test_of_one_query(self, algorithm: str, estimator: str) -> None:
        study = Study(ONE_QUERY, estimator, steps=60, runs=5, algorithm=algorithm, records=("success",))
        full = simulate(study.with_(records=(*STATE, *STEP)))
        assert np.array_equal(simulate(study).parameters, full.parameters)
        assert np.array_equal(simulate(study)["success"], full["success"])

    @pytest.mark.parametrize("every", [1, 2, 7, 60])
    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    def test_rows_gather_steps(self, algorithm: str, every: int) -> None:
        """Rows are taken from the full record: the state before the first step, means and sums over the steps."""
        study = Study(ONE_QUERY, "qae", steps=60, runs=4, eta=1.0, algorithm=algorithm, records=(*STATE, *STEP))
        full, rows = simulate(study), simulate(study.with_(every=every))
        assert rows.steps.tolist() == list(range(0, 60, every))
        for name in STATE:
            assert np.array_equal(rows[name], full[name][::every])
        for name in STEP:
            parts = [full[name][i : i + every] for i in range(0, 60, every)]
            add = np.sum if name.startswith("entropy_change") else np.mean
            assert rows[name] == pytest.approx(np.stack([add(part, axis=0) for part in parts]), abs=1e-13)

    def test_the_last_row_may_be_shorter(self) -> None:
        study = Study(ONE_QUERY, steps=10, runs=3, every=4, records=("attempts", "accuracy"))
        result = simulate(study)
        assert result.steps.tolist() == [0, 4, 8]
        assert np.array_equal(result["attempts"], np.ones((3, 3)))
        full = simulate(study.with_(every=1))["accuracy"]
        assert result["accuracy"][2] == pytest.approx(full[8:].mean(axis=0))


class TestTwoSimulators:
    """The fast one and the one for everything have no step in common but the random numbers."""

    @given(single_studies())
    @settings(max_examples=40)
    def test_agree(self, study: Study) -> None:
        # The fast one samples from arms sorted by their chance to be right: with these, both draw the same arms.
        if study.problem in (ONE_QUERY, BERNOULLI):
            study = study.with_(problem=Bandit([1, 1, 0, 0, 0], start=[1.0, -1.0, 0.0, 2.0, 0.5], spread=0.7))
        study = study.with_(algorithm="dense", eta=min(study.eta, 3.0))
        fast, logits = simulate_single(np, study, range(study.runs))
        slow, theta = simulate_general(np, study, range(study.runs))
        for name, record in fast.items():
            assert np.allclose(record, slow[name], atol=1e-9, rtol=0, equal_nan=True), name
        # Logits are known up to a common shift.
        assert logits - logits.mean(axis=1) == pytest.approx(theta - theta.mean(axis=1), abs=1e-9)

    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    def test_small_net_advantages_are_no_rounding(self, algorithm: str) -> None:
        """Advantages whose sum is 5e-6 times the largest one move arms that were not sampled, too."""
        start = np.array([1.0, -1.0, 0.0, 2.0, 0.5])
        problem = Bandit([1, 1, 0, 0, 0], start=start)

        def slanted(rewards: Any) -> Any:
            mean = rewards.mean(axis=-1, keepdims=True)
            return rewards - mean + np.where(mean * (1 - mean) > 0, 1e-6, 0.0)

        study = Study(problem, slanted, group_size=5, steps=1, runs=50, algorithm=algorithm, records=("accuracy",))
        records, logits = simulate_single(np, study.with_(eta=5.0), range(50))
        # A step of η·A/G·(e − π) for each response: without the π's, arms gain what their responses gained.
        n = np.rint(records["accuracy"][0] * 5)
        mixed = (n > 0) & (n < 5)
        gained = logits[0] - start[:, None] + 5e-6 * mixed * (np.exp(start) / np.exp(start).sum())[:, None]
        right, wrong = n * (1 - n / 5 + 1e-6), (5 - n) * (1e-6 - n / 5)
        # Means over the right and over the wrong arms differ by this, whatever shift all logits have in common.
        apart = gained[:2].mean(axis=0) - gained[2:].mean(axis=0)
        assert apart == pytest.approx(np.where(mixed, right / 2 - wrong / 3, 0.0), abs=1e-9)
        assert mixed.sum() > 10

    @pytest.mark.parametrize("algorithm", ["dense", "events", "auto"])
    def test_logits_that_drift_stay_finite(self, algorithm: str) -> None:
        """The paper's update of positive advantages only raises logits: unless shifted back, exp() overflows."""
        problem = Bandit([0.5, 0.5, 0.4])
        study = Study(problem, "pos_mask", update="paper", eta=40.0, steps=200, runs=8, algorithm=algorithm)
        result = simulate(study)
        assert np.isfinite(result["entropy"]).all()
        assert np.isfinite(result.parameters).all()

    def test_entropy_of_bernoulli_arms_that_were_right(self) -> None:
        """Arms count by π·P(right)."""
        problem = Bandit(BERNOULLI.success, start=[0.3, -0.5, -1.0, 0.8, 0.0])
        study = Study(problem, steps=1, runs=1, records=("correct_entropy",))
        weight = np.exp(problem.start[0]) * np.array(problem.success[0])
        assert simulate(study)["correct_entropy"][0, 0] == pytest.approx(stats.entropy(weight), abs=1e-12)


class TestExpectation:
    """The mean over many groups, within its own error, is the exact expected step."""

    CASES = (
        ("one query", {"problem": ONE_QUERY}),
        ("bernoulli", {"problem": BERNOULLI}),
        ("mixture", {"problem": MIXTURE}),
        ("weighted, drawn", {"problem": WEIGHTED, "queries": 3}),
        ("dynamic sampling", {"problem": MIXTURE, "attempts": 3}),
        ("dynamic sampling, drawn", {"problem": WEIGHTED, "queries": 2, "attempts": 3}),
        ("features", {"problem": FEATURES}),
        ("sequences", {"problem": SEQUENCES}),
        ("ending sequences", {"problem": ENDING, "loss": "constant"}),
        ("paper", {"problem": ONE_QUERY, "update": "paper"}),
    )

    @pytest.mark.parametrize(("estimator", "parameters"), [("grpo", {}), ("qae", {"k": 0.4}), ("pos_mask", {})])
    @pytest.mark.parametrize(("name", "fields"), CASES, ids=[name for name, _ in CASES])
    def test_of_one_step(self, name: str, fields: dict[str, Any], estimator: str, parameters: dict[str, Any]) -> None:
        runs = 20_000
        # All runs start at one point, so that they are draws of the same step.
        problem = fields["problem"]
        start = np.random.default_rng(1).normal(size=np.shape(problem.start))
        fields = fields | {"problem": type(problem)(**(vars(problem) | {"start": start, "spread": 0.0}))}
        records = ("accuracy", "zero_share", "baseline", "attempts")
        study = Study(
            rule=AdvantageRule(estimator, parameters), group_size=5, steps=1, eta=1.0, runs=runs, records=records,
            **fields,
        )  # fmt: skip
        sampled, expected = simulate(study), simulate(study.with_(dynamics="expected", runs=1))
        theta, exact = sampled.parameters, expected.parameters
        if name != "features":  # a common shift of the logits says nothing
            theta, exact = (x - x.mean(axis=1, keepdims=True) for x in (theta, exact))
        pairs = [(theta, exact), *((sampled[record], expected[record]) for record in records)]
        for values, mean in pairs:
            error = values.std(axis=-1) / runs**0.5
            assert (np.abs(values.mean(axis=-1) - mean[..., 0]) <= 5 * error + 1e-12).all()

    @pytest.mark.parametrize("optimizer", [SGD(), Momentum()])  # Adam divides by the noise: no such limit
    def test_of_a_path_as_steps_get_small(self, optimizer: Any) -> None:
        study = Study(
            MIXTURE, "qae", steps=40, runs=2000, eta=0.002, optimizer=optimizer, records=("success",), group_size=8
        )
        sampled, expected = simulate(study), simulate(study.with_(dynamics="expected", runs=1))
        final = sampled["success"][-1]
        error = final.std() / len(final) ** 0.5
        moved = expected["success"][-1, 0] - expected["success"][0, 0]
        assert abs(final.mean() - expected["success"][-1, 0]) < 5 * error + 0.02 * abs(moved)


class TestErrors:
    def test_name_what_is_wrong(self) -> None:
        study = Study(ONE_QUERY, steps=2, runs=2)
        with pytest.raises(TypeError, match="study must be a Study"):
            simulate({"steps": 3})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="runs must be a range"):
            simulate(study, 5)  # type: ignore[arg-type]
        for runs in (range(0), range(0, 4, 2), range(-1, 2)):
            with pytest.raises(ValueError, match="runs must be a range of step 1"):
                simulate(study, runs)
        with pytest.raises(ValueError, match="library must be one of 'auto', 'numpy', 'numba', 'cupy'; got 'torch'"):
            simulate(study, library="torch")
        with pytest.raises(ValueError, match="chunk must be an integer of at least 1; got 0"):
            simulate(study, chunk=0)
