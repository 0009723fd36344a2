"""Group bias: HA-DW's Theorems 1 and 2, marginally and with the own reward fixed, and what continuous rewards do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.pictures.scene import GuideLine, Line, LookupTable, Number, Panel, Picture, Points
from qae_sim.pictures.style import BASELINE, CORRECT, MUTED, OTHER, WRONG
from qae_sim.softmax import binomial

PS = np.round(np.arange(1, 100) / 100, 2)


@dataclass(frozen=True)
class BiasState(State):
    """A success rate, a group size, and what is looked at."""

    view: str = choice(
        "bias",
        "View",
        {"bias": "Bias (Theorem 1)", "probability": "How often (Theorem 2)", "continuous": "Beta rewards (Theorem 4)"},
    )
    p: float = number(0.2, "Success rate p", 0.01, 0.99, 0.01, local=True)
    g: int = whole(8, "Group size G", 2, 64)
    eps: float = number(0.0, "Margin ε", 0.0, 0.3, 0.01)
    concentration: float = number(4.0, "α + β of the rewards", 2.0, 20.0, 1.0)
    sigma: float = number(0.1, "Least spread σ of a group", 0.02, 0.5, 0.02)


class GroupBias(Explorer[BiasState]):
    """How the group mean misjudges an advantage, on average over the own reward or given it.

    Example:
        >>> explorer = GroupBias.from_state("p=.55&g=8")
        >>> explorer.words()[:68]
        'At p = 0.55 in mixed groups of 8 the mean advantage is off by −0.003'
    """

    STATE = BiasState
    PRESETS: ClassVar = {
        "Hard prompt": BiasState(p=0.1),
        "Own reward fixed": BiasState(p=0.6),
        "How often": BiasState(view="probability", p=0.2),
        "Beta rewards": BiasState(view="continuous"),
    }
    USES: ClassVar = {
        "bias": ("p", "g"),
        "probability": ("p", "g", "eps"),
        "continuous": ("p", "g", "concentration", "sigma"),
    }
    CLAIMS: ClassVar = (
        "ha-dw.theorem1",
        "ha-dw.theorem1-own-reward",
        "ha-dw.own-reward-threshold",
        "ha-dw.theorem2",
        "ha-dw.corollary1-weighted",
        "ha-dw.continuous-sign",
        "estimators.self-inclusion",
    )

    def show(self, state: BiasState) -> Picture:
        """Draw the chosen view."""
        return {"bias": _bias, "probability": _probability, "continuous": _continuous}[state.view](state)


def mixed(g: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chances of 1..G-1 successes given that a group is mixed, ``(P, G - 1)``, and their p̂."""
    chance = binomial(PS, g)[:, 1:-1]
    return chance / chance.sum(axis=1, keepdims=True), np.arange(1, g) / g


def bias_given(g: int, reward: int | None) -> NDArray[np.float64]:
    """E[A - Â | S], or the same given the own reward: E[p̂ | S, own reward] - p."""
    chance, p_hat = mixed(g)
    weight = chance if reward is None else chance * (p_hat if reward else 1 - p_hat)
    return np.asarray((weight * p_hat).sum(axis=1) / weight.sum(axis=1) - PS)


def _bias(state: BiasState) -> Picture:
    """Three curves: averaged, given a success, given a failure."""
    averaged, right, wrong = (bias_given(state.g, reward) for reward in (None, 1, 0))
    threshold = state.g ** (-1 / (state.g - 1))
    over = ("p",)
    reach = 1.15 * float(np.abs(np.concatenate([right, wrong])).max())
    panel = Panel(
        f"By how much the group mean underestimates the advantage, mixed groups of {state.g}",
        "success rate p",
        "E[A − Â | S]",
        (0, 1),
        (-reach, reach),
        (
            Line(PS, averaged, BASELINE, "own reward averaged out (Theorem 1)"),
            Line(PS, right, CORRECT, "own response correct", "dashed"),
            Line(PS, wrong, WRONG, "own response wrong", "dotted"),
            Points(np.array([threshold]), np.array([0.0]), CORRECT, f"G^(−1/(G−1)) = {threshold:.3f}", "diamond", 13),
            Points(np.array([1 - threshold]), np.array([0.0]), WRONG, "its mirror image", "square", 12),
            GuideLine(0.0, "y", MUTED),
            GuideLine(LookupTable(PS, over), "x", MUTED, "p", "dotted"),
        ),
    )
    words = (
        "At p = ",
        Number(LookupTable(PS, over), 2),
        f" in mixed groups of {state.g} the mean advantage is off by ",
        Number(LookupTable(averaged, over), 3, True),
        " (own reward averaged out), by ",
        Number(LookupTable(right, over), 3, True),
        " for a correct and by ",
        Number(LookupTable(wrong, over), 3, True),
        " for a wrong response. Plus means underestimated. Correct responses are underestimated up to "
        f"p = {threshold:.3f}, not up to .5: Theorem 1 is about the average.",
    )
    return Picture((panel,), words)


