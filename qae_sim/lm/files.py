"""Tensors in files: written whole or not at all, and never trusted blindly."""

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
        tensors: By name.
        about: What they are.
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
        The tensors, and what they are.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not ours, cut short or damaged.
    """
    content = path.read_bytes()
    try:
        about = about_tensors(content)
        return load(content), about
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no checkpoint of qae_sim, or it is cut short or damaged: {error}") from error


def require_shapes(path: Path, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Check that tensors read from a file are those that are expected.

    Args:
        path: The file, for the error.
        tensors: Those read.
        expected: Tensors with the names, shapes and types to be.

    Raises:
        ValueError: One is missing, one too many, or of another shape or type.
    """
    for name in sorted(set(tensors) | set(expected)):
        found = tensors.get(name, torch.empty(0))
        wanted = expected.get(name, torch.empty(0))
        if name not in tensors or name not in expected or found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise ValueError(
                f"{path} does not fit its run: {name} must be {wanted.dtype} of shape {tuple(wanted.shape)}; "
                f"got {found.dtype} of shape {tuple(found.shape)}"
            )
