"""Explorers without a browser: states, pictures, words, and what the browser would send."""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

pytest.importorskip("anywidget")

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import qae_sim.explorers as explorers_module
from qae_sim.advantages import ESTIMATORS, qae
from qae_sim.explorers import (
    BarsPrediction,
    CurvePrediction,
    EntropyCovariance,
    EstimatorTable,
    Explorer,
    LengthRuns,
    PartAdvantages,
    QuantileGate,
    SliderPrediction,
)
from qae_sim.explorers.anchor_tracking import BATCHES
from qae_sim.explorers.credit_within_responses import METHODS, PartState
from qae_sim.explorers.estimator_table import TableState
from qae_sim.explorers.explorer import MIME, PARTS, SITE
from qae_sim.explorers.length_pressure import KS, ODDS, PS, LengthState, model
from qae_sim.explorers.length_runs import LOSSES, curve, differences
from qae_sim.explorers.predictions import prediction
from qae_sim.explorers.state import Control, State, number
from qae_sim.lm.protocols import judge, read, recorded
from qae_sim.pictures.scene import Bars, LookupTable, Panel, Picture
from qae_sim.softmax import entropy
from qae_sim.theory import all_claims, expected_credit, length_pressure

EXPLORERS: list[type[Explorer[Any]]] = [
    kind
    for kind in (getattr(explorers_module, name) for name in explorers_module.__all__)
    # A training log is somebody's: it has a test of its own, with a log.
    if isinstance(kind, type) and issubclass(kind, Explorer) and kind not in (Explorer, explorers_module.TrainingLog)
]


def test_every_estimator_can_be_seen() -> None:
    """The explorers' column of the matrix: side by side, or part by part."""
    seen = {*dict(EstimatorTable.STATE.controls()["first"].options), *METHODS}
    assert seen | {"ktae"} == set(ESTIMATORS)  # KTAE has KeyTokens
    for name in seen - set(METHODS):
        shown = EstimatorTable(TableState(name, "grpo", "qae", x=(0.2, 0.9, 0.4, 0.1, 0.8, 0.3, 0.6, 0.5)))
        assert f"{name}: from" in shown.words()
    for method in METHODS:
        words = {PartAdvantages(PartState(method, x)).words() for x in ((1.0,) * 8, (1.0, 0.0) * 4, (0.0,) * 8)}
        assert all(said.startswith(METHODS[method]) for said in words)


of_all = pytest.mark.parametrize("kind", EXPLORERS, ids=[kind.__name__ for kind in EXPLORERS])


def others(explorer: Explorer[Any], name: str, control: Control) -> list[Any]:
    """Values of a control far from the present one."""
    value = getattr(explorer.state, name)
    if control.kind == "choice":
        return [option for option, _ in control.options if option != value]
    if control.kind == "numbers":
        return [(end, *value[1:]) for end in (control.low, float(control.high))]
    end = explorer.state.end_of(name)
    return [type(value)(x) for x in (control.low, end)]


