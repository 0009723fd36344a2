"""The quantile gate: which responses of a group teach something, and how K decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import expected_advantages, grpo, qae, quantile_baseline
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import (
    Band,
    Bars,
    GuideLine,
    Line,
    LookupTable,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    Ticks,
    Touch,
    Words,
)
from qae_sim.pictures.style import BASELINE, CORRECT, MUTED, OTHER, QUANTILE, THIRD, WRONG
from qae_sim.softmax import binomial

#: Values of K that the slider takes.
KS = np.round(np.arange(1, 100) / 100, 2)

# What the browser looks up depends on one of its sliders, or on both.
_BY_K, _BY_C, _BY_BOTH = ("k",), ("c",), ("k", "c")


@dataclass(frozen=True)
class GateState(State):
    """One group of binary rewards, and K."""

    view: str = choice(
        "group",
        "View",
        {
            "group": "One group",
            "weights": "Weight of a prompt",
            "sparsity": "How many get zero",
            "quantiles": "Paper's quantile and code's",
        },
    )
    k: float = number(
        0.4, "Quantile K", 0.01, 0.99, 0.01, help="The baseline is the K-quantile of the rewards.", local=True
    )
    g: int = whole(16, "Group size G", 2, 32, unit="responses")
    c: int = whole(3, "Correct responses", 0, "g", unit="correct", local=True)
    verifier: str = verifier()
    spread: float = number(
        1.0, "Success rates: Beta(a, a), a", 0.1, 5.0, 0.1, help="Small a: most prompts are very hard or very easy."
    )


class QuantileGate(Explorer[GateState]):
    """Move K, the group's size and the number of correct responses, and see who gets an advantage.

    Example:
        >>> gate = QuantileGate.from_state("k=.4&g=16&c=3")
        >>> gate.words()[:53]
        'Hard prompt: p = 3/16 = 0.188 is at most 1 − K = 0.60'
        >>> gate.set(c=13)
        >>> gate.permalink()
        'view=group&k=0.4&g=16&c=13&verifier=right&spread=1'
    """

    STATE = GateState
    PRESETS: ClassVar = {
        "Hard prompt": GateState(k=0.4, g=16, c=3),
        "Easy prompt": GateState(k=0.4, g=16, c=13),
        "On the threshold": GateState(k=0.4, g=10, c=6),
        "Prompt weights": GateState(view="weights"),
        "80 % zeros": GateState(view="sparsity", spread=0.6),
        "Five of eight": GateState(view="quantiles", g=8, c=5),
    }
    USES: ClassVar = {
        "group": ("k", "g", "c", "verifier"),
        "weights": ("k", "g", "verifier"),
        "sparsity": ("k", "g", "spread", "verifier"),
        "quantiles": ("k", "g", "c"),
    }
    LEADING: ClassVar = ("view", "k", "c", "spread")
    CLAIMS: ClassVar = (
        "qae.eq4",
        "qae.prop4.1",
        "qae.eighty-percent",
        "qae.fig4-rare-weigh-more",
        "qae.eq4-linear",
        "qae.on-policy-gradients-differ",
    )

    def show(self, state: GateState) -> Picture:
        """Draw the chosen view."""
        if state.view == "group":
            group = group_model(state.g)
            return Picture(group_panels(group, state.verifier), group_words(group, state.verifier), row=False)
        if state.view == "weights":
            weights = weights_model(state.g, VERIFIERS[state.verifier])
            return Picture(weights_panels(weights), weights_words(weights))
        if state.view == "sparsity":
            sparsity = sparsity_model(state.g, state.spread, VERIFIERS[state.verifier])
            return Picture(sparsity_panels(sparsity), sparsity_words(sparsity))
        quantiles = quantiles_model(state.g)
        return Picture((quantiles_panel(quantiles),), quantiles_words(quantiles))


def _only(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values where chosen, NaN elsewhere."""
    return np.where(chosen, values, np.nan)


def _sorted_groups(g: int) -> NDArray[np.float64]:
    """All groups of a size, wrong responses first, ``(G + 1, G)`` by the number of correct ones."""
    return (np.arange(1, g + 1) > g - np.arange(g + 1)[:, None]).astype(float)


# --- one group ---


