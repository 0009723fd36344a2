"""One object for how rewards become advantages: what it checks, resolves, adds up, remembers and stores."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv
from qae_sim.advantages import (
    ESTIMATORS,
    AdvantageRule,
    AdvantageState,
    EntropyTargetK,
    FixedAnchor,
    HardAnchor,
    KalmanAnchor,
    LinearK,
    PhaseSwitch,
    RankDynamics,
    SoftAnchor,
    SuccessRateK,
    Term,
)
from qae_sim.advantages.availability import example_inputs
from qae_sim.advantages.rule import as_rule, changed
from qae_sim.advantages.terms import NamedFunction

REWARDS = np.array([[1.0, 0, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0]])
#: Estimators whose inputs can be made up from an array of rewards, and what they are called with.
CALLABLE = [name for name, row in ESTIMATORS.items() if set(example_inputs(name, REWARDS)) == set(row.inputs)]
CALLABLE = [name for name in CALLABLE if ESTIMATORS[name].of_responses or ESTIMATORS[name].of_tokens]


def rule_of(name: str, **fields: Any) -> AdvantageRule:
    """A rule of an estimator; HA-DW's has an anchor that never moves."""
    return AdvantageRule(name, **({"anchor": FixedAnchor(0.5)} if name == "ha_dw" else {}), **fields)


def double(rewards: Any, by: float = 2.0) -> Any:
    """An estimator of one's own."""
    return by * adv.dr_grpo(rewards)


class TestAdvantages:
    @pytest.mark.parametrize("name", CALLABLE)
    def test_are_those_of_the_estimator(self, name: str) -> None:
        inputs = example_inputs(name, REWARDS)
        expected = ESTIMATORS[name].advantages(REWARDS, **inputs)
        rule = rule_of(name)
        if name == "ha_dw":  # whose λ is the rule's
            expected = adv.ha_dw(REWARDS, 0.5, lambda_scale=rule.lambda_scale)
        assert_array_equal(rule.advantages(REWARDS, inputs), expected)
        assert set(rule.inputs) == set(inputs) - {"anchor"}

    def test_by_hand(self) -> None:
        """GRPO of 1, 0 is ±1; one of two right is .5 above C = 0, so right counts e^-.5 and wrong e^.5."""
        rule = AdvantageRule("grpo", {"eps": 0}, FixedAnchor(0.0), 2.0)
        assert_allclose(rule.advantages([[1.0, 0.0]]), [[2 * np.exp(-0.5), -2 * np.exp(0.5)]], rtol=1e-14)

    def test_a_function_is_called_with_its_parameters(self) -> None:
        assert_array_equal(AdvantageRule(double, {"by": 3.0}).advantages(REWARDS), 3 * adv.dr_grpo(REWARDS))

    def test_what_counts_as_correct_is_for_the_anchor_alone(self) -> None:
        rewards = np.array([[1.0, -1.0, -1.0, -1.0]])
        rule = AdvantageRule("grpo", {"eps": 0}, FixedAnchor(0.5), 1.0, correct_above=0)
        expected = adv.ha_dw_weights([[1, 0, 0, 0]], adv.grpo(rewards, eps=0), 0.5, lambda_scale=1).Phi
        assert_array_equal(rule.advantages(rewards), expected * adv.grpo(rewards, eps=0))
        told = AdvantageRule("grpo", {"eps": 0}, FixedAnchor(0.5), 1.0)
        assert_array_equal(rule.advantages(rewards), told.advantages(rewards, correct=[[1.0, 0, 0, 0]]))

    @given(st.lists(st.sampled_from(["grpo", "dr_grpo", "rloo", "qae", "maxrl"]), min_size=1, max_size=4), st.data())
    def test_sums_are_linear(self, names: list[str], data: st.DataObject) -> None:
        weights = [data.draw(st.sampled_from([-1.0, 0.0, 0.25, 1.0, 3.0])) for _ in names]
        terms = tuple(Term(name, weight=w) for name, w in zip(names, weights, strict=True))
        expected = sum(w * ESTIMATORS[name].advantages(REWARDS) for name, w in zip(names, weights, strict=True))
        assert_allclose(AdvantageRule(terms).advantages(REWARDS), expected, rtol=1e-14, atol=1e-14)

    def test_a_response_counts_for_each_of_its_tokens_in_a_sum(self) -> None:
        inputs = example_inputs("ktae", REWARDS)
        for terms in ((Term("ktae"), Term("rloo", weight=2.0)), (Term("rloo", weight=2.0), Term("ktae"))):
            rule = AdvantageRule(terms)
            assert rule.of_tokens
            assert not rule.tabulated
            expected = ESTIMATORS["ktae"].advantages(REWARDS, **inputs) + 2 * adv.rloo(REWARDS)[..., None]
            assert_allclose(rule.advantages(REWARDS, inputs), expected, rtol=1e-14)

    def test_each_of_several_rewards_may_have_an_estimator_of_its_own(self) -> None:
        """A = w₁A₁ + w₂A₂: GRPO of 1, 0 is ±1, Dr. GRPO of 0, 4 is ∓2, which counts a quarter."""
        rule = AdvantageRule((Term("grpo", {"eps": 0}), Term("dr_grpo", weight=0.25, reward=1)))
        assert rule.inputs == ("further",)
        assert not rule.tabulated
        assert_allclose(rule.advantages([[1.0, 0.0]], {"further": [[[0.0, 4.0]]]}), [[0.5, -0.5]], rtol=1e-15)
        both = AdvantageRule((Term("qae", {"k": 0.4}, reward=2), Term("opo", reward=1)))
        inputs = {"further": np.stack([REWARDS[::-1], REWARDS[:, ::-1]]), "lengths": 1 + REWARDS}
        expected = adv.qae(REWARDS[:, ::-1], 0.4) + adv.opo(REWARDS[::-1], 1 + REWARDS)
        assert_array_equal(both.advantages(REWARDS, inputs), expected)
        assert both.title == "1·qae(k=0.4) of reward 2 + 1·opo of reward 1"
        assert AdvantageRule.from_dict(json.loads(json.dumps(both.to_dict()))) == both

    def test_a_reward_that_is_not_there(self) -> None:
        rule = AdvantageRule((Term("grpo"), Term("rloo", reward=2)))
        with pytest.raises(ValueError, match=r"needs further besides rewards"):
            rule.advantages(REWARDS)
        for further in (None, REWARDS[None]):
            with pytest.raises(ValueError, match=r"^further must be at least 2 rewards besides the first"):
                rule.advantages(REWARDS, {"further": further})
        with pytest.raises(ValueError, match=r"^reward must be .*; got -1"):
            Term("grpo", reward=-1)
        with pytest.raises(ValueError, match=r"^reward must be 0 for gdpo, which looks at all rewards; got 1"):
            AdvantageRule((Term("gdpo", reward=1),))
        with pytest.raises(ValueError, match=r"^rule must be of the first reward in the bandit simulator"):
            rule.require_place("rule", "bandits")
        rule.require_place("rule", "trl")

    def test_missing_inputs_are_named(self) -> None:
        with pytest.raises(ValueError, match=r"^opo needs lengths besides rewards"):
            AdvantageRule("opo").advantages(REWARDS)


