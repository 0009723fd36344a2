"""The supervised base model, which learns from demonstrations, some of them wrong."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qae_sim.lm import purposes
from qae_sim.lm.config import Config
from qae_sim.lm.cuda import mixed_precision
from qae_sim.lm.files import load_tensors, require_shapes, save_tensors
from qae_sim.lm.model import SIZES, Transformer, log_softmax
from qae_sim.lm.sampling import PolicySampler
from qae_sim.lm.tasks import PAD
from qae_sim.streams import uniform

#: To be increased when a change of the code gives other base models for the same key.
_VERSION = 1
_BATCH = 256
_LEARNING_RATE = 2e-3
_ORDER = 5  # purpose of a random stream
#: With a target: steps between two looks at pass@1, held-out prompts and responses to each, and the prompts' seed.
_LOOK_EVERY, _LOOK_PROMPTS, _LOOK_RESPONSES, _LOOK_SEED = 16, 96, 8, 1


def base_key(config: Config) -> dict[str, Any]:
    """Describe what a base model depends on; runs with the same key start from the same model.

    Args:
        config: The run.

    Returns:
        Names and values.

    Example:
        >>> base_key(Config("addition")) == base_key(Config("addition", rule="qae"))
        True
    """
    # A target is named only where there is one: base models of before keep their names.
    target = {"target": config.base_target} if config.base_target else {}
    options = {k: v for k, v in config.task_options.items() if k not in config.problem.verifier_options}
    return {
        "version": _VERSION,
        "task": config.task,
        "options": options,
        "size": config.size,
        "seed": config.base_seed,
        "demonstrations": config.base_demonstrations,
        "passes": config.base_passes,
    } | target


def new_model(configs: Sequence[Config]) -> Transformer:
    """Create untrained models, one for each run, as an ensemble.

    Args:
        configs: Runs of the same shapes.

    Returns:
        The ensemble.

    Example:
        >>> new_model([Config("addition"), Config("addition", seed=1)]).members
        2
    """
    task = configs[0].problem
    seeds = [config.base_seed for config in configs]
    size = SIZES[configs[0].size]
    return Transformer(size, len(task.words), task.prompt_length, task.response_length, seeds)


def warm_start(
    configs: Sequence[Config],
    device: torch.device | str = "cpu",
    folder: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Transformer:
    """Load the base models of some runs, or train those that are not on disk, all at once.

    Each learns to predict the tokens of its demonstrations' responses, by AdamW with a cosine schedule, until all
    passes are done or its pass@1 on held-out prompts, which is looked at from time to time, has reached the target.

    Args:
        configs: Runs of the same shapes.
        device: Device of the computation and of the result.
        folder: Folder where base models are stored and looked for; None stores none.
        progress: Called after each step with the share done, in [0, 1].

    Returns:
        An ensemble with a member for each run.

    Raises:
        ValueError: A file in the folder is damaged or holds something else.
    """
    named = {_name(config): config for config in configs}
    states: dict[str, dict[str, Tensor]] = {}
    if folder is not None:
        for name, config in named.items():
            if (folder / name).exists():
                states[name] = _load(folder / name, config)
    missing = {name: config for name, config in named.items() if name not in states}
    if missing:
        trained = new_model(list(missing.values())).to(device)
        for share in _train(trained, list(missing.values())):
            if progress is not None:
                progress(share)
        for member, (name, config) in enumerate(missing.items()):
            states[name] = {key: value.cpu() for key, value in trained.member_state(member).items()}
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                save_tensors(folder / name, states[name], base_key(config))
    model = new_model(configs)
    model.load_members([states[_name(config)] for config in configs])
    return model.to(device)


def _name(config: Config) -> str:
    """Name a base model's file."""
    digest = hashlib.sha256(json.dumps(base_key(config), sort_keys=True).encode()).hexdigest()[:12]
    return f"base-{config.task}-{config.size}-{config.base_seed}-{digest}.safetensors"


def _load(path: Path, config: Config) -> dict[str, Tensor]:
    """Read a base model and check that it is the one asked for."""
    tensors, about = load_tensors(path)
    if about != base_key(config):
        raise ValueError(f"{path} holds another base model than its name says: {about}")
    require_shapes(path, tensors, new_model([config]).member_state(0))
    return tensors


def _train(model: Transformer, configs: Sequence[Config]) -> Iterator[float]:
    """Train base models; yields the share done after each step."""
    device = model.word.device
    ready: dict[int, dict[str, Tensor]] = {}  # members that have reached their target, as they were then
    prompts, responses = _demonstrations(configs, device)
    count, passes = configs[0].base_demonstrations, configs[0].base_passes
    batch = min(_BATCH, count)
    steps = passes * (count // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine(step / steps))
    member = torch.arange(len(configs), device=device)[:, None]
    each = torch.arange(batch, device=device).expand(len(configs), -1)
    for step in range(steps):
        number, place = divmod(step, count // batch)
        if place == 0:
            order = torch.stack([_order(config, number) for config in configs]).to(device)
        rows = order[:, place * batch : (place + 1) * batch]
        said = responses[member, rows]
        mask = said != PAD
        with mixed_precision(device):
            logits = model(prompts[member, rows], said, each)
        log_probs = log_softmax(logits).gather(-1, said[..., None]).squeeze(-1)
        # Each member's mean over its own tokens; in the sum over members their gradients stay separate.
        loss = -(torch.where(mask, log_probs, 0.0).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if configs[0].base_target and step % _LOOK_EVERY == _LOOK_EVERY - 1:
            for m in np.flatnonzero(_pass_1(model, configs) >= configs[0].base_target).tolist():
                ready.setdefault(m, {name: value.clone() for name, value in model.member_state(m).items()})
            if len(ready) == len(configs):
                break
        yield (step + 1) / steps
    model.load_members([ready.get(m, model.member_state(m)) for m in range(len(configs))])


@torch.no_grad()
def _pass_1(model: Transformer, configs: Sequence[Config]) -> np.ndarray:
    """Estimate each base model's pass@1 on held-out prompts, other ones than those of evaluations."""
    sampler = PolicySampler([config.with_(seed=config.base_seed) for config in configs], model)
    held_out = configs[0].problem.problems(_LOOK_PROMPTS, _LOOK_SEED, held_out=True)
    given = torch.as_tensor(np.stack([held_out] * len(configs)), device=model.word.device)
    said = sampler.generate(given, _LOOK_RESPONSES, purposes.BASE_TARGET)
    return np.asarray(sampler.verdicts(given, said.tokens).mean(axis=(1, 2)))


def _demonstrations(configs: Sequence[Config], device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw prompts ``(S, N, P)`` and responses ``(S, N, T)``."""
    prompts, responses = [], []
    for config in configs:
        given = config.problem.problems(config.base_demonstrations, config.base_seed)
        prompts.append(given)
        responses.append(config.problem.demonstrations(given, config.base_seed))
    return torch.as_tensor(np.stack(prompts), device=device), torch.as_tensor(np.stack(responses), device=device)


def _order(config: Config, number: int) -> Tensor:
    """Draw the order of the demonstrations in a pass."""
    return torch.as_tensor(
        np.argsort(uniform(np.zeros(1), config.base_demonstrations, config.base_seed, _ORDER, number))
    )


def _cosine(share: float) -> float:
    """Factor of the learning rate: a short rise, then from 1 to a tenth along half a cosine."""
    return min(share / 0.02 + 0.01, 0.55 + 0.45 * math.cos(math.pi * share))
