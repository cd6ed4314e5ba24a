"""What a step accumulates: ∫ f dt over the cells of a grid in [0, 1], for coefficients singular at the ends too.

Exactly, by a difference of antiderivatives in ball arithmetic, when one is known; else with a proved error (see
`symsched.exact.quadrature`), and where a function is not known there, by Gauss-Legendre rules on halved cells until two
levels agree.  Next to 0 or 1 the double-exponential rule (Takahasi & Mori, 1974) is used, in the distance from that
end, so that no digit of 1 − t is lost.  What does not agree, or leaves too much out next to an end, is refused.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache, lru_cache, partial
from itertools import pairwise

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray
from sympy import Dummy, Expr, Integral, Rational, RootSum, S, diff, integrate, log

from symsched.errors import InputError, UndecidedError
from symsched.exact import (
    NEEDED_BITS,
    Evaluator,
    canonical,
    compile_tape,
    decide_zero,
    enclosed,
    limit_at,
    sharpen,
    values,
    within,
)
from symsched.parsing import quoted
from symsched.precision import precision
from symsched.symbols import t

Array = NDArray[np.float64]
Retained = tuple[Array, Array]
_u, _v = START, END = Dummy("u", positive=True), Dummy("v", positive=True)
NODES = 16
_AGREE = 4e-16
_CALLS = 400_000  # of Python functions, for one antiderivative
#: Halvings of a cell, and pieces in all: more do not bring two rules to agree.
_LEVELS, _PIECES = 40, 2000
#: Of the proof: its precision, and how many balls of some 20 μs it may take.
_BITS, _BALLS = 128, 60_000
#: The share of a cell at an end that the double-exponential rule is given.
_END_SHARE = 2.0**-4


def noise_variance(eps: Expr, times: Array, marginal: Expr | None = None, diverging: float | None = None) -> Array:
    """∫ 2ε dt over each step, (len(times) − 1,): of the noise that a step adds where its variance is exact.

    `marginal` is the variance V of I_t, where there is one: in a lazy schedule ε = V̇/2, and V itself is the
    antiderivative (theory C9).  `diverging`: see `over`.
    """
    if decide_zero(eps):
        return np.zeros(len(times) - 1)
    return over(2 * eps, times, lazy_primitive(eps, marginal), diverging)


def lazy_primitive(eps: Expr, marginal: Expr | None) -> Expr | None:
    """V, if ε = V̇/2."""
    return marginal if marginal is not None and decide_zero(2 * eps - diff(marginal, t)) else None


def retained(alpha: Expr, beta: Expr, eps: Expr, kappa: Expr | None, times: Array, rho: Expr = S.Zero) -> Retained:
    """(E, 1 − E²) over each step, E = exp(−∫ ε/V dt) with V = α² + ρ²β²: what the noise of a state keeps of itself.

    E is 0 across an end that the integral does not converge to; and from a point, V = 0, which says nothing of the
    noise.  With a constant κ the integral is κ Δlog(β/√V).
    """
    variance = alpha**2 + rho**2 * beta**2
    if decide_zero(eps):
        exponent = np.zeros(len(times) - 1)
    elif kappa is not None and not kappa.free_symbols:
        level = log(beta**2 / variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            coarse = np.diff(values((level,), times)[0])
        exponent = float(kappa) / 2 * across(level.subs(t, END) - level.subs(t, START), times, coarse)
    else:
        exponent = over(eps / variance, times, diverging=np.inf)
    exponent[values((variance,), times[:-1])[0] == 0] = np.inf
    return np.exp(-exponent), -np.expm1(-2 * exponent)


def across(form: Expr, times: Array, coarse: Array) -> Array:
    """A form in START and END over each step, to the last bit however short the step; `coarse` where it has no value,
    at an end of (0, 1)."""
    if decide_zero(form):
        return np.zeros_like(coarse)
    tape, out = compile_tape((form,), (START, END)), coarse.copy()
    for k, step in enumerate(pairwise(times.tolist())):
        with suppress(UndecidedError):
            out[k] = sharpen(partial(tape.run, [arb(time) for time in step]), lambda: "a difference")[0]
    return out


@lru_cache(maxsize=512)
def antiderivative(expr: Expr) -> Expr | None:
    """∫ expr dt for rational functions of t with elementary integrals; None otherwise."""
    rational = canonical(expr)
    if not rational.is_rational_function(t):
        return None
    found = within(_CALLS, lambda: integrate(rational, t))  # of algebraic coefficients it can take minutes
    return None if found is None or found.has(Integral, RootSum) else found.replace(log, _real_log)


def _real_log(argument: Expr) -> Expr:
    """log|u|, for a u of one sign on (0, 1): SymPy integrates 1/(1 − t) to −log(t − 1), which is complex there."""
    return log(-argument if argument.subs(t, Rational(1, 2)).is_negative else argument)


def over(expr: Expr, grid: Array, primitive: Expr | None = None, diverging: float | None = None) -> Array:
    """∫ expr dt over [grid[k], grid[k+1]], float64 of shape (len(grid) − 1,).

    `primitive` is an antiderivative, when the caller knows one.  A cell at an end of (0, 1) whose integral diverges
    has the value `diverging`; where that is None, InputError says so.
    """
    if not expr.has(t):
        return np.diff(grid) * values((expr,), np.array([0.5]))[0]
    known = primitive if primitive is not None else antiderivative(expr)
    out, cells = np.empty(len(grid) - 1), [(float(low), float(high)) for low, high in pairwise(grid)]
    for k, (low, high) in enumerate(cells):
        try:
            for end in {0.0, 1.0} & {low, high}:
                _require_integrable(expr, int(end))
            out[k] = _cell(expr, low, high) if known is None else _difference(known, low, high)
        except InputError:
            if diverging is None:
                raise
            out[k] = diverging
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


def _difference(primitive: Expr, low: float, high: float) -> float:
    if low > 0 and high < 1:
        tape = compile_tape((primitive.subs(t, _v) - primitive.subs(t, _u),), (_u, _v))
        return sharpen(lambda: tape.run([arb(low), arb(high)]), lambda: f"the integral over [{low}, {high}]")[0]
    ends = [limit_at(primitive, int(e)) if e in (0, 1) else primitive.subs(t, exact_float(e)) for e in (low, high)]
    return Evaluator((ends[1] - ends[0],)).at(0.5)[0]


@cache
def gauss() -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


def nodes(grid: Array) -> Array:
    """Quadrature times (steps, NODES)."""
    return grid[:-1, None] + np.diff(grid)[:, None] * gauss()[0]


@cache
def lift() -> Array:
    """M with (M f)_j = ∫₀^{node j} f for every polynomial f of degree < NODES, given f at the nodes."""
    nodes, _ = gauss()
    legendre = np.polynomial.legendre
    vandermonde = legendre.legvander(2 * nodes - 1, NODES - 1)
    integrals = [legendre.legint(row, lbnd=-1) / 2 for row in np.eye(NODES)]
    raised = np.array([legendre.legval(2 * nodes - 1, row) for row in integrals]).T
    return raised @ np.linalg.inv(vandermonde)


def exact_float(value: float) -> Expr:
    """The rational number that a float is."""
    return Rational(*float(value).as_integer_ratio())


def _cell(expr: Expr, low: float, high: float) -> float:
    """Over [low, high]: what touches an end, and what is inside."""
    near = [0.0, 0.0]
    for end in (0, 1):
        if (low, high)[end] == end:
            length = _END_SHARE * (high - low)
            near[end] = _from_end(expr, end, length)
            low, high = (length, high) if end == 0 else (low, 1 - length)
    proved = _proved(expr, low, high)
    return sum(near) + (_halved(expr, low, high) if proved is None else proved)


def _proved(expr: Expr, low: float, high: float) -> float | None:
    """By balls of whole disks, for which no feature is too narrow; None where that is not known or takes too many."""
    with precision(_BITS):
        try:
            ball = enclosed(expr, t, acb(low), acb(high), _BALLS, NEEDED_BITS + 2)
        except (KeyError, ZeroDivisionError, AttributeError):  # an operation that is not known on complex balls
            return None
        settled = ball.is_finite() and ball.rel_accuracy_bits() >= NEEDED_BITS
        return float(ball.mid()) if settled else None


def _halved(expr: Expr, low: float, high: float) -> float:
    """Pieces on which two rules agree, relative to what |f| has there and, a little, everywhere."""
    value = Evaluator((expr,))

    def rule(a: float, b: float) -> tuple[float, float]:
        at, weights = gauss()
        found = (b - a) * weights * value(a + (b - a) * at)[0]
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