class TestWhatMoves:
    def test_schedules(self) -> None:
        rule = AdvantageRule("qae", {"k": LinearK(0.2, 0.8, steps=2)})
        assert [rule.k_at(step) for step in range(4)] == [0.2, 0.5, 0.8, 0.8]
        assert rule.moving == ("k",)
        assert_array_equal(rule.advantages(REWARDS, step=1), adv.qae(REWARDS, 0.5))
        capo = AdvantageRule("capo", {"negatives": PhaseSwitch(3)})
        assert [capo.parameters_at(step)["negatives"] for step in (2, 3)] == [0, 1]

    def test_parts_move_on_their_own(self) -> None:
        rule = AdvantageRule("qae", {"k": SuccessRateK(rate=1.0)}, HardAnchor(window=1))
        state = rule.start()
        assert (rule.k_at(0, state), state.belief) == (0.4, 0.5)
        later = rule.after(state, {"rewards": REWARDS, "correct": REWARDS})
        assert later.belief == REWARDS.mean()
        assert rule.k_at(0, later) == SuccessRateK(rate=1.0).update(REWARDS).k
        assert (rule.k_at(0, state), state.belief) == (0.4, 0.5)  # the old state stays what it was
        assert_array_equal(
            rule.advantages(REWARDS, state=later),
            AdvantageRule("qae", {"k": rule.k_at(0, later)}, FixedAnchor(later.belief)).advantages(REWARDS),
        )

    def test_entropy_and_hidden_states(self) -> None:
        rule = AdvantageRule("qae", {"k": EntropyTargetK(1.0)})
        assert rule.k_at(0, rule.after(rule.start(), {"entropy": 0.5})) == EntropyTargetK(1.0).update(0.5).k
        dynamics = RankDynamics(3 * REWARDS + 1, REWARDS, REWARDS)
        verl = AdvantageRule("verl_rank")
        state = verl.after(verl.start(), {"dynamics": dynamics})
        usual = adv.RankBaselines().update(dynamics)
        assert state.parts["baselines"] == usual
        expected = adv.verl_rank(REWARDS, dynamics, usual)
        # Before the first batch there is nothing earlier than it.
        assert_array_equal(verl.advantages(REWARDS, {"dynamics": dynamics}, state=verl.start()), expected)
        assert_array_equal(verl.advantages(REWARDS, {"dynamics": dynamics}, state=state), expected)

    def test_nothing_seen_is_not_nothing_told(self) -> None:
        rule = AdvantageRule("grpo", anchor=SoftAnchor())
        assert rule.after(rule.start(), {"correct": None}) == rule.start()
        with pytest.raises(ValueError, match=r"^observed must be with 'correct', which anchor follows; got \[\]"):
            rule.after(rule.start(), {})

    def test_terms_of_a_sum_have_parts_of_their_own(self) -> None:
        terms = (Term("qae", {"k": SuccessRateK(rate=1.0)}), Term("qae", {"k": 0.3}), Term("pos_mask", {"k": 0.3}))
        rule = AdvantageRule(terms)
        assert list(rule.start().parts) == ["0.k"]
        later = rule.after(rule.start(), {"rewards": REWARDS})
        assert [term.parameters["k"] for term in rule.at(0, later)] == [later.parts["0.k"].k, 0.3, 0.3]

    def test_a_part_that_remembers_prompts(self) -> None:
        """Whatever has ``observes`` and ``update`` can be a part; one that keeps a number for each prompt, too."""

        class Seen:
            observes = "prompts"

            def __init__(self, counts: dict[str, int]) -> None:
                self.counts = counts

            def update(self, prompts: list[str]) -> Seen:
                return Seen({p: self.counts.get(p, 0) + 1 for p in {*self.counts, *prompts}})

        state = AdvantageRule().after(AdvantageState({"seen": Seen({"a": 1})}), {"prompts": ["a", "b"]})
        assert state.parts["seen"].counts == {"a": 2, "b": 1}


