"""The Kalman anchor: a capability that drifts or jumps, and anchors that chase it batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import HardAnchor, KalmanAnchor, SoftAnchor, ha_dw_weights, steady_state_gain
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, seed, whole
from qae_sim.pictures.scene import GuideLine, Line, LookupTable, Number, Panel, Picture, Points
from qae_sim.pictures.style import BASELINE, FOURTH, MUTED, OTHER, THIRD

#: Batches that are simulated.
BATCHES = 120
GAINS = np.round(np.arange(0, 51) * 0.02, 2)
#: p̂ of the two prompts whose weights are shown.
PROMPTS = {"hard": 0.125, "easy": 0.875}


@dataclass(frozen=True)
class AnchorState(State):
    """A course of the capability, batches that show it, and anchors."""

    view: str = choice("gain", "Below", {"gain": "Gains", "weights": "Weights Φ of a hard and an easy prompt"})
    course: str = choice(
        "drift", "Capability", {"drift": "drifts at random", "jump": "jumps in the middle", "still": "stays as it is"}
    )
    t: int = whole(BATCHES, "Batches seen", 1, BATCHES, local=True)
    gain: float = number(0.2, "Fixed gain", 0.0, 1.0, 0.02, local=True)
    drift: float = number(0.02, "Drift per batch (standard deviation)", 0.0, 0.1, 0.005)
    prompts: int = whole(16, "Prompts per batch", 4, 256, step=4)
    g: int = whole(8, "Responses per prompt", 2, 32)
    eta: float = number(1.0, "η of the soft anchor", 0.1, 2.0, 0.1)
    window: int = whole(10, "Windows m and h", 2, 50, unit="batches")
    warm: str = choice(
        "warm", "Soft anchor starts", {"warm": "with running means", "equation": "by the equation alone"}
    )
    seed: int = seed()


class KalmanAnchorExplorer(Explorer[AnchorState]):
    """Soft, hard, fixed-gain and optimal Kalman anchors on the same batches.

    Example:
        >>> explorer = KalmanAnchorExplorer.from_state("course=still&t=60")
        >>> explorer.words()[:39]
        'After 60 batches the capability is 0.50'
    """

    STATE = AnchorState
    TIME = "t"
    PRESETS: ClassVar = {
        "Slow drift": AnchorState(drift=0.01),
        "A jump": AnchorState(course="jump", drift=0.0),
        "Absorbed": AnchorState(course="jump", drift=0.0, warm="equation"),
        "Weights Φ": AnchorState(view="weights", course="jump", drift=0.0),
    }
    CLAIMS: ClassVar = (
        "ha-dw.absorbing",
        "ha-dw.soft-starves",
        "anchor.gain-error",
        "anchor.window-loss",
        "ha-dw.directions",
        "ha-dw.scale-1.3",
    )

    def show(self, state: AnchorState) -> Picture:
        """Beliefs over the batches, and gains or weights below."""
        capability, y = batches(state)
        soft, hard, kalman = chase(state, y)
        fixed, error = fixed_gains(state, y, capability)
        x = np.arange(1, BATCHES + 1).astype(float)
        by_t, by_gain, both = ("t",), ("gain",), ("t", "gain")
        shown = LookupTable(x, by_t)
        beliefs = Panel(
            "Capability, batches, and what the anchors believe before each batch",
            "",
            "success rate",
            (0, BATCHES + 1),
            (0, 1),
            (
                Line(x, capability, MUTED, "capability", width=4, until=shown),
                Points(x, y, MUTED, "accuracy of a batch", "circle", 5, False, until=shown),
                Line(x, soft[0], THIRD, "soft anchor", "dotted", 3, until=shown),
                Line(x, hard[0], FOURTH, "hard anchor", "dashed", until=shown),
                Line(x, kalman[0], BASELINE, "Kalman filter", until=shown),
                Line(x, LookupTable(fixed.T, by_gain), OTHER, "fixed gain", "dashed", 1.5, until=shown),
                GuideLine(shown, "x", MUTED, "", "dotted"),
            ),
        )
        below = (
            _gains(x, shown, soft[1], state.window, kalman[1], by_gain)
            if state.view == "gain"
            else _weights(x, shown, kalman[0], y)
        )
        reached = np.stack([fixed[t] for t in range(BATCHES)])  # (T, gains)
        best = GAINS[np.argmin(error)]
        words = (
            "After ",
            Number(LookupTable(x, by_t), 0),
            " batches the capability is ",
            Number(LookupTable(capability, by_t), 2),
            "; the soft anchor believes ",
            Number(LookupTable(soft[0], by_t), 2),
            " with a gain of ",
            Number(LookupTable(soft[1], by_t), 4),
            ", the hard one ",
            Number(LookupTable(hard[0], by_t), 2),
            ", the Kalman filter ",
            Number(LookupTable(kalman[0], by_t), 2),
            ", a fixed gain of ",
            Number(LookupTable(GAINS, by_gain), 2),
            " ",
            Number(LookupTable(reached, both), 2),
            f". Root mean square errors over all {BATCHES} batches: soft {_rms(soft[0], capability):.3f}, hard "
            f" {_rms(hard[0], capability):.3f}, Kalman {_rms(kalman[0], capability):.3f}, fixed ",
            Number(LookupTable(error, by_gain), 3),
            f" (best gain on these batches {best:.2f}; for this drift in the long run {_ideal(state)}).",
        )
        return Picture((beliefs, below), words, row=False)


def batches(state: AnchorState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The capability and the accuracy of each batch."""
    rng = np.random.default_rng([state.seed, 1])
    walk = np.cumsum(rng.normal(0, 1, BATCHES)) * state.drift
    course = np.full(BATCHES, 0.5)
    if state.course == "drift":
        course = 0.5 + walk
    elif state.course == "jump":
        course = np.where(np.arange(BATCHES) < BATCHES // 2, 0.3, 0.75) + walk
    # A success rate stays between 0 and 1: what would leave is reflected.
    capability = np.abs(np.mod(course + 1, 2) - 1)
    size = state.prompts * state.g
    return capability, np.random.default_rng([state.seed, 2]).binomial(size, capability) / size


def chase(state: AnchorState, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Beliefs before each batch and gains, ``(2, T)``, of the soft, the hard and the Kalman anchor."""
    variance = max(state.drift**2, 1e-6)
    anchors: list[Any] = [
        SoftAnchor(belief=0.5, eta=state.eta, window=state.window, warm_start=state.warm == "warm"),
        HardAnchor(window=state.window),
        KalmanAnchor(belief=0.5, process_variance=variance),
    ]
    seen = []
    for anchor in anchors:
        values = np.empty((2, len(y)))
        for t, accuracy in enumerate(y):
            size = state.prompts * state.g
            successes = round(accuracy * size)
            rewards = (np.arange(size) < successes).astype(float).reshape(state.prompts, state.g)
            before = anchor.belief
            anchor = anchor.update(rewards)
            moved = accuracy - before
            values[:, t] = before, (anchor.belief - before) / moved if abs(moved) > 1e-12 else np.nan
        seen.append(values)
    return tuple(seen)


def fixed_gains(
    state: AnchorState, y: NDArray[np.float64], capability: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Beliefs before each batch under every fixed gain, ``(T, gains)``, and their root mean square errors."""
    beliefs = np.empty((len(y), len(GAINS)))
    belief = np.full(len(GAINS), 0.5)
    for t, accuracy in enumerate(y):
        beliefs[t] = belief
        belief = belief + GAINS * (accuracy - belief)
    return beliefs, np.sqrt(((beliefs - capability[:, None]) ** 2).mean(axis=0))


def _rms(belief: NDArray[np.float64], capability: NDArray[np.float64]) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((belief - capability) ** 2)))


