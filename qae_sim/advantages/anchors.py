"""Difficulty anchors: the model's capability, estimated from earlier batches.

An anchor is a small frozen dataclass. ``anchor.belief`` is C⁻, the believed success rate before the current batch;
``anchor.update(rewards)`` is the anchor after it, a new object. All fields are plain numbers and tuples, so
``dataclasses.asdict`` is all that a checkpoint needs.

The rules broadcast: ``anchor.after(accuracy, responses, group_size)`` with accuracies ``(R,)`` of R independent runs
gives an anchor whose beliefs are ``(R,)``, the same as from each run alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from operator import and_
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol, TypeAlias

from qae_sim.advantages._statistics import checked_rewards
from qae_sim.arrays import (
    Array,
    as_floating,
    invalid,
    namespace,
    number_of,
    require_count,
    require_number,
    self_contained,
    working_precision,
)
from qae_sim.frozen import dataclass

#: A success rate, or those of several runs, ``(R,)``.
Rate: TypeAlias = Any


class DifficultyAnchor(Protocol):
    """Anything with a belief about the model's capability and a pure update."""

    @property
    def belief(self) -> Rate:
        """The believed success rate C⁻ before the current batch, in [0, 1]."""

    def update(self, rewards: Array) -> DifficultyAnchor:
        """Return the anchor after a batch of rewards ``(..., G)``."""

    def after(self, accuracy: Rate, responses: int, group_size: int) -> DifficultyAnchor:
        """Return the anchor after a batch of that mean reward, number of responses and number per prompt."""


#: Beliefs that differ by at most this count as equal.
SAME = 1e-12


@self_contained
def batch_accuracy(rewards: Array) -> tuple[float, int, int]:
    """Mean reward of a batch, with its numbers of responses and of responses per prompt.

    y = K_t / B_t, K_t the sum of all rewards, B_t the number of all responses

    Args:
        rewards: ``(..., G)``, in [0, 1].

    Returns:
        y, B_t and G.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: No response, or a reward outside [0, 1] or NaN.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eq. 7.

    Example:
        >>> batch_accuracy([[1, 0], [1, 1]])
        (0.75, 4, 2)
    """
    r, xp = checked_rewards(rewards, smallest_group=1)
    count = math.prod(r.shape)
    if count == 0:
        raise invalid("rewards", tuple(r.shape), "a batch of one response at least")
    require_unit_interval(r)
    return number_of(xp.mean(working_precision(r))), count, int(r.shape[-1])


def require_unit_interval(r: Array) -> None:
    """Raise unless all rewards lie in [0, 1], where success rates live."""
    xp = namespace(r)
    outside = ~((r >= 0) & (r <= 1))
    if bool(xp.any(outside)):
        raise invalid("rewards", number_of(r[outside][0]), "in [0, 1] everywhere, so that their mean is a success rate")


#: The functions of an array library that the rules use, for plain numbers.
_NUMBERS = SimpleNamespace(minimum=min, maximum=max, sqrt=math.sqrt, where=lambda holds, a, b: a if holds else b)


def library_of(*values: Rate) -> Any:
    """Find what computes with some rates: their array library, or plain arithmetic where all are numbers."""
    arrays = [value for value in values if hasattr(value, "shape")]
    return namespace(*arrays) if arrays else _NUMBERS


def towards(belief: Rate, y: Rate, gain: Rate) -> Rate:
    """Move from the belief towards y by a gain in [0, 1]; rounding must not carry the mean past either of them."""
    xp = library_of(belief, y, gain)
    moved = (1 - gain) * belief + gain * y
    return xp.minimum(xp.maximum(moved, xp.minimum(belief, y)), xp.maximum(belief, y))


def make_plain(state: object, **values: object) -> None:
    """Replace fields of a frozen state that is being built by their checked, plain values.

    NumPy numbers, arrays of one element and lists (from JSON) would otherwise travel into checkpoints, and two equal
    states would compare as different.

    Args:
        state: The frozen dataclass, inside its ``__post_init__``.
        **values: The fields' plain values.
    """
    for name, value in values.items():
        object.__setattr__(state, name, value)


