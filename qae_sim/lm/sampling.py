"""Draw prompts, sample and verify responses; with dynamic sampling, until enough groups are mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from qae_sim.advantages import RankDynamics, dynamic_sampling_mask, rank_dynamics
from qae_sim.lm import purposes
from qae_sim.lm.config import Config
from qae_sim.lm.cuda import Captured, mixed_precision
from qae_sim.lm.metrics import Batch, Metrics, describe_policy
from qae_sim.lm.model import Sampled, Transformer
from qae_sim.lm.tasks import PAD
from qae_sim.streams import uniform_rows

#: Tokens between two measurements of the effective rank (VERL). The paper's 40 are for responses of thousands.
_STRIDE = 2

#: On CUDA the number of prompts is rounded up to a multiple of this, so that there are few shapes.
_BUCKET = 16


def prompt_of_response(prompts: Tensor, group: int) -> Tensor:
    """Number the prompt that each response answers, groups one after the other.

    Args:
        prompts: ``(S, B, P)``.
        group: Responses to each prompt, >= 1.

    Returns:
        Numbers from 0 to B - 1, ``(S, B·group)``.

    Example:
        >>> prompt_of_response(torch.zeros(1, 2, 5), 3)
        tensor([[0, 0, 0, 1, 1, 1]])
    """
    numbers = torch.arange(prompts.shape[1], device=prompts.device).repeat_interleave(group)
    return numbers.expand(len(prompts), -1)


class PolicySampler:
    """Samples groups of responses from S policies, each with its own random numbers.

    Args:
        configs: The runs.
        model: Their policies, an ensemble; its current weights are used at every call.
        reference: Their base models; required if an estimator needs rewards of a reference model.
    """

    def __init__(self, configs: Sequence[Config], model: Transformer, reference: Transformer | None = None) -> None:
        self.configs, self.model, self.reference = tuple(configs), model, reference
        self.device = model.word.device
        self.captured = Captured(self.generate_all)

    def sample(self, step: int) -> tuple[Batch, Metrics, np.ndarray]:
        """Draw prompts, sample responses and verify them; with dynamic sampling, until enough groups are mixed.

        Args:
            step: The batch's number, which names its random streams.

        Returns:
            The batch; metrics of the policy, and which responses are correct ``(S, B, G)``, both of the first draw,
            before any filter.
        """
        size = self.configs[0].prompts
        draws: list[Batch] = []
        kept: list[list[tuple[int, int]]] = [[] for _ in self.configs]  # draw and place of each mixed group
        for attempt in range(max(config.attempts for config in self.configs)):
            missing = [(size - len(k)) * (attempt < c.attempts) for k, c in zip(kept, self.configs, strict=True)]
            if not any(missing):
                break
            draws.append(self._draw(max(missing), step, attempt))
            for m, count in enumerate(missing):
                mixed = np.flatnonzero(dynamic_sampling_mask(draws[-1].correct[m])[:count])
                kept[m] += [(attempt, int(place)) for place in mixed]
        mixed_share = [len(of_member) / size for of_member in kept]
        for of_member in kept:
            # If mixed groups are missing, other groups of the first draw take their place.
            others = [(0, place) for place in range(size) if (0, place) not in of_member]
            of_member += others[: size - len(of_member)]

        # Places of the groups when all draws are joined.
        starts = np.cumsum([0, *(draw.correct.shape[1] for draw in draws)])
        places = np.array([[starts[a] + i for a, i in of_member] for of_member in kept])
        members, where = np.arange(len(kept))[:, None], torch.as_tensor(places, device=self.device)

        def gather(name: str) -> Tensor:
            together = torch.cat([getattr(draw, name) for draw in draws], dim=1)
            return together[torch.as_tensor(members, device=self.device), where]

        correct = np.concatenate([draw.correct for draw in draws], axis=1)[members, places]
        prompts, tokens = gather("prompts"), gather("tokens")
        asked = {name for config in self.configs for name in config.rule.inputs}
        reference = self.reference_rewards(prompts, step) if "reference" in asked else None
        dynamics = self._dynamics(prompts, tokens) if "dynamics" in asked else ()
        batch = Batch(prompts, tokens, gather("log_probs"), gather("entropies"), correct, reference, dynamics)
        return batch, describe_policy(self.configs, draws[0]) | {"mixed_share": mixed_share}, draws[0].correct

    def _draw(self, count: int, step: int, attempt: int) -> Batch:
        """Draw prompts, and a group of responses to each; on CUDA perhaps more than ``count``."""
        if self.device.type == "cuda":
            count = min(-(-count // _BUCKET) * _BUCKET, self.configs[0].prompts)
        prompts = np.stack([c.problem.problems(count, c.seed, step, attempt) for c in self.configs])
        given = torch.as_tensor(prompts, device=self.device)
        sampled = self.generate(given, self.configs[0].group_size, purposes.RESPONSES, step, attempt)
        correct = self.verdicts(given, sampled.tokens)
        return Batch(given, sampled.tokens, sampled.log_probs, sampled.entropies, correct)

    def verdicts(self, prompts: Tensor, tokens: Tensor) -> np.ndarray:
        """Verify responses.

        Args:
            prompts: ``(S, B, P)``.
            tokens: ``(S, B, G, T)``.

        Returns:
            1.0 where a response is correct, ``(S, B, G)``.
        """
        asked, said = prompts.cpu().numpy()[:, :, None], tokens.cpu().numpy()
        correct = np.empty(said.shape[:-1])
        for problem in {config.problem for config in self.configs}:
            members = [m for m, config in enumerate(self.configs) if config.problem == problem]
            correct[members] = problem.rewards(asked[members], said[members])
        return correct

    def reference_rewards(self, prompts: Tensor, step: int) -> np.ndarray:
        """Sample the base models' responses to the same prompts, as many as there are of the policies.

        Args:
            prompts: ``(S, B, P)``.
            step: The batch's number.

        Returns:
            1.0 where a base model's response is correct, ``(S, B, G)``.
        """
        assert self.reference is not None
        numbers = self.numbers((prompts.shape[1], self.configs[0].group_size), purposes.REFERENCE, step)
        with mixed_precision(self.device):
            tokens = self.reference.generate(prompts, numbers).tokens
        return self.verdicts(prompts, tokens)

    @torch.no_grad()
    def _dynamics(self, prompts: Tensor, tokens: Tensor) -> tuple[RankDynamics, ...]:
        """Measure for each run how the effective rank of hidden states grows along responses ``(S, B, G, T)``."""
        b, g = tokens.shape[1:3]
        with mixed_precision(self.device):
            states = self.model.hidden_states(prompts, tokens.flatten(1, 2), prompt_of_response(prompts, g))
        lengths = (tokens != PAD).sum(dim=-1).flatten(1).cpu().numpy()
        found = []
        for of_run, ends in zip(states.float().cpu().numpy(), lengths, strict=True):
            flat = rank_dynamics([x[:end] for x, end in zip(of_run, ends, strict=True)], stride=_STRIDE)
            found.append(RankDynamics(*(getattr(flat, item.name).reshape(b, g) for item in fields(flat))))
        return tuple(found)

    def generate(self, prompts: Tensor, group: int, *keys: int, temperature: float = 1.0) -> Sampled:
        """Sample responses from the current policies.

        Args:
            prompts: ``(S, B, P)``.
            group: Responses to each prompt, >= 1.
            *keys: Numbers that name the random streams after the run's seed, the first one of
                :mod:`~qae_sim.lm.purposes`.
            temperature: Divides the logits, > 0.

        Returns:
            The responses, ``(S, B, group, T)``.
        """
        uniforms = self.numbers((prompts.shape[1], group), *keys)
        if self.device.type == "cuda":
            return Sampled(*self.captured(prompts, uniforms, torch.tensor(temperature, device=self.device)))
        return self.model.generate(prompts, uniforms, temperature=temperature)

    def numbers(self, groups: tuple[int, int], *keys: int) -> Tensor:
        """Draw the random numbers for sampling responses; each run's are named by its own seed.

        Args:
            groups: B and G, numbers of prompts and of responses to each.
            *keys: Numbers that name the streams after the seed.

        Returns:
            ``(S, B, G, T)``, in [0, 1).
        """
        shape = (*groups, self.model.response_length)
        seeds = [config.seed for config in self.configs]
        numbers: Tensor = uniform_rows(torch.zeros(1, device=self.device), math.prod(shape), seeds, *keys)
        return numbers.float().reshape(len(seeds), *shape)

    def generate_all(self, prompts: Tensor, uniforms: Tensor, temperature: Tensor) -> tuple[Tensor, ...]:
        """Sample with an amount of work that does not depend on the responses, as a recorded graph requires.

        Args:
            prompts: ``(S, B, P)``.
            uniforms: From :meth:`numbers`.
            temperature: Divides the logits, ``()``.

        Returns:
            The fields of :class:`~qae_sim.lm.model.Sampled`.
        """
        with mixed_precision(self.device):
            sampled = self.model.generate(prompts, uniforms, temperature=temperature, stop_early=False)
        return sampled.tokens, sampled.log_probs, sampled.entropies
