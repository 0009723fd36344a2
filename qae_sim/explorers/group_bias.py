"""Group bias: HA-DW's Theorems 1 and 2, marginally and with the own reward fixed, and what continuous rewards do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import RATE, VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import GuideLine, Layer, Line, LookupTable, Number, Panel, Picture, Points, Touch, Words
from qae_sim.pictures.style import BASELINE, CORRECT, MUTED, OTHER, WRONG
from qae_sim.softmax import binomial

#: Success rates that the slider takes.
PS = np.round(np.arange(1, 100) / 100, 2)

# What the browser looks up depends on this slider.
_BY_P = ("p",)
_P = LookupTable(PS, _BY_P)


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
    verifier: str = verifier()


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
        "False positives": BiasState(p=0.1, verifier="false_positive"),
    }
    USES: ClassVar = {
        "bias": ("p", "g", "verifier"),
        "probability": ("p", "g", "eps", "verifier"),
        "continuous": ("p", "g", "concentration", "sigma"),
    }
    LEADING: ClassVar = ("view", "p", "g")
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
        if state.view == "bias":
            bias = bias_model(state.g, VERIFIERS[state.verifier])
            return Picture((bias_panel(bias),), bias_words(bias))
        if state.view == "probability":
            misses = misses_model(state.g, state.eps, VERIFIERS[state.verifier])
            return Picture((misses_panel(misses),), misses_words(misses))
        beta = beta_model(state.concentration, state.g, state.sigma)
        return Picture((density_panel(beta), beta_bias_panel(beta)), beta_words(beta))


def mixed(g: int, verifier: Verifier = VERIFIERS["right"]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chances of 1..G-1 rewards given that both rewards occur, ``(P, G - 1)``, and their p̂."""
    chance = binomial(verifier.seen(PS), g)[:, 1:-1]
    return chance / chance.sum(axis=1, keepdims=True), np.arange(1, g) / g


def bias_given(g: int, reward: int | None, verifier: Verifier = VERIFIERS["right"]) -> NDArray[np.float64]:
    """E[A - Â | S], or the same given whether the own response is correct, for every p of the slider.

    A = r - p by correctness, Â = r̃ - p̂ by the verifier, and S that both rewards occur. Given the own reward r̃, nothing
    else of the group hangs on r, so with τ = P(r = 1 | r̃)

        E[A - Â | S] = Σ P(r̃ | S) (τ - p - r̃ + E[p̂ | S, r̃]).

    Args:
        g: Group size, >= 2.
        reward: r, 1 for a correct response; None averages over it.
        verifier: How the verifier errs.

    Returns:
        The biases, ``(P,)``; without errors E[p̂ | S, r] - p.
    """
    chance, p_hat = mixed(g, verifier)
    q = verifier.seen(PS)
    given = {0: chance * (1 - p_hat), 1: chance * p_hat}  # own reward r̃ and p̂
    among_rewarded = (1 - verifier.false_negatives) * PS / q
    among_others = verifier.false_negatives * PS / (1 - q)
    found, total = np.zeros(len(PS)), np.zeros(len(PS))
    for seen, tau in ((0, among_others), (1, among_rewarded)):
        for r, share in ((0, 1 - tau), (1, tau)):
            if reward in (None, r):
                weight = given[seen] * share[:, None]
                found += (weight * (r - PS[:, None] - seen + p_hat)).sum(axis=1)
                total += weight.sum(axis=1)
    return found / total


# --- Theorem 1 ---


@dataclass(frozen=True)
class BiasModel:
    """By how much the mean of a mixed group underestimates the advantage, for every p of the slider.

    Attributes:
        g: Group size.
        averaged: Own reward averaged out, ``(P,)``.
        correct: Given that the own response is correct, ``(P,)``.
        wrong: Given that it is wrong, ``(P,)``.
        reach: How far the axis goes: the same however the verifier errs.
        verifier: How the verifier errs.
    """

    g: int
    averaged: NDArray[np.float64]
    correct: NDArray[np.float64]
    wrong: NDArray[np.float64]
    reach: float
    verifier: Verifier

    @property
    def threshold(self) -> float:
        """Success rate up to which correct responses are underestimated, G^(-1/(G-1))."""
        return float(self.g ** (-1 / (self.g - 1)))


def bias_model(g: int, verifier: Verifier = VERIFIERS["right"]) -> BiasModel:
    """The bias in groups of a size, >= 2."""
    every = {one: [bias_given(g, reward, one) for reward in (None, 1, 0)] for one in VERIFIERS.values()}
    averaged, correct, wrong = every[verifier]
    return BiasModel(g, averaged, correct, wrong, 1.15 * float(np.abs(list(every.values())).max()), verifier)


