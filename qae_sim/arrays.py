"""Find the array library of the arguments, and check their shapes and values.

Every function of ``qae_sim.softmax`` and ``qae_sim.advantages`` takes arrays of NumPy, CuPy or PyTorch (or of any
library that follows the Python array API standard) and returns arrays of the same library, on the same device. They
share the functions of this module, whose errors name the argument, its value and what is allowed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

import array_api_compat as compat
import numpy as np
from numpy.typing import NDArray

#: An array of NumPy, CuPy, PyTorch or another library of the array API standard.
Array: TypeAlias = Any
#: A module that offers the functions of the array API standard.
Namespace: TypeAlias = Any

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: The longest text that an error shows of a value.
_LONGEST = 200

#: Integers up to here are exact in float64.
_EXACT = 2**53

#: The largest count: what int64 holds.
_LARGEST_COUNT = 2**63 - 1


def self_contained(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a function independent of its caller's settings for arithmetic in NumPy and PyTorch.

    ``numpy.errstate`` has no effect inside, because the functions themselves find what overflows and name it. Nor has
    ``torch.autocast``, which would round to half precision.

    Args:
        function: The function.

    Returns:
        The function, called under settings of its own.

    Example:
        >>> with np.errstate(all="raise"):
        ...     float(self_contained(np.exp)(-1e3))
        0.0
    """

    @wraps(function)
    def inside(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with np.errstate(all="ignore"):
            # Read off PyTorch only if it has been imported already: importing it takes seconds.
            enabled = getattr(sys.modules.get("torch"), "is_autocast_enabled", None)
            if enabled is None or not (enabled("cpu") or enabled("cuda")):
                return function(*args, **kwargs)
            autocast = sys.modules["torch"].autocast
            with ExitStack() as off:
                for device in ("cpu", "cuda"):
                    off.enter_context(autocast(device, enabled=False))
                return function(*args, **kwargs)

    return inside


def shown(value: object) -> str:
    """Write a value as errors show it: on one line, and shortened where it is long.

    Args:
        value: Anything.

    Returns:
        Its text.

    Example:
        >>> shown([1, 0]), shown(10**400)[-16:]
        ('[1, 0]', '(401 characters)')
    """
    try:
        text = repr(value)
    except Exception:  # an integer of thousands of digits, or an object whose own code fails
        text = f"{type(value).__name__} that cannot be written out"
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= _LONGEST else f"{text[:120]} ... {text[-40:]} ({len(text)} characters)"


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
    return error(f"{name} must be {allowed}; got {shown(value)}")


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
        TypeError: ``value`` is none of these, holds no real numbers, or is an array whose values cannot be read
            (sparse, nested, quantised, without memory, or inside ``torch.func.vmap``).
        ValueError: A nested sequence is ragged, or an integer in it is not exact in float64.

    Example:
        >>> as_array("rewards", [1, 0, 0])[0]
        array([1, 0, 0])
    """
    if isinstance(value, np.ma.MaskedArray):
        raise invalid(name, "a masked array", "a plain array, without masked entries", TypeError)
    if not compat.is_array_api_obj(value):
        value = _from_sequence(name, value)
    elif compat.is_torch_array(value):
        _require_plain_tensor(name, value)
    elif isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        value = np.asarray(value)  # np.matrix, for one, always has two axes
    xp = namespace(value)
    if not xp.isdtype(value.dtype, ("bool", "integral", "real floating")):
        raise invalid(name, str(value.dtype), "an array of real numbers or booleans", TypeError)
    return value, xp


def _from_sequence(name: str, value: Any) -> np.ndarray:
    """Make a NumPy array of a number or a nested sequence, without rounding an integer."""
    try:
        result = np.asarray(value)
    except ValueError as ragged:
        raise invalid(name, value, "an array, or nested sequences of equal lengths") from ragged
    except (TypeError, RuntimeError, OverflowError) as error:
        raise invalid(name, value, "an array of real numbers or booleans", TypeError) from error
    large = result.dtype == object or (result.dtype == np.float64 and bool(np.any(np.abs(result) >= _EXACT)))
    if not large:
        return result
    # NumPy keeps integers beyond 64 bits as objects, and rounds those that stand among floating numbers.
    for number in np.asarray(value, dtype=object).flat:
        if not isinstance(number, int | float | np.number | np.bool) or isinstance(number, np.complexfloating):
            return np.asarray(value)  # as_array refuses its type
        if isinstance(number, int | np.integer) and not _exact(int(number)):
            raise invalid(name, number, "of integers that float64 holds exactly")
    return result.astype(np.float64)


def _exact(number: int) -> bool:
    """Whether float64 holds an integer exactly."""
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def _require_plain_tensor(name: str, x: Array) -> None:
    """Raise unless a tensor of PyTorch holds plain numbers in memory that can be read."""
    kind = str(x.dtype).removeprefix("torch.")
    allowed = "a tensor of numbers in memory"
    if x.is_quantized or (kind.startswith("float") and kind not in ("float16", "float32", "float64")):
        raise invalid(name, kind, "of float16, bfloat16, float32 or float64, or of integers or booleans", TypeError)
    if x.is_nested or str(x.layout) != "torch.strided" or x.device.type == "meta":
        what = "a nested tensor" if x.is_nested else f"a tensor on {x.device} with layout {x.layout}"
        raise invalid(name, what, f"{allowed}, dense", TypeError)
    try:
        x.data_ptr()
    except RuntimeError:
        # Inside transforms of torch.func tensors have no memory address; grad still lets values be read, vmap does not.
        try:
            bool(x.reshape(-1)[:1].any())
        except RuntimeError as error:
            raise invalid(name, "a tensor inside torch.func.vmap or the like", allowed, TypeError) from error


def as_floating(name: str, value: Any) -> tuple[Array, Namespace]:
    """Take a floating array as it is; integers and booleans become the library's default floating type.

    Numbers of more than 64 bits become float64.

    Args:
        name: The argument's name, for the error.
        value: As in :func:`as_array`.

    Returns:
        The floating array and its namespace.

    Raises:
        TypeError: As :func:`as_array`.
        ValueError: A nested sequence is ragged, or a number is not exact in the floating type.

    Example:
        >>> as_floating("rewards", [True, False])[0]
        array([1., 0.])
    """
    x, xp = as_array(name, value)
    if not xp.isdtype(x.dtype, "real floating"):
        x = _exactly(name, x, xp, xp.__array_namespace_info__().default_dtypes()["real floating"])
    elif xp.finfo(x.dtype).bits > 64:
        x = _exactly(name, x, xp, xp.float64)
    return x, xp


def _exactly(name: str, x: Array, xp: Namespace, dtype: Any) -> Array:
    """Convert numbers to a floating type; raise for the first that it cannot hold exactly."""
    with np.errstate(all="ignore"):
        result = xp.astype(x, dtype)
        if xp.isdtype(x.dtype, "real floating"):
            changed = xp.isfinite(x) & (xp.astype(result, x.dtype) != x)
        elif xp.isdtype(x.dtype, "bool") or xp.iinfo(x.dtype).max <= 2 / xp.finfo(dtype).eps:
            return result
        else:
            # A number rounded up to just beyond the integer type's range cannot be converted back for the comparison.
            end = 2.0 ** (xp.iinfo(x.dtype).bits - (xp.iinfo(x.dtype).min < 0))
            changed = (result >= end) | (xp.astype(result, x.dtype) != x)
    if bool(xp.any(changed)):
        first = xp.reshape(x, (-1,))[int(xp.argmax(xp.astype(xp.reshape(changed, (-1,)), xp.int8)))]
        number = int(first) if xp.isdtype(x.dtype, "integral") else first
        raise invalid(name, number, f"of numbers that {str(result.dtype).rpartition('.')[-1]} holds exactly")
    return result


def like(name: str, x: Array, value: Any, dtype: Any = None) -> Array:
    """Bring a value into the library, onto the device and (unless given) into the type of ``x``.

    Args:
        name: The argument's name, for the error.
        x: The array whose library, device and type the result gets.
        value: A number, a sequence, a NumPy array, or an array of the library of ``x``.
        dtype: The type of the result; that of ``x`` by default.

    Returns:
        ``value`` as an array of the library of ``x``.

    Raises:
        TypeError: ``value`` is an array of a third library.
        ValueError: An integer is not exact in a floating ``dtype``, or a finite number exceeds its range.

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
        source, sp = value, xp
        result = compat.to_device(xp.astype(value, dtype, copy=False), compat.device(x))
    else:
        # The copy is for PyTorch, which warns when it shares memory with a read-only NumPy array.
        source = np.array(value)
        sp = namespace(source)
        with np.errstate(all="ignore"):
            result = xp.asarray(source, dtype=dtype, device=compat.device(x))
    if xp.isdtype(dtype, "real floating"):
        _require_kept(name, source, sp, result, xp)
    return result


def _require_kept(name: str, source: Array, sp: Namespace, result: Array, xp: Namespace) -> None:
    """Raise where a floating type has rounded integers, or has turned numbers into infinities."""
    kind = str(result.dtype).rpartition(".")[-1]
    if sp.isdtype(source.dtype, "integral"):
        if hasattr(sp, kind):  # NumPy has no bfloat16
            _exactly(name, source, sp, getattr(sp, kind))
    elif sp.isdtype(source.dtype, "real floating") and sp.finfo(source.dtype).bits > xp.finfo(result.dtype).bits:
        require_finite(name, source)
        require_finite(name, result)


def take(x: Array, places: Array, *, axis: int = 0) -> Array:
    """Take places of an array along an axis.

    NumPy takes no places that are wider than the addresses of its platform, as int64 is on a 32-bit one; these become
    narrower.

    Args:
        x: The array.
        places: Places along the axis, integers of one dimension.
        axis: The axis.

    Returns:
        An array like ``x``, along the axis as long as ``places``.

    Example:
        >>> take(np.array([5, 6, 7]), np.array([2, 0]))
        array([7, 5])
    """
    if isinstance(places, np.ndarray):
        places = places.astype(np.intp, copy=False)
    return namespace(x).take(x, places, axis=axis)


def tally(places: NDArray[np.integer[Any]], weights: Array = None, *, minlength: int = 0) -> NDArray[Any]:
    """Count how often each place occurs, as ``np.bincount`` does, or add up what weighs there.

    Places may be wider than the addresses of the platform, which ``np.bincount`` refuses.

    Args:
        places: Places from 0, integers of one dimension.
        weights: What each weighs; None: 1.
        minlength: Length of the result at least.

    Returns:
        A count, or a sum, for each place.

    Example:
        >>> tally(np.array([0, 2, 2]))
        array([1, 0, 2])
    """
    return np.bincount(places.astype(np.intp, copy=False), weights, minlength)


def number_of(x: Array) -> float:
    """Read an array of one element as a Python number, detached from any gradient.

    Args:
        x: The array.

    Returns:
        The number.

    Example:
        >>> number_of(np.asarray(0.5))
        0.5
    """
    return float(x.detach() if hasattr(x, "detach") else x)


def as_numpy(name: str, value: Any) -> np.ndarray:
    """Take numbers of any library and device as a float64 array of NumPy, for functions that return NumPy.

    Args:
        name: The argument's name, for the error.
        value: As in :func:`as_array`.

    Returns:
        A new array.

    Raises:
        TypeError: As :func:`as_array`.
        ValueError: As :func:`as_floating`.

    Example:
        >>> as_numpy("rewards", [True, False])
        array([1., 0.])
    """
    x, xp = as_array(name, value)
    if not xp.isdtype(x.dtype, "real floating") or xp.finfo(x.dtype).bits > 64:
        x = _exactly(name, x, xp, xp.float64)
    x = xp.astype(x, xp.float64)
    if compat.is_torch_array(x):
        return np.array(x.detach().cpu().numpy())
    return np.array(x.get() if compat.is_cupy_array(x) else x)


def as_sequence(name: str, value: Any, of: str) -> list[Any]:
    """Take a sequence that is read item by item.

    Args:
        name: The argument's name, for the error.
        value: A list, a tuple, an array with at least one axis, or any other iterable.
        of: What it holds, in words.

    Returns:
        Its items.

    Raises:
        TypeError: It is not iterable, or is a string or a masked array.

    Example:
        >>> as_sequence("parents", (-1, 0), "integers")
        [-1, 0]
    """
    allowed = f"a sequence of {of}"
    if compat.is_torch_array(value):
        _require_plain_tensor(name, value)
    if isinstance(value, str | bytes | np.ma.MaskedArray):
        raise invalid(name, value, allowed, TypeError)
    try:
        return list(value)
    except TypeError as error:
        raise invalid(name, value, allowed, TypeError) from error


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
        value = number_of(xp.reshape(x, (-1,))[index[0]])
        raise ValueError(f"{name} must be finite everywhere; got {value!r} at index {position}")


def require_shape(name: str, x: Array, shape: tuple[int, ...], meaning: str) -> None:
    """Raise unless an array has the required shape.

    Args:
        name: The argument's name, for the error.
        x: The array.
        shape: The required shape.
        meaning: What that shape stands for, in words.

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
            raise invalid("mask", number_of(kept[other][0]), "boolean, or 0 and 1")
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
    kind = str(getattr(value, "dtype", "")).rpartition(".")[-1]
    if isinstance(value, bool | np.bool | np.ma.MaskedArray) or kind.startswith(("bool", "complex")):
        raise invalid(name, value, "one real number", TypeError)
    try:
        number = number_of(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise invalid(name, value, "one real number", TypeError) from error
    except OverflowError:  # an integer
        number = math.inf
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


def require_count(name: str, value: Any, *, low: int = 1) -> int:
    """Check that a parameter is a count, an integer from ``low`` to 2⁶³ - 1.

    Args:
        name: The parameter's name, for the error.
        value: A Python or NumPy integer (no boolean).
        low: The smallest value allowed.

    Returns:
        The number as a Python integer.

    Raises:
        TypeError: ``value`` is not an integer.
        ValueError: It is below ``low``, or larger than int64 holds.

    Example:
        >>> require_count("responses", 2**63)
        Traceback (most recent call last):
        ValueError: responses must be at most 2**63 - 1; got 9223372036854775808
    """
    number = require_integer(name, value, low=low)
    if number > _LARGEST_COUNT:
        raise invalid(name, number, "at most 2**63 - 1")
    return number


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Check that a parameter is one of a few strings.

    Args:
        name: The parameter's name, for the error.
        value: The string given.
        choices: The strings allowed.

    Returns:
        The string.

    Raises:
        ValueError: It is none of them.

    Example:
        >>> require_choice("variant", "Paper", ("paper", "code"))
        Traceback (most recent call last):
        ValueError: variant must be one of 'paper', 'code'; got 'Paper'
    """
    if not isinstance(value, str) or value not in choices:
        raise invalid(name, value, "one of " + ", ".join(map(repr, choices)))
    return value
