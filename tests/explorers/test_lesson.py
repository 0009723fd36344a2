"""What lessons are made of: predictions, exercises, theorems beside samples, claims."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")

from hypothesis import given
from hypothesis import strategies as st

from qae_sim.explorers import Claims, Predict, check, compare
from qae_sim.explorers.exercises import EXERCISES
from qae_sim.explorers.lesson import QUIZ_MIME


class TestPredict:
    def test_viewers_without_widgets_get_the_question(self) -> None:
        question = Predict("Which?", ["this", "that"], 1, ["No.", "Yes."])
        bundle, _ = question._repr_mimebundle_()  # type: ignore[misc]
        assert bundle["text/plain"] == "Which? (this; that)"
        assert bundle[QUIZ_MIME]["answer"] == 1

    @pytest.mark.parametrize(
        ("options", "answer", "why", "message"),
        [
            (["one"], 0, ["x"], "options must be at least two"),
            (["one", "two"], 0, ["x"], "why must be one explanation for each of 2"),
            (["one", "two"], 2, ["x", "y"], "answer must be from 0 to 1; got 2"),
        ],
    )
    def test_refuses(self, options: list[str], answer: int, why: list[str], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Predict("?", options, answer, why)


class TestCheck:
    @pytest.mark.parametrize("name", EXERCISES)
    def test_our_own_answer_is_right(self, name: str) -> None:
        outcome = check(name, EXERCISES[name][0])
        assert outcome.fine
        assert "Right in all" in repr(outcome)

    @pytest.mark.parametrize("name", EXERCISES)
    def test_a_slightly_wrong_answer_is_not(self, name: str) -> None:
        reference = EXERCISES[name][0]
        assert not check(name, lambda *case: np.asarray(reference(*case), dtype=float) + 1e-3).fine

    def test_the_first_failing_case_is_shown(self) -> None:
        outcome = check("mean baseline", lambda rewards: np.array(rewards) - 0.25)
        assert repr(outcome).startswith("Not yet. For ([1, 1, 1, 0],) it should give [0.25, 0.25, 0.25, -0.75]; yours")

    def test_errors_of_the_learner_are_shown(self) -> None:
        def broken(rewards: Any) -> Any:
            raise ZeroDivisionError("division by zero")

        assert "raises ZeroDivisionError: division by zero" in repr(check("grpo", broken))
        assert "Not yet" in check("grpo", lambda rewards: "nonsense")._repr_html_()

    def test_unknown_exercise(self) -> None:
        with pytest.raises(ValueError, match="name must be one of mean baseline"):
            check("?", len)


class TestCompare:
    @given(st.integers(0, 2**31), st.floats(-3, 3))
    def test_samples_of_the_stated_mean_agree_but_rarely_do_not(self, seed: int, mean: float) -> None:
        samples = np.random.default_rng(seed).normal(mean, 1, 400)
        distance = abs(samples.mean() - mean) / (samples.std(ddof=1) / 20)
        assert compare("a mean", mean, samples).fine == (distance <= 3.2905)

    def test_words(self) -> None:
        samples = np.random.default_rng(0).normal(0, 1, 400)
        outcome = compare("a mean", 1.0, samples)
        assert not outcome.fine
        assert repr(outcome).startswith("A mean: the theory says 1; 400 samples say")
        assert repr(outcome).endswith("They do not agree.")
        with pytest.raises(ValueError, match="samples must be at least 30"):
            compare("a mean", 0.0, [1.0] * 5)


class TestClaims:
    def test_as_text_and_table(self) -> None:
        shown = Claims("ha-dw.theorem1-own-reward", "qae.finite-step-low")
        assert "refuted" in repr(shown)
        assert "It holds if q >= 1/2" in repr(shown)
        html = shown._repr_html_()
        assert html.count("<tr>") == 3
        assert "<code>qae.finite-step-low</code>" in html

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="claim must be the identifier"):
            Claims("?")


class TestFindings:
    def test_shows_every_number_of_a_study(self) -> None:
        from qae_sim.explorers import Findings

        shown = Findings("k", "mass")
        page = shown._repr_html_()
        assert {f.study for f in shown.findings} == {"k", "mass"}
        for f in shown.findings:
            assert html.escape(f.claim) in page
            assert f.verdict in repr(shown)
            for e in f.evidence:
                assert f"{html.escape(e.setting)}: <b>{e.mean:+.3f}</b> [{e.low:+.3f}, {e.high:+.3f}]" in page
        assert page.count("<svg") == sum(len(f.evidence) for f in shown.findings)

    def test_intervals_are_drawn_on_their_side(self) -> None:
        from qae_sim.explorers.recorded_runs import _interval
        from qae_sim.lm.studies import Comparison
        from qae_sim.pictures.style import CORRECT, MUTED, WRONG

        assert 'x1="80" x2="110"' in _interval(Comparison("here", 0.5, 0.25, 0.75, 5), 1.0)
        colours = [(0.1, 0.3, CORRECT), (-0.1, 0.3, MUTED), (-0.3, -0.1, WRONG)]
        for low, high, colour in colours:
            assert colour in _interval(Comparison("here", (low + high) / 2, low, high, 5), 1.0)
        assert 'x1="5" x2="125"' in _interval(Comparison("here", 0.0, -math.inf, math.inf, 1), 1.0)
