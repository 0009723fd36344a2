"""A training script for test_trl.py, which kills it in the middle: HA-DW, a checkpoint after each step."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import test_trl as shared  # noqa: E402
import torch  # noqa: E402

from qae_sim.advantages import SoftAnchor  # noqa: E402


def main() -> None:
    """Train: folder, steps, and perhaps the checkpoint to go on from."""
    torch.set_num_threads(1)
    folder, checkpoint = Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else None
    saving = {"max_steps": int(sys.argv[2]), "save_strategy": "steps", "save_steps": 1}
    args = shared.arguments(folder, **saving)
    trainer = shared.trainer_of(folder, args=args, advantage="qae", anchor=SoftAnchor())
    trainer.train(resume_from_checkpoint=checkpoint)


if __name__ == "__main__":
    main()
