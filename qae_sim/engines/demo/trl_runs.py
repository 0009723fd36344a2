"""A small Qwen3 trained by TRL on written addition: the recipes, and the recorded runs that come with the package.

    python -m qae_sim.engines.demo.trl_runs FOLDER

trains all recipes with all seeds; finished runs are kept. Reading the recorded runs needs neither PyTorch nor TRL.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from qae_sim.advantages import SoftAnchor
from qae_sim.arrays import require_choice, require_integer
from qae_sim.engines.demo.written_addition import LONGEST, problems, reward
from qae_sim.storage import from_json, to_json, write_atomically

SEEDS = (0, 1, 2, 3, 4)

#: Optimiser steps of a run, steps per generation, and optimiser steps between evaluations.
STEPS, PER_GENERATION, EVERY = 120, 4, 20

#: Held-out prompts of an evaluation, and responses to each.
HELD_OUT, RESPONSES = 64, 8

#: The recipes: arguments of the trainer, and of TRL's configuration.
RECIPES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = MappingProxyType(
    {
        # TRL's own advantage. A parameter is given, so that the trainer computes it and logs shares of zero advantages.
        "mean": ({"advantage": "grpo", "advantage_parameters": {"eps": 1e-4}}, {}),
        "QAE": ({"advantage": "qae", "advantage_parameters": {"k": 0.4}}, {}),
        "HA-DW": ({"anchor": SoftAnchor()}, {}),
        "mean, no warm-up": (
            {"advantage": "grpo", "advantage_parameters": {"eps": 1e-4}},
            {"learning_rate": 3e-4, "warmup_steps": 0},
        ),
        "QAE, no warm-up": (
            {"advantage": "qae", "advantage_parameters": {"k": 0.4}},
            {"learning_rate": 3e-4, "warmup_steps": 0},
        ),
    }
)

#: Curves over steps, with TRL's names for them; None: from evaluations on held-out prompts.
CURVES: Mapping[str, str | None] = MappingProxyType(
    {
        "reward": "reward",
        "entropy": "entropy",
        "zero_share": "advantage/zero_share",
        "length": "completions/mean_length",
        "clip_high": "clip_ratio/high_mean",
        "gradient_norm": "grad_norm",
        "pass_1": None,
        "pass_8": None,
    }
)

_FILE = "arithmetic.json"


def settings(folder: str | Path, seed: int, **changes: Any) -> Any:
    """Make TRL's configuration of a run: 32 prompts with 8 responses, four steps on them, DAPO's loss and clip.

    Args:
        folder: Folder for TRL's logs of completions.
        seed: Seed of the order of prompts and of all sampling, >= 0.
        **changes: Fields of GRPOConfig to change.

    Returns:
        A GRPOConfig.
    """
    from trl import GRPOConfig

    values: dict[str, Any] = {
        "output_dir": str(folder),
        "seed": seed,
        "max_steps": STEPS,
        "per_device_train_batch_size": 64,
        "steps_per_generation": PER_GENERATION,
        "num_generations": 8,
        "max_completion_length": LONGEST,
        "loss_type": "dapo",
        "epsilon": 0.2,
        "epsilon_high": 0.28,
        "beta": 0.0,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": 10,
        "logging_steps": PER_GENERATION,
        "log_completions": True,
        "num_completions_to_print": 0,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        # On the CPU half precision is slow and rounds the small steps of a small model away.
        "bf16": False,
        "gradient_checkpointing": False,
    }
    with warnings.catch_warnings():  # transformers is renaming gradient_checkpointing
        warnings.simplefilter("ignore", FutureWarning)
        return GRPOConfig(**(values | changes))


def train_run(
    recipe: str,
    seed: int,
    folder: str | Path,
    model: Any,
    tokenizer: Any,
    *,
    steps: int = STEPS,
    tell: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Train a model by one recipe.

    Args:
        recipe: A name of :data:`RECIPES`.
        seed: Seed of prompts and sampling, >= 0.
        folder: Folder for TRL's logs of completions.
        model: Trained in place.
        tokenizer: Its tokenizer.
        steps: Optimiser steps, >= 1.
        tell: Called with the share done, in [0, 1].

    Returns:
        The curves by names of :data:`CURVES`, each with lists of steps and values.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback

    from qae_sim.engines.demo.small_model import solve
    from qae_sim.engines.trl import AdvantageGRPOTrainer

    arguments, changes = RECIPES[require_choice("recipe", recipe, tuple(RECIPES))]
    curves: dict[str, dict[str, list[float]]] = {name: {"steps": [], "values": []} for name in CURVES}
    held_out = problems(HELD_OUT, 0, held_out=True)

    def note(name: str, step: int, value: float) -> None:
        curves[name]["steps"].append(step)
        curves[name]["values"].append(round(float(value), 5))

    def evaluate(step: int) -> None:
        rewards, _ = solve(trainer.model, tokenizer, held_out, RESPONSES, seed=1)
        note("pass_1", step, rewards.mean())
        note("pass_8", step, rewards.max(axis=1).mean())

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Evaluates, and tells how far it is."""

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step % EVERY == 0:
                evaluate(state.global_step)
            if tell is not None:
                tell(state.global_step / steps)

    count = 32 * -(-steps // PER_GENERATION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers warns of its own future
        trainer = AdvantageGRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=reward,
            args=settings(folder, seed, max_steps=steps, **changes),
            train_dataset=Dataset.from_dict({"prompt": problems(count, seed + 1000)}),
            callbacks=[Watch()],
            **arguments,
        )
        trainer.remove_callback(PrinterCallback)
        evaluate(0)
        trainer.train()
    for row in trainer.state.log_history:
        for name, logged in CURVES.items():
            if logged in row:
                note(name, row["step"], row[logged])
    torch.manual_seed(0)
    return curves


