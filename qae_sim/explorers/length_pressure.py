"""The net push of advantages that do not sum to zero, and the pressure on length that token weights make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import expected_advantages
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.explorers.verifier import VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import GuideLine, Line, LookupTable, Number, Panel, Picture, Points, Touch, Words
from qae_sim.pictures.style import BASELINE, FOURTH, MEAN, MUTED, QUANTILE, THIRD

#: Success rates and K of the sliders.
PS = np.round(np.arange(1, 50) * 0.02, 2)
KS = np.round(np.arange(1, 20) * 0.05, 2)
#: By how much the odds of a correct response grow while the length is watched.
ODDS = 0.1

# What the browser looks up depends on these sliders.
_BY_K, _BY_P, _BY_BOTH = ("k",), ("p",), ("k", "p")


@dataclass(frozen=True)
class LengthState(State):
    """Prompts of one success rate, K, and how many tokens a response has."""

    p: float = number(0.3, "Success rate p", 0.02, 0.98, 0.02, local=True)
    k: float = number(0.4, "Quantile K", 0.05, 0.95, 0.05, local=True)
    prompts: str = choice(
        "32", "Prompts in a batch", {n: n for n in ("1", "8", "32", "128", "512")}, help="The token mean counts all."
    )
    g: int = whole(16, "Group size G", 2, 64)
    longer: int = whole(4, "A long response has so many times the tokens", 2, 8)
    verifier: str = verifier()


class LengthPressure(Explorer[LengthState]):
    """Half of the responses are long, correct or not: what an estimator and a loss do to the mean length.

    Example:
        >>> explorer = LengthPressure.from_state("p=.5&k=.8")
        >>> explorer.words()[:53]
        'p = 0.50, K = 0.80: the mean advantage is −1.01 under'
    """

    STATE = LengthState
    PRESETS: ClassVar = {
        "Hard prompt, K = .4": LengthState(),
        "Easy prompt, K = .4": LengthState(p=0.8),
        "K = .8": LengthState(p=0.5, k=0.8),
        "One prompt in the batch": LengthState(prompts="1", g=4),
    }
    LEADING: ClassVar = ("p", "k", "prompts")
    CLAIMS: ClassVar = (
        "estimators.baseline-difference",
        "estimators.length-pressure-sign",
        "estimators.length-pressure-size",
        "estimators.length-pressure-constant",
        "estimators.length-bias",
    )

    def show(self, state: LengthState) -> Picture:
        """Net push, and what becomes of the length, against the success rate."""
        found = model(state)
        # One axis however the verifier errs: what errors do is to be seen.
        most = max(float(np.abs(push / gap).max()) for push, gap in credits(state.g).values())
        reach = 110 * ODDS * most * abs(relative_covariance(token_weights(state.longer, 1)[0], state.longer))
        return Picture((push_panel(found), length_panel(found, reach)), words(found, state))


@dataclass(frozen=True)
class Pressures:
    """Net push and length, for every K and success rate of the sliders.

    Attributes:
        push: Mean advantage of a group under QAE, ``(KS, PS)``.
        own: Change of the mean length with GRPO's weights 1/|o|, in percent while the odds grow by 10 %, ``(KS, PS)``.
        shared: The same with the mean over all tokens of the batch.
        verifier: How the verifier errs.
    """

    push: NDArray[np.float64]
    own: NDArray[np.float64]
    shared: NDArray[np.float64]
    verifier: Verifier


def token_weights(longer: int, others: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean weights of a short response and of a long one, up to a factor: 1/|o|, and 1/Z of all tokens of a batch.

    Args:
        longer: Tokens of a long response; a short one has 1, and either is as likely as the other.
        others: Responses of the batch beside this one.

    Returns:
        Weights under 1/|o| and under 1/Z, each for a short and for a long response.
    """
    lengths = np.array([1.0, longer])
    long = np.arange(others + 1)  # how many of the others are long; chances by logarithms, since 2 ** others is huge
    logs = np.cumsum(np.log(np.concatenate([[1.0], (others - long[1:] + 1) / long[1:]])))
    chance = np.exp(logs - others * np.log(2))
    tokens = others + (longer - 1) * long
    return 1 / lengths, np.array([chance @ (1 / (length + tokens)) for length in lengths])


def relative_covariance(weights: NDArray[np.float64], longer: int) -> float:
    """Cov(|o|, w) / (E|o| E[w]) for a short and a long response that are equally likely."""
    lengths = np.array([1.0, longer])
    return float((lengths * weights).mean() / (lengths.mean() * weights.mean()) - 1)


