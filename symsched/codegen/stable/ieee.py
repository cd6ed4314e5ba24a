"""What IEEE arithmetic makes of a form at one point: 1/0 is ∞ and 0·∞ is NaN, as in the emitted code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from symsched.codegen.stable.constants import number
from symsched.codegen.stable.rounding import expm1, log1p, product_error, sum_error
from symsched.exact import RECIPROCALS

FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: np.exp,
    sp.log: np.log,
    sp.sin: np.sin,
    sp.cos: np.cos,
    sp.tan: np.tan,
    sp.asin: np.arcsin,
    sp.acos: np.arccos,
    sp.atan: np.arctan,
    sp.acot: lambda a: np.arctan(1 / a),
    sp.atan2: np.arctan2,
    sp.sinh: np.sinh,
    sp.cosh: np.cosh,
    sp.tanh: np.tanh,
    sp.asinh: np.arcsinh,
    sp.acosh: np.arccosh,
    sp.atanh: np.arctanh,
    sp.Abs: np.abs,
    sp.sign: np.sign,
    sp.erf: np.vectorize(math.erf, otypes=[float]),
    sp.erfc: np.vectorize(math.erfc, otypes=[float]),
    sp.Max: lambda *a: reduce(np.maximum, a),
    sp.Min: lambda *a: reduce(np.minimum, a),
    expm1: np.expm1,
    log1p: np.log1p,
    sum_error: lambda a, b: _error(Fraction(float(a)) + Fraction(float(b)), a + b) if np.isfinite(a + b) else np.nan,
    product_error: lambda a, b: (
        _error(Fraction(float(a)) * Fraction(float(b)), a * b) if np.isfinite(a * b) else np.nan
    ),
}
FUNCTIONS |= {f: lambda a, of=FUNCTIONS[other]: 1 / of(a) for f, other in RECIPROCALS.items()}


def _error(exact: Fraction, rounded: float) -> float:
    return float(exact - Fraction(float(rounded)))


# Of terms and factors; "divided" has one division, after the products; "nudged" has powers that are a rounding off, as
# those of arrays may be beside those of numbers.
ORDERS = ("forward", "backward", "divided", "nudged")
NUDGE = 1 + 2.0**-52


def evaluate(form: sp.Expr, values: Mapping[str, float], order: str = ORDERS[0]) -> float:
    """`form` in float64, operation by operation; a function without a rule gives NaN."""
    with np.errstate(all="ignore"):
        return float(_evaluate(form, values, order))


def on_arrays(form: sp.Expr, values: Mapping[str, Any]) -> Any:
    """`form` in float64 for arrays of values."""
    return _evaluate(form, values, ORDERS[0])


def _evaluate(form: sp.Expr, values: Mapping[str, float], order: str) -> Any:
    if form.is_Symbol:
        return np.float64(values[form.name])
    if not form.free_symbols:
        return np.float64(number(form))
    if form.is_Mul and order == "divided":
        above, below = sp.fraction(form)
        if below.free_symbols:
            return _evaluate(above, values, order) / _evaluate(below, values, order)
    if form.is_Add or form.is_Mul:
        args = [_evaluate(a, values, order) for a in (form.args[::-1] if order == "backward" else form.args)]
        return reduce(lambda a, b: a + b if form.is_Add else a * b, args)
    if isinstance(form, sp.exp):
        return np.exp(_evaluate(form.exp, values, order))
    args = [_evaluate(a, values, order) for a in form.args]
    if form.is_Pow:
        value = np.sqrt(args[0]) if form.exp == sp.S.Half else np.power(args[0], args[1])
        rough = order == "nudged" and abs(form.exp) not in (sp.S.Half, 1, 2) and value != 1
        return value * NUDGE if rough else value
    function = FUNCTIONS.get(form.func)
    return np.nan if function is None else function(*args)
