"""What our advantages add to a training step of TRL: time in our code as a share of the step.

    python tests/benchmarks/bench_engines.py

A small Qwen3 (0.8 million parameters, the notebook's) on the CPU: the smaller the model, the larger our share. 32
prompts with 8 responses each, as in the notebook, and 64 with 16. What TRL does inside our methods is not counted.
"""

from __future__ import annotations

import os

# Before PyTorch reads them.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch
from datasets import Dataset
from report import finish, parser
from transformers import PrinterCallback
from transformers.utils import logging
from trl import GRPOTrainer

from qae_sim.advantages import SoftAnchor
from qae_sim.engines.demo.small_model import small_model, small_tokenizer
from qae_sim.engines.demo.trl_runs import settings
from qae_sim.engines.demo.written_addition import problems
from qae_sim.engines.trl import AdvantageGRPOTrainer

METHODS = (
    "_generate_and_score_completions",
    "_calculate_rewards",
    "_compute_loss",
    "_get_per_token_logps_and_entropies",
)


class Clock:
    """Seconds in our methods and in TRL's: whichever was entered last is running."""

    def __init__(self) -> None:
        self.seconds = {"ours": 0.0, "theirs": 0.0}
        self._running: list[str] = []
        self._since = 0.0

    def timed(self, whose: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._switch()
            self._running.append(whose)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch()
                self._running.pop()

        return call

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def parity(completions: list[str], **others: Any) -> list[float]:
    """Rewards that differ within groups, without a trained model."""
    return [float(len(text) % 2) for text in completions]


def measure(advantage: str, prompts: int, group: int, steps: int, **options: Any) -> tuple[float, float]:
    """Seconds of a step, and of it ours."""
    tokenizer = small_tokenizer()
    rows = prompts * group // 4
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changes = {"per_device_train_batch_size": rows, "num_generations": group, "max_steps": steps}
        trainer = AdvantageGRPOTrainer(
            model=small_model(tokenizer, 0),
            processing_class=tokenizer,
            reward_funcs=parity,
            args=settings(folder, 0, log_completions=False, **changes),
            train_dataset=Dataset.from_dict({"prompt": problems(prompts * steps, 0)}),
            advantage=advantage,
            **options,
        )
        trainer.remove_callback(PrinterCallback)
        clock = Clock()
        with ExitStack() as stack:
            for kind, whose in ((GRPOTrainer, "theirs"), (AdvantageGRPOTrainer, "ours")):
                for name in METHODS:
                    stack.enter_context(mock.patch.object(kind, name, clock.timed(whose, getattr(kind, name))))
            start = time.perf_counter()
            trainer.train()
            total = time.perf_counter() - start
    return total / steps, clock.seconds["ours"] / steps


def main() -> None:
    options = parser(__doc__, rounds=8).parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    tables: dict[str, dict[str, dict[str, float]]] = {}
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("QAE", "qae", {}),
        ("HA-DW", "grpo", {"anchor": SoftAnchor()}),
        ("KTAE", "ktae", {}),
    )
    for prompts, group in ((32, 8), (64, 16)):
        rows = tables[f"{prompts} prompts with {group} responses"] = {}
        for name, advantage, more in cases:
            step, ours = measure(advantage, prompts, group, options.rounds, **more)
            rows[name] = {"share of the step, %": 100 * ours / step, "ours, ms": 1000 * ours, "step, ms": 1000 * step}
    finish("engines", tables, options, packages=("numpy", "torch", "trl"))


if __name__ == "__main__":
    main()
