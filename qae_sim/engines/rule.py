"""From the rewards of a trainer's batch to advantages: what trainers ask, however they hold their data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qae_sim.advantages import DifficultyAnchor, EntropyTargetK, SuccessRateK, get, ha_dw_weights, quantile_baseline
from qae_sim.advantages.availability import require_place, stand_in
from qae_sim.advantages.parameters import ANCHORS, SCHEDULES, parameters_at, require_anchor, require_parameters
from qae_sim.arrays import invalid, require_integer, require_number
from qae_sim.storage import from_plain, to_plain

_KINDS: tuple[type, ...] = (*ANCHORS, *SCHEDULES, SuccessRateK)

#: Estimators that subtract the mean of what is compared, or as much as the mean of the others does.
_CENTRED = (
    *("grpo", "dr_grpo", "rloo", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "ktae"),
    *("mapo", "maxrl", "grpo_n", "capo", "gpg"),
)

#: How trainers normalise (TRL's numbers): the sample's standard deviation, and what is added to it.
TRAINERS = {"ddof": 1, "eps": 1e-4}


@dataclass(frozen=True)
class Outcome:
    """Advantages of a batch, and what there is to log.

    Attributes:
        advantages: ``(N,)``, or ``(N, T)`` for estimators of tokens; 0 where a reward is NaN.
        metrics: Names and numbers.
    """

    advantages: np.ndarray
    metrics: dict[str, float]


@dataclass(frozen=True)
class Rule:
    """How rewards become advantages, with the state that follows the model's capability.

    Attributes:
        advantage: A name from ``qae-sim estimators``, or a function of rewards ``(..., G)``.
        parameters: What it is called with; K may be a schedule or ``SuccessRateK()``, CAPO's ``negatives`` a
            ``PhaseSwitch``. Where an estimator normalises, ``ddof`` and ``eps`` are those of trainers unless they are
            given.
        anchor: A difficulty anchor: advantages are multiplied by HA-DW's Φ.
        lambda_scale: λ of Φ, > 0.
        correct_above: A response counts as correct, for HA-DW, if its reward is greater than this; None takes rewards
            as they are, and they must lie in [0, 1].

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An estimator or a parameter is unknown or out of range.

    Example:
        >>> rule = Rule("qae", {"k": 0.4, "ddof": 0, "eps": 0})
        >>> rule.advantages(np.array([1, 0, 0, 0, 0.0]), 5, step=0).advantages
        array([2.5, 0. , 0. , 0. , 0. ])
    """

    advantage: str | Callable[..., Any] = "grpo"
    parameters: Mapping[str, Any] | None = None
    anchor: DifficultyAnchor | None = None
    lambda_scale: float = 1.3
    correct_above: float | None = None

    def __post_init__(self) -> None:
        parameters = dict(self.parameters or {})
        if isinstance(self.advantage, str):
            require_place("advantage", self.advantage, "trl")
            require_parameters("parameters", self.advantage, parameters)
            known = get(self.advantage).settings
            defaults = TRAINERS | {"k": known.get("k")}
            parameters = {name: value for name, value in defaults.items() if name in known} | parameters
            if parameters.get("metric") == "entropy":
                raise invalid("parameters", "entropy", "without it: trainers know lengths, and no entropies yet")
            parameters.pop("metric", None)
        elif not callable(self.advantage):
            raise invalid("advantage", self.advantage, "a name from 'qae-sim estimators', or a function", TypeError)
        if any(isinstance(value, EntropyTargetK) for value in parameters.values()):
            raise invalid("parameters", parameters, "without EntropyTargetK: a rule sees rewards and no entropy")
        object.__setattr__(self, "parameters", parameters)
        require_anchor(self.anchor, self.advantage, self.level)
        if require_number("lambda_scale", self.lambda_scale, low=0.0) == 0:
            raise invalid("lambda_scale", 0, "positive")
        if self.correct_above is not None:
            require_number("correct_above", self.correct_above)
            if self.anchor is None:
                raise invalid("correct_above", self.correct_above, "None without an anchor: nothing else asks for it")
        self._try()

    def _try(self) -> None:
        """Call the estimator once, so that a wrong parameter is named now and not after the first generation."""
        rewards = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        given = stand_in(self.advantage, rewards) if isinstance(self.advantage, str) else {}
        if "further" in given and "weights" in (self.parameters or {}):
            given["further"] = given["further"].repeat(max(len((self.parameters or {})["weights"]) - 1, 0), axis=0)
        self._estimate(rewards, self.parameters_at(0), given)

    @property
    def level(self) -> str:
        """``"response"``, ``"batch"`` or ``"token"``; functions look at responses."""
        return get(self.advantage).level if isinstance(self.advantage, str) else "response"

    @property
    def needs(self) -> tuple[str, ...]:
        """What :meth:`advantages` must be given beside rewards."""
        return get(self.advantage).needs if isinstance(self.advantage, str) else ()

    def parameters_at(self, step: int) -> dict[str, Any]:
        """The estimator's parameters at a step, schedules resolved.

        Args:
            step: Optimiser steps taken so far.

        Returns:
            Names and values.
        """
        return parameters_at(self.parameters or {}, step)

    def advantages(
        self,
        rewards: np.ndarray,
        group_size: int,
        *,
        step: int,
        **given: np.ndarray,
    ) -> Outcome:
        """Turn a batch's rewards into advantages.

        A NaN reward is one that could not be scored: it takes no part in its group's statistics and gets advantage 0.
        A group with fewer than two scored responses has no advantages.

        Args:
            rewards: ``(N,)``, groups one after the other.
            group_size: G, a divisor of N.
            step: Optimiser steps taken so far, for schedules.
            **given: What the estimator needs beside them (see :attr:`needs`), an entry for each response: ``token_ids``
                and ``mask`` (true at its own tokens) ``(N, T)``, ``lengths``, ``metric``, ``reference`` and
                ``prompt_values`` ``(N,)``, ``further`` rewards ``(n, N)``, and with these ``weights``, a number for
                each of the 1 + n rewards. Others are left aside.

        Returns:
            Advantages and metrics.

        Raises:
            ValueError: N is no multiple of G, a reward is infinite, something that the estimator needs is not given,
                or something the estimator refuses.
        """
        size = require_integer("group_size", group_size, low=2)
        r = np.asarray(rewards, dtype=np.float64)
        if r.ndim != 1 or len(r) % size:
            raise invalid("rewards", r.shape, f"of shape (N,), N a multiple of group_size = {size}")
        if np.isinf(r).any():
            raise invalid("rewards", float(r[np.isinf(r)][0]), "finite, or NaN where a response could not be scored")
        missing = [need for need in self.needs if need not in given]
        if missing:
            raise ValueError(f"{self.advantage} needs {' and '.join(missing)} beside rewards")
        shape = (len(r) // size, size)
        grouped, scored = r.reshape(shape), ~np.isnan(r).reshape(shape)
        data = {need: _grouped(need, given[need], shape) for need in self.needs}
        parameters = self.parameters_at(step)
        if "further" in data and "weights" in given:
            parameters = {"weights": given["weights"]} | parameters
        estimate = self._of_batch if self.level == "batch" else self._by_group
        result = estimate(grouped, scored, parameters, data)
        metrics = self._metrics(grouped, scored, result, parameters)
        return Outcome(result.reshape(len(r), *result.shape[2:]), metrics)

    def _by_group(
        self,
        rewards: np.ndarray,
        scored: np.ndarray,
        parameters: Mapping[str, Any],
        data: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        """Groups whose responses are all scored at once; the others one by one, without what is not scored."""
        result = np.zeros(data["token_ids"].shape if self.level == "token" else rewards.shape)
        whole = scored.all(axis=1)
        if whole.any():
            given = {need: values[whole] for need, values in data.items()}
            result[whole] = self._estimate(rewards[whole], parameters, given)
        for group in np.flatnonzero(~whole):
            kept = scored[group]
            if kept.sum() >= 2:
                # A prompt has one value, whoever of its responses is scored.
                given = {need: v[group] if need == "prompt_values" else v[group][kept] for need, v in data.items()}
                result[group, kept] = self._estimate(rewards[group][kept], parameters, given)
        return result

    def _of_batch(
        self,
        rewards: np.ndarray,
        scored: np.ndarray,
        parameters: Mapping[str, Any],
        data: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        """Estimators that look at the whole batch."""
        if scored.all():
            return self._estimate(rewards, parameters, data)
        if self.advantage == "reinforce_plus_plus":  # knows no groups: what is scored is one batch
            result = np.zeros(rewards.shape)
            if scored.sum() >= 2:
                result[scored] = self._estimate(rewards[scored][None], parameters, data)[0]
            return result
        raise invalid("rewards", math.nan, f"scored throughout for {self.advantage!r}, which needs groups of one size")

    def _estimate(
        self, rewards: np.ndarray, parameters: Mapping[str, Any], given: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Call the estimator, and weight by HA-DW where there is an anchor."""
        function = get(self.advantage).advantages if isinstance(self.advantage, str) else self.advantage
        advantages = np.asarray(function(rewards, **given, **parameters), dtype=np.float64)
        if self.level == "token":
            return advantages
        if advantages.shape != rewards.shape or not np.isfinite(advantages).all():
            raise invalid("advantage", advantages.shape, f"a function that gives finite numbers, {rewards.shape}")
        if self.anchor is None:
            return advantages
        weights = ha_dw_weights(self._correct(rewards), advantages, self.anchor, lambda_scale=self.lambda_scale)
        return np.asarray(weights.Phi * advantages)

    def _correct(self, rewards: np.ndarray) -> np.ndarray:
        """What HA-DW calls difficulty and capability is about these."""
        return rewards if self.correct_above is None else np.where(rewards > self.correct_above, 1.0, 0.0)

    def _metrics(
        self, rewards: np.ndarray, scored: np.ndarray, advantages: np.ndarray, parameters: Mapping[str, Any]
    ) -> dict[str, float]:
        """What there is to log of a batch."""
        silent = (advantages == 0).reshape(*rewards.shape, -1).all(axis=2)
        total = advantages.reshape(*rewards.shape, -1).sum(axis=2)
        means = np.array(
            [group[kept].mean() if kept.any() else math.nan for group, kept in zip(rewards, scored, strict=True)]
        )
        equal = np.array(
            [np.ptp(group[kept]) == 0 if kept.any() else True for group, kept in zip(rewards, scored, strict=True)]
        )
        metrics = {
            "zero_share": float(silent.mean()),
            "positive_share": float((total > 0).mean()),
            "negative_share": float((total < 0).mean()),
            "degenerate_groups": float(equal.mean()),
            "unscored": float((~scored).mean()),
        }
        baselines = self._baselines(rewards, scored, parameters)
        if baselines:
            metrics["baseline"] = float(np.mean(baselines))
        if "k" in parameters:
            hard = means <= 1 - parameters["k"] + 1e-9
            metrics |= {
                "k": float(parameters["k"]),
                "hard_groups": float((hard & ~equal).mean()),
                "easy_groups": float((~hard & ~equal).mean()),
            }
        if self.anchor is not None:
            metrics["anchor"] = self.anchor.belief
            solved = [self._correct(g[kept]).mean() for g, kept in zip(rewards, scored, strict=True) if kept.any()]
            metrics["weight"] = float(self.lambda_scale * np.exp(np.abs(np.array(solved) - self.anchor.belief)).mean())
        return metrics

    def _baselines(self, rewards: np.ndarray, scored: np.ndarray, parameters: Mapping[str, Any]) -> list[float]:
        """What is subtracted from rewards: by group, or one number where the whole batch is compared."""
        if not isinstance(self.advantage, str):
            return []
        pairs = zip(rewards, scored, strict=True)
        compared = [rewards[scored]] if self.level == "batch" else [group[kept] for group, kept in pairs]
        compared = [values for values in compared if values.size >= 2]
        if "k" not in parameters:
            return [float(values.mean()) for values in compared] if self.advantage in _CENTRED else []
        definition = {"quantile": parameters["quantile"]} if "quantile" in parameters else {}
        return [float(quantile_baseline(values, parameters["k"], **definition)) for values in compared]

    def after(self, rewards: np.ndarray) -> Rule:
        """The rule for the next batch: anchor and automatic K have seen this one.

        Args:
            rewards: ``(N,)`` or ``(..., G)``; NaN does not count.

        Returns:
            The next rule.
        """
        r = np.asarray(rewards, dtype=np.float64)
        parameters = dict(self.parameters or {})
        if isinstance(parameters.get("k"), SuccessRateK):
            whole = r[~np.isnan(r).any(axis=-1)] if r.ndim > 1 else r
            if len(whole):
                parameters["k"] = parameters["k"].update(whole)
        scored = r[~np.isnan(r)]
        anchor = self.anchor
        if anchor is not None and scored.size:
            anchor = anchor.update(self._correct(scored)[None])
        return replace(self, parameters=parameters, anchor=anchor)

    # --- checkpoints ---

    def state(self) -> dict[str, Any]:
        """What moves from batch to batch, in values that JSON has."""
        k = dict(self.parameters or {}).get("k")
        return {
            "anchor": to_plain(self.anchor, "anchor", _KINDS),
            "k": to_plain(k, "k", _KINDS) if isinstance(k, SuccessRateK) else None,
        }

    def with_state(self, state: Mapping[str, Any]) -> Rule:
        """The rule with the state that :meth:`state` gave.

        Args:
            state: Plain values.

        Returns:
            The rule.

        Raises:
            ValueError: The state is that of another kind of rule.
        """
        anchor = from_plain(state.get("anchor"), "anchor", _KINDS)
        k = from_plain(state.get("k"), "k", _KINDS)
        if type(anchor) is not type(self.anchor):
            raise invalid("anchor", anchor, f"of the kind that is configured, {type(self.anchor).__name__}")
        parameters = dict(self.parameters or {}) | ({} if k is None else {"k": k})
        return replace(self, anchor=anchor, parameters=parameters)


def _grouped(need: str, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring what comes with responses, one after the other, into groups."""
    v = np.asarray(values)
    if need == "further":
        return v.reshape(len(v), *shape)
    if need == "prompt_values":
        v = v.reshape(shape)
        if (v != v[:, :1]).any():
            raise invalid("prompt_values", v[(v != v[:, :1]).any(axis=1)][0].tolist(), "the same for all of a group")
        return v[:, 0]
    return v.reshape(*shape, *v.shape[1:])
