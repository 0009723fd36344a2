"""The event-driven algorithm has the law of the dense one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bandit_studies import BERNOULLI, ONE_QUERY, STATE, STEP, study_of
from scipy import stats

from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.bandits._one_prompt import _mixed_successes, mixed_chance

RARE = Bandit(success=[1, 1, 0, 0, 0], start=[-2.0, -3.0, 0.0, 1.0, 1.5])
CASES: dict[str, dict[str, Any]] = {
    "rare successes, GRPO": {"problem": RARE},
    "rare successes, QAE": {"problem": RARE, "estimator": "qae"},
    "QAE without std, both sides": {"problem": RARE, "estimator": "pos_mask", "group_size": 3},
    "large steps": {"problem": ONE_QUERY, "estimator": "qae", "eta": 2.0},
    "bernoulli": {"problem": BERNOULLI, "eta": 0.3},
    "the paper's update": {"problem": RARE, "estimator": "qae", "update": "paper"},
    "large group": {"problem": RARE, "group_size": 40, "eta": 0.2},
    "pairs": {"problem": RARE, "group_size": 2, "estimator": "rloo"},
}


class TestLaw:
    @pytest.mark.parametrize("algorithm", ["events", "auto"])
    @pytest.mark.parametrize("name", CASES)
    def test_distributions_agree(self, name: str, algorithm: str) -> None:
        """Two-sample Kolmogorov-Smirnov tests of every record at several steps, and of the final logits."""
        study = study_of(**({"group_size": 6, "steps": 120, "runs": 4000, "records": (*STATE, *STEP)} | CASES[name]))
        study = study.with_(every=20)
        dense = simulate(study.with_(algorithm="dense"))
        other = simulate(study.with_(algorithm=algorithm, seed=1))
        p_values = []
        for record in study.records:
            for row in (0, 1, 2, 5):
                one, two = dense[record][row], other[record][row]
                assert np.isnan(one).any() == np.isnan(two).any()
                # Equal in law up to rounding: ties must be ties.
                p_values.append(stats.ks_2samp(one.round(9), two.round(9), method="asymp").pvalue)
        logits = [result.parameters[0] - result.parameters[0].mean(axis=0) for result in (dense, other)]
        one, two = (values.round(9) for values in logits)
        p_values += [stats.ks_2samp(one[arm], two[arm], method="asymp").pvalue for arm in range(len(one))]
        # With some 45 comparisons that hang together, the smallest is above this in all but one of 2000 trials.
        assert min(p_values) > 1e-5

    def test_the_test_would_notice(self) -> None:
        """A step size 4 % off is seen: the test above has power."""
        study = Study(RARE, "qae", group_size=6, steps=120, runs=4000, every=20)
        one, two = simulate(study), simulate(study.with_(seed=1, eta=study.eta * 1.04))
        p_values = [stats.ks_2samp(one[r][row], two[r][row]).pvalue for r in study.records for row in (1, 2, 5)]
        assert min(p_values) < 1e-5


class TestPieces:
    @pytest.mark.parametrize("size", [2, 3, 16, 200])
    def test_chance_of_a_mixed_group(self, size: int) -> None:
        p = np.array([0.0, 1e-18, 1e-9, 0.01, 0.5, 0.9, 1 - 1e-9, 1.0])
        for value, chance in zip(p, mixed_chance(np, p, size), strict=True):
            mp = pytest.importorskip("mpmath")
            with mp.workdps(60):
                exact = 1 - mp.mpf(value) ** size - (1 - mp.mpf(value)) ** size
            assert chance == pytest.approx(float(exact), rel=1e-13, abs=0)

    @pytest.mark.parametrize("p", [1e-6, 0.1, 0.5, 0.83, 1 - 1e-6])
    @pytest.mark.parametrize("size", [2, 3, 16])
    def test_successes_of_a_mixed_group(self, p: float, size: int) -> None:
        """Inversion of a grid of uniform numbers gives each n its binomial share."""
        u = (np.arange(100_000) + 0.5) / 100_000
        n = _mixed_successes(np, np.full(len(u), p), size, u)
        assert n.min() >= 1
        assert n.max() <= size - 1
        law = stats.binom.pmf(np.arange(1, size), size, p)
        counted = np.bincount(n, minlength=size)[1:size] / len(u)
        assert counted == pytest.approx(law / law.sum(), abs=2e-5)

    def test_a_run_that_nothing_can_change_stays(self) -> None:
        study = Study(Bandit.uniform(5, 0), steps=50, runs=3, algorithm="events", records=("entropy", "zero_share"))
        result = simulate(study)
        assert (result["entropy"] == result["entropy"][0]).all()
        assert (result["zero_share"] == 1).all()

    def test_an_estimator_that_moves_equal_rewards_is_not_skipped(self) -> None:
        def raw(rewards: np.ndarray) -> np.ndarray:
            return np.asarray(rewards, dtype=float)

        study = Study(ONE_QUERY, raw, steps=30, runs=4)
        assert np.array_equal(simulate(study)["entropy"], simulate(study.with_(algorithm="dense"))["entropy"])
        with pytest.raises(ValueError, match="moves groups of equal rewards"):
            study.with_(algorithm="events")
