"""``qae-sim train`` and ``qae-sim reproduce`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qae_sim.cli import main
from qae_sim.lm import Config, read_run

QUICK = [
    *(
        "--task",
        "addition",
        "--set",
        "task_options.digits=1",
        "--prompts",
        "4",
        "--group-size",
        "4",
        "--minibatches",
        "2",
    ),
    *("--batches", "2", "--set", "base_demonstrations=256", "--set", "base_passes=1", "--set", "held_out=4"),
    *("--set", "pass_at=4", "--device", "cpu"),
]


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_training_from_flags(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code, output = call(
        "train", *QUICK, "--estimator", "qae", "--k", "0.3", "--seeds", "0,2", "--folder", tmp_path / "a"
    )
    assert code == 0, output
    assert "pass@1 on held-out prompts" in output
    assert "2 runs in" in output
    record = read_run(tmp_path / "a")
    assert [config.seed for config in record.configs] == [0, 2]
    assert [config.base_seed for config in record.configs] == [0, 2]
    assert record.configs[0].rule.parameters == {"k": 0.3}
    assert record.configs[0].task_options == {"digits": 1}
    code, output = call("train", *QUICK, "--estimator", "grpo", "--folder", tmp_path / "a")
    assert code == 1
    assert "holds other runs; give them another folder" in output


def test_training_from_a_file_that_flags_change(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "run.toml"
    file.write_text('estimator = "qae"\nclip_high = inf\n[parameters]\nk = 0.6\n')
    code, output = call("train", "--config", file, *QUICK, "--set", "loss=sequence", "--folder", tmp_path / "b")
    assert code == 0, output
    (config,) = read_run(tmp_path / "b").configs
    assert (config.rule.estimator, config.rule.parameters, config.loss) == ("qae", {"k": 0.6}, "sequence")
    assert json.loads((tmp_path / "b" / "config.json").read_text())["runs"][0]["clip_high"] == "inf"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--estimator", "qea"], "did you mean 'qae'"),
        (["--k", "0.4"], "parameters must be named as those of grpo"),
        (["--set", "prompt=3"], "configuration must be fields among"),
        (["--seeds", "a"], "--seeds must be integers or ranges such as 100-115, separated by commas; got 'a'"),
        (["--minibatches", "7"], "minibatches must be a divisor of prompts = 48; got 7"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    code, output = call("train", *arguments)
    assert code == 2
    assert message in " ".join(output.split())


def test_defaults_shown_are_those_of_the_configuration() -> None:
    output = " ".join(call("train", "--help")[1].split())
    assert f"[default: {Config().learning_rate}]" in output
    assert f"[default: {Config().batches}]" in output


def test_recorded_runs_are_judged_without_training() -> None:
    pytest.importorskip("scipy")
    code, output = call("reproduce", "pass", "--recorded")
    assert code == 0, output
    assert "Fig. 5a" in output
    code, output = call("reproduce", "--list")
    assert code == 0
    assert "ha_dw" in output
    code, output = call("reproduce", "--recorded", "--size", "full")
    assert code == 1
    assert "no runs of this size come with the package" in output
    code, output = call("reproduce", "--recorded", "--seeds", "100-115")
    assert code == 2
    assert "--seeds cannot be chosen with --recorded" in output
    for wrong in ("5-3", "a", "1,", "1--2", "-1"):
        code, output = call("reproduce", "pass", "--seeds", wrong)
        assert code == 2
        assert "--seeds must be integers or ranges such as 100-115" in output.replace("\n", " ")
    code, output = call("reproduce", "everything")
    assert code == 2
