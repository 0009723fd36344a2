from __future__ import annotations

import math
import random
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from entropy_cases import CHANGES, CROWDS, POLICIES, random_change, random_logits, spread
from entropy_references import TOLERANCE, Reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qae_sim.softmax import (
    covariance,
    entropy,
    entropy_bounds,
    entropy_change,
    entropy_gradient,
    first_order_entropy_change,
    natural_gradient_update,
    paper_update,
    policy_gradient_update,
    probabilities,
)

NO_DEADLINE = settings(deadline=None, max_examples=60)
logits_lists = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


def assert_bounds(z, rewards, reference, arms_rewards):
    """Compare the three bounds of one policy with their references."""
    bounds = entropy_bounds(z, rewards, eta=0.3)
    for name, side in zip(("lower", "upper", "width"), reference.bounds(arms_rewards, 0.3), strict=True):
        assert side.error(float(getattr(bounds, name))) < TOLERANCE, (name, z, arms_rewards)


# --- by hand --------------------------------------------------------------------------------------------------------


def test_entropy_change_by_hand():
    ln2, ln3 = math.log(2), math.log(3)
    # From (3/4, 1/4) to (1/2, 1/2) and back.
    assert float(entropy_change([ln3, 0.0], [-ln3, 0.0])) == pytest.approx(0.75 * ln3 - ln2, rel=1e-14)
    assert float(entropy_change([0.0, 0.0], [ln3, 0.0])) == pytest.approx(ln2 - 0.75 * ln3, rel=1e-14)
    # -(3/16) log 3 per unit of the first logit.
    assert float(first_order_entropy_change([ln3, 0.0], [0.5, 0.0])) == pytest.approx(-3 / 32 * ln3, rel=1e-14)


def test_bounds_by_hand():
    # π = (3/4, 1/4), log π + H = (1/4, -3/4) log 3. π r = (3/4, 0): Cov = (3/16) log 3 · 3/4; C = (3/16) log 3 · 1/2.
    bounds = entropy_bounds([math.log(3), 0.0], [1, 0], eta=2.0)
    unit = 3 / 16 * math.log(3)
    assert float(bounds.lower) == pytest.approx(-2 * unit * 0.75, rel=1e-14)
    assert float(bounds.upper) == pytest.approx(-2 * unit * 0.25, rel=1e-14)
    assert float(bounds.width) == pytest.approx(2 * unit * 0.5, rel=1e-14)


def test_uniform_policies_have_no_first_order():
    z = np.full((3, 1000), 7.25)
    delta = np.random.default_rng(0).normal(size=1000)
    assert first_order_entropy_change(z, delta).tolist() == [0, 0, 0]
    bounds = entropy_bounds(z, delta > 0, eta=1.0)
    for side in (bounds.lower, bounds.upper, bounds.width):
        assert side.tolist() == [0, 0, 0]


@pytest.mark.parametrize("common", [1e-300, 0.1, -333.3, 1e4, 1e300])
@pytest.mark.parametrize("name", POLICIES)
def test_a_change_common_to_all_arms_changes_nothing(name, common):
    z = POLICIES[name]
    assert float(entropy_change(z, [common] * len(z))) == 0
    assert float(first_order_entropy_change(z, common)) == 0


# --- against the references -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", POLICIES)
def test_named_policies(name, change):
    z, rng = POLICIES[name], random.Random(f"{name} {change}")
    reference = Reference(z)
    every = [rng.gauss(0, 1) * CHANGES[change] for _ in z]
    last, first = [0.0] * len(z), [0.0] * len(z)
    last[-1], first[0] = CHANGES[change], -CHANGES[change]
    for delta in (every, last, first):
        assert reference.change(delta).error(float(entropy_change(z, delta))) < TOLERANCE, delta
        got = float(first_order_entropy_change(z, delta))
        assert reference.first_order_change(delta).error(got) < TOLERANCE, delta


@pytest.mark.parametrize("name", POLICIES)
def test_bounds_of_named_policies(name):
    z = POLICIES[name]
    reference = Reference(z)
    for rewards in ([1.0] * len(z), [float(a % 2) for a in range(len(z))], [float(a == 0) for a in range(len(z))]):
        assert_bounds(z, rewards, reference, rewards)
        assert_bounds(z, [1 - r for r in rewards], reference, [1 - r for r in rewards])


