"""Exact expected dynamics: every step is the mean over all groups that could have been sampled."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._advantages import Table, table_at
from qae_sim.bandits._kernels import column_sum
from qae_sim.bandits._models import BanditModel, SequenceModel, log_probabilities, model_of
from qae_sim.bandits._optimizers import Ascent, SplitAscent
from qae_sim.bandits._records import SUMMED, Recorder
from qae_sim.bandits._single import mixed_chance
from qae_sim.bandits.study import Study


def binomial_rows(xp: Namespace, p: Array, trials: int) -> Array:
    """Probabilities C(n, m) p^m (1-p)^(n-m), ``(...)`` to ``(n + 1, ...)``, by running products."""
    rows = xp.empty((trials + 1, *p.shape))
    power = xp.ones_like(p)
    for m in range(trials + 1):
        rows[m] = float(math.comb(trials, m)) * power
        power = power * p
    power, q = xp.ones_like(p), 1 - p
    for m in range(trials, -1, -1):
        rows[m] *= power
        power = power * q
    return rows


class Kept:
    """The groups that dynamic sampling keeps, for queries of success rates p ``(Q, R)``.

    A mixed group is kept at the first of J attempts that gives one, which multiplies its probability by
    (1 - (1-M)^J) / M; a group of equal rewards is kept if all J attempts give such groups, which multiplies its
    probability by (1-M)^(J-1). M is the chance of a mixed group at one attempt.
    """

    def __init__(self, xp: Namespace, study: Study, p: Array, weights: Array) -> None:
        self._xp, self._size = xp, study.group_size
        self.p = p
        mixed = mixed_chance(xp, p, study.group_size)
        if study.queries is not None:  # another query is drawn at each attempt
            mixed = column_sum(xp, mixed * weights) + 0.0 * mixed
        tries = study.attempts
        with np.errstate(divide="ignore"):
            missed = xp.log1p(-mixed)
        some = xp.where(mixed > 0, mixed, 1.0)
        #: Expected number of groups sampled, also the factor of mixed groups.
        self.attempts = xp.where(mixed > 0, -xp.expm1(tries * missed) / some, float(tries)) if tries > 1 else 1 + 0 * p
        self._equal = xp.exp((tries - 1) * missed) if tries > 1 else 1 + 0 * p

    def _factors(self, first: int, rows: int) -> list[Array]:
        """Factor of groups with n = first, first + 1, ... successes."""
        return [self._equal if n in (0, self._size) else self.attempts for n in range(first, first + rows)]

    def mean(self, values: np.ndarray) -> Array:
        """Mean over groups of a function of n, ``(G + 1,)`` to ``(Q, R)``."""
        return self._sum(binomial_rows(self._xp, self.p, self._size), values, 0)

    def coefficients(self, table: Table) -> tuple[Array, Array]:
        """α and β: mean advantage of a response, given that it is correct, and given that it is wrong."""
        others = binomial_rows(self._xp, self.p, self._size - 1)
        return self._sum(others, table.correct[1:], 1), self._sum(others, table.wrong[:-1], 0)

    def _sum(self, probabilities: Array, values: np.ndarray, first: int) -> Array:
        """Sum over the groups whose value is not 0."""
        factors = self._factors(first, len(values))
        terms = [
            chance * factor * float(value)
            for chance, factor, value in zip(probabilities, factors, values, strict=True)
            if value != 0
        ]
        return sum(terms[1:], terms[0]) if terms else 0 * self.p


def simulate_expected(xp: Namespace, study: Study, runs: range) -> tuple[dict[str, np.ndarray], Array]:
    """Follow the exact expected update.

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
    # How much each query counts in the mean over a batch.
    share = np.full(count, 1 / count) if study.queries is None else np.array(study.problem.weights)  # type: ignore[union-attr]
    weights = xp.asarray(share[:, None])
    for step in range(study.steps):
        if recorder.due(step):
            for name, values in model.states(theta, recorder.wanted).items():
                recorder.state(name, step, values)
        table = table_at(study, step)
        logits = model.logits(theta)
        kept = Kept(xp, study, model.success_rates(logits), weights)
        _record_batch(xp, recorder, kept, table, weights, step)
        delta = ascent.step(_gradient(xp, study, model, logits, kept.coefficients(table), weights))
        if isinstance(ascent, SplitAscent):
            positive, negative = (
                _gradient(xp, study, model, logits, kept.coefficients(side), weights) for side in _by_sign(table)
            )
            shares = ascent.shares(model.entropy, theta, delta, positive, negative)
            for name, change in zip(SUMMED, shares, strict=True):
                recorder.add(name, step, change)
        theta = theta + delta
    return recorder.finish(), model.final(theta)


def _by_sign(table: Table) -> tuple[Table, Table]:
    """The positive and the negative advantages of a table, each with 0 for the others."""
    positive = replace(table, correct=np.maximum(table.correct, 0), wrong=np.maximum(table.wrong, 0))
    return positive, replace(table, correct=np.minimum(table.correct, 0), wrong=np.minimum(table.wrong, 0))


def _record_batch(xp: Namespace, recorder: Recorder, kept: Kept, table: Table, weights: Array, step: int) -> None:
    """Record what batches are on average."""
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
    xp: Namespace,
    study: Study,
    model: BanditModel | SequenceModel,
    logits: Array,
    coefficients: tuple[Array, Array],
    weights: Array,
) -> Array:
    """Expected gradient by the parameters.

    E[(1/G) Σᵢ Aᵢ (e_{aᵢ} - π)] = π·(αx + β(1-x)) - π·(αp + β(1-p)), x the chance of each arm to be correct; the
    paper's update is the first term alone. For sequences it is (α - β)·∇p.
    """
    alpha, beta = coefficients
    log_pi = log_probabilities(xp, logits)
    if isinstance(model, SequenceModel):
        gradient = (alpha - beta) * success_gradient(xp, model, log_pi[:, :, 0])
        return model.gradient(gradient[:, :, None] / logits.shape[1])
    pi, success = xp.exp(log_pi), model.success[:, None, :, None]
    force = pi * (alpha * success + beta * (1 - success))
    if study.update == "policy_gradient":
        force = force - pi * column_sum(xp, force.copy())
    return model.gradient(force * weights)


def success_gradient(xp: Namespace, model: SequenceModel, log_pi: Array) -> Array:
    """Gradient of the success probability by the logits, ``(V, L, R)``.

    ∂p/∂z_t(v) = Σ_{y correct, position t reached} π(y)·(1{y_t = v} - π_t(v))
    """
    pi_correct = xp.exp(model.log_correct(log_pi))
    gradient = xp.zeros_like(log_pi)
    for position in range(log_pi.shape[1]):
        reaching = xp.where(model.said[:, position, None], pi_correct, 0.0)
        for token in range(log_pi.shape[0]):
            chosen = model.correct[:, position, None] == token
            gradient[token, position] = column_sum(xp, xp.where(chosen, reaching, 0.0))
        gradient[:, position] -= xp.exp(log_pi[:, position]) * column_sum(xp, reaching.copy())
    return gradient
