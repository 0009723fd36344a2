"""TRL's GRPOTrainer with a choice of advantage.

It is made as TRL's own is, with one more argument::

    trainer = AdvantageGRPOTrainer(
        model, rewards, args=args, train_dataset=data, advantage="qae", advantage_parameters={"k": 0.4}
    )
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather
from torch import Tensor
from trl import GRPOTrainer

from qae_sim.advantages import INPUTS, AdvantageRule, DifficultyAnchor
from qae_sim.arrays import invalid, require_integer
from qae_sim.engines.batches import BatchAdvantages, estimate, load_state, observed, rule_for_trainers, save_state
from qae_sim.engines.dynamic_sampling import LENGTHS, drawn_prompts, merged, mixed

#: How TRL normalises: the sample's standard deviation, and what is added to it.
DEFAULTS = {"ddof": 1, "eps": 1e-4}

#: The state's file, in the folder of a checkpoint.
STATE = "qae_sim_advantage.json"


class AdvantageGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's GRPOTrainer whose advantages come from any estimator of qae_sim.

    With ``advantage="grpo"`` and nothing else it is TRL's own trainer, bit by bit. Otherwise advantages are computed
    from the rewards of all processes; everything else (losses, clipping, sampling, logging) is TRL's.

    What an estimator needs besides rewards (``qae-sim estimators``) comes from the responses (lengths, and CANON's
    metric, which is the length here), from the reward functions (GDPO takes each as a reward of its own, with TRL's
    ``reward_weights``), or from columns of the dataset: ``reference`` (AAPO: the reward that the reference model gets
    for the prompt) and ``prompt_values`` (RLEV: what the prompt is worth).

    Args:
        *args: As GRPOTrainer's.
        advantage: A name from ``qae-sim estimators``, a function of rewards ``(..., G)``, NumPy in and out, or an
            :class:`~qae_sim.advantages.AdvantageRule`, which says all that the next four arguments say.
        advantage_parameters: What it is called with, such as ``{"k": 0.4}``; K may be a schedule over optimiser steps,
            CAPO's ``negatives`` a ``PhaseSwitch``. ``ddof`` and ``eps`` are TRL's (1 and 1e-4) unless given.
        anchor: A difficulty anchor such as ``SoftAnchor()``: HA-DW on top. It moves once per generation, and travels
            in checkpoints.
        lambda_scale: λ of HA-DW, > 0; 1.3 unless given.
        correct_above: For HA-DW a response is correct if its reward is greater than this; None takes rewards as they
            are, and they must lie in [0, 1].
        attempts: DAPO's dynamic sampling: a group whose rewards are all equal is replaced by one of another prompt, up
            to this many generations in all. 1 is none.
        **kwargs: As GRPOTrainer's.

    Attributes:
        rule: How rewards become advantages.
        advantage_state: What moves on from generation to generation: the anchor, an automatic K.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range, or cannot be right together with TRL's configuration.
    """

    def __init__(
        self,
        *args: Any,
        advantage: str | Callable[..., Any] | AdvantageRule = "grpo",
        advantage_parameters: Mapping[str, Any] | None = None,
        anchor: DifficultyAnchor | None = None,
        lambda_scale: float | None = None,
        correct_above: float | None = None,
        attempts: int = 1,
        **kwargs: Any,
    ) -> None:
        rule = _rule_of(
            advantage,
            parameters=advantage_parameters,
            anchor=anchor,
            lambda_scale=lambda_scale,
            correct_above=correct_above,
        )
        self._stock = rule.estimator == "grpo" and not rule.parameters and rule.anchor is None
        self.rule = rule_for_trainers(rule, DEFAULTS)
        self.advantage_state = self.rule.start()
        self.attempts = require_integer("attempts", attempts, low=1)
        self._rewards: Tensor | None = None
        self._entropies: Tensor | None = None
        super().__init__(*args, **kwargs)
        if not self._stock:
            self._refuse_what_cannot_be_right()
        if self.attempts > 1:
            self._refuse_what_cannot_be_drawn_again()

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

    def _refuse_what_cannot_be_drawn_again(self) -> None:
        """Raise where a group cannot be replaced by one of another prompt."""
        if not hasattr(self.train_dataset, "__len__"):
            raise invalid(
                "attempts", self.attempts, "1 with a dataset that is streamed: there is nowhere to draw prompts from"
            )
        if any(name == "further" or INPUTS[name].column for name in self.rule.inputs):
            reason = f"1 with {self.rule.name!r}, which takes more of a prompt than rewards"
            raise invalid("attempts", self.attempts, reason)

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
        lengths = output.pop(LENGTHS)
        if self._stock:
            return output
        size = self.num_generations if training else self.num_generations_eval
        if size < 2:  # a single response per prompt in an evaluation has no group
            return output
        given = self._inputs_of_rule(inputs, output, lengths)
        rewards = given.pop("first", rewards)
        step = int(self.state.global_step or 0)
        found = estimate(self.rule, rewards, size, step=step, state=self.advantage_state, **given)
        # Advantages are those of all processes; this one keeps those of its own responses.
        local = len(inputs)
        own = slice(self.accelerator.process_index * local, (self.accelerator.process_index + 1) * local)
        advantages = torch.as_tensor(found.advantages[own], dtype=torch.float32, device=self.accelerator.device)
        if advantages.dim() == 2:
            advantages = advantages[:, : output["completion_ids"].shape[1]]
        output["advantages"] = advantages
        self._log_advantages(found, "train" if training else "eval")
        if training:
            told = observed(self.rule, rewards.reshape(-1, size))
            self.advantage_state = self.rule.after(self.advantage_state, told)
        return output

    def _one_generation(self, inputs: list[dict[str, Any]]) -> tuple[dict[str, Any], np.ndarray]:
        """TRL's batch, and the weighted rewards of all processes; NaN where nothing could score a response."""
        output = super()._generate_and_score_completions(inputs)
        assert self._rewards is not None
        output[LENGTHS] = self._lengths
        per_function = self._rewards
        weighted = (per_function * self.reward_weights.to(per_function.device).unsqueeze(0)).nansum(dim=1)
        weighted[torch.isnan(per_function).all(dim=1)] = torch.nan
        return output, weighted.double().cpu().numpy()

    def _inputs_of_rule(self, inputs: list[dict[str, Any]], output: dict[str, Any], lengths: Tensor) -> dict[str, Any]:
        """What the rule needs besides rewards, of all processes; ``first`` of several rewards takes their place."""
        needed, given = self.rule.inputs, dict[str, Any]()
        if {"token_ids", "mask"} & {*needed}:
            given["token_ids"], given["mask"] = self._of_all_processes(output)
        if {"lengths", "metric"} & {*needed}:
            given["lengths"] = given["metric"] = gather(lengths).cpu().numpy()
        for name in needed:
            if not INPUTS[name].column:
                continue
            if name not in inputs[0]:
                raise invalid("dataset", sorted(inputs[0]), f"one with a column {name!r}: {INPUTS[name].column}")
            column = torch.tensor([float(row[name]) for row in inputs], device=self.accelerator.device)
            given[name] = gather(column).double().cpu().numpy()
        if "further" in needed:
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

    def _log_advantages(self, found: BatchAdvantages, mode: str) -> None:
        """Hand metrics to TRL's log, and put the advantages where the stock ones stand in its table."""
        for name, value in found.metrics.items():
            self._metrics[mode][f"advantage/{name}"].append(value)
        table = self._logs["advantages"]
        shown = found.advantages if found.advantages.ndim == 1 else found.advantages.sum(axis=1)
        for _ in range(min(len(shown), len(table))):
            table.pop()
        table.extend(shown.tolist())

    def _replace_silent_groups(
        self, inputs: list[dict[str, Any]], output: dict[str, Any], rewards: np.ndarray
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Generate for other prompts where all rewards of a group are equal; the place of a group stays its own."""
        size, local = self.num_generations, len(inputs)
        first = self.accelerator.process_index * local
        for attempt in range(1, self.attempts):
            silent = ~mixed(rewards.reshape(-1, size))
            if not silent.any():
                break
            rows = drawn_prompts(
                len(silent),
                len(self.train_dataset),
                seed=int(self.args.seed),
                step=int(self.state.global_step),
                call=self._step,
                attempt=attempt,
            )
            others = [dict(self.train_dataset[int(rows[(first + i) // size])]) for i in range(local)]
            new, new_rewards = self._one_generation(others)
            taken = np.repeat(silent, size)
            rewards = np.where(taken, new_rewards, rewards)
            output = merged(output, new, taken[first : first + local], self.processing_class.pad_token_id)
        self._metrics["train"]["advantage/mixed_groups"].append(float(mixed(rewards.reshape(-1, size)).mean()))
        return output, rewards

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
        """TRL's checkpoint, with the rule and its state in its folder."""
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            save_state(folder / STATE, self.rule, self.advantage_state)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """What TRL restores when it resumes, and the rule's state."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        path = Path(os.fspath(checkpoint)) / STATE
        if path.exists():
            self.advantage_state = load_state(path, self.rule)
        elif self.advantage_state.parts:
            raise ValueError(f"{checkpoint} holds no {STATE}: it was not written by this trainer, or is damaged")


def _rule_of(advantage: Any, **fields: Any) -> AdvantageRule:
    """The rule that the trainer's arguments describe; None is what is not given."""
    given = {name: value for name, value in fields.items() if value is not None}
    if isinstance(advantage, AdvantageRule):
        for name, value in given.items():
            argument = "advantage_parameters" if name == "parameters" else name
            raise invalid(argument, value, "left out where advantage is a rule, which says it itself")
        return advantage
    if not isinstance(advantage, str) and not callable(advantage):
        allowed = "a name from 'qae-sim estimators', a function, or an AdvantageRule"
        raise invalid("advantage", advantage, allowed, TypeError)
    return AdvantageRule(advantage, **given)