@pytest.mark.parametrize("seed", range(6))
def test_random_policies(seed):
    rng = random.Random(100 + seed)
    for _ in range(120):
        z = random_logits(rng, rng.choice([2, 3, 5, 17]))
        delta = random_change(rng, z)
        reference = Reference(z)
        assert reference.change(delta).error(float(entropy_change(z, delta))) < TOLERANCE, (z, delta)
        got = float(first_order_entropy_change(z, delta))
        assert reference.first_order_change(delta).error(got) < TOLERANCE, (z, delta)
        rewards = rng.choice([[float(rng.random() < 0.5) for _ in z], [rng.random() for _ in z]])
        assert_bounds(z, rewards, reference, rewards)


@pytest.mark.parametrize("name", CROWDS)
def test_crowds(name):
    values, counts, change = CROWDS[name]
    rewards = [float(kind % 2) for kind in range(len(values))]
    z, delta, r = spread(counts, values, change, rewards)
    reference = Reference(values, counts)
    assert reference.change(change).error(float(entropy_change(z, delta))) < TOLERANCE
    assert reference.first_order_change(change).error(float(first_order_entropy_change(z, delta))) < TOLERANCE
    assert_bounds(z, r, reference, rewards)


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e-6, 1.0])
def test_a_million_arms_of_two_hundred_kinds(size):
    rng = np.random.default_rng(3)
    values, change = rng.normal(size=200) * 4, rng.normal(size=200) * size
    counts = [5000] * 200
    z, delta = spread(counts, values, change)
    reference = Reference(values.tolist(), counts, digits=400)
    assert reference.change(change.tolist()).error(float(entropy_change(z, delta))) < TOLERANCE


def test_a_thousand_different_arms():
    rng = np.random.default_rng(4)
    for scale, size in ((1e-9, 1e-9), (3.0, 1e-20), (3.0, 2.0), (100.0, 100.0)):
        z, delta = rng.normal(size=1000) * scale, rng.normal(size=1000) * size
        reference = Reference(z.tolist(), digits=120)
        assert reference.change(delta.tolist()).error(float(entropy_change(z, delta))) < TOLERANCE
        rewards = (rng.random(1000) < 0.3).astype(float)
        assert_bounds(z, rewards, reference, rewards.tolist())


@pytest.mark.parametrize(
    ("z", "delta"),
    [
        ([0.0, -790.0], [0.0, 800.0]),  # from nowhere to the top
        ([0.0, -790.0], [0.0, 790.0]),
        ([0.0, -790.0, 0.0], [0.0, 760.0, 0.0]),
        ([0.0, -1e4], [0.0, 1e4 - 20]),
        ([0.1234, -9999.77, -3.3], [0.0, 9990.123, 0.7]),
        ([0.1234, -999999.77], [0.0, 999999.123]),
        ([0.1234, -99999999.77], [0.0, 99999997.123]),
        ([0.0, -650.0], [0.0, 1e-20]),  # tiny against an entropy that is itself tiny
        ([0.0, -700.0, -701.0], [0.0, 1e-9, -1e-9]),
        ([0.0, 0.0], [1e4, -1e4]),
        ([0.0, -1e-5, -11.5], [0.0, 0.0, -1e6]),  # all but a rare arm keep their ratios
        ([0.5, 0.3, 0.2], [-1e4, 0.0, 0.0]),  # the largest arm vanishes
        ([0.0, -100.0, -100.5], [-200.0, 1.0, 0.5]),
        ([1e-9, 0.0, 0.0], [1e4, 1e4 + 1e-9, 1e4]),
        ([0.0, -30.0], [-30.0, 0.0]),  # the two change places, H' = H
        ([2.0, 1.0, 0.0], [-2.0, 0.0, 2.0]),
        ([0.0, 1.0, 9000.0], [1e300, 1e300, 1e300 * (1 - 1e-15)]),
    ],
)
def test_delicate_changes(z, delta):
    assert Reference(z).change(delta).error(float(entropy_change(z, delta))) < TOLERANCE


