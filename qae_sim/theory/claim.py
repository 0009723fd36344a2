"""What a claim is: a sentence of a paper, its assumptions, and a check that can be run.

A check looks at one or several things and says of each whether it holds (:class:`Evidence`); :func:`conclude` makes a
verdict of them. No check writes its verdict down. The claim names the verdict that is expected, and ``qae-sim verify``
fails when the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.papers import Paper


class Verdict(StrEnum):
    """What a check has found."""

    CERTIFIED = "certified"  #: it holds as stated
    CONDITIONAL = "conditional"  #: as stated it fails; under one more condition, which is named, it holds
    REFUTED = "refuted"  #: there is a counterexample
    STATISTICAL = "statistical"  #: samples agree with it, and nothing stronger is known
    UNDECIDED = "undecided"  #: the arithmetic was not sharp enough
    OPEN = "open"  #: not checked, for a reason that is given


class Method(StrEnum):
    """How something was computed, strongest first."""

    CASES = "exact arithmetic over all cases"
    SYMBOLIC = "symbolic identity"
    ROOTS = "exact real-root isolation"
    INTERVALS = "interval arithmetic"
    PRECISION = "high-precision evaluation"
    SAMPLES = "Monte Carlo"
    FLOATS = "floating point"  #: ties a function of this project to the exact form; no part of the proof


@dataclass(frozen=True)
class Evidence:
    """One thing that a check has looked at.

    Attributes:
        what: What was computed, as a sentence that ``holds`` says yes or no to.
        over: The range it was computed over.
        method: How.
        holds: Whether it holds; None where the arithmetic could not decide.
        margin: How far from failing it is, as text with all digits; empty where that has no meaning.
        counterexample: Numbers at which it fails, in a reader's units, empty if it holds.
        figures: Further numbers worth knowing, by name.
    """

    what: str
    over: str
    method: Method
    holds: bool | None
    margin: str = ""
    counterexample: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.holds is not None:  # comparisons of arrays give NumPy's booleans
            object.__setattr__(self, "holds", bool(self.holds))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("what", "over", "method", "holds", "margin")}
        plain["method"] = str(self.method)
        return plain | {"counterexample": dict(self.counterexample), "figures": dict(self.figures)}


@dataclass(frozen=True)
class CheckOutcome:
    """What a check has found.

    Attributes:
        verdict: The verdict.
        evidence: What it rests on.
        condition: Under which the claim holds, where the verdict is ``conditional``; why it is ``open``.
    """

    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    condition: str = ""

    @property
    def method(self) -> str:
        """The weakest method that the verdict rests on; empty where nothing was computed."""
        decisive = [item for item in self.evidence if item.method is not Method.FLOATS]
        if self.verdict is Verdict.REFUTED:  # one counterexample is enough
            decisive = [item for item in self.evidence if item.holds is False]
        order = list(Method)
        return str(max((item.method for item in decisive), key=order.index)) if decisive else ""

    @property
    def counterexample(self) -> Mapping[str, Any]:
        """The first counterexample; empty if there is none."""
        return next((item.counterexample for item in self.evidence if item.counterexample), {})


def conclude(*literal: Evidence, under: Sequence[Evidence] = (), condition: str = "") -> CheckOutcome:
    """Make a verdict of what was found.

    Everything in ``literal`` must hold for the claim to hold as stated. Where it does not, ``under`` tells whether it
    holds under the further condition.

    Args:
        literal: What the claim says as it is stated.
        under: What was found under the condition.
        condition: The condition, in words.

    Returns:
        The outcome.

    Raises:
        ValueError: There is no evidence, or evidence under a condition without the condition, or the reverse.

    Example:
        >>> squares = Evidence("n² = n", "n in 0..9", Method.CASES, False, counterexample={"n": 2})
        >>> bits = Evidence("n² = n", "n in 0..1", Method.CASES, True)
        >>> conclude(squares).verdict, conclude(squares, under=[bits], condition="n is a bit").verdict
        (<Verdict.REFUTED: 'refuted'>, <Verdict.CONDITIONAL: 'conditional'>)
    """
    if not literal:
        raise invalid("literal", literal, "at least one piece of evidence")
    if bool(under) != bool(condition):
        raise invalid("condition", condition, "given together with the evidence under it")
    evidence = (*literal, *under)
    holds = _all_hold(literal)
    if holds is None:
        return CheckOutcome(Verdict.UNDECIDED, evidence)
    if holds:
        sampled = any(item.method is Method.SAMPLES for item in literal)
        return CheckOutcome(Verdict.STATISTICAL if sampled else Verdict.CERTIFIED, literal)
    saved = _all_hold(under) if under else False
    if saved is None:
        return CheckOutcome(Verdict.UNDECIDED, evidence)
    return CheckOutcome(Verdict.CONDITIONAL, evidence, condition) if saved else CheckOutcome(Verdict.REFUTED, evidence)


def _all_hold(evidence: Sequence[Evidence]) -> bool | None:
    """Whether all of it holds: False as soon as one does not, else None if one is undecided."""
    found = {item.holds for item in evidence}
    if False in found:
        return False
    return None if None in found else True


#: Why a claim about training results is open.
NEEDS_TRAINING = (
    "a statement about training large language models, which no calculation settles; "
    "what small models say to it: qae-sim reproduce --recorded"
)


def unchecked(reason: str) -> CheckOutcome:
    """The outcome of a claim that is listed without a check."""
    return CheckOutcome(Verdict.OPEN, condition=reason)


@dataclass(frozen=True)
class Break:
    """A way to make a check turn: an assumption that is dropped, or a formula that is changed.

    Attributes:
        name: What is changed, in words.
        changes: Keyword arguments of the check.
        verdict: What the check must then find.
    """

    name: str
    changes: Mapping[str, Any]
    verdict: Verdict


@dataclass(frozen=True)
class Claim:
    """A claim and its check.

    Attributes:
        id: Identifier, ``paper.topic``.
        paper: The paper that says it, or whose objects it is about.
        equation: Where, such as ``"Proposition 4.2"``.
        statement: The claim in one plain sentence.
        latex: The claim as a formula.
        assumptions: What it is stated under.
        expected: The verdict that the check is known to reach.
        check: Called with ``quick`` (smaller ranges); keyword arguments change what is checked.
        breaks: Changes that turn the verdict.
    """

    id: str
    paper: Paper
    equation: str
    statement: str
    latex: str
    assumptions: tuple[str, ...]
    expected: Verdict
    check: Callable[..., CheckOutcome]
    breaks: tuple[Break, ...] = ()


class Registry:
    """Claims by identifier, in the order in which they were added."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}

    def add(
        self,
        id: str,
        *,
        paper: Paper,
        equation: str,
        statement: str,
        latex: str,
        expected: Verdict,
        assumptions: tuple[str, ...] = (),
        breaks: tuple[Break, ...] = (),
    ) -> Callable[[Callable[..., CheckOutcome]], Callable[..., CheckOutcome]]:
        """Register the decorated function as a claim's check.

        Raises:
            ValueError: The identifier is taken, or a check has nothing that turns it.
        """
        if id in self.claims:
            raise invalid("id", id, "the identifier of one claim only")
        if not breaks and expected is not Verdict.OPEN:
            raise invalid("breaks", breaks, f"at least one change that turns the verdict of {id}")

        def register(check: Callable[..., CheckOutcome]) -> Callable[..., CheckOutcome]:
            self.claims[id] = Claim(id, paper, equation, statement, latex, assumptions, expected, check, breaks)
            return check

        return register