def require_rate(name: str, value: Any) -> Rate:
    """Check a success rate, or those of several runs."""
    if type(value) is float and 0.0 <= value <= 1.0:  # anchors check all that they remember at each step
        return value
    if getattr(value, "ndim", 0) == 0:
        return require_number(name, value, low=0.0, high=1.0)
    rates, xp = as_floating(name, value)
    outside = ~((rates >= 0) & (rates <= 1))
    if bool(xp.any(outside)):
        raise invalid(name, number_of(rates[outside][0]), "a number in [0.0, 1.0] for each run")
    return rates


def _beliefs(name: str, values: Any, most: int, allowed: str) -> tuple[Rate, ...]:
    """Check a tuple of remembered success rates."""
    if not isinstance(values, tuple | list):
        raise invalid(name, values, "a tuple of numbers", TypeError)
    if len(values) > most:
        raise invalid(name, len(values), allowed)
    return tuple(require_rate(name, value) for value in values)


@dataclass(frozen=True)
class FixedAnchor:
    """An anchor that never moves: the ablation of HA-DW with a fixed threshold.

    Attributes:
        belief: C, in [0, 1].

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), ablation of the dynamic threshold.

    Example:
        >>> FixedAnchor(0.5).update([[1, 1]]).belief
        0.5
    """

    observes: ClassVar[str] = "correct"

    belief: float

    def __post_init__(self) -> None:
        make_plain(self, belief=require_rate("belief", self.belief))

    def update(self, rewards: Array) -> FixedAnchor:
        """Check the batch and return the same anchor.

        Args:
            rewards: ``(..., G)``, in [0, 1].

        Returns:
            The anchor itself.
        """
        return self.after(*batch_accuracy(rewards))

    @self_contained
    def after(self, accuracy: Rate, responses: int, group_size: int) -> FixedAnchor:
        """Return the same anchor, whatever the batch was."""
        return self


@dataclass(frozen=True)
class SoftAnchor:
    """HA-DW's soft update: a running mean whose gain follows the spread of its own recent beliefs.

    C⁺ = (1 - ηₜ) C⁻ + ηₜ y,  ηₜ = η·σₜ,  σₜ the population standard deviation of the last m beliefs

    The rule has an absorbing state: once the last m beliefs are equal, σ = 0, the gain is 0, and C never moves again;
    it also drifts there by itself when the accuracies vary little, since a small gain leads to a small spread. Beliefs
    within 1e-12 of each other count as equal: what tells them apart is rounding. The paper does not say how to start.
    Here, while fewer than m beliefs exist and whenever σ = 0, the gain is that of a running mean, 1/(number of
    beliefs): the first batch sets C, the second averages, and the anchor is never stuck. ``warm_start=False`` is the
    equation alone, absorbing state included (see :attr:`absorbed`).

    Nor does the paper say which beliefs the C_{t-j} are; here they are the m latest, the current C⁻ included.

    Attributes:
        belief: C⁻ before the current batch, in [0, 1].
        eta: η, the task-dependent factor, in (0, 2] (σ is at most 1/2, so the gain stays in [0, 1]).
        window: m, number of beliefs that σ is computed from, >= 2.
        warm_start: Whether the running-mean gain replaces an undefined or vanished one.
        recent: The beliefs before the current one, oldest first, at most m - 1.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eqs. 8-12; η, m and the start are not given there.

    Example:
        >>> anchor = SoftAnchor().update([[1, 0, 0, 0]])
        >>> anchor.belief, anchor.update([[1, 1, 1, 0]]).belief
        (0.25, 0.5)
    """

    observes: ClassVar[str] = "correct"

    belief: float = 0.5
    eta: float = 1.0
    window: int = 50
    warm_start: bool = True
    recent: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        belief = require_rate("belief", self.belief)
        eta = require_number("eta", self.eta, low=0.0, high=2.0)
        if eta == 0:
            raise invalid("eta", self.eta, "positive")
        window = require_count("window", self.window, low=2)
        if not isinstance(self.warm_start, bool):
            raise invalid("warm_start", self.warm_start, "True or False", TypeError)
        recent = _beliefs("recent", self.recent, window - 1, f"at most window - 1 = {window - 1} beliefs")
        make_plain(self, belief=belief, eta=eta, window=window, recent=recent)

    @property
    @self_contained
    def sigma(self) -> Rate:
        """σₜ, the population standard deviation of the beliefs remembered (Eq. 10); 0 if they are within 1e-12."""
        first, *others = beliefs = (*self.recent, self.belief)
        if not others:
            return 0.0
        mean = sum(others, first) / len(beliefs)
        squares = sum(((c - mean) * (c - mean) for c in others), (first - mean) * (first - mean))
        # Equal beliefs have no spread. What tells them apart by less than SAME is rounding, which differs between
        # machines: whether a starved gain starts anew must not hang on it.
        equal = reduce(and_, (abs(c - first) <= SAME for c in others))
        xp = library_of(*beliefs)
        return xp.where(equal, 0.0, xp.sqrt(squares / len(beliefs)))

    @property
    def gain(self) -> Rate:
        """ηₜ, the weight of the current batch, in [0, 1] (Eq. 11, or the warm start's)."""
        known = len(self.recent) + 1
        if self.warm_start and known < self.window:
            return 1 / known
        sigma = self.sigma
        gain = self.eta * sigma
        return library_of(sigma).where(sigma == 0, 1 / known, gain) if self.warm_start else gain

    @property
    def absorbed(self) -> Any:
        """Whether no later batch can move the anchor: its gain is 0 and stays 0."""
        return self.gain == 0

    def update(self, rewards: Array) -> SoftAnchor:
        """Move the belief towards the batch's accuracy by the gain (Eq. 8).

        Args:
            rewards: ``(..., G)``, in [0, 1].

        Returns:
            The anchor for the next batch (Eq. 12).
        """
        return self.after(*batch_accuracy(rewards))

    @self_contained
    def after(self, accuracy: Rate, responses: int, group_size: int) -> SoftAnchor:
        """Move the belief towards an accuracy, or the beliefs of several runs towards theirs.

        Args:
            accuracy: y, in [0, 1]: a number, or ``(R,)``.
            responses: B, number of responses in the batch; not used by this rule.
            group_size: G, responses per prompt; not used by this rule.

        Returns:
            The anchor for the next batch.
        """
        belief = towards(self.belief, accuracy, self.gain)
        recent = (*self.recent, self.belief)[-(self.window - 1) :]
        return replace(self, belief=belief, recent=recent)


