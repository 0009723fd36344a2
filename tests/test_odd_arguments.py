"""Whatever is given to a public function, it answers, or an error names the argument, its value and what is allowed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from public_calls import CALLS, Call, numbers_of

from qae_sim import advantages as adv
from qae_sim.arrays import shown


class Unwritable:
    """An object whose own code fails."""

    def __repr__(self) -> str:
        raise ZeroDivisionError("no text")

    def __len__(self) -> int:
        return 3


#: In place of anything.
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a word": lambda: "many",
    "an empty list": list,
    "a number": lambda: 2.0,
    "a negative number": lambda: -3,
    "an integer beyond float64": lambda: 10**400,
    "an integer too long to write": lambda: 10**5000,
    "integers beyond float64": lambda: [10**400, 0],
    "NaN": lambda: float("nan"),
    "a list with NaN": lambda: [0.5, float("nan")],
    "infinity": lambda: -float("inf"),
    "a complex number": lambda: 1j,
    "complex numbers": lambda: np.array([1j, 2]),
    "a fraction": lambda: Fraction(1, 3),
    "a ragged list": lambda: [[1, 0], [1]],
    "a dictionary": lambda: {"k": 1},
    "an object": lambda: Unwritable(),
    "True": lambda: True,
    "an array": lambda: np.array([0.5, 0.25]),
    "an array of words": lambda: np.array(["paper", "code"]),
    "no groups": lambda: np.zeros((0, 4)),
    "empty groups": lambda: np.zeros((2, 0)),
    "a masked array": lambda: np.ma.array([1.0, 0.0], mask=[0, 1]),
    "a date": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "a record": lambda: np.zeros(2, dtype=[("a", float)]),
    "a generator": lambda: (x for x in (1, 0)),
    "a function": lambda: len,
}

#: Kinds of tensors that have no numbers to look at.
TENSORS = ("meta", "sparse", "sparse_csr", "nested", "float8", "complex", "quantised")


def tensor(kind: str) -> Any:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "meta": lambda: x.to("meta"),
            "sparse": x.to_sparse,
            "sparse_csr": x.to_sparse_csr,
            "nested": lambda: torch.nested.nested_tensor(list(x)),
            "float8": lambda: x.to(torch.float8_e4m3fn),
            "complex": lambda: x + 1j,
            "quantised": lambda: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8),
        }[kind]()


def outcome(call: Call, argument: str, value: Any) -> tuple[Any, Exception | None]:
    """What comes of a call with one argument changed: an answer, or an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return call(**{argument: value}), None
    except (TypeError, ValueError) as error:
        return None, error


def answers_or_names(call: Call, argument: str, value: Any) -> None:
    """Call with one argument changed: a finite answer, or an error that starts with the argument's name."""
    result, error = outcome(call, argument, value)
    if error is None:
        for x in numbers_of(result):
            assert x.dtype == object or x.dtype.kind not in "fc" or np.isfinite(x).all(), (argument, result)
        return
    # Where two arguments do not go together, either may be named.
    names = "|".join(map(re.escape, [*call.arrays, *call.others]))
    assert re.match(rf"({names})\b.* must be .*; got .+|({names})\b must be .*; got .+", str(error), re.DOTALL), repr(
        error
    )
    assert len(str(error)) < 700
    assert value is None or isinstance(value, list | np.ndarray | Fraction) or argument in str(error), repr(error)


CASES = [(name, argument) for name, call in CALLS.items() for argument in (*call.arrays, *call.others)]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_odd_values(name: str, argument: str) -> None:
    for make in ODD.values():
        answers_or_names(CALLS[name], argument, make())


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_odd_tensors(name: str, argument: str) -> None:
    for kind in TENSORS:
        answers_or_names(CALLS[name], argument, tensor(kind))


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if set(call.arrays) - set(call.integers)])
def test_vmap_is_named(name: str) -> None:
    torch = pytest.importorskip("torch")
    call = CALLS[name]
    first = next(key for key in call.arrays if key not in call.integers)
    if name in ("match_tir", "rank_dynamics"):
        return  # sequences of sequences, which are read one by one
    x = torch.tensor(call.arrays[first]).expand(3, *np.shape(call.arrays[first]))
    with pytest.raises(TypeError, match=rf"^{first} must be a tensor of numbers in memory; got .*torch.func.vmap"):
        torch.func.vmap(lambda x: call(**{first: x}))(x)


