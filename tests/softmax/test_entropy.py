from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from entropy_cases import CROWDS, POLICIES, random_logits, spread
from entropy_references import SMALLEST_NORMAL, TOLERANCE, Reference, Sized
from hypothesis import given, settings
from hypothesis import strategies as st

from qae_sim.softmax import (
    UPDATE_RULES,
    binomial,
    covariance,
    entropy,
    entropy_gradient,
    natural_gradient_update,
    paper_update,
    pass_at_k_estimate,
    pass_at_k_probability,
    policy_gradient_update,
    probabilities,
)

NO_DEADLINE = settings(deadline=None, max_examples=60)
logits_lists = st.lists(st.floats(-50, 50), min_size=2, max_size=8)


def exact(value):
    """Measure errors against the value itself."""
    return Sized(value, abs(value))


# --- by hand --------------------------------------------------------------------------------------------------------


def test_uniform_policy():
    assert probabilities([4.0, 4.0, 4.0, 4.0]).tolist() == [0.25] * 4
    assert float(entropy([0.0] * 8)) == pytest.approx(math.log(8), rel=1e-15)
    assert entropy_gradient([1.0, 1.0, 1.0]).tolist() == [0, 0, 0]


def test_three_to_one():
    z = [math.log(3), 0.0]
    np.testing.assert_allclose(probabilities(z), [0.75, 0.25], rtol=1e-15)
    assert float(entropy(z)) == pytest.approx(2 * math.log(2) - 0.75 * math.log(3), rel=1e-15)
    # -π (log π + H) = -(3/4)(1/4) log 3 for the first arm.
    np.testing.assert_allclose(entropy_gradient(z), [-3 / 16 * math.log(3), 3 / 16 * math.log(3)], rtol=1e-15)
    # Means 3/4 and 1/2; deviations (1/4, -3/4) and (1/2, -3/2).
    assert float(covariance(z, [1, 0], [1, -1])) == pytest.approx(0.375, rel=1e-15)


def test_update_rules_by_hand():
    z = [math.log(3), 0.0]
    np.testing.assert_allclose(paper_update(z, [1, 0], 0.5, eta=2.0), [0.75, -0.25], rtol=1e-15)
    np.testing.assert_allclose(policy_gradient_update(z, [1, 0], 0.5, eta=2.0), [0.375, -0.375], rtol=1e-15)
    np.testing.assert_allclose(natural_gradient_update(z, [1, 0], 0.25, eta=2.0), [1.5, -0.5], rtol=1e-15)
    assert UPDATE_RULES["paper"] is paper_update
    assert UPDATE_RULES["policy_gradient"] is policy_gradient_update
    assert UPDATE_RULES["natural_gradient"] is natural_gradient_update
    assert len(UPDATE_RULES) == 3


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_baseline_per_policy(name):
    z, r, b = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]]), [1.0, 0.0], np.array([0.0, 0.5, 1.0])
    rows = [UPDATE_RULES[name](row, r, level, eta=0.3) for row, level in zip(z, b, strict=True)]
    np.testing.assert_array_equal(UPDATE_RULES[name](z, r, b, eta=0.3), rows)


def test_batches_are_policies_side_by_side():
    z = np.random.default_rng(0).normal(size=(2, 3, 5)) * 30
    assert entropy(z).shape == (2, 3)
    np.testing.assert_array_equal(entropy(z)[1, 2], entropy(z[1, 2]))
    np.testing.assert_array_equal(entropy_gradient(z)[0, 1], entropy_gradient(z[0, 1]))
    np.testing.assert_array_equal(covariance(z, z, np.arange(5.0))[1, 0], covariance(z[1, 0], z[1, 0], np.arange(5.0)))


# --- against the references -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_named_policies(name):
    z = POLICIES[name]
    reference = Reference(z)
    h = reference.entropy()
    assert exact(h).error(float(entropy(z))) < TOLERANCE
    for got, value in zip(probabilities(z), reference.pi, strict=True):
        assert exact(value).error(got) < TOLERANCE
    for got, component in zip(entropy_gradient(z), reference.gradient(), strict=True):
        assert component.error(got) < TOLERANCE
    x, y = [float(a % 3) for a in range(len(z))], [1e4 + a for a in range(len(z))]
    for left, right in ((x, y), (z, y), (z, z)):
        assert reference.covariance(left, right).error(float(covariance(z, left, right))) < TOLERANCE


