"""The quantile gate: which responses of a group teach something, and how K decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import advantage_table, expected_advantages, grpo, qae, quantile_baseline
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.pictures.scene import Band, Bars, GuideLine, Line, LookupTable, Number, Panel, Pick, Picture, Points
from qae_sim.pictures.style import BASELINE, CORRECT, MUTED, OTHER, QUANTILE, WRONG

#: Values of K that the slider takes.
KS = np.round(np.arange(1, 100) / 100, 2)


@dataclass(frozen=True)
class GateState(State):
    """One group of binary rewards, and K."""

    view: str = choice(
        "group",
        "View",
        {
            "group": "One group",
            "weights": "Weight of a query",
            "sparsity": "How many get zero",
            "quantiles": "Paper's quantile and code's",
        },
    )
    k: float = number(
        0.4, "Quantile K", 0.01, 0.99, 0.01, help="Which share of the group the baseline lies above.", local=True
    )
    g: int = whole(16, "Group size G", 2, 32, unit="responses")
    c: int = whole(3, "Correct responses", 0, "g", unit="correct", local=True)
    spread: float = number(
        1.0, "Success rates: Beta(a, a), a", 0.1, 5.0, 0.1, help="Small a: most queries are very hard or very easy."
    )


class QuantileGate(Explorer[GateState]):
    """Move K, the group's size and the number of correct responses, and see who gets an advantage.

    Example:
        >>> gate = QuantileGate.from_state("k=.4&g=16&c=3")
        >>> gate.words()[:52]
        'Hard query: p = 3/16 = 0.188 is at most 1 − K = 0.60'
        >>> gate.set(c=13)
        >>> gate.permalink()
        'view=group&k=0.4&g=16&c=13&spread=1'
    """

    STATE = GateState
    PRESETS: ClassVar = {
        "Hard query": GateState(k=0.4, g=16, c=3),
        "Easy query": GateState(k=0.4, g=16, c=13),
        "On the threshold": GateState(k=0.4, g=10, c=6),
        "Query weights": GateState(view="weights"),
        "80 % zeros": GateState(view="sparsity", spread=0.6),
        "Five of eight": GateState(view="quantiles", g=8, c=5),
    }
    USES: ClassVar = {
        "group": ("k", "g", "c"),
        "weights": ("k", "g"),
        "sparsity": ("k", "g", "spread"),
        "quantiles": ("k", "g", "c"),
    }
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
        return {"group": _group, "weights": _weights, "sparsity": _sparsity, "quantiles": _quantiles}[state.view](state)


def _only(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values where chosen, NaN elsewhere."""
    return np.where(chosen, values, np.nan)


def _sorted_groups(g: int) -> NDArray[np.float64]:
    """All groups of a size, wrong responses first, ``(G + 1, G)`` by the number of correct ones."""
    return (np.arange(1, g + 1) > g - np.arange(g + 1)[:, None]).astype(float)


