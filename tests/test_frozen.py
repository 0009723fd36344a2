"""Records are frozen dataclasses: everything a user sees of both is the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from qae_sim.frozen import dataclass


@dataclass(frozen=True)
class Record:
    x: int
    y: Any = 0
    hidden: int = field(default=1, repr=False)
    beside: int = field(default=2, compare=False)


@dataclasses.dataclass(frozen=True)
class Model:
    x: int
    y: Any = 0
    hidden: int = field(default=1, repr=False)
    beside: int = field(default=2, compare=False)


VALUES = [(1,), (1, 0), (1, 0, 5), (1, 0, 1, 7), (2,), (1, float("nan")), (1, "text")]


@pytest.mark.parametrize("one", VALUES)
@pytest.mark.parametrize("other", VALUES)
def test_they_compare_and_print_as_dataclasses_do(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert (Record(*one) == Record(*other)) is (Model(*one) == Model(*other))
    assert (hash(Record(*one)) == hash(Record(*other))) is (hash(Model(*one)) == hash(Model(*other)))
    assert repr(Record(*one)) == repr(Model(*one)).replace("Model", "Record")
    assert Record(*one) != Model(*one)


def test_they_are_frozen_and_travel() -> None:
    record = Record(1, y=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.x = 2  # type: ignore[misc]
    assert dataclasses.replace(record, x=2) == Record(2, 3)
    assert dataclasses.asdict(record) == {"x": 1, "y": 3, "hidden": 1, "beside": 2}
    assert pickle.loads(pickle.dumps(record)) == copy.deepcopy(record) == record


def test_what_a_class_writes_itself_stays() -> None:
    @dataclass(frozen=True)
    class Own:
        x: int

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(1)), Own(1) == Own(2), hash(Own(1))) == ("mine", True, 7)


def test_records_without_comparison_compare_by_identity() -> None:
    @dataclass(frozen=True, eq=False)
    class Result:
        x: int

    assert Result(1) != Result(1)
    assert len({Result(1), Result(1)}) == 2


def test_a_record_is_frozen() -> None:
    with pytest.raises(TypeError, match="frozen is False"):
        dataclass(frozen=False)(int)
