"""From rows to steps, and from steps to groups of responses to one prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from qae_sim.logs.sources import Rows


def part_of(rows: Rows, part: slice | np.ndarray) -> Rows:
    """Select some of the rows.

    Args:
        rows: Rows.
        part: Which rows, as an index of arrays.

    Returns:
        These rows.

    Example:
        >>> x = np.arange(3)
        >>> part_of(Rows(x, x, x, x, "here"), slice(1, None)).reward
        array([1, 2])
    """
    said = None if rows.said is None else rows.said[part]
    return Rows(rows.step[part], rows.prompt[part], rows.reward[part], rows.length[part], rows.place, said)


def joined(parts: list[Rows]) -> Rows:
    """Join parts.

    Args:
        parts: One or more.

    Returns:
        All rows, in order.

    Example:
        >>> x = np.arange(2)
        >>> joined([Rows(x, x, x, x, "here"), Rows(x, x, x, x, "there")]).reward
        array([0, 1, 0, 1])
    """
    step, prompt, reward, length = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("step", "prompt", "reward", "length")
    )
    texts = [one.said for one in parts if one.said is not None]
    said = np.concatenate(texts) if len(texts) == len(parts) else None
    return Rows(step, prompt, reward, length, parts[0].place, said)


def step_by_step(pieces: Iterable[Rows]) -> Iterator[Rows]:
    """Cut and join pieces of a log so that each holds one step.

    Args:
        pieces: The pieces in the order of the log; only those of one step are held in memory.

    Yields:
        All rows of a step. Rows without a step (-1) are passed on piece by piece.

    Example:
        >>> x = np.zeros(3)
        >>> pieces = [Rows(np.array(steps), x, x, x, "here") for steps in ([1, 1, 2], [2, 2, 3], [-1, -1, -1])]
        >>> [part.step.tolist() for part in step_by_step(pieces)]
        [[1, 1], [2, 2, 2], [3], [-1, -1, -1]]
    """
    pending: list[Rows] = []
    for rows in pieces:
        cuts = np.flatnonzero(np.diff(rows.step)) + 1
        for start, end in zip([0, *cuts], [*cuts, len(rows.step)], strict=True):
            part = part_of(rows, slice(int(start), int(end)))
            if pending and part.step[0] != pending[-1].step[0]:
                yield joined(pending)
                pending = []
            if part.step[0] < 0:
                yield part
            else:
                pending.append(part)
    if pending:
        yield joined(pending)


def group_numbers(rows: Rows) -> np.ndarray:
    """Number the groups of a step: responses to one prompt, wherever they stand.

    Args:
        rows: Rows of one step; or rows without steps, where neighbouring rows with the same prompt are a group.

    Returns:
        For each row the number of its group, from 0, ``(N,)``.

    Example:
        >>> prompts = np.array([7, 7, 9, 7])
        >>> [group_numbers(Rows(np.full(4, s), prompts, prompts, prompts, "here")).tolist() for s in (3, -1)]
        [[0, 0, 1, 0], [0, 0, 1, 2]]
    """
    if rows.step[0] < 0:
        return np.cumsum(np.diff(rows.prompt, prepend=rows.prompt[0]) != 0)
    return np.unique(rows.prompt, return_inverse=True)[1].reshape(-1)


def first_groups(rows: Rows, count: int) -> tuple[Rows, Rows] | None:
    """Cut off the first groups of rows without steps.

    Args:
        rows: Rows without steps.
        count: Number of groups, >= 1.

    Returns:
        Their rows and the others; None if no further group follows them, because the last one may be incomplete.

    Example:
        >>> x = np.array([7, 7, 9, 9, 8])
        >>> [part.prompt.tolist() for part in first_groups(Rows(x * 0 - 1, x, x, x, "here"), 2)]
        [[7, 7, 9, 9], [8]]
    """
    starts = np.flatnonzero(np.diff(rows.prompt)) + 1
    if len(starts) < count:
        return None
    end = int(starts[count - 1])
    return part_of(rows, slice(None, end)), part_of(rows, slice(end, None))


def common_size(group: np.ndarray) -> int | None:
    """Find the most frequent size of groups.

    Args:
        group: For each row the number of its group, ``(N,)``.

    Returns:
        G >= 2, the smallest of equally frequent ones; None if every group has a single response.

    Example:
        >>> common_size(np.array([0, 0, 1, 1, 2, 2, 2, 3]))
        2
    """
    counts = np.bincount(group)
    sizes = counts[counts > 1]
    return int(np.bincount(sizes).argmax()) if len(sizes) else None


def whole_groups(group: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Find the rows of groups of a given size.

    A prompt that was drawn several times in a step has a multiple of G responses; neighbours among them are a group.

    Args:
        group: For each row the number of its group, ``(N,)``.
        size: G, >= 1.

    Returns:
        Places of rows, ``(B, G)``; the number of groups of another size.

    Example:
        >>> whole_groups(np.array([0, 1, 0, 2, 1]), 2)
        (array([[0, 2],
               [1, 4]]), 1)
    """
    counts = np.bincount(group)
    whole = (counts % size == 0) & (counts > 0)
    order = np.argsort(group, kind="stable")
    return order[whole[group[order]]].reshape(-1, size), int((~whole & (counts > 0)).sum())