def bias_panel(bias: BiasModel) -> Panel:
    """Draw three curves: averaged, given a success, given a failure."""
    g, threshold, reach = bias.g, bias.threshold, bias.reach
    thresholds: tuple[Layer, ...] = (
        Points(np.array([threshold]), np.array([0.0]), CORRECT, f"G^(−1/(G−1)) = {threshold:.3f}", "diamond", 13),
        Points(np.array([1 - threshold]), np.array([0.0]), WRONG, "its mirror image", "square", 12),
    )
    turn = float(bias.verifier.true(0.5))
    if bias.verifier.errs:  # where the averages given correctness change sign is another place, with no such formula
        thresholds = (Points(np.array([turn]), np.array([0.0]), BASELINE, f"q = 1/2: p = {turn:.3f}", "diamond", 13),)
    return Panel(
        f"By how much the group mean underestimates the advantage, mixed groups of {g}",
        "success rate p",
        "E[A − Â | S]",
        (0, 1),
        (-reach, reach),
        (
            Line(PS, bias.averaged, BASELINE, "own reward averaged out (Theorem 1)"),
            Line(PS, bias.correct, CORRECT, "own response correct", "dashed"),
            Line(PS, bias.wrong, WRONG, "own response wrong", "dotted"),
            *thresholds,
            GuideLine(0.0, "y", MUTED),
            GuideLine(_P, "x", MUTED, "p", "dotted"),
        ),
        touches=(Touch("p"),),
    )


def bias_words(bias: BiasModel) -> Words:
    """Say what the bias is here."""
    return (
        "At p = ",
        Number(_P, 2),
        f" in mixed groups of {bias.g} the mean advantage is off by ",
        Number(LookupTable(bias.averaged, _BY_P), 3, True),
        " (own reward averaged out), by ",
        Number(LookupTable(bias.correct, _BY_P), 3, True),
        " for a correct and by ",
        Number(LookupTable(bias.wrong, _BY_P), 3, True),
        " for a wrong response. Plus means underestimated. ",
        f"Here {bias.verifier.said}, whichever it is. The average is that of Theorem 1 at the success rate q that "
        f"rewards show, times (1 − f) p(1 − p)/(q(1 − q)) with f = {RATE}, so it changes its sign at q = 1/2, which is "
        f"p = {bias.verifier.true(0.5):.3f}."
        if bias.verifier.errs
        else f"Correct responses are underestimated up to p = {bias.threshold:.3f}, not up to .5: Theorem 1 is about "
        "the average.",
    )


# --- Theorem 2 ---


@dataclass(frozen=True)
class MissesModel:
    """How often a mixed group misses by more than a margin, for every p of the slider.

    Attributes:
        g: Group size.
        eps: The margin ε.
        under: Probability of underestimating the advantage, ``(P,)``.
        over: Probability of overestimating it, ``(P,)``.
        mixed: Chance of a mixed group, ``(P,)``.
        hard_uniform: Mean of ``under`` over hard prompts, p below .5, every p alike.
        hard_weighted: The same, each p by its chance of a mixed group.
        verifier: How the verifier errs.
    """

    g: int
    eps: float
    under: NDArray[np.float64]
    over: NDArray[np.float64]
    mixed: NDArray[np.float64]
    hard_uniform: float
    hard_weighted: float
    verifier: Verifier


def misses_model(g: int, eps: float, verifier: Verifier = VERIFIERS["right"]) -> MissesModel:
    """Probabilities of missing by more than ε in groups of a size.

    Args:
        g: Group size, >= 2.
        eps: The margin, >= 0.
        verifier: How the verifier errs.

    Returns:
        Probabilities for every p, and over hard prompts.
    """
    chance, p_hat = mixed(g, verifier)
    under = (chance * (p_hat > PS[:, None] + eps + 1e-12)).sum(axis=1)
    over = (chance * (p_hat < PS[:, None] - eps - 1e-12)).sum(axis=1)
    seen = binomial(verifier.seen(PS), g)[:, 1:-1].sum(axis=1)
    return MissesModel(g, eps, under, over, seen, *_over_hard_prompts(g, eps, verifier), verifier=verifier)


