"""Every claim reaches its verdict, and every check can fail: changing what it assumes turns it."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from qae_sim.theory import Break, Claim, Method, Verdict, all_claims
from qae_sim.theory.registry import MODULES

CLAIMS = all_claims()
BREAKS = [
    pytest.param(claim, change, id=f"{claim.id}: {change.name}") for claim in CLAIMS.values() for change in claim.breaks
]


@pytest.mark.parametrize("id", CLAIMS)
def test_the_verdict_is_the_expected_one(id: str) -> None:
    assert CLAIMS[id].check(True).verdict is CLAIMS[id].expected


@pytest.mark.slow
@pytest.mark.parametrize("id", CLAIMS)
def test_the_verdict_is_the_expected_one_over_the_whole_range(id: str) -> None:
    assert CLAIMS[id].check(False).verdict is CLAIMS[id].expected


@pytest.mark.parametrize(("claim", "change"), BREAKS)
def test_the_check_can_fail(claim: Claim, change: Break) -> None:
    verdict = claim.check(True, **change.changes).verdict
    assert verdict is change.verdict
    assert verdict is not claim.expected


def test_there_are_enough_of_them() -> None:
    assert len(CLAIMS) >= 60
    assert {claim.id.partition(".")[0] for claim in CLAIMS.values()} == {
        "anchor", "digest", "entropy", "estimators", "ha-dw", "ktae", "qae",
        "aapo", "attn-rl", "canon", "capo", "fspo", "gdpo", "gpg", "mapo", "match-tir", "maxrl", "opo", "pass-at-k",
        "reg-grpo", "rlev", "tree-opo", "two-stage", "verl-rank",
    }  # fmt: skip


@pytest.mark.parametrize("id", CLAIMS)
def test_a_claim_is_complete(id: str) -> None:
    claim = CLAIMS[id]
    assert re.fullmatch(r"[a-z-]+\.[a-z0-9.-]+", id)
    assert claim.statement.endswith(".")
    assert claim.statement[0].isupper() or claim.statement[0].isdigit()
    assert claim.latex.count("{") == claim.latex.count("}")
    assert claim.paper
    assert claim.equation
    assert claim.expected is not Verdict.UNDECIDED
    assert len({change.name for change in claim.breaks}) == len(claim.breaks)


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.expected is not Verdict.OPEN])
def test_a_finding_says_what_it_rests_on(id: str) -> None:
    finding = CLAIMS[id].check(True)
    proofs = [item for item in finding.evidence if item.method is not Method.FLOATS]
    assert proofs
    assert finding.method
    for item in finding.evidence:
        assert item.what
        assert item.over
    if finding.verdict in (Verdict.REFUTED, Verdict.CONDITIONAL):
        assert finding.counterexample
    else:
        assert not finding.counterexample
    assert bool(finding.condition) == (finding.verdict is Verdict.CONDITIONAL)


def test_every_module_is_listed() -> None:
    used = {claim.check.__module__.rpartition(".")[2] for claim in CLAIMS.values()}
    assert used == set(MODULES)


def off_by(relative: float) -> Callable[[Any], Any]:
    """Make a function's answer slightly wrong."""

    def spoil(function: Any) -> Any:
        def wrong(*arguments: Any, **options: Any) -> Any:
            answer = function(*arguments, **options)
            if hasattr(answer, "c"):
                return type(answer)(**{name: value * (1 + relative) for name, value in vars(answer).items()})
            if hasattr(answer, "Phi"):
                return type(answer)(answer.D, answer.M, answer.Phi * (1 + relative))
            if hasattr(answer, "width"):
                return type(answer)(answer.lower, answer.upper, answer.width * (1 + relative))
            if hasattr(answer, "key_values"):
                return type(answer)(answer.advantages, answer.key_values * (1 + relative))
            if isinstance(answer, tuple):
                return tuple(part * (1 + relative) for part in answer)
            return np.asarray(answer) * (1 + relative)

        return wrong

    return spoil


@pytest.mark.parametrize(
    ("id", "module", "name"),
    [
        ("qae.eq4", "quantile_gate", "quantile_baseline"),
        ("qae.eq5", "objective", "advantage_table"),
        ("qae.prop4.1", "objective", "advantage_table"),
        ("qae.masks", "objective", "advantage_table"),
        ("qae.speed-ratio", "speed", "expected_advantages"),
        ("qae.linear-knob", "entropy_order", "entropy_bounds"),
        ("qae.covariance-largest", "covariance", "covariance"),
        ("ha-dw.theorem1", "bias", "dr_grpo"),
        ("ha-dw.directions", "scales", "ha_dw_weights"),
        ("anchor.gain-error", "anchors", "steady_state_gain"),
        ("entropy.single-logit", "mechanism", "entropy_gradient"),
        ("ktae.fisher-code", "token_tables", "association"),
        ("ktae.information-gain", "token_tables", "association"),
        ("estimators.rloo-unbiased", "group_estimators", "expected_advantages"),
        ("estimators.pass-at-k", "group_estimators", "pass_at_k"),
        ("qae.after-the-fact", "group_estimators", "qae"),
        ("digest.winners-ignored", "digest", "qae"),
    ],
)
def test_an_error_of_the_floats_is_seen(id: str, module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project's own function stops agreeing with the exact form, the verdict turns, too."""
    there = import_module(f"qae_sim.theory.claims.{module}")
    monkeypatch.setattr(there, name, off_by(1e-3)(getattr(there, name)))
    assert CLAIMS[id].check(True).verdict is not CLAIMS[id].expected


def test_remainders_beyond_the_bound_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    there = import_module("qae_sim.theory.claims.covariance")
    exact = there.entropy_change
    monkeypatch.setattr(there, "entropy_change", lambda z, d: 4 * exact(z, d))
    assert CLAIMS["entropy.remainder"].check(True).verdict is Verdict.REFUTED
