"""The diagnosis on toy runs that are broken on purpose: a part of what ``qae_sim.dev.broken_runs`` publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from qae_sim.dev.broken_runs import BROKEN, ToyRun, counterfactual, rules_of, scores, write_run
from qae_sim.dev.project import HERE
from qae_sim.logs.advice import RULES
from qae_sim.logs.digest import digest


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_run_is_told_what_is_broken(kind: str) -> None:
    changes, rule = BROKEN[kind]
    said = rules_of(ToyRun(seed=11, **changes))
    assert said[:1] == ([rule] if rule else [])


def test_shuffled_groups_are_refused_unless_forced(tmp_path: Path) -> None:
    write_run(ToyRun(steps=5, shuffled=True), tmp_path)
    with pytest.raises(ValueError, match="the logged advantages fit none of the ways .* as after a shuffle"):
        digest(tmp_path / "responses.jsonl")


def test_a_run_is_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_run(ToyRun(steps=3), tmp_path / name)
        texts.append((tmp_path / name / "responses.jsonl").read_bytes())
    assert texts[0] == texts[1]


def test_scores_count_what_was_said() -> None:
    kinds = {name: ({**BROKEN[name][0], "steps": 20}, BROKEN[name][1]) for name in ("healthy", "clip too tight")}
    found = scores(range(2), kinds)
    assert found["rules"]["clip"] == {"precision": 1, "recall": 1, "precision_first": 1, "recall_first": 1}
    assert found["spoke"]["healthy"]["clip"] == 0


def test_the_first_step_is_predicted_exactly() -> None:
    rows = counterfactual(range(11, 12))
    assert rows[0]["error"] == 0  # the same responses, before the runs part
    assert rows[0]["steps"] < rows[1]["steps"] < rows[2]["steps"]
    assert all(0 <= row["predicted"] <= 1 for row in rows)


def test_what_is_published_has_every_rule() -> None:
    found = json.loads((HERE / "qae_sim" / "dev" / "broken_runs.json").read_text())
    assert set(found["spoke"]) == set(BROKEN)
    for counts in found["spoke"].values():
        assert set(counts) == {rule.name for rule in RULES}
    assert set(found["rules"]) == {rule for _, rule in BROKEN.values() if rule}
