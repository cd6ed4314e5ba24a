"""∫ f dt over the cells of a grid in [0, 1], for coefficients that may be singular at the ends.

Exactly, by a difference of antiderivatives in ball arithmetic, when one is known; else by Gauss-Legendre rules on
halved cells until two levels agree, and by the double-exponential rule (Takahasi & Mori, 1974) on a cell that touches
0 or 1, in the distance from that end, so that no digit of 1 − t is lost.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from flint import arb
from numpy.typing import NDArray
from sympy import Dummy, Expr, Integral, Rational, RootSum, integrate, log

from symsched.enclose import Evaluator, compile_tape, sharpen
from symsched.endpoints import limit_at
from symsched.errors import InputError, UndecidedError
from symsched.normalform import canonical
from symsched.symbols import t

Array = NDArray[np.float64]
_u, _v = Dummy("u", positive=True), Dummy("v", positive=True)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_AGREE = 4e-16
_LEVELS = 40


@lru_cache(maxsize=512)
def antiderivative(expr: Expr) -> Expr | None:
    """∫ expr dt for rational functions of t with elementary integrals; None otherwise."""
    rational = canonical(expr)
    if not rational.is_rational_function(t):
        return None
    found = integrate(rational, t)
    return None if found.has(Integral, RootSum) else found.replace(log, _real_log)


def _real_log(argument: Expr) -> Expr:
    """log|u|, for a u of one sign on (0, 1): SymPy integrates 1/(1 − t) to −log(t − 1), which is complex there."""
    return log(-argument if argument.subs(t, Rational(1, 2)).is_negative else argument)


def cells(expr: Expr, grid: Array, primitive: Expr | None = None) -> Array:
    """∫ expr dt over [grid[k], grid[k+1]], float64 of shape (len(grid) − 1,).

    `primitive` is an antiderivative, when the caller knows one.  Raises InputError when the integral diverges at an
    end of (0, 1).
    """
    for end in {0.0, 1.0} & set(grid.tolist()):
        _require_integrable(expr, int(end))
    known = primitive if primitive is not None else antiderivative(expr)
    if known is not None:
        return _differences(known, grid)
    out = np.empty(len(grid) - 1)
    for k, (low, high) in enumerate(pairwise(grid)):
        out[k] = _cell(expr, float(low), float(high))
    return out


def _require_integrable(expr: Expr, end: int) -> None:
    """Refuse f that grows like 1/distance or faster: distance × f must vanish at the end."""
    try:
        residue = limit_at((t if end == 0 else 1 - t) * expr, end)
    except UndecidedError:
        return
    if not residue.is_zero:
        raise InputError(
            f"the integral of {expr} diverges at t = {end}; start after 0, stop before 1, or take a smaller kappa"
        )


def _differences(primitive: Expr, grid: Array) -> Array:
    tape = compile_tape((primitive.subs(t, _v) - primitive.subs(t, _u),), (_u, _v))

    def between(low: float, high: float) -> float:
        if low > 0 and high < 1:
            return sharpen(lambda: tape.run([arb(low), arb(high)]), lambda: f"the integral over [{low}, {high}]")[0]
        ends = [limit_at(primitive, int(e)) if e in (0, 1) else primitive.subs(t, exact_float(e)) for e in (low, high)]
        return Evaluator((ends[1] - ends[0],)).at(0.5)[0]

    return np.array([between(float(a), float(b)) for a, b in pairwise(grid)])


def exact_float(value: float) -> Expr:
    """The rational number that a float is."""
    return Rational(*float(value).as_integer_ratio())


def _cell(expr: Expr, low: float, high: float) -> float:
    if low == 0 and high == 1:
        return _from_end(expr, 0, 0.5) + _from_end(expr, 1, 0.5)
    if low == 0:
        return _from_end(expr, 0, high)
    if high == 1:
        return _from_end(expr, 1, 1 - low)
    return _halved(Evaluator((expr,)), low, high)


def _halved(value: Evaluator, low: float, high: float, level: int = 0, whole: float | None = None) -> float:
    def rule(a: float, b: float) -> float:
        return float((b - a) / 2 * (_WEIGHTS @ value((a + b) / 2 + (b - a) / 2 * _NODES)[0]))

    middle = (low + high) / 2
    left, right = rule(low, middle), rule(middle, high)
    coarse = rule(low, high) if whole is None else whole
    if abs(left + right - coarse) <= _AGREE * (abs(left) + abs(right)) or level >= _LEVELS:
        return left + right
    return _halved(value, low, middle, level + 1, left) + _halved(value, middle, high, level + 1, right)


def _from_end(expr: Expr, end: int, length: float) -> float:
    """Double-exponential rule over the distance d in (0, length) from an end, t = d or t = 1 − d."""
    value = Evaluator((expr.subs(t, _u if end == 0 else 1 - _u),), _u)
    total, previous = 0.0, np.inf
    for level in range(2, 8):
        step = 2.0**-level
        nodes = np.arange(-6.0, 4.0 + step / 2, step)
        # d = length e^{p}/(e^{p} + e^{−p}) with p = (π/2) sinh s: d is relatively accurate however small it is.
        pressed = np.pi / 2 * np.sinh(nodes)
        share = 1 / (1 + np.exp(-2 * pressed))
        rest = 1 / (1 + np.exp(2 * pressed))
        weights = length * step * np.pi * np.cosh(nodes) * share * rest
        used = (weights > 0) & (share > 1e-290)
        total = float(weights[used] @ value(length * share[used])[0])
        if abs(total - previous) <= 4 * _AGREE * abs(total):
            break
        previous = total
    return total
