"""Break the code on purpose and see which claim notices: ``python -m qae_sim.dev.mutate``.

``mutants.json`` lists changes of one line each in ``advantages``, ``softmax`` and ``theory``, with the claim whose
check is known to notice (its killer) or, for one that none notices, why. The command runs ``verify`` once per mutant,
in a process of its own that reads the changed line in the place of the true one; no file is touched. It fails if a
mutant survives without a reason, is noticed although a reason says that it is not, or no longer applies.
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

#: What the process of a mutant prints.
SURVIVED = "survived"


@dataclass(frozen=True)
class Mutant:
    """A change of one line.

    Attributes:
        module: The module, such as ``"qae_sim.softmax.entropy"``.
        old: The line as it is, without its indentation; it stands there once.
        new: The line as it is changed.
        killer: The claim that notices; empty if none does.
        why: Why none does.
    """

    module: str
    old: str
    new: str
    killer: str = ""
    why: str = ""

    def source(self) -> str:
        """The module's source with the change.

        Raises:
            ValueError: The line is not there, or more than once.
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
    """The first claim that notices, in this process; the recorded killer is asked first."""
    sys.meta_path.insert(0, _Changed(mutant.module, mutant.source()))
    try:
        from qae_sim.theory import all_claims

        claims = all_claims()
    except Exception:  # a module that does not even load is noticed by every claim
        return mutant.killer or "import"
    first = [mutant.killer] if mutant.killer in claims else []
    for id in first if only else dict.fromkeys([*first, *claims]):
        claim = claims[id]
        try:
            outcome = claim.check(quick)
        except Exception:  # so is an error
            return id
        if outcome.verdict is not claim.expected or outcome.tier is not claim.tier:
            return id
    return SURVIVED


def notice(mutant: Mutant, *, quick: bool = False, only: bool = False, timeout: float = 600) -> str:
    """Run ``verify`` with a mutant, in a process of its own.

    Args:
        mutant: The mutant.
        quick: Smaller ranges.
        only: Ask the recorded killer only.
        timeout: Seconds after which a mutant that makes a check run on counts as noticed.

    Returns:
        The claim that notices, ``"survived"`` if none does.

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
    """All mutants of the list."""
    return tuple(Mutant(**entry) for entry in json.loads(LIST.read_text("utf-8")))


@click.command()
@click.option("--quick", is_flag=True, help="Smaller ranges.")
@click.option("--only", is_flag=True, help="Ask the recorded killer of each mutant only.")
@click.option("--one", hidden=True, help="Run in the process of this mutant.")
def main(quick: bool, only: bool, one: str | None) -> None:
    """Run the claims' checks once for each mutant, and compare what notices with the list."""
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
