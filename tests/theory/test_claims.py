"""Every claim reaches its verdict, and every check can fail: changing what it assumes turns it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qae_sim.papers import PAPERS
from qae_sim.theory import Break, CheckOutcome, Claim, Method, Tier, Verdict, all_claims, claims
from qae_sim.theory.claim import worst_of
from qae_sim.theory.registry import claim_modules
from qae_sim.theory.truth import Truth

CLAIMS = all_claims()
FOLDER = Path(claims.__path__[0])
BREAKS = [
    pytest.param(claim, change, id=f"{claim.id}: {change.name}") for claim in CLAIMS.values() for change in claim.breaks
]


@cache
def quick(id: str) -> CheckOutcome:
    """What the quick check of a claim finds; several tests ask."""
    return CLAIMS[id].check(True)


@pytest.mark.parametrize("id", CLAIMS)
def test_the_verdict_is_the_expected_one(id: str) -> None:
    assert quick(id).verdict is CLAIMS[id].expected
    assert quick(id).tier is CLAIMS[id].tier


@pytest.mark.slow
@pytest.mark.parametrize("id", CLAIMS)
def test_the_verdict_is_the_expected_one_over_the_whole_range(id: str) -> None:
    found = CLAIMS[id].check(False)
    assert (found.verdict, found.tier) == (CLAIMS[id].expected, CLAIMS[id].tier)


@pytest.mark.parametrize(("claim", "change"), BREAKS)
def test_the_check_can_fail(claim: Claim, change: Break) -> None:
    verdict = claim.check(True, **change.changes).verdict
    assert verdict is change.verdict
    assert verdict is not claim.expected


def test_there_are_enough_of_them() -> None:
    assert len(CLAIMS) >= 60
    assert sum(claim.tier is Tier.PROVED for claim in CLAIMS.values()) >= 60
    assert {claim.id.partition(".")[0] for claim in CLAIMS.values()} == {
        "anchor", "digest", "entropy", "estimators", "ha-dw", "ktae", "qae",
        "aapo", "attn-rl", "canon", "capo", "fspo", "gdpo", "gpg", "mapo", "match-tir", "maxrl", "opo", "pass-at-k",
        "reg-grpo", "rlev", "tree-opo", "two-stage", "verl-rank",
        "sign", "dgpo", "mc-grpo", "krpo", "lite-ppo", "james-stein", "bnpo", "a-grae",
        "gtpo", "rl-zvp", "vc-ppo", "spo",
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
    assert claim.expected not in (Verdict.UNDECIDED, Verdict.DIFFERS)
    assert len({change.name for change in claim.breaks}) == len(claim.breaks)


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.expected is not Verdict.OPEN])
def test_an_outcome_says_what_it_rests_on(id: str) -> None:
    outcome = quick(id)
    proofs = [item for item in outcome.evidence if item.method is not Method.FLOATS]
    assert proofs
    assert outcome.method
    for item in outcome.evidence:
        assert item.what
        assert item.over
    if outcome.verdict in (Verdict.REFUTED, Verdict.CONDITIONAL):
        assert outcome.counterexample
    else:
        assert not outcome.counterexample
    assert bool(outcome.condition) == (outcome.verdict is Verdict.CONDITIONAL)


@pytest.mark.parametrize("id", CLAIMS)
def test_a_claim_lies_in_the_package_of_its_prefix(id: str) -> None:
    package, _, module = CLAIMS[id].check.__module__.removeprefix("qae_sim.theory.claims.").partition(".")
    assert package == id.partition(".")[0].replace("-", "_")
    assert module


def test_every_file_with_claims_is_found() -> None:
    """Nothing lists the modules: a file that is put into a paper's package is found, and each one has a claim."""
    files = {
        ".".join(("qae_sim.theory.claims", *path.relative_to(FOLDER).with_suffix("").parts))
        for path in FOLDER.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert files == set(claim_modules()) == {claim.check.__module__ for claim in CLAIMS.values()}


def test_numbers_of_papers_stand_in_one_place() -> None:
    """An arXiv number may stand in papers.py, and in the Source line of a docstring."""
    number = re.compile(r"\b\d{4}\.\d{5}\b")
    for path in FOLDER.parent.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not number.search(line) or line.strip().startswith("Source"), f"{path}: {line}"


def test_a_claim_takes_its_source_from_the_papers() -> None:
    assert {claim.paper for claim in CLAIMS.values()} <= set(PAPERS.values())
    numbers = [paper.arxiv for paper in PAPERS.values() if paper.arxiv]
    assert len(set(numbers)) == len(numbers)


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
        ("qae.eq4", "qae.quantile_gate", "quantile_baseline"),
        ("qae.eq5", "qae.query_weights", "advantage_table"),
        ("qae.prop4.1", "qae.query_weights", "advantage_table"),
        ("qae.masks", "qae.query_weights", "advantage_table"),
        ("qae.speed-ratio", "qae.gradient_speed_and_noise", "expected_advantages"),
        ("qae.linear-knob", "qae.first_order_entropy", "entropy_bounds"),
        ("qae.covariance-largest", "qae.policy_covariance", "covariance"),
        ("ha-dw.theorem1", "ha_dw.group_mean_bias", "dr_grpo"),
        ("ha-dw.directions", "ha_dw.reweighting", "ha_dw_weights"),
        ("anchor.gain-error", "anchor.tracking_error", "steady_state_gain"),
        ("entropy.single-logit", "entropy.covariance_identity", "entropy_gradient"),
        ("ktae.fisher-code", "ktae.contingency_tables", "association"),
        ("ktae.information-gain", "ktae.contingency_tables", "association"),
        ("estimators.rloo-unbiased", "estimators.expected_gradient", "expected_advantages"),
        ("estimators.pass-at-k", "estimators.pass_at_k", "pass_at_k_estimate"),
        ("estimators.learning-time", "estimators.learning_dynamics", "expected_advantages"),
        ("opo.training", "opo.least_variance", "opo"),
        ("two-stage.never-lost", "two_stage.exploration", "grpo"),
        ("verl-rank.directions", "verl_rank.rank_bonus", "effective_rank"),
        ("match-tir.greedy", "match_tir.turn_matching", "matched_rewards"),
        ("qae.after-the-fact", "qae.quantile_of_advantages", "qae"),
        ("digest.winners-ignored", "digest.classroom_of_ten", "qae"),
    ],
)
def test_an_error_of_the_floats_is_seen(id: str, module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project's own function stops agreeing with the exact form, the verdict turns, too."""
    there = import_module(f"qae_sim.theory.claims.{module}")
    monkeypatch.setattr(there, name, off_by(1e-3)(getattr(there, name)))
    assert CLAIMS[id].check(True).verdict is not CLAIMS[id].expected


def test_remainders_beyond_the_bound_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    there = import_module("qae_sim.theory.claims.entropy.covariance_identity")
    exact = there.entropy_change
    monkeypatch.setattr(there, "entropy_change", lambda z, d: 4 * exact(z, d))
    assert CLAIMS["entropy.remainder"].check(True).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.proof])
