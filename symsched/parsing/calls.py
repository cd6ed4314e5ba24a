"""Catalogue calls and pairs: `lazy(kappa=1, rho=0.5)`, `gaussian(0, 1)`, `alpha=1-t; beta=t`."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, Union

from sympy import Expr, Symbol

from symsched import symbols as letters
from symsched.errors import InputError
from symsched.parsing.expressions import CONSTANTS, Walker, parse_expression
from symsched.parsing.text import MAX_CALL, MAX_EXPRESSION, quoted, syntax_tree
from symsched.parsing.whitelist import ALIASES, FUNCTIONS

MAX_ITEMS = 2_000
PARAMETERS: Mapping[str, Symbol] = {s.name: s for s in (letters.t, letters.rho, letters.kappa, letters.mean)}

Value: TypeAlias = Union[Expr, "list[Value]", "Call"]


@dataclass(frozen=True)
class Call:
    """A name with arguments: expressions, lists of them, or calls again; a bare name has no arguments."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name}(…)" if self.args or self.kwargs else self.name


def parse_call(text: str, symbols: Mapping[str, Expr] = PARAMETERS, example: str = "'lazy(kappa=1)'") -> Call:
    """The call that `text` writes down: `name`, `name(value, …, key=value, …)`.

    A value is an expression in `symbols` (t, rho, kappa and m by default), a list `[…]` of values, or a call.

    Raises InputError for anything else.
    """
    tree, source = syntax_tree(text, MAX_CALL)
    if not isinstance(tree, ast.Call | ast.Name):
        raise InputError(f"cannot read {quoted(text)}: expected a name with arguments, such as {example}")
    return _Reader(text, source, symbols).call(tree)


def parse_pair(text: str, symbols: Mapping[str, Expr] | None = None) -> tuple[Expr, Expr]:
    """(alpha, beta) of a schedule written `alpha=…; beta=…`, in either order.

    Raises InputError when one of the two is missing, given twice, or cannot be read.
    """
    if not isinstance(text, str) or len(text) > 2 * MAX_EXPRESSION:
        raise InputError(f"cannot read {quoted(text)}: at most {2 * MAX_EXPRESSION} characters are read")
    found: dict[str, Expr] = {}
    for part in filter(None, map(str.strip, text.translate({ord("α"): "alpha", ord("β"): "beta"}).split(";"))):
        name, equals, formula = (piece.strip() for piece in part.partition("="))
        if not equals or name not in ("alpha", "beta") or name in found:
            raise InputError(f"cannot read {quoted(text)}: expected one alpha and one beta, 'alpha=1-t; beta=t'")
        found[name] = parse_expression(formula, symbols)
    if len(found) != 2:
        missing = "beta" if "alpha" in found else "alpha"
        raise InputError(f"cannot read {quoted(text)}: {missing} is missing; write 'alpha=1-t; beta=t'")
    return found["alpha"], found["beta"]


class _Reader:
    """Reads the arguments of a call; every expression gets its own limits, the lists a common one."""

    def __init__(self, text: str, source: str, symbols: Mapping[str, Expr]) -> None:
        self.text, self.source, self.symbols = text, source, symbols
        self.items = 0

    def refuse(self, wrong: str) -> InputError:
        return InputError(f"cannot read {quoted(self.text)}: {wrong}")

    def call(self, tree: ast.Call | ast.Name) -> Call:
        if isinstance(tree, ast.Name):
            return Call(tree.id, text=self.text)
        if not isinstance(tree.func, ast.Name):
            raise self.refuse("only a plain name can be called; write for example 'lazy(kappa=1)'")
        kwargs: dict[str, Value] = {}
        for keyword in tree.keywords:
            if keyword.arg is None or keyword.arg in kwargs:
                raise self.refuse("each parameter is given once, as name=value")
            kwargs[keyword.arg] = self.value(keyword.value)
        return Call(tree.func.id, tuple(self.value(a) for a in tree.args), kwargs, self.text)

    def value(self, tree: ast.expr) -> Value:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise self.refuse(f"more than {MAX_ITEMS} values; pass long lists from Python")
        if isinstance(tree, ast.List | ast.Tuple):
            return [self.value(item) for item in tree.elts]
        if self.is_call(tree):
            assert isinstance(tree, ast.Call | ast.Name)
            return self.call(tree)
        return Walker(self.text, self.source, self.symbols).expression(tree)

    def is_call(self, tree: ast.expr) -> bool:
        """A name or call that is no mathematics: the catalogue decides whether it knows it."""
        head = tree.func if isinstance(tree, ast.Call) else tree
        if not isinstance(head, ast.Name):
            return False
        return not (head.id in self.symbols or head.id in CONSTANTS or ALIASES.get(head.id, head.id) in FUNCTIONS)
