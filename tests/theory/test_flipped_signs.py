"""A wrong formula refutes a sentence as easily as a right one: controls notice a flipped sign, or half of a value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from qae_sim.theory import Verdict, all_claims
from qae_sim.theory.exact_advantages import advantages

Spoil = Callable[[Any], Any]


def opposite(value: Any) -> Any:
    """The opposite of a value, of both of a pair, or of the ends of an interval."""
    return tuple(-x for x in reversed(value)) if isinstance(value, tuple) else -value


def halved(value: Any) -> Any:
    """Half of a value."""
    return value / 2


def moved(value: Any) -> Any:
    """One more."""
    return value + 1


def doubled(value: Any) -> Any:
    """Both of a pair, twice."""
    return tuple(2 * x for x in value)


def last_opposite(value: Any) -> Any:
    """The opposite of the last of several."""
    return (*value[:-1], -value[-1])


def backwards(value: Any) -> Any:
    """A list from its end."""
    return value[::-1]


def signs(value: Any) -> Any:
    """Coefficients, which are signs and squares, with the opposite signs."""
    return tuple((-sign, square) for sign, square in value)


def sides(value: Any) -> Any:
    """The advantage of a success in the place of that of a failure, and the reverse."""
    (plus, right), (minus, wrong) = value
    return (plus, wrong), (minus, right)


@pytest.mark.parametrize(
    ("id", "place", "spoil"),
    [
        ("ha-dw.theorem1-own-reward", "ha_dw.group_mean_bias.own_reward_numerator", opposite),
        ("ha-dw.too-little-effort", "ha_dw.group_mean_bias.effort", opposite),
        ("ha-dw.lemma1-usable", "ha_dw.limits_of_correction.factors", opposite),
        ("ha-dw.lemma1-usable", "ha_dw.bias_correction.largest", opposite),
        ("ha-dw.theorem3", "ha_dw.limits_of_correction.group_mean", opposite),
        ("ha-dw.theorem3", "ha_dw.bias_correction.bias_at", opposite),
        ("ha-dw.theorem3-vacuous", "ha_dw.limits_of_correction.half_width", halved),
        ("ha-dw.eliminates-bias", "ha_dw.limits_of_correction.helpful", opposite),
        ("ha-dw.corollary1-weighted", "ha_dw.misestimation_probability.weighted_average", halved),
        ("ha-dw.corollary1-weighted", "ha_dw.misestimation_probability.above", opposite),
        ("ha-dw.corollary2-weighted", "ha_dw.misestimation_probability.weighted_average", halved),
        ("ha-dw.theorem3-one-scale", "ha_dw.reweighting.helpful", opposite),
        ("ha-dw.theorem3-union", "ha_dw.reweighting.helpful", opposite),
        ("ha-dw.scale-1.3", "ha_dw.reweighting.helpful", opposite),
        ("ha-dw.theorem3-marginal", "ha_dw.reweighting._threshold", opposite),
        ("ha-dw.keeps-queries", "ha_dw.reweighting.reweighted_speed", opposite),
        ("ha-dw.best-scale", "ha_dw.scale_and_optimizer.adam", opposite),
        ("ha-dw.soft-converges", "ha_dw.soft_and_hard_anchors.spread", opposite),
        ("ha-dw.soft-converges", "ha_dw.soft_and_hard_anchors.pair_of_beliefs", opposite),
        ("ha-dw.hard-forms", "ha_dw.soft_and_hard_anchors.recursive", opposite),
        ("ha-dw.continuous-grows", "ha_dw.continuous_rewards.tight_groups", doubled),
        ("ktae.fisher-printed", "ktae.contingency_tables.single", halved),
        ("ktae.fisher-printed", "ktae.contingency_tables.two_sided", halved),
        ("ktae.jump", "ktae.contingency_tables.two_sided", halved),
        ("ktae.sign", "ktae.key_token_values.key_value", opposite),
        ("ktae.sign", "ktae.key_token_values.information_gain", opposite),
        ("ktae.paper-and-code", "ktae.key_token_values.key_value", opposite),
        ("ktae.zero-sum", "ktae.key_token_values.key_value", moved),
        ("qae.on-policy-gradients-differ", "qae.objective_gradients.both_sides", last_opposite),
        ("qae.clipped-gradients", "qae.objective_gradients.both_sides", last_opposite),
        ("qae.length-normalised-gradients", "qae.objective_gradients.both_sides", last_opposite),
        ("qae.smooth-in-k", "qae.quantile_gate._uniform_share", moved),
        ("qae.eps-factor", "qae.query_weights.binary_variance", halved),
        ("qae.empirical-rate", "qae.query_weights.binomial_term", opposite),
        ("qae.fig4-rare-weigh-more", "qae.rare_success_amplification.objective", signs),
        ("qae.eighty-percent", "qae.zero_advantages.zero_share", halved),
        ("qae.large-k-mostly-negative", "qae.zero_advantages.sign_share", halved),
        ("qae.small-k-mostly-positive", "qae.zero_advantages.sign_share", halved),
        ("qae.token-level-loss", "qae.query_weights._weights_by_loss", backwards),
        ("qae.gradient-variance", "qae.gradient_speed_and_noise.moments", doubled),
    ],
)
def test_a_control_notices(id: str, place: str, spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = place.rpartition(".")
    there = import_module(f"qae_sim.theory.claims.{module}")
    function = getattr(there, name)
    monkeypatch.setattr(there, name, lambda *arguments, **options: spoil(function(*arguments, **options)))
    assert all_claims()[id].check(True).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("spoil", [signs, sides])
@pytest.mark.parametrize(
    "id",
    [
        "qae.dynamic-sampling-signs",
        "qae.token-level-loss",
        "qae.concentrates-effort",
        "qae.rarest-most-amplified",
        "digest.lone-winner",
        "digest.huge-thumbs-up",
        "digest.top-40-percent",
        "digest.stops-punishing",
        "digest.everyone-poorly",
        "digest.middle-attempts",
        "digest.saves-energy",
    ],
)
def test_a_control_notices_wrong_advantages(id: str, spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("qae_sim.theory") and getattr(module, "advantages", None) is advantages:
            monkeypatch.setattr(module, "advantages", lambda *given, **options: spoil(advantages(*given, **options)))
    assert all_claims()[id].check(True).verdict is Verdict.DIFFERS
