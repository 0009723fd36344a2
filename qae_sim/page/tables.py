"""The numbers and texts of the page, as the package gives them: ``python -m qae_sim.dev.regenerate`` writes them."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import (
    ESTIMATORS,
    DifficultyAnchor,
    Estimator,
    HardAnchor,
    KalmanAnchor,
    SoftAnchor,
    grpo,
    ha_dw_weights,
    qae,
)
from qae_sim.explorers.verifier import VERIFIERS, Verifier
from qae_sim.pictures.style import ESTIMATOR_LOOKS, MEANING_LOOKS, RECIPE_LOOKS
from qae_sim.streams import uniform

# --- scene 1: one group -----------------------------------------------------------------------------------------------

#: A held-out prompt of the task ``addition``, and ten responses to it, as a small base model of ``qae_sim.lm`` gave
#: them: that of Config("addition", task_options={"digits": 2, "slip": 0.35, "notice": 0.1},
#: base_demonstrations=12_000, base_passes=8).
PROMPT = "0 4 + 7 8 ="
RESPONSES = (
    "2 c1 3 c0",
    "2 c1 8 c0",
    "2 c1 2 c0",
    "0 c1 1 c0",
    "2 c0 9 c0",
    "2 c1 5 c0",
    "2 c0 wait 0 c0 2 c0",
    "2 c1 9 c0",
    "3 c1 8 c0",
    "2 c1 4 c0",
)


def responses() -> list[dict[str, Any]]:
    """Write the ten responses as a reader reads them, and have them verified.

    Returns:
        Steps in words, the sum that they come to, and whether it is correct.
    """
    from qae_sim.lm.tasks import Addition

    task = Addition(digits=2)
    prompt = [task.number(word) for word in PROMPT.split()]
    found = []
    for response in RESPONSES:
        steps = response.replace(" c", ", carry ").replace(" wait ", "; wait; ")
        columns = re.findall(r"(\d) c(\d)(?! wait)", response)  # "wait" takes back the column before it
        found.append(
            {
                "text": re.sub(r"(carry \d) (?=\d)", r"\1; ", steps),
                "answer": str(int(columns[-1][1] + "".join(digit for digit, _ in reversed(columns)))),
                "correct": task.verify(prompt, [task.number(word) for word in response.split()]),
            }
        )
    return found


# --- scene 6: what breaks the cancelling ------------------------------------------------------------------------------

#: What can be switched on, in the order of the bits of a state.
CHIPS = ("length", "steps", "clip", "adam", "small")
_POLICY, _REWARDS = np.array([0.3, 0.45, 0.25]), np.array([1.0, 0.0, 0.0])
_LENGTHS = np.array([40.0, 20.0, 80.0])
_K, _CLIP, _ETA, _INNER = 0.4, 0.2, 0.5, 4


def gaps(verifier: Verifier = VERIFIERS["right"]) -> list[dict[str, Any]]:
    """Average over all groups, exactly, what GRPO and QAE do to a policy over three arms, for each set of chips.

    The change is that of the logits, carried to probabilities by diag(π) - ππᵀ.

    Args:
        verifier: What gives rewards to responses.

    Returns:
        By the bits of :data:`CHIPS`, the first one lowest: both mean changes, the angle between them as drawn in the
        triangle, in degrees, and QAE's length over GRPO's.
    """
    found = []
    for bits in product((False, True), repeat=len(CHIPS)):
        on = dict(zip(CHIPS, reversed(bits), strict=True))
        means = {name: _mean_change(name, on, verifier) for name in ("grpo", "qae")}
        first, second = (_flat(mean) for mean in means.values())
        cross, dot = first[0] * second[1] - first[1] * second[0], float(first @ second)
        found.append(
            {name: mean.tolist() for name, mean in means.items()}
            | {
                "turn": abs(math.degrees(math.atan2(cross, dot))),
                "speed": float(np.hypot(*second) / np.hypot(*first)),
            }
        )
    return found


def turn(name: str, **parameters: float) -> float:
    """Angle between an estimator's exact average and the gradient, with rewards 1, ½, 0, as drawn in scene 5.

    Args:
        name: The estimator.
        **parameters: Its parameters, such as ``k``.

    Returns:
        Degrees.

    Example:
        >>> round(turn("dr_grpo"), 6)
        0.0
    """
    size, rewards = 10, np.array([1.0, 0.5, 0.0])
    rule = ESTIMATORS[name].function
    total = np.zeros(3)
    for counts in _compositions(size, 3):
        chance = math.factorial(size) * math.prod(
            p**n / math.factorial(n) for p, n in zip(_POLICY, counts, strict=True)
        )
        arms = np.repeat(np.arange(3), counts)
        scores = np.eye(3)[arms] - _POLICY
        total += chance * (np.asarray(rule(rewards[arms], **parameters))[:, None] * scores).mean(axis=0)
    fisher = np.diag(_POLICY) - np.outer(_POLICY, _POLICY)
    first, second = _flat(fisher @ total), _flat(fisher @ fisher @ rewards)
    cross, dot = first[0] * second[1] - first[1] * second[0], float(first @ second)
    return abs(math.degrees(math.atan2(cross, dot)))


def _mean_change(name: str, on: Mapping[str, bool], verifier: Verifier) -> NDArray[np.float64]:
    """Average the change of probabilities over all groups."""
    size = 4 if on["small"] else 16
    # What a response can be: an arm and the reward that the verifier gives it.
    passes = verifier.seen(_REWARDS)
    arms, rewards = np.tile(np.arange(3), 2), np.repeat([1.0, 0.0], 3)
    chances = np.concatenate([_POLICY * passes, _POLICY * (1 - passes)])
    arms, rewards, chances = arms[chances > 0], rewards[chances > 0], chances[chances > 0]
    counts = np.array(list(_compositions(size, len(arms))))
    factorials = np.array([math.factorial(n) for n in range(size + 1)], dtype=float)
    weights = factorials[size] * np.prod(chances**counts / factorials[counts], axis=1)
    changes = _changes(name, counts, arms, rewards, on)
    total = weights @ changes
    if on["adam"]:
        # Once its second moments have settled, Adam divides each coordinate by its root mean square.
        total = total / np.sqrt(weights @ changes**2)
    moved: NDArray[np.float64] = _POLICY * (total - _POLICY @ total)
    return moved


def _compositions(size: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways in which a group can fall on so many kinds of responses."""
    if parts == 1:
        yield (size,)
        return
    for first in range(size + 1):
        yield from ((first, *rest) for rest in _compositions(size - first, parts - 1))


