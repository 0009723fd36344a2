"""What a claim is: a sentence of a paper, its assumptions, and a check that can be run.

A check looks at one or several things and says of each whether it holds (:class:`Evidence`); :func:`conclude` makes a
verdict of them. No check writes its verdict down. The claim names the verdict that is expected, and ``qae-sim verify``
fails when the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce, wraps
from typing import Any

from qae_sim.arrays import invalid
from qae_sim.papers import Paper
from qae_sim.theory.certificates import Part, certificate, why_none
from qae_sim.theory.proofs import proof_text
from qae_sim.theory.truth import Answer, Truth, Undecided, every


class Verdict(StrEnum):
    """What a check has found."""

    CERTIFIED = "certified"  #: it holds as stated
    CONDITIONAL = "conditional"  #: as stated it fails; under one more condition, which is named, it holds
    REFUTED = "refuted"  #: there is a counterexample
    STATISTICAL = "statistical"  #: samples agree with it, and nothing stronger is known
    DIFFERS = "our code differs"  #: a function of this project does not give what the exact form gives
    UNDECIDED = "undecided"  #: the arithmetic was not sharp enough
    OPEN = "open"  #: not checked, for a reason that is given


class Tier(StrEnum):
    """How far what was found reaches, widest first."""

    PROVED = "proved for all values"  #: of everything that the sentence leaves open; a counterexample is one, too
    BOX = "proved on a stated box"  #: all real values in stated ranges, for stated whole numbers
    ENUMERATED = "enumerated"  #: exact, in all of finitely many stated cases
    NUMERICAL = "numerical"  #: of high precision, without a bound of the error
    STATISTICAL = "statistical"  #: by samples
    NONE = "not checked"

    @property
    def exact(self) -> bool:
        """Whether it is reached by exact or rigorous arithmetic, or by a proof."""
        return self in (Tier.PROVED, Tier.BOX, Tier.ENUMERATED)


class Origin(StrEnum):
    """Who says the sentence."""

    QUOTED = "quoted"  #: the paper, in these words or this formula
    PARAPHRASED = "paraphrased"  #: the paper, in other words
    IMPLIED = "implied"  #: nobody in so many words; it follows from what the paper says, or the paper needs it
    OURS = "ours"  #: this project


class Method(StrEnum):
    """How something was computed, strongest first."""

    COQ = "machine-checked proof"  #: by qae_sim.theory.coq.machine_checked alone
    SYMBOLIC = "symbolic identity"
    ROOTS = "exact real-root isolation"
    INTERVALS = "interval arithmetic"
    CASES = "exact arithmetic over the listed cases"
    PRECISION = "high-precision evaluation"
    SAMPLES = "Monte Carlo"
    FLOATS = "floating point"  #: ties a function of this project to the exact form; no part of the proof


#: How far a method reaches by itself.
_REACH = {
    Method.COQ: Tier.PROVED,
    Method.SYMBOLIC: Tier.PROVED,
    Method.ROOTS: Tier.BOX,
    Method.INTERVALS: Tier.BOX,
    Method.CASES: Tier.ENUMERATED,
    Method.PRECISION: Tier.NUMERICAL,
    Method.SAMPLES: Tier.STATISTICAL,
    Method.FLOATS: Tier.NUMERICAL,
}
#: What a counterexample has to be computed with to settle a claim.
_RIGOROUS = (Method.COQ, Method.SYMBOLIC, Method.ROOTS, Method.INTERVALS, Method.CASES)


@dataclass(frozen=True)
class Evidence:
    """One thing that a check has looked at.

    Attributes:
        what: What was computed, as a sentence that ``holds`` says yes or no to.
        over: The range it was computed over.
        method: How.
        holds: Whether it holds; a bool is certain, and undecided is what the arithmetic could not decide.
        margin: How far from failing it is, as text with all digits; empty where that has no meaning.
        counterexample: Numbers at which it fails, in a reader's units, empty if it holds.
        figures: Further numbers worth knowing, by name.
        confirms: Whether it only confirms what other evidence proves: it must hold, and the verdict rests on the other.
    """

    what: str
    over: str
    method: Method
    holds: Truth
    margin: str = ""
    counterexample: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    confirms: bool = False

    def __init__(
        self,
        what: str,
        over: str,
        method: Method,
        holds: Answer | None,
        margin: str = "",
        counterexample: Mapping[str, Any] | None = None,
        figures: Mapping[str, Any] | None = None,
        confirms: bool = False,
    ) -> None:
        content = (
            what,
            over,
            method,
            Truth.of(holds),
            margin,
            dict(counterexample or {}),
            dict(figures or {}),
            confirms,
        )
        for name, value in zip(self.__dataclass_fields__, content, strict=True):
            object.__setattr__(self, name, value)

    @property
    def tier(self) -> Tier:
        """How far it reaches: a certain counterexample settles a sentence for good."""
        if self.holds is Truth.NO and self.method in _RIGOROUS:
            return Tier.PROVED
        return _REACH[self.method]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {"what": self.what, "over": self.over, "method": str(self.method), "holds": self.holds.value}
        plain |= {"margin": self.margin, "tier": str(self.tier), "confirms": self.confirms}
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
    def decisive(self) -> tuple[Evidence, ...]:
        """What the verdict rests on."""
        proofs = [item for item in self.evidence if item.method is not Method.FLOATS and not item.confirms]
        if self.verdict is Verdict.REFUTED:  # one counterexample is enough
            failed = [item for item in self.evidence if item.holds is Truth.NO]
            return (min(failed, key=lambda item: list(Tier).index(item.tier)),)
        return tuple(proofs)

    @property
    def method(self) -> str:
        """The weakest method that the verdict rests on; empty where nothing was computed."""
        order = list(Method)
        return str(max((item.method for item in self.decisive), key=order.index)) if self.decisive else ""

    @property
    def tier(self) -> Tier:
        """How far the verdict reaches: as far as the weakest of what it rests on."""
        return max((item.tier for item in self.decisive), key=list(Tier).index, default=Tier.NONE)

    @property
    def counterexample(self) -> Mapping[str, Any]:
        """The first counterexample; empty if there is none."""
        return next((item.counterexample for item in self.evidence if item.counterexample), {})


def conclude(
    *literal: Evidence, under: Sequence[Evidence] = (), condition: str = "", controls: Sequence[Evidence] = ()
) -> CheckOutcome:
    """Make a verdict of what was found.

    Everything in ``literal`` must hold for the claim to hold as stated. Where it does not, ``under`` tells whether it
    holds under the further condition. Where a function of this project does not give what the exact form gives
    (``Method.FLOATS``), or a control fails, nothing is said about the paper: our code differs.

    Args:
        literal: What the claim says as it is stated.
        under: What was found under the condition.
        condition: The condition, in words.
        controls: What must hold if this check computes what it says: a case in which the sentence is true, a value
            worked out by hand. A wrong formula refutes a sentence as easily as a right one; a control notices.

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
    controls = tuple(replace(item, confirms=True) for item in controls)
    evidence = (*literal, *under, *controls)
    sound = [*controls, *(item for item in (*literal, *under) if item.method is Method.FLOATS)]
    ties = every(item.holds for item in sound)
    if ties is not Truth.YES:
        return CheckOutcome(Verdict.DIFFERS if ties is Truth.NO else Verdict.UNDECIDED, evidence)
    holds = every(item.holds for item in literal)
    if holds is Truth.UNDECIDED:
        return CheckOutcome(Verdict.UNDECIDED, evidence)
    if holds is Truth.YES:
        sampled = any(item.method is Method.SAMPLES for item in literal)
        return CheckOutcome(Verdict.STATISTICAL if sampled else Verdict.CERTIFIED, (*literal, *controls))
    saved = every(item.holds for item in under) if under else Truth.NO
    if saved is Truth.UNDECIDED:
        return CheckOutcome(Verdict.UNDECIDED, evidence)
    if saved is Truth.YES:
        return CheckOutcome(Verdict.CONDITIONAL, evidence, condition)
    return CheckOutcome(Verdict.REFUTED, evidence)


