"""Rewards of a trainer's batch to advantages: estimators, unscored rewards, anchors, schedules, metrics, state."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.advantages import (
    ESTIMATORS,
    AdvantageRule,
    AdvantageState,
    EntropyTargetK,
    Estimator,
    HardAnchor,
    KalmanAnchor,
    LinearK,
    PhaseSwitch,
    SoftAnchor,
    SuccessRateK,
    Term,
    get,
    grpo,
    ha_dw,
    ha_dw_weights,
    ktae,
    qae,
    registered,
    reinforce_plus_plus,
    why_not,
)
from qae_sim.engines.batches import estimate, observed, restored, rule_for_trainers

NAN = math.nan
DEFAULTS: dict[str, Any] = {"ddof": 1, "eps": 1e-4}
REWARDS = np.array([1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1], dtype=float)

#: What estimators need besides rewards, for the twelve responses.
GIVEN: dict[str, Any] = {
    "lengths": np.arange(1, 13),
    "metric": np.arange(12) % 5,
    "reference": np.arange(12) % 2,
    "prompt_values": np.repeat([0.0, 0.5, 1.0], 4),
    "further": np.array([np.arange(12) % 3, np.arange(12) % 2]),
}


def rule_of(estimator: Any = "grpo", *fields: Any, **more: Any) -> AdvantageRule:
    """A rule as a trainer takes it."""
    return rule_for_trainers(AdvantageRule(estimator, *fields, **more), DEFAULTS)


def after(rule: AdvantageRule, *batches: np.ndarray) -> AdvantageState:
    """Where a rule stands after some batches."""
    state = rule.start()
    for rewards in batches:
        state = rule.after(state, observed(rule, rewards))
    return state


def grouped(need: str) -> np.ndarray:
    values: np.ndarray = GIVEN[need]
    return values[::4] if need == "prompt_values" else values.reshape(*values.shape[:-1], 3, 4)


@pytest.mark.parametrize(
    "name", [name for name, entry in ESTIMATORS.items() if not why_not(name, "trl") and entry.level != "token"]
)
def test_every_estimator_of_responses(name: str) -> None:
    row = get(name)
    plain = {key: value for key, value in DEFAULTS.items() if key in row.parameters}
    given = {need: SoftAnchor().belief if need == "anchor" else grouped(need) for need in row.inputs}
    wanted = row.advantages(REWARDS.reshape(3, 4), **given, **plain)
    rule = rule_of(name, anchor=SoftAnchor() if row.weights else None)
    got = estimate(rule, REWARDS, 4, **GIVEN).advantages
    np.testing.assert_allclose(got, np.ravel(wanted))


def test_what_is_needed_besides_rewards() -> None:
    with pytest.raises(ValueError, match="opo needs lengths besides rewards"):
        estimate(rule_of("opo"), REWARDS, 4)
    with pytest.raises(ValueError, match="prompt_values must be the same for all of a group"):
        estimate(rule_of("rlev"), REWARDS, 4, prompt_values=np.arange(12.0))
    with pytest.raises(
        ValueError, match=r"advantage must be one that goes into TRL's trainer: it needs responses that begin alike"
    ):
        rule_of("attn_rl")
    with pytest.raises(ValueError, match="trainers know lengths, and no entropies"):
        rule_of("canon", {"metric": "entropy"})
    with pytest.raises(ValueError, match="without EntropyTargetK: trainers tell rewards and no entropy"):
        rule_of("qae", {"k": EntropyTargetK(0.5)})
    with pytest.raises(ValueError, match="PhaseSwitch for negatives"):
        rule_of("capo", {"negatives": LinearK(0.6, 0.4, steps=4)})
    # One that is not scored takes its length, its metric and its reference with it.
    rewards = np.where(np.arange(12) == 5, NAN, REWARDS)
    for name, need in (("opo", "lengths"), ("canon", "metric"), ("aapo", "reference"), ("rlev", "prompt_values")):
        got = estimate(rule_of(name), rewards, 4, **GIVEN).advantages
        kept = [4, 6, 7]
        value = GIVEN[need][4] if need == "prompt_values" else GIVEN[need][kept]
        plain = DEFAULTS if name == "aapo" else {}
        np.testing.assert_allclose(got[kept], get(name).advantages(REWARDS[kept], **{need: value}, **plain))
        assert got[5] == 0


def test_weights_of_several_rewards() -> None:
    weighted = estimate(rule_of("gdpo"), REWARDS, 4, **GIVEN, weights=[1.0, 2.0, 0.5]).advantages
    own = estimate(rule_of("gdpo", {"weights": [1.0, 2.0, 0.5]}), REWARDS, 4, **GIVEN).advantages
    np.testing.assert_array_equal(own, weighted)
    assert not np.allclose(weighted, estimate(rule_of("gdpo"), REWARDS, 4, **GIVEN).advantages)


def test_advantages_of_several_rewards_are_added() -> None:
    """Each reward's own advantages, weighted; what could not be scored is left out of both."""
    rule = AdvantageRule((Term("dr_grpo"), Term("rloo", weight=0.5, reward=2)))
    second = np.asarray(GIVEN["further"])[1]
    found = estimate(rule, REWARDS, 4, **GIVEN)
    wanted = get("dr_grpo").function(REWARDS.reshape(3, 4)) + get("rloo").function(second.reshape(3, 4)) / 2
    np.testing.assert_allclose(found.advantages, wanted.ravel())
    assert "baseline" not in found.metrics
    assert "baseline" not in estimate(AdvantageRule((Term("grpo", reward=1),)), REWARDS, 4, **GIVEN).metrics
    rewards = np.where(np.arange(12) == 5, NAN, REWARDS)
    kept = [4, 6, 7]
    wanted = get("dr_grpo").function(REWARDS[kept]) + get("rloo").function(second[kept]) / 2
    np.testing.assert_allclose(estimate(rule, rewards, 4, **GIVEN).advantages[kept], wanted)


