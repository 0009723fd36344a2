"""Certificates: what of a claim can be checked without this package, by ``check.py`` and Python's standard library.

A certificate is a tuple of parts. Each states something of numbers in the small language that the docstring of
:mod:`qae_sim.theory.check` describes, so that a reader can compare it with the claim; what connects the two is in the
claim's proof text. The modules of this package, one for each paper, hold ``CERTIFICATES``, parts by claim, and
``NONE``, reasons by claim why it has none. They are imported when a certificate is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from qae_sim.frozen import dataclass

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

    def lines(self) -> list[str]:
        """The statement and what belongs to it, for a reader.

        Example:
            >>> part = Counterexample("a square is its root", "n**2 == n", where={"n": "m + 1"}, at={"m": "2"})
            >>> print(*part.lines(), sep=chr(10))
            false: n**2 == n
              where n = m + 1
              at m = 2
        """
        plain = self.to_dict()
        lines = [f"{'false' if self.kind == 'counterexample' else 'true'}: {self.statement}"]
        lines += [f"  where {name} = {body}" for name, body in self.where.items()]
        lines += [f"  for {name} in {values}" for name, values in self.cases.items()]
        lines += [f"  only {self.only}"] if self.only else []
        lines += [f"  in {self.count} cases"] if self.count > 1 else []
        lines += [f"  at {name} = {text}" for name, text in plain.get("at", {}).items()]
        lines += [f"  for every {', '.join(plain['variables'])}"] if "variables" in plain else []
        between, to = ("between", "and") if self.kind == "sign" else ("from", "to")
        lines += [
            f"  for every {name} {between} {low} {to} {high}" for name, (low, high) in plain.get("over", {}).items()
        ]
        return lines


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
