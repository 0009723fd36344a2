"""Break the code on purpose and see which claim notices: ``python -m qae_sim.dev.mutate``.

``mutants.json`` lists mutants, changes of one line each in ``advantages``, ``softmax`` and ``theory``. Each comes with
the claim whose check notices it (its killer), or with the reason why none does. The command runs the claims' checks
once for each mutant, in a separate process that imports the changed source; no file is changed. It fails if a mutant
survives without a reason, is noticed although a reason says that it is not, or no longer applies.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import click

import qae_sim

ROOT = Path(qae_sim.__file__).parent
LIST = Path(__file__).with_name("mutants.json")

#: Printed by the process of a mutant that no claim notices.
SURVIVED = "survived"


@dataclass(frozen=True)
class Mutant:
    """A change of one line.

    Attributes:
        module: The module, such as ``"qae_sim.softmax.entropy"``.
        old: The original line, without its indentation; it occurs once.
        new: The changed line.
        killer: The claim that notices; empty if none does.
        why: The reason why none does.
    """

    module: str
    old: str
    new: str
    killer: str = ""
    why: str = ""

    def source(self) -> str:
        """Return the module's source with the change.

        Raises:
            ValueError: The line does not occur exactly once.
        """
        text = ROOT.joinpath(*self.module.split(".")[1:]).with_suffix(".py").read_text("utf-8")
        lines = text.split("\n")
        places = [place for place, line in enumerate(lines) if line.strip() == self.old]
        if len(places) != 1:
            raise ValueError(f"{self.module} has the line {self.old!r} {len(places)} times, not once")
        (place,) = places
        indentation = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        return "\n".join([*lines[:place], indentation + self.new, *lines[place + 1 :]])


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]  # as its stubs are
    """Imports one module from changed source."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.text = module, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        file = str(ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py"))
        return importlib.util.spec_from_file_location(name, file, loader=self)

    def get_filename(self, fullname: str) -> str:
        return str(ROOT.joinpath(*fullname.split(".")[1:]).with_suffix(".py"))

    def get_data(self, path: str | bytes) -> bytes:
        return self.text.encode()


def _notice(mutant: Mutant, quick: bool, only: bool) -> str:
    """Find in this process the first claim that notices; the recorded killer is checked first."""
    sys.meta_path.insert(0, _Changed(mutant.module, mutant.source()))
    try:
        from qae_sim.theory import all_claims

        claims = all_claims()
    except Exception:  # if the module cannot be imported, every claim notices
        return mutant.killer or "import"
    first = [mutant.killer] if mutant.killer in claims else []
    for id in first if only else dict.fromkeys([*first, *claims]):
        claim = claims[id]
        try:
            outcome = claim.check(quick)
        except Exception:  # an error counts as noticed, too
            return id
        if outcome.verdict is not claim.expected or outcome.tier is not claim.tier:
            return id
    return SURVIVED


def notice(mutant: Mutant, *, quick: bool = False, only: bool = False, timeout: float = 600) -> str:
    """Run the claims' checks with a mutant, in a separate process.

    Args:
        mutant: The mutant.
        quick: Check smaller ranges.
        only: Check only the recorded killer.
        timeout: Seconds after which a check that does not end counts as noticing the mutant.

    Returns:
        The claim that notices; ``"survived"`` if none does.

    Raises:
        ValueError: The mutant no longer applies.
    """
    mutant.source()
    command = [sys.executable, "-m", "qae_sim.dev.mutate", "--one", json.dumps(asdict(mutant))]
    command += ["--quick"] * quick + ["--only"] * only
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return mutant.killer or "timeout"
    return done.stdout.strip().rpartition("\n")[2]


def mutants() -> tuple[Mutant, ...]:
    """Read all mutants of the list."""
    return tuple(Mutant(**entry) for entry in json.loads(LIST.read_text("utf-8")))


@click.command()
@click.option("--quick", is_flag=True, help="Check smaller ranges.")
@click.option("--only", is_flag=True, help="Check only the recorded killer of each mutant.")
@click.option("--one", hidden=True, help="Run in the process of this mutant.")
def main(quick: bool, only: bool, one: str | None) -> None:
    """Run the claims' checks once for each mutant, and compare the claim that notices with the list."""
    if one is not None:
        click.echo(_notice(Mutant(**json.loads(one)), quick, only))
        return
    wrong = 0
    for mutant in mutants():
        if only and not mutant.killer:
            continue
        try:
            found = notice(mutant, quick=quick, only=only)
        except ValueError as error:
            found = f"no longer applies: {error}"
        right = found == (mutant.killer or SURVIVED)
        wrong += not right
        click.echo(f"{'ok   ' if right else 'WRONG'} {mutant.module}: {mutant.old} -> {mutant.new}: {found}")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