def test_a_baseline_is_logged_where_it_is_known() -> None:
    for name in ("opo", "canon", "aapo", "rlev", "gdpo", "grpo_passk"):
        assert "baseline" not in estimate(rule_of(name), REWARDS, 4, **GIVEN).metrics
    for name in ("grpo", "maxrl", "capo"):
        assert estimate(rule_of(name), REWARDS, 4).metrics["baseline"] == pytest.approx(2 / 3)


def test_phases() -> None:
    rule = rule_of("capo", {"negatives": PhaseSwitch(3)})
    first, second = (estimate(rule, REWARDS, 4, step=step).advantages for step in (2, 3))
    np.testing.assert_array_equal(second, estimate(rule_of("grpo"), REWARDS, 4).advantages)
    np.testing.assert_array_equal(first, np.maximum(second, 0))


def test_tokens() -> None:
    ids = np.random.default_rng(0).integers(0, 4, (12, 5))
    mask = np.arange(5) < np.random.default_rng(1).integers(1, 6, (12, 1))
    got = estimate(rule_of("ktae"), REWARDS, 4, token_ids=ids, mask=mask).advantages
    wanted = ktae(REWARDS.reshape(3, 4), ids.reshape(3, 4, 5), mask.reshape(3, 4, 5), ddof=1, eps=1e-4).advantages
    np.testing.assert_allclose(got, wanted.reshape(12, 5))
    with pytest.raises(ValueError, match="ktae needs token_ids and mask besides rewards"):
        estimate(rule_of("ktae"), REWARDS, 4)


def test_a_function() -> None:
    rule = rule_of(lambda r, scale: scale * (r - r.mean(axis=-1, keepdims=True)), {"scale": 2.0})
    np.testing.assert_allclose(estimate(rule, REWARDS, 4).advantages[:4], [1.5, -0.5, -0.5, -0.5])
    with pytest.raises(ValueError, match="a function that gives finite numbers"):
        rule_of(lambda r: r[..., :1])
    later = rule_of(lambda r: r - (0.5 if r.shape[-1] == 3 else math.inf))
    with pytest.raises(ValueError, match="a function that gives finite numbers"):
        estimate(later, REWARDS, 4)


