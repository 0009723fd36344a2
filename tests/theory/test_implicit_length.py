"""Credits of responses against sums over all batches, and against finite differences of an expectation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from qae_sim.advantages import advantage_table, expected_advantages
from qae_sim.softmax import probabilities
from qae_sim.theory import expected_credit, length_pressure

LOGITS = np.array([0.3, -0.4, 0.1, -0.9])
CORRECT, LENGTHS = np.array([0, 1, 1, 0]), np.array([1, 3, 5, 2])


def summed(
    estimator: str, logits: NDArray[np.float64], group: int, loss: str, prompts: int = 1, k: float = 0.4
) -> NDArray[np.float64]:
    """Expected gradient by the logits, of all prompts of a batch that share them: a sum over all batches."""
    pi = probabilities(logits)
    parameters = {"k": k} if estimator == "qae" else {}
    table = advantage_table(estimator, group, **parameters)
    total = np.zeros(len(pi))
    for batch in product(range(len(pi)), repeat=group * prompts):
        chance = prod(pi[o] for o in batch)
        tokens = sum(LENGTHS[o] for o in batch)
        for first in range(0, group * prompts, group):
            n = sum(CORRECT[o] for o in batch[first : first + group])
            for o in batch[first : first + group]:
                w = {"token": 1 / tokens, "sequence": 1 / (group * prompts * LENGTHS[o]), "constant": 1 / (group * 5)}
                total += chance * w[loss] * table[n, CORRECT[o]] * (np.eye(len(pi))[o] - pi)
    return total


def of_credit(credit: NDArray[np.float64], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ_o π(o) c(o) ∇log π(o) for a softmax policy."""
    pi = probabilities(logits)
    return np.asarray(pi * (credit - pi @ credit))


