"""Claims that the proof assistant Coq has checked, and the command that checks them again.

Theorems are in the ``.v`` files of this folder, one for each claim, named after it; ``theorems.toml`` lists them with
the axioms that each rests on. ``python -m qae_sim.theory.coq`` compiles all and compares; with ``--record`` it then
writes the files' checksums to ``compiled.toml``. A check rests on a theorem by :func:`machine_checked`, which needs no
Coq: it compares the files with those that were compiled.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.frozen import dataclass
from qae_sim.theory.claim import Evidence, Method

FOLDER = Path(__file__).parent

INSTALL = "with Debian or Ubuntu: apt-get install coq libcoq-coquelicot"


class CoqMissingError(RuntimeError):
    """Coq or its library Coquelicot is not installed."""


class CoqRejectedError(RuntimeError):
    """Coq does not accept a file."""


class CoqNotCompiledError(RuntimeError):
    """A file is not the one that Coq has compiled."""


@dataclass(frozen=True)
class CoqTheorem:
    """A theorem, and the claim that it proves or refutes.

    Attributes:
        claim: The claim's identifier.
        path: The file.
        name: The theorem's name in it.
        axioms: Full names of the axioms that it may rest on, which make the standard library's real numbers.
        refutes: Whether it proves that the claim is false.
    """

    claim: str
    path: Path
    name: str
    axioms: frozenset[str]
    refutes: bool

    @property
    def statement(self) -> str:
        """What is proved, in Coq's language.

        Example:
            >>> print(theorems()["qae.eq4"].statement)
            Theorem qae_eq4 : forall r K, r <> [] -> binary r -> 0 < K < 1 ->
              is_quantile K r (quantile_baseline K (average r)).
        """
        return self._found.group("statement").rstrip()

    @property
    def proof(self) -> str:
        """The proof, in Coq's language.

        Example:
            >>> theorems()["qae.eq4"].proof.splitlines()[-1]
            'Qed.'
        """
        after = self._text[self._found.end() :]
        return after[: after.index("Qed.") + len("Qed.")]

    @property
    def words(self) -> str:
        """What is proved, in words: the comment above the theorem.

        Example:
            >>> print(theorems()["qae.eq4"].words)
            For binary rewards the K-quantile is 0 if the success rate is at most 1 - K, and 1 otherwise.
        """
        return " ".join(self._found.group("words").split())

    @property
    def context(self) -> str:
        """What the statement takes as given: variables, hypotheses and abbreviations of the sections around it.

        Example:
            >>> print(theorems()["qae.eq5"].context)
            Context {Y : Type}.
            Variables (g : list Y) (reward score : Y -> R).
            Hypothesis Hbinary : binary rewards.
            Hypothesis Hmixed : 0 < average rewards < 1.
            Let p := average rewards.
            >>> theorems()["qae.eq4"].context
            ''
        """
        given: list[list[str]] = [[]]
        for line in re.findall(
            r"^(?:Section|End|Context|Variables?|Hypothes[ie]s|Let)\b[^\0]*?\.$", self._before, re.M
        ):
            word = line.split()[0]
            if word == "Section":
                given.append([])
            elif word == "End":
                given.pop()
            else:
                given[-1].append(line)
        return "\n".join(line for section in given for line in section)

    @property
    def _before(self) -> str:
        """The file up to the theorem."""
        return self._text[: self._found.start("statement")]

    @property
    def _text(self) -> str:
        """The file."""
        return self.path.read_text(encoding="utf-8")

    @property
    def _found(self) -> re.Match[str]:
        """The theorem's comment and its statement."""
        pattern = rf"\(\*\*(?P<words>(?:(?!\*\)).)*)\*\)\n(?P<statement>Theorem {self.name}\b.*?)(?=^Proof\b)"
        found = re.search(pattern, self._text, re.M | re.S)
        if found is None:
            raise invalid("theorem", self.name, f"one of {self.path.name}, below a comment that says it in words")
        return found


@dataclass(frozen=True)
class CoqOutcome:
    """A theorem that Coq has accepted.

    Attributes:
        theorem: The theorem.
        axioms: What it rests on, as Coq says.
    """

    theorem: CoqTheorem
    axioms: frozenset[str]

    @property
    def as_expected(self) -> bool:
        """Whether it rests on the axioms of the table, on all of them and on no others."""
        return self.axioms == self.theorem.axioms


def theorems(folder: Path = FOLDER) -> dict[str, CoqTheorem]:
    """All theorems by the identifiers of their claims, in the order of the table.

    Args:
        folder: Where the files and their table are.

    Returns:
        The theorems.

    Example:
        >>> theorem = theorems()["ha-dw.theorem1"]
        >>> theorem.path.name, theorem.name
        ('mixed_groups.v', 'ha_dw_theorem1')
    """
    table = _table(folder)
    full = table["axioms"]
    return {
        claim: CoqTheorem(
            claim,
            folder / row["file"],
            re.sub("[.-]", "_", claim),
            frozenset(full[axiom] for axiom in row["axioms"]),
            row.get("refutes", False),
        )
        for claim, row in table["theorems"].items()
    }


