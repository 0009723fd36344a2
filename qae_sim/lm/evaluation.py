"""Evaluation: accuracy on held-out prompts, and entropy at the tokens of a fixed set of responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qae_sim.lm import purposes
from qae_sim.lm.config import Config
from qae_sim.lm.cuda import mixed_precision
from qae_sim.lm.metrics import Metrics, by_level, pass_at
from qae_sim.lm.model import Sampled, entropy_of, log_softmax
from qae_sim.lm.sampling import PolicySampler, prompt_of_response
from qae_sim.lm.tasks import PAD

#: Seed of the held-out prompts, the same for all runs.
_HELD_OUT_SEED = 0

#: Responses of the base model to each held-out prompt at whose tokens the entropy is always measured.
_FIXED_EACH = 2


class Evaluator:
    """Evaluates policies on the same prompts, with the same random numbers, each time.

    Args:
        configs: The runs.
        sampler: Samples from their policies, which must still be the base models when the evaluator is made.

    Attributes:
        held_out: Prompts that are never trained on, ``(S, N, P)``.
        fixed_states: Responses of the base models to them, two to each, ``(S, 2·N, T)``.
    """

    def __init__(self, configs: Sequence[Config], sampler: PolicySampler) -> None:
        self.configs, self._sampler = tuple(configs), sampler
        first = self.configs[0]
        held_out = first.problem.problems(first.held_out, _HELD_OUT_SEED, held_out=True)
        self.held_out = torch.as_tensor(np.stack([held_out] * len(self.configs)), device=sampler.device)
        self.fixed_states = sampler.generate(self.held_out, _FIXED_EACH, purposes.FIXED_STATES).tokens.flatten(1, 2)

    @torch.no_grad()
    def evaluate(self) -> Metrics:
        """Measure the policies' accuracy on held-out prompts, and their entropy at fixed tokens.

        Returns:
            pass@1 to pass@k on held-out prompts, pass@1 by difficulty and by temperature, correct responses to each
            prompt, and the entropy at the tokens of the base models' responses.
        """
        temperatures = self.configs[0].evaluation_temperatures
        verdicts, *others = [self._verdicts(temperature) for temperature in temperatures]
        prompts = self.held_out.cpu().numpy()
        metrics: Metrics = {name: [] for name in ("pass_1", "pass_k", "pass_curve", "pass_by_level")}
        metrics["held_out_counts"] = verdicts.sum(axis=-1).astype(int).tolist()
        metrics["pass_1_by_temperature"] = np.stack([v.mean(axis=(1, 2)) for v in (verdicts, *others)], axis=1).tolist()
        for m, (config, correct) in enumerate(zip(self.configs, verdicts, strict=True)):
            curve = pass_at(correct)
            metrics["pass_1"].append(curve[0])
            metrics["pass_k"].append(curve[-1])
            metrics["pass_curve"].append(curve)
            metrics["pass_by_level"].append(by_level(config.problem, prompts[m], correct))
        return metrics | {"fixed_entropy": self._fixed_entropy()}

    def _verdicts(self, temperature: float) -> np.ndarray:
        """Tell which responses to held-out prompts are correct, ``(S, N, k)``."""
        said = self._sampler.generate(
            self.held_out, self.configs[0].pass_at, purposes.EVALUATION, temperature=temperature
        )
        return self._sampler.verdicts(self.held_out, said.tokens)

    def _fixed_entropy(self) -> list[float]:
        """Compute each policy's mean entropy at the tokens of the base model's responses."""
        mask = self.fixed_states != PAD
        with mixed_precision(self._sampler.device):
            logits = self._sampler.model(
                self.held_out, self.fixed_states, prompt_of_response(self.held_out, _FIXED_EACH)
            )
        entropies = torch.where(mask, entropy_of(log_softmax(logits)), 0.0)
        means: list[float] = (entropies.sum(dim=(1, 2)) / mask.sum(dim=(1, 2))).tolist()
        return means

    def answer(self, prompts: int, group: int) -> tuple[Tensor, Sampled]:
        """Sample the current policies' responses to some held-out prompts, for people to read.

        Args:
            prompts: Number of prompts, at most N.
            group: Responses to each, >= 1.

        Returns:
            Prompts ``(S, prompts, P)`` and responses.
        """
        given = self.held_out[:, :prompts]
        return given, self._sampler.generate(given, group, purposes.ANSWERS)
