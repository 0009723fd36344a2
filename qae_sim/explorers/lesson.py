"""What lessons are made of besides explorers: predictions, exercises, theorems compared with samples."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from qae_sim.advantages import ESTIMATORS, PLACES, why_not
from qae_sim.arrays import invalid
from qae_sim.explorers.exercises import EXERCISES

#: What site writers look for in a notebook's outputs.
QUIZ_MIME = "application/vnd.qae-sim.quiz+json"


class Predict(anywidget.AnyWidget):
    """A question to answer before looking: the answer is locked first, then explained.

    Example:
        >>> question = Predict("How many?", ["one", "two"], 1, ["There are more.", "One and one."])
        >>> question.spec["answer"]
        1
    """

    _esm = Path(__file__).with_name("quiz.js")
    _css = Path(__file__).with_name("quiz.css")
    spec = traitlets.Dict().tag(sync=True)

    def __init__(self, question: str, options: Sequence[str], answer: int, why: Sequence[str]) -> None:
        """Ask a question.

        Args:
            question: The question.
            options: What can be answered.
            answer: Place of the right one, from 0.
            why: What is said to each answer.

        Raises:
            ValueError: There are fewer than two options, not one explanation for each, or no such answer.
        """
        super().__init__()
        if len(options) < 2:
            raise invalid("options", options, "at least two")
        if len(why) != len(options):
            raise invalid("why", why, f"one explanation for each of {len(options)} options")
        if not 0 <= answer < len(options):
            raise invalid("answer", answer, f"from 0 to {len(options) - 1}")
        self.spec = {"question": question, "options": list(options), "answer": answer, "why": list(why)}

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Give notebooks the widget, sites the question, and other viewers its text."""
        live = super()._repr_mimebundle_(**options)
        bundle, metadata = live if isinstance(live, tuple) else (live or {}, {})
        text = f"{self.spec['question']} ({'; '.join(self.spec['options'])})"
        return {**bundle, "text/plain": text, QUIZ_MIME: dict(self.spec)}, metadata


@dataclass(frozen=True)
class Feedback:
    """A sentence with a verdict, as text and as HTML.

    Attributes:
        fine: Whether it agrees, or passes.
        text: What is said.
    """

    fine: bool
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        colour, back = ("#0072B2", "#EEF6FB") if self.fine else ("#D55E00", "#FFF4EC")
        lines = "<br>".join(html.escape(line) for line in self.text.splitlines())
        return f'<div style="border-left: 5px solid {colour}; background: {back}; padding: 4px 10px">{lines}</div>'


def check(name: str, function: Callable[..., Any]) -> Feedback:
    """Check a learner's function against ours, case by case, and show the first one that fails.

    Args:
        name: Name of the exercise, see :data:`~qae_sim.explorers.exercises.EXERCISES`.
        function: The learner's function.

    Returns:
        What came of it.

    Raises:
        ValueError: There is no such exercise.

    Example:
        >>> check("mean baseline", lambda rewards: [0.0] * len(rewards))
        Not yet. For ([1, 0, 0, 0],) it should give [0.75, -0.25, -0.25, -0.25]; yours gives [0.0, 0.0, 0.0, 0.0].
    """
    if name not in EXERCISES:
        raise invalid("name", name, f"one of {', '.join(EXERCISES)}")
    reference, cases = EXERCISES[name]
    for case in cases:
        wanted = np.asarray(reference(*case), dtype=float)
        shown = _numbers(wanted)
        try:
            given = np.asarray(function(*case), dtype=float)
        except Exception as error:
            return Feedback(False, f"Not yet. For {case} it raises {type(error).__name__}: {error}.")
        if given.shape != wanted.shape or not np.allclose(given, wanted, atol=1e-5, equal_nan=True):
            return Feedback(False, f"Not yet. For {case} it should give {shown}; yours gives {_numbers(given)}.")
    return Feedback(True, f"Right in all {len(cases)} cases.")


def _numbers(values: Any) -> str:
    """Numbers for a reader."""
    return str(np.round(values, 4).tolist())