def test_weighted_sums() -> None:
    both = rule_of((Term("grpo", weight=0.5), Term("dr_grpo", weight=2.0)))
    found = estimate(both, REWARDS, 4)
    parts = [estimate(rule_of(name), REWARDS, 4).advantages for name in ("grpo", "dr_grpo")]
    np.testing.assert_allclose(found.advantages, 0.5 * parts[0] + 2.0 * parts[1])
    assert "baseline" not in found.metrics
    ids = np.random.default_rng(0).integers(0, 4, (12, 5))
    tokens: dict[str, Any] = {"token_ids": ids, "mask": ids >= 0}
    gap = np.where(np.arange(12) == 5, NAN, REWARDS)
    mix = estimate(rule_of((Term("ktae"), Term("grpo"))), gap, 4, **tokens).advantages
    ktae_alone, grpo_alone = (estimate(rule_of(name), gap, 4, **tokens).advantages for name in ("ktae", "grpo"))
    np.testing.assert_allclose(mix, ktae_alone + grpo_alone[:, None])
    assert (mix[5] == 0).all()
    with pytest.raises(ValueError, match="scored throughout for 'reinforce_plus_plus.grpo'"):
        estimate(rule_of((Term("reinforce_plus_plus"), Term("grpo"))), gap, 4)


def test_an_estimator_that_is_registered_on_the_fly() -> None:
    def above_best(rewards: Any, lengths: Any, eps: float = 0.0) -> Any:
        return rewards - rewards.max(axis=-1, keepdims=True) + eps * lengths

    row = Estimator("above_best", above_best, "Above", "", "ours", "response", "", {"eps": 0.0}, inputs=("lengths",))
    gap = np.where(np.arange(12) == 0, NAN, REWARDS)
    with registered(row):
        got = estimate(rule_of("above_best"), gap, 4, **GIVEN)
        assert got.advantages[:4].tolist() == pytest.approx([0, 2e-4, 3e-4, 4e-4])
        assert got.advantages[7] == pytest.approx(-1 + 8e-4)
        assert "baseline" not in got.metrics
    with pytest.raises(ValueError, match="name must be one of"):
        rule_of("above_best")


def test_unscored_responses_take_no_part() -> None:
    rewards = np.array([1, 0, NAN, 0, NAN, NAN, NAN, 1, 1, 1, 0, 1], dtype=float)
    got = estimate(rule_of("qae", {"k": 0.4}), rewards, 4)
    np.testing.assert_allclose(got.advantages[[0, 1, 3]], qae([1, 0, 0], k=0.4, ddof=1, eps=1e-4))
    assert got.advantages[2] == 0
    assert (got.advantages[4:8] == 0).all()  # one response alone has no group
    np.testing.assert_allclose(got.advantages[8:], qae([1, 1, 0, 1], k=0.4, ddof=1, eps=1e-4))
    assert got.metrics["unscored"] == pytest.approx(4 / 12)
    flat = estimate(rule_of("reinforce_plus_plus"), rewards, 4).advantages
    kept = ~np.isnan(rewards)
    np.testing.assert_allclose(flat[kept], reinforce_plus_plus(rewards[kept][None], ddof=1, eps=1e-4)[0])
    with pytest.raises(ValueError, match="scored throughout for 'reinforce_plus_plus_baseline'"):
        estimate(rule_of("reinforce_plus_plus_baseline"), rewards, 4)
    ids = np.ones((12, 2), dtype=int)
    tokens = estimate(rule_of("ktae"), rewards, 4, token_ids=ids, mask=ids > 0).advantages
    assert (tokens[2] == 0).all()
    assert (tokens[0] != 0).all()


@given(
    st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=12, max_size=12), st.sampled_from(["grpo", "qae", "dr_grpo"])
)
def test_what_is_not_scored_gets_nothing_and_changes_nothing(values: list[float], name: str) -> None:
    rewards = np.array(values)
    got = estimate(rule_of(name), rewards, 4).advantages
    assert np.isfinite(got).all()
    assert (got[np.isnan(rewards)] == 0).all()
    for group in range(3):
        part = slice(4 * group, 4 * group + 4)
        alone = estimate(rule_of(name), rewards[part], 4).advantages
        np.testing.assert_allclose(got[part], alone)


