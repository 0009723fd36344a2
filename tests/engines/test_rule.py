"""Rewards of a trainer's batch to advantages: estimators, unscored rewards, anchors, schedules, state."""

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
    HardAnchor,
    KalmanAnchor,
    LinearK,
    PhaseSwitch,
    SoftAnchor,
    SuccessRateK,
    get,
    grpo,
    ha_dw,
    ha_dw_weights,
    ktae,
    qae,
    reinforce_plus_plus,
    why_not,
)
from qae_sim.engines.rule import Rule

NAN = math.nan
REWARDS = np.array([1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1], dtype=float)


#: What estimators need beside rewards, for the twelve responses.
GIVEN: dict[str, Any] = {
    "lengths": np.arange(1, 13),
    "metric": np.arange(12) % 5,
    "reference": np.arange(12) % 2,
    "prompt_values": np.repeat([0.0, 0.5, 1.0], 4),
    "further": np.array([np.arange(12) % 3, np.arange(12) % 2]),
}


def grouped(need: str) -> np.ndarray:
    values = GIVEN[need]
    return values[::4] if need == "prompt_values" else values.reshape(*values.shape[:-1], 3, 4)


@pytest.mark.parametrize(
    "name", [name for name, entry in ESTIMATORS.items() if not why_not(name, "trl") and entry.level != "token"]
)
def test_every_estimator_of_responses(name: str) -> None:
    known = get(name).parameters
    plain = {key: value for key, value in {"ddof": 1, "eps": 1e-4}.items() if key in known}
    beside = {need: grouped(need) for need in get(name).needs}
    wanted = get(name).advantages(REWARDS.reshape(3, 4), **beside, **plain)
    got = Rule(name).advantages(REWARDS, 4, step=0, **GIVEN).advantages
    np.testing.assert_allclose(got, np.ravel(wanted))


def test_what_is_needed_beside_rewards() -> None:
    with pytest.raises(ValueError, match="opo needs lengths beside rewards"):
        Rule("opo").advantages(REWARDS, 4, step=0)
    with pytest.raises(ValueError, match="prompt_values must be the same for all of a group"):
        Rule("rlev").advantages(REWARDS, 4, step=0, prompt_values=np.arange(12.0))
    with pytest.raises(
        ValueError, match=r"advantage must be one that goes into TRL's trainer: it needs responses that begin alike"
    ):
        Rule("attn_rl")
    with pytest.raises(ValueError, match="trainers know lengths, and no entropies"):
        Rule("canon", {"metric": "entropy"})
    with pytest.raises(ValueError, match="PhaseSwitch for negatives"):
        Rule("capo", {"negatives": LinearK(0.6, 0.4, steps=4)})
    # One that is not scored takes its length, its metric and its reference with it.
    rewards = np.where(np.arange(12) == 5, NAN, REWARDS)
    for name, need in (("opo", "lengths"), ("canon", "metric"), ("aapo", "reference"), ("rlev", "prompt_values")):
        got = Rule(name).advantages(rewards, 4, step=0, **GIVEN).advantages
        kept = [4, 6, 7]
        beside = GIVEN[need][4] if need == "prompt_values" else GIVEN[need][kept]
        plain = {"ddof": 1, "eps": 1e-4} if name == "aapo" else {}
        np.testing.assert_allclose(got[kept], get(name).advantages(REWARDS[kept], **{need: beside}, **plain))
        assert got[5] == 0


def test_weights_of_several_rewards() -> None:
    weighted = Rule("gdpo").advantages(REWARDS, 4, step=0, **GIVEN, weights=[1.0, 2.0, 0.5]).advantages
    own = Rule("gdpo", {"weights": [1.0, 2.0, 0.5]}).advantages(REWARDS, 4, step=0, **GIVEN).advantages
    np.testing.assert_array_equal(own, weighted)
    assert not np.allclose(weighted, Rule("gdpo").advantages(REWARDS, 4, step=0, **GIVEN).advantages)


