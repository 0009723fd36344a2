"""The result of a simulation: records with named axes, in memory and in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qae_sim.arrays import invalid
from qae_sim.bandits.study import Study
from qae_sim.storage import Layout, read_archive, write_archive

#: The format that files of results state.
_LAYOUT = Layout("qae_sim.bandits.Result", 1, "a result of a simulation")


@dataclass(frozen=True, eq=False)
class Result:
    """Records of the runs of a study.

    Attributes:
        study: What was simulated, seed included.
        runs: Numbers of the runs, the second axis of records.
        steps: Step of each row of the records, ``(S,)``, see :class:`~qae_sim.bandits.Study`.
        records: Records by name, each ``(S, R)``.
        parameters: Parameters after the last step, ``(*start, R)`` with the axes of the problem's ``start``. Logits
            are shifted so that the largest of each prompt (or position) is 0.
        version: Version of qae_sim that ran the simulation.
        library: The library that it ran on, ``"numpy"``, ``"numba"`` or ``"cupy"``: the same bits need the same one.

    Raises:
        ValueError: Steps, records or parameters do not have the names, shapes or type that the study asks for.

    Example:
        >>> from qae_sim.bandits import Bandit, simulate
        >>> result = simulate(Study(Bandit.uniform(10, 3), steps=20, runs=4, every=5))
        >>> result.steps.tolist(), result["success"].shape
        ([0, 5, 10, 15], (4, 4))
    """

    study: Study
    runs: range
    steps: np.ndarray
    records: Mapping[str, np.ndarray]
    parameters: np.ndarray
    version: str
    library: str = "numpy"

    def __post_init__(self) -> None:
        expected = np.arange(0, self.study.steps, self.study.every)
        if not np.array_equal(self.steps, expected):
            raise invalid("steps", self.steps, f"0, {self.study.every}, ... below {self.study.steps}")
        if set(self.records) != set(self.study.records):
            raise invalid("records", sorted(self.records), f"those of the study, {sorted(self.study.records)}")
        shape = (len(self.steps), len(self.runs))
        for name, record in self.records.items():
            if record.shape != shape or record.dtype != np.float64:
                raise invalid(f"record {name!r}", (record.shape, str(record.dtype)), f"of shape {shape}, float64")
        start = np.shape(self.study.problem.start)
        if self.parameters.shape != (*start, len(self.runs)) or self.parameters.dtype != np.float64:
            got = (self.parameters.shape, str(self.parameters.dtype))
            raise invalid("parameters", got, f"of shape {(*start, len(self.runs))}, float64")

    def __getitem__(self, name: str) -> np.ndarray:
        """A record, ``(S, R)``."""
        if name not in self.records:
            raise KeyError(f"{name!r} was not recorded; there are {', '.join(self.records)}. See Study(records=...)")
        return self.records[name]

    def to_pandas(self) -> Any:
        """Arrange the records in a table.

        Returns:
            A ``pandas.DataFrame`` with one row for each step and run (its index) and one column for each record.

        Raises:
            ModuleNotFoundError: pandas is not installed.

        Example:
            >>> from qae_sim.bandits import Bandit, simulate
            >>> table = simulate(Study(Bandit.uniform(10, 3), steps=3, runs=2)).to_pandas()
            >>> table.index.names, list(table.columns), len(table)
            (FrozenList(['step', 'run']), ['entropy', 'success'], 6)
        """
        pandas = import_pandas()
        index = pandas.MultiIndex.from_product([self.steps, list(self.runs)], names=["step", "run"])
        return pandas.DataFrame({name: record.reshape(-1) for name, record in self.records.items()}, index=index)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file in one step: after a crash the old file or the new one is there, complete.

        The file is a NumPy archive (npz) of plain arrays, with a checksum; the study is in it as JSON.

        Args:
            path: The file; an existing one is replaced.

        Raises:
            OSError: The file cannot be written.
        """
        about = {
            "version": self.version,
            "library": self.library,
            "study": self.study.to_dict(),
            "runs": [self.runs.start, self.runs.stop],
        }
        arrays = {"parameters": self.parameters} | {f"record.{name}": record for name, record in self.records.items()}
        write_archive(Path(path), _LAYOUT, about, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read what :meth:`save` wrote.

        Args:
            path: The file.

        Returns:
            The same result, bit by bit. An estimator that was a function is known by its name only.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no result, is cut short or damaged, or comes from a later version.
        """
        try:
            return cls(**_read(Path(path)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{os.fspath(path)} is not a result that qae_sim can read: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    """Read the fields of a result."""
    about, arrays = read_archive(path, _LAYOUT)
    try:
        study = Study.from_dict(about["study"])
        return {
            "study": study,
            "runs": range(*about["runs"]),
            "steps": np.arange(0, study.steps, study.every),
            "records": {name: arrays[f"record.{name}"] for name in study.records},
            "parameters": arrays["parameters"],
            "version": str(about["version"]),
            "library": str(about.get("library", "numpy")),  # earlier files do not say it
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its parts do not fit ({error})") from error


def import_pandas() -> Any:
    """Import pandas, or say how to get it.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tables need pandas, which this Python does not have: pip install 'qae_sim[lab]'", name="pandas"
        ) from error
    return pandas
