from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from libraries import LIBRARIES, NUMPY, STRICT

from qae_sim.softmax import (
    binomial,
    covariance,
    entropy,
    entropy_bounds,
    entropy_change,
    entropy_gradient,
    expected_entropy_change,
    first_order_entropy_change,
    group_moments,
    natural_gradient_update,
    paper_update,
    pass_at_k_estimate,
    pass_at_k_probability,
    policy_gradient_update,
    probabilities,
)

TABLE = np.array([[0.0, 0.0], [-1.0, 1.0], [-0.5, 0.5], [0.0, 0.0]])
#: Every function of logits and of one more quantity per arm.
FUNCTIONS = {
    "probabilities": lambda z, x: probabilities(z),
    "entropy": lambda z, x: entropy(z),
    "covariance": lambda z, x: covariance(z, x, z),
    "entropy_gradient": lambda z, x: entropy_gradient(z),
    "paper_update": lambda z, x: paper_update(z, x, 0.25, eta=0.5),
    "policy_gradient_update": lambda z, x: policy_gradient_update(z, x, 0.25, eta=0.5),
    "natural_gradient_update": lambda z, x: natural_gradient_update(z, x, 0.25, eta=0.5),
    "first_order_entropy_change": lambda z, x: first_order_entropy_change(z, x),
    "entropy_change": lambda z, x: entropy_change(z, x),
    "entropy_bounds": lambda z, x: entropy_bounds(z, x, eta=0.5),
    "expected_entropy_change": lambda z, x: expected_entropy_change(z, x, TABLE, eta=0.5),
    "expected_entropy_change, paper": lambda z, x: expected_entropy_change(z, x, TABLE, eta=0.5, rule="paper"),
}
PER_ARM = {"probabilities", "entropy_gradient", "paper_update", "policy_gradient_update", "natural_gradient_update"}
PRECISION = {"float64": 1e-13, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}
#: Exactly representable in every type.
LOGITS = np.array([[0.5, -1.25, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0], [3.0, -90.0, 3.0, -20.0]])
X = np.array([[1.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.25, 1.0], [0.0, 1.0, 0.0, 1.0]])


def parts(result):
    """Take a result apart into arrays."""
    if dataclasses.is_dataclass(result):
        return [getattr(result, field.name) for field in dataclasses.fields(result)]
    return [result]


def owned(lib, result):
    """Whether a result is of the library; NumPy makes scalars of its own out of arrays without dimensions."""
    return lib.owns(result) or (lib == NUMPY and isinstance(result, np.floating))


def has(lib, dtype):
    return dtype in ("float32", "float64") or (dtype == "float16" and lib != STRICT) or lib.module == "torch"


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("lib", LIBRARIES)
def test_same_library_type_shape_and_value(lib, name, dtype):
    if not has(lib, dtype):
        with pytest.raises((AttributeError, TypeError)):
            lib.array([0.0], dtype)  # the library has no such type, so there is nothing to test
        return
    results = parts(FUNCTIONS[name](lib.array(LOGITS, dtype), lib.array(X, dtype)))
    wanted = parts(FUNCTIONS[name](LOGITS, X))
    assert len(results) == len(wanted)
    for got, value in zip(results, wanted, strict=True):
        assert owned(lib, got)
        assert str(got.dtype).endswith(dtype)
        assert tuple(got.shape) == ((3, 4) if name in PER_ARM else (3,))
        np.testing.assert_allclose(lib.numpy(got).astype(float), value, rtol=PRECISION[dtype], atol=PRECISION[dtype])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("lib", LIBRARIES)
def test_peaked_policies_and_one_policy(lib, name):
    z, x = np.array([0.0, -715.5, -716.0, -1e4]), np.array([0.0, 1.0, 0.5, 0.0])
    for got, value in zip(
        parts(FUNCTIONS[name](lib.array(z, "float64"), lib.array(x, "float64"))),
        parts(FUNCTIONS[name](z, x)),
        strict=True,
    ):
        assert owned(lib, got)
        np.testing.assert_allclose(lib.numpy(got), value, rtol=1e-12, atol=1e-320)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("lib", LIBRARIES)
