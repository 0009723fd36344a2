"""TRL's GRPOTrainer with a choice of advantage.

It is made as TRL's own is, with one more argument:

    trainer = AdvantageGRPOTrainer(
        model, rewards, args=args, train_dataset=data, advantage="qae", advantage_parameters={"k": 0.4}
    )
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather
from torch import Tensor
from trl import GRPOTrainer

from qae_sim.advantages import DifficultyAnchor, dynamic_sampling_mask
from qae_sim.arrays import invalid, require_integer
from qae_sim.engines.rule import Rule
from qae_sim.storage import write_atomically
from qae_sim.streams import uniform

_STATE = "qae_sim_advantage.json"

#: What a batch of TRL holds, by the side on which it is padded; rows are responses.
_PADDED = {
    "prompt_ids": "left",
    "prompt_mask": "left",
    "completion_ids": "right",
    "completion_mask": "right",
    "advantages": "right",
    "old_per_token_logps": "right",
    "ref_per_token_logps": "right",
    "sampling_per_token_logps": "right",
    "importance_sampling_ratio": "right",
    "tool_mask": "right",
}

#: Our own entry of a batch on its way: how long responses are, also those whose mask TRL has emptied.
_LENGTHS = "response_lengths"


#: What estimators need of prompts, by the dataset's column.
_COLUMNS = {"reference": "the reference model's reward", "prompt_values": "what the prompt is worth"}


class AdvantageGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's GRPOTrainer whose advantages come from any estimator of qae_sim.

    With ``advantage="grpo"`` and nothing else it is TRL's own trainer, bit by bit. Otherwise advantages are computed
    from the rewards of all processes; everything else (losses, clipping, sampling, logging) is TRL's.

    What an estimator needs beside rewards (``qae-sim estimators``) comes from the responses (lengths, and CANON's
    metric, which is the length here), from the reward functions (GDPO takes each as a reward of its own, with TRL's
    ``reward_weights``), or from columns of the dataset: ``reference`` (AAPO: the reward that the reference model gets
    for the prompt) and ``prompt_values`` (RLEV: what the prompt is worth).

    Args:
        *args: As GRPOTrainer's.
        advantage: A name from ``qae-sim estimators`` or a function of rewards ``(..., G)``, NumPy in and out.
        advantage_parameters: What it is called with, such as ``{"k": 0.4}``; K may be a schedule over optimiser steps,
            CAPO's ``negatives`` a ``PhaseSwitch``. ``ddof`` and ``eps`` are TRL's (1 and 1e-4) unless given.
        anchor: A difficulty anchor such as ``SoftAnchor()``: HA-DW on top. It moves once per generation, and travels
            in checkpoints.
        lambda_scale: λ of HA-DW.
        correct_above: For HA-DW a response is correct if its reward is greater than this; None takes rewards as they
            are, and they must lie in [0, 1].
        attempts: DAPO's dynamic sampling: a group whose rewards are all equal is replaced by one of another prompt, up
            to this many generations in all. 1 is none.
        **kwargs: As GRPOTrainer's.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range, or cannot be right together with TRL's configuration.
    """

    def __init__(
        self,
        *args: Any,
        advantage: str | Callable[..., Any] = "grpo",
        advantage_parameters: Mapping[str, Any] | None = None,
        anchor: DifficultyAnchor | None = None,
        lambda_scale: float = 1.3,
        correct_above: float | None = None,
        attempts: int = 1,
        **kwargs: Any,
    ) -> None:
        self.rule = Rule(advantage, advantage_parameters, anchor, lambda_scale, correct_above)
        self.attempts = require_integer("attempts", attempts, low=1)
        self._stock = advantage == "grpo" and not advantage_parameters and anchor is None
        self._rewards: Tensor | None = None
        self._entropies: Tensor | None = None
        super().__init__(*args, **kwargs)
        if not self._stock:
            self._refuse_what_cannot_be_right()
        if self.attempts > 1 and not hasattr(self.train_dataset, "__len__"):
            raise invalid(
                "attempts", attempts, "1 with a dataset that is streamed: there is nowhere to draw prompts from"
            )
        if self.attempts > 1 and set(self.rule.needs) & {"further", *_COLUMNS}:
            raise invalid("attempts", attempts, f"1 with {advantage!r}, which takes more of a prompt than rewards")

    def _refuse_what_cannot_be_right(self) -> None:
        """Raise where TRL's configuration asks for something that the advantages do not do."""
        if self.multi_objective_aggregation != "sum_then_normalize":
            raise invalid(
                "multi_objective_aggregation",
                self.multi_objective_aggregation,
                "'sum_then_normalize' with another advantage than TRL's: estimators see one reward per response",
            )
        if self.scale_rewards not in ("group", True):
            raise invalid(
                "scale_rewards",
                self.scale_rewards,
                "'group' with another advantage than TRL's: choose one that scales as you want (dr_grpo does not), or "
                "give advantage_parameters={'eps': ..., 'ddof': ...}",
            )

    # --- advantages ---

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        """TRL's rewards of all processes, kept for later with this process's lengths."""
        self._rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._lengths = torch.tensor([len(ids) for ids in completion_ids_list], device=self.accelerator.device)
        return self._rewards

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch, with other advantages, and groups without a signal replaced."""
        output, rewards = self._one_generation(inputs)
        training = self.model.training
        if training and self.attempts > 1:
            output, rewards = self._replace_silent_groups(inputs, output, rewards)
        lengths = output.pop(_LENGTHS)
        if self._stock:
            return output
        size = self.num_generations if training else self.num_generations_eval
        step = int(self.state.global_step or 0)
        if size < 2:  # a single response per prompt in an evaluation has no group
            return output
        given = self._beside(inputs, output, lengths)
        if "further" in given:
            rewards = given.pop("first")
        outcome = self.rule.advantages(rewards, size, step=step, **given)
        local = len(inputs)
        own = slice(self.accelerator.process_index * local, (self.accelerator.process_index + 1) * local)
        advantages = torch.as_tensor(outcome.advantages[own], dtype=torch.float32, device=self.accelerator.device)
        if advantages.dim() == 2:
            advantages = advantages[:, : output["completion_ids"].shape[1]]
        output["advantages"] = advantages
        self._log_outcome(outcome.advantages, outcome.metrics, "train" if training else "eval")
        if training:
            self.rule = self.rule.after(rewards.reshape(-1, size))
        return output

    def _one_generation(self, inputs: list[dict[str, Any]]) -> tuple[dict[str, Any], np.ndarray]:
        """TRL's batch, and the weighted rewards of all processes; NaN where nothing could score a response."""
        output = super()._generate_and_score_completions(inputs)
        assert self._rewards is not None
        output[_LENGTHS] = self._lengths
        per_function = self._rewards
        weighted = (per_function * self.reward_weights.to(per_function.device).unsqueeze(0)).nansum(dim=1)
        weighted[torch.isnan(per_function).all(dim=1)] = torch.nan
        return output, weighted.double().cpu().numpy()

    def _beside(self, inputs: list[dict[str, Any]], output: dict[str, Any], lengths: Tensor) -> dict[str, Any]:
        """What the estimator needs beside rewards, of all processes."""
        needs, given = self.rule.needs, dict[str, Any]()
        if "token_ids" in needs:
            given["token_ids"], given["mask"] = self._of_all_processes(output)
        if set(needs) & {"lengths", "metric"}:
            given["lengths"] = given["metric"] = gather(lengths).cpu().numpy()
        for need in set(needs) & set(_COLUMNS):
            if need not in inputs[0]:
                raise invalid("dataset", sorted(inputs[0]), f"one with a column {need!r}: {_COLUMNS[need]}")
            column = torch.tensor([float(row[need]) for row in inputs], device=self.accelerator.device)
            given[need] = gather(column).double().cpu().numpy()
        if "further" in needs:
            assert self._rewards is not None
            each = self._rewards.double().cpu().numpy().T
            # A response that one function could not score is not scored.
            given["first"] = np.where(np.isnan(each).any(axis=0), np.nan, each[0])
            given["further"], given["weights"] = each[1:], self.reward_weights.tolist()
        return given

    def _of_all_processes(self, output: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids and mask of all processes, ``(N, T)``."""
        parts = []
        for name in ("completion_ids", "completion_mask"):
            padded = self.accelerator.pad_across_processes(output[name], dim=1, pad_index=0)
            parts.append(gather(padded).cpu().numpy())
        return parts[0], parts[1].astype(bool)

    def _log_outcome(self, advantages: np.ndarray, metrics: dict[str, float], mode: str) -> None:
        """Hand metrics to TRL's log, and put the advantages where the stock ones stand in its table."""
        for name, value in metrics.items():
            self._metrics[mode][f"advantage/{name}"].append(value)
        table = self._logs["advantages"]
        shown = advantages if advantages.ndim == 1 else advantages.sum(axis=1)
        for _ in range(min(len(shown), len(table))):
            table.pop()
        table.extend(shown.tolist())

    # --- dynamic sampling ---

    def _replace_silent_groups(
        self, inputs: list[dict[str, Any]], output: dict[str, Any], rewards: np.ndarray
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Generate for other prompts where all rewards of a group are equal; the place of a group stays its own."""
        size, local = self.num_generations, len(inputs)
        first = self.accelerator.process_index * local
        for attempt in range(1, self.attempts):
            silent = ~_mixed(rewards.reshape(-1, size))
            if not silent.any():
                break
            # The same choice on every process: groups may straddle them.
            key = (int(self.args.seed), 61, int(self.state.global_step), self._step, attempt)
            draws = uniform(np.zeros(1), len(silent), *key)
            rows = (draws * len(self.train_dataset)).astype(int)
            others = [dict(self.train_dataset[int(rows[(first + i) // size])]) for i in range(local)]
            new, new_rewards = self._one_generation(others)
            taken = np.repeat(silent, size)
            rewards = np.where(taken, new_rewards, rewards)
            output = self._merge(output, new, taken[first : first + local])
        self._metrics["train"]["advantage/mixed_groups"].append(float(_mixed(rewards.reshape(-1, size)).mean()))
        return output, rewards

    def _merge(self, output: dict[str, Any], new: dict[str, Any], taken: np.ndarray) -> dict[str, Any]:
        """Take some rows of one batch into another."""
        unknown = set(output) | set(new)
        unknown -= {*_PADDED, "num_items_in_batch", _LENGTHS}
        if unknown:
            raise ValueError(f"attempts > 1 is for text alone; this batch also holds {', '.join(sorted(unknown))}")
        rows = torch.as_tensor(taken, device=self.accelerator.device)
        merged: dict[str, Any] = {}
        for name in output:
            if name == "num_items_in_batch":
                continue
            a, b = output[name], new[name]
            if a.dim() == 1:
                merged[name] = torch.where(rows, b, a)
                continue
            width = max(a.shape[1], b.shape[1])
            filling = self.processing_class.pad_token_id if name.endswith("_ids") else 0
            a, b = (_widened(x, width, filling, _PADDED[name]) for x in (a, b))
            merged[name] = torch.where(rows[:, None], b, a)
        mask = merged["completion_mask"] * merged.get("tool_mask", 1)
        merged["num_items_in_batch"] = gather(mask.sum()).sum()
        return merged

    # --- entropy by the sign of the advantage ---

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        """TRL's log-probabilities; entropies are kept when they are asked for."""
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if kwargs.get("compute_entropy"):
            self._entropies = result[1]
        return result

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """TRL's loss; logs the entropy of responses with positive, with negative and without advantage."""
        loss: Tensor = super()._compute_loss(model, inputs)
        if self._stock or self._entropies is None:
            return loss
        advantages, mask = inputs["advantages"], inputs["completion_mask"].float()
        total = advantages if advantages.dim() == 1 else (advantages * mask).sum(dim=1)
        each = (self._entropies.detach() * mask).sum(dim=1)
        sides = torch.stack([total > 0, total < 0, total == 0]).float()
        sums = torch.stack([sides @ each, sides @ mask.sum(dim=1)])
        totals = self.accelerator.gather(sums[None]).sum(dim=0)
        mode = "train" if self.model.training else "eval"
        for name, entropy, tokens in zip(("positive", "negative", "zero"), *totals.tolist(), strict=True):
            if tokens:
                self._metrics[mode][f"entropy/{name}"].append(entropy / tokens)
        self._entropies = None
        return loss

    # --- checkpoints ---

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """TRL's checkpoint, and beside it the state of anchor and automatic K."""
        super()._save_checkpoint(model, trial)
        if self.args.should_save and not self._stock:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            write_atomically(folder / _STATE, json.dumps(self.rule.state()).encode())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """What TRL restores when it resumes, and the state of anchor and automatic K."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None or self._stock:
            return
        path = Path(os.fspath(checkpoint)) / _STATE
        if path.exists():
            try:
                self.rule = self.rule.with_state(json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError, AttributeError) as error:
                raise ValueError(f"{path} does not fit this trainer: {error}") from error
        elif any(self.rule.state().values()):
            raise ValueError(f"{checkpoint} holds no {_STATE}: it was not written by this trainer, or is damaged")


def _mixed(rewards: np.ndarray) -> np.ndarray:
    """Which groups have a signal; NaN does not count."""
    filled = np.where(
        np.isnan(rewards), np.nanmin(np.where(np.isnan(rewards), np.inf, rewards), axis=1)[:, None], rewards
    )
    return np.asarray(dynamic_sampling_mask(np.where(np.isfinite(filled), filled, 0.0)))


def _widened(x: Tensor, width: int, filling: int, side: str) -> Tensor:
    """Fill rows up to a width."""
    if x.shape[1] == width:
        return x
    extra = x.new_full((x.shape[0], width - x.shape[1]), filling)
    return torch.cat([extra, x] if side == "left" else [x, extra], dim=1)
