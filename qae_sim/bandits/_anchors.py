"""Difficulty anchors of many runs at once: the rules of ``qae_sim.advantages``, one belief per run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from qae_sim.advantages import FixedAnchor, HardAnchor, KalmanAnchor, SoftAnchor
from qae_sim.arrays import Array, Namespace

#: Takes the accuracies of a batch, ``(R,)``, and returns the beliefs after it.
Update: TypeAlias = Callable[[Array], Array]


def follow(xp: Namespace, anchor: Any, runs: int, responses: int, group_size: int) -> tuple[Array, Update]:
    """Give every run an anchor of its own.

    Args:
        xp: NumPy or CuPy.
        anchor: The anchor that every run starts with.
        runs: R.
        responses: Responses in a batch.
        group_size: G.

    Returns:
        Beliefs before the first batch, ``(R,)``, and the function that takes the accuracies of the next one.
    """
    belief = xp.full(runs, float(anchor.belief))
    rules: dict[type, Callable[[], Update]] = {
        FixedAnchor: lambda: lambda _: belief,
        SoftAnchor: lambda: _soft(xp, anchor, belief),
        HardAnchor: lambda: _hard(xp, anchor, runs),
        KalmanAnchor: lambda: _kalman(xp, anchor, belief, responses, group_size),
    }
    return belief, rules[type(anchor)]()


def _towards(xp: Namespace, belief: Array, y: Array, gain: Array) -> Array:
    """Move from the belief towards y, and not past either of them by rounding."""
    moved = (1 - gain) * belief + gain * y
    return xp.minimum(xp.maximum(moved, xp.minimum(belief, y)), xp.maximum(belief, y))


def _soft(xp: Namespace, anchor: SoftAnchor, belief: Array) -> Update:
    """HA-DW's soft update; the window holds the beliefs that σ looks at, the current one last."""
    window = [xp.full_like(belief, value) for value in anchor.recent] + [belief]

    def update(y: Array) -> Array:
        known = len(window)
        mean = sum(window[1:], window[0]) / known
        sigma = xp.sqrt(sum(((c - mean) ** 2 for c in window[1:]), (window[0] - mean) ** 2) / known)
        # Equal beliefs have no spread; rounding of their mean must not give them one.
        equal = xp.ones(len(y), dtype=bool)
        for c in window[1:]:
            equal &= c == window[0]
        sigma = xp.where(equal, 0.0, sigma)
        gain = anchor.eta * sigma
        if anchor.warm_start:
            gain = xp.where(sigma == 0, 1 / known, gain) if known >= anchor.window else xp.full_like(gain, 1 / known)
        window.append(_towards(xp, window[-1], y, gain))
        del window[: -anchor.window]
        return window[-1]

    return update


def _hard(xp: Namespace, anchor: HardAnchor, runs: int) -> Update:
    """HA-DW's hard update: mean accuracy of the last batches."""
    window = [xp.full(runs, value) for value in anchor.recent]

    def update(y: Array) -> Array:
        window.append(y)
        del window[: -anchor.window]
        return sum(window[1:], window[0]) / len(window)

    return update


def _kalman(xp: Namespace, anchor: KalmanAnchor, belief: Array, responses: int, group_size: int) -> Update:
    """The Kalman filter for a capability that walks at random."""
    state = {"belief": belief, "variance": xp.full_like(belief, anchor.variance)}
    effect = 1 + (group_size - 1) * anchor.rho

    def update(y: Array) -> Array:
        c = (responses * state["belief"] + 1) / (responses + 2)
        wrong = (responses * (1 - state["belief"]) + 1) / (responses + 2)
        prior = state["variance"] + anchor.process_variance
        gain = prior / (prior + c * wrong / responses * effect)
        state["belief"] = _towards(xp, state["belief"], y, gain)
        state["variance"] = (1 - gain) * prior
        return state["belief"]

    return update
