"""Proposition 4.2: the entropy change as a function of the baseline, under four updates, and where its order holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import (
    Band,
    GuideLine,
    Line,
    LookupTable,
    Note,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    Touch,
    Words,
)
from qae_sim.pictures.style import BASELINE, MEAN, MUTED, QUANTILE, THIRD
from qae_sim.softmax import (
    UPDATE_RULES,
    entropy_change,
    expected_entropy_change,
    first_order_entropy_change,
)

BS = np.round(np.arange(51) * 0.02, 2)
ETAS = np.round(np.arange(1, 101) * 0.02, 2)

# What the browser looks up depends on one of its sliders, or on both.
_BY_B, _BY_ETA, _BY_BOTH = ("b",), ("eta",), ("eta", "b")

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
    verifier: str = verifier()


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
        "Hard prompt": PropositionState(q=0.2, arms=6),
        "Easy prompt": PropositionState(q=0.8, arms=6),
        "Equalities: exact gradient": PropositionState(q=0.2, arms=6, update="policy_gradient"),
        "Sampled groups": PropositionState(q=0.2, arms=6, update="groups"),
        "Counterexample": PropositionState(q=0.49, eta=0.1),
        "Region for two arms": PropositionState(view="region", q=0.49, eta=0.1),
    }
    USES: ClassVar = {
        "order": ("update", "b", "eta", "q", "arms", "skew", "k", "g", "verifier"),
        "region": ("eta", "q", "k"),
    }
    LEADING: ClassVar = ("update", "b", "eta")
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
        if state.view == "order":
            found = order(state)
            return Picture((order_panel(state, found),), order_words(state, found))
        return Picture((region_panel(state),), region_words(state))


def policy(state: PropositionState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits and rewards: the correct arm first, wrong arms with falling probabilities."""
    weights = np.exp(-state.skew * np.arange(state.arms - 1))
    pi = np.concatenate([[state.q], (1 - state.q) * weights / weights.sum()])
    return np.log(pi), (np.arange(state.arms) == 0).astype(float)