def test_entropy_down_to_the_smallest_normal_number():
    gaps = [*np.linspace(1.0, 714.0, 150), 714.9]
    assert float(entropy([0.0, -gaps[-1]])) < 2 * SMALLEST_NORMAL
    for gap in gaps:
        assert exact(Reference([0.0, -gap]).entropy()).error(float(entropy([0.0, -gap]))) < TOLERANCE


@pytest.mark.parametrize("seed", range(4))
def test_random_policies(seed):
    rng = random.Random(seed)
    for _ in range(100):
        z = random_logits(rng, rng.choice([2, 3, 17]))
        reference = Reference(z)
        assert exact(reference.entropy()).error(float(entropy(z))) < TOLERANCE, z
        x = [rng.gauss(0, 10.0 ** rng.choice([-5, 0, 3])) for _ in z]
        y = [rng.gauss(0, 1) + rng.choice([0, 1e4]) for _ in z]
        assert reference.covariance(x, y).error(float(covariance(z, x, y))) < TOLERANCE, (z, x, y)
        for got, component in zip(entropy_gradient(z), reference.gradient(), strict=True):
            assert component.error(got) < TOLERANCE, z


@pytest.mark.parametrize("name", CROWDS)
def test_crowds(name):
    values, counts, x = CROWDS[name]
    z, column = spread(counts, values, x)
    reference = Reference(values, counts)
    assert exact(reference.entropy()).error(float(entropy(z))) < TOLERANCE
    assert reference.covariance(values, x).error(float(covariance(z, z, column))) < TOLERANCE
    got = entropy_gradient(z)
    for kind, component in zip(values, reference.gradient(), strict=True):
        assert component.error(float(got[z == kind][0])) < TOLERANCE


def test_a_thousand_different_arms():
    rng = np.random.default_rng(1)
    for scale in (1e-9, 1.0, 100.0, 1e4):
        z, x = rng.normal(size=1000) * scale, rng.normal(size=1000)
        reference = Reference(z.tolist(), digits=60)
        assert exact(reference.entropy()).error(float(entropy(z))) < TOLERANCE
        assert reference.covariance(x.tolist(), z.tolist()).error(float(covariance(z, x, z))) < TOLERANCE


@pytest.mark.slow
def test_a_million_different_arms():
    flint = pytest.importorskip("flint")  # intervals of 200 bits: a fifth of what mpmath takes for as many numbers
    rng = np.random.default_rng(2)
    z, x = rng.normal(size=10**6) * 3, rng.normal(size=10**6)
    with flint.ctx.workprec(200):
        total = sum_z = sum_x = sum_zx = flint.arb(0)
        for a, b in zip(map(flint.arb, z.tolist()), map(flint.arb, x.tolist()), strict=True):
            weight = a.exp()
            total, sum_z, sum_x = total + weight, sum_z + weight * a, sum_x + weight * b
            sum_zx += weight * a * b
        wanted = [total.log() - sum_z / total, sum_zx / total - sum_z * sum_x / total**2]
    assert all(float(interval.rad()) < 1e-40 for interval in wanted)
    wanted_entropy, wanted_covariance = (float(interval.mid()) for interval in wanted)
    assert abs(float(entropy(z)) - wanted_entropy) < TOLERANCE * wanted_entropy
    mean_z, mean_x = (float((part / total).mid()) for part in (sum_z, sum_x))
    size = np.sum(probabilities(z) * np.abs(z - mean_z) * np.abs(x - mean_x))
    assert abs(float(covariance(z, z, x)) - wanted_covariance) < TOLERANCE * size


def test_logits_at_the_ends_of_the_floating_range():
    assert float(entropy([1e308, -1e308])) == 0
    assert probabilities([-1.7e308, 1.7e308]).tolist() == [0, 1]
    assert probabilities([1.7e308, 1.0e308, 1.7e308]).tolist() == [0.5, 0, 0.5]
    assert float(entropy([5e-324, 0.0])) == pytest.approx(math.log(2), rel=1e-15)


# --- properties -----------------------------------------------------------------------------------------------------


