"""The general simulator: mixtures, shared parameters, sequences, several steps per batch, any optimiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qae_sim.advantages import DifficultyAnchor
from qae_sim.advantages.weights import difficulty_weights
from qae_sim.arrays import Array, Namespace, take
from qae_sim.bandits._advantages import advantages_of
from qae_sim.bandits._kernels import Softmax, Workspace, column_sum, cumulate, padded_rows, scatter_add, search
from qae_sim.bandits._models import BanditModel, SequenceModel, model_of
from qae_sim.bandits._optimizers import Ascent, SplitAscent
from qae_sim.bandits._random import QUERIES, RESPONSES
from qae_sim.bandits._records import SUMMED, Recorder
from qae_sim.bandits._tables import table_of
from qae_sim.bandits.study import Study
from qae_sim.streams import streams, uniform_at


@dataclass(frozen=True)
class SampledBatch:
    """A sampled batch.

    Attributes:
        which: The prompt of each group, ``(B, R)`` or ``(B, 1)``.
        tokens: Sampled arms or tokens, ``(G, L, B, R)``.
        said: Whether the token is part of its response (not after the end), same shape.
        correct: Whether each response is correct, ``(G, B, R)``.
        attempts: How many groups were sampled for each group kept, ``(B, R)``.
    """

    which: Array
    tokens: Array
    said: Array
    correct: Array
    attempts: Array


class Sampler:
    """Samples batches, dynamic sampling included."""

    def __init__(self, xp: Namespace, study: Study, model: BanditModel | SequenceModel, runs: range) -> None:
        self._xp, self._study, self._model = xp, study, model
        self._responses = streams(xp, runs, study.seed, RESPONSES)
        self._queries = streams(xp, runs, study.seed, QUERIES)
        weights = getattr(study.problem, "weights", (1.0,))
        self._below = xp.asarray(np.cumsum(weights)[:-1])[:, None, None]
        self._running: Array | None = None

    def batch(self, policy: Softmax, step: int) -> SampledBatch:
        """Sample the batch of a step.

        Args:
            policy: The policy of all prompts, ``(A, L, Q, R)``.
            step: The step.

        Returns:
            The batch.
        """
        xp, study = self._xp, self._study
        batch = self._attempt(policy, step, 0)
        for attempt in range(1, study.attempts):
            n = batch.correct.sum(axis=0)
            again = (n == 0) | (n == study.group_size)
            if not bool(again.any()):
                break
            new = self._attempt(policy, step, attempt)
            batch = SampledBatch(
                xp.where(again, new.which, batch.which),
                xp.where(again, new.tokens, batch.tokens),
                xp.where(again, new.said, batch.said),
                xp.where(again, new.correct, batch.correct),
                batch.attempts + again,
            )
        return batch

    def _attempt(self, policy: Softmax, step: int, attempt: int) -> SampledBatch:
        """Sample each group once."""
        xp, study = self._xp, self._study
        rows, length, _, runs = policy.gap.shape
        size, slots = study.group_size, study.batch_queries
        block = step * study.attempts + attempt
        if study.queries is None:
            which, chosen = xp.arange(slots)[:, None], policy
        else:
            u = uniform_at(self._queries, block * slots + xp.arange(slots)[:, None])
            which = (self._below <= u).sum(axis=0)
            chosen = of_prompts(xp, policy, which)
        weight = chosen.weight.reshape(rows, -1)
        if self._running is None:
            self._running = xp.full((padded_rows(rows), weight.shape[1]), np.inf)
            self._work = Workspace.of(xp, size, length * slots * runs)
        running = self._running
        cumulate(xp, weight, running[:rows])
        position = (block * size + xp.arange(size)[:, None, None]) * (length * slots) + (
            xp.arange(length)[:, None] * slots + xp.arange(slots)
        )
        u = uniform_at(self._responses, position[..., None]).reshape(size, -1)
        targets = u * running[rows - 1]
        place = search(xp, running, targets, xp.arange(weight.shape[1]), self._work)
        tokens = (place // weight.shape[1]).reshape(size, length, slots, runs)
        response = (block * size + xp.arange(size)[:, None, None]) * slots + xp.arange(slots)[:, None]
        correct, said = self._model.rewards(tokens, which, response)
        return SampledBatch(which, tokens, said, correct, xp.ones((slots, runs)))


def of_prompts(xp: Namespace, policy: Softmax, which: Array) -> Softmax:
    """The policy of the prompts in a batch, ``(A, L, Q, R)`` to ``(A, L, B, R)``."""
    return policy.columns(xp, slice(None), which, xp.arange(policy.gap.shape[-1]))


def to_prompts(xp: Namespace, gradient: Array, which: Array, queries: int) -> Array:
    """Gradient for the logits of all prompts from that of a batch, which may hold a prompt several times."""
    total = xp.zeros((*gradient.shape[:2], queries, gradient.shape[-1]))
    run = xp.arange(gradient.shape[-1])
    for slot in range(len(which)):  # one slot at a time: += would add only once where a place repeats
        total[:, :, which[slot], run] += gradient[:, :, slot]
    return total


def simulate_general(xp: Namespace, study: Study, runs: range) -> tuple[dict[str, np.ndarray], Array]:
    """Simulate runs of any study with sampled dynamics.

    Args:
        xp: NumPy or CuPy.
        study: The study.
        runs: The runs' numbers.

    Returns:
        Records ``(S, R)``, and the parameters after the last step, runs last.
    """
    model = model_of(xp, study, runs)
    recorder = Recorder(xp, study, len(runs))
    sampler = Sampler(xp, study, model, runs)
    learner = Learner(xp, study, model, recorder)
    responses = study.batch_queries * study.group_size
    anchor = study.rule.anchor
    theta = model.start()
    for step in range(study.steps):
        policy = model.policy(theta)
        if recorder.due(step):
            for name, values in model.states(policy, recorder.wanted).items():
                recorder.state(name, step, values)
            if anchor is not None:
                recorder.state("anchor", step, anchor.belief)
        batch = sampler.batch(policy, step)
        advantages = estimate(xp, study, batch, anchor, step, recorder)
        theta = learner.learn(theta, policy, batch, advantages, step)
        if anchor is not None:  # one belief at first, and one for each run from here on
            n = column_sum(xp, batch.correct.sum(axis=0))
            anchor = anchor.after(n / responses, responses, study.group_size)
    return recorder.finish(), model.final(theta)


def estimate(
    xp: Namespace, study: Study, batch: SampledBatch, anchor: DifficultyAnchor | None, step: int, recorder: Recorder
) -> Array:
    """Compute the advantages of a batch, and record what it shows.

    Args:
        xp: NumPy or CuPy.
        study: The study.
        batch: The batch.
        anchor: The anchor before the batch, its beliefs one for each run; None without one.
        step: The step.
        recorder: Collects the records.

    Returns:
        Advantages, ``(G, L, B, R)``, or ``(G, 1, B, R)`` where all tokens of a response share one.
    """
    n = batch.correct.sum(axis=0)
    advantages = advantages_of(study, xp, batch.tokens, batch.said, batch.correct, step)
    if study.rule.tabulated:
        recorder.add(
            "baseline",
            step,
            column_sum(xp, xp.asarray(table_of(study.rule, study.group_size, step).baseline)[n]) / len(n),
        )
    if anchor is not None:
        difference = n / study.group_size - anchor.belief
        advantages = advantages * difficulty_weights(xp, difference, advantages, study.rule.lambda_scale)[2]
    recorder.add("accuracy", step, column_sum(xp, n / study.group_size) / len(n))
    recorder.add("attempts", step, column_sum(xp, batch.attempts.copy()) / len(n))
    # One advantage per response, or one for each of its tokens.
    given = batch.said if study.rule.of_tokens else xp.ones(advantages.shape, dtype=bool)
    flat = (-1, n.shape[-1])
    silent = (given & (advantages == 0)).reshape(flat).sum(axis=0)
    recorder.add("zero_share", step, silent / given.reshape(flat).sum(axis=0))
    return advantages


class Learner:
    """Turns batches and advantages into steps of the parameters."""

    def __init__(self, xp: Namespace, study: Study, model: BanditModel | SequenceModel, recorder: Recorder) -> None:
        self._xp, self._study, self._model, self._recorder = xp, study, model, recorder
        kind = SplitAscent if recorder.wanted & set(SUMMED) else Ascent
        self._ascent = kind(xp, study.optimizer, study.eta)
        slots, size = study.batch_queries, study.group_size
        # Responses are numbered group by group; a minibatch is a run of consecutive ones.
        number = np.arange(slots)[None, :] * size + np.arange(size)[:, None]
        part = number // (slots * size // study.minibatches)
        self._minibatches = [xp.asarray((part == m)[:, None, :, None]) for m in range(study.minibatches)]

    def learn(self, theta: Array, policy: Softmax, batch: SampledBatch, advantages: Array, step: int) -> Array:
        """Take all steps on one batch.

        Args:
            theta: Parameters before, runs last.
            policy: Their policy.
            batch: The batch.
            advantages: From :func:`estimate`.
            step: The number of the batch.

        Returns:
            Parameters after.
        """
        xp, study, recorder = self._xp, self._study, self._recorder
        weights = [self._weights(batch, chosen) for chosen in self._minibatches]
        old = None

        def value(parameters: Array) -> Array:
            return self._model.entropy(self._model.policy(parameters))

        for _ in range(study.epochs):
            for chosen, weight in zip(self._minibatches, weights, strict=True):
                if old is not None:
                    policy = self._model.policy(theta)
                in_batch = policy if study.queries is None else of_prompts(xp, policy, batch.which)
                log_pi = in_batch.log_pi(xp)
                taken, place = self._taken(log_pi, batch.tokens)
                old = taken if old is None else old
                ratio = xp.exp(taken - old)
                force = advantages * ratio
                if study.clip is not None:
                    low = (advantages < 0) & (ratio < 1 - study.clip.low) & batch.said
                    high = (advantages > 0) & (ratio > 1 + study.clip.high) & batch.said
                    force = xp.where(low | high, 0.0, force)
                    self._count_clipped(step, batch.said & chosen, low & chosen, high & chosen)
                force = force * weight
                delta = self._ascent.step(self._gradient(in_batch, force, place, batch))
                if isinstance(self._ascent, SplitAscent):
                    positive, negative = (
                        self._gradient(in_batch, xp.where(side, force, 0.0), place, batch)
                        for side in (advantages > 0, advantages < 0)
                    )
                    shares = self._ascent.shares(value, theta, delta, positive, negative)
                    for name, change in zip(SUMMED, shares, strict=True):
                        recorder.add(name, step, change)
                theta = theta + delta
        return theta

    def _weights(self, batch: SampledBatch, chosen: Array) -> Array:
        """Weight of each token in the mean over a minibatch, ``(G, L, B, R)``; 0 outside of it and after the end."""
        study = self._study
        said = batch.said & chosen
        responses = study.batch_queries * study.group_size // study.minibatches
        if study.loss == "constant":
            return said / (responses * said.shape[1])
        if study.loss == "sequence":
            return said / (responses * batch.said.sum(axis=1, keepdims=True))
        return said / said.reshape(-1, said.shape[-1]).sum(axis=0)

    def _taken(self, log_pi: Array, tokens: Array) -> tuple[Array, Array]:
        """Log π of the sampled tokens, ``(G, L, B, R)``, and their places in the flattened ``(A, L, B, R)``."""
        columns = log_pi[0].size
        place = tokens * columns + self._xp.arange(columns).reshape(log_pi.shape[1:])
        return take(log_pi.reshape(-1), place), place

    def _gradient(self, policy: Softmax, force: Array, place: Array, batch: SampledBatch) -> Array:
        """Gradient of Σ force·log π with respect to the parameters; for the paper's update without its terms in π."""
        xp, study = self._xp, self._study
        if study.update == "policy_gradient":
            gradient = policy.weight * (column_sum(xp, force.copy()) / -policy.total)
        else:
            gradient = xp.zeros(policy.weight.shape)
        for response in range(len(force)):  # one response at a time, see scatter_add
            scatter_add(xp, gradient.reshape(-1), place[response], force[response])
        if study.queries is not None:
            gradient = to_prompts(xp, gradient, batch.which, study.problem.queries)  # type: ignore[union-attr]
        return self._model.gradient(gradient)

    def _count_clipped(self, step: int, counted: Array, low: Array, high: Array) -> None:
        """Record the shares of ratios that the clip has stopped."""
        flat = (-1, counted.shape[-1])
        total = counted.reshape(flat).sum(axis=0) * (self._study.epochs * self._study.minibatches)
        for name, stopped in (("clip_low", low), ("clip_high", high)):
            self._recorder.add(name, step, stopped.reshape(flat).sum(axis=0) / total)
