"""Certificates: what of a claim can be checked without this package, by ``check.py`` and Python's standard library.

A certificate is a tuple of parts. Each states something of numbers in the small language that the docstring of
:mod:`qae_sim.theory.check` describes, so that a reader can compare it with the claim; what connects the two is in the
claim's proof text. The modules of this package, one for each paper, hold ``CERTIFICATES``, parts by claim, and
``NONE``, reasons by claim why it has none. They are imported when a certificate is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import qae_sim
from qae_sim.arrays import invalid
from qae_sim.records import dataclass
from qae_sim.storage import write_atomically

if TYPE_CHECKING:
    from qae_sim.theory.claim import Claim

Texts = Mapping[str, str]
#: Ends of a range, as expressions.
Range = tuple[str, str]
#: What is drawn at random: whole numbers between ints, fractions between texts.
Draw = Mapping[str, tuple[int, int] | Range]


@dataclass(frozen=True)
class Tie:
    """A function of this package that an expression of a certificate must agree with, which a test checks at random.

    Attributes:
        expression: In the names of the part.
        function: Called with the drawn values by name; its answer is a float.
        draw: For each name the two ends of the values to draw: whole numbers between ints, fractions between texts.
        within: The largest relative error.
    """

    expression: str
    function: Callable[..., float]
    draw: Draw
    within: float = 1e-9


@dataclass(frozen=True)
class Part:
    """One statement of a certificate; the classes below say what is done with it.

    Attributes:
        says: What it states, in words.
        statement: The statement.
        where: Definitions that it uses, of names ("b") and of functions ("f(x, n)").
        cases: Names and the values that each takes, in all combinations; later ones may depend on earlier ones.
        only: A condition that a case must satisfy.
        count: Number of cases.
        ties: Functions of this package that expressions must agree with; they are not written to the file.
    """

    kind: ClassVar[str]

    says: str
    statement: str
    where: Texts = field(default_factory=dict)
    cases: Texts = field(default_factory=dict)
    only: str = ""
    count: int = 1
    ties: tuple[Tie, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without what is empty."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "ties"}
        return {"kind": self.kind} | {name: value for name, value in plain.items() if value not in ({}, (), "", 1)}


@dataclass(frozen=True)
class Enumeration(Part):
    """A statement that is true in every case, by exact fractions and rigorous intervals."""

    kind: ClassVar[str] = "enumeration"


@dataclass(frozen=True)
class Counterexample(Part):
    """A statement that the claim makes, or that follows from it, and that is false at these values.

    Attributes:
        at: The values.
    """

    kind: ClassVar[str] = "counterexample"
    at: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class Identity(Part):
    """An equation that holds as an identity of rational functions, wherever no denominator is 0.

    Attributes:
        variables: Their names.
    """

    kind: ClassVar[str] = "identity"
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sign(Part):
    """Inequalities of polynomials or rational functions of one variable that hold inside an open interval.

    Attributes:
        over: The variable, and the ends of its interval.
    """

    kind: ClassVar[str] = "sign"
    over: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True)
class Box(Part):
    """A statement that holds for all values of variables in closed intervals; roots, exp and log may be in it.

    Attributes:
        over: Variables, and the ends of their intervals.
    """

    kind: ClassVar[str] = "box"
    over: Mapping[str, Range] = field(default_factory=dict)


def certificate(id: str) -> tuple[Part, ...]:
    """The certificate of a claim.

    Args:
        id: Identifier of the claim.

    Returns:
        Its parts; none if it has no certificate.

    Example:
        >>> [part.kind for part in certificate("estimators.rloo-unbiased")]
        ['identity', 'identity']
    """
    return _of_paper(id)[0].get(id, ())


def why_none(id: str) -> str:
    """Why a claim has no certificate.

    Args:
        id: Identifier of the claim.

    Returns:
        The reason; empty where it has one, or where none has been written.

    Example:
        >>> why_none("estimators.rloo-unbiased")
        ''
    """
    return _of_paper(id)[1].get(id, "")


def _of_paper(id: str) -> tuple[Mapping[str, tuple[Part, ...]], Mapping[str, str]]:
    """Certificates, and reasons why there are none, of the claims of the paper of this claim."""
    name = f"{__name__}.{id.partition('.')[0].replace('-', '_')}"
    if find_spec(name) is None:
        return {}, {}
    module = import_module(name)
    return module.CERTIFICATES, getattr(module, "NONE", {})


def certificate_text(claim: Claim) -> str:
    """The file of a claim's certificate, as JSON.

    Args:
        claim: The claim.

    Returns:
        What the file holds.

    Raises:
        ValueError: The claim has no certificate.

    Example:
        >>> from qae_sim.theory import all_claims
        >>> print(certificate_text(all_claims()["estimators.rloo-unbiased"])[:41])
        {
          "claim": "estimators.rloo-unbiased",
    """
    if not claim.certificate:
        raise invalid("claim", claim.id, "a claim with a certificate")
    content = {
        "claim": claim.id,
        "paper": claim.paper.cite,
        "where_in_it": claim.equation,
        "statement": claim.statement,
        "latex": claim.latex,
        "assumptions": list(claim.assumptions),
        "verdict": str(claim.expected),
        "reach": str(claim.tier),
        "condition": claim.condition,
        "proof": claim.proof.splitlines(),
        "parts": [part.to_dict() for part in claim.certificate],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def write_certificates(claims: Sequence[Claim], folder: Path) -> tuple[str, ...]:
    """Write the certificates of claims, an index with checksums, and the program that checks them.

    ``python FOLDER/check.py FOLDER`` then confirms them, with Python's standard library alone. The index is written
    last, and each file as a whole or not at all; files of an earlier index that are no longer needed are removed.

    Args:
        claims: The claims; for those that have no certificate the index says why.
        folder: Where to; it is made if it is missing.

    Returns:
        Identifiers of the claims whose certificates were written.

    Raises:
        OSError: A file cannot be written.
        ValueError: The folder holds files, and none of them is an index of certificates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.json"
    if any(folder.iterdir()) and not index.is_file():
        raise invalid("folder", str(folder), "empty, new, or a folder of certificates, which has an index.json")
    written = {f"{claim.id}.json": certificate_text(claim).encode() for claim in claims if claim.certificate}
    if index.is_file():
        old = json.loads(index.read_text(encoding="utf-8")).get("checksums", {})
        index.unlink()
        for name in set(old) - set(written):
            (folder / Path(name).name).unlink(missing_ok=True)
    for name, content in written.items():
        write_atomically(folder / name, content)
    write_atomically(folder / "check.py", files("qae_sim.theory").joinpath("check.py").read_bytes())
    about = {
        "version": qae_sim.__version__,
        "checksums": {name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
        "without": {claim.id: _reason(claim) for claim in claims if not claim.certificate},
    }
    write_atomically(index, (json.dumps(about, ensure_ascii=False, indent=2) + "\n").encode())
    return tuple(claim.id for claim in claims if claim.certificate)


def _reason(claim: Claim) -> str:
    """Why a claim has no certificate."""
    if not claim.tier.exact:
        return f"the claim is {claim.tier}"
    return claim.uncertified or "none has been written"
