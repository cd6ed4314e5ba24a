"""The value of a definite integral, as digits that are proved; or, where no proof is known, as two methods find it.

Arb's integration (F. Johansson, "Numerical integration in arbitrary-precision ball arithmetic", 2018) encloses the
integral of a function that is analytic but for finitely many points, on a finite interval.  It needs to be told where
the function is not analytic: every operation here gives nan on a ball that meets a branch cut.  What it does not reach
(an infinite end, a singular one, another function) has a value only where the closed form that SymPy finds and a plain
quadrature agree.
"""

from __future__ import annotations

from functools import reduce
from operator import add, mul
from typing import Any

import mpmath
import sympy as sp
from flint import acb, arb, fmpq

from symsched.errors import UndecidedError, clipped
from symsched.exact.binders import BINDING, terms
from symsched.exact.functions import BALLS, CONSTANTS, ROWS, Ball, below
from symsched.precision import digits, precision

MOST_TERMS = 2000  # of a sum or a product that is written out
GUARD = 40  # bits more than those asked for
AGREED = mpmath.mpf(10) ** -12  # what a plain quadrature of 30 digits must reach where it is the second opinion

NAN = acb(arb.nan())


def settled(number: sp.Expr, count: int) -> sp.Expr:
    """`number` with every integral in it as a `Float` of `count` digits, and finite sums and products written out.

    Raises:
        UndecidedError: an integral, an infinite sum or product, or a limit, the value of which is not known.
    """
    if not isinstance(number, sp.Basic) or not number.has(*BINDING):
        return number
    if isinstance(number, (sp.Sum, sp.Product)):
        _, *ends = number.limits[-1]
        if len(ends) != 2 or not all(end.is_Integer for end in ends) or not -1 <= ends[1] - ends[0] < MOST_TERMS:
            raise UndecidedError(f"{clipped(number)}: not a few numbered terms; give it in closed form")
        return settled((sp.Add if isinstance(number, sp.Sum) else sp.Mul)(*terms(number)), count)
    if isinstance(number, sp.Integral):
        return _integral(number, count)
    if isinstance(number, BINDING):
        raise UndecidedError(f"{clipped(number)}: its value is not known to {count} digits; give it in closed form")
    return number.func(*(settled(part, count) for part in number.args))


def _integral(integral: Any, count: int) -> sp.Expr:
    bits = int(count * 3.33) + GUARD
    for more in (GUARD, bits, 3 * bits):  # a narrow peak takes digits of where it is
        with precision(bits + more):
            ball = _enclosed(integral)
            if ball.rel_accuracy_bits() >= bits:
                return _float(ball, count)
        if not ball.is_finite():
            break
    try:
        return sp.N(_in_two_ways(integral), count + 10)
    except UndecidedError:
        if ball.rad() < arb(2) ** -bits:  # small, or 0
            return _float(ball, count)
        raise


def _float(ball: Ball, count: int) -> sp.Expr:
    return sp.Float(ball.mid().str(count + 20, radius=False), count + 10)


def _enclosed(integral: Any) -> Ball:
    """A real ball that holds the integral; nan where Arb does not reach it."""
    if len(integral.limits) != 1 or len(integral.limits[0]) != 3 or integral.has(sp.I):
        return NAN.real
    function, (variable, *ends) = integral.function, integral.limits[0]
    if function.has(*BINDING) or not all(end.is_finite and end.is_real for end in ends):
        return NAN.real
    try:
        return enclosed(function, variable, *(_value(end, {}, False) for end in ends))
    except (KeyError, ZeroDivisionError, AttributeError):  # an operation that is not known here
        return NAN.real


def enclosed(
    function: sp.Expr, variable: sp.Symbol, low: Ball, high: Ball, most: int | None = None, goal: int | None = None
) -> Ball:
    """A real ball that holds ∫ function over [low, high], of at most `most` balls of it and to `goal` bits, or as many
    as there are; nan where Arb does not reach it.  KeyError: an operation is not known on complex balls."""
    if not all(_value(function, {variable: end}, False).is_finite() for end in (low, high)):
        return NAN.real
    tolerance = None if goal is None else arb(2) ** -goal
    found = acb.integral(
        lambda z, analytic: _value(function, {variable: z}, analytic), low, high, eval_limit=most, rel_tol=tolerance
    )
    return found.real if found.imag.is_zero() else NAN.real


def _value(expr: Any, at: dict[Any, Ball], analytic: bool) -> Ball:
    """The ball of an expression; nan where it need not be analytic, if it has to be.  KeyError: not known here."""

    def visit(e: Any) -> Ball:
        if e in at:
            return at[e]
        if e.is_Rational:
            return acb(arb(fmpq(int(e.p), int(e.q))))
        if not e.args:
            return acb(CONSTANTS[e]())
        parts = [visit(part) for part in e.args]
        if e.is_Add or e.is_Mul:
            return reduce(add if e.is_Add else mul, parts)
        if e.is_Pow and not isinstance(e, sp.exp):
            return _power(parts[0], e.exp, parts[1], analytic)
        if isinstance(e, sp.Abs):
            return _modulus(parts[0], analytic)
        cut = ROWS[e.func].cut
        if cut is None:
            raise KeyError(e)
        return NAN if analytic and cut(parts[0]) else BALLS[e.func](parts[0])

    return visit(expr)


def _power(base: Ball, exponent: Any, value: Ball, analytic: bool) -> Ball:
    if exponent.is_Integer:
        return base ** int(exponent)
    if analytic and below(base):
        return NAN
    return base.sqrt() if exponent == sp.Rational(1, 2) else base**value


def _modulus(z: Ball, analytic: bool) -> Ball:
    """|z| of a function that is real on the real line, and its analytic continuation: z or −z."""
    if z.real > 0 or z.real < 0:
        return z if z.real > 0 else -z
    return NAN if analytic or not z.imag.is_zero() else acb(abs(z.real))


def _in_two_ways(integral: Any) -> sp.Expr:
    """The closed form, if a quadrature agrees with it."""
    closed = integral.doit()
    if not closed.has(*BINDING) and closed.is_number and not closed.has(sp.nan, sp.zoo, sp.oo):
        with digits(30):
            value = mpmath.mpmathify(sp.N(closed, 30))
            gap = abs(_quadrature(integral) - value)
            if gap <= AGREED * abs(value) or (value == 0 and gap <= AGREED):
                return closed
    raise UndecidedError(f"{clipped(integral)}: its digits are not known for sure; give it in closed form")


def _number(end: sp.Expr) -> Any:
    return mpmath.inf * int(sp.sign(end)) if end.is_infinite else mpmath.mpmathify(sp.N(end, 30))


def _quadrature(integral: Any) -> Any:
    """A number by plain quadrature; nan where it fails, or an end is not a number."""
    if any(len(limit) != 3 or limit[1].free_symbols or limit[2].free_symbols for limit in integral.limits):
        return mpmath.nan
    letters = [limit[0] for limit in integral.limits]
    ends = [[_number(end) for end in limit[1:]] for limit in integral.limits]
    try:
        return mpmath.quad(sp.lambdify(letters, integral.function, "mpmath"), *ends)
    except (ArithmeticError, ValueError, TypeError, NameError):
        return mpmath.nan
