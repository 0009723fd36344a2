"""The trial's bands, curves and page: what is said is what the record holds."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from qae_sim.lm import protocols
from qae_sim.lm.protocols import curves
from qae_sim.lm.protocols.curves import band, curve
from qae_sim.lm.protocols.findings import QUESTIONS, TASK_QUESTIONS, Question, answers, said

MAIN, RECORD = protocols.read("main"), protocols.recorded("main")


def walks(rng: np.random.Generator, runs: int, points: int) -> np.ndarray:
    """Curves whose points hang together, as training curves do."""
    return np.cumsum(rng.standard_normal((runs, points)), axis=1) / math.sqrt(points) + rng.standard_normal((runs, 1))


def test_a_band_holds_the_whole_curve_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_DRAWS", 2000)
    rng = np.random.default_rng(0)
    inside = pointwise = 0
    trials = 300
    for _ in range(trials):
        values = walks(rng, 16, 21)
        low, high = band(values, 0.05)
        inside += bool(((low <= 0) & (high >= 0)).all())
        half = stats.t.ppf(0.975, 15) * values.std(axis=0, ddof=1) / 4
        pointwise += bool((np.abs(values.mean(axis=0)) <= half).all())
    assert 0.91 <= inside / trials <= 0.985
    assert pointwise / trials < 0.9


def test_a_band_of_one_point_is_the_interval() -> None:
    values = np.random.default_rng(1).standard_normal((16, 1))
    low, high = band(values, 0.05)
    half = stats.t.ppf(0.975, 15) * values.std(ddof=1) / 4
    assert float(high[0] - low[0]) / 2 == pytest.approx(float(half), rel=0.03)
    with pytest.raises(ValueError, match="values must be curves of at least three runs; got 2"):
        band(values[:2], 0.05)


def test_curves_are_means_over_seeds() -> None:
    found = curve(MAIN, RECORD, "addition", "QAE, K = .4", "pass_1", gap=True)
    ours, base = (
        RECORD.take([RECORD.configs.index(c) for c in MAIN.runs("addition", arm)])["pass_1"]
        for arm in ("QAE, K = .4", "mean")
    )
    assert found.batch.tolist() == list(range(0, 101, 5))
    np.testing.assert_allclose(found.mean, (ours - base).mean(axis=0)[::5])
    with pytest.raises(ValueError, match="record must be one that holds all arms of protocol main; got 'no runs of"):
        curve(MAIN, RECORD.take(range(16)), "lengths", "QAE, K = .2", "length")


@pytest.mark.parametrize(("name", "questions"), [("main", QUESTIONS), ("tasks", TASK_QUESTIONS)])
def test_every_question_is_asked_of_arms_that_were_trained(name: str, questions: tuple[Question, ...]) -> None:
    from qae_sim.theory import all_claims

    judged = protocols.judge(protocols.read(name), protocols.recorded(name))
    found = {(c.setting, c.arm, c.quantity) for c in judged}
    for question in questions:
        for arm in question.arms:
            for part in ("run", "end"):
                assert (question.setting, arm, f"{question.metric}, {part}") in found, question.name
        assert set(question.claims) <= set(all_claims())


@pytest.mark.parametrize("name", sorted(protocols.SEARCHES))
def test_no_seed_of_the_search_is_used_by_the_trial(name: str) -> None:
    search = protocols.search(name)
    assert not {config.seed for config in search.configs} & {config.seed for config in protocols.recorded(name).configs}
    assert {config.rule.name for config in search.configs} == {"grpo"}


def test_the_protocol_of_tasks_quotes_its_search() -> None:
    """Its regime is one that was searched, but for that of few prompts, and its comment says what was found there.

    The comment was rounded by hand, once by .009, and can't be changed any more: records hold its hash.
    """
    protocol, search = protocols.read("tasks"), protocols.search("tasks")
    content = (Path(protocols.__file__).parent / "tasks.toml").read_text(encoding="utf-8")
    quoted = re.findall(r"^#   (\w+) +(\S+) +(\.\d+) (\.\d+) (\.\d+) (\.\d+)$", content, re.MULTILINE)
    assert len(quoted) == 4
    for task, rate, *values in quoted:
        means = search.where(task=task, learning_rate=float(rate))["pass_1"].mean(axis=0)[[0, 20, 60, 100]]
        np.testing.assert_allclose([float(value) for value in values], means, atol=0.01)
    for setting in ("countdown", "paths"):
        run = protocol.runs(setting, "mean")[0]
        (tried,) = (c for c in search.configs if (c.task, c.learning_rate, c.seed) == (run.task, run.learning_rate, 0))
        same = {"seed": run.seed, "base_seed": run.base_seed, "evaluate_every": run.evaluate_every}
        assert tried.with_(**same) == run


def test_arms_that_were_not_trained_are_named() -> None:
    tasks = protocols.read("tasks")
    missing = protocols.untrained(tasks, protocols.recorded("tasks"))
    assert missing == [
        ("stress", "QAE, K = .2"),
        *(("paths", arm) for arm in ("mean", "QAE, K = .4", "HA-DW, window 10", "QAE, K = .2")),
    ]
    assert len(protocols.untrained(MAIN, RECORD.take(range(15)))) == len(MAIN.arms())  # a missing seed is a missing arm


def test_the_page_says_what_the_record_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.pictures import render
    from qae_sim.site.trial import trial_page

    monkeypatch.setattr(render, "png", lambda picture, **options: b"")
    comparisons = protocols.judge(MAIN, RECORD)
    medium = protocols.judge(protocols.read("medium_gpu"), protocols.recorded("medium_gpu"))
    # Another number in one comparison must show in the page.
    changed = [replace(c, mean=c.mean + 1, verdict="no") if c.quantity == "length, end" else c for c in comparisons]
    texts = [
        re.sub(r'src="[^"]*"', "", trial_page(MAIN, RECORD, x, protocols.search(), medium))
        for x in (comparisons, changed)
    ]
    lengths = next(c for c in comparisons if (c.setting, c.quantity) == ("lengths", "length, end"))
    assert f"at its end +{lengths.mean:.3f}" in texts[0]
    ends = [text.split("(trial-lengths)=")[1].split("at its end")[1].split(".\n")[0] for text in texts]
    assert ends[0].endswith(", higher")
    assert ends[1].endswith(", lower")
    less = RECORD.take([i for i, c in enumerate(RECORD.configs) if c.loss != "sequence" or c.rule.name != "qae"])
    without = [QUESTIONS[1]]
    monkeypatch.setattr("qae_sim.site.trial.QUESTIONS", without)
    few = trial_page(MAIN, less, protocols.judge(MAIN, less), protocols.search(), medium)
    # What was not trained is named.
    assert "lengths, QAE, K = .8; lengths, QAE, K = .2." in few.split("(trial-lengths-token-mean)=")[0]
    assert "Not trained" not in texts[0]
    for question in QUESTIONS:
        assert f"(trial-{question.name})=" in texts[0]


def test_the_part_about_other_tasks_says_what_the_record_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.pictures import render
    from qae_sim.site.trial import tasks_part

    monkeypatch.setattr(render, "png", lambda picture, **options: b"")
    protocol, record = protocols.read("tasks"), protocols.recorded("tasks")
    comparisons = protocols.judge(protocol, record)
    text = tasks_part(protocol, record, comparisons, protocols.search("tasks"))
    assert "stress, QAE, K = .2; paths, mean;" in text.split("(trial-countdown)=")[0]
    assert "32 prompts and 16 steps a batch" in text.split("(trial-few-prompts)=")[1]
    assert protocol.digest[:12] in text
    for comparison in comparisons:
        if comparison.setting == "countdown" and comparison.quantity.startswith("pass_1,"):
            assert said(comparison) in text.split("(trial-few-prompts)=")[0]


def test_the_lesson_shows_the_trials_questions_and_what_was_decided() -> None:
    """The explorer judges one setting at a time: its verdicts are those of the whole trial."""
    from qae_sim.explorers.trial import Trial, TrialState, decided

    # On a site, where nothing is computed, presets are what can be chosen.
    assert [state.question for state in Trial.PRESETS.values()] == [question.name for question in QUESTIONS]
    whole = protocols.judge(MAIN, RECORD)
    for setting in ("addition", "learned", "lengths"):
        assert list(decided(setting)) == [c for c in whole if c.setting == setting]
    for question in QUESTIONS:
        words = Trial(TrialState(question.name, 0)).words()
        for by_part in answers(question, whole).values():
            assert all(said(comparison) in words for comparison in by_part.values())
