"""Tables of time-only coefficients on a grid, from last-bit-correct values."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.errors import UndecidedError
from symsched.exact import decide_zero, values
from symsched.symbols import t

Array = NDArray[np.float64]
#: Numbers of the largest table that is kept for the next run on the same grid.
KEPT = 1 << 16


def table(exprs: tuple[sp.Expr, ...], times: Array) -> Array:
    """values(exprs, times) as an array (times, exprs); NaN where an expression has no limit at an end."""
    if len(times) * len(exprs) > KEPT:
        return _table(exprs, times)
    return _kept(exprs, np.asarray(times, dtype=np.float64).tobytes()).copy()


@lru_cache(maxsize=64)
def _kept(exprs: tuple[sp.Expr, ...], times: bytes) -> Array:
    return _table(exprs, np.frombuffer(times))


def _table(exprs: tuple[sp.Expr, ...], times: Array) -> Array:
    columns = np.empty((len(times), len(exprs)))
    moving = [k for k, expr in enumerate(exprs) if expr.has(t)]
    for k in set(range(len(exprs))) - set(moving):
        columns[:, k] = values((exprs[k],), 0.5)[0]
    changing = tuple(exprs[k] for k in moving)
    try:
        columns[:, moving] = np.stack(values(changing, times), axis=1) if changing else 0
    except UndecidedError:
        columns[:, moving] = [[_value(expr, float(time)) for expr in changing] for time in times]
    return columns


def _value(expr: sp.Expr, time: float) -> float:
    """One value; an exact zero, which no ball can settle, is recognised exactly."""
    try:
        return float(values((expr,), time)[0])
    except UndecidedError:
        if 0 < time < 1:
            exact = expr.subs(t, sp.Rational(time))
            if exact.has(sp.zoo, sp.oo, sp.nan):
                return float("inf")
            if not decide_zero(exact):
                raise
            return 0.0
        return float("nan")
