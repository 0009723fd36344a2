"""Tensors in files: written completely or not at all, and checked when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from qae_sim.storage import about_tensors, describe_tensors, seal, write_atomically


def save_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors as safetensors, with a description in JSON and a checksum.

    Args:
        path: The file.
        tensors: The tensors by name.
        about: Their description, in plain values.
    """
    content = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Safetensors metadata are strings; one of them holds the description.
    described = describe_tensors(about, {name: tensor.numpy() for name, tensor in content.items()})
    write_atomically(path, seal(save(content, {"about": described})))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote.

    Args:
        path: The file.

    Returns:
        The tensors by name, and their description.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, cut short, or damaged.
    """
    content = path.read_bytes()
    try:
        about = about_tensors(content)
        return load(content), about
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no checkpoint of qae_sim, or it is cut short or damaged: {error}") from error


def require_shapes(path: Path, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Check that a file holds the expected tensors.

    Args:
        path: The file, for the error.
        tensors: The tensors that were read.
        expected: Tensors with the expected names, shapes and types.

    Raises:
        ValueError: A tensor is missing, unknown, or of another shape or type.
    """
    for name in sorted(set(tensors) | set(expected)):
        found = tensors.get(name, torch.empty(0))
        wanted = expected.get(name, torch.empty(0))
        if name not in tensors or name not in expected or found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise ValueError(
                f"{path} does not fit its run: {name} must be {wanted.dtype} of shape {tuple(wanted.shape)}; "
                f"got {found.dtype} of shape {tuple(found.shape)}"
            )
