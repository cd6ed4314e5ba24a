"""The sign of an expression next to an end, by Taylor's theorem in ball arithmetic.

If f(u) ~ c u^m exactly (see `leading`) and f is analytic on [0, δ], then f(u) = u^m f^(m)(ξ)/m! for some ξ in
[0, δ]: a ball of the m-th Taylor coefficient over the whole of [0, δ] that excludes 0 gives the sign on (0, δ].
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from flint import arb_series

from symsched.errors import InputError
from symsched.exact.balls import enclose, interval
from symsched.exact.functions import SERIES, Ball
from symsched.exact.series import leading_term
from symsched.exact.terms import BeyondSeriesError
from symsched.precision import precision

MAX_ORDER = 12  # the longest series that `series` tries
PowerSeries = Any  # flint.arb_series carries no annotations


def taylor_sign(near: sp.Expr, symbol: sp.Symbol, delta: float) -> int:
    """The sign of `near` for every `symbol` in (0, delta]; 0 when this argument does not give it."""
    try:
        exponent, _ = leading_term(near, symbol)
        if not exponent.is_Integer or not 0 <= exponent <= MAX_ORDER:
            return 0
        with precision(192, int(exponent) + 1):
            remainder = _coefficient(near, symbol, interval(0, delta), int(exponent))
    except (BeyondSeriesError, InputError, ValueError, ZeroDivisionError):
        return 0  # not analytic on [0, δ], or not shown to be
    return int(remainder > 0) - int(remainder < 0) if remainder.is_finite() else 0


def _coefficient(near: sp.Expr, symbol: sp.Symbol, whole: Ball, m: int) -> Ball:
    """The m-th Taylor coefficient over a ball; by SymPy's derivative where flint has no series of a function."""
    moving = [f for f in near.atoms(sp.Function) if f.has(symbol)]
    if any(f.func not in SERIES or len(f.args) > 1 for f in moving):
        return enclose(near.diff(symbol, m) / sp.factorial(m), {symbol: whole}, bits=192)
    return _evaluate(near, {symbol: arb_series([whole, 1])})[m]


def _evaluate(expr: sp.Expr, known: dict[sp.Expr, PowerSeries]) -> PowerSeries:
    if expr not in known:
        known[expr] = _apply(expr, known)
    return known[expr]


def _apply(expr: sp.Expr, known: dict[sp.Expr, PowerSeries]) -> PowerSeries:
    if not expr.free_symbols:
        return arb_series([enclose(expr, {}, bits=192)])
    if expr.is_Pow and not isinstance(expr, sp.exp) and expr.exp.is_Integer:
        return _evaluate(expr.base, known) ** int(expr.exp)
    args = [_evaluate(a, known) for a in ((expr.exp,) if isinstance(expr, sp.exp) else expr.args)]
    if expr.is_Add:
        return sum(args[1:], args[0])
    if expr.is_Mul:
        product = args[0]
        for factor in args[1:]:
            product = product * factor
        return product
    if isinstance(expr, sp.exp):
        return args[0].exp()
    if expr.is_Pow:
        return (args[1] * args[0].log()).exp()
    if expr.func not in SERIES or len(args) > 1:  # the lower branch of LambertW is another function
        raise InputError(f"no Taylor series is known here for {expr.func.__name__}")
    return SERIES[expr.func](args[0])
