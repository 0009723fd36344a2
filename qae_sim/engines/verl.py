"""verl: our estimators in its registry. Importing this module registers them, and verl imports it by itself.

An estimator is asked for by its name::

    python -m verl.trainer.main_ppo algorithm.adv_estimator=qae +algorithm.quantile_k=0.4 ...

verl finds it through the entry point ``verl.plugins`` of an installed qae_sim. Of our estimators those are here that
verl has no name for and that look at the rewards of one group, at words (``ktae``) or at an anchor (``ha_dw``). Their
parameters are options, each with a + before it:

- ``algorithm.quantile_k`` is K of qae, pos_mask and neg_mask; all others have their own names, such as
  ``algorithm.quantile`` (``inverted_cdf``, ``linear``, ...) and ``algorithm.negatives``, capo's weight of negative
  advantages;
- ``algorithm.anchor``, ``algorithm.lambda_scale`` and ``algorithm.correct_above`` are HA-DW's, for ``ha_dw``.

verl hands an estimator rewards and prompt numbers, and forgets it until the next batch. So what needs a memory
(``ha_dw``, a K that changes from step to step) or words (``ktae``) is refused here, with the reason;
:mod:`qae_sim.engines.verl_trainer` has both. Sessions of several turns are several rows to verl, each of which counts
as a response.
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
from qae_sim.storage import from_plain

#: verl's GRPO divides by the sample's standard deviation plus this.
DEFAULTS = {"ddof": 1, "eps": 1e-6}

#: What estimators can be given besides rewards, the last two by our trainer alone.
_GIVEN = {"mask", "token_ids", "anchor"}


def _offered(row: Estimator) -> bool:
    """Whether an estimator can work here, and verl has nothing of its name."""
    of_groups = row.of_tokens or (row.of_responses and not row.of_batches)
    return of_groups and set(row.inputs) <= _GIVEN and row.name not in ADV_ESTIMATOR_REGISTRY


#: Our estimators that verl is given, by their names.
NAMES = tuple(name for name, row in ESTIMATORS.items() if _offered(row))


#: Fields of a rule that are options of ``ha_dw``.
_FIELDS = ("anchor", "lambda_scale", "correct_above")


def _options(row: Estimator) -> dict[str, str]:
    """Where an estimator's options stand in verl's configuration, and which parameters or fields of a rule they are."""
    # "k" alone says too little among verl's own names; how to normalise is verl's convention.
    found = {"quantile_k" if name == "k" else name: name for name in row.settings if name not in DEFAULTS}
    return found | {name: name for name in _FIELDS} if row.weights else found


#: Options of all estimators, and beginnings by which one that is misspelt is told from verl's own.
_OPTIONS = {option for name in NAMES for option in _options(get(name))}
_BEGINNINGS = tuple({option.split("_")[0] for option in _OPTIONS if len(option) > 2})

_WITH_MEMORY = (
    "launch with VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer trainer.v1.trainer_mode=qae_sim, whose trainer "
    "does"
)


@dataclass
class Memory:
    """What our trainer lends to the estimator for the length of a call, and what comes back.

    Attributes:
        rule: How rewards become advantages.
        state: What has moved on so far; comes back moved on.
        step: Steps taken so far.
        token_ids: The responses' words, ``(N, T)``, where the estimator asks for them.
        metrics: What there is to log; comes back.
    """

    rule: AdvantageRule
    state: AdvantageState
    step: int
    token_ids: np.ndarray | None = None
    metrics: dict[str, float] = field(default_factory=dict)


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def lending(memory: Memory) -> Iterator[None]:
    """Let estimators use a memory while the block runs.

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
        algorithm: ``config.algorithm``. Numbers are numbers; an anchor or a schedule is given by its kind and its
            fields, as in ``+algorithm.anchor.kind=HardAnchor +algorithm.anchor.window=5``.

    Returns:
        How rewards become advantages.

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
    """An estimator as verl calls it."""

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
        # A prompt with a single response has nothing to be compared to, and no advantage.
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
    """Rows of the batch by the size of their group, a prompt's rows one after the other."""
    rows_of: dict[Any, list[int]] = {}
    for row, prompt in enumerate(np.asarray(index).tolist()):
        rows_of.setdefault(prompt, []).append(row)
    for size in sorted({len(rows) for rows in rows_of.values()}):
        yield size, np.array([row for rows in rows_of.values() if len(rows) == size for row in rows])


def _refuse_without_memory(name: str, rule: AdvantageRule) -> None:
    """Raise where verl alone cannot do what is asked for."""
    if rule.anchor is not None:
        reason = f"{name} follows the model's capability over batches, which verl does not keep for it"
    elif rule.of_tokens:
        reason = f"{name} values words, which verl does not hand to estimators"
    elif rule.moving:
        reason = f"{rule.setting(rule.moving[0])!r} needs the step, which verl does not tell"
    else:
        return
    raise ValueError(f"{reason}: {_WITH_MEMORY}")


for _name in NAMES:
    register_adv_est(_name)(_advantages(_name))
