"""Polynomial identities of softmax policies: entropy and covariances in a ring where log π is a variable of its own.

Moments of a policy with logits z, changed along d, form a ring of their own: with M_ij = E_π[z^i d^j] the derivative
along d is D M_ij = i·M_{i-1,j+1} + M_{i,j+1} - M_ij·M_01, and that of the log-partition function is M_01. Identities
in this ring hold for every number of arms.
"""

from __future__ import annotations

from typing import Any

from qae_sim.theory.arithmetic import Ordering, fmpq_mpoly_ctx


class Moments:
    """The ring of moments M_ij = E[z^i d^j], i <= 2 and j <= 3, with the log-partition function l."""

    def __init__(self) -> None:
        names = ["l", *(f"m{i}{j}" for i in range(3) for j in range(4) if (i, j) != (0, 0))]
        self.context = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.generators = dict(zip(names, self.context.gens(), strict=True))

    def __call__(self, i: int, j: int) -> Any:
        """M_ij."""
        return self.generators[f"m{i}{j}"] if (i, j) != (0, 0) else self.context.constant(1)

    @property
    def log_partition(self) -> Any:
        """The log-partition function."""
        return self.generators["l"]

    def along(self, polynomial: Any, tilt: int = 1) -> Any:
        """Derivative along d; ``tilt`` 0 leaves out that the policy itself changes."""
        # The chain rule over all generators. E[z^i d^j] changes because z does, z' = d, which gives i·M_{i-1,j+1}, and
        # because the policy does, π' = π(d - M_01), which gives M_{i,j+1} - M_ij·M_01.
        total = polynomial.derivative("l") * self(0, 1)
        for i in range(3):
            for j in range(4):
                if (i, j) == (0, 0) or polynomial.derivative(f"m{i}{j}").is_zero():
                    continue
                change = i * self(i - 1, j + 1) if i else self.context.constant(0)
                change += tilt * (self(i, j + 1) - self(i, j) * self(0, 1))
                total += polynomial.derivative(f"m{i}{j}") * change
        return total


def pair_sum(pi: list[Any], logs: list[Any]) -> Any:
    """Σ over pairs of π_a π_c (log π_a - log π_c)(π_a - π_c)."""
    total = 0 * pi[0]
    for a in range(len(pi)):
        for c in range(a):
            total += pi[a] * pi[c] * (logs[a] - logs[c]) * (pi[a] - pi[c])
    return total


def simplex(arms: int, *more: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Probabilities that add up to 1, their logarithms as free variables, and further variables.

    An identity that holds for any values in the logarithms' place holds for the logarithms.
    """
    names = [f"p{a}" for a in range(1, arms)] + [f"l{a}" for a in range(arms)] + list(more)
    generators = list(fmpq_mpoly_ctx.get(names, Ordering.lex).gens())
    free, logs, rest = generators[: arms - 1], generators[arms - 1 : 2 * arms - 1], generators[2 * arms - 1 :]
    return [*free, 1 - sum(free, 0 * generators[0])], logs, rest


def cov(pi: list[Any], x: list[Any], y: list[Any]) -> Any:
    """Covariance under the policy, as a polynomial."""
    mean = sum((p * a for p, a in zip(pi, x, strict=True)), 0 * pi[0])
    other = sum((p * a for p, a in zip(pi, y, strict=True)), 0 * pi[0])
    return sum((p * a * b for p, a, b in zip(pi, x, y, strict=True)), 0 * pi[0]) - mean * other