def test_anchor_weighs_and_moves() -> None:
    rule = rule_of("grpo", anchor=HardAnchor(window=1, start=0.9), lambda_scale=1.5)
    got = estimate(rule, REWARDS, 4)
    wanted = ha_dw(REWARDS.reshape(3, 4), 0.9, lambda_scale=1.5, ddof=1, eps=1e-4)
    np.testing.assert_allclose(got.advantages, wanted.ravel())
    assert got.metrics["anchor"] == 0.9
    moved = after(rule, REWARDS.reshape(3, 4))
    assert moved.anchor.belief == pytest.approx(REWARDS.mean())
    later = estimate(rule, REWARDS, 4, state=moved)
    wanted = ha_dw(REWARDS.reshape(3, 4), moved.anchor.belief, lambda_scale=1.5, ddof=1, eps=1e-4)
    np.testing.assert_allclose(later.advantages, wanted.ravel())
    assert later.metrics["anchor"] == moved.anchor.belief
    assert estimate(rule, REWARDS, 4).metrics["anchor"] == 0.9
    with_gap = np.where(np.arange(12) == 0, NAN, REWARDS).reshape(3, 4)
    assert after(rule, with_gap).anchor.belief == pytest.approx(REWARDS[1:].mean())
    assert after(rule, np.full((3, 4), NAN)) == rule.start()
    with pytest.raises(ValueError, match=r"rewards must be in \[0, 1\]"):
        estimate(rule, REWARDS * 2, 4)


def test_difficulty_can_be_about_correctness_while_advantages_are_about_rewards() -> None:
    shaped = np.where(REWARDS > 0, 1.0, -1.0) - 0.25 * (np.arange(12) % 2)  # as verifiers with punishments give them
    rule = rule_of("grpo", {"eps": 0}, HardAnchor(window=1, start=0.9), correct_above=0.5)
    got = estimate(rule, shaped, 4).advantages.reshape(3, 4)
    plain = estimate(rule_of("grpo", {"eps": 0}), shaped, 4).advantages.reshape(3, 4)
    correct = REWARDS.reshape(3, 4)
    np.testing.assert_allclose(got, plain * ha_dw_weights(correct, plain, 0.9, lambda_scale=1.3).Phi)
    assert after(rule, shaped).anchor.belief == pytest.approx(REWARDS.mean())
    assert after(rule_of("grpo", {"eps": 0}, HardAnchor(window=1), correct_above=1.0), shaped).anchor.belief == 0
    solved = correct.mean(axis=1)
    assert estimate(rule, shaped, 4).metrics["weight"] == pytest.approx(1.3 * np.exp(np.abs(solved - 0.9)).mean())


def test_schedules_and_automatic_k() -> None:
    rule = rule_of("qae", {"k": LinearK(0.2, 0.8, steps=10)})
    for step, k in ((0, 0.2), (5, 0.5), (99, 0.8)):
        got = estimate(rule, REWARDS, 4, step=step)
        np.testing.assert_allclose(got.advantages, qae(REWARDS.reshape(3, 4), k=k, ddof=1, eps=1e-4).ravel())
        assert got.metrics["k"] == pytest.approx(k)
    automatic = rule_of("qae", {"k": SuccessRateK(rate=1.0)})
    groups = REWARDS.reshape(3, 4)
    moved, k = after(automatic, groups), SuccessRateK(rate=1.0).update(groups).k
    assert automatic.k_at(0, moved) == k != 0.4
    got = estimate(automatic, REWARDS, 4, state=moved)
    np.testing.assert_allclose(got.advantages, qae(groups, k=k, **DEFAULTS).ravel())
    assert got.metrics["k"] == k


def test_metrics_count() -> None:
    got = estimate(rule_of("qae", {"k": 0.4}), REWARDS, 4).metrics
    assert got["zero_share"] == pytest.approx(10 / 12)
    assert got["positive_share"] == pytest.approx(1 / 12)
    assert got["negative_share"] == pytest.approx(1 / 12)
    assert got["degenerate_groups"] == pytest.approx(1 / 3)
    assert got["hard_groups"] == pytest.approx(1 / 3)
    assert got["easy_groups"] == pytest.approx(1 / 3)
    assert got["baseline"] == pytest.approx(2 / 3)  # 0 on the hard prompt, 1 on the others
    assert estimate(rule_of("qae", {"k": 0.9}), REWARDS, 4).metrics["baseline"] == 1
    assert estimate(rule_of("grpo"), REWARDS, 4).metrics["baseline"] == pytest.approx(REWARDS.mean())
    gaps = np.array([1, NAN, NAN, NAN, 0, 0, 0, 1.0])
    assert estimate(rule_of("grpo"), gaps, 4).metrics["baseline"] == pytest.approx(0.25)  # one alone is not compared
    whole = estimate(rule_of("reinforce_plus_plus"), gaps, 4).metrics["baseline"]
    assert whole == pytest.approx(2 / 5)
    between = estimate(rule_of("qae", {"k": 0.6, "quantile": "linear"}), np.array([1, 1, 0, 0.0]), 4)
    assert between.metrics["baseline"] == pytest.approx(0.8)
    assert "baseline" not in estimate(rule_of(lambda r: r - 0.5), REWARDS, 4).metrics
    silent = estimate(rule_of("qae"), np.concatenate([np.zeros(4), np.ones(4), [1, 0, 0, 0]]), 4).metrics
    assert silent["hard_groups"] == pytest.approx(1 / 3)  # a group of equal rewards is neither
    assert silent["easy_groups"] == 0


