"""An evaluator of SymPy trees of its own, at 60 digits, that shares nothing with the rewriting under test.

It walks the tree as it stands: a derivative is taken numerically, a substitution is an environment, an undefined
function is a concrete one.  What is not a real finite number raises `NoValueError`.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from typing import Any

import mpmath
import sympy as sp
from mpmath import mp

DIGITS = 60
TINY = mpmath.mpf(10) ** -45  # below this a number that should be compared with 0 is not told from it
LARGE = mpmath.mpf(10) ** 25  # beside a term as large as this one, what is left of a sum has no digit that counts


class NoValueError(Exception):
    """No real and finite value, or too near to where there is none."""


def _needs(condition: Any) -> None:
    if not condition:
        raise NoValueError


def _root(a: Any, exponent: Any) -> Any:
    if abs(a) < TINY:
        _needs(exponent > 0)
        return mp.mpf(0)
    if exponent == mp.nint(exponent):
        return a ** int(exponent)
    _needs(a > 0)
    return a**exponent


def _log(a: Any) -> Any:
    _needs(a > TINY)
    return mp.log(a)


def _over(a: Any) -> Any:
    _needs(abs(a) > TINY)
    return 1 / a


def _within(low: int, high: float, function: Any) -> Any:
    def guarded(a: Any) -> Any:
        _needs(low <= a <= high)
        return function(a)

    return guarded


def _sign(a: Any) -> Any:
    _needs(a == 0 or abs(a) > TINY)
    return mp.sign(a)


def _floor(a: Any) -> Any:
    _needs(a == mp.floor(a) or abs(a - mp.nint(a)) > TINY)
    return mp.floor(a)


def _gamma(a: Any) -> Any:
    _needs(a > 0 or abs(a - mp.nint(a)) > TINY)
    return mp.gamma(a)


FUNCTIONS: dict[type, Any] = {
    sp.sin: mp.sin,
    sp.cos: mp.cos,
    sp.tan: lambda a: mp.sin(a) * _over(mp.cos(a)),
    sp.cot: lambda a: mp.cos(a) * _over(mp.sin(a)),
    sp.sec: lambda a: _over(mp.cos(a)),
    sp.csc: lambda a: _over(mp.sin(a)),
    sp.sinh: mp.sinh,
    sp.cosh: mp.cosh,
    sp.tanh: mp.tanh,
    sp.coth: lambda a: mp.cosh(a) * _over(mp.sinh(a)),
    sp.sech: lambda a: _over(mp.cosh(a)),
    sp.csch: lambda a: _over(mp.sinh(a)),
    sp.log: _log,
    sp.asin: _within(-1, 1, mp.asin),
    sp.acos: _within(-1, 1, mp.acos),
    sp.atan: mp.atan,
    sp.acot: lambda a: mp.pi / 2 if a == 0 else mp.atan(_over(a)),
    sp.asinh: mp.asinh,
    sp.acosh: _within(1, mp.inf, mp.acosh),
    sp.atanh: lambda a: _log((1 + a) * _over(1 - a)) / 2,
    sp.atan2: lambda b, a: mp.atan2(b, a),
    sp.erf: mp.erf,
    sp.erfc: mp.erfc,
    sp.gamma: _gamma,
    sp.erfi: mp.erfi,
    sp.erfinv: _within(-1, 1, mp.erfinv),
    sp.loggamma: lambda a: _log(mp.gamma(a)) if a > TINY else _needs(False),
    sp.factorial: lambda a: mp.gamma(a + 1),
    sp.binomial: mp.binomial,
    sp.beta: mp.beta,
    sp.polygamma: lambda n, a: mp.polygamma(int(n), a) if a > TINY else _needs(False),
    sp.lowergamma: lambda s, a: mp.gammainc(s, 0, a),
    sp.uppergamma: lambda s, a: mp.gammainc(s, a),
    sp.besselj: mp.besselj,
    sp.besseli: mp.besseli,
    sp.LambertW: lambda a, branch=0: mp.re(mp.lambertw(a, int(branch))) if a > -1 / mp.e else _needs(False),
    sp.Si: mp.si,
    sp.Ei: mp.ei,
    sp.li: lambda a: mp.li(a) if a > TINY else _needs(False),
    sp.airyai: mp.airyai,
    sp.airyaiprime: lambda a: mp.airyai(a, derivative=1),
    sp.zeta: mp.zeta,
    sp.expint: lambda n, a: mp.expint(n, a) if a > TINY else _needs(False),
    sp.ceiling: lambda a: -_floor(-a),
    sp.frac: lambda a: a - _floor(a),
    sp.Abs: abs,
    sp.sign: _sign,
    sp.Heaviside: lambda a, at_zero: at_zero if a == 0 else (1 + _sign(a)) / 2,
    sp.Max: max,
    sp.Min: min,
    sp.floor: _floor,
    sp.re: lambda a: a,  # all is real here
    sp.im: lambda _: mp.mpf(0),
    sp.conjugate: lambda a: a,
}


def value(expr: sp.Basic, at: Mapping[sp.Basic, Any]) -> Any:
    """The value of `expr` where its letters are the numbers `at`; raises NoValueError."""
    if expr in at:
        return at[expr]
    if expr.is_Rational:
        return mp.mpf(int(expr.p)) / int(expr.q)
    if expr.is_Float:
        return mp.mpf(expr._mpf_)
    if not expr.args:
        _needs(expr.is_number)
        return expr.evalf(mp.dps)._to_mpmath(mp.prec)
    if expr.is_Add:
        terms = [value(a, at) for a in expr.args]
        _needs(max(map(abs, terms)) < LARGE)
        return mp.fsum(terms)
    if expr.is_Mul:
        return mp.fprod(value(a, at) for a in expr.args)
    if isinstance(expr, sp.exp):
        return mp.exp(value(expr.exp, at))
    if expr.is_Pow:
        return _root(value(expr.base, at), value(expr.exp, at))
    if isinstance(expr, sp.Subs):
        inner = {v: value(p, at) for v, p in zip(expr.variables, expr.point, strict=True)}
        return value(expr.expr, {**at, **inner})
    if isinstance(expr, sp.Derivative):
        return _slope(expr.expr, list(expr.variable_count), at)
    if isinstance(expr, sp.Piecewise):
        return next(value(branch, at) for branch, condition in expr.args if _holds(condition, at))
    if isinstance(expr, (sp.Sum, sp.Product)):
        return _series(expr, expr.function, expr.limits, at)
    if isinstance(expr, sp.Integral):
        return _integral(expr.function, expr.limits, at)
    if isinstance(expr, sp.Limit):
        raise NoValueError
    if isinstance(expr, sp.core.function.AppliedUndef):
        return _stand_in(str(expr.func), [value(a, at) for a in expr.args])
    return FUNCTIONS[expr.func](*(value(a, at) for a in expr.args))


def _slope(expr: sp.Basic, by: list[Any], at: Mapping[sp.Basic, Any]) -> Any:
    if not by:
        return value(expr, at)
    *rest, (v, n) = by
    _needs(v in at)  # a derivative by f(x) is for others
    return mp.diff(lambda z: _slope(expr, rest, {**at, v: z}), at[v], int(n))


def _series(expr: Any, body: sp.Basic, limits: Any, at: Mapping[sp.Basic, Any]) -> Any:
    """The last letter is the outermost: the ends of those before it may depend on it."""
    if not limits:
        return value(body, at)
    *inside, (letter, low, high) = limits
    if high == sp.oo:
        _needs(isinstance(expr, sp.Sum))
        return mp.nsum(lambda k: _series(expr, body, inside, {**at, letter: k}), [int(value(low, at)), mp.inf])
    first, last = value(low, at), value(high, at)
    _needs(first == mp.nint(first) and last == mp.nint(last) and last >= first - 1)
    terms = [_series(expr, body, inside, {**at, letter: mp.mpf(k)}) for k in range(int(first), int(last) + 1)]
    return mp.fsum(terms) if isinstance(expr, sp.Sum) else mp.fprod(terms)


def _integral(body: sp.Basic, limits: Any, at: Mapping[sp.Basic, Any]) -> Any:
    kinks = sp.Abs, sp.Max, sp.Min, sp.Piecewise, sp.floor  # of which quadrature knows nothing
    _needs(len(limits) == 1 and not body.has(sp.Integral, *kinks))  # two in each other take minutes
    ((letter, low, high),) = limits
    ends = [mp.inf if end == sp.oo else value(end, at) for end in (low, high)]
    found, error = mp.quad(lambda z: value(body, {**at, letter: z}), ends, error=True)
    _needs(error < mp.mpf(10) ** -30)
    return found


def _stand_in(name: str, args: list[Any]) -> Any:
    """A function without symmetries, of both signs."""
    seeds = [zlib.crc32(f"{name}/{k}".encode()) % 89 + 5 for k in range(len(args) + 1)]
    phase = mp.mpf(seeds[-1]) / 40 + mp.fsum(mp.mpf(s) / 53 * a for s, a in zip(seeds, args, strict=False))
    return mp.sin(2 * phase) + mp.cos(phase * args[0] / 3) / 5


def _holds(condition: Any, at: Mapping[sp.Basic, Any]) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        return (all if isinstance(condition, sp.And) else any)(_holds(part, at) for part in condition.args)
    gap = value(condition.lhs, at) - value(condition.rhs, at)
    _needs(gap == 0 or abs(gap) > TINY)
    return {">": gap > 0, ">=": gap >= 0, "<": gap < 0, "<=": gap <= 0, "==": gap == 0, "!=": gap != 0}[
        condition.rel_op
    ]


def judged(expr: sp.Expr, draw: Any, seed: int, points: int = 12) -> tuple[int, Any]:
    """(at how many admissible points `expr` is defined, a point where it is not 0 or None).

    `draw(random)` gives numbers for the letters.  Not 0: more than 10⁻²⁵ of the larger of 1 and its largest term, at
    60 digits and at 120; a point where the two disagree is passed over.
    """
    source, seen = random.Random(seed), 0
    for _ in range(4 * points):
        at = draw(source)
        one, other = _measured(expr, at, DIGITS), _measured(expr, at, 2 * DIGITS)
        if one is None or other is None or abs(one - other) > mp.mpf(10) ** -25 * max(1, abs(one)):
            continue
        if abs(one) > mp.mpf(10) ** -25:
            return seen, at
        seen += 1
        if seen == points:
            break
    return seen, None


def _measured(expr: sp.Expr, at: Mapping[sp.Basic, Any], digits: int) -> Any:
    """The value relative to the larger of 1 and the largest term; None where there is none."""
    with mp.workdps(digits):
        try:
            found = value(expr, at)
            size = max([abs(value(term, at)) for term in sp.Add.make_args(expr)] + [mp.mpf(1)])
        except (NoValueError, StopIteration, OverflowError, ZeroDivisionError, ValueError):
            return None
        return found / size if mp.isfinite(found) else None
