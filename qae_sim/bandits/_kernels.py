"""The few array operations that take most of a simulation's time.

Arrays have one column for each run (or prompt, or position of a sequence, and run), and columns never mix: every
operation is elementwise or adds rows up in a fixed order. So a run's numbers are the same bits whatever the other
columns are. Library routines that sum or sort along an axis do not promise that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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


def rows_of(xp: Namespace, x: Array) -> Sequence[Array]:
    """The rows of an array that is cumulated often: a list of them for NumPy, the array itself for a GPU."""
    return list(x) if xp is np else x


def cumulate(xp: Namespace, x: Sequence[Array], out: Sequence[Array]) -> None:
    """Write the running sums of rows ``x`` to rows ``out``, which may be the same memory.

    Args:
        xp: NumPy or CuPy.
        x: An array ``(A, C)``, or its rows from :func:`rows_of`.
        out: Likewise.
    """
    if xp is np:
        so_far = out[0]
        so_far[...] = x[0]
        add = np.add
        for row, target in zip(itertools.islice(x, 1, None), itertools.islice(out, 1, None), strict=True):
            so_far = add(so_far, row, target)
        return
    # On a GPU each call costs microseconds: few calls over many rows (Hillis and Steele's scan).
    out[...] = x  # type: ignore[index]
    reach = 1
    while reach < len(x):
        out[reach:] = out[reach:] + out[:-reach]  # type: ignore[index, operator]
        reach *= 2


def column_dot(xp: Namespace, x: Array, y: Array) -> Array:
    """Sum of products over the first axis, ``(A, C)`` and ``(A, C)`` to ``(C,)``."""
    if xp is np:
        # einsum adds row after row, except that it sums a single column in blocks, like a vector.
        if x.shape[1] == 1:
            x, y = np.repeat(x, 2, axis=1), np.repeat(y, 2, axis=1)
            return np.einsum("ac,ac->c", x, y)[:1]
        return np.einsum("ac,ac->c", x, y)
    return column_sum(xp, x * y)


@dataclass(frozen=True)
class Softmax:
    """The policy of logits z, a softmax for each column; arrays ``(A, ...)``, and ``(...)`` for the total.

    Attributes:
        gap: max z - z, >= 0.
        weight: exp(-gap).
        total: Sum of the weights, >= 1.
    """

    gap: Array
    weight: Array
    total: Array

    @classmethod
    def of(cls, xp: Namespace, logits: Array) -> Softmax:
        """The policy of logits."""
        gap = logits.max(axis=0) - logits
        weight = xp.exp(-gap)
        return cls(gap, weight, column_sum(xp, weight.copy()))

    def columns(self, xp: Namespace, *index: Any) -> Softmax:
        """Some columns, by an index into the axes after the first; in C order, whatever the index."""
        gap, weight = (xp.ascontiguousarray(x[:, *index]) for x in (self.gap, self.weight))
        return Softmax(gap, weight, xp.ascontiguousarray(self.total[index]))

    def pi(self) -> Array:
        """Probabilities."""
        return self.weight / self.total

    def log_pi(self, xp: Namespace) -> Array:
        """Logarithms of the probabilities."""
        return -(self.gap + xp.log(self.total))

    def entropy(self, xp: Namespace) -> Array:
        """Entropy in nats of each column; never negative."""
        return xp.log(self.total) + column_sum(xp, self.weight * self.gap) / self.total


def entropy(xp: Namespace, logits: Array) -> Array:
    """Entropy in nats of each column's softmax, ``(A, ...)`` to ``(...)``."""
    return Softmax.of(xp, logits).entropy(xp)


def padded_rows(rows: int) -> int:
    """The smallest power of two that is at least ``rows``."""
    return 1 << (rows - 1).bit_length()


@dataclass(frozen=True)
class Workspace:
    """Memory for samples, arrays of one shape: allocating it at every step would take as long as the step.

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
        return cls(*(xp.empty(shape, dtype=kind) for kind in (float, float, xp.intp, xp.intp, bool)))

    def first(self, count: int) -> Workspace:
        """The beginning of one-dimensional memory."""
        return Workspace(*(getattr(self, field.name)[:count] for field in fields(self)))


def search(xp: Namespace, running: Array, targets: Array, columns: Array, workspace: Workspace) -> Array:
    """Find the first row of a column whose running sum exceeds the target.

    Args:
        xp: NumPy or CuPy.
        running: Running sums of non-negative weights, ``(P, C)``, P a power of two; rows of padding hold infinity.
        targets: Numbers in [0, total), ``(G, C)`` or ``(N,)``; a row of weight 0 is then never found.
        columns: The column of each target: ``(C,)``, all of them in order, or ``(N,)``.
        workspace: Memory of the shape of ``targets`` to work in, which the result shares.

    Returns:
        row·C + column of each target: its place in the flattened array.
    """
    rows, count = running.shape
    value, place, step, passed = workspace.values, workspace.places, workspace.steps, workspace.passed
    # The first three halvings at once: comparing with seven rows costs less than looking up three.
    block = max(rows // 8, 1)
    blocks = xp.zeros(targets.shape, dtype=xp.int8)
    for edge in range(block - 1, rows - 1, block):
        xp.less_equal(_row(xp, running[edge], targets, columns), targets, out=passed)
        blocks += passed
    place[...] = blocks
    xp.multiply(place, block * count, out=place)
    xp.add(place, columns, out=place)
    flat = running.reshape(-1)
    half = block // 2
    while half:
        # If the running sum half - 1 rows on does not exceed the target, move half rows on.
        _gather(xp, flat[(half - 1) * count :], place, value)
        xp.less_equal(value, targets, out=passed)
        step[...] = passed
        xp.multiply(step, half * count, out=step)
        xp.add(place, step, out=place)
        half //= 2
    return place


def _row(xp: Namespace, row: Array, targets: Array, columns: Array) -> Array:
    """A row of running sums, as each target's column has it."""
    return row if targets.ndim == 2 else row[columns]


def _gather(xp: Namespace, flat: Array, place: Array, out: Array) -> None:
    """Read places of a flat array."""
    if xp is np:
        np.take(flat, place, out=out, mode="clip")  # all places exist; NumPy is fastest when it need not check
    else:
        xp.take(flat, place, out=out)


def scatter_add(xp: Namespace, target: Array, place: Array, values: Array) -> None:
    """Add values at places of a flat array; places may repeat.

    On a GPU the order of additions to one place is not fixed. Callers make sure that it has no effect: all values added
    to one place in one call are equal.
    """
    xp.add.at(target, place.reshape(-1), values.reshape(-1))


def repeat(xp: Namespace, values: Array, counts: Array) -> Array:
    """Repeat each value of a vector as often as its count says."""
    if xp is np:
        return np.repeat(values, counts)
    ends = xp.cumsum(counts)
    return values[xp.searchsorted(ends, xp.arange(int(ends[-1]) if len(ends) else 0), side="right")]


def ranges(xp: Namespace, starts: Array, counts: Array) -> tuple[Array, Array]:
    """List the numbers of integer ranges.

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
