"""Counter-based random numbers: the same on every array library and device, whatever the chunking.

The number at position i of the stream (seed, key, key, ...) is a fixed function of these
integers, so it does not depend on the library, the device, the chunking or the order in which numbers are asked for.
The mixing function is SplitMix64's (Steele, Lea and Flood, 2014), in wrapping signed 64-bit arithmetic because PyTorch
has no unsigned multiplication.
"""

from __future__ import annotations

from collections.abc import Sequence

import array_api_compat as compat
import numpy as np

from qae_sim.arrays import Array, Namespace, namespace, require_integer

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
            as much as the arithmetic. The first one holds the result.

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
