"""What lessons are made of: predictions, exercises, theorems beside samples, claims."""

from __future__ import annotations

import html
import json
import math
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")

from hypothesis import given
from hypothesis import strategies as st

from qae_sim.advantages import AdvantageRule
from qae_sim.explorers import (
    BarsPrediction,
    Claims,
    CurvePrediction,
    Predict,
    Prediction,
    SliderPrediction,
    Slip,
    Solution,
    Story,
    check,
    compare,
)
from qae_sim.explorers.exercises import COMPARED, EXERCISES, FunctionExercise, Misconception
from qae_sim.explorers.lesson import QUIZ_MIME
from qae_sim.explorers.predictions import PREDICTIONS, prediction
from qae_sim.explorers.story import SCENES, STORY_MIME
from qae_sim.logs.digest import KS
from qae_sim.theory import all_claims
from qae_sim.theory.verify import described

#: What predictions that are set share.
AXIS: dict[str, Any] = {"question": "What?", "low": 0, "high": 1, "step": 0.05, "near": 0.1, "why": "So."}


class TestPredict:
    def test_viewers_without_widgets_get_the_question(self) -> None:
        question = Predict(Prediction("Which?", ("this", "that"), 1, ("No.", "Yes.")))
        bundle, _ = question._repr_mimebundle_()
        assert bundle["text/plain"] == "Which? (this; that)"
        assert bundle[QUIZ_MIME]["answer"] == 1

    @pytest.mark.parametrize("name", [name for name in PREDICTIONS if name != "silenced-1"])
    def test_no_option_is_another_and_no_question_tells(self, name: str) -> None:
        asked = prediction(name)
        spec = Predict(name).spec
        assert spec["question"] == asked.question
        assert json.loads(json.dumps(spec)) == asked.spec()
        if isinstance(asked, Prediction):
            assert len(set(asked.options)) == len(asked.options)
            assert not any(why in asked.question for why in asked.why)
        else:
            assert asked.why not in asked.question
            assert len({slip.hint for slip in asked.slips}) == len(asked.slips)

    @pytest.mark.parametrize("share", [0.79, 0.52, 0.18, 0.66])
    def test_the_share_of_a_log_is_among_the_options(self, share: float) -> None:
        digest = SimpleNamespace(silenced_by_k=np.full(len(KS), share))
        asked = prediction("silenced-1", digest)
        assert isinstance(asked, Prediction)
        assert asked.options[asked.answer] == f"About {10 * round(10 * share)} %"
        assert len(set(asked.options)) == 3

    def test_a_verdict_that_is_asked_for_is_that_of_the_registry(self) -> None:
        verdicts = [str(claim.expected) for claim in all_claims().values()]
        assert 0.4 < verdicts.count("certified") / len(verdicts) < 0.6
        asked = prediction("verify-1")
        assert isinstance(asked, Prediction)
        assert asked.options[asked.answer] == "about half"

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="name must be one of ten-1"):
            Predict("?")

    @pytest.mark.parametrize(
        ("options", "answer", "why", "message"),
        [
            (("one",), 0, ("x",), "options must be at least two"),
            (("one", "two"), 0, ("x",), "why must be one explanation for each of 2"),
            (("one", "two"), 2, ("x", "y"), "answer must be from 0 to 1; got 2"),
        ],
    )
    def test_refuses(self, options: tuple[str, ...], answer: int, why: tuple[str, ...], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Prediction("?", options, answer, why)

    def test_what_is_set_is_said_as_text(self) -> None:
        bundle, _ = Predict(SliderPrediction(label="b", truth=0.25, **AXIS))._repr_mimebundle_()
        assert bundle["text/plain"] == "What? (Set b between 0 and 1.)"
        assert bundle[QUIZ_MIME]["truth"] == [0.25]

    def test_the_truth_of_a_curve_is_read_off_it(self) -> None:
        asked = CurvePrediction(x="p", y="H", places=(0, 0.25, 1), curve=((0, 0), (0.5, 1), (1, 0)), **AXIS)
        assert asked.spec()["truth"] == [0, 0.5, 0]
        assert asked.spec()["labels"][1] == "H at p = 0.25"
        assert str(asked) == "What? (Draw H against p from 0 to 1.)"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"high": -1}, "high must be greater than low"),
            ({"step": 0}, "step must be greater than 0"),
            ({"near": 0.01}, "near must be at least half a step"),
            ({"truth": (0.5, 2)}, "truth must be from 0 to 1"),
            ({"truth": (0.5,)}, "truth must be 2 numbers"),
            ({"bars": ("one",)}, "bars must be at least two"),
            ({"slips": (Slip((0.5,), "x"),)}, "slips must be 2 numbers"),
            ({"slips": (Slip((0.5, 3), "x"),)}, "slips must be from 0 to 1"),
            ({"slips": (Slip((0.5, 0.25), "x"),)}, "slips must be different"),
        ],
    )
    def test_refuses_bars(self, change: dict[str, Any], message: str) -> None:
        fine: dict[str, Any] = {"bars": ("a", "b"), "truth": (0.5, 0.25), **AXIS}
        BarsPrediction(**fine)
        with pytest.raises(ValueError, match=message):
            BarsPrediction(**{**fine, **change})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"places": (0, 1)}, "places must be at least three"),
            ({"places": (0, 1, 0.5)}, "places must be from left to right"),
            ({"curve": ((0, 0), (0, 1), (1, 0))}, "curve must be from left to right"),
            ({"curve": ((0, 0), (0.5, 0.1))}, "curve must be from 0 to 1 like places"),
            ({"curve": ((0, 0), (0.4, 2), (0.5, 1), (1, 0))}, "curve must be from 0 to 1"),
        ],
    )
    def test_refuses_curves(self, change: dict[str, Any], message: str) -> None:
        fine: dict[str, Any] = {"x": "p", "y": "H", "places": (0, 0.5, 1), "curve": ((0, 0), (1, 1)), **AXIS}
        CurvePrediction(**fine)
        with pytest.raises(ValueError, match=message):
            CurvePrediction(**{**fine, **change})


