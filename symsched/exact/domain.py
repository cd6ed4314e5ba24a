"""Where a function of a real argument is real and smooth: one table for signs, limits and values.

SymPy's functions are meant as its numbers are: acot(a) = atan(1/a) jumps at 0, atan2 jumps where y = 0 and x < 0, and
the lower branch of LambertW lives on (−1/e, 0).  A function that is not in this table is taken for nothing: whoever
needs it to be continuous must leave the question open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef


class Need(NamedTuple):
    """What `expr` must be: "positive", "negative" or "nonzero"."""

    expr: sp.Expr
    sign: str


Needs = tuple[tuple[Need, ...], ...]  # any one of these groups, and all in it, will do
SMOOTH: Needs = ((),)


def _positive(*exprs: sp.Expr) -> Needs:
    return (tuple(Need(e, "positive") for e in exprs),)


def _nonzero(expr: sp.Expr) -> Needs:
    return ((Need(expr, "nonzero"),),)


ENTIRE: tuple[type, ...] = (
    sp.exp,
    sp.sin,
    sp.cos,
    sp.sinh,
    sp.cosh,
    sp.tanh,
    sp.sech,
    sp.atan,
    sp.asinh,
    sp.erf,
    sp.erfc,
    sp.erfi,
)
ENTIRE += (sp.Si, sp.Shi, sp.fresnels, sp.fresnelc, sp.airyai, sp.airybi, sp.airyaiprime, sp.airybiprime)

_TABLE: Mapping[type, Callable[..., Needs]] = {
    sp.tan: lambda a: _nonzero(sp.cos(a)),
    sp.sec: lambda a: _nonzero(sp.cos(a)),
    sp.cot: lambda a: _nonzero(sp.sin(a)),
    sp.csc: lambda a: _nonzero(sp.sin(a)),
    sp.coth: _nonzero,
    sp.csch: _nonzero,
    sp.acot: _nonzero,
    sp.Ei: _nonzero,
    sp.log: _positive,
    sp.asin: lambda a: _positive(1 - a, 1 + a),
    sp.acos: lambda a: _positive(1 - a, 1 + a),
    sp.atanh: lambda a: _positive(1 - a, 1 + a),
    sp.erfinv: lambda a: _positive(1 - a, 1 + a),
    sp.acosh: lambda a: _positive(a - 1),
    sp.gamma: _positive,
    sp.loggamma: _positive,
    sp.lowergamma: _positive,
    sp.uppergamma: lambda _, x: _positive(x),
    sp.expint: lambda _, x: _positive(x),
    sp.Ci: _positive,
    sp.Chi: _positive,
    sp.li: lambda a: ((Need(a, "positive"), Need(a - 1, "nonzero")),),
    sp.zeta: lambda s: _nonzero(s - 1),
    sp.atan2: lambda y, x: (*_positive(x), *_nonzero(y)),
    sp.sign: _nonzero,
}


def needs(expr: sp.Expr, args: tuple[sp.Expr, ...] | None = None) -> Needs:
    """For `expr` = f(args): signs that, between them, make f real and smooth near `args` (by default its own).

    Returns alternatives, of which one is to hold: `SMOOTH` where nothing is needed, () where nothing is known.
    """
    if expr.is_Add or expr.is_Mul or expr.func in ENTIRE or isinstance(expr, (AppliedUndef, sp.Derivative, sp.exp)):
        return SMOOTH
    args = expr.args if args is None else args
    if expr.is_Pow:
        return _needs_of_power(*args)
    if isinstance(expr, sp.LambertW):
        return _needs_of_lambert(*args)
    if isinstance(expr, (sp.besselj, sp.besseli, sp.bessely, sp.besselk)):
        entire = args[0].is_integer and isinstance(expr, (sp.besselj, sp.besseli))
        return SMOOTH if entire else _positive(args[1])
    if isinstance(expr, sp.polygamma):
        return _positive(args[1]) if args[0].is_Integer and args[0] >= 0 else ()
    if isinstance(expr, (sp.betainc, sp.betainc_regularized)):
        return _positive(*args[:2], *_between(expr.args[2:], args[2:]))
    table = _TABLE.get(expr.func)
    return table(*args) if table is not None else ()


def _needs_of_power(base: sp.Expr, exponent: sp.Expr) -> Needs:
    if exponent.is_integer and exponent.is_nonnegative:
        return SMOOTH
    if isinstance(base, sp.Abs):
        return _nonzero(base.args[0])
    return _nonzero(base) if exponent.is_integer else _positive(base)


def _needs_of_lambert(a: sp.Expr, branch: sp.Expr = sp.S.Zero) -> Needs:
    if branch not in (0, -1):
        return ()
    above = Need(a + sp.exp(-1), "positive")
    return ((above,),) if branch == 0 else ((above, Need(a, "negative")),)


def _between(given: Sequence[sp.Expr], ends: Sequence[sp.Expr]) -> list[sp.Expr]:
    """What is positive when each end lies in (0, 1); one that is 0 or 1 all the time is fine too."""
    return [e for own, x in zip(given, ends, strict=True) if own not in (0, 1) for e in (x, 1 - x)]
