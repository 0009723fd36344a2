"""TRL's GRPOTrainer with a choice of advantage estimator.

It is made like TRL's own trainer, with one more argument::

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

#: TRL divides by the standard deviation of the sample (ddof 1) plus this eps.
DEFAULTS = {"ddof": 1, "eps": 1e-4}

#: Name of the file with rule and state, in the folder of a checkpoint.
STATE = "qae_sim_advantage.json"


class AdvantageGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's GRPOTrainer whose advantages come from any estimator of qae_sim.

    With ``advantage="grpo"`` alone it gives the same bits as TRL's own trainer. Otherwise advantages are computed from
    the rewards of all processes; everything else (losses, clipping, sampling, logging) is TRL's.

    Inputs besides rewards (``qae-sim estimators``) come from the responses (lengths; CANON's metric is the length
    here), from the reward functions (GDPO takes each as a separate reward, with TRL's ``reward_weights``), or from
    columns of the dataset: ``reference`` (AAPO: the reference model's reward for the prompt) and ``prompt_values``
    (RLEV: the value of the prompt).

    Checkpoints hold the rule and its state. A run that is resumed with another rule is refused, with both named.

    Args:
        *args: As GRPOTrainer's.
        advantage: A name from ``qae-sim estimators``, a function from rewards ``(..., G)`` to advantages of the same
            shape (NumPy arrays), or an :class:`~qae_sim.advantages.AdvantageRule`, which replaces the next four
            arguments.
        advantage_parameters: Parameters of the estimator, such as ``{"k": 0.4}``; K may be a schedule over optimiser
            steps, CAPO's ``negatives`` a ``PhaseSwitch``. ``ddof`` and ``eps`` are TRL's (1 and 1e-4) unless given.
        anchor: A difficulty anchor such as ``SoftAnchor()`` for HA-DW on top of the estimator. It moves once per
            generation.
        lambda_scale: λ of HA-DW, > 0; 1.3 unless given.
        correct_above: For HA-DW, a response is correct if its reward is greater than this. None: rewards count as they
            are and must lie in [0, 1].
        attempts: DAPO's dynamic sampling, >= 1: a group whose rewards are all equal is replaced by one of another
            prompt, with at most this many generations in all. 1: no dynamic sampling.
        **kwargs: As GRPOTrainer's.

    Attributes:
        rule: How rewards become advantages.
        advantage_state: The rule's state, which moves on with every generation: the anchor, an automatic K.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range or contradicts TRL's configuration; or a checkpoint has another rule.
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
        """Raise an error if TRL's configuration asks for something that the estimator does not do."""
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
        """Raise an error if a group cannot be replaced by one of another prompt."""
        if not hasattr(self.train_dataset, "__len__"):
            raise invalid(
                "attempts", self.attempts, "1 with a dataset that is streamed: there is nowhere to draw prompts from"
            )
        if any(name == "further" or INPUTS[name].column for name in self.rule.inputs):
            reason = f"1 with {self.rule.name!r}, which takes more of a prompt than rewards"
            raise invalid("attempts", self.attempts, reason)

    # --- advantages ---

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        """Compute TRL's rewards of all processes; keep them, and the lengths of this process's responses, for later."""
        self._rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._lengths = torch.tensor([len(ids) for ids in completion_ids_list], device=self.accelerator.device)
        return self._rewards

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Make TRL's batch, replace groups with equal rewards, and put in the rule's advantages."""
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
        # Advantages are computed for all processes; each keeps those of its own responses.
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
        """Make TRL's batch and the weighted rewards of all processes; NaN where no function could score a response."""
        output = super()._generate_and_score_completions(inputs)
        assert self._rewards is not None
        output[LENGTHS] = self._lengths
        per_function = self._rewards
        weighted = (per_function * self.reward_weights.to(per_function.device).unsqueeze(0)).nansum(dim=1)
        weighted[torch.isnan(per_function).all(dim=1)] = torch.nan
        return output, weighted.double().cpu().numpy()

    def _inputs_of_rule(self, inputs: list[dict[str, Any]], output: dict[str, Any], lengths: Tensor) -> dict[str, Any]:
        """Collect the rule's inputs from all processes; ``first``, if present, takes the place of the rewards."""
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
            # A response counts as scored only if every function could score it.
            given["first"] = np.where(np.isnan(each).any(axis=0), np.nan, each[0])
            given["further"], given["weights"] = each[1:], self.reward_weights.tolist()
        return given

    def _of_all_processes(self, output: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Collect token ids and mask from all processes, ``(N, T)`` each."""
        parts = []
        for name in ("completion_ids", "completion_mask"):
            padded = self.accelerator.pad_across_processes(output[name], dim=1, pad_index=0)
            parts.append(gather(padded).cpu().numpy())
        return parts[0], parts[1].astype(bool)

    def _log_advantages(self, found: BatchAdvantages, mode: str) -> None:
        """Add metrics to TRL's log, and replace TRL's own advantages in its table of completions."""
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
        """Replace groups whose rewards are all equal by groups of other prompts, in the same places."""
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
        """Compute TRL's log-probabilities; keep the entropies if they are computed."""
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if kwargs.get("compute_entropy"):
            self._entropies = result[1]
        return result

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Compute TRL's loss; log the entropy of responses with positive, negative and zero advantage."""
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
        """Save TRL's checkpoint, with the rule and its state in its folder."""
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            save_state(folder / STATE, self.rule, self.advantage_state)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Restore what TRL restores when it resumes, and the rule's state."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        path = Path(os.fspath(checkpoint)) / STATE
        if path.exists():
            self.advantage_state = load_state(path, self.rule)
        elif self.advantage_state.parts:
            raise ValueError(f"{checkpoint} holds no {STATE}: it was not written by this trainer, or is damaged")


def _rule_of(advantage: Any, **fields: Any) -> AdvantageRule:
    """Make the rule that the trainer's arguments describe; None stands for an argument that is not given."""
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
