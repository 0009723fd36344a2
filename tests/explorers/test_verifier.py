"""Errors of the verifier, in every explorer that draws rewards: against enumerations, simulator and package."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, ktae, qae, rloo
from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.explorers import (
    EntropyCovariance,
    EstimatorTable,
    Explorer,
    KalmanAnchorExplorer,
    KeyTokens,
    Proposition42,
    QuantileGate,
    Solutions,
)
from qae_sim.explorers.anchor_tracking import AnchorState, batches
from qae_sim.explorers.collapse_explosion import CollapseExplosion, CollapseState, study, true_records
from qae_sim.explorers.group_bias import PS, bias_given, misses_model
from qae_sim.explorers.key_tokens import GROUPS, TokenState, numbered
from qae_sim.explorers.key_tokens import model as keyed
from qae_sim.explorers.length_pressure import KS, LengthState
from qae_sim.explorers.length_pressure import PS as LENGTH_PS
from qae_sim.explorers.length_pressure import model as pressures
from qae_sim.explorers.quantile_gate import large_group_share, sparsity_model
from qae_sim.explorers.solutions import recorded_groups
from qae_sim.explorers.verifier import VERIFIER, VERIFIERS, Verifier, error_among, judged
from qae_sim.pictures.scene import Cells, LookupTable
from qae_sim.site.explorers import explorers_with_pages
from qae_sim.softmax import covariance, probabilities

EXPLORERS: tuple[type[Explorer[Any]], ...] = explorers_with_pages()
SWITCHED = [kind for kind in EXPLORERS if "verifier" in kind.STATE.controls()]
ERRING = [name for name in VERIFIER if name != "right"]

#: Explorers without the switch, and why.
WITHOUT = {
    "PartAdvantages": "each verdict is a number of its own that the reader sets",
    "LengthRuns": "recorded runs, whose verifier is an exact program",
    "RecordedRuns": "recorded runs, whose verifier is an exact program",
    "TRLRuns": "recorded runs, whose verifier is an exact program",
    "Trial": "recorded runs, whose verifier is an exact program",
}


def test_every_explorer_that_draws_rewards_has_the_switch() -> None:
    assert {kind.__name__ for kind in EXPLORERS} - {kind.__name__ for kind in SWITCHED} == set(WITHOUT)
    for kind in SWITCHED:
        control = kind.STATE.controls()["verifier"]
        assert (control.label, dict(control.options)) == ("Verifier", VERIFIER)
        assert "verifier" not in kind.LEADING  # behind "More"


@pytest.mark.parametrize("kind", SWITCHED, ids=[kind.__name__ for kind in SWITCHED])
def test_axes_stay_and_the_sentence_speaks_of_it(kind: type[Explorer[Any]]) -> None:
    for name, preset in kind.PRESETS.items():
        explorer = kind(preset)
        if "verifier" in explorer.spec["hidden"]:
            continue
        shown = {}
        for verifier in VERIFIER:
            explorer.set(verifier=verifier)
            assert explorer.problem == ""
            panels = kind(explorer.state).show(kind._without_local(explorer.state)).panels
            plots = [p for p in panels if not isinstance(p.layers[0], Cells)]  # boxes of words have no axes
            ends = [np.round(p.ylim.values if isinstance(p.ylim, LookupTable) else p.ylim, 9).tolist() for p in plots]
            shown[verifier] = ([p.xlim for p in plots], ends), explorer.words()
        axes = [shown[verifier][0] for verifier in VERIFIER]
        assert axes[1:] == axes[:1] * 2, name
        assert (
            len({shown[verifier][1] for verifier in VERIFIER}) > 1 or error_among(getattr(preset, "r", ()), "") is None
        )


# --- what errors at constant rates do to an update --------------------------------------------------------------------

POLICY = np.array([0.2, 0.1, 0.4, 0.3])
TRUTH = np.array([1.0, 1.0, 0.0, 0.0])
RULES: dict[str, Callable[[Any], Any]] = {
    "grpo": lambda r: grpo(r, eps=0),
    "qae": lambda r: qae(r, k=0.4, eps=0),
    "rloo": rloo,
    "dr_grpo": dr_grpo,
    "constant": lambda r: np.asarray(r) - 0.7,
}


def groups(verifier: Verifier, size: int) -> Iterator[tuple[float, tuple[int, ...], tuple[float, ...]]]:
    """All groups with their verdicts: chance, arms, rewards."""
    for arms in itertools.product(range(len(POLICY)), repeat=size):
        for rewards in itertools.product((0.0, 1.0), repeat=size):
            chance = 1.0
            for arm, reward in zip(arms, rewards, strict=True):
                rho = float(verifier.seen(TRUTH[arm]))
                chance *= POLICY[arm] * (rho if reward else 1 - rho)
            if chance > 0:
                yield chance, arms, rewards


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", VERIFIER)
def test_the_average_update_keeps_its_direction(name: str, rule: str) -> None:
    verifier, size = VERIFIERS[name], 3
    total = np.zeros(len(POLICY))
    for chance, arms, rewards in groups(verifier, size):
        scores = np.eye(len(POLICY))[list(arms)] - POLICY
        total += chance * (np.asarray(RULES[rule](np.array(rewards)))[:, None] * scores).mean(axis=0)
    p = float(POLICY @ TRUTH)
    plus, minus = POLICY * TRUTH / p, POLICY * (1 - TRUTH) / (1 - p)
    if rule == "constant":  # by the rates alone
        c = verifier.signal * p * (1 - p)
    else:
        options = {"k": 0.4} if rule == "qae" else {}
        options |= {"eps": 0.0} if rule in ("grpo", "qae") else {}
        q = float(verifier.seen(p))
        c = float(verifier.speed(expected_advantages(rule, q, size, **options).c, p))
    np.testing.assert_allclose(total, c * (plus - minus), atol=1e-14)


def test_the_simulator_takes_such_steps() -> None:
    """Many runs of one step each: their mean is the expected step."""
    verifier, size, eta = VERIFIERS["false_positive"], 8, 0.5
    bandit = Bandit(success=verifier.seen(TRUTH), start=np.log(POLICY))
    runs = 20_000
    found = simulate(Study(bandit, rule="grpo", group_size=size, eta=eta, steps=1, runs=runs, records=("success",)))
    moved = np.asarray(found.parameters).reshape(len(POLICY), runs) - np.log(POLICY)[:, None]
    moved -= moved.mean(axis=0)
    p = float(POLICY @ TRUTH)
    c = verifier.speed(expected_advantages("grpo", float(verifier.seen(p)), size).c, p)
    wanted = eta * c * (POLICY * TRUTH / p - POLICY * (1 - TRUTH) / (1 - p))
    error = moved.std(axis=1) / np.sqrt(runs)
    assert (np.abs(moved.mean(axis=1) - wanted) < 5 * error).all()
    assert (np.abs(wanted / verifier.signal - wanted) > 5 * error).any()  # it would be seen


def test_rates_and_back() -> None:
    for verifier in VERIFIERS.values():
        p = np.linspace(0, 1, 11)
        np.testing.assert_allclose(verifier.true(verifier.seen(p)), p, atol=1e-15)
        assert verifier.seen(0.0) == verifier.false_positives
        assert verifier.seen(1.0) == pytest.approx(1 - verifier.false_negatives)


def test_one_error_in_a_group() -> None:
    rewards = [0.0, 1.0, 0.0]
    assert [error_among(rewards, kind) for kind in VERIFIER] == [None, 0, 1]
    assert judged(rewards, "false_positive").tolist() == [1.0, 1.0, 0.0]
    assert judged([1.0], "false_positive").tolist() == [1.0]


# --- explorer by explorer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERIFIER)
@pytest.mark.parametrize("reward", [None, 0, 1])
def test_the_bias_of_a_group_mean(name: str, reward: int | None) -> None:
    verifier, size = VERIFIERS[name], 4
    found = bias_given(size, reward, verifier)
    for place in (4, 29, 80):
        p = PS[place]
        sums = np.zeros(2)
        for right in itertools.product((0, 1), repeat=size):
            for seen in itertools.product((0, 1), repeat=size):
                if 0 < sum(seen) < size and reward in (None, right[0]):
                    rho = [float(verifier.seen(r)) for r in right]
                    chance = np.prod([p if r else 1 - p for r in right])
                    chance *= np.prod([x if s else 1 - x for x, s in zip(rho, seen, strict=True)])
                    sums += chance * np.array([right[0] - p - (seen[0] - sum(seen) / size), 1.0])
        assert found[place] == pytest.approx(sums[0] / sums[1], abs=1e-14)


@pytest.mark.parametrize("name", ERRING)
def test_the_average_bias_is_that_of_the_rate_that_rewards_show(name: str) -> None:
    """The sentence of the explorer: Theorem 1 at q, times a factor; its sign changes at q = 1/2."""
    verifier = VERIFIERS[name]
    q, chances = verifier.seen(PS), np.arange(1, 6) / 6
    binomial = np.array([[np.prod([x] * n) * np.prod([1 - x] * (6 - n)) for n in range(1, 6)] for x in q])
    binomial *= [6, 15, 20, 15, 6]
    at_q = (binomial * chances).sum(axis=1) / binomial.sum(axis=1) - q
    factor = verifier.signal * PS * (1 - PS) / (q * (1 - q))
    np.testing.assert_allclose(bias_given(6, None, verifier), factor * at_q, atol=1e-14)
    under = misses_model(6, 0.0, verifier).under
    np.testing.assert_allclose(under, (binomial * (chances > PS[:, None] + 1e-9)).sum(axis=1) / binomial.sum(axis=1))


@pytest.mark.parametrize("name", VERIFIER)
def test_shares_of_silent_responses(name: str) -> None:
    verifier, size = VERIFIERS[name], 4
    found = sparsity_model(size, 1.0, verifier)
    place = 117
    p = found.p[place]
    share = 0.0
    for rewards in itertools.product((0.0, 1.0), repeat=size):
        q = float(verifier.seen(p))
        chance = np.prod([q if r else 1 - q for r in rewards])
        share += chance * np.mean(qae(np.array(rewards), k=0.4) == 0)
    assert found.share[39, place] == pytest.approx(share, abs=1e-14)
    q = verifier.seen((np.arange(100_000) + 0.5) / 100_000)
    for k in (0.05, 0.4, 0.95):
        assert large_group_share(k, verifier) == pytest.approx(np.where(q <= 1 - k, 1 - q, q).mean(), abs=1e-5)


@pytest.mark.parametrize("name", ERRING)
def test_the_gates_words(name: str) -> None:
    words = QuantileGate.from_state(f"view=weights&g=8&verifier={name}").words()
    verifier, p = VERIFIERS[name], np.round(np.linspace(0.01, 0.99, 99), 2)
    slower = verifier.speed(expected_advantages("grpo", verifier.seen(p), 8, eps=0).c, p)
    slower /= expected_advantages("grpo", p, 8, eps=0).c
    assert f"between {slower.min():.2f} and {slower.max():.2f} times as fast" in words
    assert slower.max() < 1


@pytest.mark.parametrize("name", ERRING)
def test_the_bound_of_the_entropy_keeps_its_width(name: str) -> None:
    right, erring = (EntropyCovariance.from_state(f"eta=5&verifier={one}") for one in ("right", name))
    state = right.state
    z, r = np.array(state.z), np.array(state.r)
    moved = -5.0 * covariance(z, np.log(probabilities(z)), probabilities(z) * (VERIFIERS[name].seen(r) - r))
    lines = [one.picture().panels[2].layers[1].y for one in (right, erring)]  # type: ignore[union-attr]
    np.testing.assert_allclose(lines[1] - lines[0], moved, atol=1e-14)
    assert f"by {float(moved):+.3f}".replace("-", "−") in erring.words()


@pytest.mark.parametrize("update", ["paper", "policy_gradient", "natural_gradient", "groups"])
@pytest.mark.parametrize("name", ERRING)
def test_the_line_of_proposition_4_2_keeps_its_slope(name: str, update: str) -> None:
    text = f"q=.2&arms=6&eta=.02&update={update}"
    lines = [
        Proposition42.from_state(f"{text}&verifier={one}").picture().panels[0].layers[1].y  # type: ignore[union-attr]
        for one in ("right", name)
    ]
    np.testing.assert_allclose(np.diff(lines[0]), np.diff(lines[1]), atol=1e-15)
    assert np.ptp(lines[1] - lines[0]) < 1e-15 < np.abs(lines[1] - lines[0]).max()


@pytest.mark.parametrize("name", ERRING)
def test_records_of_runs_are_by_correctness(name: str) -> None:
    """Against the policy itself, whose arms 1 to 8 are the correct ones."""
    state = CollapseState(problem="diverse", eta=0.5, steps=150, verifier=name, runs=8)
    given = study(state, "QAE").with_(records=("correct_entropy", "entropy", "success", "pass_at_k"))
    last = {key: x[-1] for key, x in true_records(simulate(given.with_(steps=151, every=50)), VERIFIERS[name]).items()}
    z = np.asarray(simulate(given.with_(steps=150, every=50)).parameters)[0]
    pi = np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0)
    p, among = pi[:8].sum(axis=0), pi[:8] / pi[:8].sum(axis=0)
    np.testing.assert_allclose(last["success"], p, rtol=1e-12)
    np.testing.assert_allclose(last["correct_entropy"], -(among * np.log(among)).sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(last["pass_at_k"], 1 - (1 - p) ** 8, rtol=1e-12)


def test_what_false_positives_do_to_the_papers_update_at_b_0() -> None:
    """The sentence of lesson 15: each reward makes an arm likelier, and nothing makes one less likely by itself."""
    explorer = CollapseExplosion(CollapseExplosion.PRESETS["The paper's update"].with_(verifier="false_positive"))
    ends = {row["series"]: row["value"] for row in explorer.table() if row["panel"].startswith("Success")}
    assert ends["b = 0"] < 0.01 < 0.29 < ends["b = 1"] < ends["b = p"]


@pytest.mark.parametrize("name", VERIFIER)
def test_batches_show_what_the_verifier_sees(name: str) -> None:
    state = AnchorState(course="still", drift=0.0, prompts=256, g=32, verifier=name)
    capability, seen = batches(state)
    assert (capability == 0.5).all()
    assert seen.mean() == pytest.approx(VERIFIERS[name].seen(0.5), abs=5 * 0.5 / np.sqrt(256 * 32 * 120))
    if name != "right":
        words = KalmanAnchorExplorer(state).words()
        assert f"now rewards show {VERIFIERS[name].seen(0.5):.2f} on average" in words


@pytest.mark.parametrize("name", ERRING)
def test_key_tokens_take_the_verdicts(name: str) -> None:
    ids, mask, _ = numbered(GROUPS["wait"])
    rewards = {"false_positive": [1, 1, 1, 0], "false_negative": [0, 1, 0, 0]}[name]
    found = keyed(TokenState(token=6, verifier=name))
    np.testing.assert_allclose(found.values, ktae(np.array(rewards, float), ids, mask).key_values)
    panel = KeyTokens(TokenState(verifier=name)).picture().panels[0]
    assert [text.endswith("?") for _, text in panel.yticks] == [i == found.error for i in range(4)]


@pytest.mark.parametrize("name", VERIFIER)
def test_the_length_while_the_odds_grow(name: str) -> None:
    """Of three responses with lengths 1 and 4: the exact update of both log-probabilities and of the mean length."""
    verifier, place, k, eta = VERIFIERS[name], 9, 7, 1e-6
    p = LENGTH_PS[place]
    pi = np.array([p, p, 1 - p, 1 - p]) / 2
    truth, lengths = np.array([1, 1, 0, 0]), np.array([1.0, 4.0, 1.0, 4.0])
    credit = np.zeros(4)  # expected advantage of a response of each kind
    for rewards in itertools.product((0.0, 1.0), repeat=3):
        advantage = qae(np.array(rewards), k=float(KS[k]), eps=0)[0]
        q, rho = float(verifier.seen(p)), verifier.seen(truth)
        others = np.prod([q if r else 1 - q for r in rewards[1:]])
        credit += others * advantage * (rho if rewards[0] else 1 - rho)
    drift = pi * credit / lengths  # expected push, weight 1/|o|
    logs = np.log(pi) + eta * drift / pi
    new = np.exp(logs) / np.exp(logs).sum()
    odds = np.log(new[:2].sum() / new[2:].sum()) - np.log(p / (1 - p))
    percent = 100 * 0.1 * (new @ lengths / (pi @ lengths) - 1) / odds
    state = LengthState(g=3, longer=4, verifier=name)
    assert pressures(state).own[k, place] == pytest.approx(percent, rel=1e-4)


def test_solutions_say_what_the_error_gets() -> None:
    group = recorded_groups()["addition", "base"][0]
    rewards = group.rewards.copy()
    assert rewards[:2].tolist() == [1.0, 0.0]
    rewards[1] = 1.0
    words = Solutions.from_state("colour=grpo&verifier=false_positive").words()
    assert f"Response 2 is wrong and taken for correct: its mean advantage is {grpo(rewards)[1]:+.2f}." in words


def test_the_table_and_the_gate_take_the_same_errors() -> None:
    table = EstimatorTable.from_state("r=1,0,0,0,0,0,0,0&verifier=false_positive")
    gate = QuantileGate.from_state("k=.4&g=8&c=2&verifier=false_positive")
    assert "it gets +1.73 under grpo, +2.31 under qae" in table.words()
    assert "The false positive gets +2.31 under QAE and +1.73 under GRPO." in gate.words()