def test_a_baseline_is_logged_where_it_is_known() -> None:
    for name in ("opo", "canon", "aapo", "rlev", "gdpo", "grpo_passk"):
        assert "baseline" not in Rule(name).advantages(REWARDS, 4, step=0, **GIVEN).metrics
    for name in ("grpo", "maxrl", "capo"):
        assert Rule(name).advantages(REWARDS, 4, step=0).metrics["baseline"] == pytest.approx(2 / 3)


def test_phases() -> None:
    rule = Rule("capo", {"negatives": PhaseSwitch(3)})
    first, second = (rule.advantages(REWARDS, 4, step=step).advantages for step in (2, 3))
    np.testing.assert_array_equal(second, Rule("grpo").advantages(REWARDS, 4, step=0).advantages)
    np.testing.assert_array_equal(first, np.maximum(second, 0))


def test_tokens() -> None:
    ids = np.random.default_rng(0).integers(0, 4, (12, 5))
    mask = np.arange(5) < np.random.default_rng(1).integers(1, 6, (12, 1))
    got = Rule("ktae").advantages(REWARDS, 4, step=0, token_ids=ids, mask=mask).advantages
    wanted = ktae(REWARDS.reshape(3, 4), ids.reshape(3, 4, 5), mask.reshape(3, 4, 5), ddof=1, eps=1e-4).advantages
    np.testing.assert_allclose(got, wanted.reshape(12, 5))
    with pytest.raises(ValueError, match="ktae needs token_ids and mask beside rewards"):
        Rule("ktae").advantages(REWARDS, 4, step=0)


def test_a_function() -> None:
    rule = Rule(lambda r, scale: scale * (r - r.mean(axis=-1, keepdims=True)), {"scale": 2.0})
    np.testing.assert_allclose(rule.advantages(REWARDS, 4, step=0).advantages[:4], [1.5, -0.5, -0.5, -0.5])
    with pytest.raises(ValueError, match="a function that gives finite numbers"):
        Rule(lambda r: r[..., :1])


def test_unscored_responses_take_no_part() -> None:
    rewards = np.array([1, 0, NAN, 0, NAN, NAN, NAN, 1, 1, 1, 0, 1], dtype=float)
    got = Rule("qae", {"k": 0.4}).advantages(rewards, 4, step=0)
    np.testing.assert_allclose(got.advantages[[0, 1, 3]], qae([1, 0, 0], k=0.4, ddof=1, eps=1e-4))
    assert got.advantages[2] == 0
    assert (got.advantages[4:8] == 0).all()  # one response alone has no group
    np.testing.assert_allclose(got.advantages[8:], qae([1, 1, 0, 1], k=0.4, ddof=1, eps=1e-4))
    assert got.metrics["unscored"] == pytest.approx(4 / 12)
    flat = Rule("reinforce_plus_plus").advantages(rewards, 4, step=0).advantages
    kept = ~np.isnan(rewards)
    np.testing.assert_allclose(flat[kept], reinforce_plus_plus(rewards[kept][None], ddof=1, eps=1e-4)[0])
    with pytest.raises(ValueError, match="scored throughout for 'reinforce_plus_plus_baseline'"):
        Rule("reinforce_plus_plus_baseline").advantages(rewards, 4, step=0)
    ids = np.ones((12, 2), dtype=int)
    tokens = Rule("ktae").advantages(rewards, 4, step=0, token_ids=ids, mask=ids > 0).advantages
    assert (tokens[2] == 0).all()
    assert (tokens[0] != 0).all()


@given(
    st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=12, max_size=12), st.sampled_from(["grpo", "qae", "dr_grpo"])
)
def test_what_is_not_scored_gets_nothing_and_changes_nothing(values: list[float], name: str) -> None:
    rewards = np.array(values)
    got = Rule(name).advantages(rewards, 4, step=0).advantages
    assert np.isfinite(got).all()
    assert (got[np.isnan(rewards)] == 0).all()
    for group in range(3):
        part = slice(4 * group, 4 * group + 4)
        alone = Rule(name).advantages(rewards[part], 4, step=0).advantages
        np.testing.assert_allclose(got[part], alone)


