"""Expressions in each language: SymPy's printers, with the holes they have for forms like ours mended.

Constants that are not rational are folded to the nearest float64; small integer powers of names are products; a
negative half power is one over a root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.c import C99CodePrinter
from sympy.printing.julia import JuliaCodePrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pycode import PythonCodePrinter

from symsched.codegen.ieee import number
from symsched.codegen.rounding import expm1, log1p

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
NUMPY_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
NUMPY_NAMES |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}

# What no library has by name, by what all have.
RECIPROCALS = {sp.cot: sp.tan, sp.sec: sp.cos, sp.csc: sp.sin, sp.coth: sp.tanh, sp.sech: sp.cosh, sp.csch: sp.sinh}


def lowered(form: sp.Expr) -> sp.Expr:
    """Reciprocals of the functions that every language has, for those that it may lack: 1/tan x for cot x."""
    for function, other in RECIPROCALS.items():
        form = form.replace(function, lambda x, other=other: 1 / other(x, evaluate=False))
    return form.replace(sp.acot, lambda x: sp.atan(1 / x, evaluate=False))


def absent(forms: Iterable[sp.Expr], lang: str) -> str | None:
    """A function in the forms that the language has not, by the name it was written with."""
    here = {*NAMES, *RECIPROCALS, sp.acot}
    here -= set(ERROR_FUNCTIONS) if lang == "julia" else set()
    found = {f.func for form in forms for f in form.atoms(sp.Function) if f.free_symbols} - here
    return min((f.__name__ for f in found), default=None)


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


class _Forms:
    """Overrides shared by all languages; mixed into a SymPy printer."""

    prefix = ""
    one = "1"

    def number(self, value: float) -> str:
        return repr(value)

    def name_of(self, function: type) -> str:
        """The function's name in the language.  Raises NotImplementedError where it has none."""
        return self.prefix + NAMES[function]

    def _print_Float(self, expr: sp.Float) -> str:
        return self.number(float(expr))

    def _print_Function(self, expr: sp.Expr) -> str:
        if expr.func not in NAMES:
            raise NotImplementedError(expr.func.__name__)
        return f"{self.name_of(expr.func)}({', '.join(self._print(a) for a in expr.args)})"  # type: ignore[attr-defined]

    _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_asin = _print_acos = _print_Function
    _print_atan = _print_atan2 = _print_sinh = _print_cosh = _print_tanh = _print_asinh = _print_acosh = _print_Function
    _print_atanh = _print_Abs = _print_sign = _print_expm1 = _print_log1p = _print_erf = _print_erfc = _print_Function  # noqa: N815

    def _print_Exp1(self, _: Any) -> str:
        return self.number(float(sp.E))

    def _print_Pi(self, _: Any) -> str:
        return self.number(float(sp.pi))

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
        return f"{self.prefix}sqrt({inside})"

    def product(self, base: str, times: int) -> str:
        """A small power of a name, in parentheses: it may stand in a denominator."""
        return f"({'*'.join([base] * times)})"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"{self._tight(base)}**{self._tight(exponent)}"

    def _grouped(self, expr: sp.Expr) -> str:
        text = self._print(expr)  # type: ignore[attr-defined]
        call = expr.is_Pow and expr.exp == sp.S.Half
        return text if expr.is_Symbol or call or expr.is_Function else f"({text})"

    def _tight(self, expr: sp.Expr) -> str:
        text = self._print(expr)  # type: ignore[attr-defined]
        plain = expr.is_Symbol or (expr.is_Integer and expr >= 0) or (expr.is_Float and expr >= 0) or expr.is_Function
        return text if plain else f"({text})"

    def _print_Infinity(self, _: Any) -> str:
        return f"{self.prefix}inf"

    def _print_NegativeInfinity(self, _: Any) -> str:
        return f"-{self.prefix}inf"

    def helper(self, kind: str) -> str:
        """The name of a helper of `carry`."""
        return f"_{kind}"

    def _print_sum_error(self, expr: sp.Expr) -> str:
        one, other = map(self._print, expr.args)  # type: ignore[attr-defined]
        return f"{self.helper(type(expr).__name__)}({one}, {other})"

    _print_product_error = _print_sum_error

    def _print_NaN(self, _: Any) -> str:
        return f"{self.prefix}nan"

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
                test = f"{condition.lhs} {mark} {self.number_of(condition.rhs)}"
                text = self.conditional(test, self.limit(value), text)
            return text
        if expr in (sp.oo, -sp.oo, sp.nan):
            return self._print(expr)  # type: ignore[attr-defined]
        return self.number(number(expr)) if not expr.free_symbols else self.doprint(folded(expr))  # type: ignore[attr-defined]

    def number_of(self, value: sp.Expr) -> str:
        return self.number(number(value))

    def conditional(self, test: str, yes: str, no: str) -> str:
        return f"({yes} if {test} else {no})"

    def form(self, expr: sp.Expr) -> str:
        """A form as one line of code."""
        return self.doprint(folded(expr))  # type: ignore[attr-defined]


class _Python(_Forms, PythonCodePrinter):
    def product(self, base: str, times: int) -> str:
        return f"{base}**2" if times == 2 else super().product(base, times)

    def __init__(self) -> None:
        PythonCodePrinter.__init__(self, {"fully_qualified_modules": False, "strict": False})

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"{expr.p}/{expr.q}" if expr.q & (expr.q - 1) else repr(float(expr))

    def _print_Half(self, _: Any) -> str:
        return "0.5"


