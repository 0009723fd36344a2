"""What holds for all real numbers because it holds for every order that they can be in.

A sentence that is made of comparisons of a few real numbers, their minima and maxima depends on the order of the
numbers alone, and there are finitely many orders. That the rationals and the reals are dense and without ends makes
this exact: every order occurs, and nothing but the order can matter.
"""

from __future__ import annotations

from itertools import product


def order_types(count: int) -> list[tuple[int, ...]]:
    """All orders that some real numbers can be in, ties included, each by whole numbers in that order.

    Args:
        count: How many numbers, 1 or more.

    Returns:
        Tuples of ranks 0, 1, ... without gaps, each order once.

    Example:
        >>> order_types(2)
        [(0, 0), (0, 1), (1, 0)]
        >>> len(order_types(3)), len(order_types(4))
        (13, 75)
    """
    return [ranks for ranks in product(range(count), repeat=count) if set(ranks) == set(range(max(ranks) + 1))]
