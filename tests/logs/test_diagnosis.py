"""The diagnosis of a log: its numbers against plain enumeration, what it cannot tell, and its rules."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from qae_sim.advantages import AdvantageRule
from qae_sim.logs.advice import RULES, advice_from
from qae_sim.logs.diagnosis import Diagnosis, diagnose
from qae_sim.logs.digest import Digest, digest
from qae_sim.logs.findings import RunFinding
from qae_sim.logs.metrics import metrics_of
from qae_sim.logs.resampling import change_over_steps, highest_rate, shares_of_sums
from qae_sim.logs.sources import Trouble

STEPS, PROMPTS, G = 10, 12, 4
NO_NUMBERS = "values of metrics that are no finite numbers, or whose step is none"


def log_of(folder: Path, rewards: np.ndarray, **columns: Any) -> Digest:
    """The digest of rewards ``(S, P, G)`` and of further columns of that shape; prompt p is the same at every step."""
    rows = [
        {"step": s, "prompt": f"prompt {p}", "reward": float(rewards[s, p, i])}
        | {name: values[s, p, i].item() for name, values in columns.items()}
        for s, p, i in np.ndindex(rewards.shape)
    ]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return digest(folder / "run.jsonl", force=True)


def drawn(seed: int = 0, rate: Any = 0.5) -> np.ndarray:
    """Rewards of 0 and 1."""
    return np.asarray(np.random.default_rng(seed).random((STEPS, PROMPTS, G)) < rate, dtype=float)


def number(found: Diagnosis, finding: str, name: str) -> Any:
    """A number of a finding."""
    return next(one for one in found[finding].numbers if one.name == name)


def test_intervals_cover_what_they_should() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(100):
        rate = rng.beta(1, 1, 40)  # prompts differ, and each is seen three times
        won = rng.binomial(8, np.repeat(rate, 3)) / 8
        _, low, high = shares_of_sums(won, np.ones(120), np.repeat(np.arange(40), 3), seed=seed)
        inside += low[0] <= 0.5 <= high[0]
    assert 88 <= inside <= 99


def test_intervals_do_not_depend_on_the_order_of_groups_and_few_prompts_have_none() -> None:
    rng = np.random.default_rng(1)
    values, prompt = rng.random(60), np.arange(60) // 3
    order = rng.permutation(60)
    one = shares_of_sums(values, np.ones(60), prompt)
    other = shares_of_sums(values[order], np.ones(60), prompt[order])
    np.testing.assert_allclose(np.ravel(one), np.ravel(other))
    value, low, _ = shares_of_sums(values[:21], np.ones(21), prompt[:21])
    assert value[0] == pytest.approx(values[:21].mean())
    assert np.isnan(low[0])


def test_highest_rate_is_the_rate_at_which_so_many_failures_have_five_per_cent() -> None:
    for n in (1, 8, 100):
        assert (1 - highest_rate(n).item()) ** n == pytest.approx(0.05)


def test_change_over_steps() -> None:
    rng = np.random.default_rng(0)
    factor, low, high = change_over_steps(np.exp(-np.arange(60) / 20) * rng.uniform(0.9, 1.1, 60))
    assert low < factor < high < 0.12
    assert np.isnan(change_over_steps([1.0] * 14)).all()


def test_smaller_groups_by_counting_all_of_them(tmp_path: Path) -> None:
    rewards = np.random.default_rng(2).integers(0, 3, (STEPS, PROMPTS, G)) / 2
    found = diagnose(log_of(tmp_path, rewards))
    for size in (2, 4):
        counted = [
            len({row[i] for i in part}) == 1
            for row in rewards.reshape(-1, G)
            for part in itertools.combinations(range(G), size)
        ]
        value = number(found, "another G", f"groups of equal rewards at G = {size}").value
        assert value == pytest.approx(np.mean(counted))


def test_a_larger_group_lies_between_its_bounds(tmp_path: Path) -> None:
    rate = np.random.default_rng(3).beta(0.5, 0.5, (1, PROMPTS, 1))
    found = diagnose(log_of(tmp_path, drawn(3, rate)))
    large = number(found, "another G", "groups of equal rewards at G = 8, at least").value
    at_most = number(found, "another G", "groups of equal rewards at G = 8, at most").value
    assert large - 0.05 <= np.mean(rate**8 + (1 - rate) ** 8) <= at_most + 0.05


def test_what_qae_would_have_silenced_is_the_share_of_the_digest(tmp_path: Path) -> None:
    log = log_of(tmp_path, drawn(4))
    found = diagnose(log)
    for k, place in ((0.2, 3), (0.4, 7), (0.6, 11), (0.8, 15)):
        value = number(found, "another K", f"responses without advantage at K = {k:g}")
        assert value.value == pytest.approx(log.silenced_by_k[place])
        assert value.low <= value.value <= value.high


def test_dead_and_lost_prompts(tmp_path: Path) -> None:
    rewards = drawn(5, 0.5)
    rewards[:, 0], rewards[:, 1] = 0, 1
    rewards[:, 2] = 0
    rewards[:5, 2, :2] = 1  # 10 successes in the first 20 of 40 responses
    found = diagnose(log_of(tmp_path, rewards))
    assert number(found, "dead prompts", "prompts always wrong").value == 1
    assert number(found, "dead prompts", "prompts always right").value == 1
    assert found["dead prompts"].prompts == ("prompt 0", "prompt 1")
    assert found["lost prompts"].prompts == ("prompt 2",)
    assert Fraction(comb(20, 10), comb(40, 10)) < Fraction(1, 100)


@pytest.mark.parametrize("baseline", ["the mean of its group", "nothing", "quantile"])
@pytest.mark.parametrize(
    "divisor", ["the standard deviation of its group (over G - 1)", "nothing", "one number a step", "something unknown"]
)
def test_the_trainer_is_recognised(tmp_path: Path, baseline: str, divisor: str) -> None:
    r = np.random.default_rng(6).random((STEPS, PROMPTS, G))
    b = {
        "the mean of its group": r.mean(axis=2, keepdims=True),
        "nothing": np.zeros(1),
        "quantile": np.sort(r, axis=2)[:, :, 1:2],
    }[baseline]
    s = {
        "the standard deviation of its group (over G - 1)": r.std(axis=2, ddof=1, keepdims=True),
        "nothing": np.ones(1),
        "one number a step": r.std(axis=(1, 2), keepdims=True),
        "something unknown": r.var(axis=2, keepdims=True),
    }[divisor]
    found = diagnose(log_of(tmp_path, r, advantage=(r - b) / s))["trainer"]
    assert baseline in found.verdict
    assert divisor in found.verdict
    assert found.alarm == (divisor == "something unknown")


def test_advantages_of_other_groups_are_seen(tmp_path: Path) -> None:
    r = drawn(7)
    advantage = np.asarray(AdvantageRule("grpo").advantages(r.transpose(0, 2, 1).reshape(STEPS, G, PROMPTS)))
    found = diagnose(log_of(tmp_path, r, advantage=advantage.transpose(0, 2, 1)))
    assert found["trainer"].state == "other groups"
    assert found.advice[0].rule == "grouping"


def test_a_verifier_that_errs(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    answer = rng.integers(0, 6, (STEPS, PROMPTS, G))
    right = answer % 2 == 0
    flipped = right ^ (rng.random(right.shape) < 0.1)
    noisy = diagnose(log_of(tmp_path, flipped.astype(float), completion=answer))
    rate = number(noisy, "verifier", "chance of the rarer reward for one text")
    assert rate.low < 0.1 < rate.high
    assert noisy["verifier"].state == "errs"
    exact = diagnose(log_of(tmp_path, right.astype(float), completion=answer))
    assert exact["verifier"].state == "no sign"
    pairs = [len({*pair}) == 1 for row in answer.reshape(-1, G) for pair in itertools.permutations(row, 2)]
    last = np.mean(pairs[-len(pairs) // 5 :])
    assert number(exact, "repetition", "equal pairs in the last fifth").value == pytest.approx(last)


def test_a_reward_that_rises_while_another_score_falls(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, STEPS)[:, None, None]
    gamed = diagnose(log_of(tmp_path, drawn(9, ramp) + 0.5 * drawn(10), acc=drawn(11, 1 - ramp)))
    assert gamed["verifier"].state == "gamed"


def test_failures_that_grow(tmp_path: Path) -> None:
    r = drawn(12)
    long = np.where(r > 0, 20.0, 20 + 2 * np.arange(STEPS)[:, None, None])
    found = diagnose(log_of(tmp_path, r, length=long))
    assert found["lengths"].state == "failures grow"
    change = number(found, "lengths", "length of other responses, last fifth less first")
    assert change.value == pytest.approx(16, abs=0.5)
    grpo = number(found, "length pressure", "pressure on length, grpo, divided by a constant")
    qae = number(found, "length pressure", "pressure on length, qae, divided by a constant")
    assert grpo.value == pytest.approx(qae.value)  # a baseline cancels under a constant


def test_metrics_are_found_beside_the_log(tmp_path: Path) -> None:
    log = log_of(tmp_path, drawn(13))
    assert log.metrics == {}
    rows = [
        {"step": s, "actor/entropy": 2.0 * 0.9**s, "actor/pg_clipfrac": 0.3, "actor/ppo_kl": 0.01} for s in range(40)
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, "?", {"step": 1e400}]))
    found = diagnose(digest(tmp_path / "run.jsonl"))
    assert (found["entropy"].state, found["clipping"].state, found["kl"].state) == ("collapses", "much", "known")
    state = {"log_history": [{"step": 1, "entropy": 1.5, "clip_ratio/region_mean": 0.0}, {"step": 2, "entropy": None}]}
    folder = tmp_path / "trl" / "checkpoint-2"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps(state))
    assert metrics_of(tmp_path / "trl")["entropy"].values.tolist() == [1.5]


def test_metrics_are_read_from_exported_tables(tmp_path: Path) -> None:
    """A chart of one run has three columns for a metric; in one of two runs nothing tells which run this is."""
    (tmp_path / "wandb_export_2026.csv").write_text(
        '\ufeff"Step","run one - train/entropy","run one - train/entropy__MIN","run one - train/entropy__MAX"\n'
        '"1","2.5","2.0","3.0"\n"2","","",""\n"3","1.5","1.0","2.0"\n'
    )
    (tmp_path / "history.csv").write_text("_step,train/kl,note\n0,0.25,a\n1,nan,b\n2,0.5,c\n")
    (tmp_path / "wandb_export_two.csv").write_text("Step,a - clip_ratio,b - clip_ratio\n1,0.1,0.2\n")
    trouble = Trouble()
    found = metrics_of(tmp_path, trouble)
    assert set(found) == {"entropy", "kl"}
    assert (found["entropy"].steps.tolist(), found["entropy"].values.tolist()) == ([1, 3], [2.5, 1.5])
    assert (found["kl"].steps.tolist(), found["kl"].values.tolist()) == ([0, 2], [0.25, 0.5])
    assert trouble.first == {
        "tables with a metric of several runs, which is left out": "wandb_export_two.csv",
        NO_NUMBERS: "history.csv, row 2",
    }
    (tmp_path / "history.csv").write_text('_step,note,train/kl\n0,"two\nlines",0.25\n1,b,many\n2,c,0.5\n')
    trouble = Trouble()
    assert metrics_of(tmp_path, trouble)["kl"].steps.tolist() == [0, 2]
    assert (trouble.counts[NO_NUMBERS], trouble.first[NO_NUMBERS]) == (1, "history.csv, row 2")


def test_what_cannot_be_read_of_metrics_is_counted(tmp_path: Path) -> None:
    log_of(tmp_path, drawn(13))
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "entropy": 2.0}\n\n?\n[1]\n')
    (tmp_path / "trainer_state.json").write_text("{")
    found = digest(tmp_path / "run.jsonl")
    assert found.metrics["entropy"].values.tolist() == [2.0]
    assert found.trouble.counts["lines of metrics that are no JSON objects"] == 2
    assert found.trouble.first["lines of metrics that are no JSON objects"] == "metrics.jsonl:3"
    assert found.trouble.first["files of metrics that cannot be read"] == "trainer_state.json"


def test_what_a_log_does_not_say_is_said(tmp_path: Path) -> None:
    found = diagnose(log_of(tmp_path, drawn(14)[:2]))
    for name in (
        "learning",
        "entropy",
        "repetition",
        "lengths",
        "clipping",
        "kl",
        "length pressure",
        "trainer",
        "verifier",
    ):
        assert found[name].state == "cannot tell"
        assert found[name].lacks
    assert found.advice == ()
    assert "cannot tell about" in found.verdict


def test_plain_values_are_json_and_the_same_each_time(tmp_path: Path) -> None:
    log = log_of(tmp_path, drawn(15))
    once, again = (json.dumps(diagnose(log).as_json(), allow_nan=False) for _ in range(2))
    assert once == again
    assert str(tmp_path) not in once
    assert set(json.loads(once)) == {"verdict", "findings", "advice"}


NAMES = (
    *("learning", "entropy", "repetition", "lengths", "clipping", "kl", "dead prompts", "lost prompts"),
    *("dynamic sampling", "another G", "another K", "gradient", "length pressure", "trainer", "verifier"),
)

CASES = {
    "grouping": ("trainer", "other groups"),
    "verifier errs": ("verifier", "errs"),
    "reward gamed": ("verifier", "gamed"),
    "divisor": ("trainer", "unknown rule"),
    "step size": ("learning", "falls"),
    "clip": ("clipping", "much"),
    "dead prompts": ("dead prompts", "many"),
    "length": ("lengths", "failures grow"),
    "collapse": ("repetition", "collapses"),
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_speaks_in_its_case_alone(rule: str) -> None:
    plain = [RunFinding(name, name, "known", "") for name in NAMES]
    assert advice_from(plain) == ()
    name, state = CASES[rule]
    changed = [RunFinding(name, name, state, "as it is") if one.name == name else one for one in plain]
    (advice,) = advice_from(changed)
    assert advice.rule == rule
    assert "as it is" in advice.because
    assert advice.cannot_tell
