"""Random statements about what binds letters and about rarer functions, true or false by construction.

A template is a pair (left, right) that is equal wherever defined, of random parts; a false twin differs from it by a
term that is nowhere 0.  Both may be put into a context that keeps them so.  Letters have every assumption that a real
number may have.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp
from random_claims import LETTERS as COMMON
from random_claims import WHOLE as WHOLES
from random_claims import F, G, cases, expression

from symsched.symbols import t


def _positive(r: random.Random) -> Any:
    return mp.mpf(r.randint(1, 3000)) / 1009 * r.choice((1, 1, 4))


p, q, w = sp.symbols("p1 q1 w1", positive=True)
N, M = sp.symbols("N1 M1", integer=True, positive=True)
K = sp.Symbol("K1", integer=True, nonnegative=True)
x, y = sp.symbols("x y", real=True)
LETTERS: dict[sp.Symbol, Callable[[random.Random], Any]] = {
    **COMMON,
    p: _positive,
    q: _positive,
    w: _positive,
    N: lambda r: mp.mpf(r.randint(1, 7)),
    M: lambda r: mp.mpf(r.randint(1, 7)),
    K: lambda r: mp.mpf(r.randint(0, 6)),
    sp.Symbol("b1", rational=True): lambda r: mp.mpf(r.randint(-40, 40)) / 16,
    sp.Symbol("n1", integer=True, nonzero=True): lambda r: mp.mpf(r.choice((-3, -2, -1, 1, 2, 3, 4))),
    sp.Symbol("m1", integer=True, negative=True): lambda r: mp.mpf(-r.randint(1, 6)),
    sp.Symbol("h1", positive=True, even=True): lambda r: mp.mpf(2 * r.randint(1, 3)),
    sp.Symbol("l1", extended_real=True, finite=True): lambda r: r.choice((-1, 1)) * _positive(r),
}
v, s, z = sp.symbols("v s z", real=True)
k, j = sp.symbols("k j", integer=True)
#: Functions of one real variable with values, slopes and integrals everywhere.
SMOOTH: tuple[Callable[[Any], Any], ...] = (
    *(sp.sin, sp.cos, sp.exp, sp.atan, sp.tanh, sp.erf, lambda a: a, lambda a: a**3 - a, F, lambda a: G(a, 2 * a)),
    *(lambda a: 1 / (1 + a**2), lambda a: sp.sqrt(2 + a**2), lambda a: sp.log(3 + a**2), lambda a: sp.besselj(1, a)),
    *(sp.Abs, lambda a: sp.Max(a, 1), lambda a: cases(a, a**2, a > 0), lambda a: sp.exp(-(a**2)), sp.asinh),
)

Pair = tuple[Any, Any]


def _under(r: random.Random) -> Callable[[Any], Any]:
    """A composition of one or two smooth functions, with a letter that is free in it."""
    one, other = r.choice(SMOOTH), r.choice(SMOOTH[:8])
    letter = r.choice((x, y, t, p, sp.Integer(1)))
    return r.choice((lambda a: one(a), lambda a: one(letter * a), lambda a: one(a) + letter * other(a)))


def integrals(r: random.Random) -> Pair:
    f, g, a, b, c = _under(r), _under(r), *(r.choice((x, y, t, p, 0, 1, -1, 2, 2 * x, x**2)) for _ in range(3))
    new = r.choice((s, z, x, y))  # a letter that is free elsewhere may be bound here
    body, other = f(v), g(v)
    if new in body.free_symbols:
        new = s
    return r.choice(
        (
            lambda: (sp.Integral(body, (v, a, b)), sp.Integral(f(new), (new, a, b))),
            lambda: (sp.Derivative(sp.Integral(body, (v, a, x)), x), f(x) if _free(f, a, x) else None),
            lambda: (sp.Derivative(sp.Integral(F(v), (v, a, b)), y), _leibniz(a, b, y)),
            lambda: (sp.Subs(sp.Integral(body * s, (v, 0, s)), s, y), y * sp.Integral(body, (v, 0, y))),
            lambda: (sp.Integral(body, (v, a, a)), sp.S.Zero),
            lambda: (sp.Integral(body, (v, a, b)) + sp.Integral(body, (v, b, c)), sp.Integral(body, (v, a, c))),
            lambda: (
                sp.Integral(body + other, (v, a, b)),
                sp.Integral(body, (v, a, b)) + sp.Integral(other, (v, a, b)),
            ),
            lambda: (sp.Integral(sp.exp(-p * v), (v, 0, sp.oo)), 1 / p),
            lambda: (sp.Integral(v**K, (v, 0, p)), p ** (K + 1) / (K + 1)),
            lambda: (sp.Integral(v * s, (s, 0, v), (v, 0, x)), x**4 / 8),
            lambda: (sp.Integral(G(v, s), (v, 0, s)).subs(s, x), sp.Integral(G(s, x), (s, 0, x))),
            lambda: (
                sp.Integral(sp.Integral(G(v, s), (v, 0, 1)), (s, 0, v)),
                sp.Integral(G(z, s), (z, 0, 1), (s, 0, v)),
            ),
        )
    )()


def _free(f: Callable[[Any], Any], a: Any, letter: sp.Symbol) -> bool:
    return letter not in f(v).free_symbols | sp.sympify(a).free_symbols


def _leibniz(a: Any, b: Any, letter: sp.Symbol) -> Any:
    a, b = sp.sympify(a), sp.sympify(b)
    return F(b) * b.diff(letter) - F(a) * a.diff(letter)


def series(r: random.Random) -> Pair:
    f = _under(r)
    new = r.choice((j, sp.Symbol("n", integer=True)))
    return r.choice(
        (
            lambda: (sp.Sum(f(k), (k, 1, N)), sp.Sum(f(new), (new, 1, N))),
            lambda: (sp.Sum(k, (k, 1, N)), N * (N + 1) / 2),
            lambda: (sp.Sum(p**k, (k, 0, N)), (p ** (N + 1) - 1) / (p - 1)),
            lambda: (sp.Sum(f(k), (k, 1, 4)), f(1) + f(2) + f(3) + f(4)),
            lambda: (sp.Sum(f(k * j), (k, 1, j), (j, 1, 3)), f(1) + f(2) + f(4) + f(3) + f(6) + f(9)),
            lambda: (sp.Sum(f(k + x), (k, 1, N + 1)), sp.Sum(f(k + x), (k, 1, N)) + f(N + 1 + x)),
            lambda: (sp.Product(f(k), (k, 2, 3)), f(2) * f(3)),
            lambda: (sp.Product(p, (k, 1, N)), p**N),
            lambda: (sp.Product(k, (k, 1, N)), sp.gamma(N + 1)),
            lambda: (sp.exp(sp.Sum(f(k), (k, 1, 3))), sp.Product(sp.exp(f(k)), (k, 1, 3))),
            lambda: (sp.Sum(p**k / sp.factorial(k), (k, 0, sp.oo)), sp.exp(p)),
            lambda: (sp.Sum(sp.Sum(G(k, j), (k, 1, j)), (j, 1, 2)), G(1, 1) + G(1, 2) + G(2, 2)),
            lambda: (sp.Derivative(sp.Sum(G(k, x), (k, 1, 2)), x), sp.Derivative(G(1, x) + G(2, x), x)),
            lambda: (sp.Subs(sp.Sum(f(k * s), (k, 1, s)), s, 3), f(3) + f(6) + f(9)),
            lambda: (sp.Sum(k, (k, 1, M)) * sp.Sum(k, (k, 1, N)), sp.Sum(k * j, (k, 1, M), (j, 1, N))),
            lambda: (sp.Sum(f(k), (k, 3, 2)), sp.S.Zero),
            lambda: (sp.Product(f(k), (k, 3, 2)), sp.S.One),
        )
    )()


def limits(r: random.Random) -> Pair:
    f, a = r.choice(SMOOTH[:12]), r.choice((x, y, p, t, sp.Integer(2)))
    return r.choice(
        (
            lambda: (sp.Limit(sp.sin(a * s) / s, s, 0), a),
            lambda: (sp.Limit((1 + a / s) ** s, s, sp.oo), sp.exp(a)),
            lambda: (sp.Limit((sp.exp(a * s) - 1) / s, s, 0), a),
            lambda: (sp.Limit(s * sp.log(s), s, 0), sp.S.Zero),
            lambda: (sp.Limit(f(s), s, a), f(a)),
            lambda: (sp.Limit(f(a * s), s, 0), f(sp.S.Zero)),
            lambda: (sp.Limit(f(s) + a, s, x), sp.Limit(f(v), v, x) + a),
            lambda: (sp.Limit(sp.Abs(s) / s, s, 0, "-"), sp.Integer(-1)),
            lambda: (sp.Limit(sp.atan(p / s), s, 0, "+"), sp.pi / 2),
        )
    )()


def derivatives(r: random.Random) -> Pair:
    f = r.choice(SMOOTH[:6])
    one, two = r.sample((x, y), 2)
    D, S = sp.Derivative, sp.Subs
    return r.choice(
        (
            lambda: (D(G(x, y), x, y), D(G(x, y), y, x)),
            lambda: (D(F(x * y), x, 2), y**2 * S(D(F(v), v, 2), v, x * y)),
            lambda: (D(F(x * y), x, y), S(D(F(v), v), v, x * y) + x * y * S(D(F(v), v, 2), v, x * y)),
            lambda: (D(G(x, x * y), y, 2), x**2 * S(D(G(x, v), v, 2), v, x * y)),
            lambda: (D(f(x) * F(y), x, y), f(x).diff(x) * D(F(y), y)),
            lambda: (S(D(G(v, s), v, s), (v, s), (one, two)), S(D(G(v, s), s, v), (v, s), (one, two))),
            lambda: (S(D(G(v, s), v), (v, s), (one, two)), D(G(one, two), one)),
            lambda: (S(S(G(v, s), v, s), s, one), G(one, one)),
            lambda: (S(G(v, s) - G(s, v), (v, s), (one, two)), G(one, two) - G(two, one)),
            lambda: (S(S(G(v, s), s, v), v, two), G(two, two)),
            lambda: (D(F(x) ** 2 + f(F(x)), F(x)), 2 * F(x) + S(f(v).diff(v), v, F(x))),
            lambda: (
                D(S(G(v, x), v, x**2), x),
                2 * x * S(D(G(v, x), v), v, x**2) + S(D(G(v, s), s), (v, s), (x**2, x)),
            ),
            lambda: (D(f(x) ** 2, (x, 3)), (f(x) ** 2).diff(x, 3)),
            lambda: (D(sp.Integral(G(v, y), (v, 0, x)), x, y), D(G(x, y), y)),
            lambda: (D(sp.Abs(x) * x, x), 2 * sp.Abs(x)),
            lambda: (D(sp.Max(x, y), x), sp.Heaviside(x - y)),
            lambda: (D(p**x, x), p**x * sp.log(p)),
            lambda: (D(D(F(x), x) * x, x), D(F(x), x) + x * D(F(x), x, 2)),
        )
    )()


def special(r: random.Random) -> Pair:
    a, n, c = expression(r, r.randint(0, 1)), r.choice((N, M, K, sp.Integer(2))), r.choice((p, q, 1 + x**2))
    D = sp.Derivative
    return r.choice(
        (
            lambda: (sp.erf(-a), -sp.erf(a)),
            lambda: (sp.erfc(a), 2 - sp.erfc(-a)),
            lambda: (sp.erfi(x), 2 / sp.sqrt(sp.pi) * sp.Integral(sp.exp(v**2), (v, 0, x))),
            lambda: (D(sp.erf(x * y), x), 2 * y * sp.exp(-((x * y) ** 2)) / sp.sqrt(sp.pi)),
            lambda: (sp.gamma(c + 1), c * sp.gamma(c)),
            lambda: (sp.gamma(c + 3) / sp.gamma(c + 1), (c + 2) * (c + 1)),
            lambda: (sp.gamma(2 * c) * 2 * sp.sqrt(sp.pi), 2 ** (2 * c) * sp.gamma(c) * sp.gamma(c + sp.S.Half)),
            lambda: (sp.loggamma(c + 1), sp.loggamma(c) + sp.log(c)),
            lambda: (sp.exp(sp.loggamma(c)), sp.gamma(c)),
            lambda: (sp.factorial(n), sp.gamma(n + 1)),
            lambda: (sp.binomial(n, 2), n * (n - 1) / 2),
            lambda: (sp.besselj(0, c) + sp.besselj(2, c), 2 * sp.besselj(1, c) / c),
            lambda: (D(sp.besselj(0, x), x), -sp.besselj(1, x)),
            lambda: (sp.besselj(1, -x), -sp.besselj(1, x)),
            lambda: (sp.besseli(sp.S.Half, c), sp.sqrt(2 / (sp.pi * c)) * sp.sinh(c)),
            lambda: (sp.lowergamma(p, q) + sp.uppergamma(p, q), sp.gamma(p)),
            lambda: (D(sp.lowergamma(p, q), q), q ** (p - 1) * sp.exp(-q)),
            lambda: (sp.polygamma(0, c + 1), sp.polygamma(0, c) + 1 / c),
            lambda: (sp.LambertW(c) * sp.exp(sp.LambertW(c)), c),
            lambda: (sp.LambertW(c * sp.exp(c)), c),
            lambda: (sp.beta(p, q), sp.gamma(p) * sp.gamma(q) / sp.gamma(p + q)),
            lambda: (D(sp.Si(x), x), sp.sin(x) / x),
            lambda: (sp.Ei(p), sp.li(sp.exp(p))),
            lambda: (D(sp.airyai(x), x, 2), x * sp.airyai(x)),
            lambda: (sp.erfinv(sp.erf(x)), x),
            lambda: (sp.frac(a), a - sp.floor(a)),
            lambda: (sp.ceiling(a), -sp.floor(-a)),
            lambda: (sp.floor(a + n), sp.floor(a) + n),
            lambda: (sp.expint(1, c), sp.uppergamma(0, c)),
        )
    )()


def branches(r: random.Random) -> Pair:
    a, b, n = expression(r, r.randint(0, 1)), expression(r, r.randint(0, 1)), r.choice(WHOLES)
    bounded, positive = sp.sin(a) / 2, 1 + a**2
    return r.choice(
        (
            lambda: (sp.asin(sp.sin(bounded)), bounded),
            lambda: (sp.acos(sp.cos(sp.Abs(bounded))), sp.Abs(bounded)),
            lambda: (sp.acos(-bounded), sp.pi - sp.acos(bounded)),
            lambda: (sp.atan(sp.tan(bounded)), bounded),
            lambda: (sp.tan(sp.atan(a)), a),
            lambda: (sp.atan(1 / positive) + sp.atan(positive), sp.pi / 2),
            lambda: (sp.atan2(a, positive), sp.atan(a / positive)),
            lambda: (sp.atan2(positive, b), sp.pi / 2 - sp.atan(b / positive)),
            lambda: (sp.sinh(sp.asinh(a)), a),
            lambda: (sp.acosh(sp.cosh(a)), sp.Abs(a)),
            lambda: (sp.atanh(sp.tanh(a)), a),
            lambda: (sp.acosh(positive), sp.log(positive + sp.sqrt(positive**2 - 1))),
            lambda: (sp.asin(bounded), sp.atan(bounded / sp.sqrt(1 - bounded**2))),
            lambda: (sp.sqrt(a**2 * positive), sp.Abs(a) * sp.sqrt(positive)),
            lambda: (sp.cbrt(a**6), a**2),
            lambda: ((a**2) ** sp.Rational(3, 2), sp.Abs(a) ** 3),
            lambda: (positive**a * positive**b, positive ** (a + b)),
            lambda: ((positive**a) ** b, positive ** (a * b)),
            lambda: (sp.log(positive**b), b * sp.log(positive)),
            lambda: ((-1) ** n * (-1) ** n, sp.S.One),
            lambda: (sp.cos(sp.pi * n), (-1) ** n),
            lambda: (sp.sin(a + sp.pi * n), (-1) ** n * sp.sin(a)),
            lambda: (sp.exp(b * sp.log(positive)), positive**b),
            lambda: (sp.sqrt(positive) ** n, positive ** (sp.S(n) / 2)),
            lambda: (sp.Min(a, b) * sp.Max(a, b), a * b),
            lambda: (sp.Max(a, sp.Min(a, b)), a),
            lambda: (sp.Abs(sp.Abs(a) - sp.Abs(b)), sp.Max(sp.Abs(a), sp.Abs(b)) - sp.Min(sp.Abs(a), sp.Abs(b))),
            lambda: (sp.sign(a) * sp.sign(b), sp.sign(a * b)),
            lambda: (cases(sp.Abs(a), b, a > 0), cases(a, b, a > 0)),
            lambda: (cases(a, -a, a >= 0), sp.Abs(a)),
            lambda: (1 / (1 / a), a),
            lambda: ((a**3 - b**3) / (a - b), a**2 + a * b + b**2),
            lambda: (sp.log(positive) / sp.log(2), sp.log(positive, 2)),
        )
    )()


KINDS: tuple[Callable[[random.Random], Pair], ...] = (integrals, series, limits, derivatives, special, branches)
#: Nowhere 0, whatever the letters.
NOWHERE: tuple[Callable[[], sp.Expr], ...] = (
    lambda: sp.S.One,
    lambda: sp.exp(x - y),
    lambda: 1 + x**2 * t,
    lambda: p,
    lambda: -2 - sp.sin(y),
    lambda: t / (1 + p),
    lambda: sp.cosh(x) * q,
)


def statement(r: random.Random) -> tuple[str, sp.Expr, bool | None] | None:
    """(kind, expression, whether it is 0 wherever defined); None where SymPy could not build it.

    None for the truth where the context may hide the difference."""
    kind = r.choice(KINDS)
    left, right = kind(r)
    if right is None:
        return None
    form = r.random()
    error = r.choice(NOWHERE)() * sp.Rational(1, r.choice((1, 7, 10**6, 10**15)))
    if form < 0.45:
        found, truth = _dressed(left - right, r), True
    elif form < 0.8:
        found, truth = left - right + error, False
    elif form < 0.9:
        found, truth = left - right * (1 + error), None
    else:
        found, truth = _confused(left - right, r), None
    return kind.__name__, found, truth


def _dressed(zero: sp.Expr, r: random.Random) -> sp.Expr:
    """A 0 that stays one."""
    other = expression(r, 1)
    return r.choice(
        (
            lambda: zero,
            lambda: zero,
            lambda: zero * other,
            lambda: sp.exp(zero) - 1,
            lambda: zero / (1 + other**2),
            lambda: F(zero + x) - F(x),
            lambda: G(other, zero + y) - G(other, y),
            lambda: sp.Abs(zero),
            lambda: sp.Max(zero, 0) + sp.Min(zero, 0),
        )
    )()


def _confused(zero: sp.Expr, r: random.Random) -> sp.Expr:
    """Two letters exchanged, or one put for another, anywhere: as a rewriter with a fault might."""
    letters = sorted(zero.atoms(sp.Symbol), key=str)
    if len(letters) < 2:
        return zero
    one, other = r.sample(letters, 2)
    term = r.choice(sp.Add.make_args(zero))
    return zero - term + term.xreplace({one: other, other: one} if r.random() < 0.5 else {one: other})