@NO_DEADLINE
@given(logits_lists, st.sampled_from([1.0, -17.0, 4096.0]))
def test_a_shift_of_all_logits_changes_nothing(z, shift):
    z = [round(x * 2**20) / 2**20 for x in z]  # so that the shift is exact
    np.testing.assert_array_equal(entropy([x + shift for x in z]), entropy(z))
    np.testing.assert_array_equal(probabilities([x + shift for x in z]), probabilities(z))


@NO_DEADLINE
@given(st.data())
def test_arms_have_no_order(data):
    z = np.array(data.draw(logits_lists))
    order = data.draw(st.permutations(range(len(z))))
    np.testing.assert_allclose(entropy(z[order]), entropy(z), rtol=1e-13)
    np.testing.assert_allclose(entropy_gradient(z[order]), entropy_gradient(z)[order], rtol=1e-11, atol=1e-16)
    r = np.arange(len(z)) % 2
    for rule in UPDATE_RULES.values():
        got, wanted = rule(z[order], r[order], 0.3, eta=1.0), rule(z, r, 0.3, eta=1.0)[order]
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-16)


@NO_DEADLINE
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=9))
def test_entropy_lies_between_0_and_log_of_the_number_of_arms(z):
    assert 0 <= float(entropy(z)) <= math.log(len(z)) * (1 + 1e-15)
    assert float(np.sum(probabilities(z))) == pytest.approx(1, rel=1e-14)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-8, 8), min_size=2, max_size=5))
def test_gradient_sums_to_0_and_is_the_derivative(z):
    gradient = entropy_gradient(z)
    assert abs(float(np.sum(gradient))) < 1e-15
    with mp.workdps(60):
        step = mp.mpf(10) ** -20
        for a, got in enumerate(gradient):
            up, down = ([x + sign * step * (b == a) for b, x in enumerate(map(mp.mpf, z))] for sign in (1, -1))
            difference = (Reference(up, digits=60).entropy() - Reference(down, digits=60).entropy()) / (2 * step)
            assert abs(difference - float(got)) < 1e-14


@NO_DEADLINE
@given(logits_lists, st.floats(-2, 2), st.floats(-2, 2))
def test_what_the_baseline_does_to_each_rule(z, b, c):
    r = [float(a % 2) for a in range(len(z))]
    same = [policy_gradient_update(z, r, level, eta=0.5) for level in (b, c)]
    np.testing.assert_array_equal(same[0], same[1])
    assert abs(float(np.sum(same[0]))) < 1e-15
    moved = [probabilities(np.array(z) + natural_gradient_update(z, r, level, eta=0.5)) for level in (b, c)]
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-12)
    # The paper's update does depend on it, by η π (c - b).
    difference = paper_update(z, r, b, eta=0.5) - paper_update(z, r, c, eta=0.5)
    np.testing.assert_allclose(difference, 0.5 * (c - b) * probabilities(z), rtol=1e-12, atol=1e-15)


# --- pass@k ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "k"), [(1, 1), (5, 1), (5, 3), (5, 5), (40, 7), (200, 100), (1000, 8)])
def test_pass_at_k_is_the_correctly_rounded_fraction(samples, k):
    successes = np.arange(samples + 1)
    wanted = [
        float(1 - Fraction(math.comb(samples - c, k), math.comb(samples, k)))  # rounds once
        for c in range(samples + 1)
    ]
    assert pass_at_k_estimate(successes, samples, k).tolist() == wanted
    assert all(a <= b for a, b in pairwise(wanted))


def test_pass_at_k_is_unbiased():
    p, n, k = Fraction(3, 10), 9, 4
    chance = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    mean = sum(float(q) * x for q, x in zip(chance, pass_at_k_estimate(range(n + 1), n, k).tolist(), strict=True))
    assert mean == pytest.approx(float(1 - (1 - p) ** k), rel=1e-14)


def test_pass_at_k_of_a_known_rate_is_that_of_all_groups():
    """One of k responses is correct unless none is."""
    for k in (1, 2, 5, 16):
        for p in (0.0, 0.1, 0.5, 1.0):
            assert float(pass_at_k_probability(p, k)) == pytest.approx(1 - float(binomial(p, k)[0]), abs=1e-15)
    assert pass_at_k_probability([[0.0, 0.5], [0.25, 1.0]], 2).tolist() == [[0, 0.75], [0.4375, 1]]
    assert pass_at_k_probability(np.float32(0.5), 1).dtype == np.float32


