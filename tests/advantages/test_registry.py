"""The table of estimators is complete, callable and says where things come from."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from qae_sim import advantages
from qae_sim.advantages import ESTIMATORS, Estimator, get, register
from qae_sim.advantages.availability import example_inputs
from qae_sim.advantages.inputs import INPUTS


def test_names_are_those_of_the_functions() -> None:
    for name, entry in ESTIMATORS.items():
        assert entry.name == name == entry.function.__name__
        assert getattr(advantages, name) is entry.function
        assert name in advantages.__all__


@pytest.mark.parametrize("entry", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_lines_are_complete(entry: Estimator) -> None:
    assert entry.level in ("response", "batch", "token", "turn", "tree", "loss")
    assert set(entry.inputs) <= set(INPUTS) & set(inspect.signature(entry.function).parameters)
    assert entry.source is not None
    assert re.fullmatch(r"\d{4}\.\d{5}", entry.source.arxiv)
    assert entry.source.arxiv in (inspect.getdoc(entry.function) or "")
    assert entry.title
    assert entry.equation
    assert 0 < len(entry.summary) <= 80


def test_what_a_row_says_is_what_the_function_takes() -> None:
    """Rows are data that nobody derives from signatures; here they are compared with them."""
    for name, entry in ESTIMATORS.items():
        first, *others = inspect.signature(entry.function).parameters.values()
        assert first.name == "rewards", name
        assert first.default is inspect.Parameter.empty
        taken = {p.name: p.default for p in others if p.name not in entry.inputs and p.name not in ("mask",)}
        if entry.level not in ("turn",):  # whose turns are of its own kind
            assert dict(entry.parameters) == {n: d for n, d in taken.items() if d is not inspect.Parameter.empty}, name
            assert inspect.Parameter.empty not in taken.values(), name
    assert get("qae").settings == {"k": 0.4, "quantile": "inverted_cdf", "eps": 1e-6, "ddof": 0}
    assert get("ha_dw").settings == {"eps": 1e-6, "ddof": 0}


def test_rows_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^paper must be a key of qae_sim.papers.PAPERS; got 'lost'"):
        Estimator("mine", abs, "Mine", "lost", "ours", "response", "...")
    with pytest.raises(ValueError, match=r"^inputs must be among token_ids, .*; got 'moods'"):
        Estimator("mine", abs, "Mine", "", "ours", "response", "...", inputs=("moods",))
    with pytest.raises(ValueError, match=r"^name must be one that no estimator has yet; got 'qae'"):
        register(get("qae"))
    with pytest.raises(TypeError, match=r"^estimator must be an Estimator; got 'qae'"):
        register("qae")  # type: ignore[arg-type]


def test_every_estimator_runs_from_the_table() -> None:
    rewards = np.array([[1.0, 0, 0, 1], [1, 1, 1, 0]])
    for entry in ESTIMATORS.values():
        given = example_inputs(entry.name, rewards)
        if set(given) == set(entry.inputs) and entry.level != "turn":  # the others have inputs of their own kind
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
        if not callable(thing) or name in ("DifficultyAnchor", "Estimator", "Input", "Quantile"):
            continue
        doc = inspect.getdoc(thing) or ""
        assert doc.splitlines()[0].endswith((".", ":")), name
        if inspect.isfunction(thing):
            for section in ("Args:", "Raises:", "Example:"):
                assert section in doc, f"{name} has no {section}"
            gives = {"register": "", "registered": "Yields:"}.get(name, "Returns:")
            assert gives in doc, f"{name} has no {gives}"
