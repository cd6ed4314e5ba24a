"""Signs by ball arithmetic: enclosures over pieces of (0, 1), with an argument of its own at each end.

Between the ends: f(X) > 0, or f(mid) + f'(X)(X − mid) > 0, on each piece X of an adaptive subdivision.  At an end,
Taylor's theorem (see `taylor`), or, where f is not that smooth, the dominating term (see `germ`).
"""

from __future__ import annotations

import sympy as sp
from flint import arb

from symsched.exact.balls import compile_tape, enclose, interval
from symsched.exact.signs.germ import germ_sign
from symsched.exact.signs.sign import Sign
from symsched.exact.signs.taylor import taylor_sign
from symsched.precision import precision

MAX_PIECES = 4000  # tried before the question is left open
REACHES = (2.0**-6, 2.0**-20, 2.0**-40)  # distances from an end for which its own argument is tried, the longest first
UNKNOWN = Sign("unknown", "balls")
_u = sp.Dummy("u", positive=True)


def by_balls(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """The strict sign of `expr`, defined on all of (0, 1), by enclosures."""
    low, from_low, how = _end_sign(expr.subs(symbol, _u))
    high, from_high, how_high = _end_sign(expr.subs(symbol, 1 - _u))
    if low == 0 or high == 0:
        return UNKNOWN
    outcome = _positive(low * expr, symbol, from_low, 1 - from_high)
    if isinstance(outcome, tuple):
        start = enclose(expr, {symbol: sp.Rational(from_low)}, bits=256)
        return Sign("mixed", "balls at two points", outcome if low > 0 else (from_low, float(start.mid())))
    if not outcome or low != high:
        return UNKNOWN
    method = "Taylor remainders" if how == how_high == "Taylor" else "leading terms"
    return Sign("positive" if low > 0 else "negative", f"balls and {method}")


def _end_sign(near: sp.Expr) -> tuple[int, float, str]:
    """(sign on (0, δ], δ, how); the sign is 0 when it is not known."""
    for delta in REACHES:
        for how, route in (("Taylor", taylor_sign), ("leading terms", germ_sign)):
            sign = route(near, _u, delta)
            if sign:
                return sign, delta, how
    return 0, 0.0, "unknown"


def _positive(expr: sp.Expr, symbol: sp.Symbol, low: float, high: float) -> bool | tuple[float, float]:
    """Whether the expression is positive on [low, high], by bisection, which is geometric next to the ends of (0, 1);
    or a point where it is negative, with the value."""
    run = compile_tape((expr, expr.diff(symbol)), (symbol,)).run
    pieces = [(low, high)]
    with precision(192):
        for _ in range(MAX_PIECES):
            if not pieces:
                return True
            a, b = pieces.pop()
            whole, centre = interval(a, b), arb((a + b) / 2)
            value, slope = run([whole])
            # By the mean value theorem too: what that form adds to the true range shrinks with the square of the width.
            if value > 0 or run([centre])[0] + slope * (whole - centre) > 0:
                continue
            middle = _middle(a, b)
            value = run([arb(middle)])[0]
            if value < 0:
                return middle, float(value.mid())
            if not a < middle < b:
                return False
            pieces += [(a, middle), (middle, b)]
    return not pieces


def _middle(a: float, b: float) -> float:
    if 1 - a > 4 * (1 - b) and a > 0.25:
        return 1 - float(((1 - a) * (1 - b)) ** 0.5)
    return (a + b) / 2 if b < 4 * a else float((a * b) ** 0.5)