@dataclass(frozen=True)
class GroupModel:
    """All groups of a size, by their number of correct responses, under QAE with every K and under GRPO.

    Attributes:
        g: Their size G.
        rewards: Rewards, sorted, ``(G + 1, G)``.
        qae: QAE's advantages, ``(K, G + 1, G)``.
        baseline: Its baselines, ``(K, G + 1)``.
        grpo: GRPO's advantages, ``(G + 1, G)``.
    """

    g: int
    rewards: NDArray[np.float64]
    qae: NDArray[np.float64]
    baseline: NDArray[np.float64]
    grpo: NDArray[np.float64]


def group_model(g: int) -> GroupModel:
    """Advantages of all groups of a size.

    Args:
        g: The size, >= 2.

    Returns:
        Rewards, baselines and advantages.
    """
    rewards = _sorted_groups(g)
    groups = np.broadcast_to(rewards, (len(KS), *rewards.shape))
    baseline = np.asarray(quantile_baseline(groups, KS[:, None]))
    return GroupModel(g, rewards, np.asarray(qae(groups, KS[:, None])), baseline, grpo(rewards))


def group_panels(group: GroupModel, verifier: str = "right") -> tuple[Panel, Panel]:
    """Draw the sorted rewards with the line at K, and the advantages below; an error of the verifier is marked."""
    g = group.g
    ticks = tuple((float(i), str(i)) for i in range(1, g + 1) if g <= 20 or i % 2 == 0)
    return _rewards_panel(group, ticks, verifier), _advantages_panel(group, ticks)


def _rewards_panel(group: GroupModel, ticks: Ticks, verifier: str) -> Panel:
    """Sorted rewards, the share K of them, and the baseline."""
    g, rewards = group.g, group.rewards
    x = np.arange(1, g + 1).astype(float)
    # The K-quantile of 1, 2, ..., G is the place of the response whose reward is the K-quantile of the rewards.
    place = np.asarray(quantile_baseline(np.broadcast_to(x, (len(KS), g)), KS))
    # The error is the response next to the border: the first that was judged correct, or the last judged wrong.
    c = np.arange(g + 1)
    at = {"right": np.full(g + 1, np.nan), "false_positive": _only(np.asarray(g - c + 1.0, dtype=np.float64), c > 0)}
    at["false_negative"] = _only(np.asarray(g - c, dtype=np.float64), c < g)
    judged = 0.0 if verifier == "false_negative" else 1.0
    error = Points(
        LookupTable(at[verifier][:, None], _BY_C),
        np.array([judged]),
        THIRD,
        "" if verifier == "right" else "the verifier's error",
        "diamond",
        22,
        False,
    )
    return Panel(
        "Rewards of the group, sorted",
        "",
        "",
        (0.5, g + 0.5),
        (-0.5, 1.5),
        (
            Band(
                LookupTable(np.stack([np.full(len(KS), 0.5), 0.5 + KS * g], axis=1), _BY_K),
                np.full(2, -0.5),
                np.full(2, 1.5),
                MUTED,
                "share K",
            ),
            GuideLine(LookupTable(group.baseline, _BY_BOTH), "y", BASELINE, "baseline b", "dashed"),
            Points(x, LookupTable(_only(rewards, rewards == 0), _BY_C), WRONG, "wrong", "cross", 13),
            Points(x, LookupTable(_only(rewards, rewards == 1), _BY_C), CORRECT, "correct", "circle", 13),
            Points(
                LookupTable(place[:, None], _BY_K),
                LookupTable(group.baseline[..., None], _BY_BOTH),
                BASELINE,
                "the K-quantile",
                "square",
                24,
                False,
            ),
            error,
        ),
        ticks,
        ((0.0, "wrong 0"), (1.0, "correct 1")),
        0.72,
        (Touch("k", offset=-0.5 / g, factor=1 / g),),
    )


