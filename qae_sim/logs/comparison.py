"""Two runs side by side: the same steps, with an interval for each difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.arrays import invalid
from qae_sim.logs.digest import Digest
from qae_sim.logs.resampling import Estimated, difference, shares_of_sums

#: Parts of training that are compared.
_PARTS = 4
#: Groups whose advantages are computed at once.
_AT_ONCE = 10_000


@dataclass(frozen=True)
class ComparedNumber:
    """A number of two runs in the same steps.

    Attributes:
        first: Number of the first step.
        last: Number of the last one.
        a: The number in the one run.
        b: In the other.
        difference: b less a.
    """

    first: int
    last: int
    a: Estimated
    b: Estimated
    difference: Estimated


def compare(a: Digest, b: Digest, *, seed: int = 0) -> tuple[ComparedNumber, ...]:
    """Compare two runs over the steps that both have, in four parts of about equal length.

    Compared are the mean reward, the share of groups of equal rewards, the share of responses without advantage under
    QAE at K = .4, and the mean length where both logs have it. Intervals are bootstraps over prompts; prompts that both
    runs have (by the beginning of their texts) are drawn for both at once, so that what they share cancels.

    Args:
        a: The digest of a log.
        b: Another.
        seed: Seed of the bootstraps, >= 0.

    Returns:
        A row for each number and part.

    Raises:
        ValueError: The runs have no step in common, or a digest has no rewards of its groups.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> log = digest(recorded_log())
        >>> row = compare(log, log)[0]
        >>> row.a.name, row.first, row.last, row.difference.low, row.difference.high
        ('mean reward', 4, 32, 0.0, 0.0)
    """
    steps = np.intersect1d(a.steps, b.steps)
    if not len(steps):
        said = " and ".join(f"{one.steps[0]} to {one.steps[-1]}" for one in (a, b))
        raise invalid("steps", said, "steps that both runs have")
    names = _prompts_of_both(a, b)
    found = [by_group(one) for one in (a, b)]
    rows = []
    for name in found[0]:
        if name not in found[1]:
            continue
        unit = "reward" if name == "mean reward" else "tokens" if name == "mean length" else "share"
        for part in np.array_split(steps, min(_PARTS, len(steps))):
            chosen = [np.isin(one.group_steps, part) for one in (a, b)]
            values = [one[name][rows_of] for one, rows_of in zip(found, chosen, strict=True)]
            prompts = [one[rows_of] for one, rows_of in zip(names, chosen, strict=True)]
            sides = [_mean(name, v, p, unit, seed) for v, p in zip(values, prompts, strict=True)]
            rows.append(
                ComparedNumber(
                    int(part[0]), int(part[-1]), sides[0], sides[1], _less(name, values, prompts, unit, seed)
                )
            )
    return tuple(rows)


def _prompts_of_both(a: Digest, b: Digest) -> tuple[np.ndarray, np.ndarray]:
    """Number the prompts of two runs so that the same text has the same number."""
    number: dict[object, int] = {}
    found = []
    for run, one in enumerate((a, b)):
        texts = one.prompt_texts
        count = int(one.group_prompts.max()) + 1
        keys = (texts[i] if i < len(texts) and texts[i] else (run, i) for i in range(count))
        found.append(np.array([number.setdefault(key, len(number)) for key in keys])[one.group_prompts])
    return found[0], found[1]


def by_group(found: Digest) -> dict[str, np.ndarray]:
    """Compute what is compared, for each group.

    Args:
        found: The digest of a log.

    Returns:
        Arrays ``(B,)`` by name.

    Raises:
        ValueError: The digest has no rewards of its groups.
    """
    rewards = found.rewards
    if rewards is None:
        raise invalid("found", found.source, "a digest with the rewards of its groups, as digest() makes it")
    rule = AdvantageRule("qae", {"k": 0.4})
    silent = [
        (np.asarray(rule.advantages(rewards[i : i + _AT_ONCE])) == 0).mean(axis=1)
        for i in range(0, len(rewards), _AT_ONCE)
    ]
    values = {
        "mean reward": rewards.mean(axis=1),
        "groups of equal rewards": (np.ptp(rewards, axis=1) == 0).astype(float),
        "without advantage at K = 0.4": np.concatenate(silent),
    }
    if found.lengths is not None and np.isfinite(found.lengths).all():
        values["mean length"] = found.lengths.mean(axis=1)
    return values


def _mean(name: str, values: np.ndarray, prompt: np.ndarray, unit: str, seed: int) -> Estimated:
    """Average over groups."""
    value, low, high = shares_of_sums(values, np.ones(len(values)), prompt, seed=seed)
    return Estimated(name, float(value[0]), unit, float(low[0]), float(high[0]), "bootstrap over prompts")


def _less(name: str, values: list[np.ndarray], prompts: list[np.ndarray], unit: str, seed: int) -> Estimated:
    """Average the second run's groups, less the first's."""
    second = np.repeat([False, True], [len(one) for one in values])
    both, prompt = np.concatenate(values), np.concatenate(prompts)
    parts = (both * ~second, (~second).astype(float)), (both * second, second.astype(float))
    return Estimated(
        f"difference of {name}", *_placed(difference(*parts, prompt, seed=seed), unit), "bootstrap over prompts"
    )


def _placed(found: tuple[float, float, float], unit: str) -> tuple[float, str, float, float]:
    """Put a number, its unit and its interval in order."""
    return found[0], unit, found[1], found[2]