def test_anchor_weighs_and_moves() -> None:
    rule = Rule("grpo", anchor=HardAnchor(window=1, start=0.9), lambda_scale=1.5)
    got = rule.advantages(REWARDS, 4, step=0)
    wanted = ha_dw(REWARDS.reshape(3, 4), 0.9, lambda_scale=1.5, ddof=1, eps=1e-4)
    np.testing.assert_allclose(got.advantages, wanted.ravel())
    assert got.metrics["anchor"] == 0.9
    after = rule.after(REWARDS.reshape(3, 4))
    assert after.anchor is not None
    assert after.anchor.belief == pytest.approx(REWARDS.mean())
    assert rule.anchor is not None
    assert rule.anchor.belief == 0.9
    with_gap = np.where(np.arange(12) == 0, NAN, REWARDS).reshape(3, 4)
    assert rule.after(with_gap).anchor.belief == pytest.approx(REWARDS[1:].mean())  # type: ignore[union-attr]
    assert rule.after(np.full((3, 4), NAN)).anchor == rule.anchor
    with pytest.raises(ValueError, match=r"rewards must be in \[0, 1\]"):
        rule.advantages(REWARDS * 2, 4, step=0)


def test_difficulty_can_be_about_correctness_while_advantages_are_about_rewards() -> None:
    shaped = np.where(REWARDS > 0, 1.0, -1.0) - 0.25 * (np.arange(12) % 2)  # as verifiers with punishments give them
    rule = Rule("grpo", {"eps": 0}, HardAnchor(window=1, start=0.9), correct_above=0.5)
    got = rule.advantages(shaped, 4, step=0).advantages.reshape(3, 4)
    plain = Rule("grpo", {"eps": 0}).advantages(shaped, 4, step=0).advantages.reshape(3, 4)
    correct = REWARDS.reshape(3, 4)
    np.testing.assert_allclose(got, plain * ha_dw_weights(correct, plain, 0.9, lambda_scale=1.3).Phi)
    assert rule.after(shaped).anchor.belief == pytest.approx(REWARDS.mean())  # type: ignore[union-attr]
    at_the_line = Rule("grpo", {"eps": 0}, HardAnchor(window=1), correct_above=1.0).after(shaped)
    assert at_the_line.anchor.belief == 0  # type: ignore[union-attr]
    solved = correct.mean(axis=1)
    assert rule.advantages(shaped, 4, step=0).metrics["weight"] == pytest.approx(
        1.3 * np.exp(np.abs(solved - 0.9)).mean()
    )


def test_schedules_and_automatic_k() -> None:
    rule = Rule("qae", {"k": LinearK(0.2, 0.8, steps=10)})
    for step, k in ((0, 0.2), (5, 0.5), (99, 0.8)):
        got = rule.advantages(REWARDS, 4, step=step)
        np.testing.assert_allclose(got.advantages, qae(REWARDS.reshape(3, 4), k=k, ddof=1, eps=1e-4).ravel())
        assert got.metrics["k"] == pytest.approx(k)
    automatic = Rule("qae", {"k": SuccessRateK(rate=1.0)})
    groups = REWARDS.reshape(3, 4)
    assert automatic.after(groups).parameters_at(0)["k"] == SuccessRateK(rate=1.0).update(groups).k