ANCHORS = [FixedAnchor(0.3), SoftAnchor(window=4), HardAnchor(window=3, start=0.9), KalmanAnchor(rho=0.2)]


class TestFiles:
    @pytest.mark.parametrize(
        "rule",
        [
            AdvantageRule("qae", {"k": LinearK(0.6, 0.4, steps=10)}),
            AdvantageRule("qae", {"k": SuccessRateK()}, SoftAnchor(), 1.1, correct_above=0.5),
            AdvantageRule((Term("grpo", weight=0.5), Term("qae", {"k": 0.2}, 2.0)), anchor=HardAnchor()),
            AdvantageRule("verl_rank"),
            *(AdvantageRule("rloo", anchor=anchor) for anchor in ANCHORS),
        ],
        ids=lambda rule: rule.title,
    )
    def test_round_trip(self, rule: AdvantageRule) -> None:
        assert AdvantageRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
        dynamics = RankDynamics(REWARDS, REWARDS, REWARDS)
        seen = {"correct": REWARDS, "rewards": REWARDS, "dynamics": dynamics}
        state = rule.after(rule.after(rule.start(), seen), seen)
        assert rule.restored(json.loads(json.dumps(rule.stored(state)))) == state

    def test_another_rule_is_told_with_both_named(self) -> None:
        old, new = AdvantageRule("qae", {"k": 0.2}, SoftAnchor()), AdvantageRule("rloo")
        with pytest.raises(ValueError, match=r"left by qae\(k=0.2\), SoftAnchor\(\), .*; this run has rloo: go on"):
            new.restored(old.stored(old.start()))
        with pytest.raises(TypeError, match=r"^state must be a state of a rule"):
            new.restored({"anchor": None})
        with pytest.raises(ValueError, match=r"^parts must be those of rloo: none; got \['anchor'\]"):
            new.restored(new.stored(old.start()))

    def test_functions_are_stored_by_name(self) -> None:
        again = AdvantageRule.from_dict(json.loads(json.dumps(AdvantageRule(double).to_dict())))
        assert again.estimator == NamedFunction("test_advantage_rule:double")
        with pytest.raises(TypeError, match="estimator test_advantage_rule:double was stored by name"):
            again.advantages(REWARDS)

    def test_old_descriptions_are_read(self) -> None:
        """Configurations hold these four, flat, since before there was a rule."""
        values = {"estimator": "qae", "parameters": {"k": 0.4}, "anchor": None, "lambda_scale": 1.3}
        assert AdvantageRule.from_dict(values) == AdvantageRule("qae", {"k": 0.4})
        assert AdvantageRule("qae", {"k": 0.4}).to_dict() == values
        with pytest.raises(ValueError, match=r"^rule must be fields among estimator, .*; got \['clip'\]"):
            AdvantageRule.from_dict(values | {"clip": 0.2})


