"""The papers' claims about training, as studies on the toy language model: arms to train, and comparisons of them.

Nothing here was tuned towards a verdict. All arms share the settings of :mod:`~qae_sim.lm.studies.arms`, which were
fixed before the recorded runs were made; the study "regime" varies learning rate, steps per batch and clip range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from qae_sim.arrays import invalid, require_choice
from qae_sim.lm.runs import Record
from qae_sim.lm.studies.arms import SEEDS, SETTINGS, SIZES, Make, Runs, TrainingStudy
from qae_sim.lm.studies.controls import CONTROLS
from qae_sim.lm.studies.entropy import ENTROPY
from qae_sim.lm.studies.evidence import Comparison, Finding
from qae_sim.lm.studies.neighbours import NEIGHBOURS
from qae_sim.lm.studies.recipes import RECIPES

__all__ = [
    "SEEDS",
    "SETTINGS",
    "SIZES",
    "STUDIES",
    "Comparison",
    "Finding",
    "Make",
    "Runs",
    "TrainingStudy",
    "judge",
    "recorded",
]

#: All studies by name; later ones build on earlier ones.
STUDIES: Mapping[str, TrainingStudy] = MappingProxyType(
    {study.name: study for study in (*ENTROPY, *RECIPES, *CONTROLS, *NEIGHBOURS)}
)


def recorded(size: str = "small") -> Record:
    """Read the runs that come with the package: all arms of all studies.

    Args:
        size: ``"small"`` or ``"full"``.

    Returns:
        The runs.

    Raises:
        ValueError: Runs of this size do not come with the package.

    Example:
        >>> len({config.seed for config in recorded().configs})
        5
    """
    path = Path(__file__).parents[1] / "recorded" / f"{require_choice('size', size, tuple(SIZES))}.npz"
    if not path.exists():
        raise invalid("size", size, "'small': no runs of this size come with the package")
    return Record.load(path)


def judge(names: Sequence[str], size: str, record: Record) -> list[Finding]:
    """Judge the claims of some studies by the runs of a record.

    Args:
        names: Names of studies.
        size: ``"small"`` or ``"full"``.
        record: The runs.

    Returns:
        Findings, in the studies' order.

    Raises:
        ValueError: A study is unknown, or the record lacks some of its runs.
    """
    make = Make(size)
    findings = []
    for name in names:
        study = STUDIES[require_choice("study", name, tuple(STUDIES))]
        findings += study.judge(Runs(name, study.arms(make), record))
    return findings
