"""Random functions on (0, 1) of known sign, and random limits at its ends, known by construction.

What is positive is built from positive things by operations that keep them so, and then written in another way; a
factor with roots that are placed by hand makes it change its sign, or touch 0.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp

from symsched.symbols import t

R = sp.Rational
p, w = sp.Symbol("p", positive=True), sp.Symbol("w", real=True)
DRAWN: dict[sp.Symbol, Callable[[random.Random], Any]] = {
    p: lambda r: mp.mpf(r.randint(1, 4000)) / 1013,
    w: lambda r: mp.mpf(r.randint(-3000, 3000)) / 1009,
}
#: Real and finite on (0, 1), of any sign.
ANY: tuple[Callable[[], Any], ...] = (
    *(lambda: sp.sin(3 * t), lambda: t - R(1, 3), lambda: sp.log(t), lambda: sp.cos(sp.pi * t), lambda: 1 / t),
    *(lambda: sp.log(1 - t), lambda: 2 * t - 1, lambda: sp.atan(5 * t - 2), lambda: t**3 - t, lambda: sp.sin(1 / t)),
    *(lambda: sp.erf(4 * t - 1), lambda: 1 / (t - 1), lambda: sp.tan(t), lambda: sp.sqrt(t) - R(1, 2)),
)
SEEDS: tuple[Callable[[], Any], ...] = (
    *(lambda: t, lambda: 1 - t, lambda: sp.Integer(1), lambda: sp.sqrt(t), lambda: t * (1 - t), lambda: sp.pi),
    *(lambda: sp.exp(-1 / t), lambda: -sp.log(t), lambda: sp.sin(sp.pi * t), lambda: R(1, 10**6), lambda: 1 - t**2),
    *(lambda: sp.cos(sp.pi * t / 2), lambda: sp.acos(t), lambda: sp.asin(t), lambda: (1 - t) ** R(3, 2)),
)


def positive(r: random.Random, size: int, letters: bool = False) -> sp.Expr:
    """Positive on (0, 1), for all values of its letters."""
    if size == 0:
        if letters and r.random() < 0.4:
            return r.choice((p, p * t, t**p, sp.exp(w * t), w**2 + t, 1 - t ** (1 + p), p + 1 - t))
        return r.choice(SEEDS)()
    f = positive(r, size - 1, letters)
    g = positive(r, 0, letters) if r.random() < 0.6 else positive(r, max(size - 2, 0), letters)
    h = r.choice(ANY)()
    return r.choice(
        (
            *(lambda: f + g, lambda: f * g, lambda: f / g, lambda: f ** r.choice((2, R(1, 2), R(2, 3), -1, 3))),
            *(lambda: f + h**2, lambda: f + sp.Abs(h), lambda: f * sp.exp(h), lambda: sp.log(1 + f)),
            *(
                lambda: sp.sinh(f),
                lambda: sp.atan(f),
                lambda: sp.tanh(f),
                lambda: 1 - sp.exp(-f),
                lambda: sp.exp(f) - 1,
            ),
            *(lambda: sp.erf(f), lambda: sp.erfc(h), lambda: sp.cosh(f) - 1, lambda: f - sp.log(1 + f)),
            *(lambda: f - sp.atan(f), lambda: sp.sqrt(1 + h**2) - h, lambda: sp.Max(f, h), lambda: sp.Min(f, g)),
            *(lambda: f * (2 + sp.sin(h)), lambda: f - sp.tanh(f), lambda: sp.gamma(1 + f), lambda: sp.besseli(0, f)),
            *(lambda: sp.asinh(f), lambda: f**g, lambda: sp.exp(f) - 1 - f, lambda: sp.LambertW(f)),
            *(lambda: 1 - 1 / sp.sqrt(1 + f), lambda: sp.sqrt(1 + f) - 1, lambda: 1 / f + f - R(199, 100)),
            *(lambda: sp.acosh(1 + f), lambda: sp.expm1(f) if hasattr(sp, "expm1") else f, lambda: sp.acot(f)),
        )
    )()


def _place(r: random.Random) -> sp.Rational:
    near = R(1, 10 ** r.choice((2, 5, 12)))
    return r.choice((R(r.randint(1, 60), 61), R(r.randint(1, 999999), 10**6), near, 1 - near))


def rewritten(expr: sp.Expr, r: random.Random) -> sp.Expr:
    """The same function."""
    other = r.choice((1 + t, sp.exp(t), 2 - t))
    return r.choice(
        (
            lambda: expr,
            lambda: sp.expand(expr),
            lambda: sp.together(expr),
            lambda: sp.expand(expr * other) / other,
            lambda: sp.Add(sp.expand(expr + other), -other, evaluate=False),
            lambda: sp.expand(expr * (1 + t)) - t * expr,
        )
    )()


def sign_claim(r: random.Random) -> tuple[sp.Expr, str]:
    """(expression, its sign): "positive", "touching" (0 inside, else positive), "mixed", "zero", "jump" (mixed, over
    a jump), "hole" (not finite or not real somewhere), and the same of the negative with "-" before it."""
    kind, letters = r.random(), r.random() < 0.25
    f = positive(r, r.randint(0, 3), letters)
    place = _place(r)
    if kind < 0.4:
        found, truth = f, "positive"
    elif kind < 0.5:
        found, truth = f * (t - place) ** r.choice((2, 4)), "touching"
    elif kind < 0.62:
        gap = R(1, 10 ** r.choice((1, 3, 6, 9)))
        root = r.choice((t - place, (t - place) * (t - place * (1 - gap)), (t - place) ** 2 - (place * gap) ** 2))
        found, truth = f * root, "mixed"
    elif kind < 0.7:
        gap = R(1, 10 ** r.choice((1, 3, 6, 12)))
        found, truth = f * ((t - place) ** 2 + gap), "positive"
    elif kind < 0.76:
        found, truth = sp.expand(f * (1 + t)) - f - t * f, "zero"
    elif kind < 0.86:
        step = r.choice((sp.acot(t - place) + 1, sp.sign(t - place) + R(1, 2), sp.atan2(t - place, -1) + 1))
        found, truth = r.choice((f * step, step / f)), "jump"
    else:
        middle = R(r.randint(5, 55), 61)
        hole = r.choice((sp.log(t - middle) ** 2, sp.sqrt(t - middle), 1 / (t - middle) ** 2, sp.asin(t / middle) ** 2))
        found, truth = f + hole, "hole"
    found = rewritten(found, r)
    return (-found, "-" + truth) if r.random() < 0.3 else (found, truth)


def limit_claim(r: random.Random) -> tuple[sp.Expr, Any, int]:
    """(expression, its limit or None where there is none, at 0 or 1)."""
    expr, limit = _near(r, r.randint(0, 3))
    end = r.choice((0, 1))
    return (expr if end == 0 else expr.subs(t, 1 - t, simultaneous=True)), limit, end


def _known(r: random.Random) -> tuple[sp.Expr, Any]:
    c = r.choice((R(r.randint(1, 9), r.randint(1, 5)), sp.sqrt(2), sp.Integer(1), p))
    u = r.choice((t, t, t, sp.sqrt(t), t**2, t / (1 + t), sp.sin(t), t ** R(2, 3)))
    return r.choice(
        (
            *(lambda: (u, 0), lambda: ((sp.exp(c * u) - 1) / u, c), lambda: (sp.sin(c * u) / u, c)),
            *(lambda: ((1 - sp.cos(c * u)) / u**2, c**2 / 2), lambda: (u * sp.log(u), 0), lambda: (c, c)),
            *(lambda: ((1 + c * u) ** (1 / u), sp.exp(c)), lambda: (sp.exp(-1 / u) / u**3, 0)),
            *(lambda: (sp.atan(c / u), sp.pi / 2), lambda: (sp.tanh(c / u), 1), lambda: (sp.log(1 + c * u) / u, c)),
            *(lambda: (((1 + u) ** c - 1) / u, c), lambda: ((sp.sqrt(c + u) - sp.sqrt(c)) / u, 1 / (2 * sp.sqrt(c)))),
            *(lambda: (1 / sp.log(u), 0), lambda: (u * sp.sin(1 / u), 0), lambda: (sp.besselj(1, c * u) / u, c / 2)),
            *(lambda: (sp.erf(c * u) / u, 2 * c / sp.sqrt(sp.pi)), lambda: (u * sp.gamma(u), 1), lambda: (u**u, 1)),
            *(lambda: ((u - sp.sin(u)) / u**3, R(1, 6)), lambda: ((sp.tan(u) - u) / u**3, R(1, 3))),
            *(lambda: (sp.LambertW(u) / u, 1), lambda: (sp.asin(u) / u, 1), lambda: (sp.acos(u), sp.pi / 2)),
            *(lambda: (sp.acos(1 - u) / sp.sqrt(u), sp.sqrt(2)), lambda: (sp.acosh(1 + u) / sp.sqrt(u), sp.sqrt(2))),
            *(lambda: (sp.log(sp.sinh(c / u)) - c / u, -sp.log(2)), lambda: (sp.log(u + u**2) - sp.log(u), 0)),
            *(lambda: (sp.sqrt(1 / u**2 + c / u) - 1 / u, c / 2), lambda: (sp.Abs(u - c), c)),
            *(lambda: (sp.log(u) / sp.log(c * u), 1), lambda: (sp.erfc(1 / u) / u**4, 0), lambda: (u**c, 0)),
            *(lambda: (sp.coth(u) - 1 / u, 0), lambda: (1 / u**2 - 1 / sp.sin(u) ** 2, -R(1, 3))),
        )
    )()


def _near(r: random.Random, size: int) -> tuple[sp.Expr, Any]:
    if size == 0:
        return _known(r)
    (f, a), (g, b) = _near(r, size - 1), _known(r)
    a, b = (None if a is None else sp.sympify(a)), sp.sympify(b)
    if a is None or a.is_infinite:
        return f, a
    return r.choice(
        (
            *(lambda: (f + g, a + b), lambda: (f * g, a * b), lambda: (f - g, a - b), lambda: (sp.exp(f), sp.exp(a))),
            *(
                lambda: (f / (g + 2 + b**2), a / (b + 2 + b**2)),
                lambda: (sp.atan(f), sp.atan(a)),
                lambda: (sp.cos(f), sp.cos(a)),
            ),
            *(lambda: (sp.sqrt(1 + f**2), sp.sqrt(1 + a**2)), lambda: (sp.log(1 + f**2), sp.log(1 + a**2))),
            *(lambda: (f - a + b * g, b**2), lambda: (sp.expand(f * g), a * b), lambda: (sp.together(f + g), a + b)),
            *(lambda: (sp.sin(1 / t) + f, None), lambda: (sp.cos(sp.log(t)) * (1 + f**2), None)),
            *(lambda: (f + 1 / t, sp.oo), lambda: (f + sp.log(t), -sp.oo), lambda: ((1 + f**2) / sp.sqrt(t), sp.oo)),
            *(lambda: (sp.Max(f, a + 1), a + 1), lambda: (sp.erf(f), sp.erf(a)), lambda: (sp.Abs(f), sp.Abs(a))),
        )
    )()