def _advantages_panel(group: GroupModel, ticks: Ticks) -> Panel:
    """QAE's advantages by their sign, and GRPO's."""
    g, values = group.g, group.qae
    x = np.arange(1, g + 1).astype(float)
    reach = 1.15 * g / np.sqrt(g - 1)  # the largest advantage that a group of this size can have
    return Panel(
        "Advantages: what each response teaches",
        f"response, 1 to {g}",
        "advantage",
        (0.5, g + 0.5),
        (-reach, reach),
        (
            Bars(x, LookupTable(_only(values, values > 0), _BY_BOTH), QUANTILE, "QAE, positive"),
            Bars(x, LookupTable(_only(values, values < 0), _BY_BOTH), QUANTILE, "QAE, negative", hatched=True),
            Points(x, LookupTable(group.grpo, _BY_C), OTHER, "GRPO", "dash", 16),
            Points(x, LookupTable(_only(values, values == 0), _BY_BOTH), MUTED, "QAE, exactly 0", "circle", 10, False),
        ),
        ticks,
        touches=(Touch("c", offset=g + 0.5, factor=-1.0),),
    )


def group_words(group: GroupModel, verifier: str = "right") -> Words:
    """Say whether the prompt is hard or easy, who gets what, and what an error of the verifier gets."""
    g, baseline = group.g, LookupTable(group.baseline, _BY_BOTH)
    share = np.arange(g + 1) / g
    zeros = (group.qae == 0).sum(axis=-1).astype(float)
    most = np.abs(group.qae).max(axis=-1)
    # Who is left with an advantage: 0 the correct ones, 1 the wrong ones, 2 nobody. b = 0 silences the wrong ones.
    left = np.where((share == 0) | (share == 1), 2, group.baseline).astype(float)
    return (
        Pick(baseline, ("Hard", "Easy")),
        " prompt: p = ",
        Number(LookupTable(share * g, _BY_C), 0),
        f"/{g} = ",
        Number(LookupTable(share, _BY_C), 3),
        Pick(baseline, (" is at most", " is above")),
        " 1 − K = ",
        Number(LookupTable(1 - KS, _BY_K), 2),
        ", so the baseline b is ",
        Number(baseline, 0),
        ". ",
        Number(LookupTable(zeros, _BY_BOTH), 0),
        f" of {g} advantages are exactly zero",
        Pick(
            LookupTable(left, _BY_BOTH),
            (
                ", those of the wrong responses. Each correct one gets +",
                ", those of the correct responses. Each wrong one gets −",
                ": all responses are alike, so there is nothing to prefer; the largest is ",
            ),
        ),
        Number(LookupTable(most, _BY_BOTH), 2),
        ". GRPO: ",
        Number(LookupTable(group.grpo[:, -1], _BY_C), 2, True),
        " for the last response, ",
        Number(LookupTable(group.grpo[:, 0], _BY_C), 2, True),
        " for the first.",
        *_error_words(group, verifier),
    )


def _error_words(group: GroupModel, verifier: str) -> Words:
    """What the response that was judged wrongly gets: that of the side to which it was counted."""
    if verifier == "right":
        return ()
    place, name, nobody = (-1, "false positive", 0) if verifier == "false_positive" else (0, "false negative", group.g)
    there = np.arange(group.g + 1) != nobody
    return (
        f" The {name} ",
        Pick(LookupTable(there.astype(float), _BY_C), ("(none in this group) gets ", "gets ")),
        Number(LookupTable(_only(group.qae[:, :, place], there), _BY_BOTH), 2, True),
        " under QAE and ",
        Number(LookupTable(_only(group.grpo[:, place], there), _BY_C), 2, True),
        " under GRPO.",
    )


# --- the weight of a prompt ---


@dataclass(frozen=True)
class WeightsModel:
    """Weights of a prompt by its success rate, P of them, and the speed of learning that comes of them.

    Attributes:
        g: Group size.
        p: Success rates, ``(P,)``.
        successes: QAE's weight of successes, √(p/(1-p)), ``(K, P)``; NaN where it silences them.
        failures: Its weight of failures, √((1-p)/p), ``(K, P)``; NaN where it silences them.
        qae: Expected gradient of QAE along π₊ - π₋ at finite G, ``(K, P)``.
        grpo: The same of GRPO, ``(P,)``.
        slower: GRPO's as a share of what it is with a verifier that is always right, ``(P,)``.
        verifier: How the verifier errs.
    """

    g: int
    p: NDArray[np.float64]
    successes: NDArray[np.float64]
    failures: NDArray[np.float64]
    qae: NDArray[np.float64]
    grpo: NDArray[np.float64]
    slower: NDArray[np.float64]
    verifier: Verifier


