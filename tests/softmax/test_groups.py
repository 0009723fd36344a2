from __future__ import annotations

import math
import random
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from entropy_references import TOLERANCE, sampled_change, sampled_step, second_order
from hypothesis import given, settings
from hypothesis import strategies as st

from qae_sim.advantages import advantage_table
from qae_sim.softmax import (
    binomial,
    covariance,
    entropy_change,
    expected_entropy_change,
    first_order_entropy_change,
    group_moments,
    paper_update,
    policy_gradient_update,
)
from qae_sim.softmax.binomial_law import binomial_rows

RULES = ("policy_gradient", "paper")
PARAMETERS = {"qae": {"k": 0.4}}
RAW = np.array([[0.0, 1.0]] * 5)  # the reward itself, no baseline
RLOO_2 = np.array([[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])


def table_of(estimator: str, size: int) -> np.ndarray:
    return advantage_table(estimator, size, **PARAMETERS.get(estimator, {}))


def assert_second_order(z, success, table, rule, digits=60):
    """Compare first order, drift and noise with sums over all groups."""
    wanted = second_order(z, sampled_step(z, success, table, rule, digits), digits)
    first, bend, noise = wanted
    got = expected_entropy_change(z, success, table, eta=1.0, rule=rule)
    assert first.error(float(got.first_order)) < TOLERANCE, (z, success, rule)
    assert noise.error(float(got.noise)) < TOLERANCE, (z, success, rule)
    drift = type(first)(first.value + bend.value, first.size + bend.size)
    assert drift.error(float(got.drift)) < TOLERANCE, (z, success, rule)
    assert float(got.total) == float(got.drift) + float(got.noise)


# --- by hand --------------------------------------------------------------------------------------------------------


def test_binomial_by_hand():
    assert binomial(np.array(0.5), 3).tolist() == [1 / 8, 3 / 8, 3 / 8, 1 / 8]
    assert binomial([0.0, 1.0], 2).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert binomial(0.3, 0).tolist() == [1]
    assert binomial(1.0, 1, 1e-20).tolist() == [1e-20, 1]  # 1 - p known better than p tells


@pytest.mark.parametrize("trials", [1, 7, 64, 1000])
@pytest.mark.parametrize("p", [0.0, 1e-300, 0.01, 0.5, 0.7, 1.0])
def test_binomial_against_fractions(trials, p):
    with mp.workdps(50):
        q = 1 - mp.mpf(p)
        wanted = [mp.binomial(trials, m) * mp.mpf(p) ** m * q ** (trials - m) for m in range(trials + 1)]
        for got, value in zip(binomial(p, trials, float(q)).tolist(), wanted, strict=True):
            assert abs(got - value) <= TOLERANCE * value + 1e-60  # p^m may underflow where the chance is nil


@pytest.mark.parametrize("trials", [0, 1, 2, 5, 33])
def test_rows_of_simulators_are_the_same_law(trials):
    p = np.random.default_rng(trials).uniform(size=(3, 4))
    rows = binomial_rows(p, 1 - p, trials)
    assert rows.shape == (trials + 1, 3, 4)
    assert np.array_equal(np.moveaxis(rows, 0, -1), binomial(p, trials))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_binomial_of_short_types_with_large_groups(dtype):
    got = binomial(np.array(0.5, dtype=dtype), 1000)
    assert got.dtype == dtype
    assert float(np.sum(got, dtype=np.float64)) == pytest.approx(1, rel=1e-3)


def test_group_moments_by_hand():
    # RLOO with G = 2: s₁ = 1 and s₀ = -1 in a mixed group, which has probability 2p(1-p) = .32 at p = .2.
    got = group_moments(RLOO_2, 0.2)
    wanted = {"mean_1": 0.32, "mean_0": -0.32, "var_1": 0.2176, "var_0": 0.2176, "cov": -0.2176}
    wanted |= {"mean_sum": 0, "var_sum": 0, "cov_sum_1": 0, "cov_sum_0": 0, "squares_1": 0.32, "squares_0": 0.32}
    assert set(vars(got)) == set(wanted)
    for name, value in wanted.items():
        assert float(getattr(got, name)) == pytest.approx(value, rel=1e-15, abs=0), name


def test_group_moments_against_fractions():
    table, p = np.array([[-0.5, 0.0], [-0.25, 2.0], [0.75, 1.0], [0.0, -0.5]]), Fraction(3, 8)
    chance = [math.comb(3, n) * p**n * (1 - p) ** (3 - n) for n in range(4)]
    s1 = [n * Fraction(table[n, 1]) for n in range(4)]
    s0 = [(3 - n) * Fraction(table[n, 0]) for n in range(4)]
    total = [a + b for a, b in zip(s1, s0, strict=True)]

    def cov(x, y):
        mean_x, mean_y = (sum(c * v for c, v in zip(chance, column, strict=True)) for column in (x, y))
        return sum(c * a * b for c, a, b in zip(chance, x, y, strict=True)) - mean_x * mean_y

    got = group_moments(table, float(p))
    pairs = {"var_1": (s1, s1), "var_0": (s0, s0), "cov": (s1, s0), "var_sum": (total, total)}
    pairs |= {"cov_sum_1": (total, s1), "cov_sum_0": (total, s0)}
    for name, (x, y) in pairs.items():
        assert float(getattr(got, name)) == pytest.approx(float(cov(x, y)), rel=1e-14), name
    squares = {
        "squares_1": sum(c * n * Fraction(table[n, 1]) ** 2 for n, c in enumerate(chance)),
        "squares_0": sum(c * (3 - n) * Fraction(table[n, 0]) ** 2 for n, c in enumerate(chance)),
    }
    for name, value in squares.items():
        assert float(getattr(got, name)) == pytest.approx(float(value), rel=1e-14), name


def test_two_equal_arms_by_hand():
    # One arm right, one wrong, π = ½. A mixed group (probability ½) moves the logits by (½, -½), any other by 0; the
    # mean is half of that. Curvature of H at ½: dᵀ∇²H d = -(d₁ - d₂)²/4.
    got = expected_entropy_change([0.0, 0.0], [1, 0], RLOO_2, eta=1.0)
    assert float(got.first_order) == 0
    assert float(got.drift) == pytest.approx(-0.5 * 0.25 * 0.5**2, rel=1e-14)
    assert float(got.noise) == pytest.approx(-0.5 * 0.25 * 0.25, rel=1e-14)
    assert float(got.total) == pytest.approx(-0.0625, rel=1e-14)


# --- against enumeration --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("estimator", ["rloo", "grpo", "qae", "dr_grpo", "pos_mask", "neg_mask"])
@pytest.mark.parametrize(("z", "success"), [([1.0, 0.2, -0.7], [1, 0, 1]), ([0.0, 2.0], [1, 0])])
def test_all_groups(z, success, estimator, rule):
    assert_second_order(z, success, table_of(estimator, 4), rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("success", [[1, 1, 1], [0, 0, 0], [0.3, 0.9, 0.5], [1, 0.5, 0], [0.5 + 1e-9, 0.5, 0.5]])
@pytest.mark.parametrize("estimator", ["qae", "raw"])
def test_bernoulli_arms_and_hopeless_or_trivial_prompts(success, estimator, rule):
    table = RAW[:4] if estimator == "raw" else table_of(estimator, 3)
    assert_second_order([0.4, -1.0, 0.1], success, table, rule)
    if estimator == "qae" and success in ([1, 1, 1], [0, 0, 0]):
        got = expected_entropy_change([0.4, -1.0, 0.1], success, table, eta=1.0, rule=rule)
        assert [float(got.first_order), float(got.drift), float(got.noise)] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_peaked_policies(seed):
    rng = random.Random(seed)
    for _ in range(15):
        z = rng.choice([[0.0, -30.0], [-60.0, 1.0, -20.0], [0.0, -110.0, -100.0], [0.0, 0.0, -40.0], [0.0, -650.0]])
        success = rng.choice(
            [[float(rng.random() < 0.5) for _ in z], [rng.random() for _ in z], [0.5 + 1e-9 * rng.random() for _ in z]]
        )
        for table in (table_of("dr_grpo", 2), np.array([[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(3)])):
            for rule in RULES:
                assert_second_order(z, success, table, rule, digits=800)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("estimator", ["rloo", "qae"])
@pytest.mark.parametrize("z", [[1.0, 0.2, -0.7], [0.5, 0.0]])
def test_the_remainder_is_of_third_order(z, estimator, rule):
    success, table = [1, 0, 1][: len(z)], table_of(estimator, 3)
    remainders = []
    for eta in (1e-2, 1e-3, 1e-4):
        total, drift = sampled_change(z, success, table, mp.mpf(eta), rule)
        got = expected_entropy_change(z, success, table, eta=eta, rule=rule)
        remainders.append(
            (float((total - float(got.total)) / mp.mpf(eta) ** 3), float((drift - float(got.drift)) / mp.mpf(eta) ** 3))
        )
    for column in zip(*remainders, strict=True):
        assert max(map(abs, column)) < 1
        assert column[1] == pytest.approx(column[0], rel=0.1, abs=1e-3)  # it settles: nothing of second order is left


@pytest.mark.parametrize("rule", RULES)
def test_second_order_coefficient_by_extrapolation(rule):
    z, success, table = [1.0, 0.2, -0.7], [1, 0, 1], table_of("qae", 3)
    with mp.workdps(50):
        eta = mp.mpf(10) ** -12
        both = [sampled_change(z, success, table, sign * eta, rule) for sign in (1, -1)]
        total, drift = ((up + down) / (2 * eta**2) for up, down in zip(*both, strict=True))
        slope = (both[0][0] - both[1][0]) / (2 * eta)
    got = expected_entropy_change(z, success, table, eta=1.0, rule=rule)
    assert float(got.first_order) == pytest.approx(float(slope), rel=1e-13)
    assert float(got.drift - got.first_order) == pytest.approx(float(drift), rel=1e-12)
    assert float(got.noise) == pytest.approx(float(total - drift), rel=1e-12)


def test_drift_is_what_the_mean_step_does():
    z, r, eta = np.array([0.3, 1.0, -1.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0]), 1e-5
    # With the raw reward the mean step is that of the update rules: η π (r - Σπr), or η π r.
    for rule, update in (("policy_gradient", policy_gradient_update), ("paper", paper_update)):
        delta = update(z, r, 0.0, eta=eta)
        got = expected_entropy_change(z, r, RAW, eta=eta, rule=rule)
        assert float(got.first_order) == pytest.approx(float(first_order_entropy_change(z, delta)), rel=1e-12)
        assert float(got.drift) == pytest.approx(float(entropy_change(z, delta)), rel=1e-9)


# --- properties -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-20, 20), min_size=2, max_size=6), st.sampled_from(["rloo", "qae", "grpo"]), st.data())
def test_symmetries_and_scaling(z, estimator, data):
    z = np.array(z)
    success = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(z), max_size=len(z))))
    order = data.draw(st.permutations(range(len(z))))
    table = table_of(estimator, 8)
    for rule in RULES:
        once, other, twice = (
            expected_entropy_change(a, b, table, eta=eta, rule=rule)
            for a, b, eta in ((z, success, 0.5), (z[order], success[order], 0.5), (z, success, 1.0))
        )
        for name in ("first_order", "drift", "noise"):
            a, b = float(getattr(once, name)), float(getattr(other, name))
            assert a == pytest.approx(b, rel=1e-9, abs=1e-15), name
        assert float(twice.first_order) == pytest.approx(2 * float(once.first_order), rel=1e-14)
        assert float(twice.noise) == pytest.approx(4 * float(once.noise), rel=1e-14)