def _changes(
    name: str, counts: NDArray[Any], arms: NDArray[Any], rewards: NDArray[np.float64], on: Mapping[str, bool]
) -> NDArray[np.float64]:
    """Change of the logits by each group, shape (groups, 3); ``counts`` has the shape (groups, kinds of responses)."""
    size = int(counts[0].sum())
    # For each number of rewards of 1, the advantages of a reward of 0 and of 1.
    table = np.array([_advantages(name, correct, size) for correct in range(size + 1)])
    advantage = table[(counts @ rewards).astype(int)][:, rewards.astype(int)]
    weight = float(_POLICY @ _LENGTHS) / _LENGTHS if on["length"] else np.ones(3)
    start = np.log(_POLICY)
    z = np.broadcast_to(start, (len(counts), 3))
    for _ in range(_INNER if on["steps"] else 1):
        pi = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        ratio = (pi / _POLICY)[:, arms]
        held = ((ratio > 1 + _CLIP) & (advantage > 0)) | ((ratio < 1 - _CLIP) & (advantage < 0))
        each = counts * advantage * weight[arms] * ratio * ~(held & on["clip"]) / size
        pull = each @ np.eye(3)[arms]
        z = z + _ETA * (pull - pi * pull.sum(axis=1, keepdims=True))
    return np.asarray(z - start)


@lru_cache
def _advantages(name: str, correct: int, size: int) -> tuple[float, float]:
    """Advantages of a reward of 0 and of 1; 0 for one that no response has."""
    rewards = np.repeat([1.0, 0.0], [correct, size - correct])
    each = grpo(rewards, eps=0) if name == "grpo" else qae(rewards, k=_K, eps=0)
    return (float(each[-1]) if correct < size else 0.0, float(each[0]) if correct else 0.0)


