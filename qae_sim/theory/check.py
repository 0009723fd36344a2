"""Check the certificates of claims with Python's standard library alone: ``python check.py FOLDER``.

A certificate is a list of parts. Each has a statement in Python's syntax, which is read here and never run: numbers,
names, + - * / **, comparisons, and, or, not, x if c else y, lists, for-expressions, and FUNCTIONS. Numbers are exact
fractions; roots, logarithms and exponentials are intervals around them. "where" defines names such as "b" and functions
such as "f(x, n)". "cases" are what it is checked for, "only" those that satisfy a condition; "count" is their number.
Kinds: "enumeration", true in every case; "counterexample", the claim's statement or what follows from it, false "at"
these values; "identity", of rational functions of "variables", wherever no denominator is 0; "sign", true "over" all of
an open interval, by Bernstein coefficients; "box", true "over" closed intervals, by interval arithmetic and bisection.
"""

import ast
import hashlib
import json
import operator
import sys
from dataclasses import make_dataclass
from fractions import Fraction
from functools import cache, cmp_to_key, partial, reduce
from itertools import pairwise, product
from math import ceil, comb, factorial, floor, isqrt, log
from pathlib import Path
from typing import Any

# fmt: off
BITS, ONE, NEAR, BOXES, HALVINGS = 256, 1 << 256, 1 << 128, 50_000, 60
Interval: Any = make_dataclass("Interval", ["low", "high"], eq=False, namespace={"__bool__": None})  # times 2^BITS
Quotient: Any = make_dataclass("Quotient", ["above", "below"], eq=False, namespace={"__bool__": None})  # {powers: a}
WIDE = (Interval, Quotient)  # all numbers between, rounded outward; of polynomials: no lists, and no truth values
KINDS = {"enumeration": "", "counterexample": "at", "identity": "variables", "sign": "over", "box": "over"}
parsed = cache(lambda text: ast.parse(text, mode="eval").body)

def _demand(good: Any, what: str) -> None:
    if not good:
        raise SyntaxError(what)

def _lifted(x: Any, like: Any) -> Any:
    if isinstance(like, Interval) and not isinstance(x, WIDE):
        return Interval(floor(x * ONE), ceil(x * ONE))
    if isinstance(like, Quotient) and not isinstance(x, Quotient):
        one = dict.fromkeys([(0,) * len(next(iter(like.below)))], 1)
        return Quotient({key: x for key in one if x != 0}, one)
    return x

def _add(x: Any, y: Any) -> Any:
    x, y = _lifted(x, y), _lifted(y, x)
    if isinstance(x, Interval):
        return Interval(x.low + y.low, x.high + y.high)
    if isinstance(x, dict):
        return {key: a for key in x.keys() | y.keys() if (a := _add(x.get(key, 0), y.get(key, 0))) != 0}
    if not isinstance(x, Quotient):
        return x + y
    if x.below == y.below:
        return Quotient(_add(x.above, y.above), x.below)
    return Quotient(_add(_times(x.above, y.below), _times(y.above, x.below)), _times(x.below, y.below))

def _times(x: Any, y: Any) -> Any:
    x, y = _lifted(x, y), _lifted(y, x)
    if isinstance(x, Interval):
        ends = [a * b for a in (x.low, x.high) for b in (y.low, y.high)]
        return Interval(min(ends) >> BITS, -(-max(ends) >> BITS))
    if isinstance(x, Quotient):
        return Quotient(_times(x.above, y.above), _times(x.below, y.below))
    if not isinstance(x, dict):
        return x * y
    found: dict[Any, Any] = {}
    for (i, a), (j, b) in product(x.items(), y.items()):
        key = tuple(map(operator.add, i, j))
        found[key] = _add(found.get(key, 0), _times(a, b))
    return {key: a for key, a in found.items() if a != 0}

