"""The tables that the page looks up, against calculations of another kind."""

from __future__ import annotations

from itertools import chain, product
from math import factorial, prod
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qae_sim.advantages import ESTIMATORS, grpo, qae
from qae_sim.explorers.verifier import VERIFIERS
from qae_sim.page.tables import CHIPS, PLACES, anchors, estimators, gaps, place_of
from qae_sim.theory import all_claims

POLICY = np.array([0.3, 0.45, 0.25])
LENGTHS = np.array([40.0, 20.0, 80.0])


def objective(z: NDArray[np.float64], arms: NDArray[np.int64], each: NDArray[np.float64], on: set[str]) -> float:
    """PPO's objective of one group, response by response."""
    log_pi = z - np.log(np.exp(z).sum())
    ratio = np.exp(log_pi[arms] - np.log(POLICY)[arms])
    plain = ratio * each
    if "clip" in on:
        plain = np.minimum(plain, np.clip(ratio, 0.8, 1.2) * each)
    # Where each response is divided by its length, the policy's mean length keeps the size of a step.
    weights = (POLICY @ LENGTHS) / LENGTHS[arms] if "length" in on else np.ones(len(arms))
    return float(np.mean(weights * plain))


def change(name: str, arms: NDArray[np.int64], rewards: NDArray[np.float64], on: set[str]) -> NDArray[np.float64]:
    """What gradient ascent on the objective, by differences, does to the logits."""
    each = np.asarray(grpo(rewards, eps=0) if name == "grpo" else qae(rewards, k=0.4, eps=0))
    z, h = np.log(POLICY), 1e-6
    for _ in range(4 if "steps" in on else 1):
        gradient = [
            (objective(z + h * e, arms, each, on) - objective(z - h * e, arms, each, on)) / (2 * h) for e in np.eye(3)
        ]
        z = z + 0.5 * np.array(gradient)
    return np.asarray(z - np.log(POLICY))


#: What a response can be, by the verifier: arm, reward, chance.
KINDS = {
    "right": [(0, 1, 0.3), (1, 0, 0.45), (2, 0, 0.25)],
    "false_positive": [(0, 1, 0.3), (1, 0, 0.405), (1, 1, 0.045), (2, 0, 0.225), (2, 1, 0.025)],
    "false_negative": [(0, 1, 0.27), (0, 0, 0.03), (1, 0, 0.45), (2, 0, 0.25)],
}
#: Every set of chips; where a verifier errs those with small groups, since there are many large ones.
GAPS = [("right", number) for number in range(32)]
GAPS += [(verifier, number) for verifier in ("false_positive", "false_negative") for number in range(16, 32)]


def splits(size: int, parts: int) -> list[tuple[int, ...]]:
    """All ways in which a group can fall on kinds of responses."""
    return [counts for counts in product(range(size + 1), repeat=parts) if sum(counts) == size]


@pytest.fixture(scope="module")
def tables() -> dict[str, list[dict[str, Any]]]:
    """Those of all verifiers."""
    return {name: gaps(verifier) for name, verifier in VERIFIERS.items()}


@pytest.mark.parametrize(("verifier", "number"), GAPS)
def test_gaps_are_those_of_the_objective(tables: dict[str, list[dict[str, Any]]], verifier: str, number: int) -> None:
    on = {chip for bit, chip in enumerate(CHIPS) if number >> bit & 1}
    size = 4 if "small" in on else 16
    arms, rewards, chances = map(np.array, zip(*KINDS[verifier], strict=True))
    row = tables[verifier][number]
    for name in ("grpo", "qae"):
        total, squares = np.zeros(3), np.zeros(3)
        for counts in splits(size, len(arms)):
            chance = factorial(size) * prod(p**n / factorial(n) for p, n in zip(chances, counts, strict=True))
            moved = change(name, np.repeat(arms, counts), np.repeat(rewards, counts).astype(float), on)
            total, squares = total + chance * moved, squares + chance * moved**2
        if "adam" in on:
            total = total / np.sqrt(squares)
        right = (np.diag(POLICY) - np.outer(POLICY, POLICY)) @ total
        np.testing.assert_allclose(row[name], right, rtol=1e-6, atol=1e-8)


def test_errors_at_a_constant_rate_turn_no_plain_average(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Of groups of any size; divided by lengths, averages turn."""
    for number in (0, 16):
        for name in ("grpo", "qae"):
            right, *wrong = (np.array(rows[number][name]) for rows in tables.values())
            for one in wrong:
                np.testing.assert_allclose(one / np.linalg.norm(one), right / np.linalg.norm(right), atol=1e-12)
    assert tables["false_positive"][1]["turn"] > 1


def test_angles_and_sizes_are_those_of_the_arrows(tables: dict[str, list[dict[str, Any]]]) -> None:
    corners = np.exp(2j * np.pi * (np.array([0, 1, 2]) / 3 + 0.25)) / np.sqrt(3)
    for row in chain(*tables.values()):
        first, second = (complex(corners @ np.array(row[name])) for name in ("grpo", "qae"))
        assert row["turn"] == pytest.approx(abs(np.angle(second / first, deg=True)), abs=1e-6)
        assert row["speed"] == pytest.approx(abs(second / first))


def test_weights_are_those_of_the_beliefs() -> None:
    found = anchors()
    assert {len(one["seen"]) for one in found["followed"]} == {len(found["capability"])} == {80}
    for followed in (row for one in found["followed"] for row in one["anchors"].values()):
        for belief, phi in zip(followed["beliefs"], followed["weights"], strict=True):
            signed = np.array([1, -1]) * (belief - np.array([[0.25], [0.75]]))
            np.testing.assert_allclose(phi, np.exp(signed).ravel(), atol=2e-6)


def test_batches_show_what_the_verifier_sees() -> None:
    """One wrong response in ten passes, or one correct one in ten fails, with the same random numbers."""
    found = anchors()
    p = np.array(found["capability"])
    right, positive, negative = (np.array(one["seen"]) for one in found["followed"])
    assert (positive >= right).all()
    assert (negative <= right).all()
    wide = 5 * np.sqrt(0.25 / (80 * 128))
    assert np.mean(positive - right) == pytest.approx(np.mean(0.1 * (1 - p)), abs=wide)
    assert np.mean(right - negative) == pytest.approx(np.mean(0.1 * p), abs=wide)


def test_every_estimator_has_a_place_and_its_claim_is_known() -> None:
    rows = estimators()
    assert [row["name"] for row in rows] == list(ESTIMATORS)
    assert {row["place"] for row in rows} == set(PLACES)
    assert place_of(ESTIMATORS["ktae"]) == "inside a response"
    for row in rows:
        assert row["formula"], row["name"]
        if row["claim"]:
            assert all_claims()[row["claim"]].paper.key == row["claimPage"]
