"""Answers to a lesson's predictions and exercises, apart from what students get."""

from __future__ import annotations

from collections.abc import Iterable

from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.predictions import AnyPrediction, CurvePrediction, Prediction, prediction
from qae_sim.teaching.material import Material


def expected(asked: AnyPrediction) -> str:
    """Say the right answer to a prediction.

    Args:
        asked: The prediction.

    Returns:
        The answer, and why.

    Example:
        >>> expected(prediction("gate-1")).partition(".")[0]
        'thirteen'
    """
    if isinstance(asked, Prediction):
        return f"{asked.options[asked.answer]}. {asked.why[asked.answer]}"
    spec = asked.spec()
    where = [f"{place:g}" for place in asked.places] if isinstance(asked, CurvePrediction) else spec["labels"]
    values = [f"{value:.{asked.digits}f}" for value in spec["truth"]]
    numbers = ", ".join(f"{name}: {value}" for name, value in zip(where, values, strict=True))
    return f"{numbers}. {asked.why}"


def answer_key(lessons: Iterable[Material]) -> str:
    """Write the answers to all predictions and exercises.

    Args:
        lessons: The lessons.

    Returns:
        Markdown.
    """
    blocks = ["# Answers, for teachers"]
    for lesson in lessons:
        blocks.append(f"## {lesson.title}")
        for name in lesson.predictions:
            asked = prediction(name)
            blocks.append(f"**Prediction.** {asked}\n\n*Expected:* {expected(asked)}")
        blocks += [f"**Exercise: {name}.**\n\n```python\n{EXERCISES[name].solution}\n```" for name in lesson.exercises]
    return "\n\n".join(blocks) + "\n"