def _group(state: GateState) -> Picture:
    """The sorted rewards with the line at K, and the advantages."""
    g = state.g
    rewards = _sorted_groups(g)
    x = np.arange(1, g + 1).astype(float)
    quantile = np.stack([qae(rewards, k) for k in KS])  # (K, G + 1, G)
    base = np.stack([quantile_baseline(rewards, k) for k in KS])  # (K, G + 1)
    # The K-quantile of 1, 2, ..., G is the place of the response whose reward is the K-quantile of the rewards.
    place = np.array([float(quantile_baseline(x, k)) for k in KS])
    mean = grpo(rewards)  # (G + 1, G)
    both, by_k, by_c = ("k", "c"), ("k",), ("c",)
    share = np.arange(g + 1) / g
    zeros = (quantile == 0).sum(axis=-1).astype(float)
    alike = (share == 0) | (share == 1)
    # What a response gets that gets something: +, - or nothing.
    kind = np.where(alike, 2, base).astype(float)
    most = np.abs(quantile).max(axis=-1)
    reach = 1.15 * g / np.sqrt(g - 1)  # the largest advantage that a group of this size can have
    ticks = tuple((float(i), str(i)) for i in range(1, g + 1) if g <= 20 or i % 2 == 0)
    above = Panel(
        "Rewards of the group, sorted",
        "",
        "",
        (0.5, g + 0.5),
        (-0.5, 1.5),
        (
            Band(
                LookupTable(np.stack([np.full(len(KS), 0.5), 0.5 + KS * g], axis=1), by_k),
                np.full(2, -0.5),
                np.full(2, 1.5),
                MUTED,
                "share K",
            ),
            GuideLine(LookupTable(base, both), "y", BASELINE, "baseline b", "dashed"),
            Points(x, LookupTable(_only(rewards, rewards == 0), by_c), WRONG, "wrong", "cross", 13),
            Points(x, LookupTable(_only(rewards, rewards == 1), by_c), CORRECT, "correct", "circle", 13),
            Points(
                LookupTable(place[:, None], by_k),
                LookupTable(base[..., None], both),
                BASELINE,
                "the K-quantile",
                "square",
                24,
                False,
            ),
        ),
        ticks,
        ((0.0, "wrong 0"), (1.0, "correct 1")),
        0.72,
    )
    below = Panel(
        "Advantages: what each response teaches",
        f"response, 1 to {g}",
        "advantage",
        (0.5, g + 0.5),
        (-reach, reach),
        (
            Bars(x, LookupTable(_only(quantile, quantile > 0), both), CORRECT, "QAE, positive"),
            Bars(x, LookupTable(_only(quantile, quantile < 0), both), WRONG, "QAE, negative", hatched=True),
            Points(x, LookupTable(mean, by_c), OTHER, "GRPO", "dash", 16),
            Points(x, LookupTable(_only(quantile, quantile == 0), both), MUTED, "QAE, exactly 0", "circle", 10, False),
        ),
        ticks,
    )
    words = (
        Pick(LookupTable(base, both), ("Hard", "Easy")),
        " query: p = ",
        Number(LookupTable(share * g, by_c), 0),
        f"/{g} = ",
        Number(LookupTable(share, by_c), 3),
        Pick(LookupTable(base, both), (" is at most", " is above")),
        " 1 − K = ",
        Number(LookupTable(1 - KS, by_k), 2),
        ", so the baseline b is ",
        Number(LookupTable(base, both), 0),
        ". ",
        Number(LookupTable(zeros, both), 0),
        f" of {g} advantages are exactly zero",
        Pick(
            LookupTable(kind, both),
            (
                ", those of the wrong responses. Each correct one gets +",
                ", those of the correct responses. Each wrong one gets −",
                ": all responses are alike, so there is nothing to prefer; the largest is ",
            ),
        ),
        Number(LookupTable(most, both), 2),
        ". GRPO: ",
        Number(LookupTable(mean[:, -1], by_c), 2, True),
        " for the last, ",
        Number(LookupTable(mean[:, 0], by_c), 2, True),
        " for the first in the row.",
    )
    return Picture((above, below), words, row=False)


def _weights(state: GateState) -> Picture:
    """Query weights of Eqs. 5 and 6, and the on-policy gradients that they really give at finite G."""
    p = np.round(np.linspace(0.01, 0.99, 99), 2)
    symmetric = np.sqrt(p * (1 - p))
    hard = p <= 1 - KS[:, None] + 1e-12
    rare, left = np.sqrt(p / (1 - p)), np.sqrt((1 - p) / p)
    # Gradient of each objective along π₊ - π₋ when p is exact: one and the same for both (t·g₊ with g₊ ∝ 1 - p).
    speed = np.stack([expected_advantages("qae", p, state.g, k=float(k), eps=0.0).c for k in KS])
    other = expected_advantages("grpo", p, state.g, eps=0.0).c
    over = ("k",)
    here = np.argmax(speed / other, axis=1)
    least, most = (speed / other).min(axis=1), (speed / other).max(axis=1)
    return Picture(
        (
            Panel(
                "The weight of a query, as Fig. 4 draws it",
                "success rate p",
                "weight",
                (0, 1),
                (0, 3),
                (
                    Line(p, symmetric, OTHER, "GRPO: √(p(1−p))"),
                    Line(
                        p,
                        LookupTable(_only(np.broadcast_to(rare, hard.shape), hard), over),
                        CORRECT,
                        "QAE, successes: √(p/(1−p))",
                    ),
                    Line(
                        p,
                        LookupTable(_only(np.broadcast_to(left, hard.shape), ~hard), over),
                        WRONG,
                        "QAE, failures: √((1−p)/p)",
                        "dashed",
                    ),
                    GuideLine(LookupTable(1 - KS, over), "x", BASELINE, "1 − K", "dotted"),
                ),
            ),
            Panel(
                f"The gradient that comes of it on-policy, G = {state.g}",
                "success rate p",
                "speed of learning",
                (0, 1),
                (0, 0.8),
                (
                    Line(p, other, OTHER, "GRPO"),
                    Line(p, LookupTable(speed, over), QUANTILE, "QAE", "dashed"),
                    GuideLine(LookupTable(1 - KS, over), "x", BASELINE, "1 − K", "dotted"),
                ),
            ),
        ),
        (
            "On the left the two weights look very different. On the right is what the expected gradient of a group ",
            f"of {state.g} really makes of them: for K = ",
            Number(LookupTable(KS, over), 2),
            " QAE learns between ",
            Number(LookupTable(least, over), 2),
            " and ",
            Number(LookupTable(most, over), 2),
            " times as fast as GRPO (most at p = ",
            Number(LookupTable(p[here], over), 2),
            "). The expected score is zero, so leaving out one side and reweighing the other changes little; the "
            "larger the group, the less.",
        ),
    )


