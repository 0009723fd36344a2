"""The quantile gate without a browser: state, model, words, controls and picture."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qae_sim.advantages import grpo, qae
from qae_sim.explorers import GateState, QuantileGate
from qae_sim.explorers.quantile_gate import describe, gate
from qae_sim.plots import style

states = st.integers(2, 32).flatmap(
    lambda g: st.builds(GateState, k=st.integers(1, 99).map(lambda k: k / 100), g=st.just(g), c=st.integers(0, g))
)


class TestState:
    @given(states)
    def test_text_and_back(self, state: GateState) -> None:
        explorer_text = f"k={state.k}&g={state.g}&c={state.c}"
        assert QuantileGate.from_state(explorer_text).state == state

    def test_what_is_left_out_keeps_its_default(self) -> None:
        assert QuantileGate.from_state("k=.25").state == GateState(k=0.25)
        assert QuantileGate.from_state("").state == GateState()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("k=2", r"^k must be a finite number in \[0.01, 0.99\]; got 2.0"),
            ("c=17", r"^c must be an integer from 0 to 16; got 17"),
            ("g=1", r"^g must be an integer from 2 to 32; got 1"),
            ("g=x", r"^g must be written as int; got 'x'"),
            ("q=1", r"^state must be name=value pairs"),
            ("k=.4&k=.5", r"^state must be name=value pairs"),
        ],
    )
    def test_wrong_text(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            QuantileGate.from_state(text)


class TestModel:
    @given(states)
    def test_numbers_come_from_the_estimators(self, state: GateState) -> None:
        result = gate(state)
        rewards = np.repeat([0.0, 1.0], [state.g - state.c, state.c])
        assert np.array_equal(result.qae, qae(rewards, state.k))
        assert np.array_equal(result.grpo, grpo(rewards))
        assert result.rewards[result.rank - 1] == result.baseline

    @given(states)
    def test_words_agree_with_numbers(self, state: GateState) -> None:
        why, who = describe(state)
        result = gate(state)
        assert why.startswith("Hard" if result.baseline == 0 else "Easy")
        assert who.startswith(f"{np.count_nonzero(result.qae == 0)} of {state.g}")

    def test_words(self) -> None:
        why, who = describe(GateState(k=0.4, g=16, c=3))
        assert why == "Hard query: p = 3/16 = 0.188 ≤ 1 − K = 0.6, so the baseline is b = 0."
        assert who.startswith(
            "13 of 16 advantages are zero, those of the wrong responses. Each correct response gets +2.56"
        )


class TestControls:
    def test_sliders_move_picture_and_words(self) -> None:
        explorer = QuantileGate()
        before = explorer.image.value, explorer.readout.value
        explorer.c.value = 13
        assert explorer.image.value != before[0]
        assert "Easy query" in explorer.readout.value
        assert 'role="status"' in explorer.readout.value

    def test_presets_and_reset(self) -> None:
        explorer = QuantileGate.from_state("k=.3&g=8&c=2")
        assert len(explorer.presets) >= 3
        for name, button in explorer.presets.items():
            button.click()
            assert explorer.state == QuantileGate.PRESETS[name]
        explorer.reset.click()
        assert explorer.permalink() == "k=0.3&g=8&c=2"

    def test_a_smaller_group_holds_fewer_correct_responses(self) -> None:
        explorer = QuantileGate.from_state("g=16&c=16")
        explorer.g.value = 4
        assert explorer.state == GateState(g=4, c=4)

    def test_every_control_says_what_it_is(self) -> None:
        explorer = QuantileGate()
        for control in (explorer.k, explorer.c, explorer.g, explorer.reset, *explorer.presets.values()):
            assert control.description


class TestPicture:
    def test_size_and_alternative_text(self) -> None:
        explorer = QuantileGate()
        found = re.search(r'alt="(.*?)" width="1200".*base64,(.*?)"', explorer.image.value)
        assert found
        assert found.group(1) == " ".join(describe(explorer.state))
        assert Image.open(io.BytesIO(base64.b64decode(found.group(2)))).size == (1200, 640)

    def test_the_same_state_gives_the_same_picture_whatever_came_before(self) -> None:
        first = QuantileGate.from_state("k=.7&g=9&c=4")
        second = QuantileGate()
        second.g.value = 20
        second.set_state(first.state)
        assert first.png() == second.png()

    def test_a_viewer_without_widgets_gets_a_picture_and_a_sentence(self) -> None:
        bundle = QuantileGate()._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert base64.b64decode(bundle["image/png"])[:4] == b"\x89PNG"
        assert bundle["text/plain"].startswith("Hard query")

    @pytest.mark.parametrize("name", ["CORRECT", "WRONG", "BASELINE", "OTHER", "MUTED"])
    def test_colours_stand_out_on_white(self, name: str) -> None:
        colour = getattr(style, name)
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 3  # WCAG 1.4.11
