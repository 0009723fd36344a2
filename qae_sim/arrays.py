"""Which array library is this? Checks of what comes in, and random streams that are the same everywhere.

Every function of ``qae_sim.softmax`` and ``qae_sim.advantages`` takes arrays of NumPy, CuPy or PyTorch (or of any
library that follows the Python array API standard) and answers in the same library, on the same device. The
functions here are what those share: they find the library, check shape and value, and name the argument, its value
and what is allowed when something is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import array_api_compat as compat
import numpy as np

#: An array of NumPy, CuPy, PyTorch or another library of the array API standard.
Array: TypeAlias = Any
#: A module that offers the functions of the array API standard.
Namespace: TypeAlias = Any


def invalid(name: str, value: object, allowed: str, error: Callable[[str], Exception] = ValueError) -> Exception:
    """Build the error that names the argument, its value and what is allowed.

    Args:
        name: The argument's name as the caller wrote it.
        value: What was given, or the part of it that is wrong.
        allowed: What would have been accepted, in words.
        error: ``ValueError`` or ``TypeError``.

    Returns:
        The exception, to be raised by the caller.

    Example:
        >>> invalid("k", 1.5, "a number strictly between 0 and 1")
        ValueError('k must be a number strictly between 0 and 1; got 1.5')
    """
    return error(f"{name} must be {allowed}; got {value!r}")


def namespace(*arrays: Array) -> Namespace:
    """Find the array library that the arrays share.

    Args:
        *arrays: Arrays of one library.

    Returns:
        The library's array API namespace.

    Raises:
        TypeError: The arrays come from different libraries.

    Example:
        >>> namespace(np.zeros(3)).__name__
        'array_api_compat.numpy'
    """
    return compat.array_namespace(*arrays)


def as_array(name: str, value: Any) -> tuple[Array, Namespace]:
    """Take an array as it is; turn numbers and nested sequences of numbers into a NumPy array.

    Args:
        name: The argument's name, for the error.
        value: An array, a number, or a nested sequence of numbers.

    Returns:
        The array and its namespace.

    Raises:
        TypeError: ``value`` is neither, or holds no real numbers.
        ValueError: A nested sequence is ragged.

    Example:
        >>> as_array("rewards", [1, 0, 0])[0]
        array([1, 0, 0])
    """
    if isinstance(value, np.ma.MaskedArray):
        raise invalid(name, "a masked array", "a plain array: what is masked has no value to compute with", TypeError)
    if not compat.is_array_api_obj(value):
        try:
            value = np.asarray(value)
        except ValueError as ragged:
            raise invalid(name, value, "an array, or nested sequences of equal lengths") from ragged
    xp = namespace(value)
    if not xp.isdtype(value.dtype, ("bool", "integral", "real floating")):
        raise invalid(name, str(value.dtype), "an array of real numbers or booleans", TypeError)
    return value, xp


def as_floating(name: str, value: Any) -> tuple[Array, Namespace]:
    """Take a floating array as it is; integers and booleans become the library's default floating type.

    Args:
        name: The argument's name, for the error.
        value: As in :func:`as_array`.

    Returns:
        The floating array and its namespace.

    Raises:
        TypeError: ``value`` holds no real numbers.
        ValueError: A nested sequence is ragged.

    Example:
        >>> as_floating("rewards", [True, False])[0]
        array([1., 0.])
    """
    x, xp = as_array(name, value)
    if not xp.isdtype(x.dtype, "real floating"):
        x = xp.astype(x, xp.__array_namespace_info__().default_dtypes()["real floating"])
    return x, xp


def like(name: str, x: Array, value: Any, dtype: Any = None) -> Array:
    """Bring a value into the library, onto the device and (unless given) into the type of ``x``.

    Args:
        name: The argument's name, for the error.
        x: The array to follow.
        value: A number, a sequence, a NumPy array, or an array of the library of ``x``.
        dtype: The type of the result; that of ``x`` by default.

    Returns:
        ``value`` as an array of the library of ``x``.

    Raises:
        TypeError: ``value`` is an array of a third library.

    Example:
        >>> like("k", np.zeros(2, dtype=np.float32), [1, 2])
        array([1., 2.], dtype=float32)
    """
    xp = namespace(x)
    dtype = x.dtype if dtype is None else dtype
    if compat.is_array_api_obj(value) and not compat.is_numpy_array(value):
        if namespace(value) is not xp:
            allowed = " or ".join(dict.fromkeys(("numpy", xp.__name__.removeprefix("array_api_compat."))))
            raise invalid(name, type(value).__name__, f"an array of {allowed}", TypeError)
        return compat.to_device(xp.astype(value, dtype, copy=False), compat.device(x))
    # The copy is for PyTorch, which warns when it shares memory with a read-only NumPy array.
    return xp.asarray(np.array(value), dtype=dtype, device=compat.device(x))


def working_precision(x: Array) -> Array:
    """Widen half precision to float32 for the computation; leave float32 and float64 as they are.

    Args:
        x: A floating array.

    Returns:
        ``x`` in at least 32 bits.

    Example:
        >>> working_precision(np.zeros(2, dtype=np.float16)).dtype
        dtype('float32')
    """
    xp = namespace(x)
    return xp.astype(x, xp.float32) if xp.finfo(x.dtype).bits < 32 else x


def require_finite(name: str, x: Array) -> None:
    """Raise if an array holds NaN or an infinity.

    Args:
        name: The argument's name, for the error.
        x: A floating array.

    Raises:
        ValueError: Some entry is not finite; the message shows the first one and its index.

    Example:
        >>> require_finite("rewards", np.asarray([1.0, np.nan]))
        Traceback (most recent call last):
        ValueError: rewards must be finite everywhere; got nan at index (1,)
    """
    xp = namespace(x)
    bad = ~xp.isfinite(x)
    if bool(xp.any(bad)):
        index = tuple(int(i[0]) for i in xp.nonzero(xp.reshape(bad, (-1,))))
        position = tuple(int(i) for i in np.unravel_index(index[0], tuple(x.shape)))
        value = float(xp.reshape(x, (-1,))[index[0]])
        raise ValueError(f"{name} must be finite everywhere; got {value!r} at index {position}")


def require_shape(name: str, x: Array, shape: tuple[int, ...], meaning: str) -> None:
    """Raise if an array has another shape than it must have.

    Args:
        name: The argument's name, for the error.
        x: The array.
        shape: The shape it must have.
        meaning: What that shape is, in words.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> require_shape("mask", np.zeros((2, 3)), (2, 4), "the shape of token_ids")
        Traceback (most recent call last):
        ValueError: mask must be of shape (2, 4) (the shape of token_ids); got (2, 3)
    """
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{name} must be of shape {tuple(shape)} ({meaning}); got {tuple(x.shape)}")


def checked_mask(mask: Any, x: Array, owner: str) -> Array:
    """Check a mask against the array it belongs to.

    Args:
        mask: Booleans, or numbers 0 and 1.
        x: The array that the mask must match.
        owner: The name of that array, for the error.

    Returns:
        The mask as booleans, in the library and on the device of ``x``.

    Raises:
        TypeError: ``mask`` holds no real numbers.
        ValueError: Its shape is not that of ``x``, or an entry is neither 0 nor 1.

    Example:
        >>> checked_mask([1, 0], np.zeros(2), "values")
        array([ True, False])
    """
    kept, xp = as_array("mask", mask)
    require_shape("mask", kept, tuple(x.shape), f"the shape of {owner}")
    if kept.dtype != xp.bool:
        other = (kept != 0) & (kept != 1)
        if bool(xp.any(other)):
            raise invalid("mask", float(kept[other][0]), "boolean, or 0 and 1")
    return like("mask", x, xp.astype(kept, xp.bool), namespace(x).bool)


def require_number(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open_interval: bool = False
) -> float:
    """Check that a parameter is one real number inside an interval.

    Args:
        name: The parameter's name, for the error.
        value: A Python or NumPy number (no boolean), or an array of one element.
        low: The smallest value allowed.
        high: The largest value allowed.
        open_interval: Whether the ends themselves are forbidden.

    Returns:
        The number as a Python float.

    Raises:
        TypeError: ``value`` is not one real number.
        ValueError: It is NaN, infinite or outside the interval.

    Example:
        >>> require_number("eps", -1.0, low=0.0)
        Traceback (most recent call last):
        ValueError: eps must be a finite number in [0.0, inf); got -1.0
    """
    if isinstance(value, bool | np.bool):
        raise invalid(name, value, "one real number", TypeError)
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise invalid(name, value, "one real number", TypeError) from error
    inside = low < number < high if open_interval else low <= number <= high
    if isinstance(value, str) or not math.isfinite(number) or not inside:
        left = "(" if open_interval or low == -math.inf else "["
        right = ")" if open_interval or high == math.inf else "]"
        raise invalid(name, value, f"a finite number in {left}{low}, {high}{right}")
    return number


def require_integer(name: str, value: Any, *, low: int = 0, high: int | None = None) -> int:
    """Check that a parameter is an integer inside an interval.

    Args:
        name: The parameter's name, for the error.
        value: A Python or NumPy integer (no boolean).
        low: The smallest value allowed.
        high: The largest value allowed, if there is one.

    Returns:
        The number as a Python integer.

    Raises:
        TypeError: ``value`` is not an integer.
        ValueError: It is outside the interval.

    Example:
        >>> require_integer("ddof", 2, high=1)
        Traceback (most recent call last):
        ValueError: ddof must be an integer from 0 to 1; got 2
    """
    allowed = f"an integer from {low} to {high}" if high is not None else f"an integer of at least {low}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise invalid(name, value, allowed, TypeError)
    if value < low or (high is not None and value > high):
        raise invalid(name, value, allowed)
    return int(value)


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Check that a parameter is one of a few words.

    Args:
        name: The parameter's name, for the error.
        value: The word given.
        choices: The words allowed.

    Returns:
        The word.

    Raises:
        ValueError: The word is not allowed.

    Example:
        >>> require_choice("variant", "Paper", ("paper", "code"))
        Traceback (most recent call last):
        ValueError: variant must be one of 'paper', 'code'; got 'Paper'
    """
    if value not in choices:
        raise invalid(name, value, "one of " + ", ".join(map(repr, choices)))
    return value


