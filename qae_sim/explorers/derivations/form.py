"""What a derivation is: formulas of one source, which are shown as MathML and tested as numbers."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Callable, Iterator, Mapping
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


@dataclass(frozen=True)
class _Ink:
    """How the pieces of a formula are written; what stands inside a piece comes in the place of ``%s``."""

    symbol: Callable[[str, str], str]  # of its name and its LaTeX
    number: str
    minus: str
    over: str
    power: str
    plus: str
    less: str
    times: str
    dot: str
    root: str
    absolute: str
    function: str
    applied: str
    called: str
    comma: str
    row: str


_MATHML = _Ink(
    symbol=lambda name, latex: f'<mrow data-symbol="{name}">{set_symbol(latex)}</mrow>',
    number="<mn>%s</mn>",
    minus="<mrow><mo>−</mo>%s</mrow>",
    over="<mfrac>%s%s</mfrac>",
    power="<msup>%s%s</msup>",
    plus="%s<mo>+</mo>%s",
    less="%s<mo>−</mo>%s",
    times="%s<mo>&#x2062;</mo>%s",  # not seen
    dot="%s<mo>·</mo>%s",
    root="<msqrt>%s</msqrt>",
    absolute="<mrow><mo>|</mo>%s<mo>|</mo></mrow>",
    function="<mi>%s</mi>",
    applied="<mrow>%s%s</mrow>",
    called="<mrow>%s<mo>%s</mo>%s<mo>%s</mo></mrow>",
    comma="<mo>,</mo>",
    row="<mrow>%s</mrow>",
)

_LATEX = _Ink(
    symbol=lambda name, latex: latex,
    number="%s",
    minus="-%s",
    over=r"\frac{%s}{%s}",
    power="{%s}^{%s}",
    plus="%s+%s",
    less="%s-%s",
    times=r"%s\,%s",
    dot=r"%s\cdot %s",
    root=r"\sqrt{%s}",
    absolute=r"\left|%s\right|",
    function=r"\%s",
    applied=r"%s\,%s",
    called=r"%s\left%s%s\right%s",
    comma=",\\,",
    row="%s",
)


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
    for sign, side in _sides(formula):
        relation = f'<mo form="infix">{html.escape(sign)}</mo>' if sign else ""
        sides.append(f'<math displaystyle="true"><mrow>{relation}{_set(side, symbols, _MATHML)[0]}</mrow></math>')
    return " ".join(sides)


def latex_formula(formula: str, symbols: Mapping[str, Symbol]) -> tuple[str, ...]:
    r"""Write a formula for paper.

    Args:
        formula: The formula.
        symbols: What its names stand for.

    Returns:
        LaTeX of each side, with the sign in front of it: between them a line may be broken.

    Example:
        >>> latex_formula("p == a / b", {"p": Symbol("p", "a"), "a": Symbol("a", "b"), "b": Symbol(r"\beta", "c")})
        ('p', '= \\frac{a}{\\beta}')
    """
    signs = {"≠": r"\neq ", "≤": r"\leq ", "≥": r"\geq ", "⟺": r"\Leftrightarrow "}
    return tuple(
        f"{signs.get(sign, sign + ' ' if sign else '')}{_set(side, symbols, _LATEX)[0]}"
        for sign, side in _sides(formula)
    )


def _sides(formula: str) -> Iterator[tuple[str, ast.expr]]:
    """Take a formula apart: its sides, each with the sign in front of it."""
    for i, statement in enumerate(_statements(formula)):
        signs = ["⟺" if i else "", *(_RELATIONS[type(op)][0] for op in statement.ops)]
        yield from zip(signs, (statement.left, *statement.comparators), strict=True)


def _set(node: ast.expr, symbols: Mapping[str, Symbol], ink: _Ink) -> tuple[str, int]:
    """Set an expression; and how tightly it holds together."""

    def row(inner: ast.expr) -> str:
        return ink.row % _set(inner, symbols, ink)[0]

    def inside(inner: ast.expr, binds: int) -> str:
        """Set an expression in brackets if it holds together less tightly."""
        made, own = _set(inner, symbols, ink)
        return made if own >= binds else ink.called % ("", "(", made, ")")

    match node:
        case ast.Constant(value=int() | float() as value):
            return ink.number % f"{value:g}", _ATOM
        case ast.Name(id=name):
            return ink.symbol(name, symbols[name].latex), _ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return ink.minus % inside(operand, _PREFIX), _SUM
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return ink.over % (row(left), row(right)), _PRODUCT
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return ink.power % (inside(left, _ATOM), row(right)), _POWER
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return ink.plus % (inside(left, _SUM), inside(right, _SUM)), _SUM
        case ast.BinOp(op=ast.Sub(), left=left, right=right):
            return ink.less % (inside(left, _SUM), inside(right, _PREFIX)), _SUM
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            sign = ink.dot if isinstance(right, ast.Constant) else ink.times
            made = sign % (inside(left, _PRODUCT), inside(right, _PREFIX))
            return made, min(_PRODUCT, _set(right, symbols, ink)[1] or _PRODUCT)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return ink.root % row(argument), _ATOM
        case ast.Call(func=ast.Name(id="abs"), args=[argument]):
            return ink.absolute % _set(argument, symbols, ink)[0], _ATOM
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name not in FUNCTIONS and not symbols[name].brackets:
            return ink.applied % (_set(node.func, symbols, ink)[0], inside(argument, _PREFIX)), _PREFIX
        case ast.Call(func=ast.Name(id=name), args=arguments):
            known = name in FUNCTIONS
            head = ink.function % name if known else _set(node.func, symbols, ink)[0]
            left_one, right_one = tuple("()" if known else symbols[name].brackets)
            inner = ink.comma.join(_set(argument, symbols, ink)[0] for argument in arguments)
            return ink.called % (head, left_one, inner, right_one), _ATOM
    raise invalid("formula", ast.unparse(node), "numbers, symbols, + - * / **, and functions")


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
