"""Shares of all |A| that estimators would have given to prompts of each success rate, in a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qae_sim.advantages import ESTIMATORS, AdvantageRule
from qae_sim.advantages.rule import as_rule
from qae_sim.arrays import invalid, tally
from qae_sim.logs.digest import Digest

#: Groups whose advantages are computed at once.
_AT_ONCE = 10_000


def compared(binary: bool = True) -> tuple[AdvantageRule, ...]:
    """List the estimators whose shares can be computed: those that need only the rewards of a group.

    Args:
        binary: Whether all rewards are 0 or 1; some estimators are defined for these alone.

    Returns:
        A rule for each, with its defaults.

    Example:
        >>> [rule.name for rule in compared()][:4]
        ['grpo', 'dr_grpo', 'rloo', 'qae']
    """
    rows = ESTIMATORS.items()
    return tuple(
        AdvantageRule(name) for name, row in rows if row.tabulated and not row.weights and (binary or not row.binary)
    )


def advantage_shares(found: Digest, rule: Any) -> np.ndarray:
    """Compute the share of all |A| that a rule gives to groups with n successful responses.

    Share of n = Σ|A| over the groups with n successes / Σ|A| over all groups, where A are the rule's advantages for
    the rewards that were logged. All shares are 0 if no response has an advantage.

    Args:
        found: The digest of a log.
        rule: An :class:`~qae_sim.advantages.AdvantageRule`, or an estimator's name or function.

    Returns:
        Shares for n = 0 to G, ``(G + 1,)``.

    Raises:
        ValueError: There is no such estimator, or it needs more than the rewards of a group, or rewards of 0 and 1.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> shares = advantage_shares(digest(recorded_log()), "grpo")
        >>> len(shares), round(float(shares.sum()), 6), float(shares[0])
        (9, 1.0, 0.0)
    """
    asked = as_rule(rule)
    if not asked.tabulated:
        raise invalid("rule", asked.title, "one that looks at the rewards of a group alone: a log counts successes")
    mass = np.zeros(found.group_size + 1)
    for n, rewards, times in _different_groups(found):
        advantages = np.abs(np.asarray(asked.advantages(rewards))).sum(axis=1)
        mass += tally(n, advantages * times, minlength=len(mass))
    return np.asarray(mass / max(float(mass.sum()), 1e-300))


def _different_groups(found: Digest) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """List successes, rewards and number of groups: each kind once where rewards are 0 or 1, else every group."""
    size = found.group_size
    if found.binary or found.rewards is None:
        histogram = found.histogram.sum(axis=0)
        n = np.flatnonzero(histogram)
        yield n, (np.arange(size) < n[:, None]).astype(float), histogram[n]
        return
    for start in range(0, len(found.rewards), _AT_ONCE):
        rewards = found.rewards[start : start + _AT_ONCE]
        yield (rewards >= found.success).sum(axis=1), rewards, np.ones(len(rewards))


def advantage_shares_by_quarter(found: Digest, rule: Any) -> np.ndarray:
    """Compute the shares of success rates in [0, .25], (.25, .5], (.5, .75] and (.75, 1].

    Args:
        found: The digest of a log.
        rule: As in :func:`advantage_shares`.

    Returns:
        Four shares, ``(4,)``.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> advantage_shares_by_quarter(digest(recorded_log()), AdvantageRule("qae", {"k": 0.4})).round(2)
        array([0.21, 0.47, 0.28, 0.04])
    """
    n = np.arange(found.group_size + 1)
    quarter = np.maximum(np.ceil(4 * n / found.group_size).astype(int) - 1, 0)
    return tally(quarter, advantage_shares(found, rule), minlength=4)
