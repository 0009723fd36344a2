"""Every public function of the room against exact arithmetic, on numbers of every size, type and array library.

An ordinary run takes a few seconds; for a long one see advantages/test_exact_rules.py.
"""

from __future__ import annotations

import inspect
import random
import sys
import time
from contextlib import nullcontext
from fractions import Fraction
from math import comb
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from entropy_cases import random_change, random_logits
from entropy_references import Reference, Sized, sampled_step, second_order
from exact_examples import examples
from hypothesis import given
from hypothesis import strategies as st
from libraries import NUMPY, STRICT, TORCH, Library
from public_calls import SOFTMAX, numbers_of

from qae_sim import softmax

#: Examples of each test in an ordinary run.
FEW = 12

#: Library, type, and how far answers may be off in units of the terms that they are sums of.
TYPES: list[tuple[Library, str, float]] = [
    (NUMPY, "float64", 1e-11),
    (STRICT, "float64", 1e-11),
    (TORCH, "float64", 1e-11),
    (TORCH, "float32", 2e-5),
]
kinds = st.tuples(
    st.sampled_from([row for row in TYPES if row[0].installed]), st.sampled_from(["", "float16", "bfloat16"])
)
seeds = st.integers(0, 2**32)


def autocast(library: Library, name: str) -> Any:
    if library != TORCH or not name:
        return nullcontext()
    import torch

    return torch.autocast("cpu", dtype=getattr(torch, name))


def held(values: list[float], dtype: str) -> list[float]:
    return [float(x) for x in np.array(values, dtype)]


def close(found: Any, expected: list[Sized], tolerance: float, dtype: str) -> None:
    got = [float(x) for part in numbers_of(found) for x in np.ravel(part)]
    assert len(got) == len(expected)
    least = 1e-305 if dtype == "float64" else 1e-37
    for g, e in zip(got, expected, strict=True):
        with mp.workdps(60):
            assert abs(mp.mpf(g) - e.value) <= tolerance * max(e.size, mp.mpf(least)), (g, e)


def logits_of(seed: int, dtype: str) -> tuple[random.Random, list[float]]:
    rng = random.Random(seed)
    arms = rng.randint(1, 5)
    if dtype == "float64":
        return rng, random_logits(rng, arms)
    return rng, held([rng.uniform(-20, 20) for _ in range(arms)], dtype)


@given(seed=seeds, kind=kinds)
@examples(FEW)
def test_policies(seed: int, kind: Any) -> None:
    """Probabilities, entropy, gradient, covariance, changes and updates of one policy."""
    (library, dtype, tolerance), rounded = kind
    rng, logits = logits_of(seed, dtype)
    z = library.array(logits, dtype)
    r = Reference(logits, digits=400)
    # Relative to their sizes, what an error of logits of this size in the type does to exponentials.
    x, y = ([rng.choice([0.0, 1.0, rng.gauss(0, 1)]) for _ in logits] for _ in range(2))
    x, y = held(x, dtype), held(y, dtype)
    eta, b = rng.choice([0.5, 2.0]), rng.choice([0.0, 0.5])
    with mp.workdps(400):
        entropy = r.entropy()
        update = [
            Sized(eta * p * (mp.mpf(v) - b), eta * p * (abs(mp.mpf(v)) + b)) for p, v in zip(r.pi, x, strict=True)
        ]
        natural = [Sized(eta * (mp.mpf(v) - b), mp.mpf(eta * (abs(v) + b))) for v in x]
        centred, size = r.centred(x), r.mean([abs(mp.mpf(v)) for v in x])
        gradient = [
            Sized(eta * p * c, eta * p * (size + abs(mp.mpf(v)))) for p, c, v in zip(r.pi, centred, x, strict=True)
        ]
        change = held(random_change(rng, logits) if dtype == "float64" else [rng.gauss(0, 1) for _ in logits], dtype)
        exact_change, first = r.change(change), r.first_order_change(change)
    with autocast(library, rounded):
        arrays = {name: library.array(values, dtype) for name, values in (("x", x), ("y", y), ("d", change))}
        close(softmax.probabilities(z), [Sized(p, p) for p in r.pi], tolerance, dtype)
        close(softmax.entropy(z), [Sized(entropy, entropy)], tolerance, dtype)
        close(softmax.entropy_gradient(z), r.gradient(), tolerance, dtype)
        close(softmax.covariance(z, arrays["x"], arrays["y"]), [r.covariance(x, y)], tolerance, dtype)
        close(softmax.entropy_bounds(z, arrays["x"], eta=eta), list(r.bounds(x, eta)), tolerance, dtype)
        close(softmax.paper_update(z, arrays["x"], b, eta=eta), update, tolerance, dtype)
        close(softmax.policy_gradient_update(z, arrays["x"], b, eta=eta), gradient, tolerance, dtype)
        close(softmax.natural_gradient_update(z, arrays["x"], b, eta=eta), natural, tolerance, dtype)
        close(softmax.first_order_entropy_change(z, arrays["d"]), [first], tolerance, dtype)
        if dtype == "float64":
            close(softmax.entropy_change(z, arrays["d"]), [exact_change], tolerance, dtype)


