"""∫ f dt over the cells of a grid in [0, 1], for coefficients that may be singular at the ends.

Exactly, by a difference of antiderivatives in ball arithmetic, when one is known; else with a proved error (see
`symsched.quadrature`), and where a function is not known there, by Gauss-Legendre rules on halved cells until two
levels agree.  Next to 0 or 1 the double-exponential rule (Takahasi & Mori, 1974) is used, in the distance from that
end, so that no digit of 1 − t is lost.  What does not agree, or leaves too much out next to an end, is refused.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray
from sympy import Dummy, Expr, Integral, Rational, RootSum, integrate, log

from symsched.enclose import NEEDED_BITS, Evaluator, compile_tape, sharpen
from symsched.endpoints import limit_at
from symsched.errors import InputError, UndecidedError
from symsched.normalform import canonical
from symsched.parsing import quoted
from symsched.precision import precision
from symsched.quadrature import enclosed
from symsched.symbols import t

Array = NDArray[np.float64]
_u, _v = Dummy("u", positive=True), Dummy("v", positive=True)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_AGREE = 4e-16
#: Halvings of a cell, and pieces in all: more do not bring two rules to agree.
_LEVELS, _PIECES = 40, 2000
#: Of the proof: its precision, and how many balls of some 20 μs it may take.
_BITS, _BALLS = 128, 60_000
#: The share of a cell at an end that the double-exponential rule is given.
_NEAR = 2.0**-4


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
    """Over [low, high]: what touches an end, and what is inside."""
    near = [0.0, 0.0]
    for end in (0, 1):
        if (low, high)[end] == end:
            length = _NEAR * (high - low)
            near[end] = _from_end(expr, end, length)
            low, high = (length, high) if end == 0 else (low, 1 - length)
    proved = _proved(expr, low, high)
    return sum(near) + (_halved(expr, low, high) if proved is None else proved)


def _proved(expr: Expr, low: float, high: float) -> float | None:
    """By balls of whole disks, for which no feature is too narrow; None where that is not known or takes too many."""
    with precision(_BITS):
        try:
            ball = enclosed(expr, t, acb(low), acb(high), _BALLS)
        except (KeyError, ZeroDivisionError, AttributeError):  # an operation that is not known on complex balls
            return None
        settled = ball.is_finite() and ball.rel_accuracy_bits() >= NEEDED_BITS
        return float(ball.mid()) if settled else None


def _halved(expr: Expr, low: float, high: float) -> float:
    """Pieces on which two rules agree, relative to what |f| has there and, a little, everywhere."""
    value = Evaluator((expr,))

    def rule(a: float, b: float) -> tuple[float, float]:
        found = (b - a) / 2 * _WEIGHTS * value((a + b) / 2 + (b - a) / 2 * _NODES)[0]
        return float(found.sum()), float(np.abs(found).sum())

    first = np.linspace(low, high, 9)
    pieces = [(a, b, *rule(a, b), 0) for a, b in pairwise(first.tolist())]
    density = sum(mass for *_, mass, _ in pieces) / (high - low)
    total, done = [], 0
    while pieces:
        a, b, whole, _, level = pieces.pop()
        middle, done = (a + b) / 2, done + 1
        (left, one), (right, other) = rule(a, middle), rule(middle, b)
        if abs(left + right - whole) <= _AGREE * (one + other + density * (b - a)):
            total += [left, right]
        elif level >= _LEVELS or done > _PIECES:
            raise _unsettled(expr, low, high)
        else:
            pieces += [(a, middle, left, one, level + 1), (middle, b, right, other, level + 1)]
    return math.fsum(total)


def _unsettled(expr: Expr, low: float, high: float) -> UndecidedError:
    where = f"over [{low:.6g}, {high:.6g}]"
    return UndecidedError(f"the integral of {quoted(expr)} {where} could not be computed; give a smoother scale")


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
        heights = value(length * share[used])[0]
        terms = weights[used] * heights
        total = float(terms.sum())
        if abs(total - previous) <= 4 * _AGREE * np.abs(terms).sum():
            break
        previous = total
    else:
        raise _unsettled(expr, *((0, length) if end == 0 else (1 - length, 1)))
    # What lies nearer than the first node: d f(d) there, for an f that is at most a power.
    if abs(heights[0]) * length * share[used][0] > 1e-15 * np.abs(terms).sum():
        raise InputError(
            f"the integral of {quoted(expr)} diverges at t = {end}, or nearly; start after 0, stop before 1, or take a "
            "smaller kappa"
        )
    return total