def _beta_weights(a: float, p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of success rates under Beta(a, a) on a grid of midpoints."""
    density = np.exp((a - 1) * (np.log(p) + np.log1p(-p)))
    return np.asarray(density / density.sum())


def _sparsity(state: GateState) -> Picture:
    """Share of zero advantages against p, and over a distribution of success rates."""
    g = state.g
    p = (np.arange(400) + 0.5) / 400
    n = np.arange(g + 1)
    tables = np.stack([advantage_table("qae", g, k=float(k)) for k in KS])  # (K, G + 1, 2)
    zero = ((tables[..., 1] == 0) * n + (tables[..., 0] == 0) * (g - n)) / g  # (K, G + 1)
    log_choose = np.array([np.sum(np.log(np.arange(g - m + 1, g + 1)) - np.log(np.arange(1, m + 1))) for m in n])
    chance = np.exp(log_choose + n * np.log(p)[:, None] + (g - n) * np.log1p(-p)[:, None])  # (P, G + 1)
    share = zero @ chance.T  # (K, P)
    weight = _beta_weights(state.spread, p)
    total = share @ weight
    mixed = (n > 0) & (n < g)
    kept = chance[:, mixed].sum(axis=1) * weight
    dynamic = (zero[:, mixed] @ chance[:, mixed].T) @ weight / kept.sum()
    over = ("k",)
    return Picture(
        (
            Panel(
                f"Share of responses with advantage zero, G = {g}",
                "success rate p",
                "share",
                (0, 1),
                (0, 1.02),
                (
                    Line(p, LookupTable(share, over), MUTED, "all groups"),
                    GuideLine(LookupTable(total, over), "y", QUANTILE, "mean over the queries", "dashed"),
                    GuideLine(0.8, "y", BASELINE, "the paper's 80 %", "dotted"),
                    GuideLine(LookupTable(1 - KS, over), "x", BASELINE, "1 − K", "dotted"),
                ),
            ),
            Panel(
                f"Success rates of the queries: Beta({state.spread:g}, {state.spread:g})",
                "success rate p",
                "share of queries per 0.05",
                (0, 1),
                (0, max(0.3, 1.1 * float(weight.reshape(20, 20).sum(1).max()))),
                (Bars((np.arange(20) + 0.5) / 20, weight.reshape(20, 20).sum(axis=1), MUTED, "queries", 0.045),),
            ),
        ),
        (
            "With K = ",
            Number(LookupTable(KS, over), 2),
            " and these queries, ",
            Number(LookupTable(100 * total, over), 1),
            " % of all responses get exactly zero; ",
            Number(LookupTable(100 * dynamic, over), 1),
            " % if groups that are all right or all wrong are sampled again (dynamic sampling). "
            "The 80 % of the paper is a property of the queries: with all success rates alike (a = 1), K = .4 and "
            "large groups it is 74 %.",
        ),
    )


def _quantiles(state: GateState) -> Picture:
    """The paper's K-quantile against linear interpolation, for every number of correct responses."""
    g = state.g
    rewards = _sorted_groups(g)
    n = np.arange(g + 1).astype(float)
    paper = np.stack([quantile_baseline(rewards, k) for k in KS])
    code = np.stack([quantile_baseline(rewards, k, quantile="linear") for k in KS])
    chosen = np.arange(g + 1)
    differ = (np.abs(paper - code) > 1e-12).sum(axis=1).astype(float)
    by_k, both = ("k",), ("k", "c")
    ring = np.where(chosen == chosen[:, None], 0.0, np.nan)  # NaN but at the chosen group
    return Picture(
        (
            Panel(
                f"Baseline of a group of {g}, by its number of correct responses",
                "correct responses",
                "baseline b",
                (-0.5, g + 0.5),
                (-0.1, 1.15),
                (
                    Points(n, LookupTable(paper, by_k), BASELINE, "paper: inverse CDF", "circle", 12),
                    Points(n, LookupTable(code, by_k), WRONG, "released code: linear", "diamond", 12, False),
                    Points(n, LookupTable(paper[:, None, :] + ring, both), OTHER, "your group", "square", 26, False),
                ),
                tuple((float(i), str(i)) for i in range(0, g + 1, 1 if g <= 20 else 2)),
            ),
        ),
        (
            "For K = ",
            Number(LookupTable(KS, by_k), 2),
            f" and groups of {g} the two baselines differ in ",
            Number(LookupTable(differ, by_k), 0),
            f" of {g + 1} cases. With ",
            Number(LookupTable(n, ("c",)), 0),
            " correct responses the paper's is ",
            Number(LookupTable(paper, both), 0),
            " and the code's ",
            Number(LookupTable(code, both), 2),
            ".",
        ),
    )
