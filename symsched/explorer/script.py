"""JavaScript of the formulas: SymPy's printer with its holes mended, and functions that fill a given array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import sympy as sp
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.jscode import JavascriptCodePrinter

from symsched.errors import InputError

Argument: TypeAlias = Any  # a symbol, or its name


class JavaScriptPrinter(JavascriptCodePrinter):
    """SymPy's printer; what it has no name for is refused instead of written as a comment."""

    def _print_Infinity(self, _: sp.Expr) -> str:
        return "Infinity"

    def _print_NegativeInfinity(self, _: sp.Expr) -> str:
        return "(-Infinity)"

    def _print_NaN(self, _: sp.Expr) -> str:
        return "NaN"

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"({expr.p}/{expr.q})"

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        *cases, (last, _) = expr.args
        ahead = "".join(f"{self._print(when)} ? {self._print(value)} : " for value, when in cases)
        return f"({ahead}{self._print(last)})"


def expression(form: sp.Expr) -> str:
    """One expression.  Raises InputError for what JavaScript has no counterpart of."""
    try:
        return JavaScriptPrinter({"precision": 17}).doprint(form)
    except PrintMethodNotImplementedError:
        raise InputError(f"{type(form).__name__} in {form}: JavaScript has no counterpart") from None


def function(arguments: Sequence[Argument], forms: sp.Expr | Sequence[sp.Expr]) -> str:
    """An arrow function of the arguments.

    One form is returned; several are put into the array `out`, the last argument, so that nothing is allocated.
    Common parts are computed once.
    """
    many = not isinstance(forms, sp.Expr)
    listed: Sequence[sp.Expr] = forms if many else [forms]
    taken = {s.name for form in listed for s in form.free_symbols}
    unknown = taken - {str(a) for a in arguments}
    if unknown:
        raise InputError(f"the formula has {', '.join(sorted(unknown))}, which is no argument of the function")
    parts, reduced = sp.cse(list(listed), symbols=sp.numbered_symbols("_"), order="none")
    rows = [f"const {name} = {expression(value)};" for name, value in parts]
    if many:
        rows += [f"out[{k}] = {expression(form)};" for k, form in enumerate(reduced)]
    else:
        rows.append(f"return {expression(reduced[0])};")
    names = ", ".join([*map(str, arguments), *(["out"] if many else [])])
    return f"({names}) => {{ {' '.join(rows)} }}"


def table(rows: Mapping[str, Any]) -> str:
    """A JavaScript object of named pieces of code."""
    inner = ",\n".join(
        f'"{key}": {table(value) if isinstance(value, Mapping) else value}' for key, value in rows.items()
    )
    return f"{{\n{inner}\n}}"