@of_all
class TestEveryExplorer:
    def test_opens_with_its_presets(self, kind: type[Explorer[Any]]) -> None:
        explorer = kind()
        assert len(kind.PRESETS) >= 3
        for name, state in kind.PRESETS.items():
            explorer.preset(name)
            assert explorer.state == state
            assert explorer.problem == ""
            assert len(explorer.words()) > 40
            assert explorer.table() or kind.__name__ == "KeyTokens"

    def test_every_control_moves_picture_or_words(self, kind: type[Explorer[Any]]) -> None:
        """In some preset at least: a control that never does anything is none."""
        idle = set(kind.STATE.controls())
        for state in kind.PRESETS.values():
            for name in sorted(idle):
                for value in others(kind(state), name, kind.STATE.controls()[name]):
                    explorer = kind(state)
                    before = explorer.words(), str(explorer.spec["picture"]), explorer.data, explorer.picture()
                    explorer.set(**{name: value})
                    assert explorer.problem == ""
                    after = explorer.words(), str(explorer.spec["picture"]), explorer.data, explorer.picture()
                    if after[:3] != before[:3] or str(after[3]) != str(before[3]):
                        idle.discard(name)
        assert idle == set()

    def test_permalinks_lead_back(self, kind: type[Explorer[Any]]) -> None:
        for state in kind.PRESETS.values():
            explorer = kind(state)
            again = kind.from_state(explorer.permalink())
            assert again.state == explorer.state
            assert again.words() == explorer.words()

    def test_says_what_is_wrong_with_a_text(self, kind: type[Explorer[Any]]) -> None:
        with pytest.raises(ValueError, match="state must be name=value pairs joined by &, each of"):
            kind.from_state("nonsense=1")
        name, control = next((n, c) for n, c in kind.STATE.controls().items() if c.kind in ("number", "whole"))
        with pytest.raises(ValueError, match=f"^{name} must be"):
            kind.from_state(f"{name}={float(control.low) - 1:g}")

    def test_reset_and_hide(self, kind: type[Explorer[Any]]) -> None:
        first = list(kind.PRESETS.values())[1]
        names = [*kind.STATE.controls(), *PARTS]
        explorer = kind(first, hide=names)
        assert set(names) <= set(explorer.spec["hidden"])
        explorer.preset(next(iter(kind.PRESETS)))
        explorer.reset()
        assert explorer.state == first
        with pytest.raises(ValueError, match="hide must be among"):
            kind(hide=["nothing"])

    def test_every_control_is_described(self, kind: type[Explorer[Any]]) -> None:
        for control in kind.STATE.controls().values():
            assert control.label[0].isupper() or control.label.startswith(("α", "η"))

    def test_its_claims_exist(self, kind: type[Explorer[Any]]) -> None:
        assert kind.CLAIMS
        assert [claim[0] for claim in kind().spec["claims"]] == list(kind.CLAIMS)
        assert set(kind.CLAIMS) <= set(all_claims())

    def test_a_viewer_without_widgets_gets_a_picture_and_a_sentence(self, kind: type[Explorer[Any]]) -> None:
        explorer = kind()
        bundle, _ = explorer._repr_mimebundle_()
        assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).size == (1200, 640)
        assert bundle["text/plain"] == explorer.words()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert base64.b64decode(bundle[MIME]["data"]) == explorer.data

    def test_what_goes_to_the_browser_is_plain(self, kind: type[Explorer[Any]]) -> None:
        for state in kind.PRESETS.values():
            explorer = kind(state)
            json.dumps(explorer.spec, allow_nan=False)
            assert len(explorer.data) % 4 == 0
            assert len(explorer.data) < 1_500_000

    def test_pictures_are_pure(self, kind: type[Explorer[Any]]) -> None:
        """The same state gives the same picture, whatever came before."""
        state = list(kind.PRESETS.values())[-1]
        wandered = kind()
        for name in kind.PRESETS:
            wandered.preset(name)
        wandered.go(state)
        assert wandered.png() == kind(state).png()
        assert wandered.data == kind(state).data


@dataclass(frozen=True)
class HeightState(State):
    factor: float = number(1.0, "Factor", 1.0, 9.0, 1.0, local=True)
    shift: float = number(0.0, "Shift", 0.0, 9.0, 1.0)


class Heights(Explorer[HeightState]):
    """An explorer with data of its own, which count how often it draws."""

    STATE = HeightState
    PRESETS: ClassVar = {"shifted": HeightState(shift=2.0)}

    def __init__(self, heights: list[float], **options: Any) -> None:
        self.heights, self.drawn = heights, 0
        super().__init__(**options)

    def show(self, state: HeightState) -> Picture:
        self.drawn += 1
        heights = np.array(self.heights) + state.shift
        table = LookupTable(np.outer(np.arange(1.0, 10.0), heights), ("factor",))
        bars = Bars(np.arange(float(len(heights))), table, "#000000", "heights")
        return Picture((Panel("", "", "", (-1, 9), (0, 99), (bars,)),), (f"{len(heights)} bars",))


