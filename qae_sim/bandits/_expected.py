"""Exact expected dynamics: every step is the mean over all groups that could have been sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._kernels import Softmax, column_sum
from qae_sim.bandits._models import BanditModel, SequenceModel, model_of
from qae_sim.bandits._one_prompt import mixed_chance
from qae_sim.bandits._optimizers import Ascent, SplitAscent
from qae_sim.bandits._records import SUMMED, Recorder
from qae_sim.bandits._tables import AdvantageTable, table_of
from qae_sim.bandits.study import Study
from qae_sim.softmax.binomial_law import binomial_rows


def _as_rows(values: Array, like: Array) -> Array:
    """Give a vector as many further axes as an array has."""
    return values.reshape((-1,) + (1,) * like.ndim)


class Kept:
    """The groups that dynamic sampling keeps, for prompts of success rates p ``(Q, R)``.

    A mixed group is kept at the first of J attempts that gives one, which multiplies its probability by
    (1 - (1-M)^J) / M; a group of equal rewards is kept if all J attempts give such groups, which multiplies its
    probability by (1-M)^(J-1). M is the chance of a mixed group at one attempt.
    """

    def __init__(self, xp: Namespace, study: Study, p: Array, weights: Array) -> None:
        self._xp, self._size, self._tries = xp, study.group_size, study.attempts
        self.p = p
        if self._tries == 1:
            self.attempts = xp.ones_like(p)
            return
        mixed = mixed_chance(xp, p, study.group_size)
        if study.queries is not None:  # another prompt is drawn at each attempt
            mixed = column_sum(xp, mixed * weights) + 0.0 * mixed
        with np.errstate(divide="ignore"):
            missed = xp.log1p(-mixed)
        some = xp.where(mixed > 0, mixed, 1.0)
        #: Expected number of groups sampled, also the factor of mixed groups.
        self.attempts = xp.where(mixed > 0, -xp.expm1(self._tries * missed) / some, float(self._tries))
        self._equal = xp.exp((self._tries - 1) * missed)

    def mean(self, values: np.ndarray) -> Array:
        """Mean over groups of a function of n, ``(G + 1,)`` to ``(Q, R)``."""
        return self._sum(binomial_rows(self.p, 1 - self.p, self._size), values, 0)

    def coefficients(self, table: AdvantageTable) -> tuple[Array, Array]:
        """α and β: mean advantage of a response, given that it is correct, and given that it is wrong."""
        others = binomial_rows(self.p, 1 - self.p, self._size - 1)
        return self._sum(others, table.correct[1:], 1), self._sum(others, table.wrong[:-1], 0)

    def _sum(self, probabilities: Array, values: np.ndarray, first: int) -> Array:
        """Sum over groups of n = first, first + 1, ... successes, each as likely as it is to be kept."""
        terms = probabilities * _as_rows(self._xp.asarray(values), self.p)
        if self._tries > 1:
            equal = [n for n in (0, self._size) if first <= n < first + len(values)]
            kept = self._xp.zeros_like(terms) + self.attempts
            for n in equal:
                kept[n - first] = self._equal
            terms *= kept
        return column_sum(self._xp, terms)


def simulate_expected(xp: Namespace, study: Study, runs: range) -> tuple[dict[str, np.ndarray], Array]:
    """Simulate runs under the exact expected update.

    Args:
        xp: NumPy or CuPy.
        study: The study.
        runs: The runs' numbers; they differ by their start only.

    Returns:
        Records ``(S, R)``, and the parameters after the last step, runs last.
    """
    model = model_of(xp, study, runs)
    recorder = Recorder(xp, study, len(runs))
    ascent = (SplitAscent if recorder.wanted & set(SUMMED) else Ascent)(xp, study.optimizer, study.eta)
    theta = model.start()
    count = study.problem.queries if isinstance(model, BanditModel) else 1  # type: ignore[union-attr]
    # How much each prompt counts in the mean over a batch.
    share = np.full(count, 1 / count) if study.queries is None else np.array(study.problem.weights)  # type: ignore[union-attr]
    weights = xp.asarray(share[:, None])

    def value(parameters: Array) -> Array:
        return model.entropy(model.policy(parameters))

    for step in range(study.steps):
        policy = model.policy(theta)
        if recorder.due(step):
            for name, values in model.states(policy, recorder.wanted).items():
                recorder.state(name, step, values)
        table = table_of(study.rule, study.group_size, step)
        kept = Kept(xp, study, model.success_rates(policy), weights)
        _record_batch(xp, recorder, kept, table, weights, step)
        delta = ascent.step(_gradient(study, model, policy, kept.p, kept.coefficients(table), weights))
        if isinstance(ascent, SplitAscent):
            positive, negative = (
                _gradient(study, model, policy, kept.p, kept.coefficients(side), weights) for side in _by_sign(table)
            )
            shares = ascent.shares(value, theta, delta, positive, negative)
            for name, change in zip(SUMMED, shares, strict=True):
                recorder.add(name, step, change)
        theta = theta + delta
    return recorder.finish(), model.final(theta)


def _by_sign(table: AdvantageTable) -> tuple[AdvantageTable, AdvantageTable]:
    """The positive and the negative advantages of a table, each with 0 for the others."""
    positive = replace(table, correct=np.maximum(table.correct, 0), wrong=np.maximum(table.wrong, 0))
    return positive, replace(table, correct=np.minimum(table.correct, 0), wrong=np.minimum(table.wrong, 0))


def _record_batch(
    xp: Namespace, recorder: Recorder, kept: Kept, table: AdvantageTable, weights: Array, step: int
) -> None:
    """Record the expected values of the batch."""
    functions = {
        "accuracy": np.linspace(0, 1, len(table.correct)),
        "zero_share": table.zero_share,
        "baseline": table.baseline,
    }
    for name, values in functions.items():
        if name in recorder.wanted:
            recorder.add(name, step, column_sum(xp, kept.mean(values) * weights))
    if "attempts" in recorder.wanted:
        recorder.add("attempts", step, column_sum(xp, kept.attempts * weights))


def _gradient(
    study: Study,
    model: BanditModel | SequenceModel,
    policy: Softmax,
    p: Array,
    coefficients: tuple[Array, Array],
    weights: Array,
) -> Array:
    """Expected gradient with respect to the parameters.

    With x the chance of each arm to be correct, a group moves the logits by π·(αx + β(1-x)) under the paper's update;
    the gradient is this less π·(αp + β(1-p)), or (α - β)·π·(x - p). For sequences it is (α - β)·∇p / L.
    """
    alpha, beta = coefficients
    if isinstance(model, SequenceModel):
        gradient = (alpha - beta) * model.success_gradient(policy)
        return model.gradient(gradient[:, :, None] / policy.gap.shape[1])
    success = model.success[:, None, :, None]
    if study.update == "policy_gradient":
        force = (success - p) * (policy.weight * ((alpha - beta) * weights / policy.total))
    else:
        force = (beta + (alpha - beta) * success) * (policy.weight * (weights / policy.total))
    return model.gradient(force)
