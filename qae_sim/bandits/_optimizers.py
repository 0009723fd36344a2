"""Gradient ascent by plain steps, momentum and Adam."""

from __future__ import annotations

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits.study import SGD, Adam, Optimizer


class Ascent:
    """The optimiser of all runs of a simulation, with its state.

    Given the gradient, all three rules are linear in the gradients so far (Adam's divisor taken as it is). So the
    step has an exact part due to a part of the gradients, which is followed by an average of its own.
    """

    def __init__(self, xp: Namespace, rule: Optimizer, eta: float) -> None:
        self._xp, self._rule, self._eta = xp, rule, eta
        self._mean: dict[str, Array] = {}
        self._square: Array | float = 0.0
        self._count = 0

    def step(self, gradient: Array, part: Array | None = None) -> tuple[Array, Array | None]:
        """Take the next gradient.

        Args:
            gradient: g, of the shape of the parameters.
            part: A part of it to follow, same shape; always or never given.

        Returns:
            The step Δθ, and the part of it that is due to the followed part of all gradients so far.
        """
        self._count += 1
        rule = self._rule
        if isinstance(rule, Adam):
            square = rule.beta2 * self._square + (1 - rule.beta2) * gradient**2
            self._square = square
            scale = self._xp.sqrt(square / (1 - rule.beta2**self._count)) + rule.eps
            scale = self._eta / scale / (1 - rule.beta1**self._count)
        else:
            scale = self._eta
        return (
            scale * self._averaged("all", gradient),
            None if part is None else scale * self._averaged("part", part),
        )

    def _averaged(self, name: str, gradient: Array) -> Array:
        """The rule's average of a gradient and those before it."""
        rule = self._rule
        if isinstance(rule, SGD):
            return gradient
        if isinstance(rule, Adam):
            average = rule.beta1 * self._mean.get(name, 0.0) + (1 - rule.beta1) * gradient
        else:
            average = rule.beta * self._mean.get(name, 0.0) + gradient
        self._mean[name] = average
        return average
