"""A control notices a check that computes something else than it says."""

from __future__ import annotations

from importlib import import_module

import pytest

from qae_sim.theory import Evidence, Method, Verdict, all_claims
from qae_sim.theory.claim import conclude

FALSE = Evidence("n² = n", "n = 0..9", Method.CASES, False, counterexample={"n": 2})
RIGHT = Evidence("2² = 4, by hand", "n = 2", Method.CASES, True)
WRONG = Evidence("2² = 4, by hand", "n = 2", Method.CASES, False)
UNSURE = Evidence("2² = 4, by hand", "n = 2", Method.CASES, None)


def test_a_refutation_stands_if_its_control_holds() -> None:
    found = conclude(FALSE, controls=[RIGHT])
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample == {"n": 2}
    assert found.evidence[-1].confirms


def test_a_control_that_fails_says_nothing_about_the_paper() -> None:
    assert conclude(FALSE, controls=[WRONG]).verdict is Verdict.DIFFERS
    assert conclude(FALSE, controls=[UNSURE]).verdict is Verdict.UNDECIDED
    assert conclude(RIGHT, controls=[WRONG]).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("id", "module", "name"),
    [
        ("estimators.std-biases", "estimators.expected_gradient", "root_of"),
        ("maxrl.terms", "maxrl.log_probability_terms", "_in_ring"),
        ("maxrl.terms", "maxrl.log_probability_terms", "_polynomial"),
        ("capo.signal-to-noise", "capo.signal_to_noise", "_noise"),
        ("match-tir.greedy", "match_tir.turn_matching", "_greedy"),
        ("rlev.values-count", "rlev.prompt_values", "_square"),
        ("entropy.law-two-arms", "entropy.performance_law", "entropy"),
        ("entropy.noise-lowers", "entropy.second_order", "entropy"),
        ("entropy.policy-gradient-shift", "qae.first_order_entropy", "cov"),
        ("qae.prop4.2-policy-gradient", "qae.first_order_entropy", "cov"),
        ("qae.prop4.2-natural-gradient", "qae.first_order_entropy", "cov"),
        ("qae.eq18", "qae.first_order_entropy", "covariance"),
        ("qae.prop4.2-finite-groups", "qae.proposition_4_2_limits", "speeds"),
        ("qae.prop4.2-finite-groups", "qae.proposition_4_2_limits", "covariance"),
        ("qae.higher-k-sampled", "qae.proposition_4_2_limits", "covariance"),
        ("qae.explosion-proof", "qae.proposition_4_2_limits", "covariance"),
        ("qae.collapse-proof", "qae.proposition_4_2_limits", "covariance"),
        ("qae.prop4.2-clipping", "qae.token_level_controls", "covariance"),
        ("qae.prop4.2-kl", "qae.token_level_controls", "covariance"),
        ("qae.clip-higher", "qae.token_level_controls", "covariance"),
        ("qae.prop4.2-length-normalised", "qae.token_averaged_entropy", "covariance"),
        ("qae.prop4.2-tokens", "qae.token_averaged_entropy", "covariance"),
        ("qae.finite-step-monotone", "qae.finite_step_entropy", "paper_update"),
        ("qae.table1-marginal", "qae.reported_results", "change"),
    ],
)
def test_a_refutation_by_a_function_of_the_wrong_sign_is_none(
    id: str, module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = import_module(f"qae_sim.theory.claims.{module}")
    function = getattr(there, name)
    monkeypatch.setattr(there, name, lambda *arguments, **options: -function(*arguments, **options))
    assert all_claims()[id].check(True).verdict is Verdict.DIFFERS
