"""Live training without a browser: buttons, curves, solutions, and what goes wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_runs

pytest.importorskip("anywidget")

from qae_sim.explorers import LiveTraining
from qae_sim.explorers.live_training import DEMONSTRATION, CurvesState, draw_curves
from qae_sim.explorers.solutions import group_of, picture_of, values_of
from qae_sim.lm import Config
from qae_sim.lm.tasks import PAD, Addition


def small(**changes: Any) -> Config:
    """Over in a second, base model included."""
    values = {"held_out": 6, "batches": 5, "base_demonstrations": 256, "base_passes": 1}
    return small_runs.small(**(values | changes))


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def enabled(training: LiveTraining) -> set[str]:
    pressable = {name for name, button in training.widget._buttons.items() if not button.disabled}
    assert pressable == set(training.enabled)
    return pressable


def test_it_trains_to_the_end(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    training = LiveTraining({"mean": small(), "QAE": small(estimator="qae")}, bases=tmp_path)
    assert training.status == "ready"
    assert enabled(training) == {"Start"}
    assert training.curves.words() == "Nothing has been trained yet: press Start."
    with pytest.raises(RuntimeError, match="there is no model yet: start"):
        training.solutions()
    training.start()
    assert training.wait(120)
    assert training.status == "done: 5 batches"
    assert enabled(training) == set()
    assert len(training.curves.rows) == 6
    assert training.curves.words().startswith("After 5 of 5 batches, entropy on-policy, nats: mean ")
    training.curves.set(left="zero_share", right="pass_k")
    assert {row["series"] for row in training.curves.table()} == {"mean", "QAE"}
    assert len([row for row in training.curves.table() if row["panel"].startswith("Share of zero")]) == 10
    browser = training.solutions("QAE")
    for colour in ("entropy", "grpo", "qae", "ktae"):
        browser.set(prompt=6, colour=colour)
        assert browser.problem == ""
        assert browser.words().startswith("Prompt '")
    training.start()  # it is over
    assert training.status == "done: 5 batches"


def test_pause_and_stop(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    training = LiveTraining({"mean": small(batches=10_000)}, bases=tmp_path)
    training.start()
    until(lambda: len(training.curves.rows) >= 2)
    with pytest.raises(RuntimeError, match="the model is being trained: pause"):
        training.solutions()
    training.widget._buttons["Pause"].click()
    until(lambda: training.status == "paused")
    assert enabled(training) == {"Start", "Stop"}
    count = len(training.curves.rows)
    time.sleep(0.3)
    assert len(training.curves.rows) == count
    assert training.solutions().words()
    training.widget._buttons["Start"].click()
    until(lambda: len(training.curves.rows) > count)
    training.widget._buttons["Stop"].click()
    assert training.wait(60)
    assert training.status == f"stopped after {len(training.curves.rows)} batches"


def test_stopping_in_the_warm_start(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    training = LiveTraining({"mean": small(base_demonstrations=20_000)})
    training.start()
    until(lambda: training.status.startswith("base model learns"))
    training.stop()
    assert training.wait(60)
    assert training.status == "stopped after 0 batches"


def test_without_torch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torch" or name.startswith("qae_sim.lm.t")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    training = LiveTraining({"mean": small()})
    training.start()
    assert training.wait(60)
    assert training.status.startswith("This needs torch: pip install 'qae_sim[lm]'.")
    assert enabled(training) == set()


def test_what_goes_wrong_is_said(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("")
    training = LiveTraining({"mean": small()}, bases=tmp_path / "file")
    training.start()
    assert training.wait(60)
    assert training.status.startswith("training has failed: ")


def test_the_demonstration_is_one_ensemble_from_one_base() -> None:
    configs = list(DEMONSTRATION.values())
    assert {config.base_seed for config in configs} == {0}
    assert [config.rule.parameters.get("k") for config in configs] == [None, 0.2, 0.8]
    assert len({(c.prompts, c.batches, c.minibatches, c.base_passes) for c in configs}) == 1


def test_curves_show_what_was_measured() -> None:
    rows = [{"entropy": [1.0, 2.0], "reward": [0, 0], "pass_1": [0.1, 0.2]}, {"entropy": [0.5, 2.5], "reward": [0, 0]}]
    picture = draw_curves(CurvesState(), ("a", "b"), rows, 4)
    left, right = picture.panels
    np.testing.assert_array_equal(left.layers[0].y, [1.0, 0.5])
    np.testing.assert_array_equal(left.layers[2].y, [2.0, 2.5])
    np.testing.assert_array_equal(right.layers[2].y, [0.2])
    assert picture.sentence({}) == "After 2 of 4 batches, entropy on-policy, nats: a 0.50; b 2.50."


def test_solutions_are_coloured_by_their_numbers() -> None:
    task = Addition(digits=1)
    prompt = [task.number(word) for word in ["4", "+", "5", "="]]
    said = ["9 c0 end", "8 c0 end", "9 c0 wait 9 c0 end", "9 c1 end"]
    tokens = np.full((4, 7), PAD)
    for row, text in zip(tokens, said, strict=True):
        numbers = [task.number(word) for word in text.split()]
        row[: len(numbers)] = numbers
    group = group_of(task, prompt, tokens, np.full(tokens.shape, 0.5))
    assert group.rewards.tolist() == [1, 0, 1, 0]
    assert group.words[2] == ("9", "c0", "wait", "9", "c0", "end")
    np.testing.assert_allclose(values_of(group, "grpo", 0.4)[:, 0], [1, -1, 1, -1], atol=1e-5)
    np.testing.assert_allclose(values_of(group, "qae", 0.4)[:, 0], [2, 0, 2, 0], atol=1e-5)
    assert values_of(group, "entropy", 0.4)[0].tolist() == [0.5] * 3 + [0.0] * 4
    assert values_of(group, "ktae", 0.4)[2, 2] > 1  # "wait" is said on the right side alone
    words = picture_of(group, "qae", 0.4).sentence({})
    assert words.startswith("Prompt '4 + 5 =': 2 of 4 responses are correct. 2 responses have no advantage at all; ")
    assert words.endswith("the largest is 2.00 in size.")
