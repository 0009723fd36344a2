"""Gradient ascent by plain steps, momentum and Adam."""

from __future__ import annotations

from collections.abc import Callable

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits.study import Adam, Momentum, Optimizer


class Ascent:
    """The optimiser of all runs of a simulation, with its state."""

    def __init__(self, xp: Namespace, rule: Optimizer, eta: float) -> None:
        self._xp, self._rule, self._eta = xp, rule, eta
        self._mean: Array | float = 0.0
        self._square: Array | float = 0.0
        self._count = 0

    def step(self, gradient: Array) -> Array:
        """Take the next gradient g and return the step Δθ, both of the shape of the parameters."""
        rule = self._rule
        self._count += 1
        if isinstance(rule, Momentum):
            self._mean = rule.beta * self._mean + gradient
            return self._eta * self._mean
        if isinstance(rule, Adam):
            self._mean = rule.beta1 * self._mean + (1 - rule.beta1) * gradient
            self._square = rule.beta2 * self._square + (1 - rule.beta2) * gradient**2
            mean = self._mean / (1 - rule.beta1**self._count)
            return self._eta * mean / (self._xp.sqrt(self._square / (1 - rule.beta2**self._count)) + rule.eps)
        return self._eta * gradient


class SplitAscent:
    """An optimiser, and two more that see the gradient of positive, or of negative, advantages alone.

    Their steps serve to share the change of the entropy between the signs. Each has a state of its own: where the two
    gradients cancel, a common state of Adam would divide each of them by almost 0.
    """

    def __init__(self, xp: Namespace, rule: Optimizer, eta: float) -> None:
        self._all, self._positive, self._negative = (Ascent(xp, rule, eta) for _ in range(3))

    def step(self, gradient: Array) -> Array:
        """Take the next gradient and return the step."""
        return self._all.step(gradient)

    def shares(
        self, value: Callable[[Array], Array], theta: Array, delta: Array, positive: Array, negative: Array
    ) -> tuple[Array, Array]:
        """Share the change of a value between the two signs.

        Args:
            value: Function of the parameters.
            theta: Parameters before the step.
            delta: The step.
            positive: Gradient of positive advantages alone.
            negative: Gradient of negative advantages alone.

        Returns:
            The two shares, which add up to the whole change.
        """
        return split_change(value, theta, delta, self._positive.step(positive), self._negative.step(negative))


def split_change(
    value: Callable[[Array], Array], start: Array, both: Array, one: Array, other: Array
) -> tuple[Array, Array]:
    """Share the change of a value between two causes: each one's effect alone and after the other, averaged.

    φ₁ = ½ [v(θ + Δ₁) - v(θ)] + ½ [v(θ + Δ) - v(θ + Δ₂)], likewise φ₂; φ₁ + φ₂ = v(θ + Δ) - v(θ) (Shapley values)

    Args:
        value: v.
        start: θ.
        both: Δ, the step with both causes.
        one: Δ₁, the step with the first cause alone.
        other: Δ₂, the step with the second alone.

    Returns:
        φ₁ and φ₂.
    """
    before, after, first, second = (value(start), value(start + both), value(start + one), value(start + other))
    return ((first - before) + (after - second)) / 2, ((second - before) + (after - first)) / 2
