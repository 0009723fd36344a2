"""verl: our estimators in its registry. Importing this module registers them, and verl imports it by itself.

    python -m verl.trainer.main_ppo algorithm.adv_estimator=qae +algorithm.quantile_k=0.4 ...

verl finds it through the entry point ``verl.plugins`` of an installed qae_sim. Options, each with a + before it:

- ``algorithm.quantile_k``: K of qae, pos_mask and neg_mask; ``algorithm.quantile``: ``inverted_cdf``, ``linear``, ...;
- ``algorithm.negatives``: capo's weight of negative advantages;
- ``algorithm.anchor``, ``algorithm.lambda_scale``, ``algorithm.correct_above``: HA-DW's, for ``ha_dw``.

Of the neighbours those are here that look at the rewards of one group and that verl does not have itself (it has GPG,
OPO, GDPO and grpo_passk).

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
from verl.trainer.ppo.core_algos import register_adv_est

from qae_sim.advantages import SoftAnchor, get
from qae_sim.advantages.parameters import ANCHORS, AUTOMATIC, SCHEDULES
from qae_sim.arrays import invalid
from qae_sim.engines.rule import Rule
from qae_sim.storage import from_plain

#: Our estimators under verl's names.
NAMES = ("qae", "pos_mask", "neg_mask", "ha_dw", "ktae", "mapo", "maxrl", "grpo_n", "capo")

#: Where our options stand in verl's configuration, and which estimators they belong to.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "quantile_k": ("qae", "pos_mask", "neg_mask"),
    "quantile": ("qae", "pos_mask", "neg_mask"),
    "negatives": ("capo",),
    "anchor": ("ha_dw",),
    "lambda_scale": ("ha_dw",),
    "correct_above": ("ha_dw",),
}

#: verl's GRPO divides by the sample's standard deviation plus this.
_LIKE_GRPO = {"ddof": 1, "eps": 1e-6}

_WITH_MEMORY = (
    "launch with VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer trainer.v1.trainer_mode=qae_sim, whose trainer "
    "does"
)


@dataclass
class Memory:
    """What our trainer lends to the estimator for the length of a call, and what comes back.

    Attributes:
        rule: How rewards become advantages, as it stands.
        step: Steps taken so far.
        token_ids: The responses' words, ``(N, T)``, where the estimator asks for them.
        metrics: What there is to log; comes back.
    """

    rule: Rule
    step: int
    token_ids: np.ndarray | None = None
    metrics: dict[str, float] = field(default_factory=dict)


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def lending(memory: Memory) -> Iterator[None]:
    """Let estimators use a memory while the block runs.

    Example:
        >>> with lending(Memory(Rule("grpo"), step=3)):
        ...     _memory.get().step
        3
    """
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


def rule_of(algorithm: Mapping[str, Any]) -> Rule:
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
    if not algorithm.get("norm_adv_by_std_in_grpo", True):
        raise invalid("algorithm.norm_adv_by_std_in_grpo", False, f"true with {name}, which is defined with the std")
    given = {}
    for key in algorithm:
        if str(key).startswith(("quantile", "negatives", "anchor", "lambda_", "correct_")):
            if name not in OPTIONS.get(key, ()):
                allowed = [option for option, owners in OPTIONS.items() if name in owners]
                raise invalid("algorithm", key, f"without it, or of {name}'s own: {', '.join(allowed) or 'none'}")
            value = algorithm[key]
            value = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            given[str(key)] = from_plain(value, f"algorithm.{key}", (*ANCHORS, *SCHEDULES, *AUTOMATIC))
    if name == "ha_dw":
        return Rule("grpo", _LIKE_GRPO, **({"anchor": SoftAnchor()} | given))
    known = {"k" if option == "quantile_k" else option: value for option, value in given.items()}
    return Rule(name, {key: value for key, value in _LIKE_GRPO.items() if key in get(name).settings} | known)


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
        else:
            rule = memory.rule
        rewards = token_level_rewards.sum(dim=-1).double().cpu().numpy()
        mask = response_mask.bool().cpu().numpy()
        result = np.zeros(mask.shape)
        totals: dict[str, float] = {}
        # A prompt with a single response has nothing to be compared to, and no advantage.
        groups = [(size, rows) for size, rows in _by_size(index) if size >= 2]
        compared = sum(len(rows) for _, rows in groups)
        for size, rows in groups:
            tokens = {} if memory is None or memory.token_ids is None else {"token_ids": memory.token_ids[rows]}
            outcome = rule.advantages(
                rewards[rows], size, step=0 if memory is None else memory.step, mask=mask[rows], **tokens
            )
            found = outcome.advantages
            result[rows] = (found if found.ndim == 2 else found[:, None]) * mask[rows]
            for metric, value in outcome.metrics.items():
                totals[metric] = totals.get(metric, 0.0) + value * len(rows) / compared
        if memory is not None:
            memory.metrics |= totals
            memory.rule = rule.after(rewards)
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


def _refuse_without_memory(name: str, rule: Rule) -> None:
    """Raise where verl alone cannot do what is asked for."""
    moving = [value for value in (rule.parameters or {}).values() if isinstance(value, SCHEDULES + AUTOMATIC)]
    if rule.anchor is not None:
        reason = f"{name} follows the model's capability over batches, which verl does not keep for it"
    elif rule.level == "token":
        reason = f"{name} values words, which verl does not hand to estimators"
    elif moving:
        reason = f"{moving[0]!r} needs the step, which verl does not tell"
    else:
        return
    raise ValueError(f"{reason}: {_WITH_MEMORY}")


for _name in NAMES:
    register_adv_est(_name)(_advantages(_name))
