"""Every public function of the room against exact arithmetic, on numbers of every size, type and array library.

An ordinary run takes a few seconds. With --hypothesis-profile=long this file and softmax/test_exact_softmax.py compare
more than a hundred thousand examples, in a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import references as exact
import references_rules as rules
import references_tokens as tokens
from exact_examples import examples
from hypothesis import given
from hypothesis import strategies as st
from libraries import NUMPY, STRICT, TORCH, Library
from public_calls import ADVANTAGES, numbers_of

from qae_sim import advantages as adv

#: Examples of each function in an ordinary run.
FEW = 8

#: Type, library, and how far answers may be off in units of what their group's largest answer is.
TYPES: list[tuple[Library, str, float]] = [
    (NUMPY, "float64", 1e-11),
    (STRICT, "float64", 1e-11),
    (TORCH, "float64", 1e-11),
    (NUMPY, "float32", 2e-5),
    (TORCH, "float32", 2e-5),
    (NUMPY, "float16", 1e-3),
    (TORCH, "float16", 1e-3),
    (TORCH, "bfloat16", 8e-3),
    (NUMPY, "int64", 1e-11),
    (NUMPY, "bool", 1e-11),
    (TORCH, "int32", 2e-5),
    (TORCH, "bool", 2e-5),
]


@dataclass(frozen=True)
class Kind:
    """The type that an example's numbers have."""

    library: Library
    dtype: str
    tolerance: float
    autocast: str

    def array(self, values: Any) -> Any:
        """Numbers in the library; what is out of range becomes the largest there is."""
        dtype = {"bool": "bool_"}.get(self.dtype, self.dtype) if self.library == NUMPY else self.dtype
        return self.library.array(np.asarray(values), dtype)

    def held(self, x: float) -> float:
        """A number as the type holds it."""
        if self.dtype == "bool":
            return float(x > 0)
        if self.dtype.startswith("int"):
            return float(max(min(round(x), 2**20), -(2**20)))
        if self.dtype == "bfloat16":
            x32 = np.array(max(min(x, 3e38), -3e38), np.float32)
            return float((x32.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))
        top = float(np.finfo(self.dtype).max)
        return float(np.array(max(min(x, top), -top), self.dtype))

    @property
    def largest(self) -> float:
        """The largest number that an answer may be."""
        name = {"int64": "float64", "int32": "float32", "bool": "float32", "bfloat16": "float32"}.get(
            self.dtype, self.dtype
        )
        return float(np.finfo("float64" if self.library == NUMPY and self.dtype == "bool" else name).max)

    def settings(self) -> Any:
        """Autocast, in half of the examples with tensors."""
        if not self.autocast:
            return nullcontext()
        import torch

        return torch.autocast("cpu", dtype=getattr(torch, self.autocast))


kinds = st.builds(
    lambda row, autocast: Kind(*row, autocast if row[0] == TORCH else ""),
    st.sampled_from([row for row in TYPES if row[0].installed]),
    st.sampled_from(["", "float16", "bfloat16"]),
)

#: Numbers with something in common: an offset, and steps that may be far below it.
SIZES = [0.0, 1.0, 0.1, 1e8, -1e8, 2.0**-20, 1e-5, 3e-5, 300.0, 1e-300, 5e-324, 1e300, -1.7e308, 1e155, 1e-160]


STEPS = [1.0, 2.0**-27, 1e-5, 1e8, 1e-300, 1e300]
OFFSETS_AND_STEPS = [(offset, step) for offset in SIZES for step in STEPS]
#: Bytes that stand for one number.
_WIDTH = 3


def integers_of(draw: st.DrawFn, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    """Integers in a range of at most 256: one draw of bytes, which is ten times as fast as one for each number."""
    count = int(np.prod(shape))
    codes = np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8)
    return low + codes.reshape(shape).astype(int) % (high - low + 1)


def mask_of(draw: st.DrawFn, count: int) -> np.ndarray:
    """A mask that keeps at least one entry."""
    mask = integers_of(draw, 0, 1, (count,)) == 1
    mask[0] |= not mask.any()
    return mask


