"""Trials by a protocol, and the one command that runs everything on a GPU: here on the CPU, with tiny runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from qae_sim.lm import protocols  # noqa: E402
from qae_sim.lm.runs import Record  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import gpu  # noqa: E402

GAPS = {"mean": 0.0, "QAE, K = .4": 0.05, "HA-DW, window 10": 0.001, "QAE, K = .2": -0.05}


def record_of(protocol: protocols.Protocol, setting: str) -> Record:
    """Runs whose metrics differ from arm to arm by the gaps, with a little noise."""
    parts = []
    for arm, gap in GAPS.items():
        runs = protocol.runs(setting, arm)
        values = np.full((len(runs), 101), math.nan)
        values[:, ::5] = 0.5 + gap + 0.001 * np.random.default_rng(0).standard_normal((len(runs), 21))
        if gap:
            values += 0.001 * np.random.default_rng(1).standard_normal((len(runs), 1))
        metrics = dict.fromkeys(protocol.rules["margins"], values)
        parts.append(Record(tuple(runs), metrics, ({},) * len(runs), ({"protocol": protocol.digest},) * len(runs)))
    return Record.join(parts)


def test_verdicts_follow_the_rules() -> None:
    protocol = protocols.read("medium_gpu")
    found = protocols.judge(protocol, record_of(protocol, "learned"))
    verdicts = {(c.arm, c.quantity): c.verdict for c in found}
    assert verdicts["QAE, K = .4", "pass_1, run"] == "yes"
    assert verdicts["QAE, K = .2", "pass_1, end"] == "no"
    assert verdicts["HA-DW, window 10", "pass_1, end"] == "equivalent"
    assert {c.setting for c in found} == {"learned"}
    assert all(c.low <= c.mean <= c.high for c in found)


def test_what_is_undecided_goes_on_to_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = protocols.read("main")
    assert protocol.looks == (16, 32)
    rng = np.random.default_rng(4)
    parts = []
    for look in (0, 1):
        for arm, gap in {"mean": 0.0, "QAE, K = .2": 0.2, "QAE, K = .8": 0.03 + 0.01 * look}.items():
            runs = protocol.runs("lengths", arm, look)
            assert [run.seed for run in runs] == list(range(200 + 16 * look, 216 + 16 * look))
            values = np.full((16, 101), 0.5) + gap + (0.08 if gap else 0.0) * rng.standard_normal((16, 1))
            metrics: dict[str, np.ndarray] = {m: values for m in protocol.rules["margins"] if "." not in m}
            metrics["pass_1_by_temperature"] = np.stack([values, values], axis=-1)
            parts.append(Record(tuple(runs), metrics, ({},) * 16, ({"protocol": protocol.digest},) * 16))
    first = {c.arm: c for c in protocols.judge(protocol, Record.join(parts[:3])) if c.quantity == "pass_1, run"}
    assert (first["QAE, K = .2"].verdict, first["QAE, K = .8"].verdict) == ("yes", "undecided")
    both = {c.arm: c for c in protocols.judge(protocol, Record.join(parts)) if c.quantity == "pass_1, run"}
    assert (both["QAE, K = .2"], both["QAE, K = .8"].seeds) == (first["QAE, K = .2"], 32)
    with pytest.raises(ValueError, match="look must be"):
        protocol.runs("lengths", "mean", 2)
    with pytest.raises(ValueError, match="arm must be one of"):
        protocol.runs("lengths", "QAE, K = .4")


def test_two_looks_err_no_more_often_than_one() -> None:
    """Pocock's level: comparisons of equal arms are found to differ in 5 % of trials, not more."""
    from scipy import stats

    level, gaps = protocols.read("main").level, np.random.default_rng(0).standard_normal((20_000, 32))
    looks = [stats.ttest_1samp(gaps[:, :n], 0, axis=1).pvalue < level for n in (16, 32)]
    assert 0.045 < np.mean(looks[0] | looks[1]) < 0.053


