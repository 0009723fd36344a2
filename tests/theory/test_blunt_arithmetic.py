"""Arithmetic that is valid but blunt decides nothing wrongly: verdicts stay, or become undecided."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from flint import arb

from qae_sim.theory import Verdict, all_claims, certified, exact_advantages
from qae_sim.theory.ball import Ball
from qae_sim.theory.claims.qae import gradient_speed_and_noise

CLAIMS = all_claims()
CACHES: list[Any] = [exact_advantages._differences, gradient_speed_and_noise._sums]


def everywhere(patch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> None:
    """Put a function in the place of one of ``certified``, in all modules that have imported it."""
    old = getattr(certified, name)
    for module in [module for key, module in sys.modules.items() if key.startswith("qae_sim.theory")]:
        if getattr(module, name, None) is old:
            patch.setattr(module, name, function)


@pytest.fixture(params=[0.02, 0.3, float("nan")], scope="module")
def blunt(request: pytest.FixtureRequest) -> Iterator[float]:
    """Every exact number that a check encloses is enclosed more widely than it could be; NaN: nothing is known."""
    radius, exact, prove = request.param, certified.number, certified.prove_positive

    def number(value: certified.Exact) -> Ball:
        return Ball(arb.nan() if radius != radius else exact(value).arb + arb(0, radius))

    def hasty(*arguments: Any, max_boxes: int = 0, **options: Any) -> Any:
        return prove(*arguments, max_boxes=200, **options)

    with pytest.MonkeyPatch.context() as patch:
        everywhere(patch, "number", number)
        everywhere(patch, "prove_positive", hasty)
        for name in ("largest", "prove_polynomial_positive"):
            few = {"pieces": 50} if name == "largest" else {"max_boxes": 50}
            everywhere(patch, name, partial(getattr(certified, name), **few))
        for cache in CACHES:
            cache.cache_clear()
        yield radius
    for cache in CACHES:
        cache.cache_clear()


@pytest.mark.parametrize("id", [id for id, claim in CLAIMS.items() if claim.expected is not Verdict.OPEN])
def test_blunt_arithmetic_never_makes_another_verdict(blunt: float, id: str) -> None:
    assert CLAIMS[id].check(True).verdict in (CLAIMS[id].expected, Verdict.UNDECIDED)
