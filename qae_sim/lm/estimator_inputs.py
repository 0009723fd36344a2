"""The inputs of estimators besides rewards, computed from a batch of the toy language model: one function for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from qae_sim.advantages import RankDynamics, overlong_punishment
from qae_sim.lm.config import Config
from qae_sim.lm.metrics import Batch

#: Computes an input of one run from its configuration, the batch of all runs, and its place among them.
Finder: TypeAlias = Callable[[Config, Batch, int], Any]


def estimator_inputs(config: Config, batch: Batch, member: int) -> dict[str, Any]:
    """Compute the inputs that a run's rule needs besides rewards, except those that are part of the rule's state.

    Args:
        config: The run.
        batch: The sampled responses of all runs.
        member: The run's place in the batch.

    Returns:
        Inputs by name.
    """
    return {name: FINDERS[name](config, batch, member) for name in config.rule.inputs if name in FINDERS}


def punishment(config: Config, lengths: np.ndarray) -> np.ndarray | None:
    """Compute DAPO's punishment of long responses.

    Args:
        config: The run.
        lengths: Number of tokens of each response, ``(B, G)``.

    Returns:
        Numbers from -1 to 0, ``(B, G)``; None if the run has no punishment.

    Source:
        Yu et al., DAPO (arXiv:2503.14476), see :func:`~qae_sim.advantages.overlong_punishment`.

    Example:
        >>> punishment(Config("addition", overlong=4), np.array([[9, 11, 13]]))
        array([[ 0. , -0.5, -1. ]])
    """
    if not config.overlong:
        return None
    longest = config.problem.response_length
    return np.asarray(overlong_punishment(lengths, max_length=longest, cache=config.overlong))


def _token_ids(config: Config, batch: Batch, member: int) -> np.ndarray:
    return batch.tokens[member].cpu().numpy()


def _mask(config: Config, batch: Batch, member: int) -> np.ndarray:
    return np.asarray(batch.mask[member])


def _lengths(config: Config, batch: Batch, member: int) -> np.ndarray:
    return np.asarray(batch.mask[member].sum(axis=-1))


def _metric(config: Config, batch: Batch, member: int) -> np.ndarray:
    """Compute the mean entropy of each response's tokens, or their number, as the rule's ``metric`` says."""
    lengths = _lengths(config, batch, member)
    if config.rule.setting("metric") == "length":
        return lengths
    return np.asarray(batch.entropies[member].cpu().numpy().sum(axis=-1) / lengths)


def _entropies(config: Config, batch: Batch, member: int) -> np.ndarray:
    return np.asarray(batch.entropies[member].cpu().numpy())


def _reference(config: Config, batch: Batch, member: int) -> np.ndarray:
    assert batch.reference is not None
    return np.asarray(batch.reference[member])


def _prompt_values(config: Config, batch: Batch, member: int) -> np.ndarray:
    """Give harder prompts higher values, up to 1."""
    prompts = batch.prompts[member].cpu().numpy()
    return np.array([config.problem.level(prompt) + 1 for prompt in prompts]) / config.problem.levels


def _further(config: Config, batch: Batch, member: int) -> np.ndarray | None:
    """Return the punishment of long responses, the only further reward here."""
    second = punishment(config, _lengths(config, batch, member))
    return None if second is None else second[None]


def _marks(config: Config, batch: Batch, member: int) -> np.ndarray:
    return config.problem.all_marks(batch.prompts[member].cpu().numpy(), batch.tokens[member].cpu().numpy())


def _dynamics(config: Config, batch: Batch, member: int) -> RankDynamics:
    return batch.dynamics[member]


#: The function for each input, by its name in :data:`~qae_sim.advantages.inputs.INPUTS`.
FINDERS: Mapping[str, Finder] = MappingProxyType(
    {
        "token_ids": _token_ids,
        "mask": _mask,
        "lengths": _lengths,
        "metric": _metric,
        "entropies": _entropies,
        "reference": _reference,
        "prompt_values": _prompt_values,
        "further": _further,
        "marks": _marks,
        "dynamics": _dynamics,
    }
)
