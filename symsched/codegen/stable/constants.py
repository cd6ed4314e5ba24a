"""The constants of a form: found, as large as they go, and as floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from symsched.exact import Evaluator
from symsched.symbols import t


def with_constants(form: sp.Expr, put: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """The form with `put(c)` for every constant c that no float64 need be, of a sum or a product its constant part."""
    if form.is_Symbol or form.is_Rational or form.is_Float:
        return form
    if not form.free_symbols:
        return put(form)
    if form.is_Add or form.is_Mul:
        constant, moving = form.as_independent(*form.free_symbols, as_Add=form.is_Add)
        parts = [with_constants(part, put) for part in form.func.make_args(moving)]
        return form.func(with_constants(constant, put), *parts)
    args = [with_constants(a, put) for a in form.args]
    return sp.exp(args[-1]) if isinstance(form, sp.exp) else form.func(*args)


def number(constant: sp.Expr) -> float:
    """A constant as the nearest float64; ±∞ allowed."""
    if constant in (sp.oo, -sp.oo, sp.nan) or constant.is_Rational or constant.is_Float:
        return float(constant)
    return float(Evaluator((constant,), t).at(0.5)[0])


def literal(constant: sp.Expr) -> sp.Expr:
    """A constant as it is written, to 17 digits."""
    return sp.Integer(constant) if constant.is_Integer else sp.Float(number(constant), 17)


def split(constant: sp.Expr) -> tuple[sp.Expr, ...]:
    """A constant as one float of 24 bits, or as that and a float64."""
    with np.errstate(over="ignore"):  # a sum that no float32 holds is refused where its value is checked
        first = np.float32(number(constant))
    if not np.isfinite(first):
        return (sp.Float(number(constant), 17),)
    first = sp.Rational(float(first))
    rest = number(constant - first) if constant != first else 0.0
    return (literal(first),) if rest == 0 else (literal(first), sp.Float(rest, 17))
