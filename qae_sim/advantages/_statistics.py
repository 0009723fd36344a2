"""What the group estimators share: checked rewards, deviations from the mean, order statistics."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import array_api_compat as compat
import numpy as np

from qae_sim.arrays import (
    Array,
    Namespace,
    as_floating,
    invalid,
    like,
    namespace,
    number_of,
    require_choice,
    require_finite,
    require_integer,
    require_number,
    require_shape,
)
from qae_sim.frozen import dataclass

#: Which quantile: the smallest reward that a share K of the group does not exceed, or a line between two rewards.
Quantile: TypeAlias = Literal["inverted_cdf", "linear"]

#: K·G closer than this to an integer is that integer: .28·25 is 7.000000000000001 in binary, and means 7.
RANK_TOLERANCE = 1e-9

#: Longer responses do not exist, and squares of float32 weighted with such lengths would overflow.
LONGEST_RESPONSE = 2**31


@dataclass(frozen=True, eq=False, repr=False)
class GroupStatistics:
    """Rewards of groups minus a baseline, and their spread; all in units of ``scale``.

    Attributes:
        deviation: Reward minus baseline, ``(..., G)``; exactly 0 in a group of equal rewards.
        std: Standard deviation of each group, ``(..., 1)``; exactly 0 in a group of equal rewards, and only there.
        scale: 1.0, or a power of two per group ``(..., 1)`` where squares would leave the floating range.
    """

    deviation: Array
    std: Array
    scale: Array | float

    def denominator(self, eps: float) -> Array:
        """Compute std + ε; 1 where this is 0, in groups of equal rewards, whose numerators are 0.

        Args:
            eps: ε >= 0, in units of the rewards.

        Returns:
            ``(..., 1)``, in units of ``scale``.
        """
        denominator = self.std + eps / self.scale
        return namespace(denominator).where(denominator == 0, 1.0, denominator)

    def standardised(self, eps: float) -> Array:
        """Divide the deviations by std + ε.

        Args:
            eps: ε >= 0, in units of the rewards.

        Returns:
            ``(..., G)``, without unit.
        """
        return self.deviation / self.denominator(eps)

    def in_reward_units(self, factor: float = 1.0) -> Array:
        """Undo the scale; what then exceeds the floating range becomes infinite, and :func:`restored` raises for it.

        Args:
            factor: A number to multiply all of them by.

        Returns:
            The deviations times ``factor``, ``(..., G)``, in units of the rewards.
        """
        return self.deviation * factor * self.scale

    def unit(self) -> float:
        """A power of two that serves as a common unit for all groups whose rewards differ.

        Returns:
            1.0 unless the rewards are extreme.
        """
        if isinstance(self.scale, float):
            return self.scale
        xp = namespace(self.std)
        return number_of(xp.max(xp.where(self.std > 0, self.scale, 0.0))) or 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Between:
    """A number between two rewards of each group, low + share·(high - low).

    Kept in parts, because its differences from the rewards may be smaller than its own rounding.

    Attributes:
        low: ``(..., 1)``.
        high: ``(..., 1)``.
        share: In [0, 1]; a number, or ``(..., 1)``.
    """

    low: Array
    high: Array
    share: Any

    def value(self) -> Array:
        """The number, ``(..., 1)``."""
        xp = namespace(self.low)
        # Two products and no difference: finite also when high - low is not, and exact where both are equal.
        return xp.where(self.low == self.high, self.low, (1 - self.share) * self.low + self.share * self.high)


def checked_rewards(rewards: Any, *, smallest_group: int = 2) -> tuple[Array, Namespace]:
    """Take rewards as floating numbers and check that they form groups.

    Args:
        rewards: ``(..., G)``.
        smallest_group: The least G allowed.

    Returns:
        The floating rewards and their namespace.

    Raises:
        TypeError: The rewards are no real numbers.
        ValueError: There is no group axis, or G is too small.
    """
    r, xp = as_floating("rewards", rewards)
    if r.ndim == 0 or r.shape[-1] < smallest_group:
        raise ValueError(
            f"rewards must be of shape (..., G) with G >= {smallest_group} responses per group; got {tuple(r.shape)}"
        )
    return r, xp


def checked_binary(rewards: Any, *, smallest_group: int = 2) -> tuple[Array, Namespace]:
    """Take rewards as in :func:`checked_rewards` and check that each is 0 or 1.

    Args:
        rewards: ``(..., G)``.
        smallest_group: The least G allowed.

    Returns:
        The floating rewards and their namespace.

    Raises:
        TypeError: The rewards are no real numbers.
        ValueError: There is no group axis, G is too small, or some reward is neither 0 nor 1.
    """
    r, xp = checked_rewards(rewards, smallest_group=smallest_group)
    other = (r != 0) & (r != 1)
    if bool(xp.any(other)):
        raise invalid(
            "rewards", number_of(r[other][0]), "0 or 1 everywhere, this estimator being defined for them alone"
        )
    return r, xp


def checked_companion(name: str, value: Any, r: Array, *, groups: bool = False) -> Array:
    """Take numbers that come with rewards, one for each response (or for each group), and check that they fit.

    Args:
        name: The argument's name, for errors.
        value: ``(..., G)``, or ``(...)`` with ``groups``.
        r: Floating rewards in working precision, ``(..., G)``.
        groups: Whether there is one number for each group.

    Returns:
        The numbers in the type and library of ``r``; ``(..., 1)`` with ``groups``.

    Raises:
        TypeError: ``value`` holds no real numbers.
        ValueError: It has another shape, or some entry is NaN or infinite.
    """
    x, xp = as_floating(name, value)
    shape = tuple(r.shape[:-1] if groups else r.shape)
    require_shape(name, x, shape, "one number for each group" if groups else "one number for each reward")
    require_finite(name, x)
    return like(name, r, xp.expand_dims(x, axis=-1) if groups else x)


def checked_lengths(lengths: Any, r: Array) -> Array:
    """Take the lengths of responses in tokens.

    Args:
        lengths: ``(..., G)``.
        r: Floating rewards in working precision, ``(..., G)``.

    Returns:
        The lengths in the type and library of ``r``.

    Raises:
        TypeError: ``lengths`` holds no real numbers.
        ValueError: It has another shape than the rewards, or some length is not a finite number >= 1.
    """
    counts = checked_companion("lengths", lengths, r)
    xp = namespace(counts)
    if bool(xp.any(counts < 1)):
        raise invalid("lengths", number_of(xp.min(counts)), "at least 1 everywhere, in tokens")
    if bool(xp.any(counts > LONGEST_RESPONSE)):
        raise invalid("lengths", number_of(xp.max(counts)), f"at most {LONGEST_RESPONSE} everywhere, in tokens")
    return counts


def deviations(
    r: Array,
    *,
    ddof: int = 0,
    baseline: Array | Between | None = None,
    weights: Array | None = None,
    name: str = "rewards",
) -> GroupStatistics:
    """Subtract a baseline from each group and measure the group's spread around its mean.

    First each group is shifted by a number from its own range: equal rewards then give exact zeros, whatever their
    value. NaN, infinities and squares that overflow all show in the standard deviation, which is G times smaller than
    the rewards, so checking it costs next to nothing.

    Args:
        r: Floating rewards of at least 32 bits, ``(..., G)``.
        ddof: 0 divides the sum of squares by G (population), 1 by G - 1.
        baseline: What to subtract, ``(..., 1)``, between the least and the greatest reward of the group; the mean by
            default.
        weights: Weights of the rewards in mean and variance, ``(..., G)``; all 1 by default.
        name: What the rewards are called in errors.

    Returns:
        The deviations from the baseline and the standard deviation; empty ones where there are no rewards.

    Raises:
        TypeError: ``ddof`` is not an integer.
        ValueError: Some reward is NaN or infinite, or ``ddof`` is neither 0 nor 1.
    """
    xp = namespace(r)
    require_integer("ddof", ddof, high=1)
    if math.prod(r.shape) == 0:
        return GroupStatistics(r, xp.sum(r, axis=-1, keepdims=True), 1.0)
    # Between 1/bound and bound the squares of all deviations that matter are ordinary numbers.
    bound = 2.0**400 if r.dtype == xp.float64 else 2.0**50
    statistics = _moments(xp, r, ddof, baseline, weights)
    std = statistics.std[..., 0]
    equal = std == 0
    regular = bool(xp.all(equal | ((std > 1 / bound) & (std < bound))))
    if regular and bool(xp.any(equal)):
        # A standard deviation of 0 may also be one whose squares have underflowed.
        regular = not bool(xp.any(statistics.deviation[equal] != 0))
    if regular:
        return statistics
    require_finite(name, r)
    # Measure the extreme groups in units of powers of two, which changes no digit: small ones in a small unit, big
    # ones in a unit just large enough for their sums, and in a larger one for their squares.
    one = xp.ones_like(r[..., :1])
    big = xp.max(xp.abs(r), axis=-1, keepdims=True) > bound
    spread = xp.max(xp.abs(xp.where(big, 0.0, r) - xp.where(big, 0.0, r[..., :1])), axis=-1, keepdims=True)
    large, small, shrink = (2.0**60, 2.0**-700, 2.0**-600) if r.dtype == xp.float64 else (2.0**40, 2.0**-100, 2.0**-45)
    scale = xp.where(big, large * one, xp.where(spread < 1 / bound, small * one, one))
    return _moments(xp, r, ddof, baseline, weights, (scale, xp.where(big, shrink * one, one)))


def _moments(
    xp: Namespace,
    r: Array,
    ddof: int,
    baseline: Array | Between | None,
    weights: Array | None,
    units: tuple[Array, Array] | None = None,
) -> GroupStatistics:
    """Compute deviation and standard deviation.

    ``units`` are (scale, shrink): rewards are divided by scale, and multiplied by shrink before they are squared.
    Without units, what is out of range becomes inf, nan or 0.
    """
    between = baseline if isinstance(baseline, Between) else None
    origin: Array = r[..., :1] if baseline is None else baseline
    if between is not None:
        origin = between.low
    scale, shrink = (1.0, 1.0) if units is None else units
    shifted = r - origin if units is None else r / scale - origin / scale
    if between is not None:
        shifted = shifted - between.share * (between.high / scale - between.low / scale)
    if weights is None:
        count = r.shape[-1]
        mean = xp.mean(shifted, axis=-1, keepdims=True)
    else:
        count = xp.sum(weights, axis=-1, keepdims=True)
        mean = xp.sum(weights * shifted, axis=-1, keepdims=True) / count
    if baseline is None:
        shifted = shifted - mean
        squares = _squares(xp, shifted, weights, shrink)
    else:
        # Σ(x-m)² = Σx² - n·m² spares a pass over the rewards. Where a baseline lies more than three deviations
        # from the mean the difference would cancel, and the squares are summed around the mean.
        about_baseline = _squares(xp, shifted, weights, shrink)
        squares = about_baseline - count * (mean * shrink) ** 2
        far = squares < about_baseline / 10
        if bool(xp.any(far)):
            squares = xp.where(far, _squares(xp, shifted - mean, weights, shrink), squares)
    # The root has no derivative at 0; there its own is taken as 0, so that gradients through equal rewards are finite.
    still = squares == 0
    std = xp.where(still, xp.zeros_like(squares), xp.sqrt(xp.where(still, 1.0, squares) / (count - ddof)))
    return GroupStatistics(shifted, std / shrink, scale)


def _squares(xp: Namespace, x: Array, weights: Array | None, shrink: Array | float) -> Array:
    """Sum the squares of each group, of the deviations times ``shrink``; ``(..., 1)``."""
    x = x if isinstance(shrink, float) else x * shrink
    weighted = x if weights is None else weights * x
    if compat.is_numpy_namespace(xp):
        return xp.vecdot(weighted, x)[..., None]
    # Elsewhere vecdot is a matrix product, whose precision is up to the caller's settings (autocast, TF32).
    return xp.sum(weighted * x, axis=-1, keepdims=True)


def restored(name: str, advantages: Array, r: Array) -> Array:
    """Convert advantages to the floating type of the rewards, and check that they fit into it.

    Args:
        name: The estimator's name, for the error.
        advantages: Advantages in working precision.
        r: The rewards, whose type the result gets.

    Returns:
        The advantages in the type of ``r``.

    Raises:
        ValueError: An advantage is too large for that type.
    """
    xp = namespace(advantages)
    result = xp.astype(advantages, r.dtype, copy=False)
    if not bool(xp.all(xp.isfinite(result))):
        largest = number_of(xp.max(xp.abs(r)))
        raise invalid("rewards", largest, f"small enough in magnitude for the advantages of {name} to fit {r.dtype}")
    return result


def narrowed(name: str, advantages: Array, r: Array) -> Array:
    """Do as :func:`restored` for standardised advantages, which are of the order of √G at most and so finite.

    Args:
        name: The estimator's name, for the error.
        advantages: Standardised advantages in working precision.
        r: The rewards, whose type the result gets.

    Returns:
        The advantages in the type of ``r``.

    Raises:
        ValueError: An advantage is too large for that type.
    """
    return advantages if advantages.dtype == r.dtype else restored(name, advantages, r)


def checked_k(k: Any, groups: tuple[int, ...]) -> Any:
    """Check K and whether it broadcasts over the groups.

    Args:
        k: A number strictly between 0 and 1, or an array (or nested sequence) of them.
        groups: The shape ``(...)`` of the groups.

    Returns:
        A Python float, or a float64 array that broadcasts with ``groups``. A float32 value is read as the nearest
        number that float32 can tell from it (see :func:`rank`), so it keeps its type until then.

    Raises:
        TypeError: ``k`` is no real number, or an array of half precision, which cannot tell one rank from the next.
        ValueError: Some K lies outside (0, 1), or the shapes do not broadcast.
    """
    if isinstance(k, float | int) and not isinstance(k, bool):
        return require_number("k", k, low=0.0, high=1.0, open_interval=True)
    array, xp = as_floating("k", k)
    if xp.finfo(array.dtype).bits < 32:
        raise invalid("k", str(array.dtype), "a Python number, or an array of float32 or float64", TypeError)
    outside = ~((array > 0) & (array < 1))
    if bool(xp.any(outside)):
        first = number_of(array[outside][0])
        raise invalid("k", first, "strictly between 0 and 1")
    try:
        fits = np.broadcast_shapes(tuple(array.shape), groups) == groups
    except ValueError:
        fits = False
    if not fits:
        raise invalid("k", tuple(array.shape), f"a number, or of a shape that broadcasts to the groups' {groups}")
    return array


def _multiple(k: Any, factor: int) -> tuple[Any, Any]:
    """K times G (or G - 1), with the distance within which it counts as an integer."""
    if isinstance(k, float):
        return k * factor, RANK_TOLERANCE
    xp = namespace(k)
    # float32 stores K to within half a unit in the 24th bit; what is meant lies inside that.
    relative = 2.0**-23 if k.dtype == xp.float32 else 0.0
    product = xp.astype(k, xp.float64) * factor
    return product, RANK_TOLERANCE + relative * product


def rank(k: Any, size: int) -> Any:
    """Rank of the K-quantile inf{x : F̂(x) >= K} among G sorted values, counted from 1: ⌈K·G⌉.

    K·G within ``RANK_TOLERANCE`` of an integer is that integer, so that K=.28 with G=25 means rank 7 although .28·25
    is a little more than 7 in binary; for K in float32 the tolerance covers its rounding too.

    Args:
        k: A checked K, see :func:`checked_k`.
        size: G.

    Returns:
        An integer in 1..G, or an int64 array of them.

    Example:
        >>> rank(0.28, 25), rank(0.1 + 0.2, 10), rank(0.4, 16)
        (7, 3, 7)
    """
    product, tolerance = _multiple(k, size)
    if isinstance(product, float):
        return max(math.ceil(product - tolerance), 1)
    xp = namespace(product)
    return xp.clip(xp.astype(xp.ceil(product - tolerance), xp.int64), 1, size)


def _order_statistic(x: Array, index: Any) -> Array:
    """Take from each sorted group the value at an index counted from 0; ``(..., 1)``."""
    if isinstance(index, int):
        return x[..., index : index + 1]
    xp = namespace(x)
    index = xp.broadcast_to(like("k", x, index, xp.int64), x.shape[:-1])
    return xp.take_along_axis(x, index[..., None], axis=-1)


def group_quantile(r: Array, k: Any, quantile: Quantile) -> Array | Between:
    """K-quantile of each group, as a baseline for :func:`deviations`.

    Args:
        r: Floating rewards, ``(..., G)``.
        k: A checked K.
        quantile: ``"inverted_cdf"`` (the paper) or ``"linear"`` (the released code).

    Returns:
        A reward of each group, ``(..., 1)``, or a number between two; meaningless where a group holds NaN.

    Raises:
        ValueError: ``quantile`` is unknown.
    """
    require_choice("quantile", quantile, ("inverted_cdf", "linear"))
    xp = namespace(r)
    size = r.shape[-1]
    ordered = xp.sort(r, axis=-1, stable=False)  # equal rewards are the same number, and a stable sort is slower
    if quantile == "inverted_cdf":
        return _order_statistic(ordered, rank(k, size) - 1)
    # h = K(G-1) lies between two order statistics; near an integer it is that integer, so that zeros stay exact.
    h, tolerance = _multiple(k, size - 1)
    if isinstance(h, float):
        h = round(h) if abs(h - round(h)) <= tolerance else h
        low: Any = math.floor(h)
        high: Any = math.ceil(h)
        fraction: Any = h - low
    else:
        kp = namespace(h)
        h = kp.where(kp.abs(h - kp.round(h)) <= tolerance, kp.round(h), h)
        low, high = kp.astype(kp.floor(h), kp.int64), kp.astype(kp.ceil(h), kp.int64)
        fraction = like("k", r, h - kp.floor(h))[..., None]
    return Between(_order_statistic(ordered, low), _order_statistic(ordered, high), fraction)