def reproduce(
    folder: str | Path, seeds: Sequence[int] = SEEDS, *, steps: int = STEPS, workers: int | None = None
) -> None:
    """Train all recipes with all seeds, each seed from its own base model, and write ``arithmetic.json``.

    Args:
        folder: Folder for the runs, created if missing; finished runs in it are kept.
        seeds: The seeds.
        steps: Optimiser steps of a run, >= 1.
        workers: Number of processes, >= 1; by default one for each core.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    require_integer("steps", steps, low=1)
    from qae_sim.processes import Workers  # not at the top: a browser's Python has no processes

    with Workers(workers or os.cpu_count() or 1) as pool:
        for done in [pool.submit(_seed, place, seed, steps) for seed in seeds]:
            done.result()
    runs = [_read(place / f"{seed}-{name}.json") for name in RECIPES for seed in seeds]
    write_atomically(place / _FILE, to_json({"about": _about(steps), "runs": runs}))


def _read(path: Path) -> Any:
    """Read a stored run."""
    try:
        return from_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is no stored run, or damaged; delete it to train it again: {error}") from error


def _seed(place: Path, seed: int, steps: int) -> None:
    """Train all recipes with one seed."""
    import torch
    from transformers.utils import logging

    from qae_sim.engines.demo.small_model import small_model, small_tokenizer, warm_start

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    tokenizer = small_tokenizer()
    base = small_model(tokenizer, seed)
    if any(not (place / f"{seed}-{name}.json").exists() for name in RECIPES):
        warm_start(base, tokenizer, seed)
    weights = {name: value.clone() for name, value in base.state_dict().items()}
    for name in RECIPES:
        path = place / f"{seed}-{name}.json"
        if not path.exists():
            base.load_state_dict(weights)
            curves = train_run(name, seed, place / f"{seed}-{name}", base, tokenizer, steps=steps)
            write_atomically(path, to_json({"recipe": name, "seed": seed, "curves": curves}))


def _about(steps: int) -> dict[str, Any]:
    """Describe versions, device and settings of the runs."""
    import torch
    import transformers
    import trl

    import qae_sim

    config = settings("runs", 0, max_steps=steps)
    told = (
        *("learning_rate", "warmup_steps", "per_device_train_batch_size", "steps_per_generation", "num_generations"),
        *("max_completion_length", "loss_type", "epsilon", "epsilon_high", "beta", "max_steps", "num_iterations"),
    )
    return {
        "versions": {module.__name__: module.__version__ for module in (qae_sim, torch, transformers, trl)},
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "settings": {name: getattr(config, name) for name in told},
        "recipes": {name: repr((dict(a), dict(b))) for name, (a, b) in RECIPES.items()},
        "held_out": f"{HELD_OUT} prompts, {RESPONSES} responses each",
    }


@lru_cache(maxsize=1)
def recorded() -> dict[str, Any]:
    """Read the runs that come with the package.

    Returns:
        ``about``: versions, device and settings; ``runs``: recipe, seed and curves of each.

    Example:
        >>> len(recorded()["runs"]), recorded()["about"]["device"]
        (25, 'cpu')
    """
    return dict(from_json((files("qae_sim.engines.demo") / "recorded" / _FILE).read_bytes()))


def recorded_log() -> Path:
    """Find the log of completions that TRL wrote in one of the recorded runs: mean baseline, seed 0.

    Returns:
        Its folder.

    Example:
        >>> len(list(recorded_log().glob("completions/*.parquet")))
        30
    """
    return Path(str(files("qae_sim.engines.demo") / "recorded" / "log"))


def curve(recipe: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a curve of the recorded runs.

    Args:
        recipe: A name of :data:`RECIPES`.
        name: A name of :data:`CURVES`.

    Returns:
        Steps ``(N,)``; values ``(seeds, N)``.

    Raises:
        ValueError: There is no such recipe or curve.

    Example:
        >>> steps, values = curve("QAE", "pass_1")
        >>> int(steps[-1]), values.shape, round(values[:, -1].mean(), 2)
        (120, (5, 7), np.float64(0.6))
    """
    require_choice("recipe", recipe, tuple(RECIPES))
    require_choice("name", name, tuple(CURVES))
    curves = [run["curves"][name] for run in recorded()["runs"] if run["recipe"] == recipe]
    return np.array(curves[0]["steps"]), np.array([one["values"] for one in curves])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m qae_sim.engines.demo.trl_runs FOLDER")
    reproduce(sys.argv[1])
