"""The few array operations that the simulator spends its time in.

Arrays have one column for each run (or query, or position of a sequence, and run), and columns never meet: every
operation is elementwise or adds rows up in a fixed order. So a run's numbers are the same bits whatever the other
columns are. Library routines that sum or sort along an axis do not promise that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from qae_sim.arrays import Array, Namespace


def column_sum(xp: Namespace, x: Array) -> Array:
    """Sum over the first axis by halves, ``(A, ...)`` to ``(...)``; ``x`` is overwritten."""
    rows = x.shape[0]
    while rows > 1:
        half = rows // 2
        # An odd row in the middle waits for the next round.
        x[:half] += x[rows - half : rows]
        rows -= half
    return x[0]


def cumulate(xp: Namespace, x: Array, out: Array) -> None:
    """Write the running sums of the rows of ``x``, ``(A, C)``, to ``out``, which may be ``x`` itself."""
    if xp is np:
        out[0] = x[0]
        so_far = out[0]
        for row, target in zip(x[1:], out[1:], strict=True):
            so_far = np.add(so_far, row, target)
        return
    # On a GPU each call costs microseconds: few calls over many rows (Hillis and Steele's scan).
    out[...] = x
    reach = 1
    while reach < len(x):
        out[reach:] = out[reach:] + out[:-reach]
        reach *= 2


def column_dot(xp: Namespace, x: Array, y: Array) -> Array:
    """Sum of products over the first axis, ``(A, C)`` and ``(A, C)`` to ``(C,)``."""
    if xp is np:
        # einsum adds row after row; a single column, though, it would take for a vector and sum in blocks.
        if x.shape[1] == 1:
            x, y = np.repeat(x, 2, axis=1), np.repeat(y, 2, axis=1)
            return np.einsum("ac,ac->c", x, y)[:1]
        return np.einsum("ac,ac->c", x, y)
    return column_sum(xp, x * y)


def entropy(xp: Namespace, logits: Array) -> Array:
    """Entropy in nats of each column's softmax, ``(A, ...)`` to ``(...)``; never negative."""
    gap = xp.max(logits, axis=0) - logits
    weight = xp.exp(-gap)
    weighted_gap = column_sum(xp, weight * gap)
    total = column_sum(xp, weight)
    return xp.log(total) + weighted_gap / total


def padded_rows(rows: int) -> int:
    """The smallest power of two that is at least ``rows``."""
    return 1 << (rows - 1).bit_length()


@dataclass(frozen=True)
class Workspace:
    """Memory for samples: fresh memory for every step would cost as much as the step. Arrays of one shape.

    Attributes:
        targets: Room for uniform numbers.
        values: Room for more numbers.
        places: Room for places in a flattened array.
        steps: Room for more integers.
        passed: Room for truth values.
    """

    targets: Array
    values: Array
    places: Array
    steps: Array
    passed: Array

    @classmethod
    def of(cls, xp: Namespace, *shape: int) -> Workspace:
        """Take fresh memory."""
        return cls(*(xp.empty(shape, dtype=kind) for kind in (float, float, xp.int64, xp.int64, bool)))

    def first(self, count: int) -> Workspace:
        """The beginning of one-dimensional memory."""
        return Workspace(*(getattr(self, field.name)[:count] for field in fields(self)))


def search(xp: Namespace, running: Array, targets: Array, columns: Array, workspace: Workspace) -> Array:
    """Find the first row of a column whose running sum exceeds the target.

    Args:
        xp: NumPy or CuPy.
        running: Running sums of non-negative weights, ``(P, C)``, P a power of two; rows of padding hold infinity.
        targets: Numbers in [0, total), any shape; a row of weight 0 is then never found.
        columns: The column of each target, broadcasting to its shape.
        workspace: Memory of the shape of ``targets`` to work in, which the result shares.

    Returns:
        row·C + column of each target: its place in the flattened array.
    """
    rows, count = running.shape
    flat = running.reshape(-1)
    value, place, step, passed = workspace.values, workspace.places, workspace.steps, workspace.passed
    place[...] = columns
    half = rows // 2
    while half:
        # Is the running sum `half` rows on, less one, still within the target? If so, go there.
        _gather(xp, flat[(half - 1) * count :], place, value)
        xp.less_equal(value, targets, out=passed)
        step[...] = passed
        xp.multiply(step, half * count, out=step)
        xp.add(place, step, out=place)
        half //= 2
    return place


def _gather(xp: Namespace, flat: Array, place: Array, out: Array) -> None:
    """Take places of a flat array."""
    if xp is np:
        np.take(flat, place, out=out, mode="clip")  # all places exist; NumPy is fastest when it need not check
    else:
        xp.take(flat, place, out=out)


def scatter_add(xp: Namespace, target: Array, place: Array, values: Array) -> None:
    """Add values at places of a flat array; places may repeat.

    On a GPU the order of additions to one place is not fixed. Callers see to it that it does not matter: all values
    added to one place in one call are equal.
    """
    xp.add.at(target, place.reshape(-1), values.reshape(-1))


def repeat(xp: Namespace, values: Array, counts: Array) -> Array:
    """Repeat each value of a vector as often as its count says."""
    if xp is np:
        return np.repeat(values, counts)
    ends = xp.cumsum(counts)
    return values[xp.searchsorted(ends, xp.arange(int(ends[-1]) if len(ends) else 0), side="right")]


def ranges(xp: Namespace, starts: Array, counts: Array) -> tuple[Array, Array]:
    """Spell out integer ranges.

    Args:
        xp: NumPy or CuPy.
        starts: First number of each range, ``(N,)`` integers.
        counts: Length of each range, ``(N,)`` integers >= 0.

    Returns:
        All numbers, range after range, and which range each belongs to.
    """
    owner = repeat(xp, xp.arange(len(counts)), counts)
    before = xp.cumsum(counts) - counts
    return xp.arange(len(owner)) - before[owner] + starts[owner], owner


def to_numpy(x: Any) -> np.ndarray:
    """Bring an array of NumPy or CuPy to the host."""
    return x.get() if hasattr(x, "get") else np.asarray(x)