@pytest.mark.parametrize("estimator", ["grpo", "qae", "rloo", "maxrl"])
@pytest.mark.parametrize("loss", ["token", "sequence", "constant"])
@pytest.mark.parametrize("group", [2, 3, 4])
def test_against_all_groups(estimator: str, loss: str, group: int) -> None:
    credit = expected_credit(estimator, probabilities(LOGITS), CORRECT, LENGTHS, group, loss=loss)  # type: ignore[arg-type]
    assert_allclose(of_credit(credit, LOGITS), summed(estimator, LOGITS, group, loss), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("estimator", ["grpo", "qae"])
def test_against_all_batches_of_several_prompts(estimator: str) -> None:
    for group, prompts in ((2, 2), (2, 3), (3, 2)):
        credit = expected_credit(estimator, probabilities(LOGITS), CORRECT, LENGTHS, group, prompts=prompts)
        expected = summed(estimator, LOGITS, group, "token", prompts)
        assert_allclose(of_credit(credit, LOGITS), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("group", [2, 4])
def test_two_baselines_differ_by_the_gradient_of_an_expectation(group: int) -> None:
    """Central differences of E[(p̂ - b_K)/(σ Z)], a sum over all groups."""
    qae, grpo = advantage_table("qae", group), advantage_table("grpo", group)

    def expectation(logits: NDArray[np.float64]) -> float:
        pi, total = probabilities(logits), 0.0
        for batch in product(range(4), repeat=group):
            n = sum(CORRECT[o] for o in batch)
            if 0 < n < group:
                total += prod(pi[o] for o in batch) * (qae[n, 1] - grpo[n, 1]) / sum(LENGTHS[o] for o in batch)
        return total

    pi = probabilities(LOGITS)
    credits = [expected_credit(name, pi, CORRECT, LENGTHS, group) for name in ("qae", "grpo")]
    assert_allclose(of_credit(credits[0] - credits[1], LOGITS), differences(expectation), atol=1e-9)


def differences(f: Callable[[NDArray[np.float64]], float], step: float = 1e-5) -> NDArray[np.float64]:
    """The gradient at LOGITS by central differences."""
    return np.array([(f(LOGITS + step * e) - f(LOGITS - step * e)) / (2 * step) for e in np.eye(4)])


@given(st.floats(0.01, 0.99), st.integers(2, 12), st.integers(1, 40), st.integers(1, 9))
def test_of_equal_lengths_every_loss_is_that_of_whole_responses(
    p: float, group: int, prompts: int, tokens: int
) -> None:
    expected = expected_advantages("qae", p, group)
    for loss in ("token", "sequence", "constant"):
        credit = expected_credit("qae", [p, 1 - p], [1, 0], [tokens, tokens], group, loss=loss, prompts=prompts)
        assert_allclose(credit * tokens, [expected.alpha, expected.beta], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["token", "sequence"])
def test_a_large_group(loss: str) -> None:
    """Binomial coefficients of 199 leave the range of whole numbers in arrays."""
    credit = expected_credit("grpo", [0.3, 0.7], [1, 0], [2, 2], 200, loss=loss)  # type: ignore[arg-type]
    assert_allclose(credit[0] * 2, expected_advantages("grpo", 0.3, 200).alpha, rtol=1e-9)


def test_a_large_batch_of_long_responses() -> None:
    """As DAPO's recipe has it: 16 responses of 32 prompts; the response's own tokens are 1 part in 512."""
    pi, lengths = np.full(4, 0.25), np.array([300, 300, 300, 300])
    credit = expected_credit("qae", pi, [1, 1, 0, 0], lengths, 16, prompts=32)
    assert_allclose(credit[0], expected_advantages("qae", 0.5, 16).alpha / 300, rtol=1e-9)


class TestLengthPressure:
    def test_is_the_rate_of_the_mean_length_within_each_side(self) -> None:
        credit = np.array([0.7, -0.2, 0.4, 1.1])
        pi, step = probabilities(LOGITS), 1e-6
        moved = probabilities(LOGITS + step * credit)
        rate = 0.0
        for marks in (CORRECT == 1, CORRECT == 0):
            before, after = (x[marks] @ LENGTHS[marks] / x[marks].sum() for x in (pi, moved))
            rate += pi[marks].sum() * (after - before) / step
        assert length_pressure(credit, pi, CORRECT, LENGTHS) == pytest.approx(rate, rel=1e-4)

    def test_a_credit_of_the_reward_alone_has_none(self) -> None:
        pi = probabilities(LOGITS)
        credit = expected_credit("qae", pi, CORRECT, LENGTHS, 8, loss="constant")
        assert length_pressure(credit, pi, CORRECT, LENGTHS) == pytest.approx(0, abs=1e-15)

    def test_one_side_alone(self) -> None:
        assert length_pressure([1.0, 0.0], [0.5, 0.5], [1, 1], [1, 3]) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": [0.5, 0.4]}, r"^policy must be probabilities that add up to 1; got"),
        ({"policy": [1.5, -0.5]}, r"^policy must be probabilities that add up to 1; got"),
        ({"policy": []}, r"^policy must be one probability for each response"),
        ({"correct": [1, 2]}, r"^correct must be booleans, or 0 and 1; got"),
        ({"correct": [1]}, r"^correct must"),
        ({"lengths": [1, 0]}, r"^lengths must be whole numbers of at least 1; got"),
        ({"lengths": [1, 1.5]}, r"^lengths must be whole numbers of at least 1; got"),
        ({"lengths": [1, 2, 3]}, r"^lengths must"),
        ({"loss": "tokens"}, r"^loss must be"),
        ({"prompts": 0}, r"^prompts must be"),
        ({"prompts": 2**23}, r"^prompts must be so few that a batch has at most 16777216 tokens"),
        ({"estimator": "ktae"}, r"^estimator must be"),
    ],
)
def test_errors_name_the_argument(changes: dict[str, object], message: str) -> None:
    given_ = {"estimator": "qae", "policy": [0.5, 0.5], "correct": [1, 0], "lengths": [1, 2], "group_size": 4}
    with pytest.raises(ValueError, match=message):
        expected_credit(**(given_ | changes))  # type: ignore[arg-type]
