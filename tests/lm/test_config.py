"""Configurations and records of runs: what is refused, and that files give back what was written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.advantages import (
    AdvantageRule,
    EntropyTargetK,
    FixedAnchor,
    HardAnchor,
    KalmanAnchor,
    LinearK,
    SoftAnchor,
    SuccessRateK,
    Term,
)
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record

RECIPES: list[dict[str, Any]] = [
    {},
    {"task": "addition", "task_options": {"digits": 2}, "clip_high": math.inf, "grad_clip": math.inf},
    {"estimator": "qae", "parameters": {"k": LinearK(0.6, 0.4, steps=10)}, "anchor": SoftAnchor()},
    {"estimator": "qae", "parameters": {"k": SuccessRateK()}, "anchor": KalmanAnchor()},
    {"estimator": "qae", "parameters": {"k": EntropyTargetK(1.0), "eps": 1e-4}, "anchor": FixedAnchor(0.4)},
    {"mass_of": {"estimator": "qae", "k": 0.4}, "objective": "gspo", "overlong": 4},
    {"mass_of": {"estimator": "qae", "k": LinearK(0.2, 0.4, steps=3)}},
    {"estimator": (Term("qae", {"k": LinearK(0.2, 0.4, steps=3)}, 0.5), Term("rloo", weight=0.5))},
    {"rule": "rloo"},
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_configurations_come_back_from_plain_values(recipe: dict[str, Any]) -> None:
    config = Config().with_(**recipe)
    again = Config.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False)))
    assert again == config
    assert repr(again) == repr(config)


def test_files_hold_the_rule_among_the_fields_of_the_run() -> None:
    """Recorded runs, run folders and TOML files were written so."""
    config = Config(rule=AdvantageRule("qae", {"k": 0.2}, HardAnchor()), mass_of=AdvantageRule("grpo"))
    plain = config.to_dict()
    rule_fields = ["estimator", "parameters", "anchor", "lambda_scale"]
    assert list(plain)[5:12] == ["base_passes", "base_target", *rule_fields, "mass_of"]
    assert (plain["estimator"], plain["parameters"], plain["lambda_scale"]) == ("qae", {"k": 0.2}, 1.3)
    assert plain["mass_of"] == {"estimator": "grpo"}
    assert Config().to_dict()["mass_of"] == {}
    with pytest.raises(ValueError, match=r"configuration must be fields among .*; got \['correct_above'\]"):
        Config.from_dict({"correct_above": 0.5})


@given(
    st.floats(1e-6, 1.0),
    st.sampled_from([0.0, 0.2, math.inf]),
    st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 24, 48]),
    st.integers(0, 2**40),
)
def test_configurations_come_back_whatever_their_numbers(rate: float, clip: float, minibatches: int, seed: int) -> None:
    config = Config(learning_rate=rate, clip_low=clip, minibatches=minibatches, seed=seed)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "chess"}, "task must be one of 'addition', 'countdown', 'paths', 'style'; got 'chess'"),
        ({"task_options": {"digits": 2}}, "task_options must be options of style: truth, follow, spread"),
        ({"task_options": {"truth": "both"}}, "truth must be one of"),
        ({"size": "huge"}, "size must be one of 'small', 'medium'"),
        ({"minibatches": 5}, "minibatches must be a divisor of prompts = 48; got 5"),
        ({"group_size": 1}, "group_size must be an integer of at least 2; got 1"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"lambda_scale": 0.0}, "lambda_scale must be positive"),
        ({"clip_low": -0.1}, "clip_low must be a finite number"),
        ({"clip_high": math.nan}, "clip_high must be a finite number"),
        ({"dual_clip": 1.0}, "dual_clip must be above 1; got 1"),
        ({"dual_clip": 3.0, "objective": "gspo"}, "dual_clip must be inf with objective 'gspo'; got 3"),
        ({"base_target": 1.0}, "base_target must be below 1; got 1"),
        ({"warmup": -1}, "warmup must be"),
        ({"evaluation_temperatures": (1.0, 0.0)}, "evaluation_temperatures must be positive numbers, each once"),
        ({"evaluation_temperatures": (1.0, 1.0)}, "evaluation_temperatures must be positive numbers, each once"),
        ({"evaluation_temperatures": 1.0}, "evaluation_temperatures must be one or more numbers"),
        ({"clip_high": -0.1}, "clip_high must be a finite number"),
        ({"clip_low": math.nan}, "clip_low must be a finite number"),
        ({"kl": -1.0}, "kl must be a finite number"),
        ({"selected": 2.0}, "selected must be a finite number"),
        ({"overlong": 40}, "overlong must be at most the 18 tokens of a response; got 40"),
        ({"estimator": "qea"}, "did you mean 'qae'"),
        ({"parameters": {"k": 0.4}}, "parameters must be named as those of grpo: eps, ddof; got 'k'"),
        ({"estimator": "qae", "parameters": {"k": 2.0}}, "estimator qae: k must be"),
        (
            {"estimator": "qae", "parameters": {"eps": LinearK(0.1, 0.2, steps=2)}},
            "a schedule for k alone (PhaseSwitch for negatives), not for eps",
        ),
        ({"estimator": "ha_dw"}, "anchor must be a difficulty anchor for estimator 'ha_dw', such as SoftAnchor()"),
        ({"mass_of": {"k": 0.4}}, "mass_of must be an estimator and its parameters"),
        ({"mass_of": {"estimator": "ktae"}}, "mass_of must be about estimators with one advantage per response"),
        ({"mass_of": {"estimator": "qae", "kk": 0.4}}, "mass_of: parameters must be named as those of qae"),
        ({"mass_of": {"estimator": "qae", "k": SuccessRateK()}}, "mass_of must be a single estimator, without"),
        ({"mass_of": AdvantageRule(anchor=SoftAnchor())}, "mass_of must be a single estimator, without an anchor"),
        ({"anchor": SoftAnchor(), "correct_above": 0.5}, "correct_above must be None here, where rewards are 0 and 1"),
        ({"estimator": "gdpo", "parameters": {"weights": (1, 2)}}, "parameters: weights must be one number"),
        (
            {"estimator": "gdpo", "parameters": {"weights": (1, 2, 3)}, "overlong": 4},
            "parameters: weights must be two numbers, of the verdict and of the punishment; got (1, 2, 3)",
        ),
        ({"estimator": "ktae", "anchor": SoftAnchor()}, "anchor must be None with 'ktae'"),
        ({"estimator": (Term("grpo"), Term("rloo", reward=1))}, "reward must be 0: overlong is 0"),
        ({"estimator": (Term("rloo", reward=2),), "overlong": 4}, "reward must be 0 or 1, the verdict and the"),
        ({"estimator": "pos_mask", "overlong": 4}, "overlong must be 0 with 'pos_mask'"),
        ({"estimator": "quantile_whitening", "anchor": SoftAnchor(), "seed": -1}, "seed must be"),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        Config().with_(**changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"anchor": 0.5}, "anchor must be one of"),
        ({"prompts": 2.5}, "prompts"),
        ({"rule": lambda rewards: rewards - 0.5}, "estimator must be a name from 'qae-sim estimators' here"),
        ({"estimator": (Term(lambda rewards: rewards),)}, "estimator must be a name from 'qae-sim estimators' here"),
        ({"mass_of": AdvantageRule(lambda rewards: rewards)}, "mass_of must be a name from 'qae-sim estimators' here"),
        ({"mass_of": 0.5}, "mass_of must be a rule, or names and values"),
        ({"task_options": 3}, "task_options must be names and values"),
    ],
)
def test_wrong_types_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Config().with_(**changes)


def test_files_are_read_and_errors_name_them(tmp_path: Path) -> None:
    toml = tmp_path / "run.toml"
    toml.write_text(
        'task = "addition"\nclip_high = inf\nestimator = "qae"\n\n[task_options]\ndigits = 2\n\n'
        '[parameters.k]\nkind = "LinearK"\nstart = 0.6\nend = 0.4\nsteps = 20\n'
    )
    config = Config.read(toml)
    assert config.clip_high == math.inf
    assert config.rule.parameters_at(10) == {"k": 0.5}
    plain = tmp_path / "run.json"
    plain.write_text(json.dumps(config.to_dict()))
    assert Config.read(plain) == config
    for text, message in [
        ("task = ", "run.toml is no configuration of a run"),
        ("tasks = 1", "configuration must be fields among task, .*; got \\['tasks'\\]"),
        ('[parameters.k]\nkind = "Else"', "kind of k must be one of"),
        ("seed = 1.5", "seed must be an integer"),
    ]:
        toml.write_text(text)
        with pytest.raises(ValueError, match=message):
            Config.read(toml)


# --- records ---


def record_of(runs: int, rows: int, seed: int = 0) -> Record:
    numbers = np.random.default_rng(seed)
    passes = numbers.random((runs, rows))
    passes[:, 1::2] = math.nan
    return Record(
        tuple(Config(seed=s) for s in range(runs)),
        {
            "reward": numbers.random((runs, rows)),
            "pass_1": passes,
            "success_histogram": numbers.random((runs, rows, 5)),
        },
        tuple({0: [["wait", 1.5, 12]]} for _ in range(runs)),
        tuple({"device": "cpu"} for _ in range(runs)),
    )


def test_records_come_back_from_archives(tmp_path: Path) -> None:
    record = record_of(3, 6)
    record.save(tmp_path / "a.npz")
    again = Record.load(tmp_path / "a.npz")
    assert again.configs == record.configs
    assert again.words == record.words
    assert again.about == record.about
    for name, values in record.metrics.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-7)
    np.testing.assert_allclose(record.last("pass_1"), record["pass_1"][:, 4])
    with pytest.raises(ValueError, match="name must be one of reward, pass_1"):
        record["rewards"]


def test_records_are_joined_and_chosen() -> None:
    both = Record.join([record_of(2, 4), record_of(3, 6, seed=1)])
    assert both["reward"].shape == (5, 6)
    assert np.isnan(both["reward"][:2, 4:]).all()
    assert not np.isnan(both["reward"][2:]).any()
    chosen = both.where(lambda config: config.seed > 0)
    assert [config.seed for config in chosen.configs] == [1, 1, 2]
    assert len(both.where(seed=0, task="style")) == 2
    np.testing.assert_array_equal(chosen["reward"][2], both["reward"][4])


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "foreign", "later"])
def test_damaged_archives_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npz"
    record_of(2, 4).save(path)
    content = path.read_bytes()
    if damage == "foreign":
        np.savez(path, x=np.zeros(3))
    elif damage == "later":
        head = {"format": "qae_sim language model run", "format_version": 2}
        np.savez(path, head=np.array(json.dumps(head)))
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"hello"}[damage])
    with pytest.raises(ValueError, match="a.npz is no record that qae_sim can read"):
        Record.load(path)
    with pytest.raises(FileNotFoundError):
        Record.load(tmp_path / "b.npz")
