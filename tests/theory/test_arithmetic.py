"""Exact polynomials and rigorous intervals against what is known otherwise, and what they do when they cannot know."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, arb_poly, ctx, fmpq_poly, fmpz_poly
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.softmax import binomial
from qae_sim.theory import (
    Truth,
    Verdict,
    conclude,
    integral,
    interval,
    largest,
    prove_positive,
    real_roots,
    sign_between,
)
from qae_sim.theory.ball import Ball
from qae_sim.theory.binomial import binomial_probabilities, binomial_term
from qae_sim.theory.certified import (
    covariance,
    digits,
    entropy,
    number,
    prove_polynomial_positive,
    softmax,
    x_log_x,
)
from qae_sim.theory.claim import Evidence, Method
from qae_sim.theory.polynomials import X, rational, value_at

ROOTS = st.lists(st.fractions(-3, 3, max_denominator=12), min_size=1, max_size=6)


def with_roots(roots: list[Fraction]) -> fmpz_poly:
    product = fmpz_poly([1])
    for root in roots:
        product *= fmpz_poly([-root.numerator, root.denominator])
    return product


class TestRoots:
    @given(ROOTS)
    def test_isolates_the_known_ones(self, roots: list[Fraction]) -> None:
        found = real_roots(with_roots(roots), -2, 2)
        inside = sorted({root for root in roots if -2 < root < 2})
        assert len(found) == len(inside)
        for (low, high), root in zip(found, inside, strict=True):
            assert low < root < high or low == root == high

    @given(ROOTS, st.integers(1, 40))
    def test_width(self, roots: list[Fraction], bits: int) -> None:
        width = Fraction(1, 2**bits)
        assert all(high - low <= width for low, high in real_roots(with_roots(roots), -2, 2, width=width))

    @given(st.lists(st.integers(-9, 9), min_size=2, max_size=8).filter(lambda c: any(c[1:])))
    def test_as_many_as_numpy_finds(self, coefficients: list[int]) -> None:
        polynomial = fmpz_poly(coefficients)
        squarefree = (fmpq_poly(polynomial) / fmpq_poly(polynomial).gcd(fmpq_poly(polynomial.derivative()))).numer()
        close = np.roots([float(int(c)) for c in reversed(squarefree.coeffs())])
        real = [z.real for z in close if abs(z.imag) < 1e-7]
        if all(abs(abs(x) - 2) > 1e-6 for x in real):
            assert len(real_roots(polynomial, -2, 2)) == sum(-2 < x < 2 for x in real)

    def test_irrational_roots(self) -> None:
        ((low, high),) = real_roots(X**2 - 2, 0, 2, width=Fraction(1, 10**12))
        assert low < Fraction(math.sqrt(2)) < high

    @given(ROOTS)
    def test_sign(self, roots: list[Fraction]) -> None:
        polynomial = with_roots(roots)
        sign = sign_between(polynomial, 0, 1)
        values = [polynomial(rational(Fraction(i, 60))) for i in range(1, 60)]
        if sign is None:
            assert any(0 < root < 1 for root in roots)
        else:
            assert not any(0 < root < 1 for root in roots)
            assert all((value > 0) == (sign > 0) for value in values)

    def test_ends_do_not_count(self) -> None:
        assert sign_between(X * (1 - X), 0, 1) == 1
        assert sign_between(fmpz_poly(), 0, 1) == 0

    def test_errors(self) -> None:
        with pytest.raises(ValueError, match="low must be below high, which is 0; got '1'"):
            real_roots(X, 1, 0)
        with pytest.raises(ValueError, match="low must be below high"):
            sign_between(X, "0.5", "0.5")
        with pytest.raises(ValueError, match="polynomial must be not zero"):
            real_roots(fmpz_poly(), 0, 1)


class TestIntervals:
    @given(st.fractions(-5, 5), st.fractions(-5, 5), st.fractions(0, 1))
    def test_contain_what_is_between(self, low: Fraction, high: Fraction, share: Fraction) -> None:
        low, high = sorted((low, high))
        assert interval(low, high).contains(number(low + share * (high - low)))

    def test_swapped_ends(self) -> None:
        with pytest.raises(ValueError, match="low must be at most high, which is 0.1; got '0.2'"):
            interval("0.2", "0.1")
        with pytest.raises(ValueError, match="low must be at most high"):
            prove_positive(lambda x: x, (1, 0))
        with pytest.raises(ValueError, match="low must be at most high"):
            prove_polynomial_positive(arb_poly([1]), 1, 0)
        with pytest.raises(ValueError, match="low must be at most high"):
            largest(lambda x: x, 1, 0, tolerance=1e-3)

    def test_text_is_taken_at_its_word(self) -> None:
        assert number("0.1").contains(rational("1/10"))
        assert not number(0.1).contains(rational("1/10"))  # the float is another number

    @given(st.floats(0, 3), st.floats(0, 3))
    def test_x_log_x(self, low: float, high: float) -> None:
        low, high = sorted((low, high))
        wide = x_log_x(interval(low, high))
        for x in (low, (low + high) / 2, high):
            exact = mpmath.mpf(x) * mpmath.log(x) if x > 0 else 0
            assert wide.lower().middle - 1e-15 <= exact <= wide.upper().middle + 1e-15

    @given(st.lists(st.integers(-40, 40), min_size=1, max_size=6))
    def test_softmax_entropy_covariance(self, logits: list[int]) -> None:
        with mpmath.workdps(60):
            weights = [mpmath.exp(mpmath.mpf(z) / 4) for z in logits]
            pi = [w / mpmath.fsum(weights) for w in weights]
            h = -mpmath.fsum(p * mpmath.log(p) for p in pi)
            logs = [mpmath.log(p) for p in pi]
            mean = mpmath.fsum(p * x for p, x in zip(pi, logs, strict=True))
            cov = mpmath.fsum(p * (x - mean) * p for p, x in zip(pi, logs, strict=True))
            with ctx.workprec(128):
                ours = softmax([number(Fraction(z, 4)) for z in logits])
                pairs = [(entropy(ours), h), (covariance(ours, [p.log() for p in ours], ours), cov)]
                for rigorous, exact in pairs:
                    low, high = (mpmath.mpf(digits(end, 45)) for end in (rigorous.lower(), rigorous.upper()))
                    assert low - mpmath.mpf(10) ** -30 <= exact <= high + mpmath.mpf(10) ** -30
                    assert rigorous.radius < 1e-20

    def test_integral(self) -> None:
        assert integral(lambda x: x.exp(), 0, 1).contains(arb(1).exp() - 1)

    def test_digits_are_certain(self) -> None:
        assert digits(number("1/3"), 10) == "0.3333333333"
        assert Ball(arb(0.375)).exact_middle() == Fraction(3, 8)


class TestProofs:
    def test_what_is_true(self) -> None:
        proof = prove_positive(lambda x, y: x * x + y * y + number("0.01") - x * y, (-1, 1), (-1, 1))
        assert proof.holds is Truth.YES
        assert 0 < proof.margin <= 0.01

    @given(st.fractions(0, 1), st.fractions(Fraction(1, 1000), 1))
    def test_never_proves_what_is_false(self, root: Fraction, depth: Fraction) -> None:
        """Negative on an interval around the root."""
        proof = prove_positive(lambda x: (x - number(root)) ** 2 - number(depth) / 100, (0, 1), max_boxes=400)
        assert proof.holds is not Truth.YES
        polynomial = arb_poly([number(root * root - depth / 100).arb, number(-2 * root).arb, 1])
        assert prove_polynomial_positive(polynomial, 0, 1, max_boxes=400).holds is not Truth.YES

    @given(st.lists(st.integers(-5, 5), min_size=1, max_size=7))
    def test_polynomials_like_exact_ones(self, coefficients: list[int]) -> None:
        exact = fmpz_poly(coefficients)
        proof = prove_polynomial_positive(arb_poly(exact), 0, 1, max_boxes=200)
        positive = sign_between(exact, 0, 1) == 1 and exact(0) > 0 and exact(1) > 0
        if proof.holds is not Truth.UNDECIDED:
            assert proof.holds is Truth(positive)
        if proof.holds is Truth.NO:
            assert exact(rational(proof.point[0])) <= 0

    def test_uncertain_coefficients_decide_nothing(self) -> None:
        assert prove_polynomial_positive(arb_poly([arb(0, 1e-3)]), 0, 1, max_boxes=50).holds is Truth.UNDECIDED
        assert prove_polynomial_positive(arb_poly([arb(1, 1e-3)]), 0, 1).holds is Truth.YES

    def test_margin_is_the_smallest_bernstein_coefficient(self) -> None:
        assert prove_polynomial_positive(arb_poly([1, -1, 1]), 0, 1).margin == 0.5  # 1, 1/2, 1

    def test_counterexample_is_exact(self) -> None:
        proof = prove_positive(lambda x: x - number("0.7"), (0, 1))
        assert proof.holds is Truth.NO
        assert proof.point[0] < Fraction(7, 10)

    def test_what_touches_zero_stays_undecided(self) -> None:
        proof = prove_positive(lambda x: (x - number("1/3")) ** 2, (0, 1), max_boxes=500)
        assert proof.holds is Truth.UNDECIDED
        evidence = Evidence("f > 0", "[0, 1]", Method.INTERVALS, proof.holds)
        assert conclude(evidence).verdict is Verdict.UNDECIDED

    def test_too_little_precision_is_undecided_never_proved(self) -> None:
        def tiny(x: Ball) -> Ball:
            return (1 + x * number(Fraction(1, 2**80))) - 1 + number(Fraction(1, 2**90))

        assert prove_positive(tiny, (0, 1), precision=53, max_boxes=50).holds is Truth.UNDECIDED
        assert prove_positive(tiny, (0, 1), precision=200).holds is Truth.YES

    def test_a_point_is_a_box(self) -> None:
        assert prove_positive(lambda x: x, (1, 1)).holds is Truth.YES
        assert prove_positive(lambda x: x - 1, (1, 1)).holds is Truth.NO

    def test_errors(self) -> None:
        with pytest.raises(ValueError, match="sides must be at least one pair"):
            prove_positive(lambda: Ball(1))
        with pytest.raises(ValueError, match="max_boxes must be at least 1; got 0"):
            prove_positive(lambda x: x, (0, 1), max_boxes=0)
        with pytest.raises(ValueError, match="precision must be at least 1; got 0"):
            prove_positive(lambda x: x, (0, 1), precision=0)

    @given(st.fractions(0, 1))
    def test_largest(self, top: Fraction) -> None:
        found = largest(lambda x: 1 - (x - number(top)) ** 2, 0, 1, tolerance=1e-4)
        assert found.contains(1)
        assert found.radius < 1e-4

    def test_largest_of_a_constant(self) -> None:
        assert largest(lambda x: Ball(1), 0, 1, tolerance=1e-9).contains(1)

    def test_largest_of_what_is_known_roughly(self) -> None:
        """Values between x - 1 and x: the largest is between 0 and 1, and no tolerance makes that narrower."""
        found = largest(lambda x: (x - 1).union(x), 0, 1, tolerance=1e-9)
        assert found.contains(0)
        assert found.contains(number("0.999"))
        assert found.radius < 0.51


@pytest.mark.parametrize("trials", [1, 2, 7, 40])
@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(99, 100), Fraction(1)])
def test_the_exact_binomial_law_is_that_of_floats(trials: int, p: Fraction) -> None:
    exact = binomial_probabilities(p, trials)
    assert sum(exact) == 1
    assert [value_at(binomial_term(trials, m), p) for m in range(trials + 1)] == exact
    balls = binomial_probabilities(number(p), trials)
    assert all(ball.contains(number(x)) for ball, x in zip(balls, exact, strict=True))
    np.testing.assert_allclose(binomial(float(p), trials), [float(x) for x in exact], rtol=1e-13, atol=1e-300)
