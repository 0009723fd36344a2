"""Time and memory of a training step at the size of Qwen3-0.6B: random weights, forced lengths, no accuracy.

    python tests/benchmarks/bench_real_model.py [--device cuda] [--prompts 4] [--group 8] [--tokens 256]

Random weights stop at random; so that the work is that of a trained model, each response is made as long as asked.
"""

from __future__ import annotations

import resource
import tempfile
import warnings
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from report import finish, parser
from transformers import PrinterCallback
from transformers.utils import logging
from trl import GRPOConfig

from qae_sim.engines.demo.gsm8k import prompt_of, random_base_model
from qae_sim.engines.demo.small_model import small_tokenizer
from qae_sim.engines.trl import AdvantageGRPOTrainer

#: Characters are words to the small tokenizer: a prompt of about 200 of them, as GSM8K's are in Qwen's tokens.
_QUESTION = "1+2=3 " * 20


def chance(completions: list[str], **others: Any) -> list[float]:
    """Rewards that differ within groups."""
    return [float(value) for value in np.random.default_rng(0).random(len(completions)) < 0.3]


def main() -> None:
    options = parser(__doc__, rounds=2)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--prompts", type=int, default=1)
    options.add_argument("--group", type=int, default=8)
    options.add_argument("--tokens", type=int, default=64)
    given = options.parse_args()
    logging.set_verbosity_error()
    tokenizer = small_tokenizer()
    model = random_base_model().to(given.device)
    if given.device == "cuda":
        model = model.to(torch.bfloat16)
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        args = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=given.prompts * given.group,
            num_generations=given.group,
            max_completion_length=given.tokens,
            generation_kwargs={"min_new_tokens": given.tokens},
            max_steps=given.rounds + 1,
            bf16=given.device == "cuda",
            use_cpu=given.device == "cpu",
            gradient_checkpointing=given.device == "cuda",
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
        )
        trainer = AdvantageGRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=chance,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": [prompt_of(_QUESTION)] * 64}),
            advantage="qae",
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds = [row["step_time"] for row in trainer.state.log_history if "step_time" in row]
    cuda = given.device == "cuda"
    peak = torch.cuda.max_memory_allocated() if cuda else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work = f"{given.prompts} x {given.group} responses of {given.tokens} tokens"
    row = {"seconds per step": float(np.median(seconds[1:])), "GiB at most": peak / 2**30}
    finish(
        "real_model_cuda" if cuda else "real_model",
        {"Random weights of Qwen3-0.6B's shape": {work: row}},
        given,
        packages=("numpy", "torch", "trl"),
        threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if cuda else "",
    )


if __name__ == "__main__":
    main()
