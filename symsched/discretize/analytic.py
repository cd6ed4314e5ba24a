"""Integrals with a proved error: a formula on complex balls, integrated by Arb (Johansson, arXiv:1802.07942).

The integrator sees whole disks, so no feature of the formula is too narrow for it; where it asks for an analytic
function, one that meets a branch cut answers with no finite ball.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from flint import acb, arb, fmpq

from symsched.enclose import NEEDED_BITS, enclose
from symsched.errors import InputError
from symsched.precision import alone, precision
from symsched.symbols import t

BITS = 128
#: Balls of the integrand, of some 20 μs each.
EVALUATIONS = 60_000

Ball = Any
SMOOTH: Mapping[type, Callable[[Ball], Ball]] = {
    f: (lambda name: lambda z: getattr(z, name)())(f.__name__)
    for f in (
        *(sp.exp, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc),
        *(sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch, sp.erf, sp.erfc, sp.erfi),
    )
}


@alone
def integral(expr: sp.Expr, low: float, high: float) -> float | None:
    """∫ expr dt over [low, high] inside (0, 1), right to the last bit; None where a function is not known on complex
    balls, or too many of them were needed."""
    with precision(BITS):
        try:
            found = acb.integral(
                lambda z, analytic: _value(expr, z, analytic, {}),
                *map(acb, (low, high)),
                eval_limit=EVALUATIONS,
            )
        except InputError:
            return None
        settled = found.real.is_finite() and found.real.rel_accuracy_bits() >= NEEDED_BITS
        return float(found.real.mid()) if settled else None


def _value(expr: sp.Expr, z: Ball, analytic: bool, known: dict[sp.Expr, Ball]) -> Ball:
    if expr not in known:
        known[expr] = _apply(expr, z, analytic, known)
    return known[expr]


def _apply(expr: sp.Expr, z: Ball, analytic: bool, known: dict[sp.Expr, Ball]) -> Ball:
    if expr == t:
        return z
    if not expr.has(t):
        exact = expr.is_Rational
        return acb(arb(fmpq(int(expr.p), int(expr.q))) if exact else enclose(expr, {}, bits=BITS))
    parts = (expr.exp,) if isinstance(expr, sp.exp) else expr.args
    args = [_value(part, z, analytic, known) for part in parts]
    if expr.is_Add:
        return sum(args[1:], args[0])
    if expr.is_Mul:
        product = args[0]
        for factor in args[1:]:
            product = product * factor
        return product
    if expr.is_Pow and not isinstance(expr, sp.exp):
        return args[0] ** int(expr.exp) if expr.exp.is_Integer else args[0].pow(args[1], analytic=analytic)
    if isinstance(expr, sp.log):
        return args[0].log(analytic=analytic)
    if isinstance(expr, sp.atan):  # (log(1 + iz) − log(1 − iz))/2i
        turned = acb(0, 1) * args[0]
        return ((1 + turned).log(analytic=analytic) - (1 - turned).log(analytic=analytic)) / acb(0, 2)
    if expr.func not in SMOOTH:
        raise InputError(f"{expr.func.__name__} is not known on complex balls")
    return SMOOTH[expr.func](args[0])