def test_a_proof_text_has_three_to_fifteen_lines(id: str) -> None:
    lines = CLAIMS[id].proof.splitlines()
    assert 3 <= len(lines) <= 15
    assert max(map(len, lines)) <= 120


def test_a_proof_text_belongs_to_a_claim() -> None:
    for path in FOLDER.rglob("proofs.md"):
        for id in re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            assert CLAIMS[id].check.__module__.split(".")[-2] == path.parent.name


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.expected is Verdict.CONDITIONAL])
def test_a_conditional_claim_names_its_condition(id: str) -> None:
    assert quick(id).condition == CLAIMS[id].condition


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.tier is Tier.PROVED])
def test_what_proves_for_all_values_is_no_list_of_cases(id: str) -> None:
    """A range such as G = 2..12 proves nothing for every G, whatever the method is called."""
    for item in quick(id).decisive:
        assert item.holds is not Truth.YES or not re.search(r"\d\.\.\d", item.over), item.over


def test_no_error_is_lost_to_a_maximum() -> None:
    """Python's ``max`` of floats forgets a NaN that is not the first; ``worse`` and ``worst_of`` do not."""
    assert worst_of([1.0, float("nan"), 2.0]) != max([1.0, float("nan"), 2.0])
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "max":
                text = ast.unparse(node)
                assert not re.search(r"\babs\(|\.max\(|float\(", text) or text == "max(abs(exact), 1.0)", (
                    f"{path}: {text}"
                )
