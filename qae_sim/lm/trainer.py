"""The RLVR trainer: sample groups, verify, turn rewards into advantages, take steps on a clipped surrogate.

One trainer trains an ensemble: runs of the same shapes that differ in seed or recipe. Every random number is named by
seed, purpose and step, so that a run gives the same results alone, in an ensemble, and after being resumed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qae_sim.advantages import AdvantageState
from qae_sim.advantages.terms import AUTOMATIC, KINDS
from qae_sim.arrays import invalid
from qae_sim.lm.config import SHARED, Config
from qae_sim.lm.estimator_inputs import estimator_inputs, punishment
from qae_sim.lm.evaluation import Evaluator
from qae_sim.lm.learning import PolicyLearner
from qae_sim.lm.metrics import Batch, Metrics, describe_advantages
from qae_sim.lm.model import Sampled, Transformer
from qae_sim.lm.sampling import PolicySampler
from qae_sim.plain_values import from_plain


class Trainer:
    """Trains an ensemble of S runs, batch by batch.

    Args:
        configs: The runs; they must agree in the fields :data:`~qae_sim.lm.config.SHARED` and in their tasks' shapes.
        model: The policies at the start: an ensemble with a member for each run, trained in place.

    Attributes:
        device: The device of the computation.
        step: Batches done so far.
        states: State of each run's rule after these: anchor, automatic parameters, moving averages.
        sampler: Draws prompts and samples responses.
        learner: Takes the gradient steps.
        evaluator: Evaluates on held-out prompts.

    Raises:
        ValueError: The runs differ in their shapes.

    Example:
        >>> from qae_sim.lm.warmstart import new_model
        >>> config = Config("addition", prompts=4, minibatches=2, held_out=4)
        >>> trainer = Trainer([config], new_model([config]))
        >>> trainer.train_batch()["reward"], trainer.step
        ([0.0], 1)
    """

    def __init__(self, configs: Sequence[Config], model: Transformer) -> None:
        _require_one_shape(configs, model)
        self.configs, self.model, self.device = tuple(configs), model, model.word.device
        asked = any(config.kl or "reference" in config.rule.inputs for config in configs)
        self.reference = copy.deepcopy(model) if asked else None
        self.sampler = PolicySampler(configs, model, self.reference)
        self.learner = PolicyLearner(configs, model, self.reference)
        self.evaluator = Evaluator(configs, self.sampler)
        self.states = [config.rule.start() for config in configs]
        self.step = 0

    def train_batch(self) -> Metrics:
        """Sample a batch, learn from it, and advance to the next step.

        Returns:
            Metrics of the batch.
        """
        batch, metrics, correct = self.sample()
        advantages = [self.advantages(member, batch) for member in range(len(self.configs))]
        metrics |= self.describe(batch, advantages)
        together = torch.as_tensor(np.stack(advantages), dtype=torch.float32, device=self.device)
        metrics |= self.learner.update(batch, together, self.step)
        # The batch was trained with the states from before it; only now do they move on.
        self.states = [
            config.rule.after(
                state,
                {
                    # Of the first draw: the groups that dynamic sampling keeps give a biased success rate.
                    "correct": correct[m],
                    "rewards": correct[m],
                    "entropy": metrics["entropy"][m],
                    "dynamics": batch.dynamics[m] if batch.dynamics else None,
                },
            )
            for m, (config, state) in enumerate(zip(self.configs, self.states, strict=True))
        ]
        self.step += 1
        return metrics

    def sample(self) -> tuple[Batch, Metrics, np.ndarray]:
        """Sample the batch of this step.

        Returns:
            The batch; metrics of the policy, and which responses are correct ``(S, B, G)``, both of the first draw,
            before any filter.
        """
        return self.sampler.sample(self.step)

    def advantages(self, member: int, batch: Batch) -> np.ndarray:
        """Turn the rewards of a run's batch into advantages of tokens.

        Args:
            member: The run's place in the ensemble.
            batch: What was sampled.

        Returns:
            ``(B, G, T)``, 0 after the end of a response.
        """
        config, correct, mask = self.configs[member], batch.correct[member], batch.mask[member]
        rule = config.rule
        punished = punishment(config, mask.sum(axis=-1))
        # An estimator of several rewards gets the punishment as one of them.
        rewards = correct if punished is None or "further" in rule.inputs else correct + punished
        # Anchors follow what the verifier says, without the punishment of length.
        result = np.asarray(
            rule.advantages(
                rewards,
                estimator_inputs(config, batch, member),
                step=self.step,
                state=self.states[member],
                correct=correct,
            )
        )
        if rule.of_tokens:
            # In a sum, the terms with one advantage per response also fill the places after its end.
            return result if len(rule.terms) == 1 else np.where(mask, result, 0.0)
        if config.mass_of is not None:
            result = result + (config.mass_of.advantages(rewards, step=self.step).mean() - result.mean())
        return np.where(mask, result[..., None], 0.0)

    def describe(self, batch: Batch, advantages: Sequence[np.ndarray]) -> Metrics:
        """Measure what the advantages do on the batch that is trained on, and the states they came from.

        Args:
            batch: What was sampled.
            advantages: ``(B, G, T)`` for each run.

        Returns:
            Metrics of the advantages; the anchor's belief and K, NaN where a run has none.
        """
        parameters = [c.rule.parameters_at(self.step, s) for c, s in zip(self.configs, self.states, strict=True)]
        return describe_advantages(batch, advantages) | {
            "anchor": [state.belief for state in self.states],
            "k": [float(of_run.get("k", math.nan)) for of_run in parameters],
        }

    def evaluate(self) -> Metrics:
        """Measure the policies on held-out prompts, see :meth:`~qae_sim.lm.evaluation.Evaluator.evaluate`.

        Returns:
            Metrics.
        """
        return self.evaluator.evaluate()

    def answer(self, prompts: int, group: int) -> tuple[Tensor, Sampled]:
        """Sample the current policies' responses to some held-out prompts, for people to read.

        Args:
            prompts: Number of prompts, at most the configuration's ``held_out``.
            group: Responses to each, >= 1.

        Returns:
            Prompts ``(S, prompts, P)`` and responses.
        """
        return self.evaluator.answer(prompts, group)

    # --- checkpoints ---

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Describe everything that another trainer needs to continue as this one would.

        Returns:
            Tensors by name; plain values.
        """
        tensors, updates = self.learner.state()
        states = [config.rule.stored(state) for config, state in zip(self.configs, self.states, strict=True)]
        return tensors, {"step": self.step, "updates": updates, "states": states}

    def load_state(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned.

        Args:
            tensors: Tensors by name.
            about: The plain values.

        Raises:
            KeyError: Something is missing.
            ValueError: A state was left by another rule; the message names both.
        """
        if "states" in about:
            states = [c.rule.restored(values) for c, values in zip(self.configs, about["states"], strict=True)]
        else:
            states = [_old_state(config, about, m) for m, config in enumerate(self.configs)]
        self.learner.load_state(tensors, about["updates"])
        self.states, self.step = states, about["step"]


def _old_state(config: Config, about: Mapping[str, Any], member: int) -> AdvantageState:
    """Read a run's state from an older checkpoint, which held a list for each kind of part."""

    def kept(name: str) -> Any:
        return from_plain(about[name], name, KINDS)[member]

    parts = {}
    for place, part in config.rule.start().parts.items():
        name = "automatic" if isinstance(part, AUTOMATIC) else {"anchor": "anchors", "baselines": "ranks"}[place]
        parts[place] = kept(name)
        if type(parts[place]) is not type(part):
            raise invalid(name, parts[place], f"a {type(part).__name__}, which {config.rule.title} starts with")
    return AdvantageState(parts)


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
