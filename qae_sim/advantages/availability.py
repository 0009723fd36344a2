"""Which estimator goes where, and what keeps it from elsewhere: the one answer that all rooms give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages.hidden_state_rank import RankBaselines, RankDynamics
from qae_sim.advantages.registry import DATA, get
from qae_sim.arrays import invalid, require_choice


@dataclass(frozen=True)
class Place:
    """Somewhere estimators are used.

    Attributes:
        title: What to call it.
        gives: What it has for estimators beside rewards, names of :data:`~qae_sim.advantages.registry.DATA`.
    """

    title: str
    gives: tuple[str, ...]


_TRAINING = ("token_ids", "mask", "lengths", "metric", "reference", "prompt_values", "further")

#: Places by name. HA-DW's anchor is no estimator's there, but an argument of its own, beside any estimator.
PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "explorer": Place("the explorers of lesson 8", tuple(DATA)),
        "bandits": Place("the bandit laboratory", ("token_ids", "mask", "anchor", "lengths", "metric")),
        "lm": Place("the toy language model", (*_TRAINING, "marks", "dynamics", "baselines")),
        "trl": Place("TRL's trainer", _TRAINING),
    }
)


def why_not(name: str, place: str) -> str:
    """Tell what keeps an estimator from a place.

    Args:
        name: The estimator's.
        place: A name from :data:`PLACES`.

    Returns:
        The reason in words; empty where it can be used.

    Raises:
        TypeError: ``name`` is no string.
        ValueError: There is no such estimator, or no such place.

    Example:
        >>> why_not("opo", "trl"), why_not("attn_rl", "trl")
        ('', 'it needs responses that begin alike, which are not there')
    """
    estimator, where = get(name), PLACES[require_choice("place", place, tuple(PLACES))]
    if place == "explorer":
        return ""
    if "anchor" in estimator.needs and "anchor" not in where.gives:
        return "it weights what another estimator gives: name that one, and give anchor=... with it"
    if estimator.level == "turn":
        return "it needs turns that call tools, which are not there"
    if estimator.level == "loss":
        how = ", and an objective there: objective='reg_grpo'" if place == "lm" else ""
        return f"it is a loss in place of advantages{how}"
    missing = [need for need in estimator.needs if need not in where.gives]
    return f"it needs {DATA[missing[0]]}, which are not there" if missing else ""


def require_place(argument: str, name: str, place: str) -> None:
    """Check that an estimator can be used in a place.

    Args:
        argument: What the message calls the estimator.
        name: The estimator's.
        place: A name from :data:`PLACES`.

    Raises:
        TypeError: ``name`` is no string.
        ValueError: It cannot, or there is no such estimator; the message tells why.

    Example:
        >>> require_place("estimator", "aapo", "bandits")
        Traceback (most recent call last):
        ValueError: estimator must be one that goes into the bandit laboratory: it needs rewards of...
    """
    reason = why_not(name, place)
    if reason:
        raise invalid(argument, name, f"one that goes into {PLACES[place].title}: {reason}")


def stand_in(name: str, rewards: NDArray[np.float64]) -> dict[str, Any]:
    """Make up what an estimator needs beside rewards, to try it out with.

    Args:
        name: The estimator's.
        rewards: Rewards, ``(B, G)``.

    Returns:
        Arguments by name; none for the data of estimators that have no array of rewards.

    Example:
        >>> stand_in("opo", np.zeros((1, 3)))
        {'lengths': array([[1., 2., 3.]])}
    """
    groups, size = rewards.shape
    order = np.broadcast_to(np.arange(1.0, size + 1), rewards.shape)
    words = np.broadcast_to(np.arange(3), (groups, size, 3))
    made = {
        "token_ids": words,
        "mask": np.ones(words.shape, dtype=bool),
        "anchor": 0.5,
        "lengths": order,
        "metric": order,
        "reference": 0 * order,
        "prompt_values": np.zeros(groups),
        "further": np.stack([order]),
        "marks": words - 1.0,
        "dynamics": RankDynamics(order, order, order),
        "baselines": RankBaselines(1.0, 1.0, 1.0),
    }
    return {need: made[need] for need in get(name).needs if need in made}