def weights_model(g: int, verifier: Verifier = VERIFIERS["right"]) -> WeightsModel:
    """Prompt weights of Eqs. 5 and 6, and the on-policy gradients that they really give.

    Args:
        g: Group size, >= 2.
        verifier: How the verifier errs.

    Returns:
        Weights and gradients.
    """
    p = np.round(np.linspace(0.01, 0.99, 99), 2)
    hard = p <= 1 - KS[:, None] + 1e-12
    # Gradient of each objective along π₊ - π₋ when p is exact: one and the same for both (t·g₊ with g₊ ∝ 1 - p).
    q = verifier.seen(p)
    speed = verifier.speed(_expected_c(q, g), p)
    grpo_speed = verifier.speed(expected_advantages("grpo", q, g, eps=0.0).c, p)
    return WeightsModel(
        g,
        p,
        successes=_only(np.broadcast_to(np.sqrt(p / (1 - p)), hard.shape), hard),
        failures=_only(np.broadcast_to(np.sqrt((1 - p) / p), hard.shape), ~hard),
        qae=speed,
        grpo=grpo_speed,
        slower=grpo_speed / expected_advantages("grpo", p, g, eps=0.0).c,
        verifier=verifier,
    )


def _expected_c(q: NDArray[np.float64], g: int) -> NDArray[np.float64]:
    """QAE's c(q) for all K at once, ``(K, P)``: as :func:`~qae_sim.advantages.expected_advantages` has it for one."""
    rewards = _sorted_groups(g)
    advantages = np.asarray(qae(np.broadcast_to(rewards, (len(KS), *rewards.shape)), KS[:, None], eps=0.0))
    gap = advantages[:, 1:, -1] - advantages[:, :-1, 0]  # a(m + 1, 1) - a(m, 0), beside m that succeed
    return np.asarray(q * (1 - q) * (gap @ binomial(q, g - 1).T))


def weights_panels(weights: WeightsModel) -> tuple[Panel, Panel]:
    """Draw the weights as the paper does, and the gradients that come of them."""
    p = weights.p
    threshold = GuideLine(LookupTable(1 - KS, _BY_K), "x", BASELINE, "1 − K", "dotted")
    as_drawn = Panel(
        "The weight of a prompt, as Fig. 4 draws it",
        "success rate p",
        "weight",
        (0, 1),
        (0, 3),
        (
            Line(p, np.sqrt(p * (1 - p)), OTHER, "GRPO: √(p(1−p))"),
            Line(p, LookupTable(weights.successes, _BY_K), QUANTILE, "QAE, winners: √(p/(1−p))", "dashed"),
            Line(p, LookupTable(weights.failures, _BY_K), QUANTILE, "QAE, losers: √((1−p)/p)", "dotted"),
            threshold,
        ),
        touches=(Touch("k", offset=1.0, factor=-1.0),),
    )
    gradient = Panel(
        f"The gradient that comes of it on-policy, G = {weights.g}",
        "success rate p",
        "speed of learning",
        (0, 1),
        (0, 0.8),
        (
            Line(p, weights.grpo, OTHER, "GRPO"),
            Line(p, LookupTable(weights.qae, _BY_K), QUANTILE, "QAE", "dashed"),
            border(weights.verifier),
        ),
        touches=(Touch("k", offset=1.0, factor=-1.0),),
    )
    return as_drawn, gradient


def border(verifier: Verifier) -> GuideLine:
    """The success rate from which on the verifier shows more than 1 - K; none where it shows that nowhere."""
    p = verifier.true(1 - KS)
    name = "1 − K" if not verifier.errs else "the verifier sees 1 − K"
    return GuideLine(LookupTable(_only(p, (p >= 0) & (p <= 1)), _BY_K), "x", BASELINE, name, "dotted")