class TestChecks:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"estimator": "qea"}, ValueError, "name must be one of .*did you mean 'qae'"),
            ({"estimator": 3}, TypeError, "estimator must be a function, or one of grpo, .*; got 3"),
            ({"estimator": ()}, TypeError, "estimator must be one or several Terms"),
            ({"estimator": (Term("grpo"), "qae")}, TypeError, "estimator must be one or several Terms"),
            ({"estimator": (Term("ha_dw"),)}, ValueError, "give anchor=..."),
            (
                {"estimator": (Term("grpo"),), "parameters": {"eps": 0}},
                ValueError,
                "parameters must be empty with a sum",
            ),
            ({"parameters": {"k": 0.4}}, ValueError, "parameters must be named as those of grpo: eps, ddof; got 'k'"),
            ({"parameters": 3}, TypeError, "parameters must be names and values; got 3"),
            ({"estimator": "qae", "parameters": {"k": 1.4}}, ValueError, "estimator qae: k must be"),
            ({"estimator": "qae", "parameters": {"k": PhaseSwitch(3)}}, ValueError, "a schedule for k alone"),
            ({"parameters": {"eps": LinearK(0.1, 0.2, 3)}}, ValueError, "a schedule for k alone .*not for eps"),
            ({"estimator": "canon", "parameters": {"metric": "luck"}}, ValueError, "parameters: metric must be one of"),
            ({"estimator": "ha_dw"}, ValueError, "anchor must be a difficulty anchor for estimator 'ha_dw'"),
            ({"anchor": 0.5}, TypeError, "anchor must be one of FixedAnchor, SoftAnchor, HardAnchor, KalmanAnchor"),
            ({"lambda_scale": 0}, ValueError, "lambda_scale must be positive; got 0"),
            ({"correct_above": 0.5}, ValueError, "correct_above must be None without an anchor"),
        ],
    )
    def test_errors_name_what_is_wrong(self, arguments: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            AdvantageRule(**arguments)

    def test_places(self) -> None:
        with pytest.raises(ValueError, match="estimator must be one that goes into TRL's trainer: it needs hidden"):
            AdvantageRule("verl_rank").require_place("estimator", "trl")
        tokens = AdvantageRule("ktae", anchor=FixedAnchor(0.5))
        tokens.require_place("estimator", "bandits")
        for place in ("lm", "trl"):
            with pytest.raises(ValueError, match="anchor must be None with 'ktae', whose advantages are of tokens"):
                tokens.require_place("estimator", place)
        with pytest.raises(ValueError, match="anchor must be None with 'ktae'"):
            tokens.advantages(REWARDS, example_inputs("ktae", REWARDS))

    def test_names_and_functions_become_rules(self) -> None:
        assert as_rule("rloo") == AdvantageRule("rloo")
        assert as_rule(double).estimator is double
        rule = AdvantageRule("qae", {"k": 0.2})
        assert as_rule(rule) is rule
        changes = {"rule": "grpo", "anchor": FixedAnchor(0.1), "eta": 1}
        assert changed(rule, changes) == AdvantageRule("grpo", anchor=FixedAnchor(0.1))
        assert changes == {"eta": 1}

    def test_other_defaults_are_for_those_that_have_them(self) -> None:
        trainers = {"ddof": 1, "eps": 1e-4}
        assert AdvantageRule("dr_grpo").with_defaults(trainers) == AdvantageRule("dr_grpo")
        assert AdvantageRule("grpo", {"eps": 0}).with_defaults(trainers).parameters == {"ddof": 1, "eps": 0}
        terms = AdvantageRule((Term("grpo"), Term("rloo"))).with_defaults(trainers).terms
        assert [term.parameters for term in terms] == [trainers, {}]
        assert AdvantageRule(double).with_defaults(trainers).parameters == {}