def changes(
    state: PropositionState, verifiers: Sequence[Verifier], bs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Entropy changes under V verifiers with B baselines.

    Args:
        state: Policy and update.
        verifiers: How they err.
        bs: The baselines, ``(B,)``.

    Returns:
        First-order changes per η, ``(V, B)``, and changes of whole steps, ``(V, E, B)``.
    """
    z, r = policy(state)
    rho = np.stack([verifier.seen(r) for verifier in verifiers])  # (V, A)
    if state.update == "groups":
        # A step is linear in b, so what is of second order in η is a parabola in b: three baselines tell all others.
        tables = [np.tile(np.array([-b, 1 - b]), (state.g + 1, 1)) for b in (0.0, 0.5, 1.0)]
        found = [expected_entropy_change(np.broadcast_to(z, rho.shape), rho, table, eta=1.0) for table in tables]
        through = np.stack([(1 - bs) * (1 - 2 * bs), 4 * bs * (1 - bs), bs * (2 * bs - 1)])  # (3, B)
        first = np.stack([one.first_order for one in found], axis=1) @ through
        bend = np.stack([one.drift - one.first_order + one.noise for one in found], axis=1) @ through
        return first, ETAS[:, None] * first[:, None] + ETAS[:, None] ** 2 * bend[:, None]
    logits = np.broadcast_to(z, (len(rho), len(bs), len(z)))
    steps = UPDATE_RULES[state.update](logits, rho[:, None], bs, eta=1.0)  # (V, B, A)
    moved = ETAS[:, None, None] * steps[:, None]  # (V, E, B, A)
    return first_order_entropy_change(logits, steps), entropy_change(np.broadcast_to(z, moved.shape), moved)


@dataclass(frozen=True)
class Order:
    """Entropy changes against the baseline, for E step sizes and B baselines, and whether they keep the order.

    Attributes:
        exact: Change of a whole step, ``(E, B)``.
        first_order: The same to first order, ``(E, B)``.
        reach: How far apart the ends of the axis are, ``(E,)``: as far as the paper's update needs.
        middle: Where the middle of the axis is, ``(E,)``: the same however the verifier errs.
        quantile: Place of the K-quantile among the baselines: the first for a hard prompt, the last for an easy one.
        flat: Whether the first-order change does not depend on b.
        holds: Whether, at each step size, the K-quantile's change is the smallest (hard) or the largest (easy).
    """

    exact: NDArray[np.float64]
    first_order: NDArray[np.float64]
    reach: NDArray[np.float64]
    middle: NDArray[np.float64]
    quantile: int
    flat: bool
    holds: NDArray[np.bool_]

    @property
    def hard(self) -> bool:
        """Whether the prompt is hard: the K-quantile is 0."""
        return self.quantile == 0


def order(state: PropositionState) -> Order:
    """Compare the K-quantile with every other baseline.

    Args:
        state: Policy, update and K.

    Returns:
        Changes and verdicts.
    """
    (slope,), (exact,) = changes(state, (VERIFIERS[state.verifier],), BS)
    slack = 1e-9
    hard = VERIFIERS[state.verifier].seen(state.q) <= 1 - state.k
    holds = (exact >= exact[:, :1] - slack) if hard else (exact <= exact[:, -1:] + slack)
    low, high = _ends(state)
    papers = (low, high) if state.update == "paper" else _ends(state.with_(update="paper"))
    # One scale for all updates: a line that gets flat looks flat. Only where it stands may differ.
    reach = 1.16 * np.maximum(papers[1] - papers[0], high - low)
    return Order(
        exact=exact,
        reach=np.maximum(reach, 2e-4 * ETAS),
        middle=(low + high) / 2,
        first_order=ETAS[:, None] * slope,
        quantile=0 if hard else len(BS) - 1,
        flat=bool(np.ptp(slope) < slack),
        holds=np.asarray(holds.all(axis=1)),
    )


def _ends(state: PropositionState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and largest change under any verifier, to first order or exact, ``(E,)`` each, by some baselines."""
    slope, exact = changes(state, tuple(VERIFIERS.values()), BS[::10])
    both = np.concatenate([exact, ETAS[:, None] * slope[:, None]], axis=-1)
    return both.min(axis=(0, 2)), both.max(axis=(0, 2))


def order_panel(state: PropositionState, found: Order) -> Panel:
    """Draw both changes against b, and where mean and K-quantile stand."""
    exact = found.exact
    verifier = VERIFIERS[state.verifier]
    mean = float(verifier.seen(state.q))
    at_mean = np.array([[np.interp(mean, BS, row)] for row in exact])
    at_quantile = exact[:, found.quantile][:, None]
    half, middle = found.reach / 2, found.middle
    name_of_mean = "mean: b = q" if verifier.errs else "mean: b = p"
    name = {"groups": "to second order, averaged over groups"}.get(state.update, "exact")
    return Panel(
        f"Entropy change of one step: {UPDATES[state.update]}",
        "baseline b",
        "ΔH in nats (one scale for all updates)",
        (-0.03, 1.03),
        LookupTable(np.stack([middle - half, middle + half], axis=1), _BY_ETA),
        (
            Line(BS, LookupTable(exact, _BY_ETA), BASELINE, name),
            Line(BS, LookupTable(found.first_order, _BY_ETA), MUTED, "first order", "dashed"),
            Points(BS[[found.quantile]], LookupTable(at_quantile, _BY_ETA), QUANTILE, "K-quantile", "square", 15),
            Points(np.array([mean]), LookupTable(at_mean, _BY_ETA), MEAN, name_of_mean, "diamond", 13),
            GuideLine(LookupTable(BS, _BY_B), "x", MUTED, "b", "dotted"),
        ),
        touches=(Touch("b"),),
    )


def order_words(state: PropositionState, found: Order) -> Words:
    """Say by how much the entropy changes, and whether the order holds."""
    kind = np.zeros(len(ETAS)) if found.flat else np.where(found.holds, 1.0, 2.0)
    extreme = "smaller" if found.hard else "larger"
    verifier = VERIFIERS[state.verifier]
    seen = f", and q = {verifier.seen(state.q):.2f} is what rewards show" if verifier.errs else ""
    return (
        f"{'Hard' if found.hard else 'Easy'} prompt: p = {state.q:.2f}{seen}, so the K-quantile is "
        f"b = {0 if found.hard else 1}. At b = ",
        Number(LookupTable(BS, _BY_B), 2),
        " and η = ",
        Number(LookupTable(ETAS, _BY_ETA), 2),
        " the entropy changes by ",
        Number(LookupTable(found.exact, _BY_BOTH), 4, True),
        " (first order ",
        Number(LookupTable(found.first_order, _BY_BOTH), 4, True),
        "). ",
        Pick(
            LookupTable(kind, _BY_ETA),
            (
                "To first order the change does not depend on b: both inequalities of Proposition 4.2 are equalities.",
                f"No other baseline gives a {extreme} change: the order of Proposition 4.2 holds.",
                f"Another baseline gives a {extreme} change: the order of Proposition 4.2 breaks at this step size.",
            ),
        ),
        f" Here {verifier.said}, whichever it is. To first order that moves the whole line up or down and leaves its "
        "slope in b as it is."
        if verifier.errs
        else "",
    )


def step_limits(q: Any) -> tuple[Any, Any]:
    """Largest step sizes of two arms up to which the exact entropy keeps each order.

    Args:
        q: Probability of the correct arm, in (0, 1).

    Returns:
        For item 1 (b = 0 is smallest) and item 2 (b = 1 is largest): 2·log((1-q)/q) and log((1-q)/q)/(1-q), infinite
        from q = 1/2 on.
    """
    ratio = np.log((1 - q) / q)
    return np.where(q < 0.5, 2 * ratio, np.inf), np.where(q < 0.5, ratio / (1 - q), np.inf)


def region_panel(state: PropositionState) -> Panel:
    """Draw both limits against q, and the step that is chosen."""
    q = np.unique(np.concatenate([np.linspace(0.01, 0.99, 197), [0.4999]]))
    low, high = step_limits(q)
    top = 2.0
    return Panel(
        "Two arms: largest step that keeps the order of the exact entropy",
        "probability q of the correct arm",
        "step size η",
        (0, 1),
        (0, top),
        (
            Band(q, np.zeros(len(q)), np.minimum(low, top), QUANTILE, "item 1 holds"),
            Band(q, np.zeros(len(q)), np.minimum(high, top), THIRD, "item 2 holds, too"),
            Line(q, np.where(np.isinf(low), np.nan, low), QUANTILE, "η = 2 log((1−q)/q)"),
            Line(q, np.where(np.isinf(high), np.nan, high), THIRD, "η = log((1−q)/q)/(1−q)", "dashed"),
            GuideLine(1 - state.k, "x", MUTED, "1 − K", "dotted"),
            Points(np.array([state.q]), LookupTable(ETAS[:, None], _BY_ETA), BASELINE, "your step", "diamond", 15),
            Note(0.42, 1.8, ("both orders break",), MUTED, "center"),
        ),
        touches=(Touch("eta", along="y"),),
    )


def region_words(state: PropositionState) -> Words:
    """Say which order counts, and whether the step that is chosen keeps it."""
    hard = state.q <= 1 - state.k
    limit = float(step_limits(state.q)[0 if hard else 1])
    inside = (limit >= ETAS).astype(float)
    item = f"item {1 if hard else 2} (b = {0 if hard else 1} is {'smallest' if hard else 'largest'})"
    return (
        f"q = {state.q:.2f} is a {'hard' if hard else 'easy'} prompt for K = {state.k:.2f}, so {item} is what "
        "counts. At η = ",
        Number(LookupTable(ETAS, _BY_ETA), 2),
        Pick(LookupTable(inside, _BY_ETA), (" the exact entropy does not keep it", " the exact entropy keeps it")),
        f"; the limit is {'none' if not np.isfinite(limit) else f'η = {limit:.3f}'}. From q = 1/2 on, both orders "
        "hold at every step size.",
    )
