"""What lessons are made of besides explorers: predictions, exercises, theorems compared with samples."""

from __future__ import annotations

import html
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from qae_sim.advantages import ESTIMATORS, PLACES, why_not
from qae_sim.arrays import invalid
from qae_sim.explorers.exercises import EXERCISES, FreeExercise, FunctionExercise
from qae_sim.explorers.predictions import AnyPrediction, prediction
from qae_sim.explorers.worksheet import Entry, remember, source_of
from qae_sim.pictures.style import CORRECT, MUTED, WRONG

#: What site writers look for in a notebook's outputs.
QUIZ_MIME = "application/vnd.qae-sim.quiz+json"


class Predict:
    """A question to answer before looking: the answer is locked first, then explained.

    An answer is chosen, set with a slider, dragged as bars or drawn as a curve; what was set is kept when the truth is
    laid over it. Numbers are set by pointer or by the keys of a slider, and there is nothing to lock until all are set.

    Example:
        >>> Predict("gate-1").spec["options"]
        ['none', 'three', 'six', 'thirteen']
    """

    def __init__(self, asked: str | AnyPrediction, *about: Any) -> None:
        """Ask a question.

        Args:
            asked: The name of one of the lessons' predictions, or one of your own.
            *about: What a named prediction is about, see :func:`~qae_sim.explorers.predictions.prediction`.

        Raises:
            ValueError: There is no such prediction.
        """
        found = prediction(asked, *about) if isinstance(asked, str) else asked
        self.spec = found.spec()
        self._text = str(found)
        self._name = asked if isinstance(asked, str) else found.question

    def lock(self, answer: Mapping[str, Any]) -> None:
        """Keep the answer for the worksheet.

        Args:
            answer: ``words``, the answer in words, and ``right``, whether that is what happens.
        """
        remember(Entry("prediction", self._name, str(answer["words"]), bool(answer["right"])))

    @cached_property
    def widget(self) -> Any:
        """The question as a widget."""
        from qae_sim.explorers.widgets import PredictWidget

        return PredictWidget(self)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give notebooks the widget, sites the question, and other viewers its text."""
        bundle, metadata = self.widget._repr_mimebundle_(**options) or ({}, {})
        return {**bundle, "text/plain": self._text, QUIZ_MIME: {**self.spec, "name": self._name}}, metadata


@dataclass(frozen=True)
class Feedback:
    """A sentence with a verdict, as text and as HTML.

    Attributes:
        fine: Whether it agrees, or passes; None where there is nothing to judge yet.
        text: What is said.
    """

    fine: bool | None
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        # Text and ground are those of the page: it may be dark.
        colour = {True: CORRECT, False: WRONG, None: MUTED}[self.fine]
        lines = "<br>".join(html.escape(line) for line in self.text.splitlines())
        return f'<div style="border-left: 5px solid {colour}; padding: 4px 10px">{lines}</div>'


def check(name: str, answer: Any) -> Feedback:
    """Check a learner's answer to an exercise; a wrong function is shown where it fails, with a hint if it is known.

    Args:
        name: Name of the exercise, see :data:`~qae_sim.explorers.exercises.EXERCISES`.
        answer: The learner's function, or what was to be found. Three dots, or a function that returns nothing, are no
            answer yet.

    Returns:
        What came of it.

    Raises:
        ValueError: There is no such exercise.

    Example:
        >>> check("mean baseline", lambda rewards: [0.0] * len(rewards))
        Not yet. For ([1, 0, 0, 0],) it should give [0.75, -0.25, -0.25, -0.25]; yours gives [0.0, 0.0, 0.0, 0.0].
        >>> check("mean baseline", ...)
        Nothing is written yet: put your answer in the place of the three dots.
    """
    exercise = _exercise(name)
    if _unanswered(exercise, answer):
        return Feedback(None, "Nothing is written yet: put your answer in the place of the three dots.")
    wrong, praise = exercise.judge(answer)
    said = f"Not yet. {wrong}" if wrong else praise
    remember(Entry("exercise", name, source_of(answer), not wrong, said))
    return Feedback(not wrong, said)


def _exercise(name: str) -> FunctionExercise | FreeExercise:
    """Find an exercise."""
    if name not in EXERCISES:
        raise invalid("name", name, f"one of {', '.join(EXERCISES)}")
    return EXERCISES[name]


def _unanswered(exercise: FunctionExercise | FreeExercise, answer: Any) -> bool:
    """Whether an answer is only the place for one."""
    if answer is None or answer is ...:
        return True
    if isinstance(exercise, FreeExercise) or not callable(answer):
        return False
    try:
        return answer(*exercise.cases[0]) is None
    except Exception:  # judged, and shown, like any other answer
        return False


@dataclass(frozen=True)
class Solution:
    """A solution of an exercise, folded until it is asked for, as text and as HTML.

    Attributes:
        name: Name of the exercise, see :data:`~qae_sim.explorers.exercises.EXERCISES`.

    Raises:
        ValueError: There is no such exercise.

    Example:
        >>> Solution("bias")
        def bias(g, p):
            return (p - p**g) / (1 - (1 - p) ** g - p**g) - p
    """

    name: str

    def __post_init__(self) -> None:
        _exercise(self.name)

    def __repr__(self) -> str:
        return _exercise(self.name).solution

    def _repr_html_(self) -> str:
        code = html.escape(_exercise(self.name).solution)
        return f"<details><summary>A solution</summary><pre><code>{code}</code></pre></details>"


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
    note: str = ""

    def __init__(self, *ids: str) -> None:
        """Check claims over the smaller ranges; in a browser, quote what some checks found before.

        Raises:
            ModuleNotFoundError: A check needs python-flint, which is missing, and no findings are at hand.
            ValueError: There is no such claim.
        """
        from qae_sim.theory import verify

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "quoted, because", UserWarning)  # the note says it
            results = verify(ids, quick=True).results
        if quoted := [result.claim.id for result in results if result.quoted]:
            note = "Checked before, because the check needs python-flint, which Python here does not have"
            object.__setattr__(self, "note", f"{note}: {', '.join(quoted)}.")
        object.__setattr__(self, "results", results)

    def __repr__(self) -> str:
        return "\n".join([*self._sentences(), self.note] if self.note else self._sentences())

    def _sentences(self) -> list[str]:
        return [
            f"{result.claim.id}: {result.outcome.verdict}. {result.claim.statement}"
            + (f" It holds if {result.outcome.condition}." if result.outcome.condition else "")
            + (f" Counterexample: {_values(result.outcome.counterexample)}." if result.outcome.counterexample else "")
            for result in self.results
        ]

    def _repr_html_(self) -> str:
        # A list and no table: on a phone its columns would hold one word each.
        items = []
        for result in self.results:
            outcome = result.outcome
            notes = [f"Holds if {outcome.condition}."] if outcome.condition else []
            if outcome.counterexample:
                notes.append(f"Counterexample: {_values(outcome.counterexample)}.")
            items.append(
                f"<dt><b>{outcome.verdict}</b> <code>{result.claim.id}</code></dt><dd>"
                f"{html.escape(result.claim.statement)} <i>{html.escape(' '.join(notes) or outcome.method)}</i></dd>"
            )
        note = f"<p>{self.note}</p>" if self.note else ""
        return f"<dl>{''.join(items)}</dl>{note}"


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
    """Numbers as a reader can type them in, with their names."""
    return ", ".join(f"{name} = {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    """A number without digits that say nothing."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
