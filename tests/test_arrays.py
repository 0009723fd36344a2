"""Array plumbing: conversion, errors, and random streams that are the same everywhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from libraries import LIBRARIES, Library
from numpy.testing import assert_array_equal

from qae_sim import arrays
from qae_sim.arrays import (
    as_array,
    as_floating,
    checked_mask,
    like,
    namespace,
    require_finite,
    require_integer,
    require_number,
    take,
    working_precision,
)


class TestConversion:
    def test_sequences_and_numbers_become_numpy(self) -> None:
        for value in ([1, 0], (1, 0), range(2), 3, 3.5, True):
            x, xp = as_array("x", value)
            assert isinstance(x, np.ndarray | np.generic)
            assert xp is namespace(np.zeros(1))

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_arrays_stay(self, lib: Library) -> None:
        x = lib.array([1.0, 0.0], "float32")
        assert as_floating("x", x)[0] is x
        assert lib.owns(like("x", x, np.array([1, 2])))
        assert like("x", x, [1, 2]).dtype == x.dtype
        assert like("x", x, lib.array([1, 2])).dtype == x.dtype

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_places_of_any_width_are_taken(self, lib: Library) -> None:
        x = lib.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        for kind in ("int32", "int64"):
            places = lib.array([2, 0], kind)
            assert_array_equal(lib.numpy(take(x, places, axis=1)), [[3, 1], [6, 4]])
        assert lib.owns(take(x, places, axis=1))

    def test_numpy_is_asked_for_places_as_wide_as_its_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A 32-bit NumPy takes no others."""
        asked: list[Any] = []
        space = SimpleNamespace(take=lambda x, places, axis: asked.append(places.dtype))
        monkeypatch.setattr(arrays, "namespace", lambda x: space)
        take(np.zeros(3), np.array([1, 2], dtype=np.int16))
        assert asked == [np.intp]

    def test_read_only_numpy_goes_to_torch_without_warning(self) -> None:
        torch = pytest.importorskip("torch")
        values = np.broadcast_to(np.array(0.5), (3,))
        assert_array_equal(like("x", torch.zeros(3), values).numpy(), 0.5)

    def test_half_precision_is_widened(self) -> None:
        torch = pytest.importorskip("torch")
        assert working_precision(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32
        assert working_precision(np.zeros(2)).dtype == np.float64

    @pytest.mark.parametrize("bad", ["a", None, [None], {"a": 1}, [1j], object()])
    def test_no_numbers(self, bad: Any) -> None:
        with pytest.raises(TypeError, match=r"^x must be an array of real numbers or booleans"):
            as_array("x", bad)

    def test_masked_arrays_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"^x must be a plain array"):
            as_array("x", np.ma.array([1.0, 0.0], mask=[0, 1]))

    def test_mixed_libraries(self) -> None:
        torch = pytest.importorskip("torch")
        with pytest.raises(TypeError, match=r"^mask must be an array of numpy; got"):
            like("mask", np.zeros(2), torch.zeros(2))


class TestChecks:
    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_first_value_that_is_not_finite(self, lib: Library) -> None:
        with pytest.raises(ValueError, match=r"^x must be finite everywhere; got inf at index \(1, 0\)"):
            require_finite("x", lib.array([[0.0, 1.0], [np.inf, np.nan]]))
        with pytest.raises(ValueError, match=r"^x must be finite everywhere; got nan at index \(\)"):
            require_finite("x", lib.array(np.nan))

    def test_numbers(self) -> None:
        assert require_number("x", np.float32(0.5)) == 0.5
        for bad in ("1", None, [1, 2], 1j, True, np.True_):
            with pytest.raises((TypeError, ValueError), match=r"^x must be "):
                require_number("x", bad)
        for bad in (1.0, 0.0, np.nan):
            with pytest.raises(ValueError, match=r"^x must be a finite number in \(0.0, 1.0\)"):
                require_number("x", bad, low=0.0, high=1.0, open_interval=True)
        for bad in (True, 1.0, "1", None):
            with pytest.raises(TypeError, match=r"^x must be an integer of at least 0"):
                require_integer("x", bad)

    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_masks(self, lib: Library) -> None:
        x = lib.array(np.zeros((2, 2)))
        kept = checked_mask([[1, 0], [0, 1]], x, "x")
        assert lib.owns(kept)
        assert_array_equal(lib.numpy(kept), [[True, False], [False, True]])
        assert_array_equal(lib.numpy(checked_mask(kept, x, "x")), lib.numpy(kept))
        with pytest.raises(ValueError, match=r"^mask must be of shape \(2, 2\) \(the shape of x\); got \(2,\)"):
            checked_mask(lib.array([1, 0]), x, "x")
        with pytest.raises(ValueError, match=r"^mask must be boolean, or 0 and 1; got 0.5"):
            checked_mask(lib.array([[1, 0.5], [0, 1]]), x, "x")
