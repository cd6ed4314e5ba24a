"""Typeset mathematics: SymPy's presentation printer in the notation of the theory.

A function of time alone is its letter, its derivative by time a dot: α(t) is α and dα/dt is α̇; elsewhere a prime is
the derivative by the argument, α′(τ).  The printer writes
text nodes without escaping, so that a symbol's name could end an element; here the tree is serialised with escaping.
"""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.mathml import MathMLPresentationPrinter

from symsched.report.html import Child, Html, element
from symsched.symbols import t

DOTS = {1: "˙", 2: "¨"}
PLAIN = {"-": "−", "ⅆ": "d", "ⅇ": "e", "ⅈ": "i"}
BREAK = 14  # operations above which a sum may be broken between its terms
LONGEST = 600  # operations above which only the size of an expression is told


class MathMLPrinter(MathMLPresentationPrinter):
    """SymPy's printer, with the letters and dots of the theory."""

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> Any:
        if _is_letter(item) or _dotted(item) or _by_argument(item):
            return self._print(item)
        return super().parenthesize(item, level, strict)

    def _print_Function(self, expr: Any) -> Any:
        if not isinstance(expr, AppliedUndef):
            return super()._print_Function(expr)
        if _is_letter(expr):
            return self._letter(expr)
        return self._row(self._letter(expr), self._paren_comma_separated(*expr.args))

    def _print_Derivative(self, expr: Any) -> Any:
        inner = expr.expr
        if order := _dotted(expr):
            return self._over(self._letter(inner), DOTS[order])
        if _by_argument(expr):
            return self._row(self._primed(inner, 1), self._paren_comma_separated(*inner.args))
        return super()._print_Derivative(expr)

    def _print_Subs(self, expr: Any) -> Any:
        inner = expr.expr
        if isinstance(inner, sp.Derivative) and isinstance(inner.expr, AppliedUndef):
            order = int(inner.derivative_count)
            if inner.expr.args == expr.variables == inner.variables[:1] and order in DOTS:
                if tuple(expr.point) == (t,):
                    return self._over(self._letter(inner.expr), DOTS[order])
                return self._row(self._primed(inner.expr, order), self._paren_comma_separated(*expr.point))
        at = self._row(*(self._print(sp.Eq(v, p, evaluate=False)) for v, p in zip(*expr.args[1:], strict=True)))
        return self._node("msub", self._row(self._print(inner), self._text("mo", "|")), at)

    def _print_Piecewise(self, expr: Any) -> Any:
        rows = [
            self._node("mtr", self._node("mtd", self._print(value)), self._node("mtd", self._condition(when)))
            for value, when in expr.args
        ]
        return self._row(self._text("mo", "{"), self._node("mtable", *rows))

    def _condition(self, when: Any) -> Any:
        if when == sp.true:
            return self._text("mtext", "otherwise")
        return self._row(self._text("mtext", "if "), self._print(when))

    def _letter(self, expr: Any) -> Any:
        return self._print_Symbol(sp.Symbol(type(expr).__name__))

    def _print_Symbol(self, symbol: Any, style: str = "plain") -> Any:
        if symbol.name.endswith("bar") and len(symbol.name) > 3:
            return self._over(super()._print_Symbol(sp.Symbol(symbol.name[:-3]), style), "¯")
        return super()._print_Symbol(symbol, style)

    def _primed(self, function: Any, order: int) -> Any:
        return self._node("msup", self._letter(function), self._text("mo", "′" * order))

    def _over(self, base: Any, mark: str) -> Any:
        # In fonts without a mathematics table an accent would touch the letter: this is an ordinary overscript,
        # at the letter's size.
        node = self._text("mo", mark)
        node.setAttribute("scriptlevel", "-1")
        return self._node("mover", base, node)

    def _row(self, *children: Any) -> Any:
        return self._node("mrow", *children)

    def _node(self, name: str, *children: Any) -> Any:
        node = self.dom.createElement(name)
        for child in children:
            node.appendChild(child)
        return node

    def _text(self, name: str, text: str) -> Any:
        return self._node(name, self.dom.createTextNode(text))


def _is_letter(expr: Any) -> bool:
    return isinstance(expr, AppliedUndef) and expr.args == (t,)


def _dotted(expr: Any) -> int:
    """The order of a time derivative that is written with dots; 0 for anything else."""
    if not isinstance(expr, sp.Derivative) or not _is_letter(expr.expr):
        return 0
    return int(expr.derivative_count) if expr.derivative_count in DOTS else 0


def _by_argument(expr: Any) -> bool:
    """Whether this is the first derivative of an undefined function of one argument, by that argument."""
    return isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef) and expr.variables == expr.expr.args


def _serialise(node: Any) -> str:
    if node.nodeType == node.TEXT_NODE:
        text = html.unescape(node.data)  # the printer writes entities, such as &InvisibleTimes;
        return html.escape(PLAIN.get(text, text))
    inside = "".join(_serialise(child) for child in node.childNodes)
    attributes = "".join(f' {k}="{html.escape(v)}"' for k, v in node.attributes.items())
    return f"<{node.tagName}{attributes}>{inside}</{node.tagName}>"


def _print(expr: sp.Basic) -> Html:
    return Html(_serialise(MathMLPrinter()._print(expr)))


def math(*children: Child) -> Html:
    """A formula in a line of text, with its fractions at full size."""
    return element("math", *children, displaystyle="true")


@lru_cache(maxsize=4096)
def formula(expr: sp.Basic, after: str = "") -> Html:
    """An expression as MathML, followed by plain text such as "= 0".

    A long sum is one <math> element per term, because browsers break lines only between them.  Beyond 600 operations
    the size is told instead.
    """
    operations = int(expr.count_ops())
    if operations > LONGEST:
        text = f"an expression of {operations} operations in {len(sp.Add.make_args(expr))} terms {after}"
        return element("span", text.rstrip(), class_="size")
    tail = element("mrow", *(element("mo" if not c.isalnum() else "mn", c) for c in after.split())) if after else ""
    if operations <= BREAK or not isinstance(expr, sp.Add):
        return math(_print(expr), tail)
    first, *rest = _signed_terms(expr)
    terms = [_math(*first, leading=True), *(_math(*term) for term in rest)]
    return element("span", _spaced(terms), math(tail) if tail else None, class_="sum", role="group")


def _signed_terms(expr: sp.Expr) -> list[tuple[bool, sp.Expr]]:
    """(is negative, size) of each term of a sum, in SymPy's order."""
    terms = expr.as_ordered_terms()
    return [(True, -term) if term.could_extract_minus_sign() else (False, term) for term in terms]


def _math(negative: bool, term: sp.Expr, leading: bool = False) -> Html:
    sign = (
        None if leading and not negative else element("mo", "−" if negative else "+", form=None if leading else "infix")
    )
    return math(element("mrow", sign, _print(term)))


def _spaced(items: list[Html]) -> Html:
    return Html(" ".join(items) + " ")
