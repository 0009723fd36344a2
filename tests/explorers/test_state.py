"""States check themselves, and are written as text and read back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.explorers.state import State, choice, number, numbers, seed, whole


@dataclass(frozen=True)
class Sample(State):
    p: float = number(0.5, "p", 0.0, 1.0, 0.1, local=True)
    free: float = number(0.25, "Free", 0.0, 1.0, 0.1)
    g: int = whole(8, "G", 1, 16)
    c: int = whole(2, "c", 0, "g")
    kind: str = choice("a", "Kind", {"a": "A", "b": "B"})
    z: tuple[float, ...] = numbers((0.0, 1.0), "z", -2.0, 2.0, 0.5)
    seed: int = seed()


samples = st.integers(1, 16).flatmap(
    lambda g: st.builds(
        Sample,
        p=st.integers(0, 10).map(lambda i: i / 10),
        free=st.floats(0, 1).map(lambda x: round(x, 6)),
        g=st.just(g),
        c=st.integers(0, g),
        kind=st.sampled_from("ab"),
        z=st.tuples(*[st.floats(-2, 2).map(lambda x: round(x, 6))] * 2),
        seed=st.integers(0, 9999),
    )
)


@given(samples)
def test_text_and_back(state: Sample) -> None:
    assert Sample.from_text(state.to_text()) == state


def test_what_is_left_out_keeps_its_default() -> None:
    assert Sample.from_text("") == Sample()
    assert Sample.from_text("g=4") == Sample(g=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p=2", r"^p must be a finite number in \[0.0, 1.0\]; got 2.0"),
        ("p=.55", r"^p must be 0 plus a multiple of 0.1; got 0.55"),
        ("c=9", r"^c must be an integer from 0 to 8; got 9"),
        ("g=x", r"^g must be written as an integer; got 'x'"),
        ("p=x", r"^p must be written as a number; got 'x'"),
        ("z=1,x", r"^z must be written as numbers joined by commas"),
        ("z=1", r"^z must be 2 numbers"),
        ("z=1,9", r"^z must be a finite number in \[-2.0, 2.0\]; got 9.0"),
        ("kind=c", r"^kind must be one of a, b; got 'c'"),
        ("q=1", r"^state must be name=value pairs joined by &, each of p, free, g, c, kind, z, seed at most once"),
        ("p=.4&p=.5", r"^state must be name=value pairs"),
        ("p", r"^state must be name=value pairs"),
    ],
)
def test_wrong_text(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sample.from_text(text)


def test_fields_follow_their_ends() -> None:
    assert Sample(c=8).with_(g=3).c == 3
    with pytest.raises(ValueError, match="c must be an integer from 0 to 3"):
        Sample().with_(g=3, c=4)
    with pytest.raises(ValueError, match="state must be one of"):
        Sample().with_(q=1)


def test_places() -> None:
    state = Sample(p=0.3)
    assert state.place("p") == 3
    assert state.positions("p")[state.place("p")] == 0.3
    assert state.positions("c").tolist() == list(range(9))