def check(folder: Path = FOLDER) -> tuple[CoqOutcome, ...]:
    """Compile all files in a temporary folder, and ask Coq which axioms each theorem rests on.

    Args:
        folder: Where the files and their table are.

    Returns:
        One outcome for each theorem.

    Raises:
        CoqMissingError: Coq or Coquelicot is not installed.
        CoqRejectedError: A file is not accepted; the message is Coq's.
    """
    known = tuple(theorems(folder).values())
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        for name in _table(folder)["files"]:
            shutil.copy(folder / name, place)
            _coqc(place, name)
        modules = " ".join(dict.fromkeys(theorem.path.stem for theorem in known))
        questions = "\n".join(f"Print Assumptions {theorem.path.stem}.{theorem.name}." for theorem in known)
        (place / "axioms.v").write_text(f"From QAE Require {modules}.\n{questions}\n", encoding="utf-8")
        found = _axioms(_coqc(place, "axioms.v"))
    return tuple(CoqOutcome(theorem, axioms) for theorem, axioms in zip(known, found, strict=True))


def machine_checked(claim: str, folder: Path = FOLDER) -> Evidence:
    """The theorem of a claim as evidence, by which it reaches all values.

    Whether the theorem says what the claim says is for the reader: ``qae-sim verify --claim`` prints both.

    Args:
        claim: The claim's identifier.
        folder: Where the files, their table and the record of what was compiled are.

    Returns:
        The evidence: that the theorem is proved, or, where it refutes the claim, that the claim is false.

    Raises:
        ValueError: No theorem belongs to the claim.
        CoqNotCompiledError: Its file, or one that it may rest on, has changed since Coq compiled it.

    Example:
        >>> evidence = machine_checked("qae.eq4")
        >>> evidence.tier.value, evidence.holds.name
        ('proved for all values', 'YES')
    """
    known = theorems(folder)
    if claim not in known:
        raise invalid("claim", claim, "the identifier of a claim with a theorem in theorems.toml")
    theorem = known[claim]
    order = _table(folder)["files"]
    for name in order[: order.index(theorem.path.name) + 1]:
        if _compiled(folder).get(name) != _checksum(folder / name):
            raise CoqNotCompiledError(
                f"{name} is not the file that Coq has compiled, so that {theorem.name} is not proved: "
                "python -m qae_sim.theory.coq --record compiles it"
            )
    return Evidence(
        f"Coq has checked the theorem {theorem.name}" + (", which says the opposite" if theorem.refutes else ""),
        "all values that the theorem names",
        Method.COQ,
        not theorem.refutes,
        counterexample={"theorem": theorem.name} if theorem.refutes else {},
    )


def record(folder: Path = FOLDER) -> None:
    """Write down the checksums of all files, once Coq has compiled them.

    Args:
        folder: Where the files and their table are.
    """
    lines = [f'"{name}" = "{_checksum(folder / name)}"' for name in _table(folder)["files"]]
    text = "# SHA-256 of the files as Coq compiled them; python -m qae_sim.theory.coq --record writes this.\n"
    (folder / "compiled.toml").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


def not_recorded(folder: Path = FOLDER) -> list[str]:
    """Name the files that are not those whose checksums are recorded.

    Args:
        folder: Where the files, their table and the record are.

    Returns:
        File names.

    Example:
        >>> not_recorded()
        []
    """
    return [name for name in _table(folder)["files"] if _compiled(folder).get(name) != _checksum(folder / name)]


@cache
def _compiled(folder: Path) -> dict[str, str]:
    """Checksums of the files that Coq has compiled."""
    path = folder / "compiled.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@cache
def _checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _table(folder: Path) -> dict[str, Any]:
    """The table as it is written."""
    return tomllib.loads((folder / "theorems.toml").read_text(encoding="utf-8"))


def _coqc(place: Path, name: str) -> str:
    """Compile a file, and return what Coq prints."""
    # Coquelicot warns of its own coercions, which are nothing to us.
    command = ["coqc", "-q", "-w", "-ambiguous-paths", "-Q", ".", "QAE", name]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CoqMissingError(f"there is no command coqc; {INSTALL}") from error
    if done.returncode and re.search(r"Coquelicot", done.stderr) and "physical path" in done.stderr:
        raise CoqMissingError(f"Coq does not find its library Coquelicot; {INSTALL}")
    if done.returncode:
        raise CoqRejectedError(f"Coq does not accept {name}:\n{done.stderr.strip()}")
    return done.stdout


def _axioms(printed: str) -> list[frozenset[str]]:
    """The axioms of each theorem, from what ``Print Assumptions`` prints: names stand at the beginning of a line."""
    blocks = re.split(r"^(?:Axioms:|Closed under the global context)\n", printed, flags=re.M)[1:]
    return [frozenset(re.findall(r"^(\S+)(?: :.*)?$", block, re.M)) for block in blocks]