def weights_words(weights: WeightsModel) -> Words:
    """Say how much faster or slower than GRPO the gradient makes QAE, and what errors of the verifier do to it."""
    ratio = weights.qae / weights.grpo
    errors = (
        f" Now {weights.verifier.said}, whichever it is: on average the update still points along the gradient, and "
        f"GRPO learns between {weights.slower.min():.2f} and {weights.slower.max():.2f} times as fast as with a "
        f"verifier that is always right (least at p = {weights.p[np.argmin(weights.slower)]:.2f})."
        if weights.verifier.errs
        else ""
    )
    return (
        "On the left the two weights look very different. On the right is what the expected gradient of a group ",
        f"of {weights.g} really makes of them: for K = ",
        Number(LookupTable(KS, _BY_K), 2),
        " QAE learns between ",
        Number(LookupTable(ratio.min(axis=1), _BY_K), 2),
        " and ",
        Number(LookupTable(ratio.max(axis=1), _BY_K), 2),
        " times as fast as GRPO (most at p = ",
        Number(LookupTable(weights.p[np.argmax(ratio, axis=1)], _BY_K), 2),
        "). The expected score is zero, so leaving out one side and reweighing the other changes little; the "
        "larger the group, the less.",
        errors,
    )


# --- how many get zero ---


@dataclass(frozen=True)
class SparsityModel:
    """Shares of zero advantages, by success rate, P of them, and over a distribution of success rates.

    Attributes:
        g: Group size.
        spread: a of the Beta(a, a) that success rates follow.
        p: Success rates, ``(P,)``.
        weight: Their shares of the prompts, ``(P,)``.
        share: Share of responses whose advantage is zero, ``(K, P)``.
        total: Mean of it over the prompts, ``(K,)``.
        resampled: The same if groups whose rewards are all equal are sampled again, ``(K,)``.
        verifier: How the verifier errs.
    """

    g: int
    spread: float
    p: NDArray[np.float64]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    total: NDArray[np.float64]
    resampled: NDArray[np.float64]
    verifier: Verifier


def sparsity_model(g: int, spread: float, verifier: Verifier = VERIFIERS["right"]) -> SparsityModel:
    """Count zero advantages for every K.

    Args:
        g: Group size, >= 2.
        spread: a of Beta(a, a), > 0.
        verifier: How the verifier errs.

    Returns:
        Shares by success rate, and over all prompts.
    """
    p = (np.arange(400) + 0.5) / 400
    n = np.arange(g + 1)
    rewards = _sorted_groups(g)
    zero = (np.asarray(qae(np.broadcast_to(rewards, (len(KS), *rewards.shape)), KS[:, None])) == 0).mean(axis=-1)
    chance = binomial(verifier.seen(p), g)  # (P, G + 1)
    weight = _beta_weights(spread, p)
    mixed = (n > 0) & (n < g)
    kept = chance[:, mixed].sum(axis=1) * weight
    share = zero @ chance.T
    return SparsityModel(
        g,
        spread,
        p,
        weight,
        share,
        total=share @ weight,
        resampled=(zero[:, mixed] @ chance[:, mixed].T) @ weight / kept.sum(),
        verifier=verifier,
    )


