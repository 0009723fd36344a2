"""The gradient steps on a batch, for all runs of an ensemble in one computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qae_sim.advantages import clip_cov_mask, kl_cov_mask, token_covariances
from qae_sim.lm import purposes
from qae_sim.lm.config import Config
from qae_sim.lm.cuda import Captured, mixed_precision
from qae_sim.lm.metrics import Batch, Metrics
from qae_sim.lm.model import Transformer, log_softmax, member_axis
from qae_sim.lm.objectives import kl_penalty, ppo_loss, surrogate, token_weights
from qae_sim.lm.sampling import prompt_of_response
from qae_sim.lm.tasks import PAD
from qae_sim.streams import uniform

#: On CUDA the number of responses in a step is rounded up to a multiple of this, so that there are few shapes.
_BUCKET = 64

#: Fields that the form of a run's loss depends on; runs that agree in them share one computation.
_LOSS_FIELDS = ("objective", "clip_low", "clip_high", "dual_clip", "kl_cov_beta", "kl")


def read_log_probs(model: Transformer, prompts: Tensor, tokens: Tensor, prompt_of: Tensor, mask: Tensor) -> Tensor:
    """Compute the log-probabilities that models give to the tokens of responses.

    Args:
        model: S models.
        prompts: ``(S, b, P)``.
        tokens: Responses, ``(S, N, T)``.
        prompt_of: Number of the prompt that each response answers, ``(S, N)``.
        mask: True at the tokens that count, ``(S, N, T)``.

    Returns:
        log π, ``(S, N, T)``; 0 where masked.
    """
    with mixed_precision(tokens.device):
        logits = model(prompts, tokens, prompt_of)
    return torch.where(mask, log_softmax(logits).gather(-1, tokens[..., None]).squeeze(-1), 0.0)


class PolicyLearner:
    """Takes the gradient steps of S runs, one AdamW for all.

    Args:
        configs: The runs, which agree in the fields :data:`~qae_sim.lm.config.SHARED`.
        model: Their policies, trained in place.
        reference: Their base models; needed where a run has a KL penalty.
    """

    def __init__(self, configs: Sequence[Config], model: Transformer, reference: Transformer | None = None) -> None:
        self.configs, self.model, self.reference = tuple(configs), model, reference
        self.device = model.word.device
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=self.configs[0].learning_rate, weight_decay=0.0)
        for parameter in model.parameters():  # AdamW skips parameters whose gradient is None
            parameter.grad = torch.zeros_like(parameter)
        self.captured = Captured(self.backward)
        self._members = torch.arange(len(self.configs), device=self.device)[:, None]
        self._of_loss = self._together(_LOSS_FIELDS)
        self._of_weights = self._together(("loss",))
        self._limits = torch.tensor([config.grad_clip for config in self.configs], device=self.device)

    def _together(self, names: Sequence[str]) -> list[tuple[Config, slice | Tensor]]:
        """Put runs that agree in some fields together: one of them, and the places of all of them in the ensemble."""
        found: dict[Any, list[int]] = {}
        for m, config in enumerate(self.configs):
            found.setdefault(tuple(getattr(config, name) for name in names), []).append(m)
        if len(found) == 1:
            return [(self.configs[0], slice(None))]
        return [(self.configs[m[0]], torch.tensor(m, device=self.device)) for m in found.values()]

    def update(self, batch: Batch, advantages: Tensor, step: int) -> Metrics:
        """Take a batch's gradient steps.

        Args:
            batch: What was sampled.
            advantages: ``(S, B, G, T)``, 0 after the end of a response.
            step: The batch's number, which names its random streams.

        Returns:
            Mean norm of the gradient, shares of clipped tokens, share of responses in the backward passes.
        """
        first = self.configs[0]
        for group in self.optimizer.param_groups:
            group["lr"] = first.learning_rate * min(1.0, (step + 1) / max(first.warmup, 1))
        parts = []
        if self.device.type == "cuda":
            # In bf16 sampling and training round differently: compute old log-probabilities as training does.
            said, mask = batch.tokens.flatten(1, 2), (batch.tokens != PAD).flatten(1, 2)
            prompt_of = prompt_of_response(batch.prompts, first.group_size)
            with torch.no_grad():
                old = read_log_probs(self.model, batch.prompts, said, prompt_of, mask)
            batch = replace(batch, log_probs=old.view_as(batch.log_probs))
        for epoch in range(first.epochs):
            orders = [uniform(np.zeros(1), c.prompts, c.seed, purposes.ORDER, step, epoch) for c in self.configs]
            order = torch.as_tensor(np.argsort(orders, axis=1), device=self.device)
            for number, groups in enumerate(order.chunk(first.minibatches, dim=1)):
                name = (step, epoch * first.minibatches + number)
                parts.append(self._minibatch(batch, advantages, groups, name))
        # Copy all numbers from the device at once: every copy waits for the computation.
        total = {name: torch.stack([part[name] for part in parts]).cpu().numpy().sum(axis=0) for name in parts[0]}
        return {
            "gradient_norm": (total["norm"] / len(parts)).tolist(),
            "clip_low": (total["clipped_low"] / total["tokens"]).tolist(),
            "clip_high": (total["clipped_high"] / total["tokens"]).tolist(),
            "clip_dual": (total["clipped_dual"] / total["tokens"]).tolist(),
            "backward_share": (total["reached"] / total["responses"]).tolist(),
        }

    def _minibatch(self, batch: Batch, advantages: Tensor, groups: Tensor, name: tuple[int, int]) -> dict[str, Tensor]:
        """Take one gradient step on some groups ``(S, b)`` of each run; ``name``: numbers of batch and step."""
        inputs, counts = self.prepare(batch, advantages, groups, name)
        if inputs[1].shape[1] == 0:  # no response takes part
            self.optimizer.zero_grad(set_to_none=False)
            clipped = torch.zeros(3, len(self.configs), dtype=torch.long, device=self.device)
        else:
            # Reg-GRPO checks its values on the CPU, which a recorded graph cannot do.
            plain = self.device.type != "cuda" or any(config.objective == "reg_grpo" for config in self.configs)
            backward = self.backward if plain else self.captured
            (clipped,) = backward(*inputs)
        norm = self.clip_gradients()
        # Without a response the gradient is 0, and Adam's step follows its moments alone.
        self.optimizer.step()
        names = ("clipped_low", "clipped_high", "clipped_dual")
        return counts | {"norm": norm} | dict(zip(names, clipped, strict=True))

    def backward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the gradients of the loss, for the optimiser.

        Args:
            *inputs: Arguments of :meth:`loss`.

        Returns:
            How many tokens were clipped below, above and by dual clip, ``(3, S)``.
        """
        self.optimizer.zero_grad(set_to_none=False)
        loss, clipped = self.loss(*inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        return (clipped,)

    def prepare(
        self, batch: Batch, advantages: Tensor, groups: Tensor, name: tuple[int, int]
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Collect the responses that contribute to a step on some groups.

        Args:
            batch: What was sampled.
            advantages: ``(S, B, G, T)``.
            groups: Numbers of each run's groups, ``(S, b)``.
            name: Numbers of the batch and of the step, which name the random stream of Clip-Cov's selection.

        Returns:
            Arguments of :meth:`loss`; counts of tokens and responses, ``(S,)`` each, by name.
        """
        prompts = batch.prompts[self._members, groups]
        tokens, old, adv = (x[self._members, groups].flatten(1, 2) for x in (batch.tokens, batch.log_probs, advantages))
        mask = tokens != PAD
        prompt_of = prompt_of_response(prompts, self.configs[0].group_size)
        # Weights and selected tokens come from all responses, including those left out below.
        longest = self.model.response_length
        weights = torch.empty(mask.shape, device=self.device)
        for config, members in self._of_weights:
            weights[members] = token_weights(mask[members], config.loss, longest=longest)
        selected = self.select(prompts, tokens, prompt_of, mask, old, adv, name)

        # Responses that no term reaches are left out: their gradient is 0. Runs that keep fewer responses than others
        # are filled up with responses of weight 0.
        reached = self._reached(adv, selected)
        count = int(reached.sum(dim=1).max())
        if self.device.type == "cuda":  # few different shapes, so that graphs are recorded once
            count = min(-(-count // _BUCKET) * _BUCKET, mask.shape[1])
        rows = torch.argsort((~reached).to(torch.int8), dim=1, stable=True)[:, :count]
        used = mask[self._members, rows] & reached.gather(1, rows)[..., None]
        width = int(used.any(dim=0).any(dim=0).sum()) if self.device.type == "cpu" else longest
        tokens, old, adv, weights, selected = (
            x[self._members, rows][..., :width] for x in (tokens, old, adv, weights, selected)
        )
        used, prompt_of = used[..., :width], prompt_of.gather(1, rows)
        responses = torch.full_like(self._members[:, 0], mask.shape[1])
        counts = {"tokens": mask.sum(dim=(1, 2)), "reached": reached.sum(dim=1), "responses": responses}
        return (prompts, tokens, prompt_of, used, old, adv, weights, selected), counts

    def loss(
        self,
        prompts: Tensor,
        tokens: Tensor,
        prompt_of: Tensor,
        used: Tensor,
        old: Tensor,
        adv: Tensor,
        weights: Tensor,
        selected: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Sum the runs' losses; no run's loss affects the gradients of another.

        Args:
            prompts: ``(S, b, P)``.
            tokens: Responses that take part, ``(S, N', T')``.
            prompt_of: Number of the prompt that each answers, ``(S, N')``.
            used: True at tokens that take part, ``(S, N', T')``.
            old: log π_old of the tokens, same shape.
            adv: Their advantages, same shape.
            weights: Their weights in the loss, same shape.
            selected: True at tokens that Clip-Cov or KL-Cov has selected, same shape.

        Returns:
            The loss; how many tokens were clipped below, above and by dual clip, ``(3, S)``.
        """
        log_probs = read_log_probs(self.model, prompts, tokens, prompt_of, used)
        reference = log_probs
        if any(config.kl for config in self.configs):
            assert self.reference is not None
            with torch.no_grad():
                reference = read_log_probs(self.reference, prompts, tokens, prompt_of, used)
        loss = torch.zeros((), device=self.device)
        clipped = torch.zeros(3, len(self.configs), dtype=torch.long, device=self.device)
        responses = self.configs[0].prompts // self.configs[0].minibatches * self.configs[0].group_size
        for config, members in self._of_loss:
            parts = (x[members] for x in (log_probs, old, adv, weights, used, selected))
            found = surrogate(config, *parts, responses=responses)
            loss = loss + found.loss
            if config.kl:
                loss = loss + config.kl * kl_penalty(log_probs[members], reference[members], weights[members])
            for row, stopped in enumerate((found.clipped_low, found.clipped_high, found.clipped_dual)):
                clipped[row, members] = stopped.sum(dim=(1, 2))
        return loss, clipped

    def select(
        self,
        prompts: Tensor,
        tokens: Tensor,
        prompt_of: Tensor,
        mask: Tensor,
        old: Tensor,
        adv: Tensor,
        name: tuple[int, int],
    ) -> Tensor:
        """Mark the tokens that Clip-Cov or KL-Cov selects.

        Args:
            prompts: ``(S, b, P)``.
            tokens: All responses to them, ``(S, N, T)``.
            prompt_of: Number of the prompt that each answers, ``(S, N)``.
            mask: True at the responses' own tokens, ``(S, N, T)``.
            old: log π_old of the tokens, same shape.
            adv: Their advantages, same shape.
            name: Numbers of the batch and of the step.

        Returns:
            ``(S, N, T)``; False everywhere for other objectives.
        """
        selected = torch.zeros_like(mask)
        if not any(config.objective in ("clip_cov", "kl_cov") for config in self.configs):
            return selected
        with torch.no_grad():
            log_probs = read_log_probs(self.model, prompts, tokens, prompt_of, mask)
        for m, config in enumerate(self.configs):
            if config.objective not in ("clip_cov", "kl_cov"):
                continue
            covariances = token_covariances(log_probs[m], adv[m], mask[m])
            if config.objective == "kl_cov":
                selected[m] = kl_cov_mask(covariances, mask[m], ratio=config.selected, variant="code")
                continue
            # Tokens whose gradient PPO cuts off anyway are no candidates, but the share refers to them, too. A
            # covariance of 0 lies below the interval that tokens are selected from.
            cut = ppo_loss(log_probs[m], old[m], adv[m], mask[m].float(), low=config.clip_low, high=config.clip_high)
            covariances = torch.where(cut.clipped_low | cut.clipped_high, 0.0, covariances)
            # The selection has its own random stream, named by run, batch and step.
            stream = uniform(np.zeros(1), 1, config.seed, purposes.SELECTION, *name)
            seed = int(stream[0] * 2**53)
            selected[m] = clip_cov_mask(covariances, mask[m], ratio=config.selected, seed=seed, variant="code")
        return selected

    def _reached(self, adv: Tensor, selected: Tensor) -> Tensor:
        """Tell for each response ``(S, N)`` whether a term of the loss depends on it."""
        reached = (adv != 0).any(dim=-1)
        for m, config in enumerate(self.configs):
            if config.kl or config.objective == "reg_grpo":
                reached[m] = True
            elif config.objective == "kl_cov":
                reached[m] |= selected[m].any(dim=-1)
        return reached

    def clip_gradients(self) -> Tensor:
        """Scale each run's gradient down to its greatest allowed norm.

        Returns:
            The norms before that, ``(S,)``.
        """
        gradients = {name: p.grad for name, p in self.model.named_parameters() if p.grad is not None}
        squares = torch.zeros(len(self.configs), device=self.device)
        for name, gradient in gradients.items():
            squares += gradient.square().movedim(member_axis(name), 0).flatten(1).sum(dim=1)
        norms = squares.sqrt()
        factors = torch.where(norms > self._limits, self._limits / norms, 1.0)
        for name, gradient in gradients.items():
            axis = member_axis(name)
            gradient.mul_(factors.view(*[1] * axis, -1, *[1] * (gradient.dim() - axis - 1)))
        return norms

    # --- checkpoints ---

    def state(self) -> tuple[dict[str, Tensor], int]:
        """Return the weights and the optimiser's moments.

        Returns:
            Tensors by name; the number of steps that the optimiser has taken.
        """
        tensors, updates = {}, 0
        for name, parameter in self.model.named_parameters():
            moments = self.optimizer.state.get(parameter, {})
            tensors[name] = parameter.detach()
            for moment in ("exp_avg", "exp_avg_sq"):
                tensors[f"{moment}.{name}"] = moments.get(moment, torch.zeros_like(parameter))
            updates = int(moments.get("step", 0))
        return tensors, updates

    @torch.no_grad()
    def load_state(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Restore what :meth:`state` returned.

        Args:
            tensors: Tensors by name.
            updates: Steps that the optimiser has taken.
        """
        for name, parameter in self.model.named_parameters():
            parameter.copy_(tensors[name])
            if updates:
                self.optimizer.state[parameter] = {
                    "step": torch.tensor(float(updates)),
                    "exp_avg": tensors[f"exp_avg.{name}"].to(self.device, copy=True),
                    "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(self.device, copy=True),
                }