@pytest.mark.parametrize("anchor", [SoftAnchor(), HardAnchor(), KalmanAnchor(), None])
def test_state_goes_through_json(anchor: Any) -> None:
    rule = rule_of("qae", {"k": SuccessRateK()}, anchor)
    moved = after(rule, REWARDS.reshape(3, 4), 1 - REWARDS.reshape(3, 4))
    assert restored(rule, json.loads(json.dumps(rule.stored(moved)))) == moved
    with pytest.raises(ValueError, match=r"was left by qae\(.*SuccessRateK.*this run has qae\(ddof=1, eps=0.0001\)"):
        restored(rule_of("qae"), rule.stored(moved))


def test_states_of_older_files_are_read() -> None:
    """As they were written before a rule was stored with its state."""
    stored = {
        "anchor": {"kind": "HardAnchor", "window": 3, "start": 0.5, "recent": [0.25, 0.5]},
        "k": {"kind": "SuccessRateK", "k": 0.375, "hard_share": 0.5, "rate": 0.1},
    }
    rule = rule_of("qae", {"k": SuccessRateK()}, HardAnchor(window=3))
    state = restored(rule, stored)
    assert state.parts == {"k": SuccessRateK(0.375), "anchor": HardAnchor(window=3, recent=(0.25, 0.5))}
    with pytest.raises(ValueError, match="anchor must be of the kind that is configured, SoftAnchor"):
        restored(rule_of("qae", {"k": SuccessRateK()}, SoftAnchor()), stored)
    with pytest.raises(ValueError, match="k must be of the kind that is configured, None"):
        restored(rule_of("qae", anchor=HardAnchor()), stored)
    assert restored(rule_of("qae"), {"anchor": None, "k": None}) == rule_of("qae").start()
    damages: list[Any] = [{"belief": 0.5}, [], None]
    for damaged in damages:
        with pytest.raises(TypeError, match="state must be a state of a rule"):
            restored(rule, damaged)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("qea",), "did you mean 'qae'"),
        (("ha_dw",), "anchor must be a difficulty anchor for estimator 'ha_dw'"),
        (("grpo", {"k": 0.4}), "parameters must be named as those of grpo"),
        (("qae", {"k": 1.4}), "k must be"),
        (("qae", {"eps": LinearK(0.1, 0.2, steps=3)}), "a schedule for k alone"),
        (("grpo", {}, 0.5), "anchor must be one of FixedAnchor"),
        (("ktae", {}, SoftAnchor()), "anchor must be None with 'ktae'"),
        (("grpo", {}, SoftAnchor(), 0.0), "lambda_scale must be positive"),
        (("grpo", {}, None, 1.3, 0.5), "correct_above must be None without an anchor"),
        (("grpo", {}, SoftAnchor(), 1.3, NAN), "correct_above must be"),
        ((7,), "estimator must be a function, or one of grpo"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        rule_of(*arguments)
    assert message in str(caught.value)


def test_wrong_batches_are_named() -> None:
    with pytest.raises(ValueError, match=r"rewards must be of shape \(N,\), N a multiple of group_size = 5"):
        estimate(rule_of("grpo"), REWARDS, 5)
    with pytest.raises(ValueError, match="group_size must be an integer of at least 2; got 1"):
        estimate(rule_of("dr_grpo"), REWARDS, 1)
    with pytest.raises(ValueError, match="rewards must be finite, or NaN"):
        estimate(rule_of("grpo"), np.array([1, math.inf]), 2)
    np.testing.assert_allclose(estimate(rule_of("grpo"), REWARDS, 4).advantages[8:], grpo([1, 1, 1, 1]))