# --- random streams -------------------------------------------------------------------------------------------------
#
# A counter-based generator: the number at position i of the stream (seed, key, key, ...) is a fixed function of these
# integers, so it does not depend on the library, the device, the chunking or the order in which numbers are asked
# for. The mixing function is SplitMix64's (Steele, Lea and Flood, 2014), in wrapping signed 64-bit arithmetic because
# PyTorch has no unsigned multiplication.

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def _signed(value: int) -> int:
    """Read the lowest 64 bits of an integer as a signed number."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _mix_integer(z: int) -> int:
    """SplitMix64's finaliser on one Python integer."""
    z &= _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return z ^ (z >> 31)


def _shift_right(z: Array, bits: int) -> Array:
    """Shift right and fill with zeros, which `>>` on signed integers does not."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def uniform(like_array: Array, size: int, seed: int, *keys: int) -> Array:
    """Draw uniform numbers in [0, 1) that depend on the seed, the keys and the position alone.

    uᵢ = ⌊mix(s + (i+1)·γ) / 2¹¹⌋ · 2⁻⁵³, with s = mix of seed and keys, γ the golden-ratio constant of SplitMix64.

    Args:
        like_array: The array whose library and device the result has.
        size: How many numbers.
        seed: The stream's seed, any non-negative integer.
        *keys: Further integers that name the stream (a step, a run, a purpose).

    Returns:
        float64 array of shape ``(size,)``.

    Raises:
        TypeError: The seed or a key is not an integer.
        ValueError: The seed, a key or the size is negative.

    Source:
        Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).

    Example:
        >>> uniform(np.zeros(1), 3, 7).round(6)
        array([0.915398, 0.394457, 0.30795 ])
    """
    return _numbers(like_array, size, _signed(_state(seed, *keys)))


def uniform_rows(like_array: Array, size: int, seeds: Sequence[int], *keys: int) -> Array:
    """Draw the numbers of :func:`uniform` for several seeds in one computation.

    Args:
        like_array: The array whose library and device the result has.
        size: How many numbers for each seed.
        seeds: S seeds, non-negative integers.
        *keys: Further integers that name the streams.

    Returns:
        float64 array of shape ``(S, size)``.

    Raises:
        TypeError: A seed or a key is not an integer.
        ValueError: A seed, a key or the size is negative.

    Example:
        >>> uniform_rows(np.zeros(1), 2, [7, 8])[0] == uniform(np.zeros(1), 2, 7)
        array([ True,  True])
    """
    xp = namespace(like_array)
    states = [[_signed(_state(seed, *keys))] for seed in seeds]
    return _numbers(like_array, size, xp.asarray(states, dtype=xp.int64, device=compat.device(like_array)))


def _state(seed: int, *keys: int) -> int:
    """Mix a seed and keys into the state that a stream starts from."""
    state = 0
    for name, key in (("seed", seed), *(("key", key) for key in keys)):
        state = _mix_integer(state + (require_integer(name, key) + 1) * _GOLDEN)
    return state


def _numbers(like_array: Array, size: int, state: Array) -> Array:
    """The first numbers of streams; ``state`` is an integer, or one for each row ``(S, 1)``."""
    xp = namespace(like_array)
    position = xp.arange(1, require_integer("size", size) + 1, dtype=xp.int64, device=compat.device(like_array))
    z = position * _signed(_GOLDEN) + state
    z = (z ^ _shift_right(z, 30)) * _signed(_MIX_1)
    z = (z ^ _shift_right(z, 27)) * _signed(_MIX_2)
    z = z ^ _shift_right(z, 31)
    return xp.astype(_shift_right(z, 11), xp.float64) * 2.0**-53


def streams(xp: Namespace, runs: range, seed: int, *keys: int) -> Array:
    """Prepare the random streams ``(seed, *keys, run)`` of many runs for :func:`uniform_at`.

    Args:
        xp: NumPy or CuPy.
        runs: The runs' numbers, none negative.
        seed: The seed, any non-negative integer.
        *keys: Further integers that name the streams (a purpose).

    Returns:
        One state per run, ``(R,)`` unsigned 64-bit integers.

    Raises:
        TypeError: The seed or a key is not an integer.
        ValueError: The seed, a key or a run is negative.

    Example:
        >>> uniform_at(streams(np, range(2, 3), 7), np.arange(3)[:, None])[:, 0] == uniform(np.zeros(1), 3, 7, 2)
        array([ True,  True,  True])
    """
    state = _state(seed, *keys)
    if len(runs):
        require_integer("runs", min(runs[0], runs[-1]))
    number = xp.arange(runs.start + 1, runs.stop + 1, runs.step, dtype=xp.uint64)
    z = number * xp.uint64(_GOLDEN) + xp.uint64(state)
    return _mix(xp, z, xp.empty_like(z))


def uniform_at(states: Array, positions: Array, buffers: tuple[Array, Array] | None = None) -> Array:
    """Draw the uniform numbers in [0, 1) at given positions of given streams; those of :func:`uniform`.

    Args:
        states: From :func:`streams`.
        positions: Positions >= 0 in the streams, integers that broadcast with ``states``.
        buffers: Two float64 arrays of the broadcast shape to work in, for callers that draw often: fresh memory costs
            as much as the arithmetic. The first one becomes the result.

    Returns:
        float64 array of the broadcast shape.

    Example:
        >>> uniform_at(streams(np, range(2), 7), np.asarray([[0], [1], [2]])).shape
        (3, 2)
    """
    xp = namespace(states)
    # Adding 1 to a position is adding γ to the state.
    start = (positions + 1).astype(xp.uint64) * xp.uint64(_GOLDEN)
    if buffers is None:
        shape = np.broadcast_shapes(start.shape, states.shape)
        buffers = xp.empty(shape), xp.empty(shape)
    result, scratch = buffers
    z = xp.add(start, states, out=result.view(xp.uint64))
    z = _mix(xp, z, scratch.view(xp.uint64))
    xp.right_shift(z, 11, out=z)
    return xp.multiply(z.view(xp.int64), 2.0**-53, out=result)


def _mix(xp: Namespace, z: Array, scratch: Array) -> Array:
    """SplitMix64's finaliser on unsigned integers, in place."""
    for shift, factor in ((30, _MIX_1), (27, _MIX_2), (31, None)):
        xp.right_shift(z, shift, out=scratch)
        xp.bitwise_xor(z, scratch, out=z)
        if factor is not None:
            xp.multiply(z, xp.uint64(factor), out=z)
    return z
