"""Speed of the toy language models' trainer as ratios in one run: ``python tests/benchmarks/bench_lm.py``.

Ours beside TRL's GRPOTrainer at the same work: 0.8 million parameters, 32 prompts of 8 tokens, 16 responses of 12
tokens each, one update, no KL, float32, one thread. Steps alternate within one process, and medians are compared.
Then ours alone as the share of responses without advantage grows, the cost of an ensemble, what is spent outside matrix
products, and time and memory of the notebook's live training. Needs the extra ``trl``. The process is tied to one core
on the CPU; with a CUDA device ``--device cuda`` times that instead.
"""

from __future__ import annotations

import os

# Before PyTorch reads them.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from report import finish, parser

import qae_sim.lm.config as config_module
from qae_sim.lm import Config
from qae_sim.lm.metrics import Batch
from qae_sim.lm.model import SIZES, Transformer
from qae_sim.lm.tasks import END, TASKS, Task
from qae_sim.lm.trainer import Trainer

PROMPTS, GROUP, PROMPT, RESPONSE, VOCABULARY = 32, 16, 8, 12, 32
WARM_UP = 3
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)


class Letters(Task):
    """Random prompts; what is right is decided by a fixed function of the words."""

    name: ClassVar[str] = "letters"
    words = tuple(str(i) for i in range(VOCABULARY))  # type: ignore[assignment]
    corrections = ()  # type: ignore[assignment]
    prompt_length, response_length, levels = PROMPT, RESPONSE, 1  # type: ignore[assignment]

    def _problem(self, draws: Any) -> tuple[int, ...]:
        return tuple(2 + draws.below(VOCABULARY - 2) for _ in range(PROMPT))

    def _demonstration(self, prompt: tuple[int, ...], draws: Any) -> list[int]:
        return list(prompt)

    def level(self, prompt: Any) -> int:
        return 0

    def verify(self, prompt: Any, response: Any) -> bool:
        return False

    def rewards(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        return (responses.sum(axis=-1) % 3 == 0).astype(float)


class Endless(Transformer):
    """Never ends a response, so that the work is the same in every step."""

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        logits = super()._logits(x)
        logits[..., END] = -1e9
        return logits


class Timed(Trainer):
    """Gives a chosen share of the responses no advantage."""

    silent = 0.0

    def advantages(self, member: int, batch: Batch) -> np.ndarray:
        result = super().advantages(member, batch)
        if self.silent:
            place = np.arange(PROMPTS * GROUP).reshape(PROMPTS, GROUP)
            # Spread evenly over prompts: the unfavourable case, since prompts are shared.
            keep = ((place * 0.6180339887) % 1.0) >= self.silent
            result = np.where(keep[..., None], np.where(result == 0, 1.0, result), 0.0)
        return result


def ours(members: int, device: str) -> Timed:
    """Our trainer."""
    config = Config("letters", size="medium", prompts=PROMPTS, group_size=GROUP, minibatches=1, held_out=2, pass_at=2)
    configs = [config.with_(seed=seed) for seed in range(members)]
    model = Endless(SIZES["medium"], VOCABULARY, PROMPT, RESPONSE, range(members))
    return Timed(configs, model.to(device))


def step_of(trainer: Timed) -> float:
    """Seconds of one step."""
    synchronise(trainer.device.type)
    start = time.perf_counter()
    trainer.train_batch()
    synchronise(trainer.device.type)
    return time.perf_counter() - start


def synchronise(device: str) -> None:
    """Wait for the GPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def against_trl(device: str, rounds: int) -> dict[str, float]:
    """Alternate steps of TRL's trainer and of ours; milliseconds of each."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    vocabulary = {f"w{i}": i for i in range(VOCABULARY)}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="w2"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="w0", eos_token="w1")
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=342,  # three matrices where ours has two: the same parameters
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=32,
            max_position_embeddings=64,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    print(f"parameters: TRL {sum(p.numel() for p in model.parameters()):,}, ours {parameters():,}")
    rng = np.random.default_rng(0)
    prompts = [" ".join(f"w{i}" for i in rng.integers(2, VOCABULARY, PROMPT)) for _ in range(PROMPTS * 40)]
    times: dict[str, list[float]] = {"TRL": [], "ours": [], "ours, 80 % without advantage": []}
    full, sparse = ours(1, device), ours(1, device)
    sparse.silent = 0.8

    class Alternate(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            synchronise(device)
            self.start = time.perf_counter()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            synchronise(device)
            times["TRL"].append(time.perf_counter() - self.start)
            times["ours"].append(step_of(full))
            times["ours, 80 % without advantage"].append(step_of(sparse))

    def reward(completions: list[str], **kwargs: Any) -> list[float]:
        return [float(hash(text) % 3 == 0) for text in completions]

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=reward,
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            callbacks=[Alternate()],
            args=GRPOConfig(
                output_dir=folder,
                per_device_train_batch_size=PROMPTS * GROUP,
                num_generations=GROUP,
                max_completion_length=RESPONSE,
                generation_kwargs={"min_new_tokens": RESPONSE},
                beta=0.0,
                max_steps=WARM_UP + rounds,
                bf16=False,
                use_cpu=device == "cpu",
                gradient_checkpointing=False,
                report_to=[],
                logging_steps=1000,
                save_strategy="no",
                disable_tqdm=True,
                learning_rate=1e-5,
            ),
        ).train()
    middle = {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
    for name, seconds in middle.items():
        print(f"{name:32} {seconds * 1e3:8.1f} ms   TRL / this {middle['TRL'] / seconds:5.2f}")
    return {name: seconds * 1e3 for name, seconds in middle.items()}


def parameters() -> int:
    """Parameters of one of our models."""
    return SIZES["medium"].parameters(VOCABULARY, PROMPT + RESPONSE)


def curve(device: str, rounds: int) -> dict[str, float]:
    """Milliseconds of a step as the share of responses without advantage grows."""
    trainers = {share: ours(1, device) for share in SHARES}
    times: dict[float, list[float]] = {share: [] for share in SHARES}
    for share, trainer in trainers.items():
        trainer.silent = share
    for _ in range(WARM_UP + max(1, rounds // 2)):
        for share, trainer in trainers.items():
            times[share].append(step_of(trainer))
    first = statistics.median(times[0.0][WARM_UP:])
    for share in SHARES:
        seconds = statistics.median(times[share][WARM_UP:])
        print(f"share without advantage {share:4.2f} {seconds * 1e3:8.1f} ms   {first / seconds:5.2f} times as fast")
    return {str(share): statistics.median(of[WARM_UP:]) * 1e3 for share, of in times.items()}


def ensembles(device: str, rounds: int) -> dict[str, float]:
    """Cost of training several seeds at once, in single runs."""
    single = ours(1, device)
    alone = statistics.median([step_of(single) for _ in range(WARM_UP + max(1, rounds // 2))][WARM_UP:])
    costs = {}
    for members in (4, 16):
        trainer = ours(members, device)
        seconds = statistics.median([step_of(trainer) for _ in range(2 + 3)][2:])
        print(f"ensemble of {members:2} {seconds * 1e3:8.1f} ms   as much as {seconds / alone:5.2f} single runs")
        costs[str(members)] = seconds / alone
    return costs


def outside(device: str) -> float:
    """Share of a step that is spent outside matrix products (and attention)."""
    from torch.profiler import ProfilerActivity, profile

    trainer = ours(1, device)
    for _ in range(WARM_UP):
        trainer.train_batch()
    kind = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[kind]) as profiled:
        trainer.train_batch()
    names = ("gemm", "cutlass", "flash", "fmha", "aten::mm", "aten::bmm", "aten::baddbmm", "scaled_dot_product")
    parts = {True: 0.0, False: 0.0}
    for event in profiled.key_averages():
        spent = event.self_device_time_total if device == "cuda" else event.self_cpu_time_total
        parts[any(name in event.key for name in names)] += spent
    share = parts[False] / (parts[True] + parts[False])
    print(f"{share:.0%} of a step are outside matrix products")
    return share


NOTEBOOK = """
import pathlib, re, time
from qae_sim.explorers import LiveTraining
start = time.perf_counter()
training = LiveTraining()
training.start()
training.wait()
print(time.perf_counter() - start,
      int(re.search('VmHWM:.* ([0-9]+) kB', pathlib.Path('/proc/self/status').read_text())[1]) / 2**20)
"""


def tables_of(figures: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """The figures as tables."""
    by_share = figures["ms by share without advantage"]
    tables: dict[str, dict[str, dict[str, float]]] = {}
    if "ms" in figures:
        ms = figures["ms"]
        tables["A step beside TRL's"] = {n: {"times as fast as TRL": ms["TRL"] / x, "ms": x} for n, x in ms.items()}
    tables["A step, by the share of responses without advantage"] = {
        share: {"times as fast as without any": by_share["0.0"] / ms, "ms": ms} for share, ms in by_share.items()
    }
    tables["What an ensemble costs"] = {
        f"{members} seeds": {"single runs": cost}
        for members, cost in figures["single runs that an ensemble costs"].items()
    }
    tables["Outside matrix products"] = {"a step": {"share": figures["share outside matrix products"]}}
    return tables


def main() -> None:
    """Run everything, print ratios, and write them if asked."""
    known = parser(__doc__, rounds=12)
    known.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    known.add_argument("--without-trl", action="store_true", help="leave TRL out")
    known.add_argument("--json", type=Path, help="write the figures there, too, as gpu.py reads them")
    options = known.parse_args()
    torch.set_num_threads(1)
    if options.device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    config_module.TASKS = dict(TASKS) | {"letters": Letters}  # type: ignore[assignment]
    figures: dict[str, Any] = {
        "ms by share without advantage": curve(options.device, options.rounds),
        "single runs that an ensemble costs": ensembles(options.device, options.rounds),
    }
    if not options.without_trl:
        figures["ms"] = against_trl(options.device, options.rounds)
    figures["share outside matrix products"] = outside(options.device)
    if options.json:
        options.json.write_text(json.dumps(figures), encoding="utf-8")
    tables = tables_of(figures)
    if options.device == "cpu":
        done = subprocess.run([sys.executable, "-c", NOTEBOOK], check=True, stdout=subprocess.PIPE, text=True)
        seconds, memory = map(float, done.stdout.split())
        tables["The live training of lesson 12"] = {"three recipes": {"seconds": seconds, "GiB": memory}}
    finish(
        "lm" if options.device == "cpu" else "lm_cuda",
        tables,
        options,
        packages=("numpy", "torch", "trl"),
        gpu=torch.cuda.get_device_name() if options.device == "cuda" else "",
    )


if __name__ == "__main__":
    main()
