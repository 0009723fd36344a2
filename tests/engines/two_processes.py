"""A training script for test_trl.py, started by torchrun: each process writes what it saw."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

warnings.simplefilter("ignore")

import test_trl as shared  # noqa: E402

from qae_sim.advantages import HardAnchor  # noqa: E402
from qae_sim.engines.trl import AdvantageGRPOTrainer  # noqa: E402


class Noted(AdvantageGRPOTrainer):
    """Writes its advantages and everybody's rewards."""

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        output = super()._generate_and_score_completions(inputs)
        ids, mask = self._of_all_processes(output)
        rank, count = self.accelerator.process_index, getattr(self, "count", 0)
        self.count = count + 1
        np.savez(
            Path(self.args.output_dir) / f"{rank}-{count}.npz",
            advantages=output["advantages"].numpy(),
            rewards=self._rewards.numpy(),
            ids=ids,
            mask=mask,
            values=np.array([row.get("prompt_values", 0.0) for row in inputs]),
            anchor=np.array(getattr(self.advantage_state.anchor, "belief", np.nan)),
        )
        return output


def train(folder: Path, advantage: str, attempts: int) -> None:
    """One run; both processes write the weights that they end with."""
    trainer = shared.trainer_of(
        folder,
        Noted,
        # Six responses on each of two processes, groups of four: the second group is on both.
        args=shared.arguments(folder, per_device_train_batch_size=6, ddp_backend="gloo"),
        advantage=advantage,
        anchor=HardAnchor(window=1) if advantage == "grpo" else None,
        attempts=attempts,
        columns={"prompt_values": [i / 16 for i in range(16)]} if advantage == "rlev" else {},
    )
    trainer.train()
    model = trainer.accelerator.unwrap_model(trainer.model)
    final = {name: p.detach().numpy() for name, p in model.named_parameters()}
    np.savez(folder / f"weights-{trainer.accelerator.process_index}.npz", **final)
    trainer.accelerator.wait_for_everyone()


def main(folder: Path) -> None:
    for advantage, attempts in shared.ON_TWO_PROCESSES:
        own = folder / f"{advantage}-{attempts}"
        own.mkdir(exist_ok=True)
        train(own, advantage, attempts)
    # A process that ends takes its connections away, and clearing up may then abort the other, now and then: when both
    # have written what they saw, both leave without clearing up.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