def test_holm_multiplies_the_smallest_p_most() -> None:
    noise = np.random.default_rng(0).standard_normal(12)
    gaps = {"a": noise + 0.66, "b": noise + 0.3}
    both = {c.arm: c for c in protocols._compare("x", "y", gaps, 0.02, 0.05)}
    alone = {arm: protocols._compare("x", "y", {arm: gap}, 0.02, 0.05)[0] for arm, gap in gaps.items()}
    assert both["a"].p == pytest.approx(2 * alone["a"].p)
    assert both["b"].p == pytest.approx(max(alone["b"].p, both["a"].p))
    assert both["b"].verdict == "undecided"


def test_records_of_another_protocol_are_refused() -> None:
    protocol = protocols.read("medium_gpu")
    record = record_of(protocol, "learned")
    with pytest.raises(ValueError, match="record must be made by protocol medium_gpu"):
        protocols.judge(replace(protocol, digest="0"), record)
    with pytest.raises(ValueError, match="name must be one of"):
        protocols.read("none")


def test_doubled_mixed_and_cut_records_are_refused() -> None:
    protocol = protocols.read("medium_gpu")
    record = record_of(protocol, "learned")
    protocols.require_protocol(protocol, record)
    protocols.require_protocol(protocol, record.take(range(32)))  # a whole arm, and no other
    with pytest.raises(ValueError, match="different runs: this one is in it twice; got 'run 128: style, .*seed 103'"):
        protocols.judge(protocol, Record.join([record, record.take([3])]))
    foreign = replace(record, configs=(record.configs[0].with_(seed=7), *record.configs[1:]))
    with pytest.raises(ValueError, match="record must be made of runs of protocol medium_gpu; got 'run 0: .* seed 7'"):
        protocols.judge(protocol, foreign)
    short = {name: values[:, :31] for name, values in record.metrics.items()}
    with pytest.raises(ValueError, match="whole runs of 100 batches; got 'run 0: .*, 7 evaluations'"):
        protocols.judge(protocol, replace(record, metrics=short))
    cut = {name: np.where(np.arange(101) < 95, values, math.nan) for name, values in record.metrics.items()}
    with pytest.raises(ValueError, match="whole runs of 100 batches; got 'run 0: .*, 19 evaluations'"):
        protocols.judge(protocol, replace(record, metrics=cut))


def test_report_of_stages_is_carried_on(tmp_path: Path) -> None:
    path, calls = tmp_path / "report.json", []

    def good() -> dict[str, int]:
        calls.append("good")
        return {"number": 1}

    def bad() -> dict[str, int]:
        raise subprocess.CalledProcessError(1, "x", output="first\nlast")

    later = time.monotonic() + 60
    gpu.run_stages(path, {"good": good, "bad": bad}, later)
    gpu.run_stages(path, {"good": good, "bad": lambda: {"complete": False}}, later)
    stages = json.loads(path.read_text())["stages"]
    assert calls == ["good"]
    assert stages["good"]["figures"] == {"number": 1}
    assert stages["bad"]["state"] == "begun"
    gpu.run_stages(tmp_path / "other.json", {"bad": bad}, later)
    assert json.loads((tmp_path / "other.json").read_text())["stages"]["bad"]["last_lines"] == ["first", "last"]
    assert gpu.run_stages(tmp_path / "none.json", {"good": good}, 0.0) == {}


def test_the_study_trains_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = protocols.read("medium_gpu")
    tiny = {"prompts": 4, "group_size": 4, "minibatches": 2, "batches": 2, "attempts": 2, "held_out": 4, "pass_at": 2}
    tiny |= {"evaluate_every": 1, "base_demonstrations": 64, "base_passes": 1, "size": "small"}
    rules = {**full.rules, "common": tiny, "seeds": [100, 102]}
    rules["settings"] = {"learned": full.rules["settings"]["learned"]}
    monkeypatch.setattr(protocols, "read", lambda name: replace(full, rules=rules))
    path = tmp_path / "record.npz"
    first = gpu.study(path, "cpu", time.monotonic() + 600)
    assert first["complete"]
    assert len(first["seconds"]) == 4
    assert len(first["comparisons"]) == 3 * 4 * 2
    again = gpu.study(path, "cpu", time.monotonic() + 600)
    assert again["seconds"] == {}
    assert again["comparisons"] == first["comparisons"]


def test_counts_are_those_of_pytest() -> None:
    assert gpu.counts("x\n1 failed, 609 passed in 50.93s\n") == {"failed": 1, "passed": 609}
