"""Estimators that know more than rewards: values worked by hand, exact references, what they refuse."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import references as exact
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

pairs = st.integers(2, 12).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(-3, 3), min_size=size, max_size=size),
        st.lists(st.integers(1, 9), min_size=size, max_size=size),
    )
)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
epsilons, ddofs = st.sampled_from([0.0, 1e-6, 0.1]), st.sampled_from([0, 1])


def fractions(values: list[int]) -> list[Fraction]:
    return [Fraction(x) for x in values]


class TestByHand:
    rewards = np.array([1.0, 0, 0, 1])

    def test_opo(self) -> None:
        # (1·1 + 4·1) / (1 + 2 + 3 + 4)
        assert_allclose(adv.opo(self.rewards, [1, 2, 3, 4]), [0.5, -0.5, -0.5, 0.5], rtol=1e-15)
        assert_allclose(adv.opo(self.rewards, [3, 2, 1, 4]), [0.3, -0.7, -0.7, 0.3], rtol=1e-15)

    def test_canon(self) -> None:
        metric = [4, 3, 2, 1]  # the first two are high: their mean is 1/2, as that of the others
        assert_allclose(adv.canon(self.rewards, metric, mu=1), [0.5, -0.5, -0.5, 0.5])
        r = np.array([1.0, 1, 0, 1])  # high: 1, low: 1/2
        assert_allclose(adv.canon(r, metric, mu=1), [0.5, 0.5, -1, 0])
        assert_allclose(adv.canon(r, metric, mu=0), [0, 0, -0.5, 0.5])
        assert_allclose(adv.canon(r, metric, mu=0.25), [0.125, 0.125, -0.625, 0.375])
        assert_allclose(adv.canon(r, metric, mu=1, alpha=0.9), [0.4, 0.4, -0.9, 0.1], atol=1e-15)
        # Three responses: one is low, two are high; equal metrics go by place.
        assert_allclose(adv.canon([1.0, 0, 1], [5, 5, 5], mu=1), [0.5, -1, 0])

    def test_aapo(self) -> None:
        assert_allclose(adv.aapo(self.rewards, [0, 0, 1, 1], eps=0), [1.28, -1, -1.2, 1])
        assert_allclose(adv.aapo([1.0, 1], [0, 1]), [0.28, 0])
        assert_allclose(adv.aapo([1.0, 1], [0, 1], clip_high=2), [1, 0])
        assert_allclose(adv.aapo([0.0, 0], [0.1, 1]), [-0.1, -0.2])

    def test_rlev(self) -> None:
        r = np.array([[1.0, 0, 0], [1.0, 0, 0]])
        assert_allclose(adv.rlev(r, [0.5, 3]), [[1.5, -0.75, -0.75], [2, -1, -1]])
        assert_allclose(adv.rlev(r, [0.5, 3], alpha=0.1)[:, 0], [1.05, 1.3])
        assert_allclose(adv.rlev(r, [0.5, 3], base="grpo"), adv.grpo(r), rtol=1e-5)

    def test_gdpo(self) -> None:
        # Rewards (0, 0), (1, 0) and (0, 0), (1, 1): sums 0, 1 and 0, 2. Standardised and added: ∓1 and ∓2.
        r, other = np.array([[0.0, 1], [0, 1]]), np.array([[0.0, 0], [0, 1]])
        spread = math.sqrt((1 + 1 + 4 + 4) / 4)
        assert_allclose(adv.gdpo(r, [other], eps=0), np.array([[-1, 1], [-2, 2]]) / spread)
        weighted = np.array([[-2, 2], [-5, 5]]) / math.sqrt((4 + 4 + 25 + 25) / 4)
        assert_allclose(adv.gdpo(r, [other], weights=[2, 3], eps=0), weighted)
        assert_allclose(adv.gdpo(r, [other], eps=0, ddof=1)[1, 1], math.sqrt(2) / math.sqrt(5 / 3))
        assert_array_equal(adv.gdpo([[1.0, 0], [1, 1]], eps=0)[1], [0, 0])

    def test_gpg(self) -> None:
        r = [[1.0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
        assert_allclose(adv.gpg(r), [[1.5, -0.5, -0.5, -0.5], [0] * 4, [0] * 4, [1, 1, -1, -1]])
        assert_allclose(adv.gpg(r, count="nonzero")[3], np.array([0.5, 0.5, -0.5, -0.5]) * 16 / 7)
        assert_array_equal(adv.gpg([[0.0, 0], [1, 1]]), np.zeros((2, 2)))
        assert_array_equal(adv.gpg([[0.0, 0]], count="nonzero"), np.zeros((1, 2)))

    def test_capo(self) -> None:
        assert_allclose(adv.capo([1.0, 0, 0, 0, 0], eps=0), [2, 0, 0, 0, 0])
        assert_allclose(adv.capo([1.0, 0, 0, 0, 0], negatives=0.5, eps=0), [2, -0.25, -0.25, -0.25, -0.25])
        assert not np.signbit(adv.capo([1.0, 0, 0, 0, 0])).any()


@given(pairs)
def test_opo_against_rational_arithmetic(pair: tuple[list[int], list[int]]) -> None:
    r, lengths = map(fractions, pair)
    b = sum(x * n for x, n in zip(r, lengths, strict=True)) / sum(lengths)
    assert_allclose(adv.opo(*pair), [float(x - b) for x in r], rtol=1e-12, atol=1e-14)
    assert_allclose(adv.opo(pair[0], np.full(len(r), 7)), adv.dr_grpo(pair[0]), atol=1e-14)


@given(pairs, shares, shares)
def test_canon_against_rational_arithmetic(pair: tuple[list[int], list[int]], mu: float, alpha: float) -> None:
    r, metric = fractions(pair[0]), pair[1]
    order = sorted(range(len(r)), key=lambda i: metric[i])  # stable: equal metrics by place
    low, high = order[: len(r) // 2], order[len(r) // 2 :]
    means = {half: exact.mean([r[i] for i in which]) for half, which in (("low", low), ("high", high))}
    wanted = []
    for i, x in enumerate(r):
        inter = x - Fraction(alpha) * means["high"] if i in low else Fraction(alpha) * x - means["low"]
        intra = x - means["low" if i in low else "high"]
        wanted.append(float(Fraction(mu) * inter + (1 - Fraction(mu)) * intra))
    assert_allclose(adv.canon(*pair, mu=mu, alpha=alpha), wanted, rtol=1e-12, atol=1e-14)


@given(pairs, epsilons, ddofs)
def test_aapo_and_rlev_against_rational_arithmetic(pair: tuple[list[int], list[int]], eps: float, ddof: int) -> None:
    r = fractions(pair[0])
    reference = [Fraction(x, 10) for x in pair[1]]
    z = exact.grpo(r, eps, ddof)
    margin = [min(max(float(x - y), -0.2), 0.28) for x, y in zip(r, reference, strict=True)]
    found = adv.aapo(pair[0], [float(x) for x in reference], eps=eps, ddof=ddof)
    assert_allclose(found, np.add(z, margin), rtol=1e-9, atol=1e-13)
    scale = 1 + min(Fraction(pair[1][0], 4), 1)
    assert_allclose(
        adv.rlev(pair[0], pair[1][0], alpha=0.25), exact.rloo([scale * x for x in r]), rtol=1e-12, atol=1e-14
    )


@given(st.integers(1, 3), st.integers(2, 5), st.integers(0, 2), st.integers(0, 2**32 - 1), epsilons, ddofs)
def test_gdpo_against_rational_arithmetic(groups: int, size: int, more: int, seed: int, eps: float, ddof: int) -> None:
    rng = np.random.default_rng(seed)
    each = rng.integers(0, 3, (1 + more, groups, size)).astype(float)
    weights = rng.integers(-2, 3, 1 + more).astype(float)
    scores = [[exact.grpo(fractions(group), eps, ddof) for group in r] for r in each]
    total = np.tensordot(weights, np.array(scores), axes=1)
    flat = total.ravel()
    wanted = total / (flat.std(ddof=ddof) + eps) if flat.any() else np.zeros((groups, size))
    found = adv.gdpo(each[0], each[1:], weights=list(weights), eps=eps, ddof=ddof)
    assert_allclose(found, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adv.opo([1, 0], [1, 2, 3]), r"^lengths must be of shape \(2,\)"),
        (lambda: adv.opo([1, 0], [1, 0.5]), "^lengths must be at least 1 everywhere"),
        (lambda: adv.opo([1, 0], [1, math.nan]), "^lengths must be finite"),
        (lambda: adv.canon([1, 0], [1, math.inf]), "^metric must be finite"),
        (lambda: adv.canon([1, 0], [1, 2], mu=1.5), "^mu must be"),
        (lambda: adv.canon([1, 0], [1, 2], alpha=-1), "^alpha must be"),
        (lambda: adv.aapo([1, 0], [1]), "^reference must be of shape"),
        (lambda: adv.aapo([1, 0], [1, 0], clip_low=-1), "^clip_low must be"),
        (lambda: adv.rlev([[1, 0]], [-1]), "^prompt_values must be at least 0"),
        (lambda: adv.rlev([[1, 0]], [[1, 1]]), r"^prompt_values must be of shape \(1,\)"),
        (lambda: adv.rlev([1, 0], 1.0, base="qae"), "^base must be"),
        (lambda: adv.gdpo([1, 0], [1, 0]), "^further must be of shape"),
        (lambda: adv.gdpo([1, 0], [[1, 0]], weights=[1]), "^weights must be 2 numbers"),
        (lambda: adv.gpg([1, 0], count="all"), "^count must be"),
        (lambda: adv.capo([1, 0], negatives=2), "^negatives must be"),
    ],
)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