def test_integers_and_booleans_become_the_default_float(lib, name, dtype):
    z, x = np.array([[1, 0, 1], [0, 0, 1]]), np.array([0, 1, 1])
    default = lib.array([0.5]).dtype if lib.module != "torch" else lib.array([0.5], "float32").dtype
    results = parts(FUNCTIONS[name](lib.array(z, dtype), lib.array(x, dtype)))
    for got, value in zip(results, parts(FUNCTIONS[name](z * 1.0, x * 1.0)), strict=True):
        assert owned(lib, got)
        assert got.dtype == default
        np.testing.assert_allclose(lib.numpy(got), value, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_numpy_arrays_and_numbers_follow_the_logits(lib):
    z = lib.array(LOGITS, "float32")
    for name, function in FUNCTIONS.items():
        for x in (X, X.tolist(), 1.0, X[0]):
            wanted = parts(function(LOGITS, np.broadcast_to(np.asarray(x), (3, 4))))
            for got, value in zip(parts(function(z, x)), wanted, strict=True):
                assert owned(lib, got), name
                np.testing.assert_allclose(lib.numpy(got), value, rtol=1e-5, atol=1e-6, err_msg=name)
    for b in ([0.0, 0.5, 1.0], np.array([0.0, 0.5, 1.0]), lib.array([0.0, 0.5, 1.0], "float64")):
        got = paper_update(z, X, b, eta=1.0)
        np.testing.assert_allclose(lib.numpy(got), paper_update(LOGITS, X, np.array([0, 0.5, 1]), eta=1.0), rtol=1e-5)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_counts_and_probabilities_over_groups(lib):
    for dtype in ("float32", "float64"):
        p = lib.array([0.0, 0.25, 1.0], dtype)
        got = binomial(p, 5)
        assert owned(lib, got)
        assert got.dtype == p.dtype
        np.testing.assert_allclose(lib.numpy(got), binomial([0.0, 0.25, 1.0], 5), rtol=1e-6)
        got = pass_at_k_probability(p, 3)
        assert owned(lib, got)
        assert got.dtype == p.dtype
        np.testing.assert_allclose(lib.numpy(got), [0, 1 - 0.75**3, 1], rtol=1e-6)
        wanted = vars(group_moments(TABLE, [0.0, 0.25, 1.0]))
        for name, value in vars(group_moments(TABLE, p)).items():
            assert owned(lib, value)
            assert value.dtype == p.dtype
            np.testing.assert_allclose(lib.numpy(value), wanted[name], rtol=1e-6, atol=1e-7)
    for dtype in ("int8", "int64", "uint8"):
        got = pass_at_k_estimate(lib.array([[0, 1], [4, 5]], dtype), 200, 8)
        assert owned(lib, got)
        np.testing.assert_allclose(lib.numpy(got), pass_at_k_estimate([[0, 1], [4, 5]], 200, 8), rtol=1e-6)
        assert tuple(pass_at_k_estimate(lib.array(3, dtype), 4, 2).shape) == ()


@pytest.mark.parametrize("lib", LIBRARIES)
def test_inputs_stay_as_they_are(lib):
    z, x = lib.array(LOGITS, "float64"), lib.array(X, "float64")
    for function in FUNCTIONS.values():
        function(z, x)
    np.testing.assert_array_equal(lib.numpy(z), LOGITS)
    np.testing.assert_array_equal(lib.numpy(x), X)


def test_single_precision_of_peaked_policies():
    z = NUMPY.array([0.0, -80.0, -86.0], "float32")
    assert float(entropy(z)) == pytest.approx(float(entropy([0.0, -80.0, -86.0])), rel=1e-5)
    assert float(entropy_change(z, [0.0, 1e-6, 0.0])) == pytest.approx(
        float(entropy_change([0.0, -80.0, -86.0], [0.0, 1e-6, 0.0])), rel=1e-5, abs=1e-43
    )
    assert np.isfinite(entropy_change(z, NUMPY.array([1e4, -1e4, 1e30], "float32")))


def test_libraries_do_not_mix():
    pytest.importorskip("torch")
    torch_x = LIBRARIES[2].values[0].array(X, "float64")
    with pytest.raises(TypeError, match="delta must be an array of numpy; got"):
        entropy_change(LOGITS, torch_x)
