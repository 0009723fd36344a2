"""What a derivation is: formulas of one source, which are shown as MathML and tested as numbers."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from qae_sim.arrays import invalid

#: Functions that every formula knows, with what they do to numbers.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"sqrt": np.sqrt, "log": np.log, "exp": np.exp, "abs": np.abs}

_RELATIONS: Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Eq: ("=", lambda one, other: bool(np.allclose(one, other, rtol=1e-9, atol=1e-11))),
    ast.NotEq: ("≠", lambda one, other: not np.allclose(one, other, rtol=1e-9, atol=1e-11)),
    ast.LtE: ("≤", lambda one, other: bool(np.all(np.asarray(one) <= np.asarray(other) + 1e-11))),
    ast.GtE: ("≥", lambda one, other: bool(np.all(np.asarray(one) >= np.asarray(other) - 1e-11))),
    ast.Lt: ("<", lambda one, other: bool(np.all(np.asarray(one) < np.asarray(other)))),
    ast.Gt: (">", lambda one, other: bool(np.all(np.asarray(one) > np.asarray(other)))),
}


@dataclass(frozen=True)
class Symbol:
    """A letter of a derivation, or an operator such as a sum.

    Attributes:
        latex: How it is set.
        says: What it is, as words that go on after "is": ``"the success rate: the share of correct responses"``.
        brackets: Around what an operator is applied to; ``""`` for a sum, whose argument gets some only if it is a sum.
    """

    latex: str
    says: str
    brackets: str = "()"


@dataclass(frozen=True)
class DerivedLine:
    """A line.

    Attributes:
        formula: What it says, in Python's words: relations such as ``"A == (1 - p) / sigma == sqrt((1 - p) / p)"``, or
            several that hold at the same time, ``"b == 0 iff p <= 1 - K"``. Names are those of the symbols;
            ``sqrt``, ``log``, ``exp`` and ``abs`` are known.
        why: Why it holds, one sentence.
    """

    formula: str
    why: str


@dataclass(frozen=True)
class Derivation:
    """Lines that lead from what is known to what is wanted.

    Attributes:
        title: What is derived.
        symbols: What stands in its formulas, by name.
        steps: The lines.
        result: What it comes to in one line, for those who do not have the time.
        point: Draws values for all symbols, by name: numbers, arrays, and functions for operators. What a line claims
            has to come out there, so values come from the package or from the definition, not from the line itself.

    Raises:
        ValueError: A formula is not one, it uses a name that is no symbol, or a symbol is used nowhere.

    Example:
        >>> line = DerivedLine("a + b == b + a", "Numbers may be added in any order.")
        >>> letters = {"a": Symbol("a", "a number"), "b": Symbol("b", "another")}
        >>> derivation = Derivation("Order", letters, (line,), line, lambda rng: {"a": rng.random(), "b": rng.random()})
        >>> holds(line.formula, derivation.point(np.random.default_rng(0)))
        True
    """

    title: str
    symbols: Mapping[str, Symbol]
    steps: tuple[DerivedLine, ...]
    result: DerivedLine
    point: Callable[[np.random.Generator], Mapping[str, Any]] = field(repr=False)

    def __post_init__(self) -> None:
        used = {name for step in (*self.steps, self.result) for name in names(step.formula)}
        if used != set(self.symbols):
            raise invalid("symbols", ", ".join(self.symbols), f"those of the formulas: {', '.join(sorted(used))}")

    @property
    def new(self) -> tuple[tuple[str, ...], ...]:
        """Symbols that each line uses first."""
        seen: set[str] = set()
        found = []
        for step in self.steps:
            here = [name for name in names(step.formula) if name not in seen]
            seen.update(here)
            found.append(tuple(here))
        return tuple(found)


def _statements(formula: str) -> tuple[ast.Compare, ...]:
    """Read a formula: relations that hold at the same time."""
    found = []
    for part in formula.split(" iff "):
        try:
            tree = ast.parse(part.strip(), mode="eval").body
        except SyntaxError as error:
            raise invalid("formula", formula, "relations in Python's words") from error
        if not isinstance(tree, ast.Compare):
            raise invalid("formula", formula, "relations such as 'a == b' or 'a <= b'")
        found.append(tree)
    return tuple(found)


def names(formula: str) -> tuple[str, ...]:
    """Find the symbols of a formula.

    Args:
        formula: The formula.

    Returns:
        Their names, in the order of the formula.

    Raises:
        ValueError: It is no formula.

    Example:
        >>> names("A == sqrt(x / y) * x")
        ('A', 'x', 'y')
    """
    _statements(formula)
    words = re.findall(r"[A-Za-z_]\w*", formula)
    return tuple(dict.fromkeys(word for word in words if word not in FUNCTIONS and word != "iff"))


def truths(formula: str, values: Mapping[str, Any]) -> tuple[bool, ...]:
    """Say of each statement of a formula whether it is true.

    Args:
        formula: One statement, or several with ``iff`` between them.
        values: Values of its symbols.

    Returns:
        One answer for each statement.

    Example:
        >>> truths("x == 0 iff x * x <= 0", {"x": 2.0})
        (False, False)
    """
    known = {**FUNCTIONS, **values}

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "formula", "eval"), {"__builtins__": {}}, known)

    found = []
    for statement in _statements(formula):
        sides = [value(side) for side in (statement.left, *statement.comparators)]
        pairs = zip(statement.ops, sides, sides[1:], strict=False)
        found.append(all(_RELATIONS[type(op)][1](one, other) for op, one, other in pairs))
    return tuple(found)


def holds(formula: str, values: Mapping[str, Any]) -> bool:
    """Say whether a line holds: its one statement is true, or of several all are or none is.

    Args:
        formula: The line.
        values: Values of its symbols.

    Returns:
        Whether it holds, to nine digits.

    Example:
        >>> holds("x * x == 4", {"x": 2.0}), holds("x == 0 iff x >= 0", {"x": 2.0})
        (True, False)
    """
    found = truths(formula, values)
    return found[0] if len(found) == 1 else len(set(found)) == 1


# --- how a formula is set ---------------------------------------------------------------------------------------------

# How tightly an expression holds together; a prefix is an operator without brackets, such as a sum.
_SUM, _PREFIX, _PRODUCT, _POWER, _ATOM = range(5)


@cache
def set_symbol(latex: str) -> str:
    """Set a symbol.

    Args:
        latex: The symbol.

    Returns:
        MathML, without the element around it.

    Example:
        >>> set_symbol("p")
        '<mrow><mi>p</mi></mrow>'
    """
    from latex2mathml.converter import convert

    found = re.fullmatch(r"<math[^>]*>(.*)</math>", convert(latex), flags=re.DOTALL)
    assert found is not None
    return found[1]


def set_formula(formula: str, symbols: Mapping[str, Symbol]) -> str:
    """Set a formula, its symbols marked with their names.

    Args:
        formula: The formula.
        symbols: What its names stand for.

    Returns:
        MathML, an element for each side: between them a line may be broken.

    Example:
        >>> print(set_formula("a <= 2", {"a": Symbol("a", "a number")}).replace("> <", ">|<").replace("|", chr(10)))
        <math displaystyle="true"><mrow><mrow data-symbol="a"><mrow><mi>a</mi></mrow></mrow></mrow></math>
        <math displaystyle="true"><mrow><mo form="infix">≤</mo><mn>2</mn></mrow></math>
    """
    sides = []
    for i, statement in enumerate(_statements(formula)):
        signs = ["⟺" if i else "", *(_RELATIONS[type(op)][0] for op in statement.ops)]
        for sign, side in zip(signs, (statement.left, *statement.comparators), strict=True):
            relation = f'<mo form="infix">{html.escape(sign)}</mo>' if sign else ""
            sides.append(f'<math displaystyle="true"><mrow>{relation}{_set(side, symbols)[0]}</mrow></math>')
    return " ".join(sides)


def _set(node: ast.expr, symbols: Mapping[str, Symbol]) -> tuple[str, int]:
    """Set an expression; and how tightly it holds together."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return f"<mn>{value:g}</mn>", _ATOM
        case ast.Name(id=name):
            return f'<mrow data-symbol="{name}">{set_symbol(symbols[name].latex)}</mrow>', _ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"<mrow><mo>−</mo>{_inside(operand, _PREFIX, symbols)}</mrow>", _SUM
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return f"<mfrac>{_row(left, symbols)}{_row(right, symbols)}</mfrac>", _PRODUCT
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return f"<msup>{_inside(left, _ATOM, symbols)}{_row(right, symbols)}</msup>", _POWER
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return f"{_inside(left, _SUM, symbols)}<mo>+</mo>{_inside(right, _SUM, symbols)}", _SUM
        case ast.BinOp(op=ast.Sub(), left=left, right=right):
            return f"{_inside(left, _SUM, symbols)}<mo>−</mo>{_inside(right, _PREFIX, symbols)}", _SUM
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            sign = "·" if isinstance(right, ast.Constant) else "&#x2062;"  # the other one is not seen
            made = f"{_inside(left, _PRODUCT, symbols)}<mo>{sign}</mo>{_inside(right, _PREFIX, symbols)}"
            return made, min(_PRODUCT, _set(right, symbols)[1] or _PRODUCT)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return f"<msqrt>{_row(argument, symbols)}</msqrt>", _ATOM
        case ast.Call(func=ast.Name(id="abs"), args=[argument]):
            return f"<mrow><mo>|</mo>{_set(argument, symbols)[0]}<mo>|</mo></mrow>", _ATOM
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name not in FUNCTIONS and not symbols[name].brackets:
            return f"<mrow>{_set(node.func, symbols)[0]}{_inside(argument, _PREFIX, symbols)}</mrow>", _PREFIX
        case ast.Call(func=ast.Name(id=name), args=arguments):
            known = name in FUNCTIONS
            head = f"<mi>{name}</mi>" if known else _set(node.func, symbols)[0]
            left_one, right_one = tuple("()" if known else symbols[name].brackets)
            inner = "<mo>,</mo>".join(_set(argument, symbols)[0] for argument in arguments)
            return f"<mrow>{head}<mo>{left_one}</mo>{inner}<mo>{right_one}</mo></mrow>", _ATOM
    raise invalid("formula", ast.unparse(node), "numbers, symbols, + - * / **, and functions")


def _row(node: ast.expr, symbols: Mapping[str, Symbol]) -> str:
    """Set an expression as one element."""
    return f"<mrow>{_set(node, symbols)[0]}</mrow>"


def _inside(node: ast.expr, binds: int, symbols: Mapping[str, Symbol]) -> str:
    """Set an expression inside another one, in brackets if it holds together less tightly."""
    made, own = _set(node, symbols)
    return made if own >= binds else f"<mrow><mo>(</mo>{made}<mo>)</mo></mrow>"


def spoken(formula: str) -> str:
    """Write a formula as text, for viewers that set none.

    Args:
        formula: The formula.

    Returns:
        One line.

    Example:
        >>> spoken("b == 0 iff p <= 1 - K")
        'b = 0 ⟺ p ≤ 1 - K'
    """
    for code, sign in ((" iff ", " ⟺ "), ("==", "="), ("!=", "≠"), ("<=", "≤"), (">=", "≥"), ("**", "^")):
        formula = formula.replace(code, sign)
    return formula
