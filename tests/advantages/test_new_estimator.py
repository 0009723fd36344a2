"""Adding an estimator of rewards alone is one function and one row: it is then everywhere, and what was judged stays.

The estimator that is added here subtracts the middle of the range, and divides by nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from qae_sim.advantages import AdvantageRule, Estimator, SoftAnchor, expected_advantages, registered, why_not
from qae_sim.arrays import namespace
from qae_sim.cli import main


def midrange(rewards: Any) -> Any:
    """A = r - (max r + min r)/2."""
    r = np.asarray(rewards, dtype=float) if isinstance(rewards, list) else rewards
    xp = namespace(r)
    return r - (xp.max(r, axis=-1, keepdims=True) + xp.min(r, axis=-1, keepdims=True)) / 2


ROW = Estimator("midrange", midrange, "Mid-range", "", "ours", "response", "reward minus the middle of the range")


@pytest.fixture
def added() -> Iterator[Estimator]:
    with registered(ROW) as row:
        yield row


def test_it_is_not_there_before_and_not_after() -> None:
    with pytest.raises(ValueError, match="name must be one of"):
        AdvantageRule("midrange")
    with registered(ROW):
        assert AdvantageRule("midrange").tabulated
    with pytest.raises(ValueError, match="name must be one of"):
        AdvantageRule("midrange")


@pytest.mark.usefixtures("added")
class TestItIsEverywhere:
    def test_command_line(self) -> None:
        listed = CliRunner().invoke(main, ["estimators"]).output
        assert "reward minus the middle of the range" in listed
        entries = {e["name"]: e for e in json.loads(CliRunner().invoke(main, ["estimators", "--json"]).output)}
        assert entries["midrange"]["places"] == dict.fromkeys(("explorer", "bandits", "lm", "trl"), "yes")

    def test_contract(self) -> None:
        import test_contract as contract

        rows = contract.rows()
        function = contract.called(rows["midrange"])
        assert not np.any(function(np.full((3, 4), 0.1)))
        assert function(np.array([[1.0, 0, 0, 0]])).tolist() == [[0.5, -0.5, -0.5, -0.5]]

    def test_expectation_and_bandits(self) -> None:
        from qae_sim.bandits import Bandit, Study, grid, simulate

        # One right of two gives ±1/2, so that the speed is p(1-p)·(α - β) with α = (1-p)/2 and β = -p/2.
        assert expected_advantages("midrange", 0.3, 2).c == pytest.approx(0.3 * 0.7 / 2)
        study = Study(Bandit.uniform(4, 1), "midrange", steps=40, group_size=4, runs=16)
        success = simulate(study)["success"]
        assert (success[-1] > success[0]).mean() > 0.5
        assert Study.from_dict(json.loads(json.dumps(study.to_dict()))) == study
        assert [cell.rule.name for cell in grid(study, {"estimator": ["midrange", "grpo"]})] == ["midrange", "grpo"]

    def test_toy_model(self, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        from small_runs import small

        from qae_sim.lm.train import train

        record = train(small(rule=AdvantageRule("midrange", anchor=SoftAnchor()), batches=1), tmp_path, device="cpu")
        assert record.configs[0].rule.name == "midrange"
        assert np.isfinite(record["entropy"][0, 0])

    def test_trainers(self) -> None:
        from qae_sim.engines.batches import estimate, rule_for_trainers

        rule = rule_for_trainers(AdvantageRule("midrange"), {"ddof": 1})
        rewards = np.array([1.0, 0, 0, 0, np.nan, 1, 0, 1])
        outcome = estimate(rule, rewards, 4, step=0, state=rule.start())
        assert outcome.advantages.tolist() == [0.5, -0.5, -0.5, -0.5, 0, 0.5, -0.5, 0.5]

    def test_logs(self) -> None:
        from qae_sim.engines.demo.trl_runs import recorded_log
        from qae_sim.logs.digest import digest
        from qae_sim.logs.shares import advantage_shares, compared

        assert "midrange" in [rule.name for rule in compared()]
        shares = advantage_shares(digest(recorded_log()), "midrange")
        assert shares.sum() == pytest.approx(1)
        shown = CliRunner().invoke(main, ["inspect", str(_recorded())]).output
        assert "midrange" in shown.lower() or "Mid-range" in shown

    def test_explorers(self) -> None:
        pytest.importorskip("anywidget")
        from qae_sim.explorers import EstimatorTable, Places

        table = EstimatorTable.from_state("first=midrange&second=grpo&third=rloo")
        assert "midrange" in table.words()
        assert "midrange: explorer, bandits, lm, trl" in repr(Places())
        names = {option[0] for option in table.spec["controls"]["first"]["options"]}
        assert "midrange" in names

    def test_reference(self) -> None:
        pytest.importorskip("anywidget")
        from qae_sim.site.catalogue import estimators_page

        assert "(estimator-midrange)=" in estimators_page()

    def test_reasons(self) -> None:
        assert not any(why_not("midrange", place) for place in ("explorer", "bandits", "lm", "trl"))

    def test_recorded_studies_are_judged_as_they_were(self) -> None:
        """Studies name their arms: what is registered later is no arm of theirs."""
        result = CliRunner().invoke(main, ["reproduce", "--recorded"])
        assert result.exit_code == 0, result.output
        assert "midrange" not in result.output


def _recorded() -> Path:
    from qae_sim.engines.demo.trl_runs import recorded_log

    return Path(str(recorded_log()))
