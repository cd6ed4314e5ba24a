"""The whitelist walk: a Python syntax tree in, a SymPy expression out, every node checked before it is built.

The walk carries, next to the expression, its float values where all symbols are 1/16, 1/4, …, and its polynomial
degree: hostile input is cheap to refuse before SymPy builds it, and the reason given is a value that it really takes.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr, Rational, S, Symbol

from symsched import symbols as letters
from symsched.errors import InputError
from symsched.parsing.text import MAX_EXPRESSION, did_you_mean, quoted, syntax_tree
from symsched.parsing.whitelist import ALIASES, CLASSES, FUNCTIONS, GROWING, REFUSED, ROUGH, ROUGH_CLASSES

MAX_NODES = 400
MAX_READINGS = 6
MAX_BITS = 256
MAX_SIZE = 1e60
MAX_EXPONENT = 100
MAX_GROWTH = 600.0
#: Numerator and common denominator of the powers of one base, of which computer algebra makes polynomials.
MAX_FINENESS = 25_000
PLACES = (1 / 16, 1 / 4, 1 / 2, 3 / 4, 15 / 16)
DECLARE = "a letter of your own is declared in the text of a schedule, such as"
CONSTANTS: dict[str, Expr] = {"pi": sympy.pi, "E": S.Exp1, "e": S.Exp1}

Twin = Callable[..., float]
_NUMBER = re.compile(r"(\d[\d_]*)?\.?(\d[\d_]*)?([eE][+-]?\d{1,3})?")


def parse_expression(text: str, symbols: Mapping[str, Expr] | None = None, rough: bool = False) -> Expr:
    """The SymPy expression that `text` writes down, in the given symbols (by default t alone).

    Integers and decimals are exact (0.1 is 1/10); `^` and `**` are powers; pi, E and e are the constants; the
    functions are those of `FUNCTIONS`, and those of `ROUGH` if asked for.  Printing and parsing again gives the
    same expression.

    Raises InputError for unknown names, anything that is not whitelisted, text or numbers beyond the limits,
    and expressions that are not real or not defined.
    """
    tree, source = syntax_tree(text, MAX_EXPRESSION)
    return Walker(text, source, {"t": letters.t} if symbols is None else symbols, rough).expression(tree)


@dataclass(frozen=True)
class Node:
    """An expression, whether it is a number, its values at `PLACES` (nan where it has none), and its degree."""

    expr: Expr
    number: bool
    values: tuple[float, ...]
    degree: float = 0.0

    @property
    def value(self) -> float:
        """Of a number."""
        return self.values[0]


class Walker:
    """Turns one syntax tree into an expression; refuses with the text it came from."""

    def __init__(self, text: str, source: str, symbols: Mapping[str, Expr], rough: bool = False) -> None:
        self.text, self.source, self.symbols, self.rough = text, source, symbols, rough
        self.functions = FUNCTIONS | ROUGH if rough else FUNCTIONS
        self.nodes = 0

    def refuse(self, wrong: str) -> InputError:
        return InputError(f"cannot read {quoted(self.text)}: {wrong}")

    def expression(self, tree: ast.expr) -> Expr:
        """The expression of the whole tree, in the form that printing and reading again leaves alone.

        SymPy prints 1/(2*(1 - t)) for half of 1/(1 - t), and reads it as 1/(2 - 2*t): so read until it stays.
        """
        expr = self.checked(self.node(tree).expr)
        for _ in range(MAX_READINGS):
            again = self.again(str(expr))
            if again == expr:
                return expr
            expr = again
        raise self.refuse("it has no stable printed form; write it in a simpler form")

    def again(self, printed: str) -> Expr:
        walker = Walker(self.text, printed, self.symbols, self.rough)
        return walker.checked(walker.node(ast.parse(printed, mode="eval").body).expr)

    def checked(self, expr: Expr) -> Expr:
        for part in sympy.preorder_traversal(expr):
            if not (_printable(part) or (self.rough and isinstance(part, ROUGH_CLASSES))):
                raise self.refuse(f"it contains {quoted(part)}; a formula must be real and smooth for 0 < t < 1")
        if wrong := too_fine(expr):
            raise self.refuse(wrong)
        return expr

    def node(self, tree: ast.expr) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refuse(f"more than {MAX_NODES} terms and operations; write a shorter formula")
        match tree:
            case ast.Constant():
                return self.number(tree)
            case ast.Name(id=name):
                return self.name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.node(operand)
                return self.made(-inner.expr, [inner], operator.neg, inner.degree)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.node(left), self.node(right))
            case ast.Call():
                return self.call(tree)
        raise self.refuse(f"{_describe(tree)} is not allowed; use + - * / ** and functions of t")

    def number(self, tree: ast.Constant) -> Node:
        literal = self.source[tree.col_offset : tree.end_col_offset]
        if isinstance(tree.value, bool) or not literal or not _NUMBER.fullmatch(literal):
            raise self.refuse(f"{quoted(literal)} is not a number that is read here; write 2, 0.5 or 1/3")
        exponent = re.search(r"[eE]([+-]?\d+)$", literal)
        if len(literal) > 80 or (exponent and abs(int(exponent[1])) > 60):
            raise self.refuse(f"the number {quoted(literal, 24)} is out of range; at most 60 digits are read")
        return self.rational(Rational(literal.replace("_", "")))

    def name(self, name: str) -> Node:
        if name in self.symbols:
            known_as = self.symbols[name]
            if known_as.is_Rational:
                return self.rational(known_as)
            value = PLACES if known_as.is_Symbol else (float(known_as),) * len(PLACES)
            return Node(known_as, not known_as.is_Symbol, value, float(known_as.is_Symbol))
        if name in CONSTANTS:
            return Node(CONSTANTS[name], True, (float(CONSTANTS[name]),) * len(PLACES))
        if ALIASES.get(name, name) in FUNCTIONS:
            raise self.refuse(f"the function {name} needs an argument; write {name}(t)")
        if name in ("I", "i", "j", "oo", "inf", "nan"):
            raise self.refuse(f"{name} is not a finite real number; schedules are real")
        known = [*self.symbols, *CONSTANTS, *FUNCTIONS]
        close = did_you_mean(name, known if len(name) > 1 else [s for s in known if s.lower() == name.lower()])
        allowed = ", ".join([*self.symbols, "pi", "E"])
        of_time = "t" in self.symbols and not self.rough
        how = f"; {DECLARE} 'alpha=1-t**{name}; beta=t; {name}>0'" if of_time and not close else ""
        raise self.refuse(f"unknown name {quoted(name, 30)}{close} (known here: {allowed}){how}")

    def binary(self, op: ast.operator, a: Node, b: Node) -> Node:
        match op:
            case ast.Add():
                return self.made(a.expr + b.expr, [a, b], operator.add, max(a.degree, b.degree))
            case ast.Sub():
                return self.made(a.expr - b.expr, [a, b], operator.sub, max(a.degree, b.degree))
            case ast.Mult():
                return self.made(a.expr * b.expr, [a, b], operator.mul, a.degree + b.degree)
            case ast.Div():
                return self.quotient(a, b)
            case ast.Pow():
                return self.power(a, b)
        raise self.refuse(f"the operator {_SIGNS.get(type(op), '?')} is not allowed; use + - * / **")

    def quotient(self, a: Node, b: Node) -> Node:
        if b.expr.is_zero or (b.number and b.value == 0):
            raise self.refuse("it divides by zero")
        return self.made(a.expr / b.expr, [a, b], operator.truediv, a.degree + b.degree)

    def power(self, a: Node, b: Node) -> Node:
        steepest = max((abs(v) for v in b.values if not math.isnan(v)), default=0.0)
        if steepest > (MAX_BITS if a.number else MAX_EXPONENT):
            raise self.refuse(f"an exponent is too large, {steepest:.4g}; exponents up to {MAX_EXPONENT} are read")
        if b.expr.is_Rational and b.expr.q > MAX_FINENESS:
            raise self.refuse(
                f"the exponent {quoted(b.expr, 30)} is too fine; denominators up to {MAX_FINENESS} are read"
            )
        if a.number and b.number:
            self.check_numeric_power(a, a.value, b.value)
        degree = a.degree * abs(b.value) if b.number else a.degree + b.degree
        self.check_growth([y * math.log(x) for x, y in zip(a.values, b.values, strict=True) if x > 0], "a power")
        return self.made(lambda: a.expr**b.expr, [a, b], _float_power, degree)

    def check_numeric_power(self, a: Node, base: float, exponent: float) -> None:
        if base == 0 and exponent < 0:
            raise self.refuse("it divides by zero")
        bits = max(a.expr.p.bit_length(), a.expr.q.bit_length()) if a.expr.is_Rational else 0
        bits = max(bits, abs(math.log2(abs(base))) if base else 0)
        if bits * abs(exponent) > MAX_BITS:
            raise self.refuse("a power of numbers is too large; write numbers below 1e60")

    def call(self, tree: ast.Call) -> Node:
        if not isinstance(tree.func, ast.Name):
            raise self.refuse(f"{_describe(tree.func)} cannot be called; call a function by its name, as in sin(t)")
        given = tree.func.id
        name = ALIASES.get(given, given)
        if name not in self.functions:
            raise self.refuse(self.unknown_function(given))
        function = self.functions[name]
        if tree.keywords:
            raise self.refuse(f"{name} takes no keyword; write {name}(t)")
        if not 1 <= len(tree.args) <= function.most:
            count = "one argument" if function.most == 1 else f"1 to {function.most} arguments"
            raise self.refuse(f"{name} takes {count}, not {len(tree.args)}; write {name}(t)")
        args = [self.node(arg) for arg in tree.args]
        if name == "LambertW" and len(args) == 2 and args[1].expr not in (0, -1):
            raise self.refuse("LambertW has real branches 0 and -1 only; write LambertW(t) or LambertW(t, -1)")
        return self.applied(name, args)

    def applied(self, name: str, args: list[Node]) -> Node:
        function = self.functions[name]
        if name in GROWING:
            self.check_growth(args[0].values, name)
        degree = sum(a.degree for a in args)
        return self.made(lambda: function.build(*(a.expr for a in args)), args, function.value, degree)

    def check_growth(self, exponents: Iterable[float], name: str) -> None:
        worst = max((e for e in exponents if not math.isnan(e)), key=abs, default=0.0)
        if abs(worst) > MAX_GROWTH:
            wrong = f"{name} grows or falls too fast, like e to the {worst:.4g}"
            raise self.refuse(f"{wrong}; keep every exponent of e between -{MAX_GROWTH:.0f} and {MAX_GROWTH:.0f}")

    def unknown_function(self, name: str) -> str:
        if name in self.symbols or name in CONSTANTS:
            return f"{name} is not a function; a product needs its sign, as in {name}*(1-t)"
        if name in REFUSED and not self.rough:
            return f"{name} is not allowed: {REFUSED[name]}"
        known, close = ", ".join(self.functions), did_you_mean(name, [*self.functions, *ALIASES])
        return f"unknown function {quoted(name, 30)}{close} (known: {known})"

    def made(self, expr: Expr | Callable[[], Expr], args: list[Node], twin: Twin, degree: float) -> Node:
        """The node of a result: its float values are found before SymPy builds it, its limits checked after."""
        number = all(a.number for a in args)
        rows = zip(*(a.values for a in args), strict=True)
        if number:
            values = (self.value(twin, next(rows)),) * len(PLACES)
        else:
            values = tuple(_value_or_nan(twin, row) for row in rows)
        built = expr() if callable(expr) else expr
        if degree > MAX_EXPONENT:
            raise self.refuse(f"its degree in t is above {MAX_EXPONENT}; write lower powers")
        if built.is_Rational:
            return self.rational(built)
        if max((abs(v) for v in values if not math.isnan(v)), default=0.0) > (
            MAX_SIZE if number else math.exp(MAX_GROWTH)
        ):
            raise self.refuse("a number in it is too large; write numbers below 1e60")
        if number and built.is_Function and built.is_finite is not False:
            self.check_told(built, values[0])
        return Node(built, number, values, degree)

    def check_told(self, number: Expr, value: float) -> None:
        """A number next to a whole one must be told from it: what reads it will ask whether it is below 1, or 0."""
        near = round(value)
        if abs(value - near) < 1e-9 * max(1, abs(near)):
            try:
                bool(number < near), bool(number > near)
            except TypeError:
                raise self.refuse(f"{quoted(number, 30)} cannot be told from {near}; write {near}") from None

    def rational(self, expr: Rational) -> Node:
        if max(expr.p.bit_length(), expr.q.bit_length()) > MAX_BITS:
            raise self.refuse("a number in it has too many digits; at most 60 are read")
        return Node(expr, True, (float(expr),) * len(PLACES))

    def value(self, twin: Twin, args: tuple[float, ...]) -> float:
        try:
            value = twin(*args)
        except (ValueError, ZeroDivisionError):
            raise self.refuse("a number in it is not defined or not real") from None
        except OverflowError:
            raise self.refuse("a number in it is too large; write numbers below 1e60") from None
        if isinstance(value, complex) or math.isnan(value):
            raise self.refuse("a number in it is not real")
        return value


def _value_or_nan(twin: Twin, args: tuple[float, ...]) -> float:
    """The value where it is real and in the range of floats: elsewhere the formula may still be defined."""
    try:
        value = twin(*args)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
    return math.nan if isinstance(value, complex) else value


def too_fine(*exprs: Expr) -> str:
    """Why the rational powers in some expressions that meet are too fine to work with; empty if they are not.

    Computer algebra writes t^(1/6) + t^(1/4) as a polynomial of degree 3 in t^(1/12), in one call that nothing stops.
    """
    common: dict[Expr, tuple[int, float]] = {}
    for power in set().union(*(expr.atoms(sympy.Pow) for expr in exprs)):
        base, exponent = power.as_base_exp()
        if exponent.is_Rational and not base.is_Rational:
            q, most = common.get(base, (1, 0.0))
            common[base] = math.lcm(q, exponent.q), max(most, abs(exponent))
    for base, (q, most) in common.items():
        if q > 1 and q * max(most, 1) > MAX_FINENESS:
            what = (
                f"powers of {quoted(base, 30)} with the common denominator {quoted(q, 24)} make a polynomial of degree"
            )
            return f"{what} {float(q * max(most, 1)):.4g}; degrees up to {MAX_FINENESS} are worked with"
    return ""


_SIGNS: dict[type, str] = {
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
_DESCRIPTIONS: dict[type, str] = {
    ast.Attribute: "attribute access (a '.' after a name)",
    ast.Subscript: "a subscript [ ]",
    ast.List: "a list [ ]",
    ast.Tuple: "a comma outside a function",
    ast.Lambda: "lambda",
    ast.Starred: "a starred argument",
    ast.IfExp: "if/else",
    ast.BoolOp: "and/or",
    ast.Compare: "a comparison",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a generator",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.UnaryOp: "'not' or '~'",
}


def _describe(tree: ast.AST) -> str:
    return _DESCRIPTIONS.get(type(tree), type(tree).__name__)


def _float_power(base: float, exponent: float) -> float:
    return base**exponent


def _printable(node: object) -> bool:
    """Whether this node prints to text that parses back to itself: real, finite, of a whitelisted class."""
    known = (sympy.Add, sympy.Mul, sympy.Pow, Rational, Symbol, *CLASSES)
    return isinstance(node, known) or node in (sympy.pi, S.Exp1)
