"""What is known of each function, a row for each: balls, series, domain, sign, inverse, and how others say it.

SymPy's functions are meant as its numbers are: acot(a) = atan(1/a) jumps at 0, atan2 jumps where y = 0 and x < 0, and
the lower branch of LambertW lives on (−1/e, 0).  A function without a row is taken for nothing: whoever needs it to be
continuous must leave the question open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import reduce
from operator import methodcaller
from typing import Any, NamedTuple

import sympy as sp
from flint import arb, arb_series
from sympy.core.function import AppliedUndef

from symsched.exact.facts import known

Ball = Any  # flint carries no annotations
Operation = Callable[..., Ball]


class Need(NamedTuple):
    """What `expr` must be: "positive", "negative" or "nonzero"."""

    expr: sp.Expr
    sign: str


Needs = tuple[tuple[Need, ...], ...]  # any one of these groups, and all in it, will do
SMOOTH: Needs = ((),)
LETTERS = tuple(sp.Dummy(real=True) for _ in range(4))
MOST_STEPS = 100  # from a negative number up to a positive one


def _positive(*exprs: sp.Expr) -> Needs:
    return (tuple(Need(e, "positive") for e in exprs),)


def _nonzero(expr: sp.Expr) -> Needs:
    return ((Need(expr, "nonzero"),),)


def _everywhere(*_: sp.Expr) -> Needs:
    return SMOOTH


def _inside(a: sp.Expr) -> Needs:
    return _positive(1 - a, 1 + a)


def _needs_of_lambert(a: sp.Expr, branch: sp.Expr = sp.S.Zero) -> Needs:
    if branch not in (0, -1):
        return ()
    above = Need(a + sp.exp(-1), "positive")
    return ((above,),) if branch == 0 else ((above, Need(a, "negative")),)


def _nowhere(_: Ball) -> bool:
    return False


def below(z: Ball) -> bool:
    """The cut of log and of roots: z ≤ 0."""
    return bool(z.imag.contains(0)) and not z.real > 0


def _outside(z: Ball) -> bool:
    """The cuts of asin, acos and atanh: z real, |z| ≥ 1."""
    return bool(z.imag.contains(0)) and not abs(z.real) < 1


def _beyond(z: Ball) -> bool:
    """The cuts of atan and asinh: z imaginary, |z| ≥ 1."""
    return bool(z.real.contains(0)) and not abs(z.imag) < 1


def _off_the_poles(a: sp.Expr) -> Needs:
    """Γ and its logarithmic derivatives are smooth but at 0, −1, −2, …"""
    return *_positive(a), (Need(-a, "positive"), Need(sp.sin(sp.pi * a), "nonzero"))


def _polygamma(n: Ball, a: Ball) -> Ball:
    """ψ^(n)(a) = (−1)^(n+1) n! ζ(n + 1, a), for whole n ≥ 0; SymPy's function of another order is not this."""
    if not (n.is_integer() and n >= 0):
        return arb.nan()
    if n == 0:
        return a.digamma()
    rest = arb(0)
    while not a > 0 and a > -MOST_STEPS:  # ζ(n + 1, a) = a^(−n−1) + ζ(n + 1, a + 1)
        rest, a = rest + 1 / a ** (n + 1), a + 1
    return (n * arb.pi()).cos() * -(n + 1).gamma() * (rest + (n + 1).zeta(a))


def _betainc(p: Ball, q: Ball, a: Ball, b: Ball, regularized: int) -> Ball:
    """The integral from a to b, which exists for positive p and q and within [0, 1]."""
    if p <= 0 or q <= 0 or any(end < 0 or end > 1 for end in (a, b)):
        return arb.nan()
    return b.beta_lower(p, q, regularized) - a.beta_lower(p, q, regularized)


def _side(a: Any) -> int:
    """±1 for a power series.  Raises ValueError where the sign is not the same everywhere."""
    if not (a[0] > 0 or a[0] < 0):
        raise ValueError("a kink")
    return 1 if a[0] > 0 else -1


class Fact(Flag):
    """What holds wherever the function is defined."""

    POSITIVE = auto()
    SAME_SIGN = auto()  # as its argument
    BOUNDED = auto()
    STEADY = auto()  # of an argument that does not oscillate, it does not either
    TAYLOR = auto()  # its series are made from its derivatives, about every point where it is smooth


NOTHING, POSITIVE, SAME_SIGN = Fact(0), Fact.POSITIVE, Fact.SAME_SIGN
BOUNDED, STEADY, TAYLOR = Fact.BOUNDED, Fact.STEADY, Fact.TAYLOR


