"""Studies: intervals and verdicts on made-up numbers, the recorded runs, and a small reproduction in full."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import qae_sim.lm
from qae_sim.advantages import AdvantageRule, Estimator, qae, registered
from qae_sim.cli import main
from qae_sim.lm import STUDIES, Config, Record, judge, recorded
from qae_sim.lm.studies import SEEDS, SIZES, Comparison, Finding, Make, Runs, arms
from qae_sim.lm.studies.arms import seedless
from qae_sim.lm.studies.controls import fit_law
from qae_sim.lm.studies.entropy import gate_share
from qae_sim.lm.studies.evidence import interval, mean_known, within

stats = pytest.importorskip("scipy.stats")


def test_interval_is_student_s() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, 7)
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    found = interval("here", values)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert interval("here", np.append(values, math.nan)).seeds == 7
    assert interval("here", np.array([1.0])).speaks == 0
    assert interval("here", np.array([math.nan])).speaks == 0


@pytest.mark.parametrize(
    ("differences", "speaks"),
    [
        ([0.01, -0.01, 0.0], 1),
        ([0.04, 0.06, 0.05], 0),
        ([0.3, 0.31, 0.29], -1),
        ([-0.3, -0.31, -0.29], -1),
        ([0.5, -0.5, 0], 0),
    ],
)
def test_being_within_a_margin(differences: list[float], speaks: int) -> None:
    found = within("here", np.array(differences), 0.05)
    assert found.speaks == speaks
    assert found.low <= found.mean <= found.high
    assert found.high <= 0.05


def finding(*ends: tuple[float, float]) -> Finding:
    evidence = tuple(Comparison(f"s{i}", (a + b) / 2, a, b, 5) for i, (a, b) in enumerate(ends))
    return Finding("study", "claim", "source", "quantity", evidence)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        (((0.1, 0.2), (0.01, 0.3)), "replicated"),
        (((-0.1, 0.2), (-0.3, 0.3)), "not replicated (the runs leave it open)"),
        (((-0.3, -0.2), (-0.3, 0.3)), "not replicated (the opposite: s0)"),
        (((0.1, 0.2), (-0.3, 0.3)), "depends: yes: s0; open: s1"),
        (((0.1, 0.2), (-0.3, -0.1)), "depends: yes: s0; the opposite: s1"),
        (((0.0, 0.2),), "not replicated (the runs leave it open)"),
    ],
)
def test_verdicts(ends: tuple[tuple[float, float], ...], verdict: str) -> None:
    assert finding(*ends).verdict == verdict


def test_mean_of_what_is_known() -> None:
    values = np.array([[1.0, math.nan, 3.0], [math.nan] * 3])
    np.testing.assert_array_equal(mean_known(values), [2.0, math.nan])


def test_law_is_fitted() -> None:
    h = np.random.default_rng(0).random(30)
    r = 0.9 - 0.2 * np.exp(h) + np.random.default_rng(1).normal(0, 0.02, 30)
    a, b, explained = fit_law(h, r)
    line = stats.linregress(np.exp(h), r)
    assert (-a, b, explained) == pytest.approx((line.slope, line.intercept, line.rvalue**2))


def test_arms_have_one_base_per_seed_and_stay_in_their_size() -> None:
    for name, size in ((name, size) for name in STUDIES for size in SIZES):
        for config in STUDIES[name].arms(Make(size)).values():
            assert seedless(config) == config
            assert config.batches == SIZES[size]["batches"]
    assert min(SEEDS.values()) >= 5


def test_gate_share_is_that_of_the_estimator() -> None:
    rng = np.random.default_rng(3)
    rewards = (rng.random((200, 16)) < rng.random((200, 1))).astype(float)
    mixed = rewards[(rewards.min(axis=1) != rewards.max(axis=1))]
    counts = np.bincount(rewards.sum(axis=1).astype(int), minlength=17).astype(float)
    histogram = np.stack([counts, np.full(17, math.nan)])[None]
    config = Config(rule=AdvantageRule("qae", {"k": 0.4}))
    record = Record(
        (config,), {"success_histogram": histogram, "mixed_share": np.array([[1.0, math.nan]])}, ({},), ({},)
    )
    assert gate_share(record)[0] == pytest.approx((qae(mixed, k=0.4) == 0).mean())


# --- the runs that come with the package ---


def test_recorded_runs_answer_all_studies() -> None:
    record = recorded()
    assert {config.seed for config in record.configs} == set(range(5))
    assert all(config.base_seed == config.seed for config in record.configs)
    assert {about["device"] for about in record.about} == {"cpu"}
    assert all(about["torch"] and about["qae_sim"] for about in record.about)
    findings = judge(list(STUDIES), "small", record)
    assert {f.study for f in findings} == set(STUDIES)
    for f in findings:
        assert all(e.seeds >= 4 and math.isfinite(e.mean) for e in f.evidence), f
    stored = Path(qae_sim.lm.__file__).parent / "recorded"
    assert sum(path.stat().st_size for path in stored.iterdir()) < 6.5e6
    with pytest.raises(
        ValueError, match="size must be 'small': no runs of this size come with the package; got 'full'"
    ):
        recorded("full")


def test_recorded_runs_are_judged_alike_when_an_estimator_is_registered() -> None:
    """Studies name their arms, and a record freezes them."""
    before = judge(list(STUDIES), "small", recorded())
    row = Estimator("half", lambda rewards: rewards - 0.5, "Half", "", "ours", "response", "the reward minus 1/2")
    with registered(row):
        assert Config(rule="half").rule.name == "half"  # it can be trained with
        assert judge(list(STUDIES), "small", recorded()) == before


def test_missing_runs_are_named() -> None:
    record = recorded().where(task="addition")
    with pytest.raises(ValueError, match="study combined needs runs that are not there: Clip-Cov, mean, "):
        judge(["combined"], "small", record)
    with pytest.raises(ValueError, match="study must be one of 'regime'"):
        judge(["regimes"], "small", record)


def test_runs_read_the_end_of_training() -> None:
    arm = Config()
    configs = tuple(arm.with_(seed=s, base_seed=s) for s in (1, 0))
    metrics = {
        "entropy": np.array([[5.0] * 8 + [1.0, 3.0, math.nan], [5.0] * 8 + [2.0, 2.0, math.nan]]),
        "pass_1": np.array([[0.1, math.nan, 0.3], [0.2, math.nan, 0.5]]),
    }
    runs = Runs("s", {"arm": arm}, Record(configs, metrics, ({}, {}), ({}, {})))
    assert runs.last("arm", "pass_1").tolist() == [0.5, 0.3]  # by seed
    assert runs.first("arm", "pass_1").tolist() == [0.2, 0.1]
    assert runs.last("arm", "entropy").tolist() == [2.0, 2.0]  # the last fifth of ten batches
    assert runs.accuracy("learned", "arm").tolist() == [0.5, 0.3]


def test_verdicts_of_the_recorded_runs_are_as_before() -> None:
    """Where one should change, python -m qae_sim.dev.regenerate writes the table anew."""
    lines = [
        f"| `{f.study}` | {f.claim} | {f.source} | {f.verdict} |" for f in judge(list(STUDIES), "small", recorded())
    ]
    stored = (Path(__file__).parent / "findings.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in stored if line.startswith("| `")] == lines


def test_recorded_base_models_can_do_more_than_they_usually_do() -> None:
    runs = recorded()
    for task in ("style", "addition"):
        one, most = (
            runs.take([i for i, c in enumerate(runs.configs) if c.task == task])[m][:, 0] for m in ("pass_1", "pass_k")
        )
        assert (one > 0.02).all()
        assert (one < most - 0.3).all()


# --- training ---


CPU = ("--device", "cpu", "--workers", "2")


@pytest.mark.slow
def test_reproduction_trains_judges_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from qae_sim.lm import reproduce as reproducing

    tiny: dict[str, Any] = {"prompts": 16, "batches": 2, "held_out": 4, "pass_at": 2, "group_size": 4}
    tiny |= {"base_demonstrations": 256, "base_passes": 1}
    monkeypatch.setattr(arms, "SIZES", {"small": tiny})
    monkeypatch.setattr(reproducing, "SEEDS", {"small": 2})
    seen: list[tuple[int, int]] = []
    findings = reproducing.reproduce(
        ["ktae"], tmp_path, device="cpu", workers=2, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (8, 8)  # 4 base models, 4 arms
    assert [f.study for f in findings] == ["ktae", "ktae"]
    text = (tmp_path / "table.md").read_text()
    assert "| ktae | KTAE raises accuracy | main results, arXiv:2505.16826 |" in text
    assert findings[0].verdict in text
    record = Record.load(tmp_path / "record.npz")
    mixed = record["mixed_share"][:, :2]
    assert f"With dynamic sampling {mixed.mean():.1%} of a batch's groups were mixed" in text
    assert f"in the batch with fewest {mixed.min():.1%}." in text.replace("\n", " ")
    assert len(record) == 8
    folders = [path for path in tmp_path.iterdir() if (path / "checkpoint.safetensors").exists()]
    stamps = [(path / "checkpoint.safetensors").stat().st_mtime_ns for path in folders]
    assert 0 < reproducing.cost_per_seed(["ktae"], device="cpu") < 3600
    # Fresh seeds by the command, off a terminal.
    done = CliRunner().invoke(main, ["reproduce", "ktae", *CPU, "--seeds", "100-102", "--folder", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    assert "3 seeds of 4 arms: at most about" in done.output
    assert "10 of 10 base models and arms are done" in done.output  # 3 base models of each of 2 tasks, 4 arms
    fresh = Record.load(tmp_path / "b" / "record.npz")
    assert sorted({config.seed for config in fresh.configs}) == [100, 101, 102]
    assert "3 seeds, each with a base model of its own" in (tmp_path / "b" / "table.md").read_text()
    with pytest.raises(ValueError, match=r"seeds must be at least two, each once.*; got \[7\]"):
        reproducing.reproduce(["ktae"], tmp_path / "c", seeds=[7], device="cpu")
    again = reproducing.reproduce(["ktae"], tmp_path, device="cpu", workers=1)
    assert again == findings
    assert stamps == [(path / "checkpoint.safetensors").stat().st_mtime_ns for path in folders]
    (folders[0] / "config.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match="is no configuration of a run"):
        reproducing.reproduce(["ktae"], tmp_path, device="cpu", workers=1)
