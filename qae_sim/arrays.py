"""Which array library is this? Checks of what comes in.

Every function of ``qae_sim.softmax`` and ``qae_sim.advantages`` takes arrays of NumPy, CuPy or PyTorch (or of any
library that follows the Python array API standard) and answers in the same library, on the same device. The
functions here are what those share: they find the library, check shape and value, and name the argument, its value
and what is allowed when something is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
