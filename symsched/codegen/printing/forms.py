"""What the printers of all languages share: SymPy's printers, with the holes they have for forms like ours mended.

Constants that are not rational are folded to the nearest float64; small integer powers of names are products; a
negative half power is one over a root.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from symsched.codegen.stable import expm1, log1p, number
from symsched.exact import RECIPROCALS

NAMES = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.asin: "asin",
    sp.acos: "acos",
    sp.atan: "atan",
    sp.atan2: "atan2",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.asinh: "asinh",
    sp.acosh: "acosh",
    sp.atanh: "atanh",
    sp.erf: "erf",
    sp.erfc: "erfc",
    sp.Abs: "abs",
    sp.sign: "sign",
    expm1: "expm1",
    log1p: "log1p",
}
ERROR_FUNCTIONS = (sp.erf, sp.erfc)


def lowered(form: sp.Expr) -> sp.Expr:
    """Reciprocals of the functions that every language has, for those that it may lack: 1/tan x for cot x."""
    for function, other in RECIPROCALS.items():
        form = form.replace(function, lambda x, other=other: 1 / other(x, evaluate=False))
    return form.replace(sp.acot, lambda x: sp.atan(1 / x, evaluate=False))


def folded(form: sp.Expr) -> sp.Expr:
    """Constants that no language writes exactly (roots, exponentials, multiples of π) as 17-digit literals."""

    def fold(expr: sp.Expr) -> sp.Expr:
        if expr.is_Rational and expr.q != 1 and expr.q & (expr.q - 1) == 0:
            return sp.Float(float(expr), 17)
        if expr.is_Atom or expr.is_Rational:
            return sp.Float(number(expr), 17) if expr.is_NumberSymbol else expr
        if not expr.free_symbols:
            return sp.Float(number(expr), 17)
        if expr.is_Mul:
            constant, moving = expr.as_independent(*expr.free_symbols, as_Add=False)
            if not constant.is_Integer:
                factors = [fold(f) for f in sp.Mul.make_args(moving)]
                return sp.Mul(sp.Float(number(constant), 17), *factors, evaluate=False)
        if expr.is_Add:
            constant, moving = expr.as_independent(*expr.free_symbols, as_Add=True)
            if constant.is_Add:  # one number: two that nearly cancel would leave few digits
                terms = [fold(a) for a in sp.Add.make_args(moving)]
                return sp.Add(sp.Float(number(constant), 17), *terms, evaluate=False)
        if expr.is_Pow and expr.exp.is_Rational:
            return sp.Pow(fold(expr.base), expr.exp, evaluate=False)
        args = [fold(a) for a in expr.args]
        return expr if args == list(expr.args) else expr.func(*args, evaluate=False)

    return fold(lowered(form))


class Forms:
    """Overrides shared by all languages; mixed into a SymPy printer."""

    prefix = suffix = ""  # of every function
    names: tuple[tuple[type, str], ...] = ()  # functions that are called otherwise
    lacks: tuple[type, ...] = ()  # functions of `NAMES` that the language has not
    one, infinity, nan, power_sign = "1", "inf", "nan", "**"
    choice = "{1} if {0} else {2}"  # by a test, one of two

    def absent(self, forms: Iterable[sp.Expr]) -> str | None:
        """A function in the forms that the language has not, by the name it was written with."""
        here = {*NAMES, *RECIPROCALS, sp.acot} - {*self.lacks}
        found = {f.func for form in forms for f in form.atoms(sp.Function) if f.free_symbols} - here
        return min((f.__name__ for f in found), default=None)

    def number(self, value: float) -> str:
        return repr(value)

    def name_of(self, function: type) -> str:
        """The function's name in the language.  Raises NotImplementedError where it has none."""
        if function in self.lacks:
            raise NotImplementedError(NAMES[function])
        return dict(self.names).get(function, self.prefix + NAMES[function]) + self.suffix

    def _print_Float(self, expr: sp.Float) -> str:
        return self.number(float(expr))

    def _print_Function(self, expr: sp.Expr) -> str:
        if expr.func not in NAMES:
            raise NotImplementedError(expr.func.__name__)
        return f"{self.name_of(expr.func)}({', '.join(self._print(a) for a in expr.args)})"  # type: ignore[attr-defined]

    _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_asin = _print_acos = _print_Function
    _print_atan = _print_atan2 = _print_sinh = _print_cosh = _print_tanh = _print_asinh = _print_acosh = _print_Function
    _print_atanh = _print_Abs = _print_sign = _print_expm1 = _print_log1p = _print_erf = _print_erfc = _print_Function  # noqa: N815

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:  # noqa: ARG002
        base, exponent = expr.base, expr.exp
        if base is sp.E or base == sp.Float(float(sp.E), 17):
            return f"{self.name_of(sp.exp)}({self._print(exponent)})"  # type: ignore[attr-defined]
        if exponent.is_Rational and exponent < 0:
            return f"{self.one}/{self._grouped(base if exponent == -1 else sp.Pow(base, -exponent, evaluate=False))}"
        if exponent == 1:
            return self._print(base)  # type: ignore[attr-defined]
        if exponent == sp.S.Half:
            return self.root(self._print(base))  # type: ignore[attr-defined]
        if exponent.is_Integer and exponent <= 4 and base.is_Symbol:
            return self.product(self._print(base), int(exponent))  # type: ignore[attr-defined]
        if exponent.is_Rational and exponent.q == 2 and exponent.p == 3:
            inner = self._grouped(base)
            return f"({inner}*{self.root(self._print(base))})"  # type: ignore[attr-defined]
        return self.power(base, exponent)

    def root(self, inside: str) -> str:
        return f"{self.prefix}sqrt{self.suffix}({inside})"

    def product(self, base: str, times: int) -> str:
        """A small power of a name, in parentheses: it may stand in a denominator."""
        return f"({'*'.join([base] * times)})"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"{self._tight(base)}{self.power_sign}{self._tight(exponent)}"

    def _grouped(self, expr: sp.Expr) -> str:
        text = self._print(expr)  # type: ignore[attr-defined]
        call = expr.is_Pow and expr.exp == sp.S.Half
        return text if expr.is_Symbol or call or expr.is_Function else f"({text})"

    def _tight(self, expr: sp.Expr) -> str:
        text = self._print(expr)  # type: ignore[attr-defined]
        plain = expr.is_Symbol or (expr.is_Integer and expr >= 0) or (expr.is_Float and expr >= 0) or expr.is_Function
        return text if plain else f"({text})"

    def _print_Infinity(self, _: Any) -> str:
        return self.prefix + self.infinity

    def _print_NegativeInfinity(self, _: Any) -> str:
        return f"-{self.prefix}{self.infinity}"

    def helper(self, kind: str) -> str:
        """The name of a helper of `carry`."""
        return f"_{kind}"

    def _print_sum_error(self, expr: sp.Expr) -> str:
        one, other = map(self._print, expr.args)  # type: ignore[attr-defined]
        return f"{self.helper(type(expr).__name__)}({one}, {other})"

    _print_product_error = _print_sum_error

    def _print_NaN(self, _: Any) -> str:
        return self.prefix + self.nan

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"{expr.p}/{expr.q}" if expr.q & (expr.q - 1) else self.number(float(expr))

    def _print_Half(self, _: Any) -> str:
        return self.number(0.5)

    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[sp.Expr]:
        """Terms with a minus sign last: t_next - t, not -t + t_next."""
        terms = list(super()._as_ordered_terms(expr, order=order))  # type: ignore[misc]
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))

    def limit(self, expr: sp.Expr) -> str:
        """An end value; one that depends on κ or another parameter is a conditional."""
        if isinstance(expr, sp.Piecewise):
            *cases, (last, _) = expr.args
            text = self.limit(last)
            for value, condition in reversed(cases):
                mark = "==" if isinstance(condition, sp.Eq) else "<"
                test = f"{condition.lhs} {mark} {self.number(number(condition.rhs))}"
                text = self.conditional(test, self.limit(value), text)
            return text
        if expr in (sp.oo, -sp.oo, sp.nan):
            return self._print(expr)  # type: ignore[attr-defined]
        return self.number(number(expr)) if not expr.free_symbols else self.doprint(folded(expr))  # type: ignore[attr-defined]

    def conditional(self, test: str, yes: str, no: str) -> str:
        """One of two, anywhere."""
        return f"({self.choice.format(test, yes, no)})"

    def form(self, expr: sp.Expr) -> str:
        """A form as one line of code."""
        return self.doprint(folded(expr))  # type: ignore[attr-defined]


class PythonForms(Forms, PythonCodePrinter):
    def product(self, base: str, times: int) -> str:
        return f"{base}**2" if times == 2 else super().product(base, times)

    def __init__(self) -> None:
        PythonCodePrinter.__init__(self, {"fully_qualified_modules": False, "strict": False})
