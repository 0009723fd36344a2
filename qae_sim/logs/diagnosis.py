"""A diagnosis of a finished run, from its log: a verdict, findings with their evidence, and what to change first."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.logs.advice import Advice, advice_from
from qae_sim.logs.data_sources import by_data_source
from qae_sim.logs.digest import KS, Digest
from qae_sim.logs.findings import FINDINGS, RunEvidence, RunFinding

#: Version of what :func:`report_values` gives; it grows when an entry changes its meaning or goes.
SCHEMA = 1


@dataclass(frozen=True)
class Diagnosis:
    """What a log says about its run.

    Attributes:
        findings: Everything that was looked for.
        advice: What to change, most important first.
    """

    findings: tuple[RunFinding, ...]
    advice: tuple[Advice, ...]

    @property
    def verdict(self) -> str:
        """The most important sentence."""
        if self.advice:
            return f"What to change first: {self.advice[0].advice} {self.advice[0].reason}"
        unknown = [one.name for one in self.findings if one.state == "cannot tell"]
        said = f" It cannot tell about {', '.join(unknown)}." if unknown else ""
        return f"Nothing in this log calls for a change.{said}"

    def __getitem__(self, name: str) -> RunFinding:
        """A finding by name."""
        for one in self.findings:
            if one.name == name:
                return one
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values: ``verdict``, ``findings`` and ``advice``; unknown numbers are None."""
        values: dict[str, Any] = plain({"verdict": self.verdict, **asdict(self)})
        return values


def plain(value: Any) -> Any:
    """Turn tuples into lists, and numbers that JSON does not have into None.

    Args:
        value: Plain values, nested as they may be.

    Returns:
        The same for JSON.

    Example:
        >>> plain({"low": float("nan"), "names": ("a", "b")})
        {'low': None, 'names': ['a', 'b']}
    """
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float | int) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return value


def diagnose(found: Digest, *, seed: int = 0) -> Diagnosis:
    """Look for everything in :data:`~qae_sim.logs.findings.FINDINGS`, and say what to change first.

    Args:
        found: The digest of a log.
        seed: Seed of the bootstraps, >= 0; the same digest and seed give the same numbers.

    Returns:
        The diagnosis.

    Raises:
        ValueError: The digest has no rewards of its groups.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> found = diagnose(digest(recorded_log()))
        >>> found["trainer"].state, found["learning"].state, found["entropy"].state
        ('known', 'rises', 'cannot tell')
    """
    if found.rewards is None:
        raise invalid("found", Path(found.source).name, "a digest with the rewards of its groups, as digest() makes it")
    seen = RunEvidence(found, seed)
    findings = tuple(look(seen) for look in FINDINGS)
    return Diagnosis(findings, advice_from(findings))


def report_values(found: Digest, diagnosis: Diagnosis) -> dict[str, Any]:
    """All that ``qae-sim inspect --json`` says, as plain values.

    Args:
        found: The digest of a log.
        diagnosis: Its diagnosis.

    Returns:
        ``schema`` (:data:`SCHEMA`), ``run`` (its name, without folders), ``reading``, ``trouble``, ``group_size``,
        ``diagnosis``, ``over_training`` (lists with an entry for each step) and ``data_sources`` (the same numbers for
        each, none for a run of one).

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.digest import digest
        >>> log = digest(recorded_log())
        >>> list(report_values(log, diagnose(log)))
        ['schema', 'run', 'reading', 'trouble', 'group_size', 'diagnosis', 'over_training', 'data_sources']
    """
    names = ("steps", "responses", "reward", "length", "degenerate", "anchor", "lifted")
    over_training = {name: getattr(found, name).tolist() for name in names}
    over_training["silenced"] = {f"{k:g}": found.silenced[:, i].tolist() for i, k in enumerate(KS)}
    over_training["metrics"] = {
        name: {"column": one.column, "steps": one.steps.tolist(), "values": one.values.tolist()}
        for name, one in found.metrics.items()
    }
    counts = found.trouble.counts.items()
    values: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "run": Path(found.source).name,
            "reading": None if found.reading is None else asdict(found.reading),
            "trouble": {kind: {"count": count, "first": found.trouble.first[kind]} for kind, count in counts},
            "group_size": found.group_size,
            "diagnosis": diagnosis.as_json(),
            "over_training": over_training,
            "data_sources": [asdict(part) for part in by_data_source(found)],
        }
    )
    return values
