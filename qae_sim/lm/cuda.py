"""Helpers for CUDA: recorded graphs, products in bf16, deterministic algorithms."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


def mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Compute matrix products in bf16 on CUDA; change nothing on other devices.

    Args:
        device: The device of the computation.

    Returns:
        A context manager.

    Example:
        >>> with mixed_precision(torch.device("cpu")):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.float32
    """
    if device.type != "cuda":
        return contextlib.nullcontext()
    # No cache of converted weights: a recorded graph would go on using old ones.
    return torch.autocast("cuda", torch.bfloat16, cache_enabled=False)


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Use algorithms on CUDA that give the same bits each time, as those of the CPU do anyway.

    Args:
        device: The device of the computation.

    Yields:
        Nothing; afterwards the earlier settings are restored.

    Example:
        >>> with deterministic(torch.device("cpu")):
        ...     torch.are_deterministic_algorithms_enabled()
        False
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA's libraries start
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        # Fused attention sums its gradients in varying order, so it is switched off. PyTorch also warns of running
        # sums, but one block of threads sums a row as short as ours, always in the same order.
        with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="cumsum_cuda_kernel")
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


class Captured:
    """A function of CUDA tensors, recorded once for each combination of shapes and replayed from then on.

    Small models spend most of their time launching kernels; a graph launches them all at once.

    The function must do the same work whatever values its arguments have, never read a value on the CPU, and change
    nothing but gradients that it has itself set to zero.

    Args:
        function: Takes tensors and returns a sequence of tensors.
    """

    def __init__(self, function: Callable[..., Sequence[Tensor]]) -> None:
        self._function = function
        self._recorded: dict[Any, tuple[torch.cuda.CUDAGraph, list[Tensor], Sequence[Tensor]]] = {}

    def __call__(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """Call the function; the results are copies, which the next call does not overwrite."""
        key = tuple((tuple(argument.shape), argument.dtype) for argument in arguments)
        if key not in self._recorded:
            self._recorded[key] = self._record(arguments)
        graph, places, results = self._recorded[key]
        for place, argument in zip(places, arguments, strict=True):
            place.copy_(argument)
        graph.replay()
        return tuple(result.clone() for result in results)

    def _record(self, arguments: Sequence[Tensor]) -> tuple[torch.cuda.CUDAGraph, list[Tensor], Sequence[Tensor]]:
        """Record the function on arguments of these shapes."""
        places = [argument.clone() for argument in arguments]
        # Libraries initialise themselves in the first calls, which a graph must not record.
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._function(*places)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = self._function(*places)
        return graph, places, results
