"""The Kalman anchor: a capability that drifts or jumps, and anchors that chase it batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import HardAnchor, KalmanAnchor, SoftAnchor, ha_dw_weights, steady_state_gain
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, seed, whole
from qae_sim.explorers.verifier import VERIFIERS, verifier
from qae_sim.pictures.scene import GuideLine, Line, LookupTable, Number, Panel, Picture, Points, Touch, Words
from qae_sim.pictures.style import BASELINE, FOURTH, MUTED, OTHER, THIRD

#: Batches that are simulated.
BATCHES = 120
GAINS = np.round(np.arange(0, 51) * 0.02, 2)
#: p̂ of the two prompts whose weights are shown.
PROMPTS = {"hard": 0.125, "easy": 0.875}

# What the browser looks up depends on one of its sliders, or on both; curves end at the last batch seen.
_BY_T, _BY_GAIN = ("t",), ("gain",)
_X = np.arange(1, BATCHES + 1).astype(float)
_SEEN = LookupTable(_X, _BY_T)


@dataclass(frozen=True)
class AnchorState(State):
    """A course of the capability, batches that show it, and anchors."""

    view: str = choice("gain", "Below", {"gain": "Gains", "weights": "Weights Φ of two prompts"})
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
    verifier: str = verifier()


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
        "False positives": AnchorState(course="still", drift=0.0, verifier="false_positive"),
    }
    LEADING: ClassVar = ("course", "t", "gain")
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
        found = model(state)
        below = gains_panel(found, state.window) if state.view == "gain" else weights_panel(found)
        return Picture((beliefs_panel(found), below), words(found, state), row=False)


@dataclass(frozen=True)
class Tracking:
    """A capability over T batches, and what anchors believe before each batch.

    Attributes:
        capability: The success rate that there is, ``(T,)``.
        seen: The success rate that rewards show on average: another one where the verifier errs, ``(T,)``.
        accuracy: The mean reward of each batch, ``(T,)``.
        soft: Beliefs and gains of the soft anchor, ``(2, T)``.
        hard: The same of the hard anchor.
        kalman: The same of the Kalman filter.
        fixed: Beliefs under every fixed gain, ``(T, gains)``.
        fixed_error: Their root mean square errors, ``(gains,)``.
    """

    capability: NDArray[np.float64]
    seen: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    soft: NDArray[np.float64]
    hard: NDArray[np.float64]
    kalman: NDArray[np.float64]
    fixed: NDArray[np.float64]
    fixed_error: NDArray[np.float64]

    def error_of(self, belief: NDArray[np.float64]) -> float:
        """Root mean square error of beliefs."""
        return float(np.sqrt(np.mean((belief - self.capability) ** 2)))


def model(state: AnchorState) -> Tracking:
    """Draw batches and let all anchors follow them.

    Args:
        state: Course of the capability, size of the batches, the anchors' parameters, seed.

    Returns:
        Capability, batches and beliefs.
    """
    capability, accuracy = batches(state)
    seen = VERIFIERS[state.verifier].seen(capability)
    soft, hard, kalman = chase(state, accuracy)
    return Tracking(capability, seen, accuracy, soft, hard, kalman, *fixed_gains(state, accuracy, capability))


def beliefs_panel(found: Tracking) -> Panel:
    """Draw capability, batches and beliefs as far as batches have been seen."""
    return Panel(
        "Capability, batches, and what the anchors believe before each batch",
        "",
        "success rate",
        (0, BATCHES + 1),
        (0, 1),
        (
            Line(_X, found.capability, MUTED, "capability", width=4, until=_SEEN),
            Points(_X, found.accuracy, MUTED, "mean reward of a batch", "circle", 5, False, until=_SEEN),
            Line(_X, found.soft[0], THIRD, "soft anchor", "dotted", 3, until=_SEEN),
            Line(_X, found.hard[0], FOURTH, "hard anchor", "dashed", until=_SEEN),
            Line(_X, found.kalman[0], BASELINE, "Kalman filter", until=_SEEN),
            Line(_X, LookupTable(found.fixed.T, _BY_GAIN), OTHER, "fixed gain", "dashed", 1.5, until=_SEEN),
            GuideLine(_SEEN, "x", MUTED, "", "dotted"),
        ),
        touches=(Touch("t"),),
    )


def gains_panel(found: Tracking, window: int) -> Panel:
    """Draw the weight of the newest batch."""
    fixed = np.repeat(GAINS[:, None], BATCHES, axis=1)
    return Panel(
        "Gain: the weight of the newest batch",
        "batch",
        "gain",
        (0, BATCHES + 1),
        (-0.02, 1.02),
        (
            Line(_X, found.soft[1], THIRD, "soft anchor", "dotted", 3, until=_SEEN),
            Line(_X, 1 / np.minimum(_X, window), FOURTH, "hard anchor", "dashed", until=_SEEN),
            Line(_X, found.kalman[1], BASELINE, "Kalman filter", until=_SEEN),
            Line(_X, LookupTable(fixed, _BY_GAIN), OTHER, "fixed gain", "dashed", 1.5, until=_SEEN),
        ),
        weight=0.7,
    )


def prompt_weights(p_hat: float, beliefs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights Φ of a group of eight under each belief.

    Args:
        p_hat: The group's success rate, a multiple of 1/8.
        beliefs: The anchor before each batch, ``(T,)``.

    Returns:
        Weights of a correct and of a wrong response, ``(T, 2)``.
    """
    correct = round(8 * p_hat)
    rewards = np.broadcast_to(np.repeat([1.0, 0.0], [correct, 8 - correct]), (len(beliefs), 8))
    anchors: Any = beliefs[:, None]  # one for each row
    return np.asarray(ha_dw_weights(rewards, rewards - p_hat, anchors).Phi[:, [0, -1]])


