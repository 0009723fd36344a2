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

from qae_sim.arrays import invalid, require_choice, require_integer
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record
from qae_sim.lm.studies.evidence import mean_known

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

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds at which comparisons are judged, rising; the last one is that of all seeds."""
        first, last = self.rules["seeds"]
        return tuple(self.rules.get("looks", [last + 1 - first]))

    @property
    def level(self) -> float:
        """Level of each look's tests."""
        return float(self.rules.get("level", 0.05))

    def arms(self) -> list[tuple[str, str]]:
        """List settings and arms in the order in which they are trained."""
        return [
            (setting, arm)
            for setting, rules in self.rules["settings"].items()
            for arm in rules.get("arms", self.rules["arms"])
        ]

    def runs(self, setting: str, arm: str, look: int = 0) -> list[Config]:
        """Make the configurations that an arm has at a look beyond those of the looks before it, one for each seed.

        Args:
            setting: A setting of the protocol.
            arm: An arm of the setting.
            look: Number of the look, from 0.

        Returns:
            The configurations, in the order of seeds.

        Raises:
            ValueError: Setting or arm is unknown, or there is no such look.
        """
        require_choice("setting", setting, tuple(self.rules["settings"]))
        require_choice("arm", arm, tuple(name for of, name in self.arms() if of == setting))
        require_integer("look", look, high=len(self.looks) - 1)
        of_setting = {name: value for name, value in self.rules["settings"][setting].items() if name != "arms"}
        config = Config.from_dict({**self.rules["common"], **of_setting, **self.rules["arms"][arm]})
        first, before = self.rules["seeds"][0], (0, *self.looks)[look]
        return [config.with_(seed=first + i, base_seed=first + i) for i in range(before, self.looks[look])]


@dataclass(frozen=True)
class ArmComparison:
    """The difference between an arm and the baseline in one quantity.

    Attributes:
        setting: The task.
        arm: The arm.
        quantity: A metric, and "run" (mean over the run) or "end" (mean over its last part).
        mean: Mean difference from the baseline, paired by seed.
        low: Lower end of its confidence interval, whose level is 1 - that of the protocol.
        high: Its upper end.
        p: Two-sided p-value, adjusted by Holm over the arms of the setting.
        verdict: "yes", "no", "equivalent" or "undecided".
        visible: The difference that would be found with a probability of 80 % in a single comparison.
        seeds: Number of seeds.
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
    seeds: int


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


#: Records of the searches, by the protocol whose regime was chosen from them.
SEARCHES = {"main": "regime_search", "tasks": "regime_search_tasks"}


def search(name: str = "main") -> Record:
    """Read the runs from which a protocol's regime was chosen: GRPO alone, on seeds that no protocol uses.

    Args:
        name: Name of the protocol, one of :data:`SEARCHES`.

    Returns:
        The runs.

    Raises:
        ValueError: No search comes with the package for a protocol of this name.

    Example:
        >>> sorted({config.task for config in search("tasks").configs})
        ['countdown', 'paths']
    """
    require_choice("name", name, tuple(SEARCHES))
    return Record.load(_FOLDER.parent / "recorded" / f"{SEARCHES[name]}.npz")


def untrained(protocol: Protocol, record: Record) -> list[tuple[str, str]]:
    """List the arms whose runs of the first look are not there.

    Args:
        protocol: The protocol.
        record: Its runs.

    Returns:
        Settings and arms, in the order of the protocol.

    Example:
        >>> untrained(read("main"), recorded("main"))
        []
    """
    there = {repr(config) for config in record.configs}
    return [arm for arm in protocol.arms() if not all(repr(run) in there for run in protocol.runs(*arm))]


def require_protocol(protocol: Protocol, record: Record) -> None:
    """Check that runs were made by the current version of a protocol, each once and to its end.

    Whole arms may be missing: what was not trained is left undecided.

    Args:
        protocol: The protocol.
        record: The runs.

    Raises:
        ValueError: They were made by another version of it, or without a protocol; a run is none of the protocol's, is
            there twice, or was cut short.
    """
    for about in record.about:
        if about.get("protocol") != protocol.digest:
            raise invalid("record", about.get("protocol"), f"made by protocol {protocol.name}, {protocol.digest}")
    looks = range(len(protocol.looks))
    own = {repr(run) for setting, arm in protocol.arms() for look in looks for run in protocol.runs(setting, arm, look)}
    seen: set[str] = set()
    for place, config in enumerate(record.configs):
        name = f"run {place}: {config.task}, {config.rule.title}, seed {config.seed}"
        if repr(config) not in own:
            raise invalid("record", name, f"made of runs of protocol {protocol.name}")
        if repr(config) in seen:
            raise invalid("record", name, "made of different runs: this one is in it twice")
        seen.add(repr(config))
        evaluated = record["pass_1"][place]
        if len(evaluated) != config.batches + 1 or math.isnan(evaluated[-1]):
            rows = int(np.isfinite(evaluated).sum())
            raise invalid("record", f"{name}, {rows} evaluations", f"made of whole runs of {config.batches} batches")


def judge(protocol: Protocol, record: Record) -> list[ArmComparison]:
    """Compare all trained arms with the baseline.

    What is decided at a look stays decided; what is not is judged again at the next one, if its runs are there.

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
    decided: dict[tuple[str, str, str], ArmComparison] = {}
    for look in range(len(protocol.looks)):
        for comparison in _judged_at(protocol, record, look):
            key = comparison.setting, comparison.arm, comparison.quantity
            if key not in decided or decided[key].verdict == "undecided":
                decided[key] = comparison
    return list(decided.values())