def _over_hard_prompts(g: int, eps: float, verifier: Verifier) -> tuple[float, float]:
    """Mean probability of underestimating over p below .5, every p alike, and by its chance of a mixed group."""
    p = (np.arange(1000) + 0.5) / 2000
    chance, p_hat = binomial(verifier.seen(p), g)[:, 1:-1], np.arange(1, g) / g
    seen = chance.sum(axis=1)
    under = (chance * (p_hat > p[:, None] + eps + 1e-12)).sum(axis=1)
    return float((under / seen).mean()), float(under.sum() / seen.sum())


def misses_panel(misses: MissesModel) -> Panel:
    """Draw both probabilities, and how often a group is mixed at all."""
    return Panel(
        f"How often a mixed group of {misses.g} misses by more than {misses.eps:g}",
        "success rate p",
        "probability",
        (0, 1),
        (0, 1.02),
        (
            Line(PS, misses.under, CORRECT, "underestimated"),
            Line(PS, misses.over, WRONG, "overestimated", "dashed"),
            Line(PS, misses.mixed, OTHER, "chance of a mixed group", "dotted"),
            GuideLine(_P, "x", MUTED, "p", "dotted"),
        ),
        touches=(Touch("p"),),
    )


def misses_words(misses: MissesModel) -> Words:
    """Say how often it misses here, and over hard prompts."""
    return (
        "At p = ",
        Number(_P, 2),
        " a mixed group underestimates the advantage with probability ",
        Number(LookupTable(misses.under, _BY_P), 3),
        " and overestimates it with ",
        Number(LookupTable(misses.over, _BY_P), 3),
        f". Averaged over hard prompts, p below .5, that is {misses.hard_uniform:.3f} if every p counts alike, as in "
        f"the paper's Corollary 1, and {misses.hard_weighted:.3f} if p counts by its chance of a mixed group, as the "
        "conditional probability reads.",
        f" Here {misses.verifier.said}, whichever it is; p counts correct responses, and the response itself "
        "is one that is judged rightly."
        if misses.verifier.errs
        else "",
    )


# --- Theorem 4 ---


@dataclass(frozen=True)
class BetaModel:
    """Beta rewards, for every mean p of the slider.

    Attributes:
        concentration: α + β.
        g: Group size.
        sigma: Groups that spread by more than this count.
        reward: Rewards, ``(R,)``.
        density: Their densities, ``(P, R)``.
        bias: E[A - Â | S], ``(P,)``.
    """

    concentration: float
    g: int
    sigma: float
    reward: NDArray[np.float64]
    density: NDArray[np.float64]
    bias: NDArray[np.float64]


def beta_model(concentration: float, g: int, sigma: float) -> BetaModel:
    """Densities and biases.

    Args:
        concentration: α + β, > 0.
        g: Group size, >= 2.
        sigma: Least spread of a group that counts, in (0, 1).

    Returns:
        Both, for every p.
    """
    from scipy.special import betaln

    u = (np.arange(200) + 0.5) / 200
    a, b = PS[:, None] * concentration, (1 - PS[:, None]) * concentration
    density = np.exp((a - 1) * np.log(u) + (b - 1) * np.log1p(-u) - betaln(a, b))
    return BetaModel(concentration, g, sigma, u, density, continuous_bias(concentration, g, sigma))


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


def density_panel(beta: BetaModel) -> Panel:
    """Draw how the rewards of one prompt are distributed."""
    density = LookupTable(np.minimum(beta.density, 50), _BY_P)  # it may have poles
    layers = (Line(beta.reward, density, BASELINE, "Beta density"), GuideLine(_P, "x", MUTED, "mean p", "dotted"))
    return Panel("Rewards of one prompt", "reward", "density", (0, 1), (0, 6), layers)


def beta_bias_panel(beta: BetaModel) -> Panel:
    """Draw the bias against the mean reward."""
    top = float(np.nanmax(np.abs(beta.bias))) * 1.1 + 1e-6
    return Panel(
        f"Bias in groups of {beta.g} that spread by more than {beta.sigma:g}",
        "mean reward p",
        "E[A − Â | S]",
        (0, 1),
        (-top, top),
        (
            Line(PS, beta.bias, BASELINE, "own reward averaged out"),
            GuideLine(0.0, "y", MUTED),
            GuideLine(_P, "x", MUTED, "p", "dotted"),
        ),
        touches=(Touch("p"),),
    )


def beta_words(beta: BetaModel) -> Words:
    """Say by how much the group mean is off here."""
    return (
        f"With Beta rewards, α + β = {beta.concentration:g}, and p = ",
        Number(_P, 2),
        " the group mean is off by ",
        Number(LookupTable(beta.bias, _BY_P), 4, True),
        ". The sign is that of binary rewards; the size is much smaller, because few groups are left out.",
    )
