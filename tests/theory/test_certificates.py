"""Certificates: what is written is confirmed without the package, agrees with its functions, and damage is seen."""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import math
import random
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from click.testing import CliRunner

from qae_sim.cli import main
from qae_sim.theory import Tier, Verdict, all_claims, certificates
from qae_sim.theory import check as program
from qae_sim.theory.certificate_coverage import NARROWER
from qae_sim.theory.certificate_files import certificate_text, write_certificates
from qae_sim.theory.certificates import (
    Box,
    Counterexample,
    Enumeration,
    Identity,
    Part,
    Sign,
    Tie,
)

CLAIMS = all_claims()
CERTIFIED = {id: claim for id, claim in CLAIMS.items() if claim.certificate}
PARTS = [
    pytest.param(part, id=f"{id}-{i}") for id, claim in CERTIFIED.items() for i, part in enumerate(claim.certificate)
]
TIES = [
    pytest.param(part, tie, id=f"{id}-{tie.expression}")
    for id, claim in CERTIFIED.items()
    for part in claim.certificate
    for tie in part.ties
]


def run_check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a folder as a stranger does: without the package, in a bare Python."""
    command = [sys.executable, "-S", "-I", "check.py", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


class TestCoverage:
    def test_every_exact_claim_has_one(self) -> None:
        assert [id for id, claim in CLAIMS.items() if claim.tier.exact and not claim.certificate] == []

    def test_certificates_and_reasons_belong_to_claims(self) -> None:
        for module in iter_modules(certificates.__path__):
            made = import_module(f"{certificates.__name__}.{module.name}")
            written, reasons = set(made.CERTIFICATES), set(getattr(made, "NONE", {}))
            assert written | reasons <= set(CLAIMS)
            assert not written & reasons
            assert all(made.CERTIFICATES.values())


class TestProgram:
    def test_it_is_short_and_needs_the_standard_library_alone(self) -> None:
        source = files("qae_sim.theory").joinpath("check.py").read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 250
        for node in ast.walk(ast.parse(source)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names

    @pytest.mark.stage
    def test_it_confirms_every_certificate(self, tmp_path: Path) -> None:
        write_certificates(tuple(CLAIMS.values()), tmp_path)
        done = run_check(tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(f"{len(CERTIFIED)} certificates, 0 refused")


def value(text: str, names: dict[str, Any] | None = None, **more: Any) -> Any:
    return program._worth(text, (names or {}) | more)


def refused(part: Part) -> str:
    with pytest.raises(Exception) as error:  # noqa: PT011  # any exception is a refusal
        program.check(part.to_dict())
    return str(error.value)


class TestLanguage:
    def test_numbers_are_exact(self) -> None:
        assert value("1/3 + 1/6") == Fraction(1, 2)
        assert value("2**-3") == value("2**(-9/3)") == Fraction(1, 8)
        assert value("sum(binomial(4, n) for n in range(5))") == 16
        assert value("sorted([3, 1, 2])[ceil(2/5*3) - 1]") == 2
        assert value("[x*x for x in range(5) if x > 2]") == (9, 16)
        assert value("1 if 2 < 3 <= 3 else 0") == 1
        assert value("min(3, 1/2), max([1, 7]), abs(-2)") == (Fraction(1, 2), 7, 2)

    @pytest.mark.parametrize(
        "text", ["0.5", "'a'", "p", "__import__('os')", "(1).real", "lambda: 1", "x := 1", "2**(1/2)", "1 if", "{1}"]
    )
    def test_what_is_not_in_it(self, text: str) -> None:
        with pytest.raises((SyntaxError, TypeError)):
            value(text)

    @pytest.mark.parametrize("x", [Fraction(1, 10**6), Fraction(1, 3), Fraction(1), Fraction(7, 2), Fraction(10**6)])
    def test_functions_enclose_those_of_another_library(self, x: Fraction) -> None:
        from flint import arb, ctx, fmpq

        with ctx.workprec(300):
            ball = arb(fmpq(x.numerator, x.denominator))
            for name, exact in (("sqrt", ball.sqrt()), ("log", ball.log()), ("exp", (-ball).exp())):
                found = program.FUNCTIONS[name](-x if name == "exp" else x)
                low, high = found.low, found.high
                assert low <= exact * 2**program.BITS <= high
                assert high - low <= 4 * program.NEAR

    def test_intervals_enclose_every_value(self) -> None:
        draw = random.Random(0)
        expressions = [
            "x*y - x",
            "x**3 - y**2",
            "exp(x)/(1 + y*y)",
            "sqrt(x*x + 1) - log(2 + y)",
            "max(x, y)",
            "x/(3 + y)",
        ]
        for _ in range(200):
            text = draw.choice(expressions)
            ends = [sorted(Fraction(draw.randint(-20, 20), 20) for _ in "ab") for _ in "xy"]
            inside = [low + (high - low) * Fraction(draw.randint(0, 10), 10) for low, high in ends]
            try:
                wide = value(text, dict(zip("xy", (interval(*pair) for pair in ends), strict=True)))
            except ArithmeticError:
                continue
            point = value(text, dict(zip("xy", (interval(x, x) for x in inside), strict=True)))
            assert wide.low <= point.low
            assert point.high <= wide.high

    @pytest.mark.parametrize(
        "text",
        ["max(x) > 1", "sum(x) > 1", "x[0] > 1", "len(x) == 2", "all(x)", "not x", "1 if x else 2", "[x] == [x]"],
    )
    def test_an_interval_is_no_list_and_no_answer(self, text: str) -> None:
        with pytest.raises((TypeError, AttributeError)):
            value(text, x=interval(Fraction(0), Fraction(2)))

    def test_definitions_see_no_names_around_their_use(self) -> None:
        part = {"kind": "enumeration", "says": "", "where": {"i": "7", "f(x)": "x + i"}, "statement": "f(1) == 8"}
        program.check(part)
        program.check(part | {"statement": "all(f(1) == 8 for i in range(3))"})
        program.check(
            part | {"where": {"i": "7", "f(x)": "x + g(1)", "g(y)": "y + x", "x": "3"}, "statement": "f(5) == 9"}
        )

    def test_an_undecided_comparison_is_no_answer(self) -> None:
        for text in ("x > 1", "x == 1", "not x > 1", "x > 1 or x <= 1", "1 if x > 1 else 1"):
            with pytest.raises(ArithmeticError):
                value(text, x=interval(Fraction(0), Fraction(2)))


def interval(low: Fraction, high: Fraction) -> Any:
    return program.Interval(program.floor(low * program.ONE), program.ceil(high * program.ONE))


class TestKinds:
    def test_an_identity_is_no_inequality_and_no_coincidence(self) -> None:
        program.check(Identity("", "1/p + 1/(1-p) == 1/(p*(1-p))", variables=("p",)).to_dict())
        refused(Identity("", "p*p == p", variables=("p",)))
        refused(Identity("", "p**2 + 1 > 0", variables=("p",)))
        refused(Identity("", "not p == 1 - p", variables=("p",)))
        refused(Identity("", "(p - p)/(q - q) == 1", variables=("p", "q")))

    def test_a_sign_holds_inside_and_may_vanish_at_the_ends(self) -> None:
        program.check(Sign("", "p*(1-p) > 0", over={"p": ("0", "1")}).to_dict())
        program.check(Sign("", "0 <= p*(1-p) < 1/4 + 1/10**6", over={"p": ("0", "1")}).to_dict())
        program.check(Sign("", "1/(p - 2) < 0", over={"p": ("0", "1")}).to_dict())
        refused(Sign("", "p*(1-p) > 0", over={"p": ("0", "11/10")}))
        refused(Sign("", "p*(1-p) < 1/4", over={"p": ("0", "1")}))
        refused(Sign("", "(p - 1/3)**2 > 0", over={"p": ("0", "1")}))
        refused(Sign("", "not p > 1/2", over={"p": ("0", "1")}))
        refused(Sign("", "1/(p - 1/2) < 3", over={"p": ("0", "1")}))

    def test_a_box_has_no_gaps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(program, "BOXES", 1000)
        program.check(Box("", "x*log(x) + 37/100 > 0", over={"x": ("1/100", "1")}).to_dict())
        refused(Box("", "x*log(x) + 36787/100000 > 0", over={"x": ("1/100", "1")}))
        refused(Box("", "x + y < 2", over={"x": ("0", "1"), "y": ("0", "1")}))

    def test_a_counterexample_is_false_and_not_undefined(self) -> None:
        program.check(Counterexample("", "n**2 == n", at={"n": "2"}).to_dict())
        refused(Counterexample("", "n**2 == n", at={"n": "1"}))
        refused(Counterexample("", "1/n > 0", at={"n": "0"}))
        refused(Counterexample("", "sqrt(n)**2 == n", at={"n": "2"}))

    def test_an_enumeration_says_how_many_cases_it_has(self) -> None:
        part = Enumeration("", "n*n >= n", cases={"n": "range(10)"}, only="n > 0", count=9)
        program.check(part.to_dict())
        assert "9 cases, not 8" in refused(Enumeration("", "n*n >= n", cases={"n": "range(10)"}, only="n > 0", count=8))
        assert "{'n': '3'}" in refused(Enumeration("", "n < 3", cases={"n": "range(10)"}, count=10))


X = {"x": ["1", "2"]}
#: Parts that state something false, something else than a reader takes them for, or nothing.
TRAPS: dict[str, dict[str, Any]] = {
    "an identity of a thing and not it": {"kind": "identity", "statement": "x is not x", "variables": ["x"]},
    "membership in itself": {"kind": "sign", "statement": "x not in x", "over": X},
    "is, read as >=": {"kind": "box", "statement": "x is 1/2", "over": X},
    "roots in one enclosure": {
        "kind": "identity",
        "statement": "1/(x*sqrt(2)) == 1/(x*sqrt(2 + 1/2**300))",
        "variables": ["x"],
    },
    "lists of roots": {"kind": "enumeration", "statement": "(sqrt(2),) == (sqrt(2 + 1/2**300),)"},
    "0 as a truth, of polynomials": {"kind": "sign", "statement": "(x - x) and 1 == 1", "over": X},
    "0 as a truth, of intervals": {"kind": "box", "statement": "(x - x) and 1 == 1", "over": X},
    "an interval as a condition": {"kind": "box", "statement": "1 == 1 if x - x else 1 == 2", "over": X},
    "an interval denied twice": {"kind": "box", "statement": "not not x", "over": X},
    "a list of intervals as truths": {"kind": "box", "statement": "all([x - x])", "over": X},
    "the ends of an interval as numbers": {"kind": "box", "statement": "max(x) > 10", "over": X},
    "their sum": {"kind": "box", "statement": "sum(x) > 10", "over": X},
    "their number": {"kind": "box", "statement": "len(x) == 2", "over": X},
    "the first of them": {"kind": "box", "statement": "x[0] > 10", "over": X},
    "each of them": {"kind": "box", "statement": "all(y > 10 for y in x)", "over": X},
    "them as cases": {"kind": "enumeration", "statement": "n > 10", "cases": {"n": "sqrt(2)"}, "count": 2},
    "a function defined anew": {
        "kind": "enumeration",
        "where": {"binomial(n, k)": "0"},
        "statement": "binomial(4, 2) == 6",
    },
    "one case in the place of all": {
        "kind": "enumeration",
        "cases": {"n": "range(10)"},
        "at": {"n": "3"},
        "count": 10,
        "statement": "n == 3",
    },
    "a case and a definition": {
        "kind": "enumeration",
        "where": {"p": "1/2"},
        "cases": {"p": "[0]"},
        "statement": "p == 0",
    },
    "a variable and a definition": {"kind": "sign", "where": {"x": "-1"}, "over": X, "statement": "x > 0"},
    "two definitions": {"kind": "enumeration", "where": {"f(x)": "1", "f(y)": "2"}, "statement": "f(1) == 2"},
    "two letters that look alike": {
        "kind": "enumeration",
        "where": {"K": "1"},
        "cases": {"\N{KELVIN SIGN}": "[0]"},
        "statement": "K == 1",
    },
    "a function without its argument": {"kind": "enumeration", "where": {"f(n)": "0"}, "statement": "f == 0"},
    "a definition that ends early": {
        "kind": "enumeration",
        "where": {"b(: 5 if 1 == 1 else lambda": "3"},
        "statement": "b == 5",
    },
    "no case at all": {"kind": "enumeration", "cases": {"n": "range(0)"}, "count": 0, "statement": "1 == 2"},
    "a field that is not read": {"kind": "enumeration", "Cases": {"n": "range(10)"}, "statement": "1 == 1"},
    "another kind's field": {"kind": "identity", "variables": ["x"], "over": X, "statement": "x == x"},
    "no kind": {"kind": "proof", "statement": "1 == 1"},
    "nothing but its own truth": {"kind": "enumeration", "statement": "True"},
    "a quotient that is undefined inside": {
        "kind": "sign",
        "statement": "(3*x - 4)/(3*x - 4) == 1",
        "over": X,
    },
    "nothing over what vanishes inside": {"kind": "sign", "statement": "0/(3*x - 4) >= 0", "over": X},
    "to the power of 0": {"kind": "sign", "statement": "(1/(3*x - 4))**0 == 1", "over": X},
    "an empty interval": {"kind": "sign", "statement": "x == 1", "over": {"x": ["1", "1"]}},
    "ends in the wrong order": {"kind": "sign", "statement": "x > 0", "over": {"x": ["2", "1"]}},
}


class TestTraps:
    """What a hostile certificate could try: each of these was confirmed once, or is next to one that was."""

    @pytest.mark.parametrize("name", TRAPS)
    def test_it_is_refused(self, name: str) -> None:
        with pytest.raises((SyntaxError, TypeError, ArithmeticError, KeyError, AttributeError)):
            program.check(TRAPS[name])

    def test_what_is_next_to_them_is_confirmed(self) -> None:
        program.check({"kind": "sign", "statement": "(3*x - 2)/(3*x - 2) == 1", "over": X})
        program.check({"kind": "sign", "statement": "x != 3", "over": X})
        program.check({"kind": "identity", "statement": "1/(x*(1 + y)) == 1/(x + x*y)", "variables": ["x", "y"]})
        program.check({"kind": "enumeration", "statement": "all([1 < 2]) and not 2 < 1"})


class TestReach:
    """A certificate of less than its claim says so."""

    #: Listed cases that are all there are: a ratio is clipped or not, a reward or a mark is one of two.
    COMPLETE = frozenset({"aapo.equal-rewards", "qae.clipped-gradients", "qae.token-level-controls"})

    def test_what_confirms_cases_of_a_claim_for_all_values_is_listed(self) -> None:
        for id, claim in CERTIFIED.items():
            steps = [part for part in claim.certificate if not isinstance(part, Enumeration | Counterexample)]
            partial = all(part.cases for part in steps) and any(part.cases for part in claim.certificate)
            partial |= claim.expected is Verdict.CONDITIONAL and claim.certificate == claim.certificate[:1]
            partial |= any("three arms" in part.says for part in steps)
            if partial and claim.tier is Tier.PROVED and claim.expected is not Verdict.REFUTED:
                assert (id in NARROWER) != (id in self.COMPLETE), id

    def test_what_is_listed_has_a_certificate(self, tmp_path: Path) -> None:
        write_certificates([CLAIMS[id] for id in ("qae.eq4", "estimators.sum-zero")], tmp_path)
        assert set(NARROWER) <= set(CERTIFIED)
        assert json.loads((tmp_path / "index.json").read_text())["covers"] == {"qae.eq4": NARROWER["qae.eq4"]}
        assert NARROWER["qae.eq4"] in json.loads((tmp_path / "qae.eq4.json").read_text())["reach_of_parts"]

    @pytest.mark.parametrize("id", CERTIFIED)
    def test_it_says_how_far_its_parts_reach(self, id: str) -> None:
        claim, content = CERTIFIED[id], json.loads(certificate_text(CERTIFIED[id]))
        kinds = {part.kind for part in claim.certificate}
        listed = kinds == {"enumeration"} and claim.tier is Tier.PROVED
        assert content["reach_of_parts"].startswith("finitely many cases") == listed
        assert content["reach_of_parts"].startswith("a counterexample") == ("counterexample" in kinds)

    @pytest.mark.parametrize("id", [id for id, claim in CERTIFIED.items() if claim.expected is Verdict.CERTIFIED])
    def test_no_counterexample_to_what_is_certified(self, id: str) -> None:
        assert not [part for part in CERTIFIED[id].certificate if isinstance(part, Counterexample)]


class TestFolder:
    """What is damaged is named, with its place."""

    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        folder = tmp_path / "copy"
        some = ("estimators.scale", "estimators.shift", "estimators.sum-zero", "qae.accuracy")
        assert len(write_certificates([CLAIMS[id] for id in some], folder)) == 3
        assert run_check(folder).returncode == 0
        return folder

    def test_a_changed_byte(self, copy: Path) -> None:
        path = copy / "estimators.sum-zero.json"
        path.write_bytes(path.read_bytes().replace(b"Claims", b"claims").replace(b"1089", b"1088"))
        done = run_check(copy)
        assert done.returncode == 1
        assert "estimators.sum-zero.json: SyntaxError: its bytes are not those of the checksum" in done.stdout

    def test_a_missing_file_and_one_too_many(self, copy: Path) -> None:
        (copy / "estimators.scale.json").rename(copy / "estimators.other.json")
        done = run_check(copy)
        assert done.returncode == 1
        assert "estimators.scale.json: FileNotFoundError" in done.stdout
        assert "estimators.other.json: SyntaxError" in done.stdout

    def test_a_false_statement(self, copy: Path) -> None:
        """With a checksum that fits, the statement itself is refused, with the part and the case."""
        path = copy / "estimators.sum-zero.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["parts"][1]["statement"] = "sum(r) < 3"
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        index = json.loads((copy / "index.json").read_text(encoding="utf-8"))
        index["checksums"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (copy / "index.json").write_text(json.dumps(index), encoding="utf-8")
        done = run_check(copy)
        assert done.returncode == 1
        assert "estimators.sum-zero.json, part 2: SyntaxError: it is not confirmed at {'G': '3'" in done.stdout

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"verdict":', '"verdict": "refuted",\n  "verdict":'),
            ('"parts": [', '"parts": [],\n  "others": ['),
            ('"claim":', ' "claim":'),
        ],
        ids=["a name twice", "no parts", "another text for the same"],
    )
    def test_a_file_has_one_text(self, copy: Path, old: str, new: str) -> None:
        """Of two equal names JSON keeps the last, and readers see the first: only the text as it is written counts."""
        path = copy / "estimators.sum-zero.json"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        index = json.loads((copy / "index.json").read_text(encoding="utf-8"))
        index["checksums"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (copy / "index.json").write_text(json.dumps(index), encoding="utf-8")
        done = run_check(copy)
        assert done.returncode == 1
        assert "estimators.sum-zero.json: SyntaxError: it is not the one text for its parts" in done.stdout

    def test_no_folder_and_no_certificate(self, tmp_path: Path) -> None:
        shutil.copy(str(program.__file__), tmp_path / "check.py")
        assert run_check(tmp_path).returncode == 1
        assert run_check(tmp_path).stderr.startswith("index.json: FileNotFoundError")
        (tmp_path / "index.json").write_text('{"checksums": {')
        assert run_check(tmp_path).stderr.startswith("index.json: JSONDecodeError")
        (tmp_path / "index.json").write_text("{}")
        assert run_check(tmp_path).stderr.startswith("index.json: KeyError: 'checksums'")
        (tmp_path / "index.json").write_text('{"checksums": {}, "without": {}}')
        assert run_check(tmp_path).returncode == 1

    def test_writing_again_removes_what_is_no_longer_needed(self, copy: Path) -> None:
        some = [CLAIMS["estimators.shift"], CLAIMS["qae.accuracy"]]
        assert write_certificates(some, copy) == ("estimators.shift",)
        assert {path.name for path in copy.iterdir()} == {"check.py", "estimators.shift.json", "index.json"}
        assert json.loads((copy / "index.json").read_text())["without"] == {"qae.accuracy": "the claim is not checked"}
        assert run_check(copy).returncode == 0

    def test_a_folder_of_others_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        with pytest.raises(ValueError, match="folder must be empty, new, or a folder of certificates"):
            write_certificates(list(CLAIMS.values()), tmp_path)


class TestCommand:
    def test_it_writes_and_says_how_to_check(self, tmp_path: Path) -> None:
        folder = tmp_path / "certificates"
        done = CliRunner().invoke(main, ["verify", "--claim", "estimators.shift", "--certificates", str(folder)])
        assert done.exit_code == 0, done.output
        assert f"Certificates of 1 of 1 claims; to check them: python {folder}/check.py {folder}" in done.output
        assert run_check(folder).returncode == 0

    def test_a_folder_that_is_not_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        done = CliRunner().invoke(main, ["verify", "--claim", "estimators.shift", "--certificates", str(tmp_path)])
        assert done.exit_code == 2
        assert "folder must be" in done.output


class TestTies:
    @pytest.mark.parametrize(("part", "tie"), TIES)
    def test_code_and_certificate_agree(self, part: Part, tie: Tie) -> None:
        draw = random.Random(f"{tie.expression}")
        for _ in range(20):
            drawn = {name: drawn_between(draw, *ends) for name, ends in tie.draw.items()}
            expected = tie.function(**{name: x if isinstance(x, int) else float(x) for name, x in drawn.items()})
            exact = value(tie.expression, definitions(part) | drawn)
            exact = Fraction(exact.low, program.ONE) if isinstance(exact, program.Interval) else exact
            assert float(exact) == pytest.approx(expected, rel=tie.within, abs=1e-12), drawn


def definitions(part: Part) -> dict[str, Any]:
    """Its definitions, as check.py keeps them."""
    found = {}
    for form, body in part.where.items():
        name, _, arguments = form.rstrip(")").partition("(")
        found[name] = program.parsed(f"lambda {arguments}: {body}")
    return found


def drawn_between(draw: random.Random, low: int | str, high: int | str) -> int | Fraction:
    if isinstance(low, int) and isinstance(high, int):
        return draw.randint(low, high)
    return value(str(low)) + (value(str(high)) - value(str(low))) * Fraction(draw.randint(1, 99), 100)


def edits(part: Part, draw: random.Random) -> Iterator[dict[str, Any]]:
    """The part with one number, sign, operation or comparison changed, at random, without end."""
    swaps = {
        ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Lt: ast.Gt,
        ast.Gt: ast.Lt, ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.Lt, ast.And: ast.Or, ast.Or: ast.And,
    }  # fmt: skip
    plain = part.to_dict()
    places = [("statement",), *((field, name) for field in ("where", "cases", "at") for name in plain.get(field, ()))]
    places += [("over", name, end) for name in plain.get("over", ()) for end in (0, 1)]
    while True:
        changed = json.loads(json.dumps(plain))
        *way, last = draw.choice(places)
        inside = changed
        for step in way:
            inside = inside[step]
        tree = ast.parse(inside[last], mode="eval")
        node = draw.choice(list(ast.walk(tree)))
        if isinstance(node, ast.Constant):
            node.value = abs(node.value + draw.choice([-1, 1]))
        elif isinstance(node, ast.UnaryOp):
            node.op, node.operand = ast.USub(), ast.UnaryOp(ast.USub(), node.operand)
        elif isinstance(node, ast.Compare):
            node.ops = [swaps.get(type(sign), ast.Eq)() for sign in node.ops]
        elif isinstance(node, ast.BinOp | ast.BoolOp):
            node.op = swaps[type(node.op)]()
        else:
            continue
        inside[last] = ast.unparse(tree)
        yield changed


class Exact(ast.NodeTransformer):
    """Numbers as fractions, and definitions without arguments as calls, so that Python itself computes exactly."""

    def __init__(self, called: Collection[str]) -> None:
        self.called = called

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("Fraction", ast.Load()), [node], [])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Call(node, [], []) if node.id in self.called and isinstance(node.ctx, ast.Load) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.args = [self.visit(part) for part in node.args]
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        place = ast.Call(ast.Name("int", ast.Load()), [self.visit(node.slice)], [])
        return ast.Subscript(self.visit(node.value), place, ast.Load())


class Judge:
    """What Python's own evaluator says of a part, at some of its cases and points; it shares nothing with check.py."""

    def __init__(self, part: Mapping[str, Any], draw: random.Random) -> None:
        self.part, self.draw = part, draw
        self.called = [form for form in part.get("where", {}) if "(" not in form]
        self.names: dict[str, Any] = {
            "Fraction": Fraction, "int": int, "abs": abs, "len": lambda x: Fraction(len(x)), "all": all, "any": any,
            "sorted": sorted, "min": min, "max": max, "sum": sum, "floor": lambda x: Fraction(math.floor(x)),
            "ceil": lambda x: Fraction(math.ceil(x)), "product": math.prod, "sqrt": math.sqrt, "exp": math.exp,
            "log": math.log, "range": lambda *x: map(Fraction, range(*map(int, x))),
            "binomial": lambda n, k: Fraction(math.comb(int(n), int(k))),
            "factorial": lambda n: Fraction(math.factorial(int(n))),
            "tuples": lambda x, n: itertools.product(x, repeat=int(n)),
        }  # fmt: skip
        for form, body in part.get("where", {}).items():
            name, _, arguments = form.rstrip(")").partition("(")
            self.names[name] = self.value(f"lambda {arguments}: {body}")

    def value(self, text: str) -> Any:
        tree = ast.fix_missing_locations(Exact(self.called).visit(ast.parse(text, mode="eval")))
        return eval(compile(tree, text, "eval"), self.names)

    def cases(self, left: Sequence[tuple[str, str]]) -> Iterator[None]:
        if not left:
            if "only" not in self.part or self.value(self.part["only"]):
                yield
            return
        for value in list(self.value(left[0][1])):
            self.names[left[0][0]] = value
            yield from self.cases(left[1:])

    def is_false(self) -> bool:
        """Whether the part certainly states something false."""
        try:
            return any(
                self.fails() for _ in itertools.islice(self.cases(list(self.part.get("cases", {}).items())), 400)
            )
        except (ArithmeticError, ValueError, TypeError, IndexError):
            return False  # it states nothing

    def fails(self) -> bool:
        kind = self.part["kind"]
        for name, text in self.part.get("at", {}).items():
            self.names[name] = self.value(text)
        if kind in ("enumeration", "counterexample"):
            return bool(self.value(self.part["statement"])) is not (kind == "enumeration")
        ends = {name: (self.value(a), self.value(b)) for name, (a, b) in self.part.get("over", {}).items()}
        for name in self.part.get("variables", ()):
            ends[name] = (Fraction(0), Fraction(1))
        for _ in range(10):
            for name, (low, high) in ends.items():
                self.names[name] = low + (high - low) * Fraction(self.draw.randint(1, 999), 1000)
            try:
                if not self.value(self.part["statement"]):
                    return True
            except ZeroDivisionError:
                continue
        return False


class TestMutations:
    @pytest.mark.share(0.2)
    @pytest.mark.parametrize("part", PARTS)
    def test_the_judge_agrees_with_what_is_written(self, part: Part) -> None:
        assert not Judge(part.to_dict(), random.Random(0)).is_false()

    @pytest.mark.share(0.1)
    @pytest.mark.parametrize("part", PARTS)
    def test_no_edit_that_makes_it_false_is_confirmed(self, part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every edit is refused, or states something that Python itself finds true."""
        monkeypatch.setattr(program, "BOXES", 2000)
        draw = random.Random(part.says)
        for changed in itertools.islice(edits(part, draw), 6):
            try:
                program.check(changed)
            except Exception:
                continue
            assert not Judge(changed, draw).is_false(), changed

    @pytest.mark.share(0.2)
    @pytest.mark.parametrize("part", PARTS)
    def test_the_opposite_is_refused(self, part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(program, "BOXES", 200)
        plain = part.to_dict()
        with pytest.raises((SyntaxError, ArithmeticError)):
            program.check(plain | {"statement": f"not ({plain['statement']})"})
