"""Proposition 4.2: the entropy change as a function of the baseline, under four updates, and where its order holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.pictures.scene import Band, GuideLine, Line, LookupTable, Number, Panel, Pick, Picture, Points
from qae_sim.pictures.style import BASELINE, MEAN, MUTED, QUANTILE, THIRD
from qae_sim.softmax import (
    UPDATE_RULES,
    entropy_change,
    expected_entropy_change,
    first_order_entropy_change,
)

BS = np.round(np.arange(51) * 0.02, 2)
ETAS = np.round(np.arange(1, 101) * 0.02, 2)

UPDATES = {
    "paper": "The paper's: Δz = ηπ(r − b)",
    "policy_gradient": "Exact policy gradient",
    "natural_gradient": "Natural gradient",
    "groups": "Sampled groups, on average",
}


@dataclass(frozen=True)
class PropositionState(State):
    """One correct arm among several, a step, and the rule that makes it."""

    view: str = choice("order", "View", {"order": "Entropy change against b", "region": "Where the order holds"})
    update: str = choice("paper", "Update", UPDATES)
    b: float = number(0.4, "Baseline b", 0.0, 1.0, 0.02, local=True)
    eta: float = number(0.5, "Step size η", 0.02, 2.0, 0.02, local=True)
    q: float = number(0.3, "Probability of the correct arm", 0.01, 0.99, 0.01)
    arms: int = whole(2, "Number of arms", 2, 12)
    skew: float = number(
        1.0, "Unevenness of the wrong arms", 0.0, 3.0, 0.1, help="0: all wrong arms are equally likely."
    )
    k: float = number(0.4, "Quantile K", 0.05, 0.95, 0.05)
    g: int = whole(16, "Group size G", 2, 64)


class Proposition42(Explorer[PropositionState]):
    """Switch the update, move the baseline, and watch the inequalities hold, become equalities, or break.

    Example:
        >>> explorer = Proposition42.from_state("q=.49&eta=.1")
        >>> "the order of Proposition 4.2 breaks" in explorer.words()
        True
        >>> explorer.set(update="policy_gradient")
        >>> "does not depend on b" in explorer.words()
        True
    """

    STATE = PropositionState
    PRESETS: ClassVar = {
        "Hard query": PropositionState(q=0.2, arms=6),
        "Easy query": PropositionState(q=0.8, arms=6),
        "Equalities: exact gradient": PropositionState(q=0.2, arms=6, update="policy_gradient"),
        "Sampled groups": PropositionState(q=0.2, arms=6, update="groups"),
        "Counterexample": PropositionState(q=0.49, eta=0.1),
        "Region for two arms": PropositionState(view="region", q=0.49, eta=0.1),
    }
    USES: ClassVar = {
        "order": ("update", "b", "eta", "q", "arms", "skew", "k", "g"),
        "region": ("eta", "q", "k"),
    }
    CLAIMS: ClassVar = (
        "qae.prop4.2-low",
        "qae.prop4.2-high",
        "qae.prop4.2-policy-gradient",
        "qae.prop4.2-natural-gradient",
        "qae.prop4.2-finite-groups",
        "qae.finite-step-low",
        "qae.finite-step-high",
    )

    def show(self, state: PropositionState) -> Picture:
        """Draw the chosen view."""
        return _order(state) if state.view == "order" else _region(state)


def policy(state: PropositionState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits and rewards: the correct arm first, wrong arms with falling probabilities."""
    weights = np.exp(-state.skew * np.arange(state.arms - 1))
    pi = np.concatenate([[state.q], (1 - state.q) * weights / weights.sum()])
    return np.log(pi), (np.arange(state.arms) == 0).astype(float)


