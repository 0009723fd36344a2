"""A rule applied to a trainer's batch: unscored responses, metrics to log, observations for the rule's state.

>>> rule = rule_for_trainers(AdvantageRule("qae", {"eps": 0}), {"ddof": 0})
>>> estimate(rule, np.array([1, 0, math.nan, 0, 0, 0.0]), 6).advantages
array([2.5, 0. , 0. , 0. , 0. , 0. ])
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.advantages import INPUTS, AdvantageRule, AdvantageState, quantile_baseline
from qae_sim.advantages.terms import KINDS
from qae_sim.arrays import invalid, require_integer
from qae_sim.plain_values import from_plain
from qae_sim.storage import from_json, to_json, write_atomically

#: Observations that trainers can give to a rule's state after a batch.
_OBSERVED = ("correct", "rewards")


@dataclass(frozen=True)
class BatchAdvantages:
    """The advantages of a batch, and metrics to log.

    Attributes:
        advantages: ``(N,)``, or ``(N, T)`` if tokens have advantages of their own; 0 where a reward is NaN.
        metrics: Numbers by name.
    """

    advantages: np.ndarray
    metrics: dict[str, float]


def rule_for_trainers(rule: AdvantageRule, defaults: Mapping[str, Any]) -> AdvantageRule:
    """Check that trainers can follow a rule, and give it their defaults of normalisation.

    Args:
        rule: The rule.
        defaults: ``ddof`` and ``eps`` of the trainer's own advantages; used if the rule does not set them.

    Returns:
        The rule with the defaults.

    Raises:
        ValueError: An estimator needs an input that trainers do not have, or a function does not return one finite
            number for each response.

    Example:
        >>> rule_for_trainers(AdvantageRule("qae", {"k": 0.2}), {"ddof": 1, "eps": 1e-4}).title
        'qae(ddof=1, eps=0.0001, k=0.2)'
    """
    rule.require_place("advantage", "trl")
    for part in rule.start().parts.values():
        if part.observes not in _OBSERVED:
            kind = type(part).__name__
            raise invalid("parameters", part, f"without {kind}: trainers tell rewards and no {part.observes}")
    rewards = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    for term in rule.at(0):
        if term.parameters.get("metric") == "entropy":
            raise invalid("parameters", "entropy", "without it: trainers know lengths, and no entropies yet")
        if callable(term.estimator):
            _require_numbers(term.row.advantages(rewards, **term.parameters), rewards.shape)
    return rule.with_defaults(defaults)


def _require_numbers(advantages: Any, shape: tuple[int, ...]) -> None:
    """Check that an estimator of response advantages returned finite numbers of this shape."""
    found = np.asarray(advantages, dtype=np.float64)
    if found.shape != shape or not np.isfinite(found).all():
        raise invalid("advantage", found.shape, f"a function that gives finite numbers, {shape}")


# --- from rewards to advantages ---


def estimate(
    rule: AdvantageRule,
    rewards: np.ndarray,
    group_size: int,
    *,
    step: int = 0,
    state: AdvantageState | None = None,
    **given: Any,
) -> BatchAdvantages:
    """Turn a batch's rewards into advantages.

    A NaN reward stands for a response that could not be scored: it is left out of its group's statistics and gets
    advantage 0. In a group with fewer than two scored responses all advantages are 0.

    Args:
        rule: How rewards become advantages.
        rewards: ``(N,)``, groups one after the other.
        group_size: G >= 2, a divisor of N.
        step: Optimiser steps taken so far, >= 0, for schedules.
        state: The rule's state; None: its state at the start.
        **given: The rule's inputs besides rewards (``rule.inputs``), an entry for each response: ``token_ids`` and
            ``mask`` (True at its own tokens) ``(N, T)``, ``lengths``, ``metric``, ``reference`` and ``prompt_values``
            ``(N,)``, ``further`` rewards ``(n, N)``, and with these ``weights``, a number for each of the 1 + n
            rewards. Other names are ignored.

    Returns:
        Advantages and metrics.

    Raises:
        ValueError: N is not a multiple of G, a reward is infinite, an input is missing, or an estimator refuses a
            value.

    Example:
        >>> found = estimate(AdvantageRule("dr_grpo"), np.array([1, 0, 0, math.nan, 1, 1.0]), 3)
        >>> found.advantages.round(3), round(found.metrics["unscored"], 3)
        (array([ 0.667, -0.333, -0.333,  0.   ,  0.   ,  0.   ]), 0.167)
    """
    size = require_integer("group_size", group_size, low=2)
    r = np.asarray(rewards, dtype=np.float64)
    if r.ndim != 1 or len(r) % size:
        raise invalid("rewards", r.shape, f"of shape (N,), N a multiple of group_size = {size}")
    if np.isinf(r).any():
        raise invalid("rewards", float(r[np.isinf(r)][0]), "finite, or NaN where a response could not be scored")
    shape = (len(r) // size, size)
    batch = _Batch(
        rule,
        rule.start() if state is None else state,
        step,
        r.reshape(shape),
        ~np.isnan(r).reshape(shape),
        {name: INPUTS[name].grouped(given[name], shape) for name in rule.inputs if name in given},
        {"weights": given["weights"]} if "weights" in given else {},
    )
    found = batch.advantages()
    return BatchAdvantages(found.reshape(len(r), *found.shape[2:]), batch.metrics(found))


@dataclass(frozen=True)
class _Batch:
    """A batch in groups, ``(B, G)``, with the rule to apply."""

    rule: AdvantageRule
    state: AdvantageState
    step: int
    rewards: np.ndarray
    scored: np.ndarray
    inputs: Mapping[str, Any]
    weights: Mapping[str, Any]

    def advantages(self) -> np.ndarray:
        """Compute advantages, ``(B, G)`` or ``(B, G, T)``; 0 for responses that are not scored."""
        if self.scored.all():
            return self._of(self.rewards, self.inputs)
        if not self.rule.of_batches:
            return self._group_by_group()
        if self.rule.grouped or self.rule.inputs:
            name = self.rule.name
            raise invalid("rewards", math.nan, f"scored throughout for {name!r}, which needs groups of one size")
        # The rule ignores groups: all scored responses are one batch.
        result = np.zeros(self.rewards.shape)
        if self.scored.sum() >= 2:
            result[self.scored] = self._of(self.rewards[self.scored][None], {})[0]
        return result

    def _group_by_group(self) -> np.ndarray:
        """Apply the rule to all fully scored groups at once, to others one by one without their unscored responses."""
        tokens = [v.shape[2:] for name, v in self.inputs.items() if INPUTS[name].axes[-1:] == ("token",)]
        result = np.zeros(self.rewards.shape + (tokens[0] if tokens and self.rule.of_tokens else ()))
        whole = self.scored.all(axis=1)
        if whole.any():
            result[whole] = self._of(self.rewards[whole], self._taken(whole))
        for group in np.flatnonzero(~whole):
            kept = self.scored[group]
            if kept.sum() >= 2:
                result[group, kept] = self._of(self.rewards[group][kept], self._taken(group, kept))
        return result

    def _taken(self, groups: Any, responses: Any = None) -> dict[str, Any]:
        """Select the inputs of some groups, or of some responses of one group."""
        return {name: INPUTS[name].take(values, groups, responses) for name, values in self.inputs.items()}

    def _of(self, rewards: np.ndarray, inputs: Mapping[str, Any]) -> np.ndarray:
        """Apply the rule."""
        found = self.rule.advantages(rewards, {**inputs, **self.weights}, step=self.step, state=self.state)
        advantages = np.asarray(found, dtype=np.float64)
        if not self.rule.of_tokens:
            _require_numbers(advantages, rewards.shape)
        return advantages

    # --- metrics ---

    def metrics(self, advantages: np.ndarray) -> dict[str, float]:
        """Compute the metrics to log."""
        each = advantages.reshape(*self.rewards.shape, -1)
        silent, total = (each == 0).all(axis=2), each.sum(axis=2)
        groups = [group[kept] for group, kept in zip(self.rewards, self.scored, strict=True)]
        equal = np.array([np.ptp(group) == 0 if group.size else True for group in groups])
        found = {
            "zero_share": float(silent.mean()),
            "positive_share": float((total > 0).mean()),
            "negative_share": float((total < 0).mean()),
            "degenerate_groups": float(equal.mean()),
            "unscored": float((~self.scored).mean()),
        }
        k = self.rule.k_at(self.step, self.state)
        baselines = self._baselines(groups, k)
        if baselines:
            found["baseline"] = float(np.mean(baselines))
        if k is not None:
            means = np.array([group.mean() if group.size else math.nan for group in groups])
            hard = means <= 1 - k + 1e-9
            found |= {
                "k": k,
                "hard_groups": float((hard & ~equal).mean()),
                "easy_groups": float((~hard & ~equal).mean()),
            }
        anchor = self.state.anchor
        if anchor is not None:
            solved = np.array([self.rule.correct(group).mean() for group in groups if group.size])
            found["anchor"] = anchor.belief
            # Φ = λ·exp(±|p - belief|): this is the larger of the two, averaged over prompts.
            found["weight"] = float(self.rule.lambda_scale * np.exp(np.abs(solved - anchor.belief)).mean())
        return found

    def _baselines(self, groups: list[np.ndarray], k: float | None) -> list[float]:
        """Compute what is subtracted from rewards: by group, or one number if the whole batch is compared.

        Empty if that is not known: for functions, sums, and estimators that subtract something else.
        """
        first = self.rule.terms[0]
        if len(self.rule.terms) > 1 or not isinstance(first.estimator, str) or first.reward:
            return []
        compared = [self.rewards[self.scored]] if self.rule.of_batches else groups
        compared = [values for values in compared if values.size >= 2]
        if k is None:
            return [float(values.mean()) for values in compared] if self.rule.rows[0].centred else []
        definition = self.rule.setting("quantile")
        told = {} if definition is None else {"quantile": definition}
        return [float(quantile_baseline(values, k, **told)) for values in compared]


# --- from batch to batch ---


def observed(rule: AdvantageRule, rewards: np.ndarray) -> dict[str, Any]:
    """Make the observations of a batch that move a rule's state on.

    Args:
        rule: The rule.
        rewards: ``(..., G)``, or all in one row; NaN is ignored.

    Returns:
        Observations for :meth:`~qae_sim.advantages.rule.AdvantageRule.after`; None where the batch has none.

    Example:
        >>> observed(AdvantageRule(), np.array([[1, math.nan], [1, 0]]))
        {'rewards': array([[1., 0.]]), 'correct': array([[1., 1., 0.]])}
    """
    r = np.asarray(rewards, dtype=np.float64)
    whole = r[~np.isnan(r).any(axis=-1)] if r.ndim > 1 else r
    scored = r[~np.isnan(r)]
    return {
        "rewards": whole if len(whole) else None,
        "correct": rule.correct(scored)[None] if scored.size else None,
    }


def save_state(path: Path, rule: AdvantageRule, state: AdvantageState) -> None:
    """Write rule and state into a file of a checkpoint, with a checksum.

    Args:
        path: The file, in an existing folder.
        rule: The rule of this run.
        state: Its state.
    """
    write_atomically(path, to_json(rule.stored(state)))


def load_state(path: Path, rule: AdvantageRule) -> AdvantageState:
    """Read what :func:`save_state` wrote.

    Args:
        path: The file.
        rule: The rule of this run.

    Returns:
        The state.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, holds no state, or the state of another rule; the message names both rules.
    """
    content = path.read_bytes()
    try:
        return restored(rule, from_json(content))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not fit this trainer: {error}") from error


def restored(rule: AdvantageRule, values: Any) -> AdvantageState:
    """Restore a state from the values in a checkpoint.

    Args:
        rule: The rule of this run.
        values: As :meth:`~qae_sim.advantages.rule.AdvantageRule.stored` returns them; in older checkpoints, ``anchor``
            and ``k`` alone.

    Returns:
        The state.

    Raises:
        TypeError: The values are not those of a state.
        ValueError: They are those of another rule; the message names both.

    Example:
        >>> rule = AdvantageRule("qae", {"k": 0.4})
        >>> restored(rule, rule.stored(rule.start())) == rule.start()
        True
    """
    if not isinstance(values, Mapping) or not set(values) <= {"anchor", "k"}:
        return rule.restored(values)
    # Older files do not name their rule: all that can be checked is that the parts are of the right kinds.
    start = rule.start().parts
    parts = {name: from_plain(value, name, KINDS) for name, value in values.items() if value is not None}
    for name in sorted({*start, *parts}):
        if type(parts.get(name)) is not type(start.get(name)):
            wanted = type(start[name]).__name__ if name in start else "None"
            raise invalid(name, parts.get(name), f"of the kind that is configured, {wanted}")
    return AdvantageState(parts)