def test_many_arms_and_large_groups():
    rng = np.random.default_rng(0)
    z, success = rng.normal(size=10**5), (rng.random(10**5) < 0.3).astype(float)
    table = table_of("rloo", 1000)
    got = expected_entropy_change(z, success, table, eta=0.1)
    # RLOO is unbiased: the mean step is the exact policy gradient, with size G/(G-1)·p(1-p)·(G-1)/G.
    wanted = first_order_entropy_change(z, policy_gradient_update(z, success, eta=0.1))
    size = float(covariance(z, np.abs(z), np.abs(z))) * 1e-5 * 0.1
    assert abs(float(got.first_order) - float(wanted)) < TOLERANCE * size


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: binomial(1.5, 2), ValueError, r"p must be in \[0, 1\] everywhere; got 1.5"),
        (lambda: binomial([0.1, math.nan], 2), ValueError, r"p must be in \[0, 1\] everywhere; got nan"),
        (lambda: binomial("p", 2), TypeError, "p must be an array of real numbers"),
        (lambda: binomial(0.5, True), TypeError, "trials must be an integer from 0 to 1000; got True"),
        (lambda: binomial(0.5, 1001), ValueError, "trials must be an integer from 0 to 1000; got 1001"),
        (lambda: group_moments([1, 2, 3], 0.5), ValueError, r"table must be of shape \(G \+ 1, 2\).*; got \(3,\)"),
        (lambda: group_moments([[1, 2]], 0.5), ValueError, r"table must be of shape .*; got \(1, 2\)"),
        (lambda: group_moments([[1, 2], [3, math.inf]], 0.5), ValueError, "table must be finite everywhere; got inf"),
        (lambda: group_moments(RLOO_2, -0.1), ValueError, r"p must be in \[0, 1\] everywhere; got -0.1"),
        (lambda: expected_entropy_change([0.0], [1], 3, eta=1.0), ValueError, r"table must be of shape .*; got \(\)"),
        (lambda: expected_entropy_change([0.0], [1], "rloo", eta=1.0), TypeError, "table must be an array of real"),
        (lambda: expected_entropy_change([0.0], [2], RLOO_2, eta=1.0), ValueError, r"success must be in .*; got 2.0"),
        (lambda: expected_entropy_change([0.0], [-0.5], RLOO_2, eta=1.0), ValueError, r"success must be .* got -0.5"),
        (lambda: expected_entropy_change([0.0], [1, 0], RLOO_2, eta=1.0), ValueError, r"success must be .*\(2,\)"),
        (lambda: expected_entropy_change([math.nan], [1], RLOO_2, eta=1.0), ValueError, "logits must be finite"),
        (lambda: expected_entropy_change([0.0], [1], RLOO_2, eta="x"), TypeError, "eta must be .* got 'x'"),
        (
            lambda: expected_entropy_change([0.0], [1], RLOO_2, eta=1.0, rule="natural"),
            ValueError,
            "rule must be one of 'policy_gradient', 'paper'; got 'natural'",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