def worse(one: float, other: float) -> float:
    """The larger of two errors, NaN if one is: Python's ``max`` can lose a NaN."""
    return one if one != one or other <= one else other


def worst_of(errors: Iterable[float]) -> float:
    """The largest of some errors, NaN if one is, 0 if there are none."""
    return reduce(worse, errors, 0.0)


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
        tier: How far that verdict is known to reach.
        origin: Who says the sentence.
        condition: Exactly when the sentence holds, as far as it is known, where that is not simply "always, under the
            assumptions": what a conditional verdict rests on, or where a refuted sentence is true.
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
    tier: Tier
    origin: Origin
    condition: str
    check: Callable[..., CheckOutcome]
    breaks: tuple[Break, ...] = ()

    @property
    def certificate(self) -> tuple[Part, ...]:
        """What of it ``check.py`` confirms without this package (:mod:`qae_sim.theory.certificates`)."""
        return certificate(self.id)

    @property
    def uncertified(self) -> str:
        """Why it has no certificate; empty where it has one, or where none has been written."""
        return why_none(self.id)

    @property
    def proof(self) -> str:
        """Why the verdict is what it is, in a few lines that a reader can follow (:mod:`qae_sim.theory.proofs`)."""
        return proof_text(self.id)


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
        tier: Tier = Tier.NONE,
        origin: Origin,
        condition: str = "",
        assumptions: tuple[str, ...] = (),
        breaks: tuple[Break, ...] = (),
    ) -> Callable[[Callable[..., CheckOutcome]], Callable[..., CheckOutcome]]:
        """Register the decorated function as a claim's check.

        Raises:
            ValueError: The identifier is taken, or a check has nothing that turns it.
        """
        if id in self.claims:
            raise invalid("id", id, "the identifier of one claim only")
        if (tier is Tier.NONE) != (expected is Verdict.OPEN):
            raise invalid("tier", tier, f"how far the verdict of {id} reaches, unless it is open")
        if not breaks and expected is not Verdict.OPEN:
            raise invalid("breaks", breaks, f"at least one change that turns the verdict of {id}")

        def register(check: Callable[..., CheckOutcome]) -> Callable[..., CheckOutcome]:
            @wraps(check)
            def sound(*arguments: Any, **changes: Any) -> CheckOutcome:
                try:
                    return check(*arguments, **changes)
                except Undecided as error:
                    return CheckOutcome(Verdict.UNDECIDED, condition=str(error))

            self.claims[id] = Claim(
                id, paper, equation, statement, latex, assumptions, expected, tier, origin, condition, sound, breaks
            )
            return sound

        return register