def compare(what: str, exact: float, samples: Any) -> Feedback:
    """Compare a theorem's value with the mean of samples and its 99.9 % interval, in words.

    Args:
        what: What is compared.
        exact: The theorem's value.
        samples: Independent samples of which it should be the mean.

    Returns:
        The comparison.

    Raises:
        ValueError: There are fewer than 30 samples.

    Example:
        >>> compare("a fair coin", 0.5, [0.0, 1.0] * 50)
        A fair coin: the theory says 0.5; 100 samples say 0.5 ± 0.17. They agree.
    """
    values = np.asarray(samples, dtype=float).ravel()
    if values.size < 30:
        raise invalid("samples", values.size, "at least 30, for an interval")
    half = 3.2905 * float(values.std(ddof=1)) / math.sqrt(values.size)
    mean = float(values.mean())
    fine = abs(mean - exact) <= half
    verdict = "They agree." if fine else "They do not agree."
    sentence = (
        f"{what[0].upper()}{what[1:]}: the theory says {exact:.4g}; {values.size} samples say {mean:.4g} ± {half:.2g}."
    )
    return Feedback(fine, f"{sentence} {verdict}")


@dataclass(frozen=True, repr=False)
class Claims:
    """Claims with what their checks find, as text and as HTML.

    Example:
        >>> print(Claims("qae.eq4"))
        qae.eq4: certified. For binary rewards the K-quantile baseline is 0 if ...
    """

    results: tuple[Any, ...]

    def __init__(self, *ids: str) -> None:
        """Check claims over the smaller ranges.

        Raises:
            ValueError: There is no such claim.
        """
        from qae_sim.theory import verify

        object.__setattr__(self, "results", verify(ids, quick=True).results)

    def __repr__(self) -> str:
        return "\n".join(self._sentences())

    def _sentences(self) -> list[str]:
        return [
            f"{result.claim.id}: {result.outcome.verdict}. {result.claim.statement}"
            + (f" It holds if {result.outcome.condition}." if result.outcome.condition else "")
            + (f" Counterexample: {_values(result.outcome.counterexample)}." if result.outcome.counterexample else "")
            for result in self.results
        ]

    def _repr_html_(self) -> str:
        rows = []
        for result in self.results:
            outcome = result.outcome
            notes = [f"Holds if {outcome.condition}."] if outcome.condition else []
            if outcome.counterexample:
                notes.append(f"Counterexample: {_values(outcome.counterexample)}.")
            cells = (
                f"<code>{result.claim.id}</code>",
                html.escape(result.claim.statement),
                f"<b>{outcome.verdict}</b>",
                html.escape(" ".join(notes) or outcome.method),
            )
            rows.append("<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>")
        head = "".join(f'<th style="text-align: left">{name}</th>' for name in ("claim", "says", "verdict", "because"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


@dataclass(frozen=True)
class Places:
    """Which estimator goes where, and why not, as text and as HTML.

    Attributes:
        names: The estimators; all by default.

    Example:
        >>> Places(("qae", "aapo"))
        qae: explorer, bandits, lm, trl
        aapo: explorer, lm, trl; not bandits: it needs rewards of a reference model...
    """

    names: tuple[str, ...] = field(default_factory=lambda: tuple(ESTIMATORS))

    def _reasons(self) -> dict[str, dict[str, list[str]]]:
        """By estimator the places, grouped by the reason that keeps it out ("" where it goes)."""
        grouped: dict[str, dict[str, list[str]]] = {}
        for name in self.names:
            by_reason = grouped.setdefault(name, {"": []})
            for place in PLACES:
                by_reason.setdefault(why_not(name, place), []).append(place)
        return grouped

    def __repr__(self) -> str:
        lines = []
        for name, reasons in self._reasons().items():
            out = [f"not {', '.join(places)}: {reason}" for reason, places in reasons.items() if reason]
            lines.append("; ".join([f"{name}: {', '.join(reasons[''])}", *out]))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for name, reasons in self._reasons().items():
            cells = [f"<code>{name}</code>"]
            cells += ["yes" if place in reasons[""] else "no" for place in PLACES]
            cells.append(html.escape("; ".join(reason for reason in reasons if reason)))
            rows.append("<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>")
        titles = ("estimator", *PLACES, "why not")
        head = "".join(f'<th style="text-align: left">{title}</th>' for title in titles)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _values(values: Any) -> str:
    """Numbers as a reader can type them in."""
    return ", ".join(f"{name} = {value}" for name, value in values.items())
