"""The sign of an expression on the open interval (0, 1), by proof.

Routes, in order of preference; the one that succeeded is named in the result:

1. *refutation*: rigorous balls at a few rational points; two opposite signs settle the matter at once;
2. *domain*: every root, logarithm, quotient … in the expression is shown to be defined on the whole of (0, 1);
3. *structure*: sums of terms of one sign, products, powers, monotone functions of something whose sign is known;
4. *Sturm*: a rational function's roots in (0, 1), counted exactly;
5. *balls*: mean-value enclosures over an adaptive subdivision, and Taylor remainders or leading terms at the ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import sympy as sp

from symsched.enclose import Ball, enclose
from symsched.errors import InputError
from symsched.normalform import decide_zero
from symsched.precision import alone
from symsched.signs.balls import by_balls
from symsched.signs.sign import Sign
from symsched.signs.structure import by_structure
from symsched.signs.sturm import by_sturm
from symsched.symbols import t

PROBES = tuple(sp.Rational(1, 10**k) for k in (9, 6, 4, 2)) + tuple(sp.Rational(k, 16) for k in range(1, 16))
PROBES += tuple(1 - p for p in PROBES[:4])

# What must not vanish, and what must not be negative, for a function of a real argument to be real and smooth.
NONZERO: dict[type, Callable[[sp.Expr], sp.Expr]] = {
    sp.tan: sp.cos,
    sp.sec: sp.cos,
    sp.cot: sp.sin,
    sp.csc: sp.sin,
    sp.coth: lambda a: a,
    sp.csch: lambda a: a,
}
POSITIVE: dict[type, Callable[[sp.Expr], sp.Expr]] = {
    sp.log: lambda a: a,
    sp.asin: lambda a: 1 - a**2,
    sp.acos: lambda a: 1 - a**2,
    sp.atanh: lambda a: 1 - a**2,
    sp.acosh: lambda a: a - 1,
    sp.LambertW: lambda a: a + sp.exp(-1),
}


@lru_cache(maxsize=4096)
@alone
def sign_on_unit(expr: sp.Expr, symbol: sp.Symbol = t, *, balls: bool = True) -> Sign:
    """Prove the sign of `expr` for every `symbol` in (0, 1); `balls` = False leaves out the costly last route.

    Returns a `Sign`; `unknown` when no route settles it (with free parameters only structure is tried).

    Raises:
        InputError: the expression is not real and finite somewhere in (0, 1).
    """
    expr = sp.sympify(expr, strict=True)
    if decide_zero(expr):
        return Sign("zero", "normal form")
    if not expr.free_symbols <= {symbol}:
        return by_structure(expr, symbol)
    refuted = _refute(expr, symbol)
    if refuted is not None:
        return refuted
    if not _defined(expr, symbol):
        return Sign("unknown", "domain")
    for route in (by_structure, by_sturm, by_balls) if balls else (by_structure, by_sturm):
        found = route(expr, symbol)
        if found.decided:
            return found
    return Sign("unknown", "no route decided")


def resolve_abs(expr: sp.Expr) -> sp.Expr:
    """|f| is f or −f when f keeps its sign on (0, 1); SymPy, which knows only t > 0, leaves |t − 1|."""
    signed = {}
    for absolute in expr.atoms(sp.Abs):
        sign = sign_on_unit(absolute.args[0])
        if sign.value in ("positive", "negative"):
            signed[absolute] = absolute.args[0] * (1 if sign.positive else -1)
    return expr.xreplace(signed)


def _refute(expr: sp.Expr, symbol: sp.Symbol) -> Sign | None:
    """Two probes of opposite, rigorous sign."""
    balls = [(probe, _finite(expr, symbol, probe)) for probe in PROBES]
    signs = [(probe, ball, (ball > 0) - (ball < 0)) for probe, ball in balls if ball is not None]
    if not signs:
        raise InputError(f"{_short(expr)} is not a finite real number at {symbol} = {float(PROBES[0]):.6g}")
    negative = [(float(probe), float(ball.mid())) for probe, ball, sign in signs if sign < 0]
    if negative and any(sign > 0 for _, _, sign in signs):
        return Sign("mixed", "balls at two points", min(negative, key=lambda found: abs(found[0] - 0.5)))
    return None


def _finite(expr: sp.Expr, symbol: sp.Symbol, probe: sp.Rational) -> Ball | None:
    """A finite ball; None where none is found: undefined there, or a denominator not told from 0."""
    for bits in (256, 2048, 8192):
        ball = enclose(expr, {symbol: probe}, bits)
        if ball.is_finite():
            return ball
    return None


def _defined(expr: sp.Expr, symbol: sp.Symbol) -> bool:
    """Whether every part is shown to be real and smooth on (0, 1); False when that stays open.

    Raises:
        InputError: a part is shown not to be.
    """
    for part, condition, allowed in _conditions(expr, symbol):
        found = sign_on_unit(condition, symbol)
        if not found.decided:
            return False
        if found.value not in allowed:
            where = f" (see {symbol} = {found.witness[0]:.6g})" if found.witness else ""
            raise InputError(f"{_short(part)} is not smooth and real on all of (0, 1){where}")
    return True


def _conditions(expr: sp.Expr, symbol: sp.Symbol) -> Iterator[tuple[sp.Expr, sp.Expr, tuple[str, ...]]]:
    """(part, condition, signs of the condition for which the part is defined)."""
    for part in sp.postorder_traversal(expr):
        if not part.args or not part.has(symbol):
            continue
        if isinstance(part, sp.Pow) and not isinstance(part, sp.exp) and part.base.has(symbol):
            if not part.exp.is_Integer:
                yield part, part.base, ("positive",)
            elif part.exp.is_negative:
                yield part, part.base, ("positive", "negative")
        elif part.func in NONZERO:
            yield part, NONZERO[part.func](part.args[0]), ("positive", "negative")
        elif part.func in POSITIVE:
            yield part, POSITIVE[part.func](part.args[0]), ("positive",)
            if len(part.args) == 2:  # the lower branch of LambertW lives on (−1/e, 0)
                yield part, part.args[0], ("negative",)


def _short(expr: sp.Expr) -> str:
    text = str(expr)
    return text if len(text) <= 80 else text[:77] + "..."