chances = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 1e-3, 1 - 1e-3, 1e-300, 5e-324, 1e-17, 1e-9, 1 - 2.0**-50]), st.floats(0, 1)
)


def exactly(p: float, trials: int) -> list[Fraction]:
    x = Fraction(p)
    return [comb(trials, m) * x**m * (1 - x) ** (trials - m) for m in range(trials + 1)]


def right(found: float, expected: Fraction, tolerance: float = 1e-11) -> bool:
    """Relative to the value itself, down to where floats lose digits."""
    return abs(Fraction(found) - expected) <= Fraction(tolerance) * max(expected, Fraction(2) ** -1010)


@given(p=chances, trials=st.integers(0, 40), k=st.integers(1, 50), kind=kinds)
@examples(FEW)
def test_binomials(p: float, trials: int, k: int, kind: Any) -> None:
    (library, _, _), rounded = kind
    with autocast(library, rounded):
        found = numbers_of(softmax.binomial(library.array(p, "float64"), trials))[0]
        chance = float(softmax.pass_at_k_probability(library.array(p, "float64"), k))
    assert all(right(x, e) for x, e in zip(found, exactly(p, trials), strict=True))
    assert right(chance, 1 - (1 - Fraction(p)) ** k)


@given(data=st.data(), p=chances, size=st.integers(1, 6))
@examples(FEW)
def test_moments(data: st.DataObject, p: float, size: int) -> None:
    table = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=2 * size + 2, max_size=2 * size + 2)), float)
    table = table.reshape(size + 1, 2) * data.draw(st.sampled_from([1.0, 1e-100, 1e100]))
    weight = exactly(p, size)
    s1 = [n * Fraction(table[n, 1]) for n in range(size + 1)]
    s0 = [(size - n) * Fraction(table[n, 0]) for n in range(size + 1)]

    def mean(values: list[Fraction]) -> Fraction:
        return sum((w * v for w, v in zip(weight, values, strict=True)), Fraction(0))

    def covariance(x: list[Fraction], y: list[Fraction]) -> Fraction:
        return mean([(a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True)])

    both = [a + b for a, b in zip(s1, s0, strict=True)]
    expected = {
        "mean_1": mean(s1), "mean_0": mean(s0), "var_1": covariance(s1, s1), "var_0": covariance(s0, s0),
        "cov": covariance(s1, s0), "mean_sum": mean(both), "var_sum": covariance(both, both),
        "cov_sum_1": covariance(both, s1), "cov_sum_0": covariance(both, s0),
        "squares_1": mean([n * Fraction(table[n, 1]) ** 2 for n in range(size + 1)]),
        "squares_0": mean([(size - n) * Fraction(table[n, 0]) ** 2 for n in range(size + 1)]),
    }  # fmt: skip
    found = softmax.group_moments(table, p)
    top = max([abs(x) for x in s1 + s0], default=Fraction(0))
    for name, value in expected.items():
        scale = top if name.startswith("mean") else top * top
        assert abs(Fraction(float(getattr(found, name))) - value) <= Fraction(1, 10**11) * max(
            scale, Fraction(2) ** -1000
        )


@given(seed=seeds, kind=kinds, rule=st.sampled_from(["policy_gradient", "paper"]), eta=st.sampled_from([0.5, 2.0]))
@examples(FEW, 0.1)
def test_expected_changes(seed: int, kind: Any, rule: Any, eta: float) -> None:
    """Over all groups of responses and all outcomes of their verification."""
    (library, dtype, tolerance), rounded = kind
    rng, logits = logits_of(seed, dtype)
    logits, size = logits[:3], rng.randint(1, 3)
    success = held([rng.choice([0.0, 1.0, 0.5, 1e-9, rng.random()]) for _ in logits], dtype)
    table = np.array([[rng.choice([0.0, rng.gauss(0, 1)]) for _ in range(2)] for _ in range(size + 1)], dtype)
    first, bend, noise = second_order(logits, sampled_step(logits, success, table, rule, digits=400), digits=400)
    with mp.workdps(400):
        expected = [
            Sized(eta * first.value, eta * first.size),
            Sized(eta * first.value + eta**2 * bend.value, eta * first.size + eta**2 * bend.size),
            Sized(eta**2 * noise.value, eta**2 * noise.size),
        ]
    with autocast(library, rounded):
        z, chances, rows = (library.array(values, dtype) for values in (logits, success, table))
        found = softmax.expected_entropy_change(z, chances, rows, eta=eta, rule=rule)
    close((found.first_order, found.drift, found.noise), expected, tolerance, dtype)


