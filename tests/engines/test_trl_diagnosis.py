"""The diagnosis of a run of TRL while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from test_trl import arguments, odd, trainer_of

from qae_sim.engines.trl_diagnosis import DiagnosisCallback
from qae_sim.logs.diagnosis import diagnose
from qae_sim.logs.digest import digest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def alternating(completions: list[str], **kwargs: Any) -> list[float]:
    """A verifier that calls every other response right, whatever it says."""
    return [float(i % 2) for i in range(len(completions))]


def test_it_says_what_inspect_says(tmp_path: Path) -> None:
    said: list[str] = []
    callback = DiagnosisCallback(every=2, say=said.append)
    args = arguments(tmp_path, log_completions=True, max_steps=6, max_completion_length=2)
    trainer = trainer_of(tmp_path, reward=alternating, args=args, callbacks=[callback])
    trainer.train()
    assert callback.diagnosis is not None
    found = diagnose(digest(tmp_path / "completions"))
    assert callback.diagnosis["another K"] == found["another K"]
    assert callback.diagnosis["trainer"].state == "known"
    assert callback.diagnosis["entropy"].lacks == "the entropy is logged at less than 15 steps, or starts at 0"
    assert any("step" in line for line in said) == bool(callback.diagnosis.advice)


def test_what_cannot_be_read_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    callback = DiagnosisCallback(every=1, say=said.append, reward="no such column")
    args = arguments(tmp_path, log_completions=True)
    trainer_of(tmp_path, reward=odd, args=args, callbacks=[callback]).train()
    assert len(said) == 1
    assert "no diagnosis, because reward" in said[0]


def test_a_run_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="log_completions"):
        trainer_of(tmp_path, reward=odd, callbacks=[DiagnosisCallback()]).train()
    with pytest.raises(ValueError, match="every"):
        DiagnosisCallback(every=0)
