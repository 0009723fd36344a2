"""The table of estimators is complete, callable and says where things come from."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from qae_sim import advantages
from qae_sim.advantages import ESTIMATORS, Estimator, get
from qae_sim.advantages.availability import stand_in
from qae_sim.advantages.registry import DATA


def test_names_are_those_of_the_functions() -> None:
    for name, entry in ESTIMATORS.items():
        assert entry.name == name == entry.function.__name__
        assert getattr(advantages, name) is entry.function
        assert name in advantages.__all__


@pytest.mark.parametrize("entry", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_lines_are_complete(entry: Estimator) -> None:
    assert entry.level in ("response", "batch", "token", "turn", "tree", "loss")
    assert set(entry.needs) <= set(DATA) & set(inspect.signature(entry.function).parameters)
    assert re.fullmatch(r"\d{4}\.\d{5}", entry.arxiv)
    assert entry.arxiv in (inspect.getdoc(entry.function) or "")
    assert entry.paper
    assert entry.equation
    assert 0 < len(entry.summary) <= 80


def test_parameters_are_those_of_the_signature() -> None:
    assert get("qae").parameters == {"k": 0.4, "quantile": "inverted_cdf", "eps": 1e-6, "ddof": 0}
    assert get("rloo").parameters == {}
    assert get("ha_dw").parameters["anchor"] is inspect.Parameter.empty
    assert "rewards" not in get("ktae").parameters


def test_every_estimator_runs_from_the_table() -> None:
    rewards = np.array([[1.0, 0, 0, 1], [1, 1, 1, 0]])
    for entry in ESTIMATORS.values():
        given = stand_in(entry.name, rewards)
        if set(given) == set(entry.needs) and entry.level != "turn":  # the others have inputs of their own kind
            shape = (2, 4, 3) if entry.level == "token" else (2, 4)
            assert entry.advantages(rewards, **given).shape == shape


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ESTIMATORS["mine"] = ESTIMATORS["qae"]  # type: ignore[index]


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"^name must be one of 'grpo', .*; got 'zzz'"):
        get("zzz")
    with pytest.raises(TypeError, match=r"^name must be a string; got 3"):
        get(3)  # type: ignore[arg-type]


def test_every_public_name_is_documented() -> None:
    """One line, Args, Returns, source and a runnable example, as the house asks of public functions."""
    for name in advantages.__all__:
        thing = getattr(advantages, name)
        if not callable(thing) or name in ("DifficultyAnchor", "Estimator"):
            continue
        doc = inspect.getdoc(thing) or ""
        assert doc.splitlines()[0].endswith((".", ":")), name
        if inspect.isfunction(thing):
            for section in ("Args:", "Returns:", "Raises:", "Example:"):
                assert section in doc, f"{name} has no {section}"
