"""Credit within responses: sentences, turns and steps of a tree get advantages of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import (
    Tree,
    attn_rl,
    decoupled_gae,
    dr_grpo,
    fspo,
    gae,
    grpo,
    gtpo,
    length_adaptive_gae,
    match_tir,
    optimal_token_baseline,
    reg_grpo,
    rl_zvp,
    tree_opo,
    tree_opo_heuristic,
)
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, numbers
from qae_sim.pictures.scene import Bars, GuideLine, Panel, Picture, Points
from qae_sim.pictures.style import BASELINE, MEAN, MUTED, QUANTILE, THIRD

METHODS = {
    "fspo": "FSPO: sentences",
    "match_tir": "MatchTIR: turns",
    "attn_rl": "AttnRL: steps of a tree",
    "tree_opo": "Tree-OPO: prefixes",
    "rl_zvp": "RL-ZVP: tokens of equal rewards",
    "gtpo": "GTPO: shares of entropy",
    "optimal_token_baseline": "Optimal token baseline",
    "gae": "GAE: a critic",
    "decoupled_gae": "Decoupled GAE (VC-PPO)",
    "length_adaptive_gae": "Length-adaptive GAE (VAPO)",
    "reg_grpo": "Reg-GRPO: a regression",
}

#: Three steps of two choices: nodes 1-2, 3-6, and the leaves 7-14.
_BINARY = Tree((-1, 0, 0, *(i // 2 for i in range(2, 14))))

#: The prompt, two first steps, and what goes on from them.
_PREFIXES = Tree((-1, 0, 0, 1, 1, 2, 2, 3))

#: Where the eight numbers are drawn.
_AT = np.arange(1.0, 9.0)


@dataclass(frozen=True)
class PartState(State):
    """Eight numbers, and what to make of them."""

    method: str = choice("fspo", "Method", METHODS)
    x: tuple[float, ...] = numbers(
        (1.0, 1.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.5),
        "Number",
        0.0,
        1.0,
        0.1,
        help="Truth of sentences, rewards of turns, leaves or prefixes, entropies, probabilities or values of tokens, "
        "or log-ratios of responses.",
    )
    margin: float = number(0.5, "Margin δ (Tree-OPO)", 0.0, 1.5, 0.1)


@dataclass(frozen=True)
class Credit:
    """What a method makes of the eight numbers.

    Attributes:
        input: What the eight numbers are.
        places: What the eight places are.
        rows: By name positions and advantages.
        said: A sentence.
    """

    input: str
    places: str
    rows: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    said: str


class PartAdvantages(Explorer[PartState]):
    """Give parts of responses advantages of their own, and see what one advantage for all would have said.

    Example:
        >>> PartAdvantages.from_state("method=tree_opo&margin=0.5").words()[:54]
        'Tree-OPO: prefixes. The centred rewards obey the order'
    """

    STATE = PartState
    PRESETS: ClassVar = {
        "A false sentence": PartState("fspo", (1.0, 0.0, 1.0, 0.5, 1.0, 1.0, 0.0, 0.5)),
        "A useless call": PartState("match_tir", (1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
        "One way is better": PartState("attn_rl", (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
        "The tree plays no part": PartState("tree_opo", (0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0)),
        "A larger margin": PartState("tree_opo", (0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0), 1.5),
        "Any scale will do": PartState("reg_grpo", (0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0)),
    }
    LEADING: ClassVar = ("method", "margin")
    CLAIMS: ClassVar = (
        "fspo.facts-decide",
        "match-tir.greedy",
        "attn-rl.siblings",
        "tree-opo.order",
        "reg-grpo.scale",
    )

    def show(self, state: PartState) -> Picture:
        """The numbers above, the advantages below."""
        credit = _METHODS[state.method](state)
        ticks = tuple((i, str(int(i))) for i in _AT)
        given = Panel(
            credit.input,
            "",
            "",
            (0.4, 8.6),
            (0, 1.15),
            (Bars(_AT, np.array(state.x), MUTED, "", 0.5),),
            ticks,
            weight=0.5,
        )
        reach = max(1.5, 1.5 * max(float(np.nanmax(np.abs(a), initial=0.0)) for _, a in credit.rows.values()))
        styles = ((BASELINE, "dash"), (MEAN, "circle"), (QUANTILE, "square"), (THIRD, "diamond"))
        shown = tuple(
            Points(places, a, colour, name, marker, 14)
            for (name, (places, a)), (colour, marker) in zip(credit.rows.items(), styles, strict=False)
        )
        advantages = Panel(
            "Advantages" if state.method != "reg_grpo" else "Standardised",
            credit.places,
            "",
            (0.4, 8.6),
            (-reach, 1.3 * reach),  # room for the legend
            (GuideLine(0.0, "y", BASELINE), *shown),
            ticks,
        )
        return Picture((given, advantages), (f"{METHODS[state.method]}. {credit.said}",), row=False)


def _sentences(state: PartState) -> Credit:
    """A correct response of four sentences, and a wrong one."""
    marks = np.sign(np.array(state.x) - 0.5).reshape(2, 4)
    found = fspo([1.0, 0.0], marks)
    plain = np.repeat(grpo([1.0, 0.0]), 4)
    turned = int((np.sign(found.ravel()) != np.sign(plain)).sum())
    return Credit(
        "Truth of sentences (1 true, .5 unchecked, 0 false)",
        "sentence: 1-4 of the correct response, 5-8 of the wrong one",
        {"one for all (GRPO)": (_AT, plain), "fspo": (_AT + 0.2, found.ravel())},
        f"Facts turn the sign of {turned} of 8 sentences; sizes stay.",
    )


def _turns(state: PartState) -> Credit:
    """Two trajectories of four turns."""
    rewards = np.array(state.x).reshape(2, 4)
    found = np.concatenate(match_tir(list(rewards)))
    whole = np.repeat(grpo(rewards.sum(axis=1)), 4)
    return Credit(
        "Rewards of turns",
        "turn: 1-4 of the first trajectory, 5-8 of the second",
        {"one for all (z-score of the sum)": (_AT, whole), "match_tir": (_AT + 0.2, found)},
        "Half of a turn's advantage is its trajectory's, half comes from the same turn of the other one, "
        "later rewards discounted by .9 each turn.",
    )


def _steps(state: PartState) -> Credit:
    """Three steps of two choices each."""
    found = attn_rl(state.x, _BINARY)
    value = np.array(state.x)
    first = value[:4].mean() - value[4:].mean()
    return Credit(
        "Rewards of the eight leaves",
        "leaf; a step stands in the middle of its leaves",
        {
            "one for all (Dr. GRPO)": (_AT, dr_grpo(value)),
            "first step": (np.array([2.5, 6.5]), found[1:3]),
            "second step": (np.array([1.5, 3.5, 5.5, 7.5]), found[3:7]),
            "third step": (_AT, found[7:]),
        },
        f"Below the first choice on the left {value[:4].mean():.0%} succeed, {100 * abs(first):.0f} points "
        f"{'more' if first >= 0 else 'fewer'} than on the right; each step is told what it changed.",
    )


def _prefixes(state: PartState) -> Credit:
    """Completions of eight prefixes."""
    rewards = (np.array(state.x) >= 0.5).astype(float)
    centred = rewards - rewards.mean()
    try:
        found = tree_opo(rewards, _PREFIXES, margin=state.margin)
        moved = float(np.abs(found - centred).max())
        said = (
            "The centred rewards obey the order of the tree already, and the projection leaves them as they are."
            if moved < 1e-6
            else f"The order of the tree moves advantages by up to {moved:.2f}."
        )
    except ValueError:
        found, said = np.full(8, np.nan), "No advantages obey such a margin within the norm."
    return Credit(
        "Reward of the response (1 from .5 on)",
        "prefix: 1 the prompt; 2, 3 go on from 1; 4, 5 from 2; 6, 7 from 3; 8 from 4",
        {
            "centred rewards (Dr. GRPO)": (_AT, centred),
            "tree_opo": (_AT - 0.2, found),
            "heuristic, expectation": (_AT + 0.2, tree_opo_heuristic(rewards, _PREFIXES)),
        },
        said,
    )


#: Two responses of four tokens, a correct one and a wrong one.
_TOKENS = "token: 1-4 of the correct response, 5-8 of the wrong one"
_OWN = np.ones((2, 4), dtype=bool)


def _silent(state: PartState) -> Credit:
    """Four responses of two tokens: two to a prompt that is always answered right, two to one that is never."""
    entropies = np.array(state.x).reshape(2, 2, 2)
    found = rl_zvp([[1.0, 1.0], [0.0, 0.0]], entropies, np.ones((2, 2, 2), dtype=bool))
    return Credit(
        "Entropies of tokens",
        "token: 1-4 of two correct responses, 5-8 of two wrong ones to another prompt",
        {"one for all (GRPO)": (_AT, np.zeros(8)), "rl_zvp": (_AT + 0.2, found.ravel())},
        "Where all is right uncertain tokens are raised most; where all is wrong the most uncertain one of each "
        "response is spared.",
    )


def _shares(state: PartState) -> Credit:
    """Two correct responses of two tokens, and two wrong ones."""
    entropies = np.array(state.x).reshape(4, 2)
    found = gtpo([1.0, 1.0, 0.0, 0.0], entropies, np.ones((4, 2), dtype=bool))
    blamed = int((found[:2] < 0).sum())
    return Credit(
        "Entropies of tokens",
        "token: 1-4 of two correct responses, 5-8 of two wrong ones",
        {"one for all (GRPO)": (_AT, np.repeat([1.0, -1.0], 4)), "gtpo": (_AT + 0.2, found.ravel())},
        f"Each side is standardised for itself: {blamed} of 4 tokens of correct responses are lowered.",
    )


def _energies(state: PartState) -> Credit:
    """Tokens of two responses with probabilities from 1/20 to 1."""
    chosen = 0.05 + 0.95 * np.array(state.x).reshape(2, 4)
    squares = chosen**2 + (1 - chosen) ** 2
    found = optimal_token_baseline([1.0, 0.0], np.log(chosen), squares, _OWN)
    return Credit(
        "Probabilities of the sampled tokens, .05 + .95x",
        _TOKENS,
        {"one for all (Dr. GRPO)": (_AT, np.repeat([0.5, -0.5], 4)), "optimal": (_AT + 0.2, found.ravel())},
        "The response whose tokens were less probable has spent more energy, and the baseline is nearer to its reward.",
    )


def _critic(state: PartState) -> Credit:
    """Values of tokens, and three λ."""
    values = np.array(state.x).reshape(2, 4)
    found = {
        "gae": lambda: gae([1.0, 0.0], values, _OWN),
        "decoupled_gae": lambda: decoupled_gae([1.0, 0.0], values, _OWN),
        "length_adaptive_gae": lambda: length_adaptive_gae([1.0, 0.0], values, _OWN, alpha=0.5),
    }[state.method]()
    said = {
        "gae": "λ = .95: nearly the reward minus the value.",
        "decoupled_gae": "λ = .95 for the policy; the critic's targets are the rewards themselves.",
        "length_adaptive_gae": "α = .5 and four tokens: λ = 1 - 1/(αl) = .5.",
    }[state.method]
    return Credit(
        "Values of tokens",
        _TOKENS,
        {
            "reward minus value (λ = 1)": (_AT, (np.array([[1.0], [0.0]]) - values).ravel()),
            state.method: (_AT + 0.2, found.advantages.ravel()),
            "target of the critic": (_AT - 0.2, found.returns.ravel()),
        },
        said,
    )


def _regression(state: PartState) -> Credit:
    """Log-ratios of eight responses, of which the first four are correct."""
    rewards, ratios = np.repeat([1.0, 0.0], 4), np.array(state.x)
    loss = float(reg_grpo(rewards, ratios))
    return Credit(
        "Log-ratios of the policy, log π/π_old",
        "response: 1-4 correct, 5-8 wrong",
        {"target (GRPO)": (_AT, grpo(rewards)), "standardised log-ratio": (_AT + 0.2, grpo(ratios))},
        f"The loss is {loss:.3f}. Only the shape of the log-ratios counts: any scale and any shift give the same.",
    )


_METHODS: dict[str, Any] = {
    "fspo": _sentences,
    "match_tir": _turns,
    "attn_rl": _steps,
    "tree_opo": _prefixes,
    "rl_zvp": _silent,
    "gtpo": _shares,
    "optimal_token_baseline": _energies,
    "gae": _critic,
    "decoupled_gae": _critic,
    "length_adaptive_gae": _critic,
    "reg_grpo": _regression,
}