def parents_of(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Parents of a tree's nodes; each but the root has one before it."""
    return (-1, *(int(code) % (n + 1) for n, code in enumerate(integers_of(draw, 0, 255, (size - 1,)))))


def number_of(code: bytes, offset: float, step: float) -> float:
    """A number from bytes; the least of them stand for the simplest numbers, so that Hypothesis finds those."""
    choice, digits = code[0] % 16, int.from_bytes(code[1:])
    if choice < 4:
        return (0.0, 1.0, offset, step)[choice]
    if choice < 11:
        n = (0, 1, -1, 2, -2, 3, -3)[choice - 4]
        return offset + n * step if abs(offset) < 1e300 else offset / 4 + n * (step / 4)
    return 20 * (digits * 0.6180339887498949 % 1) - 10  # with many digits


def number_groups(draw: st.DrawFn, kind: Kind, shape: tuple[int, ...], binary: bool = False) -> np.ndarray:
    """Numbers of a type, as float64."""
    if binary:
        return integers_of(draw, 0, 1, shape).astype(float)
    count = int(np.prod(shape))
    offset, step = draw(st.sampled_from(OFFSETS_AND_STEPS))
    codes = draw(st.binary(min_size=count * _WIDTH, max_size=count * _WIDTH))
    values = [number_of(codes[i : i + _WIDTH], offset, step) for i in range(0, len(codes), _WIDTH)]
    return np.array([kind.held(x) for x in values]).reshape(shape)


shapes = st.sampled_from([(groups, size) for size in range(2, 7) for groups in range(1, 4)])


def fractions(x: np.ndarray) -> Any:
    return [fractions(part) for part in x] if np.ndim(x) else Fraction(float(x))


#: How a function's arguments are drawn: (strategy of keywords for the function, keywords for the reference).
Draw = Callable[[st.DrawFn, Kind, tuple[int, int]], tuple[dict[str, Any], dict[str, Any]]]


def std_of(draw: st.DrawFn) -> dict[str, Any]:
    eps, ddof = draw(st.sampled_from([(eps, ddof) for ddof in (0, 1) for eps in (0.0, 1e-6, 1e-4, 1.0)]))
    return {"eps": eps, "ddof": ddof}


def lengths_of(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    return integers_of(draw, 1, 9, shape).astype(float)


def hundredth(draw: st.DrawFn, low: int = 1, high: int = 99) -> tuple[float, Fraction]:
    n = draw(st.integers(low, high))
    return n / 100, Fraction(n, 100)


def simple(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    return {}, {}


def with_std(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = std_of(draw)
    return chosen, chosen


def with_lengths(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, n = std_of(draw), lengths_of(draw, shape)
    return chosen | {"lengths": n}, chosen | {"lengths": fractions(n)}


def only_lengths(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    n = lengths_of(draw, shape)
    return {"lengths": n}, {"lengths": fractions(n)}


def with_k(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, (k, fraction) = std_of(draw), hundredth(draw)
    return chosen | {"k": k}, chosen | {"k": fraction}


def with_quantile(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    (ours, theirs), word = with_k(draw, kind, shape), draw(st.sampled_from(["inverted_cdf", "linear"]))
    return ours | {"quantile": word}, theirs | {"quantile_": word}


def only_quantile(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    ours, theirs = with_quantile(draw, kind, shape)
    return {x: ours[x] for x in ("k", "quantile")}, {"k": theirs["k"], "kind": theirs["quantile_"]}


def with_count(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = {"count": draw(st.sampled_from(["mixed", "nonzero"]))}
    return chosen, chosen


def with_eps(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = {"eps": draw(st.sampled_from([0.0, 1e-6, 1.0]))}
    return chosen, chosen


def with_scale(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    scale, count = draw(st.sampled_from(["mad", "std", "none"])), draw(st.sampled_from(["all", "differing"]))
    chosen = {"scale": scale, "count": count, "eps": draw(st.sampled_from([1e-3, 1.0]))}
    return chosen, chosen


def with_guard(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = {"equal_others": draw(st.sampled_from(["divide", "keep"])), "ddof": int(shape[1] > 2)}
    chosen["eps"] = draw(st.sampled_from([1e-6, 1.0]))
    return chosen, chosen


def with_filter(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    names = ("process_variance", "observation_variance", "start_mean", "start_variance")
    chosen = dict(zip(names, draw(st.sampled_from([(0.0, 1.0, 0.0, 0.25), (0.125, 0.5, -1.0, 0.0)])), strict=True))
    return chosen | {"eps": 0.0}, {name: Fraction(value) for name, value in chosen.items()}


def with_negatives(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = std_of(draw)
    nu = draw(st.sampled_from([0.0, 0.5, 1.0]))
    return chosen | {"negatives": nu}, chosen | {"nu": nu}


def with_metric(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    m = number_groups(draw, kind, shape)
    mu, alpha = draw(st.sampled_from([0.0, 0.5, 1.0, 0.75])), draw(st.sampled_from([0.0, 0.5, 1.0]))
    ours = {"metric": kind.array(m), "mu": mu, "alpha": alpha}
    return ours, {"metric": fractions(m), "mu": Fraction(mu), "alpha": Fraction(alpha)}


def with_reference(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, other = std_of(draw), number_groups(draw, kind, shape)
    chosen |= {"clip_low": draw(st.sampled_from([0.0, 0.25])), "clip_high": draw(st.sampled_from([0.0, 0.5]))}
    return chosen | {"reference": kind.array(other)}, chosen | {"reference": fractions(other)}


def with_values(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    v = np.array([0.0, 0.25, 0.5, 3.0])[integers_of(draw, 0, 3, shape[:1])]
    alpha, base = draw(st.sampled_from([0.0, 1.0, 0.5])), draw(st.sampled_from(["rloo", "grpo"]))
    ours = {"prompt_values": v, "alpha": alpha, "base": base}
    return ours, {"prompt_values": fractions(v), "alpha": Fraction(alpha), "base": base}


def with_further(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, others = std_of(draw), number_groups(draw, kind, (2, *shape))
    w = draw(st.sampled_from([[1.0, 1.0, 1.0], [1.0, 2.0, 0.5], [1.0, 0.0, 0.0]]))
    ours = chosen | {"further": kind.array(others), "weights": w}
    return ours, chosen | {"further": fractions(others), "weights": [Fraction(x) for x in w]}


def with_marks(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, m = std_of(draw), integers_of(draw, -1, 1, (*shape, 2))
    return chosen | {"marks": m}, chosen | {"marks": m.tolist()}


def with_anchor(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen = std_of(draw) | {"lambda_scale": draw(st.sampled_from([1.0, 1.3]))}
    anchor = draw(st.sampled_from([0.0, 0.5, 0.3, 1.0]))
    return chosen | {"anchor": anchor}, chosen | {"anchor": Fraction(anchor)}


def with_log_ratios(draw: st.DrawFn, kind: Kind, shape: tuple[int, int]) -> Any:
    chosen, rho = std_of(draw), number_groups(draw, kind, shape)
    chosen["eps"] = chosen["eps"] or 1e-6
    return chosen | {"log_ratios": kind.array(rho)}, chosen | {"log_ratios": fractions(rho)}


def quantiles(r: rules.Batch, k: Fraction, kind: str) -> list[Any]:
    return [rules.quantile(g, k, kind) for g in r]


def batch_quantile(r: rules.Batch, k: Fraction, quantile_: str, eps: float, ddof: int) -> list[Any]:
    return rules.qae(rules.flat(r), k, quantile_, eps, ddof)


def weights_of(r: rules.Batch, anchor: Fraction, lambda_scale: float, **_: Any) -> list[Any]:
    rows = [(rules.mean(g), x) for g in r for x in g]
    signs = [-mpmath.sign(rules.real(x)) * mpmath.sign(rules.real(p - anchor)) for p, x in rows]
    sizes = [abs(rules.real(rules.mean(g) - anchor)) for g in r]
    return [*signs, *sizes, *(rules.phi(p, anchor, x, lambda_scale) for p, x in rows)]


def negative_part(r: rules.Group, eps: float, ddof: int) -> list[Any]:
    return [min(a, mpmath.mpf(0)) for a in rules.z(r, eps, ddof)]


def curriculum(r: rules.Group, nu: float, eps: float, ddof: int) -> list[Any]:
    return [a if a >= 0 else mpmath.mpf(nu) * a for a in rules.z(r, eps, ddof)]


def kept_of_median(r: rules.Group) -> list[int]:
    pivot = list(r).index(rules.lower_median(r))
    return [int(i != pivot) for i in range(len(r))]


#: Functions of rewards: how arguments are drawn, the reference, whether rewards are 0 and 1 alone.
RULES: dict[str, tuple[Draw, Callable[..., Any], bool]] = {
    "grpo": (with_std, rules.each(rules.z), False),
    "dr_grpo": (simple, rules.each(lambda r: [x - rules.mean(r) for x in r]), False),
    "rloo": (simple, rules.each(lambda r: [(x - rules.mean(r)) * len(r) / (len(r) - 1) for x in r]), False),
    "reinforce_plus_plus": (with_lengths, lambda r, **o: rules.whitened(r, baseline=False, **o), False),
    "reinforce_plus_plus_baseline": (with_lengths, lambda r, **o: rules.whitened(r, baseline=True, **o), False),
    "quantile_baseline": (only_quantile, quantiles, False),
    "qae": (with_quantile, rules.each(rules.qae), False),
    "quantile_whitening": (with_quantile, batch_quantile, False),
    "pos_mask": (with_k, rules.each(lambda r, **o: rules.masked(r, side="pos", **o)), True),
    "neg_mask": (with_k, rules.each(lambda r, **o: rules.masked(r, side="neg", **o)), True),
    "mapo": (with_std, rules.each(rules.mapo), True),
    "maxrl": (simple, rules.each(rules.maxrl), True),
    "sign_advantage": (simple, rules.each(lambda r: [2 * x - 1 for x in r]), True),
    "dgpo": (with_eps, rules.each(rules.dgpo), False),
    "mc_grpo": (with_scale, rules.each(rules.mc_grpo), False),
    "mc_grpo_kept": (simple, rules.each(kept_of_median), False),
    "rloo_std": (with_guard, rules.each(rules.rloo_std), False),
    "krpo": (with_filter, rules.each(rules.krpo), False),
    "lite_ppo": (with_std, rules.lite_ppo, False),
    "james_stein": (simple, rules.james_stein, False),
    "bnpo": (simple, rules.bnpo, True),
    "a_grae": (with_std, rules.a_grae, True),
    "grpo_n": (with_std, rules.each(negative_part), False),
    "grpo_passk": (with_std, rules.each(rules.grpo_passk), False),
    "capo": (with_negatives, rules.each(curriculum), False),
    "gpg": (with_count, rules.gpg, False),
    "opo": (only_lengths, rules.opo, False),
    "canon": (with_metric, rules.canon, False),
    "aapo": (with_reference, rules.aapo, False),
    "rlev": (with_values, rules.rlev, False),
    "gdpo": (with_further, rules.gdpo, False),
    "fspo": (with_marks, rules.fspo, False),
    "ha_dw": (with_anchor, rules.each(rules.ha_dw), True),
    "reg_grpo": (with_log_ratios, rules.reg_grpo, False),
    "dynamic_sampling_mask": (simple, lambda r: [int(len(set(g)) > 1) for g in r], False),
}


def size_of_gdpo(r: rules.Batch, further: Any, weights: Any, **std: Any) -> Any:
    """Weighted z-scores that cancel in part keep their rounding errors, and are then divided by what is left."""
    terms = rules.gdpo_terms(r, further, weights, **std)
    left = rules.root_of_mean_square([rules.cancelling_sum(x) for x in terms], std["ddof"])
    return max(mpmath.fsum(map(abs, x)) for x in terms) / (left + std["eps"]) if left else 0.0


#: What the terms of an answer may be, where it can be small beside them.
SIZE_OF_TERMS: dict[str, Callable[..., Any]] = {
    "reg_grpo": lambda r, **_: float(len(r[0])),  # a squared difference of z-scores
    "gdpo": size_of_gdpo,
}


def compare(kind: Kind, found: Any, expected: list[Any], what: Any, size: Any = 0.0) -> None:
    """Compare an answer with exact numbers, against the largest of them, or the size of what they are made of."""
    got = np.concatenate([np.asarray(part, dtype=float).ravel() for part in numbers_of(found)])
    assert len(got) == len(expected)
    with mpmath.workdps(50):
        exact_numbers = [rules.real(x) for x in expected]
        top = max(mpmath.mpf(size), *map(abs, exact_numbers)) if exact_numbers else mpmath.mpf(size)
        least = 2.0**-1022 if kind.largest > 1e300 else 2.0**-14 if kind.largest < 1e5 else 2.0**-126
        allowed = kind.tolerance * max(top, mpmath.mpf(least))
        for g, e in zip(got, exact_numbers, strict=True):
            assert abs(mpmath.mpf(float(g)) - e) <= allowed, (what, float(g), float(e))


def answer(kind: Kind, call: Callable[[], Any], expected: list[Any], what: Any, size: Any = 0.0) -> None:
    """Compare what a call gives; an error is right only where no answer would fit the type."""
    found, error = outcome(kind, call)
    if error is None:
        compare(kind, found, expected, what, size)
    else:
        assert " must be small enough " in str(error), (what, error)
        assert max(abs(rules.real(x)) for x in expected) > 0.9 * kind.largest, (what, error)


def outcome(kind: Kind, call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What comes of a call: an answer, or an error."""
    try:
        with kind.settings():
            return call(), None
    except ValueError as error:
        return None, error


@pytest.mark.parametrize("name", RULES)
@given(data=st.data(), kind=kinds)
@examples(FEW)
def test_rules(name: str, data: st.DataObject, kind: Kind) -> None:
    draw_arguments, reference, binary = RULES[name]
    shape = data.draw(shapes)
    r = number_groups(data.draw, kind, shape, binary)
    ours, theirs = draw_arguments(data.draw, kind, shape)
    expected = reference(fractions(r), **theirs)
    size = SIZE_OF_TERMS[name](fractions(r), **theirs) if name in SIZE_OF_TERMS else 0.0
    answer(kind, lambda: getattr(adv, name)(kind.array(r), **ours), expected, (name, r, ours), size)


@pytest.mark.parametrize("name", [name for name, call in ADVANTAGES.items() if name in RULES])
@given(data=st.data(), bad=st.sampled_from([np.nan, np.inf, -np.inf]), kind=kinds)
@examples(FEW, 0.1)
def test_what_is_not_finite_is_refused(name: str, data: st.DataObject, bad: float, kind: Kind) -> None:
    if not kind.dtype.startswith(("float", "bfloat")):
        return
    call = ADVANTAGES[name]
    for argument in call.arrays:
        values = np.array(call.arrays[argument], dtype=float)
        values.flat[data.draw(st.integers(0, values.size - 1))] = bad
        changes = {"mask": None} if name == "quantile_whitening" else {}  # masked entries may be anything
        with kind.settings(), pytest.raises(ValueError, match=rf"^{argument} must be .*; got -?(nan|inf)"):
            call(kind.array, **(changes | {argument: kind.array(values)}))


class TestOthers:
    """Functions whose arguments are no groups of rewards."""

    @given(data=st.data(), kind=kinds)
    @examples(FEW)
    def test_attn_rl(self, data: st.DataObject, kind: Kind) -> None:
        size = data.draw(st.integers(2, 8))
        parents = parents_of(data.draw, size)
        tree = adv.Tree(parents)
        r = number_groups(data.draw, kind, (len(tree.leaves),))
        wide = Kind(NUMPY, "float64", kind.tolerance if kind.tolerance < 1e-10 else 1e-11, kind.autocast)
        answer(wide, lambda: adv.attn_rl(kind.array(r), tree), rules.attn_rl(fractions(r), parents), (r, parents))

    @given(data=st.data())
    @examples(FEW)
    def test_match_tir(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-10, "")
        lengths = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
        r = [number_groups(data.draw, kind, (n,)) for n in lengths]
        gamma, chosen = data.draw(st.sampled_from([0.0, 0.5, 1.0])), std_of(data.draw)
        expected = rules.match_tir([fractions(x) for x in r], gamma=Fraction(gamma), **chosen)
        answer(kind, lambda: adv.match_tir(r, gamma=gamma, **chosen), expected, (r, gamma, chosen))

    @given(data=st.data(), kind=kinds)
    @examples(FEW)
    def test_weights(self, data: st.DataObject, kind: Kind) -> None:
        shape = data.draw(shapes)
        r = number_groups(data.draw, kind, shape, binary=True)
        ours, theirs = with_anchor(data.draw, kind, shape)
        arguments = {key: ours[key] for key in ("anchor", "lambda_scale")}
        expected = weights_of(fractions(r), **theirs)
        answer(kind, lambda: adv.ha_dw_weights(kind.array(r), kind.array(r), **arguments), expected, (r, arguments))

    @given(data=st.data(), kind=kinds)
    @examples(FEW)
    def test_overlong(self, data: st.DataObject, kind: Kind) -> None:
        limit = data.draw(st.integers(1, 2**40))
        cache = data.draw(st.integers(1, limit))
        n = np.array([kind.held(x) for x in data.draw(st.lists(st.integers(0, 2**41), min_size=1, max_size=4))])
        expected = rules.overlong(fractions(np.abs(n)), limit, cache)
        call = lambda: adv.overlong_punishment(kind.array(np.abs(n)), max_length=limit, cache=cache)  # noqa: E731
        answer(kind, call, expected, (n, limit, cache))

    @given(data=st.data(), kind=kinds)
    @examples(FEW)
    def test_token_covariances(self, data: st.DataObject, kind: Kind) -> None:
        count = data.draw(st.integers(1, 6))
        x, y = number_groups(data.draw, kind, (count,)), number_groups(data.draw, kind, (count,))
        mask = mask_of(data.draw, count)
        expected = tokens.covariances(fractions(x), fractions(y), mask)
        call = lambda: adv.token_covariances(kind.array(x), kind.array(y), np.array(mask))  # noqa: E731
        # Each against the product of the largest deviations.
        answered, error = outcome(kind, call)
        if error is not None:
            assert "small enough" in str(error)
            assert max(map(abs, expected)) > 0.9 * kind.largest
            return
        found = numbers_of(answered)[0].astype(float)
        sides = [[v for v, keep in zip(fractions(side), mask, strict=True) if keep] for side in (x, y)]
        size = [max(abs(v - rules.mean(side)) for v in side) for side in sides]
        least = Fraction(2) ** (-1022 if kind.largest > 1e300 else -14 if kind.largest < 1e5 else -126)
        for f, e in zip(found, expected, strict=True):
            assert abs(Fraction(f) - e) <= Fraction(kind.tolerance) * max(size[0] * size[1], least), (x, y, mask)

    @given(data=st.data())
    @examples(FEW)
    def test_ktae(self, data: st.DataObject) -> None:
        size, width = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 4))
        ids = integers_of(data.draw, 0, 3, (size, width))
        mask = integers_of(data.draw, 0, 1, (size, width)) == 1
        r = np.array([0.0, 1.0, -0.5])[integers_of(data.draw, 0, 2, (size,))]
        variant = data.draw(st.sampled_from(["paper", "code"]))
        expected = tokens.ktae(r.tolist(), ids.tolist(), mask.tolist(), variant=variant)
        kind = Kind(NUMPY, "float64", 1e-11, "")
        compare(
            kind, adv.ktae(r, ids, mask, variant=variant), rules.flat(expected[0]) + rules.flat(expected[1]), (ids, r)
        )
        table = adv.token_table(r, ids, mask)
        for i, j in np.ndindex(size, width):
            if mask[i, j]:
                has = [bool(np.any((ids[n] == ids[i, j]) & mask[n])) for n in range(size)]
                counts = [
                    sum(h == want and (x > 0) == right for h, x in zip(has, r, strict=True))
                    for want in (True, False)
                    for right in (True, False)
                ]
                assert [table.a[i, j], table.b[i, j], table.c[i, j], table.d[i, j]] == counts

    @given(data=st.data())
    @examples(FEW)
    def test_selections(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-11, "")
        count = data.draw(st.integers(1, 8))
        x = number_groups(data.draw, kind, (count,))
        mask = mask_of(data.draw, count)
        ratio, exactly = hundredth(data.draw, 0, 100)
        wanted = int(exactly * int(mask.sum()))
        chosen = adv.kl_cov_mask(x, mask, ratio=ratio)
        order = sorted(np.flatnonzero(mask), key=lambda i: -x[i])
        assert set(np.flatnonzero(chosen)) == set(order[:wanted])
        low, high = sorted(data.draw(st.tuples(st.sampled_from(SIZES), st.sampled_from(SIZES))))
        clipped = np.flatnonzero(adv.clip_cov_mask(x, mask, ratio=ratio, low=low, high=high))
        inside = [i for i in np.flatnonzero(mask) if low <= x[i] <= high]
        assert set(clipped) <= set(inside)
        assert len(clipped) == min(wanted, len(inside))

    @given(data=st.data())
    @examples(FEW)
    def test_expectations(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-11, "")
        size = data.draw(st.integers(2, 8))
        p = data.draw(st.sampled_from([0.0, 1e-300, 1e-9, 0.25, 0.5, 0.9, 1 - 2.0**-40, 1.0]))
        k, fraction = hundredth(data.draw)
        table = adv.advantage_table("qae", size, k=k, eps=0)
        groups = [[Fraction(int(i < n)) for i in range(size)] for n in range(size + 1)]
        rows = [rules.qae(g, fraction, "inverted_cdf", 0.0, 0) for g in groups]
        right = [rows[n][0] if n else mpmath.mpf(0) for n in range(size + 1)]
        wrong = [rows[n][-1] if n < size else mpmath.mpf(0) for n in range(size + 1)]
        compare(kind, table, rules.flat(list(zip(wrong, right, strict=True))), (size, k))
        chances = [rules.real(x) for x in rules.binomial(Fraction(p), size - 1)]
        alpha = mpmath.fsum(c * right[m + 1] for m, c in enumerate(chances))
        beta = mpmath.fsum(c * wrong[m] for m, c in enumerate(chances))
        found = adv.expected_advantages("qae", p, size, k=k, eps=0)
        compare(kind, (found.alpha, found.beta), [alpha, beta], (p, size, k))
        q = rules.real(1 - Fraction(p))
        second = mpmath.mpf(p) * mpmath.fsum(c * right[m + 1] ** 2 for m, c in enumerate(chances))
        second += q * mpmath.fsum(c * wrong[m] ** 2 for m, c in enumerate(chances))
        compare(kind, found.c, [mpmath.mpf(p) * q * (alpha - beta)], (p, size, k))
        compare(kind, found.second_moment, [second], (p, size, k))

    @given(data=st.data())
    @examples(FEW)
    def test_rates_and_variances(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-11, "")
        shape = data.draw(st.tuples(st.integers(2, 4), st.integers(2, 5)))
        r = number_groups(data.draw, kind, shape, binary=True)
        y, count, size = adv.batch_accuracy(r)
        assert (count, size) == (r.size, shape[1])
        compare(kind, y, [rules.mean(rules.flat(fractions(r)))], r)
        norms = number_groups(data.draw, kind, shape)
        norms = np.abs(norms)
        sides = [[Fraction(x) for x in norms[r == side]] for side in (1, 0)]
        if all(sides) and all(sum(side) for side in sides):
            plus, minus = (rules.mean(side) for side in sides)
            k = plus / (plus + minus)
            try:
                found = adv.k_from_gradient_variance(r, norms)
            except ValueError:
                assert k < Fraction(1, 2**1070) or 1 - k < Fraction(1, 2**52)
            else:
                compare(kind, found, [k], (r, norms))
        x = number_groups(data.draw, kind, shape)
        groups = fractions(x)
        if len(set(rules.flat(groups))) > 1:
            n, g = shape
            middle = rules.mean([rules.mean(row) for row in groups])
            b = sum(g * (rules.mean(row) - middle) ** 2 for row in groups) / (n - 1)
            w = sum((v - rules.mean(row)) ** 2 for row in groups for v in row) / (n * (g - 1))
            compare(kind, adv.intraclass_correlation(x), [(b - w) / (b + (g - 1) * w)], x, 1.0)
        rates = np.sort(
            np.abs(np.array([x % 1.0 for x in data.draw(st.lists(st.floats(0, 0.99), min_size=1, max_size=6))]))
        )
        share, part = hundredth(data.draw)
        threshold = exact.inverse_cdf(fractions(rates), part)
        above = min((x for x in fractions(rates) if x > threshold), default=Fraction(1))
        try:
            compare(
                kind, adv.k_from_success_rate(rates, hard_share=share), [1 - (threshold + above) / 2], (rates, share)
            )
        except ValueError:
            assert (threshold + above) / 2 < Fraction(1, 2**52)

    @given(q=st.floats(1e-300, 1e300), noise=st.floats(0, 1e300), g=st.integers(1, 10**6), rho=st.floats(0, 1))
    @examples(FEW)
    def test_gains(self, q: float, noise: float, g: int, rho: float) -> None:
        kind = Kind(NUMPY, "float64", 1e-12, "")
        root = mpmath.sqrt(mpmath.mpf(q) ** 2 + 4 * mpmath.mpf(q) * mpmath.mpf(noise))
        p = (mpmath.mpf(q) + root) / 2
        compare(kind, adv.steady_state_gain(q, noise), [p / (p + mpmath.mpf(noise))], (q, noise))
        compare(kind, adv.design_effect(g, rho), [1 + (g - 1) * Fraction(rho)], (g, rho))

    @given(data=st.data())
    @examples(3, 0.25)
    def test_trees(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-9, "")
        size = data.draw(st.integers(2, 7))
        parents = parents_of(data.draw, size)
        tree = adv.Tree(parents)
        r = number_groups(data.draw, kind, (size,), binary=True)
        exact_r = fractions(r)
        centred = [x - rules.mean(exact_r) for x in exact_r]
        compare(Kind(NUMPY, "float64", 1e-6, ""), adv.tree_opo(r, tree), centred, (r, parents))
        below = [[n for n in range(size) if m in tree.path(n)] for m in range(size)]
        rate = [rules.mean([exact_r[n] for n in nodes]) for nodes in below]
        raw = [x - v / 2 for x, v in zip(exact_r, rate, strict=True)]
        compare(kind, adv.tree_opo_heuristic(r, tree), [x - rules.mean(raw) for x in raw], (r, parents))
        pairs = {
            (i, j)
            for i in range(size)
            for j in range(size)
            if r[i] == 0 and r[j] == 1 and (i in tree.path(j) or (i and j and parents[i] == parents[j]))
        }
        assert set(adv.ordered_pairs(r, tree)) == pairs

    @given(data=st.data())
    @examples(3, 0.25)
    def test_hidden_states(self, data: st.DataObject) -> None:
        count, width = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 3))
        offset, unit = (
            data.draw(st.sampled_from([0.0, 1.0, 1e3])),
            data.draw(st.sampled_from([1.0, 2.0**900, 2.0**-900])),
        )
        states = (integers_of(data.draw, -4, 4, (count, width)) + offset) * unit
        expected = rules.effective_rank(fractions(states))
        kind = Kind(NUMPY, "float64", 1e-7, "")
        compare(kind, adv.effective_rank(states), [expected], states)
        compare(kind, adv.rank_dynamics([states]).rank, [expected], states)

    @given(data=st.data())
    @examples(FEW)
    def test_verl_rank(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-10, "")
        r = number_groups(data.draw, kind, (3,))
        measured = [data.draw(st.lists(st.floats(-5, 20), min_size=3, max_size=3)) for _ in range(3)]
        usual = [data.draw(st.sampled_from([1.0, -2.0, 10.0])) for _ in range(3)]
        dynamics = adv.RankDynamics(*map(np.array, measured))
        found = adv.verl_rank(r, dynamics, adv.RankBaselines(*usual))

        def relative(part: int, i: int) -> Any:
            x = (mpmath.mpf(measured[part][i]) - mpmath.mpf(usual[part])) / (
                abs(mpmath.mpf(usual[part])) + mpmath.mpf(1e-8)
            )
            return min(max(x, mpmath.mpf(-5)), mpmath.mpf(5))

        expected = []
        for i, a in enumerate(rules.z(fractions(r), 1e-6, 0)):
            beta = 1 / (1 + mpmath.exp(-2 * relative(2, i)))
            bonus = beta * mpmath.tanh(relative(0, i)) + (1 - beta) * mpmath.tanh(relative(1, i))
            expected.append(a + min(max(bonus, mpmath.mpf(0)), abs(a) / 2))
        compare(kind, found, expected, (r, measured, usual))

    @given(data=st.data())
    @examples(FEW)
    def test_token_credit(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-9, "")
        size, width = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 4))
        r = integers_of(data.draw, 0, 1, (size,)).astype(float)
        own = integers_of(data.draw, 0, 1, (size, width)) == 1
        h = integers_of(data.draw, 0, 8, (size, width)) / 4
        found = adv.rl_zvp(r, h, own, alpha=0.5)
        compare(kind, found, tokens.rl_zvp(fractions(r), fractions(h), own.tolist(), Fraction(1, 2)), (r, h, own))
        found = adv.gtpo(r, h, own, bonus=0.5, eps=0.25)
        compare(
            kind, found, tokens.gtpo(fractions(r), fractions(h), own.tolist(), Fraction(1, 2), 0.25), (r, h, own), 1
        )
        x = number_groups(data.draw, Kind(NUMPY, "float64", 1e-11, ""), (size,))
        squares = integers_of(data.draw, 0, 8, (size, width)) / 8
        found = adv.optimal_token_baseline(x, np.log(np.maximum(h / 2, 0.125)), squares, own)
        energies = [[1 - 2 * max(p / 2, Fraction(1, 8)) + s for p, s in zip(*rows, strict=True)]
                    for rows in zip(fractions(h), fractions(squares), strict=True)]  # fmt: skip
        expected = tokens.optimal_token_baseline(fractions(x), energies, own.tolist())
        top = float(np.abs(x).max())
        compare(kind, found, expected, (x, h, squares, own), top)

    @given(data=st.data())
    @examples(FEW)
    def test_critics(self, data: st.DataObject) -> None:
        kind = Kind(NUMPY, "float64", 1e-11, "")
        size, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
        r = integers_of(data.draw, -4, 4, (size,)) / 2
        v = integers_of(data.draw, -8, 8, (size, width)) / 8
        own = integers_of(data.draw, 0, 1, (size, width)) == 1
        gamma, lam, critic = (data.draw(st.sampled_from([0.0, 0.5, 1.0, 0.75])) for _ in range(3))

        def both(policy: list[Fraction], target: float) -> list[Any]:
            given = fractions(r), fractions(v), own.tolist(), Fraction(gamma)
            returns = tokens.gae(*given, [Fraction(target)] * size)
            kept = zip(returns, [x for row in fractions(v) for x in row], own.ravel(), strict=True)
            return tokens.gae(*given, policy) + [a + value if mine else 0 for a, value, mine in kept]

        found = adv.gae(r, v, own, gamma=gamma, lam=lam)
        compare(kind, found, both([Fraction(lam)] * size, lam), (r, v, own, gamma, lam), 1)
        found = adv.decoupled_gae(r, v, own, gamma=gamma, lam=lam, critic_lam=critic)
        compare(kind, found, both([Fraction(lam)] * size, critic), (r, v, own, gamma, lam), 1)
        found = adv.length_adaptive_gae(r, v, own, gamma=gamma, alpha=0.5, critic_lam=critic)
        lams = [max(Fraction(0), 1 - Fraction(2, max(int(n), 1))) for n in own.sum(axis=-1)]
        compare(kind, found, both(lams, critic), (r, v, own, gamma), 1)

    @given(data=st.data(), kind=kinds)
    @examples(FEW)
    def test_trackers(self, data: st.DataObject, kind: Kind) -> None:
        shape = data.draw(shapes)
        r, usual = number_groups(data.draw, kind, shape), number_groups(data.draw, kind, shape)
        expected = [a - b for a, b in zip(rules.flat(fractions(r)), rules.flat(fractions(usual)), strict=True)]
        answer(kind, lambda: adv.rae(kind.array(r), kind.array(usual)), expected, (r, usual))
        rates = integers_of(data.draw, 0, 8, shape[:1]) / 8
        chosen = std_of(data.draw)
        differences = [x - p for row, p in zip(fractions(r), fractions(rates), strict=True) for x in row]
        wide = Kind(NUMPY, "float64", 1e-9, "")
        found, error = outcome(wide, lambda: adv.spo(np.asarray(r), rates, **chosen))
        assert error is None, error
        compare(wide, found, rules.z(differences, chosen["eps"], chosen["ddof"]), (r, rates, chosen))

    @given(data=st.data())
    @examples(FEW)
    def test_tool_calls(self, data: st.DataObject) -> None:
        parameters = st.dictionaries(st.sampled_from("abc"), st.integers(0, 1))
        mine, wanted = data.draw(parameters), data.draw(parameters)
        both, either = set(mine) & set(wanted), set(mine) | set(wanted)
        jaccard = Fraction(len(both), len(either)) if either else Fraction(1)
        expected = (1 + jaccard + sum(mine[x] == wanted[x] for x in both)) / (2 + len(wanted))
        kind = Kind(NUMPY, "float64", 1e-14, "")
        compare(
            kind, adv.tool_similarity(adv.ToolCall("f", mine), adv.ToolCall("f", wanted)), [expected], (mine, wanted)
        )
        shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        s = integers_of(data.draw, 0, 8, shape) / 8
        best = adv.matched_rewards(s).sum()
        assert best >= adv.matched_rewards(s, matching="greedy").sum()
        assert adv.matched_rewards(s, matching="transport").sum() <= s.max() + 1e-9


#: Where functions that are not in RULES are compared.
ELSEWHERE = {
    "attn_rl", "match_tir", "ha_dw_weights", "overlong_punishment", "token_covariances", "ktae", "token_table",
    "kl_cov_mask", "clip_cov_mask", "advantage_table", "expected_advantages", "batch_accuracy",
    "k_from_gradient_variance", "k_from_success_rate", "intraclass_correlation", "steady_state_gain", "design_effect",
    "tree_opo", "tree_opo_heuristic", "ordered_pairs", "effective_rank", "rank_dynamics", "verl_rank",
    "tool_similarity", "matched_rewards", "rl_zvp", "gtpo", "optimal_token_baseline", "gae", "decoupled_gae",
    "length_adaptive_gae", "spo", "rae",
}  # fmt: skip


def test_every_public_function_is_compared() -> None:
    assert set(RULES) | ELSEWHERE == set(ADVANTAGES)
    source = __import__("inspect").getsource(TestOthers)
    assert all(f"adv.{name}(" in source for name in ELSEWHERE)