def test_metrics_count() -> None:
    got = Rule("qae", {"k": 0.4}).advantages(REWARDS, 4, step=0).metrics
    assert got["zero_share"] == pytest.approx(10 / 12)
    assert got["positive_share"] == pytest.approx(1 / 12)
    assert got["negative_share"] == pytest.approx(1 / 12)
    assert got["degenerate_groups"] == pytest.approx(1 / 3)
    assert got["hard_groups"] == pytest.approx(1 / 3)
    assert got["easy_groups"] == pytest.approx(1 / 3)
    assert got["baseline"] == pytest.approx(2 / 3)  # 0 on the hard prompt, 1 on the others
    assert Rule("qae", {"k": 0.9}).advantages(REWARDS, 4, step=0).metrics["baseline"] == 1
    assert Rule("grpo").advantages(REWARDS, 4, step=0).metrics["baseline"] == pytest.approx(REWARDS.mean())
    gaps = np.array([1, NAN, NAN, NAN, 0, 0, 0, 1.0])
    assert Rule("grpo").advantages(gaps, 4, step=0).metrics["baseline"] == pytest.approx(
        0.25
    )  # one alone is not compared
    whole = Rule("reinforce_plus_plus").advantages(gaps, 4, step=0).metrics["baseline"]
    assert whole == pytest.approx(2 / 5)
    between = Rule("qae", {"k": 0.6, "quantile": "linear"}).advantages(np.array([1, 1, 0, 0.0]), 4, step=0)
    assert between.metrics["baseline"] == pytest.approx(0.8)
    assert "baseline" not in Rule(lambda r: r - 0.5).advantages(REWARDS, 4, step=0).metrics
    silent = Rule("qae").advantages(np.concatenate([np.zeros(4), np.ones(4), [1, 0, 0, 0]]), 4, step=0).metrics
    assert silent["hard_groups"] == pytest.approx(1 / 3)  # a group of equal rewards is neither
    assert silent["easy_groups"] == 0


@pytest.mark.parametrize("anchor", [SoftAnchor(), HardAnchor(), KalmanAnchor(), None])
def test_state_goes_through_json(anchor: Any) -> None:
    rule = Rule("qae", {"k": SuccessRateK()}, anchor)
    moved = rule.after(REWARDS.reshape(3, 4)).after(1 - REWARDS.reshape(3, 4))
    again = rule.with_state(json.loads(json.dumps(moved.state())))
    assert again == moved
    with pytest.raises(ValueError, match="anchor must be of the kind that is configured"):
        Rule("qae", None, HardAnchor() if anchor is None else None).with_state(moved.state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("qea",), "did you mean 'qae'"),
        (("ha_dw",), "it weights what another estimator gives: name that one, and give anchor="),
        (("grpo", {"k": 0.4}), "parameters must be named as those of grpo"),
        (("qae", {"k": 1.4}), "k must be"),
        (("qae", {"eps": LinearK(0.1, 0.2, steps=3)}), "a schedule for k alone"),
        (("grpo", None, 0.5), "anchor must be one of FixedAnchor"),
        (("ktae", None, SoftAnchor()), "anchor must be None with 'ktae'"),
        (("grpo", None, SoftAnchor(), 0.0), "lambda_scale must be positive"),
        (("grpo", None, None, 1.3, 0.5), "correct_above must be None without an anchor"),
        (("grpo", None, SoftAnchor(), 1.3, NAN), "correct_above must be"),
        ((7,), "advantage must be a name from 'qae-sim estimators', or a function"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        Rule(*arguments)
    assert message in str(caught.value)


def test_wrong_batches_are_named() -> None:
    with pytest.raises(ValueError, match=r"rewards must be of shape \(N,\), N a multiple of group_size = 5"):
        Rule("grpo").advantages(REWARDS, 5, step=0)
    with pytest.raises(ValueError, match="group_size must be an integer of at least 2; got 1"):
        Rule("dr_grpo").advantages(REWARDS, 1, step=0)
    with pytest.raises(ValueError, match="rewards must be finite, or NaN"):
        Rule("grpo").advantages(np.array([1, math.inf]), 2, step=0)
    np.testing.assert_allclose(Rule("grpo").advantages(REWARDS, 4, step=0).advantages[8:], grpo([1, 1, 1, 1]))
