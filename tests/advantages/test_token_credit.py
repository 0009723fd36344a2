"""Credit of single tokens by entropies, probabilities and a critic: values by hand, and what the methods promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim import advantages as adv

entropies = hnp.arrays(np.float64, (4, 3), elements=st.integers(0, 12).map(lambda n: n / 4))
masks = hnp.arrays(np.bool_, (4, 3)).filter(lambda m: bool(m[:, 0].all()))


class TestByHand:
    def test_rl_zvp(self) -> None:
        h, mask = [[0.5, 2.0, 9.0], [1.0, 0.0, 9.0]], [[1, 1, 0], [1, 1, 0]]
        assert_allclose(adv.rl_zvp([1, 1], h, mask), [[0.05, 0.2, 0], [0.1, 0, 0]], rtol=1e-15)
        assert_allclose(adv.rl_zvp([0, 0], h, mask, alpha=1), [[-1.5, 0, 0], [0, -1, 0]], rtol=1e-15)
        assert_allclose(adv.rl_zvp([1, 0], h, mask, eps=0), [[1, 1, 0], [-1, -1, 0]], rtol=1e-15)

    def test_gtpo(self) -> None:
        # Correct: shares 3/4 and 1/4 at the first place, 1/2 each at the second, times 2: 1.5, 1, .5, 1; mean 1.
        found = adv.gtpo([1, 1, 0], [[3, 1], [1, 1], [2, 2]], np.ones((3, 2)), bonus=1)
        root = math.sqrt(0.125)
        assert_allclose(found, [[0.5 / root, 0], [-0.5 / root, 0], [0, 0]], atol=1e-6)
        # Wrong: reciprocals 1/3 and 1, shares 1/4 and 3/4 of 2, both below 0: the more certain one is blamed more.
        found = adv.gtpo([0, 0, 1], [[3.0], [1.0], [2.0]], np.ones((3, 1)), bonus=1)
        assert_allclose(found, [[1], [-1], [0]], atol=1e-6)

    def test_optimal_token_baseline(self) -> None:
        # Probabilities 1/2 and 1/4, sums of squares 1/2 and 5/8: energies 1/2 and 9/8, baseline (1/2)/(13/8) = 4/13.
        found = adv.optimal_token_baseline([1, 0], np.log([[0.5], [0.25]]), [[0.5], [0.625]], np.ones((2, 1)))
        assert_allclose(found, [[9 / 13], [-4 / 13]], rtol=1e-14)
        # The second place belongs to one response alone.
        found = adv.optimal_token_baseline([1, 0], np.log(np.full((2, 2), 0.5)), np.full((2, 2), 0.5), [[1, 1], [1, 0]])
        assert_allclose(found, [[0.5, 1], [-0.5, 0]], rtol=1e-14)

    def test_gae(self) -> None:
        v, mask = [[0.5, 0.25, 0.75]], [[1, 1, 1]]
        # Surprises -1/4, 1/2 and 1/4.
        assert_allclose(adv.gae([1], v, mask, lam=0).advantages, [[-0.25, 0.5, 0.25]], rtol=1e-15)
        assert_allclose(adv.gae([1], v, mask, lam=1).advantages, [[0.5, 0.75, 0.25]], rtol=1e-15)
        assert_allclose(adv.gae([1], v, mask, lam=0.5).advantages, [[0.0625, 0.625, 0.25]], rtol=1e-15)
        assert_allclose(adv.gae([1], v, mask, lam=0.5).returns, [[0.5625, 0.875, 1]], rtol=1e-15)
        # γ = λ = 1/2: surprises -3/8, 1/8 and 1/4, each step back a quarter.
        discounted = adv.gae([1], v, mask, gamma=0.5, lam=0.5).advantages
        assert_allclose(discounted, [[-0.375 + 0.1875 / 4, 0.125 + 0.25 / 4, 0.25]], rtol=1e-15)
        found = adv.decoupled_gae([1], v, mask, lam=0.5)
        assert_allclose(found.advantages, [[0.0625, 0.625, 0.25]], rtol=1e-15)
        assert_array_equal(found.returns, np.ones((1, 3)))
        # A token of somebody else in the middle is skipped.
        skipped = adv.gae([1], [[0.5, 9.0, 0.75]], [[1, 0, 1]], lam=0.5)
        assert_allclose(skipped.advantages, [[0.375, 0, 0.25]], rtol=1e-15)
        assert_allclose(skipped.returns, [[0.875, 0, 1]], rtol=1e-15)

    def test_length_adaptive_gae(self) -> None:
        v = np.array([[0.5, 0.25, 0.75, 0.5]] * 2)
        mask = [[1, 1, 1, 1], [1, 1, 0, 0]]
        found = adv.length_adaptive_gae([1, 1], v, mask, alpha=0.5)
        assert_allclose(found.advantages[0], adv.gae([1.0], v[:1], mask[:1], lam=0.5).advantages[0], rtol=1e-15)
        assert_allclose(found.advantages[1], adv.gae([1.0], v[:1], mask[1:], lam=0).advantages[0], rtol=1e-15)

    def test_quantile_in_the_place_of_ppos_mean(self) -> None:
        a = adv.gae([1.0, 0.0], [[0.5, 0.5], [0.5, 0.5]], [[1, 1], [1, 0]], lam=1).advantages
        assert_array_equal(a, [[0.5, 0.5], [-0.5, 0]])
        # Three tokens, 1/2, 1/2 and -1/2: their .4-quantile is 1/2, their deviation √2/3.
        found = adv.quantile_whitening(a, 0.4, mask=[[1, 1], [1, 0]], eps=0)
        assert_allclose(found, [[0, 0], [-3 / math.sqrt(2), 0]], rtol=1e-15)

    def test_spo_and_rae(self) -> None:
        assert_allclose(adv.spo([[1.0], [0.0]], [0.5, 0.25], eps=0, ddof=0), [[1], [-1]], rtol=1e-15)
        assert_array_equal(adv.spo([[1.0], [0.5]], [0.5, 0.0]), np.zeros((2, 1)))
        assert_array_equal(adv.rae([[1.0, -1.0]], [[0.25, -0.5]]), [[0.75, -0.5]])


@given(entropies, masks, st.sampled_from([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]]))
def test_gtpo_forgets_who_was_right(h: np.ndarray, mask: np.ndarray, rewards: list[int]) -> None:
    """The tokens of correct responses have advantages of mean 0, and so have those of wrong ones."""
    a = adv.gtpo(rewards, h, mask)
    for side in (0, 1):
        assert a[mask & (np.array(rewards) == side)[:, None]].sum() == pytest.approx(0, abs=1e-5)


@given(entropies, masks)
def test_rl_zvp_spares_the_most_uncertain_token(h: np.ndarray, mask: np.ndarray) -> None:
    right, wrong = adv.rl_zvp([1] * 4, h, mask), adv.rl_zvp([0] * 4, h, mask)
    assert (right >= 0).all()
    assert (wrong <= 0).all()
    assert (np.where(mask, wrong, -1).max(axis=-1) == 0).all()


@given(entropies, masks, st.floats(0, 1), st.floats(0, 1))
def test_gae_with_the_whole_future(v: np.ndarray, mask: np.ndarray, gamma: float, lam: float) -> None:
    rewards = np.array([1.0, 0.0, -1.0, 2.0])
    full = adv.gae(rewards, v, mask, lam=1)
    assert_allclose(full.advantages, np.where(mask, rewards[:, None] - v, 0), atol=1e-12)
    found = adv.gae(rewards, v, mask, gamma=gamma, lam=lam)
    assert_allclose(found.returns, np.where(mask, found.advantages + v, 0), atol=1e-12)
    exact = adv.gae(rewards, np.broadcast_to(rewards[:, None], (4, 3)), mask, lam=lam)  # a critic that knows
    assert_allclose(exact.advantages, 0, atol=1e-12)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_every_library(lib: Library) -> None:
    rewards, h, mask = [[1.0, 0.0], [1.0, 1.0]], [[[0.5, 1.0], [0.25, 0.5]]] * 2, [[[True, True], [True, False]]] * 2
    calls = {
        "rl_zvp": (h, mask),
        "gtpo": (h, mask),
        "optimal_token_baseline": (np.log(h).tolist(), h, mask),
        "gae": (h, mask),
        "decoupled_gae": (h, mask),
        "length_adaptive_gae": (h, mask),
        "spo": ([0.5, 0.25],),
        "rae": (rewards[::-1],),
    }
    for name, others in calls.items():
        function = getattr(adv, name)
        wanted = function(np.array(rewards), *map(np.array, others))
        got = function(lib.array(rewards, "float32"), *(lib.array(np.array(x)) for x in others))
        for part in ("advantages", "returns") if hasattr(wanted, "returns") else (None,):
            a, b = (x if part is None else getattr(x, part) for x in (wanted, got))
            assert lib.owns(b)
            assert b.dtype == lib.array([0.5], "float32").dtype
            assert_allclose(lib.numpy(b), a, rtol=1e-5, atol=1e-5, err_msg=name)


class TestTrackers:
    def test_beta(self) -> None:
        tracker = adv.BetaTracker(2.0, 2.0)
        assert tracker.rate == 0.5
        # ρ = 2^(-D/D½): 1 at D = 0, which is cut to .96; 2^(-1/10) is between; far away .875.
        assert tracker.update(1.0, 0.0) == adv.BetaTracker(0.96 * 2 + 1, 0.96 * 2)
        assert tracker.update(0.0, 0.006).failures == pytest.approx(2 * 2**-0.1 + 1)
        assert tracker.update(0.0, 10.0) == adv.BetaTracker(1.75, 2.75)
        for _ in range(500):
            tracker = tracker.update(1.0, 10.0)
        assert tracker.successes + tracker.failures == pytest.approx(8)  # 1/(1 - ρ)
        assert tracker.rate == pytest.approx(1)

    def test_means(self) -> None:
        means = adv.AgentMeans(0.5).update("a", 1.0).update("b", -1.0).update("a", 0.0)
        assert (means.mean("a"), means.mean("b"), means.mean("c")) == (0.25, -0.5, 0.0)

    def test_what_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^failures must be positive where successes is 0"):
            adv.BetaTracker(0.0, 0.0)
        with pytest.raises(ValueError, match=r"^half_life must be positive"):
            adv.BetaTracker(half_life=0.0)
        with pytest.raises(ValueError, match=r"^most must be .*; got 0.5"):
            adv.BetaTracker(most=0.5)
        with pytest.raises(ValueError, match=r"^reward must be .*; got 2.0"):
            adv.BetaTracker().update(2.0, 0.0)
        with pytest.raises(ValueError, match=r"^decay must be below 1"):
            adv.AgentMeans(1.0)
        with pytest.raises(TypeError, match=r"^means must be numbers by the names of agents"):
            adv.AgentMeans(means=[1.0])  # type: ignore[arg-type]


def test_what_is_refused() -> None:
    good = np.full((2, 3), 0.5)
    with pytest.raises(ValueError, match=r"^entropies must be at least 0 everywhere, in nats; got -1"):
        adv.rl_zvp([1, 0], -2 * good, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^entropies must be of shape"):
        adv.gtpo([1, 0], good[:1], np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"^eps must be positive"):
        adv.gtpo([1, 0], good, np.ones((2, 3)), eps=0)
    with pytest.raises(ValueError, match=r"^log_probs must be at most 0"):
        adv.optimal_token_baseline([1, 0], good, good, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^sum_squares must be in \[0, 1\]"):
        adv.optimal_token_baseline([1, 0], -good, 4 * good, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^mask must be of shape"):
        adv.gae([1, 0], good, np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"^lam must be .*; got 1.5"):
        adv.gae([1, 0], good, np.ones((2, 3)), lam=1.5)
    with pytest.raises(ValueError, match=r"^alpha must be positive"):
        adv.length_adaptive_gae([1, 0], good, np.ones((2, 3)), alpha=0)
    with pytest.raises(ValueError, match=r"^expected must be of shape"):
        adv.spo([[1.0]], [0.5, 0.5])