def _flat(change: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place in the triangle, arm 1 at the top."""
    return np.asarray(change @ np.array([[0.5, math.sqrt(3) / 2], [0.0, 0.0], [1.0, 0.0]]))


# --- scene 7: an anchor and the map -----------------------------------------------------------------------------------

_BATCHES, _BATCH_PROMPTS, _BATCH_GROUP = 80, 16, 8

#: Anchors by the names that the page gives them.
ANCHORS: Mapping[str, DifficultyAnchor] = {
    "Kalman filter": KalmanAnchor(process_variance=4e-4),
    "Hard: mean of 10 batches": HardAnchor(window=10),
    "Soft, warm start": SoftAnchor(window=10, eta=2.0),
    "Soft, no warm start": SoftAnchor(window=10, eta=2.0, warm_start=False, recent=(0.4,) * 5 + (0.6,) * 4),
}


def anchors() -> dict[str, Any]:
    """Let each anchor chase a capability that rises and falls, and say what it makes of a hard and an easy group.

    Returns:
        The capability; for a verifier that is always right, one with false positives and one with false negatives the
        batches' mean rewards, and for each anchor its beliefs before each batch, and HA-DW's Φ at λ = 1 for a correct
        and a wrong response to a hard prompt (2 of 8 correct) and to an easy one (6 of 8). Rounded to six decimals.
    """
    t = np.arange(_BATCHES)
    capability = 0.3 + 0.4 / (1 + np.exp(-(t - 25) / 4)) - 0.15 / (1 + np.exp(-(t - 58) / 3))
    count = _BATCH_PROMPTS * _BATCH_GROUP
    drawn = uniform(np.zeros(1), _BATCHES * count, 5).reshape(_BATCHES, count)
    # The same random numbers under each verifier, so that its errors are all that differs.
    seen = [(drawn < verifier.seen(capability)[:, None]).mean(axis=1) for verifier in VERIFIERS.values()]
    return {
        "capability": capability.round(6).tolist(),
        "followed": [{"seen": rates.round(6).tolist(), "anchors": _chased(rates, count)} for rates in seen],
    }


def _chased(seen: NDArray[np.float64], count: int) -> dict[str, Any]:
    """Let each anchor chase the mean rewards of batches of so many responses."""
    found: dict[str, Any] = {}
    hard, easy = np.repeat([1.0, 0.0], [2, 6]), np.repeat([1.0, 0.0], [6, 2])
    for name, anchor in ANCHORS.items():
        beliefs, weights = [], []
        for y in seen:
            beliefs.append(round(float(anchor.belief), 6))
            phi = [
                ha_dw_weights(group, grpo(group), float(anchor.belief), lambda_scale=1.0).Phi[place]
                for group in (hard, easy)
                for place in (0, -1)
            ]
            weights.append([round(float(x), 6) for x in phi])
            anchor = anchor.after(float(y), count, _BATCH_GROUP)
        found[name] = {"beliefs": beliefs, "weights": weights}
    return found


#: Places where an estimator can enter, in the order of a training step, with what that means.
PLACES: Mapping[str, str] = {
    "the group": (
        "It sees the group's own rewards alone, so with rewards of 0 and 1 it sets the speed and the noise of the "
        "average update, never its direction."
    ),
    "the batch": "It compares responses across the prompts of a batch, so one prompt's step depends on the others.",
    "history and side information": (
        "It uses something besides the group's rewards, such as an anchor, lengths or a reference, and can weigh "
        "prompts or responses differently."
    ),
    "inside a response": "It gives parts of one response different credit, so it can change the direction.",
    "the loss": "It replaces the weighting by advantages with another loss.",
}


def place_of(row: Estimator) -> str:
    """Find where an estimator enters.

    Args:
        row: The estimator.

    Returns:
        One of :data:`PLACES`.

    Example:
        >>> place_of(ESTIMATORS["qae"]), place_of(ESTIMATORS["ktae"])
        ('the group', 'inside a response')
    """
    if row.is_loss:
        return "the loss"
    if row.of_batches:
        return "the batch"
    if not row.of_responses:
        return "inside a response"
    return "the group" if row.tabulated or row.ordered else "history and side information"


def estimators() -> list[dict[str, str]]:
    """Describe every registered estimator for the map.

    Returns:
        Names, places, summaries, formulas, and a claim with the page that shows it; empty texts where there is none.
    """
    from qae_sim.theory import all_claims

    claims = all_claims()
    found = []
    for name, row in ESTIMATORS.items():
        own = (key for key, claim in claims.items() if claim.paper.key == row.paper)
        chosen = _CLAIMS.get(name) or next(own, "")
        found.append(
            {
                "name": name,
                "title": row.title,
                "place": place_of(row),
                "summary": row.summary[0].upper() + row.summary[1:] + ".",
                "formula": _formula(row),
                "claim": chosen,
                "claimPage": claims[chosen].paper.key if chosen else "",
            }
        )
    return found


#: Of papers with many claims the one that says most about an estimator.
_CLAIMS = {
    "grpo": "estimators.sum-zero",
    "qae": "qae.group-direction",
    "pos_mask": "qae.masks",
    "neg_mask": "qae.masks",
    "ha_dw": "ha-dw.directions",
    "ktae": "ktae.sign",
    "rloo": "estimators.rloo-unbiased",
}


def _formula(row: Estimator) -> str:
    """Read the formula off the docstring: its first paragraph with an equals sign."""
    paragraphs = re.split(r"\n\s*\n", inspect.getdoc(row.function) or "")
    return next((" ".join(part.split()) for part in paragraphs[1:3] if " = " in part), "")


# --- all --------------------------------------------------------------------------------------------------------------


def looks() -> dict[str, Any]:
    """Say how estimators, and what else has a meaning, are drawn.

    Returns:
        Colours, dashes and markers by name.
    """
    return {name: asdict(look) for name, look in {**ESTIMATOR_LOOKS, **MEANING_LOOKS}.items()}


def ground() -> dict[str, str]:
    """Say which colour on a dark page stands for which on a white one.

    Returns:
        Colours, as ``#rrggbb``.
    """
    named = {**ESTIMATOR_LOOKS, **MEANING_LOOKS, **RECIPE_LOOKS}
    return {look.light: look.dark for look in named.values()}


@lru_cache
def tables() -> Mapping[str, Any]:
    """Compute all that the page looks up.

    Returns:
        Tables by name.
    """
    numbers = [str(int(part.replace(" ", ""))) for part in PROMPT.removesuffix("=").split("+")]
    return {
        "prompt": " + ".join(numbers),
        "responses": responses(),
        "gaps": [gaps(verifier) for verifier in VERIFIERS.values()],
        **anchors(),
        "places": dict(PLACES),
        "estimators": estimators(),
    }