@dataclass(frozen=True)
class Known:
    """What is known of `function`.

    `ball` is its enclosure, by default flint's method of its name; `series` that of a power series, None where none is
    known.  They name their argument once where they can: a ball that occurs twice forgets that it is one number.  `cut`
    tells whether a complex ball meets points where it is not analytic (None: not known).  `written` is the same by
    other functions, but perhaps at the one point where it jumps; `signs` are those in the four quadrants.
    """

    function: Any
    needs: Callable[..., Needs] = lambda *_: ()
    facts: Fact = NOTHING
    series: Operation | None = None
    cut: Callable[[Ball], bool] | None = None
    ball: Operation | None = None
    written: Callable[..., sp.Expr] | None = None
    inverse: Callable[[sp.Expr], sp.Expr] | None = None
    reciprocal: Any = None
    signs: tuple[int, ...] = ()


# fmt: off
_ROWS = (
    Known(sp.exp, _everywhere, POSITIVE | STEADY | TAYLOR, methodcaller("exp"), _nowhere, inverse=sp.log),
    Known(sp.log, _positive, STEADY, methodcaller("log"), below, inverse=sp.exp),
    Known(sp.sin, _everywhere, BOUNDED | TAYLOR, methodcaller("sin"), _nowhere, inverse=sp.asin, signs=(1, 1, -1, -1)),
    Known(sp.cos, _everywhere, BOUNDED | TAYLOR, methodcaller("cos"), _nowhere, inverse=sp.acos, signs=(1, -1, -1, 1)),
    Known(sp.tan, lambda a: _nonzero(sp.cos(a)), NOTHING, methodcaller("tan"), _nowhere, inverse=sp.atan,
        written=lambda a: sp.sin(a) / sp.cos(a), signs=(1, -1, 1, -1)),
    Known(sp.cot, lambda a: _nonzero(sp.sin(a)), NOTHING, lambda a: a.cos() / a.sin(), _nowhere, reciprocal=sp.tan,
        written=lambda a: sp.cos(a) / sp.sin(a), signs=(1, -1, 1, -1), inverse=lambda v: sp.atan(1 / v)),
    Known(sp.sec, lambda a: _nonzero(sp.cos(a)), NOTHING, lambda a: 1 / a.cos(), _nowhere, reciprocal=sp.cos,
        written=lambda a: 1 / sp.cos(a), signs=(1, -1, -1, 1)),
    Known(sp.csc, lambda a: _nonzero(sp.sin(a)), NOTHING, lambda a: 1 / a.sin(), _nowhere, reciprocal=sp.sin,
        written=lambda a: 1 / sp.sin(a), signs=(1, 1, -1, -1)),
    Known(sp.asin, _inside, SAME_SIGN | STEADY | TAYLOR, methodcaller("asin"), _outside, inverse=sp.sin),
    Known(sp.acos, _inside, STEADY | TAYLOR, methodcaller("acos"), _outside, written=lambda a: sp.pi / 2 - sp.asin(a)),
    Known(sp.atan, _everywhere, SAME_SIGN | BOUNDED | STEADY | TAYLOR, methodcaller("atan"), _beyond, inverse=sp.tan),
    Known(sp.acot, _nonzero, STEADY, ball=lambda a: (1 / a).atan(), written=lambda a: sp.atan(1 / a)),
    Known(sp.atan2, lambda y, x: (*_positive(x), *_nonzero(y)),  # it jumps where y = 0 and x < 0
        ball=lambda y, x: arb.atan2(y, x) if x > 0 or y == 0 or not y.contains(0) else arb.nan()),
    Known(sp.sinh, _everywhere, SAME_SIGN | STEADY | TAYLOR, lambda a: (a.exp() - (-a).exp()) / 2, _nowhere,
        inverse=sp.asinh),
    Known(sp.cosh, _everywhere, POSITIVE | STEADY | TAYLOR, lambda a: (a.exp() + (-a).exp()) / 2, _nowhere),
    Known(sp.tanh, _everywhere, SAME_SIGN | BOUNDED | STEADY | TAYLOR, lambda a: 1 - 2 / ((2 * a).exp() + 1), _nowhere,
        inverse=sp.atanh, written=lambda a: sp.sinh(a) / sp.cosh(a)),
    Known(sp.coth, _nonzero, SAME_SIGN | STEADY, None, _nowhere, reciprocal=sp.tanh, written=lambda a: 1 / sp.tanh(a)),
    Known(sp.sech, _everywhere, POSITIVE | STEADY, lambda a: 2 / (a.exp() + (-a).exp()), _nowhere, reciprocal=sp.cosh,
        written=lambda a: 1 / sp.cosh(a)),
    Known(sp.csch, _nonzero, SAME_SIGN | STEADY, None, _nowhere, reciprocal=sp.sinh, written=lambda a: 1 / sp.sinh(a)),
    Known(sp.asinh, _everywhere, SAME_SIGN | STEADY | TAYLOR, lambda a: (a + (a * a + 1).sqrt()).log(), _beyond,
        inverse=sp.sinh, written=lambda a: sp.log(a + sp.sqrt(a**2 + 1))),
    Known(sp.acosh, lambda a: _positive(a - 1), STEADY, lambda a: (a + (a * a - 1).sqrt()).log(),
        written=lambda a: sp.log(a + sp.sqrt(a**2 - 1))),
    Known(sp.atanh, _inside, SAME_SIGN | STEADY | TAYLOR, lambda a: ((1 + a) / (1 - a)).log() / 2, _outside,
        inverse=sp.tanh, written=lambda a: (sp.log(1 + a) - sp.log(1 - a)) / 2),
    Known(sp.erf, _everywhere, SAME_SIGN | BOUNDED | STEADY | TAYLOR, methodcaller("erf"), _nowhere),
    Known(sp.erfc, _everywhere, POSITIVE | BOUNDED | STEADY | TAYLOR, methodcaller("erfc"), _nowhere,
        written=lambda a: 1 - sp.erf(a)),
    Known(sp.erfi, _everywhere, STEADY, None, _nowhere),
    Known(sp.erfinv, _inside),
    Known(sp.gamma, _off_the_poles, cut=_nowhere),
    Known(sp.loggamma, _positive, ball=methodcaller("lgamma")),
    Known(sp.polygamma, lambda n, a: _off_the_poles(a) if n.is_Integer and n >= 0 else (), ball=_polygamma),
    Known(sp.zeta, lambda s, *a: () if a else _nonzero(s - 1), ball=lambda s, a=1: s.zeta(arb(a))),
    Known(sp.lowergamma, lambda s, a: tuple((*way, Need(a, "positive")) for way in _off_the_poles(s)),
        ball=lambda s, a: a.gamma_lower(s)),
    Known(sp.uppergamma, lambda _, a: _positive(a), ball=lambda s, a: a.gamma_upper(s)),
    Known(sp.beta, ball=lambda p, q: p.gamma() * q.gamma() / (p + q).gamma()),
    Known(sp.betainc, ball=lambda p, q, a, b: _betainc(p, q, a, b, 0)),
    Known(sp.betainc_regularized, ball=lambda p, q, a, b: _betainc(p, q, a, b, 1)),
    Known(sp.expint, lambda _, a: _positive(a), ball=lambda n, a: a.expint(n)),
    Known(sp.Ei, _nonzero, ball=methodcaller("ei")),
    Known(sp.li, lambda a: ((Need(a, "positive"), Need(a - 1, "nonzero")),)),
    Known(sp.Si, _everywhere, ball=methodcaller("si")),
    Known(sp.Ci, _positive, ball=methodcaller("ci")),
    Known(sp.Shi, _everywhere, ball=methodcaller("shi")),
    Known(sp.Chi, _positive, ball=methodcaller("chi")),
    Known(sp.fresnels, _everywhere, ball=methodcaller("fresnel_s")),
    Known(sp.fresnelc, _everywhere, ball=methodcaller("fresnel_c")),
    Known(sp.airyai, _everywhere, ball=methodcaller("airy_ai")),
    Known(sp.airybi, _everywhere, ball=methodcaller("airy_bi")),
    Known(sp.airyaiprime, _everywhere, ball=methodcaller("airy_ai", derivative=1)),
    Known(sp.airybiprime, _everywhere, ball=methodcaller("airy_bi", derivative=1)),
    Known(sp.besselj, lambda n, a: SMOOTH if n.is_integer else _positive(a), ball=lambda n, a: a.bessel_j(n)),
    Known(sp.bessely, lambda _, a: _positive(a), ball=lambda n, a: a.bessel_y(n)),
    Known(sp.besseli, lambda n, a: SMOOTH if n.is_integer else _positive(a), ball=lambda n, a: a.bessel_i(n)),
    Known(sp.besselk, lambda _, a: _positive(a), ball=lambda n, a: a.bessel_k(n)),
    Known(sp.LambertW, _needs_of_lambert, SAME_SIGN | STEADY, methodcaller("lambertw"),
        ball=lambda a, k=None: a.lambertw() if k is None else a.lambertw(-1)),
    Known(sp.Abs, facts=STEADY, series=lambda a: a * _side(a), ball=lambda a: arb.nonnegative_part(abs(a))),
    Known(sp.sign, _nonzero, NOTHING, lambda a: arb_series([_side(a)]),
        ball=methodcaller("sgn")),  # [−1, 1] where a may be 0: what a slope of |a| is
    Known(sp.DiracDelta, series=lambda a: arb_series([0 * _side(a)]),
        ball=lambda a: arb.nan() if a.contains(0) else arb(0)),
    Known(sp.Max, ball=lambda *a: reduce(arb.max, a),
        written=lambda *a: reduce(lambda one, other: (one + other + sp.Abs(one - other)) / 2, a)),
    Known(sp.Min, ball=lambda *a: reduce(arb.min, a),
        written=lambda *a: reduce(lambda one, other: (one + other - sp.Abs(one - other)) / 2, a)),
)
# fmt: on
ROWS: Mapping[type, Known] = {row.function: row for row in _ROWS}
BALLS: Mapping[type, Operation] = {f: row.ball or methodcaller(f.__name__) for f, row in ROWS.items()}
SERIES: Mapping[type, Operation] = {f: row.series for f, row in ROWS.items() if row.series is not None}
WRITTEN: Mapping[type, Callable[..., sp.Expr]] = {f: row.written for f, row in ROWS.items() if row.written is not None}
INVERSES: Mapping[type, Callable[[sp.Expr], sp.Expr]] = {f: row.inverse for f, row in ROWS.items() if row.inverse}
RECIPROCALS: Mapping[type, type] = {f: row.reciprocal for f, row in ROWS.items() if row.reciprocal}
TRIGONOMETRIC: tuple[Any, ...] = tuple(f for f, row in ROWS.items() if row.signs)
HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
CONSTANTS = {sp.pi: arb.pi, sp.E: arb.const_e, sp.EulerGamma: arb.const_euler, sp.Catalan: arb.const_catalan}


