"""The estimators in verl's registry. Importing this module registers them, and verl imports it by itself.

An estimator is chosen by its name::

    python -m verl.trainer.main_ppo algorithm.adv_estimator=qae +algorithm.quantile_k=0.4 ...

verl finds it through the entry point ``verl.plugins`` of an installed qae_sim. Registered are the estimators whose
names verl does not use itself, and that need the rewards of one group alone, or besides them tokens (``ktae``) or an
anchor (``ha_dw``). Their parameters are options, each with a + before it:

- ``algorithm.quantile_k`` is K of qae, pos_mask and neg_mask; all other parameters keep their names, such as
  ``algorithm.quantile`` (``inverted_cdf``, ``linear``, ...), ``algorithm.negatives`` (capo's weight of negative
  advantages) and ``algorithm.variant`` (of ktae);
- ``algorithm.anchor``, ``algorithm.lambda_scale`` and ``algorithm.correct_above`` are HA-DW's, for ``ha_dw``.

verl hands an estimator only rewards and prompt numbers, and keeps nothing for it from batch to batch. Estimators that
need a memory (``ha_dw``, a K that changes from step to step) or tokens (``ktae``) are therefore refused, with the
reason; :mod:`qae_sim.engines.verl_trainer` supplies both. Where verl makes several rows of one session with several
turns, each row counts as a response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, register_adv_est

from qae_sim.advantages import ESTIMATORS, AdvantageRule, AdvantageState, Estimator, SoftAnchor, get
from qae_sim.advantages.terms import ANCHORS, AUTOMATIC, SCHEDULES
from qae_sim.arrays import invalid
from qae_sim.engines.batches import estimate, observed, rule_for_trainers
from qae_sim.plain_values import from_plain

#: verl's GRPO divides by the standard deviation of the sample (ddof 1) plus this eps.
DEFAULTS = {"ddof": 1, "eps": 1e-6}

#: Inputs that estimators can have besides rewards; ``token_ids`` and ``anchor`` only in this project's trainer.
_GIVEN = {"mask", "token_ids", "anchor"}


def _offered(row: Estimator) -> bool:
    """Whether an estimator can be used in verl, and verl has none of that name."""
    of_groups = row.of_tokens or (row.of_responses and not row.of_batches)
    return of_groups and set(row.inputs) <= _GIVEN and row.name not in ADV_ESTIMATOR_REGISTRY


#: Names of the estimators that are registered in verl.
NAMES = tuple(name for name, row in ESTIMATORS.items() if _offered(row))


#: Fields of a rule that are options of ``ha_dw``.
_FIELDS = ("anchor", "lambda_scale", "correct_above")


def _options(row: Estimator) -> dict[str, str]:
    """Map an estimator's options in verl's configuration to the parameters or fields of a rule."""
    # "k" alone would say too little among verl's own names; ddof and eps follow verl's convention.
    found = {"quantile_k" if name == "k" else name: name for name in row.settings if name not in DEFAULTS}
    return found | {name: name for name in _FIELDS} if row.weights else found


#: Options of all estimators, and their first words, which tell a misspelt option from one of verl's own.
_OPTIONS = {option for name in NAMES for option in _options(get(name))}
_BEGINNINGS = tuple({option.split("_")[0] for option in _OPTIONS if len(option) > 2})

_WITH_MEMORY = (
    "launch with VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer trainer.v1.trainer_mode=qae_sim, whose trainer "
    "does"
)


@dataclass
class Memory:
    """What the trainer lends to an estimator during a call; the estimator updates ``state`` and ``metrics``.

    Attributes:
        rule: How rewards become advantages.
        state: The rule's state; after the call, the one for the next batch.
        step: Optimiser steps taken so far.
        token_ids: The responses' tokens, ``(N, T)``, if the estimator needs them.
        metrics: Metrics to log, by name; filled by the call.
    """

    rule: AdvantageRule
    state: AdvantageState
    step: int
    token_ids: np.ndarray | None = None
    metrics: dict[str, float] = field(default_factory=dict)


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def lending(memory: Memory) -> Iterator[None]:
    """Let estimators use a memory inside a ``with`` block.

    Args:
        memory: The memory.

    Yields:
        Nothing.

    Example:
        >>> rule = AdvantageRule("grpo")
        >>> with lending(Memory(rule, rule.start(), step=3)):
        ...     _memory.get().step
        3
    """
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


def rule_of(algorithm: Mapping[str, Any]) -> AdvantageRule:
    """Read verl's algorithm configuration.

    Args:
        algorithm: ``config.algorithm``. An anchor or a schedule is given by its kind and its fields, as in
            ``+algorithm.anchor.kind=HardAnchor +algorithm.anchor.window=5``.

    Returns:
        The rule.

    Raises:
        TypeError: An option is of the wrong type.
        ValueError: An option is unknown, belongs to another estimator, or is out of range.

    Example:
        >>> rule_of({"adv_estimator": "qae", "quantile_k": 0.6}).parameters
        {'ddof': 1, 'eps': 1e-06, 'k': 0.6}
    """
    name = str(algorithm["adv_estimator"])
    if name not in NAMES:
        raise invalid("algorithm.adv_estimator", name, "one of " + ", ".join(NAMES))
    row, options = get(name), _options(get(name))
    if "ddof" in row.settings and not algorithm.get("norm_adv_by_std_in_grpo", True):
        raise invalid("algorithm.norm_adv_by_std_in_grpo", False, f"true with {name}, which is defined with the std")
    fields: dict[str, Any] = {"anchor": SoftAnchor()} if row.weights else {}
    parameters: dict[str, Any] = {}
    for key in map(str, algorithm):
        if key not in options:
            if key in _OPTIONS or key.startswith(_BEGINNINGS):
                raise invalid("algorithm", key, f"without it, or of {name}'s own: {', '.join(options) or 'none'}")
            continue
        value = algorithm[key]
        value = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        given = fields if key in _FIELDS else parameters
        given[options[key]] = from_plain(value, f"algorithm.{key}", (*ANCHORS, *SCHEDULES, *AUTOMATIC))
    return rule_for_trainers(AdvantageRule(name, parameters, **fields), DEFAULTS)


def _advantages(name: str) -> Callable[..., tuple[Tensor, Tensor]]:
    """Make an estimator with the signature that verl calls."""

    def estimator(
        token_level_rewards: Tensor,
        response_mask: Tensor,
        index: np.ndarray,
        config: Any = None,
        **others: Any,
    ) -> tuple[Tensor, Tensor]:
        memory = _memory.get()
        if memory is None:
            rule = rule_of(dict(config or {}) | {"adv_estimator": name})
            _refuse_without_memory(name, rule)
            memory = Memory(rule, rule.start(), 0)
        rule = memory.rule
        rewards = token_level_rewards.sum(dim=-1).double().cpu().numpy()
        mask = response_mask.bool().cpu().numpy()
        result = np.zeros(mask.shape)
        totals: dict[str, float] = {}
        # The response of a prompt with only one has nothing to be compared to, and gets advantage 0.
        groups = [(size, rows) for size, rows in _by_size(index) if size >= 2]
        compared = sum(len(rows) for _, rows in groups)
        for size, rows in groups:
            tokens = {} if memory.token_ids is None else {"token_ids": memory.token_ids[rows]}
            outcome = estimate(
                rule, rewards[rows], size, step=memory.step, state=memory.state, mask=mask[rows], **tokens
            )
            found = outcome.advantages
            result[rows] = (found if found.ndim == 2 else found[:, None]) * mask[rows]
            for metric, value in outcome.metrics.items():
                totals[metric] = totals.get(metric, 0.0) + value * len(rows) / compared
        memory.metrics |= totals
        memory.state = rule.after(memory.state, observed(rule, rewards))
        spread = torch.as_tensor(result, dtype=token_level_rewards.dtype, device=token_level_rewards.device)
        return spread, spread

    estimator.__name__ = estimator.__qualname__ = f"qae_sim_{name}"
    return estimator


def _by_size(index: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows of the batch by the size of their group, each prompt's rows one after the other."""
    rows_of: dict[Any, list[int]] = {}
    for row, prompt in enumerate(np.asarray(index).tolist()):
        rows_of.setdefault(prompt, []).append(row)
    for size in sorted({len(rows) for rows in rows_of.values()}):
        yield size, np.array([row for rows in rows_of.values() if len(rows) == size for row in rows])


def _refuse_without_memory(name: str, rule: AdvantageRule) -> None:
    """Raise an error if verl's own trainer cannot follow a rule."""
    if rule.anchor is not None:
        reason = f"{name} follows the model's capability over batches, which verl does not keep for it"
    elif rule.of_tokens:
        reason = f"{name} values tokens, which verl does not hand to estimators"
    elif rule.moving:
        reason = f"{rule.setting(rule.moving[0])!r} needs the step, which verl does not tell"
    else:
        return
    raise ValueError(f"{reason}: {_WITH_MEMORY}")


for _name in NAMES:
    register_adv_est(_name)(_advantages(_name))