class TestData:
    """Explorers that draw from data: a log, runs that go on, somebody's samples."""

    def values(self, explorer: Heights) -> list[float]:
        return [row["value"] for row in explorer.table()]

    def test_data_are_drawn_and_remembered(self) -> None:
        explorer = Heights([1.0, 2.0])
        explorer.set(factor=3.0)
        assert self.values(explorer) == [3.0, 6.0]
        explorer.preset("shifted")
        assert self.values(explorer) == [3.0, 4.0]
        explorer.reset()
        assert self.values(explorer) == [1.0, 2.0]
        assert explorer.drawn == 2

    def test_data_that_change_are_drawn_anew(self) -> None:
        explorer = Heights([1.0])
        stamp = explorer.stamp
        explorer.heights.append(5.0)
        assert explorer.words() == "1 bars"  # nobody has said so yet
        explorer.redraw()
        assert explorer.words() == "2 bars"
        assert explorer.stamp == stamp + 1
        assert explorer.spec["picture"]["panels"][0]["layers"][0]["height"]["n"] == [9, 2]

    def test_presets_travel_with_sites(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(SITE, "1")
        explorer = Heights([1.0], hide=["style"])
        bundle, _ = explorer._repr_mimebundle_()
        (stored,) = bundle[MIME]["others"]
        alone = Heights([1.0], hide=["style"])
        alone.preset("shifted")
        assert stored["spec"] == alone.spec
        assert base64.b64decode(stored["data"]) == alone.data

    def test_no_explorer_overrides_what_is_private(self) -> None:
        from qae_sim.explorers.live_training import Curves, SampledSolutions

        methods = [name for name, value in vars(Explorer).items() if name.startswith("_") and callable(value)]
        private = [name for name in methods if not name.endswith("__")]
        assert "_picture_of" in private
        for kind in (*EXPLORERS, explorers_module.TrainingLog, Curves, SampledSolutions):
            assert [name for name in private if getattr(kind, name) is not getattr(Explorer, name)] == []


class TestTime:
    def test_steps(self) -> None:
        explorer = explorers_module.KalmanAnchorExplorer.from_state("t=5")
        explorer.step()
        assert explorer.state.t == 6
        explorer.set(t=120)
        with pytest.raises(ValueError, match="t must be an integer from 1 to 120"):
            explorer.step()

    def test_only_where_time_passes(self) -> None:
        with pytest.raises(ValueError, match="an explorer in which time passes"):
            QuantileGate().step()


class TestBrowser:
    def test_what_the_browser_looks_up_needs_no_answer(self) -> None:
        explorer = QuantileGate()
        stamp = explorer.stamp
        explorer.take({"state": explorer.spec["state"] | {"k": 0.7}, "count": 1})
        assert explorer.state.k == 0.7
        assert explorer.stamp == stamp

    def test_other_controls_are_answered(self) -> None:
        explorer = QuantileGate()
        stamp = explorer.stamp
        explorer.take({"state": explorer.spec["state"] | {"g": 8}, "count": 1})
        assert explorer.stamp == stamp + 1
        assert explorer.spec["controls"]["c"]["high"] == 8

    def test_a_problem_is_cleared_by_the_next_move_whatever_it_is(self) -> None:
        explorer = QuantileGate()
        explorer.take({"state": explorer.spec["state"] | {"g": 99}, "count": 1})
        assert explorer.problem
        explorer.take({"state": explorer.spec["state"] | {"k": 0.7}, "count": 2})
        assert explorer.problem == explorer.spec["problem"] == ""

    def test_controls_that_do_not_matter_are_hidden(self) -> None:
        explorer = QuantileGate.from_state("view=weights", hide=["claims"])
        assert explorer.spec["hidden"] == ["claims", "c", "spread"]
        explorer.set(view="sparsity")
        assert explorer.spec["hidden"] == ["claims", "c"]
        explorer.set(view="quantiles")
        assert explorer.spec["hidden"] == ["claims", "verifier", "spread"]

    @pytest.mark.parametrize("changes", [{"k": 0.7}, {"g": 8}, {"g": 99}])
    def test_every_message_is_answered_by_its_number(self, changes: dict[str, Any]) -> None:
        """Whether a picture comes, none has to, or there is a problem: else the browser would wait."""
        explorer = QuantileGate()
        explorer.take({"state": explorer.spec["state"] | changes, "count": 7})
        assert explorer.answered == 7

    def test_a_measure_that_was_not_recorded_is_said(self) -> None:
        explorer = explorers_module.RecordedRuns.from_state("what=one_sided")
        explorer.set(left="entropy_positive")
        assert re.search("was not recorded in all of these runs; choose another measure", explorer.problem)

    def test_a_simulation_shows_some_runs_first(self) -> None:
        """They are the first ones of all, and they answer nothing yet."""
        explorer = explorers_module.CollapseExplosion.from_state("steps=100&runs=24")
        seen: list[tuple[bool, int, str, bytes]] = []
        explorer.on_change(
            lambda: seen.append((explorer.spec["coarse"], explorer.answered, spoken(explorer), explorer.data))
        )

        def spoken(shown: Any) -> str:
            return "".join(part for part in shown.spec["picture"]["words"] if isinstance(part, str))

        explorer.take({"state": explorer.spec["state"] | {"eta": 0.25}, "count": 3})
        assert [(coarse, answered) for coarse, answered, *_ in seen] == [(True, 0), (False, 3)]
        assert seen[0][2].startswith("The first 8 of 24 runs, others are on their way. ")
        few = explorers_module.CollapseExplosion.from_state("steps=100&runs=8&eta=0.25")
        assert seen[0][3] == few.data
        assert seen[1][3] == explorers_module.CollapseExplosion.from_state("steps=100&runs=24&eta=0.25").data
        assert explorer.spec["state"]["eta"] == 0.25
        seen.clear()
        explorer.take({"state": explorer.spec["state"] | {"runs": 8}, "count": 4})
        assert [(coarse, answered) for coarse, answered, *_ in seen] == [(False, 4)]

    def test_an_error_after_a_coarse_picture_brings_the_old_one_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        explorer = explorers_module.CollapseExplosion.from_state("steps=100&runs=24")
        explorer.on_change(lambda: None)
        before, data, show = explorer.spec["picture"], explorer.data, type(explorer).show

        def fails(self: Any, state: Any) -> Any:
            if state.runs == 24:
                raise RuntimeError("no ink")
            return show(self, state)

        monkeypatch.setattr(explorers_module.CollapseExplosion, "show", fails)
        explorer.take({"state": explorer.spec["state"] | {"eta": 0.25}, "count": 3})
        assert "no ink" in explorer.problem
        assert (explorer.spec["picture"], explorer.data) == (before, data)

    def test_presets_that_change_what_is_hidden_are_hidden(self) -> None:
        first = QuantileGate.from_state("view=sparsity", hide=["view", "c"])
        assert list(first.spec["presets"]) == ["80 % zeros"]
        assert list(QuantileGate(hide=["claims"]).spec["presets"]) == list(QuantileGate.PRESETS)

    def test_at_most_three_controls_at_first(self) -> None:
        for kind in EXPLORERS:
            assert set(kind.LEADING) <= set(kind.STATE.controls())

    def test_touches_set_controls_that_there_are(self) -> None:
        for kind in EXPLORERS:
            for state in kind.PRESETS.values():
                for panel in kind(state).picture().panels:
                    for touch in panel.touches:
                        assert touch.control in kind.STATE.controls()

    def test_remembers_a_few_pictures_only(self) -> None:
        explorer = QuantileGate()
        for g in range(2, 30):
            explorer.set(g=g)
        assert len(explorer._pictures) == 16

    def test_a_smaller_group_holds_fewer_correct_responses(self) -> None:
        explorer = QuantileGate.from_state("g=16&c=16")
        explorer.take({"state": explorer.spec["state"] | {"g": 4}, "count": 1})
        assert (explorer.state.g, explorer.state.c) == (4, 4)

    def test_nonsense_is_shown_and_does_no_harm(self, caplog: pytest.LogCaptureFixture) -> None:
        explorer = QuantileGate()
        with caplog.at_level(logging.ERROR, "qae_sim.explorers"):
            explorer.take({"state": explorer.spec["state"] | {"g": 99}, "count": 1})
        assert "g must be an integer from 2 to 32" in explorer.problem
        assert explorer.spec["problem"] == explorer.problem
        assert caplog.records
        explorer.take({"state": explorer.spec["state"] | {"g": 8}, "count": 2})
        assert explorer.problem == explorer.spec["problem"] == ""

    @pytest.mark.parametrize(
        ("error", "says"), [(RuntimeError("no ink"), "no ink"), (KeyboardInterrupt(), "Interrupted")]
    )
    def test_an_error_in_the_view_is_shown(
        self, error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        explorer = QuantileGate()
        before, words = explorer.data, explorer.words()
        draw = QuantileGate.show

        def broken(self: QuantileGate, state: State) -> Any:
            raise error

        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "qae_sim.explorers"):
            patch.setattr(QuantileGate, "show", broken)
            explorer.set(g=8)
        assert says in explorer.problem
        assert (explorer.data, explorer.words()) == (before, words)
        assert says in caplog.text
        explorer.set(g=8)
        assert explorer.problem == ""
        assert QuantileGate.show == draw

    def test_an_estimator_that_refuses_is_shown(self) -> None:
        table = explorers_module.EstimatorTable()
        table.set(second="pos_mask", r=(0.5, *[0.0] * 7))
        assert "pos_mask is defined for rewards of 0 and 1 only" in table.problem
        table.set(second="qae")
        assert table.problem == ""


class TestTables:
    @given(st.integers(1, 99), st.integers(2, 20), st.data())
    @settings(max_examples=25)
    def test_lookups_are_what_the_estimators_give(self, k: int, g: int, data: st.DataObject) -> None:
        """What the browser would look up in the gate is what QAE computes."""
        from qae_sim.advantages import qae

        c = data.draw(st.integers(0, g))
        explorer = QuantileGate.from_state(f"k={k / 100}&g={g}&c={c}")
        bars = [layer for layer in explorer.picture().panels[1].layers if type(layer).__name__ == "Bars"]
        drawn = np.nansum([layer.height for layer in bars], axis=0)  # type: ignore[union-attr]
        rewards = np.repeat([0.0, 1.0], [g - c, c])
        assert drawn == pytest.approx(qae(rewards, k / 100))

    def test_a_table_over_a_slider_that_the_kernel_moves_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        draw = QuantileGate.show

        def wrong(self: QuantileGate, state: Any) -> Any:
            picture = draw(self, state)
            panel = replace(picture.panels[0], ylim=LookupTable(np.tile([0.0, 1.0], (31, 1)), ("g",)))
            return replace(picture, panels=(panel,))

        monkeypatch.setattr(QuantileGate, "show", wrong)
        with pytest.raises(ValueError, match="over must be among the sliders that the browser moves"):
            QuantileGate()

    def test_the_words_of_the_counterexample(self) -> None:
        explorer = explorers_module.Proposition42()
        explorer.preset("Counterexample")
        assert "breaks at this step size" in explorer.words()
        explorer.set(eta=0.02)
        assert "the order of Proposition 4.2 holds" in explorer.words()


class TestNumbers:
    """What is drawn against exact values of the claims, at places where a slip would show."""

    @pytest.mark.parametrize("reward", [None, 1, 0])
    def test_bias(self, reward: int | None) -> None:
        from fractions import Fraction

        from qae_sim.explorers.group_bias import PS, bias_given
        from qae_sim.theory.claims.ha_dw.group_mean_bias import expected_bias

        drawn = bias_given(8, reward)
        for place in (0, 19, 49, 73, 98):
            exact = expected_bias(8, Fraction(round(PS[place] * 100), 100), reward)
            assert drawn[place] == pytest.approx(float(exact), abs=1e-12)

    def test_probabilities_leave_out_equality(self) -> None:
        """At p = 1/2 groups of four successes among eight neither under- nor overestimate."""
        from math import comb

        table = explorers_module.GroupBias.from_state("view=probability&g=8").table()
        at_half = {row["series"]: row["value"] for row in table if row["x"] == 0.5}
        exact = sum(comb(8, k) for k in range(5, 8)) / (2**8 - 2)
        assert at_half["underestimated"] == pytest.approx(exact)
        assert at_half["overestimated"] == pytest.approx(exact)

    def test_shares_of_zeros(self) -> None:
        from fractions import Fraction

        from qae_sim.theory.claims.qae.zero_advantages import zero_share

        explorer = QuantileGate.from_state("view=sparsity&g=16&k=.4&spread=1")
        exact = [zero_share(n, 16, Fraction(2, 5)) for n in range(17)]  # uniform p: every n is as likely
        everything, mixed = 100 * float(sum(exact)) / 17, 100 * float(sum(exact[1:-1])) / 15
        assert f"{everything:.1f} % of all responses" in explorer.words()
        assert f"{mixed:.1f} % if groups" in explorer.words()
        gate = QuantileGate.from_state("g=16&c=13&k=.4")
        assert "13 of 16 advantages are exactly zero" in gate.words()

    def test_anchors_are_those_of_the_package(self) -> None:
        from qae_sim.advantages import SoftAnchor
        from qae_sim.explorers.anchor_tracking import AnchorState, batches, chase, fixed_gains

        state = AnchorState(prompts=4, g=4)
        capability, y = batches(state)
        soft = SoftAnchor(belief=0.5, eta=1.0, window=10)
        for t, accuracy in enumerate(y[:20]):
            assert chase(state, y)[0][0, t] == soft.belief
            rewards = np.arange(16) < round(accuracy * 16)
            soft = soft.update(rewards.astype(float).reshape(4, 4))
        beliefs, _ = fixed_gains(state, y, capability)
        assert beliefs[1, -1] == pytest.approx(y[0])  # a gain of 1 forgets everything
        assert (beliefs[:, 0] == 0.5).all()

    def test_baselines_of_the_papers_update(self) -> None:
        explorer = explorers_module.CollapseExplosion()
        explorer.preset("The paper's update")
        ends = {row["series"]: row["value"] for row in explorer.table() if row["panel"].startswith("Entropy")}
        assert ends["b = 0"] < ends["b = p"] < ends["b = 1"]

    def test_one_scale_for_all_updates(self) -> None:
        """A line that gets flat looks flat: a nat is as many pixels under every update, and the line stays inside."""
        heights, spans = set(), {}
        for update in ("paper", "policy_gradient", "natural_gradient", "groups"):
            panel = explorers_module.Proposition42.from_state(f"q=.2&arms=6&update={update}").picture().panels[0]
            low, high = panel.ylim
            heights.add(round(float(high - low), 9))
            line = panel.layers[1].y  # type: ignore[union-attr]
            spans[update] = float(np.ptp(line)) / float(high - low)
            assert low < line.min() <= line.max() < high
        assert len(heights) == 1
        assert spans["paper"] > 0.6
        assert max(spans[name] for name in spans if name != "paper") < 0.01

    @pytest.mark.parametrize(("verifier", "taken", "place"), [("false_positive", 0, 1), ("false_negative", 1, 0)])
    def test_an_error_of_the_verifier(self, verifier: str, taken: int, place: int) -> None:
        """The table takes it from the rewards; in the gate it is the response next to the border."""
        from qae_sim.advantages import grpo, qae

        table = explorers_module.EstimatorTable.from_state(f"r=1,0,0,0,0,0,0,0&verifier={verifier}")
        rewards = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
        assert rewards[place] == taken
        rewards[place] = 1 - taken
        drawn = [row["value"] for row in table.table() if row["series"] == "grpo"]
        assert drawn == pytest.approx(grpo(rewards))
        assert f"response {place + 1} is a {verifier.replace('_', ' ')}" in table.words()
        gate = QuantileGate.from_state(f"k=.4&g=10&c=1&verifier={verifier}")
        wanted = qae([0.0] * 9 + [1.0], 0.4)[-1 if verifier == "false_positive" else 0]
        assert f"gets {wanted:+.2f} under QAE".replace("+0.00", "0.00") in gate.words()
        nobody = QuantileGate.from_state(f"g=10&c={0 if verifier == 'false_positive' else 10}&verifier={verifier}")
        assert "(none in this group) gets undefined" in nobody.words()

    def test_adam_lets_the_entropy_rise_three_times_as_far_under_the_mean(self) -> None:
        """The sentence of lesson 4."""
        explorer = explorers_module.CollapseExplosion()
        explorer.preset("The optimiser decides")
        curves: dict[str, list[float]] = {}
        for row in explorer.table():
            if row["panel"].startswith("Entropy"):
                curves.setdefault(row["series"], []).append(row["value"])
        rises = {name: max(values) - values[0] for name, values in curves.items()}
        assert rises["QAE"] > 0
        assert rises["mean"] > 3 * rises["QAE"]

    @pytest.mark.parametrize("b", [0.0, 0.5, 1.0])
    def test_the_line_through_the_arms_rises_where_the_entropy_falls(self, b: float) -> None:
        """The sentence of lesson 5, at the state that refuted the one before it, too."""
        for text in ("", "z=-0.7,-1.2,-0.8,1.6,-1.5,1.4&r=1,0,0,0,0,1", "r=0,0,0,0,0,1", "r=1,0,0,0,0,0"):
            explorer = explorers_module.EntropyCovariance.from_state(f"{text}&b={b}&eta=.05".lstrip("&"))
            panels = explorer.picture().panels
            fit = panels[0].layers[1].y  # type: ignore[union-attr]
            first_order = panels[1].layers[1].y[0]  # type: ignore[union-attr]
            assert (fit[1] - fit[0]) * first_order < 0

    def test_batches_of_the_estimator_table(self) -> None:
        from qae_sim.advantages import rloo

        explorer = explorers_module.EstimatorTable.from_state("third=rloo")
        drawn = [row["value"] for row in explorer.table() if row["series"] == "rloo"]
        assert drawn == pytest.approx(rloo([1.0, 0, 0, 0, 0, 0, 0, 1]))

    def test_both_ends_of_the_bound(self) -> None:
        assert "K-quantile's baseline is 0, the lower" in explorers_module.EntropyCovariance().words()
        likely = explorers_module.EntropyCovariance.from_state("r=1,1,1,0,0,0")
        assert "K-quantile's baseline is 1, the upper" in likely.words()

    def test_limits_of_the_order(self) -> None:
        low = explorers_module.Proposition42.from_state("view=region&q=0.4&k=.4")
        assert f"η = {2 * np.log(1.5):.3f}" in low.words()
        high = explorers_module.Proposition42.from_state("view=region&q=0.4&k=.8")
        assert f"η = {np.log(1.5) / 0.6:.3f}" in high.words()

    @pytest.mark.parametrize(("variant", "count"), [("paper", 1.0), ("code", 1 / 18)])
    def test_term_frequencies_by_hand(self, variant: str, count: float) -> None:
        # 'wait' once in the 10 + 8 correct tokens, never in the 8 + 8 wrong ones; the released code divides by length.
        expected = 3 * count / (count + 2 * (0.5 + 0.5 * 18 / 17))
        explorer = explorers_module.KeyTokens.from_state(f"group=wait&token=6&variant={variant}")
        assert f"(BM25) {expected:.3f} and 0.000" in explorer.words()


class TestBeta:
    @pytest.mark.parametrize(("total", "g", "sigma"), [(4, 4, "1/10"), (8, 8, "1/10"), (12, 3, "1/4"), (2, 2, "1/2")])
    def test_bias_is_the_exact_one_for_whole_parameters(self, total: int, g: int, sigma: str) -> None:
        """Gauss's quadrature against rational integrals of the same formulas."""
        from fractions import Fraction

        from qae_sim.explorers.group_bias import PS, continuous_bias
        from qae_sim.theory.claims.ha_dw.continuous_rewards import bias

        ours = continuous_bias(total, g, float(Fraction(sigma)))
        for a in range(1, total):
            (place,) = np.flatnonzero(np.isclose(PS, a / total)) if np.isclose(PS, a / total).any() else (None,)
            if place is not None:
                exact = float(bias(a, total - a, g, Fraction(sigma)))
                assert ours[place] == pytest.approx(exact, abs=1e-5)  # four decimals are shown

    def test_bias_agrees_with_samples_where_the_density_has_poles(self) -> None:
        from qae_sim.explorers.group_bias import PS, continuous_bias

        rewards = np.random.default_rng(0).beta(0.2, 1.8, size=(400_000, 4))
        kept = rewards[np.ptp(rewards, axis=1) > 0.1].mean(axis=1)
        exact = continuous_bias(2.0, 4, 0.1)[np.isclose(PS, 0.1)][0]
        assert abs(kept.mean() - 0.1 - exact) < 4 * kept.std() / len(kept) ** 0.5

    def test_bias_is_antisymmetric_and_falls(self) -> None:
        from qae_sim.explorers.group_bias import continuous_bias

        bias = continuous_bias(4.0, 8, 0.1)
        assert bias == pytest.approx(-bias[::-1], abs=1e-12)
        assert (np.diff(bias) < 1e-9).all()


class TestLengthPressure:
    @pytest.mark.parametrize(("loss", "prompts"), [("sequence", 1), ("token", 1), ("token", 8), ("constant", 1)])
    @pytest.mark.parametrize("name", ["grpo", "qae"])
    def test_the_pressures_are_those_of_the_theory(self, name: str, loss: Any, prompts: int) -> None:
        state = LengthState(g=3, longer=5, prompts=str(prompts))
        found = model(state)
        shown = {"sequence": found.own, "token": found.shared, "constant": np.zeros_like(found.own)}[loss]
        lengths, correct = [1, 5, 1, 5], [1, 1, 0, 0]
        for at, (k, p) in enumerate(itertools.product((0.4, 0.8), (0.1, 0.5, 0.9))):
            more = {"k": k} if name == "qae" else {}
            policy = np.array([p, p, 1 - p, 1 - p]) / 2
            credit = expected_credit(name, policy, correct, lengths, 3, loss=loss, prompts=prompts, eps=0, **more)
            odds = (credit[:2].sum() - credit[2:].sum()) / 2  # how fast the odds' logarithm grows
            percent = 100 * ODDS * length_pressure(credit, policy, correct, lengths) / np.mean(lengths) / odds
            place = int(np.argmin(np.abs(KS - k))), int(np.argmin(np.abs(PS - p)))
            assert percent == pytest.approx(shown[place] if name == "qae" else 0, abs=1e-12), at

    def test_the_push_is_the_mean_advantage(self) -> None:
        found = model(LengthState(g=2))
        groups = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        p = PS[:, None]
        chance = np.prod(np.where(groups == 1, p[..., None], 1 - p[..., None]), axis=-1)
        for row, k in zip(found.push, KS, strict=True):
            assert row == pytest.approx(chance @ qae(groups, k=float(k), eps=0).mean(axis=1))

    def test_a_large_batch_has_next_to_no_pressure_and_keeps_its_sign(self) -> None:
        pushed = [model(LengthState(prompts=n)).shared for n in ("1", "8", "32", "128", "512")]
        for less, more in itertools.pairwise(pushed[::-1]):
            assert (np.sign(less) == np.sign(more)).all()
            assert (np.abs(less) <= np.abs(more)).all()
        assert (np.sign(pushed[0]) == -np.sign(model(LengthState()).push)).all()
        assert np.isfinite(model(LengthState(prompts="512", g=64)).shared).all()


class TestTruths:
    """What the lessons ask to predict, by other means."""

    def test_entropy_turns_where_the_prediction_says(self) -> None:
        asked = prediction("entropy-1")
        assert isinstance(asked, SliderPrediction)
        z = np.array(EntropyCovariance().state.z)
        h = float(entropy(z))
        for side, rises in ((0.999, True), (1.001, False)):
            # A policy of this entropy in which an arm has nearly the probability in question.
            pi = asked.truth * side
            others = five_others(h, pi)
            policy = np.log([pi, *others])
            lifted = entropy(policy + np.array([1e-6, *[0.0] * len(others)])) - entropy(policy)
            assert (lifted > 0) == rises
        assert float(entropy(np.log([asked.truth, *five_others(h, asked.truth)]))) == pytest.approx(h)

    def test_the_exact_gradients_line_is_flat(self) -> None:
        asked = prediction("proposition-1")
        assert isinstance(asked, CurvePrediction)
        assert {y for _, y in asked.curve} == {0.0}
        assert min(slip.answer[-1] for slip in asked.slips) < 0 < max(slip.answer[-1] for slip in asked.slips)

    def test_the_soft_anchor_has_starved(self) -> None:
        asked = prediction("anchor-1")
        assert isinstance(asked, CurvePrediction)
        assert max(y for _, y in asked.curve) < 0.31
        assert asked.places[-1] == BATCHES

    def test_the_length_grows_where_punishment_prevails(self) -> None:
        asked = prediction("length-1")
        assert isinstance(asked, BarsPrediction)
        own, shared, constant = asked.truth
        assert own == 1 > 100 * shared > 0 == constant


def five_others(h: float, pi: float) -> tuple[float, ...]:
    """Probabilities of five other arms, of which one is another than the rest, so that the entropy is h."""

    def of(share: float) -> tuple[float, ...]:
        rest = (1 - pi) * (1 - share) / 4
        return ((1 - pi) * share, rest, rest, rest, rest)

    low, high = 0.2, 1 - 1e-12  # from even to one arm alone the entropy falls
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if float(entropy(np.log([pi, *of(middle)]))) > h else (low, middle)
    return of(low)


class TestLengthRuns:
    @pytest.mark.parametrize("arm", ["QAE, K = .8", "QAE, K = .2"])
    @pytest.mark.parametrize("measure", ["length", "pass_1", "fixed_entropy"])
    def test_numbers_are_the_protocols(self, measure: str, arm: str) -> None:
        """All arms judged together have the same differences; paired here once more."""
        every = judge(read("main"), recorded("main"))
        for loss in LOSSES:
            (found,) = (f for f in every if (f.setting, f.arm, f.quantity) == (loss, arm, f"{measure}, run"))
            own = differences()[loss, arm, measure]
            assert (own.mean, own.low, own.high) == pytest.approx((found.mean, found.low, found.high))
            mean, ours = (curve(loss, name, measure).values for name in ("mean", arm))
            assert own.mean == pytest.approx(float(np.nanmean(ours, axis=1).mean() - np.nanmean(mean, axis=1).mean()))

    def test_the_lesson_says_what_the_runs_say(self) -> None:
        own, shared = (differences()[loss, "QAE, K = .8", "length"] for loss in ("lengths", "learned"))
        assert own.low > 10
        assert shared.low < 0 < shared.high < 0.5
        for loss in LOSSES:
            assert curve(loss, "mean", "pass_1").mean[-1] > 0.98
            assert curve(loss, "QAE, K = .8", "pass_1").mean[-1] > 0.98
        own, shared = (differences()[loss, "QAE, K = .8", "pass_1"] for loss in ("lengths", "learned"))
        assert own.high < shared.low
        assert shared.high < 0
        shorter, shared = (differences()[loss, "QAE, K = .2", "length"] for loss in ("lengths", "learned"))
        assert shorter.high < 0
        assert shared.low < 0 < shared.high
        constant = [run for run in recorded("main").configs if run.loss == "constant"]
        assert constant == []

    def test_words_follow_the_slider_and_differences_do_not(self) -> None:
        first, last = (LengthRuns.from_state(f"batch={batch}").words() for batch in (0, 100))
        start = curve("lengths", "mean", "length").mean[0]
        assert f"the mean {start:.1f}" in first
        assert first.split(". Over")[1] == last.split(". Over")[1]