FUNCTIONS = {name: found for name, found in EXERCISES.items() if isinstance(found, FunctionExercise)}
SLIPS = [(name, slip) for name, found in FUNCTIONS.items() for slip in found.misconceptions]


def published(name: str) -> Any:
    """What a published solution defines: its last function, or ``answer``."""
    names: dict[str, Any] = {}
    exec(repr(Solution(name)), names)
    return names["answer"] if "answer" in names else [x for x in names.values() if isinstance(x, FunctionType)][-1]


class TestCheck:
    @pytest.mark.parametrize("name", EXERCISES)
    def test_the_published_solution_is_right(self, name: str) -> None:
        outcome = check(name, published(name))
        assert outcome.fine, outcome
        assert repr(outcome).startswith("Right")

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_our_own_answer_is_right(self, name: str) -> None:
        assert check(name, FUNCTIONS[name].reference).fine

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_a_slightly_wrong_answer_is_not(self, name: str) -> None:
        reference = FUNCTIONS[name].reference
        assert not check(name, lambda *case: np.asarray(reference(*case), dtype=float) + 1e-3).fine

    @pytest.mark.parametrize(("name", "slip"), SLIPS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(SLIPS)])
    def test_a_misconception_gets_its_hint_and_no_other_does(self, name: str, slip: Misconception) -> None:
        outcome = check(name, slip.slip)
        assert outcome.fine is False
        assert repr(outcome).endswith(f"Hint: {slip.hint}")
        assert "Hint" not in repr(check(name, lambda *case: np.full(np.shape(slip.slip(*case)), 17.0)))

    @pytest.mark.parametrize("name", EXERCISES)
    def test_what_nobody_has_typed_is_not_judged(self, name: str) -> None:
        for nothing in (..., None, *([lambda *case: None] if name in FUNCTIONS else [])):
            outcome = check(name, nothing)
            assert outcome.fine is None
            assert "Nothing is written yet" in repr(outcome)

    @pytest.mark.parametrize(
        ("name", "answer", "says"),
        [
            ("order", (0.49, 0.1), "the preset's"),
            ("order", (0.6, 1.0), "holds at every step size"),
            ("order", (0.45, 0.2), "holds up to eta = 0.401"),
            ("order", (0.45, -0.2), "eta is positive"),
            ("order", "nonsense", "not of the form"),
            ("high entropy", COMPARED, "Nothing has been changed"),
            ("high entropy", COMPARED.with_(eta=0.1, runs=8), "here are 2: runs, eta"),
            ("high entropy", COMPARED.with_(steps=5), "not among the fields"),
            ("high entropy", COMPARED.with_(rule=AdvantageRule("qae", {"k": 0.8})), "at another pace"),
            ("high entropy", 3, "The answer is a study"),
            ("so", [["so", "yes"], ["well", "yes"], ["so", "no"], ["well", "no"]], "as many correct as wrong"),
            ("so", [["so", "yes"], ["well", "yes"], ["so", "no"], ["so", "no"]], "more correct responses than"),
            ("so", [["well", "yes"]] * 4, "does not contain"),
            ("so", [["so"]], "four responses of two words"),
            ("threshold", [(Fraction(1, 2), Fraction(1, 2))], "for G = 2"),
            ("threshold", [(Fraction(0), Fraction(1))], "give a width"),
            ("threshold", [(Fraction(0), Fraction(1, 2))], "the same sign"),
            ("threshold", [], "There is one root"),
        ],
    )
    def test_hints_of_what_is_to_be_found(self, name: str, answer: Any, says: str) -> None:
        outcome = check(name, answer)
        assert outcome.fine is False
        assert says in repr(outcome)

    def test_the_first_failing_case_is_shown(self) -> None:
        outcome = check("mean baseline", lambda rewards: np.array(rewards) - 0.25)
        assert repr(outcome).startswith("Not yet. For ([1, 1, 1, 0],) it should give [0.25, 0.25, 0.25, -0.75]; yours")

    def test_errors_of_the_learner_are_shown(self) -> None:
        def broken(rewards: Any) -> Any:
            raise ZeroDivisionError("division by zero")

        assert "raises ZeroDivisionError: division by zero" in repr(check("grpo", broken))
        assert "Not yet" in check("grpo", lambda rewards: "nonsense")._repr_html_()

    def test_colours_are_those_of_the_page(self) -> None:
        for outcome in (check("grpo", ...), check("grpo", FUNCTIONS["grpo"].reference), check("grpo", len)):
            assert "background" not in outcome._repr_html_()
            assert "; color" not in outcome._repr_html_()

    def test_unknown_exercise(self) -> None:
        for ask in (lambda: check("?", len), lambda: Solution("?")):
            with pytest.raises(ValueError, match="name must be one of mean baseline"):
                ask()


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
        assert html.count("<dt>") == html.count("<dd>") == 2
        assert "<code>qae.finite-step-low</code>" in html

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="claim must be the identifier"):
            Claims("?")

    def test_where_checks_cannot_run_it_quotes_what_they_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = ("ha-dw.theorem1-own-reward", "qae.eq4")
        here = Claims(*ids)
        found = tmp_path / "found_before.json"
        found.write_bytes(described(here.results))
        module = import_module("qae_sim.theory.verify")  # the package has a function of this name
        monkeypatch.setattr(module, "FOUND_BEFORE", found)

        def waits(quick: bool) -> None:
            raise ModuleNotFoundError("no python-flint", name="flint")

        known = dict(all_claims())
        known["qae.eq4"] = replace(known["qae.eq4"], check=waits)
        monkeypatch.setattr(module, "all_claims", lambda: known)
        there = Claims(*ids)
        told = "Checked before, because the check needs python-flint, which Python here does not have: qae.eq4."
        assert repr(there) == f"{here!r}\n{told}"
        assert there._repr_html_() == f"{here._repr_html_()}<p>{told}</p>"
        found.unlink()
        with pytest.raises(ModuleNotFoundError, match="no python-flint"):
            Claims(*ids)


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


class TestStory:
    @pytest.mark.parametrize("name", SCENES)
    def test_viewers_without_widgets_get_what_it_shows(self, name: str) -> None:
        bundle, _ = Story(name, "k=0.2")._repr_mimebundle_()
        assert bundle["text/plain"] == SCENES[name]
        assert bundle[STORY_MIME] == {"scene": name, "state": "k=0.2", "frames": [], "every": 0}

    def test_it_moves_where_it_can(self) -> None:
        spec = Story("arrows", moving=True).spec
        assert spec["frames"] == ["groups=1", "groups=10", "groups=100", "groups=1000"]
        with pytest.raises(ValueError, match="moving must be False for breaks"):
            Story("breaks", moving=True)

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="scene must be one of ten"):
            Story("?")