def holds_of(fact: Fact, function: Any) -> bool:
    """Whether a fact is known of a function."""
    return function in ROWS and fact in ROWS[function].facts


def needs(expr: sp.Expr, args: tuple[sp.Expr, ...] | None = None) -> Needs:
    """For `expr` = f(args): signs that, between them, make f real and smooth near `args` (by default its own).

    Returns alternatives, of which one is to hold: `SMOOTH` where nothing is needed, () where nothing is known.
    """
    if expr.is_Add or expr.is_Mul or isinstance(expr, (AppliedUndef, sp.exp)):
        return SMOOTH
    if isinstance(expr, sp.Derivative):  # f'(t) is as smooth as f(t); the slope of |t − 1/2| jumps
        free = isinstance(expr.expr, AppliedUndef) and set(expr.variables) <= set(expr.expr.args)
        return SMOOTH if free else ()
    args = expr.args if args is None else args
    if isinstance(expr, (sp.betainc, sp.betainc_regularized)):
        return _positive(*args[:2], *_between(expr.args[2:], args[2:]))
    if not expr.is_Pow and expr.func not in ROWS:
        return ()
    # (−1)^t is real at t = 0 and nowhere near: what moves is taken for no whole number, though it may end in one.
    letters = [own if own == end else letter for own, end, letter in zip(expr.args, args, LETTERS, strict=False)]
    found = _needs_of_power(*letters) if expr.is_Pow else ROWS[expr.func].needs(*letters)
    ends = dict(zip(LETTERS, args, strict=False))
    return tuple(tuple(Need(need.expr.xreplace(ends), need.sign) for need in group) for group in found)


def _needs_of_power(base: sp.Expr, exponent: sp.Expr) -> Needs:
    if exponent.is_integer and known(exponent, "nonnegative"):
        return SMOOTH
    if isinstance(base, sp.Abs):
        return _nonzero(base.args[0])
    return _nonzero(base) if exponent.is_integer else _positive(base)


def _between(given: Sequence[sp.Expr], ends: Sequence[sp.Expr]) -> list[sp.Expr]:
    """What is positive when each end lies in (0, 1); one that is 0 or 1 all the time is fine too."""
    return [e for own, x in zip(given, ends, strict=True) if own not in (0, 1) for e in (x, 1 - x)]
