"""The RLVR trainer: sample groups, verify, turn rewards into advantages, climb a clipped surrogate.

One trainer trains an ensemble: runs that differ in seed or recipe, but have their shapes in common. Every random
number is named by seed, purpose and step, so that a run is the same alone, in an ensemble, and after being resumed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qae_sim.advantages import (
    EntropyTargetK,
    RankBaselines,
    RankDynamics,
    clip_cov_mask,
    dynamic_sampling_mask,
    get,
    ha_dw_weights,
    kl_cov_mask,
    rank_dynamics,
    token_covariances,
)
from qae_sim.advantages.parameters import AUTOMATIC
from qae_sim.arrays import invalid, uniform, uniform_rows
from qae_sim.lm.config import KINDS, SHARED, Config
from qae_sim.lm.cuda import Captured, mixed_precision
from qae_sim.lm.estimator_inputs import beside, punishment
from qae_sim.lm.metrics import Batch, Metrics, by_level, describe_advantages, describe_policy, pass_at
from qae_sim.lm.model import Sampled, Transformer, entropy_of, log_softmax, member_axis
from qae_sim.lm.objectives import kl_penalty, ppo_loss, surrogate, token_weights
from qae_sim.lm.tasks import PAD
from qae_sim.storage import from_plain, to_plain

#: Purposes of random streams.
_RESPONSES, _EVALUATION, _ORDER, _SELECTION, _FIXED, _ANSWERS, _REFERENCE = 6, 7, 8, 9, 10, 11, 12

#: Seed of the held-out prompts, the same for all runs.
_HELD_OUT_SEED = 0

#: Responses of the base model to each held-out prompt at whose words the entropy is measured throughout.
_FIXED_EACH = 2

#: Tokens between two measurements of the effective rank (VERL). The paper's 40 are for responses of thousands.
_STRIDE = 2

#: On CUDA as many responses take part, and as many prompts are drawn, as a multiple of these, so that few shapes occur.
_BUCKET, _PROMPTS_BUCKET = 64, 16

#: What a run's loss depends on beside its numbers; runs that agree in it share one computation.
_LOSS_FIELDS = ("objective", "clip_low", "clip_high", "kl_cov_beta", "kl")


class Trainer:
    """Trains an ensemble of S runs, batch by batch.

    Args:
        configs: The runs; fields named in :data:`~qae_sim.lm.config.SHARED` must agree, and the tasks' shapes.
        model: Where they start: an ensemble with a member for each run, trained in place.

    Raises:
        ValueError: The runs have not the same shapes.

    Example:
        >>> from qae_sim.lm.warmstart import new_model
        >>> config = Config("addition", prompts=4, minibatches=2, held_out=4)
        >>> trainer = Trainer([config], new_model([config]))
        >>> trainer.train_batch()["reward"], trainer.step
        ([0.0], 1)
    """

    def __init__(self, configs: Sequence[Config], model: Transformer) -> None:
        _require_one_shape(configs, model)
        self.configs = tuple(configs)
        self.model = model
        self.device = model.word.device
        self._members = torch.arange(len(configs), device=self.device)[:, None]
        self._of_loss = self._together(_LOSS_FIELDS)
        self._of_weights = self._together(("loss",))
        self._limits = torch.tensor([config.grad_clip for config in configs], device=self.device)
        first = self.configs[0]
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=first.learning_rate, weight_decay=0.0)
        for parameter in model.parameters():  # so that a first step without any gradient is a step, too
            parameter.grad = torch.zeros_like(parameter)
        self._asks_reference = any("reference" in get(config.estimator).needs for config in configs)
        self._asks_ranks = any("dynamics" in get(config.estimator).needs for config in configs)
        self._penalised = any(config.kl for config in configs)
        self.reference = copy.deepcopy(model) if self._penalised or self._asks_reference else None
        self.anchors = [config.anchor for config in configs]
        self.automatic = [_automatic(config) for config in configs]
        self.ranks = [RankBaselines() for _ in configs]
        self.step = 0
        # Evaluation looks at the same prompts, with the same random numbers, each time.
        held_out = first.problem.problems(first.held_out, _HELD_OUT_SEED, held_out=True)
        self._captured_sampling = Captured(self._sampling)
        self._captured_backward = Captured(self._backward)
        self._held_out = torch.as_tensor(np.stack([held_out] * len(configs)), device=self.device)
        self._fixed_states = self._generate(self._held_out, _FIXED_EACH, _FIXED).tokens.flatten(1, 2)

    def train_batch(self) -> Metrics:
        """Sample a batch, learn from it, and go on to the next step.

        Returns:
            Metrics of the batch.
        """
        batch, metrics, accuracy = self.sample()
        advantages = [self.advantages(member, batch) for member in range(len(self.configs))]
        metrics |= self._describe(batch, advantages)
        metrics |= self.update(batch, torch.as_tensor(np.stack(advantages), dtype=torch.float32, device=self.device))
        # Anchors and automatic Ks move on only now: what was trained on has used their state from before.
        for member, correct in enumerate(accuracy):
            if "baselines" in get(self.configs[member].estimator).needs:
                self.ranks[member] = self.ranks[member].update(batch.dynamics[member])
            anchor, state = self.anchors[member], self.automatic[member]
            if anchor is not None:
                self.anchors[member] = anchor.update(correct)
            if state is not None:
                news = metrics["entropy"][member] if isinstance(state, EntropyTargetK) else correct
                self.automatic[member] = state.update(news)
        self.step += 1
        return metrics

    # --- sampling ---

    def sample(self) -> tuple[Batch, Metrics, np.ndarray]:
        """Draw prompts, sample responses and verify them; with dynamic sampling, until enough groups are mixed.

        Returns:
            The batch; metrics of the policy and the verdicts ``(S, B, G)``, both of the first draw, which no filter
            has touched.
        """
        size = self.configs[0].prompts
        draws: list[Batch] = []
        kept: list[list[tuple[int, int]]] = [[] for _ in self.configs]  # draw and place of each group that is mixed
        for attempt in range(max(config.attempts for config in self.configs)):
            missing = [(size - len(k)) * (attempt < c.attempts) for k, c in zip(kept, self.configs, strict=True)]
            if not any(missing):
                break
            draws.append(self._draw(max(missing), attempt))
            for m, count in enumerate(missing):
                mixed = np.flatnonzero(dynamic_sampling_mask(draws[-1].correct[m])[:count])
                kept[m] += [(attempt, int(place)) for place in mixed]
        mixed_share = [len(of_member) / size for of_member in kept]
        for of_member in kept:
            # What is missing is filled up with groups of the first draw that are not mixed.
            others = [(0, place) for place in range(size) if (0, place) not in of_member]
            of_member += others[: size - len(of_member)]

        starts = np.cumsum([0, *(draw.correct.shape[1] for draw in draws)])
        places = np.array([[starts[a] + i for a, i in of_member] for of_member in kept])
        where = torch.as_tensor(places, device=self.device)

        def gather(name: str) -> Tensor:
            return torch.cat([getattr(draw, name) for draw in draws], dim=1)[self._members, where]

        correct = np.concatenate([draw.correct for draw in draws], axis=1)[np.arange(len(kept))[:, None], places]
        prompts = gather("prompts")
        reference = self._reference_rewards(prompts) if self._asks_reference else None
        tokens = gather("tokens")
        dynamics = self._dynamics(prompts, tokens) if self._asks_ranks else ()
        batch = Batch(prompts, tokens, gather("log_probs"), gather("entropies"), correct, reference, dynamics)
        return batch, describe_policy(self.configs, draws[0]) | {"mixed_share": mixed_share}, draws[0].correct

    def _draw(self, count: int, attempt: int) -> Batch:
        """Draw prompts, and a group of responses to each; on CUDA more than asked for, if so."""
        if self.device.type == "cuda":
            count = min(-(-count // _PROMPTS_BUCKET) * _PROMPTS_BUCKET, self.configs[0].prompts)
        prompts = np.stack([c.problem.problems(count, c.seed, self.step, attempt) for c in self.configs])
        given = torch.as_tensor(prompts, device=self.device)
        sampled = self._generate(given, self.configs[0].group_size, _RESPONSES, self.step, attempt)
        correct = self._verdicts(given, sampled.tokens)
        return Batch(given, sampled.tokens, sampled.log_probs, sampled.entropies, correct)

    def _verdicts(self, prompts: Tensor, tokens: Tensor) -> np.ndarray:
        """What the verifier says of responses, ``(S, B, G)``."""
        asked, said = prompts.cpu().numpy()[:, :, None], tokens.cpu().numpy()
        correct = np.empty(said.shape[:-1])
        for problem in {config.problem for config in self.configs}:
            members = [m for m, config in enumerate(self.configs) if config.problem == problem]
            correct[members] = problem.rewards(asked[members], said[members])
        return correct

    def _reference_rewards(self, prompts: Tensor) -> np.ndarray:
        """Let the base model answer the same prompts, once for each response; what the verifier says, ``(S, B, G)``."""
        assert self.reference is not None
        numbers = self._numbers((prompts.shape[1], self.configs[0].group_size), _REFERENCE, self.step)
        with mixed_precision(self.device):
            tokens = self.reference.generate(prompts, numbers).tokens
        return self._verdicts(prompts, tokens)

    @torch.no_grad()
    def _dynamics(self, prompts: Tensor, tokens: Tensor) -> tuple[RankDynamics, ...]:
        """How the effective rank of hidden states grows along responses ``(S, B, G, T)``, for each run."""
        b, g = tokens.shape[1:3]
        with mixed_precision(self.device):
            states = self.model.hidden_states(prompts, tokens.flatten(1, 2), self._prompt_of(b))
        lengths = (tokens != PAD).sum(dim=-1).flatten(1).cpu().numpy()
        found = []
        for of_run, ends in zip(states.float().cpu().numpy(), lengths, strict=True):
            flat = rank_dynamics([x[:end] for x, end in zip(of_run, ends, strict=True)], stride=_STRIDE)
            found.append(RankDynamics(*(getattr(flat, item.name).reshape(b, g) for item in fields(flat))))
        return tuple(found)

    def _generate(self, prompts: Tensor, group: int, *keys: int) -> Sampled:
        """Sample responses, each run with random numbers of its own."""
        uniforms = self._numbers((prompts.shape[1], group), *keys)
        if self.device.type == "cuda":
            return Sampled(*self._captured_sampling(prompts, uniforms))
        return self.model.generate(prompts, uniforms)

    def _numbers(self, groups: tuple[int, int], *keys: int) -> Tensor:
        """Random numbers to sample responses with, ``(S, B, G, T)``, each run's named by its own seed."""
        shape = (*groups, self.model.response_length)
        seeds = [config.seed for config in self.configs]
        numbers: Tensor = uniform_rows(torch.zeros(1, device=self.device), math.prod(shape), seeds, *keys)
        return numbers.float().reshape(len(seeds), *shape)

    def _sampling(self, prompts: Tensor, uniforms: Tensor) -> tuple[Tensor, ...]:
        """Sample with a fixed amount of work."""
        with mixed_precision(self.device):
            sampled = self.model.generate(prompts, uniforms, stop_early=False)
        return sampled.tokens, sampled.log_probs, sampled.entropies

    def answer(self, prompts: int, group: int) -> tuple[Tensor, Sampled]:
        """Let the models as they are now answer some held-out prompts, for people to read.

        Args:
            prompts: How many prompts.
            group: Responses to each.

        Returns:
            Prompts ``(S, prompts, P)`` and responses.
        """
        given = self._held_out[:, :prompts]
        return given, self._generate(given, group, _ANSWERS)

    # --- advantages ---

    def advantages(self, member: int, batch: Batch) -> np.ndarray:
        """Turn the rewards of a run's batch into advantages of tokens.

        Args:
            member: Which run.
            batch: What was sampled.

        Returns:
            ``(B, G, T)``, 0 behind the ends.
        """
        config, correct = self.configs[member], batch.correct[member]
        mask = batch.mask[member]
        estimator, parameters = get(config.estimator), self._parameters(member)
        metric = parameters.pop("metric", "entropy")
        usual = self.ranks[member]
        given = {need: beside(need, config, batch, member, mask, metric, usual) for need in estimator.needs}
        punished = punishment(config, mask.sum(axis=-1))
        # Whoever takes several rewards takes the punishment as one of its own.
        rewards = correct if punished is None or "further" in given else correct + punished
        result = np.asarray(estimator.advantages(rewards, **given, **parameters))
        if estimator.level == "token":
            return result
        anchor = self.anchors[member]
        if anchor is not None:
            # Difficulty is what the verifier says; a punishment for length is no part of it.
            result = result * ha_dw_weights(correct, result, anchor, lambda_scale=config.lambda_scale).Phi
        if config.mass_of:
            others = dict(config.mass_of)
            result = result + (get(others.pop("estimator")).function(rewards, **others).mean() - result.mean())
        return np.where(mask, result[..., None], 0.0)

    def _parameters(self, member: int) -> dict[str, Any]:
        """The estimator's parameters at this step."""
        parameters = self.configs[member].parameters_at(self.step)
        state = self.automatic[member]
        return parameters if state is None else parameters | {"k": state.k}

    # --- learning ---

    def update(self, batch: Batch, advantages: Tensor) -> Metrics:
        """Take the batch's gradient steps.

        Args:
            batch: What was sampled.
            advantages: ``(S, B, G, T)``, 0 behind the ends.

        Returns:
            Mean gradient norm, shares of tokens that were clipped, share of responses in the backward passes.
        """
        first = self.configs[0]
        parts = []
        if self.device.type == "cuda":
            # In bf16 sampling and reading round differently: ratios must start from what training reads.
            said, mask = batch.tokens.flatten(1, 2), (batch.tokens != PAD).flatten(1, 2)
            prompt_of = self._prompt_of(batch.prompts.shape[1])
            with torch.no_grad():
                old = self._read(self.model, batch.prompts, said, prompt_of, mask)
            batch = replace(batch, log_probs=old.view_as(batch.log_probs))
        for epoch in range(first.epochs):
            orders = [uniform(np.zeros(1), c.prompts, c.seed, _ORDER, self.step, epoch) for c in self.configs]
            order = torch.as_tensor(np.argsort(orders, axis=1), device=self.device)
            for number, groups in enumerate(order.chunk(first.minibatches, dim=1)):
                parts.append(self._minibatch(batch, advantages, groups, epoch * first.minibatches + number))
        # Numbers leave the device once: each time would wait for what is being computed.
        total = {name: torch.stack([part[name] for part in parts]).cpu().numpy().sum(axis=0) for name in parts[0]}
        return {
            "gradient_norm": (total["norm"] / len(parts)).tolist(),
            "clip_low": (total["clipped_low"] / total["tokens"]).tolist(),
            "clip_high": (total["clipped_high"] / total["tokens"]).tolist(),
            "backward_share": (total["reached"] / total["responses"]).tolist(),
        }

    def _minibatch(self, batch: Batch, advantages: Tensor, groups: Tensor, number: int) -> dict[str, Tensor]:
        """One gradient step on some groups ``(S, b)`` of each run."""
        inputs, counts = self._prepare(batch, advantages, groups, number)
        if inputs[1].shape[1] == 0:  # no response takes part
            self.optimizer.zero_grad(set_to_none=False)
            clipped = torch.zeros(2, len(self.configs), dtype=torch.long, device=self.device)
        else:
            # Reg-GRPO looks at its numbers before it uses them, which a recorded graph cannot.
            plain = self.device.type != "cuda" or any(config.objective == "reg_grpo" for config in self.configs)
            backward = self._backward if plain else self._captured_backward
            (clipped,) = backward(*inputs)
        norm = self._clip_gradients()
        # Adam moves on its moments even where there is no gradient, as it would if zeros had been computed.
        self.optimizer.step()
        return counts | {"norm": norm, "clipped_low": clipped[0], "clipped_high": clipped[1]}

    def _backward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Put the gradients of the loss where the optimiser looks for them; counts what was clipped, ``(2, S)``."""
        self.optimizer.zero_grad(set_to_none=False)
        loss, clipped = self._loss(*inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        return (clipped,)

    def _prepare(
        self, batch: Batch, advantages: Tensor, groups: Tensor, number: int
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Gather what takes part in a step on some groups: the arguments of the loss, and what was counted."""
        prompts = batch.prompts[self._members, groups]
        tokens, old, adv = (x[self._members, groups].flatten(1, 2) for x in (batch.tokens, batch.log_probs, advantages))
        mask = tokens != PAD
        prompt_of = self._prompt_of(groups.shape[1])
        # Weights, and the choice of tokens, come from all responses, whether or not they take part below.
        longest = self.model.response_length
        weights = torch.empty(mask.shape, device=self.device)
        for config, members in self._of_weights:
            weights[members] = token_weights(mask[members], config.loss, longest=longest)
        selected = self._select(prompts, tokens, prompt_of, mask, old, adv, number)

        # Responses that no term reaches stay out of the passes: their gradient is 0. Runs that have fewer of them than
        # others are filled up with responses of weight 0.
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

    def _loss(
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
        """Sum of the runs' losses, which do not touch each other's gradients; counts of clipped tokens, ``(2, S)``."""
        log_probs = self._read(self.model, prompts, tokens, prompt_of, used)
        reference = log_probs
        if self._penalised:
            assert self.reference is not None
            with torch.no_grad():
                reference = self._read(self.reference, prompts, tokens, prompt_of, used)
        loss = torch.zeros((), device=self.device)
        clipped = torch.zeros(2, len(self.configs), dtype=torch.long, device=self.device)
        responses = self.configs[0].prompts // self.configs[0].minibatches * self.configs[0].group_size
        for config, members in self._of_loss:
            parts = (x[members] for x in (log_probs, old, adv, weights, used, selected))
            found = surrogate(config, *parts, responses=responses)
            loss = loss + found.loss
            if config.kl:
                loss = loss + config.kl * kl_penalty(log_probs[members], reference[members], weights[members])
            for row, stopped in enumerate((found.clipped_low, found.clipped_high)):
                clipped[row, members] = stopped.sum(dim=(1, 2))
        return loss, clipped

    def _together(self, names: Sequence[str]) -> list[tuple[Config, slice | Tensor]]:
        """Runs that agree in some fields: one of them, and where all of them are in the ensemble."""
        found: dict[Any, list[int]] = {}
        for m, config in enumerate(self.configs):
            found.setdefault(tuple(getattr(config, name) for name in names), []).append(m)
        if len(found) == 1:
            return [(self.configs[0], slice(None))]
        return [(self.configs[m[0]], torch.tensor(m, device=self.device)) for m in found.values()]

    def _prompt_of(self, groups: int) -> Tensor:
        """Which prompt each response answers, groups one after the other, ``(S, groups·G)``."""
        numbers = torch.arange(groups, device=self.device).repeat_interleave(self.configs[0].group_size)
        return numbers.expand(len(self.configs), -1)

    def _read(self, model: Transformer, prompts: Tensor, tokens: Tensor, prompt_of: Tensor, mask: Tensor) -> Tensor:
        """Read log π of tokens ``(S, N, T')``; 0 where masked."""
        with mixed_precision(self.device):
            logits = model(prompts, tokens, prompt_of)
        return torch.where(mask, log_softmax(logits).gather(-1, tokens[..., None]).squeeze(-1), 0.0)

    def _select(
        self, prompts: Tensor, tokens: Tensor, prompt_of: Tensor, mask: Tensor, old: Tensor, adv: Tensor, number: int
    ) -> Tensor:
        """Mark the tokens that Clip-Cov or KL-Cov picks, ``(S, N, T)``; none for other objectives."""
        selected = torch.zeros_like(mask)
        if not any(config.objective in ("clip_cov", "kl_cov") for config in self.configs):
            return selected
        with torch.no_grad():
            log_probs = self._read(self.model, prompts, tokens, prompt_of, mask)
        for m, config in enumerate(self.configs):
            if config.objective not in ("clip_cov", "kl_cov"):
                continue
            covariances = token_covariances(log_probs[m], adv[m], mask[m])
            if config.objective == "kl_cov":
                selected[m] = kl_cov_mask(covariances, mask[m], ratio=config.selected, variant="code")
                continue
            # Tokens whose gradient PPO cuts off anyway are no candidates, but count among the tokens that the ratio is
            # a share of: 0 lies below the interval that is picked from.
            cut = ppo_loss(log_probs[m], old[m], adv[m], mask[m].float(), low=config.clip_low, high=config.clip_high)
            covariances = torch.where(cut.clipped_low | cut.clipped_high, 0.0, covariances)
            # The choice has a stream of its own, named by a seed made of run, batch and step.
            stream = uniform(np.zeros(1), 1, config.seed, _SELECTION, self.step, number)
            seed = int(stream[0] * 2**53)
            selected[m] = clip_cov_mask(covariances, mask[m], ratio=config.selected, seed=seed, variant="code")
        return selected

    def _reached(self, adv: Tensor, selected: Tensor) -> Tensor:
        """Tell which responses ``(S, N)`` a term of the loss reaches."""
        reached = (adv != 0).any(dim=-1)
        for m, config in enumerate(self.configs):
            if config.kl or config.objective == "reg_grpo":
                reached[m] = True
            elif config.objective == "kl_cov":
                reached[m] |= selected[m].any(dim=-1)
        return reached

    def _clip_gradients(self) -> Tensor:
        """Scale each run's gradient down to its greatest norm; gives the norms before that."""
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

    # --- metrics ---

    def _describe(self, batch: Batch, advantages: Sequence[np.ndarray]) -> Metrics:
        """What the advantages do on the batch that is trained on, and the state they came from."""
        return describe_advantages(batch, advantages) | {
            "anchor": [math.nan if anchor is None else anchor.belief for anchor in self.anchors],
            "k": [float(self._parameters(m).get("k", math.nan)) for m in range(len(self.configs))],
        }

    @torch.no_grad()
    def evaluate(self) -> Metrics:
        """Measure the policy on held-out prompts, and its entropy at words that stay the same throughout.

        Returns:
            pass@1 to pass@k on held-out prompts, by difficulty too, and the entropy at the words of responses that
            the base model gave.
        """
        first = self.configs[0]
        said = self._generate(self._held_out, first.pass_at, _EVALUATION).tokens
        verdicts, prompts = self._verdicts(self._held_out, said), self._held_out.cpu().numpy()
        metrics: Metrics = {name: [] for name in ("pass_1", "pass_k", "pass_curve", "pass_by_level", "fixed_entropy")}
        for m, (config, correct) in enumerate(zip(self.configs, verdicts, strict=True)):
            curve = pass_at(correct)
            metrics["pass_1"].append(curve[0])
            metrics["pass_k"].append(curve[-1])
            metrics["pass_curve"].append(curve)
            metrics["pass_by_level"].append(by_level(config.problem, prompts[m], correct))
        mask = self._fixed_states != PAD
        numbers = torch.arange(first.held_out, device=self.device).repeat_interleave(_FIXED_EACH)
        with mixed_precision(self.device):
            logits = self.model(self._held_out, self._fixed_states, numbers.expand(len(self.configs), -1))
        entropies = torch.where(mask, entropy_of(log_softmax(logits)), 0.0)
        metrics["fixed_entropy"] = (entropies.sum(dim=(1, 2)) / mask.sum(dim=(1, 2))).tolist()
        return metrics

    # --- checkpoints ---

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that a later trainer needs to go on as this one would.

        Returns:
            Tensors by name; plain values.
        """
        tensors, updates = {}, 0
        for name, parameter in self.model.named_parameters():
            moments = self.optimizer.state.get(parameter, {})
            tensors[name] = parameter.detach()
            for moment in ("exp_avg", "exp_avg_sq"):
                tensors[f"{moment}.{name}"] = moments.get(moment, torch.zeros_like(parameter))
            updates = int(moments.get("step", 0))
        about = {
            "step": self.step,
            "updates": updates,
            "anchors": to_plain(self.anchors, "anchors", KINDS),
            "automatic": to_plain(self.automatic, "automatic", KINDS),
        }
        if self._asks_ranks:
            about["ranks"] = to_plain(self.ranks, "ranks", KINDS)
        return tensors, about

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Take over what :meth:`state` gave.

        Args:
            tensors: Tensors by name.
            about: Plain values.
        """
        self.step = about["step"]
        self.anchors = list(from_plain(about["anchors"], "anchors", KINDS))
        self.automatic = list(from_plain(about["automatic"], "automatic", KINDS))
        if self._asks_ranks:
            self.ranks = list(from_plain(about["ranks"], "ranks", KINDS))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[name])
                if about["updates"]:
                    self.optimizer.state[parameter] = {
                        "step": torch.tensor(float(about["updates"])),
                        "exp_avg": tensors[f"exp_avg.{name}"].to(self.device, copy=True),
                        "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(self.device, copy=True),
                    }


def _automatic(config: Config) -> Any:
    """The automatic K of a run, if it has one."""
    return next((value for value in config.parameters.values() if isinstance(value, AUTOMATIC)), None)


def _require_one_shape(configs: Sequence[Config], model: Transformer) -> None:
    """Check that runs can be trained as one computation."""
    if not configs or len(configs) != model.members:
        raise invalid("configs", len(configs), f"as many as the model has members, {model.members}")
    for name in SHARED:
        values = {getattr(config, name) for config in configs}
        if len(values) > 1:
            raise invalid(name, sorted(values), "the same for all runs that are trained together")
    shapes = {(len(c.problem.words), c.problem.prompt_length, c.problem.response_length) for c in configs}
    if shapes != {(model.vocabulary, model.prompt_length, model.response_length)}:
        raise invalid("configs", sorted(shapes), "tasks of the model's words and lengths")