def changes(state: PropositionState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First-order entropy change per η, ``(B,)``, and the change of a whole step, ``(E, B)``."""
    z, r = policy(state)
    if state.update == "groups":
        first = np.empty(len(BS))
        whole_step = np.empty((len(ETAS), len(BS)))
        for i, b in enumerate(BS):
            table = np.tile(np.array([-b, 1 - b]), (state.g + 1, 1))
            one = expected_entropy_change(z, r, table, eta=1.0)
            first[i] = float(one.first_order)
            bend = float(one.drift) - first[i] + float(one.noise)  # both are of second order in η
            whole_step[:, i] = ETAS * first[i] + ETAS**2 * bend
        return first, whole_step
    rule = UPDATE_RULES[state.update]
    steps = np.stack([rule(z, r, float(b), eta=1.0) for b in BS])
    first = first_order_entropy_change(np.broadcast_to(z, steps.shape), steps)
    moved = ETAS[:, None, None] * steps  # (E, B, A)
    return first, entropy_change(np.broadcast_to(z, moved.shape), moved)


def _order(state: PropositionState) -> Picture:
    """Change against b: first order, and for a step of size η."""
    first, exact = changes(state)
    hard = state.q <= 1 - state.k
    end = 0 if hard else -1
    linear = ETAS[:, None] * first
    slack = 1e-9
    flat = bool(np.ptp(first) < slack)
    holds = (
        (exact >= exact[:, end : end + 1] - slack).all(axis=1) if hard else (exact <= exact[:, -1:] + slack).all(axis=1)
    )
    by_b, by_eta, both = ("b",), ("eta",), ("eta", "b")
    both_curves = np.concatenate([exact, linear], axis=1)
    low, high = both_curves.min(axis=1), both_curves.max(axis=1)
    room = np.maximum(0.08 * (high - low), 1e-4 * ETAS)  # flat curves get an axis, too
    reach = LookupTable(np.stack([low - room, high + room], axis=1), by_eta)
    name = {"groups": "to second order, averaged over groups"}.get(state.update, "exact")
    panel = Panel(
        f"Entropy change of one step: {UPDATES[state.update]}",
        "baseline b",
        "ΔH in nats (the axis follows η)",
        (-0.03, 1.03),
        reach,
        (
            Line(BS, LookupTable(exact, by_eta), BASELINE, name),
            Line(BS, LookupTable(linear, by_eta), MUTED, "first order", "dashed"),
            Points(
                np.array([BS[end]]), LookupTable(exact[:, end][:, None], by_eta), QUANTILE, "K-quantile", "square", 15
            ),
            Points(
                np.array([state.q]),
                LookupTable(np.array([[np.interp(state.q, BS, row)] for row in exact]), by_eta),
                MEAN,
                "mean: b = p",
                "diamond",
                13,
            ),
            GuideLine(LookupTable(BS, by_b), "x", MUTED, "b", "dotted"),
        ),
    )
    kind = np.where(flat, 0.0, np.where(holds, 1.0, 2.0)) if not flat else np.zeros(len(ETAS))
    words = (
        f"{'Hard' if hard else 'Easy'} query: p = {state.q:.2f}, so the K-quantile is b = {0 if hard else 1}. At b = ",
        Number(LookupTable(BS, by_b), 2),
        " and η = ",
        Number(LookupTable(ETAS, by_eta), 2),
        " the entropy changes by ",
        Number(LookupTable(exact, both), 4, True),
        " (first order ",
        Number(LookupTable(linear, both), 4, True),
        "). ",
        Pick(
            LookupTable(kind, by_eta),
            (
                "To first order the change does not depend on b: both inequalities of Proposition 4.2 are equalities.",
                f"No other baseline gives a {'smaller' if hard else 'larger'} change: the order of Proposition 4.2 "
                "holds.",
                f"Another baseline gives a {'smaller' if hard else 'larger'} change: the order of Proposition 4.2 "
                "breaks at this step size.",
            ),
        ),
    )
    return Picture((panel,), words)


def _region(state: PropositionState) -> Picture:
    """For two arms: step sizes up to which the exact entropy keeps each order, against q."""
    q = np.unique(np.concatenate([np.linspace(0.01, 0.99, 197), [0.4999]]))
    ratio = np.log((1 - q) / q)
    low = np.where(q < 0.5, 2 * ratio, np.nan)
    high = np.where(q < 0.5, ratio / (1 - q), np.nan)
    top = 2.0
    here = float(np.log((1 - state.q) / state.q))
    limit_low = 2 * here if state.q < 0.5 else np.inf
    limit_high = here / (1 - state.q) if state.q < 0.5 else np.inf
    hard = state.q <= 1 - state.k
    limit = limit_low if hard else limit_high
    inside = (limit >= ETAS).astype(float)
    item = f"item {1 if hard else 2} (b = {0 if hard else 1} is {'smallest' if hard else 'largest'})"
    panel = Panel(
        "Two arms: largest step that keeps the order of the exact entropy",
        "probability q of the correct arm",
        "step size η",
        (0, 1),
        (0, top),
        (
            Band(q, np.zeros(len(q)), np.where(q < 0.5, np.minimum(low, top), top), QUANTILE, "item 1 holds"),
            Band(q, np.zeros(len(q)), np.where(q < 0.5, np.minimum(high, top), top), THIRD, "item 2 and monotone"),
            Line(q, low, QUANTILE, "η = 2 log((1−q)/q)"),
            Line(q, high, THIRD, "η = log((1−q)/q)/(1−q)", "dashed"),
            GuideLine(1 - state.k, "x", MUTED, "1 − K", "dotted"),
            Points(np.array([state.q]), LookupTable(ETAS[:, None], ("eta",)), BASELINE, "your step", "diamond", 15),
        ),
    )
    words = (
        f"q = {state.q:.2f} is a {'hard' if hard else 'easy'} query for K = {state.k:.2f}, so {item} is what "
        "counts. At η = ",
        Number(LookupTable(ETAS, ("eta",)), 2),
        Pick(LookupTable(inside, ("eta",)), (" the exact entropy does not keep it", " the exact entropy keeps it")),
        f"; the limit is {'none' if not np.isfinite(limit) else f'η = {limit:.3f}'}. From q = 1/2 on, both orders "
        "hold at every step size.",
    )
    return Picture((panel,), words)
