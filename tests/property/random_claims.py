# ruff: noqa: ARG005 - identities of one shape, which need not use all they are given
"""Random claims that an expression is 0: true ones, made of identities put into a random context, and false ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp

from symsched.symbols import t


def _size(r: random.Random) -> Any:
    """A positive number, now a round one and now a large one."""
    if r.random() < 0.3:
        return r.choice((mp.mpf(1) / 2, mp.mpf(1), mp.mpf(2)))
    return mp.mpf(r.randint(1, 4000)) / 1013 * r.choice((1, 1, 1, 8))


def _any(r: random.Random) -> Any:
    return r.choice((-1, 1)) * _size(r)


x, y = sp.symbols("x y", real=True)
n, k = sp.symbols("n k", integer=True)
LETTERS: dict[sp.Symbol, Callable[[random.Random], Any]] = {
    t: lambda r: mp.mpf(r.randint(1, 999)) / 1000,
    x: _any,
    y: _any,
    n: lambda r: mp.mpf(r.randint(-5, 6)),
    k: lambda r: mp.mpf(r.randint(-5, 6)),
    sp.Symbol("u"): _any,
    sp.Symbol("p", positive=True): _size,
    sp.Symbol("w", negative=True): lambda r: -_size(r),
    sp.Symbol("c", nonnegative=True): lambda r: mp.mpf(r.randint(0, 40)) / 13,
    sp.Symbol("d", nonpositive=True): lambda r: -mp.mpf(r.randint(0, 40)) / 13,
    sp.Symbol("e", even=True): lambda r: mp.mpf(2 * r.randint(-3, 3)),
    sp.Symbol("o", odd=True): lambda r: mp.mpf(2 * r.randint(-3, 3) + 1),
    sp.Symbol("q", prime=True): lambda r: mp.mpf(r.choice((2, 3, 5, 7))),
    sp.Symbol("z", zero=True): lambda _: mp.mpf(0),
    sp.Symbol("a", nonzero=True): _any,
    sp.Symbol("i", irrational=True): lambda r: r.randint(-9, -1) * mp.sqrt(2) / 5,
}
WHOLE = [s for s in LETTERS if s.is_integer]
F, G = sp.Function("f"), sp.Function("g")

UNARY = (
    *(sp.exp, sp.sin, sp.cos, sp.tan, sp.sinh, sp.tanh, sp.log, sp.sqrt, sp.Abs, sp.sign, sp.atan, sp.asin, sp.asinh),
    *(sp.erf, lambda a: a**2, lambda a: a**3, lambda a: 1 / a, sp.cbrt, lambda a: sp.log(2 + a**2), F),
    *(
        lambda a: sp.sqrt(1 + a**2),
        sp.Heaviside,
        sp.floor,
        sp.acot,
        sp.atanh,
        sp.acosh,
        lambda a: a ** sp.Rational(3, 2),
    ),
)
BINARY = (
    *(lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, sp.Max, sp.Min, sp.atan2, G),
    lambda a, b: a**b,
)


def draw(source: random.Random) -> dict[sp.Basic, Any]:
    """Numbers for all letters, each within its assumptions."""
    return {letter: make(source) for letter, make in LETTERS.items()}


def expression(r: random.Random, size: int) -> sp.Expr:
    """A random expression with `size` operations; undefined ones (zoo, complex) are drawn again."""
    while True:
        found = _expression(r, size)
        if not found.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I, sp.re, sp.im, sp.arg):
            return found


def _expression(r: random.Random, size: int) -> sp.Expr:
    if size == 0:
        if r.random() < 0.2:
            return r.choice((sp.Integer(2), sp.Rational(1, 3), sp.pi, sp.Integer(-1), sp.Rational(5, 2)))
        return r.choice(list(LETTERS))
    if r.random() < 0.55:
        return r.choice(UNARY)(_expression(r, size - 1))
    left = r.randint(0, size - 1)
    return r.choice(BINARY)(_expression(r, left), _expression(r, size - 1 - left))


v, s = sp.symbols("v s")


def cases(one: Any, other: Any, condition: Any) -> sp.Expr:
    """`one` where the condition holds, and `other` elsewhere."""
    return sp.Piecewise((one, condition), (other, True))


#: Zero wherever defined, for all real a and b and all whole m and l.
IDENTITIES: tuple[Callable[..., sp.Expr], ...] = (
    lambda a, b, m, l: sp.sin(a) ** 2 + sp.cos(a) ** 2 - 1,
    lambda a, b, m, l: sp.sin(a + b) - sp.sin(a) * sp.cos(b) - sp.cos(a) * sp.sin(b),
    lambda a, b, m, l: sp.cos(2 * a) - 1 + 2 * sp.sin(a) ** 2,
    lambda a, b, m, l: sp.tan(a) * sp.cos(a) - sp.sin(a),
    lambda a, b, m, l: sp.exp(a + b) - sp.exp(a) * sp.exp(b),
    lambda a, b, m, l: sp.cosh(a) ** 2 - sp.sinh(a) ** 2 - 1,
    lambda a, b, m, l: sp.tanh(a) - (sp.exp(2 * a) - 1) / (sp.exp(2 * a) + 1),
    lambda a, b, m, l: sp.log(sp.exp(a)) - a,
    lambda a, b, m, l: sp.exp(sp.log(a)) - a,
    lambda a, b, m, l: sp.log(a**2) - 2 * sp.log(sp.Abs(a)),
    lambda a, b, m, l: sp.log((1 + a**2) * (2 + b**2)) - sp.log(1 + a**2) - sp.log(2 + b**2),
    lambda a, b, m, l: sp.sqrt(a**2) - sp.Abs(a),
    lambda a, b, m, l: sp.sqrt(a) ** 2 - a,
    lambda a, b, m, l: sp.sqrt(a) * sp.sqrt(b) - sp.sqrt(a * b) if (a * b).is_positive else sp.sqrt(a) ** 4 - a**2,
    lambda a, b, m, l: sp.Abs(a * b) - sp.Abs(a) * sp.Abs(b),
    lambda a, b, m, l: sp.Max(a, b) + sp.Min(a, b) - a - b,
    lambda a, b, m, l: sp.Max(a, b) - sp.Min(a, b) - sp.Abs(a - b),
    lambda a, b, m, l: a * sp.sign(a) - sp.Abs(a),
    lambda a, b, m, l: sp.asin(a) + sp.acos(a) - sp.pi / 2,
    lambda a, b, m, l: sp.sin(sp.acos(a)) - sp.sqrt(1 - a**2),
    lambda a, b, m, l: sp.sin(sp.atan(a)) - a / sp.sqrt(1 + a**2),
    lambda a, b, m, l: sp.asinh(a) - sp.log(a + sp.sqrt(1 + a**2)),
    lambda a, b, m, l: sp.acosh(a) - sp.log(a + sp.sqrt(a - 1) * sp.sqrt(a + 1)),
    lambda a, b, m, l: sp.atanh(a) - sp.log((1 + a) / (1 - a)) / 2,
    lambda a, b, m, l: sp.erf(a) + sp.erfc(a) - 1,
    lambda a, b, m, l: (a * b) ** m - a**m * b**m,
    lambda a, b, m, l: a ** (m + l) - a**m * a**l,
    lambda a, b, m, l: sp.sqrt(a ** (2 * m)) - sp.Abs(a**m),
    lambda a, b, m, l: (a**2 + 2 * a * b + b**2) ** m - (a + b) ** (2 * m),
    lambda a, b, m, l: sp.cbrt(a) ** 3 - a,
    lambda a, b, m, l: (1 + a**2) ** (b + 1) - (1 + a**2) * (1 + a**2) ** b,
    lambda a, b, m, l: sp.Subs(G(v, s) * v, (v, s), (b, a)) - b * G(b, a),
    lambda a, b, m, l: F(a + 2 * b - b) - F(a + b),
    lambda a, b, m, l: (a**2 - b**2) / (a - b) - a - b,
    lambda a, b, m, l: sp.Piecewise((sp.sin(a) ** 2 - 1, a > b), (-(sp.cos(a) ** 2), True)) + sp.cos(a) ** 2,
    lambda a, b, m, l: F(cases(a, b, a > b)) - cases(F(a), F(b), a > b),
    lambda a, b, m, l: cases(a, b, a > b) * cases(b, a, a > b) - a * b,
    lambda a, b, m, l: cases(a, 0, a > b) + cases(0, b, a > b) - cases(a, b, a > b),
    lambda a, b, m, l: sp.Sum(cases(F(k), G(k, v), k < 2), (k, 1, 3)).subs(v, n) - F(1) - G(2, n) - G(3, n),
    lambda a, b, m, l: sp.Product(k + F(n * k), (k, 1, 2)) - (1 + F(n)) * (2 + F(2 * n)),
)
#: Conditions on a letter that is bound, beside the same letter free; what has no case at all; cases beside a whole.
BOUND: tuple[Callable[..., sp.Expr], ...] = (
    lambda a, b, m, l: sp.Sum(cases(a, b, k < 2), (k, 1, 3)) - cases(3 * a, 3 * b, k < 2),
    lambda a, b, m, l: sp.Sum(cases(F(k), a, k < 2), (k, 1, 3)) - cases(F(k), 3 * a, k < 2),
    lambda a, b, m, l: sp.Product(cases(a, b, n > 1), (n, 1, 2)) - cases(a**2, b**2, n > 1),
    lambda a, b, m, l: sp.Product(cases(a, b, n > 1), (n, 1, 2)) - a * b,
    lambda a, b, m, l: sp.Subs(cases(a, b, v < 1), v, x) - cases(a, b, x < 1),
    lambda a, b, m, l: sp.Subs(cases(F(x), b, x < 1), x, 5) - cases(F(5), b, x < 1),
    lambda a, b, m, l: sp.Subs(cases(x, b, x < 1), x, y) - cases(y, b, y < 1),
    lambda a, b, m, l: sp.Derivative(cases(x * y, y**2, x < 1), y) - cases(x, 2 * y, x < 1),
    lambda a, b, m, l: sp.Derivative(cases(x - 1, 0, sp.Eq(x, 1)), x) - cases(1, 0, sp.Eq(x, 1)),
    lambda a, b, m, l: sp.Piecewise((sp.sin(a) ** 2 + sp.cos(a) ** 2 - 1, sp.sin(b) > 2)),
    lambda a, b, m, l: sp.Piecewise((a - b, sp.cosh(a) < 1), (sp.tan(b) * sp.cos(b) - sp.sin(b), True)),
    lambda a, b, m, l: cases(a, b, a > b) - sp.Max(a, b),
    lambda a, b, m, l: F(cases(a, b, a > b)) - F(a),
    lambda a, b, m, l: sp.Sum(cases(1, 0, k > m), (k, 1, 3)) - cases(3, 0, k > m),
)
#: Zero for some a, b only, or for none; what they are is for the judge to say.
DOUBTFUL: tuple[Callable[..., sp.Expr], ...] = (
    lambda a, b, m, l: sp.sqrt(a**2) - a,
    lambda a, b, m, l: sp.sqrt(a**m) - a ** (sp.S(m) / 2),
    lambda a, b, m, l: sp.sqrt(a ** (2 * m)) - a**m,
    lambda a, b, m, l: (a**m) ** b - a ** (m * b),
    lambda a, b, m, l: sp.log(a**m) - m * sp.log(a),
    lambda a, b, m, l: sp.log(a * b) - sp.log(a) - sp.log(b),
    lambda a, b, m, l: sp.cbrt(a**3) - a,
    lambda a, b, m, l: sp.sqrt(a * b) - sp.sqrt(a) * sp.sqrt(b),
    lambda a, b, m, l: sp.sqrt(a / b) - sp.sqrt(a) / sp.sqrt(b),
    lambda a, b, m, l: sp.Abs(a) - a,
    lambda a, b, m, l: sp.Abs(a) + a,
    lambda a, b, m, l: sp.Abs(a + b) - sp.Abs(a) - sp.Abs(b),
    lambda a, b, m, l: sp.sign(a) ** 2 - 1,
    lambda a, b, m, l: sp.Heaviside(a) + sp.Heaviside(-a) - 1,
    lambda a, b, m, l: sp.Max(a, b) - a,
    lambda a, b, m, l: sp.atan(a) + sp.atan(1 / a) - sp.pi / 2,
    lambda a, b, m, l: sp.asin(sp.sin(a)) - a,
    lambda a, b, m, l: sp.atan(sp.tan(a)) - a,
    lambda a, b, m, l: sp.acos(sp.cos(a)) - a,
    lambda a, b, m, l: sp.acos(sp.cos(a)) - sp.Abs(a),
    lambda a, b, m, l: sp.acot(a) - sp.pi / 2 + sp.atan(a),
    lambda a, b, m, l: sp.atan2(a, b) - sp.atan(a / b),
    lambda a, b, m, l: sp.acosh(a) - sp.log(a + sp.sqrt(a**2 - 1)),
    lambda a, b, m, l: (-1) ** m - 1,
    lambda a, b, m, l: (-1) ** (2 * m) - 1 + (-a) ** m - a**m,
    lambda a, b, m, l: sp.floor(a + m) - sp.floor(a) - m,
    lambda a, b, m, l: sp.floor(a) - a,
    lambda a, b, m, l: G(a, b) - G(b, a),
    lambda a, b, m, l: sp.Subs(G(v, s), (v, s), (b, a)) - G(a, b),
    lambda a, b, m, l: (sp.sin(a) ** 2 + sp.cos(a) ** 2 - 1) / (sp.cosh(b) ** 2 - sp.sinh(b) ** 2 - 1),
    lambda a, b, m, l: sp.log(sp.sin(a) ** 2 + sp.cos(a) ** 2 - 1) * a,
    lambda a, b, m, l: sp.sqrt(sp.sin(a) ** 2 + sp.cos(a) ** 2 - 1),
    lambda a, b, m, l: sp.sqrt(-1 - a**2) - sp.sqrt(-1 - a**2) * (sp.sin(b) ** 2 + sp.cos(b) ** 2),
    lambda a, b, m, l: (a**b) ** 2 - (a**2) ** b,
    lambda a, b, m, l: sp.Piecewise((a, a > 0), (-a, True)) - sp.Abs(a),
    lambda a, b, m, l: sp.Piecewise((a, a > 0), (0, True)) - a,
    lambda a, b, m, l: sp.exp(b * sp.log(a)) - a**b,
    lambda a, b, m, l: sp.exp(m * sp.log(a)) - a**m,
)
#: d/dx of compositions of f and g, beside their chain rules: (left, right) with x.
COMPOSED = (
    (F(2 * x), 2 * sp.Subs(sp.Derivative(F(v), v), v, 2 * x)),
    (F(x**2 + y), 2 * x * sp.Subs(sp.Derivative(F(v), v), v, x**2 + y)),
    (
        G(x, 2 * x),
        sp.Subs(sp.Derivative(G(v, 2 * x), v), v, x) + 2 * sp.Subs(sp.Derivative(G(x, v), v), v, 2 * x),
    ),
    (G(x, x), sp.Subs(sp.Derivative(G(v, x), v) + sp.Derivative(G(x, v), v), v, x)),
    (F(G(x, y)), sp.Subs(sp.Derivative(F(v), v), v, G(x, y)) * sp.Derivative(G(x, y), x)),
    (
        F(x) * G(y, sp.sin(x)),
        sp.Derivative(F(x), x) * G(y, sp.sin(x)) + F(x) * sp.cos(x) * sp.Subs(sp.Derivative(G(y, v), v), v, sp.sin(x)),
    ),
    (sp.Subs(G(v, s), (v, s), (y, x)), sp.Subs(sp.Derivative(G(y, v), v), v, x)),
    (sp.Abs(x) * F(y), sp.sign(x) * F(y)),
    (sp.sqrt(1 + F(x) ** 2), F(x) * sp.Derivative(F(x), x) / sp.sqrt(1 + F(x) ** 2)),
)
WRONG = (
    lambda left, right, r: right * (1 + sp.Rational(1, r.randint(1, 10**9))),
    lambda left, right, r: right + left,
    lambda left, right, r: sp.Add.make_args(sp.expand(right))[0] if right.is_Add else -right,
    lambda left, right, r: right.xreplace({x: y, y: x}),
)


def claim(r: random.Random) -> tuple[sp.Expr, bool | None]:
    """(expression, whether it is 0 where defined: True, False, or None where that is for the judge to say)."""
    kind = r.random()
    if kind < 0.12:
        left, right = r.choice(COMPOSED)
        if r.random() < 0.5:
            return sp.Derivative(left, x) - right, True
        return sp.Derivative(left, x) - r.choice(WRONG)(left, right, r), None
    parts = expression(r, r.randint(0, 2)), expression(r, r.randint(0, 2)), r.choice(WHOLE), r.choice(WHOLE)
    if kind < 0.2:
        return r.choice(BOUND)(*parts), None
    if kind < 0.4:
        return r.choice(DOUBTFUL)(*parts), None
    zero = r.choice(IDENTITIES)(*parts)
    for _ in range(r.randint(0, 2)):
        zero = _put(zero, r)
    if kind < 0.7:
        return zero, True
    error = sp.Rational(1, r.choice((1, 10**3, 10**12, 10**18))) * r.choice((sp.S.One, t, sp.exp(x), 1 + y**2))
    return zero + error, False


def _put(zero: sp.Expr, r: random.Random) -> sp.Expr:
    """The same 0 in a wider context."""
    other = expression(r, r.randint(0, 2))
    whole = expression(r, r.randint(1, 2))
    letter = r.choice(sorted(whole.free_symbols or {t}, key=str))
    return r.choice(
        (
            lambda: zero * other,
            lambda: sp.exp(zero) - 1,
            lambda: whole.subs(letter, letter + zero) - whole if zero.free_symbols else zero,
            lambda: sp.expand(zero * (1 + other)) - zero,
            lambda: sp.sin(zero) + zero,
            lambda: zero / (1 + other**2),
        )
    )()
