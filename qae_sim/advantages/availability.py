"""Where each estimator can be used, and why it cannot be used elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qae_sim.advantages.inputs import INPUTS
from qae_sim.advantages.registry import get
from qae_sim.arrays import invalid, require_choice
from qae_sim.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Place:
    """Somewhere estimators are used.

    Attributes:
        title: Its name in messages.
        gives: Inputs that it provides besides rewards, names of :data:`~qae_sim.advantages.inputs.INPUTS`.
        weights_tokens: Whether HA-DW's Φ may multiply the advantages of single tokens there.
    """

    title: str
    gives: tuple[str, ...]
    weights_tokens: bool = False


def _had_in(place: str) -> tuple[str, ...]:
    """Inputs that a place provides."""
    return tuple(name for name, item in INPUTS.items() if place in item.places)


#: Places by name.
PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "explorer": Place("the explorers of lesson 10", tuple(INPUTS)),
        "bandits": Place("the bandit simulator", _had_in("bandits"), weights_tokens=True),
        "lm": Place("the toy language model", _had_in("lm")),
        "trl": Place("TRL's trainer", _had_in("trl")),
    }
)


def why_not(name: str, place: str) -> str:
    """Say why an estimator cannot be used in a place.

    Args:
        name: The estimator's name.
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
    if estimator.of_turns:
        return "it needs turns that call tools, which are not there"
    if estimator.is_loss:
        how = ", and an objective there: objective='reg_grpo'" if place == "lm" else ""
        return f"it is a loss in place of advantages{how}"
    missing = [name for name in estimator.inputs if name not in where.gives]
    return f"it needs {INPUTS[missing[0]].words}, which are not there" if missing else ""


def require_place(argument: str, name: str, place: str) -> None:
    """Check that an estimator can be used in a place.

    Args:
        argument: The argument's name, for the error.
        name: The estimator's name.
        place: A name from :data:`PLACES`.

    Raises:
        TypeError: ``name`` is no string.
        ValueError: It cannot be used there, or there is no such estimator; the message says why.

    Example:
        >>> require_place("estimator", "aapo", "bandits")
        Traceback (most recent call last):
        ValueError: estimator must be one that goes into the bandit simulator: it needs rewards of...
    """
    reason = why_not(name, place)
    if reason:
        raise invalid(argument, name, f"one that goes into {PLACES[place].title}: {reason}")


def example_inputs(name: str, rewards: NDArray[np.float64]) -> dict[str, Any]:
    """Make example values of what an estimator needs besides rewards.

    Args:
        name: The estimator's name.
        rewards: Rewards, ``(B, G)``.

    Returns:
        Arguments by name, without those inputs that have no example.

    Example:
        >>> example_inputs("opo", np.zeros((1, 3)))
        {'lengths': array([[ 1. ,  5.5, 10. ]])}
    """
    x = np.broadcast_to(np.linspace(0.0, 1.0, rewards.shape[-1]), rewards.shape)
    # A prompt has one value, and here all prompts have the same.
    made = ((need, INPUTS[need].example) for need in get(name).inputs)
    return {need: example(x) for need, example in made if example is not None}
