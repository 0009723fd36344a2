"""Advantages of sampled batches, for every level of estimators."""

from __future__ import annotations

import numpy as np

from qae_sim.advantages import Term
from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._kernels import to_numpy
from qae_sim.bandits._tables import table_of
from qae_sim.bandits.study import Study


def advantages_of(study: Study, xp: Namespace, tokens: Array, said: Array, correct: Array, step: int) -> Array:
    """Advantages of a sampled batch without HA-DW's weights: the weighted sum over the rule's terms.

    Args:
        study: The study.
        xp: NumPy or CuPy.
        tokens: Sampled arms or tokens, ``(G, L, B, R)``.
        said: Whether the token is part of its response (not after the end), same shape.
        correct: Whether each response is correct, ``(G, B, R)``.
        step: The step.

    Returns:
        ``(G, L, B, R)``, or ``(G, 1, B, R)`` where all tokens of a response share one.
    """
    if study.rule.tabulated:
        table, n = table_of(study.rule, study.group_size, step), correct.sum(axis=0)
        return xp.where(correct, xp.asarray(table.correct)[n], xp.asarray(table.wrong)[n])[:, None]
    total = 0.0
    for term in study.rule.at(step):
        if term.row.of_tokens:
            found = _of_tokens(term, xp, tokens, said, correct)
        elif term.row.of_batches:
            found = _of_batches(term, xp, correct)
        else:
            found = _of_responses(term, xp, said, correct)
        total = total + (found if term.weight == 1 else term.weight * found)
    return total


def _of_batches(term: Term, xp: Namespace, correct: Array) -> Array:
    """Advantages ``(G, 1, B, R)`` under an estimator that compares across the groups of a batch.

    The numbers of successes ``(B, R)`` describe 0/1 rewards completely, and few columns of them differ: the estimator
    is called once for each, with the correct responses of each group first.
    """
    successes, size = correct.sum(axis=0), len(correct)
    counts, which = np.unique(to_numpy(successes), axis=1, return_inverse=True)
    of_correct, of_wrong = np.zeros(counts.shape), np.zeros(counts.shape)
    for column in range(counts.shape[1]):
        n = counts[:, column]
        rewards = (np.arange(size) < n[:, None]).astype(np.float64)
        advantages = term.row.advantages(rewards, **term.parameters)
        of_correct[:, column] = np.where(n > 0, advantages[:, 0], 0)
        of_wrong[:, column] = np.where(n < size, advantages[:, -1], 0)
    which = which.reshape(-1)
    return xp.where(correct, xp.asarray(of_correct[:, which]), xp.asarray(of_wrong[:, which]))[:, None]


def _of_responses(term: Term, xp: Namespace, said: Array, correct: Array) -> Array:
    """Advantages ``(G, 1, B, R)`` under an estimator of single groups, which may need lengths besides rewards."""
    parameters = {name: value for name, value in term.parameters.items() if name != "metric"}
    # Axes as estimators expect, also in memory, because the order in memory decides how sums round.
    r = xp.ascontiguousarray(correct.astype(xp.float64).transpose(1, 2, 0))
    lengths = xp.ascontiguousarray(said.sum(axis=1).transpose(1, 2, 0)).astype(r.dtype)
    result = term.row.advantages(r, **dict.fromkeys(term.row.inputs, lengths), **parameters)
    return xp.ascontiguousarray(result.transpose(2, 0, 1))[:, None]


def _of_tokens(term: Term, xp: Namespace, tokens: Array, said: Array, correct: Array) -> Array:
    """Advantages ``(G, L, B, R)`` of single tokens."""
    order = (2, 3, 0, 1)
    # Axes as estimators expect, also in memory, because the order in memory decides how sums round.
    r = xp.ascontiguousarray(correct.astype(xp.float64).transpose(1, 2, 0))
    ids, mask = (xp.ascontiguousarray(x.transpose(order)) for x in (tokens, said))
    result = term.row.advantages(r, token_ids=ids, mask=mask, **term.parameters)
    return xp.ascontiguousarray(result.transpose(2, 3, 0, 1))