def _beta_weights(a: float, p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of success rates under Beta(a, a) on a grid of midpoints."""
    density = np.exp((a - 1) * (np.log(p) + np.log1p(-p)))
    return np.asarray(density / density.sum())


def sparsity_panels(sparsity: SparsityModel) -> tuple[Panel, Panel]:
    """Draw the shares of zeros, and how the success rates are distributed."""
    prompts = sparsity.weight.reshape(20, 20).sum(axis=1)
    zeros = Panel(
        f"Share of responses with advantage zero, G = {sparsity.g}",
        "success rate p",
        "share",
        (0, 1),
        (0, 1.02),
        (
            Line(sparsity.p, LookupTable(sparsity.share, _BY_K), MUTED, "all groups"),
            GuideLine(LookupTable(sparsity.total, _BY_K), "y", QUANTILE, "mean over the prompts", "dashed"),
            GuideLine(0.8, "y", BASELINE, "the paper's 80 %", "dotted"),
            border(sparsity.verifier),
        ),
        touches=(Touch("k", offset=1.0, factor=-1.0),),
    )
    rates = Panel(
        f"Success rates of the prompts: Beta({sparsity.spread:g}, {sparsity.spread:g})",
        "success rate p",
        "share of prompts per 0.05",
        (0, 1),
        (0, max(0.3, 1.1 * float(prompts.max()))),
        (Bars((np.arange(20) + 0.5) / 20, prompts, MUTED, "prompts", 0.045),),
    )
    return zeros, rates


def large_group_share(k: float, verifier: Verifier) -> float:
    """Share of zero advantages as G grows, if every success rate is equally likely.

    Hard prompts silence their losers, easy ones their winners. With q, the success rate that rewards show, uniform from
    f₊ to 1 - f₋, that is the mean of 1 - q up to q = 1 - K and of q from there on; without errors 1/2 + K(1 - K).

    Args:
        k: K, in (0, 1).
        verifier: How the verifier errs.

    Returns:
        The share.

    Example:
        >>> round(large_group_share(0.4, VERIFIERS["right"]), 2)
        0.74
    """
    low, high = verifier.seen(0.0), verifier.seen(1.0)
    gate = min(max(1 - k, low), high)
    return float(((gate - low) * (1 - (low + gate) / 2) + (high - gate) * (gate + high) / 2) / (high - low))


def sparsity_words(sparsity: SparsityModel) -> Words:
    """Say which share gets zero, with and without sampling again."""
    said, large = sparsity.verifier.said, 100 * large_group_share(0.4, sparsity.verifier)
    return (
        "With K = ",
        Number(LookupTable(KS, _BY_K), 2),
        " and these prompts, ",
        Number(LookupTable(100 * sparsity.total, _BY_K), 1),
        " % of all responses get exactly zero; ",
        Number(LookupTable(100 * sparsity.resampled, _BY_K), 1),
        " % if groups whose rewards are all equal are sampled again (dynamic sampling). "
        f"The 80 % of the paper is a property of the prompts: if every success rate is equally "
        f"likely (a = 1), with K = .4 and large groups it is {large:.0f} %.",
        f" Here {said}, and the gate follows what it sees." if said else "",
    )


# --- the paper's quantile and the code's ---


@dataclass(frozen=True)
class QuantilesModel:
    """Baselines of all groups of a size, by their number of correct responses.

    Attributes:
        g: Their size G.
        paper: The paper's K-quantile, ``(K, G + 1)``.
        code: The released code's, which interpolates linearly, ``(K, G + 1)``.
    """

    g: int
    paper: NDArray[np.float64]
    code: NDArray[np.float64]


def quantiles_model(g: int) -> QuantilesModel:
    """Both baselines for every K.

    Args:
        g: Group size, >= 2.

    Returns:
        The baselines.
    """
    rewards = _sorted_groups(g)
    paper = np.stack([quantile_baseline(rewards, k) for k in KS])
    return QuantilesModel(g, paper, np.stack([quantile_baseline(rewards, k, quantile="linear") for k in KS]))


def quantiles_panel(found: QuantilesModel) -> Panel:
    """Draw both baselines against the number of correct responses, with a frame around the chosen group."""
    g, n = found.g, np.arange(found.g + 1).astype(float)
    frame = np.where(n == n[:, None], 0.0, np.nan)  # NaN but at the chosen group
    return Panel(
        f"Baseline of a group of {g}, by its number of correct responses",
        "correct responses",
        "baseline b",
        (-0.5, g + 0.5),
        (-0.1, 1.15),
        (
            Points(n, LookupTable(found.paper, _BY_K), BASELINE, "paper: inverse CDF", "circle", 12),
            Points(n, LookupTable(found.code, _BY_K), WRONG, "released code: linear", "diamond", 12, False),
            Points(n, LookupTable(found.paper[:, None, :] + frame, _BY_BOTH), OTHER, "your group", "square", 26, False),
        ),
        tuple((float(i), str(i)) for i in range(0, g + 1, 1 if g <= 20 else 2)),
    )


def quantiles_words(found: QuantilesModel) -> Words:
    """Say in how many cases the two differ, and what they are here."""
    differ = (np.abs(found.paper - found.code) > 1e-12).sum(axis=1).astype(float)
    return (
        "For K = ",
        Number(LookupTable(KS, _BY_K), 2),
        f" and groups of {found.g} the two baselines differ in ",
        Number(LookupTable(differ, _BY_K), 0),
        f" of {found.g + 1} cases. With ",
        Number(LookupTable(np.arange(found.g + 1).astype(float), _BY_C), 0),
        " correct responses the paper's is ",
        Number(LookupTable(found.paper, _BY_BOTH), 0),
        " and the code's ",
        Number(LookupTable(found.code, _BY_BOTH), 2),
        ".",
    )
