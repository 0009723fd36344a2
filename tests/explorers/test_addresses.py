"""Addresses of explorers' states: they lead back, and Python and the page read them alike."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

from hypothesis import given, settings
from hypothesis import strategies as st

import qae_sim.explorers as explorers_module
from qae_sim.explorers import EntropyCovariance, Explorer, QuantileGate, TrainingLog, address
from qae_sim.explorers.explorer import address_of
from qae_sim.explorers.live_training import Curves, SampledSolutions
from qae_sim.explorers.state import State

EXPLORERS: list[type[Explorer[Any]]] = [
    kind
    for kind in (getattr(explorers_module, name) for name in explorers_module.__all__)
    if isinstance(kind, type) and issubclass(kind, Explorer) and kind not in (Explorer, TrainingLog)
]
#: What the page's own tests read as well.
SHARED = json.loads(
    (Path(explorers_module.__file__).parents[1] / "page" / "web" / "test" / "addresses.json").read_text(
        encoding="utf-8"
    )
)
KINDS: dict[str, type[Explorer[Any]]] = {kind.__name__: kind for kind in (QuantileGate, EntropyCovariance)}


def read(kind: type[Explorer[Any]], link: str) -> Any:
    """The state to which an address leads."""
    page, _, text = link.partition("#")
    assert page == f"explorers/{kind.__name__}.html"
    return kind.STATE.from_text(text)


def check(kind: type[Explorer[Any]], state: State) -> None:
    link = address_of(kind, state)
    assert read(kind, link) == state
    assert address(kind, **{name: getattr(state, name) for name in state.controls()}) == link
    assert re.fullmatch(r"[\w./#&=,-]+", link), "nothing that has to be escaped"
    assert not re.search(r"\d{11}|\de-?\d|\.\d*0\b|-0\b(?!\.)", link), f"a raw float in {link}"


@pytest.mark.parametrize("kind", EXPLORERS, ids=[kind.__name__ for kind in EXPLORERS])
def test_every_preset_leads_back(kind: type[Explorer[Any]]) -> None:
    assert address(kind) == f"explorers/{kind.__name__}.html"
    for state in kind.PRESETS.values():
        check(kind, state)


def values(name: str, kind: type[Explorer[Any]]) -> st.SearchStrategy[Any]:
    """Values of a control, among them such as no slider gives."""
    control, default = kind.STATE.controls()[name], getattr(kind.STATE(), name)
    if control.kind == "choice":
        return st.sampled_from([option for option, _ in control.options])
    high = float(getattr(kind.STATE(), control.high) if isinstance(control.high, str) else control.high)
    if control.kind == "whole":
        return st.integers(int(control.low), int(high))
    if control.local:
        return st.sampled_from(kind.STATE().positions(name).tolist())
    single = st.floats(control.low, high)
    return st.tuples(*[single] * len(default)) if control.kind == "numbers" else single


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_state_leads_back(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(EXPLORERS))
    changed = data.draw(st.sets(st.sampled_from(list(kind.STATE.controls()))))
    state = kind.STATE()
    for name in sorted(changed):  # one after another: what a change leaves beyond its end follows
        state = state.with_(**{name: data.draw(values(name, kind))})
    check(kind, state)


def test_the_pages_tests_know_the_controls() -> None:
    for name, kind in KINDS.items():
        spec = kind().spec
        assert SHARED["explorers"][name] == {part: spec[part] for part in ("controls", "defaults")}


@pytest.mark.parametrize("case", SHARED["cases"], ids=[case["text"] for case in SHARED["cases"]])
def test_python_and_the_page_read_alike(case: dict[str, str]) -> None:
    kind = KINDS[case["explorer"]]
    if "wrong" in case:
        with pytest.raises(ValueError, match=f"^{case['wrong']} must be "):
            kind.STATE.from_text(case["text"])
    else:
        wanted = f"explorers/{kind.__name__}.html" + ("#" if case["state"] else "") + case["state"]
        assert address_of(kind, kind.STATE.from_text(case["text"])) == wanted


@pytest.mark.parametrize("kind", [TrainingLog, Curves, SampledSolutions])
def test_what_opens_on_data_has_no_address(kind: type[Explorer[Any]]) -> None:
    with pytest.raises(ValueError, match="explorer must be an explorer that opens on a state alone"):
        address(kind)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="state must be one of view, k, g"):
        address(QuantileGate, q=1)
    with pytest.raises(ValueError, match=r"^g must be an integer from 2 to 32; got 99"):
        address(QuantileGate, g=99)
    assert address(QuantileGate, g=2) == "explorers/QuantileGate.html#g=2&c=2"  # three of two cannot be correct