class NumPyForms(_Python):
    """`np.` functions on arrays."""

    prefix = "np."

    def name_of(self, function: type) -> str:
        plain = NAMES[function]
        return f"_{plain}" if function in ERROR_FUNCTIONS else self.prefix + NUMPY_NAMES.get(plain, plain)

    def conditional(self, test: str, yes: str, no: str) -> str:
        return f"{self.prefix}where({test}, {yes}, {no})"


class JaxForms(NumPyForms):
    """`jnp.` functions."""

    prefix = "jnp."

    def name_of(self, function: type) -> str:
        return f"jsp.{NAMES[function]}" if function in ERROR_FUNCTIONS else super().name_of(function)

    def _print_atanh(self, expr: sp.Expr) -> str:
        """JAX's own takes the difference of two logarithms, which cancels: it loses 30 units at 1/4."""
        inside = self._print(expr.args[0])
        return f"(0.5*jnp.log1p(2*({inside})/(1 - ({inside}))))"


class NumbaForms(_Python):
    """Functions of the standard `math` module, which Numba compiles."""

    prefix = "math."

    def name_of(self, function: type) -> str:
        return "abs" if function is sp.Abs else self.prefix + NAMES[function]

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"math.copysign(1.0, {self._print(expr.args[0])})"


class TorchForms(_Python):
    """`torch.` functions, of tensors only."""

    prefix = "torch."

    def conditional(self, test: str, yes: str, no: str) -> str:
        """Of two numbers torch makes a float32; a number that is none becomes a tensor like the parameter."""
        if _needs_double(yes) or _needs_double(no):
            yes = f"torch.full_like({test.split()[0]}, {yes})" if _is_number(yes) else yes
        return f"torch.where({test}, {yes}, {no})"


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "").isdigit() or text.removeprefix("-") == "torch.inf"


def _needs_double(text: str) -> bool:
    """Whether a number of code has more digits than float32 holds."""
    try:
        return float(np.float32(text)) != float(text)
    except ValueError:
        return False


class CForms(_Forms, C99CodePrinter):
    """C99, with no macro that strict C99 lacks; in single precision with the suffix f everywhere."""

    def __init__(self, single: bool = False) -> None:
        self.suffix = "f" if single else ""
        self.one = self.number(1.0)
        C99CodePrinter.__init__(self, {"strict": False})

    def number(self, value: float) -> str:
        return repr(value) + self.suffix

    def name_of(self, function: type) -> str:
        return ("fabs" if function is sp.Abs else NAMES[function]) + self.suffix

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"copysign{self.suffix}({self.number(1.0)}, {self._print(expr.args[0])})"

    def root(self, inside: str) -> str:
        return f"sqrt{self.suffix}({inside})"

    def helper(self, kind: str) -> str:
        return f"symsched_{kind}{self.suffix}"

    def _print_Integer(self, expr: sp.Integer) -> str:
        return f"{expr.p}.0{self.suffix}"

    def _print_int(self, expr: int) -> str:
        return f"{expr}.0{self.suffix}"

    def _print_Rational(self, expr: sp.Rational) -> str:
        whole = expr.q & (expr.q - 1)
        return f"{expr.p}.0{self.suffix}/{expr.q}.0{self.suffix}" if whole else self.number(float(expr))

    def _print_Half(self, _: Any) -> str:
        return self.number(0.5)

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        """A product of one name needs its parentheses in a denominator, not as a term."""
        text = C99CodePrinter._print_Add(self, expr, order)
        return str(re.sub(r"(^|[+-] ?)\((\w+(?:\*\w+)+)\)(?= [+-]|$)", r"\1\2", text))

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"pow{self.suffix}({self._print(base)}, {self._print(exponent)})"

    def _print_Infinity(self, _: Any) -> str:
        return f"HUGE_VAL{self.suffix.upper()}"

    def _print_NegativeInfinity(self, _: Any) -> str:
        return f"-HUGE_VAL{self.suffix.upper()}"

    def _print_NaN(self, _: Any) -> str:
        return "NAN"

    def conditional(self, test: str, yes: str, no: str) -> str:
        return f"({test} ? {yes} : {no})"


class JuliaForms(_Forms, JuliaCodePrinter):
    """Julia on scalars: broadcast with a dot."""

    def helper(self, kind: str) -> str:
        return kind

    def product(self, base: str, times: int) -> str:
        return f"{base}^{times}"

    def __init__(self) -> None:
        JuliaCodePrinter.__init__(self, {"strict": False})

    def name_of(self, function: type) -> str:
        if function in ERROR_FUNCTIONS:  # of a package, not of Julia itself
            raise NotImplementedError(NAMES[function])
        return "atan" if function is sp.atan2 else NAMES[function]

    def _print_Mul(self, expr: sp.Mul) -> str:
        return JuliaCodePrinter._print_Mul(self, expr).replace(" .* ", " * ").replace(" ./ ", " / ")

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"{expr.p}/{expr.q}" if expr.q & (expr.q - 1) else repr(float(expr))

    def _print_Half(self, _: Any) -> str:
        return "0.5"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"{self._tight(base)}^{self._tight(exponent)}"

    def _print_Infinity(self, _: Any) -> str:
        return "Inf"

    def _print_NegativeInfinity(self, _: Any) -> str:
        return "-Inf"

    def _print_NaN(self, _: Any) -> str:
        return "NaN"

    def conditional(self, test: str, yes: str, no: str) -> str:
        return f"({test} ? {yes} : {no})"


__all__ = ["PRECEDENCE", "CForms", "JaxForms", "JuliaForms", "NumPyForms", "NumbaForms", "TorchForms", "folded"]