def test_pass_at_k_by_hand():
    assert pass_at_k_estimate([[0, 1], [2, 4]], 4, 2).tolist() == [[0, 0.5], [5 / 6, 1]]
    assert float(pass_at_k_estimate(1, 4, 1)) == 0.25
    assert float(pass_at_k_estimate(np.int8(1), 1000, 3)) == 0.003


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: entropy([1.0, math.nan]), ValueError, r"logits must be finite everywhere; got nan at index \(1,\)"),
        (lambda: probabilities([math.inf, 0]), ValueError, r"logits must be finite .* got inf at index \(0,\)"),
        (lambda: entropy(1.0), ValueError, r"logits must be of shape .* A >= 1 arms; got \(\)"),
        (lambda: entropy(np.zeros((3, 0))), ValueError, r"logits must be of shape .*; got \(3, 0\)"),
        (lambda: entropy("abc"), TypeError, "logits must be an array of real numbers or booleans; got '<U3'"),
        (lambda: entropy([1j, 0]), TypeError, "logits must be an array of real numbers or booleans; got 'complex128'"),
        (lambda: entropy([[1.0], [1.0, 2.0]]), ValueError, "logits must be .* nested sequences of equal lengths"),
        (lambda: covariance([0.0, 1.0], [1.0, 2.0, 3.0], 1.0), ValueError, r"x must be of shape \(2,\).*got \(3,\)"),
        (lambda: covariance([0.0, 1.0], [1.0, 2.0], [[1.0]]), ValueError, r"y must be of shape \(2,\).*got \(1, 1\)"),
        (lambda: covariance([0.0, 1.0], ["a", "b"], 1.0), TypeError, "x must be an array of real numbers"),
        (lambda: paper_update([0.0, 1.0], [math.nan, 0.0], eta=1.0), ValueError, "rewards must be finite .* nan"),
        (lambda: paper_update([0.0, 1.0], [1, 0, 0], eta=1.0), ValueError, r"rewards must be of shape \(2,\).*\(3,\)"),
        (lambda: paper_update([0.0, 1.0], [1, 0], "b", eta=1.0), TypeError, "b must be an array of real numbers"),
        (lambda: paper_update([0.0, 1.0], [1, 0], math.inf, eta=1.0), ValueError, "b must be finite .* got inf"),
        (
            lambda: policy_gradient_update(np.zeros((3, 2)), [1, 0], [0.1, 0.2], eta=1.0),
            ValueError,
            r"b must be of shape \(3,\) \(one baseline per policy, or a number\); got \(2,\)",
        ),
        (lambda: natural_gradient_update([0.0], [1], eta="1"), ValueError, "eta must be a finite number .* got '1'"),
        (lambda: natural_gradient_update([0.0], [1], eta=math.nan), ValueError, "eta must be a finite .* got nan"),
        (lambda: natural_gradient_update([0.0], [1], eta=[1, 2]), TypeError, "eta must be one real number; got"),
        (lambda: pass_at_k_probability("p", 2), TypeError, "p must be an array of real numbers"),
        (lambda: pass_at_k_probability(0.5, 0), ValueError, "k must be an integer of at least 1; got 0"),
        (lambda: pass_at_k_estimate([True], 4, 2), TypeError, "successes must be an array of integers; got 'bool'"),
        (lambda: pass_at_k_estimate([1.0], 4, 2), TypeError, "successes must be an array of integers; got 'float64'"),
        (lambda: pass_at_k_estimate([1, 5], 4, 2), ValueError, "successes must be from 0 to samples = 4; got 5"),
        (lambda: pass_at_k_estimate(-1, 4, 2), ValueError, "successes must be from 0 to samples = 4; got -1"),
        (lambda: pass_at_k_estimate([1], True, 1), TypeError, "samples must be an integer of at least 1; got True"),
        (lambda: pass_at_k_estimate([1], 0, 1), ValueError, "samples must be an integer of at least 1; got 0"),
        (lambda: pass_at_k_estimate([1], 4, 5), ValueError, "k must be an integer from 1 to 4; got 5"),
        (lambda: pass_at_k_estimate([1], 4, "2"), TypeError, "k must be an integer from 1 to 4; got '2'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