@given(n=st.integers(1, 60), data=st.data())
@examples(FEW)
def test_estimates_from_samples(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    found = softmax.pass_at_k_estimate(np.arange(n + 1), n, k)
    expected = [1 - Fraction(comb(n - c, k), comb(n, k)) for c in range(n + 1)]
    assert found.tolist() == [float(x) for x in expected]


def test_estimates_are_linear_in_samples() -> None:
    """Ten times the samples cost about ten times as much; and the values stay exact."""
    counts = {}
    for n in (1_000, 10_000):
        start = time.process_time()
        found = softmax.pass_at_k_estimate(np.array([0, 1, n // 2, n]), n, n // 3 + 1)
        counts[n] = time.process_time() - start
        expected = [1 - Fraction(comb(n - c, n // 3 + 1), comb(n, n // 3 + 1)) for c in (0, 1, n // 2, n)]
        assert found.tolist() == [float(x) for x in expected]
    assert counts[10_000] < 2  # seconds; what is quadratic takes 15


class TestGiven:
    """Values that were wrong."""

    def test_binomial_whose_powers_underflow(self) -> None:
        assert 3.9e-184 < softmax.binomial(1e-3, 1000)[111] < 4.2e-184
        chances = [1e-3, 0.4, 0.6, 1 - 2.0**-10]
        for row, p in zip(softmax.binomial(chances, 1000), chances, strict=True):
            with mp.workdps(60):  # fractions of so many digits take seconds
                expected = [comb(1000, m) * mp.mpf(p) ** m * (1 - mp.mpf(p)) ** (1000 - m) for m in range(1001)]
                assert all(
                    abs(mp.mpf(x) - e) <= 1e-11 * max(e, mp.mpf(2) ** -1010) for x, e in zip(row, expected, strict=True)
                )

    @pytest.mark.parametrize("complement", [0.4, 0.6, -0.5, 1.5, np.nan])
    def test_complement_is_checked(self, complement: float) -> None:
        table = np.zeros((3, 2))
        with pytest.raises(ValueError, match=r"^complement must be (1 - p|in \[0, 1\]) everywhere; got"):
            softmax.group_moments(table, 0.5, complement)
        with pytest.raises(ValueError, match=r"^complement must be of shape \(\)"):
            softmax.group_moments(table, 0.5, [0.5, 0.5])

    @pytest.mark.parametrize(
        ("call", "names"),
        [
            (lambda z, h: softmax.paper_update(z, h, eta=1e300), "eta, rewards, b"),
            (lambda z, h: softmax.policy_gradient_update(z, h, eta=1e300), "eta, rewards"),
            (lambda z, h: softmax.natural_gradient_update(z, h, eta=1e300), "eta, rewards, b"),
            (lambda z, h: softmax.natural_gradient_update(z, h, -1.7e308, eta=1.0), "eta, rewards, b"),
            (lambda z, h: softmax.entropy_bounds(z, h, eta=1e300), "rewards, eta"),
            (lambda z, h: softmax.group_moments(np.full((3, 2), 1e300), 0.5), "table"),
            (lambda z, h: softmax.expected_entropy_change(z, [1, 0], np.full((3, 2), 1e150), eta=1e300), "table, eta"),
        ],
    )
    def test_overflow_is_named(self, call: Any, names: str) -> None:
        with pytest.raises(ValueError, match=rf"^{names} must be small enough"):
            call(np.array([1.0, 0.0]), np.array([1.7e308, -1.7e308]))

    def test_what_fits_is_not_refused(self) -> None:
        huge = np.array([1.7e308, -1.7e308])
        assert np.allclose(softmax.paper_update([0.0, 0.0], huge, -huge[0], eta=0.5), [0.85e308, 0], rtol=1e-15)
        assert np.allclose(
            softmax.policy_gradient_update([0.0, 0.0], huge, eta=0.5), [0.425e308, -0.425e308], rtol=1e-15
        )


def test_every_public_function_is_compared() -> None:
    source = inspect.getsource(sys.modules[__name__])
    assert {name for name in SOFTMAX if f"softmax.{name}(" in source} == set(SOFTMAX)