class TestConstructors:
    """Objects that come with the functions: each field of each is checked when they are made."""

    CLASSES = (
        (adv.Tree, {"parents": (-1, 0)}),
        (adv.ToolCall, {"name": "a", "parameters": {}}),
        (adv.FixedAnchor, {"belief": 0.5}),
        (adv.SoftAnchor, {"belief": 0.5, "eta": 1.0, "window": 5, "warm_start": True, "recent": (0.5,)}),
        (adv.HardAnchor, {"window": 5, "start": 0.5, "recent": (0.5,)}),
        (adv.KalmanAnchor, {"belief": 0.5, "variance": 0.1, "process_variance": 0.1, "rho": 0.0}),
        (adv.ConstantK, {"k": 0.4}),
        (adv.LinearK, {"start": 0.4, "end": 0.5, "steps": 3}),
        (adv.CosineK, {"start": 0.4, "end": 0.5, "steps": 3}),
        (adv.TwoPhaseK, {"first": 0.4, "second": 0.5, "switch": 3}),
        (adv.PhaseSwitch, {"switch": 3}),
        (adv.SuccessRateK, {"k": 0.4, "hard_share": 0.5, "rate": 0.1}),
        (adv.EntropyTargetK, {"target": 1.0, "k": 0.4, "gain": 0.1, "low": 0.1, "high": 0.9}),
        (adv.GradientVarianceK, {"correct": 1.0, "wrong": 1.0, "rate": 0.1}),
        (adv.RankBaselines, {"rank": 1.0, "velocity": 1.0, "acceleration": 1.0, "share": 0.3}),
    )

    @pytest.mark.parametrize(("kind", "fields"), CLASSES, ids=lambda x: getattr(x, "__name__", ""))
    def test_fields(self, kind: Any, fields: dict[str, Any]) -> None:
        call = Call(kind, {}, fields)
        for field in fields:
            for make in ODD.values():
                answers_or_names(call, field, make())


class TestMessages:
    """What the messages say, where it was wrong."""

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: adv.gdpo([1, 0, 0, 1], [1, 0, 0, 1]), ValueError, r"^further .* \(N - 1, 4\).*got \(4,\)"),
            (lambda: adv.gdpo([1, 0], [[np.nan, 0]]), ValueError, r"^further must be finite everywhere; got nan"),
            (lambda: adv.gdpo([1, 0], weights=2.0), TypeError, "^weights must be a sequence of numbers.*; got 2.0"),
            (lambda: adv.match_tir(None), TypeError, "^rewards must be a sequence of trajectories; got None"),
            (lambda: adv.Tree(None), TypeError, "^parents must be a sequence of integers; got None"),
            (lambda: adv.advantage_table([], 4), TypeError, r"^estimator must be the name .*; got \[\]"),
            (lambda: adv.grpo([10**400, 0]), ValueError, r"^rewards must be of integers .* exactly; got 1000"),
            (lambda: adv.grpo([1, 0], eps=10**400), ValueError, r"^eps must be a finite number .*; got 1000"),
            (lambda: adv.ha_dw([1, 0], 0.0, lambda_scale=1.7e308), ValueError, "^lambda_scale must be small enough"),
        ],
    )
    def test_name_value_and_what_is_allowed(self, call: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            call()

    def test_long_values_are_shortened(self) -> None:
        assert len(shown(10**400)) < 250
        assert shown(10**5000) == "int that cannot be written out"
        assert "\n" not in shown(np.zeros((3, 3)))
        assert len(shown(np.zeros((30, 30)).tolist())) < 250


#: Estimators that take arrays of other shapes than the rewards'.
OTHER_SHAPES = ("rlev", "fspo", "gdpo", "optimal_token_baseline", "spo")


def test_a_batch_of_no_groups_has_no_advantages() -> None:
    for name, call in CALLS.items():
        if "rewards" in call.arrays and call.differentiable == "rewards" and name not in OTHER_SHAPES:
            if name in ("quantile_whitening", "natural_gradient_update"):
                continue
            empty = {key: np.zeros((0, 4)) for key in call.arrays}
            assert np.shape(call(**empty)) == ((0,) if name == "quantile_baseline" else (0, 4)), name


def test_deep_trees() -> None:
    chain = adv.Tree((-1, *range(5000)))
    assert chain.path(5000) == tuple(range(5001))