def _ideal(state: AnchorState) -> str:
    """The steady gain of the Kalman filter at a capability of one half."""
    if state.drift == 0:
        return "0, since nothing drifts"
    return f"{steady_state_gain(state.drift**2, 0.25 / (state.prompts * state.g)):.2f}"


def _gains(
    x: NDArray[np.float64],
    shown: LookupTable,
    soft: NDArray[np.float64],
    window: int,
    kalman: NDArray[np.float64],
    by_gain: tuple[str, ...],
) -> Panel:
    """Weight of the newest batch."""
    fixed = np.repeat(GAINS[:, None], len(x), axis=1)
    return Panel(
        "Gain: the weight of the newest batch",
        "batch",
        "gain",
        (0, len(x) + 1),
        (-0.02, 1.02),
        (
            Line(x, soft, THIRD, "soft anchor", "dotted", 3, until=shown),
            Line(x, 1 / np.minimum(x, window), FOURTH, "hard anchor", "dashed", until=shown),
            Line(x, kalman, BASELINE, "Kalman filter", until=shown),
            Line(x, LookupTable(fixed, by_gain), OTHER, "fixed gain", "dashed", 1.5, until=shown),
        ),
        weight=0.7,
    )


def _weights(x: NDArray[np.float64], shown: LookupTable, belief: NDArray[np.float64], y: NDArray[np.float64]) -> Panel:
    """Φ of the correct and the wrong responses of two prompts, under the Kalman filter's belief."""
    lines = []
    for (name, p_hat), colour in zip(PROMPTS.items(), (THIRD, FOURTH), strict=True):
        rewards = np.array([[1.0] * round(8 * p_hat) + [0.0] * (8 - round(8 * p_hat))])
        advantages = rewards - rewards.mean()
        phi = np.array([ha_dw_weights(rewards, advantages, float(c)).Phi[0] for c in belief])
        lines += [
            Line(x, phi[:, 0], colour, f"{name} prompt (p̂ = {p_hat:g}), correct", until=shown),
            Line(x, phi[:, -1], colour, f"{name}, wrong", "dashed", until=shown),
        ]
    return Panel(
        "Weights Φ at λ = 1.3, Kalman filter's belief",
        "batch",
        "Φ",
        (0, len(x) + 1),
        (0, 3.2),
        (*lines, GuideLine(1.3, "y", MUTED, "λ", "dotted")),
        weight=0.7,
    )
