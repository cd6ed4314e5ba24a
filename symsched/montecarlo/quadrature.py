"""Integrals of time-only coefficients over the steps of a grid, from last-bit-correct values."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.endpoints import values
from symsched.errors import UndecidedError
from symsched.normalform import decide_zero
from symsched.symbols import t

Array = NDArray[np.float64]
NODES = 16
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


@cache
def gauss() -> tuple[Array, Array]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


@cache
def antiderivative() -> Array:
    """M with (M f)_j = ∫₀^{node j} f for every polynomial f of degree < NODES, given f at the nodes."""
    nodes, _ = gauss()
    legendre = np.polynomial.legendre
    vandermonde = legendre.legvander(2 * nodes - 1, NODES - 1)
    integrals = [legendre.legint(row, lbnd=-1) / 2 for row in np.eye(NODES)]
    raised = np.array([legendre.legval(2 * nodes - 1, row) for row in integrals]).T
    return raised @ np.linalg.inv(vandermonde)


@cache
def double_exponential() -> tuple[Array, Array]:
    """tanh-sinh nodes (distance from the singular end, as a share of the step) and weights on (0, 1]."""
    u = np.arange(-4.0, 3.2, 0.04)
    s = np.pi / 2 * np.sinh(u)
    share = 1 / (1 + np.exp(-2 * s))
    return share, 0.04 * np.pi * np.cosh(u) * share * (1 - share)


def nodes(grid: Array) -> Array:
    """Quadrature times (steps, NODES)."""
    return grid[:-1, None] + np.diff(grid)[:, None] * gauss()[0]


def integrals(expr: sp.Expr, grid: Array) -> Array:
    """∫ expr dt over each step of the grid; ∞ where the integral diverges at t = 0 or 1."""
    if not expr.free_symbols:
        return float(expr) * np.diff(grid)
    found = values((expr,), nodes(grid))[0] @ gauss()[1] * np.diff(grid)
    if grid[0] == 0:
        found[0] = _singular(expr, grid[1], at_one=False)
    if grid[-1] == 1:
        found[-1] = _singular(expr, 1 - grid[-2], at_one=True)
    return found


def _singular(expr: sp.Expr, width: float, at_one: bool) -> float:
    share, weights = double_exponential()
    share = share[1 - width * share < 1] if at_one else share
    weights = weights[-len(share) :]
    f = values((expr,), 1 - width * share if at_one else width * share)[0]
    terms = weights * f * width
    total = float(terms.sum())
    # A convergent integral gets next to nothing from the last decades before the end.
    return total if abs(terms[:8]).max() <= 1e-3 * abs(total) else float(np.copysign(np.inf, total))