def model(state: LengthState) -> Pressures:
    """Find the net push, and how fast the mean length changes.

    A response's log-probability moves by its credit: weight times mean advantage, α of a correct and β of a wrong one.
    Lengths do not hang on correctness. So the odds' logarithm moves by (α - β) E[w], and the mean length by
    (pα + (1-p)β) Cov(|o|, w). Where the verifier errs, α and β are those of a response with reward 1 and with reward 0,
    at the success rate q that rewards show; the mean advantage is qα + (1-q)β, and a correct response gets more than a
    wrong one by (1 - f₊ - f₋)(α - β).

    Args:
        state: Batch, group size, lengths and the verifier.

    Returns:
        Net push and length.
    """
    push, gap = credits(state.g)[state.verifier]
    share = 100 * ODDS * push / gap
    own, shared = token_weights(state.longer, int(state.prompts) * state.g - 1)
    by_own, by_shared = (share * relative_covariance(weights, state.longer) for weights in (own, shared))
    return Pressures(push, by_own, by_shared, VERIFIERS[state.verifier])


def _border(verifier: Verifier) -> GuideLine:
    """The success rate at which rewards show 1 - K; none where they show it nowhere."""
    p = verifier.true(1 - KS)
    name = "rewards show 1 − K" if verifier.errs else "1 − K"
    return GuideLine(LookupTable(np.where((p >= 0) & (p <= 1), p, np.nan), _BY_K), "x", MUTED, name, "dotted")


@lru_cache(maxsize=64)
def credits(g: int) -> Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """QAE's expected advantages under each verifier.

    Args:
        g: Group size, >= 2.

    Returns:
        By name of the verifier the mean advantage, and by how much a correct response's is larger than a wrong one's,
        ``(KS, PS)`` each.
    """
    q = np.stack([verifier.seen(PS) for verifier in VERIFIERS.values()])  # (V, PS)
    expected = [expected_advantages("qae", q, g, k=float(k), eps=0) for k in KS]
    alpha, beta = (np.stack([getattr(found, side) for found in expected], axis=1) for side in ("alpha", "beta"))
    push = q[:, None] * alpha + (1 - q[:, None]) * beta
    return {
        name: (push[i], verifier.signal * (alpha[i] - beta[i])) for i, (name, verifier) in enumerate(VERIFIERS.items())
    }


def push_panel(found: Pressures) -> Panel:
    """Draw the mean advantage of QAE and of the mean baseline."""
    here = found.push[:, :, None]
    return Panel(
        "Net push: the mean advantage",
        "success rate p",
        "mean advantage",
        (0, 1),
        (-2.5, 2.5),
        (
            _border(found.verifier),
            Line(PS, np.zeros(len(PS)), MEAN, "mean baseline"),
            Line(PS, LookupTable(found.push, _BY_K), QUANTILE, "QAE", "dashed"),
            Points(LookupTable(PS[:, None], _BY_P), LookupTable(here, _BY_BOTH), QUANTILE, "", "square", 13),
        ),
        touches=(Touch("p"),),
    )


def length_panel(found: Pressures, reach: float) -> Panel:
    """Draw what QAE's net push does to the mean length under each loss."""
    here = found.own[:, :, None]
    return Panel(
        f"Mean length under QAE, while the odds grow by {ODDS:.0%}",
        "success rate p",
        "change in % (below 0: shorter)",
        (0, 1),
        (-reach, reach),
        (
            _border(found.verifier),
            Line(PS, np.zeros(len(PS)), BASELINE, "Dr. GRPO's constant", width=1.5),
            Line(PS, LookupTable(found.own, _BY_K), FOURTH, "GRPO's 1/|o|"),
            Line(PS, LookupTable(found.shared, _BY_K), THIRD, "mean over the batch's tokens", "dashed"),
            Points(LookupTable(PS[:, None], _BY_P), LookupTable(here, _BY_BOTH), FOURTH, "", "diamond", 13),
        ),
        touches=(Touch("p"),),
    )


def words(found: Pressures, state: LengthState) -> Words:
    """Say the net push, and what it does to the length under each loss."""
    return (
        "p = ",
        Number(LookupTable(PS, _BY_P), 2),
        ", K = ",
        Number(LookupTable(KS, _BY_K), 2),
        ": the mean advantage is ",
        Number(LookupTable(found.push, _BY_BOTH), 2, True),
        f" under QAE and 0 under the mean. While the odds of a correct response grow by {ODDS:.0%}, QAE changes the "
        "mean length by ",
        Number(LookupTable(found.own, _BY_BOTH), 2, True),
        " % with GRPO's 1/|o|, by ",
        Number(LookupTable(found.shared, _BY_BOTH), 3, True),
        f" % with a mean over the tokens of a batch of {state.prompts}, and by 0 with Dr. GRPO's constant. The mean "
        "baseline does not change it under any of them.",
        *_errors(found.verifier),
    )


def _errors(verifier: Verifier) -> Words:
    """What errors of the verifier do: to the push, and to what is learned beside it."""
    if not verifier.errs:
        return ()
    return (
        f" Here {verifier.said}, whichever it is: rewards show a success rate of ",
        Number(LookupTable(verifier.seen(PS), _BY_P), 3),
        ", the net push is that of this rate, and with the same advantages the odds of a correct response grow "
        f"{verifier.signal:g} times as fast.",
    )
