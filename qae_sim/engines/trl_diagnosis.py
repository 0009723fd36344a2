"""A callback for TRL that says, while a run goes on, what ``qae-sim inspect`` would say about it.

::

    trainer = GRPOTrainer(..., args=GRPOConfig(log_completions=True, ...), callbacks=[DiagnosisCallback()])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from qae_sim.arrays import invalid, require_integer
from qae_sim.logs.diagnosis import Diagnosis, diagnose
from qae_sim.logs.digest import digest
from qae_sim.logs.metrics import metrics_in


class DiagnosisCallback(TrainerCallback):  # type: ignore[misc]
    """Diagnoses a run of TRL from the log that it writes, and speaks when its advice changes.

    The whole log is read again each time, so a small ``every`` costs time in long runs. Only the first process speaks.
    The log of the latest step may not be written yet, so a diagnosis can be one step behind; the last one, at the end
    of training, is complete. What cannot be read never ends the run: the callback says why, once.

    Args:
        every: Number of optimiser steps between two diagnoses, >= 1.
        say: Is given each sentence; ``print`` unless given.
        **options: Options of :func:`~qae_sim.logs.digest.digest`, such as ``reward``.

    Attributes:
        diagnosis: The latest one; None before the first.

    Raises:
        ValueError: ``every`` is less than 1; or, when training begins, ``log_completions`` is not set.
    """

    def __init__(self, *, every: int = 10, say: Callable[[str], object] = print, **options: Any) -> None:
        self.every = require_integer("every", every, low=1)
        self.say, self.options = say, options
        self.diagnosis: Diagnosis | None = None
        self._said: tuple[str, ...] = ()
        self._refused = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Refuse a run that writes no log."""
        if not getattr(args, "log_completions", False):
            raise invalid("log_completions", False, "True: a diagnosis is made from the log of responses")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Diagnose now and then."""
        if state.is_world_process_zero and state.global_step % self.every == 0:
            self._diagnose(args, state)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Diagnose the whole run."""
        if state.is_world_process_zero:
            self._diagnose(args, state)

    def _diagnose(self, args: Any, state: Any) -> None:
        """Read the log and speak if the advice has changed."""
        folder = Path(args.output_dir) / "completions"
        if not any(folder.glob("*.parquet")):
            return  # nothing is logged before the first logging step
        try:
            found = digest(folder, **self.options)
        except (ValueError, OSError) as error:
            self._refuse(state, str(error))
            return
        self.diagnosis = diagnose(replace(found, metrics=metrics_in(state.log_history)))
        rules = tuple(one.rule for one in self.diagnosis.advice)
        if rules != self._said:
            self._said = rules
            self.say(f"step {state.global_step}: {self.diagnosis.verdict}")
            for one in self.diagnosis.advice[:1]:
                for because in one.because:
                    self.say(f"  {because}")

    def _refuse(self, state: Any, reason: str) -> None:
        """Say why the log cannot be read, once for each reason."""
        kind = reason.split(":")[0]
        if kind != self._refused:
            self._refused = kind
            self.say(f"step {state.global_step}: no diagnosis, because {reason}")