def test_a_change_is_not_the_difference_of_two_entropies():
    z, delta = np.array([2.0, 1.0, 0.0]), np.array([1e-20, 0.0, 0.0])
    assert float(entropy(z + delta) - entropy(z)) == 0
    assert float(entropy_change(z, delta)) == pytest.approx(float(entropy_gradient(z)[0]) * 1e-20, rel=1e-13)


# --- properties -----------------------------------------------------------------------------------------------------


@NO_DEADLINE
@given(st.data())
def test_two_changes_in_a_row(data):
    z = np.array(data.draw(logits_lists))
    steps = st.lists(st.integers(-(2**20), 2**20), min_size=len(z), max_size=len(z))
    z = np.round(z * 2**20) / 2**20
    first, second = (np.array(data.draw(steps)) / 2**17 for _ in range(2))  # sums are exact
    there = float(entropy_change(z, first))
    onwards = float(entropy_change(z + first, second))
    assert float(entropy_change(z, first + second)) == pytest.approx(there + onwards, rel=1e-11, abs=1e-13)
    assert float(entropy_change(z + first, -first)) == pytest.approx(-there, rel=1e-11, abs=1e-13)
    assert there == pytest.approx(float(entropy(z + first) - entropy(z)), rel=1e-11, abs=1e-13)


@NO_DEADLINE
@given(logits_lists, st.sampled_from([1e-4, 1e-7, 1e-30, 1e-200]))
def test_small_changes_are_of_first_order(z, size):
    z, unit = np.array(z), np.array([math.sin(a + 1) for a in range(len(z))])
    exact, linear = float(entropy_change(z, size * unit)), float(first_order_entropy_change(z, size * unit))
    pi = probabilities(z)
    surprise, step = np.abs(z - np.sum(pi * z)), np.abs(unit - np.sum(pi * unit))
    # ½ Σ π (1 + log π + H)(d - Σπd)² is the next term; a little more than it, and rounding of the first.
    bound = size**2 * float(np.sum(pi * (1 + surprise) * step**2)) + 1e-13 * size * float(np.sum(pi * surprise * step))
    assert abs(exact - linear) <= bound


@NO_DEADLINE
@given(st.data())
def test_shift_and_order_change_nothing(data):
    z = np.array(data.draw(logits_lists))
    order = data.draw(st.permutations(range(len(z))))
    delta = np.linspace(-1, 2, len(z)) * data.draw(st.sampled_from([1e-12, 1.0, 40.0]))
    r = np.arange(len(z)) % 2
    scale = float(np.max(np.abs(delta)))
    for function in (entropy_change, first_order_entropy_change):
        got = float(function(z, delta))
        assert float(function(z[order], delta[order])) == pytest.approx(got, rel=1e-10, abs=1e-14 * scale)
        assert float(function(z, delta + 0.0)) == got
    sides = (entropy_bounds(z[order], r[order], eta=1.0), entropy_bounds(z, r, eta=1.0))
    for name in ("lower", "upper", "width"):
        a, b = (float(getattr(side, name)) for side in sides)
        assert a == pytest.approx(b, rel=1e-10, abs=1e-15)