def _power(x: Any, n: Any) -> Any:
    if (n := operator.index(n if n.denominator > 1 else n.numerator)) == 0:  # an error if n is not whole
        return _add(1, _times(0, x))
    if n > 0:
        return reduce(_times, [x] * n) if isinstance(x, WIDE) else x**n
    if isinstance(x, Interval) and not x.low <= 0 <= x.high:
        return _power(Interval(ONE * ONE // x.high, -(-ONE * ONE // x.low)), -n)
    if isinstance(x, Quotient) and x.above and (len(next(iter(x.above))) > 1 or _compared(ast.NotEq, x, 0)):
        return _power(Quotient(x.below, x.above), -n)
    return Fraction(1) / (0 if isinstance(x, WIDE) else x**-n)

def _rising(at: Any, x: Any) -> Any:
    return Interval(at(_lifted(x, Interval(0, 0)).low)[0], at(_lifted(x, Interval(0, 0)).high)[1])

def _exp(x: int) -> tuple[int, int]:
    if x < 0:
        return ONE * ONE // _exp(-x)[1], -(-ONE * ONE // _exp(-x)[0])
    halvings = max(0, x.bit_length() - BITS + 1)
    low, high, r = 0, 2 * ONE, x >> halvings  # r <= 1/2: what is left out is less than twice its first term
    for k in range(BITS // 3, 0, -1):
        low, high = ONE + low * r // (k * ONE), ONE + high * (r + 1) // (k * ONE) + 1
    for _ in range(halvings):
        low, high = low * low >> BITS, (high * high >> BITS) + 1
    return low, high

def _log(x: int) -> tuple[int, int]:
    y = int(log(x / ONE) * ONE)  # a guess, made better by Halley's method; exponentials prove it
    y += 2 * ONE * (x - _exp(y)[0]) // (x + _exp(y)[0])
    if _exp(y - NEAR)[1] > x or _exp(y + NEAR)[0] < x:
        raise ArithmeticError("the logarithm of so small or large a number is not known")
    return y - NEAR, y + NEAR

def _positive(b: Any, halvings: int = HALVINGS) -> bool:  # in (0, 1): Bernstein coefficients are, or of both halves
    if isinstance(b, dict):
        n = max(b, default=(0,))[0]
        b = [[_times(Fraction(comb(k, i), comb(n, i)), b.get((i,), 0)) for i in range(k + 1)] for k in range(n + 1)]
        b = [reduce(_add, terms) for terms in b]
    low = [x.low if isinstance(x, Interval) else x for x in b]
    if min(low) >= 0 and max(low) > 0:
        return True
    left, right, row = [b[0]], [b[-1]], b
    while len(row) > 1:
        row = [_times(_add(x, y), Fraction(1, 2)) for x, y in pairwise(row)]
        left, right = [*left, row[0]], [row[-1], *right]
    return halvings > 0 and _compared(ast.Gt, row[0], 0) and all(_positive(x, halvings - 1) for x in (left, right))

def _compared(sign: type, x: Any, y: Any) -> bool:
    _demand(sign in OPERATIONS, f"{sign.__name__} is not part of the language")
    if isinstance(x, int | Fraction) and isinstance(y, int | Fraction):
        return bool(OPERATIONS[sign](x, y))
    gap, equal = _add(x, _times(-1, y)), sign in (ast.Eq, ast.NotEq)
    gap, strict = _times(-1, gap) if sign in (ast.Lt, ast.LtE) else gap, sign in (ast.Lt, ast.Gt)
    if isinstance(gap, Quotient):
        f = _times(gap.above, gap.below)  # has the sign of the quotient
        if not f or _positive(f) or (equal and _positive(_times(-1, gap).above)):
            return bool(f) if sign is ast.NotEq or strict else not f or not equal
    elif equal and (gap.low > 0 or gap.high < 0):
        return sign is ast.NotEq
    elif not equal and not gap.low < strict <= gap.high:  # ends are whole: more than 0 is at least 1
        return bool(gap.low >= strict)
    raise ArithmeticError("a comparison is not known to be true, nor to be false, everywhere")

def _ordered(*x: Any) -> Any:
    return tuple(sorted(x[0] if len(x) == 1 else x, key=cmp_to_key(lambda x, y: 1 - 2 * _compared(ast.Lt, x, y))))

OPERATIONS: dict[type, Any] = {
    ast.Add: _add, ast.Sub: lambda x, y: _add(x, _times(-1, y)), ast.Mult: _times, ast.Pow: _power, ast.And: all,
    ast.Div: lambda x, y: _times(x, _power(y, -1)), ast.USub: lambda x: _times(-1, x), ast.Not: operator.not_,
    ast.Or: any, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge}
FUNCTIONS: dict[str, Any] = {
    "min": lambda *x: _ordered(*x)[0], "max": lambda *x: _ordered(*x)[-1], "sorted": _ordered, "len": len, "all": all,
    "abs": lambda x: _ordered(x, _times(-1, x))[1], "sum": lambda x: reduce(_add, x, 0), "any": any, "range": range,
    "product": lambda x: reduce(_times, x, 1), "tuples": lambda x, n: tuple(product(x, repeat=n)), "floor": floor,
    "ceil": ceil, "binomial": comb, "factorial": factorial, "exp": partial(_rising, _exp),
    "log": partial(_rising, _log), "sqrt": partial(_rising, lambda x: (isqrt(x << BITS), isqrt(x << BITS) + 1))}

def _value(node: Any, names: dict[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int(x)) if type(x) is int:
            return x
        case ast.Name(id=x) if x in names and not (isinstance(names[x], ast.Lambda) and names[x].args.args):
            return _value(names[x].body, names[""] | {"": names[""]}) if isinstance(names[x], ast.Lambda) else names[x]
        case ast.UnaryOp(op=sign, operand=x) if type(sign) in OPERATIONS:
            return OPERATIONS[type(sign)](_value(x, names))
        case ast.BinOp(left=x, op=sign, right=y) if type(sign) in OPERATIONS:
            return OPERATIONS[type(sign)](_value(x, names), _value(y, names))
        case ast.BoolOp(op=sign, values=parts):
            return OPERATIONS[type(sign)](_value(x, names) for x in parts)
        case ast.Compare(left=x, ops=signs, comparators=rest):
            row = [_value(y, names) for y in (x, *rest)]
            return all(_compared(type(sign), x, y) for sign, x, y in zip(signs, row, row[1:], strict=False))
        case ast.IfExp(test=test, body=x, orelse=y):
            return _value(x if _value(test, names) else y, names)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return tuple(_value(x, names) for x in parts)
        case ast.Subscript(value=row, slice=place):
            return _value(row, names)[_value(place, names)]
        case ast.GeneratorExp(elt=x, generators=[loop]) | ast.ListComp(elt=x, generators=[loop]):
            inner = (names | {ast.unparse(loop.target): item} for item in _value(loop.iter, names))
            return tuple(_value(x, these) for these in inner if all(_value(test, these) for test in loop.ifs))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(x, names) for x in parts))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in names:
            given = {place.arg: _value(x, names) for place, x in zip(names[name].args.args, parts, strict=True)}
            return _value(names[name].body, names[""] | given | {"": names[""]})
    raise SyntaxError(f"{ast.unparse(node)} is not part of the language, or not defined")

def _worth(text: str, names: dict[str, Any]) -> Any:
    return _value(parsed(text), names | {"": names})  # definitions see "" alone, not what surrounds their use

def _confirmed(part: dict[str, Any], case: dict[str, Any]) -> bool:
    statement, kind = part["statement"], part["kind"]
    over = {name: [_worth(end, case) for end in ends] for name, ends in part.get("over", {}).items()}
    _demand(all(low < high for low, high in over.values()), "a range has a lower and a higher end, in this order")
    if kind in ("enumeration", "counterexample"):
        return _worth(statement, case) is (kind == "enumeration")
    if kind in ("sign", "identity"):
        ends = over if kind == "sign" else {name: [0, 1] for name in [*part["variables"], ""]}  # "": no inequalities
        wide = {x: Quotient({tuple(int(x == y) for y in ends): 1}, {(0,) * len(ends): 1}) for x in ends}
        wide = {name: _add(low, _times(high - low, wide[name])) for name, (low, high) in ends.items()}
        return _worth(statement, case | wide) is True
    boxes, left = [over], BOXES
    while kind == "box" and boxes and (left := left - 1):
        box = boxes.pop()
        try:
            filled = {name: Interval(floor(low * ONE), ceil(high * ONE)) for name, (low, high) in box.items()}
            if _worth(statement, case | filled) is not True:
                return False
        except (ArithmeticError, ValueError):
            name = max(box, key=lambda name: (box[name][1] - box[name][0]) / Fraction(over[name][1] - over[name][0]))
            middle = sum(box[name]) / Fraction(2)
            boxes += [box | {name: [box[name][0], middle]}, box | {name: [middle, box[name][1]]}]
    return not boxes

def check(part: dict[str, Any]) -> None:
    """Check one part; an exception if it is not confirmed."""
    fields = ["kind", "says", "statement", "where", "cases", "only", "count", KINDS[part["kind"]]]
    _demand(part.keys() <= {*fields}, f"a part of this kind has nothing but {fields}")
    cases: list[dict[str, Any]] = [{}]
    names = [ast.unparse(parsed(name)) for field in ("cases", fields[-1]) for name in part.get(field, ())]
    for form, body in part.get("where", {}).items():
        name, _, given = form.rstrip(")").partition("(")
        names, cases[0][name] = [*names, ast.unparse(parsed(name))], parsed(f"lambda {given}: {body}")
        _demand(ast.unparse(cases[0][name].args) == given, f"{form} is not the form of a definition")
    _demand(len({*names, *FUNCTIONS}) == len([*names, *FUNCTIONS]), f"a name has two meanings: {names}")
    for name, text in part.get("cases", {}).items():
        cases = [case | {name: x} for case in cases for x in _worth(text, case)]
    cases = [case for case in cases if "only" not in part or _worth(part["only"], case)]
    _demand(len(cases) == part.get("count", 1) > 0, f"it has {len(cases)} cases, not {part.get('count', 1)}")
    for case in cases:
        case |= {name: _worth(text, case) for name, text in part.get("at", {}).items()}
        if not _confirmed(part, case):
            place = {name: str(x) for name, x in case.items() if not isinstance(x, ast.Lambda)}
            raise SyntaxError(f"it is not confirmed at {place}")

def _main(folder: Path) -> int:
    index, refused = json.loads((folder / "index.json").read_text("utf-8")), 0
    names = sorted(set(index["checksums"]) | {path.name for path in folder.glob("*.json")} - {"index.json"})
    for name, place in zip(names, names, strict=True):
        try:
            checksum = hashlib.sha256(content := (folder / name).read_bytes()).hexdigest()
            _demand(checksum == index["checksums"].get(name), "its bytes are not those of the checksum in index.json")
            found = json.loads(content)
            text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
            _demand(text.encode() == content and found["parts"], "it is not the one text for its parts, or has none")
            for number, part in enumerate(found["parts"], 1):
                place = f"{name}, part {number}"
                check(part)
        except Exception as error:
            refused += 1
            print(f"{place}: {type(error).__name__}: {error}")
    print(f"{len(names)} certificates, {refused} refused; {len(index['without'])} claims without one")
    return 1 if refused or not names else 0
if __name__ == "__main__":
    try:
        raise SystemExit(_main(Path(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
    except (OSError, ValueError, LookupError) as error:
        raise SystemExit(f"index.json: {type(error).__name__}: {error}") from None