def _probability(state: BiasState) -> Picture:
    """Probability of missing by more than ε, against p."""
    chance, p_hat = mixed(state.g)
    under = (chance * (p_hat > PS[:, None] + state.eps + 1e-12)).sum(axis=1)
    over_ = (chance * (p_hat < PS[:, None] - state.eps - 1e-12)).sum(axis=1)
    seen = binomial(PS, state.g)[:, 1:-1].sum(axis=1)
    uniform, weighted = _over_hard_prompts(state)
    over = ("p",)
    panel = Panel(
        f"How often a mixed group of {state.g} misses by more than {state.eps:g}",
        "success rate p",
        "probability",
        (0, 1),
        (0, 1.02),
        (
            Line(PS, under, CORRECT, "underestimated"),
            Line(PS, over_, WRONG, "overestimated", "dashed"),
            Line(PS, seen, OTHER, "chance of a mixed group", "dotted"),
            GuideLine(LookupTable(PS, over), "x", MUTED, "p", "dotted"),
        ),
    )
    words = (
        "At p = ",
        Number(LookupTable(PS, over), 2),
        " a mixed group underestimates the advantage with probability ",
        Number(LookupTable(under, over), 3),
        " and overestimates it with ",
        Number(LookupTable(over_, over), 3),
        f". Averaged over hard prompts, p below .5, that is {uniform:.3f} if every p counts alike, as in the paper's "
        f"Corollary 1, and {weighted:.3f} if p counts by its chance of a mixed group, as the conditional "
        "probability reads.",
    )
    return Picture((panel,), words)


def _over_hard_prompts(state: BiasState) -> tuple[float, float]:
    """Mean probability of underestimating over p below .5, every p alike, and by its chance of a mixed group."""
    p = (np.arange(1000) + 0.5) / 2000
    chance, p_hat = binomial(p, state.g)[:, 1:-1], np.arange(1, state.g) / state.g
    seen = chance.sum(axis=1)
    under = (chance * (p_hat > p[:, None] + state.eps + 1e-12)).sum(axis=1)
    return float((under / seen).mean()), float(under.sum() / seen.sum())


def continuous_bias(concentration: float, g: int, sigma: float) -> NDArray[np.float64]:
    """E[A - Â | spread > σ] for Beta rewards of mean p and α + β = concentration, for every p of the slider.

    With t = F(u), the distribution function at the smallest reward, P(S^c) = G ∫ q^{G-1} dt and
    E[p̂; S^c] = ∫ (u·q + (G-1)·m) q^{G-2} dt, q = F(u⁺) - t, m = ∫ r dF from u to u⁺: smooth but for a kink where
    u⁺ = min(1, u + σ) reaches 1, even if the density has poles. Means above 1/2 mirror those below.
    """
    from scipy.special import betainc, betaincinv

    nodes, weights = np.polynomial.legendre.leggauss(60)
    p = PS[:50, None]
    a, b = p * concentration, (1 - p) * concentration
    kink = betainc(a, b, 1 - sigma)
    alone, tight = np.zeros((50, 1)), np.zeros((50, 1))
    for low, high in ((np.zeros_like(kink), kink), (kink, np.ones_like(kink))):
        t = (low + high) / 2 + (high - low) / 2 * nodes
        weight = (high - low) / 2 * weights
        u = betaincinv(a, b, t)
        end = np.minimum(1.0, u + sigma)
        q = betainc(a, b, end) - t
        m = p * (betainc(a + 1, b, end) - betainc(a + 1, b, u))
        alone += g * (weight * q ** (g - 1)).sum(axis=1, keepdims=True)
        tight += (weight * (u * q + (g - 1) * m) * q ** (g - 2)).sum(axis=1, keepdims=True)
    below = ((p - tight) / (1 - alone) - p)[:, 0]
    below[49] = 0.0  # p = 1/2, by symmetry
    return np.concatenate([below, -below[48::-1]])


def _continuous(state: BiasState) -> Picture:
    """Beta rewards of mean p: density, and the bias against p."""
    from scipy.special import betaln

    u = (np.arange(200) + 0.5) / 200
    bias = continuous_bias(state.concentration, state.g, state.sigma)
    one, other = PS[:, None] * state.concentration, (1 - PS[:, None]) * state.concentration
    shapes = np.exp((one - 1) * np.log(u) + (other - 1) * np.log1p(-u) - betaln(one, other))
    over = ("p",)
    top = float(np.nanmax(np.abs(bias))) * 1.1 + 1e-6
    return Picture(
        (
            Panel(
                "Rewards of one prompt",
                "reward",
                "density",
                (0, 1),
                (0, 6),
                (
                    Line(u, LookupTable(np.minimum(shapes, 50), over), BASELINE, "Beta density"),
                    GuideLine(LookupTable(PS, over), "x", MUTED, "mean p", "dotted"),
                ),
            ),
            Panel(
                f"Bias in groups of {state.g} that spread by more than {state.sigma:g}",
                "mean reward p",
                "E[A − Â | S]",
                (0, 1),
                (-top, top),
                (
                    Line(PS, bias, BASELINE, "own reward averaged out"),
                    GuideLine(0.0, "y", MUTED),
                    GuideLine(LookupTable(PS, over), "x", MUTED, "p", "dotted"),
                ),
            ),
        ),
        (
            f"With Beta rewards, α + β = {state.concentration:g}, and p = ",
            Number(LookupTable(PS, over), 2),
            " the group mean is off by ",
            Number(LookupTable(bias, over), 4, True),
            ". The sign is that of binary rewards; the size is much smaller, because few groups are left out.",
        ),
    )
