"""CUDA graphs: small models spend their time on launching kernels; a graph launches them all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Captured:
    """A function of CUDA tensors, recorded once for each combination of shapes and replayed from then on.

    The function must do the same work whatever its arguments hold, never look at a value on the CPU, and change
    nothing but gradients that it has itself set to zero.

    Args:
        function: From tensors to a sequence of tensors.
    """

    def __init__(self, function: Callable[..., Sequence[Tensor]]) -> None:
        self._function = function
        self._recorded: dict[Any, tuple[torch.cuda.CUDAGraph, list[Tensor], Sequence[Tensor]]] = {}

    def __call__(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """Call the function; the results are copies that the next call leaves alone."""
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
        # Libraries set themselves up at first calls, which a graph must not hold.
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