def _judged_at(protocol: Protocol, record: Record, look: int) -> list[ArmComparison]:
    """Compare the arms whose runs up to a look are all there."""
    places = {repr(config): place for place, config in enumerate(record.configs)}
    found: dict[tuple[str, str], Record] = {}
    for setting, arm in protocol.arms():
        runs = [repr(config) for earlier in range(look + 1) for config in protocol.runs(setting, arm, earlier)]
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
                comparisons += _compare(setting, f"{metric}, {part}", gaps, margin, protocol.level)
    return comparisons


def measured(record: Record, metric: str) -> np.ndarray:
    """Take a metric of all runs by a name of a protocol's margins.

    Args:
        record: The runs.
        metric: A metric, or a metric and a place on its last axis, such as "pass_curve.1".

    Returns:
        ``(R, rows)``.

    Example:
        >>> measured(recorded("main"), "pass_1_by_temperature.1").shape
        (208, 101)
    """
    name, _, place = metric.partition(".")
    return record[name][..., int(place)] if place else record[name]


def _value(protocol: Protocol, record: Record, metric: str, part: str) -> np.ndarray:
    """Compute an endpoint, by seed."""
    values = measured(record, metric)
    known = values[:, ~np.isnan(values).all(axis=0)]
    # A metric of every batch is missing only in the last row; others are from evaluations.
    last = protocol.rules["last_batches" if known.shape[1] >= values.shape[1] - 1 else "last_evaluations"]
    return mean_known(known if part == "run" else known[:, -last:])


def _compare(
    setting: str, quantity: str, gaps: Mapping[str, np.ndarray], margin: float, level: float
) -> list[ArmComparison]:
    """Judge one quantity for all arms of a setting."""
    from scipy.special import stdtr, stdtrit  # scipy.stats would load half of SciPy

    raw = {}
    for arm, gap in gaps.items():  # Student's test of one sample, two-sided
        error = float(gap.std(ddof=1)) / math.sqrt(len(gap))
        raw[arm] = 2 * float(stdtr(len(gap) - 1, -abs(float(gap.mean()) / error))) if error else 1.0
    adjusted, largest = {}, 0.0
    for rank, arm in enumerate(sorted(raw, key=raw.__getitem__)):
        largest = max(largest, min(1.0, (len(raw) - rank) * raw[arm]))
        adjusted[arm] = largest
    result = []
    for arm, gap in gaps.items():
        n, mean = len(gap), float(gap.mean())
        error = float(gap.std(ddof=1)) / math.sqrt(n)
        half = float(stdtrit(n - 1, 1 - level / 2)) * error
        verdict = "undecided"
        if -margin < mean - half and mean + half < margin:
            verdict = "equivalent"
        elif adjusted[arm] < level:
            verdict = "yes" if mean > 0 else "no"
        visible = half + float(stdtrit(n - 1, 0.8)) * error
        result.append(
            ArmComparison(setting, arm, quantity, mean, mean - half, mean + half, adjusted[arm], verdict, visible, n)
        )
    return result