@dataclass(frozen=True)
class HardAnchor:
    """HA-DW's hard update: the mean accuracy of the last h batches.

    C⁺ = (y_{t-h+1} + ... + yₜ) / h

    Until h batches have been seen it is the mean of those seen.

    Attributes:
        window: h, >= 1.
        start: C before the first batch, in [0, 1].
        recent: Accuracies of the last batches, oldest first, at most h.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), App. F, Eq. 134; h is not given there. (The equation's recursive form
        equals the mean only when C⁻ is the mean of the h - 1 batches before.)

    Example:
        >>> HardAnchor(window=2).update([[1, 0]]).update([[1, 1]]).update([[1, 1]]).belief
        1.0
    """

    observes: ClassVar[str] = "correct"

    window: int = 10
    start: float = 0.5
    recent: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        window = require_count("window", self.window)
        start = require_number("start", self.start, low=0.0, high=1.0)
        recent = _beliefs("recent", self.recent, window, f"at most window = {window} accuracies")
        make_plain(self, window=window, start=start, recent=recent)

    @property
    def belief(self) -> Rate:
        """C⁻, the mean accuracy of the batches remembered, in [0, 1]."""
        return sum(self.recent[1:], self.recent[0]) / len(self.recent) if self.recent else self.start

    def update(self, rewards: Array) -> HardAnchor:
        """Add the batch's accuracy to the window.

        Args:
            rewards: ``(..., G)``, in [0, 1].

        Returns:
            The anchor for the next batch.
        """
        return self.after(*batch_accuracy(rewards))

    @self_contained
    def after(self, accuracy: Rate, responses: int, group_size: int) -> HardAnchor:
        """Add an accuracy to the window, or those of several runs.

        Args:
            accuracy: y, in [0, 1]: a number, or ``(R,)``.
            responses: B, number of responses in the batch; not used by this rule.
            group_size: G, responses per prompt; not used by this rule.

        Returns:
            The anchor for the next batch.
        """
        return replace(self, recent=(*self.recent, accuracy)[-self.window :])
