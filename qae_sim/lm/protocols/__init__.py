"""Trials whose rules were written before their runs were made: arms, comparisons, and margins of equivalence."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import invalid, require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record
from qae_sim.lm.studies.evidence import interval, mean_known

_FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@dataclass(frozen=True)
class Protocol:
    """The rules of a trial.

    Attributes:
        name: Name of the protocol, that of its file.
        digest: SHA-256 of its file, stored in the records of its runs.
        rules: The content of the file.

    Example:
        >>> protocol = read("medium_gpu")
        >>> protocol.arms()[:2], len(protocol.runs("learned", "mean"))
        ([('learned', 'mean'), ('learned', 'QAE, K = .4')], 32)
    """

    name: str
    digest: str
    rules: Mapping[str, Any]

    def arms(self) -> list[tuple[str, str]]:
        """List settings and arms in the order in which they are trained."""
        return [(setting, arm) for setting in self.rules["settings"] for arm in self.rules["arms"]]

    def runs(self, setting: str, arm: str) -> list[Config]:
        """Make the configurations of an arm, one for each seed.

        Args:
            setting: A setting of the protocol.
            arm: An arm of the protocol.

        Returns:
            The configurations, in the order of seeds.

        Raises:
            ValueError: Setting or arm is unknown.
        """
        of_setting = self.rules["settings"][require_choice("setting", setting, tuple(self.rules["settings"]))]
        of_arm = self.rules["arms"][require_choice("arm", arm, tuple(self.rules["arms"]))]
        config = Config.from_dict({**self.rules["common"], **of_setting, **of_arm})
        first, last = self.rules["seeds"]
        return [config.with_(seed=seed, base_seed=seed) for seed in range(first, last + 1)]


@dataclass(frozen=True)
class ArmComparison:
    """The difference between an arm and the baseline in one quantity.

    Attributes:
        setting: The task.
        arm: The arm.
        quantity: A metric, and "run" (mean over the run) or "end" (mean over its last part).
        mean: Mean difference from the baseline, paired by seed.
        low: Lower end of its 95 % confidence interval.
        high: Its upper end.
        p: Two-sided p-value, adjusted by Holm over the arms of the setting.
        verdict: "yes", "no", "equivalent" or "undecided".
        visible: The difference that would be found with a probability of 80 % in a single comparison.
    """

    setting: str
    arm: str
    quantity: str
    mean: float
    low: float
    high: float
    p: float
    verdict: str
    visible: float


def read(name: str) -> Protocol:
    """Read a protocol.

    Args:
        name: Its name, one of :data:`NAMES`.

    Returns:
        The protocol.

    Raises:
        ValueError: There is no protocol of this name.
    """
    content = (_FOLDER / f"{require_choice('name', name, NAMES)}.toml").read_bytes()
    return Protocol(name, hashlib.sha256(content).hexdigest(), tomllib.loads(content.decode()))


def recorded(name: str) -> Record:
    """Read the runs of a protocol that come with the package.

    Args:
        name: Its name, one of :data:`NAMES`.

    Returns:
        The runs.

    Raises:
        ValueError: No runs come with the package, or they were made by another version of the protocol.
    """
    protocol = read(name)
    path = _FOLDER.parent / "recorded" / f"{name}.npz"
    if not path.exists():
        raise invalid("name", name, "a protocol whose runs come with the package")
    record = Record.load(path)
    require_protocol(protocol, record)
    return record


def require_protocol(protocol: Protocol, record: Record) -> None:
    """Check that runs were made by the current version of a protocol.

    Args:
        protocol: The protocol.
        record: The runs.

    Raises:
        ValueError: They were made by another version of it, or without a protocol.
    """
    for about in record.about:
        if about.get("protocol") != protocol.digest:
            raise invalid("record", about.get("protocol"), f"made by protocol {protocol.name}, {protocol.digest}")


def judge(protocol: Protocol, record: Record) -> list[ArmComparison]:
    """Compare all trained arms with the baseline.

    Args:
        protocol: The protocol.
        record: The runs.

    Returns:
        Comparisons; arms with a missing seed are left out.

    Raises:
        ValueError: The record was not made by this protocol.

    Source:
        Holm (1979): A simple sequentially rejective multiple test procedure.
    """
    require_protocol(protocol, record)
    places = {repr(config): place for place, config in enumerate(record.configs)}
    found: dict[tuple[str, str], Record] = {}
    for setting, arm in protocol.arms():
        runs = [repr(config) for config in protocol.runs(setting, arm)]
        if all(run in places for run in runs):
            found[setting, arm] = record.take([places[run] for run in runs])
    comparisons: list[ArmComparison] = []
    for setting in protocol.rules["settings"]:
        base = found.get((setting, protocol.rules["baseline"]))
        others = {arm: of for (s, arm), of in found.items() if s == setting and of is not base}
        if base is None or not others:
            continue
        for metric, margin in protocol.rules["margins"].items():
            for part in ("run", "end"):
                gaps = {
                    arm: _value(protocol, of, metric, part) - _value(protocol, base, metric, part)
                    for arm, of in others.items()
                }
                comparisons += _compare(setting, f"{metric}, {part}", gaps, margin)
    return comparisons


def _value(protocol: Protocol, record: Record, metric: str, part: str) -> np.ndarray:
    """Compute an endpoint, by seed."""
    values = record[metric]
    known = values[:, ~np.isnan(values).all(axis=0)]
    # A metric of every batch is missing only in the last row; others are from evaluations.
    last = protocol.rules["last_batches" if known.shape[1] >= values.shape[1] - 1 else "last_evaluations"]
    return mean_known(known if part == "run" else known[:, -last:])


def _compare(setting: str, quantity: str, gaps: Mapping[str, np.ndarray], margin: float) -> list[ArmComparison]:
    """Judge one quantity for all arms of a setting."""
    from scipy import stats

    raw = {arm: float(stats.ttest_1samp(gap, 0).pvalue) if gap.std() else 1.0 for arm, gap in gaps.items()}
    adjusted, largest = {}, 0.0
    for rank, arm in enumerate(sorted(raw, key=raw.__getitem__)):
        largest = max(largest, min(1.0, (len(raw) - rank) * raw[arm]))
        adjusted[arm] = largest
    result = []
    for arm, gap in gaps.items():
        e = interval(setting, gap)
        verdict = "undecided"
        if -margin < e.low and e.high < margin:
            verdict = "equivalent"
        elif adjusted[arm] < 0.05:
            verdict = "yes" if e.mean > 0 else "no"
        n = len(gap)
        visible = float(stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)) * float(gap.std(ddof=1)) / math.sqrt(n)
        result.append(ArmComparison(setting, arm, quantity, e.mean, e.low, e.high, adjusted[arm], verdict, visible))
    return result
