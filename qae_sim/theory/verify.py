"""Run the checks of claims, and report what they found."""

from __future__ import annotations

import difflib
import json
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qae_sim
from qae_sim.arrays import invalid
from qae_sim.theory.claim import Break, CheckOutcome, Claim, Evidence, Method, Verdict
from qae_sim.theory.registry import all_claims

#: What the checks of all claims found, in a package that was packed for a browser (qae_sim.site.lite), where
#: python-flint cannot be: it is compiled.
FOUND_BEFORE = Path(__file__).parent / "found_before.json"


@dataclass(frozen=True)
class VerifiedClaim:
    """A claim with the outcome of its check.

    Attributes:
        claim: The claim.
        outcome: Verdict and evidence.
        seconds: How long the check took.
        quoted: Whether the outcome is what the check found elsewhere, because it needs python-flint, which is missing.
    """

    claim: Claim
    outcome: CheckOutcome
    seconds: float
    quoted: bool = False

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the claim expects, and reaches as far."""
        return self.outcome.verdict is self.claim.expected and self.outcome.tier is self.claim.tier

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        claim, outcome = self.claim, self.outcome
        return {
            "id": claim.id,
            "paper": claim.paper.cite,
            "equation": claim.equation,
            "statement": claim.statement,
            "latex": claim.latex,
            "origin": str(claim.origin),
            "verdict": str(outcome.verdict),
            "tier": str(outcome.tier),
            "expected": str(claim.expected),
            "assumptions": list(claim.assumptions),
            "condition": outcome.condition or claim.condition,
            "proof": claim.proof,
            "method": outcome.method,
            "evidence": [item.to_dict() for item in outcome.evidence],
            "counterexample": dict(outcome.counterexample),
            "seconds": self.seconds,
            "quoted": self.quoted,
        }


@dataclass(frozen=True)
class Report:
    """The results of several checks, in the order in which the claims are listed.

    Attributes:
        results: One per claim.
        quick: Whether the smaller ranges were used.
    """

    results: tuple[VerifiedClaim, ...]
    quick: bool

    @property
    def differences(self) -> tuple[VerifiedClaim, ...]:
        """Results whose verdict is not the expected one."""
        return tuple(result for result in self.results if not result.as_expected)

    def __getitem__(self, id: str) -> VerifiedClaim:
        """The result of one claim."""
        for result in self.results:
            if result.claim.id == id:
                return result
        raise KeyError(id)

    def count(self, verdict: Verdict) -> int:
        """How many claims have this verdict."""
        return sum(result.outcome.verdict is verdict for result in self.results)

    def to_json(self) -> str:
        """Everything, as JSON with all digits."""
        content = {
            "version": qae_sim.__version__,
            "quick": self.quick,
            "claims": [result.to_dict() for result in self.results],
        }
        return json.dumps(content, ensure_ascii=False, indent=2)


def chosen(ids: Sequence[str] | None) -> list[Claim]:
    """The claims of these identifiers, all for None.

    Args:
        ids: Identifiers.

    Returns:
        The claims.

    Raises:
        ValueError: There is no such claim; the message names similar ones.

    Example:
        >>> [claim.equation for claim in chosen(["qae.eq4"])]
        ['Eq. 4']
    """
    known = all_claims()
    for id in ids or ():
        if id not in known:
            similar = difflib.get_close_matches(str(id), known, n=3, cutoff=0.3)
            hint = f" such as {', '.join(similar)}" if similar else ""
            raise invalid("claim", id, f"the identifier of a claim{hint} (all of them: qae-sim verify --list)")
    return [known[id] for id in ids] if ids is not None else list(known.values())


def verify(
    claims: Sequence[str] | None = None,
    *,
    quick: bool = False,
    on_result: Callable[[VerifiedClaim], None] | None = None,
    processes: int = 1,
) -> Report:
    """Run the checks of claims.

    Without python-flint most checks run on exact fractions. What the others found elsewhere is quoted, with a warning,
    in a package that was packed for a browser.

    Args:
        claims: Identifiers; None: all.
        quick: Smaller ranges, for a first look; the verdicts are the same.
        on_result: Called with each result as soon as its check has ended.
        processes: How many processes share the claims; with more than one the script that calls this needs the usual
            ``if __name__ == "__main__":``.

    Returns:
        The report.

    Raises:
        ModuleNotFoundError: A check needs python-flint, which is not installed.
        ValueError: There is no such claim.

    Example:
        >>> report = verify(["ha-dw.theorem1-own-reward"], quick=True)
        >>> report.results[0].outcome.verdict.value, report.results[0].outcome.counterexample["p"]
        ('refuted', 0.55)
    """
    wanted = chosen(claims)
    checked = (_check(claim.id, quick) for claim in wanted) if processes == 1 else _shared(wanted, quick, processes)
    found: dict[str, VerifiedClaim] = {}
    for id, outcome, seconds, quoted in checked:
        found[id] = VerifiedClaim(all_claims()[id], outcome, seconds, quoted)
        if on_result is not None:
            on_result(found[id])
    _tell_what_is_quoted(id for id, result in found.items() if result.quoted)
    return Report(tuple(found[claim.id] for claim in wanted), quick)


def _check(id: str, quick: bool) -> tuple[str, CheckOutcome, float, bool]:
    """Run one check, and say how long it took, and whether its outcome is quoted."""
    start, quoted = time.perf_counter(), False
    try:
        outcome = all_claims()[id].check(quick)
    except Exception as error:
        quoted = _can_be_quoted(error)
        if not quoted:
            error.add_note(f"in the check of the claim {id}")
            raise
        outcome = _found_before(id)
    return id, outcome, time.perf_counter() - start, quoted


def _can_be_quoted(error: Exception) -> bool:
    """Whether a check ended for want of python-flint where findings are at hand."""
    return isinstance(error, ModuleNotFoundError) and error.name == "flint" and FOUND_BEFORE.exists()


def _tell_what_is_quoted(ids: Iterable[str]) -> None:
    """Say which findings are not of checks that ran here."""
    if names := ", ".join(ids):
        warnings.warn(f"quoted, because the check needs python-flint, which is not here: {names}", stacklevel=3)


def described(results: Iterable[VerifiedClaim]) -> bytes:
    """Write what checks found, for :data:`FOUND_BEFORE`.

    Args:
        results: Results of :func:`verify`.

    Returns:
        JSON.
    """
    found = {
        result.claim.id: {
            "verdict": str(result.outcome.verdict),
            "condition": result.outcome.condition,
            "evidence": [item.to_dict() for item in result.outcome.evidence],
        }
        for result in results
    }
    return json.dumps(found, indent=1).encode()


def _found_before(id: str) -> CheckOutcome:
    """Read what a check found."""
    found = json.loads(FOUND_BEFORE.read_text(encoding="utf-8"))[id]
    evidence = [
        Evidence(**{**item, "method": Method(item["method"])})
        for item in ({name: value for name, value in item.items() if name != "tier"} for item in found["evidence"])
    ]
    return CheckOutcome(Verdict(found["verdict"]), tuple(evidence), found["condition"])


def _shared(claims: list[Claim], quick: bool, processes: int) -> Iterator[tuple[str, CheckOutcome, float, bool]]:
    """The same in several processes, in the order in which the checks end."""
    import multiprocessing  # not at the top: a browser's Python has no processes
    from concurrent.futures import ProcessPoolExecutor, as_completed

    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        try:
            for done in as_completed([pool.submit(_check, claim.id, quick) for claim in claims]):
                yield done.result()
        finally:  # an error or an interrupt: what has not begun is left
            pool.shutdown(wait=False, cancel_futures=True)


def broken(id: str, *, quick: bool = True) -> list[tuple[Break, CheckOutcome]]:
    """Run a claim's check once for each of its breaks: an assumption dropped, or a formula changed.

    Args:
        id: Identifier of the claim.
        quick: Smaller ranges.

    Returns:
        Each break with what the check then finds; without python-flint, in a package that was packed for a browser,
        the verdict that it is known to find, with a warning.

    Raises:
        ValueError: There is no such claim.

    Example:
        >>> [(change.name, str(outcome.verdict)) for change, outcome in broken("qae.strictly-increasing")][2]
        ('a uniform policy', 'refuted')
    """
    (claim,) = chosen([id])
    try:
        return [(change, claim.check(quick, **change.changes)) for change in claim.breaks]
    except ModuleNotFoundError as error:
        if not _can_be_quoted(error):
            raise
    _tell_what_is_quoted([id])
    return [(change, CheckOutcome(change.verdict)) for change in claim.breaks]


def markdown_table() -> str:
    """All claims as Markdown: counts by verdict, and a table of source, sentence, origin, verdict and its reach.

    The verdicts are the expected ones; ``qae-sim verify`` fails if a check reaches another.

    Returns:
        The text, without a newline at its end; a page of generated documentation can hold it as it is.

    Example:
        >>> markdown_table().splitlines()[2]
        '| claim | where | says | origin | verdict | reach |'
    """
    claims = all_claims().values()
    numbers = ((verdict, sum(claim.expected is verdict for claim in claims)) for verdict in Verdict)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in numbers if number)
    lines = [
        f"{len(claims)} claims: {counts}.",
        "",
        "| claim | where | says | origin | verdict | reach |",
        "| --- |" + " --- |" * 5,
    ]
    for claim in claims:
        where = claim.paper.name if claim.equation == "-" else f"{claim.paper.name}, {claim.equation}"
        cells = (f"`{claim.id}`", where, claim.statement, claim.origin, claim.expected, claim.tier)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