@NO_DEADLINE
@given(st.data())
def test_proposition_4_2(data):
    z = data.draw(logits_lists)
    r = data.draw(st.lists(st.floats(0, 1), min_size=len(z), max_size=len(z)))
    eta = data.draw(st.sampled_from([0.0, 1e-9, 0.1, 1.0, 3.0]))
    bounds = entropy_bounds(z, r, eta=eta)
    lower, upper, width = (float(x) for x in (bounds.lower, bounds.upper, bounds.width))
    slack = 1e-15 * eta
    assert width >= 0  # C = Cov(log π, π)
    assert abs(upper - lower - width) <= 1e-13 * (abs(upper) + abs(lower)) + slack
    changes = [
        float(first_order_entropy_change(z, paper_update(z, r, b, eta=eta))) for b in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert changes[0] == pytest.approx(lower, rel=1e-10, abs=slack)
    assert changes[-1] == pytest.approx(upper, rel=1e-10, abs=slack)
    assert all(a <= b + slack for a, b in pairwise(changes))
    # Under the exact gradient the two sides coincide, and under the natural gradient too.
    for rule in (policy_gradient_update, natural_gradient_update):
        sides = [float(first_order_entropy_change(z, rule(z, r, b, eta=eta))) for b in (0.0, 1.0)]
        assert sides[0] == pytest.approx(sides[1], rel=1e-10, abs=10 * slack)


def test_width_is_0_for_uniform_policies_only():
    assert float(entropy_bounds([1.0] * 5, [1, 0, 0, 1, 1], eta=1.0).width) == 0
    for gap in (1e-12, 1e-3, 1.0, 30.0, 700.0):
        assert float(entropy_bounds([0.0, -gap], [1, 0], eta=1.0).width) > 0
    # Second order in the gap d near the uniform policy: Cov(log π, π) = Var(d·s)/2 with s = ±1/2.
    assert float(entropy_bounds([1e-9, 0.0], [1, 0], eta=1.0).width) == pytest.approx(1e-18 / 8, rel=1e-8)


@NO_DEADLINE
@given(logits_lists)
def test_sign_of_the_first_order_change(z):
    assume(max(z) - min(z) > 1e-3)
    # Raising logits in proportion to log π sharpens the policy, and the reverse flattens it.
    assert float(first_order_entropy_change(z, z)) < 0 < float(first_order_entropy_change(z, [-x for x in z]))
    assert float(first_order_entropy_change(z, z)) == pytest.approx(-float(covariance(z, z, z)), rel=1e-12)
    gradient = entropy_gradient(z)
    assert float(first_order_entropy_change(z, gradient)) > 0


def test_the_finite_step_may_break_the_order_in_b():
    # Two arms, the correct one with probability .49: after a step of η = .1 the order of b = 0 and 1 is reversed.
    for p, rises in ((0.49, False), (0.51, True)):
        z = [math.log(p / (1 - p)), 0.0]
        assert float(probabilities(z)[0]) == pytest.approx(p)
        change = [float(entropy_change(z, paper_update(z, [1, 0], b, eta=0.1))) for b in (0.0, 1.0)]
        assert (change[1] > change[0]) == rises


def test_gradient_of_the_change():
    z, delta = [0.4, -1.0, 2.0], [0.3, 0.1, -0.7]
    with mp.workdps(50):
        reference = Reference(z, digits=50)
        step = mp.mpf(10) ** -15
        slope = reference.change([step * d for d in delta]).value / step
        assert float(first_order_entropy_change(z, delta)) == pytest.approx(float(slope), rel=1e-13)


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: entropy_change([0.0, math.inf], [0.0, 0.0]), ValueError, "logits must be finite .* got inf"),
        (lambda: entropy_change([0.0, 1.0], [0.0, math.nan]), ValueError, r"delta must be finite .* nan at index \(1,"),
        (lambda: entropy_change([0.0, 1.0], [1, 2, 3]), ValueError, r"delta must be of shape \(2,\).*got \(3,\)"),
        (lambda: entropy_change([0.0, 1.0], [[1, 2]]), ValueError, r"delta must be of shape \(2,\).*got \(1, 2\)"),
        (lambda: entropy_change([0.0, 1.0], "up"), TypeError, "delta must be an array of real numbers .* got '<U2'"),
        (lambda: first_order_entropy_change([0.0, 1.0], [[1], [2]]), ValueError, r"delta must be .* got \(2, 1\)"),
        (lambda: first_order_entropy_change([0.0, 1.0], [None, 1]), TypeError, "delta must be .* got 'object'"),
        (lambda: entropy_bounds([0.0, 1.0], [1, 0], eta=-1), ValueError, r"eta must be .* \[0.0, inf\); got -1"),
        (lambda: entropy_bounds([0.0, 1.0], [1, 0], eta="1"), ValueError, "eta must be .* got '1'"),
        (lambda: entropy_bounds([0.0, 1.0], [1, 0, 1], eta=1), ValueError, r"rewards must be of shape \(2,\).*\(3,\)"),
        (lambda: entropy_bounds([0.0, 1.0], [1, math.nan], eta=1), ValueError, "rewards must be finite .* nan"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
