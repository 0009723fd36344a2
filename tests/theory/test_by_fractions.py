"""Exact fractions in python-flint's place: the same polynomials, intervals that enclose, and the same verdicts."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from operator import add, mul, sub, truediv
from pathlib import Path
from typing import Any

import flint
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qae_sim.explorers import Claims
from qae_sim.theory import Verdict, all_claims, broken, by_fractions, verify
from qae_sim.theory.by_fractions import arb, ctx, fmpq_mpoly_ctx, fmpq_poly
from qae_sim.theory.verify import described

#: How many claims need more than exact fractions: exponentials, logarithms, integrals, intervals as coefficients.
WAITING = 60
#: Checks a list of claims in a Python without python-flint, and the first change that must turn each of them.
CHECKS = """
import json, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "flint":
            raise ModuleNotFoundError("No module named 'flint'", name="flint")
sys.meta_path.insert(0, Blocker())
from qae_sim.theory import all_claims
found = {}
for id in json.load(sys.stdin):
    claim = all_claims()[id]
    try:
        outcome = claim.check(True)
        turned = [str(claim.check(True, **change.changes).verdict) for change in claim.breaks[:1]]
        found[id] = [str(outcome.verdict), str(outcome.tier), turned]
    except ModuleNotFoundError as missing:
        found[id] = str(missing)
json.dump(found, sys.stdout)
"""

fractions = st.fractions(-5, 5, max_denominator=40)
polynomials = st.lists(fractions, max_size=5)


def found(ids: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CHECKS], input=json.dumps(ids), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, Any] = json.loads(done.stdout)
    return outcomes


def test_claims_have_the_same_verdicts_or_say_what_they_wait_for(
    request: pytest.FixtureRequest, cases_seed: str
) -> None:
    """A part of them, all with --cases=all."""
    ids = list(all_claims())
    whole = request.config.getoption("cases") == "all"
    outcomes = found(ids if whole else random.Random(cases_seed).sample(ids, 20))
    waiting = 0
    for id, outcome in outcomes.items():
        claim = all_claims()[id]
        if isinstance(outcome, str):
            assert outcome.startswith("this check needs python-flint, which this Python does not have")
            waiting += 1
        else:
            assert outcome == [claim.expected, claim.tier, [str(change.verdict) for change in claim.breaks[:1]]], id
    assert waiting <= WAITING
    assert whole is False or waiting == WAITING


@given(polynomials, polynomials, fractions)
def test_polynomials_are_those_of_flint(one: list[Fraction], other: list[Fraction], at: Fraction) -> None:
    def rational(value: Fraction) -> Any:
        return flint.fmpq(value.numerator, value.denominator)

    def same(ours: Any, theirs: Any) -> bool:
        return [*ours.coeffs()] == [Fraction(int(c.numerator), int(c.denominator)) for c in theirs.coeffs()]

    p, q = fmpq_poly(one), fmpq_poly(other)
    f, g = (flint.fmpq_poly([rational(c) for c in of]) for of in (one, other))
    for name in ("__add__", "__sub__", "__mul__", "gcd"):
        assert same(getattr(p, name)(q), getattr(f, name)(g)), name
    assert same(p**3, f**3)
    assert same(p(q), f(g))
    assert same(p.derivative(), f.derivative())
    assert same(p.integral(), f.integral())
    assert p.degree() == f.degree()
    value = f(rational(at))
    assert p(at) == Fraction(int(value.numerator), int(value.denominator))
    if g != 0:
        for ours, theirs in zip(divmod(p, q), divmod(f, g), strict=True):
            assert same(ours, theirs)
        assert p * q / q == p


def test_polynomials_in_several_variables() -> None:
    x, y = fmpq_mpoly_ctx.get(["x", "y"], "lex").gens()
    assert (x + y) * (x - y) == x**2 - y**2
    assert (x + y) ** 2 != x**2 + y**2
    assert (x**2 * y).derivative("x") == (x**2 * y).derivative(0) == 2 * x * y
    assert (x**2 * y).subs({"x": y + 1}) == y**3 + 2 * y**2 + y
    assert ((x + y) / 2).to_dict() == {(1, 0): Fraction(1, 2), (0, 1): Fraction(1, 2)}
    assert (3 * x**2 * y - x * y) / (x * y) == 3 * x - 1
    with pytest.raises(ArithmeticError, match="not exact"):
        x / y
    with pytest.raises(ModuleNotFoundError, match="needs python-flint"):
        x / (x + y)


@given(fractions, fractions, st.sampled_from([add, sub, mul, truediv]), st.integers(2, 80))
def test_intervals_enclose_what_is_computed(one: Fraction, other: Fraction, of: Callable[..., Any], bits: int) -> None:
    assume(other != 0 or of is not truediv)
    with ctx.workprec(bits):
        sum_of_both = arb(one) + arb(other)
        result, exact = of(arb(one), arb(other)), of(one, other)
        wide, away = arb(one).union(other), arb(other) - 11
        assert result.contains(exact) or of is truediv
        assert not result < exact
        assert not result > exact
        assert wide.contains(one)
        assert (wide * away).contains(one * (other - 11))
        assert (wide**2).contains(other**2)
        assert abs(wide).contains(abs(one))
        root = arb(abs(one)).sqrt()
        assert not root**2 < abs(one)
        assert not root**2 > abs(one)
        assert sum_of_both.lower() <= sum_of_both.upper()
        if bits >= 20:
            assert float(result.rad()) <= 2.0 ** (4 - bits) * (10 + abs(exact))


def test_what_is_not_known_is_no_answer() -> None:
    unknown = arb(1) / (arb(-1).union(1))
    assert not unknown.is_finite()
    for answer in (unknown < 1, unknown > 1, unknown <= 1, unknown >= 1, unknown == 1):
        assert answer is False
    with pytest.raises(ModuleNotFoundError, match="needs python-flint"):
        arb(1).exp()


def test_what_was_found_before_is_quoted_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, cases_seed: str
) -> None:
    """Claims in the words that a lesson shows (all: --cases=all); a changed check by the verdict that it must find."""
    module = import_module("qae_sim.theory.verify")  # the package has a function of this name
    ids = list(all_claims())
    if request.config.getoption("cases") != "all":
        ids = ["gdpo.resolution", *random.Random(cases_seed).sample(ids, 20)]
    (tmp_path / "found").write_bytes(described(verify(ids, quick=True).results))
    here = [Claims(id) for id in ids]
    expected = broken("qae.prop4.2-low")
    monkeypatch.setattr(module, "FOUND_BEFORE", tmp_path / "found")
    monkeypatch.setattr(module, "all_claims", lambda: known)

    def waits(quick: bool, **changes: Any) -> None:
        raise by_fractions.without_flint()

    known = {id: replace(claim, check=waits) for id, claim in all_claims().items()}
    with pytest.warns(UserWarning, match="quoted, because the check needs python-flint"):
        again = verify(ids, quick=True).results
    assert all(result.quoted for result in again)
    assert all(result.as_expected for result in again)
    for before, after in zip(here, map(Claims, ids), strict=True):
        assert repr(after).startswith(f"{before!r}\nChecked before")
    monkeypatch.setattr(module, "chosen", lambda ids: [known[id] for id in ids])
    with pytest.warns(UserWarning, match=r"not here: qae\.prop4\.2-low"):
        quoted = broken("qae.prop4.2-low")
    assert [outcome.verdict for _, outcome in quoted] == [outcome.verdict for _, outcome in expected]
    assert Verdict.REFUTED in {outcome.verdict for _, outcome in quoted}
