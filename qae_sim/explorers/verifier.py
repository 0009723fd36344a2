"""Errors of a verifier: one switch for all explorers that draw rewards, and what errors at a constant rate do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qae_sim.explorers.state import choice

#: Share of the wrong responses that pass, or of the correct ones that fail, where groups are drawn.
RATE = 0.1

VERIFIER = {"right": "always right", "false_positive": "false positives", "false_negative": "false negatives"}


@dataclass(frozen=True)
class Verifier:
    """A verifier that errs at constant rates, whatever the response says.

    A reward is 1 with the chance ρ(o) = f₊ + (1 - f₊ - f₋) r(o), where r(o) is 1 for a correct response. Given the
    rewards, advantages know nothing of correctness, so for an estimator that sees the group's rewards alone

        q = f₊ + (1 - f₊ - f₋) p,   E[A ∇log π] = (α - β)(q) Σ π ρ ∇log π = (1 - f₊ - f₋) (α - β)(q) ∇p:

    the average update keeps its direction, and its size, c(p) without errors, is (1 - f₊ - f₋) c(q) p(1-p)/(q(1-q)).

    Attributes:
        false_positives: f₊, share of the wrong responses that get reward 1.
        false_negatives: f₋, share of the correct responses that get reward 0.
        said: The same in words; empty if it does not err.
    """

    false_positives: float = 0.0
    false_negatives: float = 0.0
    said: str = ""

    @property
    def errs(self) -> bool:
        """Whether there are errors."""
        return bool(self.said)

    @property
    def signal(self) -> float:
        """1 - f₊ - f₋, how far the chance of a reward lies higher for a correct response than for a wrong one."""
        return 1 - self.false_positives - self.false_negatives

    def seen(self, p: Any) -> Any:
        """The success rate q that rewards show.

        Args:
            p: The success rate, any shape; or the rewards of arms, whose chances of a reward these are then.

        Returns:
            f₊ + (1 - f₊ - f₋) p.
        """
        return self.false_positives + self.signal * p

    def shown(self, p: float) -> str:
        """Say what rewards show of a success rate; empty without errors."""
        return f" Now {self.said}, whichever it is: rewards show q = {self.seen(p):.2f} instead." if self.errs else ""

    def true(self, q: Any) -> Any:
        """The success rate behind rewards, the inverse of :meth:`seen`.

        Args:
            q: The success rate that rewards show, any shape.

        Returns:
            (q - f₊)/(1 - f₊ - f₋).
        """
        return (q - self.false_positives) / self.signal

    def speed(self, c: Any, p: Any) -> Any:
        """Size of the average update along the gradient's direction π₊ - π₋.

        Args:
            c: The estimator's c at the success rate that rewards show, c(q), same shape as ``p``.
            p: Success rates in (0, 1).

        Returns:
            (1 - f₊ - f₋) c(q) p(1-p)/(q(1-q)).
        """
        q = np.asarray(self.seen(p))
        return self.signal * c * p * (1 - p) / (q * (1 - q))


VERIFIERS: Mapping[str, Verifier] = {
    "right": Verifier(),
    "false_positive": Verifier(RATE, 0.0, "the verifier takes one wrong response in ten for correct"),
    "false_negative": Verifier(0.0, RATE, "the verifier takes one correct response in ten for wrong"),
}


def verifier() -> Any:
    """A field that says how the verifier errs."""
    text = "Where one group is shown, one of its verdicts is an error; where groups are drawn, one in ten."
    return choice("right", "Verifier", VERIFIER, help=text)


def error_among(rewards: Any, kind: str) -> int | None:
    """Find the response of one group that the verifier judges wrongly: the first that it can.

    Args:
        rewards: Rewards by a verifier that is always right, ``(G,)``.
        kind: One of :data:`VERIFIER`.

    Returns:
        Its place; None where there is none.

    Example:
        >>> error_among([1.0, 0.0, 0.0], "false_positive"), error_among([0.0, 0.0], "false_negative")
        (1, None)
    """
    taken = {"false_positive": 0.0, "false_negative": 1.0}.get(kind)
    return next((i for i, reward in enumerate(rewards) if reward == taken), None)


def judged(rewards: Any, kind: str) -> Any:
    """Rewards of one group as the verifier gives them.

    Args:
        rewards: Rewards by a verifier that is always right, ``(G,)``.
        kind: One of :data:`VERIFIER`.

    Returns:
        The same rewards, with :func:`error_among` turned over.

    Example:
        >>> judged([1.0, 0.0, 0.0], "false_positive").tolist()
        [1.0, 1.0, 0.0]
    """
    error = error_among(rewards, kind)
    return np.array([1 - reward if i == error else reward for i, reward in enumerate(rewards)])
