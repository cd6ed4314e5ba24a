# ruff: noqa: ARG005 - clocks of one shape, which need not use all they are given
"""Random C¹ schedules over many functions, valid or not by construction.

A clock rises from 0 to 1 with a positive speed inside; β is a clock, and α what falls from it: both for certain.  A
spoiled schedule has a bump that lets r = β/α fall, or an end that is elsewhere; where r falls is looked for in numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import sympy as sp

from symsched.symbols import t

R = sp.Rational
#: Rising from 0 to 1 with a positive speed on (0, 1); `c` is positive.
CLOCKS: tuple[Callable[[Any, Any], Any], ...] = (
    *(lambda s, c: s, lambda s, c: s**c, lambda s, c: s / (c + (1 - c) * s), lambda s, c: sp.sin(sp.pi * s / 2)),
    *(lambda s, c: 1 - (1 - s) ** c, lambda s, c: (sp.exp(c * s) - 1) / (sp.exp(c) - 1)),
    *(lambda s, c: sp.log(1 + c * s) / sp.log(1 + c), lambda s, c: s**2 * (3 - 2 * s), lambda s, c: sp.sqrt(s)),
    *(
        lambda s, c: sp.tanh(c * s) / sp.tanh(c),
        lambda s, c: sp.erf(c * s) / sp.erf(c),
        lambda s, c: 1 - sp.cos(sp.pi * s / 2),
    ),
    *(lambda s, c: sp.atan(c * s) / sp.atan(c), lambda s, c: 2 * sp.asin(s) / sp.pi, lambda s, c: (s + s**3) / 2),
    *(lambda s, c: sp.sinh(c * s) / sp.sinh(c), lambda s, c: 1 / (1 - sp.log(s)), lambda s, c: sp.exp(1 - 1 / s)),
    *(lambda s, c: s * sp.exp(c * (s - 1)), lambda s, c: (sp.sqrt(1 + c * s) - 1) / (sp.sqrt(1 + c) - 1)),
    *(
        lambda s, c: s + sp.sin(2 * sp.pi * s) / 7,
        lambda s, c: sp.tan(sp.pi * s / 4),
        lambda s, c: s * (1 + c * s) / (1 + c),
    ),
    *(
        lambda s, c: s ** (1 + s),
        lambda s, c: sp.LambertW(c * s) / sp.LambertW(c),
        lambda s, c: s**2 / (s**2 + c * (1 - s)),
    ),
)
#: Falling from 1 to 0, of a clock s.
FALLING: tuple[Callable[[Any, Any], Any], ...] = (
    *(
        lambda s, c: 1 - s,
        lambda s, c: sp.sqrt(1 - s**2),
        lambda s, c: (1 - s) ** c,
        lambda s, c: sp.cos(sp.pi * s / 2),
    ),
    *(
        lambda s, c: sp.sqrt(1 - s),
        lambda s, c: 1 - s**c,
        lambda s, c: (1 - s) / (1 + c * s),
        lambda s, c: (1 - s) * sp.exp(-c * s),
    ),
    *(lambda s, c: sp.acos(s) * 2 / sp.pi, lambda s, c: -sp.log(s + (1 - s) / 9) / sp.log(9), lambda s, c: 1 - s**3),
)
SPOILS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: (a, b + t * (1 - t) * sp.sin(9 * t)),
    lambda a, b: (a + t**2 * (1 - t) * 9, b),
    lambda a, b: (a, b * (1 - 3 * t * (1 - t))),
    lambda a, b: (a, b + R(1, 50) * sp.sin(40 * sp.pi * t)),
    lambda a, b: (a * (1 - 5 * t * (1 - t)), b),
    lambda a, b: (b, a),
    lambda a, b: (a, b * R(9, 10)),
    lambda a, b: (a - R(1, 20), b),
    lambda a, b: (a, b - t**2 / 4 + R(1, 4) * t),
    lambda a, b: (a * b, b),
    lambda a, b: (a / t, b),
    lambda a, b: (a, b * sp.exp((t - R(1, 2)) ** 2 - R(1, 4))),
)


def clock(r: random.Random, depth: int = 1) -> sp.Expr:
    c = R(r.choice((1, 2, 3, 5, 7, 20)), r.choice((1, 1, 2, 3)))
    inner = clock(r, depth - 1) if depth and r.random() < 0.4 else t
    found = r.choice(CLOCKS)(inner, c)
    if depth and r.random() < 0.3:
        share = R(r.randint(1, 8), 9)
        found = share * found + (1 - share) * clock(r, 0)
    return found


def schedule(r: random.Random) -> tuple[sp.Expr, sp.Expr, str]:
    """(α, β, kind): "standard", "scaled", "point-mass" or "truncated" for certain, or "spoiled"."""
    c = R(r.randint(1, 9), r.choice((1, 2, 4)))
    beta = clock(r)
    kind = r.choice(("standard", "standard", "scaled", "point-mass", "truncated", "spoiled", "spoiled"))
    if kind == "point-mass":
        q = r.choice((R(1, 2), R(1), R(4, 3), R(8, 5)))
        rate = r.choice((1, 1, r.choice((2, 3))))
        beta = t**rate if q * rate >= 1 else t**2
        return c * sp.sqrt(beta**q - beta**2), beta, kind
    alpha = r.choice(FALLING)(clock(r, 0), c)
    if kind == "scaled":
        return (c + R(1, 7)) * alpha, beta, kind
    if kind == "truncated":
        return alpha + R(1, 10 ** r.choice((1, 3, 6))), beta * r.choice((1, R(3, 2))), kind
    if kind == "spoiled":
        alpha, beta = r.choice(SPOILS)(alpha, beta)
    return alpha, beta, kind