def weights_panel(found: Tracking) -> Panel:
    """Draw Φ of the correct and the wrong responses of two prompts, under the Kalman filter's belief."""
    lines = []
    for (name, p_hat), colour in zip(PROMPTS.items(), (THIRD, FOURTH), strict=True):
        phi = prompt_weights(p_hat, found.kalman[0])
        lines += [
            Line(_X, phi[:, 0], colour, f"{name} prompt (p̂ = {p_hat:g}), correct", until=_SEEN),
            Line(_X, phi[:, 1], colour, f"{name}, wrong", "dashed", until=_SEEN),
        ]
    return Panel(
        "Weights Φ at λ = 1.3, Kalman filter's belief",
        "batch",
        "Φ",
        (0, BATCHES + 1),
        (0, 3.2),
        (*lines, GuideLine(1.3, "y", MUTED, "λ", "dotted")),
        weight=0.7,
    )


def words(found: Tracking, state: AnchorState) -> Words:
    """Say what each anchor believes now, and how far off it was over all batches."""

    def now(values: NDArray[np.float64], digits: int = 2) -> Number:
        return Number(LookupTable(values, _BY_T), digits)

    def chosen(values: NDArray[np.float64], digits: int) -> Number:
        return Number(LookupTable(values, _BY_GAIN), digits)

    soft, hard, kalman = (found.error_of(beliefs[0]) for beliefs in (found.soft, found.hard, found.kalman))
    best = GAINS[np.argmin(found.fixed_error)]
    return (
        "After ",
        now(_X, 0),
        " batches the capability is ",
        now(found.capability),
        "; the soft anchor believes ",
        now(found.soft[0]),
        " with a gain of ",
        now(found.soft[1], 4),
        ", the hard one ",
        now(found.hard[0]),
        ", the Kalman filter ",
        now(found.kalman[0]),
        ", a fixed gain of ",
        chosen(GAINS, 2),
        " ",
        Number(LookupTable(found.fixed, (*_BY_T, *_BY_GAIN)), 2),
        f". Root mean square errors over all {BATCHES} batches: soft {soft:.3f}, hard {hard:.3f}, Kalman {kalman:.3f}, "
        "fixed ",
        chosen(found.fixed_error, 3),
        f" (best gain on these batches {best:.2f}; {_ideal(state)}).",
        *_errors(found, state),
    )


def _errors(found: Tracking, state: AnchorState) -> Words:
    """What errors of the verifier do to all anchors alike."""
    verifier = VERIFIERS[state.verifier]
    if not verifier.errs:
        return ()
    return (
        f" Here {verifier.said}, whichever it is: now rewards show ",
        Number(LookupTable(found.seen, _BY_T), 2),
        " on average, and that is what all anchors chase.",
    )


def batches(state: AnchorState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The capability and the mean reward of each batch."""
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
    seen = VERIFIERS[state.verifier].seen(capability)
    return capability, np.random.default_rng([state.seed, 2]).binomial(size, seen) / size


def chase(state: AnchorState, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Beliefs before each batch and gains, ``(2, T)``, of the soft, the hard and the Kalman anchor."""
    variance = max(state.drift**2, 1e-6)
    anchors: list[Any] = [
        SoftAnchor(belief=0.5, eta=state.eta, window=state.window, warm_start=state.warm == "warm"),
        HardAnchor(window=state.window),
        KalmanAnchor(belief=0.5, process_variance=variance),
    ]
    size = state.prompts * state.g
    seen = []
    for anchor in anchors:
        values = np.empty((2, len(y)))
        for t, accuracy in enumerate(y.tolist()):
            before = anchor.belief
            anchor = anchor.after(accuracy, size, state.g)
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


def _ideal(state: AnchorState) -> str:
    """The steady gain of the Kalman filter for what rewards show, at a success rate of one half."""
    if state.drift == 0:
        return "in the long run 0, since nothing drifts"
    verifier = VERIFIERS[state.verifier]
    gain = steady_state_gain((verifier.signal * state.drift) ** 2, 0.25 / (state.prompts * state.g))
    of = (
        "for this drift"
        if not verifier.errs
        else f"to follow what rewards show, which drifts {verifier.signal:g} as far,"
    )
    return f"{of} in the long run {gain:.2f}"
